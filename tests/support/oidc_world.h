/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_OIDC_WORLD_H
#define RG_TESTS_SUPPORT_OIDC_WORLD_H

/* A relying party for the tests of auth/oidc_login.h: the client "bi" of the provider of auth_tokens.h. */
#include "auth/oidc_login.h"
#include "tests/support/auth_tokens.h"

#define CLIENT "\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":\"bi\",\"exp\":1800003600,\"iat\":1799999990"
#define EVENT "\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":{}}"

static const struct rg_slice client_ids[] = {{"bi", 2}};
static const struct rg_slice scopes_of_tests[] = {{"openid", 6}, {"email", 5}};
static const struct auth_claim_spec claims_of_tests[] = {
    {.name = {"tenant_id", 9}, .type = {AUTH_SCALAR_TEXT, false}},
    {.name = {"organizations", 13}, .type = {AUTH_SCALAR_TEXT, true}},
};

static inline struct auth_oidc_client client_of_tests(void)
{
    struct auth_oidc_client client = {.trust = trust_of_tests(),
                                      .client_id = RG_SLICE("bi"),
                                      .client_secret = RG_SLICE("s3 cret"),
                                      .scopes = scopes_of_tests,
                                      .scope_count = 2};
    client.trust.audiences = client_ids;
    client.trust.audience_count = 1;
    client.trust.claims = claims_of_tests;
    client.trust.claim_count = 2;
    return client;
}

static inline struct auth_oidc_endpoints endpoints_of_tests(void)
{
    return (struct auth_oidc_endpoints){.authorization = RG_SLICE("https://login.example.com/auth"),
                                        .token = RG_SLICE("https://login.example.com/token"),
                                        .end_session = RG_SLICE("https://login.example.com/logout?x=1")};
}

#endif
