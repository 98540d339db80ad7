# SPDX-License-Identifier: Apache-2.0
"""Column masks against a real PostgreSQL: every kind and type, drivers, attempts to see the value behind a mask, a key
that must not be found anywhere, and columns that change while statements run."""
import contextlib
import hashlib
import hmac
import threading
import time

import psycopg2
import pytest
import sqlalchemy

import stack as stack_module

SALT = "a mask's salt for the tests of masks"
TABLES = """
CREATE TABLE shared.people (id int PRIMARY KEY, tenant_id uuid NOT NULL, name text, city text, email text,
  phone varchar(20), ssn text, born date, salary numeric(10,2), score int, doc jsonb, card bpchar(20), code bytea,
  seen timestamptz, tags text[], token text, "Odd ""col" text);
INSERT INTO shared.people SELECT i, (ARRAY['{acme}','{globex}'])[i % 2 + 1]::uuid, 'Name ' || i, 'City ' || i % 3,
  'raw' || i || '@mail.example', '+49-raw-' || i, 'raw-ssn-' || i, date '1970-01-01' + i, i * 100, i,
  jsonb_build_object('raw', i), 'raw 1234 5678 ' || i, decode('72617700', 'hex'), now(), ARRAY['raw' || i],
  'raw token ' || i % 5, 'raw odd ' || i FROM generate_series(1, 200) i;
INSERT INTO shared.people (id, tenant_id) VALUES (1000, '{globex}'), (1001, '{acme}');
CREATE VIEW shared.people_mail AS SELECT id, email AS address FROM shared.people;
CREATE VIEW shared.people_cities AS SELECT id, city FROM shared.people;
CREATE VIEW shared.people_masked AS SELECT id, email FROM shared.people;
CREATE TABLE shared.moving (id int PRIMARY KEY, tenant_id uuid NOT NULL, city text, email text);
INSERT INTO shared.moving SELECT i, '{acme}', 'City ' || i, 'raw' || i || '@mail.example' FROM generate_series(1, 50) i;
ANALYZE;
GRANT SELECT ON shared.people, shared.people_mail, shared.people_cities, shared.people_masked, shared.moving TO rowgate;
"""
MASKS = """
[[policies]]
name = "people"
on = ["shared.people", "shared.moving"]
for = ["select"]
using = "tenant_id = :tenant_id"
[[policies]]
name = "views"
on = ["shared.people_mail", "shared.people_cities", "shared.people_masked"]
for = ["select"]
[[masks]]
columns = ["shared.people.email", "shared.people.card", "shared.moving.email"]
with = { partial = { keep_last = 4 } }
[[masks]]
columns = ["shared.people.phone", "shared.people_masked.email"]
with = "redact"
unless = "'dpo' = any(:regions)"
[[masks]]
columns = ["shared.people.ssn"]
with = "deny"
[[masks]]
columns = ["shared.people.born", "shared.people.seen", "shared.people.tags", "shared.people.doc"]
with = "null"
[[masks]]
columns = ["shared.people.salary", "shared.people.score"]
with = { constant = "7" }
in_predicates = "allow"
[[masks]]
columns = ["shared.people.token", "shared.people.code", 'shared.people.Odd "col']
with = "hash"
salt = "env:ROWGATE_TEST_SALT"
[[masks]]
columns = ["sales.customers.country"]
with = { partial = { keep_first = 1 } }
"""


class MaskedStack(stack_module.Stack):
    def environment(self):
        return super().environment() | {"ROWGATE_TEST_SALT": SALT}

    def _fill(self):
        super()._fill()
        done = self.server.psql("-q", stdin=TABLES.format(**stack_module.TENANTS), dbname="bi")
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=["postgres", "pgbouncer"])
def masked(request):
    with MaskedStack(kind=request.param, extra=MASKS) as running:
        yield running


@pytest.fixture(scope="module")
def moving():
    with MaskedStack(extra=MASKS) as running:
        yield running


def tenant_key(tenant):
    """HKDF-SHA-256 (RFC 5869), one block."""
    info = hashlib.sha256(tenant.encode()).digest()
    secret = hmac.new(b"rowgate mask 1", SALT.encode(), hashlib.sha256).digest()
    return hmac.new(secret, info + b"\x01", hashlib.sha256).digest()


def digest_of(tenant, value):
    return hmac.new(tenant_key(tenant), value.encode(), hashlib.sha256).hexdigest()


def words_of(error):
    """All that the server said; libpq's own text repeats the statement."""
    said = error.diag
    return repr([said.message_primary, said.message_detail, said.message_hint, said.context, said.internal_query])


