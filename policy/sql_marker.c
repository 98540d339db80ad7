/* SPDX-License-Identifier: Apache-2.0 */
/* View markers in a client's statement: 'rg.TENANT.VIEW' = 'rg.TENANT.VIEW', which a guest token's clause puts there. A
 * marker that is not this binding's says that the statement was made for somebody else, and is refused. One that is
 * right proves nothing and opens nothing. */
#include "policy/sql_rewrite_private.h"

/* The text of a string constant; false for anything else. */
static bool text_of(const Node *node, struct rg_slice *out_text)
{
    const A_Const *constant = (const A_Const *)(const void *)node;
    if (node == NULL || !IsA(node, A_Const) || constant->isnull || !IsA(&constant->val, String)) {
        return false;
    }
    *out_text = rg_slice_of(constant->val.sval.sval);
    return true;
}

static bool is_of_name(struct rg_slice text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    for (size_t i = 0; i < text.size; i++) {
        if (memchr(alphabet, text.data[i], sizeof alphabet - 1) == NULL) {
            return false;
        }
    }
    return text.size > 0;
}

struct marker {
    struct rg_slice tenant, view;
};

static bool read_marker(struct rg_slice text, struct marker *out_marker)
{
    const struct rg_slice start = RG_SLICE("rg.");
    struct rg_slice rest = rg_slice_cut(text, start.size, SIZE_MAX);
    const char *dot = rg_slice_has_prefix(text, start) ? memrchr(rest.data, '.', rest.size) : NULL;
    if (dot == NULL) {
        return false;
    }
    size_t at = (size_t)(dot - rest.data);
    *out_marker = (struct marker){rg_slice_cut(rest, 0, at), rg_slice_cut(rest, at + 1, SIZE_MAX)};
    return out_marker->view.size == POLICY_VIEW_SIZE - 1 && is_of_name(out_marker->tenant) &&
           is_of_name(out_marker->view);
}

/* Half a marker is none of ours and none of the client's: a word that a column holds may begin with "rg.". */
rg_status sql_visit_marker(struct sql_work *work, const A_Expr *expr)
{
    const struct policy_binding *binding = work->binding;
    struct rg_slice left = {0};
    struct rg_slice right = {0};
    struct marker sides[2];
    bool is_equals = expr->kind == AEXPR_OP && rg_slice_is_equal(sql_last_name(expr->name), RG_SLICE("="));
    if (!is_equals || !text_of(expr->lexpr, &left) || !text_of(expr->rexpr, &right) || !read_marker(left, &sides[0]) ||
        !read_marker(right, &sides[1])) {
        return RG_OK;
    }
    for (size_t i = 0; i < lengthof(sides); i++) {
        if (!rg_slice_is_equal(sides[i].tenant, binding->tenant)) {
            return sql_deny(&work->site, "42501", "view.tenant", expr->location,
                            "this statement was made for another tenant");
        }
    }
    for (size_t i = 0; i < lengthof(sides); i++) {
        if (!rg_slice_is_equal(sides[i].view, rg_slice_of(binding->view.text))) {
            return sql_deny(&work->site, "42501", "view.mismatch", expr->location,
                            "this statement was made under other policies or claims; load the page again");
        }
    }
    work->has_marker = true;
    return RG_OK;
}
