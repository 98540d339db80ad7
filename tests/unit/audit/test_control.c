/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the control sockets: what is sent arrives, with its descriptor; anything else is refused. */
#include "audit/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/passing.h"
#include "tests/support/rg_test.h"

static void assert_same_text(struct rg_slice a, struct rg_slice b)
{
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, b.size);
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    const struct audit_control sent = {.type = AUDIT_CONTROL_OPTIONS,
                                       .options = {.directory = RG_SLICE("/var/lib/rowgate/audit"),
                                                   .origin = RG_SLICE("c/audit/n/1"),
                                                   .segment_bytes = UINT64_MAX,
                                                   .reserve_bytes = 64,
                                                   .low_space_bytes = 1,
                                                   .acknowledged_seq = 4711,
                                                   .durability = AUDIT_WRITTEN}};
    const struct audit_control note = {
        .type = AUDIT_CONTROL_NOTE, .which = RG_SLICE("gateway"), .how = RG_SLICE("signal 9")};
    const struct audit_control told = {.type = AUDIT_CONTROL_STATE,
                                       .state = AUDIT_RESERVE,
                                       .durable_seq = 815,
                                       .reason = RG_SLICE("the disk is full")};
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, AUDIT_CONTROL_MAX);
    struct audit_control got = {0};
    assert_ok(audit_control_encode(&sent, &packet));
    assert_ok(audit_control_parse(rg_buf_slice(&packet), &got));
    assert_int_equal(got.type, AUDIT_CONTROL_OPTIONS);
    assert_same_text(got.options.directory, sent.options.directory);
    assert_same_text(got.options.origin, sent.options.origin);
    assert_true(got.options.segment_bytes == UINT64_MAX && got.options.reserve_bytes == 64);
    assert_true(got.options.low_space_bytes == 1 && got.options.durability == AUDIT_WRITTEN);
    assert_int_equal(got.options.acknowledged_seq, 4711);
    assert_int_equal(got.fd, -1);
    rg_buf_clear(&packet);
    assert_ok(audit_control_encode(&note, &packet));
    assert_ok(audit_control_parse(rg_buf_slice(&packet), &got));
    assert_same_text(got.which, note.which);
    assert_same_text(got.how, note.how);
    rg_buf_clear(&packet);
    assert_ok(audit_control_encode(&told, &packet));
    assert_ok(audit_control_parse(rg_buf_slice(&packet), &got));
    assert_int_equal(got.state, AUDIT_RESERVE);
    assert_int_equal(got.durable_seq, 815);
    assert_same_text(got.reason, told.reason);
    assert_int_equal(got.which.size, 0); /* nothing stays of the message before */
}

static void refuses_every_cut_and_every_byte_too_many(void **state)
{
    (void)state;
    const struct audit_control message = {.type = AUDIT_CONTROL_OPTIONS,
                                          .options = {.directory = RG_SLICE("/d"), .origin = RG_SLICE("o")}};
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, AUDIT_CONTROL_MAX);
    assert_ok(audit_control_encode(&message, &packet));
    struct audit_control got = {.fd = 77};
    for (size_t size = 0; size < rg_buf_size(&packet); size++) {
        assert_fails(RG_PROTOCOL, audit_control_parse(rg_slice_cut(rg_buf_slice(&packet), 0, size), &got));
        assert_int_equal(got.fd, 77);
    }
    assert_ok(rg_buf_put_u8(&packet, 0));
    assert_fails(RG_PROTOCOL, audit_control_parse(rg_buf_slice(&packet), &got));
    assert_fails(RG_PROTOCOL, audit_control_parse(RG_SLICE("\2\5"), &got));
    assert_fails(RG_PROTOCOL, audit_control_parse(RG_SLICE("\1\0"), &got));
    assert_fails(RG_PROTOCOL, audit_control_parse(RG_SLICE("\1\x9"), &got));
    assert_fails(RG_PROTOCOL, audit_control_parse(RG_SLICE("\1\7\4\0\0"), &got)); /* no such state */
    assert_int_equal(got.fd, 77);
}

