# SPDX-License-Identifier: Apache-2.0
"""Three processes, each killed under load: what was answered is on record, what can go on goes on, nothing is left over."""
import contextlib
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import psycopg2
import pytest

import stack as stacks
from test_protocol import Wire, error_of, kinds

WRITES = '["select", "insert", "update", "delete"]'


class Load:
    """Clients that never stop: each remembers what was answered, and connects again when its session ends."""

    def __init__(self, stack, clients=4, sql="select '{}'"):
        self.stack = stack
        self.sql = sql
        self.answered = []
        self.errors = []
        self.sessions = 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self, index):
        count = 0
        while not self.stop.is_set():
            with contextlib.suppress(psycopg2.Error), contextlib.closing(self.stack.connect(connect_timeout=10)) as connection:
                self.sessions += 1
                cursor = connection.cursor()
                while not self.stop.is_set() and not connection.closed:
                    marker = f"load-{index}-{count}-end"
                    count += 1
                    try:
                        cursor.execute(self.sql.format(marker))
                    except psycopg2.Error as error:
                        self.errors.append((error.pgcode, str(error)))
                        time.sleep(0.05)
                        continue
                    cursor.fetchall()
                    self.answered.append(marker)
            time.sleep(0.02)

    def wait_for_more(self, count, seconds=20):
        known = len(self.answered)
        stacks.wait_for(lambda: len(self.answered) >= known + count, f"{count} more answers", seconds)


def log_bytes(stack):
    return b"".join(path.read_bytes() for path in sorted((stack.directory / "audit" / "seg").glob("*.jsonl")))


def assert_all_on_record(stack, answered):
    log = log_bytes(stack)
    missing = [marker for marker in answered if marker.encode() not in log]
    assert missing == [], f"{len(missing)} of {len(answered)}"


def kinds_of(stack):
    return [record["unmapped"]["rg"]["kind"] for record in stack.audit_records()]


def process_ids(stack):
    return [stack.rowgate.process.pid, *stack.rowgate.children().values()]


def test_the_auditor_killed_under_load_loses_nothing_and_sessions_go_on():
    with stacks.Stack() as stack:
        quiet = stack.connect()  # waits for nothing, so it stays
        quiet.cursor().execute("select 1")
        with Load(stack) as load:
            load.wait_for_more(50)
            for _ in range(3):
                old = stack.rowgate.auditor
                os.kill(old, signal.SIGKILL)
                stacks.wait_for(lambda: stack.rowgate.children().get("auditor") not in (None, old), "the next auditor", 10)
                load.wait_for_more(50)
        # None: libpq tells of the end of the connection and not of the FATAL error before it; test_gate.py reads that
        assert load.errors and {code for code, _ in load.errors} <= {"58030", None}, load.errors
        with quiet.cursor() as cursor:
            cursor.execute("select 'quiet-end'")
            assert cursor.fetchall() == [("quiet-end",)]
        quiet.close()
        died = [event for event in stack.rowgate.events() if event["event"] == "server.child.died"]
        assert [(event["child"], event["how"]) for event in died] == [("auditor", "signal 9")] * 3
        assert stack.rowgate.stop() == 0
        assert_all_on_record(stack, [*load.answered, "quiet-end"])
        seen = kinds_of(stack)
        assert seen.count("log.started") == 4 and seen.count("process.died") == 3
        done = stack.audit_verify()
        assert done.returncode == 0, done.stdout + done.stderr


def test_while_there_is_no_auditor_statements_are_refused_and_sessions_stay():
    with stacks.Stack(workers=1) as stack, Wire(stack) as wire:
        with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select 1")
            (stack.directory / "audit" / "seg").rename(stack.directory / "audit" / "elsewhere")  # none can start
            (stack.directory / "audit" / "seg").write_text("no directory\n")
            os.kill(stack.rowgate.auditor, signal.SIGKILL)
            stacks.wait_for(lambda: any(e.get("state") == "closed" for e in stack.rowgate.events() if e["event"] == "audit.state"),
                            "the gateway's notice")
            for _ in range(2):
                with pytest.raises(psycopg2.Error) as caught:
                    cursor.execute("select 2")
                assert caught.value.pgcode == "58030" and caught.value.diag.message_hint, caught.value
                assert "audit/" not in str(caught.value)  # no path of ours
                wire.parse("select 3")
                wire.bind()
                wire.execute()
                wire.send(b"S")
                answer = wire.until("Z")
                assert kinds(answer) == "EZ" and error_of(answer)["C"] == "58030"
            with pytest.raises(psycopg2.OperationalError) as refused:
                stack.connect()
            assert "audit log is not available" in str(refused.value)
            start = stack.rowgate.log_path.stat().st_size
            stack.rowgate.config.write_text(stack.config_text() + "# another digest\n")
            stack.rowgate.signal(signal.SIGHUP)
            stacks.wait_for(lambda: stack.rowgate.event("policy.reload_failed", start), "the refusal of the reload")
            (stack.directory / "audit" / "seg").unlink()
            (stack.directory / "audit" / "elsewhere").rename(stack.directory / "audit" / "seg")

            def works():
                with contextlib.suppress(psycopg2.Error):
                    cursor.execute("select 4")
                    return cursor.fetchall() == [(4,)]
            stacks.wait_for(works, "the same session's next statement", 25)
            wire.send(b"Q", b"select 5\0")
            assert kinds(wire.until("Z")) == "TDCZ"
        assert stack.rowgate.stop() == 0
        assert stack.audit_verify().returncode == 0


