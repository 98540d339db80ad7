/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns can the client's statement use? A fence reads its relation whole and keeps the rows aside, so each
 * column that it need not carry counts. Names are enough: a column that the statement does not name, and that no star,
 * whole row or natural join stands for, cannot be told from one that does not exist. When in doubt: all. */
#include "policy/sql_fence_private.h"

enum {
    SLOT_COUNT = 512,
    NAMES_MAX = 300, /* more: in doubt */
};

enum name_kind {
    NAME_COLUMN = 0, /* last part of a column reference, of USING */
    NAME_WHOLE,      /* a column reference of one part: may be a whole row */
    NAME_DOTTED,     /* relation.name: may be a function of the row */
    NAME_ITEM,       /* of a FROM item */
};

struct name {
    const char *name; /* NULL = free slot */
    const char *relation;
    enum name_kind kind;
};

struct sql_fence_names {
    struct sql_walk walk; /* first */
    bool is_in_doubt;
    size_t count;
    struct name slots[SLOT_COUNT];
    unsigned char parameters[SQL_FENCE_PARAMETERS_MAX + 1]; /* by number: how often, up to 2 */
};

static size_t hash(struct rg_slice name, struct rg_slice relation, enum name_kind kind)
{
    size_t value = 1469598103u + (size_t)kind;
    for (size_t i = 0; i < name.size; i++) {
        value = (value ^ (unsigned char)name.data[i]) * 1099511628211u;
    }
    for (size_t i = 0; i < relation.size; i++) {
        value = (value ^ (unsigned char)relation.data[i]) * 1099511628211u;
    }
    return value ^ (value >> 29);
}

static bool is_slot(const struct name *slot, struct rg_slice name, struct rg_slice relation, enum name_kind kind)
{
    return slot->kind == kind && rg_slice_is_equal(rg_slice_of(slot->name), name) &&
           rg_slice_is_equal(rg_slice_of(slot->relation), relation);
}

/* Where it is, or the free slot where it belongs: never all are taken. */
static size_t find(const struct sql_fence_names *names, struct rg_slice name, struct rg_slice relation,
                   enum name_kind kind)
{
    size_t at = hash(name, relation, kind) % SLOT_COUNT;
    while (names->slots[at].name != NULL && !is_slot(&names->slots[at], name, relation, kind)) {
        at = (at + 1) % SLOT_COUNT;
    }
    return at;
}

static void put(struct sql_fence_names *names, const char *name, const char *relation, enum name_kind kind)
{
    if (name == NULL || name[0] == '\0' || names->is_in_doubt) {
        names->is_in_doubt = true;
        return;
    }
    size_t at = find(names, rg_slice_of(name), rg_slice_of(relation), kind);
    if (names->slots[at].name == NULL && ++names->count > NAMES_MAX) {
        names->is_in_doubt = true;
        return;
    }
    names->slots[at] = (struct name){name, relation, kind};
}

/* ---- the walk ---- */

static const char *part_at(const List *fields, int at)
{
    const Node *part = list_nth(fields, at);
    return IsA(part, String) ? ((const String *)(const void *)part)->sval : NULL;
}

static void visit_column(struct sql_fence_names *names, const List *fields)
{
    int count = list_length(fields);
    const char *last = count == 0 ? NULL : part_at(fields, count - 1);
    put(names, last, "", NAME_COLUMN); /* a star has no name: in doubt */
    if (count == 1) {
        put(names, last, "", NAME_WHOLE);
    } else if (count > 1) {
        put(names, last, part_at(fields, count - 2), NAME_DOTTED);
    }
}

static void visit_join(struct sql_fence_names *names, const JoinExpr *join)
{
    names->is_in_doubt = names->is_in_doubt || join->isNatural || join->alias != NULL || join->join_using_alias != NULL;
    for (int i = 0; i < list_length(join->usingClause); i++) {
        put(names, part_at(join->usingClause, i), "", NAME_COLUMN);
    }
}

