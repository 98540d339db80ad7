#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small OpenID Connect identity provider on loopback, for the tests and the demo.

It keeps everything in one directory (made at first use): ca.pem to trust, its HTTPS certificate, its
signing keys (RSA, P-256, P-384, P-521), the issuer it serves as. It serves the discovery document and the
key set over HTTPS and signs access tokens on the command line. People log in at it as idp_login.py says.

  idp.py serve  --dir D [--port 0] [--ready-file F]   until SIGTERM; F holds the issuer's URL when ready
  idp.py token  --dir D --sub alice [--aud A] [--claim tenant_id=...] [--alg ES256] [--ttl 3600]
  idp.py rotate --dir D [--drop-old]                  new keys sign; old ones stay published unless dropped
  idp.py init   --dir D                               only makes the directory

A claim's value is JSON when it reads as JSON, else a string: --claim level=3 --claim 'regions=["eu"]'.
D/fault makes the server misbehave, D/requests.log counts what it was asked: see FAULTS.
"""
import argparse
import base64
import datetime
import http.server
import ipaddress
import json
import os
import pathlib
import secrets
import signal
import ssl
import sys
import threading
import time
import urllib.parse

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import idp_login

CURVES = {"ES256": (ec.SECP256R1, "P-256", 32), "ES384": (ec.SECP384R1, "P-384", 48), "ES512": (ec.SECP521R1, "P-521", 66)}
KEY_KINDS = ["RSA", "ES256", "ES384", "ES512"]
FAULTS = ["status", "garbage", "issuer", "http-jwks", "redirect", "huge", "slow", "empty"]  # the word in D/fault


def write(path, data, mode=0o600):
    """Replaces path at once, so that a running server never reads half a file."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    part.replace(path)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def b64(number, size):
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()


def certificate(subject, issuer, public_key, signing_key, is_ca):
    now = datetime.datetime.utcnow()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
        .add_extension(x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False), critical=True)
    )
    if not is_ca:
        names = [x509.DNSName("localhost")]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signing_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def make_certificates(directory):
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("rowgate demo idp CA", "rowgate demo idp")
    ]
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    write(directory / "tls.key", pem(key))
    write(directory / "tls.pem", certificate(names[1], names[0], key.public_key(), ca_key, False), 0o644)
    write(directory / "ca.pem", certificate(names[0], names[0], ca_key.public_key(), ca_key, True), 0o644)


def new_keys(directory):
    """One key of each kind; the generation number makes the kids readable."""
    generation = 1 + max((key["generation"] for key in load_keys(directory)), default=0)
    keys = []
    for kind in KEY_KINDS:
        kid = f"{kind.lower()}-{generation}-{secrets.token_hex(4)}"
        key = rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(CURVES[kind][0]())
        keys.append({"kid": kid, "kind": kind, "generation": generation, "pem": pem(key).decode()})
    return keys


def load_keys(directory):
    path = directory / "keys.json"
    return json.loads(path.read_text()) if path.exists() else []


def save_keys(directory, keys):
    write(directory / "keys.json", json.dumps(keys, indent=1).encode())


def prepare(directory):
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (directory / "ca.pem").exists():
        make_certificates(directory)
    if not load_keys(directory):
        save_keys(directory, new_keys(directory))


def jwk(entry):
    public = serialization.load_pem_private_key(entry["pem"].encode(), None).public_key()
    numbers = public.public_numbers()
    common = {"kid": entry["kid"], "use": "sig"}
    if entry["kind"] == "RSA":
        size = (numbers.n.bit_length() + 7) // 8
        return {"kty": "RSA", "n": b64(numbers.n, size), "e": b64(numbers.e, 3), **common}
    _, curve, size = CURVES[entry["kind"]]
    return {"kty": "EC", "crv": curve, "alg": entry["kind"], "x": b64(numbers.x, size), "y": b64(numbers.y, size), **common}


def newest_key(directory, kind):
    keys = [key for key in load_keys(directory) if key["kind"] == kind]
    return max(keys, key=lambda key: key["generation"], default=None)


