/* SPDX-License-Identifier: Apache-2.0 */
/* Puts one object into the bucket so that it stays: under a name that was not there, with its hash and its lock, and
 * then believes what the server says of it, not that it said 200. */
#include "audit/export/depot_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rg_memory.h"

enum { DEPOT_ARENA = 256 * 1024 };

/* ---- life ---- */

static bool should_stop(void *context)
{
    const struct depot *depot = context;
    return depot->turn != NULL && export_should_stop(depot->turn);
}

static rg_status copy_options(const struct depot_options *options, struct depot *depot)
{
    struct s3_options *copy = &depot->options.s3;
    struct rg_slice *const texts[] = {&copy->bucket,           &copy->prefix,       &copy->endpoint, &copy->region,
                                      &copy->credentials_path, &copy->metadata_url, &copy->ca_file,  &copy->proxy};
    depot->options = *options;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rg_slice text = *texts[i];
        RG_TRY(rg_arena_copy(depot->arena, text, texts[i]));
    }
    copy->should_stop = should_stop;
    copy->context = depot;
    return RG_OK;
}

rg_status depot_init(const struct depot_options *options, struct depot *out_depot)
{
    const int64_t minute_us = INT64_C(60) * 1000000;
    if (options->lock != S3_LOCK_OFF && options->retain_us < minute_us) {
        return rg_fail(RG_CONFIG, "an object lock of less than a minute");
    }
    out_depot->arena = rg_memory_alloc(sizeof *out_depot->arena);
    rg_arena_init(out_depot->arena, DEPOT_ARENA);
    return copy_options(options, out_depot);
}

void depot_done(struct depot *depot)
{
    s3_close(&depot->s3);
    if (depot->arena != NULL) {
        rg_arena_done(depot->arena);
        rg_memory_free(depot->arena);
    }
    *depot = (struct depot){0};
}

static rg_status check_bucket(struct depot *depot, const struct export_turn *turn)
{
    const int64_t again_us = INT64_C(600) * 1000000;
    int64_t now_us = rg_clock_monotonic_us(turn->clock);
    struct s3_bucket bucket = {0};
    if (depot->checked_us != 0 && now_us - depot->checked_us < again_us) {
        return RG_OK;
    }
    RG_TRY(s3_get_bucket(depot->s3, &bucket));
    if (depot->options.lock != S3_LOCK_OFF && (!bucket.is_lockable || !bucket.is_versioned)) {
        return rg_fail(
            RG_CONFIG,
            "%.200s: the bucket has no %s, so nothing would be locked: nothing is uploaded. Create the bucket "
            "with Object Lock (which includes versioning), or say object_lock = \"off\"",
            s3_name(depot->s3), bucket.is_versioned ? "Object Lock" : "versioning and no Object Lock");
    }
    depot->checked_us = now_us == 0 ? 1 : now_us;
    return RG_OK;
}

rg_status depot_begin(struct depot *depot, struct export_turn *turn)
{
    depot->turn = turn;
    if (!depot->has_node) {
        RG_TRY(depot_node(turn->origin, depot->node));
        depot->has_node = true;
    }
    RG_TRY(depot->s3 == NULL ? s3_open(&depot->options.s3, &depot->s3) : RG_OK);
    return check_bucket(depot, turn);
}

/* ---- one object ---- */

static const int64_t second_us = 1000000;

static rg_status check_lock(const struct depot *depot, const char *key, const struct s3_object *object,
                            int64_t until_us)
{
    bool is_locked = object->lock >= depot->options.lock && object->until_us / second_us >= until_us / second_us;
    if (depot->options.lock == S3_LOCK_OFF || is_locked) {
        return RG_OK;
    }
    char until[RG_TIME_TEXT_SIZE] = "never";
    if (object->until_us > 0) {
        rg_clock_format(object->until_us, until);
    }
    return rg_fail(
        RG_PROTOCOL,
        "%.150s%.150s: the server says it is locked %s until %s, which is less than %s for as long as asked: "
        "it ignores locks, or the credentials lack s3:GetObjectRetention",
        s3_name(depot->s3), key, object->lock == S3_LOCK_OFF ? "not at all" : s3_lock_name(object->lock), until,
        s3_lock_name(depot->options.lock));
}

