/* SPDX-License-Identifier: Apache-2.0 */
/* The node table and the one walk over raw parse trees. The walk knows nothing but the table: it visits
 * every child of every node, counts the depth, and refuses whatever has no row. */
#include "policy/sql_tree_private.h"

#include "policy/policy.h"

#define F(type, field) offsetof(struct type, field)
#define COUNT(...) (sizeof((unsigned short[]){__VA_ARGS__}) / sizeof(unsigned short))
#define SQL_NODE(type, ...) [T_##type] = {#type, true, COUNT(__VA_ARGS__), {__VA_ARGS__}},
#define SQL_LEAF(type) [T_##type] = {#type, true, 0, {0}},
#define SQL_REFUSED(type) [T_##type] = {#type, false, 0, {0}},
#define SQL_KIND(type, class, plan)
#define SQL_KIND_REFUSED(type, class, rule, name) SQL_REFUSED(type)
static const struct sql_node_info nodes[] = {
#include "policy/sql_kinds.def"
#include "policy/sql_nodes.def"
};
#undef SQL_KIND
#undef SQL_KIND_REFUSED
#undef F
#undef COUNT
#undef SQL_NODE
#undef SQL_LEAF
#undef SQL_REFUSED

const struct sql_node_info *sql_node_find(NodeTag tag)
{
    size_t index = (size_t)tag;
    if (index >= sizeof nodes / sizeof nodes[0] || nodes[index].name == NULL) {
        return NULL;
    }
    return &nodes[index];
}

const char *sql_node_name(const Node *node)
{
    const struct sql_node_info *info = node == NULL ? NULL : sql_node_find(nodeTag(node));
    return info == NULL ? "unknown" : info->name;
}

rg_status sql_walk_list(struct sql_walk *walk, List *list, size_t depth)
{
    for (int i = 0; i < list_length(list); i++) {
        RG_TRY(sql_walk_slot(walk, (Node **)&list->elements[i].ptr_value, depth + 1));
    }
    return RG_OK;
}

rg_status sql_walk_children(struct sql_walk *walk, Node *node, size_t depth)
{
    const struct sql_node_info *info = sql_node_find(nodeTag(node));
    if (info == NULL || !info->is_allowed) {
        return walk->refuse(walk, node);
    }
    for (size_t i = 0; i < info->count; i++) {
        RG_TRY(sql_walk_slot(walk, (Node **)(void *)((char *)node + info->fields[i]), depth + 1));
    }
    return RG_OK;
}

rg_status sql_walk_slot(struct sql_walk *walk, Node **slot, size_t depth)
{
    if (*slot == NULL) {
        return RG_OK;
    }
    if (depth > POLICY_DEPTH_MAX) {
        return walk->too_deep(walk, *slot);
    }
    if (IsA(*slot, List)) {
        return sql_walk_list(walk, (List *)(void *)*slot, depth);
    }
    const struct sql_node_info *info = sql_node_find(nodeTag(*slot));
    if (info == NULL || !info->is_allowed) {
        return walk->refuse(walk, *slot);
    }
    bool is_done = false;
    RG_TRY(walk->visit(walk, slot, depth, &is_done));
    return is_done ? RG_OK : sql_walk_children(walk, *slot, depth);
}

static rg_status check_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    (void)walk, (void)slot, (void)depth, (void)out_is_done;
    return RG_OK;
}

static rg_status check_refuse(struct sql_walk *walk, const Node *node)
{
    (void)walk;
    return rg_fail(RG_DENIED, "node %s (%d) is not supported", sql_node_name(node), (int)nodeTag(node));
}

static rg_status check_too_deep(struct sql_walk *walk, const Node *node)
{
    (void)walk, (void)node;
    return rg_fail(RG_LIMIT, "nested deeper than %d", (int)POLICY_DEPTH_MAX);
}

rg_status sql_tree_check(Node *node)
{
    struct sql_walk walk = {check_visit, check_refuse, check_too_deep};
    Node *slot = node;
    return sql_walk_slot(&walk, &slot, 0);
}
