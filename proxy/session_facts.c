/* SPDX-License-Identifier: Apache-2.0 */
/* A session seen from the console (proxy/console.h), and its end by an operator. On the session's own loop. */
#include "proxy/session_facts.h"

#include "proxy/session_private.h"

enum { UID_DIGITS = 32, UID_TEXT_BYTES = 16 * 1024 /* hashed in no time */ };

static const struct request *statement_request(const struct session *session)
{
    const struct request *request = session->requests.first;
    while (request != NULL && ((request->type != 'Q' && request->type != 'E') || request_statement(request) == NULL)) {
        request = request->next;
    }
    return request;
}

/* Of the text without its literals, as the record has it. */
static void tell_plan(const struct policy_cached *cached, size_t index, struct session_facts *facts)
{
    if (index >= cached->plan.count) {
        facts->class_name = "MISC"; /* an empty query string */
        return;
    }
    facts->class_name = policy_class_name(cached->plan.statements[index].class_of_statement);
    struct rg_slice text = cached->texts[index].source.text;
    if (text.size <= UID_TEXT_BYTES) {
        struct rg_digest digest = rg_sha256_one(text);
        rg_digest_hex(&digest, facts->query_uid);
        facts->query_uid[UID_DIGITS] = '\0';
    }
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

static enum session_fact state_of(const struct session *session)
{
    bool is_busy = session->transaction != PGWIRE_TRANSACTION_IDLE || session->requests.count > 0;
    if (session->place.state == POOL_WAITS) {
        return SESSION_FACT_WAITING; /* with a statement, or at the end of its login */
    }
    if (!session->is_logged_in) {
        return SESSION_FACT_LOGIN;
    }
    return session->phase == SESSION_READY && session_is_idle(session) && !is_busy ? SESSION_FACT_IDLE
                                                                                   : SESSION_FACT_ACTIVE;
}

static void tell_who(const struct session *session, struct session_facts *facts)
{
    const struct config_upstream *upstream = upstream_of(session);
    const struct pgwire_setting *application = pgwire_setting_find(&session->startup, RG_SLICE("application_name"));
    const struct rg_slice none = {0};
    facts->tenant = session->tenant.id;
    facts->user = session->identity.user;
    facts->database = session->startup.database;
    facts->application = application == NULL ? none : application->value;
    facts->upstream = upstream == NULL ? none : upstream->name;
    facts->shares_servers = session_is_sharing(session);
}

void session_tell(const struct session *session, struct session_facts *out_facts)
{
    bool is_busy = session->transaction != PGWIRE_TRANSACTION_IDLE || session->requests.count > 0;
    *out_facts = (struct session_facts){
        .id = rg_slice_of(session->public_id),
        .address = rg_slice_of(session->peer),
        .state = state_of(session),
        .is_tls = true, /* the SQL plane lets nobody in without */
        .has_server = session->server != NULL,
        .is_server_active = session->server != NULL && is_busy,
        .connected_us = session->begun_us,
    };
    if (out_facts->state != SESSION_FACT_LOGIN) {
        tell_who(session, out_facts);
        tell_statement(session, out_facts);
    }
    if (out_facts->state == SESSION_FACT_WAITING) {
        bool has_statement = out_facts->class_name != NULL;
        out_facts->waits_us = has_statement ? out_facts->age_us : session_now_us(session) - session->begun_us;
    }
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
