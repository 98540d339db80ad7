/* SPDX-License-Identifier: Apache-2.0 */
/* Masks as SQL: an expression over rg_r.column for each mask of an identity, made once; for a statement, the fence's
 * select list and the condition that the relation still has the columns that the snapshot knows. */
#include "policy/sql_fence_private.h"

#include "base/rg_buf.h"

enum mask_form {
    FORM_NULL,
    FORM_REDACT,
    FORM_CONSTANT,
    FORM_PARTIAL,
    FORM_HASH,
    FORM_UNLESS,      /* the mask has the column's type */
    FORM_UNLESS_TEXT, /* the mask is text */
    FORM_GUARD,
    FORM_COUNT
};
_Static_assert((int)FORM_COUNT <= (int)POLICY_MASK_FORMS, "each form has its place");

/* $1 is the column. CASE WHEN false gives the column's type to what has none of its own; no row is looked at. Only a
 * mask that reads the column can be null. A guard's text must not be a constant, or it would be cast while planning. It
 * asks the catalogue's cache for the names, as parse analysis does: pg_attribute itself shows those of the
 * transaction's snapshot, which in REPEATABLE READ may be older than the names that the statement's columns were found
 * by. */
#define AS_TEXT "$1::pg_catalog.text"
#define LENGTH "pg_catalog.length(" AS_TEXT ")"
static const char *const forms[FORM_COUNT] = {
    [FORM_NULL] = "CASE WHEN false THEN $1 END",
    [FORM_REDACT] = "'***'::pg_catalog.text",
    [FORM_CONSTANT] = "CASE WHEN false THEN $1 ELSE $2 END",
    [FORM_PARTIAL] = "CASE WHEN " LENGTH " >= $4 THEN pg_catalog.concat(pg_catalog.left(" AS_TEXT
                     ", $2), pg_catalog.repeat('*', " LENGTH " - $2 - $3), pg_catalog.right(" AS_TEXT
                     ", $3)) ELSE pg_catalog.repeat('*', " LENGTH ") END",
    [FORM_HASH] = "pg_catalog.encode(pg_catalog.sha256($3 || pg_catalog.sha256($2 || pg_catalog.convert_to(" AS_TEXT
                  ", 'UTF8'))), 'hex')",
    [FORM_UNLESS] = "CASE WHEN $2 THEN $1 ELSE $3 END",
    [FORM_UNLESS_TEXT] = "CASE WHEN $2 THEN " AS_TEXT " ELSE $3 END",
    [FORM_GUARD] =
        "(SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN "
        "rg_t.typnamespace = "
        "'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY "
        "rg_a.attnum) = $2 THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', "
        "pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS "
        "rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address("
        "'pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = $1 AND "
        "rg_a.attnum > 0 AND NOT rg_a.attisdropped)",
};

static const struct kind_form {
    enum mask_form form;
    bool is_text;
} kind_forms[] = {
    [POLICY_MASK_NULL] = {FORM_NULL, false},         [POLICY_MASK_REDACT] = {FORM_REDACT, true},
    [POLICY_MASK_CONSTANT] = {FORM_CONSTANT, false}, [POLICY_MASK_PARTIAL] = {FORM_PARTIAL, true},
    [POLICY_MASK_HASH] = {FORM_HASH, true},
};

static rg_status prepare(struct policy_set *set)
{
    for (size_t i = 0; i < FORM_COUNT; i++) {
        RG_TRY(sql_template_parse(rg_slice_of(forms[i]), false, &set->arena, &set->mask_forms[i]));
    }
    return RG_OK;
}

rg_status sql_masks_prepare(struct policy_set *set)
{
    MemoryContext scratch = sql_enter();
    (void)MemoryContextSwitchTo(set->context);
    rg_status status = prepare(set);
    sql_leave(scratch);
    return status;
}

/* ---- one mask of one identity ---- */

enum { HOLE_COLUMN = 1 };

static rg_status hole_column(struct rg_arena *arena, struct rg_slice column, struct sql_hole *out_hole)
{
    struct rg_slice name = {0};
    ColumnRef *node = makeNode(ColumnRef);
    node->fields = list_make2(makeString(sql_cstring(RG_SLICE("rg_r"))), makeString(sql_cstring(column)));
    node->location = -1;
    RG_TRY(sql_print_identifier(column, arena, &name));
    out_hole->node = (Node *)node;
    return rg_arena_printf(arena, &out_hole->text, "rg_r.%.*s", RG_SLICE_ARGS(name));
}

