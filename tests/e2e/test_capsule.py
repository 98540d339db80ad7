# SPDX-License-Identifier: Apache-2.0
"""The identity capsule from a request in the HTTP plane to rows in the SQL plane: what an upstream can do with one, and above
all what it cannot. The upstream is recorded: it has everything that a taken-over Superset would have."""
import base64
import concurrent.futures
import contextlib
import io
import json
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse

import psycopg2
import psycopg2.extras
import pytest

import capsulestack
import pgtest
import saml_idp
import stack as stacks
import test_http_sessions as browsers

WORDS = "this connection needs a live identity capsule"
COUNT = "select count(*), min(note) from sales.orders"


@pytest.fixture(scope="module", autouse=True)
def secret():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROWGATE_TEST_CLIENT_SECRET", browsers.SECRET)
        yield


@pytest.fixture(scope="module")
def own(secret):
    with capsulestack.CapsuleStack() as stack:
        yield stack
        no_capsule_in_any_file(stack)


def no_capsule_in_any_file(stack):
    """Neither whole nor in part: logs, audit records, the state and its write-ahead log."""
    stack.rowgate.stop()
    capsules = {value.encode() for request in stack.superset.seen
                for value in [request.headers.get("x-rowgate-capsule")] if value}
    assert capsules or not stack.superset.seen
    paths = [path for path in stack.directory.rglob("*") if path.is_file()]
    assert any(path.suffix == ".jsonl" for path in paths) and any(path.name == "rowgate.log" for path in paths)
    for path in paths:
        data = path.read_bytes()
        assert b"rgc1." not in data.replace(b'"rgc1."', b""), path
        for capsule in capsules:
            assert capsule[5:45] not in data and capsule[-40:] not in data, path


def log_in(stack, person="alice"):
    return browsers.Browser(stack.web).log_in(person)


def browser_capsule(stack, browser):
    return stack.capsule(send=lambda method, path, headers=(): browser.send(method, path, headers))


def rows(stack, capsule, sql=COUNT, **changes):
    return stack.query(sql, password=capsule, **changes)


def refusal(stack, **changes):
    """What a client that is refused at login is told, without the number of the record."""
    with pytest.raises(psycopg2.OperationalError) as caught:
        stack.connect(**changes).close()
    text = str(caught.value)
    return re.sub(r"audit record \d+", "audit record N", text[text.index("FATAL:"):]).strip()


REFUSED = f"FATAL:  {WORDS}\nDETAIL:  Refused by rule login.capsule, audit record N."


def failed(stack):
    return [record for record in stack.audit_records() if record["unmapped"]["rg"]["kind"] == "login.failed"]


def assert_refused(stack, capsule, reason=None, **changes):
    """28000, the one answer, on record with the reason that the client is not told."""
    before = len(failed(stack))
    assert refusal(stack, password=capsule, **changes) == REFUSED
    records = failed(stack)
    assert len(records) == before + 1
    record = records[-1]
    assert record["unmapped"]["rg"]["rule"] == "login.capsule" and record["status_code"] == "28000"
    if reason is not None:
        assert reason in record["message"], record["message"]
    return record


# ---- what it opens ----


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_bearers_capsule_gets_its_tenants_rows_and_no_others(own, tenant):
    capsule = own.capsule(own.bearer("gina", tenant))
    assert rows(own, capsule) == own.native(COUNT, tenant)
    assert rows(own, capsule, "select count(*) from shared.events") == own.native("select count(*) from shared.events", tenant)
    notes = rows(own, capsule, "select note from sales.orders") + rows(own, capsule, "select note from shared.events")
    assert notes and all(tenant in note for (note,) in notes)


def test_a_browsers_capsule_gets_its_tenants_rows(own):
    capsule = browser_capsule(own, log_in(own))
    assert rows(own, capsule) == own.native(COUNT)
    assert rows(own, capsule, "select sum(amount) from shared.regional") == own.native("select sum(amount) from shared.regional")


def test_who_the_client_says_to_be_is_not_believed(own):
    capsule = own.capsule(own.bearer("gina", "globex"))
    for user in ("alice", "acme", "acme_etl", "postgres", "rg-" + "0" * 40, "admin@acme ünïcode", "x" * 60):
        assert rows(own, capsule, user=user) == own.native(COUNT, "globex")
        assert rows(own, capsule, "select current_user, session_user", user=user) == [("gina", "gina")]
    assert rows(own, capsule, options="", application_name="acme") == own.native(COUNT, "globex")


