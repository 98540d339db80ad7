/* SPDX-License-Identifier: Apache-2.0 */
/* How audit records look. `search` and `tail` print lines, `show` a block; both can print JSON. */
#include "cli/record.h"

#include <inttypes.h>

#include "audit/utf8.h"
#include "base/rg_clock.h"
#include "cli/text.h"

enum { LINE_TEXT_MAX = 160, LINE_NAME_MAX = 40, JSON_ARENA = 1024 * 1024 * 1024 };

/* ---- text ---- */

static uint32_t code_point(const unsigned char *bytes, size_t length)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = bytes[0] & masks[length];
    for (size_t i = 1; i < length; i++) {
        point = point << 6 | (bytes[i] & 0x3f);
    }
    return point;
}

/* Controls, and characters that have no width or turn the direction of what follows. */
static bool is_hidden(uint32_t point)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } rows[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},      {0x061c, 0x061c},
                {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f},
                {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (point >= rows[i].first && point <= rows[i].last) {
            return true;
        }
    }
    return false;
}

static void print_point(FILE *out, struct rg_slice text, size_t length, const char *indent)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    uint32_t point = length == 0 ? 0 : code_point(bytes, length);
    if (length == 0) {
        (void)fprintf(out, "\\x%02x", bytes[0]);
    } else if (indent != NULL && point == '\n') {
        (void)fprintf(out, "\n%s", indent);
    } else if (point == '\t' || (indent == NULL && point == '\n')) {
        (void)fputc(point == '\t' && indent != NULL ? '\t' : ' ', out);
    } else if (is_hidden(point)) {
        (void)fprintf(out, point < 0x80 ? "\\x%02" PRIx32 : "\\u{%" PRIx32 "}", point);
    } else {
        (void)fwrite(text.data, 1, length, out);
    }
}

void record_print_text(FILE *out, struct rg_slice text, const char *indent, size_t max_bytes)
{
    size_t at = 0;
    while (at < text.size && at < max_bytes) {
        struct rg_slice rest = rg_slice_cut(text, at, SIZE_MAX);
        size_t length = audit_utf8_length(rest);
        print_point(out, rest, length, indent);
        at += length == 0 ? 1 : length;
    }
    if (at < text.size) {
        (void)fputs("...", out);
    }
}

static void print_name(FILE *out, struct rg_slice name, int width)
{
    long before = 0;
    record_print_text(out, name.size == 0 ? RG_SLICE("-") : name, NULL, LINE_NAME_MAX);
    before = name.size == 0 ? 1 : (long)name.size;
    (void)fprintf(out, "%*s ", before < width ? (int)(width - before) : 0, "");
}

/* ---- one line ---- */

/* "dashboard.view 200 dashboard/12 "; with the verdict where it is a refusal, the phase where there are two. */
static void print_request(FILE *out, const struct audit_shown *shown)
{
    bool is_denied = rg_slice_is_equal(shown->verdict, RG_SLICE("denied"));
    record_print_text(out, shown->action.size == 0 ? shown->kind : shown->action, NULL, LINE_NAME_MAX);
    (void)fputs(is_denied ? " denied " : " ", out);
    if (!rg_slice_is_equal(shown->phase, RG_SLICE("combined"))) {
        print_name(out, shown->phase, 0);
    }
    if (shown->status != 0) {
        (void)fprintf(out, "%" PRIu64 " ", shown->status);
    }
    if (shown->object.size > 0) {
        print_name(out, shown->object, 0);
    }
    print_name(out, shown->method, 0);
    record_print_text(out, shown->path, NULL, LINE_TEXT_MAX);
    if (shown->query.size > 0) {
        (void)fputc('?', out);
        record_print_text(out, shown->query, NULL, LINE_TEXT_MAX);
    }
    (void)fputc(' ', out);
}

static void print_action(FILE *out, const struct audit_shown *shown)
{
    if (shown->request.size > 0) {
        print_request(out, shown);
        return;
    }
    if (shown->class_name.size == 0 && shown->verdict.size == 0) {
        print_name(out, shown->kind, 14);
        return;
    }
    record_print_text(out, shown->class_name, NULL, LINE_NAME_MAX);
    (void)fputc(' ', out);
    record_print_text(out, shown->verdict, NULL, LINE_NAME_MAX);
    if (!rg_slice_is_equal(shown->phase, RG_SLICE("combined"))) {
        (void)fputc(' ', out);
        record_print_text(out, shown->phase, NULL, LINE_NAME_MAX);
    }
    (void)fputc(' ', out);
}

