/* SPDX-License-Identifier: Apache-2.0 */
/* Search: bring the index up to date, ask it, check each answer in the log, deliver. The index is tried as it is, then
 * built anew, then in memory; what it says counts only where the log says the same. */
#include "audit/search.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/index.h"
#include "audit/search_terms.h"

enum { SEARCH_ARENA = 512 * 1024 * 1024, HITS_MAX = 1024 * 1024 * 1024, NOTE_MAX = 400 };

struct hit {
    struct audit_place place;
    struct rg_digest leaf;
};

struct search {
    const struct audit_criteria *criteria;
    const struct audit_search_sink *sink;
    struct rg_slice directory; /* resolved */
    struct rg_slice origin;
    int directory_fd;
    struct rg_arena arena;        /* for the search */
    struct rg_arena record_arena; /* for one record */
    struct audit_walk walk;
    struct audit_opener *opener;
    struct audit_index_query query;
    struct rg_buf hits; /* struct hit */
    size_t hit_count;
    bool is_lied_to;       /* the index says what the log does not */
    bool is_log_bad;       /* the log cannot be read beyond some place */
    char reason[NOTE_MAX]; /* which */
};

static void search_done(struct search *search)
{
    audit_walk_done(&search->walk);
    audit_opener_free(&search->opener);
    audit_fd_done(&search->directory_fd);
    rg_buf_done(&search->hits);
    rg_arena_done(&search->record_arena);
    rg_arena_done(&search->arena);
}

/* ---- one record ---- */

/* Sealed values stay so: nothing else goes into the index. */
static rg_status read_record(struct search *search, bool *out_is_there, struct audit_walked *out_record,
                             struct audit_shown *out_shown)
{
    rg_arena_reset(&search->record_arena);
    RG_TRY(audit_walk_next(&search->walk, false, out_is_there, out_record));
    return *out_is_there ? audit_shown_parse(out_record, &search->record_arena, out_shown) : RG_OK;
}

/* Is the record that the index points to there, and the same? */
static bool is_there(struct search *search, const struct audit_place *place, const struct rg_digest *leaf,
                     struct audit_walked *out_record, struct audit_shown *out_shown)
{
    bool is_read = false;
    audit_walk_seek(&search->walk, place);
    rg_status status = read_record(search, &is_read, out_record, out_shown);
    return rg_is_ok(status) && is_read && memcmp(out_shown->leaf.bytes, leaf->bytes, RG_SHA256_SIZE) == 0;
}

/* ---- the index follows the log ---- */

static rg_status go_to_start(struct search *search, bool *out_is_there)
{
    struct audit_segments segments = {0};
    RG_TRY(audit_segments_load(search->directory_fd, &search->arena, &segments));
    *out_is_there = segments.count > 0;
    if (segments.count > 0) {
        uint64_t first = segments.first_seqs[0];
        audit_walk_seek(&search->walk, &(struct audit_place){.segment_seq = first, .seq = first});
    }
    return RG_OK;
}

/* To where the index goes on: behind the last record in it, which must be where it says. */
static rg_status go_behind(struct search *search, struct audit_index *index, bool *out_is_there)
{
    struct audit_walked record;
    struct audit_shown shown;
    struct audit_index_row last = {0};
    bool has_last = false;
    RG_TRY(audit_index_last(index, &has_last, &last));
    if (!has_last) {
        return go_to_start(search, out_is_there);
    }
    if (!is_there(search, &last.place, &last.leaf, &record, &shown)) {
        search->is_lied_to = true;
        return rg_fail(RG_STORAGE, "the log is not the one that the search index was made from");
    }
    *out_is_there = true;
    return RG_OK;
}

/* A log that cannot be read further ends the filling and not the search. */
static bool has_next(struct search *search, struct audit_walked *out_record, struct audit_shown *out_shown)
{
    bool is_read = false;
    rg_status status = read_record(search, &is_read, out_record, out_shown);
    if (!rg_is_ok(status)) {
        search->is_log_bad = true;
        (void)snprintf(search->reason, sizeof search->reason, "%.399s", status.error->text);
    }
    return rg_is_ok(status) && is_read;
}

static rg_status catch_up(struct search *search, struct audit_index *index)
{
    struct audit_walked record;
    struct audit_shown shown;
    bool has_start = false;
    RG_TRY(go_behind(search, index, &has_start));
    if (!has_start || !has_next(search, &record, &shown)) {
        return RG_OK; /* nothing is written then */
    }
    RG_TRY(audit_index_begin(index));
    do {
        struct audit_index_row row = {0};
        RG_TRY(audit_terms_of(&shown, &search->record_arena, &row));
        row.place = record.place;
        RG_TRY(audit_index_put(index, &row));
    } while (has_next(search, &record, &shown));
    return audit_index_commit(index);
}

/* ---- asking ---- */

/* False = the index lied. */
static rg_status check_candidate(struct search *search, const struct audit_index_row *row, bool *out_is_true,
                                 bool *out_is_hit)
{
    struct audit_walked record;
    struct audit_shown shown;
    struct audit_index_row found = {0};
    *out_is_true = is_there(search, &row->place, &row->leaf, &record, &shown);
    if (*out_is_true) {
        RG_TRY(audit_terms_of(&shown, &search->record_arena, &found));
        *out_is_true = audit_terms_hold(&found, &search->query);
        RG_TRY(audit_shown_open(&record, search->opener, &search->record_arena, &shown));
        *out_is_hit = *out_is_true && audit_terms_are_of(&shown, search->criteria) &&
                      audit_terms_has_text(&shown, search->criteria->text);
    }
    return RG_OK;
}

