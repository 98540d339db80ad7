# SPDX-License-Identifier: Apache-2.0
"""rowgate's SQL plane in its simplest form, for tests of Superset's side alone: TLS, a cleartext password that is a capsule, and
behind it a PostgreSQL in which each tenant has a database of its own. Remembers every login.

    with capsuleplane.CapsulePlane(["acme", "globex"]) as plane:
        plane.live["a capsule"] = "acme"         # believed from now on
        plane.logins                             # Login(user, password, tenant or None, parameters)
"""
import contextlib
import pathlib
import select
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import typing

import pgtest
import stack

SSL_REQUEST, CANCEL_REQUEST = 80877103, 80877102
REFUSAL = b"SFATAL\0VFATAL\0C28000\0Mnot let in\0\0"


class Login(typing.NamedTuple):
    user: str
    password: str
    tenant: str
    parameters: dict


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError("ended")
        data += piece
    return data


def take(source):
    """What has come, b"" at the end; None when it was only TLS's own."""
    source.settimeout(0)
    try:
        return source.recv(1 << 16)
    except (BlockingIOError, ssl.SSLWantReadError):
        return None
    finally:
        source.settimeout(60)


def relay(client, upstream):
    """Both ways in one thread: an SSLSocket may not be read in one thread and written in another."""
    ways = {client: upstream, upstream: client}
    with client, upstream, contextlib.suppress(OSError):
        while True:
            ready = [client] if client.pending() else select.select(list(ways), [], [])[0]
            for source in ready:
                data = take(source)
                if data == b"":
                    return
                ways[source].sendall(data or b"")


class CapsulePlane:
    def __init__(self, tenants):
        self.tenants = tenants
        self.live = {}
        self.logins = []
        self.lock = threading.Lock()
        self.server = pgtest.Server()

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-plane."))
        stack.make_certificate(self.directory)
        self.ca_file = self.directory / "server.crt"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.ca_file, self.directory / "server.key")
        self.server.start()
        for tenant in self.tenants:
            self.server.execute(f"CREATE DATABASE {tenant}")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def fill(self, text):
        """text: SQL with {tenant} in it, for each tenant's database."""
        for tenant in self.tenants:
            done = self.server.psql("-q", "-v", "ON_ERROR_STOP=1", stdin=text.format(tenant=tenant), dbname=tenant)
            assert done.returncode == 0, done.stderr

    def since(self, count):
        with self.lock:
            return self.logins[count:]

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ConnectionError, ssl.SSLError):
            size, code = struct.unpack("!ii", read_exactly(connection, 8))
            if code != SSL_REQUEST:
                connection.close()  # without TLS no capsule is asked for
                return
            connection.sendall(b"S")
            connection = self.context.wrap_socket(connection, server_side=True)
            self._log_in(connection)

    def _log_in(self, connection):
        size = struct.unpack("!i", read_exactly(connection, 4))[0]
        words = read_exactly(connection, size - 4)[4:].split(b"\0")
        parameters = {name.decode(): value.decode() for name, value in zip(words[0::2], words[1::2]) if name}
        connection.sendall(b"R" + struct.pack("!ii", 8, 3))  # AuthenticationCleartextPassword
        kind, size = struct.unpack("!ci", read_exactly(connection, 5))
        password = read_exactly(connection, size - 4).rstrip(b"\0").decode()
        tenant = self.live.get(password)
        with self.lock:
            self.logins.append(Login(parameters["user"], password, tenant, parameters))
        if tenant is None:
            connection.sendall(b"E" + struct.pack("!i", 4 + len(REFUSAL)) + REFUSAL)
            connection.close()
            return
        upstream = socket.create_connection(("127.0.0.1", self.server.port))
        body = struct.pack("!i", 196608) + b"".join(
            part.encode() + b"\0" for pair in (parameters | {"user": "postgres", "database": tenant}).items() for part in pair) + b"\0"
        upstream.sendall(struct.pack("!i", 4 + len(body)) + body)
        relay(connection, upstream)
