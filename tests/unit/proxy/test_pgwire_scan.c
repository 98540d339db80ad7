/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/scan.h"

#include "tests/unit/proxy/pgwire_support.h"

/* The answer of PostgreSQL 15 to a small query, with an empty DataRow and one of 300 bytes added below. */
static void put_stream(struct rg_buf *stream)
{
    static const char big[300] = {'x'};
    rg_buf_init(stream, BUF_LIMIT);
    assert_ok(rg_buf_put(stream, RG_SLICE("1\0\0\0\x04"
                                          "2\0\0\0\x04"
                                          "T\0\0\0\x1a\0\x01"
                                          "a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"
                                          "D\0\0\0\x0b\0\x01\0\0\0\x01"
                                          "1"
                                          "D\0\0\0\x04")));
    assert_ok(rg_buf_put(stream, RG_SLICE("D\0\0\x01\x30")));
    assert_ok(rg_buf_put(stream, rg_slice_make(big, sizeof big)));
    assert_ok(rg_buf_put(stream, RG_SLICE("C\0\0\0\x0dSELECT 3\0Z\0\0\0\x05Id\0\0\0\x06"
                                          "ab"
                                          "c\0\0\0\x04N\0\0\0\x05\0")));
}

/* What a stream means, whatever the chunks: one line a message, and the bytes forwarded. */
struct digest {
    struct rg_buf lines;
    struct rg_buf bytes;
    size_t streamed_seen; /* bytes of the message under way */
};

static void digest_init(struct digest *digest)
{
    *digest = (struct digest){0};
    rg_buf_init(&digest->lines, BUF_LIMIT);
    rg_buf_init(&digest->bytes, BUF_LIMIT);
}

static void digest_done(struct digest *digest)
{
    rg_buf_done(&digest->lines);
    rg_buf_done(&digest->bytes);
}

static void add_span(struct digest *digest, const struct pgwire_span *span)
{
    assert_int_equal(span->is_start, digest->streamed_seen == 0);
    assert_int_equal(span->body.size, span->bytes.size - (span->is_start ? PGWIRE_HEADER_SIZE : 0));
    assert_true(span->bytes.size > 0);
    digest->streamed_seen += span->bytes.size;
    assert_true(digest->streamed_seen <= span->total);
    assert_int_equal(span->is_end, digest->streamed_seen == span->total);
    if (span->flow == PGWIRE_FLOW_COLLECTED) {
        assert_true(span->is_start && span->is_end && span->bytes.size == span->total);
    }
    if (span->is_start) {
        assert_int_equal(span->bytes.data[0], span->type);
    }
    assert_ok(rg_buf_put(&digest->bytes, span->bytes));
    if (span->is_end) {
        assert_ok(rg_buf_printf(&digest->lines, "%c %zu\n", span->type, span->total));
        digest->streamed_seen = 0;
    }
}

/* Feeds one chunk, from a heap block of its size. */
static rg_status feed(struct pgwire_scanner *scanner, struct rg_slice chunk, struct digest *digest)
{
    struct rg_slice copy = exact_copy(chunk);
    struct rg_slice rest = copy;
    bool has_span = true;
    rg_status status = RG_OK;
    while (rg_is_ok(status) && has_span) {
        struct pgwire_span span = {0};
        status = pgwire_scanner_next(scanner, &rest, &span, &has_span);
        if (rg_is_ok(status) && has_span) {
            add_span(digest, &span);
        }
    }
    assert_true(!rg_is_ok(status) || rest.size == 0);
    exact_free(copy);
    return status;
}

static const char wanted_lines[] = "1 5\n2 5\nT 27\nD 12\nD 5\nD 305\nC 14\nZ 6\nd 7\nc 5\nN 6\n";

