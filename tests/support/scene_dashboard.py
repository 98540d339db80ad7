# SPDX-License-Identifier: Apache-2.0
"""The dashboard of the scene, made through Superset's REST API as a person of a tenant would: two databases, four datasets, seven
charts, a native filter, all published, embedded for the host pages.

    made = scene_dashboard.build(call, postgres_uri, hyper_uri, origins, roles)
    made["uuid"]            # what the embedded SDK wants
    made["charts"]["Revenue"]

call(method, path, body) sends one request and gives back the answer, read as JSON. Tenants share the dashboard and see their own rows.
"""
import json

import scene_data

METRICS = {
    "orders": {"revenue": ("SUM(amount)", "Revenue"), "orders": ("COUNT(*)", "Orders")},
    "customer_revenue": {"revenue": ("SUM(revenue)", "Revenue"), "orders": ("SUM(orders)", "Orders")},
    "visits": {"visits": ("SUM(visits)", "Visits")},
}
TIMES = {"orders": "placed", "visits": "day"}


def build(call, postgres_uri, hyper_uri, origins, roles=()):
    """roles: names of Superset's roles that may see the dashboard without a right to its datasets (DASHBOARD_RBAC)."""
    warehouse = _database(call, "Warehouse", postgres_uri)
    lake = _database(call, "Lake", hyper_uri)
    datasets = {
        "orders": _dataset(call, "orders", database=warehouse, schema="sales", table_name="orders"),
        "customer_revenue": _dataset(call, "customer_revenue", database=warehouse, schema="sales", table_name="customer_revenue",
                                     sql=scene_data.CUSTOMER_REVENUE),
        "visits": _dataset(call, "visits", database=lake, schema="sales", table_name="visits"),
    }
    dashboard = call("POST", "/api/v1/dashboard/", {"dashboard_title": "Sales", "published": True})["id"]
    charts = {chart["slice_name"]: _chart(call, chart, dashboard) for chart in _charts(datasets)}
    call("PUT", f"/api/v1/dashboard/{dashboard}", {
        "position_json": json.dumps(_positions(charts)), "json_metadata": json.dumps(_metadata(charts, datasets)),
        "roles": _roles(call, roles)})
    uuid = call("POST", f"/api/v1/dashboard/{dashboard}/embedded", {"allowed_domains": list(origins)})["result"]["uuid"]
    return {"uuid": uuid, "dashboard": dashboard, "charts": charts, "datasets": datasets, "databases": {"Warehouse": warehouse, "Lake": lake}}


def _roles(call, names):
    found = call("GET", "/api/v1/dashboard/related/roles?q=(page_size:100)", None)["result"] if names else []
    known = {one["text"]: one["value"] for one in found}
    return [known[name] for name in names]


def _database(call, name, uri):
    return call("POST", "/api/v1/database/", {
        "database_name": name, "sqlalchemy_uri": uri, "expose_in_sqllab": True,
        "extra": json.dumps({"engine_params": {"use_native_hstore": False}, "metadata_params": {}, "schemas_allowed_for_file_upload": []}),
    })["id"]


def _dataset(call, kind, **members):
    dataset = call("POST", "/api/v1/dataset/", members)["id"]
    found = call("GET", f"/api/v1/dataset/{dataset}", None)["result"]
    metrics = [{"id": one["id"], "metric_name": one["metric_name"], "expression": one["expression"]} for one in found["metrics"]]
    for name, (expression, shown) in METRICS[kind].items():
        metrics.append({"metric_name": name, "expression": expression, "verbose_name": shown})
    call("PUT", f"/api/v1/dataset/{dataset}", {"metrics": metrics, "main_dttm_col": TIMES.get(kind)})
    return {"id": dataset, "uuid": found["uuid"]}


# ---- charts ----

def _time_axis(column, grain):
    return {"columnType": "BASE_AXIS", "sqlExpression": column, "label": column, "expressionType": "SQL", "timeGrain": grain}


def _query(**members):
    """One query of a query context, as the frontend writes it."""
    return {"filters": [], "extras": {"having": "", "where": ""}, "applied_time_extras": {}, "columns": [], "annotation_layers": [],
            "row_limit": 1000, "series_limit": 0, "order_desc": True, "url_params": {}, "custom_params": {}, "custom_form_data": {},
            "orderby": []} | members


