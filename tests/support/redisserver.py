# SPDX-License-Identifier: Apache-2.0
"""A private Redis for tests: loopback, a free port, nothing on disk, stopped by process id.

    with redisserver.Redis() as redis:
        redis.url, redis.client.keys("*")
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pgtest
import stack


class Redis:
    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-redis."))
        self.port = pgtest.free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(["/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
                                         "--appendonly", "no", "--dir", self.directory], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            stack.wait_for(lambda: stack.answers(self.port), "Redis")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stack.end(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def client(self, database=0):
        """Of the Python package that Superset brings."""
        import superset
        if str(superset.fetch()) not in sys.path:
            sys.path.append(str(superset.fetch()))
        import redis
        return redis.Redis(host="127.0.0.1", port=self.port, db=database)
