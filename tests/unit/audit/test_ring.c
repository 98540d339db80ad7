/* SPDX-License-Identifier: Apache-2.0 */
/* The ring alone: what is put comes out whole, in order and once, whatever stands in the file besides; and a client
 * that was told to stop, or sees no room, believes nothing. */
#include "audit/ring.h"

#include <errno.h>
#include <pthread.h>

#include "tests/support/audit_dir.h"
#include "tests/support/failing_store.h"

enum { LAPS_BYTES = 8 * AUDIT_RING_BYTES, MAPPABLE_AT = 120, PUT_AT = 1024 };

struct rig {
    struct audit_dir dir;
    int directory;
    struct audit_ring client;
    struct audit_ring auditor;
    struct rg_buf out;
};

static const struct audit_ring_owner owner = {.boot = "a-boot", .log = {{1, 2, 3}}};

/* is_mapped: as on a file system that overwrites in place; the client uses calls on others. */
static void rig_init_as(struct rig *rig, bool is_mapped)
{
    const uint64_t is_mappable = is_mapped ? 1 : 0;
    *rig = (struct rig){0};
    audit_dir_make_bare(&rig->dir);
    rig->directory = open(rig->dir.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(rig->directory >= 0);
    assert_ok(audit_ring_create(audit_store_files(), rig->directory, "ring", &owner, &rig->auditor));
    assert_int_equal(pwrite(rig->auditor.fd, &is_mappable, sizeof is_mappable, MAPPABLE_AT), sizeof is_mappable);
    assert_ok(audit_ring_attach(fcntl(rig->auditor.fd, F_DUPFD_CLOEXEC, 0), &rig->client));
    assert_int_equal(rig->client.map != NULL, is_mapped);
    rg_buf_init(&rig->out, AUDIT_RING_BYTES);
}

static void rig_init(struct rig *rig)
{
    rig_init_as(rig, true);
}

static void rig_done(struct rig *rig)
{
    audit_ring_close(&rig->client);
    audit_ring_close(&rig->auditor);
    rg_buf_done(&rig->out);
    (void)close(rig->directory);
    audit_dir_remove(&rig->dir);
}

static void settle(struct audit_ring *ring)
{
    ring->drained = ring->at;
    audit_ring_tell(ring);
}

/* Content that says where it belongs: `size` bytes of number. */
static struct rg_slice content(char *memory, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        memory[i] = (char)(number * 31 + i % 251);
    }
    return rg_slice_make(memory, size);
}

static size_t size_of(uint64_t number)
{
    static const size_t sizes[] = {1, 7, 8, 9, 15, 16, 17, 1300, 4095, 4096, 5000, 70000, 200000, AUDIT_RING_ENTRY_MAX};
    return sizes[number * number % (sizeof sizes / sizeof sizes[0])];
}

static void go_round(bool is_mapped)
{
    struct rig rig;
    char *memory = malloc(AUDIT_RING_ENTRY_MAX);
    uint64_t put = 0;
    uint64_t taken = 0;
    rig_init_as(&rig, is_mapped);
    while (rig.auditor.at < LAPS_BYTES) {
        while (audit_ring_put(&rig.client, content(memory, put, size_of(put))) == AUDIT_RING_PUT) {
            put++;
        }
        assert_true(audit_ring_has_more(&rig.auditor));
        while (audit_ring_take(&rig.auditor, &rig.out)) {
            while (rg_buf_size(&rig.out) > 0) {
                struct rg_slice wanted = content(memory, taken, size_of(taken));
                struct rg_slice found = rg_slice_cut(rg_buf_slice(&rig.out), 0, wanted.size);
                assert_true(rg_slice_is_equal(found, wanted));
                rg_buf_consume(&rig.out, wanted.size);
                taken++;
            }
        }
        assert_true(taken == put);
        settle(&rig.auditor);
    }
    assert_true(put > 20);
    free(memory);
    rig_done(&rig);
}

static void gives_back_what_was_put_in_order_over_many_laps(void **state)
{
    (void)state;
    go_round(true);
    go_round(false);
}

