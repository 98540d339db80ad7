// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// A log whose beginning was pruned: the tiles hold the leaves of what is gone, and a signed retention.prune record
// declares it with its root.

type prune struct {
	seq    int64
	size   int64 // records up to the last one that it declares
	digest string
}

var (
	pruneRecord     = regexp.MustCompile(`"mono_us":\d+,"kind":"retention\.prune"`)
	recoveredRecord = regexp.MustCompile(`"mono_us":\d+,"kind":"log\.recovered"`)
	baseEpoch       = regexp.MustCompile(`(?m)^epoch (\d+)$`)
)

// readBase takes the leaves of what is gone from the tiles; how many epochs it opened stands in pruned/.
func (v *verifier) readBase(first string) error {
	size, err := strconv.ParseInt(strings.TrimSuffix(first, ".jsonl"), 10, 64)
	if err != nil || first != fmt.Sprintf("%016d.jsonl", size) {
		return find(altered, "seg/%s is no segment", first)
	}
	for at := int64(0); at < size; at += 1 << tileHeight {
		width := size - at
		if width > 1<<tileHeight {
			width = 1 << tileHeight
		}
		content, err := v.readTile(tlog.Tile{H: tileHeight, L: 0, N: at >> tileHeight, W: int(width)})
		if err != nil {
			return err
		}
		for i := int64(0); i < width; i++ {
			var leaf tlog.Hash
			copy(leaf[:], content[i*tlog.HashSize:])
			v.leaves = append(v.leaves, leaf)
		}
	}
	if size == 0 {
		return nil
	}
	v.base = size
	content, err := os.ReadFile(filepath.Join(v.directory, "pruned", fmt.Sprintf("%016d.base", size)))
	if err != nil {
		return find(incomplete, "%d records are missing: %v", size, err)
	}
	match := baseEpoch.FindSubmatch(content)
	if match == nil {
		return find(altered, "pruned/%016d.base tells no epoch", size)
	}
	for count, _ := strconv.Atoi(string(match[1])); count > 0 && len(v.opens) < len(v.keys); count-- {
		v.opens = append(v.opens, -1)
	}
	return nil
}

func (v *verifier) addPrune(line []byte) error {
	var record struct {
		Unmapped struct {
			Rg struct {
				Last     int64  `json:"last_seq"`
				Digest   string `json:"digest"`
				Operator string `json:"operator"`
			} `json:"rg"`
		} `json:"unmapped"`
	}
	seq := int64(len(v.leaves))
	err := json.Unmarshal(line, &record)
	rg := record.Unmapped.Rg
	if err != nil || rg.Operator == "" || rg.Last < 0 || rg.Last >= seq {
		return find(altered, "record %d declares a prune that cannot be", seq)
	}
	v.prunes = append(v.prunes, prune{seq, rg.Last + 1, rg.Digest})
	return nil
}

// dropVoid: a start says which prunes it found that nothing had signed; they count for nothing.
func (v *verifier) dropVoid(line []byte) {
	var record struct {
		Unmapped struct {
			Rg struct {
				Cut  *int64 `json:"recovered_bytes"`
				From int64  `json:"recovered_from"`
			} `json:"rg"`
		} `json:"unmapped"`
	}
	rg := &record.Unmapped.Rg
	if err := json.Unmarshal(line, &record); err != nil || rg.Cut == nil || *rg.Cut != 0 {
		return
	}
	for len(v.prunes) > 0 && v.prunes[len(v.prunes)-1].seq >= rg.From {
		v.prunes = v.prunes[:len(v.prunes)-1]
	}
}

// checkPrunes: what is missing was declared by a record that is signed; every prune names the root of its records.
func (v *verifier) checkPrunes() error {
	newest := v.trees[len(v.trees)-1]
	isDeclared := v.base == 0
	for _, prune := range v.prunes {
		if prune.size > newest.N {
			continue // proven by nothing yet
		}
		root, err := tlog.TreeHash(prune.size, tlog.TileHashReader(newest, v))
		if err != nil {
			return tilesFinding(err, prune.size)
		}
		if hex.EncodeToString(root[:]) != prune.digest {
			return find(altered, "record %d declares another root than its %d records have", prune.seq, prune.size)
		}
		isDeclared = isDeclared || (prune.size == v.base && prune.seq < newest.N)
	}
	if !isDeclared {
		return find(incomplete, "%d records are missing, and no signed record declares that they were pruned", v.base)
	}
	return nil
}
