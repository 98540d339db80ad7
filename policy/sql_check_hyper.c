/* SPDX-License-Identifier: Apache-2.0 */
/* The text that is sent to Hyper, read byte by byte as Hyper's lexer does and not as PostgreSQL's: outside of quotes
 * there is one kind of white space, no comment, no byte that begins a token of one lexer alone; each SECURE is a
 * fence, and each fence is SECURE. What the checker then parses is this text with MATERIALIZED written back into those
 * places and nothing else changed. */
#include "policy/sql_check_private.h"

#include <strings.h>

enum { WORD_MAX = 63 };

struct reader {
    struct sql_check *check;
    struct rg_slice text;
    char *out;
    size_t at;
    bool is_after_as; /* the last token was the word AS */
};

static const char secure[] = "SECURE      ";
static const char secure_elsewhere[] = "the word SECURE in a text for Hyper";
static const char materialized[] = "MATERIALIZED";
_Static_assert(sizeof secure == sizeof materialized, "the two are of one length");

static char byte_at(const struct reader *reader, size_t at)
{
    return at < reader->text.size ? reader->text.data[at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_wordy(char c)
{
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_quote(char c)
{
    return c == '\'' || c == '"';
}

static bool is_word(struct rg_slice word, const char *wanted)
{
    return word.size == strlen(wanted) && strncasecmp(word.data, wanted, word.size) == 0;
}

/* A token that touches the next word or string could be one with it. */
static rg_status end_token(struct reader *reader, size_t end)
{
    char next = byte_at(reader, end);
    if (end > reader->text.size || is_wordy(next) || is_quote(next)) {
        return sql_check_refuse(reader->check, "tokens that touch in a text for Hyper");
    }
    reader->at = end;
    return RG_OK;
}

/* From the opening quote; a doubled one is no end. */
static rg_status read_quoted(struct reader *reader)
{
    char quote = byte_at(reader, reader->at);
    size_t end = reader->at + 1;
    while (end < reader->text.size && (byte_at(reader, end) != quote || byte_at(reader, end + 1) == quote)) {
        end += byte_at(reader, end) == quote ? 2 : 1;
    }
    bool is_long = quote == '"' && end - reader->at > WORD_MAX + 1;
    if (end >= reader->text.size || is_long) {
        return sql_check_refuse(reader->check, "a quoted text for Hyper");
    }
    return end_token(reader, end + 1);
}

/* E'...' with \n and \t alone, and no quote inside. */
static rg_status read_escapes(struct reader *reader)
{
    size_t end = reader->at + 2;
    while (end < reader->text.size && byte_at(reader, end) != '\'') {
        bool is_escape = byte_at(reader, end) == '\\';
        char escaped = byte_at(reader, end + 1);
        if (is_escape && escaped != 'n' && escaped != 't') {
            return sql_check_refuse(reader->check, "an escape string for Hyper");
        }
        end += is_escape ? 2 : 1;
    }
    return end_token(reader, end + 1);
}

static bool is_paren_next(const struct reader *reader, size_t at)
{
    while (byte_at(reader, at) == ' ') {
        at++;
    }
    return byte_at(reader, at) == '(';
}

static rg_status read_fence(struct reader *reader)
{
    size_t size = sizeof secure - 1;
    bool is_whole = reader->text.size - reader->at > size && memcmp(reader->text.data + reader->at, secure, size) == 0;
    if (!is_whole || !is_paren_next(reader, reader->at + size)) {
        return sql_check_refuse(reader->check, secure_elsewhere);
    }
    memcpy(reader->out + reader->at, materialized, size);
    reader->at += size;
    return RG_OK;
}

static rg_status read_word(struct reader *reader)
{
    size_t end = reader->at;
    bool is_after_as = reader->is_after_as;
    reader->is_after_as = false;
    while (is_wordy(byte_at(reader, end))) {
        end++;
    }
    struct rg_slice word = rg_slice_cut(reader->text, reader->at, end - reader->at);
    if (is_word(word, "e") && byte_at(reader, end) == '\'') {
        return read_escapes(reader);
    }
    if (is_word(word, "secure")) {
        return is_after_as ? read_fence(reader) : sql_check_refuse(reader->check, secure_elsewhere);
    }
    if (word.size > WORD_MAX || (is_word(word, materialized) && is_after_as && is_paren_next(reader, end))) {
        return sql_check_refuse(reader->check, "a fence in PostgreSQL's words, or a word that is too long, for Hyper");
    }
    reader->is_after_as = is_word(word, "as");
    return end_token(reader, end);
}

static rg_status read_number(struct reader *reader)
{
    size_t end = reader->at;
    for (size_t step = 1; step > 0; end += step) {
        char c = byte_at(reader, end);
        char next = byte_at(reader, end + 1);
        bool is_sign = next == '+' || next == '-';
        bool is_exponent = (c | 32) == 'e' && is_digit(byte_at(reader, end + (is_sign ? 2 : 1)));
        step = is_exponent ? 2 : is_digit(c) || (c == '.' && next != '.') ? 1 : 0;
    }
    return end_token(reader, end);
}

static rg_status read_symbol(struct reader *reader)
{
    static const char *const pairs[] = {"--", "/*", "*/", ":=", "=>", ".."};
    char c = byte_at(reader, reader->at);
    bool is_refused = c == '\0' || strchr("()[],.;:+-*/%^=<>!|~", c) == NULL;
    for (size_t i = 0; i < lengthof(pairs); i++) {
        is_refused = is_refused || (c == pairs[i][0] && byte_at(reader, reader->at + 1) == pairs[i][1]);
    }
    reader->at++;
    return is_refused ? sql_check_refuse(reader->check, "a symbol in a text for Hyper") : RG_OK;
}

static rg_status read_token(struct reader *reader)
{
    char c = byte_at(reader, reader->at);
    bool is_number = is_digit(c) || (c == '.' && is_digit(byte_at(reader, reader->at + 1)));
    if (is_wordy(c) && !is_digit(c)) {
        return read_word(reader); /* which settles is_after_as itself */
    }
    reader->is_after_as = false;
    if (is_number) {
        return read_number(reader);
    }
    return is_quote(c) ? read_quoted(reader) : read_symbol(reader);
}

rg_status sql_check_hyper_text(struct sql_check *check, struct rg_slice text, struct rg_slice *out_text)
{
    struct reader reader = {.check = check, .text = text};
    RG_TRY(rg_arena_array(check->arena, text.size + 1, 1, (void **)&reader.out));
    memcpy(reader.out, text.data, text.size);
    while (reader.at < text.size) {
        if (byte_at(&reader, reader.at) == ' ') {
            reader.at++;
            continue;
        }
        RG_TRY(read_token(&reader));
    }
    *out_text = rg_slice_make(reader.out, text.size);
    return RG_OK;
}

/* To Hyper's ALL and ANY a NULL array is an empty one. A caller's own may be, a policy's never. */
rg_status sql_check_hyper_array(struct sql_check *check, const void *operator)
{
    const A_Expr *expr = operator;
    const TypeCast *cast = (const void *)expr->rexpr;
    const A_Const *constant = cast != NULL && IsA(cast, TypeCast) ? (const void *)cast->arg : NULL;
    bool is_array = expr->kind == AEXPR_OP_ANY || expr->kind == AEXPR_OP_ALL;
    bool is_null = constant != NULL && IsA(constant, A_Const) && constant->isnull;
    return check->limits->is_hyper && check->is_trusted && is_array && is_null
               ? sql_check_refuse(check, "a predicate on an array that is NULL")
               : RG_OK;
}
