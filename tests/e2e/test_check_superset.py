# SPDX-License-Identifier: Apache-2.0
"""rowgate check --superset: servers that are no Superset, or hostile; a real Superset with every bad setting, one as shipped."""
import http.server
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import bi
import planeworld
import stack
import superset

BIN = os.environ["ROWGATE_BIN"]
PRIVATE = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def check(url, *words, timeout=300):
    return subprocess.run([BIN, "check", "--superset", url, *words], capture_output=True, text=True, timeout=timeout,
                          env=os.environ | {"https_proxy": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"})


def findings(result):
    """{rule: [(severity, text, hint)]} of a run with --json."""
    assert result.returncode in (0, 1), result.stderr
    *rows, summary = [json.loads(line) for line in result.stdout.splitlines()]
    assert summary["errors"] + summary["warnings"] == len(rows) and not summary["not_shown"]
    found = {}
    for row in rows:
        assert row["text"] and row["hint"], row
        found.setdefault(row["rule"], []).append((row["severity"], row["text"], row["hint"]))
    return found


# ---- servers that are no Superset ----

class Server:
    """answers: {path without query: (status, headers, body)}; everything else is a 404."""

    def __init__(self, answers, context=None):
        outer = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.seen.append((self.path, dict(self.headers)))
                answer = answers.get(self.path.split("?")[0], (404, {}, b"no"))
                status, headers, body = answer(self) if callable(answer) else answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_DELETE = do_HEAD = lambda self: self.send_error(500)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://localhost:{self.server.server_port}"
        self.port = self.server.server_port

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


VERSION = (200, {"Content-Type": "application/json"}, b'{"version_string": "6.1.0"}')


def is_trouble(result, *words):
    assert result.returncode == 2 and not result.stdout, (result.stdout, result.stderr)
    assert all(word in result.stderr for word in words), result.stderr
    assert result.stderr.startswith("rowgate check: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("answers", [
    {},
    {"/login/": (200, {}, b"<html>another program</html>"), "/version": (200, {}, b'{"version": "1"}')},
    {"/login/": (200, {}, b'data-bootstrap="[1]"'), "/version": (200, {}, b"[]")},
    {"/login/": (500, {}, b"\xff\xfe\x00"), "/version": (200, {}, b"[" * 100000)},
], ids=["nothing", "another program", "wrong kinds", "nonsense"])
def test_what_is_no_superset_is_said_to_be_none(answers):
    with Server(answers) as server:
        is_trouble(check(server.url), "no Superset answers")


def test_rowgate_before_it_is_not_taken_for_it():
    with Server({"/login/": (302, {"Location": "/.rowgate/login?next=%2F"}, b""), "/version": VERSION}) as server:
        is_trouble(check(server.url), "it is rowgate that answers")


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://localhost", "file:///etc/passwd", "http://", "http://u:p@localhost/", "http://localhost/?q",
                                 "http://localhost/#x", "http://local host/"])
def test_a_url_that_is_none(url):
    is_trouble(check(url), "is no http or https URL")


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    is_trouble(check(f"http://127.0.0.1:{port}"), "Couldn't connect")


def test_no_answer_within_the_time():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        is_trouble(check(f"http://127.0.0.1:{deaf.getsockname()[1]}", "--timeout", "1"), "imed out")


def test_an_answer_without_end_is_cut():
    with Server({"/login/": (200, {}, b"x" * (9 << 20))}) as server:
        is_trouble(check(server.url), "too long")


def test_an_answer_that_is_no_http():
    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        is_trouble(check(f"http://127.0.0.1:{listener.getsockname()[1]}"))


def test_one_that_limits_its_callers_for_ever():
    with Server({"/login/": (429, {}, b"slow down")}) as server:
        is_trouble(check(server.url), "429")


