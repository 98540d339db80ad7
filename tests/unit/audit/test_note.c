/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes, verifier keys and checkpoints: the published example, the openssl command, and everything malformed. */
#include "audit/note.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

/* The example of C2SP signed-note and of golang.org/x/mod/sumdb/note. */
#define PETER "PeterNeumann"
#define PETER_VKEY PETER "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_SEED "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM="
#define PETER_TEXT                                                                                                     \
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
#define PETER_BLOB "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
#define DASH "\xe2\x80\x94 "
#define PETER_LINE DASH PETER " " PETER_BLOB "\n"

static void peter(struct audit_vkey *out_key, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice seed;
    rg_arena_init(&arena, 4096);
    assert_ok(audit_vkey_parse(RG_SLICE(PETER_VKEY), out_key));
    assert_ok(rg_base64_decode(RG_SLICE(PETER_SEED), &arena, &seed));
    assert_int_equal(seed.size, AUDIT_SEED_SIZE);
    memcpy(out_seed, seed.data, seed.size);
}

static void the_published_example_is_made_and_verified_byte_for_byte(void **state)
{
    (void)state;
    struct audit_vkey key, made;
    uint8_t seed[AUDIT_SEED_SIZE], public_key[AUDIT_PUBLIC_SIZE];
    struct audit_note note;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, AUDIT_NOTE_MAX);
    peter(&key, seed);
    assert_int_equal(key.id, 0xc74f20a3);
    assert_ok(audit_seed_public(seed, public_key));
    assert_ok(audit_vkey_make(RG_SLICE(PETER), public_key, &made));
    assert_int_equal(made.id, key.id);
    assert_memory_equal(made.public_key, key.public_key, AUDIT_PUBLIC_SIZE);
    assert_ok(audit_vkey_encode(&made, &out));
    assert_slice(rg_buf_slice(&out), PETER_VKEY);
    rg_buf_clear(&out);
    assert_ok(audit_note_sign(RG_SLICE(PETER_TEXT), &key, seed, &out));
    assert_slice(rg_buf_slice(&out), PETER_TEXT "\n" PETER_LINE);
    assert_ok(audit_note_parse(rg_buf_slice(&out), &note));
    assert_slice(note.text, PETER_TEXT);
    assert_int_equal(note.signature_count, 1);
    assert_slice(note.signatures[0].name, PETER);
    assert_true(note.signatures[0].is_ed25519);
    assert_true(audit_note_is_signed_by(&note, &key));
}

static void every_flipped_bit_of_a_note_is_noticed(void **state)
{
    (void)state;
    struct audit_vkey key;
    uint8_t seed[AUDIT_SEED_SIZE];
    char bytes[] = PETER_TEXT "\n" PETER_LINE;
    peter(&key, seed);
    for (size_t bit = 0; bit < 8 * (sizeof bytes - 1); bit++) {
        struct audit_note note;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        if (rg_is_ok(audit_note_parse(rg_slice_make(bytes, sizeof bytes - 1), &note))) {
            assert_false(audit_note_is_signed_by(&note, &key));
        }
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t size = 0; size < sizeof bytes - 1; size++) { /* cut anywhere */
        struct audit_note note;
        assert_fails(RG_PROTOCOL, audit_note_parse(rg_slice_make(bytes, size), &note));
    }
}

