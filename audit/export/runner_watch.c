/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that watches: how far the log is signed, which destinations fail for long, what is to be told about it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/export/runner_private.h"
#include "audit/line.h"

enum { STATUS_US = 1000000, RECORD_US = 3000000, LIST_ANYWAY_US = 5000000, LIST_SHARE = 50 };

/* ---- the log's size ---- */

/* The largest number of a checkpoint's name in ckpt/; 0 = there is none. */
static uint64_t newest_checkpoint(DIR *directory)
{
    static const struct rg_slice suffix = {".note", 5};
    uint64_t newest = 0;
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        struct rg_slice name = rg_slice_of(entry->d_name);
        uint64_t size = 0;
        if (name.size == AUDIT_DIGITS + suffix.size &&
            rg_slice_is_equal(rg_slice_cut(name, AUDIT_DIGITS, suffix.size), suffix) &&
            audit_line_digits_parse(rg_slice_cut(name, 0, AUDIT_DIGITS), &size) && size > newest) {
            newest = size;
        }
    }
    return newest;
}

static bool is_worth_listing(const struct export_runner *runner, const struct stat *info, int64_t now_us)
{
    int64_t stamp_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
    int64_t age_us = now_us - runner->listed_us;
    /* a long list is not looked at all the time; two changes may have one time */
    return age_us >= LIST_ANYWAY_US || (stamp_ns != runner->stamp_ns && age_us >= runner->listing_us * LIST_SHARE);
}

static void add_sample(struct export_runner *runner, uint64_t size)
{
    if (runner->sample_count == EXPORT_SAMPLES_MAX) { /* every second one goes: coarser, not shorter */
        for (size_t i = 0; i < EXPORT_SAMPLES_MAX / 2; i++) {
            runner->samples[i] = runner->samples[2 * i + 1];
        }
        runner->sample_count /= 2;
    }
    runner->samples[runner->sample_count++] = (struct export_sample){size, rg_clock_wall_us(runner->options.clock)};
}

static void note_size(struct export_runner *runner, uint64_t size)
{
    (void)pthread_mutex_lock(&runner->mutex);
    if (size > atomic_load(&runner->size)) { /* it never falls: signed is signed */
        atomic_store(&runner->size, size);
        add_sample(runner, size);
        (void)pthread_cond_broadcast(&runner->changed);
    }
    (void)pthread_mutex_unlock(&runner->mutex);
}

void export_look_size(struct export_runner *runner, bool is_forced)
{
    struct stat info;
    int64_t start_us = export_now_us(runner);
    int fd = openat(runner->directory_fd, "ckpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return; /* not yet there; or the directory was moved away, and the auditor says so */
    }
    if (fstat(fd, &info) != 0 || (!is_forced && !is_worth_listing(runner, &info, start_us))) {
        (void)close(fd);
        return;
    }
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        (void)close(fd);
        return;
    }
    uint64_t newest = newest_checkpoint(directory);
    (void)closedir(directory);
    if (!is_forced) { /* the other callers are not the watcher */
        runner->stamp_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
        runner->listed_us = start_us;
        runner->listing_us = export_now_us(runner) - start_us;
    }
    note_size(runner, newest);
}

int64_t export_lag_us(const struct export_runner *runner, const struct export_slot *slot, int64_t wall_us)
{
    uint64_t confirmed = atomic_load(&slot->confirmed);
    int64_t hlc_us = atomic_load(&slot->confirmed_hlc_us);
    int64_t since_us = 0;
    if (confirmed >= atomic_load(&runner->size)) {
        return 0;
    }
    if (confirmed < runner->first_size) { /* it is older than this process: what was confirmed last tells how old */
        since_us = hlc_us != 0 ? hlc_us : runner->opened_wall_us;
    } else {
        for (size_t i = 0; i < runner->sample_count && since_us == 0; i++) {
            since_us = runner->samples[i].size > confirmed ? runner->samples[i].wall_us : 0;
        }
    }
    return since_us == 0 || since_us >= wall_us ? 0 : wall_us - since_us;
}

