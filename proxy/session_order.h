/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SESSION_ORDER_H
#define RG_PROXY_SESSION_ORDER_H

#include "base/rg_arena.h"
#include "base/rg_buf.h"

/* What `rowgate session` and a running gateway say to each other, over <state directory>/sessions.sock: one order, as
 * one JSON packet; then one packet for each session, and one that ends the answer. Strict both ways. */

enum session_order_kind {
    SESSION_ORDER_NONE = 0, /* refused */
    SESSION_ORDER_LIST,
    SESSION_ORDER_REVOKE_ID,
    SESSION_ORDER_REVOKE_SUBJECT, /* of idp */
    SESSION_ORDER_REVOKE_TENANT,
    SESSION_ORDER_REVOKE_ALL,
    SESSION_ORDER_COUNT
};

enum { SESSION_ORDER_MAX = 16 * 1024 /* bytes of a packet */, SESSION_ORDER_TEXT_MAX = 1024 };

/* Which texts an order has is in the table of session_order.c; the others must be empty. UTF-8 without NUL. */
struct session_order {
    enum session_order_kind kind;
    struct rg_slice id;      /* a session's public id */
    struct rg_slice idp;     /* [idp.NAME], or "scram" */
    struct rg_slice subject; /* with idp */
    struct rg_slice tenant;  /* list: of this tenant only */
    struct rg_slice user;    /* list: of this user or subject only */
};

/* A live session. Times in microseconds since 1970 UTC, 0 = none. */
struct session_row {
    struct rg_slice id, plane, tenant, user, subject, idp, client;
    struct rg_slice token_id, issuer; /* never sent */
    int64_t created_us, seen_us, expires_us;
};

/* RG_PROTOCOL for an order without what it needs or with what it must not have; RG_LIMIT for long texts. */
rg_status session_order_check(const struct session_order *order) RG_MUST_CHECK;
rg_status session_order_encode(const struct session_order *order, struct rg_buf *out) RG_MUST_CHECK;
/* One object, known keys, each once, of the order's own; texts are copied into the arena. RG_PROTOCOL, RG_LIMIT; output
 * untouched then. */
rg_status session_order_parse(struct rg_slice packet, struct rg_arena *arena,
                              struct session_order *out_order) RG_MUST_CHECK;

/* One packet of the answer; bytes that are not UTF-8 become '?', long texts are cut. */
rg_status session_row_encode(const struct session_row *row, struct rg_buf *out) RG_MUST_CHECK;
/* The last one: how many there were, or the failure of status. */
rg_status session_end_encode(rg_status status, size_t count, struct rg_buf *out) RG_MUST_CHECK;
/* *out_is_end: it was the last one, and *out_count is how many; else *out_row is one session, its texts in arena.
 * Returns: the failure that the answer tells; RG_PROTOCOL for anything else. Outputs untouched then. */
rg_status session_answer_parse(struct rg_slice packet, struct rg_arena *arena, bool *out_is_end, size_t *out_count,
                               struct session_row *out_row) RG_MUST_CHECK;

/* What is told of each session; false ends the list. */
struct session_teller {
    bool (*tell)(void *context, const struct session_row *row);
    void *context;
};

/* Gives the order to the gateway that runs with this state directory, and waits for its answer, a minute at most;
 * teller.tell is called for each session of a list.
 * Returns: what the gateway says; RG_CONFIG when none runs there; RG_DENIED when this user may not; RG_STORAGE when it
 *          does not answer: the order may have been carried out. *out_count is untouched then. Blocks. */
rg_status session_order_give(struct rg_slice directory, const struct session_order *order, struct session_teller teller,
                             size_t *out_count) RG_MUST_CHECK;

/* Whether a list that asks for tenant and user wants this one. Pure. */
bool session_order_wants(const struct session_order *order, const struct session_row *row);

#endif
