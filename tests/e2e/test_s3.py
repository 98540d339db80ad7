# SPDX-License-Identifier: Apache-2.0
"""The log in a bucket of a real server: what is sealed arrives there, locked and confirmed, whatever happens on the way, and no
statement waits for it."""
import contextlib
import datetime
import gzip
import http.server
import json
import os
import random
import shutil
import signal
import socket
import threading
import time

import psycopg2
import pytest

import s3
import s3stack
import stack as stacks
from s3fixtures import bucket, buckets, one_stack, server, stack  # noqa: F401

pytestmark = pytest.mark.external


def expect_good(stack):
    """The bucket and the log agree, and nothing was stored twice."""
    versions = [(version["Key"], version["VersionId"]) for version in stack.storage.versions(stack.bucket)]
    assert len(versions) == len(dict(versions)), "an object has two versions"
    assert stack.stored() == sorted(set(stack.stored()))
    for done in (stack.verify(), stack.verify(stack.audit)):
        print(done.stdout, done.stderr)
        assert done.returncode == 0


# ---- the ordinary day ----

def test_segments_anchors_and_keys_arrive_locked_and_confirmed(stack, server, bucket):
    began = datetime.datetime.now(datetime.timezone.utc)
    stack.renew(bucket)
    stack.work(120)
    stack.wait_stored()
    expect_good(stack)
    client = server.client()
    named = {record["object"]: record for record in stack.records("export.segment")}
    for version in server.versions(bucket):
        told = client.head_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], ChecksumMode="ENABLED")
        left = told["ObjectLockRetainUntilDate"] - began
        assert told["ObjectLockMode"] == "COMPLIANCE" and datetime.timedelta(days=1, hours=23) < left < datetime.timedelta(days=2, hours=1)
        assert told["ChecksumSHA256"]
        if version["Key"].endswith(".gz"):
            record = named[version["Key"].removeprefix("logs/")]
            assert record["object_version"] == version["VersionId"] and record["message"] == "COMPLIANCE"
            assert abs(record["until_us"] / 1e6 - told["ObjectLockRetainUntilDate"].timestamp()) < 1
            first = record["first_seq"]
            assert gzip.decompress(server.read(bucket, version["Key"])) == (stack.audit / f"seg/{first:016}.jsonl").read_bytes()
            assert server.read(bucket, version["Key"].replace(".jsonl.gz", ".manifest")) == (stack.audit / f"seg/{first:016}.manifest").read_bytes()
    node = "test%2Faudit%2Fnode%2F1"
    for path in (stack.audit / "keys").glob("*"):
        if path.name != "seed":
            assert server.read(bucket, f"logs/keys/v1/node={node}/{path.name}") == path.read_bytes()
    ends = {first for first in stack.sealed() if first > 0}
    anchors = {int(key[-21:-5]) for key in server.keys(bucket, f"logs/ckpt/v1/node={node}/")}
    assert ends <= anchors, "each sealed segment's last checkpoint is an anchor"
    shutil.rmtree(stack.audit)  # from the bucket alone
    (stack.audit / "keys").mkdir(parents=True)
    (stack.audit / "keys/root.vkey").write_bytes(server.read(bucket, f"logs/keys/v1/node={node}/root.vkey"))
    assert stack.verify().returncode == 0


def test_a_sealed_segment_and_a_checkpoint_are_there_soon(stack, bucket):
    """G12: a sealed segment within 60 s, a checkpoint within 5 s of its anchor_every."""
    stack.renew(bucket, seal_every="3s", anchor_every="1s")
    stack.work(10)
    began = time.monotonic()
    newest = int((stack.audit / "head.note").read_text().splitlines()[1])
    node = "logs/ckpt/v1/node=test%2Faudit%2Fnode%2F1/"
    stacks.wait_for(lambda: any(int(key[-21:-5]) >= newest for key in stack.storage.keys(bucket, node)), "the anchor", 15)
    anchored = time.monotonic() - began
    stacks.wait_for(lambda: stack.stored(), "the segment", 30)
    stored = time.monotonic() - began
    print(f"anchored after {anchored:.1f} s, stored after {stored:.1f} s")
    assert anchored < 6 and stored < 20


def test_an_idle_log_does_not_seal_what_the_export_itself_wrote(stack, bucket):
    stack.renew(bucket, seal_every="1s")
    stack.work(3)
    stack.wait_stored()
    time.sleep(5)
    assert len(stack.sealed()) <= 3, stack.sealed()
    before = len(stack.sealed())
    time.sleep(4)
    assert len(stack.sealed()) == before


