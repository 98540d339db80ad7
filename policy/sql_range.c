/* SPDX-License-Identifier: Apache-2.0 */
/* Relations: what a name means, by PostgreSQL's scope rules, and what stands in its place. A tenant's own
 * relation is renamed; one with a predicate becomes a fenced sub-select (a plain sub-select is no fence:
 * reference leaks.md); a catalogue becomes its filtered select. */
#include "policy/sql_fence_private.h"

#include "policy/catalog.h"
#include "policy/hyper.h"

/* As the client wrote it, and the same whether it exists or not. */
static rg_status deny_relation(struct sql_work *work, const RangeVar *range)
{
    struct rg_slice name = rg_slice_of(range->relname);
    struct rg_slice schema = rg_slice_of(range->schemaname == NULL ? "" : range->schemaname);
    return sql_deny(&work->site, "42501", "relation.not_allowed", range->location,
                    "relation \"%.*s%s%.*s\" is not available to you", rg_slice_shown(schema), schema.data,
                    range->schemaname == NULL ? "" : ".", rg_slice_shown(name), name.data);
}

static bool is_cte(const struct sql_work *work, const RangeVar *range)
{
    for (const struct sql_scope *scope = work->scope; scope != NULL; scope = scope->outer) {
        if (strcmp(scope->name, range->relname) == 0) {
            return true;
        }
    }
    return false;
}

static const struct sql_template *view_find(const struct sql_work *work, const char *name)
{
    if (sql_is_hyper(work)) {
        const struct catalog_view *of_hyper = hyper_view_find(rg_slice_of(name));
        return of_hyper == NULL ? NULL : work->site.set->hyper_views[of_hyper - hyper_view_at(0)];
    }
    const struct catalog_view *view = catalog_view_find(rg_slice_of(name));
    return view == NULL ? NULL : work->site.set->views[view - catalog_view_at(0)];
}

bool sql_path_at(const struct policy_binding *binding, const struct policy_session *session, size_t index,
                 struct rg_slice *out_logical)
{
    if (session->search_path_count > 0) {
        if (index >= session->search_path_count) {
            return false;
        }
        *out_logical = session->search_path[index];
        return true;
    }
    if (index >= binding->schema_count) {
        return false;
    }
    *out_logical = binding->schemas[index].logical;
    return true;
}

/* A row that names the relation wins over a schema's row for everything in it. */
static const struct policy_bound *find_by_path(const struct sql_work *work, struct rg_slice name)
{
    const struct policy_bound *any = NULL;
    struct rg_slice schema = {0};
    for (size_t i = 0; sql_path_at(work->binding, work->session, i, &schema); i++) {
        const struct policy_bound *bound = policy_bound_find(work->binding, schema, name);
        if (bound != NULL && bound->name.size > 0 && !bound->is_implied) {
            return bound;
        }
        any = any == NULL ? bound : any;
    }
    return any;
}

/* What columns may call this FROM item. */
static rg_status note(struct sql_work *work, const RangeVar *range, const char *schema)
{
    bool has_alias = range->alias != NULL;
    return sql_note_range(work, has_alias ? range->alias->aliasname : range->relname, has_alias ? NULL : schema);
}

/* pg_catalog is searched first, and what it may hold is not known here. */
static bool may_be_catalogue(const RangeVar *range)
{
    return range->schemaname == NULL && rg_slice_has_prefix(rg_slice_of(range->relname), RG_SLICE("pg_"));
}

static bool is_nameable(const RangeVar *range)
{
    struct rg_slice name = rg_slice_of(range->relname);
    return range->catalogname == NULL && name.size > 0 && (range->schemaname != NULL || !sql_is_later_keyword(name));
}

static const struct sql_template *find_view(const struct sql_work *work, const RangeVar *range)
{
    bool is_catalogue = range->schemaname == NULL || strcmp(range->schemaname, "pg_catalog") == 0;
    return is_catalogue ? view_find(work, range->relname) : NULL;
}

