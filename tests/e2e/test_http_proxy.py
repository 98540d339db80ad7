# SPDX-License-Identifier: Apache-2.0
"""rowgate as a reverse proxy: what goes there and back, how much, how slowly, and what happens when a side fails. Routes that
ask no identity are used (/static/, /health); who may do what is tested elsewhere."""
import concurrent.futures
import os
import signal
import ssl
import subprocess
import threading
import time

import pytest

import httpstack
import stack as stack_module

MIB = 1 << 20
STATIC = "/static/assets/app.js"


@pytest.fixture(scope="module")
def web():
    with httpstack.HttpStack(upstream='response_timeout = "2s"', listener='max_head = "16KiB"\nmax_body = "64KiB"',
                             extra="") as running:
        yield running
        assert running.upstream.errors == [], "the upstream was sent something that is no request"


@pytest.fixture(autouse=True)
def clean(request):
    if "web" in request.fixturenames:
        web = request.getfixturevalue("web")
        web.upstream.handlers.clear()
        web.upstream.forget()


def problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert b'"instance":"r-' in answer.body
    return answer


# ---- there and back ----

def test_request_and_answer_cross_with_their_headers(web):
    @web.upstream.on("/static/")
    def answer(exchange):
        exchange.answer(200, [("Content-Type", "text/javascript"), ("ETag", '"x"'), ("Server", "gunicorn"),
                              ("X-Powered-By", "Superset")], b"let x;")

    got = web.request("GET", STATIC + "?v=1&w=%2F", {"Accept": "*/*", "X-Forwarded-For": "1.2.3.4", "X-Rowgate-User": "admin",
                                                     "X_Forwarded_Host": "evil", "Authorization": "Bearer x", "Cookie": "session=y"})
    assert (got.status, got.body, got.headers["etag"]) == (200, b"let x;", '"x"')
    assert "server" not in got.headers and "x-powered-by" not in got.headers
    seen = web.upstream.wait_for(1)
    assert (seen.method, seen.path) == ("GET", STATIC + "?v=1&w=%2F")
    assert seen.headers["host"] == httpstack.HOST and seen.headers["x-forwarded-host"] == httpstack.HOST
    assert seen.headers["x-forwarded-for"] == "127.0.0.1" and seen.headers["x-forwarded-proto"] == "https"
    assert seen.headers["accept"] == "*/*" and seen.headers["x-request-id"].startswith("r-")
    for name in ("authorization", "cookie", "x-rowgate-user", "x_forwarded_host", "connection"):
        assert name not in seen.headers
    assert len([name for name, _ in seen.lines if name.lower() == "x-forwarded-for"]) == 1


def test_connections_are_kept_on_both_sides(web):
    before = web.upstream.connections
    rest = bytearray()
    with web.connect() as connection:
        for _ in range(20):
            assert web.request("GET", STATIC, connection=connection, rest=rest).status == 200
    assert len(web.upstream.seen) == 20
    assert web.upstream.connections - before <= 2  # one, and another where the first had been idle for too long


@pytest.mark.parametrize("size", [0, 1, 16384, 3 * MIB])
def test_chunked_and_sized_answers_of_any_size(web, size):
    body = os.urandom(size)

    @web.upstream.on("/static/sized")
    def sized(exchange):
        exchange.answer(200, [("Content-Type", "application/octet-stream")], body)

    @web.upstream.on("/static/chunked")
    def chunked(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, size, 10007):
            piece = body[at:at + 10007]
            exchange.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        exchange.send(b"0\r\n\r\n")

    assert web.request("GET", "/static/sized").body == body
    assert web.request("GET", "/static/chunked").body == body
    head = web.request("HEAD", "/static/sized")
    assert head.body == b"" and head.headers["content-length"] == str(size)


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_keep_the_connection(web, status):
    @web.upstream.on("/static/")
    def answer(exchange):
        exchange.answer(status, [("ETag", '"1"')])

    with web.connect() as connection:
        for _ in range(3):
            assert web.request("GET", STATIC, connection=connection).status == status


# ---- much, and slowly ----

def stream(exchange, megabytes, note=None):
    piece = bytes(range(256)) * 4096
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % (megabytes * MIB))
    for sent in range(megabytes):
        exchange.send(piece)
        if note is not None:
            note(sent + 1)


