/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: half of these try to get one that they should not have, or to keep one that has ended. */
#include "auth/session.h"

#include <sys/stat.h>

#include "tests/support/state_world.h"

/* ---- finding ---- */

static void finds_the_session_of_its_cookie(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    struct auth_session *found = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    const struct auth_session_new login = state_login("alice");
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    assert_ok(auth_sessions_find(state, rg_slice_of(cookie), state_now_us, &found));
    assert_ptr_equal(found, session);
    assert_slice(found->login.subject, "alice");
    assert_slice(found->login.refresh_token, "refresh-token-one");
    assert_int_equal(found->created_us, state_now_us);
    assert_int_equal(found->expires_us, state_now_us + 12 * 60 * MINUTE_US);
    assert_int_equal(strlen(found->public_id), 18);
    assert_null(strstr(cookie, found->public_id + 2));
    auth_session_free(&found);
    auth_session_free(&session);
    auth_state_close(&state);
}

static void survives_a_restart_with_everything_it_says(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    char csrf[AUTH_SESSION_CSRF_SIZE];
    const struct rg_slice regions[] = {RG_SLICE("eu"), RG_SLICE(""), RG_SLICE("us")};
    const struct auth_claim_constant claims[] = {{RG_SLICE("tenant"), regions, 1}, {RG_SLICE("regions"), regions, 3}};
    struct auth_session_new login = state_login("alice");
    login.kind = AUTH_SAML;
    login.claims = claims;
    login.claim_count = 2;
    login.name_id = RG_SLICE("name");
    login.session_index = RG_SLICE("index");
    login.token_expires_us = 77;
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    memcpy(csrf, session->csrf, sizeof csrf);
    auth_session_free(&session);
    state = state_reopened(state);
    assert_ok(auth_sessions_find(state, rg_slice_of(cookie), state_now_us, &session));
    assert_int_equal(session->login.kind, AUTH_SAML);
    assert_slice(session->login.session_index, "index");
    assert_slice(session->login.id_token, "id-token-one");
    assert_slice(session->login.access_token, "");
    assert_int_equal(session->login.token_expires_us, 77);
    assert_int_equal(session->login.claim_count, 2);
    assert_int_equal(session->login.claims[1].text_count, 3);
    assert_slice(session->login.claims[1].texts[2], "us");
    assert_string_equal(session->csrf, csrf);
    auth_session_free(&session);
    auth_state_close(&state);
}

