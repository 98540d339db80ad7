/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of statements that carry a query or move a transaction. */
#include "policy/sql_planner_private.h"

#include <strings.h>

static rg_status finish(struct sql_work *work, Node *node, struct policy_statement *statement)
{
    return sql_finish(work, statement, node, statement->source, statement->source_at);
}

rg_status sql_plan_query(struct sql_planner *planner, struct sql_work *work, Node *node,
                         struct policy_statement *statement)
{
    struct rg_slice name = {0};
    if (sql_is_cancel(node, &statement->number, &name)) {
        struct rg_slice text = {0};
        RG_TRY(rg_arena_printf(planner->arena, &text, "SELECT true AS %.*s", RG_SLICE_ARGS(name)));
        statement->effect = POLICY_EFFECT_CANCEL_PID;
        statement->class_of_statement = POLICY_CLASS_FUNCTION;
        statement->returns_rows = true;
        return sql_plan_virtual(work, statement, text, (struct rg_slice){"", 0});
    }
    bool is_select = IsA(node, SelectStmt);
    RG_TRY(sql_rewrite(work, &node));
    RG_TRY(finish(work, node, statement));
    statement->is_read = !work->is_write && !work->may_change;
    statement->class_of_statement = work->is_write ? POLICY_CLASS_WRITE : POLICY_CLASS_READ;
    statement->returns_rows = is_select || (IsA(node, InsertStmt) && ((InsertStmt *)node)->returningList != NIL) ||
                              (IsA(node, UpdateStmt) && ((UpdateStmt *)node)->returningList != NIL) ||
                              (IsA(node, DeleteStmt) && ((DeleteStmt *)node)->returningList != NIL);
    return RG_OK;
}

/* ---- options ---- */

static struct rg_slice option_text(const DefElem *option)
{
    return sql_string(option->arg);
}

static bool is_word(struct rg_slice text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (text.size == strlen(words[i]) && strncasecmp(text.data, words[i], text.size) == 0) {
            return true;
        }
    }
    return false;
}

static rg_status deny_option(struct sql_work *work, const char *rule, const DefElem *option)
{
    return sql_deny(&work->site, "0A000", rule, option->location, "option \"%s\" is not supported",
                    option->defname == NULL ? "" : option->defname);
}

/* ---- EXPLAIN: of own relations only, and never more than the plan's shape ---- */

static bool is_explain_option(const DefElem *option)
{
    static const char *const off[] = {"off", "false", "0", NULL};
    static const char *const formats[] = {"text", "xml", "json", "yaml", NULL};
    struct rg_slice name = rg_slice_of(option->defname);
    if (rg_slice_is_equal(name, RG_SLICE("format"))) {
        return is_word(option_text(option), formats);
    }
    if (rg_slice_is_equal(name, RG_SLICE("costs")) || rg_slice_is_equal(name, RG_SLICE("summary"))) {
        return option->arg == NULL || IsA(option->arg, String);
    }
    return rg_slice_is_equal(name, RG_SLICE("verbose")) && is_word(option_text(option), off);
}

rg_status sql_plan_explain(struct sql_planner *planner, struct sql_work *work, Node *node,
                           struct policy_statement *statement)
{
    ExplainStmt *explain = (ExplainStmt *)node;
    (void)planner;
    for (int i = 0; i < list_length(explain->options); i++) {
        const DefElem *option = list_nth_node(DefElem, explain->options, i);
        if (!is_explain_option(option)) {
            return deny_option(work, "statement.explain", option);
        }
    }
    if (!IsA(explain->query, SelectStmt)) {
        return sql_deny(&work->site, "0A000", "statement.explain", -1, "EXPLAIN is supported for SELECT only");
    }
    work->is_explained = true;
    RG_TRY(sql_rewrite(work, &explain->query));
    RG_TRY(finish(work, node, statement));
    statement->is_read = !work->may_change; /* planning may call what says that it never changes */
    statement->returns_rows = true;
    return RG_OK;
}

/* ---- COPY ... TO STDOUT ---- */

