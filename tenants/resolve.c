/* SPDX-License-Identifier: Apache-2.0 */
/* From a verified identity to the one tenant. Every doubt refuses: none, two, frozen, a claim outside its
 * pattern, a name that does not fit, a database of somebody else. */
#include <regex.h>

#include "tenants/tenants.h"

enum { NAME_MAX_BYTES = 63 }; /* NAMEDATALEN - 1: PostgreSQL would cut a longer one, perhaps to another's */

static bool is_forbidden(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f || strchr("\"'\\;{}/", byte) != NULL;
}

/* The length of the UTF-8 sequence at the start of text; 0 = malformed (RFC 3629 4). */
static size_t utf8_length(struct rg_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    if (bytes == NULL || text.size == 0) {
        return 0;
    }
    size_t size = bytes[0] < 0x80   ? 1
                  : bytes[0] < 0xc2 ? 0
                  : bytes[0] < 0xe0 ? 2
                  : bytes[0] < 0xf0 ? 3
                  : bytes[0] < 0xf5 ? 4
                                    : 0;
    if (size == 0 || size > text.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xf0 && bytes[1] < 0x90);
    bool is_beyond = (bytes[0] == 0xed && bytes[1] > 0x9f) || (bytes[0] == 0xf4 && bytes[1] > 0x8f);
    return is_overlong || is_beyond ? 0 : size;
}

bool tenants_id_is_valid(struct rg_slice id)
{
    for (size_t at = 0; at < id.size;) {
        size_t length = utf8_length(rg_slice_cut(id, at, id.size));
        if (length == 0 || (length == 1 && is_forbidden((unsigned char)id.data[at]))) {
            return false;
        }
        at += length;
    }
    return id.size > 0 && id.size <= NAME_MAX_BYTES;
}

/* The single text of a claim; false when it is absent or a list. */
static bool claim_text(const struct auth_identity *identity, size_t claim, struct rg_slice *out_text)
{
    if (claim >= identity->claim_count) {
        return false;
    }
    const struct auth_claim_value *value = &identity->claims[claim];
    if (!value->is_present || value->type.is_array || value->count != 1) {
        return false;
    }
    *out_text = value->elements[0];
    return true;
}

bool tenants_match_has_idp(const struct tenant_match *match, struct rg_slice idp)
{
    bool is_of_idp = match->kind == TENANT_MATCH_IDP || match->kind == TENANT_MATCH_IDP_CLAIM;
    bool has_idp = match->idp.size > 0 && rg_slice_is_equal(match->idp, idp);
    for (size_t i = 0; i < match->also_count && !has_idp; i++) {
        has_idp = match->also[i].size > 0 && rg_slice_is_equal(match->also[i], idp);
    }
    return is_of_idp && has_idp;
}

static bool is_idp(const struct tenant_match *match, const struct auth_identity *identity)
{
    bool has_idp = identity->kind == AUTH_OIDC || identity->kind == AUTH_OAUTH || identity->kind == AUTH_SAML;
    return has_idp && tenants_match_has_idp(match, identity->idp);
}

static bool has_claim(const struct tenant_match *match, const struct auth_identity *identity)
{
    struct rg_slice text = {NULL, 0};
    return claim_text(identity, match->claim, &text) && match->value.size > 0 && rg_slice_is_equal(text, match->value);
}

static bool is_match(const struct tenant_match *match, const struct auth_identity *identity)
{
    switch (match->kind) {
    case TENANT_MATCH_NOTHING:
        return false;
    case TENANT_MATCH_IDP:
        return is_idp(match, identity);
    case TENANT_MATCH_IDP_CLAIM:
        return is_idp(match, identity) && has_claim(match, identity);
    case TENANT_MATCH_ACCOUNT:
        return identity->kind == AUTH_SCRAM && match->idp.size > 0 && rg_slice_is_equal(match->idp, identity->subject);
    case TENANT_MATCH_TENANT:
        return false; /* another road of a tenant is nobody's first */
    }
    return false;
}

