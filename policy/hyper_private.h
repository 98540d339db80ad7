/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_HYPER_PRIVATE_H
#define RG_POLICY_HYPER_PRIVATE_H

/* The pieces of which policy/hyper_catalog.c and the templates of policy/hyper_functions.def are made; they decide in
 * one place who sees which relation of a Hyper database. Placeholders are those of policy/catalog.h. */

/* The statement's own conditions stay above it: MATERIALIZED is sent as Hyper's SECURE. */
#define HYPER_FENCED(select) "WITH rg_m AS MATERIALIZED (" select ") SELECT * FROM rg_m"

/* n, c: aliases of pg_namespace and pg_class rows */
#define HYPER_IS_OWN(n) n ".nspname = ANY (:rg_schemas)"
#define HYPER_IS_VISIBLE(n, c)                                                                                         \
    "(" HYPER_IS_OWN(n) " OR pg_catalog.concat(" n ".nspname, '.', " c ".relname) = ANY (:rg_relations))"
#define HYPER_LOGICAL(n)                                                                                               \
    "COALESCE((:rg_logical)[CAST(pg_catalog.array_position(:rg_schemas, " n ".nspname) AS pg_catalog.int4)], "         \
    "(:rg_relation_logical)[CAST(pg_catalog.array_position(:rg_relation_schemas, " n                                   \
    ".nspname) AS pg_catalog.int4)], CASE WHEN " n ".oid = 11 THEN 'pg_catalog' END)"
#define HYPER_RELATIONS                                                                                                \
    "pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND c.relkind = 'r' "        \
    "AND " HYPER_IS_VISIBLE("n", "c")

#endif
