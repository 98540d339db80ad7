/* SPDX-License-Identifier: Apache-2.0 */
/* New tokens for a session whose own are about to end: asked for in the background, by one node at a time, so that no
 * request waits. A provider that refuses ends the session; one that cannot be reached is asked again later. */
#include "auth/oidc_provider.h"
#include "auth/session.h"
#include "base/rg_memory.h"
#include "proxy/http/steps_private.h"
#include "proxy/http/story.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

static const int64_t SECOND_US = 1000000;

enum { AHEAD_S = 60, AGAIN_S = 20, ARENA_BYTES = 1 << 20 };

struct refresh {
    struct worker *worker;
    struct snapshot *snapshot; /* a reference, as of the next */
    struct auth_session *session;
    struct auth_oidc_provider *provider;
    struct rg_arena arena;
    struct rg_slice tenant; /* the session's, in whose chain its end belongs; empty: it did not fit */
    bool has_ended;         /* the provider refuses */
};

static void apply(struct refresh *refresh, const struct auth_oidc_login *login)
{
    struct auth_session_new next = refresh->session->login;
    bool is_known = login->identity.kind == AUTH_OIDC;
    next.user = is_known ? login->identity.user : next.user;
    next.claims = is_known ? login->claims : next.claims;
    next.claim_count = is_known ? login->claim_count : next.claim_count;
    next.id_token = login->id_token;
    next.access_token = (struct rg_slice){0};
    next.refresh_token = login->refresh_token;
    next.token_expires_us = login->access_expires_us;
    (void)rg_is_ok(auth_session_refresh_end(refresh->worker->gateway->state, refresh->session, &next, NULL));
}

static void end_session(struct refresh *refresh)
{
    size_t count = 0;
    const struct auth_session_selector selector = {.kind = AUTH_SELECT_ID,
                                                   .text = rg_slice_of(refresh->session->public_id)};
    (void)rg_is_ok(auth_sessions_revoke(refresh->worker->gateway->state, &selector, &count));
    refresh->has_ended = count > 0;
}

static void run(void *arg)
{
    struct refresh *refresh = arg;
    struct gateway *gateway = refresh->worker->gateway;
    const struct auth_session_new *login = &refresh->session->login;
    struct auth_oidc_login next = {0};
    bool is_mine = false;
    rg_status status =
        auth_session_refresh_begin(gateway->state, refresh->session, rg_clock_wall_us(gateway->clock), &is_mine);
    if (!rg_is_ok(status) || !is_mine) {
        return;
    }
    status = auth_oidc_provider_refresh(refresh->provider, login->refresh_token, login->issuer, login->subject,
                                        &refresh->arena, &next);
    if (rg_is_ok(status)) {
        apply(refresh, &next);
    } else if (status.error->kind == RG_DENIED) {
        end_session(refresh);
    } else {
        (void)rg_is_ok(auth_session_refresh_end(gateway->state, refresh->session, NULL, NULL));
    }
}

/* Its end is on record as every other one's. */
static void record_end(const struct refresh *refresh)
{
    const struct auth_session *session = refresh->session;
    uint64_t ticket = 0;
    struct audit_event event = {.kind = AUDIT_LOGOUT,
                                .wall_us = rg_clock_wall_us(refresh->worker->gateway->clock),
                                .session_id = http_story_session_number(rg_slice_of(session->public_id)),
                                .tenant = refresh->tenant,
                                .user = session->login.user,
                                .subject = session->login.subject,
                                .idp = session->login.issuer,
                                .message = RG_SLICE("the provider refused new tokens"),
                                .verdict = AUDIT_ALLOWED};
    (void)rg_is_ok(worker_submit_for(refresh->worker, &event, NULL, NULL, &ticket));
}

static void done(void *arg)
{
    struct refresh *refresh = arg;
    if (refresh->has_ended) {
        record_end(refresh);
    }
    auth_session_free(&refresh->session);
    snapshot_free(&refresh->snapshot);
    rg_arena_done(&refresh->arena);
    rg_memory_free(refresh);
}

static bool is_due(struct auth_session *session, int64_t now_us)
{
    const struct auth_session_new *login = &session->login;
    int64_t ahead_us = AHEAD_S * SECOND_US;
    int64_t life_us = login->token_expires_us - session->created_us;
    if (life_us > 0 && ahead_us > life_us / 4) {
        ahead_us = life_us / 4; /* of short-lived tokens the last quarter */
    }
    if (login->token_expires_us == 0 || login->refresh_token.size == 0 || now_us < login->token_expires_us - ahead_us) {
        return false;
    }
    int64_t asked_us = atomic_load(&session->refresh_asked_us);
    return now_us - asked_us > AGAIN_S * SECOND_US &&
           atomic_compare_exchange_strong(&session->refresh_asked_us, &asked_us, now_us);
}

void http_refresh_if_due(struct http_request *request)
{
    struct worker *worker = request->worker;
    const struct config_idp *idp = config_idp_find(request->snapshot->config, request->session->login.idp);
    struct auth_oidc_provider *provider = snapshot_provider_find(request->snapshot, idp);
    if (provider == NULL || idp->oidc == NULL || !is_due(request->session, rg_clock_wall_us(worker->gateway->clock))) {
        return;
    }
    struct refresh *refresh = rg_memory_alloc(sizeof *refresh);
    rg_arena_init(&refresh->arena, ARENA_BYTES);
    refresh->worker = worker;
    refresh->snapshot = snapshot_ref(request->snapshot);
    refresh->session = auth_session_hold(request->session);
    refresh->provider = provider;
    (void)rg_is_ok(rg_arena_copy(&refresh->arena, request->tenant.id, &refresh->tenant));
    if (!rg_is_ok(net_offload_submit_for(net_loop_offload(worker->loop), NET_OFFLOAD_HTTP, provider, worker->loop, run,
                                         done, refresh))) {
        done(refresh); /* too many jobs wait: the next request tries again */
    }
}
