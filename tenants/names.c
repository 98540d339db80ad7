/* SPDX-License-Identifier: Apache-2.0 */
/* The logical schemas of all routes, each once: what a policy may name. Thousands of tenants share a handful. */
#include <stdlib.h>

#include "tenants/tenants.h"

static int compare_names(const void *left, const void *right)
{
    return rg_slice_compare(*(const struct rg_slice *)left, *(const struct rg_slice *)right);
}

/* Appends the schemas of a route; names have room. */
static size_t add_route(const struct tenant_route *route, struct rg_slice *names, size_t count)
{
    for (size_t i = 0; i < route->schema_count; i++) {
        names[count++] = route->schemas[i].logical;
    }
    return count;
}

static size_t drop_repeated(struct rg_slice *names, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !rg_slice_is_equal(names[kept - 1], names[i])) {
            names[kept++] = names[i];
        }
    }
    return kept;
}

rg_status tenants_mapped_schemas(const struct tenant_registry *registry, struct rg_arena *arena,
                                 struct tenant_names *out_names)
{
    struct rg_slice *names = NULL;
    size_t total = 0;
    size_t count = 0;
    for (size_t i = 0; i < registry->static_count; i++) {
        total += registry->statics[i].route.schema_count;
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        total += registry->patterns[i].route.schema_count;
    }
    RG_TRY(rg_arena_array(arena, total + 1, sizeof *names, (void **)&names));
    for (size_t i = 0; i < registry->static_count; i++) {
        count = add_route(&registry->statics[i].route, names, count);
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        count = add_route(&registry->patterns[i].route, names, count);
    }
    qsort(names, count, sizeof *names, compare_names);
    *out_names = (struct tenant_names){drop_repeated(names, count), names};
    return RG_OK;
}

bool tenants_names_have(const struct tenant_names *names, struct rg_slice name)
{
    return names->count > 0 && bsearch(&name, names->names, names->count, sizeof name, compare_names) != NULL;
}
