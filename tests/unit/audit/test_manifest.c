/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: one text for one segment, and nothing else is read. */
#include "audit/manifest.h"

#include "tests/support/rg_test.h"

static struct audit_manifest sample(void)
{
    return (struct audit_manifest){.origin = RG_SLICE("prod/audit/node-1/1"),
                                   .first_seq = 1234,
                                   .record_count = 77,
                                   .bytes = 45678,
                                   .sha256 = rg_sha256_one(RG_SLICE("file")),
                                   .root = rg_sha256_one(RG_SLICE("root"))};
}

static void encode(const struct audit_manifest *manifest, struct rg_buf *out)
{
    rg_buf_init(out, AUDIT_MANIFEST_MAX);
    assert_ok(audit_manifest_encode(manifest, out));
}

static void reads_what_it_wrote(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    const struct audit_manifest manifest = sample();
    struct audit_manifest again = {0};
    encode(&manifest, &text);
    assert_ok(audit_manifest_parse(rg_buf_slice(&text), &again));
    assert_slice(again.origin, "prod/audit/node-1/1");
    assert_int_equal(again.first_seq, 1234);
    assert_int_equal(again.record_count, 77);
    assert_int_equal(again.bytes, 45678);
    assert_memory_equal(again.sha256.bytes, manifest.sha256.bytes, sizeof manifest.sha256.bytes);
    assert_memory_equal(again.root.bytes, manifest.root.bytes, sizeof manifest.root.bytes);
}

static void names_the_file_by_its_first_record(void **state)
{
    (void)state;
    char path[AUDIT_MANIFEST_PATH_SIZE];
    audit_manifest_path(1234, path);
    assert_string_equal(path, "seg/0000000000001234.manifest");
}

/* Each byte changed, each prefix, and a byte more: refused, or another value, never the same one. */
static void refuses_every_other_text(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    const struct audit_manifest manifest = sample();
    encode(&manifest, &text);
    struct rg_slice whole = rg_buf_slice(&text);
    char copy[AUDIT_MANIFEST_MAX];
    for (size_t size = 0; size < whole.size; size++) {
        struct audit_manifest out = {.bytes = 99};
        assert_fails(RG_PROTOCOL, audit_manifest_parse(rg_slice_cut(whole, 0, size), &out));
        assert_int_equal(out.bytes, 99);
    }
    static const char others[] = " 0\n+-aA\x80";
    for (size_t at = 0; at < whole.size; at++) {
        for (size_t i = 0; i < sizeof others; i++) {
            struct audit_manifest out = {0};
            memcpy(copy, whole.data, whole.size);
            copy[at] = others[i];
            if (copy[at] != whole.data[at] && rg_is_ok(audit_manifest_parse(rg_slice_make(copy, whole.size), &out))) {
                bool is_same = rg_slice_is_equal(out.origin, manifest.origin) && out.first_seq == manifest.first_seq &&
                               out.record_count == manifest.record_count && out.bytes == manifest.bytes &&
                               memcmp(&out.sha256, &manifest.sha256, sizeof out.sha256) == 0 &&
                               memcmp(&out.root, &manifest.root, sizeof out.root) == 0;
                assert_false(is_same);
            }
        }
    }
    memcpy(copy, whole.data, whole.size);
    copy[whole.size] = '\n';
    struct audit_manifest out = {0};
    assert_fails(RG_PROTOCOL, audit_manifest_parse(rg_slice_make(copy, whole.size + 1), &out));
}

static void leaves_a_full_buffer_as_it_was(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    const struct audit_manifest manifest = sample();
    rg_buf_init(&out, 60);
    assert_ok(rg_buf_put(&out, RG_SLICE("before")));
    assert_fails(RG_LIMIT, audit_manifest_encode(&manifest, &out));
    assert_slice(rg_buf_slice(&out), "before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(names_the_file_by_its_first_record),
        cmocka_unit_test(refuses_every_other_text),
        cmocka_unit_test(leaves_a_full_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
