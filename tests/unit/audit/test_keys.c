/* SPDX-License-Identifier: Apache-2.0 */
/* The public half of the keys: what init makes, and what a verifier refuses to believe. */
#include "tests/support/audit_keys_world.h"

#include "base/rg_crypto.h"
#include "base/rg_sign.h"

#define FIRST_LIST "keys/list-00000000.note"

/* ---- lists as text ---- */

#define KEY_A "GlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=\n"
#define KEY_B "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
#define HEAD "rowgate/audit/keys/v1\n"

static const struct {
    const char *why, *text;
} bad_lists[] = {
    {"nothing", ""},
    {"first line only", HEAD},
    {"other first line", "rowgate/audit/keys/v2\no\n0 1 60\n" KEY_A},
    {"no origin", HEAD "\n0 1 60\n" KEY_A},
    {"a space in the origin", HEAD "a b\n0 1 60\n" KEY_A},
    {"no numbers", HEAD "o\n"},
    {"two numbers", HEAD "o\n0 1\n" KEY_A},
    {"four numbers", HEAD "o\n0 1 60 9\n" KEY_A},
    {"a space behind", HEAD "o\n0 1 60 \n" KEY_A},
    {"a space before", HEAD "o\n 0 1 60\n" KEY_A},
    {"two spaces", HEAD "o\n0  1 60\n" KEY_A},
    {"a leading zero", HEAD "o\n00 1 60\n" KEY_A},
    {"a sign", HEAD "o\n0 +1 60\n" KEY_A},
    {"no keys", HEAD "o\n0 0 60\n"},
    {"no seconds", HEAD "o\n0 1 0\n" KEY_A},
    {"years of seconds", HEAD "o\n0 1 99999999\n" KEY_A},
    {"2^64 epochs", HEAD "o\n0 18446744073709551616 60\n" KEY_A},
    {"2^64 - 1 epochs", HEAD "o\n0 18446744073709551615 60\n" KEY_A},
    {"too many epochs", HEAD "o\n0 16385 60\n" KEY_A},
    {"an epoch of nine digits", HEAD "o\n100000000 1 60\n" KEY_A},
    {"the end beyond eight digits", HEAD "o\n99999999 2 60\n" KEY_A KEY_B},
    {"a first epoch that wraps", HEAD "o\n18446744073709551615 1 60\n" KEY_A},
    {"too few keys", HEAD "o\n0 2 60\n" KEY_A},
    {"too many keys", HEAD "o\n0 1 60\n" KEY_A KEY_B},
    {"something behind", HEAD "o\n0 1 60\n" KEY_A "\n"},
    {"no LF at the end", HEAD "o\n0 1 60\nGlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY="},
    {"stray bits", HEAD "o\n0 1 60\nGlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNZ=\n"},
    {"base64url", HEAD "o\n0 1 60\nGlzZBxQ8OExB6DDFvOEqqIF-xWSaqr8sMTiLNbLXRNY=\n"},
    {"33 bytes", HEAD "o\n0 1 60\nARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n"},
};

static void a_list_reads_back_and_nothing_else_does(void **state)
{
    (void)state;
    static const char good[] = HEAD "prod/audit/node/1\n7 2 60\n" KEY_A KEY_B;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_list list = {0}, untouched = {.count = 77};
    rg_arena_init(&arena, 1 << 20);
    rg_buf_init(&out, 4096);
    assert_ok(audit_list_parse(rg_slice_of(good), &arena, &list));
    assert_slice(list.origin, "prod/audit/node/1");
    assert_true(list.first_epoch == 7 && list.count == 2 && list.epoch_seconds == 60);
    assert_int_equal(list.public_keys[0][0], 0x1a);
    assert_ok(audit_list_encode(&list, &out));
    assert_slice(rg_buf_slice(&out), good);
    for (size_t i = 0; i < sizeof bad_lists / sizeof bad_lists[0]; i++) {
        rg_status status = audit_list_parse(rg_slice_of(bad_lists[i].text), &arena, &untouched);
        if (rg_is_ok(status)) {
            fail_msg("accepted: %s", bad_lists[i].why);
        }
        assert_int_equal(status.error->kind, RG_PROTOCOL);
    }
    rg_arena_done(&arena);
    rg_arena_init(&arena, 63);
    assert_fails(RG_LIMIT, audit_list_parse(rg_slice_of(good), &arena, &untouched));
    assert_int_equal(untouched.count, 77);
    out.limit_bytes = sizeof good + 90;
    assert_fails(RG_LIMIT, audit_list_encode(&list, &out));
    assert_slice(rg_buf_slice(&out), good);
}

