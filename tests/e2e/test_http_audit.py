# SPDX-License-Identifier: Apache-2.0
"""What the audit log tells of the HTTP plane: the four questions of an auditor, each answered by one `rowgate audit search`;
changes with their digests; and that nothing happens without a record."""
import hashlib
import json
import os
import signal
import subprocess

import pytest

import httpstack
import ocsf
import stack as stacks

AGENT = {"User-Agent": "Mozilla/5.0 (test)"}


@pytest.fixture(scope="module")
def web():
    with httpstack.HttpStack() as running:
        @running.upstream.on("/api/v1/dashboard/12")
        def dashboard(exchange):
            if exchange.request.method == "PUT":
                running.title = json.loads(exchange.request.body)["dashboard_title"]
            exchange.answer(200, [("Content-Type", "application/json")],
                            json.dumps({"result": {"id": 12, "dashboard_title": running.title,
                                                   "changed_on_delta_humanized": os.urandom(4).hex()}, "id": 12}).encode())

        @running.upstream.on("/api/v1/dashboard/13")
        def forbidden(exchange):
            exchange.answer(403, [("Content-Type", "application/json")], b"{}", "Forbidden")

        @running.upstream.on("/api/v1/chart/data")
        def data(exchange):
            exchange.answer(200, [("Content-Type", "text/csv")], b"a,b\n" * 50000)

        running.title = "Sales"
        yield running
        assert running.upstream.errors == []


def ask(web, method, path, user="alice", tenant="acme", body=b"", **headers):
    return web.request(method, path, {"Authorization": f"Bearer {web.token(user, tenant)}", "Content-Type": "application/json",
                                      **AGENT, **headers}, body)


def rowgate(*words):
    return subprocess.run([stacks.binary(), *map(str, words)], capture_output=True, text=True)


def search(web, *conditions):
    done = rowgate("audit", "search", "--json", *conditions, web.audit)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def lines(web, *conditions):
    return rowgate("audit", "search", *conditions, web.audit).stdout.splitlines()


@pytest.fixture(scope="module")
def told(web):
    """What happened, once for all questions."""
    assert ask(web, "GET", "/api/v1/dashboard/12").status == 200
    assert ask(web, "GET", "/api/v1/dashboard/12", "greta", "globex").status == 200
    assert ask(web, "GET", "/api/v1/dashboard/13").status == 403
    assert ask(web, "PUT", "/api/v1/dashboard/12", body=b'{"dashboard_title": "Sales 2"}').status == 200
    assert ask(web, "POST", "/api/v1/sqllab/execute/", body=b'{"database_id": 1, "sql": "select secret_word"}').status == 200
    export = b'{"datasource": {"id": 3, "type": "table"}, "form_data": {"slice_id": 7, "dashboardId": 12}, "result_format": "csv"}'
    assert len(ask(web, "POST", "/api/v1/chart/data", body=export).body) == 200000
    answer = web.request("GET", "/api/v1/dashboard/12", {"Authorization": "Bearer forged.to.ken", **AGENT})
    assert answer.status == 401
    refused = ask(web, "POST", "/api/v1/security/guest_token/", body=b"{}")
    assert refused.status == 403
    return refused


def test_who_accessed_which_dashboards_and_when(web, told):
    found = [record for record in search(web, "--object", "dashboard", "--action", "read") if record["phase"] != "outcome"]
    seen = {(record.get("tenant"), record["user"], record["action"], record["status"]) for record in found}
    assert (None, "unknown", "dashboard.view", 401) in seen  # an attempt with a forged token
    assert ("acme", "alice", "dashboard.view", 200) in seen and ("globex", "greta", "dashboard.view", 200) in seen
    assert ("acme", "alice", "dashboard.view", 403) in seen  # a view that Superset denied
    assert ("acme", "alice", "chart.export", 200) in seen  # a chart of that dashboard, as a file
    assert all(record["time"] and record["client"].startswith("127.0.0.1:") for record in found)
    assert {record["application"] for record in found} == {AGENT["User-Agent"]}


