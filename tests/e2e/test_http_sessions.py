# SPDX-License-Identifier: Apache-2.0
"""Browsers' sessions from login to end, against a real login: what the cookie is, what ends it, what it cannot be used for."""
import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import psycopg2
import pytest

import httpstack
import stack as stacks

HOST = httpstack.HOST
KEYS = 'client_id = "rowgate"\nclient_secret = "env:ROWGATE_TEST_CLIENT_SECRET"\n'
SECRET = "s3cret &+%"
CHART = "/api/v1/chart/data"


class Browsing(httpstack.HttpStack):
    def __init__(self, sessions="", **more):
        super().__init__(idp_keys=KEYS, extra=f"[sessions]\n{sessions}\n", **more)

    def session(self, *arguments):
        return subprocess.run([stacks.binary(), "session", *arguments, str(self.directory / "state")], text=True,
                              capture_output=True, timeout=60)

    def sessions(self, *arguments):
        done = self.session("list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def secret():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROWGATE_TEST_CLIENT_SECRET", SECRET)
        yield


@pytest.fixture(scope="module")
def own(secret):
    with Browsing() as stack:
        yield stack


def set_cookies(answer):
    return [value for name, value in answer.lines if name.lower() == "set-cookie"]


class Browser:
    """As much of one as a login takes: cookies by name, the provider's form filled in."""

    def __init__(self, stack):
        self.stack = stack
        self.jar = {}
        self.said = {}

    def send(self, method, path, headers=(), body=b"", connection=None):
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())} if self.jar else {}
        answer = self.stack.request(method, path, cookie | dict(headers), body, connection=connection)
        for line in set_cookies(answer):
            name, value = line.split(";", 1)[0].split("=", 1)
            self.said[name] = line
            if "Max-Age=0" in line:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        return answer

    def begin(self, return_to="/"):
        answer = self.send("GET", f"/.rowgate/login/main?return_to={urllib.parse.quote(return_to)}")
        assert answer.status == 303, answer
        return answer.headers["location"]

    def consent(self, location, person="alice"):
        """What the provider sends the browser back to."""
        url = urllib.parse.urlsplit(location)
        form = dict(urllib.parse.parse_qsl(url.query)) | {"username": person, "password": f"{person}-password"}
        context = ssl.create_default_context(cafile=self.stack.directory / "idp" / "ca.pem")

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), Stay)
        with contextlib.closing(self._post(opener, location.split("?")[0], form)) as answer:
            back = urllib.parse.urlsplit(answer.headers["Location"])
        assert back.netloc == getattr(self.stack, "host", HOST)
        return f"{back.path}?{back.query}"

    @staticmethod
    def _post(opener, url, form):
        try:
            return opener.open(url, urllib.parse.urlencode(form).encode(), timeout=20)
        except urllib.error.HTTPError as error:
            assert error.code == 302, error.read()
            return error

    def log_in(self, person="alice"):
        answer = self.send("GET", self.consent(self.begin(), person))
        assert answer.status == 303 and "__Host-rowgate" in self.jar, answer
        return self

    def api(self, **more):
        return self.send("GET", "/api/v1/chart/", **more)

    def shown(self):
        answer = self.send("GET", "/.rowgate/session")
        return json.loads(answer.body) if answer.status == 200 else answer.status


def logged_in(stack, person="alice"):
    return Browser(stack).log_in(person)


def only(rows):
    assert len(rows) == 1, rows
    return rows[0]


def test_a_login_gives_an_opaque_cookie_that_is_no_one_elses(own):
    browser = logged_in(own)
    line = browser.said["__Host-rowgate"]
    assert re.fullmatch(r"__Host-rowgate=[A-Za-z0-9_-]{43}; Path=/; Secure; HttpOnly; SameSite=Lax(; Max-Age=\d+)?", line), line
    assert "Domain" not in line
    shown = browser.shown()
    assert shown["tenant"] == "acme" and shown["session"].startswith("s-") and shown["csrf"] not in line
    assert browser.api().status == 200
    assert all("__Host-" not in value for _, value in own.upstream.seen[-1].lines)


def test_a_session_is_listed_revoked_and_gone_within_one_request(own):
    browser = logged_in(own)
    identity = browser.shown()["session"]
    row = only([row for row in own.sessions() if row["id"] == identity])
    assert row["plane"] == "http" and row["tenant"] == "acme" and row["idp"] == "main" and row["subject"] == "alice"
    with own.connect() as connection:
        assert browser.api(connection=connection).status == 200
        assert own.session("revoke", identity).stdout == "1 session ended\n"
        assert browser.api(connection=connection).status == 401
    assert browser.shown() == 401
    assert own.session("revoke", identity).returncode == 1
    page = browser.send("GET", "/superset/welcome/", {"Accept": "text/html"})
    assert page.status == 303 and page.headers["location"].startswith("/.rowgate/login?")


