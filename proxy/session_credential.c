/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a client for its credential and taking it, and the refusals of a login. What it proves is judged by the steps
 * in session_login.c. */
#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/session_private.h"

enum { CREDENTIAL_BYTES = 16 * 1024 };

enum pipeline_next login_refuse(struct session *session, const char *sqlstate, const char *rule, const char *message)
{
    struct refusal refusal = refusal_make(sqlstate, rule, message);
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

enum pipeline_next login_refuse_status(struct session *session, rg_status status, const char *sqlstate,
                                       const char *rule)
{
    char text[sizeof status.error->text]; /* the thread's slot is filled again while recording */
    (void)snprintf(text, sizeof text, "%s", status.error->text);
    return login_refuse(session, sqlstate, rule, text);
}

/* ---- asking for the credential ---- */

static const struct config_listener *listener_of(const struct session *session)
{
    return &session->snapshot->config->listeners[session->listener];
}

static rg_status ask_scram(struct session *session)
{
    const struct config_account *account = config_account_find(session->snapshot->config, session->startup.user);
    session->account = account;
    session->scram = rg_memory_alloc(sizeof *session->scram);
    auth_scram_start(session->scram, account == NULL ? NULL : &account->verifier, &session->worker->gateway->scram_mock,
                     session->startup.user);
    session->phase = SESSION_SASL_FIRST;
    const struct rg_slice mechanisms[] = {RG_SLICE("SCRAM-SHA-256")};
    return pgwire_auth_sasl_encode(mechanisms, 1, output_buf(&session->output));
}

void login_start(struct session *session)
{
    if (!worker_takes_records(session->worker)) {
        struct refusal refusal = gate_refusal(session);
        session_fatal(session, &refusal);
        return;
    }
    const struct config_listener *listener = listener_of(session);
    bool is_account = config_account_find(session->snapshot->config, session->startup.user) != NULL;
    rg_status status;
    bool is_scram_only = !listener->allows_oidc && !listener->allows_capsule;
    if (listener->allows_scram && (is_account || is_scram_only)) {
        status = ask_scram(session);
    } else {
        session->phase = SESSION_PASSWORD;
        status = pgwire_auth_cleartext_encode(output_buf(&session->output));
    }
    if (!rg_is_ok(status)) {
        (void)login_refuse_status(session, status, "53200", "session.limits");
        return;
    }
    session_flush(session);
}

/* ---- receiving it ---- */

static void wipe_input(struct session *session, size_t size)
{
    /* the credential stood in the input buffer: overwrite it before the buffer is used again */
    struct rg_slice input = net_stream_input(session->client);
    union {
        const char *borrowed;
        void *writable;
    } bytes = {.borrowed = input.data};
    rg_wipe(bytes.writable, size < input.size ? size : input.size);
    net_stream_consume(session->client, size);
}

static rg_status take_password(struct session *session, struct rg_slice body)
{
    struct rg_slice password;
    RG_TRY(pgwire_password_parse(body, &password));
    if (password.size > CREDENTIAL_BYTES) {
        return rg_fail(RG_DENIED, "token of %zu bytes, limit %d", password.size, CREDENTIAL_BYTES);
    }
    RG_TRY(rg_arena_copy(&session->arena, password, &session->credential));
    session->phase = SESSION_LOGIN;
    return RG_OK;
}

static rg_status take_sasl_first(struct session *session, struct rg_slice body)
{
    struct pgwire_sasl_start start;
    RG_TRY(pgwire_sasl_start_parse(body, &start));
    if (!rg_slice_is_equal(start.mechanism, RG_SLICE("SCRAM-SHA-256")) || start.response.is_null) {
        return rg_fail(RG_DENIED, "client selected an invalid SASL authentication mechanism");
    }
    struct rg_slice answer;
    RG_TRY(auth_scram_first(session->scram, start.response.bytes, &session->arena, &answer));
    RG_TRY(pgwire_auth_sasl_continue_encode(answer, output_buf(&session->output)));
    session->phase = SESSION_SASL_FINAL;
    return RG_OK;
}

static rg_status take_sasl_final(struct session *session, struct rg_slice body)
{
    struct rg_slice response;
    RG_TRY(pgwire_sasl_response_parse(body, &response));
    struct rg_slice answer;
    RG_TRY(auth_scram_final(session->scram, response, &session->arena, &answer));
    RG_TRY(pgwire_auth_sasl_final_encode(answer, output_buf(&session->output)));
    session->phase = SESSION_LOGIN;
    return RG_OK;
}

static rg_status take_message(struct session *session, struct rg_slice body)
{
    switch (session->phase) {
    case SESSION_PASSWORD:
        return take_password(session, body);
    case SESSION_SASL_FIRST:
        return take_sasl_first(session, body);
    case SESSION_SASL_FINAL:
        return take_sasl_final(session, body);
    case SESSION_DEAD:
    case SESSION_STARTUP:
    case SESSION_HANDSHAKE:
    case SESSION_STARTUP_TLS:
    case SESSION_LOGIN:
    case SESSION_READY:
    case SESSION_CLOSING:
        break;
    }
    return rg_fail(RG_INTERNAL, "no credential is due");
}

bool login_on_message(struct session *session)
{
    struct pgwire_limits limits = {.phase = PGWIRE_PHASE_AUTH, .message_bytes = CREDENTIAL_BYTES + 1024};
    struct pgwire_frame frame;
    bool is_complete = false;
    rg_status status = pgwire_frame_peek(net_stream_input(session->client), &limits, &frame, &is_complete);
    if (rg_is_ok(status) && !is_complete) {
        return false;
    }
    if (rg_is_ok(status)) {
        status = take_message(session, frame.body);
        wipe_input(session, frame.size);
    }
    if (!rg_is_ok(status)) {
        bool is_protocol = status.error->kind == RG_PROTOCOL;
        (void)login_refuse_status(session, status, is_protocol ? "08P01" : "28P01", "login.credential");
        return false;
    }
    session_flush(session);
    return true;
}

void login_forget_credential(struct session *session)
{
    if (session->credential.data != NULL) {
        union {
            const char *borrowed;
            void *writable;
        } bytes = {.borrowed = session->credential.data};
        rg_wipe(bytes.writable, session->credential.size);
        session->credential = (struct rg_slice){0};
    }
    if (session->scram != NULL) {
        auth_scram_done(session->scram);
        rg_memory_free(session->scram);
        session->scram = NULL;
    }
}
