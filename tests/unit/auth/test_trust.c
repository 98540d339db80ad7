/* SPDX-License-Identifier: Apache-2.0 */
/* A trust that nothing could ever satisfy is found when it is loaded. */
#include "auth/trust.h"

#include "tests/support/rg_test.h"

static const struct rg_slice audience[] = {{"api://rowgate", 13}};

static struct auth_trust good_trust(void)
{
    struct auth_trust trust = auth_trust_default();
    trust.issuer = RG_SLICE("https://login.example.com");
    trust.audiences = audience;
    trust.audience_count = 1;
    return trust;
}

static void refused(const struct auth_trust *trust, const char *key)
{
    rg_status status = auth_trust_check(trust);
    assert_fails(RG_CONFIG, status);
    if (strncmp(status.error->text, key, strlen(key)) != 0) {
        fail_msg("\"%s\" does not name %s", status.error->text, key);
    }
}

static void accepts_the_default_with_an_issuer_and_an_audience(void **state)
{
    (void)state;
    struct auth_trust trust = good_trust();
    assert_ok(auth_trust_check(&trust));
}

static void refuses_the_zero_value_and_the_bare_default(void **state)
{
    (void)state;
    struct auth_trust zero = {0};
    struct auth_trust bare = auth_trust_default();
    refused(&zero, "issuer");
    refused(&bare, "issuer");
}

static void refuses_urls_that_are_not_https(void **state)
{
    (void)state;
    static const char *const urls[] = {"",          "http://login.example.com", "https://",
                                       "HTTPS://x", "file:///etc/passwd",       "login.example.com"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct auth_trust trust = good_trust();
        trust.issuer = rg_slice_of(urls[i]);
        refused(&trust, "issuer");
        trust = good_trust();
        trust.jwks_uri = i == 0 ? (struct rg_slice){"https://a\0b", 11} : rg_slice_of(urls[i]);
        refused(&trust, "jwks_uri");
    }
}

static void refuses_lists_that_hold_nothing_useful(void **state)
{
    (void)state;
    static const struct rg_slice empty[] = {{"", 0}};
    struct auth_trust trust = good_trust();
    trust.audience_count = 0;
    refused(&trust, "audience");
    trust = good_trust();
    trust.audiences = empty;
    refused(&trust, "audience");
    trust = good_trust();
    trust.algorithm_count = 0;
    refused(&trust, "algorithms");
    static const char *const names[] = {"none", "HS256", "HS384", "HS512", "rs256", "RSA", "", "ES256K"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct rg_slice list[] = {{"RS256", 5}, rg_slice_of(names[i])};
        trust = good_trust();
        trust.algorithms = list;
        trust.algorithm_count = 2;
        refused(&trust, "algorithms");
        assert_false(auth_algorithm_is_known(list[1]));
    }
}

static void refuses_limits_out_of_range(void **state)
{
    (void)state;
    struct auth_trust trust = good_trust();
    trust.max_token_bytes = 0;
    refused(&trust, "max_token_bytes");
    trust = good_trust();
    trust.clock_skew_us = -1;
    refused(&trust, "clock_skew");
    trust.clock_skew_us = INT64_MAX;
    refused(&trust, "clock_skew");
    trust = good_trust();
    trust.jwks_cooldown_us = 0;
    refused(&trust, "jwks_cooldown");
    trust = good_trust();
    trust.jwks_refresh_us = 0;
    refused(&trust, "jwks_refresh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_default_with_an_issuer_and_an_audience),
        cmocka_unit_test(refuses_the_zero_value_and_the_bare_default),
        cmocka_unit_test(refuses_urls_that_are_not_https),
        cmocka_unit_test(refuses_lists_that_hold_nothing_useful),
        cmocka_unit_test(refuses_limits_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
