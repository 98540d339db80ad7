/* SPDX-License-Identifier: Apache-2.0 */
/* What the relying party sends, and how it reads what comes back before anything is verified. */
#include "tests/support/oidc_world.h"

#include "auth/form.h"

static struct rg_arena arena;

static int begin(void **state)
{
    (void)state;
    rg_arena_init(&arena, (size_t)1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rg_arena_done(&arena);
    return 0;
}

/* ---- discovery ---- */

#define DOCUMENT(issuer, more)                                                                                         \
    "{\"issuer\":\"" issuer "\",\"authorization_endpoint\":\"https://login.example.com/a\","                           \
    "\"token_endpoint\":\"https://login.example.com/t\"" more "}"

static void a_discovery_document_gives_the_endpoints(void **state)
{
    (void)state;
    struct auth_trust trust = trust_of_tests();
    struct auth_oidc_endpoints found = {0};
    assert_ok(auth_oidc_discovery_parse(
        &trust,
        RG_SLICE(DOCUMENT(ISSUER, ",\"end_session_endpoint\":\"https://login.example.com/e\","
                                  "\"introspection_endpoint\":\"https://login.example.com/i\","
                                  "\"authorization_response_iss_parameter_supported\":true,"
                                  "\"code_challenge_methods_supported\":[\"plain\",\"S256\"],"
                                  "\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]")),
        &arena, &found));
    assert_slice(found.authorization, "https://login.example.com/a");
    assert_slice(found.token, "https://login.example.com/t");
    assert_slice(found.end_session, "https://login.example.com/e");
    assert_slice(found.introspection, "https://login.example.com/i");
    assert_true(found.sends_issuer && found.wants_post);
    assert_ok(auth_oidc_discovery_parse(&trust, RG_SLICE(DOCUMENT(ISSUER, "")), &arena, &found));
    assert_int_equal(found.end_session.size, 0);
    assert_true(!found.sends_issuer && !found.wants_post);
}

static void a_discovery_document_of_somebody_else_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "[]",
        "null",
        "{}",
        DOCUMENT(ISSUER "/", ""),
        DOCUMENT("https://LOGIN.example.com/realms/bi", ""),
        DOCUMENT("https://evil.example", ""),
        DOCUMENT(ISSUER, ",\"issuer\":\"" ISSUER "\""),
        DOCUMENT(ISSUER, ",\"code_challenge_methods_supported\":[\"plain\"]"),
        DOCUMENT(ISSUER, ",\"code_challenge_methods_supported\":\"S256\""),
        DOCUMENT(ISSUER, ",\"end_session_endpoint\":\"http://login.example.com/e\""),
        DOCUMENT(ISSUER, ",\"end_session_endpoint\":\"javascript:alert(1)\""),
        DOCUMENT(ISSUER, ",\"end_session_endpoint\":7"),
        DOCUMENT(ISSUER, ",\"introspection_endpoint\":\"https://a b\""),
        DOCUMENT(ISSUER, ",\"introspection_endpoint\":\"https://a\\r\\nX: y\""),
        DOCUMENT(ISSUER, ",\"introspection_endpoint\":\"https:///x\""),
        DOCUMENT(ISSUER, ",\"introspection_endpoint\":\"https://a/#f\""),
        "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://a/t\"}",
        "{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"https://a/t\"}",
    };
    struct auth_trust trust = trust_of_tests();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_oidc_endpoints found = {.token = RG_SLICE("before")};
        print_message("%s\n", rows[i]);
        assert_fails(RG_PROTOCOL, auth_oidc_discovery_parse(&trust, rg_slice_of(rows[i]), &arena, &found));
        assert_slice(found.token, "before");
    }
    struct auth_trust nobody = {0};
    struct auth_oidc_endpoints found = {0};
    assert_fails(RG_PROTOCOL, auth_oidc_discovery_parse(&nobody, RG_SLICE(DOCUMENT("", "")), &arena, &found));
}

