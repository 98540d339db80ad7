/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/functions_private.h"

#include "policy/catalog_private.h"

/* What stands in place of the functions that PostgreSQL answers for any OID, whoever owns the object: the same answer,
 * from a set that holds only what the tenant may see, NULL otherwise; names are the tenant's logical ones. The
 * comparison `rg_oid = $1` is leakproof, so no fence is needed. $n stands only where all columns in scope begin with
 * rg_. Data only, named by policy/functions.def. */

#define GUARD(value, set, condition) "(SELECT " value " FROM (" set ") AS rg_g WHERE " condition ")"
#define BY_OID(value, set) GUARD(value, set, "rg_g.rg_oid = $1")

#define RELATION_AND_SCHEMA                                                                                            \
    " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE "
#define IS_VISIBLE_RELATION(n, c) "(" IS_OWN(n) " OR " IS_SHARED(n, c) ")"

/* ---- constants ---- */

const char function_constant_user[] = "CAST(:rg_user AS pg_catalog.name)";
const char function_constant_user_text[] = "pg_catalog.quote_ident(:rg_user)";
const char function_constant_database[] = "CAST(:rg_database AS pg_catalog.name)";
const char function_constant_schema[] = "CAST(:rg_schema AS pg_catalog.name)";
const char function_constant_pid[] = ":rg_pid";
const char function_constant_false[] = "false";
const char function_constant_no_oid[] = "0::pg_catalog.oid";
const char function_constant_no_text[] = "NULL::pg_catalog.text";

/* The virtual search_path, by logical names; $1 = with pg_catalog in front. */
const char function_guard_schemas[] =
    "pg_catalog.array_cat(CASE WHEN $1 THEN '{pg_catalog}'::pg_catalog.name[] ELSE '{}'::pg_catalog.name[] END,"
    " ARRAY(SELECT CAST(COALESCE((:rg_logical)[pg_catalog.array_position(:rg_schemas, rg_p.rg_schema)],"
    " (:rg_relation_logical)[pg_catalog.array_position(:rg_relation_schemas, rg_p.rg_schema)]) AS pg_catalog.name)"
    " FROM pg_catalog.unnest(:rg_path) WITH ORDINALITY AS rg_p(rg_schema, rg_place) ORDER BY rg_p.rg_place))";

/* The comparison may see every setting of the allow-list, which is the same for everybody. */
const char function_guard_setting[] =
    GUARD("rg_g.rg_setting",
          "SELECT pg_catalog.lower(s.name) AS rg_name, s.setting AS rg_setting FROM pg_catalog.pg_settings AS s"
          " WHERE s.name IN " HARMLESS_SETTINGS,
          "rg_g.rg_name = pg_catalog.lower($1)");

/* ---- is it found without a schema ---- */

const char function_guard_built_in_is_visible[] = "(CAST($1 AS pg_catalog.oid) < 16384)";

const char function_guard_table_is_visible[] = BY_OID(
    "rg_g.rg_found",
    "SELECT c.oid AS rg_oid, " RELATION_IS_FOUND("c", "n") " AS rg_found" RELATION_AND_SCHEMA IS_VISIBLE_RELATION(
        "n", "c") " OR c.oid IN " SHARED_INDEXES);

const char function_guard_type_is_visible[] =
    BY_OID("rg_g.rg_found",
           "SELECT t.oid AS rg_oid, " TYPE_IS_FOUND("t", "n") " AS rg_found" TYPE_AND_SCHEMA IS_VISIBLE_TYPE("t", "n"));

/* ---- descriptions ---- */

#define DESCRIPTION(classoid, where)                                                                                   \
    "SELECT d.objoid AS rg_oid, d.objsubid AS rg_column, d.description AS rg_text"                                     \
    " FROM pg_catalog.pg_description AS d WHERE d.classoid = " classoid " AND d.objoid IN " where

const char function_guard_relation_description[] =
    GUARD("rg_g.rg_text", DESCRIPTION(CLASS_RELATION, VISIBLE_RELATIONS), "rg_g.rg_oid = $1 AND rg_g.rg_column = 0");