static rg_status hole_constant(struct rg_arena *arena, struct rg_slice type, struct rg_slice value,
                               struct sql_hole *out_hole)
{
    struct sql_constant constant = {.type = type, .count = 1, .elements = &value};
    out_hole->node = sql_make_constant(&constant);
    return sql_print_constant(&constant, arena, &out_hole->text);
}

static rg_status hole_number(struct rg_arena *arena, int64_t number, struct sql_hole *out_hole)
{
    struct rg_slice text = {0};
    RG_TRY(rg_arena_printf(arena, &text, "%lld", (long long)number));
    return hole_constant(arena, RG_SLICE("int4"), text, out_hole);
}

/* Without a type of its own, so that it takes the column's. */
static rg_status hole_untyped(struct rg_arena *arena, struct rg_slice value, struct sql_hole *out_hole)
{
    out_hole->node = sql_make_string(value);
    return sql_print_string(value, arena, &out_hole->text);
}

static rg_status hole_bytes(struct rg_arena *arena, struct rg_slice hex, struct sql_hole *out_hole)
{
    struct rg_slice text = {0};
    RG_TRY(rg_arena_printf(arena, &text, "\\x%.*s", RG_SLICE_ARGS(hex)));
    return hole_constant(arena, RG_SLICE("bytea"), text, out_hole);
}

static rg_status kind_holes(struct rg_arena *arena, const struct policy_mask_row *row,
                            const struct policy_mask_keys *keys, struct sql_hole *holes)
{
    switch (row->kind) {
    case POLICY_MASK_CONSTANT:
        return hole_untyped(arena, row->constant, &holes[2]);
    case POLICY_MASK_PARTIAL: /* what hides fewer characters than it keeps is hidden whole */
        RG_TRY(hole_number(arena, row->keep_first, &holes[2]));
        RG_TRY(hole_number(arena, row->keep_last, &holes[3]));
        return hole_number(arena, 2 * (row->keep_first + row->keep_last), &holes[4]);
    case POLICY_MASK_HASH:
        RG_TRY(hole_bytes(arena, keys->inner, &holes[2]));
        return hole_bytes(arena, keys->outer, &holes[3]);
    case POLICY_MASK_DENY:
    case POLICY_MASK_NULL:
    case POLICY_MASK_REDACT:
        return RG_OK;
    }
    return RG_OK;
}

static rg_status fill_unless(struct policy_binding *binding, const struct auth_identity *identity,
                             const struct policy_mask *mask, struct sql_hole *holes, struct sql_hole *filled)
{
    struct rg_arena *arena = &binding->arena;
    struct sql_hole *claims = NULL;
    RG_TRY(sql_claim_holes(binding, identity, &claims));
    RG_TRY(sql_template_fill(mask->unless, claims, SQL_HOLE_NAMED + binding->set->claim_count, arena, &holes[2].text,
                             &holes[2].node));
    holes[3] = *filled;
    enum mask_form form = kind_forms[mask->row->kind].is_text ? FORM_UNLESS_TEXT : FORM_UNLESS;
    return sql_template_fill(binding->set->mask_forms[form], holes, SQL_HOLE_NAMED, arena, &filled->text,
                             &filled->node);
}

static rg_status fill_mask(struct policy_binding *binding, const struct auth_identity *identity,
                           const struct policy_mask *mask, const struct policy_mask_keys *keys,
                           struct policy_bound_mask *out_mask)
{
    struct sql_hole holes[SQL_HOLE_NAMED] = {{{NULL, 0}, NULL}};
    struct sql_hole filled = {{NULL, 0}, NULL};
    struct rg_arena *arena = &binding->arena;
    const struct sql_template *form = binding->set->mask_forms[kind_forms[mask->row->kind].form];
    RG_TRY(hole_column(arena, mask->column, &holes[HOLE_COLUMN]));
    RG_TRY(kind_holes(arena, mask->row, keys, holes));
    RG_TRY(sql_template_fill(form, holes, SQL_HOLE_NAMED, arena, &filled.text, &filled.node));
    if (mask->unless != NULL) {
        RG_TRY(fill_unless(binding, identity, mask, holes, &filled));
    }
    RG_TRY(sql_expression_prove(filled.text, filled.node, arena));
    out_mask->text = filled.text;
    out_mask->tree = filled.node;
    return RG_OK;
}

