/* SPDX-License-Identifier: Apache-2.0 */
/* One reader for each type of value that a key may have. A reader reports what is wrong with the value and
 * leaves the member as it was; it fails only when memory is full. */
#include <stdio.h>

#include "base/rg_memory.h"
#include "base/rg_schema_private.h"

#define reading_error(reading, place, ...) rg_diag_error((reading)->context->diag, (place), __VA_ARGS__)

static bool has_type(const struct rg_schema_reading *reading, const struct rg_toml_node *node, enum rg_toml_type type)
{
    if (node->type != type) {
        reading_error(reading, node->place, "\"%s\" must be %s, not %s", reading->key->name, rg_toml_type_name(type),
                      rg_toml_type_name(node->type));
        return false;
    }
    if (type == RG_TOML_STRING && node->text.size > 0 && memchr(node->text.data, '\0', node->text.size) != NULL) {
        reading_error(reading, node->place, "\"%s\" must not hold a NUL character", reading->key->name);
        return false;
    }
    return true;
}

static struct rg_schema_string string_of(const struct rg_toml_node *node)
{
    return (struct rg_schema_string){node->text, node->place, node->key, node->key_place, true};
}

static rg_status read_string(const struct rg_schema_reading *reading)
{
    struct rg_schema_string *member = reading->member;
    if (has_type(reading, reading->node, RG_TOML_STRING)) {
        if (reading->node->text.size == 0) {
            reading_error(reading, reading->node->place, "\"%s\" must not be empty", reading->key->name);
        }
        *member = string_of(reading->node);
    }
    return RG_OK;
}

static struct rg_slice directory_of(struct rg_place place)
{
    struct rg_slice file = rg_slice_of(place.file);
    while (file.size > 0 && file.data[file.size - 1] != '/') {
        file.size -= 1;
    }
    return file.size > 1 ? rg_slice_cut(file, 0, file.size - 1) : file;
}

static rg_status read_path(const struct rg_schema_reading *reading)
{
    struct rg_schema_string *member = reading->member;
    RG_TRY(read_string(reading));
    struct rg_slice directory = directory_of(reading->node->place);
    if (member->text.size > 0 && member->text.data[0] != '/' && directory.size > 0) {
        RG_TRY(rg_arena_printf(reading->context->arena, &member->text, "%.*s/%.*s", (int)directory.size, directory.data,
                               (int)member->text.size, member->text.data));
    }
    return RG_OK;
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL) {
        count += 1;
    }
    return count;
}

static const char *word_at(const void *list, size_t at)
{
    const char *const *words = list;
    return words[at];
}

static void report_unknown_word(const struct rg_schema_reading *reading, const struct rg_toml_node *node)
{
    char list[256] = "";
    size_t used = 0;
    const char *const *words = reading->key->words;
    for (size_t i = 0; words[i] != NULL && used < sizeof list - 64; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s\"%s\"", i == 0 ? "" : ", ", words[i]);
    }
    const char *near = rg_schema_nearest(node->text, word_at, words, count_words(words));
    reading_error(reading, node->place, "\"%s\" cannot be \"%.*s\"%s%s%s; one of %s", reading->key->name,
                  rg_slice_shown(node->text), node->text.data, near == NULL ? "" : ", did you mean \"",
                  near == NULL ? "" : near, near == NULL ? "" : "\"?", list);
}

static bool find_word(const struct rg_schema_reading *reading, const struct rg_toml_node *node, unsigned *out_word)
{
    if (!has_type(reading, node, RG_TOML_STRING)) {
        return false;
    }
    for (unsigned i = 0; reading->key->words[i] != NULL; i++) {
        if (rg_slice_is_equal(node->text, rg_slice_of(reading->key->words[i]))) {
            *out_word = i;
            return true;
        }
    }
    report_unknown_word(reading, node);
    return false;
}

static rg_status read_word(const struct rg_schema_reading *reading)
{
    struct rg_schema_word *member = reading->member;
    unsigned word = 0;
    if (find_word(reading, reading->node, &word)) {
        *member = (struct rg_schema_word){word, reading->node->place, true};
    }
    return RG_OK;
}

