/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/startup.h"

#include "tests/unit/proxy/pgwire_support.h"

enum { ARENA_LIMIT = 64 * 1024 }; /* what startup.h promises to suffice */

#define V3 "\0\x03\0\0"

static int arena_setup(void **state)
{
    static struct rg_arena arena;
    rg_arena_init(&arena, ARENA_LIMIT);
    *state = &arena;
    return 0;
}

static int arena_teardown(void **state)
{
    rg_arena_done(*state);
    return 0;
}

static struct rg_arena *test_arena;

static rg_status parse(struct rg_slice body, void *out)
{
    return pgwire_startup_parse(body, test_arena, out);
}

static void expect_startup_refused(void **state, const char *name, struct rg_slice body, enum rg_kind kind)
{
    test_arena = *state;
    rg_arena_reset(test_arena);
    expect_refused(name, parse, body, kind);
}

static struct pgwire_startup accepted(void **state, struct rg_slice body)
{
    struct pgwire_startup startup = {0};
    assert_ok(pgwire_startup_parse(body, *state, &startup));
    return startup;
}

static void reads_the_requests_that_come_before_a_session(void **state)
{
    assert_int_equal(accepted(state, RG_SLICE("\x04\xd2\x16\x2f")).kind, PGWIRE_STARTUP_SSL);
    assert_int_equal(accepted(state, RG_SLICE("\x04\xd2\x16\x30")).kind, PGWIRE_STARTUP_GSSENC);
    struct pgwire_startup cancel = accepted(state, RG_SLICE("\x04\xd2\x16\x2e\0\0\x30\x39\xde\xad\xbe\xef"));
    assert_int_equal(cancel.kind, PGWIRE_STARTUP_CANCEL);
    assert_int_equal(cancel.cancel_pid, 12345);
    assert_true(cancel.cancel_secret == 0xdeadbeefU);
}

static void refuses_requests_with_a_byte_too_few_or_too_many(void **state)
{
    test_arena = *state;
    expect_whole_only("SSLRequest", parse, RG_SLICE("\x04\xd2\x16\x2f"), RG_PROTOCOL);
    expect_whole_only("GSSENCRequest", parse, RG_SLICE("\x04\xd2\x16\x30"), RG_PROTOCOL);
    expect_whole_only("CancelRequest", parse, RG_SLICE("\x04\xd2\x16\x2e\0\0\x30\x39\xde\xad\xbe\xef"), RG_PROTOCOL);
}

static void reads_user_database_and_settings(void **state)
{
    struct pgwire_startup startup = accepted(state, RG_SLICE(V3 "user\0alice\0database\0acme\0"
                                                                "application_name\0Apache Superset\0"
                                                                "client_encoding\0UTF8\0\0"));
    assert_int_equal(startup.kind, PGWIRE_STARTUP_SESSION);
    assert_int_equal(startup.minor, 0);
    assert_slice(startup.user, "alice");
    assert_slice(startup.database, "acme");
    assert_int_equal(startup.setting_count, 2);
    assert_slice(startup.settings[0].name, "application_name");
    assert_slice(startup.settings[0].value, "Apache Superset");
    assert_false(startup.settings[0].is_option);
    assert_slice(pgwire_setting_find(&startup, RG_SLICE("CLIENT_encoding"))->value, "UTF8");
    assert_null(pgwire_setting_find(&startup, RG_SLICE("user")));
    assert_null(pgwire_setting_find(&startup, RG_SLICE("client_encodin")));
}

static void takes_the_user_for_a_database_not_named(void **state)
{
    assert_slice(accepted(state, RG_SLICE(V3 "user\0alice\0\0")).database, "alice");
    assert_slice(accepted(state, RG_SLICE(V3 "database\0\0user\0alice\0\0")).database, "alice");
}

static void reports_minor_versions_and_extensions(void **state)
{
    struct pgwire_startup startup = accepted(state, RG_SLICE("\0\x03\0\x02user\0a\0_pq_.one\0x\0_pq_.two\0\0\0"));
    assert_int_equal(startup.minor, 2);
    assert_int_equal(startup.extension_count, 2);
    assert_slice(startup.extensions[0], "_pq_.one");
    assert_slice(startup.extensions[1], "_pq_.two");
    assert_int_equal(startup.setting_count, 0);
}

static void copies_into_the_arena(void **state)
{
    struct rg_slice copy = exact_copy(RG_SLICE(V3 "user\0alice\0options\0-c a=1\0x\0y\0\0"));
    struct pgwire_startup startup = accepted(state, copy);
    exact_free(copy);
    assert_slice(startup.user, "alice");
    assert_slice(startup.settings[0].value, "1");
    assert_slice(startup.settings[1].value, "y");
}