static void run_openssl(const struct audit_vkey *key, struct rg_slice text,
                        const struct audit_note_signature *signature, int wanted)
{
    static const uint8_t der[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    char root[] = "/tmp/rg-note-XXXXXX";
    char path[64], command[512];
    assert_non_null(mkdtemp(root));
    const struct {
        const char *name;
        struct rg_slice parts[2];
    } files[] = {{"key", {rg_slice_make(der, sizeof der), rg_slice_make(key->public_key, AUDIT_PUBLIC_SIZE)}},
                 {"text", {text, {NULL, 0}}},
                 {"sig", {rg_slice_make(signature->bytes, AUDIT_SIGNATURE_SIZE), {NULL, 0}}}};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", root, files[i].name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        for (size_t j = 0; j < 2; j++) {
            size_t size = files[i].parts[j].size;
            assert_true(size == 0 || fwrite(files[i].parts[j].data, 1, size, file) == size);
        }
        assert_int_equal(fclose(file), 0);
    }
    (void)snprintf(command, sizeof command,
                   "openssl pkeyutl -verify -pubin -keyform DER -inkey %s/key -rawin -in %s/text -sigfile %s/sig "
                   ">/dev/null 2>&1",
                   root, root, root);
    int status = system(command);
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
    assert_int_equal(status == 0, wanted);
}

static void the_openssl_command_accepts_our_signatures_and_no_others(void **state)
{
    (void)state;
    uint8_t seed[AUDIT_SEED_SIZE], public_key[AUDIT_PUBLIC_SIZE];
    struct audit_vkey key;
    struct audit_note note;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&text, 4096);
    rg_buf_init(&out, 4096);
    rg_random(seed, sizeof seed);
    assert_ok(audit_seed_public(seed, public_key));
    assert_ok(audit_vkey_make(RG_SLICE("prod/audit/node-1/1"), public_key, &key));
    const struct audit_checkpoint checkpoint = {
        .origin = RG_SLICE("prod/audit/node-1/1"), .size = 4096, .root = rg_sha256_one(RG_SLICE("x"))};
    assert_ok(audit_checkpoint_encode(&checkpoint, &text));
    assert_ok(audit_note_sign(rg_buf_slice(&text), &key, seed, &out));
    assert_ok(audit_note_parse(rg_buf_slice(&out), &note));
    run_openssl(&key, note.text, &note.signatures[0], 1);
    note.signatures[0].bytes[5] ^= 1;
    run_openssl(&key, note.text, &note.signatures[0], 0);
}

static const struct {
    const char *why, *bytes;
} bad_notes[] = {
    {"nothing", ""},
    {"text only", PETER_TEXT},
    {"no empty line", PETER_TEXT PETER_LINE},
    {"no signature", PETER_TEXT "\n"},
    {"no LF at the end", PETER_TEXT "\n" DASH PETER " " PETER_BLOB},
    {"empty line behind", PETER_TEXT "\n" PETER_LINE "\n"},
    {"something behind", PETER_TEXT "\n" PETER_LINE "x\n"},
    {"hyphen for the dash", PETER_TEXT "\n- " PETER " " PETER_BLOB "\n"},
    {"en dash", PETER_TEXT "\n\xe2\x80\x93 " PETER " " PETER_BLOB "\n"},
    {"no space after the dash", PETER_TEXT "\n\xe2\x80\x94" PETER " " PETER_BLOB "\n"},
    {"two spaces", PETER_TEXT "\n" DASH PETER "  " PETER_BLOB "\n"},
    {"no name", PETER_TEXT "\n" DASH " " PETER_BLOB "\n"},
    {"plus in the name", PETER_TEXT "\n" DASH "Peter+Neumann " PETER_BLOB "\n"},
    {"no-break space in the name", PETER_TEXT "\n" DASH "Peter\xc2\xa0Neumann " PETER_BLOB "\n"},
    {"em space in the name", PETER_TEXT "\n" DASH "Peter\xe2\x80\x83Neumann " PETER_BLOB "\n"},
    {"ideographic space in the name", PETER_TEXT "\n" DASH "Peter\xe3\x80\x80Neumann " PETER_BLOB "\n"},
    {"name only", PETER_TEXT "\n" DASH PETER "\n"},
    {"no base64", PETER_TEXT "\n" DASH PETER " \n"},
    {"padding lost", PETER_TEXT "\n" DASH PETER " x08go/Y\n"},
    {"base64url", PETER_TEXT "\n" DASH PETER " x08go_ZJkuBS\n"},
    {"stray bits", PETER_TEXT "\n" DASH PETER " x08go/Z=\n"},
    {"key id only", PETER_TEXT "\n" DASH PETER " x08gow==\n"},
    {"space at the end", PETER_TEXT "\n" DASH PETER " " PETER_BLOB " \n"},
    {"CR LF", "text\r\n\n" PETER_LINE},
    {"tab", "te\txt\n\n" PETER_LINE},
    {"broken UTF-8", "te\xffxt\n\n" PETER_LINE},
    {"overlong UTF-8", "te\xc0\xafxt\n\n" PETER_LINE},
};

