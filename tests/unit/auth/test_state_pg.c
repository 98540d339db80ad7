/* SPDX-License-Identifier: Apache-2.0 */
/* The shared store with a real PostgreSQL (tests/support/with_postgres.sh): two nodes see each other's logins and
 * revocations, and a node that hears nothing serves nobody. */
#include <libpq-fe.h>
#include <time.h>

#include "tests/support/state_world.h"

enum { PATIENCE_S = 60 };

static PGconn *admin;
static char database[32];
static char node_url[256];

static PGconn *admin_connect(const char *name)
{
    char text[512];
    (void)snprintf(text, sizeof text, "host=%s port=%s user=postgres dbname=%s", getenv("ROWGATE_TEST_PG"),
                   getenv("ROWGATE_TEST_PG_PORT"), name);
    PGconn *connection = PQconnectdb(text);
    assert_int_equal(PQstatus(connection), CONNECTION_OK);
    return connection;
}

static void execute(const char *text)
{
    PGresult *result = PQexec(admin, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", text, PQresultErrorMessage(result));
    }
    PQclear(result);
}

static int open_database(void **unused)
{
    (void)unused;
    static int number;
    char text[256];
    admin = admin_connect("postgres");
    execute("SET client_min_messages = error");
    if (number == 0) {
        execute("CREATE ROLE node LOGIN PASSWORD 'node-secret'");
    }
    (void)snprintf(database, sizeof database, "state_%d", ++number);
    (void)snprintf(text, sizeof text, "CREATE DATABASE %s OWNER node", database);
    execute(text);
    (void)snprintf(node_url, sizeof node_url, "postgres://node@/%s?host=%s&port=%s", database,
                   getenv("ROWGATE_TEST_PG"), getenv("ROWGATE_TEST_PG_PORT"));
    PQfinish(admin);
    admin = admin_connect(database);
    return 0;
}

static int close_database(void **unused)
{
    (void)unused;
    PQfinish(admin);
    admin = NULL;
    return 0;
}

static struct auth_state_options node_options(void)
{
    struct auth_state_options options = state_options();
    options.url = rg_slice_of(node_url);
    options.key = RG_SLICE("the key that all of the nodes have in common");
    return options;
}

static struct auth_state *node(void)
{
    struct auth_state *state = NULL;
    const struct auth_state_options options = node_options();
    assert_ok(auth_state_open(&options, &state));
    return state;
}

/* Turns until the cookie is in, or is out: news take their time through the server. */
static void turn_until(struct auth_state *state, const char *cookie, bool is_in)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    time_t deadline = time(NULL) + PATIENCE_S;
    while (state_is_in(state, cookie) != is_in) {
        assert_true(time(NULL) < deadline);
        assert_ok(auth_state_turn(state));
        (void)nanosleep(&pause, NULL);
    }
}

static void one_nodes_login_is_the_others_too(void **unused)
{
    (void)unused;
    struct auth_state *one = node();
    struct auth_state *two = node();
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(one, "alice", cookie);
    turn_until(two, cookie, true);
    assert_ok(auth_sessions_find(two, rg_slice_of(cookie), state_now_us, &session));
    assert_slice(session->login.refresh_token, "refresh-token-one");
    assert_slice(session->login.claims[0].texts[0], "acme");
    auth_session_free(&session);
    auth_state_close(&one);
    assert_true(state_is_in(two, cookie));
    one = node();
    assert_true(state_is_in(one, cookie));
    auth_state_close(&one);
    auth_state_close(&two);
}

