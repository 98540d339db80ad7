/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_ORDER_H
#define RG_AUDIT_KEEP_ORDER_H

#include "base/rg_arena.h"
#include "base/rg_buf.h"

/* What an operator orders of a log: holds, erasure, prunes, "an export was made". Each order becomes a record that
 * names the operator, and is answered once that is durable. A running auditor takes orders from
 * <directory>/orders.sock, one JSON packet a connection, from its own user and from root; without one the command opens
 * the log itself and does the same (docs/retention.md). */

enum audit_order_kind {
    AUDIT_ORDER_NONE = 0, /* refused */
    AUDIT_ORDER_HOLD_PLACE,
    AUDIT_ORDER_HOLD_RELEASE,
    AUDIT_ORDER_ERASE,
    AUDIT_ORDER_PRUNE,
    AUDIT_ORDER_EXPORTED,
    AUDIT_ORDER_COUNT
};

enum {
    AUDIT_ORDER_MAX = 32 * 1024, /* bytes of a packet */
    AUDIT_ORDER_NAME_MAX = 512,  /* bytes of a name, escaped as JSON in ASCII: it stands whole in the record */
    AUDIT_ORDER_REASON_MAX = 4000,
};

/* Which fields an order has is in the table of order_json.c; the others must be empty. Texts are UTF-8 without NUL. */
struct audit_order {
    enum audit_order_kind kind;
    struct rg_slice object;  /* hold.release: the hold's id; erase: the pseudonym in hexadecimal; exported: what */
    struct rg_slice tenant;  /* whom it concerns; empty = everybody */
    struct rg_slice subject; /* same */
    struct rg_slice reason;  /* required of holds and erasure */
    int64_t from_us;         /* microseconds since 1970 UTC; 0 = from the beginning */
    int64_t until_us;        /* 0 = without end */
    uint64_t first_seq;      /* exported: the records that were exported */
    uint64_t last_seq;
    uint64_t count;            /* erase: the keys that were destroyed */
    bool is_dry_run;           /* prune: tell what would go */
    struct rg_slice retention; /* prune, when no auditor runs: what it would be configured with; never sent */
};

/* What a done order left. Texts are in the caller's arena. */
struct audit_order_reply {
    uint64_t seq;         /* of the order's record; of a prune the last one's; 0 = it wrote none */
    struct rg_slice id;   /* hold.place: the new hold's */
    uint64_t first_seq;   /* prune: the records that went, or would go */
    uint64_t last_seq;    /* same */
    uint64_t count;       /* prune: segments */
    struct rg_slice text; /* prune: why it ended there */
};

/* Gives the order and waits until it is done and durable: a prune as long as its segments take to read, any other order
 * 30 seconds at most.
 * Returns: RG_DENIED when this user may not, or a hold stands against it; RG_LIMIT for texts too long, or when the disk
 * is full; RG_CONFIG when there is no such hold, log or policy; RG_STORAGE; RG_PROTOCOL for an order without what it
 * needs. Outputs are untouched then.
 * Threads: any. Directory and order are borrowed for the call. */
rg_status audit_order(struct rg_slice directory, const struct audit_order *order, struct rg_arena *arena,
                      struct audit_order_reply *out_reply) RG_MUST_CHECK;

/* ---- the packets: order_json.c ---- */

/* RG_PROTOCOL, RG_LIMIT as above; the checks of a received order too. */
rg_status audit_order_check(const struct audit_order *order) RG_MUST_CHECK;
rg_status audit_order_encode(const struct audit_order *order, struct rg_buf *out) RG_MUST_CHECK;
/* Strict: one object, known keys, each once, of the kind's own; texts are copied into the arena. RG_PROTOCOL, RG_LIMIT;
 * output untouched then. */
rg_status audit_order_parse(struct rg_slice packet, struct rg_arena *arena,
                            struct audit_order *out_order) RG_MUST_CHECK;
/* An answer: what was done, or the failure of `status`. */
rg_status audit_order_reply_encode(rg_status status, const struct audit_order_reply *reply,
                                   struct rg_buf *out) RG_MUST_CHECK;
/* Ok, or the failure that the answer tells; RG_PROTOCOL for anything else. */
rg_status audit_order_reply_parse(struct rg_slice packet, struct rg_arena *arena,
                                  struct audit_order_reply *out_reply) RG_MUST_CHECK;

#endif
