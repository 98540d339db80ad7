# SPDX-License-Identifier: Apache-2.0
"""Global async queries without cookies: rowgate keeps Superset's from the browser. The channel on which a caller hears that a
chart is ready follows from who the caller is.
"""
import hashlib
import hmac

from flask import current_app
from superset.async_events.async_query_manager import AsyncQueryManager, AsyncQueryTokenException
from superset.utils.core import get_username

from rowgate_superset import passage


class RowgateAsyncQueryManager(AsyncQueryManager):
    def parse_channel_id_from_request(self, req):
        name, view = get_username(), passage.current().view
        if not name or not view:
            raise AsyncQueryTokenException("rowgate did not say who is calling")
        key = str(current_app.config["SECRET_KEY"]).encode()
        return hmac.digest(key, f"{view} {name}".encode(), hashlib.sha256).hex()
