/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_TRAIL_EVIDENCE_PRIVATE_H
#define RG_AUDIT_TRAIL_EVIDENCE_PRIVATE_H

#include <pthread.h>

#include "audit/export/gzip.h"
#include "audit/json_strict.h"
#include "audit/trail/evidence.h"
#include "audit/trail/trail_private.h"
#include "audit/walk.h"

enum { EVIDENCE_CRITERIA_MAX = 16, EVIDENCE_NAME_MAX = 160 };

/* ---- texts (evidence_text.c): everything from a record is hostile ---- */

/* What a person reads instead of the bytes: at most EVIDENCE_NAME_MAX - 1 bytes of printable UTF-8, controls, marks of
 * direction and bytes that are not UTF-8 as \u{N}, a sealed value as "sealed:<key id>". NUL-terminated. */
void evidence_clean(struct rg_slice text, char out_text[EVIDENCE_NAME_MAX]);
/* Appends a cleaned text for Markdown (a code span), or for HTML and SVG. RG_LIMIT. */
rg_status evidence_put_markdown(struct rg_slice cleaned, struct rg_buf *out) RG_MUST_CHECK;
rg_status evidence_put_html(struct rg_slice cleaned, struct rg_buf *out) RG_MUST_CHECK;
/* "2026-11-22" of a time. */
enum { EVIDENCE_DAY_SIZE = 11 };
void evidence_day(int64_t wall_us, char out_day[EVIDENCE_DAY_SIZE]);

/* ---- counting (evidence_tally.c) ---- */

enum { EVIDENCE_VALUES = 3, EVIDENCE_KEYS_MAX = 1000 };

struct evidence_row {
    char key[EVIDENCE_NAME_MAX];
    uint64_t values[EVIDENCE_VALUES];
};

/* Distinct keys and what was added up for each. Past the maximum, the rest is one row. The zero value is empty. */
struct evidence_tally {
    struct evidence_row *rows; /* owned; in the order of their first use */
    size_t count;
    size_t capacity;
    uint32_t *slots; /* owned; place in rows, plus one */
    size_t slot_count;
    uint64_t seed;
    struct evidence_row rest; /* key empty */
    bool has_rest;
};
void evidence_tally_add(struct evidence_tally *tally, const char *key, const uint64_t values[EVIDENCE_VALUES]);
void evidence_tally_merge(struct evidence_tally *tally, const struct evidence_tally *other);
const struct evidence_row *evidence_tally_find(const struct evidence_tally *tally, const char *key);
/* Orders the rows: by key, or by the values, the first one first, the largest first. No more may be added then. */
void evidence_tally_sort(struct evidence_tally *tally, bool is_by_key);
void evidence_tally_done(struct evidence_tally *tally);

/* What is counted; one row of evidence_tables (evidence_criteria.c) each. */
enum evidence_table {
    EVIDENCE_KINDS = 0,
    EVIDENCE_LOGIN_DAYS,
    EVIDENCE_LOGIN_USERS,
    EVIDENCE_LOGIN_SOURCES,
    EVIDENCE_LOGIN_METHODS,
    EVIDENCE_FAILURES,
    EVIDENCE_STATEMENT_DAYS,
    EVIDENCE_CLASSES,
    EVIDENCE_RULES,
    EVIDENCE_DENIED_SOURCES,
    EVIDENCE_USERS,
    EVIDENCE_MOVED_DAYS,
    EVIDENCE_MOVED_USERS,
    EVIDENCE_POLICIES,
    EVIDENCE_VERSIONS,
    EVIDENCE_REQUESTS,
    EVIDENCE_REQUEST_USERS,
    EVIDENCE_OBJECTS,
    EVIDENCE_EXPORTS,
    EVIDENCE_TABLE_COUNT
};

struct evidence_table_row {
    const char *title;
    const char *key; /* head of the first column */
    const char *values[EVIDENCE_VALUES];
    const char *chart; /* title of its chart */
    unsigned series;   /* values in the chart, from the first one on */
    bool is_days;
    bool needs_statements;
};
extern const struct evidence_table_row evidence_tables[EVIDENCE_TABLE_COUNT];

