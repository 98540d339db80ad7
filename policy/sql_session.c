/* SPDX-License-Identifier: Apache-2.0 */
/* SET, SHOW, RESET and DISCARD by the table of policy/settings.c, and the ways to cancel another session. */
#include "policy/sql_planner_private.h"

#include "policy/hyper.h"
#include "policy/settings.h"

#include <stdlib.h>

static rg_status deny_setting(struct sql_work *work, const char *name)
{
    return sql_deny(&work->site, "42501", "setting.not_allowed", -1, "setting \"%.100s\" is not available to you",
                    name == NULL ? "" : name);
}

static rg_status deny_value(struct sql_work *work, const char *name)
{
    return sql_deny(&work->site, "42501", "setting.value", -1,
                    "this value of setting \"%.100s\" is not available to you", name);
}

/* The text of one value; empty when it is no plain constant. */
static rg_status value_text(struct sql_work *work, const Node *node, struct rg_slice *out_text)
{
    *out_text = (struct rg_slice){"", 0};
    if (node == NULL || !IsA(node, A_Const) || ((const A_Const *)node)->isnull) {
        return RG_OK;
    }
    const A_Const *constant = (const A_Const *)node;
    switch ((int)nodeTag(&constant->val)) {
    case T_String:
        return rg_arena_copy(work->site.arena, rg_slice_of(constant->val.sval.sval), out_text);
    case T_Integer:
        return rg_arena_printf(work->site.arena, out_text, "%d", constant->val.ival.ival);
    case T_Float:
        return rg_arena_copy(work->site.arena, rg_slice_of(constant->val.fval.fval), out_text);
    case T_Boolean:
        *out_text = constant->val.boolval.boolval ? RG_SLICE("true") : RG_SLICE("false");
        return RG_OK;
    default: /* no text: refused by whoever asked */
        return RG_OK;
    }
}

/* A list value is one text, as PostgreSQL joins it: SET datestyle TO ISO, MDY. */
static rg_status values_text(struct sql_work *work, const List *args, struct rg_slice *out_text)
{
    struct rg_slice all = {"", 0};
    for (int i = 0; i < list_length(args) && i < 8; i++) {
        struct rg_slice one = {0};
        RG_TRY(value_text(work, list_nth(args, i), &one));
        RG_TRY(rg_arena_printf(work->site.arena, &all, "%.*s%s%.*s", RG_SLICE_ARGS(all), i == 0 ? "" : ", ",
                               RG_SLICE_ARGS(one)));
    }
    *out_text = all;
    return RG_OK;
}

/* ---- search_path ---- */

static bool is_ignored_schema(struct rg_slice name)
{
    return rg_slice_is_equal(name, RG_SLICE("$user")) || rg_slice_is_equal(name, RG_SLICE("public")) ||
           rg_slice_is_equal(name, RG_SLICE("pg_catalog")) || name.size == 0;
}

static rg_status set_path(struct sql_work *work, const VariableSetStmt *set, struct policy_statement *statement)
{
    struct rg_slice *values = NULL;
    size_t count = 0;
    if (list_length(set->args) > 64) {
        return deny_value(work, set->name);
    }
    RG_TRY(rg_arena_array(work->site.arena, (size_t)list_length(set->args) + 1, sizeof *values, (void **)&values));
    for (int i = 0; i < list_length(set->args); i++) {
        struct rg_slice name = {0};
        struct rg_slice physical = {0};
        RG_TRY(value_text(work, list_nth(set->args, i), &name));
        if (policy_schema_find(work->binding, name, &physical)) {
            values[count++] = name;
        } else if (!is_ignored_schema(name)) {
            return sql_deny(&work->site, "42501", "setting.value", -1, "schema \"%.*s\" is not available to you",
                            rg_slice_shown(name), name.data);
        }
    }
    statement->effect = POLICY_EFFECT_SET_SEARCH_PATH;
    statement->values = values;
    statement->value_count = count;
    return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("SET"));
}

/* ---- statement_timeout ---- */