static void refuses_forged_and_garbled_cookies(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    char forged[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", cookie);
    for (size_t i = 0; i < AUTH_COOKIE_VALUE; i++) {
        memcpy(forged, cookie, sizeof forged);
        forged[i] = forged[i] == 'A' ? 'E' : 'A';
        assert_fails(RG_DENIED, auth_sessions_find(state, rg_slice_of(forged), state_now_us, &session));
        assert_fails(RG_DENIED, auth_sessions_find(state, rg_slice_make(cookie, i), state_now_us, &session));
    }
    auth_cookie_new(forged);
    assert_fails(RG_DENIED, auth_sessions_find(state, rg_slice_of(forged), state_now_us, &session));
    assert_fails(RG_DENIED, auth_sessions_find(state, (struct rg_slice){0}, state_now_us, &session));
    assert_null(session);
    auth_state_close(&state);
}

/* The public id and the store's hash are seen by operators and by whoever steals a backup: neither opens anything. */
static void refuses_the_public_id_and_the_hash_as_cookies(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    struct auth_session *found = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    char text[RG_DIGEST_B64_SIZE];
    const struct auth_session_new login = state_login("alice");
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    rg_digest_b64url(&session->hash, text);
    assert_fails(RG_DENIED, auth_sessions_find(state, rg_slice_of(text), state_now_us, &found));
    assert_fails(RG_DENIED, auth_sessions_find(state, rg_slice_of(session->public_id), state_now_us, &found));
    assert_fails(RG_DENIED, auth_sessions_find(state, rg_slice_of(session->csrf), state_now_us, &found));
    auth_session_free(&session);
    auth_state_close(&state);
}

static void gives_each_login_a_cookie_of_its_own(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char first[AUTH_COOKIE_VALUE_SIZE];
    char second[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", first);
    state_log_in(state, "alice", second);
    assert_string_not_equal(first, second);
    assert_true(state_is_in(state, first));
    assert_true(state_is_in(state, second));
    auth_state_close(&state);
}

static bool file_holds(const char *path, const char *needle)
{
    FILE *file = fopen(path, "rb");
    static char bytes[1 << 20];
    size_t size = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    return size > 0 && memmem(bytes, size, needle, strlen(needle)) != NULL;
}

static void the_store_has_neither_cookies_nor_tokens_nor_names(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    char wal[160];
    state_log_in(state, "alice-the-subject", cookie);
    (void)snprintf(wal, sizeof wal, "%s-wal", state_path);
    static const char *const needles[] = {"alice-the-subject", "refresh-token-one", "id-token-one",
                                          "provider-sid",      "idp.example",       "acme"};
    for (size_t i = 0; i < sizeof needles / sizeof needles[0]; i++) {
        assert_false(file_holds(wal, needles[i]) || file_holds(state_path, needles[i]));
    }
    assert_false(file_holds(wal, cookie));
    assert_true(file_holds(wal, "s-")); /* the test does look at what was written */
    auth_state_close(&state);
}

/* ---- time ---- */

static void ends_by_idle_time(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char used[AUTH_COOKIE_VALUE_SIZE];
    char unused_one[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", used);
    state_log_in(state, "alice", unused_one);
    state_now_us += 29 * MINUTE_US;
    assert_true(state_is_in(state, used));
    state_now_us += 29 * MINUTE_US;
    assert_true(state_is_in(state, used));
    assert_false(state_is_in(state, unused_one));
    state_now_us += 30 * MINUTE_US;
    assert_false(state_is_in(state, used));
    auth_state_close(&state);
}

static void ends_by_absolute_time_however_much_it_is_used(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", cookie);
    for (int i = 0; i < 12 * 3 - 1; i++) {
        state_now_us += 20 * MINUTE_US;
        assert_true(state_is_in(state, cookie));
    }
    state_now_us += 20 * MINUTE_US;
    assert_false(state_is_in(state, cookie));
    auth_state_close(&state);
}

static void ends_when_the_providers_session_does(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_session_new login = state_login("alice");
    login.expires_us = state_now_us + 5 * MINUTE_US;
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    auth_session_free(&session);
    state_now_us += 5 * MINUTE_US - 1;
    assert_true(state_is_in(state, cookie));
    state_now_us += 1;
    assert_false(state_is_in(state, cookie));
    auth_state_close(&state);
}

static void a_shorter_timeout_ends_old_sessions_at_once(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", cookie);
    state_now_us += 20 * MINUTE_US;
    assert_true(state_is_in(state, cookie));
    auth_state_set_timeouts(state, 30 * MINUTE_US, 20 * MINUTE_US);
    assert_false(state_is_in(state, cookie));
    auth_state_close(&state);
}

static void the_last_use_survives_a_restart(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char used[AUTH_COOKIE_VALUE_SIZE];
    char idle[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", used);
    state_log_in(state, "alice", idle);
    state_now_us += 20 * MINUTE_US;
    assert_true(state_is_in(state, used));
    assert_ok(auth_state_turn(state));
    state = state_reopened(state);
    state_now_us += 20 * MINUTE_US;
    assert_true(state_is_in(state, used));
    assert_false(state_is_in(state, idle));
    assert_ok(auth_state_turn(state));
    assert_int_equal(auth_sessions_count(state), 1);
    auth_state_close(&state);
}

static void a_clock_that_steps_back_gives_no_more_time(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", cookie);
    struct auth_session *session = NULL;
    state_now_us += 10 * MINUTE_US;
    assert_true(state_is_in(state, cookie));
    assert_ok(auth_sessions_find(state, rg_slice_of(cookie), state_now_us - 9 * MINUTE_US, &session));
    assert_int_equal(session->last_seen_us, state_now_us);
    auth_session_free(&session);
    auth_state_close(&state);
}

/* ---- ending ---- */

static void revoked_sessions_are_gone_here_and_after_a_restart(void **unused)
{
    (void)unused;
    static const struct auth_session_selector selectors[] = {
        {AUTH_SELECT_SUBJECT, {"main", 4}, {"alice", 5}, {0}},
        {AUTH_SELECT_SID, {"main", 4}, {"provider-sid", 12}, {0}},
        {AUTH_SELECT_NAME_ID, {"main", 4}, {"name", 4}, {0}},
        {AUTH_SELECT_NAME_ID, {"main", 4}, {"name", 4}, {"ix", 2}},
        {AUTH_SELECT_IDP, {"main", 4}, {0}, {0}},
        {AUTH_SELECT_ALL, {0}, {0}, {0}},
    };
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        struct auth_state *state = state_opened();
        struct auth_session *session = NULL;
        char cookie[AUTH_COOKIE_VALUE_SIZE];
        struct auth_session_new login = state_login("alice");
        size_t count = 0;
        login.name_id = RG_SLICE("name");
        login.session_index = RG_SLICE("ix");
        assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
        assert_ok(auth_sessions_revoke(state, &selectors[i], &count));
        assert_int_equal(count, 1);
        assert_true(auth_session_is_revoked(session));
        auth_session_free(&session);
        assert_false(state_is_in(state, cookie));
        state = state_reopened(state);
        assert_false(state_is_in(state, cookie));
        assert_int_equal(auth_sessions_count(state), 0);
        auth_state_close(&state);
    }
}

/* As another node's order is heard: the revocation first, the session's own end later or never. */
static void a_revoked_subject_is_out_although_the_session_is_there(void **unused)
{
    (void)unused;
    static const enum auth_revocation_kind kinds[] = {AUTH_REVOKE_SUBJECT, AUTH_REVOKE_ALL, AUTH_REVOKE_SUBJECT};
    static const char *const subjects[] = {"alice", "", "bob"};
    for (size_t i = 0; i < 3; i++) {
        struct auth_state *state = state_opened();
        char cookie[AUTH_COOKIE_VALUE_SIZE];
        char later[AUTH_COOKIE_VALUE_SIZE];
        state_log_in(state, "alice", cookie);
        assert_true(state_is_in(state, cookie));
        const struct auth_revocation revocation = {
            .kind = kinds[i], .idp = RG_SLICE("main"), .text = rg_slice_of(subjects[i]), .revoked_us = state_now_us};
        assert_ok(auth_revocation_add(state, &revocation));
        assert_true(state_is_in(state, cookie) == (i == 2));
        assert_true(state_is_in(state, cookie) == (i == 2));
        state_now_us += 1;
        state_log_in(state, "alice", later);
        assert_true(state_is_in(state, later));
        state_now_us += 31 * MINUTE_US;
        auth_state_close(&state);
    }
}

static void revoking_touches_nobody_else(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", cookie);
    static const struct auth_session_selector selectors[] = {
        {AUTH_SELECT_SUBJECT, {"main", 4}, {"alic", 4}, {0}},
        {AUTH_SELECT_SUBJECT, {"acme", 4}, {"alice", 5}, {0}},
        {AUTH_SELECT_SID, {"acme", 4}, {"provider-sid", 12}, {0}},
        {AUTH_SELECT_NAME_ID, {"main", 4}, {"alice", 5}, {0}},
        {AUTH_SELECT_ID, {0}, {"s-0000000000000000", 18}, {0}},
        {AUTH_SELECT_IDP, {"mai", 3}, {0}, {0}},
    };
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        size_t count = 9;
        assert_ok(auth_sessions_revoke(state, &selectors[i], &count));
        assert_int_equal(count, 0);
        assert_true(state_is_in(state, cookie));
    }
    auth_state_close(&state);
}

static void refuses_to_revoke_without_saying_whom(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    state_log_in(state, "alice", cookie);
    static const struct auth_session_selector selectors[] = {
        {0},
        {AUTH_SELECT_SUBJECT, {"main", 4}, {0}, {0}},
        {AUTH_SELECT_SUBJECT, {0}, {"alice", 5}, {0}},
        {AUTH_SELECT_ID, {0}, {0}, {0}},
        {AUTH_SELECT_NAME_ID, {"main", 4}, {0}, {0}},
        {AUTH_SELECT_IDP, {0}, {0}, {0}},
    };
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        size_t count = 9;
        assert_fails(RG_DENIED, auth_sessions_revoke(state, &selectors[i], &count));
        assert_int_equal(count, 9);
    }
    assert_true(state_is_in(state, cookie));
    auth_state_close(&state);
}

struct listed {
    size_t count, limit;
    char ids[8][AUTH_SESSION_ID_SIZE];
};

static bool note_session(void *context, struct auth_session *session)
{
    struct listed *listed = context;
    memcpy(listed->ids[listed->count++], session->public_id, AUTH_SESSION_ID_SIZE);
    return listed->count < listed->limit;
}

static void lists_the_living_and_ends_one_by_its_id(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char cookies[3][AUTH_COOKIE_VALUE_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        state_log_in(state, "alice", cookies[i]);
        state_now_us += 20 * MINUTE_US;
    }
    struct listed listed = {.limit = 8};
    auth_sessions_list(state, state_now_us, note_session, &listed);
    assert_int_equal(listed.count, 1); /* the others have been idle for 40 and 60 minutes */
    struct auth_session_selector one = {AUTH_SELECT_ID, {0}, rg_slice_of(listed.ids[0]), {0}};
    assert_ok(auth_sessions_revoke(state, &one, &count));
    assert_int_equal(count, 1);
    assert_false(state_is_in(state, cookies[2]));
    auth_state_close(&state);
}

static void over_the_subjects_cap_its_oldest_goes(void **unused)
{
    (void)unused;
    struct auth_state *state = NULL;
    struct auth_state_options options = state_options();
    char bob[AUTH_COOKIE_VALUE_SIZE];
    char cookies[4][AUTH_COOKIE_VALUE_SIZE];
    options.max_sessions_per_subject = 3;
    assert_ok(auth_state_open(&options, &state));
    state_log_in(state, "bob", bob);
    for (size_t i = 0; i < 4; i++) {
        state_now_us += 1000 * 1000;
        state_log_in(state, "alice", cookies[i]);
    }
    assert_false(state_is_in(state, cookies[0]));
    assert_true(state_is_in(state, cookies[1]) && state_is_in(state, cookies[2]) && state_is_in(state, cookies[3]));
    assert_true(state_is_in(state, bob));
    auth_state_close(&state);
    assert_ok(auth_state_open(&options, &state));
    assert_int_equal(auth_sessions_count(state), 4);
    auth_state_close(&state);
}

static void over_the_cap_of_all_the_oldest_goes(void **unused)
{
    (void)unused;
    struct auth_state *state = NULL;
    struct auth_state_options options = state_options();
    char cookies[5][AUTH_COOKIE_VALUE_SIZE];
    static const char *const subjects[] = {"a", "b", "c", "d", "e"};
    options.max_sessions = 4;
    assert_ok(auth_state_open(&options, &state));
    for (size_t i = 0; i < 5; i++) {
        state_now_us += 1000 * 1000;
        state_log_in(state, subjects[i], cookies[i]);
    }
    assert_int_equal(auth_sessions_count(state), 4);
    assert_false(state_is_in(state, cookies[0]));
    assert_true(state_is_in(state, cookies[1]));
    auth_state_close(&state);
}

/* A tenant's provider can make up as many people as it likes. */
static void a_provider_that_floods_pushes_out_its_own(void **unused)
{
    (void)unused;
    struct auth_state *state = NULL;
    struct auth_state_options options = state_options();
    char victim[AUTH_COOKIE_VALUE_SIZE];
    char cookies[8][AUTH_COOKIE_VALUE_SIZE];
    options.max_sessions = 4;
    assert_ok(auth_state_open(&options, &state));
    state_log_in(state, "alice", victim);
    for (size_t i = 0; i < 8; i++) {
        struct auth_session *session = NULL;
        char subject[16];
        (void)snprintf(subject, sizeof subject, "made-up-%zu", i);
        struct auth_session_new login = state_login(subject);
        login.idp = RG_SLICE("acme");
        state_now_us += 1000 * 1000;
        assert_ok(auth_sessions_create(state, &login, state_now_us, cookies[i], &session));
        auth_session_free(&session);
        assert_true(state_is_in(state, victim));
    }
    assert_int_equal(auth_sessions_count(state), 4);
    assert_false(state_is_in(state, cookies[4]));
    assert_true(state_is_in(state, cookies[5]) && state_is_in(state, cookies[7]));
    auth_state_close(&state);
}

static void ten_thousand_sessions_are_found_listed_and_ended(void **unused)
{
    (void)unused;
    enum { COUNT = 10 * 1000 };
    struct auth_state *state = state_opened();
    char(*cookies)[AUTH_COOKIE_VALUE_SIZE] = calloc(COUNT, sizeof *cookies);
    char subject[32];
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(subject, sizeof subject, "subject-%zu", i % 1000);
        state_log_in(state, subject, cookies[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(state_is_in(state, cookies[i]));
    }
    struct auth_session_selector one = {AUTH_SELECT_SUBJECT, RG_SLICE("main"), RG_SLICE("subject-7"), {0}};
    assert_ok(auth_sessions_revoke(state, &one, &count));
    assert_int_equal(count, COUNT / 1000);
    state = state_reopened(state);
    assert_int_equal(auth_sessions_count(state), COUNT - COUNT / 1000);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(state_is_in(state, cookies[i]) == (i % 1000 != 7));
    }
    struct auth_session_selector all = {.kind = AUTH_SELECT_ALL};
    assert_ok(auth_sessions_revoke(state, &all, &count));
    assert_int_equal(count, COUNT - COUNT / 1000);
    free(cookies);
    auth_state_close(&state);
}

/* ---- what cannot be created ---- */

static void refuses_logins_that_prove_nobody(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE] = "untouched";
    struct auth_session_new logins[6];
    for (size_t i = 0; i < 6; i++) {
        logins[i] = state_login("alice");
    }
    logins[0].kind = AUTH_UNVERIFIED;
    logins[1].idp = (struct rg_slice){0};
    logins[2].subject = (struct rg_slice){0};
    logins[3].expires_us = state_now_us;
    for (size_t i = 0; i < 4; i++) {
        assert_fails(RG_DENIED, auth_sessions_create(state, &logins[i], state_now_us, cookie, &session));
    }
    static char large[AUTH_SESSION_MAX_BYTES];
    memset(large, 'a', sizeof large);
    logins[4].id_token = rg_slice_make(large, sizeof large);
    logins[5].user = RG_SLICE("a\0b");
    assert_fails(RG_LIMIT, auth_sessions_create(state, &logins[4], state_now_us, cookie, &session));
    assert_fails(RG_LIMIT, auth_sessions_create(state, &logins[5], state_now_us, cookie, &session));
    assert_null(session);
    assert_string_equal(cookie, "untouched");
    assert_int_equal(auth_sessions_count(state), 0);
    auth_state_close(&state);
}