def test_a_session_survives_a_restart_and_its_end_too(own):
    stays, goes = logged_in(own), logged_in(own, "bob")
    assert own.session("revoke", "--subject", "bob", "--idp", "main").returncode == 0
    own.rowgate.stop()
    own.rowgate.start()
    assert stays.api().status == 200
    assert goes.api().status == 401


def test_a_tenant_is_out_with_its_browsers_and_its_tokens(own):
    acme, globex = logged_in(own), logged_in(own, "bob")
    token = {"Authorization": f"Bearer {own.token()}"}
    assert own.request("GET", "/api/v1/chart/", token).status == 200
    assert own.session("revoke", "--tenant", "acme").returncode == 0
    assert acme.api().status == 401 and own.request("GET", "/api/v1/chart/", token).status == 401
    assert globex.api().status == 200
    assert logged_in(own).api().status == 200

    def newer_token_is_taken():  # iat tells seconds: one of the order's own second may be older than it
        return own.request("GET", "/api/v1/chart/", {"Authorization": f"Bearer {own.token()}"}).status == 200

    stacks.wait_for(newer_token_is_taken, "a newer token's request")


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
           "Origin": f"https://{HOST}"}


def exactly(connection, size, data=b""):
    while len(data) < size:
        piece = connection.recv(size - len(data))
        assert piece, data
        data += piece
    return bytes(data)


def test_a_websocket_ends_with_its_session(own):
    @own.upstream.on("/ws")
    def echo(exchange):
        exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello")
        with contextlib.suppress(OSError):
            while data := exchange.connection.recv(1 << 16):
                exchange.send(data.upper())
        exchange.close()

    browsers = [logged_in(own), logged_in(own, "bob")]
    with contextlib.ExitStack() as open_ones:
        sockets = [open_ones.enter_context(own.connect()) for _ in browsers]
        for browser, connection in zip(browsers, sockets):
            rest = bytearray()
            cookie = {"Cookie": f"__Host-rowgate={browser.jar['__Host-rowgate']}"}
            assert own.request("GET", "/ws", UPGRADE | cookie, connection=connection, rest=rest).status == 101
            assert exactly(connection, 5, rest) == b"hello"
        assert own.session("revoke", browsers[0].shown()["session"]).returncode == 0
        assert sockets[0].recv(10) == b""
        sockets[1].sendall(b"still")
        assert exactly(sockets[1], 5) == b"STILL"


def test_each_login_has_a_new_cookie_and_never_one_that_was_planted(own):
    browser = Browser(own)
    browser.jar["__Host-rowgate"] = planted = "A" * 42 + "E"
    assert browser.api().status == 401
    browser.log_in()
    first = browser.jar["__Host-rowgate"]
    assert first != planted
    browser.log_in()
    assert browser.jar["__Host-rowgate"] not in (first, planted)


def test_a_login_is_finished_by_the_browser_that_began_it_once(own):
    victim, enemy = Browser(own), Browser(own)
    callback = enemy.consent(enemy.begin())
    victim.begin()
    answer = victim.send("GET", callback)
    assert answer.status in (400, 403) and "__Host-rowgate" not in victim.jar
    answer = enemy.send("GET", callback)  # used up by the attempt
    assert answer.status in (400, 403) and "__Host-rowgate" not in enemy.jar
    honest = Browser(own)
    callback = honest.consent(honest.begin())
    assert honest.send("GET", callback).status == 303
    again = honest.send("GET", callback)
    assert again.status in (400, 403)


def test_two_session_cookies_and_garbage_prove_nobody(own):
    browser = logged_in(own)
    good = browser.jar["__Host-rowgate"]
    for cookie in (f"__Host-rowgate={good}; __Host-rowgate={good}", f"__Host-rowgate={good}; __host-rowgate=x",
                   f'__Host-rowgate="{good}"', f"__Host-rowgate={good}x", f"rowgate={good}", f"__Host-rowgate={good[:-1]}",
                   "__Host-rowgate=" + browser.shown()["session"], "__Host-rowgate="):
        assert own.request("GET", "/api/v1/chart/", {"Cookie": cookie}).status in (400, 401), cookie
    assert browser.api().status == 200


