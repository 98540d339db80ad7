/* SPDX-License-Identifier: Apache-2.0 */
/* A taken-over gateway: it can add records of its own kinds to the log, and harm its own channels. It cannot break a
 * line, write in the auditor's name, stop others, or make the auditor grow. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "audit/message.h"
#include "audit/passing.h"
#include "tests/support/auditor_rig.h"

#define OCSF                                                                                                           \
    "{\"metadata\":{\"version\":\"1.8.0\"},\"class_uid\":6005,\"category_uid\":6,\"activity_id\":1,"                   \
    "\"type_uid\":600501,\"severity_id\":1,\"time\":1}"
#define GOOD "{\"kind\":\"login\"}"

/* A channel without the client's code. */
static int open_raw(const struct auditor_rig *rig)
{
    int ours = -1;
    int theirs = -1;
    rig_pair(SOCK_STREAM, &ours, &theirs);
    assert_ok(audit_passing_send(rig->door, RG_SLICE("\1"), theirs));
    (void)close(theirs);
    return ours;
}

static void put_frame(struct rg_buf *out, bool has_more, const char *tenant, const char *rg, const char *ocsf)
{
    size_t sizes[3] = {strlen(tenant), strlen(rg), strlen(ocsf)};
    assert_ok(rg_buf_put_u32(out, (uint32_t)(AUDIT_FRAME_HEAD - 4 + sizes[0] + sizes[1] + sizes[2])));
    assert_ok(rg_buf_put_u8(out, 1));
    assert_ok(rg_buf_put_u8(out, has_more ? 1 : 0));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(rg_buf_put_u32(out, (uint32_t)sizes[i]));
    }
    assert_ok(rg_buf_put(out, rg_slice_of(tenant)));
    assert_ok(rg_buf_put(out, rg_slice_of(rg)));
    assert_ok(rg_buf_put(out, rg_slice_of(ocsf)));
}

static void write_all(int fd, struct rg_slice bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0) {
            return; /* refused on the way */
        }
        bytes = rg_slice_cut(bytes, (size_t)sent, SIZE_MAX);
    }
}

/* Reads until the auditor closes the channel; false when it does not within five seconds. */
static bool is_closed(int fd)
{
    char bytes[4096];
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    while (poll(&waiting, 1, 5000) == 1) {
        if (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) {
            return true;
        }
    }
    return false;
}

struct nonsense {
    const char *name;
    bool has_more;
    const char *tenant;
    const char *rg;
    const char *ocsf;
};

static const struct nonsense nonsense[] = {
    {"a kind of the auditor's", false, "", "{\"kind\":\"log.started\"}", OCSF},
    {"a death that the supervisor did not see", false, "", "{\"kind\":\"process.died\"}", OCSF},
    {"an unknown kind", false, "", "{\"kind\":\"loginx\"}", OCSF},
    {"a kind that only begins well", false, "", "{\"kind\":\"login\\u0000\"}", OCSF},
    {"the kind not first", false, "", "{\"a\":1,\"kind\":\"login\"}", OCSF},
    {"the kind twice", false, "", "{\"kind\":\"login\",\"kind\":\"log.stopped\"}", OCSF},
    {"no kind", false, "", "{\"a\":1}", OCSF},
    {"a space before the kind", false, "", "{ \"kind\":\"login\"}", OCSF},
    {"a sequence number of its own", false, "", "{\"kind\":\"login\",\"seq\":\"0000000000000000\"}", OCSF},
    {"a tenant of its own", false, "", "{\"kind\":\"login\",\"\\u0074enant\":\"acme\"}", OCSF},
    {"an object closed early", false, "", "{\"kind\":\"login\"},\"x\":{\"y\":1}", OCSF},
    {"a second \"unmapped\"", false, "", GOOD,
     "{\"unmapped\":{\"rg\":{\"kind\":\"log.started\"}},"
     "\"time\":1}"},
    {"no OCSF keys", false, "", GOOD, "{\"a\":1}"},
    {"a newline", false, "", "{\"kind\":\"login\",\n\"a\":1}", OCSF},
    {"raw UTF-8", false, "", "{\"kind\":\"login\",\"a\":\"\xc3\xa9\"}", OCSF},
    {"half a surrogate pair", false, "", "{\"kind\":\"login\",\"a\":\"\\udc00\"}", OCSF},
    {"a tenant that ends its string", false, "a\",\"seq\":\"1", GOOD, OCSF},
    {"a tenant with a bad escape", false, "a\\q", GOOD, OCSF},
    {"a tenant in another spelling", false, "\\u0061cme", GOOD, OCSF},
    {"a tenant with small hexadecimal digits", false, "\\u00e9", GOOD, OCSF},
    {"a tenant with an escaped slash", false, "a\\/b", GOOD, OCSF},
    {"a continuation without its record", false, "", "{\"kind\":\"part\",\"part\":\"1/1\"}", OCSF},
    {"a part that is the only one", false, "", "{\"kind\":\"login\",\"part\":\"1/2\"}", OCSF},
    {"more to come, but it does not say so", true, "", GOOD, OCSF},
    {"part 2 of 2 first", true, "", "{\"kind\":\"login\",\"part\":\"2/2\"}", OCSF},
    {"a million parts", true, "", "{\"kind\":\"login\",\"part\":\"1/1000000\"}", OCSF},
    {"deep nesting", false, "", "{\"kind\":\"login\",\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}", OCSF},
};

