/* SPDX-License-Identifier: Apache-2.0 */
/* Which record a request waits for, and where it goes on when that is durable. The steps call it before anything is
 * forwarded, the hooks on the answer's head and at its end. What is told is proxy/http/story.c's. */
#include "proxy/http/gate.h"

#include <stdio.h>

#include "audit/record.h"
#include "base/rg_clock.h"
#include "proxy/http/metrics_hook.h"
#include "proxy/http/probe.h"
#include "proxy/http/reply.h"
#include "proxy/http/route.h"
#include "proxy/http/story.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

enum gate_wait {
    GATE_NOTHING = 0,
    GATE_STEP, /* the step waits for its decision */
    GATE_HEAD, /* the answer's head waits for its record */
};

enum { MISSING_MAX = 96, NO_CONTENT = 204, NOT_MODIFIED = 304, SWITCHING = 101, CLOSED = 503 };

/* Lives in the request's arena. */
struct http_gate {
    struct http_request *request;
    struct http_story story;
    enum gate_wait waits;
    bool is_decided;
    bool has_outcome; /* or a combined record */
    uint64_t told_bytes;
    bool has_before, has_after;
    struct rg_digest before, after;
    char missing[MISSING_MAX];
    size_t missing_size;
    struct http_probe *probe;
    uint64_t length; /* of the answer that a probe holds up */
};

static const struct worker_waiting waiting;

/* ---- may anything be done at all? ---- */

static bool is_break_glass(const struct http_request *request)
{
    return request->has_tenant && request->identity.kind != AUTH_UNVERIFIED &&
           config_is_break_glass(request->snapshot->config, request->identity.user, request->tenant.id);
}

static bool is_open(const struct http_request *request)
{
    const struct worker *worker = request->worker;
    return worker_takes_records(worker) && (worker->audit_state != AUDIT_RESERVE || is_break_glass(request));
}

/* None of these words is recorded: it cannot be. */
static void refuse_closed(struct http_request *request)
{
    const struct worker *worker = request->worker;
    if (worker_takes_records(worker)) {
        http_reply_problem(request, CLOSED, "audit.reserve",
                           "The disk of the audit log is nearly full; only a few users may go on.");
    } else if (worker->is_disk_full) {
        http_reply_problem(request, CLOSED, "audit.disk_full",
                           "The disk of the audit log is full, and nothing is done unrecorded.");
    } else {
        http_reply_problem(request, CLOSED, "audit.unavailable",
                           "The audit log is not available, and nothing is done unrecorded. Try again in a moment.");
    }
}

static bool is_about_closing(const struct http_request *request)
{
    return request->status == CLOSED && rg_slice_has_prefix(request->rule, RG_SLICE("audit."));
}

/* ---- records ---- */

static struct audit_event make_event(const struct http_gate *gate)
{
    const struct http_request *request = gate->request;
    int64_t elapsed = net_loop_now_us(request->worker->loop) - request->begun_us;
    struct audit_event event = http_story_event(request, &gate->story);
    event.wall_us = rg_clock_wall_us(request->worker->gateway->clock);
    event.duration_us = elapsed > 0 ? (uint64_t)elapsed : 0;
    event.is_break_glass = request->worker->audit_state == AUDIT_RESERVE;
    event.digest_before = gate->has_before ? &gate->before : NULL;
    event.digest_after = gate->has_after ? &gate->after : NULL;
    event.digest_missing = rg_slice_make(gate->missing, gate->missing_size);
    return event;
}

/* waits GATE_NOTHING: nobody does. */
static rg_status submit(struct http_gate *gate, const struct audit_event *event, enum gate_wait waits)
{
    uint64_t ticket = 0;
    bool is_waiting = waits != GATE_NOTHING;
    RG_TRY(worker_submit_for(gate->request->worker, event, &waiting, is_waiting ? gate : NULL, &ticket));
    if (is_waiting) {
        gate->waits = waits;
        http_request_hold(gate->request);
    }
    return RG_OK;
}

static void note_failure(const struct http_gate *gate, rg_status status)
{
    if (!rg_is_ok(status)) {
        rg_log_event(gate->request->worker->gateway->log, RG_LOG_ERROR, "audit.submit_failed", "s:s, s:s", "request",
                     gate->request->reference, "reason", status.error->text);
    }
}

