/* SPDX-License-Identifier: Apache-2.0 */
/* The signer: forward security is only worth something when the old seed is gone from the disk and the new one is never
 * lost. So each step is broken at each call of the store, by failure, by death and by a disk that forgets. */
#include "tests/support/audit_keys_world.h"

#include "base/rg_crypto.h"

static void read_seed_file(const struct keys_world *world, uint8_t out_bytes[AUDIT_SLOTS * AUDIT_SLOT_SIZE])
{
    char path[128];
    keys_world_path(world, "keys/seed", path);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, out_bytes, (size_t)AUDIT_SLOTS * AUDIT_SLOT_SIZE), AUDIT_SLOTS * AUDIT_SLOT_SIZE);
    (void)close(fd);
}

static void write_seed_file(const struct keys_world *world, const uint8_t *bytes, size_t size)
{
    char path[128];
    keys_world_path(world, "keys/seed", path);
    audit_file_write(path, bytes, size);
}

static struct audit_slot current_slot(const struct keys_world *world)
{
    uint8_t bytes[AUDIT_SLOTS * AUDIT_SLOT_SIZE];
    struct audit_slot slots[AUDIT_SLOTS] = {0};
    read_seed_file(world, bytes);
    bool is_first = audit_slot_parse(bytes, &slots[0]);
    bool is_second = audit_slot_parse(bytes + AUDIT_SLOT_SIZE, &slots[1]);
    assert_true(is_first || is_second);
    return is_first && is_second ? slots[slots[1].epoch > slots[0].epoch ? 1 : 0] : slots[is_second ? 1 : 0];
}

/* One whole slot, the other all zeros, and nothing of the seed left anywhere. */
static void assert_only_seed(const struct keys_world *world, uint64_t epoch, const uint8_t *gone)
{
    uint8_t bytes[AUDIT_SLOTS * AUDIT_SLOT_SIZE];
    static const uint8_t zeros[AUDIT_SLOT_SIZE];
    struct audit_slot slot;
    read_seed_file(world, bytes);
    unsigned index = audit_slot_parse(bytes, &slot) ? 0 : 1;
    assert_true(audit_slot_parse(bytes + (size_t)index * AUDIT_SLOT_SIZE, &slot));
    assert_int_equal(slot.epoch, epoch);
    assert_memory_equal(bytes + (size_t)(1 - index) * AUDIT_SLOT_SIZE, zeros, sizeof zeros);
    assert_null(gone == NULL ? NULL : memmem(bytes, sizeof bytes, gone, 8));
}

static void walks_through_all_epochs_and_stays_in_the_last(void **state)
{
    (void)state;
    struct keys_world world;
    keys_world_make(&world);
    struct audit_signer *signer = keys_world_signer(&world);
    for (uint64_t epoch = 0; epoch + 1 < world.keys.epoch_count; epoch++) {
        struct audit_slot before = current_slot(&world);
        assert_int_equal(audit_signer_epoch(signer), epoch);
        assert_signs(&world, signer);
        assert_ok(audit_signer_step(signer));
        assert_only_seed(&world, epoch + 1, before.seed);
        if (epoch % 3 == 0) { /* a restart anywhere */
            audit_signer_free(&signer);
            signer = keys_world_signer(&world);
        }
    }
    assert_fails(RG_LIMIT, audit_signer_step(signer));
    assert_int_equal(audit_signer_epoch(signer), world.keys.epoch_count - 1);
    assert_signs(&world, signer);
    assert_only_seed(&world, world.keys.epoch_count - 1, NULL);
    audit_signer_free(&signer);
    audit_signer_free(&signer);
    keys_world_remove(&world);
}

static void signs_only_checkpoints_of_its_own_log(void **state)
{
    (void)state;
    struct keys_world world;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 4096);
    keys_world_make(&world);
    struct audit_signer *signer = keys_world_signer(&world);
    struct audit_checkpoint checkpoint = {.origin = RG_SLICE("other/audit/node/1"), .size = 3};
    assert_fails(RG_LIMIT, audit_signer_sign(signer, &checkpoint, &out));
    assert_int_equal(rg_buf_size(&out), 0);
    out.limit_bytes = 50;
    checkpoint.origin = RG_SLICE(TEST_ORIGIN);
    assert_fails(RG_LIMIT, audit_signer_sign(signer, &checkpoint, &out));
    assert_int_equal(rg_buf_size(&out), 0);
    audit_signer_free(&signer);
    keys_world_remove(&world);
}

