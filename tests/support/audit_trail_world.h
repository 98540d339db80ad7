/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_TRAIL_WORLD_H
#define RG_TESTS_SUPPORT_AUDIT_TRAIL_WORLD_H

/* Trails and proofs of made-up logs (audit_history.h) as texts to be changed line by line. */
#include "audit/trail/trail.h"
#include "tests/support/audit_history.h"

enum { WORLD_FILE_MAX = 16 << 20, WORLD_ARENA = 256 << 20 };

static inline rg_status world_put(void *context, struct rg_slice bytes)
{
    return rg_buf_put(context, bytes);
}

/* ---- making ---- */

static inline rg_status world_try_export(const struct history *history, const char *tenant, int64_t since_us,
                                         int64_t until_us, struct rg_buf *out, struct audit_trail_made *out_made)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    const struct audit_trail_sink sink = {.put = world_put, .context = out};
    const struct audit_trail_options options = {.directory = rg_slice_of(history->path),
                                                .tenant = rg_slice_of(tenant),
                                                .since_us = since_us,
                                                .until_us = until_us};
    rg_arena_init(&arena, WORLD_ARENA);
    return audit_trail_export(&options, &sink, &arena, out_made);
}

static inline void world_export(const struct history *history, const char *tenant, struct rg_buf *out)
{
    struct audit_trail_made made = {0};
    assert_ok(world_try_export(history, tenant, INT64_MIN, INT64_MAX, out, &made));
    assert_int_equal(made.bytes, rg_buf_size(out));
}

static inline rg_status world_try_prove(const struct history *history, uint64_t seq, bool has_keys, struct rg_buf *out,
                                        struct audit_trail_made *out_made)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    const struct audit_trail_sink sink = {.put = world_put, .context = out};
    const struct audit_proof_options options = {
        .directory = rg_slice_of(history->path), .seq = seq, .has_keys = has_keys};
    rg_arena_init(&arena, WORLD_ARENA);
    return audit_proof_export(&options, &sink, &arena, out_made);
}

/* ---- checking ---- */

static inline rg_status world_try_check(const struct history *history, struct rg_slice file, struct rg_slice since,
                                        struct rg_arena *arena, struct audit_trail_report *out_report)
{
    struct rg_slice rest = file;
    struct audit_vkey root;
    const struct audit_trail_source source = {.next = audit_trail_read_bytes, .context = &rest};
    history_root_key(history, &root);
    const struct audit_trail_check check = {.source = &source, .root = &root, .since = since};
    return audit_trail_verify(&check, arena, out_report);
}

/* ---- changing: the file as lines, without their LF ---- */

struct world_lines {
    struct rg_slice *items; /* owned; what they point to is borrowed or kept in `made` */
    size_t count;
    size_t capacity;
    char *made[32];
    size_t made_count;
};

static inline void world_insert(struct world_lines *lines, size_t at, struct rg_slice line)
{
    assert_true(at <= lines->count);
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity * 2 + 64;
        lines->items = realloc(lines->items, lines->capacity * sizeof *lines->items);
    }
    memmove(lines->items + at + 1, lines->items + at, (lines->count - at) * sizeof *lines->items);
    lines->items[at] = line;
    lines->count++;
}

static inline void world_delete(struct world_lines *lines, size_t at, size_t count)
{
    assert_true(at + count <= lines->count);
    memmove(lines->items + at, lines->items + at + count, (lines->count - at - count) * sizeof *lines->items);
    lines->count -= count;
}

static inline struct world_lines world_split(struct rg_slice file)
{
    struct world_lines lines = {0};
    for (size_t at = 0; at < file.size;) {
        const char *end = memchr(file.data + at, '\n', file.size - at);
        assert_non_null(end);
        size_t size = (size_t)(end - file.data) - at;
        world_insert(&lines, lines.count, rg_slice_make(file.data + at, size));
        at += size + 1;
    }
    return lines;
}

static inline void world_join(const struct world_lines *lines, struct rg_buf *out)
{
    rg_buf_clear(out);
    for (size_t i = 0; i < lines->count; i++) {
        assert_ok(rg_buf_put(out, lines->items[i]));
        assert_ok(rg_buf_put_u8(out, '\n'));
    }
}

static inline void world_lines_done(struct world_lines *lines)
{
    for (size_t i = 0; i < lines->made_count; i++) {
        free(lines->made[i]);
    }
    free(lines->items);
    *lines = (struct world_lines){0};
}

/* A line of our own; lives as long as the lines. */
static inline struct rg_slice world_text(struct world_lines *lines, const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    assert_true(lines->made_count < sizeof lines->made / sizeof lines->made[0]);
    lines->made[lines->made_count++] = copy;
    return rg_slice_make(copy, size);
}

/* The first line that begins so, from `from` on. */
static inline size_t world_find(const struct world_lines *lines, const char *prefix, size_t from)
{
    for (size_t i = from; i < lines->count; i++) {
        if (rg_slice_has_prefix(lines->items[i], rg_slice_of(prefix))) {
            return i;
        }
    }
    fail_msg("no line begins with %s", prefix);
    return 0;
}

/* The n-th number, from 0, behind the first word. */
static inline uint64_t world_number(const struct world_lines *lines, size_t at, size_t n)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%.*s", rg_slice_shown(lines->items[at]), lines->items[at].data);
    const char *rest = text;
    for (size_t i = 0; i <= n; i++) {
        rest = strchr(rest, ' ');
        assert_non_null(rest);
        rest++;
    }
    return strtoull(rest, NULL, 10);
}

static inline void world_set(struct world_lines *lines, size_t at, const char *text)
{
    lines->items[at] = world_text(lines, text, strlen(text));
}

/* Adds to the number of lines that "records" announces. */
static inline void world_count(struct world_lines *lines, int64_t more)
{
    char text[64];
    size_t at = world_find(lines, "records ", 0);
    (void)snprintf(text, sizeof text, "records %" PRId64, (int64_t)world_number(lines, at, 0) + more);
    world_set(lines, at, text);
}

/* Line i of the records. */
static inline size_t world_record(const struct world_lines *lines, size_t i)
{
    return world_find(lines, "records ", 0) + 1 + i;
}

#endif
