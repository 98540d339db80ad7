# SPDX-License-Identifier: Apache-2.0
"""A real HAProxy (Debian's) in front of rowgate's HTTP listener, on loopback, stopped by its id.

mode "tcp":  passes TLS through and tells the client's address by the PROXY protocol, version 1 or 2.
mode "http": ends plain HTTP itself, connects by TLS and tells the address in X-Forwarded-For.
"""

import pathlib
import shutil
import subprocess

import pgtest
import stack

BINARY = shutil.which("haproxy") or "/usr/sbin/haproxy"

CONFIG = """\
global
    maxconn 200
    log stderr local0 info
defaults
    mode {mode}
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    {defaults}
listen front
    bind 127.0.0.1:{port}
    server rowgate 127.0.0.1:{upstream} {options}
"""


class HAProxy:
    def __init__(self, directory, upstream_port, mode="tcp", options="send-proxy", defaults=""):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = pgtest.free_port()
        self.config = self.directory / "haproxy.cfg"
        self.config.write_text(CONFIG.format(mode=mode, port=self.port, upstream=upstream_port, options=options, defaults=defaults))
        self.process = None

    def __enter__(self):
        with open(self.directory / "haproxy.log", "ab") as log:
            self.process = subprocess.Popen([BINARY, "-db", "-f", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.wait_for(lambda: self.process.poll() is not None or stack.answers(self.port), "HAProxy")
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "haproxy.log").read_text())
        return self

    def __exit__(self, *_):
        stack.end(self.process)
