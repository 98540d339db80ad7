/* SPDX-License-Identifier: Apache-2.0 */
/* Guests, for the upstream: what Superset's token says, that no view shares a name or clause with another, and who gets
 * none. */
#include "proxy/http/guest_header.h"

#include <jansson.h>

#include "auth/guest_token.h"
#include "base/rg_secret.h"
#include "base/rg_sign.h"
#include "tests/support/rg_test.h"

#define NOW_S 1800000000
#define NOW_US (INT64_C(1000000) * NOW_S)
#define SECOND INT64_C(1000000)

static struct rg_arena arena;
static struct auth_mint *mint;
static struct http_identity_cache *cache;

static int start(void **state)
{
    (void)state;
    const uint8_t seed[RG_SIGN_SEED_SIZE] = {7};
    struct rg_secret *pem = NULL;
    rg_arena_init(&arena, (size_t)4 << 20);
    assert_ok(rg_sign_pem_encode(seed, &pem));
    assert_ok(auth_mint_new(rg_secret_slice(pem), &mint));
    rg_secret_free(&pem);
    cache = http_identity_cache_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_identity_cache_free(&cache);
    auth_mint_free(&mint);
    rg_arena_done(&arena);
    return 0;
}

static const struct auth_identity alice = {.kind = AUTH_OIDC,
                                           .idp = {"main", 4},
                                           .issuer = {"https://idp", 11},
                                           .subject = {"alice-1", 7},
                                           .user = {"Alice", 5},
                                           .token_id = {"t1", 2}};
static const struct policy_view view = {"AAAAAAAAAAAAAAAAAAAA_-"};
static const struct policy_view other_view = {"BAAAAAAAAAAAAAAAAAAA_-"};
static const struct rg_slice dashboards[] = {{"u1", 2}, {"u2", 2}};

static struct http_guest_facts facts_of(const struct auth_identity *identity)
{
    return (struct http_guest_facts){.identity = identity,
                                     .tenant = RG_SLICE("acme"),
                                     .view = &view,
                                     .session = RG_SLICE("s-1"),
                                     .resource_count = 2,
                                     .resources = dashboards,
                                     .capsule = RG_SLICE("rgc1.capsule")};
}

static struct rg_slice token_at(const struct http_guest_facts *facts, int64_t now_us)
{
    struct rg_slice token = {0};
    assert_ok(http_guest_token(mint, facts, now_us, cache, &arena, &token));
    return token;
}

static json_t *claims_of(struct rg_slice token)
{
    struct rg_slice claims = {0};
    assert_ok(auth_mint_open(mint, token, false, &arena, &claims));
    json_t *object = json_loadb(claims.data, claims.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static void it_says_what_superset_reads(void **state)
{
    (void)state;
    const struct http_guest_facts facts = facts_of(&alice);
    json_t *claims = claims_of(token_at(&facts, NOW_US));
    const char *username = NULL, *first = NULL, *last = NULL, *aud = NULL, *type = NULL, *clause = NULL, *id = NULL,
               *capsule = NULL, *kind = NULL;
    json_int_t issued = 0, expires = 0;
    assert_int_equal(json_unpack(claims,
                                 "{s:{s:s, s:s, s:s}, s:s, s:s, s:[{s:s}!], s:[{s:s, s:s}, {}!], s:I, s:I, s:s !}",
                                 "user", "username", &username, "first_name", &first, "last_name", &last, "aud", &aud,
                                 "type", &type, "rls_rules", "clause", &clause, "resources", "type", &kind, "id", &id,
                                 "iat", &issued, "exp", &expires, "rowgate", &capsule),
                     0);
    assert_memory_equal(username, "rg.acme.AAAAAAAAAAAAAAAAAAAA_-.", 31);
    assert_int_equal(strlen(username), 31 + 16);
    assert_string_equal(clause, "'rg.acme.AAAAAAAAAAAAAAAAAAAA_-' = 'rg.acme.AAAAAAAAAAAAAAAAAAAA_-'");
    assert_string_equal(first, "Alice");
    assert_string_equal(last, "acme");
    assert_string_equal(aud, "superset");
    assert_string_equal(type, "guest");
    assert_string_equal(kind, "dashboard");
    assert_string_equal(id, "u1");
    assert_string_equal(capsule, "rgc1.capsule");
    assert_true(issued == NOW_S && expires == NOW_S + 60);
    json_decref(claims);
}

static void it_is_used_for_half_its_life_and_never_for_another(void **state)
{
    (void)state;
    struct http_guest_facts facts = facts_of(&alice);
    struct rg_slice first = token_at(&facts, NOW_US);
    facts.capsule = RG_SLICE("rgc1.another");
    assert_true(rg_slice_is_equal(first, token_at(&facts, NOW_US + 29 * SECOND)));
    assert_false(rg_slice_is_equal(first, token_at(&facts, NOW_US + 31 * SECOND)));
    const struct http_guest_facts begin = facts_of(&alice);
    struct auth_identity bob = alice;
    bob.subject = RG_SLICE("bob-1");
    struct http_guest_facts rows[] = {begin, begin, begin, begin, begin, begin};
    rows[0].identity = &bob;
    rows[1].tenant = RG_SLICE("globex");
    rows[2].view = &other_view;
    rows[3].session = RG_SLICE("s-2");
    rows[4].resource_count = 1;
    rows[5].resources = dashboards + 1;
    rows[5].resource_count = 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice kept = token_at(&begin, NOW_US + 100 * SECOND);
        rows[i].capsule = RG_SLICE("rgc1.own"); /* a kept token would say "rgc1.capsule" */
        assert_false(rg_slice_is_equal(kept, token_at(&rows[i], NOW_US + 100 * SECOND)));
    }
}

static void a_tenant_whose_name_is_not_plain_stands_there_as_its_digest(void **state)
{
    (void)state;
    static const char *const tenants[] = {"o'neil", "a.b", "%s", "{{ x }}", "a b", "\xc3\xa4", ":x", "a\\b"};
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        struct http_guest_facts facts = facts_of(&alice);
        char name[HTTP_GUEST_NAME_SIZE];
        facts.tenant = rg_slice_of(tenants[i]);
        http_guest_name(&facts, name);
        assert_int_equal(strlen(name), 3 + 64 + 1 + 22 + 1 + 16);
        assert_int_equal(strspn(name + 3, "0123456789abcdef"), 64);
        json_t *claims = claims_of(token_at(&facts, NOW_US));
        const char *clause =
            json_string_value(json_object_get(json_array_get(json_object_get(claims, "rls_rules"), 0), "clause"));
        assert_null(strpbrk(clause, "%:{}\\\""));
        json_decref(claims);
    }
}

