# SPDX-License-Identifier: Apache-2.0
"""Three nodes on loopback, each with a log of its own: what one recorded of another, the other can no longer take back."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import psycopg2
import pytest

import stack as stacks

CONFIG = """\
version = 1
[tls.public]
certificate = "{tls}/server.crt"
private_key = "{tls}/server.key"
[upstreams.main]
kind = "postgres"
dsn = "host=127.0.0.1 port=1 dbname=bi user=rowgate sslmode=disable"
connect_timeout = "1s"
identity = "none"
[[listeners]]
name = "sql"
plane = "sql"
listen = "127.0.0.1:0"
tls = "public"
login = ["scram"]
[[service_accounts]]
name = "etl"
verifier = "env:ROWGATE_TEST_VERIFIER"
[[tenants]]
id = "acme"
match = {{ service_account = "etl" }}
route = {{ upstream = "main", schemas = {{ sales = "t_acme" }} }}
[[policies]]
name = "own schema"
on = ["sales.*"]
for = ["select"]
isolation = "schema"
[audit]
directory = "{audit}"
origin = "{origin}"
export_alert = "1s"
[audit.cluster]
members = [{members}]
listen = "127.0.0.1:{port}"
tls = "public"
every = "1s"
{peers}
"""
PEER = '[[audit.cluster.peers]]\norigin = "{origin}"\nurl = "https://localhost:{port}"\nroot = "file:{root}"\nca_file = "{tls}/server.crt"\n'


class Node:
    def __init__(self, cluster, number):
        self.cluster = cluster
        self.origin = f"test/audit/node-{number}/1"
        self.directory = cluster.directory / f"n{number}"
        self.directory.mkdir()
        self.audit = self.directory / "audit"
        self.port = stacks.pgtest.free_port()
        self.rowgate = None

    def make(self):
        self.rowgate = stacks.Rowgate(self.directory, self.text(peers=False), self.environment(), self.audit)
        self.rowgate.make_keys()

    def environment(self):
        return {"ROWGATE_TEST_VERIFIER": stacks.scram_verifier("etl-secret")}

    def text(self, peers=True):
        others = [node for node in self.cluster.nodes if node is not self]
        tables = "".join(PEER.format(origin=node.origin, port=node.port, root=node.audit / "keys/root.vkey", tls=self.cluster.tls)
                         for node in others if peers)
        return CONFIG.format(tls=self.cluster.tls, audit=self.audit, origin=self.origin, port=self.port, peers=tables,
                             members=", ".join(f'"{node.origin}"' for node in self.cluster.nodes))

    def start(self):
        self.rowgate.config.write_text(self.text())
        self.rowgate.start()

    def work(self, count=1):
        """Failed logins: records without a database."""
        for _ in range(count):
            with pytest.raises(psycopg2.OperationalError):
                psycopg2.connect(host="localhost", port=self.rowgate.port, dbname="bi", user="etl", password="wrong",
                                 sslmode="require")

    def lines(self):
        return [line for path in sorted((self.audit / "seg").glob("*.jsonl")) for line in path.read_bytes().split(b"\n")
                if line.startswith(b"{")]

    def records(self, kind):
        return [json.loads(line) for line in self.lines() if b'"kind":"%s"' % kind.encode() in line]

    def recorded(self, other):
        """Sizes of the other's checkpoints in this log."""
        return [int(record["message"].split("\n")[1]) for record in self.records("peer.ckpt")
                if record["message"].startswith(other.origin + "\n")]


class Cluster:
    def __init__(self, count=3):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-cluster."))
        self.tls = self.directory / "tls"
        stacks.make_certificate(self.tls)
        self.nodes = []
        self.nodes = [Node(self, number) for number in range(1, count + 1)]
        for node in self.nodes:
            node.make()

    def __enter__(self):
        for node in self.nodes:
            node.start()
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.rowgate.stop()
            print(node.rowgate.log_path.read_text()[-2500:])
        shutil.rmtree(self.directory, ignore_errors=True)

    def wait_recorded(self, seconds=40):
        stacks.wait_for(lambda: all(node.recorded(other) for node in self.nodes for other in self.nodes if node is not other),
                        "checkpoints of all in all", seconds)

    def stop(self):
        for node in self.nodes:
            assert node.rowgate.stop() == 0


