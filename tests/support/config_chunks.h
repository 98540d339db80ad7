/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_CONFIG_CHUNKS_H
#define RG_TESTS_SUPPORT_CONFIG_CHUNKS_H

/* A complete, sound configuration in chunks, so that a test can replace just one of them. */
enum chunk {
    CHUNK_TOP,
    CHUNK_SERVER,
    CHUNK_TLS,
    CHUNK_UPSTREAMS,
    CHUNK_LISTENERS,
    CHUNK_IDP,
    CHUNK_ACCOUNTS,
    CHUNK_CLAIMS,
    CHUNK_TENANTS,
    CHUNK_PATTERNS,
    CHUNK_LIMITS,
    CHUNK_POLICIES,
    CHUNK_FUNCTIONS,
    CHUNK_AUDIT,
    CHUNK_EXTRA,
    CHUNK_COUNT
};

#define VERIFIER                                                                                                       \
    "SCRAM-SHA-256$4096:QSXCR+Q6sek8bf92ZYzZRg==$b5pAkqzG1Bzg8Z1zQ0zqz0M6Lr3vq7t3pbC2yk0jIuA=:"                        \
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static const char *const sound_chunks[CHUNK_COUNT] = {
    [CHUNK_TOP] = "version = 1\n",
    [CHUNK_SERVER] = "[server]\nworkers = 2\n[log]\nlevel = \"info\"\n",
    [CHUNK_TLS] = "[tls.public]\ncertificate = \"cert.pem\"\nprivate_key = \"file:key.pem\"\n",
    [CHUNK_UPSTREAMS] =
        "[upstreams.pool]\nkind = \"pgbouncer\"\ndsn = \"host=127.0.0.1 port=6432 dbname=bi user=rg\"\n",
    [CHUNK_LISTENERS] = "[[listeners]]\nname = \"sql\"\nplane = \"sql\"\nlisten = \"127.0.0.1:0\"\ntls = \"public\"\n"
                        "login = [\"oidc\", \"scram\"]\n",
    [CHUNK_IDP] = "[idp.main]\ntype = \"oidc\"\nissuer = \"https://login.example.com/bi\"\naudience = [\"rowgate\"]\n",
    [CHUNK_ACCOUNTS] = "[[service_accounts]]\nname = \"etl\"\nverifier = \"env:CONFIG_TEST_VERIFIER\"\n"
                       "claims = { tenant_id = \"acme\" }\n",
    [CHUNK_CLAIMS] = "[claims]\ntenant_id = { from = { oidc = \"$.tenant\", saml = \"urn:tenant\" }, type = \"text\", "
                     "required = true }\n"
                     "regions = { type = \"text[]\", max = 8 }\n",
    [CHUNK_TENANTS] =
        "[[tenants]]\nid = \"acme\"\nmatch = { idp = \"main\", claim = \"tenant_id\", value = \"acme\" }\n"
        "route = { upstream = \"pool\", schemas = { sales = \"t_acme\" }, limits = \"small\" }\n",
    [CHUNK_PATTERNS] = "",
    [CHUNK_LIMITS] =
        "[limits]\nsmall = { rows = 1_000, bytes = \"64MiB\", statement_timeout = \"30s\", concurrency = 8 }\n",
    [CHUNK_POLICIES] = "[[policies]]\nname = \"own\"\non = [\"sales.*\"]\nfor = [\"select\"]\nisolation = \"schema\"\n",
    [CHUNK_FUNCTIONS] = "",
    [CHUNK_AUDIT] = "[audit]\ndirectory = \"audit\"\n",
    [CHUNK_EXTRA] = "",
};

#endif