rg_status sql_mask_bind(struct policy_binding *binding, const struct auth_identity *identity,
                        const struct policy_mask *mask, const struct policy_mask_keys *keys,
                        struct policy_bound_mask *out_mask)
{
    if (mask->row->kind == POLICY_MASK_DENY) {
        return RG_OK;
    }
    MemoryContext scratch = sql_enter();
    (void)MemoryContextSwitchTo(binding->context);
    rg_status status = fill_mask(binding, identity, mask, keys, out_mask);
    sql_leave(scratch);
    return status;
}

/* ---- the fence of a statement ---- */

static const struct policy_bound_mask *mask_find(const struct policy_bound *bound, struct rg_slice column)
{
    for (size_t i = 0; i < bound->mask_count; i++) {
        if (rg_slice_is_equal(bound->masks[i].column, column)) {
            return &bound->masks[i];
        }
    }
    return NULL;
}

static rg_status deny_stale(struct sql_work *work, rg_status status)
{
    work->site.is_stale = true;
    return status;
}

/* The relation as the snapshot knows it, with every column that has a mask. */
static rg_status known_relation(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                                const struct policy_relation **out_relation)
{
    const struct policy_relations *relations = work->session->relations;
    const struct policy_relation *relation =
        relations == NULL ? NULL : policy_relation_find(relations, bound->physical, rg_slice_of(range->relname));
    if (relation == NULL) {
        return deny_stale(
            work, sql_deny(&work->site, "0A000", "mask.snapshot", range->location,
                           sql_is_hyper(work)
                               ? "masks are not supported on Hyper"
                               : "the columns of this relation are not known yet, and its masks need them: try again"));
    }
    for (size_t i = 0; i < bound->mask_count; i++) {
        if (policy_column_find(relation, bound->masks[i].column) == NULL) {
            return deny_stale(work, sql_deny(&work->site, "0A000", "mask.column", range->location,
                                             "masks[%zu] names a column that this relation does not have",
                                             bound->masks[i].number));
        }
    }
    *out_relation = relation;
    return RG_OK;
}

static rg_status put_target(struct sql_work *work, const struct policy_bound_mask *mask, struct rg_slice column,
                            struct rg_buf *buf, List **targets)
{
    struct sql_hole hole = {{NULL, 0}, NULL};
    ResTarget *target = makeNode(ResTarget);
    RG_TRY(rg_buf_put(buf, rg_buf_size(buf) == 0 ? RG_SLICE("") : RG_SLICE(", ")));
    if (mask == NULL) {
        RG_TRY(hole_column(work->site.arena, column, &hole));
        RG_TRY(rg_buf_put(buf, hole.text));
        target->val = hole.node;
    } else {
        struct rg_slice name = {0};
        RG_TRY(sql_print_identifier(column, work->site.arena, &name));
        RG_TRY(rg_buf_printf(buf, "%.*s AS %.*s", RG_SLICE_ARGS(mask->text), RG_SLICE_ARGS(name)));
        target->val = mask->tree;
        target->name = sql_cstring(column);
    }
    *targets = lappend(*targets, target);
    return RG_OK;
}

rg_status sql_mask_targets(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                           struct rg_slice *out_text, List **out_targets)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, work->site.arena->limit_bytes);
    const struct policy_relation *relation = NULL;
    List *targets = NIL;
    RG_TRY(known_relation(work, range, bound, &relation));
    bool is_projected = sql_fence_names_suffice(work->used_names, range, relation);
    for (size_t i = 0; i < relation->column_count; i++) {
        struct rg_slice name = relation->columns[i].name;
        const struct policy_bound_mask *mask = mask_find(bound, name);
        if ((mask == NULL || mask->text.size > 0) && (!is_projected || sql_fence_names_has(work->used_names, name))) {
            RG_TRY(put_target(work, mask, name, &buf, &targets));
        }
    }
    if (targets == NIL && !is_projected) {
        return sql_deny(&work->site, "42501", "mask.column", range->location,
                        "no column of this relation is available to you");
    }
    *out_targets = targets;
    return rg_arena_copy(work->site.arena, rg_buf_slice(&buf), out_text);
}

