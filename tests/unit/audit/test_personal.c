/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/personal.h"

#include "audit/message.h"
#include "tests/support/rg_test.h"

static const struct audit_subject_key key_a = {{"sixteen bytes a"}, "a secret of thirty-two bytes a."};
static const struct audit_subject_key key_b = {{"sixteen bytes b"}, "a secret of thirty-two bytes b."};

static struct audit_personal_key *open_key(const struct audit_subject_key *key, const char *origin)
{
    struct audit_personal_key *opened = NULL;
    assert_ok(audit_personal_key_new(key, rg_slice_of(origin), &opened));
    return opened;
}

static void a_ciphertext_opens_in_its_own_place_alone(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *key = open_key(&key_a, "test/1");
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *other_log = open_key(&key_a, "test/2");
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *other_subject = open_key(&key_b, "test/1");
    struct rg_slice opened = RG_SLICE("untouched");
    rg_arena_init(&arena, 1024 * 1024);
    rg_buf_init(&text, 4096);
    assert_ok(audit_personal_seal(key, AUDIT_PERSONAL_USER, RG_SLICE("alice\0\xff"), &text));
    struct rg_slice sealed = rg_buf_slice(&text);
    assert_true(rg_slice_has_prefix(sealed, RG_SLICE("rgenc1:c2l4dGVlbiBieXRlcyBhAA:")));
    for (int field = AUDIT_PERSONAL_NONE; field <= AUDIT_PERSONAL_COUNT; field++) {
        if (field != AUDIT_PERSONAL_USER) {
            assert_fails(RG_DENIED,
                         audit_personal_open(key, (enum audit_personal_field)field, sealed, &arena, &opened));
        }
    }
    assert_fails(RG_DENIED, audit_personal_open(other_log, AUDIT_PERSONAL_USER, sealed, &arena, &opened));
    assert_fails(RG_DENIED, audit_personal_open(other_subject, AUDIT_PERSONAL_USER, sealed, &arena, &opened));
    for (size_t i = 0; i < sealed.size; i++) {
        char was = text.bytes[text.start + i];
        text.bytes[text.start + i] = was == 'A' ? 'B' : 'A';
        assert_fails(RG_DENIED, audit_personal_open(key, AUDIT_PERSONAL_USER, sealed, &arena, &opened));
        text.bytes[text.start + i] = was;
        assert_fails(RG_DENIED,
                     audit_personal_open(key, AUDIT_PERSONAL_USER, rg_slice_cut(sealed, 0, i), &arena, &opened));
    }
    assert_slice(opened, "untouched");
    assert_ok(audit_personal_open(key, AUDIT_PERSONAL_USER, sealed, &arena, &opened));
    assert_true(rg_slice_is_equal(opened, RG_SLICE("alice\0\xff")));
}

static void refuses_an_origin_that_is_none_and_a_full_buffer(void **state)
{
    (void)state;
    char origin[256];
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *key = open_key(&key_a, "test/1");
    struct audit_personal_key *none = NULL;
    memset(origin, 'o', sizeof origin);
    rg_buf_init(&text, 40);
    assert_fails(RG_LIMIT, audit_personal_key_new(&key_a, rg_slice_make(origin, sizeof origin), &none));
    assert_null(none);
    assert_fails(RG_LIMIT, audit_personal_seal(key, AUDIT_PERSONAL_USER, RG_SLICE("alice"), &text));
    assert_int_equal(rg_buf_size(&text), 0);
}

static void tokens_are_equal_for_equal_values_under_one_key_and_field_only(void **state)
{
    (void)state;
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *a = open_key(&key_a, "test/1");
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *b = open_key(&key_b, "test/1");
    const struct rg_digest tokens[] = {audit_personal_token(a, AUDIT_PERSONAL_CLIENT_ADDRESS, RG_SLICE("10.0.0.1")),
                                       audit_personal_token(a, AUDIT_PERSONAL_CLIENT_ADDRESS, RG_SLICE("10.0.0.2")),
                                       audit_personal_token(a, AUDIT_PERSONAL_SQL, RG_SLICE("10.0.0.1")),
                                       audit_personal_token(b, AUDIT_PERSONAL_CLIENT_ADDRESS, RG_SLICE("10.0.0.1"))};
    const struct rg_digest again = audit_personal_token(a, AUDIT_PERSONAL_CLIENT_ADDRESS, RG_SLICE("10.0.0.1"));
    assert_memory_equal(again.bytes, tokens[0].bytes, sizeof again.bytes);
    for (size_t i = 1; i < sizeof tokens / sizeof tokens[0]; i++) {
        assert_memory_not_equal(tokens[i].bytes, tokens[0].bytes, sizeof again.bytes);
    }
}

