# SPDX-License-Identifier: Apache-2.0
"""The HTTP plane for tests: a private authority, a recording upstream in Superset's place, rowgate in front of it, all on
loopback and free ports.

    with httpstack.HttpStack() as s:
        answer = s.request("GET", "/health")          # .status, .headers (lower-case names), .body
        s.upstream.seen[-1].path                       # what the upstream was sent: .method .path .headers .body .raw
        with s.connect() as tls: tls.sendall(b"GET / HTTP/1.1\\r\\n...")    # bytes

    @s.upstream.on("/static/slow")
    def answer(exchange):                              # exchange.request, .send(bytes), .answer(status, headers, body)
        ...

The identity provider of stack.py signs bearer tokens (s.token("alice")); there is no database behind.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import ssl
import tempfile
import threading

import authority
import stack

CONFIG = """\
version = 1
[server]
workers = {workers}
drain_timeout = "10s"
{server}
[log]
level = "debug"
[tls.public]
certificate = "{tls}/public.pem"
private_key = "{tls}/public.key"
[upstreams.database]
kind = "postgres"
dsn = "host=127.0.0.1 port=1 dbname=bi user=rowgate"
connect_timeout = "100ms"
[upstreams.superset]
kind = "superset"
url = "{scheme}://localhost:{upstream_port}"
{ca}
{upstream}
[[listeners]]
name = "web"
plane = "http"
listen = "127.0.0.1:0"
tls = {listener_tls}
upstream = "superset"
public_url = "https://{host}"
{listener}
[idp.main]
type = "oidc"
issuer = "{issuer}"
audience = ["api://rowgate"]
ca_file = "{idp}/ca.pem"
jwks_cooldown = "1s"
{idp_keys}
[claims]
tenant_id = {{ from = "tenant_id", type = "uuid", required = true }}
[[tenants]]
id = "acme"
match = {{ idp = "main", claim = "tenant_id", value = "{acme}" }}
route = {{ upstream = "database", schemas = {{ sales = "t_acme" }} }}
[[tenants]]
id = "globex"
match = {{ idp = "main", claim = "tenant_id", value = "{globex}" }}
route = {{ upstream = "database", schemas = {{ sales = "t_globex" }} }}
[[policies]]
name = "own schema"
on = ["sales.*"]
for = ["select"]
isolation = "schema"
[audit]
directory = "{audit}"
origin = "test/audit/http/1"
[state]
url = "sqlite:{state}/state.db"
{extra}
"""

HOST = "bi.example.com"
# What is not Superset's JSON there does not leave (docs/cache-guard.md).
CHART_DATA = ("/api/v1/chart/data", "/superset/explore_json/", "/explore_json/", "/datasource/samples")


class Request:
    """One request as the upstream got it."""

    def __init__(self, raw_head, body):
        lines = raw_head.decode("latin-1").split("\r\n")
        self.raw = raw_head
        self.method, self.path, self.version = lines[0].split(" ")
        self.lines = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.headers = {name.lower(): value for name, value in self.lines}
        self.body = body


class Exchange:
    def __init__(self, connection, request, upstream):
        self.connection = connection
        self.request = request
        self.upstream = upstream
        self.keeps_open = True

    def send(self, data):
        self.connection.sendall(data)

    def answer(self, status=200, headers=(), body=b"", reason="OK"):
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers),
                 f"Content-Length: {len(body)}"]
        if status in (204, 304):
            lines.pop()
        body = b"" if self.request.method == "HEAD" else body
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def close(self):
        """The connection ends when the handler returns."""
        self.keeps_open = False

    def reset(self):
        """At once, in the middle of whatever was said."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.keeps_open = False


