/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a statement: is the identity still good, what may it do, is the decision on record, forward. */
#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/session_private.h"

/* ---- authenticate ---- */

static enum pipeline_next end_session(struct session *session, const char *rule, const char *message)
{
    struct refusal refusal = refusal_make("28000", rule, message);
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

/* The log takes no record of this session now: nothing new is begun. */
static enum pipeline_next refuse_closed(struct session *session)
{
    struct refusal refusal = gate_refusal(session);
    return session_refuse(session, &refusal);
}

/* It never reached the upstream. */
static enum pipeline_next refuse_cancelled(struct session *session)
{
    struct refusal refusal = refusal_make("57014", "session.cancelled", "canceling statement due to user request");
    return session_refuse(session, &refusal);
}

enum pipeline_next statement_authenticate(struct session *session)
{
    enum pipeline_next begun = statement_begin(session);
    if (begun != PIPELINE_NEXT || !message_row_find(session->command.frame.type)->is_statement) {
        return begun;
    }
    if (session->command.is_cancelled) {
        return refuse_cancelled(session);
    }
    if (session_is_revoked(session)) {
        return statement_refuse_revoked(session);
    }
    rg_status alive = capsule_check(session);
    if (!rg_is_ok(alive) && alive.error->kind == RG_DENIED) {
        return statement_refuse_over(session);
    }
    if (!gate_is_open(session)) {
        return refuse_closed(session);
    }
    if (!rg_is_ok(alive)) {
        struct refusal refusal = refusal_make("57P03", "login.state", "sessions cannot be looked up now; try again");
        return session_refuse(session, &refusal);
    }
    int64_t expires_at_us = session->identity.expires_at_us;
    if (expires_at_us != 0 && session_now_us(session) >= expires_at_us) {
        return end_session(session, "session.expired", "the token has expired; log in again");
    }
    if (session->snapshot != session->worker->snapshot) {
        rg_status status = session_rebind(session);
        if (!rg_is_ok(status)) {
            char text[sizeof status.error->text];
            (void)snprintf(text, sizeof text, "%s", status.error->text);
            return end_session(session, "session.policy_changed", text);
        }
    }
    enum pipeline_next counted = limit_count_message(session);
    return counted == PIPELINE_NEXT ? catalog_take(session) : counted;
}

/* ---- plan ---- */

static bool find_prepared(void *context, struct rg_slice name, struct rg_slice *out_text, size_t *out_type_count,
                          const struct rg_slice **out_types)
{
    const struct session *session = context;
    const struct prepared *prepared = prepared_find(&session->prepared, name);
    if (prepared == NULL || name.size == 0) {
        return false;
    }
    *out_text = prepared->text;
    *out_type_count = prepared->sql_type_count;
    *out_types = prepared->sql_types;
    return true;
}

struct bound_values {
    size_t count;
    const struct policy_value *values;
};

static rg_status find_plan(struct session *session, enum policy_protocol protocol, const struct pgwire_prepare *prepare,
                           struct bound_values bound, struct policy_cached **out_cached)
{
    const struct settings *settings = session->settings;
    uint32_t *types = rg_memory_array((size_t)prepare->type_count + 1, sizeof *types);
    for (size_t i = 0; i < prepare->type_count; i++) {
        types[i] = pgwire_prepare_type(prepare, i);
    }
    struct policy_session seen = {
        .search_path_count = settings->path_count,
        .search_path = settings->path,
        .user = session->identity.user,
        .pid = (int32_t)session->key.pid,
        .relations = session->relations,
        .parameter_type_count = prepare->type_count,
        .parameter_types = types,
        .value_count = bound.count,
        .values = bound.values,
        .find_prepared = find_prepared,
        .context = session,
    };
    int64_t begun_us = net_loop_now_us(session->worker->loop);
    rg_status status =
        policy_cache_plan(session->worker->cache, session->binding, &seen, protocol, prepare->text, out_cached);
    rg_memory_free(types);
    if (rg_is_ok(status) && !(*out_cached)->was_cached) {
        count_rewrite(session, begun_us);
    }
    return status;
}

rg_status statement_find_plan(struct session *session, enum policy_protocol protocol,
                              const struct pgwire_prepare *prepare, struct policy_cached **out_cached)
{
    return find_plan(session, protocol, prepare, (struct bound_values){0}, out_cached);
}

rg_status statement_find_bound_plan(struct session *session, const struct pgwire_prepare *prepare,
                                    const struct policy_value *values, size_t value_count,
                                    struct policy_cached **out_cached)
{
    return find_plan(session, POLICY_EXTENDED, prepare, (struct bound_values){value_count, values}, out_cached);
}

static enum pipeline_next refuse_statement(struct session *session, const struct policy_statement *statement)
{
    struct refusal refusal = {.rule = statement->rule,
                              .message = statement->message,
                              .hint = statement->hint,
                              .position = statement->position};
    memcpy(refusal.sqlstate, statement->sqlstate, sizeof refusal.sqlstate);
    return session_refuse(session, &refusal);
}

static enum pipeline_next refuse_named(struct session *session, const char *sqlstate, struct rg_slice name,
                                       const char *what)
{
    char text[256];
    (void)snprintf(text, sizeof text, "prepared statement \"%.*s\" %s", rg_slice_shown(name), name.data, what);
    struct refusal refusal = refusal_make(sqlstate, "protocol.prepared", text);
    return session_refuse(session, &refusal);
}

/* Names of SQL's PREPARE and DEALLOCATE, which live here and not upstream. */
static enum pipeline_next check_names(struct session *session, const struct policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct policy_statement *statement = &plan->statements[i];
        bool is_known = statement->name.size > 0 && prepared_find(&session->prepared, statement->name) != NULL;
        if (statement->effect == POLICY_EFFECT_PREPARE && is_known) {
            return refuse_named(session, "42P05", statement->name, "already exists");
        }
        if (statement->effect == POLICY_EFFECT_DEALLOCATE && statement->name.size > 0 && !is_known &&
            plan->count == 1) {
            return refuse_named(session, "26000", statement->name, "does not exist");
        }
    }
    return PIPELINE_NEXT;
}

