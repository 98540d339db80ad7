/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_KEYS_WORLD_H
#define RG_TESTS_SUPPORT_AUDIT_KEYS_WORLD_H

/* A log directory with keys, and a store that fails, dies or forgets at its Nth call. */
#include <errno.h>
#include <sys/wait.h>

#include "audit/keys_private.h"
#include "base/rg_memory.h"
#include "tests/support/audit_dir.h"

enum breaking_mode {
    BREAKING_NEVER = 0,
    BREAKING_ONCE, /* the Nth call fails, later ones do not */
    BREAKING_FROM, /* the Nth call and all later ones fail, as on a broken disk */
    BREAKING_EXIT  /* the process ends before the Nth call */
};

enum { PENDING_MAX = 8, PENDING_BYTES = 2048, KILLED = 9 };

/* is_forgetful: what was written reaches the file at the sync, and is lost before it; is_torn: then half of it stays.
 */
struct breaking {
    enum breaking_mode mode;
    unsigned at; /* 1-based */
    unsigned calls;
    bool is_forgetful, is_torn;
    struct {
        int fd;
        uint64_t offset;
        size_t size;
        uint8_t bytes[PENDING_BYTES];
    } pending[PENDING_MAX];
    size_t pending_count;
};

static inline void breaking_flush(struct breaking *breaking, int fd, bool is_half)
{
    size_t kept = 0;
    for (size_t i = 0; i < breaking->pending_count; i++) {
        if (fd >= 0 && breaking->pending[i].fd != fd) {
            breaking->pending[kept++] = breaking->pending[i];
            continue;
        }
        size_t size = breaking->pending[i].size / (is_half ? 16 : 1); /* half of a slot is mostly zeros: cut early */
        assert_int_equal(
            pwrite(breaking->pending[i].fd, breaking->pending[i].bytes, size, (off_t)breaking->pending[i].offset),
            size);
    }
    breaking->pending_count = kept;
}

static inline bool breaking_now(struct breaking *breaking)
{
    breaking->calls++;
    bool is_at = breaking->calls == breaking->at;
    if (breaking->mode == BREAKING_EXIT && is_at) {
        if (breaking->is_torn) {
            breaking_flush(breaking, -1, true);
        }
        _exit(KILLED);
    }
    return (breaking->mode == BREAKING_ONCE && is_at) ||
           (breaking->mode == BREAKING_FROM && breaking->calls >= breaking->at);
}

static inline int breaking_open(void *context, int directory_fd, const char *name, int flags, mode_t mode)
{
    const struct audit_store *files = audit_store_files();
    return breaking_now(context) ? -EIO : files->open(files->context, directory_fd, name, flags, mode);
}

static inline int breaking_make_directory(void *context, int directory_fd, const char *name)
{
    const struct audit_store *files = audit_store_files();
    return breaking_now(context) ? -EIO : files->make_directory(files->context, directory_fd, name);
}

static inline ssize_t breaking_write_at(void *context, int fd, const void *bytes, size_t size, uint64_t offset)
{
    struct breaking *breaking = context;
    const struct audit_store *files = audit_store_files();
    if (breaking_now(breaking)) {
        return -ENOSPC;
    }
    if (!breaking->is_forgetful || size > PENDING_BYTES) {
        size_t part = size > 300 && breaking->mode != BREAKING_NEVER ? 300 : size; /* short writes are legal */
        return files->write_at(files->context, fd, bytes, part, offset);
    }
    assert_true(breaking->pending_count < PENDING_MAX);
    size_t i = breaking->pending_count++;
    breaking->pending[i].fd = fd;
    breaking->pending[i].offset = offset;
    breaking->pending[i].size = size;
    memcpy(breaking->pending[i].bytes, bytes, size);
    return (ssize_t)size;
}

static inline int breaking_sync(void *context, int fd)
{
    const struct audit_store *files = audit_store_files();
    if (breaking_now(context)) {
        return -EIO;
    }
    breaking_flush(context, fd, false);
    return files->sync_all(files->context, fd);
}

static inline int breaking_stat(void *context, int fd, struct stat *out_info)
{
    const struct audit_store *files = audit_store_files();
    return breaking_now(context) ? -EIO : files->stat(files->context, fd, out_info);
}