static void the_name_of_a_list_is_its_first_epoch(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "list-0000000.note",   "list-000000000.note", "list-0000000a.note", "list-00000000.not",
        "list-00000000.note~", "List-00000000.note",  "list.new",           "seed",
        "list- 0000000.note",  "list--0000001.note"};
    char name[AUDIT_LIST_NAME_SIZE];
    uint64_t epoch = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(audit_list_name_parse(rg_slice_of(bad[i]), &epoch));
    }
    assert_int_equal(epoch, 77);
    audit_list_name(8784, name);
    assert_string_equal(name, "list-00008784.note");
    assert_true(audit_list_name_parse(rg_slice_of(name), &epoch));
    assert_int_equal(epoch, 8784);
}

static void ids_that_are_equal_are_found(void **state)
{
    (void)state;
    uint32_t distinct[] = {5, 0, UINT32_MAX, 7, 1}, equal[] = {5, 0, UINT32_MAX, 7, 0};
    assert_true(audit_ids_are_distinct(distinct, 5));
    assert_false(audit_ids_are_distinct(equal, 5));
    assert_true(audit_ids_are_distinct(equal, 0));
    assert_true(audit_ids_are_distinct(equal, 1));
}

/* The chain as keys.h describes it, from outside: openssl's own HKDF. */
static void the_chain_is_hkdf_as_anybody_can_compute_it(void **state)
{
    (void)state;
    uint8_t seed[AUDIT_SEED_SIZE], out[AUDIT_SEED_SIZE];
    struct rg_digest wanted;
    memset(seed, 0x0b, sizeof seed);
    FILE *pipe = popen("openssl kdf -binary -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:"
                       "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
                       " -kdfopt info:rowgate/audit/seed HKDF",
                       "r");
    assert_int_equal(fread(wanted.bytes, 1, 32, pipe), 32);
    assert_int_equal(pclose(pipe), 0);
    assert_ok(audit_seed_next(seed, out));
    assert_memory_equal(out, wanted.bytes, sizeof out);
    pipe = popen("openssl kdf -binary -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:"
                 "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
                 " -kdfopt info:rowgate/audit/key HKDF",
                 "r");
    assert_int_equal(fread(wanted.bytes, 1, 32, pipe), 32);
    assert_int_equal(pclose(pipe), 0);
    assert_ok(audit_seed_key(seed, out));
    assert_memory_equal(out, wanted.bytes, sizeof out);
}

/* ---- what init makes ---- */