def test_acknowledged_records_that_are_spoilt_while_the_auditor_is_down_are_not_cut():
    with stacks.Stack(workers=1) as stack, contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
        audit = stack.directory / "audit"
        cursor.execute("select 1")
        time.sleep(0.2)  # the supervisor hears of it within 10 ms; no checkpoint is due yet, or it covers less
        cursor.execute("select 2")
        time.sleep(0.2)
        (audit / "seg").rename(audit / "elsewhere")  # none can start
        (audit / "seg").write_text("no directory\n")
        os.kill(stack.rowgate.auditor, signal.SIGKILL)
        stacks.wait_for(lambda: stack.rowgate.event("server.child.died"), "the auditor's death")
        newest = sorted((audit / "elsewhere").glob("*.jsonl"))[-1]
        good = newest.read_bytes()
        newest.write_bytes(good[:len(good.rstrip(b"\0")) - 40] + b"\0" * 4096)  # as a crash leaves it
        spoilt = newest.read_bytes()
        (audit / "seg").unlink()
        (audit / "elsewhere").rename(audit / "seg")
        stacks.wait_for(lambda: any("rolled back or altered" in str(event.get("reason")) for event in stack.rowgate.events()),
                        "the refusal", 25)
        assert (audit / "seg" / newest.name).read_bytes() == spoilt and not list((audit / "quarantine").iterdir())
        (audit / "seg" / newest.name).write_bytes(good)

        def works():
            with contextlib.suppress(psycopg2.Error):
                cursor.execute("select 4")
                return cursor.fetchall() == [(4,)]
        stacks.wait_for(works, "the next statement once the log is whole again", 30)
        assert stack.rowgate.stop() == 0
        assert stack.audit_verify().returncode == 0


def test_a_write_whose_auditor_died_gets_its_outcome_from_the_next_one():
    """The decision is durable, the database is at work, the auditor dies and comes back, then the client goes away."""
    with stacks.Stack(workers=1, own_kinds=WRITES) as stack:
        holder = stack.server.connect(dbname="bi", user="postgres", password="super")
        holder.cursor().execute("begin; lock table t_acme.orders in exclusive mode")
        with Wire(stack) as ended, Wire(stack) as kept:
            for number, wire in ((700001, ended), (700002, kept)):
                wire.send(b"Q", f"insert into sales.orders (id, note) values ({number}, 'outcome-{number}')\0".encode())
            stacks.wait_for(lambda: log_bytes(stack).count(b'"phase":"decision"') >= 2, "both decisions")
            (stack.directory / "audit" / "seg").rename(stack.directory / "audit" / "elsewhere")
            (stack.directory / "audit" / "seg").write_text("no directory\n")
            os.kill(stack.rowgate.auditor, signal.SIGKILL)
            stacks.wait_for(lambda: stack.rowgate.event("audit.state"), "the gateway's notice")
            ended.sock.close()
            time.sleep(0.5)
            (stack.directory / "audit" / "seg").unlink()
            (stack.directory / "audit" / "elsewhere").rename(stack.directory / "audit" / "seg")
            stacks.wait_for(lambda: stack.rowgate.event("server.child.restarted"), "the next auditor", 25)
            time.sleep(0.5)
            holder.cursor().execute("rollback")
            assert kinds(kept.until("Z")) == "CZ"  # it waited for no record, so it went on
        holder.close()
        assert stack.rowgate.stop() == 0
        outcomes = [record for record in stack.audit_records() if record["unmapped"]["rg"].get("phase") == "outcome"]
        assert any("the auditor was restarted" in str(record) for record in outcomes), outcomes
        assert any(record["unmapped"]["rg"].get("rows") == 1 for record in outcomes), outcomes
        assert stack.audit_verify().returncode == 0


