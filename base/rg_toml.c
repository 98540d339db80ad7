/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the tree of rg_toml.h from the walk that rg_toml.cc makes over toml++'s document, and holds the
 * limits: size, depth, dots in a line. Not a TOML parser. */
#include "base/rg_toml.h"

#include "base/rg_toml_private.h"

_Static_assert(RG_TOML_NONE == 0 && RG_TOML_STRING == 1 && RG_TOML_INTEGER == 2 && RG_TOML_FLOAT == 3 &&
                   RG_TOML_BOOL == 4 && RG_TOML_ARRAY == 5 && RG_TOML_TABLE == 6,
               "rg_toml.cc counts the same way");

struct builder {
    struct rg_arena *arena;
    struct rg_diag *diag;
    const char *file;
    size_t depth;
    struct rg_toml_node *open[RG_TOML_MAX_DEPTH + 1];
    struct rg_toml_node *last[RG_TOML_MAX_DEPTH + 1]; /* newest child of open[i] */
    const struct rg_toml_node *root;
    rg_status status;
};

static struct rg_place place_at(const struct builder *builder, unsigned line, unsigned column)
{
    return (struct rg_place){builder->file, line, column};
}

static rg_status node_new(const struct builder *builder, const struct rg_toml_event *event,
                          struct rg_toml_node **out_node)
{
    struct rg_toml_node *node = NULL;
    RG_TRY(rg_arena_new(builder->arena, &node));
    RG_TRY(rg_arena_copy(builder->arena, rg_slice_make(event->key, event->key_size), &node->key));
    RG_TRY(rg_arena_copy(builder->arena, rg_slice_make(event->text, event->text_size), &node->text));
    node->type = (enum rg_toml_type)event->type;
    node->place = place_at(builder, event->line, event->column);
    node->key_place = event->key_line == 0 ? node->place : place_at(builder, event->key_line, event->key_column);
    node->integer = event->integer;
    node->number = event->number;
    node->boolean = event->boolean;
    *out_node = node;
    return RG_OK;
}

static void append_child(struct builder *builder, struct rg_toml_node *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    struct rg_toml_node *parent = builder->open[builder->depth - 1];
    struct rg_toml_node *sibling = builder->last[builder->depth - 1];
    if (sibling == NULL) {
        parent->first = node;
    } else {
        sibling->next = node;
    }
    builder->last[builder->depth - 1] = node;
    parent->child_count += 1;
}

static bool on_node(void *context, const struct rg_toml_event *event)
{
    struct builder *builder = context;
    struct rg_place place = place_at(builder, event->line, event->column);
    if (event->type == RG_TOML_NONE) {
        rg_diag_error(builder->diag, place, "dates and times are not used here; write a string");
        return true;
    }
    bool is_container = event->type == RG_TOML_TABLE || event->type == RG_TOML_ARRAY;
    if (is_container && builder->depth > RG_TOML_MAX_DEPTH) {
        rg_diag_error(builder->diag, place, "more than %d tables and lists inside each other", RG_TOML_MAX_DEPTH);
        return false;
    }
    struct rg_toml_node *node = NULL;
    builder->status = node_new(builder, event, &node);
    if (!rg_is_ok(builder->status)) {
        return false;
    }
    append_child(builder, node);
    if (is_container) {
        builder->open[builder->depth] = node;
        builder->last[builder->depth] = NULL;
        builder->depth += 1;
    }
    return true;
}

static void on_close(void *context)
{
    struct builder *builder = context;
    builder->depth -= 1;
}

static void on_mistake(void *context, const char *text, size_t text_size, unsigned line, unsigned column)
{
    struct builder *builder = context;
    rg_diag_error(builder->diag, place_at(builder, line, column), "%.*s",
                  rg_slice_shown(rg_slice_make(text, text_size)), text);
}

/* toml++ bounds brackets, not dots: "a.a.a. ..." of a megabyte would overflow the stack in its destructor. */
static bool has_too_many_dots(const struct builder *builder, struct rg_slice text)
{
    unsigned line = 1;
    unsigned column = 0;
    size_t dots = 0;
    for (size_t i = 0; i < text.size; i++) {
        column += 1;
        if (text.data[i] == '\n') {
            line += 1;
            column = 0;
            dots = 0;
        } else if (text.data[i] == '.' && ++dots > RG_TOML_MAX_DOTS) {
            rg_diag_error(builder->diag, place_at(builder, line, column), "more than %d dots in one line",
                          RG_TOML_MAX_DOTS);
            return true;
        }
    }
    return false;
}

rg_status rg_toml_parse(struct rg_slice text, const char *file, struct rg_arena *arena, struct rg_diag *diag,
                        const struct rg_toml_node **out_root)
{
    struct builder builder = {.arena = arena, .diag = diag, .file = file, .status = RG_OK};
    const struct rg_toml_visitor visitor = {&builder, on_node, on_close, on_mistake};
    size_t errors_before = diag->error_count;
    if (text.size > RG_TOML_MAX_BYTES) {
        rg_diag_error(diag, place_at(&builder, 0, 0), "larger than %d bytes", RG_TOML_MAX_BYTES);
    } else if (!has_too_many_dots(&builder, text)) {
        rg_toml_walk(text.size == 0 ? "" : text.data, text.size, &visitor);
    }
    RG_TRY(builder.status);
    if (diag->error_count != errors_before || builder.root == NULL) {
        return rg_fail(RG_CONFIG, "%s is not valid TOML", file);
    }
    *out_root = builder.root;
    return RG_OK;
}

const struct rg_toml_node *rg_toml_find(const struct rg_toml_node *table, struct rg_slice key)
{
    for (const struct rg_toml_node *node = table->first; node != NULL; node = node->next) {
        if (rg_slice_is_equal(node->key, key)) {
            return node;
        }
    }
    return NULL;
}

const char *rg_toml_type_name(enum rg_toml_type type)
{
    static const char *const names[] = {
        [RG_TOML_NONE] = "nothing",  [RG_TOML_STRING] = "a string", [RG_TOML_INTEGER] = "an integer",
        [RG_TOML_FLOAT] = "a float", [RG_TOML_BOOL] = "a boolean",  [RG_TOML_ARRAY] = "a list",
        [RG_TOML_TABLE] = "a table",
    };
    return names[type];
}
