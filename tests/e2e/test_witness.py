# SPDX-License-Identifier: Apache-2.0
"""The witness as a stranger's log meets it (C2SP tlog-witness), and as rowgate does: consistent growth is cosigned, nothing
else, and what was cosigned is never forgotten."""
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import auditlog
import stack as stacks
import witness as witnesses

ORIGIN = "example.com/log"


def leaves(count, salt=b""):
    return [auditlog.sha256(b"\0", salt, b"%d" % i) for i in range(count)]


def proof(old, all_leaves):
    """RFC 6962 2.1.2, by its recursion."""
    def sub(m, part, is_whole):
        if m == len(part):
            return [] if is_whole else [auditlog.merkle_root(part)]
        k = 1 << (len(part) - 1).bit_length() - 1
        if m <= k:
            return sub(m, part[:k], is_whole) + [auditlog.merkle_root(part[k:])]
        return sub(m - k, part[k:], False) + [auditlog.merkle_root(part[:k])]
    return sub(old, all_leaves, True) if 0 < old < len(all_leaves) else []


class Log:
    """A log of other software: one key under its origin."""

    def __init__(self, origin=ORIGIN, seed=b"s" * 32):
        self.origin = origin
        self.key = auditlog.Key(origin, seed)

    def note(self, size, salt=b"", key=None):
        root = auditlog.merkle_root(leaves(size, salt)) if size else auditlog.sha256()
        return (key or self.key).sign(auditlog.checkpoint_text(self.origin.encode(), size, root))

    def body(self, old, size, salt=b"", hashes=None, **options):
        hashes = proof(old, leaves(size, salt)) if hashes is None else hashes
        return b"old %d\n" % old + b"".join(base64.b64encode(hash) + b"\n" for hash in hashes) + b"\n" + self.note(size, salt, **options)


@pytest.fixture
def place():
    path = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-witness."))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def witness(place, log):
    with witnesses.Witness(place / "w", options=["--static-log", log.key.vkey().decode()]) as running:
        yield running


def check_cosignature(witness, text, line):
    """By the standard's words, with another library."""
    name, _, key = witness.vkey.split("+", 2)
    raw = base64.b64decode(key)
    assert raw[0] == 4 and len(raw) == 33
    dash, line_name, blob = line.decode().rstrip("\n").split(" ")
    assert dash == "—" and line_name == name
    blob = base64.b64decode(blob)
    assert blob[:4] == hashlib.sha256(name.encode() + b"\n\x04" + raw[1:]).digest()[:4]
    when = struct.unpack(">Q", blob[4:12])[0]
    assert abs(when - time.time()) < 30
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(blob[12:], b"cosignature/v1\ntime %d\n" % when + text)


def test_growth_is_cosigned_and_the_cosignature_verifies_by_another_library(witness, log):
    known = 0
    for size in (1, 2, 3, 7, 8, 9, 64, 200):
        status, _, body = witness.ask(log.body(known, size))
        assert status == 200, body
        check_cosignature(witness, log.note(size).split(b"\n\n")[0] + b"\n", body)
        known = size
    assert witness.ask(log.body(200, 200))[0] == 200, "the same one again, with a new time"


