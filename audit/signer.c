/* SPDX-License-Identifier: Apache-2.0 */
/* The private half: the seed of the current epoch and nothing else, in locked memory, and the step to the next one.
 *
 * A step, under the lock of keys/seed: the next seed goes to the free slot and to the disk; then the old slot becomes
 * zeros, and those go to the disk; then, after a rotation, keys/seed.next becomes zeros. Two whole slots mean that a
 * step was interrupted: the higher one is current. A key that is not the listed one of its epoch is never stepped to,
 * and nothing is wiped for it. Used by the publisher's thread. */
#include "audit/keys_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

static const char seed_name[] = "seed";
static const char next_name[] = "seed.next";
enum { OPEN_WAIT_MS = 5000 };

struct audit_signer {
    const struct audit_store *store;
    int keys_fd;
    struct rg_arena arena; /* holds keys */
    struct audit_keys keys;
    struct rg_secret *seed; /* seed_epoch */
    uint64_t epoch;
};

static bool has_file(const struct audit_signer *signer, const char *name)
{
    struct stat info;
    return fstatat(signer->keys_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

static rg_status as_storage(rg_status status)
{
    char text[sizeof status.error->text];
    if (rg_is_ok(status)) {
        return status;
    }
    (void)snprintf(text, sizeof text, "%s", status.error->text); /* rg_fail writes over it */
    return rg_fail(RG_STORAGE, "%s", text);
}

/* The lists as they are on disk now, under the root known from the start. */
static rg_status read_lists(struct audit_signer *signer, const struct audit_vkey *root)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, AUDIT_KEYS_ARENA);
    RG_TRY(as_storage(audit_keys_load_from(signer->keys_fd, root, &arena, &signer->keys)));
    struct rg_arena old = signer->arena;
    signer->arena = arena;
    arena = old;
    return RG_OK;
}

static rg_status check_listed(const struct audit_signer *signer, const struct audit_slot *slot)
{
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    if (slot->epoch >= signer->keys.epoch_count) {
        return rg_fail(RG_STORAGE, "the seed is of epoch %" PRIu64 ", and the lists end before epoch %" PRIu64,
                       slot->epoch, signer->keys.epoch_count);
    }
    RG_TRY(audit_seed_key_public(slot->seed, public_key));
    if (memcmp(public_key, signer->keys.public_keys[slot->epoch], sizeof public_key) != 0) {
        return rg_fail(RG_STORAGE, "the seed of epoch %" PRIu64 " makes another key than the listed one", slot->epoch);
    }
    return RG_OK;
}

/* Locks the seed file. */
static rg_status open_seed(const struct audit_signer *signer, unsigned wait_ms, struct audit_seed_file *out_file)
{
    struct audit_seed_file file = {0};
    RG_TRY(audit_seed_file_open(signer->keys_fd, seed_name, signer->store, AUDIT_SEED_MINE, wait_ms, &file));
    if (file.slots != AUDIT_SLOTS) {
        audit_seed_file_done(&file);
        return rg_fail(RG_STORAGE, "keys/%s is damaged: it has one slot", seed_name);
    }
    *out_file = file;
    rg_wipe(file.slot, sizeof file.slot);
    return RG_OK;
}

/* keys/seed.next that no step will want: taken, or left by a rotation that ended before it listed its keys. */
static rg_status drop_stale_next(const struct audit_signer *signer, uint64_t epoch)
{
    bool is_stale = true;
    if (!has_file(signer, next_name)) {
        return RG_OK;
    }
    struct audit_seed_file file RG_AUTO(audit_seed_file_done) = {0};
    if (rg_is_ok(audit_seed_file_open(signer->keys_fd, next_name, signer->store, AUDIT_SEED_MINE, 0, &file))) {
        is_stale = !file.is_valid[0] || file.slot[0].epoch <= epoch;
    }
    return is_stale ? audit_seed_file_erase(signer->keys_fd, next_name, signer->store) : RG_OK;
}

