/* SPDX-License-Identifier: Apache-2.0 */
/* One statement from start to proof: what it touched, the session's constants for catalogue templates, and the
 * end of the road: edits applied, parsed again, compared with the intended tree, checked a second time. */
#include "policy/sql_rewrite_private.h"

#include <stdlib.h>
#undef qsort

static rg_status grow(struct rg_arena *arena, void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return RG_OK;
    }
    size_t grown = *capacity == 0 ? 8 : *capacity * 2;
    void *bigger = NULL;
    RG_TRY(rg_arena_array(arena, grown, size, &bigger));
    if (count > 0) {
        memcpy(bigger, *array, count * size);
    }
    *array = bigger;
    *capacity = grown;
    return RG_OK;
}

rg_status sql_touch(struct sql_work *work, const struct policy_bound *bound, const char *relation)
{
    struct rg_slice name = {0};
    RG_TRY(rg_arena_printf(work->site.arena, &name, "%.*s.%s", RG_SLICE_ARGS(bound->logical), relation));
    for (size_t i = 0; i < work->bound_count; i++) {
        if (work->bounds[i] == bound && rg_slice_is_equal(work->names[i], name)) {
            return RG_OK;
        }
    }
    if (work->bound_count >= SQL_TOUCHED_MAX) {
        return sql_deny(&work->site, "54001", "sql.complexity", -1, "the statement names too many relations");
    }
    size_t capacity = work->bound_capacity;
    RG_TRY(grow(work->site.arena, (void **)&work->names, work->bound_count, &capacity, sizeof *work->names));
    RG_TRY(
        grow(work->site.arena, (void **)&work->bounds, work->bound_count, &work->bound_capacity, sizeof *work->bounds));
    work->bounds[work->bound_count] = bound;
    work->names[work->bound_count++] = name;
    return RG_OK;
}

rg_status sql_cover(struct sql_work *work, struct rg_slice cover)
{
    for (size_t i = 0; i < work->cover_count; i++) {
        if (rg_slice_is_equal(work->covers[i], cover)) {
            return RG_OK;
        }
    }
    RG_TRY(
        grow(work->site.arena, (void **)&work->covers, work->cover_count, &work->cover_capacity, sizeof *work->covers));
    work->covers[work->cover_count++] = cover;
    return RG_OK;
}

rg_status sql_guard(struct sql_work *work, struct rg_slice guard)
{
    for (size_t i = 0; i < work->guard_count; i++) {
        if (rg_slice_is_equal(work->guards[i], guard)) {
            return RG_OK;
        }
    }
    RG_TRY(
        grow(work->site.arena, (void **)&work->guards, work->guard_count, &work->guard_capacity, sizeof *work->guards));
    work->guards[work->guard_count++] = guard;
    return RG_OK;
}

/* ---- schema.table.column ---- */

rg_status sql_note_range(struct sql_work *work, const char *name, const char *schema)
{
    RG_TRY(grow(work->site.arena, (void **)&work->references, work->reference_count, &work->reference_capacity,
                sizeof *work->references));
    work->references[work->reference_count++] = (struct sql_reference){schema, name, -1};
    return RG_OK;
}

rg_status sql_note_column(struct sql_work *work, const void *schema, const void *name, int location)
{
    const char *schema_text = sql_string(schema).data;
    const char *name_text = sql_string(name).data;
    if (schema_text[0] == '\0' || name_text[0] == '\0') {
        return sql_deny(&work->site, "0A000", "sql.name", location, "this spelling of a column is not supported");
    }
    for (size_t i = 0; i < work->column_count; i++) {
        if (strcmp(work->columns[i].schema, schema_text) == 0 && strcmp(work->columns[i].name, name_text) == 0) {
            return RG_OK;
        }
    }
    if (work->column_count >= SQL_TOUCHED_MAX) {
        return sql_deny(&work->site, "54001", "sql.complexity", location, "the statement names too many relations");
    }
    RG_TRY(grow(work->site.arena, (void **)&work->columns, work->column_count, &work->column_capacity,
                sizeof *work->columns));
    work->columns[work->column_count++] = (struct sql_reference){schema_text, name_text, location};
    return RG_OK;
}

rg_status sql_references_check(struct sql_work *work)
{
    for (size_t i = 0; i < work->column_count; i++) {
        const struct sql_reference *column = &work->columns[i];
        bool is_found = false;
        bool is_ambiguous = false;
        for (size_t j = 0; j < work->reference_count; j++) {
            const struct sql_reference *range = &work->references[j];
            if (strcmp(range->name, column->name) == 0) {
                bool is_it = range->schema != NULL && strcmp(range->schema, column->schema) == 0;
                is_found = is_found || is_it;
                is_ambiguous = is_ambiguous || !is_it;
            }
        }
        if (!is_found) {
            return sql_deny(&work->site, "0A000", "column.relation", column->location,
                            "missing FROM-clause entry for table \"%.100s\"", column->name);
        }
        if (is_ambiguous) {
            return sql_deny(&work->site, "0A000", "column.relation", column->location,
                            "table name \"%.100s\" is used for several relations: give them aliases", column->name);
        }
    }
    return RG_OK;
}

