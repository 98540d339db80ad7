/* SPDX-License-Identifier: Apache-2.0 */
/* Masks as they are loaded and bound: mistakes, keys of tenants, digests, what is shown of a text; and statements that
 * would make the lineage work without end. */
#include "base/rg_buf.h"
#include "base/rg_secret.h"
#include "policy/set_private.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const struct rg_slice note[] = {{"shared.orders.note", 18}};
static const struct rg_slice own_note[] = {{"sales.notes.body", 16}};
static const char salt_text[] = "sixteen bytes and more";

static const char snapshot_text[] =
    "{\"version\":1,\"server\":150020,\"operators\":[],\"relations\":["
    "{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"tenant_id\",\"uuid\"],"
    "[\"note\",\"text\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"t_acme\",\"name\":\"notes\",\"kind\":\"r\",\"columns\":[[\"body\",\"text\"]],\"parents\":[],"
    "\"reads\":[]}]}";

static struct policy_mask_row mask_of(enum policy_mask_kind kind)
{
    return (struct policy_mask_row){
        .place = {"f.toml", 7, 1}, .column_count = 1, .columns = note, .kind = kind, .unless_place = {"f.toml", 9, 11}};
}

static struct policy_mask_row hash_mask(void)
{
    struct policy_mask_row row = mask_of(POLICY_MASK_HASH);
    row.salt = rg_slice_of(salt_text);
    return row;
}

struct world {
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_set *set;
    struct policy_binding *binding;
    struct policy_relations *relations;
    struct policy_session session;
};

static rg_status world_compile(struct world *world, const struct policy_mask_row *rows, size_t count)
{
    *world = (struct world){.session = {.user = {"alice", 5}, .pid = 4711}};
    rg_arena_init(&world->arena, 64 << 20);
    rg_diag_init(&world->diag, &world->arena);
    struct policy_source source = policy_world_source();
    source.masks = rows;
    source.mask_count = count;
    return policy_compile(&source, &world->diag, &world->set);
}

static void world_init(struct world *world, const struct policy_mask_row *rows, size_t count)
{
    assert_ok(world_compile(world, rows, count));
    assert_ok(policy_world_bind(world->set, &world->binding));
    assert_ok(policy_relations_parse(rg_slice_of(snapshot_text), &world->relations));
    world->session.relations = world->relations;
}

static void world_done(struct world *world)
{
    policy_binding_free(&world->binding);
    policy_set_free(&world->set);
    policy_relations_free(&world->relations);
    rg_arena_done(&world->arena);
}

static const struct policy_statement *plan_one(struct world *world, struct rg_slice sql)
{
    struct policy_plan plan = {0};
    assert_ok(policy_plan_text(world->binding, &world->session, POLICY_SIMPLE, sql, &world->arena, &plan));
    assert_int_equal(plan.count, 1);
    return &plan.statements[0];
}

/* ---- mistakes ---- */

static void each_mistake_has_its_place_and_no_set_comes_out(void **state)
{
    (void)state;
    static const struct rg_slice columns[][1] = {
        {{"shared.orders", 13}}, {{"orders", 6}}, {{"a.b.c.d", 7}},  {{"a..c", 4}},
        {{"a.b.*", 5}},          {{"", 0}},       {{"pg_x.b.c", 8}},
    };
    struct policy_mask_row rows[24];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        rows[count] = mask_of(POLICY_MASK_NULL);
        rows[count++].columns = columns[i];
    }
    rows[count] = mask_of(POLICY_MASK_NULL);
    rows[count++].column_count = 0;
    rows[count++] = mask_of(POLICY_MASK_HASH);
    rows[count] = hash_mask();
    rows[count++].salt.size = POLICY_SALT_MIN_BYTES - 1;
    rows[count] = hash_mask();
    rows[count++].kind = POLICY_MASK_REDACT;
    rows[count++] = mask_of(POLICY_MASK_PARTIAL);
    rows[count] = mask_of(POLICY_MASK_PARTIAL);
    rows[count++].keep_last = -1;
    rows[count] = mask_of(POLICY_MASK_PARTIAL);
    rows[count++].keep_first = 1001;
    rows[count] = mask_of(POLICY_MASK_CONSTANT);
    rows[count++].constant = RG_SLICE("\xff");
    rows[count] = mask_of(POLICY_MASK_DENY);
    rows[count++].unless_text = RG_SLICE("true");
    rows[count] = mask_of(POLICY_MASK_NULL);
    rows[count++].unless_text = RG_SLICE("\xff");
    for (size_t i = 0; i < count; i++) {
        struct world world;
        assert_fails(RG_CONFIG, world_compile(&world, &rows[i], 1));
        assert_null(world.set);
        assert_int_equal(world.diag.error_count, 1);
        assert_true(world.diag.first->place.line == 7 || world.diag.first->place.line == 9);
        world_done(&world);
    }
}