/* How often a step (after open) calls the store. */
static unsigned count_calls(struct keys_world *world, bool is_rotated)
{
    struct breaking breaking = {.mode = BREAKING_ONCE}; /* at call 0: never, and with its short writes */
    struct audit_store store = breaking_store(&breaking);
    struct audit_signer *signer = NULL;
    char root_file[96];
    assert_ok(audit_signer_open(world->directory_fd, &store, &world->keys, &signer));
    if (is_rotated) {
        struct audit_keys_options options = keys_world_rotation(world, root_file);
        assert_ok(audit_keys_rotate(&options));
    }
    assert_ok(audit_signer_step(signer));
    audit_signer_free(&signer);
    return breaking.calls;
}

static void rotate(const struct keys_world *world)
{
    char root_file[96];
    struct audit_keys_options options = keys_world_rotation(world, root_file);
    assert_ok(audit_keys_rotate(&options));
}

static bool has_next_file(const struct keys_world *world)
{
    char path[128];
    keys_world_path(world, "keys/seed.next", path);
    return access(path, F_OK) == 0;
}

/* The disk fails at one call: the signer stays as it was, and the next attempt succeeds. */
static void a_step_that_failed_is_asked_again(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (unsigned round = 0; round < 2; round++) {
        struct keys_world counting;
        keys_world_make(&counting);
        unsigned calls = count_calls(&counting, round == 1);
        keys_world_remove(&counting);
        assert_true(calls > 10);
        for (unsigned at = 1; at <= calls; at++) {
            struct keys_world world;
            struct breaking breaking = {.mode = BREAKING_ONCE, .at = at};
            struct audit_store store = breaking_store(&breaking);
            struct audit_signer *signer = NULL;
            keys_world_make(&world);
            struct audit_slot before = current_slot(&world);
            rg_status opened = audit_signer_open(world.directory_fd, &store, &world.keys, &signer);
            if (!rg_is_ok(opened)) {
                assert_int_equal(opened.error->kind, RG_STORAGE);
                assert_null(signer);
                assert_only_seed(&world, 0, NULL);
                keys_world_remove(&world);
                continue;
            }
            if (round == 1) {
                rotate(&world);
            }
            rg_status stepped = audit_signer_step(signer);
            if (!rg_is_ok(stepped)) {
                failed++;
                assert_int_equal(stepped.error->kind, RG_STORAGE);
                assert_int_equal(audit_signer_epoch(signer), 0);
                assert_signs(&world, signer);
                assert_ok(audit_signer_step(signer));
            }
            assert_int_equal(audit_signer_epoch(signer), 1);
            assert_signs(&world, signer);
            assert_only_seed(&world, 1, before.seed);
            assert_false(has_next_file(&world));
            audit_signer_free(&signer);
            keys_world_remove(&world);
        }
    }
    assert_true(failed > 15);
}

/* The process dies before one call, on a disk that keeps, forgets or tears what was not synced. */
static void a_step_that_was_interrupted_is_finished_or_undone_at_the_next_open(void **state)
{
    (void)state;
    unsigned died = 0;
    unsigned ended[2] = {0};
    for (unsigned variant = 0; variant < 6; variant++) {
        bool is_rotated = variant % 2 == 1;
        for (unsigned at = 1;; at++) {
            struct keys_world world;
            keys_world_make(&world);
            struct audit_slot before = current_slot(&world);
            struct audit_signer *signer = NULL;
            struct breaking breaking = {
                .mode = BREAKING_EXIT, .at = at, .is_forgetful = variant >= 2, .is_torn = variant >= 4};
            struct audit_store store = breaking_store(&breaking);
            if (is_rotated) {
                rotate(&world);
            }
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                bool is_done = rg_is_ok(audit_signer_open(world.directory_fd, &store, &world.keys, &signer)) &&
                               rg_is_ok(audit_signer_step(signer));
                _exit(is_done ? 0 : 1);
            }
            int status = 0;
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED));
            signer = keys_world_signer(&world);
            uint64_t epoch = audit_signer_epoch(signer);
            assert_true(epoch <= 1);
            assert_only_seed(&world, epoch, epoch == 1 ? before.seed : NULL);
            assert_signs(&world, signer);
            assert_int_equal(has_next_file(&world), is_rotated && epoch == 0);
            assert_int_equal(audit_signer_has_next(signer), is_rotated && epoch == 0);
            for (; audit_signer_epoch(signer) < 3;) { /* and it goes on from there */
                assert_ok(audit_signer_step(signer));
                assert_signs(&world, signer);
            }
            audit_signer_free(&signer);
            keys_world_remove(&world);
            ended[epoch]++;
            if (WEXITSTATUS(status) == 0) {
                assert_int_equal(epoch, 1);
                break;
            }
            died++;
        }
    }
    assert_true(died > 60 && ended[0] > 20 && ended[1] > 10);
}

