/* SPDX-License-Identifier: Apache-2.0 */
/* What the startup packet asked for, said again as SET, so that one allow-list judges both. */
#include "proxy/bookkeeping.h"
#include "proxy/session_private.h"

static rg_status put_quoted(struct rg_buf *buf, struct rg_slice text, char quote)
{
    RG_TRY(rg_buf_put_u8(buf, (uint8_t)quote));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == quote) {
            RG_TRY(rg_buf_put_u8(buf, (uint8_t)quote));
        }
        RG_TRY(rg_buf_put_u8(buf, (uint8_t)text.data[i]));
    }
    return rg_buf_put_u8(buf, (uint8_t)quote);
}

/* The settings as SET statements, so that one allow-list judges both. */
static rg_status settings_text(const struct session *session, struct rg_buf *buf)
{
    for (size_t i = 0; i < session->startup.setting_count; i++) {
        const struct pgwire_setting *setting = &session->startup.settings[i];
        RG_TRY(rg_buf_put(buf, RG_SLICE("SET ")));
        RG_TRY(put_quoted(buf, setting->name, '"'));
        RG_TRY(rg_buf_put(buf, RG_SLICE(" TO ")));
        RG_TRY(put_quoted(buf, setting->value, '\''));
        RG_TRY(rg_buf_put(buf, RG_SLICE(";\n")));
    }
    return RG_OK;
}

static enum pipeline_next refuse_setting(struct session *session, const struct policy_cached *cached)
{
    struct refusal refusal = refusal_make("42501", "login.setting", "a startup setting is not allowed");
    for (size_t i = 0; i < cached->plan.count; i++) {
        const struct policy_statement *statement = &cached->plan.statements[i];
        if (statement->verdict == POLICY_DENY) {
            memcpy(refusal.sqlstate, statement->sqlstate, sizeof refusal.sqlstate);
            refusal.message = statement->message;
            refusal.hint = statement->hint;
            break;
        }
    }
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

static bool is_virtual(const struct policy_cached *cached)
{
    for (size_t i = 0; i < cached->plan.count; i++) {
        if (bookkeeping_of(&cached->plan.statements[i]) != BOOKKEEPING_VIRTUAL) {
            return false;
        }
    }
    return true;
}

static rg_status forward_settings(struct session *session, struct policy_cached *cached)
{
    struct rg_buf text;
    struct rg_buf message;
    rg_buf_init(&text, PGWIRE_STARTUP_MAX * 4);
    rg_buf_init(&message, PGWIRE_STARTUP_MAX * 4);
    rg_status status = RG_OK;
    for (size_t i = 0; i < cached->plan.count && rg_is_ok(status); i++) {
        status = rg_buf_put(&text, cached->plan.statements[i].text);
        if (rg_is_ok(status)) {
            status = rg_buf_put(&text, STATEMENT_SEPARATOR);
        }
    }
    if (rg_is_ok(status)) {
        status = pgwire_query_encode(rg_buf_slice(&text), &message);
    }
    if (rg_is_ok(status)) {
        status = upstream_write(session, rg_buf_slice(&message));
    }
    rg_buf_done(&text);
    rg_buf_done(&message);
    RG_TRY(status);
    struct request *request = NULL;
    RG_TRY(requests_add(&session->requests, 'Q', NULL, &request));
    request->is_hidden = true;
    request->is_settings = true;
    session->batches_forwarded++;
    session->has_forwarded_settings = true;
    session_start_statement_timer(session);
    return RG_OK;
}

static enum pipeline_next apply_settings(struct session *session, struct policy_cached *cached)
{
    if (cached->plan.is_denied) {
        return refuse_setting(session, cached);
    }
    statement_apply_effects(session, cached);
    if (session->phase != SESSION_LOGIN) {
        return PIPELINE_REFUSED; /* over the session's limits */
    }
    if (is_virtual(cached)) {
        return PIPELINE_NEXT;
    }
    rg_status status = forward_settings(session, cached);
    return rg_is_ok(status) ? PIPELINE_SUSPEND : login_refuse_status(session, status, "08006", "upstream.unavailable");
}

enum pipeline_next login_settings(struct session *session)
{
    if (session->has_forwarded_settings) {
        return session->requests.count > 0 ? PIPELINE_SUSPEND : PIPELINE_NEXT; /* session_reply.c resumed us */
    }
    if (session->startup.setting_count == 0) {
        return PIPELINE_NEXT;
    }
    struct rg_buf text;
    rg_buf_init(&text, PGWIRE_STARTUP_MAX * 4);
    struct policy_cached *cached = NULL;
    rg_status status = settings_text(session, &text);
    if (rg_is_ok(status)) {
        struct pgwire_prepare query = {.text = rg_buf_slice(&text)};
        status = statement_find_plan(session, POLICY_SIMPLE, &query, &cached);
    }
    rg_buf_done(&text);
    if (!rg_is_ok(status)) {
        return login_refuse_status(session, status, "54000", "login.setting");
    }
    enum pipeline_next next = apply_settings(session, cached);
    policy_cached_free(&cached);
    return next;
}
