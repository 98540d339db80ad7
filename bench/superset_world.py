# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench superset compares: the whole scene with rowgate on both sides of Superset, and two more Supersets, configured alike,
without rowgate: one with an nginx before it and a PgBouncer behind it, both over TLS, one with nothing before it and the same PgBouncer in
clear. All on loopback and free ports, stopped by process id."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.error
import urllib.request

import psycopg2

import measure
import pgtest
import redisserver
import scene
import scene_dashboard
import scene_data
import stack
import superset

TENANT, PERSON = "acme", "alice"
ADMIN = ("bench", "bench-password")
# The same in both databases. On Hyper, where the scene has it, a Superset by itself cannot go.
VISITS = """
CREATE TABLE {schema}.visits (day date NOT NULL, channel text NOT NULL, visits int NOT NULL, note text NOT NULL);
INSERT INTO {schema}.visits SELECT date '2026-01-01' + i % 180, (ARRAY['shop', 'partner', 'telephone'])[i % 3 + 1],
  11 * (1 + i % 13) * (1 + i % 3), 'visit' FROM generate_series(1, 540) i;
GRANT USAGE ON SCHEMA {schema} TO rowgate;
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO rowgate;
"""

NGINX = """
worker_processes {workers}; daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_body_temp_path {directory}/nginx.body; proxy_temp_path {directory}/nginx.proxy;
    client_max_body_size 16m;
    upstream superset {{ server 127.0.0.1:{superset}; keepalive 16; keepalive_timeout 1s; }}
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
        location / {{
            proxy_pass http://superset; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https; proxy_buffers 16 64k;
        }}
    }}
}}
"""

# A Superset of its own kind: what deploy/superset_config.py decides as well, decided alike.
PLAIN = """
SECRET_KEY = "for tests only: forty bytes of nothing much"
SQLALCHEMY_DATABASE_URI = "sqlite:///{database}?check_same_thread=false&timeout=60"
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
WTF_CSRF_ENABLED = False
ENABLE_PROXY_FIX = True
FEATURE_FLAGS = {{"EMBEDDED_SUPERSET": True, "DASHBOARD_RBAC": True, "CACHE_QUERY_BY_USER": True}}
GUEST_ROLE_NAME = "RowgateGuest"
GUEST_TOKEN_JWT_SECRET = "for tests only: a secret of guest tokens"
GUEST_TOKEN_JWT_EXP_SECONDS = 3600
JWT_ACCESS_TOKEN_EXPIRES = False
def _cache(name):
    return {{"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": "{redis}/0", "CACHE_KEY_PREFIX": name, "CACHE_DEFAULT_TIMEOUT": 86400}}
CACHE_CONFIG, DATA_CACHE_CONFIG = _cache("meta."), _cache("data.")
FILTER_STATE_CACHE_CONFIG, EXPLORE_FORM_DATA_CACHE_CONFIG = _cache("filter."), _cache("explore.")
{more}
"""


class PlainSuperset(superset.Superset):
    """Version, packages, workers, threads and metadata of the scene's; nothing of rowgate's in it."""

    def environment(self, database=None):
        config = self.directory / "superset_config.py"
        config.write_text(PLAIN.format(database=database or self.database, redis=self.redis.url, more=self.more))
        return os.environ | {"PYTHONPATH": str(self.packages), "SUPERSET_CONFIG_PATH": str(config), "SUPERSET_HOME": str(self.directory),
                             "FLASK_APP": "superset.app:create_app()"}

    def prepare(self):
        super().prepare()  # copies what the scene's has just made, the role of guests included
        self.command("fab", "create-admin", "--username", ADMIN[0], "--password", ADMIN[1], "--firstname", "B", "--lastname", "B",
                     "--email", "bench@rowgate.invalid")


