/* SPDX-License-Identifier: Apache-2.0 */
/* tail: finds where the last records begin, delivers from there, and asks again at the end. A live log's end may change
 * under us (a failed write or a crash is cut and written again), so at the end the last record is looked at again. */
#include "audit/follow.h"

#include "base/rg_memory.h"

enum { FOLLOW_ARENA = 16 * 1024 * 1024, KNOWN_MAX = 4096 };

struct known {
    uint64_t seq;
    struct rg_digest leaf;
};

struct follow {
    const struct audit_follow_options *options;
    const struct audit_follow_sink *sink;
    int directory_fd;
    struct audit_walk walk;
    struct rg_arena arena;         /* of the segments' names; reset each time */
    struct rg_arena record_arena;  /* for one record */
    struct rg_buf places;          /* struct audit_place, a ring of the last ones */
    struct known known[KNOWN_MAX]; /* what was passed, a ring by count */
    uint64_t known_count;
    struct audit_place last; /* of the newest in known */
};

static void follow_done(struct follow *follow)
{
    audit_walk_done(&follow->walk);
    audit_fd_done(&follow->directory_fd);
    rg_buf_done(&follow->places);
    rg_arena_done(&follow->arena);
    rg_arena_done(&follow->record_arena);
}

static bool is_wanted(const struct follow *follow, const struct audit_walked *record)
{
    return follow->options->tenant.size == 0 || rg_slice_is_equal(record->head.tenant, follow->options->tenant);
}

/* ---- where the last records begin ---- */

/* Goes from a segment's start to the log's end and keeps the last places. */
static rg_status count_from(struct follow *follow, uint64_t segment_seq, uint64_t *out_count)
{
    uint64_t limit = follow->options->last_count;
    const struct audit_place start = {.segment_seq = segment_seq, .seq = segment_seq};
    *out_count = 0;
    rg_buf_clear(&follow->places);
    audit_walk_seek(&follow->walk, &start);
    for (;;) {
        struct audit_walked record;
        bool has_record = false;
        RG_TRY(audit_walk_next(&follow->walk, false, &has_record, &record));
        if (!has_record) {
            return RG_OK;
        }
        if (is_wanted(follow, &record) && limit > 0) {
            if (*out_count >= limit) {
                rg_buf_consume(&follow->places, sizeof record.place);
            }
            RG_TRY(rg_buf_put(&follow->places, rg_slice_make(&record.place, sizeof record.place)));
            (*out_count)++;
        }
    }
}

static rg_status load_segments(struct follow *follow, struct audit_segments *out_segments)
{
    rg_arena_reset(&follow->arena);
    return audit_segments_load(follow->directory_fd, &follow->arena, out_segments);
}

static rg_status go_to_last(struct follow *follow, bool *out_is_there)
{
    struct audit_segments segments = {0};
    uint64_t count = 0;
    RG_TRY(load_segments(follow, &segments));
    *out_is_there = segments.count > 0;
    for (size_t i = segments.count; i > 0; i--) {
        RG_TRY(count_from(follow, segments.first_seqs[i - 1], &count));
        if (count >= follow->options->last_count) {
            break;
        }
    }
    if (rg_buf_size(&follow->places) > 0) {
        struct audit_place first;
        memcpy(&first, rg_buf_slice(&follow->places).data, sizeof first);
        audit_walk_seek(&follow->walk, &first);
    }
    return RG_OK;
}

/* ---- what was passed ---- */

static const struct known *find_known(const struct follow *follow, uint64_t seq)
{
    uint64_t count = follow->known_count < KNOWN_MAX ? follow->known_count : KNOWN_MAX;
    for (uint64_t i = 0; i < count; i++) {
        const struct known *known = &follow->known[(follow->known_count - 1 - i) % KNOWN_MAX];
        if (known->seq <= seq) {
            return known->seq == seq ? known : NULL;
        }
    }
    return NULL;
}

static uint64_t first_known(const struct follow *follow)
{
    return follow->known[follow->known_count < KNOWN_MAX ? 0 : follow->known_count % KNOWN_MAX].seq;
}

/* Passed before, and unchanged? One that changed makes all that was known behind it unknown. */
static bool is_passed(struct follow *follow, const struct audit_walked *record, const struct rg_digest *leaf)
{
    if (follow->known_count == 0 || record->place.seq > follow->last.seq) {
        return false;
    }
    const struct known *known = find_known(follow, record->place.seq);
    bool is_same = known != NULL && memcmp(known->leaf.bytes, leaf->bytes, RG_SHA256_SIZE) == 0;
    if (is_same || record->place.seq < first_known(follow)) {
        return true;
    }
    if (follow->sink->on_cut != NULL) {
        follow->sink->on_cut(follow->sink->context, record->place.seq);
    }
    follow->known_count = 0;
    return false;
}

