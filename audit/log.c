/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: clocks, head, hash; commit and the calls of the auditor (reference audit.md 3.6). Writing and healing are
 * in log_write.c, checkpoints and epochs in log_epoch.c, opening and recovery in log_open.c. */
#include "audit/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "audit/log_private.h"
#include "audit/rollback.h"
#include "base/rg_memory.h"

enum { STEP_US = 1000000 };

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The machine's clock was set: said in a record of its own, which the jump then leads into. */
static rg_status declare_step(struct audit_log *log, int64_t wall_us, int64_t mono_us)
{
    const struct audit_event event = {
        .kind = AUDIT_CLOCK_STEP, .from_us = mono_us + log->wall_offset_us, .to_us = wall_us};
    log->wall_offset_us = wall_us - mono_us;
    return audit_log_compose_event(log, &event);
}

/* hlc follows the monotonic clock within a run, from the wall clock's value at its start; where the wall clock runs
 * ahead of that, it is followed. It never steps back and never stands still. */
static rg_status read_clock(struct audit_log *log, struct audit_head *head)
{
    int64_t wall_us = rg_clock_wall_us(log->clock);
    int64_t mono_us = rg_clock_monotonic_us(log->clock);
    int64_t jump_us = wall_us - mono_us - log->wall_offset_us;
    if (log->has_offset && (jump_us > STEP_US || jump_us < -STEP_US)) {
        RG_TRY(declare_step(log, wall_us, mono_us));
    }
    log->wall_offset_us = wall_us - mono_us;
    log->hlc_offset_us = log->has_offset ? larger(log->hlc_offset_us, log->wall_offset_us)
                                         : larger(wall_us, log->chain.hlc_us + 1) - mono_us;
    bool is_same_boot = log->has_offset;
    log->has_offset = true;
    head->boot = rg_slice_make(log->boot, AUDIT_BOOT_SIZE);
    head->hlc_us = larger(mono_us + log->hlc_offset_us, log->chain.hlc_us + 1);
    head->mono_us = larger(mono_us, is_same_boot ? log->chain.mono_us : 0);
    return RG_OK;
}

rg_status audit_log_compose(struct audit_log *log, const struct audit_message *message, uint64_t *out_seq)
{
    struct audit_head head = {.tenant = message->tenant};
    char *leaf = NULL;
    RG_TRY(read_clock(log, &head));
    RG_TRY(rg_buf_reserve(&log->leaves, RG_SHA256_SIZE, &leaf));
    RG_TRY(audit_chain_next(&log->chain, &head));
    size_t before = rg_buf_size(&log->pending);
    RG_TRY(audit_line_encode(&head, message, &log->pending));
    size_t size = rg_buf_size(&log->pending) - before;
    struct rg_slice line = rg_slice_cut(rg_buf_slice(&log->pending), before, size - 1);
    audit_chain_append(&log->chain, &head, line);
    memcpy(leaf, log->chain.prev.bytes, RG_SHA256_SIZE);
    rg_buf_commit(&log->leaves, RG_SHA256_SIZE);
    *out_seq = head.seq;
    head.size = line.size - message->rg.size - message->ocsf.size; /* "}," stands for their two "{" */
    return audit_log_fold(log, &head, line);
}

static rg_status compose_event(struct audit_log *log, const struct audit_event *event, uint64_t *out_seq)
{
    bool is_first = true;
    struct audit_event timed = *event;
    timed.wall_us = rg_clock_wall_us(log->clock);
    RG_AUTO(rg_buf_done) struct rg_buf frames;
    rg_buf_init(&frames, (size_t)16 * AUDIT_LINE_MAX);
    RG_TRY(audit_record_encode(&timed, &frames));
    for (struct rg_slice cursor = rg_buf_slice(&frames); cursor.size > 0;) {
        struct audit_message message = {0};
        uint64_t seq = 0;
        RG_TRY(audit_message_get(&cursor, &message));
        RG_TRY(audit_log_compose(log, &message, &seq));
        *out_seq = is_first ? seq : *out_seq;
        is_first = false;
    }
    return RG_OK;
}

rg_status audit_log_compose_event(struct audit_log *log, const struct audit_event *event)
{
    uint64_t seq = 0;
    return compose_event(log, event, &seq);
}

