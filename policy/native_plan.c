/* SPDX-License-Identifier: Apache-2.0 */
/* What the second lock must look like in one database: for each relation that the snapshot knows, whose it is, who may
 * do what with it, and which policies guard its rows. */
#include "policy/native_private.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

struct planner {
    const struct native_source *source;
    struct rg_arena *arena;
    struct native_plan *plan;
    const struct policy_rule **rules; /* room */
    struct rg_slice *roles;
    struct native_schema *schemas;
    struct native_relation *relations;
    struct rg_slice *remarks;
    size_t remark_capacity;
};

static void remark(struct planner *planner, struct rg_slice text)
{
    if (planner->plan->remark_count < planner->remark_capacity) {
        planner->remarks[planner->plan->remark_count++] = text;
    }
}

/* ---- tenants ---- */

static bool is_ours(const struct native_source *source, const struct tenant_route *route)
{
    return rg_slice_is_equal(route->upstream, source->upstream);
}

static rg_status add_role(struct planner *planner, struct rg_slice tenant)
{
    struct native_plan *plan = planner->plan;
    struct rg_slice role = {0};
    if (planner->source->lock != POLICY_LOCK_SET_ROLE) {
        return RG_OK;
    }
    RG_TRY(native_role(tenant, planner->arena, &role));
    for (size_t i = 0; i < plan->role_count; i++) {
        if (rg_slice_is_equal(planner->roles[i], role)) {
            return RG_OK;
        }
    }
    planner->roles[plan->role_count++] = role;
    return RG_OK;
}

/* ---- whose schema is it ---- */

static const struct tenant_schema *map_find(const struct tenant_route *route, struct rg_slice name, bool is_logical)
{
    for (size_t i = 0; i < route->schema_count; i++) {
        const struct tenant_schema *schema = &route->schemas[i];
        if (rg_slice_is_equal(is_logical ? schema->logical : schema->physical, name)) {
            return schema;
        }
    }
    return NULL;
}

static bool has_suffix(struct rg_slice text, struct rg_slice suffix)
{
    return text.size >= suffix.size &&
           rg_slice_is_equal(rg_slice_cut(text, text.size - suffix.size, suffix.size), suffix);
}

/* The id for which the template "t_{tenant.id}" becomes schema. */
static bool template_id(const struct tenant_pattern *pattern, struct rg_slice template, struct rg_slice schema,
                        struct rg_slice *out_id)
{
    struct rg_slice hole = RG_SLICE("{tenant.id}");
    const char *found = memmem(template.data, template.size, hole.data, hole.size);
    if (found == NULL) {
        return false;
    }
    size_t before = (size_t)(found - template.data);
    struct rg_slice prefix = rg_slice_cut(template, 0, before);
    struct rg_slice suffix = rg_slice_cut(template, before + hole.size, template.size);
    if (schema.size <= prefix.size + suffix.size || schema.size > 63 || !rg_slice_has_prefix(schema, prefix) ||
        !has_suffix(schema, suffix)) {
        return false;
    }
    struct rg_slice id = rg_slice_cut(schema, prefix.size, schema.size - prefix.size - suffix.size);
    char text[64];
    regmatch_t whole = {0, 0};
    (void)snprintf(text, sizeof text, "%.*s", RG_SLICE_ARGS(id));
    const regex_t *allow = pattern->compiled;
    bool is_allowed =
        allow != NULL && regexec(allow, text, 1, &whole, 0) == 0 && whole.rm_so == 0 && (size_t)whole.rm_eo == id.size;
    *out_id = id;
    return is_allowed && tenants_id_is_valid(id);
}

static rg_status take_scope(struct rg_slice logical, struct rg_slice tenant, struct rg_slice physical,
                            struct native_scope *scope)
{
    if (scope->is_known && !rg_slice_is_equal(scope->logical, logical)) {
        return rg_fail(RG_CONFIG, "schema \"%.*s\" has two logical names: its policies have no native form",
                       rg_slice_shown(physical), physical.data);
    }
    *scope = (struct native_scope){true, true, logical, tenant};
    return RG_OK;
}

