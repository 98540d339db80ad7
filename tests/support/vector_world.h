/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_VECTOR_WORLD_H
#define RG_TESTS_SUPPORT_VECTOR_WORLD_H

#include <stdio.h>

#include "policy/policy.h"
#include "tests/support/vector_file.h"

/* The head of a vector file made real: policies compiled, one identity bound, one session. Only policy.h's
 * public functions; the configuration loader has no part in it. */

enum { VECTOR_LIST_MAX = 64 };

struct vector_prepared {
    struct rg_slice name;
    struct rg_slice text;
    size_t type_count;
    struct rg_slice types[8];
};

struct vector_world {
    struct rg_arena *arena;
    struct rg_slice tenant_id;
    struct rg_slice user;
    struct rg_slice database;
    size_t schema_count;
    struct tenant_schema schemas[VECTOR_LIST_MAX];
    size_t path_count;
    struct rg_slice path[VECTOR_LIST_MAX];
    size_t claim_count;
    struct auth_claim_spec claims[VECTOR_LIST_MAX];
    struct auth_claim_constant constants[VECTOR_LIST_MAX];
    size_t constant_count;
    size_t row_count;
    struct policy_row rows[VECTOR_LIST_MAX];
    size_t mask_count;
    struct policy_mask_row masks[VECTOR_LIST_MAX];
    struct policy_relations *relations;
    size_t allow_count;
    struct policy_function_row allow[VECTOR_LIST_MAX];
    size_t deny_count;
    struct policy_function_row deny[VECTOR_LIST_MAX];
    size_t prepared_count;
    struct vector_prepared prepared[VECTOR_LIST_MAX];
    enum policy_lock lock;
    enum policy_dialect dialect;
    struct policy_set *set;
    struct policy_binding *binding;
    struct policy_session session;
};

static inline rg_status vector_read(const char *path, struct rg_arena *arena, struct rg_slice *out_text)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return rg_fail(RG_CONFIG, "cannot open %s", path);
    }
    void *bytes = NULL;
    enum { SIZE_MAX_BYTES = 1 << 20 };
    rg_status status = rg_arena_alloc(arena, SIZE_MAX_BYTES, &bytes);
    size_t size = rg_is_ok(status) ? fread(bytes, 1, SIZE_MAX_BYTES, file) : 0;
    (void)fclose(file);
    RG_TRY(status);
    *out_text = rg_slice_make(bytes, size);
    return RG_OK;
}

static inline rg_status vector_list(struct vector_world *world, struct rg_slice text, char separator, size_t *out_count,
                                    const struct rg_slice **out_items)
{
    struct rg_slice *items = NULL;
    RG_TRY(rg_arena_array(world->arena, VECTOR_LIST_MAX, sizeof *items, (void **)&items));
    size_t count = 0;
    while (text.size > 0 && count < VECTOR_LIST_MAX) {
        items[count++] = vector_take(&text, separator);
    }
    *out_count = count;
    *out_items = items;
    return RG_OK;
}

static inline rg_status vector_policy_key(struct vector_world *world, struct policy_row *row, struct rg_slice key,
                                          struct rg_slice value)
{
    if (rg_slice_is_equal(key, RG_SLICE("on"))) {
        return vector_list(world, value, ',', &row->on_count, &row->on);
    }
    if (rg_slice_is_equal(key, RG_SLICE("to"))) {
        return vector_list(world, value, ',', &row->to_count, &row->to);
    }
    if (rg_slice_is_equal(key, RG_SLICE("except"))) {
        return vector_list(world, value, ',', &row->except_count, &row->except);
    }
    if (rg_slice_is_equal(key, RG_SLICE("name"))) {
        row->name = value;
    } else if (rg_slice_is_equal(key, RG_SLICE("group"))) {
        row->group = value;
    } else if (rg_slice_is_equal(key, RG_SLICE("isolation"))) {
        row->is_schema_isolated = rg_slice_is_equal(value, RG_SLICE("schema"));
    } else if (rg_slice_is_equal(key, RG_SLICE("allow_subselect"))) {
        row->allow_subselect = rg_slice_is_equal(value, RG_SLICE("true"));
    } else if (rg_slice_is_equal(key, RG_SLICE("for"))) {
        row->for_select = row->for_insert = row->for_update = row->for_delete = false;
        while (value.size > 0) {
            struct rg_slice word = vector_take(&value, ',');
            row->for_select |= rg_slice_is_equal(word, RG_SLICE("select"));
            row->for_insert |= rg_slice_is_equal(word, RG_SLICE("insert"));
            row->for_update |= rg_slice_is_equal(word, RG_SLICE("update"));
            row->for_delete |= rg_slice_is_equal(word, RG_SLICE("delete"));
        }
    } else {
        return rg_fail(RG_CONFIG, "policy key %.*s", rg_slice_shown(key), key.data);
    }
    return RG_OK;
}

