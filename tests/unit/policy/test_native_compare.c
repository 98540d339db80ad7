/* SPDX-License-Identifier: Apache-2.0 */
/* The second lock's plan compared with what a database answers: each difference is one finding, and no answer, however
 * it lies, ends the program. */
#include "tests/support/native_world.h"

#include <jansson.h>

static json_t *text_of(struct rg_slice text)
{
    return text.size == 0 ? json_null() : json_stringn(text.data, text.size);
}

/* What a database with exactly this plan answers; the server's spelling is the plan's own. */
static json_t *answer_of(const struct native_plan *plan)
{
    static const char *const letters[] = {"r", "a", "w", "d"};
    json_t *answer = json_pack("{s:i, s:[], s:[], s:[], s:[], s:[], s:[], s:[]}", "version", 1, "probes", "policies",
                               "relations", "privileges", "schemas", "roles", "members");
    json_t *roles = json_object_get(answer, "roles");
    struct rg_slice login = plan->source->login;
    struct rg_slice judged = plan->group.size > 0 ? plan->group : login;
    (void)json_array_append_new(roles, json_pack("[o,b,b,b,b]", text_of(login), 0, 0, 0, 0));
    if (plan->group.size > 0) {
        (void)json_array_append_new(roles, json_pack("[o,b,b,b,b]", text_of(plan->group), 0, 0, 1, 0));
    }
    for (size_t i = 0; i < plan->role_count; i++) {
        json_t *members = json_object_get(answer, "members");
        (void)json_array_append_new(roles, json_pack("[o,b,b,b,b]", text_of(plan->roles[i]), 0, 0, 1, 0));
        (void)json_array_append_new(members, json_pack("[o,o]", text_of(plan->group), text_of(plan->roles[i])));
        (void)json_array_append_new(members, json_pack("[o,o]", text_of(plan->roles[i]), text_of(login)));
    }
    for (size_t i = 0; i < plan->schema_count; i++) {
        (void)json_array_append_new(
            json_object_get(answer, "schemas"),
            json_pack("[o,o,s]", text_of(plan->schemas[i].name), text_of(plan->schemas[i].grantee), "USAGE"));
    }
    for (size_t i = 0; i < plan->relation_count; i++) {
        const struct native_relation *relation = &plan->relations[i];
        json_t *schema = text_of(relation->relation->schema);
        json_t *name = text_of(relation->relation->name);
        (void)json_array_append_new(json_object_get(answer, "relations"),
                                    json_pack("[O,O,s#,b,b,s,b,b]", schema, name, &relation->relation->kind, 1,
                                              relation->is_guarded, relation->is_guarded, "owner", 0,
                                              relation->is_invoker));
        for (int j = 0; j < NATIVE_COMMANDS; j++) {
            if (relation->allows[j]) {
                (void)json_array_append_new(json_object_get(answer, "privileges"),
                                            json_pack("[O,O,o,s]", schema, name, text_of(relation->grantee),
                                                      native_command_name((enum native_command)j)));
            }
        }
        for (size_t j = 0; j < relation->policy_count; j++) {
            const struct native_policy *policy = &relation->policies[j];
            (void)json_array_append_new(json_object_get(answer, "probes"),
                                        json_pack("[O,O,o,o,o]", schema, name, text_of(policy->name),
                                                  text_of(policy->using_text), text_of(policy->check_text)));
            (void)json_array_append_new(json_object_get(answer, "policies"),
                                        json_pack("[O,O,o,s,b,[o],o,o]", schema, name, text_of(policy->name),
                                                  letters[policy->command], !policy->is_restrictive, text_of(judged),
                                                  text_of(policy->using_text), text_of(policy->check_text)));
        }
        json_decref(schema);
        json_decref(name);
    }
    return answer;
}

struct compared {
    struct world world;
    struct native_plan *plan;
    json_t *answer;
};

static void compared_init(struct compared *compared, enum policy_lock lock)
{
    static const struct policy_row rows[] = {
        {.name = {"own", 3}, .on_count = 1, .on = on_own, .for_select = true, .is_schema_isolated = true},
        {.name = {"w", 1}, .on_count = 1, .on = on_orders, .for_insert = true, .is_schema_isolated = true},
        {.name = {"e", 1}, .on_count = 1, .on = on_events, .for_select = true, .using_text = {"id = 1", 6}},
    };
    world_init(&compared->world, rows, 3, lock);
    compared->plan = NULL;
    assert_ok(native_plan_make(&compared->world.source, &compared->world.arena, &compared->plan));
    compared->answer = answer_of(compared->plan);
}

