#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a rowgate audit log without any of rowgate's code: Python's standard library, and for Ed25519 either
python3-cryptography or the openssl command. docs/audit-format.md is all it was written from.

usage: verify.py [--root VKEY|FILE] [--checkpoint FILE]... DIR
  --root        the root key you were given (a vkey line or a file with one); without it the log's own copy is believed
  --checkpoint  one that you or a third party kept: the log must still hold what it signed
exit status: 0 intact, 1 altered, 2 truncated or rolled back, 3 forked, 4 evidence is missing, 6 usage or I/O"""
import argparse, base64, bisect, hashlib, json, os, pathlib, re, subprocess, sys, tempfile

ALTERED, TRUNCATED, FORKED, INCOMPLETE, USAGE = 1, 2, 3, 4, 6
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


def unbase64(text, size, where):
    """Exactly `size` bytes written the one right way."""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = b""
    if len(value) != size or base64.b64encode(value) != text:
        raise Finding(ALTERED, where, "bad base64")
    return value


def root_of(leaves):
    """RFC 6962 2.1 over leaf hashes, for small sets."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", root_of(leaves[:split]), root_of(leaves[split:]))


class Tree:
    """All nodes: levels[l] holds the roots of the complete subtrees of 2^l leaves, 32 bytes each."""

    def __init__(self):
        self.levels = [bytearray() for _ in range(64)]
        self.size = 0

    def append(self, leaf):
        level, index, node = 0, self.size, leaf
        self.levels[0] += node
        while index & 1:
            node = sha256(b"\1", self.levels[level][-64:-32], node)
            level, index = level + 1, index >> 1
            self.levels[level] += node
        self.size += 1

    def node(self, level, index):
        return bytes(self.levels[level][32 * index:32 * index + 32])

    def root(self, size):
        root = None
        for level in range(64):
            if size >> level & 1:
                left = self.node(level, (size >> level) - 1)
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
    except (InvalidSignature, ValueError):
        return False
    return True


def openssl_holds(public, text, signature):
    with tempfile.TemporaryDirectory() as work:
        files = {"key": bytes.fromhex("302a300506032b6570032100") + public, "text": text, "sig": signature}
        for name, value in files.items():
            pathlib.Path(work, name).write_bytes(value)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", f"{work}/key",
                               "-in", f"{work}/text", "-sigfile", f"{work}/sig"], capture_output=True).returncode == 0


def open_note(note, name, public, where):
    """The text of a C2SP signed note, when the key has signed it."""
    text, gap, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    if not gap or not signatures.endswith(b"\n") or any(byte < 0x20 and byte != 10 for byte in note):
        raise Finding(ALTERED, where, "is not a signed note")
    key_id = sha256(name, b"\n\1", public)[:4]
    signed = False
    for line in signatures[:-1].split(b"\n"):
        match = re.fullmatch("\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)".encode(), line)
        if not match:
            raise Finding(ALTERED, where, "malformed signature line")
        blob = base64.b64decode(match[2])
        if match[1] == name and blob[:4] == key_id:  # signatures by other keys prove nothing and harm nothing
            if base64.b64encode(blob) != match[2] or not ed25519_holds(public, text, blob[4:]):
                raise Finding(ALTERED, where, "the signature does not hold")
            signed = True
    if not signed:
        raise Finding(ALTERED, where, "is not signed by the key that it must be signed by")
    return text


def parse_vkey(text):
    match = re.fullmatch(rb"([^ +\n]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n?", text)
    key = match and base64.b64decode(match[3])
    if not match or len(key) != 33 or key[0] != 1 or sha256(match[1], b"\n", key)[:4].hex().encode() != match[2]:
        raise Finding(USAGE, "root key", "is not a vkey of an Ed25519 key")
    return match[1], key[1:]


def load_keys(directory, origin, root):
    """The public key of each epoch, and the root of the first list, which the log's first record names."""
    keys, genesis_root = [], None
    for path in sorted((directory / "keys").glob("list-*.note")):
        where = f"keys/{path.name}"
        lines = open_note(path.read_bytes(), *root, where).split(b"\n")[:-1]
        numbers = re.fullmatch(rb"(\d+) (\d+) (\d+)", lines[2]) if len(lines) > 2 else None
        if not numbers or lines[:2] != [b"rowgate/audit/keys/v1", origin] or len(lines) != 3 + int(numbers[2]):
            raise Finding(ALTERED, where, "is not a list of this log's keys")
        first = int(numbers[1])
        if path.name != f"list-{first:08}.note" or first > len(keys) or (first == 0) != (genesis_root is None):
            raise Finding(ALTERED, where, "does not follow the lists before it")
        keys[first:] = [unbase64(line, 32, where) for line in lines[3:]]
        genesis_root = genesis_root or root_of([sha256(b"\0", key) for key in keys])
    if genesis_root is None:
        raise Finding(INCOMPLETE, "keys", "there is no list of keys")
    return keys, genesis_root


def read_records(directory):
    """Each line with where it stands. Only the newest segment may be followed by zeros."""
    names = sorted(path.name for path in (directory / "seg").glob("*.jsonl"))
    seq = 0
    for number, name in enumerate(names):
        if name != f"{seq:016}.jsonl":
            status = INCOMPLETE if name > f"{seq:016}.jsonl" else ALTERED
            raise Finding(status, f"seg/{name}", f"expected the segment that begins with record {seq}")
        with open(directory / "seg" / name, "rb") as file:
            for line in file:
                if line[-1:] != b"\n":
                    if number != len(names) - 1:
                        raise Finding(ALTERED, f"seg/{name}", "does not end with a record, but is not the newest")
                    if line.rstrip(b"\0"):
                        raise Finding(TRUNCATED, f"seg/{name}", f"record {seq} is not complete")
                    return
                yield f"seg/{name}, record {seq}", seq, line[:-1]
                seq += 1


