# SPDX-License-Identifier: Apache-2.0
"""DB_CONNECTION_MUTATOR: every connection to rowgate is opened with the caller's capsule; without one, with a password that
rowgate refuses. The password that is stored with the database is never sent.

Whoever may edit a database in Superset could otherwise choose where capsules are sent and who is believed to be rowgate there.
So the connection is made anew: the address must be one of ROWGATE_DATABASES, TLS and its authority are not the database's to
say, and of the other parameters a few harmless ones stay.
"""
import os

import celery
from flask import current_app, g
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool
from superset.exceptions import SupersetSecurityException
from superset.errors import ErrorLevel, SupersetError, SupersetErrorType

from rowgate_superset import passage

DRIVER = "postgresql+psycopg2"
NOT_A_PASSWORD = "none"  # rowgate refuses it and has it on record
KEPT = ("application_name", "client_encoding", "connect_timeout", "options")


class RowgateRefused(SupersetSecurityException):
    def __init__(self, message):
        super().__init__(SupersetError(message=message, error_type=SupersetErrorType.DATABASE_SECURITY_ACCESS_ERROR, level=ErrorLevel.ERROR))


def mutate(uri, params, username, _security_manager, _source):
    address = f"{uri.host}:{uri.port or 5432}"
    if address not in current_app.config["ROWGATE_DATABASES"]:
        if current_app.config["ROWGATE_ALLOW_OTHER_DATABASES"]:
            return uri, params
        raise RowgateRefused(f"{address} is not a database of rowgate's (ROWGATE_DATABASES)")
    if uri.get_backend_name() != "postgresql":
        raise RowgateRefused("rowgate speaks PostgreSQL's protocol: postgresql+psycopg2://")
    user, password, address = _credential(username, address)
    host, port = address.rsplit(":", 1)
    arguments = {name: value for name, value in params.get("connect_args", {}).items() if name in KEPT}
    # The password is no part of the URL: Superset writes URLs to its log.
    arguments |= {"password": password, "sslmode": "verify-full"}
    if current_app.config["ROWGATE_CA_FILE"]:
        arguments["sslrootcert"] = current_app.config["ROWGATE_CA_FILE"]
    made = URL.create(DRIVER, username=user, host=host, port=int(port), database=uri.database)
    return made, {"poolclass": NullPool, "use_native_hstore": False, "connect_args": arguments}


def _credential(username, address):
    """User, password and address of the connection. The user is for the record, rowgate believes the capsule alone."""
    user = username or passage.current().user or "nobody"
    capsule = passage.current().capsule or _guest_capsule()
    if capsule:
        return user, capsule, address
    account = _report_account()
    if account:
        return *account, current_app.config["ROWGATE_REPORTS_DATABASE"] or address
    return user, NOT_A_PASSWORD, address


def _guest_capsule():
    """A guest's own token has one as well: what Superset hands on without the request."""
    token = getattr(g.get("user"), "guest_token", None) or {}
    return token.get("rowgate") if isinstance(token.get("rowgate"), str) else None


def _report_account():
    """The narrow account of the tenant in whose name an alert runs; None when this is no alert, or not exactly one tenant's."""
    task = celery.current_task
    if not task or task.request.called_directly or task.name != "reports.execute":
        return None
    accounts = current_app.config["ROWGATE_REPORTS"]
    tenants = {tuple(role.name for role in person.roles if role.name.startswith("rg.")) for person in _people_of_alert(task)}
    tenant, = tenants.pop() if len(tenants) == 1 and len(next(iter(tenants))) == 1 else ("",)
    if tenant not in accounts:
        return None
    name, password = accounts[tenant]
    return name, os.environ[password[4:]] if password.startswith("env:") else password


def _people_of_alert(task):
    """Whoever had a hand in it. Superset runs it as one of its owners, whoever wrote its text and hears what it found."""
    from superset.extensions import db  # not to be had while the configuration is read
    from superset.reports.models import ReportSchedule

    alert = db.session.get(ReportSchedule, task.request.args[0])
    people = [*alert.owners, alert.created_by, alert.changed_by]
    return [g.user, *(person for person in people if person is not None)]
