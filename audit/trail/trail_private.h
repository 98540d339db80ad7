/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_TRAIL_TRAIL_PRIVATE_H
#define RG_AUDIT_TRAIL_TRAIL_PRIVATE_H

#include "audit/heads.h"
#include "audit/line.h"
#include "audit/reader.h"
#include "audit/trail/tiles.h"
#include "audit/trail/trail.h"
#include "audit/tree.h"

#define TRAIL_FIRST_LINE "rowgate/audit/trail/v1"
#define PROOF_FIRST_LINE "rowgate/audit/proof/v1"
#define TLOG_PROOF_FIRST_LINE "c2sp.org/tlog-proof@v1"

/* ---- text (text.c). Pure; threads: any ---- */

/* Decimal, no sign, no leading zero, below 10^16, all of text. */
bool trail_number_parse(struct rg_slice text, uint64_t *out_value);
/* Standard base64 of 32 bytes, the one right way. */
bool trail_hash_parse(struct rg_slice text, struct rg_digest *out_hash);
/* "<word> <number> <number>..." of exactly count numbers, one space apart. */
bool trail_words_parse(struct rg_slice line, struct rg_slice word, uint64_t *out_numbers, size_t count);
/* base64, without LF. RG_LIMIT when out is full. */
rg_status trail_hash_put(const struct rg_digest *hash, struct rg_buf *out) RG_MUST_CHECK;

/* The leaf of a tenant's head (docs/audit-format.md 8); the id is that of audit_heads_id. */
struct rg_digest trail_head_leaf(const struct rg_digest *id, uint64_t count, const struct rg_digest *hash);

/* What a log.checkpoint record says. RG_PROTOCOL when the line is none. */
struct trail_state {
    struct audit_head head; /* borrows from the line */
    uint64_t epoch;
    uint64_t tenants;
    struct rg_digest heads_root;
};
rg_status trail_state_parse(struct rg_slice line, struct trail_state *out_state) RG_MUST_CHECK;
/* Cheap: is the line (whose head this is) a log.checkpoint record? */
bool trail_is_state(struct rg_slice line, const struct audit_head *head);

/* The epoch, at or after `from`, whose key signed the note. False = none. */
bool trail_signer_find(const struct audit_note *note, const struct audit_keys *keys, uint64_t *out_epoch);

/* ---- lines of a log (log.c) ---- */

struct trail_checkpoint {
    uint64_t size;
    struct rg_digest root;
    struct rg_slice bytes; /* the signed note */
    uint64_t epoch;        /* whose key signed it */
};

struct trail_log {
    int directory_fd;
    struct rg_arena *arena;
    struct audit_segments segments;
    struct audit_keys keys;
    struct rg_digest genesis;
    struct trail_tiles *tiles;
    struct trail_checkpoint checkpoint;
    struct rg_slice top; /* the log.checkpoint record that the checkpoint was made behind, when it was asked for */
};

enum trail_need {
    TRAIL_NEED_CHECKPOINT = 0, /* the newest one, whoever signed it: reading a year of keys takes longer than a proof */
    TRAIL_NEED_KEYS,           /* the newest one that a listed key signed */
    TRAIL_NEED_TOP /* the same, whose last or last but one record is a log.checkpoint, by that epoch's key */
};
/* Opens the directory, reads its segments and what is needed. RG_STORAGE, RG_CONFIG. Close with trail_log_done, also
 * after a failure. */
rg_status trail_log_open(struct rg_slice directory, enum trail_need need, struct rg_arena *arena,
                         struct trail_log *out_log) RG_MUST_CHECK;
void trail_log_done(struct trail_log *log);
/* The list that begins at this epoch, as it stands in keys/. RG_STORAGE. */
rg_status trail_log_list(const struct trail_log *log, uint64_t first_epoch, struct rg_slice *out_note) RG_MUST_CHECK;

/* One line after the other, across segments. */
struct trail_scan {
    const struct trail_log *log;
    size_t segment; /* the one that is read */
    int fd;         /* -1 = none */
    struct audit_reader reader;
    uint64_t next_seq;
};
void trail_scan_init(struct trail_scan *scan, const struct trail_log *log);
void trail_scan_done(struct trail_scan *scan);
/* The next line is record seq, found by bisection. RG_CONFIG when the log does not begin so early; RG_STORAGE. */
rg_status trail_scan_seek(struct trail_scan *scan, uint64_t seq) RG_MUST_CHECK;
/* The next line, valid until the next call. RG_STORAGE when there is none, or it is not the record with this number. */
rg_status trail_scan_next(struct trail_scan *scan, struct rg_slice *out_line,
                          struct audit_head *out_head) RG_MUST_CHECK;
