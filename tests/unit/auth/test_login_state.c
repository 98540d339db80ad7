/* SPDX-License-Identifier: Apache-2.0 */
/* Logins under way, and what may be used once: both against a browser, a flood and a restart that would help an enemy.
 */
#include "auth/login_state.h"

#include "tests/support/state_world.h"

static struct auth_login login_of(const char *idp)
{
    return (struct auth_login){
        .kind = AUTH_OIDC,
        .idp = rg_slice_of(idp),
        .nonce = RG_SLICE("nonce"),
        .verifier = RG_SLICE("pkce-verifier"),
        .return_to = RG_SLICE("/superset/dashboard/1/?x=\xc3\xa4"),
        .request_id = RG_SLICE("_request"),
        .listener = RG_SLICE("bi"),
    };
}

struct begun {
    char id[AUTH_COOKIE_VALUE_SIZE];
    char browser[AUTH_COOKIE_VALUE_SIZE];
};

static struct begun begin_from(struct auth_state *state, const char *address, const char *browser)
{
    struct begun begun;
    const struct auth_login login = login_of("main");
    assert_ok(auth_login_put(state, &login, rg_slice_of(address), rg_slice_of(browser), state_now_us, begun.id,
                             begun.browser));
    return begun;
}

static rg_status take(struct auth_state *state, const char *id, const char *browser)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct auth_login login = {0};
    rg_arena_init(&arena, 1 << 16);
    rg_status status = auth_login_take(state, rg_slice_of(id), rg_slice_of(browser), state_now_us, &arena, &login);
    assert_true(rg_is_ok(status) == (login.kind == AUTH_OIDC));
    return status;
}

static void gives_back_what_was_put_after_a_restart(void **unused)
{
    (void)unused;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct auth_login login = {0};
    struct auth_state *state = state_opened();
    struct begun begun = begin_from(state, "192.0.2.1", "");
    state = state_reopened(state);
    rg_arena_init(&arena, 1 << 16);
    assert_ok(auth_login_take(state, rg_slice_of(begun.id), rg_slice_of(begun.browser), state_now_us, &arena, &login));
    assert_int_equal(login.kind, AUTH_OIDC);
    assert_slice(login.idp, "main");
    assert_slice(login.nonce, "nonce");
    assert_slice(login.verifier, "pkce-verifier");
    assert_slice(login.return_to, "/superset/dashboard/1/?x=\xc3\xa4");
    assert_slice(login.request_id, "_request");
    assert_slice(login.listener, "bi");
    auth_state_close(&state);
}

static void gives_it_back_once_only(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct begun begun = begin_from(state, "192.0.2.1", "");
    assert_ok(take(state, begun.id, begun.browser));
    assert_fails(RG_DENIED, take(state, begun.id, begun.browser));
    state = state_reopened(state);
    assert_fails(RG_DENIED, take(state, begun.id, begun.browser));
    auth_state_close(&state);
}

static void another_browser_cannot_finish_it_and_uses_it_up(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct begun mine = begin_from(state, "192.0.2.1", "");
    struct begun enemys = begin_from(state, "192.0.2.2", "");
    assert_fails(RG_DENIED, take(state, mine.id, enemys.browser));
    assert_fails(RG_DENIED, take(state, mine.id, mine.browser));
    mine = begin_from(state, "192.0.2.1", "");
    assert_fails(RG_DENIED, take(state, mine.id, ""));
    assert_fails(RG_DENIED, take(state, mine.id, mine.browser));
    assert_ok(take(state, enemys.id, enemys.browser));
    auth_state_close(&state);
}

static void refuses_ids_that_were_never_given(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct begun begun = begin_from(state, "192.0.2.1", "");
    char other[AUTH_COOKIE_VALUE_SIZE];
    auth_cookie_new(other);
    static const char *const ids[] = {"", "x", "' OR 1=1 --", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_fails(RG_DENIED, take(state, ids[i], begun.browser));
    }
    assert_fails(RG_DENIED, take(state, other, begun.browser));
    assert_fails(RG_DENIED, take(state, begun.browser, begun.browser));
    assert_ok(take(state, begun.id, begun.browser));
    auth_state_close(&state);
}

static void ends_after_ten_minutes(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct begun begun = begin_from(state, "192.0.2.1", "");
    struct begun second = begin_from(state, "192.0.2.1", "");
    state_now_us += AUTH_LOGIN_LIFETIME_US - 1;
    assert_ok(take(state, begun.id, begun.browser));
    state_now_us += 1;
    assert_fails(RG_DENIED, take(state, second.id, second.browser));
    auth_state_close(&state);
}

static void one_browser_has_several_tabs(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct begun first = begin_from(state, "192.0.2.1", "");
    struct begun second = begin_from(state, "192.0.2.1", first.browser);
    assert_string_equal(first.browser, second.browser);
    assert_ok(take(state, first.id, first.browser));
    assert_ok(take(state, second.id, second.browser));
    auth_state_close(&state);
}

