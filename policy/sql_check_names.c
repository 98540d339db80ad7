/* SPDX-License-Identifier: Apache-2.0 */
/* Names of schema objects other than relations. The search path never decides what a name means where that
 * matters: functions are qualified; types, operators and collations are PostgreSQL's own. */
#include "policy/sql_check_private.h"

const char *sql_check_name_at(const List *list, int at)
{
    if (at < 0 || at >= list_length(list)) {
        return NULL;
    }
    const String *name = list_nth(list, at);
    return name != NULL && IsA(name, String) ? name->sval : NULL;
}

static int compare_slices(struct rg_slice a, struct rg_slice b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static bool is_listed(const struct rg_slice *sorted, size_t count, struct rg_slice name)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_slices(sorted[middle], name);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* The last part of a name, when it has no other schema than pg_catalog; NULL otherwise. */
static const char *own_name(const List *names, bool must_qualify)
{
    int count = list_length(names);
    if (count < 1 || count > 2 || (count == 1 && must_qualify)) {
        return NULL;
    }
    const char *schema = count == 2 ? sql_check_name_at(names, 0) : "pg_catalog";
    return schema != NULL && strcmp(schema, "pg_catalog") == 0 ? sql_check_name_at(names, count - 1) : NULL;
}

rg_status sql_check_function_name(struct sql_check *check, const List *names)
{
    if (check->is_trusted) {
        return RG_OK;
    }
    const char *name = own_name(names, true);
    if (name == NULL) {
        return sql_check_refuse(check, "a function that is not of pg_catalog");
    }
    if (!is_listed(check->limits->functions, check->limits->function_count, rg_slice_of(name))) {
        return rg_fail(RG_DENIED, "the statement to be sent was not accepted: function %.63s", name);
    }
    return RG_OK;
}

rg_status sql_check_operator_name(struct sql_check *check, const List *names)
{
    if (check->is_trusted || own_name(names, false) != NULL) {
        return RG_OK;
    }
    return sql_check_refuse(check, "an operator that is not of pg_catalog");
}

rg_status sql_check_collation_name(struct sql_check *check, const List *names)
{
    static const char *const bare[] = {"default", "C", "POSIX", "ucs_basic"};
    const char *name = own_name(names, false);
    if (check->is_trusted || (name != NULL && list_length(names) == 2)) {
        return RG_OK;
    }
    for (size_t i = 0; name != NULL && i < lengthof(bare); i++) {
        if (strcmp(bare[i], name) == 0) {
            return RG_OK;
        }
    }
    return sql_check_refuse(check, "a collation that is not of pg_catalog");
}

/* SYSTEM_USER is a name to PostgreSQL 15's grammar, which is ours, and a call without parentheses from 16 on. */
bool sql_check_is_later_keyword(const char *name)
{
    return name != NULL && strcmp(name, "system_user") == 0;
}

/* They tell physical neighbours and other sessions' transactions. */
rg_status sql_check_column_name(struct sql_check *check, const char *name)
{
    static const char *const system[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
    if (check->is_trusted) {
        return RG_OK;
    }
    for (size_t i = 0; name != NULL && i < lengthof(system); i++) {
        if (strcmp(system[i], name) == 0) {
            return sql_check_refuse(check, "a system column");
        }
    }
    return name == NULL ? sql_check_refuse(check, "column name") : RG_OK;
}

/* Types whose input, output and casts look at nothing but the value: no reg* type (they turn names into
 * answers), no record, no pseudo-types, no snapshots. Sorted. */
static const struct rg_slice harmless_types[] = {
#define TYPE(name)                                                                                                     \
    {                                                                                                                  \
        "" name, sizeof(name) - 1                                                                                      \
    }
    TYPE("bit"),
    TYPE("bool"),
    TYPE("box"),
    TYPE("bpchar"),
    TYPE("bytea"),
    TYPE("char"),
    TYPE("cidr"),
    TYPE("circle"),
    TYPE("date"),
    TYPE("datemultirange"),
    TYPE("daterange"),
    TYPE("float4"),
    TYPE("float8"),
    TYPE("inet"),
    TYPE("int2"),
    TYPE("int2vector"),
    TYPE("int4"),
    TYPE("int4multirange"),
    TYPE("int4range"),
    TYPE("int8"),
    TYPE("int8multirange"),
    TYPE("int8range"),
    TYPE("interval"),
    TYPE("json"),
    TYPE("jsonb"),
    TYPE("jsonpath"),
    TYPE("line"),
    TYPE("lseg"),
    TYPE("macaddr"),
    TYPE("macaddr8"),
    TYPE("money"),
    TYPE("name"),
    TYPE("numeric"),
    TYPE("nummultirange"),
    TYPE("numrange"),
    TYPE("oid"),
    TYPE("oidvector"),
    TYPE("path"),
    TYPE("point"),
    TYPE("polygon"),
    TYPE("text"),
    TYPE("time"),
    TYPE("timestamp"),
    TYPE("timestamptz"),
    TYPE("timetz"),
    TYPE("tsmultirange"),
    TYPE("tsquery"),
    TYPE("tsrange"),
    TYPE("tstzmultirange"),
    TYPE("tstzrange"),
    TYPE("tsvector"),
    TYPE("uuid"),
    TYPE("varbit"),
    TYPE("varchar"),
    TYPE("xml"),
#undef TYPE
};

static bool is_allowed_type(const struct check_limits *limits, struct rg_slice name)
{
    bool is_array = name.size > 1 && name.data[0] == '_';
    struct rg_slice element = rg_slice_cut(name, is_array ? 1 : 0, name.size);
    if (is_listed(harmless_types, lengthof(harmless_types), element)) {
        return true;
    }
    for (size_t i = 0; i < limits->type_count; i++) {
        if (rg_slice_is_equal(limits->types[i], name)) {
            return true;
        }
    }
    return false;
}

rg_status sql_check_type(struct sql_check *check, const TypeName *type)
{
    if (type == NULL || !IsA(type, TypeName)) {
        return sql_check_refuse(check, "type");
    }
    if (!check->is_trusted) {
        const char *name = own_name(type->names, false);
        if (type->setof || type->pct_type || name == NULL) {
            return sql_check_refuse(check, "a type that is not of pg_catalog");
        }
        if (!is_allowed_type(check->limits, rg_slice_of(name))) {
            return rg_fail(RG_DENIED, "the statement to be sent was not accepted: type %.63s", name);
        }
    }
    return sql_check_exprs(check, type->typmods);
}
