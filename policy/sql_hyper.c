/* SPDX-License-Identifier: Apache-2.0 */
/* What is different when the upstream is Hyper: statements it has not, $n that become constants, and the last step of
 * all: the proved text, spelled for a lexer that is not PostgreSQL's. Hyper ends a comment at the first * and /,
 * however many were opened, and has words of its own: whatever the two could read differently is blanked or refused, so
 * that what PostgreSQL's parser proved is what Hyper executes. */
#include "policy/sql_rewrite_private.h"

#include "policy/hyper.h"

#include <stdlib.h>

bool sql_is_hyper(const struct sql_work *work)
{
    return work->binding->dialect == POLICY_HYPER;
}

/* ---- statements ---- */

static rg_status check_transaction(struct sql_work *work, const TransactionStmt *transaction)
{
    bool is_savepoint = transaction->kind == TRANS_STMT_SAVEPOINT || transaction->kind == TRANS_STMT_RELEASE ||
                        transaction->kind == TRANS_STMT_ROLLBACK_TO;
    return is_savepoint || transaction->chain
               ? sql_deny(&work->site, "0A000", "hyper.transaction", -1, "Hyper has no savepoints and no AND CHAIN")
               : RG_OK;
}

rg_status sql_hyper_check_read(struct sql_work *work, bool is_write)
{
    return is_write ? sql_deny(&work->site, "42501", "statement.write", -1, "Hyper upstreams are read only") : RG_OK;
}

static rg_status check_copy(struct sql_work *work, const CopyStmt *copy)
{
    if (copy->is_from) {
        return sql_hyper_check_read(work, true);
    }
    bool has_format = copy->is_program || copy->filename != NULL; /* refused anyway */
    for (int i = 0; i < list_length(copy->options); i++) {
        const DefElem *option = list_nth_node(DefElem, copy->options, i);
        struct rg_slice value = sql_string(option->arg);
        has_format =
            has_format || (strcmp(option->defname, "format") == 0 &&
                           (rg_slice_is_equal(value, RG_SLICE("csv")) || rg_slice_is_equal(value, RG_SLICE("text"))));
    }
    return has_format ? RG_OK
                      : sql_deny(&work->site, "0A000", "statement.copy", -1,
                                 "on Hyper, COPY ... TO STDOUT needs WITH (FORMAT csv) or WITH (FORMAT text)");
}

rg_status sql_hyper_check_kind(struct sql_work *work, const Node *node)
{
    switch ((int)nodeTag(node)) {
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_MergeStmt:
        return sql_hyper_check_read(work, true);
    case T_ExplainStmt: /* nothing there hides other rows' estimates */
        return sql_deny(&work->site, "0A000", "statement.explain", -1, "EXPLAIN is not available on Hyper");
    case T_TransactionStmt:
        return check_transaction(work, (const TransactionStmt *)(const void *)node);
    case T_CopyStmt:
        return check_copy(work, (const CopyStmt *)(const void *)node);
    default: /* judged as for PostgreSQL */
        return RG_OK;
    }
}

/* ---- WITH ---- */

/* Hyper's WITH RECURSIVE knows no later item: a name that is one to PostgreSQL would be a table there. Sessions find no
 * table without its schema (conninfo.h) but those of pg_catalog. */
rg_status sql_hyper_check_with(struct sql_work *work, const WithClause *with)
{
    if (with->recursive && list_length(with->ctes) > 1) {
        return sql_deny(&work->site, "0A000", "hyper.with", with->location,
                        "on Hyper, WITH RECURSIVE may have one item only");
    }
    for (int i = 0; i < list_length(with->ctes); i++) {
        struct rg_slice name = rg_slice_of(list_nth_node(CommonTableExpr, with->ctes, i)->ctename);
        if (rg_slice_has_prefix(name, RG_SLICE("pg_")) || rg_slice_has_prefix(name, RG_SLICE("hyper_"))) {
            return sql_deny(&work->site, "0A000", "hyper.with", with->location,
                            "on Hyper, no WITH item may have the name of a catalogue");
        }
    }
    return RG_OK;
}

/* ---- $n ---- */

