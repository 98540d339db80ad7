/* SPDX-License-Identifier: Apache-2.0 */
/* A verified identity taken to another arena: from a thread that judged a credential to the request that it is for. */
#include "auth/identity.h"

static rg_status copy_value(const struct auth_claim_value *value, struct rg_arena *arena,
                            struct auth_claim_value *out_value)
{
    struct rg_slice *elements = NULL;
    RG_TRY(rg_arena_array(arena, value->count, sizeof *elements, (void **)&elements));
    for (size_t i = 0; i < value->count; i++) {
        RG_TRY(rg_arena_copy(arena, value->elements[i], &elements[i]));
    }
    *out_value = *value;
    out_value->elements = elements;
    return RG_OK;
}

rg_status auth_identity_copy(const struct auth_identity *identity, struct rg_arena *arena,
                             struct auth_identity *out_identity)
{
    struct auth_identity copy = *identity;
    struct auth_claim_value *claims = NULL;
    RG_TRY(rg_arena_copy(arena, identity->idp, &copy.idp));
    RG_TRY(rg_arena_copy(arena, identity->issuer, &copy.issuer));
    RG_TRY(rg_arena_copy(arena, identity->subject, &copy.subject));
    RG_TRY(rg_arena_copy(arena, identity->user, &copy.user));
    RG_TRY(rg_arena_copy(arena, identity->token_id, &copy.token_id));
    RG_TRY(rg_arena_array(arena, identity->claim_count, sizeof *claims, (void **)&claims));
    for (size_t i = 0; i < identity->claim_count; i++) {
        RG_TRY(copy_value(&identity->claims[i], arena, &claims[i]));
    }
    copy.claims = claims;
    *out_identity = copy;
    return RG_OK;
}