/* Servers of old do not tell the hash: then the bytes are fetched and hashed. */
static rg_status take_hash(void *context, struct rg_slice bytes)
{
    rg_sha256_put(context, bytes);
    return RG_OK;
}

static rg_status find_hash(struct depot *depot, const char *key, struct s3_object *object)
{
    if (object->has_sha256) {
        return RG_OK;
    }
    struct rg_sha256_stream *stream = rg_sha256_new();
    const struct s3_sink sink = {take_hash, stream};
    struct s3_object got = {0};
    rg_status status = s3_get(depot->s3, key, object->version, &sink, &got);
    object->sha256 = rg_sha256_end(stream);
    object->has_sha256 = rg_is_ok(status) && got.is_there;
    rg_sha256_free(&stream);
    return status;
}

static rg_status look(struct depot *depot, const char *key, const char *version, struct s3_object *out_object)
{
    struct s3_object object = {0};
    RG_TRY(s3_head(depot->s3, key, version, &object));
    if (!object.is_there) {
        return rg_fail(RG_UPSTREAM, "%.200s%.200s: the server does not have what it just said to have",
                       s3_name(depot->s3), key);
    }
    RG_TRY(find_hash(depot, key, &object));
    *out_object = object;
    return RG_OK;
}

static rg_status confirm(struct depot *depot, const char *key, const struct s3_object *put, int64_t until_us,
                         struct depot_stored *stored)
{
    RG_TRY(look(depot, key, put->version, &stored->object));
    struct rg_slice ours = rg_slice_make(put->sha256.bytes, sizeof put->sha256.bytes);
    struct rg_slice theirs = rg_slice_make(stored->object.sha256.bytes, sizeof stored->object.sha256.bytes);
    if (!rg_slice_is_equal(ours, theirs) || stored->object.size != put->size) {
        return rg_fail(RG_PROTOCOL, "%.200s%.200s: the server has stored something else than what was sent",
                       s3_name(depot->s3), key);
    }
    if (depot->options.lock != S3_LOCK_OFF && stored->object.version[0] == '\0') {
        return rg_fail(RG_PROTOCOL, "%.200s%.200s: the server names no version: the bucket has no versioning",
                       s3_name(depot->s3), key);
    }
    return check_lock(depot, key, &stored->object, until_us);
}

/* Somebody was there first: we, before we were killed, as a rule. */
static rg_status adopt(struct depot *depot, const char *key, struct rg_slice body, struct depot_stored *stored)
{
    int64_t now_us = rg_clock_wall_us(depot->turn->clock);
    struct rg_digest ours = rg_sha256_one(body);
    RG_TRY(look(depot, key, NULL, &stored->object));
    stored->object.is_taken = true;
    stored->is_other = memcmp(ours.bytes, stored->object.sha256.bytes, sizeof ours.bytes) != 0;
    return stored->is_other ? RG_OK : check_lock(depot, key, &stored->object, now_us);
}

rg_status depot_put(struct depot *depot, const char *key, const char *content_type, struct rg_slice body,
                    struct depot_stored *out_stored)
{
    int64_t until_us = rg_clock_wall_us(depot->turn->clock) + depot->options.retain_us;
    const struct s3_put put = {.key = key,
                               .body = body,
                               .content_type = content_type,
                               .lock = depot->options.lock,
                               .until_us = until_us,
                               .is_new = true,
                               .has_md5 = depot->options.has_content_md5};
    struct s3_object object = {0};
    struct depot_stored stored = {0};
    RG_TRY(s3_put(depot->s3, &put, &object));
    RG_TRY(object.is_taken ? adopt(depot, key, body, &stored) : confirm(depot, key, &object, until_us, &stored));
    *out_stored = stored;
    return RG_OK;
}
