/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue snapshot: what it tells, and every shape that it refuses. */
#include "base/rg_memory.h"
#include "policy/relations.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

#define ORDERS                                                                                                         \
    "{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"mood\",\"\"]],"       \
    "\"parents\":[[\"shared\",\"all_orders\"]],\"reads\":[]}"
#define VIEW                                                                                                           \
    "{\"schema\":\"a\",\"name\":\"v\",\"kind\":\"v\",\"columns\":[[\"id\",\"int8\"]],\"parents\":[],"                  \
    "\"reads\":[[\"shared\",\"orders\",\"mood\"],[\"shared\",\"orders\",\"id\"],[\"public\",\"peek()\",\"\"]]}"
#define OPERATORS "[\"=\",\"int8\",\"int8\"],[\"<\",\"text\",\"text\"],[\"=\",\"int4\",\"int8\"]"
#define DOCUMENT(operators, relations)                                                                                 \
    "{\"version\":1,\"server\":150020,\"operators\":[" operators "],\"relations\":[" relations "]}"

static struct policy_relations *parse(const char *text)
{
    struct policy_relations *relations = NULL;
    assert_ok(policy_relations_parse(rg_slice_of(text), &relations));
    return relations;
}

static void refuse(struct rg_slice text, enum rg_kind kind)
{
    struct policy_relations *relations = NULL;
    assert_fails(kind, policy_relations_parse(text, &relations));
    assert_null(relations);
}

static void tells_columns_parents_and_reads(void **state)
{
    struct policy_relations *relations = parse(DOCUMENT(OPERATORS, ORDERS "," VIEW));
    (void)state;
    assert_int_equal(policy_relation_count(relations), 2);
    assert_int_equal(policy_relations_server(relations), 150020);
    const struct policy_relation *orders = policy_relation_find(relations, RG_SLICE("shared"), RG_SLICE("orders"));
    const struct policy_relation *view = policy_relation_find(relations, RG_SLICE("a"), RG_SLICE("v"));
    assert_non_null(orders);
    assert_ptr_equal(policy_relation_at(relations, 0), view);
    assert_ptr_equal(policy_relation_at(relations, 1), orders);
    assert_null(policy_relation_at(relations, 2));
    assert_int_equal(orders->kind, 'r');
    assert_int_equal(orders->column_count, 2);
    assert_slice(orders->columns[0].type, "int8");
    assert_slice(policy_column_find(orders, RG_SLICE("mood"))->type, "");
    assert_null(policy_column_find(orders, RG_SLICE("Mood")));
    assert_null(policy_column_find(orders, RG_SLICE("")));
    assert_slice(orders->parents[0].name, "all_orders");
    assert_int_equal(view->read_count, 3);
    assert_slice(view->reads[0].name, "peek()");
    assert_slice(view->reads[1].column, "id");
    assert_slice(view->reads[2].column, "mood");
    policy_relations_free(&relations);
    assert_null(relations);
    policy_relations_free(&relations);
}

static void finds_nothing_that_only_looks_alike(void **state)
{
    struct policy_relations *relations = parse(DOCUMENT(OPERATORS, ORDERS));
    (void)state;
    assert_null(policy_relation_find(relations, RG_SLICE("shared"), RG_SLICE("order")));
    assert_null(policy_relation_find(relations, RG_SLICE("shared"), RG_SLICE("orders ")));
    assert_null(policy_relation_find(relations, RG_SLICE("share"), RG_SLICE("dorders")));
    assert_null(policy_relation_find(relations, RG_SLICE(""), RG_SLICE("")));
    assert_true(policy_operator_is_leakproof(relations, RG_SLICE("="), RG_SLICE("int8"), RG_SLICE("int8")));
    assert_true(policy_operator_is_leakproof(relations, RG_SLICE("="), RG_SLICE("int4"), RG_SLICE("int8")));
    assert_false(policy_operator_is_leakproof(relations, RG_SLICE("="), RG_SLICE("int8"), RG_SLICE("int4")));
    assert_false(policy_operator_is_leakproof(relations, RG_SLICE("<"), RG_SLICE("int8"), RG_SLICE("int8")));
    assert_false(policy_operator_is_leakproof(relations, RG_SLICE("="), RG_SLICE(""), RG_SLICE("")));
    assert_false(policy_operator_is_leakproof(relations, RG_SLICE("~~"), RG_SLICE("text"), RG_SLICE("text")));
    policy_relations_free(&relations);
}

static void an_empty_database_is_a_document_too(void **state)
{
    struct policy_relations *relations = parse(DOCUMENT("", ""));
    (void)state;
    assert_int_equal(policy_relation_count(relations), 0);
    assert_null(policy_relation_at(relations, 0));
    assert_null(policy_relation_find(relations, RG_SLICE("a"), RG_SLICE("v")));
    assert_false(policy_operator_is_leakproof(relations, RG_SLICE("="), RG_SLICE("int8"), RG_SLICE("int8")));
    policy_relations_free(&relations);
}