/* ---- open ---- */

static rg_status take_current(struct audit_signer *signer, const struct audit_seed_file *file)
{
    unsigned index = 0;
    RG_TRY(audit_seed_file_current(file, &index));
    RG_TRY(check_listed(signer, &file->slot[index]));
    if (!file->is_blank[1 - index]) { /* a step ended in the middle */
        RG_TRY(audit_seed_file_put(file, 1 - index, NULL));
    }
    RG_TRY(drop_stale_next(signer, file->slot[index].epoch));
    RG_TRY(rg_secret_new(rg_slice_make(file->slot[index].seed, AUDIT_SEED_SIZE), &signer->seed));
    signer->epoch = file->slot[index].epoch;
    return RG_OK;
}

static rg_status open_all(struct audit_signer *signer, int directory_fd, const struct audit_vkey *root)
{
    signer->keys_fd = signer->store->open(signer->store->context, directory_fd, "keys",
                                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (signer->keys_fd < 0) {
        return rg_fail(RG_STORAGE, "keys/: %s", strerror(-signer->keys_fd));
    }
    struct audit_seed_file file RG_AUTO(audit_seed_file_done) = {0};
    RG_TRY(open_seed(signer, OPEN_WAIT_MS, &file)); /* before the lists: no rotation comes between */
    RG_TRY(read_lists(signer, root));
    return take_current(signer, &file);
}

rg_status audit_signer_open(int directory_fd, const struct audit_store *store, const struct audit_keys *keys,
                            struct audit_signer **out_signer)
{
    struct audit_signer *signer = rg_memory_alloc(sizeof *signer);
    signer->store = store;
    signer->keys_fd = -1;
    rg_status status = open_all(signer, directory_fd, &keys->root);
    if (!rg_is_ok(status)) {
        audit_signer_free(&signer);
        return status;
    }
    *out_signer = signer;
    return RG_OK;
}

void audit_signer_free(struct audit_signer **signer)
{
    if (*signer == NULL) {
        return;
    }
    rg_secret_free(&(*signer)->seed);
    rg_arena_done(&(*signer)->arena);
    if ((*signer)->keys_fd >= 0) {
        (*signer)->store->close((*signer)->store->context, (*signer)->keys_fd);
    }
    rg_memory_free(*signer);
    *signer = NULL;
}

uint64_t audit_signer_epoch(const struct audit_signer *signer)
{
    return signer->epoch;
}

/* ---- sign ---- */

static const uint8_t *current_seed(const struct audit_signer *signer)
{
    return (const uint8_t *)rg_secret_slice(signer->seed).data;
}

rg_status audit_signer_sign(const struct audit_signer *signer, const struct audit_checkpoint *checkpoint,
                            struct rg_buf *out)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    struct audit_vkey key;
    uint8_t key_seed[AUDIT_SEED_SIZE];
    rg_buf_init(&text, 4096);
    if (!rg_slice_is_equal(checkpoint->origin, signer->keys.origin)) {
        return rg_fail(RG_LIMIT, "the keys are of origin %.*s, not of the checkpoint's",
                       rg_slice_shown(signer->keys.origin), signer->keys.origin.data);
    }
    RG_TRY(audit_checkpoint_encode(checkpoint, &text));
    RG_TRY(audit_keys_vkey(&signer->keys, signer->epoch, &key));
    RG_TRY(audit_seed_key(current_seed(signer), key_seed));
    rg_status status = audit_note_sign(rg_buf_slice(&text), &key, key_seed, out);
    rg_wipe(key_seed, sizeof key_seed);
    return status;
}

/* ---- step ---- */

static bool has_list(const struct audit_signer *signer, uint64_t first_epoch)
{
    char name[AUDIT_LIST_NAME_SIZE];
    if (first_epoch >= AUDIT_EPOCH_END) {
        return false;
    }
    audit_list_name(first_epoch, name);
    return has_file(signer, name);
}

