# SPDX-License-Identifier: Apache-2.0
"""A server that speaks S3 and means no good: verify ends, says so, and neither hangs, grows nor follows it elsewhere."""
import contextlib
import http.server
import os
import subprocess
import threading

import pytest

import stack as stacks


@contextlib.contextmanager
def serving(answer):
    """answer(path, headers) gives (status, headers, body)."""
    class Handler(http.server.BaseHTTPRequestHandler):
        asked = []

        def do_GET(self):
            Handler.asked.append((self.path, dict(self.headers)))
            status, headers, body = answer(self.path, self.headers)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        do_HEAD = do_PUT = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", Handler.asked
    finally:
        server.shutdown()
        server.server_close()


def verify(endpoint, *options):
    return subprocess.run([stacks.binary(), "audit", "verify", "s3://bucket/logs", "--endpoint", endpoint, *options], text=True,
                          capture_output=True, timeout=60, env={"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "KEY",
                                                                "AWS_SECRET_ACCESS_KEY": "the-secret-of-it"})


def listing(inside):
    return b"<?xml version='1.0'?><ListVersionsResult>" + inside + b"</ListVersionsResult>"


ENTRY = (b"<Version><Key>%s</Key><VersionId>v</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-23T02:31:04Z</LastModified>"
         b"<Size>5</Size></Version>")
CASES = {
    "a listing that goes round in a circle": (200, listing(b"<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>"), "circle"),
    "a listing that does not say where it goes on": (200, listing(b"<IsTruncated>true</IsTruncated>"), "does not say where"),
    "objects that were not asked for": (200, listing(ENTRY % b"elsewhere/etc"), "not asked for"),
    "an answer without end": (200, b"<a>" * (3 << 20), "limit"),
    "no XML": (200, b"hello", "no listing"),
    "nothing": (200, b"", "no listing"),
    "a document type": (200, b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + listing(b"&a;"), "no listing"),
    "entities that grow": (200, b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>" + listing(b"&b;"), "no listing"),
    "an error full of control characters": (403, b"<Error><Code>Access&#10;Denied</Code><Message>&#9;red</Message></Error>", "403"),
    "an error that is no XML": (503, b"\x00\xff" * 100, "503"),
    "an empty bucket": (200, listing(b"<IsTruncated>false</IsTruncated>"), "holds no audit log"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_answer_is_told(name):
    status, body, word = CASES[name]
    with serving(lambda path, headers: (status, {}, body)) as (endpoint, asked):
        done = verify(endpoint)
    assert done.returncode == 6 and word in done.stderr, done
    assert "the-secret-of-it" not in done.stderr + done.stdout and "root:" not in done.stderr
    assert all(0x20 <= ord(letter) < 0x7f for letter in done.stderr.rstrip("\n")), done.stderr
    assert len(asked) < 10


def test_a_redirect_is_not_followed():
    with serving(lambda path, headers: (200, {}, listing(b""))) as (other, elsewhere):
        with serving(lambda path, headers: (307, {"Location": other + path}, b"")) as (endpoint, _):
            done = verify(endpoint)
    assert done.returncode == 6 and "307" in done.stderr, done
    assert elsewhere == []


def test_what_is_sent_is_signed_and_bare_of_secrets():
    with serving(lambda path, headers: (200, {}, listing(b""))) as (endpoint, asked):
        verify(endpoint, "--region", "eu-central-1")
    path, headers = asked[0]
    assert path.startswith("/bucket/?encoding-type=url&prefix=logs%2Fkeys%2Fv1%2Fnode%3D&versions=")
    assert "Credential=KEY/" in headers["Authorization"] and "/eu-central-1/s3/aws4_request" in headers["Authorization"]
    assert "host;x-amz-content-sha256;x-amz-date" in headers["Authorization"]
    assert "the-secret-of-it" not in str(asked)


def test_a_key_that_climbs_out_of_the_temporary_directory_is_no_file(tmp_path):
    """Names in the bucket become names of files only when they are ours to the byte."""
    keys = [b"logs/keys/v1/node=n/../../../../evil", b"logs/keys/v1/node=n/list-/../../evil", b"logs/keys/v1/node=n/root.vkey"]
    def answer(path, headers):
        if "versions=" not in path:
            return 200, {}, b"evil"
        under = [key for key in keys if b"keys" in key] if "keys" in path else []
        return 200, {}, listing(b"".join(ENTRY % key for key in under))
    with serving(answer) as (endpoint, _):
        done = subprocess.run([stacks.binary(), "audit", "verify", "s3://bucket/logs", "--endpoint", endpoint], text=True, capture_output=True,
                              timeout=60, env={"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "x",
                                               "TMPDIR": str(tmp_path)})
    assert done.returncode in (1, 4), done
    assert "did not put there" in done.stdout and list(tmp_path.iterdir()) == []
