# SPDX-License-Identifier: Apache-2.0
"""One load of the embedded dashboard as Chromium does it (recorded from one): the page, who am I, then dashboard, charts and datasets,
then the data of every chart, of the filter, and what charts can be drilled by. Six connections of its own, as a browser opens for
HTTP/1.1. Nothing is drawn: what is timed is the servers."""

import concurrent.futures
import http.client
import json
import threading
import time
import urllib.parse

import scene_dashboard
import scene_data

CONNECTIONS = 6
COLUMNS = ("(columns:!(id,slug,url,dashboard_title,published,css,theme,json_metadata,position_json,certified_by,certification_details,"
           "changed_by_name,changed_by,changed_on,created_by,charts,owners,roles,tags,changed_on_delta_humanized,"
           "created_on_delta_humanized,is_managed_externally,uuid)")


class Browser:
    """Connections to one target, each opened when it is first needed."""

    def __init__(self, target, token):
        self.target = target
        parts = urllib.parse.urlsplit(target.url)
        self.host, self.port = parts.hostname, parts.port
        self.headers = {"X-GuestToken": token, "Accept": "application/json", "Referer": f"{target.url}/embedded/{target.made['uuid']}"}
        self.own = threading.local()
        self.open = []
        self.pool = concurrent.futures.ThreadPoolExecutor(CONNECTIONS)

    def close(self):
        self.pool.shutdown()
        for connection in self.open:
            connection.close()

    def _connection(self):
        if not hasattr(self.own, "connection"):
            self.own.connection = (http.client.HTTPConnection(self.host, self.port, timeout=120) if self.target.context is None else
                                   http.client.HTTPSConnection(self.host, self.port, timeout=120, context=self.target.context))
            self.open.append(self.own.connection)
        return self.own.connection

    def _ask(self, method, path, body=None, headers=None):
        connection, began = self._connection(), time.monotonic()
        data = None if body is None else json.dumps(body).encode()
        more = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, data, self.headers | more | (headers or {}))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.target.name}: {method} {path}: {answer.status} {text[:1000]!r}")
        return text, time.monotonic() - began

    def all_at_once(self, *requests):
        return [future.result() for future in [self.pool.submit(self._ask, *request) for request in requests]]


def check_data(made, bodies):
    """Fresh rows, and the right ones: a wrong answer can be quick."""
    for number, (text, _) in bodies.items():
        result = json.loads(text)["result"][0]
        if result["is_cached"]:
            raise RuntimeError(f"chart {number} came out of a cache")
        if number == made["charts"]["Revenue"] and result["data"] != [{"revenue": scene_data.revenue("acme")}]:
            raise RuntimeError(f"not the tenant's revenue: {result['data']}")
        if not result["data"]:
            raise RuntimeError(f"chart {number} is empty")


def load(target):
    """{ms of the whole, of its parts, and of each chart's answer}. Caches and credentials are the caller's business."""
    browser, made = Browser(target, target.token()), target.made
    board, steps = made["dashboard"], []
    charts = scene_dashboard.contexts(made)
    data = [("POST", f"/api/v1/chart/data?form_data=%7B%22slice_id%22%3A{number}%7D&dashboard_id={board}", body)
            for number, body in charts.items()]
    drills = [("GET", f"/api/v1/dataset/{one['id']}/drill_info/?q=(dashboard_id:{board})") for one in made["datasets"].values()]
    try:
        began = time.monotonic()
        for requests in ([("GET", f"/embedded/{made['uuid']}?uiConfig=1", None, {"Accept": "text/html", "Referer": f"{target.host}/"})],
                         [("GET", "/api/v1/me/roles/")],
                         [("GET", f"/api/v1/dashboard/{board}?q={COLUMNS})"), ("GET", f"/api/v1/dashboard/{board}/charts"),
                          ("GET", f"/api/v1/dashboard/{board}/datasets")],
                         [*data, *drills, ("POST", "/api/v1/chart/data", scene_dashboard.filter_context(made))]):
            answers = browser.all_at_once(*requests)
            steps.append(time.monotonic() - began)
    finally:
        browser.close()
    check_data(made, dict(zip(charts, answers)))
    return {"ms": steps[-1] * 1000, "page_ms": steps[0] * 1000, "who_ms": (steps[1] - steps[0]) * 1000,
            "board_ms": (steps[2] - steps[1]) * 1000, "data_ms": (steps[3] - steps[2]) * 1000,
            "chart_ms": [seconds * 1000 for _, seconds in answers[:len(charts)]]}
