/* SPDX-License-Identifier: Apache-2.0 */
/* The statements by which a live database tells all that the second lock depends on, as one JSON document. Nothing is
 * left behind: the transaction is rolled back. */
#include "policy/native_private.h"

/* ISO C need not take a string of more than 4095 bytes; both compilers do. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

enum { QUESTION_MAX_BYTES = 64 << 20 };

struct asker {
    const struct native_plan *plan;
    struct rg_arena *arena;
    struct rg_buf buf;
    size_t statements;
};

static const char head[] = "BEGIN TRANSACTION READ WRITE;\n"
                           "SET LOCAL statement_timeout = '60s';\n"
                           "SET LOCAL standard_conforming_strings = on;\n"
                           "SET LOCAL search_path = pg_catalog;\n"
                           "CREATE TEMPORARY TABLE \"rowgate probe\" (s pg_catalog.text, r pg_catalog.text,"
                           " p pg_catalog.text, q pg_catalog.text, c pg_catalog.text) ON COMMIT DROP;\n";

enum { HEAD_STATEMENTS = 5 };

/* %s: an array of the roles' names, as text. */
static const char tail[] =
    "SELECT pg_catalog.json_build_object('version', 1,"
    " 'probes', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(s, r, p, q, c)), '[]')"
    " FROM pg_temp.\"rowgate probe\"),"
    " 'policies', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, c.relname, p.polname,"
    " p.polcmd, p.polpermissive, ARRAY(SELECT COALESCE(g.rolname, 'public') FROM pg_catalog.unnest(p.polroles) AS u(o)"
    " LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = u.o ORDER BY 1), pg_catalog.pg_get_expr(p.polqual, p.polrelid),"
    " pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) ORDER BY n.nspname, c.relname, p.polname), '[]')"
    " FROM pg_catalog.pg_policy AS p JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_'),"
    " 'relations', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, c.relname, c.relkind,"
    " c.relrowsecurity, c.relforcerowsecurity, o.rolname, pg_catalog.pg_has_role(l.oid, c.relowner, 'MEMBER'),"
    " COALESCE(pg_catalog.array_to_string(c.reloptions, ',') ~* 'security_invoker=(true|on|yes|1)', false))"
    " ORDER BY n.nspname, c.relname), '[]') FROM w AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner JOIN pg_catalog.pg_roles AS l ON l.rolname = h.names[1]),"
    " 'privileges', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, c.relname, g.name,"
    " a.privilege_type) ORDER BY n.nspname, c.relname, g.name, a.privilege_type), '[]') FROM w AS c"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN LATERAL"
    " (SELECT x.grantee, x.privilege_type FROM"
    " pg_catalog.aclexplode(COALESCE(c.relacl, pg_catalog.acldefault('r', c.relowner))) AS x UNION"
    " SELECT x.grantee, x.privilege_type || ' of a column' FROM pg_catalog.pg_attribute AS t"
    " CROSS JOIN LATERAL pg_catalog.aclexplode(t.attacl) AS x WHERE t.attrelid = c.oid AND NOT t.attisdropped) AS a"
    " JOIN g ON g.oid = a.grantee),"
    " 'schemas', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, g.name, a.privilege_type)"
    " ORDER BY n.nspname, g.name, a.privilege_type), '[]') FROM pg_catalog.pg_namespace AS n CROSS JOIN LATERAL"
    " pg_catalog.aclexplode(COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a"
    " JOIN g ON g.oid = a.grantee WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),"
    " 'roles', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(r.rolname, r.rolsuper, r.rolbypassrls,"
    " r.rolinherit, r.rolcreaterole) ORDER BY r.rolname), '[]') FROM pg_catalog.pg_roles AS r"
    " WHERE r.rolname = ANY (h.names)),"
    " 'members', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(r.rolname, k.rolname)"
    " ORDER BY r.rolname, k.rolname), '[]') FROM pg_catalog.pg_auth_members AS m"
    " JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid JOIN pg_catalog.pg_roles AS k ON k.oid = m.member"
    " WHERE k.rolname = ANY (h.names)))::pg_catalog.text FROM h;\n"
    "ROLLBACK;\n";

static const char with[] =
    "WITH h AS (SELECT %.*s::pg_catalog.text[] AS names),"
    " g AS (SELECT r.oid, r.rolname::pg_catalog.text AS name FROM pg_catalog.pg_roles AS r, h WHERE r.rolname = ANY "
    "(h.names)"
    " UNION ALL SELECT 0, 'public'),"
    " w AS (SELECT c.* FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')\n";

/* ---- the plan's policies on a temporary table ---- */

