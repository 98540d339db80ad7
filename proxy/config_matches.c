/* SPDX-License-Identifier: Apache-2.0 */
/* No two tenants have the same callers. Each match is spread out into the callers that it names, one a provider, and
 * those are sorted: alike ones stand side by side, however many tenants there are. */
#include <stdlib.h>

#include "proxy/config_private.h"

struct caller {
    enum tenant_match_kind kind;
    struct rg_slice idp; /* or the service account */
    size_t claim;
    struct rg_slice value;
    size_t tenant; /* index of its row */
};

/* As compare_callers, but for whose they are. */
static int compare_names(const struct caller *a, const struct caller *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    order = order != 0 ? order : (a->claim > b->claim) - (a->claim < b->claim);
    order = order != 0 ? order : rg_slice_compare(a->value, b->value);
    return order != 0 ? order : rg_slice_compare(a->idp, b->idp);
}

static int compare_callers(const void *left, const void *right)
{
    const struct caller *a = left;
    const struct caller *b = right;
    int order = compare_names(a, b);
    return order != 0 ? order : (a->tenant > b->tenant) - (a->tenant < b->tenant);
}

/* Nobody has no name, and another road of a tenant has its people. */
static bool has_callers(const struct tenant_match *match)
{
    return match->kind != TENANT_MATCH_NOTHING && match->kind != TENANT_MATCH_TENANT;
}

static size_t spread(const struct tenant_match *match, size_t tenant, struct caller *callers, size_t count)
{
    if (has_callers(match) && match->idp.size > 0) {
        callers[count++] = (struct caller){match->kind, match->idp, match->claim, match->value, tenant};
    }
    for (size_t i = 0; has_callers(match) && i < match->also_count; i++) {
        if (match->also[i].size > 0) {
            callers[count++] = (struct caller){match->kind, match->also[i], match->claim, match->value, tenant};
        }
    }
    return count;
}

/* firsts[i]: the first row with a caller of row i, or i. */
static void find_firsts(const struct caller *callers, size_t count, size_t *firsts)
{
    size_t first = 0;
    for (size_t i = 1; i < count; i++) {
        first = compare_names(&callers[first], &callers[i]) == 0 ? first : i;
        if (callers[first].tenant < firsts[callers[i].tenant]) {
            firsts[callers[i].tenant] = callers[first].tenant;
        }
    }
}

rg_status config_check_matches(struct config_draft *draft, const struct tenant_static *tenants, size_t tenant_count)
{
    const struct config_raw_tenant *raws = draft->raw.tenants.items;
    struct caller *callers = NULL;
    size_t *firsts = NULL;
    size_t total = 0;
    size_t count = 0;
    for (size_t i = 0; i < tenant_count; i++) {
        total += 1 + tenants[i].match.also_count;
    }
    RG_TRY(rg_arena_array(draft->arena, total + 1, sizeof *callers, (void **)&callers));
    RG_TRY(rg_arena_array(draft->arena, tenant_count + 1, sizeof *firsts, (void **)&firsts));
    for (size_t i = 0; i < tenant_count; i++) {
        firsts[i] = i;
        count = spread(&tenants[i].match, i, callers, count);
    }
    qsort(callers, count, sizeof *callers, compare_callers);
    find_firsts(callers, count, firsts);
    for (size_t i = 0; i < tenant_count; i++) {
        if (firsts[i] != i) {
            struct rg_slice id = tenants[firsts[i]].id;
            config_error(draft, raws[i].match.head.place, "tenant \"%.*s\" matches the same callers",
                         rg_slice_shown(id), id.data);
        }
    }
    return RG_OK;
}