rg_status audit_log_die(struct audit_log *log, rg_status status)
{
    char text[sizeof log->reason];
    (void)snprintf(text, sizeof text, "%.*s", AUDIT_REASON_MAX, status.error->text);
    memcpy(log->reason, text, sizeof text);
    log->is_dead = true;
    log->state = AUDIT_CLOSED;
    return rg_fail(RG_STORAGE, "%s", text);
}

static rg_status check_alive(const struct audit_log *log)
{
    return log->is_dead ? rg_fail(RG_STORAGE, "%s", log->reason) : RG_OK;
}

static bool is_limit(rg_status status)
{
    return !rg_is_ok(status) && status.error->kind == RG_LIMIT;
}

/* The next record begins a segment, or a commit, when it might not fit. */
static rg_status make_room(struct audit_log *log)
{
    enum { ROOM = 4 * AUDIT_LINE_MAX };
    size_t size = rg_buf_size(&log->pending);
    uint64_t in_segment = log->segment.used + size - log->written;
    if (!log->segment.is_reserve && in_segment > 0 && in_segment + AUDIT_LINE_MAX > log->segment_bytes) {
        return audit_log_rotate(log);
    }
    return size > AUDIT_COMMIT_MAX - ROOM ? audit_log_flush(log, true) : RG_OK;
}

rg_status audit_log_append(struct audit_log *log, const struct audit_message *message, uint64_t *out_seq)
{
    RG_TRY(check_alive(log));
    rg_status status = log->is_full ? RG_OK : make_room(log);
    if (!rg_is_ok(status) && !is_limit(status)) {
        return status;
    }
    if (log->is_full && rg_buf_size(&log->pending) > AUDIT_COMMIT_MAX - 2 * AUDIT_LINE_MAX) {
        return audit_log_die(log, rg_fail(RG_STORAGE, "the disk is full, and more records came"));
    }
    return audit_log_compose(log, message, out_seq);
}

static rg_status commit(struct audit_log *log, bool is_synced)
{
    RG_TRY(check_alive(log));
    if (log->is_full) {
        return rg_fail(RG_LIMIT, "%s", log->reason);
    }
    bool is_due = audit_log_is_checkpoint_due(log, rg_clock_monotonic_us(log->clock));
    if (is_due) {
        RG_TRY(audit_log_compose_checkpoint(log));
    }
    RG_TRY(audit_log_flush(log, is_synced || is_due));
    return is_due ? audit_log_publish(log, AUDIT_PUBLISH_PLAIN) : RG_OK;
}

rg_status audit_log_commit(struct audit_log *log)
{
    return commit(log, log->durability == AUDIT_SYNCED);
}

rg_status audit_log_put(struct audit_log *log, const struct audit_event *event)
{
    RG_TRY(check_alive(log));
    return audit_log_compose_event(log, event);
}

rg_status audit_log_sign(struct audit_log *log)
{
    RG_TRY(check_alive(log));
    return audit_log_publish(log, AUDIT_PUBLISH_TIMED);
}

rg_status audit_log_note_at(struct audit_log *log, const struct audit_event *event, uint64_t *out_seq)
{
    uint64_t seq = 0;
    RG_TRY(check_alive(log));
    RG_TRY(compose_event(log, event, &seq));
    RG_TRY(commit(log, true));
    *out_seq = seq;
    return RG_OK;
}

rg_status audit_log_note(struct audit_log *log, const struct audit_event *event)
{
    uint64_t seq = 0;
    return audit_log_note_at(log, event, &seq);
}

static rg_status watch_file(struct audit_log *log)
{
    if (!log->segment.is_open) {
        return RG_OK;
    }
    audit_keeper_feed(log->keeper, &log->segment);
    rg_status status = audit_segment_watch(&log->segment);
    return rg_is_ok(status) ? status : audit_log_die(log, status);
}

/* A directory that is not the one we opened any more: what is written would be where nobody looks for it. */
static rg_status check_place(const struct audit_log *log, int parent_fd, const char *name, int fd)
{
    struct stat opened;
    struct stat named;
    const struct audit_store *store = log->store;
    int result = store->stat(store->context, fd, &opened);
    if (result < 0) {
        return rg_fail(RG_STORAGE, "cannot stat %s: %s", name, strerror(-result));
    }
    result = store->stat_at(store->context, parent_fd, name, &named);
    if (result < 0 || named.st_ino != opened.st_ino || named.st_dev != opened.st_dev) {
        return rg_fail(RG_STORAGE, "the audit log's directory %s was moved or replaced while in use", name);
    }
    return RG_OK;
}

