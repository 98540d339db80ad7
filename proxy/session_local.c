/* SPDX-License-Identifier: Apache-2.0 */
/* What rowgate answers itself: bookkeeping (bookkeeping.h) as a simple query, when nothing else is under way.
 *
 * An answer made here goes the way of every answer, as if the upstream had just given it: through the reply's table,
 * its limits, records and gate. A BEGIN is sent with the first statement that needs it, which waits for its answer
 * unless it is proved to read only: nothing is ever changed outside the transaction that the client believes in.
 * Constants are learnt: the first one who asks has the upstream's answer, and the bytes of it are kept. */
#include "base/rg_memory.h"
#include "proxy/answers.h"
#include "proxy/bookkeeping.h"
#include "proxy/session_private.h"

enum {
    BEGIN_MS =
        1000 /* what a BEGIN may wait for its first statement: now() and the database's own limits count from it */
};

static bool is_at_rest(const struct session *session)
{
    return session->requests.count == 0 && session->forwarded_since_sync == 0 && !session->skips_to_sync &&
           session->copy == COPY_NONE && session->server != NULL && !session_is_hyper(session);
}

/* A client that sends much ahead is braked by what the upstream owes it (session.c): behind so many answers of
 * rowgate's own it gets the upstream's. */
static bool has_room(const struct session *session)
{
    size_t waiting = rg_buf_size(&session->output.held) + net_stream_pending(session->client);
    return waiting <= SESSION_PAUSE_BYTES / 2 && session->output.barrier_count <= OUTPUT_BARRIERS_MAX / 8;
}

/* Not by a connection that was opened under another configuration, nor where the client chose settings of the upstream.
 */
static bool may_learn(const struct session *session)
{
    const struct config_upstream *upstream =
        config_upstream_find(session->snapshot->config, session->tenant.route.upstream);
    return !session->has_forwarded_settings && session->snapshot == session->worker->snapshot && upstream != NULL &&
           session->upstream != NULL && net_upstream_conninfo(session->upstream) == upstream->conninfo;
}

/* What kind it is, and may be answered as: not every moment is one for each kind. */
static enum bookkeeping bookkeeping_in_work(const struct session *session)
{
    const struct command *command = &session->command;
    bool is_single = command->frame.type == 'Q' && command->cached != NULL && command->cached->plan.count == 1;
    if (!is_single || !is_at_rest(session) || !has_room(session) || session->transaction == PGWIRE_TRANSACTION_FAILED) {
        return BOOKKEEPING_NONE;
    }
    bool is_idle = session->transaction == PGWIRE_TRANSACTION_IDLE;
    const bool is_time[] = {
        [BOOKKEEPING_NONE] = true,
        [BOOKKEEPING_VIRTUAL] = true,
        [BOOKKEEPING_BEGIN] = is_idle,
        [BOOKKEEPING_END] = session->is_begin_deferred,
        [BOOKKEEPING_CONSTANT] = may_learn(session),
        [BOOKKEEPING_LEVEL] = may_learn(session) && (is_idle || session->is_begin_deferred),
    };
    enum bookkeeping found = bookkeeping_of(&command->cached->plan.statements[0]);
    return is_time[found] ? found : BOOKKEEPING_NONE;
}

/* ---- what is learnt ---- */

static struct answers_key key_of(const struct session *session, const struct policy_cached *cached)
{
    return (struct answers_key){.owner = policy_binding_digest(session->binding),
                                .upstream = session->tenant.route.upstream,
                                .text = cached->plan.statements[0].text};
}

static struct rg_slice find_answer(const struct session *session)
{
    struct answers_key key = key_of(session, session->command.cached);
    int64_t now_us = net_loop_now_us(session->worker->loop);
    return answers_find(session->worker->answers, &key, now_us);
}

void local_note(struct session *session, struct request *request, const struct pgwire_span *span)
{
    static const char order[] = "TDC"; /* one row, and nothing else */
    struct rg_buf *lesson = request->lesson;
    bool is_next = request->lesson_messages < sizeof order - 1 && span->type == order[request->lesson_messages] &&
                   span->is_start && span->is_end;
    request->lesson_messages++;
    if (span->type == 'Z') {
        bool is_whole = request->lesson_messages == sizeof order && !request->is_failed && !request->is_substituted &&
                        request->lesson_upstream == session->upstream && may_learn(session);
        struct answers_key key = key_of(session, request->cached);
        if (is_whole) {
            answers_put(session->worker->answers, &key, rg_buf_slice(lesson), net_loop_now_us(session->worker->loop));
        }
        request_drop_lesson(request);
    } else if (!is_next || !rg_is_ok(rg_buf_put(lesson, span->bytes))) {
        request_drop_lesson(request);
    }
}

/* ---- answers ---- */

/* The messages, and ReadyForQuery with state, as the answer of the command in work. */
static rg_status answer(struct session *session, struct rg_buf *messages, enum pgwire_transaction state)
{
    struct request *request = NULL;
    RG_TRY(pgwire_ready_encode(state, messages));
    RG_TRY(requests_add(&session->requests, 'Q', session->command.cached, &request));
    request->is_local = true;
    request_start(session, request);
    prelude_end_batch(session, request);
    session->batches_forwarded++;
    statement_apply_effects(session, session->command.cached);
    if (session->phase == SESSION_READY) {
        reply_feed(session, rg_buf_slice(messages));
    }
    return RG_OK;
}

static rg_status answer_tag(struct session *session, struct rg_slice tag, enum pgwire_transaction state)
{
    RG_AUTO(rg_buf_done) struct rg_buf messages;
    rg_buf_init(&messages, 1024);
    RG_TRY(pgwire_tag_encode(tag, &messages));
    return answer(session, &messages, state);
}

