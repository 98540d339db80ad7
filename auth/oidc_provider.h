/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_OIDC_PROVIDER_H
#define RG_AUTH_OIDC_PROVIDER_H

#include "auth/jwks_cache.h"
#include "auth/oidc_login.h"

/* One identity provider that people log in at: auth/oidc_login.h with the network done. Keeps the discovery document
 * (fetched at first use and again after 10 min; the old one serves while the provider cannot be reached, a failure is
 * asked about again after 5 s) and the answers about opaque tokens. All calls but the first two and the last block: for
 * offload threads. Any thread, at the same time. */
struct auth_oidc_provider;

enum {
    AUTH_INTROSPECT_MAX = 4096,  /* tokens remembered; the oldest goes */
    AUTH_INTROSPECT_KEEP_S = 30, /* so long a token that was revoked at the provider may still be accepted */
};

struct auth_oidc_provider_options {
    const struct auth_oidc_client *client; /* these four must live as long as the provider; NULL = nobody logs in: only
                                              auth_oidc_provider_judge_bearer may be called */
    const struct auth_trust *trust;        /* of access tokens, for introspection; NULL = none */
    struct auth_jwks_cache *jwks;
    const struct rg_clock *clock;
    size_t trust_index; /* in jwks; not used by plain OAuth */
};

void auth_oidc_provider_new(const struct auth_oidc_provider_options *options, struct auth_oidc_provider **out_provider);
void auth_oidc_provider_free(struct auth_oidc_provider **provider); /* nulls, accepts NULL */

/* The URL that the browser is sent to. RG_UPSTREAM, RG_PROTOCOL when the provider cannot be discovered. */
rg_status auth_oidc_provider_begin(struct auth_oidc_provider *provider, const struct auth_oidc_request *request,
                                   struct rg_arena *arena, struct rg_slice *out_url) RG_MUST_CHECK;

/* Turns a callback whose login under way was found into a login.
 * Returns: ok; RG_DENIED; RG_UPSTREAM, RG_PROTOCOL when the provider misbehaves; RG_LIMIT. Output untouched then. */
rg_status auth_oidc_provider_finish(struct auth_oidc_provider *provider, const struct auth_oidc_callback *callback,
                                    const struct auth_oidc_request *request, struct rg_arena *arena,
                                    struct auth_oidc_login *out_login) RG_MUST_CHECK;

/* New tokens for a session. RG_DENIED: the provider refuses, the session must end; RG_UPSTREAM, RG_PROTOCOL: try later.
 */
rg_status auth_oidc_provider_refresh(struct auth_oidc_provider *provider, struct rg_slice refresh_token,
                                     struct rg_slice issuer, struct rg_slice subject, struct rg_arena *arena,
                                     struct auth_oidc_login *out_login) RG_MUST_CHECK;

/* Where the browser goes to end the provider's own session; empty when there is no such place. */
rg_status auth_oidc_provider_logout_url(struct auth_oidc_provider *provider, struct rg_slice id_token,
                                        struct rg_slice post_logout_redirect_uri, struct rg_arena *arena,
                                        struct rg_slice *out_url) RG_MUST_CHECK;

/* Judges a back-channel logout token, with the newest keys. */
rg_status auth_oidc_provider_judge_logout(struct auth_oidc_provider *provider, struct rg_slice token,
                                          struct rg_arena *arena, struct auth_oidc_logout *out_logout) RG_MUST_CHECK;

/* Judges an access token of any form: a JWT by its signature, an opaque one by asking the provider.
 * RG_DENIED; RG_UPSTREAM when the provider cannot be asked. */
rg_status auth_oidc_provider_judge_bearer(struct auth_oidc_provider *provider, struct rg_slice token,
                                          struct rg_arena *arena, struct auth_identity *out_identity) RG_MUST_CHECK;

/* True when an opaque token can be asked about here. Reads nothing that changes. */
bool auth_oidc_provider_introspects(const struct auth_oidc_provider *provider);

#endif