def verify(*arguments):
    done = subprocess.run([stacks.binary(), "audit", "verify", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    print(done.stdout[-3000:], done.stderr)
    return done


def ask(node, path, method="GET", body=None):
    command = ["curl", "-sS", "-m", "20", "--cacert", node.cluster.tls / "server.crt", "-X", method, "-w", "\n%{http_code}",
               f"https://localhost:{node.port}{path}"] + (["--data-binary", "@-"] if body else [])
    done = subprocess.run(command, input=body, capture_output=True)
    text, _, status = done.stdout.rpartition(b"\n")
    return int(status), text


def test_three_nodes_keep_each_others_checkpoints_and_verify_together():
    with Cluster() as cluster:
        one, two, three = cluster.nodes
        one.work(3)
        cluster.wait_recorded()
        for node in cluster.nodes:
            members = node.records("cluster.members")
            assert len(members) == 1 and members[0]["message"] == "".join(f"{other.origin}\n" for other in cluster.nodes)
        status, note = ask(two, "/checkpoint")
        assert status == 200 and note.startswith(two.origin.encode() + b"\n")
        assert ask(two, "/keys") == (200, b"00000000\n")
        assert ask(two, "/keys/00000000") == (200, (two.audit / "keys/list-00000000.note").read_bytes())
        for path in ("/", "/keys/", "/keys/seed", "/keys/../seed", "/keys/%2e%2e/seed", "/keys/00000001", "/keys/0000000", "/seg", "//checkpoint",
                     "/keys/00000000/", "/checkpoint/../keys/seed", "/" + "a" * 8000):
            assert ask(two, path)[0] in (404, 400), path
        assert ask(two, "/checkpoint", "POST", b"x")[0] == 405 and ask(two, "/checkpoint", "POST", b"x" * 5000)[0] == 413
        cluster.stop()
        directories = [node.audit for node in cluster.nodes]
        done = verify(*directories)
        assert done.returncode == 0 and done.stdout.count("checkpoints that other nodes recorded") == 3
        roots = [part for node in cluster.nodes for part in ("--root", node.audit / "keys/root.vkey")]
        assert verify(*roots, *directories).returncode == 0
        lines = [json.loads(line) for line in verify("--json", *directories).stdout.splitlines()]
        assert len(lines) == 3
        assert verify(one.audit, one.audit, two.audit).returncode == 6
        assert verify("--since", one.audit / "head.note", *directories).returncode == 6
        check_merged(cluster)
        check_missing(cluster)
        # another's root key is nobody's
        thief = cluster.directory / "thief"
        subprocess.run([stacks.binary(), "audit", "keys", "init", "--epochs", "3", "--origin", one.origin, "--root-key",
                        cluster.directory / "thief.key", thief], check=True, capture_output=True)
        assert verify("--root", thief / "keys/root.vkey", *directories).returncode != 0


def check_merged(cluster):
    directories = [str(node.audit) for node in cluster.nodes]
    done = subprocess.run([stacks.binary(), "audit", "cat", *directories], capture_output=True)
    assert done.returncode == 0
    lines = done.stdout.split(b"\n")[:-1]
    everything = [line for node in cluster.nodes for line in node.lines()]
    assert sorted(lines) == sorted(everything)
    times = [json.loads(line)["unmapped"]["rg"]["hlc"] for line in lines]
    assert times == sorted(times)
    backwards = subprocess.run([stacks.binary(), "audit", "cat", *reversed(directories)], capture_output=True)
    assert backwards.stdout == done.stdout, "whatever order they are given in"
    assert subprocess.run([stacks.binary(), "audit", "cat", "--from", "3", *directories], capture_output=True).returncode == 6
    nothing = subprocess.run([stacks.binary(), "audit", "cat", "--tenant", "nobody", *directories], capture_output=True)
    assert nothing.returncode == 0 and nothing.stdout == b""


def check_missing(cluster):
    one, two, three = cluster.nodes
    done = verify(one.audit, three.audit)
    assert done.returncode == 4 and f"the log of {two.origin} is not among those given" in done.stdout
    # a node that was emptied is not there either
    empty = cluster.directory / "empty"
    empty.mkdir()
    assert verify(one.audit, empty, three.audit).returncode == 6
    # a record of it that was taken out of the other's log is found there
    copy = cluster.directory / "copy"
    shutil.copytree(one.audit, copy)
    segment = next((copy / "seg").glob("*.jsonl"))
    kept = [line for line in segment.read_bytes().split(b"\n") if b'"kind":"peer.ckpt"' not in line]
    segment.write_bytes(b"\n".join(kept))
    assert verify(copy, two.audit, three.audit).returncode == 1


def test_a_node_that_was_rolled_back_contradicts_the_others():
    with Cluster() as cluster:
        one, two, three = cluster.nodes
        cluster.wait_recorded()
        assert two.rowgate.stop() == 0
        old = cluster.directory / "old"
        shutil.copytree(two.audit, old)
        before = max(one.recorded(two))
        two.rowgate.start()
        two.work(20)  # more than peers' records explain
        stacks.wait_for(lambda: int((two.audit / "head.note").read_text().splitlines()[1]) > before + 20, "their checkpoint", 20)
        # a restarted exporter of a peer records at once what it sees
        for node in (one, three):
            os.kill(node.rowgate.children()["exporter"], 9)
        stacks.wait_for(lambda: max(one.recorded(two)) > before + 10 and max(three.recorded(two)) > before + 10, "the newer ones", 40)
        assert two.rowgate.stop() == 0
        evidence = cluster.directory / "evidence"
        shutil.copytree(two.audit, evidence)
        shutil.rmtree(two.audit)
        shutil.copytree(old, two.audit)
        # verified as it was restored: records are missing
        done = verify(one.audit, two.audit, three.audit)
        assert done.returncode == 2 and one.origin in done.stdout
        assert verify(two.audit).returncode == 0, "alone it looks well"
        two.rowgate.start()
        stacks.wait_for(lambda: any("ROLLBACK" in record.get("message", "") and two.origin in record.get("message", "")
                                    for record in one.records("export.state")), "the alert of a peer", 40)
        two.work(40)  # it grows over what it was, with other records
        cluster.stop()
        assert verify(one.audit, two.audit, three.audit).returncode == 3
        assert verify(one.audit, evidence, three.audit).returncode == 0, "what was there before is what the others vouch for"
        status = subprocess.run([stacks.binary(), "audit", "status", str(one.audit)], capture_output=True, text=True)
        assert "ROLLBACK" in status.stdout or "FORK" in status.stdout


def test_an_idle_cluster_comes_to_rest():
    """A records B's growth, which is B's record of A's growth, and so on: it must end."""
    with Cluster() as cluster:
        cluster.wait_recorded()
        time.sleep(4)
        sizes = [len(node.lines()) for node in cluster.nodes]
        time.sleep(12)
        assert [len(node.lines()) for node in cluster.nodes] == sizes
        assert all(len(node.records("peer.ckpt")) == 2 for node in cluster.nodes)
        # the list of members is written again only when it changed
        one = cluster.nodes[0]
        assert one.rowgate.stop() == 0
        one.rowgate.start()
        stacks.wait_for(lambda: len(one.records("peer.ckpt")) > 2, "the exporter", 20)
        assert len(one.records("cluster.members")) == 1


def test_a_peer_that_lies_is_not_believed():
    with Cluster(2) as cluster:
        one, two = cluster.nodes
        cluster.wait_recorded()
        assert two.rowgate.stop() == 0
        # somebody else under the same name, at the same address, with keys of his own
        count = len(one.recorded(two))
        shutil.rmtree(two.audit)
        two.rowgate.make_keys()
        root = one.directory / "root.vkey"
        two.rowgate.start()
        stacks.wait_for(lambda: "is not signed by" in task(one, two)["reason"] or "peer/" in task(one, two)["reason"] or
                        task(one, two)["works"] is False, "the refusal", 40)
        time.sleep(2)
        assert len(one.recorded(two)) == count and not root.exists()


def task(node, other):
    done = subprocess.run([stacks.binary(), "audit", "status", "--json", str(node.audit)], capture_output=True, text=True)
    with contextlib.suppress(ValueError):
        return next(item for item in json.loads(done.stdout)["tasks"] if item["name"] == f"peer/{other.origin}")
    return {"works": None, "reason": ""}
