/* SPDX-License-Identifier: Apache-2.0 */
/* A policy set bound to one identity: which relations it may reach, under which physical names, with which
 * predicate. What no row names stays out of reach. */
#include "base/rg_buf.h"
#include "base/rg_memory.h"
#include "policy/set_private.h"

enum { BINDING_LIMIT_BYTES = 64 << 20 };

static bool is_listed(const struct rg_slice *names, size_t count, struct rg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(names[i], name)) {
            return true;
        }
    }
    return false;
}

bool policy_map_find(const struct policy_binding *binding, struct rg_slice logical, struct rg_slice *out_physical)
{
    for (size_t i = 0; i < binding->schema_count; i++) {
        if (rg_slice_is_equal(binding->schemas[i].logical, logical)) {
            *out_physical = binding->schemas[i].physical;
            return true;
        }
    }
    return false;
}

bool policy_schema_find(const struct policy_binding *binding, struct rg_slice logical, struct rg_slice *out_physical)
{
    for (size_t i = 0; i < binding->bound_count; i++) {
        if (rg_slice_is_equal(binding->bounds[i].logical, logical)) {
            *out_physical = binding->bounds[i].physical;
            return true;
        }
    }
    return policy_map_find(binding, logical, out_physical);
}

const struct policy_bound *policy_bound_find(const struct policy_binding *binding, struct rg_slice schema,
                                             struct rg_slice name)
{
    const struct policy_bound *any = NULL;
    for (size_t i = 0; i < binding->bound_count; i++) {
        const struct policy_bound *bound = &binding->bounds[i];
        if (rg_slice_is_equal(bound->logical, schema)) {
            if (rg_slice_is_equal(bound->name, name)) {
                return bound;
            }
            any = bound->name.size == 0 ? bound : any;
        }
    }
    return any;
}

/* ---- what the catalogue's templates must know ---- */

static rg_status list_shared(struct policy_binding *binding)
{
    struct rg_arena *arena = &binding->arena;
    struct rg_slice *names = NULL;
    struct rg_slice *physical = NULL;
    struct rg_slice *logical = NULL;
    RG_TRY(rg_arena_array(arena, binding->bound_count + 1, sizeof *names, (void **)&names));
    RG_TRY(rg_arena_array(arena, binding->bound_count + 1, sizeof *physical, (void **)&physical));
    RG_TRY(rg_arena_array(arena, binding->bound_count + 1, sizeof *logical, (void **)&logical));
    for (size_t i = 0; i < binding->bound_count; i++) {
        const struct policy_bound *bound = &binding->bounds[i];
        if (bound->is_own || !bound->for_select || bound->name.size == 0) {
            continue;
        }
        RG_TRY(rg_arena_printf(arena, &names[binding->shared_count++], "%.*s.%.*s", RG_SLICE_ARGS(bound->physical),
                               RG_SLICE_ARGS(bound->name)));
        if (!is_listed(physical, binding->shared_schema_count, bound->physical)) {
            physical[binding->shared_schema_count] = bound->physical;
            logical[binding->shared_schema_count++] = bound->logical;
        }
    }
    binding->shared = names;
    binding->shared_physical = physical;
    binding->shared_logical = logical;
    return RG_OK;
}

/* ---- what the checker may be told ---- */

static rg_status list_masks(struct rg_arena *arena, const struct policy_bound *bound, struct check_relation *row)
{
    struct check_mask *masks = NULL;
    RG_TRY(rg_arena_array(arena, bound->mask_count + 1, sizeof *masks, (void **)&masks));
    for (size_t i = 0; i < bound->mask_count; i++) {
        masks[i] = (struct check_mask){bound->masks[i].column, bound->masks[i].text};
    }
    row->masks = masks;
    row->mask_count = bound->mask_count;
    return RG_OK;
}

static rg_status list_reach(struct policy_binding *binding)
{
    struct check_relation *reach = NULL;
    RG_TRY(rg_arena_array(&binding->arena, binding->bound_count + 1, sizeof *reach, (void **)&reach));
    for (size_t i = 0; i < binding->bound_count; i++) {
        const struct policy_bound *bound = &binding->bounds[i];
        bool may_write = !bound->needs_lock || bound->is_locked;
        reach[i] = (struct check_relation){
            .schema = bound->physical,
            .name = bound->name,
            .predicate = bound->predicate,
            .for_select = bound->for_select,
            .is_locked = bound->is_locked,
            .for_insert = bound->for_insert && may_write,
            .for_update = bound->for_update && may_write,
            .for_delete = bound->for_delete && may_write,
        };
        RG_TRY(list_masks(&binding->arena, bound, &reach[i]));
    }
    binding->reach = reach;
    return RG_OK;
}

