# SPDX-License-Identifier: Apache-2.0
"""Writes audit logs as docs/audit-format.md says, without rowgate: for tests of those that check them, which must also see
logs that rowgate would never write (signed by the wrong key, two signed histories).

    log = auditlog.Log(directory, "test/audit/node/1")
    log.write(300)
    log.checkpoint()
    log.open_epoch()
    log.seal()
"""

import base64
import hashlib
import os
import pathlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ZEROS = 65536


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def head_id(genesis, first_line, tenant):
    """Of a tenant among the heads: salted with its first record."""
    return sha256(genesis, sha256(b"\2", first_line), tenant)


def b64url(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def merkle_root(leaves):
    """RFC 6962 2.1, level by level: a last node without sibling rises as it is."""
    if not leaves:
        return sha256()
    while len(leaves) > 1:
        pairs = [sha256(b"\1", leaves[i], leaves[i + 1]) for i in range(0, len(leaves) - 1, 2)]
        leaves = pairs + leaves[len(leaves) - len(leaves) % 2:]
    return leaves[0]


class Key:
    def __init__(self, name, seed):
        self.name = name.encode()
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = sha256(self.name, b"\n\1", self.public)[:4]

    def vkey(self):
        return self.name + b"+" + self.id.hex().encode() + b"+" + base64.b64encode(b"\1" + self.public)

    def sign(self, text):
        """A signed note."""
        return text + b"\n\xe2\x80\x94 " + self.name + b" " + base64.b64encode(self.id + self.private.sign(text)) + b"\n"


def checkpoint_text(origin, size, root):
    return b"%s\n%d\n%s\n" % (origin, size, base64.b64encode(root))


def tile_path(level, index, width):
    digits = f"{index:03}"
    digits = "0" * (-len(digits) % 3) + digits
    groups = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    return f"tile/{level}/" + "/".join(["x" + group for group in groups[:-1]] + groups[-1:]) + (f".p/{width}" if width < 256 else "")


def key_list(origin, first, keys, seconds=3600):
    return b"rowgate/audit/keys/v1\n%s\n%d %d %d\n" % (origin, first, len(keys), seconds) + b"".join(
        base64.b64encode(key.public) + b"\n" for key in keys)


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value)


