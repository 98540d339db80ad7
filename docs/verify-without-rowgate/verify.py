#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a rowgate audit log without any of rowgate's code: Python's standard library, and for Ed25519 either
python3-cryptography or the openssl command. Everything it knows stands in docs/audit-format.md. Work on a copy.

usage: verify.py [--root VKEY|FILE] [--checkpoint FILE]... DIR
  --root        the root key you were given (a vkey line or a file with one); without it the log's own copy is believed
  --checkpoint  one that you or a third party kept: the log must still hold what it signed
exit status: 0 intact, 1 altered, 2 truncated or rolled back, 3 forked, 4 evidence is missing, 5 stale, 6 usage or I/O"""
import argparse, base64, bisect, hashlib, json, os, pathlib, re, subprocess, sys, tempfile

ALTERED, TRUNCATED, FORKED, INCOMPLETE, STALE, USAGE = 1, 2, 3, 4, 5, 6
HEAD = re.compile(rb'\{"unmapped":\{"rg":\{"seq":"(\d{16})","prev":"([\w-]{43})",'
                  rb'(?:"tenant":"((?:[^"\\]|\\.)+)","tseq":"(\d{16})","tprev":"([\w-]{43})",)?'
                  rb'"hlc":(0|[1-9]\d{0,17}),"boot":"([0-9a-f]{32})","mono_us":(0|[1-9]\d{0,17}),"kind":"([a-z.]+)"')

class Finding(Exception):
    def __init__(self, status, where, text):
        super().__init__(f"{where}: {text}")
        self.status = status

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def b64url(digest):
    return base64.urlsafe_b64encode(digest).rstrip(b"=")

def unbase64(text, where, size=None):
    """Base64 written the one right way."""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        raise Finding(ALTERED, where, "bad base64")
    if base64.b64encode(value) != text or len(value) != (size or len(value)):
        raise Finding(ALTERED, where, "bad base64")
    return value

class Tree:
    """RFC 6962 2.1: levels[l] holds the roots of the complete subtrees of 2^l leaves, 32 bytes each."""
    def __init__(self, leaves=()):
        self.levels, self.size = [bytearray() for _ in range(64)], 0
        for leaf in leaves:
            self.append(leaf)

    def append(self, node):
        level, index = 0, self.size
        self.levels[0] += node
        while index & 1:
            node = sha256(b"\1", self.levels[level][-64:-32], node)
            level, index = level + 1, index >> 1
            self.levels[level] += node
        self.size += 1

    def root(self, size):
        root = None
        for level in (level for level in range(64) if size >> level & 1):
            at = 32 * ((size >> level) - 1)
            left = bytes(self.levels[level][at:at + 32])
            root = left if root is None else sha256(b"\1", left, root)
        return root or sha256()

def ed25519_holds(public, text, signature):
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return openssl_holds(public, text, signature)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
        return True
    except (InvalidSignature, ValueError):
        return False

def openssl_holds(public, text, signature):
    with tempfile.TemporaryDirectory() as work:
        for name, value in {"k": bytes.fromhex("302a300506032b6570032100") + public, "t": text, "s": signature}.items():
            pathlib.Path(work, name).write_bytes(value)
        command = "openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey k -in t -sigfile s"
        return subprocess.run(command.split(), cwd=work, capture_output=True).returncode == 0

def open_note(note, name, public, where):
    """The lines of a C2SP signed note, when the key has signed it."""
    text, gap, signatures = note.rpartition(b"\n\n")
    if not gap or not signatures.endswith(b"\n") or any(byte < 0x20 and byte != 10 for byte in note):
        raise Finding(ALTERED, where, "is not a signed note")
    key_id, signed = sha256(name, b"\n\1", public)[:4], False
    for line in signatures[:-1].split(b"\n"):
        match = re.fullmatch("\u2014 ([^ +]+) ([^ ]+)".encode(), line)
        blob = unbase64(match[2] if match else b"-", where)
        if match[1] == name and blob[:4] == key_id:  # signatures by other keys prove nothing and harm nothing
            if not ed25519_holds(public, text + b"\n", blob[4:]):
                raise Finding(ALTERED, where, "the signature does not hold")
            signed = True
    if not signed:
        raise Finding(ALTERED, where, "is not signed by the key that it must be signed by")
    return text.split(b"\n")

def load_keys(directory, origin, root):
    """The public key of each epoch, and the root of the first list's tree, which the log's first record names."""
    match = re.fullmatch(rb"([^ +\n]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)\n?", root)
    key = unbase64(match[3], "root key") if match else b""
    if len(key) != 33 or key[0] != 1 or sha256(match[1], b"\n", key)[:4].hex().encode() != match[2]:
        raise Finding(USAGE, "root key", "is not a vkey of an Ed25519 key")
    keys, genesis_root = [], None
    for path in sorted((directory / "keys").glob("list-*.note")):
        lines, where = open_note(path.read_bytes(), match[1], key[1:], path.name), path.name
        numbers = re.fullmatch(rb"(\d+) (\d+) (\d+)", lines[2]) if len(lines) > 2 else None
        if not numbers or lines[:2] != [b"rowgate/audit/keys/v1", origin] or len(lines) != 3 + int(numbers[2]):
            raise Finding(ALTERED, where, "is not a list of this log's keys")
        first = int(numbers[1])
        if path.name != f"list-{first:08}.note" or first > len(keys) or (first == 0) != (genesis_root is None):
            raise Finding(ALTERED, where, "does not follow the lists before it")
        keys[first:] = [unbase64(line, where, 32) for line in lines[3:]]
        genesis_root = genesis_root or Tree(sha256(b"\0", key) for key in keys).root(len(keys))
    if genesis_root is None:
        raise Finding(INCOMPLETE, "keys", "there is no list of keys")
    return keys, genesis_root

def tile_path(level, index):
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/" + "/".join(parts)

def read_base(directory, origin, tree):
    """What a pruned log goes on from: the hashes of what is gone, by its tiles, and where its tenants stood."""
    names = sorted(path.name for path in (directory / "seg").glob("*.jsonl"))
    size = int(names[0][:16]) if names and re.fullmatch(r"\d{16}\.jsonl", names[0]) else 0
    for index in range((size + 255) // 256):
        path, width = directory / tile_path(0, index), min(256, size - 256 * index)
        partials = sorted(path.with_name(path.name + ".p").glob("*"), key=lambda name: int(name.name))
        path = path if path.exists() or not partials else partials[-1]
        if not path.exists() or path.stat().st_size < 32 * width:
            raise Finding(INCOMPLETE, "seg", f"{size} records are missing, and so are their hashes in tile/")
        hashes = path.read_bytes()
        for at in range(0, 32 * width, 32):
            tree.append(hashes[at:at + 32])
    if not size:
        return 0, 0, {}
    path = directory / "pruned" / f"{size:016}.base"
    if not path.exists():
        raise Finding(INCOMPLETE, f"pruned/{path.name}", f"is missing, as are the {size} records before")
    text, gap, check = path.read_bytes().rpartition(b"check ")
    lines = text.split(b"\n")
    fields = dict(line.split(b" ", 1) for line in lines if b" " in line and not line[:1].isdigit())
    prev, at = bytes(tree.levels[0][-32:]), next((i for i, line in enumerate(lines) if line.startswith(b"tenants ")), 0)
    if (lines[0] != b"rowgate/audit/base/v1" or check != sha256(text).hex().encode() + b"\n" or fields[b"origin"] != origin or
            int(fields[b"size"]) != size or fields[b"prev"] != prev.hex().encode() or int(fields[b"tenants"]) != len(lines) - at - 2):
        raise Finding(ALTERED, f"pruned/{path.name}", "is not what the log goes on from")
    rows = [line.split(b" ", 3) for line in lines[at + 1:-1]]
    return size, int(fields[b"epoch"]), {name: (int(count), bytes.fromhex(head.decode()), bytes.fromhex(salt.decode()))
                                         for count, salt, head, name in rows}

def read_records(directory, seq):
    """Each line with where it stands. Only the newest segment may be followed by zeros."""
    names = sorted(path.name for path in (directory / "seg").glob("*.jsonl"))
    for name in names:
        if name != f"{seq:016}.jsonl":
            status = INCOMPLETE if name > f"{seq:016}.jsonl" else ALTERED
            raise Finding(status, f"seg/{name}", f"expected the segment that begins with record {seq}")
        for line in open(directory / "seg" / name, "rb"):
            if line[-1:] != b"\n" and name != names[-1]:
                raise Finding(ALTERED, f"seg/{name}", "does not end with a record, but is not the newest")
            if line[-1:] != b"\n" and line.rstrip(b"\0"):
                raise Finding(TRUNCATED, f"seg/{name}", f"record {seq} is not complete")
            if line[-1:] == b"\n":
                yield f"seg/{name}, record {seq}", seq, line[:-1]
                seq += 1

def no_doubles(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)

def read_log(directory, origin, genesis_root):
    """The chain, the tenants' chains, the clocks. Returns the tree and the numbers of the records that open an epoch."""
    genesis = prev = sha256(b"rowgate/audit/v1\n", origin, b"\n", genesis_root)
    tree, last_hlc, clock, runs = Tree(), -1, (b"", 0), []
    base, epoch, tenants = read_base(directory, origin, tree)
    opens, prev, begins, prunes, holds = [-1] * epoch, bytes(tree.levels[0][-32:]) or genesis, {}, [], {}
    first_tenants, segment = set(tenants), None
    for where, seq, line in read_records(directory, base):
        if where.split(",")[0] != segment:  # one begins here, where a prune may have ended
            segment, begins[seq] = where.split(",")[0], (len(opens), heads_root(genesis, tenants))
        head = HEAD.match(line)
        try:
            rg = head and json.loads(line, object_pairs_hook=no_doubles)["unmapped"]["rg"]
        except ValueError:
            head = None
        if not head or len(line) > 61440 or not line.isascii() or re.search(rb"[\0-\x1f]", line):
            raise Finding(ALTERED, where, "is not a record as rowgate writes it")
        if int(head[1]) != seq or head[2] != b64url(prev):
            raise Finding(ALTERED, where, "does not follow the record before it, or that one was changed")
        prev = sha256(b"\0", line)
        tree.append(prev)
        if head[3] is not None:
            count, tenant_prev, salt = tenants.get(head[3], (0, genesis, None))
            if int(head[4]) != count or head[5] != b64url(tenant_prev):
                raise Finding(ALTERED, where, "does not follow its tenant's record before it")
            tenants[head[3]] = (count + 1, prev, salt or sha256(b"\2", line))  # the salt is that of its first record
        if int(head[6]) <= last_hlc or (head[7] == clock[0] and int(head[8]) < clock[1]):
            raise Finding(ALTERED, where, "its time is before that of the record before it")
        if head[7] != clock[0]:
            if head[9] not in (b"log.started", b"log.recovered") and (runs or not base):
                raise Finding(ALTERED, where, "begins a run, and is neither log.recovered nor log.started")
            runs.append([])
        runs[-1].append((seq, int(head[8]), not re.match(rb"log\.|epoch\.|clock\.|disk\.|key\.|process\.|part$", head[9])))
        last_hlc, clock = int(head[6]), (head[7], int(head[8]))
        if head[9] == b"epoch.open":
            opens.append(seq)
            if rg.get("epoch") != len(opens):
                raise Finding(ALTERED, where, f"opens epoch {rg.get('epoch')} instead of {len(opens)}")
        if head[9] == b"log.checkpoint":
            if rg.get("heads_root") != heads_root(genesis, tenants):
                raise Finding(ALTERED, where, "its heads_root is not that of the tenants' records")
        if head[9] == b"log.recovered" and rg.get("recovered_bytes") == 0:  # what nothing had signed then is void
            prunes[:] = [prune for prune in prunes if prune[0] < rg.get("recovered_from", 0)]
        if head[9] in (b"hold.place", b"hold.release", b"retention.prune"):
            check_keep(where, seq, rg, base, begins, tree, prunes, holds, first_tenants)
    return tree, opens, runs, base, prunes