/* sizes: the next chunk's size for a state, never 0. */
static void scan_in_chunks(size_t (*next_size)(unsigned *seed), unsigned seed)
{
    RG_AUTO(rg_buf_done) struct rg_buf stream = {0};
    RG_AUTO(digest_done) struct digest digest;
    RG_AUTO(pgwire_scanner_done) struct pgwire_scanner scanner;
    put_stream(&stream);
    digest_init(&digest);
    pgwire_scanner_init(&scanner, 64);
    struct rg_slice all = rg_buf_slice(&stream);
    for (size_t at = 0; at < all.size;) {
        struct rg_slice chunk = rg_slice_cut(all, at, next_size(&seed));
        assert_ok(feed(&scanner, chunk, &digest));
        at += chunk.size;
    }
    assert_slice(rg_buf_slice(&digest.lines), wanted_lines);
    assert_true(rg_slice_is_equal(rg_buf_slice(&digest.bytes), all));
    assert_true(pgwire_scanner_is_between(&scanner));
}

static size_t whole(unsigned *seed)
{
    (void)seed;
    return SIZE_MAX;
}

static size_t fixed(unsigned *seed)
{
    return *seed;
}

static size_t random_size(unsigned *seed)
{
    *seed = *seed * 1103515245U + 12345U;
    return 1 + (*seed >> 16) % 23;
}

static void says_the_same_whole_and_in_pieces_of_every_size(void **state)
{
    (void)state;
    scan_in_chunks(whole, 0);
    for (unsigned size = 1; size < 420; size++) {
        scan_in_chunks(fixed, size);
    }
}

static void says_the_same_in_random_pieces(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 2000; seed++) {
        scan_in_chunks(random_size, seed);
    }
}

static void streams_rows_without_holding_them(void **state)
{
    (void)state;
    static const char chunk[4096] = {0};
    RG_AUTO(pgwire_scanner_done) struct pgwire_scanner scanner;
    pgwire_scanner_init(&scanner, 64);
    struct rg_slice header = RG_SLICE("D\x3f\xff\xff\xff");
    struct pgwire_span span = {0};
    bool has_span = false;
    assert_ok(pgwire_scanner_next(&scanner, &header, &span, &has_span));
    assert_true(has_span && span.is_start && !span.is_end && span.total == 0x40000000);
    for (int i = 0; i < 1000; i++) {
        struct rg_slice rest = rg_slice_make(chunk, sizeof chunk);
        assert_ok(pgwire_scanner_next(&scanner, &rest, &span, &has_span));
        assert_true(has_span && rest.size == 0 && span.bytes.data == chunk && span.bytes.size == sizeof chunk);
    }
    assert_int_equal(scanner.held.capacity, 0);
    assert_false(pgwire_scanner_is_between(&scanner));
}

static void hands_out_whole_messages_without_copying(void **state)
{
    (void)state;
    RG_AUTO(pgwire_scanner_done) struct pgwire_scanner scanner;
    pgwire_scanner_init(&scanner, 64);
    struct rg_slice bytes = RG_SLICE("Z\0\0\0\x05IZ");
    struct rg_slice rest = bytes;
    struct pgwire_span span = {0};
    bool has_span = false;
    assert_ok(pgwire_scanner_next(&scanner, &rest, &span, &has_span));
    assert_true(has_span && span.bytes.data == bytes.data && scanner.held.capacity == 0);
    assert_slice(span.body, "I");
    assert_true(pgwire_scanner_is_between(&scanner));
    assert_ok(pgwire_scanner_next(&scanner, &rest, &span, &has_span));
    assert_false(has_span);
    assert_false(pgwire_scanner_is_between(&scanner));
}

static void expect_broken(struct rg_slice bytes, size_t limit_bytes)
{
    for (size_t size = 1; size <= bytes.size; size++) {
        RG_AUTO(pgwire_scanner_done) struct pgwire_scanner scanner;
        pgwire_scanner_init(&scanner, limit_bytes);
        struct pgwire_span span = {.type = '?'};
        bool has_span = true;
        rg_status status = RG_OK;
        struct rg_slice rest = bytes;
        while (rg_is_ok(status)) {
            assert_true(rest.size > 0);
            struct rg_slice piece = rg_slice_cut(rest, 0, size);
            rest = rg_slice_cut(rest, size, rest.size);
            status = pgwire_scanner_next(&scanner, &piece, &span, &has_span);
        }
        assert_int_equal(status.error->kind, RG_UPSTREAM);
        assert_int_equal(span.type, '?');
        struct rg_slice good = RG_SLICE("Z\0\0\0\x05I");
        assert_fails(RG_UPSTREAM, pgwire_scanner_next(&scanner, &good, &span, &has_span));
        assert_false(pgwire_scanner_is_between(&scanner));
        assert_int_equal(span.type, '?');
    }
}