static void refuses_every_malformed_note(void **state)
{
    (void)state;
    struct audit_note note = {.signature_count = 77};
    for (size_t i = 0; i < sizeof bad_notes / sizeof bad_notes[0]; i++) {
        rg_status status = audit_note_parse(rg_slice_of(bad_notes[i].bytes), &note);
        if (rg_is_ok(status)) {
            fail_msg("accepted: %s", bad_notes[i].why);
        }
        assert_int_equal(status.error->kind, RG_PROTOCOL);
        assert_int_equal(note.signature_count, 77);
    }
    static const char nul[] = "te\0xt\n\n" PETER_LINE;
    assert_fails(RG_PROTOCOL, audit_note_parse(rg_slice_make(nul, sizeof nul - 1), &note));
    assert_fails(RG_PROTOCOL, audit_note_parse((struct rg_slice){NULL, 0}, &note));
}

static void takes_sixteen_signatures_and_no_more(void **state)
{
    (void)state;
    struct audit_vkey key;
    uint8_t seed[AUDIT_SEED_SIZE];
    struct audit_note note;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, (size_t)2 * AUDIT_NOTE_MAX);
    peter(&key, seed);
    assert_ok(rg_buf_put(&out, RG_SLICE(PETER_TEXT "\n")));
    for (int i = 0; i < AUDIT_NOTE_SIGNATURES_MAX - 1; i++) { /* witnesses: other names, other key types */
        assert_ok(rg_buf_printf(&out, "%switness%d %s\n", DASH, i, i % 2 == 0 ? PETER_BLOB : "AAAAAAAA"));
    }
    assert_ok(rg_buf_put(&out, RG_SLICE(PETER_LINE)));
    assert_ok(audit_note_parse(rg_buf_slice(&out), &note));
    assert_int_equal(note.signature_count, AUDIT_NOTE_SIGNATURES_MAX);
    assert_false(note.signatures[1].is_ed25519);
    assert_true(audit_note_is_signed_by(&note, &key));
    assert_ok(rg_buf_put(&out, RG_SLICE(PETER_LINE)));
    assert_fails(RG_PROTOCOL, audit_note_parse(rg_buf_slice(&out), &note));
    rg_buf_clear(&out);
    char *memory = NULL;
    assert_ok(rg_buf_reserve(&out, AUDIT_NOTE_MAX, &memory));
    memset(memory, 'a', AUDIT_NOTE_MAX);
    rg_buf_commit(&out, AUDIT_NOTE_MAX);
    assert_ok(rg_buf_put(&out, RG_SLICE("\n\n" PETER_LINE)));
    assert_fails(RG_PROTOCOL, audit_note_parse(rg_buf_slice(&out), &note));
}

