/* SPDX-License-Identifier: Apache-2.0 */
/* A witness whose disk fails, one that meets the keys of epochs, and what verify makes of cosignatures. The protocol
 * itself is tested end to end, tests/e2e/test_witness.py. */
#include "audit/witness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "audit/keys_private.h"
#include "audit/witness/quorum.h"
#include "base/rg_memory.h"
#include "tests/support/audit_dir.h"
#include "tests/support/failing_store.h"

enum { EPOCHS = 3, LEAVES = 40 };

#define ORIGIN "test/audit/node/1"

/* A log of numbers, its keys, and a witness that is opened again and again. */
struct world {
    struct audit_dir dir;
    int fd;
    struct failing failing;
    struct audit_store store;
    struct audit_cosigner cosigner;
    uint8_t witness_seed[AUDIT_SEED_SIZE];
    uint8_t root_seed[AUDIT_SEED_SIZE];
    struct audit_vkey root;
    uint8_t epoch_seeds[EPOCHS][AUDIT_SEED_SIZE];
    struct audit_vkey epochs[EPOCHS];
    struct rg_digest leaves[LEAVES];
    struct witness *witness;
    struct rg_buf answer;
};

static int64_t wall(void *context)
{
    (void)context;
    return INT64_C(1763827929) * 1000000;
}

static const struct rg_clock clock_of_test = {.wall_us = wall, .monotonic_us = wall};

static struct audit_vkey make_key(const char *name, uint8_t first, uint8_t seed[AUDIT_SEED_SIZE])
{
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    struct audit_vkey key;
    memset(seed, 0, AUDIT_SEED_SIZE);
    seed[0] = first;
    assert_ok(audit_seed_public(seed, public_key));
    assert_ok(audit_vkey_make(rg_slice_of(name), public_key, &key));
    return key;
}

static rg_status open_witness(struct world *world)
{
    const struct witness_trust trust = {.key = world->root};
    const struct witness_options options = {.directory_fd = world->fd,
                                            .store = &world->store,
                                            .clock = &clock_of_test,
                                            .cosigner = &world->cosigner,
                                            .seed = world->witness_seed,
                                            .trusts = &trust,
                                            .trust_count = 1};
    witness_close(&world->witness);
    return witness_open(&options, &world->witness);
}

static void set_up(struct world *world)
{
    struct audit_vkey key;
    memset(world, 0, sizeof *world);
    audit_dir_make_bare(&world->dir);
    assert_int_equal(mkdir(world->dir.path, S_IRWXU), 0);
    world->fd = open(world->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world->failing.files = audit_store_files();
    world->failing.error = EIO;
    world->store = failing_store(&world->failing);
    key = make_key("witness.example/w1", 9, world->witness_seed);
    assert_ok(audit_cosigner_make(key.name, key.public_key, &world->cosigner));
    world->root = make_key(ORIGIN "/root", 1, world->root_seed);
    for (unsigned i = 0; i < EPOCHS; i++) {
        world->epochs[i] = make_key(ORIGIN, (uint8_t)(20 + i), world->epoch_seeds[i]);
    }
    for (unsigned i = 0; i < LEAVES; i++) {
        world->leaves[i] = rg_sha256_one(rg_slice_make(&i, sizeof i));
    }
    rg_buf_init(&world->answer, WITNESS_ANSWER_MAX);
    assert_ok(open_witness(world));
}

static void tear_down(struct world *world)
{
    witness_close(&world->witness);
    rg_buf_done(&world->answer);
    close(world->fd);
    audit_dir_remove(&world->dir);
}

static int ask(struct world *world, const char *path, struct rg_slice body)
{
    const struct witness_request request = {.method = RG_SLICE("POST"), .path = rg_slice_of(path), .body = body};
    struct witness_answer answer = {.body = &world->answer};
    rg_buf_clear(&world->answer);
    witness_handle(world->witness, &request, &answer);
    return answer.status;
}

static int add_list(struct world *world, uint64_t first, uint64_t count, const uint8_t *root_seed)
{
    uint8_t keys[EPOCHS][AUDIT_PUBLIC_SIZE];
    struct audit_list list = {.origin = RG_SLICE(ORIGIN), .first_epoch = first, .count = count, .epoch_seconds = 3600};
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    for (unsigned i = 0; i < count; i++) {
        memcpy(keys[i], world->epochs[first + i].public_key, AUDIT_PUBLIC_SIZE);
    }
    list.public_keys = keys;
    rg_buf_init(&text, AUDIT_NOTE_MAX);
    rg_buf_init(&note, AUDIT_NOTE_MAX);
    assert_ok(audit_list_encode(&list, &text));
    assert_ok(audit_note_sign(rg_buf_slice(&text), &world->root, root_seed, &note));
    return ask(world, "/add-keys", rg_buf_slice(&note));
}

static rg_status get_hash(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    const struct world *world = context;
    *out_hash = audit_tree_root_of(&world->leaves[index << level], (size_t)1 << level);
    return RG_OK;
}

static void sign(const struct world *world, uint64_t size, unsigned epoch, struct rg_buf *out)
{
    const struct audit_checkpoint checkpoint = {
        .origin = RG_SLICE(ORIGIN), .size = size, .root = audit_tree_root_of(world->leaves, (size_t)size)};
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, AUDIT_NOTE_MAX);
    assert_ok(audit_checkpoint_encode(&checkpoint, &text));
    assert_ok(audit_note_sign(rg_buf_slice(&text), &world->epochs[epoch], world->epoch_seeds[epoch], out));
}

