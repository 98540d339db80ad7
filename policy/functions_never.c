/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/functions.h"

/* Functions that [functions] allow cannot allow. Each of them alone undoes a promise: reads files or the server's
 * state, takes SQL or the name or OID of an object as a value, reaches other sessions or their locks, or changes
 * what a later statement means (reference/leaks.md: text_sql_func, admin_func, channel, search_path, catalog_data). A
 * name of functions.def is judged there. Called by functions_compile.c. */

static const struct never {
    const char *start; /* of the name */
    bool is_anywhere;  /* extensions live in any schema */
    const char *because;
} nevers[] = {
    {"acl", false, "it tells about rights"},
    {"binary_upgrade_", false, "it changes the server's own state"},
    {"brin_", false, "it takes an object's OID"},
    {"connectby", true, "it takes SQL as text"},
    {"crosstab", true, "it takes SQL as text"},
    {"current_query", false, "it shows the text that is sent, other names and keys in it"},
    {"currval", false, "it takes an object's name"},
    {"cursor_to_", false, "it takes SQL as text"},
    {"database_to_", false, "it takes SQL as text"},
    {"dblink", true, "it takes SQL as text, and opens connections"},
    {"file_fdw_", true, "it reads files"},
    {"fmgr_", false, "it takes an object's OID"},
    {"getpgusername", false, "it shows the login"},
    {"gin_", false, "it takes an object's OID"},
    {"has_", false, "it tells whether objects exist"},
    {"inet_client_", false, "it tells about the connection"},
    {"inet_server_", false, "it tells about the connection"},
    {"lastval", false, "it tells what the session did before"},
    {"lo_", true, "large objects belong to no tenant"},
    {"loread", false, "large objects belong to no tenant"},
    {"lowrite", false, "large objects belong to no tenant"},
    {"makeaclitem", false, "it tells about rights"},
    {"mxid_age", false, "it tells about other transactions"},
    {"nextval", false, "it takes an object's name"},
    {"pageinspect", true, "it reads files"},
    {"pg_", true, "the server's own functions tell about the server, its objects and other sessions"},
    {"postgres_fdw_", true, "it opens connections"},
    {"query_to_", false, "it takes SQL as text"},
    {"reg", false, "it turns names into answers"},
    {"row_security_active", false, "it takes an object's name"},
    {"satisfies_hash_partition", false, "it takes an object's OID"},
    {"schema_to_", false, "it takes SQL as text"},
    {"set_config", false, "it changes what later statements mean"},
    {"setval", false, "it takes an object's name"},
    {"system_user", false, "it shows the login"},
    {"table_to_", false, "it takes SQL as text"},
    {"to_reg", false, "it turns names into answers"},
    {"ts_debug", false, "it takes an object's name"},
    {"ts_lexize", false, "it takes an object's name"},
    {"ts_parse", false, "it takes an object's name"},
    {"ts_rewrite", false, "it takes SQL as text"},
    {"ts_stat", false, "it takes SQL as text"},
    {"ts_token_type", false, "it takes an object's name"},
    {"txid_", false, "it tells about other transactions"},
    {"xpath_table", true, "it takes SQL as text"},
    {"xslt_process", true, "it reads files"},
};

const char *function_never(struct rg_slice name, bool is_builtin)
{
    const struct function_row *row = NULL;
    (void)function_find(name, &row);
    if (is_builtin && row != NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof nevers / sizeof *nevers; i++) {
        if ((is_builtin || nevers[i].is_anywhere) && rg_slice_has_prefix(name, rg_slice_of(nevers[i].start))) {
            return nevers[i].because;
        }
    }
    return NULL;
}
