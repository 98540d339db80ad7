# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL 15 for tests: own data directory, own Unix socket, own loopback port, gone afterwards.

    with pgtest.Server() as server, contextlib.closing(server.connect()) as connection: ...

or as a pytest fixture: `from pgtest import postgres_server` (one server per test session). Works as root (the
server runs as the user postgres) and as an ordinary user. Standard library and psycopg2 only.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2

try:
    import pytest
except ImportError:  # a server is of use without pytest, too
    pytest = None

BIN = pathlib.Path(os.environ.get("PGTEST_BIN", "/usr/lib/postgresql/15/bin"))
START_SECONDS = 60


def free_port():
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_account():
    """Popen's arguments that make a child run as postgres when we are root (the server refuses to be root)."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give_away(path):
    """Makes path the server account's, which reads keys only when it owns them."""
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(path, entry.pw_uid, entry.pw_gid)


class Server:
    """One private cluster. superuser: postgres. auth: initdb's method for local and host connections.
    hba: whole text of pg_hba.conf instead. settings: names to values, on top of ours."""

    def __init__(self, tls=False, auth="trust", hba=None, settings=None, superuser_password=None):
        self.tls = tls
        self.auth = auth
        self.hba = hba
        self.settings = dict(settings or {})
        self.password = superuser_password
        self.host = "127.0.0.1"
        self.port = None
        self.process = None
        self.directory = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def data(self):
        return self.directory / "data"

    @property
    def socket_directory(self):
        return str(self.directory)

    @property
    def certificate(self):
        """PEM of the server's self-signed certificate for 127.0.0.1 and localhost (tls=True): sslrootcert."""
        return str(self.directory / "server.crt")

    @property
    def log_text(self):
        return (self.directory / "log").read_text(errors="replace")

    def start(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pgtest."))
        try:
            give_away(self.directory)
            os.chmod(self.directory, 0o755)
            self._initdb()
            if self.tls:
                self._make_certificate()
            for _ in range(5):
                self.port = free_port()
                if self._launch():
                    return
            raise RuntimeError(f"PostgreSQL does not start:\n{self.log_text}")
        except BaseException:
            self.stop()
            raise

    def _initdb(self):
        command = [BIN / "initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                   "--no-sync", f"--auth={self.auth}"]
        if self.password is not None:
            secret = self.directory / "superuser"
            secret.write_text(self.password + "\n")
            give_away(secret)
            os.chmod(secret, 0o600)
            command.append(f"--pwfile={secret}")
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **server_account())
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")
        if self.hba is not None:
            (self.data / "pg_hba.conf").write_text(self.hba)

    def _make_certificate(self):
        key, certificate = self.directory / "server.key", self.directory / "server.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        give_away(key)
        os.chmod(key, 0o600)
        os.chmod(certificate, 0o644)

    def _settings(self):
        settings = {"listen_addresses": self.host, "port": self.port, "unix_socket_directories": self.socket_directory,
                    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": 100,
                    "shared_buffers": "64MB", "logging_collector": "off", "timezone": "UTC"}
        if self.tls:
            settings |= {"ssl": "on", "ssl_cert_file": self.certificate, "ssl_key_file": self.directory / "server.key"}
        return settings | self.settings

    def _launch(self):
        command = [BIN / "postgres", "-D", self.data]
        for name, value in self._settings().items():
            command += ["-c", f"{name}={value}"]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            **server_account())
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.process = None
                return False
            if "ready to accept connections" in self.log_text and self._answers():
                return True
            time.sleep(0.05)
        self._end_process()
        return False

    def _answers(self):
        with contextlib.suppress(OSError):
            with socket.create_connection((self.host, self.port), timeout=5):
                return True
        return False

    def _end_process(self):
        if self.process is None:
            return
        for wanted in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(wanted)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout=20)
        self.process = None

    def stop(self):
        self._end_process()
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def connect(self, autocommit=True, **parameters):
        """A psycopg2 connection over loopback TCP; by default superuser, database postgres, autocommit."""
        wanted = {"host": self.host, "port": self.port, "user": "postgres", "dbname": "postgres"}
        if self.password is not None and "user" not in parameters:
            wanted["password"] = self.password
        connection = psycopg2.connect(**(wanted | parameters))
        connection.autocommit = autocommit
        return connection

    def execute(self, sql, arguments=None, **parameters):
        """Runs one statement as the superuser; its rows, or None."""
        with contextlib.closing(self.connect(**parameters)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else None

    def psql(self, *arguments, stdin=None, environment=None, dbname="postgres", user="postgres"):
        """Runs psql without start-up file; a CompletedProcess with text output."""
        base = {**os.environ, "PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": user, "PGDATABASE": dbname,
                "PAGER": "", "PSQLRC": "/dev/null"}
        if self.password is not None:
            base["PGPASSWORD"] = self.password
        return subprocess.run([BIN / "psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments], input=stdin, text=True,
                              capture_output=True, env=base | (environment or {}))


if pytest is not None:

    @pytest.fixture(scope="session")
    def postgres_server():
        with Server() as server:
            yield server
