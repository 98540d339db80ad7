/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as each of the JSON answers of an identity provider: discovery document, token response, user-info,
 * introspection. What is taken obeys the rules that the callers rely on. */
#include "auth/oidc_login.h"

static const struct rg_slice audiences[] = {{"bi", 2}};
static const struct auth_claim_spec claims[] = {
    {.name = {"tenant_id", 9}, .type = {AUTH_SCALAR_TEXT, false}},
    {.name = {"organizations", 13}, .type = {AUTH_SCALAR_TEXT, true}},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_https(struct rg_slice url)
{
    return rg_slice_has_prefix(url, RG_SLICE("https://")) && memchr(url.data, '\n', url.size) == NULL &&
           memchr(url.data, ' ', url.size) == NULL;
}

static void read_discovery(const struct auth_trust *trust, struct rg_slice json, struct rg_arena *arena)
{
    struct auth_oidc_endpoints found = {0};
    if (rg_is_ok(auth_oidc_discovery_parse(trust, json, arena, &found))) {
        RG_ASSERT(is_https(found.authorization) && is_https(found.token));
        RG_ASSERT(found.end_session.size == 0 || is_https(found.end_session));
        RG_ASSERT(found.introspection.size == 0 || is_https(found.introspection));
    }
}

static void read_others(const struct auth_oidc_client *client, struct rg_slice json, struct rg_arena *arena)
{
    const int64_t now_us = INT64_C(1800000000000000);
    struct auth_oidc_tokens tokens = {0};
    struct auth_oidc_login login = {0};
    struct auth_identity identity = {0};
    if (rg_is_ok(auth_oidc_tokens_parse(200, json, arena, &tokens))) {
        RG_ASSERT(tokens.access_token.size > 0 && tokens.access_token.size <= AUTH_OIDC_MAX_TOKEN);
        RG_ASSERT(tokens.expires_in_us >= 0);
    }
    (void)rg_is_ok(auth_oidc_tokens_parse(400, json, arena, &tokens));
    tokens.access_token = RG_SLICE("access");
    if (rg_is_ok(auth_oidc_user_judge(client, &tokens, json, (struct rg_slice){0}, now_us, arena, &login))) {
        RG_ASSERT(login.identity.subject.size > 0 && login.claim_count <= 1);
    }
    (void)rg_is_ok(
        auth_oidc_user_judge(client, &tokens, RG_SLICE("{\"id\":1,\"login\":\"a\"}"), json, now_us, arena, &login));
    if (rg_is_ok(auth_oidc_introspection_judge(&client->trust, client->client_id, json, RG_SLICE("t"), now_us, arena,
                                               &identity))) {
        RG_ASSERT(identity.kind == AUTH_OIDC && identity.subject.size > 0 && identity.expires_at_us > now_us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice json = rg_slice_make(data, size);
    struct auth_oidc_client client = {.trust = auth_trust_default(), .client_id = RG_SLICE("bi")};
    client.trust.issuer = RG_SLICE("https://idp.example");
    client.trust.audiences = audiences;
    client.trust.audience_count = 1;
    client.trust.claims = claims;
    client.trust.claim_count = 2;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)8 << 20);
    read_discovery(&client.trust, json, &arena);
    read_others(&client, json, &arena);
    client.trust.issuer_template = RG_SLICE("https://idp.example/{tid}/v2.0");
    read_discovery(&client.trust, json, &arena);
    return 0;
}
