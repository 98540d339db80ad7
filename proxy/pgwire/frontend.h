/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_FRONTEND_H
#define RG_PROXY_PGWIRE_FRONTEND_H

#include "base/rg_buf.h"
#include "proxy/pgwire/cursor.h"

/* The messages a client sends, both ways: parsed from a client's frame body, encoded for an upstream.
 *
 * _parse:  a pure function of one frame body.
 * Returns: ok; RG_PROTOCOL when the body is not exactly one such message (fatal); RG_LIMIT for a name over
 *          PGWIRE_NAME_MAX_BYTES and RG_DENIED for a name or statement that is not UTF-8 (the frame was
 *          whole, the connection may go on). Outputs untouched on failure.
 * Owns:    all slices point into the body.
 *
 * _encode: appends one whole message, or nothing when it fails.
 * Returns: ok; RG_LIMIT when buf is full; RG_PROTOCOL for text with a NUL inside, which would smuggle.
 * Threads: any. */

enum { PGWIRE_NAME_MAX_BYTES = 1024 };

/* A parameter or column value; SQL NULL differs from the empty text. */
struct pgwire_value {
    bool is_null;
    struct rg_slice bytes;
};

/* Parse ('P'). Replace statement and text and encode: the parameter types stay. */
struct pgwire_prepare {
    struct rg_slice statement; /* empty = unnamed */
    struct rg_slice text;
    uint16_t type_count;
    struct rg_slice types; /* type_count big-endian oids, see pgwire_prepare_type */
};
rg_status pgwire_prepare_parse(struct rg_slice body, struct pgwire_prepare *out_prepare) RG_MUST_CHECK;
rg_status pgwire_prepare_encode(const struct pgwire_prepare *prepare, struct rg_buf *buf) RG_MUST_CHECK;
/* The oid of parameter $(index + 1); 0 = left open, also past type_count. */
uint32_t pgwire_prepare_type(const struct pgwire_prepare *prepare, size_t index);

/* Bind ('B'). Replace portal and statement and encode: formats and values are copied as they came. */
struct pgwire_bind {
    struct rg_slice portal;
    struct rg_slice statement;
    uint16_t format_count; /* 0 = all text, 1 = one for all, else value_count */
    uint16_t value_count;
    uint16_t result_format_count;
    struct rg_slice values; /* for pgwire_bind_values */
    struct rg_slice tail;   /* everything behind the names, checked */
};
rg_status pgwire_bind_parse(struct rg_slice body, struct pgwire_bind *out_bind) RG_MUST_CHECK;
rg_status pgwire_bind_encode(const struct pgwire_bind *bind, struct rg_buf *buf) RG_MUST_CHECK;
/* A cursor for pgwire_value_get, which is called value_count times. */
struct pgwire_cursor pgwire_bind_values(const struct pgwire_bind *bind);
rg_status pgwire_value_get(struct pgwire_cursor *cursor, struct pgwire_value *out_value) RG_MUST_CHECK;
/* 0 text, 1 binary: the format of value index. */
uint16_t pgwire_bind_format(const struct pgwire_bind *bind, size_t index);

/* Describe ('D') and Close ('C'): a statement or a portal by name. */
enum pgwire_target_kind { PGWIRE_TARGET_NONE = 0, PGWIRE_TARGET_STATEMENT = 'S', PGWIRE_TARGET_PORTAL = 'P' };
struct pgwire_target {
    enum pgwire_target_kind kind;
    struct rg_slice name;
};
rg_status pgwire_describe_parse(struct rg_slice body, struct pgwire_target *out_target) RG_MUST_CHECK;
rg_status pgwire_close_parse(struct rg_slice body, struct pgwire_target *out_target) RG_MUST_CHECK;
rg_status pgwire_describe_encode(const struct pgwire_target *target, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_close_encode(const struct pgwire_target *target, struct rg_buf *buf) RG_MUST_CHECK;

/* Execute ('E'). max_rows 0 or below = all rows, as the server reads it. */
struct pgwire_execute {
    struct rg_slice portal;
    int32_t max_rows;
};
rg_status pgwire_execute_parse(struct rg_slice body, struct pgwire_execute *out_execute) RG_MUST_CHECK;
rg_status pgwire_execute_encode(const struct pgwire_execute *execute, struct rg_buf *buf) RG_MUST_CHECK;

/* Query ('Q'): the text, one NUL, the end. */
rg_status pgwire_query_parse(struct rg_slice body, struct rg_slice *out_text) RG_MUST_CHECK;
rg_status pgwire_query_encode(struct rg_slice text, struct rg_buf *buf) RG_MUST_CHECK;

/* Sync ('S'), Flush ('H'), Terminate ('X'), CopyDone ('c') have no body; message names it in the error. */
rg_status pgwire_empty_parse(struct rg_slice body, const char *message) RG_MUST_CHECK;
rg_status pgwire_sync_encode(struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_flush_encode(struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_terminate_encode(struct rg_buf *buf) RG_MUST_CHECK;

/* CopyData ('d'): any piece of the data; the server does not look at where one message ends. */
rg_status pgwire_copy_data_encode(struct rg_slice data, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_copy_done_encode(struct rg_buf *buf) RG_MUST_CHECK;
/* CopyFail ('f'): the client's, with its reason; or rowgate's own end of a copy. */
rg_status pgwire_copy_fail_parse(struct rg_slice body, struct rg_slice *out_reason) RG_MUST_CHECK;
rg_status pgwire_copy_fail_encode(struct rg_slice reason, struct rg_buf *buf) RG_MUST_CHECK;

/* The three meanings of 'p'; which one is due depends on what the server asked last. The slices are
 * secrets inside the input buffer: the caller wipes that. */
rg_status pgwire_password_parse(struct rg_slice body, struct rg_slice *out_password) RG_MUST_CHECK;
rg_status pgwire_password_encode(struct rg_slice password, struct rg_buf *buf) RG_MUST_CHECK;
struct pgwire_sasl_start { /* SASLInitialResponse */
    struct rg_slice mechanism;
    struct pgwire_value response; /* is_null: none was sent (length -1) */
};
rg_status pgwire_sasl_start_parse(struct rg_slice body, struct pgwire_sasl_start *out_start) RG_MUST_CHECK;
rg_status pgwire_sasl_start_encode(const struct pgwire_sasl_start *start, struct rg_buf *buf) RG_MUST_CHECK;
/* SASLResponse: the body is the response, so there is nothing to parse but an empty one. */
rg_status pgwire_sasl_response_parse(struct rg_slice body, struct rg_slice *out_response) RG_MUST_CHECK;

/* CancelRequest, sent alone on a connection of its own (16 bytes, no type). */
rg_status pgwire_cancel_encode(uint32_t pid, uint32_t secret, struct rg_buf *buf) RG_MUST_CHECK;

#endif