static int submit(struct world *world, uint64_t old_size, uint64_t size, unsigned epoch)
{
    const struct audit_tree_source source = {get_hash, world};
    struct rg_digest *proof = NULL;
    size_t count = 0;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    RG_AUTO(rg_buf_done) struct rg_buf body;
    rg_arena_init(&arena, 65536);
    rg_buf_init(&note, AUDIT_NOTE_MAX);
    rg_buf_init(&body, AUDIT_NOTE_MAX);
    sign(world, size, epoch, &note);
    if (old_size > 0 && old_size < size) {
        assert_ok(audit_tree_prove_consistency(&source, old_size, size, &arena, &proof, &count));
    }
    assert_ok(witness_submission_encode(old_size, proof, count, rg_buf_slice(&note), &body));
    return ask(world, "/add-checkpoint", rg_buf_slice(&body));
}

static void the_keys_of_epochs_are_believed_when_the_root_signed_them(void **state)
{
    (void)state;
    struct world world;
    uint8_t thief[AUDIT_SEED_SIZE] = {77};
    set_up(&world);
    assert_int_equal(submit(&world, 0, 5, 0), 403); /* no keys yet */
    assert_int_equal(add_list(&world, 0, 2, thief), 403);
    assert_int_equal(submit(&world, 0, 5, 0), 403);
    assert_int_equal(add_list(&world, 0, 2, world.root_seed), 200);
    assert_int_equal(add_list(&world, 0, 2, world.root_seed), 200); /* the same again */
    assert_int_equal(add_list(&world, 0, 1, world.root_seed), 409); /* another of that epoch */
    assert_int_equal(submit(&world, 0, 5, 0), 200);
    assert_int_equal(submit(&world, 5, 9, 2), 403); /* not listed */
    assert_int_equal(add_list(&world, 2, 1, world.root_seed), 200);
    assert_int_equal(submit(&world, 5, 9, 2), 200);
    assert_int_equal(ask(&world, "/add-keys", RG_SLICE("")), 404);
    assert_int_equal(ask(&world, "/add-keys", RG_SLICE("rowgate/audit/keys/v1\n" ORIGIN "\n")), 400);
    tear_down(&world);
}

static void a_key_of_an_epoch_that_ended_signs_nothing_any_more(void **state)
{
    (void)state;
    struct world world;
    set_up(&world);
    assert_int_equal(add_list(&world, 0, 3, world.root_seed), 200);
    assert_int_equal(submit(&world, 0, 5, 1), 200);
    assert_int_equal(submit(&world, 5, 9, 0), 403);
    assert_int_equal(submit(&world, 5, 5, 0), 403);
    assert_ok(open_witness(&world)); /* also after a restart */
    assert_int_equal(submit(&world, 5, 9, 0), 403);
    assert_int_equal(submit(&world, 5, 9, 2), 200);
    tear_down(&world);
}