static rg_status deny_value(struct sql_work *work, const ParamRef *parameter, const char *reason)
{
    return sql_deny(&work->site, "22P02", "hyper.parameter", parameter->location, "parameter $%d: %s",
                    parameter->number, reason);
}

static rg_status find_value(struct sql_work *work, const ParamRef *parameter, struct hyper_value *out_value)
{
    const struct policy_session *session = work->session;
    size_t at = (size_t)parameter->number - 1;
    struct hyper_input input = {.is_null = true};
    work->uses_values = true; /* before anything is refused: a refusal may be of this value alone */
    if (!work->takes_parameters) {
        return sql_deny(&work->site, "42P02", "sql.parameter", parameter->location, "there is no parameter $%d",
                        parameter->number);
    }
    if (at < session->parameter_type_count) {
        input.type = session->parameter_types[at];
    }
    if (session->values != NULL) {
        if (at >= session->value_count) {
            return sql_deny(&work->site, "08P01", "hyper.parameter", parameter->location,
                            "no value was bound to parameter $%d", parameter->number);
        }
        const struct policy_value *value = &session->values[at];
        input.is_null = value->is_null;
        input.is_binary = value->is_binary;
        input.bytes = value->bytes;
    }
    rg_status status = hyper_value_parse(&input, work->site.arena, out_value);
    if (!rg_is_ok(status) && status.error->kind == RG_DENIED) {
        char reason[256];
        size_t size = Min(strlen(status.error->text), sizeof reason - 1);
        memcpy(reason, status.error->text, size);
        reason[size] = '\0';
        return deny_value(work, parameter, reason);
    }
    return status;
}

static Node *make_null(void)
{
    A_Const *null = makeNode(A_Const);
    null->isnull = true;
    return (Node *)null;
}

static Node *make_number(size_t number)
{
    A_Const *node = makeNode(A_Const);
    node->val.ival.type = T_Integer;
    node->val.ival.ival = (int)number;
    node->location = -1;
    return (Node *)node;
}

/* 'x'::pg_catalog.numeric(5,2) */
static rg_status add_precision(struct sql_work *work, const struct hyper_value *value, struct rg_slice *text,
                               Node *constant)
{
    TypeName *type = ((TypeCast *)(void *)constant)->typeName;
    type->typmods = list_make2(make_number(value->precision), make_number(value->scale));
    return rg_arena_printf(work->site.arena, text, "%.*s(%zu,%zu)", RG_SLICE_ARGS(*text), value->precision,
                           value->scale);
}

static rg_status make_literal(struct sql_work *work, const struct hyper_value *value, struct rg_slice *out_text,
                              Node **out_node)
{
    struct rg_arena *arena = work->site.arena;
    if (value->type != NULL) {
        struct sql_constant constant = {rg_slice_of(value->type), value->is_array, value->is_null, value->count,
                                        value->elements};
        *out_node = sql_make_constant(&constant);
        RG_TRY(sql_print_constant(&constant, arena, out_text));
        return value->precision == 0 ? RG_OK : add_precision(work, value, out_text, *out_node);
    }
    if (value->is_null) {
        *out_node = make_null();
        *out_text = RG_SLICE("NULL");
        return RG_OK;
    }
    *out_node = sql_make_string(value->elements[0]);
    return sql_print_string(value->elements[0], arena, out_text);
}

rg_status sql_hyper_bind(struct sql_work *work, Node **slot)
{
    const ParamRef *parameter = (const ParamRef *)(const void *)*slot;
    struct hyper_value value = {0};
    struct rg_slice text = {0};
    size_t token = 0;
    RG_TRY(find_value(work, parameter, &value));
    RG_TRY(sql_site_token(&work->site, parameter->location, &token));
    RG_TRY(make_literal(work, &value, &text, slot));
    /* `a$1` is no parameter, `1$1` is one: keep it apart from its neighbours */
    struct rg_slice apart = {0};
    RG_TRY(rg_arena_printf(work->site.arena, &apart, " %.*s ", RG_SLICE_ARGS(text)));
    return sql_site_replace(&work->site, token, token, apart);
}

/* ---- LIMIT ---- */