def test_who_modified_which(web, told):
    found = search(web, "--object", "dashboard/12", "--action", "write")
    assert [(record["phase"], record["user"], record["action"], record.get("status")) for record in found] == [
        ("decision", "alice", "dashboard.update", None), ("outcome", "alice", "dashboard.update", 200)]

    def digest(title):
        text = json.dumps({"id": 12, "result": {"dashboard_title": title, "id": 12}}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    assert found[0]["digest_before"] == found[1]["digest_before"] == digest("Sales")
    assert found[1]["digest_after"] == digest("Sales 2")
    assert found[1]["request_sha256"] == hashlib.sha256(b'{"dashboard_title": "Sales 2"}').hexdigest()


def test_which_queries_ran_and_by_whom(web, told):
    found = [record for record in search(web, "--action", "query") if record["phase"] == "outcome"]
    assert [(record["tenant"], record["user"], record["action"], record["status"]) for record in found] == [
        ("acme", "alice", "sqllab.execute", 200)]
    assert hashlib.sha256(b"select secret_word").hexdigest() in found[0]["message"]


def test_failed_authentication_attempts(web, told):
    found = search(web, "--action", "login.failed")
    assert len(found) == 1 and found[0]["rule"] == "login.token" and found[0]["client"].startswith("127.0.0.1:")
    assert found[0]["reference"].startswith("r-") and found[0]["listener"] == "web"


def test_a_reference_that_a_user_was_shown_finds_the_refusal(web, told):
    reference = json.loads(told.body)["instance"]
    found = search(web, "--reference", reference)
    assert [(record["verdict"], record["status"], record["rule"]) for record in found] == [("denied", 403, "http.route.never")]
    assert web.upstream.seen and all("guest_token" not in seen.path for seen in web.upstream.seen)


def test_a_large_answer_has_an_outcome_with_its_bytes(web, told):
    stacks.wait_for(lambda: len(search(web, "--action", "export")) == 2, "the outcome of the export")
    decision, outcome = search(web, "--action", "export")
    assert (decision["phase"], outcome["phase"], outcome["bytes"]) == ("decision", "outcome", 200000)
    assert "dashboard/12" in outcome["object"].split(",") and "chart/7" in outcome["object"].split(",")


def test_each_record_is_one_line_for_people_and_valid_ocsf(web, told):
    shown = lines(web, "--action", "http.request", "--limit", "3")
    assert len(shown) == 3 and all(" r-" not in line and "\t" not in line for line in shown)
    assert any(" dashboard.view 200 dashboard/12 GET /api/v1/dashboard/12" in line
               for line in lines(web, "--action", "dashboard.view", "--status", "200"))
    kinds = set()
    for path in sorted((web.audit / "seg").glob("*.jsonl")):
        for line in path.read_text().rstrip("\0").splitlines():
            record = json.loads(line)
            kinds.add(record["class_uid"])
            assert ocsf.problems(record) == [], line
    assert {3002, 6001, 6003} <= kinds


def test_no_secret_of_a_request_is_in_the_log(web):
    ask(web, "GET", "/api/v1/dashboard/12?q=(x:1)&token=s3cr3t-one&%74oken=s3cr3t-two")
    text = b"".join(path.read_bytes() for path in (web.audit / "seg").glob("*.jsonl"))
    assert b"(x:1)" in text
    for secret in (b"s3cr3t", web.token("alice", "acme").split(".")[2].encode(), b"secret_word", b"forged.to.ken"):
        assert secret not in text


def test_an_auditor_that_dies_stops_requests_and_its_successor_lets_them_go_on(web):
    web.upstream.forget()
    os.kill(web.rowgate.auditor, signal.SIGKILL)
    answers = []

    def goes_on():
        answers.append(ask(web, "PUT", "/api/v1/dashboard/12", body=b'{"dashboard_title": "Sales 3"}').status)
        return answers[-1] == 200 and len(answers) > 1

    stacks.wait_for(goes_on, "requests after the auditor's death", 60)
    assert set(answers) <= {200, 503}
    done = rowgate("audit", "verify", web.audit)
    assert done.returncode in (0, 5), done.stdout + done.stderr
    forwarded = sum(seen.method == "PUT" for seen in web.upstream.seen)
    decided = [record for record in search(web, "--object", "dashboard/12", "--action", "write") if record["phase"] == "decision"]
    assert forwarded <= len(decided) - 1  # the first test's is not counted here