static void a_bad_signature_by_the_key_spoils_a_good_one(void **state)
{
    (void)state;
    struct audit_vkey key, other;
    uint8_t seed[AUDIT_SEED_SIZE];
    struct audit_note note;
    static const char *const spoiled[] = {
        PETER_TEXT "\n" PETER_LINE DASH PETER
                   " x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAA=\n",
        PETER_TEXT "\n" PETER_LINE DASH PETER " x08go/ZJ\n",
        PETER_TEXT "\n" DASH "Somebody " PETER_BLOB "\n", /* the id alone is not enough */
    };
    peter(&key, seed);
    for (size_t i = 0; i < sizeof spoiled / sizeof spoiled[0]; i++) {
        assert_ok(audit_note_parse(rg_slice_of(spoiled[i]), &note));
        assert_false(audit_note_is_signed_by(&note, &key));
    }
    assert_ok(audit_note_parse(RG_SLICE(PETER_TEXT "\n" PETER_LINE PETER_LINE), &note)); /* twice the same is fine */
    assert_true(audit_note_is_signed_by(&note, &key));
    seed[0] ^= 1;
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    assert_ok(audit_seed_public(seed, public_key));
    assert_ok(audit_vkey_make(RG_SLICE(PETER), public_key, &other));
    assert_false(audit_note_is_signed_by(&note, &other));
    other.id = key.id; /* a colliding key id does not help */
    assert_false(audit_note_is_signed_by(&note, &other));
    assert_false(audit_note_is_signed_by(&(struct audit_note){0}, &key));
}

static const char *const bad_vkeys[] = {
    "",
    PETER,
    "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    PETER "+c74f20a3",
    PETER "+c74f20a3+",
    PETER "+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    PETER "+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    PETER "+74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    PETER "x+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    PETER "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
    PETER "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_LDE4izWy10TW",
    PETER "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
    PETER
    "+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", /* Go's own cases: wrong size, with its id */
    PETER "+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",   /* unknown type, with its id */
    "PRIVATE+KEY+" PETER "+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
};

static void refuses_every_malformed_verifier_key(void **state)
{
    (void)state;
    struct audit_vkey key = {.id = 77};
    char text[] = PETER_VKEY;
    for (size_t i = 0; i < sizeof bad_vkeys / sizeof bad_vkeys[0]; i++) {
        assert_fails(RG_PROTOCOL, audit_vkey_parse(rg_slice_of(bad_vkeys[i]), &key));
    }
    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (size_t size = 0; i + size < sizeof text - 1; size++) { /* every part of it but the whole */
            assert_fails(RG_PROTOCOL, audit_vkey_parse(rg_slice_make(text + i, i == 0 ? size : size + 1), &key));
        }
        text[i]++;
        assert_fails(RG_PROTOCOL, audit_vkey_parse(rg_slice_make(text, sizeof text - 1), &key));
        text[i]--;
    }
    assert_int_equal(key.id, 77);
}