def heads_root(genesis, tenants):
    heads = sorted(sha256(genesis, salt, name) + b"%016d" % count + head for name, (count, head, salt) in tenants.items())
    return Tree(sha256(b"\0", head) for head in heads).root(len(heads)).hex()

def check_keep(where, seq, rg, base, begins, tree, prunes, holds, first_tenants):
    """A record of a hold or a prune: what a prune declares must be so, and no hold may stand against it."""
    if not rg.get("operator"):
        raise Finding(ALTERED, where, "names no operator")
    if rg["kind"] == "hold.place":
        holds[rg.get("object")] = rg
        return
    if rg["kind"] == "hold.release":
        if holds.pop(rg.get("object"), None) is None and not base:
            raise Finding(ALTERED, where, "releases a hold that is not in force")
        return
    first, size = rg.get("first_seq", -1), rg.get("last_seq", -2) + 1
    epoch, heads = begins.get(size, (None, None)) if size >= base else (rg.get("epoch"), rg.get("heads_root"))
    if (not 0 <= first < size <= seq or epoch != rg.get("epoch") or heads != rg.get("heads_root") or
            tree.root(size).hex() != rg.get("digest") or (not base and not prunes and first) or
            (prunes and first not in prunes[-1][1:])):
        raise Finding(ALTERED, where, "declares a prune that is not so")
    for hold in holds.values():
        in_time = rg["until_us"] >= hold.get("from_us", 0) and rg["from_us"] <= hold.get("until_us", rg["from_us"])
        tenant = json.dumps(hold["about_tenant"])[1:-1].encode() if "about_tenant" in hold else None
        if in_time and (tenant is None or (first == 0 and size == base and tenant in first_tenants)):
            raise Finding(ALTERED, where, f"prunes records that the hold {hold['object']} stands against")
    prunes.append((seq, first, size))

