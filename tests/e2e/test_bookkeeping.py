# SPDX-License-Identifier: Apache-2.0
"""Bookkeeping that rowgate answers itself: what Superset's drivers send before each query reaches no upstream, is on record all the
same, and nobody can tell the difference; nothing is ever changed outside the transaction that its client believes in."""
import collections
import contextlib
import random
import re
import signal
import struct
import threading

import psycopg2
import psycopg2.extensions
import pytest

import stack as stacks
from test_bad_upstream import READY, BadStack, document, message
from test_drivers import chart
from test_protocol import Wire, error_of, kinds

KINDS = '["select", "insert", "update", "delete"]'
WORLD = """
CREATE SCHEMA twin;
CREATE TABLE t_acme.pages (id int, word text);
CREATE TABLE twin.pages (id int, word text);
GRANT ALL ON t_acme.pages TO rowgate;
"""
QUESTIONS = ["select pg_catalog.version()", "select current_schema()", "show transaction isolation level", "show standard_conforming_strings"]
SQLALCHEMY = ["BEGIN", *QUESTIONS, "ROLLBACK"]
IDLE, OPEN, FAILED = (psycopg2.extensions.TRANSACTION_STATUS_IDLE, psycopg2.extensions.TRANSACTION_STATUS_INTRANS,
                      psycopg2.extensions.TRANSACTION_STATUS_INERROR)


def make(kind, **options):
    return stacks.Stack(kind=kind, workers=1, own_kinds=KINDS, fill=WORLD, server_settings={"log_statement": "all"}, **options)


@pytest.fixture(scope="module", params=["postgres", "pgbouncer", "pool", "two locks"])
def running(request):
    options = {"kind": "postgres", "identity": "set_local"} if request.param == "two locks" else {"kind": request.param}
    with make(**options) as stack:
        yield stack


@contextlib.contextmanager
def heard(stack):
    """What the database's server was asked meanwhile, by the login of rowgate and whoever else."""
    since, found = len(stack.server.log_text), []
    yield found
    said = re.split(r"^\S+ \S+ UTC \[\d+\] ", stack.server.log_text[since:], flags=re.M)
    texts = [text.strip() for line in said for text in re.findall(r"LOG:  (?:statement|execute [^:]*): (.*)", line, re.S)]
    found += [text for text in texts if "pg_catalog.pg_class" not in text]  # rowgate reads the catalogue when it wants


def run(cursor, sql):
    """Rows, or the SQLSTATE; and the state that the client is told."""
    try:
        cursor.execute(sql)
        answer = (cursor.fetchall() if cursor.description else None), cursor.statusmessage
    except psycopg2.Error as error:
        answer = error.pgcode
    return answer, cursor.connection.info.transaction_status


def forget(stack):
    """By a reload: what is learnt now is not as old as a minute before long."""
    before = len(list(stack.rowgate.events()))
    stack.rowgate.signal(signal.SIGHUP)
    stacks.wait_for(lambda: any(event.get("event") == "policy.reloaded" for event in list(stack.rowgate.events())[before:]), "the reload")


def statements_on_record(stack):
    return [record["unmapped"]["rg"] for record in stack.audit_records() if record["unmapped"]["rg"]["kind"] == "statement"]


# ---- what it is for ----

def test_the_bookkeeping_of_a_chart_reaches_no_upstream(running):
    sql = "SELECT status, sum(amount) FROM orders GROUP BY 1 ORDER BY 1"
    forget(running)
    expected = chart(running, sql)
    chart(running, sql)  # by now all is learnt
    for _ in range(3):
        with heard(running) as asked:
            assert chart(running, sql) == expected
        assert asked.count("BEGIN") == 2, asked  # hstore's question needs one, where the driver asks it
        assert [text for text in asked if "FROM" in text and "sum(amount)" in text], asked
        for word in ("version()", "current_schema", "isolation", "standard_conforming"):
            assert not any(word in text for text in asked), asked


def test_answers_are_those_of_the_upstream_and_each_is_on_record(running):
    forget(running)
    with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
        first = [run(cursor, sql) for sql in SQLALCHEMY]
        run(cursor, QUESTIONS[2])  # the level is learnt where it is the first to be asked
        before = len(statements_on_record(running))
        with heard(running) as asked:
            for _ in range(5):
                assert [run(cursor, sql) for sql in SQLALCHEMY] == first
        assert asked == []
    assert [status for _, status in first] == [OPEN] * 5 + [IDLE]
    version = running.server.execute("select version()")[0][0]
    assert [answer for answer, _ in first] == [(None, "BEGIN"), ([(version,)], "SELECT 1"), ([("sales",)], "SELECT 1"),
                                               ([("read committed",)], "SHOW"), ([("on",)], "SHOW"), (None, "ROLLBACK")]
    made = statements_on_record(running)[before:]
    assert len(made) == 5 * len(SQLALCHEMY) and {record["phase"] for record in made} == {"combined"}, made
    assert running.audit_verify().returncode == 0


