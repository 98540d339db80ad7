/* SPDX-License-Identifier: Apache-2.0 */
/* An upstream's byte stream, scanned whole and in pieces (the first two bytes seed their sizes): both must
 * agree. Every collected message goes through the parsers, every error through the filter, whose output
 * may hold nothing but S V C M P H. */
#include "proxy/pgwire/backend.h"
#include "proxy/pgwire/scan.h"
#include "proxy/pgwire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLLECT = 512, OUTPUT = 1 << 22 };

static void check_filtered(struct rg_slice message, char type)
{
    struct pgwire_cursor cursor = {.rest = message, .message = "filtered"};
    uint8_t letter = 0;
    uint32_t length = 0;
    RG_ASSERT(rg_is_ok(pgwire_cursor_get_u8(&cursor, &letter)) && letter == (uint8_t)type);
    RG_ASSERT(rg_is_ok(pgwire_cursor_get_u32(&cursor, &length)) && length == message.size - 1);
    RG_ASSERT(rg_is_ok(pgwire_cursor_get_u8(&cursor, &letter)));
    bool is_syntax_error = false;
    while (letter != 0) {
        struct rg_slice text = {0};
        RG_ASSERT(strchr("SVCMPH", letter) != NULL);
        RG_ASSERT(rg_is_ok(pgwire_cursor_get_cstr(&cursor, &text)) && pgwire_utf8_is_valid(text));
        is_syntax_error = is_syntax_error || (letter == 'C' && rg_slice_is_equal(text, RG_SLICE("42601")));
        RG_ASSERT(letter != 'H' || is_syntax_error);
        RG_ASSERT(rg_is_ok(pgwire_cursor_get_u8(&cursor, &letter)));
    }
    RG_ASSERT(rg_is_ok(pgwire_cursor_expect_end(&cursor)));
}

static uint32_t half(void *context, uint32_t position)
{
    (void)context;
    return position / 2;
}

static void check_error(char type, struct rg_slice body)
{
    RG_AUTO(rg_buf_done) struct rg_buf client;
    rg_buf_init(&client, OUTPUT);
    struct pgwire_position_map positions = {half, NULL};
    if (rg_is_ok(pgwire_error_filter(type, body, &positions, &client))) {
        check_filtered(rg_buf_slice(&client), type);
    } else {
        RG_ASSERT(rg_buf_size(&client) == 0);
    }
}

static void check_message(const struct pgwire_span *span)
{
    struct pgwire_parameter parameter = {0};
    struct pgwire_key key = {0};
    struct pgwire_tag tag = {0};
    enum pgwire_transaction state = PGWIRE_TRANSACTION_NONE;
    if (span->type == 'E' || span->type == 'N') {
        check_error(span->type, span->body);
    }
    if (rg_is_ok(pgwire_tag_parse(span->body, &tag))) {
        RG_ASSERT(tag.command.size <= tag.text.size && tag.text.size == span->body.size - 1);
    }
    (void)rg_is_ok(pgwire_parameter_parse(span->body, &parameter));
    (void)rg_is_ok(pgwire_key_parse(span->body, &key));
    (void)rg_is_ok(pgwire_ready_parse(span->body, &state));
}

struct scan {
    struct rg_buf bytes; /* all that was handed out */
    size_t messages;
    bool is_broken;
};

static void scan_chunk(struct pgwire_scanner *scanner, struct rg_slice chunk, struct scan *scan)
{
    bool has_span = true;
    while (has_span && !scan->is_broken) {
        struct pgwire_span span = {0};
        scan->is_broken = !rg_is_ok(pgwire_scanner_next(scanner, &chunk, &span, &has_span));
        if (scan->is_broken || !has_span) {
            return;
        }
        RG_ASSERT(span.bytes.size > 0 && rg_is_ok(rg_buf_put(&scan->bytes, span.bytes)));
        scan->messages += span.is_end;
        if (span.flow == PGWIRE_FLOW_COLLECTED) {
            RG_ASSERT(span.is_start && span.is_end && span.bytes.size == span.total && span.total <= COLLECT);
            check_message(&span);
        }
    }
}

static void scan_all(struct rg_slice input, unsigned seed, struct scan *scan)
{
    RG_AUTO(pgwire_scanner_done) struct pgwire_scanner scanner;
    pgwire_scanner_init(&scanner, COLLECT);
    rg_buf_init(&scan->bytes, OUTPUT);
    while (input.size > 0 && !scan->is_broken) {
        size_t size = input.size;
        if (seed != 0) {
            seed = seed * 1103515245U + 12345U;
            size = 1 + (seed >> 16) % 31;
        }
        scan_chunk(&scanner, rg_slice_cut(input, 0, size), scan);
        input = rg_slice_cut(input, size, input.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1 << 20) {
        return 0;
    }
    struct rg_slice input = rg_slice_make(data + 2, size - 2);
    struct scan whole = {0};
    struct scan pieces = {0};
    scan_all(input, 0, &whole);
    scan_all(input, 1U + data[0] + 256U * data[1], &pieces);
    RG_ASSERT(whole.is_broken == pieces.is_broken && whole.messages == pieces.messages);
    RG_ASSERT(rg_slice_has_prefix(input, rg_buf_slice(&whole.bytes)));
    RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&whole.bytes), rg_buf_slice(&pieces.bytes)));
    rg_buf_done(&whole.bytes);
    rg_buf_done(&pieces.bytes);
    return 0;
}
