/* SPDX-License-Identifier: Apache-2.0 */
/* The public half, and making keys: what a verifier refuses to believe, and that nothing half-made stays whatever
 * happens while keys are made. */
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

/* ---- making, when things go wrong ---- */

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
