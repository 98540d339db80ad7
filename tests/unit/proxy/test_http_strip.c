/* SPDX-License-Identifier: Apache-2.0 */
/* Which headers and cookies pass, each way and under each class; and names that try to look like another. */
#include "proxy/http/strip.h"
#include "tests/support/rg_test.h"

static const struct rg_slice none = {NULL, 0};

static void ordinary_headers_pass_under_every_class(void **state)
{
    (void)state;
    static const char *const names[] = {"Accept",
                                        "accept-language",
                                        "User-Agent",
                                        "Referer",
                                        "Origin",
                                        "Content-Type",
                                        "Range",
                                        "If-None-Match",
                                        "X-CSRFToken",
                                        "Sec-Fetch-Site",
                                        "Sec-WebSocket-Key",
                                        "X-Requested-With",
                                        "Cache-Control",
                                        "traceparent",
                                        "DNT",
                                        "X-Custom"};
    for (unsigned class = 0; class < HTTP_PASS_COUNT; class ++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            assert_int_equal(http_strip_request(rg_slice_of(names[i]), none, (enum http_pass) class), HTTP_STRIP_PASS);
        }
        assert_int_equal(http_strip_request(RG_SLICE("cOOKIE"), none, (enum http_pass) class), HTTP_STRIP_COOKIE);
    }
}

static void headers_that_claim_something_never_reach_the_upstream(void **state)
{
    (void)state;
    static const char *const names[] = {
        "X-Rowgate-Identity",
        "x-rowgate-identity",
        "X-ROWGATE-USER",
        "X-Rowgate",
        "X-Rowgateidentity",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Access-Token",
        "X-Forwarded",
        "Forwarded",
        "Forwarded-For",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "Fastly-Client-IP",
        "X-Originating-IP",
        "X-Remote-IP",
        "X-Remote-Addr",
        "X-Remote-User",
        "Remote-User",
        "Remote-Groups",
        "REMOTE-USER",
        "X-Auth-Request-User",
        "X-WebAuth-User",
        "X-User",
        "X-Authenticated-User",
        "X-Goog-Authenticated-User-Email",
        "X-Goog-IAP-JWT-Assertion",
        "X-Amzn-Oidc-Data",
        "X-MS-Client-Principal",
        "X-Pomerium-Claim-Email",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-URI",
        "X-Original-Host",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Host",
        "X-Scheme",
        "X-Url-Scheme",
        "X-Script-Name",
        "Front-End-Https",
        "X-Accel-Redirect",
        "X-Accel-Internal",
        "X-Sendfile",
        "SSL-Client-Cert",
        "X-SSL-Client-DN",
        "X-Client-Cert",
        "Client-Cert",
        "Proxy",
        "X-Request-ID",
        "Via",
        "X-API-Key",
        /* hop by hop, framing */
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "HTTP2-Settings",
        "Host",
        "Content-Length",
        "Expect",
        "Max-Forwards",
    };
    for (unsigned class = 0; class < HTTP_PASS_COUNT; class ++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (http_strip_request(rg_slice_of(names[i]), none, (enum http_pass) class) != HTTP_STRIP_DROP) {
                fail_msg("%s passes", names[i]);
            }
        }
    }
}

static void names_that_a_server_folds_into_others_are_dropped(void **state)
{
    (void)state;
    static const char *const names[] = {"X_Rowgate_Identity",
                                        "x-rowgate_identity",
                                        "X_FORWARDED_FOR",
                                        "X-Forwarded_For",
                                        "Remote_User",
                                        "REMOTE_USER",
                                        "X_Real_IP",
                                        "Accept_Language",
                                        "X_Custom",
                                        "_",
                                        "X-GuestToken_",
                                        "X_GuestToken",
                                        "Content_Type",
                                        "X.Forwarded.For",
                                        "X Forwarded For",
                                        "X-Rowgate-Identity ",
                                        "X~Y",
                                        "X!Y",
                                        "X'Y",
                                        "X*",
                                        "X\xc2\xadY",
                                        "",
                                        "X-Rowgate\tIdentity"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (http_strip_request(rg_slice_of(names[i]), none, HTTP_PASS_GUEST) != HTTP_STRIP_DROP) {
            fail_msg("\"%s\" passes", names[i]);
        }
    }
    assert_int_equal(http_strip_request(RG_SLICE("X\0Y"), none, HTTP_PASS_GUEST), HTTP_STRIP_DROP);
}

