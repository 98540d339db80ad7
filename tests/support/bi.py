# SPDX-License-Identifier: Apache-2.0
"""Callers of a Superset, and the things that they make in it by its REST API.

    alice = bi.Caller(superset.url, headers)          # headers: a dict, or a function that makes them for each request
    alice.post("/api/v1/dataset/", {...}).json
"""
import concurrent.futures
import json
import time
import urllib.error
import urllib.request
import uuid

import stack


class Answer:
    def __init__(self, status, body, headers):
        self.status = status
        self.body = body
        self.headers = headers

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.text[:1500]}>"


class Caller:
    def __init__(self, url, headers, context=None):
        self.url = url
        self.headers = headers if callable(headers) else lambda: headers
        self.context = context

    def ask(self, method, path, content=None, headers=(), body=None, timeout=120):
        sent = {**self.headers(), **dict(headers)}
        if content is not None:
            body = json.dumps(content).encode()
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data=body, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
                return Answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), error.headers)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, content=None, **options):
        return self.ask("POST", path, content, **options)

    def made(self, path, content):
        """The number of what was made."""
        answer = self.post(path, content)
        assert answer.status == 201, answer
        return answer.json["id"]

    def database(self, uri, **options):
        return self.made("/api/v1/database/", {"database_name": "warehouse", "sqlalchemy_uri": uri, "expose_in_sqllab": True} | options)

    def dataset(self, database, table, schema="sales", **options):
        return self.made("/api/v1/dataset/", {"database": database, "schema": schema, "table_name": table} | options)

    def dashboard(self, dataset, title="Sales"):
        """One chart over a dataset's notes, one native filter on its regions, embedded: (dashboard, chart, uuid)."""
        params = {"viz_type": "table", "query_mode": "raw", "all_columns": ["note"], "datasource": f"{dataset}__table", "row_limit": 1000}
        chart = self.made("/api/v1/chart/", {
            "slice_name": "Notes", "viz_type": "table", "datasource_id": dataset, "datasource_type": "table", "params": json.dumps(params),
            "query_context": json.dumps(chart_query(dataset, columns=["note"], form_data=params))})
        metadata = {"native_filter_configuration": [{"id": "NATIVE_FILTER-1", "type": "NATIVE_FILTER", "name": "Region",
                                                     "filterType": "filter_select", "targets": [{"datasetId": dataset, "column": {"name": "region"}}],
                                                     "scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "controlValues": {}}]}
        number = self.made("/api/v1/dashboard/", {"dashboard_title": title, "published": True, "json_metadata": json.dumps(metadata)})
        assert self.ask("PUT", f"/api/v1/chart/{chart}", {"dashboards": [number]}).status == 200
        embedded = self.post(f"/api/v1/dashboard/{number}/embedded", {"allowed_domains": []})
        assert embedded.status == 200, embedded
        return number, chart, embedded.json["result"]["uuid"]

    def chart_data(self, dataset, form="json", kind="full", **query):
        return self.post("/api/v1/chart/data", chart_query(dataset, form, kind, **query))

    def sql(self, database, text, is_async=False, schema="sales"):
        return self.post("/api/v1/sqllab/execute/", {
            "client_id": uuid.uuid4().hex[:10], "database_id": database, "runAsync": is_async, "schema": schema, "sql": text,
            "sql_editor_id": "1", "tab": "t", "tmp_table_name": "", "select_as_cta": False, "ctas_method": "TABLE", "queryLimit": 1000,
            "expand_data": True})

    def sql_rows(self, database, text, **options):
        answer = self.sql(database, text, **options)
        assert answer.status in (200, 202), answer
        if answer.status == 200:
            return answer.json["data"]
        query = wait_until(lambda: self.finished(answer.json["query"]["queryId"]), f"query {answer}")
        if query["state"] != "success":
            raise RuntimeError(query["errorMessage"])
        found = self.get(f"/api/v1/sqllab/results/?q=(key:'{query['resultsKey']}')")
        assert found.status == 200, found
        return found.json["data"]

    def finished(self, number):
        found = self.get("/api/v1/query/updated_since?q=(last_updated_ms:0)").json["result"]
        return next((query for query in found if query["queryId"] == number and query["state"] in ("success", "failed", "stopped", "timed_out")),
                    None)

    def data_when_ready(self, answer):
        """The answer of a global async query: what its channel says in the end."""
        assert answer.status == 202, answer
        job = answer.json["job_id"]

        def ready():
            events = self.get("/api/v1/async_event/")
            assert events.status == 200, events
            return next((event for event in events.json["result"] if event["job_id"] == job and event["status"] in ("done", "error")), None)

        event = wait_until(ready, "the event of an async query")
        if event["status"] == "error":
            raise RuntimeError(event["errors"])
        return self.get(event["result_url"])


def chart_query(dataset, form="json", kind="full", **query):
    return {"datasource": {"id": dataset, "type": "table"}, "force": query.pop("force", False), "result_format": form, "result_type": kind,
            "form_data": query.pop("form_data", {}),
            "queries": [{"columns": [], "metrics": [], "filters": [], "row_limit": 1000, "orderby": [], "extras": {"having": "", "where": ""},
                         "time_range": "No filter"} | query]}


def rows(answer):
    assert answer.status == 200, answer
    return answer.json["result"][0]["data"]


def wait_until(condition, what, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise stack.Late(f"{what} did not come within {seconds} s")


def at_once(*calls):
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
