/* SPDX-License-Identifier: Apache-2.0 */
/* Capsules: two thirds of these try to make, change, keep or misuse one. */
#include "auth/capsule.h"

#include "auth/capsule_private.h"
#include "auth/revocation.h"
#include "tests/support/state_world.h"

enum { ARENA_BYTES = 256 * 1024 };

static const struct auth_claim_spec specs[] = {
    {.name = {"tenant", 6}, .type = {AUTH_SCALAR_TEXT, false}, .required = true},
    {.name = {"regions", 7}, .type = {AUTH_SCALAR_TEXT, true}},
    {.name = {"level", 5}, .type = {AUTH_SCALAR_INT4, false}},
};
static const struct rg_slice tenant_texts[] = {{"acme", 4}};
static const struct rg_slice region_texts[] = {{"eu", 2}, {"", 0}, {"us", 2}};
static const struct auth_claim_value values[] = {
    {.is_present = true, .type = {AUTH_SCALAR_TEXT, false}, .count = 1, .elements = tenant_texts},
    {.is_present = true, .type = {AUTH_SCALAR_TEXT, true}, .count = 3, .elements = region_texts},
    {.is_present = false},
};

static struct auth_identity bearer_identity(void)
{
    return (struct auth_identity){
        .kind = AUTH_OIDC,
        .idp = RG_SLICE("main"),
        .issuer = RG_SLICE("https://idp.example"),
        .subject = RG_SLICE("alice"),
        .user = RG_SLICE("Alice"),
        .token_id = RG_SLICE("jti-1"),
        .issued_at_us = state_now_us - MINUTE_US,
        .expires_at_us = state_now_us + 60 * MINUTE_US,
        .claim_count = 3,
        .claims = values,
    };
}

static struct auth_capsule empty_capsule(void)
{
    return (struct auth_capsule){
        .purpose = AUTH_CAPSULE_SQL,
        .tenant = RG_SLICE("acme"),
        .reference = RG_SLICE("r-1"),
        .view = RG_SLICE("view-key"),
        .made_us = state_now_us,
        .expires_us = state_now_us + 15 * MINUTE_US,
    };
}

static struct auth_capsule bearer_capsule(struct rg_arena *arena)
{
    struct auth_capsule capsule = empty_capsule();
    const struct auth_identity identity = bearer_identity();
    assert_ok(auth_capsule_fill(&identity, NULL, specs, arena, &capsule));
    return capsule;
}

/* A capsule of alice's new session; the session itself is let go of. */
static struct auth_capsule session_capsule(struct auth_state *state, char cookie[AUTH_COOKIE_VALUE_SIZE],
                                           struct rg_arena *arena)
{
    RG_AUTO(auth_session_free) struct auth_session *session = NULL;
    struct auth_identity identity = {0};
    struct auth_capsule capsule = empty_capsule();
    state_log_in(state, "alice", cookie);
    assert_ok(auth_sessions_find(state, rg_slice_of(cookie), state_now_us, &session));
    assert_ok(auth_session_identity(session, specs, 3, arena, &identity));
    assert_ok(auth_capsule_fill(&identity, session, specs, arena, &capsule));
    assert_ok(rg_arena_copy(arena, capsule.session, &capsule.session));
    return capsule;
}

/* Who it stands for now; the subject's text, or the failure. */
static rg_status identity_of(struct auth_state *state, const struct auth_capsule *capsule, struct rg_arena *arena,
                             struct auth_identity *identity)
{
    RG_AUTO(auth_session_free) struct auth_session *session = NULL;
    struct auth_identity found = {0};
    RG_TRY(auth_capsule_identity(state, capsule, specs, 3, state_now_us, arena, &session, &found));
    assert_true((session != NULL) == (capsule->session.size > 0));
    return auth_identity_copy(&found, arena, identity);
}

struct world {
    struct auth_state *state;
    struct rg_arena arena;
};

static void world_init(struct world *world)
{
    world->state = state_opened();
    rg_arena_init(&world->arena, ARENA_BYTES);
}

