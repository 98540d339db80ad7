/* SPDX-License-Identifier: Apache-2.0 */
/* A whole login against a real HTTPS provider (tests/support/idp_login.py): code, PKCE, refresh, rotation,
 * introspection, GitHub's API; and a provider that lies or fails. The test's clock is moved, nothing waits for it. */
#include "auth/oidc_provider.h"

#include <stdatomic.h>

#include "auth/fetch.h"
#include "auth/form.h"
#include "tests/support/idp_process.h"

#define BACK "https://bi.example.com/.rowgate/oidc/main/callback"

static atomic_llong extra_us;

static int64_t moved_us(void *context)
{
    (void)context;
    return rg_clock_monotonic_us(rg_clock_system()) + atomic_load(&extra_us);
}

static int64_t wall_us(void *context)
{
    (void)context;
    return rg_clock_wall_us(rg_clock_system());
}

static const struct rg_clock moved_clock = {.wall_us = wall_us, .monotonic_us = moved_us};

struct world {
    struct rg_arena arena;
    struct auth_trust trust;
    struct auth_oidc_client client;
    struct auth_jwks_cache *jwks;
    struct auth_oidc_provider *provider;
};

static const struct rg_slice audiences[] = {{"api://rowgate", 13}};
static const struct rg_slice client_ids[] = {{"rowgate", 7}};
static const struct rg_slice scopes[] = {{"openid", 6}, {"read:org", 8}};
static const struct auth_claim_spec claims[] = {
    {.name = {"tenant_id", 9}, .type = {AUTH_SCALAR_UUID, false}, .required = true},
    {.name = {"organizations", 13}, .type = {AUTH_SCALAR_TEXT, true}},
};

static int begin(void **state)
{
    static struct world world;
    world = (struct world){.trust = auth_trust_default()};
    rg_arena_init(&world.arena, (size_t)32 << 20);
    world.trust.name = RG_SLICE("main");
    world.trust.issuer = rg_slice_of(idp.issuer);
    world.trust.ca_file = rg_slice_of(idp.ca_file);
    world.trust.audiences = audiences;
    world.trust.audience_count = 1;
    world.trust.claims = claims;
    world.trust.claim_count = 2;
    world.trust.jwks_cooldown_us = 1000000;
    world.client = (struct auth_oidc_client){.trust = world.trust,
                                             .client_id = RG_SLICE("rowgate"),
                                             .client_secret = RG_SLICE("s3cret &+%"),
                                             .scopes = scopes,
                                             .scope_count = 2,
                                             .introspects = true};
    world.client.trust.audiences = client_ids;
    assert_ok(auth_jwks_cache_new(&world.trust, 1, &moved_clock, (struct auth_jwks_log){0}, &world.jwks));
    auth_oidc_provider_new(
        &(struct auth_oidc_provider_options){
            .client = &world.client, .trust = &world.trust, .jwks = world.jwks, .clock = &moved_clock},
        &world.provider);
    *state = &world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    idp_file("fault", NULL);
    idp_file("twist.json", NULL);
    idp_file("no-refresh", NULL);
    auth_oidc_provider_free(&world->provider);
    auth_jwks_cache_free(&world->jwks);
    rg_arena_done(&world->arena);
    return 0;
}

static struct auth_oidc_request request_of_tests(struct rg_slice verifier)
{
    return (struct auth_oidc_request){
        .redirect_uri = RG_SLICE(BACK), .state = RG_SLICE("STATE"), .nonce = RG_SLICE("NONCE"), .verifier = verifier};
}

/* What a browser would bring back after name has logged in. */
static struct auth_oidc_callback log_in(struct world *world, const char *name, const struct auth_oidc_request *request)
{
    struct rg_slice url = {0};
    struct rg_slice form = {0};
    struct auth_fetch_answer answer = {0};
    assert_ok(auth_oidc_provider_begin(world->provider, request, &world->arena, &url));
    const char *query = strchr(url.data, '?');
    assert_non_null(query);
    assert_ok(rg_arena_printf(&world->arena, &form, "%s&username=%s&password=%s-password", query + 1, name, name));
    struct auth_fetch post = {.what = "form", .ca_file = rg_slice_of(idp.ca_file), .form = form};
    assert_ok(rg_arena_copy(&world->arena, rg_slice_cut(url, 0, (size_t)(query - url.data)), &post.url));
    assert_ok(auth_fetch(&post, &world->arena, &answer));
    assert_int_equal(answer.status, 302);
    const char *code = strstr(answer.body.data, "\"code\": \"");
    assert_non_null(code);
    code += 9;
    struct auth_oidc_callback callback = {.state = RG_SLICE("STATE"), .issuer = rg_slice_of(idp.issuer)};
    assert_ok(rg_arena_copy(&world->arena, (struct rg_slice){code, strcspn(code, "\"")}, &callback.code));
    return callback;
}

