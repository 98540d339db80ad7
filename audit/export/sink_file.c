/* SPDX-License-Identifier: Apache-2.0 */
/* The file sink. At least once, in order: lines are written by as few write calls as the system lets through, synced,
 * then confirmed. A line that got there in part (a full disk, kill -9) is ended by the LF that the next batch begins
 * with: a reader sees a line that is no JSON, and then the whole one. */
#include "audit/export/sink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/export/records.h"
#include "base/rg_memory.h"

enum { WAIT_MS = 100, FILE_MODE = 0640 };

struct file_sink {
    char *name;
    char *path;
    size_t batch_bytes;
    int64_t timeout_us;
    struct export_records *records;
    struct rg_buf batch;
    int fd; /* -1 = not open */
    bool is_regular;
    bool is_torn; /* the last write ended within a line, as far as is known */
};

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = rg_memory_alloc(size);
    memcpy(copy, text, size);
    return copy;
}

static void close_file(struct file_sink *sink)
{
    if (sink->fd >= 0) {
        (void)close(sink->fd);
    }
    sink->fd = -1;
}

static rg_status fail(const struct file_sink *sink, const char *what, int error)
{
    return rg_fail(RG_STORAGE, "cannot %s %s: %s", what, sink->path, strerror(error));
}

/* ---- opening ---- */

/* Somebody else's last line, or ours that kill -9 cut: what comes next must begin a line. */
static bool ends_within_line(int fd, off_t size)
{
    char last = '\n';
    return size > 0 && (pread(fd, &last, 1, size - 1) != 1 || last != '\n');
}

static rg_status open_file(struct file_sink *sink)
{
    struct stat info;
    /* O_NONBLOCK: a FIFO that nobody reads is a failure to tell about, not a thread that hangs */
    int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(sink->path, flags | O_RDWR, FILE_MODE);
    if (fd >= 0 && fstat(fd, &info) == 0 && !S_ISREG(info.st_mode)) { /* opened for reading, a FIFO reads itself */
        (void)close(fd);
        fd = open(sink->path, flags | O_WRONLY, FILE_MODE);
    }
    if (fd < 0) {
        return errno == ENXIO ? rg_fail(RG_STORAGE, "nobody reads the FIFO %s", sink->path) : fail(sink, "open", errno);
    }
    if (fstat(fd, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))) {
        (void)close(fd);
        return rg_fail(RG_STORAGE, "%s is neither a file nor a FIFO", sink->path);
    }
    sink->fd = fd;
    sink->is_regular = S_ISREG(info.st_mode);
    sink->is_torn = sink->is_regular && ends_within_line(fd, info.st_size);
    return RG_OK;
}

/* Moved, removed or replaced: the path names another file now, or none. */
static bool is_still_there(const struct file_sink *sink)
{
    struct stat open_info;
    struct stat path_info;
    return fstat(sink->fd, &open_info) == 0 && stat(sink->path, &path_info) == 0 &&
           open_info.st_dev == path_info.st_dev && open_info.st_ino == path_info.st_ino;
}

static rg_status ensure_open(struct file_sink *sink)
{
    if (sink->fd >= 0 && !is_still_there(sink)) {
        close_file(sink);
    }
    return sink->fd >= 0 ? RG_OK : open_file(sink);
}

/* ---- writing ---- */

/* Until the file takes something again. */
static rg_status wait_for_room(const struct file_sink *sink, const struct export_turn *turn)
{
    int64_t end_us = rg_clock_monotonic_us(turn->clock) + sink->timeout_us;
    struct pollfd waits = {.fd = sink->fd, .events = POLLOUT};
    while (!export_should_stop(turn)) {
        int ready = poll(&waits, 1, WAIT_MS);
        if (ready > 0) {
            return RG_OK; /* or an error, which the write will tell */
        }
        if (rg_clock_monotonic_us(turn->clock) >= end_us) {
            return rg_fail(RG_STORAGE, "%s takes nothing: nobody reads its other end", sink->path);
        }
    }
    return rg_fail(RG_CLOSED, "told to stop");
}

static rg_status write_all(struct file_sink *sink, const struct export_turn *turn, struct rg_slice bytes)
{
    while (bytes.size > 0) {
        ssize_t wrote = write(sink->fd, bytes.data, bytes.size);
        if (wrote > 0) {
            sink->is_torn = bytes.data[(size_t)wrote - 1] != '\n';
            bytes = rg_slice_cut(bytes, (size_t)wrote, SIZE_MAX);
        } else if (wrote < 0 && errno == EAGAIN) {
            RG_TRY(wait_for_room(sink, turn));
        } else if (wrote == 0 || errno != EINTR) {
            return fail(sink, "write to", wrote == 0 ? ENOSPC : errno);
        }
    }
    return RG_OK;
}

static rg_status write_batch(struct file_sink *sink, const struct export_turn *turn)
{
    RG_TRY(ensure_open(sink));
    if (sink->is_torn) {
        RG_TRY(write_all(sink, turn, RG_SLICE("\n")));
    }
    RG_TRY(write_all(sink, turn, rg_buf_slice(&sink->batch)));
    if (sink->is_regular && fdatasync(sink->fd) != 0) {
        return fail(sink, "sync", errno);
    }
    return RG_OK;
}

static rg_status send_batch(struct file_sink *sink, const struct export_turn *turn)
{
    if (rg_buf_size(&sink->batch) > 0) {
        rg_status status = write_batch(sink, turn);
        rg_buf_clear(&sink->batch);
        if (!rg_is_ok(status)) {
            close_file(sink); /* the next turn looks at what is there anew */
            return status;
        }
    }
    return export_records_confirm(sink->records);
}

static rg_status add(struct file_sink *sink, const struct audit_walked *record)
{
    RG_TRY(rg_buf_put(&sink->batch, record->line));
    RG_TRY(rg_buf_put_u8(&sink->batch, '\n'));
    return rg_buf_put(&sink->batch, record->parts);
}

static rg_status send_all(struct file_sink *sink, struct export_turn *turn)
{
    for (;;) {
        struct audit_walked record;
        bool is_there = false;
        RG_TRY(export_records_next(sink->records, &is_there, &record));
        if (!is_there) {
            return send_batch(sink, turn);
        }
        RG_TRY(add(sink, &record));
        if (rg_buf_size(&sink->batch) >= sink->batch_bytes) {
            RG_TRY(send_batch(sink, turn));
        }
    }
}

static rg_status file_turn(void *context, struct export_turn *turn)
{
    struct file_sink *sink = context;
    rg_buf_clear(&sink->batch);
    RG_TRY(export_records_begin(sink->records, turn));
    return send_all(sink, turn);
}

static void file_free(void *context)
{
    struct file_sink *sink = context;
    close_file(sink);
    export_records_free(&sink->records);
    rg_buf_done(&sink->batch);
    rg_memory_free(sink->name);
    rg_memory_free(sink->path);
    rg_memory_free(sink);
}

void export_file_new(const struct export_file_options *options, struct export_task *out_task)
{
    struct file_sink *sink = rg_memory_alloc(sizeof *sink);
    sink->name = copy_text(options->name);
    sink->path = copy_text(options->path);
    sink->batch_bytes = options->batch_bytes;
    sink->timeout_us = options->timeout_us;
    sink->records = export_records_new(options->classes);
    sink->fd = -1;
    rg_buf_init(&sink->batch, options->batch_bytes + AUDIT_WALK_MAX + AUDIT_LINE_MAX);
    *out_task = (struct export_task){.name = sink->name, .turn = file_turn, .free = file_free, .context = sink};
}
