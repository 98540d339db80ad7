/* SPDX-License-Identifier: Apache-2.0 */
/* Does an expression of the policies look at the calendar? What day it is, where a day begins and how a date is read
 * is for the session's settings to say, and clients may change those inside a transaction. Words are enough: a column
 * that is called `date` only keeps a client from changing them. Called when policies are bound. */
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
};

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

rg_status sql_reads_formats(struct rg_slice expression, bool *out_reads)
{
    struct rg_arena arena;
    struct sql_tokens tokens = {0};
    bool reads = false;
    rg_arena_init(&arena, POLICY_TEXT_MAX * 16);
    MemoryContext context = sql_enter();
    rg_status status = sql_lex(expression, &arena, &tokens);
    for (size_t i = 0; rg_is_ok(status) && i < tokens.count; i++) {
        struct rg_slice token = sql_token_text(&tokens, i);
        reads = reads || is_word(token) || is_date(token);
    }
    sql_leave(context);
    rg_arena_done(&arena);
    RG_TRY(status);
    *out_reads = reads;
    return RG_OK;
}
