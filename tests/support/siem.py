# SPDX-License-Identifier: Apache-2.0
"""Receivers for the sinks: a real rsyslog as an ordinary process, an HTTPS server that checks what it gets, and the
certificates of a private authority, good and bad."""
import contextlib
import datetime
import hashlib
import hmac
import http.server
import ipaddress
import json
import re
import signal
import ssl
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import pgtest
import stack as stacks

DAY = datetime.timedelta(days=1)


class Authority:
    def __init__(self, directory, name):
        self.directory = directory
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = directory / f"{name}.pem"
        self.file.write_bytes(self._sign(self.name, self.key, [(x509.BasicConstraints(True, None), True)], 10).public_bytes(
            serialization.Encoding.PEM))

    def _sign(self, subject, key, extensions, days):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - 30 * DAY).not_valid_after(now + days * DAY)
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, host="localhost", days=10):
        """Paths of a certificate and its key; days < 0: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(host)] + ([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if host == "localhost" else [])
        certificate = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key,
                                 [(x509.SubjectAlternativeName(names), False)], days)
        paths = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return paths


RSYSLOG = """
global(workDirectory="{directory}" maxMessageSize="1m" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" maxFrameSize="2000000" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="{mode}")
template(name="fields" type="string" string="%pri%\t%timestamp:::date-rfc3339%\t%app-name%\t%msgid%\t%structured-data%\t%msg%\n")
ruleset(name="store") {{ action(type="omfile" file="{out}" template="fields") }}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="store")
"""


class Rsyslog:
    """mode: "anon", or "x509/certvalid" to insist on client certificates."""

    def __init__(self, directory, authority, name="rsyslog", mode="anon"):
        self.directory = directory / name
        self.directory.mkdir()
        self.port = pgtest.free_port()
        self.out = self.directory / "out"
        self.log = self.directory / "log"
        certificate, key = authority.issue(name)
        self.config = self.directory / "rsyslog.conf"
        self.config.write_text(RSYSLOG.format(directory=self.directory, ca=authority.file, certificate=certificate, key=key,
                                              out=self.out, port=self.port, mode=mode))
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/rsyslogd", "-n", "-f", self.config, "-i", self.directory / "pid"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stacks.wait_for(lambda: self.process.poll() is not None or stacks.answers(self.port), "rsyslog")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        stacks.end(self.process)

    def messages(self):
        """(priority, time, app, msgid, structured data, message) of each that is whole."""
        if not self.out.exists():
            return []
        return [tuple(line.split(b"\t", 5)) for line in self.out.read_bytes().split(b"\n")[:-1]]


class Receiver:
    """An HTTPS server that does to each request what `plan` says: a status, "hang", "close" (without an answer), "cut" (half
    of it read, then reset), or a (status, headers, body); when the plan is empty it takes everything, if `check` does.
    Statuses that refuse come after everything was read."""

    def __init__(self, certificate, client_authority=None, check=None, answer=(200, {}, b"")):
        self.plan = []
        self.bodies = []  # what was taken, in order
        self.refused = []
        self.times = []
        self.check = check
        self.answer = answer
        self.lock = threading.Lock()
        self.may_go = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        if client_authority is not None:
            context.load_verify_locations(client_authority.file)
            context.verify_mode = ssl.CERT_REQUIRED
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def log_message(self, *_):
                pass

            def do_POST(self):
                receiver.take(self)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                connection, address = super().get_request()
                return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.may_go.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, request):
        size = int(request.headers["Content-Length"])
        with self.lock:
            step = self.plan.pop(0) if self.plan else None
            self.times.append((time.monotonic(), step))
        if step == "cut":
            request.rfile.read(size // 2)
            request.close_connection = True
            return
        body = request.rfile.read(size)
        if step == "hang":
            self.may_go.wait(60)
        if step in ("hang", "close"):
            request.close_connection = True
            return
        problem = self.check(request, body) if self.check else None
        with self.lock:
            if step is None and problem is None:
                self.bodies.append(body)
                step = self.answer
            elif step is None:
                self.refused.append((dict(request.headers), body, problem))
                step = problem
        status, headers, text = step if isinstance(step, tuple) else (step, {}, b"no")
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def lines(self):
        with self.lock:
            return [line for body in self.bodies for line in body.split(b"\n")[:-1]]


def signature_check(secret):
    """As docs/siem.md shows it; None = right."""
    def check(request, body):
        stamp = request.headers.get("Rowgate-Timestamp", "")
        wanted = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest("v1=" + wanted, request.headers.get("Rowgate-Signature", "")):
            return 401, {}, b"wrong signature"
        if abs(time.time() - int(stamp)) > 300 or request.headers.get_all("Content-Type") != ["application/x-ndjson"]:
            return 400, {}, b"old or odd"
        numbers = [int(json.loads(line)["unmapped"]["rg"]["seq"]) for line in body.split(b"\n")[:-1]]
        if request.headers["Rowgate-Batch"] != f"{numbers[0]}-{numbers[-1]}" or numbers != sorted(numbers):
            return 422, {}, b"wrong batch"
        return None
    return check


SPLUNK_KEYS = {"time", "host", "source", "sourcetype", "index", "event", "fields"}


def splunk_check(token, index="audit"):
    """What Splunk documents of /services/collector/event: its statuses, codes and texts."""
    def answer(status, text, code, **more):
        return status, {"Content-Type": "application/json"}, json.dumps({"text": text, "code": code} | more).encode()

    def check(request, body):
        given = request.headers.get("Authorization", "")
        if request.path not in ("/services/collector/event", "/services/collector"):
            return answer(404, "The requested URL was not found on this server.", 404)
        if not given:
            return answer(401, "Token is required", 2)
        if not given.startswith("Splunk "):
            return answer(401, "Invalid authorization", 3)
        if given != "Splunk " + token:
            return answer(403, "Invalid token", 4)
        if not body:
            return answer(400, "No data", 5)
        decoder, text, at, number = json.JSONDecoder(), body.decode(), 0, 0
        while at < len(text):
            try:
                event, at = decoder.raw_decode(text, at)
            except ValueError:
                return answer(400, "Invalid data format", 6, **{"invalid-event-number": number})
            if set(event) - SPLUNK_KEYS or not isinstance(event.get("time"), (int, float)):
                return answer(400, "Invalid data format", 6, **{"invalid-event-number": number})
            if event.get("index") != index:
                return answer(400, "Incorrect index", 7, **{"invalid-event-number": number})
            if not event.get("event"):
                return answer(400, "Event field is required", 12, **{"invalid-event-number": number})
            at = re.compile(r"\s*").match(text, at).end()
            number += 1
        return None
    return check


SPLUNK_SUCCESS = (200, {"Content-Type": "application/json"}, b'{"text":"Success","code":0}')


@contextlib.contextmanager
def running(*parts):
    try:
        yield parts[0] if len(parts) == 1 else parts
    finally:
        for part in parts:
            part.stop()
