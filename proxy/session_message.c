/* SPDX-License-Identifier: Apache-2.0 */
/* What each frontend message means: one row a type. Prepared statements live in rowgate; upstream there is only
 * the unnamed one, parsed again in each batch that needs it, so that any transaction pooler will do. */
#include <stdio.h>

#include "base/rg_memory.h"
#include "policy/types.h"
#include "proxy/answers.h"
#include "proxy/session_private.h"

/* ---- decode ---- */

static rg_status decode_query(struct session *session)
{
    return pgwire_query_parse(session->command.frame.body, &session->command.text);
}

static rg_status decode_parse(struct session *session)
{
    RG_TRY(pgwire_prepare_parse(session->command.frame.body, &session->command.prepare));
    session->command.text = session->command.prepare.text;
    return RG_OK;
}

static rg_status decode_bind(struct session *session)
{
    return pgwire_bind_parse(session->command.frame.body, &session->command.bind);
}

static rg_status decode_describe(struct session *session)
{
    return pgwire_describe_parse(session->command.frame.body, &session->command.target);
}

static rg_status decode_execute(struct session *session)
{
    return pgwire_execute_parse(session->command.frame.body, &session->command.execute);
}

static rg_status decode_close(struct session *session)
{
    return pgwire_close_parse(session->command.frame.body, &session->command.target);
}

static rg_status decode_sync(struct session *session)
{
    return pgwire_empty_parse(session->command.frame.body, "Sync");
}

static rg_status decode_flush(struct session *session)
{
    return pgwire_empty_parse(session->command.frame.body, "Flush");
}

/* ---- plan ---- */

static enum pipeline_next refuse_status(struct session *session, rg_status status, const char *rule)
{
    struct refusal refusal = refusal_from_status(status, rule);
    return session_refuse(session, &refusal);
}

/* "kind "name" what": prepared statement "x" does not exist */
static enum pipeline_next refuse_name(struct session *session, const char *sqlstate, const char *kind,
                                      struct rg_slice name, const char *what)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s \"%.*s\" %s", kind, rg_slice_shown(name), name.data == NULL ? "" : name.data,
                   what);
    struct refusal refusal = refusal_make(sqlstate, "protocol.prepared", text);
    return session_refuse(session, &refusal);
}

static enum pipeline_next plan_query(struct session *session)
{
    struct pgwire_prepare query = {.text = session->command.text};
    rg_status status = statement_find_plan(session, POLICY_SIMPLE, &query, &session->command.cached);
    return rg_is_ok(status) ? hyper_check_query(session) : refuse_status(session, status, "statement.limits");
}

/* A parameter of a reg* type would tell which names exist. */
static bool types_are_allowed(const struct pgwire_prepare *prepare)
{
    for (uint16_t i = 0; i < prepare->type_count; i++) {
        if (!type_oid_is_allowed(pgwire_prepare_type(prepare, i))) {
            return false;
        }
    }
    return true;
}

static enum pipeline_next plan_parse(struct session *session)
{
    struct rg_slice name = session->command.prepare.statement;
    if (!types_are_allowed(&session->command.prepare)) {
        struct refusal refusal = refusal_make("42501", "type.not_allowed", "a parameter's type is not allowed");
        return session_refuse(session, &refusal);
    }
    if (name.size > 0 && prepared_find(&session->prepared, name) != NULL) {
        return refuse_name(session, "42P05", "prepared statement", name, "already exists");
    }
    rg_status status =
        statement_find_plan(session, POLICY_EXTENDED, &session->command.prepare, &session->command.cached);
    return rg_is_ok(status) ? PIPELINE_NEXT : refuse_status(session, status, "statement.limits");
}

/* The plan of a prepared statement under the policies and settings of now. */
static enum pipeline_next plan_prepared(struct session *session, struct rg_slice name)
{
    struct prepared *prepared = prepared_find(&session->prepared, name);
    if (prepared == NULL) {
        return refuse_name(session, "26000", "prepared statement", name, "does not exist");
    }
    if (prepared->cached == NULL) {
        struct pgwire_prepare prepare = {
            .text = prepared->text, .types = prepared->types, .type_count = prepared->type_count};
        rg_status status = statement_find_plan(session, POLICY_EXTENDED, &prepare, &prepared->cached);
        if (!rg_is_ok(status)) {
            return refuse_status(session, status, "statement.limits");
        }
        session->upstream_prepared = NULL; /* what the upstream has parsed may be the old rewrite */
    }
    session->command.cached = policy_cached_ref(prepared->cached);
    return PIPELINE_NEXT;
}

