/* SPDX-License-Identifier: Apache-2.0 */
/* The log's own account of its objects: each export.segment record names an object, its version, its hash and its lock.
 * The records are signed; what the bucket has must agree with them. */
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/export/s3_verify_private.h"
#include "audit/line.h"
#include "audit/reader.h"

struct account {
    struct rg_slice object;
    struct rg_slice version;
    char digest[2 * RG_SHA256_SIZE + 1];
    enum s3_lock lock;
    int64_t until_us;
    uint64_t first;
    uint64_t last;
    uint64_t seq; /* of the record */
    int64_t hlc_us;
};

static struct rg_slice text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct rg_slice){json_string_value(value), json_string_length(value)};
}

/* The first finding about an object will do: a segment that was exported twice is recorded twice. */
static void check_account(struct rules *rules, const struct account *account)
{
    char hex[2 * RG_SHA256_SIZE + 1];
    struct catalog_item *item = catalog_find(rules->catalog, account->object);
    if (item == NULL && account->last < rules->pruned_size) {
        return;
    }
    if (item == NULL) {
        struct catalog_item missing = {.key = account->object};
        (void)rg_is_ok(rg_arena_copy(rules->arena, account->object, &missing.key));
        rules_find(rules, AUDIT_INCOMPLETE, &missing, account->first,
                   "record %" PRIu64 " says that it was stored here, and it is not: removed or moved", account->seq);
        return;
    }
    rg_digest_hex(&item->sha256, hex);
    if (item->has_sha256 && strcmp(hex, account->digest) != 0) {
        rules_find(rules, AUDIT_ALTERED, item, item->first,
                   "it is not the object that record %" PRIu64 " says was stored: it has another SHA-256",
                   account->seq);
    } else if (account->version.size > 0 && !rg_slice_is_equal(account->version, item->version)) {
        rules_find(rules, AUDIT_ALTERED, item, item->first,
                   "the version that record %" PRIu64
                   " names, %.40s, is not there: it was removed and put again, as %.40s",
                   account->seq, account->version.data, item->version.data);
    }
    const int64_t second_us = 1000000;
    if (item->object.is_there && item->object.until_us / second_us < account->until_us / second_us) {
        char now[RG_TIME_TEXT_SIZE] = "never";
        char then[RG_TIME_TEXT_SIZE];
        rg_clock_format(account->until_us, then);
        if (item->object.until_us > 0) {
            rg_clock_format(item->object.until_us, now);
        }
        rules_find(rules, AUDIT_ALTERED, item, item->first,
                   "its lock was shortened: it ends at %s, and record %" PRIu64 " says %s", now, account->seq, then);
    }
}

static void keep_lock(struct rules *rules, const struct account *account)
{
    int64_t time_us = account->until_us - account->hlc_us;
    if (account->lock == S3_LOCK_OFF || account->until_us == 0) {
        return;
    }
    rules->recorded = !rules->has_recorded || account->lock < rules->recorded ? account->lock : rules->recorded;
    rules->shortest_us = !rules->has_recorded || time_us < rules->shortest_us ? time_us : rules->shortest_us;
    rules->has_recorded = true;
}

static void read_account(struct rules *rules, const struct audit_head *head, struct rg_slice line)
{
    json_error_t error;
    json_t *document = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, &error);
    const json_t *rg = json_object_get(json_object_get(document, "unmapped"), "rg");
    struct rg_slice digest = text_of(rg, "digest");
    struct rg_slice lock = text_of(document, "message");
    struct account account = {.object = text_of(rg, "object"),
                              .version = text_of(rg, "object_version"),
                              .until_us = json_integer_value(json_object_get(rg, "until_us")),
                              .first = (uint64_t)json_integer_value(json_object_get(rg, "first_seq")),
                              .last = (uint64_t)json_integer_value(json_object_get(rg, "last_seq")),
                              .lock = rg_slice_is_equal(lock, RG_SLICE("COMPLIANCE"))   ? S3_LOCK_COMPLIANCE
                                      : rg_slice_is_equal(lock, RG_SLICE("GOVERNANCE")) ? S3_LOCK_GOVERNANCE
                                                                                        : S3_LOCK_OFF,
                              .seq = head->seq,
                              .hlc_us = head->hlc_us};
    if (account.object.size > 0 && digest.size < sizeof account.digest) {
        memcpy(account.digest, digest.data == NULL ? "" : digest.data, digest.size);
        keep_lock(rules, &account);
        check_account(rules, &account);
    }
    json_decref(document);
}

static rg_status read_segment(struct rules *rules, struct audit_reader *reader)
{
    const struct rg_slice kind = RG_SLICE("\"kind\":\"export.segment\"");
    for (;;) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        struct audit_head head = {0};
        RG_TRY(audit_reader_next(reader, &reading, &line));
        if (reading != AUDIT_READING_LINE) {
            return RG_OK; /* what it is instead is audit/verify.h's to say */
        }
        bool is_one = rg_is_ok(audit_line_parse(line, &head)) &&
                      rg_slice_has_prefix(rg_slice_cut(line, head.size, SIZE_MAX), kind);
        if (is_one) {
            read_account(rules, &head, line);
        }
    }
}

rg_status rules_check_records(struct rules *rules, int directory_fd)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_segments segments = {0};
    rg_arena_init(&arena, 256 * 1024 * 1024);
    RG_TRY(audit_segments_load(directory_fd, &arena, &segments));
    for (size_t i = 0; i < segments.count; i++) {
        RG_AUTO(audit_fd_done) int fd = -1;
        struct audit_reader reader;
        RG_TRY(audit_segment_open_read(directory_fd, segments.first_seqs[i], &fd));
        audit_reader_init(&reader, fd);
        rg_status status = read_segment(rules, &reader);
        audit_reader_done(&reader);
        RG_TRY(status);
    }
    return RG_OK;
}
