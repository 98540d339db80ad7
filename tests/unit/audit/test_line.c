/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a line: written and read back the same, every deviation refused. */
#include "audit/line.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

#define BOOT "0123456789abcdef0123456789abcdef"

static const struct audit_message body = {.rg = {"{\"kind\":\"login\"}", 16}, .ocsf = {"{\"class_uid\":3002}", 18}};

static struct audit_head sample_head(void)
{
    return (struct audit_head){.seq = 1234,
                               .prev = audit_line_genesis(RG_SLICE("a"), &(struct rg_digest){0}),
                               .tenant = RG_SLICE("acme"),
                               .tseq = 7,
                               .tprev = audit_line_genesis(RG_SLICE("b"), &(struct rg_digest){0}),
                               .hlc_us = 1700000000000001,
                               .boot = RG_SLICE(BOOT),
                               .mono_us = 55};
}

static struct rg_slice encode(struct rg_buf *buf, const struct audit_head *head)
{
    rg_buf_init(buf, (size_t)2 * AUDIT_LINE_MAX);
    assert_ok(audit_line_encode(head, &body, buf));
    return rg_slice_cut(rg_buf_slice(buf), 0, rg_buf_size(buf) - 1);
}

static void writes_exactly_the_documented_head(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    struct audit_head head = sample_head();
    memset(head.prev.bytes, 0, sizeof head.prev.bytes);
    memset(head.tprev.bytes, 0xff, sizeof head.tprev.bytes);
    assert_slice(encode(&buf, &head),
                 "{\"unmapped\":{\"rg\":{\"seq\":\"0000000000001234\",\"prev\":"
                 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"tenant\":\"acme\",\"tseq\":\"0000000000000007\","
                 "\"tprev\":\"__________________________________________8\",\"hlc\":1700000000000001,\"boot\":\"" BOOT
                 "\",\"mono_us\":55,\"kind\":\"login\"}},\"class_uid\":3002}");
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    static const char *const tenants[] = {"", "acme", "a\\\"b", "\\\\", "\\u00e9"};
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf buf;
        struct audit_head head = sample_head();
        struct audit_head read = {0};
        head.tenant = rg_slice_of(tenants[i]);
        assert_ok(audit_line_parse(encode(&buf, &head), &read));
        assert_true(read.seq == 1234 && read.hlc_us == head.hlc_us && read.mono_us == 55);
        assert_memory_equal(&read.prev, &head.prev, sizeof head.prev);
        assert_slice(read.boot, BOOT);
        assert_slice(read.tenant, tenants[i]);
        if (head.tenant.size > 0) {
            assert_true(read.tseq == 7);
            assert_memory_equal(&read.tprev, &head.tprev, sizeof head.tprev);
        }
    }
}

static void refuses_a_head_cut_at_each_byte(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    struct audit_head head = sample_head();
    struct audit_head read = {.seq = 99};
    struct rg_slice line = encode(&buf, &head);
    size_t head_size = line.size - sizeof("\"kind\":\"login\"}},\"class_uid\":3002}") + 1;
    for (size_t size = 0; size <= head_size; size++) {
        assert_fails(RG_PROTOCOL, audit_line_parse(rg_slice_cut(line, 0, size), &read));
    }
    assert_true(read.seq == 99);
    assert_ok(audit_line_parse(line, &read));
    assert_int_equal(read.size, head_size);
}

