/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_AUDITOR_H
#define RG_AUDIT_AUDITOR_H

#include "audit/audit.h"
#include "audit/store.h"
#include "base/rg_clock.h"
#include "base/rg_log.h"

/* The auditor: owns the log's directory, the sequence, the hashes and the keys, in a process of its own. It takes
 * records from clients it does not trust (audit/audit.h) and orders from the supervisor (audit/control.h). */

struct auditor;

enum audit_durability {
    AUDIT_SYNCED = 0, /* acknowledged = on the disk (fdatasync) */
    AUDIT_WRITTEN     /* acknowledged = in the kernel; synced within a second */
};

struct auditor_options {
    struct rg_slice directory;  /* created 0700 when absent; its parent must exist */
    struct rg_slice origin;     /* "<cluster>/audit/<node>/<incarnation>": printable ASCII, at most 255 bytes */
    uint64_t segment_bytes;     /* 0 = 256 MiB; at least 128 KiB otherwise */
    uint64_t reserve_bytes;     /* 0 = 64 MiB: held back for break-glass users */
    uint64_t low_space_bytes;   /* 0 = 1 GiB: less than that free is AUDIT_LOW */
    struct rg_slice retention;  /* what is pruned: the text of audit/keep/retention.h; empty = nothing */
    uint64_t acknowledged_seq;  /* a log with fewer records than this is refused: an earlier run called them durable */
    struct rg_slice subjects;   /* directory of subjects' keys (audit/keep/subjects.h); empty = what the log has */
    uint64_t seals_personal;    /* 1: clients may send such keys; 0: none */
    uint64_t subject_backups_s; /* how long copies of them are kept; 0 = none are made */
    uint64_t unverified_s;      /* how long the keys of failed logins are kept; 0 = for good */
    enum audit_durability durability;
    const struct rg_clock *clock;    /* NULL = the machine's; must outlive the auditor */
    const struct audit_store *store; /* NULL = files; same */
    struct rg_log *log;              /* operational log; NULL = none; same */
};

/* Opens or creates the log: takes its lock, checks the chain, repairs what a crash left, appends log.recovered (if so)
 * and log.started, waits until they are durable. Blocks. Options' slices are borrowed for the call.
 * Returns: RG_CONFIG for bad options or another origin; RG_STORAGE when the directory is locked by another, cannot be
 * written, or the log is damaged (text names segment and record). */
rg_status auditor_open(const struct auditor_options *options, struct auditor **out_auditor) RG_MUST_CHECK;
/* Says `ready` to the supervisor, then serves doors and channels until it says `stop` or its socket closes: then takes
 * what had arrived, writes it and log.stopped. Any clients left see their channels close. control_fd is borrowed.
 * Returns: ok; RG_STORAGE when the log is CLOSED for good: every client and the supervisor were told why. */
rg_status auditor_serve(struct auditor *auditor, int control_fd) RG_MUST_CHECK;
/* Closes channels and files; writes nothing. Nulls it. */
void auditor_close(struct auditor **auditor);

/* The whole child: takes `options` from the control socket (10 s at most), opens, serves, closes. When it cannot open
 * the log, says so by `state` CLOSED first. clock, store and log of the options are the machine's, files, and `log`.
 * Returns: as the two; RG_PROTOCOL when the first message is not `options`. */
rg_status auditor_run(int control_fd, struct rg_log *log) RG_MUST_CHECK;

#endif