static rg_status submit_decision(struct http_gate *gate, enum gate_wait waits)
{
    struct audit_event event = make_event(gate);
    event.phase = AUDIT_DECISION;
    RG_TRY(submit(gate, &event, waits));
    gate->is_decided = true;
    return RG_OK;
}

static rg_status submit_outcome(struct http_gate *gate, uint64_t bytes, const char *message, enum gate_wait waits)
{
    struct audit_event event = make_event(gate);
    event.phase = gate->is_decided || gate->has_outcome ? AUDIT_OUTCOME : AUDIT_COMBINED;
    event.bytes = bytes;
    if (message != NULL) {
        event.message = rg_slice_of(message);
    }
    gate->has_outcome = true; /* also when it fails: it is kept for the next auditor */
    gate->told_bytes = bytes;
    return submit(gate, &event, waits);
}

/* ---- what a record lets go ---- */

/* What was decided and will not be forwarded. */
static void tell_unexecuted(struct http_gate *gate)
{
    note_failure(gate, submit_outcome(gate, 0, "not forwarded: the audit log takes no more records", GATE_NOTHING));
}

static void on_durable(void *owner, uint64_t ticket, uint64_t sequence)
{
    struct http_gate *gate = owner;
    struct http_request *request = gate->request;
    enum gate_wait waits = gate->waits;
    (void)ticket;
    (void)sequence;
    gate->waits = GATE_NOTHING;
    if (waits == GATE_STEP) {
        http_request_resume(request);
    } else if (waits == GATE_HEAD) {
        http_response_release(request, false);
    }
    http_request_release(request);
}

static void on_fault(void *owner)
{
    struct http_gate *gate = owner;
    struct http_request *request = gate->request;
    enum gate_wait waits = gate->waits;
    gate->waits = GATE_NOTHING;
    if (waits == GATE_STEP) {
        tell_unexecuted(gate);
        refuse_closed(request);
    } else if (waits == GATE_HEAD) {
        http_response_release(request, true);
    }
    http_request_release(request);
}

static const struct worker_waiting waiting = {.on_durable = on_durable, .on_fault = on_fault};

/* ---- the gate of one request ---- */

/* NULL: the request's memory is full. */
static struct http_gate *open_gate(struct http_request *request, bool reads_body)
{
    void *memory = NULL;
    if (request->gate != NULL) {
        return request->gate;
    }
    if (!rg_is_ok(rg_arena_alloc(&request->arena, sizeof(struct http_gate), &memory))) {
        return NULL;
    }
    struct http_gate *gate = memory;
    *gate = (struct http_gate){.request = request};
    if (!rg_is_ok(http_story_read(request, reads_body, &gate->story))) {
        return NULL;
    }
    request->gate = gate;
    return gate;
}

/* ---- digests ---- */

static void take_digest(struct http_gate *gate, const char *when, const struct http_probe_answer *answer, bool *out_has,
                        struct rg_digest *out_digest)
{
    enum { OK = 200 };
    size_t left = sizeof gate->missing - gate->missing_size;
    const char *comma = gate->missing_size > 0 ? ", " : "";
    int size = 0;
    if (answer->status == OK) {
        *out_digest = http_story_digest(answer->body);
        *out_has = true;
    } else if (answer->status != 0) {
        size = snprintf(gate->missing + gate->missing_size, left, "%s%s: HTTP %d", comma, when, answer->status);
    } else {
        size = snprintf(gate->missing + gate->missing_size, left, "%s%s: %s", comma, when, answer->why);
    }
    gate->missing_size += size < 0 ? 0 : (size_t)size < left ? (size_t)size : left - 1;
}

static void miss_digest(struct http_gate *gate, const char *when, const char *why)
{
    const struct http_probe_answer none = {.why = why};
    bool has = false;
    struct rg_digest digest;
    take_digest(gate, when, &none, &has, &digest);
}

/* ---- before it is forwarded ---- */

static enum http_step_result decide(struct http_gate *gate)
{
    struct http_request *request = gate->request;
    rg_status status = is_open(request) ? submit_decision(gate, GATE_STEP) : rg_fail(RG_STORAGE, "the log is closed");
    if (!rg_is_ok(status)) {
        refuse_closed(request);
        return HTTP_STEP_DONE;
    }
    return HTTP_STEP_WAIT;
}

