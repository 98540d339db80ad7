/* SPDX-License-Identifier: Apache-2.0 */
/* From a record to what it is found by. The same terms are made of a record when it is indexed and when it is found, so
 * an index cannot claim what the log does not say. */
#include "audit/search_terms.h"

#include "audit/utf8.h"
#include "audit/web.h"

enum { TERMS_FIXED = 10 + AUDIT_ACTIONS_MAX, HTTP_FAILED = 400 /* statuses from here on */ };

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

static bool is_request(const struct audit_shown *shown)
{
    return rg_slice_is_equal(shown->kind, RG_SLICE("http.request"));
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
    if (shown->action.size > 0) {
        out_actions[count++] = shown->action;
    }
    if (rg_slice_is_equal(shown->kind, RG_SLICE("statement"))) {
        out_actions[count++] = RG_SLICE("query");
    }
    const char *group = audit_web_find(is_request(shown) ? shown->class_name : (struct rg_slice){0})->group;
    if (group != NULL && !rg_slice_is_equal(out_actions[1], rg_slice_of(group))) {
        out_actions[count++] = rg_slice_of(group);
    }
    if (shown->sqlstate.size > 0 || is_login_failed || shown->status >= HTTP_FAILED) {
        out_actions[count++] = RG_SLICE("failed");
    }
    if (shown->is_unmarked) {
        out_actions[count++] = RG_SLICE("unmarked");
    }
    *out_count = count;
    return RG_OK;
}

/* "dashboard" of "dashboard/12"; empty when there is no slash. */
static struct rg_slice before_slash(struct rg_slice object)
{
    const char *slash = object.size == 0 ? NULL : memchr(object.data, '/', object.size);
    return rg_slice_cut(object, 0, slash == NULL ? 0 : (size_t)(slash - object.data));
}

/* "dashboard/12,chart/5": the first one, and *objects becomes what follows. */
static struct rg_slice next_object(struct rg_slice *objects)
{
    const char *comma = memchr(objects->data, ',', objects->size);
    size_t size = comma == NULL ? objects->size : (size_t)(comma - objects->data);
    struct rg_slice object = rg_slice_cut(*objects, 0, size);
    *objects = rg_slice_cut(*objects, size + 1, SIZE_MAX);
    return object;
}

static size_t count_objects(struct rg_slice objects)
{
    size_t count = 0;
    while (objects.size > 0) {
        (void)next_object(&objects);
        count++;
    }
    return count;
}

/* The table without its schema: behind the first dot. */
static struct rg_slice table_of(struct rg_slice relation)
{
    const char *dot = relation.size == 0 ? NULL : memchr(relation.data, '.', relation.size);
    return dot == NULL ? (struct rg_slice){0} : rg_slice_cut(relation, (size_t)(dot - relation.data) + 1, SIZE_MAX);
}

/* Each object and its type; the status and its hundred; the reference. */
static rg_status add_request_terms(const struct audit_shown *shown, struct rg_arena *arena, struct rg_slice *terms,
                                   size_t *count)
{
    char status[] = "000";
    struct rg_slice objects = shown->object;
    if (!is_request(shown)) {
        RG_TRY(add_term(terms, count, 'o', shown->object, arena));
        objects = (struct rg_slice){0};
    }
    while (objects.size > 0) {
        struct rg_slice object = next_object(&objects);
        RG_TRY(add_term(terms, count, 'o', object, arena));
        RG_TRY(add_term(terms, count, 'o', before_slash(object), arena));
    }
    RG_TRY(add_term(terms, count, 'f', shown->reference, arena));
    RG_TRY(add_term(terms, count, 'g', shown->guest, arena));
    if (shown->status >= 100 && shown->status <= 999) {
        status[0] = (char)('0' + shown->status / 100);
        status[1] = (char)('0' + shown->status / 10 % 10);
        status[2] = (char)('0' + shown->status % 10);
        RG_TRY(add_term(terms, count, 'h', rg_slice_of(status), arena));
        status[1] = status[2] = 'x';
        RG_TRY(add_term(terms, count, 'h', rg_slice_of(status), arena));
    }
    return RG_OK;
}

static rg_status add_terms(const struct audit_shown *shown, struct rg_arena *arena, struct rg_slice *terms,
                           size_t *count)
{
    struct rg_slice actions[AUDIT_ACTIONS_MAX];
    size_t action_count = 0;
    RG_TRY(audit_search_actions(shown, arena, actions, &action_count));
    RG_TRY(add_term(terms, count, 't', shown->tenant, arena));
    if (shown->personal_key.size > 0) { /* sealed: nothing that is a person's stands in the index */
        RG_TRY(add_term(terms, count, 'k', shown->personal_key, arena));
        RG_TRY(add_term(terms, count, 'i', shown->personal_token, arena));
    } else {
        RG_TRY(add_term(terms, count, 's', shown->subject, arena));
        RG_TRY(add_term(terms, count, 's', shown->user, arena));
        RG_TRY(add_term(terms, count, 'i', shown->address, arena));
    }
    for (size_t i = 0; i < action_count; i++) {
        RG_TRY(add_term(terms, count, 'a', actions[i], arena));
    }
    RG_TRY(add_request_terms(shown, arena, terms, count));
    for (size_t i = 0; i < shown->relation_count; i++) {
        RG_TRY(add_term(terms, count, 'r', shown->relations[i], arena));
        RG_TRY(add_term(terms, count, 'r', table_of(shown->relations[i]), arena));
    }
    return RG_OK;
}

