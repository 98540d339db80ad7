# SPDX-License-Identifier: Apache-2.0
"""Looks at Superset from the inside, for tests: routes and Celery tasks that say which passage (rowgate_superset.passage) they have.
Loaded by FLASK_APP_MUTATOR in web and worker processes alike.

    /probe/stream?pieces=20          the capsule, once for each piece of a streamed answer, which another thread may interleave
    /probe/thread?database=1&sql=    a thread of its own asks the database
    /probe/task?pause=0.1            what a Celery task has, twice; waits for it
    /probe/retry?database=1&sql=     a Celery task that fails once, is tried again, and asks the database then
    /probe/chain                     what a task has that another task began
"""
import datetime
import threading
import time

from flask import Response, current_app, jsonify, request
from rowgate_superset import passage


def capsule_backwards():
    """Celery writes what a task returns to its log, where a capsule is looked for."""
    return passage.current().capsule[::-1]


def outcome(result, seconds=90):
    """Asked for again and again: Celery's own waiting for news from Redis is not for several threads of one process."""
    deadline = time.monotonic() + seconds
    while not result.ready():
        if time.monotonic() > deadline:
            raise TimeoutError("the task did not end")
        time.sleep(0.05)
    return result.get(disable_sync_subtasks=False)


def query(database, sql):
    from superset import db
    from superset.models.core import Database
    try:
        return db.session.get(Database, database).get_df(sql, None, "sales").to_csv()
    except Exception as error:
        return f"refused: {error}"


def let_reports_run_on_sqlite():
    """Celery hands a task its eta as text; PostgreSQL takes that for a time, SQLite does not."""
    from superset.commands.report.execute import AsyncExecuteReportScheduleCommand as Command
    made = Command.__init__

    def with_a_time(self, task_id, model_id, scheduled):
        made(self, task_id, model_id, datetime.datetime.fromisoformat(scheduled).replace(tzinfo=None))

    Command.__init__ = with_a_time


def add_routes(app):
    from superset.extensions import celery_app
    let_reports_run_on_sqlite()

    @celery_app.task(name="probe.tell")
    def tell(pause):
        first = capsule_backwards()
        time.sleep(pause)
        return [first, capsule_backwards()]

    @celery_app.task(name="probe.retry", bind=True, max_retries=2)
    def retry(self, database, sql):
        if self.request.retries == 0:
            raise self.retry(countdown=0)
        return [capsule_backwards(), query(database, sql)]

    @celery_app.task(name="probe.begin")
    def begin():
        return [tell.delay(0).id]

    def own_arguments():
        return int(request.args["database"]), request.args["sql"]

    @app.route("/probe/stream")
    def stream():
        pieces = int(request.args["pieces"])

        def content():
            for _ in range(pieces):
                time.sleep(0.002)  # lets the other threads in; nothing is judged by the time
                yield passage.current().capsule + "\n"

        return Response(content(), mimetype="text/plain")

    @app.route("/probe/thread")
    def thread():
        database, sql = own_arguments()
        found = []
        application = current_app._get_current_object()

        def work():
            with application.app_context():
                found.append(query(database, sql))

        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        return found[0]

    @app.route("/probe/task")
    def task():
        return jsonify(outcome(tell.delay(float(request.args["pause"]))))

    @app.route("/probe/retry")
    def again():
        return jsonify(outcome(retry.delay(*own_arguments())))

    @app.route("/probe/chain")
    def chain():
        inner = outcome(begin.delay())[0]
        return jsonify(outcome(celery_app.AsyncResult(inner)))
