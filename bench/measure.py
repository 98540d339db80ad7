# SPDX-License-Identifier: Apache-2.0
"""One pgbench run: transactions a second, latencies of a sample, and the CPU time that the processes between client
and database spent meanwhile. What runs, and in which order, is decided elsewhere (sql.py)."""

import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

import pgtest
import raw_client

# Every key is a text of its own under the simple protocol. WARM keys fit any statement cache, COLD ones do not.
ANALYTIC = ("select bid, count(*), sum(abalance), avg(aid), max(length(filler)) from {schema}.pgbench_accounts "
            "where aid % 7 <> 3 and aid <= 200000 group by bid order by 1;\n")  # 50 ms where nothing else runs
STREAM = "select * from {schema}.pgbench_accounts"
SCRIPT = "\\set aid random(1, :keys)\nselect abalance from {schema}.pgbench_accounts where aid = :aid;\n"
WARM_KEYS, COLD_KEYS = 1_000, 1_000_000


def _processes(root):
    """root and its descendants, by the kernel's own list of children."""
    found, queue = [], [root]
    while queue:
        process = queue.pop()
        found.append(process)
        for children in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
            try:
                queue += [int(child) for child in children.read_text().split()]
            except OSError:
                continue  # a thread that ended meanwhile
    return found


def cpu_ns(root):
    """Nanoseconds that all threads of the process and of its children have been on a CPU (proc(5), schedstat)."""
    total = 0
    for process in _processes(root):
        for line in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                total += int(line.read_text().split()[0])
            except OSError:
                continue
    return total


def _latencies_us(directory):
    values = []
    for path in directory.glob("sample.*"):
        for line in path.read_text().splitlines():
            fields = line.split()
            if len(fields) > 2 and fields[2].isdigit():
                values.append(int(fields[2]))
    return sorted(values)


def _percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] if values else None


def _sampling(cell):
    return 1.0 if cell.is_churn or cell.is_analytic else 0.3 if cell.clients == 1 else 0.1


def _command(cell, script, seconds, directory):
    command = [pgtest.BIN / "pgbench", "-n", "-M", cell.protocol, "-c", cell.clients, "-j", min(2, cell.clients), "-T", seconds,
               "-D", f"keys={COLD_KEYS if cell.is_cold else WARM_KEYS}", "-f", script,
               "--log", "--log-prefix", directory / "sample", "--sampling-rate", _sampling(cell)]
    return [str(word) for word in [*command, *(["-C"] if cell.is_churn else [])]]


def _number(pattern, text):
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"pgbench says nothing of {pattern}:\n{text}")
    return float(found.group(1))


class SystemCalls:
    """Counts them of processes and their children, by perf: strace would slow down what it counts."""

    def __init__(self, roots, output):
        self.output = output
        processes = ",".join(str(process) for root in roots for process in _processes(root))
        perf = shutil.which("perf")
        self.process = perf and subprocess.Popen([perf, "stat", "-x", ",", "-o", output, "-e", "raw_syscalls:sys_enter", "-p", processes],
                                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def stop(self):
        """None where it cannot be counted."""
        if not self.process:
            return None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)
        for line in self.output.read_text().splitlines() if self.output.exists() else ():
            count = line.split(",")[0]
            if count.isdigit():
                return int(count)
        return None


def stream(target, cell, seconds):
    """A large result again and again, read and thrown away: megabytes a second, and CPU for a hundred of them."""
    client = raw_client.Client(ssl.create_default_context(cafile=target.certificate), int(target.environment["PGPORT"]), target.user,
                               target.environment["PGPASSWORD"])
    text = STREAM.format(schema=target.schema)
    before = [cpu_ns(process) for process in target.processes]
    start = time.monotonic()
    total = client.count_bytes(text)
    while time.monotonic() - start < seconds:
        total += client.count_bytes(text)
    wall = time.monotonic() - start
    after = [cpu_ns(process) for process in target.processes]
    client.stream.close()
    spent = [(end - begin) / 1e6 / (total / 1e8) for begin, end in zip(before, after)]
    return {"mb_s": total / 1e6 / wall, "cpu_ms_100mb": spent[0] if spent else None,
            "cpu_behind_ms_100mb": sum(spent[1:]) if len(spent) > 1 else None, "load": os.getloadavg()[0]}


def run(target, cell, seconds):
    """Runs one cell on one target; a dict of what was measured. A failed transaction is an error, not a figure."""
    if cell.is_stream:
        return stream(target, cell, seconds)
    seconds += 2 if cell.clients > 32 else 0  # to connect, which pgbench counts as part of a run
    with tempfile.TemporaryDirectory(prefix="rowgate-bench.") as name:
        directory = pathlib.Path(name)
        script = directory / "script.sql"
        script.write_text((ANALYTIC if cell.is_analytic else SCRIPT).format(schema=target.schema))
        calls = SystemCalls(target.processes, directory / "calls") if cell.counts_calls and target.processes else None
        before = [cpu_ns(process) for process in target.processes]
        done = subprocess.run(_command(cell, script, seconds, directory), text=True, capture_output=True, cwd=directory,
                              env=os.environ | target.environment, timeout=seconds * 10 + 60)
        after = [cpu_ns(process) for process in target.processes]
        called = calls.stop() if calls is not None else None
        if done.returncode != 0 or "aborted" in done.stderr:
            raise RuntimeError(f"{target.name}, {cell.name}: pgbench failed:\n{done.stdout}{done.stderr}")
        latencies = _latencies_us(directory)
    transactions = _number(r"number of transactions actually processed: (\d+)", done.stdout)
    if transactions == 0 or _number(r"number of failed transactions: (\d+)", done.stdout) > 0:
        raise RuntimeError(f"{target.name}, {cell.name}: transactions failed:\n{done.stdout}")
    spent = [(end - start) / 1000 / transactions for start, end in zip(before, after)]
    return {"tps": _number(r"tps = ([\d.]+)", done.stdout), "transactions": int(transactions),
            "cpu_us": spent[0] if spent else None, "cpu_behind_us": sum(spent[1:]) if len(spent) > 1 else None,
            "p50_ms": _ms(_percentile(latencies, 0.50)), "p99_ms": _ms(_percentile(latencies, 0.99)),
            "calls": called / transactions if called is not None else None,
            "samples": len(latencies), "load": os.getloadavg()[0]}


def _ms(microseconds):
    return None if microseconds is None else microseconds / 1000
