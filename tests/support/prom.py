# SPDX-License-Identifier: Apache-2.0
"""The admin listener of a rowgate as monitoring sees it: its pages over plain HTTP, its metrics as a dictionary."""
import http.client
import re
import subprocess

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


class Admin:
    """The pages of the admin listener at port."""

    def __init__(self, port):
        self.port = port

    def ask(self, path, method="GET", headers=(), body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def page(self, path):
        status, _, body = self.ask(path)
        return status, body

    def text(self):
        status, headers, body = self.ask("/metrics")
        assert status == 200, body
        assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8", headers
        return body

    def metrics(self):
        return Metrics(self.text())


class Metrics:
    """All samples: {(name, frozenset of (label, value))} to a number. Refuses what is not the text format."""

    def __init__(self, text):
        self.samples = {}
        self.text = text
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = LINE.match(line).groups()
            pairs = LABEL.findall(labels or "")
            assert "".join(f'{key}="{text}",' for key, text in pairs).rstrip(",") == (labels or ""), line
            key = (name, frozenset(pairs))
            assert key not in self.samples, f"twice: {line}"
            self.samples[key] = float(value)

    def get(self, name, /, **labels):
        """One sample; absent is 0."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def sum(self, name, /, **labels):
        wanted = frozenset(labels.items())
        return sum(value for (found, pairs), value in self.samples.items() if found == name and wanted <= pairs)

    def values(self, label):
        return {value for _, pairs in self.samples for key, value in pairs if key == label}

    def series(self):
        return set(self.samples)


def check(text):
    """What promtool says of it: nothing, or it fails."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert done.returncode == 0 and done.stdout == "" and done.stderr == "", done.stdout + done.stderr
