# SPDX-License-Identifier: Apache-2.0
"""Guest tokens: what the page of a host gets and what Superset is told then; and that nothing which is no guest token of ours,
or none any more, or another's, ever brings a request to the upstream."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.parse

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

import gueststack
import stack as stacks
from gueststack import A1, A2, BOTH, G1, HOST_PAGE, NOBODYS, PATH, resources

ROLES = "/api/v1/me/roles/"
CHART = "/api/v1/chart/data"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SUPERSETS_SECRET = "test-guest-secret-change-me"


@pytest.fixture(scope="module")
def web():
    with gueststack.GuestStack() as running:
        yield running
        assert running.upstream.errors == []


@pytest.fixture(scope="module")
def token(web):
    return web.guest_token("alice")


@pytest.fixture(autouse=True)
def clean(request):
    if "web" in request.fixturenames:
        web = request.getfixturevalue("web")
        web.upstream.handlers.clear()
        web.upstream.forget()


def rule(answer):
    return json.loads(answer.body)["rule"]


def is_refused(web, answer, status, name):
    assert (answer.status, rule(answer)) == (status, name), answer
    assert web.upstream.seen == []


def logged_in(web, name="alice"):
    browser = web.browser()
    assert web.log_in(browser, name).status == 200
    web.upstream.forget()
    return browser


def only(rows):
    assert len(rows) == 1, rows
    return rows[0]


# ---- the token of the page ----

def test_a_backend_gets_one_with_its_visitors_access_token(web):
    answer = web.create(web.bearer(), resources(A1, BOTH))
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    said = json.loads(answer.body)
    claims = jwt.decode(said["token"], web.public_pem, algorithms=["EdDSA"], audience="rowgate-guest")
    assert said["expires_in"] == claims["exp"] - claims["iat"] and 3000 < said["expires_in"] <= 3600
    assert claims["type"] == "guest" and claims["resources"] == resources(A1, BOTH)["resources"]
    assert claims["rowgate"].startswith("rgc1.") and "alice" not in json.dumps(claims)
    assert web.upstream.seen == []


def test_superset_refuses_the_browsers_token_itself(web, token):
    """It must pass through rowgate, where it is judged: its audience is another one."""
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, web.public_pem, algorithms=["EdDSA"], audience="superset")


def test_superset_is_told_by_a_token_of_its_own(web, token):
    answer = web.ask("GET", ROLES, {"X-GuestToken": token})
    assert answer.status == 200
    sent = only(web.upstream.seen)
    claims = web.guest(sent)
    marker, person = claims["user"]["username"].rsplit(".", 1)
    assert marker.startswith("rg.acme.") and len(marker) == len("rg.acme.") + 22 and len(person) == 16
    assert claims["rls_rules"] == [{"clause": f"'{marker}' = '{marker}'"}]
    assert claims["resources"] == resources(A1)["resources"]
    assert claims["user"]["last_name"] == "acme" and 0 < claims["exp"] - claims["iat"] <= 60
    assert claims["rowgate"].startswith("rgc1.")
    assert sent.headers["x-rowgate-capsule"].startswith("rgc1.")
    assert token.encode() not in web.upstream.bytes
    assert web.peek(token)["rowgate"].encode() not in web.upstream.bytes
    assert not {"x-rowgate-identity", "authorization", "cookie"} & set(sent.headers)


def test_two_tenants_at_one_dashboard_are_two_users_with_two_clauses(web):
    guests = {}
    for name, tenant in (("alice", "acme"), ("bob", "globex")):
        assert web.ask("GET", ROLES, {"X-GuestToken": web.guest_token(name, tenant, [BOTH])}).status == 200
        guests[tenant] = web.guest()
    assert guests["acme"]["resources"] == guests["globex"]["resources"]
    assert guests["acme"]["user"]["username"] != guests["globex"]["user"]["username"]
    assert guests["acme"]["rls_rules"] != guests["globex"]["rls_rules"]
    assert [guest["user"]["username"].split(".")[1] for guest in guests.values()] == ["acme", "globex"]


def test_two_people_of_one_view_share_the_clause_and_not_the_name(web):
    names, clauses = set(), set()
    for name in ("alice", "amy"):
        assert web.ask("GET", ROLES, {"X-GuestToken": web.guest_token(name)}).status == 200
        names.add(web.guest()["user"]["username"])
        clauses.add(web.guest()["rls_rules"][0]["clause"])
    assert len(names) == 2 and len(clauses) == 1


def test_a_visitor_who_is_logged_in_gets_one_from_the_page_that_frames(web):
    browser = logged_in(web)
    answer = web.create(web.cookie(browser), resources(A1), Origin=HOST_PAGE, Sec_Fetch_Site="cross-site")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == HOST_PAGE
    assert answer.headers["access-control-allow-credentials"] == "true" and answer.headers["vary"] == "Origin"
    guest = json.loads(answer.body)["token"]
    assert web.ask("GET", ROLES, {"X-GuestToken": guest}).status == 200
    assert web.guest()["user"]["first_name"] == "alice"


@pytest.mark.parametrize("origin", [HOST_PAGE, "https://a.b.acme-apps.example", "http://localhost:3000"])
def test_pages_that_may_frame_may_ask(web, origin):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = web.ask("OPTIONS", PATH, asked)
    assert answer.status == 204 and answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "content-type, authorization"
    assert web.create(web.bearer(), resources(A1), Origin=origin).status == 200


def test_no_browser_keeps_what_a_guest_was_shown(web, token):
    """One browser shows the pages of two tenants' products, and the address of a chart's data is the same in both."""
    path = "/api/v1/chart/data/" + "k" * 32

    @web.upstream.on(path)
    def answer(exchange):
        exchange.answer(200, [("Cache-Control", "public, max-age=600"), ("Expires", "Fri, 01 Jan 2100 00:00:00 GMT"),
                              ("Content-Type", "application/json")], b'{"result": []}')

    got = web.ask("GET", path, {"X-GuestToken": token})
    assert got.status == 200 and got.headers["cache-control"] == "private, no-store" and "expires" not in got.headers


def test_refreshing_goes_on_for_an_hour_of_tokens(web):
    """What the SDK does every five minutes; the session is one, the tokens are twelve and more, and none ends another."""
    browser = logged_in(web)
    tokens = []
    with web.connect("localhost") as line:
        for _ in range(36):
            answer = web.ask("POST", PATH, web.cookie(browser) | {"Content-Type": "application/json", "Origin": HOST_PAGE},
                             json.dumps(resources(A1)).encode(), connection=line)
            assert answer.status == 200, answer
            tokens.append(json.loads(answer.body)["token"])
            assert web.ask("GET", ROLES, {"X-GuestToken": tokens[-1]}, connection=line).status == 200
        assert web.ask("GET", ROLES, {"X-GuestToken": tokens[0]}, connection=line).status == 200
    assert len({web.peek(one)["jti"] for one in tokens}) == len(tokens)
    assert len({web.guest(sent, is_late=True)["user"]["username"] for sent in web.upstream.seen}) == 1
    assert len(web.upstream.seen) == 37


def test_it_lives_as_long_as_what_is_behind_it_and_no_longer(web):
    """The access token has some seconds left, the guest token may have an hour. Making one takes a process: on a slow machine it
    may be over before it was used once."""
    for _ in range(10):
        answer = web.create(web.bearer(ttl=8), resources(A1))
        said = json.loads(answer.body)
        if answer.status == 200 and web.ask("GET", ROLES, {"X-GuestToken": said["token"]}).status == 200:
            break
    assert answer.status == 200 and said["expires_in"] <= 8
    stacks.wait_for(lambda: web.ask("GET", ROLES, {"X-GuestToken": said["token"]}).status == 401, "the token's end")
    web.upstream.forget()
    is_refused(web, web.ask("GET", ROLES, {"X-GuestToken": said["token"]}), 401, "guest.token")


# ---- forms ----

def multipart(fields, boundary="----WebKitFormBoundary7MA4YWxkTrZu0gW"):
    parts = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields)
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, f"{parts}--{boundary}--\r\n".encode()


def test_a_download_carries_it_in_a_form(web, token):
    """superset-ui-core's postForm: no headers of its own."""
    body = urllib.parse.urlencode({"form_data": '{"result_format":"csv","slice_id":3}', "csrf_token": "x", "guest_token": token}).encode()
    answer = web.ask("POST", CHART, FORM | {"Origin": web.url, "Cookie": "session=abc"}, body)
    assert answer.status == 200
    sent = only(web.upstream.seen)
    assert sent.body == body and web.guest(sent)["resources"] == resources(A1)["resources"]
    assert "cookie" not in sent.headers


