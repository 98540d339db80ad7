/* SPDX-License-Identifier: Apache-2.0 */
/* The section loader's own parts: units, nearest words, defaults. What it says of bad files is tested with
 * real sections in tests/unit/proxy/test_config_refusals.c. */
#include "base/rg_schema.h"

#include "tests/support/rg_test.h"

struct unit_row {
    const char *text;
    int64_t wanted; /* -1 = refused */
};

static void reads_durations(void **state)
{
    (void)state;
    static const struct unit_row rows[] = {
        {"500ms", 500000},
        {"30s", 30000000},
        {"5m", 300000000},
        {"1h", 3600000000},
        {"2d", 172800000000},
        {"0s", 0},
        {"1us", 1},
        {"", -1},
        {"s", -1},
        {"30", -1},
        {"30 s", -1},
        {" 30s", -1},
        {"30S", -1},
        {"-1s", -1},
        {"+1s", -1},
        {"1.5s", -1},
        {"1s ", -1},
        {"1sm", -1},
        {"1e3s", -1},
        {"0x10s", -1},
        {"9223372036854775807us", INT64_MAX},
        {"9223372036854775808us", -1},
        {"9223372036855s", -1},
        {"106751992d", -1},
        {"99999999999999999999999s", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = -7;
        bool is_read = rg_duration_parse(rg_slice_of(rows[i].text), &value);
        if (is_read != (rows[i].wanted >= 0) || value != (is_read ? rows[i].wanted : -7)) {
            fail_msg("\"%s\" became %lld", rows[i].text, (long long)value);
        }
    }
}

static void reads_sizes(void **state)
{
    (void)state;
    static const struct unit_row rows[] = {
        {"512B", 512},
        {"64KiB", 65536},
        {"64MiB", 67108864},
        {"1GiB", 1073741824},
        {"1TiB", 1099511627776},
        {"64", -1},
        {"64MB", -1},
        {"64kib", -1},
        {"KiB", -1},
        {"1.5GiB", -1},
        {"-1KiB", -1},
        {"8388608TiB", -1},
        {"", -1},
        {"1 KiB", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = -7;
        bool is_read = rg_size_parse(rg_slice_of(rows[i].text), &value);
        if (is_read != (rows[i].wanted >= 0) || value != (is_read ? rows[i].wanted : -7)) {
            fail_msg("\"%s\" became %lld", rows[i].text, (long long)value);
        }
    }
}

static const char *word_at(const void *list, size_t at)
{
    const char *const *words = list;
    return words[at];
}

static void suggests_only_what_is_near(void **state)
{
    (void)state;
    static const char *const words[] = {"address", "audience", "x"};
    assert_string_equal(rg_schema_nearest(RG_SLICE("adress"), word_at, words, 3), "address");
    assert_string_equal(rg_schema_nearest(RG_SLICE("audiense"), word_at, words, 3), "audience");
    assert_null(rg_schema_nearest(RG_SLICE("listen"), word_at, words, 3));
    assert_null(rg_schema_nearest(RG_SLICE("y"), word_at, words, 3));
    assert_null(rg_schema_nearest(RG_SLICE(""), word_at, words, 3));
    char long_name[200];
    memset(long_name, 'a', sizeof long_name);
    assert_null(rg_schema_nearest(rg_slice_make(long_name, sizeof long_name), word_at, words, 3));
}

struct target {
    struct rg_schema_number timeout;
    struct rg_schema_string name;
    struct rg_schema_list list;
};

static const struct rg_schema_key keys[] = {
    {"timeout", RG_SCHEMA_DURATION, false, offsetof(struct target, timeout), 1, 0, NULL, NULL, "\"30s\"", NULL},
    {"name", RG_SCHEMA_STRING, true, offsetof(struct target, name), 0, 0, NULL, NULL, NULL, NULL},
    {"list", RG_SCHEMA_STRINGS, false, offsetof(struct target, list), 0, 0, NULL, NULL, "[\"a\", \"b\"]", NULL},
};
static const struct rg_schema schema = {"[test]", sizeof keys / sizeof keys[0], keys, false, 0};

static void read_target(struct rg_arena *arena, struct rg_diag *diag, const char *text, struct target *out_target)
{
    struct rg_schema_secrets secrets = {0};
    const struct rg_schema_context context = {arena, diag, &secrets};
    const struct rg_toml_node *root = NULL;
    rg_arena_init(arena, 1 << 20);
    rg_diag_init(diag, arena);
    *out_target = (struct target){0};
    assert_ok(rg_toml_parse(rg_slice_of(text), "x.toml", arena, diag, &root));
    assert_ok(rg_schema_read(&context, &schema, root, out_target));
    rg_schema_secrets_done(&secrets);
}

static void what_the_file_leaves_out_has_its_default(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct rg_diag diag;
    struct target target;
    read_target(&arena, &diag, "name = \"n\"\n", &target);
    assert_int_equal(diag.error_count, 0);
    assert_int_equal(target.timeout.value, 30000000);
    assert_false(target.timeout.is_given);
    assert_int_equal(target.list.count, 2);
    assert_slice(target.list.items[1].text, "b");
    assert_false(target.list.is_given);
    assert_true(target.name.is_given);
    rg_arena_done(&arena);
}

static void a_bad_value_leaves_the_default(void **state)
{
    (void)state;
    struct rg_arena arena;
    struct rg_diag diag;
    struct target target;
    read_target(&arena, &diag, "timeout = 5\nlist = 3\nname = \"a\\u0000b\"\nmore = 1\n", &target);
    assert_int_equal(diag.error_count, 4);
    assert_int_equal(target.timeout.value, 30000000);
    assert_int_equal(target.list.count, 2);
    assert_int_equal(target.name.text.size, 0); /* a NUL would cut it short somewhere */
    rg_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(suggests_only_what_is_near),
        cmocka_unit_test(what_the_file_leaves_out_has_its_default),
        cmocka_unit_test(a_bad_value_leaves_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
