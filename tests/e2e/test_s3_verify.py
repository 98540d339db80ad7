# SPDX-License-Identifier: Apache-2.0
"""rowgate audit verify s3://... on buckets of a real server, filled and spoiled without rowgate: each attack is told by its exit
status and in words, and what is honest is not called an attack."""
import gzip
import itertools
import json
import os
import shutil
import subprocess
import time

import pytest

import s3
import s3log
import stack as stacks

pytestmark = pytest.mark.external
buckets = itertools.count(1)
COMPLIANCE, GOVERNANCE = "COMPLIANCE", "GOVERNANCE"


@pytest.fixture(scope="module")
def server():
    with s3.Seaweed() as running:
        yield running


@pytest.fixture
def store(server, tmp_path):
    """Makes a filled bucket."""
    def make(mode=COMPLIANCE, **options):
        bucket = server.make_bucket(f"bucket-{next(buckets)}", is_locked=bool(mode))
        return s3log.Stored(server, bucket, tmp_path / f"log-{bucket}", mode, **options).fill()
    return make


def verify(stored, *options, directory=None, account=s3.READER, bucket=None, temporary=None):
    url = f"s3://{bucket or stored.bucket}"
    where = [url] if directory is None else [str(directory), "--s3", url]
    return subprocess.run([stacks.binary(), "audit", "verify", *where, "--endpoint", stored.server.endpoint, "--ca-file",
                           str(stored.server.ca_file), *options], text=True, capture_output=True, timeout=120,
                          env={"PATH": os.environ["PATH"], **({"TMPDIR": str(temporary)} if temporary else {}),
                               **stored.server.environment(account)})


def expect(done, code, *words):
    assert done.returncode == code, (done.stdout, done.stderr)
    for word in words:
        assert word in done.stdout + done.stderr, (word, done.stdout, done.stderr)


def root(stored):
    return "--root", stored.log.root.vkey().decode()


# ---- what is honest ----

@pytest.mark.parametrize("mode", [COMPLIANCE, GOVERNANCE])
def test_an_honest_bucket_holds(store, mode, tmp_path):
    stored = store(mode)
    done = verify(stored, *root(stored), "--json", temporary=tmp_path)
    report = json.loads(done.stdout)
    expect(done, 0)
    assert report["records"] == sum(len((stored.directory / f"seg/{first:016}.jsonl").read_bytes().splitlines())
                                    for first in stored.segments())
    assert report["root_pinned"] and report["origin"] == "test/audit/node/1" and report["findings"] == []
    expect(verify(stored, "--object-lock", mode.lower(), *root(stored), temporary=tmp_path), 0)
    assert not [name for name in os.listdir(tmp_path) if name.startswith("rowgate-verify.")]  # where it puts what it reads


def test_an_honest_bucket_without_locks_holds_but_not_when_locks_are_demanded(store):
    stored = store(mode="")
    expect(verify(stored, *root(stored)), 0, "records no lock")
    expect(verify(stored, "--object-lock", "governance"), 1, "locked not at all")


def test_the_local_log_continues_its_anchors(store):
    stored = store()
    expect(verify(stored, directory=stored.directory), 0, "must continue")
    stored.log.write(50)
    stored.log.checkpoint()
    expect(verify(stored, directory=stored.directory), 0)


def test_the_same_object_put_twice_is_no_finding(store):
    stored = store()
    key = stored.segment_key(0)
    stored.put(key, stored.server.read(stored.bucket, key))
    stored.put(stored.anchor_key(stored.anchors()[0]), (stored.directory / f"ckpt/{stored.anchors()[0]:016}.note").read_bytes())
    expect(verify(stored), 0)


def test_a_checkpoint_that_was_kept_is_continued(store, tmp_path):
    stored = store()
    kept = tmp_path / "kept"
    kept.write_bytes((stored.directory / f"ckpt/{stored.anchors()[1]:016}.note").read_bytes())
    expect(verify(stored, "--since", str(kept)), 0)
    kept.write_bytes(stored.forged_note(stored.anchors()[0]))
    expect(verify(stored, "--since", str(kept)), 3, "two logs")


def test_two_logs_in_one_bucket_are_told_apart(store, server, tmp_path):
    stored = store()
    other = s3log.Stored(server, stored.bucket, tmp_path / "other", origin="test/audit/node/2").fill()
    expect(verify(stored), 6, "several logs", "test/audit/node/1", "test/audit/node/2")
    expect(verify(stored, "--origin", "test/audit/node/2", *root(other)), 0, "test/audit/node/2")
    expect(verify(stored, directory=stored.directory), 0)


