# SPDX-License-Identifier: Apache-2.0
"""Personal values in the audit log of a running rowgate: encrypted, found, erased."""
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time

import psycopg2
import pytest

try:
    import psycopg
except ImportError:  # then binds are the unit tests' alone
    psycopg = None

import stack as stacks

PERSONAL = '[audit.personal]\nmode = "encrypted"\n'


@pytest.fixture(scope="module")
def world():
    with stacks.Stack(extra="bind_values = true\n" + PERSONAL) as running:
        yield running


def audit(*arguments, **options):
    return subprocess.run([str(stacks.binary()), "audit", *[str(part) for part in arguments]], capture_output=True, text=True,
                          timeout=120, **options)


def found(world, *arguments):
    done = audit("search", "--json", *arguments, world.audit)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def store_of(world):
    return pathlib.Path(f"{world.audit}-subjects")


def bytes_of(*places):
    """All files below, joined: what somebody with the disk can read."""
    files = [path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*"))) if path.is_file()]
    return {path: path.read_bytes() for path in files}


def erase(world, subject, tenant="acme", reason="request 4711"):
    return audit("erase", subject, "--tenant", tenant, "--reason", reason, world.audit)


def test_no_personal_value_stands_in_the_log_its_index_or_the_operational_log(world):
    canary = "Canary-7f3a"
    token = world.idp.token(f"{canary}-sub", "acme")
    connection = world.connect("acme", password=token, application_name=f"{canary}-app")
    with connection.cursor() as cursor:
        cursor.execute(f"select note from sales.orders where note = '{canary}-literal' /* {canary}-comment */")
        with pytest.raises(psycopg2.Error):
            cursor.execute(f"select cast('{canary}-cast' as int) from sales.orders")
        with pytest.raises(psycopg2.Error):
            cursor.execute(f"select '{canary}-unclosed from sales.orders")
        with pytest.raises(psycopg2.Error):
            cursor.execute(f"select * from t_globex.orders where note = '{canary}-denied'")
        long_text = ", ".join(f"'{canary}-long-{i}'" for i in range(9000))
        cursor.execute(f"select count(*) from sales.orders where note in ({long_text})")
    connection.close()
    prepared(world, token, canary)
    with pytest.raises(psycopg2.Error):
        psycopg2.connect(host="127.0.0.1", port=world.rowgate.port, user=f"{canary}-failed", password=f"{canary}-password",
                         dbname=f"{canary}-database", sslmode="require", application_name=f"{canary}-app2")
    assert found(world, "--subject", f"{canary}-sub", "--action", "statement")  # and so the index is there
    files = bytes_of(world.audit, world.rowgate.log_path)
    assert len(files) > 5
    for path, content in files.items():
        assert canary.encode() not in content, path
        assert canary.encode().hex().encode() not in content, path
    addresses = [path for path, content in files.items() if re.search(rb'"(127\.0\.0\.1|::1)', content)]
    assert [path for path in addresses if path != world.rowgate.log_path] == []
    assert audit("verify", world.audit).returncode == 0


def prepared(world, token, canary):
    """Values that are bound, by the extended protocol."""
    if psycopg is not None:
        with psycopg.connect(**world.parameters(password=token), autocommit=True) as connection:
            connection.execute("select note from sales.orders where note = %s", (f"{canary}-bind",))
            connection.execute("select note from sales.orders where note <> %s limit 1", (f"{canary}-bind" * 9000,))
            with pytest.raises(psycopg.Error):
                connection.execute("select %s::int", (f"{canary}-bad-bind",))
    done = world.psql("-c", f"select count(*) from sales.orders where note = '{canary}-psql'", PGAPPNAME=f"{canary}-psql-app")
    assert done.returncode == 0, done.stderr


def test_who_has_the_keys_reads_finds_and_shows(world):
    world.query("select count(*) from sales.orders where note = 'reader-literal'")
    record = found(world, "--text", "reader-literal", "--tenant", "acme")[0]
    assert record["sql"] == "select count(*) from sales.orders where note = 'reader-literal'"
    assert record["subject"] == "alice" and record["client"].startswith("127.0.0.1:")
    assert record in found(world, "--subject", "alice")
    assert record in found(world, "--client", "127.0.0.1")
    assert record not in found(world, "--subject", "Alice")
    assert "reader-literal" in audit("show", record["seq"], world.audit).stdout
    assert "alice" in audit("tail", "-n", "500", world.audit).stdout
    raw = json.loads(audit("show", "--raw", record["seq"], world.audit).stdout)
    assert raw["actor"]["user"]["uid"].startswith(f"rgenc1:{raw['unmapped']['rg']['personal']['key']}:")
    assert "ip" not in raw["src_endpoint"] and "sql_sha256" not in raw["unmapped"]["rg"]
    blind = audit("show", "--subjects", "/nonexistent", record["seq"], world.audit)
    assert blind.returncode == 0 and "(encrypted)" in blind.stdout and "reader-literal" not in blind.stdout


def test_the_store_is_the_auditors_alone(world):
    store = store_of(world)
    assert store.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in store.rglob("*"))
    assert not str(store).startswith(f"{world.audit}/")


