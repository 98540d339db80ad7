# SPDX-License-Identifier: Apache-2.0
"""A second real OpenID Connect provider for tests: the npm package oidc-provider (a certified implementation), over TLS with a
private authority, on a free loopback port, stopped by process id. Fetched into build/ once. Tests that use it are marked
external.

    with oidc_provider.OidcProvider(authority, [oidc_provider.client("rowgate", "secret", "https://localhost:8443")]) as provider:
        provider.issuer
"""

import base64
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import urllib.request

from cryptography.hazmat.primitives.asymmetric import ec

import pgtest
import stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "oidc-provider"
PACKAGE = "oidc-provider@8.8.1"
INTEGRITY = "sha512-qVChpayTwojUREJxLkFofUSK8kiSRIdzPrVSsoGibqRHl/YO60ege94OZS8vh7zaK+zxcG/Gu8UMaYB5ulohCQ=="
PEOPLE = {name: {"tenant_id": stack.TENANTS[tenant], "regions": ["emea"], "email": f"{name}@{tenant}.example"}
          for name, tenant in (("alice", "acme"), ("bob", "globex"))}


def fetch():
    """The directory that holds node_modules; downloads some 10 MB when it is not there."""
    HOME.mkdir(parents=True, exist_ok=True)
    home = HOME / hashlib.sha256(PACKAGE.encode()).hexdigest()[:12]
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            part = HOME / "part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", part, PACKAGE],
                           check=True, timeout=600, capture_output=True)
            found = json.loads((part / "package-lock.json").read_text())["packages"]["node_modules/oidc-provider"]["integrity"]
            if found != INTEGRITY:
                raise RuntimeError(f"{PACKAGE} is {found}, not the one these tests were written for")
            part.rename(home)
    return home


def client(client_id, secret, public_url, idp="main", **changes):
    own = f"{public_url}/.rowgate/oidc/{idp}"
    return {"client_id": client_id, "client_secret": secret, "redirect_uris": [f"{own}/callback"],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "backchannel_logout_uri": f"{own}/backchannel-logout", "backchannel_logout_session_required": True,
            "post_logout_redirect_uris": [f"{public_url}/.rowgate/logged-out"], "scope": "openid profile email offline_access"} | changes


def signing_key():
    key = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    text = lambda number: base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()  # noqa: E731
    public = key.public_numbers
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "es", "x": text(public.x), "y": text(public.y),
            "d": text(key.private_value)}


class OidcProvider:
    """authority: of tests/support/authority.py; the provider trusts it, too."""

    def __init__(self, authority, clients, people=None, lifetime=300):
        self.authority = authority
        self.clients = clients
        self.people = people or PEOPLE
        self.lifetime = lifetime
        self.port = pgtest.free_port()
        self.process = None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-oidc-provider."))

    @property
    def issuer(self):
        return f"https://localhost:{self.port}"

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stack.end(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def granted(self, kind):
        """How many grants of a type its token endpoint has made."""
        return (self.directory / "log").read_text().count(f"granted {kind}\n")

    def _start(self):
        certificate, key = self.authority.issue("oidc-provider")
        options = {"issuer": self.issuer, "port": self.port, "clients": self.clients, "people": self.people, "lifetime": self.lifetime,
                   "certificate": str(certificate), "key": str(key), "modules": str(fetch()), "jwks": {"keys": [signing_key()]}}
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(["node", ROOT / "tests/support/oidc_provider.mjs", json.dumps(options)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=os.environ | {"NODE_EXTRA_CA_CERTS": str(self.authority.ca_file)})
        stack.wait_for(lambda: self.process.poll() is not None or self._answers(), "oidc-provider", 60)
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "log").read_text()[-4000:])

    def _answers(self):
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        try:
            with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", context=context, timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False
