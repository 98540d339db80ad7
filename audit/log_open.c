/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a log directory: creation, the lock that keeps two rowgates apart, the origin, recovery, and
 * the records that say so. Blocking calls; used at start-up only. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "audit/log_private.h"
#include "audit/rollback.h"
#include "base/rg_memory.h"

enum {
    ORIGIN_MAX = 255,
    SEGMENT_DEFAULT = 256 * 1024 * 1024,
    SEGMENT_SMALLEST = 128 * 1024,
    RESERVE_DEFAULT = 64 * 1024 * 1024,
    RESERVE_SMALLEST = 128 * 1024,
    LOW_DEFAULT = 1024 * 1024 * 1024,
    OPEN_ARENA = 64 * 1024 * 1024,
    KEYS_ARENA = 64 * 1024 * 1024,
};

static rg_status check_options(const struct auditor_options *options)
{
    struct rg_slice origin = options->origin;
    if (options->directory.size == 0 || origin.size == 0 || origin.size > ORIGIN_MAX) {
        return rg_fail(RG_CONFIG, "the audit log needs a directory and an origin of 1 to %d bytes", ORIGIN_MAX);
    }
    for (size_t i = 0; i < origin.size; i++) {
        if (origin.data[i] <= 0x20 || origin.data[i] > 0x7e) {
            return rg_fail(RG_CONFIG, "the audit log's origin is not printable ASCII without spaces");
        }
    }
    if (options->segment_bytes != 0 && options->segment_bytes < SEGMENT_SMALLEST) {
        return rg_fail(RG_CONFIG, "audit segments of %" PRIu64 " bytes, at least %d", options->segment_bytes,
                       SEGMENT_SMALLEST);
    }
    if (options->reserve_bytes != 0 && options->reserve_bytes < RESERVE_SMALLEST) {
        return rg_fail(RG_CONFIG, "an audit reserve of %" PRIu64 " bytes, at least %d", options->reserve_bytes,
                       RESERVE_SMALLEST);
    }
    return RG_OK;
}

static rg_status fail(const char *what, struct rg_slice name, int negative_errno)
{
    return rg_fail(RG_STORAGE, "cannot %s %.*s: %s", what, rg_slice_shown(name), name.data, strerror(-negative_errno));
}

static rg_status open_at(const struct audit_log *log, int directory_fd, const char *name, int flags, int *out_fd)
{
    int fd = log->store->open(log->store->context, directory_fd, name, flags | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return fail("open", rg_slice_of(name), fd);
    }
    *out_fd = fd;
    return RG_OK;
}

static rg_status make_at(const struct audit_log *log, int directory_fd, const char *name)
{
    int result = log->store->make_directory(log->store->context, directory_fd, name);
    return result < 0 ? fail("create", rg_slice_of(name), result) : RG_OK;
}

static rg_status sync_fd(const struct audit_log *log, int fd, const char *name)
{
    int result = log->store->sync_all(log->store->context, fd);
    return result < 0 ? fail("sync", rg_slice_of(name), result) : RG_OK;
}

static rg_status sync_parent(const struct audit_log *log)
{
    int fd = -1;
    RG_TRY(open_at(log, log->directory_fd, "..", O_RDONLY | O_DIRECTORY, &fd));
    rg_status status = sync_fd(log, fd, "the audit log's parent");
    log->store->close(log->store->context, fd);
    return status;
}

/* audit_verify looks at the lock for a moment (a shared lock): hence a second try. */
static rg_status take_lock(struct audit_log *log)
{
    enum { TRIES = 3 };
    RG_TRY(open_at(log, log->directory_fd, "lock", O_RDWR | O_CREAT, &log->lock_fd));
    int result = -EWOULDBLOCK;
    for (int i = 0; i < TRIES && result == -EWOULDBLOCK; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = i * 10 * 1000 * 1000}, NULL);
        result = log->store->lock(log->store->context, log->lock_fd);
    }
    if (result == -EWOULDBLOCK) {
        return rg_fail(RG_STORAGE, "the audit log is in use by another rowgate");
    }
    return result < 0 ? fail("lock", RG_SLICE("the audit log"), result) : RG_OK;
}

/* `rowgate audit keys init` made it. Nothing is put in the place of one that is missing, not even the lock: an operator
 * may be about to move it back there. */
static rg_status open_directory(struct audit_log *log, struct rg_slice directory)
{
    struct stat info;
    struct rg_slice path = {0};
    RG_TRY(rg_arena_copy(log->arena, directory, &path));
    log->path = path.data;
    if (log->store->stat_at(log->store->context, AT_FDCWD, log->path, &info) == -ENOENT) {
        return rg_fail(RG_CONFIG,
                       "the audit log's directory %s does not exist: `rowgate audit keys init` makes a new log",
                       log->path);
    }
    return open_at(log, AT_FDCWD, log->path, O_RDONLY | O_DIRECTORY, &log->directory_fd);
}

