# SPDX-License-Identifier: Apache-2.0
"""People log in by a browser at an OpenID Connect provider (tests/support/idp_login.py), come back, and leave again; and
everything that somebody else could try on the way. Real providers: test_oidc_keycloak.py."""

import base64
import hashlib
import json
import re
import time
import urllib.parse

import pytest

import idp_login
import loginstack
import stack

PAGE = "/superset/welcome/"
GITHUB = """\
type = "oidc"
preset = "github"
issuer = "{issuer}"
ca_file = "{ca}"
client_id = "rowgate"
client_secret = "env:ROWGATE_TEST_CLIENT_SECRET"
scopes = ["read:user", "read:org"]
"""


class World(loginstack.LoginStack):
    """GitHub's imitation is at the same address."""

    def config_text(self, **changes):
        self.providers["github"] = GITHUB.format(issuer=self.idp.issuer, ca=self.directory / "idp/ca.pem")
        return super().config_text(**changes)


@pytest.fixture(scope="module")
def world():
    with World() as running:
        yield running


@pytest.fixture
def s(world):
    yield world
    for name in ("twist.json", "people.json", "lifetime", "no-refresh", "fault"):
        world.file(name, None)


def callback_of(s, client, name="alice", idp="main", **query):
    """Where the provider sends the browser; not yet opened."""
    page = client.open(f"{s.url}/.rowgate/login/{idp}?" + urllib.parse.urlencode({"return_to": PAGE} | query))
    answer = page.submit(follow=False, username=name, password=f"{name}-password")
    assert answer.status == 302, answer
    return answer.headers["location"]


def refused(s, page, rule, status=403, session=None):
    assert page.status == status and rule in page.text, page
    assert not any(name.lower() == "set-cookie" and "__Host-rowgate=" in value for name, value in page.lines)
    reference = re.search(r"r-[0-9a-f]{16}", page.text).group()
    assert s.records("login.failed", reference=reference), "a login that failed is on record under the number that is shown"
    assert s.session(session) is None if session else True
    return s.records("login.failed", reference=reference)[-1]


# ---- in and out ----


def test_a_login_leads_back_to_the_page_that_was_asked_for(s):
    client = s.browser()
    s.upstream.forget()
    page = client.open(f"{s.url}{PAGE}?a=b%26c")
    assert page.url.startswith(f"{s.url}/.rowgate/login?"), page  # two providers: a choice
    assert "Corporate login" in page.text
    link = next(link for link in page.links if "/login/main" in link)
    page = client.open(urllib.parse.urljoin(page.url, link.replace("&amp;", "&")))
    assert not s.upstream.seen, "nobody's request reached the upstream"
    page = page.submit(username="alice", password="alice-password")
    assert (page.status, page.url, page.text) == (200, f"{s.url}{PAGE}?a=b%26c", "upstream")
    assert s.upstream.seen[-1].path == f"{PAGE}?a=b%26c" and "cookie" not in s.upstream.seen[-1].headers
    session = s.session(client)
    assert (session["user"], session["tenant"], session["idp"]) == ("alice", "acme", "main")
    record = s.records("login", session=session["session"][2:])[-1]
    assert (record["user"], record["tenant"], record["idp"], record["listener"]) == ("alice", "acme", s.idp.issuer, "web")


def test_the_session_cookie_is_for_this_host_alone(s):
    client = s.browser()
    page = client.open(callback_of(s, client), follow=False)
    line = next(value for name, value in page.lines if name.lower() == "set-cookie" and value.startswith("__Host-rowgate="))
    words = {word.strip().lower() for word in line.split(";")[1:]}
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= words and not any(word.startswith("domain") for word in words)
    assert page.status == 303 and page.headers["location"] == PAGE
    first = client.cookies["localhost"]["__Host-rowgate"]
    s.log_in(client)
    assert client.cookies["localhost"]["__Host-rowgate"] != first, "each login has a cookie of its own"