static rg_status hole_columns(struct sql_work *work, const struct policy_relation *relation, struct sql_hole *out_hole)
{
    struct rg_slice *names = NULL; /* "id int8" */
    RG_TRY(rg_arena_array(work->site.arena, relation->column_count + 1, sizeof *names, (void **)&names));
    for (size_t i = 0; i < relation->column_count; i++) {
        const struct policy_column *column = &relation->columns[i];
        RG_TRY(rg_arena_printf(work->site.arena, &names[i], "%.*s %.*s", RG_SLICE_ARGS(column->name),
                               RG_SLICE_ARGS(column->type)));
    }
    struct sql_constant constant = {
        .type = RG_SLICE("text"), .is_array = true, .count = relation->column_count, .elements = names};
    out_hole->node = sql_make_constant(&constant);
    return sql_print_constant(&constant, work->site.arena, &out_hole->text);
}

static rg_status put_quoted(struct rg_buf *buf, struct rg_slice name)
{
    RG_TRY(rg_buf_put_u8(buf, '"'));
    for (size_t i = 0; i < name.size; i++) {
        RG_TRY(rg_buf_put(buf, rg_slice_cut(name, i, 1)));
        RG_TRY(name.data[i] == '"' ? rg_buf_put_u8(buf, '"') : RG_OK);
    }
    return rg_buf_put_u8(buf, '"');
}

static rg_status hole_relation(struct sql_work *work, const struct policy_relation *relation, struct sql_hole *out_hole)
{
    RG_AUTO(rg_buf_done) struct rg_buf name;
    rg_buf_init(&name, 1024);
    RG_TRY(put_quoted(&name, relation->schema));
    RG_TRY(rg_buf_put_u8(&name, '.'));
    RG_TRY(put_quoted(&name, relation->name));
    return hole_constant(work->site.arena, RG_SLICE("regclass"), rg_buf_slice(&name), out_hole);
}

rg_status sql_mask_where(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound,
                         struct rg_slice *out_text, Node **out_tree)
{
    struct sql_hole holes[SQL_HOLE_NAMED] = {{{NULL, 0}, NULL}};
    const struct policy_relation *relation = NULL;
    struct rg_slice guard = {0};
    Node *tree = NULL;
    struct rg_arena *arena = work->site.arena;
    RG_TRY(known_relation(work, range, bound, &relation));
    RG_TRY(hole_relation(work, relation, &holes[1]));
    RG_TRY(hole_columns(work, relation, &holes[2]));
    RG_TRY(sql_template_fill(work->site.set->mask_forms[FORM_GUARD], holes, SQL_HOLE_NAMED, arena, &guard, &tree));
    if (bound->predicate.size == 0) {
        *out_text = guard;
        *out_tree = tree;
        return RG_OK;
    }
    /* The guard comes last: (a) AND (b) keeps the order of gram.y's makeAndExpr. */
    RG_TRY(rg_arena_printf(arena, out_text, "(%.*s) AND %.*s", RG_SLICE_ARGS(bound->predicate), RG_SLICE_ARGS(guard)));
    Node *predicate = copyObjectImpl(bound->predicate_tree);
    if (IsA(predicate, BoolExpr) && ((BoolExpr *)predicate)->boolop == AND_EXPR) {
        ((BoolExpr *)predicate)->args = lappend(((BoolExpr *)predicate)->args, tree);
        *out_tree = predicate;
    } else {
        *out_tree = (Node *)makeBoolExpr(AND_EXPR, list_make2(predicate, tree), -1);
    }
    return RG_OK;
}

/* ---- other names of a masked column ---- */

enum { NAMES_MAX = 10000, NAMES_DEPTH_MAX = 64 };

struct names {
    struct sql_work *work;
    const struct policy_relations *relations;
    size_t visited; /* bounds the work: views of views may be named many times */
    const struct policy_masked *found;
};

