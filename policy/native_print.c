/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the second lock as DDL: one transaction, in the order of names, each statement counted and the whole
 * parsed before it is given out. */
#include "policy/native_private.h"

enum { DDL_MAX_BYTES = 64 << 20 };

struct printer {
    const struct native_plan *plan;
    struct rg_arena *arena;
    struct rg_buf buf;
    size_t statements;
};

/* Ends in ";\n" and counts. */
#define STATEMENT(printer, ...)                                                                                        \
    do {                                                                                                               \
        RG_TRY(rg_buf_printf(&(printer)->buf, __VA_ARGS__));                                                           \
        RG_TRY(rg_buf_put(&(printer)->buf, RG_SLICE(";\n")));                                                          \
        (printer)->statements++;                                                                                       \
    } while (0)

/* A remark must not end its line. */
static rg_status put_remark(struct printer *printer, struct rg_slice text)
{
    RG_TRY(rg_buf_put(&printer->buf, RG_SLICE("-- ")));
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        RG_TRY(rg_buf_put_u8(&printer->buf, byte < 0x20 || byte == 0x7f ? '?' : byte));
    }
    return rg_buf_put(&printer->buf, RG_SLICE("\n"));
}

static rg_status name_of(const struct printer *printer, const struct native_relation *relation,
                         struct rg_slice *out_name)
{
    return native_qualified(relation->relation->schema, relation->relation->name, printer->arena, out_name);
}

/* A body in dollar quotes, or as a string where it holds their tag. */
static rg_status put_block(struct printer *printer, struct rg_slice body)
{
    struct rg_slice text = {0};
    struct rg_slice tag = RG_SLICE("$rowgate$");
    if (memmem(body.data, body.size, tag.data, tag.size) == NULL) {
        STATEMENT(printer, "DO $rowgate$\n%.*s$rowgate$", RG_SLICE_ARGS(body));
        return RG_OK;
    }
    RG_TRY(native_string(body, printer->arena, &text));
    STATEMENT(printer, "DO %.*s", RG_SLICE_ARGS(text));
    return RG_OK;
}

static rg_status put_head(struct printer *printer)
{
    const struct native_source *source = printer->plan->source;
    const struct rg_digest *digest = policy_set_digest(source->set);
    RG_TRY(rg_buf_printf(&printer->buf, "-- rowgate: the second lock, identity = \"%s\", policies ",
                         source->lock == POLICY_LOCK_SET_ROLE ? "set_role" : "set_local"));
    for (size_t i = 0; i < 8; i++) {
        RG_TRY(rg_buf_printf(&printer->buf, "%02x", (unsigned)digest->bytes[i]));
    }
    RG_TRY(rg_buf_put(&printer->buf,
                      RG_SLICE("\n-- Run it as a superuser or as the tables' owner, again after each change of the "
                               "policies or the tables.\n-- Owners are subject to it, too: maintain the tables with "
                               "a role that has BYPASSRLS.\n")));
    for (size_t i = 0; i < printer->plan->remark_count; i++) {
        RG_TRY(put_remark(printer, printer->plan->remarks[i]));
    }
    STATEMENT(printer, "BEGIN");
    STATEMENT(printer, "SET LOCAL client_encoding = 'UTF8'");
    STATEMENT(printer, "SET LOCAL standard_conforming_strings = on");
    STATEMENT(printer, "SET LOCAL search_path = pg_catalog");
    return RG_OK;
}

/* ---- roles ---- */

static rg_status put_role(struct printer *printer, struct rg_slice role)
{
    struct rg_slice name = {0};
    struct rg_slice text = {0};
    struct rg_slice body = {0};
    RG_TRY(native_identifier(role, printer->arena, &name));
    RG_TRY(native_string(role, printer->arena, &text));
    RG_TRY(rg_arena_printf(printer->arena, &body,
                           "BEGIN\n    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %.*s) THEN\n"
                           "        CREATE ROLE %.*s NOLOGIN;\n    END IF;\nEND ",
                           RG_SLICE_ARGS(text), RG_SLICE_ARGS(name)));
    return put_block(printer, body);
}

static rg_status put_roles(struct printer *printer)
{
    const struct native_plan *plan = printer->plan;
    struct rg_slice group = {0};
    struct rg_slice login = {0};
    if (plan->group.size == 0) {
        return RG_OK;
    }
    RG_TRY(native_identifier(plan->group, printer->arena, &group));
    RG_TRY(native_identifier(plan->source->login, printer->arena, &login));
    RG_TRY(put_remark(printer, RG_SLICE("roles: one for each tenant; the login itself may do nothing")));
    RG_TRY(put_role(printer, plan->group));
    for (size_t i = 0; i < plan->role_count; i++) {
        struct rg_slice role = {0};
        RG_TRY(native_identifier(plan->roles[i], printer->arena, &role));
        RG_TRY(put_role(printer, plan->roles[i]));
        STATEMENT(printer, "GRANT %.*s TO %.*s", RG_SLICE_ARGS(group), RG_SLICE_ARGS(role));
        STATEMENT(printer, "GRANT %.*s TO %.*s", RG_SLICE_ARGS(role), RG_SLICE_ARGS(login));
    }
    STATEMENT(printer, "ALTER ROLE %.*s NOINHERIT", RG_SLICE_ARGS(login));
    return RG_OK;
}