static void world_done(struct world *world)
{
    rg_arena_done(&world->arena);
    auth_state_close(&world->state);
}

static struct rg_slice sealed(struct world *world, const struct auth_capsule *capsule)
{
    struct rg_slice text = {0};
    assert_ok(auth_capsule_seal(world->state, capsule, &world->arena, &text));
    return text;
}

static rg_status opened(struct world *world, struct rg_slice text, struct auth_capsule *capsule)
{
    return auth_capsule_open(world->state, text, AUTH_CAPSULE_SQL, state_now_us, &world->arena, capsule);
}

/* Nothing of it was written: for outputs that must be untouched. */
static bool is_untouched(const struct auth_capsule *capsule)
{
    static const struct auth_capsule zero;
    return memcmp(capsule, &zero, sizeof zero) == 0;
}

static void assert_forged(struct world *world, struct rg_slice text)
{
    struct auth_capsule capsule;
    memset(&capsule, 0, sizeof capsule);
    assert_fails(RG_DENIED, opened(world, text, &capsule));
    assert_true(is_untouched(&capsule));
}

/* ---- what it carries ---- */

static void brings_a_bearers_identity_from_one_end_to_the_other(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    struct auth_capsule capsule = {0};
    struct auth_identity identity = {0};
    const struct auth_capsule made = bearer_capsule(&world.arena);
    assert_ok(opened(&world, sealed(&world, &made), &capsule));
    assert_slice(capsule.tenant, "acme");
    assert_slice(capsule.reference, "r-1");
    assert_slice(capsule.view, "view-key");
    assert_slice(capsule.session, "");
    assert_int_equal(capsule.claim_count, 2);
    assert_false(capsule.is_guest);
    assert_ok(identity_of(world.state, &capsule, &world.arena, &identity));
    assert_int_equal(identity.kind, AUTH_OIDC);
    assert_slice(identity.idp, "main");
    assert_slice(identity.issuer, "https://idp.example");
    assert_slice(identity.subject, "alice");
    assert_slice(identity.user, "Alice");
    assert_slice(identity.token_id, "jti-1");
    assert_int_equal(identity.expires_at_us, state_now_us + 60 * MINUTE_US);
    assert_int_equal(identity.claim_count, 3);
    assert_slice(identity.claims[0].elements[0], "acme");
    assert_int_equal(identity.claims[1].count, 3);
    assert_slice(identity.claims[1].elements[2], "us");
    assert_false(identity.claims[2].is_present);
}

static void names_a_session_and_takes_who_it_is_from_there(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_capsule capsule = {0};
    struct auth_identity identity = {0};
    const struct auth_capsule made = session_capsule(world.state, cookie, &world.arena);
    struct rg_slice text = sealed(&world, &made);
    assert_true(text.size < 400);
    assert_ok(opened(&world, text, &capsule));
    assert_slice(capsule.subject, "");
    assert_int_equal(capsule.claim_count, 0);
    assert_ok(identity_of(world.state, &capsule, &world.arena, &identity));
    assert_slice(identity.subject, "alice");
    assert_slice(identity.claims[0].elements[0], "acme");
}

static void carries_a_guest_and_his_dashboards(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    const struct rg_slice dashboards[] = {RG_SLICE("dash-1"), RG_SLICE("dash-2")};
    struct auth_capsule made = bearer_capsule(&world.arena);
    struct auth_capsule capsule = {0};
    made.purpose = AUTH_CAPSULE_GUEST;
    made.is_guest = true;
    made.guest = RG_SLICE("r-token");
    made.resources = dashboards;
    made.resource_count = 2;
    assert_ok(auth_capsule_open(world.state, sealed(&world, &made), AUTH_CAPSULE_GUEST, state_now_us, &world.arena,
                                &capsule));
    assert_true(capsule.is_guest);
    assert_slice(capsule.guest, "r-token");
    assert_int_equal(capsule.resource_count, 2);
    assert_slice(capsule.resources[1], "dash-2");
}