/* seg/ is older than origin: a log that has the one has the other. */
static rg_status make_directories(struct audit_log *log)
{
    struct stat info;
    if (log->store->stat_at(log->store->context, log->directory_fd, "origin", &info) == -ENOENT) {
        RG_TRY(make_at(log, log->directory_fd, "seg"));
    }
    RG_TRY(make_at(log, log->directory_fd, "quarantine"));
    RG_TRY(open_at(log, log->directory_fd, "seg", O_RDONLY | O_DIRECTORY, &log->segments_fd));
    RG_TRY(sync_fd(log, log->directory_fd, "the audit log's directory"));
    return sync_parent(log);
}

static rg_status write_origin(const struct audit_log *log, int fd, struct rg_slice line)
{
    const struct audit_store *store = log->store;
    ssize_t written = store->write_at(store->context, fd, line.data, line.size, 0);
    if (written != (ssize_t)line.size) {
        return fail("write", RG_SLICE("origin"), written < 0 ? (int)written : -EIO);
    }
    RG_TRY(sync_fd(log, fd, "origin"));
    return sync_fd(log, log->directory_fd, "the audit log's directory");
}

/* An origin without any segment may be what a crash left of the very first start: written again. */
static rg_status create_origin(const struct audit_log *log, struct rg_slice origin, struct rg_arena *arena)
{
    struct rg_slice line = {0};
    int fd = -1;
    RG_TRY(rg_arena_printf(arena, &line, "%.*s\n", (int)origin.size, origin.data));
    RG_TRY(open_at(log, log->directory_fd, "origin", O_RDWR | O_CREAT | O_TRUNC, &fd));
    rg_status status = write_origin(log, fd, line);
    log->store->close(log->store->context, fd);
    return status;
}

static rg_status settle_origin(const struct audit_log *log, struct rg_slice origin, struct rg_arena *arena)
{
    struct audit_segments segments = {0};
    struct rg_slice found = {0};
    RG_TRY(audit_segments_load(log->directory_fd, arena, &segments));
    rg_status status = audit_origin_load(log->directory_fd, arena, &found);
    if (!rg_is_ok(status)) {
        return segments.count == 0 ? create_origin(log, origin, arena) : status;
    }
    if (!rg_slice_is_equal(found, origin)) {
        return rg_fail(RG_CONFIG, "the audit log belongs to origin %.*s, not %.*s", rg_slice_shown(found), found.data,
                       rg_slice_shown(origin), origin.data);
    }
    return RG_OK;
}

static void make_boot(char out_boot[AUDIT_BOOT_SIZE + 1])
{
    struct rg_digest random;
    char hex[2 * RG_SHA256_SIZE + 1];
    rg_random(random.bytes, sizeof random.bytes);
    rg_digest_hex(&random, hex);
    memcpy(out_boot, hex, AUDIT_BOOT_SIZE);
    out_boot[AUDIT_BOOT_SIZE] = '\0';
}

/* ---- keys and epochs ---- */