static rg_status finish(struct world *world, const char *name, struct auth_oidc_login *out_login)
{
    struct auth_oidc_request request =
        request_of_tests(RG_SLICE("a-verifier-that-is-long-enough-to-be-one-of-RFC-7636"));
    struct auth_oidc_callback callback = log_in(world, name, &request);
    return auth_oidc_provider_finish(world->provider, &callback, &request, &world->arena, out_login);
}

static void a_person_logs_in_and_is_refreshed(void **state)
{
    struct world *world = *state;
    struct auth_oidc_login login = {0};
    struct auth_oidc_login next = {0};
    assert_ok(finish(world, "alice", &login));
    assert_slice(login.identity.subject, "alice");
    assert_slice(login.identity.issuer, idp.issuer);
    assert_slice(login.claims[0].texts[0], "11111111-1111-1111-1111-111111111111");
    assert_true(login.sid.size > 0 && login.refresh_token.size > 0 && login.access_expires_us > 0);
    assert_ok(auth_oidc_provider_refresh(world->provider, login.refresh_token, login.identity.issuer,
                                         login.identity.subject, &world->arena, &next));
    assert_slice(next.identity.subject, "alice");
    assert_false(rg_slice_is_equal(next.refresh_token, login.refresh_token));
    /* a refresh token is good once */
    assert_fails(RG_DENIED, auth_oidc_provider_refresh(world->provider, login.refresh_token, login.identity.issuer,
                                                       login.identity.subject, &world->arena, &next));
    assert_fails(RG_DENIED, auth_oidc_provider_refresh(world->provider, next.refresh_token, login.identity.issuer,
                                                       RG_SLICE("bob"), &world->arena, &next));
    assert_fails(RG_DENIED, auth_oidc_provider_refresh(world->provider, next.refresh_token, login.identity.issuer,
                                                       (struct rg_slice){0}, &world->arena, &next));
}

static void a_code_is_good_once_and_with_its_verifier_only(void **state)
{
    struct world *world = *state;
    struct auth_oidc_login login = {.access_expires_us = 77};
    struct auth_oidc_request request = request_of_tests(RG_SLICE("the-verifier-of-this-login-and-of-no-other-one"));
    struct auth_oidc_callback callback = log_in(world, "alice", &request);
    struct auth_oidc_request other = request_of_tests(RG_SLICE("somebody-elses-verifier-with-enough-characters"));
    assert_fails(RG_DENIED, auth_oidc_provider_finish(world->provider, &callback, &other, &world->arena, &login));
    callback = log_in(world, "alice", &request);
    assert_ok(auth_oidc_provider_finish(world->provider, &callback, &request, &world->arena, &login));
    login.access_expires_us = 77;
    assert_fails(RG_DENIED, auth_oidc_provider_finish(world->provider, &callback, &request, &world->arena, &login));
    callback.issuer = RG_SLICE("https://evil.example");
    assert_fails(RG_DENIED, auth_oidc_provider_finish(world->provider, &callback, &request, &world->arena, &login));
    callback.issuer = (struct rg_slice){0}; /* this provider says that it always sends one */
    assert_fails(RG_DENIED, auth_oidc_provider_finish(world->provider, &callback, &request, &world->arena, &login));
    assert_int_equal(login.access_expires_us, 77);
}

static void a_provider_that_lies_is_refused(void **state)
{
    struct world *world = *state;
    static const char *const twists[] = {"{\"nonce\":\"OTHER\"}",
                                         "{\"nonce\":null}",
                                         "{\"aud\":\"other\"}",
                                         "{\"azp\":\"other\"}",
                                         "{\"iss\":\"https://evil.example\"}",
                                         "{\"at_hash\":\"AAAA\"}",
                                         "{\"exp\":1000}",
                                         "{\"sub\":null}",
                                         "{\"tenant_id\":null}",
                                         "{\"tenant_id\":\"x\"}",
                                         "{\"iat\":null}"};
    for (size_t i = 0; i < sizeof twists / sizeof twists[0]; i++) {
        struct auth_oidc_login login = {.access_expires_us = 77};
        print_message("%s\n", twists[i]);
        idp_file("twist.json", twists[i]);
        assert_fails(RG_DENIED, finish(world, "alice", &login));
        assert_int_equal(login.access_expires_us, 77);
    }
}

static void new_keys_are_fetched_when_a_token_names_one(void **state)
{
    struct world *world = *state;
    struct auth_oidc_login login = {0};
    assert_ok(finish(world, "alice", &login));
    idp_rotate();
    atomic_fetch_add(&extra_us, 2000000); /* the cool-down is over */
    assert_ok(finish(world, "bob", &login));
    assert_slice(login.identity.subject, "bob");
}

