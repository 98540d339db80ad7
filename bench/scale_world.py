# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench scale measures: one PostgreSQL, and rowgate with its own pool once for each size of configuration."""

import pathlib
import subprocess

import measure
import stack
import world

TENANTS, POLICIES = 10_000, 1_000
POOL = 20
CONNECTIONS = 20_000  # that one tenant may have here: all idle clients are of one


def many(tenants, policies):
    """Tenants of one claim with a schema each, and policies of shared tables: every other one for one tenant alone,
    every tenth with a predicate that no other has."""
    lines = []
    for i in range(tenants):
        lines.append(f'[[tenants]]\nid = "tenant_{i:05}"\n'
                     f'match = {{ idp = "main", claim = "tenant_id", value = "{i:08x}-0000-4000-8000-000000000000" }}\n'
                     f'route = {{ upstream = "main", schemas = {{ sales = "t_{i:05}" }} }}\n')
    for i in range(policies):
        own = f" and kind <> 'k{i}'" if i % 10 == 0 else ""
        to = f'to = ["tenant_{i * tenants // policies:05}"]\n' if tenants and i % 2 else ""
        lines.append(f'[[policies]]\nname = "policy {i:04}"\non = ["shared.table_{i:04}"]\nfor = ["select"]\n{to}'
                     f'using = "tenant_id = :tenant_id and region = any(:regions){own}"\n')
    return "".join(lines)


def kilobytes(process, field):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{process}/status has no {field}")


class World(world.World):
    """rowgates: "few", two tenants and the policies of tests/support; "many", TENANTS and POLICIES besides."""

    def _start(self):
        self.server.start()
        self._fill()
        self._fill_pgbench()
        self.idp = stack.IdentityProvider(self.directory / "idp")
        self.idp.start()
        stack.make_certificate(self.directory / "tls")
        self.kind = "pool"
        self.sources = {"few": self._source("few", ""), "many": self._source("many", many(TENANTS, POLICIES))}

    def _source(self, name, extra):
        directory = self.directory / name
        directory.mkdir()
        text = self.config_text(durability="written", audit=directory / "audit", extra=extra)
        return text.replace('level = "debug"', 'level = "info"').replace("concurrency = 200", f"concurrency = {CONNECTIONS}")

    def rowgate_of(self, name):
        """The rowgate of that configuration, started now."""
        rowgate = stack.Rowgate(self.directory / name, self.sources[name], self.environment())
        self.rowgates[name] = rowgate
        rowgate.start()
        return rowgate

    def stop(self, name):
        self.rowgates.pop(name).stop()

    def client_environment(self, rowgate):
        return self._environment(rowgate.port, "alice", self.directory / "tls/server.crt", self.token("acme"))

    def target(self, name, rowgate):
        return world.Target(name, "sales", self.client_environment(rowgate), [rowgate.process.pid])

    def check(self, name):
        """`rowgate check` of a configuration, which must be sound."""
        path = self.directory / name / "checked.toml"
        path.write_text(self.sources[name])
        return subprocess.run([stack.binary(), "check", "-c", path], check=True, capture_output=True,
                              env=self.environment() | {"PATH": "/usr/bin:/bin"})


def processes(rowgate):
    """Its processes by what they are."""
    return {"supervisor": rowgate.process.pid} | stack.children_of(rowgate.process.pid)


def resident(rowgate):
    """Resident kilobytes of each process, shared libraries counted in each."""
    return {name: kilobytes(process, "VmRSS") for name, process in processes(rowgate).items()}


def cpu_ns(rowgate):
    return measure.cpu_ns(rowgate.process.pid)
