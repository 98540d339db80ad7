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
    struct refusal refusal = refusal_make("57014", "limits.login_timeout", "login took too long");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

static void on_idle_timeout(void *context)
{
    struct session *session = context;
    if (session->requests.count > 0 || session->is_suspended) {
        return;
    }
    struct refusal refusal = refusal_make("57P05", "limits.idle_timeout", "session ended: idle for too long");
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
    if (session->is_cancelling) {
        struct refusal refusal = refusal_make("57014", "limits.statement_timeout",
                                              "statement took too long and the upstream did not cancel it");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return;
    }
    struct refusal refusal =
        refusal_make("57014", "limits.statement_timeout", "canceling statement due to statement timeout");
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
    int64_t timeout_us = session->limits->statement_timeout_us;
    bool is_begin = session->requests.first != NULL && session->requests.first->is_begin;
    int64_t wanted_ms = is_begin ? 0 : session->settings->statement_timeout_ms; /* which is for statements of its own */
    if (wanted_ms > 0 && wanted_ms <= timeout_us / 1000) {
        timeout_us = wanted_ms * 1000;
    }
    session->is_cancelling = false;
    net_timer_start(session->worker->loop, &session->statement_timer, (uint64_t)(timeout_us + 999) / 1000,
                    on_statement_timeout, session);
}

void session_start_login_timer(struct session *session)
{
    uint64_t login_ms = (uint64_t)session->limits->login_timeout_us / 1000;
    net_timer_start(session->worker->loop, &session->login_timer, login_ms == 0 ? DEFAULT_LOGIN_MS : login_ms,
                    on_login_timeout, session);
}

/* A client that sends no Sync, too, is idle when nothing is outstanding. */
void session_watch_idleness(struct session *session)
{
    bool is_quiet = session->phase == SESSION_READY && session->requests.count == 0 && !session->is_suspended;
    if (is_quiet && !net_timer_is_running(&session->idle_timer)) {
        net_timer_start(session->worker->loop, &session->idle_timer, (uint64_t)session->limits->idle_timeout_us / 1000,
                        on_idle_timeout, session);
    }
}

void session_go_idle(struct session *session)
{
    if (session->is_draining && session_is_idle(session)) {
        session_shut_down(session);
        return;
    }
    net_timer_start(session->worker->loop, &session->idle_timer, (uint64_t)session->limits->idle_timeout_us / 1000,
                    on_idle_timeout, session);
}
