/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of orders.sock, both ways: an order that is accepted must be written the same again when read again. */
#include "audit/keep/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_order(struct rg_slice packet)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf first;
    RG_AUTO(rg_buf_done) struct rg_buf second;
    struct audit_order order = {0};
    struct audit_order again = {0};
    rg_arena_init(&arena, 1 << 20);
    rg_buf_init(&first, 2 * AUDIT_ORDER_MAX);
    rg_buf_init(&second, 2 * AUDIT_ORDER_MAX);
    if (!rg_is_ok(audit_order_parse(packet, &arena, &order))) {
        RG_ASSERT(order.kind == AUDIT_ORDER_NONE);
        return;
    }
    rg_status status = audit_order_encode(&order, &first);
    RG_ASSERT(rg_is_ok(status) && rg_buf_size(&first) <= AUDIT_ORDER_MAX);
    status = audit_order_parse(rg_buf_slice(&first), &arena, &again);
    RG_ASSERT(rg_is_ok(status));
    status = audit_order_encode(&again, &second);
    RG_ASSERT(rg_is_ok(status));
    RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&first), rg_buf_slice(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_order_reply reply = {.seq = 77};
    struct rg_slice packet = rg_slice_make(data, size);
    rg_arena_init(&arena, 1 << 20);
    check_order(packet);
    if (!rg_is_ok(audit_order_reply_parse(packet, &arena, &reply))) {
        RG_ASSERT(reply.seq == 77);
    }
    return 0;
}
