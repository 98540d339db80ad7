/* SPDX-License-Identifier: Apache-2.0 */
/* A session that shares its upstream's connections with others (pool.h): it asks for a place before it forwards
 * anything, and gives connection and place back as soon as nothing of it is on the connection. No setting of a session
 * reaches the upstream (policy/settings.h), statements are parsed anew in each batch, and no portal outlives its
 * transaction: a connection at rest is any session's. */
#include <stdio.h>

#include "proxy/session_private.h"

/* A token may have expired meanwhile, a policy or a table changed: who waited is judged as if he had come now. What is
 * on record already (its connection went before it was sent) gets its outcome first. */
static void judge_again(struct session *session)
{
    struct command *command = &session->command;
    record_unexecuted(session, "08006", "not executed: judged again for another connection");
    policy_cached_free(&command->cached);
    binds_free(&command->binds);
    *command = (struct command){.begun_us = command->begun_us,
                                .is_cancelled = command->is_cancelled,
                                .counted = command->counted,
                                .late_seconds = command->late_seconds};
    session->step = 0;
}

/* It waits no more. */
static void leave_queue(struct session *session)
{
    net_timer_stop(&session->pool_timer);
    if (session->is_queued) {
        quota_give(session->worker->gateway->quota, QUOTA_WAITING, session->tenant.id);
        session->is_queued = false;
    }
}

static void on_granted(void *context)
{
    struct session *session = context;
    leave_queue(session);
    if (session->phase == SESSION_READY) {
        judge_again(session);
    }
    session_resume(session);
}

static void on_lost(void *context)
{
    struct session *session = context;
    bool has_none = session->is_suspended && session->upstream == NULL && session->place.state == POOL_OUTSIDE;
    if (has_none) { /* else somebody else has woken it meanwhile */
        on_granted(session);
    }
}

void session_ask_again(struct session *session)
{
    net_timer_start(session->worker->loop, &session->pool_timer, 0, on_lost, session);
}

static void on_wait_over(void *context)
{
    struct session *session = context;
    leave_queue(session);
    pool_leave(&session->place);
    session->is_wait_over = true;
    session_resume(session);
}

static void on_pressing(void *context);

/* The next reason to look at one who waits: its time for the reserve, or the end of its patience. */
static void watch_wait(struct session *session)
{
    const struct config_pool *config = &upstream_of(session)->pool;
    int64_t left_us = session->wait_until_us - net_loop_now_us(session->worker->loop);
    bool has_reserve = config->reserve > 0 && config->reserve_wait_us < left_us;
    int64_t next_us = has_reserve ? config->reserve_wait_us : left_us;
    net_timer_start(session->worker->loop, &session->pool_timer, next_us <= 0 ? 0 : (uint64_t)next_us / 1000,
                    has_reserve ? on_pressing : on_wait_over, session);
}

static void on_pressing(void *context)
{
    struct session *session = context;
    watch_wait(session); /* before it is granted, which stops it */
    pool_press(&session->place);
}

bool session_is_sharing(const struct session *session)
{
    return session->place.pool != NULL;
}

/* Whether the upstream pools may have changed since the last statement. */
static void choose_pool(struct session *session)
{
    const struct config_upstream *upstream = upstream_of(session);
    struct pool *pool = upstream->pool.size > 0 ? worker_pool_find(session->worker, upstream) : NULL;
    if (pool == session->place.pool) {
        return;
    }
    pool_part(&session->place);
    if (pool != NULL) {
        pool_join(pool, session->tenant.id, &session->place, on_granted, session);
    }
}

static enum pipeline_next refuse(struct session *session, struct refusal *refusal)
{
    if (session->phase == SESSION_READY && session->command.frame.type != 'S' && session->command.frame.type != 'H') {
        return session_refuse(session, refusal);
    }
    session_fatal(session, refusal);
    return PIPELINE_REFUSED;
}

static enum pipeline_next refuse_late(struct session *session)
{
    struct pool_counts counts = pool_counts(session->place.pool);
    session->is_wait_over = false;
    rg_log_event(session->worker->gateway->log, RG_LOG_WARNING, "sql.pool.timeout", "s:I, s:s%, s:s%, s:I, s:I, s:I",
                 "session", (long long)session->id, "upstream", session->tenant.route.upstream.data,
                 session->tenant.route.upstream.size, "tenant", session->tenant.id.data, session->tenant.id.size,
                 "tenant_active", (long long)pool_tenant_held(&session->place), "active", (long long)counts.held,
                 "waiting", (long long)counts.waiting);
    struct refusal refusal =
        refusal_make("53300", "limits.pool", "no connection to the database was free within query_wait_timeout");
    refusal.hint = RG_SLICE("Run fewer statements at once, or try again; rowgate's log says how many are in use.");
    return refuse(session, &refusal);
}

