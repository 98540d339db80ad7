/* SPDX-License-Identifier: Apache-2.0 */
/* Orders: their packets, the socket of a running auditor against peers of every kind, and the way without one. */
#include "audit/keep/order.h"

#include <sys/prctl.h>
#include <sys/un.h>

#include "audit/keep/hold.h"
#include "audit/keep/order_server.h"
#include "tests/support/auditor_rig.h"

enum { ARENA = 1 << 20 };

/* ---- packets ---- */

static const struct audit_order a_hold = {.kind = AUDIT_ORDER_HOLD_PLACE,
                                          .tenant = {"acme", 4},
                                          .subject = {"alice", 5},
                                          .reason = {"case 7", 6},
                                          .from_us = 5,
                                          .until_us = 9};

static void reads_back_what_it_writes(void **state)
{
    (void)state;
    const struct audit_order orders[] = {
        a_hold,
        {.kind = AUDIT_ORDER_HOLD_RELEASE, .object = RG_SLICE("hold-1"), .reason = RG_SLICE("settled \"out\"\n")},
        {.kind = AUDIT_ORDER_ERASE, .object = RG_SLICE("00ff"), .reason = RG_SLICE("Art. 17"), .count = 3},
        {.kind = AUDIT_ORDER_PRUNE, .is_dry_run = true},
        {.kind = AUDIT_ORDER_PRUNE},
        {.kind = AUDIT_ORDER_EXPORTED, .object = RG_SLICE("trail \xc3\xa9"), .first_seq = 3, .last_seq = 7}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        RG_AUTO(rg_buf_done) struct rg_buf packet, again;
        struct audit_order read = {0};
        rg_arena_init(&arena, ARENA);
        rg_buf_init(&packet, AUDIT_ORDER_MAX);
        rg_buf_init(&again, AUDIT_ORDER_MAX);
        assert_ok(audit_order_encode(&orders[i], &packet));
        assert_ok(audit_order_parse(rg_buf_slice(&packet), &arena, &read));
        assert_int_equal(read.kind, orders[i].kind);
        assert_true(rg_slice_is_equal(read.object, orders[i].object));
        assert_true(rg_slice_is_equal(read.reason, orders[i].reason));
        assert_int_equal(read.until_us, orders[i].until_us);
        assert_int_equal(read.last_seq, orders[i].last_seq);
        assert_int_equal(read.is_dry_run, orders[i].is_dry_run);
        assert_ok(audit_order_encode(&read, &again));
        assert_true(rg_slice_is_equal(rg_buf_slice(&again), rg_buf_slice(&packet)));
    }
}

static const struct bad_packet {
    const char *name;
    const char *text;
} bad_packets[] = {
    {"nothing", ""},
    {"no JSON", "hold.place"},
    {"an array", "[]"},
    {"no order", "{\"reason\":\"r\"}"},
    {"an unknown order", "{\"order\":\"hold.all\",\"reason\":\"r\"}"},
    {"an order that is no text", "{\"order\":1}"},
    {"a key twice", "{\"order\":\"prune\",\"order\":\"prune\"}"},
    {"an unknown key", "{\"order\":\"prune\",\"force\":true}"},
    {"a key of another order", "{\"order\":\"prune\",\"tenant\":\"acme\"}"},
    {"something behind it", "{\"order\":\"prune\"} {}"},
    {"a hold without a reason", "{\"order\":\"hold.place\",\"tenant\":\"acme\"}"},
    {"a hold of an empty reason", "{\"order\":\"hold.place\",\"tenant\":\"acme\",\"reason\":\"\"}"},
    {"a hold on nothing", "{\"order\":\"hold.place\",\"reason\":\"r\"}"},
    {"a release of nothing", "{\"order\":\"hold.release\",\"reason\":\"r\"}"},
    {"a time below zero", "{\"order\":\"hold.place\",\"reason\":\"r\",\"from_us\":-1}"},
    {"a time that ends first", "{\"order\":\"hold.place\",\"reason\":\"r\",\"from_us\":9,\"until_us\":5}"},
    {"a time that is no number", "{\"order\":\"hold.place\",\"reason\":\"r\",\"from_us\":\"9\"}"},
    {"a time with a fraction", "{\"order\":\"hold.place\",\"reason\":\"r\",\"from_us\":1.5}"},
    {"a number past int64", "{\"order\":\"hold.place\",\"reason\":\"r\",\"from_us\":9223372036854775808}"},
    {"a tenant that is no text", "{\"order\":\"hold.place\",\"reason\":\"r\",\"tenant\":7}"},
    {"a NUL", "{\"order\":\"hold.place\",\"reason\":\"r\",\"tenant\":\"a\\u0000b\"}"},
    {"bytes that are no UTF-8", "{\"order\":\"hold.place\",\"reason\":\"r\",\"tenant\":\"\xff\"}"},
    {"records that end first", "{\"order\":\"exported\",\"object\":\"o\",\"first_seq\":7,\"last_seq\":3}"},
    {"dry as a number", "{\"order\":\"prune\",\"dry_run\":1}"},
};

