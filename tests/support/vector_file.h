/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_VECTOR_FILE_H
#define RG_TESTS_SUPPORT_VECTOR_FILE_H

#include "base/rg_arena.h"

/* The reader of the files of tests/vectors/rewrite. A file is a head of settings, then cases; all of it is lines, and
 * what is not a directive of the present state is SQL. Included by one test, so its functions are static.
 *
 *   -- use standard.policy                    read another file's head here
 *   -- policy on=a.*,b.c for=select to=acme using=tenant_id = :tenant_id     (using= takes the rest of the line)
 *   -- policy on=a.* isolation=schema
 *   -- mask columns=a.b.c,a.b.d with=partial keep_last=4 in_predicates=allow unless=:role = 'dpo'
 *        (with= redact, null, deny, hash salt=..., constant constant=...; unless= takes the rest of the line)
 *   -- snapshot file.json                     the database's relations, a file beside this one
 *   -- claim tenant_id uuid required = 0000-...      or: -- claim regions text[] = {a,b}   or: = absent
 *   -- tenant acme schemas sales=t_acme,shared=shared
 *   -- search_path sales,shared               -- user alice      -- database bi
 *   -- lock set_local                         the second lock is on
 *   -- dialect hyper                          the upstream is Hyper
 *   -- allow_function schema.name(type, type)  one, with its commas
 *   -- allow_functions a,b                    -- deny_functions a,b
 *   -- prepared name(int4,text) = SELECT ...
 *
 *   -- case: name
 *   -- protocol: extended                     of this case; default simple
 *   -- types: 20,25                           OIDs of the Parse message, of this case; makes it extended
 *   -- escaped                                \xNN in the SQL is one byte
 *   -- class: READ    -- effect: BEGIN    -- tag: SET    -- relations: sales.orders,shared.regions
 *   SELECT ...
 *   -- expect:                                what follows must be sent; statements are parted by "-- and:"
 *   -- unchanged                              what was asked must be sent
 *   -- allow                                  only the decision is known yet
 *   -- refuse: 42501 rule.name                the rule may be missing; "?" is any SQLSTATE, until accepted
 */

enum vector_result { VECTOR_MISSING = 0, VECTOR_EXPECT, VECTOR_UNCHANGED, VECTOR_ALLOW, VECTOR_REFUSE };

struct vector_case {
    struct vector_case *next;
    struct rg_slice name;
    size_t line;
    struct rg_slice head; /* as written, from "-- case:" up to the result */
    struct rg_slice sql;
    bool is_extended;
    bool is_escaped;
    struct rg_slice class_name;
    struct rg_slice effect;
    struct rg_slice tag;
    struct rg_slice relations;
    struct rg_slice types;
    enum vector_result result;
    struct rg_slice text; /* of VECTOR_EXPECT, or what stands after "-- refuse:" */
};

struct vector_file {
    struct rg_slice head;
    struct vector_case *first;
    size_t count;
};

struct vector_line {
    struct rg_slice all;  /* with its newline */
    struct rg_slice text; /* without */
};

static inline bool vector_line_take(struct rg_slice *rest, struct vector_line *out_line)
{
    if (rest->size == 0) {
        return false;
    }
    const char *end = memchr(rest->data, '\n', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    out_line->text = rg_slice_cut(*rest, 0, size);
    out_line->all = rg_slice_cut(*rest, 0, size + 1);
    *rest = rg_slice_cut(*rest, size + 1, rest->size);
    return true;
}

static inline struct rg_slice vector_trim(struct rg_slice text)
{
    while (text.size > 0 && (unsigned char)text.data[0] <= ' ') {
        text = rg_slice_cut(text, 1, text.size);
    }
    while (text.size > 0 && (unsigned char)text.data[text.size - 1] <= ' ') {
        text.size--;
    }
    return text;
}

/* "-- word rest": true and the trimmed rest when the line is that directive. */
static inline bool vector_is(struct rg_slice line, const char *word, struct rg_slice *out_rest)
{
    struct rg_slice start = rg_slice_of(word);
    if (!rg_slice_has_prefix(line, RG_SLICE("-- ")) || !rg_slice_has_prefix(rg_slice_cut(line, 3, line.size), start)) {
        return false;
    }
    struct rg_slice rest = rg_slice_cut(line, 3 + start.size, line.size);
    if (rest.size > 0 && rest.data[0] != ' ' && word[start.size - 1] != ':') {
        return false;
    }
    *out_rest = vector_trim(rest);
    return true;
}

/* The part before the separator, trimmed; rest moves behind it. */
static inline struct rg_slice vector_take(struct rg_slice *rest, char separator)
{
    const char *at = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    size_t size = at == NULL ? rest->size : (size_t)(at - rest->data);
    struct rg_slice part = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, rest->size);
    return vector_trim(part);
}

