/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the policies against names of the database: what a policy names and the database lacks, what the database
 * has and no policy names, and columns whose values are no data of a tenant. */
#include "policy/lint_private.h"

#include <stdio.h>

enum { PER_SCHEMA_MAX = 10 };

struct names {
    const struct policy_source *source;
    const struct tenant_registry *registry;
    const struct policy_relations *relations;
    struct rg_diag *diag;
};

static bool split(struct rg_slice on, struct rg_slice *out_schema, struct rg_slice *out_name)
{
    const char *dot = on.size == 0 ? NULL : memchr(on.data, '.', on.size);
    if (dot == NULL) {
        return false;
    }
    size_t at = (size_t)(dot - on.data);
    *out_schema = rg_slice_cut(on, 0, at);
    *out_name = rg_slice_cut(on, at + 1, on.size);
    return true;
}

static bool is_star(struct rg_slice name)
{
    return rg_slice_is_equal(name, RG_SLICE("*"));
}

/* ---- from logical to physical schemas ---- */

static bool route_find(const struct tenant_route *route, struct rg_slice logical, struct rg_slice *out_physical)
{
    for (size_t i = 0; i < route->schema_count; i++) {
        if (rg_slice_is_equal(route->schemas[i].logical, logical)) {
            *out_physical = route->schemas[i].physical;
            return true;
        }
    }
    return false;
}

/* Could "t_{tenant.id}_x" have become this name? */
static bool template_yields(struct rg_slice template, struct rg_slice name)
{
    struct rg_slice hole = RG_SLICE("{tenant.id}");
    const char *found = template.size == 0 ? NULL : memmem(template.data, template.size, hole.data, hole.size);
    if (found == NULL) {
        return rg_slice_is_equal(template, name);
    }
    struct rg_slice prefix = rg_slice_cut(template, 0, (size_t)(found - template.data));
    struct rg_slice suffix = rg_slice_cut(template, prefix.size + hole.size, template.size);
    return name.size > prefix.size + suffix.size && rg_slice_has_prefix(name, prefix) &&
           rg_slice_is_equal(rg_slice_cut(name, name.size - suffix.size, suffix.size), suffix);
}

