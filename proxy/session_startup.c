/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's first packets: TLS, a cancel request, or the startup message, which only counts inside TLS. */
#include "proxy/session_private.h"

enum { TLS_HANDSHAKE_RECORD = 0x16 };

static void on_handshake_done(void *context, struct net_stream *stream, const char *error)
{
    struct session *session = context;
    if (session->phase != SESSION_HANDSHAKE) {
        return; /* refused meanwhile: the login took too long */
    }
    if (error != NULL) {
        rg_log_event(session->worker->gateway->log, RG_LOG_INFO, "sql.tls.failed", "s:s, s:s", "client",
                     session_shown_peer(session), "reason", error);
        session_end(session, SESSION_ENDED_BY_CLIENT);
        return;
    }
    if (session->is_direct_tls && !rg_slice_is_equal(net_stream_tls_alpn(stream), RG_SLICE("postgresql"))) {
        session_end(session, SESSION_ENDED_BY_US); /* direct TLS requires ALPN (libpq, sslnegotiation=direct) */
        return;
    }
    session->phase = SESSION_STARTUP_TLS;
    session_pump(session);
}

static void start_handshake(struct session *session)
{
    session->phase = SESSION_HANDSHAKE;
    net_stream_start_tls(session->client, session->snapshot->config->listeners[session->listener].tls->server,
                         on_handshake_done, session);
}

static void answer_ssl_request(struct session *session)
{
    if (net_stream_input(session->client).size > 0) {
        /* Bytes sent in clear behind the request would count as sent inside TLS (CVE-2021-23214). */
        struct refusal refusal = refusal_make("08P01", "tls.smuggled", "received unencrypted data after SSL request");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return;
    }
    if (!rg_is_ok(net_stream_write(session->client, RG_SLICE("S")))) {
        session_end(session, SESSION_ENDED_BY_CLIENT);
        return;
    }
    start_handshake(session);
}

static void answer_cancel_request(struct session *session)
{
    struct keys_entry entry;
    if (keys_find(session->worker->gateway->keys, session->startup.cancel_pid, session->startup.cancel_secret,
                  &entry)) {
        gateway_cancel(session->worker->gateway, &entry);
    }
    session_end(session, SESSION_ENDED_BY_CLIENT); /* no answer, ever */
}

static void start_session(struct session *session)
{
    if (session->phase != SESSION_STARTUP_TLS) {
        struct refusal refusal = refusal_make("28000", "tls.required", "TLS is required");
        refusal.hint = RG_SLICE("Connect with sslmode=require or stronger.");
        refusal.is_fatal = true;
        session_fatal(session, &refusal);
        return;
    }
    struct rg_buf *buf = output_buf(&session->output);
    const struct pgwire_startup *startup = &session->startup;
    if (startup->minor > 0 || startup->extension_count > 0) {
        if (!rg_is_ok(pgwire_negotiate_encode(0, startup->extensions, startup->extension_count, buf))) {
            session_end(session, SESSION_ENDED_BY_US);
            return;
        }
    }
    login_start(session);
}

static void handle_startup(struct session *session)
{
    bool is_tls = session->phase == SESSION_STARTUP_TLS;
    switch (session->startup.kind) {
    case PGWIRE_STARTUP_SSL:
        is_tls ? session_end(session, SESSION_ENDED_BY_US) : answer_ssl_request(session);
        return;
    case PGWIRE_STARTUP_GSSENC:
        if (is_tls || !rg_is_ok(net_stream_write(session->client, RG_SLICE("N")))) {
            session_end(session, SESSION_ENDED_BY_US);
        }
        return;
    case PGWIRE_STARTUP_CANCEL:
        answer_cancel_request(session);
        return;
    case PGWIRE_STARTUP_SESSION:
        start_session(session);
        return;
    case PGWIRE_STARTUP_NONE:
        break;
    }
    session_end(session, SESSION_ENDED_BY_US);
}

static void refuse_startup(struct session *session, rg_status status)
{
    struct refusal refusal = refusal_from_status(status, "protocol.startup");
    refusal.is_fatal = true;
    session_fatal(session, &refusal);
}

bool startup_on_packet(struct session *session)
{
    struct rg_slice input = net_stream_input(session->client);
    if (session->phase == SESSION_STARTUP && input.size > 0 && (unsigned char)input.data[0] == TLS_HANDSHAKE_RECORD) {
        session->is_direct_tls = true;
        start_handshake(session);
        return false;
    }
    struct pgwire_frame frame;
    bool is_complete = false;
    rg_status status = pgwire_startup_peek(input, &frame, &is_complete);
    if (rg_is_ok(status) && !is_complete) {
        return false;
    }
    if (rg_is_ok(status)) {
        status = pgwire_startup_parse(frame.body, &session->arena, &session->startup);
    }
    if (!rg_is_ok(status)) {
        refuse_startup(session, status);
        return false;
    }
    net_stream_consume(session->client, frame.size);
    handle_startup(session);
    return session->phase != SESSION_HANDSHAKE;
}