static void init_makes_files_that_others_can_check(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = {{"", 0700}, {"keys", 0700}, {"keys/seed", 0600}, {"keys/root.vkey", 0644}, {FIRST_LIST, 0644}};
    struct keys_world world;
    struct audit_file list;
    struct audit_note note;
    struct audit_vkey key;
    struct stat info;
    char path[128];
    keys_world_make(&world);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        keys_world_path(&world, files[i].name, path);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, files[i].mode);
    }
    (void)snprintf(path, sizeof path, "%.60s/root.key", world.dir.root);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0400);
    assert_slice(world.keys.origin, TEST_ORIGIN);
    assert_slice(world.keys.root.name, TEST_ORIGIN "/root");
    assert_false(world.keys.is_root_pinned);
    assert_true(world.keys.epoch_count == 32 && world.keys.epoch_seconds == 3600 && world.keys.list_count == 1);
    audit_file_load(&world.dir, FIRST_LIST, &list);
    assert_ok(audit_note_parse(rg_slice_make(list.bytes, list.size), &note));
    assert_true(audit_note_is_signed_by(&note, &world.keys.root));
    assert_ok(audit_keys_vkey(&world.keys, 31, &key));
    assert_slice(key.name, TEST_ORIGIN);
    key.id = 77;
    assert_fails(RG_LIMIT, audit_keys_vkey(&world.keys, 32, &key));
    assert_fails(RG_LIMIT, audit_keys_vkey(&world.keys, UINT64_MAX, &key));
    assert_int_equal(key.id, 77);
    /* R, by hand: leaves and nodes of RFC 6962 over 32 keys */
    struct rg_digest hashes[32];
    for (size_t i = 0; i < 32; i++) {
        const struct rg_slice parts[] = {{"\0", 1}, rg_slice_make(world.keys.public_keys[i], AUDIT_PUBLIC_SIZE)};
        hashes[i] = rg_sha256(parts, 2);
    }
    for (size_t width = 16; width > 0; width /= 2) {
        for (size_t i = 0; i < width; i++) {
            const struct rg_slice parts[] = {{"\1", 1}, rg_slice_make(hashes[2 * i].bytes, 64)};
            hashes[i] = rg_sha256(parts, 2);
        }
    }
    struct rg_digest root = audit_keys_genesis_root(&world.keys);
    assert_memory_equal(root.bytes, hashes[0].bytes, sizeof root.bytes);
    free(list.bytes);
    keys_world_remove(&world);
}

static void load_tells_a_pinned_root_from_a_believed_one(void **state)
{
    (void)state;
    struct keys_world world, other;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys keys = {.epoch_count = 77};
    char path[128];
    rg_arena_init(&arena, AUDIT_KEYS_ARENA);
    keys_world_make(&world);
    keys_world_make(&other); /* the same origin, another root */
    struct audit_vkey pinned = world.keys.root;
    assert_fails(RG_PROTOCOL, audit_keys_load(world.directory_fd, &other.keys.root, &arena, &keys));
    assert_int_equal(keys.epoch_count, 77);
    keys_world_path(&world, "keys/root.vkey", path);
    assert_int_equal(unlink(path), 0); /* who pins does not need the directory's copy */
    assert_ok(audit_keys_load(world.directory_fd, &pinned, &arena, &keys));
    assert_true(keys.is_root_pinned);
    assert_int_equal(keys.epoch_count, 32);
    keys.epoch_count = 77;
    assert_fails(RG_STORAGE, audit_keys_load(world.directory_fd, NULL, &arena, &keys));
    assert_int_equal(keys.epoch_count, 77);
    keys_world_remove(&other);
    keys_world_remove(&world);
}

static void assert_load_fails(const struct keys_world *world, enum rg_kind kind, const char *word)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys keys = {.epoch_count = 77};
    rg_arena_init(&arena, AUDIT_KEYS_ARENA);
    rg_status status = audit_keys_load(world->directory_fd, NULL, &arena, &keys);
    assert_false(rg_is_ok(status));
    if (strstr(status.error->text, word) == NULL || status.error->kind != kind) {
        fail_msg("%s \"%s\", expected %s with \"%s\"", rg_kind_info(status.error->kind)->name, status.error->text,
                 rg_kind_info(kind)->name, word);
    }
    assert_int_equal(keys.epoch_count, 77);
}

