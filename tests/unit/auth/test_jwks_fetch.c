/* SPDX-License-Identifier: Apache-2.0 */
/* The discovery document. The transfers themselves are tested with the cache that drives them. */
#include "auth/jwks_fetch_private.h"

#include "tests/support/rg_test.h"

static void discovery_documents_must_name_us_and_https(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    const struct rg_slice ours = RG_SLICE("https://a");
    struct rg_slice uri = {0};
    assert_ok(auth_discovery_parse(RG_SLICE("{\"issuer\":\"https://a\",\"jwks_uri\":\"https://b/k\"}"), ours,
                                   (struct rg_slice){0}, &arena, &uri));
    assert_slice(uri, "https://b/k");
    static const char *const rows[] = {
        "",
        "[]",
        "{\"jwks_uri\":\"https://b/k\"}",
        "{\"issuer\":\"https://a/\",\"jwks_uri\":\"https://b/k\"}",
        "{\"issuer\":\"https://a\"}",
        "{\"issuer\":\"https://a\",\"jwks_uri\":7}",
        "{\"issuer\":\"https://a\",\"jwks_uri\":\"file:///etc/passwd\"}",
        "{\"issuer\":\"https://a\",\"issuer\":\"https://a\",\"jwks_uri\":\"https://b/k\"}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_fails(RG_PROTOCOL, auth_discovery_parse(rg_slice_of(rows[i]), ours, (struct rg_slice){0}, &arena, &uri));
        assert_slice(uri, "https://b/k");
    }
    assert_fails(RG_PROTOCOL, auth_discovery_parse(RG_SLICE("{\"issuer\":\"\",\"jwks_uri\":\"https://b\"}"),
                                                   (struct rg_slice){0}, (struct rg_slice){0}, &arena, &uri));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discovery_documents_must_name_us_and_https),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
