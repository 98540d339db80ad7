# SPDX-License-Identifier: Apache-2.0
"""What stands in a real log is valid OCSF, and long hostile statements come back from it to the byte."""
import base64
import contextlib
import copy
import hashlib
import json
import signal
import time

import psycopg2
import pytest

import ocsf
import stack as stacks


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
        assert all(0x20 <= byte <= 0x7f for byte in line)
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


def hostile(size, invalid):
    """Bytes that hurt escaping, framing and cutting; PostgreSQL cannot take NUL in a query, so it stands in none."""
    pieces = ["'", '"', "\\", "\x01", "\x1f", "\x7f", "\u2028", "\u00e9", "\U0001f600", "\r\n\t", '"}},{"unmapped":{"rg":{',
              "\ufffd", "]]>", "*/ -- "]
    text = "".join(pieces).encode() + (b"\xff\xc0\xaf\xed\xa0\x80" if invalid else b"")
    return (text * (size // len(text) + 1))[:size]
