/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_VERIFY_H
#define RG_AUDIT_VERIFY_H

#include "audit/keys.h"
#include "audit/line.h"
#include "audit/record.h"

/* Checks a log directory as an outsider would (docs/verify.md): every byte of every line, tile, checkpoint and key
 * list, nothing skipped, public keys only. Reads only; may run beside a live rowgate. */

enum audit_result {
    AUDIT_UNVERIFIED = 0,
    AUDIT_INTACT,
    AUDIT_ALTERED, /* edited, inserted, reordered, repeated, deleted within a segment; a signature that does not hold */
    AUDIT_TRUNCATED,  /* records are missing at the end, or the log was rolled back */
    AUDIT_FORKED,     /* two signed checkpoints that cannot be of one log */
    AUDIT_INCOMPLETE, /* a segment, tile, checkpoint or key list is missing */
    AUDIT_STALE,      /* the newest checkpoint is older than the records behind it allow */
    AUDIT_RESULT_COUNT
};

struct audit_finding {
    enum audit_result result;
    struct rg_slice file; /* below the directory, "seg/0000000000000000.jsonl"; empty = the directory as a whole */
    uint64_t line;        /* 1-based; 0 = the file as a whole */
    uint64_t seq;         /* of the first record that is bad, missing or not proven */
    struct rg_slice reason;
};

/* Something that happened to the log and that a reader should know; no finding. */
struct audit_incident {
    uint64_t seq;
    int64_t hlc_us;
    struct rg_slice kind; /* "log.recovered", "process.died", ... */
};

enum { AUDIT_FINDINGS_MAX = 64, AUDIT_INCIDENTS_MAX = 1000, AUDIT_UNRESOLVED_MAX = 100 };

struct audit_report {
    enum audit_result result;
    struct rg_slice directory;
    struct rg_slice origin;
    struct rg_slice root_key; /* the root's public key that was believed, as "<name>+<id>+<key>" */
    bool is_root_pinned;      /* false: it came with the log */

    uint64_t first_record; /* the first one that was read: 0 unless `since` let tiles stand for those before */
    uint64_t pruned_size;  /* records that were pruned and declared, from 0 on; 0 = none */
    uint64_t pruned_by;    /* the retention.prune record that declares the last of them */
    uint64_t record_count; /* good ones, from 0 without a gap */
    uint64_t segment_count;
    uint64_t byte_count; /* of the segments that were read */
    uint64_t tenant_count;
    int64_t first_hlc_us; /* of the first record read and the last good one */
    int64_t last_hlc_us;
    bool is_closed; /* the last record is log.stopped */

    uint64_t checkpoint_count; /* those that hold: root and signature */
    uint64_t signed_size;      /* of the newest of them; 0 = none */
    int64_t signed_hlc_us;     /* of the last record it covers */
    uint64_t signed_epoch;
    uint64_t epoch;      /* of the log's end */
    uint64_t since_size; /* of the checkpoint that was brought along; 0 = none */
    uint64_t tile_count; /* tiles compared */

    uint64_t start_count;    /* log.started records */
    uint64_t recovery_count; /* log.recovered records: torn tails that were cut and declared */
    uint64_t clock_step_count;
    uint64_t incident_count; /* all; `incidents` holds the first AUDIT_INCIDENTS_MAX */
    const struct audit_incident *incidents;
    uint64_t unresolved_count;  /* decisions without outcome */
    const uint64_t *unresolved; /* their numbers, the first AUDIT_UNRESOLVED_MAX, ascending */

    struct rg_slice elsewhere; /* what was compared outside the directory, for people; empty = nothing */

    /* the worst first; of the same kind the earliest */
    const struct audit_finding *findings; /* at most AUDIT_FINDINGS_MAX */
    size_t finding_count;
};

/* A signed checkpoint that stands elsewhere: an anchor. The log must have at least its records, with its root. */
struct audit_kept {
    struct rg_slice name; /* for people: where it stands */
    struct rg_slice note;
};

/* Sees every record while it is checked: what it takes is, byte for byte, what was verified. Each segment's records
 * come in order, from one thread; segments come in parallel. A pass may have to be made again: then begin is called
 * again, and what was seen before does not count. Failures end the verification and are returned. */
struct audit_watch {
    /* segment_count segments follow; signed_size: of the newest checkpoint in the directory, whether or not it holds */
    rg_status (*begin)(void *context, size_t segment_count, uint64_t signed_size);
    /* segment: counted from 0. A record that is good by itself and follows the one before it in its segment. */
    rg_status (*record)(void *context, size_t segment, const struct audit_head *head, struct rg_slice line);
    rg_status (*end)(void *context, size_t segment); /* of its good records */
    void *context;
};

struct audit_verify_options {
    struct rg_slice directory;
    const struct audit_vkey
        *root;             /* the outsider's own copy; NULL: the directory's is believed, and the report says so */
    struct rg_slice since; /* a signed checkpoint that the outsider kept, as bytes; empty = none */
    const struct audit_kept *kept;
    size_t kept_count;
    bool has_no_tiles; /* the directory holds what was exported: tiles may be missing */
    unsigned threads;  /* 0 = one a core */
    bool is_strict;    /* each line also as JSON */
    void (*on_progress)(void *context, uint64_t done_bytes, uint64_t all_bytes); /* caller's thread; may be NULL */
    void *context;
    const struct audit_watch *watch; /* may be NULL; not together with since */
};

/* Returns: ok with a result, also when the log is altered; RG_STORAGE when it cannot be read, RG_LIMIT when the arena
 * is full, RG_PROTOCOL when `since` is no checkpoint; *out_report is untouched then.
 * Owns: the report's texts live in the arena; the options are borrowed for the call, the directory for the report's
 * life. Threads: any; starts and joins its own. */
rg_status audit_verify_with(const struct audit_verify_options *options, struct rg_arena *arena,
                            struct audit_report *out_report) RG_MUST_CHECK;
/* The same with the directory alone. */
rg_status audit_verify(struct rg_slice directory, struct rg_arena *arena,
                       struct audit_report *out_report) RG_MUST_CHECK;

/* Adds findings that were made elsewhere; the worst decides the result again. RG_LIMIT when the arena is full. */
rg_status audit_report_add(struct audit_report *report, const struct audit_finding *findings, size_t count,
                           struct rg_arena *arena) RG_MUST_CHECK;

/* Exit status of reference audit.md 3.11: 0 intact, 1 altered, 2 truncated, 3 forked, 4 incomplete, 5 stale,
 * 6 for AUDIT_UNVERIFIED. */
int audit_result_exit_code(enum audit_result result);

/* Appends the report for people, or as one JSON object with its LF. RG_LIMIT when out is full. */
rg_status audit_report_print(const struct audit_report *report, bool is_json, struct rg_buf *out) RG_MUST_CHECK;

#endif
