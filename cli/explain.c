/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a plan that both ways to show it ask. */
#include "cli/explain.h"

#include <ctype.h>

#include "policy/layout.h"

static bool split(struct rg_slice dotted, struct rg_slice *out_schema, struct rg_slice *out_name)
{
    const char *dot = dotted.size == 0 ? NULL : memchr(dotted.data, '.', dotted.size);
    if (dot == NULL) {
        return false;
    }
    size_t at = (size_t)(dot - dotted.data);
    *out_schema = rg_slice_cut(dotted, 0, at);
    *out_name = rg_slice_cut(dotted, at + 1, dotted.size);
    return true;
}

rg_status explain_relation(const struct explained *explained, struct rg_slice dotted,
                           struct explained_relation *out_relation)
{
    struct explained_relation relation = {.name = dotted};
    if (split(dotted, &relation.schema, &relation.name)) {
        RG_TRY(policy_explain_relation(explained->binding, explained->subject->tenant.id, relation.schema,
                                       relation.name, explained->arena, &relation.explanation));
    }
    *out_relation = relation;
    return RG_OK;
}

/* An identifier as PostgreSQL folds it; policies hold plain names only, so a quoted one is only unquoted. */
static rg_status fold(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_name)
{
    bool is_quoted = text.size > 1 && text.data[0] == '"';
    struct rg_slice inner = is_quoted ? rg_slice_cut(text, 1, text.size - 2) : text;
    char *folded = NULL;
    RG_TRY(rg_arena_array(arena, inner.size + 1, 1, (void **)&folded));
    for (size_t i = 0; i < inner.size; i++) {
        folded[i] = is_quoted ? inner.data[i] : (char)tolower((unsigned char)inner.data[i]);
    }
    *out_name = rg_slice_make(folded, inner.size);
    return RG_OK;
}

static bool is_name(const struct policy_token *token)
{
    return token->kind == POLICY_TOKEN_NAME || token->kind == POLICY_TOKEN_KEYWORD;
}

/* Byte offset of a 1-based character. */
static size_t byte_of(struct rg_slice text, size_t position)
{
    size_t at = 0;
    for (size_t character = 1; at < text.size; at++) {
        if (((unsigned char)text.data[at] & 0xc0) != 0x80 && character++ == position) {
            break;
        }
    }
    return at;
}

static bool name_in_path(const struct explained *explained, struct rg_slice name, struct rg_slice *out_dotted)
{
    const struct tenant_route *route = &explained->subject->tenant.route;
    if (route->schema_count == 0) {
        return false;
    }
    return rg_is_ok(rg_arena_printf(explained->arena, out_dotted, "%.*s.%.*s", RG_SLICE_ARGS(route->schemas[0].logical),
                                    RG_SLICE_ARGS(name)));
}

bool explain_is_about_relation(const struct policy_statement *statement)
{
    return rg_slice_has_prefix(statement->rule, RG_SLICE("relation.")) ||
           rg_slice_is_equal(statement->rule, RG_SLICE("statement.write"));
}

bool explain_refused_relation(const struct explained *explained, const struct policy_statement *statement,
                              struct rg_slice *out_dotted)
{
    const struct policy_token *tokens = NULL;
    size_t count = 0;
    size_t index = 0;
    struct rg_slice first = {0};
    struct rg_slice second = {0};
    if (explained->subject == NULL || statement->position == 0 ||
        !rg_is_ok(policy_layout(explained->sql, explained->arena, &count, &tokens))) {
        return false;
    }
    size_t at = byte_of(explained->sql, statement->position);
    while (index < count && tokens[index].at < at) {
        index++;
    }
    if (index == count || tokens[index].at != at || !is_name(&tokens[index]) ||
        !rg_is_ok(fold(tokens[index].text, explained->arena, &first))) {
        return false;
    }
    if (index + 2 >= count || !rg_slice_is_equal(tokens[index + 1].text, RG_SLICE(".")) ||
        !is_name(&tokens[index + 2]) || !rg_is_ok(fold(tokens[index + 2].text, explained->arena, &second))) {
        return name_in_path(explained, first, out_dotted);
    }
    return rg_is_ok(
        rg_arena_printf(explained->arena, out_dotted, "%.*s.%.*s", RG_SLICE_ARGS(first), RG_SLICE_ARGS(second)));
}

static struct rg_slice bare(struct rg_slice name)
{
    struct rg_slice schema = RG_SLICE("pg_catalog.");
    return rg_slice_cut(name, rg_slice_has_prefix(name, schema) ? schema.size : 0, name.size);
}

static const struct policy_function_row *find_row(const struct policy_function_row *rows, size_t count,
                                                  struct rg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(bare(rows[i].name), name)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* What is denied stays denied, whatever is allowed. */
static struct explained_function judge_call(const struct policy_source *source, struct rg_slice name)
{
    const struct policy_function_row *row = find_row(source->function_deny, source->function_deny_count, name);
    if (row != NULL) {
        return (struct explained_function){row, false};
    }
    row = find_row(source->function_allow, source->function_allow_count, name);
    return (struct explained_function){row, row != NULL};
}

static bool is_call(const struct policy_token *tokens, size_t count, size_t at)
{
    return is_name(&tokens[at]) && at + 1 < count && rg_slice_is_equal(tokens[at + 1].text, RG_SLICE("("));
}

/* Does the dotted name that ends with this token begin at byte offset begin? */
static bool is_call_at(const struct policy_token *tokens, size_t at, size_t begin)
{
    while (tokens[at].at != begin && at >= 2 && rg_slice_is_equal(tokens[at - 1].text, RG_SLICE("."))) {
        at -= 2;
    }
    return tokens[at].at == begin;
}

rg_status explain_functions(const struct explained *explained, struct rg_slice text, size_t position, size_t *out_count,
                            const struct explained_function **out_functions)
{
    const struct policy_token *tokens = NULL;
    struct explained_function *functions = NULL;
    size_t count = 0;
    size_t found = 0;
    rg_status status = policy_layout(text, explained->arena, &count, &tokens);
    RG_TRY(rg_is_ok(status) || status.error->kind == RG_LIMIT ? status : RG_OK);
    RG_TRY(rg_arena_array(explained->arena, count + 1, sizeof *functions, (void **)&functions));
    for (size_t i = 0; i < count; i++) {
        struct rg_slice name = {0};
        if (!is_call(tokens, count, i) || (position > 0 && !is_call_at(tokens, i, byte_of(text, position)))) {
            continue;
        }
        RG_TRY(fold(tokens[i].text, explained->arena, &name));
        functions[found] = judge_call(explained->config->source, name);
        bool is_new = functions[found].row != NULL;
        for (size_t j = 0; is_new && j < found; j++) {
            is_new = functions[j].row != functions[found].row;
        }
        found += is_new ? 1 : 0;
    }
    *out_count = found;
    *out_functions = functions;
    return RG_OK;
}

struct rg_slice explain_shown(const struct policy_statement *statement)
{
    return statement->shown.size > 0 ? statement->shown : statement->text;
}

const char *explain_mask_word(enum policy_mask_kind kind)
{
    static const char *const words[] = {
        [POLICY_MASK_DENY] = "deny",         [POLICY_MASK_NULL] = "null",       [POLICY_MASK_REDACT] = "redact",
        [POLICY_MASK_CONSTANT] = "constant", [POLICY_MASK_PARTIAL] = "partial", [POLICY_MASK_HASH] = "hash",
    };
    return words[kind];
}
