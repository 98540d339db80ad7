// SPDX-License-Identifier: Apache-2.0

// Command verify checks a rowgate audit log with the Go project's own code for transparency logs: signed notes are
// opened by golang.org/x/mod/sumdb/note, the tree is read from our tiles and checked by golang.org/x/mod/sumdb/tlog.
// Nothing here computes a tree or a signature itself. Only the chain of "prev" and the form of names are ours.
//
// usage: verify [--root VKEY] DIR
//
//	verify --root VKEY [--keys LIST] FILE (a tenant's trail or the proof of a record: trail.go)
//
// exit status: 0 intact, 1 altered, 2 truncated or rolled back, 4 evidence is missing, 6 usage or I/O
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	altered    = 1
	truncated  = 2
	incomplete = 4
	usage      = 6
	tileHeight = 8
)

type finding struct {
	status int
	text   string
}

func (f finding) Error() string { return f.text }

func find(status int, format string, arguments ...any) error {
	return finding{status, fmt.Sprintf(format, arguments...)}
}

type verifier struct {
	directory string
	origin    string
	root      note.Verifier
	keys      []note.Verifier // by epoch
	genesis   [sha256.Size]byte
	leaves    []tlog.Hash
	opens     []int64 // records that open an epoch; -1: one that was pruned
	base      int64   // records that were pruned
	prunes    []prune
	trees     []tlog.Tree
	tiles     map[tlog.Tile][]byte // read once, each reader of each tree checks them again
}

// loadKeys opens the lists in the directory.
func (v *verifier) loadKeys() error {
	paths, _ := filepath.Glob(filepath.Join(v.directory, "keys", "list-*.note"))
	sort.Strings(paths)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := v.addList(path, content); err != nil {
			return err
		}
	}
	if len(paths) == 0 {
		return find(incomplete, "there is no list of keys")
	}
	return nil
}

// addList opens a list with the root's key and makes a verifier for each of its epochs. The first one gives the start
// value of the log.
func (v *verifier) addList(path string, content []byte) error {
	opened, err := note.Open(content, note.VerifierList(v.root))
	if err != nil {
		return find(altered, "%s: %v", path, err)
	}
	lines := strings.Split(strings.TrimSuffix(opened.Text, "\n"), "\n")
	var first, count, seconds int
	if len(lines) > 3 {
		fmt.Sscanf(lines[2], "%d %d %d", &first, &count, &seconds)
	}
	isFirst := v.keys == nil
	if len(lines) < 4 || lines[0] != "rowgate/audit/keys/v1" || lines[1] != v.origin || count != len(lines)-3 || first < 0 || first > len(v.keys) ||
		(first == 0) != isFirst {
		return find(altered, "%s is not a list of this log's keys, or does not follow the one before", path)
	}
	v.keys = v.keys[:first]
	var hashes []tlog.Hash // of the first list, stored as tlog wants them
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, hashes[index])
		}
		return found, nil
	})
	for n, line := range lines[3:] {
		public, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return find(altered, "%s: key %d is malformed", path, n)
		}
		vkey, err := note.NewEd25519VerifierKey(v.origin, ed25519.PublicKey(public))
		if err != nil {
			return find(altered, "%s: key %d: %v", path, n, err)
		}
		key, err := note.NewVerifier(vkey)
		if err != nil {
			return find(altered, "%s: key %d: %v", path, n, err)
		}
		v.keys = append(v.keys, key)
		stored, err := tlog.StoredHashes(int64(n), public, reader)
		if err != nil {
			return err
		}
		hashes = append(hashes, stored...)
	}
	if isFirst {
		listRoot, err := tlog.TreeHash(int64(count), reader)
		if err != nil {
			return err
		}
		v.genesis = sha256.Sum256([]byte("rowgate/audit/v1\n" + v.origin + "\n" + string(listRoot[:])))
	}
	return nil
}

var (
	head      = regexp.MustCompile(`^\{"unmapped":\{"rg":\{"seq":"(\d{16})","prev":"([\w-]{43})",`)
	epochOpen = regexp.MustCompile(`^(?:"tenant":"(?:[^"\\]|\\.)+","tseq":"\d{16}","tprev":"[\w-]{43}",)?"hlc":\d+,"boot":"[0-9a-f]{32}","mono_us":\d+,"kind":"epoch\.open"`)
)