static void refuses_what_is_no_session_of_ours(void **state)
{
    const struct {
        const char *name;
        struct rg_slice body;
        enum rg_kind kind;
    } rows[] = {
        {"protocol 2", RG_SLICE("\0\x02\0\0user\0a\0\0"), RG_PROTOCOL},
        {"protocol 4", RG_SLICE("\0\x04\0\0user\0a\0\0"), RG_PROTOCOL},
        {"protocol 0", RG_SLICE("\0\0\0\0user\0a\0\0"), RG_PROTOCOL},
        {"unknown request", RG_SLICE("\x04\xd2\x16\x31"), RG_PROTOCOL},
        {"no user", RG_SLICE(V3 "database\0a\0\0"), RG_PROTOCOL},
        {"empty user", RG_SLICE(V3 "user\0\0\0"), RG_PROTOCOL},
        {"no parameters", RG_SLICE(V3 "\0"), RG_PROTOCOL},
        {"no terminator", RG_SLICE(V3 "user\0a\0"), RG_PROTOCOL},
        {"bytes behind the terminator", RG_SLICE(V3 "user\0a\0\0Q"), RG_PROTOCOL},
        {"user twice", RG_SLICE(V3 "user\0a\0user\0b\0\0"), RG_PROTOCOL},
        {"user twice, the same", RG_SLICE(V3 "user\0a\0user\0a\0\0"), RG_PROTOCOL},
        {"user twice by case", RG_SLICE(V3 "user\0a\0USER\0b\0\0"), RG_PROTOCOL},
        {"database twice", RG_SLICE(V3 "user\0a\0database\0b\0database\0c\0\0"), RG_PROTOCOL},
        {"options twice", RG_SLICE(V3 "user\0a\0options\0\0options\0\0\0"), RG_PROTOCOL},
        {"setting twice", RG_SLICE(V3 "user\0a\0TimeZone\0UTC\0timezone\0UTC\0\0"), RG_PROTOCOL},
        {"setting twice by options", RG_SLICE(V3 "user\0a\0x\0001\0options\0-c X=2\0\0"), RG_PROTOCOL},
        {"extension twice", RG_SLICE(V3 "user\0a\0_pq_.x\0001\0_pq_.x\0002\0\0"), RG_PROTOCOL},
        {"replication", RG_SLICE(V3 "user\0a\0replication\0true\0\0"), RG_PROTOCOL},
        {"replication of a database", RG_SLICE(V3 "user\0a\0replication\0database\0\0"), RG_PROTOCOL},
        {"replication without value", RG_SLICE(V3 "user\0a\0replication\0\0\0"), RG_PROTOCOL},
        {"replication in capitals", RG_SLICE(V3 "user\0a\0REPLICATION\0on\0\0"), RG_PROTOCOL},
        {"replication by options", RG_SLICE(V3 "user\0a\0options\0-c replication=true\0\0"), RG_PROTOCOL},
        {"user by options", RG_SLICE(V3 "user\0a\0options\0--user=b\0\0"), RG_PROTOCOL},
        {"user by options only", RG_SLICE(V3 "options\0-c user=b\0\0"), RG_PROTOCOL},
        {"options in options", RG_SLICE(V3 "user\0a\0options\0-c options=b\0\0"), RG_PROTOCOL},
        {"extension by options", RG_SLICE(V3 "user\0a\0options\0-c _pq_.x=b\0\0"), RG_PROTOCOL},
        {"blank in a name", RG_SLICE(V3 "user\0a\0x y\0b\0\0"), RG_PROTOCOL},
        {"quote in a name", RG_SLICE(V3 "user\0a\0x'\0b\0\0"), RG_PROTOCOL},
        {"user not UTF-8", RG_SLICE(V3 "user\0\xff\0\0"), RG_PROTOCOL},
        {"newline in the user", RG_SLICE(V3 "user\0a\nb\0\0"), RG_PROTOCOL},
        {"escape in a value", RG_SLICE(V3 "user\0a\0application_name\0\x1b[2J\0\0"), RG_PROTOCOL},
        {"override in the database", RG_SLICE(V3 "user\0a\0database\0\xe2\x80\xae\0\0"), RG_PROTOCOL},
        {"overlong in an extension", RG_SLICE(V3 "user\0a\0_pq_.a\0\xc0\xaf\0\0"), RG_PROTOCOL},
        {"name of 64 bytes",
         RG_SLICE(V3 "user\0a\0x123456789012345678901234567890123456789012345678901234567890123\0b\0\0"), RG_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_startup_refused(state, rows[i].name, rows[i].body, rows[i].kind);
    }
}

static void refuses_every_truncation(void **state)
{
    test_arena = *state;
    struct rg_slice body = RG_SLICE(V3 "user\0alice\0database\0acme\0options\0-c a=1\\ 2\0replication\0off\0\0");
    for (size_t size = 0; size < body.size; size++) {
        rg_arena_reset(*state);
        expect_refused("StartupMessage", parse, rg_slice_cut(body, 0, size), RG_PROTOCOL);
    }
    rg_arena_reset(*state);
    assert_slice(accepted(state, body).settings[0].value, "1 2");
}

static void accepts_replication_that_is_off(void **state)
{
    (void)accepted(state, RG_SLICE(V3 "user\0a\0replication\0false\0\0"));
    (void)accepted(state, RG_SLICE(V3 "user\0a\0replication\0OFF\0\0"));
    (void)accepted(state, RG_SLICE(V3 "user\0a\0replication\0no\0\0"));
    assert_int_equal(accepted(state, RG_SLICE(V3 "user\0a\0replication\0000\0\0")).setting_count, 0);
}

static rg_status parse_options(struct rg_arena *arena, const char *options, struct pgwire_startup *out_startup)
{
    char body[1024];
    memcpy(body, V3 "user\0a\0options\0", 4 + 7 + 8);
    size_t size = strlen(options);
    assert_true(size < 900);
    memcpy(body + 19, options, size + 1);
    body[19 + size + 1] = '\0';
    return pgwire_startup_parse(rg_slice_make(body, 19 + size + 2), arena, out_startup);
}

/* Expected: pairs joined as name=value, each ended by '|'. */
static void splits_options_as_the_server_does(void **state)
{
    const struct {
        const char *options;
        const char *pairs;
    } rows[] = {
        {"", ""},
        {"  \t\n ", ""},
        {"-c search_path=sales", "search_path=sales|"},
        {"-csearch_path=sales", "search_path=sales|"},
        {"--search_path=sales", "search_path=sales|"},
        {"--search-path=sales", "search_path=sales|"},
        {"-c search-path=sales-x", "search_path=sales-x|"},
        {"  -c   a=1\t--b=2\n", "a=1|b=2|"},
        {"-c a=", "a=|"},
        {"-c a=b=c", "a=b=c|"},
        {"-c a=x\\ y", "a=x y|"},
        {"-c\\ a=x", NULL}, /* one word "-c a=x": the name begins with a blank */
        {"-c a=x\\\\y", "a=x\\y|"},
        {"-c a=\\\\\\ y", "a=\\ y|"},
        {"-c a=\\x", "a=x|"},
        {"-c a=x\\", "a=x|"}, /* PostgreSQL drops a backslash at the end */
        {"-c a='x", "a='x|"}, /* quotes mean nothing here */
        {"\\-c a=1", "a=1|"}, /* an escaped ordinary byte is itself */
        {"-c statement_timeout=5s -c a.b=1", "statement_timeout=5s|a.b=1|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pgwire_startup startup = {0};
        if (rows[i].pairs == NULL) {
            assert_fails(RG_PROTOCOL, parse_options(*state, rows[i].options, &startup));
            continue;
        }
        assert_ok(parse_options(*state, rows[i].options, &startup));
        RG_AUTO(rg_buf_done) struct rg_buf joined;
        rg_buf_init(&joined, BUF_LIMIT);
        for (size_t j = 0; j < startup.setting_count; j++) {
            assert_true(startup.settings[j].is_option);
            assert_ok(rg_buf_put(&joined, startup.settings[j].name));
            assert_ok(rg_buf_put(&joined, RG_SLICE("=")));
            assert_ok(rg_buf_put(&joined, startup.settings[j].value));
            assert_ok(rg_buf_put(&joined, RG_SLICE("|")));
        }
        assert_slice(rg_buf_slice(&joined), rows[i].pairs);
        rg_arena_reset(*state);
    }
}

static void refuses_options_that_are_no_settings(void **state)
{
    static const char *const rows[] = {
        "-c",        "-c a",   "-c =1",    "--",         "--a",       "--=1",          "a=1",           "-d 5",
        "-fs",       "-W 1",   "-",        "-ca",        "-e -c a=1", "-c a=1 b",      "-c a=1 -c a=2", "-c a=1 --A=2",
        "-C a=1",    "\\",     "-c -c a=", "-c a=x\\\n", "-c a=\x1b", "-c \xc3\xa4=1", "-o -c",         "-c a=1 \\ -c",
        "-c a=1 --", "-- a=1",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pgwire_startup startup = {.minor = 77};
        rg_status status = parse_options(*state, rows[i], &startup);
        if (rg_is_ok(status)) {
            fail_msg("options \"%s\" are accepted", rows[i]);
        }
        assert_int_equal(status.error->kind, RG_PROTOCOL);
        assert_true(startup.minor == 77 && startup.kind == PGWIRE_STARTUP_NONE);
        rg_arena_reset(*state);
    }
}

/* "user", then count - 1 parameters k0, k1, ... */
static struct rg_slice many(struct rg_buf *buf, unsigned count)
{
    rg_buf_init(buf, BUF_LIMIT);
    assert_ok(rg_buf_put(buf, RG_SLICE(V3 "user\0a\0")));
    for (unsigned i = 1; i < count; i++) {
        assert_ok(rg_buf_printf(buf, "k%u", i));
        assert_ok(rg_buf_put(buf, RG_SLICE("\0v\0")));
    }
    assert_ok(rg_buf_put_u8(buf, 0));
    return rg_buf_slice(buf);
}

static void bounds_the_number_of_parameters(void **state)
{
    struct rg_buf buf = {0};
    assert_int_equal(accepted(state, many(&buf, PGWIRE_SETTINGS_MAX)).setting_count, PGWIRE_SETTINGS_MAX - 1);
    rg_buf_done(&buf);
    expect_startup_refused(state, "65 parameters", many(&buf, PGWIRE_SETTINGS_MAX + 1), RG_LIMIT);
    rg_buf_done(&buf);
}

static struct rg_slice one_value(struct rg_buf *buf, const char *key, size_t size)
{
    rg_buf_init(buf, BUF_LIMIT);
    assert_ok(rg_buf_put(buf, RG_SLICE(V3)));
    assert_ok(rg_buf_put_cstr(buf, rg_slice_of(key)));
    for (size_t i = 0; i < size; i++) {
        assert_ok(rg_buf_put_u8(buf, 'x'));
    }
    assert_ok(rg_buf_put(buf, RG_SLICE("\0u\0v\0\0")));
    return rg_buf_slice(buf);
}

static void bounds_the_size_of_each_value(void **state)
{
    struct rg_buf buf = {0};
    assert_int_equal(accepted(state, one_value(&buf, "user", PGWIRE_USER_MAX_BYTES)).user.size, PGWIRE_USER_MAX_BYTES);
    rg_buf_done(&buf);
    expect_startup_refused(state, "long user", one_value(&buf, "user", PGWIRE_USER_MAX_BYTES + 1), RG_LIMIT);
    rg_buf_done(&buf);
    expect_startup_refused(state, "long database", one_value(&buf, "database", PGWIRE_USER_MAX_BYTES + 1), RG_LIMIT);
    rg_buf_done(&buf);
    expect_startup_refused(state, "long value", one_value(&buf, "x", PGWIRE_SETTING_VALUE_MAX + 1), RG_LIMIT);
    rg_buf_done(&buf);
}

static void fails_cleanly_at_every_size_of_arena(void **state)
{
    (void)state;
    struct rg_slice body = RG_SLICE(V3 "user\0alice\0options\0-c a=1 -c b=2\0x\0y\0_pq_.z\0001\0\0");
    bool succeeded = false;
    for (size_t limit = 0; !succeeded; limit += 8) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, limit);
        struct pgwire_startup startup = {.minor = 77};
        rg_status status = pgwire_startup_parse(body, &arena, &startup);
        succeeded = rg_is_ok(status);
        assert_true(succeeded || (status.error->kind == RG_LIMIT && startup.minor == 77));
    }
}

