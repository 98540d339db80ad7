/* SPDX-License-Identifier: Apache-2.0 */
/* The TOML tree: values, places, order; and what is refused. */
#include "base/rg_toml.h"

#include "tests/support/rg_test.h"

struct fixture {
    struct rg_arena arena;
    struct rg_diag diag;
    const struct rg_toml_node *root;
};

static rg_status parse(struct fixture *fixture, struct rg_slice text)
{
    rg_arena_init(&fixture->arena, 64 << 20);
    rg_diag_init(&fixture->diag, &fixture->arena);
    fixture->root = NULL;
    return rg_toml_parse(text, "x.toml", &fixture->arena, &fixture->diag, &fixture->root);
}

static void assert_place(struct rg_place place, unsigned line, unsigned column)
{
    assert_string_equal(place.file, "x.toml");
    assert_int_equal(place.line, line);
    assert_int_equal(place.column, column);
}

static void gives_each_value_with_its_place(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_ok(
        parse(&fixture, RG_SLICE("s = \"text\"\n  i = 1_000\nb = true\nf = 1.5\nl = [1, \"two\"]\n[t.u]\nx = 1\n")));
    const struct rg_toml_node *node = rg_toml_find(fixture.root, RG_SLICE("s"));
    assert_slice(node->text, "text");
    assert_place(node->key_place, 1, 1);
    assert_place(node->place, 1, 5);
    node = rg_toml_find(fixture.root, RG_SLICE("i"));
    assert_int_equal(node->integer, 1000);
    assert_place(node->key_place, 2, 3);
    assert_place(node->place, 2, 7);
    assert_true(rg_toml_find(fixture.root, RG_SLICE("b"))->boolean);
    assert_int_equal(rg_toml_find(fixture.root, RG_SLICE("f"))->type, RG_TOML_FLOAT);
    node = rg_toml_find(fixture.root, RG_SLICE("l"));
    assert_int_equal(node->child_count, 2);
    assert_place(node->first->next->place, 5, 9);
    node = rg_toml_find(rg_toml_find(fixture.root, RG_SLICE("t")), RG_SLICE("u"));
    assert_int_equal(node->type, RG_TOML_TABLE);
    assert_place(node->place, 6, 1);
    assert_null(rg_toml_find(node, RG_SLICE("y")));
    rg_arena_done(&fixture.arena);
}

static void keeps_the_order_of_the_file(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_ok(parse(&fixture, RG_SLICE("zebra = 1\nant = 2\n[m]\n[[b]]\n[a]\n[[b]]\nx = 1\n")));
    static const char *const wanted[] = {"zebra", "ant", "m", "b", "a"};
    const struct rg_toml_node *node = fixture.root->first;
    for (size_t i = 0; i < 5; i++, node = node->next) {
        assert_slice(node->key, wanted[i]);
    }
    assert_null(node);
    assert_int_equal(rg_toml_find(fixture.root, RG_SLICE("b"))->child_count, 2);
    rg_arena_done(&fixture.arena);
}

static void an_empty_document_is_an_empty_table(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_ok(parse(&fixture, (struct rg_slice){NULL, 0}));
    assert_int_equal(fixture.root->type, RG_TOML_TABLE);
    assert_int_equal(fixture.root->child_count, 0);
    rg_arena_done(&fixture.arena);
}

struct bad {
    const char *text;
    unsigned line, column;
    const char *wanted;
};

