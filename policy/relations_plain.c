/* SPDX-License-Identifier: Apache-2.0 */
/* Is a relation what its schema's row takes it for? "schema.*" speaks of relations that nobody has looked at: a view
 * may read other schemas, a parent its children's rows, and a child may hold the rows of a relation that has a
 * predicate. A row that names the relation is the administrator's word. Called for each relation a statement names. */
#include "policy/set_private.h"

enum { PLAIN_DEPTH_MAX = 32, PLAIN_LOOKS_MAX = 20000 };

struct looker {
    const struct policy_binding *binding;
    const struct policy_relations *relations;
    size_t looks;
};

static bool is_own_schema(const struct policy_binding *binding, struct rg_slice physical)
{
    for (size_t i = 0; i < binding->schema_count; i++) {
        if (rg_slice_is_equal(binding->schemas[i].physical, physical)) {
            return true;
        }
    }
    return false;
}

/* The row by physical name. */
static const struct policy_bound *find_row(const struct policy_binding *binding, struct rg_slice schema,
                                           struct rg_slice name)
{
    const struct policy_bound *any = NULL;
    for (size_t i = 0; i < binding->bound_count; i++) {
        const struct policy_bound *bound = &binding->bounds[i];
        if (rg_slice_is_equal(bound->physical, schema)) {
            if (rg_slice_is_equal(bound->name, name)) {
                return bound;
            }
            any = bound->name.size == 0 ? bound : any;
        }
    }
    return any;
}

static bool has_condition(const struct policy_binding *binding, struct rg_slice schema, struct rg_slice name)
{
    const struct policy_bound *bound = find_row(binding, schema, name);
    return bound != NULL && policy_bound_is_fenced(bound);
}

static bool is_plain(struct looker *looker, const struct policy_relation *relation, size_t depth);

/* May its rows be read through another relation? */
static bool is_readable(struct looker *looker, const struct policy_read *read, size_t depth)
{
    const struct policy_binding *binding = looker->binding;
    const struct policy_bound *bound = find_row(binding, read->schema, read->name);
    const struct policy_relation *relation = policy_relation_find(looker->relations, read->schema, read->name);
    bool is_granted = bound != NULL && bound->for_select;
    if (relation == NULL || has_condition(binding, read->schema, read->name) ||
        (!is_granted && !is_own_schema(binding, read->schema))) {
        return false;
    }
    return (is_granted && bound->name.size > 0 && !bound->is_implied) || is_plain(looker, relation, depth + 1);
}

/* A child's rows are its parent's, too. */
static bool has_plain_parents(struct looker *looker, const struct policy_relation *relation, size_t depth)
{
    for (size_t i = 0; i < relation->parent_count; i++) {
        const struct policy_read *parent = &relation->parents[i];
        const struct policy_relation *above = policy_relation_find(looker->relations, parent->schema, parent->name);
        if (depth > PLAIN_DEPTH_MAX || ++looker->looks > PLAIN_LOOKS_MAX || above == NULL ||
            !rg_slice_is_equal(parent->schema, relation->schema) ||
            has_condition(looker->binding, parent->schema, parent->name) ||
            !has_plain_parents(looker, above, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool are_readable(struct looker *looker, const struct policy_read *reads, size_t count, size_t depth)
{
    for (size_t i = 0; i < count; i++) {
        if (++looker->looks > PLAIN_LOOKS_MAX || !is_readable(looker, &reads[i], depth)) {
            return false;
        }
    }
    return true;
}

static bool is_plain(struct looker *looker, const struct policy_relation *relation, size_t depth)
{
    return depth <= PLAIN_DEPTH_MAX && relation->kind != 'f' && has_plain_parents(looker, relation, depth) &&
           are_readable(looker, relation->reads, relation->read_count, depth) &&
           are_readable(looker, relation->children, relation->child_count, depth);
}

bool policy_relation_is_plain(const struct policy_binding *binding, const struct policy_relations *relations,
                              const struct policy_bound *bound, struct rg_slice name)
{
    if (relations == NULL) {
        return true;
    }
    struct looker looker = {.binding = binding, .relations = relations};
    const struct policy_relation *relation = policy_relation_find(relations, bound->physical, name);
    if (bound->name.size > 0 && !bound->is_implied) {
        return relation != NULL || bound->predicate.size == 0;
    }
    return relation != NULL && is_plain(&looker, relation, 0);
}
