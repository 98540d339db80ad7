# SPDX-License-Identifier: Apache-2.0
"""A tap between rowgate and PostgreSQL: relays, remembers each message by its type, and can keep the answers back."""
import contextlib
import socket
import struct
import threading


class Tap:
    def __init__(self, port):
        self.upstream = port
        self.sent = []  # (type, body) of what rowgate sent, after the start-up
        self.answered = []  # types of what PostgreSQL answered, in the order it left the server
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.open.set()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def keep_answers(self):
        self.open.clear()

    def pass_answers(self):
        self.open.set()

    def statements(self, start=0):
        """What makes PostgreSQL run something, or gives it data."""
        return [kind for kind, _ in self.sent[start:] if kind in "QEFdcf"]

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.upstream))
                self.sockets += [client, server]
                threading.Thread(target=self._relay, args=(client, server, self._on_sent, False), daemon=True).start()
                threading.Thread(target=self._relay, args=(server, client, self._on_answer, True), daemon=True).start()

    def _on_sent(self, kind, body):
        self.sent.append((kind, body))

    def _on_answer(self, kind, _):
        self.answered.append(kind)

    def _relay(self, source, sink, note, is_answer):
        buffer = b""
        is_started = is_answer
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                buffer += data
                if not is_started and len(buffer) >= 4:  # the start-up packet has no type
                    size = struct.unpack("!i", buffer[:4])[0]
                    is_started, buffer = True, buffer[size:]
                while is_started and len(buffer) >= 5 and len(buffer) >= 1 + struct.unpack("!i", buffer[1:5])[0]:
                    size = 1 + struct.unpack("!i", buffer[1:5])[0]
                    note(chr(buffer[0]), buffer[5:size])
                    buffer = buffer[size:]
                if is_answer:
                    self.open.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
