# SPDX-License-Identifier: Apache-2.0
"""A tenant's trail and the proof of a record, of a log that rowgate is writing: two tenants work through psql, each gets
its own, and checks it on an empty machine with four programs, three of which share no code with rowgate. Then the files
are tampered with, and all four refuse."""

import json
import os
import pathlib
import re
import subprocess

import pytest

import gotool
import stack as stacks

ROOT = pathlib.Path(__file__).resolve().parents[2]
WITHOUT = ROOT / "docs/verify-without-rowgate"
ALTERED, TRUNCATED, INCOMPLETE, USAGE = 1, 2, 4, 6


def rowgate_check(root, file, keys=None):
    return [stacks.binary(), "audit", "verify", "--root", root, *(["--keys", keys] if keys else []), file]


def python_check(root, file, keys=None):
    return ["/usr/bin/python3", WITHOUT / "trail.py", "--root", root, *(["--keys", keys] if keys else []), file]


def shell_check(root, file, keys=None):
    return ["sh", WITHOUT / "trail.sh", "--root", root, *(["--keys", keys] if keys else []), file]


def go_check(root, file, keys=None):
    line = pathlib.Path(root).read_text().strip()
    return [gotool.build(ROOT / "tests/verifiers/go"), "--root", line, *(["--keys", keys] if keys else []), file]


CHECKS = [pytest.param(rowgate_check, id="rowgate"), pytest.param(python_check, id="python"),
          pytest.param(shell_check, id="shell"), pytest.param(go_check, id="go", marks=pytest.mark.external)]


def run(command, where):
    """In an empty environment and directory: nothing of the log can help."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(where)}
    return subprocess.run([str(part) for part in command], cwd=where, env=environment, capture_output=True, text=True, timeout=300)


def audit(*arguments):
    return subprocess.run([str(stacks.binary()), "audit", *map(str, arguments)], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    """What the operator made while rowgate ran, and the log's own lines for the tests to compare with."""
    made = tmp_path_factory.mktemp("handed")
    with stacks.Stack() as stack:
        log = stack.directory / "audit"
        for part in range(3):
            for tenant in ("acme", "globex"):
                done = stack.psql("-c", f"select count(*) as {tenant}_{part} from sales.orders", tenant=tenant)
                assert done.returncode == 0, done.stderr
        stack.query(f"select '{'long ' * 30000}' is null", tenant="acme")
        stacks.wait_for(lambda: export(log, "acme", made / "probe", "--unrecorded").returncode == 0
                        and b"long long" in (made / "probe").read_bytes(), "a checkpoint over the statements")
        for tenant in ("acme", "globex"):
            done = export(log, tenant, made / f"{tenant}.trail")
            assert done.returncode == 0 and "no record" not in done.stderr, done.stderr
        records = list(stack.audit_records())
        long_one = next(rg(record)["seq"] for record in records if rg(record).get("part") == "1/2" or re.match("1/", rg(record).get("part", "")))
        made.joinpath("long").write_text(long_one)
        assert audit("prove", "-o", made / "long.proof", "--with-keys", long_one, log).returncode == 0
        assert audit("prove", "-o", made / "five.proof", "5", log).returncode == 0
        made.joinpath("root.vkey").write_bytes((log / "keys/root.vkey").read_bytes())
        made.joinpath("list.note").write_bytes((log / "keys/list-00000000.note").read_bytes())
        exported = [rg(record) for record in stack.audit_records() if rg(record)["kind"] == "log.exported"]
        made.joinpath("records.json").write_text(json.dumps(records))
        made.joinpath("exported.json").write_text(json.dumps(exported))
        assert stack.rowgate.stop() == 0
        assert stack.audit_verify().returncode == 0
    return made


def export(log, tenant, file, *options):
    file.unlink(missing_ok=True)
    return audit("export", "--tenant", tenant, "-o", file, *options, log)


def rg(record):
    return record["unmapped"]["rg"]


