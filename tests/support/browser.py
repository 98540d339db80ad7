# SPDX-License-Identifier: Apache-2.0
"""A browser as far as logins need one: follows redirects, keeps cookies by host and prefix rules, fills in forms. One context
trusts all the private authorities of a test. No scripts, no DNS but localhost.

    page = Browser(ca, other_ca).open("https://localhost:8443/superset/welcome/")
    page = page.submit(username="alice", password="alice-password")
    page.status, page.url, page.text, [hop.url for hop in page.history]
"""

import html.parser
import http.client
import http.cookies
import ssl
import urllib.parse


class Forms(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.links = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "form":
            self.forms.append({"action": values.get("action") or "", "method": (values.get("method") or "get").lower(), "fields": {}})
        elif tag in ("input", "button") and values.get("name") and self.forms:
            if values.get("type") not in ("checkbox", "submit") or "checked" in values:
                self.forms[-1]["fields"][values["name"]] = values.get("value") or ""
        elif tag == "a" and values.get("href"):
            self.links.append(values["href"])


class Page:
    def __init__(self, browser, method, url, answer, body):
        self.browser = browser
        self.method = method
        self.url = url
        self.status = answer.status
        self.lines = answer.getheaders()
        self.headers = {name.lower(): value for name, value in self.lines}
        self.body = body
        self.history = []

    def __repr__(self):
        return f"<{self.status} {self.method} {self.url} {self.body[:300]!r}>"

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def forms(self):
        return Forms(self.text).forms

    @property
    def links(self):
        return Forms(self.text).links

    @property
    def query(self):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url).query))

    def submit(self, form=0, follow=True, **fields):
        """Sends a form with these fields on top of its own."""
        chosen = self.forms[form]
        target = urllib.parse.urljoin(self.url, chosen["action"]) if chosen["action"] else self.url
        data = chosen["fields"] | fields
        if chosen["method"] == "post":
            return self.browser.open(target, "POST", data, follow=follow, origin=self.url)
        return self.browser.open(target.split("?")[0] + "?" + urllib.parse.urlencode(data), follow=follow)


class Browser:
    def __init__(self, *ca_files):
        self.context = ssl.create_default_context()
        for file in ca_files:
            self.context.load_verify_locations(file)
        self.cookies = {}  # host -> {name: value}; ports share them, as in every browser

    def open(self, url, method="GET", data=None, headers=None, follow=True, limit=20, origin=None):
        """data: a dict of a form. Redirects are followed, at most limit."""
        history = []
        while True:
            page = self._request(method, url, data, headers or {}, origin)
            page.history = history
            location = page.headers.get("location")
            if not follow or page.status not in (301, 302, 303, 307) or location is None:
                return page
            assert len(history) < limit, [hop.url for hop in history]
            history.append(page)
            url = urllib.parse.urljoin(url, location)
            if page.status != 307:
                method, data, origin = "GET", None, None

    def _request(self, method, url, data, headers, origin):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "http":  # of this machine only: PHP's server speaks no TLS
            assert parts.hostname == "127.0.0.1", url
            connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=60)
        else:
            assert parts.scheme == "https", url
            connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, context=self.context, timeout=60)
        body = None if data is None else urllib.parse.urlencode(data)
        lines = {"Accept": "text/html,application/xhtml+xml", "User-Agent": "Mozilla/5.0 (test)"} | headers
        if body is not None:
            lines["Content-Type"] = "application/x-www-form-urlencoded"
        if origin is not None:
            lines["Origin"] = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(origin))
        jar = self.cookies.setdefault(parts.hostname, {})
        if jar:
            lines["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, target, body, lines)
            answer = connection.getresponse()
            page = Page(self, method, url, answer, answer.read())
        finally:
            connection.close()
        for name, value in page.lines:
            if name.lower() == "set-cookie":
                self._keep(jar, value)
        return page

    @staticmethod
    def _keep(jar, line):
        pair, *attributes = [part.strip() for part in line.split(";")]
        name, _, value = pair.partition("=")
        words = {attribute.split("=")[0].lower(): attribute.partition("=")[2] for attribute in attributes}
        if name.startswith("__Host-"):
            assert "secure" in words and "domain" not in words and words.get("path") == "/", line
        if words.get("max-age") == "0" or not value:
            jar.pop(name, None)
        else:
            jar[name] = value
