/* SPDX-License-Identifier: Apache-2.0 */
/* SET, SHOW, RESET and transaction modes, by a short list of settings that change how values are written and
 * nothing else. What decides whose rows are seen (search_path, role, session_authorization, row_security,
 * any custom setting) is not on it; how bytes are read (standard_conforming_strings, client_encoding) is
 * there with the one value that the parser assumed. */
#include "policy/sql_check_private.h"

#include <strings.h>

enum { VALUES_MAX = 4 };

struct setting {
    const char *name;
    bool is_shown;
    bool is_set;
    const char *values[VALUES_MAX]; /* the only ones; none = any constant */
};

static const struct setting settings[] = {
    {.name = "bytea_output", .is_shown = true, .is_set = true, .values = {"hex", "escape"}},
    {.name = "client_encoding", .is_shown = true, .is_set = true, .values = {"utf8", "utf-8", "unicode"}},
    {.name = "client_min_messages", .is_shown = true, .is_set = true, .values = {"notice", "warning", "error"}},
    {.name = "datestyle", .is_shown = true, .is_set = true},
    {.name = "default_transaction_isolation", .is_shown = true},
    {.name = "default_transaction_read_only", .is_shown = true},
    {.name = "extra_float_digits", .is_shown = true, .is_set = true},
    {.name = "integer_datetimes", .is_shown = true},
    {.name = "intervalstyle", .is_shown = true, .is_set = true},
    {.name = "max_identifier_length", .is_shown = true},
    {.name = "server_encoding", .is_shown = true},
    {.name = "server_version", .is_shown = true},
    {.name = "server_version_num", .is_shown = true},
    {.name = "standard_conforming_strings", .is_shown = true, .is_set = true, .values = {"on", "true"}},
    {.name = "statement_timeout", .is_shown = true},
    {.name = "timezone", .is_shown = true, .is_set = true},
    {.name = "transaction_deferrable", .is_shown = true},
    {.name = "transaction_isolation", .is_shown = true},
    {.name = "transaction_read_only", .is_shown = true},
};

static const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < lengthof(settings); i++) {
        if (strcasecmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

static bool is_allowed_value(const struct setting *setting, const A_Const *value)
{
    if (setting->values[0] == NULL) {
        return true;
    }
    for (size_t i = 0; i < VALUES_MAX && setting->values[i] != NULL; i++) {
        if (!value->isnull && nodeTag(&value->val) == T_String &&
            strcasecmp(setting->values[i], value->val.sval.sval) == 0) {
            return true;
        }
    }
    return false;
}

static rg_status visit_value(struct sql_check *check, const struct setting *setting, const Node *value)
{
    if (value != NULL && IsA(value, A_Const) && is_allowed_value(setting, (const void *)value)) {
        return RG_OK;
    }
    /* SET TIME ZONE INTERVAL '1' HOUR */
    if (value != NULL && IsA(value, TypeCast) && setting->values[0] == NULL) {
        return sql_check_expr(check, value);
    }
    return sql_check_refuse(check, "the value of a setting");
}

static rg_status visit_values(struct sql_check *check, const struct setting *setting, const List *values)
{
    if (values == NIL || list_length(values) > VALUES_MAX || (setting->values[0] != NULL && list_length(values) != 1)) {
        return sql_check_refuse(check, "the value of a setting");
    }
    for (int i = 0; i < list_length(values); i++) {
        RG_TRY(visit_value(check, setting, list_nth(values, i)));
    }
    return RG_OK;
}

rg_status sql_check_modes(struct sql_check *check, const List *modes)
{
    static const char *const names[] = {"transaction_isolation", "transaction_read_only", "transaction_deferrable"};
    for (int i = 0; i < list_length(modes); i++) {
        const DefElem *mode = list_nth(modes, i);
        bool is_known = false;
        for (size_t k = 0; k < lengthof(names) && IsA(mode, DefElem) && mode->defnamespace == NULL; k++) {
            is_known = is_known || strcmp(mode->defname, names[k]) == 0;
        }
        if (!is_known || mode->arg == NULL || !IsA(mode->arg, A_Const)) {
            return sql_check_refuse(check, "transaction mode");
        }
    }
    return RG_OK;
}

/* The login's defaults are not ours to uncover: a setting that has only some values is not reset. */
static bool is_resettable(const struct setting *setting)
{
    return setting->is_set && setting->values[0] == NULL;
}

rg_status sql_check_set(struct sql_check *check, const void *node)
{
    const VariableSetStmt *set = node;
    if (set->kind == VAR_SET_MULTI && set->name != NULL && strcmp(set->name, "TRANSACTION") == 0) {
        return sql_check_modes(check, set->args);
    }
    const struct setting *setting = setting_find(set->name);
    if (setting == NULL || !setting->is_set) {
        return sql_check_refuse(check, "a setting that is not on the list");
    }
    if (check->limits->are_formats_fixed && setting->values[0] == NULL) {
        return sql_check_refuse(check, "a setting that decides what masks and predicates see");
    }
    if (set->kind == VAR_SET_VALUE) {
        return visit_values(check, setting, set->args);
    }
    bool is_reset = set->kind == VAR_SET_DEFAULT || set->kind == VAR_RESET;
    return is_reset && is_resettable(setting) ? RG_OK : sql_check_refuse(check, "the value of a setting");
}

rg_status sql_check_show(struct sql_check *check, const void *node)
{
    const VariableShowStmt *show = node;
    const struct setting *setting = setting_find(show->name);
    return setting != NULL && setting->is_shown ? RG_OK : sql_check_refuse(check, "a setting that is not on the list");
}