/* Fixation: a value that an enemy planted is not taken for ours. */
static void a_browser_value_that_we_did_not_give_is_replaced(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char planted[AUTH_COOKIE_VALUE_SIZE];
    auth_cookie_new(planted);
    struct begun begun = begin_from(state, "192.0.2.1", planted);
    assert_string_not_equal(begun.browser, planted);
    assert_fails(RG_DENIED, take(state, begun.id, planted));
    begun = begin_from(state, "192.0.2.1", "garbage; Path=/");
    assert_int_equal(strlen(begun.browser), AUTH_COOKIE_VALUE);
    struct begun done = begin_from(state, "192.0.2.1", "");
    assert_ok(take(state, done.id, done.browser));
    begun = begin_from(state, "192.0.2.1", done.browser); /* nothing is under way under it any more */
    assert_string_not_equal(begun.browser, done.browser);
    auth_state_close(&state);
}

static void refuses_logins_without_provider_or_with_endless_texts(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    static char large[AUTH_LOGIN_TEXT_MAX + 1];
    char id[AUTH_COOKIE_VALUE_SIZE] = "untouched";
    char browser[AUTH_COOKIE_VALUE_SIZE] = "untouched";
    struct auth_login login = login_of("main");
    const struct rg_slice address = RG_SLICE("192.0.2.1");
    const struct rg_slice none = {0};
    memset(large, 'a', sizeof large);
    login.kind = AUTH_UNVERIFIED;
    assert_fails(RG_DENIED, auth_login_put(state, &login, address, none, state_now_us, id, browser));
    login = login_of("");
    assert_fails(RG_DENIED, auth_login_put(state, &login, address, none, state_now_us, id, browser));
    login = login_of("main");
    login.return_to = rg_slice_make(large, sizeof large);
    assert_fails(RG_LIMIT, auth_login_put(state, &login, address, none, state_now_us, id, browser));
    login.return_to = RG_SLICE("/\xff\xfe");
    assert_fails(RG_DENIED, auth_login_put(state, &login, address, none, state_now_us, id, browser));
    assert_string_equal(id, "untouched");
    assert_string_equal(browser, "untouched");
    auth_state_close(&state);
}

static void a_flood_from_one_address_pushes_out_itself_only(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct begun mine = begin_from(state, "198.51.100.7", "");
    char address[64];
    struct begun flood = {0};
    struct begun first = begin_from(state, "2001:db8:bad:1::1", "");
    for (int i = 0; i < AUTH_LOGIN_MAX_PER_ADDRESS + 100; i++) {
        state_now_us += 1000;
        (void)snprintf(address, sizeof address, "2001:db8:bad:1::%x", (unsigned)i + 2); /* one /64 */
        flood = begin_from(state, address, "");
    }
    int64_t count = 0;
    assert_ok(auth_state_begin(state, false));
    assert_ok(auth_state_end(state, auth_state_count(state, AUTH_SQL_LOGIN_COUNT, NULL, 0, &count)));
    assert_int_equal(count, AUTH_LOGIN_MAX_PER_ADDRESS + 1);
    assert_fails(RG_DENIED, take(state, first.id, first.browser));
    assert_ok(take(state, flood.id, flood.browser));
    assert_ok(take(state, mine.id, mine.browser));
    auth_state_close(&state);
}

static void a_login_that_could_not_be_written_is_not_begun(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    const struct auth_login login = login_of("main");
    int n = 0;
    for (bool is_done = false; !is_done; n++) {
        struct begun begun = {"untouched", "untouched"};
        state_break(state, n, false);
        rg_status status = auth_login_put(state, &login, RG_SLICE("192.0.2.1"), (struct rg_slice){0}, state_now_us,
                                          begun.id, begun.browser);
        is_done = failing_db.left >= 0;
        assert_true(rg_is_ok(status) == is_done);
        assert_true(is_done || strcmp(begun.id, "untouched") == 0);
        assert_true(is_done || strcmp(begun.browser, "untouched") == 0);
    }
    assert_true(n >= 5);
    auth_state_close(&state);
}

static void a_login_whose_end_could_not_be_written_is_refused(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct begun begun = begin_from(state, "192.0.2.1", "");
    for (int n = 0; n < 3; n++) {
        state_break(state, n, false);
        assert_fails(RG_STORAGE, take(state, begun.id, begun.browser));
    }
    state_break(state, -1, false);
    assert_ok(take(state, begun.id, begun.browser));
    auth_state_close(&state);
}

/* ---- replays ---- */

