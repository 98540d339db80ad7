/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules say what about a relation, as row security: one permissive `true`, and every condition restrictive, so
 * that a policy that somebody else adds cannot widen it (reference policies.md 5.3, rule 3). */
#include "policy/native_private.h"

#include <stdio.h>

#define TENANT "COALESCE(pg_catalog.current_setting('" NATIVE_TENANT "', true), '')"
#define SCHEMAS "NULLIF(pg_catalog.current_setting('" NATIVE_SCHEMAS "', true), '')::pg_catalog.text[]"

const char *native_command_name(enum native_command command)
{
    static const char *const names[] = {"SELECT", "INSERT", "UPDATE", "DELETE"};
    return names[command];
}

/* ---- which rules ---- */

static bool covers(const struct native_target *target, const struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->pattern_count; i++) {
        const struct policy_pattern *pattern = &rule->patterns[i];
        if (rg_slice_is_equal(pattern->schema, target->scope.logical) &&
            (pattern->name.size == 0 || rg_slice_is_equal(pattern->name, target->relation->name))) {
            return target->scope.is_own || !rule->row->is_schema_isolated;
        }
    }
    return false;
}

static bool is_for(const struct policy_row *row, enum native_command command)
{
    const bool kinds[] = {row->for_select, row->for_insert, row->for_update, row->for_delete};
    return kinds[command];
}

size_t native_rules_find(const struct native_target *target, enum native_command command,
                         const struct policy_rule **out_rules)
{
    size_t count = 0;
    for (size_t i = 0; i < target->source->set->rule_count; i++) {
        const struct policy_rule *rule = &target->source->set->rules[i];
        if (is_for(rule->row, command) && covers(target, rule)) {
            out_rules[count++] = rule;
        }
    }
    return count;
}

static bool is_for_everybody(const struct policy_rule *rule)
{
    return rule->row->to_count == 0 && rule->row->except_count == 0;
}

static bool is_open(const struct policy_rule *const *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_for_everybody(rules[i])) {
            return true;
        }
    }
    return false;
}

bool native_rules_filter(const struct policy_rule *const *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i]->predicate != NULL || rules[i]->check != NULL) {
            return true;
        }
    }
    return !is_open(rules, count);
}

/* ---- conditions ---- */

struct writer {
    const struct native_target *target;
    struct rg_arena *arena;
    const struct policy_rule **rules; /* of the present command */
    size_t rule_count;
    size_t count, capacity;
    struct native_policy *policies;
};

static rg_status put_list(struct rg_buf *buf, struct rg_arena *arena, const char *before, const struct rg_slice *items,
                          size_t count)
{
    RG_TRY(rg_buf_printf(buf, "%s(ARRAY[", before));
    for (size_t i = 0; i < count; i++) {
        struct rg_slice text = {0};
        RG_TRY(native_string(items[i], arena, &text));
        RG_TRY(rg_buf_printf(buf, "%s%.*s", i == 0 ? "" : ", ", RG_SLICE_ARGS(text)));
    }
    return rg_buf_put(buf, RG_SLICE("]::pg_catalog.text[])"));
}

/* Whether a rule is the tenant's: true or false, never NULL. */
static rg_status put_applies(struct rg_buf *buf, struct rg_arena *arena, const struct policy_rule *rule)
{
    const struct policy_row *row = rule->row;
    if (row->to_count > 0) {
        RG_TRY(put_list(buf, arena, TENANT " = ANY ", row->to, row->to_count));
    }
    if (row->except_count > 0) {
        RG_TRY(put_list(buf, arena, row->to_count > 0 ? " AND " TENANT " <> ALL " : TENANT " <> ALL ", row->except,
                        row->except_count));
    }
    return RG_OK;
}

static rg_status put_any_applies(struct rg_buf *buf, struct rg_arena *arena, const struct policy_rule *const *rules,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        RG_TRY(rg_buf_put(buf, i == 0 ? RG_SLICE("(") : RG_SLICE(" OR (")));
        RG_TRY(put_applies(buf, arena, rules[i]));
        RG_TRY(rg_buf_put_u8(buf, ')'));
    }
    return RG_OK;
}

static rg_status take(struct rg_buf *buf, struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_TRY(rg_arena_copy(arena, rg_buf_slice(buf), out_text));
    return native_prove_expression(*out_text, arena);
}