const char function_guard_col_description[] = GUARD("rg_g.rg_text", DESCRIPTION(CLASS_RELATION, VISIBLE_RELATIONS),
                                                    "rg_g.rg_oid = $1 AND rg_g.rg_column = $2 AND rg_g.rg_column <> 0");

const char function_guard_obj_description[] =
    "CASE $2 WHEN 'pg_class' THEN " GUARD("rg_g.rg_text", DESCRIPTION(CLASS_RELATION, VISIBLE_RELATIONS), "rg_g.rg_oid = $1 AND rg_g.rg_column = 0") " WHEN 'pg_type' THEN " GUARD(
        "rg_g.rg_text", DESCRIPTION(CLASS_TYPE, OWN_TYPES),
        "rg_g.rg_oid = $1") " WHEN 'pg_constraint' THEN " GUARD("rg_g.rg_text",
                                                                DESCRIPTION(CLASS_CONSTRAINT, OWN_CONSTRAINTS),
                                                                "rg_g.rg_oid = $1") " WHEN 'pg_namespace' "
                                                                                    "THEN " GUARD(
                                                                                        "rg_g.rg_text",
                                                                                        DESCRIPTION(CLASS_NAMESPACE,
                                                                                                    OWN_NAMESPACES),
                                                                                        "rg_g.rg_oid = "
                                                                                        "$1") " END";

/* ---- expressions and definitions ---- */

/* The tree ($1) can only come from a column of a filtered catalogue: nothing casts to pg_node_tree. The relation ($2)
 * gives the names of its columns. */
#define EXPRESSION(pretty)                                                                                             \
    GUARD("pg_catalog.pg_get_expr($1, rg_g.rg_oid" pretty ")",                                                         \
          "SELECT c.oid AS rg_oid" RELATION_AND_SCHEMA IS_VISIBLE_RELATION("n", "c"), "rg_g.rg_oid = $2")
const char function_guard_expr[] = EXPRESSION("");
const char function_guard_expr_pretty[] = EXPRESSION(", $3");

/* A foreign key's text names the other table: with the logical schema, and only when the search_path hides it. */
#define COLUMN_NAMES(k, relation, numbers)                                                                             \
    "(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.place)"                          \
    " FROM pg_catalog.unnest(" k "." numbers ") WITH ORDINALITY AS u(number, place)"                                   \
    " JOIN pg_catalog.pg_attribute AS a ON a.attrelid = " k "." relation " AND a.attnum = u.number)"
#define KEY_ACTION(column, words)                                                                                      \
    "CASE " column " WHEN 'r' THEN '" words " RESTRICT' WHEN 'c' THEN '" words " CASCADE' WHEN 'n' THEN '" words       \
    " SET NULL' WHEN 'd' THEN '" words " SET DEFAULT' END"
