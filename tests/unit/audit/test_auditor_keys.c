/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of subjects at a running auditor: before the records that need them, refused from the hostile, gone by order. */
#include "audit/auditor.h"
#include "audit/keep/order.h"
#include "audit/keep/subject_store.h"
#include "audit/opener.h"
#include "audit/show_record.h"
#include "tests/support/auditor_rig.h"

enum { ARENA = 1024 * 1024 };

struct world {
    struct audit_dir dir;
    char keys[96];
    struct auditor_rig rig;
};

static struct auditor_options options_of(struct world *world)
{
    struct auditor_options options = audit_dir_options(&world->dir);
    options.subjects = rg_slice_of(world->keys);
    options.seals_personal = 1;
    return options;
}

static void start(struct world *world)
{
    audit_dir_make(&world->dir);
    (void)snprintf(world->keys, sizeof world->keys, "%.60s/keys", world->dir.root);
    const struct auditor_options options = options_of(world);
    assert_ok(rig_start(&world->rig, &options));
}

static struct audit_client *open_client(const struct world *world, bool seals)
{
    struct audit_client *client = NULL;
    assert_ok(audit_client_open(world->rig.door, 0, &client));
    assert_ok(seals ? audit_client_seal(client, RG_SLICE(TEST_ORIGIN)) : RG_OK);
    return client;
}

static uint64_t write_of(struct audit_client *client, const char *subject)
{
    struct audit_event event = audit_sample(1, "acme");
    uint64_t ticket = 0, seq = 0;
    event.subject = rg_slice_of(subject);
    assert_ok(audit_submit(client, &event, &ticket));
    assert_true(rig_await(client, ticket, &seq));
    return seq;
}

static uint64_t keys_of(const struct world *world, const char *subject)
{
    struct subject_store *store = NULL;
    struct subject_found found = {0};
    assert_ok(subject_store_open_read(rg_slice_of(world->keys), RG_SLICE(TEST_ORIGIN), &store));
    assert_ok(subject_store_find(store, RG_SLICE("acme"), rg_slice_of(subject), &found));
    subject_store_close(&store);
    return found.key_count;
}

static rg_status give(const struct world *world, enum audit_order_kind kind, const char *subject)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_order_reply reply = {0};
    const struct audit_order order = {
        .kind = kind, .tenant = RG_SLICE("acme"), .subject = rg_slice_of(subject), .reason = RG_SLICE("asked")};
    rg_arena_init(&arena, ARENA);
    return audit_order(rg_slice_of(world->dir.path), &order, &arena, &reply);
}

