/* SPDX-License-Identifier: Apache-2.0 */
/* What a live database answered, against the plan of the second lock: what is missing, different, surplus, and what is
 * a way around it. The answer is judged as untrusted bytes. */
#include "policy/native_private.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

enum { FINDINGS_MAX = 10000, OBJECT_SIZE = 256, TEXT_SIZE = 400 };

struct comparer {
    const struct native_plan *plan;
    struct rg_arena *arena;
    json_t *answer;
    size_t count;
    struct native_finding *items;
};

const char *native_difference_name(enum native_difference difference)
{
    static const char *const names[] = {"trouble", "missing", "different", "surplus", "dangerous"};
    return names[difference];
}

__attribute__((format(printf, 4, 5))) static rg_status add(struct comparer *comparer, enum native_difference difference,
                                                           struct rg_slice object, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (comparer->count == FINDINGS_MAX) {
        return RG_OK;
    }
    struct native_finding *item = &comparer->items[comparer->count];
    item->difference = difference;
    RG_TRY(rg_arena_copy(comparer->arena, object, &item->object));
    RG_TRY(rg_arena_copy(comparer->arena, rg_slice_of(text), &item->text));
    comparer->count++;
    return RG_OK;
}

/* ---- rows of the answer ---- */

static const json_t *rows_of(const struct comparer *comparer, const char *name)
{
    return json_object_get(comparer->answer, name);
}

/* Text of a cell; empty for null and for what is no text. */
static struct rg_slice cell(const json_t *row, size_t at)
{
    const json_t *value = json_array_get(row, at);
    return json_is_string(value) ? rg_slice_make(json_string_value(value), json_string_length(value))
                                 : (struct rg_slice){"", 0};
}

static bool flag(const json_t *row, size_t at)
{
    return json_is_true(json_array_get(row, at));
}

static bool is_row_of(const json_t *row, const struct native_relation *relation)
{
    return rg_slice_is_equal(cell(row, 0), relation->relation->schema) &&
           rg_slice_is_equal(cell(row, 1), relation->relation->name);
}

static const json_t *find_row(const struct comparer *comparer, const char *name, struct rg_slice first,
                              struct rg_slice second, const struct rg_slice *third)
{
    const json_t *rows = rows_of(comparer, name);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (rg_slice_is_equal(cell(row, 0), first) && rg_slice_is_equal(cell(row, 1), second) &&
            (third == NULL || rg_slice_is_equal(cell(row, 2), *third))) {
            return row;
        }
    }
    return NULL;
}

static rg_status check_shape(const struct comparer *comparer)
{
    static const char *const names[] = {"probes", "policies", "relations", "privileges", "schemas", "roles", "members"};
    if (!json_is_object(comparer->answer) || json_integer_value(json_object_get(comparer->answer, "version")) != 1) {
        return rg_fail(RG_CONFIG, "the database's answer is no answer to what was asked");
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *rows = rows_of(comparer, names[i]);
        bool is_good = json_is_array(rows);
        for (size_t j = 0; is_good && j < json_array_size(rows); j++) {
            is_good = json_is_array(json_array_get(rows, j));
        }
        if (!is_good) {
            return rg_fail(RG_CONFIG, "the database's answer lacks \"%s\"", names[i]);
        }
    }
    return RG_OK;
}

/* ---- roles ---- */

static rg_status role_object(const struct comparer *comparer, struct rg_slice role, struct rg_slice *out_object)
{
    return rg_arena_printf(comparer->arena, out_object, "role \"%.*s\"", RG_SLICE_ARGS(role));
}

static bool is_ours(const struct native_plan *plan, struct rg_slice role)
{
    for (size_t i = 0; i < plan->role_count; i++) {
        if (rg_slice_is_equal(plan->roles[i], role)) {
            return true;
        }
    }
    return plan->group.size > 0 && rg_slice_is_equal(plan->group, role);
}

static const json_t *find_role(const struct comparer *comparer, struct rg_slice role)
{
    const json_t *rows = rows_of(comparer, "roles");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (rg_slice_is_equal(cell(json_array_get(rows, i), 0), role)) {
            return json_array_get(rows, i);
        }
    }
    return NULL;
}

static rg_status compare_role(struct comparer *comparer, struct rg_slice role, bool is_login)
{
    const json_t *row = find_role(comparer, role);
    struct rg_slice object = {0};
    RG_TRY(role_object(comparer, role, &object));
    if (row == NULL) {
        return add(comparer, NATIVE_MISSING, object, "does not exist");
    }
    if (flag(row, 1)) {
        RG_TRY(add(comparer, NATIVE_DANGEROUS, object, "is a superuser: row security does not hold for it"));
    }
    if (flag(row, 2)) {
        RG_TRY(add(comparer, NATIVE_DANGEROUS, object, "has BYPASSRLS: row security does not hold for it"));
    }
    if (flag(row, 4)) {
        RG_TRY(add(comparer, NATIVE_DANGEROUS, object, "has CREATEROLE: it can make itself a member of others"));
    }
    if (is_login && comparer->plan->group.size > 0 && flag(row, 3)) {
        RG_TRY(add(comparer, NATIVE_DANGEROUS, object, "has INHERIT: without a tenant it can do what all tenants can"));
    }
    return RG_OK;
}