// readRecords goes over the segments: names, the chain, the leaf hash of each record.
func (v *verifier) readRecords() error {
	paths, _ := filepath.Glob(filepath.Join(v.directory, "seg", "*.jsonl"))
	sort.Strings(paths)
	prev := tlog.Hash(v.genesis)
	if len(paths) > 0 {
		if err := v.readBase(filepath.Base(paths[0])); err != nil {
			return err
		}
	}
	if v.base > 0 {
		prev = v.leaves[v.base-1]
	}
	for i, path := range paths {
		wanted := fmt.Sprintf("%016d.jsonl", len(v.leaves))
		if name := filepath.Base(path); name > wanted {
			return find(incomplete, "%s: expected %s", path, wanted)
		} else if name < wanted {
			return find(altered, "%s: expected %s", path, wanted)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		isNewest := i == len(paths)-1
		if isNewest {
			content = bytes.TrimRight(content, "\x00")
		}
		for len(content) > 0 {
			line, rest, isWhole := bytes.Cut(content, []byte("\n"))
			if !isWhole && isNewest {
				return find(truncated, "%s ends inside record %d", path, len(v.leaves))
			}
			match := head.FindSubmatch(line)
			if !isWhole || match == nil || string(match[1]) != fmt.Sprintf("%016d", len(v.leaves)) ||
				string(match[2]) != base64.RawURLEncoding.EncodeToString(prev[:]) {
				return find(altered, "%s: record %d does not follow the one before it, or that one was changed", path, len(v.leaves))
			}
			if epochOpen.Match(line[len(match[0]):]) {
				v.opens = append(v.opens, int64(len(v.leaves)))
			}
			if pruneRecord.Match(line) {
				if err := v.addPrune(line); err != nil {
					return err
				}
			}
			if recoveredRecord.Match(line) {
				v.dropVoid(line)
			}
			prev = tlog.RecordHash(line)
			v.leaves = append(v.leaves, prev)
			content = rest
		}
	}
	return nil
}

// openCheckpoint opens the note with the key of its epoch.
func (v *verifier) openCheckpoint(path string) (tree tlog.Tree, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return tree, err
	}
	var size int64 = -1
	if lines := strings.SplitN(string(content), "\n", 3); len(lines) == 3 {
		fmt.Sscanf(lines[1], "%d", &size)
	}
	epoch := sort.Search(len(v.opens), func(i int) bool { return v.opens[i] > size-2 })
	if size < 0 || epoch >= len(v.keys) {
		return tree, find(altered, "%s is not a checkpoint of an epoch that has a key", path)
	}
	keys := v.keys[epoch : epoch+1]
	if size > int64(len(v.leaves)) { // how many epochs the missing records opened is not known
		keys = v.keys[epoch:]
	}
	if size <= v.base { // of which epoch a record was is gone with it
		keys = v.keys[:epoch+1]
	}
	opened, err := note.Open(content, note.VerifierList(keys...))
	if err != nil {
		return tree, find(altered, "%s: %v", path, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != v.origin || lines[1] != fmt.Sprint(size) || lines[3] != "" {
		return tree, find(altered, "%s is not a checkpoint of this log", path)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return tree, find(altered, "%s: malformed root", path)
	}
	if filepath.Base(filepath.Dir(path)) == "ckpt" && filepath.Base(path) != fmt.Sprintf("%016d.note", size) {
		return tree, find(altered, "%s holds the checkpoint of %d records", path, size)
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

func (v *verifier) readCheckpoints() error {
	paths, _ := filepath.Glob(filepath.Join(v.directory, "ckpt", "*.note"))
	if path := filepath.Join(v.directory, "head.note"); exists(path) {
		paths = append(paths, path)
	}
	for _, path := range paths {
		tree, err := v.openCheckpoint(path)
		if err != nil {
			return err
		}
		v.trees = append(v.trees, tree)
	}
	if len(v.trees) == 0 {
		return find(incomplete, "nothing is signed: there is no checkpoint")
	}
	sort.Slice(v.trees, func(i, j int) bool { return v.trees[i].N < v.trees[j].N })
	newest := v.trees[len(v.trees)-1].N
	if newest > int64(len(v.leaves)) {
		return find(truncated, "%d records were signed, %d are there", newest, len(v.leaves))
	}
	for _, seq := range v.opens {
		at := sort.Search(len(v.trees), func(i int) bool { return v.trees[i].N >= seq+1 })
		if seq >= 0 && seq+1 < newest && v.trees[at].N != seq+1 {
			return find(incomplete, "the last checkpoint of an epoch, of %d records, is missing", seq+1)
		}
	}
	return nil
}

// Height, ReadTiles and SaveTiles make the tile/ directory a tlog.TileReader. tlog names a tile tile/8/L/N, C2SP
// tlog-tiles tile/L/N. A partial tile may be served from a wider one.
func (v *verifier) Height() int                         { return tileHeight }
func (v *verifier) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (v *verifier) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range tiles {
		if v.tiles[tile] == nil {
			content, err := v.readTile(tile)
			if err != nil {
				return nil, err
			}
			v.tiles[tile] = content
		}
		data = append(data, v.tiles[tile])
	}
	return data, nil
}

func (v *verifier) readTile(tile tlog.Tile) ([]byte, error) {
	for wider := tile; wider.W <= 1<<tileHeight; wider.W++ {
		path := filepath.Join(v.directory, "tile", strings.TrimPrefix(wider.Path(), fmt.Sprintf("tile/%d/", tileHeight)))
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(content) != wider.W*tlog.HashSize {
			return nil, find(altered, "%s has %d bytes", path, len(content))
		}
		return content[:tile.W*tlog.HashSize], nil
	}
	return nil, find(incomplete, "tile %s is missing", tile.Path())
}

// checkTrees: each checkpoint's tree goes on from the one before, the newest holds every record, and the tree rebuilt
// from the tiles is the one that was signed.
func (v *verifier) checkTrees() error {
	newest := v.trees[len(v.trees)-1]
	reader := tlog.TileHashReader(newest, v)
	for i, tree := range v.trees {
		if tree.N == 0 {
			continue
		}
		root, err := tlog.TreeHash(tree.N, tlog.TileHashReader(tree, v)) // from the tiles as of then
		if err != nil {
			return tilesFinding(err, tree.N)
		}
		if root != tree.Hash {
			return find(altered, "the tiles of %d records do not give the signed root", tree.N)
		}
		if i == 0 || v.trees[i-1].N == 0 {
			continue
		}
		old := v.trees[i-1]
		proof, err := tlog.ProveTree(tree.N, old.N, tlog.TileHashReader(tree, v))
		if err != nil {
			return tilesFinding(err, tree.N)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return find(altered, "the tree of %d records does not go on from that of %d: %v", tree.N, old.N, err)
		}
	}
	for n := int64(0); n < newest.N; n++ {
		proof, err := tlog.ProveRecord(newest.N, n, reader)
		if err != nil {
			return tilesFinding(err, newest.N)
		}
		if err := tlog.CheckRecord(proof, newest.N, newest.Hash, n, v.leaves[n]); err != nil {
			return find(altered, "record %d is not the one that was signed: %v", n, err)
		}
	}
	return nil
}

func tilesFinding(err error, size int64) error {
	var known finding
	if errors.As(err, &known) {
		return known
	}
	return find(altered, "tiles of %d records: %v", size, err)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func run(directory, vkey string) error {
	origin, err := os.ReadFile(filepath.Join(directory, "origin"))
	if err != nil {
		return err
	}
	if vkey == "" {
		content, err := os.ReadFile(filepath.Join(directory, "keys", "root.vkey"))
		if err != nil {
			return err
		}
		vkey = string(content)
	}
	root, err := note.NewVerifier(strings.TrimSuffix(vkey, "\n"))
	if err != nil {
		return find(usage, "root key: %v", err)
	}
	v := &verifier{directory: directory, origin: strings.TrimSuffix(string(origin), "\n"), root: root, tiles: map[tlog.Tile][]byte{}}
	for _, step := range []func() error{v.loadKeys, v.readRecords, v.readCheckpoints, v.checkTrees, v.checkPrunes} {
		if err := step(); err != nil {
			return err
		}
	}
	newest := v.trees[len(v.trees)-1].N
	fmt.Printf("intact: %d records, %d epochs, %d checkpoints; signed up to record %d, the %d behind it are only chained\n",
		len(v.leaves), len(v.opens)+1, len(v.trees), newest-1, int64(len(v.leaves))-newest)
	return nil
}

func main() {
	vkey := flag.String("root", "", "the root key's vkey line; without it the log's own copy is believed")
	list := flag.String("keys", "", "for a proof: the list of keys, when the file holds none")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: verify [--root VKEY] DIR | verify --root VKEY [--keys LIST] FILE")
		os.Exit(usage)
	}
	check := func() error { return run(flag.Arg(0), *vkey) }
	if info, err := os.Stat(flag.Arg(0)); err == nil && info.Mode().IsRegular() {
		check = func() error { return runFile(flag.Arg(0), *vkey, *list) }
	}
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		var known finding
		if errors.As(err, &known) {
			os.Exit(known.status)
		}
		os.Exit(usage)
	}
}