static void puts_nothing_when_full_until_it_hears_that_it_was_drained(void **state)
{
    (void)state;
    struct rig rig;
    char *memory = malloc(AUDIT_RING_ENTRY_MAX + 1);
    rig_init(&rig);
    assert_int_equal(audit_ring_put(&rig.client, rg_slice_make(memory, 0)), AUDIT_RING_FULL);
    memset(memory, 'x', AUDIT_RING_ENTRY_MAX + 1);
    assert_int_equal(audit_ring_put(&rig.client, rg_slice_make(memory, AUDIT_RING_ENTRY_MAX + 1)), AUDIT_RING_FULL);
    assert_true(rig.client.at == 0 && !audit_ring_has_more(&rig.auditor));
    assert_int_equal(audit_ring_put(&rig.client, rg_slice_make(memory, AUDIT_RING_ENTRY_MAX)), AUDIT_RING_PUT);
    assert_int_equal(audit_ring_put(&rig.client, rg_slice_make(memory, AUDIT_RING_ENTRY_MAX)), AUDIT_RING_FULL);
    uint64_t at = rig.client.at;
    assert_true(audit_ring_take(&rig.auditor, &rig.out));
    assert_int_equal(audit_ring_put(&rig.client, rg_slice_make(memory, AUDIT_RING_ENTRY_MAX)), AUDIT_RING_FULL);
    assert_true(rig.client.at == at);
    settle(&rig.auditor);
    assert_int_equal(audit_ring_put(&rig.client, rg_slice_make(memory, AUDIT_RING_ENTRY_MAX)), AUDIT_RING_PUT);
    free(memory);
    rig_done(&rig);
}

/* A process that is killed in the middle of its write leaves the first bytes of it. */
static void half_an_entry_is_none(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("before")), AUDIT_RING_PUT);
    assert_true(audit_ring_take(&rig.auditor, &rig.out));
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("the one that is cut")), AUDIT_RING_PUT);
    char entry[256];
    size_t size = (size_t)(rig.client.at - rig.auditor.at);
    off_t place = AUDIT_RING_HEAD + (off_t)rig.auditor.at;
    assert_int_equal(pread(rig.client.fd, entry, size, place), size);
    for (size_t i = 0; i + 8 < size; i++) { /* the last eight are padding or the end mark's */
        char zeros[256] = {0};
        assert_int_equal(pwrite(rig.client.fd, zeros, size, place), size);
        assert_int_equal(pwrite(rig.client.fd, entry, i, place), i);
        assert_false(audit_ring_take(&rig.auditor, &rig.out));
    }
    assert_int_equal(pwrite(rig.client.fd, entry, size, place), size);
    rg_buf_clear(&rig.out);
    assert_true(audit_ring_take(&rig.auditor, &rig.out));
    assert_slice(rg_buf_slice(&rig.out), "the one that is cut");
    rig_done(&rig);
}

static void what_an_earlier_lap_or_another_ring_left_is_no_entry(void **state)
{
    (void)state;
    struct rig rig;
    struct rg_slice found = RG_SLICE("untouched");
    size_t size = 77;
    char bytes[64];
    rig_init(&rig);
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("hello")), AUDIT_RING_PUT);
    assert_int_equal(pread(rig.client.fd, bytes, sizeof bytes, AUDIT_RING_HEAD), sizeof bytes);
    struct rg_slice all = rg_slice_make(bytes, sizeof bytes);
    uint64_t key = rig.client.key;
    assert_false(audit_ring_entry(all, AUDIT_RING_BYTES, key, &found, &size));
    assert_false(audit_ring_entry(all, 0, key + 1, &found, &size));
    for (size_t i = 0; i < 32; i++) {
        assert_false(audit_ring_entry(rg_slice_cut(all, 0, i), 0, key, &found, &size));
    }
    for (size_t i = 0; i < 4; i++) { /* a size that is none */
        char bad[64];
        memcpy(bad, bytes, sizeof bad);
        bad[8 + i] = (char)0xff;
        assert_false(audit_ring_entry(rg_slice_make(bad, sizeof bad), 0, key, &found, &size));
    }
    memset(bytes + 8, 0, 4);
    assert_false(audit_ring_entry(all, 0, key, &found, &size));
    assert_slice(found, "untouched");
    assert_int_equal(size, 77);
    rig_done(&rig);
}

static void a_client_that_was_told_to_stop_knows_it_after_its_put(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.auditor.state = AUDIT_RING_ASLEEP;
    rig.auditor.sleeps = 5;
    audit_ring_tell(&rig.auditor);
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("a")), AUDIT_RING_PUT);
    assert_true(rig.client.state == AUDIT_RING_ASLEEP && rig.client.sleeps == 5);
    rig.auditor.state = AUDIT_RING_CLOSED;
    audit_ring_tell(&rig.auditor);
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("b")), AUDIT_RING_PUT);
    assert_int_equal(rig.client.state, AUDIT_RING_CLOSED);
    assert_int_equal(pwrite(rig.auditor.fd, "\x63", 1, 512), 1); /* a state that is none refuses, too */
    rig.client.state = AUDIT_RING_AWAKE;
    assert_true(audit_ring_hear(&rig.client));
    assert_int_equal(rig.client.state, AUDIT_RING_CLOSED);
    rig_done(&rig);
}

