/* SPDX-License-Identifier: Apache-2.0 */
/* The child is this test itself, executed again. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor_private.h"
#include "tests/support/rg_test.h"

enum { SECOND_US = 1000000, PATIENCE_MS = 20000 };

/* ---- what it does as a child ---- */

static int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count - 3; /* ".", "..", the directory itself */
}

/* argv: program, "child", name, "--control", FD, and what child_start was given */
static int act(int argc, char **argv)
{
    char text[128];
    int control = (int)strtol(argv[4], NULL, 10);
    if (strcmp(argv[2], "fails") == 0) {
        return 7;
    }
    int parent_signal = 0;
    (void)prctl(PR_GET_PDEATHSIG, &parent_signal);
    int length = snprintf(text, sizeof text, "%s %d %d", argc > 5 ? argv[5] : "-", count_descriptors(), parent_signal);
    if (write(control, text, (size_t)length) != length) {
        return 1;
    }
    struct pollfd wait = {.fd = control, .events = POLLIN};
    (void)fcntl(control, F_SETFL, 0);
    (void)poll(&wait, 1, PATIENCE_MS); /* until the other end closes */
    return 0;
}

/* ---- the tests ---- */

static int wait_for_end(struct child *child)
{
    int status = 0;
    for (int i = 0; i < PATIENCE_MS / 10; i++) {
        if (child_is_ended(child, &status)) {
            return status;
        }
        (void)usleep(10000);
    }
    fail_msg("the child does not end");
    return 0;
}

static void read_report(const struct child *child, char text[128])
{
    struct pollfd wait = {.fd = child->control, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
    ssize_t size = read(child->control, text, 127);
    assert_true(size > 0);
    text[size] = '\0';
}

static void a_child_gets_its_arguments_and_no_other_descriptor(void **state)
{
    (void)state;
    struct child child = {.name = "test", .control = -1};
    int secret[2];
    char text[128];
    assert_int_equal(pipe2(secret, O_CLOEXEC), 0);
    const char *const arguments[] = {"hello"};
    struct child_start start = {.name = "reports", .argument_count = 1, .arguments = arguments};
    assert_ok(child_start(&child, &start));
    read_report(&child, text);
    int first = 0;
    assert_int_equal(sscanf(text, "hello %d 0", &first), 1); /* NOLINT: our own child's text */
    child_close_control(&child);
    assert_int_equal(child_exit_code(wait_for_end(&child)), 0);
    assert_int_equal(child.pid, 0);
    start.kept_count = 1;
    start.kept = &secret[0];
    start.dies_with_parent = true;
    assert_ok(child_start(&child, &start));
    read_report(&child, text);
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, "hello %d %d", first + 1, SIGKILL);
    assert_string_equal(text, wanted);
    child_close_control(&child);
    (void)wait_for_end(&child);
    (void)close(secret[0]);
    (void)close(secret[1]);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    struct child child = {.name = "test", .control = -1};
    char text[SUPERVISOR_HOW_MAX];
    struct child_start start = {.name = "fails"};
    assert_ok(child_start(&child, &start));
    int status = wait_for_end(&child);
    child_describe_end(status, text);
    assert_string_equal(text, "status 7");
    assert_int_equal(child_exit_code(status), 7);
    start.name = "reports";
    assert_ok(child_start(&child, &start));
    child_signal(&child, SIGKILL);
    status = wait_for_end(&child);
    child_describe_end(status, text);
    assert_string_equal(text, "signal 9");
    assert_int_equal(child_exit_code(status), 137);
    assert_false(child_is_ended(&child, &status)); /* nothing is running */
    child_signal(&child, SIGKILL);                 /* and nobody is hit: pid 0 would be our own group */
    child_close_control(&child);
    child_close_control(&child);
    assert_int_equal(child.control, -1);
}

static void without_descriptors_none_starts(void **state)
{
    (void)state;
    struct child child = {.name = "test", .control = -1};
    struct child_start start = {.name = "fails"};
    int taken[4096];
    size_t count = 0;
    while (count < 4096 && (taken[count] = dup(0)) >= 0) {
        count++;
    }
    if (count < 4096) { /* the limit of descriptors was met */
        assert_fails(RG_INTERNAL, child_start(&child, &start));
        assert_int_equal(child.pid, 0);
        assert_int_equal(child.control, -1);
    }
    while (count > 0) {
        (void)close(taken[--count]);
    }
}

static void each_failure_waits_twice_as_long_and_work_begins_anew(void **state)
{
    (void)state;
    struct child child = {.name = "test", .control = -1};
    static const int64_t waits_us[] = {100000,  200000,  400000,   800000,   1600000,
                                       3200000, 6400000, 10000000, 10000000, 10000000};
    for (size_t i = 0; i < sizeof waits_us / sizeof waits_us[0]; i++) {
        child_back_off(&child, 5 * SECOND_US);
        assert_int_equal(child.retry_us - 5 * SECOND_US, waits_us[i]);
    }
    child.is_ready = true;
    child.ready_us = 5 * SECOND_US;
    child_back_off(&child, 5 * SECOND_US + SECOND_US - 1); /* it died again at once */
    assert_int_equal(child.retry_us - 6 * SECOND_US + 1, 10000000);
    child_back_off(&child, 6 * SECOND_US); /* it was at work for a second */
    assert_int_equal(child.retry_us - 6 * SECOND_US, 100000);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_gets_its_arguments_and_no_other_descriptor),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(without_descriptors_none_starts),
        cmocka_unit_test(each_failure_waits_twice_as_long_and_work_begins_anew),
    };
    if (argc > 4 && strcmp(argv[1], "child") == 0) {
        return act(argc, argv);
    }
    struct rlimit few = {256, 256};
    (void)setrlimit(RLIMIT_NOFILE, &few);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
