/* SPDX-License-Identifier: Apache-2.0 */
/* The view key: alike where the same is seen, another where anything that decides it differs, and no two lists of
 * claims that read the same. */
#include "policy/view.h"

#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

enum { LIST_MAX = 3, VIEWS_MAX = 64 };

static struct rg_arena arena;

static int start(void **state)
{
    (void)state;
    rg_arena_init(&arena, 64 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

static struct policy_set *set_of(const struct policy_source *source)
{
    struct policy_set *set = NULL;
    struct rg_diag diag;
    rg_diag_init(&diag, &arena);
    assert_ok(policy_compile(source, &diag, &set));
    return set;
}

/* ---- one subject, and what may differ ---- */

struct subject_world {
    struct policy_set *set;
    struct rg_slice elements[LIST_MAX];
    struct auth_claim_value claims[2];
    struct auth_identity identity;
    struct tenant_schema schemas[2];
    struct tenant tenant;
    struct policy_subject subject;
};

static const struct rg_slice uuid[] = {{"11111111-1111-1111-1111-111111111111", 36}};

static void world_init(struct subject_world *world, struct policy_set *set)
{
    *world = (struct subject_world){
        .set = set,
        .elements = {RG_SLICE("north"), RG_SLICE("south")},
        .claims = {{.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = uuid},
                   {.is_present = true, .type = {AUTH_SCALAR_TEXT, true}, .count = 2}},
        .identity = {.kind = AUTH_OIDC, .subject = RG_SLICE("alice"), .claim_count = 2},
        .schemas = {{RG_SLICE("sales"), RG_SLICE("t_acme")}, {RG_SLICE("shop"), RG_SLICE("s_acme")}},
        .tenant = {.id = RG_SLICE("acme"),
                   .route = {.upstream = RG_SLICE("main"), .database = RG_SLICE("bi"), .schema_count = 1}},
        .subject = {.database = RG_SLICE("acme"),
                    .upstream = {.host = RG_SLICE("db1"),
                                 .port = RG_SLICE("5432"),
                                 .database = RG_SLICE("bi"),
                                 .user = RG_SLICE("rowgate")}},
    };
    world->claims[1].elements = world->elements;
    world->identity.claims = world->claims;
    world->tenant.route.schemas = world->schemas;
    world->subject.identity = &world->identity;
    world->subject.tenant = &world->tenant;
}

static struct policy_view view_of(const struct subject_world *world)
{
    struct policy_view view = {""};
    assert_ok(policy_view_of(world->set, &world->subject, &view));
    return view;
}

static bool is_known(const struct policy_view *views, size_t count, const struct policy_view *view)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(views[i].text, view->text) == 0) {
            return true;
        }
    }
    return false;
}

static void set_tenant(struct subject_world *world)
{
    world->tenant.id = RG_SLICE("globex");
}
static void set_upstream(struct subject_world *world)
{
    world->tenant.route.upstream = RG_SLICE("other");
}
static void set_database(struct subject_world *world)
{
    world->tenant.route.database = RG_SLICE("bi2");
}
static void set_no_schema(struct subject_world *world)
{
    world->tenant.route.schema_count = 0;
}
static void set_more_schemas(struct subject_world *world)
{
    world->tenant.route.schema_count = 2;
}
static void set_logical(struct subject_world *world)
{
    world->schemas[0].logical = RG_SLICE("orders");
}
static void set_physical(struct subject_world *world)
{
    world->schemas[0].physical = RG_SLICE("t_globex");
}
static void set_host(struct subject_world *world)
{
    world->subject.upstream.host = RG_SLICE("db2");
}
static void set_port(struct subject_world *world)
{
    world->subject.upstream.port = RG_SLICE("5433");
}
static void set_dbname(struct subject_world *world)
{
    world->subject.upstream.database = RG_SLICE("b");
}
static void set_user(struct subject_world *world)
{
    world->subject.upstream.user = RG_SLICE("superuser");
}
static void set_lock(struct subject_world *world)
{
    world->subject.lock = POLICY_LOCK_SET_LOCAL;
}
static void set_dialect(struct subject_world *world)
{
    world->subject.dialect = POLICY_HYPER;
}
static void set_no_claim(struct subject_world *world)
{
    world->claims[0].is_present = false;
}
static void set_claim(struct subject_world *world)
{
    world->claims[1].count = 1;
}
static void set_type(struct subject_world *world)
{
    world->claims[0].type.scalar = AUTH_SCALAR_TEXT;
}
static void set_fewer_claims(struct subject_world *world)
{
    world->identity.claim_count = 1;
}

