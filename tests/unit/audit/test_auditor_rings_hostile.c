/* SPDX-License-Identifier: Apache-2.0 */
/* Rings in hostile hands, while the auditor runs and after it was killed: what it finds there harms their client alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "audit/passing.h"
#include "tests/support/ring_rig.h"

/* ---- what stands in rings and should not ---- */

#define OCSF                                                                                                           \
    "{\"metadata\":{\"version\":\"1.8.0\"},\"class_uid\":6005,\"category_uid\":6,\"activity_id\":1,"                   \
    "\"type_uid\":600501,\"severity_id\":1,\"time\":1}"

static struct rg_slice frame(char memory[512], bool has_more, const char *rg)
{
    struct rg_buf bytes;
    rg_buf_init(&bytes, 512);
    assert_ok(rg_buf_put_u32(&bytes, (uint32_t)(AUDIT_FRAME_HEAD - 4 + strlen(rg) + strlen(OCSF))));
    assert_ok(rg_buf_put_u8(&bytes, 1));
    assert_ok(rg_buf_put_u8(&bytes, has_more ? 1 : 0));
    assert_ok(rg_buf_put_u32(&bytes, 0));
    assert_ok(rg_buf_put_u32(&bytes, (uint32_t)strlen(rg)));
    assert_ok(rg_buf_put_u32(&bytes, (uint32_t)strlen(OCSF)));
    assert_ok(rg_buf_put(&bytes, rg_slice_of(rg)));
    assert_ok(rg_buf_put(&bytes, rg_slice_of(OCSF)));
    size_t size = rg_buf_size(&bytes);
    memcpy(memory, rg_buf_slice(&bytes).data, size);
    rg_buf_done(&bytes);
    return rg_slice_make(memory, size);
}

struct nonsense {
    const char *name;
    bool has_more;
    const char *rg; /* NULL: bytes that are no frame */
};

static const struct nonsense nonsense[] = {
    {"a kind of the auditor's", false, "{\"kind\":\"log.started\"}"},
    {"a second chain's number", false, "{\"kind\":\"statement\",\"seq\":1}"},
    {"half an event", true, "{\"kind\":\"statement\",\"part\":\"1/2\"}"},
    {"no JSON", false, "{\"kind\":\"statement\""},
    {"no frame", false, NULL},
};

static struct rg_slice nonsense_bytes(size_t i, char memory[512])
{
    return nonsense[i].rg == NULL ? RG_SLICE("\xff\xff\xff\xff rubbish")
                                  : frame(memory, nonsense[i].has_more, nonsense[i].rg);
}

/* A channel without the client's code, and the ring that it was given. */
static int open_raw(const struct auditor_rig *rig, struct audit_ring *out_ring)
{
    int ours = -1;
    int theirs = -1;
    int fd = -1;
    char bytes[512];
    size_t size = 0;
    rig_pair(SOCK_STREAM, &ours, &theirs);
    assert_ok(audit_passing_send(rig->door, RG_SLICE("\1"), theirs));
    (void)close(theirs);
    struct pollfd waiting = {.fd = ours, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    assert_int_equal(audit_passing_receive(ours, bytes, sizeof bytes, &size, &fd), AUDIT_PASSING_PACKET);
    assert_true(fd >= 0);
    assert_ok(audit_ring_attach(fd, out_ring));
    return ours;
}

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

static void nonsense_in_a_ring_ends_that_client_alone(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    char memory[512];
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    assert_ok(rig_start(&rig, &options));
    struct audit_client *client = ring_client(&rig);
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct audit_ring ring = {.fd = -1};
        int channel = open_raw(&rig, &ring);
        assert_int_equal(audit_ring_put(&ring, nonsense_bytes(i, memory)), AUDIT_RING_PUT);
        assert_int_equal(send(channel, "\0\0\0\0", 4, MSG_NOSIGNAL), 4);
        if (!is_closed(channel)) {
            fail_msg("%s was taken", nonsense[i].name);
        }
        (void)close(channel);
        audit_ring_close(&ring);
        assert_true(ring_put(client, i));
    }
    audit_client_close(&client);
    assert_true(rig_stop(&rig));
    assert_int_equal(ring_count_files(&dir), 0);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), sizeof nonsense / sizeof nonsense[0]);
    assert_true(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\"") > 0);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