static void refuses_what_is_not_the_clients_to_write(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *good = NULL;
    rig_open(&dir, &rig, &good);
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf bytes;
        rg_buf_init(&bytes, 4096);
        put_frame(&bytes, false, "acme", GOOD, OCSF); /* this one stands */
        put_frame(&bytes, nonsense[i].has_more, nonsense[i].tenant, nonsense[i].rg, nonsense[i].ocsf);
        put_frame(&bytes, false, "acme", GOOD, OCSF); /* this one does not */
        int bad = open_raw(&rig);
        write_all(bad, rg_buf_slice(&bytes));
        if (!is_closed(bad)) {
            fail_msg("%s: the channel stays", nonsense[i].name);
        }
        (void)close(bad);
        assert_true(rig_write_one(good, i));
    }
    rig_finish(&dir, &rig, &good);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"login\""), sizeof nonsense / sizeof nonsense[0]);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"log.started\""), 1);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"process.died\""), 0);
    assert_true(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\"") >= 1);
    audit_dir_remove(&dir);
}

static void refuses_frames_that_make_no_sense(void **state)
{
    (void)state;
    static const struct rg_slice frames[] = {{"\0\0\0\1x", 5},
                                             {"\xff\xff\xff\xff\1\0aaaaaaaaaaaaaaaa", 22},
                                             {"\0\1\0\0\1\0aaaaaaaaaaaaaaaa", 22},
                                             {"GET / HTTP/1.1\r\n\r\n", 18},
                                             {"\0\0\0\x1c\2\0\0\0\0\0\0\0\0\7\0\0\0\7{\"k\":1}{\"c\":2}", 32},
                                             {"\0\0\0\x1c\1\2\0\0\0\0\0\0\0\7\0\0\0\7{\"k\":1}{\"c\":2}", 32}};
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *good = NULL;
    rig_open(&dir, &rig, &good);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        int bad = open_raw(&rig);
        char padding[70000] = {0}; /* so that a frame that promises much is whole */
        write_all(bad, frames[i]);
        write_all(bad, rg_slice_make(padding, sizeof padding));
        assert_true(is_closed(bad));
        (void)close(bad);
        assert_true(rig_write_one(good, i));
    }
    rig_finish(&dir, &rig, &good);
    audit_dir_remove(&dir);
}

static void drops_an_event_that_was_cut_by_its_clients_death(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    RG_AUTO(rg_buf_done) struct rg_buf bytes;
    rg_buf_init(&bytes, 4096);
    put_frame(&bytes, true, "acme", "{\"kind\":\"login\",\"part\":\"1/2\"}", OCSF);
    size_t first = rg_buf_size(&bytes);
    put_frame(&bytes, false, "acme", "{\"kind\":\"part\",\"part\":\"2/2\"}", OCSF);
    rig_open(&dir, &rig, NULL);
    const size_t cuts[] = {1, 4, 40, first, first + 1, rg_buf_size(&bytes) - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        int cut = open_raw(&rig);
        write_all(cut, rg_slice_cut(rg_buf_slice(&bytes), 0, cuts[i]));
        (void)close(cut);
    }
    int whole = open_raw(&rig);
    write_all(whole, rg_slice_cut(rg_buf_slice(&bytes), 0, first + 3)); /* in two pieces */
    (void)usleep(20 * 1000);
    write_all(whole, rg_slice_cut(rg_buf_slice(&bytes), first + 3, SIZE_MAX));
    (void)close(whole);
    assert_true(rig_stop(&rig));
    assert_intact(&dir, 0);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"login\""), 1);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"part\""), 1);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\""), 0); /* a crash is no attack */
    audit_dir_remove(&dir);
}

