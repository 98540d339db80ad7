/* SPDX-License-Identifier: Apache-2.0 */
/* Where a text holds a secret, judged by its tokens alone, so that texts that do not parse are judged too. Rather too
 * much than too little, but only where a secret can be: who adds the word "password" to a query hides nothing of
 * the rest of it. Called for records and logs; decides nothing. */
#include <strings.h>

#include "policy/sql_literals_private.h"

enum { DDL_WORDS = 5 /* CREATE OR REPLACE USER; ALTER ... IF NOT EXISTS */ };

static bool is_word(const struct sql_pieces *pieces, size_t index, const char *word)
{
    if (index >= pieces->count || pieces->pieces[index].kind != SQL_PIECE_WORD) {
        return false;
    }
    struct rg_slice text = sql_piece_text(pieces, index);
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static bool is_one_of(const struct sql_pieces *pieces, size_t index, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_word(pieces, index, words[i])) {
            return true;
        }
    }
    return false;
}

/* ---- what a value says of itself ---- */

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static size_t skip(struct rg_slice text, size_t at, const char *bytes)
{
    while (at < text.size && text.data[at] != '\0' && strchr(bytes, text.data[at]) != NULL) {
        at++;
    }
    return at;
}

/* The place of word (any case) at or behind `from`; text.size when there is none. */
static size_t find_word(struct rg_slice text, size_t from, struct rg_slice word)
{
    char upper = (char)(word.data[0] - 'a' + 'A');
    for (size_t at = from; at < text.size && text.size - at >= word.size; at++) {
        bool is_start = text.data[at] == word.data[0] || text.data[at] == upper;
        if (is_start && strncasecmp(text.data + at, word.data, word.size) == 0) {
            return at;
        }
    }
    return text.size;
}

/* What follows the word makes it the name of a value: password=, "password":, PASSWORD 'x', sslpassword = ... */
static bool is_assigned(struct rg_slice text, size_t *at)
{
    while (*at < text.size && is_letter(text.data[*at])) {
        (*at)++;
    }
    *at = skip(text, *at, " \t\r\n\f\v");
    if (*at == text.size) {
        return false;
    }
    bool is_escaped =
        strchr("eEuU", text.data[*at]) != NULL && *at + 1 < text.size && strchr("'&", text.data[*at + 1]) != NULL;
    return is_escaped || strchr("='\"$:\\(", text.data[*at]) != NULL;
}

static bool ends_with(struct rg_slice text, size_t end, const char *word)
{
    size_t size = strlen(word);
    return end >= size && end <= text.size && strncasecmp(text.data + end - size, word, size) == 0;
}

/* "passw" and "pwd" both have a w, which is rare and found fast. */
static bool assigns(struct rg_slice text, char w)
{
    size_t at = 0;
    while (at < text.size) {
        const char *found = memchr(text.data + at, w, text.size - at);
        if (found == NULL) {
            return false;
        }
        at = (size_t)(found - text.data) + 1;
        bool is_word = ends_with(text, at, "passw") || ends_with(text, at + 1, "pwd");
        if (is_word && is_assigned(text, &at)) {
            return true;
        }
    }
    return false;
}

/* scheme://user:secret@host */
static bool is_uri_with_password(struct rg_slice text)
{
    bool has_at = text.size > 3 && memchr(text.data, '@', text.size) != NULL;
    const char *scheme = has_at ? memmem(text.data, text.size, "://", 3) : NULL;
    if (scheme == NULL) {
        return false;
    }
    struct rg_slice rest = rg_slice_cut(text, (size_t)(scheme - text.data) + 3, SIZE_MAX);
    const char *at = rest.size == 0 ? NULL : memchr(rest.data, '@', rest.size);
    return at != NULL && memchr(rest.data, ':', (size_t)(at - rest.data)) != NULL;
}

bool sql_secret_is_in(struct rg_slice value)
{
    return assigns(value, 'w') || assigns(value, 'W') || is_uri_with_password(value);
}

/* ... PASSWORD ': what stands behind this string was meant to be inside, and a quote too many turned it out. */
static bool ends_before_password(struct rg_slice text)
{
    size_t end = text.size;
    while (end > 0 && memchr(" \t\r\n\f\v", text.data[end - 1], 6) != NULL) {
        end--;
    }
    return end < text.size && ends_with(text, end, "password") &&
           (find_word(text, 0, RG_SLICE("role")) < text.size || find_word(text, 0, RG_SLICE("user")) < text.size);
}

/* ---- statements ---- */

static const char *const ddl_verbs[] = {"create", "alter", "import"};
static const char *const ddl_fillers[] = {"or", "replace", "if", "not", "exists"};
static const char *const ddl_objects[] = {"role", "user", "group", "subscription", "server", "foreign"};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static bool is_semicolon(const struct sql_pieces *pieces, size_t index)
{
    return pieces->pieces[index].kind == SQL_PIECE_OTHER &&
           rg_slice_is_equal(sql_piece_text(pieces, index), RG_SLICE(";"));
}

static size_t next_of(const struct sql_pieces *pieces, size_t index)
{
    do {
        index++;
    } while (index < pieces->count && pieces->pieces[index].kind == SQL_PIECE_COMMENT);
    return index;
}

