/* SPDX-License-Identifier: Apache-2.0 */
/* Names of records: looked up, referred to, unique. */
#include <stdlib.h>

#include "proxy/config_private.h"

static const struct rg_schema_head *record_at(const struct config_records *records, size_t record_size, size_t at)
{
    return (const void *)((const char *)records->items + at * record_size);
}

/* The first of that name, as it stands in the files. */
static size_t find_sorted(const struct config_records *records, struct rg_slice name)
{
    size_t low = 0;
    size_t high = records->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rg_slice_compare(records->by_name[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < records->count && rg_slice_is_equal(records->by_name[low].name, name);
    return is_found ? records->by_name[low].at : records->count;
}

size_t config_record_find(const struct config_records *records, size_t record_size, struct rg_slice name)
{
    if (records->by_name != NULL) {
        return find_sorted(records, name);
    }
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

static int compare_names(const void *a, const void *b)
{
    const struct config_name *left = a;
    const struct config_name *right = b;
    int order = rg_slice_compare(left->name, right->name);
    return order != 0 ? order : (left->at > right->at) - (left->at < right->at);
}

rg_status config_check_unique(struct config_draft *draft, struct config_records *records, size_t record_size,
                              const char *what)
{
    struct config_name *rows = NULL;
    RG_TRY(rg_arena_array(draft->arena, records->count, sizeof *rows, (void **)&rows));
    for (size_t i = 0; i < records->count; i++) {
        const struct rg_schema_head *head = record_at(records, record_size, i);
        rows[i] = (struct config_name){head->name, i};
    }
    qsort(rows, records->count, sizeof *rows, compare_names);
    for (size_t i = 1; i < records->count; i++) {
        if (rows[i].name.size > 0 && rg_slice_is_equal(rows[i].name, rows[i - 1].name)) {
            struct rg_place first = record_at(records, record_size, rows[i - 1].at)->name_place;
            config_error(draft, record_at(records, record_size, rows[i].at)->name_place,
                         "%s \"%.*s\" is given twice, first in %s:%u", what, rg_slice_shown(rows[i].name),
                         rows[i].name.data, first.file, first.line);
        }
    }
    records->by_name = rows;
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
