/* SPDX-License-Identifier: Apache-2.0 */
/* Where a statement's lines break: before each clause, inside each sub-select one level deeper, before each AND and OR
 * of a condition. Works on tokens; a word that is no clause in its place (extract(year FROM x), IS DISTINCT FROM)
 * is told by the parentheses it stands in and by its neighbours. */
#include "policy/layout.h"

#include "policy/set_private.h"
#include "policy/sql_tree_private.h"

enum { DEPTH_MAX = 4096 };

struct layout {
    struct sql_tokens tokens;
    struct policy_token *out;
    size_t depth; /* of open parentheses */
    struct {
        bool is_query;
        unsigned indent; /* of its clauses */
    } stack[DEPTH_MAX];
    unsigned indent; /* of clauses here */
    bool is_query;   /* clauses may begin here */
};

static bool is_one_of(const struct layout *layout, size_t at, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (sql_token_is(&layout->tokens, at, *words)) {
            return true;
        }
    }
    return false;
}

static bool begins_query(const struct layout *layout, size_t at)
{
    static const char *const words[] = {"select", "with", "values", "insert", "update", "delete", NULL};
    return is_one_of(layout, at, words);
}

/* Begins a clause, at the statement's own indent. */
static bool begins_clause(const struct layout *layout, size_t at)
{
    static const char *const words[] = {"select", "with",  "values", "from",   "where",  "group",     "having",
                                        "window", "order", "limit",  "offset", "fetch",  "union",     "intersect",
                                        "except", "set",   "insert", "update", "delete", "returning", NULL};
    static const char *const joins[] = {"left", "right", "full", "inner", "cross", "natural", "join", NULL};
    static const char *const before_join[] = {"left", "right", "full", "inner", "cross", "natural", "outer", NULL};
    const struct sql_tokens *tokens = &layout->tokens;
    if (is_one_of(layout, at, joins)) {
        bool is_call = sql_token_is(tokens, at + 1, "("); /* left(x, 1) */
        return !is_call && (at == 0 || !is_one_of(layout, at - 1, before_join));
    }
    if (!is_one_of(layout, at, words)) {
        return false;
    }
    if (at == 0) {
        return true;
    }
    if (sql_token_is(tokens, at - 1, ".") || sql_token_is(tokens, at - 1, "as") ||
        (sql_token_is(tokens, at - 1, "distinct") && sql_token_is(tokens, at, "from")) ||
        (sql_token_is(tokens, at - 1, "for") && sql_token_is(tokens, at, "update")) ||
        (sql_token_is(tokens, at, "with") && sql_token_is(tokens, at + 1, "ordinality"))) {
        return false;
    }
    return true;
}

static enum policy_token_kind kind_of(const struct layout *layout, size_t at)
{
    static const char *const words[] = {
        "select", "with",   "values", "from",      "where",  "group",        "by",        "having",   "window",
        "order",  "limit",  "offset", "fetch",     "union",  "intersect",    "except",    "all",      "distinct",
        "set",    "insert", "into",   "update",    "delete", "returning",    "left",      "right",    "full",
        "inner",  "outer",  "cross",  "natural",   "join",   "lateral",      "on",        "using",    "as",
        "and",    "or",     "not",    "in",        "is",     "null",         "any",       "some",     "exists",
        "case",   "when",   "then",   "else",      "end",    "materialized", "recursive", "asc",      "desc",
        "nulls",  "first",  "last",   "between",   "like",   "ilike",        "array",     "true",     "false",
        "only",   "cast",   "over",   "partition", "filter", "begin",        "commit",    "rollback", "explain",
        NULL};
    struct rg_slice text = sql_token_text(&layout->tokens, at);
    char first = text.size == 0 ? '\0' : text.data[0];
    char second = text.size > 1 ? text.data[1] : '\0';
    bool is_prefixed = text.size > 1 && strchr("bBxXeEnNuU", first) != NULL && (second == '\'' || second == '&');
    if (first == '\'' || (is_prefixed && (second == '\'' || memchr(text.data, '\'', text.size) != NULL)) ||
        (first == '$' && (second == '$' || !(second >= '0' && second <= '9')))) {
        return POLICY_TOKEN_STRING;
    }
    if ((first >= '0' && first <= '9') || first == '$' || (first == '.' && second >= '0' && second <= '9')) {
        return POLICY_TOKEN_NUMBER;
    }
    if (first == '"' || first == '_' || (first & 0x80) != 0 || (first >= 'a' && first <= 'z') ||
        (first >= 'A' && first <= 'Z')) {
        bool is_part = at > 0 && sql_token_is(&layout->tokens, at - 1, ".");
        return !is_part && is_one_of(layout, at, words) ? POLICY_TOKEN_KEYWORD : POLICY_TOKEN_NAME;
    }
    return POLICY_TOKEN_PLAIN;
}