void record_print_line(FILE *out, const struct audit_shown *shown)
{
    char time[RG_TIME_TEXT_SIZE];
    rg_clock_format(shown->hlc_us, time);
    (void)fprintf(out, "%8" PRIu64 " %s ", shown->seq, time);
    print_name(out, shown->tenant, 8);
    print_name(out, shown->user, 8);
    print_action(out, shown);
    bool has_rows = shown->has_result && shown->request.size == 0;
    if (has_rows && !rg_slice_is_equal(shown->verdict, RG_SLICE("denied"))) {
        (void)fprintf(out, "rows=%" PRIu64 " ", shown->rows);
    }
    if (shown->sqlstate.size > 0) {
        record_print_text(out, shown->sqlstate, NULL, LINE_NAME_MAX);
        (void)fputc(' ', out);
    }
    record_print_text(out, shown->sql.size > 0 ? shown->sql : shown->message, NULL, LINE_TEXT_MAX);
    (void)fputc('\n', out);
}

/* ---- a block ---- */

static void print_head(FILE *out, const char *name)
{
    (void)fprintf(out, "%-9s ", name);
}

static void print_row(FILE *out, const char *name, struct rg_slice text)
{
    if (text.size > 0) {
        print_head(out, name);
        record_print_text(out, text, NULL, SIZE_MAX);
        (void)fputc('\n', out);
    }
}

static void print_block_text(FILE *out, const char *name, struct rg_slice text)
{
    if (text.size > 0) {
        (void)fprintf(out, "%s:\n    ", name);
        record_print_text(out, text, "    ", SIZE_MAX);
        (void)fputc('\n', out);
    }
}

static void print_who(FILE *out, const struct audit_shown *shown)
{
    print_row(out, "tenant", shown->tenant);
    print_row(out, "user", shown->user);
    print_row(out, "subject", shown->subject);
    print_row(out, "idp", shown->idp);
    print_row(out, "client", shown->client);
    print_row(out, "program", shown->application);
    print_row(out, "listener", shown->listener);
    print_row(out, "database", shown->database);
    print_row(out, "upstream", shown->upstream);
    print_row(out, "session", shown->session);
    print_row(out, "statement", shown->statement);
    print_row(out, "request", shown->request);
    print_row(out, "reference", shown->reference);
    print_row(out, "guest", shown->guest);
}

static void print_what(FILE *out, const struct audit_shown *shown)
{
    print_row(out, "kind", shown->kind);
    print_row(out, "class", shown->class_name);
    print_row(out, "phase", shown->phase);
    print_row(out, "action", shown->action);
    print_row(out, "object", shown->object);
    print_row(out, "method", shown->method);
    print_row(out, "path", shown->path);
    print_row(out, "query", shown->query);
    for (size_t i = 0; i < shown->relation_count; i++) {
        print_row(out, i == 0 ? "tables" : "", shown->relations[i]);
    }
    print_block_text(out, "text", shown->sql);
    print_block_text(out, "sent", shown->sql_sent);
    print_row(out, "values", shown->binds);
}

static void print_result(FILE *out, const struct audit_shown *shown)
{
    print_row(out, "verdict", shown->verdict);
    print_row(out, "rule", shown->rule);
    print_row(out, "policy", shown->policy);
    if (shown->status != 0) {
        print_head(out, "status");
        (void)fprintf(out, "%" PRIu64 "\n", shown->status);
    }
    if (shown->has_result) {
        print_head(out, "result");
        if (shown->request.size == 0) {
            (void)fprintf(out, "%" PRIu64 " rows, ", shown->rows);
        }
        (void)fprintf(out, "%" PRIu64 " bytes, %" PRIu64 ".%03u ms\n", shown->bytes, shown->duration_us / 1000,
                      (unsigned)(shown->duration_us % 1000));
    }
    print_row(out, "digests", shown->digests);
    print_row(out, "sqlstate", shown->sqlstate);
    print_block_text(out, "message", shown->message);
    print_row(out, "more", shown->rest);
}

void record_print_block(FILE *out, const struct audit_shown *shown, struct rg_slice line)
{
    char time[RG_TIME_TEXT_SIZE];
    char hex[2 * RG_SHA256_SIZE + 1];
    rg_clock_format(shown->hlc_us, time);
    rg_digest_hex(&shown->leaf, hex);
    print_head(out, "record");
    (void)fprintf(out, "%" PRIu64, shown->seq);
    if (shown->line_count > 1) {
        (void)fprintf(out, " to %" PRIu64, shown->seq + shown->line_count - 1);
    }
    (void)fprintf(out, "\n%-9s %s\n", "when", time);
    print_who(out, shown);
    print_what(out, shown);
    print_result(out, shown);
    if (shown->is_break_glass) {
        (void)fputs("NOTE      done while the log's disk was nearly full, by a user of break_glass\n", out);
    }
    if (shown->is_unmarked) {
        (void)fputs("NOTE      a guest's statement without the marker of its view\n", out);
    }
    if (!shown->is_whole) {
        (void)fputs("NOTE      not all of the record's texts are here: run rowgate audit verify\n", out);
    }
    (void)fprintf(out, "%-9s %s (of %zu bytes)\n", "hash", hex, line.size);
}

