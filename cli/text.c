/* SPDX-License-Identifier: Apache-2.0 */
/* Printing and reading that every subcommand needs: terminals are protected from what files hold, JSON from what is
 * not UTF-8. */
#include "cli/text.h"

#include "base/rg_buf.h"
#include "base/rg_memory.h"

void text_print(FILE *out, struct rg_slice text, bool is_block)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool is_kept = (byte >= 0x20 && byte != 0x7f) || (is_block && (byte == '\n' || byte == '\t'));
        (void)fputc(is_kept ? byte : '?', out);
    }
}

void text_print_place(FILE *out, struct rg_place place)
{
    if (place.file != NULL) {
        text_print(out, rg_slice_of(place.file), false);
        (void)fprintf(out, ":%u:%u: ", place.line, place.column);
    }
}

void text_print_json(json_t *object)
{
    if (object == NULL) {
        (void)puts("{}");
        return;
    }
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    (void)putchar('\n');
    json_decref(object);
}

json_t *text_json(struct rg_slice text)
{
    json_t *whole = json_stringn(text.data == NULL ? "" : text.data, text.size);
    if (whole != NULL) {
        return whole;
    }
    char *copy = rg_memory_alloc(text.size + 1);
    for (size_t i = 0; i < text.size; i++) {
        copy[i] = (unsigned char)text.data[i] < 0x80 ? text.data[i] : '?';
    }
    whole = json_stringn(copy, text.size);
    rg_memory_free(copy);
    return whole;
}

json_t *text_json_place(struct rg_place place)
{
    if (place.file == NULL) {
        return json_null();
    }
    return json_pack("{s:o, s:i, s:i}", "file", text_json(rg_slice_of(place.file)), "line", (int)place.line, "column",
                     (int)place.column);
}

const char *text_severity(enum rg_severity severity)
{
    return severity == RG_SEVERITY_ERROR ? "error" : "warning";
}

static void print_plain(const struct rg_finding *finding)
{
    text_print_place(stdout, finding->place);
    (void)printf("%s: ", text_severity(finding->severity));
    text_print(stdout, finding->text, false);
    if (finding->rule != NULL) {
        (void)printf(" [%s]\n    hint: %s", finding->rule, finding->hint);
    }
    (void)putchar('\n');
}

static void print_object(const struct rg_finding *finding)
{
    const char *file = finding->place.file == NULL ? "" : finding->place.file;
    text_print_json(json_pack("{s:s, s:o, s:i, s:i, s:o, s:s, s:s}", "severity", text_severity(finding->severity),
                              "file", text_json(rg_slice_of(file)), "line", (int)finding->place.line, "column",
                              (int)finding->place.column, "text", text_json(finding->text), "rule",
                              finding->rule == NULL ? "" : finding->rule, "hint",
                              finding->hint == NULL ? "" : finding->hint));
}

void text_print_finding(const struct rg_finding *finding, bool is_json)
{
    is_json ? print_object(finding) : print_plain(finding);
}

void text_print_errors(const struct rg_diag *diag)
{
    for (const struct rg_finding *finding = diag->first; finding != NULL; finding = finding->next) {
        if (finding->severity == RG_SEVERITY_ERROR) {
            text_print_place(stderr, finding->place);
            text_print(stderr, finding->text, false);
            (void)fputc('\n', stderr);
        }
    }
}

bool text_load_config(const char *command, const char *path, struct rg_diag *diag, struct config **out_config)
{
    rg_status status = config_load(path, diag, out_config);
    if (rg_is_ok(status)) {
        return true;
    }
    (void)fprintf(stderr, "rowgate %s: %s\n", command, status.error->text);
    text_print_errors(diag);
    return false;
}

static rg_status read_all(FILE *file, const char *path, struct rg_buf *buf)
{
    enum { CHUNK = 1 << 16 };
    for (;;) {
        char *room = NULL;
        RG_TRY(rg_buf_reserve(buf, CHUNK, &room));
        size_t size = fread(room, 1, CHUNK, file);
        rg_buf_commit(buf, size);
        if (size == 0) {
            return ferror(file) == 0 ? RG_OK : rg_fail(RG_STORAGE, "%s cannot be read", path);
        }
    }
}

rg_status text_read(const char *path, size_t limit_bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf = {0};
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (file == NULL) {
        return rg_fail(RG_STORAGE, "%s cannot be opened", path);
    }
    rg_buf_init(&buf, limit_bytes + (1 << 17));
    rg_status status = read_all(file, path, &buf);
    if (!is_stdin) {
        (void)fclose(file);
    }
    RG_TRY(status);
    if (rg_buf_size(&buf) > limit_bytes) {
        return rg_fail(RG_LIMIT, "%s has more than %zu bytes", path, limit_bytes);
    }
    return rg_arena_copy(arena, rg_buf_slice(&buf), out_text);
}

static rg_status read_relations(const char *path, struct policy_relations **out_relations)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice text = {"", 0};
    rg_arena_init(&arena, (size_t)POLICY_RELATIONS_TEXT_MAX + 4096);
    RG_TRY(text_read(path, POLICY_RELATIONS_TEXT_MAX, &arena, &text));
    return policy_relations_parse(text, out_relations);
}

bool text_load_relations(const char *command, const char *path, struct policy_relations **out_relations)
{
    rg_status status = path == NULL ? RG_OK : read_relations(path, out_relations);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate %s: --relations: %s\n", command, status.error->text);
    }
    return rg_is_ok(status);
}
