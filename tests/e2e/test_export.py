# SPDX-License-Identifier: Apache-2.0
"""The exporter with a file as its sink: every record arrives, at least once and in order, whatever is killed, and no
statement ever waits for it."""
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import psycopg2
import pytest

import stack as stacks

SINK = """
export_alert = "1s"
[[audit.sinks]]
name = "shipper"
type = "file"
path = "{path}"
timeout = "1s"
"""


@contextlib.contextmanager
def exporting(extra=SINK, name="out.jsonl", **options):
    """A stack whose log goes to a file; it may be a FIFO or missing, which is the test's to make."""
    holder = pathlib.Path(stacks.tempfile.mkdtemp(prefix="rowgate-sink."))
    path = holder / name
    try:
        with stacks.Stack(extra=extra.format(path=path), **options) as stack:
            stack.sink = path
            yield stack
            print(stack.rowgate.log_path.read_text()[-6000:])
    finally:
        holder.chmod(0o700)
        shutil.rmtree(holder, ignore_errors=True)


def numbers(path, strict=True):
    """seq of every line there, in order; one that kill -9 cut is no JSON and is passed over."""
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            found.append(int(json.loads(line)["unmapped"]["rg"]["seq"]))
        except ValueError:
            assert not strict, line
    return found


def log_lines(stack):
    return [line for path in sorted((stack.audit / "seg").glob("*.jsonl")) for line in path.read_bytes().split(b"\n")
            if line.strip(b"\0")]


def status(stack, *options):
    done = subprocess.run([stacks.binary(), "audit", "status", *options, str(stack.audit)], text=True, capture_output=True)
    return done


def task(stack, name="shipper"):
    done = status(stack, "--json")
    with contextlib.suppress(ValueError):
        return next(item for item in json.loads(done.stdout)["tasks"] if item["name"] == name)
    return {"works": None, "confirmed": 0, "lag_records": -1}


def records_of(stack, kind):
    return [record["unmapped"]["rg"] for record in map(json.loads, log_lines(stack)) if record["unmapped"]["rg"]["kind"] == kind]


def wait_all_there(stack, marker, seconds=20):
    stacks.wait_for(lambda: stack.sink.exists() and marker.encode() in stack.sink.read_bytes(), f"{marker} in the sink", seconds)


def ask(stack, marker):
    assert stack.query(f"select '{marker}'") == [(marker,)]


def can_ask(stack, marker):
    with contextlib.suppress(psycopg2.Error):
        ask(stack, marker)
        return True
    return False


def assert_exactly_the_log(stack):
    """Byte for byte, from the first record on; the sink may be a little behind."""
    lines = stack.sink.read_bytes().split(b"\n")[:-1]
    assert lines == log_lines(stack)[:len(lines)]


def test_every_record_reaches_the_sink_as_the_log_has_it():
    with exporting() as stack:
        for i in range(30):
            ask(stack, f"marker-{i}-end")
        wait_all_there(stack, "marker-29-end")
        assert_exactly_the_log(stack)
        first = json.loads(stack.sink.read_bytes().split(b"\n")[0])["unmapped"]["rg"]
        assert first["kind"] == "log.started" and "prev" in first
        stacks.wait_for(lambda: task(stack)["lag_records"] == 0, "no lag")
        assert task(stack)["works"] and status(stack).returncode == 0
        # the last turn comes behind log.stopped
        assert stack.rowgate.stop() == 0
        assert stack.sink.read_bytes().split(b"\n")[:-1] == log_lines(stack)
        assert b'"kind":"log.stopped"' in stack.sink.read_bytes()
        assert subprocess.run([stacks.binary(), "audit", "verify", str(stack.audit)], capture_output=True).returncode == 0


def test_killed_at_random_it_repeats_and_never_leaves_out():
    with exporting() as stack:
        seed = random.randrange(1 << 30)
        print("seed", seed)
        chance = random.Random(seed)
        for i in range(8):
            for j in range(20):
                ask(stack, f"round-{i}-{j}-end")
            time.sleep(chance.uniform(0, 1.3))
            with contextlib.suppress(KeyError, ProcessLookupError):
                os.kill(stack.rowgate.children()["exporter"], signal.SIGKILL)
            stacks.wait_for(lambda: "exporter" in stack.rowgate.children(), "the exporter again")
        ask(stack, "the-last-one")
        wait_all_there(stack, "the-last-one", 40)
        found = numbers(stack.sink, strict=False)
        assert set(range(max(found) + 1)) == set(found)
        positions = {}
        for at, seq in enumerate(found):
            positions.setdefault(seq, at)
        assert list(positions) == sorted(positions), "first arrivals are in order"
        log = {json.loads(line)["unmapped"]["rg"]["seq"]: line for line in log_lines(stack)}
        for line in stack.sink.read_bytes().split(b"\n")[:-1]:
            with contextlib.suppress(ValueError):
                assert line == log[json.loads(line)["unmapped"]["rg"]["seq"]]
        died = [line for line in log_lines(stack) if b'"kind":"process.died"' in line]
        assert len(died) >= 1 and all(b"exporter" in line for line in died)


