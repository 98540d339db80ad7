/* SPDX-License-Identifier: Apache-2.0 */
/* A prune's work beside the loop. Removing is one unlink: a crash leaves the segment whole or leaves none. Its manifest
 * stays, as its tiles and checkpoints do. */
#include "audit/keep/prune_job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/reader.h"
#include "base/rg_clock.h"
#include "base/rg_memory.h"

struct audit_job_thread {
    pthread_t id;
    struct prune_job *job;
    enum prune_work work;
    atomic_bool is_done;
    bool has_failed;
    enum rg_kind kind;
    char text[256];
};

/* ---- reading ---- */

/* The base behind what went before: the one that the scan before left, or the file. */
static rg_status begin(struct prune_job *job)
{
    if (job->base != NULL && job->base->tree.size == job->first_seq) {
        return RG_OK;
    }
    if (job->base != NULL) {
        audit_base_done(job->base);
    } else {
        job->base = rg_memory_alloc(sizeof *job->base);
    }
    audit_base_init(job->base, job->origin, &job->keys_root);
    return job->first_seq == 0 ? RG_OK : audit_base_load(job->directory_fd, job->first_seq, job->origin, job->base);
}

static rg_status take_line(struct prune_job *job, struct rg_slice line, int64_t *keep_us)
{
    struct audit_head head = {0};
    struct audit_tenant_head *tenant = NULL;
    RG_TRY(audit_base_take(job->base, line, &head));
    job->first_us = head.seq == job->first_seq ? head.hlc_us : job->first_us;
    job->last_us = head.hlc_us;
    if (head.tenant.size > 0) {
        RG_TRY(audit_heads_get(&job->tenants, head.tenant, &head.tprev, &tenant));
    }
    bool is_part = rg_slice_has_prefix(rg_slice_cut(line, head.size, SIZE_MAX), RG_SLICE("\"kind\":\"part\""));
    *keep_us = is_part ? *keep_us : audit_retention_of(job->retention, line, &head);
    job->may_go = job->may_go && job->now_us - head.hlc_us > *keep_us;
    return RG_OK;
}

static rg_status scan(struct prune_job *job)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(audit_reader_done) struct audit_reader reader = {0};
    int64_t keep_us = job->retention->keep_us;
    RG_TRY(begin(job));
    audit_heads_done(&job->tenants);
    job->may_go = true;
    RG_TRY(audit_segment_open_read(job->directory_fd, job->first_seq, &fd));
    audit_reader_init(&reader, fd);
    while (job->base->tree.size < job->next_seq && job->may_go) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        RG_TRY(audit_reader_next(&reader, &reading, &line));
        if (reading != AUDIT_READING_LINE) {
            return rg_fail(RG_STORAGE, "segment %016" PRIu64 " ends before the next one begins", job->first_seq);
        }
        RG_TRY(take_line(job, line, &keep_us));
    }
    return RG_OK;
}

/* ---- removing ---- */

static rg_status sync_directory(const struct prune_job *job, const char *name)
{
    const struct audit_store *store = job->store;
    int fd = store->open(store->context, job->directory_fd, name, O_RDONLY | O_DIRECTORY, 0);
    int result = fd < 0 ? fd : store->sync_all(store->context, fd);
    if (fd >= 0) {
        store->close(store->context, fd);
    }
    return result < 0 ? audit_store_fail("cannot sync", name, result) : RG_OK;
}

/* With a bucket each base is wanted there, where segments stay longer: it is kept for some days. */
static bool is_wanted(const struct prune_job *job, int fd, const char *name)
{
    const int64_t days_s = INT64_C(7) * 86400;
    struct stat info;
    bool is_exported = job->retention != NULL && job->retention->needs_export;
    return is_exported && fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           rg_clock_wall_us(rg_clock_system()) / 1000000 - info.st_mtim.tv_sec < days_s;
}