static void one_nodes_revocation_is_the_others_too(void **unused)
{
    (void)unused;
    struct auth_state *one = node();
    struct auth_state *two = node();
    char first[AUTH_COOKIE_VALUE_SIZE];
    char second[AUTH_COOKIE_VALUE_SIZE];
    size_t count = 0;
    state_log_in(one, "alice", first);
    state_log_in(two, "alice", second); /* the first node may not have heard of this one: its row ends all the same */
    turn_until(two, first, true);
    const struct auth_session_selector alice = {AUTH_SELECT_SUBJECT, RG_SLICE("main"), RG_SLICE("alice"), {0}};
    assert_ok(auth_sessions_revoke(one, &alice, &count));
    assert_false(state_is_in(one, first));
    turn_until(two, first, false);
    turn_until(two, second, false);
    assert_ok(auth_state_turn(one));
    assert_false(state_is_in(one, second));
    const struct auth_revocation token = {AUTH_REVOKE_TOKEN, RG_SLICE("main"), RG_SLICE("jti"),
                                          RG_SLICE("root"),  state_now_us,     0};
    const struct auth_revocation_subject who = {.idp = RG_SLICE("main"), .token_id = RG_SLICE("jti")};
    uint64_t generation = auth_revocation_generation(two);
    assert_ok(auth_revocation_add(one, &token));
    time_t deadline = time(NULL) + PATIENCE_S;
    while (auth_revocation_generation(two) == generation) {
        assert_true(time(NULL) < deadline);
        assert_ok(auth_state_turn(two));
    }
    struct auth_revocation_hit hit = auth_revocation_find(two, &who, state_now_us);
    assert_int_equal(hit.kind, AUTH_REVOKE_TOKEN);
    assert_string_equal(hit.by, "root");
    auth_state_close(&one);
    auth_state_close(&two);
}

static void what_is_used_up_on_one_node_is_on_the_other(void **unused)
{
    (void)unused;
    struct auth_state *one = node();
    struct auth_state *two = node();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char id[AUTH_COOKIE_VALUE_SIZE];
    char browser[AUTH_COOKIE_VALUE_SIZE];
    const struct auth_login login = {.kind = AUTH_SAML, .idp = RG_SLICE("main"), .nonce = RG_SLICE("n")};
    struct auth_login taken = {0};
    rg_arena_init(&arena, 1 << 16);
    assert_ok(auth_replay_add(one, RG_SLICE("main"), RG_SLICE("_a"), state_now_us + MINUTE_US, state_now_us));
    assert_fails(RG_DENIED,
                 auth_replay_add(two, RG_SLICE("main"), RG_SLICE("_a"), state_now_us + MINUTE_US, state_now_us));
    assert_ok(auth_login_put(one, &login, RG_SLICE("192.0.2.1"), (struct rg_slice){0}, state_now_us, id, browser));
    assert_ok(auth_login_take(two, rg_slice_of(id), rg_slice_of(browser), state_now_us, &arena, &taken));
    assert_slice(taken.nonce, "n");
    assert_fails(RG_DENIED, auth_login_take(one, rg_slice_of(id), rg_slice_of(browser), state_now_us, &arena, &taken));
    for (int i = 0; i < AUTH_LOGIN_MAX_PER_ADDRESS + 10; i++) {
        state_now_us += 1000;
        assert_ok(auth_login_put(one, &login, RG_SLICE("192.0.2.1"), (struct rg_slice){0}, state_now_us, id, browser));
    }
    int64_t count = 0;
    assert_ok(auth_state_begin(two, false));
    assert_ok(auth_state_end(two, auth_state_count(two, AUTH_SQL_LOGIN_COUNT, NULL, 0, &count)));
    assert_int_equal(count, AUTH_LOGIN_MAX_PER_ADDRESS);
    auth_state_close(&one);
    auth_state_close(&two);
}

