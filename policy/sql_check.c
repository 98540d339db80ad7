/* SPDX-License-Identifier: Apache-2.0 */
/* The second opinion of law L3: parses the text that would be sent and accepts it only if every node of it is
 * known and every relation covered. It trusts nothing that the rewriter says about the text, and shares no
 * code with it. The statement plan calls it last. */
#include "policy/check.h"
#include "policy/sql_check_private.h"

#include <pg_query.h>
#include <pg_query/pg_query_internal.h>

#include <mb/pg_wchar.h>

/* Everything that PostgreSQL's parser allocates lives between begin and end. A caller may be inside a context
 * of its own: it is current again afterwards. */
struct parser_memory {
    MemoryContext outer;
    MemoryContext own;
};

static struct parser_memory memory_begin(void)
{
    struct parser_memory memory = {.outer = CurrentMemoryContext};
    memory.own = pg_query_enter_memory_context();
    return memory;
}

static void memory_end(struct parser_memory *memory)
{
    pg_query_exit_memory_context(memory->own);
    if (memory->outer != NULL) {
        CurrentMemoryContext = memory->outer;
    }
}

rg_status sql_check_refuse(const struct sql_check *check, const char *what)
{
    (void)check;
    return rg_fail(RG_DENIED, "the statement to be sent was not accepted: %s", what);
}

rg_status sql_check_by_table(struct sql_check *check, const struct sql_check_row *rows, size_t row_count,
                             const char *place, const void *node)
{
    if (node == NULL) {
        return RG_OK;
    }
    NodeTag tag = nodeTag(node);
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].tag != tag) {
            continue;
        }
        if (check->depth >= SQL_CHECK_DEPTH_MAX) {
            return rg_fail(RG_LIMIT, "the statement nests deeper than %d nodes", SQL_CHECK_DEPTH_MAX);
        }
        check->depth++;
        rg_status status = rows[i].visit(check, node);
        check->depth--;
        return status;
    }
    return rg_fail(RG_DENIED, "the statement to be sent was not accepted: node type %d as %s", (int)tag, place);
}

/* Units: bytes. The parser wants a C string of legal UTF-8. */
static rg_status parser_text(struct sql_check *check, struct rg_slice text, const char **out_text)
{
    if (text.size > SQL_CHECK_TEXT_MAX) {
        return rg_fail(RG_LIMIT, "a statement of %zu bytes, limit %d", text.size, SQL_CHECK_TEXT_MAX);
    }
    if (text.size == 0) {
        return sql_check_refuse(check, "no statement");
    }
    if (memchr(text.data, '\0', text.size) != NULL || !pg_verify_mbstr(PG_UTF8, text.data, (int)text.size, true)) {
        return sql_check_refuse(check, "not UTF-8");
    }
    struct rg_slice copy = {0};
    RG_TRY(rg_arena_copy(check->arena, text, &copy));
    *out_text = copy.data;
    return RG_OK;
}

static rg_status parse_one(struct sql_check *check, struct rg_slice text, Node **out_statement)
{
    const char *input = NULL;
    RG_TRY(parser_text(check, text, &input));
    PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(input);
    free(parsed.stderr_buffer);
    if (parsed.error != NULL) {
        pg_query_free_error(parsed.error);
        return sql_check_refuse(check, "syntax error");
    }
    if (list_length(parsed.tree) != 1) {
        return sql_check_refuse(check, "not exactly one statement");
    }
    const RawStmt *raw = list_nth(parsed.tree, 0);
    *out_statement = raw->stmt;
    return RG_OK;
}

rg_status sql_check_parse(struct sql_check *check, struct rg_slice text, const void **out_statement)
{
    Node *statement = NULL;
    RG_TRY(parse_one(check, text, &statement));
    *out_statement = statement;
    return RG_OK;
}

static rg_status visit_option(struct sql_check *check, const DefElem *option, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(option->defname, names[i]) == 0) {
            return RG_OK;
        }
    }
    return sql_check_refuse(check, "statement option");
}

static rg_status visit_options(struct sql_check *check, const List *options, const char *const *names, size_t count)
{
    for (int i = 0; i < list_length(options); i++) {
        const DefElem *option = list_nth(options, i);
        if (!IsA(option, DefElem) || option->defnamespace != NULL || option->defname == NULL) {
            return sql_check_refuse(check, "statement option");
        }
        RG_TRY(visit_option(check, option, names, count));
    }
    return RG_OK;
}

static rg_status visit_only_select(struct sql_check *check, const void *query)
{
    if (query == NULL || !IsA(query, SelectStmt)) {
        return sql_check_refuse(check, "a query that is no SELECT");
    }
    return sql_check_select(check, query);
}

/* ANALYZE, BUFFERS, WAL and SETTINGS tell more than the plan's shape. */
static rg_status visit_explain(struct sql_check *check, const void *node)
{
    static const char *const names[] = {"costs", "verbose", "format", "summary"};
    const ExplainStmt *explain = node;
    RG_TRY(visit_options(check, explain->options, names, lengthof(names)));
    check->is_explained = true;
    return visit_only_select(check, explain->query);
}

