# SPDX-License-Identifier: Apache-2.0
"""HTTP as bytes, for tests that send what no HTTP client would: a TLS client without a parser in its way out and a
plain one on its way in, and the vectors of tests/vectors/http.

    with rawhttp.Client(port, ca_file) as client:
        client.send(b"GET / HTTP/1.1\\nHost: a\\n\\n")
        answers, is_closed = client.receive_all()
"""

import contextlib
import json
import pathlib
import select
import socket
import ssl
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 30  # seconds for what must come; nothing waits that long when it works


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # names in lower case, to a list of values
        self.body = body

    def header(self, name):
        values = self.headers.get(name, [])
        return values[0] if len(values) == 1 else None

    def problem(self):
        """The members of a refusal (RFC 9457)."""
        return json.loads(self.body) if self.header("content-type") == "application/problem+json" else {}

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Malformed(Exception):
    pass


def _body(headers, status, rest, is_head, is_closed):
    """The body at the start of rest and how long it is there, or None while it is not whole."""
    if is_head or status in (204, 304) or status < 200:
        return b"", 0
    if headers.get("transfer-encoding") == ["chunked"]:
        body, at = b"", 0
        while True:
            end = rest.find(b"\r\n", at)
            if end < 0:
                return None
            size = int(rest[at:end].split(b";")[0], 16)
            if len(rest) < end + 4 + size:
                return None
            if rest[end + 2 + size:end + 4 + size] != b"\r\n":
                raise Malformed("chunk")
            body += rest[end + 2:end + 2 + size]
            at = end + 4 + size
            if size == 0:
                return body, at
    if "content-length" in headers:
        size = int(headers["content-length"][0])
        return (rest[:size], size) if len(rest) >= size else None
    return (rest, len(rest)) if is_closed else None


def parse_answers(data, is_closed, methods=()):
    """Whole answers in data, and what is left behind them."""
    answers = []
    while b"\r\n\r\n" in data:
        head, rest = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        if not lines[0].startswith("HTTP/1."):
            raise Malformed(lines[0])
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers.setdefault(name.lower(), []).append(value.strip())
        final = len([answer for answer in answers if answer.status >= 200])
        is_head = final < len(methods) and methods[final] == "HEAD"
        body = _body(headers, status, rest, is_head, is_closed)
        if body is None:
            break
        answers.append(Answer(status, headers, body[0]))
        data = rest[body[1]:]
    return answers, data


class Client:
    """One connection. source: the address to come from (any of 127.0.0.0/8). before: bytes in clear before TLS."""

    def __init__(self, port, ca_file=None, name="localhost", source=None, before=b"", host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=PATIENCE,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local = self.socket.getsockname()
        self.data = b""
        self.is_closed = False
        if before:
            self.socket.sendall(before)
        if ca_file is not None:
            context = ssl.create_default_context(cafile=str(ca_file))
            try:
                self.socket = context.wrap_socket(self.socket, server_hostname=name)
            except Exception:
                self.socket.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def send(self, data):
        """False when the other side has closed already."""
        try:
            self.socket.sendall(data)
        except OSError:  # ssl's errors are OSErrors, too
            return False
        return True

    def read(self, seconds):
        """True when something came, or the end."""
        pending = getattr(self.socket, "pending", lambda: 0)()
        if not pending and not select.select([self.socket], [], [], seconds)[0]:
            return False
        try:
            part = self.socket.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            part = b""
        self.data += part
        self.is_closed = not part
        return True

    def receive(self, count=1, methods=(), seconds=PATIENCE):
        """The first `count` final answers (1xx ones stay before them); fewer when the connection ends."""
        deadline = time.monotonic() + seconds
        while True:
            answers, rest = parse_answers(self.data, self.is_closed, methods)
            if self.is_closed or len([answer for answer in answers if answer.status >= 200]) >= count:
                self.data = rest
                return answers
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(answers)} of {count} answers came: {self.data[:300]!r}")
            self.read(max(0.01, deadline - time.monotonic()))

    def receive_all(self, methods=(), seconds=PATIENCE):
        """All answers up to the end of the connection, which must come."""
        deadline = time.monotonic() + seconds
        while not self.is_closed:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the connection stays open: {self.data[:300]!r}")
            self.read(max(0.01, deadline - time.monotonic()))
        return parse_answers(self.data, True, methods)[0]


def records(audit):
    """The records of requests in a log's directory, in their order."""
    found = []
    for path in sorted((audit / "seg").glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            if b'"kind":"http.request"' in line:
                found.append(json.loads(line.strip(b"\0")))
    return found


class Vector:
    def __init__(self, line):
        self.name, heads, status, self.rule, text = line.split("\t")
        self.heads, self.status = int(heads), int(status)
        self.data = text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def vectors():
    text = (ROOT / "tests/vectors/http/connections.txt").read_text()
    return [Vector(line) for line in text.splitlines() if line and not line.startswith("#")]
