# SPDX-License-Identifier: Apache-2.0
"""rowgate audit search, show and tail on the log of a running rowgate."""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

import stack as stacks


def audit(*arguments, **options):
    return subprocess.run([str(stacks.binary()), "audit", *[str(part) for part in arguments]], capture_output=True, text=True,
                          timeout=120, **options)


def found(log, *arguments):
    done = audit("search", "--json", *arguments, log)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_search_finds_who_did_what(stack):
    log = stack.directory / "audit"
    stack.query("select count(*) /* searched-marker */ from sales.orders where note <> 'Li''teral-77'")
    with pytest.raises(psycopg2.Error):
        stack.query("select /* refused-marker */ * from t_globex.orders")
    stack.query("select count(*) /* searched-marker */ from sales.orders", tenant="globex")
    assert len(found(log, "--text", "SEARCHED-mark")) == 2
    record, = found(log, "--text", "searched-marker", "--tenant", "acme")
    assert record["sql"] == "select count(*) /* searched-marker */ from sales.orders where note <> 'Li''teral-77'"
    assert record["user"] and record["session"] and record["verdict"] in ("allowed", "rewritten")
    assert found(log, "--text", "Li''teral-77") == [record]
    assert record in found(log, "--table", "orders", "--action", "read", "--since", "10m")
    assert record not in found(log, "--table", "orders", "--until", "10m")
    assert record in found(log, "--subject", record["subject"], "--action", "statement")
    assert [r["verdict"] for r in found(log, "--text", "refused-marker", "--action", "denied")] == ["denied"]
    assert audit("search", "--text", "never-said", log).returncode == 1
    raw = audit("show", "--raw", record["seq"], log).stdout
    line = json.loads(raw)["unmapped"]["rg"]
    assert int(line["seq"]) == record["seq"]
    assert hashlib.sha256(b"\0" + raw.rstrip("\n").encode()).hexdigest() == record["sha256"]
    assert hashlib.sha256(record["sql"].encode()).hexdigest() == line["sql_sha256"]
    shown = audit("show", record["seq"], log)
    assert shown.returncode == 0
    assert "note <> 'Li''teral-77'" in shown.stdout and "acme" in shown.stdout


def test_search_goes_on_where_the_log_does(stack):
    log = stack.directory / "audit"
    for number in range(3):
        stack.query(f"select 'goes-on-{number}'")
        assert len(found(log, "--text", f"goes-on-{number}")) == 1
    assert stack.audit_verify().returncode == 0


def test_a_long_statement_is_shown_whole(stack):
    log = stack.directory / "audit"
    sql = "select length('" + "long-marker " * 20000 + "the-end')"
    stack.query(sql)
    record, = found(log, "--text", "the-end')")
    assert record["sql"] == sql
    assert record["lines"] > 1 and record["whole"]


def test_searches_at_once_on_a_log_that_is_written(stack):
    log = stack.directory / "audit"
    shutil.rmtree(log / "idx", ignore_errors=True)
    stack.query("select 'at-once-marker'")
    results = []

    def search():
        done = audit("search", "--text", "at-once-marker", log)
        results.append((done.returncode, len(done.stdout.splitlines()), done.stderr))

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        stack.query(f"select {number}")
    for thread in threads:
        thread.join()
    assert results == [(0, 1, "")] * 4


def test_a_directory_that_may_only_be_read(stack, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("another user is needed to read what is not his")
    stack.query("select 'read-only-marker'")
    copy = tmp_path / "audit"
    shutil.copytree(stack.directory / "audit", copy, ignore=shutil.ignore_patterns("lock", "idx", "*.new", "orders.sock"))
    binary = tmp_path / "rowgate"
    shutil.copy(stacks.binary(), binary)
    for path in [tmp_path, *tmp_path.parents][:4]:
        path.chmod(path.stat().st_mode | 0o055)
    for path in [binary, copy, *copy.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path == binary else 0o644)
    done = subprocess.run([str(binary), "audit", "search", "--text", "read-only-marker", str(copy)], capture_output=True,
                          text=True, timeout=60, user=65534, cwd="/")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stderr
    assert "in memory" in done.stderr
    assert not (copy / "idx").exists()


def test_tail_follows_over_kill_9():
    with stacks.Stack(workers=1) as stack:
        log = stack.directory / "audit"
        with (stack.directory / "tail.out").open("w+") as out:
            tail = subprocess.Popen([str(stacks.binary()), "audit", "tail", "-f", "-n", "1", "--json", str(log)], stdout=out)
            try:
                for round_number in range(3):
                    stack.query(f"select 'tail-marker-{round_number}'")
                    path = stack.directory / "tail.out"
                    stacks.wait_for(lambda: f"tail-marker-{round_number}" in path.read_text(), "the record in tail")
                    os.kill(stack.rowgate.auditor, signal.SIGKILL)

                    def answers():
                        with contextlib.suppress(psycopg2.Error):
                            stack.query("select 1")
                            return True
                        return False

                    stacks.wait_for(answers, "a new auditor")
                numbers = [json.loads(line)["seq"] for line in path.read_text().splitlines()]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
                assert tail.poll() is None
            finally:
                tail.kill()
                tail.wait()
        assert len(found(log, "--text", "tail-marker-")) == 3
        assert found(log, "--action", "process.died")


def test_tail_ends_when_nobody_reads(stack):
    tail = subprocess.Popen([str(stacks.binary()), "audit", "tail", "-f", str(stack.directory / "audit")], stdout=subprocess.PIPE)
    assert tail.stdout.readline()
    tail.stdout.close()
    deadline = time.monotonic() + 20
    while tail.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    ended = tail.poll()
    tail.kill()
    tail.wait()
    assert ended is not None