static inline int breaking_lock(void *context, int fd)
{
    const struct audit_store *files = audit_store_files();
    return breaking_now(context) ? -EIO : files->lock(files->context, fd);
}

static inline void breaking_close(void *context, int fd)
{
    struct breaking *breaking = context;
    const struct audit_store *files = audit_store_files();
    size_t kept = 0;
    for (size_t i = 0; i < breaking->pending_count; i++) { /* never synced: lost, or torn */
        if (breaking->pending[i].fd != fd) {
            breaking->pending[kept++] = breaking->pending[i];
        } else if (breaking->is_torn) {
            assert_int_equal(pwrite(fd, breaking->pending[i].bytes, breaking->pending[i].size / 16,
                                    (off_t)breaking->pending[i].offset),
                             breaking->pending[i].size / 16);
        }
    }
    breaking->pending_count = kept;
    files->close(files->context, fd);
}

static inline struct audit_store breaking_store(struct breaking *breaking)
{
    struct audit_store store = *audit_store_files();
    store.open = breaking_open;
    store.make_directory = breaking_make_directory;
    store.write_at = breaking_write_at;
    store.sync_data = breaking_sync;
    store.sync_all = breaking_sync;
    store.stat = breaking_stat;
    store.lock = breaking_lock;
    store.close = breaking_close;
    store.context = breaking;
    return store;
}

/* ---- a directory with keys, opened ---- */

struct keys_world {
    struct audit_dir dir;
    int directory_fd;
    struct rg_arena arena;
    struct audit_keys keys;
};

static inline void keys_world_path(const struct keys_world *world, const char *name, char out_path[128])
{
    (void)snprintf(out_path, 128, "%.60s/%.60s", world->dir.path, name);
}

static inline void keys_world_load(struct keys_world *world)
{
    rg_arena_done(&world->arena);
    rg_arena_init(&world->arena, AUDIT_KEYS_ARENA);
    assert_ok(audit_keys_load(world->directory_fd, NULL, &world->arena, &world->keys));
}

static inline void keys_world_make(struct keys_world *world)
{
    memset(world, 0, sizeof *world);
    audit_dir_make_bare(&world->dir);
    audit_dir_make_keys(&world->dir);
    world->directory_fd = open(world->dir.path, O_RDONLY | O_DIRECTORY);
    assert_true(world->directory_fd >= 0);
    keys_world_load(world);
}

static inline void keys_world_remove(struct keys_world *world)
{
    rg_arena_done(&world->arena);
    (void)close(world->directory_fd);
    audit_dir_remove(&world->dir);
}

static inline struct audit_keys_options keys_world_rotation(const struct keys_world *world, char root_file[96])
{
    (void)snprintf(root_file, 96, "%.60s/root.key", world->dir.root);
    return (struct audit_keys_options){
        .directory = rg_slice_of(world->dir.path), .root_file = rg_slice_of(root_file), .epoch_count = 16};
}

static inline struct audit_signer *keys_world_signer(const struct keys_world *world)
{
    struct audit_signer *signer = NULL;
    assert_ok(audit_signer_open(world->directory_fd, audit_store_files(), &world->keys, &signer));
    return signer;
}

/* The signer's signature holds under the listed key of its epoch, and under no neighbour's. */
static inline void assert_signs(struct keys_world *world, const struct audit_signer *signer)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_note note;
    struct audit_vkey key;
    uint64_t epoch = audit_signer_epoch(signer);
    const struct audit_checkpoint checkpoint = {.origin = RG_SLICE(TEST_ORIGIN), .size = epoch + 1};
    rg_buf_init(&out, 4096);
    keys_world_load(world);
    assert_ok(audit_signer_sign(signer, &checkpoint, &out));
    assert_ok(audit_note_parse(rg_buf_slice(&out), &note));
    assert_ok(audit_keys_vkey(&world->keys, epoch, &key));
    assert_true(audit_note_is_signed_by(&note, &key));
    assert_ok(audit_keys_vkey(&world->keys, epoch == 0 ? 1 : epoch - 1, &key));
    assert_false(audit_note_is_signed_by(&note, &key));
}

#endif