static bool timeout_of(struct rg_slice text, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    int64_t number = 0;
    size_t at = 0;
    for (; at < text.size && at < 9 && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        number = number * 10 + (text.data[at] - '0');
    }
    struct rg_slice unit = rg_slice_cut(text, at, text.size);
    while (unit.size > 0 && unit.data[0] == ' ') {
        unit = rg_slice_cut(unit, 1, unit.size);
    }
    for (size_t i = 0; at > 0 && i < lengthof(units); i++) {
        if (rg_slice_is_equal(unit, rg_slice_of(units[i].unit)) && number <= INT32_MAX / units[i].ms) {
            *out_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

static rg_status set_one(struct sql_work *work, const VariableSetStmt *set, struct rg_slice value,
                         struct policy_statement *statement)
{
    struct rg_slice *values = NULL;
    RG_TRY(rg_arena_array(work->site.arena, 1, sizeof *values, (void **)&values));
    values[0] = value;
    statement->effect = POLICY_EFFECT_SET_APPLICATION;
    statement->values = values;
    statement->value_count = 1;
    if (value.size > 63) {
        return deny_value(work, set->name);
    }
    return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("SET"));
}

/* ---- SET ---- */

static rg_status set_value(struct sql_planner *planner, struct sql_work *work, const struct setting *setting,
                           Node *node, struct policy_statement *statement)
{
    const VariableSetStmt *set = (const VariableSetStmt *)node;
    struct rg_slice value = {0};
    (void)planner;
    RG_TRY(values_text(work, set->args, &value));
    switch (setting->set) {
    case SETTING_SET_REFUSED:
        return deny_setting(work, set->name);
    case SETTING_SET_SEARCH_PATH:
        return set_path(work, set, statement);
    case SETTING_SET_APPLICATION:
        return set_one(work, set, value, statement);
    case SETTING_SET_TIMEOUT:
        statement->effect = POLICY_EFFECT_SET_TIMEOUT;
        if (!timeout_of(value, &statement->number)) {
            return deny_value(work, set->name);
        }
        break;
    case SETTING_SET_VALUES:
        if (setting->is_local_passed && set->is_local && !sql_is_hyper(work) && !work->binding->fixes_formats) {
            statement->prelude = POLICY_PRELUDE_KEPT;
            return sql_finish(work, statement, node, statement->source, statement->source_at);
        }
        if (!setting_has_value(setting, value)) {
            return deny_value(work, set->name);
        }
        break;
    case SETTING_SET_ANY:
        break;
    }
    return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("SET"));
}

static rg_status reset_value(struct sql_work *work, const struct setting *setting, const VariableSetStmt *set,
                             struct policy_statement *statement)
{
    struct rg_slice tag = set->kind == VAR_RESET ? RG_SLICE("RESET") : RG_SLICE("SET");
    switch (setting->set) {
    case SETTING_SET_REFUSED:
        return deny_setting(work, set->name);
    case SETTING_SET_SEARCH_PATH:
        statement->effect = POLICY_EFFECT_SET_SEARCH_PATH;
        break;
    case SETTING_SET_APPLICATION:
        RG_TRY(set_one(work, set, (struct rg_slice){"", 0}, statement));
        break;
    case SETTING_SET_TIMEOUT:
        statement->effect = POLICY_EFFECT_SET_TIMEOUT;
        break;
    case SETTING_SET_VALUES:
    case SETTING_SET_ANY:
        break;
    }
    return sql_plan_virtual(work, statement, sql_placeholder, tag);
}

rg_status sql_plan_set(struct sql_planner *planner, struct sql_work *work, Node *node,
                       struct policy_statement *statement)
{
    const VariableSetStmt *set = (const VariableSetStmt *)node;
    if (set->kind == VAR_RESET_ALL) {
        statement->effect = POLICY_EFFECT_RESET_ALL;
        return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("RESET"));
    }
    if (set->kind == VAR_SET_MULTI && set->name != NULL && strcmp(set->name, "TRANSACTION") == 0) {
        statement->is_read = true;
        statement->prelude = POLICY_PRELUDE_KEPT; /* must come before any query of its transaction */
        return sql_finish(work, statement, node, statement->source, statement->source_at);
    }
    const struct setting *setting = setting_find(rg_slice_of(set->name));
    if (setting == NULL || set->kind == VAR_SET_MULTI || set->kind == VAR_SET_CURRENT) {
        return deny_setting(work, set->name);
    }
    return set->kind == VAR_SET_VALUE ? set_value(planner, work, setting, node, statement)
                                      : reset_value(work, setting, set, statement);
}

