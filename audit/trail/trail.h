/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_TRAIL_TRAIL_H
#define RG_AUDIT_TRAIL_TRAIL_H

#include "audit/keys.h"
#include "audit/verify.h"

/* What leaves the log for one reader: a tenant's trail (all its records of a time, proven complete) and the proof of
 * one record. Both are one text file, docs/audit-trail.md to the byte; both are checked with public keys alone. */

/* ---- making ---- */

/* Takes the file's bytes in order. A failure ends the making. */
struct audit_trail_sink {
    rg_status (*put)(void *context, struct rg_slice bytes);
    void *context;
};

struct audit_trail_options {
    struct rg_slice directory; /* of the log; read only, may be a live one */
    struct rg_slice tenant;    /* as in the policies */
    int64_t since_us;          /* microseconds since 1970 UTC; INT64_MIN = from the tenant's first record */
    int64_t until_us;          /* INT64_MAX = up to the newest checkpoint */
};

/* What was made. */
struct audit_trail_made {
    uint64_t record_count;
    uint64_t first_seq; /* of the log; with record_count 0 both are 0 */
    uint64_t last_seq;
    uint64_t checkpoint_size;
    uint64_t bytes;
};

/* Writes the trail. All of the log is read, for the other tenants' heads at both ends; they are not written.
 * Returns: ok; RG_CONFIG for a tenant without any record up to then, or a time of which no checkpoint tells; RG_STORAGE
 * when the log cannot be read, or is damaged or pruned so that nothing can be proven; what the sink returned. Bytes may
 * have been put before a failure: throw them away.
 * Owns: what it makes for itself lives in the arena. Threads: any. */
rg_status audit_trail_export(const struct audit_trail_options *options, const struct audit_trail_sink *sink,
                             struct rg_arena *arena, struct audit_trail_made *out_made) RG_MUST_CHECK;

struct audit_proof_options {
    struct rg_slice directory;
    uint64_t seq;
    bool has_keys; /* the lists of keys go into the file: 45 bytes an epoch */
};

/* Writes the proof of record seq, by the newest checkpoint (whose signature is the reader's to judge unless has_keys),
 * or, when that is a continuation record, of the record that it belongs to. Returns as above; RG_CONFIG when there is
 * no such record, or no checkpoint covers it yet. */
rg_status audit_proof_export(const struct audit_proof_options *options, const struct audit_trail_sink *sink,
                             struct rg_arena *arena, struct audit_trail_made *out_made) RG_MUST_CHECK;

/* ---- checking ---- */

/* Where a file's lines come from; each without its LF, valid until the next call. */
enum audit_trail_reading {
    AUDIT_TRAIL_END = 0,
    AUDIT_TRAIL_LINE,
    AUDIT_TRAIL_TORN, /* bytes without LF up to the end */
    AUDIT_TRAIL_BAD   /* a line that is too long or begins with NUL */
};
struct audit_trail_source {
    rg_status (*next)(void *context, enum audit_trail_reading *out_reading, struct rg_slice *out_line);
    void *context;
};

/* For `next`: of a regular file, context is a struct audit_reader (audit/reader.h); of bytes in memory, context is a
 * struct rg_slice, which becomes what is left. */
rg_status audit_trail_read_file(void *context, enum audit_trail_reading *out_reading,
                                struct rg_slice *out_line) RG_MUST_CHECK;
rg_status audit_trail_read_bytes(void *context, enum audit_trail_reading *out_reading,
                                 struct rg_slice *out_line) RG_MUST_CHECK;

struct audit_trail_check {
    const struct audit_trail_source *source;
    const struct audit_vkey *root; /* the reader's own copy; must be there: a file proves nothing about its own root */
    const struct audit_keys *keys; /* the reader's own lists, under that root; NULL: those in the file */
    struct rg_slice since;         /* a signed checkpoint that the reader kept, as bytes; empty = none */
};

struct audit_trail_report {
    enum audit_result result;
    bool is_proof;          /* of one record; otherwise a tenant's trail */
    uint64_t line;          /* 1-based: where the finding is; 0 = none, or the file as a whole */
    struct rg_slice reason; /* empty when intact */
    struct rg_slice origin;
    struct rg_slice tenant; /* as it stands in the records: JSON-escaped; of a proof empty when the record has none */
    bool are_keys_own;

    uint64_t record_count; /* lines; of a proof the record and its continuation records */
    uint64_t first_seq;    /* numbers of the log; all 0 when there is no record */
    uint64_t last_seq;
    int64_t first_us;
    int64_t last_us;

    /* a trail: everything of the tenant from begin to end */
    uint64_t first_tseq; /* the first record's number within the tenant; without records, how many there were before */
    bool has_begin;      /* false: from the tenant's first record (first_tseq 0), or from that record on (a cut) */
    uint64_t begin_seq;  /* of the log.checkpoint record that tells */
    int64_t begin_us;
    uint64_t end_seq;
    int64_t end_us;

    uint64_t checkpoint_size; /* records that the signature covers */
    uint64_t epoch;           /* whose key signed */
    int64_t checkpoint_us;    /* a trail: time of the newest log.checkpoint it covers */
};

/* True when a file with this first line is one of ours, well made or not. */
bool audit_trail_is_known(struct rg_slice first_line, bool *out_is_proof);

/* Returns: ok with a result, also when the file proves nothing; RG_STORAGE when it cannot be read, RG_PROTOCOL when it
 * is neither a trail nor a proof, or `since` is no checkpoint; RG_LIMIT when the arena is full. *out_report is
 * untouched then. Owns: the report's texts live in the arena. Memory does not grow with the number of records. Threads:
 * any. */
rg_status audit_trail_verify(const struct audit_trail_check *check, struct rg_arena *arena,
                             struct audit_trail_report *out_report) RG_MUST_CHECK;

/* Appends the report for people, or as one JSON object with its LF. RG_LIMIT when out is full. */
rg_status audit_trail_report_print(const struct audit_trail_report *report, bool is_json,
                                   struct rg_buf *out) RG_MUST_CHECK;

#endif