static void fields_that_connection_names_are_dropped(void **state)
{
    (void)state;
    struct rg_slice connection = RG_SLICE("close , X-Custom,\tx-OTHER");
    assert_int_equal(http_strip_request(RG_SLICE("x-custom"), connection, HTTP_PASS_NONE), HTTP_STRIP_DROP);
    assert_int_equal(http_strip_request(RG_SLICE("X-Other"), connection, HTTP_PASS_NONE), HTTP_STRIP_DROP);
    assert_int_equal(http_strip_request(RG_SLICE("X-Oth"), connection, HTTP_PASS_NONE), HTTP_STRIP_PASS);
    assert_int_equal(http_strip_request(RG_SLICE("X-Custom-2"), connection, HTTP_PASS_NONE), HTTP_STRIP_PASS);
    assert_false(http_strip_response(RG_SLICE("X-CUSTOM"), none, connection, HTTP_PASS_NONE));
}

/* The matrix: which of the five kinds each class lets up. */
static void each_class_lets_one_kind_of_credential_up(void **state)
{
    (void)state;
    static const struct {
        enum http_pass class;
        bool authorization;
        const char *cookie;
    } rows[] = {
        {HTTP_PASS_NONE, false, ""},           {HTTP_PASS_SESSION, false, "async-token=a1"},
        {HTTP_PASS_GUEST, false, ""},          {HTTP_PASS_BEARER, false, ""},
        {HTTP_PASS_SUPERSET_BEARER, true, ""}, {HTTP_PASS_ASYNC, false, "async-token=a1"},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], HTTP_PASS_COUNT);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_buf buf = {0};
        rg_buf_init(&buf, 1024);
        assert_int_equal(http_strip_request(RG_SLICE("authorization"), none, rows[i].class) == HTTP_STRIP_PASS,
                         rows[i].authorization);
        assert_int_equal(http_strip_request(RG_SLICE("X-GUESTTOKEN"), none, rows[i].class), HTTP_STRIP_DROP);
        assert_int_equal(http_strip_request(RG_SLICE("x-guesttoken-2"), none, rows[i].class), HTTP_STRIP_DROP);
        assert_ok(http_cookie_filter(RG_SLICE("__Host-rowgate=secret; session=s1; remember_token=r1; locale=de; "
                                              "async-token=a1; __Host-rowgate-login=x"),
                                     rows[i].class, &buf));
        assert_slice(rg_buf_slice(&buf), rows[i].cookie);
        rg_buf_done(&buf);
    }
}

static void cookies_are_written_plainly_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *header, *left;
    } rows[] = {
        {"async-token=a", "async-token=a"},
        {"session=a;async-token=b", "async-token=b"}, /* Superset's own session beats whom rowgate verified */
        {"async-token=b; remember_token=c; session=a", "async-token=b"},
        {"session=a", ""},
        {"remember_token=a", ""},
        {"  async-token = a ;\tx=y ;", "async-token=a"},
        {"async-token=", "async-token="},
        {"async-token=a=b==", "async-token=a=b=="},
        {"", ""},
        {";;;", ""},
        {"=async-token", ""},
        {"async-token", ""},
        {"ASYNC-TOKEN=a", ""},
        {"Async-Token=a", ""},
        {"__Host-rowgate=a", ""},
        {"async-tokens=a; xasync-token=b; async-token2=c", ""},
        {"async-token=a; async-token=b", ""},
        {"async-token=a; ASYNC-TOKEN=b", "async-token=a"},
        {"async-token=a; async-token =b", ""},
        {"async-token=\"a\"", ""},
        {"async-token=a\"b", ""},
        {"x=\"a; async-token=evil\"", ""},
        {"x=\"a; async-token=evil; y=\"", "async-token=evil"}, /* split at each ";", as Werkzeug does */
        {"async-token=a,async-token=b", ""},
        {"async-token=a b", ""},
        {"async-token=a\\b", ""},
        {"async-token=caf\xc3\xa9", ""},
        {"async-token=a\tb", ""},
        {"async-token=a\x7f", ""},
        {"$Version=1; async-token=a; $Path=/", "async-token=a"},
        {"async-tok%65n=a", ""},
        {"a=b; c=d; async-token=s; e=f", "async-token=s"},
        {"{\"json\":1}; async-token=s", "async-token=s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_buf buf = {0};
        rg_buf_init(&buf, 1024);
        assert_ok(http_cookie_filter(rg_slice_of(rows[i].header), HTTP_PASS_SESSION, &buf));
        if (!rg_slice_is_equal(rg_buf_slice(&buf), rg_slice_of(rows[i].left))) {
            fail_msg("%s: %.*s", rows[i].header, RG_SLICE_ARGS(rg_buf_slice(&buf)));
        }
        rg_buf_done(&buf);
    }
}