def test_a_wrong_password_is_the_providers_to_refuse(s):
    client = s.browser()
    page = s.log_in(client, password="wrong")
    assert page.status == 401 and page.url.startswith(s.idp.issuer)
    assert s.session(client) is None


def test_two_people_are_two_tenants_and_one_without_is_nobody(s):
    alice, bob, carol = s.browser(), s.browser(), s.browser()
    s.log_in(alice, "alice")
    s.log_in(bob, "bob")
    assert (s.session(alice)["tenant"], s.session(bob)["tenant"]) == ("acme", "globex")
    refused(s, s.log_in(carol, "carol"), "login.refused", session=carol)  # a required claim is missing


def test_a_tenant_that_nobody_configured_is_refused(s):
    s.file("people.json", json.dumps({"dave": {"tenant_id": "33333333-3333-3333-3333-333333333333"}}))
    client = s.browser()
    record = refused(s, s.log_in(client, "dave"), "login.tenant", session=client)
    assert record["subject"] == "dave"


def test_logging_out_ends_the_session_here_and_at_the_provider(s):
    client = s.browser()
    s.log_in(client)
    cookie, session = client.cookies["localhost"]["__Host-rowgate"], s.session(client)
    page = s.log_out(client)
    assert page.url == f"{s.url}/.rowgate/logged-out" and page.status == 200
    away = next(hop.url for hop in page.history if hop.url.startswith(f"{s.idp.issuer}/end_session?"))
    assert "id_token_hint=" in away and "client_id=rowgate" in away
    assert "__Host-rowgate" not in client.cookies["localhost"]
    assert s.records("logout", session=session["session"][2:])[-1]["user"] == "alice"
    thief = s.browser()
    thief.cookies["localhost"] = {"__Host-rowgate": cookie}
    assert s.session(thief) is None
    page = thief.open(f"{s.url}{PAGE}")
    assert "reason=expired" in page.url and page.status == 200


def test_nobody_is_logged_out_by_another_site(s):
    client = s.browser()
    s.log_in(client)
    for data in ({}, {"csrf": ""}, {"csrf": "x" * 43}):
        page = client.open(f"{s.url}/.rowgate/logout", "POST", data)
        assert page.status == 403 and "http.csrf" in page.text
    assert client.open(f"{s.url}/.rowgate/logout").forms, "GET asks"
    assert s.session(client) is not None
    other = s.browser()
    s.log_in(other, "bob")
    page = client.open(f"{s.url}/.rowgate/logout", "POST", {"csrf": s.session(other)["csrf"]})
    assert page.status == 403, "another session's token is none"


def test_a_page_of_another_site_changes_nothing_with_the_cookie(s):
    client = s.browser()
    s.log_in(client)
    s.upstream.forget()
    path = f"{s.url}/api/v1/dashboard/"
    for origin in ("https://evil.example", f"https://localhost.evil.example:{s.own_port}", "https://localhost", "null"):
        page = client.open(path, "POST", {"a": "b"}, headers={"Origin": origin})
        assert page.status == 403 and "http.csrf" in page.text
    assert not s.upstream.seen
    assert client.open(path, "POST", {"a": "b"}, origin=s.url).status == 200
    assert s.upstream.seen[-1].method == "POST"


# ---- what somebody else could try ----


def test_a_login_begun_in_another_browser_is_refused(s):
    attacker, victim = s.browser(), s.browser()
    url = callback_of(s, attacker)
    victim.open(f"{s.url}/.rowgate/login/main", follow=False)  # has a login cookie of its own
    refused(s, victim.open(url), "login.state", session=victim)
    refused(s, attacker.open(url), "login.state", session=attacker)  # it was used up


def test_a_callback_is_good_once(s):
    client = s.browser()
    url = callback_of(s, client)
    assert client.open(url).status == 200
    first = s.session(client)
    refused(s, client.open(url), "login.state")
    assert s.session(client) == first