static void refuses_heads_that_are_almost_right(void **state)
{
    (void)state;
#define P                                                                                                              \
    "{\"unmapped\":{\"rg\":{\"seq\":\"0000000000001234\",\"prev\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
#define E "\"boot\":\"" BOOT "\",\"mono_us\":55,\"kind\":1}}}"
    static const char *const good = P "\"hlc\":12," E;
    static const char *const bad[] = {
        " " P "\"hlc\":12," E,
        "{ \"unmapped\":{\"rg\":{\"seq\":\"0000000000001234\"",
        P "\"hlc\":012," E,
        P "\"hlc\":-1," E,
        P "\"hlc\":," E,
        P "\"hlc\":1234567890123456789," E,
        P "\"hlc\":1.0," E,
        P "\"hlc\":12, " E,
        P "\"hlc\":12,\"boot\":\"0123456789ABCDEF0123456789abcdef\",\"mono_us\":55,\"kind\":1}}}",
        P "\"tenant\":\"\",\"tseq\":\"0000000000000007\"," E,
        P "\"tenant\":\"a\",\"hlc\":12," E,
        P "\"tenant\":\"a\\\",\"tseq\":\"0000000000000007\"," E,
        P "\"hlc\":12,\"boot\":\"" BOOT "\",\"mono_us\":55}}}",
        /* stray bits in the last base64url character, padding, the other alphabet */
        "{\"unmapped\":{\"rg\":{\"seq\":\"0000000000001234\",\"prev\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\","
        "\"hlc\":12," E,
        "{\"unmapped\":{\"rg\":{\"seq\":\"0000000000001234\",\"prev\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\","
        "\"hlc\":12," E,
        "{\"unmapped\":{\"rg\":{\"seq\":\"0000000000001234\",\"prev\":\"+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"hlc\":12," E,
        "{\"unmapped\":{\"rg\":{\"seq\":\"000000000000123x\",\"prev\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"hlc\":12," E,
        P "\"hlc\":12,\"boot\":\"" BOOT "\",\"mono_us\":55,\"kind\":\"\xc3\xa9\"}}}",
        P "\"hlc\":12,\"boot\":\"" BOOT "\",\"mono_us\":55,\"kind\":\"\t\"}}}",
    };
    struct audit_head head = {0};
    assert_ok(audit_line_parse(rg_slice_of(good), &head));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("%zu: %s\n", i, bad[i]);
        assert_fails(RG_PROTOCOL, audit_line_parse(rg_slice_of(bad[i]), &head));
    }
}

static void refuses_lines_that_are_too_long(void **state)
{
    (void)state;
    static char text[AUDIT_LINE_MAX + 1];
    struct audit_head head = {0};
    memset(text, 'a', sizeof text);
    assert_fails(RG_PROTOCOL, audit_line_parse(rg_slice_make(text, sizeof text), &head));
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, (size_t)3 * AUDIT_LINE_MAX);
    assert_ok(rg_buf_put(&buf, RG_SLICE("before")));
    text[0] = '{';
    struct audit_message huge = {.rg = {text, AUDIT_LINE_MAX}, .ocsf = body.ocsf};
    head = sample_head();
    assert_fails(RG_LIMIT, audit_line_encode(&head, &huge, &buf));
    assert_slice(rg_buf_slice(&buf), "before");
}

static void refuses_json_that_says_two_things(void **state)
{
    (void)state;
#define M                                                                                                              \
    ",\"class_uid\":1,\"category_uid\":1,\"activity_id\":1,\"type_uid\":1,\"severity_id\":1,\"time\":1,\"metadata\":{" \
    "}}"
    static const char *const bad[] = {
        "{\"unmapped\":{\"rg\":{\"kind\":\"login\",\"kind\":\"login\"}}" M,
        "{\"unmapped\":{\"rg\":{\"kind\":\"login\",\"seq\":\"1\",\"seq\":\"2\"}}" M,
        "{\"unmapped\":{\"rg\":{\"kind\":\"unheard of\"}}" M,
        "{\"unmapped\":{\"rg\":{}}" M,
        "{\"unmapped\":{\"rg\":{\"kind\":\"login\"}}}",
        "{\"unmapped\":{\"rg\":{\"kind\":\"login\"}}" M "}",
        "{\"unmapped\":{\"rg\":{\"kind\":\"login\"}}" M "{}",
        "[]",
        "",
    };
    enum audit_kind kind = AUDIT_LOGOUT;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("%zu: %s\n", i, bad[i]);
        assert_fails(RG_PROTOCOL, audit_line_check_json(rg_slice_of(bad[i]), &kind));
        assert_int_equal(kind, AUDIT_LOGOUT);
    }
    assert_ok(audit_line_check_json(RG_SLICE("{\"unmapped\":{\"rg\":{\"kind\":\"login\"}}" M), &kind));
    assert_int_equal(kind, AUDIT_LOGIN);
}