/* ---- route, claims, digest ---- */

static rg_status copy_route(struct policy_binding *binding, const struct policy_subject *subject)
{
    const struct tenant_route *route = &subject->tenant->route;
    struct tenant_schema *schemas = NULL;
    RG_TRY(rg_arena_array(&binding->arena, route->schema_count + 1, sizeof *schemas, (void **)&schemas));
    for (size_t i = 0; i < route->schema_count; i++) {
        struct rg_slice physical = route->schemas[i].physical;
        if (rg_slice_has_prefix(physical, RG_SLICE("pg_")) ||
            rg_slice_is_equal(physical, RG_SLICE("information_schema")) || physical.size == 0 || physical.size > 63 ||
            memchr(physical.data, '.', physical.size) != NULL || !policy_text_is_valid(physical)) {
            return rg_fail(RG_DENIED, "the tenant's route leads to a schema that no tenant can own");
        }
        RG_TRY(rg_arena_copy(&binding->arena, physical, &schemas[i].physical));
        RG_TRY(rg_arena_copy(&binding->arena, route->schemas[i].logical, &schemas[i].logical));
    }
    binding->schemas = schemas;
    binding->schema_count = route->schema_count;
    return rg_arena_copy(&binding->arena, subject->database, &binding->database);
}

static rg_status check_claims(const struct policy_set *set, const struct auth_identity *identity)
{
    for (size_t i = 0; i < set->claim_count; i++) {
        const struct auth_claim_spec *spec = &set->claims[i];
        bool is_present = i < identity->claim_count && identity->claims[i].is_present;
        if (spec->required && !is_present) {
            return rg_fail(RG_DENIED, "required claim \"%.*s\" is missing", rg_slice_shown(spec->name),
                           spec->name.data);
        }
        if (is_present && (identity->claims[i].type.scalar != spec->type.scalar ||
                           identity->claims[i].type.is_array != spec->type.is_array)) {
            return rg_fail(RG_DENIED, "claim \"%.*s\" has another type than declared", rg_slice_shown(spec->name),
                           spec->name.data);
        }
    }
    return RG_OK;
}

/* Beside a column of type char(n), Hyper's text 'acme ' is 'acme'; PostgreSQL's is not. */
static rg_status check_blanks(const struct auth_claim_value *claim, struct rg_slice name)
{
    for (size_t i = 0; claim->is_present && claim->type.scalar == AUTH_SCALAR_TEXT && i < claim->count; i++) {
        struct rg_slice value = claim->elements[i];
        if (value.size > 0 && value.data[value.size - 1] == ' ') {
            return rg_fail(RG_DENIED, "claim \"%.*s\" ends in a blank, which Hyper may overlook", rg_slice_shown(name),
                           name.data);
        }
    }
    return RG_OK;
}

/* Hyper reads a numeric without a scale as a whole number: 1.5 would become 1, and another tenant's rows with it. */
static rg_status check_hyper_claims(const struct policy_binding *binding, const struct auth_identity *identity)
{
    for (size_t i = 0; binding->dialect == POLICY_HYPER && i < identity->claim_count; i++) {
        if (identity->claims[i].is_present && identity->claims[i].type.scalar == AUTH_SCALAR_NUMERIC) {
            struct rg_slice name = binding->set->claims[i].name;
            return rg_fail(RG_DENIED, "claim \"%.*s\" is numeric, which Hyper would round", rg_slice_shown(name),
                           name.data);
        }
        RG_TRY(check_blanks(&identity->claims[i], binding->set->claims[i].name));
    }
    return RG_OK;
}

static rg_status put_slice(struct rg_buf *buf, struct rg_slice slice)
{
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)slice.size));
    return rg_buf_put(buf, slice);
}

static rg_status put_claim(struct rg_buf *buf, const struct auth_claim_value *claim)
{
    RG_TRY(rg_buf_put_u8(buf, claim->is_present ? 1 : 0));
    RG_TRY(rg_buf_put_u32(buf, claim->is_present ? (uint32_t)claim->count : 0));
    for (size_t i = 0; claim->is_present && i < claim->count; i++) {
        RG_TRY(put_slice(buf, claim->elements[i]));
    }
    return RG_OK;
}

