/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the mapping from tenants to physical schemas is injective: no schema belongs to two tenants, no
 * template can yield another tenant's schema, no shared name is somebody's own. Where that cannot be
 * decided, the answer is no. */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/config_private.h"

/* One schema that belongs to a tenant, or a family of them. */
struct own {
    size_t upstream_class;                /* upstreams that may be one database share it */
    struct rg_slice prefix, suffix;       /* of a template; a static one is all prefix */
    const struct tenant_pattern *pattern; /* NULL = static */
    size_t tenant;                        /* index of the static tenant or of the pattern */
    struct rg_place place;
};

struct owns {
    struct config_draft *draft;
    size_t *classes; /* of upstreams */
    size_t count, static_count;
    struct own *items; /* static ones first, sorted by name and class */
};

/* ---- upstreams that may be the same database ---- */

static bool may_be_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL || strcmp(a, b) == 0;
}

static bool may_be_one_database(const struct config_upstream *a, const struct config_upstream *b)
{
    if (a->superset != NULL || b->superset != NULL) {
        return false; /* no database at all */
    }
    if (a->conninfo == NULL || b->conninfo == NULL) {
        return true;
    }
    return may_be_equal(net_conninfo_host(a->conninfo), net_conninfo_host(b->conninfo)) &&
           may_be_equal(net_conninfo_dbname(a->conninfo), net_conninfo_dbname(b->conninfo));
}

static void merge_class(size_t *classes, size_t count, size_t from, size_t into)
{
    for (size_t i = 0; i < count; i++) {
        classes[i] = classes[i] == from ? into : classes[i];
    }
}

static rg_status classify_upstreams(struct owns *owns)
{
    const struct config *config = owns->draft->config;
    RG_TRY(rg_arena_array(owns->draft->arena, config->upstream_count, sizeof *owns->classes, (void **)&owns->classes));
    for (size_t i = 0; i < config->upstream_count; i++) {
        owns->classes[i] = i;
        for (size_t j = 0; j < i; j++) {
            if (owns->classes[j] != owns->classes[i] &&
                may_be_one_database(&config->upstreams[i], &config->upstreams[j])) {
                merge_class(owns->classes, i + 1, owns->classes[i], owns->classes[j]);
            }
        }
    }
    return RG_OK;
}

static size_t class_of(const struct owns *owns, const struct tenant_route *route)
{
    const struct config *config = owns->draft->config;
    const struct config_upstream *upstream = config_upstream_find(config, route->upstream);
    return upstream == NULL ? SIZE_MAX : owns->classes[upstream - config->upstreams];
}

/* ---- collecting ---- */

static bool has_brace(struct rg_slice text)
{
    return text.size > 0 && (memchr(text.data, '{', text.size) != NULL || memchr(text.data, '}', text.size) != NULL);
}

/* Cuts "t_{tenant.id}_x" into "t_" and "_x". */
static bool split_template(struct rg_slice text, struct rg_slice *out_prefix, struct rg_slice *out_suffix)
{
    struct rg_slice hole = RG_SLICE("{tenant.id}");
    const char *found = text.size == 0 ? NULL : memmem(text.data, text.size, hole.data, hole.size);
    if (found == NULL) {
        return false;
    }
    size_t at = (size_t)(found - text.data);
    *out_prefix = rg_slice_cut(text, 0, at);
    *out_suffix = rg_slice_cut(text, at + hole.size, text.size);
    return !has_brace(*out_prefix) && !has_brace(*out_suffix);
}

static void add_static(struct owns *owns, const struct rg_schema_string *schema, size_t tenant, size_t upstream_class)
{
    if (has_brace(schema->text)) {
        config_error(owns->draft, schema->place, "{tenant.id} is for [[tenant_patterns]]");
        return;
    }
    owns->items[owns->count++] = (struct own){upstream_class, schema->text, {NULL, 0}, NULL, tenant, schema->place};
}

static void add_template(struct owns *owns, const struct rg_schema_string *schema, size_t at, size_t upstream_class)
{
    const struct tenant_pattern *pattern = &owns->draft->config->registry.patterns[at];
    struct own own = {upstream_class, {NULL, 0}, {NULL, 0}, pattern, at, schema->place};
    if (!split_template(schema->text, &own.prefix, &own.suffix)) {
        config_error(owns->draft, schema->place, "a pattern's schema must hold {tenant.id} exactly once");
        return;
    }
    owns->items[owns->count++] = own;
}

static int compare_own(const void *a, const void *b)
{
    const struct own *left = a;
    const struct own *right = b;
    int order = rg_slice_compare(left->prefix, right->prefix);
    order = order != 0
                ? order
                : (left->upstream_class > right->upstream_class) - (left->upstream_class < right->upstream_class);
    return order != 0 ? order : (left->tenant > right->tenant) - (left->tenant < right->tenant);
}

