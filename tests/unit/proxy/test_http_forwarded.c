/* SPDX-License-Identifier: Apache-2.0 */
/* The client's address through honest proxies, and the clients that claim to be somebody else. */
#include "proxy/http/forwarded.h"
#include "tests/support/rg_test.h"

enum { MAX_LINES = 4 };

struct world {
    struct http_network items[8];
    struct http_networks networks;
};

static void make_world(struct world *world)
{
    static const char *const blocks[] = {"10.0.0.0/8", "127.0.0.1", "2001:db8:1::/48", "::ffff:192.0.2.128/121"};
    world->networks = (struct http_networks){sizeof blocks / sizeof blocks[0], world->items};
    for (size_t i = 0; i < world->networks.count; i++) {
        assert_ok(http_network_parse(rg_slice_of(blocks[i]), &world->items[i]));
    }
}

static struct http_address address(const char *text)
{
    struct http_address made = {0};
    assert_true(http_address_parse(rg_slice_of(text), &made));
    return made;
}

struct row {
    const char *what, *peer, *line; /* line: NULL none, "" LOCAL */
    const char *lists[MAX_LINES];
    const char *client; /* NULL = refused */
    unsigned port;
};

static const struct row rows[] = {
    {"no proxy", "198.51.100.7", NULL, {0}, "198.51.100.7", 0},
    {"a trusted peer that says nothing", "10.0.0.1", NULL, {0}, "10.0.0.1", 0},
    {"one proxy", "10.0.0.1", NULL, {"198.51.100.7"}, "198.51.100.7", 0},
    {"two proxies", "10.0.0.1", NULL, {"198.51.100.7, 10.1.1.1"}, "198.51.100.7", 0},
    {"two lines", "10.0.0.1", NULL, {"198.51.100.7", "10.1.1.1"}, "198.51.100.7", 0},
    {"IPv6 proxies", "2001:db8:1::9", NULL, {"2001:db8:2::1,2001:db8:1:2::"}, "2001:db8:2::1", 0},
    {"all are trusted", "10.0.0.1", NULL, {"10.3.3.3 , 10.2.2.2"}, "10.3.3.3", 0},
    {"a port", "10.0.0.1", NULL, {"198.51.100.7:4711"}, "198.51.100.7", 4711},
    {"brackets", "10.0.0.1", NULL, {"[2001:db8:2::1]"}, "2001:db8:2::1", 0},
    {"brackets and port", "10.0.0.1", NULL, {"[2001:db8:2::1]:4711"}, "2001:db8:2::1", 4711},
    {"mapped", "10.0.0.1", NULL, {"::ffff:198.51.100.7"}, "198.51.100.7", 0},
    {"a PROXY line", "10.0.0.1", "198.51.100.7", {0}, "198.51.100.7", 0},
    {"a PROXY line of another proxy", "10.0.0.1", "10.1.1.1", {"198.51.100.7"}, "198.51.100.7", 0},
    {"a health check", "10.0.0.1", "", {0}, "10.0.0.1", 0},
    {"inside a mapped block", "192.0.2.200", NULL, {"198.51.100.7"}, "198.51.100.7", 0},
    /* forgeries */
    {"an untrusted peer's list is not read", "198.51.100.7", NULL, {"10.9.9.9"}, "198.51.100.7", 0},
    {"not even for its form", "198.51.100.7", NULL, {"';--"}, "198.51.100.7", 0},
    {"what stands left is the client's word", "10.0.0.1", NULL, {"127.0.0.1, 198.51.100.7"}, "198.51.100.7", 0},
    {"not even for its form, again", "10.0.0.1", NULL, {"garbage, 198.51.100.7"}, "198.51.100.7", 0},
    {"a trusted address behind a forged one",
     "10.0.0.1",
     NULL,
     {"10.9.9.9, 198.51.100.7, 10.1.1.1"},
     "198.51.100.7",
     0},
    {"the first of two lines is forged", "10.0.0.1", NULL, {"127.0.0.1", "198.51.100.7"}, "198.51.100.7", 0},
    {"a PROXY line ends the trust", "10.0.0.1", "198.51.100.7", {"10.9.9.9"}, "198.51.100.7", 0},
    {"a PROXY line of an untrusted peer", "198.51.100.7", "10.9.9.9", {0}, NULL, 0},
    {"a LOCAL of an untrusted peer", "198.51.100.7", "", {0}, NULL, 0},
    {"outside a mapped block", "192.0.2.127", NULL, {"198.51.100.7"}, "192.0.2.127", 0},
    {"next to a /48", "2001:db8:2::9", NULL, {"10.9.9.9"}, "2001:db8:2::9", 0},
    {"an IPv6 address that ends like a trusted one", "::10.0.0.1", NULL, {"1.1.1.1"}, "::10.0.0.1", 0},
    /* malformed lists of a trusted proxy */
    {"empty", "10.0.0.1", NULL, {""}, NULL, 0},
    {"only commas", "10.0.0.1", NULL, {",,"}, NULL, 0},
    {"a comma behind", "10.0.0.1", NULL, {"198.51.100.7,"}, NULL, 0},
    {"a comma before", "10.0.0.1", NULL, {",10.1.1.1"}, NULL, 0},
    {"unknown", "10.0.0.1", NULL, {"unknown"}, NULL, 0},
    {"a name", "10.0.0.1", NULL, {"client.example"}, NULL, 0},
    {"an obfuscated name", "10.0.0.1", NULL, {"_hidden"}, NULL, 0},
    {"a quoted address", "10.0.0.1", NULL, {"\"198.51.100.7\""}, NULL, 0},
    {"RFC 7239's form", "10.0.0.1", NULL, {"for=198.51.100.7"}, NULL, 0},
    {"a blank inside", "10.0.0.1", NULL, {"198.51.100.7 10.1.1.1"}, NULL, 0},
    {"semicolon", "10.0.0.1", NULL, {"198.51.100.7;10.1.1.1"}, NULL, 0},
    {"a port too large", "10.0.0.1", NULL, {"198.51.100.7:65536"}, NULL, 0},
    {"a port that is none", "10.0.0.1", NULL, {"198.51.100.7:"}, NULL, 0},
    {"IPv4 in brackets", "10.0.0.1", NULL, {"[198.51.100.7]"}, NULL, 0},
    {"a bracket open", "10.0.0.1", NULL, {"[2001:db8:2::1"}, NULL, 0},
    {"text behind the bracket", "10.0.0.1", NULL, {"[2001:db8:2::1]x"}, NULL, 0},
    {"brackets empty", "10.0.0.1", NULL, {"[]"}, NULL, 0},
    {"a zone", "10.0.0.1", NULL, {"fe80::1%eth0"}, NULL, 0},
    {"octal", "10.0.0.1", NULL, {"0198.051.100.7"}, NULL, 0},
    {"a decimal number", "10.0.0.1", NULL, {"3325256711"}, NULL, 0},
    {"an element malformed behind a trusted one", "10.0.0.1", NULL, {"x, 10.1.1.1"}, NULL, 0},
    {"a line malformed behind a trusted one", "10.0.0.1", NULL, {"x", "10.1.1.1"}, NULL, 0},
};

