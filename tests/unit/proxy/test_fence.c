/* SPDX-License-Identifier: Apache-2.0 */
/* A taken-over gateway against the audit directory and the auditor. What is tried runs in a child: a fence is for life.
 */
#include "proxy/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

enum { PATH_SIZE = 256 };

static char root[] = "/tmp/rowgate-fence-XXXXXX";
static char audit[PATH_SIZE];
static char record[PATH_SIZE];
static char record_moved[PATH_SIZE];
static char log_file[PATH_SIZE];
static char log_moved[PATH_SIZE];
static char config[PATH_SIZE];
static char state_directory[PATH_SIZE];

static void put_path(char out[PATH_SIZE], const char *name)
{
    (void)snprintf(out, PATH_SIZE, "%s/%s", root, name);
}

static void put_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    char log_directory[PATH_SIZE];
    put_path(audit, "audit");
    put_path(log_directory, "log");
    put_path(record, "audit/record");
    put_path(record_moved, "audit/moved");
    put_path(log_file, "log/rowgate.log");
    put_path(log_moved, "log/rowgate.log.1");
    put_path(config, "rowgate.toml");
    put_path(state_directory, "state");
    assert_int_equal(mkdir(state_directory, 0700), 0);
    assert_int_equal(mkdir(audit, 0700), 0);
    assert_int_equal(mkdir(log_directory, 0700), 0);
    put_file(record);
    put_file(log_file);
    put_file(config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[PATH_SIZE + 16];
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* ---- what is tried behind the fence: the error it meets, 0 = it worked ---- */

static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    int error = outcome(fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

static int overwrite(void)
{
    return try_open(record, O_WRONLY);
}

static int append(void)
{
    return try_open(record, O_WRONLY | O_APPEND);
}

static int create(void)
{
    return try_open(record_moved, O_WRONLY | O_CREAT | O_EXCL);
}

static int cut(void)
{
    return outcome(truncate(record, 0));
}

static int delete_it(void)
{
    return outcome(unlink(record));
}

static int move(void)
{
    return outcome(rename(record, record_moved));
}

static int move_out(void)
{
    char path[PATH_SIZE];
    put_path(path, "log/stolen");
    return outcome(rename(record, path));
}

static int link_out(void)
{
    char path[PATH_SIZE];
    put_path(path, "log/linked");
    return outcome(link(record, path));
}

static int move_directory(void)
{
    char path[PATH_SIZE];
    put_path(path, "elsewhere");
    return outcome(rename(audit, path));
}

static int make_directory(void)
{
    return outcome(mkdir(record_moved, 0700));
}

static int change_mode(void)
{
    return outcome(chmod(audit, 0));
}

static int change_owner(void)
{
    return outcome(chown(audit, 1, 1));
}

static int lock(void)
{
    int fd = open(record, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? -1 : outcome(flock(fd, LOCK_EX | LOCK_NB));
    (void)close(fd);
    return error;
}

static int linger(void)
{
    const struct linger value = {1, 65535};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = outcome(setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value));
    (void)close(fd);
    return error;
}

static int execute(void)
{
    char name[] = "/bin/true";
    char *const arguments[] = {name, NULL};
    return outcome(execv(name, arguments));
}

static int stop_another(void)
{
    return outcome(kill(getppid(), SIGCONT));
}

static int trace_another(void)
{
    return outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int read_config(void)
{
    return try_open(config, O_RDONLY);
}

static int write_log(void)
{
    return try_open(log_file, O_WRONLY | O_APPEND | O_CREAT);
}

static int begin_new_log(void)
{
    return try_open(log_moved, O_WRONLY | O_APPEND | O_CREAT); /* as after a rotation: it is not there */
}

/* What SQLite does with its log, and the socket of `rowgate session`. */
static int work_in_the_state(void)
{
    char path[PATH_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    put_path(path, "state/state.db-wal");
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/state/s", root);
    int error = try_open(path, O_RDWR | O_CREAT);
    error = error != 0 ? error : outcome(truncate(path, 0));
    error = error != 0 ? error : outcome(unlink(path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    error = error != 0 ? error : outcome(bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address));
    (void)close(fd);
    return error;
}

static int keep_alive(void)
{
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = outcome(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
    (void)close(fd);
    return error;
}

static int signal_itself(void)
{
    return outcome(kill(getpid(), SIGCONT));
}

struct attempt {
    const char *name;
    int (*run)(void);
    int error;
    bool needs_signals; /* a kernel that fences them */
};

static const struct attempt attempts[] = {
    {"overwrite a record", overwrite, EACCES, false},
    {"append a record", append, EACCES, false},
    {"make the next segment", create, EACCES, false},
    {"cut a record off", cut, EACCES, false},
    {"delete a record", delete_it, EACCES, false},
    {"move a record", move, EACCES, false},
    {"move a record out", move_out, EACCES, false},
    {"link a record elsewhere", link_out, EXDEV, false},
    {"move the directory", move_directory, EACCES, false},
    {"make a directory", make_directory, EACCES, false},
    {"shut the auditor out", change_mode, EPERM, false},
    {"give the directory away", change_owner, EPERM, false},
    {"take the lock", lock, EPERM, false},
    {"make the auditor's close wait", linger, EPERM, false},
    {"execute a program", execute, EPERM, false},
    {"signal another process", stop_another, EPERM, true},
    {"trace another process", trace_another, EPERM, false},
    {"read the configuration", read_config, 0, false},
    {"write the log", write_log, 0, false},
    {"begin a new log", begin_new_log, 0, false},
    {"work in the state's directory", work_in_the_state, 0, false},
    {"set another socket option", keep_alive, 0, false},
    {"signal itself", signal_itself, 0, false},
};

enum { ATTEMPTS = sizeof attempts / sizeof attempts[0] };

struct results {
    struct fence_report report;
    int errors[ATTEMPTS];
};

/* One child for all: what was refused changed nothing. */
static void run_behind(const struct fence *fence, struct results *out_results)
{
    struct results *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fence_enter(fence, &shared->report);
        for (size_t i = 0; i < ATTEMPTS && fence->audit_directory == audit; i++) {
            shared->errors[i] = attempts[i].run();
        }
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    *out_results = *shared;
    (void)munmap(shared, sizeof *shared);
}

static void a_gateway_behind_it_cannot_harm_the_audit_directory_or_the_auditor(void **state)
{
    (void)state;
    struct results results;
    const struct fence fence = {audit, log_file, state_directory};
    run_behind(&fence, &results);
    if (!results.report.has_files || !results.report.has_calls) {
        print_message("%s\n", results.report.why);
        skip();
    }
    for (size_t i = 0; i < ATTEMPTS; i++) {
        if (results.errors[i] != attempts[i].error && (results.report.has_signals || !attempts[i].needs_signals)) {
            fail_msg("%s: error %d, expected %d", attempts[i].name, results.errors[i], attempts[i].error);
        }
    }
    assert_int_equal(access(record, F_OK), 0);
    assert_int_equal(access(record_moved, F_OK), -1);
}

/* A right over the log's directory would be one over what lies in it. */
static void it_says_that_a_log_file_around_the_audit_directory_leaves_that_open(void **state)
{
    (void)state;
    char beside[PATH_SIZE];
    char inside[PATH_SIZE];
    put_path(beside, "rowgate.log");
    put_path(inside, "audit/rowgate.log");
    const char *const files[] = {beside, inside, "/rowgate.log", "/no/such/directory/rowgate.log"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct results results;
        const struct fence fence = {audit, files[i], NULL};
        run_behind(&fence, &results);
        assert_false(results.report.has_files);
        assert_non_null(results.report.why);
    }
    char similar[PATH_SIZE]; /* its name begins as the audit directory's: that is no overlap */
    put_path(similar, "audit-log");
    assert_int_equal(mkdir(similar, 0700), 0);
    put_path(similar, "audit-log/rowgate.log");
    struct results results;
    const struct fence fence = {audit, similar, NULL};
    run_behind(&fence, &results);
    assert_true(results.report.has_files || results.report.why != NULL);
}

static void it_says_that_a_state_around_the_audit_directory_leaves_that_open(void **state)
{
    (void)state;
    char inside[PATH_SIZE];
    put_path(inside, "audit/state");
    const char *const directories[] = {root, audit, inside, "/no/such/directory"};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        struct results results;
        const struct fence fence = {audit, log_file, directories[i]};
        run_behind(&fence, &results);
        assert_false(results.report.has_files);
        assert_non_null(results.report.why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gateway_behind_it_cannot_harm_the_audit_directory_or_the_auditor),
        /* These two leave the audit directory harmed. */
        cmocka_unit_test(it_says_that_a_state_around_the_audit_directory_leaves_that_open),
        cmocka_unit_test(it_says_that_a_log_file_around_the_audit_directory_leaves_that_open),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
