/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rg_crypto.h"

#include <limits.h>

#include "tests/support/rg_test.h"

static void hashes_match_published_vectors(void **state)
{
    (void)state;
    char hex[2 * RG_SHA256_SIZE + 1];
    struct rg_digest digest = rg_sha256_one(RG_SLICE("abc")); /* FIPS 180-2 B.1 */
    rg_digest_hex(&digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const struct rg_slice parts[] = {RG_SLICE("a"), RG_SLICE(""), RG_SLICE("bc")};
    struct rg_digest joined = rg_sha256(parts, 3);
    assert_memory_equal(joined.bytes, digest.bytes, sizeof digest.bytes);
    digest = rg_hmac_sha256(RG_SLICE("Jefe"), RG_SLICE("what do ya want for nothing?")); /* RFC 4231 4.3 */
    rg_digest_hex(&digest, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    static const uint8_t mac[] = {0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74,
                                  0x16, 0xd5, 0xf1, 0x84, 0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79};
    uint8_t made[RG_SHA1_SIZE];
    assert_ok(rg_hmac_sha1(RG_SLICE("Jefe"), RG_SLICE("what do ya want for nothing?"), made)); /* RFC 2202 3 */
    assert_memory_equal(made, mac, sizeof mac);
    assert_fails(RG_INTERNAL, rg_hmac_sha1((struct rg_slice){"", (size_t)INT_MAX + 1}, RG_SLICE(""), made));
    assert_memory_equal(made, mac, sizeof mac);
    assert_ok(rg_pbkdf2_sha256(RG_SLICE("password"), RG_SLICE("salt"), 4096, &digest));
    rg_digest_hex(&digest, hex);
    assert_string_equal(hex, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
    assert_fails(RG_LIMIT, rg_pbkdf2_sha256(RG_SLICE("p"), RG_SLICE("s"), 0, &digest));
}

static void hkdf_agrees_with_rfc_5869(void **state)
{
    (void)state;
    uint8_t secret[22];
    uint8_t salt[13];
    uint8_t info[10];
    memset(secret, 0x0b, sizeof secret);
    for (unsigned i = 0; i < sizeof salt; i++) {
        salt[i] = (uint8_t)i;
    }
    for (unsigned i = 0; i < sizeof info; i++) {
        info[i] = (uint8_t)(0xf0 + i);
    }
    struct rg_digest key = {{7}};
    struct rg_digest other = {{7}};
    char hex[2 * RG_SHA256_SIZE + 1];
    assert_ok(rg_hkdf_sha256(rg_slice_make(secret, sizeof secret), rg_slice_make(salt, sizeof salt),
                             rg_slice_make(info, sizeof info), &key));
    rg_digest_hex(&key, hex);
    assert_string_equal(hex, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    assert_fails(RG_LIMIT, rg_hkdf_sha256(RG_SLICE(""), RG_SLICE("salt"), RG_SLICE("info"), &other));
    assert_int_equal(other.bytes[0], 7);
}

static void base64_round_trips_and_is_strict(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 65536);
    struct rg_slice text;
    struct rg_slice bytes;
    for (size_t size = 0; size < 40; size++) {
        char raw[40];
        for (size_t i = 0; i < size; i++) {
            raw[i] = (char)(i * 37);
        }
        assert_ok(rg_base64_encode(rg_slice_make(raw, size), &arena, &text));
        assert_ok(rg_base64_decode(text, &arena, &bytes));
        assert_true(rg_slice_is_equal(bytes, rg_slice_make(raw, size)));
    }
    static const char *const bad[] = {
        "A", "AB", "ABC", "AB=C", "====", "A===", "AB==CD==", "A B=", "AAE=\n", "AB-_", "AAF=", "AP=="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(RG_PROTOCOL, rg_base64_decode(rg_slice_of(bad[i]), &arena, &bytes));
    }
}

static void base64url_refuses_padding_and_the_other_alphabet(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 65536);
    struct rg_slice bytes;
    assert_ok(rg_base64url_decode(RG_SLICE("_-8"), &arena, &bytes));
    assert_memory_equal(bytes.data, "\xff\xef", 2);
    static const char *const bad[] = {"_-8=", "A", "AB+/", "AB==", "AP", "A\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(RG_PROTOCOL, rg_base64url_decode(rg_slice_of(bad[i]), &arena, &bytes));
    }
}

static void comparing_secrets_is_exact(void **state)
{
    (void)state;
    assert_true(rg_secret_is_equal(RG_SLICE("abc"), RG_SLICE("abc")));
    assert_false(rg_secret_is_equal(RG_SLICE("abc"), RG_SLICE("abd")));
    assert_false(rg_secret_is_equal(RG_SLICE("abc"), RG_SLICE("ab")));
    assert_true(rg_secret_is_equal(RG_SLICE(""), (struct rg_slice){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_match_published_vectors),
        cmocka_unit_test(hkdf_agrees_with_rfc_5869),
        cmocka_unit_test(base64_round_trips_and_is_strict),
        cmocka_unit_test(base64url_refuses_padding_and_the_other_alphabet),
        cmocka_unit_test(comparing_secrets_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
