# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus in front of a real rowgate: it takes the metrics, loads the alerts of deploy/ and fires one that is due,
and evaluates every expression of the dashboard."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import psycopg2
import pytest

import pgtest
import stack as stacks
from test_metrics import Metered

ALERTS = stacks.ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = stacks.ROOT / "deploy/grafana/rowgate.json"
NAME = re.compile(r"\b(?:rowgate|process)_[a-z_]+\b")


class Prometheus:
    """On a free port, with a data directory of its own, asking target every second."""

    def __init__(self, target, rules):
        self.port = pgtest.free_port()
        self.home = tempfile.TemporaryDirectory(prefix="prometheus.")
        home = pathlib.Path(self.home.name)
        (home / "alerts.yml").write_text(rules)
        (home / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"},
            "rule_files": ["alerts.yml"],
            "scrape_configs": [{"job_name": "rowgate", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}]}))
        checked = subprocess.run(["promtool", "check", "config", home / "prometheus.yml"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        with open(home / "log", "wb") as log:
            self.process = subprocess.Popen(["prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
                                             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        try:
            stacks.wait_for(self.is_ready, "Prometheus", 60)
        except RuntimeError:
            print((home / "log").read_text()[-4000:])
            self.stop()
            raise

    def is_ready(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
            return answer.status == 200
        return False

    def ask(self, page, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{page}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            said = json.load(answer)
        assert said["status"] == "success" and not said.get("warnings"), said
        return said["data"]

    def value(self, expression):
        """Of the one sample; None where there is none."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def stop(self):
        stacks.end(self.process)
        self.home.cleanup()


@pytest.fixture(scope="module")
def watched():
    with Metered(tenants=5, workers=2) as stack:
        quick = re.sub(r"(- alert: (?!RowgateDown)(?:.*\n)*?\s+for:) \w+", r"\1 1s", ALERTS.read_text())
        assert quick.count("for: 1s") > 5
        prometheus = Prometheus(stack.admin_port, quick)
        try:
            stack.prometheus = prometheus
            stacks.wait_for(lambda: prometheus.value('up{job="rowgate"}') == 1, "the first scrape", 60)
            yield stack
        finally:
            prometheus.stop()


def drive(stack):
    for tenant in ("acme", "globex"):
        stack.query("select count(*) from shared.events", tenant=tenant)
    with pytest.raises(psycopg2.Error):
        stack.query("select * from shared.secret")


def expressions():
    """Of the dashboard, with what Grafana would put in."""
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")


def known_metrics(stack):
    """Names as Prometheus stores them: those of histograms with their endings."""
    kinds = dict(re.findall(r"# TYPE (\S+) (\S+)", stack.admin.text()))
    histograms = {name for name, kind in kinds.items() if kind == "histogram"}
    return set(kinds) - histograms | {name + end for name in histograms for end in ("_bucket", "_sum", "_count")}


def test_the_alerts_hold_their_own_tests():
    done = subprocess.run(["promtool", "test", "rules", stacks.ROOT / "tests/prometheus/alerts_test.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_that_makes_it_fire():
    alerts = set(re.findall(r"- alert: (\w+)", ALERTS.read_text()))
    tested = (stacks.ROOT / "tests/prometheus/alerts_test.yml").read_text()
    assert len(alerts) > 10 and all(alert in tested for alert in alerts), [alert for alert in alerts if alert not in tested]


def test_alerts_and_dashboard_name_only_metrics_that_there_are(watched):
    known = known_metrics(watched)
    for text in [ALERTS.read_text(), *(expression for _, expression in expressions())]:
        code = re.sub(r"#.*|\"[^\"]*\"", "", "\n".join(re.findall(r"expr: (?:\|\n)?((?:.*\n)(?:\s{12}.*\n)*)", text)) or text)
        assert set(NAME.findall(code)) <= known, set(NAME.findall(code)) - known
    shown = {name for _, expression in expressions() for name in NAME.findall(expression)}
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known if not name.startswith("process_start")}
    missing = bases - {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert missing <= {"rowgate_client_connections_total"}, missing  # nothing is counted that nobody looks at


def test_a_scrape_arrives_as_it_was_counted(watched):
    drive(watched)
    watched.settled()
    prometheus = watched.prometheus
    names = ["rowgate_statements_total", "rowgate_statement_seconds_count", "rowgate_denials_total", "rowgate_audit_records_total",
             "rowgate_audit_bytes_total", "rowgate_logins_total"]

    def missing():
        now = watched.admin.metrics()  # each time anew: the log writes records of its own meanwhile
        return {name: (now.sum(name), prometheus.value(f"sum({name})")) for name in names if prometheus.value(f"sum({name})") != now.sum(name)}
    with contextlib.suppress(RuntimeError):  # what is missing says more
        stacks.wait_for(lambda: not missing(), "the scrape", 60)
    assert not missing()
    now = watched.admin.metrics()
    assert prometheus.value('rowgate_denials_total{rule="relation.not_allowed"}') == now.sum("rowgate_denials_total")
    assert prometheus.value('rowgate_build_info{version!=""}') == 1
    target = prometheus.ask("targets")["activeTargets"][0]
    assert target["health"] == "up" and target["lastError"] == ""
    types = {name: rows[0]["type"] for name, rows in prometheus.ask("metadata").items()}
    assert (types["rowgate_statement_seconds"], types["rowgate_sessions"]) == ("histogram", "gauge")


def test_every_expression_of_the_dashboard_evaluates(watched):
    drive(watched)
    prometheus = watched.prometheus
    now = time.time()
    titles = [panel["title"] for panel in json.loads(DASHBOARD.read_text())["panels"]]
    assert len(list(expressions())) > 30 and len(titles) > 30
    for title, expression in expressions():
        prometheus.ask("query", query=expression)
        prometheus.ask("query_range", query=expression, start=now - 60, end=now, step=5)

    def has_data():
        return {title for title, expression in expressions() if prometheus.ask("query", query=expression)["result"]}
    wanted = {"Ready", "Audit log", "Sessions", "Statements a second", "Time of statements", "What rowgate adds", "Decisions", "Denials by rule",
              "Until a record is durable", "Records", "Connections to databases", "p99 of statements", "Memory", "Plan cache hits"}
    stacks.wait_for(lambda: wanted <= has_data(), f"data in {wanted}")
    quantile = dict(expressions())["Time of statements"]  # the last of its three: p99

    def is_measured():
        drive(watched)  # a rate needs two scrapes and something between them
        return 0 < (prometheus.value(quantile) or 0) < 30
    stacks.wait_for(is_measured, "a p99", 60)


def test_the_rules_are_loaded_and_one_that_is_due_fires(watched):
    prometheus = watched.prometheus

    def rules():
        return {rule["name"]: rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]}

    def firing():
        return {alert["labels"]["alertname"] for alert in prometheus.ask("alerts")["alerts"] if alert["state"] == "firing"}
    stacks.wait_for(lambda: all(rule["health"] == "ok" for rule in rules().values()), "the rules")
    assert len(rules()) == ALERTS.read_text().count("- alert:")
    assert not {"RowgateDown", "RowgateNotReady", "RowgateAuditClosed", "RowgateReloadFailed"} & firing()
    (watched.audit / "keys").rename(watched.directory / "keys-away")  # no auditor starts without
    os.kill(watched.rowgate.auditor, signal.SIGKILL)
    stacks.wait_for(lambda: {"RowgateNotReady", "RowgateAuditClosed"} <= firing(), "the alerts", 60)
    assert "RowgateDown" not in firing()
    (watched.directory / "keys-away").rename(watched.audit / "keys")
    stacks.wait_for(lambda: not {"RowgateNotReady", "RowgateAuditClosed"} & firing(), "their end", 60)
    drive(watched)
