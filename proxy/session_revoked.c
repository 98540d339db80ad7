/* SPDX-License-Identifier: Apache-2.0 */
/* What was revoked, seen from a session: one load at each statement, a look only when something is new. */
#include <stdio.h>

#include "auth/revocation.h"
#include "proxy/session_order.h"
#include "proxy/session_private.h"

static struct auth_revocation_hit look(const struct session *session)
{
    const struct auth_identity *who = &session->identity;
    bool is_account = who->kind == AUTH_SCRAM;
    const struct auth_revocation_subject subject = {
        .idp = is_account ? RG_SLICE("scram") : who->idp,
        .subject = who->subject,
        .token_id = who->token_id,
        .tenant = session->tenant.id,
        .session = rg_slice_of(session->public_id),
        /* An account has no token with a date: what was revoked before it logged in is not about this session. */
        .since_us = is_account ? session->begun_us : who->issued_at_us,
    };
    return auth_revocation_find(session->worker->gateway->state, &subject, session_now_us(session));
}

bool session_is_revoked(struct session *session)
{
    uint64_t generation = auth_revocation_generation(session->worker->gateway->state);
    if (generation == session->revocation_generation || session->revoked_by[0] != '\0') {
        return session->revoked_by[0] != '\0';
    }
    struct auth_revocation_hit hit = look(session);
    session->revocation_generation = generation; /* read before the look: what came meanwhile is looked for again */
    if (hit.kind == AUTH_REVOKE_NONE) {
        return false;
    }
    (void)snprintf(session->revoked_by, sizeof session->revoked_by, "%s", hit.by[0] == '\0' ? "?" : hit.by);
    return true;
}

/* The text of the record names who ordered it, the client's does not. */
static struct refusal refusal_of(const struct session *session, const char *rule, const char *message, char *text,
                                 size_t size)
{
    struct refusal refusal = refusal_make("28000", rule, message);
    (void)snprintf(text, size, "%s by %s", message, session->revoked_by);
    refusal.recorded = rg_slice_of(text);
    refusal.is_fatal = true;
    return refusal;
}

enum pipeline_next login_check_revoked(struct session *session)
{
    char text[AUTH_REVOCATION_BY_SIZE + 64];
    if (!session_is_revoked(session)) {
        return PIPELINE_NEXT;
    }
    struct refusal refusal =
        refusal_of(session, "login.revoked", "this credential was revoked; log in with a new one", text, sizeof text);
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

enum pipeline_next statement_refuse_revoked(struct session *session)
{
    char text[AUTH_REVOCATION_BY_SIZE + 64];
    struct refusal refusal = refusal_of(session, "session.revoked", "session was revoked", text, sizeof text);
    record_unexecuted(session, "28000", "not executed: the session was revoked");
    if (session->requests.count > 0) {
        upstream_cancel(session); /* nobody may have what it finds */
    }
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

enum pipeline_next statement_refuse_over(struct session *session)
{
    struct refusal refusal =
        refusal_make("28000", "session.over", "the session behind this connection is over; log in again");
    record_unexecuted(session, "28000", "not executed: the session behind it is over");
    if (session->requests.count > 0) {
        upstream_cancel(session); /* nobody may have what it finds */
    }
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

void session_end_if_revoked(struct session *session)
{
    bool is_logged_in = session->is_logged_in && session->phase == SESSION_READY;
    if (is_logged_in && session_is_revoked(session)) {
        (void)statement_refuse_revoked(session);
        return;
    }
    rg_status status = is_logged_in ? capsule_check(session) : RG_OK;
    if (!rg_is_ok(status) && status.error->kind == RG_DENIED) {
        (void)statement_refuse_over(session);
    }
}

bool session_describe(const struct session *session, struct session_row *out_row)
{
    if (!session->is_logged_in || session_is_dead(session)) {
        return false;
    }
    const struct auth_identity *who = &session->identity;
    *out_row = (struct session_row){
        .id = rg_slice_of(session->public_id),
        .plane = RG_SLICE("sql"),
        .tenant = session->tenant.id,
        .user = who->user,
        .subject = who->subject,
        .idp = who->kind == AUTH_SCRAM ? RG_SLICE("scram") : who->idp,
        .client = rg_slice_of(session->peer),
        .token_id = who->token_id,
        .issuer = who->kind == AUTH_SCRAM ? RG_SLICE("scram") : who->issuer,
        .created_us = session->begun_us,
        .expires_us = who->expires_at_us,
    };
    return true;
}
