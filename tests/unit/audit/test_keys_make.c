/* SPDX-License-Identifier: Apache-2.0 */
/* Making keys by init and rotate: nothing half-made stays, whatever happens meanwhile. */
#include "tests/support/audit_keys_world.h"

#include "base/rg_crypto.h"
#include "base/rg_sign.h"

struct script {
    unsigned draws;
    uint8_t first; /* of the seeds of the first draws */
    unsigned repeats;
};

static void draw_by_script(void *context, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    struct script *script = context;
    memset(out_seed, script->draws < script->repeats ? script->first : (uint8_t)(100 + script->draws), AUDIT_SEED_SIZE);
    script->draws++;
}

static void a_chain_whose_ids_meet_known_ones_is_drawn_again(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct script script = {.first = 1, .repeats = 3};
    const struct audit_keys_maker maker = {.store = audit_store_files(), .draw = draw_by_script, .context = &script};
    struct audit_keys known = {.origin = RG_SLICE(TEST_ORIGIN), .epoch_count = 1};
    struct audit_list list = {.origin = RG_SLICE(TEST_ORIGIN), .count = 4, .epoch_seconds = 60};
    uint8_t seed[AUDIT_SEED_SIZE], key[1][AUDIT_PUBLIC_SIZE];
    rg_arena_init(&arena, 1 << 20);
    memset(seed, 1, sizeof seed);
    assert_ok(audit_seed_next(seed, seed));
    assert_ok(audit_seed_key_public(seed, key[0])); /* the second key of the chain that is drawn first */
    known.public_keys = key;
    assert_ok(audit_chain_make(&maker, &known, &arena, &list, seed));
    assert_int_equal(script.draws, 4);
    assert_int_equal(seed[0], 103);
    script = (struct script){.first = 1, .repeats = UINT32_MAX};
    seed[0] = 77;
    assert_fails(RG_INTERNAL, audit_chain_make(&maker, &known, &arena, &list, seed));
    assert_int_equal(seed[0], 77);
}

static struct audit_keys_options init_options(const struct audit_dir *dir, char root_file[96])
{
    (void)snprintf(root_file, 96, "%.60s/root.key", dir->root);
    return (struct audit_keys_options){.directory = rg_slice_of(dir->path),
                                       .origin = RG_SLICE(TEST_ORIGIN),
                                       .root_file = rg_slice_of(root_file),
                                       .epoch_count = 3};
}

static void assert_empty(const char *path)
{
    char command[256];
    (void)snprintf(command, sizeof command, "test -z \"$(ls -A '%s')\"", path);
    assert_int_equal(system(command), 0);
}

static void init_refuses_bad_options_and_touches_nothing(void **state)
{
    (void)state;
    struct audit_dir dir;
    char root_file[96], long_name[AUDIT_NOTE_NAME_MAX];
    audit_dir_make_bare(&dir);
    const struct audit_keys_options good = init_options(&dir, root_file);
    static const char *const origins[] = {"", "a b", "a+b", "a\nb", "\xff"};
    struct audit_keys_options options = good;
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        options.origin = rg_slice_of(origins[i]);
        assert_fails(RG_CONFIG, audit_keys_init(&options));
    }
    memset(long_name, 'a', sizeof long_name);
    options.origin = rg_slice_make(long_name, sizeof long_name - 4); /* "/root" must fit behind it */
    assert_fails(RG_CONFIG, audit_keys_init(&options));
    options = good;
    options.epoch_count = AUDIT_EPOCHS_MAX + 1;
    assert_fails(RG_LIMIT, audit_keys_init(&options));
    options = good;
    options.epoch_seconds = AUDIT_EPOCH_SECONDS_MAX + 1;
    assert_fails(RG_LIMIT, audit_keys_init(&options));
    options = good;
    options.directory = RG_SLICE("");
    assert_fails(RG_CONFIG, audit_keys_init(&options));
    options = good;
    options.root_file = (struct rg_slice){NULL, 0};
    assert_fails(RG_CONFIG, audit_keys_init(&options));
    options = good;
    options.root_file = RG_SLICE("/nonexistent/root.key");
    assert_fails(RG_STORAGE, audit_keys_init(&options));
    options = good;
    options.directory = RG_SLICE("/nonexistent/log");
    assert_fails(RG_STORAGE, audit_keys_init(&options));
    assert_empty(dir.root);
    audit_dir_remove(&dir);
}

