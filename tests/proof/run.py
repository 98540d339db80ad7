# SPDX-License-Identifier: Apache-2.0
"""scripts/proof: random statements, judged. See docs/proof.md.

    scripts/proof [--count N] [--seed S] [--only differential,interference,trees,smith] [--show SEED:INDEX]"""

import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import os
import re
import sys
import time

import differential
import driver
import generate
import interference
import minimise
import smith
import trees
import world

BATCH = 100
EXAMPLES = 4
RARE = 0.02
FINDING = "FINDING "
WIRE = ("acme", "plain")  # who goes through rowgate itself
PROOFS = {"differential": (differential.Differential, differential.CLASSES, "equal"),
          "interference": (interference.Interference, interference.CLASSES, "oracle"),
          "trees": (trees.Trees, trees.CLASSES, "equal"),
          "smith": (differential.Differential, differential.CLASSES, "smith")}
# What a broken rewriter would send: the proofs must notice.
SABOTAGE = {"": lambda text: text,
            "predicate": lambda text: re.sub(r"\.tenant_id = '[0-9a-f-]{36}'::pg_catalog\.uuid", ".tenant_id IS NOT NULL", text),
            "fence": lambda text: re.sub(r"(WITH rg_m AS) MATERIALIZED", r"\1 NOT MATERIALIZED", text),
            "mask": lambda text: re.sub(r"'\*\*\*'::pg_catalog\.text AS", r"rg_r.doc AS", text.replace("CASE WHEN false THEN", "CASE WHEN true THEN")
                                        if "shared.orders" not in text else text)}


class Result:
    """Of one proof, or of a part of it: counts by class, refusals by rule, findings, seconds."""

    def __init__(self):
        self.classes = collections.Counter()
        self.rules = collections.Counter()
        self.findings = []
        self.wire = 0
        self.examples = {}
        self.seconds = 0.0

    def add(self, other):
        self.classes += other.classes
        self.rules += other.rules
        self.findings += other.findings
        self.wire += other.wire
        for verdict, seeds in other.examples.items():
            self.examples[verdict] = (self.examples.get(verdict, []) + seeds)[:EXAMPLES]
        self.seconds = max(self.seconds, other.seconds)

    @property
    def count(self):
        return sum(self.classes.values())


def statements_of(name, options, indexes):
    if PROOFS[name][2] == "smith":
        return [smith.statement(options.smith, index) for index in indexes]
    return [generate.statement(options.seed, index, PROOFS[name][2]) for index in indexes]


def part(name, options, running, indexes):
    """One worker's share."""
    worlds = driver.Worlds(running)
    proof = PROOFS[name][0](worlds)
    result, began = Result(), time.monotonic()
    try:
        for at in range(0, len(indexes), BATCH):
            some = indexes[at:at + BATCH]
            batch(name, options, worlds, proof, some, result)
    finally:
        worlds.close()
    result.seconds = time.monotonic() - began
    return result


def identity_of(name, worlds, index):
    """Of bi and twin only what acme may see is the same. sqlsmith's statements are made for acme, too."""
    number = index % len(worlds.identities)
    return number - number % 2 if name in ("interference", "smith") else number


def planned(statement, number):
    return [number, "extended" if statement.kind == "parameters" else "simple", statement.text]


def batch(name, options, worlds, proof, indexes, result):
    statements = statements_of(name, options, indexes)
    numbers = [identity_of(name, worlds, index) for index in indexes]
    plans = worlds.rewriter.plans([planned(each, number) for each, number in zip(statements, numbers)])
    for index, statement, number, plan in zip(indexes, statements, numbers, plans):
        identity = worlds.identities[number]
        if "text" in plan:
            plan["text"] = SABOTAGE[options.sabotage](plan["text"])
        verdict, seen = proof.judge(statement, identity, plan)
        result.classes[verdict] += 1
        if verdict == "refused":
            result.rules[seen] += 1
        result.examples.setdefault(verdict, []).append(f"{options.seed}:{index}")
        del result.examples[verdict][EXAMPLES:]
        if verdict.startswith(FINDING):
            result.findings.append({"class": verdict, "seed": f"{options.seed}:{index}", "proof": name, "identity": identity,
                                    "kind": statement.kind, "sql": statement.text, "sent": plan.get("text"), "seen": str(seen)[:600]})
        elif options.through and name == "differential" and verdict != "timeout" and identity == WIRE and index // 6 % options.through == 0:
            wire(worlds, statement, plan, options, index, result)