def refusal(stack, sql, **changes):
    with pytest.raises(psycopg2.Error) as caught:
        stack.query(sql, **changes)
    assert "raw" not in words_of(caught.value)
    return caught.value


# ---- every kind of mask, every type ----

def test_every_kind_of_mask_shows_what_it_says(masked):
    row = masked.query("""SELECT id, name, email, phone, born, salary, score, doc, card, code, seen, tags, token, "Odd ""col"
                          FROM shared.people WHERE id = 100""")[0]
    email = "raw100@mail.example"
    assert row[:4] == (100, "Name 100", "*" * (len(email) - 4) + "mple", "***")
    assert (row[4], float(row[5]), row[6], row[7], row[10], row[11]) == (None, 7.0, 7, None, None, None)
    assert row[8] == "*" * 13 + " 100"
    assert row[12] == digest_of("acme", "raw token 0")
    assert row[13] == digest_of("acme", "raw odd 100")
    assert row[9] == digest_of("acme", "\\x72617700")


def test_masks_of_null(masked):
    row = masked.query("SELECT email, phone, salary, token, card FROM shared.people WHERE id = 1000")
    assert row == []  # it is the other tenant's
    row = masked.query("SELECT email, phone, salary, token, card FROM shared.people WHERE id = 1000", tenant="globex")[0]
    assert (row[0], row[1], float(row[2]), row[3], row[4]) == (None, "***", 7.0, None, None)


def test_short_values_are_starred_wholly(masked):
    assert set(masked.query("SELECT country FROM sales.customers")) == {("d*",), ("f*",), ("u*",)}