def test_an_invented_state_is_refused(s):
    client = s.browser()
    callback_of(s, client)
    for query in ("", "code=x", "state=&code=x", "state=" + "A" * 43 + "&code=x", "state=x&state=y&code=z", "state=%00&code=x"):
        refused(s, client.open(f"{s.url}/.rowgate/oidc/main/callback?{query}"), "login.state")


def test_an_answer_at_another_providers_address_is_refused(s):
    client = s.browser()
    refused(s, client.open(callback_of(s, client).replace("/oidc/main/", "/oidc/github/")), "login.state", session=client)
    refused(s, client.open(callback_of(s, client, idp="github").replace("/oidc/github/", "/oidc/main/")), "login.state", session=client)


def test_an_answer_that_names_another_issuer_is_refused(s):
    client = s.browser()
    issuer = urllib.parse.quote(s.idp.issuer, safe="")
    for other in (urllib.parse.quote("https://evil.example", safe=""), "", issuer + "%2F"):
        url = callback_of(s, client)
        refused(s, client.open(url.replace(f"iss={issuer}", f"iss={other}")), "login.refused", session=client)
    url = callback_of(s, client)
    refused(s, client.open(url.replace(f"&iss={issuer}", "").replace(f"iss={issuer}&", "")), "login.refused", session=client)


def test_a_code_of_another_login_is_refused(s):
    """Code injection: the attacker's code under the victim's own state. PKCE and nonce are the victim's."""
    attacker, victim = s.browser(), s.browser()
    stolen = urllib.parse.parse_qs(urllib.parse.urlsplit(callback_of(s, attacker, "bob")).query)["code"][0]
    url = callback_of(s, victim)
    own = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["code"][0]
    record = refused(s, victim.open(url.replace(own, stolen)), "login.refused", session=victim)
    assert "invalid_grant" in record["message"]


@pytest.mark.parametrize("twist, word", [
    ({"nonce": "of another login"}, "nonce"), ({"nonce": None}, "nonce"), ({"aud": "another client"}, "audience"),
    ({"aud": ["rowgate", "other"]}, "another client"), ({"azp": "other"}, "another client"), ({"iss": "https://evil.example"}, "issuer"),
    ({"at_hash": "AAAA"}, "access token"), ({"exp": 1000}, "expired"), ({"iat": 1000}, "issued"), ({"sub": None}, "subject"),
    ({"tenant_id": "x"}, "tenant_id")])
def test_an_id_token_that_is_not_of_this_login_is_refused(s, twist, word):
    s.file("twist.json", json.dumps(twist))
    client = s.browser()
    record = refused(s, s.log_in(client), "login.refused", session=client)
    assert word in record["message"] and "alice" not in record["message"]


def test_a_person_who_refuses_is_not_logged_in(s):
    client = s.browser()
    url = callback_of(s, client)
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["state"][0]
    query = urllib.parse.urlencode({"state": state, "error": "access_denied", "iss": s.idp.issuer, "error_description": "<script>"})
    page = client.open(f"{s.url}/.rowgate/oidc/main/callback?{query}")
    record = refused(s, page, "login.refused", session=client)
    assert "access_denied" in record["message"] and "script" not in record["message"] and "<script>" not in page.text


@pytest.mark.parametrize("target", [
    "https://evil.example/", "//evil.example/", "/\\evil.example/", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)",
    "http:evil.example", " //evil.example", "/%0a/x\n", "superset/welcome/", "", "/.rowgate/logout", "/" + "a" * 3000])
def test_a_login_leads_nowhere_else(s, target):
    client = s.browser()
    url = callback_of(s, client, return_to=target)
    page = client.open(url, follow=False)
    assert page.status == 303 and page.headers["location"] == "/", page


def test_a_provider_that_is_down_is_said_so(s):
    s.file("fault", "status")
    client = s.browser()
    url = f"{s.url}/.rowgate/oidc/main/callback?code=x&state=" + "A" * 43
    refused(s, client.open(url), "login.state")
    s.file("fault", None)
    url = callback_of(s, client)
    s.file("fault", "status")
    refused(s, client.open(url), "login.provider", status=502)