def wire(worlds, statement, plan, options, index, result):
    """The same through rowgate itself: TLS, login, pool, audit. It must answer as its rewritten text does."""
    through = worlds.side("rowgate", WIRE).run(statement, statement.text)
    if "text" not in plan:
        verdict = "wire" if through.is_error else FINDING + "the wire answers what was refused"
    else:
        direct = worlds.side("ours", WIRE).run(statement, plan["text"])
        verdict = differential.compare(through, direct)
        verdict = verdict if verdict.startswith(FINDING) else "wire"
    result.wire += 1
    if verdict != "wire":
        result.findings.append({"class": verdict, "seed": f"{options.seed}:{index}", "proof": "wire", "identity": WIRE, "sql": statement.text,
                                "sent": plan.get("text"), "seen": differential.shown(through, direct) if "text" in plan else plan["rule"]})


def prove(name, options, running, count):
    """Runs one proof over count statements with options.jobs workers."""
    total = Result()
    shares = [list(range(job, count, options.jobs)) for job in range(options.jobs)]
    if options.jobs == 1:
        total.add(part(name, options, running, shares[0]))
        return total
    INHERITED[:] = [name, options, running]
    with concurrent.futures.ProcessPoolExecutor(options.jobs, multiprocessing.get_context("fork")) as pool:
        for each in pool.map(inherited_part, shares):
            total.add(each)
    return total


# What a forked worker finds in its copy of the memory.
INHERITED = []


def inherited_part(indexes):
    return part(*INHERITED, indexes)


def report(name, result, classes, out=sys.stdout):
    print(f"\n{name}: {result.count:,} statements in {result.seconds:.0f} s, {result.count / max(result.seconds, 0.001):,.0f} a second",
          file=out)
    for verdict, number in sorted(result.classes.items(), key=lambda item: -item[1]):
        print(f"  {number:>9,}  {number / result.count:6.1%}  {verdict:<28} {classes.get(verdict, '')}{examples(result, verdict)}", file=out)
    if result.wire:
        print(f"  {result.wire:>9,}  {result.wire / result.count:6.1%}  of them through rowgate itself as well", file=out)
    for rule, number in result.rules.most_common(12):
        print(f"  {number:>9,}  {number / result.count:6.1%}    refused by {rule}", file=out)
    out.flush()


def examples(result, verdict):
    """For scripts/proof --show, of what is rare."""
    return f" ({', '.join(result.examples[verdict])})" if result.classes[verdict] < RARE * result.count else ""


def parse_options(arguments=None):
    parser = argparse.ArgumentParser(prog="scripts/proof", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000, help="statements of each proof (default 200,000)")
    parser.add_argument("--seed", default="1", help="any word; the same word makes the same statements (default 1)")
    parser.add_argument("--only", default=",".join(PROOFS), help="which proofs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="workers (default: one a core)")
    parser.add_argument("--through", type=int, default=8, help="every N-th statement of one identity goes through rowgate too, 0 = none (default 8)")
    parser.add_argument("--sabotage", choices=list(SABOTAGE), default="", help="break the rewritten text: the proof must fail")
    parser.add_argument("--show", metavar="SEED:INDEX", help="print one statement and what became of it")
    options = parser.parse_args(arguments)
    options.smith = []
    return options


def share_of(name, count):
    """Trees cost a view each, sqlsmith's statements are long."""
    return count if name in ("differential", "interference") else max(min(count, 2_000), count // 10)


def show(options, running):
    seed, _, index = options.show.rpartition(":")
    options.seed = seed
    for name in options.only.split(","):
        worlds = driver.Worlds(running)
        statement = statements_of(name, options, [int(index)])[0]
        number = identity_of(name, worlds, int(index))
        plan = worlds.rewriter.plans([planned(statement, number)])[0]
        print(f"{name}: {statement}\n\n{json.dumps(plan, indent=1, ensure_ascii=False)}\n")
        print(PROOFS[name][0](worlds).judge(statement, worlds.identities[number], plan))


def run(options):
    """All proofs; {name: Result}."""
    names = options.only.split(",")
    results = {}
    with world.opened(with_rowgate=bool(options.through) and "differential" in names) as running:
        if options.show:
            show(options, running)
            return results
        for name in names:
            count = share_of(name, options.count)
            if name == "smith":
                options.smith = smith.statements(running, count, options.seed)
                count = len(options.smith)
            results[name] = prove(name, options, running, count)
            minimise.shorten(results[name].findings, PROOFS, running, SABOTAGE[options.sabotage])
            report(name, results[name], PROOFS[name][1])
    return results


def main():
    options = parse_options()
    findings = [finding for result in run(options).values() for finding in result.findings]
    for finding in findings[:40]:
        print(json.dumps(finding, indent=1, ensure_ascii=False))
    path = driver.ROOT / "build/proof.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(findings, indent=1, ensure_ascii=False))
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
