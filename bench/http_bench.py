# SPDX-License-Identifier: Apache-2.0
"""scripts/bench http: one static upstream behind rowgate (session looked up, every request on record), nginx and HAProxy, all as
TLS reverse proxies with keep-alive to both sides, driven by wrk and interleaved. docs/benchmarks.md says how to read it."""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import loginstack
import measure
import pgtest
import report
import sql
import stack

ROOT = pathlib.Path(__file__).resolve().parents[1]
PATH = "/api/v1/dashboard/12"
BODY_BYTES = 2048

ORIGIN = """
worker_processes 2; daemon off; pid {directory}/origin.pid; error_log {directory}/origin.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000; client_body_temp_path {directory}/origin.body;
    server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{body}'; }} }}
}}
"""

NGINX = """
worker_processes {workers}; daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log {log}; keepalive_requests 100000000; client_body_temp_path {directory}/nginx.body; proxy_temp_path {directory}/nginx.proxy;
    upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
        location / {{
            proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""

HAPROXY = """
global
    maxconn 4000
    nbthread {workers}
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    http-reuse always
    option forwardfor
listen front
    bind 127.0.0.1:{port} ssl crt {pem}
    server origin 127.0.0.1:{origin} pool-max-conn 64
"""


class Process:
    """A server by its command, stopped by its id."""

    def __init__(self, directory, name, port, *command):
        with open(directory / f"{name}.out", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port, self.pid = port, self.process.pid
        stack.wait_for(lambda: self.process.poll() is not None or stack.answers(port), name)
        if self.process.poll() is not None:
            raise RuntimeError((directory / f"{name}.out").read_text())

    def close(self):
        stack.end(self.process)


class Target:
    def __init__(self, name, port, pid, host, headers=()):
        self.name, self.port, self.pid, self.host, self.headers = name, port, pid, host, list(headers)


def nginx(directory, name, text, port):
    path = directory / f"{name}.conf"
    path.write_text(text)
    return Process(directory, name, port, shutil.which("nginx") or "/usr/sbin/nginx", "-e", directory / f"{name}.log", "-c", path)


class World:
    """The upstream, the peers and one rowgate for each durability, each with a person logged in."""

    def __init__(self, options):
        self.options = options
        self.closing = contextlib.ExitStack()
        self.targets, self.logs = [], []

    def __enter__(self):
        with contextlib.ExitStack() as opening:
            self.directory = pathlib.Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="rowgate-bench.")))
            os.chmod(self.directory, 0o755)
            self.origin = pgtest.free_port()
            body = '{"result":"' + "x" * BODY_BYTES + '"}'
            origin = nginx(self.directory, "origin", ORIGIN.format(directory=self.directory, port=self.origin, body=body), self.origin)
            opening.callback(origin.close)
            for durability in ("written", "synced"):
                self.open_rowgate(opening, durability)
            self.open_peers(opening)
            self.closing = opening.pop_all()
        return self

    def __exit__(self, *_):
        self.closing.close()

    def open_rowgate(self, opening, durability):
        running = loginstack.LoginStack(workers=self.options.workers, upstream='keepalive_timeout = "60s"')
        made = running.config_text

        def config_text(**changes):
            text = made(**changes).replace('[audit]\n', f'[audit]\ndurability = "{durability}"\n').replace('level = "debug"', 'level = "info"')
            return re.sub(r'url = "http://localhost:\d+"', f'url = "http://127.0.0.1:{self.origin}"', text)
        running.config_text = config_text
        opening.enter_context(running)
        person = running.browser()
        running.log_in(person, "alice", "/.rowgate/session")
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies["localhost"].items())
        self.authority = running.authority
        self.logs.append(running.audit)
        headers = [f"Cookie: {cookie}"]
        host = f"localhost:{running.own_port}"
        self.targets.append(Target(f"rowgate, {durability}", running.port, running.rowgate.process.pid, host, headers))

    def open_peers(self, opening):
        tls = self.authority.directory
        for name, log in (("nginx", "off"), ("nginx, access log", self.directory / "access.log")):
            port = pgtest.free_port()
            label = name.replace(", ", "-").replace(" ", "-")
            text = NGINX.format(directory=self.directory, workers=self.options.workers, port=port, origin=self.origin, log=log,
                                chain=tls / "public.pem", key=tls / "public.key").replace("/nginx.", f"/{label}.")
            server = nginx(self.directory, label, text, port)
            opening.callback(server.close)
            self.targets.append(Target(name, port, server.pid, "localhost"))
        port, pem = pgtest.free_port(), self.directory / "haproxy.pem"
        pem.write_text((tls / "public.pem").read_text() + (tls / "public.key").read_text())
        config = self.directory / "haproxy.cfg"
        config.write_text(HAPROXY.format(workers=self.options.workers, port=port, pem=pem, origin=self.origin))
        server = Process(self.directory, "haproxy", port, shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config)
        opening.callback(server.close)
        self.targets.append(Target("HAProxy", port, server.pid, "localhost"))


def number(pattern, text, units):
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"wrk says nothing of {pattern}:\n{text}")
    return float(found.group(1)) * (units[found.group(2)] if found.lastindex > 1 else 1)


def drive(target, connections, seconds):
    """One run; requests that failed are an error, not a figure."""
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {target.host}"]
    for header in target.headers:
        command += ["-H", header]
    before, begun = measure.cpu_ns(target.pid), time.monotonic()
    done = subprocess.run([*command, f"https://127.0.0.1:{target.port}{PATH}"], capture_output=True, text=True, check=True)
    spent, elapsed = measure.cpu_ns(target.pid) - before, time.monotonic() - begun
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{target.name}: {done.stdout}")
    units = {"us": 0.001, "ms": 1, "s": 1000}
    requests = number(r"(\d+) requests in", done.stdout, {})
    return {"requests": requests, "rps": requests / elapsed, "cpu_us": spent / 1000 / requests,
            "p50_ms": number(r"50%\s+([\d.]+)(us|ms|s)", done.stdout, units), "p99_ms": number(r"99%\s+([\d.]+)(us|ms|s)", done.stdout, units)}


def summarise(runs, base):
    rows = []
    for target in dict.fromkeys(run["target"] for run in runs):
        own = {run["round"]: run for run in runs if run["target"] == target}
        other = {run["round"]: run for run in runs if run["target"] == base}
        row = {"target": target} | {key: statistics.median(run[key] for run in own.values())
                                    for key in ("rps", "cpu_us", "p50_ms", "p99_ms")}
        row["cpu_to_nginx"] = statistics.median(own[i]["cpu_us"] / other[i]["cpu_us"] for i in own)
        row["rps_to_nginx"] = statistics.median(own[i]["rps"] / other[i]["rps"] for i in own)
        rows.append(row)
    return rows


def table(rows):
    lines = [f"{'':<20} {'requests/s':>10} {'to nginx':>8} {'CPU us/req':>10} {'to nginx':>8} {'p50 ms':>7} {'p99 ms':>7}"]
    for row in rows:
        lines.append(f"{row['target']:<20} {row['rps']:>10,.0f} {row['rps_to_nginx']:>8.2f} {row['cpu_us']:>10.1f} "
                     f"{row['cpu_to_nginx']:>8.2f} {row['p50_ms']:>7.2f} {row['p99_ms']:>7.2f}")
    return "\n".join(lines)


def count_records(logs):
    return sum(path.read_bytes().count(b'"kind":"http.request"') for log in logs for path in (log / "seg").glob("*.jsonl"))


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench http", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each run (default 5)")
    parser.add_argument("--rounds", type=int, default=5, help="of each target (default 5)")
    parser.add_argument("--connections", type=int, default=64, help="kept open at a time (default 64)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="event loops of each proxy (default: one a core)")
    parser.add_argument("--quick", action="store_true", help="1 second, 1 round: shows that it runs, measures nothing")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1, 1
    return options


def main():
    options = parse_options()
    document = report.surroundings(ROOT, stack.binary()) | {"options": vars(options)}
    document["versions"] |= {"nginx": subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True).stderr.strip(),
                             "haproxy": subprocess.run(["/usr/sbin/haproxy", "-v"], capture_output=True, text=True).stdout.split("\n")[0]}
    runs = []
    with World(options) as running:
        sql.refuse_memory_disks(running.logs)
        document["file_system"] = sql.file_system(running.directory)
        for target in running.targets:  # warm; not counted
            drive(target, options.connections, 1)
        for turn in range(options.rounds):
            for target in running.targets:
                runs.append({"round": turn, "target": target.name} | drive(target, options.connections, options.seconds))
                print(f"  round {turn + 1}, {target.name}: {runs[-1]['rps']:,.0f} requests/s", file=sys.stderr)
        asked = sum(run["requests"] for run in runs if run["target"].startswith("rowgate"))
        stack.wait_for(lambda: count_records(running.logs) >= asked, "a record of each request", 120)
        sql.verify_logs(running.logs)
    rows = summarise(runs, "nginx")
    path = ROOT / "build/bench/http.json"
    report.write(path, document | {"summary": rows, "runs": runs})
    print(table(rows))
    print(f"\n{path.relative_to(ROOT)}: {len(runs)} runs, {document['versions']['commit']}, {document['date']}")


if __name__ == "__main__":
    main()