static void visit_parameter(struct sql_fence_names *names, const ParamRef *parameter)
{
    if (parameter->number >= 1 && parameter->number <= SQL_FENCE_PARAMETERS_MAX) {
        unsigned char *count = &names->parameters[parameter->number];
        *count = (unsigned char)Min(*count + 1, 2);
    }
}

static rg_status collect_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    struct sql_fence_names *names = (struct sql_fence_names *)(void *)walk;
    const Node *node = *slot;
    (void)depth;
    (void)out_is_done;
    if (IsA(node, ColumnRef)) {
        visit_column(names, ((const ColumnRef *)(const void *)node)->fields);
        *out_is_done = true;
    } else if (IsA(node, A_Star)) {
        names->is_in_doubt = true;
    } else if (IsA(node, JoinExpr)) {
        visit_join(names, (const JoinExpr *)(const void *)node);
    } else if (IsA(node, ParamRef)) {
        visit_parameter(names, (const ParamRef *)(const void *)node);
    } else if (IsA(node, Alias)) {
        put(names, ((const Alias *)(const void *)node)->aliasname, "", NAME_ITEM);
    } else if (IsA(node, RangeVar) && ((const RangeVar *)(const void *)node)->alias == NULL) {
        put(names, ((const RangeVar *)(const void *)node)->relname, "", NAME_ITEM);
    }
    return RG_OK;
}

/* The rewriter itself will say what is wrong with it. */
static rg_status collect_stop(struct sql_walk *walk, const Node *node)
{
    (void)walk, (void)node;
    return rg_fail(RG_DENIED, "names are not known");
}

static bool names_whole_row(const struct sql_fence_names *names)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        const struct name *slot = &names->slots[i];
        if (slot->name != NULL && slot->kind == NAME_ITEM &&
            names->slots[find(names, rg_slice_of(slot->name), RG_SLICE(""), NAME_WHOLE)].name != NULL) {
            return true;
        }
    }
    return false;
}

static bool has_fenced(const struct policy_binding *binding)
{
    for (size_t i = 0; i < binding->bound_count; i++) {
        if (policy_bound_is_fenced(&binding->bounds[i])) {
            return true;
        }
    }
    return false;
}

rg_status sql_fence_names_collect(struct sql_work *work, Node *statement)
{
    struct sql_fence_names *names = NULL;
    if (work->session->relations == NULL || work->is_explained || !has_fenced(work->binding)) {
        return RG_OK;
    }
    RG_TRY(rg_arena_new(work->site.arena, &names));
    names->walk = (struct sql_walk){collect_visit, collect_stop, collect_stop};
    Node *slot = statement;
    if (!rg_is_ok(sql_walk_slot(&names->walk, &slot, 0))) {
        return RG_OK; /* no names: nothing is left out, nothing is copied */
    }
    names->is_in_doubt = names->is_in_doubt || names_whole_row(names);
    work->used_names = names;
    return RG_OK;
}

/* ---- questions ---- */

bool sql_fence_names_has(const struct sql_fence_names *names, struct rg_slice column)
{
    return names->slots[find(names, column, RG_SLICE(""), NAME_COLUMN)].name != NULL;
}

bool sql_fence_names_suffice(const struct sql_fence_names *names, const RangeVar *range,
                             const struct policy_relation *relation)
{
    const char *called = range->alias == NULL ? range->relname : range->alias->aliasname;
    if (names == NULL || names->is_in_doubt || (range->alias != NULL && range->alias->colnames != NIL)) {
        return false;
    }
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        const struct name *slot = &names->slots[i];
        if (slot->name != NULL && slot->kind == NAME_DOTTED && strcmp(slot->relation, called) == 0 &&
            policy_column_find(relation, rg_slice_of(slot->name)) == NULL) {
            return false; /* a function of the row */
        }
    }
    return true;
}

size_t sql_fence_names_parameter(const struct sql_fence_names *names, int number)
{
    return number >= 1 && number <= SQL_FENCE_PARAMETERS_MAX ? names->parameters[number] : 2;
}
