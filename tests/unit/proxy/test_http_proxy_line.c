/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol's headers as load balancers write them, cut at every byte, and what is refused of them. */
#include "proxy/http/proxy_line.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/support/rg_test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_BLOCK "\xc0\x00\x02\x01\xc6\x33\x64\x02\xd4\x31\x01\xbb"
#define V6_BLOCK "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xd4\x31\x01\xbb"

static enum http_verdict parse(struct rg_slice bytes, struct http_proxy_line *out_line)
{
    struct http_refusal refusal = {0};
    enum http_verdict verdict = http_proxy_line_parse(bytes, out_line, &refusal);
    assert_int_equal(refusal.status, verdict == HTTP_VERDICT_REFUSED ? 400 : 0);
    return verdict;
}

struct sound {
    const char *what;
    struct rg_slice bytes;
    bool is_local;
    const char *source;
    unsigned port;
};

static const struct sound sound_rows[] = {
    {"v1 TCP4", {"PROXY TCP4 192.0.2.1 198.51.100.2 54321 443\r\n", 45}, false, "192.0.2.1", 54321},
    {"v1 TCP6", {"PROXY TCP6 2001:db8::1 2001:db8::2 1 0\r\n", 40}, false, "2001:db8::1", 1},
    {"v1 mapped", {"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", 37}, false, "192.0.2.1", 1},
    {"v1 UNKNOWN", {"PROXY UNKNOWN\r\n", 15}, true, "", 0},
    {"v1 UNKNOWN, more", {"PROXY UNKNOWN ffff:f...f:ffff x 65535 65535\r\n", 45}, true, "", 0},
    {"v2 TCP4", {SIGNATURE "\x21\x11\0\x0c" V4_BLOCK, 28}, false, "192.0.2.1", 54321},
    {"v2 TCP6", {SIGNATURE "\x21\x21\0\x24" V6_BLOCK, 52}, false, "2001:db8::1", 54321},
    {"v2 LOCAL", {SIGNATURE "\x20\0\0\0", 16}, true, "", 0},
    {"v2 LOCAL, a block to ignore", {SIGNATURE "\x20\x31\0\x03xyz", 19}, true, "", 0},
    {"v2 UNSPEC", {SIGNATURE "\x21\0\0\0", 16}, true, "", 0},
    {"v2 TLVs",
     {SIGNATURE "\x21\x11\0\x16" V4_BLOCK "\x04\0\x01\0\x03\0\x03"
                "abc",
      38},
     false,
     "192.0.2.1",
     54321},
};

static void reads_each_form_and_waits_for_its_last_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sound_rows / sizeof sound_rows[0]; i++) {
        const struct sound *row = &sound_rows[i];
        char bytes[128] = {0};
        memcpy(bytes, row->bytes.data, row->bytes.size);
        memcpy(bytes + row->bytes.size, "GET /", 5);
        for (size_t cut = 0; cut < row->bytes.size; cut++) {
            struct http_proxy_line line = {.size = 99};
            if (parse(rg_slice_make(bytes, cut), &line) != HTTP_VERDICT_MORE || line.size != 99) {
                fail_msg("%s, cut at %zu", row->what, cut);
            }
        }
        struct http_proxy_line line = {0};
        if (parse(rg_slice_make(bytes, row->bytes.size + 5), &line) != HTTP_VERDICT_OK) {
            fail_msg("%s is refused", row->what);
        }
        assert_int_equal(line.size, row->bytes.size);
        assert_int_equal(line.is_local, row->is_local);
        assert_string_equal(line.source.text, row->source);
        assert_int_equal(line.source.port, row->port);
        assert_int_equal(line.source.family == 0, row->is_local);
    }
}

#define A23 "aaaaaaaaaaaaaaaaaaaaaaa"
#define A92 A23 A23 A23 A23

static void refuses_lines_that_are_not_exact(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
        "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
        "PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\rX",
        "PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 x\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1  1\r\n",
        "PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n",
        "PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n",
        "PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n",
        "PROXY TCP4 ::1 ::1 1 1\r\n",
        "PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n",
        "PROXY TCP6 ::1%lo ::1 1 1\r\n",
        "PROXY TCP6 [::1] ::1 1 1\r\n",
        "PROXY TCP4 a.example 1.1.1.1 1 1\r\n",
        "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
        "PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY TCP4\r\n",
        "PROXY \r\n",
        "PROXY\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\t\r\n",
        "PROXY TCP4 1.1.1.1\t1.1.1.1 1 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\x7f\r\n",
        "PROXY UNKNOWN \xff\r\n",
        "\r\nPROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
        " PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
        "PROXY UNKNOWN " A92 "a\r\n",
        "PROXY UNKNOWN " A92 "a",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_proxy_line line = {.size = 99};
        if (parse(rg_slice_of(rows[i]), &line) != HTTP_VERDICT_REFUSED || line.size != 99) {
            fail_msg("not refused: %s", rows[i]);
        }
    }
}