/* Sizes, marks and positions of every sort, a file cut short, a word to the client that the client changed. */
static void a_spoilt_ring_harms_nobody_else(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    assert_ok(rig_start(&rig, &options));
    struct audit_client *client = ring_client(&rig);
    srandom(7);
    for (uint64_t round = 0; round < 40; round++) {
        struct audit_ring ring = {.fd = -1};
        int channel = open_raw(&rig, &ring);
        uint64_t head[3] = {ring.key, (uint64_t)random() << (random() % 40), (uint64_t)random()};
        assert_int_equal(pwrite(ring.fd, head, sizeof head, AUDIT_RING_HEAD), sizeof head);
        if (round % 4 == 1) {
            assert_int_equal(ftruncate(ring.fd, random() % AUDIT_RING_FILE), 0);
        } else if (round % 4 == 2) {
            for (int i = 0; i < 64; i++) {
                uint64_t word = (uint64_t)random();
                assert_int_equal(pwrite(ring.fd, &word, sizeof word, random() % 2048), sizeof word);
            }
        } else if (round % 4 == 3) {
            assert_int_equal(ftruncate(ring.fd, (off_t)AUDIT_RING_FILE * 4), 0);
        }
        assert_int_equal(send(channel, "\0\0\0\0", 4, MSG_NOSIGNAL), 4);
        assert_true(ring_put(client, round));
        (void)close(channel);
        audit_ring_close(&ring);
    }
    audit_client_close(&client);
    assert_true(rig_stop(&rig));
    assert_int_equal(ring_count_files(&dir), 0);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 40);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void a_ring_of_another_size_ends_its_client(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct auditor_rig rig;
    static const off_t sizes[] = {0, AUDIT_RING_FILE - 1, (off_t)AUDIT_RING_FILE * 1000};
    audit_dir_make(&dir);
    struct auditor_options options = ring_options(&dir);
    assert_ok(rig_start(&rig, &options));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct audit_ring ring = {.fd = -1};
        int channel = open_raw(&rig, &ring);
        assert_int_equal(ftruncate(ring.fd, sizes[i]), 0);
        assert_true(is_closed(channel));
        (void)close(channel);
        audit_ring_close(&ring);
    }
    assert_int_equal(ring_count_files(&dir), 0);
    assert_true(rig_stop(&rig));
    assert_true(audit_dir_count(&dir, "the size of its ring") > 0);
    audit_dir_remove(&dir);
}

/* A ring as a killed auditor leaves it, with this in it. */
static void leave_ring(const struct audit_dir *dir, struct rg_slice content)
{
    struct auditor_rig rig;
    struct auditor_options options = ring_options(dir);
    struct audit_ring ring = {.fd = -1};
    rig_fork(&rig, &options);
    int channel = open_raw(&rig, &ring);
    assert_int_equal(kill(rig.child, SIGSTOP), 0);
    (void)usleep(10 * 1000);
    assert_int_equal(audit_ring_put(&ring, content), AUDIT_RING_PUT);
    assert_int_equal(kill(rig.child, SIGKILL), 0);
    assert_false(rig_join(&rig));
    audit_ring_close(&ring);
    (void)close(channel);
}

static void takes_no_nonsense_from_the_rings_of_before(void **state)
{
    (void)state;
    struct audit_dir dir;
    char memory[512];
    audit_dir_make(&dir);
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        leave_ring(&dir, nonsense_bytes(i, memory));
        ring_recover(&dir);
    }
    leave_ring(&dir, frame(memory, false, "{\"kind\":\"statement\",\"class\":\"READ\"}"));
    ring_recover(&dir);
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 1);
    assert_true(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\"") >= sizeof nonsense / sizeof nonsense[0]);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

static void passes_over_rings_that_are_not_its_own(void **state)
{
    (void)state;
    struct audit_dir dir;
    char memory[512];
    char path[160];
    static const off_t sizes[] = {0, 100, AUDIT_RING_HEAD, AUDIT_RING_FILE - 1, AUDIT_RING_FILE + 1};
    audit_dir_make(&dir);
    struct rg_slice good = frame(memory, false, "{\"kind\":\"statement\",\"class\":\"READ\"}");
    for (size_t i = 0; i < 2; i++) { /* of another start of the machine; of another log */
        leave_ring(&dir, good);
        assert_true(ring_find(&dir, 0, path));
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "\x55", 1, i == 0 ? 24 : 24 + 64), 1);
        (void)close(fd);
        ring_recover(&dir);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        leave_ring(&dir, good);
        assert_true(ring_find(&dir, 0, path));
        assert_int_equal(truncate(path, sizes[i]), 0);
        ring_recover(&dir);
    }
    assert_int_equal(audit_dir_count(&dir, "\"kind\":\"statement\""), 0);
    assert_true(audit_dir_count(&dir, "\"kind\":\"process.misbehaved\"") > 0);
    assert_intact(&dir, 0);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense_in_a_ring_ends_that_client_alone),
        cmocka_unit_test(a_spoilt_ring_harms_nobody_else),
        cmocka_unit_test(a_ring_of_another_size_ends_its_client),
        cmocka_unit_test(takes_no_nonsense_from_the_rings_of_before),
        cmocka_unit_test(passes_over_rings_that_are_not_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
