# SPDX-License-Identifier: Apache-2.0
"""SIEMs as sinks: a real rsyslog over TLS, webhooks with signatures, Splunk's collector; what they lose, refuse and delay holds
up nobody and leaves no gap."""
import base64
import contextlib
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import time

import pytest

import siem
import stack as stacks

pytestmark = pytest.mark.skipif(not os.path.exists("/usr/sbin/rsyslogd"), reason="scripts/deps installs rsyslog")

SYSLOG = """
[[audit.sinks]]
name = "{name}"
type = "syslog"
url = "tls://localhost:{port}"
ca_file = "{ca}"
timeout = "2s"
{more}
"""
HOOK = """
[[audit.sinks]]
name = "{name}"
type = "{type}"
url = "https://{host}:{port}{path}"
ca_file = "{ca}"
secret = "file:{secret}"
timeout = "2s"
{more}
"""
SECRET = b"not-to-be-printed-5f3a"


@pytest.fixture
def world(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    return tmp_path, siem.Authority(tmp_path, "authority")


def hook(world, receiver, name="hook", type="webhook", host="localhost", path="/audit", ca=None, secret=None, more=""):
    directory, authority = world
    return HOOK.format(name=name, type=type, host=host, port=receiver.port, path=path, ca=ca or authority.file,
                       secret=secret or directory / "secret", more=more)


@contextlib.contextmanager
def started(extra):
    with stacks.Stack(extra='export_alert = "1s"\n' + extra) as stack:
        try:
            yield stack
        finally:
            print(stack.rowgate.log_path.read_text()[-8000:])


def log_lines(stack):
    return [line for path in sorted((stack.audit / "seg").glob("*.jsonl")) for line in path.read_bytes().split(b"\n")
            if line.strip(b"\0")]


def rg(line):
    return json.loads(line)["unmapped"]["rg"]


def status(stack, *options):
    return subprocess.run([stacks.binary(), "audit", "status", *options, str(stack.audit)], text=True, capture_output=True)


def task(stack, name):
    with contextlib.suppress(ValueError, StopIteration):
        return next(item for item in json.loads(status(stack, "--json").stdout)["tasks"] if item["name"] == name)
    return {"works": None, "confirmed": 0, "lag_records": -1, "reason": ""}


def lag_seconds(stack, name):
    found = re.search(rf'^rowgate_audit_lag_seconds{{sink="{name}"}} ([0-9.]+)$', status(stack, "--prometheus").stdout, re.M)
    return float(found[1]) if found else -1


def states(stack, name):
    return [str(json.loads(line)) for line in log_lines(stack) if rg(line)["kind"] == "export.state" and rg(line)["object"] == name]


def ask(stack, marker):
    began = time.monotonic()
    assert stack.query(f"select '{marker}'") == [(marker,)]
    return time.monotonic() - began


def assert_no_gap(lines, log):
    """First arrivals are the log from its beginning on, in order; what comes again is the same."""
    numbers = [int(rg(line)["seq"]) for line in lines]
    assert list(dict.fromkeys(numbers)) == list(range(max(numbers) + 1))
    for number, line in zip(numbers, lines):
        assert line == log[number]


def wait_taken(stack, receiver, marker, seconds=60):
    stacks.wait_for(lambda: any(marker.encode() in body for body in list(receiver.bodies)), f"{marker} at the receiver", seconds)


# ---- syslog ----

def assert_syslog(messages, log):
    """Every message is a line of the log under its number, and the chain holds over what arrived."""
    lines = {}
    for priority, stamp, app, kind, data, line in messages:
        record = rg(line)
        number = int(record["seq"])
        assert line == log[number] and app == b"rowgate" and kind.decode() == record["kind"]
        assert data.decode() == f'[rowgate@32473 seq="{number:016}" prev="{record["prev"]}"]'
        assert int(priority) == (108 if json.loads(line)["severity_id"] >= 3 else 110)
        assert stamp.startswith(time.strftime("%Y-").encode())
        lines[number] = line
    assert sorted(lines) == list(range(len(lines)))
    for number in range(1, len(lines)):
        leaf = hashlib.sha256(b"\0" + lines[number - 1]).digest()
        assert base64.urlsafe_b64encode(leaf).rstrip(b"=").decode() == rg(lines[number])["prev"]


def test_a_real_rsyslog_has_every_record_also_after_it_was_killed(world):
    directory, authority = world
    with siem.running(siem.Rsyslog(directory, authority)) as server:
        server.start()
        with started(SYSLOG.format(name="syslog", port=server.port, ca=authority.file, more="")) as stack:
            has = lambda marker: lambda: any(marker.encode() in message[5] for message in server.messages())
            ask(stack, "a" * 150000 + "-long-one")
            ask(stack, "line\nfeed\ttab <13>1 é \U0001f600")
            ask(stack, "before-it-dies")
            stacks.wait_for(has("before-it-dies"), "the first records")
            for i in range(5):
                ask(stack, f"round-{i}")
                server.kill()
                ask(stack, f"while-dead-{i}")
                server.start()
            ask(stack, "the-last-one")
            stacks.wait_for(has("the-last-one"), "the last record", 90)
            stacks.wait_for(lambda: task(stack, "syslog")["lag_records"] == 0, "all confirmed", 60)
            assert lag_seconds(stack, "syslog") == 0
            stack.rowgate.stop()
            messages, log = server.messages(), log_lines(stack)
            assert_syslog(messages, log)
            print(len(messages), "messages of", len({message[4] for message in messages}), "records")


def test_a_syslog_server_that_hangs_or_is_away_holds_up_nobody_and_its_lag_shows(world):
    directory, authority = world
    with siem.running(siem.Rsyslog(directory, authority)) as server:
        server.start()
        with started(SYSLOG.format(name="syslog", port=server.port, ca=authority.file, more="")) as stack:
            ask(stack, "first")
            stacks.wait_for(lambda: task(stack, "syslog")["lag_records"] == 0, "rest")
            server.process.send_signal(signal.SIGSTOP)
            slowest = max(ask(stack, f"hung-{i}-" + "x" * 50000) for i in range(60))
            stacks.wait_for(lambda: lag_seconds(stack, "syslog") > 1, "lag")
            assert slowest < 5
            server.kill()
            stacks.wait_for(lambda: states(stack, "syslog"), "the record of its failure")
            ask(stack, "while-away")
            server.start()
            stacks.wait_for(lambda: len(states(stack, "syslog")) == 2, "the record of its return", 90)
            stacks.wait_for(lambda: task(stack, "syslog")["lag_records"] == 0, "rest", 60)
            stack.rowgate.stop()
            assert_syslog(server.messages(), log_lines(stack))


def test_a_syslog_server_that_wants_certificates_gets_them_and_nothing_is_confirmed_without(world):
    directory, authority = world
    with siem.running(siem.Rsyslog(directory, authority, mode="x509/certvalid")) as server:
        server.start()
        certificate, key = authority.issue("client")
        more = f'certificate = "file:{certificate}"\nprivate_key = "file:{key}"'
        with started(SYSLOG.format(name="with", port=server.port, ca=authority.file, more=more)
                     + SYSLOG.format(name="without", port=server.port, ca=authority.file, more="")) as stack:
            ask(stack, "with-certificate")
            stacks.wait_for(lambda: any(b"with-certificate" in message[5] for message in server.messages()), "the record")
            stacks.wait_for(lambda: states(stack, "without"), "the alert")
            assert "localhost" in task(stack, "without")["reason"] and task(stack, "without")["confirmed"] == 0
            assert task(stack, "with")["works"] and not states(stack, "with")


# ---- webhooks ----

def test_a_webhook_has_every_record_in_order_whatever_it_answered(world):
    directory, authority = world
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    steps = [500, 502, "close", "cut", "hang", (429, {"Retry-After": "3"}, b"slow down"), (302, {"Location": "/x"}, b"")]
    chance.shuffle(steps)
    receiver = siem.Receiver(authority.issue("server"), check=siem.signature_check(SECRET))
    with siem.running(receiver), started(hook(world, receiver, more='batch_bytes = "16KiB"')) as stack:
        ask(stack, "the-first-one")
        wait_taken(stack, receiver, "the-first-one")
        receiver.plan += steps[:4]
        slowest = 0
        for i in range(60):
            slowest = max(slowest, ask(stack, f"marker-{i}-" + "y" * chance.randrange(3000)))
        stacks.wait_for(lambda: not receiver.plan, "the bad times", 60)
        receiver.plan += steps[4:]
        with contextlib.suppress(KeyError, ProcessLookupError):
            os.kill(stack.rowgate.children()["exporter"], signal.SIGKILL)
        ask(stack, "z" * 200000 + "-long")
        stacks.wait_for(lambda: not receiver.plan, "the bad times", 60)
        ask(stack, "the-last-one")
        wait_taken(stack, receiver, "the-last-one", 90)
        assert not receiver.refused and slowest < 5
        assert_no_gap(receiver.lines(), log_lines(stack))
        for at, (when, step) in enumerate(receiver.times[:-1]):
            if isinstance(step, tuple) and step[0] == 429:
                assert receiver.times[at + 1][0] - when > 2.9, "Retry-After"


def test_a_receiver_that_hangs_holds_up_no_statement_and_its_lag_shows(world):
    directory, authority = world
    receiver = siem.Receiver(authority.issue("server"))
    receiver.plan = ["hang"] * 100
    with siem.running(receiver), started(hook(world, receiver)) as stack:
        assert max(ask(stack, f"hung-{i}") for i in range(40)) < 5
        stacks.wait_for(lambda: lag_seconds(stack, "hook") > 2, "lag")
        stacks.wait_for(lambda: states(stack, "hook"), "the alert")
        ask(stack, "still")
        began = time.monotonic()
        assert stack.rowgate.stop() == 0
        assert time.monotonic() - began < 15


def test_each_defect_is_told_clearly_and_statements_go_on(world):
    directory, authority = world
    other = siem.Authority(directory, "stranger")
    (directory / "wrong").write_text("another-secret-77")
    check = siem.signature_check(SECRET)
    good = siem.Receiver(authority.issue("good"), check=check)
    expired = siem.Receiver(authority.issue("expired", days=-1), check=check)
    named = siem.Receiver(authority.issue("elsewhere", host="elsewhere.example"), check=check)
    closed = siem.Receiver(authority.issue("closed"), client_authority=authority, check=check)
    large = siem.Receiver(authority.issue("large"), check=lambda *_: (413, {}, b"too large for us"))
    bad = siem.Receiver(authority.issue("bad"), check=lambda *_: (400, {}, b"we do not like it"))
    login = siem.Receiver(authority.issue("login"), answer=(200, {}, b"<html>please log in</html>"))
    client, key = authority.issue("client")
    stranger, stranger_key = other.issue("stranger")
    pair = 'certificate = "file:{}"\nprivate_key = "file:{}"'
    rows = {  # name: (sink, what its reason says)
        "wrong-ca": (dict(receiver=good, ca=other.file), "certificate|issuer"),
        "system-ca": (dict(receiver=good, ca="/etc/ssl/certs/ca-certificates.crt"), "certificate|issuer"),
        "wrong-host": (dict(receiver=named), "subject name|host name|localhost"),
        "expired": (dict(receiver=expired), "expired"),
        "no-client-certificate": (dict(receiver=closed), "does it want a client certificate"),
        "foreign-client": (dict(receiver=closed, more=pair.format(stranger, stranger_key)), "does it want a client certificate"),
        "wrong-secret": (dict(receiver=good, secret=directory / "wrong"), "HTTP status 401: wrong signature"),
        "large": (dict(receiver=large), r"HTTP status 413: too large for us \(records 0 to"),
        "bad": (dict(receiver=bad), r"HTTP status 400: we do not like it \(records 0 to"),
        "login-page": (dict(receiver=login, type="splunk_hec"), "HTTP status 200: <html>please log in"),
        "wrong-path": (dict(receiver=good, type="splunk_hec"), "HTTP status 401: wrong signature"),
    }
    extra = "".join(hook(world, name=name, **options) for name, (options, _) in rows.items())
    for name, receiver, ca, reason in [("syslog-wrong-ca", good, other.file, "certificate|issuer"),
                                       ("syslog-wrong-host", named, authority.file, "subject name|host name"),
                                       ("syslog-expired", expired, authority.file, "expired"),
                                       ("syslog-is-a-web-server", good, authority.file, "no receiver of this protocol does: HTTP/1.1 4"),
                                       ("syslog-no-certificate", closed, authority.file, "closed the connection|ended the connection")]:
        rows[name] = (None, reason)
        extra += SYSLOG.format(name=name, port=receiver.port, ca=ca, more="")
    extra += hook(world, closed, name="fine", more=pair.format(client, key))
    with siem.running(good, expired, named, closed, large, bad, login), started(extra) as stack:
        for i in range(20):
            assert ask(stack, f"meanwhile-{i}-end") < 5
        wait_taken(stack, closed, "meanwhile-19-end")
        for name, (_, reason) in rows.items():
            stacks.wait_for(lambda: states(stack, name), f"the record of {name}", 60)
            told = task(stack, name)
            print(name, "|", told["reason"])
            assert not told["works"] and told["lag_records"] > 0
            # a web server first waits for the end of its first line, and syslog has no other answer than silence
            assert told["confirmed"] == 0 or name == "syslog-is-a-web-server"
            assert re.search(reason, told["reason"]), (name, told["reason"])
            # and its first answer may come behind the end of the connection: the record is of the first trial, the status of the newest
            first = reason + ("|closed|ended|reset" if name == "syslog-is-a-web-server" else "")
            assert name in status(stack).stdout and re.search(first, states(stack, name)[0]), states(stack, name)
        alerts = {event["sink"] for event in stack.rowgate.events() if event.get("event") == "audit.export.alert"}
        assert alerts == set(rows)
        assert task(stack, "fine")["works"] and not states(stack, "fine")
        assert status(stack).returncode == 1
        assert_no_gap(closed.lines(), log_lines(stack))
        everything = stack.rowgate.log_path.read_bytes() + b"".join(log_lines(stack)) + status(stack, "--json").stdout.encode()
        assert SECRET not in everything and b"another-secret-77" not in everything


def test_splunk_s_collector_takes_all_and_a_wrong_token_heals_with_a_reload(world, monkeypatch):
    directory, authority = world
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # where records go is said by the configuration alone
    monkeypatch.setenv("no_proxy", "127.0.0.1")  # the identity provider
    (directory / "wrong").write_text("00000000-0000-0000-0000-000000000000")
    receiver = siem.Receiver(authority.issue("server"), check=siem.splunk_check(SECRET.decode()), answer=siem.SPLUNK_SUCCESS)
    sink = dict(name="splunk", type="splunk_hec", path="/services/collector/event", more='index = "audit"')
    with siem.running(receiver), started(hook(world, receiver, secret=directory / "wrong", **sink)) as stack:
        ask(stack, "hidden for now \U0001f600 \"}{\"event\":1}")
        stacks.wait_for(lambda: states(stack, "splunk"), "the alert")
        assert "HTTP status 403: {\"text\": \"Invalid token\", \"code\": 4}" in task(stack, "splunk")["reason"]
        text = stack.rowgate.config.read_text()
        stack.rowgate.config.write_text(text.replace(str(directory / "wrong"), str(directory / "secret")))
        stack.rowgate.signal(signal.SIGHUP)
        wait_taken(stack, receiver, "hidden for now")
        ask(stack, "the-last-one")
        wait_taken(stack, receiver, "the-last-one")
        log = log_lines(stack)
        for at, line in enumerate(receiver.lines()):
            event = json.loads(line)
            assert event["event"] == json.loads(log[at]) and event["host"] == "test/audit/node/1"
            assert abs(event["time"] - rg(log[at])["hlc"] / 1e6) < 0.002
            assert event["sourcetype"] == "ocsf:json" and event["source"] == "rowgate"
