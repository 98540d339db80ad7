/* SPDX-License-Identifier: Apache-2.0 */
/* A taken-over exporter against the keys, the log and the rest of the machine. What is tried runs in a child: a fence
 * is for life. */
#include "proxy/fence_exporter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

enum { PATH_SIZE = 256 };

static char root[] = "/tmp/rowgate-fence-XXXXXX";
static char audit[PATH_SIZE];
static char sink[PATH_SIZE];

static const char *at(const char *name)
{
    static char paths[8][PATH_SIZE];
    static int next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, PATH_SIZE, "%s/%s", root, name);
    return path;
}

static void put_file(const char *name)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static int set_up(void **state)
{
    (void)state;
    static const char *const directories[] = {"audit",      "audit/seg",    "audit/ckpt", "audit/tile",
                                              "audit/keys", "audit/export", "sink",       "else"};
    static const char *const files[] = {"audit/seg/0.jsonl", "audit/origin",         "audit/head.note",
                                        "audit/keys/seed",   "audit/keys/root.vkey", "audit/keys/list-0.note",
                                        "sink/out",          "else/secret"};
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        assert_int_equal(mkdir(at(directories[i]), 0700), 0);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        put_file(files[i]);
    }
    (void)snprintf(audit, sizeof audit, "%s", at("audit"));
    (void)snprintf(sink, sizeof sink, "%s", at("sink/out"));
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

