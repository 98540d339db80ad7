/* SPDX-License-Identifier: Apache-2.0 */
/* The guest token in a form: found where browsers write it, refused where two readers could find two. */
#include "proxy/http/guest.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

#define FORM "application/x-www-form-urlencoded"
#define PARTS "multipart/form-data; boundary=xYz"
#define NAMED(name) "--xYz\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define LAST "\r\n--xYz--\r\n"

static struct rg_arena arena;

static int start(void **state)
{
    (void)state;
    rg_arena_init(&arena, (size_t)1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

static void it_is_found_where_browsers_write_it(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body, *token;
    } rows[] = {
        {FORM, "guest_token=a.b.c", "a.b.c"},
        {FORM, "form_data=%7B%7D&csrf_token=x&guest_token=a.b.c", "a.b.c"},
        {FORM "; charset=utf-8", "guest%5Ftoken=a%2Eb.c&x", "a.b.c"},
        {" Application/X-WWW-Form-URLencoded ", "guest_token=", ""},
        {FORM, "guest_token", ""},
        {"application/x-url-encoded", "guest_token=a", "a"}, /* Werkzeug's other name of it */
        {PARTS, NAMED("guest_token") "a.b.c" LAST, "a.b.c"},
        {PARTS, NAMED("guest_token") "" LAST, ""},
        {PARTS, NAMED("form_data") "{\"a\": 1}\r\n" NAMED("guest_token") "a.b.c" LAST, "a.b.c"},
        {PARTS, NAMED("guest_token") "a\r\n" NAMED("form_data") "guest_token=b" LAST, "a"},
        {"Multipart/Form-Data; boundary=\"xYz\"", NAMED("guest_token") "a.b.c\r\n--xYz--", "a.b.c"},
        {PARTS, "--xYz\r\ncontent-disposition: FORM-DATA; NAME=\"guest_token\"\r\n\r\na" LAST, "a"},
        {PARTS, NAMED("guest_token") "a\r\n-xYz\r\n--xY\r\nb" LAST, "a\r\n-xYz\r\n--xY\r\nb"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool has = false;
        struct rg_slice token = {0};
        assert_ok(http_guest_form_find(rg_slice_of(rows[i].type), rg_slice_of(rows[i].body), &arena, &has, &token));
        if (!has || !rg_slice_is_equal(token, rg_slice_of(rows[i].token))) {
            fail_msg("%s: %.*s", rows[i].body, RG_SLICE_ARGS(token));
        }
    }
}

static void forms_without_it_have_none(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
    } rows[] = {
        {FORM, ""},
        {FORM, "guest_tokens=a&xguest_token=b&a=guest_token"},
        {FORM, "Guest_Token=a"},
        {"application/json", "{\"guest_token\": \"a\"}"},
        {"text/plain", "guest_token=a"},
        {"", "guest_token=a"},
        {"multipart/mixed; boundary=xYz", NAMED("guest_token") "a" LAST},
        {"multipart/form-data-x; boundary=xYz", NAMED("guest_token") "a" LAST},
        {PARTS, NAMED("form_data") "{\"guest_token\": 1}" LAST},
        {PARTS, NAMED("form_data") "x" LAST},
        {PARTS, "no part at all"},
        {"multipart/form-data", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool has = true;
        struct rg_slice token = RG_SLICE("untouched");
        assert_ok(http_guest_form_find(rg_slice_of(rows[i].type), rg_slice_of(rows[i].body), &arena, &has, &token));
        if (has || token.size != 9) {
            fail_msg("%s: %s", rows[i].type, rows[i].body);
        }
    }
}

static void what_may_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
    } rows[] = {
        {FORM, "guest_token=a&guest_token=a"},
        {FORM, "guest_token=a&guest%5ftoken=b"},
        {FORM, "guest_token=%zz"},
        {FORM, "guest_token=a%00b"},
        {FORM, "guest_token=a&b%=1"},
        {PARTS, NAMED("guest_token") "a\r\n" NAMED("guest_token") "a" LAST},
        {PARTS, "--xYz\r\nContent-Disposition: form-data; name=guest_token\r\n\r\na" LAST},
        {PARTS, "--xYz\r\nContent-Disposition: form-data; name='guest_token'\r\n\r\na" LAST},
        {PARTS, "--xYz\r\nContent-Disposition: form-data; name=\"guest_token\"; filename=\"f\"\r\n\r\na" LAST},
        {PARTS, "--xYz\r\nContent-Disposition: form-data; name=\"guest_token\"; name=\"x\"\r\n\r\na" LAST},
        {PARTS, "--xYz\r\nContent-Disposition: form-data; name=\"x\"; name=\"guest_token\"\r\n\r\na" LAST},
        {PARTS, "--xYz\r\nContent-Disposition: form-data;\r\n name=\"guest_token\"\r\n\r\na" LAST},
        {PARTS, "--xYz\r\nContent-Disposition:form-data; name=\"guest_token\"\r\n\r\na" LAST},
        {PARTS, "--xYz\r\nContent-Disposition: attachment; name=\"guest_token\"\r\n\r\na" LAST},
        {PARTS, NAMED("x\"; y=\"guest_token") "a" LAST},
        {PARTS,
         "--xYz\r\nContent-Disposition: form-data; name=\"guest_token\"\r\nContent-Type: text/plain\r\n\r\na" LAST},
        {PARTS, "--xYz\nContent-Disposition: form-data; name=\"guest_token\"\n\na\n--xYz--\n"},
        {PARTS, "preamble\r\n" NAMED("guest_token") "a" LAST},
        {PARTS, "\r\n" NAMED("guest_token") "a" LAST},
        {PARTS, NAMED("guest_token") "a"},
        {PARTS, NAMED("guest_token") "a\r\n--xYz"},
        {PARTS, NAMED("guest_token") "a\r\n--xYz-"},
        {PARTS, NAMED("guest_token") "a\r\n--xYz \r\n" NAMED("x") "b" LAST},
        {PARTS, NAMED("guest_token") "a\r\n--xYzz" LAST},
        {PARTS, NAMED("guest_token") "a" LAST NAMED("guest_token") "b" LAST},
        {PARTS, NAMED("guest_token") "a" LAST "epilogue"},
        {PARTS, "--xYz\r\nguest_token" LAST},
        {PARTS "; boundary=abc", NAMED("guest_token") "a" LAST},
        {"multipart/form-data; charset=utf-8; boundary=xYz", NAMED("guest_token") "a" LAST},
        {"multipart/form-data; boundary=", NAMED("guest_token") "a" LAST},
        {"multipart/form-data; boundary=\"x Yz\"", NAMED("guest_token") "a" LAST},
        {"multipart/form-data; boundary=\"xYz", NAMED("guest_token") "a" LAST},
        {"multipart/form-data", NAMED("guest_token") "a" LAST},
        {"multipart/form-data; xboundary=xYz", NAMED("guest_token") "a" LAST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool has = false;
        struct rg_slice token = RG_SLICE("untouched");
        rg_status status =
            http_guest_form_find(rg_slice_of(rows[i].type), rg_slice_of(rows[i].body), &arena, &has, &token);
        if (rg_is_ok(status) || status.error->kind != RG_PROTOCOL || has || token.size != 9) {
            fail_msg("%s: %s", rows[i].type, rows[i].body);
        }
    }
}

static void many_parts_and_fields_and_long_names_are_refused(void **state)
{
    (void)state;
    static char body[512 * 1024];
    bool has = false;
    struct rg_slice token = RG_SLICE("untouched");
    size_t size = 0;
    for (size_t i = 0; i < 64; i++) {
        size += (size_t)snprintf(body + size, sizeof body - size, NAMED("a") "b\r\n");
    }
    size += (size_t)snprintf(body + size, sizeof body - size, NAMED("guest_token") "b" LAST);
    assert_fails(RG_PROTOCOL, http_guest_form_find(RG_SLICE(PARTS), rg_slice_make(body, size), &arena, &has, &token));
    memset(body, 'a', sizeof body);
    memcpy(body, "guest_token=b&", 14);
    assert_fails(RG_PROTOCOL,
                 http_guest_form_find(RG_SLICE(FORM), rg_slice_make(body, sizeof body), &arena, &has, &token));
    memset(body, '&', sizeof body);
    memcpy(body, "guest_token=b", 13);
    assert_fails(RG_PROTOCOL,
                 http_guest_form_find(RG_SLICE(FORM), rg_slice_make(body, sizeof body), &arena, &has, &token));
    assert_false(has);
    assert_slice(token, "untouched");
}

static void a_full_arena_is_told(void **state)
{
    (void)state;
    struct rg_arena small;
    bool has = false;
    struct rg_slice token = RG_SLICE("untouched");
    rg_arena_init(&small, 4);
    assert_fails(RG_LIMIT, http_guest_form_find(RG_SLICE(FORM), RG_SLICE("guest_token=aaaaaaaaaaaaaaaaaaaaaaa"), &small,
                                                &has, &token));
    assert_fails(RG_LIMIT,
                 http_guest_form_find(RG_SLICE(PARTS), RG_SLICE(NAMED("guest_token") "a" LAST), &small, &has, &token));
    assert_false(has);
    assert_slice(token, "untouched");
    rg_arena_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_found_where_browsers_write_it),
        cmocka_unit_test(forms_without_it_have_none),
        cmocka_unit_test(what_may_be_read_in_two_ways_is_refused),
        cmocka_unit_test(many_parts_and_fields_and_long_names_are_refused),
        cmocka_unit_test(a_full_arena_is_told),
    };
    return cmocka_run_group_tests(tests, start, end);
}