static void init_never_writes_over_anything(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct stat info;
    char root_file[96], path[128];
    audit_dir_make_bare(&dir);
    struct audit_keys_options options = init_options(&dir, root_file);
    audit_file_write(root_file, "precious", 8);
    assert_fails(RG_STORAGE, audit_keys_init(&options)); /* the root file is there */
    assert_int_equal(stat(root_file, &info), 0);
    assert_int_equal(info.st_size, 8);
    assert_int_not_equal(access(dir.path, F_OK), 0);
    assert_int_equal(unlink(root_file), 0);
    assert_int_equal(mkdir(dir.path, 0750), 0);
    (void)snprintf(path, sizeof path, "%s/seg", dir.path);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/seg/0000000000000000.jsonl", dir.path);
    audit_file_write(path, "x", 1);
    assert_fails(RG_STORAGE, audit_keys_init(&options)); /* a log without keys */
    assert_int_not_equal(access(root_file, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_ok(audit_keys_init(&options)); /* an existing directory is fine */
    assert_int_equal(unlink(root_file), 0);
    assert_fails(RG_STORAGE, audit_keys_init(&options)); /* keys are there */
    assert_int_not_equal(access(root_file, F_OK), 0);
    audit_dir_remove(&dir);
}

static void init_leaves_nothing_half_made_when_the_disk_fails(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (unsigned at = 1;; at++) {
        struct audit_dir dir;
        char root_file[96];
        struct script script = {0};
        struct breaking breaking = {.mode = BREAKING_ONCE, .at = at};
        struct audit_store store = breaking_store(&breaking);
        const struct audit_keys_maker maker = {.store = &store, .draw = draw_by_script, .context = &script};
        audit_dir_make_bare(&dir);
        struct audit_keys_options options = init_options(&dir, root_file);
        rg_status status = audit_keys_init_by(&maker, &options);
        if (rg_is_ok(status)) {
            audit_dir_remove(&dir);
            break;
        }
        failed++;
        assert_int_equal(status.error->kind, RG_STORAGE);
        assert_empty(dir.root);
        assert_ok(audit_keys_init(&options));
        audit_dir_remove(&dir);
    }
    assert_true(failed >= 12);
}

static void init_that_was_killed_can_be_run_again(void **state)
{
    (void)state;
    unsigned killed = 0, whole = 0;
    for (unsigned at = 1;; at++) {
        struct audit_dir dir;
        char root_file[96], other_file[96];
        struct script script = {0};
        struct breaking breaking = {.mode = BREAKING_EXIT, .at = at};
        struct audit_store store = breaking_store(&breaking);
        const struct audit_keys_maker maker = {.store = &store, .draw = draw_by_script, .context = &script};
        audit_dir_make_bare(&dir);
        struct audit_keys_options options = init_options(&dir, root_file);
        pid_t child = fork();
        if (child == 0) {
            _exit(rg_is_ok(audit_keys_init_by(&maker, &options)) ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        (void)snprintf(other_file, sizeof other_file, "%.60s/other.key", dir.root);
        options.root_file = rg_slice_of(other_file); /* the first may be half written: it is not taken over */
        rg_status again = audit_keys_init(&options);
        struct keys_world world = {.dir = dir, .directory_fd = open(dir.path, O_RDONLY | O_DIRECTORY)};
        keys_world_load(&world); /* whole in any case */
        struct audit_signer *signer = keys_world_signer(&world);
        assert_signs(&world, signer);
        audit_signer_free(&signer);
        char path[128];
        keys_world_path(&world, "keys.new", path);
        assert_int_not_equal(access(path, F_OK), 0);
        whole += rg_is_ok(again) ? 0 : 1;
        keys_world_remove(&world);
        if (WEXITSTATUS(status) == 0) {
            break;
        }
        assert_int_equal(WEXITSTATUS(status), KILLED);
        killed++;
    }
    assert_true(killed >= 12 && whole >= 1 && whole <= 4);
}

static void rotate_refuses_a_foreign_root_and_a_second_rotation(void **state)
{
    (void)state;
    struct keys_world world, other;
    char root_file[96], foreign[96];
    keys_world_make(&world);
    keys_world_make(&other);
    struct audit_keys_options options = keys_world_rotation(&world, root_file);
    const struct audit_keys_options good = options;
    struct audit_keys_options foreign_options = keys_world_rotation(&other, foreign);
    options.root_file = foreign_options.root_file;
    assert_fails(RG_CONFIG, audit_keys_rotate(&options));
    options.root_file = RG_SLICE("/nonexistent");
    assert_fails(RG_CONFIG, audit_keys_rotate(&options));
    options.root_file = RG_SLICE("/etc/hostname");
    assert_fails(RG_CONFIG, audit_keys_rotate(&options));
    options = good;
    options.origin = RG_SLICE("other/audit/node/1");
    assert_fails(RG_CONFIG, audit_keys_rotate(&options));
    options = good;
    options.epoch_count = AUDIT_EPOCHS_MAX + 1;
    assert_fails(RG_LIMIT, audit_keys_rotate(&options));
    options = good;
    options.directory = RG_SLICE("/nonexistent");
    assert_fails(RG_STORAGE, audit_keys_rotate(&options));
    keys_world_load(&world);
    assert_int_equal(world.keys.list_count, 1); /* none of these left a trace */
    struct audit_signer *signer = keys_world_signer(&world);
    assert_false(audit_signer_has_next(signer));
    assert_ok(audit_keys_rotate(&good));
    rg_status status = audit_keys_rotate(&good);
    assert_false(rg_is_ok(status));
    assert_int_equal(status.error->kind, RG_STORAGE);
    assert_non_null(strstr(status.error->text, "waits already"));
    keys_world_load(&world);
    assert_int_equal(world.keys.list_count, 2);
    assert_int_equal(world.keys.epoch_seconds, 3600); /* left empty: as before */
    audit_signer_free(&signer);
    keys_world_remove(&other);
    keys_world_remove(&world);
}

static void rotate_that_failed_or_was_killed_leaves_keys_that_go_on(void **state)
{
    (void)state;
    unsigned broken = 0, listed = 0;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned at = 1;; at++) {
            struct keys_world world;
            char root_file[96], path[128];
            struct script script = {0};
            struct breaking breaking = {.mode = round == 0 ? BREAKING_ONCE : BREAKING_EXIT, .at = at};
            struct audit_store store = breaking_store(&breaking);
            const struct audit_keys_maker maker = {.store = &store, .draw = draw_by_script, .context = &script};
            keys_world_make(&world);
            struct audit_keys_options options = keys_world_rotation(&world, root_file);
            pid_t child = fork();
            if (child == 0) {
                rg_status status = audit_keys_rotate_by(&maker, &options);
                _exit(rg_is_ok(status) ? 0 : status.error->kind == RG_STORAGE ? 3 : 1);
            }
            int status = 0;
            assert_int_equal(waitpid(child, &status, 0), child);
            keys_world_load(&world);
            bool is_listed = world.keys.list_count == 2;
            struct audit_signer *signer = keys_world_signer(&world);
            assert_int_equal(audit_signer_has_next(signer), is_listed);
            keys_world_path(&world, "keys/seed.next", path);
            if (round == 0 && WEXITSTATUS(status) != 0) { /* taken back whole */
                assert_int_equal(WEXITSTATUS(status), 3);
                assert_false(is_listed);
                assert_int_not_equal(access(path, F_OK), 0);
            }
            listed += is_listed ? 1 : 0;
            if (!is_listed) {
                assert_ok(audit_keys_rotate(&options)); /* it can be asked again */
            }
            for (uint64_t epoch = 1; epoch < 4; epoch++) {
                assert_ok(audit_signer_step(signer));
                assert_signs(&world, signer);
            }
            assert_int_equal(world.keys.epoch_count, 1 + 16);
            assert_int_not_equal(access(path, F_OK), 0);
            audit_signer_free(&signer);
            keys_world_remove(&world);
            if (WEXITSTATUS(status) == 0) {
                break;
            }
            broken++;
        }
    }
    assert_true(broken >= 18 && listed >= 3);
}

/* A rotation that died before its list was named: the old chain goes on, and what it left is wiped. */
static void a_rotation_that_never_came_true_is_forgotten(void **state)
{
    (void)state;
    struct keys_world world;
    char root_file[96], path[128], list[128];
    keys_world_make(&world);
    struct audit_keys_options options = keys_world_rotation(&world, root_file);
    assert_ok(audit_keys_rotate(&options));
    keys_world_path(&world, "keys/list-00000001.note", list);
    keys_world_path(&world, "keys/seed.next", path);
    assert_int_equal(unlink(list), 0);
    keys_world_load(&world);
    struct audit_signer *signer = keys_world_signer(&world);
    assert_false(audit_signer_has_next(signer));
    assert_ok(audit_signer_step(signer));
    assert_signs(&world, signer);
    assert_int_not_equal(access(path, F_OK), 0);
    audit_signer_free(&signer);
    keys_world_remove(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_whose_ids_meet_known_ones_is_drawn_again),
        cmocka_unit_test(init_refuses_bad_options_and_touches_nothing),
        cmocka_unit_test(init_never_writes_over_anything),
        cmocka_unit_test(init_leaves_nothing_half_made_when_the_disk_fails),
        cmocka_unit_test(init_that_was_killed_can_be_run_again),
        cmocka_unit_test(rotate_refuses_a_foreign_root_and_a_second_rotation),
        cmocka_unit_test(rotate_that_failed_or_was_killed_leaves_keys_that_go_on),
        cmocka_unit_test(a_rotation_that_never_came_true_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
