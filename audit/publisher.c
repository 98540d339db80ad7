/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher's thread and its queue. The committer puts jobs and leaves under the mutex; the thread takes all of
 * them by swapping buffers and works them off without it. A job that fails stays in front and is tried again. */
#include "audit/publisher.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "audit/publisher_private.h"
#include "base/rg_memory.h"

enum { JOBS_MAX = 64 * 1024 * 1024, NOTE_LIMIT = 64 * 1024, RETRY_SECONDS = 1 };

struct job {
    struct audit_publication what; /* leaves: not used */
};

struct audit_publisher {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    pthread_cond_t done;

    /* under the mutex */
    struct rg_buf jobs;
    struct rg_buf leaves;
    size_t waiting_leaves; /* in `leaves` and in the thread's own */
    size_t waiting_jobs;   /* the same */
    size_t waiting_manifests;
    uint64_t failures;
    bool is_hurried; /* try a failed job again at once */
    bool is_stopping;
    struct audit_publisher_state state;

    /* the thread's own */
    struct audit_press press;
    struct rg_buf own_jobs;
    struct rg_buf own_leaves;
};

static rg_status append_leaves(struct audit_publisher *publisher, uint64_t size)
{
    struct audit_press *press = &publisher->press;
    rg_status status = RG_OK;
    struct rg_slice leaves = rg_buf_slice(&publisher->own_leaves);
    size_t taken = 0;
    while (press->tiles.size < size && rg_is_ok(status)) {
        struct rg_digest leaf;
        RG_ASSERT(leaves.size - taken >= sizeof leaf);
        memcpy(&leaf, leaves.data + taken, sizeof leaf);
        status = audit_press_append(press, &leaf);
        taken += rg_is_ok(status) ? sizeof leaf : 0;
    }
    rg_buf_consume(&publisher->own_leaves, taken);
    return status;
}

static rg_status note_end(struct audit_press *press, const struct audit_publication *what)
{
    const struct audit_ended ended = {.first_seq = what->segment_first,
                                      .size = what->size,
                                      .bytes = what->segment_bytes,
                                      .root = audit_tree_root(&press->tree)};
    return rg_buf_put(&press->ended, rg_slice_make(&ended, sizeof ended));
}

static rg_status end_epoch(struct audit_press *press, const struct audit_publication *what)
{
    if (audit_signer_epoch(press->signer) == what->epoch) {
        RG_TRY(audit_signer_step(press->signer));
    }
    audit_press_thin(press, what->size);
    press->epoch_size = what->size;
    return RG_OK;
}

/* is_last: no other job waits behind it. */
static rg_status run_job(struct audit_publisher *publisher, const struct audit_publication *what, bool is_last)
{
    struct audit_press *press = &publisher->press;
    bool is_kept = what->needs_sync || what->is_sealed || what->ends_epoch;
    RG_TRY(append_leaves(publisher, what->size));
    if (!what->is_silent && (is_kept || is_last)) {
        RG_TRY(audit_press_sign(press, is_kept, is_kept));
    }
    if (what->is_sealed || what->is_silent) {
        RG_TRY(note_end(press, what));
    }
    return what->ends_epoch ? end_epoch(press, what) : RG_OK;
}

static void report(struct audit_publisher *publisher, rg_status status)
{
    struct audit_publisher_state *state = &publisher->state;
    state->is_failing = !rg_is_ok(status);
    (void)snprintf(state->reason, sizeof state->reason, "%.250s", rg_is_ok(status) ? "" : status.error->text);
    publisher->failures += state->is_failing ? 1 : 0;
    publisher->waiting_manifests = rg_buf_size(&publisher->press.ended) / sizeof(struct audit_ended);
    (void)pthread_cond_broadcast(&publisher->done);
}

static void finish_job(struct audit_publisher *publisher, const struct audit_publication *what)
{
    rg_buf_consume(&publisher->own_jobs, sizeof(struct job));
    uint64_t epoch = audit_signer_epoch(publisher->press.signer);
    bool has_next = what->needs_sync && audit_signer_has_next(publisher->press.signer);
    (void)pthread_mutex_lock(&publisher->mutex);
    publisher->waiting_leaves -= what->leaf_count;
    publisher->waiting_jobs--;
    publisher->waiting_manifests = rg_buf_size(&publisher->press.ended) / sizeof(struct audit_ended);
    publisher->state.size = what->is_silent ? publisher->state.size : what->size;
    bool is_kept = !what->is_silent && (what->needs_sync || what->is_sealed || what->ends_epoch);
    publisher->state.synced_size = is_kept ? what->size : publisher->state.synced_size;
    publisher->state.epoch = epoch;
    publisher->state.has_next = what->needs_sync ? has_next : publisher->state.has_next;
    (void)pthread_mutex_unlock(&publisher->mutex);
}

