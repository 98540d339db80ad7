/* SPDX-License-Identifier: Apache-2.0 */
/* Prints records by number and tenant, straight from the segments. */
#include "audit/show.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "audit/line.h"
#include "audit/reader.h"

enum { SHOW_ARENA = 16 * 1024 * 1024 };

struct shower {
    const struct audit_filter *filter;
    const struct audit_sink *sink;
    struct rg_slice tenant; /* JSON-escaped, as in the lines */
};

static int on_dump(const char *bytes, size_t size, void *context)
{
    struct rg_buf *out = context;
    return rg_is_ok(rg_buf_put(out, rg_slice_make(bytes, size))) ? 0 : -1;
}

rg_status audit_show_escape(struct rg_slice tenant, struct rg_arena *arena, struct rg_slice *out_escaped)
{
    if (tenant.size == 0) {
        return RG_OK;
    }
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, AUDIT_TENANT_MAX + 2);
    json_t *text = json_stringn(tenant.data, tenant.size);
    int result = text == NULL ? -1 : json_dump_callback(text, on_dump, &buf, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    json_decref(text);
    if (result != 0) {
        return rg_fail(RG_CONFIG, "a tenant id that no record can have");
    }
    return rg_arena_copy(arena, rg_slice_cut(rg_buf_slice(&buf), 1, rg_buf_size(&buf) - 2), out_escaped);
}

static rg_status show_line(const struct shower *shower, struct rg_slice line)
{
    struct audit_head head = {0};
    RG_TRY(audit_line_parse(line, &head));
    bool is_wanted = head.seq >= shower->filter->from_seq &&
                     (shower->tenant.size == 0 || rg_slice_is_equal(head.tenant, shower->tenant));
    return is_wanted ? shower->sink->on_line(shower->sink->context, line) : RG_OK;
}

static rg_status show_lines(const struct shower *shower, uint64_t first_seq, struct audit_reader *reader)
{
    for (;;) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        RG_TRY(audit_reader_next(reader, &reading, &line));
        if (reading != AUDIT_READING_LINE) {
            return RG_OK; /* the end, or a tail that verify judges */
        }
        rg_status status = show_line(shower, line);
        if (!rg_is_ok(status) && status.error->kind == RG_PROTOCOL) {
            char reason[128];
            (void)snprintf(reason, sizeof reason, "%.127s", status.error->text);
            return rg_fail(RG_STORAGE, "seg/%016" PRIu64 ".jsonl line %" PRIu64 ": %s", first_seq, reader->line_number,
                           reason);
        }
        RG_TRY(status);
    }
}

static rg_status show_segment(const struct shower *shower, int directory_fd, uint64_t first_seq)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(audit_reader_done) struct audit_reader reader = {0};
    RG_TRY(audit_segment_open_read(directory_fd, first_seq, &fd));
    audit_reader_init(&reader, fd);
    return show_lines(shower, first_seq, &reader);
}

rg_status audit_show(struct rg_slice directory, const struct audit_filter *filter, const struct audit_sink *sink)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, SHOW_ARENA);
    struct audit_segments segments = {0};
    struct shower shower = {.filter = filter, .sink = sink};
    RG_TRY(audit_directory_open(directory, &arena, &fd));
    RG_TRY(audit_show_escape(filter->tenant, &arena, &shower.tenant));
    RG_TRY(audit_segments_load(fd, &arena, &segments));
    for (size_t i = 0; i < segments.count; i++) {
        bool is_before = i + 1 < segments.count && segments.first_seqs[i + 1] <= filter->from_seq;
        if (!is_before) {
            RG_TRY(show_segment(&shower, fd, segments.first_seqs[i]));
        }
    }
    return RG_OK;
}
