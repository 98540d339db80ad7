/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_SUBJECTS_H
#define RG_AUDIT_KEEP_SUBJECTS_H

#include "audit/keep/keep.h"
#include "audit/keep/subject_store.h"

/* The store of subjects' keys beside an open log: it takes the keys that come ahead of records, destroys those of a
 * subject, and never lets one come back. An erasure is on record before the keys go; a start destroys what the log says
 * was erased, so neither a crash in between nor a restored copy of the store undoes one.
 * <log>/subjects names the store: its id, and the directory it is in. Threads: one at a time. */
struct audit_subjects;

/* Whether the log has a store, or is to have one: options->subjects, or the one that <log>/subjects names. */
bool audit_subjects_are_wanted(const struct auditor_options *options, const struct audit_log *log);

/* Opens it, or makes it when the log had none; follows the log's erasures since it was closed.
 * Returns: RG_CONFIG when the log's own store is not there, or another one is: the text says what to do; RG_STORAGE. */
rg_status audit_subjects_open(const struct auditor_options *options, struct audit_log *log,
                              struct audit_subjects **out_subjects) RG_MUST_CHECK;
void audit_subjects_close(struct audit_subjects **subjects); /* nulls, accepts NULL */

/* Called with audit_subject_hash of whoever was erased: the clients must forget his keys. */
void audit_subjects_on_erased(struct audit_subjects *subjects,
                              void (*on_erased)(void *context, const struct rg_digest *name), void *context);

/* RG_PROTOCOL when it is no new key, or the client may not send any; RG_STORAGE. */
rg_status audit_subjects_take(struct audit_subjects *subjects, const struct audit_key_frame *frame) RG_MUST_CHECK;
/* Before the records are made durable that need the keys taken since. RG_STORAGE. */
rg_status audit_subjects_commit(struct audit_subjects *subjects) RG_MUST_CHECK;
/* Once a turn of the loop: backups, keys of failed logins that are too old. Milliseconds. RG_STORAGE means that the log
 * takes no records any more; failures of backups are in *out_trouble, "" = none, static storage. */
rg_status audit_subjects_tend(struct audit_subjects *subjects, const char **out_trouble) RG_MUST_CHECK;

/* For the orders that keep.c obeys. */
struct audit_keep_subjects audit_subjects_hooks(struct audit_subjects *subjects);

/* ---- for those who read a log (any process) ---- */

/* The directory of the store that <log>/subjects names, in the arena; empty when the log has none. RG_STORAGE. */
rg_status audit_subjects_locate(int log_directory_fd, struct rg_arena *arena,
                                struct rg_slice *out_directory) RG_MUST_CHECK;

/* The name of a subject in records about holds, when the log has a store: "subject:" and the pseudonym. */
#define AUDIT_SUBJECT_PREFIX "subject:"

#endif
