# SPDX-License-Identifier: Apache-2.0
"""The whole road for tests and benchmarks: a private PostgreSQL, optionally PgBouncer, an identity provider, and
rowgate in front, all on loopback and free ports, stopped by process id.

    with stack.Stack() as s:
        s.connect("acme").execute(...)

ROWGATE_BIN names the binary (default build/dev/rowgate).
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2

import pgtest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
TENANTS = {"acme": "11111111-1111-1111-1111-111111111111", "globex": "22222222-2222-2222-2222-222222222222"}
PASSWORD = "upstream-secret"

CONFIG = """\
version = 1
[server]
workers = {workers}
drain_timeout = "5s"
[log]
level = "debug"
[tls.public]
certificate = "{tls}/server.crt"
private_key = "{tls}/server.key"
[upstreams.main]
kind = "{kind}"
dsn = "{dsn}"
password = "env:ROWGATE_TEST_UPSTREAM_PASSWORD"
connect_timeout = "5s"
identity = "{identity}"
{pooling}
[[listeners]]
name = "sql"
plane = "sql"
listen = "127.0.0.1:0"
tls = "public"
login = ["oidc", "scram"]
[idp.main]
type = "oidc"
issuer = "{issuer}"
audience = ["api://rowgate"]
ca_file = "{idp}/ca.pem"
jwks_cooldown = "1s"
clock_skew = "1s"
[[service_accounts]]
name = "acme_etl"
verifier = "env:ROWGATE_TEST_VERIFIER"
claims = {{ tenant_id = "{acme}", regions = ["emea"] }}
[claims]
tenant_id = {{ from = "tenant_id", type = "uuid", required = true }}
regions = {{ from = "regions", type = "text[]", max = 8 }}
[[tenants]]
id = "acme"
match = {{ idp = "main", claim = "tenant_id", value = "{acme}" }}
route = {{ upstream = "main", schemas = {{ sales = "t_acme" }} }}
[[tenants]]
id = "acme_service"
match = {{ service_account = "acme_etl" }}
route = {{ upstream = "main", schemas = {{ sales = "t_acme_service" }} }}
[[tenants]]
id = "globex"
match = {{ idp = "main", claim = "tenant_id", value = "{globex}" }}
route = {{ upstream = "main", schemas = {{ sales = "t_globex" }}, limits = "small" }}
[limits.default]
rows = 10_000_000
statement_timeout = "60s"
concurrency = 200
login_timeout = "20s"
[limits.small]
rows = 1000
statement_timeout = "2s"
concurrency = 3
login_timeout = "20s"
[[policies]]
name = "own schema"
on = ["sales.*"]
for = {own_kinds}
isolation = "schema"
[[policies]]
name = "shared events"
on = ["shared.events"]
for = ["select"]
using = "tenant_id = :tenant_id"
[[policies]]
name = "regional orders"
on = ["shared.regional"]
for = ["select"]
using = "tenant_id = :tenant_id and region = any(:regions)"
[audit]
directory = "{audit}"
origin = "test/audit/node/1"
durability = "{durability}"
{extra}
"""

SCHEMA = """
CREATE SCHEMA {schema};
CREATE TABLE {schema}.customers (id int PRIMARY KEY, name text NOT NULL, country text);
CREATE TABLE {schema}.orders (id int PRIMARY KEY, customer_id int REFERENCES {schema}.customers (id), amount numeric(12,2),
  status text, placed timestamptz, note text);
CREATE TABLE {schema}.order_items (order_id int REFERENCES {schema}.orders (id), line int, sku text, quantity int,
  PRIMARY KEY (order_id, line));
INSERT INTO {schema}.customers SELECT i, '{tenant} customer ' || i, (ARRAY['de','fr','us'])[i % 3 + 1]
  FROM generate_series(1, 50) i;
