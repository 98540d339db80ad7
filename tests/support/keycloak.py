# SPDX-License-Identifier: Apache-2.0
"""A real Keycloak for tests: fetched from Maven Central into build/ once, started on a free loopback port over TLS with a
private authority, its data in memory, stopped by process id. Some 20 s to start: one a test session. Tests that use it are
marked external.

    with keycloak.Keycloak() as server:
        server.make_realm("bi", clients=[keycloak.oidc_client("rowgate", "secret", "https://localhost:8443")])
        server.issuer("bi")

Each world of tests makes a realm of its own. alice is of tenant acme, bob of globex, carol of no tenant; a user's password is
NAME-password.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import authority
import pgtest
import stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "keycloak"
VERSION = "26.0.8"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
SHA256 = "d82a52098db41f036bcfe8f2ebfd9251781c8af5959af8714e8aa9b311081786"
ADMIN = ("admin", "admin-secret-of-the-tests")
USERS = {"alice": "acme", "bob": "globex", "carol": None}
BUILD = ("--db=dev-mem",)
START_SECONDS = 600  # 20 when nothing else runs
ANSWER_SECONDS = 240  # a realm is a minute's work for it on two busy cores


def fetch():
    """The directory of a built distribution; downloads 147 MB when it is not there."""
    HOME.mkdir(parents=True, exist_ok=True)
    built = HOME / f"built-{VERSION}"
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            archive = HOME / f"keycloak-quarkus-dist-{VERSION}.zip"
            if not archive.exists():
                subprocess.run(["mvn", "-B", "-q", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
                                f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={HOME}"], check=True, timeout=900)
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
            if found != SHA256:
                raise RuntimeError(f"{ARTIFACT} has SHA-256 {found}, not the one these tests were written for")
            part = HOME / "part"
            shutil.rmtree(part, ignore_errors=True)
            with zipfile.ZipFile(archive) as content:
                content.extractall(part)
            home = part / f"keycloak-{VERSION}"
            os.chmod(home / "bin/kc.sh", 0o755)
            subprocess.run([home / "bin/kc.sh", "build", *BUILD], check=True, capture_output=True, timeout=300)
            home.rename(built)
            shutil.rmtree(part)
            archive.unlink()
    return built


def attribute_mapper(name, is_list=False):
    """A user's attribute as a claim of all tokens."""
    return {"name": name, "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper",
            "config": {"user.attribute": name, "claim.name": name, "jsonType.label": "String", "id.token.claim": "true",
                       "access.token.claim": "true", "userinfo.token.claim": "true", "introspection.token.claim": "true",
                       "multivalued": str(is_list).lower()}}