/* ---- criteria (evidence_criteria.c) ---- */

#define EVIDENCE_KIND(kind) ((uint64_t)1 << (kind))
#define EVIDENCE_TABLE(table) (1U << (table))

struct evidence_criterion {
    const char *id;
    const char *title;
    const char *asked;     /* what an auditor asks for, in a sentence */
    const char *selection; /* which records are enclosed, in words */
    uint64_t kinds;        /* enclosed, whoever they are about */
    bool encloses_denied;  /* denied statements and requests too */
    bool encloses_tenant;  /* with a tenant: all its records */
    bool has_continuity;   /* tells about starts, stops, gaps */
    unsigned tables;
    unsigned charts;
    uint64_t exceptions;      /* kinds that are listed one by one */
    const char *not_shown[6]; /* what the log cannot tell */
};
extern const struct evidence_criterion evidence_criteria[];
extern const size_t evidence_criterion_count;
/* The criteria that `text` names, as a mask by number; 0 = none. */
unsigned evidence_criteria_find(struct rg_slice text);

/* ---- files (evidence_folder.c) ---- */

struct evidence_file {
    char path[64]; /* below the folder */
    uint64_t bytes;
    struct rg_digest sha256;
};

struct evidence_folder {
    const char *target;
    char path[4096]; /* where it is being made */
    int fd;
    struct evidence_file files[EVIDENCE_CRITERIA_MAX * 4 + 16];
    size_t count;
};
rg_status evidence_folder_open(const char *target, struct evidence_folder *out_folder) RG_MUST_CHECK;
/* A new file, synced and listed. RG_STORAGE. */
rg_status evidence_folder_put(struct evidence_folder *folder, const char *path, struct rg_slice bytes) RG_MUST_CHECK;
/* A new file to be written, or an unnamed one for a while. RG_STORAGE. */
rg_status evidence_folder_create(const struct evidence_folder *folder, const char *path, int *out_fd) RG_MUST_CHECK;
rg_status evidence_folder_scratch(const struct evidence_folder *folder, int *out_fd) RG_MUST_CHECK;
/* Syncs a created file and lists it. RG_STORAGE. */
rg_status evidence_folder_add(struct evidence_folder *folder, const char *path, int fd, uint64_t bytes,
                              const struct rg_digest *sha256) RG_MUST_CHECK;
rg_status evidence_write(int fd, struct rg_slice bytes) RG_MUST_CHECK; /* all of it; RG_STORAGE */
/* Syncs the folder and gives it its name. RG_CONFIG when that exists by now; RG_STORAGE. */
rg_status evidence_folder_finish(struct evidence_folder *folder) RG_MUST_CHECK;
/* Removes all that is in it so far. */
void evidence_folder_clear(struct evidence_folder *folder);
/* Closes; removes what was not finished. Accepts the zero value with fd -1. */
void evidence_folder_done(struct evidence_folder *folder);

/* ---- a population: records' own lines (evidence_population.c) ---- */

struct evidence_population {
    struct rg_buf held; /* lines not packed yet */
    struct gzip_packer *packer;
    struct rg_buf packed;
    int fd;                          /* of the packed file; -1 = everything is held */
    struct rg_sha256_stream *sha256; /* of the packed file */
    uint64_t packed_bytes;
    uint64_t records; /* continuation records not counted */
    uint64_t lines;
    uint64_t bytes; /* of the lines with their LF */
    bool is_part;   /* of one segment: packed into a scratch file */
};
enum { EVIDENCE_HELD_MAX = 1 << 20 };
void evidence_population_init(struct evidence_population *population, bool is_part);
void evidence_population_done(struct evidence_population *population);
/* Appends a line and its LF. RG_STORAGE. */
rg_status evidence_population_put(struct evidence_population *population, const struct evidence_folder *folder,
                                  const char *path, struct rg_slice line, bool is_continued) RG_MUST_CHECK;
/* Appends a part, whose file is taken to its end. path: of the packed file. RG_STORAGE. */
rg_status evidence_population_append(struct evidence_population *population, const struct evidence_folder *folder,
                                     const char *path, struct evidence_population *part) RG_MUST_CHECK;