INSERT INTO {schema}.orders SELECT i, i % 50 + 1, i * 1.25, (ARRAY['new','paid','sent'])[i % 3 + 1],
  timestamptz '2026-01-01 00:00Z' + i * interval '1 hour', '{tenant} note ' || i FROM generate_series(1, {rows}) i;
INSERT INTO {schema}.order_items SELECT i, l, 'sku-' || (i + l) % 40, l FROM generate_series(1, {rows}) i, generate_series(1, 2) l;
"""

SHARED = """
CREATE SCHEMA shared;
CREATE TABLE shared.events (id int PRIMARY KEY, tenant_id uuid NOT NULL, kind text, amount numeric(12,2), note text,
  ts timestamptz, payload jsonb);
INSERT INTO shared.events SELECT i, (ARRAY['{acme}','{globex}','33333333-3333-3333-3333-333333333333'])[i % 3 + 1]::uuid,
  (ARRAY['click','view','buy'])[i % 3 + 1], i * 0.5, (ARRAY['acme','globex','initech'])[i % 3 + 1] || ' event ' || i,
  timestamptz '2026-01-01 00:00Z' + i * interval '1 minute', jsonb_build_object('n', i) FROM generate_series(1, 3000) i;
CREATE INDEX ON shared.events (tenant_id);
CREATE TABLE shared.regional (id int PRIMARY KEY, tenant_id uuid NOT NULL, region text, amount int);
INSERT INTO shared.regional SELECT i, (ARRAY['{acme}','{globex}'])[i % 2 + 1]::uuid, (ARRAY['emea','apac','amer'])[i % 3 + 1], i
  FROM generate_series(1, 600) i;
