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

static bool is_system_schema(struct rg_slice schema)
{
    return rg_slice_has_prefix(schema, RG_SLICE("pg_")) || rg_slice_is_equal(schema, RG_SLICE("information_schema"));
}

static void warn_unmapped(struct config_draft *draft, const struct config_raw_policy *raw,
                          const struct rg_schema_string *on, struct rg_slice schema)
{
    if (raw->isolation.is_given) {
        config_warning(draft, on->place, "no route maps the schema \"%.*s\", so isolation = \"schema\" covers nothing",
                       rg_slice_shown(schema), schema.data);
    } else if (!raw->using_text.is_given) {
        config_warning(draft, on->place,
                       "no route maps the schema \"%.*s\" and there is no predicate: every tenant sees all rows",
                       rg_slice_shown(schema), schema.data);
    }
}

static bool check_on(struct config_draft *draft, const struct config_raw_policy *raw, const struct rg_schema_string *on)
{
    struct rg_slice schema = {NULL, 0};
    struct rg_slice table = {NULL, 0};
    if (!split_on(on->text, &schema, &table)) {
        config_error(draft, on->place, "\"on\" takes \"schema.table\" or \"schema.*\", not \"%.*s\"",
                     rg_slice_shown(on->text), on->text.data);
        return false;
    }
    if (is_system_schema(schema)) {
        config_error(draft, on->place, "the server's own schemas have rules of their own");
        return false;
    }
    if (!tenants_names_have(&draft->mapped, schema)) {
        warn_unmapped(draft, raw, on, schema);
    }
    return true;
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

void config_refer_tenant(struct config_draft *draft, const struct rg_schema_string *id)
{
    size_t at = 0;
    if (!is_possible_tenant(draft, id->text)) {
        (void)config_refer(draft, &draft->raw.tenants, sizeof(struct config_raw_tenant), "tenant", id, &at);
    }
}

static rg_status copy_tenants(struct config_draft *draft, const struct rg_schema_list *list, size_t *out_count,
                              const struct rg_slice **out_ids)
{
    struct rg_slice *ids = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *ids, (void **)&ids));
    for (size_t i = 0; i < list->count; i++) {
        ids[i] = list->items[i].text;
        config_refer_tenant(draft, &list->items[i]);
    }
    *out_count = list->count;
    *out_ids = ids;
    return RG_OK;
}

/* What is wrong here stands as x.x in the rows, so that policy_compile looks at the rest of the policy and
 * does not say the same again; with an error, its result is thrown away. */
static rg_status copy_on(struct config_draft *draft, const struct config_raw_policy *raw, struct policy_row *row)
{
    struct rg_slice *on = NULL;
    RG_TRY(rg_arena_array(draft->arena, raw->on.count + 1, sizeof *on, (void **)&on));
    on[0] = RG_SLICE("x.x");
    for (size_t i = 0; i < raw->on.count; i++) {
        bool is_sound = check_on(draft, raw, &raw->on.items[i]);
        on[i] = is_sound ? raw->on.items[i].text : RG_SLICE("x.x");
    }
    row->on = on;
    row->on_count = raw->on.count > 0 ? raw->on.count : 1;
    return RG_OK;
}

/* ---- where the text of a string begins, behind its quotes ---- */

static const struct config_file *file_of(const struct config_draft *draft, struct rg_place place)
{
    for (size_t i = 0; i < draft->file_count; i++) {
        if (draft->files[i].path.data == place.file) {
            return &draft->files[i];
        }
    }
    return NULL;
}

/* The rest of the file from place on. Columns count characters, not bytes. */
static struct rg_slice rest_from(const struct config_file *file, struct rg_place place)
{
    struct rg_slice bytes = file->bytes;
    size_t line = place.line == 0 ? 0 : place.line - 1;
    size_t at = line < file->line_count ? file->lines[line] : bytes.size;
    for (unsigned column = 1; at < bytes.size; at++) {
        if ((bytes.data[at] & 0xc0) != 0x80 && column++ == place.column) {
            break;
        }
    }
    return rg_slice_cut(bytes, at, bytes.size);
}

struct rg_place config_text_place(const struct config_draft *draft, struct rg_place place)
{
    const struct config_file *file = file_of(draft, place);
    struct rg_slice rest = file == NULL ? (struct rg_slice){NULL, 0} : rest_from(file, place);
    bool is_long = rg_slice_has_prefix(rest, RG_SLICE("\"\"\"")) || rg_slice_has_prefix(rest, RG_SLICE("'''"));
    struct rg_slice text = rg_slice_cut(rest, is_long ? 3 : 1, rest.size);
    if (is_long && (rg_slice_has_prefix(text, RG_SLICE("\n")) || rg_slice_has_prefix(text, RG_SLICE("\r\n")))) {
        return (struct rg_place){place.file, place.line + 1, 1}; /* a newline right behind ''' does not count */
    }
    place.column += is_long ? 3 : 1;
    return place;
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
        .using_place = config_text_place(draft, raw->using_text.place),
        .with_check_text = raw->with_check.text,
        .with_check_place = config_text_place(draft, raw->with_check.place),
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

static rg_status make_functions(struct config_draft *draft, const struct rg_schema_list *list, size_t *out_count,
                                const struct policy_function_row **out_rows)
{
    struct policy_function_row *rows = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *rows, (void **)&rows));
    for (size_t i = 0; i < list->count; i++) {
        rows[i] = (struct policy_function_row){list->items[i].text, list->items[i].place};
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
    RG_TRY(tenants_mapped_schemas(&draft->config->registry, draft->arena, &draft->mapped));
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