def test_more_anchors_than_one_page_of_a_listing(store):
    stored = store()
    stored.log.write(1200)
    stored.log.seal()
    stored.put_segment(stored.segments()[-1], record=False)
    stored.put_anchors()
    known = set(stored.anchors())
    first = stored.log.first - 1200
    sizes = [size for size in range(first, stored.log.first) if size not in known][:1050]
    for size in sizes:
        root = s3log.auditlog.merkle_root(stored.log.leaves[:size])
        stored.put(stored.anchor_key(size), stored.log.keys[1].sign(s3log.auditlog.checkpoint_text(stored.log.origin, size, root)))
    expect(verify(stored), 0, f"{len(known) + len(sizes)} anchors")
    stored.hide(stored.anchor_key(sizes[-3]))
    expect(verify(stored), 1, "delete marker")


# ---- attacks: what is done, exit status, words ----

def hide_segment(stored):
    stored.hide(stored.segment_key(stored.segments()[1]))


def hide_anchor(stored):
    stored.hide(stored.anchor_key(stored.anchors()[-1]))


def hide_keys(stored):
    stored.hide(f"keys/v1/node={stored.node}/root.vkey")


def overwrite_segment(stored):
    stored.put(stored.segment_key(0), gzip.compress(b"nothing\n"), mode="")


def overwrite_manifest(stored):
    stored.put(stored.segment_key(0, ".manifest"), b"nothing\n", mode="")


def overwrite_anchor(stored):
    stored.put(stored.anchor_key(stored.anchors()[-1]), b"nothing\n", mode="")


def replay_anchor_as_version(stored):
    """The newest anchor is made the oldest one's content."""
    stored.put(stored.anchor_key(stored.anchors()[-1]), (stored.directory / f"ckpt/{stored.anchors()[0]:016}.note").read_bytes())


def replay_anchor_as_newest(stored):
    stored.put(stored.anchor_key(10 ** 6), (stored.directory / f"ckpt/{stored.anchors()[0]:016}.note").read_bytes())


def fork_by_version(stored):
    size = stored.anchors()[0]
    stored.put(stored.anchor_key(size), stored.forged_note(size))


def fork_by_name(stored):
    """A size of which the log has no anchor, within its records."""
    size = stored.anchors()[0] - 7
    stored.put(stored.anchor_key(size), stored.forged_note(size))


def fork_beyond(stored):
    """Of records that are anchored only."""
    size = stored.anchors()[-1]
    stored.put(stored.anchor_key(size), stored.forged_note(size, epoch=1))


def unsigned_anchor(stored):
    key = s3log.auditlog.Key("test/audit/node/1", b"9" * 32)
    stored.put(stored.anchor_key(10 ** 6), key.sign(s3log.auditlog.checkpoint_text(stored.log.origin, 10 ** 6, bytes(32))))


def add_stranger(stored):
    stored.put(f"raw/v1/node={stored.node}/dt=2026-01-01/hour=00/report.pdf", b"%PDF")


def move_out(stored):
    key = stored.segment_key(0)
    body = stored.server.read(stored.bucket, key)
    stored.remove(key)
    stored.put(key.replace("/hour=", "/minute="), body)


def move_to_another_hour(stored):
    key = stored.segment_key(0)
    body = stored.server.read(stored.bucket, key)
    moved = stored.segment_key(0, hour=(int(key.split("hour=")[1][:2]) + 5) % 24)
    stored.remove(key)
    stored.put(moved, body)


def remove_segment(stored):
    stored.remove(stored.segment_key(stored.segments()[1]))


def remove_newest_recorded_segment(stored):
    """It and its manifest: what is left looks like a shorter log, but for the records and the anchors."""
    for first in stored.segments()[-2:]:
        stored.remove(stored.segment_key(first))
        stored.remove(stored.segment_key(first, ".manifest"))


def remove_manifest(stored):
    stored.remove(stored.segment_key(0, ".manifest"))


def remove_epoch_end(stored):
    """The last checkpoint of epoch 0."""
    lines = [line for path in sorted((stored.directory / "seg").glob("*.jsonl")) for line in path.read_bytes().rstrip(b"\0").splitlines()]
    opened = next(i for i, line in enumerate(lines) if b'"kind":"epoch.open"' in line)
    stored.remove(stored.anchor_key(opened + 1))


