/* SPDX-License-Identifier: Apache-2.0 */
/* From a record to what it is found by. The same terms are made of a record when it is indexed and when it is found, so
 * an index cannot claim what the log does not say. */
#include "audit/search_terms.h"

#include "audit/utf8.h"

enum { TERMS_FIXED = 3 + AUDIT_ACTIONS_MAX };

static rg_status make_term(char prefix, struct rg_slice value, struct rg_arena *arena, struct rg_slice *out_term)
{
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, value.size + 1, &memory));
    char *bytes = memory;
    bytes[0] = prefix;
    if (value.size > 0) {
        memcpy(bytes + 1, value.data, value.size);
    }
    *out_term = rg_slice_make(bytes, value.size + 1);
    return RG_OK;
}

static rg_status add_term(struct rg_slice *terms, size_t *count, char prefix, struct rg_slice value,
                          struct rg_arena *arena)
{
    if (value.size == 0) {
        return RG_OK;
    }
    RG_TRY(make_term(prefix, value, arena, &terms[*count]));
    (*count)++;
    return RG_OK;
}

static rg_status lower(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_text)
{
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, text.size + 1, &memory));
    char *bytes = memory;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        bytes[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    *out_text = rg_slice_make(bytes, text.size);
    return RG_OK;
}

rg_status audit_search_actions(const struct audit_shown *shown, struct rg_arena *arena,
                               struct rg_slice out_actions[AUDIT_ACTIONS_MAX], size_t *out_count)
{
    size_t count = 0;
    bool is_login_failed = rg_slice_is_equal(shown->kind, RG_SLICE("login.failed"));
    out_actions[count++] = shown->kind;
    if (shown->class_name.size > 0) {
        RG_TRY(lower(shown->class_name, arena, &out_actions[count]));
        count++;
    }
    if (shown->verdict.size > 0) {
        out_actions[count++] = shown->verdict;
    }
    if (shown->sqlstate.size > 0 || is_login_failed) {
        out_actions[count++] = RG_SLICE("failed");
    }
    *out_count = count;
    return RG_OK;
}

/* The table without its schema: behind the first dot. */
static struct rg_slice table_of(struct rg_slice relation)
{
    const char *dot = relation.size == 0 ? NULL : memchr(relation.data, '.', relation.size);
    return dot == NULL ? (struct rg_slice){0} : rg_slice_cut(relation, (size_t)(dot - relation.data) + 1, SIZE_MAX);
}

static rg_status add_terms(const struct audit_shown *shown, struct rg_arena *arena, struct rg_slice *terms,
                           size_t *count)
{
    struct rg_slice actions[AUDIT_ACTIONS_MAX];
    size_t action_count = 0;
    RG_TRY(audit_search_actions(shown, arena, actions, &action_count));
    RG_TRY(add_term(terms, count, 't', shown->tenant, arena));
    RG_TRY(add_term(terms, count, 's', shown->subject, arena));
    RG_TRY(add_term(terms, count, 's', shown->user, arena));
    for (size_t i = 0; i < action_count; i++) {
        RG_TRY(add_term(terms, count, 'a', actions[i], arena));
    }
    for (size_t i = 0; i < shown->relation_count; i++) {
        RG_TRY(add_term(terms, count, 'r', shown->relations[i], arena));
        RG_TRY(add_term(terms, count, 'r', table_of(shown->relations[i]), arena));
    }
    return RG_OK;
}

/* Statement and message as UTF-8 without NUL. */
static rg_status make_text(const struct audit_shown *shown, struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    bool is_whole = false;
    rg_buf_init(&text, AUDIT_WALK_MAX);
    if (shown->sql.size > 0) {
        RG_TRY(audit_utf8_put_readable(shown->sql, SIZE_MAX, &text, &is_whole));
    }
    if (shown->message.size > 0) {
        RG_TRY(rg_buf_put_u8(&text, '\n'));
        RG_TRY(audit_utf8_put_readable(shown->message, SIZE_MAX, &text, &is_whole));
    }
    void *memory = NULL;
    struct rg_slice readable = rg_buf_slice(&text);
    RG_TRY(rg_arena_alloc(arena, readable.size + 1, &memory));
    char *bytes = memory;
    for (size_t i = 0; i < readable.size; i++) {
        bytes[i] = readable.data[i] == '\0' ? ' ' : readable.data[i];
    }
    *out_text = rg_slice_make(bytes, readable.size);
    return RG_OK;
}