def read_checkpoint(note, origin, keys, opens, log_size, base, where):
    size = re.match(rb"[^\n]*\n(0|[1-9]\d{0,17})\n", note)
    size = int(size[1]) if size else -1
    epoch = bisect.bisect_right(opens, size - 2)  # the record that opens an epoch is still signed by the one before
    if size < 0 or epoch >= len(keys):
        raise Finding(ALTERED, where, "is not a checkpoint of an epoch that has a key")
    last = len(keys) if size > log_size else epoch + 1  # of what is not there any later key may speak,
    for key in keys[:opens.count(-1) + 1] if size <= base else keys[epoch:last]:  # of what was pruned any earlier one
        try:
            lines = open_note(note, origin, key, where)
            break
        except Finding as finding:
            problem = finding
    else:
        raise problem
    if len(lines) != 3 or lines[0] != origin:
        raise Finding(ALTERED, where, "is not a checkpoint of this log")
    return size, unbase64(lines[2], where, 32)

def check_checkpoints(directory, origin, keys, opens, tree, base, kept):
    files = {f"ckpt/{path.name}": path for path in sorted((directory / "ckpt").glob("*.note"))}
    files.update({str(path): path for path in [directory / "head.note", *kept] if path in kept or path.exists()})
    roots, newest = {}, 0
    for where, path in files.items():
        size, root = read_checkpoint(path.read_bytes(), origin, keys, opens, tree.size, base, where)
        if where.startswith("ckpt/") and where != f"ckpt/{size:016}.note":
            raise Finding(ALTERED, where, f"holds the checkpoint of {size} records")
        if roots.setdefault(size, root) != root:
            raise Finding(FORKED, where, f"another root of the same {size} records was signed as well")
        if size <= tree.size and tree.root(size) != root:
            raise Finding(ALTERED, where, f"the first {size} records are not those that were signed")
        newest = max(newest, size)
    if newest > tree.size:
        raise Finding(TRUNCATED, "seg", f"{newest} records were signed, {tree.size} are there")
    if not roots:
        raise Finding(INCOMPLETE, "ckpt", "nothing is signed: there is no checkpoint")
    for epoch, seq in enumerate(opens):
        if seq >= 0 and seq + 1 not in roots and seq + 1 < newest:
            raise Finding(INCOMPLETE, "ckpt", f"the last checkpoint of epoch {epoch}, of {seq + 1} records, is missing")
    return newest

