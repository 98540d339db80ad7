/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from an S3 server or the instance metadata service, and names that stand in a bucket: whatever is accepted
 * is within its limits, and names come back as they were. */
#include "audit/export/depot.h"
#include "audit/export/s3_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 4 * 1024 * 1024 };

static void check_page(struct rg_slice bytes)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct s3_page page = {0};
    rg_arena_init(&arena, ARENA);
    if (!rg_is_ok(s3_xml_page(bytes, &arena, &page))) {
        return;
    }
    RG_ASSERT(!page.is_truncated || page.next.size > 0);
    for (size_t i = 0; i < page.count; i++) {
        const struct s3_entry *entry = &page.entries[i];
        RG_ASSERT(entry->key.size > 0 && entry->key.size <= S3_KEY_MAX && entry->key.data[entry->key.size] == '\0');
        RG_ASSERT(strlen(entry->key.data) == entry->key.size);
        RG_ASSERT(entry->version.size <= S3_VERSION_MAX && entry->etag.size <= S3_ETAG_MAX);
    }
}

static void check_answers(struct rg_slice bytes)
{
    char code[S3_CODE_MAX + 1];
    char message[S3_MESSAGE_MAX + 1];
    bool is_on = false;
    (void)rg_is_ok(s3_xml_lockable(bytes, &is_on));
    (void)rg_is_ok(s3_xml_versioned(bytes, &is_on));
    s3_xml_error(bytes, code, message);
    for (const char *at = code; *at != '\0'; at++) {
        RG_ASSERT(*at >= ' ' && *at < 0x7f);
    }
    for (const char *at = message; *at != '\0'; at++) {
        RG_ASSERT(*at >= ' ' && *at < 0x7f);
    }
}

static void check_credentials(struct rg_slice bytes)
{
    struct s3_credentials credentials = {0};
    if (rg_is_ok(s3_instance_parse(bytes, &credentials))) {
        RG_ASSERT(credentials.access_key != NULL && credentials.secret_key != NULL && credentials.until_us >= 0);
        struct rg_slice key = rg_secret_slice(credentials.secret_key);
        RG_ASSERT(memchr(key.data, '\n', key.size) == NULL && memchr(key.data, '\0', key.size) == NULL);
    }
    s3_credentials_done(&credentials);
    if (rg_is_ok(s3_credentials_parse(bytes, "file", &credentials))) {
        RG_ASSERT(credentials.access_key != NULL && credentials.secret_key != NULL);
    }
    s3_credentials_done(&credentials);
}

static void check_names(struct rg_slice bytes)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice origin = {0};
    struct rg_slice prefix = {0};
    char node[DEPOT_NODE_MAX];
    uint64_t first = 0;
    uint64_t last = 0;
    int64_t us = 0;
    rg_arena_init(&arena, ARENA);
    if (depot_origin(bytes, &arena, &origin)) {
        RG_ASSERT(rg_is_ok(depot_node(origin, node)) && rg_slice_is_equal(rg_slice_of(node), bytes));
    }
    if (depot_segment_name_parse(bytes, RG_SLICE(".jsonl.gz"), &first, &last)) {
        RG_ASSERT(first <= last);
    }
    (void)depot_anchor_name_parse(bytes, &first);
    if (s3_time_parse(bytes, &us)) {
        RG_ASSERT(us >= 0 && us % 1000000 == 0);
    }
    if (rg_is_ok(s3_url_parse(bytes, &arena, &origin, &prefix))) {
        RG_ASSERT(origin.size >= 3 && origin.size <= 63);
        RG_ASSERT(prefix.size == 0 || (prefix.data[prefix.size - 1] == '/' && prefix.data[0] != '/'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size);
    check_page(bytes);
    check_answers(bytes);
    check_credentials(bytes);
    check_names(bytes);
    return 0;
}
