# SPDX-License-Identifier: Apache-2.0
"""What is measured: one PostgreSQL, and in front of it PgBouncer, pgpool-II and rowgate in each form that is compared, all on
loopback, all with the same P-256 certificate's kind, TLS as libpq negotiates it. Stopped by process id."""

import dataclasses
import os
import pathlib
import subprocess

import pgtest
import stack

POOL = 20
SESSIONS = 100  # a backend for each client, as rowgate has
KINDS = {"postgres": "", "plain": " > plain", "pool": " > pool", "pgbouncer": " > PgBouncer"}  # what is behind rowgate, and what its row is called
HBA = """\
local   all all                  trust
hostssl all direct 127.0.0.1/32  trust
host    all all    127.0.0.1/32  scram-sha-256
"""


@dataclasses.dataclass
class Target:
    """Somewhere that pgbench can go. processes: the measured one first, then those behind it (not PostgreSQL)."""
    name: str
    schema: str
    environment: dict
    processes: list
    has_named_statements: bool = True
    is_for_churn_only: bool = False
    user: str = ""  # for whoever speaks the protocol without libpq
    certificate: str = ""


class Pgpool:
    """pgpool-II: a process for each client, each with a connection of its own. TLS towards clients, a Unix socket towards PostgreSQL,
    no cache and no balancing."""

    PROGRAM = pathlib.Path("/usr/sbin/pgpool")

    def __init__(self, directory, server, tls):
        self.directory = directory
        self.server = server
        self.tls = tls
        self.port = None
        self.process = None

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port, pcp = pgtest.free_port(), pgtest.free_port()
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "pcp_port": pcp, "socket_dir": self.directory, "pcp_socket_dir": self.directory,
            "pid_file_name": self.directory / "pid", "logdir": self.directory, "work_dir": self.directory,
            "backend_clustering_mode": "raw", "backend_hostname0": self.server.socket_directory, "backend_port0": self.server.port,
            "num_init_children": SESSIONS + 10, "max_pool": 1, "listen_backlog_multiplier": 2, "child_life_time": 0,
            "enable_pool_hba": "off", "pool_passwd": "", "ssl": "on", "ssl_key": self.tls / "server.key", "ssl_cert": self.tls / "server.crt",
            "load_balance_mode": "off", "memory_cache_enabled": "off", "connection_cache": "on", "reset_query_list": "DISCARD ALL",
            "health_check_period": 0, "sr_check_period": 0, "log_min_messages": "error"}
        path = self.directory / "pgpool.conf"
        path.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        for name in ("pcp.conf", "pool_hba.conf"):
            (self.directory / name).write_text("")
        for item in (self.directory, *self.directory.iterdir()):
            pgtest.give_away(item)
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen([self.PROGRAM, "-n", "-f", path, "-F", self.directory / "pcp.conf", "-a", self.directory / "pool_hba.conf"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **pgtest.server_account())
        stack.wait_for(lambda: stack.answers(self.port), "pgpool")

    def stop(self):
        stack.end(self.process)


class World(stack.Stack):
    def __init__(self, workers, scale):
        super().__init__(workers=workers, rows=10, pool=POOL, server_settings={
            "max_connections": 600, "shared_buffers": "256MB", "jit": "off", "max_parallel_workers_per_gather": 0})
        self.server.hba = HBA
        self.scale = scale
        self.bouncers = {}
        self.rowgates = {}
        self.pgpool = None

    def _start(self):
        self.server.start()
        self._fill()
        self._fill_pgbench()
        stack.make_certificate(self.directory / "tls")
        pgtest.give_away(self.directory / "tls/server.key")
        tls = {"client_tls_sslmode": "require", "client_tls_key_file": self.directory / "tls/server.key",
               "client_tls_cert_file": self.directory / "tls/server.crt", "log_connections": 0, "log_disconnections": 0}
        self._start_bouncer("trust", tls | {"auth_type": "trust"})
        self._start_bouncer("session", tls | {"auth_type": "trust", "pool_mode": "session", "default_pool_size": SESSIONS})
        self._start_bouncer("scram", tls)
        self._start_bouncer("both", tls | {"auth_type": "trust", "server_tls_sslmode": "verify-ca",
                                           "server_tls_ca_file": self.server.certificate})
        self._start_bouncer("behind", {"log_connections": 0, "log_disconnections": 0})
        self.bouncer = self.bouncers["behind"]
        if Pgpool.PROGRAM.exists():
            self.pgpool = Pgpool(self.directory / "pgpool", self.server, self.directory / "tls")
            self.pgpool.start()
        self.idp = stack.IdentityProvider(self.directory / "idp")
        self.idp.start()
        for kind in KINDS:
            for durability in ("synced", "written"):
                self._start_rowgate(kind, durability)

    def _fill_pgbench(self):
        """pgbench's tables in the tenant's own schema: through rowgate, sales means t_acme."""
        environment = os.environ | {"PGHOST": self.server.socket_directory, "PGPORT": str(self.server.port), "PGUSER": "postgres",
                                    "PGDATABASE": "bi", "PGOPTIONS": "-c search_path=t_acme"}
        subprocess.run([pgtest.BIN / "pgbench", "-i", "-s", str(self.scale), "-q"], env=environment, check=True, capture_output=True)
        self.server.execute("CREATE ROLE direct LOGIN IN ROLE rowgate", dbname="bi")
        self.server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA t_acme TO rowgate", dbname="bi")

    def _start_bouncer(self, name, options):
        bouncer = stack.PgBouncer(self.directory / f"bouncer-{name}", self.server, POOL, options)
        self.bouncers[name] = bouncer
        bouncer.start()

    def dsn(self):
        """As PgBouncer's own link to PostgreSQL is in "PgBouncer TLS": loopback without TLS."""
        if self.kind in ("plain", "pool"):
            return f"host=localhost port={self.server.port} dbname=bi user=rowgate sslmode=disable"
        return super().dsn()

    def config_text(self, **changes):
        return super().config_text(**{"kind": "postgres"} | changes if self.kind == "plain" else changes)

    def _start_rowgate(self, kind, durability):
        self.kind = kind
        directory = self.directory / f"rowgate-{kind}-{durability}"
        directory.mkdir()
        text = self.config_text(durability=durability, audit=directory / "audit").replace('level = "debug"', 'level = "info"')
        rowgate = stack.Rowgate(directory, text, self.environment())
        self.rowgates[kind, durability] = rowgate
        rowgate.start()

    def __exit__(self, *arguments):
        for part in [*self.rowgates.values(), *self.bouncers.values(), *([self.pgpool] if self.pgpool else [])]:
            part.stop()
        self.bouncer = None
        super().__exit__(*arguments)

    def audit_directories(self):
        return [rowgate.directory / "audit" for rowgate in self.rowgates.values()]

    def _environment(self, port, user, certificate, password):
        return {"PGHOST": "localhost", "PGPORT": str(port), "PGDATABASE": "bi", "PGUSER": user, "PGPASSWORD": password,
                "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(certificate), "PGGSSENCMODE": "disable"}

    def _peer(self, name, port, process, certificate, user="rowgate", **rest):
        environment = self._environment(port, user, certificate, stack.PASSWORD)
        return Target(name, "t_acme", environment, [process.pid] if process else [], user=user, certificate=str(certificate), **rest)

    def targets(self):
        ours = self.directory / "tls/server.crt"
        trust, scram = self.bouncers["trust"], self.bouncers["scram"]
        found = [
            self._peer("direct TLS", self.server.port, None, self.server.certificate, user="direct"),
            self._peer("direct TLS, SCRAM", self.server.port, None, self.server.certificate, is_for_churn_only=True),
            self._peer("PgBouncer TLS", trust.port, trust.process, ours, has_named_statements=False),
            self._peer("PgBouncer TLS > TLS", self.bouncers["both"].port, self.bouncers["both"].process, ours,
                       has_named_statements=False),
            self._peer("PgBouncer TLS, session", self.bouncers["session"].port, self.bouncers["session"].process, ours),
            self._peer("PgBouncer TLS, SCRAM", scram.port, scram.process, ours, has_named_statements=False,
                       is_for_churn_only=True),
        ]
        if self.pgpool is not None:
            found.append(self._peer("pgpool-II TLS", self.pgpool.port, self.pgpool.process, ours))
        for (kind, durability), rowgate in self.rowgates.items():
            behind = [self.bouncer.process.pid] if kind == "pgbouncer" else []
            name = f"rowgate {durability}{KINDS[kind]}"
            found.append(Target(name, "sales", self._environment(rowgate.port, "alice", ours, self.token("acme")),
                                [rowgate.process.pid, *behind], user="alice", certificate=str(ours)))
        return found