static void one_refresh_runs_on_all_nodes_together(void **unused)
{
    (void)unused;
    struct auth_state *one = node();
    struct auth_state *two = node();
    struct auth_session *session = NULL;
    struct auth_session *other = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    bool is_mine = false;
    struct auth_session_new login = state_login("alice");
    assert_ok(auth_sessions_create(one, &login, state_now_us, cookie, &session));
    turn_until(two, cookie, true);
    assert_ok(auth_sessions_find(two, rg_slice_of(cookie), state_now_us, &other));
    assert_ok(auth_session_refresh_begin(one, session, state_now_us, &is_mine));
    assert_true(is_mine);
    assert_ok(auth_session_refresh_begin(two, other, state_now_us, &is_mine));
    assert_false(is_mine);
    login.refresh_token = RG_SLICE("refresh-token-two");
    assert_ok(auth_session_refresh_end(one, session, &login, NULL));
    time_t deadline = time(NULL) + PATIENCE_S;
    while (!auth_session_is_revoked(other)) { /* replaced by the newer one */
        assert_true(time(NULL) < deadline);
        assert_ok(auth_state_turn(two));
    }
    auth_session_free(&other);
    assert_ok(auth_sessions_find(two, rg_slice_of(cookie), state_now_us, &other));
    assert_slice(other->login.refresh_token, "refresh-token-two");
    auth_session_free(&other);
    auth_session_free(&session);
    auth_state_close(&one);
    auth_state_close(&two);
}

static void a_session_that_is_used_on_one_node_is_not_idle_on_the_other(void **unused)
{
    (void)unused;
    struct auth_state *one = node();
    struct auth_state *two = node();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(one, "alice", cookie);
    turn_until(two, cookie, true);
    for (int i = 0; i < 4; i++) {
        state_now_us += 20 * MINUTE_US;
        assert_ok(auth_state_turn(one));
        assert_true(state_is_in(one, cookie));
        assert_ok(auth_state_turn(one)); /* flushes */
        assert_ok(auth_state_turn(two)); /* hears */
    }
    assert_true(state_is_in(two, cookie));
    auth_state_close(&one);
    auth_state_close(&two);
}

/* Out of reach: role NOLOGIN, its connections ended. */
static void cut_off(void)
{
    execute("ALTER ROLE node NOLOGIN");
    execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'node'");
    PGresult *result = NULL;
    time_t deadline = time(NULL) + PATIENCE_S;
    bool is_gone = false;
    while (!is_gone) {
        assert_true(time(NULL) < deadline);
        result = PQexec(admin, "SELECT 1 FROM pg_stat_activity WHERE usename = 'node'");
        is_gone = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 0;
        PQclear(result);
    }
}

static void a_node_that_is_cut_off_serves_for_thirty_seconds_and_then_refuses(void **unused)
{
    (void)unused;
    struct auth_state *state = node();
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    char other[AUTH_COOKIE_VALUE_SIZE] = "untouched";
    const struct auth_session_new login = state_login("alice");
    state_log_in(state, "alice", cookie);
    cut_off();
    assert_fails(RG_UPSTREAM, auth_state_turn(state));
    assert_false(auth_state_is_working(state));
    assert_true(state_is_in(state, cookie));
    assert_fails(RG_UPSTREAM, auth_sessions_create(state, &login, state_now_us, other, &session));
    assert_fails(RG_UPSTREAM,
                 auth_replay_add(state, RG_SLICE("main"), RG_SLICE("_a"), state_now_us + MINUTE_US, state_now_us));
    state_now_us += AUTH_STATE_BLIND_US + 1;
    assert_fails(RG_UPSTREAM, auth_sessions_find(state, rg_slice_of(cookie), state_now_us, &session));
    assert_null(session);
    assert_string_equal(other, "untouched");
    execute("ALTER ROLE node LOGIN");
    assert_ok(auth_state_turn(state));
    assert_true(auth_state_is_working(state));
    assert_true(state_is_in(state, cookie));
    auth_state_close(&state);
}