static rg_status run_jobs(struct audit_publisher *publisher)
{
    while (rg_buf_size(&publisher->own_jobs) > 0) {
        struct job job;
        memcpy(&job, rg_buf_slice(&publisher->own_jobs).data, sizeof job);
        RG_TRY(run_job(publisher, &job.what, rg_buf_size(&publisher->own_jobs) == sizeof job));
        finish_job(publisher, &job.what);
        if (job.what.needs_sync && rg_buf_size(&publisher->press.ended) == 0) {
            rg_status status = audit_press_hash(&publisher->press, job.what.segment_first, job.what.segment_bytes);
            (void)status; /* beforehand; the manifest needs it, and then says so */
        }
    }
    return audit_press_manifest(&publisher->press);
}

static void swap(struct rg_buf *a, struct rg_buf *b)
{
    struct rg_buf other = *a;
    *a = *b;
    *b = other;
}

static bool is_idle(const struct audit_publisher *publisher)
{
    return publisher->waiting_jobs == 0 && publisher->waiting_manifests == 0;
}

/* Under the mutex: sleeps until there is something to do, or until a failed job's next try. */
static void wait_for_work(struct audit_publisher *publisher)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_SECONDS;
    int result = 0;
    while (!publisher->is_stopping && !publisher->is_hurried && result != ETIMEDOUT &&
           (is_idle(publisher) || publisher->state.is_failing)) {
        result = is_idle(publisher) ? pthread_cond_wait(&publisher->work, &publisher->mutex)
                                    : pthread_cond_timedwait(&publisher->work, &publisher->mutex, &until);
    }
    publisher->is_hurried = false;
}

static void *on_thread(void *context)
{
    struct audit_publisher *publisher = context;
    (void)pthread_mutex_lock(&publisher->mutex);
    for (;;) {
        wait_for_work(publisher);
        if (publisher->is_stopping) {
            break;
        }
        if (rg_buf_size(&publisher->own_jobs) == 0) {
            RG_ASSERT(rg_buf_size(&publisher->own_leaves) == 0);
            swap(&publisher->jobs, &publisher->own_jobs);
            swap(&publisher->leaves, &publisher->own_leaves);
        }
        (void)pthread_mutex_unlock(&publisher->mutex);
        rg_status status = run_jobs(publisher);
        (void)pthread_mutex_lock(&publisher->mutex);
        report(publisher, status);
    }
    (void)pthread_mutex_unlock(&publisher->mutex);
    return NULL;
}

static void free_publisher(struct audit_publisher *publisher)
{
    struct rg_buf *const buffers[] = {&publisher->jobs,       &publisher->leaves,     &publisher->own_jobs,
                                      &publisher->own_leaves, &publisher->press.note, &publisher->press.ended};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        rg_buf_done(buffers[i]);
    }
    audit_signer_free(&publisher->press.signer);
    rg_sha256_free(&publisher->press.stream);
    (void)pthread_cond_destroy(&publisher->work);
    (void)pthread_cond_destroy(&publisher->done);
    (void)pthread_mutex_destroy(&publisher->mutex);
    rg_memory_free(publisher);
}

