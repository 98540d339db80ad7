# SPDX-License-Identifier: Apache-2.0
"""Whom one may choose from: Superset's lists of owners, makers and editors (/api/v1/*/related/*) name every person of every tenant
to whoever may open a list of charts, in several ways that its own setting for it does not reach. Here they show the people and the
role of the caller's own tenant. Admins, who make and remove people, see all.
"""
from flask import g, has_request_context, request
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import event, or_
from sqlalchemy.orm import Session, with_loader_criteria

PREFIX = "rg."  # of tenants' roles


def is_list():
    return has_request_context() and (request.endpoint or "").endswith(".related")


@event.listens_for(Session, "do_orm_execute")
def _narrow(state):
    if not is_list() or not state.is_select or state.is_relationship_load or state.is_column_load:
        return
    if g.get("rowgate_is_loading") or g.get("rowgate_is_admin"):
        return
    own = g.get("rowgate_tenant", PREFIX)  # nobody has that one
    state.statement = state.statement.options(
        with_loader_criteria(User, User.roles.any(Role.name == own), propagate_to_loaders=False),
        with_loader_criteria(Role, or_(Role.name == own, Role.name.not_like(f"{PREFIX}%")), propagate_to_loaders=False))