def _series(kind, name, dataset, column, metric, groupby, grain, **options):
    """A chart over time; the frontend asks for its rows by period and lets pandas pivot them."""
    aggregate = {metric: {"operator": "mean"}}
    query = _query(columns=[_time_axis(column, grain), *groupby], metrics=[metric], orderby=[[metric, False]], series_columns=groupby,
                   row_limit=10000, extras={"time_grain_sqla": grain, "having": "", "where": ""},
                   filters=[{"col": column, "op": "TEMPORAL_RANGE", "val": "No filter"}],
                   post_processing=[{"operation": "pivot", "options": {"index": [column], "columns": groupby, "aggregates": aggregate,
                                                                       "drop_missing_columns": False}},
                                    {"operation": "rename", "options": {"columns": {metric: None}, "level": 0, "inplace": True}},
                                    {"operation": "flatten"}])
    params = {"x_axis": column, "time_grain_sqla": grain, "x_axis_sort_asc": True, "metrics": [metric], "groupby": groupby,
              "adhoc_filters": [_any_time(column)], "order_desc": True, "row_limit": 10000, "truncate_metric": True,
              "show_empty_columns": True, "comparison_type": "values", "show_legend": True, "legendType": "scroll",
              "legendOrientation": "top", "x_axis_time_format": "smart_date", "y_axis_format": "SMART_NUMBER", "rich_tooltip": True,
              "color_scheme": "supersetColors"} | options
    return _form(kind, name, dataset, params, query)


def _any_time(column):
    return {"clause": "WHERE", "expressionType": "SIMPLE", "subject": column, "operator": "TEMPORAL_RANGE", "comparator": "No filter"}


def _form(kind, name, dataset, params, *queries):
    return {"slice_name": name, "viz_type": kind, "dataset": dataset, "queries": queries,
            "params": {"viz_type": kind, "datasource": f"{dataset['id']}__table", "extra_form_data": {}, "dashboards": [],
                       "annotation_layers": []} | params}


def _charts(datasets):
    orders, customers, visits = datasets["orders"], datasets["customer_revenue"], datasets["visits"]
    yield _form("big_number_total", "Revenue", orders,
                {"metric": "revenue", "adhoc_filters": [_any_time("placed")], "header_font_size": 0.4, "subheader_font_size": 0.15,
                 "y_axis_format": ",.2f", "time_format": "smart_date", "conditional_formatting": []},
                _query(metrics=["revenue"], filters=[{"col": "placed", "op": "TEMPORAL_RANGE", "val": "No filter"}]))
    yield _series("echarts_timeseries_line", "Revenue by month and region", orders, "placed", "revenue", ["region"], "P1M",
                  seriesType="line", markerEnabled=True)
    yield _series("echarts_timeseries_bar", "Orders by month and state", orders, "placed", "orders", ["state"], "P1M",
                  orientation="vertical", stack="Stack")
    columns = ["customer", "country"]
    yield _form("table", "Customers", customers,
                {"query_mode": "aggregate", "groupby": columns, "metrics": ["revenue", "orders"], "all_columns": [], "percent_metrics": [],
                 "adhoc_filters": [], "order_by_cols": [], "row_limit": 1000, "server_page_length": 10, "order_desc": True,
                 "table_timestamp_format": "smart_date", "show_cell_bars": True, "color_pn": True, "allow_render_html": False,
                 "temporal_columns_lookup": {}},
                _query(columns=columns, metrics=["revenue", "orders"], orderby=[["revenue", False]], post_processing=[]))
    rows, across = ["country"], ["state"]
    yield _form("pivot_table_v2", "Revenue by country and state", customers,
                {"groupbyRows": rows, "groupbyColumns": across, "metrics": ["revenue"], "metricsLayout": "COLUMNS", "adhoc_filters": [],
                 "row_limit": 10000, "order_desc": True, "aggregateFunction": "Sum", "valueFormat": "SMART_NUMBER",
                 "date_format": "smart_date", "rowOrder": "key_a_to_z", "colOrder": "key_a_to_z", "rowTotals": True, "colTotals": True,
                 "temporal_columns_lookup": {}},
                _query(columns=across + rows, metrics=["revenue"], orderby=[["revenue", False]], row_limit=10000))
    yield _form("pie", "Visits by channel", visits,
                {"groupby": ["channel"], "metric": "visits", "adhoc_filters": [_any_time("day")], "row_limit": 100, "sort_by_metric": True,
                 "color_scheme": "supersetColors", "show_labels_threshold": 5, "show_legend": True, "legendType": "scroll",
                 "legendOrientation": "top", "label_type": "key_value", "number_format": "SMART_NUMBER", "date_format": "smart_date",
                 "show_labels": True, "labels_outside": True, "outerRadius": 70, "innerRadius": 30},
                _query(columns=["channel"], metrics=["visits"], orderby=[["visits", False]], row_limit=100,
                       filters=[{"col": "day", "op": "TEMPORAL_RANGE", "val": "No filter"}]))
    listed = ["id", "region", "state", "amount", "note"]
    yield _form("table", "Latest orders", orders,
                {"query_mode": "raw", "groupby": [], "metrics": [], "all_columns": listed, "percent_metrics": [],
                 "adhoc_filters": [_any_time("placed")], "order_by_cols": ['["id", false]'], "row_limit": 50, "server_page_length": 10,
                 "order_desc": True, "table_timestamp_format": "smart_date", "show_cell_bars": False, "color_pn": False,
                 "allow_render_html": False, "temporal_columns_lookup": {"placed": True}},
                _query(columns=listed, orderby=[["id", False]], row_limit=50, post_processing=[],
                       filters=[{"col": "placed", "op": "TEMPORAL_RANGE", "val": "No filter"}]))