/* Writes it out as <directory>population.jsonl, or .jsonl.gz when it is large. */
rg_status evidence_population_finish(struct evidence_population *population, struct evidence_folder *folder,
                                     const char *directory, char out_path[64]) RG_MUST_CHECK;

/* ---- selecting (evidence_select.c) ---- */

/* A record worth a line in the summary. */
struct evidence_event {
    uint64_t seq;
    int64_t hlc_us;
    enum audit_kind kind;
    bool is_in_period;
    char who[EVIDENCE_NAME_MAX];  /* user, operator or object */
    char text[EVIDENCE_NAME_MAX]; /* message */
    char policy[EVIDENCE_NAME_MAX];
};

/* A time without records, or across a start. */
struct evidence_pause {
    uint64_t seq; /* of the record behind it */
    int64_t from_us;
    int64_t until_us;
    bool is_start; /* another run of the auditor began */
};

/* Lists that keep the first so many, and count all. */
enum { EVIDENCE_EVENTS_MAX = 2000, EVIDENCE_PAUSES_MAX = 500 };

struct evidence_found {
    struct evidence_tally tables[EVIDENCE_TABLE_COUNT];
    struct evidence_event *policies; /* policy.loaded and refused, of all the log; owned, as the next two */
    size_t policy_count;
    uint64_t policies_dropped;
    struct evidence_event *events;
    size_t event_count;
    uint64_t events_dropped;
    struct evidence_pause *pauses;
    size_t pause_count;
    uint64_t pauses_dropped;
    uint64_t records; /* in the period */
    uint64_t first_seq;
    uint64_t last_seq;
    int64_t first_us;
    int64_t last_us;
    char boot[AUDIT_BOOT_SIZE]; /* of the last one */
    char first_boot[AUDIT_BOOT_SIZE];
    uint64_t unattributed; /* failed log-ins that a tenant's pack leaves out: nobody knows whose they are */
    uint64_t unreadable;   /* records that are not JSON */
    int64_t day_number;    /* of the last record that was counted, and its text */
    char day[EVIDENCE_DAY_SIZE];
    uint64_t statements; /* decided */
    uint64_t requests;
    uint64_t rows;
    uint64_t bytes;
};

struct evidence_segment {
    uint64_t first_record; /* its first one */
    uint64_t bytes;        /* hashed */
    uint64_t records;      /* in the period */
    struct rg_digest sha256;
    bool is_cut; /* the file goes on behind what a checkpoint covers */
};

struct evidence_part; /* what one segment's reader holds: evidence_select.c */

struct evidence_select {
    const struct audit_evidence_options *options;
    struct rg_slice tenant; /* escaped as in the lines */
    struct evidence_folder *folder;
    unsigned criteria;
    bool needs_statements;
    uint64_t limit_seq; /* records from here on are left out: no checkpoint covers them, or they are not good */
    bool is_limit_set;  /* by the second pass of a log with findings */
    pthread_mutex_t lock;
    struct evidence_part **parts; /* by segment; owned */
    size_t part_count;
    size_t merged;                     /* segments that are in `total` */
    struct evidence_segment *segments; /* owned */
    struct evidence_found total;
    unsigned last_mask; /* criteria of the last record that was merged */
    struct evidence_population populations[EVIDENCE_CRITERIA_MAX];
};
void evidence_select_init(struct evidence_select *select);
void evidence_select_done(struct evidence_select *select);
struct audit_watch evidence_select_watch(struct evidence_select *select);
/* evidence_found.c */
void evidence_found_done(struct evidence_found *found);
void evidence_found_event(struct evidence_found *found, const struct evidence_event *event);
void evidence_found_policy(struct evidence_found *found, const struct evidence_event *event);
/* Another record of the period: continuity. */
void evidence_found_record(struct evidence_found *found, const struct audit_head *head);
void evidence_found_merge(struct evidence_found *found, const struct evidence_found *next);
/* evidence_count.c: one record, parsed. */
struct evidence_record {
    const struct audit_head *head;
    enum audit_kind kind;
    bool is_in_period;
    bool is_denied;
};
void evidence_count(struct evidence_found *found, const struct evidence_record *record, const struct audit_json *json);
/* Whom the record is about, of the kinds that join no tenant's chain; cleaned, "" = nobody. */
void evidence_about(const struct audit_json *json, char out_tenant[EVIDENCE_NAME_MAX]);

