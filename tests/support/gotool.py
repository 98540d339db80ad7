# SPDX-License-Identifier: Apache-2.0
"""Builds a Go program of the tests into build/, once; its modules come from the Go module proxy, checked against go.sum.
Tests that use it are marked external."""

import fcntl
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
built = {}


def go():
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def build(directory):
    """The path of the program."""
    if directory not in built:
        if go() is None:
            raise RuntimeError("there is no go; scripts/deps --external installs it")
        home = ROOT / "build" / "go"
        home.mkdir(parents=True, exist_ok=True)
        target = home / pathlib.Path(directory).name
        with open(home / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run([go(), "build", "-mod=readonly", "-o", str(target), "."], cwd=directory, check=True, timeout=600,
                           env={**os.environ, "GOFLAGS": "-buildvcs=false"})
        built[directory] = target
    return built[directory]