def remove_anchors(stored):
    stored.remove(f"ckpt/v1/node={stored.node}/")


def remove_keys(stored):
    stored.remove(f"keys/v1/node={stored.node}/list-")


def replace_segment(stored):
    key = stored.segment_key(0)
    body = gzip.decompress(stored.server.read(stored.bucket, key))
    stored.remove(key)
    stored.put(key, gzip.compress(body.replace(b'"kind":"statement"', b'"kind":"statemenu"', 1)))


def put_again(stored):
    """Removed and put again as it was: the log names another version."""
    key = stored.segment_key(0)
    body = stored.server.read(stored.bucket, key)
    stored.remove(key)
    stored.put(key, body)


def cut_segment(stored):
    key = stored.segment_key(stored.segments()[-1])
    body = stored.server.read(stored.bucket, key)
    stored.remove(key)
    stored.put(key, body[:-20])


def append_to_segment(stored):
    key = stored.segment_key(stored.segments()[-1])
    body = stored.server.read(stored.bucket, key)
    stored.remove(key)
    stored.put(key, body + gzip.compress(b"more\n"))


def shorten_segment(stored):
    stored.shorten(stored.segment_key(0))


def shorten_manifest(stored):
    stored.shorten(stored.segment_key(0, ".manifest"))


def shorten_anchor(stored):
    stored.shorten(stored.anchor_key(stored.anchors()[-1]))


def unlock_anchor(stored):
    """Put by somebody who left the lock out."""
    key = stored.anchor_key(stored.anchors()[-1])
    body = stored.server.read(stored.bucket, key)
    stored.remove(key)
    stored.put(key, body, mode="")


ATTACKS = [
    (COMPLIANCE, hide_segment, 1, ("delete marker", "hides")),
    (COMPLIANCE, hide_anchor, 1, ("delete marker",)),
    (COMPLIANCE, hide_keys, 1, ("delete marker",)),
    (COMPLIANCE, overwrite_segment, 1, ("overwritten",)),
    (COMPLIANCE, overwrite_manifest, 1, ("overwritten",)),
    (COMPLIANCE, overwrite_anchor, 1, ("overwritten",)),
    (COMPLIANCE, replay_anchor_as_version, 1, ("overwritten",)),
    (COMPLIANCE, replay_anchor_as_newest, 1, ("no checkpoint of this log and this size",)),
    (COMPLIANCE, fork_by_version, 3, ("both signed",)),
    (COMPLIANCE, fork_by_name, 3, ("two logs",)),
    (COMPLIANCE, fork_beyond, 3, ("both signed",)),
    (COMPLIANCE, unsigned_anchor, 1, ("no signature",)),
    (COMPLIANCE, add_stranger, 1, ("did not put there",)),
    (GOVERNANCE, move_out, 1, ("removed or moved", "did not put there")),
    (GOVERNANCE, move_to_another_hour, 4, ("removed or moved",)),
    (GOVERNANCE, remove_segment, 4, ("removed or moved",)),
    (GOVERNANCE, remove_manifest, 4, ("manifest is missing",)),
    (GOVERNANCE, remove_epoch_end, 4, ("without its last checkpoint",)),
    (GOVERNANCE, remove_anchors, 4, ("no anchor at all",)),
    (GOVERNANCE, remove_keys, 4, ("public keys",)),
    (GOVERNANCE, replace_segment, 1, ("another SHA-256",)),
    (GOVERNANCE, put_again, 1, ("removed and put again",)),
    (GOVERNANCE, cut_segment, 1, ("cut short",)),
    (GOVERNANCE, append_to_segment, 1, ("behind the gzip's end",)),
    (GOVERNANCE, shorten_segment, 1, ("shortened",)),
    (GOVERNANCE, shorten_manifest, 1, ("shortened",)),
    (GOVERNANCE, shorten_anchor, 1, ("shortened",)),
    (GOVERNANCE, unlock_anchor, 1, ("locked not at all",)),
]


@pytest.mark.parametrize("mode,attack,code,words", ATTACKS, ids=[row[1].__name__ for row in ATTACKS])
def test_an_attack_is_told(store, mode, attack, code, words):
    stored = store(mode)
    attack(stored)
    expect(verify(stored, *(() if "keys" in attack.__name__ else root(stored))), code, *words)