static void a_key_is_in_the_store_when_its_record_is_acknowledged(void **state)
{
    (void)state;
    struct world world = {0};
    start(&world);
    struct audit_client *client = open_client(&world, true);
    (void)write_of(client, "alice");
    assert_int_equal(keys_of(&world, "alice"), 1);
    (void)write_of(client, "alice");
    assert_int_equal(keys_of(&world, "alice"), 1);
    audit_client_close(&client);
    client = open_client(&world, true); /* another encoder, another key */
    (void)write_of(client, "alice");
    assert_int_equal(keys_of(&world, "alice"), 2);
    assert_int_equal(audit_dir_count(&world.dir, "alice"), 0);
    audit_client_close(&client);
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

static void an_erased_subject_goes_on_with_a_new_key_on_the_same_channel(void **state)
{
    (void)state;
    struct world world = {0};
    start(&world);
    struct audit_client *client = open_client(&world, true);
    (void)write_of(client, "alice");
    (void)write_of(client, "bob");
    assert_ok(give(&world, AUDIT_ORDER_ERASE, "alice"));
    assert_int_equal(keys_of(&world, "alice"), 0);
    assert_fails(RG_CONFIG, give(&world, AUDIT_ORDER_ERASE, "alice"));
    (void)write_of(client, "bob"); /* hears of it meanwhile */
    (void)write_of(client, "alice");
    assert_int_equal(keys_of(&world, "alice"), 1);
    assert_int_equal(keys_of(&world, "bob"), 1);
    assert_int_equal(audit_dir_count(&world.dir, "\"kind\":\"pii.erase\""), 1);
    audit_client_close(&client);
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

static void a_hold_stands_against_an_erasure_and_names_nobody(void **state)
{
    (void)state;
    struct world world = {0};
    start(&world);
    struct audit_client *client = open_client(&world, true);
    (void)write_of(client, "alice");
    assert_ok(give(&world, AUDIT_ORDER_HOLD_PLACE, "alice"));
    assert_fails(RG_DENIED, give(&world, AUDIT_ORDER_ERASE, "alice"));
    assert_int_equal(keys_of(&world, "alice"), 1);
    assert_int_equal(audit_dir_count(&world.dir, "alice"), 0);
    assert_int_equal(audit_dir_count(&world.dir, "\"about_subject\":\"subject:"), 1);
    audit_client_close(&client);
    assert_true(rig_stop(&world.rig));
    assert_fails(RG_DENIED, give(&world, AUDIT_ORDER_ERASE, "alice")); /* nor when no rowgate runs */
    audit_dir_remove(&world.dir);
}

static void an_erasure_works_without_a_running_rowgate(void **state)
{
    (void)state;
    struct world world = {0};
    start(&world);
    struct audit_client *client = open_client(&world, true);
    (void)write_of(client, "alice");
    audit_client_close(&client);
    assert_true(rig_stop(&world.rig));
    assert_ok(give(&world, AUDIT_ORDER_ERASE, "alice"));
    assert_int_equal(keys_of(&world, "alice"), 0);
    audit_dir_remove(&world.dir);
}

/* ---- hostile ---- */

/* A channel of our own making: what a gateway in hostile hands can send. */
static int open_channel(const struct world *world)
{
    int ours = -1, theirs = -1;
    char byte = 1;
    struct iovec part = {&byte, 1};
    char space[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    rig_pair(SOCK_STREAM, &ours, &theirs);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof theirs)};
    memcpy(CMSG_DATA(header), &theirs, sizeof theirs);
    assert_int_equal(sendmsg(world->rig.door, &message, MSG_NOSIGNAL), 1);
    (void)close(theirs);
    return ours;
}

static void put_key(uint64_t number, const char *subject, struct rg_buf *out)
{
    struct audit_key_frame frame = {.tenant = RG_SLICE("acme"), .subject = rg_slice_of(subject)};
    memcpy(frame.key.id.bytes, &number, sizeof number);
    memset(frame.key.secret, 's', sizeof frame.key.secret);
    assert_ok(audit_message_put_key(&frame, out));
}

static void put_record(struct rg_buf *out)
{
    struct audit_event event = audit_sample(1, "acme");
    assert_ok(audit_record_encode(&event, out));
}

/* Sends all of it; true when the auditor closed the channel. */
static bool is_refused(int fd, const struct rg_buf *out)
{
    struct rg_slice rest = rg_buf_slice(out);
    char memory[4096];
    while (rest.size > 0) {
        ssize_t sent = send(fd, rest.data, rest.size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return true;
        }
        rest = rg_slice_cut(rest, (size_t)sent, SIZE_MAX);
    }
    for (int i = 0; i < 100000; i++) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        if (poll(&waiting, 1, 1500) <= 0) {
            return false;
        }
        if (recv(fd, memory, sizeof memory, 0) <= 0) {
            return true;
        }
    }
    return false;
}

static bool try_bytes(struct world *world, const struct rg_buf *out)
{
    int fd = open_channel(world);
    bool refused = is_refused(fd, out);
    (void)close(fd);
    return refused;
}

static void hostile_keys_end_their_channel_and_nothing_else(void **state)
{
    (void)state;
    struct world world = {0};
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, SIZE_MAX / 2);
    start(&world);
    struct audit_client *honest = open_client(&world, true);
    put_key(1, "mallory", &out); /* as it should be */
    put_record(&out);
    assert_false(try_bytes(&world, &out));
    assert_true(try_bytes(&world, &out)); /* replayed */
    rg_buf_clear(&out);
    put_key(1, "alice", &out); /* for somebody else */
    put_record(&out);
    assert_true(try_bytes(&world, &out));
    rg_buf_clear(&out);
    put_key(2, "mallory", &out);
    put_key(3, "mallory", &out); /* two ahead of one event */
    put_record(&out);
    assert_true(try_bytes(&world, &out));
    rg_buf_clear(&out);
    put_key(4, "mallory", &out); /* behind a record's first part nothing but parts */
    out.bytes[out.start + 6] = 1;
    assert_true(try_bytes(&world, &out));
    assert_int_equal(keys_of(&world, "mallory"), 1);
    assert_int_equal(keys_of(&world, "alice"), 0);
    (void)write_of(honest, "alice");
    assert_int_equal(keys_of(&world, "alice"), 1);
    audit_client_close(&honest);
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

