/* SPDX-License-Identifier: Apache-2.0 */
/* The capsule of a request's caller: what it says, how long, and who gets none. */
#include "proxy/http/capsule_header.h"

#include "proxy/config.h"
#include "proxy/gateway.h"
#include "proxy/http/guest.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "tests/support/state_world.h"

static const struct auth_claim_spec specs[] = {
    {.name = {"tenant", 6}, .type = {AUTH_SCALAR_TEXT, false}, .required = true}};
static const struct rg_slice texts[] = {{"acme", 4}};
static const struct auth_claim_value values[] = {
    {.is_present = true, .type = {AUTH_SCALAR_TEXT, false}, .count = 1, .elements = texts}};

/* As much of a gateway as the call looks at. */
struct world {
    struct gateway gateway;
    struct worker worker;
    struct config config;
    struct snapshot snapshot;
    struct http_request request;
};

static void world_init(struct world *world)
{
    *world = (struct world){.gateway = {.clock = &state_clock, .state = state_opened()},
                            .config = {.claim_count = 1, .claims = specs}};
    world->worker.gateway = &world->gateway;
    world->snapshot.config = &world->config;
    world->request = (struct http_request){.worker = &world->worker,
                                           .snapshot = &world->snapshot,
                                           .reference = "r-000000000000002a",
                                           .has_tenant = true,
                                           .tenant = {.id = RG_SLICE("acme")},
                                           .identity = {.kind = AUTH_OIDC,
                                                        .idp = RG_SLICE("main"),
                                                        .issuer = RG_SLICE("https://idp.example"),
                                                        .subject = RG_SLICE("alice"),
                                                        .claim_count = 1,
                                                        .claims = values}};
    rg_arena_init(&world->request.arena, (size_t)256 * 1024);
}

static void world_done(struct world *world)
{
    rg_arena_done(&world->request.arena);
    auth_state_close(&world->gateway.state);
}

static const struct http_capsule_wish for_sql = {.purpose = AUTH_CAPSULE_SQL, .lifetime_us = 15 * MINUTE_US};

static void says_who_asks_for_whom_and_in_which_request(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    struct rg_slice text = {0};
    struct auth_capsule capsule = {0};
    world_init(&world);
    assert_ok(http_capsule_make(&world.request, &for_sql, &text));
    assert_ok(
        auth_capsule_open(world.gateway.state, text, AUTH_CAPSULE_SQL, state_now_us, &world.request.arena, &capsule));
    assert_slice(capsule.subject, "alice");
    assert_slice(capsule.tenant, "acme");
    assert_slice(capsule.reference, "r-000000000000002a");
    assert_int_equal(capsule.claim_count, 1);
    assert_false(capsule.is_guest);
    assert_int_equal(capsule.expires_us, state_now_us + 15 * MINUTE_US);
}

static void ends_with_the_credential_behind_it(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    struct rg_slice text = {0};
    struct auth_capsule capsule = {0};
    world_init(&world);
    world.request.identity.expires_at_us = state_now_us + MINUTE_US;
    assert_ok(http_capsule_make(&world.request, &for_sql, &text));
    assert_ok(
        auth_capsule_open(world.gateway.state, text, AUTH_CAPSULE_SQL, state_now_us, &world.request.arena, &capsule));
    assert_int_equal(capsule.expires_us, state_now_us + MINUTE_US);
}

static void carries_what_a_guest_may_open(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    const struct rg_slice dashboards[] = {RG_SLICE("d1")};
    const struct http_capsule_wish wish = {.purpose = AUTH_CAPSULE_GUEST,
                                           .lifetime_us = MINUTE_US,
                                           .is_guest = true,
                                           .resource_count = 1,
                                           .resources = dashboards};
    struct rg_slice text = {0};
    struct auth_capsule capsule = {0};
    struct http_guest guest = {.id = RG_SLICE("r-token")};
    world_init(&world);
    world.request.guest = &guest;
    assert_ok(http_capsule_make(&world.request, &wish, &text));
    assert_ok(
        auth_capsule_open(world.gateway.state, text, AUTH_CAPSULE_GUEST, state_now_us, &world.request.arena, &capsule));
    assert_true(capsule.is_guest);
    assert_slice(capsule.resources[0], "d1");
    assert_slice(capsule.guest, "r-token");
}

static void nobody_gets_one(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    struct rg_slice text = {0};
    world_init(&world);
    world.request.has_tenant = false;
    assert_fails(RG_DENIED, http_capsule_make(&world.request, &for_sql, &text));
    world.request.has_tenant = true;
    world.request.identity.kind = AUTH_UNVERIFIED;
    assert_fails(RG_DENIED, http_capsule_make(&world.request, &for_sql, &text));
    world.request.identity.kind = AUTH_OIDC;
    world.request.identity.expires_at_us = state_now_us; /* it ended on the way here */
    assert_fails(RG_DENIED, http_capsule_make(&world.request, &for_sql, &text));
    assert_null(text.data);
}

static void without_a_state_there_are_none(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    struct rg_slice text = {0};
    world_init(&world);
    auth_state_close(&world.gateway.state);
    assert_fails(RG_DENIED, http_capsule_make(&world.request, &for_sql, &text));
    assert_null(text.data);
}

static void a_caller_with_too_many_claims_gets_none(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    static char name[AUTH_CAPSULE_MAX_BYTES];
    struct rg_slice text = {0};
    world_init(&world);
    memset(name, 'x', sizeof name);
    world.request.identity.user = rg_slice_make(name, sizeof name);
    assert_fails(RG_LIMIT, http_capsule_make(&world.request, &for_sql, &text));
    assert_null(text.data);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, state_directory_make, state_directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(says_who_asks_for_whom_and_in_which_request),
        IN_DIRECTORY(ends_with_the_credential_behind_it),
        IN_DIRECTORY(carries_what_a_guest_may_open),
        IN_DIRECTORY(nobody_gets_one),
        IN_DIRECTORY(without_a_state_there_are_none),
        IN_DIRECTORY(a_caller_with_too_many_claims_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