def test_unknown_providers_and_methods_are_refused(s):
    client = s.browser()
    for path, status in (("/.rowgate/login/nobody", 404), ("/.rowgate/oidc/nobody/callback?state=x&code=y", 404),
                         ("/.rowgate/oidc/nobody/backchannel-logout", 405), ("/.rowgate/login/main/", 404)):
        assert client.open(s.url + path).status == status, path
    assert client.open(f"{s.url}/.rowgate/oidc/main/callback", "POST", {"state": "x", "code": "y"}).status == 405


# ---- the back channel ----


def logout_token(s, sub="alice", sid=None, options=(), aud="rowgate", typ="logout+jwt", event=None):
    event = {"http://schemas.openid.net/event/backchannel-logout": {}} if event is None else event
    words = ["--aud", aud, "--typ", typ, "--claim", f"events={json.dumps(event)}", *(["--claim", f"sid={sid}"] if sid else []), *options]
    return s.idp.token(sub, None, ttl=60, options=words)


def send_logout(s, token, idp="main"):
    """As a provider does: no browser, no cookies."""
    return s.browser().open(f"{s.url}/.rowgate/oidc/{idp}/backchannel-logout", "POST", {"logout_token": token}, headers={"Accept": "*/*"})


def test_the_provider_ends_all_of_a_person_at_once(s):
    s.file("people.json", json.dumps({"erin": {"tenant_id": stack.TENANTS["acme"]}}))
    one, two, bob = s.browser(), s.browser(), s.browser()
    s.log_in(one, "erin")
    s.log_in(two, "erin")
    s.log_in(bob, "bob")
    token = s.token("erin")
    assert bearer(s, token).status == 200
    page = send_logout(s, logout_token(s, "erin"))
    assert page.status == 200 and page.headers.get("cache-control") == "no-store", page
    assert s.session(one) is None and s.session(two) is None and s.session(bob) is not None
    record = s.records("logout", subject="erin")[-1]
    assert "ended" in record["message"]
    assert one.open(f"{s.url}/api/v1/me/").status == 401
    assert bearer(s, token).status == 401, "tokens of programs are over, too"
    # in the very second of the logout nobody can say which came first
    stack.wait_for(lambda: s.log_in(one, "erin").status == 200, "a login after it")
    assert s.session(one)["user"] == "erin"


def test_the_provider_ends_one_session(s):
    s.file("twist.json", json.dumps({"sid": "one"}))
    one, two = s.browser(), s.browser()
    s.log_in(one)
    s.file("twist.json", json.dumps({"sid": "two"}))
    s.log_in(two)
    assert send_logout(s, logout_token(s, sid="one")).status == 200
    assert s.session(one) is None and s.session(two) is not None


def test_what_is_no_logout_token_ends_nothing(s):
    client = s.browser()
    s.log_in(client)
    used = logout_token(s, sub="nobody")
    assert send_logout(s, used).status == 200
    tokens = {
        "replayed": used,
        "for another client": logout_token(s, aud="other"),
        "with a nonce": logout_token(s, options=["--claim", "nonce=x"]),
        "without event": logout_token(s, event={}),
        "without jti": logout_token(s, options=["--drop", "jti"]),
        "of another issuer": logout_token(s, options=["--iss", "https://evil.example"]),
        "an access token": s.token("alice"),
        "old": logout_token(s, options=["--claim", "iat=1000"]),
        "expired": logout_token(s, options=["--ttl", "-600"]),
        "nonsense": "nonsense", "empty": "",
    }
    header, payload, signature = logout_token(s).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"logout+jwt"}').rstrip(b"=").decode()
    tokens |= {"unsigned": f"{none}.{payload}.", "signed by nobody": f"{header}.{payload}.{signature[:-8]}AAAAAAAA"}
    for name, token in tokens.items():
        page = send_logout(s, token)
        assert page.status == 400, (name, page)
    assert send_logout(s, logout_token(s), idp="github").status == 404
    assert s.session(client) is not None


