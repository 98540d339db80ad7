# SPDX-License-Identifier: Apache-2.0
"""The proofs of scripts/proof with fewer statements (docs/proof.md): equal rows or both refuse, other tenants' rows leave no trace,
the analysed trees hold nothing but what is allowed. And that each proof would notice: the same with a rewriter broken on purpose."""

import pathlib
import random
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/proof")]

import driver  # noqa: E402
import generate  # noqa: E402
import minimise  # noqa: E402
import run  # noqa: E402
import smith  # noqa: E402
import trees  # noqa: E402
import world  # noqa: E402

COUNT, TREES, SMITH, BROKEN = 5_000, 4_000, 1_000, 400
SEED = "ci"


@pytest.fixture(scope="module")
def running():
    with world.opened() as opened:
        yield opened


def proved(running, name, count, **changes):
    options = run.parse_options(["--seed", SEED])
    for key, value in changes.items():
        setattr(options, key, value)
    if name == "smith":
        options.smith = smith.statements(running, count, SEED)
        count = len(options.smith)
    result = run.prove(name, options, running, count)
    run.report(name, result, run.PROOFS[name][1])
    return result


def told(findings):
    return "\n".join(f"{each['class']} {each['proof']} {each['identity']} scripts/proof --only {each['proof']} --show {each['seed']}\n"
                     f"  {each['sql']}\n  {each['sent']}\n  {each['seen']}" for each in findings[:5])


def test_equal_rows_or_both_refuse(running):
    result = proved(running, "differential", COUNT)
    assert not result.findings, told(result.findings)
    assert result.count == COUNT
    assert result.classes["equal"] > COUNT * 0.5, "too few statements mean something"
    assert result.wire > 50
    assert result.classes["timeout"] + result.classes["order"] + result.classes["data error"] < COUNT * 0.01
    masks = sum(number for rule, number in result.rules.items() if rule.startswith("mask."))
    assert result.classes["refused"] - masks + result.classes["lost"] < COUNT * 0.1, "more is refused than a client can bear"


def test_rows_of_others_leave_no_trace(running):
    result = proved(running, "interference", COUNT)
    assert not result.findings, told(result.findings)
    assert result.classes["identical"] > COUNT * 0.4 and result.classes["identical error"] > COUNT * 0.1
    assert result.classes["order"] + result.classes["plan"] + result.classes["timeout"] < COUNT * 0.03


def test_analysed_trees_hold_nothing_but_what_is_allowed(running):
    result = proved(running, "trees", TREES)
    assert not result.findings, told(result.findings)
    assert result.classes["covered"] > TREES * 0.5 > 1_000


@pytest.mark.skipif(shutil.which("sqlsmith") is None, reason="sqlsmith is not installed")
def test_sqlsmith_finds_no_difference(running):
    result = proved(running, "smith", SMITH)
    assert not result.findings, told(result.findings)
    assert result.count > SMITH * 0.9 and result.classes["equal"] > 20


@pytest.mark.parametrize("name, sabotage", [("differential", "predicate"), ("interference", "predicate"), ("interference", "fence"),
                                            ("interference", "mask"), ("differential", "mask")])
def test_a_broken_rewriter_is_noticed(running, name, sabotage):
    result = proved(running, name, BROKEN * (4 if sabotage == "fence" else 1), sabotage=sabotage, through=0)
    assert len(result.findings) >= 3, f"{name} does not notice a rewriter without {sabotage}"


@pytest.mark.parametrize("text, problem", [
    ("select * from shared.secret", "relation"), ("select * from pg_catalog.pg_class", "relation"),
    ("select x from t_globex.orders x", "relation"), ("select (select count(*) from shared.secret) from t_acme.orders", "relation"),
    ("with w as (select * from t_globex.orders) select 1 from w", "relation"),
    ("select pg_catalog.set_config('a.b', 'c', true)", "function"), ("select pg_catalog.pg_sleep(0)", "function"),
    ("select o.code from t_acme.orders o where pg_catalog.query_to_xml('select 1', true, true, '') is null", "function"),
    ("select 'pg_class'::pg_catalog.regclass", "type"), ("select pg_catalog.array_agg(null::pg_catalog.regtype)", "type"),
    ("select * from pg_catalog.pg_ls_dir('.')", "function"), ("select coalesce(null::pg_catalog.regrole, 10)", "type"),
])
def test_the_reader_of_trees_finds_what_must_not_be_there(running, text, problem):
    running.server.execute("create table if not exists shared.secret (id int)", dbname="bi")
    worlds = driver.Worlds(running)
    try:
        verdict, seen = trees.Trees(worlds).judge(generate.Statement(text), ("acme", "plain"), {"text": text})
    finally:
        worlds.close()
    assert verdict.startswith(f"FINDING {problem}"), (verdict, seen)


def test_the_same_seed_makes_the_same_statements():
    once = [generate.statement("a", index, flavour) for index in range(200) for flavour in ("equal", "oracle")]
    random.seed(0)
    assert once == [generate.statement("a", index, flavour) for index in range(200) for flavour in ("equal", "oracle")]
    assert len({each.text for each in once}) > 390
    assert generate.statement("b", 0) != generate.statement("a", 0)


def test_a_finding_is_made_shorter():
    text = "SELECT a, (b + (c * 2)) FROM t WHERE x = 'it''s (' AND needle > 3 ORDER BY 1"
    assert minimise.shortened(text, lambda some: "needle" in some) == "needle"