def test_every_refusal_has_the_standards_status(witness, log):
    assert witness.ask(log.body(0, 10))[0] == 200
    stranger = Log("example.com/other")
    wrong_key = auditlog.Key(ORIGIN, b"t" * 32)
    other_proof = [os.urandom(32) for _ in range(3)]
    rows = [
        ("unknown origin", stranger.body(0, 5), 404),
        ("another key under that origin", log.body(10, 12, key=wrong_key), 403),
        ("old size above the checkpoint's", log.body(12, 10, hashes=[]), 400),
        ("another old size than known", log.body(9, 12), 409),
        ("zero, to learn the size", log.body(0, 12), 409),
        ("a wrong proof", log.body(10, 12, hashes=other_proof), 422),
        ("no proof", log.body(10, 12, hashes=[]), 422),
        ("surplus proof", log.body(10, 12, hashes=proof(10, leaves(12)) + other_proof[:1]), 422),
        ("another history", log.body(10, 12, salt=b"x"), 422),
        ("another root of the same size", log.body(10, 10, salt=b"x"), 409),
        ("proof for the same size", log.body(10, 10, hashes=other_proof), 422),
        ("64 lines of proof", log.body(10, 12, hashes=[b"h" * 32] * 64), 400),
        ("leading zero", log.body(10, 12).replace(b"old 10", b"old 010"), 400),
        ("no old line", log.body(10, 12).split(b"\n", 1)[1], 400),
        ("negative", log.body(10, 12).replace(b"old 10", b"old -1"), 400),
        ("short hash", b"old 10\nAAAA\n\n" + log.note(12), 400),
        ("no signature", log.body(10, 12).rsplit("\u2014".encode(), 1)[0], 400),
        ("carriage returns", log.body(10, 12).replace(b"\n", b"\r\n"), 400),
        ("nothing", b"", 400),
        ("noise", os.urandom(2000), 400),
        ("70 KiB", log.body(10, 12) + b"x" * 70000, 400),
        ("2 MB", b"x" * 2000000, 413),
    ]
    for name, body, expected in rows:
        try:
            status, kind, answer = witness.ask(body)
        except (BrokenPipeError, ConnectionResetError):
            assert name == "2 MB", name  # answered and closed before all of it was sent
            continue
        assert status == expected, (name, status, answer)
        assert "\u2014".encode() not in answer, name
        if status == 409:
            assert kind == "text/x.tlog.size" and answer == b"10\n", name
    assert witness.ask(b"", method="GET")[0] == 405 and witness.ask(b"", path="/")[0] == 404
    assert witness.ask(b"", path="/add-checkpoint?x")[0] == 404
    assert witness.ask(log.body(10, 12))[0] == 200, "none of it changed what is known"
    refused = list(witness.state.glob("*.refused"))
    assert len(refused) == 1 and refused[0].read_bytes() == log.note(10, b"x"), "the two signed roots are kept"


def test_kill_minus_nine_never_takes_back_what_was_cosigned(witness, log):
    """Each answer that arrived must still be known; an answer that did not arrive may be."""
    known = 0
    for size in range(1, 60):
        body = log.body(known, size)
        with contextlib.suppress(OSError, Exception):
            if size % 3 == 0:
                with socket.create_connection(("127.0.0.1", witness.port)) as raw:
                    raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                    if size % 2:
                        time.sleep(0.002)
                    witness.kill()
            elif witness.ask(body)[0] == 200:
                known = size
                witness.kill()
        if witness.process is None:
            witness.start()
        status, _, answer = witness.ask(log.body(0, 61))
        now = 0 if status == 200 else int(answer)
        assert status == 409 and now >= known, (size, now, known)
        known = now
        assert witness.ask(log.body(known, known, salt=b"x"))[0] == (409 if known else 422)


def test_a_damaged_or_shared_state_stops_the_witness(witness, log, place):
    assert witness.ask(log.body(0, 10))[0] == 200
    second = witnesses.Witness(place / "w", options=witness.options)
    second.port = 0
    with pytest.raises(RuntimeError, match="another witness uses"):
        second.start()
    assert witness.stop() == 0
    path = next(witness.state.glob("*.checkpoint"))
    good = path.read_bytes()
    for bad in (b"", good[:-5], good.replace(b"\n10\n", b"\n9\n"), log.note(10, key=auditlog.Key(ORIGIN, b"t" * 32))):
        path.write_bytes(bad)
        with pytest.raises(RuntimeError, match="damaged"):
            witness.start()
        witness.process = None
    path.write_bytes(good)
    witness.start()
    assert witness.ask(log.body(10, 11))[0] == 200


