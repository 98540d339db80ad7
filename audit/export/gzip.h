/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_GZIP_H
#define RG_AUDIT_EXPORT_GZIP_H

#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* gzip (RFC 1952) by zlib, in pieces and bounded. The same bytes give the same gzip with the same zlib: no time, no
 * name in it. Threads: one at a time. */

struct gzip_packer;
struct gzip_packer *gzip_packer_new(void);
struct gzip_packer *gzip_packer_new_fast(void);     /* three times as fast, and a fifth larger */
void gzip_packer_free(struct gzip_packer **packer); /* nulls, accepts NULL */
/* Packs bytes behind what came before, into out; is_end: there is no more. RG_LIMIT when out is full. */
rg_status gzip_pack(struct gzip_packer *packer, struct rg_slice bytes, bool is_end, struct rg_buf *out) RG_MUST_CHECK;

/* Takes packed bytes and hands unpacked ones on: at most limit_bytes of them. */
struct gzip_target {
    rg_status (*put)(void *context, struct rg_slice bytes);
    void *context;
};
struct gzip_unpacker;
struct gzip_unpacker *gzip_unpacker_new(uint64_t limit_bytes, const struct gzip_target *target);
void gzip_unpacker_free(struct gzip_unpacker **unpacker);
/* RG_PROTOCOL for what is no gzip, or goes on behind its end; RG_LIMIT; the target's failures. */
rg_status gzip_unpack(struct gzip_unpacker *unpacker, struct rg_slice bytes) RG_MUST_CHECK;
/* RG_PROTOCOL when it has not come to its end. */
rg_status gzip_unpack_end(const struct gzip_unpacker *unpacker) RG_MUST_CHECK;

#endif
