# SPDX-License-Identifier: Apache-2.0
"""The catalogue snapshot: tables that change while sessions run, databases that are down, restored or refuse the reader."""
import contextlib
import json
import os
import socket
import subprocess
import threading
import time

import psycopg2
import pytest

import stack as stacks

QUICK = '\ncatalog_refresh = "1s"'
SLOW = '\ncatalog_refresh = "1h"'
MASK = '[[masks]]\ncolumns = ["shared.people.email"]\nwith = "redact"\n'
PEOPLE = """
CREATE TABLE shared.people (id int, tenant_id uuid, email text);
INSERT INTO shared.people SELECT i, '{acme}', 'a' || i || '@x' FROM generate_series(1, 3) i;
GRANT SELECT ON shared.people TO rowgate;
"""
POLICY = '[[policies]]\nname = "people"\non = ["shared.people"]\nfor = ["select"]\nusing = "tenant_id = :tenant_id"\n'

socket.setdefaulttimeout(30)


class CatalogStack(stacks.Stack):
    """refresh: text behind the upstream's connect_timeout."""

    def __init__(self, refresh=SLOW, connect_timeout="5s", **rest):
        self.refresh = refresh
        self.connect_timeout = connect_timeout
        super().__init__(extra=rest.pop("extra", "") + POLICY, **rest)

    def config_text(self, **changes):
        return super().config_text(**changes).replace('connect_timeout = "5s"',
                                                      f'connect_timeout = "{self.connect_timeout}"{self.refresh}')

    def _fill(self):
        super()._fill()
        self.sql(PEOPLE.format(**stacks.TENANTS))

    def sql(self, text):
        done = self.server.psql("-q", dbname="bi", stdin=text)
        assert done.returncode == 0, done.stderr

    def reads(self, since=0):
        return [event for event in self.rowgate.events(since) if event.get("event") == "sql.catalog.read"]

    def failures(self, since=0):
        return [event for event in self.rowgate.events(since) if event.get("event") == "sql.catalog.failed"]

    def mark(self):
        return self.rowgate.log_path.stat().st_size


def relations(running, *options):
    done = subprocess.run([stacks.binary(), "db", "relations", "-c", running.rowgate.config, *options], text=True,
                          capture_output=True, env=running.rowgate.environment)
    return done


def column_names(document, schema, name):
    found = [row for row in document["relations"] if (row["schema"], row["name"]) == (schema, name)]
    return [column[0] for column in found[0]["columns"]] if found else None


@pytest.fixture(scope="module", params=["postgres", "pgbouncer"])
def quick(request):
    with CatalogStack(QUICK, kind=request.param) as running:
        yield running
        assert running.rowgate.process.poll() is None
        assert running.audit_verify().returncode == 0


def test_it_is_read_at_start_and_every_interval_and_told_once(quick):
    stacks.wait_for(quick.reads, "the first read")
    assert quick.reads()[0]["changed"] is True and quick.rowgate.event("sql.catalog.missing") is None
    mark = quick.mark()
    assert quick.query("select 1") == [(1,)]
    time.sleep(2.5)  # two reads of the same content are not worth a line
    assert quick.reads(mark) == [] and quick.failures(mark) == []


