# SPDX-License-Identifier: Apache-2.0
"""The admin console: PgBouncer's SHOW vocabulary and a few orders over a UNIX socket, by psql, psycopg2 and libpq's extended protocol.
Each role may what its row says, each command is on record before its answer, and hostile bytes cost only their own connection."""
import contextlib
import ctypes
import ctypes.util
import json
import os
import pathlib
import re
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import psycopg2
import pytest

import stack as stacks

PORT = 6432
ROWS = {
    "olga": ("admin", "admin_users"),
    "stan": ("stats", "stats_users"),
    "aude": ("auditor", "auditor_users"),
}
ADMIN = """[admin]
listen = "unix:{socket}"
admin_users = ["olga"]
stats_users = ["stan"]
auditor_users = ["aude"]
"""


class Console(stacks.Stack):
    """A stack with a console, a pool and [state]."""

    @property
    def socket(self):
        return self.directory / f".s.PGSQL.{PORT}"

    def config_text(self, **changes):
        more = ADMIN.format(socket=self.socket) + f'[state]\nurl = "sqlite:{self.directory}/state/state.db"\n'
        text = super().config_text(**({"extra": self.extra + more} | changes))
        return text.replace("[server]\n", "[server]\nmetrics_max_tenants = 10\n")

    def console(self, user="olga", **options):
        connection = psycopg2.connect(host=str(self.directory), port=PORT, dbname="rowgate", user=user, **options)
        connection.autocommit = True
        return contextlib.closing(connection)

    def ask(self, command, user="olga"):
        """Rows as dictionaries; what a command without rows says stands in the tag."""
        with self.console(user) as connection, connection.cursor() as cursor:
            cursor.execute(command)
            if cursor.description is None:
                return cursor.statusmessage
            return [dict(zip([column.name for column in cursor.description], row)) for row in cursor.fetchall()]

    def refused(self, command, user="olga"):
        with self.console(user) as connection, connection.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
            cursor.execute(command)
        return caught.value

    def psql(self, command, user="olga"):
        return subprocess.run(["psql", "-X", "-A", "-t", "-h", str(self.directory), "-p", str(PORT), "-U", user, "-d", "rowgate", "-c",
                               command], text=True, capture_output=True, timeout=60)

    def commands(self):
        """What stands in rg of each console.command on record."""
        return [record["unmapped"]["rg"] for record in self.audit_records() if record["unmapped"]["rg"]["kind"] == "console.command"]

    def verify(self):
        return subprocess.run([stacks.binary(), "audit", "verify", str(self.audit)], text=True, capture_output=True, timeout=120)

    def raw(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(30)
        client.connect(str(self.socket))
        return client


@pytest.fixture(scope="module")
def own():
    with Console("pool") as stack:
        yield stack


def sql_still_works(stack):
    assert stack.query("select count(*) from shared.events")[0][0] > 0


SHOWS = ("HELP", "VERSION", "STATE", "CONFIG", "DATABASES", "POOLS", "CLIENTS", "SERVERS", "USERS", "LISTS", "STATS", "STATS_TOTALS",
         "STATS_AVERAGES", "TOTALS", "MEM", "STATEMENTS", "TENANTS", "SESSIONS", "POLICIES", "MASKS", "LIMITS", "IDPS", "AUDIT", "DENIALS")


# ---- what it shows ----

def test_psql_connects_by_directory_and_port(own):
    done = own.psql("SHOW VERSION")
    assert (done.returncode, done.stderr) == (0, "") and re.match(r"rowgate \d", done.stdout)
    assert own.psql("show   version ;\n").stdout == done.stdout
    assert stat.S_IMODE(own.socket.stat().st_mode) == 0o600


def test_every_show_answers_with_rows(own):
    for name in SHOWS:
        assert isinstance(own.ask(f"SHOW {name}"), list), name


def manual():
    """The rows of docs/console.md: command, roles, what it is, columns."""
    text = (stacks.ROOT / "docs/console.md").read_text()
    return {row[0]: row[1:] for row in re.findall(r"^\| `([^`]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) ?\|$", text, re.M)}


def test_the_manual_has_the_same_rows(own):
    rows = manual()
    assert {row["command"]: (row["roles"], row["description"]) for row in own.ask("SHOW HELP")} == {
        name: (roles, what) for name, (roles, what, _) in rows.items()}
    with own.console() as connection, connection.cursor() as cursor:
        for name in SHOWS:
            cursor.execute(f"SHOW {name}")
            assert [column.name for column in cursor.description] == re.findall("`(\\w+)`", rows[f"SHOW {name}"][2]), name


def by(rows, key):
    return {row[key]: row for row in rows}


def test_what_is_shown_of_sessions_is_true(own):
    denied = own.ask("SHOW DENIALS")
    with contextlib.closing(own.connect(application_name="one")) as one, contextlib.closing(own.connect()) as two, \
            contextlib.closing(own.connect("globex")) as three, one.cursor() as cursor:
        for connection in (two, three):
            connection.cursor().execute("select 1 from shared.events limit 1")
        one.autocommit = False
        cursor.execute("select count(*) from shared.events")  # stays in its transaction
        with contextlib.closing(own.connect()) as four, four.cursor() as other, pytest.raises(psycopg2.Error):
            other.execute("select content from shared.secret")
        stacks.wait_for(lambda: len(own.ask("SHOW CLIENTS")) == 3, "the fourth client's end")
        clients = own.ask("SHOW CLIENTS")
        assert sorted(client["tenant"] for client in clients) == ["acme", "acme", "globex"]
        assert all(client["user"] == "alice" and client["type"] == "C" and client["addr"] == "127.0.0.1" and client["port"] > 1024 and
                   client["tls"] == "yes" and client["database"] == "bi" for client in clients), clients
        first = next(client for client in clients if client["application_name"] == "one")
        assert (first["state"], first["link"]) == ("active", "main")
        assert sorted(client["state"] for client in clients) == ["active", "idle", "idle"]
        assert {row["id"] for row in own.ask("SHOW SESSIONS")} == {client["id"] for client in clients}
        pools = own.ask("SHOW POOLS")
        acme = next(row for row in pools if row["user"] == "acme")
        assert (acme["database"], acme["cl_active"], acme["cl_waiting"], acme["sv_active"], acme["maxwait"], acme["pool_mode"]) == (
            "main", 2, 0, 1, 0, "transaction")
        free = next(row for row in pools if row["user"] is None)
        assert free["sv_idle"] == len([row for row in own.ask("SHOW SERVERS") if row["state"] == "idle"])
        assert [row["link"] for row in own.ask("SHOW SERVERS") if row["state"] == "active"] == [first["id"]]
        tenants = by(own.ask("SHOW TENANTS"), "id")
        assert (tenants["acme"]["sessions"], tenants["globex"]["sessions"], tenants["acme_service"]["sessions"]) == (2, 1, 0)
        assert (tenants["acme"]["limits"], tenants["globex"]["limits"], tenants["acme"]["frozen"]) == ("default", "small", "no")
        assert own.ask("SHOW USERS") == [{"name": "alice", "tenant": "acme", "sessions": 2}, {"name": "alice", "tenant": "globex", "sessions": 1}]
        lists = by(own.ask("SHOW LISTS"), "list")
        assert (lists["used_clients"]["items"], lists["login_clients"]["items"], lists["tenants"]["items"]) == (3, 0, 3)
        one.rollback()
    stacks.wait_for(lambda: own.ask("SHOW CLIENTS") == [], "the end of all clients")
    assert sum(row["count"] for row in own.ask("SHOW DENIALS")) == sum(row["count"] for row in denied) + 1
    stats = by(own.ask("SHOW STATS"), "database")
    assert stats["acme"]["total_query_count"] >= 2 and stats["acme"]["total_denied"] == 1 and stats["acme"]["total_query_time"] > 0
    totals = by(own.ask("SHOW TOTALS"), "name")
    assert totals["query_count"]["value"] == sum(row["total_query_count"] for row in own.ask("SHOW STATS"))


def test_what_is_shown_of_the_configuration_is_true(own):
    config = by(own.ask("SHOW CONFIG"), "key")
    assert config["server.workers"]["value"] == "2" and config["admin.admin_users"]["value"] == "olga"
    assert config["audit.directory"]["value"] == str(own.audit)
    database = by(own.ask("SHOW DATABASES"), "name")["main"]
    assert (database["kind"], database["host"], database["port"], database["database"], database["pool_size"]) == (
        "postgres", "localhost", str(own.server.port), "bi", 4)
    state = by(own.ask("SHOW STATE"), "key")
    assert (state["active"]["value"], state["last_reload"]["value"], state["audit"]["value"]) == ("yes", "ok", "open")
    policies = by(own.ask("SHOW POLICIES"), "name")
    assert policies["shared events"]["on"] == "shared.events" and policies["shared events"]["has_predicate"] == "yes"
    assert policies["own schema"]["isolation"] == "schema"
    limits = by(own.ask("SHOW LIMITS"), "name")
    assert (limits["small"]["rows"], limits["small"]["concurrency"], limits["small"]["statement_timeout_us"]) == (1000, 3, 2000000)
    assert own.ask("SHOW IDPS")[0]["issuer"] == own.idp.issuer and own.ask("SHOW IDPS")[0]["type"] == "oidc"
    audit = by(own.ask("SHOW AUDIT"), "key")
    assert audit["state"]["value"] == "open" and int(audit["records"]["value"]) > 0 and audit["durability"]["value"] == "synced"
    memory = by(own.ask("SHOW MEM"), "name")
    assert 0 < memory["gateway"]["used"] < memory["gateway"]["memtotal"]


# ---- who may ----

def test_each_role_may_what_its_row_says(own):
    """The harmless commands by everybody; those that change something by those who may not."""
    for command, (roles, _, _) in manual().items():
        for user, (role, _) in ROWS.items():
            if role in roles and not command.startswith("SHOW"):
                continue  # tried one by one below
            text = command.replace(" id", " q-1")
            if role in roles:
                assert isinstance(own.ask(text, user), list)
            else:
                error = own.refused(text, user)
                assert error.pgcode == "42501", (text, user)
    assert {rg["rule"] for rg in own.commands() if rg["verdict"] == "denied"} == {"console.rights"}
    sql_still_works(own)


def fails_to_log_in(stack, **options):
    with pytest.raises(psycopg2.OperationalError) as caught, stack.console(**options):
        pass
    return str(caught.value)


def test_names_of_no_list_and_other_databases_are_refused_on_record(own):
    for name in ("root", "nobody", "OLGA", "olga ", "postgres"):
        assert "in none of admin_users" in fails_to_log_in(own, user=name)
    with pytest.raises(psycopg2.OperationalError, match="database is"):
        psycopg2.connect(host=str(own.directory), port=PORT, dbname="bi", user="olga")
    refusals = [record for record in own.audit_records() if record["unmapped"]["rg"]["kind"] == "login.failed" and
                record["unmapped"]["rg"].get("rule") == "console.login"]
    assert {record["user"]["name"] for record in refusals} >= {"root", "nobody", "OLGA", "olga", "postgres"}
    assert all(record["unmapped"]["rg"]["listener"] == "console" for record in refusals)


def as_nobody(stack):
    """Connects as the operating system's nobody; what psql says."""
    return subprocess.run(["psql", "-X", "-h", str(stack.directory), "-p", str(PORT), "-U", "olga", "-d", "rowgate", "-c", "SHOW VERSION"],
                          text=True, capture_output=True, timeout=60, user=65534, group=65534, extra_groups=[], cwd="/", env={})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_of_the_system_is_refused_by_the_kernel_and_by_us(own):
    done = as_nobody(own)
    assert done.returncode == 2 and "Permission denied" in done.stderr
    before = len(list(own.audit_records()))
    os.chmod(own.socket, 0o777)
    try:
        done = as_nobody(own)
    finally:
        os.chmod(own.socket, 0o600)
    assert done.returncode == 2 and "only rowgate's own user and root" in done.stderr and "rowgate 0" not in done.stdout
    record = next(record for record in list(own.audit_records())[before:] if record["unmapped"]["rg"].get("rule") == "console.login")
    assert (record["user"]["name"], record["user"]["uid"]) == ("olga", "nobody")


# ---- by other roads ----

class Libpq:
    """libpq's extended protocol, which psql and psycopg2 do not speak."""

    def __init__(self, stack, user="olga"):
        self.library = ctypes.CDLL(ctypes.util.find_library("pq"))
        for name in ("PQconnectdb", "PQexecParams", "PQprepare", "PQexecPrepared", "PQdescribePrepared"):
            getattr(self.library, name).restype = ctypes.c_void_p
        for name in ("PQgetvalue", "PQresultErrorField", "PQcmdStatus", "PQfname"):
            getattr(self.library, name).restype = ctypes.c_void_p
        self.connection = ctypes.c_void_p(self.library.PQconnectdb(
            f"host={stack.directory} port={PORT} dbname=rowgate user={user}".encode()))
        assert self.library.PQstatus(self.connection) == 0

    def close(self):
        self.library.PQfinish(self.connection)

    def result(self, pointer):
        result = ctypes.c_void_p(pointer)
        state = ctypes.cast(self.library.PQresultErrorField(result, ord("C")) or 0, ctypes.c_char_p).value
        rows = [[ctypes.string_at(self.library.PQgetvalue(result, row, column), self.library.PQgetlength(result, row, column))
                 for column in range(self.library.PQnfields(result))] for row in range(self.library.PQntuples(result))]
        types = [self.library.PQftype(result, column) for column in range(self.library.PQnfields(result))]
        tag = ctypes.string_at(self.library.PQcmdStatus(result))
        self.library.PQclear(result)
        return state, types, rows, tag

    def run(self, command, binary=False, values=()):
        texts = (ctypes.c_char_p * len(values))(*values) if values else None
        return self.result(self.library.PQexecParams(self.connection, command, len(values), None, texts, None, None, int(binary)))

    def prepare(self, name, command):
        return self.result(self.library.PQprepare(self.connection, name, command, 0, None))

    def run_prepared(self, name, binary=False):
        return self.result(self.library.PQexecPrepared(self.connection, name, 0, None, None, None, int(binary)))

    def describe(self, name):
        return self.result(self.library.PQdescribePrepared(self.connection, name))


def test_the_extended_protocol_says_the_same_in_both_formats(own):
    with contextlib.closing(Libpq(own)) as pq:
        _, types, texts, tag = pq.run(b"show limits")
        state, binary_types, binaries, _ = pq.run(b"SHOW LIMITS;", binary=True)
        assert state is None and types == binary_types == [25] + [20] * 9 and tag == b"SHOW" and len(texts) == len(binaries) >= 2
        for text, binary in zip(texts, binaries):
            assert text[0] == binary[0]
            assert [int(value) for value in text[1:]] == [struct.unpack("!q", value)[0] for value in binary[1:]]
        assert pq.prepare(b"again", b"SHOW VERSION")[0] is None
        assert pq.describe(b"again")[1] == [25]
        before = len(own.commands())
        assert [pq.run_prepared(b"again", binary)[2] for binary in (False, True)] == [[[own.ask("SHOW VERSION")[0]["version"].encode()]]] * 2
        assert len(own.commands()) == before + 3
        assert pq.prepare(b"again", b"SHOW VERSION")[0] == b"42P05"
        assert pq.run_prepared(b"nothing")[0] == b"26000"
        assert pq.run(b"SHOW VERSION", values=(b"1",))[0] == b"0A000"
        assert pq.run(b"SHOW NOTHING")[0] == b"42601"
        assert pq.run(b"")[0] is None and pq.run(b";")[0] is None
        assert pq.run(b"SHOW VERSION")[0] is None
    with contextlib.closing(Libpq(own, "aude")) as pq:
        assert pq.run(b"SHOW AUDIT")[0] is None and pq.run(b"RELOAD")[0] == b"42501" and pq.prepare(b"", b"RELOAD")[0] is None
        assert pq.run_prepared(b"")[0] == b"42501" and pq.run(b"SHOW AUDIT")[0] is None


def frame(letter, body):
    return letter.encode() + struct.pack("!i", len(body) + 4) + body


def startup(user=b"olga", database=b"rowgate"):
    body = struct.pack("!i", 196608) + b"user\0" + user + b"\0database\0" + database + b"\0\0"
    return struct.pack("!i", len(body) + 4) + body


def read_until(client, end=b"Z\0\0\0\5I"):
    data = b""
    while not data.endswith(end):
        piece = client.recv(65536)
        if not piece:
            break
        data += piece
    return data


def letters(data):
    """The types of the messages."""
    found, at = "", 0
    while at + 5 <= len(data):
        found += chr(data[at])
        at += 1 + struct.unpack("!i", data[at + 1:at + 5])[0]
    return found


def logged_in(stack):
    client = stack.raw()
    client.sendall(startup())
    assert letters(read_until(client)).endswith("KZ")
    return client


def test_a_portal_gives_its_rows_in_pieces(own):
    with logged_in(own) as client:
        ask = frame("P", b"\0SHOW HELP\0\0\0") + frame("B", b"\0\0\0\0\0\0\0\0")
        execute = frame("E", b"\0" + struct.pack("!i", 2))
        client.sendall(ask + frame("D", b"P\0") + execute + execute + frame("E", b"\0\0\0\0\0") + frame("S", b""))
        got = letters(read_until(client))
        assert re.fullmatch("12TDDsDDsD+CZ", got) and got.count("D") == len(own.ask("SHOW HELP")), got
        client.sendall(execute + frame("S", b""))  # portals end at Sync
        assert letters(read_until(client)) == "EZ"
        client.sendall(ask + frame("P", b"\0NONSENSE\0\0\0") + execute + execute + frame("S", b""))
        assert letters(read_until(client)) == "12EZ"
        client.sendall(frame("Q", b"SHOW VERSION\0") + frame("Q", b";\0") + frame("X", b""))
        assert letters(read_until(client, b"never")) == "TDCZIZ"


# ---- hostile ----

def ended(client):
    """What comes before the end of the connection."""
    with contextlib.suppress(ConnectionError):
        return read_until(client, b"never")
    return b""


def test_hostile_bytes_cost_only_their_own_connection(own):
    pieces = [b"", b"\0", struct.pack("!i", 7) + b"xxx", struct.pack("!i", 2**31 - 1), struct.pack("!i", -1), b"GET / HTTP/1.1\r\n\r\n",
              struct.pack("!ii", 8, 80877103) * 5, startup()[:-3], startup(b"o" * 9000), b"\x16\x03\x01" + b"\0" * 600,
              struct.pack("!iiii", 16, 80877102, 1, 2), os.urandom(5000)]
    for piece in pieces:
        with own.raw() as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
            ended(client)
    for message in (b"Q" + struct.pack("!i", 2**31 - 1), b"Q" + struct.pack("!i", 3), b"Q" + struct.pack("!i", 0), frame("Q", b"a" * 65536),
                    frame("Q", b"SHOW VERSION"), frame("F", b"\0\0\0\0"), frame("d", b"x"), frame("p", b"x\0"), b"\0" * 100, frame("B", b"\0\0"),
                    frame("P", b"\0SHOW VERSION"), frame("D", b"X\0"), os.urandom(3000)):
        with logged_in(own) as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(message)
                client.shutdown(socket.SHUT_WR)
            assert b"T\0" not in ended(client)
    for text in (b"x" * 5000, b"SHOW \xff\xfe", b"a b c d e f g h i j", b"'" * 4001, b"SHOW VERSION; RELOAD"):
        with logged_in(own) as client:
            client.sendall(frame("Q", text + b"\0"))
            assert letters(read_until(client)) == "EZ"
            client.sendall(frame("Q", b"SHOW VERSION\0"))
            assert letters(read_until(client)) == "TDCZ"
    sql_still_works(own)
    assert own.ask("SHOW VERSION")


def test_a_hundred_connections_are_turned_away_and_do_not_stay(own):
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(100):
            with contextlib.suppress(BlockingIOError):
                crowd.append(stack.enter_context(own.raw()))
        stacks.wait_for(lambda: own.psql("SHOW VERSION").returncode != 0, "a full house")
        assert "no more than 16 connections" in own.psql("SHOW VERSION").stderr
        sql_still_works(own)
    stacks.wait_for(lambda: own.psql("SHOW VERSION").returncode == 0, "room")


def test_who_stays_connected_keeps_no_admin_out(own):
    with contextlib.ExitStack() as stack:
        def is_full():
            try:
                stack.enter_context(own.console("stan"))
            except psycopg2.OperationalError as error:
                return "last connections are for admin_users" in str(error)
            return False
        stacks.wait_for(is_full, "no room for stan")
        assert "last connections" in own.psql("SHOW VERSION", "aude").stderr
        assert own.ask("SHOW VERSION", "olga")
    refused = [record["unmapped"]["rg"] for record in own.audit_records() if "last connections" in json.dumps(record)]
    assert [(rg["kind"], rg["rule"]) for rg in refused] == [("login.failed", "console.login")] * 2
    stacks.wait_for(lambda: own.psql("SHOW VERSION", "stan").returncode == 0, "room")


def test_who_says_nothing_is_not_waited_for(own):
    with own.raw() as silent, own.raw() as half:
        half.sendall(startup()[:9])
        assert own.ask("SHOW VERSION")  # beside them
        began = time.monotonic()
        assert silent.recv(1) == b"" and half.recv(1) == b""
        assert time.monotonic() - began < 29


def test_who_does_not_read_delays_nobody(own):
    with logged_in(own) as client:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            for _ in range(200):
                client.sendall(frame("Q", b"SHOW HELP\0") * 50)
        assert own.ask("SHOW VERSION")
        sql_still_works(own)
    assert own.ask("SHOW VERSION")


# ---- what must not be seen ----

LONG = "select count(*) from shared.events a, shared.events b, shared.events c, shared.events d where a.note <> 'sekret-literal'"


class Running:
    """A session by psql, and a statement that does not end by itself."""

    def __init__(self, stack, sub):
        environment = stack.psql_environment(PGPASSWORD=stack.idp.token(sub=sub))
        self.process = subprocess.Popen(["psql", "-X", "-v", "VERBOSITY=verbose"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment, text=True)

    def start(self):
        self.process.stdin.write(LONG + ";\n")
        self.process.stdin.flush()
        return self

    def told(self):
        return self.process.communicate(timeout=60)[0]

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def narrow():
    """One connection to the database for all."""
    with Console("pool", workers=1, pool=1) as stack:
        yield stack


def test_statements_are_shown_without_their_texts_and_cancelled_and_killed_by_tenant(narrow):
    verifier = stacks.scram_verifier("etl-secret")
    tokens = [narrow.token(), narrow.token("globex")]
    with contextlib.ExitStack() as stack:
        first, second = (Running(narrow, sub) for sub in ("fred", "sue"))
        stack.callback(first.stop)
        stack.callback(second.stop)
        stacks.wait_for(lambda: [row["state"] for row in narrow.ask("SHOW CLIENTS")] == ["idle", "idle"], "two sessions")
        first.start()
        stacks.wait_for(lambda: [row["state"] for row in narrow.ask("SHOW STATEMENTS")] == ["running"], "a running statement")
        second.start()
        stacks.wait_for(lambda: len(narrow.ask("SHOW STATEMENTS")) == 2, "a waiting statement")
        running, waiting = narrow.ask("SHOW STATEMENTS")
        assert (running["tenant"], running["user"], running["state"], running["class"]) == ("acme", "fred", "running", "READ")
        assert waiting["state"] == "waiting for a place" and re.fullmatch("[0-9a-f]{32}", waiting["query_uid"])
        assert running["query_uid"] == waiting["query_uid"] and running["age_us"] >= waiting["age_us"] > 0
        pool = next(row for row in narrow.ask("SHOW POOLS") if row["user"] == "acme")
        assert (pool["cl_active"], pool["cl_waiting"], pool["sv_active"]) == (1, 1, 1) and pool["maxwait"] * 1000000 + pool["maxwait_us"] > 0
        everything = "".join(json.dumps(narrow.ask(f"SHOW {name}")) for name in SHOWS)
        for secret in ("sekret", stacks.PASSWORD, verifier.split("$")[2], *tokens, "etl-secret", ":tenant_id", "eyJ"):
            assert secret not in everything, secret
        assert narrow.ask("CANCEL TENANT globex") == "CANCEL 0"
        assert len(narrow.ask("SHOW STATEMENTS")) == 2
        assert narrow.ask("CANCEL TENANT acme") == "CANCEL 2"
        assert "57014" in first.told() and "57014" in second.told()
        uids = {record["query_info"]["uid"] for record in narrow.audit_records() if record["unmapped"]["rg"]["kind"] == "statement" and
                record["unmapped"]["rg"].get("class") == "READ"}
        assert running["query_uid"] in uids  # the outcome's record
        third = Running(narrow, "fred").start()
        stack.callback(third.stop)
        stacks.wait_for(lambda: [row["state"] for row in narrow.ask("SHOW STATEMENTS")] == ["running"], "another one")
        late = Running(narrow, "late")  # its login waits as well
        stack.callback(late.stop)
        stacks.wait_for(lambda: [row["state"] for row in narrow.ask("SHOW CLIENTS") if row["tenant"] == "acme"].count("waiting") == 1, "a login")
        assert narrow.ask("KILL TENANT 'acme'") == "KILL 1"
        told = third.told()
        assert "57P01" in told and "administrator command" in told
    sql_still_works(narrow)  # and the same tokens may come in again
    assert [rg["object"] for rg in narrow.commands() if rg["action"] == "KILL TENANT"] == ["acme"]
    assert narrow.verify().returncode == 0


# ---- orders ----

def test_a_client_is_killed_and_may_come_again(own):
    token = own.idp.token(sub="kim")
    with contextlib.closing(own.connect(password=token)) as connection, contextlib.closing(own.connect("globex")) as other:
        client = next(row for row in own.ask("SHOW CLIENTS") if row["tenant"] == "acme")
        assert own.ask(f"KILL_CLIENT {client['id']}") == "KILL_CLIENT 1"
        with pytest.raises(psycopg2.Error), connection.cursor() as cursor:
            cursor.execute("select 1")
        other.cursor().execute("select 1")
    own.query("select 1", password=token)
    assert own.refused(f"KILL_CLIENT {client['id']}").pgcode == "42704"
    assert own.refused("KILL_CLIENT ''").pgcode == "42704" and own.refused("KILL TENANT ''").pgcode == "42704"


def test_a_revoked_session_is_out_with_its_token(own):
    token = own.idp.token(sub="rex")
    with contextlib.closing(own.connect(password=token)) as connection:
        client = own.ask("SHOW CLIENTS")[0]
        assert own.ask(f"revoke session '{client['id']}'") == "REVOKE 1"
        with pytest.raises(psycopg2.Error), connection.cursor() as cursor:
            cursor.execute("select 1")
    with pytest.raises(psycopg2.OperationalError, match="revoked"):
        own.connect(password=token)
    order = [record["unmapped"]["rg"] for record in own.audit_records() if record["unmapped"]["rg"]["kind"] == "session.revoke"][-1]
    assert (order["object"], order["operator"]) == (client["id"], "olga")
    assert own.refused("REVOKE SESSION q-1").pgcode == "42704"


def test_a_reload_says_why_it_did_not_happen(own):
    good = own.rowgate.config.read_text()
    digest = by(own.ask("SHOW STATE"), "key")["policy"]["value"]
    try:
        own.rowgate.config.write_text(good + "\n[nonsense]\nx = 1\n")
        error = own.refused("RELOAD")
        assert error.pgcode == "F0000" and "the old configuration stays" in str(error) and f"{own.rowgate.config}:" in str(error)
        assert "nonsense" in str(error)
        state = by(own.ask("SHOW STATE"), "key")
        assert (state["policy"]["value"], state["last_reload"]["value"]) == (digest, "failed")
        own.rowgate.config.write_text(good.replace('stats_users = ["stan"]', 'stats_users = ["stella"]'))
        assert own.ask("RELOAD") == "RELOAD"
        assert own.ask("SHOW VERSION", "stella") and "in none of" in fails_to_log_in(own, user="stan")
        moved = good.replace(f".s.PGSQL.{PORT}", ".s.PGSQL.6433")
        own.rowgate.config.write_text(moved)
        assert "needs a restart" in str(own.refused("RELOAD"))
    finally:
        own.rowgate.config.write_text(good)
        assert own.ask("RELOAD") == "RELOAD"
    assert by(own.ask("SHOW STATE"), "key")["last_reload"]["value"] == "ok"
    sql_still_works(own)


def test_the_state_quotes_nothing_of_a_configuration_that_does_not_load(own):
    good = own.rowgate.config.read_text()
    try:
        own.rowgate.config.write_text(good.replace('using = "tenant_id = :tenant_id"', 'using = "tenant_id = \'a-predicate"', 1))
        assert "unterminated" in str(own.refused("RELOAD"))
        shown = own.ask("SHOW STATE", "aude")
        assert re.fullmatch(r".*/rowgate.toml:\d+:\d+", by(shown, "key")["last_reload_failure"]["value"])
        assert "a-predicate" not in str(shown) + str(own.ask("SHOW STATE", "stan"))
        own.rowgate.config.write_text(good.replace(f".{PORT}", f".{PORT + 1}"))
        assert "needs a restart" in str(own.refused("RELOAD"))
        assert "needs a restart" in by(own.ask("SHOW STATE", "aude"), "key")["last_reload_failure"]["value"]
    finally:
        own.rowgate.config.write_text(good)
        own.ask("RELOAD")
    assert by(own.ask("SHOW STATE"), "key")["last_reload_failure"]["value"] is None


def test_who_lost_his_role_may_nothing_more_on_the_same_connection(own):
    good = own.rowgate.config.read_text()
    with own.console("stan") as connection, connection.cursor() as cursor:
        cursor.execute("SHOW POOLS")
        try:
            own.rowgate.config.write_text(good.replace('["stan"]', '["stella"]'))
            own.ask("RELOAD")
            with pytest.raises(psycopg2.Error) as caught:
                cursor.execute("SHOW POOLS")
            assert caught.value.pgcode == "42501"
        finally:
            own.rowgate.config.write_text(good)
            own.ask("RELOAD")
        cursor.execute("SHOW POOLS")


SINK = """[[audit.sinks]]
name = "shipper"
type = "file"
path = "{path}"
"""


def test_the_exporter_hears_of_the_last_of_many_reloads(own):
    good = own.rowgate.config.read_text()
    sink = own.directory / "sinks" / "out.jsonl"
    sink.parent.mkdir()
    assert "exporter" not in own.rowgate.children()
    try:
        for _ in range(5):
            assert own.ask("RELOAD") == "RELOAD"
        own.rowgate.config.write_text(good + SINK.format(path=sink))
        own.ask("RELOAD")  # within the second that the supervisor takes between two
        stacks.wait_for(lambda: "exporter" in own.rowgate.children(), "an exporter")
        stacks.wait_for(lambda: sink.exists() and b"console.command" in sink.read_bytes(), "the records there")
    finally:
        own.rowgate.config.write_text(good)
        own.ask("RELOAD")
    stacks.wait_for(lambda: "exporter" not in own.rowgate.children(), "no exporter")


# ---- on record ----

def test_every_command_is_on_record_and_the_log_verifies(own):
    before = len(own.commands())
    own.ask("show pools")
    own.refused("KILL TENANT 'acme'", "aude")
    own.refused("select 'a-secret'")
    commands = own.commands()[before:]
    assert [(rg["action"], rg["verdict"], rg["operator"], rg.get("object"), rg.get("rule")) for rg in commands] == [
        ("SHOW POOLS", "allowed", "olga", None, None), ("KILL TENANT", "denied", "aude", "acme", "console.rights"),
        ("unknown", "denied", "olga", None, "console.unknown")]
    assert "a-secret" not in "".join(json.dumps(record) for record in own.audit_records())
    record = [record for record in own.audit_records() if record["unmapped"]["rg"]["kind"] == "console.command"][-2]
    assert (record["class_uid"], record["status_id"], record["api"]["operation"], record["actor"]["user"]["name"]) == (
        6003, 2, "KILL TENANT", "aude")
    found = subprocess.run([stacks.binary(), "audit", "search", "--action", "console.command", "--json", str(own.audit)], text=True,
                           capture_output=True, timeout=120)
    assert found.returncode == 0 and len(found.stdout.splitlines()) >= 3, found
    done = own.verify()
    assert done.returncode == 0, done
    ids = {}
    for record in own.audit_records():
        rg = record["unmapped"]["rg"]
        if rg.get("listener") == "console":
            ids.setdefault(rg["session"], []).append(rg["kind"])
    assert all(kinds[0] in ("login", "login.failed") for kinds in ids.values())


def test_no_answer_before_its_record(own):
    with own.console() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW VERSION")
        os.kill(own.rowgate.auditor, signal.SIGSTOP)
        try:
            answers = []
            thread = threading.Thread(target=lambda: (cursor.execute("SHOW STATE"), answers.append(cursor.fetchall())))
            thread.start()
            thread.join(2)
            assert thread.is_alive() and answers == []
        finally:
            os.kill(own.rowgate.auditor, signal.SIGCONT)
        thread.join(30)
        assert answers and len(answers[0]) > 3


def test_it_outlives_the_auditor_and_the_gateway(own):
    with own.console() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW VERSION")
        old = own.rowgate.auditor
        os.kill(old, signal.SIGKILL)
        stacks.wait_for(lambda: own.rowgate.children().get("auditor", old) != old, "the next auditor")
        def is_answered():
            with contextlib.suppress(psycopg2.Error):
                cursor.execute("SHOW VERSION")
                return True
            return False
        stacks.wait_for(is_answered, "an answer")
    old = own.rowgate.gateway
    os.kill(old, signal.SIGKILL)
    stacks.wait_for(lambda: own.rowgate.children().get("gateway", old) != old, "the next gateway")
    stacks.wait_for(lambda: own.psql("SHOW VERSION").returncode == 0, "the console")
    stacks.wait_for(lambda: own.psql("SHOW STATE").stdout.startswith("active|yes"), "readiness")
    assert own.verify().returncode == 0


def test_names_are_sealed_where_personal_values_are():
    with Console(durability="written", extra='[audit.personal]\nmode = "encrypted"\n') as stack:
        assert stack.ask("SHOW VERSION", "stan") and stack.refused("RELOAD", "stan").pgcode == "42501"
        assert "in none of" in fails_to_log_in(stack, user="mallory")
        records = [record for record in stack.audit_records() if record["unmapped"]["rg"].get("listener") == "console"]
        assert [record["unmapped"]["rg"]["kind"] for record in records if "logout" not in record["unmapped"]["rg"]["kind"]] == [
            "login", "console.command", "login", "console.command", "login.failed"]
        assert all("mallory" not in json.dumps(record) for record in records)
        commands = [record for record in records if record["unmapped"]["rg"]["kind"] == "console.command"]
        assert all(record["actor"]["user"]["name"].startswith("rgenc1:") for record in commands)
        assert [record["unmapped"]["rg"]["operator"] for record in commands] == ["stan", "stan"]  # as with session.revoke
        assert stack.verify().returncode == 0


# ---- the end ----

def test_shutdown_stops_all_and_takes_the_socket_away():
    with Console() as stack:
        with contextlib.closing(stack.connect(autocommit=False)) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from shared.events")
            assert stack.ask("SHUTDOWN WAIT_FOR_CLIENTS") == "SHUTDOWN"
            stacks.wait_for(lambda: stack.rowgate.event("server.draining"), "draining")
            cursor.execute("select count(*) from shared.events")
            assert stack.rowgate.process.poll() is None
            assert len(stack.ask("SHOW CLIENTS")) == 1 and by(stack.ask("SHOW STATE"), "key")["active"]["value"] == "no"
            connection.commit()
        assert stack.rowgate.process.wait(30) == 0 and not stack.socket.exists()
        stack.rowgate.start()
        with contextlib.closing(stack.connect(autocommit=False)) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from shared.events")
            with stack.console() as console, console.cursor() as shutdown, contextlib.suppress(psycopg2.OperationalError):
                shutdown.execute("SHUTDOWN")
            assert stack.rowgate.process.wait(30) == 0
        assert stack.verify().returncode == 0
        actions = [rg["action"] for rg in stack.commands()]
        assert actions == ["SHUTDOWN WAIT_FOR_CLIENTS", "SHOW CLIENTS", "SHOW STATE", "SHUTDOWN"]


def test_a_gateway_that_asks_for_the_end_and_does_not_end_stops_nobody_else():
    with Console() as stack:
        with contextlib.closing(stack.connect(autocommit=False)) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from shared.events")
            assert stack.ask("SHUTDOWN WAIT_FOR_CLIENTS") == "SHUTDOWN"
            stacks.wait_for(lambda: stack.rowgate.event("server.draining"), "draining")
            old, auditor = stack.rowgate.gateway, stack.rowgate.auditor
            os.kill(old, signal.SIGKILL)
            stacks.wait_for(lambda: stack.rowgate.children().get("gateway", old) != old, "the next gateway")
        stacks.wait_for(lambda: stack.psql("SHOW VERSION").returncode == 0, "the console")
        assert stack.rowgate.auditor == auditor and stack.rowgate.process.poll() is None
        stacks.wait_for(lambda: stack.psql("SHOW STATE").stdout.startswith("active|yes"), "readiness")
        stack.rowgate.process.send_signal(signal.SIGTERM)
        assert stack.rowgate.process.wait(30) == 0
        assert stack.verify().returncode == 0


def test_the_end_waits_for_nobody_who_reads_slowly():
    with Console() as stack, logged_in(stack) as client:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.sendall(frame("Q", b"SHOW HELP\0") * 20000)
        client.settimeout(30)
        assert client.recv(1)
        stack.rowgate.process.send_signal(signal.SIGTERM)
        is_over = False
        for _ in range(14):  # a little at a time, which could go on for minutes
            time.sleep(0.5)
            with contextlib.suppress(ConnectionError):
                is_over = is_over or not client.recv(32768)
        assert is_over and stack.rowgate.process.wait(30) == 0 and stack.verify().returncode == 0


def test_a_socket_in_use_and_a_file_are_not_taken(tmp_path):
    with Console() as stack:
        text = stack.rowgate.config.read_text()
        second = stacks.Rowgate(tmp_path, text.replace(str(stack.audit), str(tmp_path / "audit")).replace("state/state.db", "other/state.db"),
                                stack.environment(), tmp_path / "audit")
        with pytest.raises(RuntimeError, match="somebody listens"):
            second.start()
        assert stack.ask("SHOW VERSION")  # still there
        stack.rowgate.process.kill()
        stack.rowgate.process.wait()
        stacks.wait_for(lambda: stack.psql("SHOW VERSION").returncode != 0, "its end")
        stack.rowgate.start()  # over the socket that was left behind
        assert stack.ask("SHOW VERSION")
        stack.rowgate.stop()
        pathlib.Path(stack.socket).write_text("mine")
        with pytest.raises(RuntimeError, match="is no socket"):
            stack.rowgate.start()
        assert stack.socket.read_text() == "mine"
