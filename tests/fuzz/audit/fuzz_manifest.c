/* SPDX-License-Identifier: Apache-2.0 */
/* Input = a manifest. What is accepted must be what is written for the same values. */
#include "audit/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_manifest manifest = {0};
    struct rg_slice bytes = rg_slice_make(data, size);
    RG_AUTO(rg_buf_done) struct rg_buf again;
    rg_buf_init(&again, AUDIT_MANIFEST_MAX);
    if (rg_is_ok(audit_manifest_parse(bytes, &manifest))) {
        RG_ASSERT(rg_is_ok(audit_manifest_encode(&manifest, &again)));
        RG_ASSERT(rg_slice_is_equal(bytes, rg_buf_slice(&again)));
    }
    return 0;
}