/* Bases of what is long gone; nobody misses one that cannot be removed now. */
static void remove_older_bases(const struct prune_job *job)
{
    RG_AUTO(audit_fd_done) int fd = openat(job->directory_fd, "pruned", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    if (directory == NULL) {
        audit_fd_done(&copy);
        return;
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        struct rg_slice name = rg_slice_of(entry->d_name);
        uint64_t size = 0;
        if (audit_line_digits_parse(rg_slice_cut(name, 0, AUDIT_DIGITS), &size) && size < job->next_seq &&
            rg_slice_is_equal(rg_slice_cut(name, AUDIT_DIGITS, SIZE_MAX), RG_SLICE(".base")) &&
            !is_wanted(job, fd, entry->d_name)) {
            (void)job->store->remove(job->store->context, fd, entry->d_name, false);
        }
    }
    (void)closedir(directory);
}

static rg_status remove_segment(const struct prune_job *job)
{
    char name[AUDIT_SEGMENT_NAME_SIZE];
    char path[AUDIT_SEGMENT_NAME_SIZE + 8];
    audit_segment_name(job->first_seq, name);
    (void)snprintf(path, sizeof path, "seg/%s", name);
    int result = job->store->remove(job->store->context, job->directory_fd, path, false);
    if (result < 0 && result != -ENOENT) {
        return audit_store_fail("cannot remove", path, result);
    }
    RG_TRY(sync_directory(job, "seg"));
    remove_older_bases(job);
    return RG_OK;
}

/* ---- the thread ---- */

static rg_status run(struct prune_job *job, enum prune_work work)
{
    switch (work) {
    case PRUNE_SCAN:
        return scan(job);
    case PRUNE_KEEP_BASE:
        return audit_base_put(job->store, job->directory_fd, job->origin, job->base);
    case PRUNE_REMOVE:
        return remove_segment(job);
    }
    return rg_fail(RG_INTERNAL, "a prune without work");
}

static void *on_thread(void *context)
{
    struct audit_job_thread *thread = context;
    rg_status status = run(thread->job, thread->work);
    if (!rg_is_ok(status)) {
        thread->has_failed = true;
        thread->kind = status.error->kind == RG_LIMIT ? RG_LIMIT : RG_STORAGE;
        (void)snprintf(thread->text, sizeof thread->text, "%.250s", status.error->text);
    }
    atomic_store(&thread->is_done, true);
    return NULL;
}

static void join(struct prune_job *job)
{
    (void)pthread_join(job->thread->id, NULL);
    rg_memory_free(job->thread);
    job->thread = NULL;
}

void prune_job_done(struct prune_job *job)
{
    if (job->thread != NULL) {
        join(job);
    }
    if (job->base != NULL) {
        audit_base_done(job->base);
        rg_memory_free(job->base);
        job->base = NULL;
    }
    audit_heads_done(&job->tenants);
}

rg_status prune_job_start(struct prune_job *job, enum prune_work work)
{
    RG_ASSERT(job->thread == NULL);
    job->thread = rg_memory_alloc(sizeof *job->thread);
    job->thread->job = job;
    job->thread->work = work;
    int error = pthread_create(&job->thread->id, NULL, on_thread, job->thread);
    if (error != 0) {
        rg_memory_free(job->thread);
        job->thread = NULL;
        return rg_fail(RG_STORAGE, "cannot start a thread for the prune: %s", strerror(error));
    }
    return RG_OK;
}

rg_status prune_job_look(struct prune_job *job, bool *out_is_done)
{
    if (job->thread == NULL || !atomic_load(&job->thread->is_done)) {
        *out_is_done = false;
        return RG_OK;
    }
    const struct audit_job_thread thread = {.has_failed = job->thread->has_failed, .kind = job->thread->kind};
    char text[sizeof thread.text];
    memcpy(text, job->thread->text, sizeof text);
    join(job);
    *out_is_done = true;
    return thread.has_failed ? rg_fail(thread.kind, "%s", text) : RG_OK;
}