static void on_begin_due(void *context)
{
    struct session *session = context;
    if (!session->is_begin_deferred || session->phase != SESSION_READY) {
        return;
    }
    if (session->cancels_under_way > 0) { /* which would hit it */
        net_timer_start(session->worker->loop, &session->begin_timer, BEGIN_MS, on_begin_due, session);
        return;
    }
    rg_status status = local_begin(session);
    if (!rg_is_ok(status)) {
        upstream_lost(session, status.error->text);
    }
}

static rg_status answer_begin(struct session *session)
{
    session->is_begin_deferred = true;
    net_timer_start(session->worker->loop, &session->begin_timer, BEGIN_MS, on_begin_due, session);
    return answer_tag(session, RG_SLICE("BEGIN"), PGWIRE_TRANSACTION_OPEN);
}

static rg_status answer_end(struct session *session)
{
    bool is_commit = session->command.cached->plan.statements[0].effect == POLICY_EFFECT_COMMIT;
    session->is_begin_deferred = false;
    net_timer_stop(&session->begin_timer);
    return answer_tag(session, is_commit ? RG_SLICE("COMMIT") : RG_SLICE("ROLLBACK"), PGWIRE_TRANSACTION_IDLE);
}

static rg_status answer_constant(struct session *session, struct rg_slice learnt)
{
    RG_AUTO(rg_buf_done) struct rg_buf messages;
    rg_buf_init(&messages, ANSWERS_BYTES_MAX + 1024);
    RG_TRY(rg_buf_put(&messages, learnt));
    return answer(session, &messages, session->transaction);
}

/* ---- the deferred BEGIN ---- */

rg_status local_begin(struct session *session)
{
    struct request *request = NULL;
    RG_AUTO(rg_buf_done) struct rg_buf message;
    rg_buf_init(&message, 64);
    RG_TRY(pgwire_query_encode(RG_SLICE("BEGIN"), &message));
    RG_TRY(upstream_write(session, rg_buf_slice(&message)));
    RG_TRY(requests_add(&session->requests, 'Q', NULL, &request));
    request->is_hidden = true;
    request->is_begin = true;
    request->started_us = net_loop_now_us(session->worker->loop);
    session->is_begin_deferred = false;
    session->is_begin_awaited = true;
    net_timer_stop(&session->begin_timer);
    session->batches_forwarded++;
    session->upstream_prepared = NULL;
    if (session->requests.count == 1) {
        session_start_statement_timer(session);
    }
    return RG_OK;
}

rg_status local_begun(struct session *session, enum pgwire_transaction state)
{
    session->is_begin_awaited = false;
    if (session->is_cancel_due) {
        session->is_cancel_due = false;
        upstream_cancel(session); /* for the statement that is right behind */
    }
    return state == PGWIRE_TRANSACTION_OPEN ? RG_OK : rg_fail(RG_UPSTREAM, "the upstream did not begin a transaction");
}

enum pipeline_next statement_begin(struct session *session)
{
    bool is_extended = session->command.frame.type != 'Q';
    if (!is_extended || !(session->is_begin_deferred || session->is_begin_awaited)) {
        return PIPELINE_NEXT;
    }
    if (session->is_begin_deferred && session->cancels_under_way > 0) {
        session->is_waiting_for_cancel = true;
        return PIPELINE_SUSPEND;
    }
    rg_status status = session->is_begin_deferred ? local_begin(session) : RG_OK;
    if (!rg_is_ok(status)) {
        upstream_lost(session, status.error->text);
        return PIPELINE_REFUSED;
    }
    return PIPELINE_SUSPEND;
}

/* Whether it may stand right behind a BEGIN that is not answered yet: if that failed, nothing would be changed. */
static bool is_harmless(const struct command *command)
{
    const struct policy_plan *plan = command->cached == NULL ? NULL : &command->cached->plan;
    bool is_harmless = command->frame.type == 'Q' && plan != NULL;
    for (size_t i = 0; is_harmless && i < plan->count; i++) {
        is_harmless = plan->statements[i].is_read;
    }
    return is_harmless;
}

static rg_status prepare_to_forward(struct session *session, enum local_result *out_result)
{
    session->is_waiting_for_cancel = session->cancels_under_way > 0; /* it came while this waited */
    *out_result = LOCAL_WAIT;
    if (session->is_waiting_for_cancel) {
        return RG_OK;
    }
    if (session->is_begin_deferred) {
        RG_TRY(local_begin(session));
    }
    bool must_wait = session->is_begin_awaited && !is_harmless(&session->command);
    *out_result = must_wait ? LOCAL_WAIT : LOCAL_FORWARD;
    return RG_OK;
}

rg_status local_try(struct session *session, enum local_result *out_result)
{
    struct rg_slice learnt = {0};
    *out_result = LOCAL_ANSWERED;
    switch (bookkeeping_in_work(session)) {
    case BOOKKEEPING_VIRTUAL:
        return answer_tag(session, session->command.cached->plan.statements[0].tag, session->transaction);
    case BOOKKEEPING_BEGIN:
        return answer_begin(session);
    case BOOKKEEPING_END:
        return answer_end(session);
    case BOOKKEEPING_CONSTANT:
    case BOOKKEEPING_LEVEL:
        learnt = find_answer(session);
        session->command.is_lesson = learnt.size == 0;
        if (learnt.size > 0) {
            return answer_constant(session, learnt);
        }
        break;
    case BOOKKEEPING_NONE:
        break;
    }
    return prepare_to_forward(session, out_result);
}