static rg_status load_keys(struct audit_log *log, struct rg_slice origin)
{
    struct stat info;
    void *keys = NULL;
    if (fstatat(log->directory_fd, "keys", &info, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
        return rg_fail(RG_CONFIG, "the audit log has no signing keys: make them with `rowgate audit keys init`");
    }
    RG_TRY(rg_arena_copy(log->arena, origin, &log->origin));
    RG_TRY(rg_arena_alloc(log->arena, sizeof *log->keys, &keys));
    log->keys = keys;
    RG_TRY(audit_keys_load(log->directory_fd, NULL, log->arena, log->keys));
    if (!rg_slice_is_equal(log->keys->origin, origin)) {
        return rg_fail(RG_CONFIG, "the audit log's keys belong to origin %.*s, not %.*s",
                       rg_slice_shown(log->keys->origin), log->keys->origin.data, rg_slice_shown(origin), origin.data);
    }
    log->epoch_count = log->keys->epoch_count;
    log->epoch_seconds = log->keys->epoch_seconds;
    return RG_OK;
}

/* The seed on disk is of the epoch that the records opened last, or of the one before, when the step did not come
 * through. A step is made after the checkpoint that it follows was synced: that is there, or was removed. */
static rg_status check_epoch(const struct audit_floor *floor, const struct audit_recovery *recovery,
                             uint64_t signer_epoch)
{
    bool is_stepped = signer_epoch == recovery->epoch;
    if (!is_stepped && signer_epoch + 1 != recovery->epoch) {
        return rg_fail(RG_STORAGE,
                       "the audit log was rolled back or altered: its records end in epoch %" PRIu64
                       ", keys/seed is of epoch %" PRIu64,
                       recovery->epoch, signer_epoch);
    }
    if (is_stepped ? floor->size < recovery->epoch_size : floor->size > recovery->epoch_size) {
        return rg_fail(RG_STORAGE,
                       "the audit log was rolled back or altered: keys/seed is of epoch %" PRIu64
                       ", the newest checkpoint covers %" PRIu64 " records, and that epoch began at %" PRIu64,
                       signer_epoch, floor->size, recovery->epoch_size);
    }
    return RG_OK;
}

static rg_status start_publisher(struct audit_log *log, const struct audit_floor *floor,
                                 const struct audit_recovery *recovery)
{
    struct audit_signer *signer = NULL;
    RG_TRY(audit_signer_open(log->directory_fd, log->store, log->keys, &signer));
    uint64_t signer_epoch = audit_signer_epoch(signer);
    rg_status status = check_epoch(floor, recovery, signer_epoch);
    if (!rg_is_ok(status)) {
        audit_signer_free(&signer);
        return status;
    }
    const struct audit_publisher_options options = {
        .directory_fd = log->directory_fd,
        .store = log->store,
        .signer = signer,
        .origin = log->origin,
        .tiles = floor->tiles,
        .tree = &floor->tree,
        .ended = (const struct audit_ended *)(const void *)rg_buf_slice(&recovery->ended).data,
        .ended_count = rg_buf_size(&recovery->ended) / sizeof(struct audit_ended),
        .epoch_size = signer_epoch == recovery->epoch ? recovery->epoch_size : recovery->epoch_size_before};
    log->published_seq = floor->size;
    log->epoch = recovery->epoch;
    log->boundary_seq = signer_epoch == recovery->epoch ? 0 : recovery->epoch_size;
    return audit_publisher_open(&options, &log->publisher);
}

/* An epoch that the records opened and no key stepped to yet. */
static rg_status finish_step(struct audit_log *log)
{
    if (log->boundary_seq == 0) {
        return RG_OK;
    }
    RG_TRY(audit_log_publish(log, AUDIT_PUBLISH_EPOCH));
    return audit_publisher_drain(log->publisher);
}

static rg_status start_keeper(struct audit_log *log)
{
    const struct audit_keeper_options options = {.store = log->store,
                                                 .directory_fd = log->directory_fd,
                                                 .segments_fd = log->segments_fd,
                                                 .reserve_bytes = log->reserve_bytes};
    return audit_keeper_open(&options, &log->keeper);
}

/* The time until the epoch ends goes on over a stop, by the wall clock and within one epoch: a clock that was set burns
 * one key at most. */
static rg_status resume_epoch(struct audit_log *log, const struct audit_recovery *recovery)
{
    int64_t epoch_us = (int64_t)log->epoch_seconds * 1000000;
    int64_t passed_us = log->chain.next_seq == 0 ? 0 : rg_clock_wall_us(log->clock) - recovery->epoch_hlc_us;
    passed_us = passed_us < 0 ? 0 : passed_us;
    log->epoch_end_us = rg_clock_monotonic_us(log->clock) + (passed_us < epoch_us ? epoch_us - passed_us : 0);
    return RG_OK;
}

/* ---- the start ---- */

static rg_status note_recovery(struct audit_log *log, const struct audit_recovery *recovery)
{
    if (recovery->cut_bytes == 0) {
        return RG_OK;
    }
    return audit_log_compose_event(log, &(struct audit_event){.kind = AUDIT_LOG_RECOVERED,
                                                              .message = rg_slice_of(recovery->quarantine),
                                                              .recovered_bytes = recovery->cut_bytes,
                                                              .recovered_sha256 = &recovery->cut_sha256,
                                                              .recovered_from_seq = recovery->first_lost_seq});
}

/* Prunes in the unsigned tail: a prune is carried out when it is signed, and this start would sign anybody's. */
static rg_status note_void(struct audit_log *log)
{
    if (log->void_seq == 0) {
        return RG_OK;
    }
    return audit_log_compose_event(
        log, &(struct audit_event){.kind = AUDIT_LOG_RECOVERED,
                                   .message = RG_SLICE("a retention.prune that nothing had signed is void"),
                                   .recovered_from_seq = log->void_seq});
}

/* Record 0 is log.started, also when the very first start was torn. */
static rg_status note_start(struct audit_log *log, const struct audit_recovery *recovery)
{
    bool is_first = log->chain.next_seq == 0;
    RG_TRY(is_first ? RG_OK : note_recovery(log, recovery));
    RG_TRY(note_void(log));
    RG_TRY(audit_log_compose_event(log, &(struct audit_event){.kind = AUDIT_LOG_STARTED}));
    RG_TRY(is_first ? note_recovery(log, recovery) : RG_OK);
    RG_TRY(audit_log_flush(log, true));
    return audit_log_watch_epoch(log, rg_clock_monotonic_us(log->clock));
}

/* Signs all that is there before anything is taken from a client: from the first acknowledged record on there is a
 * checkpoint that a log without records contradicts. A full disk may refuse a later one; the publisher tries again. */
static rg_status sign_start(struct audit_log *log, bool is_first)
{
    if (log->durable_seq > log->published_seq) {
        RG_TRY(audit_log_publish(log, AUDIT_PUBLISH_TIMED));
    }
    rg_status status = audit_publisher_drain(log->publisher);
    return is_first ? status : RG_OK;
}

static rg_status open_records(struct audit_log *log, struct rg_arena *arena, struct audit_recovery *recovery)
{
    struct audit_floor *floor = NULL;
    const struct rg_digest keys_root = audit_keys_genesis_root(log->keys);
    audit_chain_init(&log->chain, log->origin, &keys_root);
    RG_TRY(audit_log_find_floor(log, arena, &floor));
    log->signed_seq = floor->size > 0 ? floor->size : 1;
    RG_TRY(audit_log_recover(log, floor, arena, recovery));
    log->signed_seq = 0;
    log->resumed_us = log->chain.hlc_us;
    RG_TRY(floor->has_bad_tiles ? audit_floor_mend(log, floor, recovery->base_size, arena) : RG_OK);
    RG_TRY(start_keeper(log));
    RG_TRY(start_publisher(log, floor, recovery));
    RG_TRY(finish_step(log));
    RG_TRY(resume_epoch(log, recovery));
    int64_t now_us = rg_clock_monotonic_us(log->clock);
    log->checkpoint_us = now_us;
    log->synced_us = now_us;
    log->watch_us = now_us;
    log->state = AUDIT_OPEN;
    RG_TRY(note_start(log, recovery));
    return sign_start(log, floor->size == 0);
}

static rg_status open_log(const struct auditor_options *options, struct rg_arena *arena, struct audit_log *log)
{
    struct audit_recovery recovery = {0};
    rg_buf_init(&recovery.ended, SIZE_MAX / 2);
    RG_TRY(open_directory(log, options->directory));
    RG_TRY(load_keys(log, options->origin));
    RG_TRY(take_lock(log));
    RG_TRY(audit_rolled_back_check(log->directory_fd));
    RG_TRY(make_directories(log));
    RG_TRY(settle_origin(log, options->origin, arena));
    rg_status status = open_records(log, arena, &recovery);
    rg_buf_done(&recovery.ended);
    return status;
}

/* A full disk or memory is RG_LIMIT inside; nobody else cares for the difference. */
static rg_status as_storage(rg_status status)
{
    char text[sizeof status.error->text];
    if (status.error->kind == RG_CONFIG || status.error->kind == RG_STORAGE) {
        return status;
    }
    (void)snprintf(text, sizeof text, "%s", status.error->text);
    return rg_fail(RG_STORAGE, "%s", text);
}

static void init_log(const struct auditor_options *options, struct audit_log *log)
{
    *log = (struct audit_log){
        .store = options->store == NULL ? audit_store_files() : options->store,
        .clock = options->clock == NULL ? rg_clock_system() : options->clock,
        .durability = options->durability,
        .segment_bytes = options->segment_bytes == 0 ? SEGMENT_DEFAULT : options->segment_bytes,
        .reserve_bytes = options->reserve_bytes == 0 ? RESERVE_DEFAULT : options->reserve_bytes,
        .low_bytes = options->low_space_bytes == 0 ? LOW_DEFAULT : options->low_space_bytes,
        .acknowledged_seq = options->acknowledged_seq,
        .directory_fd = -1,
        .lock_fd = -1,
        .segments_fd = -1,
        .arena = rg_memory_alloc(sizeof *log->arena),
    };
    rg_arena_init(log->arena, KEYS_ARENA);
    rg_buf_init(&log->pending, AUDIT_COMMIT_MAX + 8 * AUDIT_LINE_MAX);
    rg_buf_init(&log->leaves, (size_t)AUDIT_PUBLISH_QUEUE * RG_SHA256_SIZE);
    make_boot(log->boot);
}

rg_status audit_log_open(const struct auditor_options *options, struct audit_log *out_log)
{
    RG_TRY(check_options(options));
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, OPEN_ARENA);
    struct audit_log *log = rg_memory_alloc(sizeof *log); /* much for a frame */
    init_log(options, log);
    rg_status status = open_log(options, &arena, log);
    if (!rg_is_ok(status)) {
        audit_log_done(log);
    } else {
        *out_log = *log;
    }
    rg_memory_free(log);
    return rg_is_ok(status) ? RG_OK : as_storage(status);
}