static void each_thing_that_decides_makes_another_view(void **state)
{
    static void (*const changes[])(struct subject_world * world) = {
        set_tenant,   set_upstream, set_database, set_no_schema, set_more_schemas, set_logical,
        set_physical, set_host,     set_port,     set_dbname,    set_user,         set_lock,
        set_dialect,  set_no_claim, set_claim,    set_type,      set_fewer_claims,
    };
    (void)state;
    const struct policy_source source = policy_world_source();
    struct policy_set *set = set_of(&source);
    struct policy_view views[VIEWS_MAX];
    struct subject_world world;
    size_t count = 0;
    world_init(&world, set);
    views[count++] = view_of(&world);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        world_init(&world, set);
        changes[i](&world);
        struct policy_view view = view_of(&world);
        if (is_known(views, count, &view)) {
            fail_msg("change %zu does not show in the view", i);
        }
        views[count++] = view;
    }
    policy_set_free(&set);
}

static void the_same_is_seen_under_the_same_key(void **state)
{
    (void)state;
    const struct policy_source source = policy_world_source();
    struct policy_set *set = set_of(&source);
    struct policy_set *again = set_of(&source); /* another start, another node */
    struct subject_world one;
    struct subject_world two;
    world_init(&one, set);
    world_init(&two, again);
    two.subject.database = RG_SLICE("bi"); /* the other name of the same */
    two.identity.subject = RG_SLICE("bob");
    two.identity.kind = AUTH_SAML;
    two.tenant.route.limits = RG_SLICE("small");
    struct policy_view first = view_of(&one);
    struct policy_view second = view_of(&two);
    assert_string_equal(first.text, second.text);
    assert_int_equal(strspn(first.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
                     POLICY_VIEW_SIZE - 1);
    policy_set_free(&again);
    policy_set_free(&set);
}

/* ---- lists of claims that could be taken for one another ---- */

static void no_two_lists_of_claims_are_taken_for_one(void **state)
{
    static const struct {
        size_t count;
        struct rg_slice elements[LIST_MAX];
    } lists[] = {
        {0, {{"", 0}}},
        {1, {{"", 0}}},
        {2, {{"", 0}, {"", 0}}},
        {1, {{"a", 1}}},
        {2, {{"a", 1}, {"", 0}}},
        {2, {{"", 0}, {"a", 1}}},
        {1, {{"ab", 2}}},
        {2, {{"a", 1}, {"b", 1}}},
        {2, {{"b", 1}, {"a", 1}}},
        {3, {{"a", 1}, {"b", 1}, {"", 0}}},
        {1, {{"a,b", 3}}},
        {1, {{"a\0b", 3}}},
        {1, {{"a\0", 2}}},
        {1, {{"\0\0\0\0\0\0\0\1a", 9}}}, /* an encoded "a" as a value */
        {2, {{"\0\0\0\0\0\0\0\1", 8}, {"a", 1}}},
    };
    (void)state;
    const struct policy_source source = policy_world_source();
    struct policy_set *set = set_of(&source);
    struct policy_view views[VIEWS_MAX];
    struct subject_world world;
    size_t count = 0;
    world_init(&world, set);
    world.claims[1].is_present = false;
    views[count++] = view_of(&world);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        world_init(&world, set);
        world.claims[1].count = lists[i].count;
        world.claims[1].elements = lists[i].elements;
        struct policy_view view = view_of(&world);
        if (is_known(views, count, &view)) {
            fail_msg("list %zu reads like another", i);
        }
        views[count++] = view;
    }
    policy_set_free(&set);
}

