/* SPDX-License-Identifier: Apache-2.0 */
/* The fence of a relation with masks: what its select list and its condition must be is made here once more, of the
 * binding's row and of the snapshot's columns, by other means than the rewriter's. Columns may be missing; none may be
 * added, shown bare where it has a mask, or given another's name. */
#include "policy/sql_check_private.h"

#include "base/rg_buf.h"

struct sql_check_masked_row {
    struct sql_check_masked_row *next;
    const struct check_relation *row;
    const struct policy_relation *relation;
    const void *condition;
    const void **masks; /* by index of row->masks; NULL = the column may not leave */
};

/* ---- the condition ---- */

static rg_status put_quoted(struct rg_buf *buf, struct rg_slice text, char quote)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == quote) {
            RG_TRY(rg_buf_put_u8(buf, (uint8_t)quote));
        }
        RG_TRY(rg_buf_put_u8(buf, (uint8_t)text.data[i]));
    }
    return RG_OK;
}

/* '"schema"."name"'::pg_catalog.regclass */
static rg_status put_relation(struct rg_buf *buf, const struct policy_relation *relation)
{
    RG_AUTO(rg_buf_done) struct rg_buf name;
    rg_buf_init(&name, 4096);
    RG_TRY(rg_buf_put_u8(&name, '"'));
    RG_TRY(put_quoted(&name, relation->schema, '"'));
    RG_TRY(rg_buf_put(&name, RG_SLICE("\".\"")));
    RG_TRY(put_quoted(&name, relation->name, '"'));
    RG_TRY(rg_buf_put_u8(&name, '"'));
    RG_TRY(rg_buf_put(buf, RG_SLICE("'")));
    RG_TRY(put_quoted(buf, rg_buf_slice(&name), '\''));
    return rg_buf_put(buf, RG_SLICE("'::pg_catalog.regclass"));
}

/* ARRAY['id int8', ...]::pg_catalog.text[] */
static rg_status put_columns(struct rg_buf *buf, const struct policy_relation *relation)
{
    RG_TRY(rg_buf_put(buf, RG_SLICE("ARRAY[")));
    for (size_t i = 0; i < relation->column_count; i++) {
        RG_TRY(rg_buf_put(buf, i == 0 ? RG_SLICE("'") : RG_SLICE(", '")));
        RG_TRY(put_quoted(buf, relation->columns[i].name, '\''));
        RG_TRY(rg_buf_put(buf, RG_SLICE(" ")));
        RG_TRY(put_quoted(buf, relation->columns[i].type, '\''));
        RG_TRY(rg_buf_put(buf, RG_SLICE("'")));
    }
    return rg_buf_put(buf, RG_SLICE("]::pg_catalog.text[]"));
}

/* The columns are still those of the snapshot, their types too; the CASE cannot be decided while planning. Their names
 * come from the catalogue's cache, which no transaction's snapshot holds back. */
static rg_status put_guard(struct rg_buf *buf, const struct policy_relation *relation)
{
    RG_TRY(rg_buf_put(
        buf, RG_SLICE("(SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE"
                      " WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd'"
                      " THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ")));
    RG_TRY(put_columns(buf, relation));
    RG_TRY(rg_buf_put(buf, RG_SLICE(" THEN true ELSE pg_catalog.concat('rowgate: columns changed: ',"
                                    " pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a"
                                    " JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid"
                                    " CROSS JOIN pg_catalog.pg_identify_object_as_address("
                                    "'pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i"
                                    " WHERE rg_a.attrelid = ")));
    RG_TRY(put_relation(buf, relation));
    return rg_buf_put(buf, RG_SLICE(" AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)"));
}

static rg_status make_condition(struct sql_check *check, struct sql_check_masked_row *masked)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, SQL_CHECK_TEXT_MAX);
    if (masked->row->predicate.size > 0) {
        const void *alone = NULL; /* one expression, and nothing that would take AND into itself */
        RG_TRY(sql_check_expression(check, masked->row->predicate, &alone));
        RG_TRY(rg_buf_put(&text, RG_SLICE("(")));
        RG_TRY(rg_buf_put(&text, masked->row->predicate));
        RG_TRY(rg_buf_put(&text, RG_SLICE("\n) AND ")));
    }
    RG_TRY(put_guard(&text, masked->relation));
    return sql_check_expression(check, rg_buf_slice(&text), &masked->condition);
}

