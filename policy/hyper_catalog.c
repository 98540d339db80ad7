/* SPDX-License-Identifier: Apache-2.0 */
/* What a tenant sees of a Hyper database: its own relations and the shared ones it may read, from Hyper's own
 * catalogues, and empty catalogues for what Hyper has none of (indexes, constraints, comments, views). A superset
 * of the columns that clients of PostgreSQL 9.1 and of 15 ask for. Data only; the rewriter puts them as catalog.h says.
 */
#include "policy/hyper.h"

#include "policy/hyper_private.h"
#include "policy/names_private.h"

static const struct catalog_view views[] = {
    {"pg_am", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS amname, NULL::pg_catalog.oid AS "
              "amhandler, NULL::pg_catalog.text AS amtype WHERE false"},
    {"pg_attrdef",
     "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS adrelid, NULL::pg_catalog.int2 AS adnum,"
     " NULL::pg_catalog.text AS adbin, NULL::pg_catalog.text AS adsrc WHERE false"},
    {"pg_attribute",
     HYPER_FENCED("SELECT a.attrelid, a.attname, a.atttypid, -1 AS attstattarget, a.attlen, a.attnum, a.attndims, -1 AS"
                  " attcacheoff, a.atttypmod, a.attbyval, a.attalign, a.attstorage, CAST('' AS pg_catalog.text) AS "
                  "attcompression, a.attnotnull, false AS atthasdef, false AS atthasmissing, CAST('' AS "
                  "pg_catalog.text) AS attidentity, CAST('' AS pg_catalog.text) AS attgenerated, a.attisdropped, true "
                  "AS attislocal, 0 AS attinhcount, 0::pg_catalog.oid AS attcollation, NULL::pg_catalog.text[] AS "
                  "attacl, NULL::pg_catalog.text[] AS attoptions, NULL::pg_catalog.text[] AS attfdwoptions, "
                  "NULL::pg_catalog.text AS attmissingval FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS"
                  " c ON c.oid = a.attrelid AND c.relkind = 'r' JOIN pg_catalog.pg_namespace AS n ON n.oid = "
                  "c.relnamespace WHERE a.attnum > 0 AND " HYPER_IS_VISIBLE("n", "c"))},
    {"pg_auth_members",
     "SELECT NULL::pg_catalog.oid AS roleid, NULL::pg_catalog.oid AS member, NULL::pg_catalog.oid AS "
     "grantor, NULL::pg_catalog.bool AS admin_option WHERE false"},
    {"pg_class",
     HYPER_FENCED(
         "SELECT c.oid, c.relname, c.relnamespace, 0::pg_catalog.oid AS reltype, 0::pg_catalog.oid AS "
         "reloftype, 10::pg_catalog.oid AS relowner, 0::pg_catalog.oid AS relam, 0::pg_catalog.oid AS "
         "relfilenode, 0::pg_catalog.oid AS reltablespace, 0 AS relpages, CAST(-1 AS pg_catalog.float4) AS "
         "reltuples, 0 AS relallvisible, 0::pg_catalog.oid AS reltoastrelid, false AS relhasindex, false AS "
         "relisshared, c.relpersistence, c.relkind, c.relnatts, 0::pg_catalog.int2 AS relchecks, false AS "
         "relhasoids, false AS relhasrules, false AS relhastriggers, false AS relhassubclass, false AS "
         "relrowsecurity, false AS relforcerowsecurity, true AS relispopulated, CAST('n' AS "
         "pg_catalog.\"char\") AS relreplident, false AS relispartition, NULL::pg_catalog.text[] AS relacl, "
         "NULL::pg_catalog.text[] AS reloptions, NULL::pg_catalog.text AS relpartbound FROM " HYPER_RELATIONS)},
    {"pg_collation", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS collname, NULL::pg_catalog.oid AS "
                     "collnamespace, NULL::pg_catalog.oid AS collowner, NULL::pg_catalog.text AS collprovider, "
                     "NULL::pg_catalog.bool AS collisdeterministic, NULL::pg_catalog.int4 AS collencoding, "
                     "NULL::pg_catalog.text AS collcollate, NULL::pg_catalog.text AS collctype WHERE false"},
    {"pg_constraint",
     "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS conname, NULL::pg_catalog.oid AS "
     "connamespace, NULL::pg_catalog.text AS contype, NULL::pg_catalog.bool AS condeferrable, "
     "NULL::pg_catalog.bool AS condeferred, NULL::pg_catalog.bool AS convalidated, NULL::pg_catalog.oid AS"
     " conrelid, NULL::pg_catalog.oid AS contypid, NULL::pg_catalog.oid AS conindid, NULL::pg_catalog.oid "
     "AS conparentid, NULL::pg_catalog.oid AS confrelid, NULL::pg_catalog.text AS confupdtype, "
     "NULL::pg_catalog.text AS confdeltype, NULL::pg_catalog.text AS confmatchtype, NULL::pg_catalog.bool "
     "AS conislocal, NULL::pg_catalog.int4 AS coninhcount, NULL::pg_catalog.bool AS connoinherit, "
     "NULL::pg_catalog.int2[] AS conkey, NULL::pg_catalog.int2[] AS confkey, NULL::pg_catalog.text AS "
     "conbin, NULL::pg_catalog.text AS consrc WHERE false"},
    {"pg_database", "SELECT 1::pg_catalog.oid AS oid, CAST(:rg_database AS pg_catalog.text) AS datname, "
                    "10::pg_catalog.oid AS datdba, 6 AS encoding, false AS datistemplate, true AS datallowconn, -1 AS "
                    "datconnlimit, 1663::pg_catalog.oid AS dattablespace, CAST('C' AS pg_catalog.text) AS datcollate, "
                    "CAST('C' AS pg_catalog.text) AS datctype, NULL::pg_catalog.text[] AS datacl"},
    {"pg_depend", "SELECT NULL::pg_catalog.oid AS classid, NULL::pg_catalog.oid AS objid, NULL::pg_catalog.int4 AS "
                  "objsubid, NULL::pg_catalog.oid AS refclassid, NULL::pg_catalog.oid AS refobjid, "
                  "NULL::pg_catalog.int4 AS refobjsubid, NULL::pg_catalog.text AS deptype WHERE false"},
    {"pg_description",
     "SELECT NULL::pg_catalog.oid AS objoid, NULL::pg_catalog.oid AS classoid, NULL::pg_catalog.int4 AS "
     "objsubid, NULL::pg_catalog.text AS description WHERE false"},
    {"pg_enum", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS enumtypid, NULL::pg_catalog.float4 AS "
                "enumsortorder, NULL::pg_catalog.text AS enumlabel WHERE false"},
    {"pg_extension", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS extname, NULL::pg_catalog.oid AS "
                     "extowner, NULL::pg_catalog.oid AS extnamespace, NULL::pg_catalog.bool AS extrelocatable, "
                     "NULL::pg_catalog.text AS extversion WHERE false"},
    {"pg_foreign_server",
     "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS srvname, NULL::pg_catalog.oid AS "
     "srvowner, NULL::pg_catalog.oid AS srvfdw, NULL::pg_catalog.text AS srvtype, NULL::pg_catalog.text AS"
     " srvversion, NULL::pg_catalog.text[] AS srvacl, NULL::pg_catalog.text[] AS srvoptions WHERE false"},
    {"pg_foreign_table",
     "SELECT NULL::pg_catalog.oid AS ftrelid, NULL::pg_catalog.oid AS ftserver, NULL::pg_catalog.text[] AS"
     " ftoptions WHERE false"},
    {"pg_index", "SELECT NULL::pg_catalog.oid AS indexrelid, NULL::pg_catalog.oid AS indrelid, NULL::pg_catalog.int2 "
                 "AS indnatts, NULL::pg_catalog.int2 AS indnkeyatts, NULL::pg_catalog.bool AS indisunique, "
                 "NULL::pg_catalog.bool AS indnullsnotdistinct, NULL::pg_catalog.bool AS indisprimary, "
                 "NULL::pg_catalog.bool AS indisexclusion, NULL::pg_catalog.bool AS indimmediate, "
                 "NULL::pg_catalog.bool AS indisclustered, NULL::pg_catalog.bool AS indisvalid, NULL::pg_catalog.bool "
                 "AS indcheckxmin, NULL::pg_catalog.bool AS indisready, NULL::pg_catalog.bool AS indislive, "
                 "NULL::pg_catalog.bool AS indisreplident, NULL::pg_catalog.int2[] AS indkey, NULL::pg_catalog.oid[] "
                 "AS indcollation, NULL::pg_catalog.oid[] AS indclass, NULL::pg_catalog.int2[] AS indoption, "
                 "NULL::pg_catalog.text AS indexprs, NULL::pg_catalog.text AS indpred WHERE false"},
    {"pg_indexes", "SELECT NULL::pg_catalog.text AS schemaname, NULL::pg_catalog.text AS tablename, "
                   "NULL::pg_catalog.text AS indexname, NULL::pg_catalog.text AS tablespace, NULL::pg_catalog.text AS "
                   "indexdef WHERE false"},
    {"pg_inherits",
     "SELECT NULL::pg_catalog.oid AS inhrelid, NULL::pg_catalog.oid AS inhparent, NULL::pg_catalog.int4 AS"
     " inhseqno, NULL::pg_catalog.bool AS inhdetachpending WHERE false"},
    {"pg_matviews",
     "SELECT NULL::pg_catalog.text AS schemaname, NULL::pg_catalog.text AS matviewname, "
     "NULL::pg_catalog.text AS matviewowner, NULL::pg_catalog.text AS tablespace, NULL::pg_catalog.bool AS"
     " hasindexes, NULL::pg_catalog.bool AS ispopulated, NULL::pg_catalog.text AS definition WHERE false"},
    {"pg_namespace",
     HYPER_FENCED("SELECT n.oid, CAST(" HYPER_LOGICAL(
         "n") " AS pg_catalog.text) AS nspname, 10::pg_catalog.oid AS nspowner, NULL::pg_catalog.text[] AS nspacl "
              "FROM pg_catalog.pg_namespace AS n WHERE " HYPER_IS_OWN(
                  "n") " OR n.oid = 11 OR n.nspname = ANY (:rg_relation_schemas)")},
    {"pg_opclass", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS opcmethod, NULL::pg_catalog.text AS "
                   "opcname, NULL::pg_catalog.oid AS opcnamespace, NULL::pg_catalog.oid AS opcowner, "
                   "NULL::pg_catalog.oid AS opcfamily, NULL::pg_catalog.oid AS opcintype, NULL::pg_catalog.bool AS "
                   "opcdefault, NULL::pg_catalog.oid AS opckeytype WHERE false"},
    {"pg_policy", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS polname, NULL::pg_catalog.oid AS "
                  "polrelid, NULL::pg_catalog.text AS polcmd, NULL::pg_catalog.bool AS polpermissive, "
                  "NULL::pg_catalog.oid[] AS polroles, NULL::pg_catalog.text AS polqual, NULL::pg_catalog.text AS "
                  "polwithcheck WHERE false"},
    {"pg_proc", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS proname, NULL::pg_catalog.oid AS "
                "pronamespace, NULL::pg_catalog.oid AS proowner, NULL::pg_catalog.oid AS prolang, "
                "NULL::pg_catalog.oid AS prorettype, NULL::pg_catalog.oid[] AS proargtypes, NULL::pg_catalog.text AS "
                "prosrc WHERE false"},
    {"pg_range", "SELECT NULL::pg_catalog.oid AS rngtypid, NULL::pg_catalog.oid AS rngsubtype, NULL::pg_catalog.oid AS"
                 " rngmultitypid, NULL::pg_catalog.oid AS rngcollation, NULL::pg_catalog.oid AS rngsubopc WHERE false"},
    {"pg_rewrite", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS rulename, NULL::pg_catalog.oid AS "
                   "ev_class, NULL::pg_catalog.text AS ev_type, NULL::pg_catalog.text AS ev_enabled, "
                   "NULL::pg_catalog.bool AS is_instead, NULL::pg_catalog.text AS ev_qual, NULL::pg_catalog.text AS "
                   "ev_action WHERE false"},
    {"pg_roles", "SELECT CAST(:rg_user AS pg_catalog.text) AS rolname, false AS rolsuper, true AS rolinherit, false AS"
                 " rolcreaterole, false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication, -1 AS "
                 "rolconnlimit, NULL::pg_catalog.timestamptz AS rolvaliduntil, false AS rolbypassrls, "
                 "NULL::pg_catalog.text[] AS rolconfig, 10::pg_catalog.oid AS oid"},
    {"pg_sequence",
     "SELECT NULL::pg_catalog.oid AS seqrelid, NULL::pg_catalog.oid AS seqtypid, NULL::pg_catalog.int8 AS "
     "seqstart, NULL::pg_catalog.int8 AS seqincrement, NULL::pg_catalog.int8 AS seqmax, "
     "NULL::pg_catalog.int8 AS seqmin, NULL::pg_catalog.int8 AS seqcache, NULL::pg_catalog.bool AS "
     "seqcycle WHERE false"},
    {"pg_statistic_ext",
     "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS stxrelid, NULL::pg_catalog.text AS "
     "stxname, NULL::pg_catalog.oid AS stxnamespace, NULL::pg_catalog.oid AS stxowner, "
     "NULL::pg_catalog.int4 AS stxstattarget, NULL::pg_catalog.int2[] AS stxkeys, NULL::pg_catalog.text[] "
     "AS stxkind, NULL::pg_catalog.text AS stxexprs WHERE false"},
    {"pg_tables",
     HYPER_FENCED("SELECT CAST(" HYPER_LOGICAL(
         "n") " AS pg_catalog.text) AS schemaname, c.relname AS tablename, CAST(:rg_user AS pg_catalog.text) AS "
              "tableowner, NULL::pg_catalog.text AS tablespace, false AS hasindexes, false AS hasrules, false AS "
              "hastriggers, false AS rowsecurity FROM " HYPER_RELATIONS)},
    {"pg_tablespace", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.text AS spcname, NULL::pg_catalog.oid AS "
                      "spcowner, NULL::pg_catalog.text[] AS spcacl, NULL::pg_catalog.text[] AS spcoptions WHERE false"},
    {"pg_trigger", "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS tgrelid, NULL::pg_catalog.oid AS "
                   "tgparentid, NULL::pg_catalog.text AS tgname, NULL::pg_catalog.oid AS tgfoid, NULL::pg_catalog.int2 "
                   "AS tgtype, NULL::pg_catalog.text AS tgenabled, NULL::pg_catalog.bool AS tgisinternal, "
                   "NULL::pg_catalog.oid AS tgconstrrelid, NULL::pg_catalog.oid AS tgconstrindid, NULL::pg_catalog.oid "
                   "AS tgconstraint WHERE false"},
    {"pg_type",
     HYPER_FENCED("SELECT t.oid, t.typname, 11::pg_catalog.oid AS typnamespace, 10::pg_catalog.oid AS typowner, "
                  "t.typlen, t.typbyval, t.typtype, t.typcategory, t.typispreferred, t.typisdefined, t.typdelim, "
                  "0::pg_catalog.oid AS typrelid, t.typelem, t.typarray, t.typalign, t.typstorage, t.typnotnull, "
                  "0::pg_catalog.oid AS typbasetype, -1 AS typtypmod, t.typndims, 0::pg_catalog.oid AS typcollation, "
                  "NULL::pg_catalog.text AS typdefaultbin, NULL::pg_catalog.text AS typdefault, NULL::pg_catalog.text[]"
                  " AS typacl FROM pg_catalog.pg_type AS t WHERE t.typnamespace = 11")},
    {"pg_user", "SELECT CAST(:rg_user AS pg_catalog.text) AS usename, 10::pg_catalog.oid AS usesysid, false AS "
                "usecreatedb, false AS usesuper, NULL::pg_catalog.text[] AS useconfig"},
    {"pg_views", "SELECT NULL::pg_catalog.text AS schemaname, NULL::pg_catalog.text AS viewname, NULL::pg_catalog.text"
                 " AS viewowner, NULL::pg_catalog.text AS definition WHERE false"},
};

enum { VIEW_COUNT = sizeof views / sizeof views[0] };

const struct catalog_view *hyper_view_find(struct rg_slice name)
{
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        if (names_compare(name, views[i].name) == 0) {
            return &views[i];
        }
    }
    return NULL;
}

size_t hyper_view_count(void)
{
    return VIEW_COUNT;
}

const struct catalog_view *hyper_view_at(size_t index)
{
    return index < VIEW_COUNT ? &views[index] : NULL;
}