static bool is_count(struct rg_slice text)
{
    bool is_number = text.size > 0 && text.size < 19;
    for (size_t i = 0; i < text.size; i++) {
        is_number = is_number && text.data[i] >= '0' && text.data[i] <= '9';
    }
    return is_number;
}

static Node *make_count(struct rg_slice text)
{
    A_Const *count = makeNode(A_Const);
    long long number = strtoll(text.data, NULL, 10);
    if (number <= INT32_MAX) {
        count->val.ival.type = T_Integer;
        count->val.ival.ival = (int)number;
    } else {
        count->val.fval.type = T_Float;
        count->val.fval.fval = sql_cstring(text);
    }
    count->location = -1;
    return (Node *)count;
}

/* $1, or $1::integer as psycopg's dialect of SQLAlchemy writes it; its tokens in out_first and out_last. */
static const ParamRef *limit_parameter(struct sql_work *work, const Node *node, size_t *out_first, size_t *out_last)
{
    const TypeCast *cast = node != NULL && IsA(node, TypeCast) ? (const TypeCast *)(const void *)node : NULL;
    const Node *inner = cast == NULL ? node : cast->arg;
    if (inner == NULL || !IsA(inner, ParamRef)) {
        return NULL;
    }
    const struct sql_tokens *tokens = &work->site.tokens;
    const ParamRef *parameter = (const ParamRef *)(const void *)inner;
    if (parameter->location < 0 || !sql_token_find(tokens, (size_t)parameter->location, out_first)) {
        return NULL;
    }
    *out_last = *out_first;
    if (cast != NULL) {
        struct rg_slice name = sql_last_name(cast->typeName->names);
        bool is_integer = rg_slice_is_equal(name, RG_SLICE("int2")) || rg_slice_is_equal(name, RG_SLICE("int4")) ||
                          rg_slice_is_equal(name, RG_SLICE("int8"));
        bool is_one_word = cast->location >= 0 && sql_token_is(tokens, *out_first + 1, "::") &&
                           cast->typeName->arrayBounds == NIL && cast->typeName->typmods == NIL &&
                           !sql_token_is(tokens, *out_first + 3, ".");
        *out_last = *out_first + 2;
        return is_integer && is_one_word ? parameter : NULL;
    }
    return parameter;
}

rg_status sql_hyper_bind_limit(struct sql_work *work, Node **slot)
{
    size_t first = 0;
    size_t last = 0;
    const ParamRef *parameter = limit_parameter(work, *slot, &first, &last);
    struct hyper_value value = {0};
    if (parameter == NULL || parameter->number < 1 || parameter->number > 65535) {
        return RG_OK; /* the walk deals with it */
    }
    RG_TRY(find_value(work, parameter, &value));
    work->parameter_max = Max(work->parameter_max, (size_t)parameter->number);
    struct rg_slice text = RG_SLICE("NULL");
    if (!value.is_null && (value.is_array || !is_count(value.elements[0]))) {
        return deny_value(work, parameter, "not a number of rows");
    }
    if (value.is_null) {
        *slot = make_null();
    } else {
        RG_TRY(rg_arena_copy(work->site.arena, value.elements[0], &text));
        *slot = make_count(text);
    }
    struct rg_slice apart = {0};
    RG_TRY(rg_arena_printf(work->site.arena, &apart, " %.*s ", RG_SLICE_ARGS(text)));
    return sql_site_replace(&work->site, first, last, apart);
}

/* ---- tokens that both lexers read alike ---- */

enum { IDENTIFIER_MAX = 63 }; /* PostgreSQL cuts there, Hyper does not */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_bare_word(struct rg_slice token)
{
    for (size_t i = 0; i < token.size; i++) {
        if (!is_letter(token.data[i]) && !is_digit(token.data[i])) {
            return false;
        }
    }
    return token.size <= IDENTIFIER_MAX && !hyper_is_word(token);
}

/* One quoted piece and nothing else: no continuation on a next line, no UESCAPE. */
static bool is_one_quoted(struct rg_slice token, size_t size_max)
{
    char quote = token.data[0];
    for (size_t i = 1; i < token.size; i++) {
        if (token.data[i] == quote) {
            if (i + 1 == token.size) {
                return token.size <= size_max;
            }
            if (token.data[++i] != quote) {
                return false;
            }
        }
    }
    return false;
}