/* Tenants that call a schema of their own by the name of a shared one do not see the shared one. */
static rg_status put_shadowed(struct rg_buf *buf, const struct writer *writer)
{
    const struct native_target *target = writer->target;
    const struct tenant_registry *registry = target->source->registry;
    struct rg_slice *ids = NULL;
    size_t count = 0;
    RG_TRY(rg_arena_array(writer->arena, registry->static_count + 1, sizeof *ids, (void **)&ids));
    for (size_t i = 0; i < registry->static_count; i++) {
        const struct tenant_route *route = &registry->statics[i].route;
        for (size_t j = 0; j < route->schema_count; j++) {
            if (rg_slice_is_equal(route->schemas[j].logical, target->scope.logical)) {
                ids[count++] = registry->statics[i].id;
                break;
            }
        }
    }
    return count == 0 ? RG_OK : put_list(buf, writer->arena, " AND " TENANT " <> ALL ", ids, count);
}

static rg_status reach_text(const struct writer *writer, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, writer->arena->limit_bytes);
    RG_TRY(rg_buf_put(&buf, RG_SLICE(TENANT " <> ''")));
    if (writer->target->scope.is_own) {
        struct rg_slice schema = {0};
        RG_TRY(native_string(writer->target->relation->schema, writer->arena, &schema));
        RG_TRY(rg_buf_printf(&buf, " AND COALESCE(%.*s = ANY (" SCHEMAS "), false)", RG_SLICE_ARGS(schema)));
    } else {
        RG_TRY(put_shadowed(&buf, writer));
    }
    if (!is_open(writer->rules, writer->rule_count)) {
        RG_TRY(rg_buf_put(&buf, RG_SLICE(" AND (")));
        RG_TRY(put_any_applies(&buf, writer->arena, writer->rules, writer->rule_count));
        RG_TRY(rg_buf_put_u8(&buf, ')'));
    }
    return take(&buf, writer->arena, out_text);
}

static bool is_same_group(const struct policy_rule *a, const struct policy_rule *b)
{
    return a == b || (a->row->group.size > 0 && rg_slice_is_equal(a->row->group, b->row->group));
}

static const struct sql_template *template_of(const struct policy_rule *rule, bool is_check)
{
    return is_check && rule->check != NULL ? rule->check : rule->predicate;
}

static rg_status put_rule(struct rg_buf *buf, const struct writer *writer, const struct policy_rule *rule,
                          bool is_check)
{
    const struct policy_relation *relation = writer->target->relation;
    struct rg_slice text = {0};
    struct rg_slice schema = writer->target->is_probe ? RG_SLICE("pg_temp") : relation->schema;
    rg_status status = native_expression(writer->target->source->set, template_of(rule, is_check), schema,
                                         relation->name, writer->arena, &text);
    if (!rg_is_ok(status) && status.error->kind == RG_CONFIG) {
        return rg_fail(RG_CONFIG, "policy \"%.*s\" has no native form", rg_slice_shown(rule->row->name),
                       rule->row->name.data);
    }
    RG_TRY(status);
    return rg_buf_printf(buf, "(%.*s)", RG_SLICE_ARGS(text));
}

/* The members that are the tenant's are OR-ed; when none is, the group says nothing. */
static rg_status group_text(const struct writer *writer, size_t first, bool is_check, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, writer->arena->limit_bytes);
    const struct policy_rule **members = NULL;
    size_t count = 0;
    RG_TRY(rg_arena_array(writer->arena, writer->rule_count, sizeof(void *), (void **)&members));
    for (size_t i = first; i < writer->rule_count; i++) {
        const struct policy_rule *rule = writer->rules[i];
        if (!is_same_group(writer->rules[first], rule) || template_of(rule, is_check) == NULL) {
            continue;
        }
        members[count++] = rule;
        RG_TRY(rg_buf_put(&buf, count == 1 ? RG_SLICE("") : RG_SLICE(" OR ")));
        if (is_for_everybody(rule)) {
            RG_TRY(put_rule(&buf, writer, rule, is_check));
            continue;
        }
        RG_TRY(rg_buf_put(&buf, RG_SLICE("((")));
        RG_TRY(put_applies(&buf, writer->arena, rule));
        RG_TRY(rg_buf_put(&buf, RG_SLICE(") AND ")));
        RG_TRY(put_rule(&buf, writer, rule, is_check));
        RG_TRY(rg_buf_put_u8(&buf, ')'));
    }
    if (count > 0 && !is_open(members, count)) {
        RG_TRY(rg_buf_put(&buf, RG_SLICE(" OR NOT (")));
        RG_TRY(put_any_applies(&buf, writer->arena, members, count));
        RG_TRY(rg_buf_put_u8(&buf, ')'));
    }
    *out_text = (struct rg_slice){"", 0};
    return count == 0 ? RG_OK : take(&buf, writer->arena, out_text);
}

