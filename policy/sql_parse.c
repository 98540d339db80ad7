/* SPDX-License-Identifier: Apache-2.0 */
/* The door to libpg_query: text to raw parse trees, and to tokens with their byte extents. A syntax error
 * is caught inside pg_query_raw_parse; sql_lex runs the lexer on its own only over text that has already
 * parsed, so that it has nothing left to complain about; sql_scan takes any text and catches what the lexer says. */
#include "policy/sql_literals_private.h"
#include "policy/sql_tree_private.h"

#include <parser/scanner.h>

#include <stdlib.h>

/* The scanner reads all operator characters behind a comment's start before it sees that it is one, so that many
 * comments without a space between them cost the square of their number. */
static bool is_readable(struct rg_slice text)
{
    enum { OPERATORS_MAX = 16 << 20 }; /* bytes read twice: a tenth of a second */
    size_t cost = 0;
    size_t at = 0;
    while (at < text.size && cost < OPERATORS_MAX) {
        const char *slash = memchr(text.data + at, '/', text.size - at);
        if (slash == NULL) {
            return true;
        }
        at = (size_t)(slash - text.data) + 1;
        for (size_t end = at; at < text.size && text.data[at] == '*' && end < text.size; end++, cost++) {
            if (text.data[end] == '\0' || strchr("~!@#^&|`?+-*/%<>=", text.data[end]) == NULL) {
                break;
            }
        }
    }
    return cost < OPERATORS_MAX;
}

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
    if (!is_readable(copy)) {
        *out_parsed = (struct sql_parsed){.error = RG_SLICE("too many comments without a space between them")};
        return RG_OK;
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

/* No keywords: every word comes back as an identifier, its text says the rest. */
static core_yyscan_t scanner_open(const char *text, union scanner_extra *extra)
{
    static const char no_words[1] = "";
    static const uint16 no_codes[1] = {0};
    static const ScanKeywordList no_keywords = {no_words, no_codes, NULL, 0, 0};
    memset(extra, 0, sizeof *extra);
    return scanner_init(text, &extra->stock, &no_keywords, no_codes);
}

rg_status sql_lex(struct rg_slice text, struct rg_arena *arena, struct sql_tokens *out_tokens)
{
    struct sql_tokens tokens = {.text = text};
    size_t capacity = 0;
    union scanner_extra extra;
    struct rg_slice copy = {0};
    RG_TRY(rg_arena_copy(arena, text, &copy));
    core_yyscan_t scanner = scanner_open(copy.data, &extra);
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

/* ---- any text ---- */

struct scan {
    const char *text; /* with its NUL */
    struct rg_arena *arena;
    struct sql_pieces pieces;
    size_t capacity;
    size_t end; /* of the last token that was read whole */
    union scanner_extra extra;
    core_YYSTYPE value;
    YYLTYPE at;
    rg_status status;
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_quoted_string(const char *at)
{
    static const char prefixes[] = "eEbBxX"; /* N is a word of its own */
    if (at[0] == '\'' || ((at[0] == 'u' || at[0] == 'U') && at[1] == '&' && at[2] == '\'')) {
        return true;
    }
    return at[0] != '\0' && at[1] == '\'' && strchr(prefixes, at[0]) != NULL;
}

/* The scanner has said where the token begins; what it is shows in its first bytes. */
static enum sql_piece_kind piece_kind(const char *at)
{
    if (is_quoted_string(at)) {
        return SQL_PIECE_STRING;
    }
    if (at[0] == '$') {
        return is_digit(at[1]) ? SQL_PIECE_PARAMETER : SQL_PIECE_STRING;
    }
    if (is_digit(at[0]) || (at[0] == '.' && is_digit(at[1]))) {
        return SQL_PIECE_NUMBER;
    }
    if ((at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*')) {
        return SQL_PIECE_COMMENT;
    }
    bool is_letter = (at[0] >= 'a' && at[0] <= 'z') || (at[0] >= 'A' && at[0] <= 'Z') || at[0] == '_' ||
                     ((unsigned char)at[0] & 0x80) != 0;
    bool is_quoted_name = (at[0] == 'u' || at[0] == 'U') && at[1] == '&' && at[2] == '"';
    return is_letter && !is_quoted_name ? SQL_PIECE_WORD : SQL_PIECE_OTHER;
}

static rg_status scan_append(struct scan *scan, size_t at, size_t end, enum sql_piece_kind kind)
{
    struct sql_pieces *pieces = &scan->pieces;
    if (pieces->count == scan->capacity) {
        size_t grown = scan->capacity == 0 ? pieces->text.size / 6 + 16 : scan->capacity * 2;
        struct sql_piece *bigger = NULL;
        RG_TRY(rg_arena_array(scan->arena, grown, sizeof *bigger, (void **)&bigger));
        if (pieces->count > 0) {
            memcpy(bigger, pieces->pieces, pieces->count * sizeof *bigger);
        }
        pieces->pieces = bigger;
        scan->capacity = grown;
    }
    pieces->pieces[pieces->count++] =
        (struct sql_piece){.at = (unsigned)at, .end = (unsigned)end, .kind = (unsigned char)kind};
    return RG_OK;
}

/* Until the end or the first error, which does not return here. Between two calls flex keeps a NUL behind the token
 * that it has just read (scanner_yyerror relies on it, too), so that is its end. */
static rg_status scan_tokens(struct scan *scan)
{
    core_yyscan_t scanner = scanner_open(scan->text, &scan->extra);
    while (core_yylex(&scan->value, &scan->at, scanner) != 0) {
        size_t at = (size_t)scan->at;
        scan->end = at + strlen(scan->extra.stock.scanbuf + at);
        RG_TRY(scan_append(scan, at, scan->end, piece_kind(scan->text + at)));
    }
    scanner_finish(scanner);
    scan->end = strlen(scan->text);
    return RG_OK;
}

/* Everything that changes lives in *scan: a long jump may end this. */
static void scan_caught(struct scan *scan)
{
    PG_TRY();
    {
        scan->status = scan_tokens(scan);
    }
    PG_CATCH();
    {
        FlushErrorState();
    }
    PG_END_TRY();
}

static rg_status scan_rest(struct scan *scan)
{
    struct rg_slice text = scan->pieces.text;
    size_t at = scan->end;
    while (at < text.size && text.data[at] != '\0' && strchr(" \t\n\r\f\v", text.data[at]) != NULL) {
        at++;
    }
    return at == text.size ? RG_OK : scan_append(scan, at, text.size, SQL_PIECE_REST);
}

rg_status sql_scan(struct rg_slice text, struct rg_arena *arena, struct sql_pieces *out_pieces)
{
    if (text.size > SQL_LITERALS_TEXT_MAX) {
        return rg_fail(RG_LIMIT, "SQL text of %zu bytes, limit %d", text.size, SQL_LITERALS_TEXT_MAX);
    }
    struct scan scan = {.arena = arena, .pieces = {.text = text}};
    struct rg_slice copy = {0};
    RG_TRY(rg_arena_copy(arena, text, &copy));
    scan.text = copy.data;
    if (is_readable(text)) {
        MemoryContext context = sql_enter();
        scan_caught(&scan);
        sql_leave(context);
    }
    RG_TRY(scan.status);
    RG_TRY(scan_rest(&scan));
    *out_pieces = scan.pieces;
    return RG_OK;
}
