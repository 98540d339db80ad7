# SPDX-License-Identifier: Apache-2.0
"""A client of PostgreSQL's protocol with nothing but a socket and TLS: a driver's own work would be what is measured."""

import socket
import struct

SSL_REQUEST = struct.pack("!II", 8, 80877103)
READY = b"Z\0\0\0\5I"


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


class Client:
    """Logged in. password: in clear, where it is asked for; whatever else a server may ask for is an error."""

    def __init__(self, context, port, user, password):
        plain = socket.create_connection(("127.0.0.1", port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.sendall(SSL_REQUEST)
        if plain.recv(1) != b"S":
            raise RuntimeError("no TLS")
        self.stream = context.wrap_socket(plain, server_hostname="localhost")
        self.input = b""
        words = b"\0".join([b"user", user.encode(), b"database", b"bi", b"application_name", b"bench", b"", b""])
        self.stream.sendall(message(b"", struct.pack("!I", 196608) + words))
        kind = struct.unpack("!I", self.read_until(b"R")[:4])[0]
        if kind == 3:
            self.stream.sendall(message(b"p", password.encode() + b"\0"))
        elif kind != 0:
            raise RuntimeError(f"the server asks for authentication {kind}")
        self.read_until(b"Z")

    def read_until(self, wanted):
        """Reads messages up to one of that kind, whose body is returned; an error is one here."""
        while True:
            while len(self.input) < 5 or len(self.input) < 1 + struct.unpack("!I", self.input[1:5])[0]:
                more = self.stream.recv(8192)
                if not more:
                    raise RuntimeError("closed")
                self.input += more
            size = 1 + struct.unpack("!I", self.input[1:5])[0]
            kind, body, self.input = self.input[:1], self.input[5:size], self.input[size:]
            if kind == b"E":
                raise RuntimeError(body.replace(b"\0", b" ").decode())
            if kind == wanted:
                return body

    def ask(self, text):
        self.stream.sendall(message(b"Q", text.encode() + b"\0"))
        self.read_until(b"Z")

    def count_bytes(self, text):
        """Of a large answer, which nobody looks at but for its end."""
        self.stream.sendall(message(b"Q", text.encode() + b"\0"))
        buffer = bytearray(1 << 18)
        total, tail, start = 0, b"", b""
        while tail != READY:
            size = self.stream.recv_into(buffer)
            if size == 0:
                raise RuntimeError("closed")
            start = start or bytes(buffer[:min(size, 200)])
            total += size
            tail = (tail + bytes(buffer[max(0, size - len(READY)):size]))[-len(READY):]
        if start[:1] != b"T":
            raise RuntimeError(start.replace(b"\0", b" ").decode(errors="replace"))
        return total
