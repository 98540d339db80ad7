/* SPDX-License-Identifier: Apache-2.0 */
/* What of the second lock's DDL is SQL's grammar: names, strings, and predicates over a table's own name and the
 * transaction's settings, each made as text and as a tree and proved equal. */
#include "policy/native_private.h"
#include "policy/sql_rewrite_private.h"

#include "base/rg_buf.h"

rg_status native_identifier(struct rg_slice name, struct rg_arena *arena, struct rg_slice *out_text)
{
    MemoryContext context = sql_enter();
    rg_status status = sql_print_identifier(name, arena, out_text);
    sql_leave(context);
    return status;
}

rg_status native_string(struct rg_slice value, struct rg_arena *arena, struct rg_slice *out_text)
{
    return sql_print_string(value, arena, out_text);
}

rg_status native_qualified(struct rg_slice schema, struct rg_slice name, struct rg_arena *arena,
                           struct rg_slice *out_text)
{
    struct rg_slice left = {0};
    struct rg_slice right = {0};
    RG_TRY(native_identifier(schema, arena, &left));
    RG_TRY(native_identifier(name, arena, &right));
    return rg_arena_printf(arena, out_text, "%.*s.%.*s", RG_SLICE_ARGS(left), RG_SLICE_ARGS(right));
}

/* ---- claims: what the transaction's settings say ---- */

/* pg_catalog.substr(NULLIF(pg_catalog.current_setting('NAME', true), ''), 2)::TYPE: an absent claim is NULL. */
static rg_status claim_hole(const struct auth_claim_spec *spec, struct rg_arena *arena, struct sql_hole *out_hole)
{
    struct rg_slice setting = {0};
    struct rg_slice name = {0};
    struct rg_slice text = {0};
    struct sql_parsed parsed = {0};
    RG_TRY(native_claim_setting(spec->name, arena, &setting));
    RG_TRY(sql_print_string(setting, arena, &name));
    RG_TRY(rg_arena_printf(arena, &out_hole->text,
                           "pg_catalog.substr(NULLIF(pg_catalog.current_setting(%.*s, true), ''), 2)::%s",
                           RG_SLICE_ARGS(name), auth_type_sql(spec->type)));
    RG_TRY(rg_arena_printf(arena, &text, "SELECT %.*s", RG_SLICE_ARGS(out_hole->text)));
    RG_TRY(sql_parse(text, arena, &parsed));
    if (!parsed.is_ok) {
        return rg_fail(RG_INTERNAL, "a claim's expression does not parse");
    }
    SelectStmt *select = (SelectStmt *)linitial_node(RawStmt, parsed.statements)->stmt;
    out_hole->node = linitial_node(ResTarget, select->targetList)->val;
    return RG_OK;
}

static rg_status claim_holes(const struct policy_set *set, struct rg_arena *arena, struct sql_hole **out_holes)
{
    struct sql_hole *holes = NULL;
    RG_TRY(rg_arena_array(arena, SQL_HOLE_NAMED + set->claim_count, sizeof *holes, (void **)&holes));
    for (size_t i = 0; i < set->claim_count; i++) {
        RG_TRY(claim_hole(&set->claims[i], arena, &holes[SQL_HOLE_NAMED + i]));
    }
    *out_holes = holes;
    return RG_OK;
}

/* ---- rg_r: the table by its own name ---- */

struct renamer {
    struct sql_walk walk; /* first */
    struct rg_slice schema, name;
};

static rg_status rename_column(const struct renamer *renamer, ColumnRef *column)
{
    if (!rg_slice_is_equal(sql_string(linitial(column->fields)), RG_SLICE("rg_r"))) {
        return RG_OK;
    }
    List *fields = list_make2(makeString(sql_cstring(renamer->schema)), makeString(sql_cstring(renamer->name)));
    column->fields = list_concat(fields, list_copy_tail(column->fields, 1));
    return RG_OK;
}

/* Where a sub-select names the table itself, or calls something rg_r, the columns would be its own. */
static rg_status rename_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    const struct renamer *renamer = (const struct renamer *)(void *)walk;
    (void)depth;
    const void *node = *slot;
    if (IsA(node, ColumnRef)) {
        *out_is_done = true;
        return rename_column(renamer, (ColumnRef *)*slot);
    }
    bool is_alias =
        IsA(node, Alias) && rg_slice_is_equal(rg_slice_of(((const Alias *)node)->aliasname), RG_SLICE("rg_r"));
    bool is_range =
        IsA(node, RangeVar) && rg_slice_is_equal(rg_slice_of(((const RangeVar *)node)->relname), renamer->name);
    return is_alias || is_range ? rg_fail(RG_CONFIG, "a sub-select reads a relation named as the one that is policed")
                                : RG_OK;
}

static rg_status rename_refuse(struct sql_walk *walk, const Node *node)
{
    (void)walk;
    return rg_fail(RG_CONFIG, "%s has no native form", sql_node_name(node));
}

