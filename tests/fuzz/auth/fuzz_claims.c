/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the payload of a token whose signature was right: what fuzz_jwt cannot reach, because it
 * cannot sign. A value that comes out must pass its type's own check again, unchanged. */
#include "auth/claims_private.h"
#include "auth/signature_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct auth_claim_spec specs[] = {
    {.name = {"tenant", 6}, .oidc_path = {"$.tenant.id", 11}, .type = {AUTH_SCALAR_UUID, false}},
    {.name = {"regions", 7}, .type = {AUTH_SCALAR_TEXT, true}, .max_elements = 8, .lower = true},
    {.name = {"scope", 5}, .type = {AUTH_SCALAR_TEXT, true}, .split = {" ", 1}},
    {.name = {"level", 5}, .type = {AUTH_SCALAR_INT8, false}},
    {.name = {"level4", 6}, .oidc_path = {"level", 5}, .type = {AUTH_SCALAR_INT4, true}},
    {.name = {"rate", 4}, .type = {AUTH_SCALAR_NUMERIC, false}},
    {.name = {"ok", 2}, .type = {AUTH_SCALAR_BOOL, false}},
    {.name = {"day", 3}, .type = {AUTH_SCALAR_DATE, false}},
    {.name = {"since", 5}, .type = {AUTH_SCALAR_TIMESTAMPTZ, false}},
};

static void check_value(const struct auth_claim_value *value)
{
    for (size_t i = 0; i < value->count; i++) {
        char again[AUTH_CLAIM_DEFAULT_BYTES];
        struct rg_slice element = value->elements[i];
        RG_ASSERT(element.size <= sizeof again && element.data[element.size] == '\0');
        memcpy(again, element.data, element.size);
        RG_ASSERT(auth_scalar_accept(value->type.scalar, again, element.size));
        RG_ASSERT(memcmp(again, element.data, element.size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *claims = NULL;
    if (!rg_is_ok(auth_token_json(rg_slice_make(data, size), "payload", &claims))) {
        return 0;
    }
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)1 << 18);
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        const struct auth_claim_value *values = NULL;
        if (rg_is_ok(auth_claims_from_json(&specs[i], 1, claims, &arena, &values))) {
            check_value(&values[0]);
        }
    }
    json_decref(claims);
    return 0;
}