static rg_status visit_copy(struct sql_check *check, const void *node)
{
    static const char *const names[] = {"format", "delimiter", "null", "header", "quote", "escape", "force_quote"};
    const CopyStmt *copy = node;
    if (copy->is_from) {
        return sql_check_copy_from(check, copy);
    }
    if (copy->relation != NULL || copy->attlist != NIL || copy->is_program || copy->filename != NULL ||
        copy->whereClause != NULL) {
        return sql_check_refuse(check, "COPY other than of a query to the client");
    }
    RG_TRY(visit_options(check, copy->options, names, lengthof(names)));
    return visit_only_select(check, copy->query);
}

static rg_status visit_declare(struct sql_check *check, const void *node)
{
    const DeclareCursorStmt *declare = node;
    if ((declare->options & CURSOR_OPT_HOLD) != 0) {
        return sql_check_refuse(check, "cursor WITH HOLD");
    }
    return visit_only_select(check, declare->query);
}

static rg_status visit_fetch_or_close(struct sql_check *check, const void *node)
{
    (void)check;
    (void)node;
    return RG_OK; /* names a cursor and counts rows, nothing else */
}

static rg_status visit_transaction(struct sql_check *check, const void *node)
{
    const TransactionStmt *transaction = node;
    if (transaction->kind > TRANS_STMT_ROLLBACK_TO || transaction->gid != NULL) {
        return sql_check_refuse(check, "two-phase commit");
    }
    return sql_check_modes(check, transaction->options);
}

static rg_status visit_statement(struct sql_check *check, const void *statement)
{
    static const struct sql_check_row rows[] = {
        {T_SelectStmt, sql_check_select},
        {T_InsertStmt, sql_check_write},
        {T_UpdateStmt, sql_check_write},
        {T_DeleteStmt, sql_check_write},
        {T_MergeStmt, sql_check_merge},
        {T_ExplainStmt, visit_explain},
        {T_CopyStmt, visit_copy},
        {T_DeclareCursorStmt, visit_declare},
        {T_FetchStmt, visit_fetch_or_close},
        {T_ClosePortalStmt, visit_fetch_or_close},
        {T_TransactionStmt, visit_transaction},
        {T_VariableSetStmt, sql_check_set},
        {T_VariableShowStmt, sql_check_show},
    };
    if (statement == NULL) {
        return sql_check_refuse(check, "no statement");
    }
    return sql_check_by_table(check, rows, lengthof(rows), "statement", statement);
}

static rg_status visit_whole(struct sql_check *check, const void *statement)
{
    RG_TRY(visit_statement(check, statement));
    return sql_check_settle_parameters(check);
}

static rg_status visit_again(struct sql_check *check, const void *statement)
{
    check->scope = NULL;
    check->item_count = 0;
    check->relation_count = 0;
    check->is_explained = false;
    check->level = NULL;
    check->where_of = NULL;
    check->has_guarded = false;
    memset(check->parameters, 0, sizeof check->parameters);
    return visit_whole(check, statement);
}

/* Guards are parsed only for a statement that needs one, which is rare: first it is tried without. */
static rg_status visit_with_guards(struct sql_check *check, const void *statement)
{
    rg_status status = visit_whole(check, statement);
    if (rg_is_ok(status) || status.error->kind != RG_DENIED || check->limits->guard_count == 0) {
        return status;
    }
    RG_TRY(sql_check_guards_load(check));
    check->function_items = NULL;
    check->function_item_count = 0;
    return visit_again(check, statement);
}

static rg_status check_tree(struct sql_check *check, const void *statement)
{
    RG_TRY(visit_with_guards(check, statement));
    if (check->function_items == NULL) {
        return RG_OK;
    }
    check->is_second_visit = true;
    return visit_again(check, statement);
}

/* A text for Hyper is no PostgreSQL yet. */
static rg_status read_sent(struct sql_check *check, struct rg_slice *text)
{
    return check->limits->is_hyper ? sql_check_hyper_text(check, *text, text) : RG_OK;
}

static rg_status check_text(struct sql_check *check, struct rg_slice text)
{
    const void *statement = NULL;
    RG_TRY(read_sent(check, &text));
    RG_TRY(sql_check_parse(check, text, &statement));
    return check_tree(check, statement);
}

rg_status check_statement(struct rg_slice text, const struct check_limits *limits, struct rg_arena *arena)
{
    struct sql_check check = {.limits = limits, .arena = arena};
    struct parser_memory memory = memory_begin();
    rg_status status = check_text(&check, text);
    memory_end(&memory);
    return status;
}

rg_status check_statement_tree(struct rg_slice text, const struct check_limits *limits, struct rg_arena *arena,
                               void **out_tree)
{
    struct sql_check check = {.limits = limits, .arena = arena};
    Node *statement = NULL;
    RG_TRY(read_sent(&check, &text));
    RG_TRY(parse_one(&check, text, &statement)); /* in the caller's context, where the tree stays */
    struct parser_memory memory = memory_begin();
    rg_status status = check_tree(&check, statement);
    memory_end(&memory);
    RG_TRY(status);
    *out_tree = statement;
    return RG_OK;
}
