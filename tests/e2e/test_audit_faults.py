# SPDX-License-Identifier: Apache-2.0
"""A disk that fails, really: writes and syncs of the auditor return errors (tests/support/fault_shim.c). What was
answered is on record, what was executed is on record, and what can go on goes on."""
import contextlib
import errno
import time

import psycopg2
import pytest

import faults
import stack as stacks

SEGMENT = "*/seg/*.jsonl"
EIO = f"errno={errno.EIO}"
ENOSPC = f"errno={errno.ENOSPC}"

# what fails once, of the segment's file
ONCE = [("fdatasync", EIO), ("pwrite", EIO), ("pwrite", f"late={errno.EIO}"), ("fdatasync", "errno=116")]


@pytest.mark.parametrize("call,action", ONCE, ids=lambda value: value)
def test_one_failure_costs_a_segment_and_nobody_notices(faulty, call, action):
    faulty.renew()
    auditor = faulty.rowgate.auditor
    with faults.Writers(faulty) as load:
        for turn in (1, 2):
            load.wait_for_more(40)
            faulty.fault(f"{call} {SEGMENT} 1 {action}")
            faulty.wait_for_fault(turn)
            load.wait_for_more(40)
    assert load.errors == []
    assert faulty.rowgate.auditor == auditor
    faults.stop_and_check(faulty, load)
    assert len(list((faulty.audit / "seg").glob("*.jsonl"))) == 3
    notes = faulty.records("log.fault")
    assert len(notes) == 2
    assert all("seg" in str(note) or ".jsonl" in str(note) for note in notes), notes


@pytest.mark.parametrize("size", [1, 700])
def test_short_writes_are_gone_on_with(faulty, size):
    faulty.renew()
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(10)
        faulty.fault(f"pwrite {SEGMENT} * short={size}")
        load.wait_for_more(10, 60)
        faulty.fault()
        load.wait_for_more(10)
    assert load.errors == [] and len(faulty.met()) > 10
    faults.stop_and_check(faulty, load)
    assert "log.fault" not in faulty.kinds()


@pytest.mark.parametrize("rules", [[f"fdatasync {SEGMENT} 1+ {EIO}"], [f"pwrite {SEGMENT} 1+ {EIO}"],
                                   [f"fdatasync {SEGMENT} 1+ {EIO}", f"ftruncate {SEGMENT} 1+ {EIO}"],
                                   [f"fdatasync {SEGMENT} 1+ {EIO}", f"openat {SEGMENT} 1+ {EIO}"],
                                   ["fdatasync */seg/*.jsonl 1+ errno=30", "fsync */seg 1+ errno=30"]],
                         ids=["sync", "write", "and no cut", "and no next segment", "read-only"])
def test_a_disk_that_stays_broken_closes_the_log_until_it_works_again(faulty, rules):
    faulty.renew()
    with faults.Writers(faulty) as load:
        load.wait_for_more(40)
        faulty.fault(*rules)
        faulty.wait_for_fault(2)
        assert faulty.wait_until_refused() < 5
        stacks.wait_for(lambda: len(faulty.deaths()) >= 2, "the second try of the supervisor", 20)
        known = len(load.answered)
        time.sleep(1)
        assert len(load.answered) == known, "answered without a log"
        faulty.fault()
        load.wait_for_more(40)
    assert {code for code, _ in load.errors} <= {"58030", None}, set(load.errors)
    assert any("the audit log is not available" in text for _, text in load.errors), set(load.errors)
    assert all(event["child"] == "auditor" for event in faulty.deaths())
    assert any(event["reason"] for event in faulty.deaths()), "no reason is given"
    assert not any("/seg/" in text or "audit-" in text for _, text in load.errors), "a path of ours went to a client"
    faults.stop_and_check(faulty, load)
    kinds = faulty.kinds()
    assert "process.died" in kinds and kinds.count("log.started") >= 2


# what publishing needs and what then fails
PUBLISHING = [f"renameat */ckpt/* * {EIO}", f"renameat */head.note * {EIO}", f"openat */publisher.new * {EIO}",
              f"fsync */publisher.new * {EIO}", f"pwrite */publisher.new * {ENOSPC}", f"pwrite */publisher.new * short=20",
              f"renameat */tile/* * {EIO}", f"fsync */ckpt * {EIO}"]