/* Its tenant has as many that wait as it may, over all event loops. */
static enum pipeline_next refuse_full(struct session *session)
{
    struct limit_words words;
    struct refusal refusal = limit_refusal(session, CONFIG_LIMIT_QUEUE, &words);
    pool_leave(&session->place);
    return refuse(session, &refusal);
}

static bool enter_queue(struct session *session)
{
    session->is_queued = rg_is_ok(quota_take(session->worker->gateway->quota, QUOTA_WAITING, session->tenant.id,
                                             session_limit(session, CONFIG_LIMIT_QUEUE)));
    return session->is_queued;
}

static enum pipeline_next refuse_cancelled(struct session *session)
{
    session_leave_pool(session);
    struct refusal refusal = refusal_make("57014", "session.cancelled", "canceling statement due to user request");
    return refuse(session, &refusal);
}

/* A Sync or Flush behind which nothing was sent: no place is worth waiting for. */
static bool is_empty_batch(const struct session *session)
{
    char type = session->command.frame.type;
    return session->phase == SESSION_READY && (type == 'S' || type == 'H');
}

static enum pipeline_next answer_empty_batch(struct session *session)
{
    rg_status status = gate_release_batch(session);
    if (rg_is_ok(status) && session->command.frame.type == 'S') {
        session->skips_to_sync = false;
        session->drops_to_sync = false;
        status = pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, output_buf(&session->output));
        session_go_idle(session);
    }
    if (!rg_is_ok(status)) {
        struct refusal refusal = refusal_from_status(status, "session.limits");
        session_fatal(session, &refusal);
    }
    return PIPELINE_REFUSED; /* done with this message */
}

enum pipeline_next session_enter_pool(struct session *session)
{
    if (session->place.state == POOL_OUTSIDE && !session->is_wait_over) {
        choose_pool(session);
    }
    if (session_is_sharing(session) && is_empty_batch(session)) {
        return answer_empty_batch(session);
    }
    if (!session_is_sharing(session) || session->place.state == POOL_HOLDS) {
        return PIPELINE_NEXT;
    }
    if (session->command.is_cancelled) {
        return refuse_cancelled(session);
    }
    if (session->is_wait_over) {
        return refuse_late(session);
    }
    if (session->place.state == POOL_WAITS) {
        return PIPELINE_SUSPEND;
    }
    if (pool_ask(&session->place)) {
        return PIPELINE_NEXT;
    }
    if (!enter_queue(session)) {
        return refuse_full(session);
    }
    session->wait_until_us = net_loop_now_us(session->worker->loop) + upstream_of(session)->pool.wait_us;
    watch_wait(session);
    return PIPELINE_SUSPEND;
}

struct net_upstream *session_take_pooled(struct session *session, bool *out_is_stale)
{
    *out_is_stale = false;
    struct net_upstream *upstream = session_is_sharing(session)
                                        ? pool_take(session->place.pool, upstream_of(session)->conninfo, out_is_stale)
                                        : NULL;
    session->is_upstream_counted = session->is_upstream_counted || upstream != NULL;
    return upstream;
}

void session_leave_unused(struct session *session)
{
    bool is_unused =
        session->server == NULL && session->upstream == NULL && !net_timer_is_running(&session->retry_timer);
    if (session->place.state == POOL_HOLDS && is_unused) {
        pool_leave(&session->place);
    }
}

void session_leave_pool(struct session *session)
{
    leave_queue(session);
    pool_leave(&session->place);
}

bool session_cancel_wait(struct session *session)
{
    if (session->place.state != POOL_WAITS || session->phase != SESSION_READY) {
        return false;
    }
    session->command.is_cancelled = true;
    session_resume(session);
    return true;
}

bool session_must_yield(const struct session *session)
{
    return session->place.state == POOL_HOLDS && session->transaction == PGWIRE_TRANSACTION_IDLE &&
           session->requests.count > 0 && session->forwarded_since_sync == 0 &&
           pool_counts(session->place.pool).waiting > 0;
}

void session_rest(struct session *session)
{
    bool may_rest = session->place.state == POOL_HOLDS && session->phase == SESSION_READY && session->server != NULL &&
                    !session->is_relaying && !session->is_suspended && session->step == 0 &&
                    session->transaction == PGWIRE_TRANSACTION_IDLE && !session->is_begin_deferred &&
                    !session->is_begin_awaited;
    if (may_rest) {
        upstream_put_back(session);
    } else if (session->phase == SESSION_READY && session->step == 0) {
        session_leave_unused(session); /* it was refused before it could use it */
    }
}
