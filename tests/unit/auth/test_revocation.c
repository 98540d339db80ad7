/* SPDX-License-Identifier: Apache-2.0 */
/* Revocations: who is out, who is not, and that nothing makes them forgotten. */
#include "auth/revocation.h"

#include "tests/support/state_world.h"

static const struct auth_revocation_subject alice = {.idp = {"main", 4},
                                                     .subject = {"alice", 5},
                                                     .token_id = {"jti-1", 5},
                                                     .tenant = {"acme", 4},
                                                     .session = {"1-2", 3}};

static struct auth_revocation revocation_of(enum auth_revocation_kind kind, const char *idp, const char *text)
{
    return (struct auth_revocation){.kind = kind,
                                    .idp = rg_slice_of(idp),
                                    .text = rg_slice_of(text),
                                    .by = RG_SLICE("root"),
                                    .revoked_us = state_now_us};
}

static enum auth_revocation_kind found(struct auth_state *state, struct auth_revocation_subject who, int64_t since_us)
{
    who.since_us = since_us;
    return auth_revocation_find(state, &who, state_now_us).kind;
}

static void each_kind_puts_out_whom_it_names_now_and_after_a_restart(void **unused)
{
    (void)unused;
    static const struct {
        enum auth_revocation_kind kind;
        const char *idp, *text;
    } rows[] = {
        {AUTH_REVOKE_TOKEN, "main", "jti-1"},
        {AUTH_REVOKE_SUBJECT, "main", "alice"},
        {AUTH_REVOKE_TENANT, "", "acme"},
        {AUTH_REVOKE_SESSION, "", "1-2"},
        {AUTH_REVOKE_ALL, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)state_directory_remove(NULL);
        (void)state_directory_make(NULL);
        struct auth_state *state = state_opened();
        const struct auth_revocation revocation = revocation_of(rows[i].kind, rows[i].idp, rows[i].text);
        assert_int_equal(found(state, alice, state_now_us - 1), AUTH_REVOKE_NONE);
        uint64_t before = auth_revocation_generation(state);
        assert_ok(auth_revocation_add(state, &revocation));
        assert_true(auth_revocation_generation(state) != before);
        assert_int_equal(found(state, alice, state_now_us - 1), rows[i].kind);
        state = state_reopened(state);
        struct auth_revocation_hit hit = auth_revocation_find(state, &alice, state_now_us);
        assert_int_equal(hit.kind, rows[i].kind);
        assert_string_equal(hit.by, "root");
        assert_int_equal(hit.revoked_us, revocation.revoked_us);
        auth_state_close(&state);
    }
}

static void nobody_else_is_out(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    static const struct {
        enum auth_revocation_kind kind;
        const char *idp, *text;
    } rows[] = {
        {AUTH_REVOKE_TOKEN, "acme", "jti-1"},   {AUTH_REVOKE_TOKEN, "main", "alice"},
        {AUTH_REVOKE_SUBJECT, "main", "jti-1"}, {AUTH_REVOKE_SUBJECT, "mai", "nalice"},
        {AUTH_REVOKE_TENANT, "", "acm"},        {AUTH_REVOKE_TENANT, "", "alice"},
        {AUTH_REVOKE_SESSION, "", "1-"},        {AUTH_REVOKE_SUBJECT, "main", "ALICE"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct auth_revocation revocation = revocation_of(rows[i].kind, rows[i].idp, rows[i].text);
        assert_ok(auth_revocation_add(state, &revocation));
        assert_int_equal(found(state, alice, 0), AUTH_REVOKE_NONE);
    }
    const struct auth_revocation_subject nobody = {0};
    assert_int_equal(found(state, nobody, 0), AUTH_REVOKE_NONE);
    auth_state_close(&state);
}

static void a_newer_credential_of_the_subject_comes_in_again_and_a_revoked_token_never(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_revocation revocation = revocation_of(AUTH_REVOKE_SUBJECT, "main", "alice");
    assert_ok(auth_revocation_add(state, &revocation));
    assert_int_equal(found(state, alice, state_now_us), AUTH_REVOKE_SUBJECT);
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_SUBJECT); /* nobody knows when: out */
    assert_int_equal(found(state, alice, state_now_us + 1), AUTH_REVOKE_NONE);
    revocation = revocation_of(AUTH_REVOKE_TOKEN, "main", "jti-1");
    assert_ok(auth_revocation_add(state, &revocation));
    assert_int_equal(found(state, alice, state_now_us + 1), AUTH_REVOKE_TOKEN);
    auth_state_close(&state);
}

static void the_later_of_two_holds(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_revocation later = revocation_of(AUTH_REVOKE_SUBJECT, "main", "alice");
    struct auth_revocation earlier = later;
    later.revoked_us += MINUTE_US;
    assert_ok(auth_revocation_add(state, &later));
    uint64_t generation = auth_revocation_generation(state);
    assert_ok(auth_revocation_add(state, &earlier));
    assert_int_equal(auth_revocation_generation(state), generation);
    assert_int_equal(found(state, alice, state_now_us + 1), AUTH_REVOKE_SUBJECT);
    state = state_reopened(state);
    assert_int_equal(found(state, alice, state_now_us + 1), AUTH_REVOKE_SUBJECT);
    auth_state_close(&state);
}

