/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator's order does: the sessions of the SQL plane are asked of the workers, those of browsers of the
 * state. An order is on record before it is carried out; one that cannot be recorded is carried out all the same,
 * because it only takes away, and the operator is told. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "auth/session.h"
#include "base/rg_memory.h"
#include "proxy/gateway_private.h"
#include "proxy/session.h"
#include "proxy/session_orders.h"
#include "proxy/worker.h"

enum { ROWS_BYTES = 64 << 20, ARENA_BYTES = 64 << 20, WORKER_SECONDS = 10 };

/* ---- asking the workers ---- */

/* Shared by the main thread and the workers; whoever is last frees it. */
struct asking {
    pthread_mutex_t lock;
    struct rg_arena arena;
    struct session_row *rows;
    size_t count, capacity;
    sem_t answered;
    atomic_uint holders;
};

struct question {
    struct asking *asking;
    struct worker *worker;
};

static void let_go(struct asking *asking)
{
    if (atomic_fetch_sub(&asking->holders, 1) == 1) {
        (void)pthread_mutex_destroy(&asking->lock);
        (void)sem_destroy(&asking->answered);
        rg_arena_done(&asking->arena);
        rg_memory_free(asking->rows);
        rg_memory_free(asking);
    }
}

static rg_status keep_row(struct asking *asking, const struct session_row *row)
{
    struct session_row kept = *row;
    struct rg_slice *const texts[] = {&kept.id,  &kept.plane,  &kept.tenant,   &kept.user,  &kept.subject,
                                      &kept.idp, &kept.client, &kept.token_id, &kept.issuer};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        RG_TRY(rg_arena_copy(&asking->arena, *texts[i], texts[i]));
    }
    if (asking->count == asking->capacity) {
        asking->capacity = asking->capacity * 2 + 64;
        asking->rows = rg_memory_resize(asking->rows, asking->capacity * sizeof *asking->rows);
    }
    asking->rows[asking->count++] = kept;
    return RG_OK;
}

static void on_question(void *argument)
{
    struct question *question = argument;
    struct asking *asking = question->asking;
    bool has_room = true;
    (void)pthread_mutex_lock(&asking->lock);
    for (struct session *session = question->worker->sessions; has_room && session != NULL;
         session = session_next(session)) {
        struct session_row row;
        has_room = !session_describe(session, &row) || rg_is_ok(keep_row(asking, &row));
    }
    (void)pthread_mutex_unlock(&asking->lock);
    (void)sem_post(&asking->answered);
    let_go(asking);
    rg_memory_free(question);
}

static rg_status wait_for(struct asking *asking, unsigned count)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WORKER_SECONDS;
    for (unsigned i = 0; i < count; i++) {
        while (sem_timedwait(&asking->answered, &until) != 0) {
            if (errno != EINTR) {
                return rg_fail(RG_INTERNAL, "an event loop does not answer");
            }
        }
    }
    return RG_OK;
}

static struct asking *ask_workers(struct gateway *gateway, rg_status *out_status)
{
    struct asking *asking = rg_memory_alloc(sizeof *asking);
    unsigned count = atomic_load(&gateway->has_loops) ? gateway->worker_count : 0;
    (void)pthread_mutex_init(&asking->lock, NULL);
    (void)sem_init(&asking->answered, 0, 0);
    rg_arena_init(&asking->arena, ROWS_BYTES);
    atomic_init(&asking->holders, count + 1);
    for (unsigned i = 0; i < count; i++) {
        struct question *question = rg_memory_alloc(sizeof *question);
        *question = (struct question){asking, &gateway->workers[i]};
        net_loop_post(question->worker->loop, on_question, question);
    }
    *out_status = wait_for(asking, count);
    return asking;
}

static rg_status list_sql(struct gateway *gateway, struct session_teller teller)
{
    rg_status status = RG_OK;
    struct asking *asking = ask_workers(gateway, &status);
    bool goes_on = rg_is_ok(status);
    for (size_t i = 0; goes_on && i < asking->count; i++) {
        goes_on = teller.tell(teller.context, &asking->rows[i]);
    }
    let_go(asking);
    return status;
}

/* ---- browsers' sessions ---- */

struct http_list {
    struct gateway *gateway;
    struct session_teller teller;
};

/* As the configuration resolves it now; empty when it does not any more. */
static struct rg_slice tenant_of(const struct config *config, const struct auth_session *session,
                                 struct rg_arena *arena)
{
    struct auth_identity identity;
    struct tenant tenant;
    const struct rg_slice none = {0};
    bool is_found = rg_is_ok(auth_session_identity(session, config->claims, config->claim_count, arena, &identity)) &&
                    rg_is_ok(tenants_find(&config->registry, &identity, arena, &tenant));
    return is_found ? tenant.id : none;
}