/* ---- constants of the session ---- */

enum { HOLE_PID = POLICY_CATALOG_HOLES - 1 };

static rg_status hole_make(struct sql_work *work, size_t index, struct sql_constant constant)
{
    struct sql_hole *hole = &work->holes[SQL_HOLE_NAMED + index];
    hole->node = sql_make_constant(&constant);
    return sql_print_constant(&constant, work->site.arena, &hole->text);
}

static rg_status hole_array(struct sql_work *work, size_t index, const struct rg_slice *elements, size_t count)
{
    return hole_make(work, index, (struct sql_constant){RG_SLICE("text"), true, false, count, elements});
}

static rg_status hole_scalar(struct sql_work *work, size_t index, struct rg_slice type, struct rg_slice value)
{
    return hole_make(work, index, (struct sql_constant){type, false, false, 1, &value});
}

/* Physical schemas of the virtual path, and the first logical one that exists. */
static rg_status path_of(struct sql_work *work, struct rg_slice **out_path, size_t *out_count,
                         struct rg_slice *out_first)
{
    struct rg_slice *path = NULL;
    struct rg_slice logical = {0};
    size_t count = 0;
    size_t room = work->session->search_path_count + work->binding->schema_count;
    RG_TRY(rg_arena_array(work->site.arena, room + 1, sizeof *path, (void **)&path));
    for (size_t i = 0; sql_path_at(work->binding, work->session, i, &logical); i++) {
        if (policy_schema_find(work->binding, logical, &path[count])) {
            *out_first = count == 0 ? logical : *out_first;
            count++;
        }
    }
    *out_path = path;
    *out_count = count;
    return RG_OK;
}

rg_status sql_session_holes(struct sql_work *work)
{
    const struct policy_binding *binding = work->binding;
    const struct policy_session *session = work->session;
    struct rg_arena *arena = work->site.arena;
    if (work->has_holes) {
        return RG_OK;
    }
    struct rg_slice *schemas = NULL;
    struct rg_slice *logical = NULL;
    struct rg_slice *path = NULL;
    size_t path_count = 0;
    struct rg_slice first = {"", 0};
    struct rg_slice pid = {0};
    RG_TRY(rg_arena_array(arena, binding->schema_count + 1, sizeof *schemas, (void **)&schemas));
    RG_TRY(rg_arena_array(arena, binding->schema_count + 1, sizeof *logical, (void **)&logical));
    for (size_t i = 0; i < binding->schema_count; i++) {
        schemas[i] = binding->schemas[i].physical;
        logical[i] = binding->schemas[i].logical;
    }
    RG_TRY(path_of(work, &path, &path_count, &first));
    RG_TRY(rg_arena_printf(arena, &pid, "%d", (int)session->pid));
    RG_TRY(hole_array(work, 0, schemas, binding->schema_count));
    RG_TRY(hole_array(work, 1, logical, binding->schema_count));
    RG_TRY(hole_array(work, 2, binding->shared, binding->shared_count));
    RG_TRY(hole_array(work, 3, binding->shared_physical, binding->shared_schema_count));
    RG_TRY(hole_array(work, 4, binding->shared_logical, binding->shared_schema_count));
    RG_TRY(hole_array(work, 5, path, path_count));
    RG_TRY(hole_scalar(work, 6, RG_SLICE("text"), first));
    RG_TRY(hole_scalar(work, 7, RG_SLICE("text"), binding->database));
    RG_TRY(hole_scalar(work, 8, RG_SLICE("text"), session->user));
    RG_TRY(hole_scalar(work, HOLE_PID, RG_SLICE("int4"), pid));
    work->has_holes = true;
    return RG_OK;
}

rg_status sql_session_fill(struct sql_work *work, const struct sql_template *template, const struct sql_hole *holes,
                           struct rg_slice *out_text, Node **out_tree)
{
    enum { FILLED_MAX = 1000 };
    if (++work->filled_count > FILLED_MAX) {
        return sql_deny(&work->site, "54001", "sql.complexity", -1, "the statement asks too much of the catalogues");
    }
    for (size_t i = 0; i < template->piece_count; i++) {
        work->uses_pid = work->uses_pid || template->pieces[i].hole == SQL_HOLE_NAMED + HOLE_PID;
    }
    return sql_template_fill(template, holes, lengthof(work->holes), work->site.arena, out_text, out_tree);
}

rg_status sql_guard_fill(struct sql_work *work, const struct sql_template *template, struct rg_slice *out_text,
                         Node **out_tree)
{
    static const char *const numbers[SQL_HOLE_NAMED] = {"", "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9"};
    struct sql_hole holes[SQL_HOLE_NAMED + POLICY_CATALOG_HOLES];
    memcpy(holes, work->holes, sizeof holes);
    for (int i = 1; i < SQL_HOLE_NAMED; i++) {
        ParamRef *parameter = makeNode(ParamRef);
        parameter->number = i;
        holes[i] = (struct sql_hole){rg_slice_of(numbers[i]), (Node *)parameter};
    }
    return sql_template_fill(template, holes, lengthof(holes), work->site.arena, out_text, out_tree);
}

