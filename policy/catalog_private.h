/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_CATALOG_PRIVATE_H
#define RG_POLICY_CATALOG_PRIVATE_H

/* The pieces of which the selects of policy/catalog_*.c and the guards of policy/functions_*.c are made. Each decision
 * about who sees what is written here, once. Numbers are OIDs that PostgreSQL's bootstrap data fixes. */

#define CATALOG_SELECT(name) const char catalog_select_##name[]
#define CATALOG(name) extern CATALOG_SELECT(name);
#include "policy/catalog_names.def"
#undef CATALOG

/* A catalogue holds every tenant's rows, so the statement's own conditions must not be evaluated on it, nor its
 * statistics be asked with them (reference/leaks.md, the leaky-predicate problem): only above this fence. */
#define FENCED(select) "WITH rg_m AS MATERIALIZED (" select ") SELECT * FROM rg_m"

#define PG_CATALOG "11"
#define OWNER "10::pg_catalog.oid" /* the owner of everything a tenant sees: pg_roles' only row */
#define CLASS_RELATION "1259"
#define CLASS_TYPE "1247"
#define CLASS_CONSTRAINT "2606"
#define CLASS_NAMESPACE "2615"
/* functions, types, operators, access methods, operator classes and families, collations, languages, casts */
#define CLASSES_BUILT_IN "(1255, 1247, 2617, 2601, 2616, 2753, 3456, 2612, 2605)"

/* Made by initdb: below FirstNormalObjectId. */
#define IS_BUILT_IN(oid) oid " < 16384"

/* n: alias of a pg_namespace row */
#define IS_OWN(n) n ".nspname = ANY (:rg_schemas)"

/* n, c: aliases of pg_namespace and pg_class rows. A single relation that is shared with this identity. */
#define IS_SHARED(n, c)                                                                                                \
    "(" n ".nspname = ANY (:rg_relation_schemas) AND NOT " IS_OWN(n) " AND " c ".relkind IN ('r', 'p', 'v', 'm', 'f')" \
                                                                     " AND pg_catalog.concat(" n ".nspname, '.', " c   \
                                                                     ".relname) = ANY (:rg_relations))"

/* The name the tenant knows a namespace by; pg_catalog keeps its own. */
#define LOGICAL_TEXT(n)                                                                                                \
    "CASE WHEN " n ".oid = " PG_CATALOG " THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE("                           \
    "(:rg_logical)[pg_catalog.array_position(:rg_schemas, " n ".nspname::pg_catalog.text)], "                          \
    "(:rg_relation_logical)[pg_catalog.array_position(:rg_relation_schemas, " n ".nspname::pg_catalog.text)]) END"
#define LOGICAL_NAME(n) "CAST(" LOGICAL_TEXT(n) " AS pg_catalog.name)"

#define OWN_NAMESPACES "(SELECT rg_n.oid FROM pg_catalog.pg_namespace AS rg_n WHERE " IS_OWN("rg_n") ")"

#define RELATIONS_WHERE(condition)                                                                                     \
    "(SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n"                           \
    " ON rg_n.oid = rg_c.relnamespace WHERE " condition ")"
#define OWN_RELATIONS RELATIONS_WHERE(IS_OWN("rg_n"))
#define SHARED_RELATIONS RELATIONS_WHERE(IS_SHARED("rg_n", "rg_c"))
#define VISIBLE_RELATIONS RELATIONS_WHERE(IS_OWN("rg_n") " OR " IS_SHARED("rg_n", "rg_c"))

/* Indexes of shared relations that hold no expression: an index predicate may name a tenant. */
#define SHARED_INDEXES                                                                                                 \
    "(SELECT rg_i.indexrelid FROM pg_catalog.pg_index AS rg_i"                                                         \
    " WHERE rg_i.indexprs IS NULL AND rg_i.indpred IS NULL AND rg_i.indrelid IN " SHARED_RELATIONS ")"

#define OWN_TYPES "(SELECT rg_t.oid FROM pg_catalog.pg_type AS rg_t WHERE rg_t.typnamespace IN " OWN_NAMESPACES ")"

/* Types of the columns of visible relations. A dropped column's type is 0, which is also "no array type". */
#define USED_TYPES                                                                                                     \
    "(SELECT rg_a.atttypid FROM pg_catalog.pg_attribute AS rg_a WHERE rg_a.attnum > 0 AND NOT rg_a.attisdropped"       \
    " AND rg_a.attrelid IN " VISIBLE_RELATIONS ")"
#define EXTENSION_TYPES                                                                                                \
    "(SELECT rg_d.objid FROM pg_catalog.pg_depend AS rg_d WHERE rg_d.classid = " CLASS_TYPE " AND rg_d.deptype = 'e')"

/* t, n: aliases of pg_type and its pg_namespace row. Besides the tenant's own and the built-in types, those that a
 * visible column has, if they belong to a shared schema or to an extension. */
#define IS_VISIBLE_TYPE(t, n)                                                                                          \
    "(" IS_OWN(n) " OR (" t ".typnamespace = " PG_CATALOG                                                              \
                  " AND " IS_BUILT_IN(t ".oid") ") OR (" t ".typtype IN ('b', 'd', 'e', 'r', 'm') AND (" t             \
                                                ".oid IN " USED_TYPES " OR " t ".typarray IN " USED_TYPES ") AND (" n  \
                                                ".nspname = ANY (:rg_relation_schemas) OR " t                          \
                                                ".oid IN " EXTENSION_TYPES " OR " t ".typelem IN " EXTENSION_TYPES     \
                                                ")))"

