/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes as a tree of segments, and the walk of a path through it. Each node is reached by one sequence of
 * segments only, so a walk that tries a literal, then captures from narrow to wide, visits none twice: its cost is
 * bound by the table and the path, whatever the path says. */
#include "proxy/http/route_private.h"

#include <stdlib.h>

enum { METHOD_COUNT = 7, KIND_COUNT = HTTP_CAPTURE_REST + 1 };

struct node {
    struct rg_slice literal;           /* of the segment that leads here; unused below captures[] */
    struct node *next;                 /* while it is built: the other literals beside it */
    struct node *first;                /* while it is built: the literals below */
    size_t literal_count;              /* then: the same, sorted */
    struct node **literals;            /* literal_count */
    struct node *captures[KIND_COUNT]; /* by kind */
    unsigned methods;                  /* of the rows that end here */
    size_t rows[METHOD_COUNT];         /* by bit */
};

struct http_route_table {
    struct node *root;
    size_t row_count;
    const struct http_route *rows;
};

/* ---- building ---- */

static rg_status node_literal(struct rg_arena *arena, struct node *parent, struct rg_slice literal,
                              struct node **out_node)
{
    struct node *node = parent->first;
    while (node != NULL && !rg_slice_is_equal(node->literal, literal)) {
        node = node->next;
    }
    if (node == NULL) {
        RG_TRY(rg_arena_new(arena, &node));
        node->literal = literal;
        node->next = parent->first;
        parent->first = node;
        parent->literal_count += 1;
    }
    *out_node = node;
    return RG_OK;
}

static rg_status node_below(struct rg_arena *arena, struct node *parent, const struct http_segment *segment,
                            struct node **out_node)
{
    if (segment->kind == HTTP_CAPTURE_NONE) {
        return node_literal(arena, parent, segment->literal, out_node);
    }
    if (parent->captures[segment->kind] == NULL) {
        RG_TRY(rg_arena_new(arena, &parent->captures[segment->kind]));
    }
    *out_node = parent->captures[segment->kind];
    return RG_OK;
}

static rg_status add_row(struct rg_arena *arena, struct http_route_table *table, size_t row)
{
    struct http_pattern pattern;
    struct node *node = table->root;
    const struct http_route *route = &table->rows[row];
    RG_TRY(http_pattern_parse(rg_slice_of(route->pattern), &pattern));
    for (size_t i = 0; i < pattern.count; i++) {
        RG_TRY(node_below(arena, node, &pattern.segments[i], &node));
    }
    if ((node->methods & route->methods) != 0 || route->methods == 0 ||
        (route->methods & ~(unsigned)HTTP_METHOD_ALL) != 0) {
        return rg_fail(RG_CONFIG, "route %s: no method, or one that another row has", route->pattern);
    }
    for (unsigned bit = 0; bit < METHOD_COUNT; bit++) {
        if ((route->methods & (1U << bit)) != 0) {
            node->rows[bit] = row;
        }
    }
    node->methods |= route->methods;
    return RG_OK;
}

static int compare_slices(struct rg_slice a, struct rg_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_nodes(const void *a, const void *b)
{
    const struct node *const *left = a;
    const struct node *const *right = b;
    return compare_slices((*left)->literal, (*right)->literal);
}

/* Recursion: as deep as patterns have segments. */
static rg_status sort_literals(struct rg_arena *arena, struct node *node)
{
    size_t at = 0;
    RG_TRY(rg_arena_array(arena, node->literal_count, sizeof(struct node *), (void **)&node->literals));
    for (struct node *child = node->first; child != NULL; child = child->next) {
        RG_TRY(sort_literals(arena, child));
        node->literals[at++] = child;
    }
    qsort(node->literals, node->literal_count, sizeof(struct node *), compare_nodes);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (node->captures[i] != NULL) {
            RG_TRY(sort_literals(arena, node->captures[i]));
        }
    }
    return RG_OK;
}

