# SPDX-License-Identifier: Apache-2.0
"""httpstack.HttpStack where people can log in: [state], and an identity provider that is a client's. Its address is
https://localhost:PORT, so that real providers can reach the back channel.

    with loginstack.LoginStack() as s:
        page = s.log_in(s.browser(), "alice", "/superset/welcome/")
"""

import json
import shutil
import urllib.parse

import browser
import httpstack
import idp_login
import pgtest
import stack

CLIENT = """
client_id = "{client}"
client_secret = "env:ROWGATE_TEST_CLIENT_SECRET"
introspection = "discovery"
display_name = "Corporate login"
"""

STATE = """
[sessions]
idle_timeout = "30m"
absolute_timeout = "12h"
"""

# another provider of the same people: its tenants have names of their own
PROVIDER = """
[idp.{name}]
{keys}
"""
TENANT = """
[[tenants]]
id = "{tenant}-{name}"
match = {{ idp = "{name}", claim = "tenant_id", value = "{value}" }}
route = {{ upstream = "database", schemas = {{ sales = "t_{tenant}_{name}" }} }}
"""


class LoginStack(httpstack.HttpStack):
    """providers: {NAME: keys of [idp.NAME]}; trust: CA files of theirs for the browser; secrets: environment."""

    def __init__(self, providers=None, trust=(), secrets=None, idp_keys=None, ca=None, **options):
        self.own_port = pgtest.free_port()
        self.ca = ca  # an authority.Authority to take instead of one of our own: what the provider trusts
        self.providers = providers or {}
        self.trust = list(trust)
        self.secrets = {"ROWGATE_TEST_CLIENT_SECRET": idp_login.CLIENT[1]} | (secrets or {})
        super().__init__(names=("localhost",), idp_keys=CLIENT.format(client=idp_login.CLIENT[0]) if idp_keys is None else idp_keys,
                         **options)

    @property
    def url(self):
        return f"https://localhost:{self.own_port}"

    def _start(self):
        (self.directory / "state").mkdir(mode=0o700)
        if self.ca is not None:
            (self.directory / "tls").mkdir()
            for name in ("ca.pem", "ca.key"):
                shutil.copy(self.ca.directory / name, self.directory / "tls" / name)
        made = stack.Rowgate.__init__

        def with_secrets(rowgate, directory, text, environment, audit=None):
            made(rowgate, directory, text, environment | self.secrets, audit)
        stack.Rowgate.__init__ = with_secrets
        try:
            super()._start()
        finally:
            stack.Rowgate.__init__ = made

    def config_text(self, **changes):
        extra = STATE
        for name, keys in self.providers.items():
            extra += PROVIDER.format(name=name, keys=keys)
            extra += "".join(TENANT.format(name=name, tenant=tenant, value=value) for tenant, value in stack.TENANTS.items())
        text = super().config_text(**({"extra": self.keys["extra"] + extra} | changes))
        return (text.replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{self.own_port}"')
                .replace(f"https://{httpstack.HOST}", self.url))

    def browser(self):
        return browser.Browser(self.authority.ca_file, self.directory / "idp/ca.pem", *self.trust)

    def log_in(self, client, name="alice", path="/superset/welcome/", idp="main", password=None):
        """The page that the person ends at, through the provider's form."""
        page = client.open(f"{self.url}/.rowgate/login/{idp}?" + urllib.parse.urlencode({"return_to": path}))
        assert page.status == 200 and page.forms, page
        return page.submit(username=name, password=password or f"{name}-password")

    def session(self, client):
        """What /.rowgate/session says; None = nobody."""
        page = client.open(f"{self.url}/.rowgate/session")
        return json.loads(page.text) if page.status == 200 else None

    def log_out(self, client, follow=True):
        return client.open(f"{self.url}/.rowgate/logout", "POST", {"csrf": self.session(client)["csrf"]}, follow=follow, origin=self.url)

    def file(self, name, text):
        """A file by which the provider of idp.py is told what to do; None removes it."""
        path = self.directory / "idp" / name
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)

    def records(self, kind, **members):
        """The audit log's records of a kind, oldest first, each flat: rowgate's own members, user, message, tenant."""
        found = []
        for path in sorted((self.audit / "seg").glob("*.jsonl")):
            for line in path.read_bytes().split(b"\n"):
                if line.startswith(b"{") and line.endswith(b"}"):
                    record = json.loads(line)
                    own = record["unmapped"]["rg"]
                    flat = own | {"user": record.get("user", {}).get("name"), "subject": record.get("user", {}).get("uid"),
                                  "message": record.get("message") or record.get("status_detail")}
                    if own["kind"] == kind and all(flat.get(name) == value for name, value in members.items()):
                        found.append(flat)
        return found
