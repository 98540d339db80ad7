/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a token's claims, or an account's constants, into typed values. Both roads end in add_element, so
 * a value has passed the same checks wherever it came from. Error texts name claims and types only. */
#include "auth/claims_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One claim on its way: its spec, where its value goes, and the kind that a refusal has. */
struct claim {
    const struct auth_claim_spec *spec;
    enum rg_kind kind;
    struct rg_arena *arena;
    struct rg_slice *elements;
    size_t capacity;
    size_t count;
};

static rg_status fail_type(const struct claim *claim)
{
    const char *wanted = auth_type_sql(claim->spec->type);
    return rg_fail(claim->kind, "claim \"%.*s\" is not of type %s", rg_slice_shown(claim->spec->name),
                   claim->spec->name.data, wanted == NULL ? "(none)" : wanted + sizeof "pg_catalog." - 1);
}

static size_t max_elements(const struct auth_claim_spec *spec)
{
    size_t max = spec->max_elements == 0 ? AUTH_CLAIM_DEFAULT_ELEMENTS : spec->max_elements;
    max = max > AUTH_CLAIM_MAX_ELEMENTS ? AUTH_CLAIM_MAX_ELEMENTS : max;
    return spec->type.is_array ? max : 1;
}

static rg_status reserve(struct claim *claim, size_t count)
{
    size_t max = max_elements(claim->spec);
    if (count > max) {
        return rg_fail(claim->kind, "claim \"%.*s\" has %zu elements, limit %zu", rg_slice_shown(claim->spec->name),
                       claim->spec->name.data, count, max);
    }
    void *memory = NULL;
    RG_TRY(rg_arena_array(claim->arena, count, sizeof *claim->elements, &memory));
    claim->elements = memory;
    claim->capacity = count;
    return RG_OK;
}

static rg_status add_element(struct claim *claim, struct rg_slice text)
{
    RG_ASSERT(claim->count < claim->capacity);
    const struct auth_claim_spec *spec = claim->spec;
    size_t max_bytes = spec->max_bytes == 0 ? AUTH_CLAIM_DEFAULT_BYTES : spec->max_bytes;
    if (text.size > max_bytes) {
        return rg_fail(claim->kind, "claim \"%.*s\" has a value of %zu bytes, limit %zu", rg_slice_shown(spec->name),
                       spec->name.data, text.size, max_bytes);
    }
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(claim->arena, text.size + 1, &memory));
    char *copy = memory;
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    if (!auth_scalar_accept(spec->type.scalar, copy, text.size)) {
        return fail_type(claim);
    }
    for (size_t i = 0; spec->lower && spec->type.scalar == AUTH_SCALAR_TEXT && i < text.size; i++) {
        copy[i] = copy[i] >= 'A' && copy[i] <= 'Z' ? (char)(copy[i] - 'A' + 'a') : copy[i];
    }
    claim->elements[claim->count++] = (struct rg_slice){copy, text.size};
    return RG_OK;
}

/* A JSON number is a double: only what survives 15 digits is taken, the rest must come as a string. */
static rg_status add_real(struct claim *claim, double value)
{
    char text[64];
    int size = snprintf(text, sizeof text, "%.15g", value);
    bool is_exact = size > 0 && strtod(text, NULL) == value;
    if (claim->spec->type.scalar != AUTH_SCALAR_NUMERIC || !is_exact) {
        return fail_type(claim);
    }
    return add_element(claim, (struct rg_slice){text, (size_t)size});
}

static bool is_number_type(enum auth_scalar scalar)
{
    return scalar == AUTH_SCALAR_INT4 || scalar == AUTH_SCALAR_INT8 || scalar == AUTH_SCALAR_NUMERIC;
}

static rg_status add_json(struct claim *claim, const json_t *json)
{
    enum auth_scalar scalar = claim->spec->type.scalar;
    if (json_is_string(json)) {
        return add_element(claim, (struct rg_slice){json_string_value(json), json_string_length(json)});
    }
    if (json_is_integer(json) && is_number_type(scalar)) {
        char text[32];
        int size = snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        return add_element(claim, (struct rg_slice){text, (size_t)size});
    }
    if (json_is_real(json)) {
        return add_real(claim, json_real_value(json));
    }
    if (json_is_boolean(json) && scalar == AUTH_SCALAR_BOOL) {
        return add_element(claim, json_is_true(json) ? RG_SLICE("true") : RG_SLICE("false"));
    }
    return fail_type(claim);
}