static void refuses_packets_that_are_no_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_packets / sizeof bad_packets[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct audit_order order = {.count = 77};
        rg_arena_init(&arena, ARENA);
        rg_status status = audit_order_parse(rg_slice_of(bad_packets[i].text), &arena, &order);
        if (rg_is_ok(status) || status.error->kind != RG_PROTOCOL) {
            fail_msg("%s", bad_packets[i].name);
        }
        assert_int_equal(order.count, 77);
    }
}

static void refuses_texts_that_do_not_stand_whole_in_a_record(void **state)
{
    (void)state;
    char text[AUDIT_ORDER_REASON_MAX + 1];
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, AUDIT_ORDER_MAX);
    memset(text, 'x', sizeof text);
    struct audit_order order = a_hold;
    order.reason = rg_slice_make(text, sizeof text);
    assert_fails(RG_LIMIT, audit_order_encode(&order, &packet));
    order.reason.size--;
    order.tenant = rg_slice_make(text, AUDIT_ORDER_NAME_MAX + 1);
    assert_fails(RG_LIMIT, audit_order_encode(&order, &packet));
    memset(text, 1, AUDIT_ORDER_NAME_MAX); /* six bytes each as JSON */
    order.tenant = rg_slice_make(text, AUDIT_ORDER_NAME_MAX / 6 + 1);
    assert_fails(RG_LIMIT, audit_order_encode(&order, &packet));
    assert_int_equal(rg_buf_size(&packet), 0);
}

static void tells_the_failure_that_an_answer_holds(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "{\"ok\":true}",
        "{\"ok\":false}",
        "{\"ok\":false,\"kind\":\"RG_NONE\",\"text\":\"t\"}",
        "{\"ok\":true,\"seq\":-1,\"first_seq\":0,\"last_seq\":0,\"count\":0,\"id\":\"\",\"text\":\"\"}",
        "{\"ok\":true,\"seq\":1,\"first_seq\":0,\"last_seq\":0,\"count\":0,\"id\":1,\"text\":\"\"}"};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    struct audit_order_reply reply = {.seq = 77};
    rg_arena_init(&arena, ARENA);
    rg_buf_init(&packet, AUDIT_ORDER_MAX);
    assert_ok(audit_order_reply_encode(rg_fail(RG_DENIED, "the hold \"x\" stands"), NULL, &packet));
    assert_fails(RG_DENIED, audit_order_reply_parse(rg_buf_slice(&packet), &arena, &reply));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(RG_PROTOCOL, audit_order_reply_parse(rg_slice_of(bad[i]), &arena, &reply));
    }
    assert_int_equal(reply.seq, 77);
    rg_buf_clear(&packet);
    assert_ok(
        audit_order_reply_encode(RG_OK, &(struct audit_order_reply){.seq = 5, .id = RG_SLICE("hold-1")}, &packet));
    assert_ok(audit_order_reply_parse(rg_buf_slice(&packet), &arena, &reply));
    assert_int_equal(reply.seq, 5);
    assert_true(rg_slice_is_equal(reply.id, RG_SLICE("hold-1")));
}

/* ---- a log ---- */

static rg_status give(const struct audit_dir *dir, const struct audit_order *order, char out_id[32], uint64_t *out_seq)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_order_reply reply = {0};
    rg_arena_init(&arena, ARENA);
    RG_TRY(audit_order(rg_slice_of(dir->path), order, &arena, &reply));
    (void)snprintf(out_id, 32, "%.*s", (int)reply.id.size, reply.id.size == 0 ? "" : reply.id.data);
    *out_seq = reply.seq;
    return RG_OK;
}

static size_t holds_in(const struct audit_dir *dir)
{
    struct audit_holds holds = {0};
    assert_ok(audit_holds_load(rg_slice_of(dir->path), &holds));
    size_t count = holds.count;
    if (count == 1) {
        assert_true(rg_slice_is_equal(holds.items[0].tenant, RG_SLICE("acme")));
        assert_true(rg_slice_is_equal(holds.items[0].reason, RG_SLICE("case 7")));
        assert_int_equal(holds.items[0].until_us, 9);
        assert_true(holds.items[0].operator_name.size > 0);
    }
    audit_holds_done(&holds);
    return count;
}

