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