/* Statement, path and query, and message as UTF-8 without NUL. */
static rg_status make_text(const struct audit_shown *shown, struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    bool is_whole = false;
    rg_buf_init(&text, AUDIT_WALK_MAX);
    if (shown->sql.size > 0) {
        RG_TRY(audit_utf8_put_readable(shown->sql, SIZE_MAX, &text, &is_whole));
    }
    if (shown->path.size > 0 && (shown->personal_key.size == 0 || shown->action.size > 0)) {
        RG_TRY(audit_utf8_put_readable(shown->path, SIZE_MAX, &text, &is_whole));
    }
    if (shown->query.size > 0 && shown->personal_key.size == 0) {
        RG_TRY(rg_buf_put_u8(&text, '\n'));
        RG_TRY(audit_utf8_put_readable(shown->query, SIZE_MAX, &text, &is_whole));
    }
    if (shown->message.size > 0 && shown->personal_key.size == 0) {
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
    size_t max = TERMS_FIXED + 2 * shown->relation_count + 2 * count_objects(shown->object);
    RG_TRY(rg_arena_array(arena, max, sizeof(struct rg_slice), &memory));
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

/* ---- who, and from where ---- */

struct any {
    struct rg_slice *terms;
    size_t count;
};

/* The name or the address as it stands where records are clear, and what stands for it where they are sealed. */
static rg_status fill_any(char clear, struct rg_slice value, char sealed, struct rg_slice texts, struct rg_arena *arena,
                          struct any *out_any)
{
    void *memory = NULL;
    size_t sealed_count = texts.size / AUDIT_KEY_ID_TEXT;
    struct any any = {0};
    RG_TRY(rg_arena_array(arena, 1 + sealed_count, sizeof(struct rg_slice), &memory));
    any.terms = memory;
    RG_TRY(make_term(clear, value, arena, &any.terms[any.count++]));
    for (size_t i = 0; i < sealed_count; i++) {
        struct rg_slice text = rg_slice_cut(texts, i * AUDIT_KEY_ID_TEXT, AUDIT_KEY_ID_TEXT);
        RG_TRY(make_term(sealed, text, arena, &any.terms[any.count++]));
    }
    *out_any = any;
    return RG_OK;
}

static rg_status make_any(const struct audit_criteria *criteria, struct audit_opener *opener, struct rg_arena *arena,
                          struct any *out_any)
{
    RG_AUTO(rg_buf_done) struct rg_buf texts;
    rg_buf_init(&texts, 256 * 1024 * 1024);
    if (criteria->subject.size > 0) {
        RG_TRY(opener == NULL ? RG_OK : audit_opener_keys(opener, criteria->subject, &texts));
        return fill_any('s', criteria->subject, 'k', rg_buf_slice(&texts), arena, out_any);
    }
    if (criteria->client.size > 0) {
        RG_TRY(opener == NULL ? RG_OK : audit_opener_tokens(opener, criteria->client, &texts));
        return fill_any('i', criteria->client, 'i', rg_buf_slice(&texts), arena, out_any);
    }
    return RG_OK;
}

bool audit_terms_are_of(const struct audit_shown *shown, const struct audit_criteria *criteria)
{
    bool is_named = criteria->subject.size == 0 || rg_slice_is_equal(shown->subject, criteria->subject) ||
                    rg_slice_is_equal(shown->user, criteria->subject);
    return is_named && (criteria->client.size == 0 || rg_slice_is_equal(shown->address, criteria->client));
}

rg_status audit_terms_query(const struct audit_criteria *criteria, struct audit_opener *opener, struct rg_arena *arena,
                            struct audit_index_query *out_query)
{
    /* the rarest first: the index starts from it */
    const struct {
        char prefix;
        struct rg_slice value;
    } rows[] = {{'f', criteria->reference}, {'g', criteria->guest},  {'r', criteria->table}, {'o', criteria->object},
                {'h', criteria->status},    {'a', criteria->action}, {'t', criteria->tenant}};
    void *memory = NULL;
    size_t count = 0;
    if (criteria->text.size > 0 && !audit_utf8_is_valid(criteria->text)) {
        return rg_fail(RG_CONFIG, "the text to look for is not UTF-8");
    }
    RG_TRY(rg_arena_array(arena, AUDIT_INDEX_TERMS_MAX, sizeof(struct rg_slice), &memory));
    struct rg_slice *terms = memory;
    struct any any = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_TRY(add_term(terms, &count, rows[i].prefix, rows[i].value, arena));
    }
    RG_TRY(make_any(criteria, opener, arena, &any));
    /* what is sealed is in no index: then each candidate is opened and looked at */
    bool is_sealed = opener != NULL && audit_opener_is_open(opener);
    bool is_asked = !is_sealed && count_points(criteria->text) >= AUDIT_INDEX_TEXT_MIN;
    *out_query = (struct audit_index_query){.terms = terms,
                                            .term_count = count,
                                            .any = any.terms,
                                            .any_count = any.count,
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

/* The list is long only where many keys may be meant; a record's own key is soon found then. */
static bool is_any(const struct audit_index_query *query, struct rg_slice term)
{
    for (size_t i = 0; i < query->any_count; i++) {
        if (rg_slice_is_equal(query->any[i], term)) {
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
    bool has_any = query->any_count == 0;
    for (size_t i = 0; i < row->term_count && !has_any; i++) {
        has_any = is_any(query, row->terms[i]);
    }
    return has_any && row->hlc_us >= query->since_us && row->hlc_us < query->until_us;
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
    return text.size == 0 || contains(shown->sql, text) || contains(shown->message, text) ||
           contains(shown->path, text) || contains(shown->query, text);
}
