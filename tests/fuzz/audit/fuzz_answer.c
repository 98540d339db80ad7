/* SPDX-License-Identifier: Apache-2.0 */
/* The client's view of what comes back on a channel. What is accepted must be written the same again. */
#include "audit/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice cursor = rg_slice_make(data, size);
    bool is_whole = true;
    while (is_whole) {
        struct rg_slice before = cursor;
        struct audit_answer answer = {0};
        if (!rg_is_ok(audit_answer_get(&cursor, &answer, &is_whole))) {
            RG_ASSERT(cursor.data == before.data && answer.type == AUDIT_ANSWER_NONE);
            break;
        }
        if (is_whole) {
            RG_AUTO(rg_buf_done) struct rg_buf again;
            rg_buf_init(&again, 1024);
            rg_status status = audit_answer_encode(&answer, &again);
            RG_ASSERT(rg_is_ok(status));
            RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&again), rg_slice_cut(before, 0, before.size - cursor.size)));
        } else {
            RG_ASSERT(cursor.size < AUDIT_ANSWER_HEAD + AUDIT_REASON_MAX);
        }
    }
    return 0;
}
