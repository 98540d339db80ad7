/* SPDX-License-Identifier: Apache-2.0 */
/* The store: who may read it, what it refuses to open, what it says when it cannot write, and many threads at once. */
#include "auth/state.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "tests/support/state_world.h"

static void assert_mode(const char *suffix)
{
    char path[160];
    struct stat about = {0};
    (void)snprintf(path, sizeof path, "%s%s", state_path, suffix);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void its_files_are_the_owners_alone(void **unused)
{
    (void)unused;
    mode_t old = umask(0);
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", cookie);
    assert_mode("");
    assert_mode("-wal");
    assert_mode(".key");
    auth_state_close(&state);
    (void)umask(old);
}

/* Opening fails with this kind and a text that has this in it; nothing comes out. */
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

static void refuses_options_that_cannot_be(void **unused)
{
    (void)unused;
    static const char *const urls[] = {"",          "sqlite:",       "sqlite:relative.db", "sqlite:/", "sqlite:/tmp/",
                                       "mysql://x", "/tmp/state.db", "SQLITE:/tmp/x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct auth_state_options options = state_options();
        options.url = rg_slice_of(urls[i]);
        assert_refused(&options, RG_CONFIG, "sqlite:/absolute/path");
    }
    struct auth_state_options options = state_options();
    options.key = RG_SLICE("too short");
    assert_refused(&options, RG_CONFIG, "must have 32");
    options = state_options();
    options.idle_timeout_us = 0;
    assert_refused(&options, RG_CONFIG, "timeouts");
    options = state_options();
    options.url = RG_SLICE("postgres://localhost/db");
    assert_refused(&options, RG_CONFIG, "key");
    options = state_options();
    options.url = RG_SLICE("sqlite:/nonexistent/directory/state.db");
    assert_refused(&options, RG_STORAGE, "No such file");
}

static void spoil(const char *path, off_t at, const char *bytes, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
    (void)close(fd);
}

static void make_state_with_sessions(void)
{
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    for (size_t i = 0; i < 20; i++) {
        state_log_in(state, "alice", cookie);
    }
    auth_state_close(&state);
}

static void refuses_a_damaged_database_and_leaves_it(void **unused)
{
    (void)unused;
    struct stat before = {0};
    struct stat after = {0};
    char noise[4096];
    make_state_with_sessions();
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(stat(state_path, &before), 0);
    for (off_t at = 4096; at < before.st_size; at += 4096) {
        spoil(state_path, at, noise, 512);
    }
    const struct auth_state_options options = state_options();
    assert_refused(&options, RG_STORAGE, "is damaged");
    assert_int_equal(stat(state_path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
}

static void refuses_what_is_no_database(void **unused)
{
    (void)unused;
    make_state_with_sessions();
    spoil(state_path, 0, "This is not a database, but a letter.", 37);
    const struct auth_state_options options = state_options();
    assert_refused(&options, RG_STORAGE, "is damaged");
}

static void execute(const char *text)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(state_path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, text, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(handle);
    assert_int_equal(chmod(state_path, 0600), 0);
}

static void refuses_a_newer_rowgates_database(void **unused)
{
    (void)unused;
    make_state_with_sessions();
    execute("PRAGMA user_version=2");
    const struct auth_state_options options = state_options();
    assert_refused(&options, RG_STORAGE, "version 2, this rowgate knows 1");
}

static void refuses_somebody_elses_database(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    auth_state_close(&state);
    assert_int_equal(unlink(state_path), 0);
    execute("CREATE TABLE mine(a)");
    const struct auth_state_options options = state_options();
    assert_refused(&options, RG_STORAGE, "not rowgate's state");
}

static void refuses_files_that_others_can_read(void **unused)
{
    (void)unused;
    char key[160];
    make_state_with_sessions();
    const struct auth_state_options options = state_options();
    assert_int_equal(chmod(state_path, 0640), 0);
    assert_refused(&options, RG_STORAGE, "chmod 600");
    assert_int_equal(chmod(state_path, 0600), 0);
    (void)snprintf(key, sizeof key, "%s.key", state_path);
    assert_int_equal(chmod(key, 0604), 0);
    assert_refused(&options, RG_STORAGE, "chmod 600");
}

static void refuses_another_key_and_a_lost_one(void **unused)
{
    (void)unused;
    char key[160];
    make_state_with_sessions();
    struct auth_state_options options = state_options();
    options.key = RG_SLICE("0123456789abcdef0123456789abcdef");
    assert_refused(&options, RG_STORAGE, "another key");
    (void)snprintf(key, sizeof key, "%s.key", state_path);
    assert_int_equal(unlink(key), 0);
    options = state_options();
    assert_refused(&options, RG_STORAGE, "cannot read the state's key");
    assert_int_equal(access(key, F_OK), -1); /* and none was made in silence */
    spoil(key, 0, "short", 5);
    assert_refused(&options, RG_STORAGE, "does not have 32 bytes");
}

/* Rows moved from one session to another, or changed, are seen: the seal is bound to the hash. */
static void refuses_rows_that_were_tampered_with(void **unused)
{
    (void)unused;
    make_state_with_sessions();
    execute("UPDATE rowgate_session SET body = (SELECT max(body) FROM rowgate_session)");
    const struct auth_state_options options = state_options();
    assert_refused(&options, RG_STORAGE, "was not sealed by this key");
}

static void only_one_process_has_it(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    const struct auth_state_options options = state_options();
    assert_refused(&options, RG_STORAGE, "in use");
    auth_state_close(&state);
    state = state_opened();
    auth_state_close(&state);
}

static void refuses_a_link_in_the_files_place(void **unused)
{
    (void)unused;
    char other[160];
    (void)snprintf(other, sizeof other, "%s.other", state_path);
    spoil(other, 0, "", 0);
    assert_int_equal(symlink(other, state_path), 0);
    const struct auth_state_options options = state_options();
    struct auth_state *state = NULL;
    assert_fails(RG_STORAGE, auth_state_open(&options, &state));
}

struct told {
    int trouble, works, removed;
    size_t count;
    char text[256];
};

static void on_event(void *context, const struct auth_state_event *event)
{
    struct told *told = context;
    told->trouble += event->kind == AUTH_STATE_TROUBLE ? 1 : 0;
    told->works += event->kind == AUTH_STATE_WORKS ? 1 : 0;
    told->removed += event->kind == AUTH_STATE_REMOVED ? 1 : 0;
    told->count += event->count;
    (void)snprintf(told->text, sizeof told->text, "%.*s", RG_SLICE_ARGS(event->text));
}

static void tells_trouble_once_and_its_end_once(void **unused)
{
    (void)unused;
    struct auth_state *state = NULL;
    struct auth_state_options options = state_options();
    struct told told = {0};
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    options.log = (struct auth_state_log){.on_event = on_event, .context = &told};
    assert_ok(auth_state_open(&options, &state));
    state_log_in(state, "alice", cookie);
    state_break(state, 0, true);
    assert_fails(RG_STORAGE, auth_state_turn(state));
    assert_fails(RG_STORAGE, auth_state_turn(state));
    assert_int_equal(told.trouble, 1);
    assert_string_equal(told.text, "begin fails");
    state_break(state, -1, false);
    assert_ok(auth_state_turn(state));
    assert_ok(auth_state_turn(state));
    assert_int_equal(told.works, 1);
    assert_int_equal(told.removed, 0);
    state_now_us += 31 * MINUTE_US;
    assert_ok(auth_state_turn(state));
    assert_int_equal(told.removed, 1);
    assert_int_equal(told.count, 1);
    auth_state_close(&state);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 60 };

struct crowd {
    struct auth_state *state;
    char shared[AUTH_COOKIE_VALUE_SIZE];
    atomic_int failures;
    atomic_int next;
};

static bool see_one(void *context, struct auth_session *session)
{
    (void)session;
    (*(size_t *)context)++;
    return true;
}

static void one_round(struct crowd *crowd, const char *subject, int round)
{
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_session *session = NULL;
    const struct auth_session_new login = state_login(subject);
    bool is_mine = false;
    size_t count = 0;
    bool is_good = rg_is_ok(auth_sessions_create(crowd->state, &login, state_now_us, cookie, &session)) &&
                   rg_is_ok(auth_session_refresh_begin(crowd->state, session, state_now_us, &is_mine)) && is_mine &&
                   rg_is_ok(auth_session_refresh_end(crowd->state, session, &login, NULL)) &&
                   state_is_in(crowd->state, cookie) && state_is_in(crowd->state, crowd->shared);
    const struct auth_session_selector one = {AUTH_SELECT_SUBJECT, RG_SLICE("main"), rg_slice_of(subject), {0}};
    /* Of another provider: a session of this one would be out, as young as it is by this clock. */
    const struct auth_revocation revocation = {AUTH_REVOKE_SUBJECT, RG_SLICE("other"),    rg_slice_of(subject),
                                               RG_SLICE("test"),    state_now_us + round, 0};
    const struct auth_revocation_subject who = {.idp = RG_SLICE("other"), .subject = rg_slice_of(subject)};
    auth_sessions_list(crowd->state, state_now_us, see_one, &count);
    is_good = is_good && count > 0 && rg_is_ok(auth_sessions_revoke(crowd->state, &one, &count)) && count >= 1 &&
              !state_is_in(crowd->state, cookie) && rg_is_ok(auth_revocation_add(crowd->state, &revocation)) &&
              auth_revocation_find(crowd->state, &who, state_now_us).kind == AUTH_REVOKE_SUBJECT;
    if (!is_good) {
        atomic_fetch_add(&crowd->failures, 1);
    }
    auth_session_free(&session);
}

static void *run_member(void *argument)
{
    struct crowd *crowd = argument;
    char subject[32];
    (void)snprintf(subject, sizeof subject, "member-%d", atomic_fetch_add(&crowd->next, 1));
    for (int round = 0; round < ROUNDS; round++) {
        one_round(crowd, subject, round);
    }
    return NULL;
}

static void many_threads_create_find_refresh_and_end(void **unused)
{
    (void)unused;
    struct crowd crowd = {0};
    struct auth_state_options options = state_options();
    pthread_t threads[THREADS];
    options.has_no_thread = false;
    assert_ok(auth_state_open(&options, &crowd.state));
    state_log_in(crowd.state, "shared", crowd.shared);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_member, &crowd), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        state_now_us += 1000 * 1000;
        assert_ok(auth_state_turn(crowd.state));
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(crowd.failures, 0);
    assert_int_equal(auth_sessions_count(crowd.state), 1);
    auth_state_close(&crowd.state);
    crowd.state = state_opened();
    assert_int_equal(auth_sessions_count(crowd.state), 1);
    assert_true(state_is_in(crowd.state, crowd.shared));
    auth_state_close(&crowd.state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, state_directory_make, state_directory_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_files_are_the_owners_alone),           TEST(refuses_options_that_cannot_be),
        TEST(refuses_a_damaged_database_and_leaves_it), TEST(refuses_what_is_no_database),
        TEST(refuses_a_newer_rowgates_database),        TEST(refuses_somebody_elses_database),
        TEST(refuses_files_that_others_can_read),       TEST(refuses_another_key_and_a_lost_one),
        TEST(refuses_rows_that_were_tampered_with),     TEST(only_one_process_has_it),
        TEST(refuses_a_link_in_the_files_place),        TEST(tells_trouble_once_and_its_end_once),
        TEST(many_threads_create_find_refresh_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
