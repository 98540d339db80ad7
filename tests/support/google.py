# SPDX-License-Identifier: Apache-2.0
"""Google's OpenID Connect as its documentation answers it (developers.google.com/identity/openid-connect), on loopback: RS256, keys
at another path than the issuer's, opaque access tokens "ya29.", no refresh token unless asked for offline access, no end_session
endpoint, `hd` only for accounts of a Workspace domain, extra parameters in the redirect. People log in by their name alone.

    with google.Google(authority) as provider:
        provider.issuer, provider.asked       # the parameters of each request to the token endpoint
        provider.twist = {"hd": None}         # changes claims of the next ID tokens; None drops one
"""

import base64
import contextlib
import hashlib
import html
import http.server
import json
import secrets
import ssl
import threading
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = ("1234-abc.apps.googleusercontent.com", "GOCSPX-a-secret-of-google")
PEOPLE = {  # sub is a number as text, never the address
    "alice": {"sub": "110169484474386276334", "hd": "acme.example", "email": "alice@acme.example", "email_verified": True, "name": "Alice A"},
    "bob": {"sub": "110169484474386276335", "hd": "globex.example", "email": "bob@globex.example", "email_verified": True, "name": "Bob B"},
    "carol": {"sub": "110169484474386276336", "email": "carol@gmail.com", "email_verified": True, "name": "Carol C"},
}
SCOPE = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json; charset=utf-8", headers=()):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(data))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        google, url = self.server.google, urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/.well-known/openid-configuration":
            return self.answer(200, google.metadata())
        if url.path == "/oauth2/v3/certs":
            return self.answer(200, {"keys": google.keys()}, headers=[("Cache-Control", "public, max-age=20000, must-revalidate, no-transform")])
        if url.path == "/o/oauth2/v2/auth":
            return self.show_form(query)
        return self.answer(404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", "text/html")

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        if self.path == "/o/oauth2/v2/auth":
            return self.take_form(form)
        return self.token(form) if self.path == "/token" else self.answer(404, {})

    def show_form(self, query):
        google = self.server.google
        if query.get("client_id") != CLIENT[0] or "redirect_uri" not in query or "openid" not in query.get("scope", "").split():
            return self.answer(400, "<title>Error 400: invalid_request</title>", "text/html")
        google.shown.append(query)
        hidden = "".join(f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">' for name, value in query.items())
        return self.answer(200, f'<title>Sign in</title><form method="post" action="/o/oauth2/v2/auth">{hidden}<input name="identifier"></form>', "text/html")

    def take_form(self, form):
        google, name = self.server.google, form.pop("identifier", "")
        back = {"state": form["state"]}
        if name not in PEOPLE:
            back["error"] = "access_denied"
        else:
            back["code"] = "4/" + secrets.token_urlsafe(24)
            back |= {"scope": SCOPE, "authuser": "0", "prompt": "consent"} | ({"hd": PEOPLE[name]["hd"]} if "hd" in PEOPLE[name] else {})
            google.codes[back["code"]] = form | {"person": name}
        return self.answer(302, {}, headers=[("Location", f"{form['redirect_uri']}?{urllib.parse.urlencode(back)}")])

    def token(self, form):
        google = self.server.google
        google.asked.append(form)
        pair = (form.get("client_id"), form.get("client_secret"))
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            pair = tuple(urllib.parse.unquote_plus(part) for part in base64.b64decode(header[6:]).decode().split(":", 1))
        if pair != CLIENT:
            return self.answer(401, {"error": "invalid_client", "error_description": "Unauthorized"})
        begun = google.codes.pop(form.get("code"), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if form.get("grant_type") != "authorization_code" or begun is None or challenge != begun.get("code_challenge"):
            return self.answer(400, {"error": "invalid_grant", "error_description": "Malformed auth code."})
        if form.get("redirect_uri") != begun["redirect_uri"]:
            return self.answer(400, {"error": "redirect_uri_mismatch", "error_description": "Bad Request"})
        access = "ya29." + secrets.token_urlsafe(48)
        return self.answer(200, {"access_token": access, "expires_in": 3599, "scope": SCOPE, "token_type": "Bearer",
                                 "id_token": google.id_token(begun, access)})


class Google:
    def __init__(self, authority):
        self.private = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
        self.codes, self.asked, self.shown, self.twist = {}, [], [], {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.google = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("google"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.issuer = f"https://localhost:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def metadata(self):
        """https://accounts.google.com/.well-known/openid-configuration, its hosts made ours."""
        return {"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/o/oauth2/v2/auth",
                "device_authorization_endpoint": f"{self.issuer}/device/code", "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/v1/userinfo", "revocation_endpoint": f"{self.issuer}/revoke",
                "jwks_uri": f"{self.issuer}/oauth2/v3/certs", "response_types_supported": ["code", "token", "id_token", "code token", "none"],
                "response_modes_supported": ["query", "fragment", "form_post"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid", "email", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "claims_supported": ["aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name", "picture", "sub"],
                "code_challenge_methods_supported": ["plain", "S256"],
                "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]}

    def keys(self):
        """The newer one signs; both are published."""
        found = []
        for number, key in enumerate(self.private):
            public = key.public_key().public_numbers()
            found.append({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": f"{number:040x}", "e": "AQAB", "n": b64(public.n.to_bytes(256, "big"))})
        return found

    def id_token(self, begun, access):
        now = int(time.time())
        claims = {"iss": self.issuer, "azp": CLIENT[0], "aud": CLIENT[0], "at_hash": b64(hashlib.sha256(access.encode()).digest()[:16]),
                  "nonce": begun.get("nonce"), "iat": now, "exp": now + 3600} | PEOPLE[begun["person"]] | self.twist
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.private[1], "RS256", {"kid": f"{1:040x}"})


@contextlib.contextmanager
def twisted(provider, **claims):
    provider.twist = claims
    try:
        yield
    finally:
        provider.twist = {}
