/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement of a login's tokens, of logout tokens, user-info and introspection: each attack that the specifications
 * name is refused, for its own reason, and without a trace of a token or claim. */
#include "tests/support/oidc_world.h"

#include "base/rg_crypto.h"

/* An ID token of this login, unless more says otherwise; more follows a comma. */
static struct rg_slice id_token(const char *more)
{
    struct rg_slice payload = {0};
    assert_ok(rg_arena_printf(&keys.arena, &payload, "{" CLIENT ",\"nonce\":\"N1\"%s}", more));
    return good_token(payload.data);
}

static rg_status judge_with(const struct auth_oidc_client *client, struct rg_slice token, struct rg_slice subject,
                            int64_t now_us, struct auth_oidc_login *out_login)
{
    struct auth_oidc_tokens tokens = {.access_token = RG_SLICE("opaque-access-token"),
                                      .id_token = token,
                                      .refresh_token = RG_SLICE("R"),
                                      .expires_in_us = 60000000};
    struct auth_oidc_expected expected = {
        .nonce = RG_SLICE("N1"), .issuer = RG_SLICE(ISSUER), .subject = subject, .now_us = now_us};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    if (subject.size > 0) {
        expected.nonce = (struct rg_slice){0};
    }
    return auth_oidc_tokens_judge(client, keys.jwks, &tokens, &expected, &keys.arena, out_login, &hint);
}

static void login_denied(struct rg_slice token, const char *part)
{
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_login login = {.access_expires_us = 77};
    rg_status status = judge_with(&client, token, (struct rg_slice){0}, NOW_US, &login);
    assert_fails(RG_DENIED, status);
    if (strstr(status.error->text, part) == NULL) {
        fail_msg("refused with \"%s\", expected \"%s\"", status.error->text, part);
    }
    assert_null(strstr(status.error->text, "alice"));
    assert_int_equal(login.access_expires_us, 77);
    assert_int_equal(login.identity.kind, AUTH_UNVERIFIED);
}

static void a_good_login_is_taken_with_its_claims(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_login login = {0};
    assert_ok(
        judge_with(&client,
                   id_token(",\"azp\":\"bi\",\"sid\":\"S-1\",\"tenant_id\":\"acme\",\"preferred_username\":\"al\","
                            "\"organizations\":[\"a\",\"b\"]"),
                   (struct rg_slice){0}, NOW_US, &login));
    assert_int_equal(login.identity.kind, AUTH_OIDC);
    assert_slice(login.identity.subject, "alice");
    assert_slice(login.identity.user, "al");
    assert_slice(login.identity.issuer, ISSUER);
    assert_slice(login.identity.idp, "main");
    assert_slice(login.sid, "S-1");
    assert_slice(login.refresh_token, "R");
    assert_slice(login.access_token, "opaque-access-token");
    assert_int_equal(login.access_expires_us, NOW_US + 60000000);
    assert_int_equal(login.claim_count, 2);
    assert_slice(login.claims[0].name, "tenant_id");
    assert_slice(login.claims[0].texts[0], "acme");
    assert_int_equal(login.claims[1].text_count, 2);
    assert_slice(login.claims[1].texts[1], "b");
    assert_ok(judge_with(&client, id_token(""), (struct rg_slice){0}, NOW_US, &login));
    assert_int_equal(login.claim_count, 0);
}

static void the_hash_of_the_access_token_must_fit(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_login login = {0};
    struct rg_digest digest = rg_sha256_one(RG_SLICE("opaque-access-token"));
    struct rg_slice half = keys_b64url(rg_slice_make(digest.bytes, 16), &keys.arena);
    struct rg_slice more = {0};
    assert_ok(rg_arena_printf(&keys.arena, &more, ",\"at_hash\":\"%.*s\"", RG_SLICE_ARGS(half)));
    assert_ok(judge_with(&client, id_token(more.data), (struct rg_slice){0}, NOW_US, &login));
    login_denied(id_token(",\"at_hash\":\"MIbnV7PN3FHbKKjo1UEUow\""), "access token");
    login_denied(id_token(",\"at_hash\":\"\""), "access token");
    login_denied(id_token(",\"at_hash\":null"), "access token");
    struct rg_slice whole = keys_b64url(rg_slice_make(digest.bytes, 32), &keys.arena);
    assert_ok(rg_arena_printf(&keys.arena, &more, ",\"at_hash\":\"%.*s\"", RG_SLICE_ARGS(whole)));
    login_denied(id_token(more.data), "access token");
}