def test_what_changes_something_comes_from_our_own_pages(own):
    browser = logged_in(own)
    body, kind = b"{}", {"Content-Type": "application/json"}
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": f"http://{HOST}"},
                    {"Origin": f"https://{HOST}.evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                    {"Sec-Fetch-Site": "none"}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}):
        count = len(own.upstream.seen)
        answer = browser.send("POST", CHART, kind | headers, body)
        assert answer.status == 403 and b"http.csrf" in answer.body, headers
        assert len(own.upstream.seen) == count
    for headers in ({"Origin": f"https://{HOST}"}, {"Sec-Fetch-Site": "same-origin"},
                    {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}):
        assert browser.send("POST", CHART, kind | headers, body).status == 200, headers
    token = {"Authorization": f"Bearer {own.token(sub='robot')}"}
    assert own.request("POST", CHART, kind | token, body).status == 200  # no cookie: nobody can be led


@pytest.mark.parametrize("site, status", [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403), (None, 403)])
def test_a_link_of_another_site_changes_nothing_by_get(own, site, status):
    """Superset makes a dashboard when this page is opened, and a Lax cookie comes with a link."""
    browser = logged_in(own)
    own.upstream.forget()
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert browser.send("GET", "/dashboard/new/", headers).status == status
    assert len(own.upstream.seen) == (1 if status == 200 else 0)
    assert browser.send("GET", "/dashboard/list/", {"Sec-Fetch-Site": "cross-site"}).status == 200


def test_logout_asks_for_the_token_of_the_very_session(own):
    browser, other = logged_in(own), logged_in(own)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{HOST}"}
    foreign = other.shown()["csrf"]
    for text in ("", "csrf=", f"csrf={foreign}", f"csrf={browser.shown()['csrf'][:-1]}"):
        assert browser.send("POST", "/.rowgate/logout", form, text.encode()).status == 403, text
    assert browser.api().status == 200
    cookie = dict(browser.jar)
    answer = browser.send("POST", "/.rowgate/logout", form, f"csrf={browser.shown()['csrf']}".encode())
    assert answer.status == 303 and "__Host-rowgate" not in browser.jar
    browser.jar = cookie
    assert browser.api().status == 401
    assert other.api().status == 200