def test_duckdb_reads_the_export_as_it_is(stack, server, bucket, tmp_path):
    s3.packages()
    import duckdb
    stack.renew(bucket)
    stack.work(60)
    stack.work(30, tenant="globex")
    stack.wait_stored()
    stack.stop_rowgate()
    for key in server.keys(bucket, "logs/raw/"):
        target = tmp_path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(server.read(bucket, key))
    found = duckdb.sql(f"""SELECT dt::varchar, hour::int, count(*), count(DISTINCT unmapped.rg.seq), count(*) FILTER (unmapped.rg.kind = 'statement'),
        any_value(node) FROM read_json_auto('{tmp_path}/logs/raw/**/*.jsonl.gz', hive_partitioning = true, union_by_name = true, format = 'newline_delimited',
        maximum_object_size = 100000, sample_size = -1) GROUP BY ALL ORDER BY 1, 2""").fetchall()
    stored = set(stack.stored())
    wanted = {}
    for first in stored:
        lines = (stack.audit / f"seg/{first:016}.jsonl").read_bytes().splitlines()
        when = datetime.datetime.fromtimestamp(json.loads(lines[0])["unmapped"]["rg"]["hlc"] // 1000000, datetime.timezone.utc)
        counts = wanted.setdefault((f"{when:%Y-%m-%d}", when.hour), [0, 0])
        counts[0] += len(lines)
        counts[1] += sum(b'"kind":"statement"' in line for line in lines)
    assert {(row[0], row[1]): [row[2], row[4]] for row in found} == wanted
    assert all(row[2] == row[3] for row in found) and sum(row[4] for row in found) >= 90
    assert {row[5] for row in found} <= {"test/audit/node/1", "test%2Faudit%2Fnode%2F1"}


def test_the_bucket_may_be_part_of_the_hosts_name(stack, bucket):
    stack.renew(bucket, addressing="virtual", content_md5=True)
    stack.work(50)
    stack.wait_stored()
    expect_good(stack)


def test_governance_and_no_lock_at_all(stack, server, bucket):
    stack.renew(bucket, object_lock="governance")
    stack.work(50)
    stack.wait_stored()
    assert stack.verify(options=["--object-lock", "governance"]).returncode == 0
    assert stack.verify(options=["--object-lock", "compliance"]).returncode == 1
    assert stack.command("audit", "verify", f"s3://{bucket}/logs").returncode == 0, "as the configuration has it"
    plain = server.make_bucket(f"plain-{next(buckets)}", is_locked=False)
    stack.renew(plain, object_lock="off")
    stack.work(50)
    stack.wait_stored()
    assert stack.verify().returncode == 0


# ---- what is wrong is told, and mended without a restart ----

def test_wrong_credentials_are_told_and_new_ones_are_taken(stack, bucket):
    path = stack.directory / "secrets/s3.toml"  # not beside the log, where the exporter's fence lets it read nothing
    path.parent.mkdir()
    path.write_text(f'access_key = "{s3.WRITER[0]}"\nsecret_key = "no-no-no"\n')
    stack.renew(bucket, credentials=f"file:{path}")
    stack.work(50)
    told = stack.wait_failing("SignatureDoesNotMatch", bucket, "secret key is wrong")
    assert "no-no-no" not in stack.rowgate.log_path.read_text() + told and s3.WRITER[1] not in told
    stack.wait_failing("SignatureDoesNotMatch", name="anchors")
    assert stack.stored() == []
    path.write_text(f'access_key = "{s3.WRITER[0]}"\nsecret_key = "{s3.WRITER[1]}"\n')
    stack.wait_stored(90)
    expect_good(stack)


def test_a_missing_bucket_is_told_and_then_used(stack, server):
    name = f"later-{next(buckets)}"
    stack.renew(name)
    stack.work(50)
    stack.wait_failing("NoSuchBucket", name, "create the bucket, with Object Lock")
    server.make_bucket(name)
    stack.wait_stored(90)
    expect_good(stack)


def test_a_bucket_without_object_lock_gets_nothing(stack, server):
    plain = server.make_bucket(f"plain-{next(buckets)}", is_locked=False)
    stack.renew(plain)
    stack.work(50)
    stack.wait_failing("no versioning and no Object Lock", "nothing is uploaded", plain)
    assert server.versions(plain) == []
    assert stack.work(5) < 5


def test_a_writer_who_may_not_lock_is_told_which_right_is_missing(stack, bucket, server):
    stack.renew(bucket, environment=server.environment(s3.POOR))
    stack.work(50)
    stack.wait_failing("AccessDenied", "s3:PutObjectRetention")
    assert server.versions(bucket) == []


def test_an_unknown_authority_is_refused(stack, bucket, server):
    stack.renew(bucket, ca_file="/etc/ssl/certs/ca-certificates.crt")
    stack.work(10)
    stack.wait_failing("certificate")
    assert server.versions(bucket) == []


# ---- the road ----

def test_a_day_without_the_server_loses_nothing_and_holds_nobody_up(stack, bucket, server):
    """Shorter than a day, with as many segments as one may have."""
    stack.renew(bucket)
    stack.work(50)
    stack.wait_stored()
    server.stop()
    assert stack.work(1200) < 5
    stack.wait_failing(bucket)
    waiting = [first for first in stack.sealed() if first not in stack.confirmed()]
    assert len(waiting) >= 20
    assert stack.work(20) < 5
    server.start()
    stack.wait_stored(180)
    stacks.wait_for(lambda: stack.status("anchors")["works"] and stack.status()["works"], "all works again", 120)
    order = [record["first_seq"] for record in stack.records("export.segment")]
    assert order == sorted(set(order)), "in order, each once"
    assert set(stack.sealed()) == set(stack.stored())
    states = [record for record in stack.records("export.state") if record["object"] == "s3"]
    assert [bool(state["message"]) for state in states] == [True, False], states
    expect_good(stack)


def test_a_restart_during_an_outage_begins_where_it_was(stack, bucket, server):
    stack.renew(bucket)
    stack.work(50)
    stack.wait_stored()
    server.stop()
    stack.work(200)
    stack.rowgate.stop()
    stack.rowgate.start()
    stack.work(50)
    server.start()
    stack.wait_stored(120)
    expect_good(stack)


def test_a_road_that_is_cut_again_and_again(stack, bucket, server):
    chance = random.Random(7)
    with s3stack.Road(server.ports["https"]) as road:
        stack.renew(bucket, endpoint=road.endpoint)
        ends = time.monotonic() + 15
        while time.monotonic() < ends:
            stack.work(30)
            road.limit = chance.choice([None, 3000, 8000, 20000])
            road.cut()
            time.sleep(chance.random() * 0.3)
            road.mend()
            time.sleep(chance.random())
        road.limit = None
        stack.wait_stored(120)
        expect_good(stack)


def test_a_slow_server_slows_no_statement(stack, bucket, server):
    with s3stack.Road(server.ports["https"]) as road:
        road.delay = 0.1
        stack.renew(bucket, endpoint=road.endpoint)
        assert stack.work(150) < 3
        road.delay = 0
        stack.wait_stored(120)
        expect_good(stack)


def test_an_exporter_that_is_killed_again_and_again(stack, bucket, server):
    chance = random.Random(11)
    with s3stack.Road(server.ports["https"]) as road:
        road.delay = 0.01
        stack.renew(bucket, endpoint=road.endpoint)
        killed = 0
        for _ in range(12):
            stack.work(40)
            time.sleep(chance.random() * 0.5)
            with contextlib.suppress(KeyError, ProcessLookupError):
                os.kill(stack.rowgate.children()["exporter"], signal.SIGKILL)
                killed += 1
        assert killed >= 3
        road.delay = 0
        stack.wait_stored(90)
        assert set(stack.sealed()) <= set(stack.stored())
        expect_good(stack)


def test_lost_cursors_mean_that_all_is_looked_at_again_and_nothing_is_stored_twice(stack, bucket, server):
    stack.renew(bucket)
    stack.work(120)
    stack.wait_stored()
    stack.rowgate.stop()
    before = server.versions(bucket, "logs/raw/")
    for path in (stack.audit / "export").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    stack.rowgate.start()
    stack.work(50)
    stack.wait_stored()
    after = {version["VersionId"] for version in server.versions(bucket, "logs/raw/")}
    assert {version["VersionId"] for version in before} <= after
    expect_good(stack)


class Tunnel(http.server.BaseHTTPRequestHandler):
    """An HTTP proxy that connects."""
    asked = []

    def do_CONNECT(self):
        Tunnel.asked.append(self.path)
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self.carry, args=(target, self.connection), daemon=True)
            back.start()
            self.carry(self.connection, target)

    @staticmethod
    def carry(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_through_a_proxy(stack, bucket):
    with serving(Tunnel) as proxy:
        stack.renew(bucket, proxy=proxy)
        stack.work(50)
        stack.wait_stored()
        assert Tunnel.asked and set(Tunnel.asked) == {f"localhost:{stack.storage.ports['https']}"}
        expect_good(stack)
        stack.stop_rowgate()


class Metadata(http.server.BaseHTTPRequestHandler):
    """The instance metadata service, version 2 only."""
    asked = []
    ttl = 302  # seconds; ours asks again five minutes before the end

    def answer(self, code, text=""):
        Metadata.asked.append((self.command, self.path, code))
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        good = self.path == "/latest/api/token" and int(self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", 0)) > 0
        self.answer(200, "the-token") if good else self.answer(400)

    def do_GET(self):
        roles = "/latest/meta-data/iam/security-credentials/"
        if self.headers.get("X-aws-ec2-metadata-token") != "the-token":
            self.answer(401)
        elif self.path == roles:
            self.answer(200, "the-role\n")
        elif self.path == roles + "the-role":
            until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.ttl)
            self.answer(200, json.dumps({"Code": "Success", "AccessKeyId": s3.WRITER[0], "SecretAccessKey": s3.WRITER[1],
                                         "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"}))
        else:
            self.answer(404)

    def log_message(self, *_):
        pass


def test_credentials_of_the_instances_role_are_fetched_and_renewed(stack, bucket):
    Metadata.asked = []
    with serving(Metadata) as service:
        stack.renew(bucket, credentials="instance", environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": service, "AWS_ACCESS_KEY_ID": "",
                                                                "AWS_SECRET_ACCESS_KEY": ""})
        stack.work(50)
        stack.wait_stored()
        time.sleep(4)
        stack.work(50)
        stack.wait_stored()
        fetched = [path for method, path, code in Metadata.asked if path.endswith("/the-role")]
        assert len(fetched) >= 3 and all(code == 200 for *_, code in Metadata.asked), Metadata.asked
        expect_good(stack)
        stack.stop_rowgate()