static inline bool vector_attribute(struct vector_case *row, struct rg_slice line)
{
    struct rg_slice rest = {0};
    const struct {
        const char *word;
        struct rg_slice *value;
    } texts[] = {{"class:", &row->class_name},
                 {"effect:", &row->effect},
                 {"tag:", &row->tag},
                 {"relations:", &row->relations},
                 {"types:", &row->types}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (vector_is(line, texts[i].word, texts[i].value)) {
            return true;
        }
    }
    if (vector_is(line, "escaped", &rest)) {
        row->is_escaped = true;
        return true;
    }
    if (vector_is(line, "protocol:", &rest)) {
        row->is_extended = rg_slice_is_equal(rest, RG_SLICE("extended"));
        return true;
    }
    return false;
}

static inline bool vector_result_line(struct vector_case *row, struct rg_slice line)
{
    static const struct {
        const char *word;
        enum vector_result result;
    } words[] = {{"expect:", VECTOR_EXPECT},
                 {"unchanged", VECTOR_UNCHANGED},
                 {"allow", VECTOR_ALLOW},
                 {"refuse:", VECTOR_REFUSE}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (vector_is(line, words[i].word, &row->text)) {
            row->result = words[i].result;
            return true;
        }
    }
    return false;
}

static inline struct rg_slice vector_between(const char *start, const char *end)
{
    return rg_slice_make(start, (size_t)(end - start));
}

/* Reads one case, the line "-- case:" being taken. Stops before the next one. */
static inline void vector_case_parse(struct vector_case *row, struct vector_line first, struct rg_slice *rest,
                                     size_t *line_number)
{
    const char *sql = NULL;
    const char *head_end = first.all.data + first.all.size;
    const char *text = NULL;
    struct rg_slice ahead = *rest;
    struct vector_line line = {0};
    struct rg_slice name = {0};
    while (vector_line_take(&ahead, &line) && !vector_is(line.text, "case:", &name)) {
        *rest = ahead;
        *line_number += 1;
        if (row->result != VECTOR_MISSING) {
            continue;
        }
        if (vector_result_line(row, line.text)) {
            text = line.all.data + line.all.size;
            continue;
        }
        head_end = line.all.data + line.all.size;
        if (sql == NULL && !vector_attribute(row, line.text)) {
            sql = line.all.data;
        }
    }
    row->head = vector_between(first.all.data, head_end);
    row->sql = sql == NULL ? (struct rg_slice){0} : vector_trim(vector_between(sql, head_end));
    if (row->result == VECTOR_EXPECT) {
        row->text = vector_trim(vector_between(text, rest->data == NULL ? text : rest->data));
    }
}

static inline rg_status vector_file_parse(struct rg_slice text, struct rg_arena *arena, struct vector_file *out_file)
{
    struct vector_file file = {0};
    struct vector_case **last = &file.first;
    struct rg_slice rest = text;
    struct vector_line line = {0};
    struct rg_slice name = {0};
    size_t number = 0;
    file.head = text;
    while (vector_line_take(&rest, &line)) {
        number++;
        if (!vector_is(line.text, "case:", &name)) {
            continue;
        }
        if (file.count == 0) {
            file.head = vector_between(text.data, line.all.data);
        }
        struct vector_case *row = NULL;
        RG_TRY(rg_arena_new(arena, &row));
        row->name = name;
        row->line = number;
        vector_case_parse(row, line, &rest, &number);
        *last = row;
        last = &row->next;
        file.count++;
    }
    *out_file = file;
    return RG_OK;
}

#endif