static void says_nothing_to_whoever_carries_it_and_is_never_the_same_twice(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    const struct auth_capsule made = bearer_capsule(&world.arena);
    struct rg_slice first = sealed(&world, &made);
    struct rg_slice second = sealed(&world, &made);
    struct rg_slice bytes = {0};
    assert_false(rg_slice_is_equal(first, second));
    assert_ok(rg_base64url_decode(rg_slice_cut(first, 5, SIZE_MAX), &world.arena, &bytes));
    assert_null(memmem(bytes.data, bytes.size, "alice", 5));
    assert_null(memmem(bytes.data, bytes.size, "acme", 4));
    assert_true(auth_capsule_is_one(first));
    assert_false(auth_capsule_is_one(RG_SLICE("rgc1")));
    assert_false(auth_capsule_is_one(RG_SLICE("eyJhbGciOi")));
}

static void outlives_a_restart(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_capsule capsule = {0};
    struct auth_identity identity = {0};
    const struct auth_capsule made = session_capsule(world.state, cookie, &world.arena);
    struct rg_slice text = sealed(&world, &made);
    world.state = state_reopened(world.state);
    assert_ok(opened(&world, text, &capsule));
    assert_ok(identity_of(world.state, &capsule, &world.arena, &identity));
    assert_slice(identity.subject, "alice");
}

/* Two nodes of one state may be of two versions: what the first release sealed under a key of zeros. */
static void knows_the_form_that_was_always_sealed(void **unused)
{
    (void)unused;
    static const char text[] =
        "rgc1.MDEyMzQ1Njc4OWFiY2RlZm5vbmNlMDEyMzQ1Ng_rfnItUWVvVfON36mJUS6iGG8U0uIMJ-beuqMipdwowpSLV"
        "fb1VVeV2gcxljQLHb2lRjcQtof4fBQ6js_i2Nj7-pd2-7uTGB7cMZc1uKFJc4OCCPBHe98jKgz8PwYtCohmzhdvyzo"
        "AaxgMgkeBTrOA2VTCOht_Yk2FCDjI5dSoVA";
    static struct auth_state zeros;
    struct auth_capsule capsule = {0};
    struct rg_arena arena;
    rg_arena_init(&arena, ARENA_BYTES);
    assert_ok(auth_capsule_open(&zeros, rg_slice_of(text), AUTH_CAPSULE_SQL, 1, &arena, &capsule));
    assert_slice(capsule.session, "s-0123456789abcdef");
    assert_slice(capsule.tenant, "acme");
    assert_slice(capsule.view, "view");
    assert_int_equal(capsule.issued_us, 5);
    rg_arena_done(&arena);
}

/* ---- forging ---- */

static void refuses_every_flipped_bit(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    char forged[AUTH_CAPSULE_MAX_BYTES];
    const struct auth_capsule made = session_capsule(world.state, cookie, &world.arena);
    struct rg_slice text = sealed(&world, &made);
    for (size_t i = 0; i < text.size * 8; i++) {
        memcpy(forged, text.data, text.size);
        forged[i / 8] = (char)(forged[i / 8] ^ 1 << i % 8);
        struct rg_arena arena;
        struct auth_capsule capsule;
        rg_arena_init(&arena, ARENA_BYTES);
        assert_fails(RG_DENIED, auth_capsule_open(world.state, rg_slice_make(forged, text.size), AUTH_CAPSULE_SQL,
                                                  state_now_us, &arena, &capsule));
        rg_arena_done(&arena);
    }
}

static void refuses_every_truncation_and_any_extension(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char longer[AUTH_CAPSULE_MAX_BYTES];
    const struct auth_capsule made = bearer_capsule(&world.arena);
    struct rg_slice text = sealed(&world, &made);
    for (size_t i = 0; i < text.size; i++) {
        assert_forged(&world, rg_slice_cut(text, 0, i));
    }
    static const char *const tails[] = {"A", "AA", "AAA", "AAAA", "=", "==", "\n", " ", "."};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        int size = snprintf(longer, sizeof longer, "%.*s%s", RG_SLICE_ARGS(text), tails[i]);
        assert_forged(&world, rg_slice_make(longer, (size_t)size));
    }
    assert_forged(&world, (struct rg_slice){text.data, text.size + 1}); /* with its NUL */
}