/* Bytes are looked at in blocks: each place of lines of many lengths, also those that end within a block. */
static void refuses_each_foreign_byte_wherever_it_stands(void **state)
{
    (void)state;
    static const char allowed[] = {' ', '!', '~', 0x7f};
    static const char foreign[] = {'\0', '\n', 0x1f, (char)0x80, (char)0xa0, (char)0xff};
    struct audit_head head = sample_head();
    for (size_t padding = 0; padding < 130; padding++) {
        RG_AUTO(rg_buf_done) struct rg_buf buf;
        char ocsf[200];
        (void)snprintf(ocsf, sizeof ocsf, "{\"%0*d\":1}", (int)padding + 1, 0);
        const struct audit_message message = {.rg = body.rg, .ocsf = rg_slice_of(ocsf)};
        rg_buf_init(&buf, AUDIT_LINE_MAX);
        assert_ok(audit_line_encode(&head, &message, &buf));
        char *bytes = buf.bytes;
        struct rg_slice line = rg_slice_make(bytes, rg_buf_size(&buf) - 1);
        struct audit_head read = {0};
        assert_ok(audit_line_parse(line, &read));
        for (size_t at = read.size + 1; at + 1 < line.size; at++) {
            char kept = bytes[at];
            bytes[at] = allowed[at % sizeof allowed];
            assert_ok(audit_line_parse(line, &read));
            bytes[at] = foreign[at % sizeof foreign];
            assert_fails(RG_PROTOCOL, audit_line_parse(line, &read));
            bytes[at] = kept;
        }
    }
}

/* The hexadecimal digits of "boot" and the letters of "prev": every byte at every place. */
static void refuses_each_byte_that_is_no_digit_of_its_field(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    struct audit_head head = sample_head();
    struct rg_slice line = encode(&buf, &head);
    const char *boot = strstr(line.data, BOOT);
    const char *prev = strstr(line.data, "\"prev\":\"");
    assert_non_null(boot);
    assert_non_null(prev);
    size_t boot_at = (size_t)(boot - line.data);
    size_t prev_at = (size_t)(prev - line.data) + strlen("\"prev\":\"");
    for (int c = 0x20; c < 0x80; c++) {
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        bool is_letter =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        for (size_t i = 0; i < AUDIT_BOOT_SIZE + RG_DIGEST_B64_SIZE - 2; i++) { /* the last letter has stray bits */
            bool is_boot = i < AUDIT_BOOT_SIZE;
            char *byte = buf.bytes + (is_boot ? boot_at + i : prev_at + i - AUDIT_BOOT_SIZE);
            char kept = *byte;
            struct audit_head read = {0};
            *byte = (char)c;
            assert_int_equal(rg_is_ok(audit_line_parse(line, &read)), is_boot ? is_hex : is_letter);
            *byte = kept;
        }
    }
}

/* Computed with openssl, not with this code. */
static void hashes_as_documented(void **state)
{
    (void)state;
    char hex[2 * RG_SHA256_SIZE + 1];
    struct rg_digest leaf = audit_line_leaf(RG_SLICE("abc"));
    rg_digest_hex(&leaf, hex);
    assert_string_equal(hex, "609f6e36d2405585188d5cfd761f407c7cc46a7d3f314c88270469dde315fcd1");
    leaf = audit_line_genesis(RG_SLICE("a"), &(struct rg_digest){0});
    rg_digest_hex(&leaf, hex);
    assert_string_equal(hex, "c932b740437ace180daee5d4f1493cbaacf0520f147fc0f0f4955fdac5d204be");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_exactly_the_documented_head),
        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(refuses_a_head_cut_at_each_byte),
        cmocka_unit_test(refuses_heads_that_are_almost_right),
        cmocka_unit_test(refuses_lines_that_are_too_long),
        cmocka_unit_test(refuses_json_that_says_two_things),
        cmocka_unit_test(refuses_each_foreign_byte_wherever_it_stands),
        cmocka_unit_test(refuses_each_byte_that_is_no_digit_of_its_field),
        cmocka_unit_test(hashes_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
