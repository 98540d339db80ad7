#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL 15's own regression suite (Debian's source package, scripts/deps --all) through the rewriter: every statement is rewritten or
refused, nothing ends the program, and nothing is let through with a relation uncovered. Prints the counts of docs/proof.md.

    tests/regress/suite.py [--build DIR] [--write-corpus FILE]
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys

import coverage
import split

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "build/pgsource"
WORLD = ROOT / "tests/regress/world.policy"


def read_suite():
    for path in sorted(SOURCE.glob("*.sql")):
        text = path.read_bytes().decode("utf-8", "replace")
        for statement in split.statements(text):
            yield path.name, statement


def filtered(command, requests):
    """One line of JSON out for each one in. What the program leaves unanswered is None."""
    done = subprocess.run(command, cwd=ROOT, input="".join(json.dumps(request) + "\n" for request in requests),
                          capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return answers + [None] * (len(requests) - len(answers)), done


# What the third opinion must object to: else it is blind, and its silence says nothing.
UNCOVERED = (
    "SELECT * FROM t_globex.x",
    "SELECT * FROM t_regress.onek",
    "SELECT 1 FROM t_regress.a WHERE EXISTS (SELECT FROM t_regress.tenk1)",
    "SELECT * FROM (WITH rg_m AS (SELECT * FROM t_regress.onek WHERE a) SELECT * FROM rg_m) AS onek",
    "SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM t_regress.onek) SELECT * FROM rg_m) AS onek",
    "SELECT * FROM unqualified",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT lower('X')",
    "SELECT public.f(1)",
    "SELECT 1 ORDER BY (SELECT a FROM other.t LIMIT (SELECT b FROM other.u))",
    "INSERT INTO other.t SELECT 1",
    "UPDATE t_regress.a SET b = 1 FROM other.t",
    "DELETE FROM t_regress.a USING other.t",
    "MERGE INTO t_regress.a USING other.t ON true WHEN MATCHED THEN DELETE",
    "COPY other.t TO STDOUT",
    "SELECT * INTO x FROM t_regress.a",
)


class Outcome:
    def __init__(self):
        self.count = 0
        self.verdicts = collections.Counter()
        self.rules = collections.Counter()
        self.faults = []
        self.unanswered = []


def judge(build):
    suite = list(read_suite())
    outcome = Outcome()
    outcome.count = len(suite)
    answers, done = filtered([build / "rewrite_server", WORLD], [[[0, "simple", text]] for _, text in suite])
    sent = []
    for (name, text), answer in zip(suite, answers):
        if answer is None:
            outcome.unanswered.append((name, text, done.stderr[-500:]))
        elif "rule" in answer[0]:
            rule = answer[0]["rule"]
            outcome.verdicts["not valid SQL" if rule == "sql.syntax" else "refused"] += 1
            outcome.rules[rule] += 1
        else:
            outcome.verdicts["rewritten" if answer[0]["text"] != text else "unchanged"] += 1
            sent.append((name, text, answer[0]["text"]))
    trees, _ = filtered([build / "regress_trees"], [text for _, _, text in sent])
    for (name, text, rewritten), tree in zip(sent, trees):
        found = ["no tree"] if tree is None else list(coverage.faults(tree))
        outcome.faults += [(name, text, rewritten, found)] if found else []
    return outcome


def blind_spots(build):
    trees, _ = filtered([build / "regress_trees"], list(UNCOVERED))
    return [text for text, tree in zip(UNCOVERED, trees) if tree is None or not list(coverage.faults(tree))]


def report(outcome):
    print(f"{outcome.count} statements of {len(list(SOURCE.glob('*.sql')))} files")
    for verdict, count in outcome.verdicts.most_common():
        print(f"{count:7}  {verdict}")
    for rule, count in outcome.rules.most_common():
        print(f"{count:7}    {rule}")
    print(f"{len(outcome.unanswered)} ended the program, {len(outcome.faults)} passed with something uncovered")
    for fault in outcome.unanswered[:3] + outcome.faults[:20]:
        print("  ", fault)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--write-corpus", type=pathlib.Path)
    options = parser.parse_args()
    if not SOURCE.is_dir():
        sys.exit("tests/regress/suite.py: no build/pgsource: run scripts/deps --all")
    if options.write_corpus:
        options.write_corpus.write_text("".join(json.dumps(text) + "\n" for _, text in read_suite()))
    blind = blind_spots(options.build)
    if blind:
        sys.exit(f"tests/regress/suite.py: coverage.py does not object to {blind}")
    outcome = judge(options.build)
    report(outcome)
    return 1 if outcome.unanswered or outcome.faults or outcome.count < 40000 else 0


if __name__ == "__main__":
    sys.exit(main())
