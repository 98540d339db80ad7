/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rg_aead.h"

#include <stdio.h>

#include "base/rg_crypto.h"
#include "tests/support/rg_test.h"

/* Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST SP 800-38D took over. */
static const struct {
    const char *name, *key, *nonce, *aad, *text, *sealed;
} known[] = {
    {"13", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {"14", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
     "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {"15", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
     "ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
     "bcc9f662898015adb094dac5d93471bdec1a502270e3cc6c"},
    {"16", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
     "ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
     "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
};

enum { BYTES_MAX = 256 };

static struct rg_slice from_hex(const char *hex, uint8_t memory[BYTES_MAX])
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned value = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        memory[i] = (uint8_t)value;
    }
    return rg_slice_make(memory, size);
}

static void gives_the_known_answers_and_takes_them_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf out;
        RG_AUTO(rg_buf_done) struct rg_buf back;
        uint8_t key[BYTES_MAX], nonce[BYTES_MAX], aad[BYTES_MAX], text[BYTES_MAX], sealed[BYTES_MAX];
        struct rg_slice covered = from_hex(known[i].aad, aad), plain = from_hex(known[i].text, text);
        struct rg_slice wanted = from_hex(known[i].sealed, sealed);
        (void)from_hex(known[i].key, key);
        (void)from_hex(known[i].nonce, nonce);
        RG_AUTO(rg_aead_free) struct rg_aead *aead = rg_aead_new(key);
        rg_buf_init(&out, BYTES_MAX);
        rg_buf_init(&back, BYTES_MAX);
        for (int again = 0; again < 2; again++) { /* the context is used again, in both directions */
            rg_buf_clear(&out);
            rg_buf_clear(&back);
            assert_ok(rg_aead_seal_with(aead, nonce, covered, plain, &out));
            struct rg_slice body = rg_slice_cut(rg_buf_slice(&out), RG_AEAD_NONCE_SIZE, SIZE_MAX);
            if (!rg_slice_is_equal(body, wanted)) {
                fail_msg("case %s", known[i].name);
            }
            assert_ok(rg_aead_open(aead, covered, rg_buf_slice(&out), &back));
            assert_true(rg_slice_is_equal(rg_buf_slice(&back), plain));
        }
        assert_int_equal(rg_aead_seals(aead), 2);
    }
}

static void opens_nothing_that_differs_in_one_bit(void **state)
{
    (void)state;
    const uint8_t key[RG_AEAD_KEY_SIZE] = "a key of thirty-two bytes......";
    const uint8_t other_key[RG_AEAD_KEY_SIZE] = "another key of 32 bytes........";
    RG_AUTO(rg_aead_free) struct rg_aead *aead = rg_aead_new(key);
    RG_AUTO(rg_aead_free) struct rg_aead *other = rg_aead_new(other_key);
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(rg_buf_done) struct rg_buf back;
    rg_buf_init(&out, 1024);
    rg_buf_init(&back, 1024);
    assert_ok(rg_aead_seal(aead, RG_SLICE("user"), RG_SLICE("alice@acme.example"), &out));
    struct rg_slice sealed = rg_buf_slice(&out);
    assert_int_equal(sealed.size, 18 + RG_AEAD_MORE);
    for (size_t bit = 0; bit < sealed.size * 8; bit++) {
        out.bytes[out.start + bit / 8] ^= (char)(1 << bit % 8);
        assert_fails(RG_DENIED, rg_aead_open(aead, RG_SLICE("user"), sealed, &back));
        out.bytes[out.start + bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t size = 0; size < sealed.size; size++) {
        assert_fails(RG_DENIED, rg_aead_open(aead, RG_SLICE("user"), rg_slice_cut(sealed, 0, size), &back));
    }
    assert_fails(RG_DENIED, rg_aead_open(aead, RG_SLICE("subject"), sealed, &back));
    assert_fails(RG_DENIED, rg_aead_open(other, RG_SLICE("user"), sealed, &back));
    assert_int_equal(rg_buf_size(&back), 0);
    assert_ok(rg_aead_open(aead, RG_SLICE("user"), sealed, &back));
    assert_slice(rg_buf_slice(&back), "alice@acme.example");
}

static void leaves_a_full_buffer_as_it_was(void **state)
{
    (void)state;
    const uint8_t key[RG_AEAD_KEY_SIZE] = {0};
    RG_AUTO(rg_aead_free) struct rg_aead *aead = rg_aead_new(key);
    RG_AUTO(rg_buf_done) struct rg_buf small;
    RG_AUTO(rg_buf_done) struct rg_buf large;
    rg_buf_init(&small, RG_AEAD_MORE + 3);
    rg_buf_init(&large, 1024);
    assert_fails(RG_LIMIT, rg_aead_seal(aead, RG_SLICE(""), RG_SLICE("four"), &small));
    assert_int_equal(rg_buf_size(&small), 0);
    assert_ok(rg_aead_seal(aead, RG_SLICE(""), RG_SLICE("a longer text than thirty-one bytes"), &large));
    assert_fails(RG_LIMIT, rg_aead_open(aead, RG_SLICE(""), rg_buf_slice(&large), &small));
    assert_int_equal(rg_buf_size(&small), 0);
}

static void seals_the_same_text_differently_each_time(void **state)
{
    (void)state;
    const uint8_t key[RG_AEAD_KEY_SIZE] = {0};
    RG_AUTO(rg_aead_free) struct rg_aead *aead = rg_aead_new(key);
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 1024);
    assert_ok(rg_aead_seal(aead, RG_SLICE(""), RG_SLICE("text"), &out));
    assert_ok(rg_aead_seal(aead, RG_SLICE(""), RG_SLICE("text"), &out));
    struct rg_slice both = rg_buf_slice(&out);
    assert_false(rg_slice_is_equal(rg_slice_cut(both, 0, both.size / 2), rg_slice_cut(both, both.size / 2, SIZE_MAX)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_known_answers_and_takes_them_back),
        cmocka_unit_test(opens_nothing_that_differs_in_one_bit),
        cmocka_unit_test(leaves_a_full_buffer_as_it_was),
        cmocka_unit_test(seals_the_same_text_differently_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
