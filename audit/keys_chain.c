/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of a list: keys whose ids differ from each other and from all that are known, from fresh randomness, drawn
 * again until they do. */
#include "audit/keys_private.h"

#include <inttypes.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

enum { CHAIN_ATTEMPTS = 200 };

static rg_status derive_chain(const uint8_t first[AUDIT_SEED_SIZE], const struct audit_list *list)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    memcpy(seed, first, sizeof seed);
    rg_status status = RG_OK;
    for (uint64_t i = 0; i < list->count && rg_is_ok(status); i++) {
        status = audit_seed_key_public(seed, list->public_keys[i]);
        if (rg_is_ok(status)) {
            status = audit_seed_next(seed, seed);
        }
    }
    rg_wipe(seed, sizeof seed);
    return status;
}

static rg_status put_ids(struct rg_slice origin, const uint8_t (*public_keys)[AUDIT_PUBLIC_SIZE], uint64_t count,
                         uint32_t *ids)
{
    for (uint64_t i = 0; i < count; i++) {
        struct audit_vkey key;
        RG_TRY(audit_vkey_make(origin, public_keys[i], &key));
        ids[i] = key.id;
    }
    return RG_OK;
}

static rg_status ids_are_new(const struct audit_keys *known, const struct audit_list *list, bool *out_are_new)
{
    size_t total = (size_t)(known->epoch_count + list->count);
    uint32_t *ids = rg_memory_array(total, sizeof *ids);
    rg_status status =
        put_ids(list->origin, (const uint8_t(*)[AUDIT_PUBLIC_SIZE])known->public_keys, known->epoch_count, ids);
    if (rg_is_ok(status)) {
        status = put_ids(list->origin, (const uint8_t(*)[AUDIT_PUBLIC_SIZE])list->public_keys, list->count,
                         ids + known->epoch_count);
    }
    if (rg_is_ok(status)) {
        *out_are_new = audit_ids_are_distinct(ids, total);
    }
    rg_memory_free(ids);
    return status;
}

rg_status audit_chain_make(const struct audit_keys_maker *maker, const struct audit_keys *known, struct rg_arena *arena,
                           struct audit_list *list, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, (size_t)list->count, AUDIT_PUBLIC_SIZE, &memory));
    struct audit_list made = *list;
    made.public_keys = memory;
    for (int i = 0; i < CHAIN_ATTEMPTS; i++) {
        bool are_new = false;
        uint8_t seed[AUDIT_SEED_SIZE];
        maker->draw(maker->context, seed);
        RG_TRY(derive_chain(seed, &made));
        RG_TRY(ids_are_new(known, &made, &are_new));
        if (are_new) {
            memcpy(out_seed, seed, sizeof seed);
            rg_wipe(seed, sizeof seed);
            *list = made;
            return RG_OK;
        }
    }
    return rg_fail(RG_INTERNAL, "no chain of %" PRIu64 " keys with distinct ids in %d attempts", list->count,
                   CHAIN_ATTEMPTS);
}