static enum pipeline_next plan_bind(struct session *session)
{
    enum pipeline_next next = plan_prepared(session, session->command.bind.statement);
    return next == PIPELINE_NEXT && session_is_hyper(session) ? hyper_plan_values(session) : next;
}

static enum pipeline_next plan_portal(struct session *session, struct rg_slice name)
{
    const struct portal *portal = portal_find(&session->prepared, name);
    if (portal == NULL) {
        return refuse_name(session, "34000", "portal", name, "does not exist");
    }
    session->command.cached = policy_cached_ref(portal->cached);
    session->command.binds = binds_ref(portal->binds);
    return PIPELINE_NEXT;
}

static enum pipeline_next plan_describe(struct session *session)
{
    struct pgwire_target target = session->command.target;
    return target.kind == PGWIRE_TARGET_STATEMENT ? plan_prepared(session, target.name)
                                                  : plan_portal(session, target.name);
}

static enum pipeline_next plan_execute(struct session *session)
{
    return plan_portal(session, session->command.execute.portal);
}

/* ---- forward ---- */

static void note_times(struct session *session, struct request *request)
{
    request->started_us = net_loop_now_us(session->worker->loop);
    request->forwarded_us = request->started_us;
    request->begun_us = session->command.begun_us;
}

/* Sends what encode wrote and queues what must be answered. */
static rg_status send(struct session *session, struct rg_buf *message, char type, struct request **out_request)
{
    rg_status status = upstream_write(session, rg_buf_slice(message));
    rg_buf_done(message);
    RG_TRY(status);
    struct request *request = NULL;
    RG_TRY(requests_add(&session->requests, type, session->command.cached, &request));
    note_times(session, request);
    session->forwarded_since_sync++;
    if (session->requests.count == 1) {
        session_start_statement_timer(session);
    }
    if (out_request != NULL) {
        *out_request = request;
    }
    return RG_OK;
}

/* One implicit transaction stays one. */
static rg_status encode_query(struct session *session, const struct policy_plan *plan, struct rg_buf *message,
                              uint64_t out_preludes[POLICY_STATEMENTS_MAX / 64])
{
    if (plan->count == 1 && policy_binding_prelude(session->binding).size == 0) {
        return pgwire_query_encode(plan->statements[0].text, message);
    }
    struct rg_buf text;
    rg_buf_init(&text, SESSION_MESSAGE_BYTES);
    rg_status status = prelude_join(session, plan, &text, out_preludes);
    if (rg_is_ok(status)) {
        status = pgwire_query_encode(rg_buf_slice(&text), message);
    }
    rg_buf_done(&text);
    return status;
}

void request_start(struct session *session, struct request *request)
{
    const struct policy_plan *plan = &session->command.cached->plan;
    note_times(session, request);
    request->statement_id = session->command.first_statement_id;
    request->had_written = session->has_written;
    request->is_decided = plan->count > 0 && statement_needs_decision(&plan->statements[0], session->has_written);
}

static rg_status forward_query(struct session *session)
{
    struct policy_cached *cached = session->command.cached;
    struct rg_buf message;
    rg_buf_init(&message, SESSION_MESSAGE_BYTES);
    uint64_t preludes[POLICY_STATEMENTS_MAX / 64] = {0};
    rg_status status = encode_query(session, &cached->plan, &message, preludes);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    struct request *request = NULL;
    RG_TRY(send(session, &message, 'Q', &request));
    memcpy(request->preludes, preludes, sizeof preludes);
    request_start(session, request);
    if (session->command.is_lesson) {
        request_add_lesson(request, ANSWERS_BYTES_MAX);
        request->lesson_upstream = session->upstream;
    }
    prelude_end_batch(session, request);
    session->batches_forwarded++;
    session->forwarded_since_sync = 0; /* a simple query ends what stood before it */
    session->upstream_prepared = NULL; /* and destroys the unnamed statement */
    copy_expect(session, request);
    statement_apply_effects(session, cached);
    return RG_OK;
}

static struct rg_slice upstream_text(const struct policy_cached *cached)
{
    return cached->plan.count == 0 ? (struct rg_slice){0} : cached->plan.statements[0].text;
}