def test_no_metadata_service_is_told(stack, bucket):
    stack.renew(bucket, credentials="instance", environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"})
    stack.work(5)
    stack.wait_failing("instance metadata service")


# ---- rollback and forks ----

def refused(stack):
    try:
        stack.work(1)
    except psycopg2.Error as error:
        return error.pgcode or str(error)
    return None


def test_a_log_that_was_rolled_back_is_closed_by_its_anchors(stack, bucket):
    stack.renew(bucket)
    stack.work(50)
    stack.wait_stored()
    stack.rowgate.stop()
    snapshot = stack.copy_log()
    stack.rowgate.start()
    stack.work(200)
    stack.wait_stored()
    stack.rowgate.stop()
    node = "logs/ckpt/v1/node=test%2Faudit%2Fnode%2F1/"
    anchored = max(int(key[-21:-5]) for key in stack.storage.keys(bucket, node))
    shutil.rmtree(stack.audit)
    snapshot.rename(stack.audit)
    assert stack.verify(stack.audit).returncode == 2
    stack.rowgate.start()
    stacks.wait_for((stack.audit / "export/rolled-back").exists, "the mark", 30)
    told = (stack.audit / "export/rolled-back").read_text()
    assert "ROLLBACK" in told and bucket in told and str(anchored) in told or "records" in told
    stacks.wait_for(lambda: refused(stack) is not None, "statements are refused", 20)
    stack.rowgate.stop()
    with contextlib.suppress(RuntimeError):  # it stays closed, however often it is started
        stack.rowgate.start()
        assert refused(stack) is not None
    assert "rolled back" in stack.rowgate.log_path.read_text()


def test_an_anchor_that_is_another_is_a_fork(stack, bucket, server):
    """Whoever may write to the bucket puts something under the names of the next anchors."""
    stack.renew(bucket)
    stack.work(20)
    stack.wait_stored()
    newest = int((stack.audit / "head.note").read_text().splitlines()[1])
    client = server.client()
    for size in range(newest + 1, newest + 80):
        client.put_object(Bucket=bucket, Key=f"logs/ckpt/v1/node=test%2Faudit%2Fnode%2F1/{size:016}.note", Body=b"another history\n")
    stack.work(30)
    stack.wait_failing("FORK", bucket, name="anchors")
    assert stack.work(5) < 5, "statements go on"
    assert stack.verify().returncode in (1, 3)


def test_a_sealed_segment_that_was_changed_is_not_uploaded(stack, bucket, server):
    stack.renew(bucket)
    stack.work(20)
    stack.wait_stored()
    server.stop()
    stack.work(120)
    stacks.wait_for(lambda: len(stack.sealed()) > len(stack.confirmed()) + 1, "a segment that waits")
    first = next(first for first in stack.sealed() if first not in stack.confirmed())
    path = stack.audit / f"seg/{first:016}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"verdict":"allowed"', b'"verdict":"denied" ', 1).replace(b'"verdict":"rewritten"', b'"verdict":"rewritte_"', 1))
    server.start()
    stacks.wait_for(lambda: "not what was sealed" in json.dumps(stack.status()), "the refusal", 90)
    assert first not in stack.stored()
