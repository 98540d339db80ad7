# SPDX-License-Identifier: Apache-2.0
"""A real HAProxy before rowgate: the client's address survives it, by the PROXY protocol in both versions and by
X-Forwarded-For, in what the upstream is told and in the audit log; and a client that writes these itself, through
HAProxy or past it, is nobody else for it."""

import contextlib
import socket
import struct

import pytest

import haproxy
import httpstack
import rawhttp

PROXIES = 'trusted_proxies = ["127.0.0.1"]'
CLIENT = "127.0.0.33"    # behind HAProxy
STRANGER = "127.0.0.77"  # past it
HOST = b"Host: " + httpstack.HOST.encode() + b"\r\n"
FORGED = b"X-Forwarded-For: 10.9.9.9\r\nForwarded: for=10.9.9.9\r\nX-Real-IP: 10.9.9.9\r\nX-Client-IP: 10.9.9.9\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.fixture(scope="module")
def behind_line():
    """Expects a PROXY line on each connection."""
    with httpstack.HttpStack(listener="proxy_protocol = true", server=PROXIES) as running:
        yield running


@pytest.fixture(scope="module")
def behind_list():
    """Reads X-Forwarded-For of the trusted."""
    with httpstack.HttpStack(server=PROXIES) as running:
        yield running


@contextlib.contextmanager
def in_front(stack, kind):
    options = {"v1": ("tcp", "send-proxy", ""), "v2": ("tcp", "send-proxy-v2 check check-send-proxy inter 50ms", ""),
               "v2 with TLVs": ("tcp", "send-proxy-v2 proxy-v2-options unique-id,crc32c,authority", ""),
               "list": ("http", f"ssl verify required ca-file {stack.authority.ca_file} sni str({httpstack.HOST}) "
                                f"verifyhost {httpstack.HOST}", "option forwardfor")}
    mode, server, defaults = options[kind]
    if kind == "v2 with TLVs":
        defaults = "unique-id-format %{+X}o%ci:%cp"
    with haproxy.HAProxy(stack.directory / f"haproxy-{kind.replace(' ', '-')}", stack.port, mode, server, defaults) as running:
        yield running


def get(target, extra=b""):
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + extra + b"\r\n"


def ask(stack, port, extra=b"", target=b"/static/x", tls=True, **options):
    """The status, and what the upstream saw (None: nothing)."""
    stack.upstream.forget()
    with rawhttp.Client(port, stack.authority.ca_file if tls else None, httpstack.HOST, **options) as client:
        client.send(get(target, extra))
        answers = [answer.status for answer in client.receive(1) if answer.status >= 200]
    assert not stack.upstream.errors
    seen = stack.upstream.seen[0] if stack.upstream.seen else None
    return (answers[0] if answers else None), seen


def assert_told(seen, address):
    assert seen.headers["x-forwarded-for"] == address and b"10.9.9.9" not in seen.raw, seen.raw
    assert "forwarded" not in seen.headers and "x-real-ip" not in seen.headers


@pytest.mark.parametrize("kind", ["v1", "v2", "v2 with TLVs"])
def test_the_clients_address_survives_the_proxy_protocol(behind_line, kind):
    with in_front(behind_line, kind) as proxy:
        for extra in (b"", FORGED):
            status, seen = ask(behind_line, proxy.port, extra, source=CLIENT)
            assert status == 200
            assert_told(seen, CLIENT)


def test_the_clients_address_survives_x_forwarded_for(behind_list):
    with in_front(behind_list, "list") as proxy:
        for extra in (b"", FORGED, FORGED * 9, b"X-Forwarded-For: garbage\r\n", b"X-Forwarded-For: 127.0.0.1\r\n" * 40):
            status, seen = ask(behind_list, proxy.port, extra, tls=False, source=CLIENT)
            assert status == 200, extra
            assert_told(seen, CLIENT)


@pytest.mark.parametrize("kind", ["v1", "v2", "list"])
def test_the_clients_address_is_on_record(behind_line, behind_list, kind):
    running = behind_list if kind == "list" else behind_line
    credential = b"Authorization: Bearer " + running.token("alice").encode() + b"\r\n"
    path = f"/api/v1/dashboard/{['v1', 'v2', 'list'].index(kind) + 1}"
    with in_front(running, kind) as proxy:
        for extra in (credential, FORGED):  # somebody, and nobody
            status, seen = ask(running, proxy.port, extra, path.encode(), tls=kind != "list", source=CLIENT)
            assert (status, seen is None) == ((200, False) if extra == credential else (401, True))
    found = [record for record in rawhttp.records(running.audit) if record["http_request"]["url"]["path"] == path]
    assert [record["src_endpoint"]["ip"] for record in found] == [CLIENT, CLIENT]
    assert [record["unmapped"]["rg"]["verdict"] for record in found] == ["allowed", "denied"]