static void a_drained_position_that_cannot_be_changes_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("0123456789")), AUDIT_RING_PUT);
    static const uint64_t pairs[][2] = {{16, 16}, {1 << 20, ~(uint64_t)(1 << 20)}, {UINT64_MAX, 0}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(pwrite(rig.auditor.fd, pairs[i], sizeof pairs[i], 520), sizeof pairs[i]);
        assert_true(audit_ring_hear(&rig.client));
        assert_true(rig.client.drained == 0);
    }
    rig_done(&rig);
}

/* As a client in hostile hands writes it, or a broken one. */
static void a_position_that_cannot_be_gives_what_is_whole_and_no_more(void **state)
{
    (void)state;
    static const uint64_t positions[] = {1,       15,         AUDIT_RING_BYTES, AUDIT_RING_BYTES + 16,
                                         1 << 30, UINT64_MAX, UINT64_MAX - 47};
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        struct rig rig;
        rig_init(&rig);
        assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("one")), AUDIT_RING_PUT);
        assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("two")), AUDIT_RING_PUT);
        uint64_t end = rig.client.at;
        assert_int_equal(pwrite(rig.client.fd, &positions[i], sizeof end, PUT_AT), sizeof end);
        bool is_behind = positions[i] > end;
        assert_true(audit_ring_has_more(&rig.auditor));
        assert_int_equal(audit_ring_take(&rig.auditor, &rig.out), is_behind);
        assert_slice(rg_buf_slice(&rig.out), is_behind ? "onetwo" : "");
        assert_true(rig.auditor.at == (is_behind ? end : 0));
        assert_false(audit_ring_take(&rig.auditor, &rig.out));
        assert_int_equal(pwrite(rig.client.fd, &end, sizeof end, PUT_AT), sizeof end);
        assert_int_equal(audit_ring_take(&rig.auditor, &rig.out), !is_behind);
        assert_slice(rg_buf_slice(&rig.out), "onetwo");
        assert_false(audit_ring_has_more(&rig.auditor));
        rig_done(&rig);
    }
}

/* A client that maps the file gets the signal, which ends its process: only who may kill it can cut the file. */
static void a_file_that_was_cut_short_is_an_error_and_no_signal_for_who_does_not_map_it(void **state)
{
    (void)state;
    struct rig rig;
    bool is_ours = true;
    struct audit_ring again = {.fd = -1};
    rig_init_as(&rig, false);
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("there")), AUDIT_RING_PUT);
    int fd = fcntl(rig.client.fd, F_DUPFD_CLOEXEC, 0);
    static const off_t sizes[] = {AUDIT_RING_FILE - 1, AUDIT_RING_HEAD + 8, 600, 30, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(ftruncate(fd, sizes[i]), 0);
        assert_fails(RG_PROTOCOL, audit_ring_open(fcntl(fd, F_DUPFD_CLOEXEC, 0), &owner, &is_ours, &again));
        assert_true(is_ours && again.fd == -1);
        assert_true(sizes[i] > AUDIT_RING_HEAD + 8 || !audit_ring_take(&rig.auditor, &rig.out));
    }
    assert_fails(RG_STORAGE, audit_ring_attach(fcntl(fd, F_DUPFD_CLOEXEC, 0), &again));
    assert_true(again.fd == -1);
    assert_false(audit_ring_hear(&rig.client));
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("more")), AUDIT_RING_PUT); /* grows it again, hears zeros */
    assert_int_equal(rig.client.state, AUDIT_RING_CLOSED);
    (void)close(fd);
    rig_done(&rig);
}

static void a_put_that_fails_leaves_everything_as_it_was(void **state)
{
    (void)state;
    struct rig rig;
    char path[128];
    rig_init(&rig);
    (void)snprintf(path, sizeof path, "%s/ring", rig.dir.root);
    struct audit_ring reader = {.fd = -1};
    assert_ok(audit_ring_attach(open(path, O_RDONLY | O_CLOEXEC), &reader));
    assert_int_equal(audit_ring_put(&reader, RG_SLICE("no")), AUDIT_RING_FAILED);
    assert_true(reader.at == 0 && !audit_ring_has_more(&rig.auditor));
    audit_ring_close(&reader);
    rig_done(&rig);
}