static void load_refuses_what_is_absent_or_no_file(void **state)
{
    (void)state;
    struct keys_world world;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys keys;
    char path[128], moved[128];
    rg_arena_init(&arena, 100);
    keys_world_make(&world);
    assert_fails(RG_LIMIT, audit_keys_load(world.directory_fd, NULL, &arena, &keys));
    keys_world_path(&world, FIRST_LIST, path);
    keys_world_path(&world, "keys/away", moved);
    assert_int_equal(rename(path, moved), 0);
    assert_load_fails(&world, RG_STORAGE, "rowgate audit keys init");
    assert_int_equal(symlink("away", path), 0);
    assert_load_fails(&world, RG_STORAGE, FIRST_LIST);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_load_fails(&world, RG_STORAGE, "not a regular file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_load_fails(&world, RG_STORAGE, "not a regular file");
    assert_int_equal(unlink(path), 0);
    audit_file_write(path, "", 0);
    assert_load_fails(&world, RG_PROTOCOL, FIRST_LIST);
    assert_int_equal(truncate(path, 2000000), 0);
    assert_load_fails(&world, RG_PROTOCOL, "more than 1000000 bytes");
    assert_int_equal(rename(moved, path), 0);
    keys_world_path(&world, "keys/root.vkey", path);
    audit_file_write(path, "a+b+c\n", 6);
    assert_load_fails(&world, RG_PROTOCOL, "keys/root.vkey");
    audit_file_write(path, "", 0);
    assert_load_fails(&world, RG_PROTOCOL, "not one line");
    keys_world_path(&world, "keys", path);
    keys_world_path(&world, "gone", moved);
    assert_int_equal(rename(path, moved), 0);
    assert_load_fails(&world, RG_STORAGE, "rowgate audit keys init");
    assert_int_equal(symlink("gone", path), 0);
    assert_load_fails(&world, RG_STORAGE, "keys/");
    keys_world_remove(&world);
}

static void every_flipped_byte_of_a_list_is_refused(void **state)
{
    (void)state;
    struct keys_world world;
    struct audit_file list;
    keys_world_make(&world);
    audit_file_load(&world.dir, FIRST_LIST, &list);
    for (size_t at = 0; at < list.size; at += at % 5 + 3) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct audit_keys keys;
        rg_arena_init(&arena, AUDIT_KEYS_ARENA);
        audit_file_poke(&list, at, (char)(list.bytes[at] ^ 1));
        assert_fails(RG_PROTOCOL, audit_keys_load(world.directory_fd, NULL, &arena, &keys));
        audit_file_poke(&list, at, list.bytes[at]);
    }
    free(list.bytes);
    keys_world_remove(&world);
}

/* ---- lists that the root did sign, and that are wrong all the same ---- */

static void load_root_seed(const struct keys_world *world, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    char path[128];
    struct rg_secret *pem = NULL;
    (void)snprintf(path, sizeof path, "%.60s/root.key", world->dir.root);
    assert_ok(rg_secret_load_file(rg_slice_of(path), (struct rg_slice){NULL, 0}, &pem));
    assert_ok(rg_sign_pem_parse(rg_secret_slice(pem), out_seed));
    rg_secret_free(&pem);
}

static void put_signed_list(const struct keys_world *world, const char *name, const struct audit_list *list)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    char path[128];
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    rg_buf_init(&text, AUDIT_NOTE_MAX);
    rg_buf_init(&note, AUDIT_NOTE_MAX);
    load_root_seed(world, seed);
    assert_ok(audit_list_encode(list, &text));
    assert_ok(audit_note_sign(rg_buf_slice(&text), &world->keys.root, seed, &note));
    keys_world_path(world, name, path);
    audit_file_write(path, rg_buf_slice(&note).data, rg_buf_size(&note));
}

