/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the query of a callback. A value that was found survives being written and read again. */
#include "auth/form.h"
#include "auth/oidc_login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice query = rg_slice_make(data, size);
    struct auth_oidc_callback callback = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_arena_init(&arena, (size_t)4 << 20);
    rg_buf_init(&text, (size_t)4 << 20);
    if (!rg_is_ok(auth_oidc_callback_parse(query, &arena, &callback))) {
        return 0;
    }
    struct rg_slice again = {0};
    RG_ASSERT(callback.state.size > 0 && memchr(callback.state.data, '\0', callback.state.size) == NULL);
    RG_ASSERT(rg_is_ok(auth_form_put(&text, RG_SLICE("code"), callback.code)));
    RG_ASSERT(rg_is_ok(auth_form_put(&text, RG_SLICE("state"), callback.state)));
    if (rg_is_ok(auth_form_find(rg_buf_slice(&text), RG_SLICE("state"), &arena, &again))) {
        RG_ASSERT(rg_slice_is_equal(again, callback.state));
    }
    return 0;
}