# ---- refresh ----


def wait_for_session(s, client, wanted):
    """Requests make the refresh; it runs behind them."""
    def has_come():
        client.open(f"{s.url}/api/v1/me/")
        session = s.session(client)
        return wanted(session)
    stack.wait_for(has_come, "the refreshed session", 60)


def test_a_refresh_brings_new_claims_under_the_same_cookie(s):
    s.file("lifetime", "4")
    client = s.browser()
    s.log_in(client)
    cookie, first = client.cookies["localhost"]["__Host-rowgate"], s.session(client)
    assert first["tenant"] == "acme"
    s.file("people.json", json.dumps({"alice": {"tenant_id": stack.TENANTS["globex"]}}))
    wait_for_session(s, client, lambda session: session["tenant"] == "globex")
    assert client.cookies["localhost"]["__Host-rowgate"] == cookie
    assert s.session(client)["expires"] == first["expires"], "a refresh does not make a session live longer"


def test_a_refused_refresh_ends_the_session(s):
    s.file("lifetime", "4")
    client = s.browser()
    s.log_in(client)
    identifier = s.session(client)["session"]
    s.file("no-refresh", "")
    wait_for_session(s, client, lambda session: session is None)
    stack.wait_for(lambda: s.records("logout", session=identifier[2:]), "the record")
    record = s.records("logout", session=identifier[2:])[-1]
    assert "refused" in record["message"] and record["tenant"] == "acme"  # in that tenant's own trail


def test_a_provider_that_cannot_be_reached_does_not_end_a_session(s):
    s.file("lifetime", "2")
    client = s.browser()
    s.log_in(client)
    s.file("fault", "status")
    before = (s.directory / "idp/requests.log").read_text().count("/token")
    def was_asked():
        client.open(f"{s.url}/api/v1/me/")
        return (s.directory / "idp/requests.log").read_text().count("/token") > before
    stack.wait_for(was_asked, "the attempt", 60)
    assert s.session(client)["user"] == "alice"


# ---- keys ----


def test_new_keys_of_the_provider_are_found(s):
    s.log_in(s.browser())
    s.idp.rotate(drop_old=True)
    client = s.browser()
    deadline = time.monotonic() + 30  # keys that changed a moment ago are not fetched again at once
    while s.log_in(client).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert s.session(client)["user"] == "alice"
    assert bearer(s, s.token("alice")).status == 200


# ---- bearer tokens ----


def bearer(s, token, path="/api/v1/me/", headers=None, client=None):
    return (client or s.browser()).open(s.url + path, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"} | (headers or {}))


def opaque_token(s, name="alice"):
    """As a program gets one: rowgate is not in it."""
    verifier = "v" * 43
    challenge = idp_login.b64(hashlib.sha256(verifier.encode()).digest())
    query = {"client_id": "rowgate", "response_type": "code", "redirect_uri": "https://localhost/", "state": "s", "nonce": "n",
             "scope": "openid", "code_challenge": challenge, "code_challenge_method": "S256"}
    page = s.browser().open(f"{s.idp.issuer}/authorize?" + urllib.parse.urlencode(query))
    code = json.loads(page.submit(follow=False, username=name, password=f"{name}-password").text)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://localhost/", "code_verifier": verifier,
            "client_id": idp_login.CLIENT[0], "client_secret": idp_login.CLIENT[1]}
    return json.loads(s.browser().open(f"{s.idp.issuer}/token", "POST", form).text)["access_token"]


def test_a_program_comes_with_a_signed_token(s):
    s.upstream.forget()
    page = bearer(s, s.token("alice"))
    assert (page.status, page.text) == (200, "upstream")
    assert "authorization" not in s.upstream.seen[-1].headers, "the token stays here"
    record = s.records("http.request", action="user.view")[-1]
    assert record["tenant"] == "acme"


