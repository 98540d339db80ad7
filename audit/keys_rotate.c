/* SPDX-License-Identifier: Apache-2.0 */
/* `rowgate audit keys rotate`: under the lock of keys/seed, keys/seed.next is written, then the list under another
 * name. The rename that gives the list its name is what makes the rotation true; before it, the old chain goes on. */
#include "audit/keys_make_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/rg_crypto.h"
#include "base/rg_sign.h"

enum { LOCK_WAIT_MS = 10000 };

static rg_status read_root_key(const struct audit_keys_options *options, const struct audit_keys *keys,
                               uint8_t out_seed[AUDIT_SEED_SIZE])
{
    struct rg_secret *pem RG_AUTO(rg_secret_free) = NULL;
    uint8_t seed[AUDIT_SEED_SIZE], public_key[AUDIT_PUBLIC_SIZE];
    struct rg_slice shown = options->root_file;
    rg_status status = rg_secret_load_file(options->root_file, (struct rg_slice){NULL, 0}, &pem);
    status = rg_is_ok(status) ? rg_sign_pem_parse(rg_secret_slice(pem), seed) : status;
    if (!rg_is_ok(status)) {
        char text[sizeof status.error->text];
        (void)snprintf(text, sizeof text, "%s", status.error->text); /* rg_fail writes over it */
        return rg_fail(RG_CONFIG, "the root key %.*s %s", rg_slice_shown(shown), shown.data, text);
    }
    status = audit_seed_public(seed, public_key);
    if (rg_is_ok(status) && memcmp(public_key, keys->root.public_key, sizeof public_key) != 0) {
        status = rg_fail(RG_CONFIG, "%.*s is not the root key of this log, %.*s+%08x", rg_slice_shown(shown),
                         shown.data, rg_slice_shown(keys->root.name), keys->root.name.data, keys->root.id);
    }
    if (rg_is_ok(status)) {
        memcpy(out_seed, seed, sizeof seed);
    }
    rg_wipe(seed, sizeof seed);
    return status;
}

/* seed.next, then the list. The caller holds the lock of keys/seed. */
static rg_status put_rotation(const struct audit_store *store, int keys_fd, const struct audit_make_owner *owner,
                              const struct audit_list *list, const struct audit_slot *slot,
                              const struct audit_vkey *root, const uint8_t root_seed[AUDIT_SEED_SIZE])
{
    static const char unnamed[] = "list.new";
    char name[AUDIT_LIST_NAME_SIZE];
    audit_list_name(list->first_epoch, name);
    (void)unlinkat(keys_fd, unnamed, 0); /* of a run that was killed */
    rg_status status = audit_seed_file_erase(keys_fd, "seed.next", store);
    status = rg_is_ok(status) ? audit_make_slot_file(store, keys_fd, "seed.next", 1, owner, slot) : status;
    status = rg_is_ok(status) ? audit_make_list_file(store, keys_fd, unnamed, owner, list, root, root_seed) : status;
    status = rg_is_ok(status) ? audit_make_sync(store, keys_fd) : status;
    if (rg_is_ok(status) && renameat(keys_fd, unnamed, keys_fd, name) != 0) {
        status = rg_fail(RG_STORAGE, "keys/%s: %s", name, strerror(errno));
    } else if (rg_is_ok(status)) {
        status = audit_make_sync(store, keys_fd);
    }
    if (!rg_is_ok(status)) {
        (void)unlinkat(keys_fd, name, 0); /* first the list: without it the seed counts for nothing */
        (void)unlinkat(keys_fd, unnamed, 0);
        struct rg_error why = *status.error;
        (void)rg_is_ok(audit_seed_file_erase(keys_fd, "seed.next", audit_store_files()));
        return rg_fail(why.kind, "%s", why.text);
    }
    return RG_OK;
}

