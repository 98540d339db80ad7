# SPDX-License-Identifier: Apache-2.0
"""Logins by the preset "google", at an imitation that answers as Google's documentation says (tests/support/google.py)."""

import pytest

import authority as authority_module
import google
import loginstack

PAGE = "/superset/welcome/"
KEYS = """\
type = "oidc"
preset = "google"
issuer = "{issuer}"
ca_file = "{ca}"
client_id = "{client}"
client_secret = "env:ROWGATE_TEST_GOOGLE_SECRET"
"""
TENANTS = """
[[tenants]]
id = "{tenant}-workspace"
match = {{ idp = "google", claim = "organisation", value = "{tenant}.example" }}
route = {{ upstream = "database", schemas = {{ sales = "t_{tenant}_google" }} }}
"""


class World(loginstack.LoginStack):
    """Tenants by the Workspace domain, as docs/login-oidc.md has it; a claim that the test's own provider does not give."""

    def config_text(self, **changes):
        text = super().config_text(**changes)
        claims = '[claims]\norganisation = { from = { oidc = "hd" }, type = "text" }\n'
        text = text.replace("[claims]\n", claims).replace(', required = true }', " }")
        keys = KEYS.format(issuer=self.google.issuer, ca=self.ca.ca_file, client=google.CLIENT[0])
        return text + f"\n[idp.google]\n{keys}" + "".join(TENANTS.format(tenant=name) for name in ("acme", "globex"))


@pytest.fixture(scope="module")
def s(tmp_path_factory):
    ca = authority_module.Authority(tmp_path_factory.mktemp("ca"))
    made = World(trust=[ca.ca_file], secrets={"ROWGATE_TEST_GOOGLE_SECRET": google.CLIENT[1]}, ca=ca)
    with google.Google(ca) as provider:
        made.google = provider
        with made as running:
            yield running


def log_in(s, client, name):
    page = client.open(f"{s.url}/.rowgate/login/google?return_to={PAGE}")
    assert page.status == 200 and page.forms, page
    return page.submit(identifier=name)


def test_people_of_a_workspace_domain_are_of_their_tenant(s):
    for name, tenant in (("alice", "acme-workspace"), ("bob", "globex-workspace")):
        client = s.browser()
        page = log_in(s, client, name)
        assert (page.status, page.url) == (200, s.url + PAGE), page
        session = s.session(client)
        assert (session["tenant"], session["idp"]) == (tenant, "google")
        assert s.records("login", session=session["session"][2:])[-1]["subject"] == google.PEOPLE[name]["sub"]
        assert s.log_out(client).url == f"{s.url}/.rowgate/logged-out", "Google has no logout to go to"
        assert s.session(client) is None


def test_what_is_asked_of_google_is_what_it_documents(s):
    log_in(s, s.browser(), "alice")
    shown, asked = s.google.shown[-1], s.google.asked[-1]
    assert shown["response_type"] == "code" and shown["code_challenge_method"] == "S256" and shown["state"] and shown["nonce"]
    assert set(shown["scope"].split()) == {"openid", "profile", "email"}
    assert asked["grant_type"] == "authorization_code" and asked["redirect_uri"] == f"{s.url}/.rowgate/oidc/google/callback"
    assert "refresh_token" not in asked


def test_an_account_without_a_domain_belongs_to_nobody(s):
    client = s.browser()
    page = log_in(s, client, "carol")
    assert page.status == 403 and "login.tenant" in page.text, page
    assert s.session(client) is None


@pytest.mark.parametrize("twist", [
    {"hd": "acme.example.evil.example"}, {"hd": "ACME.example\u0000"}, {"aud": "another.apps.googleusercontent.com"},
    {"azp": "another.apps.googleusercontent.com", "aud": ["another.apps.googleusercontent.com", google.CLIENT[0]]},
    {"nonce": "of another login"}, {"nonce": None}, {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, {"iss": "https://accounts.google.com"},
    {"exp": 1}, {"sub": None}, {"sub": ""}], ids=lambda twist: "-".join(twist) + "-" + str(len(str(twist))))
def test_an_id_token_that_is_not_right_is_refused(s, twist):
    client = s.browser()
    with google.twisted(s.google, **twist):
        page = log_in(s, client, "bob")
    assert page.status in (401, 403) and s.session(client) is None, page


def test_an_access_token_of_google_opens_nothing(s):
    page = s.browser().open(f"{s.url}/api/v1/me/", headers={"Authorization": "Bearer ya29.a0AfB_byC"}, follow=False)
    assert page.status == 401, page


def test_a_person_who_declines_is_told(s):
    client = s.browser()
    page = log_in(s, client, "nobody")
    assert page.status in (401, 403) and s.session(client) is None
    assert any("access_denied" in (record["message"] or "") for record in s.records("login.failed"))
