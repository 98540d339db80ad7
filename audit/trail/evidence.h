/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_TRAIL_EVIDENCE_H
#define RG_AUDIT_TRAIL_EVIDENCE_H

#include "audit/verify.h"

/* Evidence packs: for one criterion of SOC 2 (audit.md 6.3) and a period, a folder with the population of records, the
 * proof that it is complete, and a summary for somebody who knows nothing of rowgate. The log is verified in the same
 * pass that selects: what is in the pack is, byte for byte, what was verified. docs/evidence.md describes the folder.
 */

struct audit_evidence_options {
    struct rg_slice directory;     /* of the log; read only */
    struct rg_slice criterion;     /* "CC6.1", ..., or "all" */
    struct rg_slice tenant;        /* as in the policies; empty = the whole log */
    int64_t from_us;               /* microseconds since 1970 UTC */
    int64_t until_us;              /* the first one that is outside */
    int64_t made_us;               /* now */
    const char *folder;            /* to be made; must not exist */
    const struct audit_vkey *root; /* the reader's own copy; NULL: the log's is believed, and the pack says so */
    bool is_despite_findings;      /* make it also of a log that does not verify */
    bool is_unrecorded;            /* write no log.exported record: for a copy that must stay as it is */
    unsigned threads;              /* 0 = one a core */
    void (*on_progress)(void *context, uint64_t done_bytes, uint64_t all_bytes); /* may be NULL */
    void *context;
};

struct audit_evidence_made {
    enum audit_result result;
    uint64_t record_count; /* in the period, looked at */
    uint64_t first_seq;    /* of those; all 0 when there is none */
    uint64_t last_seq;
    uint64_t population_count; /* records enclosed; of "all" the sum */
    uint64_t recorded_seq;     /* of the log.exported record; 0 = none was written, and not_recorded says why */
    struct rg_slice not_recorded;
    char digest[2 * RG_SHA256_SIZE + 1]; /* of the folder: SHA-256 of its SHA256SUMS */
};

/* Makes the folder: beside its place, under another name, and renamed when it is whole and synced.
 * Returns: ok; RG_CONFIG for an unknown criterion, an empty period, a folder that exists; RG_DENIED when the log does
 * not verify (the text says what was found); RG_STORAGE; RG_LIMIT. Nothing is left behind and *out_made is untouched
 * then; after a kill a folder "<folder>.new-<digits>" may be.
 * Owns: out_made's text lives in the arena. Threads: any; starts and joins its own. */
rg_status audit_evidence_make(const struct audit_evidence_options *options, struct rg_arena *arena,
                              struct audit_evidence_made *out_made) RG_MUST_CHECK;

/* The criteria, in order; NULL behind the last. Static storage. */
const char *audit_evidence_criterion_name(size_t number);
const char *audit_evidence_criterion_title(size_t number);

#endif