static rg_status find_own(const struct planner *planner, struct rg_slice schema, struct native_scope *scope)
{
    const struct tenant_registry *registry = planner->source->registry;
    for (size_t i = 0; i < registry->static_count; i++) {
        const struct tenant_static *tenant = &registry->statics[i];
        for (size_t j = 0; is_ours(planner->source, &tenant->route) && j < tenant->route.schema_count; j++) {
            if (rg_slice_is_equal(tenant->route.schemas[j].physical, schema)) {
                RG_TRY(take_scope(tenant->route.schemas[j].logical, tenant->id, schema, scope));
            }
        }
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        const struct tenant_pattern *pattern = &registry->patterns[i];
        for (size_t j = 0; is_ours(planner->source, &pattern->route) && j < pattern->route.schema_count; j++) {
            struct rg_slice id = {0};
            if (template_id(pattern, pattern->route.schemas[j].physical, schema, &id)) {
                RG_TRY(take_scope(pattern->route.schemas[j].logical, id, schema, scope));
            }
        }
    }
    return RG_OK;
}

static bool is_shared_for_any(const struct native_source *source, struct rg_slice logical)
{
    const struct tenant_registry *registry = source->registry;
    for (size_t i = 0; i < registry->static_count; i++) {
        const struct tenant_route *route = &registry->statics[i].route;
        if (is_ours(source, route) && map_find(route, logical, true) == NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        const struct tenant_route *route = &registry->patterns[i].route;
        if (is_ours(source, route) && map_find(route, logical, true) == NULL) {
            return true;
        }
    }
    return false;
}

static bool is_named(const struct native_source *source, struct rg_slice logical)
{
    for (size_t i = 0; i < source->set->rule_count; i++) {
        const struct policy_rule *rule = &source->set->rules[i];
        for (size_t j = 0; !rule->row->is_schema_isolated && j < rule->pattern_count; j++) {
            if (rg_slice_is_equal(rule->patterns[j].schema, logical)) {
                return true;
            }
        }
    }
    return false;
}

static rg_status find_scope(const struct planner *planner, struct rg_slice schema, struct native_scope *out_scope)
{
    struct native_scope scope = {0};
    RG_TRY(find_own(planner, schema, &scope));
    if (!scope.is_known && is_named(planner->source, schema) && is_shared_for_any(planner->source, schema)) {
        scope = (struct native_scope){.is_known = true, .logical = schema};
    }
    *out_scope = scope;
    return RG_OK;
}

static rg_status grantee_of(const struct planner *planner, const struct native_scope *scope, struct rg_slice *out_name)
{
    if (planner->source->lock != POLICY_LOCK_SET_ROLE) {
        *out_name = planner->source->login;
        return RG_OK;
    }
    if (scope->is_own) {
        return native_role(scope->tenant, planner->arena, out_name);
    }
    *out_name = planner->plan->group;
    return RG_OK;
}

/* ---- one relation ---- */

static bool has_rows(char kind)
{
    return kind == 'r' || kind == 'p';
}

/* Views and the like hold no policies: where a rule would have to filter them, nobody gets them. */
static void close_relation(struct native_relation *relation, struct rg_slice why)
{
    for (int i = 0; i < NATIVE_COMMANDS; i++) {
        relation->allows[i] = false;
    }
    relation->remark = why;
}

static rg_status plan_relation(struct planner *planner, const struct policy_relation *row,
                               const struct native_scope *scope, struct native_relation *relation)
{
    struct native_target target = {.source = planner->source, .relation = row, .scope = *scope};
    bool is_filtered = false;
    bool is_allowed = false;
    RG_TRY(grantee_of(planner, scope, &target.grantee));
    *relation = (struct native_relation){.relation = row, .grantee = target.grantee};
    for (int i = 0; i < NATIVE_COMMANDS; i++) {
        size_t count = native_rules_find(&target, (enum native_command)i, planner->rules);
        relation->allows[i] = count > 0;
        is_allowed = is_allowed || count > 0;
        is_filtered = is_filtered || (count > 0 && native_rules_filter(planner->rules, count));
    }
    if (!is_allowed) {
        relation->remark = RG_SLICE("no policy names it");
        return RG_OK;
    }
    if (has_rows(row->kind)) {
        relation->is_guarded = true;
        RG_TRY(native_rules_make(&target, planner->arena, &relation->policy_count, &relation->policies));
        target.is_probe = true;
        return native_rules_make(&target, planner->arena, &relation->policy_count, &relation->probes);
    }
    relation->is_invoker = row->kind == 'v';
    if (is_filtered) {
        close_relation(relation, RG_SLICE("row security cannot guard it: out of reach"));
    } else if (scope->is_own && row->kind != 'v' && planner->source->lock != POLICY_LOCK_SET_ROLE) {
        close_relation(relation, RG_SLICE("row security cannot guard it: out of reach; identity \"set_role\" can"));
    }
    return RG_OK;
}

/* What a table that comes later may be used for: what the rules of the whole schema say, if they say no more. */
static void plan_defaults(struct planner *planner, const struct native_scope *scope, struct native_schema *schema)
{
    const struct policy_relation any = {.schema = schema->name, .name = {"", 0}, .kind = 'r'};
    struct native_target target = {.source = planner->source, .relation = &any, .scope = *scope};
    bool is_filtered = false;
    size_t counts[NATIVE_COMMANDS];
    for (int i = 0; i < NATIVE_COMMANDS; i++) {
        counts[i] = native_rules_find(&target, (enum native_command)i, planner->rules);
        is_filtered = is_filtered || (counts[i] > 0 && native_rules_filter(planner->rules, counts[i]));
    }
    bool has_defaults = planner->source->lock == POLICY_LOCK_SET_ROLE && scope->is_own && !is_filtered;
    for (int i = 0; i < NATIVE_COMMANDS && has_defaults; i++) {
        schema->defaults[i] = counts[i] > 0;
    }
}

static rg_status note_schema(struct planner *planner, const struct native_relation *relation,
                             const struct native_scope *scope)
{
    struct native_plan *plan = planner->plan;
    struct rg_slice name = relation->relation->schema;
    struct native_schema *last = plan->schema_count == 0 ? NULL : &planner->schemas[plan->schema_count - 1];
    if (last == NULL || !rg_slice_is_equal(last->name, name)) {
        last = &planner->schemas[plan->schema_count++];
        *last = (struct native_schema){.name = name, .grantee = relation->grantee};
        plan_defaults(planner, scope, last);
        if (scope->is_own) {
            RG_TRY(add_role(planner, scope->tenant));
        }
    }
    last->has_writers = last->has_writers || relation->allows[NATIVE_INSERT];
    return RG_OK;
}

static rg_status plan_relations(struct planner *planner)
{
    for (size_t i = 0; i < policy_relation_count(planner->source->relations); i++) {
        const struct policy_relation *row = policy_relation_at(planner->source->relations, i);
        struct native_scope scope = {0};
        RG_TRY(find_scope(planner, row->schema, &scope));
        if (!scope.is_known) {
            continue;
        }
        struct native_relation *relation = &planner->relations[planner->plan->relation_count];
        RG_TRY(plan_relation(planner, row, &scope, relation));
        planner->plan->relation_count++;
        RG_TRY(note_schema(planner, relation, &scope));
    }
    return RG_OK;
}

/* ---- what is not there ---- */

static rg_status note_absent(struct planner *planner)
{
    const struct policy_set *set = planner->source->set;
    for (size_t i = 0; i < set->rule_count; i++) {
        for (size_t j = 0; j < set->rules[i].pattern_count && !set->rules[i].row->is_schema_isolated; j++) {
            const struct policy_pattern *pattern = &set->rules[i].patterns[j];
            if (pattern->name.size > 0 && is_shared_for_any(planner->source, pattern->schema) &&
                policy_relation_find(planner->source->relations, pattern->schema, pattern->name) == NULL) {
                struct rg_slice text = {0};
                RG_TRY(rg_arena_printf(planner->arena, &text, "%.*s.%.*s is named by a policy and does not exist",
                                       RG_SLICE_ARGS(pattern->schema), RG_SLICE_ARGS(pattern->name)));
                remark(planner, text);
            }
        }
    }
    return RG_OK;
}

static void note_patterns(struct planner *planner)
{
    const struct tenant_registry *registry = planner->source->registry;
    for (size_t i = 0; i < registry->pattern_count; i++) {
        if (is_ours(planner->source, &registry->patterns[i].route)) {
            remark(planner, RG_SLICE("tenants of [[tenant_patterns]] cannot be listed: here are those whose schemas "
                                     "exist; export again when a tenant comes"));
            return;
        }
    }
}

static int compare_slices(const void *left, const void *right)
{
    return native_order(*(const struct rg_slice *)left, *(const struct rg_slice *)right);
}

static rg_status make_room(struct planner *planner)
{
    const struct native_source *source = planner->source;
    struct rg_arena *arena = planner->arena;
    size_t relations = policy_relation_count(source->relations) + 1;
    size_t patterns = 1;
    for (size_t i = 0; i < source->set->rule_count; i++) {
        patterns += source->set->rules[i].pattern_count;
    }
    planner->remark_capacity = patterns + 1;
    RG_TRY(rg_arena_array(arena, source->set->rule_count + 1, sizeof(void *), (void **)&planner->rules));
    RG_TRY(rg_arena_array(arena, relations, sizeof *planner->schemas, (void **)&planner->schemas));
    RG_TRY(rg_arena_array(arena, relations, sizeof *planner->relations, (void **)&planner->relations));
    RG_TRY(rg_arena_array(arena, planner->remark_capacity, sizeof *planner->remarks, (void **)&planner->remarks));
    return rg_arena_array(arena, relations + source->registry->static_count, sizeof *planner->roles,
                          (void **)&planner->roles);
}

static rg_status plan_all(struct planner *planner)
{
    const struct tenant_registry *registry = planner->source->registry;
    RG_TRY(make_room(planner));
    for (size_t i = 0; i < registry->static_count; i++) {
        if (is_ours(planner->source, &registry->statics[i].route)) {
            RG_TRY(add_role(planner, registry->statics[i].id));
        }
    }
    RG_TRY(plan_relations(planner));
    RG_TRY(note_absent(planner));
    note_patterns(planner);
    if (planner->plan->role_count > 1) {
        qsort(planner->roles, planner->plan->role_count, sizeof *planner->roles, compare_slices);
    }
    return RG_OK;
}

rg_status native_plan_make(const struct native_source *source, struct rg_arena *arena, struct native_plan **out_plan)
{
    struct native_plan *plan = NULL;
    if (source->lock == POLICY_LOCK_NONE) {
        return rg_fail(RG_CONFIG, "upstream \"%.*s\" has identity = \"none\": there is no second lock",
                       rg_slice_shown(source->upstream), source->upstream.data);
    }
    if (source->login.size == 0 || source->login.size > 63 || !policy_text_is_valid(source->login)) {
        return rg_fail(RG_CONFIG, "the upstream's dsn names no user");
    }
    RG_TRY(rg_arena_new(arena, &plan));
    struct planner planner = {.source = source, .arena = arena, .plan = plan};
    plan->source = source;
    plan->group = source->lock == POLICY_LOCK_SET_ROLE ? RG_SLICE(NATIVE_GROUP) : (struct rg_slice){"", 0};
    RG_TRY(plan_all(&planner));
    plan->roles = planner.roles;
    plan->schemas = planner.schemas;
    plan->relations = planner.relations;
    plan->remarks = planner.remarks;
    *out_plan = plan;
    return RG_OK;
}
