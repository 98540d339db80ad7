# SPDX-License-Identifier: Apache-2.0
"""The edge of the HTTP plane from outside: what two readers of one connection could understand differently is refused,
and the upstream sees nothing of it; what passes arrives as exactly one well-formed request, without the headers that
only a proxy may set."""

import contextlib
import re

import pytest

import httpstack
import rawhttp

HOST = b"Host: " + httpstack.HOST.encode() + b"\r\n"
HEAD_BYTES, BODY_BYTES = 8 << 10, 1 << 20
LISTENER = 'max_head = "8KiB"\nmax_body = "1MiB"\n'
PROXIES = 'trusted_proxies = ["127.0.0.1"]'
STRANGER = "127.0.0.77"  # an address that is not the proxy's


@pytest.fixture(scope="module")
def edge():
    with httpstack.HttpStack(listener=LISTENER, server=PROXIES) as running:
        yield running


@pytest.fixture(scope="module")
def hasty():
    """Gives a client little time."""
    with httpstack.HttpStack(listener=LISTENER + 'request_timeout = "1s"\nidle_timeout = "2s"\n') as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_open_reaches_the_upstream(request):
    """Holds for every test: each byte that the upstream got belongs to one plain request."""
    stacks = [request.getfixturevalue(name) for name in ("edge", "hasty") if name in request.fixturenames]
    for one in stacks:
        one.upstream.forget()
    yield
    for one in stacks:
        assert not one.upstream.errors
        for seen in one.upstream.seen:
            assert_plain(seen)
        assert one.rowgate.process.poll() is None


