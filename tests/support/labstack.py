# SPDX-License-Identifier: Apache-2.0
"""A real Superset with both planes of rowgate around it: its callers come through the HTTP plane with access tokens, its database is
the SQL plane's listener for capsules, and behind that is a PostgreSQL with two tenants' schemas.

    with labstack.LabStack() as s:
        alice = s.caller("alice")                                  # bi.Caller: an analyst of acme
        alice.sql_rows(s.database, "select count(*) from orders")
"""
import contextlib
import os
import ssl
import subprocess

from cryptography.hazmat.primitives import serialization

import bi
import pgtest
import redisserver
import stack
import superset

LISTENERS = """
[state]
url = "sqlite:{directory}/state/state.db"
[upstreams.superset]
kind = "superset"
url = "{superset}"
identity_key = "file:{directory}/identity.pem"
response_timeout = "60s"
[[listeners]]
name = "capsules"
plane = "sql"
listen = "127.0.0.1:{sql_port}"
tls = "public"
login = ["capsule"]
[[listeners]]
name = "web"
plane = "http"
listen = "127.0.0.1:{web_port}"
tls = "public"
upstream = "superset"
public_url = "https://localhost:{web_port}"
requests_per_minute_per_address = 1_000_000
[[routes]]
name = "makers"
path = "/api/v1/{{rest}}"
roles = ["maker", "analyst"]
allow = true
"""
ROLES = """
ROWGATE_ROLES = {"": [], "maker": ["Admin"], "analyst": ["Alpha", "sql_lab"]}
FEATURE_FLAGS = {**FEATURE_FLAGS, "ESTIMATE_QUERY_COST": True}
CSV_STREAMING_ROW_THRESHOLD = 50
"""


class LabStack(stack.Stack):
    """fill: SQL for the database, behind what stack.py makes."""

    def __init__(self, more="", pool="threads", **options):
        super().__init__(**options)
        self.more = more
        self.worker_pool = pool
        self.sql_port = pgtest.free_port()
        self.web_port = pgtest.free_port()
        self.undo = contextlib.ExitStack()
        self.bearers = {}

    def _start(self):
        key = self.directory / "identity.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
        os.chmod(key, 0o600)
        public = serialization.load_pem_private_key(key.read_bytes(), None).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.redis = self.undo.enter_context(redisserver.Redis())
        self.superset = superset.Superset(public, more=ROLES + self.more, redis=self.redis, pool=self.worker_pool,
                                          databases=[f"localhost:{self.sql_port}"], ca_file=self.directory / "tls/server.crt")
        super()._start()
        self.undo.enter_context(self.superset)
        self.maker = self.caller("mia", roles=("maker",))
        self.database = self.maker.database(f"postgresql+psycopg2://anybody@localhost:{self.sql_port}/bi", allow_run_async=False)

    def __exit__(self, *arguments):
        self.undo.close()
        super().__exit__(*arguments)

    def config_text(self, **changes):
        own = LISTENERS.format(directory=self.directory, superset=self.superset.url, sql_port=self.sql_port, web_port=self.web_port)
        text = super().config_text(**({"extra": self.extra + own} | changes))
        text = text.replace("[claims]\n", '[claims]\nroles = { from = "roles", type = "text[]", max = 8 }\n')
        return text.replace("[idp.main]\n", '[idp.main]\nclient_id = "rowgate"\nclient_secret = "env:ROWGATE_TEST_CLIENT_SECRET"\n')

    def environment(self):
        return super().environment() | {"ROWGATE_TEST_CLIENT_SECRET": "s3cret &+%"}

    def caller(self, name="alice", tenant="acme", roles=("analyst",)):
        who = (name, tenant, tuple(roles))
        if who not in self.bearers:
            self.bearers[who] = self.idp.token(name, tenant, claims=[f"roles={list(roles)}".replace("'", '"')])
        context = ssl.create_default_context(cafile=self.directory / "tls/server.crt")
        return bi.Caller(f"https://localhost:{self.web_port}", {"Authorization": f"Bearer {self.bearers[who]}"}, context)
