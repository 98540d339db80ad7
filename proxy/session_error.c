/* SPDX-License-Identifier: Apache-2.0 */
/* An upstream's error on its way to the client: without what may hold other rows' data, its position mapped back into
 * the client's own text, behind the record of its statement. */
#include "proxy/session_private.h"

struct position_context {
    const struct request *request;
    const struct policy_statement *statement;
};

static size_t characters(struct rg_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    }
    return count;
}

static uint32_t map_position(void *context, uint32_t upstream_position)
{
    const struct position_context *at = context;
    size_t position = upstream_position;
    const struct policy_plan *plan = &at->request->cached->plan;
    for (size_t i = 0; i <= at->request->statement && at->request->type == 'Q'; i++) {
        bool is_past = i < at->request->statement;
        size_t before = is_past ? characters(plan->statements[i].text) + STATEMENT_SEPARATOR.size : 0;
        before += request_has_prelude(at->request, i) ? at->request->prelude_size + STATEMENT_SEPARATOR.size : 0;
        if (position <= before) {
            return 0;
        }
        position -= before;
    }
    size_t mapped = policy_map_position(at->statement, at->request->cached->text, position);
    return mapped > UINT32_MAX ? 0 : (uint32_t)mapped;
}

/* The guard of a masked relation's fence, or a column that the fence selects: the snapshot is older than the table.
 * What the upstream says of it is in whatever language it speaks, and about text that the client did not write. */
static bool is_fence_stale(const struct pgwire_error *error)
{
    static const struct {
        const char *sqlstate, *words;
    } signs[] = {{"22P02", "\"rowgate: columns changed: "}, {"42703", "rg_r."}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strcmp(error->sqlstate, signs[i].sqlstate) == 0 && error->message.size > 0 &&
            memmem(error->message.data, error->message.size, signs[i].words, strlen(signs[i].words)) != NULL) {
            return true;
        }
    }
    return false;
}

static const struct pgwire_error fence_stale = {
    .severity = PGWIRE_SEVERITY_ERROR,
    .sqlstate = "0A000",
    .message = {"the columns of a relation are no longer those that its policy was judged by: try again", 86},
    .hint = {"rule mask.changed", 17},
};

/* Hyper names a relation with the path of its database's file and with its physical schema. */
static const struct pgwire_error no_relation = {
    .severity = PGWIRE_SEVERITY_ERROR,
    .sqlstate = "42P01",
    .message = {"relation does not exist", 23},
};

static bool names_a_file(const struct session *session, const struct pgwire_error *error)
{
    static const char parted[] = "\".\"";
    struct rg_slice text = error->message;
    bool is_name = strcmp(error->sqlstate, "42P01") == 0 || strcmp(error->sqlstate, "3F000") == 0 ||
                   strcmp(error->sqlstate, "3D000") == 0;
    return session_is_hyper(session) && is_name && text.size > 0 &&
           (memchr(text.data, '/', text.size) != NULL ||
            memmem(text.data, text.size, parted, sizeof parted - 1) != NULL);
}

rg_status reply_put_error(struct session *session, struct request *request, const struct pgwire_span *span)
{
    struct position_context context = {request, request_statement(request)};
    struct pgwire_position_map map = {map_position, &context};
    struct pgwire_error error;
    RG_TRY(pgwire_error_parse('E', span->body, &error));
    catalog_note_error(session, error.sqlstate);
    bool is_stale = is_fence_stale(&error);
    bool is_ours = is_stale || names_a_file(session, &error);
    if (is_stale) {
        error = fence_stale;
        catalog_note_error(session, error.sqlstate);
    }
    struct pgwire_error shown = is_stale ? fence_stale : no_relation; /* the log keeps what Hyper said */
    RG_TRY(gate_settle(session, request));
    RG_TRY(output_open(&session->output));
    RG_TRY(is_ours ? pgwire_error_encode(&shown, output_buf(&session->output))
                   : pgwire_error_filter('E', span->body, context.statement == NULL ? NULL : &map,
                                         output_buf(&session->output)));
    if (context.statement != NULL) {
        return gate_record_outcome(session, request, &error);
    }
    /* an error without a statement (Sync, Close, the commit behind the last one): recorded as the session's */
    struct audit_event event = record_event(session, AUDIT_STATEMENT);
    event.verdict = AUDIT_ALLOWED;
    event.sqlstate = rg_slice_of(error.sqlstate);
    event.message = error.message;
    event.class_name = RG_SLICE("MISC");
    uint64_t ticket = 0;
    RG_TRY(worker_submit(session->worker, &event, session, &ticket));
    return output_close(&session->output, ticket, 0);
}
