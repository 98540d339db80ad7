# SPDX-License-Identifier: Apache-2.0
"""Sessions seen and ended by an operator: at once, on record, with what they came in by, and for longer than a restart."""
import contextlib
import json
import os
import pwd
import re
import signal
import socket
import stat
import subprocess

import psycopg2
import pytest

import stack as stacks

ME = pwd.getpwuid(os.geteuid()).pw_name


class Sessions(stacks.Stack):
    """A stack with [state]."""

    def config_text(self, **changes):
        state = f'[state]\nurl = "sqlite:{self.directory}/state/state.db"\n'
        return super().config_text(**({"extra": self.extra + state} | changes))

    def session(self, *arguments):
        return subprocess.run([stacks.binary(), "session", *arguments, "-c", self.rowgate.config], text=True,
                              capture_output=True, env=self.rowgate.environment, timeout=60)

    def sessions(self, *arguments):
        done = self.session("list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def restart(self):
        self.rowgate.stop()
        self.rowgate.start()

    def records(self, kind):
        return [record for record in self.audit_records() if record["unmapped"]["rg"]["kind"] == kind]


@pytest.fixture(scope="module")
def own():
    with Sessions() as stack:
        yield stack


def only(rows):
    assert len(rows) == 1, rows
    return rows[0]


def fails_revoked(cursor):
    """psycopg2 may find the connection closed before it reads why, as with PostgreSQL's pg_terminate_backend."""
    with pytest.raises(psycopg2.Error) as caught:
        cursor.execute("select 1")
    assert "session was revoked" in str(caught.value) or "closed unexpectedly" in str(caught.value)
    with pytest.raises(psycopg2.Error):
        cursor.execute("select 1")


def test_a_session_is_listed_with_who_and_where(own):
    with contextlib.closing(own.connect()) as connection:
        row = only(own.sessions())
        assert row["plane"] == "sql" and row["tenant"] == "acme" and row["idp"] == "main" and row["subject"] == "alice"
        assert re.fullmatch(r"q-\d+", row["id"]) and row["client"].startswith("127.0.0.1:") and row["created_us"] > 0
        assert "token" not in json.dumps(row)
        assert own.sessions("--tenant", "globex") == [] and own.sessions("--user", "bob") == []
        assert own.sessions("--tenant", "acme", "--user", "alice") == [row]
        text = own.session("list").stdout
        assert row["id"] in text and "acme" in text
        assert connection.closed == 0


def test_a_revoked_session_ends_and_its_token_opens_no_other(own):
    token = own.idp.token(sub="carol")
    with contextlib.closing(own.connect(password=token)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from shared.events")
        row = only(own.sessions("--user", "carol"))
        done = own.session("revoke", row["id"])
        assert (done.returncode, done.stdout) == (0, "1 session ended\n")
        fails_revoked(cursor)
    for _ in range(2):
        with pytest.raises(psycopg2.OperationalError, match="revoked"):
            own.connect(password=token)
        own.restart()
    own.query("select 1", password=own.idp.token(sub="carol"))  # a new login may come in
    order = only([record for record in own.records("session.revoke") if record["unmapped"]["rg"].get("object") == row["id"]])
    assert order["unmapped"]["rg"]["operator"] == ME and order["unmapped"]["rg"]["sessions"] == 1
    assert any(f"revoked by {ME}" in json.dumps(record) for record in own.records("logout"))
    refusals = [json.dumps(record) for record in own.records("statement") if "session.revoked" in json.dumps(record)]
    assert any(f"session was revoked by {ME}" in text for text in refusals)
    assert any("login.revoked" in json.dumps(record) for record in own.records("login.failed"))


def test_the_client_is_told_why_with_its_sqlstate(own):
    environment = own.psql_environment(PGPASSWORD=own.idp.token(sub="gina"))
    shell = subprocess.Popen(["psql", "-X", "-v", "VERBOSITY=verbose"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, env=environment, text=True)
    shell.stdin.write("select 'ready';\n")
    shell.stdin.flush()
    stacks.wait_for(lambda: own.sessions("--user", "gina"), "the session")
    assert own.session("revoke", only(own.sessions("--user", "gina"))["id"]).returncode == 0
    told, _ = shell.communicate("select 'answered';\n", timeout=60)
    assert "FATAL:  28000: session was revoked" in told and "Refused by rule session.revoked" in told
    assert ME not in told.replace("ready", "") and "answered" not in told


def test_a_running_statement_is_cancelled(own):
    environment = own.psql_environment(PGPASSWORD=own.idp.token(sub="dave"))
    long = "select count(*) from shared.events a, shared.events b, shared.events c, shared.events d"
    shell = subprocess.Popen(["psql", "-X", "-v", "VERBOSITY=verbose", "-c", long], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True)
    active = "select count(*) from pg_stat_activity where state = 'active' and query like '%events%' and pid <> pg_backend_pid()"

    def count():
        return int(own.server.execute(active)[0][0])

    stacks.wait_for(lambda: count() == 1, "the statement upstream")
    assert own.session("revoke", only(own.sessions("--user", "dave"))["id"]).returncode == 0
    told, _ = shell.communicate(timeout=60)
    assert "FATAL:  28000: session was revoked" in told, told
    stacks.wait_for(lambda: count() == 0, "its end upstream")


def test_a_subject_is_out_with_all_sessions_and_all_tokens_so_far(own):
    tokens = [own.idp.token(sub="erin") for _ in range(2)]
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(contextlib.closing(own.connect(password=token))) for token in tokens]
        other = held.enter_context(contextlib.closing(own.connect()))
        done = own.session("revoke", "--subject", "erin", "--idp", "main")
        assert done.stdout == "2 sessions ended\n", done.stderr
        for connection in connections:
            with connection.cursor() as cursor:
                fails_revoked(cursor)
        with other.cursor() as cursor:
            cursor.execute("select 1")
        own.restart()
        for token in tokens:
            with pytest.raises(psycopg2.OperationalError, match="revoked"):
                own.connect(password=token)
    record = own.records("session.revoke")[-1]
    assert record["unmapped"]["rg"]["sessions"] == 2 and "erin" in json.dumps(record)


def test_a_tenant_is_out_and_its_accounts_may_come_again(own):
    account = {"user": "acme_etl", "password": "etl-secret"}
    with contextlib.closing(own.connect(**account)) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        assert only(own.sessions("--tenant", "acme_service"))["idp"] == "scram"
        done = own.session("revoke", "--tenant", "acme_service")
        assert done.stdout == "1 session ended\n", done.stderr
        fails_revoked(cursor)
    own.query("select 1", **account)
    assert own.records("session.revoke")[-1]["unmapped"]["rg"]["about_tenant"] == "acme_service"


def test_an_account_by_its_name(own):
    account = {"user": "acme_etl", "password": "etl-secret"}
    with contextlib.closing(own.connect(**account)) as connection, connection.cursor() as cursor:
        assert own.session("revoke", "--subject", "acme_etl", "--idp", "scram").stdout == "1 session ended\n"
        fails_revoked(cursor)


def test_everybody_is_out(own):
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(contextlib.closing(own.connect(tenant, password=own.idp.token(tenant=tenant))))
                       for tenant in ("acme", "globex")]
        assert own.session("revoke", "--all").stdout == "2 sessions ended\n"
        for connection in connections:
            with connection.cursor() as cursor:
                fails_revoked(cursor)
    own.tokens.clear()
    assert own.sessions() == []

    def comes_in_again():  # iat tells seconds: a token of the same one may be older than the order
        with contextlib.suppress(psycopg2.OperationalError):
            return own.query("select 1", password=own.idp.token()) == [(1,)]

    stacks.wait_for(comes_in_again, "a newer token's login")


def test_orders_that_name_nobody_or_too_much_change_nothing(own):
    with contextlib.closing(own.connect(password=own.idp.token(sub="frank"))) as connection:
        before = len(own.records("session.revoke"))
        missing = own.session("revoke", "q-1")
        assert missing.returncode == 1 and "there is no session q-1" in missing.stderr
        for arguments in (["revoke"], ["revoke", "q-1", "--all"], ["revoke", "--subject", "alice"], ["revoke", "--idp", "main"],
                          ["revoke", "--tenant", "a", "--all"], ["list", "--all"], ["end"], ["revoke", "a", "b"]):
            assert own.session(*arguments).returncode == 2, arguments
        assert own.sessions("--user", "frank") != [] and connection.closed == 0
        assert len(own.records("session.revoke")) == before


def test_garbage_on_the_socket_is_refused_and_nothing_ends(own):
    path = str(own.directory / "state/sessions.sock")
    with contextlib.closing(own.connect(password=own.idp.token(sub="frank"))):
        for packet in (b"{", b"[]", b'{"order":"revoke_all","id":"x"}', b'{"order":"revoke_all","order":"list"}', b"\x00" * 20000,
                       b'{"order":"revoke_everything"}', b'{"order":"revoke_tenant"}', b'{"order":"revoke_id","id":7}'):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
                peer.settimeout(60)
                peer.connect(path)
                peer.send(packet)
                assert "error" in json.loads(peer.recv(65536)), packet
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
            silent.connect(path)  # and says nothing: the next one waits some seconds for it, no longer
            assert only(own.sessions("--user", "frank"))["plane"] == "sql"


def test_only_its_own_user_reaches_the_state(own):
    for name, mode in (("", 0o700), ("/state.db", 0o600), ("/state.db.key", 0o600), ("/sessions.sock", 0o600)):
        assert stat.S_IMODE(os.lstat(f"{own.directory}/state{name}").st_mode) == mode, name


def test_the_gateway_stays_behind_its_fence(own):
    event = own.rowgate.event("server.fence")
    assert event["missing"] == "" or "kernel" in event["missing"], event


def test_a_changed_state_needs_a_restart_and_shorter_timeouts_do_not(own):
    start = own.rowgate.log_path.stat().st_size
    own.rowgate.config.write_text(own.config_text().replace("/state/state.db", "/state/other.db"))
    own.rowgate.signal(signal.SIGHUP)
    stacks.wait_for(lambda: own.rowgate.event("policy.reload_failed", start), "the refusal")
    assert "[state] needs a restart" in json.dumps(list(own.rowgate.events(start)))
    start = own.rowgate.log_path.stat().st_size
    own.rowgate.config.write_text(own.config_text() + '[sessions]\nidle_timeout = "2m"\n')
    own.rowgate.signal(signal.SIGHUP)
    stacks.wait_for(lambda: own.rowgate.event("policy.reloaded", start), "the reload")
    own.rowgate.config.write_text(own.config_text())


def test_a_damaged_state_keeps_rowgate_from_starting_and_says_so(own):
    own.rowgate.stop()
    path = own.directory / "state/state.db"
    good = path.read_bytes()
    path.write_bytes(b"no database" + good[11:])
    start = own.rowgate.log_path.stat().st_size
    with pytest.raises(RuntimeError):
        own.rowgate.start()
    stacks.end(own.rowgate.process)
    assert "is damaged" in own.rowgate.log_path.read_bytes()[start:].decode()
    path.write_bytes(good)
    own.rowgate.start()
    own.query("select 1", password=own.idp.token())
