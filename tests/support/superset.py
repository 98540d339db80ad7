# SPDX-License-Identifier: Apache-2.0
"""A real Apache Superset for tests, with deploy/superset_config.py: from PyPI into build/ once, its metadata a copy of a database
made once, on a free loopback port, stopped by process id. Tests that use it are marked external.

    with superset.Superset(public_key_pem) as running:
        requests.get(running.url + "/api/v1/me/", headers={"X-Rowgate-Identity": token})

redis: a redisserver.Redis for its caches and for Celery's queue. pool: a Celery worker of its own, "prefork" or "threads".
databases: addresses of rowgate's SQL plane; ca_file: who signed its certificate. more: lines at the end of superset_config.py.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import pgtest
import stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "superset"
DEPLOY = ROOT / "deploy"
INSIDE = ROOT / "tests" / "support" / "superset_inside"
# 6.1.0 needs rich and cachetools without saying so, a flask-caching that does not yet pass a keyword its own cache does not know, and
# a kombu that takes the redis it pins.
PACKAGES = ("apache-superset==6.1.0", "flask-caching==2.3.1", "rich==14.2.0", "celery==5.5.3", "kombu==5.5.4", "cachetools==5.5.2", "gunicorn==23.0.0", "psycopg2-binary==2.9.11")
START_SECONDS = 600  # 30 when nothing else runs

CONFIG = """
from rowgate_superset import *
SECRET_KEY = "for tests only: forty bytes of nothing much"
SQLALCHEMY_DATABASE_URI = "sqlite:///{database}?check_same_thread=false&timeout=60"
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
{celery}
{more}
"""
CELERY = """
class CELERY_CONFIG:
    broker_url = "{url}/1"
    result_backend = "{url}/2"
    imports = ("superset.sql_lab", "superset.tasks.scheduler")
    worker_prefetch_multiplier = 1
    broker_connection_retry_on_startup = True
"""


def fetch():
    """The directory that holds Superset's packages; downloads some 250 MB when it is not there."""
    HOME.mkdir(parents=True, exist_ok=True)
    name = "python-" + hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (HOME / name).exists():
            part = HOME / "part"
            shutil.rmtree(part, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", part, *PACKAGES], check=True, timeout=1800)
            part.rename(HOME / name)
    return HOME / name


class Superset:
    def __init__(self, public_key, more="", workers=1, redis=None, pool=None, databases=(), ca_file=None, environment=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-superset-"))
        self.packages = fetch()
        self.key_path = self.directory / "identity.pub.pem"
        self.key_path.write_text(public_key)
        self.database = self.directory / "meta.db"
        self.log_path = self.directory / "log"
        self.more = more
        self.workers = workers
        self.redis = redis
        self.pool = pool
        self.databases = databases
        self.ca_file = ca_file
        self.extra = environment or {}
        self.process = self.worker = None
        self.port = pgtest.free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def environment(self, database=None):
        config = self.directory / "superset_config.py"
        celery = CELERY.format(url=self.redis.url) if self.redis else ""
        config.write_text(CONFIG.format(database=database or self.database, celery=celery, more=self.more))
        made = {**os.environ, "PYTHONPATH": f"{self.packages}:{DEPLOY}:{INSIDE}", "SUPERSET_CONFIG_PATH": str(config),
                "SUPERSET_HOME": str(self.directory), "FLASK_APP": "superset.app:create_app()",
                "ROWGATE_IDENTITY_PUBLIC_KEY": str(self.key_path), "ROWGATE_DATABASES": ",".join(self.databases)}
        if self.ca_file:
            made["ROWGATE_CA_FILE"] = str(self.ca_file)
        if self.redis:
            made["ROWGATE_CACHE"] = f"{self.redis.url}/0"
        return made | self.extra

    def command(self, *words, database=None):
        self.process = subprocess.Popen([sys.executable, "-c", "from superset.cli.main import superset; superset()", *words], text=True,
                                        env=self.environment(database), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        process = self.process  # stop() may take it away
        try:
            _, errors = process.communicate(timeout=1200)
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            raise RuntimeError(f"superset {' '.join(words)}: {errors[-3000:]}")

    def prepare(self):
        """A copy of one metadata database with all tables, roles and permissions; made once."""
        roles = hashlib.sha256((DEPLOY / "rowgate_superset" / "identity.py").read_bytes()).hexdigest()[:8]
        ready = HOME / f"meta-{self.packages.name}-{roles}.db"
        with open(HOME / "meta.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready.exists():
                part = HOME / "meta-part.db"
                part.unlink(missing_ok=True)
                self.command("db", "upgrade", database=part)
                self.command("init", database=part)
                part.rename(ready)
        shutil.copyfile(ready, self.database)

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.prepare()
            undo.callback(self.stop)
            self.start()
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def python(self, text, **options):
        """Runs text as somebody who is inside Superset's machine: its packages, configuration, secrets, metadata and Redis."""
        return subprocess.run([sys.executable, "-c", text], text=True, env=self.environment() | options.pop("environment", {}),
                              cwd=self.directory, capture_output=True, timeout=300, **options)

    def spawn(self, *words):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen([sys.executable, "-m", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(),
                                    cwd=self.directory)

    def start(self):
        self.process = self.spawn("gunicorn", "-w", str(self.workers), "-k", "gthread", "--threads", "4", "--timeout", "120",
                                  "--graceful-timeout", "10", "-b", f"127.0.0.1:{self.port}", "superset.app:create_app()")
        if self.pool:
            self.start_worker()
        self.wait_for(self.is_healthy, self.process)
        if self.pool:
            self.wait_for(lambda: b"ready." in self.log_path.read_bytes(), self.worker)

    def start_worker(self):
        self.worker = self.spawn("celery", "--app=superset.tasks.celery_app:app", "worker", f"--pool={self.pool}", "--concurrency=2",
                                 "--loglevel=INFO", "--without-gossip", "--without-mingle", "--without-heartbeat")

    def is_healthy(self):
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=10) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait_for(self, condition, process):
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                failure = RuntimeError if process.poll() is not None else stack.Late
                raise failure("Superset did not start: " + self.log_path.read_text()[-3000:])
            time.sleep(0.2)

    def stop(self):
        running = [process for process in (self.worker, self.process) if process is not None and process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.process = self.worker = None
