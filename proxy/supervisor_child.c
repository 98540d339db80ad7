/* SPDX-License-Identifier: Apache-2.0 */
/* One child process of the supervisor: this same program again (/proc/self/exe: also when the file was replaced
 * meanwhile), with its own address space, one control socket, and the descriptors it is given. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/supervisor_private.h"

enum { FIRST_DELAY_US = 100000, LAST_DELAY_US = 10000000, STEADY_US = 1000000, EXEC_FAILED = 127 };

/* Between fork and exec: only what is safe there. The signals that the supervisor takes stay blocked. */
static _Noreturn void become(char *const *arguments, pid_t parent, const struct child_start *start, int control)
{
    if (start->dies_with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) {
        _exit(EXEC_FAILED);
    }
    (void)fcntl(control, F_SETFD, 0);
    for (size_t i = 0; i < start->kept_count; i++) {
        (void)fcntl(start->kept[i], F_SETFD, 0);
    }
    (void)execv("/proc/self/exe", arguments);
    _exit(EXEC_FAILED);
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = rg_memory_alloc(size);
    memcpy(copy, text, size);
    return copy;
}

static char **make_arguments(const struct child_start *start, int control)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", control);
    char **arguments = rg_memory_array(start->argument_count + 6, sizeof *arguments);
    const char *const first[] = {"rowgate", "child", start->name, "--control", number};
    size_t count = 0;
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        arguments[count++] = copy_text(first[i]);
    }
    for (size_t i = 0; i < start->argument_count; i++) {
        arguments[count++] = copy_text(start->arguments[i]);
    }
    return arguments;
}

static void free_arguments(char **arguments)
{
    for (size_t i = 0; arguments[i] != NULL; i++) {
        rg_memory_free(arguments[i]);
    }
    rg_memory_free(arguments);
}

static rg_status spawn(const struct child_start *start, int control, pid_t *out_pid)
{
    char **arguments = make_arguments(start, control);
    pid_t parent = getpid();
    pid_t pid = fork();
    int failure = errno;
    if (pid == 0) {
        become(arguments, parent, start, control);
    }
    free_arguments(arguments);
    if (pid < 0) {
        return rg_fail(RG_INTERNAL, "cannot start a process: %s", strerror(failure));
    }
    *out_pid = pid;
    return RG_OK;
}

rg_status child_start(struct child *child, const struct child_start *start)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return rg_fail(RG_INTERNAL, "cannot make a control socket: %s", strerror(errno));
    }
    pid_t pid = 0;
    rg_status status = spawn(start, ends[1], &pid);
    (void)close(ends[1]);
    if (!rg_is_ok(status)) {
        (void)close(ends[0]);
        return status;
    }
    child_close_control(child);
    child->pid = pid;
    child->control = ends[0];
    child->is_ready = false;
    child->retry_us = 0;
    child->reason[0] = '\0';
    return RG_OK;
}

bool child_is_ended(struct child *child, int *out_status)
{
    if (child->pid == 0 || waitpid(child->pid, out_status, WNOHANG) != child->pid) {
        return false;
    }
    child->pid = 0;
    return true;
}

int child_exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_describe_end(int status, char text[SUPERVISOR_HOW_MAX])
{
    if (WIFSIGNALED(status)) {
        (void)snprintf(text, SUPERVISOR_HOW_MAX, "signal %d", WTERMSIG(status));
    } else {
        (void)snprintf(text, SUPERVISOR_HOW_MAX, "status %d", WEXITSTATUS(status));
    }
}

void child_back_off(struct child *child, int64_t now_us)
{
    bool was_steady = child->is_ready && now_us - child->ready_us >= STEADY_US;
    if (child->delay_us == 0 || was_steady) {
        child->delay_us = FIRST_DELAY_US;
    }
    child->retry_us = now_us + child->delay_us;
    child->delay_us = child->delay_us >= LAST_DELAY_US / 2 ? LAST_DELAY_US : child->delay_us * 2;
}

void child_signal(const struct child *child, int number)
{
    if (child->pid != 0) {
        (void)kill(child->pid, number);
    }
}

void child_close_control(struct child *child)
{
    if (child->control >= 0) {
        (void)close(child->control);
    }
    child->control = -1;
}