static void refuses_two_halves_of_two_capsules(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char mixed[AUTH_CAPSULE_MAX_BYTES];
    const struct auth_capsule made = bearer_capsule(&world.arena);
    struct rg_slice first = sealed(&world, &made);
    struct rg_slice second = sealed(&world, &made);
    assert_int_equal(first.size, second.size);
    for (size_t i = 6; i < first.size; i += 7) {
        memcpy(mixed, first.data, first.size);
        memcpy(mixed + i, second.data + i, second.size - i);
        assert_forged(&world, rg_slice_make(mixed, first.size));
    }
}

static void refuses_what_another_instance_made(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    struct auth_state_options options = state_options();
    struct auth_state *other = NULL;
    struct rg_slice text = {0};
    char url[160];
    (void)snprintf(url, sizeof url, "%s.other", state_url);
    options.url = rg_slice_of(url);
    assert_ok(auth_state_open(&options, &other));
    const struct auth_capsule made = bearer_capsule(&world.arena);
    assert_ok(auth_capsule_seal(other, &made, &world.arena, &text));
    assert_forged(&world, text);
    auth_state_close(&other);
}

/* As two nodes in front of one store. */
static void takes_what_another_node_with_the_same_key_made(void **unused)
{
    (void)unused;
    struct auth_state_options options = state_options();
    RG_AUTO(world_done) struct world world = {0};
    struct auth_state *other = NULL;
    struct auth_capsule capsule = {0};
    struct rg_slice text = {0};
    char url[160];
    rg_arena_init(&world.arena, ARENA_BYTES);
    (void)snprintf(url, sizeof url, "%s.node2", state_url);
    options.key = RG_SLICE("0123456789abcdef0123456789abcdef");
    assert_ok(auth_state_open(&options, &world.state));
    options.url = rg_slice_of(url);
    assert_ok(auth_state_open(&options, &other));
    const struct auth_capsule made = bearer_capsule(&world.arena);
    assert_ok(auth_capsule_seal(other, &made, &world.arena, &text));
    assert_ok(opened(&world, text, &capsule));
    assert_slice(capsule.subject, "alice");
    auth_state_close(&other);
}

/* The browser holds its guest capsule: it must not open the SQL plane. */
static void refuses_the_capsule_of_another_purpose(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    struct auth_capsule capsule;
    struct auth_capsule made = bearer_capsule(&world.arena);
    struct rg_slice for_sql = sealed(&world, &made);
    made.purpose = AUTH_CAPSULE_GUEST;
    struct rg_slice for_guest = sealed(&world, &made);
    memset(&capsule, 0, sizeof capsule);
    assert_forged(&world, for_guest);
    assert_fails(RG_DENIED,
                 auth_capsule_open(world.state, for_sql, AUTH_CAPSULE_GUEST, state_now_us, &world.arena, &capsule));
    assert_fails(RG_DENIED,
                 auth_capsule_open(world.state, for_sql, AUTH_CAPSULE_NONE, state_now_us, &world.arena, &capsule));
    assert_true(is_untouched(&capsule));
}

static void refuses_what_is_no_capsule(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    static char huge[4 * AUTH_CAPSULE_MAX_BYTES];
    struct auth_capsule capsule;
    memset(huge, 'A', sizeof huge);
    memcpy(huge, AUTH_CAPSULE_PREFIX, sizeof AUTH_CAPSULE_PREFIX - 1);
    static const char *const texts[] = {
        "", "rgc1", "rgc1.", "rgc1.A", "rgc1.AAAA", "rgc2.AAAA", "RGC1.AAAA", "none", "eyJhbGciOiJFZERTQSJ9.e30.AAAA",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_forged(&world, rg_slice_of(texts[i]));
    }
    assert_forged(&world, rg_slice_make(huge, sizeof huge));
    assert_forged(&world, rg_slice_make(huge, AUTH_CAPSULE_MAX_BYTES));
    assert_forged(&world, rg_slice_make(huge, AUTH_CAPSULE_MAX_BYTES + 1));
    assert_fails(RG_DENIED, auth_capsule_open(NULL, RG_SLICE("rgc1.AAAA"), AUTH_CAPSULE_SQL, state_now_us, &world.arena,
                                              &capsule));
}

