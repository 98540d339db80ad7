/* SPDX-License-Identifier: Apache-2.0 */
/* The upstream session of a client's session: opened when first needed, opened again when it was lost between
 * transactions, cancelled, closed. */
#include "base/rg_memory.h"
#include "proxy/proved.h"
#include "proxy/session_private.h"
#include "proxy/spares.h"

static void on_open(void *context, struct net_upstream *upstream, const char *error);

static void on_server_input(void *context, struct net_stream *stream)
{
    (void)stream;
    reply_on_input(context);
}

static void on_server_drained(void *context, struct net_stream *stream)
{
    (void)stream;
    struct session *session = context;
    if (session->is_waiting_for_server) {
        session->is_waiting_for_server = false;
        net_stream_resume(session->client);
        session_pump(session);
    }
}

static void on_server_closed(void *context, struct net_stream *stream, const char *reason)
{
    struct session *session = context;
    reply_on_input(session); /* an error message may stand before the end */
    if (session_is_dead(session) || session->server != stream) {
        return;
    }
    upstream_lost(session, reason);
    reply_settle(session);
}

void upstream_close(struct session *session)
{
    session->server = NULL;
    session->is_server_paused = false;
    if (session->upstream != NULL) {
        bool is_between = session->requests.count == 0 && pgwire_scanner_is_between(&session->scanner);
        is_between ? net_upstream_finish(&session->upstream) : net_upstream_close(&session->upstream);
    }
    count_upstream(session);
    record_abandoned(session);
    pgwire_scanner_done(&session->scanner);
    session_leave_pool(session);
}

/* No answer is due and no transaction open. */
static bool is_at_rest(const struct session *session)
{
    return session->server != NULL && session->requests.count == 0 &&
           session->batches_forwarded == session->batches_answered && session->forwarded_since_sync == 0 &&
           (session->transaction == PGWIRE_TRANSACTION_IDLE || session->is_begin_deferred) &&
           (session->copy == COPY_NONE || (session->copy == COPY_STRAY && session_is_sharing(session))) &&
           !session->is_waiting_for_server && pgwire_scanner_is_between(&session->scanner);
}

/* Whether nothing of this session is on the connection: no setting and no cancel request either. */
static bool is_reusable(const struct session *session)
{
    bool is_shareable = session_is_sharing(session) || (session->is_pooled && session->is_probe_passed);
    return is_at_rest(session) && is_shareable && !session->is_probing && !session->has_forwarded_settings &&
           !session->has_cancelled && !session->worker->is_draining;
}

void upstream_give_back(struct session *session)
{
    if (session_is_sharing(session)) {
        upstream_put_back(session);
    } else if (is_reusable(session) && !session->is_server_paused) {
        session->server = NULL;
        spares_put(session->worker->spares, policy_binding_digest(session->binding), &session->upstream);
    }
    upstream_close(session);
}

void upstream_put_back(struct session *session)
{
    if (is_reusable(session)) {
        session->server = NULL;
        session->is_upstream_counted = false; /* with the pool from here on */
        if (session->is_server_paused) {
            net_stream_resume(net_upstream_stream(session->upstream)); /* the client's slowness is its own */
        }
        pool_put(session->place.pool, &session->upstream);
        upstream_close(session);
    } else if (is_at_rest(session) && (session->has_cancelled || session->worker->is_draining)) {
        upstream_close(session); /* a cancel request that comes late would hit the next one's statement */
    }
}

static void note_lost(const struct session *session, const char *reason)
{
    rg_log_event(session->worker->gateway->log, RG_LOG_WARNING, "sql.upstream.lost", "s:I, s:s%, s:s", "session",
                 (long long)session->id, "upstream", session->tenant.route.upstream.data,
                 session->tenant.route.upstream.size, "reason", reason);
}

