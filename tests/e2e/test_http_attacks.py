# SPDX-License-Identifier: Apache-2.0
"""Ways around the HTTP plane that were tried, each as a test: what one caller was given must not come to another, and what
happened must be on record whatever the client does."""
import contextlib
import pathlib
import socket
import ssl
import threading

import pytest

import httpstack

CHARTS = "/api/v1/chart/"


@pytest.fixture(scope="module")
def web():
    with httpstack.HttpStack() as running:
        yield running
        assert running.upstream.errors == []


@pytest.fixture(autouse=True)
def clean(request):
    if "web" in request.fixturenames:
        web = request.getfixturevalue("web")
        web.upstream.handlers.clear()
        web.upstream.forget()


def alice(web):
    return {"Authorization": f"Bearer {web.token('alice')}"}


# ---- caches ----

def caching():
    """What upstreams said of keeping an answer: lines of Cache-Control."""
    path = pathlib.Path(__file__).parents[1] / "vectors/advisories/http-caching.txt"
    rows = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [row.split("\t") if row != "-" else [] for row in rows]


@pytest.mark.parametrize("said", caching())
def test_no_cache_may_keep_what_was_made_for_a_caller(web, said):
    """Superset says "public" of charts' data; a cache before rowgate would hand them to the next tenant. So would one browser that
    shows the pages of two tenants, where the address of a chart is the same: without a request, on no record, after a logout too."""
    @web.upstream.on(CHARTS)
    def answer(exchange):
        exchange.answer(200, [*(("Cache-Control", value) for value in said), ("CDN-Cache-Control", "public, max-age=600"),
                              ("Surrogate-Control", "max-age=600"), ("Expires", "Fri, 01 Jan 2100 00:00:00 GMT")], b"{}")

    got = web.request("GET", CHARTS, alice(web))
    assert got.status == 200
    assert [value for name, value in got.lines if name == "cache-control"] == ["private, no-store"]
    assert not {"cdn-cache-control", "surrogate-control", "expires"} & set(got.headers)


def test_what_is_the_same_for_everybody_may_be_kept_by_all(web):
    @web.upstream.on("/static/")
    def answer(exchange):
        exchange.answer(200, [("Cache-Control", "public, max-age=31536000")], b"x")

    assert web.request("GET", "/static/assets/app.js").headers["cache-control"] == "public, max-age=31536000"


# ---- memory ----

def test_strangers_bodies_do_not_fill_the_memory():
    """A body is kept whole before anybody knows whose it is: 64 large ones at a time, and small ones beside them."""
    size = 100_000
    head = f"POST /api/v1/chart/data HTTP/1.1\r\nHost: {httpstack.HOST}\r\nContent-Length: {size}\r\n\r\n".encode()
    with httpstack.HttpStack(workers=1) as stack:
        caller = alice(stack)
        with contextlib.ExitStack() as held:
            for _ in range(64):
                held.enter_context(stack.connect()).sendall(head + b"x")
            assert stack.request("GET", "/health").status == 200  # by now they have begun
            refused = stack.request("POST", "/api/v1/chart/data", caller, b"x" * size)
            assert refused.status == 503 and b"http.body.busy" in refused.body, refused
            assert stack.request("POST", "/api/v1/chart/data", caller, b"x" * 1000).status == 200
        httpstack.wait_until(lambda: stack.request("POST", "/api/v1/chart/data", caller, b"x" * size).status == 200,
                             "room for a large body")
        with stack.connect() as connection:
            for _ in range(70):
                assert stack.request("POST", "/api/v1/chart/data", caller, b"x" * size, connection=connection).status == 200
        assert stack.upstream.errors == []

