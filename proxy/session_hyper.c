/* SPDX-License-Identifier: Apache-2.0 */
/* Where a session with Hyper differs: it takes one statement a message and no parameters. A prepared statement with $n
 * is parsed upstream with typed NULLs, so that it can be described; each Bind plans the client's text again with the
 * values as constants, and the upstream parses and binds that. */
#include <stdio.h>

#include "base/rg_memory.h"
#include "proxy/session_private.h"

bool session_is_hyper(const struct session *session)
{
    return policy_binding_dialect(session->binding) == POLICY_HYPER;
}

enum pipeline_next hyper_check_query(struct session *session)
{
    const struct policy_plan *plan = &session->command.cached->plan;
    if (!session_is_hyper(session) || plan->is_denied || plan->count < 2) {
        return PIPELINE_NEXT;
    }
    struct refusal refusal = refusal_make("0A000", "hyper.statements", "Hyper takes one statement at a time");
    refusal.hint = RG_SLICE("Send the statements one by one.");
    return session_refuse(session, &refusal);
}

void hyper_forget_types(const struct session *session, struct pgwire_prepare *prepare)
{
    if (session_is_hyper(session)) {
        prepare->type_count = 0;
        prepare->types = (struct rg_slice){"", 0};
    }
}

/* ---- Bind ---- */

static rg_status take_values(const struct pgwire_bind *bind, struct policy_value *values)
{
    struct pgwire_cursor cursor = pgwire_bind_values(bind);
    for (size_t i = 0; i < bind->value_count; i++) {
        struct pgwire_value value = {0};
        RG_TRY(pgwire_value_get(&cursor, &value));
        values[i] = (struct policy_value){value.is_null, pgwire_bind_format(bind, i) == 1, value.bytes};
    }
    return RG_OK;
}

static enum pipeline_next refuse_count(struct session *session, size_t wanted)
{
    char text[128];
    (void)snprintf(text, sizeof text, "bind message supplies %u parameters, but the statement requires %zu",
                   session->command.bind.value_count, wanted);
    struct refusal refusal = refusal_make("08P01", "hyper.parameter", text);
    return session_refuse(session, &refusal);
}

enum pipeline_next hyper_plan_values(struct session *session)
{
    struct command *command = &session->command;
    const struct pgwire_bind *bind = &command->bind;
    size_t wanted = command->cached->plan.parameter_count;
    if (command->cached->plan.is_denied) {
        return PIPELINE_NEXT;
    }
    if (bind->value_count != wanted) {
        return refuse_count(session, wanted);
    }
    if (wanted == 0) {
        return PIPELINE_NEXT;
    }
    const struct prepared *prepared = prepared_find(&session->prepared, bind->statement);
    RG_ASSERT(prepared != NULL); /* its plan was found */
    struct pgwire_prepare prepare = {
        .text = prepared->text, .types = prepared->types, .type_count = prepared->type_count};
    struct policy_value *values = rg_memory_array(bind->value_count, sizeof *values);
    struct policy_cached *bound = NULL;
    rg_status status = take_values(bind, values);
    if (rg_is_ok(status)) {
        status = statement_find_bound_plan(session, &prepare, values, bind->value_count, &bound);
    }
    rg_memory_free(values);
    if (!rg_is_ok(status)) {
        struct refusal refusal = refusal_from_status(status, "statement.limits");
        return session_refuse(session, &refusal);
    }
    policy_cached_free(&command->cached);
    command->cached = bound;
    return PIPELINE_NEXT;
}

rg_status hyper_bind_encode(const struct pgwire_bind *bind, struct rg_buf *message)
{
    size_t formats_size = 2 + 2 * (size_t)bind->result_format_count;
    RG_AUTO(rg_buf_done) struct rg_buf tail;
    rg_buf_init(&tail, 4 + formats_size);
    RG_TRY(rg_buf_put_u32(&tail, 0)); /* no formats, no values; the result's formats stay */
    RG_TRY(rg_buf_put(&tail, rg_slice_cut(bind->tail, bind->tail.size - formats_size, formats_size)));
    struct pgwire_bind bare = *bind;
    bare.format_count = 0;
    bare.value_count = 0;
    bare.values = (struct rg_slice){"", 0};
    bare.tail = rg_buf_slice(&tail);
    return pgwire_bind_encode(&bare, message);
}

/* ---- formats of a portal's result ---- */

static struct rg_slice formats_of(const struct pgwire_bind *bind)
{
    size_t size = 2 * (size_t)bind->result_format_count;
    return rg_slice_cut(bind->tail, bind->tail.size - size, size);
}

void hyper_keep_formats(struct session *session)
{
    struct portal *portal = portal_find(&session->prepared, session->command.bind.portal);
    if (session_is_hyper(session) && portal != NULL) {
        portal_keep_formats(portal, formats_of(&session->command.bind));
    }
}

void hyper_note_formats(struct session *session, const struct portal *portal)
{
    if (portal == NULL || portal->formats == NULL) {
        return;
    }
    struct request *request = session->requests.first;
    while (request->next != NULL) {
        request = request->next;
    }
    request->formats = rg_memory_alloc(portal->formats_size + 1);
    memcpy(request->formats, portal->formats, portal->formats_size);
    request->formats_size = portal->formats_size;
}

/* type, length, count; then for each column its name, 16 bytes, and its format */
static rg_status put_formats(const struct request *request, struct rg_slice message, struct rg_buf *out_message)
{
    enum { HEAD_SIZE = 7, COLUMN_SIZE = 16 };
    size_t count = request->formats_size / 2;
    size_t at = HEAD_SIZE;
    RG_TRY(rg_buf_put(out_message, rg_slice_cut(message, 0, HEAD_SIZE)));
    for (size_t column = 0; at < message.size; column++) {
        const char *end = memchr(message.data + at, '\0', message.size - at);
        size_t format_at = end == NULL ? message.size : (size_t)(end - message.data) + 1 + COLUMN_SIZE;
        size_t index = count == 1 ? 0 : column;
        if (format_at + 2 > message.size || index >= count) {
            return rg_fail(RG_UPSTREAM, "a malformed RowDescription");
        }
        RG_TRY(rg_buf_put(out_message, rg_slice_cut(message, at, format_at - at)));
        RG_TRY(rg_buf_put(out_message, rg_slice_make(request->formats + 2 * index, 2)));
        at = format_at + 2;
    }
    return RG_OK;
}

rg_status hyper_correct_description(const struct session *session, const struct request *request,
                                    struct rg_buf *message, struct pgwire_span *span)
{
    bool is_whole = span->is_start && span->is_end;
    if (!session_is_hyper(session) || request->cached == NULL || !is_whole) {
        return RG_OK;
    }
    if (span->type == 't') {
        const struct policy_plan *plan = &request->cached->plan;
        RG_TRY(pgwire_parameter_description_encode(plan->parameter_types, plan->parameter_count, message));
    } else if (request->formats_size > 0) {
        RG_TRY(put_formats(request, span->bytes, message));
    } else {
        return RG_OK;
    }
    span->bytes = rg_buf_slice(message);
    return RG_OK;
}
