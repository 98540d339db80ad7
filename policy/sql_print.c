/* SPDX-License-Identifier: Apache-2.0 */
/* Names and constants: as text, and as the nodes that this text must parse to. The only place where a
 * value becomes SQL; whatever it prints is parsed again and compared before use. */
#include "policy/sql_tree_private.h"

#include "base/rg_buf.h"
#include <utils/builtins.h>

struct rg_slice sql_string(const void *string_node)
{
    const Node *node = string_node;
    if (node == NULL || !IsA(node, String)) {
        return (struct rg_slice){"", 0};
    }
    return rg_slice_of(((const String *)string_node)->sval);
}

struct rg_slice sql_last_name(const List *names)
{
    return names == NIL ? (struct rg_slice){"", 0} : sql_string(llast(names));
}

bool sql_is_builtin_name(const List *names, struct rg_slice *out_name)
{
    int count = list_length(names);
    if (count < 1 || count > 2) {
        return false;
    }
    if (count == 2 && !rg_slice_is_equal(sql_string(linitial(names)), RG_SLICE("pg_catalog"))) {
        return false;
    }
    struct rg_slice name = sql_last_name(names);
    if (name.size == 0) {
        return false;
    }
    *out_name = name;
    return true;
}

char *sql_cstring(struct rg_slice text)
{
    char *copy = palloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    return copy;
}

List *sql_builtin_name(struct rg_slice name)
{
    return list_make2(makeString(sql_cstring(RG_SLICE("pg_catalog"))), makeString(sql_cstring(name)));
}

/* quote_identifier knows PostgreSQL's keywords; it returns its argument when no quotes are needed. */
rg_status sql_print_identifier(struct rg_slice name, struct rg_arena *arena, struct rg_slice *out_text)
{
    return rg_arena_copy(arena, rg_slice_of(quote_identifier(sql_cstring(name))), out_text);
}

static rg_status put_string(struct rg_buf *buf, struct rg_slice value)
{
    RG_TRY(rg_buf_put(buf, RG_SLICE("'")));
    for (size_t at = 0; at < value.size;) {
        const char *quote = memchr(value.data + at, '\'', value.size - at);
        size_t end = quote == NULL ? value.size : (size_t)(quote - value.data) + 1;
        RG_TRY(rg_buf_put(buf, rg_slice_cut(value, at, end - at)));
        if (quote != NULL) {
            RG_TRY(rg_buf_put(buf, RG_SLICE("'")));
        }
        at = end;
    }
    return rg_buf_put(buf, RG_SLICE("'"));
}

rg_status sql_print_string(struct rg_slice value, struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 2 * value.size + 2);
    RG_TRY(put_string(&buf, value));
    return rg_arena_copy(arena, rg_buf_slice(&buf), out_text);
}

static rg_status put_elements(struct rg_buf *buf, const struct sql_constant *constant)
{
    if (constant->is_null) {
        return rg_buf_put(buf, RG_SLICE("NULL"));
    }
    if (!constant->is_array) {
        return put_string(buf, constant->elements[0]);
    }
    RG_TRY(rg_buf_put(buf, RG_SLICE("ARRAY[")));
    for (size_t i = 0; i < constant->count; i++) {
        if (i > 0) {
            RG_TRY(rg_buf_put(buf, RG_SLICE(", ")));
        }
        RG_TRY(put_string(buf, constant->elements[i]));
    }
    return rg_buf_put(buf, RG_SLICE("]"));
}

rg_status sql_print_constant(const struct sql_constant *constant, struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, SIZE_MAX / 2);
    struct rg_slice type = {0};
    RG_TRY(sql_print_identifier(constant->type, arena, &type));
    RG_TRY(put_elements(&buf, constant));
    RG_TRY(rg_buf_printf(&buf, "::pg_catalog.%.*s%s", RG_SLICE_ARGS(type), constant->is_array ? "[]" : ""));
    return rg_arena_copy(arena, rg_buf_slice(&buf), out_text);
}

Node *sql_make_string(struct rg_slice value)
{
    A_Const *node = makeNode(A_Const);
    node->val.sval.type = T_String;
    node->val.sval.sval = sql_cstring(value);
    node->location = -1;
    return (Node *)node;
}

static Node *make_elements(const struct sql_constant *constant)
{
    if (constant->is_null) {
        A_Const *null = makeNode(A_Const);
        null->isnull = true;
        return (Node *)null;
    }
    if (!constant->is_array) {
        return sql_make_string(constant->elements[0]);
    }
    A_ArrayExpr *array = makeNode(A_ArrayExpr);
    for (size_t i = 0; i < constant->count; i++) {
        array->elements = lappend(array->elements, sql_make_string(constant->elements[i]));
    }
    return (Node *)array;
}

Node *sql_make_constant(const struct sql_constant *constant)
{
    TypeCast *cast = makeNode(TypeCast);
    cast->arg = make_elements(constant);
    cast->typeName = makeTypeNameFromNameList(sql_builtin_name(constant->type));
    if (constant->is_array) {
        cast->typeName->arrayBounds = list_make1(makeInteger(-1));
    }
    return (Node *)cast;
}