static void a_token_of_another_login_is_refused(void **state)
{
    (void)state;
    login_denied(good_token("{" CLIENT "}"), "nonce");
    login_denied(good_token("{" CLIENT ",\"nonce\":\"N2\"}"), "nonce");
    login_denied(good_token("{" CLIENT ",\"nonce\":\"\"}"), "nonce");
    login_denied(good_token("{" CLIENT ",\"nonce\":[\"N1\"]}"), "nonce");
    login_denied(good_token("{" CLIENT ",\"nonce\":\"N11\"}"), "nonce");
    /* even if the login under way has lost its nonce */
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_tokens tokens = {.access_token = RG_SLICE("A"), .id_token = good_token("{" CLIENT "}")};
    struct auth_oidc_expected expected = {.now_us = NOW_US};
    struct auth_oidc_login login = {0};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    assert_fails(RG_DENIED, auth_oidc_tokens_judge(&client, keys.jwks, &tokens, &expected, &keys.arena, &login, &hint));
    tokens.id_token = good_token("{" CLIENT ",\"nonce\":\"\"}");
    assert_fails(RG_DENIED, auth_oidc_tokens_judge(&client, keys.jwks, &tokens, &expected, &keys.arena, &login, &hint));
}

#define WITH_AUD(aud)                                                                                                  \
    "{\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"exp\":1800003600,\"iat\":1799999990,\"nonce\":\"N1\",\"aud\":" aud "}"

static void a_token_for_another_client_is_refused(void **state)
{
    (void)state;
    login_denied(good_token(WITH_AUD("\"other\"")), "audience");
    login_denied(good_token(WITH_AUD("\"api://rowgate\"")), "audience"); /* the SQL plane's is not the login's */
    login_denied(good_token(WITH_AUD("[]")), "audience");
    login_denied(id_token(",\"azp\":\"other\""), "another client");
    login_denied(id_token(",\"azp\":null"), "another client");
    login_denied(good_token(WITH_AUD("[\"bi\",\"other\"]")), "another client"); /* no azp says for whom it was made */
    login_denied(good_token(WITH_AUD("[\"bi\",\"other\"],\"azp\":\"other\"")), "another client");
}

static void the_classical_forgeries_are_refused(void **state)
{
    (void)state;
    const char *const payload = "{" CLIENT ",\"nonce\":\"N1\"}";
    login_denied(keys_token(keys.stranger, "SHA256", false, "{\"alg\":\"ES256\",\"kid\":\"e2\"}", payload, &keys.arena),
                 "signature");
    login_denied(es256("{\"alg\":\"none\"}", payload), "algorithm");
    login_denied(es256("{\"alg\":\"HS256\",\"kid\":\"e2\"}", payload), "algorithm");
    login_denied(es256("{\"alg\":\"RS256\",\"kid\":\"e2\"}", payload), "algorithm");
    login_denied(es256("{\"alg\":\"ES256\",\"kid\":\"unknown\"}", payload), "unknown");
    login_denied(es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt\"}", payload), "typ");
    login_denied(es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"logout+jwt\"}", payload), "typ");
    login_denied(id_token("," EVENT), "events");
    login_denied(RG_SLICE("a.b.c"), "");
    login_denied((struct rg_slice){0}, "no ID token");
}

static void dates_and_issuer_must_be_right(void **state)
{
    (void)state;
#define DATED(exp, iat)                                                                                                \
    "{\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":\"bi\",\"nonce\":\"N1\",\"exp\":" exp ",\"iat\":" iat "}"
    login_denied(good_token(DATED("1799999900", "1799999800")), "expired");
    login_denied(good_token(DATED("1800003600", "1800000100")), "future");
    login_denied(good_token(DATED("1800003600", "1799990000")), "issued");
    login_denied(good_token("{\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":\"bi\",\"nonce\":\"N1\","
                            "\"exp\":1800003600}"),
                 "when it was issued");
    login_denied(good_token("{\"iss\":\"https://evil.example\",\"sub\":\"alice\",\"aud\":\"bi\",\"nonce\":\"N1\","
                            "\"exp\":1800003600,\"iat\":1800000000}"),
                 "issuer");
}

static void a_refresh_stays_with_the_same_person(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_login login = {0};
    assert_ok(
        judge_with(&client, good_token("{" CLIENT ",\"tenant_id\":\"globex\"}"), RG_SLICE("alice"), NOW_US, &login));
    assert_slice(login.claims[0].texts[0], "globex");
    assert_ok(
        judge_with(&client, (struct rg_slice){0}, RG_SLICE("alice"), NOW_US, &login)); /* Core 12.2: may lack it */
    assert_int_equal(login.identity.kind, AUTH_UNVERIFIED);
    assert_slice(login.refresh_token, "R");
    assert_fails(RG_DENIED, judge_with(&client, good_token("{" CLIENT "}"), RG_SLICE("bob"), NOW_US, &login));
}

