/* SPDX-License-Identifier: Apache-2.0 */
/* The readable form: every token is there, in order, and lines break where clauses begin. */
#include "policy/layout.h"
#include "policy/policy.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

struct row {
    const char *text;
    const char *wanted;
};

/* clang-format off */
static const struct row rows[] = {
    {"select 1", "select 1"},
    {"select a, b from t where a = 1 and b = 2 or c order by 1 limit 5",
     "select a, b\nfrom t\nwhere a = 1\n  and b = 2\n  or c\norder by 1\nlimit 5"},
    {"select * from (select 1 as x) s", "select *\nfrom (\n  select 1 as x\n) s"},
    {"with m as materialized (select 1) select * from m",
     "with m as materialized (\n  select 1\n)\nselect *\nfrom m"},
    {"select a from t left join u on t.a = u.a and u.b natural join v",
     "select a\nfrom t\nleft join u on t.a = u.a\n  and u.b\nnatural join v"},
    {"select extract(year from d), left(a, 1), substring(a from 2) from t",
     "select extract(year from d), left(a, 1), substring(a from 2)\nfrom t"},
    {"select a is distinct from b from t", "select a is distinct from b\nfrom t"},
    {"select 1 from t where a between 1 and 2 and b between (1 + 2) and 3",
     "select 1\nfrom t\nwhere a between 1 and 2\n  and b between (1 + 2) and 3"},
    {"select count(*) over (partition by a order by b) from t group by a having true",
     "select count(*) over (partition by a order by b)\nfrom t\ngroup by a\nhaving true"},
    {"select 1 union all select 2; select 3", "select 1\nunion all\nselect 2;\nselect 3"},
    {"insert into t values (1) returning a", "insert into t\nvalues (1)\nreturning a"},
    {"update t set a = 1 where b", "update t\nset a = 1\nwhere b"},
    {"select '--x', $1, \"from\", e'a\\'from b' -- gone\n from/* gone */ t", "select '--x', $1, \"from\", e'a\\'from b'\nfrom t"},
    {"select 'a from b where c'", "select 'a from b where c'"},
    {"select t.select, \"SELECT\" from t", "select t.select, \"SELECT\"\nfrom t"},
    {"select 1 from f() with ordinality", "select 1\nfrom f() with ordinality"},
};
/* clang-format on */

static void print(const struct policy_token *tokens, size_t count, char *out, size_t capacity)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (tokens[i].is_line_start) {
            size += (size_t)snprintf(out + size, capacity - size, "\n%*s", (int)(2 * tokens[i].indent), "");
        } else if (tokens[i].has_space) {
            size += (size_t)snprintf(out + size, capacity - size, " ");
        }
        size += (size_t)snprintf(out + size, capacity - size, "%.*s", RG_SLICE_ARGS(tokens[i].text));
    }
}

static void lines_break_where_clauses_begin(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[1024] = "";
        struct rg_arena arena;
        size_t count = 0;
        const struct policy_token *tokens = NULL;
        rg_arena_init(&arena, 1 << 20);
        assert_ok(policy_layout(rg_slice_of(rows[i].text), &arena, &count, &tokens));
        print(tokens, count, out, sizeof out);
        if (strcmp(out, rows[i].wanted) != 0) {
            print_error("%s\nbecame\n%s\nnot\n%s\n", rows[i].text, out, rows[i].wanted);
            wrong++;
        }
        rg_arena_done(&arena);
    }
    assert_int_equal(wrong, 0);
}

/* What a reader sees parses to the same tokens again: no quote is torn, nothing swallowed. */
static void the_readable_form_has_the_same_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_arena arena;
        size_t count = 0;
        size_t again_count = 0;
        const struct policy_token *tokens = NULL;
        const struct policy_token *again = NULL;
        rg_arena_init(&arena, 1 << 20);
        assert_ok(policy_layout(rg_slice_of(rows[i].text), &arena, &count, &tokens));
        assert_ok(policy_layout(rg_slice_of(rows[i].wanted), &arena, &again_count, &again));
        assert_int_equal(count, again_count);
        for (size_t j = 0; j < count; j++) {
            assert_true(rg_slice_is_equal(tokens[j].text, again[j].text));
            assert_memory_equal(rows[i].text + tokens[j].at, tokens[j].text.data, tokens[j].text.size);
        }
        rg_arena_done(&arena);
    }
}

