/* SPDX-License-Identifier: Apache-2.0 */
/* The few messages of an upstream whose contents matter to the proxy. An upstream that sends something
 * else is broken or is not the upstream: RG_UPSTREAM, and the connection goes. */
#include "proxy/pgwire/backend.h"

static struct pgwire_cursor cursor_of(struct rg_slice body, const char *message)
{
    return (struct pgwire_cursor){.rest = body, .message = message, .kind = RG_UPSTREAM};
}

rg_status pgwire_parameter_parse(struct rg_slice body, struct pgwire_parameter *out_parameter)
{
    struct pgwire_cursor cursor = cursor_of(body, "ParameterStatus");
    struct pgwire_parameter parameter = {0};
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &parameter.name));
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &parameter.value));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    *out_parameter = parameter;
    return RG_OK;
}

rg_status pgwire_key_parse(struct rg_slice body, struct pgwire_key *out_key)
{
    struct pgwire_cursor cursor = cursor_of(body, "BackendKeyData");
    struct pgwire_key key = {0};
    RG_TRY(pgwire_cursor_get_u32(&cursor, &key.pid));
    RG_TRY(pgwire_cursor_get_u32(&cursor, &key.secret));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    *out_key = key;
    return RG_OK;
}

rg_status pgwire_ready_parse(struct rg_slice body, enum pgwire_transaction *out_state)
{
    static const enum pgwire_transaction states[] = {PGWIRE_TRANSACTION_IDLE, PGWIRE_TRANSACTION_OPEN,
                                                     PGWIRE_TRANSACTION_FAILED};
    struct pgwire_cursor cursor = cursor_of(body, "ReadyForQuery");
    uint8_t status = 0;
    RG_TRY(pgwire_cursor_get_u8(&cursor, &status));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (status == (uint8_t)states[i]) {
            *out_state = states[i];
            return RG_OK;
        }
    }
    return rg_fail(RG_UPSTREAM, "ReadyForQuery: status 0x%02x", status);
}

/* The last word of text, and what stands before its blank. */
static struct rg_slice last_word(struct rg_slice text, struct rg_slice *out_before)
{
    const char *blank = text.size == 0 ? NULL : memrchr(text.data, ' ', text.size);
    if (blank == NULL) {
        return (struct rg_slice){0};
    }
    size_t at = (size_t)(blank - text.data);
    *out_before = rg_slice_cut(text, 0, at);
    return rg_slice_cut(text, at + 1, text.size);
}

static bool read_number(struct rg_slice text, uint64_t *out_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number)) {
            return false;
        }
    }
    if (text.size == 0) {
        return false;
    }
    *out_number = number;
    return true;
}

rg_status pgwire_tag_parse(struct rg_slice body, struct pgwire_tag *out_tag)
{
    struct pgwire_cursor cursor = cursor_of(body, "CommandComplete");
    struct pgwire_tag tag = {0};
    RG_TRY(pgwire_cursor_get_cstr(&cursor, &tag.text));
    RG_TRY(pgwire_cursor_expect_end(&cursor));
    tag.command = tag.text;
    struct rg_slice before = {0};
    if (read_number(last_word(tag.command, &before), &tag.rows)) {
        tag.has_rows = true;
        tag.command = before;
    }
    uint64_t oid = 0; /* of "INSERT 0 3", always 0 since PostgreSQL 12 */
    if (tag.has_rows && read_number(last_word(tag.command, &before), &oid)) {
        tag.command = before;
    }
    *out_tag = tag;
    return RG_OK;
}
