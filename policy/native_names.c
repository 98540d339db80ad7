/* SPDX-License-Identifier: Apache-2.0 */
/* Names and encodings that the prelude and the exported policies must agree on. */
#include "policy/native_private.h"

#include "base/rg_buf.h"

enum { NAME_MAX_BYTES = 63, TEXT_MAX_BYTES = 16 << 20 };

static bool is_plain(struct rg_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return true;
}

rg_status native_claim_setting(struct rg_slice claim, struct rg_arena *arena, struct rg_slice *out_name)
{
    if (is_plain(claim)) {
        return rg_arena_printf(arena, out_name, "rowgate.claim_%.*s", RG_SLICE_ARGS(claim));
    }
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, TEXT_MAX_BYTES);
    RG_TRY(rg_buf_put(&buf, RG_SLICE("rowgate.claimx_")));
    for (size_t i = 0; i < claim.size; i++) {
        RG_TRY(rg_buf_printf(&buf, "%02x", (unsigned)(unsigned char)claim.data[i]));
    }
    return rg_arena_copy(arena, rg_buf_slice(&buf), out_name);
}

static rg_status put_element(struct rg_buf *buf, struct rg_slice element)
{
    RG_TRY(rg_buf_put_u8(buf, '"'));
    for (size_t i = 0; i < element.size; i++) {
        if (element.data[i] == '"' || element.data[i] == '\\') {
            RG_TRY(rg_buf_put_u8(buf, '\\'));
        }
        RG_TRY(rg_buf_put_u8(buf, (uint8_t)element.data[i]));
    }
    return rg_buf_put_u8(buf, '"');
}

rg_status native_array_text(const struct rg_slice *elements, size_t count, struct rg_arena *arena,
                            struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, TEXT_MAX_BYTES);
    RG_TRY(rg_buf_put_u8(&buf, '{'));
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            RG_TRY(rg_buf_put_u8(&buf, ','));
        }
        RG_TRY(put_element(&buf, elements[i]));
    }
    RG_TRY(rg_buf_put_u8(&buf, '}'));
    return rg_arena_copy(arena, rg_buf_slice(&buf), out_text);
}

rg_status native_role(struct rg_slice tenant, struct rg_arena *arena, struct rg_slice *out_role)
{
    if (tenant.size == 0 || tenant.size > NAME_MAX_BYTES - (sizeof NATIVE_ROLE_PREFIX - 1)) {
        return rg_fail(RG_DENIED, "identity \"set_role\": the tenant's id does not fit the name of a role");
    }
    return rg_arena_printf(arena, out_role, NATIVE_ROLE_PREFIX "%.*s", RG_SLICE_ARGS(tenant));
}

int native_order(struct rg_slice left, struct rg_slice right)
{
    size_t shared = left.size < right.size ? left.size : right.size;
    int order = shared == 0 ? 0 : memcmp(left.data, right.data, shared);
    return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}