static void only_what_is_sealed_is_read_as_sealed(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "rgenc1:",
                                      "alice",
                                      "rgenc1:c2l4dGVlbiBieXRlcyBhAA",
                                      "rgenc1:c2l4dGVlbiBieXRlcyBhAA:",
                                      "rgenc2:c2l4dGVlbiBieXRlcyBhAA:AAAA",
                                      "rgenc1:c2l4dGVlbiBieXRlcyBhAB:AAAA", /* stray bits */
                                      "rgenc1:c2l4dGVlbiBieXRlcyBh=A:AAAA",
                                      "rgenc1:c2l4dGVlbiBieXRlcyBhAAA:AAAA"};
    struct audit_key_id id;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (audit_personal_parse(rg_slice_of(bad[i]), &id)) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_true(audit_personal_parse(RG_SLICE("rgenc1:c2l4dGVlbiBieXRlcyBhAA:AAAA"), &id));
    assert_true(audit_key_id_is_equal(&id, &key_a.id));
}

/* Made by another implementation (Python's cryptography) from docs/audit-format.md 5.3. */
static void opens_what_others_sealed_by_the_book(void **state)
{
    (void)state;
    static const char sealed[] = "rgenc1:c2l4dGVlbiBieXRlcyBhAA:dHdlbHZlIGJ5dGVzs6ATPmmMs1uUEl"
                                 "z64EIjzSAFcTjfh17HCdV8_fHT0FaiNg";
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_personal_key_free) struct audit_personal_key *key = open_key(&key_a, "test/1");
    struct rg_slice opened = {0};
    rg_arena_init(&arena, 1024 * 1024);
    assert_ok(audit_personal_open(key, AUDIT_PERSONAL_USER, rg_slice_of(sealed), &arena, &opened));
    assert_slice(opened, "alice@acme.example");
}

/* ---- the KEY frame ---- */

static void a_frame_comes_back_as_it_went_and_cut_or_changed_is_refused(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_key_frame frame = {
        .key = key_a, .tenant = RG_SLICE("acme"), .subject = RG_SLICE("al\0ice"), .user = RG_SLICE("")};
    struct audit_key_frame read = {.user = RG_SLICE("untouched")};
    rg_buf_init(&out, 8192);
    assert_ok(audit_message_put_key(&frame, &out));
    struct rg_slice bytes = rg_buf_slice(&out);
    size_t size = 0;
    assert_ok(audit_message_peek_size(bytes, &size));
    assert_int_equal(size, bytes.size);
    assert_true(audit_message_is_key(bytes));
    for (size_t i = 0; i < bytes.size; i++) {
        struct rg_slice cursor = rg_slice_cut(bytes, 0, i);
        assert_fails(RG_PROTOCOL, audit_message_get_key(&cursor, &read));
        assert_int_equal(cursor.size, i);
    }
    for (size_t i = 0; i < AUDIT_FRAME_HEAD; i++) {
        struct rg_slice cursor = bytes;
        out.bytes[out.start + i] ^= 0x40;
        assert_fails(RG_PROTOCOL, audit_message_get_key(&cursor, &read));
        out.bytes[out.start + i] ^= 0x40;
    }
    assert_slice(read.user, "untouched");
    assert_ok(audit_message_get_key(&bytes, &read));
    assert_int_equal(bytes.size, 0);
    assert_true(rg_slice_is_equal(read.subject, frame.subject) && rg_slice_is_equal(read.tenant, frame.tenant));
    assert_memory_equal(&read.key, &key_a, sizeof key_a);
}

static void a_frame_without_a_subject_or_with_too_long_names_is_not_made(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    char text[AUDIT_SUBJECT_MAX + 1];
    memset(text, 's', sizeof text);
    const struct rg_slice whole = rg_slice_make(text, sizeof text);
    const struct audit_key_frame bad[] = {{.tenant = RG_SLICE("acme")},
                                          {.subject = whole},
                                          {.subject = RG_SLICE("s"), .tenant = whole},
                                          {.subject = RG_SLICE("s"), .user = whole}};
    rg_buf_init(&out, 8192);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(RG_INTERNAL, audit_message_put_key(&bad[i], &out));
    }
    assert_int_equal(rg_buf_size(&out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ciphertext_opens_in_its_own_place_alone),
        cmocka_unit_test(refuses_an_origin_that_is_none_and_a_full_buffer),
        cmocka_unit_test(tokens_are_equal_for_equal_values_under_one_key_and_field_only),
        cmocka_unit_test(only_what_is_sealed_is_read_as_sealed),
        cmocka_unit_test(opens_what_others_sealed_by_the_book),
        cmocka_unit_test(a_frame_comes_back_as_it_went_and_cut_or_changed_is_refused),
        cmocka_unit_test(a_frame_without_a_subject_or_with_too_long_names_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