void upstream_lost(struct session *session, const char *reason)
{
    note_lost(session, reason);
    count_lost(session);
    bool is_unused = session->is_probing && session_is_sharing(session);
    bool can_go_on = is_unused || (session->phase == SESSION_READY && session->requests.count == 0 &&
                                   session->transaction == PGWIRE_TRANSACTION_IDLE &&
                                   !session->has_forwarded_settings && session->forwarded_since_sync == 0);
    upstream_close(session);
    if (is_unused) { /* as if it had never been there */
        session->is_probing = false;
        session->batches_answered = session->batches_forwarded;
        session_ask_again(session);
        return;
    }
    if (can_go_on) { /* the next statement opens a new one, or the one in work that was not sent yet */
        if (session->is_suspended) {
            session->step = pipeline_back_to(&pipeline_statement, session_connect, session->step);
        }
        copy_settle(session); /* no answer comes that would end a COPY */
        return;
    }
    struct refusal refusal = refusal_make("08006", "upstream.lost", "connection to the database was lost");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

const struct config_upstream *upstream_of(const struct session *session)
{
    const struct config_upstream *upstream =
        config_upstream_find(session->snapshot->config, session->tenant.route.upstream);
    RG_ASSERT(upstream != NULL); /* checked when the configuration was loaded */
    return upstream;
}

static rg_status start_opening(struct session *session)
{
    const struct config_upstream *upstream = upstream_of(session);
    uint64_t timeout_ms = (uint64_t)upstream->connect_timeout_us / 1000;
    rg_status status =
        net_upstream_open(session->worker->loop, upstream->conninfo, timeout_ms, on_open, session, &session->upstream);
    if (!rg_is_ok(status)) {
        count_connect(session, false);
    }
    count_upstream(session);
    return status;
}

static void fail_opening(struct session *session)
{
    session->is_connect_failed = true;
    session_resume(session);
}

static void on_retry(void *context)
{
    struct session *session = context;
    rg_status status = start_opening(session);
    if (!rg_is_ok(status)) {
        fail_opening(session);
    }
}

/* ---- may this upstream be trusted with rewritten text? ---- */

enum { CHECK_MS = 5000 };

static void reject(struct session *session, const char *reason)
{
    rg_log_event(session->worker->gateway->log, RG_LOG_ERROR, "sql.upstream.rejected", "s:I, s:s%, s:s", "session",
                 (long long)session->id, "upstream", session->tenant.route.upstream.data,
                 session->tenant.route.upstream.size, "reason", reason);
    upstream_close(session);
    fail_opening(session);
}

/* Operators and the like are not qualified in what is sent, so the server's search_path must hold pg_catalog alone. A
 * direct session is opened so (conninfo.h); behind PgBouncer the login's own default decides, and is asked for. */
static rg_status start_probe(struct session *session)
{
    struct rg_buf message;
    rg_buf_init(&message, 256);
    rg_status status = pgwire_query_encode(RG_SLICE("SHOW search_path"), &message);
    if (rg_is_ok(status)) {
        status = upstream_write(session, rg_buf_slice(&message));
    }
    rg_buf_done(&message);
    RG_TRY(status);
    struct request *request = NULL;
    RG_TRY(requests_add(&session->requests, 'Q', NULL, &request));
    request->is_hidden = true;
    request->is_probe = true;
    session->batches_forwarded++;
    session->is_probing = true;
    session->is_probe_passed = false;
    return RG_OK;
}

void upstream_probed(struct session *session)
{
    if (session_is_sharing(session) && !session->is_probe_passed) {
        upstream_lost(session, "it did not say that its search_path is pg_catalog");
        return;
    }
    session->is_probing = false;
    if (session_is_sharing(session)) {
        net_timer_stop(&session->pool_timer);
    }
    if (session->is_probe_passed) {
        session_resume(session);
    } else {
        reject(session, "the login's search_path is not pg_catalog: ALTER ROLE ... SET search_path = pg_catalog");
    }
}

static void accept_upstream(struct session *session)
{
    if (!is_proved_version(session->upstream)) {
        reject(session, UNPROVED_REASON);
        return;
    }
    session->is_pooled = upstream_of(session)->kind == CONFIG_UPSTREAM_PGBOUNCER;
    if (!session->is_pooled) {
        session_resume(session);
        return;
    }
    rg_status status = start_probe(session);
    if (!rg_is_ok(status)) {
        reject(session, status.error->text);
        return;
    }
    session_start_statement_timer(session);
}

static void adopt(struct session *session, struct net_upstream *upstream)
{
    static const struct net_stream_events events = {on_server_input, on_server_drained, on_server_closed};
    session->upstream = upstream;
    session->server = net_upstream_stream(upstream);
    session->transaction = PGWIRE_TRANSACTION_IDLE;
    session->is_begin_deferred = false;
    session->is_begin_awaited = false;
    session->is_cancel_due = false;
    session->upstream_prepared = NULL;
    session->has_cancelled = false;
    prelude_forget(session);
    session->attempts = 0;
    pgwire_scanner_init(&session->scanner, PGWIRE_COLLECT_MAX);
    net_stream_set_limits(session->server, NET_STREAM_INPUT_BYTES, SESSION_SERVER_BYTES);
    net_stream_set_events(session->server, &events, session);
}

static void on_check_over(void *context)
{
    struct session *session = context;
    struct pool *pool = session->place.pool;
    upstream_lost(session, "no answer after it was idle");
    pool_drop_stale(pool); /* a firewall has forgotten them all */
}

/* Something on the way may have dropped what was long unused, without a word: it is asked before anything is sent that
 * might be carried out, or not. */
static void start_check(struct session *session)
{
    bool is_asked = rg_is_ok(start_probe(session));
    session->is_probing = true;
    net_timer_start(session->worker->loop, &session->pool_timer, is_asked ? CHECK_MS : 0, on_check_over, session);
}

/* Another session's before: one of the pool, or with the same login and the same view, for whom it was probed. */
static bool take_spare(struct session *session)
{
    bool is_stale = false;
    struct net_upstream *shared = session_take_pooled(session, &is_stale);
    if (shared != NULL) {
        adopt(session, shared);
        if (is_stale) {
            start_check(session);
        }
        return true;
    }
    const struct config_upstream *upstream = upstream_of(session);
    struct net_upstream *spare =
        upstream->kind == CONFIG_UPSTREAM_PGBOUNCER
            ? spares_take(session->worker->spares, policy_binding_digest(session->binding), upstream->conninfo)
            : NULL;
    if (spare == NULL) {
        return false;
    }
    adopt(session, spare);
    session->is_pooled = true;
    session->is_probe_passed = true;
    return true;
}

/* With a pool a server that is being restarted costs no statement: it is waited for a while. */
static bool may_retry(const struct session *session)
{
    return session->attempts < SESSION_CONNECT_ATTEMPTS ||
           (session_is_sharing(session) && net_loop_now_us(session->worker->loop) < session->pool_retry_until_us);
}

static void on_open(void *context, struct net_upstream *upstream, const char *error)
{
    struct session *session = context;
    count_connect(session, error == NULL);
    if (error != NULL) {
        rg_log_event(session->worker->gateway->log, RG_LOG_WARNING, "sql.upstream.unavailable", "s:I, s:s%, s:i, s:s",
                     "session", (long long)session->id, "upstream", session->tenant.route.upstream.data,
                     session->tenant.route.upstream.size, "attempt", (int)session->attempts, "reason", error);
        net_upstream_close(&session->upstream);
        count_upstream(session);
        if (may_retry(session)) {
            unsigned doublings = session->attempts < SESSION_CONNECT_ATTEMPTS ? session->attempts - 1 : 2;
            uint64_t delay_ms = 100u << doublings;
            session->attempts++;
            net_timer_start(session->worker->loop, &session->retry_timer, delay_ms, on_retry, session);
        } else {
            fail_opening(session);
        }
        return;
    }
    adopt(session, upstream);
    accept_upstream(session);
}

static enum pipeline_next refuse_unavailable(struct session *session)
{
    /* What libpq says names hosts and logins, which are the administrator's business: it is in the log. */
    struct refusal refusal = refusal_make("08006", "upstream.unavailable", "the database cannot be reached");
    refusal.hint = RG_SLICE("Try again; rowgate's log has the reason.");
    session->is_connect_failed = false;
    session->attempts = 0;
    session_leave_pool(session);
    if (session->phase == SESSION_READY && session->command.frame.type != 'S' && session->command.frame.type != 'H' &&
        session->command.frame.type != 'C') {
        return session_refuse(session, &refusal);
    }
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

/* The upstream pools now: a connection of before is not kept. */
static void leave_old_route(struct session *session)
{
    bool is_leftover = session->place.pool == NULL && upstream_of(session)->pool.size > 0;
    if (is_leftover && is_at_rest(session) && !session->is_relaying && !session->is_begin_deferred &&
        !session->has_forwarded_settings) {
        upstream_close(session);
    }
}

enum pipeline_next session_connect(struct session *session)
{
    if (session->is_route_new) {
        session->is_route_new = false;
        leave_old_route(session);
    }
    if (session->server != NULL) {
        session->is_waiting_for_cancel = session->cancels_under_way > 0;
        return session->is_waiting_for_cancel || session->is_probing ? PIPELINE_SUSPEND : PIPELINE_NEXT;
    }
    if (session->is_connect_failed) {
        return refuse_unavailable(session);
    }
    if (session->upstream != NULL || net_timer_is_running(&session->retry_timer)) {
        return PIPELINE_SUSPEND;
    }
    enum pipeline_next entered = session_enter_pool(session);
    if (entered != PIPELINE_NEXT) {
        return entered;
    }
    if (take_spare(session)) {
        return session->is_probing ? PIPELINE_SUSPEND : PIPELINE_NEXT;
    }
    session->attempts = 1;
    session->pool_retry_until_us = net_loop_now_us(session->worker->loop) + SESSION_POOL_RETRY_US;
    rg_status status = start_opening(session);
    if (!rg_is_ok(status)) {
        return refuse_unavailable(session);
    }
    return PIPELINE_SUSPEND;
}

rg_status upstream_write(struct session *session, struct rg_slice bytes)
{
    if (session->server == NULL) {
        return rg_fail(RG_UPSTREAM, "no upstream session");
    }
    return net_stream_write(session->server, bytes);
}

/* A cancel request under way. It may hit whatever the upstream session runs when it arrives, so nothing new is
 * forwarded before it is done. Freed by its callback, which may come after the session has gone. */
struct cancel_wait {
    struct worker *worker;
    uint64_t session_id;
};

static void on_cancel_done(void *context, const char *error)
{
    struct cancel_wait *wait = context;
    struct session *session = worker_find(wait->worker, wait->session_id);
    if (error != NULL) {
        rg_log_event(wait->worker->gateway->log, RG_LOG_WARNING, "sql.cancel.failed", "s:I, s:s", "session",
                     (long long)wait->session_id, "reason", error);
    }
    rg_memory_free(wait);
    if (session == NULL) {
        return;
    }
    session->cancels_under_way--;
    if (session->is_waiting_for_cancel && session->cancels_under_way == 0) {
        session->is_waiting_for_cancel = false;
        session_resume(session);
    }
}

void upstream_cancel(struct session *session)
{
    if (session->upstream == NULL || session->server == NULL) {
        return;
    }
    struct cancel_wait *wait = rg_memory_alloc(sizeof *wait);
    *wait = (struct cancel_wait){session->worker, session->id};
    rg_status status = net_upstream_cancel(session->upstream, on_cancel_done, wait);
    if (!rg_is_ok(status)) {
        rg_log_event(session->worker->gateway->log, RG_LOG_WARNING, "sql.cancel.failed", "s:I, s:s", "session",
                     (long long)session->id, "reason", status.error->text);
        rg_memory_free(wait);
        return;
    }
    session->cancels_under_way++;
    session->is_cancelling = true;
    session->has_cancelled = true;
}
