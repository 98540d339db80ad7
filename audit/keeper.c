/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: one thread, three jobs, each asked for by a bit in `wanted`. Everything shared is under the mutex but
 * `filled`, which the committer reads after each write. */
#include "audit/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/rg_memory.h"

enum { JOB_FILL = 1, JOB_NEXT = 2, JOB_RESERVE = 4, JOBS = 3 };

#define RESERVE_TEMPORARY "reserve.new"

struct audit_keeper {
    struct audit_keeper_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    pthread_cond_t idle;
    unsigned wanted;
    unsigned running; /* the job being done */
    unsigned failed;  /* not to be asked for again before the next watch */
    unsigned ready;   /* next and reserve: the file stands there */
    bool is_stopping;
    char fill_name[AUDIT_SEGMENT_NAME_SIZE];
    uint64_t fill_from;
    _Atomic uint64_t filled; /* the segment is filled and synced up to here; 0 = nothing new */
};

static rg_status open_new(const struct audit_keeper *keeper, const char *name, int *out_fd)
{
    const struct audit_store *store = keeper->options.store;
    int fd = store->open(store->context, keeper->options.directory_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
                         S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return audit_store_fail("cannot create", name, fd);
    }
    *out_fd = fd;
    return RG_OK;
}

static rg_status fill_and_sync(const struct audit_keeper *keeper, int fd, const char *name, uint64_t from,
                               uint64_t size)
{
    const struct audit_store *store = keeper->options.store;
    RG_TRY(audit_segment_fill(store, fd, name, from, size));
    int result = store->sync_data(store->context, fd);
    return result < 0 ? audit_store_fail("cannot sync", name, result) : RG_OK;
}

static void drop(const struct audit_keeper *keeper, const char *name)
{
    const struct audit_store *store = keeper->options.store;
    int result = store->remove(store->context, keeper->options.directory_fd, name, false);
    (void)result; /* it was not there, or stays: truncated when it is made again */
}

static rg_status fill_segment(struct audit_keeper *keeper)
{
    const struct audit_store *store = keeper->options.store;
    int fd = store->open(store->context, keeper->options.segments_fd, keeper->fill_name, O_RDWR | O_NOFOLLOW, 0);
    if (fd < 0) {
        return audit_store_fail("cannot open", keeper->fill_name, fd);
    }
    rg_status status = fill_and_sync(keeper, fd, keeper->fill_name, keeper->fill_from, AUDIT_AHEAD_BYTES);
    if (!rg_is_ok(status)) {
        (void)store->truncate(store->context, fd, keeper->fill_from);
    }
    store->close(store->context, fd);
    RG_TRY(status);
    atomic_store(&keeper->filled, keeper->fill_from + AUDIT_AHEAD_BYTES);
    return RG_OK;
}

static rg_status make_file(const struct audit_keeper *keeper, const char *name, uint64_t size)
{
    int fd = -1;
    RG_TRY(open_new(keeper, name, &fd));
    rg_status status = fill_and_sync(keeper, fd, name, 0, size);
    keeper->options.store->close(keeper->options.store->context, fd);
    if (!rg_is_ok(status)) {
        drop(keeper, name); /* a full disk needs the space for something better */
    }
    return status;
}

static rg_status make_next(struct audit_keeper *keeper)
{
    return make_file(keeper, AUDIT_NEXT_NAME, AUDIT_AHEAD_BYTES);
}

