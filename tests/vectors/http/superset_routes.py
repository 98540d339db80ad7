#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints one request for each route that an installed Superset registers: "METHOD PATH", sorted.

    pip install apache-superset==6.1.0 flask-caching==2.3.1
    superset_routes.py > superset-6.1.0.routes

Captures become examples: numbers 12, UUIDs, words. Facts for test_http_route.c, which says of each of them whether
rowgate's table knows it; nothing runs against this Superset.
"""
import os
import re
import sys
import tempfile

CONFIG = """
SECRET_KEY = "x" * 40
GUEST_TOKEN_JWT_SECRET = "y" * 40
SQLALCHEMY_DATABASE_URI = "sqlite://"
FAB_ADD_SECURITY_API = FAB_ADD_SECURITY_VIEWS = FAB_API_SWAGGER_UI = True
FEATURE_FLAGS = {name: True for name in ("EMBEDDED_SUPERSET", "ALERT_REPORTS", "TAGGING_SYSTEM", "THUMBNAILS",
    "ENABLE_EXTENSIONS", "GLOBAL_TASK_FRAMEWORK", "DYNAMIC_PLUGINS", "ESTIMATE_QUERY_COST")}
CACHE_CONFIG = DATA_CACHE_CONFIG = FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {
    "CACHE_TYPE": "SimpleCache"}
"""
NUMBERS = {"pk", "datasource_id"}
UUIDS = {"uuid", "task_uuid"}


def example(match):
    converter, name = match.groups()
    if converter == "int:" or name in NUMBERS:
        return "12"
    if name in UUIDS:
        return "b5d5c5a2-6d0f-4c2b-9a33-0e6a3d1f2b77"
    return "12" if name.startswith("id_or_") else "word"


def main():
    with tempfile.NamedTemporaryFile("w", suffix=".py") as config:
        config.write(CONFIG)
        config.flush()
        os.environ["SUPERSET_CONFIG_PATH"] = config.name
        from superset.app import create_app

        requests = set()
        for rule in create_app().url_map.iter_rules():
            path = re.sub(r"<([a-z]+:)?([a-z_]+)>", example, rule.rule)
            requests |= {f"{method} {path}" for method in rule.methods - {"HEAD", "OPTIONS"}}
    print("\n".join(sorted(requests, key=lambda line: line.split()[::-1])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