/* What an identity led to: exactly one of the two, or a refusal. */
struct candidate {
    const struct tenant_static *fixed;
    const struct tenant_pattern *pattern;
};

static rg_status find_candidate(const struct tenant_registry *registry, const struct auth_identity *identity,
                                struct candidate *out_candidate)
{
    struct candidate candidate = {NULL, NULL};
    size_t matches = 0;
    for (size_t i = 0; i < registry->static_count; i++) {
        if (is_match(&registry->statics[i].match, identity)) {
            candidate.fixed = &registry->statics[i];
            matches += 1;
        }
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        if (is_match(&registry->patterns[i].match, identity)) {
            candidate.pattern = &registry->patterns[i];
            matches += 1;
        }
    }
    if (matches != 1) {
        return rg_fail(RG_DENIED,
                       matches == 0 ? "no tenant for this identity" : "more than one tenant for this identity");
    }
    *out_candidate = candidate;
    return RG_OK;
}

static bool is_allowed(const struct tenant_pattern *pattern, struct rg_slice id, struct rg_arena *arena)
{
    struct rg_slice text = {NULL, 0};
    regmatch_t whole = {0, 0};
    if (pattern->compiled == NULL || !tenants_id_is_valid(id) || !rg_is_ok(rg_arena_copy(arena, id, &text))) {
        return false;
    }
    /* Leftmost and longest: unless the match is the whole id, no match of the whole exists. */
    return regexec(pattern->compiled, text.data, 1, &whole, 0) == 0 && whole.rm_so == 0 &&
           (size_t)whole.rm_eo == text.size;
}

static bool is_static_id(const struct tenant_registry *registry, struct rg_slice id)
{
    for (size_t i = 0; i < registry->static_count; i++) {
        if (rg_slice_is_equal(registry->statics[i].id, id)) {
            return true;
        }
    }
    return false;
}

static rg_status find_id(const struct tenant_registry *registry, const struct candidate *candidate,
                         const struct auth_identity *identity, struct rg_arena *arena, struct rg_slice *out_id)
{
    struct rg_slice id = RG_SLICE("");
    if (candidate->fixed != NULL) {
        return rg_arena_copy(arena, candidate->fixed->id, out_id);
    }
    RG_ASSERT(candidate->pattern != NULL);
    /* An id that a static tenant bears is reached through that tenant's own match only. */
    if (!claim_text(identity, candidate->pattern->id_claim, &id) || !is_allowed(candidate->pattern, id, arena) ||
        is_static_id(registry, id)) {
        return rg_fail(RG_DENIED, "no tenant for this identity");
    }
    return rg_arena_copy(arena, id, out_id);
}

static rg_status fill_template(struct rg_slice template, struct rg_slice id, struct rg_arena *arena,
                               struct rg_slice *out_name)
{
    struct rg_slice hole = RG_SLICE("{tenant.id}");
    const char *found = template.size == 0 ? NULL : memmem(template.data, template.size, hole.data, hole.size);
    struct rg_slice name = {NULL, 0};
    if (found == NULL) {
        return rg_fail(RG_DENIED, "a schema's name does not depend on the tenant");
    }
    size_t at = (size_t)(found - template.data);
    struct rg_slice rest = rg_slice_cut(template, at + hole.size, template.size);
    RG_TRY(rg_arena_printf(arena, &name, "%.*s%.*s%.*s", (int)at, template.data, (int)id.size, id.data, (int)rest.size,
                           rest.data));
    if (name.size > NAME_MAX_BYTES) {
        return rg_fail(RG_DENIED, "a schema's name does not fit %d bytes", NAME_MAX_BYTES);
    }
    if (rg_slice_has_prefix(name, RG_SLICE("pg_")) || rg_slice_is_equal(name, RG_SLICE("information_schema"))) {
        return rg_fail(RG_DENIED, "a schema's name is one of the server's own");
    }
    *out_name = name;
    return RG_OK;
}