static rg_status forward_parse(struct session *session)
{
    struct command *command = &session->command;
    struct prepared_source source = {
        .name = command->prepare.statement,
        .text = command->text,
        .types = command->prepare.types,
        .type_count = command->prepare.type_count,
    };
    RG_TRY(prelude_before(session, command->cached));
    session->upstream_prepared = NULL;
    RG_TRY(prepared_add(&session->prepared, &source, command->cached));
    struct pgwire_prepare prepare = command->prepare;
    prepare.statement = (struct rg_slice){0};
    prepare.text = upstream_text(command->cached);
    hyper_forget_types(session, &prepare);
    struct rg_buf message;
    rg_buf_init(&message, SESSION_MESSAGE_BYTES);
    rg_status status = pgwire_prepare_encode(&prepare, &message);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    struct request *request = NULL;
    RG_TRY(send(session, &message, 'P', &request));
    request_set_name(request, command->prepare.statement);
    session->upstream_prepared = prepared_find(&session->prepared, command->prepare.statement);
    return RG_OK;
}

/* Makes sure that the upstream's unnamed statement is this one. */
static rg_status parse_upstream(struct session *session, struct rg_slice name)
{
    const struct prepared *prepared = prepared_find(&session->prepared, name);
    RG_ASSERT(prepared != NULL);
    if (session->upstream_prepared == prepared) {
        return RG_OK;
    }
    struct pgwire_prepare prepare = {
        .text = upstream_text(session->command.cached), .type_count = prepared->type_count, .types = prepared->types};
    hyper_forget_types(session, &prepare);
    struct rg_buf message;
    rg_buf_init(&message, SESSION_MESSAGE_BYTES);
    rg_status status = pgwire_prepare_encode(&prepare, &message);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    struct request *request = NULL;
    RG_TRY(send(session, &message, 'P', &request));
    request->is_hidden = true;
    session->upstream_prepared = prepared;
    return RG_OK;
}

/* The values of the Bind in work go on record with each Execute of its portal. */
static rg_status keep_binds(struct session *session)
{
    const struct command *command = &session->command;
    if (!session->snapshot->config->audit.has_bind_values || command->bind.value_count == 0 ||
        command->cached->plan.count == 0) {
        return RG_OK;
    }
    struct binds *binds = NULL;
    RG_TRY(binds_new(&command->bind, &command->cached->texts[0].source, &binds));
    return portal_keep_binds(&session->prepared, portal_find(&session->prepared, command->bind.portal), binds);
}

/* Frees the upstream's portal behind a name that gets a new one. */
static rg_status close_upstream_portal(struct session *session, uint64_t number)
{
    char name[PORTAL_NAME_SIZE];
    struct pgwire_target target = {.kind = PGWIRE_TARGET_PORTAL, .name = portal_upstream_name(number, name)};
    struct rg_buf message;
    rg_buf_init(&message, 4096);
    rg_status status = pgwire_close_encode(&target, &message);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    struct request *request = NULL;
    RG_TRY(send(session, &message, 'C', &request));
    request->is_hidden = true;
    return RG_OK;
}

static rg_status forward_bind(struct session *session)
{
    struct command *command = &session->command;
    const struct portal *old = portal_find(&session->prepared, command->bind.portal);
    if (old != NULL) {
        RG_TRY(close_upstream_portal(session, old->number));
    }
    RG_TRY(prelude_before(session, command->cached));
    bool has_values = session_is_hyper(session) && command->bind.value_count > 0;
    session->upstream_prepared = has_values ? NULL : session->upstream_prepared; /* its text holds the values */
    RG_TRY(parse_upstream(session, command->bind.statement));
    session->upstream_prepared = has_values ? NULL : session->upstream_prepared;
    /* Number 0 is the unnamed portal upstream, which the next Query destroys: not for one that the client named. */
    session->next_portal += session->next_portal == 0 && command->bind.portal.size > 0 ? 1 : 0;
    uint64_t number = session->next_portal++;
    RG_TRY(
        portal_put(&session->prepared, command->bind.portal, number, session->batches_forwarded + 1, command->cached));
    RG_TRY(keep_binds(session));
    hyper_keep_formats(session);
    char name[PORTAL_NAME_SIZE];
    struct pgwire_bind bind = command->bind;
    bind.statement = (struct rg_slice){0};
    bind.portal = portal_upstream_name(number, name);
    struct rg_buf message;
    rg_buf_init(&message, SESSION_MESSAGE_BYTES);
    rg_status status = has_values ? hyper_bind_encode(&bind, &message) : pgwire_bind_encode(&bind, &message);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    return send(session, &message, 'B', NULL);
}