def test_the_server_itself_protects_what_is_locked(store):
    stored = store(COMPLIANCE)
    with pytest.raises(stored.client.exceptions.ClientError):
        remove_segment(stored)
    with pytest.raises(stored.client.exceptions.ClientError):
        shorten_segment(stored)
    expect(verify(stored), 0)


def test_governance_is_not_enough_where_compliance_is_demanded(store):
    stored = store(GOVERNANCE)
    expect(verify(stored, "--object-lock", "compliance"), 1, "locked GOVERNANCE, and should be COMPLIANCE")


def test_the_newest_segments_cannot_be_removed_once_they_are_anchored_for_long(store):
    stored = store(GOVERNANCE)
    remove_newest_recorded_segment(stored)
    time.sleep(2)
    expect(verify(stored, "--max-lag", "1s"), 4, "no segment holds them")


def test_an_old_anchor_is_told_when_its_age_is_asked_for(store):
    stored = store()
    expect(verify(stored, "--max-age", "1h"), 0)
    time.sleep(2)
    expect(verify(stored, "--max-age", "1s"), 5, "the newest anchor is of")


def test_another_root_key_is_refused(store, tmp_path):
    stored = store()
    other = s3log.auditlog.Key("other.example/rowgate", b"7" * 32)
    done = verify(stored, "--root", other.vkey().decode())
    assert done.returncode in (1, 4) and "key" in done.stdout, done


# ---- the local log behind its anchors ----

def test_a_log_that_was_rolled_back_is_behind_its_anchor(store, tmp_path):
    stored = store()
    copy = tmp_path / "snapshot"
    shutil.copytree(stored.directory, copy)
    stored.log.write(100)
    stored.log.seal()
    stored.put_anchors()
    expect(verify(stored, directory=copy), 2, "rolled back")
    expect(verify(stored, directory=stored.directory), 0)


def test_a_log_that_was_rolled_back_and_went_on_differs_from_its_anchor(server, tmp_path):
    """With the key of the epoch in hand, which a snapshot of the machine holds."""
    bucket = server.make_bucket(f"bucket-{next(buckets)}")
    stored = s3log.Stored(server, bucket, tmp_path / "log").fill()
    other = s3log.Stored(server, bucket, tmp_path / "other")
    other.log.write(60)
    other.log.append("log.stopped", '"message":"another history"')
    other.log.seal()
    other.log.write(stored.anchors()[-1])
    other.log.checkpoint()
    expect(verify(stored, directory=other.directory), 3, "two logs")


def test_delete_markers_on_the_newest_anchors_do_not_hide_a_rollback(store, tmp_path):
    stored = store()
    copy = tmp_path / "snapshot"
    shutil.copytree(stored.directory, copy)
    old = set(stored.anchors())
    stored.log.write(100)
    stored.log.seal()
    stored.put_anchors()
    for size in set(stored.anchors()) - old:
        stored.hide(stored.anchor_key(size))
    expect(verify(stored, directory=copy), 1, "delete marker", "rolled back")


# ---- trouble is no finding ----

def test_trouble_is_told_as_trouble(store, server):
    stored = store()
    expect(verify(stored, account=(s3.READER[0], "not-the-one")), 6, "SignatureDoesNotMatch", "secret key is wrong")
    expect(verify(stored, account=("NOBODY", "x")), 6, "InvalidAccessKeyId")
    expect(verify(stored, bucket="no-such-bucket"), 6, "no-such-bucket")
    server.make_bucket("empty")
    expect(verify(stored, bucket="empty"), 6, "holds no audit log")
    expect(verify(stored, "--endpoint", "https://localhost:1"), 6, "localhost")
    expect(verify(stored, "--ca-file", "/etc/ssl/certs/ca-certificates.crt"), 6, "certificate")
    expect(verify(stored, "--endpoint", "http://192.0.2.1"), 6, "https://")
    expect(verify(stored, "--credentials", "file:/nonexistent"), 6, "/nonexistent")
    expect(verify(stored, "--object-lock", "hard"), 6, "compliance or governance")
    assert "secret" not in verify(stored, account=("NOBODY", "xyzzy-xyzzy")).stderr.replace("secret key", "")


def test_arguments_that_make_no_sense_are_usage_errors():
    for arguments in (["s3://bucket", "--s3", "s3://other"], ["/tmp", "--endpoint", "https://localhost"], ["s3://"], ["s3://B/"]):
        done = subprocess.run([stacks.binary(), "audit", "verify", *arguments], text=True, capture_output=True,
                              env={"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
        assert done.returncode == 6, (arguments, done)
