/* SPDX-License-Identifier: Apache-2.0 */
/* COPY relation FROM STDIN: rows of the client's own into a relation of the tenant's own. A relation under row security
 * is refused, as PostgreSQL refuses it (copy.c: "COPY FROM not supported with row-level security"). Called by the
 * planner's COPY. */
#include "policy/sql_planner_private.h"

#include <strings.h>

enum value { VALUE_TEXT = 0, VALUE_FORMAT, VALUE_ENCODING, VALUE_COLUMNS };

/* Left out: freeze (rows that other transactions see too early), and the format "binary". */
static const struct option {
    const char *name;
    enum value value;
} options[] = {
    {"format", VALUE_FORMAT},      {"encoding", VALUE_ENCODING},
    {"delimiter", VALUE_TEXT},     {"null", VALUE_TEXT},
    {"header", VALUE_TEXT},        {"quote", VALUE_TEXT},
    {"escape", VALUE_TEXT},        {"force_not_null", VALUE_COLUMNS},
    {"force_null", VALUE_COLUMNS},
};

static bool is_word(const Node *value, const char *const *words)
{
    struct rg_slice text = value == NULL ? (struct rg_slice){"", 0} : sql_string(value);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (text.size == strlen(words[i]) && strncasecmp(text.data, words[i], text.size) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_value(enum value kind, const Node *value)
{
    static const char *const formats[] = {"text", "csv", NULL};
    static const char *const encodings[] = {"utf8", "utf-8", "unicode", NULL};
    switch (kind) {
    case VALUE_TEXT:
        return value == NULL || IsA(value, String) || IsA(value, Boolean) || IsA(value, Integer);
    case VALUE_FORMAT:
        return is_word(value, formats);
    case VALUE_ENCODING:
        return is_word(value, encodings);
    case VALUE_COLUMNS:
        return value != NULL && (IsA(value, List) || IsA(value, A_Star));
    }
    return false;
}

static bool is_option(const DefElem *option)
{
    for (size_t i = 0; i < lengthof(options); i++) {
        if (option->defnamespace == NULL && option->defname != NULL && strcmp(option->defname, options[i].name) == 0) {
            return is_value(options[i].value, option->arg);
        }
    }
    return false;
}

static rg_status check_options(struct sql_work *work, const CopyStmt *copy)
{
    for (int i = 0; i < list_length(copy->options); i++) {
        const DefElem *option = list_nth_node(DefElem, copy->options, i);
        if (!is_option(option)) {
            return sql_deny(&work->site, "0A000", "statement.copy", option->location,
                            "option \"%.63s\" is not supported", option->defname == NULL ? "" : option->defname);
        }
    }
    return RG_OK;
}

rg_status sql_plan_copy_from(struct sql_planner *planner, struct sql_work *work, Node *node,
                             struct policy_statement *statement)
{
    CopyStmt *copy = (CopyStmt *)node;
    const struct policy_bound *bound = NULL;
    (void)planner;
    if (copy->relation == NULL || copy->query != NULL || copy->whereClause != NULL) {
        return sql_deny(&work->site, "42501", "statement.copy", -1, "COPY FROM with WHERE is not available to you");
    }
    RG_TRY(sql_visit_target(work, copy->relation, (struct sql_rights){.insert = true}, &bound));
    if (bound->is_locked) {
        return sql_deny(&work->site, "0A000", "statement.copy", copy->relation->location,
                        "COPY FROM is not supported with row-level security: use INSERT statements instead");
    }
    RG_TRY(check_options(work, copy));
    for (int i = 0; i < list_length(copy->attlist); i++) {
        RG_TRY(sql_check_written(&work->site, sql_string(list_nth(copy->attlist, i)).data, copy->relation->location));
    }
    RG_TRY(sql_finish(work, statement, node, statement->source, statement->source_at));
    statement->class_of_statement = POLICY_CLASS_WRITE;
    statement->takes_data = true;
    return RG_OK;
}