def test_the_gateway_killed_under_load_comes_back_on_its_port_and_the_log_goes_on():
    with stacks.Stack() as stack:
        auditor = stack.rowgate.auditor
        with Load(stack) as load:
            for _ in range(3):
                load.wait_for_more(50)
                old = stack.rowgate.gateway
                os.kill(old, signal.SIGKILL)
                stacks.wait_for(lambda: stack.rowgate.children().get("gateway") not in (None, old), "the next gateway", 10)
            load.wait_for_more(50)
        assert stack.rowgate.auditor == auditor
        ports = {event["port"] for event in stack.rowgate.events() if event["event"] == "listener.open"}
        assert ports == {stack.rowgate.port}
        assert stack.rowgate.stop() == 0
        assert_all_on_record(stack, load.answered)
        seen = kinds_of(stack)
        assert seen.count("log.started") == 1 and seen.count("process.died") == 3 and seen.count("policy.loaded") == 4
        assert "gateway" in str(next(record for record in stack.audit_records() if "process.died" in str(record)))
        assert stack.audit_verify().returncode == 0


def test_the_supervisor_killed_leaves_no_orphan_and_the_next_start_works():
    with stacks.Stack() as stack:
        for _ in range(3):
            with Load(stack) as load:
                load.wait_for_more(50)
                ids = process_ids(stack)
                assert len(ids) == 3
                stack.rowgate.process.send_signal(signal.SIGKILL)
                stack.rowgate.process.wait()
                stacks.wait_for(lambda: not any(stacks.is_running(pid) for pid in ids), "the end of both children", 10)
                load.stop.set()
            stack.rowgate.start()
            assert_all_on_record(stack, load.answered)
        assert stack.query("select 1") == [(1,)]
        assert stack.rowgate.stop() == 0
        assert stack.audit_verify().returncode == 0


def test_all_three_killed_at_once_lose_nothing_that_was_answered():
    with stacks.Stack() as stack:
        with Load(stack) as load:
            load.wait_for_more(100)
            for pid in process_ids(stack):
                os.kill(pid, signal.SIGKILL)
            stack.rowgate.process.wait()
            load.stop.set()
        stack.rowgate.start()
        assert_all_on_record(stack, load.answered)
        assert stack.audit_verify().returncode == 0


def test_sigterm_ends_in_order_and_log_stopped_comes_last():
    with stacks.Stack() as stack:
        ids = process_ids(stack)
        with Load(stack) as load:
            load.wait_for_more(50)
            stack.rowgate.signal(signal.SIGTERM)
            assert stack.rowgate.process.wait(timeout=20) == 0
            load.stop.set()
        assert not any(stacks.is_running(pid) for pid in ids)
        seen = kinds_of(stack)
        last = len(seen) - 1 - seen[::-1].index("log.stopped")
        assert seen.count("log.stopped") == 1
        assert not set(seen[last + 1:]) - {"log.checkpoint", "epoch.open"}, seen[last:]
        assert_all_on_record(stack, load.answered)
        done = stack.audit_verify()
        assert done.returncode == 0, done.stdout


def test_a_signal_to_the_whole_group_counts_once():
    """As a terminal's or a service manager's: a second SIGTERM would stop at once and cut the open transaction."""
    with stacks.Stack() as stack, contextlib.closing(stack.connect(autocommit=False)) as busy, busy.cursor() as cursor:
        cursor.execute("select 1")
        for pid in process_ids(stack):
            os.kill(pid, signal.SIGTERM)
        time.sleep(0.7)
        cursor.execute("select 2")
        assert cursor.fetchall() == [(2,)]
        busy.commit()
        assert stack.rowgate.process.wait(timeout=20) == 0
        assert stack.audit_verify().returncode == 0