static rg_status collect(struct owns *owns)
{
    const struct config_raw *raw = &owns->draft->raw;
    const struct config_raw_tenant *tenants = raw->tenants.items;
    const struct config_raw_pattern *patterns = raw->patterns.items;
    const struct tenant_registry *registry = &owns->draft->config->registry;
    size_t total = 0;
    for (size_t i = 0; i < raw->tenants.count; i++) {
        total += tenants[i].route.schemas.count;
    }
    for (size_t i = 0; i < raw->patterns.count; i++) {
        total += patterns[i].route.schemas.count;
    }
    RG_TRY(rg_arena_array(owns->draft->arena, total, sizeof *owns->items, (void **)&owns->items));
    for (size_t i = 0; i < raw->tenants.count; i++) {
        for (size_t j = 0; j < tenants[i].route.schemas.count; j++) {
            add_static(owns, &tenants[i].route.schemas.items[j], i, class_of(owns, &registry->statics[i].route));
        }
    }
    owns->static_count = owns->count;
    qsort(owns->items, owns->static_count, sizeof *owns->items, compare_own);
    for (size_t i = 0; i < raw->patterns.count; i++) {
        for (size_t j = 0; j < patterns[i].route.schemas.count; j++) {
            add_template(owns, &patterns[i].route.schemas.items[j], i, class_of(owns, &registry->patterns[i].route));
        }
    }
    return RG_OK;
}

/* ---- collisions ---- */

static bool has_suffix(struct rg_slice text, struct rg_slice suffix)
{
    return text.size >= suffix.size &&
           rg_slice_is_equal(rg_slice_cut(text, text.size - suffix.size, suffix.size), suffix);
}

/* Can the template become exactly this name, for an id that the pattern allows? */
static bool can_yield(const struct own *own, struct rg_slice name)
{
    char id[CONFIG_NAME_MAX + 1];
    regmatch_t whole = {0, 0};
    size_t fixed = own->prefix.size + own->suffix.size;
    if (name.size <= fixed || name.size - fixed > CONFIG_NAME_MAX || !rg_slice_has_prefix(name, own->prefix) ||
        !has_suffix(name, own->suffix)) {
        return false;
    }
    if (own->pattern->compiled == NULL) {
        return true; /* its expression is wrong already */
    }
    (void)snprintf(id, sizeof id, "%.*s", (int)(name.size - fixed), name.data + own->prefix.size);
    return regexec(own->pattern->compiled, id, 1, &whole, 0) == 0 && whole.rm_so == 0 &&
           (size_t)whole.rm_eo == name.size - fixed;
}

static struct rg_slice static_id(const struct owns *owns, const struct own *own)
{
    return owns->draft->config->registry.statics[own->tenant].id;
}

static void check_statics(const struct owns *owns)
{
    for (size_t i = 1; i < owns->static_count; i++) {
        const struct own *own = &owns->items[i];
        const struct own *other = &owns->items[i - 1];
        if (own->upstream_class == other->upstream_class && rg_slice_is_equal(own->prefix, other->prefix) &&
            own->tenant != other->tenant) {
            config_error(owns->draft, own->place, "schema \"%.*s\" already belongs to tenant \"%.*s\"",
                         rg_slice_shown(own->prefix), own->prefix.data, rg_slice_shown(static_id(owns, other)),
                         static_id(owns, other).data);
        }
    }
}

static void check_against_statics(const struct owns *owns, const struct own *template)
{
    for (size_t i = 0; i < owns->static_count; i++) {
        const struct own *fixed = &owns->items[i];
        if (fixed->upstream_class == template->upstream_class && can_yield(template, fixed->prefix)) {
            config_error(owns->draft, template->place, "this can become \"%.*s\", the schema of tenant \"%.*s\"",
                         rg_slice_shown(fixed->prefix), fixed->prefix.data, rg_slice_shown(static_id(owns, fixed)),
                         static_id(owns, fixed).data);
        }
    }
}

/* Two templates never meet when their fixed parts contradict each other. */
static bool can_meet(const struct own *a, const struct own *b)
{
    bool prefixes = rg_slice_has_prefix(a->prefix, b->prefix) || rg_slice_has_prefix(b->prefix, a->prefix);
    bool suffixes = has_suffix(a->suffix, b->suffix) || has_suffix(b->suffix, a->suffix);
    return prefixes && suffixes;
}