/* It sends without end and never reads: its own channel stalls, the others go on, memory stays. */
static void outlasts_a_client_that_never_reads(void **state)
{
    (void)state;
    enum { ENOUGH = 64 * 1024 * 1024 };
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *good = NULL;
    RG_AUTO(rg_buf_done) struct rg_buf bytes;
    rg_buf_init(&bytes, 1 << 20);
    for (int i = 0; i < 500; i++) {
        put_frame(&bytes, false, "", GOOD, OCSF);
    }
    rig_open(&dir, &rig, &good);
    int deaf = open_raw(&rig);
    int size = 4096;
    assert_int_equal(setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    size_t sent_bytes = 0;
    size_t at = 0;
    int idle = 0;
    for (uint64_t n = 0; sent_bytes < ENOUGH && idle < 20; n++) { /* until it takes no more */
        struct rg_slice rest = rg_slice_cut(rg_buf_slice(&bytes), at, SIZE_MAX);
        ssize_t sent = send(deaf, rest.data, rest.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        idle = sent > 0 ? 0 : idle + 1;
        if (sent > 0) {
            sent_bytes += (size_t)sent;
            at = (at + (size_t)sent) % rg_buf_size(&bytes);
        } else {
            (void)usleep(10 * 1000);
        }
        if (n % 16 == 0) {
            assert_true(rig_write_one(good, n));
        }
    }
    assert_true(idle == 20);
    assert_true(rig_write_one(good, 0));
    audit_client_close(&good);
    assert_true(rig_stop(&rig));
    (void)close(deaf);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* Its copy of the auditor's own end: made blocking, and kept after the auditor closed it. */
static void does_not_wait_for_a_client_that_keeps_the_auditors_end(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *good = NULL;
    int ours = -1;
    int theirs = -1;
    rig_open(&dir, &rig, &good);
    rig_pair(SOCK_STREAM, &ours, &theirs);
    assert_ok(audit_passing_send(rig.door, RG_SLICE("\1"), theirs));
    assert_int_equal(fcntl(theirs, F_SETFL, fcntl(theirs, F_GETFL) & ~O_NONBLOCK), 0);
    for (uint64_t i = 0; i < 20; i++) {
        char stolen[64];
        write_all(ours, RG_SLICE("\0\0"));
        (void)recv(theirs, stolen, sizeof stolen, MSG_DONTWAIT); /* what it was about to read is gone */
        assert_true(rig_write_one(good, i));
    }
    write_all(ours, RG_SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    for (uint64_t i = 0; i < 20; i++) {
        write_all(ours, RG_SLICE("more, after the auditor closed its copy"));
        assert_true(rig_write_one(good, i));
    }
    (void)close(ours);
    (void)close(theirs);
    rig_finish(&dir, &rig, &good);
    audit_dir_remove(&dir);
}

static void send_fds(int door, const int *fds, size_t count, struct rg_slice bytes)
{
    char copy[64];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = {0};
    memcpy(copy, bytes.data, bytes.size);
    struct iovec part = {copy, bytes.size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    }
    assert_true(sendmsg(door, &message, MSG_NOSIGNAL) >= 0);
}

static size_t count_fds(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static void refuses_door_messages_without_one_stream_socket(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *good = NULL;
    int fds[5];
    int pair[2];
    rig_open(&dir, &rig, &good);
    assert_true(rig_write_one(good, 0));
    size_t before = count_fds();
    for (size_t i = 0; i < 5; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    rig_pair(SOCK_STREAM, &pair[0], &pair[1]);
    send_fds(rig.door, NULL, 0, RG_SLICE("\1"));
    send_fds(rig.door, fds, 5, RG_SLICE("\1"));
    send_fds(rig.door, fds, 1, RG_SLICE("\1"));       /* a file */
    send_fds(rig.door, &rig.door, 1, RG_SLICE("\1")); /* a socket of another type */
    send_fds(rig.door, pair, 1, RG_SLICE("longer"));  /* too many bytes */
    for (size_t i = 0; i < 5; i++) {
        (void)close(fds[i]);
    }
    (void)close(pair[0]);
    assert_true(is_closed(pair[1])); /* the auditor kept no copy of the other end */
    (void)close(pair[1]);
    assert_true(rig_write_one(good, 1));
    for (int i = 0; i < 500 && count_fds() != before; i++) { /* the log's keeper opens and closes files meanwhile */
        (void)usleep(10 * 1000);
    }
    assert_int_equal(count_fds(), before); /* rig and auditor are one process here: nothing leaked */
    struct audit_client *second = NULL;
    assert_ok(audit_client_open(rig.door, 0, &second)); /* the door still works */
    assert_true(rig_write_one(second, 2));
    audit_client_close(&second);
    rig_finish(&dir, &rig, &good);
    assert_true(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\"") >= 1);
    audit_dir_remove(&dir);
}

static void refuses_more_channels_than_it_watches(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *clients[MANY] = {NULL};
    size_t refused = 0;
    rig_open(&dir, &rig, NULL);
    for (uint64_t i = 0; i < MANY; i++) {
        rg_status status = RG_OK;
        for (int tries = 0; tries < 1000; tries++) { /* the door is full until the auditor looks */
            status = audit_client_open(rig.door, 0, &clients[i]);
            if (rg_is_ok(status)) {
                break;
            }
            (void)usleep(1000);
        }
        assert_ok(status);
    }
    for (uint64_t i = 0; i < MANY; i++) {
        refused += rig_write_one(clients[i], i) ? 0 : 1;
    }
    assert_int_equal(refused, MANY - 256);
    for (size_t i = 0; i < MANY; i++) {
        audit_client_close(&clients[i]);
    }
    assert_true(rig_stop(&rig));
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* Nobody but the supervisor speaks there, but a bug of its own must not end the log. */
static void passes_over_orders_that_make_no_sense(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    rig_open(&dir, &rig, NULL);
    assert_ok(audit_passing_send(rig.control, RG_SLICE("\1\2"), -1)); /* a door without its socket */
    assert_ok(audit_passing_send(rig.control, RG_SLICE("\1\5"), rig.door));
    assert_ok(audit_passing_send(rig.control, RG_SLICE("\7\7\7"), -1));
    rig_send(&rig, AUDIT_CONTROL_READY);
    assert_ok(audit_client_open(rig.door, 0, &client));
    assert_true(rig_write_one(client, 1));
    rig_finish(&dir, &rig, &client);
    audit_dir_remove(&dir);
}

/* The other direction: a client does not believe an answer to what it never asked. */
static void a_client_ends_at_answers_that_make_no_sense(void **state)
{
    (void)state;
    static const struct rg_slice answers[] = {{"\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1", 16}, /* nothing was submitted */
                                              {"\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\1", 16},
                                              {"\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\4", 16},
                                              {"\0\0\0\2\0\0\1\0\0\0\0\0\0\0\0\1", 16}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct audit_client *client = NULL;
        int ours = -1;
        int theirs = -1;
        char byte = 0;
        size_t size = 0;
        int channel = -1;
        uint64_t ticket = 7;
        uint64_t seq = 7;
        rig_pair(SOCK_SEQPACKET, &ours, &theirs);
        assert_ok(audit_client_open(ours, 0, &client));
        assert_int_equal(audit_passing_receive(theirs, &byte, 1, &size, &channel), AUDIT_PASSING_PACKET);
        write_all(channel, RG_SLICE("\0\0\0\2\0\0\0\2\0\0\0\0\0\0\0\2hi"));
        assert_false(audit_take(client, &ticket, &seq));
        assert_int_equal(audit_client_state(client), AUDIT_LOW);
        assert_string_equal(audit_client_reason(client), "hi");
        write_all(channel, answers[i]);
        assert_false(audit_take(client, &ticket, &seq));
        assert_true(audit_client_is_faulted(client));
        assert_int_equal(audit_client_state(client), AUDIT_CLOSED);
        assert_true(ticket == 7 && seq == 7);
        audit_client_close(&client);
        (void)close(channel);
        (void)close(ours);
        (void)close(theirs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_the_clients_to_write),
        cmocka_unit_test(refuses_frames_that_make_no_sense),
        cmocka_unit_test(drops_an_event_that_was_cut_by_its_clients_death),
        cmocka_unit_test(outlasts_a_client_that_never_reads),
        cmocka_unit_test(does_not_wait_for_a_client_that_keeps_the_auditors_end),
        cmocka_unit_test(refuses_door_messages_without_one_stream_socket),
        cmocka_unit_test(refuses_more_channels_than_it_watches),
        cmocka_unit_test(passes_over_orders_that_make_no_sense),
        cmocka_unit_test(a_client_ends_at_answers_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