def test_the_columns_are_described_as_the_upstream_does(running):
    with Wire(running) as wire:
        answers = []
        for _ in range(3):
            wire.send(b"Q", b"select pg_catalog.version()\0")
            answers.append(wire.until("Z"))
        assert kinds(answers[0]) == "TDCZ" and answers[0] == answers[1] == answers[2]


def test_a_schema_that_was_set_is_the_one_that_is_told(running):
    with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
        for _ in range(3):
            for schema in ("shared", "sales"):
                assert run(cursor, f'set search_path = "{schema}"')[0] == (None, "SET")
                assert run(cursor, "select current_schema()")[0][0] == [(schema,)]
        run(cursor, "BEGIN")
        run(cursor, "set search_path = shared")
        assert run(cursor, "select current_schema()")[0][0] == [("shared",)]
        run(cursor, "ROLLBACK")
        assert run(cursor, "select current_schema()")[0][0] == [("sales",)]


def count_asked(stack, cursor):
    """How often the database is asked what the same client asks twice."""
    with heard(stack) as asked:
        run(cursor, QUESTIONS[0])
        run(cursor, QUESTIONS[0])
    return len([text for text in asked if "version()" in text])


@pytest.mark.parametrize("dsn", ["the same", "another"])
def test_a_reload_forgets_what_was_learnt(running, dsn):
    text = running.config_text()
    # a pool has closed what was opened by another dsn, and the one in its place teaches
    wanted = 1 if running.kind == "pool" or dsn == "the same" else 2
    with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
        run(cursor, QUESTIONS[0])
        if dsn == "another":
            running.rowgate.config.write_text(text.replace("user=rowgate", "user=rowgate application_name=other"))
        try:
            forget(running)
            assert count_asked(running, cursor) == wanted, "a connection of before neither teaches nor is told"
            with contextlib.closing(running.connect()) as later, later.cursor() as other:
                assert count_asked(running, other) == wanted - 1
        finally:
            running.rowgate.config.write_text(text)
            forget(running)


# ---- nobody can tell ----

def scripts(chance):
    words = ["BEGIN", "begin;", "START TRANSACTION", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN READ ONLY", "COMMIT", "END", "ROLLBACK", "ABORT",
             "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SAVEPOINT s", "ROLLBACK TO s",
             "RELEASE s", "select version()", "show transaction isolation level", "show standard_conforming_strings", "select 1",
             "set application_name = 'x'", "select 1 / 0", "select 1; select 2", "", ";", "BEGIN; COMMIT",
             "select count(*) from pages", "insert into pages values (%d, 'a')", "insert into pages values (%d, 'b') returning id",
             "update pages set word = word || 'c' where id %% 2 = 0", "delete from pages where id = %d",
             "insert into pages values (1 / 0, 'd')", "BEGIN; insert into pages values (%d, 'e')",
             "insert into pages values (%d, 'f'); COMMIT", "select word from pages where id = %d", "set transaction read only"]
    heavy = ["BEGIN", "COMMIT", "ROLLBACK", "select version()", "show transaction isolation level", "insert into pages values (%d, 'g')"]
    for number in range(chance.randint(4, 14)):
        word = chance.choice(heavy if chance.random() < 0.5 else words)
        yield word % chance.randint(1, 9) if "%d" in word else word.replace("%%", "%")


@contextlib.contextmanager
def twins(running):
    """The same tables, by rowgate and directly."""
    running.server.execute("truncate t_acme.pages, twin.pages", dbname="bi")
    with contextlib.closing(running.connect()) as ours, contextlib.closing(running.server.connect(dbname="bi")) as direct:
        direct.autocommit = True
        with ours.cursor() as one, direct.cursor() as other:
            other.execute("set search_path = twin")
            one.execute("set search_path = sales")
            yield one, other


def content(running, schema):
    return collections.Counter(running.server.execute(f"select id, word from {schema}.pages", dbname="bi"))


