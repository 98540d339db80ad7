# SPDX-License-Identifier: Apache-2.0
"""Which requests get to Superset, and whose: the table of routes, [[routes]] and the limits, through a real rowgate to a
recording upstream. Callers show bearer tokens of two tenants, with and without roles."""

import json

import pytest

import httpstack


RULES = """
[claims.roles]
type = "text[]"
[[routes]]
name = "SQL Lab is for analysts"
path = "/api/v1/sqllab/{rest}"
roles = ["analyst"]
allow = true
reason = "Ask for the role analyst."
[[routes]]
name = "no charts of acme as files"
path = "/api/v1/dashboard/export/"
to = ["acme"]
allow = false
[[routes]]
path = "/api/v1/rowlevelsecurity/{rest}"
except = ["globex"]
roles = ["admin", "owner"]
allow = true
[[routes]]
path = "/api/v1/report/"
methods = ["GET"]
allow = true
[limits.default]
requests_per_minute = 10_000_000
"""


@pytest.fixture(scope="module")
def web():
    with httpstack.HttpStack(extra=RULES) as stack:
        yield stack


@pytest.fixture(scope="module")
def ask(web):
    """ask(method, path, tenant, role, ...): with a bearer token of that tenant and those roles."""
    tokens = {}

    def send(method, path, tenant="acme", *roles, body=b"", **options):
        if (tenant, roles) not in tokens:
            claims = (f"roles={json.dumps(list(roles))}",) if roles else ()
            tokens[tenant, roles] = web.token("alice", tenant, claims=claims)
        body = body or (b"{}" if method in ("POST", "PUT") else b"")
        return web.request(method, path, {"Authorization": f"Bearer {tokens[tenant, roles]}", "Content-Type": "application/json"}, body,
                           **options)
    return send


@pytest.fixture(autouse=True)
def forget(web):
    web.upstream.forget()


def problem(answer, status, rule):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    said = json.loads(answer.body)
    assert said["rule"] == rule
    assert said["instance"].startswith("r-")
    return said


UNKNOWN = ["/nothing", "/Superset/welcome/", "/superset/welcome", "/api/v1/dashboard/12/", "/api/v1/unheard_of/", "/metrics", "/static/",
           "/api/v2/me/", "/superset/../api", "/.rowgate/x"]
CLOSED = [("POST", "/login/"), ("GET", "/login/"), ("POST", "/api/v1/security/login"), ("POST", "/api/v1/security/refresh"),
          ("POST", "/api/v1/security/guest_token/"), ("GET", "/superset/explore_json/"), ("GET", "/explore_json/"), ("GET", "/swagger/v1"),
          ("GET", "/api/v1/_openapi"), ("POST", "/mcp"), ("GET", "/register/"), ("POST", "/resetpassword/form"), ("POST", "/users/add"),
          ("GET", "/version")]
NEED_LOGIN = [("GET", "/superset/welcome/"), ("GET", "/welcome/"), ("GET", "/superset/dashboard/12/"), ("GET", "/dashboard/12/"),
              ("GET", "/api/v1/dashboard/12"), ("POST", "/api/v1/chart/data"), ("POST", "/api/v1/sqllab/execute/"),
              ("PUT", "/api/v1/rowlevelsecurity/4"), ("DELETE", "/api/v1/dashboard/12")]
PUBLIC = ["/static/assets/3.js", "/static/appbuilder/css/a.css", "/health", "/healthcheck", "/ping", "/favicon.ico"]


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_path_never_reaches_superset(web, path):
    answer = web.request("GET", path)
    assert answer.status in (400, 403, 404), answer
    assert not web.upstream.seen


def test_an_unknown_path_is_refused_by_its_rule(web):
    problem(web.request("GET", "/nothing"), 403, "http.route.unknown")
    problem(web.request("DELETE", "/nothing"), 403, "http.route.unknown")


@pytest.mark.parametrize("method,path", CLOSED)
def test_what_is_closed_for_everyone_stays_closed(web, method, path):
    problem(web.request(method, path, body=b"x" if method == "POST" else b""), 403, "http.route.never")
    assert not web.upstream.seen