/* The largest packets of each shape fit the arena that startup.h names. */
static void needs_no_more_arena_than_it_says(void **state)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    assert_ok(rg_buf_put(&buf, RG_SLICE(V3 "user\0a\0options\0")));
    for (unsigned i = 0; i < 62; i++) {
        assert_ok(rg_buf_printf(&buf, "-c a%u=%0140d ", i, 7));
    }
    assert_ok(rg_buf_put(&buf, RG_SLICE("\0\0")));
    assert_true(rg_buf_size(&buf) > 9000 && rg_buf_size(&buf) <= 10000);
    assert_int_equal(accepted(state, rg_buf_slice(&buf)).setting_count, 62);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_the_requests_that_come_before_a_session, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(refuses_requests_with_a_byte_too_few_or_too_many, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(reads_user_database_and_settings, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(takes_the_user_for_a_database_not_named, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(reports_minor_versions_and_extensions, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(copies_into_the_arena, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_session_of_ours, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(refuses_every_truncation, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(accepts_replication_that_is_off, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(splits_options_as_the_server_does, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(refuses_options_that_are_no_settings, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(bounds_the_number_of_parameters, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(bounds_the_size_of_each_value, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(fails_cleanly_at_every_size_of_arena, arena_setup, arena_teardown),
        cmocka_unit_test_setup_teardown(needs_no_more_arena_than_it_says, arena_setup, arena_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