@dataclasses.dataclass
class Target:
    """Somewhere that a browser can open the dashboard. host: the page around it. token() makes a guest's. processes: {what it is: pid},
    with all children."""
    name: str
    url: str
    host: str
    made: dict
    token: object
    bouncer: object
    redis: object
    processes: dict
    context: object = None

    def statements(self):
        """(statements, transactions) that PgBouncer has sent on to PostgreSQL since it started."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.bouncer.port, dbname="pgbouncer", user="rowgate", password=stack.PASSWORD,
                                      sslmode="disable")
        connection.autocommit = True  # its console knows no BEGIN
        try:
            with connection.cursor() as cursor:
                cursor.execute("SHOW STATS_TOTALS")
                names = [column.name for column in cursor.description]
                rows = [dict(zip(names, row)) for row in cursor.fetchall()]
        finally:
            connection.close()
        mine = [row for row in rows if row["database"] == self.bouncer.database]
        return sum(int(row["query_count"]) for row in mine), sum(int(row["xact_count"]) for row in mine)

    def logins(self):
        """Connections that PgBouncer has let in for them."""
        text = (self.bouncer.directory / "log").read_text()
        return len(re.findall(rf"C-0x[0-9a-f]+: {re.escape(self.bouncer.database)}/rowgate@\S+ login attempt", text))

    def cpu_ns(self):
        return {what: measure.cpu_ns(pid) for what, pid in self.processes.items()}

    def empty_caches(self):
        self.redis.client().flushdb()


class World(scene.Scene):
    bouncer_options = {"stats_users": "rowgate", "server_idle_timeout": 0}

    def __init__(self, workers, tell):
        super().__init__(workers=workers, tell=tell, access_token_seconds=3600)
        self.targets = []

    def _start_databases(self, undo):
        super()._start_databases(undo)
        self.server.execute("CREATE DATABASE direct")
        for database, schema, text in (("bi", f"t_{TENANT}", ""), ("direct", "sales", scene_data.schema_sql(TENANT, "sales"))):
            done = self.server.psql("-q", "-v", "ON_ERROR_STOP=1", stdin=text + VISITS.format(schema=schema) + "ANALYZE;", dbname=database)
            if done.returncode != 0:
                raise RuntimeError(done.stderr)

    def _make_dashboard(self):
        """As the scene's, with all of its data in PostgreSQL."""
        self.call("GET", "/api/v1/me/", person="bob")
        uri = f"postgresql+psycopg2://rowgate@localhost:{self.ports['sql']}/bi"
        self.made = scene_dashboard.build(self.call, uri, uri, self.origins, [f"rg.{tenant}" for tenant in scene_data.TENANTS])
        self.reload()

    def _start_hosts(self, undo):
        """No host page: the peers instead."""
        self._start_peer_bouncer(undo)
        self._add_rowgate()
        self._add_peer(undo, "direct, TLS", f"verify-full&sslrootcert={self.ca_file}", True)
        self._add_peer(undo, "direct, clear", "disable", False)

    def _start_peer_bouncer(self, undo):
        """Speaks TLS to those who ask for it."""
        tls = self.directory / "peer-tls"
        tls.mkdir()
        for path in (self.certificate, self.certificate.with_suffix(".key")):
            shutil.copy(path, tls)
        for path in (tls, *tls.iterdir()):
            pgtest.give_away(path)
        options = {"client_tls_sslmode": "allow", "client_tls_key_file": tls / "scene.key", "client_tls_cert_file": tls / "scene.pem"}
        self.peer_bouncer = stack.PgBouncer(self.directory / "peer-bouncer", self.server, pool=10, database="direct",
                                            options=self.bouncer_options | options)
        undo.callback(self.peer_bouncer.stop)
        self.peer_bouncer.start()

    def _start_nginx(self, undo, peer):
        port = pgtest.free_port()
        path = self.directory / "nginx.conf"
        path.write_text(NGINX.format(directory=self.directory, workers=2, superset=peer.port, port=port, chain=self.certificate,
                                     key=self.certificate.with_suffix(".key")))
        process = Process(self.directory, "nginx", port, shutil.which("nginx") or "/usr/sbin/nginx", "-e", self.directory / "nginx.log",
                          "-c", path)
        undo.callback(process.close)
        return process

    # ---- targets ----

    def _add_rowgate(self):
        bearer = self.access_token(PERSON)
        wanted = {"resources": [{"type": "dashboard", "id": self.made["uuid"]}]}
        self.targets.append(Target(
            "rowgate", self.url, self.host_url(TENANT), self.made,
            lambda: ask(self.url, "POST", "/.rowgate/guest-token", wanted, {"Authorization": f"Bearer {bearer}"}, self.keycloak.context)["token"],
            self.bouncer, self.redis, self._processes(self.superset, self.bouncer) | {"rowgate": self.rowgate.process.pid},
            self.keycloak.context))

    def _add_peer(self, undo, name, sslmode, has_front):
        self.tell(f"a second Superset: {name}")
        redis = undo.enter_context(redisserver.Redis())
        peer = undo.enter_context(PlainSuperset("", workers=self.workers, redis=redis))
        processes, url, context = self._processes(peer, self.peer_bouncer), peer.url, None
        if has_front:
            front = self._start_nginx(undo, peer)
            processes, url, context = processes | {"before": front.pid}, f"https://localhost:{front.port}", self.keycloak.context
        who = {"username": ADMIN[0], "password": ADMIN[1], "provider": "db", "refresh": False}
        headers = {"Authorization": "Bearer " + ask(url, "POST", "/api/v1/security/login", who, context=context)["access_token"]}
        uri = f"postgresql+psycopg2://rowgate:{stack.PASSWORD}@localhost:{self.peer_bouncer.port}/direct?sslmode={sslmode}"
        made = scene_dashboard.build(lambda method, path, body: ask(url, method, path, body, headers, context), uri, uri, [])
        wanted = {"user": {"username": PERSON, "first_name": PERSON, "last_name": TENANT}, "rls": [],
                  "resources": [{"type": "dashboard", "id": made["uuid"]}]}
        self.targets.append(Target(name, url, self.host_url(TENANT), made, lambda: ask(url, "POST", "/api/v1/security/guest_token/", wanted, headers, context)["token"],
                                   self.peer_bouncer, redis, processes, context))

    def _processes(self, running, bouncer):
        return {"Superset": running.process.pid, "PgBouncer": bouncer.process.pid, "PostgreSQL": self.server.process.pid}


class Process:
    """A server by its command, stopped by its id."""

    def __init__(self, directory, name, port, *command):
        with open(directory / f"{name}.out", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port, self.pid = port, self.process.pid
        stack.wait_for(lambda: self.process.poll() is not None or stack.answers(port), name)
        if self.process.poll() is not None:
            raise RuntimeError((directory / f"{name}.out").read_text())

    def close(self):
        stack.end(self.process)


def ask(url, method, path, body=None, headers=None, context=None):
    """One request; the answer read as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, method=method, data=data, headers={"Content-Type": "application/json"} | (headers or {}))
    try:
        with urllib.request.urlopen(request, context=context, timeout=120) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise OSError(f"{method} {path}: {error.code} {error.read()[:1500]!r}") from error
