# SPDX-License-Identifier: Apache-2.0
"""What is measured: one PostgreSQL, and in front of it PgBouncer and rowgate in each form that is compared, all on
loopback, all with the same P-256 certificate's kind, TLS as libpq negotiates it. Stopped by process id."""

import dataclasses
import os
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


class World(stack.Stack):
    def __init__(self, workers, scale):
        super().__init__(workers=workers, rows=10, pool=POOL, server_settings={"max_connections": 300, "shared_buffers": "256MB"})
        self.server.hba = HBA
        self.scale = scale
        self.bouncers = {}
        self.rowgates = {}

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
        for part in [*self.rowgates.values(), *self.bouncers.values()]:
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
        return Target(name, "t_acme", environment, [process.pid] if process else [], **rest)

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
        for (kind, durability), rowgate in self.rowgates.items():
            behind = [self.bouncer.process.pid] if kind == "pgbouncer" else []
            name = f"rowgate {durability}{KINDS[kind]}"
            found.append(Target(name, "sales", self._environment(rowgate.port, "alice", ours, self.token("acme")),
                                [rowgate.process.pid, *behind]))
        return found
