// SPDX-License-Identifier: Apache-2.0

// Tenants' trails and proofs of records (docs/audit-trail.md). As in main.go all notes are opened by sumdb/note and all
// proofs checked by tlog.CheckRecord; the chain of "tprev" and the order of the parts are ours.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	trailVersion = "rowgate/audit/trail/v1"
	proofVersion = "rowgate/audit/proof/v1"
)

var (
	record = regexp.MustCompile(`^\{"unmapped":\{"rg":\{"seq":"(\d{16})","prev":"([\w-]{43})",` +
		`(?:"tenant":"((?:[^"\\]|\\.)+)","tseq":"(\d{16})","tprev":"([\w-]{43})",)?` +
		`"hlc":(0|[1-9]\d{0,17}),"boot":"[0-9a-f]{32}","mono_us":(?:0|[1-9]\d{0,17}),"kind":"([a-z.]+)"[ -\x7f]*$`)
	printable = regexp.MustCompile(`^tenant [ -~]+$`)
	part      = regexp.MustCompile(`,"part":"(\d{1,16})/(\d{1,16})`)
)

type trail struct {
	v       *verifier
	lines   [][]byte
	at      int
	tree    tlog.Tree
	tenant  string
	salt    tlog.Hash
	id      [sha256.Size]byte
	isTorn  bool  // the last line has no end
	problem error // the first one; everything after it reads zeros
}

func (t *trail) fail(status int, format string, arguments ...any) {
	if t.problem == nil {
		t.problem = find(status, "line %d: %s", t.at, fmt.Sprintf(format, arguments...))
	}
}

func (t *trail) next() string {
	if t.problem != nil || t.at >= len(t.lines) {
		t.fail(truncated, "the file ends here, and more must follow")
		return ""
	}
	t.at++
	line := t.lines[t.at-1]
	if len(line) > 61440 || bytes.HasPrefix(line, []byte{0}) {
		t.fail(altered, "no line of a trail or proof")
	}
	return string(line)
}

func (t *trail) peek(word string) bool {
	return t.problem == nil && t.at < len(t.lines) && bytes.HasPrefix(t.lines[t.at], []byte(word+" "))
}

// numbers behind the word, without sign or leading zero.
func (t *trail) numbers(line, word string, count int) []int64 {
	fields := strings.Split(line, " ")
	values := make([]int64, count)
	if fields[0] != word || len(fields) != count+1 {
		t.fail(altered, "expected %s and %d numbers", word, count)
		return values
	}
	for i := range values {
		value, err := strconv.ParseInt(fields[i+1], 10, 64)
		if err != nil || len(fields[i+1]) > 16 || strconv.FormatInt(value, 10) != fields[i+1] || value < 0 {
			t.fail(altered, "expected %s and %d numbers", word, count)
			return make([]int64, count)
		}
		values[i] = value
	}
	return values
}

func (t *trail) hash(text string) tlog.Hash {
	hash, err := tlog.ParseHash(text)
	if err != nil || hash.String() != text {
		t.fail(altered, "not the base64 of a hash")
	}
	return hash
}

func (t *trail) path(count int64) (proof tlog.RecordProof) {
	if count > 64 {
		t.fail(altered, "a proof of more than 64 hashes")
	}
	for i := int64(0); i < count && t.problem == nil; i++ {
		proof = append(proof, t.hash(t.next()))
	}
	return proof
}

func (t *trail) note(count int64) []byte {
	var text strings.Builder
	for i := int64(0); i < count && t.problem == nil; i++ {
		text.WriteString(t.next() + "\n")
	}
	return []byte(text.String())
}

func (t *trail) record(line string) (head []string) {
	head = record.FindStringSubmatch(line)
	if head == nil {
		t.fail(altered, "not a record as rowgate writes it")
		head = make([]string, 8)
	}
	return head
}

func (t *trail) prove(seq, hashes int64, line string) {
	if proof := t.path(hashes); t.problem == nil {
		if err := tlog.CheckRecord(proof, t.tree.N, t.tree.Hash, seq, tlog.RecordHash([]byte(line))); err != nil {
			t.fail(altered, "record %d: %v", seq, err)
		}
	}
}

// lists opens the lists of keys in the file, or the one that was brought.
func (t *trail) lists(brought string) {
	count := 0
	for ; t.peek("list"); count++ {
		content := t.note(t.numbers(t.next(), "list", 1)[0])
		if lines := strings.SplitN(string(content), "\n", 3); count == 0 && len(lines) > 1 && brought == "" {
			t.v.origin = lines[1]
		}
		if t.problem == nil && brought == "" {
			t.problem = t.v.addList("list", content)
		}
	}
	if t.at >= len(t.lines) {
		t.fail(truncated, "the file ends here, and more must follow")
	} else if brought != "" && t.problem == nil {
		content, err := os.ReadFile(brought)
		if lines := strings.SplitN(string(content), "\n", 3); err == nil && len(lines) > 1 {
			t.v.origin = lines[1]
			err = t.v.addList(brought, content)
		}
		t.problem = err
	} else if count == 0 {
		t.fail(incomplete, "the file holds no list of keys, and none was brought (--keys)")
	}
}