/* ---- the select list ---- */

static rg_status make_masks(struct sql_check *check, struct sql_check_masked_row *masked)
{
    const struct check_relation *row = masked->row;
    RG_TRY(rg_arena_array(check->arena, row->mask_count, sizeof *masked->masks, (void **)&masked->masks));
    for (size_t i = 0; i < row->mask_count; i++) {
        if (policy_column_find(masked->relation, row->masks[i].column) == NULL) {
            return sql_check_refuse(check, "a mask of a column that the relation does not have");
        }
        if (row->masks[i].expression.size > 0) {
            RG_TRY(sql_check_expression(check, row->masks[i].expression, &masked->masks[i]));
        }
    }
    return RG_OK;
}

static bool is_name(const List *names, int at, struct rg_slice wanted)
{
    const char *name = sql_check_name_at(names, at);
    return name != NULL && rg_slice_is_equal(rg_slice_of(name), wanted);
}

static bool is_bare(const ResTarget *target, struct rg_slice column)
{
    if (target->name != NULL || !IsA(target->val, ColumnRef)) {
        return false;
    }
    const ColumnRef *reference = (const void *)target->val;
    return list_length(reference->fields) == 2 && is_name(reference->fields, 0, RG_SLICE("rg_r")) &&
           is_name(reference->fields, 1, column);
}

static bool is_column(const struct sql_check_masked_row *masked, const ResTarget *target, struct rg_slice column)
{
    const struct check_relation *row = masked->row;
    for (size_t i = 0; i < row->mask_count; i++) {
        if (rg_slice_is_equal(row->masks[i].column, column)) {
            return masked->masks[i] != NULL && target->name != NULL &&
                   rg_slice_is_equal(rg_slice_of(target->name), column) && equal(masked->masks[i], target->val);
        }
    }
    return is_bare(target, column);
}

/* Some of the columns, in their order. */
static bool is_list(const struct sql_check_masked_row *masked, const List *targets)
{
    size_t at = 0;
    for (int i = 0; i < list_length(targets); i++) {
        const ResTarget *target = list_nth(targets, i);
        if (!IsA(target, ResTarget) || target->indirection != NIL || target->val == NULL) {
            return false;
        }
        while (at < masked->relation->column_count && !is_column(masked, target, masked->relation->columns[at].name)) {
            at++;
        }
        if (at == masked->relation->column_count) {
            return false;
        }
        at++;
    }
    return true; /* none is legal, too */
}

/* ---- a row, made when first needed ---- */

static rg_status masked_of(struct sql_check *check, const struct check_relation *row,
                           const struct sql_check_masked_row **out_masked)
{
    for (struct sql_check_masked_row *known = check->masked_rows; known != NULL; known = known->next) {
        if (known->row == row) {
            *out_masked = known;
            return RG_OK;
        }
    }
    struct sql_check_masked_row *masked = NULL;
    const struct policy_relation *relation =
        check->limits->snapshot == NULL || row->name.size == 0
            ? NULL
            : policy_relation_find(check->limits->snapshot, row->schema, row->name);
    if (relation == NULL) {
        return sql_check_refuse(check, "a masked relation whose columns are not known");
    }
    RG_TRY(rg_arena_new(check->arena, &masked));
    *masked = (struct sql_check_masked_row){.row = row, .relation = relation};
    RG_TRY(make_condition(check, masked));
    RG_TRY(make_masks(check, masked));
    masked->next = check->masked_rows;
    check->masked_rows = masked;
    *out_masked = masked;
    return RG_OK;
}

rg_status sql_check_masked(struct sql_check *check, const struct check_relation *row, const SelectStmt *select,
                           const void **out_condition)
{
    const struct sql_check_masked_row *masked = NULL;
    RG_TRY(masked_of(check, row, &masked));
    *out_condition = is_list(masked, select->targetList) ? masked->condition : NULL;
    return RG_OK;
}
