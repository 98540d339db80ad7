# SPDX-License-Identifier: Apache-2.0
"""Superset's side of rowgate without rowgate: a real Superset, Redis and Celery worker before capsuleplane.CapsulePlane, whose callers bring
the headers that rowgate would set, signed here. For what Superset does with a capsule, and with none.

    with planeworld.World(pool="prefork") as world:
        world.caller("acme").get("/api/v1/me/")
"""
import base64
import contextlib
import hashlib
import time
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import bi
import capsuleplane
import redisserver
import superset

ROLES = 'ROWGATE_ROLES = {"": [], "maker": ["Admin"], "analyst": ["Alpha", "sql_lab"]}\n'
WORLD = """
CREATE SCHEMA sales;
CREATE TABLE sales.orders (id int PRIMARY KEY, region text, amount int, note text, placed timestamp);
INSERT INTO sales.orders SELECT i, (ARRAY['north','south'])[i % 2 + 1], i, 'canary of {tenant} ' || i, timestamp '2026-01-01' + i * interval '1 day'
  FROM generate_series(1, 40) i;
CREATE TABLE sales.only_{tenant} (id int);
CREATE SCHEMA own_{tenant};
"""


def view_of(tenant, more=""):
    return hashlib.sha256(f"{tenant}{more}".encode()).hexdigest()[:22]


def secret_of(view):
    """As rowgate makes it, in form: 32 bytes in 43 characters."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"secret of {view}".encode()).digest()).rstrip(b"=").decode()


class World:
    tenants = ("acme", "globex")

    def __init__(self, more="", redis=True, **options):
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.has_redis = redis
        self.more = more
        self.options = options

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            self.plane = undo.enter_context(capsuleplane.CapsulePlane(list(self.tenants)))
            self.plane.fill(WORLD)
            self.redis = undo.enter_context(redisserver.Redis()) if self.has_redis else None
            public = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            self.superset = undo.enter_context(superset.Superset(
                public.decode(), more=ROLES + self.more, redis=self.redis, databases=[f"localhost:{self.plane.port}"],
                ca_file=self.plane.ca_file, **self.options))
            self.maker = self.caller("acme", "maker", roles=["maker"])
            self.database = self.maker.database(self.uri())
            self.dataset = self.maker.dataset(self.database, "orders")
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def uri(self, password="stored-password"):
        return f"postgresql+psycopg2://stored_user:{password}@localhost:{self.plane.port}/bi"

    def capsule(self, tenant):
        """A new one, believed from now on."""
        made = f"rgc1.{uuid.uuid4().hex}"
        self.plane.live[made] = tenant
        return made

    def sign(self, claims):
        return jwt.encode(claims, self.key, algorithm="EdDSA")

    def identity(self, tenant, name="alice", roles=("analyst",), view=None, **changes):
        now = int(time.time())
        return self.sign({"iss": "rowgate", "aud": "superset", "sub": self.username(tenant, name), "name": name, "tenant": tenant,
                          "roles": list(roles), "view": view or view_of(tenant), "iat": now, "exp": now + 60} | changes)

    @staticmethod
    def username(tenant, name="alice"):
        return "rg-" + hashlib.sha256(f"{tenant} {name}".encode()).hexdigest()[:40]

    def caller(self, tenant, name="alice", capsule=None, roles=("analyst",), view=None):
        """Every request with a capsule of its own, unless one is given; "" is none."""
        def headers():
            own = self.capsule(tenant) if capsule is None else capsule
            lines = {"X-Rowgate-Identity": self.identity(tenant, name, roles, view), "X-Rowgate-Cache-Secret": secret_of(view or view_of(tenant))}
            return lines | ({"X-Rowgate-Capsule": own} if own else {})
        return bi.Caller(self.superset.url, headers)

    def guest(self, tenant, resource, capsule=None, has_header=True, view=None):
        def headers():
            own = self.capsule(tenant) if capsule is None else capsule
            now = time.time()
            marker = f"rg.{tenant}.{view or view_of(tenant)}"
            token = self.sign({"user": {"username": f"{marker}.0123456789ab", "first_name": "g", "last_name": tenant},
                               "resources": [{"type": "dashboard", "id": resource}], "rls_rules": [{"clause": f"'{marker}' = '{marker}'"}],
                               "iat": now, "exp": now + 60, "aud": "superset", "type": "guest", "rowgate": own})
            lines = {"X-GuestToken": token, "X-Rowgate-Cache-Secret": secret_of(view or view_of(tenant))}
            return lines | ({"X-Rowgate-Capsule": own} if own and has_header else {})
        return bi.Caller(self.superset.url, headers)
