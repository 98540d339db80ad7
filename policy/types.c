/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/types.h"

#include "policy/names_private.h"

/* The allow-list of type names: PostgreSQL 15's base, range and multirange types of pg_catalog, less those that name
 * objects (reg*), hold privileges, transaction ids, positions in the log, parse trees or planner statistics, or have
 * meaning only inside the server, and every pseudo-type. Called by the rewriter; tests/e2e/test_functions.py compares
 * it with a real server. */

static const struct type_row {
    const char *name;
    uint32_t oid;
    uint32_t array_oid;
} TYPE_ROWS[] = {
    {"bit", 1560, 1561},
    {"bool", 16, 1000},
    {"box", 603, 1020},
    {"bpchar", 1042, 1014},
    {"bytea", 17, 1001},
    {"char", 18, 1002},
    {"cidr", 650, 651},
    {"circle", 718, 719},
    {"date", 1082, 1182},
    {"datemultirange", 4535, 6155},
    {"daterange", 3912, 3913},
    {"float4", 700, 1021},
    {"float8", 701, 1022},
    {"inet", 869, 1041},
    {"int2", 21, 1005},
    {"int2vector", 22, 1006},
    {"int4", 23, 1007},
    {"int4multirange", 4451, 6150},
    {"int4range", 3904, 3905},
    {"int8", 20, 1016},
    {"int8multirange", 4536, 6157},
    {"int8range", 3926, 3927},
    {"interval", 1186, 1187},
    {"json", 114, 199},
    {"jsonb", 3802, 3807},
    {"jsonpath", 4072, 4073},
    {"line", 628, 629},
    {"lseg", 601, 1018},
    {"macaddr", 829, 1040},
    {"macaddr8", 774, 775},
    {"money", 790, 791},
    {"name", 19, 1003},
    {"numeric", 1700, 1231},
    {"nummultirange", 4532, 6151},
    {"numrange", 3906, 3907},
    {"oid", 26, 1028},
    {"oidvector", 30, 1013},
    {"path", 602, 1019},
    {"point", 600, 1017},
    {"polygon", 604, 1027},
    {"text", 25, 1009},
    {"time", 1083, 1183},
    {"timestamp", 1114, 1115},
    {"timestamptz", 1184, 1185},
    {"timetz", 1266, 1270},
    {"tsmultirange", 4533, 6152},
    {"tsquery", 3615, 3645},
    {"tsrange", 3908, 3909},
    {"tstzmultirange", 4534, 6153},
    {"tstzrange", 3910, 3911},
    {"tsvector", 3614, 3643},
    {"uuid", 2950, 2951},
    {"varbit", 1562, 1563},
    {"varchar", 1043, 1015},
    {"xml", 142, 143},
};

/* Protocol 3: Parse's "left unspecified", and PostgreSQL's type unknown, which drivers send for text. */
enum { TYPE_UNSPECIFIED = 0, TYPE_UNKNOWN = 705 };

enum { TYPE_COUNT = sizeof(TYPE_ROWS) / sizeof(TYPE_ROWS[0]) };

static bool is_listed(struct rg_slice name)
{
    size_t low = 0;
    size_t high = TYPE_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = names_compare(name, TYPE_ROWS[middle].name);
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

bool type_oid_is_allowed(uint32_t oid)
{
    bool is_found = oid == TYPE_UNSPECIFIED || oid == TYPE_UNKNOWN;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        is_found |= TYPE_ROWS[i].oid == oid || TYPE_ROWS[i].array_oid == oid;
    }
    return is_found;
}

bool type_oid_is_unspecified(uint32_t oid)
{
    return oid == TYPE_UNSPECIFIED || oid == TYPE_UNKNOWN;
}

const char *type_oid_name(uint32_t oid)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (TYPE_ROWS[i].oid == oid) {
            return TYPE_ROWS[i].name;
        }
    }
    return NULL;
}

const char *type_oid_array_name(uint32_t oid, bool *out_is_array)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (TYPE_ROWS[i].oid == oid || TYPE_ROWS[i].array_oid == oid) {
            *out_is_array = TYPE_ROWS[i].array_oid == oid;
            return TYPE_ROWS[i].name;
        }
    }
    return NULL;
}

size_t type_count(void)
{
    return TYPE_COUNT;
}

const char *type_at(size_t index)
{
    return index < TYPE_COUNT ? TYPE_ROWS[index].name : NULL;
}