/* ---- SHOW ---- */

static rg_status show_text(struct sql_work *work, struct rg_slice value, const char *name,
                           struct policy_statement *statement)
{
    struct rg_slice printed = {0};
    struct rg_slice text = {0};
    RG_TRY(sql_print_string(value, work->site.arena, &printed));
    RG_TRY(
        rg_arena_printf(work->site.arena, &text, "SELECT %.*s::pg_catalog.text AS %s", RG_SLICE_ARGS(printed), name));
    return sql_plan_virtual(work, statement, text, RG_SLICE("SHOW"));
}

static rg_status show_path(struct sql_work *work, struct policy_statement *statement)
{
    struct rg_slice path = {"", 0};
    struct rg_slice logical = {0};
    for (size_t i = 0; sql_path_at(work->binding, work->session, i, &logical); i++) {
        struct rg_slice name = {0};
        RG_TRY(sql_print_identifier(logical, work->site.arena, &name));
        RG_TRY(rg_arena_printf(work->site.arena, &path, "%.*s%s%.*s", RG_SLICE_ARGS(path), i == 0 ? "" : ", ",
                               RG_SLICE_ARGS(name)));
    }
    return show_text(work, path, "search_path", statement);
}

rg_status sql_plan_show(struct sql_planner *planner, struct sql_work *work, Node *node,
                        struct policy_statement *statement)
{
    const VariableShowStmt *show = (const VariableShowStmt *)node;
    const struct setting *setting = setting_find(rg_slice_of(show->name));
    statement->returns_rows = true;
    statement->is_read = true;
    switch (setting == NULL ? SETTING_SHOW_REFUSED : setting->show) {
    case SETTING_SHOW_REFUSED:
        return deny_setting(work, show->name);
    case SETTING_SHOW_PASS:
        if (sql_is_hyper(work) && hyper_setting_shown(rg_slice_of(show->name)) != NULL) {
            return show_text(work, rg_slice_of(hyper_setting_shown(rg_slice_of(show->name))), setting->name, statement);
        }
        statement->prelude = POLICY_PRELUDE_KEPT;
        return sql_finish(work, statement, node, statement->source, statement->source_at);
    case SETTING_SHOW_PATH:
        return show_path(work, statement);
    case SETTING_SHOW_VALUE:
        return show_text(work, rg_slice_of(setting->shown), setting->name, statement);
    }
    (void)planner;
    return deny_setting(work, show->name);
}

rg_status sql_plan_discard(struct sql_planner *planner, struct sql_work *work, Node *node,
                           struct policy_statement *statement)
{
    static const char *const tags[] = {
        [DISCARD_ALL] = "DISCARD ALL",
        [DISCARD_PLANS] = "DISCARD PLANS",
        [DISCARD_SEQUENCES] = "DISCARD SEQUENCES",
        [DISCARD_TEMP] = "DISCARD TEMP",
    };
    const DiscardStmt *discard = (const DiscardStmt *)node;
    (void)planner;
    if (discard->target == DISCARD_ALL) {
        statement->effect = POLICY_EFFECT_RESET_ALL;
        statement->number = 1;
    }
    return sql_plan_virtual(work, statement, sql_placeholder, rg_slice_of(tags[discard->target]));
}