static void finds_the_client_or_refuses(void **state)
{
    (void)state;
    struct world world = {0};
    make_world(&world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct rg_slice lists[MAX_LINES] = {{0}};
        struct http_proxy_line line = {.is_local = true};
        struct http_hops hops = {.peer = address(row->peer), .forwarded_for = lists};
        if (row->line != NULL && row->line[0] != '\0') {
            line = (struct http_proxy_line){.source = address(row->line)};
        }
        hops.line = row->line == NULL ? NULL : &line;
        while (hops.forwarded_for_count < MAX_LINES && row->lists[hops.forwarded_for_count] != NULL) {
            lists[hops.forwarded_for_count] = rg_slice_of(row->lists[hops.forwarded_for_count]);
            hops.forwarded_for_count++;
        }
        struct http_address client = {.text = "untouched"};
        struct http_refusal refusal = {0};
        enum http_verdict verdict = http_forwarded_client(&world.networks, &hops, &client, &refusal);
        if ((verdict == HTTP_VERDICT_OK) != (row->client != NULL) ||
            strcmp(client.text, row->client == NULL ? "untouched" : row->client) != 0 || client.port != row->port) {
            fail_msg("%s: %s port %u", row->what, client.text, client.port);
        }
        assert_int_equal(refusal.status, row->client == NULL ? 400 : 0);
    }
}