def put_tiles(directory, leaves):
    """All tiles of these leaves, the partial ones of now among them."""
    level, hashes = 0, leaves
    while hashes:
        for at in range(0, len(hashes), 256):
            tile = hashes[at:at + 256]
            put(directory / tile_path(level, at // 256, len(tile)), b"".join(tile))
        full = len(hashes) // 256
        hashes = [merkle_root(hashes[256 * i:256 * i + 256]) for i in range(full)]
        level += 1


class Log:
    def __init__(self, directory, origin="test/audit/node/1", epochs=8, tenants=("acme", "gl\\\"obex", "\\u00e9cole")):
        self.directory = pathlib.Path(directory)
        self.origin = origin.encode()
        self.tenants = tenants
        self.root = Key("root.example/rowgate", sha256(b"root"))
        self.keys = [Key(origin, sha256(b"epoch", bytes([epoch]))) for epoch in range(epochs)]
        self.genesis = sha256(b"rowgate/audit/v1\n", self.origin, b"\n",
                              merkle_root([sha256(b"\0", key.public) for key in self.keys]))
        self.leaves, self.heads, self.segment = [], {}, []
        self.first, self.epoch, self.clock = 0, 0, 1_700_000_000_000_000
        self.boot = sha256(b"boot").hex()[:32]
        put(self.directory / "origin", self.origin + b"\n")
        put(self.directory / "keys/root.vkey", self.root.vkey() + b"\n")
        put(self.directory / "keys/list-00000000.note", self.root.sign(key_list(self.origin, 0, self.keys)))
        put(self.directory / "lock", b"")
        self.append("log.started", '"message":"started"')

    def append(self, kind, more="", tenant=None, ocsf=""):
        seq = len(self.leaves)
        prev = self.leaves[-1] if self.leaves else self.genesis
        mine = ""
        if tenant is not None:
            count, head, identity = self.heads.get(tenant, (0, self.genesis, None))
            mine = f'"tenant":"{tenant}","tseq":"{count:016}","tprev":"{b64url(head)}",'
        self.clock += 1000
        rg = f'"seq":"{seq:016}","prev":"{b64url(prev)}",{mine}"hlc":{self.clock},"boot":"{self.boot}","mono_us":{self.clock},"kind":"{kind}"'
        line = f'{{"unmapped":{{"rg":{{{rg}{"," if more else ""}{more}}}}},"class_uid":6005,"time":{self.clock // 1000}{ocsf}}}'.encode()
        self.leaves.append(sha256(b"\0", line))
        if tenant is not None:
            self.heads[tenant] = (count + 1, self.leaves[-1], identity or head_id(self.genesis, line, tenant.encode()))
        self.segment.append(line)

    def write(self, count):
        for i in range(count):
            tenant = [None, *self.tenants][i % (len(self.tenants) + 1)]
            self.append("statement", f'"sql_sha256":"{sha256(str(i).encode()).hex()}"', tenant)
        self.save()

    def heads_root(self):
        leaves = sorted(identity + b"%016d" % count + head for count, head, identity in self.heads.values())
        return merkle_root([sha256(b"\0", leaf) for leaf in leaves])

    def save(self, zeros=ZEROS):
        text = b"".join(line + b"\n" for line in self.segment)
        put(self.directory / f"seg/{self.first:016}.jsonl", text + bytes(zeros))

    def publish(self):
        """Tiles and the signed checkpoint of what is there."""
        self.save()
        put_tiles(self.directory, self.leaves)
        size = len(self.leaves)
        note = self.keys[self.epoch].sign(checkpoint_text(self.origin, size, merkle_root(self.leaves)))
        put(self.directory / f"ckpt/{size:016}.note", note)
        put(self.directory / "head.note", note)

    def checkpoint(self):
        self.append("log.checkpoint", f'"epoch":{self.epoch},"tenants":{len(self.heads)},"records":{len(self.leaves)},"heads_root":"{self.heads_root().hex()}"')
        self.publish()

    def open_epoch(self):
        self.append("log.checkpoint", f'"epoch":{self.epoch},"tenants":{len(self.heads)},"records":{len(self.leaves)},"heads_root":"{self.heads_root().hex()}"')
        self.append("epoch.open", f'"epoch":{self.epoch + 1}')
        self.publish()
        self.epoch += 1

    def seal(self):
        """The next record begins a new segment."""
        self.checkpoint()
        self.save(zeros=0)
        text = (self.directory / f"seg/{self.first:016}.jsonl").read_bytes()
        manifest = b"rowgate/audit/manifest/v1\norigin %s\nfirst %d\nrecords %d\nbytes %d\nsha256 %s\ntree %d %s\n" % (
            self.origin, self.first, len(self.segment), len(text), sha256(text).hex().encode(), len(self.leaves),
            merkle_root(self.leaves).hex().encode())
        put(self.directory / f"seg/{self.first:016}.manifest", manifest + b"check %s\n" % sha256(manifest).hex().encode())
        self.first, self.segment = len(self.leaves), []


def read_lines(directory):
    """[(segment's name, its lines)] of any log."""
    found = []
    for path in sorted((directory / "seg").glob("*.jsonl")):
        found.append((path.name, path.read_bytes().rstrip(b"\0").split(b"\n")[:-1]))
    return found


def leaves_of(directory):
    return [sha256(b"\0", line) for _, lines in read_lines(directory) for line in lines]


def rechain(directory, lines_by_segment):
    """Writes the segments anew with all hashes made right again, what one can do who holds no key: chain, tenants' chains,
    heads and tiles. Checkpoints stay."""
    import json
    import re
    origin = (directory / "origin").read_bytes().strip()
    keys = (sorted((directory / "keys").glob("list-*.note"))[0]).read_bytes().rpartition(b"\n\n")[0].split(b"\n")[3:]
    genesis = sha256(b"rowgate/audit/v1\n", origin, b"\n", merkle_root([sha256(b"\0", base64.b64decode(key)) for key in keys]))
    prev, heads, leaves, seq = genesis, {}, [], 0
    for path in (directory / "seg").glob("*.jsonl"):
        os.unlink(path)
    for lines in lines_by_segment:
        made, first = [], seq
        for line in lines:
            line = re.sub(rb'"seq":"\d{16}","prev":"[\w-]{43}"', b'"seq":"%016d","prev":"%s"' % (seq, b64url(prev).encode()), line, count=1)
            tenant = re.match(rb'.{0,140}"tenant":"((?:[^"\\]|\\.)+)","tseq":"\d{16}","tprev":"[\w-]{43}"', line)
            if tenant:
                count, head, identity = heads.get(tenant[1], (0, genesis, None))
                line = re.sub(rb'"tseq":"\d{16}","tprev":"[\w-]{43}"', b'"tseq":"%016d","tprev":"%s"' % (count, b64url(head).encode()), line, count=1)
            if b'"kind":"log.checkpoint"' in line:
                root = merkle_root([sha256(b"\0", leaf) for leaf in sorted(
                    identity + b"%016d" % count + head for count, head, identity in heads.values())])
                old = json.loads(line)["unmapped"]["rg"]["heads_root"].encode()
                line = line.replace(old, root.hex().encode())
            prev = sha256(b"\0", line)
            if tenant:
                heads[tenant[1]] = (count + 1, prev, identity or head_id(genesis, line, tenant[1]))
            leaves.append(prev)
            made.append(line)
            seq += 1
        put(directory / f"seg/{first:016}.jsonl", b"".join(line + b"\n" for line in made))
    for path in sorted((directory / "tile").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    put_tiles(directory, leaves)
