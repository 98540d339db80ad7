/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_OIDC_LOGIN_H
#define RG_AUTH_OIDC_LOGIN_H

#include "auth/identity.h"
#include "auth/jwks.h"
#include "auth/oidc.h"
#include "auth/trust.h"
#include "base/rg_buf.h"

/* The relying party of OpenID Connect (Core 1.0, authorization code flow with PKCE): what is sent, and the judgement of
 * every answer. Pure: no clock, file, socket or randomness but auth_oidc_secret_new. auth/oidc_provider.h does the
 * network. OAuth without ID tokens (GitHub) is the same road with user-info read from an API instead. */

enum {
    AUTH_OIDC_SECRET_SIZE = 44,        /* 32 random bytes as base64url, and NUL: nonce, code verifier */
    AUTH_OIDC_MAX_CODE = 4096,         /* bytes of an authorization code */
    AUTH_OIDC_MAX_TOKEN = 16 * 1024,   /* bytes of any token */
    AUTH_OIDC_MAX_ANSWER = 256 * 1024, /* bytes of a JSON answer */
    AUTH_OIDC_CODE_AGE_S = 600,        /* an ID token of a login may be this old */
};

/* What a provider's discovery document says (Discovery 1.0 3). Empty = it has none. All https, NUL-terminated. */
struct auth_oidc_endpoints {
    struct rg_slice authorization, token, end_session, introspection;
    struct rg_slice user, organizations; /* GitHub's API */
    bool sends_issuer;                   /* RFC 9207 3: answers without iss are refused */
    bool wants_post;                     /* the client's secret goes into the form: HTTP Basic is not supported */
};

/* One provider as its client. Filled by the configuration loader, immutable afterwards. The zero value trusts nobody.
 */
struct auth_oidc_client {
    struct auth_trust trust; /* for ID tokens: the audience is client_id */
    struct rg_slice client_id;
    struct rg_slice client_secret; /* borrowed from an rg_secret; empty = public client */
    const struct rg_slice *scopes;
    size_t scope_count;
    bool introspects;                 /* opaque access tokens may be asked about */
    bool is_plain_oauth;              /* no ID token, no discovery: endpoints are fixed */
    struct auth_oidc_endpoints fixed; /* plain OAuth; else the introspection endpoint when the file gives one */
};

/* 32 fresh random bytes as text. */
void auth_oidc_secret_new(char out_text[AUTH_OIDC_SECRET_SIZE]);

/* Reads a discovery document. Its issuer must be the trust's byte by byte (of an issuer template: the template itself,
 * with "{tenantid}" for "{tid}" as Entra writes it), its endpoints https URLs, S256 not excluded.
 * Returns: ok; RG_PROTOCOL; RG_LIMIT when the arena is full. Output untouched then. */
rg_status auth_oidc_discovery_parse(const struct auth_trust *trust, struct rg_slice json, struct rg_arena *arena,
                                    struct auth_oidc_endpoints *out_endpoints) RG_MUST_CHECK;

/* What a login sends through the browser. */
struct auth_oidc_request {
    struct rg_slice redirect_uri;
    struct rg_slice state;
    struct rg_slice nonce;
    struct rg_slice verifier;   /* the URL holds its S256 (RFC 7636 4.2) */
    struct rg_slice prompt;     /* empty = none */
    struct rg_slice login_hint; /* empty = none */
};
/* The URL that the browser is sent to. RG_LIMIT when the arena is full or it would pass 8 KiB; RG_INTERNAL without
 * state, nonce, verifier or redirect_uri. */
rg_status auth_oidc_authorization_url(const struct auth_oidc_client *client,
                                      const struct auth_oidc_endpoints *endpoints,
                                      const struct auth_oidc_request *request, struct rg_arena *arena,
                                      struct rg_slice *out_url) RG_MUST_CHECK;

/* What came back through the browser, unverified: state finds the login under way. */
struct auth_oidc_callback {
    struct rg_slice state, code, issuer, error;
};
/* Reads the query of a callback. RG_PROTOCOL for broken or doubled parameters or no state; RG_LIMIT. */
rg_status auth_oidc_callback_parse(struct rg_slice query, struct rg_arena *arena,
                                   struct auth_oidc_callback *out_callback) RG_MUST_CHECK;
/* RG_DENIED unless it is a code from the provider that was asked (RFC 9207 2.4); the text holds the provider's error
 * when that is one of the registered names. *out_is_cancelled: the person refused, or the provider needs interaction.
 */
rg_status auth_oidc_callback_judge(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                                   const struct auth_oidc_callback *callback) RG_MUST_CHECK;

/* The forms for the token endpoint. Appended to out, which the caller wipes: they hold secrets. */
rg_status auth_oidc_code_form(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                              struct rg_slice code, struct rg_slice redirect_uri, struct rg_slice verifier,
                              struct rg_buf *out) RG_MUST_CHECK;