static void a_mistake_in_unless_has_the_place_of_its_token(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned column;
    } rows[] = {{"note = 'x'", 11}, {"true and id = 1", 20}, {":nothing = 1", 11}, {"exists (select 1)", 11}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        struct policy_mask_row row = mask_of(POLICY_MASK_NULL);
        row.unless_text = rg_slice_of(rows[i].text);
        assert_fails(RG_CONFIG, world_compile(&world, &row, 1));
        assert_int_equal(world.diag.first->place.line, 9);
        assert_int_equal(world.diag.first->place.column, rows[i].column);
        world_done(&world);
    }
}

static void two_masks_on_one_column_are_a_mistake(void **state)
{
    (void)state;
    struct world world;
    struct policy_mask_row rows[] = {mask_of(POLICY_MASK_NULL), mask_of(POLICY_MASK_REDACT)};
    assert_fails(RG_CONFIG, world_compile(&world, rows, 2));
    assert_non_null(strstr(world.diag.first->text.data, "masks[1]"));
    world_done(&world);
}

static void too_many_columns_are_too_many(void **state)
{
    (void)state;
    static struct rg_slice columns[10001];
    struct world world;
    struct policy_mask_row row = mask_of(POLICY_MASK_NULL);
    row.columns = columns;
    row.column_count = COUNT_OF(columns);
    assert_fails(RG_LIMIT, world_compile(&world, &row, 1));
    assert_null(world.set);
    world_done(&world);
}

/* ---- keys ---- */

static rg_status bind_for(struct policy_set *set, struct rg_slice tenant_id, struct policy_binding **out_binding)
{
    static const struct rg_slice ids[] = {{"11111111-1111-1111-1111-111111111111", 36}};
    static const struct auth_claim_value claims[] = {
        {.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = ids},
        {.is_present = false, .type = {AUTH_SCALAR_TEXT, true}},
    };
    struct auth_identity identity = {.kind = AUTH_OIDC, .claim_count = 2, .claims = claims};
    struct tenant tenant = {.id = tenant_id};
    struct policy_subject subject = {.tenant = &tenant, .identity = &identity, .database = {"bi", 2}};
    return policy_bind(set, &subject, out_binding);
}

static void the_key_is_the_tenants_and_the_salts_own(void **state)
{
    (void)state;
    struct world world;
    struct world other;
    struct policy_mask_row row = hash_mask();
    struct policy_mask_row other_row = hash_mask();
    other_row.salt = RG_SLICE("another salt of a good size");
    assert_ok(world_compile(&world, &row, 1));
    assert_ok(world_compile(&other, &other_row, 1));
    struct policy_binding *acme = NULL;
    struct policy_binding *again = NULL;
    struct policy_binding *globex = NULL;
    struct policy_binding *salted = NULL;
    assert_ok(bind_for(world.set, RG_SLICE("acme"), &acme));
    assert_ok(bind_for(world.set, RG_SLICE("acme"), &again));
    assert_ok(bind_for(world.set, RG_SLICE("globex"), &globex));
    assert_ok(bind_for(other.set, RG_SLICE("acme"), &salted));
    assert_int_equal(acme->secret_count, 2);
    assert_true(rg_slice_is_equal(acme->secrets[0], again->secrets[0]));
    assert_false(rg_slice_is_equal(acme->secrets[0], acme->secrets[1]));
    assert_false(rg_slice_is_equal(acme->secrets[0], globex->secrets[0]));
    assert_false(rg_slice_is_equal(acme->secrets[0], salted->secrets[0]));
    policy_binding_free(&acme);
    policy_binding_free(&again);
    policy_binding_free(&globex);
    policy_binding_free(&salted);
    world_done(&world);
    world_done(&other);
}