static const struct policy_bound *find_bound(const struct sql_work *work, const RangeVar *range)
{
    struct rg_slice name = rg_slice_of(range->relname);
    if (may_be_catalogue(range)) {
        return NULL;
    }
    return range->schemaname == NULL ? find_by_path(work, name)
                                     : policy_bound_find(work->binding, rg_slice_of(range->schemaname), name);
}

const struct policy_bound *sql_peek(const struct sql_work *work, const RangeVar *range)
{
    return !is_nameable(range) || find_view(work, range) != NULL ? NULL : find_bound(work, range);
}

const struct policy_bound *sql_range_bound(const struct sql_work *work, const RangeVar *range)
{
    return range->schemaname == NULL && is_cte(work, range) ? NULL : sql_peek(work, range);
}

rg_status sql_resolve(struct sql_work *work, const RangeVar *range, enum sql_right right, struct sql_target *out_target)
{
    if (++work->range_count > SQL_RANGES_MAX) {
        return sql_deny(&work->site, "54001", "sql.complexity", -1, "the statement names too many relations");
    }
    if (!is_nameable(range)) {
        return deny_relation(work, range);
    }
    if (right == SQL_SELECT && range->schemaname == NULL && is_cte(work, range)) {
        out_target->is_cte = true;
        return note(work, range, NULL);
    }
    out_target->view = right == SQL_SELECT ? find_view(work, range) : NULL;
    if (out_target->view != NULL) {
        return note(work, range, "pg_catalog");
    }
    const struct policy_bound *bound = find_bound(work, range);
    if (bound == NULL || (right == SQL_SELECT && !bound->for_select) ||
        !policy_relation_is_plain(work->binding, work->session->relations, bound, rg_slice_of(range->relname))) {
        work->site.is_stale = bound != NULL && work->session->relations != NULL &&
                              policy_relation_find(work->session->relations, bound->physical,
                                                   rg_slice_of(range->relname)) == NULL; /* created since, perhaps */
        return deny_relation(work, range);
    }
    RG_TRY(sql_mask_names(work, range, bound));
    out_target->bound = bound;
    RG_TRY(note(work, range, sql_cstring(bound->logical)));
    return sql_touch(work, bound, range->relname);
}

/* ---- text extents ---- */

struct extent {
    size_t first, last;           /* what is replaced: ONLY, name, `*` */
    size_t name_first, name_last; /* the name alone */
};

static rg_status range_extent(struct sql_work *work, const RangeVar *range, struct extent *out_extent)
{
    const struct sql_tokens *tokens = &work->site.tokens;
    struct extent extent = {0};
    RG_TRY(sql_site_token(&work->site, range->location, &extent.name_first));
    size_t parts = range->schemaname == NULL ? 1 : 2;
    RG_TRY(sql_site_name_end(&work->site, extent.name_first, parts, &extent.name_last));
    extent.first = extent.name_first;
    extent.last = extent.name_last;
    if (!range->inh) {
        size_t steps = extent.first > 1 && sql_token_is(tokens, extent.first - 1, "(") ? 2 : 1;
        if (extent.first < steps || !sql_token_is(tokens, extent.first - steps, "only")) {
            return sql_deny(&work->site, "0A000", "sql.place", range->location, "ONLY has no place in the text");
        }
        extent.first -= steps;
        extent.last += steps - 1;
    } else if (sql_token_is(tokens, extent.last + 1, "*")) {
        extent.last++;
    }
    *out_extent = extent;
    return RG_OK;
}

rg_status sql_rename(struct sql_work *work, RangeVar *range, const struct policy_bound *bound)
{
    struct extent extent = {0};
    struct rg_slice text = {0};
    RG_TRY(range_extent(work, range, &extent));
    RG_TRY(sql_fence_print_relation(work->site.arena, bound->physical, rg_slice_of(range->relname), &text));
    range->schemaname = sql_cstring(bound->physical);
    size_t at = work->site.tokens.tokens[extent.name_first].at;
    size_t end = work->site.tokens.tokens[extent.name_last].end;
    if (rg_slice_is_equal(rg_slice_cut(work->site.text, at, end - at), text)) {
        return RG_OK;
    }
    return sql_site_replace(&work->site, extent.name_first, extent.name_last, text);
}