static void entra_writes_its_template_into_the_document(void **state)
{
    (void)state;
    struct auth_trust trust = trust_of_tests();
    struct auth_oidc_endpoints found = {0};
    trust.issuer = RG_SLICE("https://login.microsoftonline.com/organizations/v2.0");
    trust.issuer_template = RG_SLICE("https://login.microsoftonline.com/{tid}/v2.0");
    assert_ok(auth_oidc_discovery_parse(
        &trust, RG_SLICE(DOCUMENT("https://login.microsoftonline.com/{tenantid}/v2.0", "")), &arena, &found));
    assert_fails(RG_PROTOCOL, auth_oidc_discovery_parse(
                                  &trust, RG_SLICE(DOCUMENT("https://login.microsoftonline.com/{tenantid}/v1.0", "")),
                                  &arena, &found));
    assert_fails(RG_PROTOCOL,
                 auth_oidc_discovery_parse(&trust, RG_SLICE(DOCUMENT("https://evil.example/{tenantid}/v2.0", "")),
                                           &arena, &found));
}

/* ---- the way there ---- */

static struct auth_oidc_request request_of_tests(void)
{
    return (struct auth_oidc_request){.redirect_uri = RG_SLICE("https://bi.example.com/.rowgate/oidc/main/callback"),
                                      .state = RG_SLICE("STATE"),
                                      .nonce = RG_SLICE("NONCE"),
                                      .verifier = RG_SLICE("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")};
}

static void the_authorization_url_has_all_and_no_secret(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_endpoints endpoints = endpoints_of_tests();
    struct auth_oidc_request request = request_of_tests();
    struct rg_slice url = {0};
    assert_ok(auth_oidc_authorization_url(&client, &endpoints, &request, &arena, &url));
    /* the challenge is that of RFC 7636 appendix B */
    assert_slice(url, "https://login.example.com/auth?response_type=code&client_id=bi&redirect_uri=https%3A%2F%2F"
                      "bi.example.com%2F.rowgate%2Foidc%2Fmain%2Fcallback&scope=openid%20email&state=STATE&nonce=NONCE&"
                      "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
    request.prompt = RG_SLICE("none");
    request.login_hint = RG_SLICE("a&prompt=x");
    endpoints.authorization = RG_SLICE("https://login.example.com/auth?tenant=7");
    assert_ok(auth_oidc_authorization_url(&client, &endpoints, &request, &arena, &url));
    assert_true(rg_slice_has_prefix(url, RG_SLICE("https://login.example.com/auth?tenant=7&response_type=code&")));
    assert_non_null(strstr(url.data, "&prompt=none&login_hint=a%26prompt%3Dx"));
    client.is_plain_oauth = true;
    assert_ok(auth_oidc_authorization_url(&client, &endpoints, &request, &arena, &url));
    assert_null(strstr(url.data, "nonce"));
}

static void a_login_without_its_protections_is_not_begun(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_endpoints endpoints = endpoints_of_tests();
    for (size_t i = 0; i < 4; i++) {
        struct auth_oidc_request request = request_of_tests();
        struct rg_slice *members[] = {&request.redirect_uri, &request.state, &request.nonce, &request.verifier};
        struct rg_slice url = RG_SLICE("before");
        *members[i] = (struct rg_slice){0};
        assert_fails(RG_INTERNAL, auth_oidc_authorization_url(&client, &endpoints, &request, &arena, &url));
        assert_slice(url, "before");
    }
}

static void secrets_are_never_the_same(void **state)
{
    (void)state;
    char a[AUTH_OIDC_SECRET_SIZE];
    char b[AUTH_OIDC_SECRET_SIZE];
    auth_oidc_secret_new(a);
    auth_oidc_secret_new(b);
    assert_int_equal(strlen(a), 43);
    assert_string_not_equal(a, b);
}

static void the_logout_url_names_the_session_and_the_way_home(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_endpoints endpoints = endpoints_of_tests();
    struct rg_slice url = {0};
    assert_ok(auth_oidc_logout_url(&client, &endpoints, RG_SLICE("e.y.j"), RG_SLICE("https://bi/x"),
                                   (struct rg_slice){0}, &arena, &url));
    assert_slice(url, "https://login.example.com/logout?x=1&client_id=bi&id_token_hint=e.y.j&"
                      "post_logout_redirect_uri=https%3A%2F%2Fbi%2Fx");
    endpoints.end_session = (struct rg_slice){0};
    assert_ok(auth_oidc_logout_url(&client, &endpoints, RG_SLICE("e.y.j"), RG_SLICE("https://bi/x"),
                                   (struct rg_slice){0}, &arena, &url));
    assert_int_equal(url.size, 0);
}

/* ---- the way back ---- */

static rg_status judge_query(const char *query, bool sends_issuer)
{
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_endpoints endpoints = endpoints_of_tests();
    struct auth_oidc_callback callback = {0};
    endpoints.sends_issuer = sends_issuer;
    assert_ok(auth_oidc_callback_parse(rg_slice_of(query), &arena, &callback));
    assert_slice(callback.state, "S");
    return auth_oidc_callback_judge(&client, &endpoints, &callback);
}

static void a_code_from_the_provider_that_was_asked_is_taken(void **state)
{
    (void)state;
    const char *const iss = "iss=https%3A%2F%2Flogin.example.com%2Frealms%2Fbi";
    struct rg_slice query = {0};
    assert_ok(rg_arena_printf(&arena, &query, "code=C&state=S&%s", iss));
    assert_ok(judge_query(query.data, true));
    assert_ok(judge_query(query.data, false));
    assert_ok(judge_query("state=S&code=C", false));
}

static void an_answer_of_another_provider_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "state=S&code=C&iss=https://evil.example",
        "state=S&code=C&iss=",
        "state=S&error=access_denied&iss=https://evil.example",
        "state=S&code=C&iss=https://login.example.com/realms/bi/",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rg_status status = judge_query(rows[i], false);
        assert_fails(RG_DENIED, status);
        assert_non_null(strstr(status.error->text, "not from the provider"));
    }
    /* RFC 9207 2.4: it says that it always sends iss, and does not */
    assert_fails(RG_DENIED, judge_query("state=S&code=C", true));
}

