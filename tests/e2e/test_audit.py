# SPDX-License-Identifier: Apache-2.0
"""Promise 2: nothing happens without a record, and the log shows when it was changed."""
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

import stack as stacks


def rg(record):
    return record["unmapped"]["rg"]


def records_with(stack, text):
    return [record for record in stack.audit_records() if text in str(record)]


def test_each_kind_of_thing_is_on_record(stack):
    stack.query("select count(*) /* plain-marker */ from sales.orders")
    stack.query("select count(*) /* rewritten-marker */ from shared.events")
    with pytest.raises(psycopg2.Error) as denied:
        stack.query("select /* denied-marker */ * from t_globex.orders")
    with pytest.raises(psycopg2.Error):
        stack.query("select /* failed-marker */ 1/0")
    time.sleep(0.2)
    for marker in ("plain-marker", "rewritten-marker", "denied-marker", "failed-marker"):
        assert len(records_with(stack, marker)) == 1, marker
    refused = records_with(stack, "denied-marker")[0]
    assert rg(refused)["tenant"] == "acme"
    number = rg(refused)["seq"]
    assert number in denied.value.diag.message_detail
    assert records_with(stack, "22012")
    assert [r for r in stack.audit_records() if r["class_uid"] == 3002]


def test_sequence_and_chain_have_no_gap(stack):
    numbers = [int(rg(record)["seq"]) for record in stack.audit_records()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    by_tenant = {}
    for record in stack.audit_records():
        if "tenant" in rg(record):
            by_tenant.setdefault(rg(record)["tenant"], []).append(int(rg(record)["tseq"]))
    for tenant, sequence in by_tenant.items():
        assert sequence == list(range(sequence[0], sequence[0] + len(sequence))), tenant


def test_verify_finds_every_kind_of_change(stack, tmp_path):
    for _ in range(20):
        stack.query("select 1")
    time.sleep(0.2)
    copy = tmp_path / "audit"
    shutil.copytree(stack.directory / "audit", copy, ignore=shutil.ignore_patterns("lock", "orders.sock", "*.new"))
    assert stack.audit_verify(copy).returncode == 0, stack.audit_verify(copy).stdout
    segment = sorted((copy / "seg").glob("*.jsonl"))[0]
    whole = segment.read_bytes()
    lines = [line for line in whole.split(b"\n") if line.startswith(b"{")]
    tail = whole[len(b"\n".join(lines)) + 1:]

    def verdict(changed):
        segment.write_bytes(b"\n".join(changed) + b"\n" + tail)
        return stack.audit_verify(copy)

    middle = len(lines) // 2
    edited = lines[middle].replace(b'"class_uid"', b'"class_uie"', 1)
    flipped = bytearray(lines[middle])
    flipped[len(flipped) // 2] ^= 1
    cases = {
        "edit": lines[:middle] + [edited] + lines[middle + 1:],
        "bit flip": lines[:middle] + [bytes(flipped)] + lines[middle + 1:],
        "deletion": lines[:middle] + lines[middle + 1:],
        "swap": lines[:middle] + [lines[middle + 1], lines[middle]] + lines[middle + 2:],
        "insertion": lines[:middle] + [lines[middle - 1]] + lines[middle:],
        "foreign line": lines[:middle] + [b'{"time":1}'] + lines[middle:],
    }
    for name, changed in cases.items():
        done = verdict(changed)
        assert done.returncode in (1, 2, 4), f"{name}: {done.stdout}"
        assert str(middle) in done.stdout or str(middle + 1) in done.stdout or str(middle - 1) in done.stdout, done.stdout
    assert verdict(lines).returncode == 0


def test_no_result_arrives_before_its_record_under_load(stack):
    """Each client, the moment it has its row, finds the row's record in the file."""
    failures = []

    def run(index):
        try:
            with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
                for i in range(30):
                    marker = f"gate-{index}-{i}-{os.getpid()}"
                    cursor.execute(f"select '{marker}'")
                    cursor.fetchall()
                    found = any(marker.encode() in path.read_bytes()
                                for path in (stack.directory / "audit" / "seg").glob("*.jsonl"))
                    if not found:
                        failures.append(marker)
        except Exception as error:  # noqa: BLE001
            failures.append(repr(error))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_writes_are_on_record_before_they_reach_the_database(direct):
    direct.query("insert into sales.orders (id, note) values (900001, 'written-marker')")
    time.sleep(0.2)
    found = records_with(direct, "written-marker")
    assert len(found) == 2  # the decision, and how it ended
    assert direct.server.execute("select count(*) from t_acme.orders where id = 900001", dbname="bi") == [(1,)]


def test_a_log_that_was_taken_away_stops_statements():
    with stacks.Stack(workers=1) as stack:
        with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select 1")
            # what no signed checkpoint covers yet leaves no trace of having been there
            stacks.wait_for(lambda: list((stack.directory / "audit" / "ckpt").glob("*.note")), "a checkpoint")
            for path in (stack.directory / "audit" / "seg").glob("*.jsonl"):
                path.unlink()
            time.sleep(2.5)
            with pytest.raises(psycopg2.Error) as caught:
                for _ in range(3):
                    cursor.execute("select 2")
            assert caught.value.pgcode == "58030", caught.value
        with pytest.raises(psycopg2.OperationalError):
            stack.connect()
        start = stack.rowgate.log_path.stat().st_size
        stack.rowgate.config.write_text(stack.config_text() + "# another digest\n")
        stack.rowgate.signal(signal.SIGHUP)  # a policy that cannot be recorded does not take effect either
        stacks.wait_for(lambda: stack.rowgate.event("policy.reload_failed", start), "the refusal of the reload")
        assert stack.rowgate.event("policy.reloaded", start) is None


@pytest.mark.parametrize("rounds", [5])
def test_kill_9_under_load_loses_nothing_that_was_answered(rounds):
    with stacks.Stack() as stack:
        answered = []
        for number in range(rounds):
            stop = threading.Event()

            def run(index, number=number):
                i = 0
                with contextlib.suppress(psycopg2.Error), contextlib.closing(stack.connect()) as connection:
                    cursor = connection.cursor()
                    while not stop.is_set():
                        marker = f"kill-{number}-{index}-{i}-end"
                        cursor.execute(f"select '{marker}'")
                        cursor.fetchall()
                        answered.append(marker)
                        i += 1

            threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(1.0)
            stack.rowgate.process.send_signal(signal.SIGKILL)
            stack.rowgate.process.wait()
            stop.set()
            for thread in threads:
                thread.join()
            stack.rowgate.start()
            done = stack.audit_verify()
            assert done.returncode == 0, done.stdout + done.stderr
        assert len(answered) > rounds * 10
        log = b"".join(path.read_bytes() for path in (stack.directory / "audit" / "seg").glob("*.jsonl"))
        missing = [marker for marker in answered if marker.encode() not in log]
        assert missing == []