static rg_status add_json_array(struct claim *claim, const json_t *array)
{
    size_t count = json_array_size(array);
    RG_TRY(reserve(claim, count));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(add_json(claim, json_array_get(array, i)));
    }
    return RG_OK;
}

/* The next non-empty piece of *rest; false at the end. */
static bool get_piece(struct rg_slice *rest, struct rg_slice separator, struct rg_slice *out_piece)
{
    while (rest->size > 0) {
        const char *found = memmem(rest->data, rest->size, separator.data, separator.size);
        size_t size = found == NULL ? rest->size : (size_t)(found - rest->data);
        *out_piece = rg_slice_cut(*rest, 0, size);
        *rest = rg_slice_cut(*rest, found == NULL ? size : size + separator.size, SIZE_MAX);
        if (size > 0) {
            return true;
        }
    }
    return false;
}

static rg_status add_split(struct claim *claim, struct rg_slice text)
{
    struct rg_slice rest = text;
    struct rg_slice piece = {0};
    size_t count = 0;
    while (get_piece(&rest, claim->spec->split, &piece)) {
        count++;
    }
    RG_TRY(reserve(claim, count));
    rest = text;
    while (get_piece(&rest, claim->spec->split, &piece)) {
        RG_TRY(add_element(claim, piece));
    }
    return RG_OK;
}

static rg_status read_json(struct claim *claim, const json_t *json)
{
    if (!claim->spec->type.is_array) {
        RG_TRY(reserve(claim, 1));
        return add_json(claim, json);
    }
    if (json_is_array(json)) {
        return add_json_array(claim, json);
    }
    if (json_is_string(json) && claim->spec->split.size > 0) {
        return add_split(claim, (struct rg_slice){json_string_value(json), json_string_length(json)});
    }
    return fail_type(claim);
}

/* "$.a.b" walks objects; any other path is one member's whole name, dots and slashes included. */
static const json_t *find_path(const json_t *claims, const struct auth_claim_spec *spec)
{
    struct rg_slice path = spec->oidc_path.size > 0 ? spec->oidc_path : spec->name;
    if (!rg_slice_has_prefix(path, RG_SLICE("$."))) {
        return json_object_getn(claims, path.data, path.size);
    }
    struct rg_slice rest = rg_slice_cut(path, 2, SIZE_MAX);
    const json_t *at = claims;
    while (at != NULL) {
        const char *dot = rest.size == 0 ? NULL : memchr(rest.data, '.', rest.size);
        size_t size = dot == NULL ? rest.size : (size_t)(dot - rest.data);
        at = json_object_getn(at, rest.data, size);
        if (dot == NULL) {
            return at;
        }
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    return NULL;
}

static rg_status finish(const struct claim *claim, bool is_present, struct auth_claim_value *out_value)
{
    const struct auth_claim_spec *spec = claim->spec;
    if (spec->required && (!is_present || claim->count == 0)) {
        return rg_fail(claim->kind, "required claim \"%.*s\" is missing", rg_slice_shown(spec->name), spec->name.data);
    }
    *out_value = (struct auth_claim_value){
        .is_present = is_present, .type = spec->type, .count = claim->count, .elements = claim->elements};
    return RG_OK;
}

rg_status auth_claims_from_json(const struct auth_claim_spec *specs, size_t spec_count, const json_t *claims,
                                struct rg_arena *arena, const struct auth_claim_value **out_values)
{
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, spec_count, sizeof(struct auth_claim_value), &memory));
    struct auth_claim_value *values = memory;
    for (size_t i = 0; i < spec_count; i++) {
        struct claim claim = {.spec = &specs[i], .kind = RG_DENIED, .arena = arena};
        const json_t *json = find_path(claims, &specs[i]);
        bool is_present = json != NULL && !json_is_null(json);
        if (is_present) {
            RG_TRY(read_json(&claim, json));
        }
        RG_TRY(finish(&claim, is_present, &values[i]));
    }
    *out_values = values;
    return RG_OK;
}

