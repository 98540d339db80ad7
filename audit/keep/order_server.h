/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_ORDER_SERVER_H
#define RG_AUDIT_KEEP_ORDER_SERVER_H

#include <poll.h>

#include "audit/keep/order.h"

/* The auditor's end of <directory>/orders.sock, inside its loop: nothing here blocks, and a peer that says nothing, or
 * does not take its answer, costs a descriptor for ten seconds. Only the auditor's own user and root are heard.
 * Threads: one at a time. */

enum {
    AUDIT_ORDERS_PEERS_MAX = 8,
    AUDIT_ORDERS_POLLS_MAX = 1 + AUDIT_ORDERS_PEERS_MAX,
    AUDIT_ORDERS_WAIT_US = 10 * 1000 * 1000,
};

struct audit_orders;

struct audit_orders_handler {
    /* Does the order. *out_is_pending: the answer comes later, by audit_orders_answer with this ticket. */
    rg_status (*obey)(void *context, const struct audit_order *order, struct rg_slice operator_name, uint64_t ticket,
                      struct audit_order_reply *reply, bool *out_is_pending);
    /* Somebody who may not, or who sends nonsense. */
    void (*on_refused)(void *context, const char *what);
    void *context;
};

/* Binds directory_fd/orders.sock, in the place of what an earlier run left. handler is copied. RG_STORAGE. */
rg_status audit_orders_open(int directory_fd, const struct audit_orders_handler *handler,
                            struct audit_orders **out_orders) RG_MUST_CHECK;
/* Removes the socket; nulls; accepts NULL inside. */
void audit_orders_close(struct audit_orders **orders);
/* What to watch: fills `polls` (AUDIT_ORDERS_POLLS_MAX of them), returns how many. NULL has none. */
size_t audit_orders_polls(const struct audit_orders *orders, struct pollfd *polls);
/* After poll: takes connections and orders, answers, drops who is late. polls as filled before. */
void audit_orders_turn(struct audit_orders *orders, const struct pollfd *polls, int64_t now_us);
/* The answer that was pending; nothing when that peer is gone. */
void audit_orders_answer(struct audit_orders *orders, uint64_t ticket, rg_status status,
                         const struct audit_order_reply *reply);

/* The login name of a user, or its number when it has none. */
void audit_operator_name(unsigned uid, char *out_name, size_t size);

#endif
