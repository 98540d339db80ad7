# SPDX-License-Identifier: Apache-2.0
"""check, test and explain as people and programs meet them: the real binary on files, no database."""
import json
import os
import pathlib
import pty
import subprocess

import pytest

BIN = os.environ["ROWGATE_BIN"]
DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "config"

BASE = """version = 1
[tls.public]
certificate = "cert.pem"
private_key = "file:key.pem"
[upstreams.pool]
kind = "pgbouncer"
dsn = "host=127.0.0.1 port=6432 dbname=bi user=rg"
[[listeners]]
name = "sql"
plane = "sql"
listen = "127.0.0.1:0"
tls = "public"
[idp.main]
type = "oidc"
issuer = "https://login.example.com/bi"
audience = ["rowgate"]
[audit]
directory = "audit"
[claims]
tenant_id = { type = "text", required = true }
regions = { type = "text[]", max = 8 }
[[tenants]]
id = "acme"
match = { idp = "main", claim = "tenant_id", value = "acme" }
route = { upstream = "pool", schemas = { sales = "t_acme", extra = "t_acme_extra" }, limits = "small" }
[[tenants]]
id = "globex"
match = { idp = "main", claim = "tenant_id", value = "globex" }
route = { upstream = "pool", schemas = { sales = "t_globex" } }
frozen = true
[limits]
small = { rows = 1_000 }
[functions]
allow = ["pg_catalog.date_bin"]
deny = ["pg_catalog.lower"]
[[policies]]
name = "own"
on = ["sales.*", "extra.*"]
for = ["select"]
isolation = "schema"
[[policies]]
name = "events"
on = ["shared.events"]
for = ["select"]
using = "tenant_id = :tenant_id and region = any(:regions)"
[[policies]]
name = "only_globex"
on = ["shared.secret"]
for = ["select"]
to = ["globex"]
using = "tenant_id = :tenant_id"
"""

TESTS = """[[tests]]
name = "own rows"
as = { tenant = "acme", claims = { regions = ["emea"] } }
sql = "select count(*) from shared.events"
expect = "rewrite"
contains = ["'acme'", "'emea'"]
lacks = ["globex"]
[[tests]]
name = "not theirs"
as = { tenant = "acme" }
sql = "select * from shared.secret"
expect = "deny"
rule = "relation.not_allowed"
"""

RELATIONS = json.dumps({
    "version": 1, "server": 150020, "operators": [["=", "text", "text"]],
    "relations": [
        {"schema": "shared", "name": "events", "kind": "r", "columns": [["id", "int4"], ["tenant_id", "text"]],
         "parents": [], "reads": []},
        {"schema": "shared", "name": "lonely", "kind": "r", "columns": [["id", "int4"]], "parents": [], "reads": []},
    ]})


@pytest.fixture
def folder(tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    (tmp_path / "relations.json").write_text(RELATIONS)
    return tmp_path


def write(folder, *parts):
    (folder / "a.toml").write_text("".join(parts))


def line_of(folder, text):
    return (folder / "a.toml").read_text().split("\n").index(text) + 1


def run(folder, *arguments, text="", env=None):
    return subprocess.run([BIN, *arguments], cwd=folder, input=text, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {})})


