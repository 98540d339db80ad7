/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of our own: what OpenSSL makes of them, and keys that are none. */
#include "auth/mint.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/rg_crypto.h"
#include "tests/support/auth_keys.h"
#include "tests/support/rg_test.h"

static struct rg_arena arena;

static int start(void **state)
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

static struct rg_slice pem_of(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    char *bytes = NULL;
    long size = BIO_get_mem_data(bio, &bytes);
    struct rg_slice copy = {0};
    assert_ok(rg_arena_copy(&arena, rg_slice_make(bytes, (size_t)size), &copy));
    (void)BIO_free(bio);
    return copy;
}

static EVP_PKEY *public_key(const struct auth_mint *mint)
{
    struct rg_slice pem = {0};
    assert_ok(auth_mint_public(mint, &arena, &pem));
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    (void)BIO_free(bio);
    assert_non_null(key);
    return key;
}

/* The token's signature over all before its last dot, judged by OpenSSL. */
static bool is_signed(EVP_PKEY *key, struct rg_slice token)
{
    const char *dot = memrchr(token.data, '.', token.size);
    assert_non_null(dot);
    size_t signed_size = (size_t)(dot - token.data);
    struct rg_slice signature = {0};
    assert_ok(rg_base64url_decode(rg_slice_cut(token, signed_size + 1, token.size), &arena, &signature));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
    bool is_good = EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.size,
                                    (const unsigned char *)token.data, signed_size) == 1;
    EVP_MD_CTX_free(context);
    return is_good;
}

static void test_who_has_the_public_key_can_check(void **state)
{
    (void)state;
    EVP_PKEY *key = keys_make("ED25519");
    struct auth_mint *mint = NULL;
    assert_ok(auth_mint_new(pem_of(key), &mint));
    struct rg_slice token = {0};
    assert_ok(auth_mint_sign(mint, RG_SLICE("{\"sub\":\"alice\"}"), &arena, &token));
    EVP_PKEY *shown = public_key(mint);
    assert_true(is_signed(shown, token));
    assert_int_equal(EVP_PKEY_eq(shown, key), 1);
    EVP_PKEY *other = keys_make("ED25519");
    assert_false(is_signed(other, token));
    assert_int_equal(auth_mint_kid(mint).size, 16);
    struct rg_slice header = {0};
    const char *dot = memchr(token.data, '.', token.size);
    assert_ok(rg_base64url_decode(rg_slice_make(token.data, (size_t)(dot - token.data)), &arena, &header));
    struct rg_slice expected = {0};
    assert_ok(rg_arena_printf(&arena, &expected, "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                              auth_mint_kid(mint).data));
    assert_slice(header, expected.data);
    EVP_PKEY_free(shown);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
    auth_mint_free(&mint);
    assert_null(mint);
    auth_mint_free(&mint);
}

static void test_other_keys_are_refused_without_a_trace_of_them(void **state)
{
    (void)state;
    const char *const types[] = {"RSA", "P-256"};
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = keys_make(types[i]);
        struct auth_mint *mint = NULL;
        assert_fails(RG_CONFIG, auth_mint_new(pem_of(key), &mint));
        assert_null(mint);
        EVP_PKEY_free(key);
    }
    struct auth_mint *mint = NULL;
    rg_status status =
        auth_mint_new(RG_SLICE("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"), &mint);
    assert_false(rg_is_ok(status));
    assert_null(strstr(status.error->text, "c2VjcmV0"));
    assert_fails(RG_CONFIG, auth_mint_new(RG_SLICE(""), &mint));
}

static void test_a_token_that_does_not_fit_is_none(void **state)
{
    (void)state;
    EVP_PKEY *key = keys_make("ED25519");
    struct auth_mint *mint = NULL;
    assert_ok(auth_mint_new(pem_of(key), &mint));
    struct rg_arena small;
    rg_arena_init(&small, 16);
    struct rg_slice token = RG_SLICE("untouched");
    assert_fails(RG_LIMIT, auth_mint_sign(mint, RG_SLICE("{}"), &small, &token));
    static char large[64 * 1024];
    memset(large, ' ', sizeof large);
    assert_fails(RG_LIMIT, auth_mint_sign(mint, rg_slice_make(large, sizeof large), &arena, &token));
    assert_slice(token, "untouched");
    rg_arena_done(&small);
    EVP_PKEY_free(key);
    auth_mint_free(&mint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_has_the_public_key_can_check),
        cmocka_unit_test(test_other_keys_are_refused_without_a_trace_of_them),
        cmocka_unit_test(test_a_token_that_does_not_fit_is_none),
    };
    return cmocka_run_group_tests(tests, start, end);
}
