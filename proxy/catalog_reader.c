/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that reads one upstream's catalogue, and the newest snapshot behind a lock. A session is opened for each
 * read and closed behind it: nothing lingers in a pool, and a read says whether a login would work. The lock is never
 * held during a read or a callback. */
#include "proxy/catalog_reader.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/net/query.h"

enum { MAX_BACKOFF_SHIFT = 6, NAME_LIMIT = 4096 };

static const int64_t SECOND_US = 1000000;

struct catalog_reader {
    atomic_size_t references;
    const struct rg_clock *clock;
    struct catalog_log log;
    struct rg_arena copies;
    struct rg_slice upstream;
    struct net_conninfo *conninfo;
    pthread_t thread;
    int stop_fd; /* readable = stop */
    _Atomic uint64_t version;
    /* the thread's own */
    bool has_read, has_failed; /* the last read's state, as far as it was told */
    bool has_text;
    struct rg_digest text_digest; /* of the document that made the snapshot */
    /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something to do, or done */
    bool is_stopping;
    int64_t connect_timeout_us, refresh_us;
    struct policy_relations *relations;
    uint64_t started, ended, wanted; /* reads, counted */
    int64_t next_us, earliest_us;    /* monotonic: the next read by itself, and the first moment that one may start */
    unsigned failures;               /* in a row */
};

/* ---- one read ---- */

rg_status catalog_read(struct net_conninfo *conninfo, int64_t connect_timeout_us, int stop_fd, struct rg_buf *text)
{
    char head[160];
    (void)snprintf(head, sizeof head,
                   "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = '%ds'; "
                   "SET LOCAL search_path = pg_catalog;\n",
                   CATALOG_ANSWER_SECONDS);
    struct rg_buf sql;
    rg_buf_init(&sql, 1 << 20);
    rg_status status = rg_buf_printf(&sql, "%s%s\n; COMMIT", head, policy_relations_query());
    if (rg_is_ok(status)) {
        status = rg_buf_put_u8(&sql, 0);
    }
    if (rg_is_ok(status)) {
        struct net_query query = {.sql = rg_buf_slice(&sql).data,
                                  .connect_timeout_us = connect_timeout_us,
                                  .answer_timeout_us = CATALOG_ANSWER_SECONDS * SECOND_US,
                                  .stop_fd = stop_fd};
        status = net_query_text(conninfo, &query, text);
    }
    rg_buf_done(&sql);
    return status;
}

/* *out_relations stays NULL when the document is the one that made the snapshot. */
static rg_status read_relations(struct catalog_reader *reader, int64_t connect_timeout_us,
                                struct policy_relations **out_relations)
{
    struct rg_buf text RG_AUTO(rg_buf_done) = {0};
    rg_buf_init(&text, POLICY_RELATIONS_TEXT_MAX);
    RG_TRY(catalog_read(reader->conninfo, connect_timeout_us, reader->stop_fd, &text));
    struct rg_digest digest = rg_sha256_one(rg_buf_slice(&text));
    if (reader->has_text && memcmp(digest.bytes, reader->text_digest.bytes, sizeof digest.bytes) == 0) {
        return RG_OK;
    }
    RG_TRY(policy_relations_parse(rg_buf_slice(&text), out_relations));
    reader->text_digest = digest;
    reader->has_text = true;
    return RG_OK;
}

/* ---- publication ---- */

static bool are_alike(const struct policy_relations *a, const struct policy_relations *b)
{
    return a != NULL && b != NULL &&
           memcmp(policy_relations_digest(a)->bytes, policy_relations_digest(b)->bytes, RG_SHA256_SIZE) == 0;
}

/* Takes relations, NULL = the same as before. Gives back what is to be dropped outside the lock. */
static struct policy_relations *publish(struct catalog_reader *reader, struct policy_relations *relations,
                                        bool *out_is_changed)
{
    if (relations == NULL || are_alike(reader->relations, relations)) {
        *out_is_changed = false;
        return relations;
    }
    struct policy_relations *old = reader->relations;
    reader->relations = relations;
    atomic_fetch_add(&reader->version, 1);
    *out_is_changed = true;
    return old;
}

static int64_t retry_us(const struct catalog_reader *reader)
{
    unsigned shift = reader->failures - 1;
    int64_t pause_us = SECOND_US << (shift > MAX_BACKOFF_SHIFT ? MAX_BACKOFF_SHIFT : shift);
    return pause_us > reader->refresh_us ? reader->refresh_us : pause_us;
}

