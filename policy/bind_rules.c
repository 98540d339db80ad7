/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that apply to one identity, by the relations that they name. A login waits for this, and a reload makes it
 * anew for each session: names are sorted, and predicates that are alike, as they are on most relations, are bound and
 * proved once. */
#include <stdlib.h>

#include "policy/set_private.h"

enum { BOUND_MAX = 100000 };

/* A name that an applying rule has in `on`. */
struct named {
    const struct policy_pattern *pattern;
    const struct policy_rule *rule;
    size_t at;     /* of the rule among those that apply */
    bool is_bound; /* of the first of a name: it has its row */
};

/* Rules that made a predicate: whatever they are named for, the same ones make the same. */
struct made {
    size_t rule_count;
    const struct policy_rule **rules;
    const struct policy_bound *bound; /* NULL = free */
};

struct binder {
    struct policy_binding *binding;
    const struct policy_subject *subject;
    size_t named_count;
    struct named *named;  /* sorted by name, then as the rules stand */
    struct named **order; /* as the rules stand */
    struct policy_bound *bounds;
    size_t made_size; /* a power of two */
    struct made *made;
};

/* ---- which rules apply ---- */

static bool is_listed(const struct rg_slice *names, size_t count, struct rg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool applies(const struct policy_rule *rule, struct rg_slice tenant)
{
    const struct policy_row *row = rule->row;
    return (row->to_count == 0 || is_listed(row->to, row->to_count, tenant)) &&
           !is_listed(row->except, row->except_count, tenant);
}

/* A rule that relies on the route's map says nothing about a schema that the map does not have. */
static bool pattern_applies(const struct policy_binding *binding, const struct policy_rule *rule,
                            const struct policy_pattern *pattern)
{
    struct rg_slice physical = {0};
    return !rule->row->is_schema_isolated || policy_map_find(binding, pattern->schema, &physical);
}

static int compare_patterns(const struct policy_pattern *a, const struct policy_pattern *b)
{
    int order = rg_slice_compare(a->schema, b->schema);
    return order != 0 ? order : rg_slice_compare(a->name, b->name);
}

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left;
    const struct named *b = right;
    int order = compare_patterns(a->pattern, b->pattern);
    order = order != 0 ? order : (a->at > b->at) - (a->at < b->at);
    return order != 0 ? order : (a->pattern > b->pattern) - (a->pattern < b->pattern);
}

/* By place in the set: rules stand in it in order, and so do the names of a rule in memory of its own. */
static int compare_order(const void *left, const void *right)
{
    const struct named *a = *(struct named *const *)left;
    const struct named *b = *(struct named *const *)right;
    int order = (a->at > b->at) - (a->at < b->at);
    return order != 0 ? order : (a->pattern > b->pattern) - (a->pattern < b->pattern);
}

static rg_status collect(struct binder *binder, size_t room)
{
    struct policy_binding *binding = binder->binding;
    const struct policy_set *set = binding->set;
    RG_TRY(rg_arena_array(&binding->arena, room + 1, sizeof *binder->named, (void **)&binder->named));
    RG_TRY(rg_arena_array(&binding->arena, room + 1, sizeof(void *), (void **)&binder->order));
    for (size_t i = 0; i < set->rule_count; i++) {
        const struct policy_rule *rule = &set->rules[i];
        bool is_applying = applies(rule, binder->subject->tenant->id);
        for (size_t j = 0; is_applying && j < rule->pattern_count; j++) {
            if (pattern_applies(binding, rule, &rule->patterns[j])) {
                binder->named[binder->named_count++] = (struct named){&rule->patterns[j], rule, i, false};
            }
        }
    }
    qsort(binder->named, binder->named_count, sizeof *binder->named, compare_named);
    for (size_t i = 0; i < binder->named_count; i++) {
        binder->order[i] = &binder->named[i];
    }
    qsort(binder->order, binder->named_count, sizeof(void *), compare_order);
    return RG_OK;
}

/* The first that is called so; NULL = none. */
static struct named *find_named(const struct binder *binder, const struct policy_pattern *pattern)
{
    size_t low = 0;
    size_t high = binder->named_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_patterns(binder->named[middle].pattern, pattern) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < binder->named_count && compare_patterns(binder->named[low].pattern, pattern) == 0;
    return is_found ? &binder->named[low] : NULL;
}