/* k: alias of a pg_constraint row. A CHECK or EXCLUDE of a shared relation may name a tenant; a foreign key to an
 * invisible relation does. */
#define IS_VISIBLE_CONSTRAINT(k)                                                                                       \
    "((" k ".conrelid IN " OWN_RELATIONS " OR (" k ".contype IN ('p', 'u', 'f') AND " k                                \
    ".conrelid IN " SHARED_RELATIONS ")) AND (" k ".confrelid = 0 OR " k ".confrelid IN " VISIBLE_RELATIONS ") OR " k  \
    ".contypid IN " OWN_TYPES ")"
#define OWN_CONSTRAINTS                                                                                                \
    "(SELECT rg_k.oid FROM pg_catalog.pg_constraint AS rg_k WHERE rg_k.connamespace IN " OWN_NAMESPACES                \
    " AND " IS_VISIBLE_CONSTRAINT("rg_k") ")"

/* pg_get_indexdef's text with the tenant's name of the table: x and i alias the index's pg_class and pg_index rows. */
#define INDEX_PREFIX(x, i, table_name)                                                                                 \
    "pg_catalog.concat('CREATE ', CASE WHEN " i ".indisunique THEN 'UNIQUE ' END, 'INDEX ', pg_catalog.quote_ident(" x \
    ".relname), ' ON ', CASE WHEN " x ".relkind = 'I' THEN 'ONLY ' END, " table_name ")"
#define INDEX_SUFFIX(definition) "pg_catalog.substr(" definition ", pg_catalog.strpos(" definition ", ' USING '))"
#define INDEX_DEFINITION(x, i, c, n)                                                                                   \
    "pg_catalog.concat(" INDEX_PREFIX(x, i, RELATION_FULL_NAME(c, n)) ", " INDEX_SUFFIX(                               \
        "pg_catalog.pg_get_indexdef(" i ".indexrelid)") ")"

/* What drivers ask for. No path, no address, nothing that a role or a database can be set to. */
#define HARMLESS_SETTINGS                                                                                              \
    "('server_version', 'server_version_num', 'server_encoding', 'client_encoding', 'DateStyle', 'IntervalStyle',"     \
    " 'TimeZone', 'standard_conforming_strings', 'integer_datetimes', 'max_identifier_length', 'max_index_keys',"      \
    " 'max_function_args', 'block_size', 'bytea_output', 'extra_float_digits', 'lc_collate', 'lc_ctype',"              \
    " 'transaction_isolation', 'default_transaction_isolation', 'transaction_read_only', 'backslash_quote',"           \
    " 'escape_string_warning', 'xmlbinary', 'xmloption')"

/* ---- names as the tenant writes them ---- */

#define PATH_PLACE(n) "pg_catalog.array_position(:rg_path, " n ".nspname::pg_catalog.text)"

/* Found without its schema: in the virtual search_path, and nothing visible of that name earlier in it. */
#define RELATION_IS_FOUND(c, n)                                                                                        \
    "(" n ".nspname = ANY (:rg_path) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o"                        \
    " JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = " c                    \
    ".relname AND " PATH_PLACE("rg_q") " < " PATH_PLACE(n) " AND (" IS_OWN("rg_q") " OR " IS_SHARED("rg_q",            \
                                                                                                    "rg_o") ")))"

/* A type of the tenant's is also hidden by a built-in one of its name; other tenants' types hide nothing. */
#define TYPE_IS_FOUND(t, n)                                                                                            \
    "(" n ".oid = " PG_CATALOG " OR (" n ".nspname = ANY (:rg_path) AND NOT EXISTS (SELECT 1"                          \
    " FROM pg_catalog.pg_type AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.typnamespace"            \
    " WHERE rg_o.typname = " t ".typname AND (rg_q.oid = " PG_CATALOG                                                  \
    " OR (" IS_OWN("rg_q") " AND " PATH_PLACE("rg_q") " < " PATH_PLACE(n) ")))))"

#define RELATION_FULL_NAME(c, n)                                                                                       \
    "pg_catalog.concat(pg_catalog.quote_ident(" LOGICAL_TEXT(n) "), '.', pg_catalog.quote_ident(" c ".relname))"
#define RELATION_NAME(c, n)                                                                                            \
    "CASE WHEN " RELATION_IS_FOUND(c, n) " THEN pg_catalog.quote_ident(" c                                             \
                                         ".relname) ELSE " RELATION_FULL_NAME(c, n) " END"

#define TYPE_AND_SCHEMA                                                                                                \
    " FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace WHERE "
/* e: the element when t is its array type */
#define TYPE_AND_ELEMENT                                                                                               \
    " FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace"                        \
    " LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid WHERE "

/* NULL for built-in types, which format_type knows best. An extension's type has a schema the tenant does not see. */
#define TYPE_NAME(t, n, e)                                                                                             \
    "CASE WHEN " n ".oid <> " PG_CATALOG                                                                               \
    " THEN pg_catalog.concat(CASE WHEN NOT " TYPE_IS_FOUND(t, n) " THEN pg_catalog.quote_ident(" LOGICAL_TEXT(         \
        n) ") || '.'::pg_catalog.text END, pg_catalog.quote_ident(COALESCE(" e ".typname, " t                          \
           ".typname)), CASE WHEN " e ".oid IS NOT NULL THEN '[]' END) END"

#endif
