/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of what Hyper knows: functions, types, settings, words of its own grammar. Data and look-ups; called by
 * the rewriter where the upstream is Hyper. */
#include "policy/hyper.h"

#include "policy/hyper_private.h"
#include "policy/names_private.h"

#include <strings.h>

/* ---- templates; $n stands only where all columns in scope begin with rg_ ---- */

static const char hyper_guard_database[] = "CAST(:rg_database AS pg_catalog.text)";
static const char hyper_guard_user[] = "CAST(:rg_user AS pg_catalog.text)";
static const char hyper_guard_schema[] = "CAST(:rg_schema AS pg_catalog.text)";
static const char hyper_guard_pid[] = ":rg_pid";
static const char hyper_guard_encoding[] = "CAST('UTF8' AS pg_catalog.text)";
static const char hyper_guard_false[] = "false";
static const char hyper_guard_true[] = "true";
static const char hyper_guard_no_oid[] = "0::pg_catalog.oid";
static const char hyper_guard_no_regtype[] = "CAST(NULL AS pg_catalog.oid)"; /* no name is looked up */
static const char hyper_guard_no_text[] = "NULL::pg_catalog.text";
static const char hyper_guard_first[] = "$1";
/* What hyperd itself emulates, in words that SQLAlchemy can read: clients then send the SQL of that age, which is
 * what Hyper understands best. */
static const char hyper_guard_version[] = "CAST('PostgreSQL 9.1.0 (Tableau Hyper)' AS pg_catalog.text)";
/* Of arrays in catalogues that are empty anyway. */
static const char hyper_guard_no_subscripts[] = "pg_catalog.generate_series(1, 0)";
static const char hyper_guard_regtype[] = "pg_catalog.format_type($1, -1)";
static const char hyper_guard_regclass_name[] =
    "(SELECT rg_g.rg_oid FROM (VALUES ('pg_type', 1247), ('pg_attribute', 1249), ('pg_class', 1259), "
    "('pg_database', 1262), ('pg_constraint', 2606), ('pg_namespace', 2615)) AS rg_g (rg_name, rg_oid) "
    "WHERE rg_g.rg_name = $1 OR pg_catalog.concat('pg_catalog.', rg_g.rg_name) = $1)";
static const char hyper_guard_table_is_visible[] =
    "(SELECT rg_g.rg_found FROM (SELECT c.oid AS rg_oid, COALESCE(pg_catalog.array_position(:rg_path, n.nspname) = "
    "(SELECT pg_catalog.min(pg_catalog.array_position(:rg_path, rg_n.nspname)) FROM pg_catalog.pg_class AS rg_c "
    "JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace AND " HYPER_IS_VISIBLE(
        "rg_n", "rg_c") " WHERE rg_c.relname = c.relname), false) AS rg_found FROM " HYPER_RELATIONS ") AS rg_g "
                        "WHERE rg_g.rg_oid = $1)";

/* ---- functions ---- */

#define ALLOWED(name) {name, FUNCTION_ALLOWED, {NULL, NULL, NULL, NULL}},
#define GUARDED(name, none, one, two, three) {name, FUNCTION_GUARDED, {none, one, two, three}},
#define CONSTANT(name, none, one, two, three) {name, FUNCTION_CONSTANT, {none, one, two, three}},
static const struct function_row functions[] = {
#include "policy/hyper_functions.def"
};
#undef ALLOWED
#undef GUARDED
#undef CONSTANT

enum { FUNCTION_ROW_COUNT = sizeof functions / sizeof functions[0] };

enum function_rule hyper_function_find(struct rg_slice name, const struct function_row **out_row)
{
    *out_row = NULL;
    for (size_t low = 0, high = FUNCTION_ROW_COUNT; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = names_compare(name, functions[middle].name);
        if (order == 0) {
            *out_row = &functions[middle];
            return functions[middle].rule;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return FUNCTION_DENIED;
}

size_t hyper_function_count(void)
{
    return FUNCTION_ROW_COUNT;
}

const struct function_row *hyper_function_at(size_t index)
{
    return index < FUNCTION_ROW_COUNT ? &functions[index] : NULL;
}

/* ---- short lists ---- */

static bool is_listed(struct rg_slice name, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strlen(list[i]) == name.size && strncasecmp(list[i], name.data, name.size) == 0) {
            return true;
        }
    }
    return false;
}

bool hyper_type_is_allowed(struct rg_slice name)
{
    static const char *const types[] = {"bool",      "bpchar",      "bytea",   "char", "date", "float4",
                                        "float8",    "int2",        "int4",    "int8", "json", "interval",
                                        "name",      "numeric",     "oid",     "text", "time", "uuid",
                                        "timestamp", "timestamptz", "varchar", NULL};
    bool is_array = name.size > 1 && name.data[0] == '_';
    return is_listed(is_array ? rg_slice_cut(name, 1, name.size - 1) : name, types);
}

bool hyper_is_word(struct rg_slice word)
{
    static const char *const words[] = {"assumed", "break",       "bulk",   "const",  "constref", "descriptor",
                                        "export",  "graph_table", "ignore", "omit",   "pass",     "prune",
                                        "respect", "sanitize",    "secure", "stream", "throw",    "try_cast",
                                        "unload",  "var",         "while",  "yield",  NULL};
    return is_listed(word, words);
}

const char *hyper_setting_shown(struct rg_slice name)
{
    static const struct {
        const char *name[2];
        const char *shown;
    } settings[] = {
        {{"statement_timeout", NULL}, "0"},
        {{"extra_float_digits", NULL}, "1"},
        {{"default_transaction_isolation", NULL}, "read committed"},
        {{"default_transaction_read_only", NULL}, "off"},
        {{"transaction_read_only", NULL}, "off"},
        {{"transaction_deferrable", NULL}, "off"},
        {{"server_encoding", NULL}, "UTF8"},
        {{"integer_datetimes", NULL}, "on"},
        {{"max_identifier_length", NULL}, "63"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (is_listed(name, settings[i].name)) {
            return settings[i].shown;
        }
    }
    return NULL;
}
