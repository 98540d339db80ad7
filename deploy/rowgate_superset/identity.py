# SPDX-License-Identifier: Apache-2.0
"""Who is calling: rowgate signs a token of a minute for each request, in the header X-Rowgate-Identity, which no client can set;
here it is checked with rowgate's public key. The user is made on first sight, with a role for the tenant (rg.TENANT) and the
roles that ROWGATE_ROLES gives. A guest of an embedded dashboard comes with a guest token of rowgate's, made for this request too.
"""
import logging
import uuid

import jwt
from flask import current_app, g
from superset.security import SupersetSecurityManager

from rowgate_superset import passage

logger = logging.getLogger("rowgate")

LEEWAY_SECONDS = 5
GUEST_ROLE = "RowgateGuest"
# What an embedded dashboard asks for: to be shown, filtered, drilled into, exported. No dataset, no SQL Lab, no Explore.
GUEST_PERMISSIONS = {
    ("can_read", "Dashboard"), ("can_read", "EmbeddedDashboard"), ("can_dashboard", "Superset"), ("can_drill", "Dashboard"),
    ("can_view_chart_as_table", "Dashboard"), ("can_read", "Chart"), ("can_explore_json", "Superset"), ("can_csv", "Superset"),
    ("can_read", "Dataset"), ("can_get_drill_info", "Dataset"), ("can_samples", "Datasource"), ("can_get_column_values", "Datasource"),
    ("can_read", "DashboardFilterStateRestApi"), ("can_write", "DashboardFilterStateRestApi"),
    ("can_read", "DashboardPermalinkRestApi"), ("can_write", "DashboardPermalinkRestApi"), ("can_list", "AsyncEventsRestApi"),
    ("can_time_range", "Api"), ("can_read", "CurrentUserRestApi"), ("can_read", "SecurityRestApi"), ("can_read", "Theme"),
    ("can_read", "CssTemplate"), ("can_log", "Superset"), ("can_language_pack", "Superset"),
}


def identity_claims(token):
    """The claims of a token that rowgate signed just now for us; None for anything else."""
    try:
        claims = jwt.decode(token, current_app.config["ROWGATE_PUBLIC_KEY"], algorithms=["EdDSA"], audience="superset", issuer="rowgate",
                            leeway=LEEWAY_SECONDS, options={"require": ["exp", "iat", "aud", "iss", "sub", "tenant", "roles"]})
    except jwt.PyJWTError as error:
        logger.warning("rowgate: identity refused: %s", error)
        return None
    is_sound = (all(isinstance(claims[key], str) and claims[key] for key in ("sub", "tenant")) and claims["sub"].startswith("rg-")
                and isinstance(claims["roles"], list) and all(isinstance(role, str) for role in claims["roles"])
                and isinstance(claims.get("name", ""), str) and isinstance(claims.get("view", ""), str))
    if not is_sound:
        logger.warning("rowgate: identity refused: its claims are not what rowgate writes")
        return None
    return claims


def guest_view(token):
    """The view of a guest: its name is rg.TENANT.VIEW.PERSON, and the same stands in a rule that is true of every row and so in
    every query; "" when it does not."""
    parts = str(token["user"].get("username", "")).split(".")
    if len(parts) != 4 or parts[0] != "rg":
        return ""
    marker = ".".join(parts[:3])
    is_marked = any(rule.get("clause") == f"'{marker}' = '{marker}'" and not rule.get("dataset") for rule in token["rls_rules"])
    return parts[2] if is_marked else ""


class RowgateSecurityManager(SupersetSecurityManager):
    """Users come from rowgate alone."""

    register_superset_auth_view = False

    def request_loader(self, request):
        if g.get("rowgate_is_loading"):
            return None  # who writes a user's row, Superset asks while the row is written: nobody yet
        tokens = request.headers.getlist("X-Rowgate-Identity")
        if not tokens:
            return self._rowgate_guest(request)
        claims = identity_claims(tokens[0]) if len(tokens) == 1 else None
        g.rowgate_is_loading = True
        try:
            user = self._rowgate_user(claims) if claims else None
        finally:
            g.rowgate_is_loading = False
        if user is not None:
            g.rowgate_tenant = f"rg.{claims['tenant']}"
            g.rowgate_is_admin = any(role.name == current_app.config["AUTH_ROLE_ADMIN"] for role in user.roles)
            passage.amend(view=claims.get("view", ""), user=user.username)
        return user

    def auth_user_db(self, username, password):
        """POST /api/v1/security/login: passwords of before are worth nothing. The same of LDAP and of REMOTE_USER."""

    auth_user_ldap = auth_user_db

    def auth_user_remote_user(self, username):
        """GET /login/"""

    def get_rls_cache_key(self, datasource):
        """Part of the key of every chart's data, whatever cache it is kept in. Without a view: a key that nobody finds again."""
        return [f"rg.{passage.current().view or uuid.uuid4().hex}", *super().get_rls_cache_key(datasource)]

    def sync_role_definitions(self):
        super().sync_role_definitions()
        self.set_role(GUEST_ROLE, lambda pvm: (pvm.permission.name, pvm.view_menu.name) in GUEST_PERMISSIONS, self._get_all_pvms())

    def _rowgate_guest(self, request):
        guest = super().request_loader(request)
        if guest is None:
            return None
        view = guest_view(guest.guest_token)
        if not view:
            logger.warning("rowgate: a guest token without rowgate's marker")
            return None
        passage.amend(view=view, user=guest.username)
        return guest

    def _rowgate_user(self, claims):
        roles = self._rowgate_roles(claims)
        user = self.find_user(username=claims["sub"])
        if user is None:
            user = self._rowgate_add(claims, roles)
        if user is None or not user.is_active:
            return None
        if {role.id for role in user.roles} != {role.id for role in roles}:
            user.roles = roles
            self.update_user(user)
        return user

    def _rowgate_roles(self, claims):
        names = {f"rg.{claims['tenant']}"}
        for role in ["", *claims["roles"]]:
            names.update(current_app.config["ROWGATE_ROLES"].get(role, []))
        # add_role gives back the role that is there; one that ROWGATE_ROLES names and Superset does not have is made empty
        return [self.find_role(name) or self.add_role(name) for name in sorted(names)]

    def _rowgate_add(self, claims, roles):
        shown = claims.get("name") or claims["sub"]
        added = self.add_user(username=claims["sub"], first_name=shown[:64], last_name=claims["tenant"][:64],
                              email=f"{claims['sub']}@rowgate.invalid", role=roles)
        return added or self.find_user(username=claims["sub"])  # another worker may have been quicker