def test_one_that_limits_its_callers_once_is_asked_again():
    turns = []

    def limited(_):
        turns.append(1)
        return (429, {}, b"") if len(turns) == 1 else (200, {}, b"")
    with Server({"/login/": limited, "/version": VERSION}) as server:
        assert check(server.url, "--mcp-port", "0").returncode == 0
    assert len(turns) == 2


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    stack.make_certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    with Server({"/version": VERSION}, context=context) as server:
        yield server, directory / "server.crt"


def test_tls_is_checked(tls, tmp_path):
    server, authority = tls
    is_trouble(check(server.url), "ertificate")
    other = tmp_path / "other"
    stack.make_certificate(other)
    is_trouble(check(server.url, "--ca-file", other / "server.crt"), "ertificate")
    is_trouble(check(server.url, "--ca-file", tmp_path / "absent"))
    is_trouble(check(server.url.replace("localhost", "127.0.0.2"), "--ca-file", authority))
    is_trouble(check(server.url.replace("https", "http")))
    assert check(server.url, "--ca-file", authority, "--mcp-port", "0").returncode == 0


def test_only_gets_are_sent_and_what_it_says_cannot_play_with_a_terminal():
    version = (200, {}, json.dumps({"version_string": "1.0.0\x1b[31m\u0007"}).encode())
    with Server({"/login/": (200, {}, b""), "/version": version}) as server:
        result = check(server.url, "--mcp-port", "0")
        assert result.returncode == 1 and "\x1b" not in result.stdout and "1.0.0?[31m?" in result.stdout
        assert all("password" not in path for path, _ in server.seen) and len(server.seen) > 20


def test_from_outside_no_answer_is_right_and_an_answer_is_wrong():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    result = check(f"http://127.0.0.1:{port}", "--outside")
    assert result.returncode == 0 and "does not answer" in result.stdout
    with Server({"/version": VERSION}) as server:
        found = findings(check(server.url, "--outside", "--json", "--mcp-port", "0"))
        assert [row[0] for row in found["superset.reachable"]] == ["error"]


@pytest.mark.parametrize("words", [["--mcp-port", "70000"], ["--mcp-port", "-1"], ["--mcp-port", ""], ["--timeout", "0"], ["--timeout", "x"],
                                   ["--gates", "db"], ["--role", "x"], ["--nonsense"], ["one", "two"], ["--identity-key", "/nonexistent"],
                                   ["--identity-key", "/etc/passwd", "--gates", "db:x"], ["--identity-key", __file__]])
def test_usage_is_checked_before_anything_is_asked(words):
    with Server({"/version": VERSION}) as server:
        assert check(server.url, *words).returncode == 2 and not server.seen