bool audit_signer_has_next(struct audit_signer *signer)
{
    return has_file(signer, next_name) && has_list(signer, signer->epoch + 1);
}

/* The seed of a chain that a rotation began. */
static rg_status rotated_slot(const struct audit_signer *signer, uint64_t epoch, struct audit_slot *out_slot)
{
    struct audit_seed_file file RG_AUTO(audit_seed_file_done) = {0};
    RG_TRY(audit_seed_file_open(signer->keys_fd, next_name, signer->store, AUDIT_SEED_MINE, 0, &file));
    if (!file.is_valid[0] || file.slot[0].epoch != epoch) {
        return rg_fail(RG_STORAGE, "keys/%s holds no seed of epoch %" PRIu64, next_name, epoch);
    }
    *out_slot = file.slot[0];
    return RG_OK;
}

/* What to step to: a slot that an earlier attempt wrote, the chain of a rotation, or the next seed of this one. */
static rg_status next_slot(struct audit_signer *signer, const struct audit_seed_file *file, struct audit_slot *out_slot)
{
    uint64_t epoch = signer->epoch + 1;
    if (has_list(signer, epoch)) {
        RG_TRY(read_lists(signer, &signer->keys.root));
    }
    if (epoch >= signer->keys.epoch_count) {
        return rg_fail(RG_LIMIT, "the keys end with epoch %" PRIu64 ": `rowgate audit keys rotate` makes more",
                       signer->epoch);
    }
    for (unsigned i = 0; i < AUDIT_SLOTS; i++) {
        if (file->is_valid[i] && file->slot[i].epoch == epoch && rg_is_ok(check_listed(signer, &file->slot[i]))) {
            *out_slot = file->slot[i];
            return RG_OK;
        }
    }
    out_slot->epoch = epoch;
    if (has_list(signer, epoch)) {
        RG_TRY(rotated_slot(signer, epoch, out_slot));
    } else {
        RG_TRY(audit_seed_next(current_seed(signer), out_slot->seed));
    }
    return check_listed(signer, out_slot);
}

/* The slot that holds the seed of the current epoch, or held it before an attempt that failed. */
static rg_status old_index(const struct audit_signer *signer, const struct audit_seed_file *file, unsigned *out_index)
{
    for (unsigned i = 0; i < AUDIT_SLOTS; i++) {
        bool is_old = file->is_valid[i] && file->slot[i].epoch == signer->epoch;
        bool is_next = file->is_valid[1 - i] && file->slot[1 - i].epoch == signer->epoch + 1;
        if (is_old || (is_next && !file->is_valid[i])) {
            *out_index = i;
            return RG_OK;
        }
    }
    return rg_fail(RG_STORAGE, "keys/%s was changed: the seed of epoch %" PRIu64 " is not in it", seed_name,
                   signer->epoch);
}

rg_status audit_signer_step(struct audit_signer *signer)
{
    struct audit_seed_file file RG_AUTO(audit_seed_file_done) = {0};
    struct audit_slot next RG_AUTO(audit_slot_done) = {0};
    struct rg_secret *seed RG_AUTO(rg_secret_free) = NULL;
    unsigned old = 0;
    RG_TRY(open_seed(signer, 0, &file));
    RG_TRY(old_index(signer, &file, &old));
    RG_TRY(next_slot(signer, &file, &next));
    RG_TRY(rg_secret_new(rg_slice_make(next.seed, sizeof next.seed), &seed));
    RG_TRY(audit_seed_file_put(&file, 1 - old, &next));
    RG_TRY(audit_seed_file_put(&file, old, NULL));
    RG_TRY(drop_stale_next(signer, next.epoch));
    struct rg_secret *stepped_from = signer->seed;
    signer->seed = seed;
    signer->epoch = next.epoch;
    seed = stepped_from; /* freed and wiped here */
    return RG_OK;
}
