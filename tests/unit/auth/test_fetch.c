/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client against a real HTTPS server: what it takes, and what it does not follow, trust or swallow. */
#include "auth/fetch.h"

#include "tests/support/idp_process.h"

static struct rg_arena arena;

static rg_status fetch_url(const char *url, const char *ca_file, struct auth_fetch_answer *out_answer)
{
    struct auth_fetch request = {.what = "page", .url = rg_slice_of(url), .ca_file = rg_slice_of(ca_file)};
    return auth_fetch(&request, &arena, out_answer);
}

static const char *page(const char *path)
{
    struct rg_slice url = {0};
    assert_ok(rg_arena_printf(&arena, &url, "%s%s", idp.issuer, path));
    return url.data;
}

static void an_answer_is_given_whatever_its_status(void **state)
{
    (void)state;
    struct auth_fetch_answer answer = {0};
    assert_ok(fetch_url(page("/.well-known/openid-configuration"), idp.ca_file, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body.data, "\"issuer\""));
    assert_ok(fetch_url(page("/nothing"), idp.ca_file, &answer));
    assert_int_equal(answer.status, 404);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct auth_fetch_answer answer = {0};
    idp_file("fault", "redirect");
    assert_ok(fetch_url(page("/jwks"), idp.ca_file, &answer));
    idp_file("fault", NULL);
    assert_int_equal(answer.status, 302);
    assert_int_equal(idp_requests("/elsewhere"), 0);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct auth_fetch_answer answer = {.status = 77};
    idp_file("fault", "huge");
    rg_status status = fetch_url(page("/jwks"), idp.ca_file, &answer);
    idp_file("fault", NULL);
    assert_fails(RG_UPSTREAM, status);
    assert_non_null(strstr(status.error->text, "more than"));
    assert_int_equal(answer.status, 77);
}

static void whoever_cannot_prove_his_name_gets_nothing(void **state)
{
    (void)state;
    struct auth_fetch_answer answer = {.status = 77};
    char other[160];
    (void)snprintf(other, sizeof other, "%s.absent", idp.ca_file);
    assert_fails(RG_UPSTREAM, fetch_url(page("/jwks"), "", &answer)); /* the system's authorities do not know it */
    assert_fails(RG_UPSTREAM, fetch_url(page("/jwks"), other, &answer));
    size_t before = idp_requests("/named");
    struct rg_slice url = {0};
    assert_ok(rg_arena_printf(&arena, &url, "https://127.0.0.2:%s/named", strrchr(idp.issuer, ':') + 1));
    assert_fails(RG_UPSTREAM, fetch_url(url.data, idp.ca_file, &answer));
    assert_int_equal(idp_requests("/named"), before);
    assert_int_equal(answer.status, 77);
}

static void other_schemes_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1:1/", "file:///etc/passwd", "ftp://127.0.0.1/", "", "x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct auth_fetch_answer answer = {.status = 77};
        assert_fails(RG_UPSTREAM, fetch_url(urls[i], idp.ca_file, &answer));
        assert_int_equal(answer.status, 77);
    }
}

static void errors_hold_no_secret(void **state)
{
    (void)state;
    struct auth_fetch_answer answer = {0};
    struct auth_fetch request = {.what = "token endpoint",
                                 .url = RG_SLICE("https://127.0.0.1:1/"),
                                 .form = RG_SLICE("code=hidden-code"),
                                 .user = RG_SLICE("rowgate"),
                                 .password = RG_SLICE("hidden-password")};
    rg_status status = auth_fetch(&request, &arena, &answer);
    assert_fails(RG_UPSTREAM, status);
    assert_null(strstr(status.error->text, "hidden"));
}

static void a_full_arena_is_an_error(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena small;
    rg_arena_init(&small, 8);
    struct auth_fetch request = {
        .what = "page", .url = rg_slice_of(page("/jwks")), .ca_file = rg_slice_of(idp.ca_file)};
    struct auth_fetch_answer answer = {.status = 77};
    assert_fails(RG_LIMIT, auth_fetch(&request, &small, &answer));
    assert_int_equal(answer.status, 77);
}

static int start(void **state)
{
    rg_arena_init(&arena, (size_t)16 << 20);
    return idp_start(state);
}

static int stop(void **state)
{
    rg_arena_done(&arena);
    return idp_stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_given_whatever_its_status),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(whoever_cannot_prove_his_name_gets_nothing),
        cmocka_unit_test(other_schemes_are_refused),
        cmocka_unit_test(errors_hold_no_secret),
        cmocka_unit_test(a_full_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
