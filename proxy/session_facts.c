/* SPDX-License-Identifier: Apache-2.0 */
/* A session seen from the console (proxy/console.h), and its end by an operator. On the session's own loop. */
#include "proxy/session_facts.h"

#include "proxy/session_private.h"

static const struct request *statement_request(const struct session *session)
{
    const struct request *request = session->requests.first;
    while (request != NULL && ((request->type != 'Q' && request->type != 'E') || request_statement(request) == NULL)) {
        request = request->next;
    }
    return request;
}

static void tell_plan(const struct policy_cached *cached, size_t index, struct session_facts *facts)
{
    bool is_one = cached->plan.count == 1 && cached->plan.statements[0].source.size == cached->text.size;
    index = index < cached->plan.count ? index : 0;
    facts->class_name =
        cached->plan.count == 0 ? "MISC" : policy_class_name(cached->plan.statements[index].class_of_statement);
    facts->has_digest = is_one && !cached->plan.is_denied && !cached->texts[0].source.is_redacted;
    facts->digest = cached->text_digest;
}

static void tell_statement(const struct session *session, struct session_facts *facts)
{
    int64_t now_us = net_loop_now_us(session->worker->loop);
    const struct request *request = statement_request(session);
    int64_t begun_us = 0;
    if (request != NULL) {
        tell_plan(request->cached, request->statement, facts);
        facts->statement_state = "running";
        begun_us = request->begun_us;
    } else if (session->is_suspended && session->command.cached != NULL) {
        tell_plan(session->command.cached, 0, facts);
        facts->statement_state = session->place.state == POOL_WAITS ? "waiting for a place"
                                 : session->wait_ticket != 0        ? "waiting for its record"
                                                                    : "waiting";
        begun_us = session->command.begun_us;
    }
    facts->age_us = begun_us > 0 && now_us > begun_us ? now_us - begun_us : 0;
}

void session_tell(const struct session *session, struct session_facts *out_facts)
{
    bool is_ready = session->phase == SESSION_READY;
    bool is_waiting = is_ready && session->place.state == POOL_WAITS;
    bool is_busy = session->transaction != PGWIRE_TRANSACTION_IDLE || session->requests.count > 0;
    const struct config_upstream *upstream = session->is_logged_in ? upstream_of(session) : NULL;
    const struct pgwire_setting *application = pgwire_setting_find(&session->startup, RG_SLICE("application_name"));
    *out_facts = (struct session_facts){
        .id = rg_slice_of(session->public_id),
        .tenant = session->tenant.id,
        .user = session->is_logged_in ? session->identity.user : (struct rg_slice){0},
        .database = session->is_logged_in ? session->startup.database : (struct rg_slice){0},
        .application = application == NULL || !session->is_logged_in ? (struct rg_slice){0} : application->value,
        .upstream = upstream == NULL ? (struct rg_slice){0} : upstream->name,
        .address = rg_slice_of(session->peer),
        .state = !session->is_logged_in                             ? SESSION_FACT_LOGIN
                 : is_waiting                                       ? SESSION_FACT_WAITING
                 : is_ready && session_is_idle(session) && !is_busy ? SESSION_FACT_IDLE
                                                                    : SESSION_FACT_ACTIVE,
        .is_tls = true, /* the SQL plane lets nobody in without */
        .has_server = session->server != NULL,
        .is_server_active = session->server != NULL && is_busy,
        .shares_servers = session->is_logged_in && session_is_sharing(session),
        .connected_us = session->begun_us,
    };
    tell_statement(session, out_facts);
    out_facts->waits_us = is_waiting ? out_facts->age_us : 0;
}

void session_kill(struct session *session)
{
    if (session_is_dead(session) || !session->is_logged_in || session->phase != SESSION_READY) {
        return;
    }
    struct refusal refusal =
        refusal_make("57P01", "session.killed", "terminating connection due to administrator command");
    refusal.is_fatal = true;
    record_unexecuted(session, "57P01", "not executed: an operator ended the session");
    if (session->requests.count > 0) {
        upstream_cancel(session); /* nobody waits for what it finds */
    }
    session_fatal(session, &refusal);
}
