# SPDX-License-Identifier: Apache-2.0
"""The log's disk fills, really: LOW, RESERVE with its break-glass user, CLOSED, and back without a restart."""
import contextlib
import os
import subprocess
import time

import psycopg2
import pytest

import stack as stacks

MIB = 1 << 20
SETTINGS = 'segment_size = "1MiB"\nreserve = "2MiB"\nlow_space = "10MiB"\nbreak_glass = ["alice@acme"]\n'


class SmallDisk(stacks.Stack):
    """The log on a file system of its own, of 32 MiB."""

    def __init__(self):
        super().__init__(workers=1, extra=SETTINGS)
        self.ballast = None

    def _fill(self):
        super()._fill()
        target = self.directory / "audit"
        target.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=0700", "none", target], check=True)
        self.ballast = target / "ballast"

    def __exit__(self, *arguments):
        if self.ballast is not None:
            if self.rowgate is not None:
                self.rowgate.stop()
            subprocess.run(["umount", self.ballast.parent], check=False)
        super().__exit__(*arguments)

    def free(self):
        info = os.statvfs(self.ballast.parent)
        return info.f_bavail * info.f_bsize

    def leave(self, size):
        """Fills the disk until no more than size is left."""
        with contextlib.suppress(OSError), open(self.ballast, "ab") as file:
            while self.free() > size:
                file.write(b"x" * min(self.free() - size, MIB))
                file.flush()

    def state(self):
        states = [event["state"] for event in self.rowgate.events() if event["event"] == "audit.state"]
        return states[-1] if states else "open"

    def wait_for_state(self, state, seconds=30):
        stacks.wait_for(lambda: self.state() == state, f"state {state}, not {self.state()}", seconds)


@pytest.fixture
def small():
    if os.geteuid() != 0:
        pytest.skip("mounts a file system")
    with SmallDisk() as stack:
        yield stack


def rg(record):
    return record["unmapped"]["rg"]


def test_a_full_disk_lets_only_the_break_glass_user_on_and_opens_again(small):
    with contextlib.closing(small.connect()) as admin, contextlib.closing(small.connect("globex")) as other:
        cursor, others = admin.cursor(), other.cursor()
        others.execute("select 'while there is room'")
        small.leave(8 * MIB)
        small.wait_for_state("low")
        others.execute("select 'while it is low'")  # an alert, nothing more
        small.leave(0)
        small.wait_for_state("reserve")
        time.sleep(0.2)  # the main thread's log says so; each loop hears of it on its own channel
        with pytest.raises(psycopg2.Error) as caught:
            others.execute("select 'not now'")
        assert caught.value.pgcode == "53100" and "audit disk nearly full" in str(caught.value)
        with pytest.raises(psycopg2.OperationalError) as refused:
            small.connect("globex")
        assert "audit disk nearly full" in str(refused.value)
        cursor.execute("select 'by the break-glass user'")
        assert cursor.fetchall() == [("by the break-glass user",)]
        with contextlib.closing(small.connect()) as again:  # a login of theirs too
            again.cursor().execute("select 1")
        small.ballast.unlink()
        stacks.wait_for(lambda: small.state() in ("open", "low"), "room again", 30)
        time.sleep(0.2)
        others.execute("select 'after it'")  # the same session
        assert others.fetchall() == [("after it",)]
    assert small.rowgate.event("server.child.died") is None
    assert small.rowgate.stop() == 0
    records = list(small.audit_records())
    marked = [record for record in records if rg(record).get("break_glass")]
    assert {rg(record)["tenant"] for record in marked} == {"acme"} and {"statement", "login"} <= {rg(r)["kind"] for r in marked}
    assert any("by the break-glass user" in str(record) for record in marked)
    assert not any("not now" in str(record) for record in records)
    assert not any(rg(record).get("break_glass") for record in records if "after it" in str(record))
    assert [r for r in records if rg(r)["kind"] == "disk.state"]
    done = small.audit_verify()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_reserve_that_is_used_up_closes_the_log_and_nothing_goes_unrecorded(small):
    answered = []
    with contextlib.closing(small.connect()) as admin, admin.cursor() as cursor:
        small.leave(0)
        small.wait_for_state("reserve")
        with pytest.raises(psycopg2.Error) as caught:
            for number in range(400):
                cursor.execute(f"select 'reserve-{number}-end', '{'x' * 20000}'")
                answered.append(f"reserve-{number}-end")
        assert caught.value.pgcode in ("53100", None), caught.value  # None: libpq, of a session that waited
    small.wait_for_state("closed")
    with pytest.raises(psycopg2.OperationalError) as refused:
        small.connect()
    assert "the audit log's disk is full" in str(refused.value), refused.value
    small.ballast.unlink()
    stacks.wait_for(lambda: small.state() in ("open", "low"), "room again", 40)
    time.sleep(0.2)
    assert small.query("select 'after it'") == [("after it",)]
    assert small.rowgate.stop() == 0
    log = b"".join(path.read_bytes() for path in sorted((small.directory / "audit" / "seg").glob("*.jsonl")))
    assert answered and all(marker.encode() in log for marker in answered)
    done = small.audit_verify()
    assert done.returncode == 0, done.stdout + done.stderr