/* ---- what stands in its place ---- */

static rg_status make_view(struct sql_work *work, const struct sql_template *view, struct sql_replacement *out)
{
    RG_TRY(sql_session_holes(work));
    RG_TRY(sql_session_fill(work, view, work->holes, &out->text, &out->select));
    return sql_cover(work, out->text);
}

/* `(select) AS name` in the place of range; TABLE becomes SELECT * FROM. */
static rg_status put_replacement(struct sql_work *work, const RangeVar *range,
                                 const struct sql_replacement *replacement, Node **slot)
{
    struct rg_arena *arena = work->site.arena;
    struct extent extent = {0};
    RG_TRY(range_extent(work, range, &extent));
    RangeSubselect *item = makeNode(RangeSubselect);
    item->subquery = replacement->select;
    item->alias = range->alias;
    struct rg_slice alias = {"", 0};
    if (item->alias == NULL) {
        item->alias = makeNode(Alias);
        item->alias->aliasname = range->relname;
        struct rg_slice name = {0};
        RG_TRY(sql_print_identifier(rg_slice_of(range->relname), arena, &name));
        RG_TRY(rg_arena_printf(arena, &alias, " AS %.*s", RG_SLICE_ARGS(name)));
    }
    struct rg_slice text = {0};
    RG_TRY(rg_arena_printf(arena, &text, "(%.*s)%.*s", RG_SLICE_ARGS(replacement->text), RG_SLICE_ARGS(alias)));
    if (extent.first > 0 && sql_token_is(&work->site.tokens, extent.first - 1, "table")) {
        RG_TRY(sql_site_replace(&work->site, extent.first - 1, extent.first - 1, RG_SLICE("SELECT * FROM")));
    }
    *slot = (Node *)item;
    return sql_site_replace(&work->site, extent.first, extent.last, text);
}

static rg_status deny_explained(struct sql_work *work, const RangeVar *range)
{
    return sql_deny(&work->site, "0A000", "statement.explain", range->location,
                    "EXPLAIN of a relation with a predicate or a mask would tell about other rows");
}

rg_status sql_visit_range(struct sql_work *work, Node **slot, size_t depth)
{
    (void)depth;
    RangeVar *range = (RangeVar *)*slot;
    struct sql_target target = {0};
    struct sql_replacement replacement = {0};
    RG_TRY(sql_resolve(work, range, SQL_SELECT, &target));
    if (target.is_cte) {
        return RG_OK;
    }
    if (target.view == NULL && !policy_bound_is_fenced(target.bound)) {
        return sql_rename(work, range, target.bound);
    }
    if (work->is_explained) {
        return deny_explained(work, range);
    }
    if (target.view != NULL) {
        RG_TRY(make_view(work, target.view, &replacement));
    } else {
        RG_TRY(sql_fence_make(work, range, target.bound, NULL, (struct rg_slice){"", 0}, &replacement));
    }
    return put_replacement(work, range, &replacement, slot);
}

/* ---- TABLESAMPLE ---- */

static bool is_constant_list(const List *list)
{
    for (int i = 0; i < list_length(list); i++) {
        if (!IsA(list_nth(list, i), A_Const)) {
            return false;
        }
    }
    return true;
}

static rg_status sample_extent(struct sql_work *work, const RangeTableSample *sample, size_t *out_first,
                               size_t *out_last)
{
    const struct sql_tokens *tokens = &work->site.tokens;
    size_t method = 0;
    size_t last = 0;
    RG_TRY(sql_site_token(&work->site, sample->location, &method));
    RG_TRY(sql_site_name_end(&work->site, method, (size_t)list_length(sample->method), &last));
    bool is_closed = sql_token_close(tokens, last + 1, &last);
    if (is_closed && sample->repeatable != NULL) {
        is_closed = sql_token_is(tokens, last + 1, "repeatable") && sql_token_close(tokens, last + 2, &last);
    }
    if (!is_closed || method == 0 || !sql_token_is(tokens, method - 1, "tablesample")) {
        return sql_deny(&work->site, "0A000", "sql.place", sample->location, "TABLESAMPLE has no place in the text");
    }
    *out_first = method - 1;
    *out_last = last;
    return RG_OK;
}