def test_300_megabytes_stream_with_flat_memory(web):
    @web.upstream.on("/static/export")
    def export(exchange):
        stream(exchange, 300)

    web.request("GET", STATIC)
    before = web.rowgate.resident()
    most, got = before, 0
    with web.connect() as connection:
        connection.sendall(f"GET /static/export HTTP/1.1\r\nHost: {httpstack.HOST}\r\nConnection: close\r\n\r\n".encode())
        while piece := connection.recv(MIB):
            got += len(piece)
            most = max(most, web.rowgate.resident())
    assert got > 300 * MIB
    print(f"{(most - before) / MIB:.1f} MiB more")
    assert most - before < 64 * MIB


def test_a_slow_client_holds_the_upstream_back(web):
    sent = []

    @web.upstream.on("/static/slowly")
    def slowly(exchange):
        stream(exchange, 200, sent.append)

    before = web.rowgate.resident()
    with web.connect(receive_buffer=4096) as connection:
        connection.sendall(f"GET /static/slowly HTTP/1.1\r\nHost: {httpstack.HOST}\r\n\r\n".encode())
        first = connection.recv(1000)
        settled = -1
        while settled != len(sent):  # until the upstream can send no more, for longer than its own time limit
            settled = len(sent)
            time.sleep(2.5)
        assert len(sent) < 100, "the upstream ran ahead of the client"
        assert web.rowgate.resident() - before < 64 * MIB
        got = len(first)
        while got < 200 * MIB and (piece := connection.recv(MIB)):
            got += len(piece)
    assert got >= 200 * MIB, "a client that is slow is not cut off: the upstream's time does not run while it is held back"


def test_a_slow_upstream_is_passed_on_piece_by_piece(web):
    goes_on = threading.Event()

    @web.upstream.on("/static/pieces")
    def pieces(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        goes_on.wait(20)
        exchange.send(b"6\r\nsecond\r\n0\r\n\r\n")

    with web.connect() as connection:
        connection.sendall(f"GET /static/pieces HTTP/1.1\r\nHost: {httpstack.HOST}\r\n\r\n".encode())
        data = b""
        while b"first" not in data:
            data += connection.recv(4096)
        goes_on.set()
        while b"0\r\n\r\n" not in data:
            data += connection.recv(4096)
    assert b"second" in data


def test_many_clients_at_once(web):
    @web.upstream.on("/static/n")
    def answer(exchange):
        exchange.answer(200, [], exchange.request.path.encode())

    def ask(client):
        rest = bytearray()
        with web.connect() as connection:
            return all(web.request("GET", f"/static/n{client}-{i}", connection=connection, rest=rest).body ==
                       f"/static/n{client}-{i}".encode() for i in range(25))

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(64)))


# ---- failures ----

def test_an_upstream_that_dies_in_the_middle_ends_the_answer_visibly(web):
    has_begun = threading.Event()

    @web.upstream.on("/static/dies")
    def dies(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100000)
        has_begun.wait(20)
        exchange.reset()

    with web.connect() as connection:
        connection.sendall(f"GET /static/dies HTTP/1.1\r\nHost: {httpstack.HOST}\r\n\r\n".encode())
        first = bytearray(connection.recv(4096))
        has_begun.set()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            httpstack.read_answer(connection, rest=first)
    assert web.request("GET", "/health").status == 200