/* The same in the text: the word rg_r before a dot. Strings and quoted names are other tokens. */
static rg_status rename_text(const struct renamer *renamer, struct rg_slice text, struct rg_arena *arena,
                             struct rg_slice *out_text)
{
    struct rg_slice qualified = {0};
    struct sql_tokens tokens = {0};
    RG_TRY(native_qualified(renamer->schema, renamer->name, arena, &qualified));
    RG_TRY(sql_lex(text, arena, &tokens));
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, arena->limit_bytes);
    size_t at = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        if (rg_slice_is_equal(sql_token_text(&tokens, i), RG_SLICE("rg_r")) && sql_token_is(&tokens, i + 1, ".") &&
            !(i > 0 && sql_token_is(&tokens, i - 1, "."))) {
            RG_TRY(rg_buf_put(&buf, rg_slice_cut(text, at, tokens.tokens[i].at - at)));
            RG_TRY(rg_buf_put(&buf, qualified));
            at = tokens.tokens[i].end;
        }
    }
    RG_TRY(rg_buf_put(&buf, rg_slice_cut(text, at, text.size)));
    return rg_arena_copy(arena, rg_buf_slice(&buf), out_text);
}

/* ---- proofs ---- */

/* The one expression of `SELECT expression`; NULL when there is anything else. */
static Node *only_expression(const struct sql_parsed *parsed)
{
    if (!parsed->is_ok || list_length(parsed->statements) != 1) {
        return NULL;
    }
    Node *node = linitial_node(RawStmt, parsed->statements)->stmt;
    if (!IsA(node, SelectStmt) || list_length(((SelectStmt *)node)->targetList) != 1) {
        return NULL;
    }
    SelectStmt *bare = makeNode(SelectStmt);
    bare->targetList = ((SelectStmt *)node)->targetList;
    ResTarget *target = linitial_node(ResTarget, bare->targetList);
    bool is_only = target->name == NULL && target->indirection == NIL && target->val != NULL &&
                   rg_is_ok(sql_tree_check(node)) && equal(bare, node);
    return is_only ? target->val : NULL;
}

static rg_status parse_expression(struct rg_slice text, struct rg_arena *arena, Node **out_tree)
{
    struct rg_slice select = {0};
    struct sql_parsed parsed = {0};
    RG_TRY(rg_arena_printf(arena, &select, "SELECT %.*s", RG_SLICE_ARGS(text)));
    RG_TRY(sql_parse(select, arena, &parsed));
    *out_tree = only_expression(&parsed);
    return *out_tree != NULL ? RG_OK : rg_fail(RG_INTERNAL, "an exported expression does not parse");
}

static rg_status make_expression(const struct policy_set *set, const struct sql_template *template,
                                 struct renamer *renamer, struct rg_arena *arena, struct rg_slice *out_text)
{
    struct sql_hole *holes = NULL;
    struct rg_slice filled = {0};
    struct rg_slice select = {0};
    struct rg_slice text = {0};
    Node *tree = NULL;
    Node *proof = NULL;
    RG_TRY(claim_holes(set, arena, &holes));
    RG_TRY(sql_template_fill(template, holes, SQL_HOLE_NAMED + set->claim_count, arena, &filled, &tree));
    RG_TRY(sql_walk_slot(&renamer->walk, &tree, 0));
    RG_TRY(rg_arena_printf(arena, &select, "SELECT %.*s", RG_SLICE_ARGS(filled)));
    RG_TRY(rename_text(renamer, select, arena, &text));
    text = rg_slice_cut(text, sizeof "SELECT " - 1, text.size);
    RG_TRY(parse_expression(text, arena, &proof));
    if (!equal(proof, tree)) {
        return rg_fail(RG_INTERNAL, "an exported predicate does not parse to its tree");
    }
    *out_text = text;
    return RG_OK;
}

rg_status native_expression(const struct policy_set *set, const struct sql_template *template, struct rg_slice schema,
                            struct rg_slice name, struct rg_arena *arena, struct rg_slice *out_text)
{
    struct renamer renamer = {{rename_visit, rename_refuse, rename_refuse}, schema, name};
    MemoryContext context = sql_enter();
    rg_status status = make_expression(set, template, &renamer, arena, out_text);
    sql_leave(context);
    return status;
}

rg_status native_prove_expression(struct rg_slice text, struct rg_arena *arena)
{
    Node *unused = NULL;
    MemoryContext context = sql_enter();
    rg_status status = parse_expression(text, arena, &unused);
    sql_leave(context);
    return status;
}

rg_status native_prove_statements(struct rg_slice text, size_t count, struct rg_arena *arena)
{
    struct sql_parsed parsed = {0};
    MemoryContext context = sql_enter();
    rg_status status = sql_parse(text, arena, &parsed);
    bool is_proved = rg_is_ok(status) && parsed.is_ok && (size_t)list_length(parsed.statements) == count;
    sql_leave(context);
    RG_TRY(status);
    return is_proved ? RG_OK
                     : rg_fail(RG_INTERNAL, "what would be printed is not %zu statements: %.*s", count,
                               rg_slice_shown(parsed.error), parsed.error.data == NULL ? "" : parsed.error.data);
}
