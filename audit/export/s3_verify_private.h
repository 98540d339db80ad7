/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_S3_VERIFY_PRIVATE_H
#define RG_AUDIT_EXPORT_S3_VERIFY_PRIVATE_H

#include "audit/export/depot.h"
#include "audit/export/s3_verify.h"
#include "audit/keys.h"

/* The bucket's verifier: s3_catalog.c lists, s3_fetch.c fetches, s3_rules.c and s3_records.c judge, s3_verify.c is the
 * course of it. */

enum catalog_kind {
    CATALOG_STRANGER = 0,
    CATALOG_SEGMENT,
    CATALOG_MANIFEST,
    CATALOG_ANCHOR,
    CATALOG_KEY,
    CATALOG_BASE
};

/* One version of one object, as listed; the second half as fetched. */
struct catalog_item {
    enum catalog_kind kind;
    struct rg_slice key;     /* NUL-terminated behind its end, like all texts here */
    struct rg_slice name;    /* the last part of key */
    struct rg_slice version; /* "" = the bucket has no versions */
    bool is_marker;
    bool is_newest;
    bool is_first;  /* the oldest version of its key, by the listing's order: what was put there first */
    bool is_alone;  /* no other version, no marker */
    uint64_t first; /* records of a segment; an anchor's or base's size */
    uint64_t last;
    uint64_t size;
    int64_t modified_us;

    struct s3_object object; /* is_there = it was looked at */
    struct rg_digest sha256; /* of the bytes as fetched; of others as the server says */
    bool has_sha256;
    struct rg_slice bytes; /* of an anchor and a key list */
    char trouble[200];     /* why its bytes are no good; "" = they are */
};

struct catalog {
    struct rg_arena *arena;
    struct rg_slice origin;
    char node[DEPOT_NODE_MAX];
    struct catalog_item *items; /* owned; by kind, key, newest first */
    size_t count;
    size_t capacity;
    struct catalog_item **firsts; /* owned; what was put first under each key, by key */
    size_t first_count;
    uint64_t begin; /* the first segment's first record, when there is a base of what was before it; else 0 */
    uint64_t end;   /* the last segment's records end before this one */
};
void catalog_done(struct catalog *catalog);
/* The node that options->origin names, or the only one. RG_CONFIG. Anchors and keys only when a directory is given. */
rg_status catalog_load(struct s3 *s3, const struct s3_verify_options *options, struct catalog *catalog) RG_MUST_CHECK;

/* Fetches what is needed, several at a time; writes a log's directory of it unless directory_fd is negative. Objects
 * that are not what they should be are findings later, not failures. */
rg_status catalog_fetch(const struct s3_verify_options *options, struct catalog *catalog,
                        int directory_fd) RG_MUST_CHECK;

/* ---- findings ---- */

struct rules {
    const struct s3_verify_options *options;
    struct catalog *catalog;
    struct rg_arena *arena;
    const struct audit_keys *keys; /* NULL = none could be read */
    uint64_t pruned_size;          /* records that the log itself declared to be gone */
    struct audit_finding findings[AUDIT_FINDINGS_MAX];
    size_t count;
    enum s3_lock recorded; /* the least lock that a segment's record names; only when has_recorded */
    int64_t shortest_us;   /* the shortest time from a record to the end of its lock */
    bool has_recorded;
};
void rules_find(struct rules *rules, enum audit_result result, const struct catalog_item *item, uint64_t seq,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What the bucket alone tells: markers, versions, strangers, unreadable objects, locks, lag, age. */
void rules_check_objects(struct rules *rules);
/* The log's export.segment records, in the fetched directory, against the objects. RG_STORAGE. */
rg_status rules_check_records(struct rules *rules, int directory_fd) RG_MUST_CHECK;
/* What was put first under key, which is NUL-terminated behind its end; NULL = nothing. */
struct catalog_item *catalog_find(const struct catalog *catalog, struct rg_slice key);

#endif