/* It missed the news: what it has in memory is compared with the store when it is back. */
static void what_was_revoked_meanwhile_is_out_when_it_is_back(void **unused)
{
    (void)unused;
    struct auth_state *one = node();
    char gone[AUTH_COOKIE_VALUE_SIZE];
    char stays[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(one, "alice", gone);
    state_log_in(one, "bob", stays);
    cut_off();
    assert_fails(RG_UPSTREAM, auth_state_turn(one));
    execute("ALTER ROLE node LOGIN");
    struct auth_state *two = node();
    char late[AUTH_COOKIE_VALUE_SIZE];
    size_t count = 0;
    const struct auth_session_selector alice = {AUTH_SELECT_SUBJECT, RG_SLICE("main"), RG_SLICE("alice"), {0}};
    assert_ok(auth_sessions_revoke(two, &alice, &count));
    assert_int_equal(count, 1);
    state_log_in(two, "carol", late);
    assert_ok(auth_state_turn(one));
    assert_false(state_is_in(one, gone));
    assert_true(state_is_in(one, stays));
    assert_true(state_is_in(one, late));
    auth_state_close(&one);
    auth_state_close(&two);
}

static void a_broken_connection_is_opened_again(void **unused)
{
    (void)unused;
    struct auth_state *state = node();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    cut_off();
    execute("ALTER ROLE node LOGIN");
    state_log_in(state, "alice", cookie);
    assert_true(state_is_in(state, cookie));
    auth_state_close(&state);
}

static void assert_refused(const struct auth_state_options *options, enum rg_kind kind, const char *text)
{
    struct auth_state *state = NULL;
    rg_status status = auth_state_open(options, &state);
    assert_false(rg_is_ok(status));
    if (status.error->kind != kind || strstr(status.error->text, text) == NULL) {
        fail_msg("%s: %s", rg_kind_info(status.error->kind)->name, status.error->text);
    }
    assert_null(state);
}

static void refuses_a_newer_store_another_key_and_no_server(void **unused)
{
    (void)unused;
    struct auth_state *state = node();
    struct auth_state_options options = node_options();
    auth_state_close(&state);
    options.key = RG_SLICE("the key of another cluster: 0123456789");
    assert_refused(&options, RG_STORAGE, "another key");
    execute("UPDATE rowgate_state SET value = '2' WHERE name = 'version'");
    options = node_options();
    assert_refused(&options, RG_STORAGE, "version \"2\"");
    options.url = RG_SLICE("postgres://node@127.0.0.1:1/none");
    assert_refused(&options, RG_UPSTREAM, "the shared state");
    options.url = RG_SLICE("postgres://node:wrong@nonsense/%zz");
    options.password = RG_SLICE("never-shown");
    rg_status status = auth_state_open(&options, &state);
    assert_false(rg_is_ok(status));
    assert_null(strstr(status.error->text, "never-shown"));
}

static void its_thread_hears_and_flushes_by_itself(void **unused)
{
    (void)unused;
    struct auth_state *one = node();
    struct auth_state *two = NULL;
    struct auth_state_options options = node_options();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    size_t count = 0;
    options.has_no_thread = false;
    assert_ok(auth_state_open(&options, &two));
    state_log_in(one, "alice", cookie);
    time_t deadline = time(NULL) + PATIENCE_S;
    while (!state_is_in(two, cookie)) {
        assert_true(time(NULL) < deadline);
        (void)nanosleep(&pause, NULL);
    }
    const struct auth_session_selector all = {.kind = AUTH_SELECT_ALL};
    assert_ok(auth_sessions_revoke(one, &all, &count));
    while (state_is_in(two, cookie)) {
        assert_true(time(NULL) < deadline);
        (void)nanosleep(&pause, NULL);
    }
    auth_state_close(&one);
    auth_state_close(&two);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_database, close_database)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_nodes_login_is_the_others_too),
        TEST(one_nodes_revocation_is_the_others_too),
        TEST(what_is_used_up_on_one_node_is_on_the_other),
        TEST(one_refresh_runs_on_all_nodes_together),
        TEST(a_session_that_is_used_on_one_node_is_not_idle_on_the_other),
        TEST(a_node_that_is_cut_off_serves_for_thirty_seconds_and_then_refuses),
        TEST(what_was_revoked_meanwhile_is_out_when_it_is_back),
        TEST(a_broken_connection_is_opened_again),
        TEST(refuses_a_newer_store_another_key_and_no_server),
        TEST(its_thread_hears_and_flushes_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
