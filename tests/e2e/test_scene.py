# SPDX-License-Identifier: Apache-2.0
"""The whole scene in a real Chromium: people of two tenants log in at Keycloak, by OpenID Connect and by SAML, see the same dashboard
with their own numbers, filter it, drill into it, export it, leave it open, log out. No answer that a browser gets has a word of the
other tenant. Pictures are kept in build/scene/."""
import base64
import collections
import contextlib
import json
import re
import subprocess
import threading
import time

import psycopg2
import pytest

import chromium
import scene as scene_module
import scene_data
import stack

pytestmark = pytest.mark.external

PERSON = {"acme": "alice", "globex": "bob"}
OTHER = {"acme": "globex", "globex": "acme"}
PICTURES = stack.ROOT / "build" / "scene"
CHARTS = ("Revenue", "Revenue by month and region", "Orders by month and state", "Customers", "Revenue by country and state",
          "Visits by channel", "Latest orders")
LOADING = 120_000  # ms: two cores do all this
ACCESS_TOKEN_SECONDS = 90
CLOCK_SKEW_SECONDS = 30  # forgiven by rowgate
# Somebody who reads along inside Superset: the capsules of all requests.
CAPSULES = PICTURES / "capsules"
TAP = f"""
class Tap:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        if environ.get("HTTP_X_ROWGATE_CAPSULE"):
            with open({str(CAPSULES)!r}, "a") as file:
                file.write(environ["HTTP_X_ROWGATE_CAPSULE"] + chr(10))
        return self.app(environ, start_response)

ADDITIONAL_MIDDLEWARE = [*ADDITIONAL_MIDDLEWARE, Tap]  # the last is the outermost
"""


@pytest.fixture(scope="module")
def scene(keycloak):
    PICTURES.mkdir(parents=True, exist_ok=True)
    CAPSULES.unlink(missing_ok=True)
    with scene_module.Scene(keycloak=keycloak, guest_token_lifetime="1m", access_token_seconds=ACCESS_TOKEN_SECONDS, more=TAP) as running:
        yield running
        if running.rowgate.process.poll() is not None:
            print(running.rowgate.log_path.read_text()[-8000:])


@pytest.fixture(scope="module")
def browser(scene):
    certificates = [scene.certificate, scene.keycloak.authority.directory / "keycloak.pem"]
    with chromium.Chromium({}, certificates) as running:
        yield running