def test_types_are_the_columns_own_or_text(masked):
    with contextlib.closing(masked.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT email, phone, born, salary, score, doc, seen, tags, token FROM shared.people WHERE false")
        assert [column.type_code for column in cursor.description] == [25, 25, 1082, 1700, 23, 3802, 1184, 1009, 25]


def test_a_star_has_every_column_but_the_denied_one(masked):
    with contextlib.closing(masked.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM shared.people")
        names = [column.name for column in cursor.description]
        assert names == ["id", "tenant_id", "name", "city", "email", "phone", "born", "salary", "score", "doc", "card",
                         "code", "seen", "tags", "token", 'Odd "col']
        rows = cursor.fetchall()
    assert len(rows) == 101 and "raw" not in repr(rows)


def test_two_tenants_hashes_of_one_value_differ(masked):
    acme = {row[0] for row in masked.query("SELECT token FROM shared.people WHERE id <= 200")}
    globex = {row[0] for row in masked.query("SELECT token FROM shared.people WHERE id <= 200", tenant="globex")}
    assert len(acme) == len(globex) == 5 and not acme & globex
    assert acme == {digest_of("acme", f"raw token {i}") for i in range(5)}


def test_unless_shows_the_value_to_whom_it_names(masked):
    token = masked.idp.token(tenant="acme", claims=['regions=["dpo"]'])
    assert masked.query("SELECT phone FROM shared.people WHERE id = 100", password=token) == [("+49-raw-100",)]
    assert masked.query("SELECT email FROM shared.people_masked WHERE id = 100", password=token)[0][0].startswith("raw")
    assert masked.query("SELECT phone FROM shared.people WHERE id = 100") == [("***",)]
    error = refusal(masked, "SELECT id FROM shared.people WHERE phone > '5'", password=token)
    assert error.pgcode == "42501"


def test_views(masked):
    assert refusal(masked, "SELECT * FROM shared.people_mail").pgcode == "42501"
    assert len(masked.query("SELECT * FROM shared.people_masked")) == 202  # its policy has no predicate
    assert set(row[1] for row in masked.query("SELECT id, email FROM shared.people_masked")) == {"***"}


# ---- what must work ----

WORKING = [
    ("SELECT count(*) FROM shared.people", 101),
    ("SELECT city, count(*) FROM shared.people GROUP BY city ORDER BY 2", 4),
    ("SELECT p.email, o.id FROM shared.people p JOIN sales.orders o ON o.id = p.id", 100),
    ("WITH p AS (SELECT * FROM shared.people) SELECT email FROM p WHERE id < 11 ORDER BY id", 5),
    ("SELECT s.m FROM (SELECT email AS m, id FROM shared.people) s WHERE s.id < 11", 5),
    ("SELECT email FROM shared.people UNION ALL SELECT email FROM shared.people", 202),
    ("SELECT (SELECT email FROM shared.people p WHERE p.id = o.id) FROM sales.orders o WHERE o.id < 11", 10),
    ("SELECT p FROM shared.people p WHERE id = 100", 1),
    ("SELECT email FROM shared.people WHERE score = 7 ORDER BY salary", 101),
    ("SELECT score, count(*), max(salary) FROM shared.people GROUP BY score", 1),
    ("SELECT email FROM shared.people TABLESAMPLE BERNOULLI (100)", 101),
]


@pytest.mark.parametrize("sql, rows", WORKING, ids=[sql for sql, _ in WORKING])
def test_what_must_work_works(masked, sql, rows):
    result = masked.query(sql)
    if sql.startswith("SELECT count"):
        assert result == [(rows,)]
    else:
        assert len(result) == rows
    assert "raw" not in repr(result)


def test_psql_shows_masks_and_describes_the_table(masked):
    done = masked.psql("-At", "-c", "SELECT email, phone FROM shared.people WHERE id = 100")
    assert (done.returncode, done.stdout) == (0, "***************mple|***\n")
    done = masked.psql("-c", r"\d shared.people")
    assert done.returncode == 0 and "email" in done.stdout


def test_copy_of_a_query_is_masked(masked):
    done = masked.psql("-c", r"\copy (SELECT id, email, token FROM shared.people WHERE id = 100) TO STDOUT")
    assert done.returncode == 0 and done.stdout.startswith("100\t***************mple\t"), done.stderr
    done = masked.psql("-c", r"\copy shared.people TO STDOUT")
    assert "raw" not in done.stdout


def test_sqlalchemy_reflects_and_its_orm_reads(masked):
    from sqlalchemy.orm import declarative_base, sessionmaker
    parameters = masked.parameters()
    engine = sqlalchemy.create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(**parameters))
    names = [column["name"] for column in sqlalchemy.inspect(engine).get_columns("people", schema="shared")]
    assert "email" in names
    base = declarative_base()

    class Person(base):
        __tablename__ = "people"
        __table_args__ = {"schema": "shared"}
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        email = sqlalchemy.Column(sqlalchemy.Text)
        city = sqlalchemy.Column(sqlalchemy.Text)

    session = sessionmaker(bind=engine)()
    people = session.query(Person).filter(Person.id < 11).order_by(Person.id).all()
    assert [person.id for person in people] == [2, 4, 6, 8, 10] or [person.id for person in people] == [1, 3, 5, 7, 9]
    assert all(person.email.endswith("mple") and "raw" not in person.email for person in people)
    with pytest.raises(sqlalchemy.exc.ProgrammingError):
        session.query(Person).filter(Person.email.like("raw%")).all()
    session.rollback()
    session.close()
    engine.dispose()


def test_cursors_and_prepared_statements_are_masked(masked):
    with contextlib.closing(masked.connect(autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("DECLARE c CURSOR FOR SELECT email FROM shared.people ORDER BY id")
        cursor.execute("FETCH 3 FROM c")
        assert "raw" not in repr(cursor.fetchall())
        cursor.execute("CLOSE c")
        cursor.execute("PREPARE p (int) AS SELECT email FROM shared.people WHERE id = $1")
        cursor.execute("EXECUTE p (100)")
        assert cursor.fetchall() == [("***************mple",)]
        with pytest.raises(psycopg2.Error):
            cursor.execute("PREPARE q (text) AS SELECT id FROM shared.people WHERE email LIKE $1")


# ---- attempts to see the value ----

ATTEMPTS = [
    "SELECT id FROM shared.people WHERE email LIKE 'raw1%'",
    "SELECT id FROM shared.people WHERE email LIKE 'raw100\\'",
    "SELECT id FROM shared.people WHERE email ~ '^raw'",
    "SELECT id FROM shared.people ORDER BY email",
    "SELECT id, email FROM shared.people ORDER BY 2",
    "SELECT DISTINCT email FROM shared.people",
    "SELECT email, count(*) FROM shared.people GROUP BY email",
    "SELECT max(email) FROM shared.people",
    "SELECT email::int FROM shared.people",
    "SELECT email::xml FROM shared.people",
    "SELECT id FROM shared.people WHERE token = 'raw token 1'",
    "SELECT rank() OVER (ORDER BY born) FROM shared.people",
    "SELECT to_json(p) FROM shared.people p",
    "SELECT row_to_json(p.*) FROM shared.people p",
    "SELECT p.email FROM shared.people p WHERE p.* IS NOT NULL",
    "SELECT p.to_jsonb FROM shared.people p",
    "SELECT ssn FROM shared.people",
    "SELECT p.ssn FROM shared.people p",
    "SELECT id FROM shared.people WHERE ssn = 'raw-ssn-2'",
    "SELECT rg_r.email FROM shared.people",
    "SELECT rg_r.ssn FROM shared.people rg_r",
    "SELECT id FROM shared.people JOIN shared.moving USING (email)",
    "SELECT id FROM shared.people NATURAL JOIN shared.moving",
    "SELECT id FROM shared.moving WHERE email IN (SELECT email FROM shared.people)",
    "SELECT email FROM shared.people INTERSECT SELECT email FROM shared.moving",
    "EXPLAIN SELECT email FROM shared.people",
    "EXPLAIN SELECT id FROM shared.people WHERE id = 100",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT email FROM shared.people",
    "SELECT most_common_vals FROM pg_stats WHERE tablename = 'people'",
    "SELECT * FROM pg_catalog.pg_statistic",
    "SELECT query FROM pg_stat_statements",
    "SELECT * FROM pg_catalog.pg_prepared_statements",
    "SELECT * FROM pg_catalog.pg_cursors",
    "SELECT pg_catalog.current_query()",
    "TABLE shared.people_mail",
    "SELECT email FROM shared.people FOR UPDATE",
    "UPDATE shared.people SET email = email RETURNING email",
    "DELETE FROM shared.people WHERE email LIKE 'raw%'",
    "INSERT INTO shared.people (id, tenant_id, email) VALUES (1, '11111111-1111-1111-1111-111111111111', 'x')",
    "SELECT query_to_xml('SELECT email FROM shared.people', true, true, '')",
    "SELECT table_to_xml('shared.people', true, true, '')",
    "SELECT ctid FROM shared.people",
    "SELECT l.* FROM shared.people p, LATERAL (SELECT p.email WHERE p.email > 'raw5') l",
    "WITH RECURSIVE r AS (SELECT id, email FROM shared.people UNION SELECT id, email FROM r) SELECT id FROM r",
    "SELECT name FROM shared.people WHERE CASE WHEN email > 'raw' THEN 1/0 = 1 ELSE true END",
    "SELECT (p).email FROM shared.people p",
    "SELECT (p).ssn FROM shared.people p",
    "SELECT (shared.people).ssn FROM shared.people",
    "SELECT json_populate_record(NULL::shared.people, '{}')",
    "SELECT country FROM sales.customers ORDER BY country",
    "SELECT EXISTS (SELECT 1 FROM sales.customers WHERE country = 'de')",
]


@pytest.mark.parametrize("sql", ATTEMPTS)
def test_no_attempt_shows_the_value(masked, sql):
    refusal(masked, sql)


def test_a_filter_on_an_allowed_mask_sees_the_mask(masked):
    assert masked.query("SELECT count(*) FROM shared.people WHERE salary = 7") == [(101,)]
    assert masked.query("SELECT count(*) FROM shared.people WHERE salary = 10000") == [(0,)]
    assert masked.query("SELECT count(*) FROM shared.people WHERE score = 100") == [(0,)]


def test_statistics_do_not_tell_which_value_a_pattern_meets(masked):
    """A pattern that ends in its escape fails only when it is tried on a value: here there is only the mask."""
    for pattern in ("raw100%", "nobody%"):
        error = refusal(masked, f"SELECT id FROM shared.people WHERE phone LIKE '{pattern}\\'")
        assert error.pgcode == "42501"


# ---- the key ----

def test_the_key_is_found_nowhere(masked):
    masked.query("SELECT token FROM shared.people")
    refusal(masked, "SELECT token, 1/(id - id) FROM shared.people")
    refusal(masked, "SELECT token::int FROM shared.people")
    with contextlib.closing(masked.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT token FROM shared.people")
        with contextlib.closing(masked.connect()) as other, other.cursor() as second:
            second.execute("SELECT * FROM pg_catalog.pg_stat_activity")
            activity = repr(second.fetchall())
    records = list(masked.audit_records())
    assert any("<key>" in str(record) for record in records)
    for tenant in ("acme", "globex"):
        key = tenant_key(tenant).ljust(64, b"\0")
        for pad in (0x36, 0x5c):
            needle = bytes(byte ^ pad for byte in key).hex()[:64]
            assert needle not in activity
            for path in masked.directory.rglob("*"):
                if path.is_file():
                    assert needle.encode() not in path.read_bytes(), path
        assert all(tenant_key(tenant).hex() not in str(record) for record in records)


# ---- settings ----

@pytest.mark.parametrize("setting", ("DateStyle = 'SQL, DMY'", "TIME ZONE 'Europe/Berlin'", "IntervalStyle = sql_standard",
                                     "extra_float_digits = -10"))
def test_no_setting_gives_a_masked_value_another_text(masked, setting):
    with contextlib.closing(masked.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("BEGIN")
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute(f"SET LOCAL {setting}")
        assert caught.value.pgcode == "42501" and "setting.value" in (caught.value.diag.message_detail or "")


# ---- columns that change ----

def alter(stack, sql):
    stack.server.execute(sql, dbname="bi")


def test_a_statement_that_meets_changed_columns_is_refused_until_they_are_known(moving):
    with contextlib.closing(moving.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT city, email FROM shared.moving WHERE id = 1")
        assert cursor.fetchall() == [("City 1", "*************mple")]
        alter(moving, "BEGIN; ALTER TABLE shared.moving RENAME city TO swap; ALTER TABLE shared.moving RENAME email TO city;"
                      "ALTER TABLE shared.moving RENAME swap TO email; COMMIT")
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("SELECT city FROM shared.moving")
        assert caught.value.pgcode == "0A000" and "mask.changed" in (caught.value.diag.message_hint or "")
        assert "raw" not in words_of(caught.value)
        alter(moving, "BEGIN; ALTER TABLE shared.moving RENAME city TO swap; ALTER TABLE shared.moving RENAME email TO city;"
                      "ALTER TABLE shared.moving RENAME swap TO email; COMMIT")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg2.Error):
                cursor.execute("SELECT email FROM shared.moving WHERE id = 1")
                break
            time.sleep(0.2)
        assert cursor.fetchall()[0][0].endswith("mple")


SWAP = """BEGIN; ALTER TABLE shared.moving RENAME city TO swap; ALTER TABLE shared.moving RENAME email TO city;
  ALTER TABLE shared.moving RENAME swap TO email; COMMIT"""


@pytest.mark.parametrize("level", ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"))
def test_a_transaction_with_an_old_snapshot_does_not_see_behind_a_mask_that_moved(moving, level):
    with contextlib.closing(moving.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"BEGIN ISOLATION LEVEL {level}")
        cursor.execute("SELECT email FROM shared.moving WHERE id = 1")
        assert cursor.fetchall()[0][0].endswith("mple")
        cursor.execute("ROLLBACK")
        cursor.execute(f"BEGIN ISOLATION LEVEL {level}")
        cursor.execute("SELECT 1")  # takes the snapshot, and no lock of the table
        alter(moving, SWAP)
        try:
            with pytest.raises(psycopg2.Error) as caught:
                cursor.execute("SELECT city FROM shared.moving")
                pytest.fail(repr(cursor.fetchall()[:2]))
            assert "raw" not in words_of(caught.value)
        finally:
            cursor.execute("ROLLBACK")
            alter(moving, SWAP)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:  # the next test begins where this one did
        with contextlib.suppress(psycopg2.Error):
            if moving.query("SELECT city FROM shared.moving WHERE id = 1") == [("City 1",)]:
                return
        time.sleep(0.2)
    pytest.fail("the columns were never known again")


def test_a_column_renamed_while_statements_run_is_never_shown(moving):
    seen, stop = [], threading.Event()

    def read():
        with contextlib.closing(moving.connect()) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                for sql in ("SELECT * FROM shared.moving", "SELECT mail FROM shared.moving", "SELECT email FROM shared.moving"):
                    try:
                        cursor.execute(sql)
                        seen.append(repr(cursor.fetchall()))
                    except psycopg2.Error as error:
                        seen.append(words_of(error))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        alter(moving, "ALTER TABLE shared.moving RENAME email TO mail")
        time.sleep(0.4)
        alter(moving, "ALTER TABLE shared.moving RENAME mail TO email")
        time.sleep(0.4)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(seen) > 20 and not any("raw" in text for text in seen)
    assert any("mple" in text for text in seen)


def test_a_column_that_was_added_is_shown_only_once_it_is_known(moving):
    moving.query("SELECT id FROM shared.moving")
    alter(moving, "ALTER TABLE shared.moving ADD later text DEFAULT 'x'")
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                assert moving.query("SELECT later FROM shared.moving WHERE id = 1") == [("x",)]
                return
            except psycopg2.Error as error:
                assert error.pgcode in ("0A000", "42703")
                time.sleep(0.3)
        pytest.fail("the column was never known")
    finally:
        alter(moving, "ALTER TABLE shared.moving DROP later")