static void remember(struct follow *follow, const struct audit_walked *record, const struct rg_digest *leaf)
{
    follow->known[follow->known_count % KNOWN_MAX] = (struct known){.seq = record->place.seq, .leaf = *leaf};
    follow->known_count++;
    follow->last = record->place;
}

/* ---- delivering ---- */

static rg_status deliver(struct follow *follow, const struct audit_walked *record)
{
    struct audit_shown shown;
    struct rg_digest leaf = audit_line_leaf(record->line);
    if (is_passed(follow, record, &leaf)) {
        if (record->place.seq == follow->last.seq) {
            follow->last = record->place; /* it may stand in another segment now */
        }
        return RG_OK;
    }
    remember(follow, record, &leaf);
    if (!is_wanted(follow, record)) {
        return RG_OK;
    }
    rg_arena_reset(&follow->record_arena);
    RG_TRY(audit_shown_open(record, follow->options->opener, &follow->record_arena, &shown));
    return follow->sink->on_record(follow->sink->context, record, &shown);
}

static rg_status deliver_all(struct follow *follow)
{
    for (;;) {
        struct audit_walked record;
        bool has_record = false;
        RG_TRY(audit_walk_next(&follow->walk, !follow->options->is_endless, &has_record, &record));
        if (!has_record) {
            return RG_OK;
        }
        RG_TRY(deliver(follow, &record));
    }
}

/* Is the last record still where it was? */
static bool is_unchanged(struct follow *follow)
{
    RG_AUTO(audit_walk_done) struct audit_walk probe = {.fd = -1};
    struct audit_walked record;
    bool has_record = false;
    if (follow->known_count == 0) {
        return true;
    }
    audit_walk_init(&probe, follow->directory_fd, &follow->last);
    if (!rg_is_ok(audit_walk_next(&probe, true, &has_record, &record)) || !has_record) {
        return false;
    }
    struct rg_digest leaf = audit_line_leaf(record.line);
    const struct known *known = &follow->known[(follow->known_count - 1) % KNOWN_MAX];
    return memcmp(known->leaf.bytes, leaf.bytes, RG_SHA256_SIZE) == 0;
}

/* To the segment in which the oldest known record stands; what is unchanged is passed again without being shown. */
static rg_status go_back(struct follow *follow)
{
    struct audit_segments segments = {0};
    uint64_t first = first_known(follow);
    size_t after = 0;
    RG_TRY(load_segments(follow, &segments));
    while (after < segments.count && segments.first_seqs[after] <= first) {
        after++;
    }
    if (after == 0) {
        return rg_fail(RG_STORAGE, "the log does not hold record %llu any more", (unsigned long long)first);
    }
    uint64_t seq = segments.first_seqs[after - 1];
    audit_walk_seek(&follow->walk, &(struct audit_place){.segment_seq = seq, .seq = seq});
    return RG_OK;
}

/* A log that is being recovered may be unreadable for a moment; what lasts is told. */
static rg_status go_on(struct follow *follow)
{
    enum { PATIENCE = 25 };
    for (int bad = 0;;) {
        rg_status status = is_unchanged(follow) ? RG_OK : go_back(follow);
        if (rg_is_ok(status)) {
            status = deliver_all(follow);
        }
        bad = rg_is_ok(status) ? 0 : bad + 1;
        if (bad > 0 && (status.error->kind != RG_STORAGE || bad > PATIENCE)) {
            return status;
        }
        if (!follow->sink->on_end(follow->sink->context)) {
            return RG_OK;
        }
    }
}

static rg_status run(struct follow *follow, struct rg_slice directory)
{
    const struct audit_place nowhere = {0};
    bool is_there = false;
    RG_TRY(audit_directory_open(directory, &follow->arena, &follow->directory_fd));
    audit_walk_init(&follow->walk, follow->directory_fd, &nowhere);
    RG_TRY(go_to_last(follow, &is_there));
    if (!is_there) {
        return rg_fail(RG_STORAGE, "the log has no records");
    }
    RG_TRY(deliver_all(follow));
    return follow->options->is_endless ? go_on(follow) : RG_OK;
}

rg_status audit_follow(struct rg_slice directory, const struct audit_follow_options *options,
                       const struct audit_follow_sink *sink)
{
    struct follow *follow = rg_memory_alloc(sizeof *follow);
    follow->options = options;
    follow->sink = sink;
    follow->directory_fd = -1;
    follow->walk.fd = -1;
    rg_arena_init(&follow->arena, FOLLOW_ARENA);
    rg_arena_init(&follow->record_arena, AUDIT_SHOWN_ARENA);
    rg_buf_init(&follow->places, (size_t)(AUDIT_FOLLOW_LAST_MAX + 1) * sizeof(struct audit_place));
    rg_status status = run(follow, directory);
    follow_done(follow);
    rg_memory_free(follow);
    return status;
}
