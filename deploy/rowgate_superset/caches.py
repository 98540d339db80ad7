# SPDX-License-Identifier: Apache-2.0
"""Superset's caches in Redis, each view's in a room of its own: rows, lists of tables and schemas, filter states, results of
SQL Lab. Superset's own keys name neither tenant nor view. Where there is no view, nothing is stored and nothing is found.

What is stored is sealed with the view's secret, which rowgate sends along with a request and nobody keeps: who reads Redis, or
all of Superset's machine, reads no rows of people who are not there; who writes to it plants neither rows nor pickles.
"""
import base64
import os

import redis
from cachelib.serializers import RedisSerializer
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask_caching.backends.rediscache import RedisCache

from rowgate_superset import passage

NONCE_BYTES = 12
DAY = 24 * 60 * 60


def _is_open():
    return bool(passage.current().view and passage.current().secret)


class SealedSerializer(RedisSerializer):
    """AES-256-GCM around what Superset stores."""

    def dumps(self, value, *arguments, **options):
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, super().dumps(value, *arguments, **options), None)

    def loads(self, value):
        if value is None:
            return None
        try:
            return super().loads(self._cipher().decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], None))
        except (InvalidTag, ValueError):
            return None  # not there, then

    @staticmethod
    def _cipher():
        return AESGCM(base64.urlsafe_b64decode(passage.current().secret + "="))


class ViewCache(RedisCache):
    serializer = SealedSerializer()

    @property
    def key_prefix(self):
        return f"{self._name}{passage.current().view}."

    @key_prefix.setter
    def key_prefix(self, name):
        self._name = name

    def get(self, key):
        return super().get(key) if _is_open() else None

    def get_many(self, *keys):
        return super().get_many(*keys) if _is_open() else [None for _ in keys]

    def has(self, key):
        return super().has(key) if _is_open() else False

    def set(self, key, value, timeout=None):
        return super().set(key, value, timeout) if _is_open() else False

    def add(self, key, value, timeout=None):
        return super().add(key, value, timeout) if _is_open() else False

    def set_many(self, mapping, timeout=None):
        return super().set_many(mapping, timeout) if _is_open() else []


def _cache(url, name, seconds):
    return {"CACHE_TYPE": "rowgate_superset.caches.ViewCache", "CACHE_REDIS_URL": url, "CACHE_KEY_PREFIX": f"rg.{name}.",
            "CACHE_DEFAULT_TIMEOUT": seconds}


def settings(url):
    """Superset's settings for all its caches in one Redis."""
    options = redis.connection.parse_url(url)
    queue = {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_HOST": options.get("host", "localhost"), "CACHE_REDIS_PORT": options.get("port", 6379),
             "CACHE_REDIS_USER": options.get("username", ""), "CACHE_REDIS_PASSWORD": options.get("password", ""),
             "CACHE_REDIS_DB": options.get("db", 0), "CACHE_REDIS_SSL": url.startswith("rediss:"), "CACHE_DEFAULT_TIMEOUT": 300}
    return {
        "CACHE_CONFIG": _cache(url, "meta", DAY),
        "DATA_CACHE_CONFIG": _cache(url, "data", DAY),
        "FILTER_STATE_CACHE_CONFIG": _cache(url, "filter", 90 * DAY) | {"REFRESH_TIMEOUT_ON_RETRIEVAL": True},
        "EXPLORE_FORM_DATA_CACHE_CONFIG": _cache(url, "explore", 7 * DAY) | {"REFRESH_TIMEOUT_ON_RETRIEVAL": True},
        "THUMBNAIL_CACHE_CONFIG": _cache(url, "thumbnail", 7 * DAY),
        "RESULTS_BACKEND": ViewCache(host=redis.Redis.from_url(url), key_prefix="rg.results.", default_timeout=DAY),
        "GLOBAL_ASYNC_QUERIES_CACHE_BACKEND": queue,
    }