def test_the_listener_for_all_takes_each(own):
    port = {"port": own.ports["mixed"]}
    assert rows(own, own.capsule(own.bearer()), **port) == own.native(COUNT)
    assert own.query(COUNT, password=own.token("acme"), user="alice", **port) == own.native(COUNT)
    assert own.query("select count(*) from sales.jobs", password="etl-secret", user="acme_etl", dbname="acme_service", **port) == [(0,)]


def test_psql_and_pooled_clients_use_one_capsule_many_times(own):
    capsule = own.capsule(own.bearer())
    done = own.psql("-Atc", "select count(*) from sales.orders", PGPASSWORD=capsule, PGPORT=str(own.ports["capsules"]))
    assert done.stdout.strip() == "300", done.stderr
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: rows(own, capsule)[0], range(16))) == {own.native(COUNT)[0]}


def test_a_connection_outlives_its_capsule_but_not_the_token(own):
    """The capsule is for opening: made for as long as a queued task may wait, not for as long as it runs."""
    capsule = own.capsule(own.bearer("brief", ttl=20))
    with contextlib.closing(own.connect(password=capsule)) as connection, connection.cursor() as cursor:
        cursor.execute(COUNT)
        stacks.wait_for(lambda: has_ended(cursor), "the end of the token", 90)
    assert_refused(own, capsule, "the capsule has expired")


def has_ended(cursor):
    try:
        cursor.execute("select 1")
    except psycopg2.Error as error:
        assert "token has expired" in str(error) or "closed" in str(error), error
        return True
    return False


def test_each_statement_says_which_request_it_is_for(own):
    request = own.forwarded(own.bearer())
    reference = request.headers["x-request-id"]
    with contextlib.closing(own.connect(password=request.headers["x-rowgate-capsule"])) as connection:
        with connection.cursor() as cursor:
            for _ in range(3):
                cursor.execute(COUNT)
            with pytest.raises(psycopg2.Error):
                cursor.execute("select * from shared.secret")
    def records_of_it():
        return [record["unmapped"]["rg"] for record in own.audit_records() if record["unmapped"]["rg"].get("reference") == reference]
    stacks.wait_for(lambda: any(record["kind"] == "logout" for record in records_of_it()), "the connection's end")
    records = records_of_it()
    kinds = [record["kind"] for record in records]
    assert sorted(kinds) == ["http.request", "login", "logout", "statement", "statement", "statement", "statement"]
    assert [record["verdict"] for record in records if record["kind"] == "statement"].count("denied") == 1
    found = subprocess.run([stacks.binary(), "audit", "search", own.audit, "--reference", reference, "--json"], text=True,
                           capture_output=True)
    assert found.returncode == 0, found.stderr
    shown = [json.loads(line)["kind"] for line in found.stdout.splitlines()]
    assert sorted(shown) == sorted(kinds)


# ---- forging ----


def flipped(capsule):
    body = capsule[5:]
    for at in range(0, len(body), 11):
        yield "rgc1." + body[:at] + ("A" if body[at] != "A" else "B") + body[at + 1:]


def test_what_is_not_whole_is_refused_alike(own):
    capsule = own.capsule(own.bearer())
    wrong = [*flipped(capsule), capsule[:-1], capsule[:-4], capsule[:40], "rgc1.", "rgc1.AAAA", capsule + "A", capsule + "=",
             capsule + "AAAA", capsule + capsule[5:], capsule.upper(), capsule.replace("rgc1.", "rgc2."), " " + capsule, "rgc1." + "A" * 7000,
             "rgc1." + "A" * 16000]
    before = len(failed(own))
    for text in wrong:
        assert refusal(own, password=text) == REFUSED
    records = failed(own)[before:]
    assert len(records) == len(wrong) and {record["message"] for record in records} == {"the capsule is forged or damaged"}
    assert rows(own, capsule) == own.native(COUNT)


def test_two_capsules_cannot_be_made_one(own):
    first, second = own.capsule(own.bearer()), own.capsule(own.bearer("gina", "globex"))
    for cut in (30, 60, 120, 240):
        assert_refused(own, first[:cut] + second[cut:], "forged or damaged")


def test_other_credentials_are_no_capsules(own):
    """On the listener for capsules alone: a valid token, a service account, nothing."""
    assert_refused(own, own.token("acme"), "forged or damaged")
    assert_refused(own, "etl-secret", "forged or damaged", user="acme_etl", dbname="acme_service")
    assert_refused(own, "none", "forged or damaged")
    request = own.forwarded(own.bearer())
    assert_refused(own, request.headers["x-rowgate-identity"], "forged or damaged")
    browser = log_in(own)
    assert_refused(own, browser.jar["__Host-rowgate"], "forged or damaged")