/* ---- schemas ---- */

/* Whose rights are given anew: PUBLIC, the login, the group, and the one that gets them. */
static rg_status put_holders(struct printer *printer, struct rg_slice grantee)
{
    const struct native_plan *plan = printer->plan;
    const struct rg_slice holders[] = {plan->source->login, plan->group, grantee};
    RG_TRY(rg_buf_put(&printer->buf, RG_SLICE("PUBLIC")));
    for (size_t i = 0; i < 3; i++) {
        struct rg_slice name = {0};
        bool is_double =
            i == 2 && (rg_slice_is_equal(holders[2], holders[0]) || rg_slice_is_equal(holders[2], holders[1]));
        if (holders[i].size > 0 && !is_double) {
            RG_TRY(native_identifier(holders[i], printer->arena, &name));
            RG_TRY(rg_buf_printf(&printer->buf, ", %.*s", RG_SLICE_ARGS(name)));
        }
    }
    STATEMENT(printer, "%s", "");
    return RG_OK;
}

static rg_status put_commands(struct printer *printer, const bool allows[NATIVE_COMMANDS])
{
    bool is_first = true;
    for (int i = 0; i < NATIVE_COMMANDS; i++) {
        if (allows[i]) {
            RG_TRY(rg_buf_printf(&printer->buf, "%s%s", is_first ? "GRANT " : ", ",
                                 native_command_name((enum native_command)i)));
            is_first = false;
        }
    }
    return RG_OK;
}

static bool has_any(const bool allows[NATIVE_COMMANDS])
{
    return allows[NATIVE_SELECT] || allows[NATIVE_INSERT] || allows[NATIVE_UPDATE] || allows[NATIVE_DELETE];
}

static rg_status put_schema(struct printer *printer, const struct native_schema *schema)
{
    struct rg_slice name = {0};
    struct rg_slice grantee = {0};
    RG_TRY(native_identifier(schema->name, printer->arena, &name));
    RG_TRY(native_identifier(schema->grantee, printer->arena, &grantee));
    RG_TRY(put_remark(printer, schema->name));
    RG_TRY(rg_buf_printf(&printer->buf, "REVOKE ALL ON SCHEMA %.*s FROM ", RG_SLICE_ARGS(name)));
    RG_TRY(put_holders(printer, schema->grantee));
    STATEMENT(printer, "GRANT USAGE ON SCHEMA %.*s TO %.*s", RG_SLICE_ARGS(name), RG_SLICE_ARGS(grantee));
    RG_TRY(rg_buf_printf(&printer->buf, "REVOKE ALL ON ALL SEQUENCES IN SCHEMA %.*s FROM ", RG_SLICE_ARGS(name)));
    RG_TRY(put_holders(printer, schema->grantee));
    if (schema->has_writers) {
        STATEMENT(printer, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA %.*s TO %.*s", RG_SLICE_ARGS(name),
                  RG_SLICE_ARGS(grantee));
    }
    if (has_any(schema->defaults)) {
        RG_TRY(rg_buf_printf(&printer->buf, "ALTER DEFAULT PRIVILEGES IN SCHEMA %.*s ", RG_SLICE_ARGS(name)));
        RG_TRY(put_commands(printer, schema->defaults));
        STATEMENT(printer, " ON TABLES TO %.*s", RG_SLICE_ARGS(grantee));
    }
    return RG_OK;
}

/* ---- relations ---- */

static rg_status put_policy(struct printer *printer, struct rg_slice table, struct rg_slice role,
                            const struct native_policy *policy)
{
    struct rg_slice name = {0};
    RG_TRY(native_identifier(policy->name, printer->arena, &name));
    RG_TRY(put_remark(printer, policy->remark));
    RG_TRY(rg_buf_printf(&printer->buf, "CREATE POLICY %.*s ON %.*s AS %s FOR %s TO %.*s", RG_SLICE_ARGS(name),
                         RG_SLICE_ARGS(table), policy->is_restrictive ? "RESTRICTIVE" : "PERMISSIVE",
                         native_command_name(policy->command), RG_SLICE_ARGS(role)));
    if (policy->using_text.size > 0) {
        RG_TRY(rg_buf_printf(&printer->buf, "\n    USING (%.*s)", RG_SLICE_ARGS(policy->using_text)));
    }
    if (policy->check_text.size > 0) {
        RG_TRY(rg_buf_printf(&printer->buf, "\n    WITH CHECK (%.*s)", RG_SLICE_ARGS(policy->check_text)));
    }
    STATEMENT(printer, "%s", "");
    return RG_OK;
}

