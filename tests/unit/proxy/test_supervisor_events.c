/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor and a gateway in hostile hands, which has one end of a control socket. */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor_private.h"
#include "tests/support/rg_test.h"

static void open_control(struct child *child, int *out_theirs)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    *child = (struct child){.name = "gateway", .control = ends[0]};
    *out_theirs = ends[1];
}

static bool has_more(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 1;
}

static void takes_a_bounded_number_of_messages_from_a_child_that_never_stops(void **state)
{
    (void)state;
    static struct supervisor supervisor;
    const struct audit_control message = {.type = AUDIT_CONTROL_STATE, .state = AUDIT_CLOSED, .fd = -1};
    int theirs = -1;
    size_t sent = 0;
    supervisor = (struct supervisor){.clock = rg_clock_system(), .auditor = {.name = "auditor", .control = -1}};
    open_control(&supervisor.gateway, &theirs);
    while (rg_is_ok(audit_control_send(theirs, &message))) {
        sent++;
    }
    assert_true(sent > 100);
    supervisor_take_messages(&supervisor);
    assert_true(has_more(supervisor.gateway.control)); /* signals and the other child come first */
    for (size_t i = 0; i < sent && has_more(supervisor.gateway.control); i++) {
        supervisor_take_messages(&supervisor);
    }
    assert_false(has_more(supervisor.gateway.control)); /* and none is lost */
    assert_true(supervisor.gateway.control >= 0);
    assert_int_equal(supervisor.gateway.reason[0], '\0'); /* a gateway has no say in what state the log is */
    child_close_control(&supervisor.gateway);
    (void)close(theirs);
}

static void kills_a_child_that_talks_nonsense(void **state)
{
    (void)state;
    static struct supervisor supervisor;
    int theirs = -1;
    int status = 0;
    supervisor = (struct supervisor){.clock = rg_clock_system(), .auditor = {.name = "auditor", .control = -1}};
    assert_ok(rg_log_open("/dev/null", RG_LOG_ERROR, supervisor.clock, &supervisor.log));
    open_control(&supervisor.gateway, &theirs);
    supervisor.gateway.pid = fork();
    if (supervisor.gateway.pid == 0) {
        (void)pause();
        _exit(0);
    }
    assert_int_equal(send(theirs, "\1\377nonsense", 10, MSG_NOSIGNAL), 10);
    supervisor_take_messages(&supervisor);
    assert_int_equal(supervisor.gateway.control, -1);
    assert_int_equal(waitpid(supervisor.gateway.pid, &status, 0), supervisor.gateway.pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    (void)close(theirs);
    rg_log_close(&supervisor.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_bounded_number_of_messages_from_a_child_that_never_stops),
        cmocka_unit_test(kills_a_child_that_talks_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
