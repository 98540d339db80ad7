# SPDX-License-Identifier: Apache-2.0
"""Holds and prunes by the command line, on the log of a running rowgate and on one that nobody has open."""
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

import stack as stacks

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = 'segment_size = "128KiB"\n[audit.retention]\nkeep = "60s"\n'


@pytest.fixture(scope="module")
def kept():
    with stacks.Stack(extra=SETTINGS) as stack:
        yield stack


def audit(stack, *arguments):
    return subprocess.run([str(stacks.binary()), "audit", *[str(part) for part in arguments]], capture_output=True, text=True,
                          timeout=120, env=stack.environment())


def holds(stack):
    done = audit(stack, "hold", "list", "--json", stack.audit)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def segments(stack):
    return sorted(path.name for path in (stack.audit / "seg").glob("*.jsonl"))


def write(stack):
    """Some segments, two tenants."""
    text = "select /* " + "x" * 3000 + " {} */ count(*) from sales.orders"
    for tenant in ("acme", "globex"):
        with stack.connect(tenant) as connection, connection.cursor() as cursor:
            for number in range(120):
                cursor.execute(text.format(number))
                cursor.fetchall()


def verify(stack):
    done = stack.audit_verify(None, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    return report


def test_holds_and_prunes_of_a_running_rowgate(kept):
    stack, config = kept, kept.rowgate.config
    write(stack)
    before = segments(stack)
    assert len(before) > 3
    placed = audit(stack, "hold", "place", "--tenant", "acme", "--reason", "case 17", "-c", config)
    assert placed.returncode == 0, placed.stderr
    hold, = holds(stack)
    assert hold["id"] == placed.stdout.strip() and hold["tenant"] == "acme" and hold["reason"] == "case 17" and hold["operator"]
    assert audit(stack, "hold", "place", "--reason", "nothing", stack.audit).returncode == 6
    assert audit(stack, "hold", "release", "--reason", "x", "hold-0", stack.audit).returncode == 1
    time.sleep(62)
    stack.query("select 1")  # what is young stays
    kept_back = audit(stack, "prune", stack.audit)
    assert kept_back.returncode == 0 and hold["id"] in kept_back.stdout and segments(stack)[0] == before[0]
    assert audit(stack, "hold", "release", "--reason", "settled", hold["id"], "-c", config).returncode == 0
    assert holds(stack) == []
    dry = json.loads(audit(stack, "prune", "--dry-run", "--json", stack.audit).stdout)
    assert dry["segments"] > 0 and dry["first_seq"] == 0 and segments(stack)[0] == before[0]
    done = json.loads(audit(stack, "prune", "--json", stack.audit).stdout)
    assert done["segments"] == dry["segments"] and done["last_seq"] == dry["last_seq"]
    assert not set(before[:done["segments"]]) & set(segments(stack))
    report = verify(stack)
    assert report["pruned_records"] == done["last_seq"] + 1
    stack.query("select 1", tenant="globex")
    verify(stack)
    assert audit(stack, "show", 0, stack.audit).returncode == 1  # it is gone
    assert audit(stack, "cat", stack.audit).returncode == 0
    assert audit(stack, "search", "--tenant", "globex", stack.audit).returncode == 0


def test_a_pruned_log_starts_again_and_is_verified_by_others(kept, tmp_path):
    stack = kept
    stack.rowgate.stop()
    copy = tmp_path / "log"
    shutil.copytree(stack.audit, copy, ignore=lambda *_: ["orders.sock"])
    python = ROOT / "docs/verify-without-rowgate/verify.py"
    assert subprocess.run([sys.executable, python, copy], capture_output=True).returncode == 0
    placed = audit(stack, "hold", "place", "--subject", "alice", "--until", "2026-01-01", "--reason", "offline", stack.audit)
    assert placed.returncode == 0, placed.stderr
    assert len(holds(stack)) == 1
    stack.rowgate.start()
    stack.query("select 1")
    assert len(holds(stack)) == 1
    verify(stack)
    first = sorted((copy / "seg").glob("*.jsonl"))[0]
    if len(list((copy / "seg").glob("*.jsonl"))) > 1:  # one more, undeclared
        first.unlink()
        assert subprocess.run([sys.executable, python, copy], capture_output=True).returncode == 4
        assert stack.audit_verify(copy).returncode == 4


def test_a_peer_that_says_nothing_stops_nobody(kept):
    stack = kept
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(7)]
    for peer in silent:
        peer.connect(str(stack.audit / "orders.sock"))
    start = time.monotonic()
    stack.query("select 1")
    done = audit(stack, "hold", "place", "--tenant", "x", "--reason", "r", stack.audit)
    assert done.returncode == 0 and time.monotonic() - start < 8
    for peer in silent:
        peer.close()
