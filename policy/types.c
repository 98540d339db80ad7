/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/types.h"

#include "policy/names_private.h"

/* The allow-list of type names: PostgreSQL 15's base, range and multirange types of pg_catalog, less those that name
 * objects (reg*), hold privileges, transaction ids, positions in the log, parse trees or planner statistics, or have
 * meaning only inside the server, and every pseudo-type.
 * Called by the rewriter. tests/e2e/test_functions.py compares it with a real server. */

static const char *const TYPE_NAMES[] = {
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "point",
    "polygon",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varbit",
    "varchar",
    "xml",
};

enum { TYPE_COUNT = sizeof(TYPE_NAMES) / sizeof(TYPE_NAMES[0]) };

static bool is_listed(struct rg_slice name)
{
    size_t low = 0;
    size_t high = TYPE_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = names_compare(name, TYPE_NAMES[middle]);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

bool type_is_allowed(struct rg_slice name)
{
    if (name.size > 1 && name.data[0] == '_') {
        return is_listed(rg_slice_cut(name, 1, name.size - 1));
    }
    return is_listed(name);
}

size_t type_count(void)
{
    return TYPE_COUNT;
}

const char *type_at(size_t index)
{
    return index < TYPE_COUNT ? TYPE_NAMES[index] : NULL;
}