@pytest.mark.parametrize("method,path", NEED_LOGIN)
def test_superset_6_and_7_ask_who_calls(web, method, path):
    answer = web.request(method, path, body=b"{}" if method in ("POST", "PUT") else b"")
    assert answer.status in (401, 303), answer
    assert not web.upstream.seen


@pytest.mark.parametrize("path", PUBLIC)
def test_static_files_and_health_ask_nobody(web, path):
    assert web.request("GET", path).status == 200
    assert web.upstream.seen[-1].path == path
    assert web.request("HEAD", path).status == 200
    assert web.upstream.seen[-1].method == "HEAD"
    assert "cookie" not in web.upstream.seen[-1].headers


@pytest.mark.parametrize("method,path", [
    ("GET", "/api/v1/dashboard/12"), ("HEAD", "/api/v1/dashboard/12"), ("PUT", "/api/v1/dashboard/12"), ("POST", "/api/v1/chart/data"),
    ("POST", "/superset/explore_json/"), ("POST", "/explore_json/"), ("GET", "/superset/language_pack/de/"), ("GET", "/language_pack/de/"),
    ("GET", "/api/v1/datasource/table/3/column/a%20b/values/"), ("DELETE", "/api/v1/dashboard/?q=!(1,2)"),
])
def test_any_subject_uses_what_is_open(web, ask, method, path):
    assert ask(method, path).status == 200
    assert (method, path) in [(seen.method, seen.path) for seen in web.upstream.seen]  # beside what the audit asks before a change


@pytest.mark.parametrize("method,path", CLOSED)
def test_a_token_opens_nothing_that_is_closed_for_everyone(web, ask, method, path):
    problem(ask(method, path, "acme", "admin", "owner", "analyst"), 403, "http.route.never")
    assert not web.upstream.seen


def test_a_role_opens_what_the_table_keeps_for_roles(web, ask):
    problem(ask("POST", "/api/v1/database/", "acme", "admin"), 403, "http.route.role")
    problem(ask("PUT", "/api/v1/rowlevelsecurity/4"), 403, "http.route.role")
    problem(ask("PUT", "/api/v1/rowlevelsecurity/4", "acme", "analyst"), 403, "http.route.role")
    problem(ask("PUT", "/api/v1/rowlevelsecurity/4", "globex", "admin"), 403, "http.route.role")
    assert not web.upstream.seen
    assert ask("PUT", "/api/v1/rowlevelsecurity/4", "acme", "owner").status == 200
    assert ask("GET", "/api/v1/report/", "globex").status == 200
    problem(ask("POST", "/api/v1/report/", "globex"), 403, "http.route.closed")


def test_a_rule_narrows_what_is_open_to_a_role(web, ask):
    said = problem(ask("POST", "/api/v1/sqllab/execute/"), 403, "http.route.role")
    assert "Ask for the role analyst." in said["detail"]
    problem(ask("POST", "/api/v1/sqllab/execute/", "globex", "admin"), 403, "http.route.role")
    assert not web.upstream.seen
    assert ask("POST", "/api/v1/sqllab/execute/", "globex", "analyst").status == 200


def test_a_rule_closes_for_one_tenant(web, ask):
    problem(ask("GET", "/api/v1/dashboard/export/?q=!(1)", "acme", "admin"), 403, "http.route.denied")
    assert ask("HEAD", "/api/v1/dashboard/export/", "acme").status == 403
    assert not web.upstream.seen
    assert ask("GET", "/api/v1/dashboard/export/?q=!(1)", "globex").status == 200