static void entra_tokens_name_their_own_tenant(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_login login = {0};
    client.trust.issuer_template = RG_SLICE("https://login.example.com/{tid}/v2.0");
#define TID "9188040d-6c67-4c5b-b112-36a304b66dad"
#define OTHER "00000000-6c67-4c5b-b112-36a304b66dad"
#define ENTRA(iss, tid)                                                                                                \
    good_token("{\"iss\":\"" iss "\",\"sub\":\"alice\",\"aud\":\"bi\",\"nonce\":\"N1\",\"exp\":1800003600,"            \
               "\"iat\":1800000000,\"tid\":" tid "}")
    assert_ok(judge_with(&client, ENTRA("https://login.example.com/" TID "/v2.0", "\"" TID "\""), (struct rg_slice){0},
                         NOW_US, &login));
    assert_slice(login.identity.issuer, "https://login.example.com/" TID "/v2.0");
    const struct rg_slice refused[] = {
        ENTRA("https://login.example.com/" TID "/v2.0", "\"" OTHER "\""),
        ENTRA("https://login.example.com/" TID "/v1.0", "\"" TID "\""),
        ENTRA("https://login.example.com/{tid}/v2.0", "\"{tid}\""),
        ENTRA("https://login.example.com/../v2.0", "\"..\""),
        ENTRA("https://login.example.com//v2.0", "\"\""),
        ENTRA("https://login.example.com/" TID "/v2.0", "null"),
        ENTRA(ISSUER, "\"" TID "\""),
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        rg_status status = judge_with(&client, refused[i], (struct rg_slice){0}, NOW_US, &login);
        assert_fails(RG_DENIED, status);
        assert_non_null(strstr(status.error->text, "issuer"));
    }
    assert_true(auth_trust_names_issuer(&client.trust, RG_SLICE("https://login.example.com/" TID "/v2.0")));
    assert_false(auth_trust_names_issuer(&client.trust, RG_SLICE("https://login.example.com/" TID "x/v2.0")));
    assert_false(auth_trust_names_issuer(&client.trust, RG_SLICE(ISSUER)));
}

/* ---- logout tokens ---- */

#define LOGOUT "{" CLIENT ",\"jti\":\"J1\"," EVENT

static rg_status judge_logout(struct rg_slice token, struct auth_oidc_logout *out_logout)
{
    struct auth_oidc_client client = client_of_tests();
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    return auth_oidc_logout_judge(&client, keys.jwks, token, NOW_US, &keys.arena, out_logout, &hint);
}

static void a_logout_token_ends_a_session_or_a_person(void **state)
{
    (void)state;
    struct auth_oidc_logout logout = {0};
    assert_ok(judge_logout(good_token(LOGOUT ",\"sid\":\"S-1\"}"), &logout));
    assert_slice(logout.sid, "S-1");
    assert_slice(logout.subject, "alice");
    assert_slice(logout.issuer, ISSUER);
    assert_slice(logout.token_id, "J1");
    assert_true(logout.until_us > NOW_US);
    assert_ok(judge_logout(es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"logout+jwt\"}", LOGOUT "}"), &logout));
    assert_int_equal(logout.sid.size, 0);
}