/* ---- identity and CSRF ---- */

static void types_its_claims_anew_under_each_configuration(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_identity identity = {0};
    const struct auth_session_new login = state_login("alice");
    struct auth_claim_spec specs[] = {
        {.name = RG_SLICE("tenant"), .type = {AUTH_SCALAR_TEXT, false}, .required = true},
        {.name = RG_SLICE("region"), .type = {AUTH_SCALAR_TEXT, false}},
    };
    rg_arena_init(&arena, 1 << 16);
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    assert_ok(auth_session_identity(session, specs, 2, &arena, &identity));
    assert_int_equal(identity.kind, AUTH_OIDC);
    assert_slice(identity.idp, "main");
    assert_slice(identity.subject, "alice");
    assert_slice(identity.token_id, session->public_id);
    assert_int_equal(identity.claim_count, 2);
    assert_slice(identity.claims[0].elements[0], "acme");
    assert_false(identity.claims[1].is_present);
    assert_ok(auth_session_identity(session, specs + 1, 1, &arena, &identity)); /* "tenant" is not declared any more */
    struct auth_identity untouched = {0};
    specs[1].required = true;
    assert_fails(RG_DENIED, auth_session_identity(session, specs, 2, &arena, &untouched));
    specs[1].required = false;
    specs[0].type.scalar = AUTH_SCALAR_UUID;
    assert_fails(RG_DENIED, auth_session_identity(session, specs, 2, &arena, &untouched));
    assert_int_equal(untouched.kind, AUTH_UNVERIFIED);
    auth_session_free(&session);
    auth_state_close(&state);
}

