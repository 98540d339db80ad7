# SPDX-License-Identifier: Apache-2.0
"""What rowgate gave a request for its way through Superset, wherever the work is done: in the request, while its answer streams,
in a Celery task that it started, in a retry of that task. Never in the next request, thread or task.

    capsule   the sealed identity that rowgate's SQL plane takes instead of a password; opaque here
    view      names what this caller sees: same view, same rows. Part of every cache key
    secret    the key under which this view's cache entries are sealed; known to rowgate alone, and here while somebody asks
    user      Superset's name of the caller, for the record

A request gets a context of its own (PEP 567), so that there is nothing to put back afterwards. A thread that somebody starts has
no passage: what it asks of the database is refused.
"""
import contextvars
import typing

from celery import signals

CAPSULE_HEADER = "HTTP_X_ROWGATE_CAPSULE"
SECRET_HEADER = "HTTP_X_ROWGATE_CACHE_SECRET"
TASK_HEADER = "rowgate"


class Passage(typing.NamedTuple):
    capsule: str = ""
    secret: str = ""
    view: str = ""
    user: str = ""


NOBODY = Passage()
_current = contextvars.ContextVar("rowgate_passage", default=NOBODY)


def current():
    return _current.get()


def amend(**changes):
    _current.set(_current.get()._replace(**changes))


class Middleware:
    """Runs each request, and the streaming of its answer, with its own passage. The headers stay out of the application."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        own = contextvars.copy_context()
        own.run(_current.set, Passage(environ.pop(CAPSULE_HEADER, ""), environ.pop(SECRET_HEADER, "")))
        body = own.run(self.app, environ, start_response)
        if isinstance(body, environ.get("wsgi.file_wrapper", ())):
            return body  # a static file, which the server sends itself
        return _Answer(own, body)


class _Answer:
    def __init__(self, context, body):
        self._context = context
        self._body = body
        self._pieces = context.run(iter, body)

    def __iter__(self):
        return self

    def __next__(self):
        return self._context.run(next, self._pieces)

    def close(self):
        if hasattr(self._body, "close"):
            self._context.run(self._body.close)


@signals.before_task_publish.connect
def _pack(headers=None, **_):
    if headers is not None and current() != NOBODY:
        headers[TASK_HEADER] = list(current())


@signals.task_prerun.connect
def _unpack(task=None, **_):
    if not task.request.is_eager:  # an eager task runs in its caller's place
        _current.set(NOBODY)  # Celery goes on where a signal's receiver fails
        _current.set(Passage(*task.request.get(TASK_HEADER) or ()))


@signals.task_postrun.connect
def _forget(task=None, **_):
    if not task.request.is_eager:
        _current.set(NOBODY)
