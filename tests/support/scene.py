# SPDX-License-Identifier: Apache-2.0
"""The whole scene, each part real, all on loopback and free ports, stopped by process id: Keycloak, PostgreSQL behind PgBouncer, a .hyper
file for each tenant, Redis, rowgate (HTTP and SQL plane), Superset with a Celery worker, two tenants' host pages, and one dashboard
that both see with their own rows.

    with scene.Scene() as s:
        s.host_url("acme")          # the page of acme's own people
        s.url                       # Superset behind rowgate
        s.made["uuid"]              # the embedded dashboard

People: PEOPLE; a password is NAME-password. scripts/quickstart --superset runs this file:  scene.py serve
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import embedded_sdk
import hyper
import keycloak as keycloak_module
import pgtest
import redisserver
import scene_dashboard
import scene_data
import stack
import superset

REALM = "scene"
SECRETS = {"rowgate": "rowgate's secret at the provider", "hostpage": "the host page's own secret"}
TITLES = {"acme": "Acme Tools", "globex": "Globex Gems"}
# name: (tenant, what the provider says of the roles)
PEOPLE = {"alice": ("acme", ["analyst"]), "bob": ("globex", ["analyst"]), "dora": ("acme", ["admin"])}

CONFIG = """\
version = 1
[server]
workers = 2
drain_timeout = "5s"
[log]
level = "info"
[tls.public]
certificate = "{certificate}"
private_key = "{key}"
[upstreams.warehouse]
kind = "pgbouncer"
dsn = "host=127.0.0.1 port={pool_port} dbname=bi user=rowgate sslmode=disable"
password = "env:ROWGATE_TEST_UPSTREAM_PASSWORD"
[upstreams.superset]
kind = "superset"
url = "{superset}"
identity_key = "file:{identity_key}"
response_timeout = "120s"
guest_token_lifetime = "{guest_token_lifetime}"
[[listeners]]
name = "web"
plane = "http"
listen = "127.0.0.1:{web_port}"
tls = "public"
upstream = "superset"
public_url = "{url}"
[[listeners]]
name = "sql"
plane = "sql"
listen = "127.0.0.1:{sql_port}"
tls = "public"
login = ["capsule"]
[idp.people]
type = "oidc"
preset = "keycloak"
display_name = "Keycloak (OpenID Connect)"
issuer = "{issuer}"
audience = ["api://rowgate"]
ca_file = "{ca}"
client_id = "rowgate"
client_secret = "env:ROWGATE_TEST_CLIENT_SECRET"
[idp.corporate]
type = "saml"
display_name = "Keycloak (SAML)"
metadata = "{directory}/saml.xml"
entity_id = "urn:rowgate:scene"
private_key = "{directory}/saml.key"
certificate = "{directory}/saml.pem"
[state]
url = "sqlite:{directory}/state/state.db"
[claims]
tenant_id = {{ from = "tenant_id", type = "uuid", required = true }}
roles = {{ from = "roles", type = "text[]" }}
{tenants}
[[policies]]
name = "own schema"
on = ["sales.*"]
for = ["select"]
isolation = "schema"
[[routes]]
name = "admins connect databases"
path = "/api/v1/database/"
methods = ["POST"]
roles = ["admin"]
allow = true
[[routes]]
name = "admins embed dashboards"
path = "/api/v1/dashboard/{{slug}}/embedded"
methods = ["POST", "PUT", "DELETE"]
roles = ["admin"]
allow = true
[limits.default]
rows = 1_000_000
concurrency = 50
requests_per_minute = 100_000
[audit]
directory = "{directory}/audit"
origin = "test/audit/scene/1"
"""

TENANT = """\
[upstreams.{tenant}_file]
kind = "hyper"
dsn = "host=localhost port={hyper_port} user=rowgate dbname={databases}/{tenant}.hyper sslmode=verify-full sslrootcert={hyper_ca}"
password = "env:ROWGATE_TEST_HYPER_PASSWORD"
[[tenants]]
id = "{tenant}"
display_name = "{title}"
match = {{ idp = "people", also = ["corporate"], claim = "tenant_id", value = "{value}" }}
route = {{ upstream = "warehouse", schemas = {{ sales = "t_{tenant}" }} }}
frame_ancestors = ["{origin}"]
{dashboards}
[[tenants]]
id = "{tenant}-lake"
match = {{ tenant = "{tenant}" }}
route = {{ upstream = "{tenant}_file", database = "lake", schemas = {{ sales = "Extract" }} }}
"""

SUPERSET = """
ROWGATE_ROLES = {"": ["Gamma"], "admin": ["Admin"], "analyst": ["sql_lab"]}
FEATURE_FLAGS = {**FEATURE_FLAGS, "DASHBOARD_RBAC": True}
SQLLAB_DEFAULT_DBID = None
"""


def free_ports(*names):
    """All different: none is given away before the last is found."""
    with contextlib.ExitStack() as held:
        ports = {}
        for name in names:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports[name] = probe.getsockname()[1]
    return ports


class Scene:
    """more: lines for superset_config.py. changes: texts put in other places of rowgate's configuration, {old: new}. keycloak: one that
    runs. tell: is told in words what is being done."""
    bouncer_options = {}

    def __init__(self, keycloak=None, guest_token_lifetime="5m", access_token_seconds=300, more="", changes=None, workers=2,
                 tell=lambda words: None):
        self.keycloak = keycloak
        self.guest_token_lifetime = guest_token_lifetime
        self.access_token_seconds = access_token_seconds
        self.more = more
        self.changes = changes or {}
        self.workers = workers
        self.tell = tell
        self.ports = free_ports("web", "sql", *scene_data.TENANTS)
        self.made = None
        self.directory = None

    @property
    def url(self):
        return f"https://localhost:{self.ports['web']}"

    def host_url(self, tenant):
        return f"https://localhost:{self.ports[tenant]}"

    @property
    def origins(self):
        return [self.host_url(tenant) for tenant in scene_data.TENANTS]

    @property
    def ca_file(self):
        return self.keycloak.ca_file

    @property
    def certificate(self):
        return self.keycloak.authority.directory / "scene.pem"

    @property
    def audit(self):
        return self.directory / "audit"

    # ---- up and down ----

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-scene."))
            os.chmod(self.directory, 0o755)
            undo.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self._start(undo)
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def _start(self, undo):
        self.tell("PostgreSQL, PgBouncer, hyperd, Redis")
        self._start_databases(undo)
        self.redis = undo.enter_context(redisserver.Redis())
        self.tell("Superset's packages (the first time they are fetched: some 250 MB)")
        self._make_superset()
        self.tell("Keycloak and Superset 6.1 with a Celery worker (the first time Superset's tables are made: minutes)")
        pool = concurrent.futures.ThreadPoolExecutor(1)  # both take long
        waiting = pool.submit(self.superset.__enter__)
        undo.callback(self._end_superset, waiting)
        self._start_keycloak(undo)
        waiting.result()
        self.tell("rowgate")
        self._start_rowgate(undo)
        self.tell("a dashboard of seven charts, through Superset's API behind rowgate")
        self._make_dashboard()
        self.tell("the host pages of two tenants")
        self._start_hosts(undo)

    def _start_databases(self, undo):
        self.server = undo.enter_context(pgtest.Server(tls=True, auth="scram-sha-256", superuser_password="super"))
        self.server.execute(f"CREATE ROLE rowgate LOGIN PASSWORD '{stack.PASSWORD}'")
        self.server.execute("ALTER ROLE rowgate SET search_path = pg_catalog")
        self.server.execute("CREATE DATABASE bi")
        text = ""
        for tenant in scene_data.TENANTS:
            text += scene_data.schema_sql(tenant, f"t_{tenant}")
            text += f"GRANT USAGE ON SCHEMA t_{tenant} TO rowgate; GRANT SELECT ON ALL TABLES IN SCHEMA t_{tenant} TO rowgate;\n"
        done = self.server.psql("-q", "-v", "ON_ERROR_STOP=1", stdin=text + "ANALYZE;", dbname="bi")
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        self.bouncer = stack.PgBouncer(self.directory / "bouncer", self.server, pool=10, options=self.bouncer_options)
        undo.callback(self.bouncer.stop)
        self.bouncer.start()
        (self.directory / "hyper").mkdir()
        self.hyperd = hyper.Hyperd(self.directory / "hyper")
        undo.callback(self.hyperd.stop)
        self.hyperd.start()
        for tenant in scene_data.TENANTS:
            file = self.hyperd.databases / f"{tenant}.hyper"
            self.hyperd.execute("", f'CREATE DATABASE "{file}"')
            self.hyperd.execute(file, *scene_data.hyper_statements(tenant))

    def _make_superset(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.superset = superset.Superset(public.decode(), more=SUPERSET + self.more, workers=self.workers, redis=self.redis, pool="threads",
                                          databases=[f"localhost:{self.ports['sql']}"], ca_file=self.directory / "ca.pem")

    def _end_superset(self, waiting):
        """Also when it has not yet started."""
        while not concurrent.futures.wait([waiting], 1).done:
            self.superset.stop()
        if waiting.exception() is None:
            self.superset.__exit__()

    def _start_keycloak(self, undo):
        is_ours = self.keycloak is None
        if is_ours:
            self.keycloak = undo.enter_context(keycloak_module.Keycloak())
        shutil.copy(self.keycloak.ca_file, self.directory / "ca.pem")
        self.keycloak.authority.issue("scene")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=rowgate", "-keyout",
                        "saml.key", "-out", "saml.pem"], check=True, capture_output=True, cwd=self.directory)
        roles = keycloak_module.attribute_mapper("roles", True)
        rowgate = keycloak_module.oidc_client("rowgate", SECRETS["rowgate"], self.url, "people")
        rowgate["protocolMappers"].append(roles)
        host = keycloak_module.oidc_client("hostpage", SECRETS["hostpage"], self.url, redirectUris=[f"{one}/callback" for one in self.origins])
        host["protocolMappers"].append(roles)
        host["attributes"] = {"pkce.code.challenge.method": "S256",
                              "post.logout.redirect.uris": "##".join(f"{one}/" for one in self.origins)}
        saml = keycloak_module.saml_client("urn:rowgate:scene", self.url, "corporate")
        saml["protocolMappers"].append(keycloak_module.saml_attribute_mapper("roles"))
        self.keycloak.make_realm(REALM, [rowgate, host, saml], accessTokenLifespan=self.access_token_seconds, users={
            name: keycloak_module.user(name, tenant, roles=roles) for name, (tenant, roles) in PEOPLE.items()})
        if not is_ours:
            undo.callback(self.keycloak.admin, f"realms/{REALM}", method="DELETE")
        (self.directory / "saml.xml").write_bytes(self.keycloak.saml_metadata(REALM))

    def config_text(self):
        key = self.directory / "identity.pem"
        if not key.exists():
            key.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            key.chmod(0o600)
        dashboards = f'dashboards = ["{self.made["uuid"]}"]' if self.made else ""
        tenants = "".join(TENANT.format(tenant=tenant, title=TITLES[tenant], value=stack.TENANTS[tenant], origin=self.host_url(tenant),
                                        dashboards=dashboards, hyper_port=self.hyperd.port, databases=self.hyperd.databases,
                                        hyper_ca=self.hyperd.tls / "server.crt") for tenant in scene_data.TENANTS)
        text = CONFIG.format(certificate=self.certificate, key=self.certificate.with_suffix(".key"), pool_port=self.bouncer.port,
                             superset=self.superset.url, identity_key=key, guest_token_lifetime=self.guest_token_lifetime, url=self.url,
                             web_port=self.ports["web"], sql_port=self.ports["sql"], issuer=self.keycloak.issuer(REALM), ca=self.ca_file,
                             directory=self.directory, tenants=tenants)
        for old, new in self.changes.items():
            if old not in text:
                raise ValueError(f"not in the configuration: {old}")
            text = text.replace(old, new)
        return text

    def _start_rowgate(self, undo):
        (self.directory / "state").mkdir(mode=0o700)
        self.rowgate = stack.Rowgate(self.directory, self.config_text(), {
            "ROWGATE_TEST_UPSTREAM_PASSWORD": stack.PASSWORD, "ROWGATE_TEST_HYPER_PASSWORD": hyper.PASSWORD,
            "ROWGATE_TEST_CLIENT_SECRET": SECRETS["rowgate"]})
        undo.callback(self.rowgate.stop)
        self.rowgate.start()

    def reload(self):
        """rowgate with config_text() as it is now."""
        self.rowgate.config.write_text(self.config_text())
        start = self.rowgate.log_path.stat().st_size
        self.rowgate.signal(signal.SIGHUP)
        ends = ("policy.reloaded", "policy.reload_failed")
        stack.wait_for(lambda: any(self.rowgate.event(name, start) for name in ends), "the end of the reload")
        if self.rowgate.event("policy.reload_failed", start):
            raise RuntimeError(self.rowgate.log_path.read_text()[-4000:])

    def _make_dashboard(self):
        self.call("GET", "/api/v1/me/", person="bob")  # Superset makes a tenant's role when it first sees one of its people
        uri = f"postgresql+psycopg2://rowgate@localhost:{self.ports['sql']}/"
        self.made = scene_dashboard.build(self.call, uri + "bi", uri + "lake", self.origins, [f"rg.{tenant}" for tenant in scene_data.TENANTS])
        self.reload()

    def _start_hosts(self, undo):
        config = {"issuer": self.keycloak.issuer(REALM), "client_id": "hostpage", "client_secret": SECRETS["hostpage"],
                  "ca_file": str(self.ca_file), "rowgate": self.url, "dashboard": self.made["uuid"], "sdk": str(embedded_sdk.fetch()),
                  "certificate": str(self.certificate), "private_key": str(self.certificate.with_suffix(".key")),
                  "brands": [{"name": tenant, "title": TITLES[tenant], "port": self.ports[tenant]} for tenant in scene_data.TENANTS]}
        path = self.directory / "hostpage.json"
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        with open(self.directory / "hostpage.log", "ab") as log:
            self.host = subprocess.Popen([sys.executable, stack.ROOT / "examples/hostpage/hostpage.py", path], stdin=subprocess.DEVNULL,
                                         stdout=log, stderr=log)
        undo.callback(stack.end, self.host)
        stack.wait_for(lambda: self.host.poll() is not None or all(stack.answers(self.ports[one]) for one in scene_data.TENANTS), "host pages")
        if self.host.poll() is not None:
            raise RuntimeError((self.directory / "hostpage.log").read_text())

    # ---- for those who ask without a browser ----

    def access_token(self, person):
        return self.keycloak.password_token(REALM, "hostpage", SECRETS["hostpage"], person)["access_token"]

    def call(self, method, path, body=None, person="dora", headers=None):
        """A request of a program with a person's access token (None: without), at rowgate; the answer read as JSON."""
        data = None if body is None else json.dumps(body).encode()
        lines = {"Content-Type": "application/json"} | (headers or {})
        if person:
            lines["Authorization"] = f"Bearer {self.access_token(person)}"
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=lines)
        try:
            with urllib.request.urlopen(request, context=self.keycloak.context, timeout=120) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise OSError(f"{method} {path}: {error.code} {error.read()[:1500]!r}") from error

    def records(self):
        """Every record of the audit log, oldest first."""
        for path in sorted((self.audit / "seg").glob("*.jsonl")):
            for line in path.read_bytes().split(b"\n"):
                if line.startswith(b"{") and line.endswith(b"}"):
                    yield json.loads(line)