def test_a_program_comes_with_an_opaque_token(s):
    token = opaque_token(s, "bob")
    assert bearer(s, token).status == 200
    assert s.records("http.request", action="user.view")[-1]["tenant"] == "globex"
    asked = (s.directory / "idp/requests.log").read_text().count("/introspect")
    assert bearer(s, token).status == 200
    assert (s.directory / "idp/requests.log").read_text().count("/introspect") == asked, "asked once in a while"


def test_other_tokens_are_refused(s):
    s.upstream.forget()
    client = s.browser()
    s.log_in(client)
    good = s.token("alice")
    header, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    tokens = [s.token("alice", options=["--aud", "other"]), s.token("alice", ttl=-600), s.token("alice", options=["--iss", "https://evil.example"]),
              f"{none}.{payload}.", f"{header}.{payload}.{'A' * len(signature)}", "opaque-unknown", "x" * 7000, logout_token(s, aud="api://rowgate"),
              s.token("alice", tenant=None), "a b"]
    for token in tokens:
        page = bearer(s, token)
        assert page.status == 401 and page.headers["www-authenticate"].startswith("Bearer"), (token[:60], page)
    assert bearer(s, s.token("x", tenant="33333333-3333-3333-3333-333333333333")).status == 403
    assert bearer(s, "nonsense", client=client).status == 401, "a bad token is not made good by a cookie beside it"
    assert client.open(f"{s.url}/api/v1/me/", headers={"Authorization": "Basic YTpi"}).status == 401
    assert [seen for seen in s.upstream.seen if seen.path.startswith("/api/")] == []


def test_a_token_is_no_way_into_pages(s):
    page = s.browser().open(s.url + PAGE, headers={"Authorization": f"Bearer {s.token('alice')}"}, follow=False)
    assert page.status == 303 and page.headers["location"].startswith("/.rowgate/login")


# ---- GitHub ----


def test_github_logs_in_by_its_api(s):
    client = s.browser()
    page = s.log_in(client, "alice", idp="github")
    assert page.status == 200 and page.url == s.url + PAGE
    session = s.session(client)
    assert (session["user"], session["tenant"], session["idp"]) == ("alice", "acme-github", "github")
    assert s.records("login", session=session["session"][2:])[-1]["subject"] == "583231"
    page = s.log_out(client)
    assert page.url == f"{s.url}/.rowgate/logged-out", "GitHub has no logout to go to"
    assert s.session(client) is None


def test_a_wrong_code_of_github_is_refused(s):
    client = s.browser()
    url = callback_of(s, client, idp="github")
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["code"][0]
    record = refused(s, client.open(url.replace(code, "wrong")), "login.refused", session=client)
    assert "bad_verification_code" in record["message"]


# ---- configuration ----


def test_a_provider_that_is_removed_ends_its_sessions():
    with loginstack.LoginStack() as own:
        client = own.browser()
        own.log_in(client)
        assert own.session(client) is not None
        text = own.config_text()
        own.reload(re.sub(r'client_id = .*\nclient_secret = .*\nintrospection = .*\n', "", text))
        assert own.session(client) is None
        own.reload(text)
        assert own.session(client) is not None, "the session itself was not harmed"


def test_sessions_outlive_a_restart_and_hold_no_secret_in_clear():
    with loginstack.LoginStack() as own:
        client = own.browser()
        own.log_in(client)
        cookie = client.cookies["localhost"]["__Host-rowgate"]
        own.rowgate.stop()
        for path in (own.directory / "state").iterdir():
            content = path.read_bytes()
            assert cookie.encode() not in content and b"eyJ" not in content, path
        own.rowgate.start()
        assert own.session(client)["user"] == "alice"


def test_no_secret_is_logged(s):
    client = s.browser()
    s.log_in(client)
    cookie = client.cookies["localhost"]["__Host-rowgate"]
    text = s.rowgate.log_path.read_text() + json.dumps(s.records("login")) + json.dumps(s.records("http.request")[-50:])
    for secret in (cookie, idp_login.CLIENT[1], "alice-password", "gho_", "opaque-"):
        assert secret not in text
