# SPDX-License-Identifier: Apache-2.0
"""Evidence packs of a log that rowgate is writing: psql works for two tenants, logs in wrongly, is denied, the policies
are reloaded. What the packs say is compared with an independent count over the segments; the proofs are checked by
Python; then somebody tampers with the log."""

import base64
import collections
import gzip
import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import stack as stacks

ROOT = pathlib.Path(__file__).resolve().parents[2]
CRITERIA = ["CC6.1", "CC6.2", "CC6.3", "CC6.6", "CC6.7", "CC7.1", "CC7.2", "CC7.3", "CC7.4", "CC8.1", "A1.1", "A1.2", "A1.3", "C1.1", "C1.2"]
HOSTILE = '<script>alert(1)</script>](javascript:alert(1))|`x`'
REFUSED, TROUBLE = 1, 6


def evidence(log, folder, criterion="CC6.1", since="1d", until="2099-01-01", *options):
    return subprocess.run([str(stacks.binary()), "audit", "evidence", "--criterion", criterion, "--from", since, "--to", until,
                           "-o", str(folder), *map(str, options), str(log)], capture_output=True, text=True, timeout=300)


def rg(record):
    return record["unmapped"]["rg"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A log, closed, with a pack of all criteria and one of CC6.1, made while rowgate ran."""
    made = tmp_path_factory.mktemp("evidence")
    with stacks.Stack() as stack:
        for tenant, times in (("acme", 5), ("globex", 3)):
            for number in range(times):
                done = stack.psql("-c", f"select count(*) as n{number} from sales.orders", tenant=tenant)
                assert done.returncode == 0, done.stderr
        for number in range(4):
            assert stack.psql("-c", f"select {number} from t_globex.orders").returncode != 0
        for user in ("mallory", HOSTILE):
            assert stack.psql("-c", "select 1", PGUSER=user, PGPASSWORD="no token").returncode != 0
        stack.query(f"select '{'long ' * 30000}' is null", tenant="acme")
        start = stack.rowgate.log_path.stat().st_size
        stack.rowgate.config.write_text(stack.config_text().replace("statement_timeout = \"60s\"", "statement_timeout = \"61s\""))
        stack.rowgate.signal(signal.SIGHUP)
        stacks.wait_for(lambda: stack.rowgate.event("policy.reloaded", start), "the reload")
        assert stack.psql("-c", "select 1").returncode == 0
        live = evidence(stack.audit, made / "live", "all")
        assert live.returncode == 0, live.stderr
        made.joinpath("live.txt").write_text(live.stdout + live.stderr)
        assert stack.rowgate.stop() == 0
        shutil.copytree(stack.audit, made / "log")
    made.joinpath("root.vkey").write_bytes((made / "log/keys/root.vkey").read_bytes())
    done = evidence(made / "log", made / "pack", "all", "1d", "2099-01-01", "--root", made / "root.vkey", "--unrecorded")
    assert done.returncode == 0, done.stderr
    return made


def segments(log):
    for path in sorted((log / "seg").glob("*.jsonl")):
        for line in path.read_bytes().rstrip(b"\0").split(b"\n")[:-1]:
            yield line


def population(pack, criterion=None):
    directory = pack / criterion if criterion else pack
    packed = directory / "population.jsonl.gz"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else (directory / "population.jsonl").read_bytes()
    return data.split(b"\n")[:-1]


def manifest(pack):
    return json.loads((pack / "manifest.json").read_text())


SELECTED = {  # of these by hand; of the others what the manifest says
    "CC6.1": ("login", "login.failed", "logout", "session.revoke", "policy.loaded", "policy.refused"),
    "CC6.3": ("policy.loaded", "policy.refused", "denied"),
    "CC6.6": ("login.failed", "process.misbehaved", "denied"),
    "CC8.1": ("policy.loaded", "policy.refused", "key.rotate", "log.started"),
    "A1.3": ("log.started", "log.stopped", "log.recovered", "log.fault", "process.died"),
    "C1.2": ("pii.erase", "retention.prune", "hold.place", "hold.release"),
}


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_population_is_what_an_independent_count_finds(world, criterion):
    wanted, taken = [], False
    entry = next(entry for entry in manifest(world / "pack")["populations"] if entry["criterion"] == criterion)
    kinds = {*entry["selected_kinds"], *(["denied"] if entry["selected_denied_statements"] else [])}
    assert kinds == set(SELECTED.get(criterion, kinds))
    for line in segments(world / "log"):
        record = rg(json.loads(line))
        if record["kind"] != "part":
            kind = "denied" if record.get("verdict") == "denied" and record["kind"] == "statement" else record["kind"]
            taken = kind in kinds
        if taken:
            wanted.append(line)
    assert population(world / "pack", criterion) == wanted
    assert entry["lines"] == len(wanted)
    assert entry["records"] == sum(rg(json.loads(line))["kind"] != "part" for line in wanted)
    assert entry["bytes"] == sum(len(line) + 1 for line in wanted)


def cells(text, title):
    """The rows of the table under a heading of a summary.md."""
    part = text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip().strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`").replace(",", "") for cell in row] for row in rows[2:]]


def test_the_tables_are_what_an_independent_count_finds(world):
    users, classes, rules, moved, days = (collections.Counter() for _ in range(5))
    denied, statements = 0, 0
    for line in segments(world / "log"):
        record = json.loads(line)
        found = rg(record)
        if found["kind"] in ("login", "login.failed"):
            days[found["kind"]] += 1
        if found["kind"] != "statement":
            continue
        if found["phase"] != "outcome":
            statements += 1
            denied += found["verdict"] == "denied"
            classes[found.get("class", "(not classified)")] += 1
            rules[found.get("rule") or record.get("policy", {}).get("uid") or "(no rule)"] += 1
            users[found["tenant"]] += 1
        if found["phase"] != "decision":
            moved["rows"] += found["rows"]
            moved["bytes"] += found["bytes"]
    text = (world / "pack/CC6.3/summary.md").read_text()
    assert {row[0]: int(row[1]) for row in cells(text, "Statements by class")} == classes
    assert {row[0]: int(row[2]) for row in cells(text, "Statements by the rule that decided")} == rules
    found = collections.Counter()
    for row in cells(text, "Statements by user"):
        found[row[0].split(" / ")[0]] += int(row[1])
    assert found == users
    assert f"{statements} statements were decided, {denied} of them denied." in text and denied == 4
    text = (world / "pack/CC6.7/summary.md").read_text()
    rows = cells(text, "Data that left through statements, day by day (UTC)")
    assert (sum(int(row[1]) for row in rows), sum(int(row[2]) for row in rows)) == (moved["bytes"], moved["rows"])
    text = (world / "pack/CC6.1/summary.md").read_text()
    rows = cells(text, "Log-ins, day by day (UTC)")
    assert (sum(int(row[1]) for row in rows), sum(int(row[2]) for row in rows)) == (days["login"], days["login.failed"])
    assert days["login.failed"] == 2
    assert len(cells(text, "Policies in force")) == 2


# ---- the proof, by RFC 6962 alone ----

def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        return hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node(tree_root(leaves[:split]), tree_root(leaves[split:]))


def consistent(first, second, proof, first_root, second_root):
    """RFC 9162 2.1.4.2."""
    if first == second:
        return not proof and first_root == second_root
    if first & (first - 1) == 0:
        proof = [first_root, *proof]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for hash_ in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(hash_, fr), node(hash_, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, hash_)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


@pytest.mark.parametrize("pack", ["pack", "live"])
def test_the_range_is_proven(world, pack):
    told = manifest(world / pack)
    leaves = [hashlib.sha256(b"\0" + line).digest() for line in segments(world / "log")]
    span, checkpoint = told["range"], told["checkpoint"]
    note = (world / pack / "checkpoint.note").read_text().split("\n")
    assert (int(note[1]), base64.b64decode(note[2]).hex()) == (checkpoint["size"], checkpoint["root"])
    assert checkpoint["root"] == tree_root(leaves[:checkpoint["size"]]).hex()
    assert span["records"] == span["last"] - span["first"] + 1 and span["missing"] == 0
    for name, size in (("tree_before", span["first"]), ("tree_with", span["last"] + 1)):
        root = span[name]
        assert root["size"] == size and root["root"] == tree_root(leaves[:size]).hex()
        proof = [bytes.fromhex(hash_) for hash_ in root["consistency_with_checkpoint"]]
        assert size == 0 or consistent(size, checkpoint["size"], proof, bytes.fromhex(root["root"]), bytes.fromhex(checkpoint["root"]))
    for segment in told["segments"]:
        data = (world / "log" / segment["file"]).read_bytes()[:segment["bytes"]]
        assert hashlib.sha256(data).hexdigest() == segment["sha256"]


@pytest.mark.parametrize("pack", ["pack", "live"])
def test_the_folder_is_whole(world, pack):
    folder = world / pack
    done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    sums = (folder / "SHA256SUMS").read_bytes()
    told = manifest(folder)
    assert hashlib.sha256(sums).hexdigest() == told["digest"]
    listed = {line.split("  ", 1)[1] for line in sums.decode().splitlines()}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == listed | {"SHA256SUMS", "manifest.json"}
    assert {entry["path"] for entry in told["files"]} == listed
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == sorted(CRITERIA)
    assert not list(world.glob("*.new-*"))


def test_the_log_names_the_pack_that_was_made(world):
    told = manifest(world / "live")
    line = next(line for line in segments(world / "log") if rg(json.loads(line))["kind"] == "log.exported")
    record = rg(json.loads(line))
    assert int(record["seq"]) == told["recorded"]
    assert record["object"] == f"evidence all sha256:{told['digest']}"
    assert (record["first_seq"], record["last_seq"]) == (told["range"]["first"], told["range"]["last"])
    assert manifest(world / "pack")["recorded"] is None


# ---- what is shown is not what was sent ----

class Page(html.parser.HTMLParser):
    """Everything that could load or run something."""

    def __init__(self):
        super().__init__()
        self.bad, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        if tag in ("script", "iframe", "object", "embed", "link", "base", "form", "img", "image", "use", "a"):
            self.bad.append(tag)
        self.bad += [name for name, value in attributes
                     if name.startswith("on") or name in ("href", "src", "xlink:href") or "javascript:" in (value or "").lower()
                     or ("http" in (value or "") and name != "xmlns")]
        del names

    def handle_data(self, data):
        self.text += data


def test_hostile_names_stay_text(world):
    pages = list((world / "pack").rglob("summary.html"))
    assert len(pages) == len(CRITERIA) + 1
    seen = 0
    for path in pages:
        page = Page()
        page.feed(path.read_text())
        page.close()
        assert not page.bad, (path, page.bad)
        seen += "<script>alert(1)" in page.text
    assert seen >= 2  # it is shown, as text
    for path in (world / "pack").rglob("summary.md"):
        text = path.read_text()
        assert "<" not in text and "](" not in text
        for line in text.splitlines():
            if "alert(1)" in line:
                assert re.search(r"`[^`]*alert\(1\)[^`]*`", line)


# ---- narrower questions ----

def test_a_tenants_pack_has_nothing_of_the_other(world, tmp_path):
    for tenant, other in (("acme", "globex"), ("globex", "acme")):
        done = evidence(world / "log", tmp_path / tenant, "CC7.4", "1d", "2099-01-01", "--tenant", tenant, "--unrecorded")
        assert done.returncode == 0, done.stderr
        wanted = [line for line in segments(world / "log") if rg(json.loads(line)).get("tenant") == tenant]
        got = [line for line in population(tmp_path / tenant) if rg(json.loads(line)).get("tenant")]
        assert got == wanted and len(wanted) > 5
        text = (tmp_path / tenant / "summary.md").read_text()
        assert f"`{tenant}`" in text and f"`{other} /" not in text and "mallory" not in text


def test_a_period_is_a_stretch_of_numbers(world, tmp_path):
    lines = list(segments(world / "log"))
    times = [rg(json.loads(line))["hlc"] for line in lines]
    first, last = len(lines) // 3, 2 * len(lines) // 3

    def text(us):
        import datetime
        return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)).isoformat(timespec="microseconds") + "Z"
    done = evidence(world / "log", tmp_path / "pack", "CC6.1", text(times[first]), text(times[last]), "--unrecorded")
    assert done.returncode == 0, done.stderr
    told = manifest(tmp_path / "pack")
    assert (told["range"]["first"], told["range"]["last"]) == (first, last - 1)
    text_ = (tmp_path / "pack/summary.md").read_text()
    assert "in force when the period began" in text_
    empty = evidence(world / "log", tmp_path / "empty", "CC6.1", "2001-01-01", "2001-02-01", "--unrecorded")
    assert empty.returncode == 0, empty.stderr
    assert manifest(tmp_path / "empty")["range"]["records"] == 0
    assert "no record of this period" in (tmp_path / "empty/summary.md").read_text()
    assert population(tmp_path / "empty") == []


# ---- what gets no evidence ----

def test_a_log_that_does_not_verify_gives_no_pack(world, tmp_path):
    log = tmp_path / "log"
    shutil.copytree(world / "log", log)
    path = sorted((log / "seg").glob("*.jsonl"))[0]
    data = bytearray(path.read_bytes())
    at = data.index(b'"kind":"login.failed"')
    data[data.index(b"mallory", at)] = ord("M")
    path.write_bytes(data)
    bad = data[:at].count(b"\n")
    done = evidence(log, tmp_path / "pack", "CC6.1", "1d", "2099-01-01", "--unrecorded")
    assert done.returncode == REFUSED and "does not verify" in done.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["log"]
    done = evidence(log, tmp_path / "pack", "CC6.1", "1d", "2099-01-01", "--unrecorded", "--despite-findings")
    assert done.returncode == 0 and "NOT verify" in done.stderr
    for name in ("summary.md", "summary.html"):
        text = (tmp_path / "pack" / name).read_text()
        assert "THIS LOG DOES NOT VERIFY" in (text.splitlines()[0] if name.endswith("md") else text.split("<h1>")[0])
    assert all(int(rg(json.loads(line))["seq"]) < bad for line in population(tmp_path / "pack"))
    told = manifest(tmp_path / "pack")
    assert told["result"] == "altered" and told["range"]["last"] == bad - 1
    assert "FINDING" in (tmp_path / "pack/verify.txt").read_text()


def test_a_foreign_root_key_gives_no_pack(world, tmp_path):
    made = subprocess.run([str(stacks.binary()), "audit", "keys", "init", "--epochs", "2", "--root-key", str(tmp_path / "key"), "--origin",
                           "test/audit/node/1", str(tmp_path / "other")], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    done = evidence(world / "log", tmp_path / "pack", "CC6.1", "1d", "2099-01-01", "--root", tmp_path / "other/keys/root.vkey")
    assert done.returncode == REFUSED, done.stderr
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize("arguments", [
    ("pack", "CC9.9", "1d", "2099-01-01"), ("pack", "", "1d", "2099-01-01"), ("pack", "CC6.1", "2026-02-01", "2026-01-01"),
    ("pack", "CC6.1", "yesterday", "2099-01-01"), ("missing/pack", "CC6.1", "1d", "2099-01-01"), ("there", "CC6.1", "1d", "2099-01-01"),
    ("there/link", "CC6.1", "1d", "2099-01-01")])
def test_wrong_questions_leave_nothing_behind(world, tmp_path, arguments):
    tmp_path.joinpath("there").mkdir()
    tmp_path.joinpath("there/link").symlink_to("nowhere")
    done = evidence(world / "log", tmp_path / arguments[0], *arguments[1:], "--unrecorded")
    assert done.returncode == TROUBLE and done.stderr
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["there", "there/link"]


def test_a_kill_leaves_no_pack_under_its_name(world, tmp_path):
    for delay in range(1, 12):
        process = subprocess.Popen([str(stacks.binary()), "audit", "evidence", "--criterion", "all", "--from", "1d", "--to", "2099-01-01",
                                    "--unrecorded", "-o", str(tmp_path / "pack"), str(world / "log")],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=delay * 0.05)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        if (tmp_path / "pack").exists():
            assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "pack", capture_output=True).returncode == 0
            assert (tmp_path / "pack/manifest.json").exists()
            shutil.rmtree(tmp_path / "pack")