static void check_hold_and_release(const struct audit_dir *dir)
{
    char id[32], none[32];
    uint64_t seq = 0, later = 0;
    assert_ok(give(dir, &a_hold, id, &seq));
    assert_true(seq > 0 && strlen(id) > 8);
    assert_int_equal(holds_in(dir), 1);
    const struct audit_order erase = {
        .kind = AUDIT_ORDER_ERASE, .object = RG_SLICE("00ff"), .subject = RG_SLICE("alice"), .reason = RG_SLICE("r")};
    assert_fails(RG_DENIED, give(dir, &erase, none, &later));
    struct audit_order release = {
        .kind = AUDIT_ORDER_HOLD_RELEASE, .object = RG_SLICE("hold-0"), .reason = RG_SLICE("settled")};
    assert_fails(RG_CONFIG, give(dir, &release, none, &later));
    release.object = rg_slice_of(id);
    assert_ok(give(dir, &release, none, &later));
    assert_true(later > seq);
    assert_fails(RG_CONFIG, give(dir, &release, none, &later));
    assert_int_equal(holds_in(dir), 0);
    assert_fails(RG_CONFIG, give(dir, &erase, none, &later)); /* nothing is encrypted here: there are no keys */
    assert_int_equal(audit_dir_count(dir, "\"kind\":\"pii.erase\""), 0);
    assert_int_equal(audit_dir_count(dir, "\"operator\":\""), 2);
    assert_int_equal(audit_dir_count(dir, "\"about_subject\":\"alice\""), 2); /* not in the erasure's */
}

static void places_and_releases_a_hold_at_a_running_auditor(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    assert_ok(rig_start(&rig, &options));
    check_hold_and_release(&dir);
    assert_true(rig_stop(&rig));
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void does_the_same_without_an_auditor(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 3);
    check_hold_and_release(&dir);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void keeps_a_hold_over_restarts_and_kills(void **state)
{
    (void)state;
    struct audit_dir dir;
    char id[32], none[32];
    uint64_t seq = 0;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    for (int i = 0; i < 3; i++) {
        struct auditor_rig rig;
        rig_fork(&rig, &options);
        if (i == 0) {
            char memory[AUDIT_CONTROL_MAX];
            assert_int_equal(rig_hear(&rig, memory).type, AUDIT_CONTROL_READY);
            assert_ok(give(&dir, &a_hold, id, &seq));
        }
        assert_int_equal(kill(rig.child, SIGKILL), 0);
        assert_false(rig_join(&rig));
        assert_int_equal(holds_in(&dir), 1);
    }
    const struct audit_order release = {
        .kind = AUDIT_ORDER_HOLD_RELEASE, .object = rg_slice_of(id), .reason = RG_SLICE("settled")};
    assert_ok(give(&dir, &release, none, &seq)); /* the socket that the killed one left is no obstacle */
    assert_int_equal(holds_in(&dir), 0);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void opens_no_log_that_is_not_there_or_in_use(void **state)
{
    (void)state;
    struct audit_dir dir;
    char id[32];
    uint64_t seq = 77;
    audit_dir_make_bare(&dir);
    assert_fails(RG_STORAGE, give(&dir, &a_hold, id, &seq));
    audit_dir_make_keys(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    assert_ok(audit_log_open(&options, &log)); /* no auditor: nobody listens */
    assert_fails(RG_STORAGE, give(&dir, &a_hold, id, &seq));
    audit_log_done(&log);
    assert_int_equal(seq, 77);
    audit_dir_remove(&dir);
}

/* ---- hostile peers ---- */

static int connect_to(const struct audit_dir *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/orders.sock", dir->path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
    return fd;
}

static bool is_refused(int fd)
{
    char answer[4096];
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    ssize_t size = recv(fd, answer, sizeof answer - 1, 0);
    answer[size < 0 ? 0 : size] = '\0';
    return size == 0 || strstr(answer, "\"ok\":false") != NULL;
}

static void survives_peers_that_send_nonsense_or_nothing(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    struct audit_client *client = NULL;
    char huge[AUDIT_ORDER_MAX + 1], id[32];
    int hung[AUDIT_ORDERS_PEERS_MAX - 1];
    uint64_t seq = 0;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    assert_ok(rig_start(&rig, &options));
    assert_ok(audit_client_open(rig.door, 0, &client));
    for (size_t i = 0; i < sizeof hung / sizeof hung[0]; i++) {
        hung[i] = connect_to(&dir); /* and says nothing */
    }
    memset(huge, ' ', sizeof huge);
    for (size_t i = 0; i < sizeof bad_packets / sizeof bad_packets[0]; i++) {
        int fd = connect_to(&dir);
        size_t size = strlen(bad_packets[i].text);
        assert_int_equal(send(fd, bad_packets[i].text, size, MSG_NOSIGNAL), (ssize_t)size);
        assert_true(size == 0 || is_refused(fd));
        (void)close(fd);
    }
    int fd = connect_to(&dir);
    assert_int_equal(send(fd, huge, sizeof huge, MSG_NOSIGNAL), (ssize_t)sizeof huge);
    assert_true(is_refused(fd));
    (void)close(fd);
    assert_true(rig_write_one(client, 1)); /* statements went on all the while */
    assert_ok(give(&dir, &a_hold, id, &seq));
    for (size_t i = 0; i < sizeof hung / sizeof hung[0]; i++) {
        (void)close(hung[i]);
    }
    audit_client_close(&client);
    assert_true(rig_stop(&rig));
    assert_true(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\"") > 0);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"hold."), 1);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* The gateway is of the same user. It cannot be told by that, but by what it gave up. */
static void takes_no_order_from_behind_a_fence(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    int ended = 0;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    assert_ok(rig_start(&rig, &options));
    pid_t child = fork();
    if (child == 0) {
        char id[32];
        uint64_t seq = 0;
        bool is_set = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
        pid_t grandchild = fork(); /* nor from what it starts */
        rg_status status = give(&dir, &a_hold, id, &seq);
        bool is_denied = is_set && !rg_is_ok(status) && status.error->kind == RG_DENIED;
        if (grandchild != 0) {
            is_denied = waitpid(grandchild, &ended, 0) == grandchild && ended == 0 && is_denied;
        }
        _exit(is_denied ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    assert_int_equal(holds_in(&dir), 0);
    assert_true(rig_stop(&rig));
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"hold."), 0);
    assert_true(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\"") > 0);
    audit_dir_remove(&dir);
}

