/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEYS_PRIVATE_H
#define RG_AUDIT_KEYS_PRIVATE_H

#include "audit/keys_list.h"
#include "base/rg_secret.h"

/* What the public half, the signer and the maker of keys share. */

enum {
    AUDIT_SLOT_SIZE = 512,
    AUDIT_SLOTS = 2,
    AUDIT_EPOCH_END = 100 * 1000 * 1000 /* eight digits */
};

/* ---- the chain and the slots it is kept in (seed.c) ---- */

/* seed_(e+1), and the Ed25519 seed of key_e. The caller wipes. */
rg_status audit_seed_next(const uint8_t seed[AUDIT_SEED_SIZE], uint8_t out_next[AUDIT_SEED_SIZE]) RG_MUST_CHECK;
rg_status audit_seed_key(const uint8_t seed[AUDIT_SEED_SIZE], uint8_t out_key[AUDIT_SEED_SIZE]) RG_MUST_CHECK;
/* The public key of key_e. */
rg_status audit_seed_key_public(const uint8_t seed[AUDIT_SEED_SIZE],
                                uint8_t out_public[AUDIT_PUBLIC_SIZE]) RG_MUST_CHECK;

struct audit_slot {
    uint64_t epoch;
    uint8_t seed[AUDIT_SEED_SIZE];
};
void audit_slot_done(struct audit_slot *slot); /* wipes */
void audit_slot_encode(const struct audit_slot *slot, uint8_t out_bytes[AUDIT_SLOT_SIZE]);
bool audit_slot_parse(const uint8_t bytes[AUDIT_SLOT_SIZE], struct audit_slot *out_slot);

/* ---- the files that hold slots (seed_file.c): keys/seed, keys/seed.next ---- */

enum audit_seed_owner { AUDIT_SEED_MINE = 0, AUDIT_SEED_ANY_FOR_ROOT };

struct audit_seed_file {
    const struct audit_store *store; /* NULL: not open */
    int fd;
    unsigned slots; /* of the file */
    bool is_valid[AUDIT_SLOTS];
    bool is_blank[AUDIT_SLOTS]; /* all zero */
    struct audit_slot slot[AUDIT_SLOTS];
};
/* Opens name in keys/, locks it, reads it. RG_STORAGE: absent, wrong mode, owner or size, locked by another after
 * wait_ms. */
rg_status audit_seed_file_open(int keys_fd, const char *name, const struct audit_store *store,
                               enum audit_seed_owner owner, unsigned wait_ms,
                               struct audit_seed_file *out_file) RG_MUST_CHECK;
void audit_seed_file_done(struct audit_seed_file *file); /* unlocks, closes, wipes; accepts the zero value */
/* Which slot is the current one: the only valid, or the higher of two that follow each other. RG_STORAGE: none, or two
 * that do not. */
rg_status audit_seed_file_current(const struct audit_seed_file *file, unsigned *out_index) RG_MUST_CHECK;
/* Writes one slot and syncs; a NULL slot is zeros. RG_STORAGE. */
rg_status audit_seed_file_put(const struct audit_seed_file *file, unsigned index,
                              const struct audit_slot *slot) RG_MUST_CHECK;
/* Zeros name in keys/, syncs, removes it. Absent is fine. RG_STORAGE when it could not be zeroed. */
rg_status audit_seed_file_erase(int keys_fd, const char *name, const struct audit_store *store) RG_MUST_CHECK;

/* ---- reading (keys.c) ---- */

int audit_keys_open_directory(int directory_fd);
/* audit_keys_load below keys/ itself. */
rg_status audit_keys_load_from(int keys_fd, const struct audit_vkey *pinned_root, struct rg_arena *arena,
                               struct audit_keys *out_keys) RG_MUST_CHECK;

/* ---- making (keys_init.c, keys_rotate.c, keys_chain.c), with the interfaces that tests replace ---- */

struct audit_keys_maker {
    const struct audit_store *store;
    void (*draw)(void *context, uint8_t out_seed[AUDIT_SEED_SIZE]); /* randomness */
    void *context;
};
rg_status audit_keys_init_by(const struct audit_keys_maker *maker,
                             const struct audit_keys_options *options) RG_MUST_CHECK;
rg_status audit_keys_rotate_by(const struct audit_keys_maker *maker,
                               const struct audit_keys_options *options) RG_MUST_CHECK;
/* A chain of list->count keys whose ids differ from each other and from the known ones, in list->public_keys (allocated
 * in the arena); its first seed in out_seed, which the caller wipes. */
rg_status audit_chain_make(const struct audit_keys_maker *maker, const struct audit_keys *known, struct rg_arena *arena,
                           struct audit_list *list, uint8_t out_seed[AUDIT_SEED_SIZE]) RG_MUST_CHECK;

#endif
