/* SPDX-License-Identifier: Apache-2.0 */
/* The one query by which a database describes its relations. Its names and operators are qualified, so that no
 * search_path, and nothing that a tenant may have created, decides what it means. Checked on PostgreSQL 15 and 16. */
#include "policy/relations.h"

/* ISO C need not take a string of more than 4095 bytes; both compilers do. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

#define EQ " OPERATOR(pg_catalog.=) "
#define NE " OPERATOR(pg_catalog.<>) "

/* Boolean, strict and leakproof: what may run on rows that the tenant does not see. */
#define OPERATORS                                                                                                      \
    "COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(o.oprname, l.typname, r.typname)"                \
    " ORDER BY o.oprname, l.typname, r.typname)"                                                                       \
    " FROM pg_catalog.pg_operator AS o"                                                                                \
    " JOIN pg_catalog.pg_proc AS p ON p.oid" EQ "o.oprcode"                                                            \
    " JOIN pg_catalog.pg_type AS l ON l.oid" EQ "o.oprleft"                                                            \
    " JOIN pg_catalog.pg_type AS r ON r.oid" EQ "o.oprright"                                                           \
    " JOIN pg_catalog.pg_namespace AS n ON n.nspname" EQ "'pg_catalog'"                                                \
    " WHERE o.oprnamespace" EQ "n.oid AND p.pronamespace" EQ "n.oid AND l.typnamespace" EQ "n.oid"                     \
    " AND r.typnamespace" EQ "n.oid AND p.proleakproof AND p.proisstrict"                                              \
    " AND o.oprresult" EQ "'pg_catalog.bool'::pg_catalog.regtype), '[]')"

#define COLUMNS                                                                                                        \
    "COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname,"                                      \
    " CASE WHEN tn.nspname" EQ "'pg_catalog' AND t.typtype" NE "'d'"                                                   \
    " THEN t.typname ELSE '' END) ORDER BY a.attnum)"                                                                  \
    " FROM pg_catalog.pg_attribute AS a"                                                                               \
    " JOIN pg_catalog.pg_type AS t ON t.oid" EQ "a.atttypid"                                                           \
    " JOIN pg_catalog.pg_namespace AS tn ON tn.oid" EQ "t.typnamespace"                                                \
    " WHERE a.attrelid" EQ "c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped),"                      \
    " '[]')"

#define PARENTS                                                                                                        \
    "COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(pn.nspname, pc.relname) ORDER BY i.inhseqno)"    \
    " FROM pg_catalog.pg_inherits AS i"                                                                                \
    " JOIN pg_catalog.pg_class AS pc ON pc.oid" EQ "i.inhparent"                                                       \
    " JOIN pg_catalog.pg_namespace AS pn ON pn.oid" EQ "pc.relnamespace"                                               \
    " WHERE i.inhrelid" EQ "c.oid), '[]')"

/* A function that is not PostgreSQL's may read anything: it counts as read, by a name that no relation has, also behind
 * an operator. The catalogue does not say that a rule uses a whole row where the rule names a column of it, too: then
 * the rule's tree does, and every relation that it reads counts as read whole. */
#define READ                                                                                                           \
    "SELECT DISTINCT rn.nspname AS s, COALESCE(rc.relname::pg_catalog.text, pg_catalog.concat(f.proname, '()')) AS r," \
    " CASE WHEN pg_catalog.strpos(w.ev_action::pg_catalog.text, ':varattno 0 ')" EQ "0"                                \
    " THEN COALESCE(ra.attname, '') ELSE '' END AS a"                                                                  \
    " FROM pg_catalog.pg_rewrite AS w"                                                                                 \
    " JOIN pg_catalog.pg_depend AS d ON d.classid" EQ "'pg_catalog.pg_rewrite'::pg_catalog.regclass"                   \
    " AND d.objid" EQ "w.oid"                                                                                          \
    " LEFT JOIN pg_catalog.pg_class AS rc ON d.refclassid" EQ "'pg_catalog.pg_class'::pg_catalog.regclass"             \
    " AND rc.oid" EQ "d.refobjid AND rc.oid" NE "c.oid"                                                                \
    " LEFT JOIN pg_catalog.pg_attribute AS ra ON ra.attrelid" EQ "rc.oid AND ra.attnum" EQ "d.refobjsubid"             \
    " AND d.refobjsubid" NE "0"                                                                                        \
    " LEFT JOIN pg_catalog.pg_operator AS fo ON d.refclassid" EQ "'pg_catalog.pg_operator'::pg_catalog.regclass"       \
    " AND fo.oid" EQ "d.refobjid"                                                                                      \
    " LEFT JOIN pg_catalog.pg_proc AS f ON f.oid" EQ "CASE WHEN d.refclassid" EQ                                       \
    "'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid ELSE fo.oprcode END"                                    \
    " JOIN pg_catalog.pg_namespace AS rn ON rn.oid" EQ "COALESCE(rc.relnamespace, f.pronamespace)"                     \
    " WHERE w.ev_class" EQ "c.oid AND w.ev_type" EQ "'1'"

/* Tables of pg_catalog leave no trace in pg_depend, so they are looked up in the rule's tree. */
#define READ_CATALOGUE                                                                                                 \
    "SELECT rn.nspname, rc.relname::pg_catalog.text, ''"                                                               \
    " FROM pg_catalog.pg_rewrite AS w, pg_catalog.regexp_matches(w.ev_action::pg_catalog.text,"                        \
    " ':relid ([0-9]+) ', 'g') AS m (x), pg_catalog.pg_class AS rc, pg_catalog.pg_namespace AS rn"                     \
    " WHERE w.ev_class" EQ "c.oid AND w.ev_type" EQ "'1' AND rc.oid" EQ "m.x[1]::pg_catalog.oid"                       \
    " AND rc.oid" NE "c.oid AND rn.oid" EQ "rc.relnamespace AND rn.nspname" EQ "'pg_catalog'"

#define READS                                                                                                          \
    "COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(x.s, x.r, x.a) ORDER BY x.s, x.r, x.a)"          \
    " FROM (" READ " UNION " READ_CATALOGUE ") AS x), '[]')"

#define RELATIONS                                                                                                      \
    "COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('schema', cn.nspname, 'name', c.relname,"       \
    " 'kind', c.relkind::pg_catalog.text, 'columns', " COLUMNS ", 'parents', " PARENTS ","                             \
    " 'reads', CASE WHEN c.relkind" EQ "ANY ('{v,m}'::pg_catalog.\"char\"[])"                                          \
    " THEN " READS " ELSE '[]' END) ORDER BY cn.nspname, c.relname)"                                                   \
    " FROM pg_catalog.pg_class AS c"                                                                                   \
    " JOIN pg_catalog.pg_namespace AS cn ON cn.oid" EQ "c.relnamespace"                                                \
    " WHERE c.relkind" EQ "ANY ('{r,v,m,p,f}'::pg_catalog.\"char\"[])"                                                 \
    " AND cn.nspname" NE "'information_schema'"                                                                        \
    " AND cn.nspname OPERATOR(pg_catalog.!~) '^pg_'), '[]')"

const char *policy_relations_query(void)
{
    return "SELECT pg_catalog.json_build_object('version', 1,"
           " 'server', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,"
           " 'operators', " OPERATORS ", 'relations', " RELATIONS ")::pg_catalog.text";
}
