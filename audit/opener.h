/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_OPENER_H
#define RG_AUDIT_OPENER_H

#include "audit/personal.h"

/* Opens sealed values for those who show records, with the keys that the log's store still has. Never fails for want of
 * a store: what cannot be opened says so in its place. Threads: one at a time. */
struct audit_opener;

#define AUDIT_SEALED_ERASED "(erased)"       /* the store has no such key: the subject was erased */
#define AUDIT_SEALED_UNREAD "(encrypted)"    /* there is no store here, or we may not read it */
#define AUDIT_SEALED_DAMAGED "(not genuine)" /* the key is there, and these are not its bytes for this place */

/* subjects: the store's directory; empty = the one that the log names. RG_STORAGE when the log cannot be read. */
rg_status audit_opener_new(int log_directory_fd, struct rg_slice subjects,
                           struct audit_opener **out_opener) RG_MUST_CHECK;
void audit_opener_free(struct audit_opener **opener); /* wipes, nulls, accepts NULL */
/* There is a store and it can be read. */
bool audit_opener_is_open(const struct audit_opener *opener);
/* Why values stay closed; "" = they do not. */
const char *audit_opener_trouble(const struct audit_opener *opener);

/* The value of a record sealed with this key (its text), or one of the words above. opener NULL: AUDIT_SEALED_UNREAD.
 * In the arena or static. *out_is_open: it is the value. RG_LIMIT, RG_STORAGE. */
rg_status audit_opener_open(struct audit_opener *opener, struct rg_slice key_id, enum audit_personal_field field,
                            struct rg_slice sealed, struct rg_arena *arena, bool *out_is_open,
                            struct rg_slice *out_text) RG_MUST_CHECK;

/* The texts of the keys under which records of that name may be sealed, AUDIT_KEY_ID_TEXT bytes each: those of whoever
 * has it as subject or user, and those of failed logins. Empty without a store. RG_STORAGE, RG_LIMIT. */
rg_status audit_opener_keys(struct audit_opener *opener, struct rg_slice name, struct rg_buf *out_ids) RG_MUST_CHECK;
/* What stands for an address under each key there is: the same size each. A million keys take some seconds. */
rg_status audit_opener_tokens(struct audit_opener *opener, struct rg_slice address,
                              struct rg_buf *out_tokens) RG_MUST_CHECK;

#endif
