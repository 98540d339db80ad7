/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_INDEX_H
#define RG_AUDIT_INDEX_H

#include "audit/walk.h"

/* The disposable index of a log: DIR/idx/search.db, a SQLite database that audit/search.c fills from the segments and
 * asks which records may match. It is evidence of nothing: each answer is read again from the segments, `verify` never
 * looks at it, and it may be deleted at any time. A lock file keeps two searches apart; the stamp (inode, size, times
 * of the database as it was left) shows whether anybody else wrote to it. Threads: one at a time. */

enum audit_index_mode {
    AUDIT_INDEX_MEMORY = 0, /* a new one in memory; nothing is written */
    AUDIT_INDEX_DISK,       /* the one on disk, made when there is none or its stamp does not fit */
    AUDIT_INDEX_ANEW        /* the one on disk is thrown away first */
};

/* What the index holds of a record. */
struct audit_index_row {
    struct audit_place place;
    struct rg_digest leaf; /* of the record's first line */
    int64_t hlc_us;
    const struct rg_slice *terms; /* found by equality; any bytes */
    size_t term_count;
    struct rg_slice text; /* found by parts of words; UTF-8 without NUL */
};

struct audit_index_query {
    const struct rg_slice *terms; /* all of them; the rarest first is fastest */
    size_t term_count;
    const struct rg_slice *any; /* besides, one of these; they drive then */
    size_t any_count;           /* 0 = no such condition */
    struct rg_slice text;       /* empty = any; else at least AUDIT_INDEX_TEXT_MIN code points. Letters in any case */
    int64_t since_us;           /* hlc >= this */
    int64_t until_us;           /* hlc < this */
    bool is_newest_first;
};

enum { AUDIT_INDEX_TEXT_MIN = 3, AUDIT_INDEX_TERMS_MAX = 8 };

struct audit_index;
struct audit_index_cursor;

/* directory: absolute, without symbolic links. A database of another origin is made anew.
 * Returns: ok; RG_STORAGE when idx/ cannot be written or the database is not usable (open it anew, or in memory).
 * Holds the lock for itself until audit_index_share or audit_index_close; waits for it. */
rg_status audit_index_open(struct rg_slice directory, struct rg_slice origin, enum audit_index_mode mode,
                           struct audit_index **out_index) RG_MUST_CHECK;
void audit_index_close(struct audit_index **index); /* nulls, accepts NULL */

/* The last record in the index: only place and leaf of *out_last are filled. RG_STORAGE. */
rg_status audit_index_last(struct audit_index *index, bool *out_is_there,
                           struct audit_index_row *out_last) RG_MUST_CHECK;
/* Between begin and commit rows are put, in the order of the log. What is not committed is gone. RG_STORAGE. */
rg_status audit_index_begin(struct audit_index *index) RG_MUST_CHECK;
rg_status audit_index_put(struct audit_index *index, const struct audit_index_row *row) RG_MUST_CHECK;
rg_status audit_index_commit(struct audit_index *index) RG_MUST_CHECK;
/* From now on the index is only read: others may read it, too. */
rg_status audit_index_share(struct audit_index *index) RG_MUST_CHECK;

/* Candidates, one by one: only place and leaf of *out_row are filled. RG_STORAGE. */
rg_status audit_index_ask(struct audit_index *index, const struct audit_index_query *query,
                          struct audit_index_cursor **out_cursor) RG_MUST_CHECK;
rg_status audit_index_next(struct audit_index_cursor *cursor, bool *out_is_there,
                           struct audit_index_row *out_row) RG_MUST_CHECK;
void audit_index_cursor_free(struct audit_index_cursor **cursor);

#endif