def test_legacy_charts_carry_it_in_multipart(web, token):
    headers, body = multipart([("form_data", '{"a": 1}'), ("guest_token", token)])
    assert web.ask("POST", "/superset/explore_json/", headers, body).status == 200
    assert web.guest(only(web.upstream.seen))


def test_header_and_field_may_both_say_the_same(web, token):
    body = urllib.parse.urlencode({"form_data": "{}", "guest_token": token}).encode()
    assert web.ask("POST", CHART, FORM | {"X-GuestToken": token}, body).status == 200
    headers, body = multipart([("guest_token", token)])
    assert web.ask("POST", CHART, headers | {"X-GuestToken": token}, body).status == 200


def test_a_text_that_looks_like_the_field_is_no_field(web, token):
    headers, body = multipart([("form_data", '{"guest_token": "x"}')])
    assert web.ask("POST", CHART, headers | {"X-GuestToken": token}, body).status == 200


def ambiguous(token, other):
    twice = urllib.parse.urlencode([("guest_token", token), ("guest_token", token)]).encode()
    headers, body = multipart([("guest_token", token), ("guest_token", token)])
    file = headers, body.replace(b'name="guest_token"\r\n', b'name="guest_token"; filename="x"\r\n', 1)
    late = headers, b"preamble\r\n" + multipart([("guest_token", token)])[1]
    cut = headers, multipart([("guest_token", token)])[1][:-6]
    return [("header and field differ", {"X-GuestToken": token} | FORM, urllib.parse.urlencode({"guest_token": other}).encode()),
            ("header and multipart differ", {"X-GuestToken": token} | multipart([])[0], multipart([("guest_token", other)])[1]),
            ("twice in the form", FORM, twice),
            ("twice in multipart", headers, body),
            ("as a file", *file),
            ("behind a preamble", *late),
            ("without an end", *cut),
            ("two boundaries", {"Content-Type": headers["Content-Type"] + "; boundary=x"}, body),
            ("broken escape", FORM, b"guest_token=" + token.encode() + b"&a=%zz&b%=1")]


@pytest.mark.parametrize("row", range(9))
def test_what_two_readers_could_take_for_two_things_is_refused(web, token, row):
    name, headers, body = ambiguous(token, web.guest_token("bob", "globex", [BOTH]))[row]
    is_refused(web, web.ask("POST", CHART, headers, body), 400, "http.credential")