def test_who_goes_in_the_middle_of_it_is_on_record_all_the_same():
    """Four logins and a logout, whose browsers go while the provider thinks about the logins: the logout waits for a thread."""
    with Browsing(workers=1) as stack:
        leaving = logged_in(stack)
        csrf = leaving.shown()["csrf"]
        browsers = [Browser(stack) for _ in range(4)]
        callbacks = [browser.consent(browser.begin()) for browser in browsers]
        form = f"csrf={csrf}".encode()
        with contextlib.ExitStack() as going:
            def send(browser, method, path, body=b""):
                cookies = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
                connection = going.enter_context(stack.connect())
                connection.sendall((f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookies}\r\nOrigin: https://{HOST}\r\n"
                                    f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
                return connection

            stack.idp.process.send_signal(signal.SIGSTOP)
            going.callback(stack.idp.process.send_signal, signal.SIGCONT)
            connections = [send(browser, "GET", callback) for browser, callback in zip(browsers, callbacks)]
            assert stack.request("GET", "/health").status == 200  # by now they have begun
            connections.append(send(leaving, "POST", "/.rowgate/logout", form))
            assert stack.request("GET", "/health").status == 200
            for connection in connections:
                connection.shutdown(socket.SHUT_WR)
            for connection in connections:
                with contextlib.suppress(OSError):
                    assert connection.recv(1) == b"", "it was answered"
        httpstack.wait_until(lambda: records(stack, "login.failed") == 4 and records(stack, "logout") == 1, "five records", 30)
        httpstack.wait_until(lambda: stack.sessions() == [], "the end of sessions that nobody has")


def records(stack, kind):
    found = 0
    for path in (stack.audit / "seg").glob("*.jsonl"):
        found += path.read_bytes().count(b'"kind":"%s"' % kind.encode())
    return found


SECOND = f'''[idp.second]
type = "oidc"
issuer = "https://second.invalid"
audience = ["api://rowgate"]
{KEYS}'''


def test_a_session_is_good_only_where_its_provider_is_offered(secret):
    with Browsing() as stack:
        browser = logged_in(stack)
        both = {"extra": stack.keys["extra"] + SECOND}
        assert stack.reload(stack.config_text(**both))["event"] == "policy.reloaded"
        assert browser.api().status == 200
        assert stack.reload(stack.config_text(**both, listener='login = ["second"]'))["event"] == "policy.reloaded"
        assert browser.api().status == 401 and browser.shown() == 401


def test_a_reload_keeps_sessions(own):
    browser = logged_in(own)
    assert own.reload()["event"] == "policy.reloaded"
    assert browser.api().status == 200
    keys = own.keys["extra"]
    text = own.config_text(extra=keys + 'idle_timeout = "1m"\nabsolute_timeout = "1m"\n')
    assert own.reload(text)["event"] == "policy.reloaded"
    assert browser.api().status == 200  # younger than a minute
    assert own.reload(own.config_text())["event"] == "policy.reloaded"


def test_sessions_in_frames_have_their_own_jar(secret):
    with Browsing('cookie = "bi"\nembedded = true\nidle_timeout = "1h"\nabsolute_timeout = "2h"') as stack:
        browser = Browser(stack)
        assert browser.send("GET", browser.consent(browser.begin())).status == 303
        line = browser.said["__Host-bi"]
        assert "SameSite=None" in line and "Partitioned" in line and "Secure" in line
        assert browser.api().status == 200


class Web(httpstack.HttpStack):
    """The HTTP listener of a stack that has both planes."""

    host = "localhost"

    def __init__(self, both):
        self.directory = both.directory
        self.web_port = [event["port"] for event in both.rowgate.events() if event.get("event") == "listener.open"][-1]

    port = property(lambda self: self.web_port)

    def context(self, alpn=None):
        return ssl.create_default_context(cafile=self.directory / "tls/server.crt")

    def connect(self, name="localhost", **more):
        return super().connect("localhost", **more)

    def request(self, method, path, headers=(), body=b"", name="localhost", **more):
        return super().request(method, path, headers, body, name="localhost", **more)


class Both(stacks.Stack):
    """PostgreSQL behind one listener, an upstream in Superset's place behind the other."""

    def __enter__(self):
        self.superset = httpstack.Upstream()
        return super().__enter__()

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.superset.close()

    def config_text(self, **changes):
        more = f"""
[state]
url = "sqlite:{self.directory}/state/state.db"
[upstreams.superset]
kind = "superset"
url = "http://localhost:{self.superset.port}"
[[listeners]]
name = "web"
plane = "http"
listen = "127.0.0.1:0"
tls = "public"
upstream = "superset"
public_url = "https://localhost"
"""
        return super().config_text(**({"extra": more} | changes)).replace("[idp.main]\n", "[idp.main]\n" + KEYS, 1)


def test_one_order_ends_a_subject_on_both_planes(secret):
    with Both() as both:
        web = Web(both)
        browser = logged_in(web)
        token = both.idp.token(sub="alice")
        bearer = {"Authorization": f"Bearer {token}"}
        with contextlib.closing(both.connect(password=token)) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from shared.events")
            assert browser.api().status == 200 and web.request("GET", "/api/v1/chart/", bearer).status == 200
            done = both.command("session", "revoke", "--subject", "alice", "--idp", "main")
            assert done.stdout == "2 sessions ended\n", done.stderr
            assert browser.api().status == 401
            assert web.request("GET", "/api/v1/chart/", bearer).status == 401
            with pytest.raises(psycopg2.Error):
                cursor.execute("select 1")
            with pytest.raises(psycopg2.OperationalError, match="revoked"):
                both.connect(password=token)
        order = [record["unmapped"]["rg"] for record in both.audit_records() if record["unmapped"]["rg"]["kind"] == "session.revoke"]
        assert only(order)["sessions"] == 2


def logout_token(stack, *claims):
    events = json.dumps({"http://schemas.openid.net/event/backchannel-logout": {}})
    return stack.idp.token(sub="alice", tenant=None, ttl=60, claims=[f"events={events}", *claims],
                           options=["--aud", "rowgate", "--typ", "logout+jwt"])


def test_a_logout_at_the_provider_ends_the_subject_on_both_planes(secret):
    with Both() as both:
        web = Web(both)
        browser, other = logged_in(web), logged_in(web, "bob")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        token = both.idp.token(sub="alice")
        with contextlib.closing(both.connect(password=token)) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from shared.events")
            body = f"logout_token={logout_token(both)}".encode()
            path = "/.rowgate/oidc/main/backchannel-logout"
            assert web.request("POST", path, form, body).status == 200
            assert web.request("POST", path, form, body).status == 400  # a token is good once
            assert browser.api().status == 401 and other.api().status == 200
            with pytest.raises(psycopg2.Error):
                cursor.execute("select 1")
            with pytest.raises(psycopg2.OperationalError, match="revoked"):
                both.connect(password=token)
        assert any("revoked by idp main" in json.dumps(record) for record in both.audit_records())
