/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SAML_H
#define RG_AUTH_SAML_H

#include "auth/identity.h"

/* The credential kind SAML 2.0 (OASIS saml-core-2.0-os, saml-profiles-2.0-os 4.1): an identity provider's
 * Response, posted by a browser. Everything here is pure: no clock, file or socket. */

enum {
    AUTH_SAML_MAX_XML = 512 << 10, /* bytes of one message, before and after decoding */
    AUTH_SAML_MAX_DEPTH = 32,
    AUTH_SAML_MAX_NODES = 8192,    /* elements, attributes and namespace declarations */
    AUTH_SAML_MAX_ATTRIBUTES = 32, /* of one element, and as many namespace declarations */
    AUTH_SAML_MAX_CERTIFICATES = 16,
    AUTH_SAML_MAX_TEXT = 4096, /* bytes of a name, a URL, an ID */
};

/* The identity provider as its metadata describes it (auth/saml_metadata.h). */
struct auth_saml_idp {
    struct rg_slice entity_id;
    struct rg_slice sso_url;             /* SingleSignOnService, HTTP-Redirect */
    struct rg_slice slo_url;             /* SingleLogoutService, HTTP-Redirect; empty = none */
    struct rg_slice slo_response_url;    /* where answers go; the same when the metadata names no other */
    const struct rg_slice *certificates; /* X.509 DER; each may sign */
    size_t certificate_count;
    int64_t valid_until_us; /* microseconds; 0 = the metadata does not say */
    bool wants_signed_requests;
};

/* What one identity provider must prove. Filled by the configuration loader, immutable afterwards. The zero
 * value trusts nobody: no certificate, no issuer, no audience. */
struct auth_saml_trust {
    struct rg_slice name;      /* [idp.NAME] */
    struct rg_slice entity_id; /* ours */
    struct rg_slice audience;  /* what the assertion must be for; empty = entity_id */
    struct auth_saml_idp idp;
    struct rg_slice private_key;       /* ours, PEM, RSA: decrypts and signs; empty = can do neither; borrowed */
    struct rg_slice certificate;       /* ours, PEM: shown in our metadata */
    struct rg_slice subject_attribute; /* the attribute that is the subject; empty = the NameID */
    struct rg_slice user_attribute;    /* display name; empty = the NameID */
    const struct auth_claim_spec *claims;
    size_t claim_count;
    int64_t clock_skew_us;
    bool allow_idp_initiated;
    bool require_encrypted_assertions;
    bool allow_sha1; /* signatures and digests with SHA-1 */
    bool allow_cbc;  /* assertions encrypted by AES-CBC, which nothing authenticates */
};

/* Skew 60 s; all else empty. */
struct auth_saml_trust auth_saml_trust_default(void);
/* RG_CONFIG when no assertion can ever satisfy trust; the text names the key of [idp.NAME]. */
rg_status auth_saml_trust_check(const struct auth_saml_trust *trust) RG_MUST_CHECK;

/* What this login must answer to. */
struct auth_saml_expected {
    struct rg_slice acs_url;    /* ours: Destination and Recipient */
    struct rg_slice request_id; /* of our AuthnRequest, bound to this browser; empty = there was none, so the login
                                   began at the identity provider: refused unless the trust allows it */
    int64_t now_us;             /* wall clock */
};

/* A SAML NameID: the value is what sessions are found by, the rest must come back in a LogoutRequest. */
struct auth_saml_name_id {
    struct rg_slice value;
    struct rg_slice format;
    struct rg_slice name_qualifier;
    struct rg_slice sp_name_qualifier;
};

/* A verified login. identity.kind is AUTH_SAML; its token_id is the assertion's ID; its expiry the
 * SessionNotOnOrAfter with the skew, or 0 when the provider sets no end. */
struct auth_saml_login {
    struct auth_identity identity;
    struct rg_slice assertion_id;
    int64_t replay_until_us; /* remember assertion_id until then (auth/replay.h): afterwards it has expired */
    struct auth_saml_name_id name_id;
    struct rg_slice session_index; /* empty = none */
};

/* Why a message was refused. Names are stable: they stand in records and in docs/login-saml.md. They are for the
 * operator; what the browser gets is the same text for all of them (no oracle). */
enum auth_saml_rule {
#define AUTH_SAML_RULE(constant, name, text) constant,
#include "auth/saml_rules.def"
#undef AUTH_SAML_RULE
    AUTH_SAML_RULE_COUNT
};
/* "audience"; "none" for AUTH_SAML_NONE. Static storage. */
const char *auth_saml_rule_name(enum auth_saml_rule rule);

/* The form field SAMLResponse, base64 with or without line ends, to XML. RG_DENIED (rule base64 or size). */
rg_status auth_saml_decode_post(struct rg_slice field, struct rg_arena *arena, struct rg_slice *out_xml,
                                enum auth_saml_rule *out_rule) RG_MUST_CHECK;

/* Judges a Response. Verifies the signature of the Response, or of its one Assertion, or both, and reads only what
 * those signatures cover: the canonical bytes that were digested, parsed anew. The replay of an assertion is the
 * caller's to refuse (login.replay_until_us), since that needs memory.
 * Returns: ok; RG_DENIED with a text that names the check and no value of the message; RG_LIMIT when the arena is
 *          full. *out_login is untouched on failure; *out_rule is always written.
 * Owns:    all that *out_login points to lives in arena.
 * Threads: any. May take milliseconds of CPU: run it on an offload lane. */
rg_status auth_saml_judge(const struct auth_saml_trust *trust, const struct auth_saml_expected *expected,
                          struct rg_slice xml, struct rg_arena *arena, struct auth_saml_login *out_login,
                          enum auth_saml_rule *out_rule) RG_MUST_CHECK;

#endif
