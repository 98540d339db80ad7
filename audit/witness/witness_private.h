/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_WITNESS_WITNESS_PRIVATE_H
#define RG_AUDIT_WITNESS_WITNESS_PRIVATE_H

#include "audit/keys_list.h"
#include "audit/witness/witness.h"

/* What witness.c (rules) and state.c (disk) share. */

enum {
    WITNESS_ID_SIZE = 2 * RG_SHA256_SIZE + 1,
    WITNESS_FILE_SIZE = WITNESS_ID_SIZE + 32,
    WITNESS_KEYS_ARENA = 96 * 1024 * 1024
};

struct witness_log {
    struct audit_vkey key; /* of the root, or static */
    bool is_static;
    struct rg_slice origin;   /* borrows from key.name */
    char id[WITNESS_ID_SIZE]; /* SHA-256 of the origin */

    struct rg_arena arena; /* of lists, keys and ids */
    struct rg_slice lists[AUDIT_LISTS_MAX];
    uint64_t first_epochs[AUDIT_LISTS_MAX];
    size_t list_count;
    struct audit_keys *keys; /* NULL = none yet */
    uint32_t *ids;           /* of keys, by epoch */

    uint64_t size; /* of the newest that was cosigned; has_checkpoint false: none */
    struct rg_digest root;
    uint64_t epoch;
    bool has_checkpoint;
};

struct witness {
    int directory_fd;
    int lock_fd;
    const struct audit_store *store;
    const struct rg_clock *clock;
    struct audit_cosigner cosigner;
    const uint8_t *seed;
    struct rg_arena arena;
    struct witness_log *logs;
    size_t log_count;
};

/* True when a key of the log signed it; *out_epoch is 0 for a static one. Pure. */
bool witness_log_has_signed(const struct witness_log *log, const struct audit_note *note, uint64_t *out_epoch);

/* ---- state.c ---- */

/* Lists and checkpoint of one log. RG_STORAGE when they are damaged. */
rg_status witness_state_load(const struct witness *witness, struct witness_log *log) RG_MUST_CHECK;
/* Durable when it returns. RG_STORAGE, RG_LIMIT. */
rg_status witness_state_put_checkpoint(const struct witness *witness, const struct witness_log *log,
                                       struct rg_slice note) RG_MUST_CHECK;
/* The first one only; a failure is passed over: the evidence is what is refused, not what is kept of it. */
void witness_state_keep_refused(const struct witness *witness, const struct witness_log *log, struct rg_slice note);
/* Checks a list against the root and the lists there are, and stores it. *out_is_known: it was there before.
 * RG_PROTOCOL: it is none, or does not join; RG_DENIED: not by the root; RG_CLOSED: another one of that first epoch is
 * here; RG_STORAGE. */
rg_status witness_state_add_list(const struct witness *witness, struct witness_log *log,
                                 struct rg_slice bytes) RG_MUST_CHECK;

#endif