static void load_refuses_signed_lists_in_the_wrong_place(void **state)
{
    (void)state;
    struct keys_world world;
    char path[128];
    uint8_t keys[4][AUDIT_PUBLIC_SIZE] = {{1}, {2}, {3}, {4}};
    struct audit_list list = {
        .origin = RG_SLICE(TEST_ORIGIN), .first_epoch = 5, .count = 4, .epoch_seconds = 60, .public_keys = keys};
    keys_world_make(&world);
    put_signed_list(&world, "keys/list-00000005.note", &list);
    keys_world_load(&world); /* takes over from epoch 5 on, and ends earlier */
    assert_true(world.keys.list_count == 2 && world.keys.epoch_count == 9 && world.keys.epoch_seconds == 60);
    assert_int_equal(world.keys.public_keys[5][0], 1);
    struct rg_digest genesis = audit_keys_genesis_root(&world.keys); /* of the first list, always */
    assert_memory_equal(genesis.bytes, world.keys.lists[0].root.bytes, sizeof genesis.bytes);
    keys_world_path(&world, "keys/list-00000005.note", path);
    list.first_epoch = 6;
    put_signed_list(&world, "keys/list-00000005.note", &list);
    assert_load_fails(&world, RG_PROTOCOL, "begins at epoch 6");
    list.first_epoch = 5;
    list.origin = RG_SLICE("other/audit/node/1");
    put_signed_list(&world, "keys/list-00000005.note", &list);
    assert_load_fails(&world, RG_PROTOCOL, "another log");
    assert_int_equal(unlink(path), 0);
    list.origin = RG_SLICE(TEST_ORIGIN);
    list.first_epoch = 33; /* a gap: the first list ends at 32 */
    put_signed_list(&world, "keys/list-00000033.note", &list);
    assert_load_fails(&world, RG_PROTOCOL, "end at 32");
    keys_world_path(&world, "keys/list-00000033.note", path);
    assert_int_equal(unlink(path), 0);
    list.first_epoch = 32; /* exactly at the end is fine */
    put_signed_list(&world, "keys/list-00000032.note", &list);
    keys_world_load(&world);
    assert_int_equal(world.keys.epoch_count, 36);
    memcpy(keys[3], world.keys.public_keys[0], AUDIT_PUBLIC_SIZE);
    put_signed_list(&world, "keys/list-00000032.note", &list);
    assert_load_fails(&world, RG_PROTOCOL, "the same id"); /* one key for two epochs */
    keys_world_path(&world, FIRST_LIST, path);
    assert_int_equal(unlink(path), 0);
    assert_load_fails(&world, RG_PROTOCOL, "end at 0"); /* the first list must be there */
    keys_world_remove(&world);
}

struct candidate {
    uint32_t id;
    uint32_t number;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

static void key_of_number(uint32_t number, uint8_t out_key[AUDIT_PUBLIC_SIZE])
{
    memset(out_key, 0, AUDIT_PUBLIC_SIZE);
    memcpy(out_key, &number, sizeof number);
}

/* Different keys whose four-byte ids meet: a birthday among 300,000 makes some ten. */
static void load_refuses_two_keys_with_one_id(void **state)
{
    (void)state;
    enum { COUNT = 300000 };
    struct keys_world world;
    uint8_t keys[2][AUDIT_PUBLIC_SIZE];
    struct candidate *candidates = calloc(COUNT, sizeof *candidates);
    bool is_found = false;
    keys_world_make(&world);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct audit_vkey key;
        key_of_number(i, keys[0]);
        assert_ok(audit_vkey_make(RG_SLICE(TEST_ORIGIN), keys[0], &key));
        candidates[i] = (struct candidate){key.id, i};
    }
    qsort(candidates, COUNT, sizeof *candidates, compare_candidates);
    for (uint32_t i = 1; i < COUNT && !is_found; i++) {
        is_found = candidates[i].id == candidates[i - 1].id;
        key_of_number(candidates[i - 1].number, keys[0]);
        key_of_number(candidates[i].number, keys[1]);
    }
    assert_true(is_found);
    struct audit_list list = {
        .origin = RG_SLICE(TEST_ORIGIN), .first_epoch = 32, .count = 2, .epoch_seconds = 60, .public_keys = keys};
    put_signed_list(&world, "keys/list-00000032.note", &list);
    assert_load_fails(&world, RG_PROTOCOL, "the same id");
    list.count = 1; /* either of them alone is fine */
    put_signed_list(&world, "keys/list-00000032.note", &list);
    keys_world_load(&world);
    free(candidates);
    keys_world_remove(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_reads_back_and_nothing_else_does),
        cmocka_unit_test(the_name_of_a_list_is_its_first_epoch),
        cmocka_unit_test(ids_that_are_equal_are_found),
        cmocka_unit_test(the_chain_is_hkdf_as_anybody_can_compute_it),
        cmocka_unit_test(init_makes_files_that_others_can_check),
        cmocka_unit_test(load_tells_a_pinned_root_from_a_believed_one),
        cmocka_unit_test(load_refuses_what_is_absent_or_no_file),
        cmocka_unit_test(every_flipped_byte_of_a_list_is_refused),
        cmocka_unit_test(load_refuses_signed_lists_in_the_wrong_place),
        cmocka_unit_test(load_refuses_two_keys_with_one_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