static inline rg_status vector_policy(struct vector_world *world, struct rg_slice rest)
{
    struct policy_row *row = &world->rows[world->row_count++];
    *row = (struct policy_row){.for_select = true};
    RG_TRY(rg_arena_printf(world->arena, &row->name, "policy%zu", world->row_count));
    while (rest.size > 0) {
        struct rg_slice key = vector_take(&rest, '=');
        if (rg_slice_is_equal(key, RG_SLICE("using"))) {
            return rg_arena_copy(world->arena, vector_trim(rest), &row->using_text);
        }
        RG_TRY(vector_policy_key(world, row, key, vector_take(&rest, ' ')));
    }
    return RG_OK;
}

static inline rg_status vector_mask_with(struct policy_mask_row *mask, struct rg_slice value)
{
    static const char *const kinds[] = {
        [POLICY_MASK_DENY] = "deny",         [POLICY_MASK_NULL] = "null",       [POLICY_MASK_REDACT] = "redact",
        [POLICY_MASK_CONSTANT] = "constant", [POLICY_MASK_PARTIAL] = "partial", [POLICY_MASK_HASH] = "hash"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (rg_slice_is_equal(value, rg_slice_of(kinds[i]))) {
            mask->kind = (enum policy_mask_kind)i;
            return RG_OK;
        }
    }
    return rg_fail(RG_CONFIG, "with=%.*s", rg_slice_shown(value), value.data);
}

static inline int64_t vector_number(struct rg_slice text)
{
    int64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        number = number * 10 + (text.data[i] - '0');
    }
    return number;
}

static inline rg_status vector_mask_key(struct vector_world *world, struct policy_mask_row *mask, struct rg_slice key,
                                        struct rg_slice value)
{
    if (rg_slice_is_equal(key, RG_SLICE("columns"))) {
        return vector_list(world, value, ',', &mask->column_count, &mask->columns);
    }
    if (rg_slice_is_equal(key, RG_SLICE("with"))) {
        return vector_mask_with(mask, value);
    }
    if (rg_slice_is_equal(key, RG_SLICE("keep_first"))) {
        mask->keep_first = vector_number(value);
    } else if (rg_slice_is_equal(key, RG_SLICE("keep_last"))) {
        mask->keep_last = vector_number(value);
    } else if (rg_slice_is_equal(key, RG_SLICE("constant"))) {
        mask->constant = value;
    } else if (rg_slice_is_equal(key, RG_SLICE("salt"))) {
        mask->salt = value;
    } else if (rg_slice_is_equal(key, RG_SLICE("in_predicates"))) {
        mask->allow_in_predicates = rg_slice_is_equal(value, RG_SLICE("allow"));
    } else {
        return rg_fail(RG_CONFIG, "mask key %.*s", rg_slice_shown(key), key.data);
    }
    return RG_OK;
}

static inline rg_status vector_mask(struct vector_world *world, struct rg_slice rest)
{
    struct policy_mask_row *mask = &world->masks[world->mask_count++];
    while (rest.size > 0) {
        struct rg_slice key = vector_take(&rest, '=');
        if (rg_slice_is_equal(key, RG_SLICE("unless"))) {
            return rg_arena_copy(world->arena, vector_trim(rest), &mask->unless_text);
        }
        RG_TRY(vector_mask_key(world, mask, key, vector_take(&rest, ' ')));
    }
    return RG_OK;
}

static inline rg_status vector_snapshot(struct vector_world *world, const char *folder, struct rg_slice name)
{
    struct rg_slice path = {0};
    struct rg_slice text = {0};
    RG_TRY(rg_arena_printf(world->arena, &path, "%s/%.*s", folder, rg_slice_shown(name), name.data));
    RG_TRY(vector_read(path.data, world->arena, &text));
    policy_relations_free(&world->relations);
    return policy_relations_parse(text, &world->relations);
}