class Visitor:
    """A browser of its own, what it was answered, and the words that it must never be."""

    def __init__(self, scene, browser, tenant):
        self.scene, self.tenant = scene, tenant
        self.page = browser.page(viewport={"width": 1400, "height": 1400}, accept_downloads=True)
        self.page.context.set_default_timeout(LOADING)
        self.page.context.on("response", self._on_response)
        self.chart_data = collections.defaultdict(list)  # chart's number -> answers, read
        self.seen = []                                   # (method, path, status)
        self.tokens = []                                 # guest tokens that its pages were given
        self.leaks = []

    def close(self):
        self.page.context.close()

    def _on_response(self, response):
        path = response.url.split("/", 3)[3]
        self.seen.append((response.request.method, path, response.status))
        if path.startswith("static/") or path.startswith("resources/") or 300 <= response.status < 400:
            return
        with contextlib.suppress(Exception):  # of a page that has been left there is no body any more
            text = response.text()
            self.leaks += [(word, response.url) for word in scene_data.CANARIES[OTHER[self.tenant]] if word in text]
            if path in ("guest-token", ".rowgate/guest-token") and response.status == 200:
                self.tokens.append(json.loads(text)["token"])
            chart = re.search(r"slice_id%22%3A(\d+)", path)
            if chart and path.startswith("api/v1/chart/data"):
                self.chart_data[int(chart.group(1))].append((response.status, json.loads(text)))

    @property
    def frame(self):
        return self.page.frame_locator("#dashboard iframe")

    def fill_form(self):
        """Keycloak's."""
        name = PERSON[self.tenant]
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", f"{name}-password")
        self.page.press("input[name=password]", "Enter")

    def log_in_at_host(self):
        self.page.goto(self.scene.host_url(self.tenant) + "/")
        self.page.click("#in a")
        self.fill_form()
        self.page.wait_for_url(self.scene.host_url(self.tenant) + "/")

    def log_in_at_rowgate(self, way, path="/superset/welcome/"):
        self.page.goto(self.scene.url + path)
        self.page.get_by_role("link", name=way).click()
        self.fill_form()
        self.page.wait_for_url(self.scene.url + path)

    def wait_for(self, condition, what, seconds=120):
        """While the page lives on."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (what, self.seen[-30:])
            self.page.wait_for_timeout(100)

    def wait_for_dashboard(self, where=None):
        where = where or self.frame
        charts = [self.scene.made["charts"][name] for name in CHARTS]
        where.locator(".header-line").wait_for()
        self.wait_for(lambda: all(self.chart_data[number] for number in charts), "every chart's data")
        where.get_by_text(f"{scene_data.WORDS[self.tenant]['note']} 0720").first.wait_for()

    def rows(self, chart):
        """What the newest answer of a chart has."""
        status, answer = self.chart_data[self.scene.made["charts"][chart]][-1]
        assert status == 200, answer
        return answer["result"][0]["data"]

    def picture(self, name):
        """Of what stands still: charts grow and menus fade when their data has long been there."""
        self.page.mouse.move(0, 0)
        shots = [None, self.page.screenshot()]
        while shots[-1] != shots[-2] and len(shots) < 30:
            self.page.wait_for_timeout(500)
            shots.append(self.page.screenshot())
        (PICTURES / f"{name}.png").write_bytes(shots[-1])

    def assert_own_numbers(self, where=None, region=None):
        where = where or self.frame
        revenue = scene_data.revenue(self.tenant, region)
        self.wait_for(lambda: where.locator(".header-line").inner_text() == f"{revenue:,.2f}", "the big number")
        assert self.rows("Revenue") == [{"revenue": revenue}]
        months = self.rows("Revenue by month and region")
        assert abs(sum(value for row in months for name, value in row.items() if name != "placed" and value) - revenue) < 0.01
        orders = [row for row in scene_data.orders(self.tenant) if region in (None, row[1])]
        assert sum(value for row in self.rows("Orders by month and state") for name, value in row.items() if name != "placed" and value) \
            == len(orders)
        assert {row["customer"] for row in self.rows("Customers")} == set(scene_data.WORDS[self.tenant]["names"])
        assert {row["country"] for row in self.rows("Revenue by country and state")} == set(scene_data.WORDS[self.tenant]["countries"])
        assert sum(row["visits"] for row in self.rows("Visits by channel")) == scene_data.visits(self.tenant)
        assert [row["note"] for row in self.rows("Latest orders")] == [row[4] for row in reversed(orders)][:50]
        customers = where.locator('[data-test-chart-name="Customers"]').inner_text()
        assert scene_data.WORDS[self.tenant]["names"][0] in customers

    def assert_nothing_foreign(self):
        assert not self.leaks
        text = self.page.content() + "".join(frame.content() for frame in self.page.frames)
        assert not [word for word in scene_data.CANARIES[OTHER[self.tenant]] if word in text]

    def choose_region(self, region):
        for answers in self.chart_data.values():
            answers.clear()
        self.frame.locator('[data-test="form-item-value"] .ant-select').first.click()
        self.frame.locator(".ant-select-item-option", has_text=region).click()
        self.page.keyboard.press("Escape")
        self.frame.get_by_role("button", name="Apply").click()

    def open_menu(self, chart):
        self.frame.locator(f'[data-test-chart-name="{chart}"] [data-test="slice-header"] [aria-label="More Options"]').first.click()


@pytest.fixture
def visit(scene, browser):
    with contextlib.ExitStack() as undo:
        def make(tenant):
            visitor = Visitor(scene, browser, tenant)
            undo.callback(visitor.close)
            return visitor
        yield make


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def newest_capsule():
    """What Superset was sent last: the proof that opens connections of whoever asked."""
    return CAPSULES.read_text().splitlines()[-1]


def ask_sql(scene, capsule, database="bi", statement="SELECT sum(amount) FROM sales.orders"):
    with contextlib.closing(psycopg2.connect(host="localhost", port=scene.ports["sql"], dbname=database, user="anybody", password=capsule,
                                             sslmode="verify-full", sslrootcert=str(scene.ca_file))) as connection:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return float(cursor.fetchone()[0])


def is_taken(scene, guest_token):
    """By rowgate, and so by Superset."""
    try:
        scene.call("GET", "/api/v1/me/roles/", person=None, headers={"X-GuestToken": guest_token})
    except OSError as error:
        assert ": 401 " in str(error), error
        return False
    return True


def assert_refused(scene, capsule):
    """In the words for one that was never rowgate's."""
    texts = []
    for password in (capsule, "rgc1." + "A" * 100):
        with pytest.raises(psycopg2.OperationalError) as refusal:
            ask_sql(scene, password)
        texts.append(re.sub(r"0x[0-9a-f]+|[0-9a-f]{16}", "", str(refusal.value)))
    assert texts[0] == texts[1] and "FATAL" in texts[0], texts


def wait_for_end(visitor, capsule):
    """Of what a backend's access token proves: the token's own end, long before capsule_lifetime's 15 minutes."""
    def is_over():
        try:
            ask_sql(visitor.scene, capsule)
        except psycopg2.OperationalError:
            return True
        return False
    visitor.wait_for(is_over, "the capsule's end", ACCESS_TOKEN_SECONDS + CLOCK_SKEW_SECONDS + 30)
    assert_refused(visitor.scene, capsule)


