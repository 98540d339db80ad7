/* SPDX-License-Identifier: Apache-2.0 */
/* A disk and a clock as bad as a test wants them: LD_PRELOAD this into rowgate. Only its auditor process is touched,
 * and only by what the file named by ROWGATE_FAULTS says, which is read again whenever it was replaced. One rule a
 * line:
 *
 *     CALL PATTERN WHEN ACTION
 *
 * CALL     pwrite fdatasync fsync openat renameat ftruncate unlinkat clock_gettime
 * PATTERN  of fnmatch(3), for the whole path; renameat: of the new name; clock_gettime: "*" (CLOCK_REALTIME only)
 * WHEN     * = each matching call, N = the Nth, N+ = the Nth and all behind it; counted by each process from the moment
 *          it read the file
 * ACTION   errno=NUMBER    fails, nothing is done
 *          late=NUMBER     a pwrite fails after half of its bytes
 *          sleep=MS        then goes on
 *          hold=NUMBER     of the thread that writes records, no other: waits until the file no longer says so;
 *                          another number lets go what waits, and holds the next
 *          short=BYTES     a pwrite of at most so many
 *          tear=BYTES      a pwrite of so many, and SIGKILL
 *          kill            SIGKILL before the call
 *          offset=US       is added to the clock
 *
 * Each call that a rule met is a line in ROWGATE_FAULTS.met, so that a test knows that its fault came to pass. System
 * calls are made directly: the libraries below, sanitizers among them, see none of these. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RULES_MAX = 16, TEXT_MAX = 4096, PATH_MOST = 1024, TURN_MS = 2, PATIENCE_MS = 120000 };

struct rule {
    char call[16];
    char pattern[256];
    char when[16];
    char action[32];
    long count; /* matching calls so far */
};

static struct {
    const char *path; /* NULL = this process is left alone */
    pthread_mutex_t mutex;
    struct timespec changed;
    ino_t inode;
    size_t rule_count;
    struct rule rules[RULES_MAX];
} shim = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void rest(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

__attribute__((constructor)) static void start(int count, char **arguments)
{
    if (count > 2 && strcmp(arguments[1], "child") == 0 && strcmp(arguments[2], "auditor") == 0) {
        shim.path = getenv("ROWGATE_FAULTS");
    }
}

/* ---- the rules ---- */

static void parse(char *text)
{
    char *place = NULL;
    shim.rule_count = 0;
    for (char *line = strtok_r(text, "\n", &place); line != NULL; line = strtok_r(NULL, "\n", &place)) {
        struct rule rule = {0};
        if (shim.rule_count < RULES_MAX &&
            sscanf(line, "%15s %255s %15s %31s", rule.call, rule.pattern, rule.when, rule.action) == 4) {
            shim.rules[shim.rule_count++] = rule;
        }
    }
}

/* Under the mutex. */
static void look(void)
{
    char text[TEXT_MAX + 1];
    struct stat info;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, shim.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        shim.rule_count = 0;
        shim.inode = 0;
    } else if (info.st_ino != shim.inode || info.st_mtim.tv_sec != shim.changed.tv_sec ||
               info.st_mtim.tv_nsec != shim.changed.tv_nsec) {
        ssize_t size = read(fd, text, TEXT_MAX);
        text[size > 0 ? size : 0] = '\0';
        shim.inode = info.st_ino;
        shim.changed = info.st_mtim;
        parse(text);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static bool is_due(const struct rule *rule)
{
    char *end = NULL;
    long number = strtol(rule->when, &end, 10);
    return rule->when[0] == '*' || rule->count == number || (*end == '+' && rule->count > number);
}

static void note(const struct rule *rule, const char *path)
{
    char name[PATH_MOST];
    char line[PATH_MOST + 128];
    (void)snprintf(name, sizeof name, "%s.met", shim.path);
    int size = snprintf(line, sizeof line, "%s %s %s\n", rule->call, rule->action, path);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ssize_t written = write(fd, line, (size_t)size);
        (void)written;
        (void)close(fd);
    }
}

static bool is_of_thread(const struct rule *rule)
{
    return strncmp(rule->action, "hold=", 5) != 0 || gettid() == getpid();
}

/* The action that this call meets; is_counted: a call of its own, not the same one waiting. */
static bool find(const char *call, const char *path, bool is_counted, char out_action[32])
{
    bool is_found = false;
    (void)pthread_mutex_lock(&shim.mutex);
    look();
    for (size_t i = 0; i < shim.rule_count && !is_found; i++) {
        struct rule *rule = &shim.rules[i];
        if (strcmp(rule->call, call) != 0 || fnmatch(rule->pattern, path, 0) != 0 || !is_of_thread(rule)) {
            continue;
        }
        rule->count += is_counted ? 1 : 0;
        is_found = is_due(rule);
        if (is_found) {
            memcpy(out_action, rule->action, sizeof rule->action);
        }
        if (is_found && is_counted && strcmp(call, "clock_gettime") != 0) {
            note(rule, path);
        }
    }
    (void)pthread_mutex_unlock(&shim.mutex);
    return is_found;
}

static bool has_value(const char *action, const char *name, long *out_value)
{
    size_t size = strlen(name);
    bool is_it = strncmp(action, name, size) == 0 && action[size] == '=';
    *out_value = is_it ? strtol(action + size + 1, NULL, 10) : 0;
    return is_it;
}

static bool is_held(const char *action, const char *first)
{
    return strncmp(action, "hold=", 5) == 0 && strcmp(action, first) == 0;
}

/* Waits as the rule says. Returns the errno to fail with, or 0; the action is left for those who know more. */
static int meet(const char *call, const char *path, char action[32])
{
    long value = 0;
    action[0] = '\0';
    if (shim.path == NULL || !find(call, path, true, action)) {
        return 0;
    }
    char first[32];
    memcpy(first, action, sizeof first);
    for (long waited_ms = 0; is_held(action, first) && waited_ms < PATIENCE_MS; waited_ms += TURN_MS) {
        rest(TURN_MS);
        if (!find(call, path, false, action)) {
            action[0] = '\0';
        }
    }
    if (has_value(action, "sleep", &value)) {
        rest(value);
    }
    if (strcmp(action, "kill") == 0) {
        (void)kill(getpid(), SIGKILL);
    }
    return has_value(action, "errno", &value) ? (int)value : 0;
}

/* ---- paths ---- */

static void path_of(int fd, char path[PATH_MOST])
{
    char link[64];
    path[0] = '\0';
    if (shim.path != NULL) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, path, PATH_MOST - 1);
        path[size > 0 ? size : 0] = '\0';
    }
}

