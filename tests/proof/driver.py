# SPDX-License-Identifier: Apache-2.0
"""What the proofs drive: the rewriter as a filter (tests/support/rewrite_server.c), and connections whose answers can be compared."""

import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess

import psycopg2
import psycopg2.extensions

import stack
import world

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = "pg_catalog.record"
TIMEOUT = "57014"
ERROR_FIELDS = ("message_primary", "message_detail", "message_hint", "statement_position", "context", "schema_name", "table_name",
                "column_name", "datatype_name", "constraint_name", "internal_query", "internal_position", "severity")


def server_program():
    """ROWGATE_REWRITE_SERVER, or what was built with the rowgate under test, or the newest build."""
    named = os.environ.get("ROWGATE_REWRITE_SERVER")
    beside = pathlib.Path(stack.binary()).parent / "rewrite_server"
    if named or beside.is_file():
        return pathlib.Path(named) if named else beside
    found = [path for path in ROOT.glob("build/*/rewrite_server") if path.parent.name in ("release", "dev")]
    if not found:
        raise RuntimeError("rewrite_server is not built: cmake --build --preset dev --target rewrite_server")
    return max(found, key=lambda path: path.stat().st_mtime)


class Rewriter:
    """plans(requests): for each (world, protocol, text) a dict with "text", or with "rule", "sqlstate", "message"."""

    def __init__(self, heads):
        self.process = subprocess.Popen([server_program(), *heads], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)

    def plans(self, requests):
        self.process.stdin.write(json.dumps(requests, ensure_ascii=False).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"rewrite_server died ({self.process.wait()}) on one of {requests!r}")
        answers = json.loads(line)
        if len(answers) != len(requests):
            raise RuntimeError("rewrite_server answers something else than it was asked")
        return answers

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@dataclasses.dataclass
class Answer:
    """columns: (name, type); error: SQLSTATE."""
    columns: list = None
    rows: list = None
    tag: str = ""
    error: str = ""
    fields: tuple = ()
    notices: tuple = ()

    @property
    def is_error(self):
        return bool(self.error)

    def bag(self):
        return collections.Counter(self.rows)


class Side:
    """One login in one database; every value comes as the server's text."""

    def __init__(self, connect, own_schema="sales"):
        self.connect = connect
        self.own_schema = own_schema
        self.connection = None
        self._open()

    def _open(self):
        self.connection = self.connect()
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("select t.oid, n.nspname, t.typname from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace")
            found = cursor.fetchall()
        oids = tuple(oid for oid, _, _ in found)
        self.types = {oid: f"{'sales' if schema == self.own_schema else schema}.{name}" for oid, schema, name in found}
        as_text = psycopg2.extensions.new_type(oids, "TEXT", psycopg2.extensions.UNICODE)
        psycopg2.extensions.register_type(as_text, self.connection)

    def close(self):
        self.connection.close()

    def answer(self, *texts):
        """Of the last text. An error ends the list."""
        self.connection.notices.clear()
        try:
            with self.connection.cursor() as cursor:
                for text in texts:
                    cursor.execute(text)
                return self._taken(cursor)
        except psycopg2.Error as error:
            fields = tuple(getattr(error.diag, name) for name in ERROR_FIELDS)
            if self.connection.closed:
                self._open()
            return Answer(error=error.pgcode or "?????", fields=fields, notices=self._notices())

    def _taken(self, cursor):
        columns = rows = None
        if cursor.description is not None:
            columns = [(column.name, self.types.get(column.type_code, "?")) for column in cursor.description]
            rows = cursor.fetchall()
        return Answer(columns, rows, cursor.statusmessage, notices=self._notices())

    def _notices(self):
        return tuple(self.connection.notices)

    def run(self, statement, text):
        """The statement with text in the place of its own; leaves nothing behind."""
        if statement.kind == "write":
            with self.cleaning("rollback"):
                return self.answer("begin", text)
        if statement.kind == "parameters":
            with self.cleaning("deallocate all"):
                return self.answer(f"prepare proof as {text}", f"execute proof ({', '.join(statement.values)})")
        return self.answer(text)

    @contextlib.contextmanager
    def cleaning(self, text):
        try:
            yield
        finally:
            with contextlib.suppress(psycopg2.Error), self.connection.cursor() as cursor:
                cursor.execute(text)


def same_columns(ours, native):
    """A whole row of a fenced relation is a row of the sub-select in its place: an unnamed record."""
    if ours is None or native is None:
        return ours is native
    return len(ours) == len(native) and all(
        one == other or (one[0] == other[0] and one[1] == RECORD and other[1].startswith("shared."))
        for one, other in zip(ours, native))


def is_of_data(sqlstate):
    """Raised by a value, or by a scalar sub-select with two rows: when, and whether, depends on the plan."""
    return sqlstate[:2] == "22" or sqlstate in ("21000", "2200F", "10608")


class Worlds:
    """One worker's connections to a running world."""

    def __init__(self, running, seconds=1):
        self.running = running
        self.seconds = seconds
        query = subprocess.run([server_program(), "--relations-query"], text=True, capture_output=True, check=True).stdout
        self.identities = [(tenant, variant) for variant in world.VARIANTS for tenant in stack.TENANTS]
        self.rewriter = Rewriter([running.head(*identity, query) for identity in self.identities])
        self.sides = {}

    def _direct(self, **parameters):
        options = f"-c statement_timeout={int(self.seconds * 1000)}"
        return lambda: self.running.server.connect(options=options, **parameters)

    def side(self, name, identity):
        """"ours": rowgate's login; "twin": the same elsewhere; "native", "shuffled": a login under row-level security."""
        tenant, variant = identity
        if variant == "masked" and name in ("twin", "native", "shuffled"):
            name = "masked" if name == "native" else f"masked_{name}"
        if (name, tenant) not in self.sides:
            self.sides[name, tenant] = self._opened(name, tenant)
        return self.sides[name, tenant]

    def _opened(self, name, tenant):
        if name in ("ours", "twin", "masked_twin", "alone"):
            database = "bi" if name == "ours" else name
            return Side(self._direct(user="rowgate", password=stack.PASSWORD, dbname=database), f"t_{tenant}")
        if name == "rowgate":
            return Side(lambda: self.running.connect(tenant), f"t_{tenant}")
        if name == "tree":
            return Side(self._direct(user="postgres", password="super", dbname="bi"), f"t_{tenant}")
        return Side(self._direct(user=f"rls_{tenant}", password="native", dbname=f"{name}_{tenant}"))

    def close(self):
        for side in self.sides.values():
            side.close()
        self.rewriter.close()