#define KEY_TEXT(k, c, n)                                                                                                                                                                             \
    "CASE WHEN " k ".contype = 'f' THEN pg_catalog.concat('FOREIGN KEY (', " COLUMN_NAMES(                                                                                                            \
        k,                                                                                                                                                                                            \
        "conrelid", "conkey") ", ') REFERENCES ', " RELATION_NAME(c,                                                                                                                                  \
                                                                  n) ", '(', " COLUMN_NAMES(k, "confrelid",                                                                                           \
                                                                                            "confkey") ", ')', "                                                                                      \
                                                                                                       "CASE " k                                                                                      \
                                                                                                       ".confmatch"                                                                                   \
                                                                                                       "type WHEN "                                                                                   \
                                                                                                       "'f' THEN "                                                                                    \
                                                                                                       "' MATCH "                                                                                     \
                                                                                                       "FULL' "                                                                                       \
                                                                                                       "WHEN 'p' "                                                                                    \
                                                                                                       "THEN ' "                                                                                      \
                                                                                                       "MATCH "                                                                                       \
                                                                                                       "PARTIAL' "                                                                                    \
                                                                                                       "END,"                                                                                         \
                                                                                                       " " KEY_ACTION(k ".confupdtype", " ON UPDATE") ", " KEY_ACTION(                                \
                                                                                                           k ".confd"                                                                                 \
                                                                                                             "eltyp"                                                                                  \
                                                                                                             "e",                                                                                     \
                                                                                                           " ON "                                                                                     \
                                                                                                           "DELET"                                                                                    \
                                                                                                           "E") ","                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "C"                                                                                   \
                                                                                                                "A"                                                                                   \
                                                                                                                "S"                                                                                   \
                                                                                                                "E"                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "W"                                                                                   \
                                                                                                                "H"                                                                                   \
                                                                                                                "E"                                                                                   \
                                                                                                                "N"                                                                                   \
                                                                                                                " " k                                                                                 \
                                                                                                                "."                                                                                   \
                                                                                                                "c"                                                                                   \
                                                                                                                "o"                                                                                   \
                                                                                                                "n"                                                                                   \
                                                                                                                "f"                                                                                   \
                                                                                                                "d"                                                                                   \
                                                                                                                "e"                                                                                   \
                                                                                                                "l"                                                                                   \
                                                                                                                "s"                                                                                   \
                                                                                                                "e"                                                                                   \
                                                                                                                "t"                                                                                   \
                                                                                                                "c"                                                                                   \
                                                                                                                "o"                                                                                   \
                                                                                                                "l"                                                                                   \
                                                                                                                "s"                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "I"                                                                                   \
                                                                                                                "S"                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "N"                                                                                   \
                                                                                                                "O"                                                                                   \
                                                                                                                "T"                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "N"                                                                                   \
                                                                                                                "U"                                                                                   \
                                                                                                                "L"                                                                                   \
                                                                                                                "L"                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "T"                                                                                   \
                                                                                                                "H"                                                                                   \
                                                                                                                "E"                                                                                   \
                                                                                                                "N"                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "p"                                                                                   \
                                                                                                                "g"                                                                                   \
                                                                                                                "_"                                                                                   \
                                                                                                                "c"                                                                                   \
                                                                                                                "a"                                                                                   \
                                                                                                                "t"                                                                                   \
                                                                                                                "a"                                                                                   \
                                                                                                                "l"                                                                                   \
                                                                                                                "o"                                                                                   \
                                                                                                                "g"                                                                                   \
                                                                                                                "."                                                                                   \
                                                                                                                "c"                                                                                   \
                                                                                                                "o"                                                                                   \
                                                                                                                "n"                                                                                   \
                                                                                                                "c"                                                                                   \
                                                                                                                "a"                                                                                   \
                                                                                                                "t"                                                                                   \
                                                                                                                "("                                                                                   \
                                                                                                                "'"                                                                                   \
                                                                                                                " "                                                                                   \
                                                                                                                "("                                                                                   \
                                                                                                                "'"                                                                                   \
                                                                                                                ","                                                                                   \
                                                                                                                " " COLUMN_NAMES(                                                                     \
                                                                                                                    k,                                                                                \
                                                                                                                    "conrelid",                                                                       \
                                                                                                                    "confdelsetcols") ", ')') END, CASE WHEN " k                                      \
                                                                                                                                      ".condeferrable THEN ' DEFERRABLE' END, CASE WHEN " k           \
                                                                                                                                      ".condeferred THEN ' INITIALLY DEFERRED' END, CASE WHEN NOT " k \
                                                                                                                                      ".convalidated THEN ' NOT VALID' END) END"
#define CONSTRAINT(pretty)                                                                                             \
    BY_OID("COALESCE(rg_g.rg_key, pg_catalog.pg_get_constraintdef(rg_g.rg_oid" pretty "))",                            \
           "SELECT k.oid AS rg_oid, " KEY_TEXT(                                                                        \
               "k", "c",                                                                                               \
               "n") " AS rg_key FROM pg_catalog.pg_constraint AS k"                                                    \
                    " LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid"                                       \
                    " LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE " IS_VISIBLE_CONSTRAINT(  \
                        "k"))
