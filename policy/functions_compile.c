/* SPDX-License-Identifier: Apache-2.0 */
/* [functions] of the configuration: what beside the built-in list may be called, and what of it may not. Denying
 * wins. A name without types is one of pg_catalog's; a tenant's own function is listed with schema and types. Called
 * by policy_compile. */
#include "policy/functions.h"
#include "policy/set_private.h"

#include <stdlib.h>

enum { NAME_BYTES = 63 };

struct rows {
    const struct policy_source *source;
    struct rg_diag *diag;
    struct policy_set *set;
    size_t deny_own_count; /* "schema.name" of deny */
    struct policy_pattern *deny_own;
    size_t name_count;
    struct rg_slice *names;
    size_t signature_count;
    struct policy_signature *signatures;
};

static bool is_listed(const struct rg_slice *names, size_t count, struct rg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

bool policy_set_calls(const struct policy_set *set, struct rg_slice function)
{
    const struct function_row *row = NULL;
    enum function_rule rule = function_find(function, &row);
    return !is_listed(set->function_deny, set->function_deny_count, function) &&
           (rule == FUNCTION_ALLOWED ||
            (rule == FUNCTION_DENIED && is_listed(set->function_allow, set->function_allow_count, function)));
}

/* "name" or "schema.name", as written. */
static bool split(struct rg_slice text, struct policy_pattern *out)
{
    const char *dot = text.size == 0 ? NULL : memchr(text.data, '.', text.size);
    size_t at = dot == NULL ? 0 : (size_t)(dot - text.data);
    struct rg_slice schema = dot == NULL ? RG_SLICE("pg_catalog") : rg_slice_cut(text, 0, at);
    struct rg_slice name = dot == NULL ? text : rg_slice_cut(text, at + 1, text.size);
    *out = (struct policy_pattern){schema, name};
    return schema.size > 0 && schema.size <= NAME_BYTES && name.size > 0 && name.size <= NAME_BYTES &&
           memchr(name.data, '.', name.size) == NULL;
}

static bool is_builtin(struct rg_slice schema)
{
    return rg_slice_is_equal(schema, RG_SLICE("pg_catalog"));
}

static void complain(struct rows *rows, const struct policy_function_row *row, const char *why)
{
    rg_diag_error(rows->diag, row->place, "\"%.*s\": %s", rg_slice_shown(row->name), row->name.data, why);
}

static bool has_types(struct rg_slice text)
{
    return text.size > 0 && memchr(text.data, '(', text.size) != NULL;
}

/* ---- deny ---- */

static rg_status take_deny(struct rows *rows)
{
    struct policy_set *set = rows->set;
    size_t count = rows->source->function_deny_count;
    struct rg_slice *names = NULL;
    RG_TRY(rg_arena_array(&set->arena, count + 1, sizeof *names, (void **)&names));
    RG_TRY(rg_arena_array(&set->arena, count + 1, sizeof *rows->deny_own, (void **)&rows->deny_own));
    for (size_t i = 0; i < count; i++) {
        const struct policy_function_row *row = &rows->source->function_deny[i];
        struct rg_slice text = {0};
        struct policy_pattern name = {0};
        RG_TRY(rg_arena_copy(&set->arena, row->name, &text));
        if (!split(text, &name) || has_types(text)) {
            complain(rows, row, "deny takes the name of a function, \"name\" or \"schema.name\", without its types");
        } else if (is_builtin(name.schema)) {
            names[set->function_deny_count++] = name.name;
        } else {
            rows->deny_own[rows->deny_own_count++] = name;
        }
    }
    set->function_deny = names;
    return RG_OK;
}

static bool is_denied(const struct rows *rows, struct rg_slice schema, struct rg_slice name)
{
    for (size_t i = 0; i < rows->deny_own_count; i++) {
        if (rg_slice_is_equal(rows->deny_own[i].schema, schema) && rg_slice_is_equal(rows->deny_own[i].name, name)) {
            return true;
        }
    }
    return is_builtin(schema) && is_listed(rows->set->function_deny, rows->set->function_deny_count, name);
}

/* ---- allow ---- */

/* false: listing it adds nothing, or is refused. */
static bool judge(struct rows *rows, const struct policy_function_row *row, struct rg_slice schema,
                  struct rg_slice name)
{
    const struct function_row *known = NULL;
    enum function_rule rule = is_builtin(schema) ? function_find(name, &known) : FUNCTION_DENIED;
    const char *never = function_never(name, is_builtin(schema));
    if (never != NULL) {
        rg_diag_error(rows->diag, row->place, "\"%.*s\" can never be allowed: %s", rg_slice_shown(row->name),
                      row->name.data, never);
        return false;
    }
    if (is_denied(rows, schema, name)) {
        rg_diag_warning(rows->diag, row->place, "\"%.*s\" is denied too, and denying wins", rg_slice_shown(row->name),
                        row->name.data);
        return false;
    }
    if (rule != FUNCTION_DENIED) {
        rg_diag_warning(rows->diag, row->place, "\"%.*s\" is on the built-in list already: this row changes nothing",
                        rg_slice_shown(row->name), row->name.data);
        return false;
    }
    if (is_builtin(schema)) {
        rg_diag_warning(rows->diag, row->place,
                        "\"%.*s\" is not on the built-in list: make sure that it tells nothing but its arguments",
                        rg_slice_shown(row->name), row->name.data);
    }
    return true;
}

static rg_status take_name(struct rows *rows, const struct policy_function_row *row)
{
    struct policy_set *set = rows->set;
    struct rg_slice text = {0};
    struct policy_pattern name = {0};
    RG_TRY(rg_arena_copy(&set->arena, row->name, &text));
    if (!split(text, &name)) {
        complain(rows, row, "is no function's name");
        return RG_OK;
    }
    if (!is_builtin(name.schema)) {
        complain(rows, row,
                 "a function that is not of pg_catalog needs the types of its arguments: "
                 "\"schema.name(type, ...)\"");
        return RG_OK;
    }
    if (judge(rows, row, name.schema, name.name) && !is_listed(rows->names, set->function_allow_count, name.name)) {
        rows->names[set->function_allow_count++] = name.name;
    }
    return RG_OK;
}

/* With two of a name and number of arguments, a call would not say which. */
static bool is_ambiguous(const struct rows *rows, const struct policy_signature *signature)
{
    bool is_named =
        is_builtin(signature->schema) && is_listed(rows->names, rows->set->function_allow_count, signature->name);
    for (size_t i = 0; i < rows->signature_count; i++) {
        const struct policy_signature *other = &rows->signatures[i];
        is_named = is_named || (other->count == signature->count && rg_slice_is_equal(other->name, signature->name) &&
                                rg_slice_is_equal(other->schema, signature->schema));
    }
    return is_named;
}

static rg_status take_signature(struct rows *rows, const struct policy_function_row *row)
{
    struct policy_signature signature = {0};
    const char *mistake = NULL;
    RG_TRY(sql_signature_parse(row->name, &rows->set->arena, &signature, &mistake));
    if (mistake != NULL) {
        complain(rows, row, mistake);
    } else if (is_ambiguous(rows, &signature)) {
        complain(rows, row, "another row allows this name with as many arguments");
    } else if (judge(rows, row, signature.schema, signature.name)) {
        rows->signatures[rows->signature_count++] = signature;
    }
    return RG_OK;
}

static rg_status take_allow(struct rows *rows)
{
    size_t count = rows->source->function_allow_count;
    struct rg_arena *arena = &rows->set->arena;
    RG_TRY(rg_arena_array(arena, count + 1, sizeof *rows->names, (void **)&rows->names));
    RG_TRY(rg_arena_array(arena, count + 1, sizeof *rows->signatures, (void **)&rows->signatures));
    for (size_t i = 0; i < count; i++) { /* names first: the order of rows means nothing */
        const struct policy_function_row *row = &rows->source->function_allow[i];
        if (!has_types(row->name)) {
            RG_TRY(take_name(rows, row));
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct policy_function_row *row = &rows->source->function_allow[i];
        if (has_types(row->name)) {
            RG_TRY(take_signature(rows, row));
        }
    }
    rows->set->function_allow = rows->names;
    rows->set->signatures = rows->signatures;
    rows->set->signature_count = rows->signature_count;
    return RG_OK;
}

/* ---- what the checker is told ---- */

static int compare_slices(const void *left, const void *right)
{
    const struct rg_slice *a = left;
    const struct rg_slice *b = right;
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static rg_status list_names(struct policy_set *set)
{
    struct rg_slice *names = NULL;
    size_t count = 0;
    size_t room = function_count() + set->function_allow_count + 1;
    RG_TRY(rg_arena_array(&set->arena, room, sizeof *names, (void **)&names));
    for (size_t i = 0; i < function_count(); i++) {
        struct rg_slice name = rg_slice_of(function_at(i)->name);
        if (function_at(i)->rule == FUNCTION_ALLOWED && policy_set_calls(set, name)) {
            names[count++] = name;
        }
    }
    for (size_t i = 0; i < set->function_allow_count; i++) {
        names[count++] = set->function_allow[i];
    }
    if (count > 1) {
        qsort(names, count, sizeof *names, compare_slices);
    }
    set->functions = names;
    set->function_count = count;
    return RG_OK;
}

rg_status policy_functions_compile(const struct policy_source *source, struct rg_diag *diag, struct policy_set *set)
{
    struct rows rows = {.source = source, .diag = diag, .set = set};
    RG_TRY(take_deny(&rows));
    RG_TRY(take_allow(&rows));
    return list_names(set);
}

/* ---- of one binding ---- */

static rg_status list_types(struct rg_arena *arena, const struct policy_signature *signature,
                            struct check_function *out_function)
{
    struct rg_slice *types = NULL;
    RG_TRY(rg_arena_array(arena, signature->count + 1, sizeof *types, (void **)&types));
    for (size_t i = 0; i < signature->count; i++) {
        RG_TRY(rg_arena_printf(arena, &types[i], "%.*s%s", (int)signature->arguments[i].type.size,
                               signature->arguments[i].type.data, signature->arguments[i].is_array ? "[]" : ""));
    }
    out_function->types = types;
    out_function->argument_count = signature->count;
    return RG_OK;
}

/* A schema that the route does not map is not this tenant's: what is listed in it is nobody's here. */
rg_status policy_functions_bind(struct policy_binding *binding)
{
    const struct policy_set *set = binding->set;
    struct policy_bound_signature *bound = NULL;
    struct check_function *functions = NULL;
    RG_TRY(rg_arena_array(&binding->arena, set->signature_count + 1, sizeof *bound, (void **)&bound));
    RG_TRY(rg_arena_array(&binding->arena, set->signature_count + 1, sizeof *functions, (void **)&functions));
    for (size_t i = 0; i < set->signature_count; i++) {
        const struct policy_signature *signature = &set->signatures[i];
        struct rg_slice physical = signature->schema;
        bool is_known = is_builtin(signature->schema);
        for (size_t j = 0; !is_known && j < binding->schema_count; j++) {
            is_known = rg_slice_is_equal(binding->schemas[j].logical, signature->schema);
            physical = is_known ? binding->schemas[j].physical : physical;
        }
        if (is_known) {
            size_t at = binding->signature_count++;
            bound[at] = (struct policy_bound_signature){signature, physical};
            functions[at] = (struct check_function){.schema = physical, .name = signature->name};
            RG_TRY(list_types(&binding->arena, signature, &functions[at]));
        }
    }
    binding->signatures = bound;
    binding->check_functions = functions;
    return RG_OK;
}