static rg_status check_rotation(const struct audit_keys *keys, const struct audit_keys_options *options,
                                uint64_t first_epoch)
{
    const struct audit_list_info *last = &keys->lists[keys->list_count - 1];
    if (options->origin.size > 0 && !rg_slice_is_equal(options->origin, keys->origin)) {
        return rg_fail(RG_CONFIG, "the keys are of origin %.*s, not %.*s", rg_slice_shown(keys->origin),
                       keys->origin.data, rg_slice_shown(options->origin), options->origin.data);
    }
    if (last->first_epoch >= first_epoch) {
        return rg_fail(RG_STORAGE, "a rotation waits already: the keys from epoch %" PRIu64 " on are new",
                       last->first_epoch);
    }
    if (keys->list_count == AUDIT_LISTS_MAX) {
        return rg_fail(RG_LIMIT, "%d lists are the most: begin a new log", AUDIT_LISTS_MAX);
    }
    return first_epoch <= keys->epoch_count
               ? RG_OK
               : rg_fail(RG_STORAGE, "the seed is of epoch %" PRIu64 ", which no list has", first_epoch - 1);
}

static rg_status rotate_locked(const struct audit_keys_maker *maker, const struct audit_keys_options *options,
                               int keys_fd, const struct audit_seed_file *file)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys *keys = NULL;
    struct audit_slot slot RG_AUTO(audit_slot_done) = {0};
    uint8_t root_seed[AUDIT_SEED_SIZE];
    unsigned index = 0;
    rg_arena_init(&arena, AUDIT_KEYS_ARENA);
    RG_TRY(rg_arena_new(&arena, &keys));
    RG_TRY(audit_keys_load_from(keys_fd, NULL, &arena, keys));
    RG_TRY(audit_seed_file_current(file, &index));
    slot.epoch = file->slot[index].epoch + 1;
    RG_TRY(check_rotation(keys, options, slot.epoch));
    struct audit_list list = {.origin = keys->origin,
                              .first_epoch = slot.epoch,
                              .count = options->epoch_count == 0 ? AUDIT_EPOCHS_DEFAULT : options->epoch_count,
                              .epoch_seconds =
                                  options->epoch_seconds == 0 ? keys->epoch_seconds : options->epoch_seconds};
    const struct audit_make_owner owner = audit_make_owner_of(file->fd);
    if (list.first_epoch + list.count > AUDIT_EPOCH_END) {
        return rg_fail(RG_LIMIT, "%d epochs are the most: begin a new log", AUDIT_EPOCH_END);
    }
    RG_TRY(audit_chain_make(maker, keys, &arena, &list, slot.seed));
    RG_TRY(read_root_key(options, keys, root_seed));
    rg_status status = put_rotation(maker->store, keys_fd, &owner, &list, &slot, &keys->root, root_seed);
    rg_wipe(root_seed, sizeof root_seed);
    return status;
}

rg_status audit_keys_rotate_by(const struct audit_keys_maker *maker, const struct audit_keys_options *options)
{
    struct audit_seed_file file RG_AUTO(audit_seed_file_done) = {0};
    char path[AUDIT_MAKE_PATH_BYTES];
    RG_TRY(audit_make_check(options));
    RG_TRY(audit_make_path(options->directory, "log", path));
    int directory_fd RG_AUTO(audit_make_fd_close) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int keys_fd RG_AUTO(audit_make_fd_close) = directory_fd < 0 ? -1 : audit_keys_open_directory(directory_fd);
    if (keys_fd < 0) {
        return rg_fail(RG_STORAGE, "%s/keys: %s", path, strerror(errno));
    }
    RG_TRY(audit_seed_file_open(keys_fd, "seed", maker->store, AUDIT_SEED_ANY_FOR_ROOT, LOCK_WAIT_MS, &file));
    return rotate_locked(maker, options, keys_fd, &file);
}

rg_status audit_keys_rotate(const struct audit_keys_options *options)
{
    const struct audit_keys_maker maker = audit_make_maker();
    return audit_keys_rotate_by(&maker, options);
}
