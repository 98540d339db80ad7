/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of seeds, and one seed as bytes of a slot. What leads from an epoch back to the one before it would be to
 * invert HKDF: that is the whole point. */
#include "audit/keys_private.h"

#include "base/rg_crypto.h"

static const char magic[] = "rgseed1\n";
enum { MAGIC_SIZE = 8, EPOCH_AT = MAGIC_SIZE, SEED_AT = EPOCH_AT + 8, HASH_AT = SEED_AT + AUDIT_SEED_SIZE };
enum { USED_SIZE = HASH_AT + RG_SHA256_SIZE };

static rg_status derive(const uint8_t seed[AUDIT_SEED_SIZE], struct rg_slice info, uint8_t out[AUDIT_SEED_SIZE])
{
    struct rg_digest made;
    RG_TRY(rg_hkdf_sha256(rg_slice_make(seed, AUDIT_SEED_SIZE), RG_SLICE(""), info, &made));
    memcpy(out, made.bytes, AUDIT_SEED_SIZE);
    rg_wipe(&made, sizeof made);
    return RG_OK;
}

rg_status audit_seed_next(const uint8_t seed[AUDIT_SEED_SIZE], uint8_t out_next[AUDIT_SEED_SIZE])
{
    return derive(seed, RG_SLICE("rowgate/audit/seed"), out_next);
}

rg_status audit_seed_key(const uint8_t seed[AUDIT_SEED_SIZE], uint8_t out_key[AUDIT_SEED_SIZE])
{
    return derive(seed, RG_SLICE("rowgate/audit/key"), out_key);
}

rg_status audit_seed_key_public(const uint8_t seed[AUDIT_SEED_SIZE], uint8_t out_public[AUDIT_PUBLIC_SIZE])
{
    uint8_t key[AUDIT_SEED_SIZE];
    RG_TRY(audit_seed_key(seed, key));
    rg_status status = audit_seed_public(key, out_public);
    rg_wipe(key, sizeof key);
    return status;
}

void audit_slot_done(struct audit_slot *slot)
{
    rg_wipe(slot, sizeof *slot);
}

void audit_slot_encode(const struct audit_slot *slot, uint8_t out_bytes[AUDIT_SLOT_SIZE])
{
    memset(out_bytes, 0, AUDIT_SLOT_SIZE);
    memcpy(out_bytes, magic, MAGIC_SIZE);
    for (size_t i = 0; i < 8; i++) {
        out_bytes[EPOCH_AT + i] = (uint8_t)(slot->epoch >> (56 - 8 * i));
    }
    memcpy(out_bytes + SEED_AT, slot->seed, AUDIT_SEED_SIZE);
    struct rg_digest digest = rg_sha256_one(rg_slice_make(out_bytes, HASH_AT));
    memcpy(out_bytes + HASH_AT, digest.bytes, sizeof digest.bytes);
}

bool audit_slot_parse(const uint8_t bytes[AUDIT_SLOT_SIZE], struct audit_slot *out_slot)
{
    struct rg_digest digest = rg_sha256_one(rg_slice_make(bytes, HASH_AT));
    uint64_t epoch = 0;
    bool is_whole =
        memcmp(bytes, magic, MAGIC_SIZE) == 0 && rg_secret_is_equal(rg_slice_make(bytes + HASH_AT, sizeof digest.bytes),
                                                                    rg_slice_make(digest.bytes, sizeof digest.bytes));
    for (size_t i = USED_SIZE; i < AUDIT_SLOT_SIZE; i++) {
        is_whole = is_whole && bytes[i] == 0;
    }
    for (size_t i = 0; i < 8; i++) {
        epoch = epoch << 8 | bytes[EPOCH_AT + i];
    }
    if (!is_whole || epoch >= AUDIT_EPOCH_END) {
        return false;
    }
    out_slot->epoch = epoch;
    memcpy(out_slot->seed, bytes + SEED_AT, AUDIT_SEED_SIZE);
    return true;
}