static void what_moves_from_one_claim_to_the_next_shows(void **state)
{
    static const struct rg_slice x[] = {{"x", 1}, {"x", 1}};
    (void)state;
    const struct policy_source source = policy_world_source();
    struct policy_set *set = set_of(&source);
    struct subject_world world;
    world_init(&world, set);
    const struct auth_claim_value two = {true, {AUTH_SCALAR_TEXT, true}, 2, x};
    const struct auth_claim_value one = {true, {AUTH_SCALAR_TEXT, true}, 1, x};
    world.claims[0] = two;
    world.claims[1] = one;
    struct policy_view first = view_of(&world);
    world.claims[0] = one;
    world.claims[1] = two;
    struct policy_view second = view_of(&world);
    assert_string_not_equal(first.text, second.text);
    policy_set_free(&set);
}

/* ---- policies ---- */

static void each_change_of_a_policy_or_mask_makes_another_view(void **state)
{
    static const struct rg_slice column[] = {{"shared.orders.note", 18}};
    const struct rg_slice salts[] = {RG_SLICE("0123456789abcdef-1"), RG_SLICE("0123456789abcdef-2")};
    (void)state;
    struct policy_view views[VIEWS_MAX];
    size_t count = 0;
    for (int i = 0; i < 7; i++) {
        struct policy_source source = policy_world_source();
        struct policy_row rows[8];
        memcpy(rows, source.rows, source.row_count * sizeof rows[0]);
        source.rows = rows;
        struct policy_mask_row mask = {.column_count = 1, .columns = column, .kind = POLICY_MASK_NULL};
        source.masks = &mask;
        source.mask_count = i >= 3 ? 1 : 0;
        rows[1].using_text = i == 1 ? RG_SLICE("tenant_id = :tenant_id AND amount > 0") : rows[1].using_text;
        source.row_count -= i == 2 ? 1 : 0;
        mask.kind = i == 4 ? POLICY_MASK_REDACT : i >= 5 ? POLICY_MASK_HASH : mask.kind;
        mask.salt = i >= 5 ? salts[i - 5] : mask.salt;
        struct policy_set *set = set_of(&source);
        struct subject_world world;
        world_init(&world, set);
        struct policy_view view = view_of(&world);
        if (is_known(views, count, &view)) {
            fail_msg("change %d does not show in the view", i);
        }
        views[count++] = view;
        policy_set_free(&set);
    }
}

static void a_binding_knows_its_view(void **state)
{
    (void)state;
    const struct policy_source source = policy_world_source();
    struct policy_set *set = set_of(&source);
    struct subject_world world;
    struct policy_binding *binding = NULL;
    struct policy_binding *moved = NULL;
    world_init(&world, set);
    assert_ok(policy_bind(set, &world.subject, &binding));
    struct policy_view view = view_of(&world);
    assert_string_equal(policy_binding_view(binding)->text, view.text);
    world.subject.upstream.host = RG_SLICE("db2"); /* nothing of the texts changes, but plans are not shared */
    assert_ok(policy_bind(set, &world.subject, &moved));
    assert_memory_not_equal(policy_binding_digest(binding)->bytes, policy_binding_digest(moved)->bytes, RG_SHA256_SIZE);
    policy_binding_free(&moved);
    policy_binding_free(&binding);
    policy_set_free(&set);
}

