/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: SQL with holes, kept as pieces of text and as a tree with parameters in the holes' places. Filling one
 * gives the text and, independently, the tree it must parse to. One mechanism for predicates, catalogue
 * selects, guards and constants. */
#include "policy/sql_rewrite_private.h"

#include "base/rg_buf.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char at_or_nul(struct rg_slice text, size_t at)
{
    return at < text.size ? text.data[at] : '\0';
}

/* The end of a quoted run that starts at `at`. Only a guess at PostgreSQL's lexer: sql_template_cut proves
 * afterwards, with the lexer itself, that every hole became a parameter. */
static size_t skip_quoted(struct rg_slice text, size_t at, bool has_escapes)
{
    char quote = text.data[at];
    for (size_t i = at + 1; i < text.size; i++) {
        if (has_escapes && text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == quote) {
            if (at_or_nul(text, i + 1) != quote) {
                return i + 1;
            }
            i++;
        }
    }
    return text.size;
}

static size_t skip_comment(struct rg_slice text, size_t at)
{
    if (text.data[at] == '-') {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        return end == NULL ? text.size : (size_t)(end - text.data) + 1;
    }
    size_t depth = 0;
    for (size_t i = at; i + 1 < text.size; i++) {
        struct rg_slice two = rg_slice_cut(text, i, 2);
        if (rg_slice_is_equal(two, RG_SLICE("/*"))) {
            depth++;
            i++;
        } else if (rg_slice_is_equal(two, RG_SLICE("*/"))) {
            depth--;
            i++;
            if (depth == 0) {
                return i + 1;
            }
        }
    }
    return text.size;
}

/* The length of what is not to be searched for holes at this place; 0 = nothing special. */
static size_t skip_opaque(struct rg_slice text, size_t at)
{
    char c = text.data[at];
    char next = at_or_nul(text, at + 1);
    if (c == '\'') {
        bool is_escape = at > 0 && (text.data[at - 1] == 'e' || text.data[at - 1] == 'E') &&
                         (at == 1 || !is_word(text.data[at - 2]));
        return skip_quoted(text, at, is_escape) - at;
    }
    if (c == '"') {
        return skip_quoted(text, at, false) - at;
    }
    if ((c == '-' && next == '-') || (c == '/' && next == '*')) {
        return skip_comment(text, at) - at;
    }
    if (c == ':' && (next == ':' || next == '=')) {
        return 2;
    }
    return 0;
}

struct marker {
    struct rg_buf buf;
    unsigned *source_at;
};

static rg_status mark_put(struct marker *marker, struct rg_slice text, size_t source_at, bool is_hole)
{
    for (size_t i = 0; i < text.size; i++) {
        marker->source_at[rg_buf_size(&marker->buf) + i] = (unsigned)(is_hole ? source_at : source_at + i);
    }
    return rg_buf_put(&marker->buf, text);
}

static void marker_done(struct marker *marker)
{
    rg_buf_done(&marker->buf);
}

rg_status sql_template_mark(struct rg_slice text, sql_hole_find *find, const void *context, struct rg_arena *arena,
                            struct sql_marked *out_marked, struct sql_mistake *out_mistake)
{
    /* Each colon may begin a name, which becomes "$" and at most 20 digits. */
    RG_AUTO(marker_done) struct marker marker = {0};
    size_t room = text.size + 1;
    for (size_t i = 0; i < text.size && text.size <= POLICY_TEXT_MAX; i++) {
        room += text.data[i] == ':' ? 21 : 0;
    }
    if (text.size > POLICY_TEXT_MAX) {
        return rg_fail(RG_LIMIT, "an expression of %zu bytes", text.size);
    }
    rg_buf_init(&marker.buf, room);
    RG_TRY(rg_arena_array(arena, room, sizeof *marker.source_at, (void **)&marker.source_at));
    size_t hole_count = 0;
    for (size_t at = 0; at < text.size;) {
        size_t opaque = skip_opaque(text, at);
        size_t end = at + 1;
        while (end < text.size && is_word(text.data[end])) {
            end++;
        }
        bool is_hole = opaque == 0 && text.data[at] == ':' && end > at + 1 &&
                       !(text.data[at + 1] >= '0' && text.data[at + 1] <= '9');
        if (!is_hole) {
            size_t size = opaque == 0 ? 1 : opaque;
            RG_TRY(mark_put(&marker, rg_slice_cut(text, at, size), at, false));
            at += size;
            continue;
        }
        size_t index = 0;
        struct rg_slice name = rg_slice_cut(text, at + 1, end - at - 1);
        if (!find(context, name, &index)) {
            out_mistake->at_byte = at;
            return rg_arena_printf(arena, &out_mistake->text, "unknown claim \":%.*s\"", rg_slice_shown(name),
                                   name.data);
        }
        struct rg_slice parameter = {0};
        RG_TRY(rg_arena_printf(arena, &parameter, "$%zu", SQL_HOLE_NAMED + index));
        RG_TRY(mark_put(&marker, parameter, at, true));
        hole_count++;
        at = end;
    }
    RG_TRY(rg_arena_copy(arena, rg_buf_slice(&marker.buf), &out_marked->text));
    out_marked->source_at = marker.source_at;
    out_marked->hole_count = hole_count;
    return RG_OK;
}

static unsigned hole_of(struct rg_slice token)
{
    unsigned number = 0;
    if (token.size < 2 || token.size > 6 || token.data[0] != '$') {
        return 0;
    }
    for (size_t i = 1; i < token.size; i++) {
        if (token.data[i] < '0' || token.data[i] > '9') {
            return 0;
        }
        number = number * 10 + (unsigned)(token.data[i] - '0');
    }
    return number;
}