static bool is_relation(const struct policy_relation *relation, struct rg_slice schema, struct rg_slice name)
{
    return rg_slice_is_equal(relation->schema, schema) && rg_slice_is_equal(relation->name, name);
}

/* Is ancestor what relation inherits from, or relation itself? A loop or an endless depth counts as one. */
static bool descends(struct names *names, const struct policy_relation *relation, struct rg_slice schema,
                     struct rg_slice name, size_t depth)
{
    if (depth > NAMES_DEPTH_MAX || ++names->visited > NAMES_MAX) {
        return true;
    }
    if (is_relation(relation, schema, name)) {
        return true;
    }
    for (size_t i = 0; i < relation->parent_count; i++) {
        const struct policy_relation *parent =
            policy_relation_find(names->relations, relation->parents[i].schema, relation->parents[i].name);
        if (parent != NULL && descends(names, parent, schema, name, depth + 1)) {
            return true;
        }
    }
    return false;
}

/* Does reading this column of relation (empty = all) read the masked one: of it, of a partition, of a parent? */
static bool reads_masked(struct names *names, const struct policy_relation *relation, struct rg_slice column,
                         const struct policy_masked *masked)
{
    if (column.size > 0 && !rg_slice_is_equal(column, masked->column)) {
        return false;
    }
    const struct policy_relation *other = policy_relation_find(names->relations, masked->schema, masked->relation);
    return descends(names, relation, masked->schema, masked->relation, 0) ||
           (other != NULL && descends(names, other, relation->schema, relation->name, 0));
}

static bool is_masked_column(struct names *names, const struct policy_relation *relation, struct rg_slice column)
{
    const struct policy_binding *binding = names->work->binding;
    for (size_t i = 0; i < binding->masked_count && names->found == NULL; i++) {
        if (reads_masked(names, relation, column, &binding->masked[i])) {
            names->found = &binding->masked[i];
        }
    }
    return names->found != NULL;
}

/* A view that has masks itself answers for what it reads. */
static bool is_named_in_masks(const struct names *names, const struct policy_relation *relation)
{
    const struct policy_binding *binding = names->work->binding;
    for (size_t i = 0; i < binding->masked_count; i++) {
        if (is_relation(relation, binding->masked[i].schema, binding->masked[i].relation)) {
            return true;
        }
    }
    return false;
}

static bool view_reads_masked(struct names *names, const struct policy_relation *view, size_t depth)
{
    if (depth > NAMES_DEPTH_MAX || ++names->visited > NAMES_MAX) {
        names->found = &names->work->binding->masked[0];
        return true;
    }
    for (size_t i = 0; i < view->read_count; i++) {
        const struct policy_read *read = &view->reads[i];
        const struct policy_relation *relation = policy_relation_find(names->relations, read->schema, read->name);
        if (relation == NULL) { /* a function, or a catalogue that holds statistics */
            names->found = &names->work->binding->masked[0];
            return true;
        }
        if (is_masked_column(names, relation, read->column) ||
            (!is_named_in_masks(names, relation) && view_reads_masked(names, relation, depth + 1))) {
            return true;
        }
    }
    return false;
}

rg_status sql_mask_names(struct sql_work *work, const RangeVar *range, const struct policy_bound *bound)
{
    struct names names = {.work = work, .relations = work->session->relations};
    if (work->binding->masked_count == 0 || bound->mask_count > 0 || names.relations == NULL) {
        return RG_OK; /* a login waits for the first snapshot, where there is one */
    }
    const struct policy_relation *relation =
        policy_relation_find(names.relations, bound->physical, rg_slice_of(range->relname));
    if (relation == NULL) {
        return deny_stale(work,
                          sql_deny(&work->site, "0A000", "mask.snapshot", range->location,
                                   sql_is_hyper(work)
                                       ? "masks are not supported on Hyper"
                                       : "it is not known yet whether this relation shows a masked column: try again"));
    }
    if (is_masked_column(&names, relation, (struct rg_slice){"", 0}) || view_reads_masked(&names, relation, 0)) {
        return sql_deny(&work->site, "42501", "mask.view", range->location,
                        "this relation shows a column of another one that masks[%zu] masks", names.found->number);
    }
    return RG_OK;
}
