/* SPDX-License-Identifier: Apache-2.0 */
/* Packets between the processes: what the last words of one who ends are worth. */
#include "audit/passing.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/rg_test.h"

static void make_pair(int *out_ours, int *out_theirs)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    *out_ours = pair[0];
    *out_theirs = pair[1];
}

static void hears_last_words_of_one_who_left_something_unread(void **state)
{
    (void)state;
    int ours = -1;
    int theirs = -1;
    char bytes[16];
    size_t size = 0;
    int fd = -1;
    make_pair(&ours, &theirs);
    assert_ok(audit_passing_send(ours, RG_SLICE("unread"), -1));
    assert_ok(audit_passing_send(theirs, RG_SLICE("why"), -1));
    (void)close(theirs);
    assert_int_equal(audit_passing_receive(ours, bytes, sizeof bytes, &size, &fd), AUDIT_PASSING_PACKET);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "why", 3);
    assert_int_equal(fd, -1);
    assert_int_equal(audit_passing_receive(ours, bytes, sizeof bytes, &size, &fd), AUDIT_PASSING_END);
    (void)close(ours);
}

static void tells_the_end_of_one_who_said_nothing(void **state)
{
    (void)state;
    int ours = -1;
    int theirs = -1;
    char bytes[16];
    size_t size = 0;
    int fd = -1;
    make_pair(&ours, &theirs);
    assert_int_equal(audit_passing_receive(ours, bytes, sizeof bytes, &size, &fd), AUDIT_PASSING_NOTHING);
    assert_ok(audit_passing_send(ours, RG_SLICE("unread"), -1));
    (void)close(theirs);
    assert_int_equal(audit_passing_receive(ours, bytes, sizeof bytes, &size, &fd), AUDIT_PASSING_END);
    assert_int_equal(audit_passing_receive(ours, bytes, sizeof bytes, &size, &fd), AUDIT_PASSING_END);
    (void)close(ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_last_words_of_one_who_left_something_unread),
        cmocka_unit_test(tells_the_end_of_one_who_said_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
