#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a tenant's trail or the proof of one record (docs/audit-trail.md) without any of rowgate's code. Lies beside
verify.py, whose hashes, notes and lists of keys it uses.

usage: trail.py --root VKEY|FILE [--keys LIST]... FILE
  --root  the log's root key as you were given it
  --keys  a list of keys (keys/list-<epoch>.note), when the file holds none
exit status: as verify.py's"""
import argparse, json, os, pathlib, re, sys, tempfile

from verify import (ALTERED, HEAD, INCOMPLETE, TRUNCATED, USAGE, Finding, b64url, load_keys, no_doubles, open_note, sha256,
                    unbase64)

class Lines:
    """The file, line by line; where it ends early the file is truncated."""
    def __init__(self, path):
        self.number, self.file = 0, open(path, "rb")

    def where(self):
        return f"line {self.number}"

    def next(self, may_end=False):
        line = self.file.readline()
        self.number += 1
        if not line and may_end:
            return None
        if line[-1:] != b"\n":
            raise Finding(TRUNCATED, self.where(), "the file ends here, and more must follow")
        if line[:1] == b"\0" or len(line) > 61441:
            raise Finding(ALTERED, self.where(), "is no line of a trail or proof")
        return line[:-1]

    def take(self, count):
        return [self.next() for _ in range(count)]

    def hashes(self, count):
        if count > 64:
            raise Finding(ALTERED, self.where(), "a proof of more than 64 hashes")
        return [unbase64(line, self.where(), 32) for line in self.take(count)]

def words(line, pattern, where):
    """The numbers behind the first word."""
    match = re.fullmatch(pattern.replace("#", r"(0|[1-9]\d{0,15})").encode(), line)
    if not match:
        raise Finding(ALTERED, where, f"expected {pattern}")
    return [int(number) for number in match.groups()]

