# SPDX-License-Identifier: Apache-2.0
"""Both planes for tests: PostgreSQL behind two SQL listeners that take capsules, and an upstream in Superset's place that
keeps the capsules it is sent.

    with capsulestack.CapsuleStack() as s:
        capsule = s.capsule({"Authorization": f"Bearer {s.token()}"})
        s.connect(password=capsule, user="whoever")          # the listener for capsules alone

Other listeners by name: s.connect(port=s.ports["mixed"]) takes all, "sql" is stack.py's and takes no capsule.
"""

import json
import os
import ssl
import subprocess

import httpstack
import stack

LISTENERS = """
[[listeners]]
name = "capsules"
plane = "sql"
listen = "127.0.0.1:0"
tls = "public"
login = ["capsule"]
[[listeners]]
name = "mixed"
plane = "sql"
listen = "127.0.0.1:0"
tls = "public"
login = ["capsule", "oidc", "scram"]
{mixed}
"""

WEB = """
[state]
{state}
[sessions]
{sessions}
[upstreams.superset]
kind = "superset"
url = "http://localhost:{port}"
identity_key = "file:{key}"
{upstream}
[[listeners]]
name = "web"
plane = "http"
listen = "127.0.0.1:0"
tls = "public"
upstream = "superset"
public_url = "https://localhost"
requests_per_minute_per_address = 10_000_000
"""

DASHBOARD = "a1a1a1a1-0000-4000-8000-000000000001"  # may be embedded for acme

CLIENT = 'client_id = "rowgate"\nclient_secret = "env:ROWGATE_TEST_CLIENT_SECRET"\n'


class Web(httpstack.HttpStack):
    """The HTTP listener, with the helpers of httpstack."""

    host = "localhost"

    def __init__(self, owner):
        self.owner = owner
        self.directory = owner.directory

    port = property(lambda self: self.owner.ports["web"])

    def context(self, alpn=None):
        return ssl.create_default_context(cafile=self.directory / "tls/server.crt")

    def connect(self, name="localhost", **more):
        return super().connect("localhost", **more)

    def request(self, method, path, headers=(), body=b"", name="localhost", **more):
        return super().request(method, path, headers, body, name="localhost", **more)


class CapsuleStack(stack.Stack):
    def __init__(self, upstream="", sessions="", mixed="", state=None, edit=lambda text: text, **options):
        super().__init__(**options)
        self.keys = {"upstream": upstream, "sessions": sessions, "mixed": mixed}
        self.state = state
        self.edit = edit  # of the configuration's text
        self.ports = {}

    def __enter__(self):
        self.superset = httpstack.Upstream()
        self.web = None
        super().__enter__()
        self.web = Web(self)
        return self

    def _start(self):
        super()._start()
        self.find_ports()

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.superset.close()

    def find_ports(self):
        opened = [event for event in self.rowgate.events() if event.get("event") == "listener.open"]
        self.ports = {event["name"]: event["port"] for event in opened}

    def environment(self):
        return super().environment() | {"ROWGATE_TEST_CLIENT_SECRET": "s3cret &+%"}

    def config_text(self, **changes):
        key = self.directory / "identity.pem"
        if not key.exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
            os.chmod(key, 0o600)
        state = self.state or f'url = "sqlite:{self.directory}/state/state.db"'
        more = LISTENERS.format(**self.keys) + WEB.format(state=state, port=self.superset.port, key=key, **self.keys)
        text = super().config_text(**({"extra": self.extra + more} | changes))
        text = text.replace('id = "acme"\n', f'id = "acme"\ndashboards = ["{DASHBOARD}"]\n')
        return self.edit(text.replace("[idp.main]\n", "[idp.main]\n" + CLIENT, 1))

    def reload(self, text):
        """The event that says what became of it."""
        import signal
        start = self.rowgate.log_path.stat().st_size
        self.rowgate.config.write_text(text)
        self.rowgate.signal(signal.SIGHUP)
        names = ("policy.reloaded", "policy.reload_failed")
        stack.wait_for(lambda: any(self.rowgate.event(name, start) for name in names), "the reload")
        return next(self.rowgate.event(name, start) for name in names if self.rowgate.event(name, start))["event"]

    # ---- capsules ----

    def bearer(self, sub="alice", tenant="acme", **options):
        return {"Authorization": f"Bearer {self.idp.token(sub, tenant, **options)}"}

    def forwarded(self, headers=(), send=None, path="/api/v1/chart/"):
        """The request as the upstream got it."""
        before = len(self.superset.seen)
        answer = (send or self.web.request)("GET", path, headers)
        assert answer.status == 200, answer
        return self.superset.seen[before]

    def capsule(self, headers=(), send=None):
        return self.forwarded(headers, send).headers["x-rowgate-capsule"]

    def guest_token(self, headers):
        body = json.dumps({"resources": [{"type": "dashboard", "id": DASHBOARD}]}).encode()
        answer = self.web.request("POST", "/.rowgate/guest-token", {"Content-Type": "application/json"} | headers, body)
        assert answer.status == 200, answer
        return json.loads(answer.body)["token"]

    def parameters(self, tenant="acme", **changes):
        if "password" in changes:
            return super().parameters(tenant, **({"port": self.ports["capsules"], "user": "rg-superset"} | changes))
        return super().parameters(tenant, **changes)