static void refuses_to_write_what_could_not_be_read(void **state)
{
    (void)state;
    static char text[AUDIT_CONTROL_PATH_MAX + 1];
    memset(text, 'x', sizeof text);
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, AUDIT_CONTROL_MAX);
    const struct audit_control messages[] = {
        {.type = AUDIT_CONTROL_OPTIONS, .options = {.directory = {text, AUDIT_CONTROL_PATH_MAX + 1}}},
        {.type = AUDIT_CONTROL_OPTIONS, .options = {.origin = {text, 256}}},
        {.type = AUDIT_CONTROL_NOTE, .which = {text, AUDIT_CONTROL_WHICH_MAX + 1}},
        {.type = AUDIT_CONTROL_NOTE, .how = {text, AUDIT_CONTROL_HOW_MAX + 1}},
        {.type = AUDIT_CONTROL_STATE, .reason = {text, AUDIT_REASON_MAX + 1}}};
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        assert_fails(RG_LIMIT, audit_control_encode(&messages[i], &packet));
        assert_int_equal(rg_buf_size(&packet), 0);
    }
    assert_fails(RG_INTERNAL, audit_control_encode(&(struct audit_control){0}, &packet));
    assert_fails(RG_INTERNAL, audit_control_encode(&(struct audit_control){.type = AUDIT_CONTROL_COUNT}, &packet));
    assert_int_equal(rg_buf_size(&packet), 0);
}

struct ends {
    int a;
    int b;
    int door;
};

static struct ends make_ends(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    int door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_true(door >= 0);
    return (struct ends){fds[0], fds[1], door};
}

static void close_ends(struct ends *ends)
{
    (void)close(ends->a);
    (void)close(ends->b);
    (void)close(ends->door);
}

static void hands_a_door_over(void **state)
{
    (void)state;
    struct ends ends = make_ends();
    char memory[AUDIT_CONTROL_MAX];
    struct audit_control got = {0};
    bool has_message = true;
    assert_ok(audit_control_receive(ends.b, memory, &got, &has_message));
    assert_false(has_message);
    assert_ok(audit_control_send(ends.a, &(struct audit_control){.type = AUDIT_CONTROL_DOOR, .fd = ends.door}));
    assert_ok(audit_control_receive(ends.b, memory, &got, &has_message));
    assert_true(has_message);
    assert_int_equal(got.type, AUDIT_CONTROL_DOOR);
    assert_true(got.fd >= 0 && got.fd != ends.door);
    assert_true((fcntl(got.fd, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(got.fd);
    close_ends(&ends);
}

static void refuses_wrong_descriptors_and_keeps_none(void **state)
{
    (void)state;
    struct ends ends = make_ends();
    char memory[AUDIT_CONTROL_MAX];
    struct audit_control got = {.fd = 77};
    bool has_message = false;
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int next = dup(file); /* the lowest free number: a leak would take it */
    (void)close(next);
    assert_ok(audit_passing_send(ends.a, RG_SLICE("\1\2"), -1));        /* a door without one */
    assert_ok(audit_passing_send(ends.a, RG_SLICE("\1\2"), file));      /* a door that is a file */
    assert_ok(audit_passing_send(ends.a, RG_SLICE("\1\5"), ends.door)); /* stop, with one */
    assert_ok(audit_passing_send(ends.a, RG_SLICE("nonsense"), ends.door));
    for (int i = 0; i < 4; i++) {
        assert_fails(RG_PROTOCOL, audit_control_receive(ends.b, memory, &got, &has_message));
        assert_int_equal(got.fd, 77);
        assert_false(has_message);
        int probe = dup(file);
        assert_int_equal(probe, next);
        (void)close(probe);
    }
    (void)close(file);
    close_ends(&ends);
}

static void never_waits_and_tells_the_end(void **state)
{
    (void)state;
    struct ends ends = make_ends();
    char memory[AUDIT_CONTROL_MAX];
    struct audit_control got = {.fd = 77};
    bool has_message = false;
    const struct audit_control message = {.type = AUDIT_CONTROL_SEAL};
    size_t sent = 0;
    while (rg_is_ok(audit_control_send(ends.a, &message))) {
        sent++;
        assert_true(sent < 1000 * 1000);
    }
    assert_fails(RG_LIMIT, audit_control_send(ends.a, &message));
    (void)close(ends.a);
    for (size_t i = 0; i < sent; i++) {
        assert_ok(audit_control_receive(ends.b, memory, &got, &has_message));
        assert_true(has_message);
    }
    got.fd = 77;
    assert_fails(RG_CLOSED, audit_control_receive(ends.b, memory, &got, &has_message));
    assert_int_equal(got.fd, 77);
    assert_fails(RG_CLOSED, audit_control_send(ends.b, &message));
    assert_fails(RG_CLOSED, audit_control_send(-1, &message));
    ends.a = -1;
    close_ends(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(refuses_every_cut_and_every_byte_too_many),
        cmocka_unit_test(refuses_to_write_what_could_not_be_read),
        cmocka_unit_test(hands_a_door_over),
        cmocka_unit_test(refuses_wrong_descriptors_and_keeps_none),
        cmocka_unit_test(never_waits_and_tells_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