static void too_long_a_list_is_refused_and_the_longest_is_read(void **state)
{
    (void)state;
    struct world world = {0};
    make_world(&world);
    for (size_t count = HTTP_FORWARDED_MAX; count <= HTTP_FORWARDED_MAX + 1; count++) {
        char text[1024] = "10.5.5.5";
        for (size_t i = 1; i < count; i++) {
            memcpy(text + strlen(text), ",10.0.0.1", sizeof ",10.0.0.1");
        }
        struct rg_slice list = rg_slice_of(text);
        struct http_hops hops = {.peer = address("10.0.0.1"), .forwarded_for = &list, .forwarded_for_count = 1};
        struct http_address client = {0};
        struct http_refusal refusal = {0};
        assert_int_equal(http_forwarded_client(&world.networks, &hops, &client, &refusal),
                         count <= HTTP_FORWARDED_MAX ? HTTP_VERDICT_OK : HTTP_VERDICT_REFUSED);
        assert_string_equal(client.text, count <= HTTP_FORWARDED_MAX ? "10.5.5.5" : "");
    }
}

static void nobody_is_trusted_by_default(void **state)
{
    (void)state;
    struct http_networks none = {0};
    struct http_networks zeros = {1, &(struct http_network){0}};
    struct rg_slice list = RG_SLICE("10.9.9.9");
    struct http_hops hops = {.peer = address("127.0.0.1"), .forwarded_for = &list, .forwarded_for_count = 1};
    struct http_address client = {0};
    struct http_refusal refusal = {0};
    assert_int_equal(http_forwarded_client(&none, &hops, &client, &refusal), HTTP_VERDICT_OK);
    assert_string_equal(client.text, "127.0.0.1");
    assert_int_equal(http_forwarded_client(&zeros, &hops, &client, &refusal), HTTP_VERDICT_OK);
    assert_string_equal(client.text, "127.0.0.1");
    struct http_address local = {0};
    assert_false(http_networks_has(&zeros, &local));
}

static void blocks_hold_what_their_prefix_says(void **state)
{
    (void)state;
    static const struct {
        const char *block, *inside, *outside;
    } cases[] = {
        {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
        {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
        {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
        {"128.0.0.0/1", "255.0.0.1", "127.255.255.255"},
        {"192.0.2.0/31", "192.0.2.1", "192.0.2.2"},
        {"::1", "::1", "::2"},
        {"fc00::/7", "fdff::1", "fe00::"},
        {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
        {"::/64", "::1", "127.0.0.1"}, /* IPv4 is not inside IPv6 */
        {"::ffff:10.0.0.0/104", "10.1.1.1", "::ffff:0:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_network network = {0};
        struct http_networks networks = {1, &network};
        assert_ok(http_network_parse(rg_slice_of(cases[i].block), &network));
        struct http_address inside = address(cases[i].inside);
        struct http_address outside = address(cases[i].outside);
        if (!http_networks_has(&networks, &inside) || http_networks_has(&networks, &outside)) {
            fail_msg("%s", cases[i].block);
        }
    }
}

static void blocks_that_are_none_or_trust_everybody_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "/",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/08",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/8/8",
                                      "10.0.0.0/a",
                                      "10.0.0.1/8",
                                      "10.0.0/8",
                                      "10",
                                      "10.0.0.0/255.0.0.0",
                                      "0.0.0.0/0",
                                      "::/0",
                                      "::ffff:0.0.0.0/96",
                                      "::ffff:10.0.0.0/8",
                                      "::/129",
                                      "2001:db8::1/32",
                                      "proxy.example",
                                      "*",
                                      "all",
                                      "10.0.0.0/8 ",
                                      " 10.0.0.0/8",
                                      "10.0.0.0-10.0.0.9",
                                      "[::1]",
                                      "::1%lo",
                                      "::ffff:10.0.0.1/104",
                                      "10.0.0.0/65544"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_network network = {.bits = 99};
        rg_status status = http_network_parse(rg_slice_of(bad[i]), &network);
        if (rg_is_ok(status)) {
            fail_msg("\"%s\" is a block", bad[i]);
        }
        assert_int_equal(status.error->kind, RG_CONFIG);
        assert_int_equal(network.bits, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_client_or_refuses),
        cmocka_unit_test(too_long_a_list_is_refused_and_the_longest_is_read),
        cmocka_unit_test(nobody_is_trusted_by_default),
        cmocka_unit_test(blocks_hold_what_their_prefix_says),
        cmocka_unit_test(blocks_that_are_none_or_trust_everybody_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
