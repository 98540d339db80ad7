/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens of programs: judged at once where the keys are known, else their provider is asked first. */
#include <stdio.h>
#include <strings.h>

#include "auth/oidc_provider.h"
#include "auth/revocation.h"
#include "base/rg_memory.h"
#include "proxy/http/reply.h"
#include "proxy/http/steps_private.h"
#include "proxy/http/strip.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

enum { BEARER_ARENA = 256 * 1024, BEARER_TEXT = 512 };

/* A token that takes an answer of its provider to judge. */
struct bearer_job {
    struct rg_arena arena;
    struct auth_oidc_provider *provider;
    struct rg_slice token;
    struct auth_identity identity; /* AUTH_UNVERIFIED = refused */
    bool is_unreachable;
    char reason[BEARER_TEXT];
};

static void free_job(struct bearer_job *job)
{
    rg_wipe(job->reason, sizeof job->reason);
    rg_arena_done(&job->arena);
    rg_memory_free(job);
}

/* RFC 6750 3.1. The reason is for the record. */
static enum http_step_result refuse_bearer(struct http_request *request, const char *reason)
{
    static const struct http_header challenge = {{"www-authenticate", 16}, {"Bearer error=\"invalid_token\"", 28}};
    http_reply(request, &(struct http_reply){.status = 401,
                                             .content_type = RG_SLICE("application/problem+json"),
                                             .header_count = 1,
                                             .headers = &challenge,
                                             .body = RG_SLICE("{\"title\":\"Unauthorized\",\"status\":401,"
                                                              "\"rule\":\"login.token\"}"),
                                             .rule = RG_SLICE("login.token"),
                                             .refusal = rg_slice_of(reason)});
    return HTTP_STEP_DONE;
}

static bool is_revoked(const struct http_request *request)
{
    const struct auth_identity *identity = &request->identity;
    const struct auth_revocation_subject subject = {.idp = identity->idp,
                                                    .subject = identity->subject,
                                                    .token_id = identity->token_id,
                                                    .tenant = request->tenant.id,
                                                    .since_us = identity->issued_at_us};
    return auth_revocation_find(request->worker->gateway->state, &subject, http_caller_now_us(request)).kind !=
           AUTH_REVOKE_NONE;
}

static enum http_step_result accept_bearer(struct http_request *request)
{
    request->passes = HTTP_PASS_BEARER;
    if (!rg_is_ok(http_caller_find_tenant(request))) {
        http_reply_problem(request, 403, "login.tenant", "This token belongs to nobody who is served here.");
        return HTTP_STEP_DONE;
    }
    if (is_revoked(request)) {
        http_caller_forget(request);
        return refuse_bearer(request, "the token was revoked");
    }
    return HTTP_STEP_NEXT;
}

static void run_bearer(void *arg)
{
    struct bearer_job *job = arg;
    rg_status status = auth_oidc_provider_judge_bearer(job->provider, job->token, &job->arena, &job->identity);
    if (!rg_is_ok(status)) {
        job->is_unreachable = status.error->kind != RG_DENIED && status.error->kind != RG_PROTOCOL;
        (void)snprintf(job->reason, sizeof job->reason, "%s", status.error->text);
    }
}

static void on_bearer(struct http_request *request, void *arg)
{
    struct bearer_job *job = arg;
    enum http_step_result result = HTTP_STEP_DONE;
    if (request == NULL) {
        free_job(job);
        return;
    }
    if (job->is_unreachable) {
        http_reply_problem(request, 503, "login.provider",
                           "The identity provider cannot be asked about this token now.");
    } else if (job->identity.kind == AUTH_UNVERIFIED) {
        (void)refuse_bearer(request, job->reason);
    } else if (rg_is_ok(auth_identity_copy(&job->identity, &request->arena, &request->identity))) {
        result = accept_bearer(request);
    } else {
        http_reply_problem(request, 500, "http.request.limit", "This request needs too much memory.");
    }
    free_job(job);
    if (result == HTTP_STEP_NEXT) {
        http_request_resume(request);
    }
}

static enum http_step_result ask_about_bearer(struct http_request *request, struct auth_oidc_provider *provider,
                                              struct rg_slice token)
{
    struct bearer_job *job = rg_memory_alloc(sizeof *job);
    rg_arena_init(&job->arena, BEARER_ARENA);
    job->provider = provider;
    rg_status status = rg_arena_copy(&job->arena, token, &job->token);
    if (rg_is_ok(status)) {
        status = http_offload_for(request, provider, run_bearer, on_bearer, job);
    }
    if (rg_is_ok(status)) {
        return HTTP_STEP_WAIT;
    }
    free_job(job);
    http_reply_problem(request, 503, "login.busy", "Too many tokens are asked about just now. Try again in a moment.");
    return HTTP_STEP_DONE;
}

/* Whose token it says to be; of one that says nothing, the provider that is asked about such. NULL = nobody's. */
static const struct config_idp *find_bearer_idp(struct http_request *request, struct rg_slice token)
{
    const struct config *config = request->snapshot->config;
    struct rg_slice issuer = {0};
    bool is_opaque = !rg_is_ok(auth_oidc_peek_issuer(token, &request->arena, &issuer));
    for (size_t i = 0; i < config->idp_count; i++) {
        const struct config_idp *idp = &config->idps[i];
        bool is_it = idp->trust != CONFIG_IDP_NO_TRUST &&
                     (is_opaque ? idp->oidc != NULL && idp->oidc->introspects
                                : auth_trust_names_issuer(&config->trusts[idp->trust], issuer));
        if (is_it) {
            return idp;
        }
    }
    return NULL;
}

/* With keys that are known it is judged at once; else its provider is asked first. */
static enum http_step_result judge_bearer(struct http_request *request, const struct config_idp *idp,
                                          struct rg_slice token)
{
    struct snapshot *snapshot = request->snapshot;
    struct rg_slice kid = {0};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    struct auth_oidc_provider *provider = snapshot_provider_find(snapshot, idp);
    if (!rg_is_ok(auth_oidc_peek_kid(token, &request->arena, &kid))) {
        return ask_about_bearer(request, provider, token);
    }
    struct auth_jwks *keys = auth_jwks_cache_find(snapshot->jwks, idp->trust);
    rg_status status = auth_oidc_verify(&snapshot->config->trusts[idp->trust], keys, token, http_caller_now_us(request),
                                        &request->arena, &request->identity, &hint);
    auth_jwks_free(&keys);
    if (rg_is_ok(status)) {
        return accept_bearer(request);
    }
    return hint == AUTH_HINT_UNKNOWN_KEY ? ask_about_bearer(request, provider, token)
                                         : refuse_bearer(request, status.error->text);
}

enum http_step_result http_caller_take_bearer(struct http_request *request, struct rg_slice header)
{
    static const char scheme[] = "Bearer ";
    if (header.size < sizeof scheme || strncasecmp(header.data, scheme, sizeof scheme - 1) != 0) {
        return refuse_bearer(request, "the Authorization header is no bearer token");
    }
    struct rg_slice token = rg_slice_cut(header, sizeof scheme - 1, SIZE_MAX);
    if (token.size > AUTH_OIDC_MAX_TOKEN) {
        return refuse_bearer(request, "the token is too long");
    }
    const struct config_idp *idp = find_bearer_idp(request, token);
    return idp == NULL ? refuse_bearer(request, "the token's issuer is not trusted here")
                       : judge_bearer(request, idp, token);
}