static int try_open(const char *name, int flags)
{
    int fd = open(at(name), flags | O_CLOEXEC, 0600);
    int error = outcome(fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

static int read_log(void)
{
    return try_open("audit/seg/0.jsonl", O_RDONLY);
}
static int read_public_keys(void)
{
    int error = try_open("audit/keys/root.vkey", O_RDONLY);
    return error != 0 ? error : try_open("audit/keys/list-0.note", O_RDONLY);
}
static int write_state(void)
{
    int error = try_open("audit/export/s.tmp", O_WRONLY | O_CREAT);
    return error != 0 ? error : outcome(rename(at("audit/export/s.tmp"), at("audit/export/s.json")));
}
static int append_sink(void)
{
    return try_open("sink/out", O_RDWR | O_APPEND | O_CREAT);
}
static int make_sink(void)
{
    return try_open("sink/new", O_RDWR | O_APPEND | O_CREAT);
}
static int read_seed(void)
{
    return try_open("audit/keys/seed", O_RDONLY);
}
static int read_seed_by_link(void)
{
    return outcome(symlink(at("audit/keys/seed"), at("audit/export/link")));
}
static int move_seed(void)
{
    return outcome(rename(at("audit/keys/seed"), at("audit/export/seed"))) == 0 ? 0 : EACCES;
}
static int link_seed(void)
{
    return outcome(link(at("audit/keys/seed"), at("audit/export/seed"))) == 0 ? 0 : EACCES;
}
static int write_log(void)
{
    return try_open("audit/seg/0.jsonl", O_WRONLY);
}
static int cut_log(void)
{
    return outcome(truncate(at("audit/seg/0.jsonl"), 0));
}
static int make_segment(void)
{
    return try_open("audit/seg/1.jsonl", O_WRONLY | O_CREAT);
}
static int remove_segment(void)
{
    return outcome(unlink(at("audit/seg/0.jsonl")));
}
static int make_beside(void)
{
    return try_open("audit/new", O_WRONLY | O_CREAT);
}
static int remove_sink(void)
{
    return outcome(unlink(at("sink/out")));
}
static int read_else(void)
{
    return try_open("else/secret", O_RDONLY);
}
static int start_program(void)
{
    return outcome(execl("/bin/true", "true", (char *)NULL));
}
static int change_mode(void)
{
    return outcome(chmod(at("audit/keys"), 0));
}
static int signal_parent(void)
{
    return outcome(kill(getppid(), 0));
}
static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = outcome(bind(fd, (const struct sockaddr *)&address, sizeof address));
    (void)close(fd);
    return error;
}
static int read_authorities(void)
{
    int fd = open("/etc/ssl/certs/ca-certificates.crt", O_RDONLY | O_CLOEXEC);
    int error = outcome(fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    return error == ENOENT ? 0 : error;
}

static const struct attempt {
    const char *name;
    int (*run)(void);
    int error;
    bool is_young; /* kernels from 6.12 on have all of it */
} attempts[] = {
    {"read the log", read_log, 0, false},
    {"read the public keys", read_public_keys, 0, false},
    {"write its state", write_state, 0, false},
    {"append to the sink", append_sink, 0, false},
    {"make the sink anew", make_sink, 0, false},
    {"read the system's authorities", read_authorities, 0, false},
    {"read the seed", read_seed, EACCES, false},
    {"link to the seed", read_seed_by_link, EACCES, false},
    {"move the seed to where it may read", move_seed, EACCES, false},
    {"link the seed to where it may read", link_seed, EACCES, false},
    {"write the log", write_log, EACCES, false},
    {"cut the log", cut_log, EACCES, false},
    {"make a segment", make_segment, EACCES, false},
    {"remove a segment", remove_segment, EACCES, false},
    {"make a file beside", make_beside, EACCES, false},
    {"remove what was sent", remove_sink, EACCES, false},
    {"read other files", read_else, EACCES, false},
    {"start a program", start_program, EPERM, false},
    {"lock the auditor out", change_mode, EPERM, false},
    {"signal the supervisor", signal_parent, EPERM, true},
    {"listen", listen_somewhere, EACCES, true},
};
enum { ATTEMPTS = sizeof attempts / sizeof attempts[0] };

struct results {
    struct fence_report report;
    int errors[ATTEMPTS];
};

static struct results run_behind(const struct fence_exporter *fence)
{
    struct results *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fence_exporter_enter(fence, &shared->report);
        for (size_t i = 0; i < ATTEMPTS; i++) {
            shared->errors[i] = attempts[i].run();
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct results results = *shared;
    assert_int_equal(munmap(shared, sizeof *shared), 0);
    return results;
}

static void behind_it_the_log_is_read_and_nothing_else(void **state)
{
    (void)state;
    const char *const writes[] = {sink};
    const struct fence_exporter fence = {.audit_directory = audit, .write_count = 1, .writes = writes};
    struct results results = run_behind(&fence);
    if (!results.report.has_files || !results.report.has_calls) {
        print_message("%s\n", results.report.why);
        skip();
    }
    for (size_t i = 0; i < ATTEMPTS; i++) {
        if (results.errors[i] != attempts[i].error && (results.report.has_signals || !attempts[i].is_young)) {
            fail_msg("%s: error %d, expected %d", attempts[i].name, results.errors[i], attempts[i].error);
        }
    }
}

/* A sink beside the log, or the other way round, would open the seeds: it stays shut, and that is said. */
static void a_place_around_the_log_opens_nothing(void **state)
{
    (void)state;
    const char *const writes[] = {at("out"), at("audit/out"), at("audit/keys/out")};
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        const struct fence_exporter fence = {.audit_directory = audit, .write_count = 1, .writes = &writes[i]};
        struct results results = run_behind(&fence);
        if (!results.report.has_files) {
            skip();
        }
        assert_non_null(results.report.why);
        assert_non_null(strstr(results.report.why, "directory of its own"));
        for (size_t j = 0; j < ATTEMPTS; j++) {
            if (attempts[j].run == read_seed || attempts[j].run == write_log || attempts[j].run == make_segment) {
                assert_int_equal(results.errors[j], EACCES);
            }
        }
    }
}

static void new_keys_and_new_directories_change_its_stamp(void **state)
{
    (void)state;
    const char *const writes[] = {at("later/out")};
    const struct fence_exporter fence = {.audit_directory = audit, .write_count = 1, .writes = writes};
    unsigned first = fence_exporter_stamp(&fence);
    assert_int_equal(fence_exporter_stamp(&fence), first);
    put_file("audit/seg/2.jsonl");
    put_file("audit/keys/seed.next"); /* nothing that it may see */
    assert_int_equal(fence_exporter_stamp(&fence), first);
    put_file("audit/keys/list-9.note");
    unsigned second = fence_exporter_stamp(&fence);
    assert_int_not_equal(second, first);
    assert_int_equal(mkdir(at("later"), 0700), 0);
    assert_int_not_equal(fence_exporter_stamp(&fence), second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_it_the_log_is_read_and_nothing_else),
        cmocka_unit_test(a_place_around_the_log_opens_nothing),
        cmocka_unit_test(new_keys_and_new_directories_change_its_stamp),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
