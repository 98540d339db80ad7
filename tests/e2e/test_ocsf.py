# SPDX-License-Identifier: Apache-2.0
"""What stands in a real log is valid OCSF, and long hostile statements come back from it to the byte."""
import base64
import contextlib
import copy
import hashlib
import json
import pathlib
import signal
import subprocess
import time

import psycopg2
import pytest

import ocsf
import stack as stacks
from test_protocol import Wire


ROOT = pathlib.Path(__file__).resolve().parents[2]
PRINTABLE = bytes(1 if 0x20 <= byte <= 0x7f else 0 for byte in range(256))  # what a line may hold, for translate()


def reject_doubles(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


def raw_lines(stack):
    for path in sorted((stack.directory / "audit" / "seg").glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            if line.startswith(b"{"):
                yield line


def records(stack):
    for line in raw_lines(stack):
        assert len(line) <= 60 * 1024
        assert all(line.translate(PRINTABLE))
        yield json.loads(line, object_pairs_hook=reject_doubles)


def rg(record):
    return record["unmapped"]["rg"]


def text_of(parts, field):
    """The whole text of a field, put together as docs/audit-format.md 5 says."""
    first = rg(parts[0])
    promised = {entry["field"]: entry for entry in first["long"]}[field]
    count = int(first["part"].split("/")[1])
    assert [rg(part)["part"] for part in parts] == [f"{i}/{count}" for i in range(1, count + 1)]
    whole = b"".join(rg(part)["text"].encode() if "text" in rg(part) else base64.b64decode(rg(part)["b64"])
                     for part in parts[1:] if rg(part)["field"] == field)
    assert len(whole) == promised["bytes"]
    assert hashlib.sha256(whole).hexdigest() == promised["sha256"]
    return whole


def original_of(parts):
    """The client's text: literals where their placeholders stand."""
    first = rg(parts[0])
    long = {entry["field"] for entry in first.get("long", [])}
    text = text_of(parts, "sql") if "sql" in long else parts[0]["query_info"]["query_string"].encode()
    listed = json.loads(text_of(parts, "literals")) if "literals" in long else first.get("literals", [])
    out, start = [], 0
    for at, size, literal in listed:
        out += [text[start:at], base64.b64decode(literal["b64"]) if isinstance(literal, dict) else literal.encode()]
        start = at + size
    return b"".join(out) + text[start:]


def events(stack):
    """Each event as the list of its records: they stand behind each other."""
    group = []
    for record in records(stack):
        if group and rg(record)["kind"] != "part":
            yield group
            group = []
        group.append(record)
    yield group


@pytest.fixture(scope="module")
def filled():
    """A log with every kind of record that a client can cause."""
    with stacks.Stack(kind="postgres", own_kinds='["select", "insert", "update", "delete"]') as stack:
        stack.query("select count(*) from sales.orders")
        stack.query("select count(*) from shared.events")
        for statement in ("select * from t_globex.orders", "select 1/0", "select (", "drop table sales.orders"):
            with pytest.raises(psycopg2.Error):
                stack.query(statement)
        stack.query("insert into sales.orders (id, note) values (910001, 'x')")
        stack.query("update sales.orders set note = 'y' where id = 910001")
        stack.query("delete from sales.orders where id = 910001")
        with contextlib.closing(stack.connect(application_name="odd \" \\ name")) as connection:
            with connection.cursor() as cursor:
                cursor.execute("set application_name = 'other'")
                cursor.execute("select 1; select 2")
        with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
            with pytest.raises(psycopg2.Error):
                cursor.execute(b"select 'query \xff'")
        with Wire(stack) as wire:
            wire.send(b"P", b"name\0select 'parse \xff'\0\0\0")
            wire.send(b"S")
            assert "E" in [kind for kind, _ in wire.until("Z")]
        with pytest.raises(psycopg2.OperationalError):
            stack.connect(password="not a token")
        with pytest.raises(psycopg2.OperationalError):
            stack.connect(user="\u00e9mile", password="")
        start = stack.rowgate.log_path.stat().st_size
        stack.rowgate.config.write_text(stack.config_text() + "# another digest\n")
        stack.rowgate.signal(signal.SIGHUP)
        stacks.wait_for(lambda: stack.rowgate.event("policy.reloaded", start), "the reload")
        start = stack.rowgate.log_path.stat().st_size
        stack.rowgate.config.write_text("nonsense")
        stack.rowgate.signal(signal.SIGHUP)
        stacks.wait_for(lambda: stack.rowgate.event("policy.reload_failed", start), "the refusal")
        time.sleep(0.3)
        stack.rowgate.stop()
        yield stack


def test_every_record_of_a_log_is_valid(filled):
    kinds = set()
    for record in records(filled):
        kinds.add(rg(record)["kind"])
        assert ocsf.problems(record) == [], json.dumps(record, indent=1)
    assert kinds >= {"login", "login.failed", "logout", "statement", "policy.loaded", "policy.refused", "log.started",
                     "log.stopped"}, kinds


def test_every_activity_and_ruling_is_in_it(filled):
    statements = [record for record in records(filled) if rg(record)["kind"] == "statement"]
    assert {record["action_id"] for record in statements} == {1, 2, 4}
    assert {rg(record)["phase"] for record in statements} >= {"combined", "decision", "outcome"}
    uids = [record["metadata"]["uid"] for record in statements]
    assert len(uids) == len(set(uids))


def test_the_check_sees_what_is_missing(filled):
    statement = next(record for record in records(filled) if rg(record)["kind"] == "statement" and "query_info" in record)
    for path in (("actor",), ("src_endpoint", "ip"), ("database",), ("database", "type_id"), ("query_info", "uid"),
                 ("metadata", "product"), ("severity_id",), ("time",)):
        broken = copy.deepcopy(statement)
        place = broken
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]
        assert ocsf.problems(broken), path
    assert ocsf.problems(statement | {"disposition_id": 28})
    assert ocsf.problems(statement | {"colour": 1})


def hostile(size, more=b""):
    """Bytes that hurt escaping, framing and cutting."""
    pieces = ["'", '"', "\\", "\x01", "\x1f", "\x7f", "\u2028", "\u00e9", "\U0001f600", "\r\n\t", '"}},{"unmapped":{"rg":{',
              "\ufffd", "]]>", "-- "]
    text = "".join(pieces).encode() + more
    return (text * (size // len(text) + 1))[:size]


MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("text", [
    hostile(16 * MEBIBYTE),
    hostile(16 * MEBIBYTE, b"\xff\xc0\xaf\xed\xa0\x80\0"),
    b"\0" * (16 * MEBIBYTE),
    b"a" * (16 * MEBIBYTE),
    "\u65e5\u672c".encode() * (16 * MEBIBYTE // 6),
], ids=["hostile", "not UTF-8", "NUL", "plain", "Japanese"])
def test_16_mebibytes_come_back_from_the_lines(text):
    tool = pathlib.Path(stacks.binary()).parent / "record_lines"
    if not tool.exists():
        tool = next(ROOT.glob("build/*/record_lines"))
    done = subprocess.run([tool], input=text, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stderr) < 64 * MEBIBYTE  # what one event may have (AUDIT_EVENT_MAX), text and text sent
    parts = []
    for line in done.stdout.split(b"\n")[:-1]:
        assert len(line) <= 60 * 1024
        assert all(line.translate(PRINTABLE))
        parts.append(json.loads(line, object_pairs_hook=reject_doubles))
        if len(parts) % 50 == 1:
            assert ocsf.problems(parts[-1]) == []
    assert text_of(parts, "sql") == text
    assert text_of(parts, "sql_sent") == text
    prefix = parts[0]["query_info"]["query_string"]
    assert prefix and text.decode(errors="replace").startswith(prefix[:100])


@pytest.mark.parametrize("make", [
    lambda: b"select '" + hostile(3 * MEBIBYTE).replace(b"'", b"''") + b"' is not null",
    lambda: b"select /* " + hostile(2 * MEBIBYTE) + b"\xff\xfe */ 1",
    lambda: b"select * from t_globex.orders where note = '" + hostile(MEBIBYTE).replace(b"'", b"''") + b"'",
], ids=["allowed", "not UTF-8", "denied"])
def test_a_long_statement_comes_back_from_the_log(make):
    text = make()
    with stacks.Stack(kind="postgres", workers=1) as stack:
        with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
            with contextlib.suppress(psycopg2.Error):
                cursor.execute(text)
        stacks.wait_for(lambda: "logout" in {rg(record)["kind"] for record in records(stack)}, "the end of the session")
        found = [parts for parts in events(stack) if "long" in rg(parts[0]) and rg(parts[0])["kind"] == "statement"]
        assert found
        for parts in found:
            assert original_of(parts) == text
            for part in parts:
                assert ocsf.problems(part) == [], json.dumps(part)[:500]


def test_a_refused_statement_that_is_not_utf8_is_on_record_with_its_text(filled):
    found = [original_of([record]) for record in records(filled) if "b64" in str(rg(record).get("literals"))]
    assert sorted(found) == [b"select 'parse \xff'", b"select 'query \xff'"]


def test_no_two_sessions_share_an_id_though_the_gateway_was_started_again():
    with stacks.Stack(kind="postgres", workers=1) as stack:
        for _ in range(2):
            stack.query("select 1")
            stack.rowgate.stop()
            stack.rowgate.start()
        stack.rowgate.stop()
        logins = [record for record in records(stack) if rg(record)["kind"] == "login"]
        assert len({rg(record)["session"] for record in logins}) == len(logins) == 2
        uids = [record["metadata"]["uid"] for record in records(stack)]
        assert len(uids) == len(set(uids))