def assert_plain(seen):
    lines = seen.raw.split(b"\r\n")
    assert re.fullmatch(rb"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) /[!-~]* HTTP/1\.1", lines[0]), seen.raw
    for line in lines[1:]:
        assert re.fullmatch(rb"[0-9a-z-]+: [\t -~\x80-\xff]*", line), seen.raw
    names = [line.split(b":")[0] for line in lines[1:]]
    for name in (b"host", b"content-length", b"cookie", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"):
        assert names.count(name) <= 1, seen.raw
    assert names.count(b"host") == 1 and b"transfer-encoding" not in names, seen.raw


def connect(stack, **options):
    return rawhttp.Client(stack.port, stack.authority.ca_file, httpstack.HOST, **options)


def get(target, extra=b"", version=b"HTTP/1.1"):
    return b"GET " + target + b" " + version + b"\r\n" + HOST + extra + b"\r\n"


def final(answers):
    return [answer.status for answer in answers if answer.status >= 200]


def paths(stack):
    return [seen.path for seen in stack.upstream.seen]


# ---- smuggling ----

def play(stack, vector, step):
    """None, or what is wrong."""
    stack.upstream.forget()
    with connect(stack) as client:
        for at in range(0, len(vector.data), step):
            if not client.send(vector.data[at:at + step]):
                break
        if vector.status:
            answers = client.receive_all()
            rules = [answer.problem().get("rule") for answer in answers[-1:]]
            if final(answers)[-1:] != [vector.status] or rules != [vector.rule] or len(answers) > vector.heads + 1:
                return f"{vector.name}, {step} at a time: {answers}, not {vector.status} {vector.rule}"
        else:
            answers = final(client.receive(vector.heads))
            if len(answers) < 1 or set(answers) & {400, 413, 414, 417, 431, 501, 505}:
                return f"{vector.name}, {step} at a time: {answers} though it is sound"
    if len(stack.upstream.seen) > vector.heads or stack.upstream.errors:
        return f"{vector.name}, {step} at a time: the upstream saw {bytes(stack.upstream.bytes)!r}"
    return None


@pytest.mark.parametrize("step", [1 << 16, 5])
def test_every_vector_is_refused_and_the_upstream_sees_nothing_of_it(edge, step):
    faults = [fault for fault in (play(edge, vector, step) for vector in rawhttp.vectors()) if fault]
    assert not faults


def test_a_request_behind_an_attack_is_never_served(edge):
    """On the same connection, in the same write and in one of its own."""
    for vector in rawhttp.vectors():
        if vector.status:
            with connect(edge) as client:
                client.send(vector.data + b"\r\n\r\n" + get(b"/static/behind"))
                client.send(get(b"/static/behind"))
                assert final(client.receive_all())[-1] == vector.status, vector.name
    assert "/static/behind" not in paths(edge)


def test_a_sound_request_before_an_attack_is_answered(edge):
    with connect(edge) as client:
        client.send(get(b"/static/before"))
        assert final(client.receive(1)) == [200]
        client.send(b"GET /static/bad HTTP/1.1\n" + HOST + b"\r\n" + get(b"/static/behind"))
        assert final(client.receive_all()) == [400]
    assert paths(edge) == ["/static/before"]


def test_pipelined_requests_are_answered_in_their_order(edge):
    with connect(edge) as client:
        client.send(b"".join(get(b"/static/%d" % number) for number in range(20)))
        assert final(client.receive(20)) == [200] * 20
    assert paths(edge) == [f"/static/{number}" for number in range(20)]


def test_a_pipelined_attack_is_refused_like_a_first_one(edge):
    attack = (b"POST /static/bad HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
              + get(b"/static/behind"))
    with connect(edge) as client:
        client.send(get(b"/static/0") + get(b"/static/1") + attack)
        answers = final(client.receive_all())
        assert answers[-1] == 400 and set(answers[:-1]) <= {200}
    assert set(paths(edge)) <= {"/static/0", "/static/1"}


def test_a_request_may_come_byte_by_byte(edge):
    with connect(edge) as client:
        for number in range(2):
            for byte in get(b"/static/slow?%d" % number, b"X-A: b\r\n"):
                client.send(bytes([byte]))
            assert final(client.receive(1)) == [200]
    assert paths(edge) == ["/static/slow?0", "/static/slow?1"]


def test_a_refused_upgrade_leaves_nothing_open(edge):
    """Behind a request to upgrade that is not granted, the bytes are of no protocol: they are not served."""
    upgrade = (b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
    for target in (b"/static/ws", b"/ws"):
        for together in (True, False):
            with connect(edge) as client:
                behind = b"POST /static/x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n"
                client.send(get(target, upgrade) + (behind if together else b""))
                answers = final(client.receive(1))
                client.send(behind + get(b"/static/behind"))
                assert len(answers) == 1 and answers[0] >= 400 and client.receive_all() == []
    assert paths(edge) == []


# ---- bodies ----

INNER = b"GET /static/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


def chunked(body, size):
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_body_arrives_once_and_whole_however_it_was_framed(edge):
    """What looks like a request in it stays a body: the upstream is given its length, never chunks."""
    credential = b"Authorization: Bearer " + edge.token("alice").encode() + b"\r\n"
    start = b"POST /api/v1/chart/data HTTP/1.1\r\n" + HOST + credential + b"Content-Type: application/json\r\n"
    bodies = [b"{}", INNER, b"0\r\n\r\n" + INNER, b"a" * 100_000 + INNER, b"\0\r\n" * 1000]
    for body in bodies:
        framings = [b"Content-Length: %d\r\n\r\n" % len(body) + body,
                    *(b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body, size) for size in (7, 4096) if size == 4096 or len(body) < 9999)]
        for framing in framings:
            edge.upstream.forget()
            with connect(edge) as client:
                client.send(start + framing)
                assert final(client.receive(1)) == [200]
            assert [(seen.method, seen.path, seen.body) for seen in edge.upstream.seen] == [("POST", "/api/v1/chart/data", body)]
            assert edge.upstream.seen[0].headers["content-length"] == str(len(body))
            assert b"Bearer" not in edge.upstream.seen[0].raw


def test_a_guest_token_in_a_form_is_no_second_credential(edge):
    """Superset reads the field like the header (superset/security/manager.py): neither goes up beside a bearer's identity."""
    start = b"POST /api/v1/chart/data HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + edge.token("alice").encode() + b"\r\n"
    form, parts = b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=b"
    lines = (rawhttp.ROOT / "tests/vectors/advisories/http-forms.txt").read_bytes().splitlines()
    veiled = [(int(status), name) for status, name in (line.split(b"\t") for line in lines if not line.startswith(b"#"))]
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\nx\r\n--b--\r\n'
    cases = [(form, b"form_data=%7B%7D&guest_token=x", 401), (form, b"form_data=%7B%7D&%67uest%5Ftoken=x", 401), (form + b"; charset=utf-8", b"guest_token", 401),
             (parts, part % b"guest_token", 401), (form, b"form_data=guest_token", 200), (parts, part % b"form_data", 200),
             (b"application/json", b'{"guest_token": 1}', 200),
             *((parts, b"--b\r\nContent-Disposition: form-data; " + name + b"\r\n\r\nx\r\n--b--\r\n", status) for status, name in veiled)]
    for kind, body, status in cases:
        with connect(edge) as client:
            client.send(start + b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)) + body)
            assert final(client.receive(1)) == [status], (kind, body)
    assert len(edge.upstream.seen) == 3 + sum(status == 200 for status, _ in veiled)


