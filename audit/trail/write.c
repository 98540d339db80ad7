/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of trails and proofs on their way out, gathered into pieces worth writing. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/trail/trail_private.h"

enum { PIECE = 256 * 1024, FORMATTED_MAX = 1024 };

void trail_writer_init(struct trail_writer *writer, const struct audit_trail_sink *sink)
{
    *writer = (struct trail_writer){.sink = sink};
    rg_buf_init(&writer->held, (size_t)2 * PIECE + AUDIT_NOTE_MAX);
}

void trail_writer_done(struct trail_writer *writer)
{
    rg_buf_done(&writer->held);
}

rg_status trail_write_end(struct trail_writer *writer)
{
    if (rg_buf_size(&writer->held) > 0) {
        RG_TRY(writer->sink->put(writer->sink->context, rg_buf_slice(&writer->held)));
        rg_buf_clear(&writer->held);
    }
    return RG_OK;
}

static rg_status put(struct trail_writer *writer, struct rg_slice bytes)
{
    RG_TRY(rg_buf_put(&writer->held, bytes));
    writer->bytes += bytes.size;
    return rg_buf_size(&writer->held) >= PIECE ? trail_write_end(writer) : RG_OK;
}

rg_status trail_write(struct trail_writer *writer, const char *format, ...)
{
    char text[FORMATTED_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof text) {
        return rg_fail(RG_INTERNAL, "a line of a trail that is too long");
    }
    return put(writer, rg_slice_make(text, (size_t)size));
}

rg_status trail_write_line(struct trail_writer *writer, struct rg_slice line)
{
    RG_TRY(put(writer, line));
    return put(writer, RG_SLICE("\n"));
}

rg_status trail_write_path(struct trail_writer *writer, const struct trail_path *path)
{
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, FORMATTED_MAX);
    for (size_t i = 0; i < path->count; i++) {
        rg_buf_clear(&line);
        RG_TRY(trail_hash_put(&path->hashes[i], &line));
        RG_TRY(trail_write_line(writer, rg_buf_slice(&line)));
    }
    return RG_OK;
}

rg_status trail_write_note(struct trail_writer *writer, const char *word, struct rg_slice note)
{
    size_t lines = 0;
    for (size_t i = 0; i < note.size; i++) {
        lines += note.data[i] == '\n' ? 1 : 0;
    }
    RG_TRY(trail_write(writer, "%s %zu\n", word, lines));
    return put(writer, note);
}

rg_status trail_write_lists(struct trail_writer *writer, const struct trail_log *log)
{
    for (size_t i = 0; i < log->keys.list_count; i++) {
        struct rg_slice note = {0};
        RG_TRY(trail_log_list(log, log->keys.lists[i].first_epoch, &note));
        RG_TRY(trail_write_note(writer, "list", note));
    }
    return RG_OK;
}
