/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEYS_LIST_H
#define RG_AUDIT_KEYS_LIST_H

#include "audit/keys.h"

/* One list of public keys as text (audit/keys.h), and the name of its file. Pure; threads: any. */

enum {
    AUDIT_LIST_NAME_SIZE = 24, /* "list-00000000.note", NUL */
    AUDIT_KEYS_ARENA = 128 << 20
};

struct audit_list {
    struct rg_slice origin;
    uint64_t first_epoch;
    uint64_t count;
    unsigned epoch_seconds;
    uint8_t (*public_keys)[AUDIT_PUBLIC_SIZE];
};

/* RG_LIMIT when out is full; out is as before then. */
rg_status audit_list_encode(const struct audit_list *list, struct rg_buf *out) RG_MUST_CHECK;
/* The text of a list's note, strict. RG_PROTOCOL; RG_LIMIT when the arena is full. The origin borrows from text, the
 * keys live in the arena. */
rg_status audit_list_parse(struct rg_slice text, struct rg_arena *arena, struct audit_list *out_list) RG_MUST_CHECK;
struct rg_digest audit_list_root(const struct audit_list *list);
void audit_list_name(uint64_t first_epoch, char out_name[AUDIT_LIST_NAME_SIZE]);
bool audit_list_name_parse(struct rg_slice name, uint64_t *out_first_epoch);
/* Sorts ids. */
bool audit_ids_are_distinct(uint32_t *ids, size_t count);

#endif