static bool is_number(struct rg_slice token)
{
    for (size_t i = 0; i < token.size; i++) {
        char c = token.data[i];
        bool is_sign = (c == '+' || c == '-') && i > 0 && (token.data[i - 1] | 32) == 'e';
        if (!is_digit(c) && c != '.' && (c | 32) != 'e' && !is_sign) {
            return false;
        }
    }
    return true;
}

static bool is_symbol(struct rg_slice token)
{
    static const char *const symbols[] = {"(",  ")",  "[", "]",  ",",  ".",   ";",  ":",  "+",  "-",
                                          "*",  "/",  "%", "^",  "=",  "<>",  "!=", "<",  "<=", ">",
                                          ">=", "||", "~", "!~", "~*", "!~*", "::", "->", "->>"};
    for (size_t i = 0; i < lengthof(symbols); i++) {
        if (rg_slice_is_equal(token, rg_slice_of(symbols[i]))) {
            return true;
        }
    }
    return false;
}

/* E'\n', as psql writes it: no quote inside, and two escapes that mean the same everywhere. */
static bool is_plain_escape(struct rg_slice token)
{
    bool is_quoted =
        token.size >= 3 && (token.data[0] | 32) == 'e' && token.data[1] == '\'' && token.data[token.size - 1] == '\'';
    for (size_t i = 2; is_quoted && i + 1 < token.size; i++) {
        bool is_escape = token.data[i] == '\\';
        i += is_escape ? 1 : 0;
        is_quoted = token.data[i] != '\'' && token.data[i] != '\\' &&
                    (!is_escape || token.data[i] == 'n' || token.data[i] == 't') && i + 1 < token.size;
    }
    return is_quoted;
}

static bool is_common_token(struct rg_slice token)
{
    char first = token.size == 0 ? '\0' : token.data[0];
    if (first == '\'') {
        return is_one_quoted(token, SIZE_MAX);
    }
    if (first == '"') {
        return is_one_quoted(token, IDENTIFIER_MAX + 2);
    }
    if (is_letter(first)) {
        return is_bare_word(token) || is_plain_escape(token);
    }
    if (is_digit(first) || (first == '.' && token.size > 1)) {
        return is_number(token);
    }
    return is_symbol(token);
}

/* E'', B'', X'', N'', U&'' and typename'': a word and a string that touch may be one token to either lexer. */
static bool touches(const struct sql_tokens *tokens, size_t at)
{
    if (at == 0 || tokens->tokens[at - 1].end != tokens->tokens[at].at) {
        return false;
    }
    char before = tokens->text.data[tokens->tokens[at].at - 1];
    char first = tokens->text.data[tokens->tokens[at].at];
    bool is_quote = first == '\'' || first == '"';
    bool is_wordy = is_letter(before) || is_digit(before) || before == '\'' || before == '"';
    return is_wordy && (is_quote || is_letter(first) || is_digit(first));
}

static rg_status deny_token(struct sql_work *work, struct rg_slice token)
{
    bool is_word = token.size > 0 && is_letter(token.data[0]);
    RG_TRY(rg_arena_copy(work->site.arena, token, &token));
    rg_status status = sql_deny(&work->site, "0A000", "hyper.token", -1,
                                "Hyper may read \"%.*s\" otherwise than PostgreSQL", rg_slice_shown(token), token.data);
    work->site.denial.hint = is_word ? RG_SLICE("Quote names; write strings as '...'.")
                                     : RG_SLICE("Write strings as '...' and numbers in decimal.");
    return status;
}

/* ---- AS MATERIALIZED is AS SECURE ---- */

struct fence_walk {
    struct sql_walk walk; /* first */
    struct sql_work *work;
    const struct sql_tokens *tokens;
    char *out;
};

static rg_status refuse_node(struct sql_walk *walk, const Node *node)
{
    (void)node;
    return sql_deny(&((struct fence_walk *)(void *)walk)->work->site, "0A000", "sql.proof", -1,
                    "the statement could not be spelled for Hyper");
}