/* The reserve of an earlier run, when it is whole and holds nothing but zeros. */
static bool is_reserve_good(const struct audit_keeper *keeper)
{
    RG_AUTO(audit_fd_done)
    int fd = openat(keeper->options.directory_fd, AUDIT_RESERVE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;
    uint64_t end = 1;
    return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
           (uint64_t)info.st_size == keeper->options.reserve_bytes && rg_is_ok(audit_reader_used_end(fd, 0, &end)) &&
           end == 0;
}

static rg_status make_reserve(struct audit_keeper *keeper)
{
    const struct audit_store *store = keeper->options.store;
    int directory_fd = keeper->options.directory_fd;
    if (is_reserve_good(keeper)) {
        return RG_OK;
    }
    RG_TRY(make_file(keeper, RESERVE_TEMPORARY, keeper->options.reserve_bytes));
    int result = store->rename(store->context, directory_fd, RESERVE_TEMPORARY, directory_fd, AUDIT_RESERVE_NAME);
    return result < 0 ? audit_store_fail("cannot rename", AUDIT_RESERVE_NAME, result) : RG_OK;
}

static rg_status (*const jobs[JOBS])(struct audit_keeper *keeper) = {fill_segment, make_next, make_reserve};

/* Under the mutex, which is let go while the job runs. */
static void run_job(struct audit_keeper *keeper)
{
    unsigned number = 0;
    while ((keeper->wanted & 1U << number) == 0) {
        number++;
    }
    keeper->wanted &= ~(1U << number);
    keeper->running = 1U << number;
    (void)pthread_mutex_unlock(&keeper->mutex);
    bool is_done = rg_is_ok(jobs[number](keeper));
    (void)pthread_mutex_lock(&keeper->mutex);
    keeper->running = 0;
    keeper->failed |= is_done ? 0 : 1U << number;
    keeper->ready |= is_done ? 1U << number : 0;
    (void)pthread_cond_broadcast(&keeper->idle);
}

static void *on_thread(void *context)
{
    struct audit_keeper *keeper = context;
    (void)pthread_mutex_lock(&keeper->mutex);
    while (!keeper->is_stopping) {
        if (keeper->wanted != 0) {
            run_job(keeper);
        } else {
            (void)pthread_cond_wait(&keeper->work, &keeper->mutex);
        }
    }
    (void)pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

static void free_keeper(struct audit_keeper *keeper)
{
    (void)pthread_cond_destroy(&keeper->work);
    (void)pthread_cond_destroy(&keeper->idle);
    (void)pthread_mutex_destroy(&keeper->mutex);
    rg_memory_free(keeper);
}

rg_status audit_keeper_open(const struct audit_keeper_options *options, struct audit_keeper **out_keeper)
{
    struct audit_keeper *keeper = rg_memory_alloc(sizeof *keeper);
    keeper->options = *options;
    keeper->wanted = JOB_RESERVE;
    RG_ASSERT(pthread_mutex_init(&keeper->mutex, NULL) == 0);
    RG_ASSERT(pthread_cond_init(&keeper->work, NULL) == 0);
    RG_ASSERT(pthread_cond_init(&keeper->idle, NULL) == 0);
    drop(keeper, AUDIT_NEXT_NAME);
    int error = pthread_create(&keeper->thread, NULL, on_thread, keeper);
    if (error != 0) {
        free_keeper(keeper);
        return rg_fail(RG_STORAGE, "cannot start the audit log's keeper: %s", strerror(error));
    }
    *out_keeper = keeper;
    return RG_OK;
}

void audit_keeper_close(struct audit_keeper **keeper)
{
    struct audit_keeper *closing = *keeper;
    *keeper = NULL;
    if (closing == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&closing->mutex);
    closing->is_stopping = true;
    (void)pthread_cond_signal(&closing->work);
    (void)pthread_mutex_unlock(&closing->mutex);
    (void)pthread_join(closing->thread, NULL);
    free_keeper(closing);
}

/* Under the mutex. */
static void want(struct audit_keeper *keeper, unsigned job)
{
    if (((keeper->wanted | keeper->running | keeper->failed | keeper->ready) & job) == 0) {
        keeper->wanted |= job;
        (void)pthread_cond_signal(&keeper->work);
    }
}

static void lock_and_want(struct audit_keeper *keeper, unsigned job)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    want(keeper, job);
    (void)pthread_mutex_unlock(&keeper->mutex);
}

/* Under the mutex, with no filling going on. */
static void take_over(struct audit_keeper *keeper, struct audit_segment *segment)
{
    uint64_t filled = atomic_exchange(&keeper->filled, 0);
    keeper->ready &= ~(unsigned)JOB_FILL;
    segment->allocated = filled > segment->allocated ? filled : segment->allocated;
}

static void feed(struct audit_keeper *keeper, struct audit_segment *segment)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    if (((keeper->wanted | keeper->running) & JOB_FILL) == 0) {
        take_over(keeper, segment);
        if (segment->allocated - segment->used < AUDIT_AHEAD_BYTES && (keeper->failed & JOB_FILL) == 0) {
            memcpy(keeper->fill_name, segment->name, sizeof keeper->fill_name);
            keeper->fill_from = segment->allocated;
            segment->reaching = segment->allocated + AUDIT_AHEAD_BYTES;
            want(keeper, JOB_FILL);
        }
    }
    (void)pthread_mutex_unlock(&keeper->mutex);
}