/* The next of the same name; NULL = it was the last. */
static const struct named *next_named(const struct binder *binder, const struct named *named)
{
    bool has_next = named + 1 < binder->named + binder->named_count;
    return has_next && compare_patterns(named->pattern, (named + 1)->pattern) == 0 ? named + 1 : NULL;
}

/* The rules that cover a relation, in their order: those that name it, and those of its whole schema. */
static rg_status list_rules(const struct binder *binder, const struct policy_pattern *pattern, size_t *out_count,
                            const struct policy_rule ***out_rules)
{
    const struct policy_pattern whole = {pattern->schema, {"", 0}};
    const struct named *own = pattern->name.size == 0 ? NULL : find_named(binder, pattern);
    const struct named *all = find_named(binder, &whole);
    const struct policy_rule **rules = NULL;
    size_t room = 0;
    size_t count = 0;
    for (const struct named *at = own; at != NULL; at = next_named(binder, at)) {
        room++;
    }
    for (const struct named *at = all; at != NULL; at = next_named(binder, at)) {
        room++;
    }
    RG_TRY(rg_arena_array(&binder->binding->arena, room + 1, sizeof(void *), (void **)&rules));
    while (own != NULL || all != NULL) {
        bool is_own = all == NULL || (own != NULL && own->at <= all->at);
        const struct named **from = is_own ? &own : &all;
        if (count == 0 || rules[count - 1] != (*from)->rule) {
            rules[count++] = (*from)->rule;
        }
        *from = next_named(binder, *from);
    }
    *out_count = count;
    *out_rules = rules;
    return RG_OK;
}

/* ---- predicates ---- */

static bool are_alike(const struct made *made, const struct policy_rule *const *rules, size_t count)
{
    bool are_alike = made->rule_count == count;
    for (size_t i = 0; are_alike && i < count; i++) {
        are_alike = made->rules[i]->predicate == rules[i]->predicate &&
                    rg_slice_is_equal(made->rules[i]->row->group, rules[i]->row->group);
    }
    return are_alike;
}

/* Where those rules' predicate is, or is to be kept. There is room for all. */
static struct made *find_made(const struct binder *binder, const struct policy_rule *const *rules, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ (uint64_t)(uintptr_t)rules[i]->predicate) * 0x9e3779b97f4a7c15U;
    }
    size_t at = (size_t)(hash >> 32) & (binder->made_size - 1);
    while (binder->made[at].bound != NULL && !are_alike(&binder->made[at], rules, count)) {
        at = (at + 1) & (binder->made_size - 1);
    }
    return &binder->made[at];
}

static rg_status open_made(struct binder *binder, size_t room)
{
    binder->made_size = 16;
    while (binder->made_size < 2 * room) {
        binder->made_size *= 2;
    }
    return rg_arena_array(&binder->binding->arena, binder->made_size, sizeof *binder->made, (void **)&binder->made);
}

/* A client that moves its time zone must not move what a predicate takes for today. */
static rg_status bind_formats(struct policy_binding *binding, struct rg_slice predicate)
{
    return predicate.size == 0 || binding->fixes_formats ? RG_OK
                                                         : sql_reads_formats(predicate, &binding->fixes_formats);
}

static rg_status bind_predicate(struct binder *binder, const struct policy_rule **rules, size_t count,
                                struct policy_bound *bound)
{
    struct made *made = find_made(binder, rules, count);
    if (made->bound != NULL) { /* the very text and tree that were proved equal */
        bound->predicate = made->bound->predicate;
        bound->predicate_tree = made->bound->predicate_tree;
        return RG_OK;
    }
    RG_TRY(sql_predicate_bind(binder->binding, binder->subject->identity, rules, count, bound));
    RG_TRY(bind_formats(binder->binding, bound->predicate));
    *made = (struct made){count, rules, bound};
    return RG_OK;
}

/* ---- one relation ---- */

static void grant(struct policy_bound *bound, const struct policy_row *row)
{
    bound->for_select = bound->for_select || row->for_select;
    bound->for_insert = bound->for_insert || row->for_insert;
    bound->for_update = bound->for_update || row->for_update;
    bound->for_delete = bound->for_delete || row->for_delete;
}