def test_only_the_header_and_the_form_count(web, token):
    is_refused(web, web.ask("GET", f"{ROLES}?guest_token={token}"), 401, "http.route.identity")
    is_refused(web, web.ask("GET", ROLES, {"Cookie": f"guest_token={token}; X-GuestToken={token}"}), 401, "http.route.identity")
    is_refused(web, web.ask("POST", CHART, {"Content-Type": "application/json"}, json.dumps({"guest_token": token}).encode()), 401,
               "http.route.identity")
    is_refused(web, web.ask("POST", CHART, {"Content-Type": "text/plain"}, f"guest_token={token}".encode()), 401, "http.route.identity")


def test_the_header_under_another_spelling_is_none(web, token):
    answer = web.ask("GET", ROLES, {"X_GuestToken": token})
    assert answer.status in (400, 401) and web.upstream.seen == []
    name = web.url.removeprefix("https://")
    twice = f"GET {ROLES} HTTP/1.1\r\nHost: {name}\r\nX-GuestToken: {token}\r\nx-guesttoken: {token}\r\n\r\n".encode()
    assert web.raw(twice, name="localhost").startswith(b"HTTP/1.1 400 ") and web.upstream.seen == []


def test_a_token_in_the_address_is_not_on_record(web, token):
    web.ask("GET", f"{ROLES}?guest_token={token}")
    assert all(token.encode() not in path.read_bytes() for path in (web.audit / "seg").glob("*.jsonl"))
    assert token not in web.rowgate.log_path.read_text()


# ---- with other credentials ----

def test_a_guest_stays_a_guest_beside_other_credentials(web, token):
    bob = logged_in(web, "bob")
    beside = [web.cookie(bob), web.bearer("bob", "globex"), {"Cookie": "session=eyJfdXNlcl9pZCI6IjEifQ.x.y; remember_token=1|abc"},
              {"X-Rowgate-Identity": "x.y.z", "X-Rowgate-Capsule": "rgc1.x", "X_Rowgate_Identity": "x"}]
    for headers in beside:
        assert web.ask("GET", ROLES, headers | {"X-GuestToken": token}).status == 200
        sent = web.upstream.seen[-1]
        assert web.guest(sent)["user"]["first_name"] == "alice"
        assert not {"x-rowgate-identity", "authorization", "cookie", "x_rowgate_identity"} & set(sent.headers)
        assert sent.headers["x-rowgate-capsule"] != "rgc1.x"


def test_a_bad_guest_token_never_falls_back_to_the_cookies_user(web, token):
    alice = logged_in(web)
    for bad in (token[:-8] + "AAAAAAAA", "", "x", web.sign({"user": {}, "aud": "superset"})):
        is_refused(web, web.ask("GET", ROLES, web.cookie(alice) | {"X-GuestToken": bad, "Origin": web.url}), 401, "guest.token")
        is_refused(web, web.ask("GET", ROLES, web.bearer() | {"X-GuestToken": bad}), 401, "guest.token")


def test_one_credential_is_no_other(web, token):
    browser = logged_in(web)
    assert web.ask("GET", ROLES, web.cookie(browser) | {"Origin": web.url}).status == 200
    assert web.ask("GET", ROLES, {"X-GuestToken": token}).status == 200
    person, guest = web.upstream.seen[-2:]
    texts = {"identity token": person.headers["x-rowgate-identity"], "its capsule": person.headers["x-rowgate-capsule"],
             "upstream's guest token": guest.headers["x-guesttoken"], "its capsule ": guest.headers["x-rowgate-capsule"],
             "access token": web.token(), "cookie": web.cookie(browser)["Cookie"], "capsule of the guest": web.peek(token)["rowgate"]}
    web.upstream.forget()
    for name, text in texts.items():
        answer = web.ask("GET", ROLES, {"X-GuestToken": text})
        assert (answer.status, rule(answer)) == (401, "guest.token"), name
    for text in (token, texts["upstream's guest token"], texts["identity token"]):
        assert web.ask("GET", ROLES, {"Authorization": f"Bearer {text}"}).status == 401
        assert web.ask("GET", ROLES, {"Cookie": f"__Host-rowgate={text}"}).status == 401
        assert web.ask("GET", ROLES, {"X-Rowgate-Identity": text}).status == 401
    assert web.upstream.seen == []


# ---- forgeries ----

def hs256(claims, secret):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
    text = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    return (text + b"." + base64.urlsafe_b64encode(hmac.new(secret, text, hashlib.sha256).digest()).rstrip(b"=")).decode()