static rg_status watch_places(struct audit_log *log)
{
    rg_status status = check_place(log, AT_FDCWD, log->path, log->directory_fd);
    if (rg_is_ok(status)) {
        status = check_place(log, log->directory_fd, "seg", log->segments_fd);
    }
    if (rg_is_ok(status)) {
        status = audit_rolled_back_check(log->directory_fd);
    }
    return rg_is_ok(status) ? status : audit_log_die(log, status);
}

static rg_status watch(struct audit_log *log, int64_t now_us)
{
    RG_TRY(watch_places(log));
    RG_TRY(watch_file(log));
    RG_TRY(commit(log, true));
    if (log->has_unsynced_note && now_us - log->synced_us >= AUDIT_WATCH_US) {
        RG_TRY(audit_log_publish(log, AUDIT_PUBLISH_TIMED));
    }
    return audit_log_watch_epoch(log, now_us);
}

rg_status audit_log_watch(struct audit_log *log)
{
    int64_t now_us = rg_clock_monotonic_us(log->clock);
    RG_TRY(check_alive(log));
    log->watch_us = now_us;
    audit_keeper_watch(log->keeper);
    rg_status status = watch(log, now_us);
    if (rg_is_ok(status) || is_limit(status)) {
        status = audit_log_watch_space(log, now_us);
    }
    return is_limit(status) && log->is_full ? RG_OK : status; /* the state says it */
}

int64_t audit_log_deadline_us(const struct audit_log *log)
{
    int64_t deadline_us = log->watch_us + AUDIT_WATCH_US;
    int64_t checkpoint_us = log->checkpoint_us + AUDIT_WATCH_US;
    bool has_new = log->chain.next_seq > log->published_seq || log->has_unsynced_note;
    deadline_us = has_new && checkpoint_us < deadline_us ? checkpoint_us : deadline_us;
    return log->epoch_end_us < deadline_us ? log->epoch_end_us : deadline_us;
}

rg_status audit_log_seal(struct audit_log *log)
{
    RG_TRY(check_alive(log));
    if (log->is_full) {
        return rg_fail(RG_LIMIT, "%s", log->reason);
    }
    return audit_log_rotate(log);
}

rg_status audit_log_stop(struct audit_log *log)
{
    RG_TRY(check_alive(log));
    RG_TRY(log->is_full ? rg_fail(RG_LIMIT, "%s", log->reason) : RG_OK);
    RG_TRY(audit_log_compose_checkpoint(log));
    RG_TRY(audit_log_compose_event(log, &(struct audit_event){.kind = AUDIT_LOG_STOPPED}));
    RG_TRY(audit_log_flush(log, true));
    RG_TRY(audit_log_publish(log, AUDIT_PUBLISH_TIMED));
    audit_keeper_settle(log->keeper, &log->segment);
    rg_status status = audit_segment_seal(&log->segment);
    RG_TRY(rg_is_ok(status) ? status : audit_log_die(log, status));
    return audit_publisher_drain(log->publisher);
}

enum audit_state audit_log_state(const struct audit_log *log, const char **out_reason)
{
    if (out_reason != NULL) {
        *out_reason = log->reason;
    }
    return log->state;
}

bool audit_log_is_disk_full(const struct audit_log *log)
{
    return !log->is_dead && (log->is_full || log->state == AUDIT_RESERVE);
}

static void close_fd(const struct audit_log *log, int fd)
{
    if (fd >= 0) {
        log->store->close(log->store->context, fd);
    }
}

void audit_log_done(struct audit_log *log)
{
    if (log->store == NULL) {
        return; /* the zero value */
    }
    audit_publisher_close(&log->publisher);
    audit_keeper_close(&log->keeper);
    audit_segment_close(&log->segment);
    close_fd(log, log->segments_fd);
    close_fd(log, log->lock_fd);
    close_fd(log, log->directory_fd);
    audit_chain_done(&log->chain);
    audit_holds_done(&log->holds);
    rg_buf_done(&log->pending);
    rg_buf_done(&log->leaves);
    if (log->arena != NULL) {
        rg_arena_done(log->arena);
        rg_memory_free(log->arena);
    }
    *log = (struct audit_log){0};
}
