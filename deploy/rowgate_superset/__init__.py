# SPDX-License-Identifier: Apache-2.0
"""Superset's side of rowgate: the settings. Import it at the end of your own superset_config.py:

    from rowgate_superset import *
    FEATURE_FLAGS = {**FEATURE_FLAGS, "ALERT_REPORTS": True}   # yours go behind it
    ROWGATE_ROLES = {"": ["Gamma"], "analyst": ["sql_lab"]}

    identity.py     who is calling: what rowgate signed, and nothing else
    passage.py      carries the caller's capsule through requests, threads and Celery's queue
    connection.py   hands the capsule to the database instead of a stored password
    people.py       whom of others one is shown
    caches.py       what one view stored, no other view finds
    async_queries.py   global async queries without Superset's cookie

rowgate trusts none of this: a capsule is checked where it is used, by rowgate, and the rows are filtered there. What is here
makes Superset work, and keeps its caches from mixing tenants. Superset must be reachable by rowgate alone.

Works with Superset 6.0 and 6.1. Environment: see docs/superset-side.md.
"""
import os
import pathlib
import secrets

from flask_appbuilder.const import AUTH_REMOTE_USER
from rowgate_superset import caches, connection, identity, passage, people  # noqa: F401


def _words(name):
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def _public_key():
    path = os.environ.get("ROWGATE_IDENTITY_PUBLIC_KEY")
    if not path:
        raise RuntimeError("ROWGATE_IDENTITY_PUBLIC_KEY is not set: the path of rowgate's public key (PEM)")
    return pathlib.Path(path).read_text()


# The public half of identity_key of [upstreams.NAME].
ROWGATE_PUBLIC_KEY = _public_key()
# What a role of rowgate's [claims] "roles" is worth here; "" is everybody's. Nobody is Admin unless you write it.
ROWGATE_ROLES = {"": ["Gamma"]}
# rowgate's SQL listeners, "host:port" as in the databases' addresses. Any other database is refused, unless you allow them.
ROWGATE_DATABASES = _words("ROWGATE_DATABASES")
ROWGATE_ALLOW_OTHER_DATABASES = False
# Who signed the certificates of these listeners; None = libpq's own default.
ROWGATE_CA_FILE = os.environ.get("ROWGATE_CA_FILE")
# Alerts, which nobody asks for: {"rg.TENANT": ("account", "password or env:NAME")}, a service account of rowgate that may read
# what this tenant's alerts read and no more. ROWGATE_REPORTS_DATABASE: a listener of their own, where nobody has a capsule.
ROWGATE_REPORTS = {}
ROWGATE_REPORTS_DATABASE = os.environ.get("ROWGATE_REPORTS_DATABASE")

CUSTOM_SECURITY_MANAGER = identity.RowgateSecurityManager
AUTH_TYPE = AUTH_REMOTE_USER  # no form for passwords; identity.py takes no password either
ADDITIONAL_MIDDLEWARE = [passage.Middleware]
DB_CONNECTION_MUTATOR = connection.mutate

# Embedded dashboards: rowgate alone can make guest tokens, Superset has only the public key.
FEATURE_FLAGS = {"EMBEDDED_SUPERSET": True, "CACHE_QUERY_BY_USER": True}
GUEST_ROLE_NAME = identity.GUEST_ROLE  # made by `superset init`
GUEST_TOKEN_JWT_ALGO = "EdDSA"
GUEST_TOKEN_JWT_SECRET = ROWGATE_PUBLIC_KEY
GUEST_TOKEN_JWT_AUDIENCE = "superset"

GLOBAL_ASYNC_QUERY_MANAGER_CLASS = "rowgate_superset.async_queries.RowgateAsyncQueryManager"
GLOBAL_ASYNC_QUERIES_REGISTER_REQUEST_HANDLERS = False
GLOBAL_ASYNC_QUERIES_JWT_SECRET = secrets.token_urlsafe(32)  # of a cookie that is not used; must be long

# Redis for every cache of Superset that may hold rows or names: "redis://host:6379/0". Without it Superset caches none of them.
if os.environ.get("ROWGATE_CACHE"):
    globals().update(caches.settings(os.environ["ROWGATE_CACHE"]))

# rowgate sets these headers itself and drops those that clients send.
ENABLE_PROXY_FIX = True
PROXY_FIX_CONFIG = {"x_for": 1, "x_proto": 1, "x_host": 1, "x_port": 1, "x_prefix": 0}

# Nobody keeps a session with Superset (rowgate drops its cookies), so there is nowhere to keep a CSRF token. rowgate refuses
# requests that another site caused: they carry another Origin.
WTF_CSRF_ENABLED = False
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# Nobody who is not logged in is anybody.
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False