static void knows_its_own_csrf_token_only(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *one = NULL;
    struct auth_session *two = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    const struct auth_session_new login = state_login("alice");
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &one));
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &two));
    assert_true(auth_session_csrf_is(one, rg_slice_of(one->csrf)));
    assert_false(auth_session_csrf_is(one, rg_slice_of(two->csrf)));
    assert_false(auth_session_csrf_is(one, rg_slice_make(one->csrf, 42)));
    assert_false(auth_session_csrf_is(one, (struct rg_slice){0}));
    assert_false(auth_session_csrf_is(one, rg_slice_of(cookie)));
    auth_session_free(&one);
    auth_session_free(&two);
    auth_state_close(&state);
}

/* ---- refreshing ---- */

static void one_refresh_runs_at_a_time(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    const struct auth_session_new login = state_login("alice");
    bool is_mine = false;
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    assert_ok(auth_session_refresh_begin(state, session, state_now_us, &is_mine));
    assert_true(is_mine);
    assert_ok(auth_session_refresh_begin(state, session, state_now_us, &is_mine));
    assert_false(is_mine);
    assert_ok(auth_session_refresh_end(state, session, NULL, NULL));
    assert_ok(auth_session_refresh_begin(state, session, state_now_us, &is_mine));
    assert_true(is_mine);
    state_now_us += MINUTE_US + 1; /* whoever had it has died */
    assert_ok(auth_session_refresh_begin(state, session, state_now_us, &is_mine));
    assert_true(is_mine);
    auth_session_free(&session);
    auth_state_close(&state);
}

