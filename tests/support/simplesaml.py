# SPDX-License-Identifier: Apache-2.0
"""A real SimpleSAMLphp as a SAML identity provider, served by PHP's own server on loopback; configuration, keys and sessions
are in a directory of the test. Debian's package simplesamlphp.

    with simplesaml.SimpleSaml() as server:
        server.metadata                             # bytes, for [idp.NAME] metadata
        server.add_service(entity_id, own_url, options={"saml20.sign.response": True})    # own_url: .../.rowgate/saml/NAME

alice is of tenant acme, bob of globex, carol of no tenant; a user's password is NAME-password. The attribute tenant_id is a
UUID of stack.TENANTS, regions a list.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request

import pgtest
import stack

CODE = pathlib.Path("/usr/share/simplesamlphp/www")
USERS = {"alice": "acme", "bob": "globex", "carol": None}
FORMAT_EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

CONFIG = """<?php
$config = [
    'baseurlpath' => '{url}/',
    'certdir' => '{directory}/', 'loggingdir' => '{directory}/', 'datadir' => '{directory}/', 'tempdir' => '{directory}/tmp',
    'metadatadir' => '{directory}/metadata/', 'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
    'technicalcontact_name' => 'x', 'technicalcontact_email' => 'x@example.org', 'timezone' => 'UTC',
    'secretsalt' => 'of the tests', 'auth.adminpassword' => 'of the tests', 'admin.protectindexpage' => true,
    'admin.checkforupdates' => false, 'enable.saml20-idp' => true,
    'trusted.url.domains' => null,
    'logging.level' => SimpleSAML\\Logger::INFO, 'logging.handler' => 'errorlog', 'logging.processname' => 'simplesamlphp',
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'session.duration' => 3600, 'session.cookie.name' => 'SimpleSAMLSessionID', 'session.cookie.secure' => false,
    'session.cookie.samesite' => null, 'session.phpsession.cookiename' => 'SimpleSAML',
    'session.phpsession.savepath' => '{directory}/sessions', 'session.phpsession.httponly' => true,
    'language.available' => ['en'], 'language.default' => 'en', 'language.cookie.secure' => false, 'theme.use' => 'default',
    'authproc.idp' => [], 'authproc.sp' => [], 'metadata.sources' => [['type' => 'flatfile']], 'store.type' => 'phpsession',
];
"""
IDP = """<?php
$metadata['{entity}'] = [
    'host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.crt', 'auth' => 'people',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'sign.logout' => true, 'validate.logout' => true,
    'redirect.sign' => true, 'redirect.validate' => true,
    'SingleSignOnServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'],
    'SingleLogoutServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'],
    'simplesaml.nameidattribute' => 'mail', 'NameIDFormat' => '{format}',
    'authproc' => [],
];
"""


def php(value):
    """A Python value in PHP's syntax."""
    if isinstance(value, dict):
        return "[" + ", ".join(f"{php(key)} => {php(item)}" for key, item in value.items()) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(php(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    return json.dumps(value).replace("$", "\\$") if isinstance(value, str) else str(value)


class SimpleSaml:
    def __init__(self, entity="urn:rowgate:tests:simplesamlphp"):
        self.entity = entity
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-simplesaml."))
        self.port = pgtest.free_port()
        self.process = None
        self.services = {}

    def __enter__(self):
        try:
            self._write()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stack.end(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def metadata(self):
        return self._open(f"{self.url}/saml2/idp/metadata.php")

    def add_service(self, entity_id, own_url, certificate=None, options=None):
        """A service provider with rowgate's endpoints below own_url. certificate: PEM. options: further keys of
        saml20-sp-remote.php."""
        service = {"AssertionConsumerService": f"{own_url}/acs", "SingleLogoutService": f"{own_url}/slo",
                   "NameIDFormat": FORMAT_EMAIL, "simplesaml.nameidattribute": "mail", "validate.authnrequest": certificate is not None,
                   "validate.logout": certificate is not None, "sign.logout": True}
        if certificate is not None:
            body = "".join(line for line in certificate.splitlines() if not line.startswith("-"))
            service["certData"] = body
        self.services[entity_id] = service | (options or {})
        self._write_services()

    def sso_url(self, entity_id, relay_state=""):
        """Where a login begins at the provider."""
        return f"{self.url}/saml2/idp/SSOService.php?{urllib.parse.urlencode({'spentityid': entity_id, 'RelayState': relay_state})}"

    @property
    def logout_url(self):
        """Where a logout begins at the provider."""
        return f"{self.url}/saml2/idp/SingleLogoutService.php?ReturnTo={self.url}/saml2/idp/metadata.php"

    def _write(self):
        for name in ("metadata", "sessions", "tmp"):
            (self.directory / name).mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=simplesamlphp",
                        "-keyout", "idp.key", "-out", "idp.crt"], check=True, capture_output=True, cwd=self.directory)
        people = {f"{name}:{name}-password": {"uid": [name], "mail": [f"{name}@{tenant or 'nowhere'}.example"]} | (
            {"tenant_id": [stack.TENANTS[tenant]], "regions": ["emea", "apac"]} if tenant else {}) for name, tenant in USERS.items()}
        (self.directory / "config.php").write_text(CONFIG.replace('{url}', self.url).replace('{directory}', str(self.directory)))
        (self.directory / "authsources.php").write_text(
            "<?php\n$config = ['people' => ['exampleauth:UserPass'] + " + php(people) + "];\n")
        (self.directory / "metadata/saml20-idp-hosted.php").write_text(IDP.replace('{entity}', self.entity).replace('{format}', FORMAT_EMAIL))
        self._write_services()

    def _write_services(self):
        lines = [f"$metadata[{php(name)}] = {php(keys)};" for name, keys in self.services.items()]
        path = self.directory / "metadata/saml20-sp-remote.php"
        part = path.with_suffix(".part")
        part.write_text("<?php\n" + "\n".join(lines) + "\n")
        os.replace(part, path)

    def _start(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["php", "-d", "opcache.enable=0", "-d", "display_errors=0", "-d", "log_errors=1",
                 "-d", "error_reporting=E_ALL & ~E_DEPRECATED & ~E_NOTICE & ~E_WARNING", "-S", f"127.0.0.1:{self.port}", "-t", CODE],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env=os.environ | {"SIMPLESAMLPHP_CONFIG_DIR": str(self.directory)})
        stack.wait_for(lambda: self.process.poll() is not None or self._answers(), "SimpleSAMLphp", 60)
        if self.process.poll() is not None:
            raise RuntimeError(self.log())

    def log(self):
        return (self.directory / "log").read_text(errors="replace")[-8000:]

    def _answers(self):
        with contextlib.suppress(OSError):
            return bool(self.metadata)
        return False

    def _open(self, url):
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()