void audit_keeper_feed(struct audit_keeper *keeper, struct audit_segment *segment)
{
    bool is_asked = segment->reaching > segment->allocated && atomic_load(&keeper->filled) == 0;
    if (segment->allocated - segment->used < AUDIT_AHEAD_BYTES && !is_asked && !segment->is_reserve) {
        feed(keeper, segment);
    }
}

void audit_keeper_settle(struct audit_keeper *keeper, struct audit_segment *segment)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    keeper->wanted &= ~(unsigned)JOB_FILL;
    while ((keeper->running & JOB_FILL) != 0) {
        (void)pthread_cond_wait(&keeper->idle, &keeper->mutex);
    }
    take_over(keeper, segment);
    (void)pthread_mutex_unlock(&keeper->mutex);
}

void audit_keeper_want_next(struct audit_keeper *keeper)
{
    lock_and_want(keeper, JOB_NEXT);
}

void audit_keeper_want_reserve(struct audit_keeper *keeper)
{
    lock_and_want(keeper, JOB_RESERVE);
}

/* Under the mutex: a file that is being made is waited for, it is wanted now. */
static bool await(struct audit_keeper *keeper, unsigned job)
{
    while (((keeper->wanted | keeper->running) & job) != 0) {
        (void)pthread_cond_wait(&keeper->idle, &keeper->mutex);
    }
    return (keeper->ready & job) != 0;
}

static bool take(struct audit_keeper *keeper, unsigned job)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    bool is_ready = await(keeper, job);
    keeper->ready &= ~job;
    (void)pthread_mutex_unlock(&keeper->mutex);
    return is_ready;
}

bool audit_keeper_take_next(struct audit_keeper *keeper)
{
    return take(keeper, JOB_NEXT);
}

bool audit_keeper_take_reserve(struct audit_keeper *keeper)
{
    return take(keeper, JOB_RESERVE);
}

static bool has_bits(struct audit_keeper *keeper, const unsigned *bits, unsigned job)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    bool has = (*bits & job) != 0;
    (void)pthread_mutex_unlock(&keeper->mutex);
    return has;
}

bool audit_keeper_has_reserve(struct audit_keeper *keeper)
{
    return has_bits(keeper, &keeper->ready, JOB_RESERVE);
}

bool audit_keeper_is_making_reserve(struct audit_keeper *keeper)
{
    return has_bits(keeper, &keeper->wanted, JOB_RESERVE) || has_bits(keeper, &keeper->running, JOB_RESERVE);
}

void audit_keeper_watch(struct audit_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    keeper->failed = 0;
    (void)pthread_mutex_unlock(&keeper->mutex);
}

void audit_keeper_wait(struct audit_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->mutex);
    while ((keeper->wanted | keeper->running) != 0) {
        (void)pthread_cond_wait(&keeper->idle, &keeper->mutex);
    }
    (void)pthread_mutex_unlock(&keeper->mutex);
}