// checkpoint opens the note with the key of an epoch; -1: with any.
func (t *trail) checkpoint(content []byte, epoch int64) {
	keys := t.v.keys
	if epoch >= 0 && epoch < int64(len(keys)) {
		keys = keys[epoch : epoch+1]
	} else if epoch >= 0 {
		keys = nil
	}
	opened, err := note.Open(content, note.VerifierList(keys...))
	if err != nil {
		t.fail(altered, "the checkpoint: %v", err)
		return
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != t.v.origin || lines[3] != "" {
		t.fail(altered, "no checkpoint of this log")
		return
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size <= 0 || strconv.FormatInt(size, 10) != lines[1] {
		t.fail(altered, "a checkpoint of no number of records")
		return
	}
	t.tree = tlog.Tree{N: size, Hash: t.hash(lines[2])}
}

type state struct {
	Epoch     int64  `json:"epoch"`
	Records   int64  `json:"records"`
	Tenants   int64  `json:"tenants"`
	HeadsRoot string `json:"heads_root"`
	seq       int64
	hlc       int64
	root      tlog.Hash
}

func number(text string) int64 {
	value, _ := strconv.ParseInt(text, 10, 64) // digits, by the expressions above
	return value
}

func (t *trail) state(line string) (found state) {
	var content struct {
		Unmapped struct {
			Rg state `json:"rg"`
		} `json:"unmapped"`
	}
	head := t.record(line)
	err := json.Unmarshal([]byte(line), &content)
	found = content.Unmapped.Rg
	root, hexErr := hex.DecodeString(found.HeadsRoot)
	if err != nil || hexErr != nil || head[7] != "log.checkpoint" || head[3] != "" || found.Records != number(head[1]) || len(root) != tlog.HashSize {
		t.fail(altered, "no log.checkpoint record")
		return found
	}
	copy(found.root[:], root)
	found.seq, found.hlc = number(head[1]), number(head[6])
	return found
}

type mark struct {
	state
	count int64
	head  tlog.Hash
}

// mark reads begin or end: a log.checkpoint record, its proof, and the tenant's head in it.
func (t *trail) mark(word string) (found mark) {
	counts := t.numbers(t.next(), word, 2)
	line := t.next()
	found.state = t.state(line)
	t.prove(found.seq, counts[0], line)
	line = t.next()
	space := strings.LastIndexByte(line, ' ')
	if space < 0 {
		t.fail(altered, "expected head")
		return found
	}
	place := t.numbers(line[:space], "head", 2)
	found.count, found.head = place[1], t.hash(line[space+1:])
	leaf := tlog.RecordHash([]byte(string(t.id[:]) + fmt.Sprintf("%016d", found.count) + string(found.head[:])))
	if proof := t.path(counts[1]); t.problem == nil {
		if err := tlog.CheckRecord(proof, found.Tenants, found.root, place[0], leaf); err != nil || found.count == 0 {
			t.fail(altered, "the head is not that of this tenant: %v", err)
		}
	}
	return found
}

func (t *trail) checkTrail(brought string) string {
	origin, tenant, salt := t.next(), t.next(), t.next()
	if t.problem == nil && !strings.HasPrefix(salt, "salt ") {
		t.fail(altered, "expected salt")
	}
	t.salt = t.hash(strings.TrimPrefix(salt, "salt "))
	t.lists(brought)
	if !printable.MatchString(tenant) || len(tenant) > len("tenant ")+1024 || origin != "origin "+t.v.origin {
		t.fail(altered, "the origin is not that of the keys, or no tenant is named")
		return ""
	}
	t.tenant = tenant[len("tenant "):]
	t.id = sha256.Sum256([]byte(string(t.v.genesis[:]) + string(t.salt[:]) + t.tenant))
	signed := t.note(t.numbers(t.next(), "checkpoint", 1)[0])
	hashes := t.numbers(t.next(), "top", 1)[0]
	line := t.next()
	top := t.state(line)
	t.checkpoint(signed, top.Epoch)
	t.prove(top.seq, hashes, line)
	if t.tree.N-top.seq > 2 {
		t.fail(altered, "not the record that the checkpoint ends with")
	}
	begin := mark{state: state{seq: -1, hlc: -1}, head: tlog.Hash(t.v.genesis)}
	hasBegin, isCut := t.peek("begin"), t.peek("cut")
	if hasBegin {
		begin = t.mark("begin")
	} else if isCut {
		begin.count = t.numbers(t.next(), "cut", 1)[0]
		if begin.count == 0 {
			t.fail(altered, "a cut of nothing")
		}
	}
	end := t.mark("end")
	if end.seq > top.seq || begin.seq >= end.seq {
		t.fail(altered, "begin, end and top are not in order")
	}
	count := t.records(begin, end, hasBegin, isCut)
	return fmt.Sprintf("these %d records are all of tenant %s up to record %d, of %d that were signed", count, t.tenant, end.seq, t.tree.N)
}

func (t *trail) records(begin, end mark, hasBegin, isCut bool) int64 {
	count := t.numbers(t.next(), "records", 1)[0]
	tseq, prev, seq, hlc := begin.count, begin.head, begin.seq, begin.hlc
	var first, last string
	for i := int64(0); i < count && t.problem == nil; i++ {
		last = t.next()
		head := t.record(last)
		if head[3] != t.tenant {
			t.fail(altered, "a record of another tenant")
		} else if number(head[4]) > tseq {
			t.fail(incomplete, "the tenant's record %d is missing", tseq)
		}
		isLinked := head[5] == base64.RawURLEncoding.EncodeToString(prev[:]) || isCut && i == 0
		if number(head[4]) < tseq || !isLinked || number(head[1]) <= seq || number(head[6]) <= hlc {
			t.fail(altered, "does not follow the record before it, or that one was changed")
		}
		if tseq == 0 && sha256.Sum256([]byte("\x02"+last)) != t.salt {
			t.fail(altered, "the salt is not that of the tenant's first record")
		}
		tseq, prev, seq, hlc = tseq+1, tlog.RecordHash([]byte(last)), number(head[1]), number(head[6])
		if i == 0 {
			first = last
		}
	}
	if tseq < end.count {
		t.fail(truncated, "the tenant had %d records by then: the newest are missing", end.count)
	}
	if tseq > end.count || prev != end.head || seq >= end.seq || hlc >= end.hlc || count == 0 && !hasBegin {
		t.fail(altered, "the last record is not the tenant's newest by then")
	}
	if count > 0 && t.problem == nil {
		t.prove(number(t.record(first)[1]), t.numbers(t.next(), "first", 1)[0], first)
		t.prove(seq, t.numbers(t.next(), "last", 1)[0], last)
	}
	return count
}

func (t *trail) checkProof(brought string) string {
	t.lists(brought)
	count := t.numbers(t.next(), "records", 1)[0]
	var line string
	var before []string
	for i := int64(1); i <= count && t.problem == nil; i++ {
		prev := tlog.RecordHash([]byte(line))
		line = t.next()
		head := t.record(line)
		of := int64(1)
		if match := part.FindStringSubmatch(line); match != nil {
			of = number(match[2])
			if number(match[1]) != i || of > count {
				t.fail(incomplete, "not all continuation records are here")
			}
		}
		if of != count || before != nil && (number(head[1]) != number(before[1])+1 || head[3] != before[3] ||
			head[2] != base64.RawURLEncoding.EncodeToString(prev[:])) {
			t.fail(altered, "does not follow the record before it, or that one was changed")
		}
		before = head
	}
	if t.next() != "c2sp.org/tlog-proof@v1" || count == 0 {
		t.fail(altered, "expected records and c2sp.org/tlog-proof@v1")
	}
	index := t.numbers(t.next(), "index", 1)[0]
	start := t.at
	for t.next() != "" && t.problem == nil {
	}
	hashes := int64(t.at - start - 1)
	if t.isTorn {
		t.fail(truncated, "the file ends inside a line")
	}
	t.checkpoint(t.note(int64(len(t.lines)-t.at)), -1)
	end := t.at
	t.at = start
	t.prove(index, hashes, line)
	t.at = end
	if t.problem == nil && index != number(before[1]) {
		t.fail(altered, "the proof is of record %d", index)
	}
	return fmt.Sprintf("record %d stands in the log as here, of %d that were signed", index, t.tree.N)
}

func runFile(path, vkey, brought string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	root, err := note.NewVerifier(strings.TrimSuffix(vkey, "\n"))
	if err != nil {
		return find(usage, "root key: %v", err)
	}
	t := &trail{v: &verifier{root: root}, lines: bytes.Split(content, []byte("\n"))}
	t.isTorn = len(t.lines[len(t.lines)-1]) > 0
	t.lines = t.lines[:len(t.lines)-1]
	if !bytes.HasPrefix(content, []byte(trailVersion)) && !bytes.HasPrefix(content, []byte(proofVersion)) {
		return find(usage, "%s is neither a tenant's trail nor the proof of a record", path)
	}
	var told string
	switch t.next() {
	case trailVersion:
		told = t.checkTrail(brought)
	case proofVersion:
		told = t.checkProof(brought)
	default:
		t.fail(altered, "the first line is not that of version 1")
	}
	if t.isTorn {
		t.fail(truncated, "the file ends inside a line")
	} else if t.at != len(t.lines) {
		t.fail(altered, "nothing may follow here")
	}
	if t.problem == nil {
		fmt.Println("intact:", told)
	}
	return t.problem
}
