/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a login: whom it lets in, and whom an order of an operator keeps out however well his provider speaks of
 * him. */
#include "proxy/http/login.h"

#include "auth/revocation.h"
#include "base/rg_memory.h"
#include "proxy/config.h"
#include "tests/support/state_world.h"

struct world {
    struct auth_state *state;
    struct config config;
    struct tenant_static tenant;
    struct config_idp idp;
    struct auth_identity identity;
};

static int world_make(void **out)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_int_equal(state_directory_make(NULL), 0);
    world->state = state_opened();
    world->tenant.id = RG_SLICE("acme");
    world->tenant.match = (struct tenant_match){.kind = TENANT_MATCH_IDP, .idp = RG_SLICE("main")};
    world->tenant.route.upstream = RG_SLICE("pool");
    world->config.registry.static_count = 1;
    world->config.registry.statics = &world->tenant;
    world->idp.name = RG_SLICE("main");
    world->identity = (struct auth_identity){.kind = AUTH_OIDC,
                                             .idp = RG_SLICE("main"),
                                             .issuer = RG_SLICE("https://idp.example"),
                                             .subject = RG_SLICE("alice"),
                                             .token_id = RG_SLICE("jti-1"),
                                             .issued_at_us = state_now_us - MINUTE_US};
    *out = world;
    return 0;
}

static int world_done(void **out)
{
    struct world *world = *out;
    auth_state_close(&world->state);
    free(world);
    return state_directory_remove(NULL);
}

static struct http_login_job *admit(struct world *world)
{
    struct http_login_job *job = rg_memory_alloc(sizeof *job);
    const struct auth_session_new login = state_login("alice");
    rg_arena_init(&job->arena, HTTP_LOGIN_ARENA);
    job->state = world->state;
    job->config = &world->config;
    job->idp = &world->idp;
    job->clock = &state_clock;
    http_login_admit(job, &world->identity, &login, RG_SLICE("/"));
    return job;
}

static void lets_in_whom_a_tenant_expects(void **out)
{
    struct world *world = *out;
    struct http_login_job *job = admit(world);
    assert_int_equal(job->failure.status, 0);
    assert_slice(job->tenant.id, "acme");
    assert_true(state_is_in(world->state, job->cookie));
    http_login_job_free(&job);
}

static void keeps_out_whom_no_tenant_expects(void **out)
{
    struct world *world = *out;
    world->identity.idp = RG_SLICE("other");
    struct http_login_job *job = admit(world);
    assert_int_equal(job->failure.status, 403);
    assert_string_equal(job->failure.rule, "login.tenant");
    assert_null(job->session);
    assert_int_equal(auth_sessions_count(world->state), 0);
    http_login_job_free(&job);
}

/* An answer that was kept back until the order had ended all sessions would have made a new one. */
static void keeps_out_who_was_revoked_after_the_provider_spoke(void **out)
{
    struct world *world = *out;
    static const struct {
        enum auth_revocation_kind kind;
        const char *idp, *text;
    } rows[] = {
        {AUTH_REVOKE_SUBJECT, "main", "alice"},
        {AUTH_REVOKE_TENANT, "", "acme"},
        {AUTH_REVOKE_TOKEN, "main", "jti-1"},
        {AUTH_REVOKE_ALL, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct auth_revocation revocation = {.kind = rows[i].kind,
                                                   .idp = rg_slice_of(rows[i].idp),
                                                   .text = rg_slice_of(rows[i].text),
                                                   .revoked_us = state_now_us};
        assert_ok(auth_revocation_add(world->state, &revocation));
        struct http_login_job *job = admit(world);
        if (job->failure.status != 403) {
            fail_msg("row %zu: %d %s", i, job->failure.status, job->failure.reason);
        }
        assert_string_equal(job->failure.rule, "login.revoked");
        assert_false(state_is_in(world->state, job->cookie));
        assert_int_equal(auth_sessions_count(world->state), 0);
        http_login_job_free(&job);
        world_done(out);
        world_make(out);
        world = *out;
    }
}

static void lets_in_again_whom_the_provider_speaks_of_anew(void **out)
{
    struct world *world = *out;
    const struct auth_revocation revocation = {.kind = AUTH_REVOKE_SUBJECT,
                                               .idp = RG_SLICE("main"),
                                               .text = RG_SLICE("alice"),
                                               .revoked_us = state_now_us - 1};
    assert_ok(auth_revocation_add(world->state, &revocation));
    const int64_t issued_us[] = {state_now_us, 0}; /* 0: a provider that does not say when speaks now */
    for (size_t i = 0; i < 2; i++) {
        world->identity.issued_at_us = issued_us[i];
        struct http_login_job *job = admit(world);
        assert_int_equal(job->failure.status, 0);
        assert_true(state_is_in(world->state, job->cookie));
        http_login_job_free(&job);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lets_in_whom_a_tenant_expects),
        TEST(keeps_out_whom_no_tenant_expects),
        TEST(keeps_out_who_was_revoked_after_the_provider_spoke),
        TEST(lets_in_again_whom_the_provider_speaks_of_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
