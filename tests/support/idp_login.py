# SPDX-License-Identifier: Apache-2.0
"""The part of idp.py that people log in at: OpenID Connect's authorization code flow with PKCE, refresh, introspection and
logout, and GitHub's OAuth with its API below /api/v3, each as its documentation answers. Everybody is alice, bob or who stands
in D/people.json (NAME: claims); the password is NAME-password. The one client is rowgate with the secret "s3cret &+%"; opaque
access tokens, the client must use PKCE. D/twist.json overrides claims of the next ID tokens (null drops one): for attacks.
"""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
import urllib.parse

CLIENT = ("rowgate", "s3cret &+%")
ACME, GLOBEX = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
PEOPLE = {"alice": {"tenant_id": ACME, "regions": ["emea", "apac"], "email": "alice@acme.example", "id": 583231, "orgs": ["acme"]},
          "bob": {"tenant_id": GLOBEX, "regions": ["emea"], "email": "bob@globex.example", "id": 583232, "orgs": ["globex"]},
          "carol": {"id": 583233, "orgs": []}}

lock = threading.Lock()
codes, access, refresh = {}, {}, {}  # each once at most: code -> request, token -> grant


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Login:
    """What a request handler of idp.py mixes in. sign(claims, typ) gives a signed token."""

    def people(self):
        path = self.directory / "people.json"
        return PEOPLE | (json.loads(path.read_text()) if path.exists() else {})

    def twist(self):
        path = self.directory / "twist.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def metadata(self):
        return {"authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
                "introspection_endpoint": f"{self.issuer}/introspect", "end_session_endpoint": f"{self.issuer}/end_session",
                "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": True,
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"]}

    def send_json(self, status, content, headers=()):
        self.answer(status, json.dumps(content).encode(), headers)

    def login_get(self, path, query):
        if path in ("/authorize", "/login/oauth/authorize"):
            return self.show_form(path, query)
        if path == "/end_session":
            target = query.get("post_logout_redirect_uri")
            return self.answer(302, b"", [("Location", target)]) if target else self.send_json(200, {})
        if path in ("/api/v3/user", "/api/v3/user/orgs"):
            return self.github_api(path)
        return None

    def login_post(self, path, form):
        if path in ("/authorize", "/login/oauth/authorize"):
            return self.take_form(path, form)
        if path in ("/token", "/login/oauth/access_token"):
            return self.token(path, form)
        if path == "/introspect":
            return self.introspect(form)
        return None

    # ---- the browser's part ----

    def show_form(self, path, query, status=200):
        hidden = "".join(f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">' for name, value in query.items())
        page = (f'<!doctype html><title>login</title><form method="post" action="{path}">{hidden}<input name="username">'
                '<input name="password" type="password"><button>Log in</button></form>')
        self.answer(status, page.encode(), [("Content-Type", "text/html")])

    def take_form(self, path, form):
        name, password = form.pop("username", ""), form.pop("password", "")
        if form.get("client_id") != CLIENT[0] or form.get("code_challenge_method") != "S256" or form.get("response_type") not in ("code", None):
            return self.send_json(400, {"error": "invalid_request"})
        if name not in self.people() or password != f"{name}-password":
            return self.show_form(path, form, 401)
        back = {"state": form["state"]} | ({} if path.startswith("/login/") else {"iss": self.issuer})
        if name == "carol" and form.get("prompt") == "consent":
            back["error"] = "access_denied"
        else:
            back["code"] = secrets.token_urlsafe(16)
            with lock:
                codes[back["code"]] = form | {"person": name, "sid": secrets.token_hex(8)}
        return self.send_json(302, back, [("Location", f"{form['redirect_uri']}?{urllib.parse.urlencode(back)}")])

    # ---- the client's part ----

    def client(self, form):
        """True for the one client, by header or form; RFC 6749 2.3.1 encodes both halves in the header."""
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            pair = base64.b64decode(header[6:]).decode().split(":", 1)
            return tuple(urllib.parse.unquote_plus(part) for part in pair) == CLIENT
        return (form.get("client_id"), form.get("client_secret")) == CLIENT

    def token(self, path, form):
        github = path.startswith("/login/")
        refuse = (lambda error: self.send_json(200, {"error": error, "error_uri": "https://docs.github.com"})) if github else (
            lambda error: self.send_json(401 if error == "invalid_client" else 400, {"error": error}))
        if not self.client(form):
            return refuse("incorrect_client_credentials" if github else "invalid_client")
        if form.get("grant_type") == "refresh_token":
            with lock:
                grant = refresh.pop(form.get("refresh_token"), None)
            return refuse("invalid_grant") if grant is None or (self.directory / "no-refresh").exists() else self.grant(grant, github, None)
        with lock:
            asked = codes.pop(form.get("code"), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return refuse("bad_verification_code" if github else "invalid_grant")
        return self.grant({"person": asked["person"], "sid": asked["sid"], "scope": asked.get("scope", "")}, github, asked.get("nonce"))

    def grant(self, grant, github, nonce):
        token = ("gho_" if github else "opaque-") + secrets.token_urlsafe(24)
        with lock:
            access[token] = grant
        if github:  # of an app whose tokens expire
            again = "ghr_" + secrets.token_urlsafe(24)
            with lock:
                refresh[again] = grant
            return self.send_json(200, {"expires_in": 28800, "refresh_token": again, "access_token": token, "scope": grant["scope"].replace(" ", ","), "token_type": "bearer"})
        again = secrets.token_urlsafe(24)
        with lock:
            refresh[again] = grant
        claims = self.id_claims(grant, token, nonce)
        return self.send_json(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime(), "refresh_token": again,
                                    "id_token": self.sign(claims, "JWT")})

    def lifetime(self):
        path = self.directory / "lifetime"
        return int(path.read_text()) if path.exists() else 300

    def id_claims(self, grant, token, nonce):
        now = int(time.time())
        person = {name: value for name, value in self.people()[grant["person"]].items() if name not in ("id", "orgs")}
        claims = {"iss": self.issuer, "sub": grant["person"], "aud": CLIENT[0], "iat": now, "exp": now + 300, "sid": grant["sid"],
                  "at_hash": b64(hashlib.sha256(token.encode()).digest()[:16]), "preferred_username": grant["person"],
                  "jti": secrets.token_hex(8)} | person | ({"nonce": nonce} if nonce else {}) | self.twist()
        return {name: value for name, value in claims.items() if value is not None}

    def introspect(self, form):
        if not self.client(form):
            return self.send_json(401, {"error": "invalid_client"})
        with lock:
            grant = access.get(form.get("token"))
        if grant is None:
            return self.send_json(200, {"active": False})
        claims = self.people()[grant["person"]]
        now = int(time.time())
        return self.send_json(200, {"active": True, "iss": self.issuer, "sub": grant["person"], "aud": "api://rowgate", "client_id": CLIENT[0],
                                    "token_type": "Bearer", "exp": now + 300, "iat": now} | claims)

    # ---- GitHub's API ----

    def github_api(self, path):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        with lock:
            grant = access.get(token) if scheme == "Bearer" else None
        if grant is None or self.headers.get("User-Agent") is None:
            return self.send_json(401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"})
        person = self.people()[grant["person"]]
        if path == "/api/v3/user":
            return self.send_json(200, {"login": grant["person"], "id": person["id"], "node_id": "MDQ6VXNlcjE=", "type": "User",
                                        "site_admin": False, "name": grant["person"].title(), "email": person.get("email"),
                                        "tenant_id": person.get("tenant_id")})
        if "read:org" not in grant["scope"].split():
            return self.send_json(403, {"message": "Resource not accessible", "status": "403"})
        return self.send_json(200, [{"login": name, "id": number, "description": ""} for number, name in enumerate(person["orgs"])])
