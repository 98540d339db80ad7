# SPDX-License-Identifier: Apache-2.0
"""A witness as a process of its own, and what a test needs to talk to one by hand."""
import http.client
import json
import pathlib
import ssl
import subprocess

import stack as stacks


class Witness:
    """rowgate audit witness on a free loopback port. roots: lines of root keys."""

    def __init__(self, directory, name="witness.example/w1", roots=(), tls=None, options=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.key = self.directory / "key.pem"
        self.state = self.directory / "state"
        self.log = self.directory / "log"
        self.roots = list(roots)
        self.tls = tls  # a directory with server.crt and server.key
        self.options = list(options)
        self.process = None
        self.port = 0
        if not self.key.exists():
            subprocess.run([stacks.binary(), "audit", "witness", "init", "--name", name, "--key", self.key], check=True,
                           capture_output=True)
        self.vkey = (self.directory / "key.pem.vkey").read_text().strip()

    def command(self):
        command = [stacks.binary(), "audit", "witness", "--listen", f"127.0.0.1:{self.port}", "--key", self.key, "--state", self.state]
        for root in self.roots:
            command += ["--log", root]
        if self.tls:
            command += ["--certificate", f"{self.tls}/server.crt", "--private-key", f"{self.tls}/server.key"]
        return command + self.options

    def start(self):
        start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stacks.wait_for(lambda: self.process.poll() is not None or self.events("witness.ready", start), "the witness")
        if self.process.poll() is not None:
            raise RuntimeError(f"the witness does not start: {self.log.read_text()}")
        self.port = self.events("witness.ready", start)[0]["port"]
        return self

    def events(self, name, start=0):
        lines = self.log.read_bytes()[start:].decode(errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in found if event["event"] == name]

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def ask(self, body, path="/add-checkpoint", method="POST"):
        """(status, content type, body)"""
        if self.tls:
            context = ssl.create_default_context(cafile=f"{self.tls}/server.crt")
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body)
        answer = connection.getresponse()
        result = answer.status, answer.getheader("content-type"), answer.read()
        connection.close()
        return result

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        stacks.end(self.process)
        code = None if self.process is None else self.process.returncode
        self.process = None
        return code

    def table(self, name="w1"):
        """The configuration of a rowgate that asks it."""
        return f'[[audit.witnesses]]\nname = "{name}"\nurl = "{self.url}"\nkey = "{self.vkey}"\ntimeout = "5s"\n' + (
            f'ca_file = "{self.tls}/server.crt"\n' if self.tls else "")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
