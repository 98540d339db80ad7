# SPDX-License-Identifier: Apache-2.0
"""Logins at a second real provider, npm's oidc-provider: another reading of the same specifications than Keycloak's. Its access
tokens are opaque, it sends iss with every answer, rotates refresh tokens, and types its logout tokens."""

import pytest

import authority as authority_module
import loginstack
import oidc_provider
import stack

pytestmark = pytest.mark.external

CLIENT = ("rowgate", "a-secret-of-the-second-provider")
KEYS = """\
type = "oidc"
issuer = "{issuer}"
audience = ["api://rowgate"]
ca_file = "{ca}"
client_id = "{client}"
client_secret = "env:ROWGATE_TEST_NODE_SECRET"
scopes = ["openid", "profile", "email", "offline_access"]
jwks_cooldown = "1s"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    ca = authority_module.Authority(tmp_path_factory.mktemp("ca"))
    made = loginstack.LoginStack(trust=[ca.ca_file], secrets={"ROWGATE_TEST_NODE_SECRET": CLIENT[1]}, ca=ca)
    with oidc_provider.OidcProvider(ca, [oidc_provider.client(*CLIENT, made.url, "node")], lifetime=4) as provider:
        made.providers["node"] = KEYS.format(issuer=provider.issuer, ca=ca.ca_file, client=CLIENT[0])
        with made as running:
            running.provider = provider
            yield running


def log_in(s, client, name="alice"):
    """Through the provider's page for the name, and the one for consent."""
    page = client.open(f"{s.url}/.rowgate/login/node?return_to=/superset/welcome/")
    page = page.submit(login=name, password=f"{name}-password")
    assert page.forms and page.url.startswith(s.provider.issuer), page
    return page.submit()


def test_a_person_logs_in_and_is_of_his_tenant(world):
    for name, tenant in (("alice", "acme-node"), ("bob", "globex-node")):
        client = world.browser()
        page = log_in(world, client, name)
        assert (page.status, page.url) == (200, f"{world.url}/superset/welcome/"), page
        session = world.session(client)
        assert (session["user"], session["tenant"]) == (name, tenant)


def test_refresh_tokens_are_used_one_after_the_other(world):
    """The provider takes each once, and revokes all when one comes twice."""
    client = world.browser()
    log_in(world, client)
    before = world.provider.granted("refresh_token")

    def was_refreshed():
        assert client.open(f"{world.url}/api/v1/me/").status == 200
        return world.provider.granted("refresh_token") >= before + 2
    stack.wait_for(was_refreshed, "two refreshes", 120)
    assert world.session(client)["user"] == "alice"


def test_logging_out_goes_by_the_provider_and_comes_back(world):
    client = world.browser()
    log_in(world, client)
    page = world.log_out(client)
    assert page.url.startswith(world.provider.issuer) and page.forms, page  # it asks
    page = page.submit(logout="yes")
    assert page.url == f"{world.url}/.rowgate/logged-out", page
    assert world.session(client) is None


def test_the_provider_ends_the_session_by_the_back_channel(world):
    client = world.browser()
    log_in(world, client)
    page = client.open(f"{world.provider.issuer}/session/end")
    page.submit(logout="yes")
    stack.wait_for(lambda: world.session(client) is None, "the logout")
    assert world.records("logout")[-1]["idp"] == world.provider.issuer


def test_who_says_no_is_not_logged_in(world):
    client = world.browser()
    page = client.open(f"{world.url}/.rowgate/login/node")
    abort = next(link for link in page.links if link.endswith("/abort"))
    page = client.open(world.provider.issuer + abort if abort.startswith("/") else abort)
    assert page.status == 403 and "login.refused" in page.text, page
    assert world.session(client) is None
    assert "access_denied" in world.records("login.failed")[-1]["message"]
