/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SESSION_ORDERS_H
#define RG_PROXY_SESSION_ORDERS_H

#include "proxy/gateway.h"
#include "proxy/session_order.h"

/* The gateway's side of `rowgate session`: a socket in the state's directory, for its own user and for root. An order
 * is obeyed on the main thread, which may block. */

struct session_orders;

/* Makes <directory>/sessions.sock (0600); the state is open, so no other gateway listens there. RG_STORAGE. */
rg_status session_orders_open(struct gateway *gateway, struct rg_slice directory,
                              struct session_orders **out_orders) RG_MUST_CHECK;
void session_orders_close(struct session_orders **orders);  /* nulls, accepts NULL */
int session_orders_fd(const struct session_orders *orders); /* -1 for NULL */
/* Takes one who waits, reads its order, obeys and answers. */
void session_orders_take(struct session_orders *orders);

/* session_orders_obey.c: what an order does. by: the operator's name. */

/* Every live session of both planes that the order wants. RG_INTERNAL when a worker does not answer. */
rg_status session_orders_list(struct gateway *gateway, const struct session_order *order,
                              struct session_teller teller) RG_MUST_CHECK;
/* Ends sessions, on record before, and waits until the SQL plane has. *out_count: how many there were.
 * Returns: RG_CONFIG when there is no such session; RG_STORAGE when it was done but is not on record, or is not
 * durable; the count is written then too. */
rg_status session_orders_revoke(struct gateway *gateway, const struct session_order *order, const char *by,
                                size_t *out_count) RG_MUST_CHECK;

#endif