def test_secrets_that_are_known_are_found_without_a_cookie_too():
    """A server that keeps no session and takes tokens signed with a key of the guides."""
    import hashlib
    import hmac

    def answer(handler):
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        head, _, signature = token.rpartition(".")
        import base64
        made = base64.urlsafe_b64encode(hmac.new(b"thisISaSECRET_1234", head.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
        return (401, {}, b'{"msg":"Error loading the user"}') if signature == made else (422, {}, b'{"msg":"Signature verification failed"}')
    with Server({"/version": VERSION, "/login/": (200, {}, b""), "/api/v1/log/": answer}) as server:
        found = findings(check(server.url, "--json", "--mcp-port", "0"))
        (severity, text, _), = found["superset.secret_key"]
        assert severity == "error" and "Helm" in text


# ---- real ones ----

BARE = """
SECRET_KEY = "TEST_NON_DEV_SECRET"
SQLALCHEMY_DATABASE_URI = "sqlite:///{database}?check_same_thread=false"
FEATURE_FLAGS = {{"EMBEDDED_SUPERSET": True, "ENABLE_TEMPLATE_PROCESSING": True, "ALLOW_ADHOC_SUBQUERY": True, "ENABLE_SUPERSET_META_DB": True,
                 "ENABLE_JAVASCRIPT_CONTROLS": True}}
TALISMAN_ENABLED = False
HTML_SANITIZATION = False
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
RECAPTCHA_PUBLIC_KEY = RECAPTCHA_PRIVATE_KEY = "none"
ENABLE_CORS = True
CORS_OPTIONS = {{"supports_credentials": True, "origins": "*"}}
{more}
"""
TRUSTING = """
import jwt
from flask import request as current
from superset.security import SupersetSecurityManager

class Trusting(SupersetSecurityManager):
    def request_loader(self, request):
        token = request.headers.get("X-Rowgate-Identity")
        if token and jwt.decode(token, options={"verify_signature": False}):
            return self.find_user("admin")
        return self.find_user(request.headers["Remote-User"]) if "Remote-User" in request.headers else super().request_loader(request)

CUSTOM_SECURITY_MANAGER = Trusting
"""
EMBED = """
import sys
from superset.app import create_app
app = create_app()
with app.app_context():
    from superset import db
    from superset.models.dashboard import Dashboard
    from superset.models.embedded_dashboard import EmbeddedDashboard
    board = Dashboard(dashboard_title="Sales", published=True)
    db.session.add(board)
    db.session.flush()
    for domains in ("", "https://app.example.com"):
        row = EmbeddedDashboard(dashboard_id=board.id, allow_domain_list=domains)
        db.session.add(row)
        db.session.commit()
        print(row.uuid)
"""


class Bare(superset.Superset):
    """Without anything of rowgate's; what all tests copy is made with it."""

    def __init__(self, more):
        super().__init__("")
        self.own = more
        self.is_prepared = False

    def environment(self, database=None):
        made = super().environment(database)
        if self.is_prepared:
            pathlib.Path(made["SUPERSET_CONFIG_PATH"]).write_text(BARE.format(database=database or self.database, more=self.own))
        return made

    def prepare(self):
        super().prepare()
        self.is_prepared = True
        self.command("init")
        self.command("fab", "create-admin", "--username", "admin", "--firstname", "a", "--lastname", "b", "--email", "a@example.com", "--password",
                     "correct horse")


@pytest.mark.external
def test_a_superset_as_it_is_installed_gives_every_finding_a_stranger_can_make(tmp_path):
    key = tmp_path / "identity.pem"
    key.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(*PRIVATE))
    key.chmod(0o600)
    with Bare('PUBLIC_ROLE_LIKE = "Gamma"') as running, Server({"/mcp": (406, {}, b"")}) as mcp:
        made = running.python(EMBED)
        assert made.returncode == 0, made.stderr
        everywhere, somewhere = made.stdout.split()[-2:]
        words = ["--json", "--mcp-port", str(mcp.port), "--identity-key", key]
        result = check(running.url, *words, "--dashboard", everywhere)
        assert result.returncode == 1
        found = findings(result)
        assert {rule: row[0][0] for rule, row in found.items()} == {
            "superset.secret_key": "error", "superset.guest_secret": "error", "superset.public_role": "error", "superset.cors": "error",
            "superset.mcp": "error", "superset.identity": "error", "superset.html": "error", "superset.flag": "error",
            "superset.session_cookie": "warning", "superset.login_form": "warning", "superset.registration": "warning",
            "superset.talisman": "warning", "superset.swagger": "warning", "superset.proxy_fix": "warning", "superset.embedding": "warning"}
        assert "docker/.env" in found["superset.secret_key"][0][1]
        assert "dashboards (0), charts (0), datasets (0), databases (0)" in found["superset.public_role"][0][1]
        assert {row[1].split()[0] for row in found["superset.flag"]} == {
            "ENABLE_SUPERSET_META_DB", "ALLOW_ADHOC_SUBQUERY", "ENABLE_TEMPLATE_PROCESSING", "ENABLE_JAVASCRIPT_CONTROLS", "CACHE_QUERY_BY_USER"}
        assert "superset.embedding" not in findings(check(running.url, *words, "--dashboard", somewhere))


@pytest.mark.external
def test_headers_and_guests_that_are_believed_are_found_where_nobody_else_may_read():
    with Bare(TRUSTING) as running:
        found = findings(check(running.url, "--json", "--mcp-port", "0"))
        assert {"superset.identity_forged", "superset.header_believed", "superset.guest_secret", "superset.secret_key"} <= found.keys()
        assert "superset.public_role" not in found and "superset.swagger" not in found
        assert ["Remote-User" in row[1] for row in found["superset.header_believed"]] == [True]


@pytest.mark.external
def test_what_is_shipped_gives_no_finding_and_what_is_spoiled_behind_it_gives_each(tmp_path):
    key = tmp_path / "identity.pem"
    more = "TALISMAN_ENABLED = True\n"
    with planeworld.World(more=more) as world:
        key.write_bytes(world.key.private_bytes(*PRIVATE))
        key.chmod(0o600)
        gate = f"localhost:{world.plane.port}"
        words = ["--strict", "--mcp-port", "0"]
        deep = [*words, "--identity-key", key, "--role", "maker", "--gates", f"other,{gate}"]
        for result in (check(world.superset.url, *words), check(world.superset.url, *deep)):
            assert result.returncode == 0 and "0 errors, 0 warnings; Superset 6.1.0" in result.stdout, result.stdout
        assert "by rowgate's key" in result.stdout
        world.maker.dashboard(world.dataset)
        world.maker.ask("PUT", f"/api/v1/database/{world.database}", {"allow_dml": True, "allow_ctas": True})
        found = findings(check(world.superset.url, *deep[:-1], "elsewhere:5432", "--json"))
        assert {rule: [row[0] for row in rows] for rule, rows in found.items()} == {
            "superset.database_uri": ["error"], "superset.database_writes": ["warning", "warning"], "superset.embedding": ["warning"]}
        assert gate in found["superset.database_uri"][0][1]
        stranger = ed25519.Ed25519PrivateKey.generate()
        key.write_bytes(stranger.private_bytes(*PRIVATE))
        assert set(findings(check(world.superset.url, *deep, "--json"))) == {"superset.identity"}


SHARED = """
from rowgate_superset import identity
class Shared(identity.RowgateSecurityManager):
    def get_rls_cache_key(self, datasource):
        return []
CUSTOM_SECURITY_MANAGER = Shared
ROWGATE_ALLOW_OTHER_DATABASES = True
FEATURE_FLAGS = {**FEATURE_FLAGS, "CACHE_QUERY_BY_USER": False}
DATA_CACHE_CONFIG = {"CACHE_TYPE": "%s", "CACHE_DEFAULT_TIMEOUT": 600}
"""


@pytest.mark.external
@pytest.mark.parametrize("cache,severity", [("SimpleCache", "error"), ("NullCache", "warning")])
def test_one_answer_for_two_tenants_is_found(tmp_path, cache, severity):
    key = tmp_path / "identity.pem"
    with planeworld.World(more="TALISMAN_ENABLED = True\n" + SHARED % cache, redis=False) as world:
        key.write_bytes(world.key.private_bytes(*PRIVATE))
        key.chmod(0o600)
        direct = world.maker.database(f"postgresql+psycopg2://postgres@127.0.0.1:{world.plane.server.port}/acme", database_name="direct")
        dataset = world.maker.dataset(direct, "only_acme")  # in SQLite the name of a dataset is nobody else's
        world.maker.made("/api/v1/chart/", {"slice_name": "Ids", "viz_type": "table", "datasource_id": dataset, "datasource_type": "table",
                                            "params": "{}", "query_context": json.dumps(bi.chart_query(dataset, columns=["id"]))})
        found = findings(check(world.superset.url, "--json", "--mcp-port", "0", "--identity-key", key, "--role", "maker"))
        assert [row[0] for row in found["superset.cache_shared"]] == [severity], found
        assert ["CACHE_QUERY_BY_USER" in row[1] for row in found["superset.flag"]] == [True]