static bool is_copy_option(const DefElem *option)
{
    static const char *const formats[] = {"text", "csv", "binary", NULL};
    static const char *const encodings[] = {"utf8", "utf-8", "unicode", NULL};
    static const char *const plain[] = {"delimiter", "null", "header", "quote", "escape", NULL};
    struct rg_slice name = rg_slice_of(option->defname);
    if (rg_slice_is_equal(name, RG_SLICE("format"))) {
        return is_word(option_text(option), formats);
    }
    if (rg_slice_is_equal(name, RG_SLICE("encoding"))) {
        return is_word(option_text(option), encodings);
    }
    return is_word(name, plain) &&
           (option->arg == NULL || IsA(option->arg, String) || IsA(option->arg, Boolean) || IsA(option->arg, Integer));
}

static rg_status copy_columns(struct sql_work *work, const CopyStmt *copy, List **out_targets,
                              struct rg_slice *out_text)
{
    struct rg_arena *arena = work->site.arena;
    struct rg_slice text = {"", 0};
    List *targets = NIL;
    for (int i = 0; i < list_length(copy->attlist); i++) {
        struct rg_slice name = sql_string(list_nth(copy->attlist, i));
        struct rg_slice printed = {0};
        ResTarget *target = makeNode(ResTarget);
        ColumnRef *column = makeNode(ColumnRef);
        column->fields = list_make1(list_nth(copy->attlist, i));
        column->location = -1;
        target->val = (Node *)column;
        targets = lappend(targets, target);
        RG_TRY(sql_check_column(&work->site, column));
        RG_TRY(sql_print_identifier(name, arena, &printed));
        RG_TRY(rg_arena_printf(arena, &text, "%.*s%s%.*s", RG_SLICE_ARGS(text), i == 0 ? "" : ", ",
                               RG_SLICE_ARGS(printed)));
    }
    if (targets == NIL) {
        ResTarget *target = makeNode(ResTarget);
        ColumnRef *star = makeNode(ColumnRef);
        star->fields = list_make1(makeNode(A_Star));
        target->val = (Node *)star;
        targets = list_make1(target);
        text = RG_SLICE("*");
    }
    *out_targets = targets;
    *out_text = text;
    return RG_OK;
}

/* `COPY t (a, b) TO` becomes `COPY (SELECT a, b FROM t) TO`, and t is then rewritten as in any query. */
static rg_status copy_table(struct sql_work *work, CopyStmt *copy)
{
    struct sql_site *site = &work->site;
    List *targets = NIL;
    struct rg_slice columns = {0};
    struct rg_slice before = {0};
    size_t first = 0;
    size_t last = 0;
    RG_TRY(copy_columns(work, copy, &targets, &columns));
    RG_TRY(rg_arena_printf(site->arena, &before, "(SELECT %.*s FROM ", RG_SLICE_ARGS(columns)));
    RG_TRY(sql_site_token(site, copy->relation->location, &first));
    RG_TRY(sql_site_name_end(site, first, copy->relation->schemaname == NULL ? 1 : 2, &last));
    RG_TRY(sql_site_insert(site, site->tokens.tokens[first].at, before));
    SelectStmt *select = makeNode(SelectStmt);
    select->targetList = targets;
    select->fromClause = list_make1(copy->relation);
    copy->query = (Node *)select;
    copy->relation = NULL;
    RG_TRY(sql_visit_range(work, (Node **)&list_nth_cell(select->fromClause, 0)->ptr_value, 1));
    if (copy->attlist == NIL) {
        return sql_site_insert(site, site->tokens.tokens[last].end, RG_SLICE(")"));
    }
    size_t close = 0;
    copy->attlist = NIL;
    if (!sql_token_is(&site->tokens, last + 1, "(") || !sql_token_close(&site->tokens, last + 1, &close)) {
        return sql_deny(site, "0A000", "sql.place", -1, "this COPY is written in a way that is not supported");
    }
    return sql_site_replace(site, last + 1, close, RG_SLICE(")"));
}