static rg_status read_words(const struct rg_schema_reading *reading)
{
    struct rg_schema_word *member = reading->member;
    if (!has_type(reading, reading->node, RG_TOML_ARRAY)) {
        return RG_OK;
    }
    if (reading->node->child_count == 0) {
        reading_error(reading, reading->node->place, "\"%s\" must not be empty", reading->key->name);
    }
    struct rg_schema_word set = {0, reading->node->place, true};
    for (const struct rg_toml_node *item = reading->node->first; item != NULL; item = item->next) {
        unsigned word = 0;
        if (find_word(reading, item, &word)) {
            if ((set.word & (1U << word)) != 0) {
                reading_error(reading, item->place, "\"%.*s\" is given twice", rg_slice_shown(item->text),
                              item->text.data);
            }
            set.word |= 1U << word;
        }
    }
    *member = set;
    return RG_OK;
}

static rg_status store_number(const struct rg_schema_reading *reading, int64_t value,
                              const char *(*show)(int64_t, char[32]))
{
    const struct rg_schema_key *key = reading->key;
    struct rg_schema_number *member = reading->member;
    char bound[32];
    if (value < key->minimum) {
        reading_error(reading, reading->node->place, "\"%s\" must be at least %s", key->name,
                      show(key->minimum, bound));
    } else if (key->maximum != 0 && value > key->maximum) {
        reading_error(reading, reading->node->place, "\"%s\" must be at most %s", key->name, show(key->maximum, bound));
    } else {
        *member = (struct rg_schema_number){value, reading->node->place, true};
    }
    return RG_OK;
}

static const char *show_plain(int64_t value, char out_text[32])
{
    (void)snprintf(out_text, 32, "%lld", (long long)value);
    return out_text;
}

static const char *show_duration(int64_t value, char out_text[32])
{
    bool is_whole = value % 1000000 == 0;
    (void)snprintf(out_text, 32, "%lld%s", (long long)(is_whole ? value / 1000000 : value / 1000),
                   is_whole ? "s" : "ms");
    return out_text;
}

static const char *show_size(int64_t value, char out_text[32])
{
    bool is_whole = value % 1024 == 0 && value > 0;
    (void)snprintf(out_text, 32, "%lld%s", (long long)(is_whole ? value / 1024 : value), is_whole ? "KiB" : "B");
    return out_text;
}

static rg_status read_integer(const struct rg_schema_reading *reading)
{
    return has_type(reading, reading->node, RG_TOML_INTEGER) ? store_number(reading, reading->node->integer, show_plain)
                                                             : RG_OK;
}

static rg_status read_bool(const struct rg_schema_reading *reading)
{
    struct rg_schema_number *member = reading->member;
    if (has_type(reading, reading->node, RG_TOML_BOOL)) {
        *member = (struct rg_schema_number){reading->node->boolean ? 1 : 0, reading->node->place, true};
    }
    return RG_OK;
}

static rg_status read_unit(const struct rg_schema_reading *reading, bool (*parse)(struct rg_slice, int64_t *),
                           const char *(*show)(int64_t, char[32]), const char *examples)
{
    const struct rg_toml_node *node = reading->node;
    int64_t value = 0;
    if (node->type == RG_TOML_INTEGER || node->type == RG_TOML_FLOAT) {
        reading_error(reading, node->place, "\"%s\" needs a unit: %s", reading->key->name, examples);
    } else if (has_type(reading, node, RG_TOML_STRING)) {
        if (parse(node->text, &value)) {
            return store_number(reading, value, show);
        }
        reading_error(reading, node->place, "\"%s\" cannot be \"%.*s\": a whole number with a unit, %s",
                      reading->key->name, rg_slice_shown(node->text), node->text.data, examples);
    }
    return RG_OK;
}

static rg_status read_duration(const struct rg_schema_reading *reading)
{
    return read_unit(reading, rg_duration_parse, show_duration, "\"500ms\", \"30s\", \"5m\", \"1h\"");
}

static rg_status read_size(const struct rg_schema_reading *reading)
{
    return read_unit(reading, rg_size_parse, show_size, "\"512B\", \"64KiB\", \"64MiB\"");
}