@pytest.mark.parametrize("tenant", ["acme", "globex", "acme"], ids=["acme", "globex", "acme again"])
def test_each_tenant_sees_its_own_numbers_in_every_chart(scene, visit, tenant):
    visitor = visit(tenant)
    visitor.log_in_at_host()
    visitor.wait_for_dashboard()
    visitor.assert_own_numbers()
    visitor.picture(f"host-{tenant}")
    visitor.assert_nothing_foreign()
    assert not [entry for entry in visitor.seen if entry[2] >= 400 and "chart/data" in entry[1]]


def test_two_tenants_at_once_with_a_warm_cache(scene, visit):
    pages = [visit("globex"), visit("acme"), visit("globex"), visit("acme")]
    for visitor in pages:
        visitor.log_in_at_host()
    for visitor in pages:
        visitor.wait_for_dashboard()
    for visitor in pages:
        visitor.assert_own_numbers()
        visitor.assert_nothing_foreign()
    assert any(answer["result"][0]["is_cached"] for answers in pages[-1].chart_data.values() for _, answer in answers), "nothing was cached"


@pytest.mark.parametrize("tenant", ["globex", "acme"])
def test_a_person_filters_drills_and_exports(scene, visit, tenant):
    visitor = visit(tenant)
    visitor.log_in_at_host()
    visitor.wait_for_dashboard()
    visitor.choose_region("North")
    north = scene_data.revenue(tenant, "North")
    visitor.wait_for(lambda: visitor.frame.locator(".header-line").inner_text() == f"{north:,.2f}", "the filtered number")
    visitor.wait_for(lambda: visitor.chart_data[scene.made["charts"]["Latest orders"]], "the filtered orders")
    assert {row["region"] for row in visitor.rows("Latest orders")} == {"North"}
    visitor.open_menu("Revenue")
    visitor.frame.get_by_text("Drill to detail").first.click()
    modal = visitor.frame.get_by_role("dialog")
    orders = [row for row in scene_data.orders(tenant) if row[1] == "North"]
    modal.get_by_text(f"{len(orders)} rows").wait_for()
    modal.get_by_text(orders[0][4]).wait_for()
    visitor.picture(f"drill-{tenant}")
    visitor.frame.locator(".ant-modal-close").first.click()
    modal.wait_for(state="hidden")
    visitor.open_menu("Latest orders")
    visitor.frame.get_by_text("Download").last.hover()
    with visitor.page.expect_download() as download:
        visitor.frame.get_by_text("Export to .CSV").last.dispatch_event("click")  # the menu moves with the mouse
    text = open(download.value.path(), encoding="utf-8-sig").read()
    assert [line.split(",")[4] for line in text.splitlines()[1:]] == [row[4] for row in reversed(orders)][:50]
    assert not [word for word in scene_data.CANARIES[OTHER[tenant]] if word in text]
    visitor.assert_nothing_foreign()


def test_a_tab_lives_on_when_its_tokens_have_ended(scene, visit):
    """Of the guest token and of the access token behind it."""
    visitor = visit("acme")
    visitor.log_in_at_host()
    visitor.wait_for_dashboard()
    ends, capsule = claims_of(visitor.tokens[0])["exp"], newest_capsule()
    assert ends - time.time() <= 60 and ask_sql(scene, capsule) == scene_data.revenue("acme")
    visitor.wait_for(lambda: len(visitor.tokens) > 1 and time.time() > ends + 10, "the end of the first token")
    wait_for_end(visitor, capsule)
    visitor.choose_region("South")
    south = scene_data.revenue("acme", "South")
    visitor.wait_for(lambda: visitor.frame.locator(".header-line").inner_text() == f"{south:,.2f}", "the filtered number")
    assert not [entry for entry in visitor.seen if entry[2] == 401]


@pytest.mark.parametrize("tenant,way", [("acme", "Keycloak (SAML)"), ("globex", "Keycloak (OpenID Connect)"), ("globex", "Keycloak (SAML)")])
def test_the_whole_superset_shows_a_person_its_own(scene, visit, tenant, way):
    visitor = visit(tenant)
    path = f"/superset/dashboard/{scene.made['dashboard']}/"
    visitor.log_in_at_rowgate(way, path)
    visitor.wait_for_dashboard(visitor.page)
    visitor.assert_own_numbers(visitor.page)
    visitor.picture(f"superset-{tenant}-{'saml' if 'SAML' in way else 'oidc'}")
    visitor.assert_nothing_foreign()


def log_out_at_rowgate(visitor):
    page = visitor.page.context.new_page()
    page.goto(visitor.scene.url + "/.rowgate/logout")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_load_state()
    return page


