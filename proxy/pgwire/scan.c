/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's view of an upstream's bytes: a header of five bytes, then a body that either streams
 * through or is held until it is whole. Called for each read; never looks inside a body. */
#include "proxy/pgwire/scan.h"

#include "proxy/pgwire/cursor.h"

enum { LENGTH_WORD = 4 };

/* Not here, so refused: V (FunctionCallResponse, we send no FunctionCall), W (CopyBothResponse, only for
 * replication), v (NegotiateProtocolVersion, libpq has dealt with it). */
static const struct pgwire_backend_type types[] = {
    {'D', "DataRow", PGWIRE_FLOW_STREAMED},
    {'d', "CopyData", PGWIRE_FLOW_STREAMED},
    {'1', "ParseComplete", PGWIRE_FLOW_COLLECTED},
    {'2', "BindComplete", PGWIRE_FLOW_COLLECTED},
    {'3', "CloseComplete", PGWIRE_FLOW_COLLECTED},
    {'A', "NotificationResponse", PGWIRE_FLOW_COLLECTED},
    {'C', "CommandComplete", PGWIRE_FLOW_COLLECTED},
    {'E', "ErrorResponse", PGWIRE_FLOW_COLLECTED},
    {'G', "CopyInResponse", PGWIRE_FLOW_COLLECTED},
    {'H', "CopyOutResponse", PGWIRE_FLOW_COLLECTED},
    {'I', "EmptyQueryResponse", PGWIRE_FLOW_COLLECTED},
    {'K', "BackendKeyData", PGWIRE_FLOW_COLLECTED},
    {'N', "NoticeResponse", PGWIRE_FLOW_COLLECTED},
    {'R', "Authentication", PGWIRE_FLOW_COLLECTED},
    {'S', "ParameterStatus", PGWIRE_FLOW_COLLECTED},
    {'T', "RowDescription", PGWIRE_FLOW_COLLECTED},
    {'Z', "ReadyForQuery", PGWIRE_FLOW_COLLECTED},
    {'c', "CopyDone", PGWIRE_FLOW_COLLECTED},
    {'n', "NoData", PGWIRE_FLOW_COLLECTED},
    {'s', "PortalSuspended", PGWIRE_FLOW_COLLECTED},
    {'t', "ParameterDescription", PGWIRE_FLOW_COLLECTED},
};

const struct pgwire_backend_type *pgwire_backend_type_find(char type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].type == type) {
            return &types[i];
        }
    }
    return NULL;
}

void pgwire_scanner_init(struct pgwire_scanner *scanner, size_t limit_bytes)
{
    *scanner = (struct pgwire_scanner){.limit_bytes = limit_bytes};
    rg_buf_init(&scanner->held, limit_bytes);
}

void pgwire_scanner_done(struct pgwire_scanner *scanner)
{
    rg_buf_done(&scanner->held);
    *scanner = (struct pgwire_scanner){0};
}

bool pgwire_scanner_is_between(const struct pgwire_scanner *scanner)
{
    return scanner->header_size == 0 && !scanner->is_broken;
}

static struct rg_slice take(struct rg_slice *chunk, size_t size)
{
    struct rg_slice taken = rg_slice_cut(*chunk, 0, size);
    *chunk = rg_slice_cut(*chunk, size, chunk->size);
    return taken;
}

/* Judges the header, which is whole. */
static rg_status begin_message(struct pgwire_scanner *scanner)
{
    char type = scanner->header[0];
    const struct pgwire_backend_type *row = pgwire_backend_type_find(type);
    if (row == NULL) {
        return rg_fail(RG_UPSTREAM, "upstream: message type 0x%02x", (unsigned char)type);
    }
    uint32_t length = pgwire_u32_at(scanner->header + 1);
    size_t total = (size_t)length + 1;
    size_t limit = scanner->limit_bytes;
    if (row->flow == PGWIRE_FLOW_STREAMED && limit > 0) {
        limit = PGWIRE_STREAM_MAX;
    }
    if (length < LENGTH_WORD || length > INT32_MAX || total > limit) {
        return rg_fail(RG_UPSTREAM, "upstream: %s of length %ld, limit %zu", row->name, (long)(int32_t)length, limit);
    }
    scanner->flow = row->flow;
    scanner->total = total;
    scanner->left = total;
    return RG_OK;
}

static void end_message(struct pgwire_scanner *scanner)
{
    scanner->header_size = 0;
    scanner->total = 0;
    scanner->flow = PGWIRE_FLOW_REFUSED;
}