class Handler(idp_login.Login, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory = None
    issuer = None
    timeout = 30

    def sign(self, claims, typ):
        newest = newest_key(self.directory, "ES256")
        return jwt.encode(claims, newest["pem"], "ES256", {"kid": newest["kid"], "typ": typ})

    def log_message(self, *_):
        pass

    def fault(self):
        path = self.directory / "fault"
        return path.read_text().strip() if path.exists() else ""

    def answer(self, status, body, headers=()):
        self.send_response(status)
        kind = [] if any(name == "Content-Type" for name, _ in headers) else [("Content-Type", "application/json")]
        for name, value in (*kind, ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def discovery(self, fault):
        issuer = "https://elsewhere.invalid" if fault == "issuer" else self.issuer
        jwks_uri = f"{self.issuer}/jwks"
        if fault == "http-jwks":
            jwks_uri = jwks_uri.replace("https:", "http:")
        return {
            "issuer": issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "ES384", "ES512"],
        } | self.metadata()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with open(self.directory / "requests.log", "a", encoding="ascii") as log:
            log.write(f"{self.path}\n")
        fault = self.fault()
        if fault in ("status", "garbage", "huge"):
            return self.answer(*{"status": (500, b"{}"), "garbage": (200, b"{\"access"), "huge": (200, b" " * (1 << 20))}[fault])
        self.login_post(self.path, dict(urllib.parse.parse_qsl(body)))
        return None

    def do_GET(self):
        with open(self.directory / "requests.log", "a", encoding="ascii") as log:
            log.write(f"{self.path}\n")
        fault = self.fault()
        if fault == "slow":
            time.sleep(20)
        if fault == "status":
            return self.answer(500, b"{}")
        if fault == "garbage":
            return self.answer(200, b"{\"keys\": [")
        if fault == "redirect":
            return self.answer(302, b"", [("Location", f"{self.issuer}/elsewhere{self.path}")])
        if fault == "huge":
            return self.answer(200, b" " * (1 << 20) + b"{}")
        path = self.path[len("/elsewhere"):] if self.path.startswith("/elsewhere/") else self.path
        if path == "/.well-known/openid-configuration":
            return self.answer(200, json.dumps(self.discovery(fault)).encode())
        if path == "/jwks":
            keys = [] if fault == "empty" else [jwk(entry) for entry in load_keys(self.directory)]
            return self.answer(200, json.dumps({"keys": keys}).encode())
        url = urllib.parse.urlsplit(path)
        if url.path in ("/authorize", "/login/oauth/authorize", "/end_session", "/api/v3/user", "/api/v3/user/orgs"):
            return self.login_get(url.path, dict(urllib.parse.parse_qsl(url.query)))
        return self.answer(404, b"{}")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        """The handshake belongs to the connection's thread: a client that stalls in it stops nobody else."""
        request.settimeout(30)
        try:
            with self.context.wrap_socket(request, server_side=True) as stream:
                self.RequestHandlerClass(stream, client_address, self)
        except (OSError, ssl.SSLError):
            pass  # a client that does not trust us, or left: its own business

    def handle_error(self, *_):
        pass


def serve(options):
    directory = options.dir
    prepare(directory)
    server = Server(("127.0.0.1", options.port), Handler)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(directory / "tls.pem", directory / "tls.key")
    Handler.directory = directory
    Handler.issuer = f"https://127.0.0.1:{server.server_address[1]}"
    write(directory / "issuer", Handler.issuer.encode(), 0o644)
    if options.ready_file:
        write(options.ready_file, f"{Handler.issuer}\n".encode(), 0o644)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


def rotate(options):
    prepare(options.dir)
    old = [] if options.drop_old else load_keys(options.dir)
    save_keys(options.dir, new_keys(options.dir) + old)


def parse_claim(text):
    name, separator, value = text.partition("=")
    if not separator:
        raise SystemExit(f"idp.py: --claim wants NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def token(options):
    prepare(options.dir)
    kind = "RSA" if options.alg[:2] in ("RS", "PS") else options.alg
    newest = newest_key(options.dir, kind)
    if newest is None:
        raise SystemExit(f"idp.py: no key for {options.alg}")
    issuer_file = options.dir / "issuer"
    issuer = options.iss or (issuer_file.read_text() if issuer_file.exists() else None)
    if issuer is None:
        raise SystemExit("idp.py: no issuer yet: run serve first, or give --iss")
    now = int(time.time())
    audience = options.aud or ["api://rowgate"]
    claims = {
        "iss": issuer,
        "sub": options.sub,
        "aud": audience[0] if len(audience) == 1 else audience,
        "iat": now,
        "exp": now + options.ttl,
        "jti": secrets.token_hex(8),
    }
    claims.update(parse_claim(text) for text in options.claim)
    for name in options.drop:
        claims.pop(name, None)
    headers = {"kid": options.kid or newest["kid"], "typ": options.typ}
    print(jwt.encode(claims, newest["pem"], options.alg, headers))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    def command(name, function):
        sub = commands.add_parser(name)
        sub.set_defaults(function=function)
        sub.add_argument("--dir", type=pathlib.Path, required=True)
        return sub

    command("init", lambda options: prepare(options.dir))
    sub = command("serve", serve)
    sub.add_argument("--port", type=int, default=0)
    sub.add_argument("--ready-file", type=pathlib.Path)
    command("rotate", rotate).add_argument("--drop-old", action="store_true")
    sub = command("token", token)
    sub.add_argument("--sub", required=True)
    sub.add_argument("--aud", action="append", help="may be given more than once; default api://rowgate")
    sub.add_argument("--claim", action="append", default=[])
    sub.add_argument("--drop", action="append", default=[], help="leave this claim out")
    sub.add_argument("--alg", default="ES256")
    sub.add_argument("--ttl", type=int, default=3600, help="seconds; negative = expired")
    sub.add_argument("--iss", help="instead of the issuer last served")
    sub.add_argument("--kid", help="instead of the signing key's")
    sub.add_argument("--typ", default="JWT")
    options = parser.parse_args()
    options.function(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