static void is_kept_until_the_later_end_of_two(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_revocation revocation = revocation_of(AUTH_REVOKE_TOKEN, "main", "jti-1");
    revocation.until_us = state_now_us + 60 * MINUTE_US;
    assert_ok(auth_revocation_add(state, &revocation));
    revocation.revoked_us += 1;
    revocation.until_us = state_now_us + MINUTE_US;
    assert_ok(auth_revocation_add(state, &revocation));
    state_now_us += 2 * MINUTE_US;
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_TOKEN);
    assert_ok(auth_state_turn(state));
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_TOKEN);
    state = state_reopened(state);
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_TOKEN);
    auth_state_close(&state);
}

static void is_kept_until_its_end_and_no_longer(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    struct auth_revocation revocation = revocation_of(AUTH_REVOKE_TOKEN, "main", "jti-1");
    revocation.until_us = state_now_us + MINUTE_US;
    assert_ok(auth_revocation_add(state, &revocation));
    revocation = revocation_of(AUTH_REVOKE_TENANT, "", "other");
    assert_ok(auth_revocation_add(state, &revocation));
    state_now_us += MINUTE_US - 1;
    assert_ok(auth_state_turn(state));
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_TOKEN);
    state_now_us += 1;
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_NONE);
    assert_ok(auth_state_turn(state));
    assert_int_equal(state->revocations.count, 1);
    state_now_us += AUTH_REVOCATION_KEEP_US;
    assert_ok(auth_state_turn(state));
    state = state_reopened(state);
    assert_int_equal(state->revocations.count, 0);
    auth_state_close(&state);
}

static void refuses_what_names_nobody_or_too_much(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    static char large[AUTH_REVOCATION_TEXT_MAX + 2];
    memset(large, 'a', sizeof large - 1);
    struct auth_revocation revocation = revocation_of(AUTH_REVOKE_NONE, "main", "x");
    assert_fails(RG_DENIED, auth_revocation_add(state, &revocation));
    revocation = revocation_of(AUTH_REVOKE_TOKEN, "main", "");
    assert_fails(RG_DENIED, auth_revocation_add(state, &revocation));
    revocation = revocation_of(AUTH_REVOKE_TENANT, "", "");
    assert_fails(RG_DENIED, auth_revocation_add(state, &revocation));
    revocation = revocation_of(AUTH_REVOKE_TOKEN, "main", large);
    assert_fails(RG_LIMIT, auth_revocation_add(state, &revocation));
    assert_int_equal(state->revocations.count, 0);
    auth_state_close(&state);
}

static void one_that_could_not_be_written_holds_and_is_written_later(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    const struct auth_revocation revocation = revocation_of(AUTH_REVOKE_SUBJECT, "main", "alice");
    state_break(state, 1, true);
    assert_fails(RG_STORAGE, auth_revocation_add(state, &revocation));
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_SUBJECT);
    assert_fails(RG_STORAGE, auth_state_turn(state));
    state_break(state, -1, false);
    assert_ok(auth_state_turn(state));
    state = state_reopened(state);
    assert_int_equal(found(state, alice, 0), AUTH_REVOKE_SUBJECT);
    auth_state_close(&state);
}

static void no_state_revokes_nobody(void **unused)
{
    (void)unused;
    assert_int_equal(auth_revocation_generation(NULL), 1);
    assert_int_equal(found(NULL, alice, 0), AUTH_REVOKE_NONE);
}

static void names_are_cut_between_characters(void **unused)
{
    (void)unused;
    struct auth_state *state = state_opened();
    char by[AUTH_REVOCATION_BY_SIZE + 8];
    struct auth_revocation revocation = revocation_of(AUTH_REVOKE_ALL, "", "");
    memset(by, 'a', sizeof by);
    memcpy(by + AUTH_REVOCATION_BY_SIZE - 2, "\xc3\xa4", 2);
    by[3] = '\n';
    revocation.by = rg_slice_make(by, sizeof by);
    assert_ok(auth_revocation_add(state, &revocation));
    state = state_reopened(state);
    struct auth_revocation_hit hit = auth_revocation_find(state, &alice, state_now_us);
    assert_int_equal(strlen(hit.by), AUTH_REVOCATION_BY_SIZE - 2);
    assert_int_equal(hit.by[3], ' ');
    auth_state_close(&state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, state_directory_make, state_directory_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind_puts_out_whom_it_names_now_and_after_a_restart),
        TEST(nobody_else_is_out),
        TEST(a_newer_credential_of_the_subject_comes_in_again_and_a_revoked_token_never),
        TEST(the_later_of_two_holds),
        TEST(is_kept_until_the_later_end_of_two),
        TEST(is_kept_until_its_end_and_no_longer),
        TEST(refuses_what_names_nobody_or_too_much),
        TEST(one_that_could_not_be_written_holds_and_is_written_later),
        TEST(no_state_revokes_nobody),
        TEST(names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