/* The sample moves inside the fence, to the relation it samples. */
static rg_status fence_sample(struct sql_work *work, Node **slot, const struct policy_bound *bound)
{
    RangeTableSample *sample = (RangeTableSample *)*slot;
    RangeVar *range = (RangeVar *)sample->relation;
    struct sql_site *site = &work->site;
    if (work->is_explained) {
        return deny_explained(work, range);
    }
    /* Both tell where a row lies, as its ctid would: SYSTEM which rows share a block, a known seed the very place. */
    if (rg_slice_is_equal(sql_last_name(sample->method), RG_SLICE("system")) || sample->repeatable != NULL) {
        return sql_deny(site, "0A000", "sql.sample", sample->location,
                        "of a relation with a predicate only TABLESAMPLE BERNOULLI without REPEATABLE is supported");
    }
    if (!is_constant_list(sample->args)) {
        return sql_deny(site, "0A000", "sql.sample", sample->location, "TABLESAMPLE needs constants here");
    }
    size_t first = 0;
    size_t last = 0;
    RG_TRY(sample_extent(work, sample, &first, &last));
    size_t method_at = site->tokens.tokens[first + 1].at;
    struct rg_slice rest = rg_slice_cut(site->text, method_at, site->tokens.tokens[last].end - method_at);
    bool is_bare = list_length(sample->method) == 1;
    struct rg_slice text = {0};
    RG_TRY(
        rg_arena_printf(site->arena, &text, "TABLESAMPLE %s%.*s", is_bare ? "pg_catalog." : "", RG_SLICE_ARGS(rest)));
    sample->method = sql_builtin_name(sql_last_name(sample->method));
    struct sql_replacement replacement = {0};
    RG_TRY(sql_fence_make(work, range, bound, sample, text, &replacement));
    RG_TRY(sql_site_replace(site, first, last, RG_SLICE("")));
    return put_replacement(work, range, &replacement, slot);
}

rg_status sql_visit_sample(struct sql_work *work, Node **slot, size_t depth)
{
    RangeTableSample *sample = (RangeTableSample *)*slot;
    struct sql_site *site = &work->site;
    struct rg_slice method = {0};
    if (sample->relation == NULL || !IsA(sample->relation, RangeVar) || !sql_is_builtin_name(sample->method, &method) ||
        (!rg_slice_is_equal(method, RG_SLICE("bernoulli")) && !rg_slice_is_equal(method, RG_SLICE("system")))) {
        return sql_deny(site, "42501", "sample.not_allowed", sample->location,
                        "this sampling method is not available to you");
    }
    if (sql_is_hyper(work)) {
        return sql_deny(site, "0A000", "sql.sample", sample->location, "TABLESAMPLE is not supported on Hyper");
    }
    struct sql_target target = {0};
    RangeVar *range = (RangeVar *)sample->relation;
    RG_TRY(sql_resolve(work, range, SQL_SELECT, &target));
    if (target.bound == NULL) {
        return sql_deny(site, "0A000", "sql.sample", sample->location, "TABLESAMPLE works on tables only");
    }
    if (policy_bound_is_fenced(target.bound)) {
        return fence_sample(work, slot, target.bound);
    }
    RG_TRY(sql_rename(work, range, target.bound));
    if (list_length(sample->method) == 1) {
        size_t token = 0;
        RG_TRY(sql_site_token(site, sample->location, &token));
        RG_TRY(sql_site_insert(site, (size_t)sample->location, RG_SLICE("pg_catalog.")));
        sample->method = sql_builtin_name(method);
    }
    RG_TRY(sql_walk_list(&site->walk, sample->args, depth + 1));
    return sql_walk_slot(&site->walk, &sample->repeatable, depth + 1);
}
