# SPDX-License-Identifier: Apache-2.0
"""loginstack.LoginStack with a real Superset behind it, which believes rowgate's identity (deploy/superset_config.py).

    with supersetstack.SupersetStack() as s:
        s.superset.database        # its metadata, SQLite
"""
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import loginstack
import superset


class SupersetStack(loginstack.LoginStack):
    def __init__(self, more="", **options):
        self.key = ed25519.Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.superset = superset.Superset(public.decode(), more=more, workers=2)
        super().__init__(**options)

    def __enter__(self):
        self.superset.__enter__()
        try:
            return super().__enter__()
        except BaseException:
            self.superset.__exit__()
            raise

    def __exit__(self, *_):
        try:
            super().__exit__(*_)
        finally:
            self.superset.__exit__(*_)

    def config_text(self, **changes):
        path = self.directory / "identity.pem"
        path.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        path.chmod(0o600)
        text = super().config_text(**changes)
        return text.replace(f'url = "http://localhost:{self.upstream.port}"',
                            f'url = "{self.superset.url}"\nidentity_key = "file:{path}"\nresponse_timeout = "60s"')
