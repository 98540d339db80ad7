# SPDX-License-Identifier: Apache-2.0
"""People log in and out through a real SimpleSAMLphp: rowgate is the service provider in between. What the provider signs and
encrypts is its own work; what a browser carries is changed here to see it refused."""

import base64
import re
import subprocess
import urllib.parse
import zlib

import pytest

import loginstack
import simplesaml
import stack

pytestmark = pytest.mark.external  # SimpleSAMLphp: Debian's, with a web server that nothing else here needs

ENTITY = "urn:rowgate:tests:service:"
HOME = "/superset/welcome/"
ONE_ANSWER = re.compile(r"r-[0-9a-z]+")

IDP = """
type = "saml"
metadata = "{directory}/{name}.xml"
entity_id = "{entity}"
private_key = "{directory}/saml.key"
certificate = "{directory}/saml.pem"
display_name = "SimpleSAMLphp"
clock_skew = "60s"
{keys}
"""

# [idp.NAME]: what the provider does, and what rowgate is told beside
PROVIDERS = {
    "assertion": ({"saml20.sign.response": False, "saml20.sign.assertion": True}, ""),
    "response": ({"saml20.sign.response": True, "saml20.sign.assertion": False}, ""),
    "sealed": ({"saml20.sign.response": True, "saml20.sign.assertion": True, "assertion.encryption": True},
               "require_encrypted_assertions = true\nallow_cbc = true"),  # it encrypts by AES-CBC only
    "open": ({"saml20.sign.response": True, "saml20.sign.assertion": True}, "allow_idp_initiated = true"),
}


class World:
    """One SimpleSAMLphp, one rowgate: four [idp.NAME]s, each a service of its own at a provider of its own name."""

    def __init__(self, servers, running):
        self.servers = servers
        self.running = running

    def browser(self):
        return self.running.browser()

    def log_in(self, client, name="alice", idp="assertion", path=HOME):
        """The page with the provider's form that posts the assertion to us."""
        page = client.open(f"{self.running.url}/.rowgate/login/{idp}?" + urllib.parse.urlencode({"return_to": path}))
        assert page.status == 200 and page.forms, page
        return page.submit(username=name, password=f"{name}-password")

    def session(self, client):
        return self.running.session(client)


@pytest.fixture(scope="module")
def world():
    servers = {}
    try:
        for name in PROVIDERS:
            servers[name] = simplesaml.SimpleSaml(f"urn:rowgate:tests:{name}").__enter__()
        providers = {name: "" for name in PROVIDERS}
        running = loginstack.LoginStack(providers=providers)
        enter = running._start

        def start():
            prepare(running, servers)
            enter()
        running._start = start
        with running:
            yield World(servers, running)
    finally:
        for server in servers.values():
            server.__exit__()


def prepare(running, servers):
    directory = running.directory
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=rowgate",
                    "-keyout", "saml.key", "-out", "saml.pem"], check=True, capture_output=True, cwd=directory)
    for name, (options, keys) in PROVIDERS.items():
        (directory / f"{name}.xml").write_bytes(servers[name].metadata)
        servers[name].add_service(ENTITY + name, f"{running.url}/.rowgate/saml/{name}", (directory / "saml.pem").read_text(), options)
        running.providers[name] = IDP.format(directory=directory, name=name, entity=ENTITY + name, keys=keys)