static void a_full_buffer_is_a_limit_and_holds_what_it_held(void **state)
{
    (void)state;
    for (size_t limit = 3; limit < 3 + sizeof "async-token=d" - 1; limit++) {
        struct rg_buf buf = {0};
        rg_buf_init(&buf, limit);
        assert_ok(rg_buf_put(&buf, RG_SLICE("xyz")));
        assert_fails(RG_LIMIT, http_cookie_filter(RG_SLICE("session=abc; async-token=d"), HTTP_PASS_SESSION, &buf));
        assert_slice(rg_buf_slice(&buf), "xyz");
        rg_buf_done(&buf);
    }
}

static void responses_lose_what_tells_or_commands_too_much(void **state)
{
    (void)state;
    static const char *const dropped[] = {"Server",
                                          "X-Powered-By",
                                          "Via",
                                          "Connection",
                                          "Keep-Alive",
                                          "Transfer-Encoding",
                                          "Upgrade",
                                          "Trailer",
                                          "TE",
                                          "Proxy-Authenticate",
                                          "X-Accel-Redirect",
                                          "X-Sendfile",
                                          "Alt-Svc",
                                          "X-Rowgate-Reference",
                                          "x-rowgate-identity",
                                          "X-AspNet-Version",
                                          "X-Forwarded-For",
                                          ""};
    static const char *const passed[] = {
        "Content-Type",    "Content-Length",      "Location",    "Content-Security-Policy", "ETag", "Vary",
        "X-Frame-Options", "Content-Disposition", "Retry-After", "Sec-WebSocket-Accept"};
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        if (http_strip_response(rg_slice_of(dropped[i]), none, none, HTTP_PASS_SESSION)) {
            fail_msg("%s passes", dropped[i]);
        }
    }
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        if (!http_strip_response(rg_slice_of(passed[i]), none, none, HTTP_PASS_NONE)) {
            fail_msg("%s is dropped", passed[i]);
        }
    }
}

static void the_upstream_sets_only_the_cookies_that_the_class_lets_up(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum http_pass class;
        bool passes;
    } rows[] = {
        {"session=abc; HttpOnly; Path=/; SameSite=Lax", HTTP_PASS_SESSION, false},
        {"async-token=abc; HttpOnly", HTTP_PASS_SESSION, true},
        {"async-token=abc", HTTP_PASS_ASYNC, true},
        {"session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/", HTTP_PASS_SESSION, false},
        {"session=abc", HTTP_PASS_NONE, false},
        {"session=abc", HTTP_PASS_GUEST, false}, /* the embedded page would log its host's user out */
        {"session=abc", HTTP_PASS_ASYNC, false},
        {"async-token=abc; Domain=example.com", HTTP_PASS_SESSION, false},
        {"async-token=abc; dOmAiN = .example.com", HTTP_PASS_SESSION, false},
        {"async-token=abc; Domain", HTTP_PASS_SESSION, false},
        {"remember_token=abc", HTTP_PASS_SESSION, false},
        {"__Host-rowgate=forged; Secure; Path=/", HTTP_PASS_SESSION, false},
        {"__Host-rowgate-login=forged", HTTP_PASS_SESSION, false},
        {" __Host-rowgate=forged", HTTP_PASS_SESSION, false},
        {"=__Host-rowgate=forged", HTTP_PASS_SESSION, false}, /* nameless cookies (CVE-2022-2860) */
        {"=async-token=abc", HTTP_PASS_SESSION, false},
        {"Async-Token=abc", HTTP_PASS_SESSION, false},
        {"locale=de", HTTP_PASS_SESSION, false},
        {"async-token=\"a\"", HTTP_PASS_SESSION, false},
        {"", HTTP_PASS_SESSION, false},
        {";", HTTP_PASS_SESSION, false},
        {"async-token", HTTP_PASS_SESSION, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (http_set_cookie_passes(rg_slice_of(rows[i].value), rows[i].class) != rows[i].passes ||
            http_strip_response(RG_SLICE("Set-Cookie"), rg_slice_of(rows[i].value), none, rows[i].class) !=
                rows[i].passes) {
            fail_msg("%s", rows[i].value);
        }
    }
}

