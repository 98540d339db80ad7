/* SPDX-License-Identifier: Apache-2.0 */
/* The door to libpg_query: text to raw parse trees, and to tokens with their byte extents. A syntax error
 * is caught inside pg_query_raw_parse; the lexer is run on its own only over text that has already
 * parsed, so that it has nothing left to complain about. */
#include "policy/sql_tree_private.h"

#include <parser/scanner.h>

#include <stdlib.h>

MemoryContext sql_enter(void)
{
    return pg_query_enter_memory_context();
}

void sql_leave(MemoryContext context)
{
    pg_query_exit_memory_context(context);
}

rg_status sql_parse(struct rg_slice text, struct rg_arena *arena, struct sql_parsed *out_parsed)
{
    struct sql_parsed parsed = {0};
    struct rg_slice copy = {0};
    RG_TRY(rg_arena_copy(arena, text, &copy));
    if (memchr(copy.data, '\0', copy.size) != NULL) {
        return rg_fail(RG_PROTOCOL, "SQL text holds a NUL byte");
    }
    PgQueryInternalParsetreeAndError raw = pg_query_raw_parse(copy.data);
    free(raw.stderr_buffer);
    parsed.statements = raw.tree;
    parsed.is_ok = raw.error == NULL;
    rg_status status = RG_OK;
    if (raw.error != NULL) {
        parsed.statements = NIL;
        parsed.error_position = raw.error->cursorpos > 0 ? (size_t)raw.error->cursorpos : 0;
        status = rg_arena_copy(arena, rg_slice_of(raw.error->message), &parsed.error);
        pg_query_free_error(raw.error);
    }
    RG_TRY(status);
    *out_parsed = parsed;
    return RG_OK;
}

/* libpg_query's core_yy_extra_type has one more field behind the stock header's last one. */
union scanner_extra {
    core_yy_extra_type stock;
    char room[sizeof(core_yy_extra_type) + 32];
};

/* Between two tokens there is nothing but white space, so a token ends where that begins. */
static unsigned token_end(struct rg_slice text, size_t next_at)
{
    while (next_at > 0 && strchr(" \t\n\r\f\v", text.data[next_at - 1]) != NULL) {
        next_at--;
    }
    return (unsigned)next_at;
}

static bool is_comment(struct rg_slice text, size_t at)
{
    struct rg_slice start = rg_slice_cut(text, at, 2);
    return rg_slice_is_equal(start, RG_SLICE("--")) || rg_slice_is_equal(start, RG_SLICE("/*"));
}

static rg_status token_append(struct sql_tokens *tokens, size_t *capacity, struct rg_arena *arena, struct sql_token one)
{
    if (tokens->count == *capacity) {
        size_t grown = *capacity == 0 ? tokens->text.size / 4 + 16 : *capacity * 2;
        struct sql_token *bigger = NULL;
        RG_TRY(rg_arena_array(arena, grown, sizeof *bigger, (void **)&bigger));
        if (tokens->count > 0) {
            memcpy(bigger, tokens->tokens, tokens->count * sizeof *bigger);
        }
        tokens->tokens = bigger;
        *capacity = grown;
    }
    tokens->tokens[tokens->count++] = one;
    return RG_OK;
}

rg_status sql_lex(struct rg_slice text, struct rg_arena *arena, struct sql_tokens *out_tokens)
{
    /* No keywords: every word comes back as an identifier, its text says the rest. */
    static const char no_words[1] = "";
    static const uint16 no_codes[1] = {0};
    static const ScanKeywordList no_keywords = {no_words, no_codes, NULL, 0, 0};
    struct sql_tokens tokens = {.text = text};
    size_t capacity = 0;
    union scanner_extra extra;
    memset(&extra, 0, sizeof extra);
    struct rg_slice copy = {0};
    RG_TRY(rg_arena_copy(arena, text, &copy));
    core_yyscan_t scanner = scanner_init(copy.data, &extra.stock, &no_keywords, no_codes);
    core_YYSTYPE value;
    YYLTYPE at = 0;
    bool is_open = false;
    for (bool is_more = true; is_more;) {
        is_more = core_yylex(&value, &at, scanner) != 0;
        size_t next_at = is_more ? (size_t)at : text.size;
        if (is_open) {
            tokens.tokens[tokens.count - 1].end = token_end(text, next_at);
        }
        is_open = is_more && !is_comment(text, (size_t)at);
        if (is_open) {
            RG_TRY(token_append(&tokens, &capacity, arena, (struct sql_token){(unsigned)at, (unsigned)at}));
        }
    }
    scanner_finish(scanner);
    *out_tokens = tokens;
    return RG_OK;
}

bool sql_token_find(const struct sql_tokens *tokens, size_t at, size_t *out_index)
{
    size_t low = 0;
    size_t high = tokens->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tokens->tokens[middle].at < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == tokens->count || tokens->tokens[low].at != at) {
        return false;
    }
    *out_index = low;
    return true;
}

struct rg_slice sql_token_text(const struct sql_tokens *tokens, size_t index)
{
    if (index >= tokens->count) {
        return (struct rg_slice){"", 0};
    }
    struct sql_token token = tokens->tokens[index];
    return rg_slice_cut(tokens->text, token.at, token.end - token.at);
}

bool sql_token_is(const struct sql_tokens *tokens, size_t index, const char *word)
{
    struct rg_slice text = sql_token_text(tokens, index);
    size_t size = strlen(word);
    if (text.size != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char letter = text.data[i];
        if (letter >= 'A' && letter <= 'Z') {
            letter = (char)(letter - 'A' + 'a');
        }
        if (letter != word[i]) {
            return false;
        }
    }
    return size > 0;
}

bool sql_token_close(const struct sql_tokens *tokens, size_t open, size_t *out_close)
{
    size_t depth = 0;
    for (size_t i = open; i < tokens->count; i++) {
        if (sql_token_is(tokens, i, "(") || sql_token_is(tokens, i, "[")) {
            depth++;
        } else if (sql_token_is(tokens, i, ")") || sql_token_is(tokens, i, "]")) {
            depth--;
        }
        if (depth == 0) {
            *out_close = i;
            return sql_token_is(tokens, i, ")");
        }
    }
    return false;
}