/* ---- the pack (evidence.c, evidence_summary.c, evidence_chart.c, evidence_manifest.c) ---- */

struct evidence_root {
    uint64_t size;
    struct rg_digest hash;
    struct rg_digest *proof; /* consistency with the checkpoint */
    size_t proof_count;
    bool is_known;
};

struct evidence_pack {
    const struct audit_evidence_options *options;
    struct rg_arena *arena;
    struct audit_report report;
    struct evidence_select select;
    struct evidence_folder folder;
    struct rg_slice checkpoint; /* the signed note */
    uint64_t checkpoint_size;
    struct rg_digest checkpoint_root;
    bool has_checkpoint;
    struct evidence_root before; /* the tree before the period's first record */
    struct evidence_root after;  /* with its last one */
    char populations[EVIDENCE_CRITERIA_MAX][64];
    uint64_t recorded_seq;
    struct rg_slice not_recorded;
    char digest[2 * RG_SHA256_SIZE + 1];
};

/* A text in both forms at once. The first failure sticks. */
struct evidence_page {
    struct rg_buf markdown;
    struct rg_buf html;
    rg_status status;
    bool is_in_list;
};
void evidence_page_init(struct evidence_page *page);
void evidence_page_done(struct evidence_page *page);
void evidence_page_end(struct evidence_page *page);
/* Sentences of ours, with nothing from a record in them; `x` is code. */
void evidence_title(struct evidence_page *page, const char *text);
void evidence_heading(struct evidence_page *page, const char *text);
void evidence_text(struct evidence_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void evidence_warning(struct evidence_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void evidence_item(struct evidence_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void evidence_items_end(struct evidence_page *page);
/* Columns from first_number on hold numbers. */
void evidence_table_begin(struct evidence_page *page, const char *const *heads, size_t count, size_t first_number);
void evidence_row_begin(struct evidence_page *page);
void evidence_cell(struct evidence_page *page, struct rg_slice cleaned); /* from a record, cleaned */
void evidence_cell_own(struct evidence_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void evidence_cell_number(struct evidence_page *page, uint64_t value);
void evidence_row_end(struct evidence_page *page);
void evidence_table_end(struct evidence_page *page);
/* A row of two cells: what, and a cleaned value. */
void evidence_fact(struct evidence_page *page, const char *name, struct rg_slice cleaned);
/* Markup of ours, and a cleaned value in it; HTML alone. */
void evidence_raw_html(struct evidence_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void evidence_raw_value(struct evidence_page *page, struct rg_slice cleaned);
/* "1,234,567" */
enum { EVIDENCE_NUMBER_SIZE = 32 };
void evidence_number(uint64_t value, char out_text[EVIDENCE_NUMBER_SIZE]);
/* evidence_chart.c: a chart in the HTML; the Markdown has the table alone. */
void evidence_chart(struct evidence_page *page, const struct evidence_table_row *row,
                    const struct evidence_tally *tally, const struct evidence_found *found);

/* "intact", "altered", ... for a sentence. Static storage. */
const char *evidence_result_name(enum audit_result result);
/* The first line of a log that does not verify. */
void evidence_put_verdict(struct evidence_page *page, const struct evidence_pack *pack);
/* Both files of a page. */
rg_status evidence_page_write(struct evidence_page *page, struct evidence_pack *pack,
                              const char *directory) RG_MUST_CHECK;
rg_status evidence_summary_write(struct evidence_pack *pack, size_t criterion, const char *directory) RG_MUST_CHECK;
rg_status evidence_index_write(struct evidence_pack *pack) RG_MUST_CHECK; /* of "all" */
rg_status evidence_policies_write(struct evidence_pack *pack) RG_MUST_CHECK;
/* SHA256SUMS of all files so far; the folder's digest is its SHA-256. */
rg_status evidence_sums_write(struct evidence_pack *pack) RG_MUST_CHECK;
rg_status evidence_manifest_write(struct evidence_pack *pack) RG_MUST_CHECK;

#endif