static void a_refresh_keeps_cookie_and_end_and_replaces_the_tokens(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    struct auth_session *new = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    bool is_mine = false;
    struct auth_session_new login = state_login("alice");
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    state_now_us += 5 * MINUTE_US;
    assert_ok(auth_session_refresh_begin(state, session, state_now_us, &is_mine));
    login.refresh_token = RG_SLICE("refresh-token-two");
    login.id_token = (struct rg_slice){0};
    login.token_expires_us = 99;
    assert_ok(auth_session_refresh_end(state, session, &login, &new));
    assert_true(auth_session_is_revoked(session));
    assert_int_equal(new->expires_us, session->expires_us);
    assert_string_equal(new->public_id, session->public_id);
    assert_string_equal(new->csrf, session->csrf);
    assert_slice(session->login.refresh_token, "refresh-token-one"); /* who holds the old one still reads it */
    auth_session_free(&session);
    auth_session_free(&new);
    state = state_reopened(state);
    assert_ok(auth_sessions_find(state, rg_slice_of(cookie), state_now_us, &session));
    assert_slice(session->login.refresh_token, "refresh-token-two");
    assert_slice(session->login.id_token, "id-token-one");
    assert_int_equal(session->login.token_expires_us, 99);
    auth_session_free(&session);
    auth_state_close(&state);
}

