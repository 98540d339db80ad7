/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a key set and as a discovery document. What is kept must be a key of a known type. */
#include "auth/jwks_fetch_private.h"
#include "auth/jwks_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"};
    struct rg_slice bytes = rg_slice_make(data, size);
    struct auth_jwks *jwks = NULL;
    if (rg_is_ok(auth_jwks_parse(bytes, &jwks))) {
        size_t fitting = 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            const struct auth_algorithm *algorithm = auth_algorithm_find(rg_slice_of(names[i]));
            struct auth_jwks_match match = auth_jwks_match(jwks, (struct rg_slice){0}, algorithm);
            RG_ASSERT((match.key != NULL) == (match.fitting == 1) && match.fitting <= match.named);
            fitting += match.fitting;
        }
        RG_ASSERT(auth_jwks_count(jwks) > 0 && fitting <= 2 * auth_jwks_count(jwks));
    }
    auth_jwks_free(&jwks);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 8192);
    struct rg_slice uri = {0};
    if (rg_is_ok(auth_discovery_parse(bytes, RG_SLICE("https://idp.example"), (struct rg_slice){0}, &arena, &uri))) {
        RG_ASSERT(rg_slice_has_prefix(uri, RG_SLICE("https://")));
    }
    return 0;
}