/* ---- policies ---- */

static bool reads_old(enum native_command command)
{
    return command != NATIVE_INSERT;
}

static bool writes_new(enum native_command command)
{
    return command == NATIVE_INSERT || command == NATIVE_UPDATE;
}

static rg_status add(struct writer *writer, struct native_policy policy, const char *what)
{
    static const char *const words[] = {"select", "insert", "update", "delete"};
    RG_ASSERT(writer->count < writer->capacity);
    RG_TRY(rg_arena_printf(writer->arena, &policy.name, "rowgate %s%s", words[policy.command], what));
    writer->policies[writer->count++] = policy;
    return RG_OK;
}

static bool has_check(const struct writer *writer, size_t first)
{
    for (size_t i = first; i < writer->rule_count; i++) {
        if (is_same_group(writer->rules[first], writer->rules[i]) && writer->rules[i]->check != NULL) {
            return true;
        }
    }
    return false;
}

static rg_status add_rule(struct writer *writer, enum native_command command, size_t first)
{
    const struct policy_row *row = writer->rules[first]->row;
    struct native_policy policy = {.command = command, .is_restrictive = true};
    char number[32];
    for (size_t i = 0; i < first; i++) {
        if (is_same_group(writer->rules[i], writer->rules[first])) {
            return RG_OK;
        }
    }
    if (reads_old(command)) {
        RG_TRY(group_text(writer, first, false, &policy.using_text));
    }
    if (command == NATIVE_INSERT || (command == NATIVE_UPDATE && has_check(writer, first))) {
        RG_TRY(group_text(writer, first, true, &policy.check_text));
    }
    if (policy.using_text.size == 0 && policy.check_text.size == 0) {
        return RG_OK;
    }
    RG_TRY(rg_arena_printf(writer->arena, &policy.remark, "%s \"%.*s\"", row->group.size > 0 ? "group" : "policy",
                           RG_SLICE_ARGS(row->group.size > 0 ? row->group : row->name)));
    (void)snprintf(number, sizeof number, " %zu", first + 1);
    return add(writer, policy, number);
}

static rg_status add_command(struct writer *writer, enum native_command command)
{
    struct native_policy all = {.command = command, .remark = RG_SLICE("all rows, less what follows")};
    struct native_policy reach = {.command = command, .is_restrictive = true, .remark = RG_SLICE("for whom")};
    struct rg_slice text = {0};
    writer->rule_count = native_rules_find(writer->target, command, writer->rules);
    if (writer->rule_count == 0) {
        return RG_OK;
    }
    RG_TRY(reach_text(writer, &text));
    all.using_text = reads_old(command) ? RG_SLICE("true") : (struct rg_slice){"", 0};
    all.check_text = writes_new(command) ? RG_SLICE("true") : (struct rg_slice){"", 0};
    reach.using_text = reads_old(command) ? text : (struct rg_slice){"", 0};
    reach.check_text = writes_new(command) ? text : (struct rg_slice){"", 0};
    RG_TRY(add(writer, all, ""));
    RG_TRY(add(writer, reach, " 0"));
    for (size_t i = 0; i < writer->rule_count; i++) {
        RG_TRY(add_rule(writer, command, i));
    }
    return RG_OK;
}

rg_status native_rules_make(const struct native_target *target, struct rg_arena *arena, size_t *out_count,
                            const struct native_policy **out_policies)
{
    size_t rules = target->source->set->rule_count;
    struct writer writer = {.target = target, .arena = arena, .capacity = NATIVE_COMMANDS * (rules + 2)};
    RG_TRY(rg_arena_array(arena, rules + 1, sizeof(void *), (void **)&writer.rules));
    RG_TRY(rg_arena_array(arena, writer.capacity, sizeof *writer.policies, (void **)&writer.policies));
    for (int command = 0; command < NATIVE_COMMANDS; command++) {
        RG_TRY(add_command(&writer, (enum native_command)command));
    }
    *out_count = writer.count;
    *out_policies = writer.policies;
    return RG_OK;
}
