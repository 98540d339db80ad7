# SPDX-License-Identifier: Apache-2.0
"""Logins at a real Keycloak: in, wrong password, out both ways, refresh, key rotation, tenants, and tokens of programs."""

import json
import re
import time
import urllib.parse

import pytest

import keycloak as keycloak_module
import loginstack
import stack

pytestmark = pytest.mark.external

REALM = "login"
CLIENT = ("rowgate", "keycloak's secret & more")
KEYS = """\
type = "oidc"
preset = "keycloak"
issuer = "{issuer}"
audience = ["api://rowgate"]
ca_file = "{ca}"
client_id = "{client}"
client_secret = "env:ROWGATE_TEST_KEYCLOAK_SECRET"
jwks_cooldown = "1s"
clock_skew = "5s"
"""


@pytest.fixture(scope="module")
def world(keycloak):
    keys = KEYS.format(issuer=keycloak.issuer(REALM), ca=keycloak.ca_file, client=CLIENT[0])
    made = loginstack.LoginStack(providers={"kc": keys}, trust=[keycloak.ca_file], secrets={"ROWGATE_TEST_KEYCLOAK_SECRET": CLIENT[1]},
                                 ca=keycloak.authority)
    keycloak.make_realm(REALM, [keycloak_module.oidc_client(*CLIENT, made.url, "kc")], accessTokenLifespan=300)
    with made as running:
        yield running


@pytest.fixture
def kc(keycloak, world):
    return keycloak


def log_in(s, client, name="alice", password=None):
    return s.log_in(client, name, idp="kc", password=password)


def test_a_person_logs_in_and_is_of_his_tenant(world, kc):
    for name, tenant in (("alice", "acme-kc"), ("bob", "globex-kc")):
        client = world.browser()
        page = log_in(world, client, name)
        assert (page.status, page.url) == (200, f"{world.url}/superset/welcome/"), page
        session = world.session(client)
        assert (session["user"], session["tenant"], session["idp"]) == (name, tenant, "kc")
        assert world.records("login", session=session["session"][2:])[-1]["idp"] == kc.issuer(REALM)


def test_a_wrong_password_and_a_person_without_tenant_do_not_come_in(world, kc):
    client = world.browser()
    page = log_in(world, client, password="wrong")
    assert page.status == 200 and page.url.startswith(kc.url) and page.forms
    assert world.session(client) is None
    client = world.browser()
    page = log_in(world, client, "carol")
    assert page.status == 403 and "login.refused" in page.text
    reference = re.search(r"r-[0-9a-f]{16}", page.text).group()
    assert "tenant_id" in world.records("login.failed", reference=reference)[-1]["message"]


def test_logging_out_ends_keycloaks_session_too(world):
    client = world.browser()
    log_in(world, client)
    page = world.log_out(client)
    assert page.url == f"{world.url}/.rowgate/logged-out", page
    assert world.session(client) is None
    page = client.open(f"{world.url}/.rowgate/login/kc")
    assert page.forms, "Keycloak asks again"


def test_who_is_logged_in_at_keycloak_is_not_asked_again(world):
    client = world.browser()
    log_in(world, client)
    first = world.session(client)["session"]
    page = client.open(f"{world.url}/.rowgate/login/kc?return_to=/superset/welcome/")
    assert page.url == f"{world.url}/superset/welcome/" and not page.forms
    assert world.session(client)["session"] != first


def test_keycloak_ends_a_session_by_the_back_channel(world, kc):
    one, two = world.browser(), world.browser()
    kc.logout_user(REALM, "alice")
    log_in(world, one)
    first = kc.sessions(REALM, "alice")
    log_in(world, two)
    assert len(first) == 1
    kc.end_session(REALM, first[0])
    stack.wait_for(lambda: world.session(one) is None, "the logout")
    assert world.session(two) is not None, "the other one goes on"
    assert world.records("logout")[-1]["idp"] == kc.issuer(REALM)
    assert one.open(f"{world.url}/api/v1/me/").status == 401
    kc.end_session(REALM, (set(kc.sessions(REALM, "alice")) - set(first)).pop())
    stack.wait_for(lambda: world.session(two) is None, "the second logout")


def test_a_refresh_goes_on_with_the_session(world, kc):
    kc.admin(f"realms/{REALM}", {"accessTokenLifespan": 4}, "PUT")
    try:
        client = world.browser()
        log_in(world, client, "bob")
        found = kc.admin(f"realms/{REALM}/users?exact=true&username=bob")[0]
        kc.admin(f"realms/{REALM}/users/{found['id']}", found | {"attributes": {"tenant_id": [stack.TENANTS["acme"]], "regions": ["emea"]}}, "PUT")

        def has_come():
            client.open(f"{world.url}/api/v1/me/")
            return world.session(client)["tenant"] == "acme-kc"
        stack.wait_for(has_come, "the refreshed session", 60)
        kc.admin(f"realms/{REALM}/users/{found['id']}", found | {"enabled": False}, "PUT")

        def has_ended():
            client.open(f"{world.url}/api/v1/me/")
            return world.session(client) is None
        stack.wait_for(has_ended, "the end of a session whose refresh is refused", 60)
        kc.admin(f"realms/{REALM}/users/{found['id']}", found | {"enabled": True}, "PUT")
    finally:
        kc.admin(f"realms/{REALM}", {"accessTokenLifespan": 300}, "PUT")


def test_keycloaks_new_keys_are_found(world, kc):
    log_in(world, world.browser())
    kc.rotate_keys(REALM)
    client = world.browser()
    deadline = time.monotonic() + 60
    while log_in(world, client).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert world.session(client)["user"] == "alice"


def test_a_program_uses_keycloaks_access_token(world, kc):
    tokens = kc.password_token(REALM, *CLIENT, "alice")
    headers = {"Accept": "application/json"}
    page = world.browser().open(f"{world.url}/api/v1/me/", headers=headers | {"Authorization": f"Bearer {tokens['access_token']}"})
    assert (page.status, page.text) == (200, "upstream")
    for name in ("id_token", "refresh_token"):
        page = world.browser().open(f"{world.url}/api/v1/me/", headers=headers | {"Authorization": f"Bearer {tokens[name]}"})
        assert page.status == 401, name


def test_an_id_token_is_no_logout_token(world, kc):
    client = world.browser()
    log_in(world, client)
    for token in (kc.password_token(REALM, *CLIENT, "alice")["id_token"], kc.password_token(REALM, *CLIENT, "alice")["access_token"]):
        page = world.browser().open(f"{world.url}/.rowgate/oidc/kc/backchannel-logout", "POST", {"logout_token": token})
        assert page.status == 400
    assert world.session(client) is not None


def test_keycloaks_errors_are_said(world):
    client = world.browser()
    page = client.open(f"{world.url}/.rowgate/login/kc")
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(page.history[-1].headers["location"]).query)["state"][0]
    page = client.open(f"{world.url}/.rowgate/oidc/kc/callback?" + urllib.parse.urlencode({"state": state, "code": "invented"}))
    assert page.status == 403 and "login.refused" in page.text, json.dumps(page.text[:300])
