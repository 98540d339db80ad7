# SPDX-License-Identifier: Apache-2.0
"""Does anything notice when the rewriter is wrong? Every mutant of policy/sql_*.c (the checker's files are left alone) runs over all
vectors. What it then does is read off their complaints: refused more (harmless), refused by the proof or by the second check
(caught before anything was sent), or sent another text, or a refused one (caught by the vector alone). A mutant that no vector
noticed meets a larger corpus: if what is sent there differs, the vectors have a hole, and the run fails.
scripts/mutants calls it."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "regress"))
import plant  # noqa: E402
import suite  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
OUT = WORK / "out"
NOT_REWRITING = ("sql_check", "sql_lint", "sql_native")  # the checker itself, and what `check` and `policy export` use
SHARED = {"sql_parse.c"}  # libpg_query's own entry: nothing is decided there
TIMEOUT_S = 60


def files():
    found = sorted((TREE / "policy").glob("sql_*.c"))
    return [path for path in found if not path.name.startswith(NOT_REWRITING) and path.name not in SHARED]


def plant_all():
    shutil.rmtree(TREE, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        target = TREE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, target)
    (TREE / "build").mkdir()
    (TREE / "build/pgheaders").symlink_to(ROOT / "build/pgheaders")
    planter = plant.Planter()
    for path in files():
        text = path.read_text()
        changed = text
        if path.name == "sql_nodes.c":
            changed = planter.plant_walk(path.name, changed, (TREE / "policy/sql_nodes.def").read_text())
            changed += plant.SWITCH
        else:
            changed = planter.plant(path.name, changed)
            if path.name == "sql_select.c":
                changed = planter.plant_handlers(path.name, changed)
        path.write_text(re.sub(r"^#include [^\n]*\n", lambda found: found.group() + plant.HEAD, changed, count=1, flags=re.M))
    return planter.mutants


def build(jobs):
    flags = "-w -O1"
    subprocess.run(["cmake", "-S", TREE, "-B", OUT, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", f"-DCMAKE_C_FLAGS={flags}",
                    "-DBUILD_TESTING=ON"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", OUT, f"-j{jobs}", "--target", "policy_test_vectors", "rewrite_server"], check=True,
                   stdout=sys.stderr)


def environment(number):
    return {**os.environ, "RG_MUTANT": str(number)}


KINDS = (  # what a complaint says, most serious first
    ("sent", re.compile(r"allowed, expected a refusal|written differently|ruled differently|: text |relations |actual:")),
    ("check", re.compile(r"refused with \S+ sql\.check|rule is sql\.check")),
    ("proof", re.compile(r"refused with \S+ sql\.proof|rule is sql\.proof")),
    ("refused", re.compile(r"refused with|failed:|rule is|SQLSTATE is")),
    ("facts", re.compile(r".")),
)


def vectors(number):
    """How often each kind of complaint came; {"crash": 1} when the program ended early."""
    try:
        done = subprocess.run([OUT / "policy_test_vectors"], cwd=TREE, env=environment(number), capture_output=True,
                              text=True, errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return {"hang": 1}
    found = collections.Counter()
    blocks = re.split(r"^(?=tests/vectors/)", done.stderr, flags=re.M)
    for block in blocks:
        if block.startswith("tests/vectors/"):
            found[next(kind for kind, pattern in KINDS if pattern.search(block))] += 1
    if done.returncode < 0 or "vectors in" not in done.stdout:
        found["crash"] += 1
    elif done.returncode != 0 and not found:
        found["facts"] += 1
    return dict(found)


def corpus(number, lines, world):
    """The answers to a corpus of statements, or None when the program did not live to the end."""
    try:
        done = subprocess.run([OUT / "rewrite_server", world], cwd=TREE, env=environment(number), input=lines,
                              capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None
    return [json.loads(line)[0] for line in done.stdout.splitlines()] if done.returncode == 0 else None


def differences(answers, right, statements):
    """Statements of which another text was sent, or that were sent and should not have been."""
    for answer, expected, statement in zip(answers, right, statements):
        if answer != expected and "rule" not in answer:
            yield statement, answer, expected


def sample():
    """Every eighth statement of PostgreSQL's own suite."""
    return [text for _, text in suite.read_suite()][::8]


def judge(found):
    for kind in ("sent", "check", "proof", "crash", "hang", "refused", "facts"):
        if found.get(kind):
            return kind
    return "unnoticed"


WORDS = {
    "sent": "sent another text: caught by a vector",
    "check": "caught by the second check before anything was sent",
    "proof": "caught by the proof (parsed again, not equal) before anything was sent",
    "crash": "ended the program: nothing sent",
    "hang": "did not end: nothing sent",
    "refused": "refused what is allowed, or under another rule: nothing leaks",
    "facts": "noticed by a vector in class, tag, relations or splices",
    "unnoticed": "changed nothing in any vector",
}


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutants")
    parser.add_argument("--world", default="tests/regress/world.policy", help="the identity for the corpus")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--every", type=int, default=1, help="every N-th mutant: a sample for the ordinary run")
    parser.add_argument("--only", type=int, help="one mutant: prints what it does")
    options = parser.parse_args()
    planted = plant_all()
    mutants = planted[::options.every]
    build(options.jobs)
    if options.only:
        print(planted[options.only - 1], vectors(options.only))
        return 0
    if vectors(0):
        sys.exit(f"scripts/mutants: without any mutant the vectors fail: {vectors(0)}")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(vectors, [mutant.number for mutant in mutants]))
    verdicts = {mutant: judge(found) for mutant, found in zip(mutants, results)}
    both = sum(1 for found in results if found.get("sent") and (found.get("check") or found.get("proof")))
    holes = []
    unnoticed = [mutant for mutant, verdict in verdicts.items() if verdict == "unnoticed"]
    statements = sample()
    if unnoticed:
        lines = "".join(json.dumps([[0, "simple", text]]) + "\n" for text in statements)
        right = corpus(0, lines, options.world)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            answers = list(pool.map(lambda mutant: corpus(mutant.number, lines, options.world), unnoticed))
        for mutant, answer in zip(unnoticed, answers):
            found = list(differences(answer, right, statements)) if answer is not None else []
            holes += [(mutant, *found[0])] if found else []
    tally = collections.Counter(verdicts.values())
    for kind, words in WORDS.items():
        print(f"{tally[kind]:6}  {words}")
    print(f"{both:6}  of the first were refused by the proof or the second check in other vectors")
    for mutant in unnoticed:
        print(f"unnoticed  {mutant}")
    for mutant, statement, answer, expected in holes:
        print(f"HOLE  {mutant}\n      {statement!r}\n      sent     {answer}\n      expected {expected}")
    WORK.joinpath("result.json").write_text(json.dumps(
        [{"mutant": str(mutant), "verdict": verdict, "found": found}
         for (mutant, verdict), found in zip(verdicts.items(), results)], indent=1))
    caught = len(mutants) - len(unnoticed)
    print(f"{len(mutants)} mutants, {caught} noticed, {len(unnoticed)} unnoticed, {len(holes)} of these sent another text")
    return 1 if holes or len(mutants) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