rg_status http_route_table_make(struct rg_arena *arena, const struct http_route *rows, size_t count,
                                const struct http_route_table **out_table)
{
    struct http_route_table *table = NULL;
    RG_TRY(rg_arena_new(arena, &table));
    RG_TRY(rg_arena_new(arena, &table->root));
    table->rows = rows;
    table->row_count = count;
    for (size_t i = 0; i < count; i++) {
        RG_TRY(add_row(arena, table, i));
    }
    RG_TRY(sort_literals(arena, table->root));
    *out_table = table;
    return RG_OK;
}

const struct http_route *http_route_rows(const struct http_route_table *table, size_t *out_count)
{
    *out_count = table->row_count;
    return table->rows;
}

/* ---- finding ---- */

struct walk {
    const struct http_route_table *table;
    unsigned wanted; /* the method; of HEAD also GET */
    struct http_route_match *match;
};

static const struct node *literal_find(const struct node *node, struct rg_slice segment)
{
    size_t low = 0;
    size_t high = node->literal_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_slices(node->literals[middle]->literal, segment);
        if (order == 0) {
            return node->literals[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* The path ends at node: a row when it has the method; else what it has, for Allow. */
static bool take(struct walk *walk, const struct node *node)
{
    struct http_route_match *match = walk->match;
    unsigned found = node->methods & walk->wanted;
    match->allowed |= node->methods;
    if (found == 0) {
        return false;
    }
    /* A row that lists HEAD itself goes before that of GET. */
    unsigned bit = (found & HTTP_METHOD_HEAD) != 0 ? HTTP_METHOD_HEAD : found;
    match->row = node->rows[__builtin_ctz(bit)];
    match->route = &walk->table->rows[match->row];
    match->outcome = HTTP_ROUTE_FOUND;
    return true;
}

static bool visit(struct walk *walk, const struct node *node, struct rg_slice rest, bool has_more);

static bool visit_capture(struct walk *walk, const struct node *node, enum http_capture_kind kind, struct rg_slice text,
                          struct rg_slice rest, bool has_more)
{
    struct http_route_match *match = walk->match;
    if (node->captures[kind] == NULL || !http_capture_accepts(kind, text)) {
        return false;
    }
    match->captures[match->capture_count++] = (struct http_capture){kind, text};
    if (visit(walk, node->captures[kind], rest, has_more)) {
        return true;
    }
    match->capture_count -= 1;
    return false;
}

/* Recursion: as deep as the tree, at most HTTP_PATH_SEGMENTS_MAX. */
static bool visit(struct walk *walk, const struct node *node, struct rg_slice rest, bool has_more)
{
    if (!has_more) {
        return take(walk, node);
    }
    struct rg_slice segment;
    struct rg_slice below = rest;
    bool has_below = http_segment_next(&below, &segment);
    const struct node *literal = literal_find(node, segment);
    if (literal != NULL && visit(walk, literal, below, has_below)) {
        return true;
    }
    for (enum http_capture_kind kind = HTTP_CAPTURE_ID; kind < HTTP_CAPTURE_REST; kind++) {
        if (visit_capture(walk, node, kind, segment, below, has_below)) {
            return true;
        }
    }
    return visit_capture(walk, node, HTTP_CAPTURE_REST, rest, below, false);
}

void http_route_find(const struct http_route_table *table, enum http_method method, struct rg_slice path,
                     struct http_route_match *out_match)
{
    struct http_route_match match = {.outcome = HTTP_ROUTE_UNKNOWN, .method = method, .path = path};
    struct walk walk = {table, (unsigned)method, &match};
    if (method == HTTP_METHOD_HEAD) {
        walk.wanted |= HTTP_METHOD_GET;
    }
    if (path.size > 0 && path.data[0] == '/' && !visit(&walk, table->root, rg_slice_cut(path, 1, path.size), true) &&
        match.allowed != 0) {
        match.outcome = HTTP_ROUTE_METHOD;
        match.allowed |= (match.allowed & HTTP_METHOD_GET) != 0 ? HTTP_METHOD_HEAD : 0;
    }
    *out_match = match;
}