static void is_over_when_its_time_is_over(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    struct auth_capsule capsule;
    const struct auth_capsule made = bearer_capsule(&world.arena);
    struct rg_slice text = sealed(&world, &made);
    memset(&capsule, 0, sizeof capsule);
    assert_fails(RG_DENIED,
                 auth_capsule_open(world.state, text, AUTH_CAPSULE_SQL, made.expires_us, &world.arena, &capsule));
    assert_true(is_untouched(&capsule));
    assert_ok(auth_capsule_open(world.state, text, AUTH_CAPSULE_SQL, made.expires_us - 1, &world.arena, &capsule));
}

/* ---- making ---- */

static void refuses_to_make_what_nobody_could_use(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    const struct auth_capsule good = bearer_capsule(&world.arena);
    struct auth_capsule bad[11];
    for (size_t i = 0; i < 11; i++) {
        bad[i] = good;
    }
    bad[0].purpose = AUTH_CAPSULE_NONE;
    bad[1].tenant = (struct rg_slice){0};
    bad[2].kind = AUTH_UNVERIFIED;
    bad[3].kind = AUTH_SCRAM;
    bad[4].subject = (struct rg_slice){0};
    bad[5].idp = (struct rg_slice){0};
    bad[6].made_us = 0;
    bad[7].expires_us = bad[7].made_us;
    bad[8].session = RG_SLICE("s-0123456789abcdef"); /* two truths */
    bad[9].user = (struct rg_slice){"a\0b", 3};
    bad[10].guest = RG_SLICE("r-token"); /* and no guest */
    for (size_t i = 0; i < 11; i++) {
        struct rg_slice text = {0};
        assert_fails(RG_DENIED, auth_capsule_seal(world.state, &bad[i], &world.arena, &text));
        assert_null(text.data);
    }
}

static void refuses_to_fill_one_for_nobody(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    const struct auth_identity nobody = {0};
    const struct auth_identity somebody = bearer_identity();
    struct auth_capsule capsule;
    memset(&capsule, 0, sizeof capsule);
    struct rg_arena full = {0};
    assert_fails(RG_DENIED, auth_capsule_fill(&nobody, NULL, specs, &world.arena, &capsule));
    assert_fails(RG_LIMIT, auth_capsule_fill(&somebody, NULL, specs, &full, &capsule));
    assert_true(is_untouched(&capsule));
}

static void refuses_to_make_one_that_no_header_holds(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    static char name[AUTH_CAPSULE_MAX_BYTES];
    struct rg_slice text = {0};
    struct auth_capsule made = bearer_capsule(&world.arena);
    memset(name, 'x', sizeof name);
    made.user = rg_slice_make(name, sizeof name);
    assert_fails(RG_LIMIT, auth_capsule_seal(world.state, &made, &world.arena, &text));
    made.user = rg_slice_make(name, sizeof name * 3 / 4); /* fits but for base64 */
    assert_fails(RG_LIMIT, auth_capsule_seal(world.state, &made, &world.arena, &text));
    made.user = rg_slice_make(name, sizeof name / 2);
    made.claim_count = AUTH_CAPSULE_MAX_CLAIMS + 1;
    assert_fails(RG_LIMIT, auth_capsule_seal(world.state, &made, &world.arena, &text));
    made.claim_count = 0;
    made.resource_count = AUTH_CAPSULE_MAX_RESOURCES + 1;
    assert_fails(RG_LIMIT, auth_capsule_seal(world.state, &made, &world.arena, &text));
    assert_null(text.data);
    made.resource_count = 0;
    assert_ok(auth_capsule_seal(world.state, &made, &world.arena, &text));
    assert_true(text.size <= AUTH_CAPSULE_MAX_BYTES);
}

