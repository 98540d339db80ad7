/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_BACKEND_H
#define RG_PROXY_PGWIRE_BACKEND_H

#include "base/rg_buf.h"
#include "proxy/pgwire/error.h"
#include "proxy/pgwire/frontend.h"

/* The messages a server sends: encoded for the client, parsed from an upstream. Errors are in error.h.
 *
 * _encode: appends one whole message, or nothing when it fails.
 * Returns: ok; RG_LIMIT when buf is full; RG_PROTOCOL for text with a NUL inside, which would smuggle.
 * _parse:  a pure function of one frame body.
 * Returns: ok; RG_UPSTREAM when the body is not exactly one such message. Output untouched on failure.
 * Owns:    slices point into the body. Threads: any. */

/* Authentication ('R'). */
rg_status pgwire_auth_ok_encode(struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_auth_cleartext_encode(struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_auth_sasl_encode(const struct rg_slice *mechanisms, size_t count, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_auth_sasl_continue_encode(struct rg_slice data, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_auth_sasl_final_encode(struct rg_slice data, struct rg_buf *buf) RG_MUST_CHECK;

/* NegotiateProtocolVersion ('v'): the newest minor version spoken, and the options not understood. */
rg_status pgwire_negotiate_encode(uint32_t minor, const struct rg_slice *extensions, size_t count,
                                  struct rg_buf *buf) RG_MUST_CHECK;

/* ParameterStatus ('S'). */
struct pgwire_parameter {
    struct rg_slice name;
    struct rg_slice value;
};
rg_status pgwire_parameter_encode(const struct pgwire_parameter *parameter, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_parameter_parse(struct rg_slice body, struct pgwire_parameter *out_parameter) RG_MUST_CHECK;

/* BackendKeyData ('K'). */
struct pgwire_key {
    uint32_t pid;
    uint32_t secret;
};
rg_status pgwire_key_encode(struct pgwire_key key, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_key_parse(struct rg_slice body, struct pgwire_key *out_key) RG_MUST_CHECK;

/* ReadyForQuery ('Z'). */
enum pgwire_transaction {
    PGWIRE_TRANSACTION_NONE = 0, /* not a wire value: encoding it is RG_INTERNAL */
    PGWIRE_TRANSACTION_IDLE = 'I',
    PGWIRE_TRANSACTION_OPEN = 'T',
    PGWIRE_TRANSACTION_FAILED = 'E',
};
rg_status pgwire_ready_encode(enum pgwire_transaction state, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_ready_parse(struct rg_slice body, enum pgwire_transaction *out_state) RG_MUST_CHECK;

/* CommandComplete ('C'). "SELECT 5", "INSERT 0 3", "COPY 7": the last word is the row count. */
struct pgwire_tag {
    struct rg_slice text;    /* "INSERT 0 3" */
    struct rg_slice command; /* "INSERT", "CREATE TABLE": the text without its numbers */
    bool has_rows;
    uint64_t rows;
};
rg_status pgwire_tag_encode(struct rg_slice text, struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_tag_parse(struct rg_slice body, struct pgwire_tag *out_tag) RG_MUST_CHECK;

/* Messages without a body. */
rg_status pgwire_parse_complete_encode(struct rg_buf *buf) RG_MUST_CHECK;   /* '1' */
rg_status pgwire_bind_complete_encode(struct rg_buf *buf) RG_MUST_CHECK;    /* '2' */
rg_status pgwire_close_complete_encode(struct rg_buf *buf) RG_MUST_CHECK;   /* '3' */
rg_status pgwire_no_data_encode(struct rg_buf *buf) RG_MUST_CHECK;          /* 'n' */
rg_status pgwire_empty_query_encode(struct rg_buf *buf) RG_MUST_CHECK;      /* 'I' */
rg_status pgwire_portal_suspended_encode(struct rg_buf *buf) RG_MUST_CHECK; /* 's' */

/* For small answers that rowgate gives itself. ParameterDescription ('t'), RowDescription ('T') without
 * table and attribute, DataRow ('D'). Counts over 65535 are RG_LIMIT. */
struct pgwire_column {
    struct rg_slice name;
    uint32_t type_oid;
    int16_t type_size; /* -1 = varlena */
    uint16_t format;   /* 0 text, 1 binary */
};
rg_status pgwire_parameter_description_encode(const uint32_t *type_oids, size_t count,
                                              struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_row_description_encode(const struct pgwire_column *columns, size_t count,
                                        struct rg_buf *buf) RG_MUST_CHECK;
rg_status pgwire_data_row_encode(const struct pgwire_value *values, size_t count, struct rg_buf *buf) RG_MUST_CHECK;

#endif