static void breaks_for_good_on_lengths_that_lie(void **state)
{
    (void)state;
    expect_broken(RG_SLICE("Z\0\0\0\x03"), 64);
    expect_broken(RG_SLICE("D\0\0\0\0"), 64);
    expect_broken(RG_SLICE("D\xff\xff\xff\xff"), 64);
    expect_broken(RG_SLICE("D\x80\0\0\0"), 64);
    expect_broken(RG_SLICE("D\x7f\xff\xff\xff"), 64);
    expect_broken(RG_SLICE("D\x40\0\0\0"), 64);
    expect_broken(RG_SLICE("E\xff\xff\xff\xff"), SIZE_MAX);
    expect_broken(RG_SLICE("E\0\0\0\x40"), 64);
    expect_broken(RG_SLICE("E\0\x10\0\0"), PGWIRE_COLLECT_MAX);
    expect_broken(RG_SLICE("Z\0\0\0\x05"), 0);
    expect_broken(RG_SLICE("D\0\0\0\x05"), 0);
}

static void refuses_every_type_that_no_server_may_send(void **state)
{
    (void)state;
    for (int type = 0; type < 256; type++) {
        char header[5] = {(char)type, 0, 0, 0, 4};
        bool is_known = type != 0 && strchr("DdTCEGHIKNRSZcnst123A", type) != NULL;
        const struct pgwire_backend_type *row = pgwire_backend_type_find((char)type);
        assert_int_equal(row != NULL, is_known);
        if (!is_known) {
            expect_broken(rg_slice_make(header, 5), 64);
        } else {
            bool is_streamed = type == 'D' || type == 'd';
            assert_int_equal(row->flow, is_streamed ? PGWIRE_FLOW_STREAMED : PGWIRE_FLOW_COLLECTED);
        }
    }
}

static void collects_up_to_its_limit_exactly(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 65; size++) {
        RG_AUTO(digest_done) struct digest digest;
        RG_AUTO(pgwire_scanner_done) struct pgwire_scanner scanner;
        digest_init(&digest);
        pgwire_scanner_init(&scanner, 64);
        char message[64] = {'N', 0, 0, 0, 63};
        for (size_t at = 0; at < sizeof message; at += size) {
            assert_ok(feed(&scanner, rg_slice_cut(rg_slice_make(message, sizeof message), at, size), &digest));
        }
        assert_slice(rg_buf_slice(&digest.lines), "N 64\n");
    }
}

static void zero_value_refuses_everything(void **state)
{
    (void)state;
    static const char *const streams[] = {"D\0\0\0\x04", "Z\0\0\0\x05"};
    for (size_t i = 0; i < 2; i++) {
        struct pgwire_scanner scanner = {0};
        struct rg_slice chunk = rg_slice_make(streams[i], 5);
        struct pgwire_span span = {0};
        bool has_span = false;
        assert_fails(RG_UPSTREAM, pgwire_scanner_next(&scanner, &chunk, &span, &has_span));
        pgwire_scanner_done(&scanner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_the_same_whole_and_in_pieces_of_every_size),
        cmocka_unit_test(says_the_same_in_random_pieces),
        cmocka_unit_test(streams_rows_without_holding_them),
        cmocka_unit_test(hands_out_whole_messages_without_copying),
        cmocka_unit_test(breaks_for_good_on_lengths_that_lie),
        cmocka_unit_test(refuses_every_type_that_no_server_may_send),
        cmocka_unit_test(collects_up_to_its_limit_exactly),
        cmocka_unit_test(zero_value_refuses_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
