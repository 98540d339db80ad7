# SPDX-License-Identifier: Apache-2.0
"""Who gets in, as whom, and what a refused login leaves behind."""
import re
import socket
import ssl
import struct
import time

import psycopg2
import pytest

import stack as stacks


def refused(stack, tenant="acme", **changes):
    with pytest.raises(psycopg2.OperationalError) as caught:
        stack.connect(tenant, **changes)
    return str(caught.value)


def test_a_token_opens_its_own_tenant(stack):
    assert stack.query("select count(*) from orders where note like 'acme%'")[0][0] == stack.rows
    assert stack.query("select distinct split_part(note, ' ', 1) from sales.orders", "globex") == [("globex",)]


def test_the_database_may_be_the_tenant_or_the_route(stack):
    assert stack.query("select 1", dbname="acme") == [(1,)]
    for name in ("globex", "postgres", "template1", "nowhere"):
        text = refused(stack, dbname=name)
        assert "28000" in text or "database" in text or "tenant" in text
    # one text whether another tenant of that name exists or not
    texts = [re.sub(r"audit record \d+", "", refused(stack, dbname=name)).replace(name, "X") for name in ("globex", "nobody")]
    assert texts[0] == texts[1]


def test_bad_tokens_are_refused_with_a_reason(stack):
    assert "expired" in refused(stack, password=stack.idp.token(ttl=-100))
    assert "audience" in refused(stack, password=stack.idp.token(options=["--aud", "someone-else"]))
    assert "issuer" in refused(stack, password=stack.idp.token(options=["--iss", "https://127.0.0.1:1"]))
    token = stack.token()
    head, body, signature = token.split(".")
    for forged in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{signature[:-4]}AAAA", "", "x", "x" * 20000,
                   f"{head}.{stack.token('globex').split('.')[1]}.{signature}"):
        refused(stack, password=forged if forged else "''")


def test_a_token_without_the_tenant_claim_or_of_an_unknown_tenant_is_refused(stack):
    assert "tenant_id" in refused(stack, password=stack.idp.token(tenant=None))
    refused(stack, password=stack.idp.token(tenant="99999999-9999-9999-9999-999999999999"))
    refused(stack, password=stack.idp.token(tenant="' or 1=1 --"))


def test_new_keys_are_fetched_when_a_token_names_them(stack):
    stack.idp.rotate()
    time.sleep(1.1)  # the cool-down
    assert stack.query("select 1", password=stack.idp.token()) == [(1,)]
    stack.tokens.clear()


def test_a_service_account_logs_in_with_scram(stack):
    assert stack.query("select count(*) from jobs", user="acme_etl", password="etl-secret", dbname="acme_service") == [(0,)]
    wrong = refused(stack, user="acme_etl", password="wrong", dbname="acme_service")
    assert "password authentication failed" in wrong
    # a token does not open an account, nor an account's password somebody else
    refused(stack, user="acme_etl", dbname="acme_service")


def test_expiry_ends_the_session_at_the_next_statement(stack):
    done = stack.psql("-c", "select 1", "-c", "select pg_sleep(0) -- refused by name, so the wait is psql's own",
                      PGPASSWORD=stack.idp.token(ttl=3))
    assert done.returncode != 0 and "expired" not in done.stderr
    done = stack.psql(stdin="select 1;\n\\! sleep 5\nselect 2;\n", PGPASSWORD=stack.idp.token(ttl=3))
    assert "FATAL:  the token has expired" in done.stderr
    connection = stack.connect(password=stack.idp.token(ttl=3))
    time.sleep(5)
    with pytest.raises(psycopg2.Error):
        connection.cursor().execute("select 2")
    assert connection.closed


def test_cleartext_is_refused(stack):
    text = refused(stack, sslmode="disable")
    assert "TLS is required" in text


def raw(stack):
    return socket.create_connection(("127.0.0.1", stack.rowgate.port), timeout=10)


def test_bytes_before_the_handshake_are_refused(stack):
    with raw(stack) as sock:
        sock.sendall(struct.pack("!ii", 8, 80877103) + b"Q\0\0\0\x0dselect 1\0")
        answer = sock.recv(4096)
        assert not answer.startswith(b"S")


def test_gss_encryption_is_declined_and_tls_follows(stack):
    with raw(stack) as sock:
        sock.sendall(struct.pack("!ii", 8, 80877104))
        assert sock.recv(1) == b"N"
        sock.sendall(struct.pack("!ii", 8, 80877103))
        assert sock.recv(1) == b"S"


def tls(stack):
    sock = raw(stack)
    sock.sendall(struct.pack("!ii", 8, 80877103))
    assert sock.recv(1) == b"S"
    context = ssl.create_default_context(cafile=str(stack.directory / "tls/server.crt"))
    return context.wrap_socket(sock, server_hostname="localhost")


def startup(version=196608, **parameters):
    body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in parameters.items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, version) + body


def test_old_tls_versions_are_refused(stack):
    sock = raw(stack)
    sock.sendall(struct.pack("!ii", 8, 80877103))
    assert sock.recv(1) == b"S"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(sock)


def test_a_newer_minor_version_is_negotiated_down(stack):
    with tls(stack) as sock:
        sock.sendall(startup(version=196608 + 2, user="alice", database="bi", **{"_pq_.x": "1"}))
        answer = sock.recv(4096)
        assert answer[:1] == b"v"
        assert b"_pq_.x" in answer


@pytest.mark.parametrize("parameters", [
    {"user": "alice", "replication": "database"},
    {"user": "alice", "options": "-c search_path=t_globex"},
    {"user": "alice", "session_replication_role": "replica"},
    {"user": "alice", "role": "postgres"},
    {"user": "alice", "row_security": "off"},
    {"user": "alice", "client_encoding": "SJIS"},
    {"user": "alice", "standard_conforming_strings": "off"},
])
def test_startup_settings_go_through_the_allow_list(stack, parameters):
    with tls(stack) as sock:
        sock.sendall(startup(database="bi", **parameters))
        answer = sock.recv(4096)
        if answer[:1] == b"R":
            token = stack.token().encode()
            sock.sendall(b"p" + struct.pack("!i", len(token) + 5) + token + b"\0")
            answer = sock.recv(4096)
        assert answer[:1] == b"E", answer


def test_every_failed_login_is_on_record_without_the_token(stack):
    refused(stack, password=stack.idp.token(sub="mallory", ttl=-100), user="mallory")
    records = [r for r in stack.audit_records() if r.get("class_uid") == 3002 and "mallory" in str(r)]
    assert records
    for path in (stack.directory / "audit" / "seg").glob("*.jsonl"):
        assert b"eyJhbGciOi" not in path.read_bytes()
    assert "eyJhbGciOi" not in stack.rowgate.log_path.read_text()


def test_connections_are_limited_by_tenant(stack):
    held = [stack.connect("globex") for _ in range(3)]
    text = refused(stack, "globex")
    assert "too many connections" in text
    stack.connect("acme").close()
    for connection in held:
        connection.close()
    time.sleep(0.3)
    stack.connect("globex").close()