rg_status sql_plan_copy(struct sql_planner *planner, struct sql_work *work, Node *node,
                        struct policy_statement *statement)
{
    CopyStmt *copy = (CopyStmt *)node;
    statement->class_of_statement = copy->is_from ? POLICY_CLASS_WRITE : POLICY_CLASS_READ;
    if (copy->is_program || copy->filename != NULL) {
        return sql_deny(&work->site, "42501", "statement.copy", -1,
                        "COPY to and from files and programs is not available to you");
    }
    if (copy->is_from) {
        return sql_plan_copy_from(planner, work, node, statement);
    }
    for (int i = 0; i < list_length(copy->options); i++) {
        const DefElem *option = list_nth_node(DefElem, copy->options, i);
        if (!is_copy_option(option)) {
            return deny_option(work, "statement.copy", option);
        }
    }
    if (copy->query != NULL && !IsA(copy->query, SelectStmt)) {
        return sql_deny(&work->site, "0A000", "statement.copy", -1, "COPY is supported for SELECT only");
    }
    RG_TRY(copy->query == NULL ? copy_table(work, copy) : sql_rewrite(work, &copy->query));
    RG_TRY(finish(work, node, statement));
    statement->is_read = !work->is_write && !work->may_change;
    return work->is_write ? sql_deny(&work->site, "0A000", "statement.copy", -1, "COPY of a write is not supported")
                          : RG_OK;
}

/* ---- cursors ---- */

rg_status sql_plan_declare(struct sql_planner *planner, struct sql_work *work, Node *node,
                           struct policy_statement *statement)
{
    DeclareCursorStmt *declare = (DeclareCursorStmt *)node;
    (void)planner;
    if ((declare->options & CURSOR_OPT_HOLD) != 0) {
        return sql_deny(&work->site, "0A000", "statement.cursor", -1, "cursors WITH HOLD are not supported");
    }
    RG_TRY(sql_rewrite(work, &declare->query));
    if (work->is_write) {
        return sql_deny(&work->site, "0A000", "statement.cursor", -1, "a cursor cannot write");
    }
    if (work->may_change) { /* FETCH would run it */
        return sql_deny(&work->site, "0A000", "statement.cursor", -1, "a cursor cannot call functions of your own");
    }
    RG_TRY(finish(work, node, statement));
    statement->is_read = true;
    return RG_OK;
}

rg_status sql_plan_fetch(struct sql_planner *planner, struct sql_work *work, Node *node,
                         struct policy_statement *statement)
{
    (void)planner;
    RG_TRY(finish(work, node, statement));
    statement->is_read = true;
    statement->returns_rows = !((const FetchStmt *)node)->ismove;
    return RG_OK;
}

rg_status sql_plan_close(struct sql_planner *planner, struct sql_work *work, Node *node,
                         struct policy_statement *statement)
{
    (void)planner;
    RG_TRY(finish(work, node, statement));
    statement->is_read = true;
    return RG_OK;
}

/* ---- transactions ---- */

rg_status sql_plan_transaction(struct sql_planner *planner, struct sql_work *work, Node *node,
                               struct policy_statement *statement)
{
    static const enum policy_effect effects[] = {
        [TRANS_STMT_BEGIN] = POLICY_EFFECT_BEGIN,      [TRANS_STMT_START] = POLICY_EFFECT_BEGIN,
        [TRANS_STMT_COMMIT] = POLICY_EFFECT_COMMIT,    [TRANS_STMT_ROLLBACK] = POLICY_EFFECT_ROLLBACK,
        [TRANS_STMT_SAVEPOINT] = POLICY_EFFECT_NONE,   [TRANS_STMT_RELEASE] = POLICY_EFFECT_NONE,
        [TRANS_STMT_ROLLBACK_TO] = POLICY_EFFECT_NONE,
    };
    static const enum policy_prelude preludes[] = {
        [TRANS_STMT_BEGIN] = POLICY_PRELUDE_KEPT,       [TRANS_STMT_START] = POLICY_PRELUDE_KEPT,
        [TRANS_STMT_COMMIT] = POLICY_PRELUDE_LOST,      [TRANS_STMT_ROLLBACK] = POLICY_PRELUDE_LOST,
        [TRANS_STMT_SAVEPOINT] = POLICY_PRELUDE_KEPT,   [TRANS_STMT_RELEASE] = POLICY_PRELUDE_KEPT,
        [TRANS_STMT_ROLLBACK_TO] = POLICY_PRELUDE_LOST,
    };
    const TransactionStmt *transaction = (const TransactionStmt *)node;
    (void)planner;
    if ((size_t)transaction->kind >= lengthof(effects)) {
        return sql_deny(&work->site, "0A000", "statement.transaction", -1, "two-phase commit is not supported");
    }
    RG_TRY(finish(work, node, statement));
    statement->effect = transaction->chain ? POLICY_EFFECT_NONE : effects[transaction->kind];
    statement->prelude = preludes[transaction->kind];
    statement->is_read = true;
    return RG_OK;
}
