/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a manifest: one fixed form, so that reading is encoding again and comparing. */
#include "audit/manifest.h"

#include <inttypes.h>
#include <stdio.h>

#define FIRST_LINE "rowgate/audit/manifest/v1\n"

void audit_manifest_path(uint64_t first_seq, char out_path[AUDIT_MANIFEST_PATH_SIZE])
{
    RG_ASSERT(first_seq < UINT64_C(10000000000000000));
    (void)snprintf(out_path, AUDIT_MANIFEST_PATH_SIZE, "seg/%016" PRIu64 ".manifest", first_seq);
}

rg_status audit_manifest_encode(const struct audit_manifest *manifest, struct rg_buf *out)
{
    char sha256[2 * RG_SHA256_SIZE + 1];
    char root[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(&manifest->sha256, sha256);
    rg_digest_hex(&manifest->root, root);
    size_t before = rg_buf_size(out);
    rg_status status = rg_buf_put(out, RG_SLICE(FIRST_LINE "origin "));
    if (rg_is_ok(status)) {
        status = rg_buf_put(out, manifest->origin);
    }
    if (rg_is_ok(status)) {
        status = rg_buf_printf(
            out, "\nfirst %" PRIu64 "\nrecords %" PRIu64 "\nbytes %" PRIu64 "\nsha256 %s\ntree %" PRIu64 " %s\n",
            manifest->first_seq, manifest->record_count, manifest->bytes, sha256,
            manifest->first_seq + manifest->record_count, root);
    }
    if (rg_is_ok(status)) { /* against damage: nobody hashes a whole segment to notice one in this file */
        struct rg_digest check = rg_sha256_one(rg_slice_cut(rg_buf_slice(out), before, SIZE_MAX));
        rg_digest_hex(&check, sha256);
        status = rg_buf_printf(out, "check %s\n", sha256);
    }
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

/* Takes "<name> <value>" and its LF off the cursor. */
static bool get_line(struct rg_slice *cursor, struct rg_slice name, struct rg_slice *out_value)
{
    const char *end = cursor->size == 0 ? NULL : memchr(cursor->data, '\n', cursor->size);
    if (end == NULL || !rg_slice_has_prefix(*cursor, name)) {
        return false;
    }
    size_t size = (size_t)(end - cursor->data);
    *out_value = rg_slice_cut(*cursor, name.size, size - name.size);
    *cursor = rg_slice_cut(*cursor, size + 1, SIZE_MAX);
    return size >= name.size;
}

static bool get_number(struct rg_slice *cursor, struct rg_slice name, uint64_t *out_value)
{
    enum { DIGITS_MAX = 18 };
    struct rg_slice text = {0};
    uint64_t value = 0;
    if (!get_line(cursor, name, &text) || text.size == 0 || text.size > DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out_value = value;
    return true;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool parse_hex(struct rg_slice text, struct rg_digest *out_digest)
{
    struct rg_digest digest;
    if (text.size != sizeof digest.bytes * 2) {
        return false;
    }
    for (size_t i = 0; i < sizeof digest.bytes; i++) {
        int high = hex_value(text.data[2 * i]);
        int low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out_digest = digest;
    return true;
}

static bool parse(struct rg_slice bytes, struct audit_manifest *manifest)
{
    enum { HEX = 2 * RG_SHA256_SIZE };
    struct rg_slice cursor = bytes;
    struct rg_slice ignored = {0};
    struct rg_slice sha256 = {0};
    struct rg_slice tree = {0};
    return get_line(&cursor, RG_SLICE("rowgate/audit/manifest/v1"), &ignored) &&
           get_line(&cursor, RG_SLICE("origin "), &manifest->origin) &&
           get_number(&cursor, RG_SLICE("first "), &manifest->first_seq) &&
           get_number(&cursor, RG_SLICE("records "), &manifest->record_count) &&
           get_number(&cursor, RG_SLICE("bytes "), &manifest->bytes) &&
           get_line(&cursor, RG_SLICE("sha256 "), &sha256) && parse_hex(sha256, &manifest->sha256) &&
           get_line(&cursor, RG_SLICE("tree "), &tree) && tree.size > HEX &&
           parse_hex(rg_slice_cut(tree, tree.size - HEX, HEX), &manifest->root);
}

rg_status audit_manifest_parse(struct rg_slice bytes, struct audit_manifest *out_manifest)
{
    struct audit_manifest manifest = {0};
    RG_AUTO(rg_buf_done) struct rg_buf again;
    rg_buf_init(&again, AUDIT_MANIFEST_MAX);
    if (bytes.size > AUDIT_MANIFEST_MAX || !parse(bytes, &manifest) ||
        !rg_is_ok(audit_manifest_encode(&manifest, &again)) || !rg_slice_is_equal(bytes, rg_buf_slice(&again))) {
        return rg_fail(RG_PROTOCOL, "a manifest of another form");
    }
    *out_manifest = manifest;
    return RG_OK;
}
