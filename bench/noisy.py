# SPDX-License-Identifier: Apache-2.0
"""scripts/bench noisy: how long a tenant's short statements take alone, and while another tenant floods the same pool, through
rowgate (a pool of 20, at most 10 for a tenant) and through PgBouncer (a pool of 20 for both). docs/benchmarks.md says how to read it."""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import pgtest
import report
import scale_world
import sql
import stack
import world

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUIET_CLIENTS, NOISY_CLIENTS = 8, 100
FLOODS = {"alone": None, "short statements": "select count(*) from {schema}.customers;\n",
          "statements of 50 ms": "select count(*) from {schema}.customers a, generate_series(1, 12000) b;\n"}


class World(scale_world.World):
    """One rowgate and one PgBouncer in front of the same PostgreSQL."""

    def _start(self):
        super()._start()
        tls = {"client_tls_sslmode": "require", "client_tls_key_file": self.directory / "tls/server.key", "auth_type": "trust",
               "client_tls_cert_file": self.directory / "tls/server.crt", "log_connections": 0, "log_disconnections": 0}
        pgtest.give_away(self.directory / "tls/server.key")
        self._start_bouncer("trust", tls)
        self.sources["few"] = self.sources["few"].replace("pool_size = ", "pool_per_tenant = 10\npool_size = ").replace(', limits = "small"', "")

    def pairs(self):
        """By name: where the quiet tenant goes, and where the noisy one."""
        ours = self.directory / "tls/server.crt"
        rowgate, bouncer = self.rowgate_of("few"), self.bouncers["trust"]
        def through(tenant):
            return world.Target("rowgate", "sales", self._environment(rowgate.port, "alice", ours, self.token(tenant)), [rowgate.process.pid])
        def beside(schema):
            return world.Target("PgBouncer", schema, self._environment(bouncer.port, "rowgate", ours, stack.PASSWORD), [bouncer.process.pid])
        return {"rowgate": (through("acme"), through("globex")), "PgBouncer": (beside("t_acme"), beside("t_globex"))}


@contextlib.contextmanager
def flood(target, text, seconds):
    if text is None:
        yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(text.format(schema=target.schema))
        script.flush()
        command = [pgtest.BIN / "pgbench", "-n", "-c", str(NOISY_CLIENTS), "-j", "2", "-T", str(seconds + 10), "-f", script.name]
        process = subprocess.Popen(command, env=os.environ | target.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(4)  # until all are connected
            if process.poll() is not None:
                raise RuntimeError("the flood ended by itself")
            yield
        finally:
            stack.end(process)


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench noisy", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of a run (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="rowgate's event loops (default: one a core)")
    parser.add_argument("--quick", action="store_true", help="1 second, 1 round: shows that it runs, measures nothing")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1, 1
    return options


def main():
    options = parse_options()
    document = report.surroundings(ROOT, stack.binary()) | {"options": vars(options)}
    runs = []
    with World(options.workers, 10) as running:
        pairs = running.pairs()
        for number in range(options.rounds):
            for name, (quiet, noisy) in pairs.items():
                for what, text in FLOODS.items():
                    with flood(noisy, text, options.seconds):
                        found = measure.run(quiet, sql.Cell("simple", QUIET_CLIENTS), options.seconds)
                    runs.append({"target": name, "flood": what, "round": number} | found)
                    print(f"  {name}, {what}: p50 {found['p50_ms']:.2f}, p99 {found['p99_ms']:.2f} ms, {found['tps']:,.0f} tps", file=sys.stderr)
    lines = ["| the other tenant | through | p50 ms | p99 ms | TPS | p99 to alone |", "|:---|:---|---:|---:|---:|---:|"]
    for what in FLOODS:
        for name in pairs:
            own = [run for run in runs if (run["target"], run["flood"]) == (name, what)]
            alone = {run["round"]: run["p99_ms"] for run in runs if (run["target"], run["flood"]) == (name, "alone")}
            ratio = statistics.median(run["p99_ms"] / alone[run["round"]] for run in own)
            p50, p99, tps = (statistics.median(run[key] for run in own) for key in ("p50_ms", "p99_ms", "tps"))
            lines.append(f"| {what} | {name} | {p50:.2f} | {p99:.2f} | {tps:,.0f} | {ratio:.2f} |")
    path = ROOT / "build/bench/noisy.json"
    report.write(path, document | {"runs": runs})
    print("\n".join(lines))
    print(f"\n{path.relative_to(ROOT)}: {document['versions']['commit']}, {document['date']}")


if __name__ == "__main__":
    main()
