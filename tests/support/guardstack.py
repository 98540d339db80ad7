# SPDX-License-Identifier: Apache-2.0
"""stack.Stack with an HTTP listener as well, in front of a stand-in for Superset that has a cache: both planes of one rowgate.

    with guardstack.GuardStack() as s:
        status, answer = s.chart("acme")       # what a chart of that tenant's shows
        s.superset.keys_have_view = True       # as deploy/superset_config.py makes it
        s.view("acme")                         # the view key that Superset is told
"""

import base64
import hashlib
import http.client
import json
import ssl
import threading

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import httpstack
import stack

EXTRA = """
[state]
url = "sqlite:{directory}/state/state.db"
[upstreams.superset]
kind = "superset"
url = "http://localhost:{port}"
identity_key = "file:{directory}/identity.pem"
{guard}
[[listeners]]
name = "web"
plane = "http"
listen = "127.0.0.1:0"
tls = "public"
upstream = "superset"
public_url = "https://localhost"
requests_per_minute_per_address = 10_000_000
{more}
"""


class FakeSuperset(httpstack.Upstream):
    """Answers charts' data as Superset 6.1 does, out of a cache that all share. A chart's number is its tenant's canary."""

    def __init__(self):
        super().__init__()
        self.keys_have_view = False
        self.cache = {}
        self.guard = threading.Lock()
        self.headers = ()  # of answers
        self.plant = None  # an answer to give instead
        for path in ("/api/v1/chart/data", "/explore_json/", "/datasource/samples", "/api/v1/chart/7/data/"):
            self.on(path)(self.chart_data)

    @staticmethod
    def caller(request):
        """The claims of the identity token."""
        body = request.headers["x-rowgate-identity"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    def chart_data(self, exchange):
        caller = self.caller(exchange.request)
        if self.plant is not None:
            exchange.answer(200, self.headers, self.plant)
            return
        asked = exchange.request.body + exchange.request.path.encode() + (caller["view"].encode() if self.keys_have_view else b"")
        key = hashlib.sha256(asked).hexdigest()
        with self.guard:
            kept = self.cache.get(key)
            rows = kept or [{"who": f"canary of {caller['tenant']}"}]
            if b'"force"' not in exchange.request.body:
                self.cache[key] = rows
        result = {"cache_key": key, "cached_dttm": "2026-11-23T08:00:00" if kept else None, "is_cached": True if kept else None,
                  "status": "success", "rowcount": 1, "data": rows}
        is_flat = exchange.request.path.startswith("/explore_json")
        is_samples = exchange.request.path.startswith("/datasource")
        answer = result if is_flat else {"result": result if is_samples else [result]}
        exchange.answer(200, (("Content-Type", "application/json; charset=utf-8"), *self.headers), json.dumps(answer).encode())


class GuardStack(stack.Stack):
    def __init__(self, guard="", more="", **options):
        self.superset = FakeSuperset()
        self.guard = guard
        self.more = more
        super().__init__(**options)

    def __exit__(self, *_):
        super().__exit__(*_)
        self.superset.close()

    def config_text(self, **changes):
        path = self.directory / "identity.pem"
        if not path.exists():
            key = ed25519.Ed25519PrivateKey.generate()
            path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
            path.chmod(0o600)
        return super().config_text(**changes) + EXTRA.format(directory=self.directory, port=self.superset.port, guard=self.guard,
                                                             more=self.more)

    @property
    def web_port(self):
        return [event for event in self.rowgate.events() if event.get("event") == "listener.open"][-1]["port"]

    def ask(self, method, path, token, body=b"", headers=()):
        context = ssl.create_default_context(cafile=self.directory / "tls/server.crt")
        connection = http.client.HTTPSConnection("localhost", self.web_port, context=context, timeout=30)
        try:
            connection.request(method, path, body or None,
                               {"Host": "localhost", "Authorization": f"Bearer {token}", "Content-Type": "application/json",
                                "Accept-Encoding": "gzip"} | dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def chart(self, tenant, query=b'{"queries": [{"metrics": ["count"]}]}', path="/api/v1/chart/data", token=None):
        """Status and rows, or the problem."""
        method = "GET" if path.endswith("/data/") else "POST"
        status, body = self.ask(method, path, token or self.token(tenant), b"" if method == "GET" else query)
        return status, json.loads(body)

    def view(self, tenant, token=None):
        self.superset.forget()
        assert self.chart(tenant, b'{"force": true}', token=token)[0] == 200
        return self.superset.caller(self.superset.seen[-1])["view"]

    def reload(self, old="", new=""):
        """Changes the configuration in place, until it holds."""
        text = self.rowgate.config.read_text()
        assert old in text
        self.rowgate.config.write_text(text.replace(old, new, 1) if old else text + new)
        start = self.rowgate.log_path.stat().st_size
        self.rowgate.signal(1)
        stack.wait_for(lambda: self.rowgate.event("policy.reloaded", start), "the reload")

    def leaks(self):
        """Records of kind cache.leak: what stands in rg, with the tenant."""
        found = [record for record in self.audit_records() if record["unmapped"]["rg"]["kind"] == "cache.leak"]
        return [record["unmapped"]["rg"] | {"message": record["message"], "class_uid": record["class_uid"]} for record in found]