static void the_digest_tells_every_part_of_a_mask_from_another(void **state)
{
    (void)state;
    struct policy_mask_row rows[10];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows[i] = hash_mask();
    }
    rows[1].salt = RG_SLICE("another salt of a good size");
    rows[2].allow_in_predicates = true;
    rows[3].unless_text = RG_SLICE("true");
    rows[4].columns = own_note;
    rows[5] = mask_of(POLICY_MASK_NULL);
    rows[6] = mask_of(POLICY_MASK_DENY);
    rows[7] = mask_of(POLICY_MASK_PARTIAL);
    rows[7].keep_first = 1;
    rows[8] = mask_of(POLICY_MASK_PARTIAL);
    rows[8].keep_last = 1;
    rows[9] = mask_of(POLICY_MASK_CONSTANT);
    struct rg_digest digests[COUNT_OF(rows) + 1];
    for (size_t i = 0; i <= COUNT_OF(rows); i++) {
        struct world world;
        assert_ok(world_compile(&world, &rows[i % COUNT_OF(rows)], i == COUNT_OF(rows) ? 0 : 1));
        digests[i] = *policy_set_digest(world.set);
        world_done(&world);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(digests[i].bytes, digests[j].bytes, sizeof digests[i].bytes);
        }
    }
}

static bool holds(struct rg_slice text, struct rg_slice part)
{
    return memmem(text.data, text.size, part.data, part.size) != NULL;
}

static void the_key_is_in_what_is_sent_and_not_in_what_is_shown(void **state)
{
    (void)state;
    struct world world;
    struct policy_mask_row row = hash_mask();
    world_init(&world, &row, 1);
    const struct policy_statement *statement = plan_one(&world, RG_SLICE("SELECT note FROM shared.orders"));
    assert_int_equal(statement->verdict, POLICY_ALLOW);
    assert_int_equal(world.binding->secret_count, 2);
    for (size_t i = 0; i < world.binding->secret_count; i++) {
        assert_true(holds(statement->text, world.binding->secrets[i]));
        assert_false(holds(statement->shown, world.binding->secrets[i]));
        assert_false(holds(statement->shown, rg_slice_cut(world.binding->secrets[i], 0, 16)));
    }
    assert_true(holds(statement->shown, RG_SLICE("'\\x<key>'::pg_catalog.bytea")));
    statement = plan_one(&world, RG_SLICE("SELECT id FROM shared.orders"));
    assert_true(rg_slice_is_equal(statement->shown, statement->text));
    world_done(&world);
}

static void hiding_replaces_every_place_and_fails_when_memory_is_full(void **state)
{
    (void)state;
    struct world world;
    struct policy_mask_row row = hash_mask();
    struct rg_slice text = {0};
    struct rg_slice hidden = RG_SLICE("untouched");
    world_init(&world, &row, 1);
    struct rg_slice key = world.binding->secrets[0];
    assert_ok(rg_arena_printf(&world.arena, &text, "%.*s%.*s x %.*s", RG_SLICE_ARGS(key), RG_SLICE_ARGS(key),
                              RG_SLICE_ARGS(world.binding->secrets[1])));
    struct rg_arena full;
    rg_arena_init(&full, 4);
    assert_fails(RG_LIMIT, policy_secrets_hide(world.binding, text, &full, &hidden));
    assert_true(rg_slice_is_equal(hidden, RG_SLICE("untouched")));
    rg_arena_done(&full);
    assert_ok(policy_secrets_hide(world.binding, text, &world.arena, &hidden));
    assert_true(rg_slice_is_equal(hidden, RG_SLICE("<key><key> x <key>")));
    world_done(&world);
}

/* ---- binding ---- */