static rg_status bind_relation(struct binder *binder, const struct policy_pattern *pattern, struct policy_bound *bound)
{
    struct policy_binding *binding = binder->binding;
    const struct policy_rule **rules = NULL;
    size_t covering = 0;
    size_t count = 0;
    bool has_write_predicate = false;
    RG_TRY(list_rules(binder, pattern, &covering, &rules));
    bound->rules = (struct rg_slice){"", 0};
    for (size_t i = 0; i < covering; i++) {
        const struct policy_rule *rule = rules[i];
        grant(bound, rule->row);
        has_write_predicate =
            has_write_predicate || (rule->predicate != NULL && !rule->row->for_select) || rule->check != NULL;
        if (rule->row->for_select) {
            rules[count++] = rule;
        }
        RG_TRY(rg_arena_printf(&binding->arena, &bound->rules, "%.*s%s%.*s", RG_SLICE_ARGS(bound->rules),
                               bound->rules.size == 0 ? "" : ", ", RG_SLICE_ARGS(rule->row->name)));
    }
    bound->logical = pattern->schema;
    bound->name = pattern->name;
    bound->physical = pattern->schema;
    bound->is_own = policy_map_find(binding, pattern->schema, &bound->physical);
    RG_TRY(bind_predicate(binder, rules, count, bound));
    bound->needs_lock = !bound->is_own || bound->predicate.size > 0 || has_write_predicate;
    bound->is_locked = bound->needs_lock && binding->lock != POLICY_LOCK_NONE;
    return RG_OK;
}

static rg_status add_relation(struct binder *binder, const struct policy_pattern *pattern, bool is_implied)
{
    struct policy_binding *binding = binder->binding;
    RG_TRY(bind_relation(binder, pattern, &binder->bounds[binding->bound_count]));
    binder->bounds[binding->bound_count++].is_implied = is_implied;
    return RG_OK;
}

/* ---- all of them ---- */

/* A mask's relation gets a row of its own where only its schema has one. */
static rg_status bind_masked(struct binder *binder)
{
    struct policy_binding *binding = binder->binding;
    size_t implied_from = binding->bound_count;
    for (size_t i = 0; i < binding->set->mask_count; i++) {
        const struct policy_pattern pattern = {binding->set->masks[i].schema, binding->set->masks[i].relation};
        const struct policy_pattern whole = {pattern.schema, {"", 0}};
        bool is_bound = find_named(binder, &pattern) != NULL || find_named(binder, &whole) == NULL;
        for (size_t j = implied_from; j < binding->bound_count && !is_bound; j++) {
            is_bound = rg_slice_is_equal(binder->bounds[j].logical, pattern.schema) &&
                       rg_slice_is_equal(binder->bounds[j].name, pattern.name);
        }
        if (!is_bound) {
            RG_TRY(add_relation(binder, &pattern, true));
        }
    }
    return policy_masks_bind(binding, binder->subject, binder->bounds);
}

static size_t count_names(const struct policy_set *set, struct rg_slice tenant)
{
    size_t count = 0;
    for (size_t i = 0; i < set->rule_count; i++) {
        count += applies(&set->rules[i], tenant) ? set->rules[i].pattern_count : 0;
    }
    return count;
}

rg_status policy_rules_bind(struct policy_binding *binding, const struct policy_subject *subject)
{
    struct binder binder = {.binding = binding, .subject = subject};
    size_t room = binding->set->mask_count + count_names(binding->set, subject->tenant->id);
    if (room > BOUND_MAX) {
        return rg_fail(RG_LIMIT, "%zu relations in the policies of one tenant", room);
    }
    RG_TRY(collect(&binder, room));
    RG_TRY(open_made(&binder, room));
    RG_TRY(rg_arena_array(&binding->arena, room + 1, sizeof *binder.bounds, (void **)&binder.bounds));
    binding->bounds = binder.bounds;
    for (size_t i = 0; i < binder.named_count; i++) {
        struct named *first = find_named(&binder, binder.order[i]->pattern);
        if (first != NULL && !first->is_bound) {
            first->is_bound = true;
            RG_TRY(add_relation(&binder, first->pattern, false));
        }
    }
    return bind_masked(&binder);
}
