/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: names as C2SP tlog-tiles writes them; the collected hashes are those of the tree, at every size; a sink that
 * fails at any call loses nothing. */
#include "audit/tree.h"

#include <stdio.h>

#include "base/rg_memory.h"
#include "tests/support/rg_test.h"

enum { STORE_TILES = 600, MANY = 2 * 65536 + 300 };

struct kept_tile {
    unsigned level;
    uint64_t index;
    unsigned width;
    struct rg_digest hashes[AUDIT_TILE_WIDTH];
};

struct kept {
    struct kept_tile *tiles;
    size_t count;
    size_t calls;
    size_t fails_at; /* the n-th call fails; 0 = none */
};

static rg_status keep(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes, unsigned width)
{
    struct kept *kept = context;
    kept->calls++;
    if (kept->calls == kept->fails_at) {
        return rg_fail(RG_STORAGE, "disk full");
    }
    assert_true(kept->count < STORE_TILES && width >= 1 && width <= AUDIT_TILE_WIDTH);
    struct kept_tile *tile = &kept->tiles[kept->count];
    tile->level = level;
    tile->index = index;
    tile->width = width;
    memcpy(tile->hashes, hashes, width * sizeof *hashes);
    kept->count++;
    return RG_OK;
}

static struct rg_digest leaf_of(uint64_t number)
{
    return rg_sha256_one(rg_slice_make(&number, sizeof number));
}

static const struct {
    unsigned level;
    uint64_t index;
    unsigned width;
    const char *path;
} paths[] = {
    {0, 0, 256, "tile/0/000"},
    {0, 0, 5, "tile/0/000.p/5"},
    {0, 999, 255, "tile/0/999.p/255"},
    {0, 1000, 256, "tile/0/x001/000"},
    {0, 1234067, 256, "tile/0/x001/x234/067"}, /* the example of tlog-tiles */
    {3, 1234067, 1, "tile/3/x001/x234/067.p/1"},
    {7, 256, 256, "tile/7/256"},
    {63, UINT64_MAX, 255, "tile/63/x018/x446/x744/x073/x709/x551/615.p/255"},
};

static void names_tiles_as_the_specification_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char path[AUDIT_TILE_PATH_SIZE];
        audit_tile_path(paths[i].level, paths[i].index, paths[i].width, path);
        assert_string_equal(path, paths[i].path);
    }
}

/* Feeds the hashes of level-0 tiles as leaves, those above are compared with the roots of the tiles below. */
static struct rg_digest root_of_kept(const struct kept *kept)
{
    struct audit_tree tree = {0};
    for (size_t i = 0; i < kept->count; i++) {
        const struct kept_tile *tile = &kept->tiles[i];
        for (unsigned j = 0; tile->level == 0 && j < tile->width; j++) {
            assert_true(tree.size == tile->index * AUDIT_TILE_WIDTH + j);
            audit_tree_append(&tree, &tile->hashes[j]);
        }
    }
    return audit_tree_root(&tree);
}

static const struct kept_tile *find(const struct kept *kept, unsigned level, uint64_t index)
{
    for (size_t i = 0; i < kept->count; i++) {
        if (kept->tiles[i].level == level && kept->tiles[i].index == index) {
            return &kept->tiles[i];
        }
    }
    fail_msg("tile %u/%llu is missing", level, (unsigned long long)index);
    static const struct kept_tile none;
    return &none;
}

static void assert_upper_levels_hold(const struct kept *kept, uint64_t size)
{
    for (unsigned level = 1; size >> (8 * level) > 0; level++) {
        for (uint64_t i = 0; i < size >> (8 * level); i++) {
            struct rg_digest below = audit_tree_root_of(find(kept, level - 1, i)->hashes, AUDIT_TILE_WIDTH);
            const struct kept_tile *tile = find(kept, level, i / AUDIT_TILE_WIDTH);
            assert_true(i % AUDIT_TILE_WIDTH < tile->width);
            assert_memory_equal(&tile->hashes[i % AUDIT_TILE_WIDTH], &below, sizeof below);
        }
    }
}

struct world {
    struct audit_tiles *tiles;
    struct kept kept;
    struct audit_tile_sink sink;
};