static void refuses_to_make_what_nobody_could_read(void **state)
{
    (void)state;
    struct audit_vkey key, untouched = {.id = 77};
    uint8_t seed[AUDIT_SEED_SIZE];
    char long_name[AUDIT_NOTE_NAME_MAX + 1];
    static const char *const bad_texts[] = {"", "no line feed", "tab\there\n", "cr\r\n", "\xff\n", "\x7f\x80\n"};
    static const char *const bad_names[] = {"", "a b", "a+b", "a\nb", "a\tb", "a\x7f", "\xff", "a\xe1\x9a\x80"};
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 64);
    assert_ok(rg_buf_put(&out, RG_SLICE("before")));
    peter(&key, seed);
    for (size_t i = 0; i < sizeof bad_texts / sizeof bad_texts[0]; i++) {
        assert_fails(RG_LIMIT, audit_note_sign(rg_slice_of(bad_texts[i]), &key, seed, &out));
    }
    assert_fails(RG_LIMIT, audit_note_sign(RG_SLICE(PETER_TEXT), &key, seed, &out)); /* does not fit in */
    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        assert_fails(RG_LIMIT, audit_vkey_make(rg_slice_of(bad_names[i]), key.public_key, &untouched));
        struct audit_checkpoint checkpoint = {.origin = rg_slice_of(bad_names[i])};
        assert_fails(RG_LIMIT, audit_checkpoint_encode(&checkpoint, &out));
    }
    memset(long_name, 'a', sizeof long_name);
    assert_ok(audit_vkey_make(rg_slice_make(long_name, sizeof long_name - 1), key.public_key, &key));
    assert_fails(RG_LIMIT, audit_vkey_encode(&key, &out));
    assert_fails(RG_LIMIT, audit_vkey_make(rg_slice_make(long_name, sizeof long_name), key.public_key, &untouched));
    assert_int_equal(untouched.id, 77);
    struct audit_checkpoint checkpoint = {.origin = RG_SLICE("a-name-that-leaves-no-room-for-a-root-behind-it")};
    assert_fails(RG_LIMIT, audit_checkpoint_encode(&checkpoint, &out));
    assert_slice(rg_buf_slice(&out), "before");
}

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static const struct {
    const char *why, *text;
} bad_checkpoints[] = {
    {"nothing", ""},
    {"origin only", "example.com/log\n"},
    {"no root", "example.com/log\n5\n"},
    {"no LF at the end", "example.com/log\n5\n" ROOT},
    {"an extension line", "example.com/log\n5\n" ROOT "\nTimestamp: 5\n"},
    {"an empty extension line", "example.com/log\n5\n" ROOT "\n\n"},
    {"no origin", "\n5\n" ROOT "\n"},
    {"a space in the origin", "example.com log\n5\n" ROOT "\n"},
    {"no size", "example.com/log\n\n" ROOT "\n"},
    {"leading zero", "example.com/log\n05\n" ROOT "\n"},
    {"sign", "example.com/log\n+5\n" ROOT "\n"},
    {"negative", "example.com/log\n-5\n" ROOT "\n"},
    {"space before the size", "example.com/log\n 5\n" ROOT "\n"},
    {"hexadecimal", "example.com/log\n0x5\n" ROOT "\n"},
    {"2^64", "example.com/log\n18446744073709551616\n" ROOT "\n"},
    {"20 nines", "example.com/log\n99999999999999999999\n" ROOT "\n"},
    {"short root", "example.com/log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n"},
    {"long root", "example.com/log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2Ia\n"},
    {"stray bits", "example.com/log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n"},
    {"hex root", "example.com/log\n5\n0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62\n"},
};

static void a_checkpoint_reads_back_and_nothing_else_does(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    static const char *const good[] = {"example.com/log\n0\n" ROOT "\n", "example.com/log\n20852163\n" ROOT "\n",
                                       "example.com/log\n18446744073709551615\n" ROOT "\n"};
    struct audit_checkpoint checkpoint = {0};
    rg_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        rg_buf_clear(&out);
        assert_ok(audit_checkpoint_parse(rg_slice_of(good[i]), &checkpoint));
        assert_slice(checkpoint.origin, "example.com/log");
        assert_ok(audit_checkpoint_encode(&checkpoint, &out));
        assert_slice(rg_buf_slice(&out), good[i]);
    }
    assert_true(checkpoint.size == UINT64_MAX);
    for (size_t i = 0; i < sizeof bad_checkpoints / sizeof bad_checkpoints[0]; i++) {
        rg_status status = audit_checkpoint_parse(rg_slice_of(bad_checkpoints[i].text), &checkpoint);
        if (rg_is_ok(status)) {
            fail_msg("accepted: %s", bad_checkpoints[i].why);
        }
        assert_int_equal(status.error->kind, RG_PROTOCOL);
        assert_true(checkpoint.size == UINT64_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example_is_made_and_verified_byte_for_byte),
        cmocka_unit_test(every_flipped_bit_of_a_note_is_noticed),
        cmocka_unit_test(the_openssl_command_accepts_our_signatures_and_no_others),
        cmocka_unit_test(refuses_every_malformed_note),
        cmocka_unit_test(takes_sixteen_signatures_and_no_more),
        cmocka_unit_test(a_bad_signature_by_the_key_spoils_a_good_one),
        cmocka_unit_test(refuses_every_malformed_verifier_key),
        cmocka_unit_test(refuses_to_make_what_nobody_could_read),
        cmocka_unit_test(a_checkpoint_reads_back_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
