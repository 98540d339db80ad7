/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Cookie header: what is found has our form, and what goes on to the upstream has none of ours. */
#include "auth/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rg_slice name = RG_SLICE("__Host-rowgate");
    struct rg_slice header = rg_slice_make(data, size);
    struct rg_slice value = {0};
    struct rg_digest hash;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(rg_buf_done) struct rg_buf again;
    rg_buf_init(&out, (size_t)4 * AUTH_COOKIE_HEADER_MAX);
    rg_buf_init(&again, (size_t)4 * AUTH_COOKIE_HEADER_MAX);
    if (rg_is_ok(auth_cookie_find(header, name, &value)) && value.size > 0) {
        RG_ASSERT(value.size == AUTH_COOKIE_VALUE);
        (void)!rg_is_ok(auth_cookie_hash(value, &hash));
    }
    if (rg_is_ok(auth_cookie_remove(header, &name, 1, &out)) && rg_buf_size(&out) <= AUTH_COOKIE_HEADER_MAX) {
        value = RG_SLICE("x");
        RG_ASSERT(rg_is_ok(auth_cookie_find(rg_buf_slice(&out), name, &value)) && value.size == 0);
        RG_ASSERT(rg_is_ok(auth_cookie_remove(rg_buf_slice(&out), &name, 1, &again)));
        RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&out), rg_buf_slice(&again)));
    }
    return 0;
}