def test_an_unwritable_directory_is_an_alert_and_a_record_and_heals():
    with exporting() as stack:
        ask(stack, "before-it-fails")
        wait_all_there(stack, "before-it-fails")
        # also for root, and for a name: a directory in the file's place
        stack.sink.rename(stack.sink.with_suffix(".old"))
        stack.sink.mkdir()
        ask(stack, "while-it-fails")
        stacks.wait_for(lambda: stack.rowgate.event("audit.export.failing"), "the warning")
        stacks.wait_for(lambda: stack.rowgate.event("audit.export.alert"), "the alert")
        stacks.wait_for(lambda: records_of(stack, "export.state"), "the record")
        assert status(stack).returncode == 1 and "FAILING" in status(stack).stdout
        assert str(stack.sink) in task(stack)["reason"]
        for i in range(20):
            ask(stack, f"meanwhile-{i}-end")
        assert len(records_of(stack, "export.state")) == 1, "no record for each attempt"
        stack.sink.rmdir()
        wait_all_there(stack, "meanwhile-19-end", 90)
        stacks.wait_for(lambda: len(records_of(stack, "export.state")) == 2, "the record of its return")
        stacks.wait_for(lambda: stack.rowgate.event("audit.export.works"), "the line of its return")
        old = numbers(stack.sink.with_suffix(".old"))
        assert old + numbers(stack.sink) == list(range(len(old + numbers(stack.sink))))
        # its own records make the log grow, and that must come to rest
        stacks.wait_for(lambda: task(stack)["lag_records"] == 0, "rest")
        size = len(log_lines(stack))
        time.sleep(3)
        assert len([line for line in log_lines(stack)[size:] if b"export." in line]) == 0


def test_a_sink_that_takes_nothing_holds_up_nobody():
    with exporting(name="fifo") as stack:
        stack.sink.unlink(missing_ok=True)
        os.mkfifo(stack.sink)
        reader = os.open(stack.sink, os.O_RDONLY | os.O_NONBLOCK)  # who never reads
        try:
            big = "x" * 20000
            for i in range(60):
                assert stack.query(f"select 'hung-{i}-{big}'")
            stacks.wait_for(lambda: stack.rowgate.event("audit.export.alert"), "the alert")
            ask(stack, "it-still-hangs")
            assert task(stack)["lag_records"] > 0 and not task(stack)["works"]
            began = time.monotonic()
            assert stack.rowgate.stop() == 0
            assert time.monotonic() - began < 15
        finally:
            os.close(reader)


def test_a_rotated_file_goes_on_in_a_new_one():
    with exporting() as stack:
        for i in range(3):
            ask(stack, f"rotation-{i}-end")
            wait_all_there(stack, f"rotation-{i}-end")
            stack.sink.rename(f"{stack.sink}.{i}")
        ask(stack, "after-all")
        wait_all_there(stack, "after-all")
        parts = [pathlib.Path(f"{stack.sink}.{i}") for i in range(3)] + [stack.sink]
        found = [seq for part in parts for seq in numbers(part)]
        assert found == list(range(len(found)))


def test_a_reload_takes_other_sinks_and_a_wrong_one_changes_nothing():
    with exporting(extra="") as stack:
        assert "exporter" not in stack.rowgate.children()
        holder = stack.directory / "sinks"
        holder.mkdir()
        stack.sink = holder / "a.jsonl"
        text = stack.rowgate.config.read_text()
        stack.rowgate.config.write_text(text + SINK.format(path=stack.sink).replace('export_alert = "1s"\n', ""))
        stack.rowgate.signal(signal.SIGHUP)
        ask(stack, "from-the-start")
        wait_all_there(stack, "from-the-start")
        first = stack.rowgate.children()["exporter"]
        stack.rowgate.config.write_text(text + SINK.format(path=stack.sink).replace('"file"', '"fil"'))
        stack.rowgate.signal(signal.SIGHUP)
        stacks.wait_for(lambda: stack.rowgate.event("audit.export.reload_failed"), "the refusal")
        assert stack.rowgate.children()["exporter"] == first
        ask(stack, "with-the-old-one")
        wait_all_there(stack, "with-the-old-one")
        second = holder / "b.jsonl"
        stack.rowgate.config.write_text(text + SINK.format(path=second).replace('export_alert = "1s"\n', ""))
        stack.rowgate.signal(signal.SIGHUP)
        stacks.wait_for(lambda: stack.rowgate.children().get("exporter", first) != first, "another exporter")
        ask(stack, "to-the-second")
        stacks.wait_for(lambda: second.exists() and b"to-the-second" in second.read_bytes(), "the second file")
        assert b"to-the-second" not in stack.sink.read_bytes()
        # the name is the same, so it went on where it was
        assert numbers(stack.sink) + numbers(second) == list(range(len(numbers(stack.sink) + numbers(second))))
        stack.rowgate.config.write_text(text)
        stack.rowgate.signal(signal.SIGHUP)
        stacks.wait_for(lambda: "exporter" not in stack.rowgate.children(), "no exporter")
        ask(stack, "nobody-is-told")
        assert not records_of(stack, "process.died")