static void a_mask_of_a_schemas_relation_has_a_row_of_its_own(void **state)
{
    (void)state;
    struct world world;
    struct policy_mask_row row = mask_of(POLICY_MASK_REDACT);
    row.columns = own_note;
    world_init(&world, &row, 1);
    const struct policy_bound *bound = policy_bound_find(world.binding, RG_SLICE("sales"), RG_SLICE("notes"));
    assert_int_equal(bound->mask_count, 1);
    assert_true(bound->is_implied && bound->is_own && bound->for_select);
    assert_true(rg_slice_is_equal(bound->masks[0].text, RG_SLICE("'***'::pg_catalog.text")));
    assert_int_equal(policy_bound_find(world.binding, RG_SLICE("sales"), RG_SLICE("other"))->mask_count, 0);
    world_done(&world);
}

static void without_a_snapshot_masked_relations_are_refused_as_stale(void **state)
{
    (void)state;
    struct world world;
    struct policy_mask_row row = mask_of(POLICY_MASK_REDACT);
    world_init(&world, &row, 1);
    world.session.relations = NULL;
    const struct policy_statement *statement = plan_one(&world, RG_SLICE("SELECT id FROM shared.orders"));
    assert_int_equal(statement->verdict, POLICY_DENY);
    assert_string_equal(statement->sqlstate, "0A000");
    assert_true(rg_slice_is_equal(statement->rule, RG_SLICE("mask.snapshot")));
    assert_true(statement->is_stale);
    assert_int_equal(statement->text.size, 0);
    world_done(&world);
}

/* ---- work without end ---- */

static rg_status put_times(struct rg_buf *buf, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        RG_TRY(rg_buf_put(buf, rg_slice_of(text)));
    }
    return RG_OK;
}

static void assert_ends(struct world *world, const char *before, const char *middle, const char *after, size_t count)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, POLICY_TEXT_MAX);
    assert_ok(put_times(&buf, before, count));
    assert_ok(rg_buf_put(&buf, rg_slice_of(middle)));
    assert_ok(put_times(&buf, after, count));
    struct policy_plan plan = {0};
    rg_status status =
        policy_plan_text(world->binding, &world->session, POLICY_SIMPLE, rg_buf_slice(&buf), &world->arena, &plan);
    assert_true(rg_is_ok(status) || status.error->kind == RG_LIMIT);
}

static void deep_and_wide_statements_end_in_an_answer_or_a_refusal(void **state)
{
    (void)state;
    static const struct {
        const char *before, *middle, *after;
    } rows[] = {
        {"SELECT * FROM (", "SELECT * FROM shared.orders", ") AS s"},
        {"SELECT (", "SELECT note FROM shared.orders", ")"},
        {"WITH RECURSIVE r AS (", "SELECT note FROM shared.orders", " UNION ALL SELECT * FROM r) SELECT * FROM r"},
        {"SELECT note FROM shared.orders UNION ALL ", "SELECT note FROM shared.orders", ""},
        {"", "SELECT note FROM shared.orders", " UNION ALL SELECT note FROM shared.orders"},
        {"SELECT 1 WHERE EXISTS (", "SELECT note FROM shared.orders", ")"},
    };
    static const size_t counts[] = {5, 40, 400};
    struct policy_mask_row row = mask_of(POLICY_MASK_REDACT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t j = 0; j < COUNT_OF(counts); j++) {
            struct world world;
            world_init(&world, &row, 1);
            assert_ends(&world, rows[i].before, rows[i].middle, rows[i].after, counts[j]);
            world_done(&world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_has_its_place_and_no_set_comes_out),
        cmocka_unit_test(a_mistake_in_unless_has_the_place_of_its_token),
        cmocka_unit_test(two_masks_on_one_column_are_a_mistake),
        cmocka_unit_test(too_many_columns_are_too_many),
        cmocka_unit_test(the_key_is_the_tenants_and_the_salts_own),
        cmocka_unit_test(the_digest_tells_every_part_of_a_mask_from_another),
        cmocka_unit_test(the_key_is_in_what_is_sent_and_not_in_what_is_shown),
        cmocka_unit_test(hiding_replaces_every_place_and_fails_when_memory_is_full),
        cmocka_unit_test(a_mask_of_a_schemas_relation_has_a_row_of_its_own),
        cmocka_unit_test(without_a_snapshot_masked_relations_are_refused_as_stale),
        cmocka_unit_test(deep_and_wide_statements_end_in_an_answer_or_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