static bool on_http(void *context, struct auth_session *session)
{
    struct http_list *list = context;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, ARENA_BYTES);
    const struct session_row row = {
        .id = rg_slice_of(session->public_id),
        .plane = RG_SLICE("http"),
        .tenant = tenant_of(list->gateway->snapshot->config, session, &arena),
        .user = session->login.user,
        .subject = session->login.subject,
        .idp = session->login.idp,
        .issuer = session->login.issuer,
        .created_us = session->created_us,
        .seen_us = atomic_load(&session->last_seen_us),
        .expires_us = session->expires_us,
    };
    return list->teller.tell(list->teller.context, &row);
}

static rg_status list_all(struct gateway *gateway, struct session_teller teller)
{
    struct http_list list = {gateway, teller};
    RG_TRY(list_sql(gateway, teller));
    auth_sessions_list(gateway->state, rg_clock_wall_us(gateway->clock), on_http, &list);
    return RG_OK;
}

/* ---- lists ---- */

struct filter {
    const struct session_order *order;
    struct session_teller teller;
};

static bool pass(void *context, const struct session_row *row)
{
    const struct filter *filter = context;
    return !session_order_wants(filter->order, row) || filter->teller.tell(filter->teller.context, row);
}

rg_status session_orders_list(struct gateway *gateway, const struct session_order *order, struct session_teller teller)
{
    struct filter filter = {order, teller};
    return list_all(gateway, (struct session_teller){pass, &filter});
}

/* ---- ends ---- */

/* Whom the order is about, copied: the lists are gone when it is carried out. */
struct target {
    struct asking *found; /* its rows and arena are used */
    const struct session_order *order;
};

static bool is_target(const struct session_order *order, const struct session_row *row)
{
    const bool by_kind[SESSION_ORDER_COUNT] = {
        [SESSION_ORDER_REVOKE_ID] = rg_slice_is_equal(order->id, row->id),
        [SESSION_ORDER_REVOKE_SUBJECT] =
            rg_slice_is_equal(order->idp, row->idp) && rg_slice_is_equal(order->subject, row->subject),
        [SESSION_ORDER_REVOKE_TENANT] = rg_slice_is_equal(order->tenant, row->tenant),
        [SESSION_ORDER_REVOKE_ALL] = true,
    };
    return by_kind[order->kind];
}

static bool take_target(void *context, const struct session_row *row)
{
    struct target *target = context;
    return !is_target(target->order, row) || rg_is_ok(keep_row(target->found, row));
}

static rg_status record_order(struct gateway *gateway, const struct session_order *order, const char *by,
                              const struct asking *found)
{
    const struct session_row *first = found->count > 0 ? &found->rows[0] : NULL;
    struct audit_event event = {
        .kind = AUDIT_SESSION_REVOKE,
        .wall_us = rg_clock_wall_us(gateway->clock),
        .policy = rg_slice_of(gateway->snapshot->digest),
        .verdict = AUDIT_ALLOWED,
        .operator_name = rg_slice_of(by),
        .rows = found->count,
    };
    if (order->kind == SESSION_ORDER_REVOKE_ID && first != NULL) {
        event.object = order->id;
        event.user = first->user;
        event.subject = first->subject;
        event.idp = first->issuer;
        event.tenant = first->tenant;
    } else if (order->kind == SESSION_ORDER_REVOKE_SUBJECT) {
        event.user = first != NULL ? first->user : order->subject;
        event.subject = order->subject;
        event.idp = first != NULL ? first->issuer : order->idp;
    } else if (order->kind == SESSION_ORDER_REVOKE_TENANT) {
        event.about_tenant = order->tenant;
        event.tenant = order->tenant;
    }
    return gateway_record_order(gateway, &event);
}

/* The session, and the token that would open the next one. */
static rg_status revoke_sql(struct gateway *gateway, const struct session_row *row, const char *by, int64_t now_us)
{
    struct auth_revocation revocation = {
        .kind = AUTH_REVOKE_SESSION, .text = row->id, .by = rg_slice_of(by), .revoked_us = now_us};
    rg_status status = auth_revocation_add(gateway->state, &revocation);
    if (row->token_id.size > 0) {
        revocation.kind = AUTH_REVOKE_TOKEN;
        revocation.idp = row->idp;
        revocation.text = row->token_id;
        revocation.until_us = row->expires_us > now_us ? row->expires_us : 0;
        rg_status second = auth_revocation_add(gateway->state, &revocation);
        status = rg_is_ok(status) ? second : status;
    }
    return status;
}

