/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_SUBJECT_STORE_H
#define RG_AUDIT_KEEP_SUBJECT_STORE_H

#include "audit/message.h"

/* The keys of subjects: a SQLite database in a directory of its own, outside the log's. What is deleted is overwritten
 * (secure_delete; the journal is overwritten, too), here and in the store's own backups. It belongs to the auditor,
 * which holds its lock; others read it. Names are compared byte for byte. Threads: one at a time. */
struct subject_store;

enum { SUBJECT_PSEUDONYM_SIZE = 16, SUBJECT_PSEUDONYM_TEXT = 32 };

/* Random, one for each subject from its first key to its erasure: the name of a subject in the log. */
struct subject_pseudonym {
    uint8_t bytes[SUBJECT_PSEUDONYM_SIZE];
};

struct subject_found {
    bool is_there;
    struct subject_pseudonym pseudonym;
    uint64_t key_count;
};

/* Opens the store for the auditor, takes its lock. directory: absolute; its parent exists. may_create: an absent store
 * is made, 0700 and 0600; *out_was_made then. origin: of the log; a store belongs to one.
 * Returns: RG_CONFIG when it is absent and may not be made, or is another log's; RG_STORAGE when it cannot be opened,
 * is locked or damaged. */
rg_status subject_store_open(struct rg_slice directory, struct rg_slice origin, bool may_create, bool *out_was_made,
                             struct subject_store **out_store) RG_MUST_CHECK;
/* For those who only read, also while the auditor has it. RG_STORAGE when it is not there or not readable. */
rg_status subject_store_open_read(struct rg_slice directory, struct rg_slice origin,
                                  struct subject_store **out_store) RG_MUST_CHECK;
void subject_store_close(struct subject_store **store); /* what is not committed is gone; nulls, accepts NULL */

/* Random, made with the store: 32 hexadecimal digits. Valid until the store is closed. */
struct rg_slice subject_store_id(const struct subject_store *store);

/* Takes a key in; it is on the disk after subject_store_commit.
 * Returns: RG_PROTOCOL when that key id was there ever before; RG_STORAGE. */
rg_status subject_store_put(struct subject_store *store, const struct audit_key_frame *frame,
                            int64_t wall_us) RG_MUST_CHECK;
/* Nothing to do = ok. RG_STORAGE: nothing of what was put is there. */
rg_status subject_store_commit(struct subject_store *store) RG_MUST_CHECK;

/* The key, in *out_key: wipe it. RG_STORAGE. */
rg_status subject_store_get(struct subject_store *store, const struct audit_key_id *id, bool *out_is_there,
                            struct audit_subject_key *out_key) RG_MUST_CHECK;
/* RG_STORAGE. */
rg_status subject_store_find(struct subject_store *store, struct rg_slice tenant, struct rg_slice subject,
                             struct subject_found *out_found) RG_MUST_CHECK;
/* The same; a subject without a key is made when there is none. RG_STORAGE. */
rg_status subject_store_make(struct subject_store *store, struct rg_slice tenant, struct rg_slice subject,
                             int64_t wall_us, struct subject_found *out_found) RG_MUST_CHECK;
/* The tenant and the name of a pseudonym, in the arena. */
rg_status subject_store_name(struct subject_store *store, const struct subject_pseudonym *pseudonym,
                             struct rg_arena *arena, bool *out_is_there, struct rg_slice *out_tenant,
                             struct rg_slice *out_subject) RG_MUST_CHECK;
/* All keys of whoever has this name as subject or user, in any tenant or in one. Appends struct audit_key_id. RG_LIMIT,
 * RG_STORAGE. */
rg_status subject_store_keys_of(struct subject_store *store, const struct rg_slice *tenant, struct rg_slice name,
                                struct rg_buf *out_ids) RG_MUST_CHECK;
/* All keys of those who failed to log in. The same. */
rg_status subject_store_keys_unverified(struct subject_store *store, struct rg_buf *out_ids) RG_MUST_CHECK;
/* All keys. The same. */
rg_status subject_store_keys(struct subject_store *store, struct rg_buf *out_ids) RG_MUST_CHECK;
/* The pseudonyms of subjects whose name starts like this and whose first key is older. Appends. */
rg_status subject_store_older(struct subject_store *store, struct rg_slice prefix, int64_t before_us,
                              struct rg_buf *out_pseudonyms) RG_MUST_CHECK;

/* Destroys all keys and the name of a subject, on the disk when it returns: in the store and in its backups. A subject
 * that is not there is no failure. *out_count: keys destroyed in the store. RG_STORAGE. */
rg_status subject_store_erase(struct subject_store *store, const struct subject_pseudonym *pseudonym,
                              uint64_t *out_count) RG_MUST_CHECK;

/* Up to which record of the log erasures were followed. On the disk when it returns. RG_STORAGE. */
uint64_t subject_store_followed(const struct subject_store *store);
rg_status subject_store_set_followed(struct subject_store *store, uint64_t seq) RG_MUST_CHECK;

/* audit/keep/subject_reserve.c: makes room inside the store's files for keys that come when the disk is full: those of
 * the few who may work then. Called when opened, and now and then while there is space. RG_STORAGE. */
rg_status subject_store_reserve(struct subject_store *store) RG_MUST_CHECK;

/* audit/keep/subject_backup.c: a copy of the store a day, in backup/, kept for keep_s seconds. To be called now and
 * then: copies a part at a time, some milliseconds. keep_s 0 = no backups. RG_STORAGE. */
rg_status subject_store_back_up(struct subject_store *store, int64_t wall_us, uint64_t keep_s) RG_MUST_CHECK;

void subject_pseudonym_text(const struct subject_pseudonym *pseudonym, char out_text[SUBJECT_PSEUDONYM_TEXT + 1]);
bool subject_pseudonym_parse(struct rg_slice text, struct subject_pseudonym *out_pseudonym);

#endif