def test_a_capsule_is_no_other_credential(own):
    capsule = own.capsule(own.bearer())
    for headers in ({"Authorization": f"Bearer {capsule}"}, {"X-Rowgate-Capsule": capsule}, {"X-Rowgate-Identity": capsule},
                    {"Cookie": f"__Host-rowgate={capsule}"}, {"Cookie": f"session={capsule}"}, {"X-GuestToken": capsule}):
        before = len(own.superset.seen)
        answer = own.web.request("GET", "/api/v1/chart/", headers)
        assert answer.status in (400, 401, 403), (headers, answer)
        assert len(own.superset.seen) == before
        assert capsule[5:40].encode() not in answer.body


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_what_a_guests_browser_holds_opens_no_connection(own):
    """A guest token opens one dashboard in Superset; the capsule that can be read out of it, and the token, open no database."""
    token = own.guest_token(own.bearer())
    inside = claims_of(token)["rowgate"]
    assert inside.startswith("rgc1.")
    assert_refused(own, token, "forged or damaged")
    assert_refused(own, inside, "forged or damaged")
    before = len(own.superset.seen)
    capsule = own.capsule(own.bearer())
    for guest in (capsule, f"{token.rsplit('.', 1)[0]}.{capsule[5:]}"):
        assert own.web.request("GET", "/api/v1/me/roles/", {"X-GuestToken": guest}).status in (400, 401)
    assert len(own.superset.seen) == before + 1


def test_what_superset_is_sent_for_a_guest_opens_the_tenants(own):
    token = own.guest_token(own.bearer())
    before = len(own.superset.seen)
    assert own.web.request("GET", "/api/v1/me/roles/", {"X-GuestToken": token}).status == 200
    request = own.superset.seen[before]
    inside = claims_of(request.headers["x-guesttoken"])["rowgate"]
    for capsule in (request.headers["x-rowgate-capsule"], inside):
        assert capsule != claims_of(token)["rowgate"]
        assert rows(own, capsule) == own.native(COUNT)


VECTORS = pathlib.Path(__file__).parents[1] / "vectors/advisories/guest-statements.txt"


def vectors(kind):
    rows = [line.split("\t") for line in VECTORS.read_text().splitlines() if not line.startswith("#")]
    return [text for name, text in rows if name == kind]


MARKED, UNMARKED, WRITES = vectors("marked"), vectors("unmarked"), vectors("refused")


def run(cursor, text):
    if text.startswith("copy"):
        cursor.copy_expert(text, io.StringIO())
    else:
        cursor.execute(text)


