# SPDX-License-Identifier: Apache-2.0
"""loginstack.LoginStack with embedded dashboards: a signing key, each tenant's dashboards and the sites that may frame them;
the recording upstream reads X-GuestToken as Superset does, with PyJWT and the public key.

    with gueststack.GuestStack() as s:
        token = s.guest_token("alice")                        # by her access token
        s.ask("GET", "/api/v1/me/roles/", {"X-GuestToken": token})
        s.guest()                                             # the claims that the upstream was sent last
"""

import json

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import loginstack

A1, A2 = "a1a1a1a1-0000-4000-8000-000000000001", "a1a1a1a1-0000-4000-8000-000000000002"
G1 = "b2b2b2b2-0000-4000-8000-000000000001"
BOTH = "c3c3c3c3-0000-4000-8000-000000000001"  # embedded for both tenants
NOBODYS = "d4d4d4d4-0000-4000-8000-000000000001"
DASHBOARDS = {"acme": [A1, A2, BOTH], "globex": [G1, BOTH]}
ANCESTORS = {"acme": ["https://app.acme.example", "https://*.acme-apps.example", "http://localhost:3000"],
             "globex": ["https://portal.globex.example:8443"]}
HOST_PAGE = ANCESTORS["acme"][0]
PATH = "/.rowgate/guest-token"


def resources(*ids):
    return {"resources": [{"type": "dashboard", "id": one} for one in ids]}


class GuestStack(loginstack.LoginStack):
    """lifetime: of guest tokens; None = rowgate's own. An hour: longer than any module of tests."""

    def __init__(self, dashboards=None, lifetime="1h", clock_skew="0s", upstream="", **options):
        self.dashboards = DASHBOARDS if dashboards is None else dashboards
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.lifetime = lifetime
        self.skew = clock_skew
        self.more_upstream = upstream
        super().__init__(**options)
        self.keys["idp_keys"] += f'clock_skew = "{clock_skew}"\n'

    def _start(self):
        path = self.directory / "identity.pem"
        path.write_bytes(self.pem(self.key))
        path.chmod(0o600)
        lifetime = f'guest_token_lifetime = "{self.lifetime}"\n' if self.lifetime else ""
        self.keys["upstream"] = f'identity_key = "file:{path}"\n{lifetime}{self.more_upstream}'
        super()._start()

    @staticmethod
    def pem(key):
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    @property
    def public_pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def config_text(self, dashboards=None, **changes):
        text = super().config_text(**changes)
        for tenant, uuids in (self.dashboards if dashboards is None else dashboards).items():
            keys = f"dashboards = {json.dumps(uuids)}\nframe_ancestors = {json.dumps(ANCESTORS[tenant])}\n"
            text = text.replace(f'id = "{tenant}"\n', f'id = "{tenant}"\n{keys}')
        return text

    def ask(self, method, path, headers=(), body=b"", connection=None):
        name = self.url.removeprefix("https://")
        if connection is not None:
            return self.request(method, path, headers, body, name=name, connection=connection)
        with self.connect("localhost") as own:
            return self.request(method, path, headers, body, name=name, connection=own)

    def cookie(self, browser):
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies["localhost"].items())}

    def bearer(self, name="alice", tenant="acme", **options):
        return {"Authorization": f"Bearer {self.token(name, tenant, **options)}"}

    def create(self, credential, wanted, **headers):
        """The answer of POST /.rowgate/guest-token."""
        body = wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
        lines = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()} | credential
        return self.ask("POST", PATH, lines, body)

    def guest_token(self, name="alice", tenant="acme", ids=(A1,), credential=None):
        answer = self.create(credential or self.bearer(name, tenant), resources(*ids))
        assert answer.status == 200, answer
        return json.loads(answer.body)["token"]

    def guest(self, request=None, is_late=False):
        """As Superset reads it (superset/security/manager.py, parse_jwt_guest_token)."""
        request = request or self.upstream.seen[-1]
        claims = jwt.decode(request.headers["x-guesttoken"], self.public_pem, algorithms=["EdDSA"], audience="superset",
                            options={"verify_exp": not is_late})
        assert claims["user"] is not None and claims["resources"] is not None and claims["rls_rules"] is not None
        assert claims["type"] == "guest"
        return claims

    def sign(self, claims, key=None, headers=None, algorithm="EdDSA"):
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers=headers)

    @staticmethod
    def peek(token):
        return jwt.decode(token, options={"verify_signature": False})
