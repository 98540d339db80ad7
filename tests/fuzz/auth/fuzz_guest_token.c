/* SPDX-License-Identifier: Apache-2.0 */
/* Guest tokens: the bytes as a whole token, which none that we did not sign may pass; and as the claims of one that we
 * did, of which what passes has an id, dashboards, a capsule and an end that has not come. */
#include <stdint.h>

#include "auth/guest_token.h"
#include "base/rg_secret.h"
#include "base/rg_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1800000000 };

static const struct auth_mint *the_mint(void)
{
    static struct auth_mint *mint;
    if (mint == NULL) {
        static const uint8_t seed[RG_SIGN_SEED_SIZE] = {1, 2, 3};
        struct rg_secret *pem = NULL;
        RG_ASSERT(rg_is_ok(rg_sign_pem_encode(seed, &pem)));
        RG_ASSERT(rg_is_ok(auth_mint_new(rg_secret_slice(pem), &mint)));
        rg_secret_free(&pem);
    }
    return mint;
}

static void check(const struct auth_guest_token *token)
{
    RG_ASSERT(token->id.size > 0 && token->id.size <= AUTH_GUEST_MAX_ID && token->capsule.size > 0);
    RG_ASSERT(token->resource_count > 0 && token->resource_count <= AUTH_GUEST_MAX_RESOURCES);
    RG_ASSERT(token->expires_s > NOW_S);
    for (size_t i = 0; i < token->resource_count; i++) {
        RG_ASSERT(token->resources[i].size > 0 && token->resources[i].size <= AUTH_GUEST_MAX_ID);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size);
    const int64_t now_us = (int64_t)NOW_S * 1000000;
    struct auth_guest_token token = {0};
    struct rg_slice text = {0};
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    RG_ASSERT(!rg_is_ok(auth_guest_token_read(the_mint(), bytes, now_us, NULL, &arena, &token)));
    RG_ASSERT(token.id.data == NULL);
    if (rg_is_ok(auth_mint_sign(the_mint(), bytes, &arena, &text)) &&
        rg_is_ok(auth_guest_token_read(the_mint(), text, now_us, NULL, &arena, &token))) {
        check(&token);
    }
    rg_arena_done(&arena);
    return 0;
}