# ---- for a person ----

WORDS = """
Open one of these, and log in:

  {acme}     Acme Tools     alice   password alice-password
  {globex}     Globex Gems    bob     password bob-password

The whole Superset behind rowgate, by OpenID Connect or SAML; dora is an admin there (dora-password):

  {url}

All certificates are signed by {ca} (import it, or click through the warnings: each page first by itself).
With Chromium, without any warning:

  chromium --user-data-dir={profile} --ignore-certificate-errors-spki-list={hashes} {acme}

Logs and configuration: {directory}   Audit log: {directory}/audit
Running until Ctrl-C.
"""


def serve():
    import chromium

    began = time.monotonic()
    words = lambda text: print(f"[{time.monotonic() - began:4.0f} s] {text}", file=sys.stderr, flush=True)

    def stop(*_):
        os.write(2, b"stopping\n")  # print may be under way
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # once is enough: what follows must run to its end
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    try:
        with Scene(tell=words) as s:
            hashes = ",".join(chromium.key_hash(path) for path in (s.certificate, s.keycloak.authority.directory / "keycloak.pem"))
            print(WORDS.format(acme=s.host_url("acme"), globex=s.host_url("globex"), url=s.url, ca=s.ca_file, directory=s.directory,
                               profile=s.directory / "chromium", hashes=hashes), flush=True)
            parts = [("rowgate", s.rowgate.process, s.rowgate.log_path), ("Superset", s.superset.process, s.superset.log_path),
                     ("Celery", s.superset.worker, s.superset.log_path), ("the host pages", s.host, s.directory / "hostpage.log")]
            while True:
                time.sleep(1)
                for name, process, log in parts:
                    if process.poll() is not None:
                        raise SystemExit(f"{log.read_text()[-4000:]}\n{name} ended: above is the end of its log")
    except KeyboardInterrupt:
        words("everything is stopped")


if __name__ == "__main__":
    serve()
