# SPDX-License-Identifier: Apache-2.0
"""What is recorded of a statement's text: all of it, its literals apart; and nothing of a password, on any path."""
import base64
import contextlib
import json
import time

import psycopg2
import pytest

import stack as stacks

SECRET = "hunter2-Geheim!"


@pytest.fixture(scope="module")
def recorded():
    with stacks.Stack(kind="postgres", own_kinds='["select", "insert", "update", "delete"]') as running:
        yield running


@pytest.fixture(scope="module")
def binding():
    with stacks.Stack(kind="postgres") as running:
        config = running.rowgate.config
        config.write_text(config.read_text().replace("[audit]\n", "[audit]\nbind_values = true\n"))
        running.rowgate.stop()
        running.rowgate.start()
        yield running


def value(text):
    return base64.b64decode(text["b64"]) if isinstance(text, dict) else text.encode()


def whole(records, index, field, short):
    """A text that may go on in the records behind it: docs/audit-format.md 5."""
    rg = records[index]["unmapped"]["rg"]
    if field not in [entry["field"] for entry in rg.get("long", [])]:
        return base64.b64decode(rg[f"{field}_b64"]) if f"{field}_b64" in rg else short
    parts = []
    for record in records[index + 1:]:
        part = record["unmapped"]["rg"]
        if part["kind"] != "part":
            break
        if part["field"] == field:
            parts.append(part["text"].encode() if "text" in part else base64.b64decode(part["b64"]))
    return b"".join(parts)


def original(records, index, field="sql", literals="literals"):
    record = records[index]
    rg = record["unmapped"]["rg"]
    short = record["query_info"].get("query_string", "") if field == "sql" else rg.get(field, "")
    text = whole(records, index, field, short.encode())
    listed = whole(records, index, literals, None)
    listed = rg.get(literals, []) if listed is None else json.loads(listed)
    out, start = [], 0
    for at, size, literal in listed:
        out += [text[start:at], value(literal)]
        start = at + size
    return b"".join(out) + text[start:]


def originals(stack):
    time.sleep(0.3)
    records = list(stack.audit_records())
    return [original(records, i) for i, record in enumerate(records)
            if record["unmapped"]["rg"]["kind"] == "statement" and "query_info" in record]


