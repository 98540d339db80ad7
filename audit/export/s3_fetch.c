/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches what the bucket lists, over several connections, and lays it out as a log's directory: segments unpacked,
 * manifests, anchors as checkpoints, key lists. Nothing is believed here: an object that cannot be unpacked or read is
 * marked, and judged later. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/export/gzip.h"
#include "audit/export/s3_verify_private.h"
#include "audit/keep/base.h"
#include "audit/manifest.h"
#include "audit/publisher.h"
#include "audit/reader.h"
#include "base/rg_memory.h"

enum { TRIES = 5, CONNECTIONS = 16, FILE_NAME_SIZE = 64 };
static const uint64_t unpacked_max = UINT64_C(4) << 30; /* bytes of one segment */

struct fetch {
    const struct s3_verify_options *options;
    struct catalog *catalog;
    int directory_fd;
    atomic_size_t next;
    atomic_size_t done;
    pthread_mutex_t lock; /* of the catalog's arena and of failure */
    bool has_failed;
    enum rg_kind kind;
    char failure[400];
};

/* One object on its way. */
struct arrival {
    struct fetch *fetch;
    struct catalog_item *item;
    int fd; /* the file it goes to; -1 = none */
    uint64_t written;
    struct rg_buf held; /* of small ones */
    struct rg_sha256_stream *hash;
    struct gzip_unpacker *unpacker; /* of segments */
    bool is_bad;                    /* the object's fault, not the road's */
};

/* ---- where the bytes go ---- */

static rg_status write_file(void *context, struct rg_slice bytes)
{
    struct arrival *arrival = context;
    for (size_t at = 0; at < bytes.size;) {
        ssize_t put = pwrite(arrival->fd, bytes.data + at, bytes.size - at, (off_t)arrival->written);
        if (put < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot write to the temporary directory: %s", strerror(errno));
        }
        at += put > 0 ? (size_t)put : 0;
        arrival->written += put > 0 ? (uint64_t)put : 0;
    }
    return RG_OK;
}

static rg_status take(void *context, struct rg_slice bytes)
{
    struct arrival *arrival = context;
    rg_sha256_put(arrival->hash, bytes);
    rg_status status =
        arrival->unpacker != NULL ? gzip_unpack(arrival->unpacker, bytes) : rg_buf_put(&arrival->held, bytes);
    arrival->is_bad = arrival->is_bad || (!rg_is_ok(status) && status.error->kind != RG_STORAGE);
    return status;
}

static void name_file(const struct fetch *fetch, const struct catalog_item *item, char out_name[FILE_NAME_SIZE])
{
    out_name[0] = '\0';
    if (fetch->directory_fd < 0 || !item->is_first) {
        return;
    }
    switch (item->kind) {
    case CATALOG_SEGMENT:
        (void)snprintf(out_name, FILE_NAME_SIZE, "seg/%016" PRIu64 ".jsonl", item->first);
        break;
    case CATALOG_MANIFEST:
        audit_manifest_path(item->first, out_name);
        break;
    case CATALOG_ANCHOR:
        if (item->first > fetch->catalog->begin && item->first <= fetch->catalog->end) {
            audit_note_path(item->first, out_name);
        }
        break;
    case CATALOG_KEY:
        (void)snprintf(out_name, FILE_NAME_SIZE, "keys/%.*s", RG_SLICE_ARGS(item->name));
        break;
    case CATALOG_BASE:
        audit_base_path(item->first, out_name);
        break;
    case CATALOG_STRANGER:
        break;
    }
}

static rg_status open_file(const struct fetch *fetch, struct catalog_item *item, int *out_fd)
{
    char name[FILE_NAME_SIZE];
    name_file(fetch, item, name);
    if (name[0] == '\0') {
        return RG_OK;
    }
    int fd = openat(fetch->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) {
        (void)snprintf(item->trouble, sizeof item->trouble, "another object says that it holds the same records");
        return RG_OK;
    }
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot make %s in the temporary directory: %s", name, strerror(errno));
    }
    *out_fd = fd;
    return RG_OK;
}

/* ---- one object ---- */

static rg_status keep_bytes(struct fetch *fetch, struct catalog_item *item, const struct arrival *arrival)
{
    (void)pthread_mutex_lock(&fetch->lock);
    rg_status status = rg_arena_copy(fetch->catalog->arena, rg_buf_slice(&arrival->held), &item->bytes);
    (void)pthread_mutex_unlock(&fetch->lock);
    return status;
}