class Http2:
    """Just enough of HTTP/2 to send bodies by hand."""

    def __init__(self, connection):
        self.connection = connection
        self.windows = {0: 65535}
        self.initial = 65535
        self.data = b""
        self.statuses = {}
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(4, 0, 0))

    @staticmethod
    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    @staticmethod
    def literal(name, value):
        size = bytes([len(value)]) if len(value) < 127 else b"\x7f" + bytes([(len(value) - 127) % 128 + 128, (len(value) - 127) // 128])
        return b"\x00" + bytes([len(name)]) + name + size + value

    def begin(self, stream, path, *extra):
        fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", httpstack.HOST.encode()), (b":path", path.encode()), *extra]
        self.windows[stream] = self.initial
        self.connection.sendall(self.frame(1, 4, stream, b"".join(self.literal(*field) for field in fields)))

    def read(self):
        """One frame, or more; raises ConnectionError at the end."""
        piece = self.connection.recv(65536)
        if not piece:
            raise ConnectionError("the connection has ended")
        self.data += piece
        while len(self.data) >= 9 and len(self.data) >= 9 + (size := int.from_bytes(self.data[:3], "big")):
            self._take(self.data[3], int.from_bytes(self.data[5:9], "big"), self.data[9:9 + size])
            self.data = self.data[9 + size:]

    def _take(self, kind, stream, payload):
        if kind == 1:
            self.statuses[stream] = payload
        elif kind == 4:
            for at in range(0, len(payload), 6):
                if payload[at:at + 2] == b"\x00\x04":
                    self.initial = int.from_bytes(payload[at + 2:at + 6], "big")
        elif kind == 8:
            self.windows[stream] = self.windows.get(stream, 0) + int.from_bytes(payload, "big")

    def send(self, stream, size, is_last):
        while size:
            while min(self.windows[0], self.windows[stream]) <= 0:
                self.read()
            part = min(16384, size, self.windows[0], self.windows[stream])
            size -= part
            self.windows[0] -= part
            self.windows[stream] -= part
            self.connection.sendall(self.frame(0, 1 if is_last and size == 0 else 0, stream, b"x" * part))


def test_strangers_bodies_over_http2_do_not_fill_the_memory():
    """libh2o keeps bodies by the stream, a hundred of them to a connection, and limits each alone."""
    limits = 'http2 = true\nmax_body = "2MiB"\nmax_bodies = "4MiB"\n'
    with httpstack.HttpStack(listener=limits, workers=1) as stack:
        caller = stack.token("alice").encode()

        @stack.upstream.on("/api/v1/chart/data")
        def answer(exchange):
            exchange.answer(200, [("Content-Type", "application/json")], b'{"result": []}')

        with stack.connect(alpn=["h2"], timeout=120) as connection:  # who sends much, but no more than this at a time, goes on
            honest = Http2(connection)
            honest.read()
            for stream in range(1, 16, 2):
                honest.begin(stream, "/api/v1/chart/data", (b"authorization", b"Bearer " + caller))
                honest.send(stream, 1 << 20, True)
                while stream not in honest.statuses:
                    honest.read()
        with stack.connect(alpn=["h2"], timeout=10) as connection, pytest.raises((ConnectionError, ssl.SSLError)):
            hostile = Http2(connection)
            hostile.read()
            with contextlib.suppress(TimeoutError):  # a window that was closed when the end came stays so
                for stream in range(1, 200, 2):
                    hostile.begin(stream, "/api/v1/chart/data")
                    hostile.send(stream, 1 << 20, False)
            connection.settimeout(50)
            while True:
                hostile.read()
        assert stack.request("GET", "/health").status == 200


# ---- answers that are not the caller's ----

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


def bearer(web, name, tenant):
    return f"Authorization: Bearer {web.token(name, tenant)}\r\n".encode()


def get(path, extra=b"", version=b"1.1"):
    return b"GET " + path.encode() + b" HTTP/" + version + b"\r\nHost: " + httpstack.HOST.encode() + b"\r\n" + extra + b"\r\n"


def test_a_connection_to_the_upstream_is_one_views_alone(web):
    """What comes late, or twice, is taken for the next answer of its connection (RFC 9112 9.2, response queue poisoning):
    the next to ask there is never another tenant, nor anybody else who sees other rows."""
    users = {}

    @web.upstream.on("/")
    def answer(exchange):
        users.setdefault(exchange.connection, []).append(exchange.request.path.split("?")[1])
        exchange.answer(200, [], b"{}")

    callers = {"acme": bearer(web, "alice", "acme"), "globex": bearer(web, "bob", "globex"), "nobody": b""}
    rest = bytearray()
    web.upstream.hang_up()
    with web.connect() as connection:  # one client, and so one worker
        for _ in range(10):
            for name, extra in callers.items():
                connection.sendall(get(f"{CHARTS if extra else '/static/x'}?{name}", extra))
                assert httpstack.read_answer(connection, rest=rest).status == 200
    assert all(len(set(names)) == 1 for names in users.values()), users
    assert len(users) <= 2 * len(callers), "connections are kept"  # twice where one was idle for too long


def test_an_unasked_answer_comes_to_no_other_tenant(web):
    """In the same moment in which the next request is sent: not to be noticed, only to be kept away."""
    @web.upstream.on(CHARTS)
    def answer(exchange):
        exchange.answer(200, [], b"whole")
        if exchange.request.path.endswith("?poison"):
            with contextlib.suppress(OSError):
                exchange.send(POISON)
            exchange.close()

    acme, globex, rest = bearer(web, "alice", "acme"), bearer(web, "bob", "globex"), bytearray()
    with web.connect() as connection:
        for _ in range(100):
            connection.sendall(get(CHARTS + "?poison", acme) + get(CHARTS, globex))
            assert [httpstack.read_answer(connection, rest=rest).body for _ in range(2)] == [b"whole"] * 2


def advisories():
    path = pathlib.Path(__file__).parents[1] / "vectors/advisories/http-answers.txt"
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, goes_on, seen, kept, text = line.split("\t")
            yield pytest.param(goes_on, seen, kept, text.encode().decode("unicode_escape").encode("latin-1"), id=name)


@pytest.mark.parametrize("goes_on, seen, kept, data", advisories())
def test_an_answer_is_whole_or_visibly_not_and_its_connection_used_again_or_not(web, goes_on, seen, kept, data):
    used = []

    @web.upstream.on("/static/vector")
    def vector(exchange):
        used.append(exchange.connection)
        exchange.send(data)
        if goes_on == "reset":
            exchange.reset()
        elif goes_on == "ends":
            exchange.close()

    @web.upstream.on("/static/next")
    def next_one(exchange):
        used.append(exchange.connection)
        exchange.answer(200, [], b"next")

    web.upstream.hang_up()
    with web.connect() as connection:
        connection.sendall(get("/static/vector") + get("/static/next"))
        rest = bytearray()
        if seen == "cut":
            with pytest.raises((ConnectionError, ssl.SSLError)):
                httpstack.read_answer(connection, rest=rest)
        else:
            got = httpstack.read_answer(connection, rest=rest)
            assert got.status == (200 if seen == "whole" else int(seen)) and (got.body == b"whole") == (seen == "whole"), got
            assert httpstack.read_answer(connection, rest=rest).body == b"next"
            assert (used[0] is used[1]) == (kept == "kept")
    assert b"poison" not in web.request("GET", "/static/next").body


@pytest.mark.parametrize("data, is_whole", [
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n", False),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\nx", False),
])
def test_a_client_of_http_1_0_is_told_that_its_answer_broke_off(web, data, is_whole):
    """Only the connection's end frames what it gets: TLS must not say goodbye then (RFC 9112 9.8)."""
    @web.upstream.on("/static/old")
    def answer(exchange):
        exchange.send(data)
        exchange.close()

    context = web.context()
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as plain, \
            context.wrap_socket(plain, server_hostname=httpstack.HOST, suppress_ragged_eofs=False) as connection:
        connection.sendall(get("/static/old", version=b"1.0"))
        got = bytearray()
        with contextlib.nullcontext() if is_whole else pytest.raises(OSError):
            while piece := connection.recv(4096):
                got += piece
        assert got.endswith(b"\r\n\r\nwhole")


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_what_somebody_cut_between_us_and_the_upstream_is_not_whole(says_goodbye):
    """A FIN is anybody's; that the body ends here only close_notify says (RFC 8446 6.1)."""
    with httpstack.HttpStack(tls=True) as web:
        @web.upstream.on("/static/cut")
        def answer(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole")
            if says_goodbye:
                with contextlib.suppress(OSError):
                    exchange.connection.unwrap()
            exchange.connection.shutdown(socket.SHUT_RDWR)
            exchange.close()

        with contextlib.nullcontext() if says_goodbye else pytest.raises((ConnectionError, ssl.SSLError)):
            assert web.request("GET", "/static/cut").body == b"whole"


def test_a_request_that_was_answered_before_its_end_is_the_last_of_its_connection():
    """What is left of its body could be taken for the next request there (RFC 9112 9.5)."""
    size, used = 16 << 20, []  # more than sockets take by themselves
    smuggled = get("/static/smuggled")
    with httpstack.HttpStack(workers=1) as web:
        read, goes_on = web.upstream._read, threading.Event()

        def hasty(connection, data):
            data, is_there = web.upstream._more(connection, data)
            if data.startswith(b"POST "):
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nearly")
                goes_on.wait(20)
            return read(connection, data) if is_there else (None, b"")

        @web.upstream.on("/")
        def answer(exchange):
            used.append((exchange.connection, exchange.request.path))
            if exchange.request.method != "POST":
                exchange.answer(200, [], b"next")

        web.upstream._read = hasty
        rest = bytearray()
        with web.connect() as connection:
            connection.sendall(get(CHARTS, bearer(web, "alice", "acme")))
            assert httpstack.read_answer(connection, rest=rest).body == b"next"
            got = web.request("POST", CHARTS, alice(web), smuggled * (size // len(smuggled)), connection=connection, rest=rest)
            assert (got.status, got.body) == (413, b"early")
            connection.sendall(get(CHARTS, bearer(web, "alice", "acme")))
            assert httpstack.read_answer(connection, rest=rest).body == b"next"
            goes_on.set()
        assert [path for _, path in used] == [CHARTS, CHARTS] and used[0][0] is not used[1][0], used


def test_of_too_many_kept_connections_the_oldest_go():
    with httpstack.HttpStack(workers=1) as web:
        hold = threading.Barrier(300, timeout=60)

        @web.upstream.on("/static/held")
        def held(exchange):
            hold.wait()
            exchange.answer(200, [], b"held")

        with contextlib.ExitStack() as open_ones:
            clients = [open_ones.enter_context(web.connect(timeout=60)) for _ in range(300)]
            for client in clients:
                client.sendall(get("/static/held"))
            assert all(httpstack.read_answer(client).body == b"held" for client in clients)
            httpstack.wait_until(lambda: len(web.upstream.live) <= 256, "the end of those beyond 256")
            before = web.upstream.connections
            assert web.request("GET", "/static/next").status == 200
            assert web.upstream.connections - before <= 1  # one where all had been idle for too long