def test_the_page_itself_asks_rowgate_and_who_logs_out_there_is_out_on_both_planes(scene, visit):
    visitor = visit("globex")
    visitor.log_in_at_rowgate("Keycloak (OpenID Connect)")
    visitor.page.goto(scene.host_url("globex") + "/session")
    visitor.wait_for_dashboard()
    visitor.assert_own_numbers()
    visitor.assert_nothing_foreign()
    capsule = newest_capsule()
    assert ask_sql(scene, capsule) == scene_data.revenue("globex")
    assert ask_sql(scene, capsule, "lake", "SELECT sum(visits) FROM sales.visits") == scene_data.visits("globex")
    assert_refused(scene, claims_of(visitor.tokens[-1])["rowgate"])  # what the browser itself holds opens none
    visitor.wait_for(lambda: is_taken(scene, visitor.tokens[-1]), "a token that is taken")
    token = visitor.tokens[-1]
    log_out_at_rowgate(visitor)
    assert_refused(scene, capsule)
    assert not is_taken(scene, token)
    visitor.page.bring_to_front()
    visitor.page.get_by_role("link", name="Sign in").wait_for()  # the open page asks for its next token
    visitor.page.goto(scene.host_url("globex") + "/session")
    visitor.page.get_by_role("link", name="Sign in").wait_for()
    visitor.page.goto(scene.url + "/superset/welcome/")
    assert visitor.page.title() == "Sign in"


def test_a_running_statement_ends_with_the_session_that_asked_for_it(scene, visit):
    visitor = visit("acme")
    visitor.log_in_at_rowgate("Keycloak (OpenID Connect)")
    visitor.page.goto(scene.host_url("acme") + "/session")
    visitor.wait_for_dashboard()
    failed, capsule = [], newest_capsule()

    def run():
        try:
            ask_sql(scene, capsule, statement="SELECT count(*) FROM sales.orders a, sales.orders b, sales.orders c")
        except psycopg2.Error as error:
            failed.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    statements = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%orders%' AND pid <> pg_backend_pid()"
    with contextlib.closing(scene.server.connect(dbname="bi")) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def is_running():
            cursor.execute(statements)
            return cursor.fetchone()[0] > 0
        visitor.wait_for(is_running, "the statement")
    log_out_at_rowgate(visitor)
    thread.join(60)
    assert failed and not thread.is_alive()


def test_who_logs_out_at_the_host_page_gets_no_more_tokens(scene, visit):
    visitor = visit("acme")
    visitor.log_in_at_host()
    visitor.wait_for_dashboard()
    visitor.wait_for(lambda: is_taken(scene, visitor.tokens[-1]), "a token that is taken")
    token, capsule = visitor.tokens[-1], newest_capsule()
    ends = claims_of(token)["exp"]
    assert ask_sql(scene, capsule) == scene_data.revenue("acme")
    other = visitor.page.context.new_page()
    other.goto(scene.host_url("acme") + "/")
    other.get_by_role("button", name="Sign out").click()
    other.get_by_role("link", name="Sign in").wait_for()
    visitor.wait_for(lambda: ("POST", "guest-token", 401) in visitor.seen, "the page to be told")
    visitor.page.get_by_role("link", name="Sign in").wait_for()
    visitor.wait_for(lambda: time.time() > ends + 6, "the token's end")
    assert not is_taken(scene, token)
    wait_for_end(visitor, capsule)


def test_a_chart_is_one_story_on_both_planes(scene, visit):
    visitor = visit("globex")
    visitor.log_in_at_host()
    visitor.wait_for_dashboard()
    chart = scene.made["charts"]["Visits by channel"]
    visitor.chart_data[chart].clear()
    start = len(list(scene.records()))
    visitor.open_menu("Visits by channel")
    visitor.frame.get_by_text("Force refresh").last.click()
    visitor.wait_for(lambda: visitor.chart_data[chart], "the chart's data")

    def stories():
        records = [one for one in list(scene.records())[start:] if one["metadata"].get("tenant_uid") == "globex"]
        asked = {one["unmapped"]["rg"]["reference"] for one in records
                 if one["unmapped"]["rg"]["kind"] == "http.request" and f"chart/{chart}" in one["unmapped"]["rg"].get("object", "").split(",")}
        return [one for one in records if one["unmapped"]["rg"]["kind"] == "statement" and one["unmapped"]["rg"].get("reference") in asked]
    visitor.wait_for(lambda: any("visits" in one["query_info"]["query_string"] for one in stories()), "the statement's record")
    assert {one["unmapped"]["rg"]["upstream"] for one in stories()} == {"globex_file"}
    assert {one["actor"]["user"]["name"] for one in stories()} == {"bob"}


def test_the_audit_log_of_all_that_verifies(scene):
    done = subprocess.run([stack.binary(), "audit", "verify", scene.audit], text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