static rg_status settle(struct arrival *arrival, rg_status status, const struct s3_object *object)
{
    struct catalog_item *item = arrival->item;
    if (!rg_is_ok(status) && arrival->is_bad) {
        (void)snprintf(item->trouble, sizeof item->trouble, "%.190s", status.error->text);
        return RG_OK;
    }
    RG_TRY(status);
    item->object = *object;
    if (!object->is_there) {
        (void)snprintf(item->trouble, sizeof item->trouble, "it is listed, and the server does not have it");
        return RG_OK;
    }
    rg_status end = arrival->unpacker == NULL ? RG_OK : gzip_unpack_end(arrival->unpacker);
    if (!rg_is_ok(end)) {
        (void)snprintf(item->trouble, sizeof item->trouble, "%.190s", end.error->text);
        return RG_OK;
    }
    bool is_kept = arrival->unpacker == NULL && item->kind != CATALOG_BASE;
    RG_TRY(is_kept ? keep_bytes(arrival->fetch, item, arrival) : RG_OK);
    return arrival->unpacker == NULL && arrival->fd >= 0 ? write_file(arrival, rg_buf_slice(&arrival->held)) : RG_OK;
}

static rg_status get(struct s3 *s3, struct arrival *arrival)
{
    const struct s3_sink sink = {take, arrival};
    const struct gzip_target target = {write_file, arrival};
    struct s3_object object = {0};
    struct catalog_item *item = arrival->item;
    arrival->hash = rg_sha256_new();
    rg_buf_init(&arrival->held, item->kind == CATALOG_BASE ? (size_t)AUDIT_BASE_MAX : (size_t)AUDIT_NOTE_MAX);
    if (item->kind == CATALOG_SEGMENT) {
        arrival->unpacker = gzip_unpacker_new(unpacked_max, &target);
    }
    if (arrival->fd >= 0 && ftruncate(arrival->fd, 0) != 0) {
        return rg_fail(RG_STORAGE, "cannot write to the temporary directory: %s", strerror(errno));
    }
    arrival->written = 0;
    rg_status status = s3_get(s3, item->key.data, item->version.data, &sink, &object);
    item->sha256 = rg_sha256_end(arrival->hash);
    item->has_sha256 = rg_is_ok(status) && object.is_there;
    return settle(arrival, status, &object);
}

static void clear(struct arrival *arrival)
{
    rg_sha256_free(&arrival->hash);
    rg_buf_done(&arrival->held);
    gzip_unpacker_free(&arrival->unpacker);
}

/* Of a later version of something large, and of a base that is not needed, only what the server says of it. */
static rg_status head(struct s3 *s3, struct catalog_item *item)
{
    RG_TRY(s3_head(s3, item->key.data, item->version.data, &item->object));
    item->sha256 = item->object.sha256;
    item->has_sha256 = item->object.has_sha256;
    return RG_OK;
}

static bool is_whole(const struct fetch *fetch, const struct catalog_item *item)
{
    bool is_base = item->kind == CATALOG_BASE;
    bool is_large = is_base || item->kind == CATALOG_SEGMENT || item->kind == CATALOG_MANIFEST;
    bool is_needed = !is_base || (item->first == fetch->catalog->begin && item->first > 0);
    return !is_large || (item->is_first && is_needed && fetch->directory_fd >= 0);
}

static rg_status fetch_one(struct fetch *fetch, struct s3 *s3, struct catalog_item *item, int fd)
{
    struct arrival arrival = {.fetch = fetch, .item = item, .fd = fd};
    rg_status status = is_whole(fetch, item) ? get(s3, &arrival) : head(s3, item);
    clear(&arrival);
    return status;
}

static bool is_worth_another(rg_status status, int tried)
{
    return !rg_is_ok(status) && status.error->kind == RG_UPSTREAM && tried + 1 < TRIES;
}

