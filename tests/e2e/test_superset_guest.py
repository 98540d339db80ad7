# SPDX-License-Identifier: Apache-2.0
"""Guests of embedded dashboards in a real Superset behind rowgate: what they see is theirs, and what rowgate refuses never gets
there to become Superset's silent anonymous."""
import json
import re
import time

import jwt
import pytest

import bi
import gueststack
import superset
from gueststack import resources

pytestmark = pytest.mark.external

MORE = 'ROWGATE_ROLES = {"": ["Gamma"], "boss": ["Admin"]}'


class World(gueststack.GuestStack):
    """Two dashboards, one embedded for each tenant, and a third for nobody."""

    def __enter__(self):
        public = self.public_pem.decode()
        self.superset = superset.Superset(public, more=MORE, workers=2)
        self.superset.__enter__()
        try:
            self.numbers, self.uuids = zip(*(self.make(title) for title in ("Acme's", "Globex's", "Nobody's")))
            self.dashboards = {"acme": [self.uuids[0]], "globex": [self.uuids[1]]}
            return super().__enter__()
        except BaseException:
            self.superset.__exit__()
            raise

    def __exit__(self, *_):
        try:
            super().__exit__(*_)
        finally:
            self.superset.__exit__()

    def config_text(self, **changes):
        return super().config_text(**changes).replace(f'url = "http://localhost:{self.upstream.port}"',
                                                      f'url = "{self.superset.url}"\nresponse_timeout = "60s"')

    def boss(self):
        now = int(time.time())
        return {"X-Rowgate-Identity": self.sign({"iss": "rowgate", "aud": "superset", "sub": "rg-" + "0" * 40, "name": "Boss", "tenant": "acme",
                                                 "view": "A" * 22, "roles": ["boss"], "session": "", "iat": now, "exp": now + 60})}

    def make(self, title):
        maker = bi.Caller(self.superset.url, self.boss)
        number = maker.made("/api/v1/dashboard/", {"dashboard_title": title, "published": True})
        embedded = maker.post(f"/api/v1/dashboard/{number}/embedded", {"allowed_domains": []})
        assert embedded.status == 200, embedded
        return number, embedded.json["result"]["uuid"]


@pytest.fixture(scope="module")
def world():
    with World() as made:
        yield made


@pytest.fixture(scope="module")
def guests(world):
    return {"acme": {"X-GuestToken": world.guest_token("alice", "acme", [world.uuids[0]])},
            "globex": {"X-GuestToken": world.guest_token("bob", "globex", [world.uuids[1]])}}


def test_superset_takes_the_guest_for_who_rowgate_says_it_is(world, guests):
    for tenant, who in (("acme", "alice"), ("globex", "bob")):
        answer = world.ask("GET", "/api/v1/me/roles/", guests[tenant])
        assert answer.status == 200, answer
        said = json.loads(answer.body)["result"]
        assert said["firstName"] == who and said["lastName"] == tenant and list(said["roles"]) == ["RowgateGuest"]
        assert said["username"].startswith(f"rg.{tenant}.")


def test_a_guest_opens_its_dashboard_and_no_other_by_number(world, guests):
    seen = {tenant: [world.ask("GET", f"/api/v1/dashboard/{number}", headers).status for number in world.numbers]
            for tenant, headers in guests.items()}
    assert seen["acme"][0] == 200 and set(seen["acme"][1:]) <= {403, 404}
    assert seen["globex"][1] == 200 and {seen["globex"][0], seen["globex"][2]} <= {403, 404}


def test_the_frame_is_an_html_page_for_that_dashboard(world):
    answer = world.ask("GET", f"/embedded/{world.uuids[0]}", {"Referer": gueststack.HOST_PAGE + "/", "Accept": "text/html"})
    assert answer.status == 200 and b"<html" in answer.body
    assert re.search(rb"dashboard_id(&#34;|\"|\\u0022|&quot;): *%d\b" % world.numbers[0], answer.body)
    assert "set-cookie" not in answer.headers and "x-frame-options" not in answer.headers
    assert gueststack.HOST_PAGE in answer.headers["content-security-policy"]
    assert world.ask("GET", f"/embedded/{world.uuids[2]}").status == 403


def test_supersets_own_ways_take_no_token_of_the_browser(world, guests):
    """Past rowgate, at Superset itself: the browser's token is none there, nor is one that Superset might sign."""
    at_superset = bi.Caller(world.superset.url, {})
    token = guests["acme"]["X-GuestToken"]
    assert at_superset.get("/api/v1/me/roles/", headers={"X-GuestToken": token}).status == 401
    now = int(time.time())
    claims = {"user": {"username": "rg.acme." + "A" * 22 + ".x"}, "resources": resources(world.uuids[0])["resources"],
              "rls_rules": [{"clause": "1 = 1"}], "iat": now, "exp": now + 60, "aud": "superset", "type": "guest"}
    forged = jwt.encode(claims, "test-guest-secret-change-me", algorithm="HS256")
    assert at_superset.get("/api/v1/me/roles/", headers={"X-GuestToken": forged}).status == 401
    minted = bi.Caller(world.superset.url, world.boss).post("/api/v1/security/guest_token/", {
        "user": {"username": "x"}, "resources": resources(world.uuids[0])["resources"], "rls": []})
    assert minted.status >= 400, minted


@pytest.mark.parametrize("bad", ["expired", "forged", "cut", "another's"])
def test_a_bad_token_is_not_supersets_anonymous(world, guests, bad):
    good = guests["acme"]["X-GuestToken"]
    claims = world.peek(good)
    token = {"expired": lambda: world.sign(claims | {"exp": int(time.time()) - 1}, headers=jwt.get_unverified_header(good)),
             "forged": lambda: jwt.encode(claims, "test-guest-secret-change-me", algorithm="HS256"), "cut": lambda: good[:-3],
             "another's": lambda: guests["globex"]["X-GuestToken"][:-3] + good[-3:]}[bad]()
    for path in ("/api/v1/me/roles/", f"/api/v1/dashboard/{world.numbers[0]}", "/api/v1/theme/"):
        answer = world.ask("GET", path, {"X-GuestToken": token})
        assert (answer.status, json.loads(answer.body)["rule"]) == (401, "guest.token")


def test_telemetry_and_state_of_the_page_work(world, guests):
    number = world.numbers[0]
    json_type = {"Content-Type": "application/json"}
    csrf = world.ask("GET", "/api/v1/security/csrf_token/", guests["acme"])
    assert csrf.status == 200, csrf
    kept = world.ask("POST", f"/api/v1/dashboard/{number}/filter_state", guests["acme"] | json_type, b'{"value": "{}"}')
    assert kept.status == 201, kept
    logged = world.ask("POST", "/superset/log/?explode=events", guests["acme"] | {"Content-Type": "application/x-www-form-urlencoded"},
                       b"events=[]")
    assert logged.status == 200, logged
