/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 against RFC 8032's own vectors, and PEM files against everything that is no Ed25519 private key. */
#include "base/rg_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

static void unhex(const char *text, uint8_t *out_bytes)
{
    for (size_t i = 0; text[2 * i] != '\0'; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out_bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

/* RFC 8032 7.1, tests 1 to 3. */
static const struct {
    const char *seed, *public_key, *message, *signature;
} vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "027beceea1ec40a"},
};

static void agrees_with_the_vectors_of_rfc_8032(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t seed[RG_SIGN_SEED_SIZE], wanted_public[RG_SIGN_PUBLIC_SIZE], wanted[RG_SIGN_SIZE], message[8];
        uint8_t public_key[RG_SIGN_PUBLIC_SIZE], signature[RG_SIGN_SIZE];
        struct rg_slice bytes = rg_slice_make(message, strlen(vectors[i].message) / 2);
        unhex(vectors[i].seed, seed);
        unhex(vectors[i].public_key, wanted_public);
        unhex(vectors[i].message, message);
        unhex(vectors[i].signature, wanted);
        assert_ok(rg_sign_public(seed, public_key));
        assert_memory_equal(public_key, wanted_public, sizeof public_key);
        assert_ok(rg_sign(seed, bytes, signature));
        assert_memory_equal(signature, wanted, sizeof signature);
        assert_true(rg_sign_is_valid(public_key, bytes, signature));
    }
}

static void every_flipped_bit_of_a_signature_or_key_is_noticed(void **state)
{
    (void)state;
    uint8_t seed[RG_SIGN_SEED_SIZE] = {1}, public_key[RG_SIGN_PUBLIC_SIZE], signature[RG_SIGN_SIZE];
    struct rg_slice bytes = RG_SLICE("what is signed");
    assert_ok(rg_sign_public(seed, public_key));
    assert_ok(rg_sign(seed, bytes, signature));
    assert_false(rg_sign_is_valid(public_key, RG_SLICE("what is signeD"), signature));
    assert_false(rg_sign_is_valid(public_key, (struct rg_slice){NULL, 0}, signature));
    for (size_t bit = 0; bit < (size_t)8 * RG_SIGN_SIZE; bit++) {
        signature[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(rg_sign_is_valid(public_key, bytes, signature));
        signature[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t bit = 0; bit < (size_t)8 * RG_SIGN_PUBLIC_SIZE; bit++) {
        public_key[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(rg_sign_is_valid(public_key, bytes, signature));
        public_key[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(rg_sign_is_valid(public_key, bytes, signature));
}

static void a_private_key_survives_its_pem(void **state)
{
    (void)state;
    uint8_t seed[RG_SIGN_SEED_SIZE], again[RG_SIGN_SEED_SIZE];
    struct rg_secret *pem = NULL;
    unhex(vectors[0].seed, seed);
    assert_ok(rg_sign_pem_encode(seed, &pem));
    assert_true(rg_slice_has_prefix(rg_secret_slice(pem), RG_SLICE("-----BEGIN PRIVATE KEY-----\n")));
    assert_ok(rg_sign_pem_parse(rg_secret_slice(pem), again));
    assert_memory_equal(again, seed, sizeof seed);
    struct rg_slice text = rg_secret_slice(pem); /* RFC 8410: the same bytes as anybody's */
    assert_non_null(strstr(text.data, "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"));
    rg_secret_free(&pem);
}

/* A cut one, an X25519 key, a public key; an encrypted one is made in the test. */
static const char *const not_keys[] = {
    "",
    "nonsense",
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n-----END PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n",
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n",
};

static void refuses_what_is_no_ed25519_private_key(void **state)
{
    (void)state;
    uint8_t seed[RG_SIGN_SEED_SIZE], untouched[RG_SIGN_SEED_SIZE];
    memset(seed, 0x5a, sizeof seed);
    memset(untouched, 0x5a, sizeof untouched);
    for (size_t i = 0; i < sizeof not_keys / sizeof not_keys[0]; i++) {
        assert_fails(RG_CONFIG, rg_sign_pem_parse(rg_slice_of(not_keys[i]), seed));
        assert_memory_equal(seed, untouched, sizeof seed);
    }
    assert_fails(RG_CONFIG, rg_sign_pem_parse((struct rg_slice){NULL, 0}, seed));
    assert_fails(RG_CONFIG, rg_sign_pem_parse(rg_slice_make(not_keys[0], RG_SECRET_MAX_BYTES + 1), seed));
    char path[] = "/tmp/rg-sign-XXXXXX";
    (void)close(mkstemp(path));
    char command[256];
    (void)snprintf(command, sizeof command, "openssl genpkey -algorithm ed25519 -aes128 -pass pass:x -out %s", path);
    assert_int_equal(system(command), 0);
    struct rg_secret *pem = NULL;
    assert_ok(rg_secret_load_file(rg_slice_of(path), (struct rg_slice){NULL, 0}, &pem));
    rg_status status = rg_sign_pem_parse(rg_secret_slice(pem), seed); /* and does not ask on the terminal */
    assert_false(rg_is_ok(status));
    assert_string_equal(status.error->text, "is an encrypted private key");
    assert_memory_equal(seed, untouched, sizeof seed);
    rg_secret_free(&pem);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_vectors_of_rfc_8032),
        cmocka_unit_test(every_flipped_bit_of_a_signature_or_key_is_noticed),
        cmocka_unit_test(a_private_key_survives_its_pem),
        cmocka_unit_test(refuses_what_is_no_ed25519_private_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
