/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM-SHA-256: the example of RFC 7677 3, and everything a client may get wrong. */
#include "auth/scram.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST "n,,n=user,r=" CLIENT_NONCE
#define FINAL "c=biws,r=" CLIENT_NONCE SERVER_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SALT "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81"

static struct rg_arena arena;
static struct auth_scram_mock mock;
static struct auth_scram_verifier pencil;

static int start(void **state)
{
    (void)state;
    rg_arena_init(&arena, (size_t)4 << 20);
    auth_scram_mock_init(&mock, AUTH_SCRAM_DEFAULT_ITERATIONS);
    struct rg_slice text = {0};
    assert_ok(auth_scram_verifier_make(RG_SLICE("pencil"), RG_SLICE(SALT), 4096, &arena, &text));
    assert_ok(auth_scram_verifier_parse(text, &arena, &pencil));
    return 0;
}

static int end(void **state)
{
    (void)state;
    auth_scram_verifier_done(&pencil);
    rg_arena_done(&arena);
    return 0;
}

/* An exchange in which our nonce is the RFC's. */
static void begin(struct auth_scram_exchange *exchange, const struct auth_scram_verifier *verifier)
{
    auth_scram_start(exchange, verifier, &mock, RG_SLICE("user"));
    memcpy(exchange->server_nonce, SERVER_NONCE, sizeof SERVER_NONCE - 1);
    exchange->server_nonce_size = sizeof SERVER_NONCE - 1;
}