def test_children_do_not_speak_to_anybody_else():
    done = subprocess.run([stacks.binary(), "child", "gateway"], capture_output=True, text=True)
    assert done.returncode == 2 and "rowgate run" in done.stderr
    done = subprocess.run([stacks.binary(), "child", "auditor", "--control", "3"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "child" not in subprocess.run([stacks.binary(), "--help"], capture_output=True, text=True).stdout


def test_a_start_that_fails_says_why_once_and_leaves_nothing(tmp_path):
    with stacks.Stack() as stack:
        cases = {
            "mistake": (stack.config_text() + "[nonsense]\n", "nonsense"),
            "port": (stack.config_text().replace("127.0.0.1:0", f"127.0.0.1:{stack.rowgate.port}"), "cannot listen on"),
            "log": (stack.config_text(), "in use by another"),
            "directory": (stack.config_text(audit="/proc/no/such/place"), "/proc/no/such/place"),
        }
        for name, (text, wanted) in cases.items():
            config = tmp_path / f"{name}.toml"
            config.write_text(text)
            done = subprocess.run([stacks.binary(), "run", "-c", config], capture_output=True, text=True, timeout=60,
                                  env=stack.rowgate.environment)
            assert done.returncode == 1, (name, done.stderr)
            assert done.stderr.count(wanted) >= 1 and done.stderr.count("rowgate: ") == 1, (name, done.stderr)
        assert stack.query("select 1") == [(1,)]  # the one that runs was not disturbed


def test_the_pid_file_is_the_supervisors_and_goes_with_it(tmp_path):
    path = tmp_path / "rowgate.pid"
    with stacks.Stack() as stack:
        stack.rowgate.stop()
        stack.rowgate.config.write_text(stack.config_text().replace("[server]\n", f'[server]\npid_file = "{path}"\n', 1))
        stack.rowgate.start()
        stacks.wait_for(path.exists, "the pid file")
        assert int(path.read_text()) == stack.rowgate.process.pid
        os.kill(stack.rowgate.gateway, signal.SIGKILL)
        stacks.wait_for(lambda: stack.rowgate.event("server.child.restarted"), "the next gateway")
        assert int(path.read_text()) == stack.rowgate.process.pid
        assert stack.rowgate.stop() == 0
        assert not path.exists()


def test_no_process_can_be_read_by_others_of_its_user():
    with stacks.Stack() as stack:
        for pid in process_ids(stack):  # PR_SET_DUMPABLE 0: what /proc shows belongs to root, and no core is written
            limits = pathlib.Path(f"/proc/{pid}/coredump_filter")
            assert limits.stat().st_uid == 0


def test_clients_are_not_bounded_by_the_usual_soft_limit_of_descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with stacks.Stack() as stack:
        stack.rowgate.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        try:
            stack.rowgate.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        limits = pathlib.Path(f"/proc/{stack.rowgate.gateway}/limits").read_text()
        assert re.search(rf"^Max open files +{before[1]} +{before[1]} ", limits, re.MULTILINE), limits


def test_the_gateway_runs_behind_its_fence_and_says_so():
    with stacks.Stack() as stack:
        fence = stack.rowgate.event("server.fence")
        status = pathlib.Path(f"/proc/{stack.rowgate.gateway}/status").read_text()
        assert fence["calls"] and "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
        if not fence["missing"]:
            assert fence["files"] and fence["signals"]
        os.kill(stack.rowgate.gateway, signal.SIGKILL)
        stacks.wait_for(lambda: stack.rowgate.event("server.child.restarted"), "the next gateway")
        assert len([event for event in stack.rowgate.events() if event["event"] == "server.fence"]) == 2
        status = pathlib.Path(f"/proc/{stack.rowgate.gateway}/status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status


def test_a_storm_of_reloads_does_not_hold_up_the_end():
    with stacks.Stack() as stack:
        for _ in range(1000):
            os.kill(stack.rowgate.process.pid, signal.SIGHUP)
            time.sleep(0.001)  # so that the supervisor takes each one
        began = time.monotonic()
        assert stack.rowgate.stop() == 0
        seconds = time.monotonic() - began
        reloads = len([event for event in stack.rowgate.events() if event["event"] == "policy.reloaded"])
        assert 1 <= reloads <= 100, (reloads, seconds)
        assert seconds < 8, (reloads, seconds)
        assert kinds_of(stack)[-1] == "log.stopped"
        assert kinds_of(stack).count("policy.loaded") == reloads + 1


def test_an_end_without_an_auditor_is_clean_and_tells_what_the_log_lacks():
    with stacks.Stack(workers=1) as stack:
        with contextlib.closing(stack.connect()) as connection:
            assert connection.cursor().execute("select 1") is None
            (stack.directory / "audit" / "seg").rename(stack.directory / "audit" / "elsewhere")  # none can start
            (stack.directory / "audit" / "seg").write_text("no directory\n")
            os.kill(stack.rowgate.auditor, signal.SIGKILL)
            stacks.wait_for(lambda: any(e.get("state") == "closed" for e in stack.rowgate.events() if e["event"] == "audit.state"),
                            "the gateway's notice")
        stacks.wait_for(lambda: stack.rowgate.event("audit.submit_failed"), "the logout that is not on record")
        assert stack.rowgate.stop() == 0  # the sanitizers say so when anything was left over
        assert stack.rowgate.event("audit.outcomes_lost")["count"] == 1
