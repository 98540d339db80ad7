# SPDX-License-Identifier: Apache-2.0
"""A slow disk, an auditor that stands still, and a clock that is set: nothing leaves early, nothing is lost, and what waits
for no record is answered at once."""
import contextlib
import os
import pathlib
import select
import signal
import statistics
import time

import pytest

import faults
import stack as stacks
from test_login import startup, tls
from test_protocol import Wire, kinds

MIB = 1024 * 1024
HOUR_US = 3600 * 1000000


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_silent(wire, seconds):
    return wire.buffer == b"" and not wire.sock.pending() and not select.select([wire.sock], [], [], seconds)[0]


def test_with_syncs_of_300_ms_event_loops_do_not_stall_memory_is_bounded_and_nothing_is_lost(faulty):
    faulty.renew()
    with Wire(faulty) as idle, faults.Writers(faulty, clients=16) as load:
        load.wait_for_more(50)
        faulty.fault("fdatasync */seg/*.jsonl * sleep=300")
        faulty.wait_for_fault()
        before = resident(faulty.rowgate.gateway), resident(faulty.rowgate.auditor)
        load.latencies.clear()
        waits = []
        end = time.monotonic() + 8
        while time.monotonic() < end:
            start = time.monotonic()
            idle.send(b"S")  # Sync alone: no statement, no record
            assert kinds(idle.until("Z")) == "Z"
            waits.append(time.monotonic() - start)
            start = time.monotonic()
            sock = tls(faulty)  # a handshake up to the question for the password
            sock.sendall(startup(user="alice", database="bi"))
            assert sock.recv(9)[:1] == b"R"
            sock.close()
            waits.append(time.monotonic() - start)
            time.sleep(0.02)
        after = resident(faulty.rowgate.gateway), resident(faulty.rowgate.auditor)
        slow = list(load.latencies)
        faulty.fault()
        load.wait_for_more(50)
    assert load.errors == []
    assert statistics.median(waits) < 0.1 and sorted(waits)[int(len(waits) * 0.95)] < 0.25, sorted(waits)[-10:]
    # an insert waits for its decision and its outcome; the group is all that came meanwhile
    assert min(slow) > 0.3 and statistics.median(slow) < 2.5, statistics.median(slow)
    assert len(slow) > 8 / 1.2 * 16 / 2, f"{len(slow)} inserts in 8 s: they do not share syncs"
    assert after[0] - before[0] < 64 * MIB and after[1] - before[1] < 64 * MIB, (before, after)
    faults.stop_and_check(faulty, load)


def test_slow_checkpoints_hold_up_nothing(faulty):
    faulty.renew()
    faulty.fault("fsync */publisher.new * sleep=700", "fsync */ckpt * sleep=700")
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(20)
        faulty.wait_for_fault(3)
        load.latencies.clear()
        load.wait_for_more(50)
        assert statistics.median(load.latencies) < 0.3
        faulty.fault()
    assert load.errors == []
    faults.stop_and_check(faulty, load)


@pytest.mark.parametrize("sql", ["select 'stopped-{}-end'", "insert into sales.loads (id, note) values (1, 'mark-0-{}-0-end')"])
def test_while_the_auditor_is_stopped_nothing_leaves_and_then_it_goes_on(faulty, sql):
    faulty.renew()
    with Wire(faulty) as wire, Wire(faulty) as gone:
        auditor = faulty.rowgate.auditor
        os.kill(auditor, signal.SIGSTOP)
        try:
            wire.send(b"Q", sql.format(1).encode() + b"\0")
            gone.send(b"Q", sql.format(2).encode() + b"\0")
            assert is_silent(wire, 3)
            rows = faulty.server.execute("select count(*) from t_acme.loads", dbname="bi")
            assert rows == [(0,)], "executed before its decision was durable"
            start = time.monotonic()
            gone.send(b"S")
            with Wire_without_login(faulty) as early:
                assert early.recv(9)[:1] == b"R"
            assert time.monotonic() - start < 1  # the event loops go on
            gone.sock.close()  # a client that does not wait
        finally:
            os.kill(auditor, signal.SIGCONT)
        assert kinds(wire.until("Z")) in ("TDCZ", "CZ")
        assert faulty.rowgate.auditor == auditor
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(10)
    faults.stop_and_check(faulty, load)


@contextlib.contextmanager
def Wire_without_login(stack):
    sock = tls(stack)
    sock.sendall(startup(user="alice", database="bi"))
    yield sock
    sock.close()


def test_under_load_stops_of_the_auditor_lose_nothing(faulty):
    faulty.renew()
    auditor = faulty.rowgate.auditor
    with faults.Writers(faulty, clients=6) as load:
        for _ in range(4):
            load.wait_for_more(30)
            os.kill(auditor, signal.SIGSTOP)
            time.sleep(0.3)
            known = len(load.answered)
            time.sleep(1.2)
            answered = len(load.answered)
            os.kill(auditor, signal.SIGCONT)
            assert answered == known, "answered without a record"
    assert load.errors == [] and faulty.rowgate.auditor == auditor
    faults.stop_and_check(faulty, load)


JUMPS = [-2 * HOUR_US, 2 * HOUR_US, 0, -10 * 365 * 24 * HOUR_US, 1500000, 0]


def test_jumps_of_the_clock_are_on_record_and_the_log_verifies(faulty):
    faulty.renew(keys=["--epoch-seconds", "2"])
    with faults.Writers(faulty, clients=2, pause=0.01) as load:
        for jump in JUMPS:
            load.wait_for_more(20)
            known = len(faulty.records("clock.step"))
            faulty.fault(f"clock_gettime * * offset={jump}")
            stacks.wait_for(lambda: len(faulty.records("clock.step")) > known, f"the record of a jump to {jump}", 10)
        load.wait_for_more(20)
    assert load.errors == []
    faults.stop_and_check(faulty, load)
    records = [record["unmapped"]["rg"] for record in faulty.audit_records()]
    assert all(before["hlc"] < after["hlc"] for before, after in zip(records, records[1:]))
    steps = [record["to_us"] - record["from_us"] for record in records if record["kind"] == "clock.step"]
    wanted = [b - a for a, b in zip([0, *JUMPS], JUMPS)]
    assert len(steps) == len(wanted)
    assert all(abs(step - want) < 1000000 for step, want in zip(steps, wanted)), (steps, wanted)
    # no key was burnt: about as many epochs as seconds allow
    first, last = records[0]["mono_us"], records[-1]["mono_us"]
    assert sum(record["kind"] == "epoch.open" for record in records) <= (last - first) / 2000000 + 2


@pytest.mark.parametrize("jump", [-3 * HOUR_US, 3 * HOUR_US])
@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
def test_a_clock_set_while_it_was_down_burns_one_key_at_most(faulty, jump, hard):
    faulty.renew(keys=["--epoch-seconds", "600"])
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(10)
    if hard:
        faulty.kill()
    else:
        assert faulty.rowgate.stop() == 0
    faulty.fault(f"clock_gettime * * offset={jump}")
    faulty.rowgate.start()
    with faults.Writers(faulty, clients=2) as more:
        more.wait_for_more(10)
    assert faulty.rowgate.stop() == 0
    faulty.fault()
    assert faulty.kinds().count("epoch.open") <= 1
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty, load, more)