/* Drivers' pools send it to clean up; nobody listens here. */
rg_status sql_plan_unlisten(struct sql_planner *planner, struct sql_work *work, Node *node,
                            struct policy_statement *statement)
{
    (void)planner;
    (void)node;
    return sql_plan_virtual(work, statement, sql_placeholder, RG_SLICE("UNLISTEN"));
}

/* ---- cancel ---- */

/* A process id written as a number or as a string of digits. */
static bool pid_of(const Node *node, int64_t *out_pid)
{
    if (node == NULL || !IsA(node, A_Const) || ((const A_Const *)node)->isnull) {
        return false;
    }
    const A_Const *constant = (const A_Const *)node;
    if (IsA(&constant->val, Integer)) {
        *out_pid = constant->val.ival.ival;
        return true;
    }
    if (!IsA(&constant->val, String)) {
        return false;
    }
    char *end = NULL;
    long pid = strtol(constant->val.sval.sval, &end, 10);
    if (end == constant->val.sval.sval || *end != '\0' || pid < 0 || pid > INT32_MAX) {
        return false;
    }
    *out_pid = pid;
    return true;
}

/* pid or pg_stat_activity.pid */
static bool is_pid_column(const Node *node)
{
    if (node == NULL || !IsA(node, ColumnRef)) {
        return false;
    }
    const List *fields = ((const ColumnRef *)node)->fields;
    int count = list_length(fields);
    return count >= 1 && count <= 2 && rg_slice_is_equal(sql_last_name(fields), RG_SLICE("pid")) &&
           (count == 1 || rg_slice_is_equal(sql_string(linitial(fields)), RG_SLICE("pg_stat_activity")));
}

/* ... FROM pg_stat_activity WHERE pid = n */
static bool is_activity_of(const SelectStmt *select, int64_t *out_pid)
{
    const Node *from = list_length(select->fromClause) == 1 ? linitial(select->fromClause) : NULL;
    if (from == NULL || !IsA(from, RangeVar) || strcmp(((const RangeVar *)from)->relname, "pg_stat_activity") != 0 ||
        select->whereClause == NULL || !IsA(select->whereClause, A_Expr)) {
        return false;
    }
    const A_Expr *where = (const A_Expr *)select->whereClause;
    return where->kind == AEXPR_OP && list_length(where->name) == 1 &&
           rg_slice_is_equal(sql_last_name(where->name), RG_SLICE("=")) && is_pid_column(where->lexpr) &&
           pid_of(where->rexpr, out_pid);
}

bool sql_is_cancel(const Node *node, int64_t *out_pid, struct rg_slice *out_name)
{
    if (!IsA(node, SelectStmt) || list_length(((const SelectStmt *)node)->targetList) != 1) {
        return false;
    }
    const SelectStmt *select = (const SelectStmt *)node;
    const ResTarget *target = linitial_node(ResTarget, select->targetList);
    if (target->val == NULL || !IsA(target->val, FuncCall) || select->withClause != NULL || select->sortClause != NIL ||
        select->limitCount != NULL || select->limitOffset != NULL || select->lockingClause != NIL ||
        select->groupClause != NIL || select->havingClause != NULL || select->intoClause != NULL ||
        select->distinctClause != NIL || select->windowClause != NIL) {
        return false;
    }
    const FuncCall *call = (const FuncCall *)target->val;
    struct rg_slice name = {0};
    if (!sql_is_builtin_name(call->funcname, &name) || list_length(call->args) != 1 || call->over != NULL ||
        call->agg_filter != NULL) {
        return false;
    }
    bool is_terminate = rg_slice_is_equal(name, RG_SLICE("pg_terminate_backend"));
    if (!is_terminate && !rg_slice_is_equal(name, RG_SLICE("pg_cancel_backend"))) {
        return false;
    }
    *out_name = is_terminate ? RG_SLICE("pg_terminate_backend") : RG_SLICE("pg_cancel_backend");
    if (is_pid_column(linitial(call->args))) {
        return is_activity_of(select, out_pid);
    }
    return select->fromClause == NIL && select->whereClause == NULL && pid_of(linitial(call->args), out_pid);
}