static void open_parenthesis(struct layout *layout, size_t at)
{
    if (layout->depth < DEPTH_MAX) {
        layout->stack[layout->depth].is_query = layout->is_query;
        layout->stack[layout->depth].indent = layout->indent;
    }
    layout->depth++;
    layout->is_query = begins_query(layout, at + 1);
    layout->indent += layout->is_query ? 1 : 0;
}

/* Back to what was before its opening one; true when a query ends with it. */
static bool close_parenthesis(struct layout *layout)
{
    bool was_query = layout->is_query;
    if (layout->depth > 0) {
        layout->depth--;
    }
    if (layout->depth < DEPTH_MAX) {
        layout->is_query = layout->stack[layout->depth].is_query;
        layout->indent = layout->stack[layout->depth].indent;
    }
    return was_query;
}

static bool has_space(const struct layout *layout, size_t at)
{
    const struct sql_token *tokens = layout->tokens.tokens;
    return at > 0 && tokens[at - 1].end < tokens[at].at;
}

/* Is the AND at this token the second half of x BETWEEN y AND z? Each search ends at the connective before. */
static bool ends_between(const struct layout *layout, size_t at)
{
    static const char *const borders[] = {"and", "or", "where", "on", "when", "having", NULL};
    size_t depth = 0;
    for (size_t i = at; i-- > 0;) {
        if (sql_token_is(&layout->tokens, i, ")")) {
            depth++;
        } else if (sql_token_is(&layout->tokens, i, "(") && depth-- == 0) {
            return false;
        } else if (depth == 0 && sql_token_is(&layout->tokens, i, "between")) {
            return true;
        } else if (depth == 0 && is_one_of(layout, i, borders)) {
            return false;
        }
    }
    return false;
}

static bool is_connective(const struct layout *layout, size_t at)
{
    return layout->is_query && (sql_token_is(&layout->tokens, at, "or") ||
                                (sql_token_is(&layout->tokens, at, "and") && !ends_between(layout, at)));
}

static void place_token(struct layout *layout, size_t at)
{
    struct policy_token *token = &layout->out[at];
    *token = (struct policy_token){.text = sql_token_text(&layout->tokens, at),
                                   .at = layout->tokens.tokens[at].at,
                                   .kind = kind_of(layout, at),
                                   .has_space = has_space(layout, at)};
    if (sql_token_is(&layout->tokens, at, ")")) {
        token->is_line_start = close_parenthesis(layout);
        token->indent = layout->indent;
        return;
    }
    bool is_clause = layout->is_query && begins_clause(layout, at);
    bool is_deeper = is_connective(layout, at);
    bool is_next = layout->depth == 0 && at > 0 && sql_token_is(&layout->tokens, at - 1, ";");
    token->is_line_start = at > 0 && (is_clause || is_deeper || is_next);
    token->indent = layout->indent + (is_deeper ? 1 : 0);
    if (sql_token_is(&layout->tokens, at, "(")) {
        open_parenthesis(layout, at);
    }
}

static rg_status lay_out(struct rg_slice text, struct rg_arena *arena, size_t *out_count,
                         const struct policy_token **out_tokens)
{
    struct sql_parsed parsed = {0};
    struct layout *layout = NULL;
    RG_TRY(sql_parse(text, arena, &parsed));
    if (!parsed.is_ok) {
        return rg_fail(RG_DENIED, "the text does not parse");
    }
    RG_TRY(rg_arena_new(arena, &layout));
    RG_TRY(sql_lex(text, arena, &layout->tokens));
    RG_TRY(rg_arena_array(arena, layout->tokens.count + 1, sizeof *layout->out, (void **)&layout->out));
    layout->is_query = true;
    for (size_t i = 0; i < layout->tokens.count; i++) {
        place_token(layout, i);
    }
    *out_count = layout->tokens.count;
    *out_tokens = layout->out;
    return RG_OK;
}

rg_status policy_layout(struct rg_slice text, struct rg_arena *arena, size_t *out_count,
                        const struct policy_token **out_tokens)
{
    struct rg_slice copy = {"", 0};
    if (text.size > POLICY_TEXT_MAX) {
        return rg_fail(RG_LIMIT, "the text is too long");
    }
    if (!policy_text_is_valid(text) || !policy_text_is_cheap(text)) {
        return rg_fail(RG_DENIED, "the text does not parse");
    }
    RG_TRY(rg_arena_copy(arena, text, &copy));
    MemoryContext scratch = sql_enter();
    rg_status status = lay_out(copy, arena, out_count, out_tokens);
    sql_leave(scratch);
    return status;
}