static void what_is_no_logout_token_ends_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        const char *part;
    } rows[] = {
        {LOGOUT ",\"nonce\":\"N1\"}", "nonce"},
        {LOGOUT ",\"nonce\":null}", "nonce"},
        {"{" CLIENT ",\"jti\":\"J1\"}", "event"},
        {"{" CLIENT ",\"jti\":\"J1\",\"events\":[]}", "event"},
        {"{" CLIENT ",\"jti\":\"J1\",\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":true}}",
         "event"},
        {"{" CLIENT ",\"jti\":\"J1\",\"events\":{\"http://schemas.openid.net/event/backchannel-logout/\":{}}}",
         "event"},
        {"{" CLIENT "," EVENT "}", "jti"},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"bi\",\"exp\":1800003600,\"iat\":1799999990,\"jti\":\"J1\"," EVENT "}",
         "neither"},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"other\",\"sub\":\"alice\",\"exp\":1800003600,\"iat\":1799999990,"
         "\"jti\":\"J1\"," EVENT "}",
         "audience"},
        {"{\"iss\":\"https://evil.example\",\"aud\":\"bi\",\"sub\":\"alice\",\"exp\":1800003600,\"iat\":1799999990,"
         "\"jti\":\"J1\"," EVENT "}",
         "issuer"},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"bi\",\"sub\":\"alice\",\"exp\":1800003600,\"jti\":\"J1\"," EVENT "}",
         "issued"},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"bi\",\"sub\":\"alice\",\"exp\":1800003600,\"iat\":1799990000,"
         "\"jti\":\"J1\"," EVENT "}",
         "issued"},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"bi\",\"sub\":\"alice\",\"exp\":1799999000,\"iat\":1799999990,"
         "\"jti\":\"J1\"," EVENT "}",
         "expired"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_oidc_logout logout = {.until_us = 77};
        rg_status status = judge_logout(good_token(rows[i].payload), &logout);
        print_message("%s\n", rows[i].payload);
        assert_fails(RG_DENIED, status);
        if (strstr(status.error->text, rows[i].part) == NULL) {
            fail_msg("refused with \"%s\", expected \"%s\"", status.error->text, rows[i].part);
        }
        assert_int_equal(logout.until_us, 77);
    }
    struct auth_oidc_logout logout = {0};
    assert_fails(RG_DENIED, judge_logout(es256("{\"alg\":\"none\"}", LOGOUT "}"), &logout));
    assert_fails(RG_DENIED,
                 judge_logout(es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt\"}", LOGOUT "}"), &logout));
}

static void a_logout_token_is_no_access_token(void **state)
{
    (void)state;
    denied(good_token("{" BASE ",\"exp\":1800003600,\"jti\":\"J1\"," EVENT "}"), "events");
    denied(es256("{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"logout+jwt\"}", GOOD), "typ");
}

/* ---- GitHub ---- */

static void a_github_user_is_known_by_number(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_tokens tokens = {.access_token = RG_SLICE("gho_x")};
    struct auth_oidc_login login = {0};
    client.is_plain_oauth = true;
    client.trust.issuer = RG_SLICE("https://github.com");
    assert_ok(auth_oidc_user_judge(&client, &tokens,
                                   RG_SLICE("{\"login\":\"octocat\",\"id\":583231,\"sub\":\"1\",\"email\":null,"
                                            "\"organizations\":[\"forged\"]}"),
                                   RG_SLICE("[{\"login\":\"github\",\"id\":1},{\"login\":\"acme\"}]"), NOW_US,
                                   &keys.arena, &login));
    assert_slice(login.identity.subject, "583231");
    assert_slice(login.identity.user, "octocat");
    assert_slice(login.identity.issuer, "https://github.com");
    assert_int_equal(login.claim_count, 1);
    assert_int_equal(login.claims[0].text_count, 2);
    assert_slice(login.claims[0].texts[1], "acme");
    static const char *const rows[][2] = {
        {"{\"login\":\"octocat\"}", NULL},
        {"{\"login\":\"octocat\",\"id\":\"583231\"}", NULL},
        {"{\"login\":\"octocat\",\"id\":0}", NULL},
        {"{\"login\":\"octocat\",\"id\":1.5}", NULL},
        {"[]", NULL},
        {"{\"login\":\"octocat\",\"id\":1}", "{}"},
        {"{\"login\":\"octocat\",\"id\":1}", "[{\"id\":1}]"},
        {"{\"login\":\"octocat\",\"id\":1}", "[1]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_oidc_login other = {.access_expires_us = 77};
        assert_fails(RG_PROTOCOL, auth_oidc_user_judge(&client, &tokens, rg_slice_of(rows[i][0]),
                                                       rg_slice_of(rows[i][1]), NOW_US, &keys.arena, &other));
        assert_int_equal(other.access_expires_us, 77);
    }
}

static void organizations_that_were_not_asked_for_are_none(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_tokens tokens = {.access_token = RG_SLICE("gho_x")};
    struct auth_oidc_login login = {0};
    assert_ok(auth_oidc_user_judge(&client, &tokens,
                                   RG_SLICE("{\"login\":\"o\",\"id\":1,\"organizations\":[\"forged\"]}"),
                                   (struct rg_slice){0}, NOW_US, &keys.arena, &login));
    assert_int_equal(login.claim_count, 0);
}

/* ---- introspection ---- */

static rg_status introspect(const char *json, struct auth_identity *out_identity)
{
    struct auth_trust trust = trust_of_tests();
    return auth_oidc_introspection_judge(&trust, RG_SLICE("bi"), rg_slice_of(json), RG_SLICE("opaque"), NOW_US,
                                         &keys.arena, out_identity);
}

static void an_active_token_for_us_is_taken(void **state)
{
    (void)state;
    struct auth_identity identity = {0};
    assert_ok(introspect("{\"active\":true," BASE ",\"exp\":1800003600,\"token_type\":\"Bearer\"}", &identity));
    assert_int_equal(identity.kind, AUTH_OIDC);
    assert_slice(identity.subject, "alice");
    assert_int_equal(identity.token_id.size, 32);
    assert_ok(introspect("{\"active\":true,\"sub\":\"alice\",\"client_id\":\"bi\"}", &identity));
    assert_slice(identity.issuer, ISSUER);
    assert_true(identity.expires_at_us > NOW_US && identity.expires_at_us < NOW_US + 120 * INT64_C(1000000));
}

static void an_opaque_token_that_is_not_for_us_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"active\":false}",
        "{\"active\":false," BASE ",\"exp\":1800003600}",
        "{\"active\":true,\"sub\":\"alice\"}",
        "{\"active\":true,\"sub\":\"alice\",\"client_id\":\"other\"}",
        "{\"active\":true,\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":\"other\",\"client_id\":\"bi\"}",
        "{\"active\":true,\"iss\":\"https://evil.example\",\"sub\":\"alice\",\"aud\":\"api://rowgate\"}",
        "{\"active\":true," BASE ",\"exp\":1799990000}",
        "{\"active\":true," BASE ",\"exp\":1800003600,\"nbf\":1800003000}",
        "{\"active\":true," BASE ",\"exp\":1800003600,\"token_type\":\"Refresh\"}",
        "{\"active\":true," BASE ",\"exp\":1800003600,\"typ\":\"Refresh\"}",
        "{\"active\":true," BASE ",\"exp\":1800003600,\"token_type\":7}",
        "{\"active\":true,\"client_id\":\"bi\"}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_identity identity = {.expires_at_us = 77};
        print_message("%s\n", rows[i]);
        assert_fails(RG_DENIED, introspect(rows[i], &identity));
        assert_int_equal(identity.expires_at_us, 77);
    }
    static const char *const nonsense[] = {
        "", "[]", "{}", "{\"active\":\"true\"}", "{\"active\":1}", "{\"active\":false,\"active\":true}"};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct auth_identity identity = {.expires_at_us = 77};
        assert_fails(RG_PROTOCOL, introspect(nonsense[i], &identity));
        assert_int_equal(identity.expires_at_us, 77);
    }
}

