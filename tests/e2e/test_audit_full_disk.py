# SPDX-License-Identifier: Apache-2.0
"""The audit log's disk fills up, really: a small file system, filled until nothing fits. First it is said, then only those
of break_glass work, then nobody; when space is back all go on, without a restart."""
import contextlib
import os
import time

import psycopg2
import pytest

import faults
import stack as stacks
from test_protocol import Wire, error_of, kinds

MIB = 1024 * 1024
SETTINGS = 'reserve = "1MiB"\nlow_space = "12MiB"\nsegment_size = "1MiB"\nbreak_glass = ["alice@acme"]\n'


@pytest.fixture
def disk(faulty, request):
    name = f"disk-{next(faults.numbers)}"
    try:
        with faults.small_disk(faulty.directory / name, getattr(request, "param", 40)) as path:
            faulty.renew(extra=SETTINGS, audit_name=f"{name}/audit")
            yield path
            faulty.stop_rowgate()
            faulty.audit_name = "gone"
    except OSError as error:
        pytest.skip(f"no file system of our own: {error}")


def free(disk):
    info = os.statvfs(disk)
    return info.f_bavail * info.f_frsize


def fill(disk, leave):
    """A file as large as it takes; leave = 0: not a byte is left."""
    with open(disk / "ballast", "ab", buffering=0) as file, contextlib.suppress(OSError):
        while leave == 0 or free(disk) > leave:
            file.write(bytes(MIB if leave == 0 or free(disk) - leave > MIB else 65536))
    if leave == 0:
        with open(disk / "ballast", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))


def states(faulty):
    return [record["unmapped"]["rg"]["state"] for record in faulty.records("disk.state")]


def wait_for_state(faulty, state):
    stacks.wait_for(lambda: states(faulty)[-1:] == [state], f"the record of {state}", 15)


def wait_for_audit_state(faulty, state):
    """What the gateway knows."""
    def known():
        return [event["state"] for event in faulty.rowgate.events() if event["event"] == "audit.state"][-1:]
    stacks.wait_for(lambda: known() == [state], f"the gateway's notice of {state}", 15)


def code_of(action):
    try:
        action()
        return "ok"
    except psycopg2.Error as error:
        return error.pgcode or str(error)


def use_up(wire, note="x" * 4000):
    """Writes until nobody is let through any more; the SQLSTATE by which the session learns it."""
    for i in range(3000):
        wire.send(b"Q", f"insert into sales.loads (id, note) values ({i}, 'fill-{i}-{note}')\0".encode())
        messages = []
        with contextlib.suppress(EOFError):
            while not messages or messages[-1][0] != "Z":
                messages.append(wire.next())
        if kinds(messages) != "CZ":
            return error_of(messages)["C"]
    raise AssertionError("the reserve never ends")


def test_low_is_said_and_changes_nothing(faulty, disk):
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(10)
        fill(disk, 9 * MIB)
        wait_for_state(faulty, "low")
        wait_for_audit_state(faulty, "low")
        load.wait_for_more(20)
        (disk / "ballast").unlink()
        wait_for_state(faulty, "open")
        wait_for_audit_state(faulty, "open")
    assert load.errors == []
    faults.stop_and_check(faulty, load)
    assert states(faulty) == ["low", "open"]