CREATE TABLE shared.secret (id int, content text);
INSERT INTO shared.secret VALUES (1, 'nobody may see this');
ANALYZE;
"""

# The same predicates as PostgreSQL's own row-level security, for a login per tenant: what rowgate must equal.
NATIVE = """
ALTER TABLE shared.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE shared.regional ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON shared.events TO rowgate USING (true);
CREATE POLICY all_rows ON shared.regional TO rowgate USING (true);
"""
NATIVE_TENANT = """
CREATE ROLE rls_{tenant} LOGIN PASSWORD 'native';
GRANT USAGE ON SCHEMA {schema}, shared TO rls_{tenant};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO rls_{tenant};
GRANT SELECT ON shared.events, shared.regional TO rls_{tenant};
CREATE POLICY own_{tenant} ON shared.events TO rls_{tenant} USING (tenant_id = '{id}');
CREATE POLICY own_{tenant} ON shared.regional TO rls_{tenant} USING (tenant_id = '{id}' and region = any('{{emea,apac}}'));
ALTER ROLE rls_{tenant} SET search_path = {schema};
"""


def binary():
    return os.environ.get("ROWGATE_BIN", str(ROOT / "build" / "dev" / "rowgate"))


def make_certificate(directory):
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", directory / "server.key", "-out", directory / "server.crt"], check=True, capture_output=True)


def end(process, patience=20):
    """Stops a process that we started, by its id."""
    if process is None or process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
            return


class IdentityProvider:
    def __init__(self, directory):
        self.directory = directory
        self.process = None
        self.issuer = None

    def start(self):
        ready = self.directory / "ready"
        self.directory.mkdir(parents=True, exist_ok=True)
        ready.unlink(missing_ok=True)
        self.process = subprocess.Popen([PYTHON, ROOT / "tests/support/idp.py", "serve", "--dir", self.directory,
                                         "--ready-file", ready], stdout=subprocess.DEVNULL)
        wait_for(ready.exists, "identity provider")
        self.issuer = ready.read_text().strip()

    def token(self, sub="alice", tenant="acme", ttl=3600, claims=(), options=()):
        command = [PYTHON, ROOT / "tests/support/idp.py", "token", "--dir", self.directory, "--sub", sub, "--ttl", str(ttl)]
        if tenant is not None:
            command += ["--claim", f"tenant_id={TENANTS.get(tenant, tenant)}", "--claim", 'regions=["emea","apac"]']
        for claim in claims:
            command += ["--claim", claim]
        return subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout.strip()

    def rotate(self, drop_old=False):
        subprocess.run([PYTHON, ROOT / "tests/support/idp.py", "rotate", "--dir", self.directory,
                        *(["--drop-old"] if drop_old else [])], check=True)

    def stop(self):
        end(self.process)


class Late(RuntimeError):
    """What was waited for did not come in time: of all failures the only one that a busy machine can cause, so the only one asked twice."""


def wait_for(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise Late(f"{what} did not come within {seconds} s")


class PgBouncer:
    """In transaction mode, one server connection pool small enough that clients really share it."""

    def __init__(self, directory, server, pool=4, options=None, database="bi"):
        self.directory = directory
        self.server = server
        self.pool = pool
        self.database = database
        self.options = options or {}
        self.process = None
        self.port = None

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = pgtest.free_port()
        users = self.directory / "users.txt"
        users.write_text(f'"rowgate" "{PASSWORD}"\n')
        settings = {"listen_addr": "127.0.0.1", "listen_port": self.port, "auth_type": "scram-sha-256", "auth_file": users,
                    "pool_mode": "transaction", "default_pool_size": self.pool, "max_client_conn": 500,
                    "logfile": self.directory / "log", "unix_socket_dir": "", "ignore_startup_parameters": "extra_float_digits",
                    } | self.options
        path = self.directory / "pgbouncer.ini"
        path.write_text("[databases]\n%s = host=127.0.0.1 port=%d dbname=%s\n[pgbouncer]\n%s\n" % (
            self.database, self.server.port, self.database, "\n".join(f"{name} = {value}" for name, value in settings.items())))
        for item in (self.directory, users, path):
            pgtest.give_away(item)
        os.chmod(self.directory, 0o755)
        self.process = subprocess.Popen(["/usr/sbin/pgbouncer", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd="/", **pgtest.server_account())
        wait_for(lambda: answers(self.port), "PgBouncer")

    def stop(self):
        end(self.process)


def children_of(supervisor):
    found = {}
    for child in pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
            if words[1:2] == ["child"]:
                found[words[2]] = int(child)
    return found


def is_running(pid):
    """False for one that has ended, also when nobody has taken note of it yet."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def answers(port):
    import socket
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Rowgate:
    def __init__(self, directory, config_text, environment, audit=None):
        self.directory = directory
        self.audit = audit or directory / "audit"
        self.config = directory / "rowgate.toml"
        self.config.write_text(config_text)
        # freed memory is not kept for long, so that tests of memory mean something under ASan
        self.environment = os.environ | {"ASAN_OPTIONS": "quarantine_size_mb=8:malloc_context_size=5"} | environment
        self.log_path = directory / "rowgate.log"
        self.process = None
        self.port = None

    def make_keys(self, epochs=64, options=()):
        """What an administrator does once, before the first start. A configuration that is wrong fails at the start."""
        root = self.directory / f"audit-root-{time.monotonic_ns()}.key"
        return subprocess.run([binary(), "audit", "keys", "init", "--epochs", str(epochs), "--root-key", root, *options, "-c",
                               self.config], text=True, capture_output=True, env=self.environment)

    def start(self):
        if not (self.audit / "keys").exists():
            self.make_keys()
        with open(self.log_path, "ab") as log:
            start = self.log_path.stat().st_size
            self.process = subprocess.Popen([binary(), "run", "-c", self.config], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment)
        wait_for(lambda: self.process.poll() is not None or self.event("server.ready", start), "rowgate")
        if self.process.poll() is not None:
            raise RuntimeError(f"rowgate does not start:\n{self.log_path.read_text()}")
        self.port = self.event("listener.open", start)["port"]

    def events(self, start=0):
        for line in self.log_path.read_bytes()[start:].decode(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)

    def event(self, name, start=0):
        return next((event for event in self.events(start) if event.get("event") == name), None)

    def signal(self, number):
        self.process.send_signal(number)

    def children(self):
        """The ids of the two processes that the supervisor keeps, by their names."""
        return children_of(self.process.pid)

    @property
    def gateway(self):
        return self.children()["gateway"]

    @property
    def auditor(self):
        return self.children()["auditor"]

    def resident(self):
        """Bytes of memory of the process that handles the clients."""
        return int(pathlib.Path(f"/proc/{self.gateway}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        end(self.process)
        code = None if self.process is None else self.process.returncode
        self.process = None
        return code


class Stack:
    """kind: pgbouncer, postgres, or pool, which is postgres with rowgate's own transaction pool. pool: connections of either pool."""

    def __init__(self, kind="postgres", workers=2, rows=300, durability="synced", own_kinds='["select"]', extra="", pool=4,
                 server_settings=None, pins_search_path=True,
                 identity=os.environ.get("ROWGATE_TEST_IDENTITY", "none"), fill=""):
        self.kind = "pool" if kind == "postgres" and os.environ.get("ROWGATE_TEST_POOL") else kind
        self.workers = workers
        self.rows = rows
        self.durability = durability
        self.own_kinds = own_kinds
        self.extra = extra
        self.pool = pool
        self.pins_search_path = pins_search_path
        self.identity = identity  # the second lock: its DDL is loaded before rowgate starts
        self.fill = fill  # more SQL for the database
        self.server = pgtest.Server(tls=True, auth="scram-sha-256", superuser_password="super", settings=server_settings)
        self.bouncer = None
        self.idp = None
        self.rowgate = None
        self.directory = None
        self.tokens = {}

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate."))
        os.chmod(self.directory, 0o755)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def audit(self):
        """The directory of the audit log."""
        return self.directory / "audit"

    def __exit__(self, *_):
        for part in (self.rowgate, self.idp, self.bouncer, self.server):
            if part is not None:
                part.stop()
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self):
        self.server.start()
        self._fill()
        if self.kind == "pgbouncer":
            self.bouncer = PgBouncer(self.directory / "bouncer", self.server, self.pool)
            self.bouncer.start()
        self.idp = IdentityProvider(self.directory / "idp")
        self.idp.start()
        make_certificate(self.directory / "tls")
        self.rowgate = Rowgate(self.directory, self.config_text(), self.environment(), self.audit)
        if self.identity != "none":
            self.load_lock()
        self.rowgate.start()

    def _fill(self):
        self.server.execute(f"CREATE ROLE rowgate LOGIN PASSWORD '{PASSWORD}'")
        if self.pins_search_path:
            self.server.execute("ALTER ROLE rowgate SET search_path = pg_catalog")
        self.server.execute("CREATE DATABASE bi")
        text = "".join(SCHEMA.format(schema=f"t_{tenant}", tenant=tenant, rows=self.rows) for tenant in TENANTS)
        text += SHARED.format(**TENANTS) + NATIVE
        text += "".join(NATIVE_TENANT.format(tenant=tenant, schema=f"t_{tenant}", id=TENANTS[tenant]) for tenant in TENANTS)
        text += "CREATE SCHEMA t_acme_service; CREATE TABLE t_acme_service.jobs (id int);"
        text += "GRANT USAGE ON SCHEMA t_acme, t_globex, t_acme_service, shared TO rowgate;"
        text += "".join(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO rowgate;"
                        for schema in ("t_acme", "t_globex", "t_acme_service", "shared"))
        done = self.server.psql("-q", stdin=text + self.fill, dbname="bi")
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    def command(self, *arguments):
        """Runs a command of rowgate with this stack's configuration."""
        return subprocess.run([binary(), *arguments, "-c", self.rowgate.config], text=True, capture_output=True,
                              env=self.rowgate.environment)

    def load_lock(self):
        """The policies as the database's own, loaded by its superuser."""
        exported = self.command("policy", "export")
        if exported.returncode != 0:
            raise RuntimeError(exported.stderr)
        done = self.server.psql("-q", stdin=exported.stdout, dbname="bi")
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return exported.stdout

    def dsn(self):
        if self.kind == "pgbouncer":
            return f"host=127.0.0.1 port={self.bouncer.port} dbname=bi user=rowgate sslmode=disable"
        return (f"host=localhost port={self.server.port} dbname=bi user=rowgate sslmode=verify-full "
                f"sslrootcert={self.server.certificate}")

    def config_text(self, **changes):
        pooling = f'pool_mode = "transaction"\npool_size = {self.pool}\n' if self.kind == "pool" else ""
        values = {"workers": self.workers, "tls": self.directory / "tls", "dsn": self.dsn(), "pooling": pooling,
                  "kind": "postgres" if self.kind == "pool" else self.kind,
                  "issuer": self.idp.issuer, "idp": self.directory / "idp", "audit": self.audit,
                  "durability": self.durability, "own_kinds": self.own_kinds, "extra": self.extra,
                  "identity": self.identity} | TENANTS | changes
        return CONFIG.format(**values)

    def environment(self):
        return {"ROWGATE_TEST_UPSTREAM_PASSWORD": PASSWORD, "ROWGATE_TEST_VERIFIER": scram_verifier("etl-secret")}

    def token(self, tenant="acme"):
        if tenant not in self.tokens:
            self.tokens[tenant] = self.idp.token(tenant=tenant)
        return self.tokens[tenant]

    def parameters(self, tenant="acme", **changes):
        return {"host": "localhost", "port": self.rowgate.port, "dbname": "bi", "user": "alice", "password": self.token(tenant),
                "sslmode": "verify-full", "sslrootcert": str(self.directory / "tls/server.crt")} | changes

    def connect(self, tenant="acme", autocommit=True, **changes):
        connection = psycopg2.connect(**self.parameters(tenant, **changes))
        connection.autocommit = autocommit
        return connection

    def query(self, sql, tenant="acme", **changes):
        with contextlib.closing(self.connect(tenant, **changes)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None

    def native(self, sql, tenant="acme"):
        """The same under PostgreSQL's own row-level security: schema sales is the tenant's physical one."""
        with contextlib.closing(self.server.connect(user=f"rls_{tenant}", password="native", dbname="bi")) as connection:
            with connection.cursor() as cursor:
                cursor.execute(sql.replace("sales.", f"t_{tenant}."))
                return cursor.fetchall() if cursor.description else None

    def psql_environment(self, tenant="acme", **changes):
        return os.environ | {"PGHOST": "localhost", "PGPORT": str(self.rowgate.port), "PGDATABASE": "bi", "PGUSER": "alice",
                             "PGPASSWORD": self.token(tenant), "PGSSLMODE": "verify-full",
                             "PGSSLROOTCERT": str(self.directory / "tls/server.crt"), "PSQLRC": "/dev/null"} | changes

    def psql(self, *arguments, tenant="acme", stdin=None, **changes):
        return subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments], input=stdin, text=True, capture_output=True,
                              env=self.psql_environment(tenant, **changes), timeout=120)

    def audit_verify(self, directory=None, *options):
        return subprocess.run([binary(), "audit", "verify", directory or self.audit, *options], text=True,
                              capture_output=True)

    def audit_records(self):
        """Every record of the log, parsed; the zero-filled tail of the live segment is not one."""
        for path in sorted((self.audit / "seg").glob("*.jsonl")):
            for line in path.read_bytes().split(b"\n"):
                if line.startswith(b"{"):
                    yield json.loads(line)


def scram_verifier(password, iterations=4096):
    import base64
    import hashlib
    import hmac
    salt = b"rowgate-test-salt"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client_key).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encode = lambda data: base64.b64encode(data).decode()
    return f"SCRAM-SHA-256${iterations}:{encode(salt)}${encode(stored)}:{encode(server)}"