/* Under the lock. */
static void plan_next(struct catalog_reader *reader, bool is_ok)
{
    int64_t now_us = rg_clock_monotonic_us(reader->clock);
    reader->failures = is_ok ? 0 : reader->failures + (reader->failures < MAX_BACKOFF_SHIFT + 1);
    reader->next_us = now_us + (is_ok ? reader->refresh_us : retry_us(reader));
    reader->ended = reader->started;
    pthread_cond_broadcast(&reader->changed);
}

static void tell(struct catalog_reader *reader, const struct catalog_event *event)
{
    bool is_news = event->is_ok ? !reader->has_read || reader->has_failed || event->is_changed : !reader->has_failed;
    reader->has_read = reader->has_read || event->is_ok;
    reader->has_failed = !event->is_ok;
    if (is_news && reader->log.on_event != NULL) {
        reader->log.on_event(reader->log.context, event);
    }
}

/* The lock is held when it begins and when it ends. */
static void read_once(struct catalog_reader *reader)
{
    int64_t start_us = rg_clock_monotonic_us(reader->clock);
    int64_t connect_timeout_us = reader->connect_timeout_us;
    reader->started++;
    reader->earliest_us = start_us + SECOND_US;
    pthread_mutex_unlock(&reader->lock);
    struct policy_relations *relations = NULL;
    char reason[sizeof((struct rg_error *)NULL)->text] = "";
    rg_status status = read_relations(reader, connect_timeout_us, &relations);
    struct catalog_event event = {.upstream = reader->upstream, .is_ok = rg_is_ok(status)};
    bool is_stopped = !event.is_ok && status.error->kind == RG_CLOSED;
    (void)snprintf(reason, sizeof reason, "%s", event.is_ok ? "" : status.error->text);
    event.reason = rg_slice_of(reason);
    event.duration_us = rg_clock_monotonic_us(reader->clock) - start_us;
    pthread_mutex_lock(&reader->lock);
    struct policy_relations *dropped = publish(reader, relations, &event.is_changed);
    event.relation_count = reader->relations == NULL ? 0 : policy_relation_count(reader->relations);
    plan_next(reader, event.is_ok);
    pthread_mutex_unlock(&reader->lock);
    policy_relations_free(&dropped);
    if (!is_stopped) {
        tell(reader, &event);
    }
    pthread_mutex_lock(&reader->lock);
}

/* ---- the thread ---- */

static struct timespec timespec_of(int64_t us)
{
    return (struct timespec){.tv_sec = us / SECOND_US, .tv_nsec = (us % SECOND_US) * 1000};
}

/* Under the lock. When the next read is due. */
static int64_t due_us(const struct catalog_reader *reader)
{
    bool is_wanted = reader->wanted > reader->started;
    int64_t due = is_wanted || reader->next_us < reader->earliest_us ? reader->earliest_us : reader->next_us;
    return due;
}

static void *run(void *context)
{
    struct catalog_reader *reader = context;
    pthread_mutex_lock(&reader->lock);
    while (!reader->is_stopping) {
        int64_t wait_us = due_us(reader) - rg_clock_monotonic_us(reader->clock);
        if (wait_us <= 0) {
            read_once(reader);
            continue;
        }
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until = timespec_of(until.tv_sec * SECOND_US + until.tv_nsec / 1000 + wait_us);
        (void)pthread_cond_timedwait(&reader->changed, &reader->lock, &until);
    }
    pthread_mutex_unlock(&reader->lock);
    return NULL;
}

/* The thread takes no signals: they are the main thread's. */
static rg_status start_thread(struct catalog_reader *reader)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return rg_fail(RG_INTERNAL, "cannot block signals");
    }
    int result = pthread_create(&reader->thread, NULL, run, reader);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) {
        return rg_fail(RG_INTERNAL, "cannot start the catalogue reading thread: %s", strerror(result));
    }
    (void)pthread_setname_np(reader->thread, "catalog");
    return RG_OK;
}

static void init_locks(struct catalog_reader *reader)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&reader->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&reader->lock, NULL);
}

static void free_memory(struct catalog_reader *reader)
{
    if (reader->stop_fd >= 0) {
        (void)close(reader->stop_fd);
    }
    policy_relations_free(&reader->relations);
    net_conninfo_release(&reader->conninfo);
    (void)pthread_cond_destroy(&reader->changed);
    (void)pthread_mutex_destroy(&reader->lock);
    rg_arena_done(&reader->copies);
    rg_memory_free(reader);
}