static rg_status fetch_item(struct fetch *fetch, struct s3 *s3, struct catalog_item *item)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    rg_status status = RG_OK;
    if (item->is_marker || item->kind == CATALOG_STRANGER) {
        return RG_OK;
    }
    RG_TRY(is_whole(fetch, item) ? open_file(fetch, item, &fd) : RG_OK);
    for (int tried = 0; tried < TRIES; tried++) {
        status = fetch_one(fetch, s3, item, fd);
        if (!is_worth_another(status, tried)) {
            break;
        }
        const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000L << tried};
        (void)nanosleep(&pause, NULL);
    }
    return status;
}

/* ---- all of them ---- */

static void keep_failure(struct fetch *fetch, rg_status status)
{
    (void)pthread_mutex_lock(&fetch->lock);
    if (!fetch->has_failed) {
        fetch->has_failed = true;
        fetch->kind = status.error->kind;
        (void)snprintf(fetch->failure, sizeof fetch->failure, "%.390s", status.error->text);
    }
    (void)pthread_mutex_unlock(&fetch->lock);
}

static void *run(void *context)
{
    struct fetch *fetch = context;
    struct s3 *s3 = NULL;
    rg_status status = s3_open(&fetch->options->s3, &s3);
    while (rg_is_ok(status)) {
        size_t at = atomic_fetch_add(&fetch->next, 1);
        if (at >= fetch->catalog->count) {
            break;
        }
        status = fetch_item(fetch, s3, &fetch->catalog->items[at]);
        atomic_fetch_add(&fetch->done, 1);
    }
    if (!rg_is_ok(status)) {
        keep_failure(fetch, status);
        atomic_store(&fetch->next, fetch->catalog->count);
    }
    s3_close(&s3);
    return NULL;
}

static rg_status run_all(struct fetch *fetch)
{
    pthread_t threads[64];
    size_t wanted = fetch->options->connections == 0 ? CONNECTIONS : fetch->options->connections;
    size_t started = 0;
    wanted = wanted > 64 ? 64 : wanted;
    wanted = wanted > fetch->catalog->count ? fetch->catalog->count : wanted;
    while (started < wanted && pthread_create(&threads[started], NULL, run, fetch) == 0) {
        started++;
    }
    if (started == 0 && wanted > 0) {
        return rg_fail(RG_INTERNAL, "the system has no threads");
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return fetch->has_failed ? rg_fail(fetch->kind, "%s", fetch->failure) : RG_OK;
}

/* The newest anchor of the records that are there stands for head.note. */
static rg_status put_rest(const struct catalog *catalog, int directory_fd)
{
    RG_AUTO(rg_buf_done) struct rg_buf origin;
    const struct catalog_item *newest = NULL;
    const struct audit_store *store = audit_store_files();
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_item *item = &catalog->items[i];
        if (item->kind == CATALOG_ANCHOR && item->is_first && item->first <= catalog->end && item->bytes.size > 0) {
            newest = newest == NULL || item->first > newest->first ? item : newest;
        }
    }
    rg_buf_init(&origin, 512);
    RG_TRY(rg_buf_put(&origin, catalog->origin));
    RG_TRY(rg_buf_put_u8(&origin, '\n'));
    RG_TRY(audit_store_put(store, directory_fd, "origin", "new", rg_buf_slice(&origin), false));
    return newest == NULL ? RG_OK : audit_store_put(store, directory_fd, "head.note", "new", newest->bytes, false);
}

static rg_status make_directories(int directory_fd)
{
    static const char *const names[] = {"seg", "ckpt", "keys", "pruned"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (mkdirat(directory_fd, names[i], 0700) != 0) {
            return rg_fail(RG_STORAGE, "cannot write to the temporary directory: %s", strerror(errno));
        }
    }
    return RG_OK;
}

rg_status catalog_fetch(const struct s3_verify_options *options, struct catalog *catalog, int directory_fd)
{
    struct fetch *fetch = rg_memory_alloc(sizeof *fetch);
    fetch->options = options;
    fetch->catalog = catalog;
    fetch->directory_fd = directory_fd;
    RG_ASSERT(pthread_mutex_init(&fetch->lock, NULL) == 0);
    rg_status status = directory_fd < 0 ? RG_OK : make_directories(directory_fd);
    if (rg_is_ok(status)) {
        status = run_all(fetch);
    }
    if (rg_is_ok(status) && directory_fd >= 0) {
        status = put_rest(catalog, directory_fd);
    }
    (void)pthread_mutex_destroy(&fetch->lock);
    rg_memory_free(fetch);
    return status;
}