def search(stack, *conditions):
    found = subprocess.run([stacks.binary(), "audit", "search", stack.audit, *conditions, "--json"], text=True, capture_output=True)
    assert found.returncode in (0, 1), found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_a_guests_statement_that_does_not_say_for_whom_it_was_made_is_told(own):
    """The marker is in each query that Superset makes of a guest's chart. It proves nothing, but that it is not there tells."""
    token = own.guest_token(own.bearer("gus"))
    request = own.forwarded({"X-GuestToken": token}, path="/api/v1/me/roles/")
    clause = claims_of(request.headers["x-guesttoken"])["rls_rules"][0]["clause"]
    word = clause.split("'")[1]
    with contextlib.closing(own.connect(password=request.headers["x-rowgate-capsule"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for text in MARKED + UNMARKED + MARKED:  # the plans of before are found again
                run(cursor, text.format(marker=clause, word=word))
            cursor.execute("begin")
            cursor.execute(f"declare marked cursor for select note from sales.orders where {clause}")
            cursor.execute("fetch 2 from marked")
            cursor.execute("declare unmarked cursor for select note from sales.orders")
            cursor.execute("commit")
            cursor.execute(f"prepare marked as select count(*) from sales.orders where {clause}")
            cursor.execute("execute marked")
            cursor.execute("prepare unmarked as select count(*) from sales.orders")
            cursor.execute("execute unmarked")
    jti = claims_of(token)["jti"]
    stacks.wait_for(lambda: any(record["kind"] == "logout" for record in search(own, "--guest", jti)), "the connection's end")
    records = search(own, "--guest", jti)
    statements = [record for record in records if record["kind"] == "statement"]
    assert {record["guest"] for record in records} == {jti}
    assert [record["kind"] for record in records if record["kind"] != "statement"] == ["http.request", "http.request", "login", "logout"]
    assert records[0]["action"] == "guest_token.create" and records[0]["reference"] == jti
    assert {record["reference"] for record in records[1:]} == {request.headers["x-request-id"]}
    assert len(statements) == 2 * len(MARKED) + len(UNMARKED) + 9
    told = [record["sql"] for record in statements if record.get("unmarked")]
    prepared = [text for text in told if "unmarked" in text]
    assert [text for text in told if text not in prepared] == [text.format(word=word) for text in UNMARKED]
    assert "declare unmarked cursor for select note from sales.orders" in prepared and "execute unmarked" in prepared
    assert not any(f" {name}" in text for text in told for name in ("marked as", "marked cursor", "from marked"))
    assert [record["sql"] for record in search(own, "--guest", jti, "--action", "unmarked")] == told


@pytest.fixture(scope="module")
def writers(secret):
    with capsulestack.CapsuleStack(own_kinds='["select", "insert", "update", "delete"]', rows=5) as stack:
        yield stack


@pytest.mark.parametrize("text", WRITES)
def test_a_guest_only_reads_whatever_the_person_may(writers, text):
    person = writers.capsule(writers.bearer())
    guest = writers.forwarded({"X-GuestToken": writers.guest_token(writers.bearer())}, path="/api/v1/me/roles/").headers["x-rowgate-capsule"]
    before = writers.native("select count(*), max(sku) from sales.order_items")
    with contextlib.closing(writers.connect(password=guest)) as connection:
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege) as refused:
            run(cursor, text)
        assert "guest.write" in refused.value.diag.message_detail
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from sales.order_items")
    assert writers.native("select count(*), max(sku) from sales.order_items") == before
    with contextlib.closing(writers.connect(password=person)) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            run(cursor, text)
        connection.rollback()


def test_nobody_but_a_guest_is_asked_for_a_marker(own):
    capsule = own.capsule(own.bearer("norman"))
    assert rows(own, capsule) == own.native(COUNT)
    found = search(own, "--subject", "norman", "--action", "statement")
    assert found and not any("unmarked" in record or "guest" in record for record in found)


def test_a_capsule_is_none_where_no_listener_takes_one(own):
    capsule = own.capsule(own.bearer())
    text = refusal(own, password=capsule, port=own.ports["sql"])
    assert "28P01" in text or "login.token" in text
    assert capsule[5:40] not in text
    assert "login.capsule" not in text


def test_the_server_of_another_instance_takes_none_of_ours(own):
    with capsulestack.CapsuleStack(rows=5) as other:
        theirs = other.capsule(other.bearer())
        assert_refused(own, theirs, "forged or damaged")
        assert_refused(other, own.capsule(own.bearer()), "forged or damaged")
        assert rows(other, theirs)[0][0] == 5


def test_a_client_cannot_send_one_up(own):
    """What it sends under our name goes nowhere, in whatever spelling; the upstream gets one header, ours."""
    other = own.capsule(own.bearer("gina", "globex"))
    for name in ("X-Rowgate-Capsule", "x-rowgate-capsule", "X_Rowgate_Capsule", "X-Rowgate_Capsule", "X_ROWGATE_CAPSULE"):
        request = own.forwarded(own.bearer() | {name: other})
        sent = [value for key, value in request.lines if key.lower().replace("_", "-") == "x-rowgate-capsule"]
        assert len(sent) == 1 and sent[0] != other
        assert rows(own, sent[0]) == own.native(COUNT)
        assert other not in request.raw.decode()


def test_nobody_gets_none(own):
    before = len(own.superset.seen)
    assert own.web.request("GET", "/health").status == 200
    assert "x-rowgate-capsule" not in own.superset.seen[before].headers


def test_it_is_never_given_to_the_client(own):
    browser = log_in(own)
    answer = browser.api()
    assert not any("rgc1." in value for _, value in answer.lines) and b"rgc1." not in answer.body
    own.superset.handlers["/api/v1/chart/echo"] = lambda exchange: exchange.answer(
        headers=[("X-Rowgate-Capsule", exchange.request.headers["x-rowgate-capsule"])])
    answer = own.web.request("GET", "/api/v1/chart/echo", own.bearer())
    assert "x-rowgate-capsule" not in answer.headers


# ---- connections ----


def startup(user="alice", database="bi"):
    body = struct.pack("!I", 196608) + b"".join(part.encode() + b"\0" for part in ("user", user, "database", database)) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def test_none_is_asked_for_in_clear(own):
    with socket.create_connection(("127.0.0.1", own.ports["capsules"]), timeout=20) as connection:
        connection.sendall(startup())
        answer = connection.recv(4096)
    assert answer[:1] == b"E" and b"28000" in answer and b"TLS" in answer
    with pytest.raises(psycopg2.OperationalError):
        own.connect(password=own.capsule(own.bearer()), sslmode="disable")


def password_message(connection, text):
    body = text + b"\0"
    connection.sendall(b"p" + struct.pack("!I", len(body) + 4) + body)


@contextlib.contextmanager
def asked(own):
    """A connection that was asked for the password."""
    with socket.create_connection(("127.0.0.1", own.ports["capsules"]), timeout=20) as plain:
        plain.sendall(struct.pack("!II", 8, 80877103))
        assert plain.recv(1) == b"S"
        with own.web.context().wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(startup())
            assert connection.recv(4096)[:9] == b"R" + struct.pack("!II", 8, 3)
            yield connection


def until_end(connection):
    data = b""
    with contextlib.suppress(ssl.SSLError, OSError):
        while piece := connection.recv(1 << 16):
            data += piece
    return data


@pytest.mark.parametrize("size", [0, 1, 5, 7 * 1024, 16 * 1024 - 1, 16 * 1024 + 1, 1 << 20, 1 << 24])
def test_the_size_of_one_hurts_nobody(own, size):
    with asked(own) as connection:
        with contextlib.suppress(OSError):
            password_message(connection, (b"rgc1." + b"A" * size)[:size])
        answer = until_end(connection)
    assert answer == b"" or answer[:1] == b"E"
    assert rows(own, own.capsule(own.bearer())) == own.native(COUNT)


def test_one_with_odd_bytes_is_refused(own):
    capsule = own.capsule(own.bearer()).encode()
    for text in (b"\0" + capsule, capsule[:50] + b"\0" + capsule[50:], capsule + b"\0x", b"rgc1.\xff\xfe\x80", capsule + b"\n"):
        with asked(own) as connection:
            password_message(connection, text)
            answer = until_end(connection)
        assert answer[:1] == b"E", text


# ---- the life of what is behind it ----


def assert_ends(cursor, what="over", sql="select 1"):
    """psycopg2 may find the connection closed before it reads why."""
    with pytest.raises(psycopg2.Error) as caught:
        cursor.execute(sql)
    assert what in str(caught.value) or "closed" in str(caught.value), caught.value


def log_out(browser):
    csrf = browser.shown()["csrf"]
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://localhost"}
    answer = browser.send("POST", "/.rowgate/logout", form, f"csrf={csrf}".encode())
    assert answer.status in (200, 303), answer


def revoke(own, browser):
    done = own.command("session", "revoke", browser.shown()["session"])
    assert done.stdout == "1 session ended\n", done.stderr


@pytest.mark.parametrize("end", ["logout", "revoke"])
def test_a_session_that_is_over_opens_nothing_and_closes_what_is_open(own, end):
    browser, other = log_in(own), log_in(own, "bob")
    capsule, theirs = browser_capsule(own, browser), browser_capsule(own, other)
    with contextlib.closing(own.connect(password=capsule)) as connection, connection.cursor() as cursor, \
            contextlib.closing(own.connect(password=theirs)) as stays, stays.cursor() as still:
        cursor.execute(COUNT)
        still.execute(COUNT)
        log_out(browser) if end == "logout" else revoke(own, browser)
        assert_ends(cursor)
        still.execute(COUNT)
    record = assert_refused(own, capsule, "no such session")
    assert record["unmapped"]["rg"]["reference"].startswith("r-")
    assert rows(own, theirs) == own.native(COUNT, "globex")


SLOW = "select count(*) from shared.events a cross join shared.events b cross join shared.events c where a.amount * b.amount > c.amount"


def test_a_running_statement_ends_with_its_session(own):
    browser = log_in(own)
    connection = own.connect(password=browser_capsule(own, browser))
    result = {}

    def run():
        try:
            with connection.cursor() as cursor:
                cursor.execute(SLOW)
        except psycopg2.Error as error:
            result["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    running = "select count(*) from pg_stat_activity where query like '%cross join%' and state = 'active' and pid <> pg_backend_pid()"
    stacks.wait_for(lambda: own.server.execute(running, dbname="bi")[0][0] > 0, "the statement")
    log_out(browser)
    thread.join(30)
    assert not thread.is_alive() and "error" in result
    stacks.wait_for(lambda: own.server.execute(running, dbname="bi")[0][0] == 0, "its end in the database")
    connection.close()


def test_an_open_cursor_and_a_copy_end_with_their_session(own):
    browser = log_in(own)
    capsule = browser_capsule(own, browser)
    with contextlib.closing(own.connect(password=capsule, autocommit=False)) as connection, \
            contextlib.closing(own.connect(password=capsule)) as copying:
        named = connection.cursor("c")
        named.itersize = 10
        named.execute("select * from sales.orders a, sales.orders b")
        assert len(named.fetchmany(10)) == 10
        class Sink:
            def __init__(self):
                self.size, self.is_out = 0, False

            def write(self, data):
                self.size += len(data)
                if not self.is_out:
                    self.is_out = True
                    log_out(browser)
                return len(data)
        sink = Sink()
        with pytest.raises(psycopg2.Error):
            copying.cursor().copy_expert("copy (select a.note, b.note, c.note from sales.orders a, sales.orders b, sales.orders c) "
                                         "to stdout", sink)
        assert sink.is_out and sink.size < 300 ** 3 * 30
        with pytest.raises(psycopg2.Error):
            named.fetchmany(1000)


def test_a_revoked_subject_loses_both_kinds(own):
    by_cookie, by_token = browser_capsule(own, log_in(own, "bob")), own.capsule(own.bearer("bob", "globex"))
    with contextlib.closing(own.connect(password=by_token)) as connection, connection.cursor() as cursor:
        cursor.execute(COUNT)
        done = own.command("session", "revoke", "--subject", "bob", "--idp", "main")
        assert done.returncode == 0, done.stderr
        assert_ends(cursor, "revoked")
    assert_refused(own, by_cookie)
    assert_refused(own, by_token, "revoked")


def test_a_revoked_sql_session_takes_its_token_along(own):
    """`rowgate session revoke q-...`: the credential that would open the next one is out, too."""
    capsule = own.capsule(own.bearer("dave"))
    with contextlib.closing(own.connect(password=capsule)) as connection, connection.cursor() as cursor:
        cursor.execute(COUNT)
        listed = own.command("session", "list", "--json", "--user", "dave").stdout.splitlines()
        row = next(row for row in map(json.loads, listed) if row["plane"] == "sql")
        assert own.command("session", "revoke", row["id"]).returncode == 0
        assert_ends(cursor, "revoked")
    assert_refused(own, capsule, "revoked")


def is_over(cursor):
    try:
        cursor.execute("select 1")
    except psycopg2.Error as error:
        assert "over" in str(error) or "closed" in str(error), error
        return True
    return False


# ---- other logins ----

CORP = """
[idp.corp]
type = "saml"
metadata = "{file}"
entity_id = "urn:rowgate:tests:service"
[[tenants]]
id = "corp"
match = {{ idp = "corp", claim = "tenant_id", value = "{globex}" }}
route = {{ upstream = "main", schemas = {{ sales = "t_corp" }} }}
"""
CORP_ROWS = """
CREATE SCHEMA t_corp;
CREATE TABLE t_corp.orders AS SELECT id, 'corp ' || note AS note FROM t_globex.orders;
GRANT USAGE ON SCHEMA t_corp TO rowgate; GRANT SELECT ON t_corp.orders TO rowgate;
"""


class Saml(capsulestack.CapsuleStack):
    provider = None

    def config_text(self, **changes):
        if self.provider is None:
            self.provider = saml_idp.SamlIdp(self.directory)
        return super().config_text(**changes) + CORP.format(file=self.provider.file, **stacks.TENANTS)

    def come_in(self):
        browser = browsers.Browser(self.web)
        request = self.provider.read(browser.send("GET", "/.rowgate/login/corp?return_to=/").headers["location"])
        form = self.provider.answer(request, "gina@globex.example", "urn:rowgate:tests:service", tenant_id=stacks.TENANTS["globex"])
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://idp.invalid"}
        answer = browser.send("POST", "/.rowgate/saml/corp/acs", headers, urllib.parse.urlencode(form).encode())
        assert answer.status == 303, answer
        return browser


def test_a_person_of_a_saml_provider_has_rows_too(secret):
    with Saml(rows=5, fill=CORP_ROWS) as own:
        browser = own.come_in()
        capsule = browser_capsule(own, browser)
        assert rows(own, capsule) == [(5, "corp globex note 1")]
        assert rows(own, capsule, "select current_user") == [("gina@globex.example",)]
        with contextlib.closing(own.connect(password=capsule)) as connection, connection.cursor() as cursor:
            assert own.reload(own.config_text().replace('"debug"', '"info"')) == "policy.reloaded"
            cursor.execute(COUNT)  # under the new configuration, whose provider is the same
            log_out(browser)
            assert_ends(cursor)
        assert_refused(own, capsule, "no such session")
        no_capsule_in_any_file(own)


# ---- reloads ----


def reloaded(own, old, new):
    text = own.config_text()
    assert old in text
    assert own.reload(text.replace(old, new)) == "policy.reloaded"


@contextlib.contextmanager
def restored(own):
    try:
        yield
    finally:
        assert own.reload(own.config_text()) == "policy.reloaded"


MATCH = (f'id = "acme"\ndashboards = ["{capsulestack.DASHBOARD}"]\n'
         f'match = {{ idp = "main", claim = "tenant_id", value = "{stacks.TENANTS["acme"]}" }}')


@pytest.mark.parametrize("change", ["frozen", "mapped to another"])
def test_a_tenant_that_is_another_after_a_reload(own, change):
    by_token = own.capsule(own.bearer("erin"))
    by_cookie = browser_capsule(own, log_in(own))
    new = MATCH + "\nfrozen = true" if change == "frozen" else MATCH.replace('id = "acme"', 'id = "acme2"')
    with restored(own), contextlib.closing(own.connect(password=by_token)) as connection, connection.cursor() as cursor:
        cursor.execute(COUNT)
        reloaded(own, MATCH, new)
        assert_ends(cursor, "frozen" if change == "frozen" else "route changed", COUNT)
        assert_refused(own, by_token, "frozen" if change == "frozen" else "another tenant")
        assert_refused(own, by_cookie, "frozen" if change == "frozen" else "another tenant")
    assert rows(own, by_token) == own.native(COUNT)  # the capsule was not used up


def test_an_issuer_that_is_no_more_trusted(own):
    by_token = own.capsule(own.bearer("erin"))
    with restored(own):
        reloaded(own, f'issuer = "{own.idp.issuer}"', 'issuer = "https://elsewhere.example"')
        assert_refused(own, by_token, "trusted no more")
    assert rows(own, by_token) == own.native(COUNT)


def test_claims_that_are_asked_for_since(own):
    by_token = own.capsule(own.bearer("erin"))
    with restored(own):
        text = own.config_text().replace("[claims]\n", '[claims]\nlevel = { from = "level", type = "int4", required = true }\n')
        assert own.reload(text.replace('regions = ["emea"] }', 'regions = ["emea"], level = "1" }')) == "policy.reloaded"
        assert_refused(own, by_token, '"level" is missing')


def test_policies_that_changed_since(own):
    """What Superset reads for the request would be kept under the view that it was told."""
    by_token = own.capsule(own.bearer("erin"))
    with restored(own), contextlib.closing(own.connect(password=by_token)) as connection, connection.cursor() as cursor:
        cursor.execute(COUNT)
        reloaded(own, 'using = "tenant_id = :tenant_id"', 'using = "tenant_id = :tenant_id and amount > 1"')
        assert_ends(cursor, "may see has changed", COUNT)
        assert_refused(own, by_token, "another view")
        assert rows(own, own.capsule(own.bearer("erin"))) == own.native(COUNT)
    assert rows(own, by_token) == own.native(COUNT)  # the old view again


def test_a_restart_keeps_capsules_and_sessions(secret):
    with capsulestack.CapsuleStack(rows=5) as own:
        by_token, by_cookie = own.capsule(own.bearer()), browser_capsule(own, log_in(own))
        own.rowgate.stop()
        own.rowgate.start()
        start = own.rowgate.log_path.read_text().rindex("server.fence")
        opened = [event for event in own.rowgate.events(start) if event.get("event") == "listener.open"]
        own.ports = {event["name"]: event["port"] for event in opened}
        assert rows(own, by_token)[0][0] == 5 and rows(own, by_cookie)[0][0] == 5


# ---- orphans ----


def orphans(own):
    return [record for record in own.audit_records() if record["unmapped"]["rg"]["kind"] == "sql.orphan"]


def test_statements_without_a_request_are_told_once_a_session(own):
    before = len(orphans(own))
    mixed = {"port": own.ports["mixed"]}
    with contextlib.closing(own.connect(password=own.token("acme"), user="alice", **mixed)) as connection, \
            connection.cursor() as cursor:
        cursor.execute("select 1")
        cursor.execute("show server_version")
        cursor.execute("begin")
        assert len(orphans(own)) == before
        cursor.execute(COUNT)
        cursor.execute(COUNT)
        cursor.execute("commit")
    stacks.wait_for(lambda: len(orphans(own)) == before + 1, "the record")
    record = orphans(own)[-1]
    assert record["actor"]["user"]["name"] == "alice" and record["severity_id"] == 3 and record["type_uid"] == 600599
    assert record["unmapped"]["rg"]["listener"] == "mixed" and record["unmapped"]["rg"]["tenant"] == "acme"
    assert any(event.get("event") == "sql.orphan" and event["level"] == "warning" for event in own.rowgate.events())
    rows(own, own.capsule(own.bearer()), **mixed)
    own.query(COUNT, port=own.ports["sql"])  # a listener without capsules: nothing has a request there
    assert len(orphans(own)) == before + 1


@pytest.mark.parametrize("word", ["refuse", "allow"])
def test_what_becomes_of_orphans_is_the_administrators_choice(secret, word):
    with capsulestack.CapsuleStack(rows=5, mixed=f'orphans = "{word}"') as own:
        with contextlib.closing(own.connect(password=own.token("acme"), user="alice", port=own.ports["mixed"])) as connection, \
                connection.cursor() as cursor:
            cursor.execute("select 1")
            if word == "allow":
                cursor.execute(COUNT)
                assert cursor.fetchone()[0] == 5
            else:
                for _ in range(2):
                    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="HTTP requests only"):
                        cursor.execute(COUNT)
                cursor.execute("select 2")
        assert len(orphans(own)) == (1 if word == "refuse" else 0)
        assert rows(own, own.capsule(own.bearer()), port=own.ports["mixed"])[0][0] == 5


# ---- two nodes ----


def test_two_nodes_of_one_state_take_each_others(secret):
    with pgtest.Server() as server:
        server.execute("CREATE ROLE rowgate_state LOGIN")
        server.execute("CREATE DATABASE rowgate_state OWNER rowgate_state")
        url = f"postgres://rowgate_state@127.0.0.1:{server.port}/rowgate_state"
        with contextlib.ExitStack() as both:
            keys = f'url = "{url}"\nkey = "env:ROWGATE_TEST_STATE_KEY"'
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("ROWGATE_TEST_STATE_KEY", "0123456789abcdef0123456789abcdef")

                class Node(capsulestack.CapsuleStack):
                    def config_text(self, **changes):
                        text = super().config_text(**changes).replace("[state]\n", f'[state]\ndirectory = "{self.directory}/state"\n')
                        (self.directory / "state").mkdir(exist_ok=True, mode=0o700)
                        return text
                one = both.enter_context(Node(rows=5, state=keys))

                def as_one(text):
                    """The same provider and the same database, as nodes behind a load balancer have."""
                    for key, value in (("issuer", one.idp.issuer), ("ca_file", one.directory / "idp/ca.pem"), ("dsn", one.dsn())):
                        text = re.sub(f'^{key} = "[^"]*"', f'{key} = "{value}"', text, flags=re.M)
                    return text
                two = both.enter_context(Node(rows=7, state=keys, edit=as_one))
            by_token, browser = one.capsule(one.bearer()), log_in(one)
            by_cookie = browser_capsule(one, browser)
            assert rows(two, by_token)[0][0] == 5
            stacks.wait_for(lambda: is_taken(two, by_cookie), "the news of the session")
            with contextlib.closing(two.connect(password=by_cookie)) as connection, connection.cursor() as cursor:
                cursor.execute(COUNT)
                log_out(browser)
                stacks.wait_for(lambda: is_over(cursor), "the news of the logout")
            assert_refused(two, by_cookie, "no such session")


def is_taken(stack, capsule):
    with contextlib.suppress(psycopg2.OperationalError):
        return bool(rows(stack, capsule))
    return False


# ---- the machine of Superset, taken over ----


def test_the_secrets_of_the_upstream_make_no_capsule(own):
    """What Superset has: the public half of the identity key and the capsules it was sent. Nothing it can do to one tenant's
    makes it another's, and what says inside whose it is cannot even be read."""
    capsule = own.capsule(own.bearer())
    raw = base64.urlsafe_b64decode(capsule[5:] + "=" * (-len(capsule[5:]) % 4))
    for text in (b"acme", b"alice", b"main", stacks.TENANTS["acme"].encode()):
        assert text not in raw
    for at in range(0, len(raw), 5):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:]
        assert refusal(own, password="rgc1." + base64.urlsafe_b64encode(changed).rstrip(b"=").decode()) == REFUSED


def test_verifies_afterwards(own):
    done = own.audit_verify()
    assert done.returncode == 0, done.stdout + done.stderr