/* ---- what is refused ---- */

static void assert_refused(const struct keys_world *world, const char *word)
{
    struct audit_signer *signer = NULL;
    rg_status status = audit_signer_open(world->directory_fd, audit_store_files(), &world->keys, &signer);
    assert_false(rg_is_ok(status));
    assert_int_equal(status.error->kind, RG_STORAGE);
    if (strstr(status.error->text, word) == NULL) {
        fail_msg("\"%s\" says nothing of \"%s\"", status.error->text, word);
    }
    assert_null(signer);
}

static void refuses_a_seed_file_that_others_could_read_or_is_not_its_own(void **state)
{
    (void)state;
    struct keys_world world;
    char path[128], other[128];
    static const mode_t modes[] = {0644, 0640, 0604, 0660, 0700, 0400, 04600, 0};
    keys_world_make(&world);
    keys_world_path(&world, "keys/seed", path);
    keys_world_path(&world, "keys/other", other);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        if (geteuid() == 0 || (modes[i] & 0600) == 0600) {
            assert_refused(&world, "mode");
        }
    }
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 1, 1), 0);
        assert_refused(&world, "belongs to uid 1");
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(link(path, other), 0);
    assert_refused(&world, "regular file of one name");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("other", path), 0);
    assert_refused(&world, "cannot be opened");
    assert_int_equal(unlink(path), 0);
    assert_refused(&world, "rowgate audit keys init");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(&world, "");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(other, path), 0);
    struct audit_signer *signer = keys_world_signer(&world);
    audit_signer_free(&signer);
    keys_world_remove(&world);
}

static void refuses_every_damaged_seed_file(void **state)
{
    (void)state;
    struct keys_world world;
    uint8_t good[AUDIT_SLOTS * AUDIT_SLOT_SIZE], bytes[AUDIT_SLOTS * AUDIT_SLOT_SIZE];
    struct audit_slot slot;
    keys_world_make(&world);
    read_seed_file(&world, good);
    for (size_t at = 0; at < AUDIT_SLOT_SIZE; at++) { /* any byte of the only slot */
        memcpy(bytes, good, sizeof bytes);
        bytes[at] ^= 0x10;
        assert_false(audit_slot_parse(bytes, &slot));
        if (at % 16 == 0) {
            write_seed_file(&world, bytes, sizeof bytes);
            assert_refused(&world, "damaged");
        }
    }
    static const size_t sizes[] = {0, 1, 80, 511, 512, 513, 1023};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_seed_file(&world, good, sizes[i]);
        assert_refused(&world, "damaged");
    }
    struct audit_slot other;
    assert_true(audit_slot_parse(good, &other));
    memcpy(bytes, good, sizeof bytes);
    other.epoch = 2; /* not the neighbour of 0 */
    audit_slot_encode(&other, bytes + AUDIT_SLOT_SIZE);
    write_seed_file(&world, bytes, sizeof bytes);
    assert_refused(&world, "the epochs 0 and 2");
    other.epoch = 0; /* twice the same epoch */
    audit_slot_encode(&other, bytes + AUDIT_SLOT_SIZE);
    write_seed_file(&world, bytes, sizeof bytes);
    assert_refused(&world, "the epochs 0 and 0");
    other.epoch = 1; /* a forged higher slot must not cost the good one */
    audit_slot_encode(&other, bytes + AUDIT_SLOT_SIZE);
    write_seed_file(&world, bytes, sizeof bytes);
    assert_refused(&world, "another key than the listed one");
    read_seed_file(&world, good);
    assert_memory_equal(good, bytes, sizeof bytes);
    other.epoch = 31;
    memset(bytes, 0, sizeof bytes);
    audit_slot_encode(&other, bytes);
    write_seed_file(&world, bytes, sizeof bytes);
    assert_refused(&world, "another key than the listed one");
    other.epoch = 32;
    audit_slot_encode(&other, bytes);
    write_seed_file(&world, bytes, sizeof bytes);
    assert_refused(&world, "the lists end before epoch 32");
    keys_world_remove(&world);
}