def forgeries(web, token):
    good = web.peek(token)
    kid = jwt.get_unverified_header(token)
    now = int(time.time())
    other = ed25519.Ed25519PrivateKey.generate()
    second = web.peek(web.guest_token("alice", ids=[A2]))
    supersets = {"user": {"username": "alice"}, "resources": resources(A1)["resources"], "rls_rules": [], "iat": float(now),
                 "exp": float(now + 300), "aud": "superset", "type": "guest"}
    header, payload, signature = token.split(".")
    sign = lambda **changes: web.sign({key: value for key, value in (good | changes).items() if value is not ...}, headers=kid)  # noqa: E731
    return {
        "another key": web.sign(good, other, kid),
        "another key's name": web.sign(good, headers=kid | {"kid": "0123456789abcdef"}),
        "no algorithm": jwt.encode(good, None, algorithm="none", headers={"kid": kid["kid"]}),
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "the public key as secret": hs256(good, web.public_pem),
        "superset's own, default secret": hs256(supersets, SUPERSETS_SECRET.encode()),
        "superset's claims under our key": web.sign(supersets, headers=kid),
        "another header": web.sign(good, headers=kid | {"x": "y"}),
        "expired": sign(exp=now - 1),
        "expires now": sign(exp=now),
        "no end": sign(exp=...),
        "end as a text": sign(exp=str(now + 300)),
        "end as a fraction": sign(exp=now + 300.5),
        "superset's audience": sign(aud="superset"),
        "a list of audiences": sign(aud=["rowgate-guest"]),
        "no audience": sign(aud=...),
        "another type": sign(type="user"),
        "no type": sign(type=...),
        "another issuer": sign(iss="superset"),
        "no issuer": sign(iss=...),
        "no capsule": sign(rowgate=...),
        "an empty capsule": sign(rowgate=""),
        "a capsule as a number": sign(rowgate=1),
        "a broken capsule": sign(rowgate=good["rowgate"][:-4] + "AAAA"),
        "the capsule of a request": sign(rowgate=sent_capsule(web, token)),
        "another token's capsule": sign(rowgate=second["rowgate"]),
        "another token's id": sign(jti=second["jti"]),
        "no id": sign(jti=...),
        "more dashboards": sign(resources=resources(A1, A2)["resources"]),
        "another dashboard": sign(resources=resources(A2)["resources"]),
        "no dashboard": sign(resources=[]),
        "a dashboard's number": sign(resources=[{"type": "dashboard", "id": 1}]),
        "a chart": sign(resources=[{"type": "chart", "id": A1}]),
        "resources as an object": sign(resources={"type": "dashboard", "id": A1}),
        "swapped parts": f"{payload}.{header}.{signature}",
        "cut": token[:-1],
        "longer": token + "A",
        "one dot more": token + ".",
        "padding": token + "==",
        "a list": f"{header}.W10.{signature}",
        "too long": token + "A" * 15000,
        "nothing": "",
        "words": "Bearer " + token,
    }


def sent_capsule(web, token):
    assert web.ask("GET", ROLES, {"X-GuestToken": token}).status == 200
    capsule = web.upstream.seen[-1].headers["x-rowgate-capsule"]
    web.upstream.forget()
    return capsule


def test_nothing_but_our_own_whole_token_is_one(web, token):
    rows = forgeries(web, token)
    assert len(rows) >= 40
    with web.connect("localhost") as line:
        for name, text in rows.items():
            answer = web.ask("GET", ROLES, {"X-GuestToken": text}, connection=line)
            assert (answer.status, rule(answer)) == (401, "guest.token"), (name, answer)
            body = urllib.parse.urlencode({"form_data": "{}", "guest_token": text}).encode()
            answer = web.ask("POST", CHART, FORM, body, connection=line)
            assert (answer.status, rule(answer)) == (401, "guest.token"), (name, answer)
        assert web.upstream.seen == []
        assert web.ask("GET", ROLES, {"X-GuestToken": token}, connection=line).status == 200


def test_each_changed_byte_is_seen(web, token):
    with web.connect("localhost") as line:
        for at in range(0, len(token) - 1, 7):  # the last character holds two bits that nobody reads
            changed = token[:at] + ("B" if token[at] != "B" else "C") + token[at + 1:]
            answer = web.ask("GET", ROLES, {"X-GuestToken": changed}, connection=line)
            assert answer.status == 401, (at, answer)
    assert web.upstream.seen == []


def test_a_refusal_says_nothing_of_why_and_the_record_does(web, token):
    answers = [web.ask("GET", ROLES, {"X-GuestToken": text}) for text in (token[:-8] + "AAAAAAAA", web.sign({"aud": "x"}), "x")]
    assert len({json.dumps(json.loads(answer.body) | {"instance": ""}) for answer in answers}) == 1
    record = only(web.records("http.request", reference=json.loads(answers[0].body)["instance"]))
    assert record["status"] == 401 and record["rule"] == "guest.token" and "signature" in record["message"]


# ---- ends ----

def test_logging_out_ends_it_at_once(web):
    browser = logged_in(web)
    guest = web.guest_token(credential=web.cookie(browser) | {"Origin": HOST_PAGE})
    assert web.ask("GET", ROLES, {"X-GuestToken": guest}).status == 200
    web.upstream.forget()
    web.log_out(browser)
    is_refused(web, web.ask("GET", ROLES, {"X-GuestToken": guest}), 401, "guest.token")


