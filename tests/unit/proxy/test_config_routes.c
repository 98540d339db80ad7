/* SPDX-License-Identifier: Apache-2.0 */
/* [[routes]] of a sound file become what decides; what is wrong in them is in config_refusals_routes.inc. */
#include "proxy/config_routes.h"

#include "tests/support/config_chunks.h"
#include "tests/support/config_test.h"

static const char rules[] =
    "[claims.roles]\ntype = \"text[]\"\n"
    "[[routes]]\npath = \"/api/v1/sqllab/{rest}\"\nroles = [\"analyst\"]\nallow = true\nreason = \"Ask for analyst.\"\n"
    "[[routes]]\nname = \"no files\"\npath = \"/api/v1/dashboard/export/\"\nmethods = [\"GET\"]\nto = [\"acme\"]\n"
    "allow = false\n"
    "[[routes]]\nname = \"admins\"\npath = \"/api/v1/rowlevelsecurity/{rest}\"\nexcept = [\"acme\"]\n"
    "roles = [\"admin\", \"owner\"]\nallow = true\n"
    "[limits.tight]\nrequests_per_minute = 7\n";

static struct config_files files;

static int load(void **state)
{
    (void)state;
    static char text[16384];
    size_t size = 0;
    assert_int_equal(setenv("CONFIG_TEST_VERIFIER", VERIFIER, 1), 0);
    config_files_init(&files);
    for (size_t i = 0; i < CHUNK_EXTRA; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s", sound_chunks[i]);
    }
    size += (size_t)snprintf(text + size, sizeof text - size, "%s", rules);
    config_files_write(&files, "main.toml", text, size);
    assert_ok(config_files_load(&files, "main.toml"));
    assert_int_equal(files.diag.warning_count, 0);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    config_files_done(&files);
    return 0;
}

static struct http_route_decision decide(enum http_method method, const char *path, const char *tenant,
                                         const char *role)
{
    struct rg_slice roles[] = {rg_slice_of(role)};
    struct http_route_caller caller = {true, rg_slice_of(tenant), role == NULL ? 0 : 1, roles};
    struct http_route_match match;
    http_route_find(files.config->routes.table, method, rg_slice_of(path), &match);
    return http_route_decide(files.config->routes.policies, &match, &caller);
}

static void rules_of_the_file_decide(void **state)
{
    (void)state;
    struct http_route_decision decision = decide(HTTP_METHOD_POST, "/api/v1/sqllab/execute/", "acme", NULL);
    assert_false(decision.is_allowed);
    assert_slice(decision.policy, "routes[1]");
    assert_slice(decision.reason, "Ask for analyst.");
    assert_true(decide(HTTP_METHOD_POST, "/api/v1/sqllab/execute/", "acme", "analyst").is_allowed);
    decision = decide(HTTP_METHOD_GET, "/api/v1/dashboard/export/", "acme", NULL);
    assert_string_equal(decision.rule, "http.route.denied");
    assert_slice(decision.policy, "no files");
    assert_true(decide(HTTP_METHOD_GET, "/api/v1/dashboard/export/", "globex", NULL).is_allowed);
    assert_true(decide(HTTP_METHOD_PUT, "/api/v1/rowlevelsecurity/3", "globex", "owner").is_allowed);
    assert_false(decide(HTTP_METHOD_PUT, "/api/v1/rowlevelsecurity/3", "globex", "analyst").is_allowed);
    assert_false(decide(HTTP_METHOD_PUT, "/api/v1/rowlevelsecurity/3", "acme", "owner").is_allowed);
    assert_false(decide(HTTP_METHOD_PUT, "/api/v1/database/3", "globex", "owner").is_allowed);
}

static void the_claim_of_roles_is_found(void **state)
{
    (void)state;
    const struct config *config = files.config;
    assert_true(config->routes.has_roles);
    assert_slice(config->claims[config->routes.roles_claim].name, "roles");
}

static void limits_of_requests_have_defaults(void **state)
{
    (void)state;
    const struct config *config = files.config;
    const struct tenant_route tight = {.limits = RG_SLICE("tight")};
    const struct tenant_route bare = {0};
    assert_int_equal(config_limits_find(config, &tight).values[CONFIG_LIMIT_REQUESTS_PER_MINUTE], 7);
    assert_int_equal(config_limits_find(config, &bare).values[CONFIG_LIMIT_REQUESTS_PER_MINUTE], 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_the_file_decide),
        cmocka_unit_test(the_claim_of_roles_is_found),
        cmocka_unit_test(limits_of_requests_have_defaults),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