static rg_status compare_membership(struct comparer *comparer, struct rg_slice role, struct rg_slice member)
{
    struct rg_slice object = {0};
    RG_TRY(role_object(comparer, member, &object));
    return find_row(comparer, "members", role, member, NULL) != NULL
               ? RG_OK
               : add(comparer, NATIVE_MISSING, object, "is no member of \"%.*s\"", rg_slice_shown(role), role.data);
}

static rg_status compare_members(struct comparer *comparer)
{
    const struct native_plan *plan = comparer->plan;
    const json_t *rows = rows_of(comparer, "members");
    for (size_t i = 0; i < plan->role_count; i++) {
        RG_TRY(compare_membership(comparer, plan->group, plan->roles[i]));
        RG_TRY(compare_membership(comparer, plan->roles[i], plan->source->login));
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        struct rg_slice role = cell(json_array_get(rows, i), 0);
        struct rg_slice member = cell(json_array_get(rows, i), 1);
        struct rg_slice object = {0};
        bool is_login = rg_slice_is_equal(member, plan->source->login);
        bool is_planned = is_login ? is_ours(plan, role) : rg_slice_is_equal(role, plan->group);
        if (!is_planned) {
            RG_TRY(role_object(comparer, member, &object));
            RG_TRY(add(comparer, NATIVE_DANGEROUS, object, "is a member of \"%.*s\"", rg_slice_shown(role), role.data));
        }
    }
    return RG_OK;
}

static rg_status compare_roles(struct comparer *comparer)
{
    const struct native_plan *plan = comparer->plan;
    RG_TRY(compare_role(comparer, plan->source->login, true));
    if (plan->group.size > 0) {
        RG_TRY(compare_role(comparer, plan->group, false));
    }
    for (size_t i = 0; i < plan->role_count; i++) {
        RG_TRY(compare_role(comparer, plan->roles[i], false));
    }
    return compare_members(comparer);
}

/* ---- schemas ---- */

static const struct native_schema *find_schema(const struct native_plan *plan, struct rg_slice name)
{
    for (size_t i = 0; i < plan->schema_count; i++) {
        if (rg_slice_is_equal(plan->schemas[i].name, name)) {
            return &plan->schemas[i];
        }
    }
    return NULL;
}

static rg_status compare_schemas(struct comparer *comparer)
{
    const struct native_plan *plan = comparer->plan;
    const json_t *rows = rows_of(comparer, "schemas");
    struct rg_slice usage = RG_SLICE("USAGE");
    for (size_t i = 0; i < plan->schema_count; i++) {
        const struct native_schema *schema = &plan->schemas[i];
        if (find_row(comparer, "schemas", schema->name, schema->grantee, &usage) == NULL) {
            RG_TRY(add(comparer, NATIVE_MISSING, schema->name, "\"%.*s\" has no USAGE of this schema",
                       rg_slice_shown(schema->grantee), schema->grantee.data));
        }
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const struct native_schema *schema = find_schema(plan, cell(row, 0));
        struct rg_slice holder = cell(row, 1);
        bool is_usage = rg_slice_is_equal(cell(row, 2), usage);
        if (schema != NULL && !(is_usage && rg_slice_is_equal(schema->grantee, holder))) {
            struct rg_slice privilege = cell(row, 2);
            RG_TRY(add(comparer, NATIVE_DANGEROUS, schema->name, "\"%.*s\" has %.*s of this schema",
                       rg_slice_shown(holder), holder.data, rg_slice_shown(privilege), privilege.data));
        }
    }
    return RG_OK;
}

/* ---- privileges ---- */