static rg_status put_probe_policy(struct asker *asker, struct rg_buf *body, struct rg_slice table,
                                  const struct native_policy *policy)
{
    struct rg_slice name = {0};
    struct rg_slice create = {0};
    struct rg_slice text = {0};
    bool has_using = policy->using_text.size > 0;
    bool has_check = policy->check_text.size > 0;
    RG_TRY(native_identifier(policy->name, asker->arena, &name));
    RG_TRY(rg_arena_printf(asker->arena, &create, "CREATE POLICY %.*s ON pg_temp.%.*s FOR %s%s%.*s%s%s%.*s%s",
                           RG_SLICE_ARGS(name), RG_SLICE_ARGS(table), native_command_name(policy->command),
                           has_using ? " USING (" : "", RG_SLICE_ARGS(policy->using_text), has_using ? ")" : "",
                           has_check ? " WITH CHECK (" : "", RG_SLICE_ARGS(policy->check_text), has_check ? ")" : ""));
    RG_TRY(native_string(create, asker->arena, &text));
    return rg_buf_printf(body, "    EXECUTE %.*s;\n", RG_SLICE_ARGS(text));
}

static rg_status put_probe_body(struct asker *asker, struct rg_buf *body, const struct native_relation *relation)
{
    struct rg_slice schema = {0};
    struct rg_slice name = {0};
    struct rg_slice table = {0};
    RG_TRY(native_string(relation->relation->schema, asker->arena, &schema));
    RG_TRY(native_string(relation->relation->name, asker->arena, &name));
    RG_TRY(native_identifier(relation->relation->name, asker->arena, &table));
    RG_TRY(rg_buf_printf(body,
                         "BEGIN\n    EXECUTE (SELECT pg_catalog.format('CREATE TEMPORARY TABLE %%I (%%s)', %.*s,"
                         " pg_catalog.string_agg(pg_catalog.format('%%I %%s', a.attname,"
                         " pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum))"
                         " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid"
                         " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
                         " WHERE n.nspname = %.*s AND c.relname = %.*s AND a.attnum > 0 AND NOT a.attisdropped);\n",
                         RG_SLICE_ARGS(name), RG_SLICE_ARGS(schema), RG_SLICE_ARGS(name)));
    for (size_t i = 0; i < relation->policy_count; i++) {
        RG_TRY(put_probe_policy(asker, body, table, &relation->probes[i]));
    }
    return rg_buf_printf(body,
                         "    INSERT INTO pg_temp.\"rowgate probe\" SELECT %.*s, %.*s, p.polname,"
                         " pg_catalog.pg_get_expr(p.polqual, p.polrelid),"
                         " pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_catalog.pg_policy AS p"
                         " JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid"
                         " WHERE c.relname = %.*s AND c.relnamespace = pg_catalog.pg_my_temp_schema();\n"
                         "    DROP TABLE pg_temp.%.*s;\nEXCEPTION WHEN OTHERS THEN NULL;\nEND ",
                         RG_SLICE_ARGS(schema), RG_SLICE_ARGS(name), RG_SLICE_ARGS(name), RG_SLICE_ARGS(table));
}

static rg_status put_probe(struct asker *asker, const struct native_relation *relation)
{
    RG_AUTO(rg_buf_done) struct rg_buf body;
    struct rg_slice text = {0};
    rg_buf_init(&body, QUESTION_MAX_BYTES);
    RG_TRY(put_probe_body(asker, &body, relation));
    RG_TRY(native_string(rg_buf_slice(&body), asker->arena, &text));
    asker->statements++;
    return rg_buf_printf(&asker->buf, "DO %.*s;\n", RG_SLICE_ARGS(text));
}

static rg_status put_names(struct asker *asker)
{
    const struct native_plan *plan = asker->plan;
    struct rg_slice *names = NULL;
    struct rg_slice array = {0};
    struct rg_slice text = {0};
    size_t count = 0;
    RG_TRY(rg_arena_array(asker->arena, plan->role_count + 2, sizeof *names, (void **)&names));
    names[count++] = plan->source->login;
    if (plan->group.size > 0) {
        names[count++] = plan->group;
    }
    for (size_t i = 0; i < plan->role_count; i++) {
        names[count++] = plan->roles[i];
    }
    RG_TRY(native_array_text(names, count, asker->arena, &array));
    RG_TRY(native_string(array, asker->arena, &text));
    return rg_buf_printf(&asker->buf, with, RG_SLICE_ARGS(text));
}

static rg_status put_all(struct asker *asker)
{
    RG_TRY(rg_buf_put(&asker->buf, rg_slice_of(head)));
    for (size_t i = 0; i < asker->plan->relation_count; i++) {
        if (asker->plan->relations[i].policy_count > 0) {
            RG_TRY(put_probe(asker, &asker->plan->relations[i]));
        }
    }
    RG_TRY(put_names(asker));
    RG_TRY(rg_buf_put(&asker->buf, rg_slice_of(tail)));
    return native_prove_statements(rg_buf_slice(&asker->buf), asker->statements + HEAD_STATEMENTS + 2, asker->arena);
}

rg_status native_question(const struct native_plan *plan, struct rg_arena *arena, struct rg_slice *out_sql)
{
    struct asker asker = {.plan = plan, .arena = arena};
    rg_buf_init(&asker.buf, QUESTION_MAX_BYTES);
    rg_status status = put_all(&asker);
    if (rg_is_ok(status)) {
        status = rg_arena_copy(arena, rg_buf_slice(&asker.buf), out_sql);
    }
    rg_buf_done(&asker.buf);
    return status;
}