def test_haproxy_passes_no_vector_through_to_the_upstream(behind_list):
    """Two readers in a row: what HAProxy lets through, rowgate understands in the same way or refuses."""
    with in_front(behind_list, "list") as proxy:
        for vector in rawhttp.vectors():
            if vector.status and vector.status != 413:
                behind_list.upstream.forget()
                with rawhttp.Client(proxy.port) as client:
                    client.send(vector.data + b"\r\n\r\n" + get(b"/static/behind", b"Connection: close\r\n"))
                    client.socket.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(rawhttp.Malformed, ValueError):
                        client.receive_all()
                assert not behind_list.upstream.errors, vector.name
                for seen in behind_list.upstream.seen:
                    assert seen.path == "/static/behind" and not seen.body, (vector.name, seen.raw)


def test_a_health_check_of_the_proxy_itself_is_answered(behind_line):
    """PROXY UNKNOWN and LOCAL: the connection is the proxy's own."""
    for before in (b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\x00\x00\x00"):
        status, seen = ask(behind_line, behind_line.port, before=before)
        assert status == 200
        assert_told(seen, "127.0.0.1")


def test_haproxys_http_checks_find_rowgate_healthy(behind_list):
    """docs/load-balancer.md: a check is a request with our name, answered by the upstream."""
    behind_list.upstream.forget()
    server = f"ssl verify required ca-file {behind_list.authority.ca_file} sni str({httpstack.HOST}) check inter 50ms"
    check = f"option httpchk\n    http-check send meth GET uri /health ver HTTP/1.1 hdr Host {httpstack.HOST}"
    with haproxy.HAProxy(behind_list.directory / "haproxy-check", behind_list.port, "http", server, check) as proxy:
        behind_list.upstream.wait_for(5)
        assert {seen.path for seen in behind_list.upstream.seen} == {"/health"}
        with rawhttp.Client(proxy.port) as client:
            client.send(get(b"/static/x"))
            assert client.receive(1)[-1].status == 200
    assert "DOWN" not in (behind_list.directory / "haproxy-check/haproxy.log").read_text()


def v2(source, destination="127.0.0.1", tlvs=b""):
    block = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", 4711, 443) + tlvs
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(block)) + block


def test_a_stranger_is_not_served_where_a_line_is_expected(behind_line):
    """Past HAProxy: whoever is not trusted cannot say who it is, nor be served without saying so."""
    for before in (b"", b"PROXY TCP4 10.9.9.9 127.0.0.1 4711 443\r\n", v2("10.9.9.9"), b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\0\0\0"):
        with contextlib.suppress(OSError):
            status, seen = ask(behind_line, behind_line.port, before=before, source=STRANGER)
            assert status is None and seen is None, before
        assert not behind_line.upstream.seen, before


BAD_LINES = [b"", b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 10.9.9.9\r\n", b"PROXY TCP4 10.9.9.9 127.0.0.1 4711 443\n",
             b"PROXY TCP4 10.9.9.999 127.0.0.1 4711 443\r\n", b"PROXY TCP6 10.9.9.9 127.0.0.1 4711 443\r\n",
             b"proxy TCP4 10.9.9.9 127.0.0.1 4711 443\r\n", b"PROXY UNKNOWN " + b"a" * 100 + b"\r\n",
             b"PROXY TCP4 10.9.9.9 127.0.0.1 4711 443\r\nPROXY TCP4 10.8.8.8 127.0.0.1 4711 443\r\n",
             SIGNATURE + b"\x21\x12\x00\x0c" + b"a" * 12, SIGNATURE + b"\x21\x11\xff\xff" + b"a" * 600, SIGNATURE + b"\x11\x11\x00\x00",
             v2("10.9.9.9", tlvs=b"\x04\x00\x05a"), SIGNATURE[:-1] + b"\r" + b"\x21\x11\x00\x0c" + b"a" * 12]


def test_a_malformed_line_ends_the_connection_before_tls(behind_line):
    for before in BAD_LINES:
        with contextlib.suppress(OSError):
            status, seen = ask(behind_line, behind_line.port, before=before)
            assert status is None and seen is None, before
        assert not behind_line.upstream.seen, before


def test_a_line_may_come_byte_by_byte(behind_line):
    behind_line.upstream.forget()
    plain = socket.create_connection(("127.0.0.1", behind_line.port), timeout=rawhttp.PATIENCE)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n":
        plain.sendall(bytes([byte]))
    with behind_line.context().wrap_socket(plain, server_hostname=httpstack.HOST) as connection:
        connection.sendall(get(b"/static/x"))
        assert httpstack.read_answer(connection).status == 200
    assert_told(behind_line.upstream.seen[0], "198.51.100.7")


def test_a_line_from_haproxys_client_is_not_believed(behind_line):
    """A client that sends a PROXY line of its own through HAProxy: TLS is expected there, so it gets nothing."""
    with in_front(behind_line, "v1") as proxy:
        with contextlib.suppress(OSError):
            status, seen = ask(behind_line, proxy.port, before=b"PROXY TCP4 10.9.9.9 127.0.0.1 1 2\r\n", source=CLIENT)
            assert status is None and seen is None
        assert not behind_line.upstream.seen