static void errors_are_shown_only_when_they_are_registered_ones(void **state)
{
    (void)state;
    rg_status status = judge_query("state=S&error=access_denied&error_description=<script>", false);
    assert_fails(RG_DENIED, status);
    assert_string_equal(status.error->text, "the provider refuses: access_denied");
    status = judge_query("state=S&error=%3Cscript%3E&code=C", false);
    assert_fails(RG_DENIED, status);
    assert_string_equal(status.error->text, "the provider refuses: an error");
    assert_fails(RG_DENIED, judge_query("state=S", false));
    assert_fails(RG_DENIED, judge_query("state=S&code=", false));
}

static void doubled_and_missing_parameters_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "code=C",
                                       "state=&code=C",
                                       "state=S&state=S&code=C",
                                       "state=S&code=C&code=D",
                                       "state=S&code=%",
                                       "state=S&code=%00"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_oidc_callback callback = {.code = RG_SLICE("before")};
        assert_fails(RG_PROTOCOL, auth_oidc_callback_parse(rg_slice_of(rows[i]), &arena, &callback));
        assert_slice(callback.code, "before");
    }
}

/* ---- the token endpoint ---- */

static void the_secret_stands_in_the_form_only_where_the_header_is_not_understood(void **state)
{
    (void)state;
    struct auth_oidc_client client = client_of_tests();
    struct auth_oidc_endpoints endpoints = endpoints_of_tests();
    RG_AUTO(rg_buf_done) struct rg_buf form;
    rg_buf_init(&form, 4096);
    assert_ok(auth_oidc_code_form(&client, &endpoints, RG_SLICE("C"), RG_SLICE("https://r"), RG_SLICE("V"), &form));
    assert_slice(rg_buf_slice(&form),
                 "grant_type=authorization_code&code=C&redirect_uri=https%3A%2F%2Fr&code_verifier=V");
    endpoints.wants_post = true;
    rg_buf_clear(&form);
    assert_ok(auth_oidc_refresh_form(&client, &endpoints, RG_SLICE("R"), &form));
    assert_slice(rg_buf_slice(&form), "grant_type=refresh_token&refresh_token=R&client_id=bi&client_secret=s3%20cret");
    client.client_secret = (struct rg_slice){0};
    endpoints.wants_post = false;
    rg_buf_clear(&form);
    assert_ok(auth_oidc_refresh_form(&client, &endpoints, RG_SLICE("R"), &form));
    assert_slice(rg_buf_slice(&form), "grant_type=refresh_token&refresh_token=R&client_id=bi");
}

