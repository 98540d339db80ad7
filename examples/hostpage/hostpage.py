#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small application that shows an embedded Superset dashboard from behind rowgate, with Python's standard library alone.

    hostpage.py CONFIG.json

One process, one listening port a brand. People log in at the identity provider (OpenID Connect, authorization code with PKCE); this
backend keeps their tokens and asks rowgate for guest tokens with the person's own access token (POST /guest-token here, which the
page calls). /session shows the other way: the page asks rowgate itself, with the cookie of a session that the browser has there.
Members of the configuration: see README.md.
"""
import base64
import hashlib
import html
import http.cookies
import http.server
import json
import pathlib
import secrets
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
FILES = {"/page.js": (HERE / "page.js", "text/javascript"), "/page.css": (HERE / "page.css", "text/css")}
LOGIN_SECONDS = 600
SESSIONS_MAX = 10_000
REFRESH_SECONDS = 30  # an access token that lives no longer than this is renewed before it is used


class Failure(Exception):
    """What the identity provider or rowgate answered that is no success."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Peer:
    """HTTPS to the identity provider and to rowgate."""

    def __init__(self, ca_file):
        self.context = ssl.create_default_context(cafile=ca_file)

    def call(self, url, data=None, headers=None):
        request = urllib.request.Request(url, data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            raise Failure(error.code, error.read()[:500].decode(errors="replace")) from error
        except (OSError, ValueError) as error:
            raise Failure(502, str(error)) from error


class Provider:
    """The identity provider, as OpenID Connect Discovery describes it."""

    def __init__(self, peer, config):
        self.peer, self.config = peer, config
        self.found = None

    @property
    def endpoints(self):
        if self.found is None:
            self.found = self.peer.call(self.config["issuer"] + "/.well-known/openid-configuration")
            if self.found["issuer"] != self.config["issuer"]:
                raise Failure(502, "the discovery document is another issuer's")
        return self.found

    def authorize_url(self, redirect_uri, state, nonce, verifier):
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return self.endpoints["authorization_endpoint"] + "?" + urllib.parse.urlencode({
            "response_type": "code", "client_id": self.config["client_id"], "redirect_uri": redirect_uri, "scope": "openid profile",
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256"})

    def token(self, **form):
        form |= {"client_id": self.config["client_id"], "client_secret": self.config["client_secret"]}
        return self.peer.call(self.endpoints["token_endpoint"], urllib.parse.urlencode(form).encode())

    def claims(self, id_token, nonce):
        """Those of an ID token that came straight from the token endpoint over TLS, which OpenID Connect Core 3.1.3.7 (6) takes in
        place of its signature."""
        middle = id_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if (claims["iss"] != self.config["issuer"] or self.config["client_id"] not in audience or claims["exp"] < time.time()
                or not secrets.compare_digest(claims.get("nonce", ""), nonce)):
            raise Failure(403, "the ID token is not for this login")
        return claims

    def logout_url(self, id_token, back):
        return self.endpoints["end_session_endpoint"] + "?" + urllib.parse.urlencode(
            {"id_token_hint": id_token, "post_logout_redirect_uri": back, "client_id": self.config["client_id"]})


class Session:
    """One person's tokens. They never leave this process but to the provider and to rowgate."""

    def __init__(self, provider, answer, claims):
        self.provider = provider
        self.name = claims.get("name") or claims.get("preferred_username") or claims["sub"]
        self.lock = threading.Lock()
        self.id_token = None
        self.keep(answer)

    def keep(self, answer):
        self.access = answer["access_token"]
        self.refresh = answer.get("refresh_token")
        self.id_token = answer.get("id_token") or self.id_token
        self.expires = time.time() + answer.get("expires_in", 60)

    def access_token(self):
        with self.lock:
            if self.expires - time.time() < REFRESH_SECONDS and self.refresh:
                self.keep(self.provider.token(grant_type="refresh_token", refresh_token=self.refresh))
            return self.access


class Application:
    """One brand: its name, its port, its people."""

    def __init__(self, config, brand):
        self.config, self.brand = config, brand
        self.url = f"https://localhost:{brand['port']}"
        self.cookie = f"__Host-{brand['name']}"  # cookies do not know ports: brands on one host need names of their own
        self.peer = Peer(config["ca_file"])
        self.provider = Provider(self.peer, config)
        self.logins = {}    # state -> (nonce, verifier, where to, when)
        self.sessions = {}  # cookie -> Session

    def begin(self, where):
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        now = time.time()
        self.logins = {key: login for key, login in self.logins.items() if now - login[3] < LOGIN_SECONDS}
        self.logins[state] = (nonce, verifier, where, now)
        return state, self.provider.authorize_url(f"{self.url}/callback", state, nonce, verifier)

    def finish(self, state, code):
        """The cookie of a new session, and where the person wanted to go."""
        nonce, verifier, where, _ = self.logins.pop(state)
        answer = self.provider.token(grant_type="authorization_code", code=code, redirect_uri=f"{self.url}/callback", code_verifier=verifier)
        session = Session(self.provider, answer, self.provider.claims(answer["id_token"], nonce))
        while len(self.sessions) >= SESSIONS_MAX:
            self.sessions.pop(next(iter(self.sessions)))
        value = secrets.token_urlsafe(32)
        self.sessions[value] = session
        return value, where

    def guest_token(self, session):
        """What rowgate answers, asked as the person."""
        body = json.dumps({"resources": [{"type": "dashboard", "id": self.config["dashboard"]}]}).encode()
        return self.peer.call(self.config["rowgate"] + "/.rowgate/guest-token", body,
                              {"Content-Type": "application/json", "Authorization": f"Bearer {session.access_token()}"})

    def page(self, session, way):
        values = {"title": self.brand["title"], "name": session.name if session else "",
                  "rowgate": self.config["rowgate"], "dashboard": self.config["dashboard"], "way": way,
                  "signed": "in" if session or way == "session" else "out", "brand": self.brand["name"]}
        text = (HERE / "page.html").read_text()
        for name, value in values.items():
            text = text.replace("{{%s}}" % name, html.escape(value))
        return text.encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def app(self):
        return self.server.app

    def cookies(self):
        found = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        return {name: one.value for name, one in found.items()}

    def session(self):
        return self.app.sessions.get(self.cookies().get(self.app.cookie))

    def answer(self, status, body=b"", kind="text/html; charset=utf-8", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy",
                         f"default-src 'self'; img-src 'self' data:; frame-src {self.app.config['rowgate']}; connect-src 'self' {self.app.config['rowgate']};"
                         " frame-ancestors 'none'")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, where, **headers):
        self.answer(303, Location=where, **headers)

    def set_cookie(self, value, seconds=43200, name=""):
        return f"{self.app.cookie}{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}"

    def handled(self, function):
        try:
            function()
        except Failure as error:
            self.log_error("%s", error)
            self.answer(error.status if error.status in (401, 403) else 502, b"not available\n", "text/plain")
        except (KeyError, ValueError):
            self.answer(400, b"bad request\n", "text/plain")

    def do_GET(self):
        self.handled(self.get)

    def do_POST(self):
        self.handled(self.post)

    def get(self):
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path in FILES:
            file, kind = FILES[parts.path]
            return self.answer(200, file.read_bytes(), kind)
        if parts.path == "/embedded-sdk.js":
            return self.answer(200, pathlib.Path(self.app.config["sdk"]).read_bytes(), "text/javascript")
        if parts.path == "/":
            return self.answer(200, self.app.page(self.session(), "backend"))
        if parts.path == "/session":
            return self.answer(200, self.app.page(None, "session"))
        if parts.path == "/login":
            state, where = self.app.begin("/")
            return self.redirect(where, Set_Cookie=self.set_cookie(state, LOGIN_SECONDS, "-login"))
        if parts.path == "/callback":
            return self.callback(query)
        return self.answer(404, b"not found\n", "text/plain")

    def callback(self, query):
        state = self.cookies().get(f"{self.app.cookie}-login", "")
        if not secrets.compare_digest(state.encode(), query["state"].encode()):
            raise Failure(403, "the login was begun by another browser")
        value, where = self.app.finish(state, query["code"])
        self.redirect(where, Set_Cookie=self.set_cookie(value))

    def post(self):
        self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 65536))
        if self.headers.get("Origin") != self.app.url:
            raise Failure(403, "another site asks")
        session = self.session()
        if self.path == "/guest-token":
            if session is None:
                raise Failure(401, "nobody is logged in")
            return self.answer(200, json.dumps(self.app.guest_token(session)).encode(), "application/json")
        if self.path == "/logout":
            self.app.sessions.pop(self.cookies().get(self.app.cookie), None)
            where = self.app.provider.logout_url(session.id_token, f"{self.app.url}/") if session else "/"
            return self.redirect(where, Set_Cookie=self.set_cookie("", 0))
        return self.answer(404, b"not found\n", "text/plain")

    def log_message(self, form, *words):
        print(f"{self.app.brand['name']} {form % words}", file=sys.stderr, flush=True)


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, config, brand):
        self.app = Application(config, brand)
        super().__init__(("127.0.0.1", brand["port"]), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(config["certificate"], config["private_key"])
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request, client_address):
        pass  # a browser that hangs up in the handshake is none of ours


def main():
    config = json.loads(pathlib.Path(sys.argv[1]).read_text())
    servers = [Server(config, brand) for brand in config["brands"]]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
