/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs in a tree of 100 million records, from a directory that has just the tiles and the line that are needed: all
 * other leaves are the same. How large, how fast, how many tiles; and numbers up to the last that a record can have. */
#include "base/rg_clock.h"
#include "tests/support/audit_trail_world.h"

enum { LEVELS = 60 };

struct large {
    struct history history;
    uint64_t size;
    uint64_t seq;
    struct rg_digest same[LEVELS]; /* roots of 2^l leaves that are all the same */
    struct rg_digest path[LEVELS]; /* of those over record seq */
};

static rg_status get(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    const struct large *large = context;
    *out_hash = index == large->seq >> level ? large->path[level] : large->same[level];
    return RG_OK;
}

static void write_tile(struct large *large, unsigned level, uint64_t index)
{
    struct rg_digest hashes[AUDIT_TILE_WIDTH];
    uint64_t nodes = large->size >> 8 * level;
    unsigned width = 0;
    while (width < AUDIT_TILE_WIDTH && index * AUDIT_TILE_WIDTH + width < nodes) {
        assert_ok(get(large, 8 * level, index * AUDIT_TILE_WIDTH + width, &hashes[width]));
        width++;
    }
    if (width > 0) {
        assert_ok(history_put_tile(&large->history, level, index, hashes, width));
    }
}

static struct rg_digest root_of(struct large *large)
{
    struct audit_tree tree = {0};
    uint64_t at = 0;
    while (at < large->size) {
        struct rg_digest hash = {{0}};
        unsigned level = 63U - (unsigned)__builtin_clzll(large->size - at);
        assert_ok(get(large, level, at >> level, &hash));
        audit_tree_append_node(&tree, level, &hash);
        at += (uint64_t)1 << level;
    }
    return audit_tree_root(&tree);
}

static void sign(struct large *large)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    const struct audit_checkpoint checkpoint = {
        .origin = rg_slice_of(large->history.origin), .size = large->size, .root = root_of(large)};
    rg_buf_init(&text, 4096);
    rg_buf_init(&note, 4096);
    assert_ok(audit_checkpoint_encode(&checkpoint, &text));
    history_sign(large->history.origin, large->history.key_set, 0, rg_buf_slice(&text), &note);
    history_write(&large->history, "head.note", rg_buf_slice(&note).data, rg_buf_size(&note));
}

static void begin(struct large *large, uint64_t size, uint64_t seq)
{
    *large = (struct large){.history = history_blank(), .size = size, .seq = seq};
    char path[192];
    history_begin(&large->history);
    (void)close(large->history.segment_fd);
    (void)snprintf(path, sizeof path, "%s/seg/%016d.jsonl", large->history.path, 0);
    assert_int_equal(unlink(path), 0);
    large->history.chain.next_seq = seq;
    history_open_segment(&large->history);
    history_new_boot(&large->history);
    history_statement(&large->history, "acme", 1, "combined");
    large->path[0] = large->history.chain.prev;
    large->same[0] = rg_sha256_one(RG_SLICE("any record"));
    for (unsigned level = 0; level + 1 < LEVELS; level++) {
        bool is_right = (seq >> level & 1) != 0;
        large->same[level + 1] = audit_tree_node(&large->same[level], &large->same[level]);
        large->path[level + 1] = is_right ? audit_tree_node(&large->same[level], &large->path[level])
                                          : audit_tree_node(&large->path[level], &large->same[level]);
    }
    history_directory(&large->history, "tile");
    for (unsigned level = 0; level < AUDIT_TILE_LEVELS && size >> 8 * level > 0; level++) {
        memset(large->history.partials, 0, sizeof large->history.partials); /* leave those of other places alone */
        write_tile(large, level, seq >> (8 * level + 8));
        write_tile(large, level, ((size >> 8 * level) - 1) / AUDIT_TILE_WIDTH);
    }
    sign(large);
}

static void end(struct large *large)
{
    history_end(&large->history);
    history_remove(&large->history);
}

/* Bytes of the file without the record's line. */
static size_t prove(struct large *large, int64_t *out_us)
{
    RG_AUTO(rg_buf_done) struct rg_buf file;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_trail_made made = {0};
    struct audit_trail_report report = {0};
    struct audit_keys keys = {0};
    struct audit_vkey root;
    rg_buf_init(&file, WORLD_FILE_MAX);
    rg_arena_init(&arena, WORLD_ARENA);
    int64_t before = rg_clock_monotonic_us(rg_clock_system());
    assert_ok(world_try_prove(&large->history, large->seq, false, &file, &made));
    *out_us = rg_clock_monotonic_us(rg_clock_system()) - before;
    RG_AUTO(audit_fd_done) int fd = open(large->history.path, O_RDONLY | O_DIRECTORY);
    history_root_key(&large->history, &root);
    assert_ok(audit_keys_load(fd, &root, &arena, &keys));
    struct rg_slice rest = rg_buf_slice(&file);
    const struct audit_trail_source source = {.next = audit_trail_read_bytes, .context = &rest};
    const struct audit_trail_check check = {.source = &source, .root = &root, .keys = &keys};
    assert_ok(audit_trail_verify(&check, &arena, &report));
    if (report.result != AUDIT_INTACT) {
        fail_msg("%.*s", (int)report.reason.size, report.reason.data);
    }
    assert_int_equal(report.first_seq, large->seq);
    assert_int_equal(report.checkpoint_size, large->size);
    struct world_lines lines = world_split(rg_buf_slice(&file));
    size_t record = lines.items[world_record(&lines, 0)].size + 1;
    world_lines_done(&lines);
    return rg_buf_size(&file) - record;
}

static void is_small_at_a_hundred_million_records(void **state)
{
    const uint64_t size = 100000000;
    const uint64_t seqs[] = {0,        1,        255,      256,      65535,    49999999,
                             67108863, 67108864, 99999743, 99999744, 99999998, 99999999};
    size_t largest = 0;
    int64_t slowest = 0;
    (void)state;
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        struct large large;
        int64_t us = 0;
        begin(&large, size, seqs[i]);
        size_t bytes = prove(&large, &us);
        largest = bytes > largest ? bytes : largest;
        slowest = us > slowest ? us : slowest;
        end(&large);
    }
    print_message("largest %zu bytes beside the record, slowest %lld us\n", largest, (long long)slowest);
    assert_true(largest <= 2500);
    assert_true(slowest < 1000000); /* 10 ms without sanitizers; this machine may be busy */
}

static void proves_the_last_record_that_can_be_numbered(void **state)
{
    const uint64_t size = UINT64_C(10000000000000000);
    const uint64_t seqs[] = {0, 9007199254740993, size - 1};
    (void)state;
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        struct large large;
        int64_t us = 0;
        begin(&large, size, seqs[i]);
        assert_true(prove(&large, &us) < 4000);
        end(&large);
    }
}

static void makes_none_when_a_tile_is_of_another_tree(void **state)
{
    struct large large;
    RG_AUTO(rg_buf_done) struct rg_buf file;
    struct audit_trail_made made = {0};
    (void)state;
    rg_buf_init(&file, WORLD_FILE_MAX);
    begin(&large, 100000000, 12345678);
    large.same[8] = large.same[9];
    write_tile(&large, 1, large.seq >> 16);
    assert_fails(RG_STORAGE, world_try_prove(&large.history, large.seq, false, &file, &made));
    end(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_small_at_a_hundred_million_records),
        cmocka_unit_test(proves_the_last_record_that_can_be_numbered),
        cmocka_unit_test(makes_none_when_a_tile_is_of_another_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