static void the_old_discovery_document_serves_while_the_provider_fails(void **state)
{
    struct world *world = *state;
    struct auth_oidc_request request = request_of_tests(RG_SLICE("verifier"));
    struct rg_slice url = {0};
    assert_ok(auth_oidc_provider_begin(world->provider, &request, &world->arena, &url));
    size_t before = idp_requests("openid-configuration");
    assert_ok(auth_oidc_provider_begin(world->provider, &request, &world->arena, &url));
    assert_int_equal(idp_requests("openid-configuration"), before);
    static const char *const faults[] = {"status", "garbage", "redirect", "huge", "issuer"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        idp_file("fault", faults[i]);
        atomic_fetch_add(&extra_us, 601 * INT64_C(1000000));
        assert_ok(auth_oidc_provider_begin(world->provider, &request, &world->arena, &url));
    }
    assert_true(idp_requests("openid-configuration") >= before + 5);
}

static void a_provider_that_was_never_there_is_asked_again_only_after_a_while(void **state)
{
    struct world *world = *state;
    struct auth_oidc_request request = request_of_tests(RG_SLICE("verifier"));
    struct rg_slice url = RG_SLICE("before");
    idp_file("fault", "issuer");
    assert_fails(RG_PROTOCOL, auth_oidc_provider_begin(world->provider, &request, &world->arena, &url));
    idp_file("fault", "status");
    rg_status status = auth_oidc_provider_begin(world->provider, &request, &world->arena, &url);
    assert_fails(RG_UPSTREAM, status);
    assert_non_null(strstr(status.error->text, "a moment ago"));
    assert_slice(url, "before");
    idp_file("fault", NULL);
    atomic_fetch_add(&extra_us, 6000000);
    assert_ok(auth_oidc_provider_begin(world->provider, &request, &world->arena, &url));
}

static void a_token_endpoint_that_fails_is_no_refusal(void **state)
{
    struct world *world = *state;
    struct auth_oidc_login login = {0};
    assert_ok(finish(world, "alice", &login));
    struct auth_oidc_login next = {.access_expires_us = 77};
    idp_file("fault", "status");
    assert_fails(RG_UPSTREAM, auth_oidc_provider_refresh(world->provider, login.refresh_token, login.identity.issuer,
                                                         login.identity.subject, &world->arena, &next));
    idp_file("fault", "garbage");
    assert_fails(RG_PROTOCOL, auth_oidc_provider_refresh(world->provider, login.refresh_token, login.identity.issuer,
                                                         login.identity.subject, &world->arena, &next));
    idp_file("fault", NULL);
    idp_file("no-refresh", "");
    assert_fails(RG_DENIED, auth_oidc_provider_refresh(world->provider, login.refresh_token, login.identity.issuer,
                                                       login.identity.subject, &world->arena, &next));
    assert_int_equal(next.access_expires_us, 77);
}

static void an_opaque_token_is_asked_about_and_remembered_for_a_while(void **state)
{
    struct world *world = *state;
    struct auth_oidc_login login = {0};
    struct auth_identity identity = {0};
    assert_ok(finish(world, "alice", &login));
    size_t before = idp_requests("/introspect");
    for (size_t i = 0; i < 3; i++) {
        assert_ok(auth_oidc_provider_judge_bearer(world->provider, login.access_token, &world->arena, &identity));
    }
    assert_slice(identity.subject, "alice");
    assert_int_equal(idp_requests("/introspect"), before + 1);
    atomic_fetch_add(&extra_us, 31 * INT64_C(1000000));
    assert_ok(auth_oidc_provider_judge_bearer(world->provider, login.access_token, &world->arena, &identity));
    assert_int_equal(idp_requests("/introspect"), before + 2);
    identity = (struct auth_identity){0};
    for (size_t i = 0; i < 2; i++) {
        assert_fails(RG_DENIED, auth_oidc_provider_judge_bearer(world->provider, RG_SLICE("opaque-unknown"),
                                                                &world->arena, &identity));
    }
    assert_int_equal(idp_requests("/introspect"), before + 3); /* a refusal is remembered, too */
    world->client.introspects = false;
    assert_fails(RG_DENIED,
                 auth_oidc_provider_judge_bearer(world->provider, login.access_token, &world->arena, &identity));
    assert_fails(RG_DENIED,
                 auth_oidc_provider_judge_bearer(world->provider, (struct rg_slice){0}, &world->arena, &identity));
    /* an ID token is for the client, not for the API */
    assert_fails(RG_DENIED, auth_oidc_provider_judge_bearer(world->provider, login.id_token, &world->arena, &identity));
    assert_int_equal(identity.kind, AUTH_UNVERIFIED);
}