def included(leaf, index, size, path, root):
    """RFC 9162 2.1.3.2."""
    node, last = leaf, size - 1
    if index >= size:
        return False
    for other in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = sha256(b"\1", other, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\1", node, other)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root

def read_lists(lines, line, root, given):
    """The public keys of all epochs, the start value of the log, and the line behind the lists."""
    notes = []
    while line.startswith(b"list "):
        count, = words(line, "list #", lines.where())
        notes.append(b"".join(part + b"\n" for part in lines.take(count)))
        line = lines.next()
    notes = given or notes
    if not notes:
        raise Finding(INCOMPLETE, lines.where(), "the file holds no list of keys, and none was brought (--keys)")
    origins = [note.split(b"\n", 2)[1:2] for note in notes]
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(f"{work}/keys")
        for note in notes:
            first = re.match(rb"[^\n]*\n[^\n]*\n(\d{1,8}) ", note)
            name = pathlib.Path(work, f"keys/list-{int(first[1]) if first else 0:08}.note")
            if not first or name.exists():
                raise Finding(ALTERED, lines.where(), "the lists of keys are malformed or repeated")
            name.write_bytes(note)
        keys, genesis_root = load_keys(pathlib.Path(work), origins[0][0], root)
    return origins[0][0], keys, sha256(b"rowgate/audit/v1\n", origins[0][0], b"\n", genesis_root), line

def read_checkpoint(note, origin, keys, epoch, where):
    """Signed by the key of this epoch; None: by any."""
    for key in keys if epoch is None else keys[epoch:epoch + 1]:
        try:
            text = open_note(note, origin, key, where)
        except Finding:
            continue
        if len(text) != 3 or text[0] != origin or not re.fullmatch(rb"[1-9]\d{0,16}", text[1]):
            break
        return int(text[1]), unbase64(text[2], where, 32)
    raise Finding(ALTERED, where, "is no checkpoint of this log, signed by the key of its epoch")

def parse(line, where):
    """The head: seq, prev, tenant, tseq, tprev, hlc."""
    head = HEAD.match(line)
    if not head or re.search(rb"[^ -\x7f]", line):
        raise Finding(ALTERED, where, "is not a record as rowgate writes it")
    return head

def prove(lines, tree, seq, leaf, count):
    if not included(leaf, seq, tree[0], lines.hashes(count), tree[1]):
        raise Finding(ALTERED, lines.where(), f"the proof does not show record {seq} among those that were signed")

def read_state(lines, tree, count):
    line = lines.next()
    head = parse(line, lines.where())
    try:
        rg = json.loads(line, object_pairs_hook=no_doubles)["unmapped"]["rg"]
        state = int(head[1]), int(head[6]), rg["epoch"], rg["tenants"], bytes.fromhex(rg["heads_root"])
    except (ValueError, KeyError, TypeError):
        raise Finding(ALTERED, lines.where(), "is no log.checkpoint record")
    if head[9] != b"log.checkpoint" or head[3] or rg.get("records") != state[0]:
        raise Finding(ALTERED, lines.where(), "is no log.checkpoint record")
    if tree:
        prove(lines, tree, state[0], sha256(b"\0", line), count)
    return state, sha256(b"\0", line)

def read_mark(lines, line, word, tree, identity):
    """A log.checkpoint record and the tenant's head in it: seq, hlc, how many records, hash of the newest."""
    count, path = words(line, f"{word} # #", lines.where())
    (seq, hlc, _, tenants, root), _ = read_state(lines, tree, count)
    line, _, head = lines.next().rpartition(b" ")
    place, records = words(line, "head # #", lines.where())
    head = unbase64(head, lines.where(), 32)
    leaf = sha256(b"\0", identity, b"%016d" % records, head)
    if records == 0 or not included(leaf, place, tenants, lines.hashes(path), root):
        raise Finding(ALTERED, lines.where(), "the head is not that of this tenant")
    return seq, hlc, records, head

def check_trail(lines, root, given):
    origin, tenant, salt = lines.next(), lines.next(), lines.next()
    if not salt.startswith(b"salt "):
        raise Finding(ALTERED, "line 4", "expected salt")
    salt = unbase64(salt[5:], "line 4", 32)
    names, keys, genesis, line = read_lists(lines, lines.next(), root, given)
    if origin != b"origin " + names or not re.fullmatch(rb"tenant [ -~]{1,1024}", tenant):
        raise Finding(ALTERED, "line 2", "the origin is not that of the keys, or no tenant is named")
    tenant = tenant[7:]
    identity = sha256(genesis, salt, tenant)
    note = b"".join(part + b"\n" for part in lines.take(words(line, "checkpoint #", lines.where())[0]))
    count, = words(lines.next(), "top #", lines.where())
    (top, _, epoch, *_), leaf = read_state(lines, None, count)
    tree = read_checkpoint(note, names, keys, epoch, "checkpoint")
    prove(lines, tree, top, leaf, count)
    if tree[0] - top > 2:
        raise Finding(ALTERED, lines.where(), "is not the record that the checkpoint ends with")
    line, begin, cut = lines.next(), None, 0
    if line.startswith(b"begin "):
        begin, line = read_mark(lines, line, "begin", tree, identity), lines.next()
    elif line.startswith(b"cut "):
        cut, line = words(line, "cut #", lines.where())[0], lines.next()
        if cut == 0:
            raise Finding(ALTERED, lines.where(), "a cut of nothing")
    end = read_mark(lines, line, "end", tree, identity)
    if end[0] > top or (begin and begin[0] >= end[0]):
        raise Finding(ALTERED, lines.where(), "begin, end and top are not in order")
    return check_records(lines, tree, tenant, salt, begin, cut, end, genesis)

def check_records(lines, tree, tenant, salt, begin, cut, end, genesis):
    count, = words(lines.next(), "records #", lines.where())
    before, ends = (begin[0], begin[1]) if begin else (-1, -1), []
    tseq, prev = (begin[2], begin[3]) if begin else (cut, genesis)
    start = tseq
    for number in range(count):
        line = lines.next()
        head = parse(line, lines.where())
        if head[3] != tenant:
            raise Finding(ALTERED, lines.where(), "is a record of another tenant")
        if int(head[4]) > tseq:
            raise Finding(INCOMPLETE, lines.where(), f"the tenant's record {tseq} is missing")
        is_linked = head[5] == b64url(prev) or (cut and number == 0)
        if int(head[4]) < tseq or not is_linked or int(head[1]) <= before[0] or int(head[6]) <= before[1]:
            raise Finding(ALTERED, lines.where(), "does not follow the record before it, or that one was changed")
        if tseq == 0 and sha256(b"\2", line) != salt:
            raise Finding(ALTERED, lines.where(), "the salt is not that of the tenant's first record")
        prev, before, tseq = sha256(b"\0", line), (int(head[1]), int(head[6])), tseq + 1
        ends = [ends[0] if ends else (before[0], prev), (before[0], prev)]
    if tseq < end[2]:
        raise Finding(TRUNCATED, lines.where(), f"the tenant had {end[2]} records by then: the newest are missing")
    if tseq > end[2] or prev != end[3] or before[0] >= end[0] or before[1] >= end[1] or not (count or begin):
        raise Finding(ALTERED, lines.where(), "the last record is not the tenant's newest by then")
    for word, (seq, leaf) in zip(("first", "last"), ends):
        prove(lines, tree, seq, leaf, words(lines.next(), f"{word} #", lines.where())[0])
    since = f"{begin[1]} us" if begin else f"its record {start}"
    return f"these {count} records are all of tenant {tenant.decode()} from {since} to {end[1]} us, of {tree[0]} that were signed"

def check_proof(lines, root, given):
    origin, keys, _, line = read_lists(lines, lines.next(), root, given)
    count, = words(line, "records #", lines.where())
    leaf = last = first = None
    for number in range(1, count + 1):
        line = lines.next()
        head = parse(line, lines.where())
        part = re.search(rb',"part":"(\d{1,16})/(\d{1,16})', line[head.end():])
        if part and (int(part[1]) != number or int(part[2]) > count):
            raise Finding(INCOMPLETE, lines.where(), "not all continuation records are here")
        if (int(part[2]) if part else 1) != count:
            raise Finding(ALTERED, lines.where(), "does not belong to the record before it")
        if last and (int(head[1]) != int(last[1]) + 1 or head[3] != last[3] or head[2] != b64url(leaf)):
            raise Finding(ALTERED, lines.where(), "does not follow the record before it, or that one was changed")
        leaf, last, first = sha256(b"\0", line), head, first or head
    if count == 0 or lines.next() != b"c2sp.org/tlog-proof@v1":
        raise Finding(ALTERED, lines.where(), "expected records and c2sp.org/tlog-proof@v1")
    index, = words(lines.next(), "index #", lines.where())
    path = list(iter(lines.next, b""))
    note = b"".join(line + b"\n" for line in iter(lambda: lines.next(may_end=True), None))
    tree = read_checkpoint(note, origin, keys, None, "checkpoint")
    path = [unbase64(line, "proof", 32) for line in path]
    if index != int(last[1]) or len(path) > 64 or not included(leaf, index, tree[0], path, tree[1]):
        raise Finding(ALTERED, "proof", f"does not show record {index} among those that were signed")
    return f"record {int(first[1])} stands in the log as here, of {tree[0]} that were signed"

def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    parser.add_argument("--root", required=True)
    parser.add_argument("--keys", action="append", default=[], type=pathlib.Path)
    parser.add_argument("file", type=pathlib.Path)
    arguments = parser.parse_args()
    root = open(arguments.root, "rb").read() if os.path.exists(arguments.root) else arguments.root.encode()
    lines = Lines(arguments.file)
    kind = lines.file.readline()
    lines.number = 1
    checks = {b"rowgate/audit/trail/v1": check_trail, b"rowgate/audit/proof/v1": check_proof}
    if kind[:22] not in checks:
        raise Finding(USAGE, str(arguments.file), "is neither a tenant's trail nor the proof of a record")
    if kind[22:] != b"\n":
        raise Finding(ALTERED if kind.endswith(b"\n") else TRUNCATED, "line 1", "the first line is not that of version 1")
    told = checks[kind[:22]](lines, root, [path.read_bytes() for path in arguments.keys])
    if lines.next(may_end=True) is not None:
        raise Finding(ALTERED, lines.where(), "nothing may follow here")
    print(f"intact: {told}")

if __name__ == "__main__":
    try:
        main()
    except Finding as finding:
        sys.exit(print(f"trail.py: {finding}", file=sys.stderr) or finding.status)
    except OSError as error:
        sys.exit(print(f"trail.py: {error}", file=sys.stderr) or USAGE)