@pytest.mark.parametrize("seed", range(12))
def test_random_conversations_are_as_postgresql_would_hold_them(running, seed):
    chance = random.Random(seed)
    for _ in range(12):
        with twins(running) as (one, other):
            said = list(scripts(chance))
            for sql in said:
                wanted, got = run(other, sql), run(one, sql)
                if wanted[0] == "25001" and got[0] != wanted[0]:
                    break  # a constant that was answered here took no snapshot: the level may still be chosen
                assert got == wanted, (sql, said)
            for cursor in (one, other):
                run(cursor, "ROLLBACK")
        assert wanted[0] == "25001" or content(running, "t_acme") == content(running, "twin"), said
    assert running.audit_verify().returncode == 0


def test_what_is_sent_ahead_without_waiting_for_answers(running):
    """Many messages in one packet, as drivers with a pipeline do."""
    running.server.execute("truncate t_acme.pages", dbname="bi")
    with Wire(running) as wire:
        for end in (b"ROLLBACK", b"COMMIT"):
            for text in (b"BEGIN", b"select version()", b"insert into pages values (1, 'x')", b"select count(*) from pages", end):
                wire.send(b"Q", text + b"\0")
            answers = [wire.until("Z") for _ in range(5)]
            assert [kinds(answer)[-2:] for answer in answers] == ["CZ"] * 5
            assert [answer[-1][1] for answer in answers] == [b"T"] * 4 + [b"I"]
            assert answers[3][-3][1].endswith(b"1")
    assert content(running, "t_acme") == {(1, "x"): 1}


@pytest.mark.parametrize("first", [b"BEGIN\0", b"BEGIN READ WRITE\0"])
def test_the_extended_protocol_in_a_transaction_begun_simply(running, first):
    running.server.execute("truncate t_acme.pages", dbname="bi")
    with Wire(running) as wire:
        for end in (b"ROLLBACK\0", b"COMMIT\0"):
            wire.send(b"Q", first)
            assert wire.until("Z")[-1] == ("Z", b"T")
            wire.parse("insert into pages values ($1::int, 'x')")
            wire.bind(values=["7"])
            wire.execute()
            wire.send(b"S")
            answers = wire.until("Z")
            assert kinds(answers) == "12CZ" and answers[-1] == ("Z", b"T"), answers
            wire.send(b"Q", end)
            assert wire.until("Z")[-1] == ("Z", b"I")
        wire.send(b"Q", first)
        wire.until("Z")
        wire.send(b"S")  # nothing but a Sync
        assert wire.until("Z") == [("Z", b"T")]
        wire.send(b"Q", b"ROLLBACK\0")
        assert wire.until("Z")[-1] == ("Z", b"I")
    assert content(running, "t_acme") == {(7, "x"): 1}


def test_a_refusal_fails_the_transaction_that_was_not_begun_yet(running):
    running.server.execute("truncate t_acme.pages", dbname="bi")
    with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
        for refused in ("select * from shared.secret", "select pg_sleep(1)", "this is no SQL"):
            assert run(cursor, "BEGIN") == ((None, "BEGIN"), OPEN)
            answer, status = run(cursor, refused)
            assert answer in ("42501", "42601", "42883") and status == FAILED, answer
            for sql in ("insert into pages values (1, 'x')", "select version()", "set search_path = sales", "SAVEPOINT a"):
                assert run(cursor, sql) == ("25P02", FAILED)
            assert run(cursor, "COMMIT") == ((None, "ROLLBACK"), IDLE)
    with Wire(running) as wire:
        wire.send(b"Q", b"BEGIN\0")
        wire.until("Z")
        wire.parse("select * from shared.secret")
        wire.send(b"S")
        answers = wire.until("Z")
        assert error_of(answers)["C"] == "42501" and answers[-1] == ("Z", b"E")
        wire.send(b"Q", b"ROLLBACK\0")
        assert wire.until("Z")[-1] == ("Z", b"I")
    assert not content(running, "t_acme")


def test_clients_that_leave_with_nothing_but_a_begin(running):
    for _ in range(30):
        with Wire(running) as wire:
            wire.send(b"Q", b"BEGIN\0")
            wire.until("Z")
    assert running.server.execute("select count(*) from pg_stat_activity where usename = 'rowgate' and state like 'idle in%'") == [(0,)]
    assert running.query("select count(*) from pages") is not None


