# SPDX-License-Identifier: Apache-2.0
"""A real headless Chromium for tests, driven by Playwright: the browser is Debian's, Playwright comes from PyPI into build/ once.
Tests that use it are marked external.

    with chromium.Chromium({"bi.example.com": port}, certificates=[pem_path]) as browser:
        page = browser.page()
        page.goto("https://bi.example.com/")

Names lead to loopback ports, and only the certificates given are believed (by their public keys).
"""
import base64
import contextlib
import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "playwright"
PACKAGES = ("playwright==1.57.0",)


def fetch():
    """Puts Playwright on the path; downloads some 45 MB when it is not there."""
    HOME.mkdir(parents=True, exist_ok=True)
    name = "python-" + hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (HOME / name).exists():
            part = HOME / "part"
            shutil.rmtree(part, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", part, *PACKAGES], check=True, timeout=900)
            part.rename(HOME / name)
    if str(HOME / name) not in sys.path:
        sys.path.append(str(HOME / name))


def key_hash(path):
    """The SHA-256 of a certificate's public key, as Chromium wants it."""
    certificate = x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes())
    key = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


class Chromium:
    def __init__(self, hosts, certificates):
        self.rules = ", ".join([f"MAP {name}:443 127.0.0.1:{port}" for name, port in hosts.items()]
                               + ["MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost"])
        self.hashes = ",".join(key_hash(path) for path in certificates)

    def __enter__(self):
        fetch()
        from playwright.sync_api import sync_playwright
        with contextlib.ExitStack() as undo:
            playwright = undo.enter_context(sync_playwright())
            self.browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), headless=True,
                args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--host-resolver-rules={self.rules}",
                      f"--ignore-certificate-errors-spki-list={self.hashes}"])
            undo.callback(self.browser.close)
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def page(self, **options):
        """A page of a visitor of its own: no cookies, nothing cached."""
        context = self.browser.new_context(**options)
        context.set_default_timeout(30000)
        return context.new_page()
