/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_LOG_H
#define RG_AUDIT_LOG_H

#include "audit/auditor.h"
#include "audit/chain.h"
#include "audit/segment.h"

/* The log as one writer sees it, without threads or clients: open and recover, append, commit. After a
 * failure of commit the log must be closed. Threads: one at a time. */

enum { AUDIT_COMMIT_MAX = 8 * 1024 * 1024 }; /* bytes that can be written and not yet synced */

struct audit_log {
    const struct audit_store *store;
    const struct rg_clock *clock;
    enum audit_durability durability;
    size_t segment_bytes;
    int directory_fd; /* -1 = none */
    int lock_fd;      /* same */
    int segments_fd;  /* same */
    struct audit_chain chain;
    struct audit_segment segment;
    struct rg_buf pending;   /* composed, not yet written */
    uint64_t unsynced_bytes; /* written, not yet synced */
    char boot[AUDIT_BOOT_SIZE + 1];
};

/* Opens, checks and repairs; appends log.recovered (if so) and log.started and commits them.
 * Errors as auditor_open. options as there. */
rg_status audit_log_open(const struct auditor_options *options, struct audit_log *out_log) RG_MUST_CHECK;
/* Closes descriptors without writing; accepts the zero value with is_open fields unset. */
void audit_log_done(struct audit_log *log);

/* Composes one record; *out_seq is its number. It is durable after the next commit.
 * Returns: ok; RG_LIMIT when this one record is impossible (the log goes on); RG_STORAGE. */
rg_status audit_log_append(struct audit_log *log, const struct audit_message *message, uint64_t *out_seq) RG_MUST_CHECK;
/* Writes and, when durability asks for it, syncs what was appended. RG_STORAGE. */
rg_status audit_log_commit(struct audit_log *log) RG_MUST_CHECK;
/* About once a second: syncs what durability left open, looks whether the file is still ours. RG_STORAGE. */
rg_status audit_log_watch(struct audit_log *log) RG_MUST_CHECK;
/* Appends an event of the auditor itself and commits it. */
rg_status audit_log_note(struct audit_log *log, const struct audit_event *event) RG_MUST_CHECK;
/* Appends log.stopped, commits, cuts the space ahead. RG_STORAGE. */
rg_status audit_log_stop(struct audit_log *log) RG_MUST_CHECK;

#endif
