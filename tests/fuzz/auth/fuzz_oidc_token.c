/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the ID token of a login and as a logout token, against a fixed key set. The corpus holds tokens that its
 * key signed (the private half is gone): those for us are taken, and nothing that only resembles them; and no token is
 * both. */
#include "auth/oidc_login.h"

static const char key_set[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e2\",\"use\":\"sig\","
                              "\"x\":\"8NPImxQhECQmZ2JP_I3ZeDEk46tCE4RwxmwPVFYSfQA\","
                              "\"y\":\"ysv8KPJyV8s33zKtLE9iKIdNHXVsOFS8UpyKnvfELCE\"}]}";

static const struct rg_slice audiences[] = {{"bi", 2}};
static const struct auth_claim_spec claims[] = {{.name = {"tenant_id", 9}, .type = {AUTH_SCALAR_TEXT, false}}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct auth_oidc_client make_client(void)
{
    struct auth_oidc_client client = {.trust = auth_trust_default(), .client_id = RG_SLICE("bi")};
    client.trust.issuer = RG_SLICE("https://idp.example");
    client.trust.audiences = audiences;
    client.trust.audience_count = 1;
    client.trust.claims = claims;
    client.trust.claim_count = 1;
    return client;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth_jwks *jwks;
    if (jwks == NULL) {
        RG_ASSERT(rg_is_ok(auth_jwks_parse(rg_slice_of(key_set), &jwks)));
    }
    struct auth_oidc_client client = make_client();
    struct auth_oidc_tokens tokens = {.access_token = RG_SLICE("access"), .id_token = rg_slice_make(data, size)};
    struct auth_oidc_expected expected = {.nonce = RG_SLICE("N1"), .now_us = INT64_C(1800000000000000)};
    struct auth_oidc_login login = {0};
    struct auth_oidc_logout logout = {0};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)1 << 20);
    bool is_login = rg_is_ok(auth_oidc_tokens_judge(&client, jwks, &tokens, &expected, &arena, &login, &hint));
    bool is_logout =
        rg_is_ok(auth_oidc_logout_judge(&client, jwks, tokens.id_token, expected.now_us, &arena, &logout, &hint));
    RG_ASSERT(!(is_login && is_logout));
    RG_ASSERT(is_login == (login.identity.kind == AUTH_OIDC));
    RG_ASSERT(!is_login || rg_slice_is_equal(login.identity.subject, RG_SLICE("alice")));
    RG_ASSERT(!is_logout || rg_slice_is_equal(logout.token_id, RG_SLICE("J1")));
    return 0;
}
