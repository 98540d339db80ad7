/* SPDX-License-Identifier: Apache-2.0 */
/* The holds in force, folded from their records: by the log when it opens and with each record it writes, and by
 * whoever reads a log. */
#include "audit/keep/hold.h"

#include <stdlib.h>

#include <jansson.h>

#include "audit/reader.h"
#include "base/rg_memory.h"

static void free_hold(struct audit_hold *hold)
{
    rg_memory_free(hold->memory);
    *hold = (struct audit_hold){0};
}

void audit_holds_done(struct audit_holds *holds)
{
    for (size_t i = 0; i < holds->count; i++) {
        free_hold(&holds->items[i]);
    }
    rg_memory_free(holds->items);
    *holds = (struct audit_holds){0};
}

bool audit_hold_is_record(struct rg_slice line, const struct audit_head *head)
{
    return rg_slice_has_prefix(rg_slice_cut(line, head->size, SIZE_MAX), RG_SLICE("\"kind\":\"hold."));
}

/* ---- one record ---- */

static struct rg_slice text_of(const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);
    return json_is_string(text) ? rg_slice_make(json_string_value(text), json_string_length(text))
                                : (struct rg_slice){0};
}

static int64_t time_of(const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    return json_is_integer(number) && json_integer_value(number) > 0 ? json_integer_value(number) : 0;
}

