# SPDX-License-Identifier: Apache-2.0
"""A real Superset behind rowgate: people of two tenants log in at a real Keycloak in a real browser, use it, and each of their deeds
is on record under their names."""
import json
import sqlite3
import subprocess

import pytest

import chromium
import keycloak as keycloak_module
import stack
import supersetstack

pytestmark = pytest.mark.external
SECRET = "the client's secret"
ROLES = 'ROWGATE_ROLES = {"": ["Alpha"]}'
PROVIDER = """\
type = "oidc"
issuer = "{issuer}"
ca_file = "{ca}"
client_id = "rowgate"
client_secret = "env:ROWGATE_TEST_KEYCLOAK_SECRET"
display_name = "Keycloak"
"""


@pytest.fixture(scope="module")
def world(keycloak):
    keys = PROVIDER.format(issuer=keycloak.issuer("superset"), ca=keycloak.ca_file)
    made = supersetstack.SupersetStack(more=ROLES, providers={"kc": keys}, secrets={"ROWGATE_TEST_KEYCLOAK_SECRET": SECRET},
                                       ca=keycloak.authority)
    keycloak.make_realm("superset", [keycloak_module.oidc_client("rowgate", SECRET, made.url, "kc")])
    with made as running:
        yield running


@pytest.fixture(scope="module")
def browser(world, keycloak):
    with chromium.Chromium({}, [world.directory / "tls/public.pem", keycloak.directory / "tls/keycloak.pem"]) as running:
        yield running


def log_in(world, browser, name):
    page = browser.page()
    page.goto(f"{world.url}/.rowgate/login/kc?return_to=/superset/welcome/")
    page.fill("#username", name)
    page.fill("#password", f"{name}-password")
    page.click("#kc-login")
    page.wait_for_url(f"{world.url}/superset/welcome/")
    return page


def call(page, method, path, content=None):
    """By the page's own fetch: with its cookie and its Origin."""
    return page.evaluate("""async ([method, path, content]) => {
        const answer = await fetch(path, {method, headers: content ? {'Content-Type': 'application/json'} : {},
                                          body: content ? JSON.stringify(content) : undefined});
        const text = await answer.text();
        return {status: answer.status, text, reference: answer.headers.get('x-request-id')}; }""", [method, path, content])


def search(world, *options):
    done = subprocess.run([stack.binary(), "audit", "search", *options, str(world.audit)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_superset_opens_for_whoever_logged_in_and_knows_who_it_is(world, browser):
    page = log_in(world, browser, "alice")
    page.wait_for_selector("text=/Recents|Dashboards/")  # Superset's own page, with its scripts and styles
    answer = call(page, "GET", "/api/v1/me/")
    assert answer["status"] == 200, answer
    me = json.loads(answer["text"])["result"]
    assert me["username"].startswith("rg-") and me["first_name"] == "alice" and me["last_name"].startswith("acme")
    other = log_in(world, browser, "bob")
    assert json.loads(call(other, "GET", "/api/v1/me/")["text"])["result"]["last_name"].startswith("globex")
    with sqlite3.connect(world.superset.database) as database:
        roles = dict(database.execute("select u.first_name, group_concat(r.name) from ab_user u join ab_user_role ur on ur.user_id = u.id"
                                      " join ab_role r on r.id = ur.role_id where u.username like 'rg-%' group by u.id"))
    assert any(role.startswith("rg.acme") for role in roles["alice"].split(",")), roles
    assert not any(role.startswith("rg.acme") for role in roles["bob"].split(",")), roles


def test_a_dashboard_is_made_seen_changed_and_removed_on_record(world, browser):
    page = log_in(world, browser, "alice")
    made = call(page, "POST", "/api/v1/dashboard/", {"dashboard_title": "Sales", "published": True})
    assert made["status"] == 201, made
    number = json.loads(made["text"])["id"]
    assert call(page, "GET", f"/api/v1/dashboard/{number}")["status"] == 200
    assert call(page, "PUT", f"/api/v1/dashboard/{number}", {"dashboard_title": "Sales 2"})["status"] == 200
    assert call(page, "DELETE", f"/api/v1/dashboard/{number}")["status"] == 200
    assert call(page, "GET", f"/api/v1/dashboard/{number}")["status"] == 404
    found = world.records("http.request", object=f"dashboard/{number}")
    assert {record["tenant"] for record in found} == {"acme-kc"}
    actions = {record["action"] for record in found}
    assert {"dashboard.view", "dashboard.update", "dashboard.delete"} <= actions, actions
    changed = [record for record in found if record["action"] == "dashboard.update" and record.get("digest_after")]
    assert changed and all(record["digest_before"] != record["digest_after"] for record in changed), found
    shown = search(world, "--object", f"dashboard/{number}")
    assert "dashboard.update" in shown and "dashboard.delete" in shown and "alice" in shown, shown


def test_without_a_session_superset_is_not_there(world, browser):
    page = browser.page()
    page.goto(f"{world.url}/superset/welcome/")
    assert page.title() == "Sign in"
    assert page.goto(f"{world.url}/api/v1/me/").status == 401
    assert page.goto(f"{world.url}/login/").status == 403  # Superset's own form is closed


def test_whoever_logs_out_is_out_of_superset(world, browser):
    page = log_in(world, browser, "alice")
    page.goto(f"{world.url}/.rowgate/logout")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: "/.rowgate/" in url or "openid-connect/logout" in url)
    page.goto(f"{world.url}/superset/welcome/")
    assert page.title() == "Sign in"
