/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of forwarded requests of one session. */
#include "proxy/requests.h"

#include "base/rg_memory.h"

void requests_init(struct requests *requests)
{
    *requests = (struct requests){0};
    requests->last = &requests->first;
}

void request_add_lesson(struct request *request, size_t max_bytes)
{
    RG_ASSERT(request->lesson == NULL);
    request->lesson = rg_memory_alloc(sizeof *request->lesson);
    rg_buf_init(request->lesson, max_bytes);
}

void request_drop_lesson(struct request *request)
{
    if (request->lesson != NULL) {
        rg_buf_done(request->lesson);
        rg_memory_free(request->lesson);
        request->lesson = NULL;
    }
}

static void free_request(struct request *request)
{
    request_drop_lesson(request);
    policy_cached_free(&request->cached);
    binds_free(&request->binds);
    rg_memory_free(request->refusal_text);
    rg_memory_free(request->name);
    rg_memory_free(request->formats);
    rg_memory_free(request);
}

void requests_drop_first(struct requests *requests)
{
    struct request *first = requests->first;
    RG_ASSERT(first != NULL);
    requests->first = first->next;
    if (requests->first == NULL) {
        requests->last = &requests->first;
    }
    requests->count--;
    requests->bytes -= first->cached == NULL ? 0 : first->cached->text.size;
    requests->bytes -= binds_list(first->binds).size;
    free_request(first);
}

void requests_done(struct requests *requests)
{
    while (requests->first != NULL) {
        requests_drop_first(requests);
    }
}

void requests_drop_to_sync(struct requests *requests)
{
    while (requests->first != NULL && requests->first->type != 'S') {
        requests_drop_first(requests);
    }
}

void request_set_binds(struct requests *requests, struct request *request, struct binds *binds)
{
    request->binds = binds_ref(binds);
    requests->bytes += binds_list(binds).size;
}

bool requests_are_many(const struct requests *requests)
{
    return requests->count > REQUESTS_HIGH || requests->bytes > REQUESTS_BYTES_HIGH;
}

bool requests_has_sync(const struct requests *requests)
{
    const struct request *request = requests->first;
    while (request != NULL && request->type != 'S') {
        request = request->next;
    }
    return request != NULL;
}

bool requests_await_ready(const struct requests *requests)
{
    const struct request *request = requests->first;
    while (request != NULL && request->type != 'S' && request->type != 'Q') {
        request = request->next;
    }
    return request != NULL;
}

bool requests_are_one_batch(const struct requests *requests)
{
    const struct request *request = requests->first;
    while (request != NULL && request->next != NULL && request->type != 'S' && request->type != 'Q') {
        request = request->next;
    }
    return request == NULL || request->next == NULL;
}

bool request_awaits_data(const struct request *request)
{
    if (request->cached == NULL || request->is_failed || (request->type != 'Q' && request->type != 'E')) {
        return false;
    }
    if (request->type == 'Q' && request->data_from > 0) {
        return true; /* PgBouncer 1.18 loses a Query that stands behind CopyDone: nothing is sent before the answer */
    }
    size_t from = request->data_from > request->statement ? request->data_from : request->statement;
    for (size_t i = from; i < request->cached->plan.count; i++) {
        if (request->cached->plan.statements[i].takes_data) {
            return true;
        }
    }
    return false;
}

bool requests_await_data(const struct requests *requests)
{
    const struct request *request = requests->first;
    while (request != NULL && !request_awaits_data(request)) {
        request = request->next;
    }
    return request != NULL;
}

rg_status requests_add(struct requests *requests, char type, struct policy_cached *cached, struct request **out_request)
{
    if (requests->count >= REQUESTS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d messages without an answer", REQUESTS_MAX);
    }
    struct request *request = rg_memory_alloc(sizeof *request);
    request->type = type;
    request->cached = cached == NULL ? NULL : policy_cached_ref(cached);
    *requests->last = request;
    requests->last = &request->next;
    requests->count++;
    requests->bytes += cached == NULL ? 0 : cached->text.size;
    *out_request = request;
    return RG_OK;
}

static struct rg_slice copy_part(char **at, struct rg_slice part)
{
    struct rg_slice copy = {*at, part.size};
    if (part.size > 0) {
        memcpy(*at, part.data, part.size);
    }
    *at += part.size;
    return copy;
}

void request_set_refusal(struct request *request, const struct refusal *refusal)
{
    RG_ASSERT(request->refusal_text == NULL);
    char *at = rg_memory_alloc(refusal->rule.size + refusal->message.size + refusal->hint.size + 1);
    request->refusal_text = at;
    request->refusal = *refusal;
    request->refusal.rule = copy_part(&at, refusal->rule);
    request->refusal.message = copy_part(&at, refusal->message);
    request->refusal.hint = copy_part(&at, refusal->hint);
}

bool statement_needs_decision(const struct policy_statement *statement, bool had_written)
{
    return !statement->is_read || (statement->effect == POLICY_EFFECT_COMMIT && had_written);
}

void request_set_name(struct request *request, struct rg_slice name)
{
    RG_ASSERT(request->name == NULL);
    request->name = rg_memory_alloc(name.size + 1);
    request->name_size = name.size;
    if (name.size > 0) {
        memcpy(request->name, name.data, name.size);
    }
}

const struct policy_statement *request_statement(const struct request *request)
{
    if (request->cached == NULL || request->statement >= request->cached->plan.count) {
        return NULL;
    }
    return &request->cached->plan.statements[request->statement];
}

bool request_has_prelude(const struct request *request, size_t statement)
{
    return request->type == 'Q' && statement < POLICY_STATEMENTS_MAX &&
           (request->preludes[statement / 64] >> (statement % 64) & 1) != 0;
}

bool request_is_in_prelude(const struct request *request)
{
    return request_has_prelude(request, request->statement) && !request->is_prelude_done;
}