static void the_digest_is_that_of_the_meaning(void **state)
{
    static const char *const others[] = {
        DOCUMENT("", ORDERS "," VIEW),
        DOCUMENT(OPERATORS, ORDERS),
        "{\"version\":1,\"server\":160000,\"operators\":[" OPERATORS "],\"relations\":[" ORDERS "," VIEW "]}",
        DOCUMENT("[\"=\",\"int8\",\"int8\"],[\"<\",\"text\",\"text\"],[\"=\",\"int4i\",\"nt8\"]", ORDERS "," VIEW),
        DOCUMENT(OPERATORS, VIEW ",{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"p\",\"columns\":"
                                 "[[\"id\",\"int8\"],[\"mood\",\"\"]],\"parents\":[[\"shared\",\"all_orders\"]],"
                                 "\"reads\":[]}"),
        DOCUMENT(OPERATORS, VIEW ",{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":"
                                 "[[\"mood\",\"\"],[\"id\",\"int8\"]],\"parents\":[[\"shared\",\"all_orders\"]],"
                                 "\"reads\":[]}"),
        DOCUMENT(OPERATORS, VIEW ",{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":"
                                 "[[\"id\",\"int8\"],[\"mood\",\"\"]],\"parents\":[],\"reads\":[]}"),
    };
    (void)state;
    struct policy_relations *one = parse(DOCUMENT(OPERATORS, ORDERS "," VIEW));
    struct policy_relations *same = parse(" " DOCUMENT(
        "[\"=\",\"int4\",\"int8\"], [\"=\",\"int8\",\"int8\"], [\"<\",\"text\",\"text\"]", VIEW ",\n" ORDERS));
    assert_memory_equal(policy_relations_digest(one), policy_relations_digest(same), sizeof(struct rg_digest));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct policy_relations *other = parse(others[i]);
        assert_memory_not_equal(policy_relations_digest(one), policy_relations_digest(other), sizeof(struct rg_digest));
        policy_relations_free(&other);
    }
    struct policy_relations *held = policy_relations_ref(one);
    policy_relations_free(&one);
    assert_int_equal(policy_relation_count(held), 2);
    policy_relations_free(&held);
    policy_relations_free(&same);
}

#define MISSPELT "{\"schema\":\"a\",\"name\":\"b\",\"kind\":\"r\",\"columns\":[],\"parents\":[],\"reeds\":[]}"
#define RELATION(schema, name, kind, columns, parents, reads)                                                          \
    DOCUMENT("", "{\"schema\":" schema ",\"name\":" name ",\"kind\":" kind ",\"columns\":" columns                     \
                 ",\"parents\":" parents ",\"reads\":" reads "}")

static void refuses_every_other_shape(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "[]",
        "{}",
        "{\"version\":1}",
        "x",
        DOCUMENT("", "") "x",
        DOCUMENT("", "") DOCUMENT("", ""),
        "{\"version\":2,\"server\":1,\"operators\":[],\"relations\":[]}",
        "{\"version\":1.0,\"server\":1,\"operators\":[],\"relations\":[]}",
        "{\"version\":\"1\",\"server\":1,\"operators\":[],\"relations\":[]}",
        "{\"version\":1,\"server\":0,\"operators\":[],\"relations\":[]}",
        "{\"version\":1,\"server\":-1,\"operators\":[],\"relations\":[]}",
        "{\"version\":1,\"server\":\"15\",\"operators\":[],\"relations\":[]}",
        "{\"version\":1,\"server\":1,\"operators\":{},\"relations\":[]}",
        "{\"version\":1,\"server\":1,\"operators\":[],\"relations\":null}",
        "{\"version\":1,\"server\":1,\"operators\":[],\"relations\":[],\"more\":1}",
        "{\"version\":1,\"version\":1,\"server\":1,\"operators\":[],\"relations\":[]}",
        "{\"version\":1,\"server\":1,\"operators\":[],\"Relations\":[]}",
        DOCUMENT("[\"=\",\"int8\"]", ""),
        DOCUMENT("[\"=\",\"int8\",\"int8\",\"int8\"]", ""),
        DOCUMENT("[\"=\",\"int8\",\"\"]", ""),
        DOCUMENT("[\"\",\"int8\",\"int8\"]", ""),
        DOCUMENT("[\"=\",\"int8\",null]", ""),
        DOCUMENT("\"=\"", ""),
        DOCUMENT("[\"=\",\"int8\",\"int\\u00008\"]", ""),
        DOCUMENT("", "[]"),
        DOCUMENT("", "{}"),
        DOCUMENT("", ORDERS "," ORDERS),
        RELATION("\"\"", "\"b\"", "\"r\"", "[]", "[]", "[]"),
        RELATION("\"a\"", "\"\"", "\"r\"", "[]", "[]", "[]"),
        RELATION("null", "\"b\"", "\"r\"", "[]", "[]", "[]"),
        RELATION("\"a\"", "1", "\"r\"", "[]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"\"", "[]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"i\"", "[]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"rr\"", "[]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "114", "[]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "{}", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[\"id\"]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[[\"id\"]]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[[\"\",\"int8\"]]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[[\"id\",\"int8\",\"\"]]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[[\"id\",\"int8\"],[\"x\",\"\"],[\"id\",\"text\"]]", "[]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[]", "[\"a\",\"b\"]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[]", "[[\"a\",\"\"]]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[]", "[[\"a\"]]", "[]"),
        RELATION("\"a\"", "\"b\"", "\"v\"", "[]", "[]", "[[\"a\",\"b\"]]"),
        RELATION("\"a\"", "\"b\"", "\"v\"", "[]", "[]", "[[\"a\",\"\",\"c\"]]"),
        RELATION("\"a\"", "\"b\"", "\"v\"", "[]", "[]", "[[\"a\",\"b\",null]]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[]", "[]", "[[\"a\",\"b\",\"\"]]"),
        RELATION("\"a\"", "\"b\"", "\"r\"", "[]", "[]", "[],\"more\":[]"),
        DOCUMENT("", MISSPELT),
        "{\"version\":1,\"server\":1,\"operators\":[],\"relations\":[{\"schema\":\"a\",\"name\":\"\xff\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct policy_relations *relations = NULL;
        rg_status status = policy_relations_parse(rg_slice_of(texts[i]), &relations);
        if (rg_is_ok(status) || status.error->kind != RG_CONFIG || relations != NULL) {
            fail_msg("not refused: %s", texts[i]);
        }
    }
}

