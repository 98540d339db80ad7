# SPDX-License-Identifier: Apache-2.0
"""deploy/superset_config.py in a real Superset: it believes what rowgate signed, and nothing else."""
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import sqlite3
import time
import urllib.error
import urllib.request

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

import superset

pytestmark = pytest.mark.external

KEY = ed25519.Ed25519PrivateKey.generate()
STRANGER = ed25519.Ed25519PrivateKey.generate()
ROLES = 'ROWGATE_ROLES = {"": ["Gamma"], "analyst": ["sql_lab"], "boss": ["Alpha"], "root": ["Admin"]}'


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def running():
    with superset.Superset(pem(KEY), more=ROLES, workers=2) as it:
        yield it


def claims(**changes):
    now = int(time.time())
    made = {"iss": "rowgate", "aud": "superset", "sub": "rg-" + "0" * 40, "name": "Alice", "tenant": "acme", "roles": [],
            "session": "s-1", "iat": now, "exp": now + 60, **changes}
    return {key: value for key, value in made.items() if value is not None}


def token(key=KEY, algorithm="EdDSA", headers=None, **changes):
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def ask(running, path="/api/v1/me/", **headers):
    request = urllib.request.Request(running.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def me(running, made):
    status, text = ask(running, X_Rowgate_Identity=made)
    return json.loads(text)["result"] if status == 200 else None


def roles_of(running, name):
    with sqlite3.connect(running.database) as database:
        rows = database.execute("select r.name from ab_user u join ab_user_role ur on ur.user_id = u.id join ab_role r on r.id = ur.role_id"
                                " where u.username = ?", (name,)).fetchall()
    return sorted(row[0] for row in rows)


def users(running):
    with sqlite3.connect(running.database) as database:
        return {row[0] for row in database.execute("select username from ab_user")}


def test_a_signed_identity_is_a_user_with_its_tenants_role(running):
    name = "rg-" + "1" * 40
    found = me(running, token(sub=name, name="Ålice", roles=["analyst", "unheard-of"]))
    assert (found["username"], found["first_name"], found["last_name"]) == (name, "Ålice", "acme")
    assert roles_of(running, name) == ["Gamma", "rg.acme", "sql_lab"]


def test_roles_follow_the_identity(running):
    name = "rg-" + "2" * 40
    me(running, token(sub=name, roles=["boss"]))
    assert roles_of(running, name) == ["Alpha", "Gamma", "rg.acme"]
    me(running, token(sub=name, roles=[]))
    assert roles_of(running, name) == ["Gamma", "rg.acme"]


def test_many_first_requests_make_one_user(running):
    name = "rg-" + "3" * 40
    made = token(sub=name)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(running, X_Rowgate_Identity=made)[0], range(16)))
    assert 200 in answers and set(answers) <= {200, 401, 500}, answers  # whoever lost the race is asked to come again
    assert me(running, made)["username"] == name
    with sqlite3.connect(running.database) as database:
        assert database.execute("select count(*) from ab_user where username = ?", (name,)).fetchone() == (1,)


def unsigned(made):
    encode = lambda part: base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
    return f"{encode({'alg': 'none', 'typ': 'JWT'})}.{encode(made)}."


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LISTS = [line for line in (superset.ROOT / "tests/vectors/advisories/superset-people.txt").read_text().splitlines() if not line.startswith("#")]