static const struct policy_statement *find_denied(const struct policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->statements[i].verdict == POLICY_DENY) {
            return &plan->statements[i];
        }
    }
    return NULL;
}

static enum pipeline_next judge(struct session *session)
{
    const struct policy_plan *plan = &session->command.cached->plan;
    if (!plan->is_denied) {
        return check_names(session, plan);
    }
    const struct policy_statement *denied = find_denied(plan);
    if (denied != NULL && denied->is_stale && catalog_wait_for_newer(session)) {
        policy_cached_free(&session->command.cached);
        return PIPELINE_SUSPEND;
    }
    if (denied != NULL) {
        return refuse_statement(session, denied);
    }
    struct refusal refusal = refusal_make("42501", "statement.denied", "statement refused");
    return session_refuse(session, &refusal);
}

enum pipeline_next statement_plan(struct session *session)
{
    const struct message_row *row = message_row_find(session->command.frame.type);
    rg_status status = row->decode == NULL ? RG_OK : row->decode(session);
    if (!rg_is_ok(status)) {
        struct refusal refusal = refusal_from_status(status, "protocol.message");
        if (status.error->kind == RG_PROTOCOL) {
            session_fatal(session, &refusal);
            return PIPELINE_REFUSED;
        }
        if (status.error->kind == RG_DENIED) { /* not UTF-8: character_not_in_repertoire */
            memcpy(refusal.sqlstate, "22021", sizeof refusal.sqlstate);
        }
        return session_refuse(session, &refusal);
    }
    if (row->plan == NULL || session->command.cached != NULL) {
        return PIPELINE_NEXT;
    }
    if (catalog_is_awaited(session)) {
        return PIPELINE_SUSPEND;
    }
    enum pipeline_next next = row->plan(session);
    next = next == PIPELINE_NEXT && row->is_statement ? limit_check_plan(session) : next;
    next = next == PIPELINE_NEXT && row->is_statement ? judge(session) : next;
    if (next != PIPELINE_NEXT || session->command.cached == NULL) {
        return next;
    }
    next = statement_check_guest(session);
    return next == PIPELINE_NEXT ? statement_check_orphan(session) : next;
}

/* ---- record ---- */

static rg_status record_decisions(struct session *session)
{
    struct command *command = &session->command;
    const struct policy_plan *plan = &command->cached->plan;
    command->first_statement_id = session->next_statement_id;
    session->next_statement_id += plan->count;
    bool has_written = session->has_written;
    command->had_written = has_written;
    for (size_t i = 0; i < plan->count; i++) {
        bool is_needed = statement_needs_decision(&plan->statements[i], has_written);
        has_written |= !plan->statements[i].is_read;
        if (is_needed) {
            RG_TRY(record_decision(session, i, command->first_statement_id + i, &session->wait_ticket));
        }
        command->decided_count = i + 1;
    }
    return RG_OK;
}

enum pipeline_next statement_record(struct session *session)
{
    struct command *command = &session->command;
    bool is_executed = command->frame.type == 'Q' || command->frame.type == 'E';
    if (!is_executed || command->is_recorded) {
        return session->wait_ticket == 0 ? PIPELINE_NEXT : PIPELINE_SUSPEND; /* whoever woke us: durable first */
    }
    if (!gate_is_open(session)) {
        return refuse_closed(session);
    }
    command->is_recorded = true;
    rg_status status = record_decisions(session);
    if (!rg_is_ok(status)) {
        session->wait_ticket = 0;
        return refuse_closed(session);
    }
    return session->wait_ticket == 0 ? PIPELINE_NEXT : PIPELINE_SUSPEND;
}

/* ---- execute ---- */