def test_an_erased_subject_is_gone_and_goes_on_with_a_new_key(world):
    connection = world.connect("acme", password=world.idp.token("erin", "acme"))
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from sales.orders where note = 'before-erasure'")
        before = found(world, "--subject", "erin", "--text", "before-erasure")
        assert before
        secrets = [row[0] for row in sqlite3.connect(f"file:{store_of(world)}/subjects.db?mode=ro", uri=True).execute(
            "select secret from key k join subject s on s.id = k.subject where s.name = cast('erin' as blob)")]
        assert secrets
        done = erase(world, "erin")
        assert done.returncode == 0, done.stderr
        assert f"{len(secrets)} keys destroyed" in done.stdout
        for number in range(2):
            cursor.execute(f"select count(*) from sales.orders where note = 'after-erasure-{number}'")
    connection.close()
    assert found(world, "--text", "before-erasure") == []
    assert {record["seq"] for record in before}.isdisjoint(record["seq"] for record in found(world, "--subject", "erin"))
    assert found(world, "--subject", "erin", "--text", "after-erasure-1")
    shown = audit("show", before[0]["seq"], world.audit).stdout
    assert "(erased)" in shown and "erin" not in shown and "before-erasure" not in shown
    for path, content in bytes_of(store_of(world)).items():
        for secret in secrets:
            assert bytes(secret) not in content, path
    assert audit("verify", world.audit).returncode == 0
    for verifier in (["/usr/bin/python3", "verify.py"], ["sh", "check.sh"]):  # nor do others need keys
        script = stacks.ROOT / "docs/verify-without-rowgate" / verifier[1]
        root = (world.audit / "keys/root.vkey").read_text().strip()
        checked = subprocess.run([verifier[0], str(script), "--root", root, str(world.audit)], capture_output=True, text=True,
                                 env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        assert checked.returncode == 0, checked.stdout + checked.stderr
    record, = [record for record in found(world, "--action", "pii.erase") if '4711' in record["message"]]
    line = json.loads(audit("show", "--raw", record["seq"], world.audit).stdout)["unmapped"]["rg"]
    assert re.fullmatch("[0-9a-f]{32}", line["object"]) and line["records"] == len(secrets) and line["operator"]
    assert "erin" not in json.dumps(line)


def test_an_erasure_is_refused_for_nobody_and_under_a_hold(world):
    world.query("select 1")
    assert erase(world, "nobody-like-that").returncode == 1
    assert erase(world, "ALICE").returncode == 1
    assert erase(world, "alice", tenant="globex").returncode == 1
    assert erase(world, "alice", reason="").returncode == 6


def test_erasing_twice_erases_nothing_more(world):
    connection = world.connect("acme", password=world.idp.token("twice", "acme"))
    connection.cursor().execute("select count(*) from sales.orders")
    connection.close()
    time.sleep(0.3)  # its logout
    assert erase(world, "twice").returncode == 0
    assert erase(world, "twice").returncode == 1


def test_a_restored_copy_of_the_store_brings_nothing_back(world):
    connection = world.connect("acme", password=world.idp.token("restored", "acme"))
    connection.cursor().execute("select count(*) from sales.orders where note = 'restored-literal'")
    connection.close()
    record = found(world, "--text", "restored-literal")[0]
    store = store_of(world) / "subjects.db"
    old = store.read_bytes()
    assert erase(world, "restored").returncode == 0
    world.rowgate.stop()
    store.write_bytes(old)
    assert "restored-literal" in audit("show", record["seq"], world.audit).stdout  # it is the old one, for now
    world.rowgate.start()
    shown = audit("show", record["seq"], world.audit).stdout
    assert "(erased)" in shown and "restored-literal" not in shown


def test_a_kill_between_record_and_destruction_is_made_good_by_the_next_start(world):
    """The record is on disk, the keys are still there: as after a crash in between."""
    connection = world.connect("acme", password=world.idp.token("killed", "acme"))
    connection.cursor().execute("select count(*) from sales.orders where note = 'killed-literal'")
    connection.close()
    store = store_of(world) / "subjects.db"
    old = store.read_bytes()
    assert erase(world, "killed").returncode == 0
    os.kill(world.rowgate.auditor, signal.SIGSTOP)
    try:
        store.write_bytes(old)
    finally:
        os.kill(world.rowgate.auditor, signal.SIGKILL)
    stacks.wait_for(lambda: world.rowgate.process.poll() is None and "auditor" in world.rowgate.children(), "auditor")
    stacks.wait_for(lambda: found(world, "--text", "killed-literal") == [], "the erasure")


def test_a_store_that_is_missing_stops_the_start_and_the_error_names_the_way_out(world):
    world.rowgate.stop()
    store = store_of(world)
    away = store.with_name("away")
    store.rename(away)
    try:
        with pytest.raises(RuntimeError) as failure:
            world.rowgate.start()
        assert "subjects.lost" in str(failure.value) and "docs/erasure.md" in str(failure.value)
        (world.audit / "subjects").rename(world.audit / "subjects.lost")
        world.rowgate.start()
        assert [record for record in found(world, "--action", "pii.erase") if "given up as lost" in record["message"]]
        assert not (world.audit / "subjects.lost").exists()
        world.query("select 1")
        assert audit("verify", world.audit).returncode == 0
    finally:
        world.rowgate.stop()