def check_tail(opens, runs, newest):
    """What no checkpoint covers proves nothing; there may be no more of it than a crash leaves."""
    if len([seq for seq in opens if seq >= newest]) > 1:
        raise Finding(INCOMPLETE, "ckpt", "two epochs were opened behind the newest checkpoint: a key steps only behind one")
    tails = [[record for record in run if record[0] >= newest] for run in runs]
    if any(tail and tail[-1][1] - tail[0][1] > 60_000_000 for tail in tails):
        raise Finding(STALE, "head.note", "the log goes on for more than a minute behind the newest checkpoint")
    if len([tail for tail in tails if any(client for _, _, client in tail)]) > 1:
        raise Finding(STALE, "head.note", "two runs wrote behind the newest checkpoint: each signs what it finds before that")

def check_tiles(directory, tree, newest):
    names = {path.relative_to(directory).as_posix() for path in (directory / "tile").rglob("*") if path.is_file()}
    for name in sorted(names):
        match = re.fullmatch(r"tile/([0-7])/((?:x\d{3}/)*\d{3})(?:\.p/(\d{1,3}))?", name)
        level, index, width = match and (int(match[1]), int(re.sub("[x/]", "", match[2])), int(match[3] or 256)) or (0, 0, 0)
        hashes = bytes(tree.levels[8 * level][8192 * index:8192 * index + 32 * width])
        if not width or len(hashes) != 32 * width or (directory / name).read_bytes() != hashes:
            raise Finding(ALTERED, name, "is not the tile of these records")
    for level, index in ((level, index) for level in range(8) for index in range(newest >> 8 * level + 8)):
        if tile_path(level, index) not in names:
            raise Finding(INCOMPLETE, tile_path(level, index), "is missing")
    return len(names)