def audience_mapper(audience):
    return {"name": f"audience {audience}", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": {"included.custom.audience": audience, "id.token.claim": "false", "access.token.claim": "true"}}


def oidc_client(client_id, secret, public_url, idp="main", **changes):
    """A confidential client that must use PKCE, with rowgate's endpoints under public_url."""
    own = f"{public_url}/.rowgate/oidc/{idp}"
    return {"clientId": client_id, "protocol": "openid-connect", "publicClient": False, "secret": secret,
            "standardFlowEnabled": True, "implicitFlowEnabled": False, "directAccessGrantsEnabled": True,
            "redirectUris": [f"{own}/callback"],
            "attributes": {"pkce.code.challenge.method": "S256", "backchannel.logout.url": f"{own}/backchannel-logout",
                           "backchannel.logout.session.required": "true",
                           "post.logout.redirect.uris": f"{public_url}/.rowgate/logged-out"},
            "protocolMappers": [attribute_mapper("tenant_id"), attribute_mapper("regions", True),
                                audience_mapper("api://rowgate")]} | changes


def saml_attribute_mapper(name):
    return {"name": name, "protocol": "saml", "protocolMapper": "saml-user-attribute-mapper",
            "config": {"user.attribute": name, "attribute.name": name, "attribute.nameformat": "Basic"}}


def saml_client(entity_id, public_url, idp="main", attributes=None, **changes):
    """A service provider with rowgate's endpoints under public_url. attributes: on top of ours, Keycloak's names (strings)."""
    own = f"{public_url}/.rowgate/saml/{idp}"
    return {"clientId": entity_id, "protocol": "saml", "frontchannelLogout": True, "redirectUris": [f"{own}/*"],
            "attributes": {"saml.server.signature": "true", "saml.assertion.signature": "true", "saml.client.signature": "false",
                           "saml.signature.algorithm": "RSA_SHA256", "saml.authnstatement": "true",
                           "saml_force_name_id_format": "false", "saml_name_id_format": "username",
                           "saml_assertion_consumer_url_post": f"{own}/acs",
                           "saml_single_logout_service_url_post": f"{own}/slo",
                           "saml_single_logout_service_url_redirect": f"{own}/slo"} | (attributes or {}),
            "protocolMappers": [saml_attribute_mapper("tenant_id"), saml_attribute_mapper("regions")]} | changes


def user(name, tenant, **attributes):
    """attributes: lists of texts, on top of those of its tenant."""
    return {"username": name, "enabled": True, "emailVerified": True, "email": f"{name}@{tenant or 'nowhere'}.example",
            "firstName": name.title(), "lastName": "Example", "requiredActions": [],
            "credentials": [{"type": "password", "value": f"{name}-password", "temporary": False}],
            "attributes": ({"tenant_id": [stack.TENANTS[tenant]], "regions": ["emea", "apac"]} if tenant else {}) | attributes}


PROFILE = {"attributes": [{"name": name, "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}}
                          for name in ("username", "email", "firstName", "lastName")],
           "unmanagedAttributePolicy": "ENABLED"}


class Keycloak:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-keycloak."))
        self.port = pgtest.free_port()
        self.process = None
        self.authority = None
        self.context = None

    def __enter__(self):
        try:
            self.authority = authority.Authority(self.directory / "tls")
            self.context = ssl.create_default_context(cafile=self.authority.ca_file)
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
        return f"https://localhost:{self.port}"

    @property
    def ca_file(self):
        return self.authority.ca_file

    def issuer(self, realm):
        return f"{self.url}/realms/{realm}"

    def saml_metadata(self, realm):
        """The bytes of the identity provider's SAML metadata."""
        return self._open(f"{self.issuer(realm)}/protocol/saml/descriptor")

    def _start(self):
        home = self.directory / "home"  # the distribution's files, data of its own
        home.mkdir()
        for part in fetch().iterdir():
            if part.name != "data":
                (home / part.name).symlink_to(part)
        (home / "data").mkdir()
        certificate, key = self.authority.issue("keycloak")
        options = {"hostname": self.url, "https-port": self.port, "http-host": "127.0.0.1", "http-enabled": "false",
                   "https-certificate-file": certificate, "https-certificate-key-file": key, "cache": "local",
                   "truststore-paths": self.ca_file, "log-level": "warn",
                   # H2 forgets all in memory with its last connection, and the pool closes those that are idle for minutes.
                   "db-url-properties": ";DB_CLOSE_DELAY=-1", "db-pool-min-size": 1}
        memory = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.util", "java.util.concurrent", "java.security")]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["java", *memory, *opens, "-Dkc.config.built=true", f"-Dkc.home.dir={home}",
                 f"-Djboss.server.config.dir={home / 'conf'}", f"-Djava.io.tmpdir={self.directory}",
                 "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
                 "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
                 "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
                 "-cp", home / "lib/quarkus-run.jar", "io.quarkus.bootstrap.runner.QuarkusEntryPoint", "start", "--optimized",
                 *(f"--{name}={value}" for name, value in options.items())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env=os.environ | {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN[0], "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN[1]})
        stack.wait_for(lambda: self.process.poll() is not None or self._answers(), "Keycloak", START_SECONDS)
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "log").read_text()[-4000:])

    def _answers(self):
        with contextlib.suppress(OSError):
            self._open(f"{self.url}/realms/master/.well-known/openid-configuration")
            return True
        return False

    def _open(self, url, data=None, method=None, headers=None):
        request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=ANSWER_SECONDS) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            told = (self.directory / "log").read_text(errors="replace")[-4000:] if error.code >= 500 else ""
            raise OSError(error.code, f"{method or 'GET'} {url}: {error.code} {error.read()[:500]!r}\n{told}") from error

    def _token(self, realm, form):
        """The token response. A machine with much to do lets a lock of Keycloak's database run out: 500, and nothing done; so again."""
        for attempts_left in range(4, -1, -1):
            try:
                return json.loads(self._open(f"{self.issuer(realm)}/protocol/openid-connect/token",
                                             urllib.parse.urlencode(form).encode()))
            except OSError as error:
                if error.errno != 500 or attempts_left == 0:
                    raise

    # ---- administration ----

    def admin(self, path, content=None, method=None):
        """A call of the administration API; what it answers, read as JSON."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN[0], "password": ADMIN[1]}
        token = self._token("master", form)["access_token"]
        data = None if content is None else json.dumps(content).encode()
        answer = self._open(f"{self.url}/admin/{path}", data, method or ("GET" if data is None else "POST"),
                            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        return json.loads(answer) if answer else None

    def make_realm(self, name, clients=(), users=None, **changes):
        """users: names and tenants, or what user() made. changes: members of Keycloak's realm representation, as
        accessTokenLifespan=60 (seconds)."""
        self.admin("realms", {
            "realm": name, "enabled": True, "sslRequired": "all", "clients": list(clients),
            "users": [one if isinstance(one, dict) else user(name, one) for name, one in (users or USERS).items()],
            "components": {"org.keycloak.userprofile.UserProfileProvider": [
                {"providerId": "declarative-user-profile", "config": {"kc.user.profile.config": [json.dumps(PROFILE)]}}]},
        } | changes)
        return name

    def rotate_keys(self, realm, drop_old=True):
        """A new RSA key signs from now on."""
        parent = self.admin(f"realms/{realm}")["id"]
        kind = "org.keycloak.keys.KeyProvider"
        old = [one for one in self.admin(f"realms/{realm}/components?type={kind}") if one["providerId"] == "rsa-generated"]
        highest = max([int(one["config"].get("priority", ["100"])[0]) for one in old], default=100)
        self.admin(f"realms/{realm}/components", {"name": f"rsa-{highest + 1}", "providerId": "rsa-generated", "providerType": kind,
                                                  "parentId": parent, "config": {"priority": [str(highest + 1)]}})
        for one in old if drop_old else ():
            self.admin(f"realms/{realm}/components/{one['id']}", method="DELETE")

    def _user(self, realm, name):
        return self.admin(f"realms/{realm}/users?exact=true&username={name}")[0]["id"]

    def logout_user(self, realm, name):
        """Ends all of a user's sessions at the provider."""
        self.admin(f"realms/{realm}/users/{self._user(realm, name)}/logout", {})

    def sessions(self, realm, name):
        """The ids of a user's sessions."""
        return [one["id"] for one in self.admin(f"realms/{realm}/users/{self._user(realm, name)}/sessions")]

    def end_session(self, realm, identifier):
        """Ends one session, and tells its clients through the back channel."""
        self.admin(f"realms/{realm}/sessions/{identifier}", method="DELETE")

    def password_token(self, realm, client_id, secret, name):
        """The token response for a user by the password grant: for API tests."""
        form = {"grant_type": "password", "client_id": client_id, "client_secret": secret, "username": name,
                "password": f"{name}-password", "scope": "openid"}
        return self._token(realm, form)