/* Whatever call fails: no cosignature without the state on the disk; and what was cosigned is known afterwards. */
static void no_cosignature_leaves_before_the_state_is_durable(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (int at = 1;; at++) {
        struct world world;
        set_up(&world);
        assert_int_equal(add_list(&world, 0, 3, world.root_seed), 200);
        assert_int_equal(submit(&world, 0, 5, 0), 200);
        world.failing.calls = 0;
        world.failing.fail_at = at;
        int status = submit(&world, 5, 9, 0);
        int calls = world.failing.calls;
        world.failing.fail_at = 0;
        if (status != 200) {
            assert_int_equal(status, 500);
            assert_null(memmem(rg_buf_slice(&world.answer).data, rg_buf_size(&world.answer), "\xe2\x80\x94", 3));
            refused++;
            assert_ok(open_witness(&world)); /* one or the other, whole */
            int again = submit(&world, 5, 9, 0);
            assert_true(again == 200 || again == 409);
        } else {
            assert_ok(open_witness(&world));
            assert_int_equal(submit(&world, 5, 10, 0), 409);
        }
        tear_down(&world);
        if (calls < at) {
            break;
        }
    }
    assert_true(refused >= 4); /* open, write, sync, rename, sync of the directory */
}

static void without_its_lists_or_with_half_a_checkpoint_it_does_not_open(void **state)
{
    (void)state;
    struct world world;
    char command[600];
    set_up(&world);
    assert_int_equal(add_list(&world, 0, 3, world.root_seed), 200);
    assert_int_equal(submit(&world, 0, 5, 0), 200);
    (void)snprintf(command, sizeof command, "cd %s && mv *.list-00000000 kept", world.dir.path);
    assert_int_equal(system(command), 0);
    assert_fails(RG_STORAGE, open_witness(&world));
    (void)snprintf(command, sizeof command, "cd %s && mv kept $(basename *.checkpoint .checkpoint).list-00000000",
                   world.dir.path);
    assert_int_equal(system(command), 0);
    assert_ok(open_witness(&world));
    assert_int_equal(submit(&world, 5, 9, 0), 200);
    (void)snprintf(command, sizeof command, "cd %s && truncate -s 60 *.checkpoint", world.dir.path);
    assert_int_equal(system(command), 0);
    assert_fails(RG_STORAGE, open_witness(&world));
    assert_null(world.witness);
    tear_down(&world);
}

/* ---- cosignatures and verify's policy ---- */

static void cosigned_note(const struct world *world, uint64_t size, uint64_t time_s, struct rg_buf *out)
{
    struct audit_note note;
    rg_buf_clear(out);
    sign(world, size, 0, out);
    RG_AUTO(rg_buf_done) struct rg_buf copy;
    rg_buf_init(&copy, AUDIT_NOTE_MAX);
    assert_ok(rg_buf_put(&copy, rg_buf_slice(out)));
    assert_ok(audit_note_parse(rg_buf_slice(&copy), &note));
    assert_ok(audit_cosign(note.text, &world->cosigner, world->witness_seed, time_s, out));
}

static void every_flipped_bit_of_a_cosignature_is_noticed(void **state)
{
    (void)state;
    struct world world;
    uint64_t time_s = 0;
    struct audit_note note;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, AUDIT_NOTE_MAX);
    set_up(&world);
    cosigned_note(&world, 5, 1679315147, &out);
    assert_ok(audit_note_parse(rg_buf_slice(&out), &note));
    assert_true(audit_note_is_cosigned_by(&note, &world.cosigner, &time_s));
    assert_int_equal(time_s, 1679315147);
    assert_true(audit_note_is_signed_by(&note, &world.epochs[0])); /* who does not know witnesses passes over it */
    char *bytes = rg_memory_alloc(rg_buf_size(&out));
    size_t size = rg_buf_size(&out);
    memcpy(bytes, rg_buf_slice(&out).data, size);
    const char *own = memmem(bytes, size, "\xe2\x80\x94 " ORIGIN, sizeof ORIGIN + 3);
    const char *other = memmem(bytes, size, "\xe2\x80\x94 witness", 11);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        const char *at = bytes + bit / 8;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        bool is_elsewhere = at >= own - 1 && at < other; /* the log's own signature: not what the witness signed */
        if (!is_elsewhere && rg_is_ok(audit_note_parse(rg_slice_make(bytes, size), &note))) {
            assert_false(audit_note_is_cosigned_by(&note, &world.cosigner, &time_s));
        }
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    rg_memory_free(bytes);
    rg_buf_clear(&out);
    assert_fails(RG_LIMIT, audit_cosign(RG_SLICE("a\n"), &world.cosigner, world.witness_seed, UINT64_MAX, &out));
    assert_int_equal(rg_buf_size(&out), 0);
    tear_down(&world);
}

