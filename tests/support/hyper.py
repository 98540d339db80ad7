# SPDX-License-Identifier: Apache-2.0
"""A real hyperd for tests: fetched from npm into build/ once, started on a free loopback port with TLS and SCRAM, its
databases files in a directory of the test, stopped by process id; and rowgate in front of it.

    with hyper.HyperStack() as s:
        s.query("SELECT count(*) FROM sales.orders", account="acme_bi")

hyperd's licence is Apache 2.0 (LICENSE-HYPERD of the package). Needs npm; tests that use it are marked external.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import psycopg2

import pgtest
import stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "hyperdb-mcp-linux-x64-gnu@0.7.3"
SHA256 = "eed58a853d66a3b93cabac184321b966e1e90a0a9a5bb7b4c12039fd7094e271"
PASSWORD = "hyper's secret"
ROWS = 600
TENANTS = ("acme", "globex", "initech")


def fetch():
    """The path of hyperd; downloads 87 MB when it is not there."""
    home = ROOT / "build" / "hyper"
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "hyperd").exists():
            name = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=home, check=True, capture_output=True, text=True,
                                  timeout=600).stdout.split()[-1]
            found = hashlib.sha256((home / name).read_bytes()).hexdigest()
            if found != SHA256:
                raise RuntimeError(f"{PACKAGE} has SHA-256 {found}, not the one these tests were written for")
            with tarfile.open(home / name) as archive:
                for wanted in ("LICENSE-HYPERD", "hyperd"):
                    with archive.extractfile(f"package/{wanted}") as source, open(home / "part", "wb") as target:
                        shutil.copyfileobj(source, target)
                    os.chmod(home / "part", 0o755)
                    os.rename(home / "part", home / wanted)
            (home / name).unlink()
    return home / "hyperd"


class Hyperd:
    def __init__(self, directory):
        self.directory = directory
        self.databases = directory / "db"
        self.log = directory / "log"
        self.tls = directory / "tls"
        self.port = pgtest.free_port()
        self.process = None

    def start(self):
        self.databases.mkdir(parents=True, exist_ok=True)
        self.log.mkdir(exist_ok=True)
        if not (self.tls / "server.crt").exists():
            stack.make_certificate(self.tls)
        options = {"listen-connection": f"tab.tcp://127.0.0.1:{self.port}", "init-user": "rowgate", "log-dir": self.log,
                   "ssl-key": self.tls / "server.key", "ssl-certificate": self.tls / "server.crt", "ssl-force": 1,
                   "database-dir-whitelist": self.databases, "external-file-whitelist": self.directory / "no-such-directory",
                   "default-database-version": 3}
        self.process = subprocess.Popen([fetch(), "run", "--skip-license", *(f"--{name}={value}" for name, value in options.items())],
                                        stdin=subprocess.PIPE, stdout=open(self.directory / "out", "ab"),
                                        stderr=subprocess.STDOUT, cwd=self.directory)
        self.process.stdin.write(f"{PASSWORD}\n{PASSWORD}\n".encode())
        self.process.stdin.close()
        stack.wait_for(lambda: self.process.poll() is not None or stack.answers(self.port), "hyperd")
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "out").read_text())

    def stop(self):
        stack.end(self.process)
        self.process = None

    def connect(self, database="", **changes):
        connection = psycopg2.connect(**{"host": "localhost", "port": self.port, "user": "rowgate", "password": PASSWORD,
                                         "dbname": str(database), "sslmode": "verify-full",
                                         "sslrootcert": str(self.tls / "server.crt")} | changes)
        connection.autocommit = True
        return connection

    def execute(self, database, *statements):
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


CONFIG = """\
version = 1
[server]
workers = 2
drain_timeout = "5s"
[log]
level = "debug"
[tls.public]
certificate = "{tls}/server.crt"
private_key = "{tls}/server.key"
[upstreams.lake]
kind = "hyper"
dsn = "host=localhost port={port} user=rowgate dbname={databases}/lake.hyper sslmode=verify-full sslrootcert={ca}"
password = "env:ROWGATE_TEST_UPSTREAM_PASSWORD"
connect_timeout = "5s"
[upstreams.initech]
kind = "hyper"
dsn = "host=localhost port={port} user=rowgate dbname={databases}/initech.hyper sslmode=verify-full sslrootcert={ca}"
password = "env:ROWGATE_TEST_UPSTREAM_PASSWORD"
connect_timeout = "5s"
[[listeners]]
name = "sql"
plane = "sql"
listen = "127.0.0.1:0"
tls = "public"
login = ["scram"]
[claims]
tenant = {{ from = "tenant", type = "text", required = true }}
regions = {{ from = "regions", type = "text[]", max = 8 }}
{accounts}
[[tenants]]
id = "acme"
match = {{ service_account = "acme_bi" }}
route = {{ upstream = "lake", schemas = {{ sales = "t_acme" }} }}
[[tenants]]
id = "globex"
match = {{ service_account = "globex_bi" }}
route = {{ upstream = "lake", schemas = {{ sales = "t_globex" }} }}
[[tenants]]
id = "initech"
match = {{ service_account = "initech_bi" }}
route = {{ upstream = "initech", database = "initech", schemas = {{ sales = "Extract" }} }}
[[policies]]
name = "own schema"
on = ["sales.*"]
for = ["select", "insert", "update", "delete"]
isolation = "schema"
[[policies]]
name = "shared events"
on = ["shared.events"]
for = ["select"]
using = "lower(tenant) = :tenant"
[[policies]]
name = "regional"
on = ["shared.regional"]
for = ["select"]
using = "tenant = :tenant and region = any(:regions)"
[audit]
directory = "{audit}"
origin = "test/audit/hyper/1"
"""

ACCOUNT = """\
[[service_accounts]]
name = "{tenant}_bi"
verifier = "env:ROWGATE_TEST_VERIFIER"
claims = {{ tenant = "{tenant}", regions = ["emea"] }}
"""


def own_schema(schema, tenant):
    return (
        f'CREATE SCHEMA "{schema}"',
        f'CREATE TABLE "{schema}".orders (id int NOT NULL, customer text, amount numeric(12,2), placed timestamp, day date,'
        ' ratio double precision, is_paid boolean, big bigint, small smallint, note text)',
        f'''INSERT INTO "{schema}".orders SELECT i, '{tenant} customer ' || i % 7, i * 1.25, timestamp '2026-01-01 00:00:00'
            + i * interval '1 hour', date '2026-01-01' + i % 30, i / 8.0, i % 2 = 0, i * 10000000000, i % 100,
            '{tenant} note ' || i FROM generate_series(1, 200) AS g(i)''',
        f'CREATE TABLE "{schema}".nasty (id int, note text)',
    )


SHARED = (
    "CREATE SCHEMA shared",
    "CREATE TABLE shared.events (id int NOT NULL, tenant text NOT NULL, amount numeric(12,2), note text)",
    f"""INSERT INTO shared.events SELECT i, CASE i % 2 WHEN 0 THEN 'acme' ELSE 'globex' END, i * 0.5,
        CASE i % 2 WHEN 0 THEN 'acme event ' ELSE 'CANARY globex event ' END || i FROM generate_series(1, {ROWS}) AS g(i)""",
    "CREATE TABLE shared.regional (id int, tenant text, region text)",
    """INSERT INTO shared.regional SELECT i, CASE i % 2 WHEN 0 THEN 'acme' ELSE 'globex' END,
        CASE i % 3 WHEN 0 THEN 'emea' WHEN 1 THEN 'apac' ELSE 'amer' END FROM generate_series(1, 600) AS g(i)""",
    "CREATE TABLE shared.secret (id int, content text)",
    "INSERT INTO shared.secret VALUES (1, 'CANARY nobody may see this')",
    "CREATE SCHEMA t_hidden",
    "CREATE TABLE t_hidden.canary (id int)",
)


class HyperStack:
    def __init__(self):
        self.directory = None
        self.hyperd = None
        self.rowgate = None

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate."))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for part in (self.rowgate, self.hyperd):
            if part is not None:
                part.stop()
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self):
        self.hyperd = Hyperd(self.directory / "hyper")
        (self.directory / "hyper").mkdir()
        self.hyperd.start()
        lake = self.hyperd.databases / "lake.hyper"
        initech = self.hyperd.databases / "initech.hyper"
        self.hyperd.execute("", f'CREATE DATABASE "{lake}"', f'CREATE DATABASE "{initech}"')
        self.hyperd.execute(lake, *own_schema("t_acme", "acme"), *own_schema("t_globex", "globex"), *SHARED)
        self.hyperd.execute(initech, *own_schema("Extract", "initech"))
        stack.make_certificate(self.directory / "tls")
        text = CONFIG.format(tls=self.directory / "tls", port=self.hyperd.port, databases=self.hyperd.databases,
                             ca=self.hyperd.tls / "server.crt", audit=self.directory / "audit",
                             accounts="".join(ACCOUNT.format(tenant=tenant) for tenant in TENANTS))
        self.rowgate = stack.Rowgate(self.directory, text, {"ROWGATE_TEST_UPSTREAM_PASSWORD": PASSWORD,
                                                            "ROWGATE_TEST_VERIFIER": stack.scram_verifier("bi-secret")})
        self.rowgate.start()

    def parameters(self, account="acme_bi", **changes):
        database = "initech" if account == "initech_bi" else "lake"
        return {"host": "localhost", "port": self.rowgate.port, "dbname": database, "user": account, "password": "bi-secret",
                "sslmode": "verify-full", "sslrootcert": str(self.directory / "tls/server.crt")} | changes

    def connect(self, account="acme_bi", autocommit=True, **changes):
        connection = psycopg2.connect(**self.parameters(account, **changes))
        connection.autocommit = autocommit
        return connection

    def query(self, sql, parameters=None, account="acme_bi", **changes):
        with contextlib.closing(self.connect(account, **changes)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    def psql(self, *arguments, account="acme_bi", stdin=None):
        names = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD",
                 "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
        environment = {names[name]: str(value) for name, value in self.parameters(account).items()}
        return subprocess.run(["psql", "-X", *arguments], input=stdin, text=True, capture_output=True, timeout=60,
                              env=os.environ | environment | {"PSQLRC": "/dev/null"})
