# SPDX-License-Identifier: Apache-2.0
"""SAML logins at a real Keycloak: signed, encrypted, out from either side, begun at the provider, keys rotated."""

import subprocess

import pytest

import keycloak as keycloak_module
import loginstack

pytestmark = pytest.mark.external

REALM = "saml"
ENTITY = "urn:rowgate:tests:keycloak:"
KEYS = """
type = "saml"
metadata = "{directory}/keycloak.{name}.xml"
entity_id = "{entity}"
private_key = "{directory}/saml.key"
certificate = "{directory}/saml.pem"
{keys}
"""

# [idp.NAME]: attributes of the client at Keycloak, and what rowgate is told beside. A provider is one entity, so that each has a
# realm of its own.
PROVIDERS = {
    "kcplain": ({"saml.server.signature": "false", "saml.assertion.signature": "true"}, ""),
    "kcsealed": ({"saml.encrypt": "true"}, "require_encrypted_assertions = true\nallow_cbc = true"),  # 26.0 has no AES-GCM
    "kcopen": ({"saml_idp_initiated_sso_url_name": "rowgate", "saml.signature.algorithm": "RSA_SHA512"}, "allow_idp_initiated = true"),
}


def client_of(running, name, options, certificate):
    signing = {"saml.client.signature": "true", "saml.signing.certificate": certificate, "saml.encryption.certificate": certificate}
    return keycloak_module.saml_client(ENTITY + name, running.url, name, signing | options)


@pytest.fixture(scope="module")
def world(keycloak):
    running = loginstack.LoginStack(providers={name: "" for name in PROVIDERS}, trust=[keycloak.ca_file])
    begin = running._start

    def start():
        directory = running.directory
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=rowgate",
                        "-keyout", "saml.key", "-out", "saml.pem"], check=True, capture_output=True, cwd=directory)
        certificate = "".join(line for line in (directory / "saml.pem").read_text().splitlines() if not line.startswith("-"))
        for name, (options, keys) in PROVIDERS.items():
            keycloak.make_realm(REALM + name, [client_of(running, name, options, certificate)])
            (directory / f"keycloak.{name}.xml").write_bytes(keycloak.saml_metadata(REALM + name))
            running.providers[name] = KEYS.format(directory=directory, name=name, entity=ENTITY + name, keys=keys)
        begin()
    running._start = start
    with running:
        yield running


def log_in(running, client, idp, name="alice"):
    """The page with Keycloak's form that posts the assertion to us."""
    page = client.open(f"{running.url}/.rowgate/login/{idp}?return_to=/superset/welcome/")
    assert page.status == 200 and page.forms, page
    return page.submit(username=name, password=f"{name}-password")


@pytest.mark.parametrize("idp", PROVIDERS)
def test_a_person_logs_in_and_is_of_his_tenant(world, keycloak, idp):
    for name, tenant in (("alice", "acme"), ("bob", "globex")):
        client = world.browser()
        page = log_in(world, client, idp, name)
        assert page.forms[0]["action"] == f"{world.url}/.rowgate/saml/{idp}/acs", page.text
        page = page.submit()
        assert (page.status, page.url) == (200, f"{world.url}/superset/welcome/"), page.text
        session = world.session(client)
        assert (session["user"], session["tenant"]) == (name, f"{tenant}-{idp}")


def test_a_person_of_no_tenant_stays_outside(world):
    client = world.browser()
    assert log_in(world, client, "kcplain", "carol").submit().status == 403
    assert world.session(client) is None


@pytest.mark.parametrize("idp", ("kcplain", "kcsealed"))  # kcplain does not sign its answer
def test_a_logout_here_ends_keycloaks_session_too(world, keycloak, idp):
    client = world.browser()
    log_in(world, client, idp).submit()
    page = world.log_out(client)
    if page.forms:  # Keycloak answers by POST
        page = page.submit()
    assert page.url == f"{world.url}/.rowgate/logged-out", page.text
    assert world.session(client) is None
    assert client.open(f"{world.url}/.rowgate/login/{idp}").forms[0]["fields"].keys() >= {"username"}  # it asks again


def test_a_logout_at_keycloak_ends_ours(world, keycloak):
    client, bystander = world.browser(), world.browser()
    log_in(world, client, "kcsealed").submit()
    log_in(world, bystander, "kcsealed", "bob").submit()
    page = client.open(f"{keycloak.issuer(REALM + 'kcsealed')}/protocol/openid-connect/logout").submit()
    for _ in range(3):  # front channel: a form that posts to us, and our answer back
        if page.forms and "SAML" in str(page.forms[0]["fields"]):
            page = page.submit()
    assert world.session(client) is None
    assert world.session(bystander)["user"] == "bob"


def test_a_login_may_begin_at_keycloak_only_where_it_may(world, keycloak):
    client = world.browser()
    page = client.open(f"{keycloak.issuer(REALM + 'kcopen')}/protocol/saml/clients/rowgate?RelayState=/superset/dashboard/7/")
    page = page.submit(username="alice", password="alice-password")
    answer = page.submit(follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/superset/dashboard/7/"), answer.text
    assert world.session(client)["tenant"] == "acme-kcopen"


def test_a_new_key_counts_after_a_reload(world, keycloak):
    keycloak.rotate_keys(REALM + "kcplain")
    client = world.browser()
    assert log_in(world, client, "kcplain").submit().status == 403
    (world.directory / "keycloak.kcplain.xml").write_bytes(keycloak.saml_metadata(REALM + "kcplain"))
    world.reload()
    client = world.browser()
    assert log_in(world, client, "kcplain").submit().status == 200
