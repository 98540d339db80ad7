# SPDX-License-Identifier: Apache-2.0
"""scripts/bench rewrite: microseconds of one rewrite, cold and cached, beside libpg_query's bare parse and Python's sqlglot,
interleaved; memory over a million distinct statements; texts that are large in an unkind way. docs/benchmarks.md."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import report
import rewrite_world
import stack

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODES = ("raw", "protobuf", "cold", "cached")


class Watch:
    """bench/rewrite_timing.c."""

    def __init__(self, directory, texts, with_snapshot=False):
        head = pathlib.Path(directory) / f"world{int(with_snapshot)}"
        head.write_text(rewrite_world.HEAD + "-- snapshot relations.json\n" * with_snapshot)
        (pathlib.Path(directory) / "relations.json").write_text(json.dumps(rewrite_world.SNAPSHOT))
        paths = []
        for number, text in enumerate(texts):
            paths.append(pathlib.Path(directory) / f"{number}.sql")
            paths[-1].write_text(text)
        program = ROOT / "build/release/rewrite_timing"
        self.process = subprocess.Popen([program, head, *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def ask(self, mode, number, budget_us):
        """(figure, verdict, other figure)."""
        self.process.stdin.write(f"{mode} {number} {budget_us}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"rewrite_timing died of {mode} {number}: {self.process.wait()}")
        figure, verdict, other = line.split()
        return float(figure), verdict, int(other)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def sqlglot_us(text):
    """Microseconds of CPU; None where sqlglot is missing or fails."""
    began = time.thread_time()
    rewrite_world.with_sqlglot(text)
    return (time.thread_time() - began) * 1e6


def statements():
    """(name in the report, text, goals, with a snapshot)."""
    plain = [(name, text, goals, False) for name, (text, goals) in rewrite_world.STATEMENTS.items()]
    return plain + [(f"{name}, snapshot", *rewrite_world.STATEMENTS[name], True) for name in rewrite_world.SNAPPED]


def measure(watch, snapped, options):
    """Rounds in turn: each figure of a round beside the others of the same moment."""
    runs = []
    for name, (text, _) in rewrite_world.STATEMENTS.items():
        sqlglot_us(text)  # warm
    for number in range(options.rounds):
        for name, text, _, with_snapshot in statements():
            run = {"round": number, "statement": name}
            index = list(rewrite_world.STATEMENTS).index(name.removesuffix(", snapshot"))
            for mode in MODES:
                run[mode], run[f"{mode}_verdict"], run["out_bytes"] = (snapped if with_snapshot else watch).ask(
                    mode, index, options.milliseconds * 1000)
            run["sqlglot"] = sqlglot_us(text)
            runs.append(run)
        print(f"  round {number + 1} of {options.rounds}", file=sys.stderr)
    return runs


def summarise(runs):
    rows = []
    for name, text, goals, _ in statements():
        own = [run for run in runs if run["statement"] == name]
        row = {"statement": name, "bytes": len(text), "out_bytes": own[0]["out_bytes"], "verdict": own[0]["cold_verdict"], "goals": goals}
        for mode in (*MODES, "sqlglot"):
            row[mode] = statistics.median(run[mode] for run in own)
            row[f"cold_to_{mode}"] = statistics.median(run["cold"] / run[mode] for run in own)
        rows.append(row)
    return rows


def goal_text(figure, goal, aim):
    if not goal:
        return "-"
    return f"{goal} ({aim}) {'aim met' if figure <= aim else 'met' if figure <= goal else 'MISSED'}"


def table(rows):
    lines = ["| statement | bytes | cold us | goal (aim) | cached us | goal (aim) | raw parse us | cold / raw | protobuf us | sqlglot us | sqlglot / cold |",
             "|:---|---:|---:|:---|---:|:---|---:|---:|---:|---:|---:|"]
    for row in rows:
        goal, aim, cached_goal, cached_aim = row["goals"]
        lines.append(f"| {row['statement']} | {row['bytes']:,} | {row['cold']:.1f} | {goal_text(row['cold'], goal, aim)} | {row['cached']:.2f} | "
                     f"{goal_text(row['cached'], cached_goal, cached_aim)} | {row['raw']:.1f} | {row['cold_to_raw']:.1f} | {row['protobuf']:.0f} | "
                     f"{row['sqlglot']:,.0f} | {row['sqlglot'] / row['cold']:,.0f} |")
    return "\n".join(lines)


def measure_large(watch, options):
    rows = []
    first = len(rewrite_world.STATEMENTS)
    for index, (name, text) in enumerate(rewrite_world.LARGE.items()):
        figures = [watch.ask("cold", first + index, 0) for _ in range(options.rounds)]
        rows.append({"statement": name, "bytes": len(text), "verdict": figures[0][1],
                     "ms": statistics.median(figure[0] for figure in figures) / 1000})
    return rows


def large_table(rows):
    goal = rewrite_world.LARGE_GOAL_MS
    lines = ["", "| large text | bytes | ms | goal | answer |", "|:---|---:|---:|:---|:---|"]
    for row in rows:
        lines.append(f"| {row['statement']} | {row['bytes']:,} | {row['ms']:.1f} | {goal} {'met' if row['ms'] <= goal else 'MISSED'} | "
                     f"{row['verdict']} |")
    return "\n".join(lines)


def install_sqlglot():
    try:
        import sqlglot  # noqa: F401
    except ImportError:
        subprocess.run(["apt-get", "install", "-y", "-q", "python3-sqlglot"], check=True, stdout=subprocess.DEVNULL)


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench rewrite", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="of each figure (default 11)")
    parser.add_argument("--milliseconds", type=int, default=20, help="of each figure of a round (default 20)")
    parser.add_argument("--distinct", type=int, default=1_000_000, help="distinct statements for the memory (default 1,000,000)")
    parser.add_argument("--quick", action="store_true", help="shows that it runs, measures nothing")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.milliseconds, options.distinct = 1, 1, 1_000
    return options


def build():
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", "rewrite_timing"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def main():
    options = parse_options()
    install_sqlglot()
    build()
    texts = [text for text, _ in rewrite_world.STATEMENTS.values()] + list(rewrite_world.LARGE.values())
    with tempfile.TemporaryDirectory(prefix="rowgate-bench.") as directory:
        watch = Watch(directory, texts)
        snapped = Watch(directory, texts, with_snapshot=True)
        runs = measure(watch, snapped, options)
        snapped.close()
        large = measure_large(watch, options)
        # the first statement that fits "OFFSET n" behind it
        early, verdict, late = memory(directory, options.distinct)
        watch.close()
    rows = summarise(runs)
    print(table(rows))
    print(large_table(large))
    print(f"\nmemory: {early / 1024:.1f} MiB resident after {options.distinct // 10:,} distinct rewrites, {late / 1024:.1f} MiB after "
          f"{options.distinct:,} ({verdict}); goal: flat within 2 MiB: {'met' if late - early <= 2048 else 'MISSED'}")
    path = ROOT / "build/bench/rewrite.json"
    report.write(path, report.surroundings(ROOT, stack.binary()) | {
        "options": vars(options), "summary": rows, "large": large, "memory_kib": {"tenth": early, "all": late}, "runs": runs})
    print(f"{path.relative_to(ROOT)}: {len(runs)} runs")


def memory(directory, count):
    watch = Watch(directory, [rewrite_world.CHART])
    try:
        return watch.ask("memory", count, 0)
    finally:
        watch.close()


if __name__ == "__main__":
    main()
