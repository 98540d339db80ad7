/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/catalog_private.h"

/* The catalogues that describe the tenant's own objects: namespaces, relations and what hangs on them, types.
 * Rows are chosen by the macros of catalog_private.h alone. Texts of shared relations that may name other tenants
 * (defaults, CHECK conditions, partial and expression indexes, partition bounds, enum labels, view definitions)
 * are left out; owners, privileges, sizes and transaction ids are constants. Called by nobody: data only. */

CATALOG_SELECT(pg_namespace) = FENCED("SELECT n.oid, " LOGICAL_NAME(
    "n") " AS nspname, " OWNER
         " AS nspowner, NULL::pg_catalog.text[] AS nspacl FROM pg_catalog.pg_namespace AS n WHERE n.oid = " PG_CATALOG
         " OR " IS_OWN("n") " OR n.nspname = ANY (:rg_relation_schemas)");

CATALOG_SELECT(pg_class) = FENCED(
    "SELECT c.oid, c.relname, c.relnamespace, c.reltype, c.reloftype, " OWNER
    " AS relowner, c.relam, 0::pg_catalog.oid AS relfilenode, 0::pg_catalog.oid AS reltablespace, CASE "
    "WHEN " IS_OWN("n") " THEN c.relpages ELSE 0 END AS relpages, CASE WHEN " IS_OWN(
        "n") " THEN c.reltuples ELSE -1 END AS reltuples, CASE WHEN " IS_OWN("n") " THEN c.relallvisible ELSE 0 END AS "
                                                                                  "relallvisible, c.reltoastrelid, "
                                                                                  "c.relhasindex, c.relisshared, "
                                                                                  "c.relpersistence, c.relkind, "
                                                                                  "c.relnatts, CASE WHEN " IS_OWN("n") " THEN c.relchecks ELSE 0::pg_catalog.int2 END AS relchecks, (c.relhasrules AND " IS_OWN("n") ") AS relhasrules, (c.relhastriggers AND " IS_OWN(
                                                                                      "n") ") AS relhastriggers, "
                                                                                           "c.relhassubclass, "
                                                                                           "(c.relrowsecurity "
                                                                                           "AND " IS_OWN(
                                                                                               "n") ") AS "
                                                                                                    "relrowse"
                                                                                                    "curity, "
                                                                                                    "(c."
                                                                                                    "relforce"
                                                                                                    "rowsecur"
                                                                                                    "ity "
                                                                                                    "AND"
                                                                                                    " " IS_OWN(
                                                                                                        "n") ") AS "
                                                                                                             "relforcer"
                                                                                                             "owsecurit"
                                                                                                             "y, "
                                                                                                             "c."
                                                                                                             "relispopu"
                                                                                                             "lated, "
                                                                                                             "c."
                                                                                                             "relreplid"
                                                                                                             "ent, "
                                                                                                             "c."
                                                                                                             "relispart"
                                                                                                             "ition, "
                                                                                                             "c."
                                                                                                             "relrewrit"
                                                                                                             "e, "
                                                                                                             "'0'::pg_"
                                                                                                             "catalog."
                                                                                                             "text AS "
                                                                                                             "relfrozen"
                                                                                                             "xid, "
                                                                                                             "'0'::pg_"
                                                                                                             "catalog."
                                                                                                             "text AS "
                                                                                                             "relminmxi"
                                                                                                             "d, "
                                                                                                             "NULL::pg_"
                                                                                                             "catalog."
                                                                                                             "text[] "
                                                                                                             "AS "
                                                                                                             "relacl, "
                                                                                                             "CASE "
                                                                                                             "WHEN"
                                                                                                             " " IS_OWN("n") " THEN c.reloptions END AS reloptions, CASE WHEN " IS_OWN(
                                                                                                                 "n") " THEN c.relpartbound END AS relpartbound FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace "
                                                                                                                      "AS n ON n.oid = c.relnamespace WHERE " IS_OWN(
                                                                                                                          "n") " OR " IS_SHARED("n",
                                                                                                                                                "c") " OR c.oid IN " SHARED_INDEXES);