static void an_id_token_is_no_logout_token(void **state)
{
    struct world *world = *state;
    struct auth_oidc_login login = {0};
    struct auth_oidc_logout logout = {.until_us = 77};
    struct rg_slice url = {0};
    assert_ok(finish(world, "alice", &login));
    assert_fails(RG_DENIED, auth_oidc_provider_judge_logout(world->provider, login.id_token, &world->arena, &logout));
    assert_fails(RG_DENIED,
                 auth_oidc_provider_judge_logout(world->provider, RG_SLICE("nonsense"), &world->arena, &logout));
    assert_int_equal(logout.until_us, 77);
    assert_ok(auth_oidc_provider_logout_url(world->provider, login.id_token, RG_SLICE("https://bi.example.com/x"),
                                            &world->arena, &url));
    assert_non_null(strstr(url.data, "/end_session?client_id=rowgate&id_token_hint="));
}

static void github_answers_for_an_id_token(void **state)
{
    struct world *world = *state;
    struct auth_oidc_login login = {0};
    struct auth_oidc_endpoints *fixed = &world->client.fixed;
    world->client.is_plain_oauth = true;
    assert_ok(rg_arena_printf(&world->arena, &fixed->authorization, "%s/login/oauth/authorize", idp.issuer));
    assert_ok(rg_arena_printf(&world->arena, &fixed->token, "%s/login/oauth/access_token", idp.issuer));
    assert_ok(rg_arena_printf(&world->arena, &fixed->user, "%s/api/v3/user", idp.issuer));
    assert_ok(rg_arena_printf(&world->arena, &fixed->organizations, "%s/api/v3/user/orgs", idp.issuer));
    fixed->wants_post = true;
    assert_ok(finish(world, "alice", &login));
    assert_slice(login.identity.subject, "583231");
    assert_slice(login.identity.user, "alice");
    assert_slice(login.claims[1].texts[0], "acme");
    assert_int_equal(login.id_token.size, 0);
    struct auth_oidc_login next = {0};
    struct rg_slice issuer = login.identity.issuer;
    assert_ok(auth_oidc_provider_refresh(world->provider, login.refresh_token, issuer, RG_SLICE("583231"),
                                         &world->arena, &next));
    assert_slice(next.identity.subject, "583231");
    rg_status other = auth_oidc_provider_refresh(world->provider, next.refresh_token, issuer, RG_SLICE("583232"),
                                                 &world->arena, &login);
    assert_fails(RG_DENIED, other);
    assert_slice(login.identity.subject, "583231");
    /* documented: a wrong code is an error with status 200 */
    struct auth_oidc_request request = request_of_tests(RG_SLICE("verifier"));
    struct auth_oidc_callback callback = {.state = RG_SLICE("STATE"), .code = RG_SLICE("wrong")};
    rg_status status = auth_oidc_provider_finish(world->provider, &callback, &request, &world->arena, &login);
    assert_fails(RG_DENIED, status);
    assert_string_equal(status.error->text, "the provider refuses: bad_verification_code");
    world->client.client_secret = RG_SLICE("wrong");
    status = auth_oidc_provider_finish(world->provider, &callback, &request, &world->arena, &login);
    assert_fails(RG_DENIED, status);
    assert_string_equal(status.error->text, "the provider refuses: incorrect_client_credentials");
    struct auth_oidc_logout logout = {0};
    assert_fails(RG_DENIED,
                 auth_oidc_provider_judge_logout(world->provider, RG_SLICE("a.b.c"), &world->arena, &logout));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_person_logs_in_and_is_refreshed, begin, end),
        cmocka_unit_test_setup_teardown(a_code_is_good_once_and_with_its_verifier_only, begin, end),
        cmocka_unit_test_setup_teardown(a_provider_that_lies_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(new_keys_are_fetched_when_a_token_names_one, begin, end),
        cmocka_unit_test_setup_teardown(the_old_discovery_document_serves_while_the_provider_fails, begin, end),
        cmocka_unit_test_setup_teardown(a_provider_that_was_never_there_is_asked_again_only_after_a_while, begin, end),
        cmocka_unit_test_setup_teardown(a_token_endpoint_that_fails_is_no_refusal, begin, end),
        cmocka_unit_test_setup_teardown(an_opaque_token_is_asked_about_and_remembered_for_a_while, begin, end),
        cmocka_unit_test_setup_teardown(an_id_token_is_no_logout_token, begin, end),
        cmocka_unit_test_setup_teardown(github_answers_for_an_id_token, begin, end),
    };
    return cmocka_run_group_tests(tests, idp_start, idp_stop);
}
