/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the control sockets: what is accepted must be written the same again. */
#include "audit/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice packet = rg_slice_make(data, size);
    struct audit_control message = {0};
    if (!rg_is_ok(audit_control_parse(packet, &message))) {
        RG_ASSERT(message.type == AUDIT_CONTROL_NONE);
        return 0;
    }
    RG_ASSERT(message.fd == -1);
    RG_AUTO(rg_buf_done) struct rg_buf again;
    rg_buf_init(&again, AUDIT_CONTROL_MAX);
    rg_status status = audit_control_encode(&message, &again);
    RG_ASSERT(rg_is_ok(status));
    RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&again), packet));
    return 0;
}