static void a_refresh_cannot_change_who_it_is(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    struct auth_session *new = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    const struct auth_session_new login = state_login("alice");
    struct auth_session_new others[3] = {login, login, login};
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    others[0].subject = RG_SLICE("bob");
    others[1].issuer = RG_SLICE("https://evil.example");
    others[2].kind = AUTH_SAML;
    for (size_t i = 0; i < 3; i++) {
        assert_fails(RG_DENIED, auth_session_refresh_end(state, session, &others[i], &new));
    }
    assert_null(new);
    assert_true(state_is_in(state, cookie));
    auth_session_free(&session);
    auth_state_close(&state);
}

/* The classical race: logout while a refresh waits for the provider. */
static void a_refresh_does_not_bring_an_ended_session_back(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    struct auth_session *new = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    size_t count = 0;
    bool is_mine = false;
    const struct auth_session_new login = state_login("alice");
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    assert_ok(auth_session_refresh_begin(state, session, state_now_us, &is_mine));
    struct auth_session_selector one = {AUTH_SELECT_ID, {0}, rg_slice_of(session->public_id), {0}};
    assert_ok(auth_sessions_revoke(state, &one, &count));
    assert_fails(RG_DENIED, auth_session_refresh_end(state, session, &login, &new));
    assert_null(new);
    assert_ok(auth_session_refresh_begin(state, session, state_now_us + 2 * MINUTE_US, &is_mine));
    assert_false(is_mine);
    assert_false(state_is_in(state, cookie));
    auth_session_free(&session);
    state = state_reopened(state);
    assert_false(state_is_in(state, cookie));
    auth_state_close(&state);
}