rg_status auth_oidc_refresh_form(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                                 struct rg_slice refresh_token, struct rg_buf *out) RG_MUST_CHECK;

/* A token response (RFC 6749 5.1), unverified. Empty = not there. */
struct auth_oidc_tokens {
    struct rg_slice access_token, id_token, refresh_token;
    int64_t expires_in_us; /* of the access token; 0 = not said */
};
/* Reads the token endpoint's answer. RG_DENIED when it refuses (an error of RFC 6749 5.2, or status 400 or 401);
 * RG_UPSTREAM for other states; RG_PROTOCOL for what is no token response; RG_LIMIT. No text holds a token. */
rg_status auth_oidc_tokens_parse(long status, struct rg_slice json, struct rg_arena *arena,
                                 struct auth_oidc_tokens *out_tokens) RG_MUST_CHECK;

/* What the ID token must fit. */
struct auth_oidc_expected {
    struct rg_slice nonce;           /* of the login; in a refresh: empty, and one in the token is not compared */
    struct rg_slice issuer, subject; /* a refresh: must be the same (Core 12.2); else empty */
    int64_t now_us;                  /* wall clock */
};
/* A verified login. Everything in the arena of the call that filled it. */
struct auth_oidc_login {
    struct auth_identity identity; /* AUTH_UNVERIFIED after a refresh without an ID token: it stays as it is */
    const struct auth_claim_constant *claims; /* those of identity as texts, for auth/session.h */
    size_t claim_count;
    struct rg_slice sid; /* the provider's session id; empty = none */
    struct rg_slice id_token, access_token, refresh_token;
    int64_t access_expires_us; /* wall clock; 0 = not said */
};
/* Judges the tokens of a login or a refresh: the ID token through the validator of access tokens with client_id as the
 * audience, and then azp, nonce, at_hash and iat (Core 3.1.3.7, 3.1.3.6). Claims come from the ID token.
 * Returns: ok; RG_DENIED with a text that names the check and no value; RG_LIMIT. *out_login untouched on failure,
 *          *out_hint always written. */
rg_status auth_oidc_tokens_judge(const struct auth_oidc_client *client, const struct auth_jwks *jwks,
                                 const struct auth_oidc_tokens *tokens, const struct auth_oidc_expected *expected,
                                 struct rg_arena *arena, struct auth_oidc_login *out_login,
                                 enum auth_verify_hint *out_hint) RG_MUST_CHECK;

/* GitHub: the answers of GET /user and, organizations NULL data = not asked, of GET /user/orgs. The subject is the
 * number of the account, which never changes; the organizations become the claim "organizations".
 * Returns: ok; RG_DENIED when a required claim is missing; RG_PROTOCOL for other documents; RG_LIMIT. */
rg_status auth_oidc_user_judge(const struct auth_oidc_client *client, const struct auth_oidc_tokens *tokens,
                               struct rg_slice user, struct rg_slice organizations, int64_t now_us,
                               struct rg_arena *arena, struct auth_oidc_login *out_login) RG_MUST_CHECK;

/* RP-initiated logout (RP-Initiated Logout 1.0 2). Empty when the provider has no such endpoint. RG_LIMIT. */
rg_status auth_oidc_logout_url(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                               struct rg_slice id_token, struct rg_slice post_logout_redirect_uri,
                               struct rg_slice state, struct rg_arena *arena, struct rg_slice *out_url) RG_MUST_CHECK;

/* Whom a back-channel logout token ends. At least one of sid and subject is there. */
struct auth_oidc_logout {
    struct rg_slice issuer, sid, subject;
    struct rg_slice token_id; /* jti: once only, by auth/replay.h */
    int64_t until_us;         /* remember it until then */
};
/* Judges a logout token (Back-Channel Logout 1.0 2.6): as an ID token, with the event, without nonce.
 * Returns: ok; RG_DENIED; RG_LIMIT. *out_logout untouched on failure, *out_hint always written. */
rg_status auth_oidc_logout_judge(const struct auth_oidc_client *client, const struct auth_jwks *jwks,
                                 struct rg_slice token, int64_t now_us, struct rg_arena *arena,
                                 struct auth_oidc_logout *out_logout, enum auth_verify_hint *out_hint) RG_MUST_CHECK;

/* Judges an introspection answer (RFC 7662 2.2) about token: active, for one of the trust's audiences or issued to
 * client_id, of the trust's issuer, in time. trust is the one of access tokens.
 * Returns: ok; RG_DENIED; RG_PROTOCOL for what is no such answer; RG_LIMIT. Output untouched then. */
rg_status auth_oidc_introspection_judge(const struct auth_trust *trust, struct rg_slice client_id, struct rg_slice json,
                                        struct rg_slice token, int64_t now_us, struct rg_arena *arena,
                                        struct auth_identity *out_identity) RG_MUST_CHECK;

#endif