TEXTS = [
    "SELECT 1, 'zwei', 3.5e0, E'vi\\'er' /* 'five' */, $$six$$, U&'d\\0061ta', B'01'",
    "SELECT  count(*)\n  FROM sales.orders -- comment's quote\n WHERE id > 17 AND note <> 'ä€😀'",
    "SELECT 'a'\n 'b', -1, .5, 'it''s'",
    "SELECT " + ", ".join(f"'literal {i}'" for i in range(900)),
    "SELECT length('" + "x'' " * 60000 + "')",
    "SELECT * FROM t_globex.orders WHERE id = 4711",
    "SELECT 'never closed",
    "SELEC 'not SQL', 12ab",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_each_text_comes_back_byte_for_byte(recorded, text):
    with contextlib.suppress(psycopg2.Error):
        recorded.query(text)
    assert text.encode() in originals(recorded)


def test_psql_s_texts_come_back(recorded):
    done = recorded.psql("-c", "SELECT 'from psql', 42; SELECT 'second', 43")
    assert done.returncode == 0, done.stderr
    found = originals(recorded)
    assert b"SELECT 'from psql', 42" in [text.strip() for text in found]
    assert b"SELECT 'second', 43" in [text.strip() for text in found]


def test_literals_are_not_in_the_query_string(recorded):
    recorded.query("SELECT 'apart-marker', 99887766")
    time.sleep(0.3)
    record = next(r for r in recorded.audit_records() if "apart-marker" in str(r))
    assert record["query_info"]["query_string"] == "SELECT $1, $2"
    assert record["unmapped"]["rg"]["literals"] == [[7, 2, "'apart-marker'"], [11, 2, "99887766"]]


def test_numbers_go_on_behind_the_client_s_own(recorded):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(**recorded.parameters(), autocommit=True) as connection:
        connection.execute("SELECT %s::int + 5, 'own-number-marker'", (1,))
    time.sleep(0.3)
    record = next(r for r in recorded.audit_records() if "own-number-marker" in str(r))
    assert record["query_info"]["query_string"] == "SELECT $1::int + $2, $3"
    assert "binds" not in record["unmapped"]["rg"]  # off by default


SECRET_TEXTS = [
    f"CREATE ROLE bob PASSWORD '{SECRET}'",
    f"ALTER USER bob ENCRYPTED PASSWORD E'{SECRET}'",
    f"ALTER ROLE bob PASSWORD $${SECRET}$$",
    f"ALTER ROLE bob PASSWORD '{SECRET}",
    f"ALTER ROLE bob PASWORD '{SECRET}'",
    f"ALTER ROLE bob PASSWORD \"{SECRET}\"",
    f"ALTER ROLE bob PASSWORD {SECRET}",
    f"SELECT 1; ALTER ROLE bob PASSWORD '{SECRET}'",
    f"SELECT 'a'b', ALTER USER bob PASSWORD '{SECRET}'",
    f"CREATE SUBSCRIPTION s CONNECTION 'host=h password={SECRET}' PUBLICATION p",
    f"CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'u', password '{SECRET}')",
    f"CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (token '{SECRET}')",
    f"SELECT dblink_connect('host=h user=u password={SECRET}')",
    f"SELECT 1 /* password={SECRET} */",
    f"SELECT note FROM sales.orders WHERE note = 'password={SECRET}'",
    f"SELECT 'password={SECRET}'::int",
    f"DO $$ BEGIN EXECUTE 'ALTER ROLE bob PASSWORD ''{SECRET}'''; END $$",
    f"PREPARE p AS SELECT 'password={SECRET}'::int",
]


def holds_secret(stack):
    """Every line in a file under the stack's directory that holds the secret, or a telling part of it."""
    found = []
    for path in stack.directory.rglob("*"):
        if path.is_file():
            found += [f"{path.name}: {line[:3000]}" for line in path.read_bytes().split(b"\n")
                      if b"hunter2" in line or b"Geheim" in line]
    return found


def test_no_secret_is_in_any_file(recorded):
    for text in SECRET_TEXTS:
        with contextlib.suppress(psycopg2.Error):
            recorded.query(text)
        recorded.psql("-c", text)
    with contextlib.closing(recorded.connect(autocommit=False)) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error):  # inside of a transaction a refusal takes another way
            cursor.execute("SELECT 1")
            cursor.execute(SECRET_TEXTS[0])
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(**recorded.parameters(), autocommit=True) as connection:
        for text in SECRET_TEXTS:
            with contextlib.suppress(psycopg.Error):
                connection.execute(text.replace("%", "%%"), prepare=True)
    time.sleep(0.5)
    assert holds_secret(recorded) == []
    assert b"***" in b"".join(path.read_bytes() for path in (recorded.audit / "seg").glob("*.jsonl"))


def test_a_text_with_a_secret_has_no_hash(recorded):
    with contextlib.suppress(psycopg2.Error):
        recorded.query(f"SELECT 'password={SECRET}' AS no_hash_marker")
    recorded.query("SELECT 1 AS hash_marker")
    time.sleep(0.3)
    by_marker = {marker: next(r["unmapped"]["rg"] for r in recorded.audit_records() if f"AS {marker}" in str(r))
                 for marker in ("no_hash_marker", "hash_marker")}
    assert "sql_sha256" not in by_marker["no_hash_marker"]
    assert "sql_sha256" in by_marker["hash_marker"]


def test_values_of_binds_are_recorded_where_asked_for(binding):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(**binding.parameters(), autocommit=True) as connection:
        connection.execute("SELECT %s::text, %s::text, %s::bytea, 'bind-marker' /* %s::text */ WHERE note IS NULL OR true"
                           .replace(" WHERE note IS NULL OR true", "").replace(" /* %s::text */", ""),
                           ("ä'x", None, b"\x00\xff"))
        connection.execute("SELECT %s::text AS long_marker", ("y" * 70000,))
        connection.execute("SELECT id FROM sales.orders WHERE note = %s AND 'x' <> %s", ("password=" + SECRET, "shown-value"))
    time.sleep(0.3)
    records = list(binding.audit_records())
    rg = next(r["unmapped"]["rg"] for r in records if "bind-marker" in str(r))
    assert rg["binds"] == ["ä'x", None, {"b64": base64.b64encode(b"\x00\xff").decode()}]
    at = next(i for i, r in enumerate(records) if "long_marker" in str(r))
    assert json.loads(whole(records, at, "binds", None)) == ["y" * 70000]
    hidden = next(r["unmapped"]["rg"] for r in records if "shown-value" in str(r))
    assert hidden["binds"] == ["***", "shown-value"]
    assert holds_secret(binding) == []
