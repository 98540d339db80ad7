/* SPDX-License-Identifier: Apache-2.0 */
/* zlib's gzip, bounded on the way in and on the way out. */
#include "audit/export/gzip.h"

#include <inttypes.h>
#include <limits.h>
#include <zlib.h>

#include "base/rg_memory.h"

enum { GZIP_WINDOW = 15 + 16 /* zlib.h: 16 more means gzip */, PIECE = 64 * 1024 };

struct gzip_packer {
    z_stream stream;
};

static struct gzip_packer *packer_new(int level)
{
    struct gzip_packer *packer = rg_memory_alloc(sizeof *packer);
    RG_ASSERT(deflateInit2(&packer->stream, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    return packer;
}

struct gzip_packer *gzip_packer_new(void)
{
    return packer_new(Z_DEFAULT_COMPRESSION);
}

struct gzip_packer *gzip_packer_new_fast(void)
{
    return packer_new(Z_BEST_SPEED);
}

void gzip_packer_free(struct gzip_packer **packer)
{
    if (*packer != NULL) {
        (void)deflateEnd(&(*packer)->stream);
        rg_memory_free(*packer);
        *packer = NULL;
    }
}

/* zlib's next_in is not const; it is only read. */
static Bytef *input_of(struct rg_slice bytes)
{
    union {
        const char *given;
        Bytef *taken;
    } pointer = {.given = bytes.data};
    return pointer.taken;
}

rg_status gzip_pack(struct gzip_packer *packer, struct rg_slice bytes, bool is_end, struct rg_buf *out)
{
    z_stream *stream = &packer->stream;
    RG_ASSERT(bytes.size <= UINT_MAX);
    stream->next_in = input_of(bytes);
    stream->avail_in = (uInt)bytes.size;
    for (;;) {
        char *room = NULL;
        RG_TRY(rg_buf_reserve(out, PIECE, &room));
        stream->next_out = (Bytef *)room;
        stream->avail_out = PIECE;
        int result = deflate(stream, is_end ? Z_FINISH : Z_NO_FLUSH);
        rg_buf_commit(out, PIECE - stream->avail_out);
        if (result == Z_STREAM_END || (!is_end && stream->avail_in == 0 && stream->avail_out > 0)) {
            return RG_OK;
        }
        RG_ASSERT(result == Z_OK || result == Z_BUF_ERROR);
    }
}

struct gzip_unpacker {
    z_stream stream;
    struct gzip_target target;
    uint64_t left; /* bytes that may still come out */
    bool is_ended;
    unsigned char piece[PIECE];
};

struct gzip_unpacker *gzip_unpacker_new(uint64_t limit_bytes, const struct gzip_target *target)
{
    struct gzip_unpacker *unpacker = rg_memory_alloc(sizeof *unpacker);
    unpacker->target = *target;
    unpacker->left = limit_bytes;
    RG_ASSERT(inflateInit2(&unpacker->stream, GZIP_WINDOW) == Z_OK);
    return unpacker;
}

void gzip_unpacker_free(struct gzip_unpacker **unpacker)
{
    if (*unpacker != NULL) {
        (void)inflateEnd(&(*unpacker)->stream);
        rg_memory_free(*unpacker);
        *unpacker = NULL;
    }
}

static rg_status step(struct gzip_unpacker *unpacker)
{
    z_stream *stream = &unpacker->stream;
    stream->next_out = unpacker->piece;
    stream->avail_out = PIECE;
    int result = inflate(stream, Z_NO_FLUSH);
    size_t made = PIECE - stream->avail_out;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return rg_fail(RG_PROTOCOL, "it is no gzip: %.60s", stream->msg == NULL ? "zlib says no more" : stream->msg);
    }
    if (made > unpacker->left) {
        return rg_fail(RG_LIMIT, "more bytes come out of the gzip than there should be");
    }
    unpacker->left -= made;
    unpacker->is_ended = result == Z_STREAM_END;
    return made == 0 ? RG_OK : unpacker->target.put(unpacker->target.context, rg_slice_make(unpacker->piece, made));
}

rg_status gzip_unpack(struct gzip_unpacker *unpacker, struct rg_slice bytes)
{
    z_stream *stream = &unpacker->stream;
    RG_ASSERT(bytes.size <= UINT_MAX);
    stream->next_in = input_of(bytes);
    stream->avail_in = (uInt)bytes.size;
    do {
        if (unpacker->is_ended && stream->avail_in > 0) {
            return rg_fail(RG_PROTOCOL, "%u bytes stand behind the gzip's end", (unsigned)stream->avail_in);
        }
        if (unpacker->is_ended) {
            return RG_OK;
        }
        RG_TRY(step(unpacker));
    } while (stream->avail_in > 0 || (stream->avail_out == 0 && !unpacker->is_ended));
    return RG_OK;
}

rg_status gzip_unpack_end(const struct gzip_unpacker *unpacker)
{
    return unpacker->is_ended ? RG_OK : rg_fail(RG_PROTOCOL, "the gzip is cut short");
}
