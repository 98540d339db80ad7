/* SPDX-License-Identifier: Apache-2.0 */
/* A client's byte stream: the first byte chooses the phase, the rest is framed and parsed message by
 * message. What is accepted is encoded, and must come out byte for byte as it came in: then nothing that
 * the upstream sees was not understood here. */
#include "proxy/pgwire/frame.h"
#include "proxy/pgwire/frontend.h"
#include "proxy/pgwire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rg_status again_prepare(struct rg_slice body, struct rg_buf *buf)
{
    struct pgwire_prepare prepare = {0};
    RG_TRY(pgwire_prepare_parse(body, &prepare));
    for (size_t i = 0; i <= prepare.type_count; i++) {
        (void)pgwire_prepare_type(&prepare, i);
    }
    RG_ASSERT(pgwire_utf8_is_valid(prepare.text) && prepare.statement.size <= PGWIRE_NAME_MAX_BYTES);
    return pgwire_prepare_encode(&prepare, buf);
}

static rg_status again_bind(struct rg_slice body, struct rg_buf *buf)
{
    struct pgwire_bind bind = {0};
    RG_TRY(pgwire_bind_parse(body, &bind));
    struct pgwire_cursor cursor = pgwire_bind_values(&bind);
    for (size_t i = 0; i < bind.value_count; i++) {
        struct pgwire_value value = {0};
        RG_ASSERT(rg_is_ok(pgwire_value_get(&cursor, &value)) && pgwire_bind_format(&bind, i) <= 1);
    }
    RG_ASSERT(cursor.rest.size == 0);
    return pgwire_bind_encode(&bind, buf);
}

static rg_status again_describe(struct rg_slice body, struct rg_buf *buf)
{
    struct pgwire_target target = {0};
    RG_TRY(pgwire_describe_parse(body, &target));
    return pgwire_describe_encode(&target, buf);
}

static rg_status again_close(struct rg_slice body, struct rg_buf *buf)
{
    struct pgwire_target target = {0};
    RG_TRY(pgwire_close_parse(body, &target));
    return pgwire_close_encode(&target, buf);
}

static rg_status again_execute(struct rg_slice body, struct rg_buf *buf)
{
    struct pgwire_execute execute = {0};
    RG_TRY(pgwire_execute_parse(body, &execute));
    return pgwire_execute_encode(&execute, buf);
}

static rg_status again_query(struct rg_slice body, struct rg_buf *buf)
{
    struct rg_slice text = {0};
    RG_TRY(pgwire_query_parse(body, &text));
    RG_ASSERT(pgwire_utf8_is_valid(text));
    return pgwire_query_encode(text, buf);
}

static rg_status again_sync(struct rg_slice body, struct rg_buf *buf)
{
    RG_TRY(pgwire_empty_parse(body, "Sync"));
    return pgwire_sync_encode(buf);
}

static rg_status again_flush(struct rg_slice body, struct rg_buf *buf)
{
    RG_TRY(pgwire_empty_parse(body, "Flush"));
    return pgwire_flush_encode(buf);
}

static rg_status again_terminate(struct rg_slice body, struct rg_buf *buf)
{
    RG_TRY(pgwire_empty_parse(body, "Terminate"));
    return pgwire_terminate_encode(buf);
}

static rg_status again_copy_data(struct rg_slice body, struct rg_buf *buf)
{
    return pgwire_copy_data_encode(body, buf);
}

static rg_status again_copy_done(struct rg_slice body, struct rg_buf *buf)
{
    RG_TRY(pgwire_empty_parse(body, "CopyDone"));
    return pgwire_copy_done_encode(buf);
}

static rg_status again_copy_fail(struct rg_slice body, struct rg_buf *buf)
{
    struct rg_slice reason = {0};
    RG_TRY(pgwire_copy_fail_parse(body, &reason));
    RG_ASSERT(pgwire_utf8_is_valid(reason));
    return pgwire_copy_fail_encode(reason, buf);
}

static rg_status again_password(struct rg_slice body, struct rg_buf *buf)
{
    struct rg_slice password = {0};
    RG_TRY(pgwire_password_parse(body, &password));
    return pgwire_password_encode(password, buf);
}

static rg_status again_sasl_start(struct rg_slice body, struct rg_buf *buf)
{
    struct pgwire_sasl_start start = {0};
    RG_TRY(pgwire_sasl_start_parse(body, &start));
    return pgwire_sasl_start_encode(&start, buf);
}

static const struct {
    char type;
    rg_status (*again)(struct rg_slice body, struct rg_buf *buf);
} rows[] = {
    {'P', again_prepare},   {'B', again_bind},      {'D', again_describe},   {'C', again_close},
    {'E', again_execute},   {'Q', again_query},     {'S', again_sync},       {'H', again_flush},
    {'X', again_terminate}, {'p', again_password},  {'p', again_sasl_start}, {'d', again_copy_data},
    {'c', again_copy_done}, {'f', again_copy_fail},
};

/* bytes: the whole frame as it came. */
static void check_frame(const struct pgwire_frame *frame, struct rg_slice bytes)
{
    RG_ASSERT(pgwire_frontend_type_find(frame->type) != NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf buf;
        rg_buf_init(&buf, bytes.size);
        if (rows[i].type == frame->type && rg_is_ok(rows[i].again(frame->body, &buf))) {
            RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&buf), bytes));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct pgwire_limits limits = {(enum pgwire_phase)(data[0] % PGWIRE_PHASE_COUNT), 1 << 16};
    struct rg_slice input = rg_slice_make(data + 1, size - 1);
    bool complete = true;
    while (complete) {
        struct pgwire_frame frame = {0};
        if (!rg_is_ok(pgwire_frame_peek(input, &limits, &frame, &complete)) || !complete) {
            return 0;
        }
        RG_ASSERT(frame.size >= 5 && frame.size <= input.size && frame.body.size == frame.size - 5);
        check_frame(&frame, rg_slice_cut(input, 0, frame.size));
        input = rg_slice_cut(input, frame.size, input.size);
    }
    return 0;
}
