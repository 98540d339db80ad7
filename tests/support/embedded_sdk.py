# SPDX-License-Identifier: Apache-2.0
"""Superset's own JavaScript for host pages, @superset-ui/embedded-sdk: fetched from npm into build/ once (Apache License 2.0)."""
import fcntl
import hashlib
import os
import pathlib
import subprocess
import tarfile

HOME = pathlib.Path(__file__).resolve().parents[2] / "build" / "embedded-sdk"
PACKAGE = "@superset-ui/embedded-sdk@0.4.0"
SHA256 = "84c103784a60ac5fad796150f026f7fe61e3fb5b8bbbb53cc0af5b40f1923f71"


def fetch():
    """The path of the script for pages, which defines supersetEmbeddedSdk."""
    HOME.mkdir(parents=True, exist_ok=True)
    script = HOME / "embedded-sdk-0.4.0.js"
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not script.exists():
            name = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=HOME, check=True, capture_output=True, text=True,
                                  timeout=300).stdout.split()[-1]
            found = hashlib.sha256((HOME / name).read_bytes()).hexdigest()
            if found != SHA256:
                raise RuntimeError(f"{PACKAGE} has SHA-256 {found}, not the one these tests were written for")
            with tarfile.open(HOME / name) as archive, archive.extractfile("package/bundle/index.js") as source:
                (HOME / "part").write_bytes(source.read())
            os.rename(HOME / "part", script)
            (HOME / name).unlink()
    return script