static void on_before(void *context, const struct http_probe_answer *answer)
{
    struct http_gate *gate = context;
    gate->probe = NULL;
    take_digest(gate, "before", answer, &gate->has_before, &gate->before);
    (void)decide(gate);
}

enum http_step_result http_step_gate(struct http_request *request)
{
    struct http_gate *gate = open_gate(request, true);
    if (gate == NULL) {
        http_reply_problem(request, CLOSED, "http.request.memory", "This request is too large.");
        return HTTP_STEP_DONE;
    }
    if (gate->story.is_silent) {
        return HTTP_STEP_NEXT;
    }
    if (!is_open(request)) {
        refuse_closed(request);
        return HTTP_STEP_DONE;
    }
    if (!gate->story.changes) {
        return HTTP_STEP_NEXT;
    }
    if (gate->story.resource.size > 0) {
        if (rg_is_ok(http_probe_start(request, gate->story.resource, on_before, gate, &gate->probe))) {
            return HTTP_STEP_WAIT;
        }
        miss_digest(gate, "before", "no memory");
    }
    return decide(gate);
}

/* ---- the head ---- */

static bool has_body(const struct http_request *request, const struct http_response_head *head)
{
    return head->status != NO_CONTENT && head->status != NOT_MODIFIED && head->status >= 200 &&
           !rg_slice_is_equal(request->method, RG_SLICE("HEAD"));
}

/* Known to end soon: then one record tells all of it. */
static bool is_small(const struct http_request *request, const struct http_response_head *head)
{
    bool is_known = head->has_length && head->length <= HTTP_GATE_SMALL;
    return head->status != SWITCHING && (is_known || !has_body(request, head));
}

/* Attempts to log in that no endpoint records: a bearer token that was not accepted; Superset's own form. */
static rg_status submit_login(struct http_gate *gate, const struct http_response_head *head)
{
    struct http_request *request = gate->request;
    struct rg_slice location = {0};
    (void)http_response_find(head, RG_SLICE("location"), &location);
    enum audit_kind kind = head->is_ours ? AUDIT_NONE : http_story_login(request, head->status, location);
    if (rg_slice_is_equal(request->rule, RG_SLICE("login.token"))) {
        const struct http_gate_login refused = {
            .kind = AUDIT_LOGIN_FAILED, .rule = request->rule, .message = request->refusal};
        return http_gate_login(request, &refused);
    }
    if (kind == AUDIT_NONE) {
        return RG_OK;
    }
    const struct http_gate_login login = {.kind = kind,
                                          .user = gate->story.login_user,
                                          .idp = RG_SLICE("superset"),
                                          .message = kind == AUDIT_LOGIN_FAILED
                                                         ? RG_SLICE("the application did not accept the credential")
                                                         : (struct rg_slice){0}};
    return http_gate_login(request, &login);
}

/* Small: all of it. A decided change with a large answer waits for nothing more. A large read: its decision. */
static rg_status submit_head(struct http_gate *gate, const struct http_response_head *head, bool *out_waits)
{
    *out_waits = true;
    RG_TRY(submit_login(gate, head));
    if (is_small(gate->request, head)) {
        return submit_outcome(gate, has_body(gate->request, head) ? head->length : 0, NULL, GATE_HEAD);
    }
    if (gate->is_decided) {
        *out_waits = false;
        return RG_OK;
    }
    return submit_decision(gate, GATE_HEAD);
}

static enum http_step_result record_head(struct http_gate *gate, const struct http_response_head *head)
{
    bool waits = false;
    rg_status status = is_open(gate->request) ? submit_head(gate, head, &waits)
                                              : rg_fail(RG_STORAGE, "the audit log takes no record of this request");
    if (!rg_is_ok(status)) {
        if (gate->is_decided && !gate->has_outcome) { /* it may have come through: kept for the next auditor */
            note_failure(gate, submit_outcome(gate, 0, NULL, GATE_NOTHING));
        }
        note_failure(gate, status);
        return HTTP_STEP_DONE;
    }
    return waits ? HTTP_STEP_WAIT : HTTP_STEP_NEXT;
}

