/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements are bookkeeping; what is answered for them, and when: tests/e2e/test_bookkeeping.py. */
#include "proxy/bookkeeping.h"

#include "tests/support/rg_test.h"

#define PLACEHOLDER "SET standard_conforming_strings = on"

static const struct {
    const char *source, *text, *tag;
    enum policy_effect effect;
    bool is_read, returns_rows;
    enum bookkeeping wanted;
} cases[] = {
    {"BEGIN", "BEGIN", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_BEGIN},
    {" begin ;\n", "begin", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_BEGIN},
    {"START TRANSACTION", "x", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_NONE},
    {"BEGIN ISOLATION LEVEL SERIALIZABLE", "x", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_NONE},
    {"BEGIN READ ONLY", "x", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_NONE},
    {"BEGIN  WORK", "x", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_NONE},
    {"BEGIN /* */", "x", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_NONE},
    {"BEGINN", "x", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_NONE},
    {"BEGI", "x", "", POLICY_EFFECT_BEGIN, true, false, BOOKKEEPING_NONE},
    {"BEGIN", "BEGIN", "", POLICY_EFFECT_NONE, true, false, BOOKKEEPING_NONE},
    {"COMMIT", "COMMIT", "", POLICY_EFFECT_COMMIT, true, false, BOOKKEEPING_END},
    {"ROLLBACK", "ROLLBACK", "", POLICY_EFFECT_ROLLBACK, true, false, BOOKKEEPING_END},
    {"ROLLBACK AND CHAIN", "x", "", POLICY_EFFECT_NONE, true, false, BOOKKEEPING_NONE},
    {"SAVEPOINT a", "SAVEPOINT a", "", POLICY_EFFECT_NONE, true, false, BOOKKEEPING_NONE},
    {"SET search_path = sales", PLACEHOLDER, "SET", POLICY_EFFECT_SET_SEARCH_PATH, true, false, BOOKKEEPING_VIRTUAL},
    {"RESET ALL", PLACEHOLDER, "RESET", POLICY_EFFECT_RESET_ALL, true, false, BOOKKEEPING_VIRTUAL},
    {PLACEHOLDER, PLACEHOLDER, "", POLICY_EFFECT_NONE, true, false, BOOKKEEPING_NONE},
    {"select version()", "SELECT pg_catalog.version()", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_CONSTANT},
    {"SELECT PG_CATALOG.VERSION();", "x", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_CONSTANT},
    {"select current_schema()", "x", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_CONSTANT},
    {"show transaction isolation level", "x", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_LEVEL},
    {"show standard_conforming_strings", "x", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_CONSTANT},
    {"SELECT 1", "SELECT 1", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_NONE},
    {"SELECT 11", "SELECT 11", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_NONE},
    {"SELECT now()", "x", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_NONE},
    {"select version() from orders", "x", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_NONE},
    {"select version()", "x", "", POLICY_EFFECT_NONE, false, true, BOOKKEEPING_NONE},
    {"select version()", "x", "", POLICY_EFFECT_CANCEL_PID, true, true, BOOKKEEPING_NONE},
    {"select version()", "x", "", POLICY_EFFECT_NONE, true, false, BOOKKEEPING_NONE},
    {"INSERT INTO orders VALUES (1)", "x", "", POLICY_EFFECT_NONE, false, false, BOOKKEEPING_NONE},
    {"", "", "", POLICY_EFFECT_NONE, true, false, BOOKKEEPING_NONE},
    {";", "", "", POLICY_EFFECT_NONE, true, true, BOOKKEEPING_NONE},
};

static void knows_bookkeeping_by_text_and_effect(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct policy_statement statement = {
            .verdict = POLICY_ALLOW,
            .is_read = cases[i].is_read,
            .returns_rows = cases[i].returns_rows,
            .effect = cases[i].effect,
            .source = rg_slice_of(cases[i].source),
            .text = rg_slice_of(cases[i].text),
            .tag = rg_slice_of(cases[i].tag),
        };
        if (bookkeeping_of(&statement) != cases[i].wanted) {
            fail_msg("%s", cases[i].source);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(knows_bookkeeping_by_text_and_effect)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
