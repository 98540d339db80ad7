/* SPDX-License-Identifier: Apache-2.0 */
/* How long a session may take: to log in, to be idle, to run a statement, to say its last words. */
#include "proxy/session_private.h"

enum { DEFAULT_LOGIN_MS = 30000 };

static void on_closing_timeout(void *context)
{
    session_end(context, SESSION_ENDED_BY_US);
}

void session_start_closing(struct session *session)
{
    session_stop_timers(session);
    session->phase = SESSION_CLOSING;
    net_timer_start(session->worker->loop, &session->login_timer, SESSION_CLOSING_MS, on_closing_timeout, session);
}

static void on_login_timeout(void *context)
{
    struct session *session = context;
    struct limit_words words;
    session->limits = session->snapshot->config->default_limits; /* whose clock it was */
    struct refusal refusal = limit_refusal(session, CONFIG_LIMIT_LOGIN_TIMEOUT, &words);
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

static void on_idle_timeout(void *context)
{
    struct session *session = context;
    if (session->requests.count > 0 || session->is_suspended) {
        return;
    }
    struct limit_words words;
    struct refusal refusal = limit_refusal(session, CONFIG_LIMIT_IDLE_TIMEOUT, &words);
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

/* Whether rowgate's own error may take the place of this answer: only where a result is due and none was stopped
 * already. Elsewhere the upstream's own error says that it was cancelled. */
static bool may_substitute(const struct request *request)
{
    bool is_result = request->type == 'Q' || request->type == 'E';
    return is_result && !request->is_hidden && !request->is_failed && request->refusal_text == NULL;
}

/* Of the statement that is running; false: the tenant's limit is not longer than what the session asked for. */
static bool is_own_timeout(const struct session *session, int64_t *out_timeout_us)
{
    *out_timeout_us = (int64_t)session_limit(session, CONFIG_LIMIT_STATEMENT_TIMEOUT);
    bool is_begin = session->requests.first != NULL && session->requests.first->is_begin;
    int64_t wanted_ms = is_begin ? 0 : session->settings->statement_timeout_ms; /* which is for statements of its own */
    bool is_own = wanted_ms > 0 && wanted_ms <= *out_timeout_us / 1000;
    *out_timeout_us = is_own ? wanted_ms * 1000 : *out_timeout_us;
    return is_own;
}

static struct refusal timeout_refusal(const struct session *session, struct limit_words *words)
{
    struct refusal refusal = limit_refusal(session, CONFIG_LIMIT_STATEMENT_TIMEOUT, words);
    int64_t timeout_us = 0;
    if (is_own_timeout(session, &timeout_us)) {
        refusal.hint =
            RG_SLICE("statement_timeout is this session's own setting: SET statement_timeout to a longer one.");
    }
    return refusal;
}

static void on_statement_timeout(void *context)
{
    struct session *session = context;
    struct request *request = session->requests.first;
    if (request == NULL) {
        return;
    }
    if (request->is_begin) {
        upstream_lost(session, "no transaction was begun in time");
        return;
    }
    struct limit_words words;
    struct refusal refusal = timeout_refusal(session, &words);
    if (session->is_cancelling) {
        refusal.message = RG_SLICE("statement took too long and the upstream did not cancel it");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return;
    }
    count_stopped(session, &refusal);
    if (copy_stop(session, &refusal)) {
        session->is_cancelling = true;
    } else {
        if (may_substitute(request)) {
            request->is_substituted = true;
            request_set_refusal(request, &refusal);
        }
        upstream_cancel(session);
    }
    net_timer_start(session->worker->loop, &session->statement_timer, SESSION_CANCEL_GRACE_MS, on_statement_timeout,
                    session);
}

void session_start_statement_timer(struct session *session)
{
    int64_t timeout_us = 0;
    (void)is_own_timeout(session, &timeout_us);
    session->is_cancelling = false;
    net_timer_start(session->worker->loop, &session->statement_timer, (uint64_t)(timeout_us + 999) / 1000,
                    on_statement_timeout, session);
}

void session_start_login_timer(struct session *session)
{
    uint64_t login_ms = session_limit(session, CONFIG_LIMIT_LOGIN_TIMEOUT) / 1000;
    net_timer_start(session->worker->loop, &session->login_timer, login_ms == 0 ? DEFAULT_LOGIN_MS : login_ms,
                    on_login_timeout, session);
}

static void start_idle_timer(struct session *session)
{
    uint64_t idle_ms = session_limit(session, CONFIG_LIMIT_IDLE_TIMEOUT) / 1000;
    net_timer_start(session->worker->loop, &session->idle_timer, idle_ms, on_idle_timeout, session);
}

/* A client that sends no Sync, too, is idle when nothing is outstanding. */
void session_watch_idleness(struct session *session)
{
    bool is_quiet = session->phase == SESSION_READY && session->requests.count == 0 && !session->is_suspended;
    if (is_quiet && !net_timer_is_running(&session->idle_timer)) {
        start_idle_timer(session);
    }
}

void session_go_idle(struct session *session)
{
    if (session->is_draining && session_is_idle(session)) {
        session_shut_down(session);
        return;
    }
    start_idle_timer(session);
}