static void belongs_to_one_log_and_one_start_of_the_machine(void **state)
{
    (void)state;
    struct rig rig;
    const struct audit_ring_owner others[] = {{.boot = "b-boot", .log = owner.log},
                                              {.boot = "a-boot", .log = {{1, 2, 4}}}};
    rig_init(&rig);
    assert_int_equal(audit_ring_put(&rig.client, RG_SLICE("kept")), AUDIT_RING_PUT);
    for (size_t i = 0; i < 3; i++) {
        struct audit_ring again = {.fd = -1};
        bool is_ours = i < 2;
        int fd = fcntl(rig.auditor.fd, F_DUPFD_CLOEXEC, 0);
        assert_ok(audit_ring_open(fd, i < 2 ? &others[i] : &owner, &is_ours, &again));
        assert_int_equal(is_ours, i == 2);
        assert_true(i < 2 || (audit_ring_take(&again, &rig.out) && rg_buf_size(&rig.out) == 4));
        audit_ring_close(&again);
    }
    rig_done(&rig);
}

static void leaves_nothing_behind_when_it_cannot_be_made(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    bool is_made = false;
    for (int n = 1; !is_made; n++) {
        struct failing failing = {.files = audit_store_files(), .fail_at = n, .error = ENOSPC, .mode = FAILING_ONCE};
        const struct audit_store store = failing_store(&failing);
        struct audit_ring ring = {.fd = -7};
        rg_status status = audit_ring_create(&store, rig.directory, "another", &owner, &ring);
        is_made = rg_is_ok(status);
        assert_true(is_made || (status.error->kind == RG_LIMIT && ring.fd == -7));
        assert_int_equal(faccessat(rig.directory, "another", F_OK, 0) == 0, is_made);
        if (is_made) {
            audit_ring_close(&ring);
            assert_true(n > 10);
        }
    }
    assert_fails(RG_STORAGE, audit_ring_create(audit_store_files(), rig.directory, "another", &owner, &rig.auditor));
    rig_done(&rig);
}

/* ---- two sides at once ---- */

enum { EVENTS = 3000 };

static void *put_all(void *context)
{
    struct rig *rig = context;
    char *memory = malloc(AUDIT_RING_ENTRY_MAX);
    for (uint64_t i = 0; i < EVENTS;) {
        i += audit_ring_put(&rig->client, content(memory, i, size_of(i) % 90000)) == AUDIT_RING_PUT ? 1 : 0;
    }
    free(memory);
    return NULL;
}

static void put_and_take_at_once(bool is_mapped)
{
    struct rig rig;
    pthread_t thread;
    char *memory = malloc(AUDIT_RING_ENTRY_MAX);
    rig_init_as(&rig, is_mapped);
    assert_int_equal(pthread_create(&thread, NULL, put_all, &rig), 0);
    for (uint64_t taken = 0; taken < EVENTS;) {
        if (!audit_ring_take(&rig.auditor, &rig.out)) {
            continue;
        }
        while (rg_buf_size(&rig.out) > 0) {
            struct rg_slice wanted = content(memory, taken, size_of(taken) % 90000);
            assert_true(rg_slice_is_equal(rg_slice_cut(rg_buf_slice(&rig.out), 0, wanted.size), wanted));
            rg_buf_consume(&rig.out, wanted.size);
            taken++;
        }
        settle(&rig.auditor);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    free(memory);
    rig_done(&rig);
}

static void is_read_whole_while_it_is_written(void **state)
{
    (void)state;
    put_and_take_at_once(true);
    put_and_take_at_once(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_put_in_order_over_many_laps),
        cmocka_unit_test(puts_nothing_when_full_until_it_hears_that_it_was_drained),
        cmocka_unit_test(half_an_entry_is_none),
        cmocka_unit_test(what_an_earlier_lap_or_another_ring_left_is_no_entry),
        cmocka_unit_test(a_client_that_was_told_to_stop_knows_it_after_its_put),
        cmocka_unit_test(a_drained_position_that_cannot_be_changes_nothing),
        cmocka_unit_test(a_position_that_cannot_be_gives_what_is_whole_and_no_more),
        cmocka_unit_test(a_file_that_was_cut_short_is_an_error_and_no_signal_for_who_does_not_map_it),
        cmocka_unit_test(a_put_that_fails_leaves_everything_as_it_was),
        cmocka_unit_test(belongs_to_one_log_and_one_start_of_the_machine),
        cmocka_unit_test(leaves_nothing_behind_when_it_cannot_be_made),
        cmocka_unit_test(is_read_whole_while_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