static void notices_a_seed_file_that_was_changed_behind_its_back(void **state)
{
    (void)state;
    struct keys_world world;
    uint8_t zeros[AUDIT_SLOTS * AUDIT_SLOT_SIZE] = {0}, good[AUDIT_SLOTS * AUDIT_SLOT_SIZE];
    keys_world_make(&world);
    struct audit_signer *signer = keys_world_signer(&world);
    read_seed_file(&world, good);
    write_seed_file(&world, zeros, sizeof zeros);
    assert_fails(RG_STORAGE, audit_signer_step(signer));
    write_seed_file(&world, good, sizeof good);
    struct audit_seed_file file = {0}; /* somebody rotates: the step waits for him */
    int keys_fd = audit_keys_open_directory(world.directory_fd);
    assert_ok(audit_seed_file_open(keys_fd, "seed", audit_store_files(), AUDIT_SEED_MINE, 0, &file));
    rg_status status = audit_signer_step(signer);
    assert_false(rg_is_ok(status));
    assert_non_null(strstr(status.error->text, "in use"));
    audit_seed_file_done(&file);
    assert_int_equal(audit_signer_epoch(signer), 0);
    assert_ok(audit_signer_step(signer));
    assert_int_equal(audit_signer_epoch(signer), 1);
    (void)close(keys_fd);
    audit_signer_free(&signer);
    keys_world_remove(&world);
}

/* ---- rotation as the signer sees it ---- */

static void a_running_signer_takes_a_rotation_at_its_next_step(void **state)
{
    (void)state;
    struct keys_world world;
    uint64_t epoch = 99;
    keys_world_make(&world);
    struct audit_signer *signer = keys_world_signer(&world);
    assert_false(audit_signer_has_next(signer));
    assert_ok(audit_signer_step(signer));
    struct audit_keys before = world.keys;
    uint8_t old_key[AUDIT_PUBLIC_SIZE];
    memcpy(old_key, before.public_keys[2], sizeof old_key);
    rotate(&world);
    assert_true(audit_signer_has_next(signer));
    assert_signs(&world, signer); /* still epoch 1, still the old chain */
    assert_ok(audit_signer_step(signer));
    assert_int_equal(audit_signer_epoch(signer), 2);
    assert_signs(&world, signer);
    assert_false(audit_signer_has_next(signer));
    assert_false(has_next_file(&world));
    assert_memory_not_equal(world.keys.public_keys[2], old_key, sizeof old_key);
    assert_int_equal(world.keys.epoch_count, 2 + 16);
    assert_ok(audit_keys_current_epoch(world.directory_fd, &epoch));
    assert_int_equal(epoch, 2);
    while (audit_signer_epoch(signer) < 17) {
        assert_ok(audit_signer_step(signer));
    }
    assert_fails(RG_LIMIT, audit_signer_step(signer));
    rotate(&world); /* at the end of the lists there is a way on */
    assert_ok(audit_signer_step(signer));
    assert_signs(&world, signer);
    audit_signer_free(&signer);
    keys_world_remove(&world);
}

static void a_rotation_without_its_seed_is_no_way_on(void **state)
{
    (void)state;
    struct keys_world world;
    char path[128];
    keys_world_make(&world);
    struct audit_signer *signer = keys_world_signer(&world);
    struct audit_slot before = current_slot(&world);
    rotate(&world);
    keys_world_path(&world, "keys/seed.next", path);
    uint8_t bytes[AUDIT_SLOT_SIZE];
    audit_slot_encode(&(struct audit_slot){.epoch = 1, .seed = {1, 2, 3}}, bytes);
    audit_file_write(path, bytes, sizeof bytes); /* not the listed one */
    assert_fails(RG_STORAGE, audit_signer_step(signer));
    memset(bytes, 0x55, sizeof bytes);
    audit_file_write(path, bytes, sizeof bytes);
    assert_fails(RG_STORAGE, audit_signer_step(signer));
    assert_int_equal(unlink(path), 0);
    assert_fails(RG_STORAGE, audit_signer_step(signer)); /* nor does the old chain go on */
    assert_int_equal(audit_signer_epoch(signer), 0);
    assert_signs(&world, signer);
    assert_memory_equal(current_slot(&world).seed, before.seed, sizeof before.seed);
    keys_world_path(&world, "keys/list-00000001.note", path); /* a list of another root: no step either */
    audit_file_write(path, "nonsense", 8);
    assert_fails(RG_STORAGE, audit_signer_step(signer));
    assert_int_equal(unlink(path), 0);
    audit_signer_free(&signer);
    keys_world_remove(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_through_all_epochs_and_stays_in_the_last),
        cmocka_unit_test(signs_only_checkpoints_of_its_own_log),
        cmocka_unit_test(a_step_that_failed_is_asked_again),
        cmocka_unit_test(a_step_that_was_interrupted_is_finished_or_undone_at_the_next_open),
        cmocka_unit_test(refuses_a_seed_file_that_others_could_read_or_is_not_its_own),
        cmocka_unit_test(refuses_every_damaged_seed_file),
        cmocka_unit_test(notices_a_seed_file_that_was_changed_behind_its_back),
        cmocka_unit_test(a_running_signer_takes_a_rotation_at_its_next_step),
        cmocka_unit_test(a_rotation_without_its_seed_is_no_way_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