/* The logical names of a physical schema: those of the routes, and its own where it is nobody's. */
static bool is_logical_of(const struct names *names, struct rg_slice logical, struct rg_slice physical)
{
    struct rg_slice mapped = {0};
    bool is_own = false;
    for (size_t i = 0; i < names->registry->static_count; i++) {
        if (route_find(&names->registry->statics[i].route, logical, &mapped)) {
            is_own = true;
            if (rg_slice_is_equal(mapped, physical)) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < names->registry->pattern_count; i++) {
        if (route_find(&names->registry->patterns[i].route, logical, &mapped)) {
            is_own = true;
            if (template_yields(mapped, physical)) {
                return true;
            }
        }
    }
    return !is_own && rg_slice_is_equal(logical, physical);
}

/* The first relation of the snapshot from index on that `on` names; NULL = none. */
static const struct policy_relation *next_named(const struct names *names, struct rg_slice on, size_t *index)
{
    struct rg_slice schema = {0};
    struct rg_slice name = {0};
    if (!split(on, &schema, &name)) {
        return NULL;
    }
    while (*index < policy_relation_count(names->relations)) {
        const struct policy_relation *relation = policy_relation_at(names->relations, (*index)++);
        if ((is_star(name) || rg_slice_is_equal(relation->name, name)) &&
            is_logical_of(names, schema, relation->schema)) {
            return relation;
        }
    }
    return NULL;
}

/* ---- what a policy names ---- */

/* A tenant's schema that the snapshot does not know may be of another database; one that it knows must have it. */
static void lint_each_tenant(const struct names *names, const struct policy_row *row, struct rg_slice on)
{
    struct rg_slice schema = {0};
    struct rg_slice name = {0};
    for (size_t i = 0; i < names->registry->static_count && split(on, &schema, &name) && !is_star(name); i++) {
        struct rg_slice physical = {0};
        size_t index = 0;
        if (!route_find(&names->registry->statics[i].route, schema, &physical) ||
            policy_relation_find(names->relations, physical, name) != NULL) {
            continue;
        }
        while (index < policy_relation_count(names->relations) &&
               !rg_slice_is_equal(policy_relation_at(names->relations, index)->schema, physical)) {
            index++;
        }
        if (index < policy_relation_count(names->relations)) {
            policy_lint_add(names->diag, row->place, POLICY_LINT_RELATION_ABSENT,
                            "\"%.*s\" is missing in \"%.*s\", the schema of tenant \"%.*s\"", rg_slice_shown(on),
                            on.data, rg_slice_shown(physical), physical.data,
                            rg_slice_shown(names->registry->statics[i].id), names->registry->statics[i].id.data);
        }
    }
}

static void lint_columns(const struct names *names, const struct policy_relation *relation,
                         const struct lint_facts *facts)
{
    for (size_t i = 0; i < facts->column_count; i++) {
        const struct lint_column *column = &facts->columns[i];
        if (policy_column_find(relation, column->name) == NULL) {
            policy_lint_add(names->diag, column->place, POLICY_LINT_COLUMN_ABSENT, "\"%.*s\" has no column \"%.*s\"",
                            rg_slice_shown(relation->name), relation->name.data, rg_slice_shown(column->name),
                            column->name.data);
        }
    }
}

static void lint_on(const struct names *names, const struct policy_row *row, struct rg_slice on,
                    const struct lint_facts *facts)
{
    size_t index = 0;
    const struct policy_relation *first = next_named(names, on, &index);
    if (first == NULL) {
        policy_lint_add(names->diag, row->place, POLICY_LINT_RELATION_ABSENT,
                        "the database has no relation \"%.*s\" that a tenant could reach", rg_slice_shown(on), on.data);
        return;
    }
    lint_each_tenant(names, row, on);
    lint_columns(names, first, facts);
}

static void lint_mask(const struct names *names, const struct policy_mask_row *mask, struct rg_slice dotted)
{
    const char *dot = dotted.size == 0 ? NULL : memrchr(dotted.data, '.', dotted.size);
    size_t end = dot == NULL ? 0 : (size_t)(dot - dotted.data);
    struct rg_slice on = rg_slice_cut(dotted, 0, end);
    struct rg_slice column = rg_slice_cut(dotted, end + 1, dotted.size);
    size_t index = 0;
    const struct policy_relation *relation = next_named(names, on, &index);
    if (relation == NULL) {
        policy_lint_add(names->diag, mask->place, POLICY_LINT_RELATION_ABSENT,
                        "the database has no relation \"%.*s\" that a tenant could reach", rg_slice_shown(on), on.data);
    } else if (policy_column_find(relation, column) == NULL) {
        policy_lint_add(names->diag, mask->place, POLICY_LINT_COLUMN_ABSENT, "\"%.*s\" has no column \"%.*s\"",
                        rg_slice_shown(on), on.data, rg_slice_shown(column), column.data);
    }
}

/* ---- what the database has ---- */

static const struct policy_row *find_policy(const struct names *names, const struct policy_relation *relation)
{
    for (size_t i = 0; i < names->source->row_count; i++) {
        const struct policy_row *row = &names->source->rows[i];
        for (size_t j = 0; j < row->on_count; j++) {
            struct rg_slice schema = {0};
            struct rg_slice name = {0};
            if (split(row->on[j], &schema, &name) && (is_star(name) || rg_slice_is_equal(name, relation->name)) &&
                is_logical_of(names, schema, relation->schema)) {
                return row;
            }
        }
    }
    return NULL;
}

/* Types whose values are oracles: they name objects, transactions or places on the disk. */
static bool is_system_type(struct rg_slice type)
{
    static const char *const types[] = {"xid", "xid8", "cid", "tid", "pg_snapshot", "txid_snapshot", "pg_lsn"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (rg_slice_is_equal(type, rg_slice_of(types[i]))) {
            return true;
        }
    }
    return rg_slice_has_prefix(type, RG_SLICE("reg"));
}

static void lint_types(const struct names *names, const struct policy_row *row, const struct policy_relation *relation)
{
    for (size_t i = 0; i < relation->column_count; i++) {
        const struct policy_column *column = &relation->columns[i];
        if (is_system_type(column->type)) {
            policy_lint_add(names->diag, row->place, POLICY_LINT_COLUMN_SYSTEM, "\"%.*s.%.*s.%.*s\" is of type %.*s",
                            rg_slice_shown(relation->schema), relation->schema.data, rg_slice_shown(relation->name),
                            relation->name.data, rg_slice_shown(column->name), column->name.data,
                            rg_slice_shown(column->type), column->type.data);
        }
    }
}

static bool is_system_schema(struct rg_slice schema)
{
    return rg_slice_has_prefix(schema, RG_SLICE("pg_")) || rg_slice_is_equal(schema, RG_SLICE("information_schema"));
}

/* Tables, partitioned ones, views, materialized ones, foreign ones; a partition is read through its parent. */
static bool is_table(const struct policy_relation *relation)
{
    return strchr("rpvmf", relation->kind) != NULL && relation->kind != '\0' && relation->parent_count == 0 &&
           !is_system_schema(relation->schema);
}

static void report_unnamed(const struct names *names, struct rg_place place, struct rg_slice schema, size_t count,
                           const char *list)
{
    if (count > 0) {
        policy_lint_add(names->diag, place, POLICY_LINT_RELATION_UNNAMED,
                        "no policy names %zu relation%s of schema \"%.*s\": %s%s", count, count == 1 ? "" : "s",
                        rg_slice_shown(schema), schema.data, list, count > PER_SCHEMA_MAX ? ", ..." : "");
    }
}

/* Relations come sorted by schema: one finding for each. */
static void lint_database(const struct names *names, struct rg_place place)
{
    char list[PER_SCHEMA_MAX * 70] = "";
    size_t used = 0;
    size_t count = 0;
    struct rg_slice schema = {"", 0};
    for (size_t i = 0; i < policy_relation_count(names->relations); i++) {
        const struct policy_relation *relation = policy_relation_at(names->relations, i);
        if (!rg_slice_is_equal(relation->schema, schema)) {
            report_unnamed(names, place, schema, count, list);
            schema = relation->schema;
            used = count = 0;
        }
        const struct policy_row *row = find_policy(names, relation);
        if (row != NULL) {
            lint_types(names, row, relation);
        } else if (is_table(relation) && count++ < PER_SCHEMA_MAX) {
            int shown = relation->name.size > 63 ? 63 : (int)relation->name.size;
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%.*s", count == 1 ? "" : ", ", shown,
                                     relation->name.data);
        }
    }
    report_unnamed(names, place, schema, count, list);
}

rg_status lint_relations(const struct policy_lint_input *input, const struct lint_facts *facts, struct rg_diag *diag)
{
    const struct names names = {input->source, input->registry, input->relations, diag};
    for (size_t i = 0; i < input->source->row_count; i++) {
        const struct policy_row *row = &input->source->rows[i];
        for (size_t j = 0; j < row->on_count; j++) {
            lint_on(&names, row, row->on[j], &facts[i]);
        }
    }
    for (size_t i = 0; i < input->source->mask_count; i++) {
        for (size_t j = 0; j < input->source->masks[i].column_count; j++) {
            lint_mask(&names, &input->source->masks[i], input->source->masks[i].columns[j]);
        }
    }
    lint_database(&names, input->place);
    return RG_OK;
}