static void path_at(int directory_fd, const char *name, char path[PATH_MOST])
{
    char directory[PATH_MOST] = "";
    path[0] = '\0';
    if (shim.path != NULL && name[0] != '/' && directory_fd != AT_FDCWD) {
        path_of(directory_fd, directory);
    }
    if (shim.path != NULL) {
        int size = snprintf(path, PATH_MOST, "%s%s%s", directory, directory[0] == '\0' ? "" : "/", name);
        path[size < 0 || size >= PATH_MOST ? 0 : size] = '\0';
    }
}

/* ---- the calls ---- */

static int meet_fd(const char *call, int fd, char action[32])
{
    char path[PATH_MOST];
    path_of(fd, path);
    return meet(call, path, action);
}

static int meet_at(const char *call, int directory_fd, const char *name)
{
    char path[PATH_MOST];
    char action[32];
    path_at(directory_fd, name, path);
    return meet(call, path, action);
}

static int fail(int error)
{
    errno = error;
    return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    char action[32];
    long value = 0;
    int error = meet_fd("pwrite", fd, action);
    if (error != 0) {
        return fail(error);
    }
    if (has_value(action, "late", &value)) {
        (void)syscall(SYS_pwrite64, fd, bytes, size / 2, offset);
        return fail((int)value);
    }
    if (has_value(action, "tear", &value)) {
        (void)syscall(SYS_pwrite64, fd, bytes, (size_t)value < size ? (size_t)value : size - 1, offset);
        (void)kill(getpid(), SIGKILL);
    }
    if (has_value(action, "short", &value) && (size_t)value < size) {
        size = (size_t)value;
    }
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fdatasync(int fd)
{
    char action[32];
    int error = meet_fd("fdatasync", fd, action);
    return error != 0 ? fail(error) : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    char action[32];
    int error = meet_fd("fsync", fd, action);
    return error != 0 ? fail(error) : (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
    char action[32];
    int error = meet_fd("ftruncate", fd, action);
    return error != 0 ? fail(error) : (int)syscall(SYS_ftruncate, fd, size);
}

int openat(int directory_fd, const char *name, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    int error = meet_at("openat", directory_fd, name);
    return error != 0 ? fail(error) : (int)syscall(SYS_openat, directory_fd, name, flags, mode);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    int error = meet_at("renameat", to_fd, to);
    return error != 0 ? fail(error) : (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
}

int unlinkat(int directory_fd, const char *name, int flags)
{
    int error = meet_at("unlinkat", directory_fd, name);
    return error != 0 ? fail(error) : (int)syscall(SYS_unlinkat, directory_fd, name, flags);
}

int clock_gettime(clockid_t id, struct timespec *out_time)
{
    char action[32];
    long value = 0;
    int result = (int)syscall(SYS_clock_gettime, id, out_time);
    if (result == 0 && id == CLOCK_REALTIME && meet("clock_gettime", "*", action) == 0 &&
        has_value(action, "offset", &value)) {
        time_t seconds = value / 1000000;
        long nanoseconds = out_time->tv_nsec + value % 1000000 * 1000;
        seconds += nanoseconds >= 1000000000 ? 1 : nanoseconds < 0 ? -1 : 0;
        out_time->tv_sec += seconds;
        out_time->tv_nsec = (nanoseconds + 1000000000) % 1000000000;
    }
    return result;
}