static void a_token_response_is_read(void **state)
{
    (void)state;
    struct auth_oidc_tokens tokens = {0};
    assert_ok(auth_oidc_tokens_parse(
        200,
        RG_SLICE("{\"access_token\":\"A\",\"token_type\":\"BEARER\",\"expires_in\":60,\"id_token\":\"I\","
                 "\"refresh_token\":\"R\",\"scope\":\"openid\"}"),
        &arena, &tokens));
    assert_slice(tokens.access_token, "A");
    assert_slice(tokens.id_token, "I");
    assert_slice(tokens.refresh_token, "R");
    assert_int_equal(tokens.expires_in_us, 60000000);
    assert_ok(auth_oidc_tokens_parse(
        200, RG_SLICE("{\"access_token\":\"A\",\"token_type\":\"bearer\",\"expires_in\":-5,\"refresh_token\":null}"),
        &arena, &tokens));
    assert_int_equal(tokens.expires_in_us, 0);
    assert_int_equal(tokens.refresh_token.size, 0);
}

static void refusals_and_nonsense_of_the_token_endpoint_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *json;
        enum rg_kind kind;
    } rows[] = {
        {400, "{\"error\":\"invalid_grant\"}", RG_DENIED},
        {401, "nonsense", RG_DENIED},
        {200, "{\"error\":\"bad_verification_code\"}", RG_DENIED},
        {200, "{\"error\":\"x\",\"access_token\":\"A\",\"token_type\":\"bearer\"}", RG_DENIED},
        {400, "{\"access_token\":\"A\",\"token_type\":\"bearer\"}", RG_DENIED},
        {302, "{\"access_token\":\"A\",\"token_type\":\"bearer\"}", RG_UPSTREAM},
        {500, "{\"error\":\"invalid_grant\"}", RG_UPSTREAM},
        {201, "{\"access_token\":\"A\",\"token_type\":\"bearer\"}", RG_UPSTREAM},
        {200, "", RG_PROTOCOL},
        {200, "[]", RG_PROTOCOL},
        {200, "{}", RG_PROTOCOL},
        {200, "{\"access_token\":\"A\"}", RG_PROTOCOL},
        {200, "{\"access_token\":\"A\",\"token_type\":\"mac\"}", RG_PROTOCOL},
        {200, "{\"access_token\":\"\",\"token_type\":\"bearer\"}", RG_PROTOCOL},
        {200, "{\"access_token\":7,\"token_type\":\"bearer\"}", RG_PROTOCOL},
        {200, "{\"access_token\":\"A\",\"access_token\":\"B\",\"token_type\":\"bearer\"}", RG_PROTOCOL},
        {200, "{\"access_token\":\"A\\u0000B\",\"token_type\":\"bearer\"}", RG_PROTOCOL},
        {200, "access_token=A&token_type=bearer", RG_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct auth_oidc_tokens tokens = {.id_token = RG_SLICE("before")};
        print_message("%ld %s\n", rows[i].status, rows[i].json);
        assert_fails(rows[i].kind, auth_oidc_tokens_parse(rows[i].status, rg_slice_of(rows[i].json), &arena, &tokens));
        assert_slice(tokens.id_token, "before");
    }
    char *large = NULL;
    assert_ok(rg_arena_alloc(&arena, AUTH_OIDC_MAX_ANSWER + 1, (void **)&large));
    memset(large, ' ', AUTH_OIDC_MAX_ANSWER + 1);
    struct auth_oidc_tokens tokens = {0};
    assert_fails(RG_PROTOCOL,
                 auth_oidc_tokens_parse(200, (struct rg_slice){large, AUTH_OIDC_MAX_ANSWER + 1}, &arena, &tokens));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_discovery_document_gives_the_endpoints, begin, end),
        cmocka_unit_test_setup_teardown(a_discovery_document_of_somebody_else_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(entra_writes_its_template_into_the_document, begin, end),
        cmocka_unit_test_setup_teardown(the_authorization_url_has_all_and_no_secret, begin, end),
        cmocka_unit_test_setup_teardown(a_login_without_its_protections_is_not_begun, begin, end),
        cmocka_unit_test_setup_teardown(secrets_are_never_the_same, begin, end),
        cmocka_unit_test_setup_teardown(the_logout_url_names_the_session_and_the_way_home, begin, end),
        cmocka_unit_test_setup_teardown(a_code_from_the_provider_that_was_asked_is_taken, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_of_another_provider_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(errors_are_shown_only_when_they_are_registered_ones, begin, end),
        cmocka_unit_test_setup_teardown(doubled_and_missing_parameters_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(the_secret_stands_in_the_form_only_where_the_header_is_not_understood, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_token_response_is_read, begin, end),
        cmocka_unit_test_setup_teardown(refusals_and_nonsense_of_the_token_endpoint_are_told_apart, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