/* Each arena that is too small refuses, at whatever point it fills up. */
static void reports_a_full_arena_wherever_it_fills_up(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    const struct auth_capsule made = bearer_capsule(&world.arena);
    struct rg_slice text = sealed(&world, &made);
    size_t failures = 0;
    bool is_whole = false;
    for (size_t limit = 0; !is_whole; limit += 16) {
        struct rg_arena arena;
        struct auth_capsule capsule;
        rg_arena_init(&arena, limit);
        memset(&capsule, 0, sizeof capsule);
        rg_status status = auth_capsule_open(world.state, text, AUTH_CAPSULE_SQL, state_now_us, &arena, &capsule);
        is_whole = rg_is_ok(status);
        failures += is_whole ? 0 : 1;
        assert_true(is_whole || (status.error->kind == RG_LIMIT && is_untouched(&capsule)));
        rg_arena_done(&arena);
    }
    assert_true(failures > 10);
    struct rg_arena none = {0};
    struct rg_slice untouched = {0};
    assert_fails(RG_LIMIT, auth_capsule_seal(world.state, &made, &none, &untouched));
    assert_null(untouched.data);
}

/* ---- the form ---- */

static void reads_nothing_but_what_it_would_write(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    RG_AUTO(rg_buf_done) struct rg_buf plain;
    struct auth_capsule capsule;
    const struct auth_capsule made = bearer_capsule(&world.arena);
    rg_buf_init(&plain, AUTH_CAPSULE_MAX_BYTES);
    assert_ok(auth_capsule_encode(&made, &plain));
    struct rg_slice bytes = rg_buf_slice(&plain);
    memset(&capsule, 0, sizeof capsule);
    for (size_t i = 0; i < bytes.size; i++) {
        assert_fails(RG_DENIED, auth_capsule_decode(rg_slice_cut(bytes, 0, i), &world.arena, &capsule));
    }
    assert_true(is_untouched(&capsule));
    assert_ok(auth_capsule_decode(bytes, &world.arena, &capsule));
    assert_ok(rg_buf_put_u8(&plain, 0));
    assert_fails(RG_DENIED, auth_capsule_decode(rg_buf_slice(&plain), &world.arena, &capsule));
}

static void leaves_the_buffer_alone_when_it_cannot_write(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    RG_AUTO(rg_buf_done) struct rg_buf plain;
    const struct auth_capsule made = bearer_capsule(&world.arena);
    rg_buf_init(&plain, 100);
    assert_ok(rg_buf_put(&plain, RG_SLICE("before")));
    assert_fails(RG_LIMIT, auth_capsule_encode(&made, &plain));
    assert_slice(rg_buf_slice(&plain), "before");
}

/* ---- using ---- */

static void assert_over(struct world *world, const struct auth_capsule *capsule)
{
    struct auth_session *session = NULL;
    struct auth_identity identity = {0};
    assert_fails(RG_DENIED, auth_capsule_identity(world->state, capsule, specs, 3, state_now_us, &world->arena,
                                                  &session, &identity));
    assert_null(session);
    assert_int_equal(identity.kind, AUTH_UNVERIFIED);
}

static void is_worthless_once_its_session_is_over(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_identity identity = {0};
    size_t count = 0;
    const struct auth_capsule one = session_capsule(world.state, cookie, &world.arena);
    const struct auth_capsule two = session_capsule(world.state, cookie, &world.arena);
    const struct auth_session_selector by_id = {.kind = AUTH_SELECT_ID, .text = one.session};
    assert_ok(auth_sessions_revoke(world.state, &by_id, &count));
    assert_int_equal(count, 1);
    assert_over(&world, &one);
    assert_ok(identity_of(world.state, &two, &world.arena, &identity));
    state_now_us += 31 * MINUTE_US; /* idle */
    assert_over(&world, &two);
}