static inline rg_status vector_claim(struct vector_world *world, struct rg_slice rest)
{
    struct rg_slice words = vector_take(&rest, '=');
    struct rg_slice value = vector_trim(rest);
    struct auth_claim_spec *spec = &world->claims[world->claim_count++];
    *spec = (struct auth_claim_spec){.name = vector_take(&words, ' ')};
    if (!auth_type_find(vector_take(&words, ' '), &spec->type)) {
        return rg_fail(RG_CONFIG, "type of claim %.*s", rg_slice_shown(spec->name), spec->name.data);
    }
    spec->required = rg_slice_is_equal(words, RG_SLICE("required"));
    if (rg_slice_is_equal(value, RG_SLICE("absent"))) {
        return RG_OK;
    }
    struct auth_claim_constant *constant = &world->constants[world->constant_count++];
    constant->name = spec->name;
    if (spec->type.is_array) {
        value = rg_slice_cut(value, 1, value.size < 2 ? 0 : value.size - 2);
    }
    return vector_list(world, value, spec->type.is_array ? ',' : '\n', &constant->text_count, &constant->texts);
}

static inline rg_status vector_tenant(struct vector_world *world, struct rg_slice rest)
{
    world->tenant_id = vector_take(&rest, ' ');
    if (!rg_slice_is_equal(vector_take(&rest, ' '), RG_SLICE("schemas"))) {
        return rg_fail(RG_CONFIG, "tenant NAME schemas a=b,...");
    }
    while (rest.size > 0) {
        struct rg_slice pair = vector_take(&rest, ',');
        struct tenant_schema *schema = &world->schemas[world->schema_count++];
        schema->logical = vector_take(&pair, '=');
        schema->physical = vector_trim(pair);
    }
    return RG_OK;
}

static inline rg_status vector_functions(struct rg_slice rest, struct policy_function_row *rows, size_t *count)
{
    while (rest.size > 0) {
        rows[(*count)++].name = vector_take(&rest, ',');
    }
    return RG_OK;
}

static inline rg_status vector_prepared(struct vector_world *world, struct rg_slice rest)
{
    struct vector_prepared *prepared = &world->prepared[world->prepared_count++];
    struct rg_slice head = vector_take(&rest, '=');
    prepared->text = vector_trim(rest);
    prepared->name = vector_take(&head, '(');
    struct rg_slice types = vector_take(&head, ')');
    while (types.size > 0) {
        prepared->types[prepared->type_count++] = vector_take(&types, ',');
    }
    return RG_OK;
}

static inline rg_status vector_world_load(struct vector_world *world, const char *folder, struct rg_slice head);

static inline rg_status vector_use(struct vector_world *world, const char *folder, struct rg_slice name)
{
    struct rg_slice path = {0};
    struct rg_slice text = {0};
    RG_TRY(rg_arena_printf(world->arena, &path, "%s/%.*s", folder, rg_slice_shown(name), name.data));
    RG_TRY(vector_read(path.data, world->arena, &text));
    return vector_world_load(world, folder, text);
}

static inline rg_status vector_directive(struct vector_world *world, const char *folder, struct rg_slice line)
{
    struct rg_slice rest = {0};
    if (vector_is(line, "use", &rest)) {
        return vector_use(world, folder, rest);
    }
    if (vector_is(line, "policy", &rest)) {
        return vector_policy(world, rest);
    }
    if (vector_is(line, "mask", &rest)) {
        return vector_mask(world, rest);
    }
    if (vector_is(line, "snapshot", &rest)) {
        return vector_snapshot(world, folder, rest);
    }
    if (vector_is(line, "claim", &rest)) {
        return vector_claim(world, rest);
    }
    if (vector_is(line, "tenant", &rest)) {
        return vector_tenant(world, rest);
    }
    if (vector_is(line, "prepared", &rest)) {
        return vector_prepared(world, rest);
    }
    if (vector_is(line, "allow_function", &rest)) {
        world->allow[world->allow_count++].name = rest;
        return RG_OK;
    }
    if (vector_is(line, "allow_functions", &rest)) {
        return vector_functions(rest, world->allow, &world->allow_count);
    }
    if (vector_is(line, "deny_functions", &rest)) {
        return vector_functions(rest, world->deny, &world->deny_count);
    }
    if (vector_is(line, "search_path", &rest)) {
        while (rest.size > 0) {
            world->path[world->path_count++] = vector_take(&rest, ',');
        }
        return RG_OK;
    }
    if (vector_is(line, "dialect", &rest)) {
        world->dialect = rg_slice_is_equal(rest, RG_SLICE("hyper")) ? POLICY_HYPER : POLICY_POSTGRES;
        return RG_OK;
    }
    if (vector_is(line, "lock", &rest)) {
        world->lock = rg_slice_is_equal(rest, RG_SLICE("set_role")) ? POLICY_LOCK_SET_ROLE : POLICY_LOCK_SET_LOCAL;
        return RG_OK;
    }
    if (vector_is(line, "user", &world->user) || vector_is(line, "database", &world->database)) {
        return RG_OK;
    }
    /* two dashes without a space begin a remark */
    return rg_slice_has_prefix(line, RG_SLICE("-- ")) || (line.size > 0 && line.data[0] != '-')
               ? rg_fail(RG_CONFIG, "unknown line in a head: %.*s", rg_slice_shown(line), line.data)
               : RG_OK;
}

