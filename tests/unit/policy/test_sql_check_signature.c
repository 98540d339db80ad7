/* SPDX-License-Identifier: Apache-2.0 */
/* The checker against calls of functions that are listed by their arguments' types: what a broken or hostile rewriter
 * could emit instead of the one form that leaves the server no choice. */
#include "tests/support/check_world.h"

static const struct rg_slice two_numbers[] = {S("numeric"), S("numeric")};
static const struct rg_slice mixed[] = {S("text"), S("int4[]")};
static const struct check_function signatures[] = {
    {.schema = S("t_acme"), .name = S("margin"), .argument_count = 2, .types = two_numbers},
    {.schema = S("t_acme"), .name = S("margin"), .argument_count = 1, .types = two_numbers},
    {.schema = S("t_acme"), .name = S("tagged"), .argument_count = 2, .types = mixed},
    {.schema = S("t_acme"), .name = S("today_"), .argument_count = 0, .types = mixed},
    {.schema = S("pg_catalog"), .name = S("similarity"), .argument_count = 1, .types = mixed},
    {.name = S("nowhere"), .argument_count = 0, .types = mixed},
};

#define N "::pg_catalog.numeric"

static void accepts_calls_that_leave_no_choice(void **state)
{
    (void)state;
    static const struct row right[] = {
        {"two arguments", "SELECT t_acme.margin((a)" N ", (b + 1)" N ") FROM t_acme.a"},
        {"one argument", "SELECT t_acme.margin(1" N ")"},
        {"CAST spelled out", "SELECT t_acme.margin(CAST(1 AS pg_catalog.numeric))"},
        {"array", "SELECT t_acme.tagged(('a')::pg_catalog.text, (ARRAY[1])::pg_catalog.int4[])"},
        {"none", "SELECT t_acme.today_()"},
        {"of pg_catalog", "SELECT pg_catalog.similarity(('a')::pg_catalog.text)"},
        {"nested", "SELECT t_acme.margin((t_acme.margin(1" N "))" N ")"},
        {"in FROM", "SELECT * FROM t_acme.margin(1" N ") AS m"},
        {"beside the other list", "SELECT pg_catalog.lower('a'), t_acme.today_()"},
    };
    struct check_limits limits = reading;
    limits.signatures = signatures;
    limits.signature_count = COUNT_OF(signatures);
    assert_int_equal(count_wrong(right, COUNT_OF(right), &limits, true), 0);
    static const struct row listed_elsewhere[] = {{"of the other list", "SELECT pg_catalog.lower('a')"}};
    assert_int_equal(count_wrong(right, COUNT_OF(right), &reading, false), 0);
    assert_int_equal(count_wrong(listed_elsewhere, 1, &reading, true), 0);
}

static void refuses_every_other_form(void **state)
{
    (void)state;
    static const struct row wrong[] = {
        {"too many arguments", "SELECT t_acme.margin(1" N ", 2" N ", 3" N ")"},
        {"none of them", "SELECT t_acme.margin()"},
        {"an argument too many for none", "SELECT t_acme.today_(1)"},
        {"no cast", "SELECT t_acme.margin(1)"},
        {"second without a cast", "SELECT t_acme.margin(1" N ", 2)"},
        {"cast to another type", "SELECT t_acme.margin(1::pg_catalog.int4)"},
        {"cast without its schema", "SELECT t_acme.tagged('a'::text, '{}'::pg_catalog.int4[])"},
        {"cast to another schema's type", "SELECT t_acme.margin(1::public.numeric)"},
        {"cast with a modifier", "SELECT t_acme.margin(1::pg_catalog.numeric(3, 2))"},
        {"cast to an array", "SELECT t_acme.margin(1::pg_catalog.numeric[])"},
        {"cast to an element", "SELECT t_acme.tagged('a'::pg_catalog.text, 1::pg_catalog.int4)"},
        {"cast to an array of arrays", "SELECT t_acme.tagged('a'::pg_catalog.text, '{}'::pg_catalog.int4[][])"},
        {"types in the other order", "SELECT t_acme.tagged('{}'::pg_catalog.int4[], 'a'::pg_catalog.text)"},
        {"cast below another node", "SELECT t_acme.margin(- 1" N ")"},
        {"cast below a collation", "SELECT t_acme.margin((1" N ") COLLATE pg_catalog.\"C\")"},
        {"unqualified", "SELECT margin(1" N ")"},
        {"another tenant's schema", "SELECT t_globex.margin(1" N ")"},
        {"public", "SELECT public.margin(1" N ")"},
        {"as if it were PostgreSQL's", "SELECT pg_catalog.margin(1" N ")"},
        {"PostgreSQL's as if it were the tenant's", "SELECT t_acme.lower('a')"},
        {"PostgreSQL's with another type", "SELECT pg_catalog.similarity(1" N ")"},
        {"with its database", "SELECT db.t_acme.margin(1" N ")"},
        {"not listed", "SELECT t_acme.other(1" N ")"},
        {"name in another case", "SELECT t_acme.\"Margin\"(1" N ")"},
        {"VARIADIC", "SELECT t_acme.tagged('a'::pg_catalog.text, VARIADIC ARRAY[1]::pg_catalog.int4[])"},
        {"named argument", "SELECT t_acme.margin(x => 1" N ")"},
        {"DISTINCT", "SELECT t_acme.margin(DISTINCT 1" N ")"},
        {"ORDER BY", "SELECT t_acme.margin(1" N " ORDER BY 1)"},
        {"FILTER", "SELECT t_acme.margin(1" N ") FILTER (WHERE true)"},
        {"OVER", "SELECT t_acme.margin(1" N ") OVER ()"},
        {"star", "SELECT t_acme.today_(*)"},
        {"WITHIN GROUP", "SELECT t_acme.margin() WITHIN GROUP (ORDER BY 1" N ")"},
        {"a schema without a name", "SELECT \" \".nowhere()"},
        {"a row without a schema", "SELECT nowhere()"},
        {"leak in an argument", "SELECT t_acme.margin((" LEAK ")" N ")"},
        {"function in an argument", "SELECT t_acme.margin((pg_catalog.pg_sleep(1))" N ")"},
        {"called as a column", "SELECT a.margin FROM t_acme.margin(1" N ") AS a"},
    };
    struct check_limits limits = reading;
    limits.signatures = signatures;
    limits.signature_count = COUNT_OF(signatures);
    assert_int_equal(count_wrong(wrong, COUNT_OF(wrong), &limits, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_calls_that_leave_no_choice),
        cmocka_unit_test(refuses_every_other_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