static rg_status forward_target(struct session *session, struct pgwire_target target, char type)
{
    struct rg_buf message;
    rg_buf_init(&message, 4096);
    rg_status status = type == 'D' ? pgwire_describe_encode(&target, &message) : pgwire_close_encode(&target, &message);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    struct request *request = NULL;
    RG_TRY(send(session, &message, type, &request));
    request->is_statement_target = target.kind == PGWIRE_TARGET_STATEMENT;
    return RG_OK;
}

/* The portal may have gone with its transaction while the message waited: it names none upstream then, either. */
static struct rg_slice find_upstream_portal(const struct session *session, struct rg_slice name,
                                            char text[PORTAL_NAME_SIZE])
{
    const struct portal *portal = portal_find(&session->prepared, name);
    return portal == NULL ? RG_SLICE("rowgate_gone") : portal_upstream_name(portal->number, text);
}

static rg_status forward_describe(struct session *session)
{
    struct pgwire_target target = session->command.target;
    RG_TRY(prelude_before(session, session->command.cached));
    if (target.kind == PGWIRE_TARGET_STATEMENT) {
        RG_TRY(parse_upstream(session, target.name));
        target.name = (struct rg_slice){0};
        return forward_target(session, target, 'D');
    }
    char name[PORTAL_NAME_SIZE];
    const struct portal *portal = portal_find(&session->prepared, target.name);
    target.name = find_upstream_portal(session, target.name, name);
    RG_TRY(forward_target(session, target, 'D'));
    hyper_note_formats(session, portal);
    return RG_OK;
}

static rg_status forward_close(struct session *session)
{
    struct pgwire_target target = session->command.target;
    if (target.kind == PGWIRE_TARGET_STATEMENT) {
        prepared_remove(&session->prepared, target.name);
        session->upstream_prepared = NULL;
        target.name = (struct rg_slice){0};
        return forward_target(session, target, 'C');
    }
    char name[PORTAL_NAME_SIZE];
    struct rg_slice portal = target.name;
    target.name = find_upstream_portal(session, portal, name);
    rg_status status = forward_target(session, target, 'C');
    portal_remove(&session->prepared, portal);
    return status;
}

static rg_status forward_execute(struct session *session)
{
    RG_TRY(prelude_before(session, session->command.cached));
    struct rg_buf message;
    rg_buf_init(&message, 4096);
    char name[PORTAL_NAME_SIZE];
    struct pgwire_execute execute = session->command.execute;
    execute.portal = find_upstream_portal(session, execute.portal, name);
    rg_status status = pgwire_execute_encode(&execute, &message);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    struct policy_cached *cached = session->command.cached;
    struct request *request = NULL;
    RG_TRY(send(session, &message, 'E', &request));
    request_set_binds(&session->requests, request, session->command.binds);
    request_start(session, request);
    copy_expect(session, request);
    prelude_after(session, request_statement(request));
    statement_apply_effects(session, cached);
    return RG_OK;
}

static rg_status forward_sync(struct session *session)
{
    struct rg_buf message;
    rg_buf_init(&message, 64);
    rg_status status = pgwire_sync_encode(&message);
    if (!rg_is_ok(status)) {
        rg_buf_done(&message);
        return status;
    }
    struct request *request = NULL;
    RG_TRY(send(session, &message, 'S', &request));
    prelude_end_batch(session, request);
    session->batches_forwarded++;
    session->skips_to_sync = false;
    session->forwarded_since_sync = 0;
    session->upstream_prepared = NULL; /* behind a transaction pooler the next batch may meet another server */
    return RG_OK;
}

static rg_status forward_flush(struct session *session)
{
    struct rg_buf message;
    rg_buf_init(&message, 64);
    rg_status status = pgwire_flush_encode(&message);
    if (rg_is_ok(status)) {
        status = upstream_write(session, rg_buf_slice(&message));
    }
    rg_buf_done(&message);
    return status;
}

static const struct message_row rows[] = {
    /* type, statement, extended, decode, plan, forward */
    {'Q', true, false, decode_query, plan_query, forward_query},
    {'P', true, true, decode_parse, plan_parse, forward_parse},
    {'B', true, true, decode_bind, plan_bind, forward_bind},
    {'D', true, true, decode_describe, plan_describe, forward_describe},
    {'E', true, true, decode_execute, plan_execute, forward_execute},
    {'C', false, true, decode_close, NULL, forward_close},
    {'S', false, false, decode_sync, NULL, forward_sync},
    {'H', false, true, decode_flush, NULL, forward_flush},
};

const struct message_row *message_row_find(char type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}