static void tokens_have_their_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum policy_token_kind kinds[8];
    } cases[] = {
        {"select a, 'x', 1.5, $1",
         {POLICY_TOKEN_KEYWORD, POLICY_TOKEN_NAME, POLICY_TOKEN_PLAIN, POLICY_TOKEN_STRING, POLICY_TOKEN_PLAIN,
          POLICY_TOKEN_NUMBER, POLICY_TOKEN_PLAIN, POLICY_TOKEN_NUMBER}},
        {"select .5, $$x$$, E'y', x'1f'",
         {POLICY_TOKEN_KEYWORD, POLICY_TOKEN_NUMBER, POLICY_TOKEN_PLAIN, POLICY_TOKEN_STRING, POLICY_TOKEN_PLAIN,
          POLICY_TOKEN_STRING, POLICY_TOKEN_PLAIN, POLICY_TOKEN_STRING}},
        {"select t.from, \"x\" from t",
         {POLICY_TOKEN_KEYWORD, POLICY_TOKEN_NAME, POLICY_TOKEN_PLAIN, POLICY_TOKEN_NAME, POLICY_TOKEN_PLAIN,
          POLICY_TOKEN_NAME, POLICY_TOKEN_KEYWORD, POLICY_TOKEN_NAME}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rg_arena arena;
        size_t count = 0;
        const struct policy_token *tokens = NULL;
        rg_arena_init(&arena, 1 << 20);
        assert_ok(policy_layout(rg_slice_of(cases[i].text), &arena, &count, &tokens));
        assert_int_equal(count, 8);
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(tokens[j].kind, cases[i].kinds[j]);
        }
        rg_arena_done(&arena);
    }
}

static void what_does_not_parse_is_refused(void **state)
{
    (void)state;
    static const struct rg_slice texts[] = {{"selec 1", 7}, {"select '", 8}, {"select \0 1", 10}, {"\xff", 1}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rg_arena arena;
        size_t count = 77;
        const struct policy_token *tokens = NULL;
        rg_arena_init(&arena, 1 << 20);
        assert_fails(RG_DENIED, policy_layout(texts[i], &arena, &count, &tokens));
        assert_int_equal(count, 77);
        assert_null(tokens);
        rg_arena_done(&arena);
    }
}

static void a_full_arena_is_a_limit(void **state)
{
    (void)state;
    struct rg_arena arena;
    size_t count = 77;
    const struct policy_token *tokens = NULL;
    rg_arena_init(&arena, 100);
    assert_fails(RG_LIMIT, policy_layout(RG_SLICE("select 1, 2, 3, 4"), &arena, &count, &tokens));
    assert_int_equal(count, 77);
    rg_arena_done(&arena);
}

/* Deeper than the layout's own stack, and far more connectives than a quadratic search would bear. */
static void hostile_shapes_end_soon(void **state)
{
    (void)state;
    enum { TERMS = 20000, SIZE = TERMS * 8 + 64 };
    static char text[SIZE];
    struct rg_arena arena;
    size_t count = 0;
    const struct policy_token *tokens = NULL;
    size_t size = (size_t)snprintf(text, SIZE, "select 1 where a");
    for (size_t i = 0; i < TERMS; i++) {
        size += (size_t)snprintf(text + size, SIZE - size, " and a");
    }
    rg_arena_init(&arena, 256 << 20);
    assert_ok(policy_layout(rg_slice_of(text), &arena, &count, &tokens));
    assert_int_equal(count, 4 + 2 * TERMS);
    rg_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_break_where_clauses_begin), cmocka_unit_test(the_readable_form_has_the_same_tokens),
        cmocka_unit_test(tokens_have_their_kinds),         cmocka_unit_test(what_does_not_parse_is_refused),
        cmocka_unit_test(a_full_arena_is_a_limit),         cmocka_unit_test(hostile_shapes_end_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
