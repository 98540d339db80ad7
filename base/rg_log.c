/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-lines operational log on jansson. One write(2) a line, so lines of threads do not mix. */
#include "base/rg_log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rg_memory.h"

struct rg_log {
    _Atomic int fd;
    _Atomic int level;
    const struct rg_clock *clock;
    char *path; /* NULL = stderr */
};

enum { MODE = 0640, FORMAT_MAX = 512 };

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, MODE);
}

static char *copy_path(const char *path)
{
    if (path == NULL) {
        return NULL;
    }
    size_t size = strlen(path) + 1;
    char *copy = rg_memory_alloc(size);
    memcpy(copy, path, size);
    return copy;
}

rg_status rg_log_open(const char *path, enum rg_log_level level, const struct rg_clock *clock, struct rg_log **out_log)
{
    int fd = path == NULL ? STDERR_FILENO : open_path(path);
    if (fd < 0) {
        return rg_fail(RG_CONFIG, "cannot open log file \"%s\": %s", path, strerror(errno));
    }
    struct rg_log *log = rg_memory_alloc(sizeof *log);
    log->fd = fd;
    log->level = (int)level;
    log->clock = clock;
    log->path = copy_path(path);
    *out_log = log;
    return RG_OK;
}

void rg_log_close(struct rg_log **log)
{
    if (*log == NULL) {
        return;
    }
    if ((*log)->path != NULL) {
        (void)close((*log)->fd);
    }
    rg_memory_free((*log)->path);
    rg_memory_free(*log);
    *log = NULL;
}

rg_status rg_log_reopen(struct rg_log *log)
{
    if (log->path == NULL) {
        return RG_OK;
    }
    int fd = open_path(log->path);
    if (fd < 0) {
        return rg_fail(RG_CONFIG, "cannot open log file \"%s\" again: %s", log->path, strerror(errno));
    }
    /* dup2 keeps the number that other threads may be writing to */
    int result = dup2(fd, log->fd);
    (void)close(fd);
    return result < 0 ? rg_fail(RG_CONFIG, "cannot replace log file: %s", strerror(errno)) : RG_OK;
}

rg_status rg_log_redirect(struct rg_log *log, const char *path, enum rg_log_level level)
{
    int fd = open_path(path);
    if (fd < 0) {
        return rg_fail(RG_CONFIG, "cannot open log file \"%s\": %s", path, strerror(errno));
    }
    if (log->path != NULL) {
        (void)close(log->fd);
    }
    rg_memory_free(log->path);
    log->path = copy_path(path);
    log->fd = fd;
    log->level = (int)level;
    return RG_OK;
}

void rg_log_set_level(struct rg_log *log, enum rg_log_level level)
{
    log->level = (int)level;
}

static json_t *make_head(const struct rg_log *log, enum rg_log_level level, const char *event)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char time[RG_TIME_TEXT_SIZE];
    rg_clock_format(rg_clock_wall_us(log->clock), time);
    return json_pack("{s:s, s:s, s:s}", "time", time, "level", names[level], "event", event);
}

static json_t *make_fields(const char *format, va_list arguments)
{
    char whole[FORMAT_MAX];
    int length = snprintf(whole, sizeof whole, "{%s}", format == NULL ? "" : format);
    if (length < 0 || (size_t)length >= sizeof whole) {
        return NULL;
    }
    return json_vpack_ex(NULL, 0, whole, arguments);
}

static void write_line(const struct rg_log *log, const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text == NULL) {
        return;
    }
    size_t size = strlen(text);
    char *whole = rg_memory_alloc(size + 1);
    memcpy(whole, text, size);
    whole[size] = '\n';
    ssize_t written = write(log->fd, whole, size + 1);
    (void)written; /* the operational log is best effort; evidence goes through the audit */
    rg_memory_free(whole);
    rg_memory_free(text);
}

void rg_log_event(struct rg_log *log, enum rg_log_level level, const char *event, const char *format, ...)
{
    if ((int)level > log->level) {
        return;
    }
    json_t *head = make_head(log, level, event);
    va_list arguments;
    va_start(arguments, format);
    json_t *fields = make_fields(format, arguments);
    va_end(arguments);
    if (fields == NULL) {
        fields = json_pack("{s:s}", "problem", "log.unencodable");
    }
    if (head != NULL && fields != NULL) {
        (void)json_object_update(head, fields);
        write_line(log, head);
    }
    json_decref(head);
    json_decref(fields);
}