rg_status sql_template_cut(struct rg_slice text, size_t from, Node *tree, struct rg_arena *arena,
                           const struct sql_template **out_template)
{
    struct sql_tokens tokens = {0};
    RG_TRY(sql_lex(text, arena, &tokens));
    struct sql_piece *pieces = NULL;
    struct sql_template *template = NULL;
    RG_TRY(rg_arena_array(arena, tokens.count + 1, sizeof *pieces, (void **)&pieces));
    RG_TRY(rg_arena_new(arena, &template));
    size_t count = 0;
    size_t end = from;
    for (size_t i = 0; i < tokens.count; i++) {
        if (tokens.tokens[i].at < from) {
            continue;
        }
        unsigned hole = hole_of(sql_token_text(&tokens, i));
        if (hole > 0) {
            pieces[count++] = (struct sql_piece){rg_slice_cut(text, from, tokens.tokens[i].at - from), hole};
            from = tokens.tokens[i].end;
        }
        end = tokens.tokens[i].end;
    }
    pieces[count++] = (struct sql_piece){rg_slice_cut(text, from, end - from), 0};
    *template = (struct sql_template){tree, count, pieces};
    *out_template = template;
    return RG_OK;
}

static bool find_catalog_hole(const void *context, struct rg_slice name, size_t *out_index)
{
    static const char *const names[POLICY_CATALOG_HOLES] = {
        "rg_schemas",
        "rg_logical",
        "rg_relations",
        "rg_relation_schemas",
        "rg_relation_logical",
        "rg_path",
        "rg_schema",
        "rg_database",
        "rg_user",
        "rg_pid",
    };
    (void)context;
    for (size_t i = 0; i < POLICY_CATALOG_HOLES; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(names[i]))) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

/* The one statement of a text, and the one expression of `SELECT expression`. */
static Node *only_statement(const struct sql_parsed *parsed)
{
    if (!parsed->is_ok || list_length(parsed->statements) != 1) {
        return NULL;
    }
    return linitial_node(RawStmt, parsed->statements)->stmt;
}

rg_status sql_template_parse(struct rg_slice text, bool is_select, struct rg_arena *arena,
                             const struct sql_template **out_template)
{
    struct sql_marked marked = {0};
    struct sql_mistake mistake = {0};
    RG_TRY(sql_template_mark(text, find_catalog_hole, NULL, arena, &marked, &mistake));
    struct rg_slice full = {0};
    RG_TRY(rg_arena_printf(arena, &full, "%s%.*s", is_select ? "" : "SELECT ", RG_SLICE_ARGS(marked.text)));
    struct sql_parsed parsed = {0};
    RG_TRY(sql_parse(full, arena, &parsed));
    Node *tree = only_statement(&parsed);
    if (mistake.text.size > 0 || tree == NULL || !IsA(tree, SelectStmt)) {
        return rg_fail(RG_INTERNAL, "broken template: %.*s%.*s", rg_slice_shown(mistake.text), mistake.text.data,
                       rg_slice_shown(parsed.error), parsed.error.data);
    }
    RG_TRY(sql_tree_check(tree));
    if (!is_select) {
        tree = linitial_node(ResTarget, ((SelectStmt *)tree)->targetList)->val;
    }
    return sql_template_cut(full, is_select ? 0 : 7, tree, arena, out_template);
}

rg_status sql_template_text(const struct sql_template *template, const struct sql_hole *holes, size_t hole_count,
                            struct rg_arena *arena, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, arena->limit_bytes);
    for (size_t i = 0; i < template->piece_count; i++) {
        const struct sql_piece *piece = &template->pieces[i];
        RG_TRY(rg_buf_put(&buf, piece->text));
        if (piece->hole == 0) {
            continue;
        }
        if (piece->hole >= hole_count || holes[piece->hole].node == NULL) {
            return rg_fail(RG_INTERNAL, "a template's hole %u is not filled", piece->hole);
        }
        RG_TRY(rg_buf_put(&buf, holes[piece->hole].text));
    }
    return rg_arena_copy(arena, rg_buf_slice(&buf), out_text);
}

struct filler {
    struct sql_walk walk;
    const struct sql_hole *holes;
    size_t hole_count;
};

static rg_status fill_visit(struct sql_walk *walk, Node **slot, size_t depth, bool *out_is_done)
{
    const struct filler *filler = (const struct filler *)(void *)walk;
    (void)depth;
    if (!IsA(*slot, ParamRef)) {
        return RG_OK;
    }
    int number = ((const ParamRef *)*slot)->number;
    if (number < 1 || (size_t)number >= filler->hole_count || filler->holes[number].node == NULL) {
        return rg_fail(RG_INTERNAL, "a template's hole %d is not filled", number);
    }
    *slot = filler->holes[number].node;
    *out_is_done = true;
    return RG_OK;
}

static rg_status fill_refuse(struct sql_walk *walk, const Node *node)
{
    (void)walk;
    return rg_fail(RG_INTERNAL, "a template's node %s cannot be walked", sql_node_name(node));
}

rg_status sql_template_fill(const struct sql_template *template, const struct sql_hole *holes, size_t hole_count,
                            struct rg_arena *arena, struct rg_slice *out_text, Node **out_tree)
{
    RG_TRY(sql_template_text(template, holes, hole_count, arena, out_text));
    struct filler filler = {{fill_visit, fill_refuse, fill_refuse}, holes, hole_count};
    Node *tree = copyObjectImpl(template->tree);
    RG_TRY(sql_walk_slot(&filler.walk, &tree, 0));
    *out_tree = tree;
    return RG_OK;
}