static rg_status revoke_found(struct gateway *gateway, const struct asking *found, const char *by, int64_t now_us)
{
    rg_status first = RG_OK;
    for (size_t i = 0; i < found->count; i++) {
        const struct session_row *row = &found->rows[i];
        const struct auth_session_selector one = {.kind = AUTH_SELECT_ID, .text = row->id};
        bool is_sql = rg_slice_is_equal(row->plane, RG_SLICE("sql"));
        size_t count = 0;
        rg_status status =
            is_sql ? revoke_sql(gateway, row, by, now_us) : auth_sessions_revoke(gateway->state, &one, &count);
        first = rg_is_ok(first) ? status : first;
    }
    return first;
}

/* What is issued from now on may come in again; what came in or was issued before is out on both planes, also what
 * logs in at this moment. */
static rg_status revoke_before(struct gateway *gateway, const struct session_order *order, const char *by,
                               int64_t now_us)
{
    static const enum auth_revocation_kind kinds[SESSION_ORDER_COUNT] = {
        [SESSION_ORDER_REVOKE_SUBJECT] = AUTH_REVOKE_SUBJECT,
        [SESSION_ORDER_REVOKE_TENANT] = AUTH_REVOKE_TENANT,
        [SESSION_ORDER_REVOKE_ALL] = AUTH_REVOKE_ALL,
    };
    const struct auth_revocation revocation = {
        .kind = kinds[order->kind],
        .idp = order->idp,
        .text = order->kind == SESSION_ORDER_REVOKE_TENANT ? order->tenant : order->subject,
        .by = rg_slice_of(by),
        .revoked_us = now_us,
    };
    return auth_revocation_add(gateway->state, &revocation);
}

static struct asking *new_found(void)
{
    struct asking *found = rg_memory_alloc(sizeof *found);
    (void)pthread_mutex_init(&found->lock, NULL);
    (void)sem_init(&found->answered, 0, 0);
    rg_arena_init(&found->arena, ROWS_BYTES);
    atomic_init(&found->holders, 1);
    return found;
}

/* Browsers' sessions that are there behind the revocation all the same: made while the others were looked for, or too
 * many for one list. Whoever logs in from now on meets the revocation (proxy/http/login.c). */
static rg_status end_the_rest(struct gateway *gateway, const struct session_order *order, const char *by,
                              int64_t now_us)
{
    enum { ROUNDS = 1000 };
    rg_status first = RG_OK;
    bool is_done = false;
    for (int i = 0; !is_done && i < ROUNDS; i++) {
        struct asking *found = new_found();
        struct target target = {found, order};
        struct http_list list = {gateway, {take_target, &target}};
        auth_sessions_list(gateway->state, now_us, on_http, &list);
        rg_status status = revoke_found(gateway, found, by, now_us);
        first = rg_is_ok(first) ? status : first;
        is_done = found->count == 0;
        let_go(found);
    }
    return first;
}

static rg_status carry_out(struct gateway *gateway, const struct session_order *order, const char *by,
                           const struct asking *found)
{
    int64_t now_us = rg_clock_wall_us(gateway->clock);
    rg_status status = RG_OK;
    if (order->kind != SESSION_ORDER_REVOKE_ID) {
        status = revoke_before(gateway, order, by, now_us);
    }
    /* Sessions of the SQL plane are out by now, unless they are named alone; those of browsers go one by one. */
    rg_status second = revoke_found(gateway, found, by, now_us);
    status = rg_is_ok(status) ? second : status;
    if (order->kind != SESSION_ORDER_REVOKE_ID) {
        second = end_the_rest(gateway, order, by, now_us);
    }
    return rg_is_ok(status) ? second : status;
}

static rg_status revoke(struct gateway *gateway, const struct session_order *order, const char *by,
                        struct asking *found, size_t *out_count)
{
    struct target target = {found, order};
    rg_status status = RG_OK;
    RG_TRY(list_all(gateway, (struct session_teller){take_target, &target}));
    if (order->kind == SESSION_ORDER_REVOKE_ID && found->count == 0) {
        return rg_fail(RG_CONFIG, "there is no session %.*s", rg_slice_shown(order->id), order->id.data);
    }
    bool is_recorded = rg_is_ok(record_order(gateway, order, by, found));
    rg_status done = carry_out(gateway, order, by, found);
    *out_count = found->count;
    let_go(ask_workers(gateway, &status)); /* behind what ended them: they have ended */
    RG_TRY(done);
    RG_TRY(status);
    return is_recorded ? RG_OK : rg_fail(RG_STORAGE, "it was done, but the audit log took no record of the order");
}

rg_status session_orders_revoke(struct gateway *gateway, const struct session_order *order, const char *by,
                                size_t *out_count)
{
    struct asking *found = new_found();
    rg_status status = revoke(gateway, order, by, found, out_count);
    let_go(found);
    return status;
}