@pytest.mark.parametrize("kind,body", [
    ("application/x-www-form-urlencoded", b"form_data={}&guest_token=SECRET"),
    ("application/x-www-form-urlencoded", b"guest%5Ftoken=SECRET"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="guest_token"\r\n\r\nSECRET\r\n--x--\r\n')])
def test_a_form_brings_no_second_credential(web, kind, body):
    headers = {"Authorization": f"Bearer {web.token('alice', 'acme')}", "Content-Type": kind}
    problem(web.request("POST", "/api/v1/chart/data", headers, body), 401, "guest.token")
    problem(web.request("POST", "/api/v1/chart/", headers, body), 400, "http.credential")
    assert not web.upstream.seen
    assert web.request("POST", "/api/v1/chart/data", headers, body.replace(b"guest", b"other")).status == 200


def test_embedded_pages_wait_for_a_tenant_that_lists_them(web):
    """Those that one lists: test_guest_token.py."""
    problem(web.request("GET", "/embedded/b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b77"), 403, "guest.dashboard")
    problem(web.request("GET", "/dashboard/12/embedded"), 403, "http.route.never")
    assert not web.upstream.seen


@pytest.mark.parametrize("method,path,allow", [
    ("POST", "/health", "GET, HEAD"),
    ("OPTIONS", "/api/v1/sqllab/execute/", "POST"),
    ("OPTIONS", "/superset/welcome/", "GET, HEAD"),
    ("HEAD", "/api/v1/sqllab/execute/", "POST"),
    ("PATCH", "/api/v1/dashboard/12", "GET, HEAD, PUT, DELETE"),
])
def test_a_method_that_is_not_taken_says_which_are(web, method, path, allow):
    answer = web.request(method, path)
    assert answer.status == 405, answer
    assert answer.headers["allow"] == allow
    assert not web.upstream.seen


def test_an_address_that_asks_too_much_is_told_when_to_come_again():
    with httpstack.HttpStack(listener="requests_per_minute_per_address = 20", workers=2) as web:
        with web.connect() as one, web.connect() as other:
            connections = [one, other]  # on any worker: they share the count
            answers = [web.request("GET", "/health", connection=connections[i % 2]) for i in range(60)]
            refused = [answer for answer in answers if answer.status == 429]
            allowed = [answer for answer in answers if answer.status == 200]
            assert len(allowed) + len(refused) == 60
            assert len(allowed) >= 20 and refused
            said = problem(refused[0], 429, "http.limit.address")
            assert 1 <= int(refused[0].headers["retry-after"]) <= 3
            assert said["status"] == 429 and "requests_per_minute_per_address = " in said["detail"]
        assert len(web.upstream.seen) == len(allowed)
        httpstack.wait_until(lambda: web.request("GET", "/health").status == 200, "the address may ask again")


def test_a_tenant_that_asks_too_much_leaves_the_others_alone():
    limits = """
[[tenants]]
id = "initech"
match = { idp = "main", claim = "tenant_id", value = "00000000-0000-0000-0000-00000000abcd" }
route = { upstream = "database", schemas = { sales = "t_initech" }, limits = "tight" }
[limits.tight]
requests_per_minute = 10
"""
    with httpstack.HttpStack(extra=limits) as web:
        tight = {"Authorization": "Bearer " + web.token("bob", "00000000-0000-0000-0000-00000000abcd")}
        other = {"Authorization": "Bearer " + web.token("alice", "acme")}
        with web.connect() as connection:
            answers = [web.request("GET", "/api/v1/me/", tight, connection=connection) for _ in range(40)]
            refused = [answer for answer in answers if answer.status == 429]
            assert {answer.status for answer in answers} == {200, 429}
            assert len(answers) - len(refused) >= 10
            said = problem(refused[0], 429, "http.limit.tenant")
            assert 'requests_per_minute = 10 of tenant "initech", from [limits.tight]' in said["detail"] and "Try again in" in said["detail"]
            assert 1 <= int(refused[0].headers["retry-after"]) <= 6
            assert web.request("GET", "/api/v1/me/", other, connection=connection).status == 200
            assert web.request("GET", "/health", connection=connection).status == 200


def test_rules_that_make_no_sense_do_not_replace_those_that_do():
    with httpstack.HttpStack() as web:
        text = web.rowgate.config.read_text()
        event = web.reload(text + '\n[[routes]]\npath = "/api/v1/dashbord/{id}"\nallow = false\n')
        assert event["event"] == "policy.reload_failed"
        assert web.request("GET", "/health").status == 200
        event = web.reload(text + '\n[[routes]]\npath = "/sqllab/"\nto = ["globex"]\nallow = false\n')
        assert event["event"] == "policy.reloaded"