@pytest.mark.parametrize("rule", PUBLISHING, ids=lambda rule: rule)
def test_without_checkpoints_statements_go_on_and_verify_tells_what_is_only_chained(faulty, rule):
    faulty.renew()
    auditor = faulty.rowgate.auditor
    harmless = "short=" in rule
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(20)
        stacks.wait_for(lambda: faulty.signed_size() > 0, "the first checkpoint")
        faulty.fault(rule)
        faulty.wait_for_fault()
        known = faulty.signed_size()
        load.wait_for_more(300 if not harmless else 30, 60)
        time.sleep(1.2)
        if not harmless and "ckpt *" not in rule:
            assert faulty.signed_size() <= known + 60
            live = faulty.audit_verify()
            assert live.returncode in (0, 5), live.stdout + live.stderr  # not altered, not truncated
            assert "chained" in live.stdout, live.stdout
        faulty.fault()
        load.wait_for_more(5)
        size = len(faulty.log().split(b"\n")) - 1
        stacks.wait_for(lambda: faulty.signed_size() >= size, "the checkpoint of what waited", 15)
    assert load.errors == [] and faulty.rowgate.auditor == auditor
    faults.stop_and_check(faulty, load)


def test_an_operator_is_told_that_no_checkpoint_can_be_written(faulty):
    faulty.renew()
    faulty.fault(f"renameat */head.note * {EIO}")
    assert faulty.query("select 1") == [(1,)]
    faulty.wait_for_fault()

    def events():
        return [event for event in faulty.rowgate.events() if event["event"] == "audit.publishing"]
    stacks.wait_for(lambda: events(), "the event", 10)
    faulty.fault()
    stacks.wait_for(lambda: len(events()) >= 2, "the event of its end", 10)
    assert [event["level"] for event in events()][:2] == ["error", "info"], events()
    assert "head.note" in events()[0]["reason"]
    faults.stop_and_check(faulty)


STEPS = [f"pwrite */keys/seed * {EIO}", f"fsync */keys/seed * {EIO}", f"openat */keys/seed * {EIO}",
         f"pwrite */keys/seed 2+ {EIO}", f"pwrite */keys/seed * late={errno.EIO}", "pwrite */keys/seed * short=9",
         f"fsync */keys/seed 2 {EIO}"]


@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: rule)
def test_a_key_that_cannot_step_holds_up_no_statement(faulty, rule):
    faulty.renew(keys=["--epoch-seconds", "1"])
    auditor = faulty.rowgate.auditor
    with faults.Writers(faulty, clients=2, pause=0.01) as load:
        stacks.wait_for(lambda: "epoch.open" in faulty.kinds(), "the first epoch's end", 10)
        faulty.fault(rule)
        faulty.wait_for_fault(1)
        load.wait_for_more(30)
        time.sleep(1.5)
        opened = faulty.kinds().count("epoch.open")
        faulty.fault()
        stacks.wait_for(lambda: faulty.kinds().count("epoch.open") >= opened + 2, "two more epochs", 20)
        load.wait_for_more(10)
    assert load.errors == [] and faulty.rowgate.auditor == auditor
    faults.stop_and_check(faulty, load)


@pytest.mark.parametrize("rule", ["pwrite */keys/seed 1 kill", "pwrite */keys/seed 2 kill", "fsync */keys/seed 1 kill",
                                  "fsync */keys/seed 2 kill", "pwrite */keys/seed 1 tear=20", "pwrite */keys/seed 2 tear=20",
                                  "renameat */ckpt/* 1 kill", "renameat */head.note 1 kill"])
def test_an_auditor_killed_within_a_step_of_the_key_finishes_it_at_the_next_start(faulty, rule):
    faulty.renew(keys=["--epoch-seconds", "1"])
    with faults.Writers(faulty, clients=2, pause=0.01) as load:
        for turn in (1, 2):
            opened = faulty.kinds().count("epoch.open")
            stacks.wait_for(lambda: faulty.kinds().count("epoch.open") > opened, "an epoch's end", 20)
            met = len(faulty.met())
            faulty.fault(rule)
            faulty.wait_for_fault(met + 1)
            faulty.fault()
            faulty.wait_until_it_works()
            load.wait_for_more(10)
            assert len(faulty.deaths()) >= turn
    assert {code for code, _ in load.errors} <= {"58030", None}
    faults.stop_and_check(faulty, load)
    assert faulty.kinds().count("log.started") >= 3


def test_a_gateway_of_which_nothing_is_on_record_answers_nothing(faulty):
    """Broken before the first record: not even a login is let through, and it ends when the disk works."""
    faulty.renew()
    faulty.fault(f"pwrite {SEGMENT} 1+ {EIO}")
    for _ in range(3):
        with pytest.raises(psycopg2.Error):
            faulty.query("select 1")
    faulty.fault()
    faulty.wait_until_it_works()
    with contextlib.closing(faulty.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("insert into sales.loads (id, note) values (1, 'mark-0-0-0-end')")
    faults.stop_and_check(faulty)
