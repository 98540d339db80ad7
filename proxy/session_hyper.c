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

/* ---- Describe ---- */

rg_status hyper_parameters_encode(const struct request *request, struct rg_buf *message)
{
    const struct policy_plan *plan = &request->cached->plan;
    return pgwire_parameter_description_encode(plan->parameter_types, plan->parameter_count, message);
}
