/* SPDX-License-Identifier: Apache-2.0 */
/* Framing of the client's bytes. The table says what may arrive when and how long it may be; the code
 * below it only compares. Called by the session for each read, before anything is decoded. */
#include "proxy/pgwire/frame.h"

#include "proxy/pgwire/cursor.h"

enum { HEADER = 5, LENGTH_WORD = 4, KIB = 1024, MIB = 1024 * KIB };

#define IN_AUTH (1U << PGWIRE_PHASE_AUTH)
#define IN_STRAY (1U << PGWIRE_PHASE_AFTER_COPY)
#define IN_READY (1U << PGWIRE_PHASE_READY | IN_STRAY)
#define IN_COPY (1U << PGWIRE_PHASE_COPY_IN)

/* PQ_LARGE_MESSAGE_LIMIT (MaxAllocSize - 1), which PostgreSQL holds CopyData to, length word included. It is passed on
 * in pieces, so its size costs nothing. */
enum { COPY_DATA_MAX = 0x3fffffff - 1 - LENGTH_WORD };

/* Names are at most 1024 bytes (frontend.h); a password may be a token of some KiB. */
static const struct pgwire_frontend_type types[] = {
    {'Q', "Query", IN_READY, 64 * MIB, true},
    {'P', "Parse", IN_READY, 64 * MIB, true},
    {'B', "Bind", IN_READY, 256 * MIB, true},
    {'D', "Describe", IN_READY, 4 * KIB, false},
    {'E', "Execute", IN_READY, 4 * KIB, false},
    {'C', "Close", IN_READY, 4 * KIB, false},
    {'S', "Sync", IN_READY | IN_COPY, 0, false},
    {'H', "Flush", IN_READY | IN_COPY, 0, false},
    {'X', "Terminate", IN_READY | IN_COPY, 0, false},
    {'p', "PasswordMessage", IN_AUTH, 64 * KIB, false},
    {'d', "CopyData", IN_COPY | IN_STRAY, COPY_DATA_MAX, false},
    {'c', "CopyDone", IN_COPY | IN_STRAY, 0, false},
    {'f', "CopyFail", IN_COPY | IN_STRAY, 8 * KIB, false},
};

const struct pgwire_frontend_type *pgwire_frontend_type_find(char type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].type == type) {
            return &types[i];
        }
    }
    return NULL;
}

static rg_status check_type(char type, enum pgwire_phase phase, const struct pgwire_frontend_type **out_row)
{
    const struct pgwire_frontend_type *row = pgwire_frontend_type_find(type);
    if (row == NULL) {
        return rg_fail(RG_PROTOCOL, "message type 0x%02x is not accepted", (unsigned char)type);
    }
    if ((row->phases >> (unsigned)phase & 1U) == 0) {
        return rg_fail(RG_PROTOCOL, "%s is not permitted now", row->name);
    }
    *out_row = row;
    return RG_OK;
}

static rg_status check_length(uint32_t length, const struct pgwire_frontend_type *row,
                              const struct pgwire_limits *limits)
{
    if (length < LENGTH_WORD || length > INT32_MAX) {
        return rg_fail(RG_PROTOCOL, "%s: length %ld", row->name, (long)(int32_t)length);
    }
    if (length - LENGTH_WORD > row->limit_body) {
        return rg_fail(RG_LIMIT, "%s: %lu bytes, limit %zu", row->name, (unsigned long)length - LENGTH_WORD,
                       row->limit_body);
    }
    if (row->is_bulk && (size_t)length + 1 > limits->message_bytes) {
        return rg_fail(RG_LIMIT, "%s: message of %zu bytes, limit %zu", row->name, (size_t)length + 1,
                       limits->message_bytes);
    }
    return RG_OK;
}

rg_status pgwire_header_peek(struct rg_slice input, const struct pgwire_limits *limits,
                             struct pgwire_header *out_header, bool *out_complete)
{
    const struct pgwire_frontend_type *row = NULL;
    if (input.size > 0) {
        RG_TRY(check_type(input.data[0], limits->phase, &row));
    }
    if (input.size < HEADER) {
        *out_complete = false;
        return RG_OK;
    }
    uint32_t length = pgwire_u32_at(input.data + 1);
    RG_TRY(check_length(length, row, limits));
    *out_header = (struct pgwire_header){row->type, length - LENGTH_WORD};
    *out_complete = true;
    return RG_OK;
}

rg_status pgwire_frame_peek(struct rg_slice input, const struct pgwire_limits *limits, struct pgwire_frame *out_frame,
                            bool *out_complete)
{
    struct pgwire_header header;
    bool has_header = false;
    RG_TRY(pgwire_header_peek(input, limits, &header, &has_header));
    size_t size = has_header ? HEADER + header.body_size : 0;
    *out_complete = has_header && input.size >= size;
    if (*out_complete) {
        *out_frame = (struct pgwire_frame){header.type, rg_slice_cut(input, HEADER, header.body_size), size};
    }
    return RG_OK;
}

rg_status pgwire_startup_peek(struct rg_slice input, struct pgwire_frame *out_frame, bool *out_complete)
{
    if (input.size < LENGTH_WORD) {
        *out_complete = false;
        return RG_OK;
    }
    uint32_t length = pgwire_u32_at(input.data);
    if (length < PGWIRE_STARTUP_MIN || length > PGWIRE_STARTUP_MAX) {
        return rg_fail(RG_PROTOCOL, "start-up packet: length %ld", (long)(int32_t)length);
    }
    *out_complete = input.size >= length;
    if (input.size >= length) {
        *out_frame = (struct pgwire_frame){0, rg_slice_cut(input, LENGTH_WORD, length - LENGTH_WORD), length};
    }
    return RG_OK;
}