/* ---- alerts ---- */

bool export_is_failing(const struct export_slot *slot, int64_t now_us)
{
    int64_t alive_us = atomic_load(&slot->alive_us);
    return slot->failing_us != 0 || (alive_us != 0 && now_us - alive_us >= EXPORT_SILENCE_US);
}

/* What is to be told about a slot, copied out of the mutex. */
struct verdict {
    bool is_failing;
    bool is_due; /* it fails for so long that people should know */
    char reason[EXPORT_REASON_MAX];
};

static void judge(struct export_slot *slot, struct verdict *out_verdict)
{
    struct export_runner *runner = slot->runner;
    int64_t now_us = export_now_us(runner);
    (void)pthread_mutex_lock(&runner->mutex);
    bool hangs = slot->failing_us == 0 && export_is_failing(slot, now_us);
    out_verdict->is_failing = export_is_failing(slot, now_us);
    out_verdict->is_due = hangs || (slot->failing_us != 0 && now_us - slot->failing_us >= runner->options.alert_us);
    (void)snprintf(out_verdict->reason, sizeof out_verdict->reason, "%s", hangs ? "it hangs" : slot->reason);
    (void)pthread_mutex_unlock(&runner->mutex);
}

static bool record_state(struct export_slot *slot, bool works, const char *reason)
{
    struct export_runner *runner = slot->runner;
    const struct audit_event event = {.kind = AUDIT_EXPORT_STATE,
                                      .wall_us = rg_clock_wall_us(runner->options.clock),
                                      .object = rg_slice_of(slot->task.name),
                                      .verdict = works ? AUDIT_ALLOWED : AUDIT_DENIED,
                                      .message = rg_slice_of(reason)};
    return rg_is_ok(export_channel_record(runner, NULL, export_now_us(runner) + RECORD_US, &event));
}

static void log_alert(const struct export_slot *slot, bool works, const char *reason)
{
    if (slot->runner->options.log != NULL) {
        rg_log_event(slot->runner->options.log, works ? RG_LOG_INFO : RG_LOG_ERROR, "audit.export.alert",
                     "s:s, s:b, s:s", "sink", slot->task.name, "works", (int)works, "reason", reason);
    }
}

/* Once when it began, once when it ended; a record that the log does not take now is tried again, and one about a
 * failure that is over before it was written is not written at all. */
static void tell(struct export_slot *slot)
{
    struct verdict verdict;
    judge(slot, &verdict);
    if (verdict.is_due) {
        if (!slot->is_alerted) {
            slot->is_alerted = true;
            log_alert(slot, false, verdict.reason);
        }
        slot->is_recorded = slot->is_recorded || record_state(slot, false, verdict.reason);
    } else if (!verdict.is_failing && slot->is_alerted) {
        if (!slot->is_recorded || record_state(slot, true, "")) {
            log_alert(slot, true, "");
            slot->is_alerted = false;
            slot->is_recorded = false;
        }
    }
}

/* ---- the thread ---- */

static void write_status(struct export_runner *runner)
{
    int64_t now_us = export_now_us(runner);
    if (now_us - runner->status_us < STATUS_US && atomic_load(&runner->phase) != EXPORT_HALTED) {
        return;
    }
    runner->status_us = now_us;
    (void)rg_is_ok(export_status_write(runner)); /* who reads it sees how old it is */
}

void *export_watch_main(void *argument)
{
    struct export_runner *runner = argument;
    (void)prctl(PR_SET_NAME, "watch");
    while (atomic_load(&runner->phase) != EXPORT_HALTED) {
        export_look_size(runner, false);
        for (size_t i = 0; i < runner->slot_count; i++) {
            tell(&runner->slots[i]);
        }
        write_status(runner);
        const struct timespec slice = {.tv_nsec = (long)EXPORT_POLL_US * 1000};
        (void)nanosleep(&slice, NULL);
    }
    write_status(runner);
    return NULL;
}