@pytest.mark.parametrize("damage", ["cut", "flipped", "replaced"])
def test_a_damaged_cursor_begins_again(damage):
    with exporting() as stack:
        ask(stack, "first-run")
        wait_all_there(stack, "first-run")
        stack.rowgate.stop()
        cursor = stack.audit / "export" / "shipper.cursor"
        text = cursor.read_bytes()
        if damage == "cut":
            cursor.write_bytes(text[:len(text) // 2])
        elif damage == "flipped":
            cursor.write_bytes(text.replace(b"record ", b"recorc ", 1))
        else:
            cursor.write_bytes(b"")
        before = stack.sink.stat().st_size
        start = stack.rowgate.log_path.stat().st_size
        stack.rowgate.start()
        ask(stack, "second-run")
        wait_all_there(stack, "second-run")
        again = [json.loads(line)["unmapped"]["rg"]["seq"] for line in stack.sink.read_bytes()[before:].split(b"\n")[:-1]]
        assert int(again[0]) == 0
        assert "damaged" in stack.rowgate.event("audit.export.warning", start)["text"]


def test_it_cannot_read_the_seeds_and_says_so_when_its_fence_has_a_hole():
    with exporting() as stack:
        ask(stack, "fenced")
        wait_all_there(stack, "fenced")
        event = stack.rowgate.event("audit.export.fence")
        if event["missing"] and "kernel" in event["missing"]:
            pytest.skip(event["missing"])
        assert event["files"] and event["calls"] and event["missing"] == ""
        exporter = stack.rowgate.children()["exporter"]
        state = pathlib.Path(f"/proc/{exporter}/status").read_text()
        assert re.search(r"^NoNewPrivs:\s*1$", state, re.M) and re.search(r"^Seccomp:\s*2$", state, re.M)


def test_metrics_and_json_have_every_sink():
    with exporting() as stack:
        ask(stack, "measured")
        wait_all_there(stack, "measured")
        text = status(stack, "--prometheus").stdout
        for name in ("lag_seconds", "lag_records", "sink_up"):
            assert re.search(rf'^rowgate_audit_{name}{{sink="shipper"}} [0-9.]+$', text, re.M), text
        stack.rowgate.stop()
        done = status(stack)
        assert "shipper" in done.stdout and done.returncode in (0, 1)  # it works without rowgate
        assert status(stack, "--json", "--prometheus").returncode == 6
        assert subprocess.run([stacks.binary(), "audit", "status", "/nowhere"], capture_output=True).returncode == 1


def test_a_killed_auditor_gives_it_a_new_way():
    with exporting() as stack:
        ask(stack, "before")
        wait_all_there(stack, "before")
        os.kill(stack.rowgate.auditor, signal.SIGKILL)
        stacks.wait_for(lambda: stack.rowgate.event("server.child.restarted"), "the auditor again")
        stack.sink.rename(stack.sink.with_suffix(".old"))
        stack.sink.mkdir()  # what it has to record now goes through the new door
        stacks.wait_for(lambda: can_ask(stack, "after"), "statements again")
        stacks.wait_for(lambda: records_of(stack, "export.state"), "a record")
        stack.sink.rmdir()
        wait_all_there(stack, "after", 60)
        found = numbers(stack.sink.with_suffix(".old")) + numbers(stack.sink)
        assert sorted(set(found)) == list(range(max(found) + 1))
        lines = set(log_lines(stack))
        assert all(line in lines for line in stack.sink.read_bytes().split(b"\n")[:-1]), "nothing that the log does not hold"


def test_a_stopped_exporter_holds_up_neither_statements_nor_the_end():
    with exporting() as stack:
        ask(stack, "before")
        wait_all_there(stack, "before")
        exporter = stack.rowgate.children()["exporter"]
        os.kill(exporter, signal.SIGSTOP)
        for i in range(50):
            ask(stack, f"frozen-{i}-end")
        stack.rowgate.signal(signal.SIGHUP)
        ask(stack, "reloaded-meanwhile")
        began = time.monotonic()
        assert stack.rowgate.stop() == 0
        assert time.monotonic() - began < 20
        assert not stacks.is_running(exporter)
        stack.rowgate.start()
        wait_all_there(stack, "reloaded-meanwhile")
        found = numbers(stack.sink)
        assert sorted(set(found)) == list(range(max(found) + 1))


def test_one_that_never_starts_fills_no_log():
    with exporting() as stack:
        ask(stack, "before")
        wait_all_there(stack, "before")
        stack.rowgate.stop()
        shutil.rmtree(stack.audit / "export")
        (stack.audit / "export").write_text("in the way")
        stack.rowgate.start()
        stacks.wait_for(lambda: len([e for e in stack.rowgate.events() if e.get("event") == "server.child.died"]) >= 4, "attempts")
        for i in range(20):
            ask(stack, f"without-it-{i}-end")
        assert len([line for line in log_lines(stack) if b'"kind":"process.died"' in line]) == 1
        (stack.audit / "export").unlink()
        wait_all_there(stack, "without-it-19-end", 40)
