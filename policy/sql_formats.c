/* SPDX-License-Identifier: Apache-2.0 */
/* Can an expression of the policies look at the calendar, or at a value's text? What day it is, where a day begins, how
 * a date is read and written is for the session's settings to say, and clients may change those inside a transaction.
 * So an expression must be plain not to: columns, claims' typed constants, numbers, comparisons, and a few calls. A
 * literal without a type may be 'tomorrow'; a cast of a column may be its text. Called when policies are bound. */
#include "policy/set_private.h"
#include "policy/sql_tree_private.h"

#include <strings.h>

static const char *const words[] = {
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "now",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "extract",
    "date_part",
    "date_trunc",
    "date_bin",
    "timezone",
    "age",
    "to_char",
    "to_date",
    "to_timestamp",
    "make_date",
    "make_timestamp",
    "make_timestamptz",
    "zone",
    "overlaps",
    "statement_timestamp",
    "transaction_timestamp",
    "clock_timestamp",
    "tsrange",
    "tstzrange",
    "daterange",
};

/* What may stand before an opening parenthesis. */
static const char *const plain_calls[] = {"(",      "and",  "or",   "not",  "any", "all",      "in",    "=",
                                          "<",      ">",    "<=",   ">=",   "<>",  "coalesce", "lower", "upper",
                                          "exists", "when", "then", "else", ",",   "where"};

static bool is_word(struct rg_slice token)
{
    bool is_quoted = token.size > 2 && token.data[0] == '"';
    struct rg_slice bare = is_quoted ? rg_slice_cut(token, 1, token.size - 2) : token;
    for (size_t i = 0; i < lengthof(words); i++) {
        if (bare.size == strlen(words[i]) && strncasecmp(bare.data, words[i], bare.size) == 0) {
            return true;
        }
    }
    return false;
}

static size_t digits_at(struct rg_slice text, size_t at)
{
    size_t count = 0;
    while (at + count < text.size && text.data[at + count] >= '0' && text.data[at + count] <= '9') {
        count++;
    }
    return count;
}

/* '2020-01-31...', '1/31/2020', '31.1.2020': compared with a column it may be a date. A uuid begins otherwise. */
static bool is_date(struct rg_slice token)
{
    size_t first = digits_at(token, 1);
    size_t second = digits_at(token, first + 2);
    size_t end = first + 2 + second;
    return token.size > 1 && token.data[0] == '\'' && first >= 1 && first <= 4 && second >= 1 && second <= 2 &&
           end < token.size && memchr("-/.", token.data[first + 1], 3) != NULL &&
           memchr("-/.", token.data[end], 3) != NULL;
}

static bool is_literal(struct rg_slice token)
{
    return token.size > 0 && token.data[token.size - 1] == '\'';
}

static bool is_plain_call(struct rg_slice before)
{
    for (size_t i = 0; i < lengthof(plain_calls); i++) {
        if (before.size == strlen(plain_calls[i]) && strncasecmp(before.data, plain_calls[i], before.size) == 0) {
            return true;
        }
    }
    return before.size == 0;
}

/* A claim's constant is 'value'::type, or stands in ARRAY[...]::type[]; elements without a type are texts there. */
static bool is_plain(const struct sql_tokens *tokens, size_t i, size_t depth)
{
    struct rg_slice token = sql_token_text(tokens, i);
    struct rg_slice before = i == 0 ? (struct rg_slice){"", 0} : sql_token_text(tokens, i - 1);
    bool is_cast = rg_slice_is_equal(token, RG_SLICE("::"));
    if (token.size > 0 && token.data[0] == '$') {
        return false; /* a dollar-quoted literal */
    }
    if (is_literal(token)) {
        return depth > 0 || sql_token_is(tokens, i + 1, "::");
    }
    if (is_cast || sql_token_is(tokens, i, "cast")) {
        return is_cast && (is_literal(before) || rg_slice_is_equal(before, RG_SLICE("]")) ||
                           strncasecmp(before.data, "null", before.size) == 0);
    }
    return !sql_token_is(tokens, i, "(") || is_plain_call(before);
}

rg_status sql_reads_formats(struct rg_slice expression, bool *out_reads)
{
    struct rg_arena arena;
    struct sql_tokens tokens = {0};
    bool reads = false;
    rg_arena_init(&arena, POLICY_TEXT_MAX * 16);
    MemoryContext context = sql_enter();
    rg_status status = sql_lex(expression, &arena, &tokens);
    size_t depth = 0; /* of brackets */
    for (size_t i = 0; rg_is_ok(status) && i < tokens.count; i++) {
        struct rg_slice token = sql_token_text(&tokens, i);
        depth += sql_token_is(&tokens, i, "[") ? 1 : 0;
        depth -= sql_token_is(&tokens, i, "]") && depth > 0 ? 1 : 0;
        reads = reads || is_word(token) || is_date(token) || !is_plain(&tokens, i, depth);
    }
    sql_leave(context);
    rg_arena_done(&arena);
    RG_TRY(status);
    *out_reads = reads;
    return RG_OK;
}