CATALOG_SELECT(pg_attribute) = FENCED(
    "SELECT a.attrelid, a.attname, a.atttypid, -1 AS attstattarget, a.attlen, a.attnum, a.attndims, "
    "a.attcacheoff, a.atttypmod, a.attbyval, a.attalign, a.attstorage, a.attcompression, a.attnotnull, "
    "(a.atthasdef AND " IS_OWN("n") ") AS atthasdef, false AS atthasmissing, a.attidentity, CASE WHEN " IS_OWN(
        "n") " THEN a.attgenerated ELSE ''::pg_catalog.\"char\" END AS attgenerated, a.attisdropped, a.attislocal, "
             "a.attinhcount, a.attcollation, NULL::pg_catalog.text[] AS attacl, CASE WHEN " IS_OWN(
                 "n") " THEN a.attoptions END AS attoptions, NULL::pg_catalog.text[] AS attfdwoptions, CASE WHEN false "
                      "THEN a.attmissingval END AS attmissingval FROM pg_catalog.pg_attribute AS a JOIN "
                      "pg_catalog.pg_class AS c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = "
                      "c.relnamespace WHERE " IS_OWN("n") " OR " IS_SHARED("n", "c"));

CATALOG_SELECT(pg_attrdef) = FENCED(
    "SELECT d.oid, d.adrelid, d.adnum, d.adbin FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid IN " OWN_RELATIONS);

CATALOG_SELECT(pg_index) = FENCED(
    "SELECT i.indexrelid, i.indrelid, i.indnatts, i.indnkeyatts, i.indisunique, i.indnullsnotdistinct, "
    "i.indisprimary, i.indisexclusion, i.indimmediate, i.indisclustered, i.indisvalid, i.indcheckxmin, "
    "i.indisready, i.indislive, i.indisreplident, i.indkey, i.indcollation, i.indclass, i.indoption, "
    "i.indexprs, i.indpred FROM pg_catalog.pg_index AS i WHERE i.indrelid IN " OWN_RELATIONS
    " OR i.indexrelid IN " SHARED_INDEXES);

CATALOG_SELECT(pg_constraint) = FENCED(
    "SELECT k.oid, k.conname, k.connamespace, k.contype, k.condeferrable, k.condeferred, k.convalidated, "
    "k.conrelid, k.contypid, k.conindid, k.conparentid, k.confrelid, k.confupdtype, k.confdeltype, "
    "k.confmatchtype, k.conislocal, k.coninhcount, k.connoinherit, k.conkey, k.confkey, k.conpfeqop, "
    "k.conppeqop, k.conffeqop, k.confdelsetcols, k.conexclop, k.conbin FROM pg_catalog.pg_constraint AS "
    "k WHERE " IS_VISIBLE_CONSTRAINT("k"));

CATALOG_SELECT(pg_sequence) = FENCED(
    "SELECT s.seqrelid, s.seqtypid, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, "
    "s.seqcycle FROM pg_catalog.pg_sequence AS s WHERE s.seqrelid IN " OWN_RELATIONS);

CATALOG_SELECT(pg_inherits) = FENCED(
    "SELECT i.inhrelid, i.inhparent, i.inhseqno, i.inhdetachpending FROM pg_catalog.pg_inherits AS i "
    "WHERE i.inhrelid IN " VISIBLE_RELATIONS " AND i.inhparent IN " VISIBLE_RELATIONS);

CATALOG_SELECT(pg_partitioned_table) = FENCED(
    "SELECT p.partrelid, p.partstrat, p.partnatts, p.partdefid, p.partattrs, p.partclass, "
    "p.partcollation, p.partexprs FROM pg_catalog.pg_partitioned_table AS p WHERE p.partrelid IN " OWN_RELATIONS
    " OR (p.partexprs IS NULL AND p.partrelid IN " VISIBLE_RELATIONS ")");

