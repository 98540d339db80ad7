/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's fence: Landlock for files and signals, seccomp for the few calls that Landlock lets pass and that would
 * reach the auditor. Called by gateway.c before any thread runs. */
#include "proxy/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/fence_private.h"

/* ---- files and signals ---- */

uint64_t fence_write_rights(long abi)
{
    uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                      LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                      LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                      LANDLOCK_ACCESS_FS_MAKE_SYM;
    rights |= abi >= FENCE_ABI_REFER ? LANDLOCK_ACCESS_FS_REFER : 0;
    return rights | (abi >= FENCE_ABI_TRUNCATE ? FENCE_TRUNCATE : 0);
}

bool fence_is_below(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    bool is_root = strcmp(directory, "/") == 0;
    return is_root || (strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0'));
}

/* Paths, much for a frame. */
struct places {
    char log[PATH_MAX]; /* the directory of the log file, whose right holds for all that is below it */
    char audit[PATH_MAX];
    char written[PATH_MAX]; /* the former as the configuration has it */
    char state[PATH_MAX];
};

static bool are_apart(const char *a, const char *b)
{
    return !fence_is_below(a, b) && !fence_is_below(b, a);
}

static bool find_state_directory(const struct fence *fence, struct places *places)
{
    return realpath(fence->state_directory, places->state) != NULL &&
           realpath(fence->audit_directory, places->audit) != NULL && are_apart(places->audit, places->state);
}

static bool find_log_directory(const struct fence *fence, struct places *places)
{
    char *directory = places->written;
    directory[0] = '.';
    const char *slash = strrchr(fence->log_file, '/');
    size_t size = slash == NULL ? 1 : (size_t)(slash - fence->log_file);
    if (slash != NULL && size < PATH_MAX) {
        size = size == 0 ? 1 : size; /* a file in "/" */
        memcpy(directory, fence->log_file, size);
        directory[size] = '\0';
    }
    return size < PATH_MAX && realpath(directory, places->log) != NULL &&
           realpath(fence->audit_directory, places->audit) != NULL && are_apart(places->audit, places->log);
}

bool fence_add_rule(int ruleset, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    bool is_added = fd >= 0 && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_added;
}

static bool add_rules(int ruleset, long abi, const char *log_directory, const char *state_directory)
{
    uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;
    uint64_t state_rights = rights | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                            (abi >= FENCE_ABI_TRUNCATE ? FENCE_TRUNCATE : 0);
    (void)fence_add_rule(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE); /* libraries may open it */
    return (log_directory == NULL || fence_add_rule(ruleset, log_directory, rights)) &&
           (state_directory == NULL || fence_add_rule(ruleset, state_directory, state_rights));
}

static void fence_with(const struct fence *fence, struct places *places, struct fence_report *report)
{
    bool has_log = fence->log_file != NULL && fence->log_file[0] != '\0';
    bool has_state = fence->state_directory != NULL && fence->state_directory[0] != '\0';
    bool is_log_apart = !has_log || find_log_directory(fence, places);
    bool is_apart = is_log_apart && (!has_state || find_state_directory(fence, places));
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        report->why = "this kernel has no Landlock";
        return;
    }
    struct fence_ruleset wanted = {.files = is_apart ? fence_write_rights(abi) : 0,
                                   .scopes = abi >= FENCE_ABI_SIGNALS ? FENCE_SIGNAL_SCOPE : 0};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0);
    bool is_set =
        ruleset >= 0 &&
        (!is_apart || add_rules(ruleset, abi, has_log ? places->log : NULL, has_state ? places->state : NULL)) &&
        syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (ruleset >= 0) {
        (void)close(ruleset);
    }
    report->has_files = is_set && is_apart && abi >= FENCE_ABI_TRUNCATE;
    report->has_signals = is_set && abi >= FENCE_ABI_SIGNALS;
    if (!is_apart && is_log_apart) {
        report->why = "the state's directory is not there, or beside, above or in the audit directory";
    } else if (!is_apart) {
        report->why = "[log].file is beside, above or in the audit directory: give it a directory of its own";
    } else if (!is_set) {
        report->why = "Landlock refused";
    } else if (!report->has_files || !report->has_signals) {
        report->why = "this kernel's Landlock is too old for all of it";
    }
}

static void fence_files(const struct fence *fence, struct fence_report *report)
{
    struct places *places = rg_memory_alloc(sizeof *places);
    fence_with(fence, places, report);
    rg_memory_free(places);
}

/* ---- calls ---- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define REFUSE(number) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number))
#define PASS BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
#define REFUSE_CALL(call, number) SKIP_UNLESS(SYS_##call, 1), REFUSE(number)
#ifdef SYS_chmod /* younger machines have the calls on descriptors alone */
#define REFUSE_OLD_CALLS REFUSE_CALL(chmod, EPERM), REFUSE_CALL(chown, EPERM), REFUSE_CALL(lchown, EPERM),
#else
#define REFUSE_OLD_CALLS
#endif

/* What the gateway never calls, and a stranger in its place could use against the auditor. The rest passes. */
bool fence_calls(void)
{
    struct sock_filter calls[] = {
        LOAD(arch),
        SKIP_UNLESS(ARCHITECTURE, 1),
        BPF_STMT(BPF_JMP | BPF_JA, 1),
        REFUSE(ENOSYS), /* other ways into the kernel have other numbers */
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1), /* x32's numbers */
        REFUSE(ENOSYS),
        REFUSE_CALL(io_uring_setup, ENOSYS), /* setsockopt by another name */
        REFUSE_CALL(execve, EPERM),
        REFUSE_CALL(execveat, EPERM),
        REFUSE_CALL(flock, EPERM), /* the log's lock: the next auditor would wait for it */
        /* Landlock does not look at what follows: the auditor could no longer open its own files */
        REFUSE_OLD_CALLS REFUSE_CALL(fchmod, EPERM),
        REFUSE_CALL(fchmodat, EPERM),
        SKIP_UNLESS(452 /* fchmodat2, newer than some headers */, 1),
        REFUSE(EPERM),
        REFUSE_CALL(fchown, EPERM),
        REFUSE_CALL(fchownat, EPERM),
        REFUSE_CALL(setxattr, EPERM),
        REFUSE_CALL(lsetxattr, EPERM),
        REFUSE_CALL(fsetxattr, EPERM),
        /* The last close of a lingering TCP socket waits; sent to the auditor, it is the auditor that waits (unix(7))
         */
        SKIP_UNLESS(SYS_setsockopt, 5),
        LOAD(args[1]),
        SKIP_UNLESS(SOL_SOCKET, 3),
        LOAD(args[2]),
        SKIP_UNLESS(SO_LINGER, 1),
        REFUSE(EPERM),
        PASS,
    };
    const struct sock_fprog program = {.len = sizeof calls / sizeof calls[0], .filter = calls};
    return ARCHITECTURE != 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

void fence_enter(const struct fence *fence, struct fence_report *out_report)
{
    struct fence_report report = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        report.why = "this kernel has no PR_SET_NO_NEW_PRIVS";
        *out_report = report;
        return;
    }
    fence_files(fence, &report);
    report.has_calls = fence_calls();
    if (!report.has_calls && report.why == NULL) {
        report.why = "seccomp refused";
    }
    *out_report = report;
}