#define PARTS(parameters)                                                                                              \
    "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; " parameters "\r\n\r\na\r\n--x--\r\n"

static void a_form_that_holds_a_guest_token_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
        bool has;
    } rows[] = {
        {"application/x-www-form-urlencoded", "form_data=%7B%7D&guest_token=abc", true},
        {"application/x-www-form-urlencoded", "guest_token", true},
        {"Application/X-WWW-Form-URLencoded; charset=utf-8", "guest_token=", true},
        {"application/x-www-form-urlencoded", "a=b&%67uest%5ftoken=abc", true},
        {"application/x-www-form-urlencoded", "a=b&guest%5Ftoken=abc&c=d", true},
        {"application/x-www-form-urlencoded", "a=guest_token", false},
        {"application/x-www-form-urlencoded", "guest_token2=x&xguest_token=y&guest_toke=z", false},
        {"application/x-www-form-urlencoded", "", false},
        {"application/x-www-form-urlencoded", "&&=&%&%6", false},
        {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"guest_token\"\r\n\r\na",
         true},
        {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=guest_token\r\n\r\na", true},
        {"MULTIPART/mixed", "guest_token", true}, /* in doubt, yes */
        {"multipart/form-data; boundary=x", "--x--", false},
        {PARTS("name*=UTF-8''guest%5Ftoken"), true}, /* RFC 2231, which Werkzeug reads */
        {PARTS("NAME*=utf-8''%67uest_token"), true},
        {PARTS("name*0=\"guest_\"; name*1=\"token\""), true},
        {PARTS("name*0*=UTF-8''guest%5F; name*1=token"), true},
        {PARTS("name*00=guest_;name*01=token"), true},
        {PARTS("x=y;\n\tname*=utf-8''guest%5ftoken"), true},
        {PARTS("name=\"guest\\_token\""), true},
        {PARTS("name=\"a\\b\""), true},
        {PARTS("name=\"upload\"; filename*=UTF-8''%C3%A4.csv"), false},
        {PARTS("name=\"upload\"; filename=\"C:\\a.csv\""), false},
        {PARTS("name=\"upload\"; filename*0=a; filename*1=b"), false},
        {PARTS("name=\"a\"; x=\"\\\""), false},
        {PARTS("name"), false},
        {"multipart/form-data; boundary=x", "=", false},
        {"multipart/form-data; boundary=x", "*=", false},
        {"multipart/form-data; boundary=x", "9=", false},
        {"multipart/form-data; boundary=x", "name=", false},
        {"multipart/form-data; boundary=x", "name=\"", false},
        {"multipart/form-data; boundary=x", "name*9=", true},
        {"application/json", "{\"guest_token\":1}", false},
        {"", "guest_token=1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (http_form_has(rg_slice_of(rows[i].type), rg_slice_of(rows[i].body), RG_SLICE("guest_token")) !=
            rows[i].has) {
            fail_msg("%s: %s", rows[i].type, rows[i].body);
        }
    }
    assert_false(http_form_has(none, none, RG_SLICE("guest_token")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_headers_pass_under_every_class),
        cmocka_unit_test(headers_that_claim_something_never_reach_the_upstream),
        cmocka_unit_test(names_that_a_server_folds_into_others_are_dropped),
        cmocka_unit_test(fields_that_connection_names_are_dropped),
        cmocka_unit_test(each_class_lets_one_kind_of_credential_up),
        cmocka_unit_test(cookies_are_written_plainly_or_not_at_all),
        cmocka_unit_test(a_full_buffer_is_a_limit_and_holds_what_it_held),
        cmocka_unit_test(responses_lose_what_tells_or_commands_too_much),
        cmocka_unit_test(the_upstream_sets_only_the_cookies_that_the_class_lets_up),
        cmocka_unit_test(a_form_that_holds_a_guest_token_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