static void follows_the_example_of_rfc_7677(void **state)
{
    (void)state;
    RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
    struct rg_slice answer = {0};
    begin(&exchange, &pencil);
    assert_ok(auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
    assert_slice(answer, "r=" CLIENT_NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    assert_ok(auth_scram_final(&exchange, RG_SLICE(FINAL), &arena, &answer));
    assert_slice(answer, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_int_equal(exchange.state, AUTH_SCRAM_VERIFIED);
    assert_fails(RG_PROTOCOL, auth_scram_final(&exchange, RG_SLICE(FINAL), &arena, &answer));
    assert_int_equal(exchange.state, AUTH_SCRAM_DEAD);
}

/* What a real client computes for a password, after the server's first message. */
static struct rg_slice client_final(const char *password, const char *gs2_base64, struct rg_slice client_first_bare,
                                    struct rg_slice server_first)
{
    struct rg_slice nonce = rg_slice_cut(server_first, 2, SIZE_MAX);
    nonce.size = (size_t)((const char *)memchr(nonce.data, ',', nonce.size) - nonce.data);
    const char *salt_at = strstr(server_first.data, ",s=") + 3;
    struct rg_slice salt = {salt_at, (size_t)(strchr(salt_at, ',') - salt_at)};
    assert_ok(rg_base64_decode(salt, &arena, &salt));
    struct rg_digest salted;
    assert_ok(rg_pbkdf2_sha256(rg_slice_of(password), salt, 4096, &salted));
    struct rg_digest key = rg_hmac_sha256(rg_slice_make(salted.bytes, 32), RG_SLICE("Client Key"));
    struct rg_digest stored = rg_sha256_one(rg_slice_make(key.bytes, 32));
    struct rg_slice without = {0};
    struct rg_slice message = {0};
    assert_ok(rg_arena_printf(&arena, &without, "c=%s,r=%.*s", gs2_base64, RG_SLICE_ARGS(nonce)));
    assert_ok(rg_arena_printf(&arena, &message, "%.*s,%.*s,%s", RG_SLICE_ARGS(client_first_bare),
                              RG_SLICE_ARGS(server_first), without.data));
    struct rg_digest signature = rg_hmac_sha256(rg_slice_make(stored.bytes, 32), message);
    for (size_t i = 0; i < 32; i++) {
        key.bytes[i] ^= signature.bytes[i];
    }
    struct rg_slice proof = {0};
    assert_ok(rg_base64_encode(rg_slice_make(key.bytes, 32), &arena, &proof));
    assert_ok(rg_arena_printf(&arena, &message, "%s,p=%s", without.data, proof.data));
    return message;
}

/* The whole exchange with a password; the kind of the end's failure, or RG_KIND_COUNT for success. */
static enum rg_kind log_in(const struct auth_scram_verifier *verifier, const char *password, char *out_text,
                           size_t text_size)
{
    RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
    struct rg_slice answer = {0};
    auth_scram_start(&exchange, verifier, &mock, RG_SLICE("user"));
    assert_ok(auth_scram_first(&exchange, RG_SLICE("y,,n=,r=abc"), &arena, &answer));
    struct rg_slice final = client_final(password, "eSws", RG_SLICE("n=,r=abc"), answer);
    rg_status status = auth_scram_final(&exchange, final, &arena, &answer);
    (void)snprintf(out_text, text_size, "%s", rg_is_ok(status) ? "" : status.error->text);
    assert_int_equal(exchange.state, rg_is_ok(status) ? AUTH_SCRAM_VERIFIED : AUTH_SCRAM_DEAD);
    return rg_is_ok(status) ? RG_KIND_COUNT : status.error->kind;
}

static void accepts_only_the_right_password(void **state)
{
    (void)state;
    char text[512];
    assert_int_equal(log_in(&pencil, "pencil", text, sizeof text), RG_KIND_COUNT);
    assert_int_equal(log_in(&pencil, "pencil ", text, sizeof text), RG_DENIED);
    assert_int_equal(log_in(&pencil, "Pencil", text, sizeof text), RG_DENIED);
    assert_int_equal(log_in(&pencil, "", text, sizeof text), RG_DENIED);
}

static void an_unknown_account_looks_like_a_wrong_password(void **state)
{
    (void)state;
    char wrong[512];
    char unknown[512];
    assert_int_equal(log_in(&pencil, "guess", wrong, sizeof wrong), RG_DENIED);
    assert_int_equal(log_in(NULL, "guess", unknown, sizeof unknown), RG_DENIED);
    assert_string_equal(wrong, unknown);
}

static const char *salt_of(const char *user_name, const struct auth_scram_mock *by)
{
    static char text[512];
    RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
    struct rg_slice answer = {0};
    auth_scram_start(&exchange, NULL, by, rg_slice_of(user_name));
    assert_ok(auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
    (void)snprintf(text, sizeof text, "%s", strstr(answer.data, ",s="));
    return text;
}

static void the_mock_salt_is_stable_for_a_name_and_secret(void **state)
{
    (void)state;
    char first[512];
    struct auth_scram_mock other;
    auth_scram_mock_init(&other, AUTH_SCRAM_DEFAULT_ITERATIONS);
    (void)snprintf(first, sizeof first, "%s", salt_of("mallory", &mock));
    assert_string_equal(first, salt_of("mallory", &mock));
    assert_string_not_equal(first, salt_of("mallori", &mock));
    assert_string_not_equal(first, salt_of("mallory", &other));
    assert_int_equal(strlen(first), strlen(",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
}

static void a_doomed_exchange_fails_even_with_a_proof_that_fits(void **state)
{
    (void)state;
    RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
    struct rg_slice answer = {0};
    begin(&exchange, NULL);
    exchange.verifier = pencil;
    assert_ok(auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
    assert_fails(RG_DENIED, auth_scram_final(&exchange, RG_SLICE(FINAL), &arena, &answer));
}

static void each_exchange_draws_its_own_nonce(void **state)
{
    (void)state;
    static struct auth_scram_exchange a;
    static struct auth_scram_exchange b;
    static const struct auth_scram_exchange zero;
    auth_scram_start(&a, &pencil, &mock, RG_SLICE("user"));
    auth_scram_start(&b, &pencil, &mock, RG_SLICE("user"));
    assert_int_equal(a.server_nonce_size, AUTH_SCRAM_NONCE_SIZE);
    assert_memory_not_equal(a.server_nonce, b.server_nonce, AUTH_SCRAM_NONCE_SIZE);
    auth_scram_done(&a);
    auth_scram_done(&b);
    assert_memory_equal(&a, &zero, sizeof a);
}

static void refuses_wrong_first_messages(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        enum rg_kind kind;
    } rows[] = {
        {"", RG_PROTOCOL},
        {"n", RG_PROTOCOL},
        {"n,", RG_PROTOCOL},
        {"n,,", RG_PROTOCOL},
        {"x,,n=user,r=abc", RG_PROTOCOL},
        {"n=,n=user,r=abc", RG_PROTOCOL},
        {"p=tls-server-end-point,,n=user,r=abc", RG_DENIED},
        {"n,a=admin,n=user,r=abc", RG_DENIED},
        {"n,,m=x,n=user,r=abc", RG_DENIED},
        {"n,,r=abc", RG_PROTOCOL},
        {"n,,n=user", RG_PROTOCOL},
        {"n,,n=user,", RG_PROTOCOL},
        {"n,,n=user,r=", RG_PROTOCOL},
        {"n,,n=user,r=a b", RG_PROTOCOL},
        {"n,,n=user,r=a\x7f", RG_PROTOCOL},
        {"n,,n=user,r=a\xc3\xa9", RG_PROTOCOL},
        {"n,,user,r=abc", RG_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
        struct rg_slice answer = RG_SLICE("before");
        begin(&exchange, &pencil);
        rg_status status = auth_scram_first(&exchange, rg_slice_of(rows[i].message), &arena, &answer);
        if (rg_is_ok(status) || status.error->kind != rows[i].kind) {
            fail_msg("\"%s\" is not refused rightly", rows[i].message);
        }
        assert_slice(answer, "before");
        assert_int_equal(exchange.state, AUTH_SCRAM_DEAD);
        assert_fails(RG_PROTOCOL, auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
    }
}

static void refuses_long_messages_and_zero_bytes(void **state)
{
    (void)state;
    static char text[AUTH_SCRAM_MAX_MESSAGE + 1];
    memset(text, 'a', sizeof text);
    memcpy(text, "n,,n=,r=", 8);
    const struct rg_slice rows[] = {
        {text, sizeof text}, {text, 8 + AUTH_SCRAM_MAX_NONCE + 1}, {"n,,n=us\0er,r=abc", 16}, {0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
        struct rg_slice answer = {0};
        begin(&exchange, &pencil);
        assert_fails(RG_PROTOCOL, auth_scram_first(&exchange, rows[i], &arena, &answer));
    }
    RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
    struct rg_slice answer = {0};
    begin(&exchange, &pencil);
    assert_ok(auth_scram_first(&exchange, (struct rg_slice){text, 8 + AUTH_SCRAM_MAX_NONCE}, &arena, &answer));
}

static void refuses_wrong_final_messages(void **state)
{
    (void)state;
#define NONCE CLIENT_NONCE SERVER_NONCE
#define PROOF ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    static const struct {
        const char *message;
        enum rg_kind kind;
    } rows[] = {
        {"", RG_PROTOCOL},
        {"c=biws", RG_PROTOCOL},
        {"c=biws,r=" NONCE, RG_PROTOCOL},
        {"c=eSws,r=" NONCE PROOF, RG_DENIED},
        {"c=,r=" NONCE PROOF, RG_DENIED},
        {"c=biws,r=" CLIENT_NONCE PROOF, RG_PROTOCOL},
        {"c=biws,r=" SERVER_NONCE PROOF, RG_PROTOCOL},
        {"c=biws,r=" NONCE "x" PROOF, RG_PROTOCOL},
        {"r=" NONCE ",c=biws" PROOF, RG_PROTOCOL},
        {"c=biws,r=" NONCE ",p=", RG_PROTOCOL},
        {"c=biws,r=" NONCE ",p=AAAA", RG_PROTOCOL},
        {"c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ", RG_PROTOCOL},
        {"c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=", RG_PROTOCOL},
        {"c=biws,r=" NONCE PROOF ",x=y", RG_PROTOCOL},
        {"c=biws,r=" NONCE ",x=y" PROOF, RG_DENIED},
        {"c=biws,r=" NONCE ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", RG_DENIED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
        struct rg_slice answer = {0};
        begin(&exchange, &pencil);
        assert_ok(auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
        answer = RG_SLICE("before");
        rg_status status = auth_scram_final(&exchange, rg_slice_of(rows[i].message), &arena, &answer);
        if (rg_is_ok(status) || status.error->kind != rows[i].kind) {
            fail_msg("\"%s\" is not refused rightly", rows[i].message);
        }
        assert_slice(answer, "before");
        assert_fails(RG_PROTOCOL, auth_scram_final(&exchange, RG_SLICE(FINAL), &arena, &answer));
    }
}

static void refuses_messages_out_of_turn(void **state)
{
    (void)state;
    struct auth_scram_exchange exchange = {0};
    struct rg_slice answer = {0};
    assert_fails(RG_PROTOCOL, auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
    assert_fails(RG_PROTOCOL, auth_scram_final(&exchange, RG_SLICE(FINAL), &arena, &answer));
    begin(&exchange, &pencil);
    assert_fails(RG_PROTOCOL, auth_scram_final(&exchange, RG_SLICE(FINAL), &arena, &answer));
    begin(&exchange, &pencil);
    assert_ok(auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
    assert_fails(RG_PROTOCOL, auth_scram_first(&exchange, RG_SLICE(FIRST), &arena, &answer));
    assert_fails(RG_PROTOCOL, auth_scram_final(&exchange, RG_SLICE(FINAL), &arena, &answer));
    auth_scram_done(&exchange);
}

static void a_full_arena_kills_the_exchange(void **state)
{
    (void)state;
    struct rg_arena none = {0};
    struct auth_scram_exchange exchange;
    struct rg_slice answer = {0};
    begin(&exchange, &pencil);
    assert_fails(RG_LIMIT, auth_scram_first(&exchange, RG_SLICE(FIRST), &none, &answer));
    assert_int_equal(exchange.state, AUTH_SCRAM_DEAD);
    auth_scram_done(&exchange);
}

static void refuses_malformed_verifiers(void **state)
{
    (void)state;
#define KEYS "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define SALT_TEXT "W22ZaJ0SNY7soEsUEjb6gQ=="
    struct auth_scram_verifier verifier = {.iterations = 9};
    assert_ok(auth_scram_verifier_parse(RG_SLICE("SCRAM-SHA-256$4096:" SALT_TEXT "$" KEYS), &arena, &verifier));
    assert_memory_equal(&verifier, &pencil, sizeof pencil);
    static const char *const rows[] = {
        "",
        "pencil",
        "md5a3556571e93b0d20722ba62be61e8c2d",
        "scram-sha-256$4096:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-1$4096:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-256$:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-256$4095:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-256$1000001:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-256$99999999999:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-256$04096:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-256$+4096:" SALT_TEXT "$" KEYS,
        "SCRAM-SHA-256$4096:AAAA$" KEYS,
        "SCRAM-SHA-256$4096:$" KEYS,
        "SCRAM-SHA-256$4096:" SALT_TEXT "$" KEYS " ",
        "SCRAM-SHA-256$4096:" SALT_TEXT "$" KEYS ":",
        "SCRAM-SHA-256$4096:" SALT_TEXT "$AAAA:AAAA",
        "SCRAM-SHA-256$4096:" SALT_TEXT "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
        "SCRAM-SHA-256$4096:" SALT_TEXT,
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rg_status status = auth_scram_verifier_parse(rg_slice_of(rows[i]), &arena, &verifier);
        assert_fails(RG_CONFIG, status);
        assert_null(strstr(status.error->text, "WG5d"));
        assert_memory_equal(&verifier, &pencil, sizeof pencil);
    }
}

static void refuses_to_make_verifiers_that_clients_could_not_match(void **state)
{
    (void)state;
    struct rg_slice text = RG_SLICE("before");
    static char long_password[1025];
    memset(long_password, 'x', sizeof long_password);
    const struct rg_slice passwords[] = {
        RG_SLICE(""), RG_SLICE("caf\xc3\xa9"), RG_SLICE("a\tb"), {"a\0b", 3}, {long_password, sizeof long_password}};
    for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
        assert_fails(RG_CONFIG, auth_scram_verifier_make(passwords[i], RG_SLICE(SALT), 4096, &arena, &text));
    }
    assert_fails(RG_CONFIG, auth_scram_verifier_make(RG_SLICE("x"), RG_SLICE("short"), 4096, &arena, &text));
    assert_fails(RG_CONFIG, auth_scram_verifier_make(RG_SLICE("x"), RG_SLICE(SALT), 0, &arena, &text));
    assert_fails(RG_CONFIG, auth_scram_verifier_make(RG_SLICE("x"), RG_SLICE(SALT), 4095, &arena, &text));
    assert_slice(text, "before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_example_of_rfc_7677),
        cmocka_unit_test(accepts_only_the_right_password),
        cmocka_unit_test(an_unknown_account_looks_like_a_wrong_password),
        cmocka_unit_test(the_mock_salt_is_stable_for_a_name_and_secret),
        cmocka_unit_test(a_doomed_exchange_fails_even_with_a_proof_that_fits),
        cmocka_unit_test(each_exchange_draws_its_own_nonce),
        cmocka_unit_test(refuses_wrong_first_messages),
        cmocka_unit_test(refuses_long_messages_and_zero_bytes),
        cmocka_unit_test(refuses_wrong_final_messages),
        cmocka_unit_test(refuses_messages_out_of_turn),
        cmocka_unit_test(a_full_arena_kills_the_exchange),
        cmocka_unit_test(refuses_malformed_verifiers),
        cmocka_unit_test(refuses_to_make_verifiers_that_clients_could_not_match),
    };
    return cmocka_run_group_tests(tests, start, end);
}