static struct native_findings compare(struct compared *compared)
{
    char *text = json_dumps(compared->answer, 0);
    struct native_findings findings = {0};
    assert_ok(native_compare(compared->plan, rg_slice_of(text), &compared->world.arena, &findings));
    free(text);
    return findings;
}

static void compared_done(struct compared *compared)
{
    json_decref(compared->answer);
    world_done(&compared->world);
}

static void expect_one(enum policy_lock lock, const char *list, size_t row, int cell, json_t *value,
                       enum native_difference difference, const char *part)
{
    struct compared compared;
    compared_init(&compared, lock);
    json_t *rows = json_object_get(compared.answer, list);
    if (cell == -1) {
        assert_int_equal(json_array_remove(rows, row), 0);
    } else if (cell == -2) {
        assert_int_equal(json_array_append_new(rows, value), 0);
    } else {
        assert_int_equal(json_array_set_new(json_array_get(rows, row), (size_t)cell, value), 0);
    }
    struct native_findings findings = compare(&compared);
    if (findings.count != 1 || findings.items[0].difference != difference ||
        strstr(findings.items[0].text.data, part) == NULL) {
        fail_msg("%s[%zu][%d]: %zu findings, first %s %s", list, row, cell, findings.count,
                 findings.count == 0 ? "" : native_difference_name(findings.items[0].difference),
                 findings.count == 0 ? "" : findings.items[0].text.data);
    }
    compared_done(&compared);
}

static void the_same_has_no_finding(void **state)
{
    (void)state;
    for (int lock = POLICY_LOCK_SET_LOCAL; lock <= POLICY_LOCK_SET_ROLE; lock++) {
        struct compared compared;
        compared_init(&compared, (enum policy_lock)lock);
        struct native_findings findings = compare(&compared);
        if (findings.count > 0) {
            fail_msg("%s: %s", findings.items[0].object.data, findings.items[0].text.data);
        }
        compared_done(&compared);
    }
}

static void each_difference_is_found(void **state)
{
    (void)state;
    const enum policy_lock local = POLICY_LOCK_SET_LOCAL;
    const enum policy_lock role = POLICY_LOCK_SET_ROLE;
    expect_one(local, "roles", 0, 1, json_true(), NATIVE_DANGEROUS, "superuser");
    expect_one(local, "roles", 0, 2, json_true(), NATIVE_DANGEROUS, "BYPASSRLS");
    expect_one(local, "roles", 0, 4, json_true(), NATIVE_DANGEROUS, "CREATEROLE");
    expect_one(local, "roles", 0, -1, NULL, NATIVE_MISSING, "does not exist");
    expect_one(role, "roles", 0, 3, json_true(), NATIVE_DANGEROUS, "INHERIT");
    expect_one(role, "roles", 2, 2, json_true(), NATIVE_DANGEROUS, "BYPASSRLS");
    expect_one(role, "members", 0, -1, NULL, NATIVE_MISSING, "no member");
    expect_one(local, "members", 0, -2, json_pack("[s,s]", "postgres", "gate"), NATIVE_DANGEROUS,
               "member of \"postgres\"");
    expect_one(local, "schemas", 0, -1, NULL, NATIVE_MISSING, "USAGE");
    expect_one(local, "schemas", 0, -2, json_pack("[s,s,s]", "t_acme", "public", "CREATE"), NATIVE_DANGEROUS, "CREATE");
    expect_one(local, "relations", 0, 3, json_false(), NATIVE_MISSING, "not enabled");
    expect_one(local, "relations", 0, 4, json_false(), NATIVE_MISSING, "not forced");
    expect_one(local, "relations", 0, 6, json_true(), NATIVE_DANGEROUS, "owner");
    expect_one(local, "privileges", 0, -1, NULL, NATIVE_MISSING, "has no SELECT");
    expect_one(local, "privileges", 0, -2, json_pack("[s,s,s,s]", "t_acme", "orders", "gate", "TRUNCATE"),
               NATIVE_DANGEROUS, "TRUNCATE");
    expect_one(local, "privileges", 0, -2, json_pack("[s,s,s,s]", "public", "other", "public", "SELECT"),
               NATIVE_DANGEROUS, "no policy names it");
    expect_one(local, "policies", 0, -1, NULL, NATIVE_MISSING, "rowgate select");
    expect_one(local, "policies", 2, 6, json_string("true"), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 6, json_null(), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 4, json_true(), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 3, json_string("*"), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "policies", 2, 5, json_pack("[s]", "somebody"), NATIVE_DIFFERENT, "rowgate select 1");
    expect_one(local, "probes", 2, -1, NULL, NATIVE_DIFFERENT, "columns changed");
    expect_one(local, "policies", 0, -2,
               json_pack("[s,s,s,s,b,[s],s,n]", "shared", "events", "z", "*", 1, "public", "true"), NATIVE_SURPLUS,
               "\"z\"");
}