const char function_guard_constraintdef[] = CONSTRAINT("");
const char function_guard_constraintdef_pretty[] = CONSTRAINT(", $2");

#define INDEX(value, columns)                                                                                          \
    BY_OID(value, "SELECT i.indexrelid AS rg_oid, " columns                                                            \
                  " FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid"               \
                  " JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid"                                               \
                  " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"                                       \
                  " WHERE " IS_OWN("n") " OR i.indexrelid IN " SHARED_INDEXES)
const char function_guard_indexdef[] = INDEX("rg_g.rg_text", INDEX_DEFINITION("x", "i", "c", "n") " AS rg_text");

/* Column 0 is the whole definition; pretty ($3) leaves the schema out where the search_path finds the table. */
const char function_guard_indexdef_column[] = INDEX(
    "CASE WHEN $2 = 0 THEN pg_catalog.concat(CASE WHEN $3 THEN rg_g.rg_short ELSE rg_g.rg_long END, " INDEX_SUFFIX(
        "pg_catalog.pg_get_indexdef(rg_g.rg_oid, 0, $3)") ") ELSE pg_catalog.pg_get_indexdef(rg_g.rg_oid, $2, $3) END",
    INDEX_PREFIX("x", "i", RELATION_NAME("c", "n")) " AS rg_short, " INDEX_PREFIX(
        "x", "i", RELATION_FULL_NAME("c", "n")) " AS rg_long");

const char function_guard_partkeydef[] =
    BY_OID("pg_catalog.pg_get_partkeydef(rg_g.rg_oid)",
           "SELECT p.partrelid AS rg_oid FROM pg_catalog.pg_partitioned_table AS p WHERE p.partrelid IN " OWN_RELATIONS
           " OR (p.partexprs IS NULL AND p.partrelid IN " VISIBLE_RELATIONS ")");

/* A set: unnest stands where the call stood, in the select list or in FROM. psql's \d asks it for foreign keys. */
const char function_guard_partition_ancestors[] =
    "pg_catalog.unnest(ARRAY(SELECT rg_a.rg_relation::pg_catalog.oid FROM (SELECT c.oid AS rg_oid" RELATION_AND_SCHEMA
        IS_VISIBLE_RELATION(
            "n", "c") ") AS rg_g"
                      " CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(rg_g.rg_oid) AS rg_a(rg_relation)"
                      " WHERE rg_g.rg_oid = $1 AND rg_a.rg_relation::pg_catalog.oid IN " VISIBLE_RELATIONS "))";

/* ---- functions: initdb's only ---- */

#define BUILT_IN_FUNCTION(value)                                                                                       \
    BY_OID(value, "SELECT p.oid AS rg_oid, p.proname AS rg_name FROM pg_catalog.pg_proc AS p WHERE " IS_BUILT_IN(      \
                      "p.oid") " AND p.pronamespace = " PG_CATALOG)
const char function_guard_function_arguments[] = BUILT_IN_FUNCTION("pg_catalog.pg_get_function_arguments(rg_g.rg_oid)");
const char function_guard_function_identity_arguments[] =
    BUILT_IN_FUNCTION("pg_catalog.pg_get_function_identity_arguments(rg_g.rg_oid)");
const char function_guard_function_result[] = BUILT_IN_FUNCTION("pg_catalog.pg_get_function_result(rg_g.rg_oid)");

/* ---- casts of an OID column: the name that the tenant would write ---- */

const char function_guard_regproc[] = BUILT_IN_FUNCTION("pg_catalog.quote_ident(rg_g.rg_name)");

const char function_guard_regclass[] =
    BY_OID("rg_g.rg_name",
           "SELECT c.oid AS rg_oid, " RELATION_NAME("c", "n") " AS rg_name" RELATION_AND_SCHEMA IS_VISIBLE_RELATION(
               "n", "c") " OR c.oid IN " SHARED_INDEXES);