/* Lists and maps of strings are stored alike. */
static rg_status read_items(const struct rg_schema_reading *reading, enum rg_toml_type container)
{
    const struct rg_toml_node *node = reading->node;
    struct rg_schema_list *member = reading->member;
    struct rg_schema_string *items = NULL;
    if (!has_type(reading, node, container)) {
        return RG_OK;
    }
    if (node->child_count == 0) {
        reading_error(reading, node->place, "\"%s\" must not be empty", reading->key->name);
    }
    RG_TRY(rg_arena_array(reading->context->arena, node->child_count, sizeof *items, (void **)&items));
    size_t count = 0;
    for (const struct rg_toml_node *item = node->first; item != NULL; item = item->next) {
        if (has_type(reading, item, RG_TOML_STRING)) {
            if (item->text.size == 0) {
                reading_error(reading, item->place, "\"%s\" must not hold an empty string", reading->key->name);
            }
            items[count++] = string_of(item);
        }
    }
    *member = (struct rg_schema_list){count, items, node->place, true};
    return RG_OK;
}

static rg_status read_strings(const struct rg_schema_reading *reading)
{
    return read_items(reading, RG_TOML_ARRAY);
}

static rg_status read_string_or_list(const struct rg_schema_reading *reading)
{
    const struct rg_toml_node *node = reading->node;
    struct rg_schema_list *member = reading->member;
    struct rg_schema_string *item = NULL;
    if (node->type != RG_TOML_STRING) {
        return read_items(reading, RG_TOML_ARRAY);
    }
    RG_TRY(rg_arena_new(reading->context->arena, &item));
    *item = string_of(node);
    *member = (struct rg_schema_list){1, item, node->place, true};
    return RG_OK;
}

static rg_status read_map(const struct rg_schema_reading *reading)
{
    return read_items(reading, RG_TOML_TABLE);
}

static void keep_secret(struct rg_schema_secrets *secrets, struct rg_secret *secret)
{
    if (secrets->count == secrets->capacity) {
        secrets->capacity = secrets->capacity == 0 ? 8 : secrets->capacity * 2;
        secrets->items = rg_memory_resize(secrets->items, secrets->capacity * sizeof(struct rg_secret *));
    }
    secrets->items[secrets->count++] = secret;
}

void rg_schema_secrets_done(struct rg_schema_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        rg_secret_free(&secrets->items[i]);
    }
    rg_memory_free(secrets->items);
    *secrets = (struct rg_schema_secrets){0};
}

static rg_status store_secret(const struct rg_schema_reading *reading, rg_status loaded, struct rg_secret *secret)
{
    struct rg_schema_secret *member = reading->member;
    *member = (struct rg_schema_secret){NULL, reading->node->place, true};
    if (!rg_is_ok(loaded)) {
        reading_error(reading, reading->node->place, "\"%s\": %s", reading->key->name, loaded.error->text);
        return RG_OK;
    }
    keep_secret(reading->context->secrets, secret);
    member->secret = secret;
    return RG_OK;
}

static rg_status read_secret(const struct rg_schema_reading *reading)
{
    const struct rg_toml_node *node = reading->node;
    struct rg_secret *secret = NULL;
    if (!has_type(reading, node, RG_TOML_STRING)) {
        return RG_OK;
    }
    bool is_reference = rg_secret_is_reference(node->text);
    if (!is_reference) {
        rg_diag_warning(reading->context->diag, node->place,
                        "\"%s\" is written out in this file; use file:PATH, env:NAME or cred:NAME", reading->key->name);
    }
    rg_status status = is_reference ? rg_secret_load(node->text, directory_of(node->place), &secret)
                                    : rg_secret_new(node->text, &secret);
    return store_secret(reading, status, secret);
}

static rg_status load_pem(const struct rg_toml_node *node, struct rg_secret **out_secret)
{
    struct rg_slice directory = directory_of(node->place);
    if (rg_secret_is_reference(node->text)) {
        return rg_secret_load(node->text, directory, out_secret);
    }
    rg_status status = rg_secret_load_file(node->text, directory, out_secret);
    if (!rg_is_ok(status)) {
        char text[sizeof status.error->text];
        (void)snprintf(text, sizeof text, "%s", status.error->text); /* rg_fail writes over it */
        return rg_fail(status.error->kind, "%.*s %s", rg_slice_shown(node->text), node->text.data, text);
    }
    return RG_OK;
}