static void another_roles_policy_is_not_ours(void **state)
{
    (void)state;
    struct compared compared;
    compared_init(&compared, POLICY_LOCK_SET_LOCAL);
    (void)json_array_append_new(json_object_get(compared.answer, "policies"),
                                json_pack("[s,s,s,s,b,[s],s,n]", "shared", "events", "z", "*", 1, "analyst", "true"));
    assert_int_equal(compare(&compared).count, 0);
    compared_done(&compared);
}

static void an_answer_of_another_shape_is_no_answer(void **state)
{
    (void)state;
    struct compared compared;
    struct native_findings findings = {7, NULL};
    compared_init(&compared, POLICY_LOCK_SET_ROLE);
    static const char *const texts[] = {
        "",
        "[]",
        "null",
        "{}",
        "{\"version\": 2}",
        "{\"version\": 1, \"probes\": 3}",
        "{\"version\": 1, \"probes\": [1]}",
        "\xff",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_fails(RG_CONFIG, native_compare(compared.plan, rg_slice_of(texts[i]), &compared.world.arena, &findings));
    }
    char *whole = json_dumps(compared.answer, JSON_COMPACT);
    for (size_t i = 0; i < strlen(whole); i += 7) {
        assert_fails(RG_CONFIG,
                     native_compare(compared.plan, rg_slice_make(whole, i), &compared.world.arena, &findings));
    }
    free(whole);
    assert_int_equal(findings.count, 7);
    compared_done(&compared);
}

static void cells_of_another_type_are_findings_and_no_crash(void **state)
{
    (void)state;
    static const char *const lists[] = {"probes", "policies", "relations", "privileges", "schemas", "roles", "members"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct compared compared;
        compared_init(&compared, POLICY_LOCK_SET_ROLE);
        json_t *rows = json_object_get(compared.answer, lists[i]);
        (void)json_array_append_new(rows, json_array());
        (void)json_array_append_new(rows, json_pack("[i,n,{},[],b,i,n,n]", 1, 1, 5));
        for (size_t j = 0; j < json_array_size(json_array_get(rows, 0)); j++) {
            (void)json_array_set_new(json_array_get(rows, 0), j, json_integer(3));
        }
        assert_true(compare(&compared).count > 0);
        compared_done(&compared);
    }
}

static void the_question_is_one_transaction_that_leaves_nothing(void **state)
{
    (void)state;
    struct compared compared;
    struct rg_slice sql = {0};
    compared_init(&compared, POLICY_LOCK_SET_ROLE);
    assert_ok(native_question(compared.plan, &compared.world.arena, &sql));
    assert_true(rg_slice_has_prefix(sql, RG_SLICE("BEGIN TRANSACTION READ WRITE;\n")));
    assert_slice(rg_slice_cut(sql, sql.size - 10, 10), "ROLLBACK;\n");
    assert_lacks(sql.data, "COMMIT;");
    compared_done(&compared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_has_no_finding),
        cmocka_unit_test(each_difference_is_found),
        cmocka_unit_test(another_roles_policy_is_not_ours),
        cmocka_unit_test(an_answer_of_another_shape_is_no_answer),
        cmocka_unit_test(cells_of_another_type_are_findings_and_no_crash),
        cmocka_unit_test(the_question_is_one_transaction_that_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
