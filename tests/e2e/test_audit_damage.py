# SPDX-License-Identifier: Apache-2.0
"""Torn tails and damaged logs, really: the auditor dies within a write, bytes of the log change while it is down. What a
crash can leave above the last checkpoint is cut, kept and recorded; anything else is refused with segment and record."""
import errno
import hashlib
import os
import time

import psycopg2
import pytest

import faults
import stack as stacks

SEGMENT = "*/seg/*.jsonl"
NO_CHECKPOINT = [f"renameat */ckpt/* * errno={errno.EIO}", f"renameat */head.note * errno={errno.EIO}"]


def wait_until_covered(faulty):
    stacks.wait_for(lambda: faulty.signed_size() == len(faulty.log().split(b"\n")) - 1, "the checkpoint of everything", 10)


def recoveries(faulty):
    return [record["unmapped"]["rg"] for record in faulty.records("log.recovered")]


def check_quarantine(faulty):
    """What was cut is kept, and the record names its size and digest."""
    kept = sorted((faulty.audit / "quarantine").iterdir())
    found = recoveries(faulty)
    assert len(kept) == len(found)
    for path, record in zip(kept, found):
        data = path.read_bytes()
        assert record["recovered_bytes"] == len(data) and path.name.startswith(f"{record['recovered_from']:016}")
        assert record["recovered_sha256"] in (hashlib.sha256(data).hexdigest(), _base64(data)), record


def _base64(data):
    import base64
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize("size", [1, 40, 511, 512, 513, 1400, 4096])
def test_a_write_torn_by_the_auditors_death_is_cut_and_recorded(faulty, size):
    faulty.renew()
    with faults.Writers(faulty) as load:
        for turn in (1, 2, 3):
            load.wait_for_more(20)
            faulty.fault(f"pwrite {SEGMENT} 3 tear={size}")
            faulty.wait_for_fault(turn)
            faulty.fault()
            faulty.wait_until_it_works()
        load.wait_for_more(20)
    faults.stop_and_check(faulty, load)
    assert len(recoveries(faulty)) >= 1  # not of each: whole records may end there, and a torn write of zeros leaves nothing
    check_quarantine(faulty)
    assert faulty.kinds().count("log.started") >= 4


@pytest.mark.parametrize("size", [1, 700])
def test_a_write_torn_by_the_death_of_all_is_cut_and_recorded(faulty, size):
    faulty.renew()
    with faults.Writers(faulty) as load:
        load.wait_for_more(40)
        faulty.fault(f"pwrite {SEGMENT} 2 tear={size}")
        faulty.wait_for_fault()
        faulty.kill()
        load.stop.set()
    live = faulty.audit_verify()
    assert live.returncode == 2, live.stdout  # a torn last line of a dead log: the next start repairs it
    faulty.fault()
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty, load)
    assert len(recoveries(faulty)) == 1
    check_quarantine(faulty)


def stopped(faulty, hard=False, covered=True):
    """A log with records, rowgate down; without `covered` most of them are above the last checkpoint."""
    faulty.renew()
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(20)
        if not covered:
            stacks.wait_for(lambda: faulty.signed_size() > 0, "the first checkpoint")
            faulty.fault(*NO_CHECKPOINT)
            faulty.wait_for_fault()
            load.wait_for_more(40)
    if covered:
        wait_until_covered(faulty)
    if hard:
        faulty.kill()
    else:
        assert faulty.rowgate.stop() == 0
    faulty.fault()
    return load


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def offset_of(path, record):
    return sum(len(line) + 1 for line in path.read_bytes().split(b"\n")[:record])


@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("record,at", [(0, 0), (3, 40), (3, 700), (7, 100), (12, 300)])
def test_damage_below_the_last_checkpoint_is_refused_with_segment_and_record(faulty, hard, record, at):
    load = stopped(faulty, hard)
    path = faulty.live_segment()
    where = offset_of(path, record) + at
    flip(path, where)
    line = faulty.try_start()
    assert path.name in line, line
    assert f"record {record}:" in line or f"record {record + 1}:" in line, line  # the chain shows it one record later
    assert faulty.try_start() == line  # a refusal changes nothing
    assert faulty.audit_verify().returncode == 1
    flip(path, where)
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty, load)
    assert recoveries(faulty) == []


def test_the_running_gateway_stays_refused_when_its_auditor_finds_damage(faulty):
    faulty.renew()
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(20)
    wait_until_covered(faulty)
    path = faulty.live_segment()
    where = offset_of(path, 5) + 100
    flip(path, where)
    os.kill(faulty.rowgate.auditor, 9)
    stacks.wait_for(lambda: any("it ends at record 5, " in event["reason"] for event in faulty.deaths()), "one line that says it", 10)
    with pytest.raises(psycopg2.Error):
        faulty.query("select 1")
    flip(path, where)
    faulty.wait_until_it_works()
    faults.stop_and_check(faulty, load)


@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
def test_records_cut_off_below_the_last_checkpoint_are_refused_as_a_rollback(faulty, hard):
    stopped(faulty, hard)
    path = faulty.live_segment()
    whole = path.read_bytes()
    os.truncate(path, offset_of(path, 10))
    line = faulty.try_start()
    assert "rolled back or altered" in line and "10" in line, line
    assert faulty.audit_verify().returncode == 2
    path.write_bytes(whole)
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty)


@pytest.mark.parametrize("what", ["half a line", "garbage", "a line without its end"])
def test_damage_above_the_last_checkpoint_at_the_very_end_is_repaired_and_recorded(faulty, what):
    stopped(faulty, hard=True, covered=False)
    path = faulty.live_segment()
    data = path.read_bytes().rstrip(b"\0")
    lines = data.split(b"\n")[:-1]
    assert len(lines) > faulty.signed_size() + 20
    spoilt = {"half a line": b"\n".join(lines[:-1]) + b"\n" + lines[-1][:200], "garbage": data + b"\x01\x02garbage",
              "a line without its end": data[:-1]}[what]
    path.write_bytes(spoilt + bytes(100000))
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    assert faulty.rowgate.stop() == 0
    done = faulty.audit_verify()
    assert done.returncode == 0, done.stdout
    assert len(recoveries(faulty)) == 1
    check_quarantine(faulty)


def test_damage_above_the_last_checkpoint_with_records_behind_it_is_no_torn_tail(faulty):
    """A crash leaves a prefix, or holes of whole sectors: a changed byte between good records was changed by somebody."""
    load = stopped(faulty, hard=True, covered=False)
    path = faulty.live_segment()
    record = faulty.signed_size() + 8
    where = offset_of(path, record) + 500
    flip(path, where)
    line = faulty.try_start()
    assert path.name in line and "record" in line, line
    flip(path, where)
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty, load)


def test_killed_again_and_again_while_it_recovers_it_still_comes_back(faulty):
    faulty.renew()
    with faults.Writers(faulty) as load:
        load.wait_for_more(20)
        faulty.fault(f"pwrite {SEGMENT} 3 tear=100", "pwrite */quarantine/* 1 tear=10", "fsync */quarantine 1 kill")
        faulty.wait_for_fault(1)
        time.sleep(2)
        faulty.fault()
        faulty.wait_until_it_works()
        load.wait_for_more(20)
    faults.stop_and_check(faulty, load)
    assert len(faulty.deaths()) >= 2