static void refuses_binary_headers_that_are_not_exact(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct rg_slice bytes;
    } rows[] = {
        {"version 1", {SIGNATURE "\x11\x11\0\x0c" V4_BLOCK, 28}},
        {"version 3", {SIGNATURE "\x31\x11\0\x0c" V4_BLOCK, 28}},
        {"unknown command", {SIGNATURE "\x22\x11\0\x0c" V4_BLOCK, 28}},
        {"UDP", {SIGNATURE "\x21\x12\0\x0c" V4_BLOCK, 28}},
        {"UDP6", {SIGNATURE "\x21\x22\0\x24" V6_BLOCK, 52}},
        {"UNIX", {SIGNATURE "\x21\x31\0\x0c" V4_BLOCK, 28}},
        {"unknown family", {SIGNATURE "\x21\x41\0\x0c" V4_BLOCK, 28}},
        {"unspecified transport", {SIGNATURE "\x21\x10\0\x0c" V4_BLOCK, 28}},
        {"addresses cut", {SIGNATURE "\x21\x11\0\x0b" V4_BLOCK, 28}},
        {"IPv4's length for IPv6", {SIGNATURE "\x21\x21\0\x0c" V4_BLOCK, 28}},
        {"a TLV beyond the end", {SIGNATURE "\x21\x11\0\x10" V4_BLOCK "\x04\0\x02\0", 32}},
        {"a TLV's head cut", {SIGNATURE "\x21\x11\0\x0e" V4_BLOCK "\x04\0", 30}},
        {"a TLV of 65535", {SIGNATURE "\x21\x11\0\x0f" V4_BLOCK "\x04\xff\xff", 31}},
        {"an unspecified family's TLV cut", {SIGNATURE "\x21\0\0\x02\x04\0", 18}},
        {"too long", {SIGNATURE "\x21\x11\x02\x09", 16}},
        {"as long as can be", {SIGNATURE "\x20\x11\xff\xff", 16}},
        {"a wrong signature", {"\r\n\r\n\0\r\nQUIT\r", 12}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_proxy_line line = {.size = 99};
        if (parse(rows[i].bytes, &line) != HTTP_VERDICT_REFUSED || line.size != 99) {
            fail_msg("not refused: %s", rows[i].what);
        }
    }
}

static void the_longest_headers_pass(void **state)
{
    (void)state;
    char v2[HTTP_PROXY_LINE_V2_MAX] = {0};
    struct http_proxy_line line = {0};
    memcpy(v2, SIGNATURE "\x21\x11\x02\x08" V4_BLOCK "\x04\x01\xf9", 31);
    assert_int_equal(parse(rg_slice_make(v2, sizeof v2 - 1), &line), HTTP_VERDICT_MORE);
    assert_int_equal(parse(rg_slice_make(v2, sizeof v2), &line), HTTP_VERDICT_OK);
    assert_int_equal(line.size, HTTP_PROXY_LINE_V2_MAX);
    char v1[HTTP_PROXY_LINE_V1_MAX];
    memset(v1, 'f', sizeof v1);
    memcpy(v1, "PROXY UNKNOWN ", 14);
    memcpy(v1 + sizeof v1 - 2, "\r\n", 2);
    assert_int_equal(parse(rg_slice_make(v1, sizeof v1), &line), HTTP_VERDICT_OK);
    assert_int_equal(line.size, HTTP_PROXY_LINE_V1_MAX);
}

static void addresses_have_one_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1"},         {"::1", "::1"},
        {"2001:DB8:0:0::1", "2001:db8::1"}, {"::ffff:1.2.3.4", "1.2.3.4"},
        {"::FFFF:0102:0304", "1.2.3.4"},    {"255.255.255.255", "255.255.255.255"},
    };
    static const char *const bad[] = {"",
                                      "1",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "01.2.3.4",
                                      "1.2.3.4 ",
                                      " 1.2.3.4",
                                      "0x1.2.3.4",
                                      "1.2.3.256",
                                      "::1%eth0",
                                      "[::1]",
                                      ":::",
                                      "1.2.3.4:5",
                                      "localhost",
                                      "unknown",
                                      "2001:db8::1::2",
                                      "::ffff:1.2.3",
                                      "11111111111111111111111111111111111111111111111111"};
    struct http_address address = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(http_address_parse(rg_slice_of(rows[i].text), &address));
        assert_string_equal(address.text, rows[i].canonical);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_address before = address;
        if (http_address_parse(rg_slice_of(bad[i]), &address)) {
            fail_msg("\"%s\" is an address", bad[i]);
        }
        assert_memory_equal(&before, &address, sizeof address);
    }
    assert_false(http_address_parse(RG_SLICE("1.2.3.4\0"), &address));
}

static void sockets_addresses_are_read(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(81)};
    struct sockaddr local = {.sa_family = AF_UNIX};
    v6.sin6_addr.s6_addr[15] = 1;
    assert_string_equal(http_address_of((const struct sockaddr *)&v4, sizeof v4).text, "127.0.0.1");
    assert_int_equal(http_address_of((const struct sockaddr *)&v4, sizeof v4).port, 80);
    assert_string_equal(http_address_of((const struct sockaddr *)&v6, sizeof v6).text, "::1");
    assert_int_equal(http_address_of((const struct sockaddr *)&v6, sizeof v4).family, 0);
    assert_int_equal(http_address_of(&local, sizeof local).family, 0);
    assert_int_equal(http_address_of(NULL, 0).family, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_form_and_waits_for_its_last_byte),
        cmocka_unit_test(refuses_lines_that_are_not_exact),
        cmocka_unit_test(refuses_binary_headers_that_are_not_exact),
        cmocka_unit_test(the_longest_headers_pass),
        cmocka_unit_test(addresses_have_one_text),
        cmocka_unit_test(sockets_addresses_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
