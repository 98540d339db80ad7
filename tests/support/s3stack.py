# SPDX-License-Identifier: Apache-2.0
"""rowgate with a bucket, and what may stand between them: a road that is slow, or cut.

    stack.renew(bucket)                       # rowgate with a log of its own, exported to that bucket
    with s3stack.Road(server.ports["https"]) as road:
        stack.renew(bucket, endpoint=road.endpoint)
        road.cut()
"""

import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import stack as stacks

numbers = itertools.count(1)
SETTINGS = {"addressing": "path", "retain": "2d", "anchor_every": "1s", "seal_every": "2s"}


class S3Stack(stacks.Stack):
    def __init__(self, server, **options):
        super().__init__(**({"rows": 20} | options))
        self.storage = server
        self.audit_name = "audit"
        self.more = {}

    @property
    def audit(self):
        return self.directory / self.audit_name

    def environment(self):
        return super().environment() | self.storage.environment() | self.more

    def renew(self, bucket, environment=(), audit_name=None, start=True, more="", **settings):
        """Settings of [audit.s3] as they stand there; None leaves one out. more: other tables of the configuration."""
        self.stop_rowgate()
        settings = SETTINGS | {"url": f"s3://{bucket}/logs/", "endpoint": self.storage.endpoint,
                               "ca_file": str(self.storage.ca_file)} | settings
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items() if value is not None)
        self.bucket = bucket
        self.more = dict(environment)
        self.extra = f'segment_size = "128KiB"\nexport_alert = "1s"\n[audit.s3]\n{lines}{more}'
        self.audit_name = audit_name or f"audit-{next(numbers)}"
        self.rowgate = stacks.Rowgate(self.directory, self.config_text(), self.environment(), self.audit)
        self.rowgate.log_path = self.directory / f"rowgate-{next(numbers)}.log"
        if start:
            self.rowgate.start()

    def stop_rowgate(self):
        if self.rowgate is not None and self.rowgate.process is not None:
            self.rowgate.stop()

    # ---- statements ----

    def work(self, count, tenant="acme"):
        """Statements, each with text enough that some forty fill a segment; the seconds that the slowest took."""
        slowest = 0
        with contextlib.closing(self.connect(tenant)) as connection, connection.cursor() as cursor:
            for number in range(count):
                began = time.monotonic()
                cursor.execute(f"SELECT count(*) FROM sales.orders WHERE note <> '{number:01000}'")
                slowest = max(slowest, time.monotonic() - began)
        return slowest

    # ---- what is where ----

    def lines(self, only_sealed=False):
        found = []
        for path in sorted((self.audit / "seg").glob("*.jsonl")):
            if not only_sealed or path.with_suffix(".manifest").exists():
                found += [line for line in path.read_bytes().rstrip(b"\0").split(b"\n") if line]
        return found

    def records(self, kind):
        return [record["unmapped"]["rg"] | {"message": record.get("message")} for record in map(json.loads, self.lines())
                if record["unmapped"]["rg"]["kind"] == kind]

    def sealed(self):
        """First records of those that are here; the manifest of one that was pruned stays."""
        return [int(path.stem) for path in sorted((self.audit / "seg").glob("*.manifest")) if path.with_suffix(".jsonl").exists()]

    def stored(self):
        """First records of the segments in the bucket."""
        return sorted(int(pathlib.PurePath(key).name[:16]) for key in self.storage.keys(self.bucket, "logs/raw/") if key.endswith(".gz"))

    def confirmed(self):
        return sorted({record["first_seq"] for record in self.records("export.segment")})

    def is_stored(self):
        newest = max((self.audit / "seg").glob("*.jsonl")).read_bytes()
        kinds = {kind.decode() for kind in re.findall(rb'"mono_us":\d+,"kind":"([a-z.]+)"', newest)}
        waits = {kind for kind in kinds if kind not in ("log.checkpoint", "epoch.open", "peer.ckpt", "part") and not kind.startswith("export.")}
        return not waits and set(self.sealed()) <= set(self.confirmed())

    def wait_stored(self, seconds=60):
        """All that clients did is sealed and in the bucket, and the log says so: nothing moves any more but anchors."""
        try:
            for pause in (3, 0):  # a process that died a moment ago is on record a moment later
                stacks.wait_for(lambda: self.sealed() and self.is_stored(), "all segments in the bucket", seconds)
                time.sleep(pause)
        except stacks.Late as error:
            newest = max((self.audit / "seg").glob("*.jsonl"))
            kinds = re.findall(rb'"mono_us":\d+,"kind":"([a-z.]+)"', newest.read_bytes())
            waiting = sorted(set(self.sealed()) - set(self.confirmed()))
            raise stacks.Late(f"{error}: {waiting} wait, {newest.name} holds {kinds[:20]}, {self.status()}") from error

    def status(self, name="s3"):
        done = subprocess.run([stacks.binary(), "audit", "status", "--json", str(self.audit)], text=True, capture_output=True)
        with contextlib.suppress(ValueError, StopIteration):
            return next(task for task in json.loads(done.stdout)["tasks"] if task["name"] == name)
        return {"works": None}

    def wait_failing(self, *words, name="s3", seconds=20):
        """The task fails, the log records it, and all say why."""
        stacks.wait_for(lambda: self.status(name)["works"] is False, f"{name} fails", seconds)
        stacks.wait_for(lambda: any(name == record["object"] for record in self.records("export.state")), "the record of it", seconds)
        told = next(record for record in self.records("export.state") if record["object"] == name)["message"]
        for word in words:
            assert word in told, (word, told)
        return told

    def verify(self, *where, options=()):
        url = f"s3://{self.bucket}/logs"
        where = [*where, "--s3", url] if where else [url]
        return subprocess.run([stacks.binary(), "audit", "verify", *map(str, where), "--endpoint", self.storage.endpoint, "--ca-file",
                               str(self.storage.ca_file), "--root", str(self.audit / "keys/root.vkey"), *options], text=True,
                              capture_output=True, timeout=300, env=os.environ | self.storage.environment())

    def copy_log(self):
        target = self.directory / f"copy-{next(numbers)}"
        shutil.copytree(self.audit, target, ignore=shutil.ignore_patterns("orders.sock"))
        return target


class Road:
    """TCP between rowgate and the server: as it is, slow, or cut."""

    def __init__(self, port):
        self.port = port
        self.delay = 0
        self.is_cut = False
        self.limit = None  # bytes to the server after which a connection is cut
        self.pairs = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.cut()

    @property
    def endpoint(self):
        return f"https://localhost:{self.listener.getsockname()[1]}"

    def cut(self):
        self.is_cut = True
        for pair in list(self.pairs):
            self.close(pair)

    def mend(self):
        self.is_cut = False

    def close(self, pair):
        self.pairs.discard(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            try:
                pair = (client, socket.create_connection(("127.0.0.1", self.port), timeout=5))
            except OSError:
                client.close()
                continue
            self.pairs.add(pair)
            for source, target in (pair, pair[::-1]):
                source.settimeout(None)
                threading.Thread(target=self.carry, args=(pair, source, target), daemon=True).start()

    def carry(self, pair, source, target):
        carried = 0
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(16384)
                if not data:
                    break
                time.sleep(self.delay)
                carried += len(data)
                if self.limit is not None and source is pair[0] and carried > self.limit:
                    break
                target.sendall(data)
        self.close(pair)
