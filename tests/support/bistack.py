# SPDX-License-Identifier: Apache-2.0
"""capsulestack.CapsuleStack with a real Superset in the middle: PostgreSQL, rowgate's two planes, Superset, Redis, a Celery worker.

    with bistack.BiStack(pool="prefork") as s:
        s.caller("acme").get("/api/v1/me/")            # through rowgate, by an access token
        s.capsules()                                   # those that Superset was sent, from its own process

more: lines of superset_config.py.
"""
import contextlib
import ssl

from cryptography.hazmat.primitives import serialization

import bi
import capsulestack
import httpstack
import pgtest
import redisserver
import stack
import superset

ROLES = 'ROWGATE_ROLES = {"": [], "maker": ["Admin"], "analyst": ["Alpha", "sql_lab"]}\n'
OPENED = """
[[routes]]
name = "makers connect databases"
path = "/api/v1/database/"
methods = ["POST"]
roles = ["maker"]
allow = true
[[routes]]
name = "makers embed dashboards"
path = "/api/v1/dashboard/{slug}/embedded"
methods = ["POST", "PUT", "DELETE"]
roles = ["maker"]
allow = true
"""


class Running(superset.Superset):
    seen = ()

    def close(self):
        self.__exit__()


class BiStack(capsulestack.CapsuleStack):
    def __init__(self, more="", pool=None, environment=None, edit=lambda text: text, **options):
        self.sql_port = pgtest.free_port()
        self.more = more
        self.celery = pool
        self.given = environment
        self.database = self.dataset = None
        super().__init__(edit=lambda text: edit(self._edited(text)), extra=OPENED + options.pop("extra", ""), **options)

    def _edited(self, text):
        text = text.replace('name = "capsules"\nplane = "sql"\nlisten = "127.0.0.1:0"',
                            f'name = "capsules"\nplane = "sql"\nlisten = "127.0.0.1:{self.sql_port}"')
        text = text.replace("[claims]\n", '[claims]\nroles = { from = "roles", type = "text[]", max = 8 }\n', 1)
        return text.replace('identity_key = "file:', 'response_timeout = "120s"\nidentity_key = "file:', 1)

    def __enter__(self):
        self.undo = contextlib.ExitStack()
        self.superset = None
        stack.Stack.__enter__(self)
        try:
            self.web = capsulestack.Web(self)
            self._make()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *arguments):
        stack.Stack.__exit__(self, *arguments)
        self.undo.close()

    def _start(self):
        from cryptography.hazmat.primitives.asymmetric import ed25519
        key = ed25519.Ed25519PrivateKey.generate()
        path = self.directory / "identity.pem"
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        path.chmod(0o600)
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.redis = self.undo.enter_context(redisserver.Redis())
        self.superset = self.undo.enter_context(Running(
            public.decode(), more=ROLES + self.more, redis=self.redis, pool=self.celery, databases=[f"localhost:{self.sql_port}"],
            ca_file=self.directory / "tls/server.crt", environment=self.given))
        super()._start()

    def _make(self):
        self.maker = self.caller("acme", "mia", ["maker"])
        self.database = self.maker.database(f"postgresql+psycopg2://stored_user:stored-password@localhost:{self.sql_port}/bi")
        self.dataset = self.maker.dataset(self.database, "orders")

    @property
    def url(self):
        return f"https://localhost:{self.ports['web']}"

    def caller(self, tenant, name=None, roles=("analyst",)):
        """A program with a person's access token."""
        name = name or {"acme": "alice", "globex": "bob"}[tenant]
        listed = ",".join(f'"{role}"' for role in roles)
        token = self.idp.token(name, tenant, claims=[f"roles=[{listed}]"])
        return bi.Caller(self.url, {"Host": "localhost", "Authorization": f"Bearer {token}"}, ssl.create_default_context(cafile=self.directory / "tls/server.crt"))