/* The inside of the JSON string. */
static rg_status escape(struct rg_slice text, struct rg_buf *out)
{
    json_t *value = json_stringn(text.size == 0 ? "" : text.data, text.size);
    char *made = value == NULL ? NULL : json_dumps(value, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    rg_status status = made == NULL ? rg_fail(RG_PROTOCOL, "a hold's tenant is no text")
                                    : rg_buf_put(out, rg_slice_make(made + 1, strlen(made) - 2));
    if (made != NULL) {
        free(made); /* jansson's own */
    }
    json_decref(value);
    return status;
}

static struct rg_slice keep(char **at, struct rg_slice text)
{
    char *copy = *at;
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    *at += text.size;
    return rg_slice_make(copy, text.size);
}

static rg_status make_hold(const json_t *record, const struct audit_head *head, struct audit_hold *out_hold)
{
    const json_t *rg = json_object_get(json_object_get(record, "unmapped"), "rg");
    struct rg_slice id = text_of(rg, "object"), tenant = text_of(rg, "about_tenant");
    struct rg_slice subject = text_of(rg, "about_subject"), operator_name = text_of(rg, "operator");
    struct rg_slice reason = text_of(record, "message");
    RG_AUTO(rg_buf_done) struct rg_buf escaped;
    rg_buf_init(&escaped, SIZE_MAX / 2);
    RG_TRY(escape(tenant, &escaped));
    char *at = rg_memory_alloc(id.size + tenant.size + subject.size + operator_name.size + reason.size +
                               rg_buf_size(&escaped) + 1);
    struct audit_hold hold = {.memory = at, .placed_us = head->hlc_us, .seq = head->seq};
    hold.from_us = time_of(rg, "from_us");
    hold.until_us = time_of(rg, "until_us");
    hold.id = keep(&at, id);
    hold.tenant = keep(&at, tenant);
    hold.subject = keep(&at, subject);
    hold.operator_name = keep(&at, operator_name);
    hold.reason = keep(&at, reason);
    hold.escaped_tenant = keep(&at, rg_buf_slice(&escaped));
    *out_hold = hold;
    return RG_OK;
}

static struct audit_hold *find(const struct audit_holds *holds, struct rg_slice id)
{
    for (size_t i = 0; i < holds->count; i++) {
        if (rg_slice_is_equal(holds->items[i].id, id)) {
            return &holds->items[i];
        }
    }
    return NULL;
}

/* A hold that is placed again under its id was carried on by a prune: its record moved, it did not. */
static rg_status place(struct audit_holds *holds, struct audit_hold *hold)
{
    struct audit_hold *known = find(holds, hold->id);
    if (known != NULL) {
        known->seq = hold->seq;
        free_hold(hold);
        return RG_OK;
    }
    if (holds->count == holds->capacity) {
        enum { FIRST = 16 };
        holds->capacity = holds->capacity == 0 ? FIRST : holds->capacity * 2;
        holds->items = rg_memory_resize(holds->items, holds->capacity * sizeof *holds->items);
    }
    holds->items[holds->count] = *hold;
    holds->count++;
    return RG_OK;
}

static void release(struct audit_holds *holds, struct rg_slice id)
{
    struct audit_hold *hold = find(holds, id);
    if (hold == NULL) {
        return; /* its placing was pruned, or never was */
    }
    free_hold(hold);
    size_t behind = holds->count - (size_t)(hold - holds->items) - 1;
    memmove(hold, hold + 1, behind * sizeof *hold);
    holds->count--;
}

static rg_status fold_record(struct audit_holds *holds, const json_t *record, const struct audit_head *head)
{
    struct audit_hold hold = {0};
    const json_t *rg = json_object_get(json_object_get(record, "unmapped"), "rg");
    if (text_of(rg, "object").size == 0) {
        return rg_fail(RG_PROTOCOL, "a hold's record names no hold");
    }
    if (rg_slice_is_equal(text_of(rg, "kind"), RG_SLICE("hold.release"))) {
        release(holds, text_of(rg, "object"));
        return RG_OK;
    }
    RG_TRY(make_hold(record, head, &hold));
    return place(holds, &hold);
}

rg_status audit_holds_fold(struct audit_holds *holds, struct rg_slice line, const struct audit_head *head)
{
    json_error_t error;
    json_t *record = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (record == NULL) {
        return rg_fail(RG_PROTOCOL, "a hold's record is no JSON object: %s", error.text);
    }
    rg_status status = fold_record(holds, record, head);
    json_decref(record);
    return status;
}

void audit_holds_keep(struct audit_holds *holds, const struct audit_holds *those)
{
    size_t kept = 0;
    for (size_t i = 0; i < holds->count; i++) {
        if (find(those, holds->items[i].id) == NULL) {
            free_hold(&holds->items[i]);
        } else {
            holds->items[kept] = holds->items[i];
            kept++;
        }
    }
    holds->count = kept;
}

/* ---- questions ---- */

const struct audit_hold *audit_holds_find(const struct audit_holds *holds, struct rg_slice id)
{
    return find(holds, id);
}

static bool may_be_same(struct rg_slice a, struct rg_slice b)
{
    return a.size == 0 || b.size == 0 || rg_slice_is_equal(a, b);
}

const struct audit_hold *audit_holds_find_subject(const struct audit_holds *holds, struct rg_slice tenant,
                                                  struct rg_slice subject)
{
    for (size_t i = 0; i < holds->count; i++) {
        const struct audit_hold *hold = &holds->items[i];
        if (may_be_same(hold->tenant, tenant) && may_be_same(hold->subject, subject)) {
            return hold;
        }
    }
    return NULL;
}

bool audit_hold_is_at(const struct audit_hold *hold, int64_t first_us, int64_t last_us)
{
    return last_us >= hold->from_us && (hold->until_us == 0 || first_us <= hold->until_us);
}

/* ---- a whole log ---- */

static rg_status fold_segment(int directory_fd, uint64_t first_seq, struct audit_holds *holds)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(audit_reader_done) struct audit_reader reader = {0};
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice line = {0};
    RG_TRY(audit_segment_open_read(directory_fd, first_seq, &fd));
    audit_reader_init(&reader, fd);
    for (;;) {
        struct audit_head head = {0};
        RG_TRY(audit_reader_next(&reader, &reading, &line));
        if (reading != AUDIT_READING_LINE) {
            return RG_OK;
        }
        RG_TRY(audit_line_parse(line, &head));
        RG_TRY(audit_hold_is_record(line, &head) ? audit_holds_fold(holds, line, &head) : RG_OK);
    }
}

static rg_status fold_log(struct rg_slice directory, struct rg_arena *arena, struct audit_holds *holds)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    struct audit_segments segments = {0};
    RG_TRY(audit_directory_open(directory, arena, &fd));
    RG_TRY(audit_segments_load(fd, arena, &segments));
    for (size_t i = 0; i < segments.count; i++) {
        RG_TRY(fold_segment(fd, segments.first_seqs[i], holds));
    }
    return RG_OK;
}

rg_status audit_holds_load(struct rg_slice directory, struct audit_holds *out_holds)
{
    enum { ARENA = 64 * 1024 * 1024 };
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_holds holds = {0};
    rg_arena_init(&arena, ARENA);
    rg_status status = fold_log(directory, &arena, &holds);
    if (!rg_is_ok(status)) {
        audit_holds_done(&holds);
        return status;
    }
    *out_holds = holds;
    return RG_OK;
}