def objects(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def explain(folder, sql, *more, user="alice@acme", **options):
    return run(folder, "explain", "-c", "a.toml", "--as", user, *more, sql, **options)


# ---- test ----

def test_tests_that_pass_are_one_line_each_and_a_summary(folder):
    write(folder, BASE, TESTS)
    result = run(folder, "test", "-c", "a.toml")
    place = line_of(folder, 'name = "own rows"') - 1
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.splitlines()[0] == f"ok      a.toml:{place}:1: own rows"
    assert result.stdout.splitlines()[-1] == "a.toml: 2 passed, 0 failed"


def test_a_failed_test_says_what_was_expected_and_what_came(folder):
    write(folder, BASE, TESTS.replace('lacks = ["globex"]', 'lacks = ["acme"]').replace("relation.not_allowed", "x.y"))
    result = run(folder, "test", "-c", "a.toml")
    assert result.returncode == 1
    assert result.stdout.count("FAILED") == 2
    for part in ("expected  a text without: acme", "came      allowed, rewritten", "sent      select pg_catalog.count(*)",
                 "expected  a refusal by rule x.y", "denied by rule relation.not_allowed", "0 passed, 2 failed"):
        assert part in result.stdout, part


def test_names_choose_and_unknown_names_are_trouble(folder):
    write(folder, BASE, TESTS)
    assert run(folder, "test", "-c", "a.toml", "own rows").stdout.endswith("1 passed, 0 failed\n")
    result = run(folder, "test", "-c", "a.toml", "own row")
    assert result.returncode == 2 and 'no test is named "own row"' in result.stderr and result.stdout == ""


def test_json_is_one_object_per_test_and_a_summary(folder):
    write(folder, BASE, TESTS)
    lines = objects(run(folder, "test", "-c", "a.toml", "--json"))
    assert [line["type"] for line in lines] == ["test", "test", "summary"]
    assert lines[0]["name"] == "own rows" and lines[0]["passed"] is True and lines[0]["place"]["file"] == "a.toml"
    assert "'emea'" in lines[0]["sent"] and lines[1]["sent"] == ""
    assert lines[2] == {"type": "summary", "passed": 2, "failed": 0}


def test_no_tests_are_a_warning_and_exit_0(folder):
    write(folder, BASE)
    result = run(folder, "test", "-c", "a.toml")
    assert result.returncode == 0 and "warning" in result.stderr and "0 passed" in result.stdout


def test_a_name_with_escape_sequences_does_not_reach_the_terminal(folder):
    write(folder, BASE, TESTS.replace('"own rows"', '"own\\u001b[2Jrows"'))
    result = run(folder, "test", "-c", "a.toml")
    assert "\x1b" not in result.stdout and "own?[2Jrows" in result.stdout


# ---- explain ----

def test_the_first_line_says_why_something_is_denied(folder):
    write(folder, BASE)
    cases = {
        "select * from shared.secret": 'policy only_globex does not apply, because "to" does not list this tenant',
        "select * from shared.nothing": "no policy names shared.nothing",
        "select lower('A')": 'function "lower" is not available',
        "selec 1": "syntax error",
        "select 1; select * from shared.secret": "only_globex",
        "delete from sales.t": "no policy allows this write",
    }
    for sql, reason in cases.items():
        result = explain(folder, sql)
        assert result.returncode == 1, sql
        first = result.stdout.splitlines()[0]
        assert first.startswith("denied: ") and reason in first and "rule " in first, first


def test_a_caret_stands_under_the_character(folder):
    write(folder, BASE)
    lines = explain(folder, "select 'ä',\n  * from shared.secret").stdout.splitlines()
    assert lines[1] == "    * from shared.secret"
    assert lines[2].index("^") == lines[1].index("shared")


def test_identity_policies_and_text_are_shown_with_their_places(folder):
    write(folder, BASE)
    result = explain(folder, "select e.id, date_bin('1 day', now(), now()) from shared.events e join sales.orders o using (id)",
                     "--claim", "regions=emea", "--claim", "regions=apac")
    assert result.returncode == 0, result.stderr
    events = line_of(folder, 'name = "events"') - 1
    own = line_of(folder, 'name = "own"') - 1
    allow = line_of(folder, 'allow = ["pg_catalog.date_bin"]')
    for part in ("allowed: class READ, rewritten, by policy", "tenant     acme", "idp        main",
                 "tenant_id pg_catalog.text = 'acme'", "regions pg_catalog.text[] = {'emea', 'apac'}",
                 "sales -> t_acme", "rows = 1000, from [limits.small]", f"a.toml:{events}:1: events: tenant_id = :tenant_id",
                 f"a.toml:{own}:1: own: isolation", f"a.toml:{allow}:10: pg_catalog.date_bin",
                 "rg_r.tenant_id = 'acme'::pg_catalog.text", "t_acme.orders, the tenant's own", "\n  from (\n"):
        assert part in result.stdout, part


def test_raw_is_exactly_what_json_says_is_sent(folder):
    write(folder, BASE)
    sql = "select count(*) -- mine\n from shared.events"
    raw = explain(folder, sql, "--raw")
    sent = objects(explain(folder, sql, "--json"))[1]["sent"]
    assert raw.stdout == sent + "\n" and raw.returncode == 0
    denied = explain(folder, "select * from shared.secret", "--raw")
    assert denied.returncode == 1 and denied.stdout == "" and "denied" in denied.stderr


def test_json_is_complete(folder):
    write(folder, BASE)
    identity, statement = objects(explain(folder, "select * from shared.secret", "--json"))
    assert identity["type"] == "identity" and identity["schemas"] == {"sales": "t_acme", "extra": "t_acme_extra"}
    assert identity["claims"][0] == {"name": "tenant_id", "type": "pg_catalog.text", "required": True, "values": ["acme"]}
    assert identity["claims"][1]["values"] is None and identity["limits"]["rows"] == 1000
    assert identity["limits"]["from"]["rows"] == "small" and identity["limits"]["from"]["bytes"] is None
    assert statement["verdict"] == "deny" and statement["rule"] == "relation.not_allowed"
    (relation,) = statement["relations"]
    assert relation["reachable"] is False
    assert relation["policies"][0]["policy"] == "only_globex" and relation["policies"][0]["applies"] is False
    assert relation["policies"][0]["place"]["line"] == line_of(folder, 'name = "only_globex"') - 1


def test_a_login_that_is_refused_is_denied_and_an_impossible_one_is_trouble(folder):
    write(folder, BASE)
    frozen = explain(folder, "select 1", user="bob@globex")
    assert frozen.returncode == 1 and frozen.stdout.startswith("denied: the login is refused")
    assert objects(explain(folder, "select 1", "--json", user="bob@globex"))[0]["type"] == "login"
    other = explain(folder, "select 1", "--claim", "tenant_id=globex")
    assert other.returncode == 1 and "login" in other.stdout
    nobody = explain(folder, "select 1", user="bob@nobody")
    assert nobody.returncode == 2 and nobody.stdout == "" and 'no tenant "nobody"' in nobody.stderr


def test_standard_input_search_path_and_relations(folder):
    write(folder, BASE)
    assert "allowed" in explain(folder, "-", text="select 1").stdout
    assert "t_acme_extra.t" in explain(folder, "select * from t", "--raw").stdout
    assert "t_acme.t" in explain(folder, "select * from t", "--raw", "--search-path", "sales,extra").stdout
    result = explain(folder, "select id from shared.events", "--raw", "--relations", "relations.json")
    assert result.returncode == 0 and "shared.events" in result.stdout
    assert explain(folder, "select 1", "--relations", "a.toml").returncode == 2
    assert explain(folder, "select 1", "--relations", "absent.json").returncode == 2


def through_a_terminal(folder, environment, *arguments):
    parent, child = pty.openpty()
    process = subprocess.Popen([BIN, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=child, stderr=child,
                               env={**os.environ, "TERM": "xterm", **environment})
    os.close(child)
    output = b""
    while True:
        try:
            chunk = os.read(parent, 4096)
        except OSError:  # EIO: the other side is closed
            break
        if not chunk:
            break
        output += chunk
    os.close(parent)
    process.wait(timeout=60)
    return output.decode()


def test_colours_are_for_terminals_only(folder):
    write(folder, BASE, TESTS)
    arguments = ("explain", "-c", "a.toml", "--as", "a@acme", "select 'x' from shared.events")
    assert "\x1b" not in run(folder, *arguments, env={"TERM": "xterm"}).stdout
    assert "\x1b[34m" in through_a_terminal(folder, {"NO_COLOR": ""}, *arguments)
    assert "\x1b" not in through_a_terminal(folder, {"NO_COLOR": "1"}, *arguments)
    assert "\x1b" not in through_a_terminal(folder, {"TERM": "dumb"}, *arguments)
    assert "\x1b[32m" in through_a_terminal(folder, {}, "test", "-c", "a.toml")


# ---- check ----

LINTED = """[[policies]]
name = "constant"
on = ["shared.other"]
for = ["select"]
using = "tenant_id = :tenant_id or 1 = 1"
"""


def test_warnings_have_place_rule_and_hint_and_count_only_when_strict(folder):
    write(folder, BASE, LINTED)
    result = run(folder, "check", "-c", "a.toml")
    line = line_of(folder, 'using = "tenant_id = :tenant_id or 1 = 1"')
    assert result.returncode == 0
    assert f"a.toml:{line}:10: warning: the predicate is true of every row" in result.stdout
    assert "[predicate.always-true]\n    hint: " in result.stdout
    assert run(folder, "check", "-c", "a.toml", "--strict").returncode == 1


def test_check_json_is_one_object_per_finding(folder):
    write(folder, BASE, LINTED)
    lines = objects(run(folder, "check", "-c", "a.toml", "--json", "--relations", "relations.json"))
    rules = {line["rule"] for line in lines[:-1]}
    assert {"predicate.always-true", "claim.optional", "relation.unnamed", "relation.absent", "column.absent"} <= rules
    assert all(line["severity"] == "warning" and line["hint"] for line in lines[:-1] if line["rule"])
    assert lines[-1]["errors"] == 0 and lines[-1]["warnings"] == len(lines) - 1


def test_errors_are_told_without_lints(folder):
    write(folder, BASE, LINTED.replace(":tenant_id", ":tenant"))
    result = run(folder, "check", "-c", "a.toml")
    assert result.returncode == 1 and 'unknown claim ":tenant"' in result.stdout and "always-true" not in result.stdout


# ---- masks ----

MASKED = """[[masks]]
columns = ["shared.events.tenant_id"]
with = "hash"
salt = "env:CLI_TEST_SALT"
in_predicates = "allow"
[[tests]]
name = "hashed"
as = { tenant = "acme", claims = { regions = ["emea"] } }
sql = "select tenant_id from shared.events"
expect = "mask"
lacks = ["0123456789abcdef"]
[[tests]]
name = "without the snapshot"
as = { tenant = "acme", claims = { regions = ["emea"] } }
sql = "select tenant_id from shared.events"
expect = "mask"
"""


def test_a_mask_is_shown_with_its_place_and_never_with_its_key(folder):
    write(folder, BASE.replace(" and region = any(:regions)", ""), MASKED)
    environment = {"CLI_TEST_SALT": "0123456789abcdef0123456789abcdef"}
    with_names = ("--relations", "relations.json")
    for more in ((), ("--raw",), ("--json",)):
        result = explain(folder, "select tenant_id from shared.events", *with_names, *more, env=environment)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "<key>" in result.stdout and "0123456789abcdef" not in result.stdout
    text = explain(folder, "select tenant_id from shared.events", *with_names, env=environment).stdout
    assert f"mask       a.toml:{line_of(folder, '[[masks]]')}:1: tenant_id with hash, may be filtered by" in text
    tests = run(folder, "test", "-c", "a.toml", *with_names, env=environment)
    assert tests.returncode == 0, tests.stdout
    bare = run(folder, "test", "-c", "a.toml", "without the snapshot", env=environment)
    assert bare.returncode == 1 and "denied by rule mask." in bare.stdout
    check = run(folder, "check", "-c", "a.toml", env=environment)
    assert "[mask.filterable]" in check.stdout and check.returncode == 0


# ---- bad usage ----

@pytest.mark.parametrize("arguments", [
    ("test",), ("test", "-c"), ("test", "-c", "a.toml", "--bad"), ("test", "-c", "absent.toml"),
    ("test", "-c", "a.toml", "--relations", "absent.json"),
    ("explain",), ("explain", "-c", "a.toml", "select 1"), ("explain", "-c", "a.toml", "--as", "acme", "select 1"),
    ("explain", "-c", "a.toml", "--as", "@acme", "select 1"), ("explain", "-c", "a.toml", "--as", "a@", "select 1"),
    ("explain", "-c", "a.toml", "--as", "a@acme"), ("explain", "-c", "a.toml", "--as", "a@acme", "select", "1"),
    ("explain", "-c", "a.toml", "--as", "a@acme", "--claim", "x", "select 1"),
    ("explain", "-c", "a.toml", "--as", "a@acme", "--claim", "=x", "select 1"),
    ("explain", "-c", "a.toml", "--as", "a@acme", "--claim", "nothing=x", "select 1"),
    ("explain", "-c", "a.toml", "--as", "a@acme", "--search-path", "", "select 1"),
    ("explain", "-c", "a.toml", "--as", "a@acme", "--raw", "--json", "select 1"),
    ("explain", "-c", "absent.toml", "--as", "a@acme", "select 1"),
    ("check",), ("check", "-c", "absent.toml"), ("check", "-c", "a.toml", "more"),
    ("check", "-c", "a.toml", "--relations", "absent.json"), ("check", "-c", "a.toml", "--relations", "cert.pem"),
])
def test_bad_usage_is_trouble_and_says_so_on_standard_error(folder, arguments):
    write(folder, BASE, TESTS)
    result = run(folder, *arguments)
    assert result.returncode == 2 and result.stdout == "" and result.stderr != ""


@pytest.mark.parametrize("command", ["test", "explain", "check"])
def test_help_is_a_result(folder, command):
    for flag in ("-h", "--help"):
        result = run(folder, command, flag)
        assert result.returncode == 0 and result.stdout.startswith(f"usage: rowgate {command}") and result.stderr == ""


# ---- audit keys ----

def test_keys_are_made_for_the_configured_log_and_once(folder):
    write(folder, BASE.replace('directory = "audit"', 'directory = "audit"\norigin = "cli/audit/n/1"'))
    made = run(folder, "audit", "keys", "init", "-c", "a.toml", "--epochs", "48")
    assert made.returncode == 0 and made.stderr == ""
    root = (folder / "audit/keys/root.vkey").read_text().strip()
    assert root.startswith("cli/audit/n/1/root+") and root in made.stdout.splitlines()
    assert "./rowgate-audit-root.key" in made.stdout and len(made.stdout.splitlines()) <= 24
    private = folder / "rowgate-audit-root.key"
    assert private.stat().st_mode & 0o7777 == 0o400
    assert (folder / "audit/keys/seed").stat().st_mode & 0o7777 == 0o600
    before = {path: path.read_bytes() for path in [private, *(folder / "audit/keys").iterdir()]}
    again = run(folder, "audit", "keys", "init", "-c", "a.toml", "--root-key", "other.key")
    assert again.returncode == 6 and "is there already" in again.stderr and not (folder / "other.key").exists()
    assert before == {path: path.read_bytes() for path in before}
    listed = json.loads(run(folder, "audit", "keys", "list", "--json", "-c", "a.toml").stdout)
    assert (listed["root"], listed["current_epoch"], listed["epochs_left"]) == (root, 0, 47)
    rotated = run(folder, "audit", "keys", "rotate", "-c", "a.toml", "--epochs", "16")
    assert rotated.returncode == 0 and "from epoch 1 on" in rotated.stdout
    assert len(json.loads(run(folder, "audit", "keys", "list", "--json", "audit").stdout)["lists"]) == 2


def test_keys_of_a_wrong_configuration_are_not_made(folder):
    write(folder, BASE.replace('version = 1', 'version = 1\nnonsense = 1'))
    result = run(folder, "audit", "keys", "init", "-c", "a.toml")
    assert result.returncode == 6 and "a.toml:2:" in result.stderr
    write(folder, BASE.replace('directory = "audit"', 'directory = "audit"\norigin = "a+b/audit/n/1"'))
    assert run(folder, "audit", "keys", "init", "-c", "a.toml").returncode == 6
    assert not (folder / "audit").exists() and not (folder / "rowgate-audit-root.key").exists()


def test_the_manual_checks_a_list_with_openssl_alone(folder):
    """The commands of docs/audit-keys.md, as they stand there."""
    assert run(folder, "audit", "keys", "init", "audit", "--origin", "cli/audit/n/1", "--epochs", "24").returncode == 0
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs/audit-keys.md").read_text()
    script = page.split("```sh\n")[1].split("```")[0]
    note = (folder / "audit/keys/list-00000000.note").read_bytes()
    (folder / "root.vkey").write_bytes((folder / "audit/keys/root.vkey").read_bytes())
    (folder / "L").write_bytes(note)
    checked = subprocess.run(["sh", "-ec", script], cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0 and "Verified Successfully" in checked.stdout, checked.stderr
    (folder / "L").write_bytes(note.replace(b"24 3600", b"24 3601"))
    assert subprocess.run(["sh", "-ec", script], cwd=folder, capture_output=True).returncode != 0
