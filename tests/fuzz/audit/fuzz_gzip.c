/* SPDX-License-Identifier: Apache-2.0 */
/* gzip from a bucket: never more bytes than allowed, in whatever pieces it comes; and what we pack comes back. */
#include "audit/export/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1024 * 1024 };

static rg_status take(void *context, struct rg_slice bytes)
{
    return rg_buf_put(context, bytes);
}

static bool unpack(struct rg_slice bytes, size_t piece, struct rg_buf *out)
{
    const struct gzip_target target = {take, out};
    struct gzip_unpacker *unpacker = gzip_unpacker_new(LIMIT, &target);
    rg_status status = RG_OK;
    for (size_t at = 0; at < bytes.size && rg_is_ok(status); at += piece) {
        status = gzip_unpack(unpacker, rg_slice_cut(bytes, at, piece));
    }
    bool is_good = rg_is_ok(status) && rg_is_ok(gzip_unpack_end(unpacker));
    gzip_unpacker_free(&unpacker);
    return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size);
    RG_AUTO(rg_buf_done) struct rg_buf whole;
    RG_AUTO(rg_buf_done) struct rg_buf pieces;
    RG_AUTO(rg_buf_done) struct rg_buf packed;
    rg_buf_init(&whole, LIMIT);
    rg_buf_init(&pieces, LIMIT);
    rg_buf_init(&packed, 2 * LIMIT);
    bool is_good = unpack(bytes, size + 1, &whole);
    RG_ASSERT(unpack(bytes, 7, &pieces) == is_good);
    RG_ASSERT(!is_good || rg_slice_is_equal(rg_buf_slice(&whole), rg_buf_slice(&pieces)));
    struct gzip_packer *packer = gzip_packer_new();
    RG_ASSERT(rg_is_ok(gzip_pack(packer, rg_slice_cut(bytes, 0, size / 2), false, &packed)));
    RG_ASSERT(rg_is_ok(gzip_pack(packer, rg_slice_cut(bytes, size / 2, SIZE_MAX), true, &packed)));
    gzip_packer_free(&packer);
    rg_buf_clear(&whole);
    RG_ASSERT(size > LIMIT || unpack(rg_buf_slice(&packed), 4096, &whole));
    RG_ASSERT(size > LIMIT || rg_slice_is_equal(rg_buf_slice(&whole), bytes));
    return 0;
}