def test_slow_and_many_clients_are_cut_off_and_delay_nobody(place, log):
    options = ["--static-log", log.key.vkey().decode(), "--timeout", "1"]
    with witnesses.Witness(place / "w", options=options) as witness:
        heads = [b"", b"POST /add-ch", b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\nold 1"]
        sockets = [(socket.create_connection(("127.0.0.1", witness.port)), heads[i % 3]) for i in range(250)]
        for raw, head in sockets:
            raw.sendall(head)
        begun = time.monotonic()
        assert witness.ask(log.body(0, 1))[0] == 200 and time.monotonic() - begun < 1
        more = [socket.create_connection(("127.0.0.1", witness.port)) for _ in range(100)]
        for raw, _ in sockets:
            raw.settimeout(10)
            while raw.recv(4096):
                pass
        assert time.monotonic() - begun < 8
        for raw in more + [raw for raw, _ in sockets]:
            raw.close()
        # what is said slowly, byte by byte, ends as well
        with socket.create_connection(("127.0.0.1", witness.port)) as raw, pytest.raises(OSError):
            for byte in b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n" + b"y" * 400:
                raw.sendall(bytes([byte]))
                time.sleep(0.05)
        assert witness.ask(log.body(1, 2))[0] == 200
        assert witness.ask(b"GET")[0] == 400
        begun = time.monotonic()
        idle = socket.create_connection(("127.0.0.1", witness.port))
        assert witness.stop() == 0 and time.monotonic() - begun < 5
        idle.close()


def test_tls_and_what_does_not_start(place, log):
    stacks.make_certificate(place / "tls")
    options = ["--static-log", log.key.vkey().decode()]
    with witnesses.Witness(place / "w", options=options, tls=place / "tls") as witness:
        assert witness.ask(log.body(0, 3))[0] == 200
        curl = subprocess.run(["curl", "-sS", "--cacert", place / "tls/server.crt", "--data-binary", "@-", "-w", "%{http_code} %{http_version}",
                               f"{witness.url}/add-checkpoint"], input=log.body(3, 5), capture_output=True)
        assert curl.stdout.endswith(b"200 1.1"), curl
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", witness.port)) as raw, pytest.raises((ssl.SSLError, OSError)):
            old.wrap_socket(raw)
        h2 = ssl.create_default_context(cafile=place / "tls/server.crt")
        h2.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", witness.port)) as raw, pytest.raises((ssl.SSLError, OSError)):
            h2.wrap_socket(raw, server_hostname="localhost")
        assert witness.ask(log.body(5, 6))[0] == 200
        # an answer larger than libh2o would hold in one record, and a request in many
        assert witness.ask(b"x" * 900000)[0] == 400
    def fails(*arguments):
        done = subprocess.run([stacks.binary(), "audit", "witness", *map(str, arguments)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 6, done
        return done.stderr
    base = ["--key", witness.key, "--state", place / "other"]
    assert "loopback" in fails("--listen", "0.0.0.0:0", *base, *options)
    assert "usage" in fails("--listen", "127.0.0.1:0", *base)
    assert "usage" in fails("--listen", "127.0.0.1:0", "--certificate", place / "tls/server.crt", *base, *options)
    assert "is no root's key" in fails("--listen", "127.0.0.1:0", *base, "--log", log.key.vkey().decode())
    assert "two keys" in fails("--listen", "127.0.0.1:0", *base, *options, *options)
    assert "cannot be made" in fails("init", "--name", "x/y", "--key", witness.key)
    assert "is no key name" in fails("init", "--name", "a b", "--key", place / "fresh")
    (place / "w/key.pem.vkey").write_text(witness.vkey.replace("+", "x+", 1) + "\n")
    assert "verifier key" in fails("--listen", "127.0.0.1:0", *base, *options)


# ---- rowgate's own logs ----

@contextlib.contextmanager
def witnessed(place, count=1, **options):
    """A stack and witnesses that know its root."""
    running = [witnesses.Witness(place / f"w{i}", name=f"witness.example/w{i}") for i in range(count)]
    for witness in running:
        witness.port = stacks.pgtest.free_port()
    extra = 'export_alert = "1s"\n' + "".join(witness.table(f"w{i}") for i, witness in enumerate(running))
    try:
        with stacks.Stack(extra=extra, **options) as stack:
            for witness in running:
                witness.roots = [(stack.audit / "keys/root.vkey").read_text().strip()]
                witness.start()
            yield stack, running
            print(stack.rowgate.log_path.read_text()[-4000:])
    finally:
        for witness in running:
            witness.stop()


def cosigned(stack):
    """Sizes by key id."""
    return {path.stem: int(path.read_text().split("\n")[1]) for path in (stack.audit / "export/cosigned").glob("*.note")}


def verify(directory, *options):
    return subprocess.run([stacks.binary(), "audit", "verify", *map(str, options), str(directory)], capture_output=True, text=True)


def restart(stack):
    stack.rowgate.start()


def test_rowgates_log_is_cosigned_and_keys_come_with_it(place):
    with witnessed(place, 2) as (stack, running):
        stack.query("select 1")
        stacks.wait_for(lambda: len(cosigned(stack)) == 2, "two cosignatures", 40)
        assert stack.rowgate.stop() == 0
        lines = sum(path.read_bytes().count(b"\n") for path in (stack.audit / "seg").glob("*.jsonl"))
        assert set(cosigned(stack).values()) == {lines}, "the last turn has the last checkpoint cosigned"
        for witness in running:
            name = witness.vkey.split("+")[1]
            note = (stack.audit / f"export/cosigned/{name}.note").read_bytes()
            text, signatures = note.split(b"\n\n")
            check_cosignature(witness, text + b"\n", signatures.split(b"\n")[1])
        assert verify(stack.audit).returncode == 0
        first, second = running
        both = ["--witness", first.vkey, "--witness", second.vkey]
        stranger = witnesses.Witness(place / "stranger", name="witness.example/never")
        done = verify(stack.audit, *both)
        assert done.returncode == 0 and "2 of 2 witnesses cosigned" in done.stdout, done
        assert verify(stack.audit, *both, "--witness", stranger.vkey, "--quorum", 2).returncode == 0
        done = verify(stack.audit, *both, "--witness", stranger.vkey)
        assert done.returncode == 4 and "2 of 3 witnesses" in done.stdout, done
        assert verify(stack.audit, "--witness", stranger.vkey).returncode == 4
        for wrong in ([*both, "--quorum", 3], [*both, "--quorum", 0], [*both, "--quorum", "x"], ["--quorum", 1], both + both,
                      ["--witness", (stack.audit / "keys/root.vkey").read_text().strip()], [*both, "--cosigned", stack.audit / "head.note"]):
            assert verify(stack.audit, *wrong).returncode == 6, wrong
        check_damaged_cosignatures(stack, first, second)
        check_that_others_pass_over_them(stack, first)


def check_damaged_cosignatures(stack, first, second):
    both = ["--witness", first.vkey, "--witness", second.vkey]
    path = stack.audit / f"export/cosigned/{second.vkey.split('+')[1]}.note"
    good = path.read_bytes()
    lines = good.split(b"\n")
    other = (stack.audit / f"export/cosigned/{first.vkey.split('+')[1]}.note").read_bytes()
    blob = bytearray(base64.b64decode(lines[5].split(b" ")[2]))
    blob[20] ^= 1
    flipped = b"\n".join(lines[:5] + [b" ".join([*lines[5].split(b" ")[:2], base64.b64encode(bytes(blob))]), b""])
    for bad in (b"", good[:-4], flipped, other, b"\n".join(lines[:5] + [b""]), b"\0" * 5000, b"x" * 200000):
        path.write_bytes(bad)
        done = verify(stack.audit, *both)
        assert done.returncode == 4, (bad[:200], done)
        assert verify(stack.audit, *both, "--quorum", 1).returncode == 0
    path.unlink()
    os.symlink("/etc/passwd", path)
    assert verify(stack.audit, *both).returncode == 4
    path.unlink()
    path.write_bytes(good)
    assert verify(stack.audit, *both).returncode == 0


def check_that_others_pass_over_them(stack, first):
    """A cosigned checkpoint in the place of the log's own: a line more, by a key they do not know."""
    note = (stack.audit / f"export/cosigned/{first.vkey.split('+')[1]}.note").read_bytes()
    (stack.audit / "head.note").write_bytes(note)
    tools = stacks.ROOT / "docs/verify-without-rowgate"
    assert verify(stack.audit, "--witness", first.vkey).returncode == 0
    for command in (["/usr/bin/python3", tools / "verify.py"], ["bash", tools / "check.sh"]):
        done = subprocess.run([*command, stack.audit], capture_output=True, text=True)
        assert done.returncode == 0, done


def test_a_log_that_was_rolled_back_is_noticed_by_its_witness(place):
    with witnessed(place) as (stack, running):
        stack.query("select 'before'")
        stacks.wait_for(lambda: cosigned(stack), "a cosignature", 40)
        assert stack.rowgate.stop() == 0
        copy = stack.directory / "copy"
        shutil.copytree(stack.audit, copy)
        restart(stack)
        stack.query("select 'evidence'")
        size = max(cosigned(stack).values())
        stacks.wait_for(lambda: max(cosigned(stack).values()) > size + 3, "more", 40)
        assert stack.rowgate.stop() == 0
        kept = place / "kept.note"
        kept.write_bytes(next((stack.audit / "export/cosigned").glob("*.note")).read_bytes())
        policy = ["--witness", running[0].vkey, "--cosigned", kept]
        assert verify(stack.audit, *policy).returncode == 0
        done = verify(copy, *policy)
        assert done.returncode == 2 and "kept.note" in done.stdout, done
        shutil.rmtree(stack.audit)
        shutil.copytree(copy, stack.audit)
        restart(stack)
        stacks.wait_for(lambda: any(b"ROLLBACK" in line or b"FORK" in line for line in log_lines(stack)), "the record", 60)
        state = [record for record in stack.audit_records() if record["unmapped"]["rg"]["kind"] == "export.state"]
        assert any("witness/w0" in json.dumps(record) for record in state)
        status = subprocess.run([stacks.binary(), "audit", "status", str(stack.audit)], capture_output=True, text=True)
        assert status.returncode == 1 and ("ROLLBACK" in status.stdout or "FORK" in status.stdout)
        # when the new history has outgrown what was cosigned, it is another one
        for i in range(60):
            stack.query(f"select {i}")
        stacks.wait_for(lambda: any(b"FORK" in line for line in log_lines(stack)), "the fork", 90)
        assert stack.rowgate.stop() == 0
        done = verify(stack.audit, *policy)
        assert done.returncode == 3, done
        assert not running[0].events("witness.ready")[1:], "the witness went on"


def log_lines(stack):
    return [line for path in sorted((stack.audit / "seg").glob("*.jsonl")) for line in path.read_bytes().split(b"\n")
            if line.strip(b"\0")]


@pytest.mark.external
def test_the_go_project_and_trust_fabric_accept_our_cosignature(witness, log):
    """golang.org/x/mod/sumdb/note with the cosignatures of github.com/transparency-dev/formats."""
    import gotool
    tool = gotool.build(stacks.ROOT / "tests/verifiers/cosign")
    line = witness.ask(log.body(0, 5))[2]
    note = log.note(5) + line
    done = subprocess.run([tool, witness.vkey], input=note, capture_output=True)
    assert done.returncode == 0, done
    when, text = done.stdout.split(b"\n", 1)
    assert abs(int(when) - time.time()) < 30 and text == log.note(5).split(b"\n\n")[0] + b"\n"
    for bad in (note.replace(b"\n5\n", b"\n6\n"), log.note(5), log.note(5) + line.replace(b"w1 ", b"w2 ")):
        assert subprocess.run([tool, witness.vkey], input=bad, capture_output=True).returncode == 1
