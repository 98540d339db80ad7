/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a log directory: creation, the lock that keeps two rowgates apart, the origin, recovery, and
 * the records that say so. Blocking calls; used at start-up only. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "audit/log_private.h"

enum {
    ORIGIN_MAX = 255,
    SEGMENT_DEFAULT = 256 * 1024 * 1024,
    SEGMENT_SMALLEST = 128 * 1024,
    OPEN_ARENA = 64 * 1024 * 1024,
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
        return rg_fail(RG_CONFIG, "audit segments of %zu bytes, at least %d", options->segment_bytes, SEGMENT_SMALLEST);
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

static rg_status open_directories(struct audit_log *log, struct rg_slice directory, struct rg_arena *arena)
{
    struct rg_slice path = {0};
    RG_TRY(rg_arena_copy(arena, directory, &path));
    RG_TRY(make_at(log, AT_FDCWD, path.data));
    RG_TRY(open_at(log, AT_FDCWD, path.data, O_RDONLY | O_DIRECTORY, &log->directory_fd));
    RG_TRY(take_lock(log));
    RG_TRY(make_at(log, log->directory_fd, "seg"));
    RG_TRY(make_at(log, log->directory_fd, "quarantine"));
    RG_TRY(open_at(log, log->directory_fd, "seg", O_RDONLY | O_DIRECTORY, &log->segments_fd));
    RG_TRY(sync_fd(log, log->directory_fd, path.data));
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

static rg_status note_start(struct audit_log *log, const struct audit_recovery *recovery)
{
    if (recovery->cut_bytes > 0) {
        RG_TRY(audit_log_note(log, &(struct audit_event){.kind = AUDIT_LOG_RECOVERED,
                                                         .message = rg_slice_of(recovery->quarantine),
                                                         .recovered_bytes = recovery->cut_bytes,
                                                         .recovered_sha256 = &recovery->cut_sha256,
                                                         .recovered_from_seq = recovery->first_lost_seq}));
    }
    return audit_log_note(log, &(struct audit_event){.kind = AUDIT_LOG_STARTED});
}

static rg_status open_log(const struct auditor_options *options, struct rg_arena *arena, struct audit_log *log)
{
    struct audit_recovery recovery = {0};
    RG_TRY(open_directories(log, options->directory, arena));
    RG_TRY(settle_origin(log, options->origin, arena));
    struct rg_digest no_keys = rg_sha256_one(RG_SLICE(""));
    audit_chain_init(&log->chain, options->origin, &no_keys);
    RG_TRY(audit_log_recover(log, arena, &recovery));
    return note_start(log, &recovery);
}

rg_status audit_log_open(const struct auditor_options *options, struct audit_log *out_log)
{
    RG_TRY(check_options(options));
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, OPEN_ARENA);
    struct audit_log log = {.store = options->store == NULL ? audit_store_files() : options->store,
                            .clock = options->clock == NULL ? rg_clock_system() : options->clock,
                            .durability = options->durability,
                            .segment_bytes = options->segment_bytes == 0 ? SEGMENT_DEFAULT : options->segment_bytes,
                            .directory_fd = -1,
                            .lock_fd = -1,
                            .segments_fd = -1};
    rg_buf_init(&log.pending, AUDIT_COMMIT_MAX);
    make_boot(log.boot);
    rg_status status = open_log(options, &arena, &log);
    if (!rg_is_ok(status)) {
        audit_log_done(&log);
        return status;
    }
    *out_log = log;
    return RG_OK;
}
