# SPDX-License-Identifier: Apache-2.0
"""The independent verifiers of docs/verify-without-rowgate and tests/verifiers, which share no code with rowgate: each accepts
an honest log and rejects the same tampered copies of it, with the same exit status. The logs are rowgate's own, with kills and restarts
in them, and those that tests/support/auditlog.py writes from docs/audit-format.md."""

import base64
import collections
import contextlib
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import psycopg2
import pytest

import auditlog
import gotool
import stack as stacks

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALTERED, TRUNCATED, FORKED, INCOMPLETE, USAGE = 1, 2, 3, 4, 6


def python_verifier(log, *options):
    return ["/usr/bin/python3", ROOT / "docs/verify-without-rowgate/verify.py", *options, log]


def shell_verifier(log, *options):
    return ["sh", ROOT / "docs/verify-without-rowgate/check.sh", *options, log]


def go_verifier(log, *options):
    return [gotool.build(ROOT / "tests/verifiers/go"), *options, log]


def rowgate_verifier(log, *options):
    return [stacks.binary(), "audit", "verify", *options, log]


VERIFIERS = [pytest.param(python_verifier, id="python"), pytest.param(shell_verifier, id="shell"),
             pytest.param(go_verifier, id="go", marks=pytest.mark.external)]
WITH_ROWGATE = [*VERIFIERS, pytest.param(rowgate_verifier, id="rowgate")]