static void refuses_with_the_place(void **state)
{
    (void)state;
    static const struct bad rows[] = {
        {"a = \n", 1, 5, "saw"},
        {"a = 1\na = 2\n", 2, 5, "redefine"},
        {"x = \"abc\n", 1, 9, "string"},
        {"when = 2026-11-22T10:00:00Z\n", 1, 8, "dates and times"},
        {"when = [1, 10:00:00]\n", 1, 12, "dates and times"},
        {"a = 0777\n", 1, 0, ""},
        {"a = 99999999999999999999\n", 1, 0, ""},
        {"[a\n", 1, 3, "]"},
        {"a = \"\\q\"\n", 1, 7, "escape"},
        {"\xff\xfe = 1\n", 1, 1, ""},
        {"a = {x = 1, x = 2}\n", 1, 0, "redefine"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture fixture;
        assert_fails(RG_CONFIG, parse(&fixture, rg_slice_of(rows[i].text)));
        assert_null(fixture.root);
        assert_int_equal(fixture.diag.error_count, 1);
        const struct rg_finding *finding = fixture.diag.first;
        if (finding->place.line != rows[i].line || (rows[i].column != 0 && finding->place.column != rows[i].column) ||
            strstr(finding->text.data, rows[i].wanted) == NULL) {
            fail_msg("row %zu: %u:%u: %s", i, finding->place.line, finding->place.column, finding->text.data);
        }
        rg_arena_done(&fixture.arena);
    }
}

static struct rg_slice repeated(char *out, const char *head, const char *part, size_t count, const char *tail)
{
    size_t size = strlen(head);
    memcpy(out, head, size);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + size, part, strlen(part));
        size += strlen(part);
    }
    memcpy(out + size, tail, strlen(tail));
    return rg_slice_make(out, size + strlen(tail));
}

static void refuses_what_is_too_deep(void **state)
{
    (void)state;
    struct fixture fixture;
    char *text = test_malloc(3 << 20);
    assert_ok(parse(&fixture, repeated(text, "a", ".a", 30, " = 1\n")));
    rg_arena_done(&fixture.arena);
    const struct rg_slice deep[] = {
        RG_SLICE("[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]\n"),
        RG_SLICE("a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"),
    };
    for (size_t i = 0; i < 2; i++) {
        assert_fails(RG_CONFIG, parse(&fixture, deep[i]));
        assert_non_null(strstr(fixture.diag.first->text.data, "inside each other"));
        rg_arena_done(&fixture.arena);
    }
    static const char *const parts[] = {".a", "[", "{a=", "[{a="};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) { /* half a million levels: no crash */
        assert_fails(RG_CONFIG, parse(&fixture, repeated(text, i == 0 ? "a" : "a=", parts[i], 500000, "=1\n")));
        rg_arena_done(&fixture.arena);
    }
    test_free(text);
}

static void refuses_what_is_too_large(void **state)
{
    (void)state;
    struct fixture fixture;
    char *text = test_malloc(RG_TOML_MAX_BYTES + 1);
    memset(text, ' ', RG_TOML_MAX_BYTES + 1);
    assert_ok(parse(&fixture, rg_slice_make(text, RG_TOML_MAX_BYTES)));
    rg_arena_done(&fixture.arena);
    assert_fails(RG_CONFIG, parse(&fixture, rg_slice_make(text, RG_TOML_MAX_BYTES + 1)));
    rg_arena_done(&fixture.arena);
    test_free(text);
}

static void a_full_arena_is_a_limit(void **state)
{
    (void)state;
    bool is_done = false;
    for (size_t limit = 0; !is_done; limit += 64) {
        struct rg_arena arena;
        struct rg_diag diag;
        const struct rg_toml_node *root = NULL;
        rg_arena_init(&arena, limit);
        rg_diag_init(&diag, &arena);
        rg_status status = rg_toml_parse(RG_SLICE("a = [1, 2, {b = \"c\"}]\n"), "x", &arena, &diag, &root);
        is_done = rg_is_ok(status);
        assert_true(is_done || (status.error->kind == RG_LIMIT && root == NULL));
        rg_arena_done(&arena);
        assert_true(limit < 65536);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_value_with_its_place),
        cmocka_unit_test(keeps_the_order_of_the_file),
        cmocka_unit_test(an_empty_document_is_an_empty_table),
        cmocka_unit_test(refuses_with_the_place),
        cmocka_unit_test(refuses_what_is_too_deep),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(a_full_arena_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