/* ---- a store that fails ---- */

static void a_session_that_could_not_be_written_is_not_handed_out(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    const struct auth_session_new login = state_login("alice");
    int n = 0;
    for (bool is_done = false; !is_done; n++) {
        struct auth_session *session = NULL;
        char cookie[AUTH_COOKIE_VALUE_SIZE] = "untouched";
        state_break(state, n, false);
        rg_status status = auth_sessions_create(state, &login, state_now_us, cookie, &session);
        is_done = failing_db.left >= 0;
        assert_true(rg_is_ok(status) == is_done);
        if (!is_done) {
            assert_int_equal(status.error->kind, RG_STORAGE);
            assert_null(session);
            assert_string_equal(cookie, "untouched");
            assert_int_equal(auth_sessions_count(state), 0);
            assert_false(auth_state_is_working(state));
        }
        auth_session_free(&session);
    }
    assert_true(n >= 4); /* begin, insert, commit; and the one in which nothing failed */
    state = state_reopened(state);
    assert_int_equal(auth_sessions_count(state), 1);
    auth_state_close(&state);
}

static void a_session_whose_end_could_not_be_written_has_ended_and_is_written_later(void **unused)
{
    (void)unused;
    for (int n = 0; n < 3; n++) {
        struct auth_state *state = state_opened();
        char cookie[AUTH_COOKIE_VALUE_SIZE];
        size_t count = 0;
        state_log_in(state, "alice", cookie);
        state_break(state, n, true);
        struct auth_session_selector one = {AUTH_SELECT_SUBJECT, RG_SLICE("main"), RG_SLICE("alice"), {0}};
        assert_fails(RG_STORAGE, auth_sessions_revoke(state, &one, &count));
        assert_int_equal(count, 1);
        assert_false(state_is_in(state, cookie));
        assert_fails(RG_STORAGE, auth_state_turn(state));
        state_break(state, -1, false);
        assert_ok(auth_state_turn(state));
        assert_true(auth_state_is_working(state));
        state = state_reopened(state);
        assert_false(state_is_in(state, cookie));
        auth_state_close(&state);
    }
}