static rg_status start(struct catalog_reader *reader, const struct catalog_source *source)
{
    RG_TRY(rg_arena_copy(&reader->copies, source->upstream, &reader->upstream));
    reader->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reader->stop_fd < 0) {
        return rg_fail(RG_INTERNAL, "eventfd: %s", strerror(errno));
    }
    return start_thread(reader);
}

rg_status catalog_reader_new(const struct catalog_source *source, const struct rg_clock *clock, struct catalog_log log,
                             struct catalog_reader **out_reader)
{
    struct catalog_reader *reader = rg_memory_alloc(sizeof *reader);
    atomic_init(&reader->references, 1);
    reader->clock = clock;
    reader->log = log;
    reader->stop_fd = -1;
    reader->conninfo = net_conninfo_ref(source->conninfo);
    reader->connect_timeout_us = source->connect_timeout_us;
    reader->refresh_us = source->refresh_us;
    reader->next_us = reader->earliest_us = INT64_MIN / 2; /* at once */
    rg_arena_init(&reader->copies, NAME_LIMIT);
    init_locks(reader);
    rg_status status = start(reader, source);
    if (!rg_is_ok(status)) {
        free_memory(reader);
        return status;
    }
    *out_reader = reader;
    return RG_OK;
}

struct catalog_reader *catalog_reader_ref(struct catalog_reader *reader)
{
    atomic_fetch_add(&reader->references, 1);
    return reader;
}

static void stop(struct catalog_reader *reader)
{
    uint64_t one = 1;
    pthread_mutex_lock(&reader->lock);
    reader->is_stopping = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->lock);
    ssize_t written = write(reader->stop_fd, &one, sizeof one);
    RG_ASSERT(written == (ssize_t)sizeof one);
    (void)pthread_join(reader->thread, NULL);
}

void catalog_reader_free(struct catalog_reader **reader)
{
    struct catalog_reader *old = *reader;
    *reader = NULL;
    if (old != NULL && atomic_fetch_sub(&old->references, 1) == 1) {
        stop(old);
        free_memory(old);
    }
}

/* ---- asked from anywhere ---- */

bool catalog_reader_is_for(const struct catalog_reader *reader, const struct catalog_source *source)
{
    return rg_slice_is_equal(reader->upstream, source->upstream) &&
           net_conninfo_is_equal(reader->conninfo, source->conninfo);
}

void catalog_reader_set_times(struct catalog_reader *reader, const struct catalog_source *source)
{
    pthread_mutex_lock(&reader->lock);
    reader->connect_timeout_us = source->connect_timeout_us;
    int64_t next_us = rg_clock_monotonic_us(reader->clock) + source->refresh_us;
    reader->next_us = reader->next_us > next_us ? next_us : reader->next_us;
    reader->refresh_us = source->refresh_us;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->lock);
}

uint64_t catalog_reader_version(const struct catalog_reader *reader)
{
    return atomic_load(&reader->version);
}

struct policy_relations *catalog_reader_find(struct catalog_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    struct policy_relations *relations = reader->relations == NULL ? NULL : policy_relations_ref(reader->relations);
    pthread_mutex_unlock(&reader->lock);
    return relations;
}

uint64_t catalog_reader_request(struct catalog_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    uint64_t ticket = reader->started + 1;
    if (reader->wanted < ticket) {
        reader->wanted = ticket;
        pthread_cond_broadcast(&reader->changed);
    }
    pthread_mutex_unlock(&reader->lock);
    return ticket;
}

bool catalog_reader_is_done(struct catalog_reader *reader, uint64_t ticket)
{
    pthread_mutex_lock(&reader->lock);
    bool is_done = reader->ended >= ticket;
    pthread_mutex_unlock(&reader->lock);
    return is_done;
}

bool catalog_reader_wait(struct catalog_reader *reader, int64_t timeout_us)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until = timespec_of(until.tv_sec * SECOND_US + until.tv_nsec / 1000 + timeout_us);
    int result = 0;
    pthread_mutex_lock(&reader->lock);
    while (reader->relations == NULL && result == 0) {
        result = pthread_cond_timedwait(&reader->changed, &reader->lock, &until);
    }
    bool has_relations = reader->relations != NULL;
    pthread_mutex_unlock(&reader->lock);
    return has_relations;
}
