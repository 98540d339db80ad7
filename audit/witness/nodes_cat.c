/* SPDX-License-Identifier: Apache-2.0 */
/* The records of several logs in one order: by hlc, which rises in each log; then by origin, then by number. */
#include "audit/show.h"
#include "audit/walk.h"
#include "audit/witness/nodes.h"
#include "base/rg_memory.h"

enum { SMALL_ARENA = 64 * 1024 * 1024 };

struct stream {
    int fd;
    struct rg_slice origin;
    struct audit_walk walk;
    struct audit_walked record; /* the next one */
    bool is_there;
};

static rg_status open_stream(struct stream *stream, struct rg_slice directory, struct rg_arena *arena)
{
    struct audit_segments segments = {0};
    RG_TRY(audit_directory_open(directory, arena, &stream->fd));
    RG_TRY(audit_origin_load(stream->fd, arena, &stream->origin));
    RG_TRY(audit_segments_load(stream->fd, arena, &segments));
    const struct audit_place from = {.segment_seq = segments.count == 0 ? 0 : segments.first_seqs[0],
                                     .seq = segments.count == 0 ? 0 : segments.first_seqs[0]};
    audit_walk_init(&stream->walk, stream->fd, &from);
    return segments.count == 0 ? RG_OK : audit_walk_next(&stream->walk, true, &stream->is_there, &stream->record);
}

static int compare_texts(struct rg_slice a, struct rg_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Two records of one log never compete: each stream offers one at a time. */
static bool is_before(const struct stream *a, const struct stream *b)
{
    if (a->record.head.hlc_us != b->record.head.hlc_us) {
        return a->record.head.hlc_us < b->record.head.hlc_us;
    }
    return compare_texts(a->origin, b->origin) < 0;
}

static struct stream *next_of(struct stream *streams, size_t count)
{
    struct stream *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (streams[i].is_there && (first == NULL || is_before(&streams[i], first))) {
            first = &streams[i];
        }
    }
    return first;
}

static rg_status give(const struct audit_walked *record, struct rg_slice tenant, const struct audit_sink *sink)
{
    struct rg_slice rest = record->parts;
    if (tenant.size > 0 && !rg_slice_is_equal(record->head.tenant, tenant)) {
        return RG_OK;
    }
    RG_TRY(sink->on_line(sink->context, record->line));
    while (rest.size > 0) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        RG_TRY(sink->on_line(sink->context, rg_slice_cut(rest, 0, size)));
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    return RG_OK;
}

static rg_status merge(struct stream *streams, size_t count, struct rg_slice tenant, const struct audit_sink *sink)
{
    for (struct stream *stream; (stream = next_of(streams, count)) != NULL;) {
        RG_TRY(give(&stream->record, tenant, sink));
        RG_TRY(audit_walk_next(&stream->walk, true, &stream->is_there, &stream->record));
    }
    return RG_OK;
}

rg_status nodes_cat(const struct rg_slice *directories, size_t count, struct rg_slice tenant,
                    const struct audit_sink *sink)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice escaped = {0};
    rg_arena_init(&arena, SMALL_ARENA);
    RG_TRY(audit_show_escape(tenant, &arena, &escaped));
    struct stream *streams = rg_memory_array(count, sizeof *streams);
    rg_status status = RG_OK;
    for (size_t i = 0; i < count; i++) {
        streams[i].fd = -1;
        streams[i].walk.fd = -1;
    }
    for (size_t i = 0; rg_is_ok(status) && i < count; i++) {
        status = open_stream(&streams[i], directories[i], &arena);
    }
    if (rg_is_ok(status)) {
        status = merge(streams, count, escaped, sink);
    }
    for (size_t i = 0; i < count; i++) {
        audit_walk_done(&streams[i].walk);
        audit_fd_done(&streams[i].fd);
    }
    rg_memory_free(streams);
    return status;
}