static rg_status keep_hit(struct search *search, const struct audit_index_row *row)
{
    const struct hit hit = {.place = row->place, .leaf = row->leaf};
    RG_TRY(rg_buf_put(&search->hits, rg_slice_make(&hit, sizeof hit)));
    search->hit_count++;
    return RG_OK;
}

static rg_status take_candidates(struct search *search, struct audit_index_cursor *cursor)
{
    while (search->hit_count < search->criteria->limit) {
        struct audit_index_row row = {0};
        bool has_row = false, is_true = false, is_hit = false;
        RG_TRY(audit_index_next(cursor, &has_row, &row));
        if (!has_row) {
            return RG_OK;
        }
        RG_TRY(check_candidate(search, &row, &is_true, &is_hit));
        if (!is_true) {
            search->is_lied_to = true;
            return rg_fail(RG_STORAGE, "the search index says of record %llu what the log does not",
                           (unsigned long long)row.place.seq);
        }
        if (is_hit) {
            RG_TRY(keep_hit(search, &row));
        }
    }
    return RG_OK;
}

static rg_status ask(struct search *search, struct audit_index *index)
{
    RG_AUTO(audit_index_cursor_free) struct audit_index_cursor *cursor = NULL;
    RG_TRY(audit_index_share(index));
    RG_TRY(audit_index_ask(index, &search->query, &cursor));
    return take_candidates(search, cursor);
}

static rg_status attempt(struct search *search, enum audit_index_mode mode)
{
    RG_AUTO(audit_index_close) struct audit_index *index = NULL;
    rg_buf_clear(&search->hits);
    search->hit_count = 0;
    search->is_lied_to = false;
    search->is_log_bad = false;
    RG_TRY(audit_index_open(search->directory, search->origin, mode, &index));
    RG_TRY(catch_up(search, index));
    return ask(search, index);
}

static void note(const struct search *search, const char *text)
{
    if (search->sink->on_note != NULL) {
        search->sink->on_note(search->sink->context, text);
    }
}

static rg_status collect(struct search *search)
{
    char text[NOTE_MAX + 64];
    rg_status status = attempt(search, AUDIT_INDEX_DISK);
    if (rg_is_ok(status) || status.error->kind != RG_STORAGE) {
        return status;
    }
    if (search->is_lied_to) {
        (void)snprintf(text, sizeof text, "%.300s: built again", status.error->text);
        note(search, text);
    }
    status = attempt(search, AUDIT_INDEX_ANEW);
    if (rg_is_ok(status) || status.error->kind != RG_STORAGE) {
        return status;
    }
    (void)snprintf(text, sizeof text, "%.300s; the index is made in memory", status.error->text);
    note(search, text);
    return attempt(search, AUDIT_INDEX_MEMORY);
}

/* ---- delivering ---- */

static rg_status deliver_one(struct search *search, size_t at)
{
    struct hit hit;
    struct audit_walked record;
    struct audit_shown shown;
    memcpy(&hit, rg_buf_slice(&search->hits).data + at * sizeof hit, sizeof hit);
    if (!is_there(search, &hit.place, &hit.leaf, &record, &shown)) {
        return rg_fail(RG_STORAGE, "record %llu changed while it was read", (unsigned long long)hit.place.seq);
    }
    RG_TRY(audit_shown_open(&record, search->opener, &search->record_arena, &shown));
    return search->sink->on_record(search->sink->context, &record, &shown);
}

static rg_status deliver(struct search *search, uint64_t *out_count)
{
    for (size_t i = 0; i < search->hit_count; i++) {
        RG_TRY(deliver_one(search, search->query.is_newest_first ? search->hit_count - 1 - i : i));
        (*out_count)++;
    }
    return RG_OK;
}

static rg_status resolve(struct search *search, struct rg_slice directory)
{
    struct rg_slice path = {0};
    void *memory = NULL;
    RG_TRY(rg_arena_copy(&search->arena, directory, &path));
    RG_TRY(rg_arena_alloc(&search->arena, PATH_MAX + 1, &memory));
    if (realpath(path.data, memory) == NULL) {
        return rg_fail(RG_STORAGE, "cannot open %.300s", path.data);
    }
    search->directory = rg_slice_of(memory);
    RG_TRY(audit_directory_open(search->directory, &search->arena, &search->directory_fd));
    return audit_origin_load(search->directory_fd, &search->arena, &search->origin);
}

static rg_status run(struct search *search, struct rg_slice directory, struct rg_slice subjects, uint64_t *out_count)
{
    const struct audit_place nowhere = {0};
    RG_TRY(resolve(search, directory));
    RG_TRY(audit_opener_new(search->directory_fd, subjects, &search->opener));
    RG_TRY(audit_terms_query(search->criteria, search->opener, &search->arena, &search->query));
    audit_walk_init(&search->walk, search->directory_fd, &nowhere);
    RG_TRY(collect(search));
    RG_TRY(deliver(search, out_count));
    return search->is_log_bad ? rg_fail(RG_STORAGE, "%s; what is behind was not searched", search->reason) : RG_OK;
}

rg_status audit_search(struct rg_slice directory, struct rg_slice subjects, const struct audit_criteria *criteria,
                       const struct audit_search_sink *sink, uint64_t *out_count)
{
    RG_AUTO(search_done) struct search search = {.criteria = criteria, .sink = sink, .directory_fd = -1};
    rg_arena_init(&search.arena, SEARCH_ARENA);
    rg_arena_init(&search.record_arena, AUDIT_SHOWN_ARENA);
    rg_buf_init(&search.hits, HITS_MAX);
    *out_count = 0;
    return run(&search, directory, subjects, out_count);
}