def test_columns_may_be_added_renamed_and_dropped_while_sessions_run(quick):
    with contextlib.closing(quick.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select * from shared.people order by id")
        assert len(cursor.fetchall()[0]) == 3
        mark = quick.mark()
        quick.sql("alter table shared.people add column note text default 'new'")
        stacks.wait_for(lambda: quick.reads(mark), "the new column", 10)
        cursor.execute("select id, note from shared.people order by id")
        assert cursor.fetchall() == [(1, "new"), (2, "new"), (3, "new")]
        mark = quick.mark()
        quick.sql("alter table shared.people rename column note to remark")
        with pytest.raises(psycopg2.Error):
            cursor.execute("select note from shared.people")
        stacks.wait_for(lambda: quick.reads(mark), "the new name", 10)
        cursor.execute("select remark from shared.people where id = 1")
        assert cursor.fetchall() == [("new",)]
        quick.sql("alter table shared.people drop column remark")
        cursor.execute("select id from shared.people where id = 2")
        assert cursor.fetchall() == [(2,)]
        assert quick.query("select count(*) from shared.people", "globex") == [(0,)]


def test_tables_come_and_go(quick):
    mark = quick.mark()
    quick.sql("create table t_acme.fresh (a int); insert into t_acme.fresh values (7); grant select on t_acme.fresh to rowgate")
    stacks.wait_for(lambda: quick.reads(mark), "the new table", 10)
    assert quick.reads(mark)[0]["changed"] is True
    assert quick.query("select a from sales.fresh") == [(7,)]
    mark = quick.mark()
    quick.sql("drop table t_acme.fresh")
    with pytest.raises(psycopg2.Error) as caught:
        quick.query("select a from sales.fresh")
    # Either the database says so, or a snapshot read since the drop.
    assert caught.value.pgcode in ("42P01", "42501")
    stacks.wait_for(lambda: quick.reads(mark), "the dropped table", 10)
    with pytest.raises(psycopg2.Error) as caught:
        quick.query("select a from sales.fresh")
    assert caught.value.pgcode == "42501"


def test_the_document_of_the_live_database_is_printed(quick):
    done = relations(quick)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert column_names(document, "shared", "people")[:3] == ["id", "tenant_id", "email"]
    assert relations(quick).stdout == done.stdout
    assert relations(quick, "--upstream", "main").stdout == done.stdout
    for options in (("--upstream", "absent"), ("more",), ("--nonsense",)):
        refused = relations(quick, *options)
        assert refused.returncode == 2 and refused.stdout == "" and refused.stderr
    assert stacks.PASSWORD not in done.stdout + done.stderr


def test_a_snapshot_of_an_hour_is_read_anew_when_the_database_says_that_something_is_missing():
    with CatalogStack() as running:
        for statement in ("select absent from shared.people", "select * from sales.absent", "select id from sales.orders where nothing = 1"):
            mark = running.mark()
            running.sql(f"create table t_acme.t{mark} (a int)")
            with pytest.raises(psycopg2.Error):
                running.query(statement)
            stacks.wait_for(lambda: running.reads(mark), "a read on demand", 10)
        mark = running.mark()
        running.sql("create table t_acme.last (a int)")
        running.query("select 1")
        time.sleep(1.5)
        assert running.reads(mark) == []  # nobody asked


def test_demand_is_limited_to_once_a_second():
    with CatalogStack(server_settings={"log_connections": "on"}) as running:
        with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
            before = running.server.log_text.count("connection authorized: user=rowgate")
            start = time.monotonic()
            while time.monotonic() - start < 3:
                with pytest.raises(psycopg2.Error):
                    cursor.execute("select * from sales.absent")
            took = running.server.log_text.count("connection authorized: user=rowgate") - before
        assert 2 <= took <= 5


def test_a_database_that_is_down_at_start_refuses_logins_and_is_found_when_it_comes():
    with CatalogStack(connect_timeout="1s") as running:
        running.rowgate.stop()
        running.server._end_process()
        start = time.monotonic()
        running.rowgate.start()
        assert time.monotonic() - start < 15
        assert running.rowgate.event("sql.catalog.missing")["upstream"] == "main"
        with pytest.raises(psycopg2.OperationalError) as caught:
            running.connect()
        assert "cannot be reached" in str(caught.value)
        time.sleep(2.5)
        assert len(running.failures()) == 1 and stacks.PASSWORD not in running.failures()[0]["reason"]
        assert running.server._launch()
        assert running.query("select count(*) from shared.people") == [(3,)]  # the login asked for the read and waited for it


def test_a_reader_that_may_not_read_lets_nobody_in():
    """The catalogue query fails where logins work: no snapshot, so refusal, with a text and a code that say to come again."""
    with CatalogStack(connect_timeout="1s") as running:
        running.rowgate.stop()
        running.sql("revoke select on pg_catalog.pg_class from public")
        running.rowgate.start()
        with pytest.raises(psycopg2.OperationalError) as caught:
            running.connect()
        assert "catalogue has not been read yet" in str(caught.value)
        with socket.create_connection(("127.0.0.1", running.rowgate.port)):
            pass
        running.sql("grant select on pg_catalog.pg_class to public")
        assert running.query("select count(*) from shared.people") == [(3,)]
        assert "permission denied" in running.failures()[0]["reason"]


def test_a_lost_and_restored_database_keeps_the_snapshot_and_says_so_once():
    with CatalogStack(QUICK, workers=1) as running:
        idle = running.connect()
        mark = running.mark()
        running.server._end_process()
        stacks.wait_for(lambda: running.failures(mark), "the failure", 15)
        time.sleep(3)
        assert len(running.failures(mark)) == 1 and running.failures(mark)[0]["keeps_old"] is True
        with pytest.raises(psycopg2.Error):
            idle.cursor().execute("select 1")
        assert running.server._launch()
        stacks.wait_for(lambda: running.reads(mark), "the recovery", 15)
        assert running.reads(mark)[0]["changed"] is False
        with idle.cursor() as cursor:
            cursor.execute("select count(*) from shared.people")
            assert cursor.fetchall() == [(3,)]


def test_a_reload_keeps_the_snapshot_of_a_connection_that_did_not_change():
    with CatalogStack(server_settings={"log_connections": "on"}) as running:
        def logins():
            return running.server.log_text.count("connection authorized: user=rowgate")

        def reload(text):
            mark = running.mark()
            running.rowgate.config.write_text(text)
            running.rowgate.signal(1)
            stacks.wait_for(lambda: running.rowgate.event("policy.reloaded", mark), "the reload")
        before = logins()
        reload(running.config_text().replace('name = "people"', 'name = "persons"').replace("1h", "2h"))
        assert running.query("select count(*) from shared.people") == [(3,)]
        assert logins() == before + 1  # the query's alone
        mark = running.mark()
        reload(running.config_text().replace("user=rowgate", "user=rowgate application_name=other"))
        assert len(running.reads(mark)) == 1
        assert running.query("select count(*) from shared.people") == [(3,)]


def test_a_thousand_tables_and_many_refreshes_cost_no_memory():
    with CatalogStack(workers=1) as running:
        text = "".join(f"create table t_acme.many{i} (id int, a text, b timestamptz, c numeric, d jsonb);" for i in range(1000))
        running.sql(text)

        def ask():
            with contextlib.suppress(psycopg2.Error):
                running.query("select * from sales.absent")
        mark = running.mark()
        ask()
        stacks.wait_for(lambda: running.reads(mark), "the thousand tables", 20)
        assert running.reads(mark)[0]["relations"] > 1000
        sizes = []
        for i in range(12):  # each with other content, so that each is parsed and published
            mark = running.mark()
            running.sql(f"alter table t_acme.many{i} add column e{i} int")
            ask()
            stacks.wait_for(lambda: running.reads(mark), "a refresh", 20)
            sizes.append(running.rowgate.resident())
        assert sizes[-1] - sizes[3] < 16 << 20, sizes


def test_tables_that_change_all_the_time_disturb_no_session():
    with CatalogStack(QUICK) as running:
        stop = threading.Event()
        failures = []

        def query():
            try:
                with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
                    while not stop.is_set():
                        cursor.execute("select count(*), min(email) from shared.people where id = 1")
                        if cursor.fetchall() != [(1, "a1@x")]:
                            failures.append("other rows")
            except psycopg2.Error as error:
                failures.append(error)
        threads = [threading.Thread(target=query) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(25):
            running.sql(f"alter table shared.people add column c{i} int")
            time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert failures == []
        assert len(running.reads()) > 3


def supports_masks(directory):
    """Whether this build knows [[masks]]."""
    path = directory / "masks.toml"
    path.write_text("version = 1\n" + MASK)
    done = subprocess.run([stacks.binary(), "check", "-c", path], text=True, capture_output=True, env=os.environ)
    return "not supported yet" not in done.stdout


def test_a_masked_table_follows_its_columns(tmp_path):
    if not supports_masks(tmp_path):
        pytest.skip("[[masks]] is not built")
    with CatalogStack(extra=MASK) as running:
        with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select * from shared.people order by id limit 1")
            row = cursor.fetchone()
            assert row[0] == 1 and row[2] == "***"
            running.sql("alter table shared.people add column phone text default '555'")
            with pytest.raises(psycopg2.Error):  # the guard: other columns than the snapshot's
                cursor.execute("select * from shared.people")
            deadline = time.monotonic() + 5
            while True:
                try:
                    cursor.execute("select * from shared.people order by id limit 1")
                    break
                except psycopg2.Error:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            assert cursor.fetchone()[2:] == ("***", "555")
            running.sql("drop table shared.people; create table shared.people (id int, tenant_id uuid, mail text);"
                        "grant select on shared.people to rowgate")
            with pytest.raises(psycopg2.Error):
                cursor.execute("select * from shared.people")
