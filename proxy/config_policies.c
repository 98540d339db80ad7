/* SPDX-License-Identifier: Apache-2.0 */
/* [[policies]] and [functions] into the rows that policy_compile takes. Predicates are its business. */
#include "proxy/config_private.h"

/* "schema.table" or "schema.*"; plain names only, because nothing here is quoted. */
static bool split_on(struct rg_slice on, struct rg_slice *out_schema, struct rg_slice *out_table)
{
    const char *dot = on.size == 0 ? NULL : memchr(on.data, '.', on.size);
    if (dot == NULL) {
        return false;
    }
    size_t at = (size_t)(dot - on.data);
    struct rg_slice schema = rg_slice_cut(on, 0, at);
    struct rg_slice table = rg_slice_cut(on, at + 1, on.size);
    if (!config_is_name(schema) || !(config_is_name(table) || rg_slice_is_equal(table, RG_SLICE("*")))) {
        return false;
    }
    *out_schema = schema;
    *out_table = table;
    return true;
}

static bool is_mapped(const struct tenant_route *route, struct rg_slice schema)
{
    for (size_t i = 0; i < route->schema_count; i++) {
        if (rg_slice_is_equal(route->schemas[i].logical, schema)) {
            return true;
        }
    }
    return false;
}

static bool is_mapped_by_any(const struct tenant_registry *registry, struct rg_slice schema)
{
    for (size_t i = 0; i < registry->static_count; i++) {
        if (is_mapped(&registry->statics[i].route, schema)) {
            return true;
        }
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        if (is_mapped(&registry->patterns[i].route, schema)) {
            return true;
        }
    }
    return false;
}

static void check_on(struct config_draft *draft, const struct config_raw_policy *raw, const struct rg_schema_string *on)
{
    struct rg_slice schema = {NULL, 0};
    struct rg_slice table = {NULL, 0};
    if (!split_on(on->text, &schema, &table)) {
        config_error(draft, on->place, "\"on\" takes \"schema.table\" or \"schema.*\", not \"%.*s\"",
                     rg_slice_shown(on->text), on->text.data);
        return;
    }
    if (is_mapped_by_any(&draft->config->registry, schema)) {
        return;
    }
    if (raw->isolation.is_given) {
        config_warning(draft, on->place, "no route maps the schema \"%.*s\", so isolation = \"schema\" covers nothing",
                       rg_slice_shown(schema), schema.data);
    } else if (!raw->using_text.is_given) {
        config_warning(draft, on->place,
                       "no route maps the schema \"%.*s\" and there is no predicate: every tenant "
                       "sees all rows",
                       rg_slice_shown(schema), schema.data);
    }
}

static bool is_possible_tenant(const struct config_draft *draft, struct rg_slice id)
{
    const struct tenant_registry *registry = &draft->config->registry;
    regmatch_t whole = {0, 0};
    for (size_t i = 0; i < registry->pattern_count; i++) {
        const regex_t *allow = registry->patterns[i].compiled;
        if (allow == NULL ||
            (regexec(allow, id.data, 1, &whole, 0) == 0 && whole.rm_so == 0 && (size_t)whole.rm_eo == id.size)) {
            return true;
        }
    }
    return false;
}

static rg_status copy_tenants(struct config_draft *draft, const struct rg_schema_list *list, size_t *out_count,
                              const struct rg_slice **out_ids)
{
    struct rg_slice *ids = NULL;
    size_t at = 0;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *ids, (void **)&ids));
    for (size_t i = 0; i < list->count; i++) {
        ids[i] = list->items[i].text;
        if (!is_possible_tenant(draft, ids[i])) {
            (void)config_refer(draft, &draft->raw.tenants, sizeof(struct config_raw_tenant), "tenant", &list->items[i],
                               &at);
        }
    }
    *out_count = list->count;
    *out_ids = ids;
    return RG_OK;
}

