/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an order and as an answer of `rowgate session`: what is taken for an order can be sent again. */
#include "proxy/session_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    struct session_order order = {0};
    struct session_order again = {0};
    struct session_row row = {0};
    bool is_end = false;
    size_t count = 0;
    rg_arena_init(&arena, (size_t)1 << 20);
    rg_buf_init(&packet, SESSION_ORDER_MAX);
    if (rg_is_ok(session_order_parse(rg_slice_make(data, size), &arena, &order)) &&
        rg_is_ok(session_order_encode(&order, &packet))) {
        RG_ASSERT(rg_is_ok(session_order_parse(rg_buf_slice(&packet), &arena, &again)));
        RG_ASSERT(again.kind == order.kind && rg_slice_is_equal(again.id, order.id) &&
                  rg_slice_is_equal(again.subject, order.subject) && rg_slice_is_equal(again.tenant, order.tenant));
    }
    (void)!rg_is_ok(session_answer_parse(rg_slice_make(data, size), &arena, &is_end, &count, &row));
    return 0;
}