/* A copy of the route in arena, with templates filled in for a pattern. */
static rg_status fill_route(const struct tenant_route *route, bool is_template, struct rg_slice id,
                            struct rg_arena *arena, struct tenant_route *out_route)
{
    struct tenant_route filled = *route;
    struct tenant_schema *schemas = NULL;
    RG_TRY(rg_arena_copy(arena, route->upstream, &filled.upstream));
    RG_TRY(rg_arena_copy(arena, route->limits, &filled.limits));
    RG_TRY(rg_arena_copy(arena, route->database, &filled.database));
    RG_TRY(rg_arena_array(arena, route->schema_count, sizeof *schemas, (void **)&schemas));
    for (size_t i = 0; i < route->schema_count; i++) {
        RG_TRY(rg_arena_copy(arena, route->schemas[i].logical, &schemas[i].logical));
        RG_TRY(is_template ? fill_template(route->schemas[i].physical, id, arena, &schemas[i].physical)
                           : rg_arena_copy(arena, route->schemas[i].physical, &schemas[i].physical));
    }
    filled.schemas = schemas;
    *out_route = filled;
    return RG_OK;
}

static bool is_database(const struct tenant *tenant, struct rg_slice requested, struct rg_slice upstream_database)
{
    struct rg_slice own = tenant->route.database.size > 0 ? tenant->route.database : upstream_database;
    return rg_slice_is_equal(requested, tenant->id) || (own.size > 0 && rg_slice_is_equal(requested, own));
}

/* Another road of the same tenant: the row that says so and has the database that was asked for. */
static const struct tenant_static *find_branch(const struct tenant_registry *registry, const struct tenant *tenant,
                                               struct rg_slice requested)
{
    for (size_t i = 0; i < registry->static_count; i++) {
        const struct tenant_static *row = &registry->statics[i];
        if (row->match.kind == TENANT_MATCH_TENANT && requested.size > 0 &&
            rg_slice_is_equal(row->match.idp, tenant->id) && rg_slice_is_equal(row->route.database, requested)) {
            return row;
        }
    }
    return NULL;
}

rg_status tenants_find(const struct tenant_registry *registry, const struct auth_identity *identity,
                       struct rg_arena *arena, struct tenant *out_tenant)
{
    struct candidate candidate = {NULL, NULL};
    struct tenant tenant = {.id = {NULL, 0}};
    RG_TRY(find_candidate(registry, identity, &candidate));
    RG_TRY(find_id(registry, &candidate, identity, arena, &tenant.id));
    if (candidate.fixed != NULL && candidate.fixed->is_frozen) {
        return rg_fail(RG_DENIED, "the tenant is frozen");
    }
    tenant.face = candidate.fixed != NULL ? &candidate.fixed->face : &candidate.pattern->face;
    const struct tenant_route *route = candidate.fixed != NULL ? &candidate.fixed->route : &candidate.pattern->route;
    RG_TRY(fill_route(route, candidate.fixed == NULL, tenant.id, arena, &tenant.route));
    *out_tenant = tenant;
    return RG_OK;
}

rg_status tenants_resolve(const struct tenant_registry *registry, const struct auth_identity *identity,
                          struct rg_slice requested_database, struct rg_slice upstream_database, struct rg_arena *arena,
                          struct tenant *out_tenant)
{
    struct tenant tenant = {.id = {NULL, 0}};
    RG_TRY(tenants_find(registry, identity, arena, &tenant));
    if (!is_database(&tenant, requested_database, upstream_database)) {
        const struct tenant_static *branch = find_branch(registry, &tenant, requested_database);
        if (branch == NULL || branch->is_frozen) {
            return rg_fail(RG_DENIED, "the database asked for is not this tenant's");
        }
        struct rg_slice own = tenant.route.limits;
        RG_TRY(fill_route(&branch->route, false, tenant.id, arena, &tenant.route));
        tenant.route.own = own;
    }
    *out_tenant = tenant;
    return RG_OK;
}