def test_nobody_is_told_the_people_and_tenants_of_others(running):
    """Lists to choose an owner from: every person of every tenant, by name and by number, with the tenant's name."""
    people = {tenant: token(sub="rg-" + digit * 40, name=f"Someone of {tenant}", tenant=tenant, roles=["boss", "analyst"])
              for digit, tenant in (("a", "acme"), ("b", "globex"))}
    for made in people.values():
        assert me(running, made)
    with sqlite3.connect(running.database) as database:
        numbers = ",".join(str(row[0]) for row in database.execute("select id from ab_user"))
        roles = ",".join(str(row[0]) for row in database.execute("select id from ab_role"))
    shown = 0
    for path in LISTS:
        for question in ("", "?q=(page_size:100)", f"?q=(include_ids:!({numbers}))", "?q=(filter:globex)", "?q=(filter:Someone)"):
            status, text = ask(running, f"/api/v1/{path}{question}", X_Rowgate_Identity=people["acme"])
            assert status in (200, 404, 422), (path, question, text)
            assert "globex" not in text and "rg-b" not in text, (path, question)
            shown += text.count("Someone of acme")
    assert shown > len(LISTS)
    for question in ("?q=(page_size:100)", f"?q=(include_ids:!({roles}))"):
        status, text = ask(running, "/api/v1/dashboard/related/roles" + question, X_Rowgate_Identity=people["acme"])
        assert status == 200 and "rg.acme" in text and "Gamma" in text and "globex" not in text
    assert "Someone of globex" in ask(running, "/api/v1/dashboard/related/owners", X_Rowgate_Identity=people["globex"])[1]


def test_an_admin_sees_whom_he_administers(running):
    assert me(running, token(sub="rg-" + "b" * 40, name="Someone of globex", tenant="globex"))
    admin = token(sub="rg-" + "c" * 40, name="Root", tenant="ops", roles=["root"])
    assert "Someone of globex" in ask(running, "/api/v1/dashboard/related/owners?q=(page_size:100)", X_Rowgate_Identity=admin)[1]


REFUSED = {
    "no token": None,
    "nonsense": lambda: "nonsense",
    "another key": lambda: token(key=STRANGER),
    "no signature": lambda: unsigned(claims()),
    "HMAC with the public key": lambda: hmac_of_the_public_key(),
    "another algorithm": lambda: token(key=RSA, algorithm="RS256"),
    "expired": lambda: token(iat=int(time.time()) - 120, exp=int(time.time()) - 60),
    "not yet": lambda: token(iat=int(time.time()) + 120, exp=int(time.time()) + 180, nbf=int(time.time()) + 120),
    "another audience": lambda: token(aud="elsewhere"),
    "another issuer": lambda: token(iss="superset"),
    "no expiry": lambda: token(exp=None),
    "no tenant": lambda: token(tenant=None),
    "an empty tenant": lambda: token(tenant=""),
    "no roles": lambda: token(roles=None),
    "roles that are no list": lambda: token(roles="Admin"),
    "a role that is no text": lambda: token(roles=[1]),
    "a name of Superset's own": lambda: token(sub="admin"),
    "a name that is no text": lambda: unsigned({**claims(), "sub": 7}),
}


def hmac_of_the_public_key():
    encode = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    head = encode(b'{"alg":"HS256","typ":"JWT"}') + "." + encode(json.dumps(claims()).encode())
    return head + "." + encode(hmac.new(pem(KEY).encode(), head.encode(), hashlib.sha256).digest())


@pytest.mark.parametrize("case", REFUSED)
def test_nothing_else_is_believed(running, case):
    before = users(running)
    headers = {} if REFUSED[case] is None else {"X_Rowgate_Identity": REFUSED[case]()}
    status, text = ask(running, **headers)
    assert status == 401, text
    assert users(running) == before


def test_headers_that_name_a_user_are_nothing(running):
    status, _ = ask(running, X_Rowgate_User="admin", Remote_User="admin", X_Forwarded_User="admin", X_Remote_User="admin")
    assert status == 401


def test_two_tokens_are_none(running):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.putrequest("GET", "/api/v1/me/")
    connection.putheader("X-Rowgate-Identity", token())
    connection.putheader("X-Rowgate-Identity", token())
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()


def test_an_inactive_user_stays_out(running):
    name = "rg-" + "4" * 40
    assert me(running, token(sub=name))
    with sqlite3.connect(running.database, timeout=60) as database:
        database.execute("update ab_user set active = 0 where username = ?", (name,))
    assert ask(running, X_Rowgate_Identity=token(sub=name))[0] == 401