static struct pgwire_span make_span(const struct pgwire_scanner *scanner, struct rg_slice bytes, bool is_start)
{
    size_t header = is_start ? PGWIRE_HEADER_SIZE : 0;
    return (struct pgwire_span){.type = scanner->header[0],
                                .flow = scanner->flow,
                                .is_start = is_start,
                                .is_end = scanner->left == 0,
                                .total = scanner->total,
                                .bytes = bytes,
                                .body = rg_slice_cut(bytes, header, bytes.size)};
}

/* Completes the header; true when it was split, so that some of it is no longer in the chunk. */
static bool fill_header(struct pgwire_scanner *scanner, struct rg_slice *chunk)
{
    bool is_split = scanner->header_size > 0;
    struct rg_slice part = rg_slice_cut(*chunk, 0, PGWIRE_HEADER_SIZE - scanner->header_size);
    if (part.size > 0) {
        memcpy(scanner->header + scanner->header_size, part.data, part.size);
    }
    scanner->header_size += part.size;
    if (is_split || scanner->header_size < PGWIRE_HEADER_SIZE) {
        *chunk = rg_slice_cut(*chunk, part.size, chunk->size);
    }
    return is_split;
}

/* The start of a streamed message: from the chunk, or the kept header alone when that was split. */
static struct pgwire_span stream_start(struct pgwire_scanner *scanner, struct rg_slice *chunk, bool is_split)
{
    struct rg_slice bytes = is_split ? rg_slice_make(scanner->header, PGWIRE_HEADER_SIZE) : take(chunk, scanner->left);
    scanner->left -= bytes.size;
    return make_span(scanner, bytes, true);
}

static rg_status hold(struct pgwire_scanner *scanner, struct rg_slice bytes)
{
    RG_TRY(rg_buf_put(&scanner->held, bytes));
    scanner->left -= bytes.size;
    return RG_OK;
}

/* Holds what the chunk has of a collected message; a span when that completes it. */
static rg_status collect(struct pgwire_scanner *scanner, struct rg_slice *chunk, struct pgwire_span *out_span,
                         bool *out_has_span)
{
    RG_TRY(hold(scanner, take(chunk, scanner->left)));
    *out_has_span = scanner->left == 0;
    if (scanner->left == 0) {
        *out_span = make_span(scanner, rg_buf_slice(&scanner->held), true);
        scanner->is_lent = true;
        end_message(scanner);
    }
    return RG_OK;
}

static rg_status start(struct pgwire_scanner *scanner, struct rg_slice *chunk, struct pgwire_span *out_span,
                       bool *out_has_span)
{
    bool is_split = fill_header(scanner, chunk);
    if (scanner->header_size < PGWIRE_HEADER_SIZE) {
        *out_has_span = false;
        return RG_OK;
    }
    RG_TRY(begin_message(scanner));
    if (scanner->flow == PGWIRE_FLOW_COLLECTED && (is_split || chunk->size < scanner->total)) {
        if (is_split) {
            RG_TRY(hold(scanner, rg_slice_make(scanner->header, PGWIRE_HEADER_SIZE)));
        }
        return collect(scanner, chunk, out_span, out_has_span);
    }
    *out_span = stream_start(scanner, chunk, is_split);
    *out_has_span = true;
    if (out_span->is_end) {
        end_message(scanner);
    }
    return RG_OK;
}

static rg_status advance(struct pgwire_scanner *scanner, struct rg_slice *chunk, struct pgwire_span *out_span,
                         bool *out_has_span)
{
    if (scanner->header_size < PGWIRE_HEADER_SIZE) {
        return start(scanner, chunk, out_span, out_has_span);
    }
    if (scanner->flow == PGWIRE_FLOW_COLLECTED) {
        return collect(scanner, chunk, out_span, out_has_span);
    }
    struct rg_slice bytes = take(chunk, scanner->left);
    scanner->left -= bytes.size;
    *out_span = make_span(scanner, bytes, false);
    *out_has_span = true;
    if (out_span->is_end) {
        end_message(scanner);
    }
    return RG_OK;
}

rg_status pgwire_scanner_next(struct pgwire_scanner *scanner, struct rg_slice *chunk, struct pgwire_span *out_span,
                              bool *out_has_span)
{
    if (scanner->is_broken) {
        return rg_fail(RG_UPSTREAM, "upstream: the stream is broken already");
    }
    if (scanner->is_lent) {
        rg_buf_clear(&scanner->held);
        scanner->is_lent = false;
    }
    if (chunk->size == 0) {
        *out_has_span = false;
        return RG_OK;
    }
    rg_status status = advance(scanner, chunk, out_span, out_has_span);
    scanner->is_broken = !rg_is_ok(status);
    return status;
}