/* ---- JSON ---- */

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new_nocheck(object, key, value);
}

static rg_status set_text(json_t *object, const char *key, struct rg_slice text, struct rg_arena *arena)
{
    char name[48];
    struct rg_slice b64 = {0};
    if (text.size == 0) {
        return RG_OK;
    }
    set(object, key, text_json(text));
    if (!audit_utf8_is_valid(text)) {
        RG_TRY(rg_base64_encode(text, arena, &b64));
        (void)snprintf(name, sizeof name, "%.40s_b64", key);
        set(object, name, text_json(b64));
    }
    return RG_OK;
}

static rg_status set_texts(json_t *object, const struct audit_shown *shown, struct rg_arena *arena)
{
    const struct {
        const char *key;
        struct rg_slice text;
    } rows[] = {{"kind", shown->kind},
                {"tenant", shown->tenant},
                {"user", shown->user},
                {"subject", shown->subject},
                {"idp", shown->idp},
                {"client", shown->client},
                {"application", shown->application},
                {"listener", shown->listener},
                {"database", shown->database},
                {"upstream", shown->upstream},
                {"session", shown->session},
                {"statement", shown->statement},
                {"request", shown->request},
                {"reference", shown->reference},
                {"guest", shown->guest},
                {"action", shown->action},
                {"object", shown->object},
                {"method", shown->method},
                {"path", shown->path},
                {"query", shown->query},
                {"class", shown->class_name},
                {"phase", shown->phase},
                {"verdict", shown->verdict},
                {"rule", shown->rule},
                {"policy", shown->policy},
                {"sqlstate", shown->sqlstate},
                {"message", shown->message},
                {"sql", shown->sql},
                {"sql_sent", shown->sql_sent}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_TRY(set_text(object, rows[i].key, rows[i].text, arena));
    }
    return RG_OK;
}

static void set_rest(json_t *object, const struct audit_shown *shown)
{
    const size_t flags = JSON_ALLOW_NUL;
    json_t *relations = json_array();
    for (size_t i = 0; i < shown->relation_count; i++) {
        (void)json_array_append_new(relations, text_json(shown->relations[i]));
    }
    set(object, "relations", relations);
    if (shown->status != 0) {
        set(object, "status", json_integer((json_int_t)shown->status));
    }
    if (shown->has_result && shown->request.size == 0) {
        set(object, "rows", json_integer((json_int_t)shown->rows));
    }
    if (shown->has_result) {
        set(object, "bytes", json_integer((json_int_t)shown->bytes));
        set(object, "duration_us", json_integer((json_int_t)shown->duration_us));
    }
    if (shown->binds.size > 0) {
        set(object, "binds", json_loadb(shown->binds.data, shown->binds.size, flags, NULL));
    }
    json_t *digests =
        shown->digests.size == 0 ? NULL : json_loadb(shown->digests.data, shown->digests.size, flags, NULL);
    (void)json_object_update(object, digests);
    json_decref(digests);
    json_t *rest = shown->rest.size == 0 ? NULL : json_loadb(shown->rest.data, shown->rest.size, flags, NULL);
    (void)json_object_update(object, rest);
    json_decref(rest);
    set(object, "break_glass", json_boolean(shown->is_break_glass));
    if (shown->is_unmarked) {
        set(object, "unmarked", json_true());
    }
    set(object, "whole", json_boolean(shown->is_whole));
}

rg_status record_print_json(const struct audit_shown *shown, struct rg_slice line)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char time[RG_TIME_TEXT_SIZE];
    char hex[2 * RG_SHA256_SIZE + 1];
    json_t *object = json_object();
    rg_arena_init(&arena, JSON_ARENA);
    rg_clock_format(shown->hlc_us, time);
    rg_digest_hex(&shown->leaf, hex);
    set(object, "seq", json_integer((json_int_t)shown->seq));
    set(object, "lines", json_integer((json_int_t)shown->line_count));
    set(object, "time", json_string(time));
    rg_status status = set_texts(object, shown, &arena);
    set_rest(object, shown);
    set(object, "sha256", json_string(hex));
    set(object, "line_bytes", json_integer((json_int_t)line.size));
    if (!rg_is_ok(status)) {
        json_decref(object);
        return status;
    }
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(object);
    return RG_OK;
}