static void on_after(void *context, const struct http_probe_answer *answer)
{
    struct http_gate *gate = context;
    struct http_request *request = gate->request;
    gate->probe = NULL;
    take_digest(gate, "after", answer, &gate->has_after, &gate->after);
    const struct http_response_head head = {.status = request->status, .has_length = true, .length = gate->length};
    enum http_step_result result = record_head(gate, &head);
    if (result != HTTP_STEP_WAIT) {
        http_response_release(request, result == HTTP_STEP_DONE);
    }
}

/* Did the upstream say that it changed what can be asked for again? */
static bool wants_after(const struct http_gate *gate, const struct http_response_head *head)
{
    bool is_success = head->status >= 200 && head->status < 300;
    return gate->is_decided && !gate->has_outcome && !head->is_ours && is_success && gate->story.resource.size > 0 &&
           !rg_slice_is_equal(gate->request->method, RG_SLICE("DELETE")) && is_small(gate->request, head);
}

enum http_step_result http_gate_on_head(struct http_request *request, struct http_response_head *head)
{
    struct http_gate *gate = open_gate(request, false);
    if (is_about_closing(request) || (gate != NULL && gate->story.is_silent)) {
        return HTTP_STEP_NEXT;
    }
    if (gate == NULL) {
        return HTTP_STEP_DONE; /* no memory to record it with */
    }
    if (wants_after(gate, head)) {
        gate->length = has_body(request, head) ? head->length : 0;
        if (rg_is_ok(http_probe_start(request, gate->story.resource, on_after, gate, &gate->probe))) {
            return HTTP_STEP_WAIT;
        }
        miss_digest(gate, "after", "no memory");
    }
    return record_head(gate, head);
}

/* ---- the end ---- */

static void tell_end(struct http_gate *gate, enum http_end end)
{
    const struct http_request *request = gate->request;
    bool is_cut = end == HTTP_END_ABORTED;
    if (gate->probe != NULL) { /* the client went meanwhile: of a change that was made */
        http_probe_drop(&gate->probe);
        miss_digest(gate, "after", "the client went");
    }
    if (!gate->has_outcome) {
        const char *message = !is_cut                  ? NULL
                              : !request->is_forwarded ? "not forwarded: the client went"
                              : request->status == 0   ? "the client went before the answer"
                                                       : "cut off before its end";
        note_failure(gate, submit_outcome(gate, request->bytes_sent, message, GATE_NOTHING));
    } else if (is_cut && request->bytes_sent < gate->told_bytes) {
        note_failure(gate, submit_outcome(gate, request->bytes_sent, "cut off before its end", GATE_NOTHING));
    }
}

void http_gate_on_end(struct http_request *request, enum http_end end)
{
    struct http_gate *gate = request->gate;
    bool is_told = gate == NULL || gate->story.is_silent || is_about_closing(request);
    bool has_happened = gate != NULL && (gate->is_decided || gate->has_outcome || request->is_forwarded);
    if (is_told || !has_happened) {
        if (gate != NULL) {
            http_probe_drop(&gate->probe);
        }
        return;
    }
    tell_end(gate, end);
}

/* ---- logins ---- */

rg_status http_gate_login(struct http_request *request, const struct http_gate_login *login)
{
    struct http_gate *gate = open_gate(request, false);
    if (gate == NULL) {
        return rg_fail(RG_LIMIT, "the request's memory is full");
    }
    if (!is_open(request)) {
        return rg_fail(RG_STORAGE, "the audit log takes no record of this request");
    }
    struct audit_event event = make_event(gate);
    uint64_t ticket = 0;
    event.kind = login->kind;
    event.session_id = http_story_session_number(login->session_id);
    event.tenant = login->tenant;
    event.user = login->user;
    event.subject = login->subject;
    event.idp = login->idp;
    event.rule = login->rule;
    event.message = login->message;
    event.verdict = login->kind == AUDIT_LOGIN_FAILED ? AUDIT_DENIED : AUDIT_ALLOWED;
    if (login->kind != AUDIT_LOGOUT) {
        http_metrics_on_login(request->worker, login->kind == AUDIT_LOGIN);
    }
    return worker_submit_for(request->worker, &event, &waiting, NULL, &ticket);
}