def no_doubles(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def read_log(directory, origin, genesis_root):
    """The chain and the tenants' chains. Returns the tree and where each epoch was opened."""
    genesis = sha256(b"rowgate/audit/v1\n", origin, b"\n", genesis_root)
    tree, opens, tenants, prev, last_hlc, clock = Tree(), [], {}, genesis, -1, (b"", 0)
    for where, seq, line in read_records(directory):
        head = HEAD.match(line)
        if not head or len(line) > 61440 or not line.isascii() or re.search(rb"[\0-\x1f]", line):
            raise Finding(ALTERED, where, "is not a record as rowgate writes it")
        if int(head[1]) != seq or head[2] != b64url(prev):
            raise Finding(ALTERED, where, "does not follow the record before it, or that one was changed")
        prev = sha256(b"\0", line)
        tree.append(prev)
        if head[3] is not None:
            count, tenant_prev = tenants.get(head[3], (0, genesis))
            if int(head[4]) != count or head[5] != b64url(tenant_prev):
                raise Finding(ALTERED, where, "does not follow its tenant's record before it")
            tenants[head[3]] = (count + 1, prev)
        hlc, boot, mono, kind = int(head[6]), head[7], int(head[8]), head[9]
        if hlc <= last_hlc or (boot == clock[0] and mono < clock[1]):
            raise Finding(ALTERED, where, "its time is before that of the record before it")
        last_hlc, clock = hlc, (boot, mono)
        try:
            rg = json.loads(line, object_pairs_hook=no_doubles)["unmapped"]["rg"]
        except ValueError as error:
            raise Finding(ALTERED, where, f"is not JSON: {error}")
        if kind == b"epoch.open":
            opens.append(seq)
            if rg.get("epoch") != len(opens):
                raise Finding(ALTERED, where, f"opens epoch {rg.get('epoch')} instead of {len(opens)}")
        if kind == b"log.checkpoint":
            heads = sorted(sha256(genesis, name) + b"%016d" % count + head for name, (count, head) in tenants.items())
            if rg.get("heads_root") != b64url(root_of([sha256(b"\0", leaf) for leaf in heads])).decode():
                raise Finding(ALTERED, where, "its heads_root is not that of the tenants' records")
    return tree, opens


def read_checkpoint(note, origin, keys, opens, where):
    lines = note.split(b"\n")
    size = int(lines[1]) if len(lines) > 3 and re.fullmatch(rb"0|[1-9]\d{0,17}", lines[1]) else -1
    epoch = bisect.bisect_right(opens, size - 2)  # the record that opens an epoch is still signed by the one before
    if size < 0 or epoch >= len(keys):
        raise Finding(ALTERED, where, "is not a checkpoint of an epoch that has a key")
    lines = open_note(note, origin, keys[epoch], where).split(b"\n")
    if len(lines) != 4 or lines[0] != origin:
        raise Finding(ALTERED, where, "is not a checkpoint of this log")
    return size, unbase64(lines[2], 32, where)


def check_checkpoints(directory, origin, keys, opens, tree, kept):
    files = {f"ckpt/{path.name}": path for path in sorted((directory / "ckpt").glob("*.note"))}
    files.update({name: directory / name for name in ["head.note"] if (directory / name).exists()})
    files.update({str(path): path for path in kept})
    roots, newest = {}, 0
    for where, path in files.items():
        size, root = read_checkpoint(path.read_bytes(), origin, keys, opens, where)
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
        if seq + 1 not in roots and seq + 1 < newest:
            raise Finding(INCOMPLETE, "ckpt", f"the last checkpoint of epoch {epoch}, of {seq + 1} records, is missing")
    return newest


def check_tiles(directory, tree, newest):
    checked = 0
    for path in sorted((directory / "tile").rglob("*")):
        name = path.relative_to(directory).as_posix()
        match = re.fullmatch(r"tile/(\d+)/((?:x\d{3}/)*\d{3})(?:\.p/(\d{1,3}))?", name)
        if path.is_dir() or path.name.startswith("."):
            continue
        level, index = (int(match[1]), int(re.sub("[x/]", "", match[2]))) if match else (8, 0)
        width = int(match[3] or 256) if match else 0
        hashes = bytes(tree.levels[8 * level][8192 * index:8192 * index + 32 * width]) if level < 8 else b""
        if path.read_bytes() != hashes or len(hashes) != 32 * width or not width:
            raise Finding(ALTERED, name, "is not the tile of these records")
        checked += 1
    for level in range(8):
        for index in range(newest >> 8 * level + 8):
            name = re.sub(r"(\d{3})(?=\d)", r"x\1/", f"{index:0{-(-len(str(index)) // 3) * 3}}")
            if not (directory / f"tile/{level}/{name}").exists():
                raise Finding(INCOMPLETE, f"tile/{level}/{name}", "is missing")
    return checked


def check(directory, root, kept):
    """What to tell, or the first Finding."""
    origin = (directory / "origin").read_bytes().removesuffix(b"\n")
    keys, genesis_root = load_keys(directory, origin, parse_vkey(root.encode()))
    tree, opens = read_log(directory, origin, genesis_root)
    newest = check_checkpoints(directory, origin, keys, opens, tree, kept)
    tiles = check_tiles(directory, tree, newest)
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