/* Whoever has a tenant's provider may sign as many ids as it likes, and must not lock out everybody else by them. */
static void a_provider_that_floods_uses_up_its_own_share_of_ids(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    const struct rg_slice flooder = RG_SLICE("acme");
    struct rg_digest key = auth_state_index(&state->keys, "replay.idp", &flooder, 1);
    int64_t until_us = state_now_us + MINUTE_US;
    assert_ok(auth_state_begin(state, false));
    for (uint32_t i = 0; i < AUTH_REPLAY_MAX_PER_IDP; i++) {
        memcpy(key.bytes + 16, &i, sizeof i);
        const struct auth_db_value values[] = {auth_db_digest(&key), auth_db_number(until_us)};
        assert_ok(auth_state_run(state, AUTH_SQL_REPLAY_ADD, values, 2, NULL));
    }
    assert_ok(auth_state_end(state, RG_OK));
    assert_fails(RG_LIMIT, auth_replay_add(state, flooder, RG_SLICE("_a"), until_us, state_now_us));
    assert_fails(RG_LIMIT, auth_replay_add(state, flooder, RG_SLICE("_a"), until_us, state_now_us)); /* not kept */
    assert_ok(auth_replay_add(state, RG_SLICE("main"), RG_SLICE("_a"), until_us, state_now_us));
    state_now_us = until_us;
    assert_ok(auth_state_turn(state));
    assert_ok(auth_replay_add(state, flooder, RG_SLICE("_a"), until_us + MINUTE_US, state_now_us));
    auth_state_close(&state);
}

static rg_status use(struct auth_state *state, const char *idp, const char *id, int64_t minutes)
{
    return auth_replay_add(state, rg_slice_of(idp), rg_slice_of(id), state_now_us + minutes * MINUTE_US, state_now_us);
}

static void an_assertion_is_good_once_also_across_restarts(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    assert_ok(use(state, "main", "_assertion", 5));
    assert_fails(RG_DENIED, use(state, "main", "_assertion", 5));
    assert_fails(RG_DENIED, use(state, "main", "_assertion", 50)); /* a longer life does not make it new */
    state = state_reopened(state);
    assert_fails(RG_DENIED, use(state, "main", "_assertion", 5));
    assert_ok(use(state, "acme", "_assertion", 5)); /* another provider's is another one */
    assert_ok(use(state, "mai", "n_assertion", 5)); /* and no border moves between the two */
    auth_state_close(&state);
}

static void an_assertion_is_remembered_until_it_is_over(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    int64_t until_us = state_now_us + 5 * MINUTE_US;
    const struct rg_slice idp = RG_SLICE("main");
    const struct rg_slice id = RG_SLICE("_a");
    assert_ok(auth_replay_add(state, idp, id, until_us, state_now_us));
    state_now_us = until_us - 1;
    assert_ok(auth_state_turn(state));
    assert_fails(RG_DENIED, auth_replay_add(state, idp, id, until_us, state_now_us));
    state_now_us = until_us;
    assert_ok(auth_state_turn(state));
    assert_fails(RG_DENIED, auth_replay_add(state, idp, id, until_us, state_now_us)); /* over: refused for that */
    auth_state_close(&state);
}

static void refuses_ids_that_cannot_be_remembered(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    static char large[AUTH_REPLAY_ID_MAX + 2];
    memset(large, 'a', sizeof large - 1);
    assert_fails(RG_DENIED, use(state, "main", "", 5));
    assert_fails(RG_DENIED, use(state, "", "id", 5));
    assert_fails(RG_DENIED, use(state, "main", "id", 0));
    assert_fails(RG_DENIED, use(state, "main", "id", -1));
    assert_fails(RG_LIMIT, use(state, "main", large, 5));
    assert_fails(RG_LIMIT, use(state, "main", "id", 25 * 60));
    assert_ok(use(state, "main", "id", 5));
    auth_state_close(&state);
}

static void an_id_that_could_not_be_written_is_refused(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    for (int n = 0; n < 4; n++) {
        state_break(state, n, false);
        assert_fails(RG_STORAGE, use(state, "main", "id", 5));
    }
    state_break(state, -1, false);
    assert_ok(use(state, "main", "id", 5));
    auth_state_close(&state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, state_directory_make, state_directory_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gives_back_what_was_put_after_a_restart),
        TEST(gives_it_back_once_only),
        TEST(another_browser_cannot_finish_it_and_uses_it_up),
        TEST(refuses_ids_that_were_never_given),
        TEST(ends_after_ten_minutes),
        TEST(one_browser_has_several_tabs),
        TEST(a_browser_value_that_we_did_not_give_is_replaced),
        TEST(refuses_logins_without_provider_or_with_endless_texts),
        TEST(a_flood_from_one_address_pushes_out_itself_only),
        TEST(a_login_that_could_not_be_written_is_not_begun),
        TEST(a_login_whose_end_could_not_be_written_is_refused),
        TEST(an_assertion_is_good_once_also_across_restarts),
        TEST(an_assertion_is_remembered_until_it_is_over),
        TEST(refuses_ids_that_cannot_be_remembered),
        TEST(a_provider_that_floods_uses_up_its_own_share_of_ids),
        TEST(an_id_that_could_not_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