def test_a_client_that_waits_for_100_gets_it_only_for_a_sound_head(edge):
    credential = b"Authorization: Bearer " + edge.token("alice").encode() + b"\r\n"
    start = b"POST /api/v1/chart/data HTTP/1.1\r\n" + HOST + credential + b"Expect: 100-continue\r\n"
    with connect(edge) as client:
        client.send(start + b"Content-Length: 2\r\n\r\n")
        while b"100 Continue" not in client.data:
            assert client.read(rawhttp.PATIENCE) and not client.is_closed
        client.send(b"{}")
        assert [answer.status for answer in client.receive(1)] == [100, 200]
    with connect(edge) as client:
        client.send(start + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert [answer.status for answer in client.receive_all()] == [400]
    assert [seen.body for seen in edge.upstream.seen] == [b"{}"]
    assert "expect" not in edge.upstream.seen[0].headers


def test_a_body_that_breaks_off_or_breaks_its_frame_never_reaches_the_upstream(edge):
    credential = b"Authorization: Bearer " + edge.token("alice").encode() + b"\r\n"
    start = b"POST /api/v1/chart/data HTTP/1.1\r\n" + HOST + credential
    chunks = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    for rest in (b"5;a\nb\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"-1\r\n\r\n",
                 b"ffffffffffffffff\r\nx", b"0\r\n\n", b"0\n\n"):
        with connect(edge) as client:
            client.send(start + chunks)
            client.send(rest + INNER)
            assert final(client.receive_all())[-1] in (400, 413), rest
    for cut in (b"Content-Length: 10\r\n\r\nhello", chunks, chunks + b"5\r\nhel"):
        client = connect(edge)
        client.send(start + cut)
        client.close()
    with connect(edge) as client:
        client.send(get(b"/static/last"))
        assert final(client.receive(1)) == [200]
    assert paths(edge) == ["/static/last"]


def test_a_refused_request_is_on_record_with_its_rule_and_its_client(edge):
    with connect(edge, source=STRANGER) as client:
        client.send(b"POST /static/x HTTP/1.1\r\n" + HOST + b"X-Forwarded-For: 10.9.9.9\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        refusal = client.receive_all()[0].problem()
    assert refusal["rule"] == "http.head.smuggling"
    found = [record for record in rawhttp.records(edge.audit) if record["unmapped"]["rg"].get("reference") == refusal["instance"]]
    assert len(found) == 1 and found[0]["unmapped"]["rg"]["rule"] == refusal["rule"]
    assert found[0]["src_endpoint"]["ip"] == STRANGER and found[0]["unmapped"]["rg"]["status"] == 400


# ---- limits ----

def test_heads_have_limits(edge):
    line = b"X-Filler: " + b"a" * 1000 + b"\r\n"
    cases = {
        "a long value": (get(b"/static/x", b"X: " + b"a" * (HEAD_BYTES // 2) + b"\r\n"), 431),
        "a long name": (get(b"/static/x", b"X" * 200 + b": a\r\n"), 431),
        "many headers": (get(b"/static/x", b"a:b\r\n" * 100), 431),
        "a long head": (get(b"/static/x", line * 9), 431),
        "a huge head": (get(b"/static/x", line * 2000), 431),
        "a long target": (get(b"/static/" + b"a" * (HEAD_BYTES // 2)), 414),
        "a huge target": (get(b"/static/" + b"a" * (1 << 20)), 414),
        "a line without end": (b"GET /static/" + b"a" * (1 << 20), 414),
        "a field without end": (b"GET /static/x HTTP/1.1\r\nX: " + b"a" * (1 << 20), 431),
    }
    for name, (data, status) in cases.items():
        with connect(edge) as client:
            client.send(data)
            assert final(client.receive_all()) == [status], name
    assert paths(edge) == []
    with connect(edge) as client:
        client.send(get(b"/static/x", line * 7))
        assert final(client.receive(1)) == [200]


def test_bodies_have_limits(edge):
    def post(extra, body=b""):
        return b"POST /static/x HTTP/1.1\r\n" + HOST + extra + b"\r\n" + body

    chunk = b"%x\r\n" % (64 << 10) + b"a" * (64 << 10) + b"\r\n"
    cases = {
        "a length beyond": post(b"Content-Length: %d\r\n" % (BODY_BYTES + 1)),
        "a length beyond, with the body": post(b"Content-Length: %d\r\n" % (BODY_BYTES + 1), b"a" * (BODY_BYTES + 1)),
        "a huge length": post(b"Content-Length: 9223372036854775807\r\n"),
        "a length beyond that waits for 100": post(b"Content-Length: %d\r\nExpect: 100-continue\r\n" % (BODY_BYTES + 1)),
        "a huge chunk": post(b"Transfer-Encoding: chunked\r\n", b"fffffffffffffff\r\n"),
        "chunks that add up": post(b"Transfer-Encoding: chunked\r\n", chunk * 17 + b"0\r\n\r\n"),
        "chunks without end": post(b"Transfer-Encoding: chunked\r\n", chunk * 100),
    }
    for name, data in cases.items():
        with connect(edge) as client:
            client.send(data)
            answers = client.receive_all()
            assert [answer.status for answer in answers] == [413], name
    assert paths(edge) == []


def test_a_client_that_is_slow_with_its_head_is_cut_off_and_nobody_else_notices(hasty):
    """Slowloris: bytes that keep coming do not prolong the time."""
    slow = [connect(hasty) for _ in range(30)]
    try:
        for client in slow:
            client.send(b"GET /static/slow HTTP/1.1\r\n" + HOST)
        with connect(hasty) as client:
            client.send(get(b"/static/fast"))
            assert final(client.receive(1)) == [200]
        for client in slow:
            while client.send(b"X-A: b\r\n") and not client.is_closed:
                client.read(0.05)  # a line each twentieth of a second, until it is cut off
            assert client.is_closed or not client.send(b"a")
    finally:
        for client in slow:
            client.close()
    assert paths(hasty) == ["/static/fast"]


@pytest.mark.parametrize("start", [b"", b"G", b"POST /static/x HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhel",
                                   b"POST /static/x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe"])
def test_a_client_that_stops_is_cut_off(hasty, start):
    with connect(hasty) as client:
        client.send(start)
        assert 200 not in final(client.receive_all())
    assert paths(hasty) == []


# ---- targets ----

SOUND_TARGETS = ["/static/a.js", "/static/a%20b", "/static/caf%C3%A9?x=%2e%2e%2f", "/static/a/b/c/", "/static/x?q=(a:!t,b:'c')",
                 "/static/x?a={\"b\"}|[c]", "/static/~a;b=c,d"]
BAD_TARGETS = ["/static/../health", "/static/%2e%2e/health", "/static/.%2E/health", "/static/..;/health", "/static/a%2fb",
               "/static/a%5cb", "/static/a\\b", "//static/a", "/static//a", "/static/%00", "/static/a%0d%0aX-Rowgate-Identity:x",
               "/static/%252e%252e/health", "/static/%c0%ae%c0%ae/health", "/static/%c0%af", "/static/%ff", "/static/%", "/static/%zz",
               "/static/%u002e", "/./health", "/static/.", "/static/a<b", "/static/a\"b", "/%2e%2e%2f%2e%2e%2fetc/passwd",
               "http://bi.example.com/health", "https://bi.example.com/health", "bi.example.com:443", "*", "health", "/health#a"]


def test_sound_targets_arrive_as_they_were_sent(edge):
    with connect(edge) as client:
        for target in SOUND_TARGETS:
            client.send(get(target.encode()))
            assert final(client.receive(1)) == [200], target
    assert paths(edge) == SOUND_TARGETS


def test_targets_that_can_be_read_in_two_ways_are_refused(edge):
    for target in BAD_TARGETS:
        with connect(edge) as client:
            client.send(get(target.encode()))
            assert final(client.receive_all()) == [400], target
    assert paths(edge) == []


def test_only_our_own_names_are_answered(edge):
    for host in (b"evil.example", b"bi.example.com.evil.example", b"127.0.0.1", b"bi.example.com:8443", b"localhost", b"bi.example.com."):
        with connect(edge) as client:
            client.send(b"GET /static/x HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            assert final(client.receive_all()) == [421], host
    assert paths(edge) == []


# ---- headers ----

FORGED = """X-Rowgate-Identity X-Rowgate-User X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-User
X-Forwarded-Server Forwarded X-Real-IP X-Client-IP X-Cluster-Client-IP True-Client-IP CF-Connecting-IP X-Remote-User Remote-User
Remote-Groups X-Auth-Request-User X-WebAuth-User X-Original-URL X-Rewrite-URL X-Original-Host X-HTTP-Method-Override X-HTTP-Method
X-Method-Override X-Host X-Scheme X-Script-Name X-Accel-Redirect X-Sendfile Proxy Proxy-Authorization X-Request-ID Via TE
Keep-Alive Proxy-Connection Trailer HTTP2-Settings X-API-Key SSL-Client-Cert X-SSL-Client-DN X-Amzn-Oidc-Data X-Goog-IAP-JWT-Assertion
Authorization X-GuestToken""".split()


def forms(name):
    yield name
    yield name.lower()
    yield name.replace("-", "_")
    yield name.upper().replace("-", "_")
    yield name.replace("-", "_", 1)


def test_headers_that_only_a_proxy_may_set_never_arrive(edge):
    """In every spelling that a WSGI server reads as the same name (Superset's gunicorn, older ones, uwsgi)."""
    names = sorted({form for name in FORGED for form in forms(name)})
    for at in range(0, len(names), 20):
        sent = names[at:at + 20]
        folded = {}
        for name in sent:  # one value each, as the head's own judge wants it
            folded.setdefault(name.lower(), name)
        extra = "".join(f"{name}: FORGED\r\n" for name in folded.values())
        with connect(edge, source=STRANGER) as client:
            client.send(get(b"/static/x", extra.encode() + b"Accept: text/css\r\nX-CSRFToken: passes\r\n"))
            assert final(client.receive(1)) == [200], sent
    assert edge.upstream.seen
    for seen in edge.upstream.seen:
        assert b"FORGED" not in seen.raw, seen.raw
        assert seen.headers["accept"] == "text/css" and seen.headers["x-csrftoken"] == "passes"
        assert seen.headers["x-forwarded-proto"] == "https" and seen.headers["x-forwarded-host"] == httpstack.HOST
        assert seen.headers["x-forwarded-for"] == STRANGER


def test_no_cookie_and_no_token_reaches_a_public_address(edge):
    with connect(edge) as client:
        client.send(get(b"/static/x", b"Cookie: session=SECRET; remember_token=SECRET; async-token=SECRET; __Host-rowgate=SECRET\r\n"
                                      b"Authorization: Bearer SECRET\r\nX-GuestToken: SECRET\r\n"))
        assert final(client.receive(1)) == [200]
    assert b"SECRET" not in edge.upstream.seen[0].raw and "cookie" not in edge.upstream.seen[0].headers


def test_answers_lose_what_is_not_the_clients(edge):
    @edge.upstream.on("/static/told")
    def answer(exchange):
        exchange.answer(headers=[("Server", "gunicorn"), ("X-Powered-By", "SECRET"), ("Via", "1.1 SECRET"), ("X-Accel-Redirect", "/SECRET"),
                                 ("X-Rowgate-Identity", "SECRET"), ("Connection", "X-Hop"), ("X-Hop", "SECRET"), ("Alt-Svc", "SECRET"),
                                 ("Set-Cookie", "session=SECRET; Path=/"), ("Set-Cookie", "__Host-rowgate=SECRET; Secure; Path=/"),
                                 ("Set-Cookie", "=__Host-rowgate=SECRET"), ("ETag", '"kept"')], body=b"told")

    with connect(edge) as client:
        client.send(get(b"/static/told"))
        told = client.receive(1)[-1]
    assert told.status == 200 and told.body == b"told" and told.header("etag") == '"kept"'
    assert "SECRET" not in str(told.headers) and "gunicorn" not in str(told.headers) and "set-cookie" not in told.headers


# ---- the client's address ----

def forwarded_for(stack, extra=b"", **options):
    """What the upstream is told, or the status of a refusal."""
    stack.upstream.forget()
    with connect(stack, **options) as client:
        client.send(get(b"/static/x", extra))
        status = final(client.receive(1))
    assert len(stack.upstream.seen) == (1 if status == [200] else 0)
    return stack.upstream.seen[0].headers["x-forwarded-for"] if status == [200] else status[0]


def test_a_strangers_word_about_its_address_does_not_count(edge):
    for extra in (b"", b"X-Forwarded-For: 10.9.9.9\r\n", b"X-Forwarded-For: 10.9.9.9, 127.0.0.1\r\n", b"X-Forwarded-For: garbage\r\n",
                  b"X-Forwarded-For: 10.9.9.9\r\n" * 40, b"Forwarded: for=10.9.9.9\r\n", b"X-Real-IP: 10.9.9.9\r\n",
                  b"X_Forwarded_For: 10.9.9.9\r\n"):
        assert forwarded_for(edge, extra, source=STRANGER) == STRANGER, extra


def test_a_trusted_proxys_word_counts_and_its_clients_does_not(edge):
    cases = {
        b"": "127.0.0.1",
        b"X-Forwarded-For: 198.51.100.7\r\n": "198.51.100.7",
        b"X-Forwarded-For: 10.9.9.9, 198.51.100.7\r\n": "198.51.100.7",
        b"X-Forwarded-For: 10.9.9.9\r\nX-Forwarded-For: 198.51.100.7\r\n": "198.51.100.7",
        b"X-Forwarded-For: 10.9.9.9\r\n" * 40 + b"X-Forwarded-For: 198.51.100.7\r\n": "198.51.100.7",
        b"X-Forwarded-For: garbage, 198.51.100.7\r\n": "198.51.100.7",
        b"X-Forwarded-For: [2001:db8::1]:4711\r\n": "2001:db8::1",
        b"X-Forwarded-For: 198.51.100.7, 127.0.0.1\r\n": "198.51.100.7",
        b"X-Forwarded-For: garbage\r\n": 400,
        b"X-Forwarded-For: \r\n": 400,
        b"X-Forwarded-For: unknown\r\n": 400,
        b"X-Forwarded-For: 198.51.100.7,\r\n": 400,
        b"X-Forwarded-For: " + b"127.0.0.1," * 40 + b"127.0.0.1\r\n": 400,
    }
    for extra, expected in cases.items():
        assert forwarded_for(edge, extra) == expected, extra


def test_a_proxy_line_is_not_expected_and_not_read_where_it_is_off(edge):
    """It is no TLS: the connection ends without an answer, and without a request."""
    with contextlib.suppress(OSError):
        with connect(edge, before=b"PROXY TCP4 10.9.9.9 127.0.0.1 1 2\r\n") as client:
            client.send(get(b"/static/x"))
            client.receive_all()
    assert paths(edge) == []


# ---- what follows a request ----

@pytest.mark.parametrize("first, is_served", [
    (b"POST /api/v1/chart/data HTTP/1.1\r\n%s%sTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", False),
    (b"POST /api/v1/chart/data HTTP/1.1\r\n%s%sTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n000000000000000\r\n\r\n", False),
    (b"POST /api/v1/chart/data HTTP/1.1\r\n%s%sContent-Length: 2\r\nConnection: close\r\n\r\n{}", False),
    (b"POST /api/v1/chart/data HTTP/1.0\r\n%s%sContent-Length: 2\r\n\r\n{}", False),
    (b"POST /api/v1/chart/data HTTP/1.0\r\n%s%sContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}", False),
    (b"POST /api/v1/chart/data HTTP/1.1\r\n%s%sContent-Length: 2\r\n\r\n{}", True),
    (b"POST /api/v1/chart/data HTTP/1.1\r\n%s%sContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}", True),
    (b"HEAD /api/v1/chart/ HTTP/1.1\r\n%s%s\r\n", True),
    (b"DELETE /api/v1/chart/1 HTTP/1.1\r\n%s%sContent-Length: 2\r\n\r\n{}", True),
])
def test_what_comes_behind_a_request_is_the_next_one_or_nothing(edge, first, is_served):
    """A proxy before us might have seen the end of a chunked body elsewhere, and knows no requests behind a close."""
    credential = b"Authorization: Bearer " + edge.token("alice").encode() + b"\r\n"
    with connect(edge) as client:
        client.send(first % (HOST, credential) + get(b"/static/behind"))
        methods = (first.split(b" ")[0].decode(), "GET")
        answers = final(client.receive(2, methods) if is_served else client.receive_all(methods))
    assert answers == [200, 200] if is_served else answers == [200]
    assert paths(edge).count("/static/behind") == is_served and [seen.method for seen in edge.upstream.seen].count(methods[0]) == 1