/* ---- proof ---- */

static rg_status check_again(struct sql_work *work, struct rg_slice text, void **out_tree)
{
    const struct policy_set *set = work->site.set;
    struct check_limits limits = {
        .relation_count = work->binding->bound_count,
        .relations = work->binding->reach,
        .cover_count = work->cover_count,
        .covers = work->covers,
        .function_count = sql_is_hyper(work) ? set->hyper_function_count : set->function_count,
        .functions = sql_is_hyper(work) ? set->hyper_functions : set->functions,
        .signature_count = work->binding->signature_count,
        .signatures = work->binding->check_functions,
        .guard_count = work->guard_count,
        .guards = work->guards,
        .allow_write = work->is_write && !sql_is_hyper(work),
        .is_hyper = sql_is_hyper(work),
        .snapshot = work->session->relations,
        .are_formats_fixed = work->binding->fixes_formats,
        .parameter_type_count = work->session->parameter_type_count,
        .parameter_types = work->session->parameter_types,
    };
    rg_status status = check_statement_tree(text, &limits, work->site.arena, out_tree);
    if (!rg_is_ok(status) && status.error->kind == RG_LIMIT) {
        return sql_deny(&work->site, "54001", "sql.complexity", -1, "the statement is too complex");
    }
    if (!rg_is_ok(status) && status.error->kind == RG_DENIED) {
        char reason[256];
        size_t size = Min(strlen(status.error->text), sizeof reason - 1);
        memcpy(reason, status.error->text, size);
        reason[size] = '\0';
        return sql_deny(&work->site, "0A000", "sql.check", -1,
                        "the second check of the rewritten statement refused it: %s", reason);
    }
    return status;
}

/* The tree that the second check read in text must be the intended one. */
static rg_status prove(struct sql_work *work, struct rg_slice text, Node *checked, const Node *intended)
{
    if (!policy_text_is_valid(text) || !rg_is_ok(sql_tree_check(checked)) || !equal(checked, intended)) {
        return sql_deny(&work->site, "0A000", "sql.proof", -1,
                        "the rewritten statement could not be proved to mean the same");
    }
    return RG_OK;
}

static rg_status rule_names(struct sql_work *work, struct rg_slice *out_rule)
{
    struct rg_slice rule = {"", 0};
    for (size_t i = 0; i < work->bound_count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < i; j++) {
            is_known = is_known || rg_slice_is_equal(work->bounds[j]->rules, work->bounds[i]->rules);
        }
        if (!is_known) {
            RG_TRY(rg_arena_printf(work->site.arena, &rule, "%.*s%s%.*s", RG_SLICE_ARGS(rule),
                                   rule.size == 0 ? "" : ", ", RG_SLICE_ARGS(work->bounds[i]->rules)));
        }
    }
    *out_rule = rule;
    return RG_OK;
}

static int compare_names(const void *left, const void *right)
{
    const struct rg_slice *a = left;
    const struct rg_slice *b = right;
    int order = memcmp(a->data, b->data, Min(a->size, b->size));
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

rg_status sql_finish(struct sql_work *work, struct policy_statement *statement, Node *intended, struct rg_slice source,
                     size_t source_at)
{
    struct rg_slice text = {0};
    struct policy_splice *splices = NULL;
    RG_TRY(sql_hyper_check_read(work, work->is_write && sql_is_hyper(work)));
    RG_TRY(sql_references_check(work));
    RG_TRY(sql_dotted_columns_check(work));
    rg_status status = sql_edits_apply(&work->site.edits, source, source_at, work->site.arena, &text, &splices);
    if (!rg_is_ok(status) && status.error->kind == RG_INTERNAL) {
        return sql_deny(&work->site, "0A000", "sql.proof", -1, "the statement could not be rewritten in place");
    }
    RG_TRY(status);
    struct rg_slice spelled = text;
    if (sql_is_hyper(work)) {
        RG_TRY(sql_hyper_spell(work, text, &spelled));
    }
    void *checked = NULL;
    RG_TRY(check_again(work, spelled, &checked)); /* what is sent, as it is sent */
    RG_TRY(prove(work, spelled, checked, intended));
    RG_TRY(rule_names(work, &statement->rule));
    if (work->bound_count > 1) {
        qsort(work->names, work->bound_count, sizeof *work->names, compare_names); /* bounds are done with */
    }
    statement->text = spelled;
    statement->is_rewritten = work->site.edits.count > 0 || !rg_slice_is_equal(spelled, text);
    statement->splices = splices;
    statement->splice_count = work->site.edits.count;
    statement->has_marker = work->has_marker;
    statement->relations = work->names;
    statement->relation_count = work->bound_count;
    return RG_OK;
}
