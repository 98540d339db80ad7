# SPDX-License-Identifier: Apache-2.0
"""Our pages in a real Chromium: the choice of a provider, logging in and out, what has ended, what is refused and how the audit
log knows it again, in the dark, in a frame, by keyboard and for those who do not see."""
import http.server
import json
import pathlib
import re
import ssl
import struct
import subprocess
import threading
import zlib

import pytest

import chromium
import loginstack
import stack

pytestmark = pytest.mark.external
PAGE = "/superset/welcome/"
FACES = """
display_name = "Acme & Sons <b>"
logo = "{directory}/logo.png"
frame_ancestors = ["https://localhost:{host_port}"]
"""


def png(size=16):
    """A red square."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + b"\xc0\x20\x20" * size) * size
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


class HostPage(http.server.ThreadingHTTPServer):
    """A customer's page that shows /superset/welcome/ in a frame."""

    def __init__(self, source):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = f'<!doctype html><title>host</title><iframe id="f" src="{source()}" width="800" height="600"></iframe>'.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)

    def begin(self, certificate, key):
        """With TLS: a page without it is another site to browsers, and would not take the session's cookie along."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class World(loginstack.LoginStack):
    def __init__(self):
        self.host = HostPage(lambda: f"{self.url}{PAGE}")
        super().__init__(providers={"partners": None})

    def config_text(self, **changes):
        (self.directory / "logo.png").write_bytes(png())
        self.providers["partners"] = (f'type = "oidc"\nissuer = "{self.idp.issuer}/partners"\nclient_id = "partners"\n'
                                      'client_secret = "env:ROWGATE_TEST_CLIENT_SECRET"\naudience = ["partners"]\n'
                                      'display_name = "Partners & friends"\n')
        text = super().config_text(**changes)
        faces = FACES.format(directory=self.directory, host_port=self.host.port)
        return text.replace('[[tenants]]\nid = "acme"\n', f'[[tenants]]\nid = "acme"\n{faces}', 1)

    def __exit__(self, *_):
        self.host.shutdown()
        super().__exit__(*_)


@pytest.fixture(scope="module")
def world():
    with World() as running:
        @running.upstream.on("/superset/welcome/")
        def welcome(exchange):
            body = b"<!doctype html><title>Superset</title><h1>Welcome</h1>"
            exchange.answer(200, [("Content-Type", "text/html"), ("X-Frame-Options", "SAMEORIGIN"),
                                  ("Content-Security-Policy", "default-src 'self'; script-src 'nonce-abc123' 'strict-dynamic'")], body)
        running.host.begin(running.directory / "tls/public.pem", running.directory / "tls/public.key")
        yield running


@pytest.fixture(scope="module")
def browser(world):
    with chromium.Chromium({}, [world.directory / "tls/public.pem", world.directory / "idp/tls.pem"]) as running:
        yield running


@pytest.fixture
def page(browser):
    page = browser.page()
    yield page
    page.context.close()


def log_in(world, page, name="alice", path=PAGE):
    page.goto(f"{world.url}/.rowgate/login/main?return_to={path}")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", f"{name}-password")
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{world.url}{path}")


def search(world, *options):
    done = subprocess.run([stack.binary(), "audit", "search", *options, str(world.audit)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_visitor_chooses_a_provider_and_lands_where_he_wanted(world, page):
    page.goto(f"{world.url}{PAGE}")
    assert page.title() == "Sign in" and page.get_by_role("heading", name="Sign in").is_visible()
    links = page.get_by_role("navigation", name="Ways to sign in").get_by_role("link")
    assert links.all_inner_texts() == ["Corporate login", "Partners & friends"]
    page.get_by_role("link", name="Corporate login").click()
    page.fill("input[name=username]", "alice")
    page.fill("input[name=password]", "alice-password")
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{world.url}{PAGE}")
    assert page.inner_text("h1") == "Welcome"
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    own = cookies["__Host-rowgate"]
    assert own["secure"] and own["httpOnly"] and own["sameSite"] == "Lax" and own["path"] == "/"
    assert page.evaluate("document.cookie") == ""  # no script sees it


def test_a_page_of_a_tenant_shows_its_name_and_logo_and_leads_on(world, page):
    page.goto(f"{world.url}/.rowgate/login?tenant=acme&reason=expired")
    assert "Acme & Sons <b>" in page.inner_text("main")
    assert page.locator("b").count() == 0  # the name is text
    assert page.evaluate("document.querySelector('img.face').naturalWidth") == 16
    assert page.get_by_role("status").inner_text() == "Your session has ended. Please sign in again."
    assert page.get_by_role("link").all_inner_texts() == ["Corporate login"]


def test_a_tenant_without_a_face_looks_like_one_that_is_not_there(world, page):
    texts = []
    for name in ("globex", "absent"):
        page.goto(f"{world.url}/.rowgate/login?tenant={name}&reason=expired")
        texts.append(page.locator("main > :not(nav)").all_inner_texts())
        assert page.goto(f"{world.url}/.rowgate/logo?tenant={name}").status == 404
    assert texts[0] == texts[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_the_dark(world, browser, scheme):
    page = browser.page(color_scheme=scheme)
    page.goto(f"{world.url}/.rowgate/login?reason=expired")
    looks = page.evaluate("""() => ['h1', '[role=status]', '.choice'].map(name => {
        const element = document.querySelector(name);
        let behind = element, back = 'rgba(0, 0, 0, 0)';
        while (behind && back === 'rgba(0, 0, 0, 0)') { back = getComputedStyle(behind).backgroundColor; behind = behind.parentElement; }
        return [getComputedStyle(element).color, back]; })""")
    for text, back in looks:
        assert contrast(text, back) >= 4.5, (scheme, text, back)
    is_dark = luminance(looks[0][1]) < 0.2
    assert is_dark == (scheme == "dark")
    page.context.close()


def luminance(color):
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_page_works_by_keyboard_without_scripts_and_on_a_telephone(world, browser):
    page = browser.page(java_script_enabled=False, viewport={"width": 320, "height": 568})
    page.goto(f"{world.url}/.rowgate/login?reason=expired")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("input[name=username]")
    page.context.close()
    page = browser.page(viewport={"width": 320, "height": 568})
    page.goto(f"{world.url}/.rowgate/login?reason=expired")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("[...document.querySelectorAll('img')].every(image => image.hasAttribute('alt'))")
    page.context.close()


def test_whoever_logs_out_is_out(world, page):
    log_in(world, page)
    page.goto(f"{world.url}/.rowgate/logout")
    assert "alice" in page.inner_text("main")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_load_state()
    assert "__Host-rowgate" not in {cookie["name"] for cookie in page.context.cookies()}
    page.goto(f"{world.url}{PAGE}")
    assert page.title() == "Sign in"


def test_another_site_cannot_log_anybody_out(world, page):
    log_in(world, page)
    page.goto(f"https://localhost:{world.host.port}/")
    page.evaluate(f"""() => {{ const form = document.createElement('form'); form.method = 'post'; form.target = '_blank';
        form.action = '{world.url}/.rowgate/logout'; document.body.append(form); form.submit(); }}""")
    page.goto(f"{world.url}{PAGE}")
    assert page.inner_text("h1") == "Welcome"


def test_a_refusal_is_known_again_by_its_reference(world, page):
    log_in(world, page)
    answer = page.goto(f"{world.url}/superset/nothing/of/the/kind/")
    assert answer.status == 403
    assert "http.route.unknown" in page.inner_text("dl")
    reference = page.locator("dd code").first.inner_text()
    assert re.fullmatch(r"r-[0-9a-f]+", reference)
    found = search(world, "--reference", reference, "--json")
    record = json.loads(found.splitlines()[0])
    assert reference in json.dumps(record) and "/superset/nothing/of/the/kind/" in json.dumps(record)
    assert page.get_by_role("link", name="Start page").get_attribute("href") == "/"


def test_a_tenants_own_site_may_frame_it_and_no_other(world, page):
    log_in(world, page)
    answer = page.goto(f"{world.url}{PAGE}")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'nonce-abc123' 'strict-dynamic'" in policy  # Superset's own stays
    assert f"frame-ancestors 'self' https://localhost:{world.host.port}" in policy
    assert "x-frame-options" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff" and "max-age" in answer.headers["strict-transport-security"]
    page.goto(f"https://localhost:{world.host.port}/")
    page.frame_locator("#f").locator("h1").wait_for()
    assert page.frame_locator("#f").locator("h1").inner_text() == "Welcome"
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(f"https://127.0.0.1:{world.host.port}/")  # the same page under a name that acme does not list
    for _ in range(100):
        if any("frame-ancestors" in text for text in refused):
            break
        page.wait_for_timeout(100)
    assert any("frame-ancestors" in text for text in refused), refused


def test_the_login_page_of_a_tenant_works_in_a_frame_of_its_site(world, page):
    page.goto(f"https://localhost:{world.host.port}/")
    page.evaluate(f"""document.getElementById('f').src = '{world.url}/.rowgate/login?tenant=acme&reason=expired'""")
    frame = page.frame_locator("#f")
    frame.get_by_role("link", name="Corporate login").wait_for()
    assert "Acme & Sons <b>" in frame.locator("main").inner_text()


def test_nobody_else_learns_what_stands_on_the_pages(world, page):
    answer = page.goto(f"{world.url}/.rowgate/login?reason=expired")
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "frame-ancestors 'self'" in policy
    outside = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert outside and all(name.startswith(world.url + "/") for name in outside), outside
