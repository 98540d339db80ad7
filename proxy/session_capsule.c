/* SPDX-License-Identifier: Apache-2.0 */
/* A login by an identity capsule (auth/capsule.h): the identity is the capsule's, and nothing of what the client says
 * of itself. The connection lives as long as the session or token behind it, not as long as the capsule. */
#include <stdio.h>

#include "proxy/session_private.h"

/* One answer for all that can be wrong with one: whoever holds a forged or stale one learns nothing of it. */
enum pipeline_next capsule_refuse(struct session *session, const char *reason)
{
    char text[sizeof(((struct rg_error *)NULL)->text)];
    struct refusal refusal = refusal_make("28000", "login.capsule", "this connection needs a live identity capsule");
    (void)snprintf(text, sizeof text, "%s", reason); /* the thread's slot is filled again while recording */
    refusal.recorded = rg_slice_of(text);
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

static rg_status open_capsule(struct session *session, struct auth_capsule **out_capsule)
{
    struct auth_capsule *capsule = NULL;
    RG_TRY(rg_arena_new(&session->arena, &capsule));
    RG_TRY(auth_capsule_open(session->worker->gateway->state, session->credential, AUTH_CAPSULE_SQL,
                             session_now_us(session), &session->arena, capsule));
    *out_capsule = capsule;
    return RG_OK;
}

/* The identity's texts are the browser's session's, which is replaced when its tokens are refreshed: copied. */
static rg_status find_identity(const struct session *session, const struct auth_capsule *capsule,
                               struct rg_arena *arena, struct auth_session **out_browser,
                               struct auth_identity *out_identity)
{
    const struct config *config = session->snapshot->config;
    RG_AUTO(auth_session_free) struct auth_session *browser = NULL;
    struct auth_identity found = {0};
    RG_TRY(auth_capsule_identity(session->worker->gateway->state, capsule, config->claims, config->claim_count,
                                 session_now_us(session), arena, &browser, &found));
    if (!config_idp_is_trusted(config, config_idp_find(config, found.idp), found.kind, found.issuer, browser != NULL)) {
        return rg_fail(RG_DENIED, "the identity provider behind the capsule is trusted no more");
    }
    RG_TRY(auth_identity_copy(&found, arena, out_identity));
    *out_browser = browser == NULL ? NULL : auth_session_hold(browser);
    return RG_OK;
}

static rg_status authenticate(struct session *session)
{
    struct auth_capsule *capsule = NULL;
    RG_TRY(open_capsule(session, &capsule));
    session->capsule = capsule; /* authentic from here on: a refusal's record has its reference */
    return find_identity(session, capsule, &session->arena, &session->browser, &session->identity);
}

enum pipeline_next capsule_authenticate(struct session *session)
{
    rg_status status = authenticate(session);
    if (rg_is_ok(status)) {
        return PIPELINE_NEXT;
    }
    if (status.error->kind == RG_UPSTREAM) {
        return login_refuse(session, "57P03", "login.state", "sessions cannot be looked up now; try again");
    }
    return status.error->kind == RG_LIMIT ? login_refuse_status(session, status, "53200", "session.limits")
                                          : capsule_refuse(session, status.error->text);
}

/* The upstream keeps answers under the view that the request was told (docs/cache-guard.md). Policies or claims that
 * changed since make another one, so this request's statements must not run any more. */
bool capsule_fits(const struct session *session, const struct policy_binding *binding)
{
    return session->capsule == NULL ||
           rg_slice_is_equal(session->capsule->view, rg_slice_of(policy_binding_view(binding)->text));
}

/* ---- its life ---- */

static bool is_same_value(const struct auth_claim_value *a, const struct auth_claim_value *b)
{
    bool is_same = a->is_present == b->is_present && a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) {
        is_same = rg_slice_is_equal(a->elements[i], b->elements[i]);
    }
    return is_same;
}

static bool has_same_claims(const struct auth_identity *a, const struct auth_identity *b)
{
    bool is_same = a->claim_count == b->claim_count;
    for (size_t i = 0; is_same && i < a->claim_count; i++) {
        is_same = is_same_value(&a->claims[i], &b->claims[i]);
    }
    return is_same;
}

/* Its tokens were refreshed: the same person under perhaps other claims, which this connection was not judged by. */
static rg_status follow(struct session *session, struct auth_session *refreshed)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    const struct config *config = session->snapshot->config;
    struct auth_identity identity = {0};
    rg_arena_init(&arena, SESSION_ARENA_BYTES);
    RG_TRY(auth_session_identity(refreshed, config->claims, config->claim_count, &arena, &identity));
    if (!has_same_claims(&identity, &session->identity)) {
        return rg_fail(RG_DENIED, "the claims of the session have changed");
    }
    auth_session_free(&session->browser);
    session->browser = auth_session_hold(refreshed);
    return RG_OK;
}

rg_status capsule_check(struct session *session)
{
    RG_AUTO(auth_session_free) struct auth_session *found = NULL;
    if (session->browser == NULL) {
        return RG_OK; /* by another credential, or a bearer's: its end and what was revoked are looked at elsewhere */
    }
    RG_TRY(auth_sessions_find_by_id(session->worker->gateway->state, rg_slice_of(session->browser->public_id),
                                    session_now_us(session), &found));
    return found == session->browser ? RG_OK : follow(session, found);
}