static const struct native_relation *find_relation(const struct native_plan *plan, const json_t *row)
{
    size_t low = 0;
    size_t high = plan->relation_count;
    while (low < high) { /* as the snapshot: by schema, then name */
        size_t middle = low + (high - low) / 2;
        const struct policy_relation *relation = plan->relations[middle].relation;
        struct rg_slice schema = cell(row, 0);
        struct rg_slice name = cell(row, 1);
        int order = native_order(schema, relation->schema);
        order = order != 0 ? order : native_order(name, relation->name);
        if (order == 0) {
            return &plan->relations[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static rg_status relation_object(const struct comparer *comparer, struct rg_slice schema, struct rg_slice name,
                                 struct rg_slice *out_object)
{
    return rg_arena_printf(comparer->arena, out_object, "%.*s.%.*s", RG_SLICE_ARGS(schema), RG_SLICE_ARGS(name));
}

static bool is_planned(const struct native_relation *relation, struct rg_slice holder, struct rg_slice privilege)
{
    bool is_found = false;
    for (int i = 0; relation != NULL && i < NATIVE_COMMANDS; i++) {
        is_found |= relation->allows[i] && rg_slice_is_equal(holder, relation->grantee) &&
                    rg_slice_is_equal(privilege, rg_slice_of(native_command_name((enum native_command)i)));
    }
    return is_found;
}

static rg_status compare_privileges(struct comparer *comparer)
{
    const json_t *rows = rows_of(comparer, "privileges");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const struct native_relation *relation = find_relation(comparer->plan, row);
        struct rg_slice holder = cell(row, 2);
        struct rg_slice privilege = cell(row, 3);
        struct rg_slice object = {0};
        if (is_planned(relation, holder, privilege)) {
            continue;
        }
        RG_TRY(relation_object(comparer, cell(row, 0), cell(row, 1), &object));
        RG_TRY(add(comparer, NATIVE_DANGEROUS, object, "\"%.*s\" has %.*s%s", rg_slice_shown(holder), holder.data,
                   rg_slice_shown(privilege), privilege.data,
                   relation == NULL ? ", and no policy names it" : ", which no policy says"));
    }
    return RG_OK;
}

static bool has_privilege(const struct comparer *comparer, const struct native_relation *relation, int command)
{
    const json_t *rows = rows_of(comparer, "privileges");
    struct rg_slice wanted = rg_slice_of(native_command_name((enum native_command)command));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (is_row_of(row, relation) && rg_slice_is_equal(cell(row, 2), relation->grantee) &&
            rg_slice_is_equal(cell(row, 3), wanted)) {
            return true;
        }
    }
    return false;
}

/* ---- policies ---- */

static char letter_of(enum native_command command)
{
    static const char letters[] = {'r', 'a', 'w', 'd'}; /* pg_policy.polcmd */
    return letters[command];
}

static bool is_for_role(const json_t *row, struct rg_slice role)
{
    const json_t *roles = json_array_get(row, 5);
    const json_t *only = json_array_size(roles) == 1 ? json_array_get(roles, 0) : NULL;
    return json_is_string(only) &&
           rg_slice_is_equal(rg_slice_make(json_string_value(only), json_string_length(only)), role);
}

static bool is_same_policy(const struct comparer *comparer, const json_t *row, const struct native_policy *policy,
                           const json_t *probe)
{
    const struct native_plan *plan = comparer->plan;
    char letter = letter_of(policy->command);
    return rg_slice_is_equal(cell(row, 3), rg_slice_make(&letter, 1)) && flag(row, 4) == !policy->is_restrictive &&
           is_for_role(row, plan->group.size > 0 ? plan->group : plan->source->login) &&
           json_equal(json_array_get(row, 6), json_array_get(probe, 3)) == 1 &&
           json_equal(json_array_get(row, 7), json_array_get(probe, 4)) == 1;
}

static rg_status compare_policy(struct comparer *comparer, const struct native_relation *relation,
                                const struct native_policy *policy, struct rg_slice object)
{
    const struct policy_relation *row = relation->relation;
    const json_t *probe = find_row(comparer, "probes", row->schema, row->name, &policy->name);
    const json_t *live = find_row(comparer, "policies", row->schema, row->name, &policy->name);
    if (live == NULL) {
        return add(comparer, NATIVE_MISSING, object, "policy \"%.*s\", from %.*s", rg_slice_shown(policy->name),
                   policy->name.data, rg_slice_shown(policy->remark), policy->remark.data);
    }
    if (probe == NULL) {
        return add(comparer, NATIVE_DIFFERENT, object, "policy \"%.*s\" does not fit the table: its columns changed",
                   rg_slice_shown(policy->name), policy->name.data);
    }
    return is_same_policy(comparer, live, policy, probe)
               ? RG_OK
               : add(comparer, NATIVE_DIFFERENT, object, "policy \"%.*s\", from %.*s", rg_slice_shown(policy->name),
                     policy->name.data, rg_slice_shown(policy->remark), policy->remark.data);
}

static bool has_policy(const struct native_relation *relation, struct rg_slice name)
{
    for (size_t i = 0; i < relation->policy_count; i++) {
        if (rg_slice_is_equal(relation->policies[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* Is the policy one of those that judge us? Another role's is not our business. */
static bool is_about_us(const struct native_plan *plan, const json_t *row)
{
    const json_t *roles = json_array_get(row, 5);
    bool is_found = false;
    for (size_t i = 0; i < json_array_size(roles); i++) {
        const json_t *role = json_array_get(roles, i);
        struct rg_slice name = rg_slice_make(json_string_value(role), json_string_length(role));
        is_found |= rg_slice_is_equal(name, RG_SLICE("public")) || rg_slice_is_equal(name, plan->source->login) ||
                    is_ours(plan, name);
    }
    return is_found;
}

static rg_status compare_surplus(struct comparer *comparer)
{
    const json_t *rows = rows_of(comparer, "policies");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const struct native_relation *relation = find_relation(comparer->plan, row);
        struct rg_slice name = cell(row, 2);
        struct rg_slice object = {0};
        if (relation == NULL || has_policy(relation, name) || !is_about_us(comparer->plan, row)) {
            continue;
        }
        RG_TRY(relation_object(comparer, cell(row, 0), cell(row, 1), &object));
        RG_TRY(add(comparer, NATIVE_SURPLUS, object, "policy \"%.*s\" is not of this configuration",
                   rg_slice_shown(name), name.data));
    }
    return RG_OK;
}

/* ---- relations ---- */

static rg_status compare_guard(struct comparer *comparer, const struct native_relation *relation, const json_t *row,
                               struct rg_slice object)
{
    if (relation->is_guarded && !flag(row, 3)) {
        RG_TRY(add(comparer, NATIVE_MISSING, object, "row security is not enabled"));
    }
    if (relation->is_guarded && !flag(row, 4)) {
        RG_TRY(add(comparer, NATIVE_MISSING, object, "row security is not forced"));
    }
    if (relation->is_invoker && !flag(row, 7)) {
        RG_TRY(add(comparer, NATIVE_MISSING, object, "the view is not security_invoker: it reads as its owner"));
    }
    for (size_t i = 0; i < relation->policy_count; i++) {
        RG_TRY(compare_policy(comparer, relation, &relation->policies[i], object));
    }
    return RG_OK;
}

static rg_status compare_relation(struct comparer *comparer, const struct native_relation *relation)
{
    const struct policy_relation *wanted = relation->relation;
    const json_t *row = find_row(comparer, "relations", wanted->schema, wanted->name, NULL);
    struct rg_slice object = {0};
    RG_TRY(relation_object(comparer, wanted->schema, wanted->name, &object));
    if (row == NULL) {
        return add(comparer, NATIVE_MISSING, object, "does not exist");
    }
    RG_TRY(compare_guard(comparer, relation, row, object));
    for (int i = 0; i < NATIVE_COMMANDS; i++) {
        if (relation->allows[i] && !has_privilege(comparer, relation, i)) {
            RG_TRY(add(comparer, NATIVE_MISSING, object, "\"%.*s\" has no %s", rg_slice_shown(relation->grantee),
                       relation->grantee.data, native_command_name((enum native_command)i)));
        }
    }
    return RG_OK;
}

static rg_status compare_owners(struct comparer *comparer)
{
    const json_t *rows = rows_of(comparer, "relations");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct rg_slice owner = cell(row, 5);
        struct rg_slice object = {0};
        if (flag(row, 6)) {
            RG_TRY(relation_object(comparer, cell(row, 0), cell(row, 1), &object));
            RG_TRY(add(comparer, NATIVE_DANGEROUS, object, "the login is its owner or a member of it (\"%.*s\")",
                       rg_slice_shown(owner), owner.data));
        }
    }
    return RG_OK;
}

static rg_status compare_all(struct comparer *comparer)
{
    RG_TRY(check_shape(comparer));
    RG_TRY(compare_roles(comparer));
    RG_TRY(compare_schemas(comparer));
    for (size_t i = 0; i < comparer->plan->relation_count; i++) {
        RG_TRY(compare_relation(comparer, &comparer->plan->relations[i]));
    }
    RG_TRY(compare_surplus(comparer));
    RG_TRY(compare_privileges(comparer));
    return compare_owners(comparer);
}

rg_status native_compare(const struct native_plan *plan, struct rg_slice answer, struct rg_arena *arena,
                         struct native_findings *out_findings)
{
    json_error_t error;
    struct comparer comparer = {.plan = plan, .arena = arena};
    RG_TRY(rg_arena_array(arena, FINDINGS_MAX, sizeof *comparer.items, (void **)&comparer.items));
    comparer.answer = json_loadb(answer.data == NULL ? "" : answer.data, answer.size, JSON_REJECT_DUPLICATES, &error);
    if (comparer.answer == NULL) {
        return rg_fail(RG_CONFIG, "the database's answer is no JSON: %s", error.text);
    }
    rg_status status = compare_all(&comparer);
    json_decref(comparer.answer);
    RG_TRY(status);
    *out_findings = (struct native_findings){comparer.count, comparer.items};
    return RG_OK;
}