static rg_status find_view(struct policy_binding *binding, const struct policy_subject *subject)
{
    char tenant[POLICY_VIEW_TENANT_SIZE];
    RG_TRY(policy_view_of(binding->set, subject, &binding->view));
    policy_view_tenant(subject->tenant->id, tenant);
    return rg_arena_copy(&binding->arena, rg_slice_of(tenant), &binding->tenant);
}

rg_status policy_subject_digest(const struct policy_set *set, const struct policy_subject *subject,
                                struct rg_digest *out_digest)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    struct policy_view view = {{0}};
    const struct tenant_route *route = &subject->tenant->route;
    rg_buf_init(&buf, BINDING_LIMIT_BYTES);
    RG_TRY(policy_view_of(set, subject, &view));
    RG_TRY(put_slice(&buf, rg_slice_make(set->digest.bytes, sizeof set->digest.bytes)));
    RG_TRY(put_slice(&buf, subject->tenant->id));
    RG_TRY(put_slice(&buf, rg_slice_of(view.text)));
    RG_TRY(put_slice(&buf, subject->database));
    RG_TRY(rg_buf_put_u8(&buf, (uint8_t)subject->dialect));
    RG_TRY(rg_buf_put_u32(&buf, (uint32_t)subject->lock));
    RG_TRY(rg_buf_put_u32(&buf, (uint32_t)route->schema_count));
    for (size_t i = 0; i < route->schema_count; i++) {
        RG_TRY(put_slice(&buf, route->schemas[i].logical));
        RG_TRY(put_slice(&buf, route->schemas[i].physical));
    }
    for (size_t i = 0; i < set->claim_count && i < subject->identity->claim_count; i++) {
        RG_TRY(put_claim(&buf, &subject->identity->claims[i]));
    }
    *out_digest = rg_sha256_one(rg_buf_slice(&buf));
    return RG_OK;
}

static rg_status bind_all(struct policy_binding *binding, const struct policy_subject *subject)
{
    RG_TRY(check_claims(binding->set, subject->identity));
    RG_TRY(check_hyper_claims(binding, subject->identity));
    RG_TRY(copy_route(binding, subject));
    RG_TRY(policy_rules_bind(binding, subject));
    RG_TRY(list_shared(binding));
    RG_TRY(list_reach(binding));
    RG_TRY(policy_functions_bind(binding));
    RG_TRY(sql_prelude_bind(binding, subject));
    RG_TRY(find_view(binding, subject));
    return policy_subject_digest(binding->set, subject, &binding->digest);
}

rg_status policy_bind(struct policy_set *set, const struct policy_subject *subject, struct policy_binding **out_binding)
{
    if (subject->identity->kind == AUTH_UNVERIFIED || subject->tenant->id.size == 0) {
        return rg_fail(RG_DENIED, "no verified identity");
    }
    struct policy_binding *binding = rg_memory_alloc(sizeof *binding);
    atomic_init(&binding->references, 1);
    binding->set = policy_set_ref(set);
    binding->dialect = subject->dialect;
    binding->lock = subject->lock;
    rg_arena_init(&binding->arena, BINDING_LIMIT_BYTES);
    binding->context = sql_context_new();
    rg_status status = bind_all(binding, subject);
    if (!rg_is_ok(status)) {
        policy_binding_free(&binding);
        return status;
    }
    *out_binding = binding;
    return RG_OK;
}

struct policy_binding *policy_binding_ref(struct policy_binding *binding)
{
    atomic_fetch_add(&binding->references, 1);
    return binding;
}

bool policy_binding_is_shared(const struct policy_binding *binding)
{
    return atomic_load(&binding->references) > 1;
}

void policy_binding_free(struct policy_binding **binding)
{
    struct policy_binding *old = *binding;
    *binding = NULL;
    if (old != NULL && atomic_fetch_sub(&old->references, 1) == 1) {
        sql_context_free(&old->context);
        policy_set_free(&old->set);
        rg_arena_done(&old->arena);
        rg_memory_free(old);
    }
}

const struct rg_digest *policy_binding_digest(const struct policy_binding *binding)
{
    return &binding->digest;
}

const struct policy_view *policy_binding_view(const struct policy_binding *binding)
{
    return &binding->view;
}

enum policy_dialect policy_binding_dialect(const struct policy_binding *binding)
{
    return binding->dialect;
}

struct rg_slice policy_binding_prelude(const struct policy_binding *binding)
{
    return binding->prelude;
}

size_t policy_binding_prelude_size(const struct policy_binding *binding)
{
    return binding->prelude_size;
}