def check_manifests(directory, origin, tree, base):
    for path in sorted((directory / "seg").glob("*.manifest")):
        if int(path.stem) < base:  # all that is left of a segment that was pruned
            text, gap, check = path.read_bytes().rpartition(b"check ")
            tail = re.search(rb"\ntree (\d+) ([0-9a-f]{64})\n$", text)
            if (check != sha256(text).hex().encode() + b"\n" or not tail or not text.startswith(
                    b"rowgate/audit/manifest/v1\norigin %s\nfirst %d\n" % (origin, int(path.stem))) or
                    int(tail[1]) > base or tree.root(int(tail[1])).hex().encode() != tail[2]):
                raise Finding(ALTERED, f"seg/{path.name}", "is not of a segment that was pruned")
            continue
        text = path.with_suffix(".jsonl").read_bytes()
        first, count = int(path.stem), text.count(b"\n")
        wanted = (b"rowgate/audit/manifest/v1\norigin %s\nfirst %d\nrecords %d\nbytes %d\nsha256 %s\ntree %d %s\n" % (
                origin, first, count, len(text), sha256(text).hex().encode(), first + count, tree.root(first + count).hex().encode()))
        if path.read_bytes() != wanted + b"check %s\n" % sha256(wanted).hex().encode():
            raise Finding(ALTERED, f"seg/{path.name}", "does not describe its segment")

def check(directory, root, kept):
    """What to tell, or the first Finding."""
    origin = (directory / "origin").read_bytes().removesuffix(b"\n")
    keys, genesis_root = load_keys(directory, origin, root.encode())
    tree, opens, runs, base, prunes = read_log(directory, origin, genesis_root)
    newest = check_checkpoints(directory, origin, keys, opens, tree, base, kept)
    if base and not any(size == base and seq < newest for seq, first, size in prunes):
        raise Finding(INCOMPLETE, "seg", f"{base} records are missing, and no signed record declares that they were pruned")
    check_tail(opens, runs, newest)
    tiles = check_tiles(directory, tree, newest)
    check_manifests(directory, origin, tree, base)
    return (f"intact: {tree.size} records, {len(opens) + 1} epochs, {tiles} tiles; signed up to record {newest - 1}, "
            f"the {tree.size - newest} behind it are only chained")

def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    parser.add_argument("--root")
    parser.add_argument("--checkpoint", action="append", default=[], type=pathlib.Path)
    parser.add_argument("directory", type=pathlib.Path)
    arguments = parser.parse_args()
    root = arguments.root or str(arguments.directory / "keys" / "root.vkey")
    print(check(arguments.directory, open(root).read() if os.path.exists(root) else root, arguments.checkpoint))
    if not arguments.root:
        print("the root key was the log's own copy (--root pins yours): whoever could replace the whole log could replace it")

if __name__ == "__main__":
    try:
        main()
    except Finding as finding:
        sys.exit(print(f"verify.py: {finding}", file=sys.stderr) or finding.status)
    except OSError as error:
        sys.exit(print(f"verify.py: {error}", file=sys.stderr) or USAGE)