/* A copy of one record's line. */
rg_status trail_log_line(const struct trail_log *log, uint64_t seq, struct rg_slice *out_line) RG_MUST_CHECK;

/* Appends the inclusion proof of a record in the checkpoint's tree, a hash a line; it is checked. RG_STORAGE. */
struct trail_path {
    struct rg_digest *hashes; /* in the arena */
    size_t count;
};
rg_status trail_log_prove(const struct trail_log *log, uint64_t seq, const struct rg_digest *leaf,
                          struct trail_path *out_path) RG_MUST_CHECK;

/* ---- writing ---- */

struct trail_writer {
    const struct audit_trail_sink *sink;
    struct rg_buf held;
    uint64_t bytes; /* put so far, held ones too */
};
void trail_writer_init(struct trail_writer *writer, const struct audit_trail_sink *sink);
void trail_writer_done(struct trail_writer *writer);
rg_status trail_write(struct trail_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3))) RG_MUST_CHECK;
rg_status trail_write_line(struct trail_writer *writer, struct rg_slice line) RG_MUST_CHECK; /* and its LF */
rg_status trail_write_path(struct trail_writer *writer, const struct trail_path *path) RG_MUST_CHECK;
/* "<word> <lines>" and the lines of a note. */
rg_status trail_write_note(struct trail_writer *writer, const char *word, struct rg_slice note) RG_MUST_CHECK;
rg_status trail_write_lists(struct trail_writer *writer, const struct trail_log *log) RG_MUST_CHECK;
rg_status trail_write_end(struct trail_writer *writer) RG_MUST_CHECK;

/* ---- checking (check.c): what trail and proof share ---- */

enum { TRAIL_PATH_MAX = AUDIT_TREE_LEVELS };

struct trail_reader {
    const struct audit_trail_check *check;
    struct rg_arena *arena;
    struct audit_trail_report *report;
    uint64_t line_number;
    struct audit_keys keys;
    struct rg_digest genesis;
    struct rg_slice note; /* of the checkpoint; in the arena */
    struct audit_checkpoint checkpoint;
};

/* Records the finding; the failure it returns ends the check. */
rg_status trail_find(struct trail_reader *reader, enum audit_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4))) RG_MUST_CHECK;
/* The next line; the end of the file is a finding, truncated. */
rg_status trail_read(struct trail_reader *reader, struct rg_slice *out_line) RG_MUST_CHECK;
/* Nothing may follow. */
rg_status trail_read_end(struct trail_reader *reader) RG_MUST_CHECK;
/* count lines of base64 into out_path. */
rg_status trail_read_path(struct trail_reader *reader, uint64_t count,
                          struct rg_digest out_path[TRAIL_PATH_MAX]) RG_MUST_CHECK;
/* count lines as one text, in the arena; or all that are left. */
#define TRAIL_ALL_LINES UINT64_MAX
rg_status trail_read_note(struct trail_reader *reader, uint64_t count, struct rg_slice *out_note) RG_MUST_CHECK;
/* All "list" blocks, and from them reader->keys and genesis; *line is the line at hand, in and out. */
rg_status trail_read_lists(struct trail_reader *reader, struct rg_slice *line) RG_MUST_CHECK;
/* The checkpoint is of this log: fills reader->checkpoint. Whose signature it must have is settled next. */
rg_status trail_take_checkpoint(struct trail_reader *reader, struct rg_slice note) RG_MUST_CHECK;
/* wanted: the epoch whose key must have signed; NULL = any listed one. */
rg_status trail_check_signer(struct trail_reader *reader, const uint64_t *wanted) RG_MUST_CHECK;
/* The checkpoint that the reader kept against the file's: the last thing to ask. */
rg_status trail_check_since(struct trail_reader *reader) RG_MUST_CHECK;
/* The line is record seq of the checkpoint's tree. */
rg_status trail_check_included(struct trail_reader *reader, uint64_t seq, const struct rg_digest *leaf,
                               const struct rg_digest *path, uint64_t count) RG_MUST_CHECK;

rg_status trail_check_trail(struct trail_reader *reader) RG_MUST_CHECK; /* check_trail.c */
rg_status trail_check_proof(struct trail_reader *reader) RG_MUST_CHECK; /* check_proof.c */

#endif