/* Is the statement that starts here one of those whose string constants are secrets? */
static bool is_secret_ddl(const struct sql_pieces *pieces, size_t start)
{
    size_t at =
        start < pieces->count && pieces->pieces[start].kind == SQL_PIECE_COMMENT ? next_of(pieces, start) : start;
    if (!is_one_of(pieces, at, ddl_verbs, COUNT(ddl_verbs))) {
        return false;
    }
    at = next_of(pieces, at);
    for (size_t words = 1; words < DDL_WORDS && is_one_of(pieces, at, ddl_fillers, COUNT(ddl_fillers)); words++) {
        at = next_of(pieces, at);
    }
    return is_one_of(pieces, at, ddl_objects, COUNT(ddl_objects));
}

static bool is_value(const struct sql_piece *piece)
{
    return piece->kind == SQL_PIECE_STRING || piece->kind == SQL_PIECE_PARAMETER || piece->kind == SQL_PIECE_REST;
}

/* Between PASSWORD and its value: =, :=, (, TO, IS. */
static bool is_joint(const struct sql_pieces *pieces, size_t index)
{
    static const char *const words[] = {"to", "is", "as"};
    struct rg_slice text = sql_piece_text(pieces, index);
    return is_one_of(pieces, index, words, COUNT(words)) || rg_slice_is_equal(text, RG_SLICE("=")) ||
           rg_slice_is_equal(text, RG_SLICE(":=")) || rg_slice_is_equal(text, RG_SLICE("(")) ||
           rg_slice_is_equal(text, RG_SLICE("=>"));
}

static void mark_from(struct sql_pieces *pieces, size_t index)
{
    for (; index < pieces->count; index++) {
        pieces->pieces[index].is_secret = true;
    }
}

/* Behind PASSWORD or CONNECTION. In DDL that wants a value here, one without quotes is a mistake, and nobody knows
 * where it ends. */
static bool mark_value(struct sql_pieces *pieces, size_t word, bool is_ddl)
{
    enum { JOINTS_MAX = 3 };
    size_t at = next_of(pieces, word);
    for (size_t i = 0; i < JOINTS_MAX && at < pieces->count && is_joint(pieces, at); i++) {
        at = next_of(pieces, at);
    }
    if (at >= pieces->count) {
        return false;
    }
    if (is_value(&pieces->pieces[at])) {
        pieces->pieces[at].is_secret = true;
        return false;
    }
    if (!is_ddl || is_semicolon(pieces, at) || is_word(pieces, at, "null")) {
        return false;
    }
    mark_from(pieces, at);
    return true;
}

/* A string constant without its quotes. */
static struct rg_slice inside_of(struct rg_slice token)
{
    const char *quote = memchr(token.data, '\'', token.size);
    if (token.data[0] == '$') {
        const char *end = memchr(token.data + 1, '$', token.size - 1);
        size_t tag = end == NULL ? 0 : (size_t)(end - token.data) + 1;
        return rg_slice_cut(token, tag, 2 * tag > token.size ? 0 : token.size - 2 * tag);
    }
    size_t start = quote == NULL ? 0 : (size_t)(quote - token.data) + 1;
    return rg_slice_cut(token, start, token.size - start - (token.size > start ? 1 : 0));
}

static bool mark_piece(struct sql_pieces *pieces, size_t index, bool is_ddl)
{
    struct sql_piece *piece = &pieces->pieces[index];
    if (piece->kind == SQL_PIECE_WORD) {
        bool wants_value = is_word(pieces, index, "password") || is_word(pieces, index, "connection");
        return wants_value && mark_value(pieces, index, is_ddl);
    }
    if (piece->kind == SQL_PIECE_OTHER || piece->kind == SQL_PIECE_NUMBER) {
        return false;
    }
    struct rg_slice text = sql_piece_text(pieces, index);
    text = piece->kind == SQL_PIECE_STRING ? inside_of(text) : text;
    bool is_said = piece->kind != SQL_PIECE_PARAMETER && sql_secret_is_in(text);
    piece->is_secret |= is_ddl || is_said;
    if (piece->kind != SQL_PIECE_STRING || !ends_before_password(text)) {
        return false;
    }
    mark_from(pieces, index);
    return true;
}

/* The scanner gave up, so a quote may be missing anywhere: nothing behind the first "password" is believed. */
static void mark_unreadable(struct sql_pieces *pieces)
{
    size_t at = find_word(pieces->text, 0, RG_SLICE("passw"));
    for (size_t i = 0; at < pieces->text.size && i < pieces->count; i++) {
        if (pieces->pieces[i].end > at && !is_word(pieces, i, "password")) {
            mark_from(pieces, i);
            return;
        }
    }
}

bool sql_secrets_mark(struct sql_pieces *pieces)
{
    bool is_ddl = is_secret_ddl(pieces, 0);
    bool is_all = false;
    for (size_t i = 0; i < pieces->count && !is_all; i++) {
        if (is_semicolon(pieces, i)) {
            is_ddl = is_secret_ddl(pieces, i + 1);
        } else {
            is_all = mark_piece(pieces, i, is_ddl);
        }
    }
    if (pieces->count > 0 && pieces->pieces[pieces->count - 1].kind == SQL_PIECE_REST) {
        mark_unreadable(pieces);
    }
    bool is_any = false;
    for (size_t i = 0; i < pieces->count; i++) {
        is_any |= pieces->pieces[i].is_secret;
    }
    return is_any;
}