static void what_was_cosigned_long_before_the_end_is_stale(void **state)
{
    (void)state;
    static const struct {
        uint64_t signed_size;
        int64_t signed_s;
        enum audit_result result;
    } rows[] = {{5, 2000000, AUDIT_INTACT}, {9, 1000300, AUDIT_INTACT}, {9, 1000301, AUDIT_STALE}};
    struct world world;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_buf_init(&out, AUDIT_NOTE_MAX);
    rg_arena_init(&arena, 65536);
    set_up(&world);
    const struct quorum_policy policy = {&world.cosigner, 1, 1};
    cosigned_note(&world, 5, 1000000, &out);
    struct audit_kept *kept = rg_memory_array(QUORUM_NOTES_MAX, sizeof *kept);
    size_t count = 0;
    assert_ok(quorum_add(&policy, RG_SLICE("kept"), rg_buf_slice(&out), kept, &count));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_report report = {
            .result = AUDIT_INTACT, .signed_size = rows[i].signed_size, .signed_hlc_us = rows[i].signed_s * 1000000};
        assert_ok(quorum_judge(&policy, kept, count, &arena, &report));
        assert_int_equal(report.result, rows[i].result);
    }
    struct audit_report report = {.result = AUDIT_INTACT, .signed_size = 5};
    assert_ok(quorum_judge(&policy, kept, 0, &arena, &report));
    assert_int_equal(report.result, AUDIT_INCOMPLETE);
    assert_fails(RG_PROTOCOL, quorum_add(&policy, RG_SLICE("none"), RG_SLICE("nothing"), kept, &count));
    assert_int_equal(count, 1);
    rg_memory_free(kept);
    tear_down(&world);
}

static void keys_of_logs_and_of_witnesses_are_not_taken_for_each_other(void **state)
{
    (void)state;
    struct world world;
    struct audit_vkey key = {.id = 5};
    struct audit_cosigner cosigner = {.key.id = 5};
    RG_AUTO(rg_buf_done) struct rg_buf log_line;
    RG_AUTO(rg_buf_done) struct rg_buf witness_line;
    rg_buf_init(&log_line, AUDIT_VKEY_SIZE);
    rg_buf_init(&witness_line, AUDIT_VKEY_SIZE);
    set_up(&world);
    assert_ok(audit_vkey_encode(&world.root, &log_line));
    assert_ok(audit_cosigner_encode(&world.cosigner, &witness_line));
    assert_fails(RG_PROTOCOL, audit_cosigner_parse(rg_buf_slice(&log_line), &cosigner));
    assert_fails(RG_PROTOCOL, audit_vkey_parse(rg_buf_slice(&witness_line), &key));
    assert_true(key.id == 5 && cosigner.key.id == 5);
    assert_ok(audit_cosigner_parse(rg_buf_slice(&witness_line), &cosigner));
    assert_int_equal(cosigner.key.id, world.cosigner.key.id);
    uint8_t nothing[AUDIT_PUBLIC_SIZE] = {0};
    assert_fails(RG_LIMIT, audit_cosigner_make(RG_SLICE("a b"), nothing, &cosigner));
    tear_down(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_of_epochs_are_believed_when_the_root_signed_them),
        cmocka_unit_test(a_key_of_an_epoch_that_ended_signs_nothing_any_more),
        cmocka_unit_test(no_cosignature_leaves_before_the_state_is_durable),
        cmocka_unit_test(without_its_lists_or_with_half_a_checkpoint_it_does_not_open),
        cmocka_unit_test(every_flipped_bit_of_a_cosignature_is_noticed),
        cmocka_unit_test(what_was_cosigned_long_before_the_end_is_stale),
        cmocka_unit_test(keys_of_logs_and_of_witnesses_are_not_taken_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