static void a_full_arena_is_an_error_and_no_login(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_tokens tokens = {.access_token = RG_SLICE("A"), .id_token = id_token("")};
    struct auth_oidc_expected expected = {.nonce = RG_SLICE("N1"), .now_us = NOW_US};
    bool has_ended = false;
    for (size_t limit = 0; !has_ended && limit < 16384; limit += 64) {
        RG_AUTO(rg_arena_done) struct rg_arena small;
        struct auth_oidc_login login = {.access_expires_us = 77};
        enum auth_verify_hint hint = AUTH_HINT_NONE;
        rg_arena_init(&small, limit);
        rg_status status = auth_oidc_tokens_judge(&client, keys.jwks, &tokens, &expected, &small, &login, &hint);
        has_ended = rg_is_ok(status);
        if (!has_ended) {
            assert_int_equal(status.error->kind, RG_LIMIT);
            assert_int_equal(login.access_expires_us, 77);
        }
    }
    assert_true(has_ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_login_is_taken_with_its_claims),
        cmocka_unit_test(the_hash_of_the_access_token_must_fit),
        cmocka_unit_test(a_token_of_another_login_is_refused),
        cmocka_unit_test(a_token_for_another_client_is_refused),
        cmocka_unit_test(the_classical_forgeries_are_refused),
        cmocka_unit_test(dates_and_issuer_must_be_right),
        cmocka_unit_test(a_refresh_stays_with_the_same_person),
        cmocka_unit_test(entra_tokens_name_their_own_tenant),
        cmocka_unit_test(a_logout_token_ends_a_session_or_a_person),
        cmocka_unit_test(what_is_no_logout_token_ends_nothing),
        cmocka_unit_test(a_logout_token_is_no_access_token),
        cmocka_unit_test(a_github_user_is_known_by_number),
        cmocka_unit_test(organizations_that_were_not_asked_for_are_none),
        cmocka_unit_test(an_active_token_for_us_is_taken),
        cmocka_unit_test(an_opaque_token_that_is_not_for_us_is_refused),
        cmocka_unit_test(a_full_arena_is_an_error_and_no_login),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