@pytest.mark.parametrize("tenant", ["acme", "globex"])
@pytest.mark.parametrize("check", CHECKS)
def test_a_tenant_checks_its_trail_with_nothing_but_the_root_key(handed_out, tmp_path, check, tenant):
    for name in (f"{tenant}.trail", "root.vkey"):
        tmp_path.joinpath(name).write_bytes(handed_out.joinpath(name).read_bytes())
    done = run(check(tmp_path / "root.vkey", tmp_path / f"{tenant}.trail"), tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"tenant {tenant}" in done.stdout.replace('"', "")


def test_a_trail_has_all_of_the_tenant_and_nothing_of_the_other(handed_out):
    records = json.loads(handed_out.joinpath("records.json").read_text())
    for tenant, other in (("acme", "globex"), ("globex", "acme")):
        text = handed_out.joinpath(f"{tenant}.trail").read_text()
        held = [json.loads(line) for line in text.splitlines() if line.startswith('{"unmapped"') and f'"tenant":"{tenant}"' in line]
        wanted = [record for record in records if rg(record).get("tenant") == tenant]
        assert [rg(record)["seq"] for record in held[:len(wanted)]] == [rg(record)["seq"] for record in wanted[:len(held)]]
        assert len(held) > 3
        assert other not in text and stacks.TENANTS[other] not in text
        for record in records:
            if rg(record).get("tenant") == other:
                values = [rg(record).get("session"), record["metadata"]["uid"], *map(str, record.get("src_endpoint", {}).values())]
                values = [value for value in values if value and len(value) > 4 and value != "127.0.0.1"]
                assert not [value for value in values if f'"{value}' in text]


def test_the_log_says_who_took_what(handed_out):
    exported = json.loads(handed_out.joinpath("exported.json").read_text())
    assert [record["object"] for record in exported] == ["trail", "trail", "proof", "proof"]
    assert [record.get("about_tenant") for record in exported] == ["acme", "globex", None, None]
    assert all(record.get("operator") for record in exported)


@pytest.mark.parametrize("check", CHECKS)
def test_a_proof_holds(handed_out, tmp_path, check):
    root = handed_out / "root.vkey"
    for name, keys in (("long.proof", None), ("five.proof", handed_out / "list.note")):
        done = run(check(root, handed_out / name, keys), tmp_path)
        assert done.returncode == 0, done.stderr
    assert run(check(root, handed_out / "five.proof"), tmp_path).returncode == INCOMPLETE


def test_the_proof_is_small(handed_out):
    text = handed_out.joinpath("five.proof").read_text()
    line = next(line for line in text.splitlines() if line.startswith('{"unmapped"'))
    assert len(text) - len(line) - 1 < 2500


# ---- tampering ----

def lines_of(path):
    return path.read_bytes().split(b"\n")[:-1]


def at(lines, word, start=0):
    return next(number for number in range(start, len(lines)) if lines[number].startswith(word))


def announce(lines, more):
    number = at(lines, b"records ")
    lines[number] = b"records %d" % (int(lines[number].split()[1]) + more)


def drop_first(lines, _):
    del lines[at(lines, b"records ") + 1]
    announce(lines, -1)


def drop_middle(lines, _):
    del lines[at(lines, b"records ") + 3]
    announce(lines, -1)


def drop_last(lines, _):
    del lines[at(lines, b"first ") - 1]
    announce(lines, -1)


def edit(lines, _):
    number = at(lines, b"records ") + 2
    lines[number] = lines[number].replace(b'"severity_id":1', b'"severity_id":2')


def take_another_tenants_head(lines, other):
    source, target = at(other, b"head ", at(other, b"end ")), at(lines, b"head ", at(lines, b"end "))
    lines[target] = other[source]


def change_salt(lines, _):
    number = at(lines, b"salt ")
    lines[number] = b"salt " + (b"B" if lines[number][5:6] == b"A" else b"A") + lines[number][6:]


def take_another_tenants_salt(lines, other):
    lines[at(lines, b"salt ")] = other[at(other, b"salt ")]


def no_salt(lines, _):
    del lines[at(lines, b"salt ")]


def rename(lines, _):
    lines[2] = b"tenant globex"


def mix(lines, other):
    number = at(lines, b"records ") + 1
    lines.insert(number, other[at(other, b"records ") + 1])
    announce(lines, 1)


def surplus(lines, _):
    lines.append(b"")


def carriage_returns(lines, _):
    lines[:] = [line + b"\r" for line in lines]


def no_keys(lines, _):
    start = at(lines, b"list ")
    del lines[start:start + 1 + int(lines[start].split()[1])]


def other_signature(lines, _):
    number = at(lines, "\u2014".encode(), at(lines, b"checkpoint "))
    lines[number] = lines[number][:-8] + b"AAAAAAA="


def shorter_proof(lines, _):
    number = at(lines, b"last ")
    lines[number] = b"last %d" % (int(lines[number].split()[1]) - 1)
    lines.pop()


def too_many(lines, _):
    lines[at(lines, b"records ")] = b"records 9223372036854775808"


def cut_off(lines, _):
    del lines[at(lines, b"last "):]


TRAIL_ATTACKS = [(drop_first, INCOMPLETE), (drop_middle, INCOMPLETE), (drop_last, TRUNCATED), (edit, ALTERED),
                 (take_another_tenants_head, ALTERED), (change_salt, ALTERED),
                 (take_another_tenants_salt, ALTERED), (no_salt, ALTERED), (rename, ALTERED), (mix, ALTERED), (surplus, ALTERED), (carriage_returns, ALTERED),
                 (no_keys, INCOMPLETE), (other_signature, ALTERED), (shorter_proof, ALTERED), (too_many, ALTERED), (cut_off, TRUNCATED)]


@pytest.mark.parametrize("attack,status", TRAIL_ATTACKS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("check", CHECKS)
def test_a_trail_that_was_tampered_with_is_refused(handed_out, tmp_path, check, attack, status):
    lines = lines_of(handed_out / "acme.trail")
    attack(lines, lines_of(handed_out / "globex.trail"))
    tmp_path.joinpath("trail").write_bytes(b"".join(line + b"\n" for line in lines))
    done = run(check(handed_out / "root.vkey", tmp_path / "trail"), tmp_path)
    assert done.returncode == status, done.stdout + done.stderr


def move_index(lines, _):
    number = at(lines, b"index ")
    lines[number] = b"index %d" % (int(lines[number].split()[1]) + 1)


def other_line(lines, _):
    number = at(lines, b"records ") + 1
    lines[number] = lines[number].replace(b'"prev":"', b'"prev":"A', 1)[:len(lines[number])]


def miss_a_part(lines, _):
    del lines[at(lines, b"c2sp.org/") - 1]
    announce(lines, -1)


def miss_the_first_part(lines, _):
    del lines[at(lines, b"records ") + 1]
    announce(lines, -1)


def lose_a_hash(lines, _):
    del lines[at(lines, b"index ") + 1]


def swap_hashes(lines, _):
    number = at(lines, b"index ") + 1
    lines[number:number + 2] = lines[number + 1], lines[number]


def append(lines, _):
    lines.append(b"x")


def index_of_2_to_63(lines, _):
    lines[at(lines, b"index ")] = b"index 9223372036854775808"


def no_checkpoint(lines, _):
    del lines[at(lines, b"", at(lines, b"index ")) + 1:]
    while lines[-1] != b"":
        lines.pop()


PROOF_ATTACKS = [(move_index, ALTERED), (other_line, ALTERED), (miss_a_part, INCOMPLETE), (miss_the_first_part, INCOMPLETE),
                 (lose_a_hash, ALTERED), (swap_hashes, ALTERED), (append, ALTERED), (index_of_2_to_63, ALTERED), (carriage_returns, ALTERED)]


@pytest.mark.parametrize("attack,status", PROOF_ATTACKS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("check", CHECKS)
def test_a_proof_that_was_tampered_with_is_refused(handed_out, tmp_path, check, attack, status):
    lines = lines_of(handed_out / "long.proof")
    attack(lines, None)
    tmp_path.joinpath("proof").write_bytes(b"".join(line + b"\n" for line in lines))
    done = run(check(handed_out / "root.vkey", tmp_path / "proof"), tmp_path)
    assert done.returncode == status, done.stdout + done.stderr


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """The attacks of tests/vectors/audit/trail_attacks.h and proof_attacks.h, and a signed lie about a salt, as files that say
    their exit status."""
    programs = [pathlib.Path(stacks.binary()).resolve().parent / name for name in ("audit_test_trail_attacks", "audit_test_trail_secrets")]
    if not all(program.exists() for program in programs):
        pytest.skip("the unit tests are not built")
    directory = tmp_path_factory.mktemp("vectors")
    for program in programs:
        subprocess.run([str(program)], env={**os.environ, "RG_TRAIL_VECTORS": str(directory)}, check=True, capture_output=True, timeout=300)
    return directory


@pytest.mark.parametrize("check", [pytest.param(python_check, id="python"),
                                   pytest.param(go_check, id="go", marks=pytest.mark.external)])
def test_agrees_with_rowgate_on_every_attack(vectors, tmp_path, check):
    files = sorted(vectors.glob("*.trail"))
    answers = {file.name: run(check(vectors / "root.vkey", file), tmp_path).returncode for file in files}
    assert len(files) > 80
    assert {name: answer for name, answer in answers.items() if f"exit{answer}." not in name} == {}


# ---- using it ----

def test_says_what_is_proven_and_what_is_not(handed_out):
    done = audit("verify", "--root", handed_out / "root.vkey", handed_out / "acme.trail")
    assert re.search(r'Proven: these \d+ records are all records of tenant "acme" from its very first one to 20', done.stdout)
    assert "Not proven:" in done.stdout
    told = json.loads(audit("verify", "--json", "--root", handed_out / "root.vkey", handed_out / "acme.trail").stdout)
    assert told["result"] == "intact" and told["tenant"] == "acme" and told["records"] > 3 and told["what"] == "trail"


@pytest.mark.parametrize("arguments", [
    (["acme.trail"]),                                      # no root key
    (["--root", "nonsense", "acme.trail"]),
    (["--root", "root.vkey", "--strict", "acme.trail"]),
    (["--root", "root.vkey", "--since", "root.vkey", "acme.trail"]),
    (["--root", "root.vkey", "root.vkey"]),                # neither a trail nor a proof
    (["--root", "root.vkey", "--keys", "absent", "five.proof"]),
], ids=lambda arguments: "_".join(arguments))
def test_refuses_a_wrong_question(handed_out, arguments):
    done = subprocess.run([str(stacks.binary()), "audit", "verify", *arguments], cwd=handed_out, capture_output=True, text=True)
    assert done.returncode == USAGE and done.stderr


@pytest.mark.parametrize("arguments", [
    ["export", "."], ["export", "--tenant", "acme", "absent"], ["export", "--tenant", "acme", "--since", "yesterday", "."],
    ["prove", "."], ["prove", "x", "."], ["prove", "1", "absent"], ["export", "--tenant", "acme", "-o", "root.vkey", "."],
], ids="_".join)
def test_makes_nothing_of_a_wrong_order(handed_out, arguments):
    before = sorted(handed_out.iterdir())
    done = subprocess.run([str(stacks.binary()), "audit", *arguments], cwd=handed_out, capture_output=True, text=True)
    assert done.returncode == USAGE and done.stderr and not done.stdout
    assert sorted(handed_out.iterdir()) == before