CATALOG_SELECT(pg_description) = FENCED(
    "SELECT d.objoid, d.classoid, d.objsubid, d.description FROM pg_catalog.pg_description AS d WHERE "
    "d.classoid = " CLASS_RELATION " AND d.objoid IN " VISIBLE_RELATIONS
    " UNION ALL SELECT d.objoid, d.classoid, d.objsubid, d.description FROM pg_catalog.pg_description AS "
    "d WHERE d.classoid = " CLASS_TYPE " AND d.objoid IN " OWN_TYPES
    " UNION ALL SELECT d.objoid, d.classoid, d.objsubid, d.description FROM pg_catalog.pg_description AS "
    "d WHERE d.classoid = " CLASS_CONSTRAINT " AND d.objoid IN " OWN_CONSTRAINTS
    " UNION ALL SELECT d.objoid, d.classoid, d.objsubid, d.description FROM pg_catalog.pg_description AS "
    "d WHERE d.classoid = " CLASS_NAMESPACE " AND d.objoid IN " OWN_NAMESPACES
    " UNION ALL SELECT d.objoid, d.classoid, d.objsubid, d.description FROM pg_catalog.pg_description AS "
    "d WHERE d.classoid IN " CLASSES_BUILT_IN " AND " IS_BUILT_IN("d.objoid"));

CATALOG_SELECT(pg_depend) = FENCED(
    "SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype FROM "
    "pg_catalog.pg_depend AS d WHERE d.classid = " CLASS_RELATION " AND d.refclassid = " CLASS_RELATION
    " AND d.objid IN " OWN_RELATIONS " AND d.refobjid IN " OWN_RELATIONS);

CATALOG_SELECT(pg_type) = FENCED(
    "SELECT t.oid, t.typname, t.typnamespace, " OWNER
    " AS typowner, t.typlen, t.typbyval, t.typtype, t.typcategory, t.typispreferred, t.typisdefined, "
    "t.typdelim, t.typrelid, CASE WHEN " IS_OWN(
        "n") " OR t.typnamespace = " PG_CATALOG
             " THEN t.typsubscript::pg_catalog.oid ELSE 0::pg_catalog.oid END AS typsubscript, t.typelem, "
             "t.typarray, CASE WHEN " IS_OWN(
                 "n") " OR t.typnamespace = " PG_CATALOG
                      " THEN t.typinput::pg_catalog.oid ELSE 0::pg_catalog.oid END AS typinput, CASE WHEN " IS_OWN(
                          "n") " OR t.typnamespace = " PG_CATALOG
                               " THEN t.typoutput::pg_catalog.oid ELSE 0::pg_catalog.oid END AS typoutput, CASE "
                               "WHEN " IS_OWN(
                                   "n") " OR t.typnamespace = " PG_CATALOG
                                        " THEN t.typreceive::pg_catalog.oid ELSE 0::pg_catalog.oid END AS typreceive, "
                                        "CASE WHEN " IS_OWN(
                                            "n") " OR t.typnamespace = " PG_CATALOG
                                                 " THEN t.typsend::pg_catalog.oid ELSE 0::pg_catalog.oid END AS "
                                                 "typsend, CASE WHEN " IS_OWN(
                                                     "n") " OR t.typnamespace = " PG_CATALOG
                                                          " THEN t.typmodin::pg_catalog.oid ELSE 0::pg_catalog.oid END "
                                                          "AS typmodin, CASE WHEN " IS_OWN(
                                                              "n") " OR t.typnamespace = " PG_CATALOG
                                                                   " THEN t.typmodout::pg_catalog.oid ELSE "
                                                                   "0::pg_catalog.oid END AS typmodout, CASE "
                                                                   "WHEN " IS_OWN(
                                                                       "n") " OR t.typnamespace = " PG_CATALOG
                                                                            " THEN t.typanalyze::pg_catalog.oid ELSE "
                                                                            "0::pg_catalog.oid END AS typanalyze, "
                                                                            "t.typalign, "
                                                                            "t.typstorage, t.typnotnull, "
                                                                            "t.typbasetype, t.typtypmod, t.typndims, "
                                                                            "t.typcollation, CASE WHEN " IS_OWN(
                                                                                "n") " OR t.typnamespace = " PG_CATALOG
                                                                                     " THEN t.typdefaultbin END AS "
                                                                                     "typdefaultbin, CASE WHEN " IS_OWN(
                                                                                         "n") " OR t.typnamespace "
                                                                                              "= " PG_CATALOG
                                                                                              " THEN t.typdefault END "
                                                                                              "AS typdefault, "
                                                                                              "NULL::pg_catalog.text[] "
                                                                                              "AS typacl FROM "
                                                                                              "pg_catalog.pg_type AS "
                                                                                              "t JOIN "
                                                                                              "pg_catalog.pg_namespace "
                                                                                              "AS n ON n.oid = "
                                                                                              "t.typnamespace "
                                                                                              "WHERE " IS_VISIBLE_TYPE(
                                                                                                  "t", "n"));

