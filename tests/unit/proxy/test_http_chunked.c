/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies cut anywhere: the end is found at the same byte, limits hold to the byte, and after a refusal nothing
 * passes. What is refused: test_http_smuggling.c. */
#include "proxy/http/chunked.h"
#include "tests/support/rg_test.h"

static const struct http_refusal no_refusal = {0};

static void finds_the_end_however_the_bytes_are_cut(void **state)
{
    (void)state;
    static const char body[] = "5\r\nhello\r\n00A\r\n\r\n0\r\n\r\nabc\r\n1\r\nz\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
    size_t end = strlen(body) - strlen("GET / HTTP/1.1\r\n");
    for (size_t cut = 0; cut < end; cut++) {
        struct http_chunked chunked = {0};
        struct http_refusal refusal = no_refusal;
        size_t used = 99;
        http_chunked_init(&chunked, 1000);
        assert_int_equal(http_chunked_judge(&chunked, rg_slice_make(body, cut), &used, &refusal), HTTP_VERDICT_MORE);
        assert_int_equal(used, 99);
        assert_int_equal(http_chunked_judge(&chunked, rg_slice_of(body + cut), &used, &refusal), HTTP_VERDICT_OK);
        assert_int_equal(used, end - cut);
        assert_int_equal(chunked.total, 16);
        assert_null(refusal.rule);
    }
}

static void the_limit_is_of_all_chunks_together_and_to_the_byte(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool is_fine;
    } rows[] = {
        {"a\r\n0123456789\r\n0\r\n\r\n", true},
        {"5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", true},
        {"b\r\n", false},
        {"5\r\n01234\r\n6\r\n", false},
        {"a\r\n0123456789\r\n1\r\n", false},
        {"fffffffffffffff\r\n", false},
        {"1\r\na\r\nfffffffffffffff\r\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_chunked chunked = {0};
        struct http_refusal refusal = no_refusal;
        size_t used = 0;
        http_chunked_init(&chunked, 10);
        enum http_verdict verdict = http_chunked_judge(&chunked, rg_slice_of(rows[i].body), &used, &refusal);
        if (verdict != (rows[i].is_fine ? HTTP_VERDICT_OK : HTTP_VERDICT_REFUSED)) {
            fail_msg("%s", rows[i].body);
        }
        assert_int_equal(refusal.status, rows[i].is_fine ? 0 : 413);
    }
}

static void nothing_passes_behind_a_refusal_or_behind_the_end(void **state)
{
    (void)state;
    static const char *const starts[] = {"x", "0\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct http_chunked chunked = {0};
        struct http_refusal refusal = no_refusal;
        size_t used = 0;
        http_chunked_init(&chunked, 10);
        (void)http_chunked_judge(&chunked, rg_slice_of(starts[i]), &used, &refusal);
        used = 99;
        assert_int_equal(http_chunked_judge(&chunked, RG_SLICE("0\r\n\r\n"), &used, &refusal), HTTP_VERDICT_REFUSED);
        assert_int_equal(http_chunked_judge(&chunked, RG_SLICE(""), &used, &refusal), HTTP_VERDICT_REFUSED);
        assert_int_equal(used, 99);
        assert_string_equal(refusal.rule, "http.body.chunked");
    }
}

static void the_zero_value_refuses(void **state)
{
    (void)state;
    struct http_chunked chunked = {0};
    struct http_refusal refusal = no_refusal;
    size_t used = 99;
    assert_int_equal(http_chunked_judge(&chunked, RG_SLICE("0\r\n\r\n"), &used, &refusal), HTTP_VERDICT_REFUSED);
    assert_int_equal(used, 99);
}

/* One byte of a sound body changed to any other: either refused, or it is the same framing (a digit's case, data). */
static void no_changed_byte_of_the_framing_passes_unseen(void **state)
{
    (void)state;
    static const char sound[] = "2\r\nzz\r\n0\r\n\r\n";
    for (size_t at = 0; at < sizeof sound - 1; at++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            char body[sizeof sound];
            struct http_chunked chunked = {0};
            struct http_refusal refusal = no_refusal;
            size_t used = 0;
            memcpy(body, sound, sizeof body);
            body[at] = (char)octet;
            http_chunked_init(&chunked, 10);
            enum http_verdict verdict =
                http_chunked_judge(&chunked, rg_slice_make(body, sizeof body - 1), &used, &refusal);
            bool is_data = at == 3 || at == 4;
            bool is_same = octet == (unsigned char)sound[at];
            if ((verdict == HTTP_VERDICT_OK && used == sizeof sound - 1) != (is_data || is_same)) {
                fail_msg("byte %zu as %u", at, octet);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_end_however_the_bytes_are_cut),
        cmocka_unit_test(the_limit_is_of_all_chunks_together_and_to_the_byte),
        cmocka_unit_test(nothing_passes_behind_a_refusal_or_behind_the_end),
        cmocka_unit_test(the_zero_value_refuses),
        cmocka_unit_test(no_changed_byte_of_the_framing_passes_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