static rg_status spell_fence(struct fence_walk *fence, const CommonTableExpr *item)
{
    static const char materialized[] = "materialized";
    size_t token = 0;
    bool is_found = item->location >= 0 && sql_token_find(fence->tokens, (size_t)item->location, &token);
    size_t at = token + 1;
    if (is_found && sql_token_is(fence->tokens, at, "(")) {
        is_found = sql_token_close(fence->tokens, at, &at);
        at++;
    }
    if (!is_found || !sql_token_is(fence->tokens, at, "as") || !sql_token_is(fence->tokens, at + 1, materialized) ||
        !sql_token_is(fence->tokens, at + 2, "(")) {
        return refuse_node(&fence->walk, NULL);
    }
    memcpy(fence->out + fence->tokens->tokens[at + 1].at, "SECURE      ", sizeof materialized - 1);
    return RG_OK;
}

static rg_status visit_fence(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    struct fence_walk *fence = (struct fence_walk *)(void *)walk;
    (void)depth;
    (void)out_is_done;
    if (!IsA(*slot, CommonTableExpr)) {
        return RG_OK;
    }
    const CommonTableExpr *item = (const CommonTableExpr *)(const void *)*slot;
    switch (item->ctematerialized) {
    case CTEMaterializeDefault:
        return RG_OK;
    case CTEMaterializeAlways:
        return spell_fence(fence, item);
    case CTEMaterializeNever:
        break;
    }
    return sql_deny(&fence->work->site, "0A000", "hyper.token", -1, "Hyper has no NOT MATERIALIZED");
}

/* `FROM t AS materialized (a, b)` looks like a fence that was forgotten: the checker takes none that does. */
static rg_status refuse_unspelled(struct fence_walk *fence)
{
    for (size_t i = 1; i + 1 < fence->tokens->count; i++) {
        bool is_spelled = (fence->out[fence->tokens->tokens[i].at] | 32) != 'm';
        if (!is_spelled && sql_token_is(fence->tokens, i, "materialized") && sql_token_is(fence->tokens, i - 1, "as") &&
            sql_token_is(fence->tokens, i + 1, "(")) {
            return deny_token(fence->work, sql_token_text(fence->tokens, i));
        }
    }
    return RG_OK;
}

/* The fences are found in the tree of what PostgreSQL would get; the checker proves the result. */
static rg_status parse_unspelled(struct sql_work *work, struct rg_slice text, Node **out_tree)
{
    struct sql_parsed parsed = {0};
    RG_TRY(sql_parse(text, work->site.arena, &parsed));
    if (!parsed.is_ok || list_length(parsed.statements) != 1) {
        return sql_deny(&work->site, "0A000", "sql.proof", -1, "the statement could not be rewritten in place");
    }
    *out_tree = linitial_node(RawStmt, parsed.statements)->stmt;
    return RG_OK;
}

rg_status sql_hyper_spell(struct sql_work *work, struct rg_slice text, struct rg_slice *out_text)
{
    Node *tree = NULL;
    struct sql_tokens tokens = {0};
    char *out = NULL;
    RG_TRY(parse_unspelled(work, text, &tree));
    RG_TRY(sql_lex(text, work->site.arena, &tokens));
    RG_TRY(rg_arena_array(work->site.arena, text.size + 1, 1, (void **)&out));
    memset(out, ' ', text.size); /* comments and white space */
    for (size_t i = 0; i < tokens.count; i++) {
        struct rg_slice token = sql_token_text(&tokens, i);
        if (!is_common_token(token) || touches(&tokens, i)) {
            return deny_token(work, token);
        }
        memcpy(out + tokens.tokens[i].at, token.data, token.size);
    }
    struct fence_walk fence = {
        .walk = {visit_fence, refuse_node, refuse_node}, .work = work, .tokens = &tokens, .out = out};
    RG_TRY(sql_walk_slot(&fence.walk, &tree, 0));
    RG_TRY(refuse_unspelled(&fence));
    *out_text = rg_slice_make(out, text.size);
    return RG_OK;
}