def test_a_full_disk_leaves_the_reserve_to_break_glass_and_then_nobody_and_heals_without_a_restart(faulty, disk):
    auditor, gateway = faulty.rowgate.auditor, faulty.rowgate.gateway
    acme, globex = faulty.connect(), faulty.connect(tenant="globex")
    with contextlib.closing(acme), contextlib.closing(globex), Wire(faulty) as wire, \
            faults.Writers(faulty, clients=2, tenant="globex") as load:
        admin, user = acme.cursor(), globex.cursor()
        admin.execute("select 1")
        user.execute("select 1")
        load.wait_for_more(30)
        fill(disk, 0)
        wait_for_state(faulty, "reserve")
        wait_for_audit_state(faulty, "reserve")
        time.sleep(0.3)  # the workers know it as soon
        known = len(load.answered)
        # others: refused by the SQLSTATE for it, at login and in their sessions, which stay
        assert code_of(lambda: user.execute("select 1")) == "53100"
        assert "53100" in code_of(lambda: faulty.query("select 1", tenant="globex")) or \
            "full" in code_of(lambda: faulty.query("select 1", tenant="globex"))
        # break_glass: works, on record
        admin.execute("insert into sales.loads (id, note) values (1, 'mark-0-1-1-end')")
        assert faulty.query("select 'mark-0-1-2-end'") == [("mark-0-1-2-end",)]
        assert len(load.answered) <= known + 2, "others still work"
        # then the reserve is used up
        assert use_up(wire) == "53100"
        wait_for_audit_state(faulty, "closed")
        time.sleep(0.3)  # a statement that is under way when its worker learns it ends its session, and psycopg2 does not say why
        assert code_of(lambda: admin.execute("select 1")) == "53100"
        assert code_of(lambda: user.execute("select 1")) == "53100"
        time.sleep(2.2)  # it stays so
        assert code_of(lambda: admin.execute("select 1")) == "53100"
        # and space comes back
        (disk / "ballast").unlink()
        wait_for_audit_state(faulty, "open")
        user.execute("insert into sales.loads (id, note) values (1, 'mark-0-2-1-end')")
        admin.execute("insert into sales.loads (id, note) values (1, 'mark-0-2-2-end')")
        load.wait_for_more(20)
    assert (faulty.rowgate.auditor, faulty.rowgate.gateway) == (auditor, gateway)
    assert {code for code, _ in load.errors} <= {"53100", None}, {code for code, _ in load.errors}
    assert b"mark-0-1-1-end" in faulty.log() and b"mark-0-1-2-end" in faulty.log()
    assert faulty.rowgate.stop() == 0
    log = faulty.log()
    lost = [note for note, in faulty.server.execute("select substr(note, 1, 20) from t_acme.loads where note like 'fill-%'",
                                                    dbname="bi") if note.rstrip("x").encode() not in log]
    assert lost == [], "executed and not on record"
    faulty.server.execute("delete from t_acme.loads where note like 'fill-%'", dbname="bi")
    faults.check(faulty, load)
    seen = states(faulty)
    assert seen[0] in ("low", "reserve") and seen[-1] == "open"
    assert [state for state in seen if state != "low"] == ["reserve", "closed", "open"], seen


def test_killed_while_the_disk_is_full_it_comes_back_when_there_is_room(faulty, disk):
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(20)
        fill(disk, 0)
        wait_for_audit_state(faulty, "reserve")
        os.kill(faulty.rowgate.auditor, 9)
        time.sleep(3)
        (disk / "ballast").unlink()
        faulty.wait_until_it_works()
        load.wait_for_more(10)
    faults.stop_and_check(faulty, load)


@pytest.mark.parametrize("disk", [150], indirect=True)
def test_full_again_and_again_nothing_is_lost(faulty, disk):
    auditor = faulty.rowgate.auditor
    with faults.Writers(faulty, clients=2, pause=0.02) as load, \
            faults.Writers(faulty, clients=2, tenant="globex", pause=0.02) as others:
        for _ in range(4):
            load.wait_for_more(20)
            others.wait_for_more(5)
            fill(disk, 0)
            wait_for_audit_state(faulty, "reserve")
            load.wait_for_more(10)
            (disk / "ballast").unlink()
            wait_for_audit_state(faulty, "open")
    assert faulty.rowgate.auditor == auditor
    assert load.errors == []  # they are of break_glass
    assert {code for code, _ in others.errors} <= {"53100", None}
    faults.stop_and_check(faulty, load, others)


def test_a_start_on_a_full_disk_says_so_and_harms_nothing(faulty, disk):
    with faults.Writers(faulty, clients=2) as load:
        load.wait_for_more(10)
    assert faulty.rowgate.stop() == 0
    (faulty.audit / "reserve").unlink()
    fill(disk, 0)
    assert "No space left" in faulty.try_start()
    (disk / "ballast").unlink()
    faulty.rowgate.start()
    assert faulty.query("select 1") == [(1,)]
    faults.stop_and_check(faulty, load)