static inline rg_status vector_world_load(struct vector_world *world, const char *folder, struct rg_slice head)
{
    struct vector_line line = {0};
    while (vector_line_take(&head, &line)) {
        RG_TRY(vector_directive(world, folder, line.text));
    }
    return RG_OK;
}

static inline bool vector_find_prepared(void *context, struct rg_slice name, struct rg_slice *out_text,
                                        size_t *out_type_count, const struct rg_slice **out_types)
{
    const struct vector_world *world = context;
    for (size_t i = 0; i < world->prepared_count; i++) {
        if (rg_slice_is_equal(world->prepared[i].name, name)) {
            *out_text = world->prepared[i].text;
            *out_type_count = world->prepared[i].type_count;
            *out_types = world->prepared[i].types;
            return true;
        }
    }
    return false;
}

static inline rg_status vector_compile(struct vector_world *world)
{
    struct rg_diag diag = {0};
    rg_diag_init(&diag, world->arena);
    struct policy_source source = {
        .claim_count = world->claim_count,
        .claims = world->claims,
        .row_count = world->row_count,
        .rows = world->rows,
        .function_allow_count = world->allow_count,
        .function_allow = world->allow,
        .function_deny_count = world->deny_count,
        .function_deny = world->deny,
        .mask_count = world->mask_count,
        .masks = world->masks,
    };
    rg_status status = policy_compile(&source, &diag, &world->set);
    bool is_bad = !rg_is_ok(status); /* warnings are the configuration's */
    for (const struct rg_finding *finding = diag.first; is_bad && finding != NULL; finding = finding->next) {
        (void)fprintf(stderr, "policy: %.*s\n", rg_slice_shown(finding->text), finding->text.data);
    }
    return status;
}

static inline rg_status vector_bind(struct vector_world *world)
{
    const struct auth_claim_value *values = NULL;
    RG_TRY(auth_claims_from_constants(world->claims, world->claim_count, world->constants, world->constant_count,
                                      world->arena, &values));
    struct auth_identity identity = {
        .kind = AUTH_OIDC,
        .idp = RG_SLICE("main"),
        .subject = world->user,
        .user = world->user,
        .claim_count = world->claim_count,
        .claims = values,
    };
    struct tenant tenant = {
        .id = world->tenant_id,
        .route = {.schema_count = world->schema_count, .schemas = world->schemas},
    };
    struct policy_subject subject = {.tenant = &tenant,
                                     .identity = &identity,
                                     .database = world->database,
                                     .lock = world->lock,
                                     .dialect = world->dialect};
    return policy_bind(world->set, &subject, &world->binding);
}

static inline rg_status vector_world_init(struct vector_world *world, const char *folder, struct rg_slice head)
{
    world->user = RG_SLICE("alice");
    world->database = RG_SLICE("bi");
    RG_TRY(vector_world_load(world, folder, head));
    RG_TRY(vector_compile(world));
    RG_TRY(vector_bind(world));
    world->session = (struct policy_session){
        .search_path_count = world->path_count,
        .search_path = world->path,
        .user = world->user,
        .pid = 4711,
        .relations = world->relations,
        .find_prepared = vector_find_prepared,
        .context = world,
    };
    return RG_OK;
}

static inline void vector_world_done(struct vector_world *world)
{
    policy_binding_free(&world->binding);
    policy_set_free(&world->set);
    policy_relations_free(&world->relations);
}

#endif
