# SPDX-License-Identifier: Apache-2.0
"""A private certificate authority of a test: one CA file to trust, and certificates of it for localhost.

    ca = Authority(directory)
    ca.issue("rowgate")  ->  (certificate path, key path)
"""

import pathlib
import subprocess


class Authority:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca_file = self.directory / "ca.pem"
        if not self.ca_file.exists():
            self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                      "/CN=private authority", "-keyout", "ca.key", "-out", "ca.pem")

    def _run(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.directory)

    def issue(self, name, names=("DNS:localhost", "IP:127.0.0.1")):
        """The paths of a certificate and its key (PKCS #8)."""
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                  "/CN=localhost", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.directory / f"{name}.ext").write_text("subjectAltName=" + ",".join(names) + "\n")
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                  "-extfile", f"{name}.ext", "-out", f"{name}.pem")
        return self.directory / f"{name}.pem", self.directory / f"{name}.key"