/* Else a worker that goes on asking would keep the session of a person who went home. */
static void does_not_count_as_use_of_its_session(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_identity identity = {0};
    const struct auth_capsule made = session_capsule(world.state, cookie, &world.arena);
    state_now_us += 29 * MINUTE_US;
    assert_ok(identity_of(world.state, &made, &world.arena, &identity));
    state_now_us += 2 * MINUTE_US;
    assert_over(&world, &made);
}

static void goes_on_when_its_session_gets_new_tokens(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_identity identity = {0};
    const struct rg_slice other[] = {RG_SLICE("globex")};
    const struct auth_claim_constant claims[] = {{RG_SLICE("tenant"), other, 1}};
    RG_AUTO(auth_session_free) struct auth_session *session = NULL;
    const struct auth_capsule made = session_capsule(world.state, cookie, &world.arena);
    struct auth_session_new login = state_login("alice");
    login.claims = claims;
    assert_ok(auth_sessions_find(world.state, rg_slice_of(cookie), state_now_us, &session));
    assert_ok(auth_session_refresh_end(world.state, session, &login, NULL));
    assert_ok(identity_of(world.state, &made, &world.arena, &identity));
    assert_slice(identity.claims[0].elements[0], "globex"); /* which the caller compares with the capsule's tenant */
}

static void knows_no_session_by_a_name_that_is_none(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_session *session = NULL;
    const struct auth_capsule made = session_capsule(world.state, cookie, &world.arena);
    static const char *const ids[] = {
        "", "s-", "s-0000000000000000", "s-000000000000000g", "q-0000000000000000", "s-00000000000000000"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_fails(RG_DENIED, auth_sessions_find_by_id(world.state, rg_slice_of(ids[i]), state_now_us, &session));
    }
    for (size_t i = 0; i < made.session.size; i++) { /* its own, in part */
        assert_fails(RG_DENIED,
                     auth_sessions_find_by_id(world.state, rg_slice_cut(made.session, 0, i), state_now_us, &session));
    }
    assert_null(session);
    assert_ok(auth_sessions_find_by_id(world.state, made.session, state_now_us, &session));
    assert_true(rg_slice_is_equal(rg_slice_of(session->public_id), made.session));
    auth_session_free(&session);
}