static void drops_a_peer_that_does_not_speak_in_time(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_orders *orders = NULL;
    struct pollfd polls[AUDIT_ORDERS_POLLS_MAX];
    const struct audit_orders_handler handler = {0};
    audit_dir_make(&dir);
    int directory_fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_ok(audit_orders_open(directory_fd, &handler, &orders));
    int fds[AUDIT_ORDERS_PEERS_MAX + 1];
    for (size_t i = 0; i <= AUDIT_ORDERS_PEERS_MAX; i++) {
        fds[i] = connect_to(&dir);
    }
    for (int i = 0; i < 4; i++) {
        size_t count = audit_orders_polls(orders, polls);
        assert_int_equal(count, AUDIT_ORDERS_POLLS_MAX);
        (void)poll(polls, (nfds_t)count, 0);
        audit_orders_turn(orders, polls, 1);
    }
    assert_int_equal(audit_orders_polls(orders, polls), AUDIT_ORDERS_POLLS_MAX);
    assert_int_equal(polls[0].fd, -1); /* no room: nobody is asked in */
    (void)poll(polls, AUDIT_ORDERS_POLLS_MAX, 0);
    audit_orders_turn(orders, polls, 1 + AUDIT_ORDERS_WAIT_US);
    assert_true(is_refused(fds[0]));
    (void)audit_orders_polls(orders, polls);
    assert_int_not_equal(polls[0].fd, -1);
    audit_orders_close(&orders);
    audit_orders_close(&orders);
    for (size_t i = 0; i <= AUDIT_ORDERS_PEERS_MAX; i++) {
        (void)close(fds[i]);
    }
    (void)close(directory_fd);
    audit_dir_remove(&dir);
}

static void makes_no_socket_in_the_place_of_a_file(void **state)
{
    (void)state;
    struct audit_dir dir;
    char path[96];
    struct audit_orders *orders = NULL;
    const struct audit_orders_handler handler = {0};
    audit_dir_make(&dir);
    int directory_fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)snprintf(path, sizeof path, "%s/orders.sock", dir.path);
    assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    assert_fails(RG_STORAGE, audit_orders_open(directory_fd, &handler, &orders));
    assert_null(orders);
    assert_int_equal(access(path, F_OK), 0);
    (void)close(directory_fd);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(refuses_packets_that_are_no_orders),
        cmocka_unit_test(refuses_texts_that_do_not_stand_whole_in_a_record),
        cmocka_unit_test(tells_the_failure_that_an_answer_holds),
        cmocka_unit_test(places_and_releases_a_hold_at_a_running_auditor),
        cmocka_unit_test(does_the_same_without_an_auditor),
        cmocka_unit_test(keeps_a_hold_over_restarts_and_kills),
        cmocka_unit_test(opens_no_log_that_is_not_there_or_in_use),
        cmocka_unit_test(survives_peers_that_send_nonsense_or_nothing),
        cmocka_unit_test(takes_no_order_from_behind_a_fence),
        cmocka_unit_test(drops_a_peer_that_does_not_speak_in_time),
        cmocka_unit_test(makes_no_socket_in_the_place_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