def test_each_tenant_learns_for_itself_while_others_do(running):
    wrong = []

    def ask(tenant):
        with contextlib.closing(running.connect(tenant)) as connection, connection.cursor() as cursor:
            for number in range(40):
                schema = ("sales", "shared")[number % 2]
                run(cursor, f"set search_path = {schema}")
                found = run(cursor, "select current_schema()"), run(cursor, "BEGIN"), run(cursor, f"select min(note) from sales.orders"), \
                    run(cursor, "ROLLBACK")
                if found[0][0][0] != [(schema,)] or tenant not in str(found[2]):
                    wrong.append(found)
    threads = [threading.Thread(target=ask, args=(tenant,)) for tenant in ("acme", "globex") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- an upstream that goes, or lies ----

def test_an_upstream_that_went_behind_a_begin_that_it_was_not_told(running):
    running.server.execute("truncate t_acme.pages", dbname="bi")
    with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
        assert run(cursor, "BEGIN") == ((None, "BEGIN"), OPEN)
        running.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
        answer, _ = run(cursor, "insert into pages values (1, 'x')")
        if answer == (None, "INSERT 0 1"):  # PgBouncer found another server for it
            assert running.kind in ("pgbouncer", "pool")
            run(cursor, "ROLLBACK")
    assert not content(running, "t_acme")


ORDERS = (b'{"version":1,"server":150005,"operators":[],"relations":[{"schema":"t_acme","name":"orders","kind":"r",'
          b'"columns":[["id","int4"]],"parents":[],"reads":[]}]}')


@pytest.fixture(scope="module")
def lying():
    stack = BadStack()
    stack.fake.catalogue = document(ORDERS)
    with stack:
        yield stack


LIES = {
    "it stays outside": message(b"C", b"BEGIN\0") + READY,
    "it failed at once": message(b"C", b"BEGIN\0") + message(b"Z", b"E"),
    "an error": message(b"E", b"SERROR\0C53300\0Mno room\0\0") + READY,
    "an end": message(b"E", b"SFATAL\0C57P01\0Mgoing away\0\0"),
    "rows": message(b"D", struct.pack("!hi", 1, 3) + b"row") + message(b"C", b"SELECT 1\0") + READY,
    "nothing but ready": READY,
}


def listen(stack, begun):
    """The texts of all that the upstream is asked from here on; BEGIN is answered so."""
    asked = []

    def script(kind):
        asked.append(stack.fake.bodies[-1])
        if asked[-1] == b"BEGIN\0":
            return begun
        done = {b"Q": message(b"C", b"INSERT 0 1\0") + message(b"Z", b"T"), b"P": message(b"1"), b"B": message(b"2"), b"E": message(b"C", b"INSERT 0 1\0"),
                b"S": message(b"Z", b"T")}
        return done.get(kind, b"")
    stack.fake.script = script
    return asked


def insert(wire, road):
    if road == "simple":
        wire.send(b"Q", b"insert into sales.orders (id) values (1)\0")
    else:
        wire.parse("insert into sales.orders (id) values (1)")
        wire.bind()
        wire.execute()
        wire.send(b"S")


@pytest.mark.parametrize("road", ["simple", "extended"])
def test_what_is_changed_stands_behind_a_begin_that_was_answered(lying, road):
    asked = listen(lying, message(b"C", b"BEGIN\0") + message(b"Z", b"T"))
    with Wire(lying) as wire:
        wire.send(b"Q", b"BEGIN\0")
        assert wire.until("Z") == [("C", b"BEGIN\0"), ("Z", b"T")] and asked == []
        insert(wire, road)
        assert kinds(wire.until("Z"))[-2:] == "CZ"
    assert asked[0] == b"BEGIN\0" and b"insert" in asked[1].lower(), asked


@pytest.mark.parametrize("lie", LIES, ids=str)
@pytest.mark.parametrize("road", ["simple", "extended"])
def test_nothing_is_changed_behind_a_begin_that_failed(lying, lie, road):
    asked = listen(lying, LIES[lie])
    with Wire(lying) as wire:
        wire.send(b"Q", b"BEGIN\0")
        assert wire.until("Z") == [("C", b"BEGIN\0"), ("Z", b"T")] and asked == []
        insert(wire, road)
        with contextlib.suppress(EOFError, ConnectionError):
            answers = wire.until("E")
            assert "Z" not in kinds(answers) and "C" not in kinds(answers)
            assert wire.next() is None, "the session has ended"
    assert asked[0] == b"BEGIN\0" and not [text for text in asked if b"insert" in text.lower()], asked
    assert lying.audit_verify().returncode == 0