rg_status audit_terms_of(const struct audit_shown *shown, struct rg_arena *arena, struct audit_index_row *out_row)
{
    void *memory = NULL;
    size_t count = 0;
    RG_TRY(rg_arena_array(arena, TERMS_FIXED + 2 * shown->relation_count, sizeof(struct rg_slice), &memory));
    struct rg_slice *terms = memory;
    struct audit_index_row row = {.leaf = shown->leaf, .hlc_us = shown->hlc_us};
    RG_TRY(add_terms(shown, arena, terms, &count));
    RG_TRY(make_text(shown, arena, &row.text));
    row.place.seq = shown->seq;
    row.terms = terms;
    row.term_count = count;
    *out_row = row;
    return RG_OK;
}

static size_t count_points(struct rg_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += ((unsigned char)text.data[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

rg_status audit_terms_query(const struct audit_criteria *criteria, struct rg_arena *arena,
                            struct audit_index_query *out_query)
{
    /* the rarest first: the index starts from it */
    const struct {
        char prefix;
        struct rg_slice value;
    } rows[] = {{'r', criteria->table}, {'s', criteria->subject}, {'a', criteria->action}, {'t', criteria->tenant}};
    void *memory = NULL;
    size_t count = 0;
    if (criteria->text.size > 0 && !audit_utf8_is_valid(criteria->text)) {
        return rg_fail(RG_CONFIG, "the text to look for is not UTF-8");
    }
    RG_TRY(rg_arena_array(arena, AUDIT_INDEX_TERMS_MAX, sizeof(struct rg_slice), &memory));
    struct rg_slice *terms = memory;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_TRY(add_term(terms, &count, rows[i].prefix, rows[i].value, arena));
    }
    bool is_asked = count_points(criteria->text) >= AUDIT_INDEX_TEXT_MIN;
    *out_query = (struct audit_index_query){.terms = terms,
                                            .term_count = count,
                                            .text = is_asked ? criteria->text : (struct rg_slice){0},
                                            .since_us = criteria->since_us,
                                            .until_us = criteria->until_us,
                                            .is_newest_first = criteria->limit != UINT64_MAX};
    return RG_OK;
}

static bool has_term(const struct audit_index_row *row, struct rg_slice term)
{
    for (size_t i = 0; i < row->term_count; i++) {
        if (rg_slice_is_equal(row->terms[i], term)) {
            return true;
        }
    }
    return false;
}

bool audit_terms_hold(const struct audit_index_row *row, const struct audit_index_query *query)
{
    for (size_t i = 0; i < query->term_count; i++) {
        if (!has_term(row, query->terms[i])) {
            return false;
        }
    }
    return row->hlc_us >= query->since_us && row->hlc_us < query->until_us;
}

static char fold(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool is_at(struct rg_slice text, size_t at, struct rg_slice part)
{
    for (size_t i = 0; i < part.size; i++) {
        if (fold(text.data[at + i]) != fold(part.data[i])) {
            return false;
        }
    }
    return true;
}

static bool contains(struct rg_slice text, struct rg_slice part)
{
    for (size_t at = 0; part.size <= text.size && at <= text.size - part.size; at++) {
        if (is_at(text, at, part)) {
            return true;
        }
    }
    return false;
}

bool audit_terms_has_text(const struct audit_shown *shown, struct rg_slice text)
{
    return text.size == 0 || contains(shown->sql, text) || contains(shown->message, text);
}