static rg_status read_pem(const struct rg_schema_reading *reading)
{
    const struct rg_toml_node *node = reading->node;
    struct rg_secret *secret = NULL;
    if (!has_type(reading, node, RG_TOML_STRING)) {
        return RG_OK;
    }
    if (rg_slice_has_prefix(node->text, RG_SLICE("-----BEGIN"))) {
        reading_error(reading, node->place, "\"%s\" is the path of a PEM file or a reference, not its content",
                      reading->key->name);
        return RG_OK;
    }
    rg_status status = load_pem(node, &secret);
    if (rg_is_ok(status) && !rg_slice_has_prefix(rg_secret_slice(secret), RG_SLICE("-----BEGIN ")) &&
        strstr(rg_secret_slice(secret).data, "\n-----BEGIN ") == NULL) {
        rg_secret_free(&secret);
        status = rg_fail(RG_CONFIG, "%.*s holds no PEM block", rg_slice_shown(node->text), node->text.data);
    }
    return store_secret(reading, status, secret);
}

static rg_status read_table(const struct rg_schema_reading *reading)
{
    if (!has_type(reading, reading->node, RG_TOML_TABLE)) {
        return RG_OK;
    }
    struct rg_schema_head *head = reading->member;
    *head = (struct rg_schema_head){{NULL, 0}, reading->node->key_place, reading->node->place, true};
    return rg_schema_read(reading->context, reading->key->table, reading->node, reading->member);
}

static rg_status read_tables(const struct rg_schema_reading *reading)
{
    const struct rg_schema *schema = reading->key->table;
    struct rg_schema_tables *member = reading->member;
    char *items = NULL;
    size_t count = 0;
    if (!has_type(reading, reading->node, RG_TOML_ARRAY)) {
        return RG_OK;
    }
    RG_TRY(rg_arena_array(reading->context->arena, reading->node->child_count, schema->record_size, (void **)&items));
    for (const struct rg_toml_node *item = reading->node->first; item != NULL; item = item->next) {
        if (has_type(reading, item, RG_TOML_TABLE)) {
            struct rg_schema_head *head = (void *)(items + count++ * schema->record_size);
            *head = (struct rg_schema_head){{NULL, 0}, item->place, item->place, true};
            RG_TRY(rg_schema_read(reading->context, schema, item, head));
        }
    }
    *member = (struct rg_schema_tables){count, items, reading->node->place, true};
    return RG_OK;
}

static rg_status read_node(const struct rg_schema_reading *reading)
{
    memcpy(reading->member, &reading->node, sizeof reading->node);
    return RG_OK;
}

static rg_status refuse_unsupported(const struct rg_schema_reading *reading)
{
    reading_error(reading, reading->node->key_place, "\"%s\" is not supported yet in %s", reading->key->name,
                  reading->schema->title);
    return RG_OK;
}

const struct rg_schema_reader rg_schema_readers[] = {
    [RG_SCHEMA_UNSUPPORTED] = {refuse_unsupported, "not supported yet", 0},
    [RG_SCHEMA_STRING] = {read_string, "string", offsetof(struct rg_schema_string, is_given)},
    [RG_SCHEMA_PATH] = {read_path, "path", offsetof(struct rg_schema_string, is_given)},
    [RG_SCHEMA_WORD] = {read_word, "word", offsetof(struct rg_schema_word, is_given)},
    [RG_SCHEMA_WORDS] = {read_words, "list of words", offsetof(struct rg_schema_word, is_given)},
    [RG_SCHEMA_INTEGER] = {read_integer, "integer", offsetof(struct rg_schema_number, is_given)},
    [RG_SCHEMA_BOOL] = {read_bool, "boolean", offsetof(struct rg_schema_number, is_given)},
    [RG_SCHEMA_DURATION] = {read_duration, "duration", offsetof(struct rg_schema_number, is_given)},
    [RG_SCHEMA_SIZE] = {read_size, "size", offsetof(struct rg_schema_number, is_given)},
    [RG_SCHEMA_STRINGS] = {read_strings, "list of strings", offsetof(struct rg_schema_list, is_given)},
    [RG_SCHEMA_STRING_OR_LIST] = {read_string_or_list, "string or list of strings",
                                  offsetof(struct rg_schema_list, is_given)},
    [RG_SCHEMA_MAP] = {read_map, "table of strings", 0},
    [RG_SCHEMA_SECRET] = {read_secret, "secret", 0},
    [RG_SCHEMA_PEM] = {read_pem, "path or secret", 0},
    [RG_SCHEMA_TABLE] = {read_table, "table", 0},
    [RG_SCHEMA_TABLES] = {read_tables, "list of tables", 0},
    [RG_SCHEMA_NODE] = {read_node, "string or table", 0},
};