def revoke(web, *arguments):
    done = subprocess.run([stacks.binary(), "session", "revoke", *arguments, str(web.directory / "state")], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_revoked_session_ends_it(web):
    browser = logged_in(web)
    guest = web.guest_token(credential=web.cookie(browser) | {"Origin": HOST_PAGE})
    other = web.guest_token(credential=web.cookie(logged_in(web)) | {"Origin": HOST_PAGE})
    revoke(web, web.session(browser)["session"])
    stacks.wait_for(lambda: web.ask("GET", ROLES, {"X-GuestToken": guest}).status == 401, "the session's end")
    web.upstream.forget()
    is_refused(web, web.ask("GET", ROLES, {"X-GuestToken": guest}), 401, "guest.token")
    assert web.ask("GET", ROLES, {"X-GuestToken": other}).status == 200


def test_a_revoked_person_is_nobodys_guest(web):
    """Of an access token there is no session: the token is judged by who it was given to, and when."""
    guest, other = web.guest_token("zoe"), web.guest_token("zach")
    assert web.ask("GET", ROLES, {"X-GuestToken": guest}).status == 200
    revoke(web, "--subject", "zoe", "--idp", "main")
    stacks.wait_for(lambda: web.ask("GET", ROLES, {"X-GuestToken": guest}).status == 401, "the person's end")
    web.upstream.forget()
    is_refused(web, web.ask("GET", ROLES, {"X-GuestToken": guest}), 401, "guest.token")
    assert web.ask("GET", ROLES, {"X-GuestToken": other}).status == 200


def test_a_reload_that_takes_a_dashboard_away_takes_it_from_tokens_too(web):
    guest = web.guest_token("alice", ids=[A1, A2])
    kept = web.guest_token("alice", ids=[A1])
    try:
        event = web.reload(web.config_text(dashboards={"acme": [A1], "globex": [G1]}))
        assert event["event"] == "policy.reloaded", event
        is_refused(web, web.ask("GET", ROLES, {"X-GuestToken": guest}), 403, "guest.dashboard")
        is_refused(web, web.create(web.bearer(), resources(A2)), 403, "guest.dashboard")
        assert web.ask("GET", ROLES, {"X-GuestToken": kept}).status == 200
    finally:
        assert web.reload(web.config_text())["event"] == "policy.reloaded"
    assert web.ask("GET", ROLES, {"X-GuestToken": guest}).status == 200


def test_a_reload_changes_the_view_under_a_token(web, token):
    assert web.ask("GET", ROLES, {"X-GuestToken": token}).status == 200
    before = web.guest()["user"]["username"]
    try:
        text = web.config_text().replace("[[policies]]\n", '[[masks]]\ncolumns = ["sales.people.email"]\nwith = "redact"\n[[policies]]\n', 1)
        assert web.reload(text)["event"] == "policy.reloaded"
        assert web.ask("GET", ROLES, {"X-GuestToken": token}).status == 200
        assert web.guest()["user"]["username"] != before
    finally:
        assert web.reload(web.config_text())["event"] == "policy.reloaded"


def test_who_belongs_to_another_tenant_after_a_reload_is_nobodys_guest(web, token):
    text = web.config_text()
    swapped = text.replace(stacks.TENANTS["acme"], "\0").replace(stacks.TENANTS["globex"], stacks.TENANTS["acme"])
    try:
        assert web.reload(swapped.replace("\0", stacks.TENANTS["globex"]))["event"] == "policy.reloaded"
        is_refused(web, web.ask("GET", ROLES, {"X-GuestToken": token}), 401, "guest.token")
    finally:
        assert web.reload(text)["event"] == "policy.reloaded"
    assert web.ask("GET", ROLES, {"X-GuestToken": token}).status == 200


# ---- what may be asked for ----

def bad_requests():
    many = resources(*[f"a1a1a1a1-0000-4000-8000-{i:012d}" for i in range(10000)])
    return {
        "nothing": b"", "a list": b"[]", "null": b"null", "broken": b'{"resources":', "no resources": b"{}",
        "none": resources(), "not a list": {"resources": {"type": "dashboard", "id": A1}},
        "a text": {"resources": [A1]}, "a number": {"resources": [{"type": "dashboard", "id": 12}]},
        "no type": {"resources": [{"id": A1}]}, "no id": {"resources": [{"type": "dashboard"}]},
        "a chart": {"resources": [{"type": "chart", "id": A1}]}, "a member more": {"resources": [{"type": "dashboard", "id": A1, "rls": []}]},
        "superset's api": resources(A1) | {"rls": [], "user": {"username": "admin"}},
        "rows of its own": resources(A1) | {"rls": [{"clause": "1 = 1"}]},
        "twice": b'{"resources": [], "resources": [{"type": "dashboard", "id": "' + A1.encode() + b'"}]}',
        "NUL": b'{"resources": [{"type": "dashboard", "id": "' + A1.encode() + b'\\u0000"}]}',
        "17": resources(*[A1] * 17), "10,000": many, "a megabyte": b'{"resources":' + b" " * (1 << 20) + b"[]}",
        "deep": b'{"resources":' + b"[" * 5000 + b"]" * 5000 + b"}", "not UTF-8": b'{"resources": [{"type": "dashboard", "id": "\xff"}]}',
    }


@pytest.mark.parametrize("name", sorted(bad_requests()))
def test_a_body_that_is_not_the_one_is_refused(web, name):
    is_refused(web, web.create(web.bearer(), bad_requests()[name]), 400, "guest.request")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", ""])
def test_only_json_is_read_so_that_no_form_of_another_site_can_ask(web, kind):
    browser = logged_in(web)
    is_refused(web, web.create(web.cookie(browser), resources(A1), Content_Type=kind, Origin=HOST_PAGE), 400, "guest.request")


@pytest.mark.parametrize("wanted", [[G1], [A1, G1], [NOBODYS], [A1.upper()], ["1"], ["a1a1a1a1-0000-4000-8000-00000000000"], [A1 + " "]])
def test_only_the_tenants_own_dashboards_are_given(web, wanted):
    is_refused(web, web.create(web.bearer(), resources(*wanted)), 403, "guest.dashboard")


def test_who_is_nobody_gets_none(web):
    is_refused(web, web.create({}, resources(A1)), 401, "http.route.identity")
    is_refused(web, web.create({"Cookie": "__Host-rowgate=" + "A" * 43}, resources(A1), Origin=HOST_PAGE), 401, "http.route.identity")
    is_refused(web, web.create({"Authorization": "Bearer x"}, resources(A1)), 401, "login.token")
    is_refused(web, web.create({"Authorization": "Basic YTpi"}, resources(A1)), 401, "login.token")


def test_a_guest_cannot_ask_for_another_token(web, token):
    is_refused(web, web.create({"X-GuestToken": token}, resources(A1)), 403, "http.route.guest")
    is_refused(web, web.create(web.bearer() | {"X-GuestToken": token}, resources(A1)), 403, "http.route.guest")


def test_it_is_asked_by_post_alone(web):
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        assert web.ask(method, PATH, web.bearer()).status == 405, method
    assert web.ask("POST", PATH + "/", web.bearer()).status == 404
    assert web.ask("POST", "/api/v1/security/guest_token/", web.bearer(), b"{}").status == 403
    assert web.upstream.seen == []


FOREIGN = ["https://evil.example", "null", "http://app.acme.example", "https://app.acme.example:8443", "https://app.acme.example.evil.example",
           "https://evil-app.acme.example", "https://acme-apps.example", "https://xacme-apps.example", "https://.acme-apps.example",
           "https://a.acme-apps.example:444", "http://localhost:3001", "https://evil.example/.acme-apps.example", "file://"]


@pytest.mark.parametrize("origin", FOREIGN + ["https://portal.globex.example:8443"])
def test_no_other_page_asks_with_a_visitors_cookie(web, origin):
    """The last one frames another tenant's dashboards."""
    browser = logged_in(web)
    for kind in ("application/json", "text/plain"):
        answer = web.create(web.cookie(browser), resources(A1), Origin=origin, Sec_Fetch_Site="cross-site", Content_Type=kind)
        is_refused(web, answer, 403, "http.csrf")
        assert "access-control-allow-origin" not in answer.headers
    is_refused(web, web.create(web.bearer(), resources(A1), Origin=origin), 403, "http.csrf")


@pytest.mark.parametrize("origin", FOREIGN)
def test_no_other_page_is_told_that_it_may(web, origin):
    answer = web.ask("OPTIONS", PATH, {"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert answer.status == 403 and "access-control-allow-origin" not in answer.headers


def test_a_cookie_without_a_page_is_not_believed(web):
    browser = logged_in(web)
    is_refused(web, web.create(web.cookie(browser), resources(A1)), 403, "http.csrf")
    is_refused(web, web.create(web.cookie(browser), resources(A1), Sec_Fetch_Site="cross-site"), 403, "http.csrf")
    is_refused(web, web.create(web.cookie(browser), resources(A1), Sec_Fetch_Site="none"), 403, "http.csrf")
    assert web.create(web.cookie(browser), resources(A1), Sec_Fetch_Site="same-origin").status == 200
    assert web.create(web.cookie(browser), resources(A1), Origin=web.url).status == 200


def test_the_page_that_frames_may_do_nothing_else_with_the_cookie(web):
    browser = logged_in(web)
    answer = web.ask("POST", CHART, web.cookie(browser) | {"Origin": HOST_PAGE, "Content-Type": "application/json"}, b"{}")
    is_refused(web, answer, 403, "http.csrf")
    assert "access-control-allow-origin" not in answer.headers


# ---- what guests may do ----

GUESTS = """GET /api/v1/async_event/
GET /api/v1/chart/data/
POST /api/v1/chart/data
GET /api/v1/dashboard/
POST /api/v1/dashboard/12/cache_dashboard_screenshot/
POST /api/v1/dashboard/12/filter_state
GET /api/v1/dashboard/12/filter_state/
PUT /api/v1/dashboard/12/filter_state/
DELETE /api/v1/dashboard/12/filter_state/
POST /api/v1/dashboard/12/permalink
GET /api/v1/dashboard/12/screenshot/
GET /api/v1/dataset/12/drill_info/
GET /api/v1/datasource/
GET /api/v1/me/
GET /api/v1/security/csrf_token/
GET /api/v1/theme/
GET /api/v1/time_range/
POST /datasource/samples
POST /superset/explore_json/
GET /superset/explore_json/data/
GET /superset/language_pack/
POST /superset/log/""".splitlines()
CLOSED = ["/sqllab", "/api/v1/database", "/swagger", "/api/v1/security/roles", "/api/v1/security/users", "/api/v1/report", "/users/",
          "/api/v1/query", "/api/v1/saved_query", "/api/v1/dashboard/export", "/api/v1/dashboard/import", "/api/v1/assets",
          "/api/v1/rowlevelsecurity", "/api/v1/chart/export", "/explore", "/login", "/api/v1/log"]


def routes():
    path = pathlib.Path(__file__).resolve().parents[1] / "vectors/http/superset-6.1.0.routes"
    return [tuple(line.split()[:2]) for line in path.read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("with_cookie", [False, True])
def test_of_all_routes_of_superset_guests_reach_those_of_an_embedded_dashboard(web, token, with_cookie):
    """with_cookie: a visitor who is logged in has the cookie of that, too, and is a guest all the same."""
    headers = {"X-GuestToken": token} | ((web.cookie(logged_in(web)) | {"Origin": web.url}) if with_cookie else {})
    reached = []
    with web.connect("localhost") as line:
        for method, path in routes():
            before = len(web.upstream.seen)
            answer = web.ask(method, path, headers, b"{}" if method in ("POST", "PUT") else b"", connection=line)
            if len(web.upstream.seen) == before:
                assert answer.status in (403, 405), (method, path, answer)
            else:
                reached.append(f"{method} {path}")
    public = [one for one in reached if one.split()[1].startswith(("/static/", "/health", "/ping", "/favicon", "/robots"))]
    wild = [one for one in reached if one not in public and not one.startswith(tuple(GUESTS))]
    assert wild == []
    assert [known for known in GUESTS if not any(one.startswith(known) for one in reached)] == []
    assert not [one for one in reached if one.split()[1].startswith(tuple(CLOSED)) and "explore_json" not in one]
    assert all("x-rowgate-identity" not in sent.headers and "cookie" not in sent.headers for sent in web.upstream.seen)


@pytest.mark.parametrize("method, path", [("GET", "/superset/explore_json/"), ("GET", "/explore_json/"), ("POST", "/api/v1/sqllab/execute/"),
                                          ("GET", "/api/v1/database/1/tables/"), ("GET", "/swagger/v1"), ("GET", "/users/list/"),
                                          ("GET", "/superset/dashboard/12/"), ("PUT", "/api/v1/dashboard/12"), ("GET", "/api/v1/dashboard/")])
def test_a_form_or_header_opens_nothing_else_to_a_guest(web, token, method, path):
    answer = web.ask(method, path, {"X-GuestToken": token})
    assert answer.status == 403 and web.upstream.seen == []


def test_a_form_with_a_token_is_no_credential_elsewhere(web, token):
    body = urllib.parse.urlencode({"guest_token": token}).encode()
    answer = web.ask("POST", "/api/v1/sqllab/execute/", FORM | web.bearer(), body)
    is_refused(web, answer, 400, "http.credential")
    assert web.ask("POST", "/api/v1/sqllab/execute/", FORM, body).status == 401 and web.upstream.seen == []


@pytest.mark.parametrize("uuid, status", [(A1, 200), (A2, 403), (G1, 403), (NOBODYS, 403), (A1.upper(), 403)])
def test_a_dashboard_by_its_uuid_is_the_tokens_own(web, token, uuid, status):
    for path in ("/api/v1/embedded_dashboard/{}", "/api/v1/dashboard/{}", "/api/v1/dashboard/{}/charts"):
        answer = web.ask("GET", path.format(uuid), {"X-GuestToken": token})
        assert answer.status == status, (path, answer)
        assert status == 200 or rule(answer) == "guest.dashboard"
    assert status == 200 or web.upstream.seen == []


def test_a_dashboard_by_its_number_is_supersets_to_judge(web, token):
    @web.upstream.on("/api/v1/dashboard/99")
    def answer(exchange):
        exchange.answer(403, [("Content-Type", "application/json")], b"{}", "FORBIDDEN")

    assert web.ask("GET", "/api/v1/dashboard/12", {"X-GuestToken": token}).status == 200
    assert web.ask("GET", "/api/v1/dashboard/99", {"X-GuestToken": token}).status == 403
    assert all(web.guest(sent)["resources"] == resources(A1)["resources"] for sent in web.upstream.seen)


def test_rules_of_the_file_hold_for_guests(web):
    rule_text = "".join(f'[[routes]]\nname = "no {path}"\npath = "{path}"\nto = ["acme"]\nallow = false\n'
                        for path in ("/datasource/samples", PATH))
    guest = web.guest_token()
    try:
        assert web.reload(web.config_text() + rule_text)["event"] == "policy.reloaded"
        is_refused(web, web.ask("POST", "/datasource/samples", {"X-GuestToken": guest}, b"{}"), 403, "http.route.denied")
        is_refused(web, web.create(web.bearer(), resources(A1)), 403, "http.route.denied")
        assert web.create(web.bearer("bob", "globex"), resources(G1)).status == 200
    finally:
        assert web.reload(web.config_text())["event"] == "policy.reloaded"


# ---- the page in the frame ----

def test_the_page_is_loaded_before_anybody_is_known(web):
    @web.upstream.on("/embedded/")
    def answer(exchange):
        exchange.answer(200, [("Content-Type", "text/html"), ("Set-Cookie", "session=anonymous; Path=/; HttpOnly"),
                              ("X-Frame-Options", "SAMEORIGIN"), ("Content-Security-Policy", "script-src 'nonce-abc'")], b"<html>")

    browser = logged_in(web)
    answer = web.ask("GET", f"/embedded/{BOTH}?uiConfig=3", web.cookie(browser) | {"Referer": HOST_PAGE + "/", "X-GuestToken": "x"})
    assert answer.status == 200 and "set-cookie" not in answer.headers and "x-frame-options" not in answer.headers
    ancestors = " ".join(gueststack.ANCESTORS["acme"] + gueststack.ANCESTORS["globex"])
    assert answer.headers["content-security-policy"] == f"script-src 'nonce-abc'; frame-ancestors 'self' {ancestors}"
    sent = only(web.upstream.seen)
    assert sent.headers["referer"] == HOST_PAGE + "/"
    assert not {"cookie", "x-guesttoken", "x-rowgate-identity", "x-rowgate-capsule", "authorization"} & set(sent.headers)
    assert web.session(browser)["user"] == "alice"


def test_each_dashboards_page_is_framed_by_its_own_tenants_sites(web):
    for uuid, tenant in ((A1, "acme"), (G1, "globex")):
        policy = web.ask("GET", f"/embedded/{uuid}").headers["content-security-policy"]
        assert policy == f"frame-ancestors 'self' {' '.join(gueststack.ANCESTORS[tenant])}"


@pytest.mark.parametrize("path", [f"/embedded/{NOBODYS}", f"/embedded/{A1.upper()}", f"/embedded/{A1}/", "/embedded/12", "/dashboard/12/embedded",
                                  f"/dashboard/{A1}/embedded", f"/embedded/{A1}/x"])
def test_no_other_page_is_open(web, path):
    assert web.ask("GET", path).status == 403 and web.upstream.seen == []
    assert web.ask("GET", path, web.bearer()).status == 403 and web.upstream.seen == []


# ---- the record ----

def test_what_was_given_to_whom_and_what_was_done_with_it_is_on_record(web):
    answer = web.create(web.bearer(), resources(A1, BOTH))
    guest = json.loads(answer.body)["token"]
    jti = web.peek(guest)["jti"]
    made = only(web.records("http.request", reference=jti))
    assert made["action"] == "guest_token.create" and made["object"] == f"dashboard/{A1},dashboard/{BOTH}"
    assert made["tenant"] == "acme" and made["class"] == "CREATE" and made["status"] == 200
    who = made["subject"], made["user"]
    assert web.ask("GET", "/api/v1/dashboard/12", {"X-GuestToken": guest}).status == 200
    assert made["guest"] == jti
    used = only(web.records("http.request", guest=jti, action="dashboard.view"))
    assert used["action"] == "dashboard.view" and used["tenant"] == "acme" and (used["subject"], used["user"]) == who
    refused = web.create(web.bearer(), resources(G1))
    record = only(web.records("http.request", reference=json.loads(refused.body)["instance"]))
    assert record["rule"] == "guest.dashboard" and record["object"] == f"dashboard/{G1}" and record["tenant"] == "acme"
    assert (record["subject"], record["user"]) == who and "guest" not in record


def test_the_guest_of_a_session_is_on_record_with_it(web):
    browser = logged_in(web)
    guest = web.guest_token(credential=web.cookie(browser) | {"Origin": HOST_PAGE})
    assert web.ask("GET", ROLES, {"X-GuestToken": guest}).status == 200
    used = only(web.records("http.request", guest=web.peek(guest)["jti"], action="user.view"))
    assert f"s-{used['session']}" == web.session(browser)["session"]


# ---- where nothing is set up ----

def test_without_dashboards_nothing_is_embedded():
    with gueststack.GuestStack(dashboards={}) as web:
        is_refused(web, web.create(web.bearer(), resources(A1)), 403, "guest.dashboard")
        assert web.ask("GET", f"/embedded/{A1}").status == 403 and web.upstream.seen == []


def test_a_revoked_tenant_has_no_guests():
    with gueststack.GuestStack() as web:
        guests = {tenant: web.guest_token("p", tenant, [BOTH]) for tenant in ("acme", "globex")}
        revoke(web, "--tenant", "acme")
        stacks.wait_for(lambda: web.ask("GET", ROLES, {"X-GuestToken": guests["acme"]}).status == 401, "the tenant's end")
        assert web.ask("GET", ROLES, {"X-GuestToken": guests["globex"]}).status == 200


def test_without_a_key_there_are_no_tokens(web, token):
    try:
        text = "\n".join(line for line in web.config_text().splitlines() if not line.startswith("identity_key"))
        assert web.reload(text)["event"] == "policy.reloaded"
        is_refused(web, web.create(web.bearer(), resources(A1)), 403, "guest.off")
        is_refused(web, web.ask("GET", ROLES, {"X-GuestToken": token}), 401, "guest.token")
    finally:
        assert web.reload(web.config_text())["event"] == "policy.reloaded"


# ---- from one process to the next ----

def test_a_page_waits_for_an_auditor_that_starts_again():
    """Older SDKs never ask again after one refusal. The supervisor is held up, so that nobody starts the next auditor too early."""
    with gueststack.GuestStack(workers=1) as web:
        bearer, guest = web.bearer(), {"X-GuestToken": web.guest_token()}
        supervisor = web.rowgate.process.pid
        os.kill(supervisor, signal.SIGSTOP)
        try:
            os.kill(web.rowgate.auditor, signal.SIGKILL)
            stacks.wait_for(lambda: web.ask("GET", ROLES, guest).status == 503, "requests without an auditor")
            answers = []
            asking = threading.Thread(target=lambda: answers.append(web.create(bearer, resources(A1))))
            with web.connect("localhost") as gone:  # a client that does not wait
                body = json.dumps(resources(A1))
                gone.sendall((f"POST {PATH} HTTP/1.1\r\nHost: {web.url[8:]}\r\nContent-Type: application/json\r\n"
                              f"Authorization: {bearer['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
            asking.start()
            assert web.ask("GET", ROLES, guest).status == 503 and answers == []
        finally:
            os.kill(supervisor, signal.SIGCONT)
        asking.join()
        assert answers[0].status == 200, answers
        stacks.wait_for(lambda: web.ask("GET", ROLES, guest).status == 200, "requests with the next auditor")


def test_tokens_outlive_a_restart_and_their_ends_do_too():
    with gueststack.GuestStack(lifetime=None) as web:
        assert json.loads(web.create(web.bearer(), resources(A1)).body)["expires_in"] == 300
        browser, gone = logged_in(web), logged_in(web)
        tokens = {"session": web.guest_token(credential=web.cookie(browser) | {"Origin": HOST_PAGE}), "bearer": web.guest_token("zach"),
                  "logged out": web.guest_token(credential=web.cookie(gone) | {"Origin": HOST_PAGE}), "revoked": web.guest_token("zoe")}
        web.log_out(gone)
        revoke(web, "--subject", "zoe", "--idp", "main")
        stacks.wait_for(lambda: web.ask("GET", ROLES, {"X-GuestToken": tokens["revoked"]}).status == 401, "the person's end")
        assert web.rowgate.stop() == 0
        web.rowgate.start()
        web.upstream.forget()
        said = {name: web.ask("GET", ROLES, {"X-GuestToken": token}).status for name, token in tokens.items()}
        assert said == {"session": 200, "bearer": 200, "logged out": 401, "revoked": 401}
        assert len(web.upstream.seen) == 2
