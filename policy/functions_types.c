/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/functions_private.h"

#include "policy/catalog_private.h"

/* Functions that deal in reg* types. A value of such a type lends its type to what stands beside it: in
 * `COALESCE(16500, pg_typeof(1))` the number becomes a regtype and prints the name of whatever has that OID, in
 * `COALESCE(pg_typeof(1), 't_other.orders')` the server tells whether the name exists; a text search configuration
 * can be given as any number or text. So no value of these types reaches the statement. Data only, named by
 * policy/functions.def. */

const char function_guard_typeof[] = "CAST(pg_catalog.pg_typeof($1) AS pg_catalog.text)";

/* An initdb configuration by its name, with or without pg_catalog; NULL otherwise, and so is the result. */
#define CONFIG                                                                                                         \
    "(SELECT rg_g.rg_config FROM (SELECT CAST(t.oid AS pg_catalog.regconfig) AS rg_config,"                            \
    " CAST(t.cfgname AS pg_catalog.text) AS rg_name FROM pg_catalog.pg_ts_config AS t WHERE " IS_BUILT_IN(             \
        "t.oid") " AND t.cfgnamespace = " PG_CATALOG                                                                   \
                 ") AS rg_g WHERE rg_g.rg_name = pg_catalog.regexp_replace(CAST($1 AS pg_catalog.text), "              \
                 "'^pg_catalog[.]', ''))"
#define ONE_ARGUMENT(function) "pg_catalog." function "($1)"
#define CONFIG_AND_ONE(function) "pg_catalog." function "(" CONFIG ", $2)"

const char function_guard_to_tsvector[] = ONE_ARGUMENT("to_tsvector");
const char function_guard_to_tsvector_config[] = CONFIG_AND_ONE("to_tsvector");
const char function_guard_to_tsquery[] = ONE_ARGUMENT("to_tsquery");
const char function_guard_to_tsquery_config[] = CONFIG_AND_ONE("to_tsquery");
const char function_guard_plainto_tsquery[] = ONE_ARGUMENT("plainto_tsquery");
const char function_guard_plainto_tsquery_config[] = CONFIG_AND_ONE("plainto_tsquery");
const char function_guard_phraseto_tsquery[] = ONE_ARGUMENT("phraseto_tsquery");
const char function_guard_phraseto_tsquery_config[] = CONFIG_AND_ONE("phraseto_tsquery");
const char function_guard_websearch_to_tsquery[] = ONE_ARGUMENT("websearch_to_tsquery");
const char function_guard_websearch_to_tsquery_config[] = CONFIG_AND_ONE("websearch_to_tsquery");
const char function_guard_json_to_tsvector[] = "pg_catalog.json_to_tsvector($1, $2)";
const char function_guard_json_to_tsvector_config[] = "pg_catalog.json_to_tsvector(" CONFIG ", $2, $3)";
const char function_guard_jsonb_to_tsvector[] = "pg_catalog.jsonb_to_tsvector($1, $2)";
const char function_guard_jsonb_to_tsvector_config[] = "pg_catalog.jsonb_to_tsvector(" CONFIG ", $2, $3)";
/* With three arguments the first may be the configuration or the text: denied. */
const char function_guard_ts_headline[] = "pg_catalog.ts_headline($1, $2)";

/* pgjdbc asks whether typinput is 'pg_catalog.array_in'::regproc. Overloaded names give NULL: regproc refuses them. */
const char function_guard_regproc_name[] =
    "(SELECT CASE WHEN pg_catalog.count(*) = 1 THEN pg_catalog.min(rg_g.rg_oid) END FROM (SELECT p.oid AS rg_oid,"
    " CAST(p.proname AS pg_catalog.text) AS rg_name FROM pg_catalog.pg_proc AS p WHERE " IS_BUILT_IN(
        "p.oid") " AND p.pronamespace = " PG_CATALOG ") AS rg_g WHERE rg_g.rg_name = pg_catalog.regexp_replace(CAST($1 "
                 "AS pg_catalog.text), '^pg_catalog[.]', ''))";
