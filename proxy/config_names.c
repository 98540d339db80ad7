/* SPDX-License-Identifier: Apache-2.0 */
/* Names of records: looked up, referred to, unique. */
#include <stdlib.h>

#include "proxy/config_private.h"

static const struct rg_schema_head *record_at(const struct config_records *records, size_t record_size, size_t at)
{
    return (const void *)((const char *)records->items + at * record_size);
}

size_t config_record_find(const struct config_records *records, size_t record_size, struct rg_slice name)
{
    for (size_t i = 0; i < records->count; i++) {
        if (rg_slice_is_equal(record_at(records, record_size, i)->name, name)) {
            return i;
        }
    }
    return records->count;
}

struct named {
    const struct config_records *records;
    size_t record_size;
};

static const char *name_at(const void *list, size_t at)
{
    const struct named *named = list;
    const char *name = record_at(named->records, named->record_size, at)->name.data;
    return name == NULL ? "" : name;
}

bool config_refer(struct config_draft *draft, const struct config_records *records, size_t record_size,
                  const char *what, const struct rg_schema_string *text, size_t *out_at)
{
    size_t at = config_record_find(records, record_size, text->text);
    if (at < records->count) {
        *out_at = at;
        return true;
    }
    const struct named named = {records, record_size};
    const char *near = rg_schema_nearest(text->text, name_at, &named, records->count);
    config_error(draft, text->place, "no %s is named \"%.*s\"%s%s%s", what, rg_slice_shown(text->text), text->text.data,
                 near == NULL ? "" : ", did you mean \"", near == NULL ? "" : near, near == NULL ? "" : "\"?");
    return false;
}

struct name_row {
    struct rg_slice name;
    struct rg_place place;
    size_t at;
};

static int compare_rows(const void *a, const void *b)
{
    const struct name_row *left = a;
    const struct name_row *right = b;
    size_t shared = left->name.size < right->name.size ? left->name.size : right->name.size;
    int order = shared == 0 ? 0 : memcmp(left->name.data, right->name.data, shared);
    if (order == 0) {
        order = (left->name.size > right->name.size) - (left->name.size < right->name.size);
    }
    return order != 0 ? order : (left->at > right->at) - (left->at < right->at);
}

rg_status config_check_unique(struct config_draft *draft, const struct config_records *records, size_t record_size,
                              const char *what)
{
    struct name_row *rows = NULL;
    RG_TRY(rg_arena_array(draft->arena, records->count, sizeof *rows, (void **)&rows));
    for (size_t i = 0; i < records->count; i++) {
        const struct rg_schema_head *head = record_at(records, record_size, i);
        rows[i] = (struct name_row){head->name, head->name_place, i};
    }
    qsort(rows, records->count, sizeof *rows, compare_rows);
    for (size_t i = 1; i < records->count; i++) {
        if (rows[i].name.size > 0 && rg_slice_is_equal(rows[i].name, rows[i - 1].name)) {
            config_error(draft, rows[i].place, "%s \"%.*s\" is given twice, first in %s:%u", what,
                         rg_slice_shown(rows[i].name), rows[i].name.data, rows[i - 1].place.file,
                         rows[i - 1].place.line);
        }
    }
    return RG_OK;
}

static bool is_name_byte(char byte, bool is_first)
{
    bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
    return is_letter || (!is_first && ((byte >= '0' && byte <= '9') || byte == '-'));
}

bool config_is_name(struct rg_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!is_name_byte(name.data[i], i == 0)) {
            return false;
        }
    }
    return name.size > 0 && name.size <= CONFIG_NAME_MAX;
}