static void init_locks(struct audit_publisher *publisher)
{
    pthread_condattr_t attributes;
    RG_ASSERT(pthread_condattr_init(&attributes) == 0);
    RG_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    RG_ASSERT(pthread_mutex_init(&publisher->mutex, NULL) == 0);
    RG_ASSERT(pthread_cond_init(&publisher->work, &attributes) == 0);
    RG_ASSERT(pthread_cond_init(&publisher->done, NULL) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

/* The partial tiles that the newest checkpoint left. */
static rg_status remember_partial(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes,
                                  unsigned width)
{
    struct audit_press *press = context;
    (void)hashes;
    press->partials[level] = (struct audit_partial){.index = index, .width = width};
    return RG_OK;
}

static rg_status init_press(struct audit_press *press, const struct audit_publisher_options *options)
{
    const struct audit_tile_sink sink = {.put = remember_partial, .context = press};
    press->store = options->store;
    press->directory_fd = options->directory_fd;
    press->origin = options->origin;
    press->signer = options->signer;
    press->tiles = *options->tiles;
    press->tree = *options->tree;
    press->epoch_size = options->epoch_size;
    press->stream = rg_sha256_new();
    rg_buf_init(&press->note, NOTE_LIMIT);
    rg_buf_init(&press->ended, JOBS_MAX);
    RG_TRY(rg_buf_put(&press->ended, rg_slice_make(options->ended, options->ended_count * sizeof *options->ended)));
    RG_TRY(audit_tiles_flush(&press->tiles, &sink));
    static const char *const directories[] = {"ckpt", "tile"};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        int result = press->store->make_directory(press->store->context, press->directory_fd, directories[i]);
        if (result < 0) {
            return rg_fail(RG_STORAGE, "cannot create %s/: %s", directories[i], strerror(-result));
        }
    }
    return RG_OK;
}

static rg_status start(struct audit_publisher *publisher, const struct audit_publisher_options *options)
{
    const size_t leaves_max = ((size_t)AUDIT_PUBLISH_QUEUE + 1) * RG_SHA256_SIZE;
    RG_TRY(init_press(&publisher->press, options));
    rg_buf_init(&publisher->jobs, JOBS_MAX);
    rg_buf_init(&publisher->own_jobs, JOBS_MAX);
    rg_buf_init(&publisher->leaves, leaves_max);
    rg_buf_init(&publisher->own_leaves, leaves_max);
    publisher->waiting_manifests = options->ended_count;
    publisher->state.size = options->tree->size; /* it may not have been synced */
    publisher->state.epoch = audit_signer_epoch(options->signer);
    publisher->state.has_next = audit_signer_has_next(options->signer);
    int error = pthread_create(&publisher->thread, NULL, on_thread, publisher);
    return error == 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot start the audit log's publisher: %s", strerror(error));
}

rg_status audit_publisher_open(const struct audit_publisher_options *options, struct audit_publisher **out_publisher)
{
    struct audit_publisher *publisher = rg_memory_alloc(sizeof *publisher);
    init_locks(publisher);
    rg_status status = start(publisher, options);
    if (!rg_is_ok(status)) {
        publisher->press.signer = options->signer;
        free_publisher(publisher);
        return status;
    }
    *out_publisher = publisher;
    return RG_OK;
}

static rg_status put_locked(struct audit_publisher *publisher, const struct audit_publication *publication)
{
    struct job job = {.what = *publication};
    job.what.leaves = NULL;
    if (publication->leaf_count > AUDIT_PUBLISH_QUEUE - publisher->waiting_leaves) {
        return rg_fail(RG_LIMIT, "%zu records wait for a checkpoint: %s", publisher->waiting_leaves,
                       publisher->state.reason);
    }
    struct rg_slice leaves = rg_slice_make(publication->leaves, publication->leaf_count * sizeof *publication->leaves);
    RG_TRY(rg_buf_put(&publisher->jobs, rg_slice_make(&job, sizeof job)));
    RG_TRY(rg_buf_put(&publisher->leaves, leaves));
    publisher->waiting_leaves += publication->leaf_count;
    publisher->waiting_jobs++;
    (void)pthread_cond_signal(&publisher->work);
    return RG_OK;
}

rg_status audit_publisher_put(struct audit_publisher *publisher, const struct audit_publication *publication)
{
    (void)pthread_mutex_lock(&publisher->mutex);
    rg_status status = put_locked(publisher, publication);
    (void)pthread_mutex_unlock(&publisher->mutex);
    return status;
}

void audit_publisher_look(struct audit_publisher *publisher, struct audit_publisher_state *out_state)
{
    (void)pthread_mutex_lock(&publisher->mutex);
    *out_state = publisher->state;
    (void)pthread_mutex_unlock(&publisher->mutex);
}

rg_status audit_publisher_drain(struct audit_publisher *publisher)
{
    (void)pthread_mutex_lock(&publisher->mutex);
    uint64_t failures = publisher->failures;
    publisher->is_hurried = true;
    (void)pthread_cond_signal(&publisher->work);
    while (!is_idle(publisher) && publisher->failures == failures) {
        (void)pthread_cond_wait(&publisher->done, &publisher->mutex);
    }
    bool is_done = is_idle(publisher);
    struct audit_publisher_state state = publisher->state;
    (void)pthread_mutex_unlock(&publisher->mutex);
    return is_done ? RG_OK : rg_fail(RG_STORAGE, "cannot publish a checkpoint: %s", state.reason);
}

void audit_publisher_close(struct audit_publisher **publisher)
{
    struct audit_publisher *closing = *publisher;
    *publisher = NULL;
    if (closing == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&closing->mutex);
    closing->is_stopping = true;
    (void)pthread_cond_signal(&closing->work);
    (void)pthread_mutex_unlock(&closing->mutex);
    (void)pthread_join(closing->thread, NULL);
    free_publisher(closing);
}