def run(verifier, log, *options):
    return subprocess.run([str(part) for part in verifier(log, *options)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def root_of(log):
    return (log / "keys/root.vkey").read_text().strip()


def write_log(directory):
    """Three segments, three epochs, records behind the last checkpoint, space written ahead."""
    log = auditlog.Log(directory)
    log.write(300)
    log.checkpoint()
    log.write(7)
    log.open_epoch()
    log.write(260)
    log.seal()
    log.write(250)
    log.checkpoint()
    log.write(3)
    log.open_epoch()
    log.checkpoint()
    log.write(30)
    log.seal()
    log.write(5)
    log.checkpoint()
    log.write(4)
    return log


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return write_log(tmp_path_factory.mktemp("honest") / "log")


Written = collections.namedtuple("Written", "directory count")


def make_short_keys(rowgate, epochs=64):
    """Epochs of two seconds, so that a log of some seconds has several."""
    return subprocess.run([stacks.binary(), "audit", "keys", "init", "--epochs", str(epochs), "--epoch-seconds", "2", "--root-key",
                           rowgate.directory / "audit-root.key", "-c", rowgate.config], capture_output=True, env=rowgate.environment)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A log that rowgate wrote: small segments, several epochs, kill -9 of the auditor, a restart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks.Rowgate, "make_keys", make_short_keys)
        with stacks.Stack(extra='segment_size = "128KiB"') as stack:
            for part in range(4):
                for tenant in ("acme", "globex"):
                    with contextlib.closing(stack.connect(tenant)) as connection, connection.cursor() as cursor:
                        for number in range(40):
                            cursor.execute(f"select count(*) /* {part} {number} */ from sales.orders")
                time.sleep(1)
                if part == 1:
                    os.kill(stack.rowgate.auditor, signal.SIGKILL)
                    stacks.wait_for(lambda: answers(stack), "the new auditor")
                if part == 2:
                    assert stack.rowgate.stop() == 0
                    stack.rowgate.start()
            assert stack.rowgate.stop() == 0
            target = tmp_path_factory.mktemp("written") / "log"
            shutil.copytree(stack.directory / "audit", target, ignore=shutil.ignore_patterns("seed*", "reserve", "orders.sock"))
    return Written(target, len(auditlog.leaves_of(target)))


def answers(stack):
    with contextlib.suppress(psycopg2.Error):
        return stack.query("select 1") == [(1,)]
    return False


@pytest.fixture
def copy_of_written(written, tmp_path):
    shutil.copytree(written.directory, tmp_path / "log")
    return tmp_path / "log"


@pytest.fixture
def copy(honest, tmp_path):
    shutil.copytree(honest.directory, tmp_path / "log")
    return tmp_path / "log"


# ---- what a thief of the disk, or an administrator who regrets, can do ----

def rewrite(log, change):
    """change(lines): a list of segments, each a list of lines. Names and the space written ahead stay."""
    files = auditlog.read_lines(log)
    lines = [list(part) for _, part in files]
    change(lines)
    for (name, _), part in zip(files, lines):
        path = log / "seg" / name
        zeros = path.stat().st_size - len(path.read_bytes().rstrip(b"\0"))
        path.write_bytes(b"".join(line + b"\n" for line in part) + bytes(zeros))


def edited(line):
    return re.sub(rb'"class_uid":\d', b'"class_uid":9', line, count=1)


def segments(log):
    return sorted((log / "seg").glob("*.jsonl"))


def checkpoints(log):
    return sorted((log / "ckpt").glob("*.note"))


def a_record_edited(log, honest):
    rewrite(log, lambda lines: lines[1].__setitem__(20, edited(lines[1][20])))


def the_first_record_edited(log, honest):
    rewrite(log, lambda lines: lines[0].__setitem__(0, edited(lines[0][0])))


def the_last_record_of_a_segment_edited(log, honest):
    rewrite(log, lambda lines: lines[0].__setitem__(-1, edited(lines[0][-1])))


def a_record_deleted(log, honest):
    rewrite(log, lambda lines: lines[0].__delitem__(10))


def a_record_repeated(log, honest):
    rewrite(log, lambda lines: lines[0].insert(10, lines[0][10]))


def two_records_swapped(log, honest):
    rewrite(log, lambda lines: lines[0].__setitem__(slice(20, 22), lines[0][21:19:-1]))


def a_foreign_line_inserted(log, honest):
    rewrite(log, lambda lines: lines[0].insert(10, b'{"unmapped":{},"class_uid":6005}'))


def everything_rechained_after_an_edit(log, honest):
    parts = [list(part) for _, part in auditlog.read_lines(log)]
    parts[0][20] = edited(parts[0][20])
    auditlog.rechain(log, parts)


def everything_rechained_after_a_deletion(log, honest):
    parts = [list(part) for _, part in auditlog.read_lines(log)]
    del parts[0][20]
    auditlog.rechain(log, parts)


def a_tail_cut_below_the_checkpoint(log, honest):
    rewrite(log, lambda lines: lines[-1].__delitem__(slice(1, None)))


def a_torn_record_below_the_checkpoint(log, honest):
    text = segments(log)[-1].read_bytes()
    segments(log)[-1].write_bytes(text[:text.index(b"\n") + 100])


def the_newest_segment_removed(log, honest):
    segments(log)[-1].unlink()


def a_segment_in_the_middle_removed(log, honest):
    segments(log)[1].unlink()


def the_first_segment_removed(log, honest):
    segments(log)[0].unlink()


def two_segments_swapped(log, honest):
    first, second = segments(log)[:2]
    first.rename(log / "seg/x")
    second.rename(first)
    (log / "seg/x").rename(second)


def a_sealed_segment_cut_inside_a_record(log, honest):
    os.truncate(segments(log)[0], segments(log)[0].stat().st_size - 10)


def zeros_behind_a_sealed_segment(log, honest):
    with open(segments(log)[0], "ab") as file:
        file.write(bytes(512))


def a_zero_inside_a_record(log, honest):
    rewrite(log, lambda lines: lines[0].__setitem__(30, lines[0][30][:-5] + b"\0" + lines[0][30][-5:]))


def a_tile_changed(log, honest):
    path = log / "tile/0/000"
    value = bytearray(path.read_bytes())
    value[77] ^= 4
    path.write_bytes(value)


def a_tile_removed(log, honest):
    (log / "tile/0/000").unlink()


def a_checkpoint_with_another_root(log, honest):
    path = checkpoints(log)[0]
    lines = path.read_bytes().split(b"\n")
    lines[2] = base64.b64encode(auditlog.sha256(b"another"))
    path.write_bytes(b"\n".join(lines))


def a_signature_changed(log, honest):
    path = checkpoints(log)[1]
    head, _, blob = path.read_bytes()[:-1].rpartition(b" ")
    value = bytearray(base64.b64decode(blob))
    value[40] ^= 1
    path.write_bytes(head + b" " + base64.b64encode(value) + b"\n")


def sign_again(path, key):
    path.write_bytes(key.sign(path.read_bytes().rpartition(b"\n\n")[0] + b"\n"))


def a_checkpoint_by_an_unknown_key(log, honest):
    origin = (log / "origin").read_text().strip()
    sign_again(checkpoints(log)[0], auditlog.Key(origin, auditlog.sha256(b"unknown")))


def a_checkpoint_of_another_size_under_its_name(log, honest):
    shutil.copy(checkpoints(log)[0], checkpoints(log)[1])


def the_last_checkpoint_of_an_epoch_removed(log, honest):
    seq = next(i for i, line in enumerate(line for _, part in auditlog.read_lines(log) for line in part)
               if b'"kind":"epoch.open"' in line)
    (log / f"ckpt/{seq + 1:016}.note").unlink()


def all_checkpoints_removed(log, honest):
    shutil.rmtree(log / "ckpt")
    (log / "head.note").unlink()


def a_key_exchanged(log, honest):
    path = log / "keys/list-00000000.note"
    lines = path.read_bytes().split(b"\n")
    lines[4] = base64.b64encode(auditlog.Key("x", auditlog.sha256(b"thief")).public)
    path.write_bytes(b"\n".join(lines))


def the_root_exchanged(log, honest):
    thief = auditlog.Key(root_of(log).partition("+")[0], auditlog.sha256(b"thief"))
    for path in (log / "keys").glob("list-*.note"):
        sign_again(path, thief)
    (log / "keys/root.vkey").write_bytes(thief.vkey() + b"\n")


def the_list_removed(log, honest):
    (log / "keys/list-00000000.note").unlink()


def another_origin(log, honest):
    (log / "origin").write_text("test/audit/node/2\n")


# what only those can do who hold some key of the log

def a_checkpoint_by_the_next_epochs_key(log, honest):
    sign_again(checkpoints(log)[0], honest.keys[1])


def the_history_before_a_theft_signed_anew(log, honest):
    """The key of epoch 2 was stolen: all that it signs of epochs 0 and 1 is worthless."""
    everything_rechained_after_an_edit(log, honest)
    leaves = auditlog.leaves_of(log)
    for path in [*checkpoints(log), log / "head.note"]:
        size = int(path.read_bytes().split(b"\n")[1])
        path.write_bytes(honest.keys[2].sign(auditlog.checkpoint_text(honest.origin, size, auditlog.merkle_root(leaves[:size]))))


def a_checkpoint_of_another_log_by_the_same_key(log, honest):
    path = checkpoints(log)[0]
    path.write_bytes(honest.keys[0].sign(path.read_bytes().rpartition(b"\n\n")[0].replace(b"node/1", b"node/2") + b"\n"))


def another_root_signed_by_the_right_key(log, honest):
    path = checkpoints(log)[0]
    size = int(path.read_bytes().split(b"\n")[1])
    path.write_bytes(honest.keys[0].sign(auditlog.checkpoint_text(honest.origin, size, auditlog.sha256(b"another"))))


ATTACKS = [
    (a_record_edited, {ALTERED}), (the_first_record_edited, {ALTERED}), (the_last_record_of_a_segment_edited, {ALTERED}),
    (a_record_deleted, {ALTERED}), (a_record_repeated, {ALTERED}), (two_records_swapped, {ALTERED}),
    (a_foreign_line_inserted, {ALTERED}), (everything_rechained_after_an_edit, {ALTERED}),
    (everything_rechained_after_a_deletion, {ALTERED, TRUNCATED}), (a_tail_cut_below_the_checkpoint, {TRUNCATED}),
    (a_torn_record_below_the_checkpoint, {TRUNCATED}), (the_newest_segment_removed, {TRUNCATED}),
    (a_segment_in_the_middle_removed, {INCOMPLETE}), (the_first_segment_removed, {INCOMPLETE}), (two_segments_swapped, {ALTERED}),
    (a_sealed_segment_cut_inside_a_record, {ALTERED}), (zeros_behind_a_sealed_segment, {ALTERED}), (a_zero_inside_a_record, {ALTERED}),
    (a_tile_changed, {ALTERED}), (a_tile_removed, {INCOMPLETE}), (a_checkpoint_with_another_root, {ALTERED}),
    (a_signature_changed, {ALTERED}), (a_checkpoint_by_an_unknown_key, {ALTERED}),
    (a_checkpoint_of_another_size_under_its_name, {ALTERED}), (the_last_checkpoint_of_an_epoch_removed, {INCOMPLETE}),
    (all_checkpoints_removed, {INCOMPLETE}), (a_key_exchanged, {ALTERED}), (the_root_exchanged, {ALTERED}),
    (the_list_removed, {INCOMPLETE}), (another_origin, {ALTERED}),
]
KEY_ATTACKS = [
    (a_checkpoint_by_the_next_epochs_key, {ALTERED}), (the_history_before_a_theft_signed_anew, {ALTERED}),
    (a_checkpoint_of_another_log_by_the_same_key, {ALTERED}), (another_root_signed_by_the_right_key, {ALTERED}),
]


def named(attacks):
    return [pytest.param(attack, statuses, id=attack.__name__) for attack, statuses in attacks]


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_accepts_an_honest_log(verifier, honest):
    for options in ((), ("--root", root_of(honest.directory))):
        result = run(verifier, honest.directory, *options)
        assert result.returncode == 0, result.stderr
        assert f"{len(honest.leaves)} records" in result.stdout and "3 epochs" in result.stdout
        assert "the 4 behind it are only chained" in result.stdout


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("attack, statuses", named(ATTACKS + KEY_ATTACKS))
def test_rejects(verifier, attack, statuses, copy, honest):
    root = root_of(copy)
    attack(copy, honest)
    result = run(verifier, copy, "--root", root)
    assert result.returncode in statuses, result.stdout + result.stderr
    assert result.stderr.strip() and "intact" not in result.stdout


@pytest.mark.parametrize("verifier", [python_verifier, shell_verifier, rowgate_verifier])
def test_rejects_a_manifest_of_another_segment(verifier, copy_of_written):
    first, second = sorted((copy_of_written / "seg").glob("*.manifest"))[:2]
    first.write_bytes(second.read_bytes())
    result = run(verifier, copy_of_written, "--root", root_of(copy_of_written))
    assert result.returncode == ALTERED, result.stdout + result.stderr


@pytest.mark.parametrize("verifier", WITH_ROWGATE)
def test_accepts_what_rowgate_wrote(verifier, written):
    assert len(segments(written.directory)) >= 3 and len(checkpoints(written.directory)) >= 3
    result = run(verifier, written.directory, "--root", root_of(written.directory))
    assert result.returncode == 0, result.stdout + result.stderr
    assert str(written.count) in result.stdout.replace(",", "")


@pytest.mark.parametrize("verifier", WITH_ROWGATE)
@pytest.mark.parametrize("attack, statuses", named(ATTACKS))
def test_rejects_changes_of_what_rowgate_wrote(verifier, attack, statuses, copy_of_written):
    root = root_of(copy_of_written)
    attack(copy_of_written, None)
    result = run(verifier, copy_of_written, "--root", root)
    assert result.returncode in statuses, result.stdout + result.stderr


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("count", [0, 253, 254, 255, 509])
def test_accepts_logs_whose_size_is_at_a_tiles_edge(verifier, count, tmp_path):
    log = auditlog.Log(tmp_path / "log", tenants=("only",))
    log.write(count)
    log.checkpoint()
    result = run(verifier, log.directory)
    assert result.returncode == 0 and f"{count + 2} records" in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_accepts_a_rotated_list_of_keys(verifier, tmp_path):
    log = auditlog.Log(tmp_path / "log", epochs=3)
    log.write(20)
    log.open_epoch()
    log.write(20)
    log.checkpoint()
    rotated = [auditlog.Key(log.origin.decode(), auditlog.sha256(b"new", bytes([i]))) for i in range(4)]
    auditlog.put(log.directory / "keys/list-00000002.note", log.root.sign(auditlog.key_list(log.origin, 2, rotated)))
    old = log.keys[2]
    log.keys = log.keys[:2] + rotated
    log.open_epoch()
    log.write(5)
    log.checkpoint()
    assert run(verifier, log.directory).returncode == 0
    sign_again(checkpoints(log.directory)[-1], old)  # the later list owns the epoch
    assert run(verifier, log.directory).returncode == ALTERED


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_refuses_a_directory_that_is_no_log_and_a_root_that_is_no_key(verifier, honest, tmp_path):
    assert run(verifier, tmp_path).returncode == USAGE
    assert run(verifier, honest.directory, "--root", root_of(honest.directory).replace("+", "-")).returncode == USAGE
    wrong = re.sub(r"\+[0-9a-f]{8}\+", "+00000000+", root_of(honest.directory))
    assert run(verifier, honest.directory, "--root", wrong).returncode == USAGE


def test_python_holds_the_log_against_a_checkpoint_kept_elsewhere(copy, honest, tmp_path):
    kept = tmp_path / "kept.note"
    shutil.copy(checkpoints(copy)[-1], kept)
    shutil.copy(checkpoints(copy)[-2], copy / "head.note")
    checkpoints(copy)[-1].unlink()
    rewrite(copy, lambda lines: lines[-1].__delitem__(slice(1, None)))
    shutil.rmtree(copy / "tile")
    auditlog.put_tiles(copy, auditlog.leaves_of(copy))  # rolled back, and nothing inside tells
    assert run(python_verifier, copy).returncode == 0
    assert run(python_verifier, copy, "--checkpoint", kept).returncode == TRUNCATED
    kept.write_bytes(honest.keys[0].sign(auditlog.checkpoint_text(honest.origin, 302, auditlog.sha256(b"other history"))))
    assert run(python_verifier, honest.directory, "--checkpoint", kept).returncode == FORKED


def test_python_finds_every_flipped_byte_of_a_small_signed_log(tmp_path):
    log = auditlog.Log(tmp_path / "log", epochs=2, tenants=("a",))
    log.write(2)
    log.checkpoint()
    missed = []
    root = root_of(log.directory)
    spec = importlib.util.spec_from_file_location("verify", ROOT / "docs/verify-without-rowgate/verify.py")
    verify = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(verify)
    watched = [path for path in log.directory.rglob("*") if path.is_file() and path.name not in ("lock", "root.vkey")]
    assert verify.check(log.directory, root, [])
    for path in watched:
        honest = path.read_bytes()
        for at in range(len(honest.rstrip(b"\0"))):
            path.write_bytes(honest[:at] + bytes([honest[at] ^ (1 << at % 7)]) + honest[at + 1:])
            try:
                verify.check(log.directory, root, [])
            except verify.Finding:
                continue
            missed.append((path.name, at))
        path.write_bytes(honest)
    assert missed == []


def by_hand(log):
    """The commands of docs/verify-without-rowgate/README.md as an auditor would type them."""
    commands = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/verify-without-rowgate/README.md").read_text(), re.S)
    assert len(commands) == 5
    return subprocess.run(["sh", "-eu", "-c", "\n".join(commands)], cwd=log, capture_output=True, text=True)


def test_every_command_of_the_page_for_auditors_works(copy_of_written, written):
    done = by_hand(copy_of_written)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == lines[1] and len(lines[0]) == 43
    assert lines[2:4] == ["Signature Verified Successfully"] * 2 and lines[-1] == "same"
    leaves = auditlog.leaves_of(copy_of_written)
    assert base64.b64decode(lines[4]) == auditlog.merkle_root(leaves[:2])
    note = (copy_of_written / "head.note").read_bytes()
    (copy_of_written / "head.note").write_bytes(re.sub(rb"\n(\d+)\n", lambda size: b"\n%d\n" % (int(size[1]) - 1), note, count=1))
    assert by_hand(copy_of_written).returncode != 0