static void is_worthless_once_what_is_behind_it_was_revoked(void **unused)
{
    (void)unused;
    static const struct {
        enum auth_revocation_kind kind;
        const char *idp, *text;
        bool is_hit;
    } rows[] = {
        {AUTH_REVOKE_TOKEN, "main", "jti-1", true},  {AUTH_REVOKE_SUBJECT, "main", "alice", true},
        {AUTH_REVOKE_TENANT, "", "acme", true},      {AUTH_REVOKE_ALL, "", "", true},
        {AUTH_REVOKE_TOKEN, "main", "jti-2", false}, {AUTH_REVOKE_SUBJECT, "other", "alice", false},
        {AUTH_REVOKE_TENANT, "", "globex", false},   {AUTH_REVOKE_SUBJECT, "main", "Alice", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        state_directory_make(NULL);
        world_init(&world);
        struct auth_identity identity = {0};
        const struct auth_capsule made = bearer_capsule(&world.arena);
        const struct auth_revocation revocation = {.kind = rows[i].kind,
                                                   .idp = rg_slice_of(rows[i].idp),
                                                   .text = rg_slice_of(rows[i].text),
                                                   .by = RG_SLICE("operator"),
                                                   .revoked_us = state_now_us};
        assert_ok(identity_of(world.state, &made, &world.arena, &identity));
        assert_ok(auth_revocation_add(world.state, &revocation));
        if (rows[i].is_hit) {
            assert_over(&world, &made);
        } else {
            assert_ok(identity_of(world.state, &made, &world.arena, &identity));
        }
        world_done(&world);
        state_directory_remove(NULL);
    }
}

static void ends_with_the_token_behind_it(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    struct auth_identity identity = {0};
    struct auth_capsule made = bearer_capsule(&world.arena);
    made.credential_expires_us = state_now_us + 1;
    assert_ok(identity_of(world.state, &made, &world.arena, &identity));
    made.credential_expires_us = state_now_us;
    assert_over(&world, &made);
}

/* Claims are typed by what is configured now, not by what was when it was made. */
static void refuses_claims_that_no_more_fit(void **unused)
{
    (void)unused;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    struct auth_session *session = NULL;
    struct auth_identity identity = {0};
    const struct auth_capsule made = bearer_capsule(&world.arena);
    static const struct auth_claim_spec stricter[] = {
        {.name = {"tenant", 6}, .type = {AUTH_SCALAR_UUID, false}},
    };
    static const struct auth_claim_spec more[] = {
        {.name = {"region", 6}, .type = {AUTH_SCALAR_TEXT, false}, .required = true},
    };
    static const struct auth_claim_spec fewer[] = {
        {.name = {"regions", 7}, .type = {AUTH_SCALAR_TEXT, true}},
    };
    assert_fails(RG_DENIED, auth_capsule_identity(world.state, &made, stricter, 1, state_now_us, &world.arena, &session,
                                                  &identity));
    assert_fails(RG_DENIED,
                 auth_capsule_identity(world.state, &made, more, 1, state_now_us, &world.arena, &session, &identity));
    assert_int_equal(identity.kind, AUTH_UNVERIFIED);
    struct rg_arena full = {0};
    assert_fails(RG_LIMIT,
                 auth_capsule_identity(world.state, &made, fewer, 1, state_now_us, &full, &session, &identity));
    assert_ok(auth_capsule_identity(world.state, &made, fewer, 1, state_now_us, &world.arena, &session, &identity));
    assert_int_equal(identity.claim_count, 1);
    assert_int_equal(identity.claims[0].count, 3);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, state_directory_make, state_directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(brings_a_bearers_identity_from_one_end_to_the_other),
        IN_DIRECTORY(names_a_session_and_takes_who_it_is_from_there),
        IN_DIRECTORY(carries_a_guest_and_his_dashboards),
        IN_DIRECTORY(says_nothing_to_whoever_carries_it_and_is_never_the_same_twice),
        IN_DIRECTORY(outlives_a_restart),
        IN_DIRECTORY(knows_the_form_that_was_always_sealed),
        IN_DIRECTORY(refuses_every_flipped_bit),
        IN_DIRECTORY(refuses_every_truncation_and_any_extension),
        IN_DIRECTORY(refuses_two_halves_of_two_capsules),
        IN_DIRECTORY(refuses_what_another_instance_made),
        IN_DIRECTORY(takes_what_another_node_with_the_same_key_made),
        IN_DIRECTORY(refuses_the_capsule_of_another_purpose),
        IN_DIRECTORY(refuses_what_is_no_capsule),
        IN_DIRECTORY(is_over_when_its_time_is_over),
        IN_DIRECTORY(refuses_to_make_what_nobody_could_use),
        IN_DIRECTORY(refuses_to_fill_one_for_nobody),
        IN_DIRECTORY(refuses_to_make_one_that_no_header_holds),
        IN_DIRECTORY(reports_a_full_arena_wherever_it_fills_up),
        IN_DIRECTORY(reads_nothing_but_what_it_would_write),
        IN_DIRECTORY(leaves_the_buffer_alone_when_it_cannot_write),
        IN_DIRECTORY(is_worthless_once_its_session_is_over),
        IN_DIRECTORY(does_not_count_as_use_of_its_session),
        IN_DIRECTORY(goes_on_when_its_session_gets_new_tokens),
        IN_DIRECTORY(knows_no_session_by_a_name_that_is_none),
        cmocka_unit_test(is_worthless_once_what_is_behind_it_was_revoked),
        IN_DIRECTORY(ends_with_the_token_behind_it),
        IN_DIRECTORY(refuses_claims_that_no_more_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