class Upstream:
    """A strict HTTP/1.1 server on a socket of its own, which keeps every byte that it is sent. `seen` holds whole
    requests, `bytes` everything, `errors` what was no proper request (there must be none)."""

    def __init__(self, context=None):
        self.context = context
        self.handlers = {}
        self.seen = []
        self.bytes = bytearray()
        self.errors = []
        self.connections = 0
        self.live = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def on(self, path):
        """Decorator: answers requests whose path, without the query, begins so; the longest wins."""
        def register(handler):
            self.handlers[path] = handler
            return handler
        return register

    def forget(self):
        with self.lock:
            self.seen.clear()
            self.bytes.clear()
            self.errors.clear()

    def wait_for(self, count, seconds=20):
        stack.wait_for(lambda: len(self.seen) >= count, f"request {count} at the upstream", seconds)
        return self.seen[count - 1]

    def hang_up(self):
        """Ends all connections that are open now."""
        with self.lock:
            live = list(self.live)
        for connection in live:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        self.hang_up()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ssl.SSLError):
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with self.lock:
                self.connections += 1
                self.live.add(connection)
            try:
                self._talk(connection)
            finally:
                with self.lock:
                    self.live.discard(connection)
                connection.close()

    def _more(self, connection, data):
        piece = connection.recv(1 << 16)
        if piece:
            with self.lock:
                self.bytes += piece
        return data + piece, bool(piece)

    def _read(self, connection, data):
        goes_on = True
        while b"\r\n\r\n" not in data and goes_on:
            data, goes_on = self._more(connection, data)
        if not goes_on:
            if data:
                self.errors.append(data)
            return None, b""
        head, data = data.split(b"\r\n\r\n", 1)
        request = Request(head, b"")
        if "transfer-encoding" in request.headers:
            self.errors.append(head)
        size = int(request.headers.get("content-length", "0"))
        while len(data) < size and goes_on:
            data, goes_on = self._more(connection, data)
        request.body = data[:size]
        return request, data[size:]

    def _talk(self, connection):
        data, goes_on = b"", True
        while goes_on:
            request, data = self._read(connection, data)
            if request is None:
                return
            with self.lock:
                self.seen.append(request)
            exchange = Exchange(connection, request, self)
            self._handler(request)(exchange)
            goes_on = exchange.keeps_open

    def _handler(self, request):
        path = request.path.split("?")[0]
        found = max((known for known in self.handlers if path.startswith(known)), key=len, default=None)
        if found is not None:
            return self.handlers[found]
        if path.startswith(CHART_DATA):
            return lambda exchange: exchange.answer(body=b'{"result": []}', headers=[("Content-Type", "application/json")])
        return lambda exchange: exchange.answer(body=b"upstream", headers=[("Content-Type", "text/plain")])


class Answer:
    def __init__(self, status, lines, body, version):
        self.status = status
        self.lines = lines
        self.headers = {name.lower(): value for name, value in lines}
        self.body = body
        self.version = version

    def __repr__(self):
        return f"<{self.status} {self.lines} {self.body[:200]!r}>"


def read_answer(connection, is_head=False, rest=None):
    """One answer from a connection; rest: a bytearray of bytes that were read already, and keeps those behind."""
    data = rest if rest is not None else bytearray()

    def more():
        piece = connection.recv(1 << 16)
        data.extend(piece)
        return bool(piece)

    while b"\r\n\r\n" not in data:
        if not more():
            raise ConnectionError(f"no answer, only {bytes(data)!r}")
    head, behind = bytes(data).split(b"\r\n\r\n", 1)
    data[:] = behind
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ")
    status = int(status)
    lines = [tuple(line.split(": ", 1)) for line in lines]
    headers = {name.lower(): value for name, value in lines}
    if 100 <= status < 200 and status != 101:
        return read_answer(connection, is_head, data)
    body = b""
    if is_head or status in (101, 204, 304):
        pass
    elif headers.get("transfer-encoding") == "chunked":
        body = _read_chunks(data, more)
    elif "content-length" in headers:
        size = int(headers["content-length"])
        while len(data) < size:
            if not more():
                raise ConnectionError(f"the body ended after {len(data)} of {size} bytes")
        body, data[:] = bytes(data[:size]), data[size:]
    else:
        while more():
            pass
        body, data[:] = bytes(data), b""
    return Answer(status, lines, body, version)


def _read_chunks(data, more):
    body = bytearray()
    while True:
        while b"\r\n" not in data:
            if not more():
                raise ConnectionError("the body ended between chunks")
        size = int(bytes(data).split(b"\r\n", 1)[0], 16)
        start = data.index(b"\r\n") + 2
        while len(data) < start + size + 2:
            if not more():
                raise ConnectionError("the body ended in a chunk")
        body += data[start:start + size]
        del data[:start + size + 2]
        if size == 0:
            return bytes(body)


