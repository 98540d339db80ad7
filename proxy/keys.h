/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_KEYS_H
#define RG_PROXY_KEYS_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* The cancel keys that clients get: rowgate's own, random, never an upstream's. Any thread; a short lock. */
struct keys;

struct keys_entry {
    uint64_t session_id;
    unsigned worker;
    uint32_t pid; /* 1 to 2^31 - 1, unique among live sessions */
    uint32_t secret;
};

rg_status keys_new(struct keys **out_keys) RG_MUST_CHECK;
void keys_free(struct keys **keys);
/* Draws pid and secret for the session. owner is "tenant and user", who alone may cancel by pid in SQL. */
void keys_add(struct keys *keys, uint64_t session_id, unsigned worker, struct rg_slice owner,
              struct keys_entry *out_entry);
void keys_remove(struct keys *keys, uint32_t pid);
/* The session with this pid and secret (a CancelRequest); false = none. Time does not tell which was wrong. */
bool keys_find(struct keys *keys, uint32_t pid, uint32_t secret, struct keys_entry *out_entry);
/* The session with this pid that belongs to owner (pg_cancel_backend in SQL); false = none. */
bool keys_find_owned(struct keys *keys, uint32_t pid, struct rg_slice owner, struct keys_entry *out_entry);

#endif