def contexts(made):
    """What the page of the dashboard asks for each chart of what build() made: {number: body of /api/v1/chart/data}."""
    numbers = made["charts"]
    return {numbers[chart["slice_name"]]: _context(chart, chart["params"] | {
        "slice_id": numbers[chart["slice_name"]], "dashboardId": made["dashboard"]}) for chart in _charts(made["datasets"])}


def filter_context(made):
    """What it asks for the values of its filter."""
    form = {"datasource": f"{made['datasets']['orders']['id']}__table", "groupby": ["region"], "adhoc_filters": [], "extra_filters": [],
            "extra_form_data": {}, "metrics": ["count"], "row_limit": 1000, "viz_type": "filter_select", "type": "NATIVE_FILTER",
            "dashboardId": made["dashboard"], "native_filter_id": "NATIVE_FILTER-region"}
    return _context({"dataset": made["datasets"]["orders"], "queries": [_query(columns=["region"], orderby=[["region", True]])]}, form)


def _context(chart, form):
    return {"datasource": {"id": chart["dataset"]["id"], "type": "table"}, "force": False, "queries": list(chart["queries"]),
            "form_data": form, "result_format": "json", "result_type": "full"}


def _chart(call, chart, dashboard):
    """Without the stored query context Superset tells guests that they may not modify the chart's payload."""
    source = {"id": chart["dataset"]["id"], "type": "table"}
    made = call("POST", "/api/v1/chart/", {
        "slice_name": chart["slice_name"], "viz_type": chart["viz_type"], "datasource_id": source["id"], "datasource_type": "table",
        "params": json.dumps(chart["params"]), "dashboards": [dashboard]})["id"]
    form = chart["params"] | {"slice_id": made}
    call("PUT", f"/api/v1/chart/{made}", {"params": json.dumps(form), "query_context": json.dumps(_context(chart, form))})
    return made


# ---- the dashboard ----

LAYOUT = (  # rows of (chart, width in twelfths), height in units of eight pixels
    (30, (("Revenue", 3), ("Revenue by month and region", 9))),
    (36, (("Orders by month and state", 6), ("Visits by channel", 6))),
    (42, (("Customers", 6), ("Revenue by country and state", 6))),
    (42, (("Latest orders", 12),)),
)


def _positions(charts):
    rows = [f"ROW-{at}" for at in range(len(LAYOUT))]
    made = {"DASHBOARD_VERSION_KEY": "v2", "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
            "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": rows, "parents": ["ROOT_ID"]},
            "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": "Sales"}}}
    for row, (height, cells) in zip(rows, LAYOUT):
        names = [f"CHART-{charts[name]}" for name, _ in cells]
        made[row] = {"type": "ROW", "id": row, "children": names, "parents": ["ROOT_ID", "GRID_ID"],
                     "meta": {"background": "BACKGROUND_TRANSPARENT"}}
        for key, (name, width) in zip(names, cells):
            made[key] = {"type": "CHART", "id": key, "children": [], "parents": ["ROOT_ID", "GRID_ID", row],
                         "meta": {"chartId": charts[name], "sliceName": name, "width": width, "height": height}}
    return made


def _metadata(charts, datasets):
    filtered = [charts[name] for name in ("Revenue", "Revenue by month and region", "Orders by month and state", "Latest orders")]
    others = [number for number in charts.values() if number not in filtered]
    region = {"id": "NATIVE_FILTER-region", "name": "Region", "type": "NATIVE_FILTER", "filterType": "filter_select", "description": "",
              "targets": [{"datasetId": datasets["orders"]["id"], "column": {"name": "region"}}], "cascadeParentIds": [],
              "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
              "controlValues": {"multiSelect": True, "enableEmptyFilter": False, "defaultToFirstItem": False, "inverseSelection": False,
                                "searchAllOptions": False},
              "scope": {"rootPath": ["ROOT_ID"], "excluded": others}, "chartsInScope": filtered, "tabsInScope": []}
    return {"native_filter_configuration": [region], "chart_configuration": {}, "global_chart_configuration": {
                "scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "chartsInScope": list(charts.values())},
            "color_scheme": "supersetColors", "refresh_frequency": 0, "expanded_slices": {}, "label_colors": {}, "timed_refresh_immune_slices": [],
            "cross_filters_enabled": True, "filter_bar_orientation": "HORIZONTAL"}