class HttpStack:
    def __init__(self, listener="", upstream="", extra="", server="", workers=2, tls=False, names=(HOST,), certificates=("public",),
                 idp_keys=""):
        self.keys = dict(listener=listener, upstream=upstream, extra=extra, server=server, workers=workers, idp_keys=idp_keys)
        self.is_tls = tls
        self.names = names
        self.certificates = certificates
        self.upstream = self.idp = self.rowgate = self.authority = None
        self.directory = None

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-http."))
        os.chmod(self.directory, 0o755)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        code = None
        if self.rowgate is not None:
            code = self.rowgate.stop()
        if self.idp is not None:
            self.idp.stop()
        if self.upstream is not None:
            self.upstream.close()
        if code not in (None, 0):
            print(self.rowgate.log_path.read_text()[-8000:])
        shutil.rmtree(self.directory, ignore_errors=True)
        assert code in (None, 0), f"rowgate ended with {code}"

    @property
    def port(self):
        return self.rowgate.port

    @property
    def audit(self):
        return self.directory / "audit"

    def _start(self):
        self.authority = authority.Authority(self.directory / "tls")
        self.authority.issue("public", [f"DNS:{name}" for name in self.names])
        context = None
        if self.is_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.authority.issue("upstream", ["DNS:localhost"]))
        self.upstream = Upstream(context)
        self.idp = stack.IdentityProvider(self.directory / "idp")
        self.idp.start()
        self.rowgate = stack.Rowgate(self.directory, self.config_text(), {}, self.audit)
        self.rowgate.start()

    def config_text(self, **changes):
        keys = self.keys | changes
        if "requests_per_minute" not in keys["listener"]:
            keys["listener"] += "\nrequests_per_minute_per_address = 10_000_000"
        if "[limits" not in keys["extra"]:
            keys["extra"] += "\n[limits.default]\nrequests_per_minute = 10_000_000"
        listener_tls = '"public"' if self.certificates == ("public",) else "[" + ", ".join(
            f'"{name}"' for name in self.certificates) + "]"
        return CONFIG.format(**({"tls": self.directory / "tls", "scheme": "https" if self.is_tls else "http", "host": HOST,
                                 "upstream_port": self.upstream.port, "listener_tls": listener_tls,
                                 "ca": f'ca_file = "{self.authority.ca_file}"' if self.is_tls else "",
                                 "issuer": self.idp.issuer, "idp": self.directory / "idp", "audit": self.audit,
                                 "state": self.directory / "state"}
                                | stack.TENANTS | keys))

    def token(self, sub="alice", tenant="acme", **options):
        return self.idp.token(sub, tenant, **options)

    def context(self, alpn=None):
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context

    def connect(self, name=HOST, alpn=None, before=b"", timeout=20, receive_buffer=None):
        """A TLS connection; before: bytes in clear that come first (a PROXY line)."""
        plain = socket.socket(socket.AF_INET)
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(timeout)
        plain.connect(("127.0.0.1", self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if before:
            plain.sendall(before)
        return self.context(alpn).wrap_socket(plain, server_hostname=name)

    def request(self, method, path, headers=(), body=b"", name=HOST, connection=None, rest=None):
        """One request, on a connection of its own unless one is given."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {name}", *(f"{key}: {value}" for key, value in dict(headers).items())]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        if connection is not None:
            connection.sendall(data)
            return read_answer(connection, method == "HEAD", rest)
        with self.connect(name) as own:
            own.sendall(data)
            return read_answer(own, method == "HEAD")

    def raw(self, data, name=HOST, timeout=20):
        """Sends bytes and returns all that comes until the end."""
        answer = bytearray()
        with self.connect(name, timeout=timeout) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
                while piece := connection.recv(1 << 16):
                    answer += piece
        return bytes(answer)

    def reload(self, text=None):
        """Until the new configuration holds, or was refused: that event."""
        if text is not None:
            self.rowgate.config.write_text(text)
        start = self.rowgate.log_path.stat().st_size
        self.rowgate.signal(1)
        names = ("policy.reloaded", "policy.reload_failed")
        found = []

        def is_there():
            found[:] = [event for event in self.rowgate.events(start) if event.get("event") in names]
            return bool(found)

        stack.wait_for(is_there, "the end of the reload")
        return found[0]


def wait_until(condition, what, seconds=20):
    stack.wait_for(condition, what, seconds)


