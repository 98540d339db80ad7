/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the second lock as one SELECT of set_config calls, made as text and as a tree, and proved equal.
 * Called by policy_bind; sent by the session before what an upstream transaction does. */
#include "policy/native_private.h"
#include "policy/sql_rewrite_private.h"

#include "base/rg_buf.h"

struct prelude {
    struct rg_arena *arena;
    struct rg_buf text;
    List *targets;
};

static Node *make_true(void)
{
    A_Const *node = makeNode(A_Const);
    node->val.boolval.type = T_Boolean;
    node->val.boolval.boolval = true;
    node->location = -1;
    return (Node *)node;
}

/* pg_catalog.set_config(name, value, true): until the transaction ends. */
static rg_status put_setting(struct prelude *prelude, struct rg_slice name, struct rg_slice value)
{
    struct rg_slice printed_name = {0};
    struct rg_slice printed_value = {0};
    if (!policy_text_is_valid(value) || value.size > POLICY_PRELUDE_MAX) {
        return rg_fail(RG_DENIED, "a claim or the route is no valid text or too long for the second lock");
    }
    RG_TRY(sql_print_string(name, prelude->arena, &printed_name));
    RG_TRY(sql_print_string(value, prelude->arena, &printed_value));
    RG_TRY(rg_buf_printf(&prelude->text, "%spg_catalog.set_config(%.*s, %.*s, true)",
                         prelude->targets == NIL ? "SELECT " : ", ", RG_SLICE_ARGS(printed_name),
                         RG_SLICE_ARGS(printed_value)));
    ResTarget *target = makeNode(ResTarget);
    List *arguments = list_make3(sql_make_string(name), sql_make_string(value), make_true());
    target->val = (Node *)makeFuncCall(sql_builtin_name(RG_SLICE("set_config")), arguments, COERCE_EXPLICIT_CALL, -1);
    prelude->targets = lappend(prelude->targets, target);
    return RG_OK;
}

static rg_status put_claim(struct prelude *prelude, const struct auth_claim_spec *spec,
                           const struct auth_claim_value *value)
{
    struct rg_slice name = {0};
    struct rg_slice text = {"", 0};
    RG_TRY(native_claim_setting(spec->name, prelude->arena, &name));
    if (value == NULL || !value->is_present) {
        return put_setting(prelude, name, text);
    }
    if (spec->type.is_array) {
        RG_TRY(native_array_text(value->elements, value->count, prelude->arena, &text));
    } else if (value->count == 1) {
        text = value->elements[0];
    } else {
        return rg_fail(RG_DENIED, "claim \"%.*s\" has %zu values, wants one", rg_slice_shown(spec->name),
                       spec->name.data, value->count);
    }
    RG_TRY(rg_arena_printf(prelude->arena, &text, "=%.*s", RG_SLICE_ARGS(text)));
    return put_setting(prelude, name, text);
}

static rg_status put_schemas(struct prelude *prelude, const struct policy_binding *binding)
{
    struct rg_slice *physical = NULL;
    struct rg_slice text = {0};
    RG_TRY(rg_arena_array(prelude->arena, binding->schema_count + 1, sizeof *physical, (void **)&physical));
    for (size_t i = 0; i < binding->schema_count; i++) {
        physical[i] = binding->schemas[i].physical;
    }
    RG_TRY(native_array_text(physical, binding->schema_count, prelude->arena, &text));
    return put_setting(prelude, RG_SLICE(NATIVE_SCHEMAS), text);
}

static rg_status put_all(struct prelude *prelude, const struct policy_binding *binding,
                         const struct policy_subject *subject)
{
    const struct policy_set *set = binding->set;
    RG_TRY(put_setting(prelude, RG_SLICE(NATIVE_TENANT), subject->tenant->id));
    RG_TRY(put_schemas(prelude, binding));
    for (size_t i = 0; i < set->claim_count; i++) {
        bool is_known = i < subject->identity->claim_count;
        RG_TRY(put_claim(prelude, &set->claims[i], is_known ? &subject->identity->claims[i] : NULL));
    }
    if (binding->lock == POLICY_LOCK_SET_ROLE) { /* last: what comes behind runs as that role */
        struct rg_slice role = {0};
        RG_TRY(native_role(subject->tenant->id, prelude->arena, &role));
        RG_TRY(put_setting(prelude, RG_SLICE("role"), role));
    }
    return RG_OK;
}

static rg_status prove(const struct prelude *prelude, struct rg_slice text)
{
    struct sql_parsed parsed = {0};
    SelectStmt *wanted = makeNode(SelectStmt);
    wanted->targetList = prelude->targets;
    RG_TRY(sql_parse(text, prelude->arena, &parsed));
    if (!parsed.is_ok || list_length(parsed.statements) != 1 ||
        !equal(linitial_node(RawStmt, parsed.statements)->stmt, wanted)) {
        return rg_fail(RG_INTERNAL, "the prelude does not parse to its tree");
    }
    return RG_OK;
}

static rg_status make_prelude(struct policy_binding *binding, const struct policy_subject *subject,
                              struct prelude *prelude)
{
    struct rg_slice text = {0};
    rg_status status = put_all(prelude, binding, subject);
    if (!rg_is_ok(status) && status.error->kind == RG_LIMIT) {
        return rg_fail(RG_LIMIT, "the claims are too large for the second lock, limit %d bytes", POLICY_PRELUDE_MAX);
    }
    RG_TRY(status);
    RG_TRY(rg_arena_copy(prelude->arena, rg_buf_slice(&prelude->text), &text));
    RG_TRY(prove(prelude, text));
    binding->prelude = text;
    binding->prelude_size = policy_text_position(text, text.size) - 1;
    return RG_OK;
}

rg_status sql_prelude_bind(struct policy_binding *binding, const struct policy_subject *subject)
{
    if (binding->lock == POLICY_LOCK_NONE) {
        return RG_OK;
    }
    struct prelude prelude = {.arena = &binding->arena, .targets = NIL};
    rg_buf_init(&prelude.text, POLICY_PRELUDE_MAX);
    MemoryContext context = sql_enter();
    rg_status status = make_prelude(binding, subject, &prelude);
    sql_leave(context);
    rg_buf_done(&prelude.text);
    return status;
}