@pytest.mark.parametrize("idp", PROVIDERS)
def test_a_person_logs_in(world, idp):
    client = world.browser()
    page = world.log_in(client, idp=idp, path="/superset/dashboard/12/?a=1")
    assert page.forms[0]["action"] == f"{world.running.url}/.rowgate/saml/{idp}/acs"
    answer = page.submit(follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/superset/dashboard/12/?a=1")
    session = world.session(client)
    assert session["user"] == "alice@acme.example" and session["tenant"] == f"acme-{idp}"


def test_the_upstream_gets_the_person_and_no_credential(world):
    client = world.browser()
    world.running.upstream.forget()
    page = world.log_in(client).submit()
    assert page.status == 200 and page.url.endswith(HOME)
    sent = world.running.upstream.seen[-1]
    assert sent.path == HOME and "__Host-rowgate" not in sent.headers.get("cookie", "")


def test_another_persons_tenant_is_another(world):
    client = world.browser()
    world.log_in(client, "bob").submit()
    assert world.session(client)["tenant"] == "globex-assertion"


def record_of(running, *words):
    """The newest record that has all these words."""
    lines = [line for path in sorted((running.audit / "seg").glob("*.jsonl"), reverse=True)
             for line in path.read_bytes().decode().rstrip("\0").split("\n")[::-1]]
    found = [line for line in lines if all(word in line for word in words)]
    assert found, f"no record has {words}"
    return found[0]


def refused(world, answer, rule=None):
    """The browser reads the same for every refusal, and no session is there."""
    assert answer.status == 403, answer
    assert world.session(answer.browser) is None
    if rule is not None:
        assert f"({rule})" in record_of(world.running, '"kind":"login.failed"'), rule
    return ONE_ANSWER.sub("r-x", answer.text)


def test_a_person_of_no_tenant_stays_outside(world):
    refused(world, world.log_in(world.browser(), "carol").submit(follow=False))


def test_an_answer_is_good_once(world):
    client = world.browser()
    page = world.log_in(client)
    assert page.submit(follow=False).status == 303
    client.cookies["localhost"].pop("__Host-rowgate")
    refused(world, page.submit(follow=False))


def test_an_assertion_is_good_once_even_under_a_new_request(world):
    """At a provider that may begin logins: the state of ours is not what stops it."""
    client = world.browser()
    page = client.open(world.servers["open"].sso_url(ENTITY + "open", "/x")).submit(username="alice", password="alice-password")
    assert page.submit(follow=False).status == 303
    again = world.browser()
    form = page.forms[0]
    refused(world, again.open(form["action"], "POST", form["fields"], follow=False))


def test_an_answer_is_good_in_its_own_browser_only(world):
    form = world.log_in(world.browser()).forms[0]
    other = world.browser()
    world.log_in(other)
    refused(world, other.open(form["action"], "POST", form["fields"], follow=False))


def test_an_answer_is_good_at_its_own_address_only(world):
    form = world.log_in(client := world.browser()).forms[0]
    refused(world, client.open(form["action"].replace("/assertion/", "/response/"), "POST", form["fields"], follow=False))


@pytest.mark.parametrize("idp", ("assertion", "response"))
def test_all_changes_read_the_same(world, idp):
    def attempt(change):
        client = world.browser()
        form = world.log_in(client, idp=idp).forms[0]
        xml = change(base64.b64decode(form["fields"]["SAMLResponse"]).decode())
        fields = form["fields"] | {"SAMLResponse": base64.b64encode(xml.encode()).decode()}
        return client.open(form["action"], "POST", fields, follow=False)

    texts = {refused(world, attempt(change), rule) for change, rule in (
        (lambda xml: xml.replace("alice@acme", "bob@acme"), "signature"),
        (lambda xml: re.sub(r"<ds:Signature .*?</ds:Signature>", "", xml, flags=re.S), "unsigned"),
        (lambda xml: "<!DOCTYPE a>" + xml.split("?>", 1)[-1], "doctype"),
        (lambda xml: xml.replace("alice@acme", "alice@<!-- -->acme"), "comment"),
        (lambda xml: xml[:-20], "xml"))}
    assert len(texts) == 1, texts


def test_logins_from_the_provider_are_refused_unless_allowed(world):
    client = world.browser()
    page = client.open(world.servers["assertion"].sso_url(ENTITY + "assertion", HOME)).submit(
        username="alice", password="alice-password")
    refused(world, page.submit(follow=False))
    page = client.open(world.servers["open"].sso_url(ENTITY + "open", "/superset/dashboard/7/")).submit(
        username="alice", password="alice-password")
    answer = page.submit(follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/superset/dashboard/7/")
    assert world.session(client)["tenant"] == "acme-open"


@pytest.mark.parametrize("state", ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""))
def test_a_relay_state_leads_nowhere_else(world, state):
    client = world.browser()
    page = client.open(world.servers["open"].sso_url(ENTITY + "open", "/x")).submit(username="alice", password="alice-password")
    form = page.forms[0]
    answer = client.open(form["action"], "POST", form["fields"] | {"RelayState": state}, follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/")


def test_a_logout_here_ends_the_providers_session_too(world):
    client = world.browser()
    world.log_in(client).submit()
    page = world.running.log_out(client)
    assert page.status == 200 and page.url.endswith("/.rowgate/logged-out"), [hop.url for hop in page.history]
    assert any(hop.url.startswith(world.servers["assertion"].url) for hop in page.history)
    assert world.session(client) is None
    page = client.open(f"{world.running.url}/.rowgate/login/assertion")
    assert "password" in page.text  # it asks again


def test_a_logout_at_the_provider_ends_ours(world):
    client = world.browser()
    world.log_in(client, "alice").submit()
    bystander = world.browser()
    world.log_in(bystander, "bob").submit()
    assert world.session(client) is not None
    page = client.open(world.servers["assertion"].logout_url)
    assert any("/.rowgate/saml/assertion/slo" in hop.url for hop in page.history), [hop.url for hop in page.history]
    assert world.session(client) is None
    assert world.session(bystander)["user"] == "bob@globex.example"
    record_of(world.running, '"kind":"logout"', "the provider ended 1 session", "alice@acme.example")


def test_a_forged_logout_ends_nothing(world):
    client = world.browser()
    world.log_in(client).submit()
    xml = (f'<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" '
           f'ID="_x" Version="2.0" IssueInstant="2026-01-01T00:00:00Z" Destination="{world.running.url}/.rowgate/saml/assertion/slo">'
           f"<saml:Issuer>urn:rowgate:tests:assertion</saml:Issuer><saml:NameID>alice@acme.example</saml:NameID></samlp:LogoutRequest>")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    message = base64.b64encode(packer.compress(xml.encode()) + packer.flush()).decode()
    query = urllib.parse.urlencode({"SAMLRequest": message})
    answer = client.open(f"{world.running.url}/.rowgate/saml/assertion/slo?{query}", follow=False)
    assert answer.status == 403
    answer = client.open(f"{world.running.url}/.rowgate/saml/assertion/slo", "POST",
                         {"SAMLRequest": base64.b64encode(xml.encode()).decode()}, follow=False)
    assert answer.status == 403
    assert world.session(client) is not None


def test_an_answer_to_nothing_changes_nothing(world):
    client = world.browser()
    world.log_in(client).submit()
    answer = client.open(f"{world.running.url}/.rowgate/saml/assertion/slo?SAMLResponse=AAAA", follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/.rowgate/logged-out")
    answer = client.open(f"{world.running.url}/.rowgate/saml/assertion/slo?SAMLResponse=AAAA&SAMLRequest=AAAA", follow=False)
    assert answer.status == 403
    assert world.session(client) is not None


def test_the_metadata_is_served_and_printed(world):
    client = world.browser()
    page = client.open(f"{world.running.url}/.rowgate/saml/sealed/metadata")
    assert page.status == 200 and page.headers["content-type"] == "application/samlmetadata+xml"
    printed = subprocess.run([stack.binary(), "saml", "metadata", "-c", world.running.rowgate.config, "--idp", "sealed"],
                             capture_output=True, check=True, env=world.running.rowgate.environment)
    assert printed.stdout.decode() == page.text
    assert f'entityID="{ENTITY}sealed"' in page.text and f'{world.running.url}/.rowgate/saml/sealed/acs"' in page.text
    assert "PRIVATE" not in page.text
    for path in ("main", "absent"):
        assert client.open(f"{world.running.url}/.rowgate/saml/{path}/metadata").status == 404


def test_logins_and_refusals_are_on_record(world):
    client = world.browser()
    world.log_in(client).submit()
    record_of(world.running, '"kind":"login"', "alice@acme.example", "urn:rowgate:tests:assertion", "acme-assertion")
