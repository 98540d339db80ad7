# SPDX-License-Identifier: Apache-2.0
"""SAML at our own addresses: the road of a login and of a logout, and what leaves it. Real providers are in test_saml_login.py and
test_saml_keycloak.py, attacks on messages in tests/vectors/saml."""

import base64
import urllib.parse

import pytest

import loginstack
import saml_idp
import stack

ENTITY = "urn:rowgate:tests:service"
ALICE = "alice@acme.example"
KEYS = """
type = "saml"
metadata = "{file}"
entity_id = "{entity}"
private_key = "{directory}/saml.key"
"""


class World(loginstack.LoginStack):
    def _start(self):
        self.provider = saml_idp.SamlIdp(self.directory)
        (self.directory / "saml.key").write_bytes(self.provider.key.private_bytes(
            saml_idp.serialization.Encoding.PEM, saml_idp.serialization.PrivateFormat.PKCS8, saml_idp.serialization.NoEncryption()))
        self.providers["corp"] = KEYS.format(file=self.provider.file, entity=ENTITY, directory=self.directory)
        super()._start()

    def ask(self, client, path="/superset/welcome/"):
        page = client.open(f"{self.url}/.rowgate/login/corp?" + urllib.parse.urlencode({"return_to": path}), follow=False)
        assert page.status == 303, page
        assert page.headers["location"].startswith("https://idp.invalid/sso?SAMLRequest=")
        return self.provider.read(page.headers["location"])

    def answer(self, request, name=ALICE, tenant="acme"):
        return self.provider.answer(request, name, ENTITY, tenant_id=stack.TENANTS[tenant])

    def post(self, client, form):
        return client.open(f"{self.url}/.rowgate/saml/corp/acs", "POST", form, follow=False, origin="https://idp.invalid/")

    def come_in(self, client, **options):
        answer = self.post(client, self.answer(self.ask(client), **options))
        assert answer.status == 303, answer


@pytest.fixture(scope="module")
def world():
    with World(providers={"corp": ""}) as running:
        yield running


def test_a_person_logs_in(world):
    client = world.browser()
    request = world.ask(client, "/superset/dashboard/12/")
    assert request.acs == f"{world.url}/.rowgate/saml/corp/acs"
    answer = world.post(client, world.answer(request))
    assert (answer.status, answer.headers["location"]) == (303, "/superset/dashboard/12/")
    session = world.session(client)
    assert (session["user"], session["tenant"]) == (ALICE, "acme-corp")


def attempts(world, client):
    """Forms that are no login, each for a reason of its own."""
    def fresh(**options):
        return world.answer(world.ask(client), **options)

    used = fresh()
    assert world.post(client, used).status == 303
    client.cookies["localhost"].pop("__Host-rowgate")
    yield "used before", used
    yield "another browser's", world.answer(world.ask(world.browser()))
    request = world.ask(client)
    other = world.ask(client)
    yield "another request's", world.answer(request) | {"RelayState": other.relay_state}
    yield "no state", {key: value for key, value in fresh().items() if key != "RelayState"}
    yield "no answer", {"RelayState": world.ask(client).relay_state}
    yield "an unknown state", fresh() | {"RelayState": "A" * 43}
    yield "two answers", urllib.parse.urlencode(form := fresh()) + "&SAMLResponse=" + urllib.parse.quote(form["SAMLResponse"])
    changed = fresh()
    changed["SAMLResponse"] = base64.b64encode(base64.b64decode(changed["SAMLResponse"]).replace(b"alice@", b"admin@")).decode()
    yield "changed", changed
    yield "junk", fresh() | {"SAMLResponse": "junk"}


def test_what_is_no_login_reads_alike_and_leaves_no_session(world):
    client = world.browser()
    for name, form in attempts(world, client):
        if isinstance(form, str):
            form = urllib.parse.parse_qsl(form)
        answer = world.post(client, form)
        assert answer.status == 403, (name, answer)
        assert world.session(client) is None, name
        assert "SAML:" not in answer.text and "alice" not in answer.text, name


def test_a_huge_form_is_refused(world):
    client = world.browser()
    answer = world.post(client, world.answer(world.ask(client)) | {"more": "x" * (1 << 20)})
    assert answer.status == 413


def test_a_providers_logout_ends_what_it_names(world):
    slo = f"{world.url}/.rowgate/saml/corp/slo"
    first, second, bystander = world.browser(), world.browser(), world.browser()
    world.come_in(first)
    index = f"s{world.provider.count}"
    world.come_in(second)
    world.come_in(bystander, name="bob@globex.example", tenant="globex")
    url = world.provider.logout_url(slo, ALICE, index)
    answer = first.open(url, follow=False)
    assert answer.status == 303 and answer.headers["location"].startswith("https://idp.invalid/slo?SAMLResponse="), answer
    assert "RelayState=back" in answer.headers["location"] and "&Signature=" in answer.headers["location"]
    assert world.session(first) is None and world.session(second) is not None
    assert first.open(url, follow=False).status == 403  # once
    assert first.open(world.provider.logout_url(slo, ALICE), follow=False).status == 303
    assert world.session(second) is None and world.session(bystander) is not None


def test_a_forged_logout_ends_nothing(world):
    slo = f"{world.url}/.rowgate/saml/corp/slo"
    client = world.browser()
    world.come_in(client)
    honest = world.provider.logout_url(slo, ALICE)
    for url in (honest.split("&SigAlg")[0], honest.replace("RelayState=back", "RelayState=x"), honest + "&SAMLRequest=AAAA", slo):
        assert client.open(url, follow=False).status == 403, url
    assert client.open(slo + "?SAMLResponse=AAAA", follow=False).headers["location"] == "/.rowgate/logged-out"
    assert world.session(client) is not None


def test_a_logout_here_goes_on_to_the_provider(world):
    client = world.browser()
    world.come_in(client)
    answer = world.log_out(client, follow=False)
    assert answer.status == 303 and answer.headers["location"].startswith("https://idp.invalid/slo?SAMLRequest="), answer
    assert world.session(client) is None


def test_there_is_no_saml_where_none_is_configured(world):
    client = world.browser()
    for name in ("main", "absent"):
        assert client.open(f"{world.url}/.rowgate/saml/{name}/metadata").status == 404
        assert client.open(f"{world.url}/.rowgate/saml/{name}/acs", "POST", {"SAMLResponse": "AAAA"}).status == 404
