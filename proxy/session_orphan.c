/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that no HTTP request is behind, on a listener where capsules say which one is: by a service account or a
 * token that logged in there itself. Told once a session, by its first statement that reads or changes anything. */
#include "proxy/session_private.h"

/* What drivers say to find out where they are is nobody's reading of data. */
static bool is_bookkeeping(const struct policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->statements[i].relation_count > 0 || !plan->statements[i].is_read) {
            return false;
        }
    }
    return true;
}

static rg_status tell(struct session *session)
{
    struct audit_event event = record_event(session, AUDIT_SQL_ORPHAN);
    uint64_t ticket = 0;
    event.verdict = AUDIT_ALLOWED;
    event.message = RG_SLICE("a statement without an HTTP request behind it");
    RG_TRY(worker_submit(session->worker, &event, NULL, &ticket));
    bool is_sealed = session_is_sealed(session);
    rg_log_event(session->worker->gateway->log, RG_LOG_WARNING, "sql.orphan", "s:I, s:s, s:s%, s:s%", "session",
                 (long long)session->id, "client", session_shown_peer(session), "tenant", session->tenant.id.data,
                 session->tenant.id.size, "user", is_sealed ? "" : session->identity.user.data,
                 is_sealed ? (size_t)0 : session->identity.user.size);
    session->is_orphan_told = true;
    count_orphan(session);
    return RG_OK;
}

enum pipeline_next statement_check_orphan(struct session *session)
{
    enum config_orphans orphans = session->snapshot->config->listeners[session->listener].orphans;
    if (session->capsule != NULL || orphans == CONFIG_ORPHANS_ALLOW || is_bookkeeping(&session->command.cached->plan)) {
        return PIPELINE_NEXT;
    }
    if (!session->is_orphan_told && !rg_is_ok(tell(session))) {
        struct refusal refusal = gate_refusal(session);
        return session_refuse(session, &refusal);
    }
    if (orphans == CONFIG_ORPHANS_ALERT) {
        return PIPELINE_NEXT;
    }
    struct refusal refusal =
        refusal_make("42501", "sql.orphan", "this connection takes statements of HTTP requests only");
    return session_refuse(session, &refusal);
}
