/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_VERIFY_PRIVATE_H
#define RG_AUDIT_VERIFY_PRIVATE_H

#include <stdatomic.h>

#include "audit/heads.h"
#include "audit/keep/declared.h"
#include "audit/line.h"
#include "audit/reader.h"
#include "audit/tree.h"
#include "audit/verify.h"

/* The verifier's inside. Two halves: segments are read in parallel, each on its own (verify_segment.c and what it
 * calls); then one thread stitches what they returned (verify_stitch.c) and holds it against the evidence
 * (verify_tiles.c, verify_checkpoints.c, verify_epochs.c). */

/* ---- findings: bounded, any order, the report sorts them ---- */

enum { VERIFY_FILE_SIZE = 80, VERIFY_REASON_SIZE = 320 };

struct verify_finding {
    enum audit_result result;
    bool is_vague; /* seq is where the doubt begins, not the record itself */
    uint64_t seq;
    uint64_t line;
    char file[VERIFY_FILE_SIZE];
    char reason[VERIFY_REASON_SIZE];
};

struct verify_findings {
    struct verify_finding *items; /* owned; NULL until the first */
    size_t count;                 /* at most AUDIT_FINDINGS_MAX are kept: the earliest found */
};

void verify_find(struct verify_findings *findings, enum audit_result result, const char *file, uint64_t seq,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
void verify_find_at(struct verify_findings *findings, const struct verify_finding *finding);
/* The same, vague. */
void verify_find_from(struct verify_findings *findings, enum audit_result result, const char *file, uint64_t seq,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* True when some exact finding says that records were altered. */
bool verify_findings_has_altered(const struct verify_findings *findings);
/* The worst first: forked, altered, incomplete, truncated, stale; exact before vague; then by record. */
void verify_findings_sort(struct verify_findings *findings);
void verify_findings_join(struct verify_findings *findings, const struct verify_findings *others);
void verify_findings_done(struct verify_findings *findings);

/* ---- growing arrays of one segment or thread; elements are plain data ---- */

struct verify_list {
    void *items; /* owned */
    size_t count;
    size_t capacity;
};

/* Room for one more element of size bytes, zeroed. */
void *verify_list_add(struct verify_list *list, size_t size);
void verify_list_done(struct verify_list *list);

/* ---- files ---- */

/* A small file of at most limit_bytes; *is_absent instead when there is none. RG_STORAGE when unreadable, RG_LIMIT when
 * longer. */
rg_status verify_file_load(int directory_fd, const char *name, size_t limit_bytes, struct rg_arena *arena,
                           struct rg_slice *out_bytes, bool *out_is_absent) RG_MUST_CHECK;

/* ---- tiles on disk ---- */

struct verify_tile {
    uint64_t index;
    uint16_t width; /* 1 to 256 */
    uint8_t level;
};

struct verify_tiles {
    int directory_fd;          /* borrowed */
    struct verify_list sorted; /* struct verify_tile by level, index, width */
    uint64_t needed_size;      /* full tiles below it must be there; 0 = none must */
    atomic_ullong compared;
};

/* Lists tile/: names that are no tile's are findings. An absent tile/ is empty. RG_STORAGE. */
rg_status verify_tiles_load(int directory_fd, struct verify_findings *findings,
                            struct verify_tiles *out_tiles) RG_MUST_CHECK;
void verify_tiles_done(struct verify_tiles *tiles);
/* Holds every tile on disk of (level, index) against the hashes, of which there are count (256 = the tile is full).
 * Any thread. */
void verify_tile_check(struct verify_tiles *tiles, unsigned level, uint64_t index, const struct rg_digest *hashes,
                       size_t count, struct verify_findings *findings);
/* Tiles that cover more than the log's size records. */
void verify_tiles_check_end(const struct verify_tiles *tiles, uint64_t size, struct verify_findings *findings);
/* count leaf hashes from record `first` on, all of one tile, as that holds them. RG_STORAGE. */
rg_status verify_tiles_row(const struct verify_tiles *tiles, uint64_t first, size_t count,
                           struct rg_digest *out_hashes) RG_MUST_CHECK;
/* The root of the aligned subtree of 2^level leaves that starts at leaf index * 2^level, from tiles. RG_STORAGE. */
rg_status verify_tiles_get(const struct verify_tiles *tiles, unsigned level, uint64_t index,
                           struct rg_digest *out_hash) RG_MUST_CHECK;
/* The tree of the first size leaves from tiles alone, and the last of those leaves. RG_STORAGE. */
rg_status verify_tiles_prefix(const struct verify_tiles *tiles, uint64_t size, struct audit_tree *out_tree,
                              struct rg_digest *out_last_leaf) RG_MUST_CHECK;

/* ---- checkpoints on disk ---- */

struct verify_checkpoint {
    uint64_t size;
    struct rg_digest root;
    struct rg_slice bytes; /* the note; in the arena */
    char
        file[VERIFY_FILE_SIZE]; /* "ckpt/0000000000004096.note", "head.note"; of the outsider's own a name for people */
    bool is_head;
    bool is_outside; /* the outsider's own, or an anchor */
    bool is_since;   /* the outsider's own */

    bool is_root_known; /* the log is good that far */
    bool is_root_right;
    uint64_t epoch; /* by the log */
    int64_t hlc_us; /* of the last record covered */
    bool is_signed; /* by the key of its epoch */
    bool has_signer;
    uint64_t signer; /* the epoch whose key did sign it */
};

struct verify_checkpoints {
    struct verify_list sorted; /* struct verify_checkpoint by size */
    uint64_t newest_size;      /* of those in the directory */
};

/* ckpt/, head.note, and what options bring. RG_STORAGE, RG_LIMIT; RG_PROTOCOL when since is no checkpoint. */
rg_status verify_checkpoints_load(int directory_fd, struct rg_slice origin, const struct audit_verify_options *options,
                                  struct rg_arena *arena, struct verify_findings *findings,
                                  struct verify_checkpoints *out_checkpoints) RG_MUST_CHECK;
void verify_checkpoints_done(struct verify_checkpoints *checkpoints);
/* The first one with at least this size. */
size_t verify_checkpoints_from(const struct verify_checkpoints *checkpoints, uint64_t size);

/* ---- one segment ---- */

/* The tree at the size of a checkpoint: what is left of it after the last whole group of 256. */
struct verify_mark {
    uint64_t size;
    int64_t hlc_us; /* of record size - 1 */
    uint64_t opens; /* epoch.open records of this segment among those before record size - 1 */
    struct rg_digest
        edge[8]; /* of the leaves behind the group's start; unused when the group began before the segment */
};

struct verify_tenant {
    struct rg_slice name; /* owned by the segment's map */
    uint64_t first_seq;   /* where it appears first in this segment */
    uint64_t first_line;
    uint64_t first_tseq;
    struct rg_digest first_tprev;
    struct rg_digest salt; /* when first_tseq is 0 */
    struct verify_head {
        uint64_t next_tseq;
        struct rg_digest leaf;
    } now, at_checkpoint;
    uint64_t stamp; /* log.checkpoint records seen when `now` last changed */
};

enum verify_kind {
    VERIFY_OTHER = 0, /* a known kind without a rule here */
    VERIFY_STARTED,
    VERIFY_STOPPED,
    VERIFY_RECOVERED,
    VERIFY_CHECKPOINT,
    VERIFY_EPOCH_OPEN,
    VERIFY_CLOCK_STEP,
    VERIFY_HOLD_PLACE,
    VERIFY_HOLD_RELEASE,
    VERIFY_PRUNE,
    VERIFY_INCIDENT, /* listed, no rule */
    VERIFY_STATEMENT,
    VERIFY_REQUEST, /* of the HTTP plane */
    VERIFY_PART,    /* the rest of the record before it */
    VERIFY_UNKNOWN  /* refused */
};

struct verify_event {
    enum verify_kind kind;
    const char *name; /* static */
    uint64_t seq;
    uint64_t line;
    int64_t hlc_us;
    int64_t mono_us;
    char boot[AUDIT_BOOT_SIZE];
    uint64_t epoch;              /* log.checkpoint: the current; epoch.open: the new */
    struct rg_digest heads_root; /* log.checkpoint */
};

/* A record of a hold or a prune, or one that makes prunes void. */
struct verify_keep {
    enum verify_kind kind;
    uint64_t seq;
    uint64_t line;
    char segment[AUDIT_SEGMENT_NAME_SIZE]; /* where it stands; filled by the stitch */
    struct audit_pruned pruned;            /* of a prune */
    uint64_t void_seq;                     /* of log.recovered: prunes from there on are void */
    bool is_void;                          /* of a prune */
    char id[64];                           /* of a hold; the rest as well */
    char tenant[1040];                     /* escaped; "" = another, or all */
    bool has_tenant;
    int64_t from_us;
    int64_t until_us;
    bool is_in_force; /* as far as the log was ruled on */
};

/* Where a segment ended. */
struct verify_boundary {
    uint64_t size;
    uint64_t epoch;
    struct rg_digest root;
    bool has_heads;
    struct rg_digest heads_root;
};

/* A statement's decision whose outcome was not seen yet, or an outcome whose decision was not. */
struct verify_decision {
    uint64_t session;
    uint64_t statement;
    uint64_t seq;
};

/* Open decisions by session and statement: open addressing; a slot with statement and session 0 and seq UINT64_MAX is
 * free. The zero value is empty. */
struct verify_decisions {
    struct verify_decision *slots; /* owned */
    size_t slot_count;
    size_t used;
    uint64_t keys[3]; /* of the hash */
};

/* Nothing when a decision of the same session and statement waits already. */
void verify_decisions_add(struct verify_decisions *decisions, const struct verify_decision *decision);
/* True when it was there; it is gone then. */
bool verify_decisions_take(struct verify_decisions *decisions, uint64_t session, uint64_t statement);
void verify_decisions_done(struct verify_decisions *decisions);

/* Records of one run that no checkpoint covers. */
struct verify_spell {
    char boot[AUDIT_BOOT_SIZE];
    bool has_clients; /* some of them came from a client */
    uint64_t first_seq;
    uint64_t last_seq;
    int64_t first_us; /* monotonic */
    int64_t last_us;
};

struct verify_clock {
    int64_t hlc_us;
    int64_t mono_us;
    char boot[AUDIT_BOOT_SIZE];
};

struct verify_segment {
    uint64_t first_seq; /* its name */
    size_t number;      /* among those that are read */
    bool is_newest;

    uint64_t count; /* good records */
    uint64_t line;  /* of the last good one */
    struct rg_digest first_prev;
    struct rg_digest last_leaf;
    bool is_stopped; /* at a record that is not good: a finding says why */
    uint64_t byte_count;
    struct rg_digest sha256; /* of the file; only under is_strict, of a sealed one */
    struct verify_clock first_clock;
    enum verify_kind first_kind;
    enum verify_kind last_kind;
    struct verify_clock last_clock;

    struct verify_list
        head; /* struct rg_digest: leaves before the first multiple of 256, when it does not begin there */
    struct verify_list groups; /* struct rg_digest: roots of 256 leaves */
    struct verify_list tail;   /* struct rg_digest: leaves behind the last multiple of 256 */
    struct verify_list marks;  /* struct verify_mark */
    struct verify_list events;
    struct verify_list keeps;   /* struct verify_keep */
    struct verify_list tenants; /* struct verify_tenant */
    struct audit_heads tenant_index;
    uint64_t checkpoints_seen; /* log.checkpoint records */
    uint64_t opens_seen;       /* epoch.open records */
    bool has_epoch;            /* some record told the epoch */
    uint64_t first_epoch;      /* at the segment's start, by that record */
    struct verify_event last_checkpoint;
    uint64_t late_from;                /* records from here on have no signed checkpoint yet */
    struct verify_list spells;         /* struct verify_spell: of those */
    struct verify_decisions decisions; /* without outcome */
    struct verify_list outcomes;       /* struct verify_decision: outcomes without decision, in order */
    struct verify_findings findings;
};

/* What all segments' readers share; read only but for the atomics. */
struct verify_plan {
    int directory_fd;
    bool is_strict;
    bool is_live; /* a rowgate holds the lock */
    const struct verify_checkpoints *checkpoints;
    struct verify_tiles *tiles;
    atomic_ullong done_bytes;
    const struct audit_watch *watch; /* may be NULL */
};

/* Reads the segment. Trouble (not findings) as status. */
rg_status verify_segment_read(struct verify_plan *plan, struct verify_segment *segment) RG_MUST_CHECK;
void verify_segment_done(struct verify_segment *segment);

/* A rowgate holds the log's lock. */
bool verify_is_live(int directory_fd);

/* ---- one record: verify_record.c, verify_control.c ---- */

/* Decision and outcome, control records. RG_PROTOCOL with what is wrong. */
rg_status verify_record_add(struct verify_segment *segment, const struct audit_head *head, struct rg_slice line,
                            enum verify_kind kind, const char *name, uint64_t line_number) RG_MUST_CHECK;
/* verify_keeps.c: a record of a hold or a prune. RG_PROTOCOL with what is wrong. */
rg_status verify_keep_add(struct verify_segment *segment, const struct audit_head *head, struct rg_slice line,
                          enum verify_kind kind, uint64_t line_number) RG_MUST_CHECK;
/* NULL, and the clock stands at this record; or what is wrong between it and the one before, and nothing changed. */
const char *verify_clock_check(struct verify_clock *clock, const struct audit_head *head, enum verify_kind kind);
/* What stands behind the head: "kind" must be the first key there. */
enum verify_kind verify_kind_of(struct rg_slice rest, const char **out_name);
/* Fills the values of a log.checkpoint or epoch.open. */
rg_status verify_control_parse(struct rg_slice line, struct verify_event *event) RG_MUST_CHECK;

/* ---- the stitch ---- */

struct verify_stitch {
    struct audit_report *report;
    struct verify_findings *findings;
    struct verify_tiles *tiles;
    struct verify_checkpoints *checkpoints;
    struct rg_digest genesis;

    uint64_t next_seq; /* the log is good below it */
    struct rg_digest prev;
    char last_file[VERIFY_FILE_SIZE]; /* where the last good record stands */
    uint64_t last_line;
    enum verify_kind last_kind;
    struct verify_clock clock;
    struct audit_tree *tree; /* whole groups; owned */
    struct rg_digest *carry; /* AUDIT_TILE_WIDTH leaves of the open group; owned */
    size_t carry_count;
    struct rg_digest *levels; /* AUDIT_TILE_LEVELS rows of AUDIT_TILE_WIDTH: open tiles of level 1 and above; owned */
    struct audit_heads tenants;
    uint64_t epoch;               /* at next_seq */
    struct verify_list opens;     /* struct verify_event: all epoch.open */
    struct verify_list spells;    /* struct verify_spell */
    struct verify_list incidents; /* struct verify_event */
    struct verify_decisions decisions;
    int directory_fd; /* borrowed */
    struct rg_arena *arena;
    const struct audit_segments *names;
    uint64_t missing_manifest; /* of the first sealed segment without one; UINT64_MAX = none */
    bool is_broken;            /* what follows cannot be tied to what came before */
    bool has_no_tiles;         /* what was exported: of records that were pruned the base has the hashes */
    bool has_base;             /* `since`: tiles stand for what is before the first segment */
    uint64_t base_size;        /* those records */
    bool is_pruned;            /* those records are gone */
    uint64_t base_epoch;       /* behind them; has_base: not known, as the next two */
    struct rg_digest base_heads_root;
    struct audit_heads base_tenants;
    struct rg_digest base_root;    /* by the tiles */
    struct verify_list keeps;      /* struct verify_keep */
    struct verify_list boundaries; /* struct verify_boundary */
};

void verify_stitch_init(struct verify_stitch *stitch);
void verify_stitch_done(struct verify_stitch *stitch);
/* Begins behind the first size records, of which tiles tell the hashes. RG_STORAGE when they do not. */
rg_status verify_stitch_base(struct verify_stitch *stitch, uint64_t size) RG_MUST_CHECK;
/* verify_prune.c: the same for a log that has no more than tiles of them, all of which are checked; with has_no_tiles
 * no more than the base. RG_STORAGE. */
rg_status verify_stitch_pruned(struct verify_stitch *stitch, uint64_t size) RG_MUST_CHECK;
/* A segment that was added: its holds and prunes, and where it ended. */
void verify_keeps_add(struct verify_stitch *stitch, const struct verify_segment *segment);
/* Behind the signatures: what was declared, against what is missing and the holds. */
void verify_prunes(struct verify_stitch *stitch);
/* A manifest without a segment, of records that were pruned. */
void verify_pruned_manifest(struct verify_stitch *stitch, uint64_t first_seq);
/* RG_STORAGE, RG_LIMIT. */
rg_status verify_stitch_add(struct verify_stitch *stitch, const struct verify_segment *segment) RG_MUST_CHECK;
/* Behind the last segment: partial tiles, tiles beyond the end. */
void verify_stitch_end(struct verify_stitch *stitch);

/* verify_fold.c: the tree over the segments' groups, the tiles above level 0, the roots at the checkpoints' sizes. */
void verify_fold(struct verify_stitch *stitch, const struct verify_segment *segment);
void verify_fold_end(struct verify_stitch *stitch);
/* One leaf of what was pruned, and the checkpoints of that size. */
void verify_fold_leaf(struct verify_stitch *stitch, const struct rg_digest *leaf);
/* The root over all that was folded. */
struct rg_digest verify_fold_root(const struct verify_stitch *stitch);
/* verify_tenants.c: the tenants' links across segments and heads_root. */
void verify_tenants_add(struct verify_stitch *stitch, const struct verify_segment *segment);

/* verify_manifest.c: the sealed segment that was folded last against its manifest; manifests without a segment. */
rg_status verify_manifest_add(struct verify_stitch *stitch, const struct verify_segment *segment) RG_MUST_CHECK;
void verify_manifests_end(struct verify_stitch *stitch);

/* verify_epochs.c: signatures, the rules of audit/keys.h, what is missing or stale. keys NULL: none could be had. */
void verify_epochs(struct verify_stitch *stitch, const struct audit_keys *keys, unsigned threads);

/* verify_tail.c: one more record that no checkpoint covers; those of the next segment; how many there may be. */
void verify_spell_add(struct verify_list *spells, const struct audit_head *head, enum verify_kind kind);
void verify_tail_add(struct verify_stitch *stitch, const struct verify_segment *segment);
void verify_tail(struct verify_stitch *stitch);

/* Runs job(context, 0 .. count - 1) on so many threads, on_wait on the caller's between; all have ended on return. */
void verify_run(unsigned threads, size_t count, void (*job)(void *context, size_t number),
                void (*on_wait)(void *context), void *context);

#endif