CATALOG_SELECT(pg_enum) = FENCED(
    "SELECT e.oid, e.enumtypid, e.enumsortorder, e.enumlabel FROM pg_catalog.pg_enum AS e WHERE "
    "e.enumtypid IN " OWN_TYPES);

CATALOG_SELECT(pg_range) = FENCED(
    "SELECT r.rngtypid, r.rngsubtype, r.rngmultitypid, r.rngcollation, r.rngsubopc, "
    "r.rngcanonical::pg_catalog.oid AS rngcanonical, r.rngsubdiff::pg_catalog.oid AS rngsubdiff FROM "
    "pg_catalog.pg_range AS r WHERE " IS_BUILT_IN("r.rngtypid") " OR r.rngtypid IN " OWN_TYPES);

CATALOG_SELECT(pg_tables) = FENCED("SELECT " LOGICAL_NAME(
    "n") " AS schemaname, c.relname AS tablename, CAST(:rg_user AS pg_catalog.name) AS tableowner, "
         "NULL::pg_catalog.name AS tablespace, c.relhasindex AS hasindexes, false AS hasrules, false AS "
         "hastriggers, false AS rowsecurity FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
         "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND (" IS_OWN("n") " OR " IS_SHARED("n", "c") ")");

CATALOG_SELECT(pg_views) = FENCED("SELECT " LOGICAL_NAME(
    "n") " AS schemaname, c.relname AS viewname, CAST(:rg_user AS pg_catalog.name) AS viewowner, "
         "NULL::pg_catalog.text AS definition FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
         "ON n.oid = c.relnamespace WHERE c.relkind IN ('v') AND (" IS_OWN("n") " OR " IS_SHARED("n", "c") ")");

CATALOG_SELECT(pg_matviews) = FENCED("SELECT " LOGICAL_NAME(
    "n") " AS schemaname, c.relname AS matviewname, CAST(:rg_user AS pg_catalog.name) AS matviewowner, "
         "NULL::pg_catalog.name AS tablespace, c.relhasindex AS hasindexes, c.relispopulated AS ispopulated, "
         "NULL::pg_catalog.text AS definition FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
         "ON n.oid = c.relnamespace WHERE c.relkind IN ('m') AND (" IS_OWN("n") " OR " IS_SHARED("n", "c") ")");

CATALOG_SELECT(pg_sequences) = FENCED("SELECT " LOGICAL_NAME(
    "n") " AS schemaname, c.relname AS sequencename, CAST(:rg_user AS pg_catalog.name) AS sequenceowner, "
         "pg_catalog.format_type(s.seqtypid, NULL::pg_catalog.int4) AS data_type, s.seqstart AS start_value, "
         "s.seqmin AS min_value, s.seqmax AS max_value, s.seqincrement AS increment_by, s.seqcycle AS cycle, "
         "s.seqcache AS cache_size, NULL::pg_catalog.int8 AS last_value FROM pg_catalog.pg_sequence AS s JOIN "
         "pg_catalog.pg_class AS c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = "
         "c.relnamespace WHERE " IS_OWN("n"));

CATALOG_SELECT(pg_indexes) = FENCED("SELECT " LOGICAL_NAME(
    "n") " AS schemaname, c.relname AS tablename, x.relname AS indexname, NULL::pg_catalog.name AS "
         "tablespace, " INDEX_DEFINITION(
             "x", "i", "c",
             "n") " AS indexdef FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid JOIN "
                  "pg_catalog.pg_class AS x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = "
                  "c.relnamespace WHERE c.relkind IN ('r', 'm', 'p') AND x.relkind IN ('i', 'I') AND (" IS_OWN(
                      "n") " OR i.indexrelid IN " SHARED_INDEXES ")");