static void refuses_names_lists_and_documents_that_are_too_long(void **state)
{
    static char text[1 << 20];
    struct rg_slice whole = {0};
    (void)state;
    for (size_t size = 127; size <= 128; size++) {
        char name[256] = {0};
        memset(name, 'x', size);
        (void)snprintf(text, sizeof text, RELATION("\"a\"", "\"%s\"", "\"r\"", "[]", "[]", "[]"), name);
        struct policy_relations *relations = NULL;
        if (size == 127) {
            assert_ok(policy_relations_parse(rg_slice_of(text), &relations));
            policy_relations_free(&relations);
        } else {
            refuse(rg_slice_of(text), RG_CONFIG);
        }
    }
    size_t at = (size_t)snprintf(text, sizeof text,
                                 "{\"version\":1,\"server\":1,\"operators\":[],\"relations\":[{\"schema\":\"a\","
                                 "\"name\":\"b\",\"kind\":\"r\",\"parents\":[],\"reads\":[],\"columns\":[");
    for (size_t i = 0; i <= POLICY_RELATIONS_COLUMNS_MAX; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s[\"c%zu\",\"\"]", i == 0 ? "" : ",", i);
    }
    (void)snprintf(text + at, sizeof text - at, "]}]}");
    refuse(rg_slice_of(text), RG_LIMIT);
    char *big = rg_memory_alloc(POLICY_RELATIONS_TEXT_MAX + 1);
    memset(big, ' ', POLICY_RELATIONS_TEXT_MAX + 1);
    whole = rg_slice_make(big, POLICY_RELATIONS_TEXT_MAX + 1);
    refuse(whole, RG_LIMIT);
    for (size_t i = 0; i + 2 < POLICY_RELATIONS_TEXT_MAX; i += 3) { /* small values that a tree makes large */
        memcpy(big + i, "{},", 3);
    }
    whole.size = POLICY_RELATIONS_TEXT_MAX;
    refuse(whole, RG_LIMIT);
    rg_memory_free(big);
    memset(text, '[', sizeof text); /* depth */
    refuse(rg_slice_make(text, sizeof text), RG_CONFIG);
}

static void refuses_a_document_cut_anywhere(void **state)
{
    static const char text[] = DOCUMENT(OPERATORS, ORDERS "," VIEW);
    (void)state;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        refuse(rg_slice_make(text, size), RG_CONFIG);
    }
}

static void errors_say_where(void **state)
{
    struct policy_relations *relations = NULL;
    (void)state;
    rg_status status = policy_relations_parse(RG_SLICE("{\n  x"), &relations);
    assert_non_null(strstr(status.error->text, "line 2"));
    status = policy_relations_parse(RG_SLICE(DOCUMENT("", ORDERS ",{}")), &relations);
    assert_non_null(strstr(status.error->text, "relation 1"));
    assert_null(relations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_columns_parents_and_reads),
        cmocka_unit_test(finds_nothing_that_only_looks_alike),
        cmocka_unit_test(an_empty_database_is_a_document_too),
        cmocka_unit_test(the_digest_is_that_of_the_meaning),
        cmocka_unit_test(refuses_every_other_shape),
        cmocka_unit_test(refuses_names_lists_and_documents_that_are_too_long),
        cmocka_unit_test(refuses_a_document_cut_anywhere),
        cmocka_unit_test(errors_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
