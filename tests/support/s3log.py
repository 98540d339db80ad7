# SPDX-License-Identifier: Apache-2.0
"""Stores a log in a bucket as docs/export.md says, without rowgate: for tests of those that check buckets, which must also
see what rowgate would never store.

    stored = s3log.Stored(server, "bucket", directory)
    stored.grow()
    stored.export()
"""

import base64
import datetime
import gzip
import hashlib
import json
import time
import urllib.parse

import auditlog


class Stored:
    def __init__(self, server, bucket, directory, mode="COMPLIANCE", origin="test/audit/node/1", days=2):
        self.server = server
        self.bucket = bucket
        self.mode = mode
        self.until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=days)
        self.client = server.client()
        self.log = auditlog.Log(directory, origin)
        self.log.clock = int(time.time() * 1e6)
        self.directory = self.log.directory
        self.node = urllib.parse.quote(origin, safe="-._~")
        self.exported = set()

    # ---- names ----

    def segment_key(self, first, suffix=".jsonl.gz", hour=None):
        lines = (self.directory / f"seg/{first:016}.jsonl").read_bytes().split(b"\n")
        hlc = json.loads(lines[0])["unmapped"]["rg"]["hlc"]
        when = datetime.datetime.fromtimestamp(hlc // 1000000, datetime.timezone.utc)
        last = first + len(lines) - 2
        return (f"raw/v1/node={self.node}/dt={when:%Y-%m-%d}/hour={when.hour if hour is None else hour:02}/"
                f"{first:016}-{last:016}{suffix}")

    def anchor_key(self, size):
        return f"ckpt/v1/node={self.node}/{size:016}.note"

    def segments(self):
        """The first records of the sealed ones."""
        return [int(path.stem) for path in sorted((self.directory / "seg").glob("*.manifest"))]

    def anchors(self):
        return [int(path.stem) for path in sorted((self.directory / "ckpt").glob("*.note"))]

    # ---- storing ----

    def put(self, key, body, mode=None, **options):
        mode = self.mode if mode is None else mode
        lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": self.until} if mode else {}
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        return self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ChecksumSHA256=checksum, **(lock | options)).get("VersionId", "")

    def put_segment(self, first, record=True, packed=None):
        packed = packed or gzip.compress((self.directory / f"seg/{first:016}.jsonl").read_bytes(), mtime=0)
        key = self.segment_key(first)
        version = self.put(key, packed)
        self.put(self.segment_key(first, ".manifest"), (self.directory / f"seg/{first:016}.manifest").read_bytes())
        self.exported.add(first)
        if record:
            last = int(key[-len("0000000000000000.jsonl.gz"):-len(".jsonl.gz")])
            self.log.append("export.segment", f'"first_seq":{first},"last_seq":{last},"object":"{key}","object_version":"{version}",'
                            f'"until_us":{int(self.until.timestamp()) * 1000000 if self.mode else 0},"digest":"{hashlib.sha256(packed).hexdigest()}"',
                            ocsf=f',"message":"{self.mode}"')

    def put_keys(self):
        for path in (self.directory / "keys").iterdir():
            self.put(f"keys/v1/node={self.node}/{path.name}", path.read_bytes())

    def put_anchors(self):
        known = set(self.server.keys(self.bucket, f"ckpt/v1/node={self.node}/"))
        for size in self.anchors():
            if self.anchor_key(size) not in known:
                self.put(self.anchor_key(size), (self.directory / f"ckpt/{size:016}.note").read_bytes())

    def export(self):
        for first in self.segments():
            if first not in self.exported:
                self.put_segment(first)
        self.log.save()

    def fill(self):
        """Two rounds of an exporter: an epoch's end, segments of which the log tells, one of which it does not yet, a tail that is
        anchored only."""
        self.log.write(60)
        self.log.seal()
        self.log.write(30)
        self.log.open_epoch()
        self.log.write(30)
        self.log.seal()
        self.log.write(20)
        self.log.seal()
        self.put_keys()
        self.export()
        self.log.write(40)
        self.log.checkpoint()
        self.log.write(10)
        self.log.seal()
        self.export()
        self.log.write(10)
        self.log.checkpoint()
        self.put_anchors()
        return self

    # ---- tampering ----

    def newest_version(self, key):
        return self.server.versions(self.bucket, key)[0]["VersionId"]

    def remove(self, key):
        """Every version of it, for good, as somebody may who has s3:BypassGovernanceRetention."""
        for version in self.server.versions(self.bucket, key):
            self.client.delete_object(Bucket=self.bucket, Key=version["Key"], VersionId=version["VersionId"],
                                      BypassGovernanceRetention=True)

    def hide(self, key):
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def shorten(self, key):
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
        self.client.put_object_retention(Bucket=self.bucket, Key=key, VersionId=self.newest_version(key),
                                         Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}, BypassGovernanceRetention=True)

    def forged_note(self, size, epoch=0):
        """A checkpoint of other records, by who holds the key."""
        root = hashlib.sha256(b"another history %d" % size).digest()
        return self.log.keys[epoch].sign(auditlog.checkpoint_text(self.log.origin, size, root))