static void nobody_has_no_view(void **state)
{
    (void)state;
    const struct policy_source source = policy_world_source();
    struct policy_set *set = set_of(&source);
    struct subject_world world;
    struct policy_view view = {"untouched"};
    world_init(&world, set);
    world.identity.kind = AUTH_UNVERIFIED;
    assert_fails(RG_DENIED, policy_view_of(set, &world.subject, &view));
    world_init(&world, set);
    world.tenant.id = (struct rg_slice){0};
    assert_fails(RG_DENIED, policy_view_of(set, &world.subject, &view));
    assert_string_equal(view.text, "untouched");
    policy_set_free(&set);
}

/* ---- markers ---- */

static void a_marker_means_nothing_to_any_language(void **state)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    static const char *const ids[] = {"acme",
                                      "a.b",
                                      "a b",
                                      "a:b",
                                      "50%",
                                      "{{x}}",
                                      "m\xC3\xBCller",
                                      "a-b_c",
                                      "rg.a.b",
                                      "a$b",
                                      "",
                                      "()",
                                      "a--b",
                                      "x,y",
                                      "`",
                                      "@",
                                      "63-long-012345678901234567890123456789012345678901234567890123"};
    const struct policy_view view = {"0123456789abcdefghij_-"};
    char texts[sizeof ids / sizeof ids[0]][POLICY_VIEW_MARKER_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        policy_view_marker(rg_slice_of(ids[i]), &view, texts[i]);
        assert_int_equal(strspn(texts[i], plain), strlen(texts[i]));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(texts[i], texts[j]);
        }
    }
    assert_string_equal(texts[0], "rg.acme.0123456789abcdefghij_-");
    assert_string_equal(texts[7], "rg.a-b_c.0123456789abcdefghij_-");
}

static void no_tenant_bears_anothers_digest_as_its_name(void **state)
{
    (void)state;
    char digest[POLICY_VIEW_TENANT_SIZE];
    char text[POLICY_VIEW_TENANT_SIZE];
    policy_view_tenant(RG_SLICE("a b"), digest);
    assert_int_equal(strlen(digest), 64);
    policy_view_tenant(rg_slice_of(digest), text); /* too long for an id; if it ever is one, it is told apart */
    assert_string_not_equal(text, digest);
}

static void a_view_is_the_same_on_each_road_of_a_tenant_and_another_when_a_road_is(void **state)
{
    (void)state;
    const struct policy_source source = policy_world_source();
    struct policy_set *set = set_of(&source);
    struct subject_world first;
    struct subject_world second;
    world_init(&first, set);
    world_init(&second, set);
    set_upstream(&second);
    struct rg_digest none = {{0}};
    struct rg_digest roads = policy_view_road(&none, &first.subject);
    roads = policy_view_road(&roads, &second.subject);
    struct policy_view alone = view_of(&first);
    first.subject.has_roads = second.subject.has_roads = true;
    first.subject.roads = second.subject.roads = roads;
    struct policy_view both = view_of(&first);
    assert_string_equal(view_of(&second).text, both.text);
    assert_string_not_equal(alone.text, both.text);
    set_no_schema(&second);
    struct rg_digest changed = policy_view_road(&none, &first.subject);
    changed = policy_view_road(&changed, &second.subject);
    first.subject.roads = changed;
    assert_string_not_equal(view_of(&first).text, both.text);
    policy_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thing_that_decides_makes_another_view),
        cmocka_unit_test(the_same_is_seen_under_the_same_key),
        cmocka_unit_test(no_two_lists_of_claims_are_taken_for_one),
        cmocka_unit_test(what_moves_from_one_claim_to_the_next_shows),
        cmocka_unit_test(each_change_of_a_policy_or_mask_makes_another_view),
        cmocka_unit_test(a_binding_knows_its_view),
        cmocka_unit_test(a_view_is_the_same_on_each_road_of_a_tenant_and_another_when_a_road_is),
        cmocka_unit_test(nobody_has_no_view),
        cmocka_unit_test(a_marker_means_nothing_to_any_language),
        cmocka_unit_test(no_tenant_bears_anothers_digest_as_its_name),
    };
    return cmocka_run_group_tests(tests, start, end);
}