const char function_guard_regclass_oid[] =
    BY_OID("rg_g.rg_oid", "SELECT c.oid AS rg_oid" RELATION_AND_SCHEMA IS_VISIBLE_RELATION("n", "c"));

const char function_guard_regnamespace[] = BY_OID(
    "pg_catalog.quote_ident(rg_g.rg_name)",
    "SELECT n.oid AS rg_oid, " LOGICAL_TEXT("n") " AS rg_name"
                                                 " FROM pg_catalog.pg_namespace AS n WHERE n.oid = " PG_CATALOG
                                                 " OR " IS_OWN("n") " OR n.nspname = ANY (:rg_relation_schemas)");

#define TYPE_SET                                                                                                       \
    "SELECT t.oid AS rg_oid, " TYPE_NAME("t", "n", "e") " AS rg_name" TYPE_AND_ELEMENT IS_VISIBLE_TYPE("t", "n")
const char function_guard_format_type[] =
    BY_OID("COALESCE(rg_g.rg_name, pg_catalog.format_type(rg_g.rg_oid, $2))", TYPE_SET);
const char function_guard_regtype[] =
    BY_OID("COALESCE(rg_g.rg_name, pg_catalog.format_type(rg_g.rg_oid, NULL::pg_catalog.int4))", TYPE_SET);

/* ---- casts of a name to an OID ---- */

/* Unquoted text folds to lower case, as regclass does it; psql writes an OID's digits as text. */
#define FOLDED(name) "CASE WHEN pg_catalog.strpos(" name ", '\"') = 0 THEN pg_catalog.lower(" name ") ELSE " name " END"
#define HAS_NAME(name) "(rg_g.rg_full = " FOLDED(name) " OR (rg_g.rg_found AND rg_g.rg_name = " FOLDED(name) "))"
#define RELATION_NAMES                                                                                                 \
    "CAST(c.oid AS pg_catalog.text) AS rg_digits, pg_catalog.quote_ident(c.relname) AS rg_name, " RELATION_FULL_NAME(  \
        "c", "n") " AS rg_full, "                                                                                      \
                  "(" RELATION_IS_FOUND("c", "n") " OR n.oid = " PG_CATALOG ") AS rg_found"

const char function_guard_regclass_name[] =
    GUARD("rg_g.rg_oid",
          "SELECT c.oid AS rg_oid, " RELATION_NAMES RELATION_AND_SCHEMA IS_VISIBLE_RELATION(
              "n", "c") " OR n.oid = " PG_CATALOG,
          HAS_NAME("$1") " OR rg_g.rg_digits = $1");

/* Sequences owned by a column of the tenant's own tables. */
#define COLUMN_SEQUENCES(columns)                                                                                      \
    "SELECT " columns " FROM pg_catalog.pg_depend AS d"                                                                \
    " JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"                       \
    " JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'"                                            \
    " JOIN pg_catalog.pg_namespace AS m ON m.oid = s.relnamespace"                                                     \
    " JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid"                                                             \
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"                                                     \
    " WHERE d.classid = " CLASS_RELATION " AND d.refclassid = " CLASS_RELATION                                         \
    " AND d.deptype IN ('a', 'i') AND " IS_OWN("n") " AND " IS_OWN("m")

const char function_guard_serial_sequence[] =
    GUARD("pg_catalog.min(rg_g.rg_sequence)",
          COLUMN_SEQUENCES(RELATION_NAMES ", a.attname AS rg_column, " RELATION_FULL_NAME("s", "m") " AS rg_sequence"),
          HAS_NAME("$1") " AND rg_g.rg_column = $2");

const char function_guard_serial_sequence_oid[] =
    GUARD("pg_catalog.min(rg_g.rg_sequence)",
          COLUMN_SEQUENCES("c.oid AS rg_table, a.attname AS rg_column, s.oid AS rg_sequence"),
          "rg_g.rg_table = $1 AND rg_g.rg_column = $2");