static bool is_same_template(const struct own *a, const struct own *b)
{
    return a->pattern == b->pattern && rg_slice_is_equal(a->prefix, b->prefix) &&
           rg_slice_is_equal(a->suffix, b->suffix);
}

static void check_against_templates(const struct owns *owns, size_t at)
{
    const struct own *template = &owns->items[at];
    for (size_t i = owns->static_count; i < at; i++) {
        const struct own *other = &owns->items[i];
        if (other->upstream_class == template->upstream_class && !is_same_template(template, other) &&
            can_meet(template, other)) {
            config_error(owns->draft, template->place,
                         "this and \"%.*s{tenant.id}%.*s\" in %s:%u can become the same schema; begin them differently",
                         rg_slice_shown(other->prefix), other->prefix.data, rg_slice_shown(other->suffix),
                         other->suffix.data, other->place.file, other->place.line);
        }
    }
}

static void check_system(const struct owns *owns, const struct own *template)
{
    static const char *const names[] = {"pg_catalog", "pg_toast", "pg_temp_1", "information_schema"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (can_yield(template, rg_slice_of(names[i]))) {
            config_error(owns->draft, template->place, "this can become \"%s\", a schema of the server", names[i]);
            return;
        }
    }
}

/* ---- shared names ---- */

static bool knows_schema(const struct tenant_route *route, struct rg_slice logical)
{
    for (size_t i = 0; i < route->schema_count; i++) {
        if (rg_slice_is_equal(route->schemas[i].logical, logical)) {
            return true;
        }
    }
    return false;
}

/* Is there a tenant other than the owner that would reach the owner's schema under its physical name? */
static bool is_reached_by_others(const struct owns *owns, const struct own *own, struct rg_slice schema)
{
    const struct tenant_registry *registry = &owns->draft->config->registry;
    for (size_t i = 0; i < registry->static_count; i++) {
        const struct tenant_route *route = &registry->statics[i].route;
        bool is_owner = own->pattern == NULL && own->tenant == i;
        if (!is_owner && class_of(owns, route) == own->upstream_class && !knows_schema(route, schema)) {
            return true;
        }
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        const struct tenant_route *route = &registry->patterns[i].route;
        if (class_of(owns, route) == own->upstream_class && !knows_schema(route, schema)) {
            return true; /* also the owner's pattern: its other tenants */
        }
    }
    return false;
}

/* The first static schema of that name, or where it would stand. */
static size_t find_static(const struct owns *owns, struct rg_slice name)
{
    size_t low = 0;
    size_t high = owns->static_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rg_slice_compare(owns->items[middle].prefix, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The schema of this name that belongs to some tenants and would be read by others; NULL = none. */
static const struct own *find_exposed(const struct owns *owns, struct rg_slice schema)
{
    for (size_t i = find_static(owns, schema); i < owns->static_count; i++) {
        if (!rg_slice_is_equal(owns->items[i].prefix, schema)) {
            break;
        }
        if (is_reached_by_others(owns, &owns->items[i], schema)) {
            return &owns->items[i];
        }
    }
    for (size_t i = owns->static_count; i < owns->count; i++) {
        if (can_yield(&owns->items[i], schema) && is_reached_by_others(owns, &owns->items[i], schema)) {
            return &owns->items[i];
        }
    }
    return NULL;
}

static void check_shared(const struct owns *owns, const struct rg_schema_string *on)
{
    const char *dot = memchr(on->text.data, '.', on->text.size);
    if (dot == NULL) {
        return; /* reported with the policy */
    }
    struct rg_slice schema = rg_slice_make(on->text.data, (size_t)(dot - on->text.data));
    const struct own *exposed = find_exposed(owns, schema);
    if (exposed != NULL) {
        config_error(owns->draft, on->place,
                     "\"%.*s\" is a schema of one tenant (%s:%u): others would read it as a shared one",
                     rg_slice_shown(schema), schema.data, exposed->place.file, exposed->place.line);
    }
}

rg_status config_check_schemas(struct config_draft *draft)
{
    struct owns owns = {.draft = draft};
    const struct config_raw_policy *policies = draft->raw.policies.items;
    RG_TRY(classify_upstreams(&owns));
    RG_TRY(collect(&owns));
    check_statics(&owns);
    for (size_t i = owns.static_count; i < owns.count; i++) {
        check_against_statics(&owns, &owns.items[i]);
        check_against_templates(&owns, i);
        check_system(&owns, &owns.items[i]);
    }
    for (size_t i = 0; i < draft->raw.policies.count; i++) {
        for (size_t j = 0; j < policies[i].on.count; j++) {
            if (policies[i].on.items[j].text.size > 0) {
                check_shared(&owns, &policies[i].on.items[j]);
            }
        }
    }
    return RG_OK;
}
