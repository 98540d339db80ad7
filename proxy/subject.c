/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up identity, as like a real one as the configuration allows to tell: the tenant's match says which
 * provider and which claims its people have. */
#include "proxy/subject.h"

#include <regex.h>

#include "proxy/view.h"

struct making {
    const struct config *config;
    const struct subject_request *request;
    struct auth_identity identity;
    size_t claim_count;
    struct auth_claim_constant *claims; /* room for the request's and two more */
};

/* Adds a claim that the tenant's own rule implies, unless given: what a real token of it would carry. */
static void imply_claim(struct making *making, size_t claim, const struct rg_slice *value)
{
    struct rg_slice name = making->config->claims[claim].name;
    for (size_t i = 0; i < making->claim_count; i++) {
        if (rg_slice_is_equal(making->claims[i].name, name)) {
            return;
        }
    }
    making->claims[making->claim_count++] = (struct auth_claim_constant){name, value, 1};
}

static bool imply_match(struct making *making, const struct tenant_match *match)
{
    if (match->kind == TENANT_MATCH_ACCOUNT) {
        making->identity.kind = AUTH_SCRAM;
        making->identity.subject = match->idp;
        return true;
    }
    const struct config_idp *idp = config_idp_find(making->config, match->idp);
    making->identity.kind = idp != NULL && idp->type == CONFIG_IDP_SAML ? AUTH_SAML : AUTH_OIDC;
    making->identity.idp = match->idp;
    making->identity.subject = making->request->user;
    if (match->kind == TENANT_MATCH_IDP_CLAIM) {
        imply_claim(making, match->claim, &match->value);
    }
    return match->kind != TENANT_MATCH_NOTHING;
}

static bool allows(const struct tenant_pattern *pattern, struct rg_slice id)
{
    char text[64];
    regmatch_t whole = {0, 0};
    if (pattern->compiled == NULL || id.size >= sizeof text) {
        return false;
    }
    memcpy(text, id.data, id.size);
    text[id.size] = '\0';
    return regexec(pattern->compiled, text, 1, &whole, 0) == 0 && whole.rm_so == 0 && (size_t)whole.rm_eo == id.size;
}

static const struct tenant_static *static_find(const struct tenant_registry *registry, struct rg_slice id)
{
    for (size_t i = 0; i < registry->static_count; i++) {
        if (rg_slice_is_equal(registry->statics[i].id, id)) {
            return &registry->statics[i];
        }
    }
    return NULL;
}

/* Whose people a row has: of another road of a tenant, that tenant's. */
static const struct tenant_static *people_of(const struct tenant_registry *registry, const struct tenant_static *row)
{
    return row != NULL && row->match.kind == TENANT_MATCH_TENANT ? static_find(registry, row->match.idp) : row;
}

/* The database by which the tenant's road is asked for. */
static struct rg_slice database_of(const struct making *making)
{
    const struct tenant_static *row = static_find(&making->config->registry, making->request->tenant);
    return row != NULL && row->match.kind == TENANT_MATCH_TENANT ? row->route.database : making->request->tenant;
}

static bool imply_identity(struct making *making)
{
    const struct tenant_registry *registry = &making->config->registry;
    const struct tenant_static *row = people_of(registry, static_find(registry, making->request->tenant));
    if (row != NULL) {
        return imply_match(making, &row->match);
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        const struct tenant_pattern *pattern = &registry->patterns[i];
        if (allows(pattern, making->request->tenant) && imply_match(making, &pattern->match)) {
            imply_claim(making, pattern->id_claim, &making->request->tenant);
            return true;
        }
    }
    return false;
}

/* A service account's claims stand in the configuration; the request's win over them. */
static const struct auth_claim_value *account_claims(const struct making *making)
{
    const struct config_account *account = making->identity.kind == AUTH_SCRAM && making->request->claim_count == 0
                                               ? config_account_find(making->config, making->identity.subject)
                                               : NULL;
    return account == NULL ? NULL : account->claims;
}

rg_status subject_make(const struct config *config, const struct subject_request *request, struct rg_arena *arena,
                       struct subject *out_subject)
{
    struct making making = {.config = config, .request = request, .claim_count = request->claim_count};
    struct subject subject = {0};
    RG_TRY(rg_arena_array(arena, request->claim_count + 2, sizeof *making.claims, (void **)&making.claims));
    for (size_t i = 0; i < request->claim_count; i++) {
        making.claims[i] = request->claims[i];
    }
    if (!imply_identity(&making)) {
        return rg_fail(RG_CONFIG, "no tenant \"%.*s\" in this configuration", rg_slice_shown(request->tenant),
                       request->tenant.data);
    }
    making.identity.user = request->user;
    making.identity.claim_count = config->claim_count;
    making.identity.claims = account_claims(&making);
    if (making.identity.claims == NULL) {
        RG_TRY(auth_claims_from_constants(config->claims, config->claim_count, making.claims, making.claim_count, arena,
                                          &making.identity.claims));
    }
    subject.identity = making.identity;
    RG_TRY(tenants_resolve(&config->registry, &subject.identity, database_of(&making), request->tenant, arena,
                           &subject.tenant));
    const struct config_upstream *upstream = config_upstream_find(config, subject.tenant.route.upstream);
    subject.database = upstream == NULL ? subject.tenant.id : upstream->database;
    *out_subject = subject;
    return RG_OK;
}

rg_status subject_bind(const struct config *config, const struct subject *subject, struct policy_binding **out_binding)
{
    const struct policy_subject bound = view_subject(config, &subject->tenant, &subject->identity, subject->database);
    return policy_bind(config->policies, &bound, out_binding);
}