static void a_refresh_that_could_not_be_written_leaves_the_old_session(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_session *session = NULL;
    struct auth_session *new = NULL;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    struct auth_session_new login = state_login("alice");
    assert_ok(auth_sessions_create(state, &login, state_now_us, cookie, &session));
    login.refresh_token = RG_SLICE("refresh-token-two");
    for (int n = 0; n < 3; n++) {
        state_break(state, n, false);
        assert_fails(RG_STORAGE, auth_session_refresh_end(state, session, &login, &new));
        assert_null(new);
        assert_false(auth_session_is_revoked(session));
    }
    auth_session_free(&session);
    state_break(state, -1, false);
    state = state_reopened(state);
    assert_ok(auth_sessions_find(state, rg_slice_of(cookie), state_now_us, &session));
    assert_slice(session->login.refresh_token, "refresh-token-one");
    auth_session_free(&session);
    auth_state_close(&state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, state_directory_make, state_directory_remove)

static void count_call(void *context)
{
    (*(size_t *)context)++;
}

/* Whoever holds one across requests, a connection of the SQL plane, is told to look again. */
static void tells_when_sessions_end(void **unused)
{
    (void)unused;
    struct auth_state_options options = state_options();
    struct auth_state *state = NULL;
    size_t calls = 0;
    size_t count = 0;
    char cookie[AUTH_COOKIE_VALUE_SIZE];
    options.log = (struct auth_state_log){.on_revocation = count_call, .context = &calls};
    assert_ok(auth_state_open(&options, &state));
    const struct auth_session_selector all = {.kind = AUTH_SELECT_ALL};
    state_log_in(state, "alice", cookie);
    assert_int_equal(calls, 0);
    assert_ok(auth_sessions_revoke(state, &all, &count));
    assert_int_equal(calls, 1);
    assert_ok(auth_sessions_revoke(state, &all, &count)); /* nothing ended */
    assert_int_equal(calls, 1);
    state_log_in(state, "alice", cookie);
    state_now_us += 31 * MINUTE_US; /* idle */
    assert_ok(auth_state_turn(state));
    assert_int_equal(calls, 2);
    state_log_in(state, "alice", cookie);
    state_break(state, 0, true); /* ends in memory although the store does not hear of it */
    assert_fails(RG_STORAGE, auth_sessions_revoke(state, &all, &count));
    assert_int_equal(calls, 3);
    state_break(state, -1, false);
    auth_state_close(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_the_session_of_its_cookie),
        TEST(survives_a_restart_with_everything_it_says),
        TEST(refuses_forged_and_garbled_cookies),
        TEST(refuses_the_public_id_and_the_hash_as_cookies),
        TEST(gives_each_login_a_cookie_of_its_own),
        TEST(the_store_has_neither_cookies_nor_tokens_nor_names),
        TEST(ends_by_idle_time),
        TEST(ends_by_absolute_time_however_much_it_is_used),
        TEST(ends_when_the_providers_session_does),
        TEST(a_shorter_timeout_ends_old_sessions_at_once),
        TEST(the_last_use_survives_a_restart),
        TEST(a_clock_that_steps_back_gives_no_more_time),
        TEST(revoked_sessions_are_gone_here_and_after_a_restart),
        TEST(a_revoked_subject_is_out_although_the_session_is_there),
        TEST(revoking_touches_nobody_else),
        TEST(refuses_to_revoke_without_saying_whom),
        TEST(lists_the_living_and_ends_one_by_its_id),
        TEST(over_the_subjects_cap_its_oldest_goes),
        TEST(over_the_cap_of_all_the_oldest_goes),
        TEST(a_provider_that_floods_pushes_out_its_own),
        TEST(ten_thousand_sessions_are_found_listed_and_ended),
        TEST(refuses_logins_that_prove_nobody),
        TEST(types_its_claims_anew_under_each_configuration),
        TEST(knows_its_own_csrf_token_only),
        TEST(one_refresh_runs_at_a_time),
        TEST(a_refresh_keeps_cookie_and_end_and_replaces_the_tokens),
        TEST(a_refresh_cannot_change_who_it_is),
        TEST(a_refresh_does_not_bring_an_ended_session_back),
        TEST(a_session_that_could_not_be_written_is_not_handed_out),
        TEST(a_session_whose_end_could_not_be_written_has_ended_and_is_written_later),
        TEST(a_refresh_that_could_not_be_written_leaves_the_old_session),
        TEST(tells_when_sessions_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