static rg_status read_constant(struct claim *claim, const struct auth_claim_constant *constant)
{
    if (!claim->spec->type.is_array && constant->text_count != 1) {
        return fail_type(claim);
    }
    RG_TRY(reserve(claim, constant->text_count));
    for (size_t i = 0; i < constant->text_count; i++) {
        RG_TRY(add_element(claim, constant->texts[i]));
    }
    return RG_OK;
}

/* A SAML attribute: texts, of which a single one may be cut like a token's string. */
static rg_status read_attribute(struct claim *claim, const struct auth_claim_constant *attribute)
{
    if (claim->spec->type.is_array && claim->spec->split.size > 0 && attribute->text_count == 1) {
        return add_split(claim, attribute->texts[0]);
    }
    return read_constant(claim, attribute);
}

rg_status auth_claims_from_attributes(const struct auth_claim_spec *specs, size_t spec_count,
                                      const struct auth_claim_constant *attributes, size_t attribute_count,
                                      struct rg_arena *arena, const struct auth_claim_value **out_values)
{
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, spec_count, sizeof(struct auth_claim_value), &memory));
    struct auth_claim_value *values = memory;
    for (size_t i = 0; i < spec_count; i++) {
        struct claim claim = {.spec = &specs[i], .kind = RG_DENIED, .arena = arena};
        struct rg_slice name = specs[i].saml_name.size > 0 ? specs[i].saml_name : specs[i].name;
        const struct auth_claim_constant *attribute = NULL;
        for (size_t j = 0; j < attribute_count && attribute == NULL; j++) {
            attribute = rg_slice_is_equal(attributes[j].name, name) ? &attributes[j] : NULL;
        }
        if (attribute != NULL && attribute->text_count > 0) {
            RG_TRY(read_attribute(&claim, attribute));
        }
        RG_TRY(finish(&claim, attribute != NULL && (attribute->text_count > 0 || specs[i].type.is_array), &values[i]));
    }
    *out_values = values;
    return RG_OK;
}

static size_t find_spec(const struct auth_claim_spec *specs, size_t count, struct rg_slice name)
{
    size_t i = 0;
    while (i < count && !rg_slice_is_equal(specs[i].name, name)) {
        i++;
    }
    return i;
}

static rg_status check_constant_names(const struct auth_claim_spec *specs, size_t spec_count,
                                      const struct auth_claim_constant *constants, size_t constant_count)
{
    for (size_t i = 0; i < constant_count; i++) {
        struct rg_slice name = constants[i].name;
        if (find_spec(specs, spec_count, name) == spec_count) {
            return rg_fail(RG_CONFIG, "claim \"%.*s\" is not declared in [claims]", rg_slice_shown(name), name.data);
        }
        for (size_t j = 0; j < i; j++) {
            if (rg_slice_is_equal(constants[j].name, name)) {
                return rg_fail(RG_CONFIG, "claim \"%.*s\" is given twice", rg_slice_shown(name), name.data);
            }
        }
    }
    return RG_OK;
}

rg_status auth_claims_from_constants(const struct auth_claim_spec *specs, size_t spec_count,
                                     const struct auth_claim_constant *constants, size_t constant_count,
                                     struct rg_arena *arena, const struct auth_claim_value **out_values)
{
    RG_TRY(check_constant_names(specs, spec_count, constants, constant_count));
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, spec_count, sizeof(struct auth_claim_value), &memory));
    struct auth_claim_value *values = memory;
    for (size_t i = 0; i < spec_count; i++) {
        struct claim claim = {.spec = &specs[i], .kind = RG_CONFIG, .arena = arena};
        const struct auth_claim_constant *constant = NULL;
        for (size_t j = 0; j < constant_count; j++) {
            constant = rg_slice_is_equal(constants[j].name, specs[i].name) ? &constants[j] : constant;
        }
        if (constant != NULL) {
            RG_TRY(read_constant(&claim, constant));
        }
        RG_TRY(finish(&claim, constant != NULL, &values[i]));
    }
    *out_values = values;
    return RG_OK;
}