static void a_flood_of_keys_ends_its_channel(void **state)
{
    (void)state;
    enum { FLOOD = 60001 };
    struct world world = {0};
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, SIZE_MAX / 2);
    start(&world);
    for (uint64_t i = 0; i < FLOOD; i++) {
        put_key(1000 + i, "mallory", &out);
        put_record(&out);
    }
    assert_true(try_bytes(&world, &out));
    assert_true(keys_of(&world, "mallory") < FLOOD);
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

static void a_key_where_nothing_is_encrypted_is_refused(void **state)
{
    (void)state;
    struct world world = {0};
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, SIZE_MAX / 2);
    audit_dir_make(&world.dir);
    const struct auditor_options options = audit_dir_options(&world.dir);
    assert_ok(rig_start(&world.rig, &options));
    put_key(1, "mallory", &out);
    put_record(&out);
    assert_true(try_bytes(&world, &out));
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

/* The ciphertexts of name and uid, of the same size, in each other's place. */
static void swap_ciphertexts(struct rg_buf *out)
{
    char *bytes = out->bytes + out->start;
    size_t size = rg_buf_size(out);
    char *name = memmem(bytes, size, "\"name\":\"rgenc1:", 15);
    char *uid = memmem(bytes, size, "\"uid\":\"rgenc1:", 14);
    assert_true(name != NULL && uid != NULL);
    name += 8;
    uid += 7;
    size_t length = (size_t)((char *)memchr(name, '"', 1024) - name);
    assert_int_equal(length, (char *)memchr(uid, '"', 1024) - uid);
    for (size_t i = 0; i < length; i++) {
        char byte = name[i];
        name[i] = uid[i];
        uid[i] = byte;
    }
}

static void shown_last(const struct world *world, struct rg_arena *arena, struct audit_shown *out_shown)
{
    RG_AUTO(audit_opener_free) struct audit_opener *opener = NULL;
    RG_AUTO(audit_walk_done) struct audit_walk walk = {.fd = -1};
    const struct audit_place start = {0};
    struct audit_walked record;
    bool is_there = true;
    int fd = -1;
    assert_ok(audit_directory_open(rg_slice_of(world->dir.path), arena, &fd));
    assert_ok(audit_opener_new(fd, (struct rg_slice){0}, &opener));
    assert_string_equal(audit_opener_trouble(opener), "");
    audit_walk_init(&walk, fd, &start);
    while (is_there) {
        assert_ok(audit_walk_next(&walk, true, &is_there, &record));
        if (is_there && memmem(record.line.data, record.line.size, "\"personal\"", 10) != NULL) {
            assert_ok(audit_shown_open(&record, opener, arena, out_shown));
        }
    }
    audit_fd_done(&fd);
}