static void a_long_name_is_cut_at_a_character(void **state)
{
    (void)state;
    static char name[201];
    struct auth_identity identity = alice;
    memset(name, 'x', 63);
    for (size_t i = 63; i + 1 < 200; i += 2) {
        memcpy(name + i, "\xc3\xa4", 2);
    }
    identity.user = rg_slice_make(name, 199);
    struct http_guest_facts facts = facts_of(&identity);
    json_t *claims = claims_of(token_at(&facts, NOW_US));
    assert_int_equal(json_string_length(json_object_get(json_object_get(claims, "user"), "first_name")), 63);
    json_decref(claims);
}

static void a_capsule_that_does_not_fit_stays_out(void **state)
{
    (void)state;
    static char capsule[7000];
    memset(capsule, 'c', sizeof capsule);
    struct http_guest_facts facts = facts_of(&alice);
    facts.session = RG_SLICE("s-long");
    facts.capsule = rg_slice_make(capsule, sizeof capsule);
    struct rg_slice token = token_at(&facts, NOW_US);
    assert_true(token.size < 1000);
    json_t *claims = claims_of(token);
    assert_null(json_object_get(claims, "rowgate"));
    json_decref(claims);
}

static void who_is_nobody_gets_none(void **state)
{
    (void)state;
    struct auth_identity nobody = alice;
    struct auth_identity nameless = alice;
    struct auth_identity broken = alice;
    static const struct policy_view no_view = {""};
    static char ids[AUTH_GUEST_MAX_ID * 200];
    static struct rg_slice many[200];
    nobody.kind = AUTH_UNVERIFIED;
    nameless.subject = (struct rg_slice){0};
    broken.user = RG_SLICE("\xff");
    memset(ids, 'i', sizeof ids);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i] = rg_slice_make(ids, 64);
    }
    struct http_guest_facts none = facts_of(&alice), viewless = none, useless = none, large = none;
    none.tenant = (struct rg_slice){0};
    viewless.view = &no_view;
    useless.resource_count = 0;
    large.resource_count = 200;
    large.resources = many;
    const struct {
        enum rg_kind kind;
        struct http_guest_facts facts;
    } rows[] = {
        {RG_DENIED, facts_of(&nobody)}, {RG_DENIED, facts_of(&nameless)}, {RG_DENIED, none}, {RG_DENIED, viewless},
        {RG_DENIED, useless},           {RG_PROTOCOL, facts_of(&broken)}, {RG_LIMIT, large},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice token = RG_SLICE("untouched");
        assert_fails(rows[i].kind, http_guest_token(mint, &rows[i].facts, NOW_US, NULL, &arena, &token));
        assert_slice(token, "untouched");
    }
    struct rg_arena small;
    const struct http_guest_facts facts = facts_of(&alice);
    struct rg_slice token = RG_SLICE("untouched");
    rg_arena_init(&small, 100);
    assert_fails(RG_LIMIT, http_guest_token(mint, &facts, NOW_US, NULL, &small, &token));
    assert_slice(token, "untouched");
    rg_arena_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_superset_reads),
        cmocka_unit_test(it_is_used_for_half_its_life_and_never_for_another),
        cmocka_unit_test(a_tenant_whose_name_is_not_plain_stands_there_as_its_digest),
        cmocka_unit_test(a_long_name_is_cut_at_a_character),
        cmocka_unit_test(a_capsule_that_does_not_fit_stays_out),
        cmocka_unit_test(who_is_nobody_gets_none),
    };
    return cmocka_run_group_tests(tests, start, end);
}