/* Policies of an earlier export go, whatever their number was. */
static rg_status put_drop(struct printer *printer, const struct native_relation *relation)
{
    struct rg_slice schema = {0};
    struct rg_slice name = {0};
    struct rg_slice body = {0};
    RG_TRY(native_string(relation->relation->schema, printer->arena, &schema));
    RG_TRY(native_string(relation->relation->name, printer->arena, &name));
    RG_TRY(rg_arena_printf(
        printer->arena, &body,
        "DECLARE old pg_catalog.name;\nBEGIN\n    FOR old IN SELECT policyname FROM pg_catalog.pg_policies\n"
        "        WHERE schemaname = %.*s AND tablename = %.*s AND policyname LIKE 'rowgate %%' LOOP\n"
        "        EXECUTE pg_catalog.format('DROP POLICY %%I ON %%I.%%I', old, %.*s, %.*s);\n    END LOOP;\nEND ",
        RG_SLICE_ARGS(schema), RG_SLICE_ARGS(name), RG_SLICE_ARGS(schema), RG_SLICE_ARGS(name)));
    return put_block(printer, body);
}

static rg_status put_guard(struct printer *printer, const struct native_relation *relation, struct rg_slice table)
{
    struct rg_slice role = {0};
    STATEMENT(printer, "ALTER TABLE %.*s ENABLE ROW LEVEL SECURITY", RG_SLICE_ARGS(table));
    STATEMENT(printer, "ALTER TABLE %.*s FORCE ROW LEVEL SECURITY", RG_SLICE_ARGS(table));
    RG_TRY(put_drop(printer, relation));
    bool has_group = printer->plan->group.size > 0;
    RG_TRY(native_identifier(has_group ? printer->plan->group : printer->plan->source->login, printer->arena, &role));
    for (size_t i = 0; i < relation->policy_count; i++) {
        RG_TRY(put_policy(printer, table, role, &relation->policies[i]));
    }
    return RG_OK;
}

static rg_status put_relation(struct printer *printer, const struct native_relation *relation)
{
    struct rg_slice table = {0};
    struct rg_slice grantee = {0};
    RG_TRY(name_of(printer, relation, &table));
    RG_TRY(native_identifier(relation->grantee, printer->arena, &grantee));
    RG_TRY(rg_buf_put(&printer->buf, RG_SLICE("\n")));
    RG_TRY(put_remark(printer, table));
    if (relation->remark.size > 0) {
        RG_TRY(put_remark(printer, relation->remark));
    }
    RG_TRY(rg_buf_printf(&printer->buf, "REVOKE ALL ON TABLE %.*s FROM ", RG_SLICE_ARGS(table)));
    RG_TRY(put_holders(printer, relation->grantee));
    if (relation->is_guarded) {
        RG_TRY(put_guard(printer, relation, table));
    }
    if (relation->is_invoker) {
        STATEMENT(printer, "ALTER VIEW %.*s SET (security_invoker = true)", RG_SLICE_ARGS(table));
    }
    if (has_any(relation->allows)) {
        RG_TRY(put_commands(printer, relation->allows));
        STATEMENT(printer, " ON TABLE %.*s TO %.*s", RG_SLICE_ARGS(table), RG_SLICE_ARGS(grantee));
    }
    return RG_OK;
}

static rg_status put_all(struct printer *printer)
{
    const struct native_plan *plan = printer->plan;
    RG_TRY(put_head(printer));
    RG_TRY(put_roles(printer));
    for (size_t i = 0; i < plan->schema_count; i++) {
        RG_TRY(put_schema(printer, &plan->schemas[i]));
    }
    for (size_t i = 0; i < plan->relation_count; i++) {
        RG_TRY(put_relation(printer, &plan->relations[i]));
    }
    STATEMENT(printer, "COMMIT");
    return native_prove_statements(rg_buf_slice(&printer->buf), printer->statements, printer->arena);
}

rg_status native_print(const struct native_plan *plan, struct rg_arena *arena, struct rg_slice *out_text)
{
    struct printer printer = {.plan = plan, .arena = arena};
    rg_buf_init(&printer.buf, DDL_MAX_BYTES);
    rg_status status = put_all(&printer);
    if (rg_is_ok(status)) {
        status = rg_arena_copy(arena, rg_buf_slice(&printer.buf), out_text);
    }
    rg_buf_done(&printer.buf);
    return status;
}