static void a_swapped_ciphertext_is_shown_as_not_genuine(void **state)
{
    (void)state;
    struct world world = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = audit_encoder_new();
    struct audit_shown shown = {0};
    struct audit_event event = audit_sample(1, "acme");
    rg_arena_init(&arena, 64 * 1024 * 1024);
    rg_buf_init(&out, SIZE_MAX / 2);
    start(&world);
    assert_ok(audit_encoder_seal(encoder, RG_SLICE(TEST_ORIGIN)));
    event.user = RG_SLICE("alice");
    event.subject = RG_SLICE("00001");
    assert_ok(audit_encoder_put(encoder, &event, &out));
    assert_false(try_bytes(&world, &out));
    shown_last(&world, &arena, &shown);
    assert_true(shown.is_open);
    assert_slice(shown.user, "alice");
    assert_slice(shown.subject, "00001");
    rg_buf_clear(&out);
    assert_ok(audit_encoder_put(encoder, &event, &out));
    swap_ciphertexts(&out);
    assert_false(try_bytes(&world, &out));
    shown_last(&world, &arena, &shown);
    assert_false(shown.is_open);
    assert_slice(shown.user, AUDIT_SEALED_DAMAGED);
    assert_slice(shown.subject, AUDIT_SEALED_DAMAGED);
    assert_ok(give(&world, AUDIT_ORDER_ERASE, "00001"));
    shown_last(&world, &arena, &shown);
    assert_slice(shown.user, AUDIT_SEALED_ERASED);
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

/* ---- the store's own troubles ---- */

static void a_record_whose_key_cannot_be_kept_is_not_acknowledged(void **state)
{
    (void)state;
    struct world world = {0};
    struct audit_event event = audit_sample(1, "acme");
    uint64_t ticket = 0, seq = 0;
    char path[160];
    start(&world);
    struct audit_client *client = open_client(&world, true);
    (void)write_of(client, "alice");
    (void)snprintf(path, sizeof path, "%.90s/subjects.db", world.keys);
    assert_int_equal(truncate(path, 100), 0); /* the disk lost it */
    event.subject = RG_SLICE("bob");
    assert_ok(audit_submit(client, &event, &ticket));
    assert_false(rig_await(client, ticket, &seq));
    assert_true(audit_client_is_faulted(client) || audit_client_state(client) == AUDIT_CLOSED);
    audit_client_close(&client);
    assert_false(rig_join(&world.rig));
    const struct auditor_options options = options_of(&world);
    assert_fails(RG_STORAGE, rig_start(&world.rig, &options));
    audit_dir_remove(&world.dir);
}

static void a_missing_store_stops_the_start_and_a_lost_one_is_recorded(void **state)
{
    (void)state;
    struct world world = {0};
    char from[160], to[160];
    start(&world);
    struct audit_client *client = open_client(&world, true);
    (void)write_of(client, "alice");
    audit_client_close(&client);
    assert_true(rig_stop(&world.rig));
    audit_dir_run("rm -rf", world.keys, world.keys);
    const struct auditor_options options = options_of(&world);
    const struct auditor_options clear = audit_dir_options(&world.dir);
    assert_fails(RG_CONFIG, rig_start(&world.rig, &options));
    assert_fails(RG_CONFIG, rig_start(&world.rig, &clear)); /* nor in clear */
    (void)snprintf(from, sizeof from, "%.90s/subjects", world.dir.path);
    (void)snprintf(to, sizeof to, "%.90s/subjects.lost", world.dir.path);
    assert_int_equal(rename(from, to), 0);
    assert_ok(rig_start(&world.rig, &options));
    assert_int_equal(audit_dir_count(&world.dir, "\"object\":\"all\""), 1);
    assert_int_not_equal(access(to, F_OK), 0);
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

static void a_start_carries_out_what_the_log_says_was_erased(void **state)
{
    (void)state;
    struct world world = {0};
    char copy[160], store[160];
    start(&world);
    struct audit_client *client = open_client(&world, true);
    (void)write_of(client, "alice");
    (void)write_of(client, "bob");
    (void)snprintf(store, sizeof store, "%.90s/subjects.db", world.keys);
    (void)snprintf(copy, sizeof copy, "%.90s/copy.db", world.dir.root);
    audit_dir_run("cp", store, copy);
    assert_ok(give(&world, AUDIT_ORDER_ERASE, "alice"));
    audit_client_close(&client);
    assert_true(rig_stop(&world.rig));
    audit_dir_run("cp", copy, store); /* as after a crash before the keys went, or an old copy put back */
    assert_int_equal(keys_of(&world, "alice"), 1);
    const struct auditor_options options = options_of(&world);
    assert_ok(rig_start(&world.rig, &options));
    assert_int_equal(keys_of(&world, "alice"), 0);
    assert_int_equal(keys_of(&world, "bob"), 1);
    assert_true(rig_stop(&world.rig));
    audit_dir_remove(&world.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_in_the_store_when_its_record_is_acknowledged),
        cmocka_unit_test(an_erased_subject_goes_on_with_a_new_key_on_the_same_channel),
        cmocka_unit_test(a_hold_stands_against_an_erasure_and_names_nobody),
        cmocka_unit_test(an_erasure_works_without_a_running_rowgate),
        cmocka_unit_test(hostile_keys_end_their_channel_and_nothing_else),
        cmocka_unit_test(a_flood_of_keys_ends_its_channel),
        cmocka_unit_test(a_swapped_ciphertext_is_shown_as_not_genuine),
        cmocka_unit_test(a_key_where_nothing_is_encrypted_is_refused),
        cmocka_unit_test(a_record_whose_key_cannot_be_kept_is_not_acknowledged),
        cmocka_unit_test(a_missing_store_stops_the_start_and_a_lost_one_is_recorded),
        cmocka_unit_test(a_start_carries_out_what_the_log_says_was_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