def test_an_upstream_that_answers_nothing_or_nonsense(web):
    @web.upstream.on("/static/silent")
    def silent(exchange):
        exchange.connection.recv(1)
        exchange.close()

    @web.upstream.on("/static/nonsense")
    def nonsense(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
        exchange.close()

    @web.upstream.on("/static/bomb")
    def bomb(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: none\r\n\r\n")
        exchange.close()

    @web.upstream.on("/static/endless")
    def endless(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\n")
        with pytest.raises(OSError):
            for number in range(1 << 20):
                exchange.send(b"X-%d: y\r\n" % number)
        exchange.close()

    problem(web.request("GET", "/static/silent"), 504)
    for path in ("/static/nonsense", "/static/bomb", "/static/endless"):
        problem(web.request("GET", path), 502)
    assert web.request("GET", "/health").status == 200


def test_an_upstream_that_closes_its_kept_connections(web):
    for _ in range(10):
        assert web.request("GET", STATIC).status == 200
        web.upstream.hang_up()


def test_a_client_that_goes_frees_the_upstream(web):
    gone = threading.Event()

    @web.upstream.on("/static/wait")
    def wait(exchange):
        if exchange.connection.recv(1) == b"":
            gone.set()
        exchange.close()

    with web.connect() as connection:
        connection.sendall(f"GET /static/wait HTTP/1.1\r\nHost: {httpstack.HOST}\r\n\r\n".encode())
        web.upstream.wait_for(1)
    assert gone.wait(20)


# ---- limits ----

def test_what_is_too_large(web):
    answer = web.raw(f"GET /health HTTP/1.1\r\nHost: {httpstack.HOST}\r\nX: {'a' * 17000}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 431 "), answer
    answer = web.raw(f"GET /health HTTP/1.1\r\nHost: {httpstack.HOST}\r\n{'A: b' + chr(13) + chr(10)}".encode() * 1 +
                     b"".join(b"H%d: x\r\n" % i for i in range(120)) + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431 "), answer
    answer = web.raw(f"POST /health HTTP/1.1\r\nHost: {httpstack.HOST}\r\nContent-Length: 65537\r\n\r\n".encode() + b"x" * 65537)
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    assert web.upstream.seen == []


def test_unknown_routes_names_and_our_own_prefix_stay_here(web):
    problem(web.request("GET", "/unknown"), 403)
    problem(web.request("GET", "/api/v1/dashboard/1"), 401)
    problem(web.request("GET", "/.rowgate/nothing"), 404)
    answer = web.raw(b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 421 "), answer
    assert web.upstream.seen == []


def test_memory_does_not_grow_with_connections_and_requests(web):
    def round_trip(_):
        for _ in range(5):
            assert web.request("GET", STATIC).status == 200
        web.raw(b"GET / HTTP/1.1\nHost: x\n\n")

    def rounds(count):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(round_trip, range(count)))

    rounds(100)
    before = web.rowgate.resident()
    rounds(300)
    grown = web.rowgate.resident() - before
    assert grown < 16 * MIB, f"{grown / MIB:.1f} MiB more after 1800 connections"


# ---- TLS ----

def leaf_names(connection):
    return {value for kind, value in connection.getpeercert()["subjectAltName"] if kind == "DNS"}


def test_certificates_by_name_and_by_reload():
    names = ("bi.example.com", "www.example.org")
    tls = '[tls.second]\ncertificate = "{0}/second.pem"\nprivate_key = "{0}/second.key"\n'
    running = httpstack.HttpStack(names=names[:1], certificates=("public", "second"), listener=f'names = ["{names[1]}"]')
    running._start_base = running._start

    def start():
        import authority
        authority.Authority(running.directory / "tls").issue("second", [f"DNS:{names[1]}", "DNS:*.wild.example"])
        running.keys["extra"] = tls.format(running.directory / "tls")
        running._start_base()

    running._start = start
    with running as web:
        for name in names:
            with web.connect(name) as connection:
                assert name in leaf_names(connection)
                assert web.request("GET", "/health", name=name, connection=connection).status == 200
        kept = web.connect(names[0])
        assert web.request("GET", "/health", connection=kept).status == 200
        web.authority.issue("public", [f"DNS:{names[0]}", "DNS:new.example.com"])
        assert web.reload()["event"] == "policy.reloaded"
        with web.connect(names[0]) as connection:
            assert "new.example.com" in leaf_names(connection)
        assert web.request("GET", "/health", connection=kept).status == 200
        assert "new.example.com" not in leaf_names(kept)
        kept.close()
        (web.directory / "tls" / "public.key").write_text("no key")
        assert web.reload()["event"] == "policy.reload_failed"
        with web.connect(names[0]) as connection:
            assert web.request("GET", "/health", connection=connection).status == 200


def test_an_upstream_over_tls_must_prove_its_name():
    with httpstack.HttpStack(tls=True) as web:
        assert web.request("GET", STATIC).body == b"upstream"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for names, status in ((["DNS:localhost"], 200), (["DNS:other.example"], 502)):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = context.maximum_version = version
                context.load_cert_chain(*web.authority.issue(f"upstream-{version.name}-{status}", names))
                web.upstream.context = context
                web.upstream.hang_up()
                got = web.request("GET", STATIC)
                assert got.status == status, (version, names, got)


# ---- WebSocket ----

def test_no_websocket_where_the_route_opens_none(web):
    got = web.request("GET", STATIC, {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    problem(got, 403)
    assert web.upstream.seen == []


# ---- HTTP/2 ----

@pytest.fixture(scope="module")
def web2():
    with httpstack.HttpStack(listener="http2 = true") as running:
        yield running


def test_http2_only_where_it_is_allowed(web, web2):
    with web2.connect(alpn=["h2", "http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "h2"
    with web.connect(alpn=["h2", "http/1.1"]) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
    with web2.connect() as connection:
        assert web2.request("GET", STATIC, connection=connection).version == "HTTP/1.1"


def test_requests_over_http2(web2):
    command = ["curl", "-sS", "--http2", "--cacert", str(web2.authority.ca_file), "--resolve",
               f"{httpstack.HOST}:{web2.port}:127.0.0.1", "-H", f"Host: {httpstack.HOST}", "-w", " %{http_code} %{http_version}"]
    url = f"https://{httpstack.HOST}:{web2.port}"
    for path, wanted in (("/static/a.js", "upstream 200 2"), ("/unknown", " 403 2"), ("/static/../x", " 40")):
        got = subprocess.run([*command, "--path-as-is", url + path], capture_output=True, text=True, timeout=30)
        assert wanted in got.stdout, (path, got)
    got = subprocess.run([*command, "-H", "Cookie: a=1", "-H", "X-Forwarded-For: 9.9.9.9", url + "/static/b.js"],
                         capture_output=True, text=True, timeout=30)
    assert got.stdout == "upstream 200 2", got
    assert web2.upstream.seen[-1].headers["x-forwarded-for"] == "127.0.0.1"
    assert web2.upstream.errors == []


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def test_rapid_resets_end_the_connection(web2):
    """CVE-2023-44487"""
    hold = threading.Event()

    @web2.upstream.on("/static/held")
    def held(exchange):
        hold.wait(30)
        exchange.close()

    head = (b"\x82\x87" + literal(b":authority", httpstack.HOST.encode()) + literal(b":path", b"/static/held"))
    with web2.connect(alpn=["h2"]) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
        connection.settimeout(20)
        stream, is_open, deadline = 1, True, time.monotonic() + 20
        while is_open and time.monotonic() < deadline:
            try:
                for _ in range(20):
                    connection.sendall(frame(1, 5, stream, head) + frame(3, 0, stream, (8).to_bytes(4, "big")))
                    stream += 2
                connection.setblocking(False)
                try:
                    is_open = connection.recv(65536) != b""
                except (ssl.SSLWantReadError, BlockingIOError):
                    pass
                connection.settimeout(20)
                time.sleep(0.02)
            except OSError:
                is_open = False
    hold.set()
    assert not is_open, f"still open after {stream // 2} resets"
    assert web2.request("GET", STATIC).status == 200


# ---- the end ----

def test_a_drain_finishes_what_is_under_way_and_says_close():
    with httpstack.HttpStack(workers=1) as web:
        goes_on = threading.Event()

        @web.upstream.on("/static/last")
        def last(exchange):
            goes_on.wait(20)
            exchange.answer(200, [], b"last words")

        idle, busy = web.connect(), web.connect()
        assert web.request("GET", "/health", connection=idle).status == 200
        busy.sendall(f"GET /static/last HTTP/1.1\r\nHost: {httpstack.HOST}\r\n\r\n".encode())
        web.upstream.wait_for(2)
        web.rowgate.signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        stack_module.wait_for(lambda: not stack_module.answers(web.port), "the listener's end")
        goes_on.set()
        got = httpstack.read_answer(busy)
        assert got.body == b"last words" and got.headers["connection"] == "close"
        assert busy.recv(1) == b""
        assert web.rowgate.process.wait(20) == 0


def test_the_end_does_not_wait_for_ever():
    with httpstack.HttpStack() as web:
        never = threading.Event()

        @web.upstream.on("/static/never")
        def never_ends(exchange):
            never.wait(60)

        busy = web.connect()
        busy.sendall(f"GET /static/never HTTP/1.1\r\nHost: {httpstack.HOST}\r\n\r\n".encode())
        web.upstream.wait_for(1)
        web.rowgate.signal(signal.SIGTERM)
        web.rowgate.signal(signal.SIGTERM)
        assert web.rowgate.process.wait(20) == 0
        never.set()
        busy.close()