static void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->tiles = rg_memory_alloc(sizeof *world->tiles);
    world->kept.tiles = rg_memory_array(STORE_TILES, sizeof *world->kept.tiles);
    world->sink = (struct audit_tile_sink){keep, &world->kept};
}

static void world_done(struct world *world)
{
    rg_memory_free(world->tiles);
    rg_memory_free(world->kept.tiles);
}

static void collects_the_hashes_of_the_tree(void **state)
{
    (void)state;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    struct audit_tree tree = {0};
    for (uint64_t i = 0; i < MANY; i++) {
        struct rg_digest leaf = leaf_of(i);
        audit_tree_append(&tree, &leaf);
        assert_ok(audit_tiles_append(world.tiles, &leaf, &world.sink));
    }
    assert_int_equal(world.kept.count, MANY / 256 + MANY / 65536);
    assert_ok(audit_tiles_flush(world.tiles, &world.sink));
    assert_int_equal(world.kept.count, MANY / 256 + MANY / 65536 + 3); /* 44 leaves, 1 of level 1, 2 of level 2 */
    struct rg_digest wanted = audit_tree_root(&tree);
    struct rg_digest root = root_of_kept(&world.kept);
    assert_memory_equal(&root, &wanted, sizeof root);
    assert_upper_levels_hold(&world.kept, MANY);
}

static void flushes_what_a_checkpoint_of_any_size_needs(void **state)
{
    (void)state;
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    for (uint64_t size = 0; size < 600; size++) {
        size_t complete = world.kept.count;
        assert_ok(audit_tiles_flush(world.tiles, &world.sink));
        assert_int_equal(world.kept.count - complete, (size % 256 > 0) + (size / 256 > 0));
        for (size_t i = complete; i < world.kept.count; i++) { /* level 0 first; the width is what is there */
            assert_int_equal(world.kept.tiles[i].width, world.kept.tiles[i].level == 0 ? size % 256 : size / 256);
            assert_int_equal(world.kept.tiles[i].index, world.kept.tiles[i].level == 0 ? size / 256 : 0);
        }
        assert_upper_levels_hold(&world.kept, size);
        world.kept.count = complete;
        struct rg_digest leaf = leaf_of(size);
        assert_ok(audit_tiles_append(world.tiles, &leaf, &world.sink));
    }
}

static void a_sink_that_fails_at_any_call_leaves_everything_as_it_was(void **state)
{
    (void)state;
    RG_AUTO(world_done) struct world honest;
    world_init(&honest);
    RG_AUTO(world_done) struct world world;
    world_init(&world);
    for (uint64_t i = 0; i < 65536; i++) {
        struct rg_digest leaf = leaf_of(i);
        assert_ok(audit_tiles_append(honest.tiles, &leaf, &honest.sink));
        bool is_end = (i + 1) % 256 == 0;
        for (size_t nth = 1; is_end && nth <= (i + 1 == 65536 ? 2 : 1); nth++) {
            size_t count = world.kept.count;
            world.kept.fails_at = world.kept.calls + nth;
            assert_fails(RG_STORAGE, audit_tiles_append(world.tiles, &leaf, &world.sink));
            assert_true(world.tiles->size == i);
            world.kept.count = count; /* what was put before the failure is put again, the same */
        }
        assert_ok(audit_tiles_append(world.tiles, &leaf, &world.sink));
    }
    assert_int_equal(world.kept.count, honest.kept.count);
    for (size_t i = 0; i < honest.kept.count; i++) {
        assert_memory_equal(&world.kept.tiles[i], &honest.kept.tiles[i], sizeof honest.kept.tiles[i]);
    }
    struct rg_digest leaf = leaf_of(0);
    assert_ok(audit_tiles_append(world.tiles, &leaf, &world.sink));
    for (size_t nth = 1; nth <= 2; nth++) { /* one leaf, and the hash of level 2 */
        world.kept.fails_at = world.kept.calls + nth;
        assert_fails(RG_STORAGE, audit_tiles_flush(world.tiles, &world.sink));
        assert_true(world.tiles->size == 65537);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tiles_as_the_specification_does),
        cmocka_unit_test(collects_the_hashes_of_the_tree),
        cmocka_unit_test(flushes_what_a_checkpoint_of_any_size_needs),
        cmocka_unit_test(a_sink_that_fails_at_any_call_leaves_everything_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