enum pipeline_next statement_execute(struct session *session)
{
    const struct message_row *row = message_row_find(session->command.frame.type);
    rg_status status =
        row->decode == NULL ? RG_OK : row->decode(session); /* the input may have moved while we waited */
    enum local_result result = LOCAL_FORWARD;
    if (session->command.is_cancelled && !session->is_begin_awaited) {
        return refuse_cancelled(session);
    }
    if (rg_is_ok(status)) {
        status = local_try(session, &result);
    }
    if (rg_is_ok(status) && result == LOCAL_WAIT) {
        return PIPELINE_SUSPEND;
    }
    if (rg_is_ok(status) && result == LOCAL_FORWARD) {
        status = row->forward(session);
    }
    if (rg_is_ok(status) || session->phase != SESSION_READY) {
        session->command.is_recorded = false; /* from here on the request's outcome is due */
        return PIPELINE_NEXT;
    }
    struct refusal refusal = refusal_from_status(status, "session.limits");
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

/* ---- effects: the state that rowgate keeps instead of the upstream ---- */

static void save_settings(struct session *session)
{
    settings_free(&session->settings_before);
    session->settings_before = settings_ref(session->settings);
}

static void restore_settings(struct session *session)
{
    if (session->settings_before != NULL) {
        session_set_settings(session, session->settings_before);
        session->settings_before = NULL;
    }
}

static rg_status add_prepared(struct session *session, const struct policy_statement *statement)
{
    struct prepared_source source = {
        .name = statement->name,
        .text = statement->values[0],
        .is_sql = true,
        .sql_type_count = statement->type_count,
        .sql_types = statement->types,
    };
    return prepared_add(&session->prepared, &source, NULL);
}

static void deallocate(struct session *session, struct rg_slice name)
{
    session->upstream_prepared = NULL;
    if (name.size == 0) {
        prepared_remove_all(&session->prepared);
    } else {
        prepared_remove(&session->prepared, name);
    }
}

static void cancel_by_pid(struct session *session, int64_t pid)
{
    struct gateway *gateway = session->worker->gateway;
    struct keys_entry entry;
    struct keys_entry own = session->key;
    if (pid > 0 && pid <= INT32_MAX && pid != own.pid &&
        keys_find_owned(gateway->keys, (uint32_t)pid, session->owner, &entry)) {
        gateway_cancel(gateway, &entry);
    }
}

static rg_status apply_effect(struct session *session, const struct policy_statement *statement)
{
    struct settings *changed = NULL;
    switch (statement->effect) {
    case POLICY_EFFECT_NONE:
        return RG_OK;
    case POLICY_EFFECT_BEGIN:
        if (session->settings_before == NULL) { /* else a second one, which the upstream ignores with a warning */
            save_settings(session);
        }
        return RG_OK;
    case POLICY_EFFECT_COMMIT:
        if (session->transaction == PGWIRE_TRANSACTION_FAILED && requests_are_one_batch(&session->requests)) {
            restore_settings(session); /* of a failed one: it is rolled back */
        }
        settings_free(&session->settings_before);
        return RG_OK;
    case POLICY_EFFECT_ROLLBACK:
        restore_settings(session);
        return RG_OK;
    case POLICY_EFFECT_SET_SEARCH_PATH:
        RG_TRY(settings_with_path(session->settings, statement->values, statement->value_count, &changed));
        break;
    case POLICY_EFFECT_SET_TIMEOUT:
        RG_TRY(settings_with_timeout(session->settings, statement->number, &changed));
        break;
    case POLICY_EFFECT_SET_APPLICATION: {
        struct rg_slice name = statement->value_count > 0 ? statement->values[0] : (struct rg_slice){0};
        RG_TRY(settings_with_application(session->settings, name, &changed));
        break;
    }
    case POLICY_EFFECT_RESET_ALL:
        if (statement->number == 1) { /* DISCARD ALL */
            deallocate(session, (struct rg_slice){0});
        }
        changed = settings_new();
        break;
    case POLICY_EFFECT_PREPARE:
        return add_prepared(session, statement);
    case POLICY_EFFECT_DEALLOCATE:
        deallocate(session, statement->name);
        return RG_OK;
    case POLICY_EFFECT_CANCEL_PID:
        cancel_by_pid(session, statement->number);
        return RG_OK;
    }
    if (changed != NULL) {
        session_set_settings(session, changed);
    }
    return RG_OK;
}

void statement_apply_effects(struct session *session, const struct policy_cached *cached)
{
    for (size_t i = 0; i < cached->plan.count; i++) {
        rg_status status = apply_effect(session, &cached->plan.statements[i]);
        if (!rg_is_ok(status)) { /* the session's own limits: it cannot go on with a state that is not what was said */
            struct refusal refusal = refusal_from_status(status, "session.limits");
            session_fatal(session, &refusal);
            return;
        }
        session->has_written |= !cached->plan.statements[i].is_read;
    }
}