static rg_status copy_on(struct config_draft *draft, const struct config_raw_policy *raw, struct policy_row *row)
{
    struct rg_slice *on = NULL;
    RG_TRY(rg_arena_array(draft->arena, raw->on.count, sizeof *on, (void **)&on));
    for (size_t i = 0; i < raw->on.count; i++) {
        on[i] = raw->on.items[i].text;
        check_on(draft, raw, &raw->on.items[i]);
    }
    row->on = on;
    row->on_count = raw->on.count;
    return RG_OK;
}

static rg_status make_row(struct config_draft *draft, const struct config_raw_policy *raw, size_t at,
                          struct policy_row *out_row)
{
    struct policy_row row = {
        .name = raw->name.text,
        .place = raw->head.place,
        .for_select = (raw->kinds.word & 1U) != 0,
        .for_insert = (raw->kinds.word & 2U) != 0,
        .for_update = (raw->kinds.word & 4U) != 0,
        .for_delete = (raw->kinds.word & 8U) != 0,
        .group = raw->group.text,
        .using_text = raw->using_text.text,
        .using_place = raw->using_text.place,
        .is_schema_isolated = raw->isolation.is_given,
        .allow_subselect = raw->allow_subselect.value != 0,
    };
    if (row.name.size == 0) {
        RG_TRY(rg_arena_printf(draft->arena, &row.name, "policies[%zu]", at + 1));
    }
    RG_TRY(copy_on(draft, raw, &row));
    RG_TRY(copy_tenants(draft, &raw->to, &row.to_count, &row.to));
    RG_TRY(copy_tenants(draft, &raw->except, &row.except_count, &row.except));
    *out_row = row;
    return RG_OK;
}

static bool is_function_name(struct rg_slice name)
{
    const char *dot = memchr(name.data, '.', name.size);
    size_t at = dot == NULL ? 0 : (size_t)(dot - name.data) + 1;
    return config_is_name(rg_slice_cut(name, at, name.size)) &&
           (dot == NULL || config_is_name(rg_slice_cut(name, 0, at - 1)));
}

static rg_status make_functions(struct config_draft *draft, const struct rg_schema_list *list, size_t *out_count,
                                const struct policy_function_row **out_rows)
{
    struct policy_function_row *rows = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *rows, (void **)&rows));
    for (size_t i = 0; i < list->count; i++) {
        rows[i] = (struct policy_function_row){list->items[i].text, list->items[i].place};
        if (list->items[i].text.size > 0 && !is_function_name(list->items[i].text)) {
            config_error(draft, list->items[i].place, "\"%.*s\" is no function's name: \"lower\" or \"schema.name\"",
                         rg_slice_shown(list->items[i].text), list->items[i].text.data);
        }
    }
    *out_count = list->count;
    *out_rows = rows;
    return RG_OK;
}

rg_status config_make_policies(struct config_draft *draft, struct policy_source *out_source)
{
    const struct config_raw_policy *raws = draft->raw.policies.items;
    const struct config_raw_functions *functions = &draft->raw.functions;
    struct policy_row *rows = NULL;
    struct policy_source source = {.claim_count = draft->config->claim_count, .claims = draft->config->claims};
    RG_TRY(config_check_unique(draft, &draft->raw.policies, sizeof *raws, "policy"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.policies.count, sizeof *rows, (void **)&rows));
    for (size_t i = 0; i < draft->raw.policies.count; i++) {
        RG_TRY(make_row(draft, &raws[i], i, &rows[i]));
    }
    source.rows = rows;
    source.row_count = draft->raw.policies.count;
    RG_TRY(make_functions(draft, &functions->allow, &source.function_allow_count, &source.function_allow));
    RG_TRY(make_functions(draft, &functions->deny, &source.function_deny_count, &source.function_deny));
    if (source.row_count == 0) {
        config_warning(draft, config_whole_file(draft), "no [[policies]]: every table is refused");
    }
    *out_source = source;
    return RG_OK;
}
