/* SPDX-License-Identifier: Apache-2.0 */
/* The files of keys: seeds, lists, anything else, each made whole under the rights it shall have, or not at all. Called
 * by keys_init.c and keys_rotate.c. */
#include "audit/keys_make_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/rg_crypto.h"

void audit_make_fd_close(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

struct audit_make_owner audit_make_owner_of(int fd)
{
    struct stat info;
    bool is_given = geteuid() == 0 && fstat(fd, &info) == 0;
    return is_given ? (struct audit_make_owner){true, info.st_uid, info.st_gid}
                    : (struct audit_make_owner){false, 0, 0};
}

static int fill_file(const struct audit_store *store, int fd, mode_t mode, const struct audit_make_owner *owner,
                     struct rg_slice bytes)
{
    if (fchmod(fd, mode) != 0 || (owner->is_given && fchown(fd, owner->uid, owner->gid) != 0)) {
        return -errno;
    }
    for (size_t done = 0; done < bytes.size;) {
        ssize_t written = store->write_at(store->context, fd, bytes.data + done, bytes.size - done, done);
        if (written <= 0) {
            return written < 0 ? (int)written : -EIO;
        }
        done += (size_t)written;
    }
    return store->sync_all(store->context, fd);
}

rg_status audit_make_file(const struct audit_store *store, int directory_fd, const char *name, mode_t mode,
                          const struct audit_make_owner *owner, struct rg_slice bytes)
{
    int fd =
        store->open(store->context, directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, AUDIT_MAKE_SEED_MODE);
    int result = fd < 0 ? fd : fill_file(store, fd, mode, owner, bytes);
    if (fd >= 0) {
        store->close(store->context, fd);
    }
    if (result < 0 && fd >= 0) {
        (void)unlinkat(directory_fd, name, 0);
    }
    return result < 0 ? rg_fail(RG_STORAGE, "%s cannot be made: %s", name, strerror(-result)) : RG_OK;
}

rg_status audit_make_sync(const struct audit_store *store, int fd)
{
    int result = store->sync_all(store->context, fd);
    return result < 0 ? rg_fail(RG_STORAGE, "a directory cannot be synced: %s", strerror(-result)) : RG_OK;
}

rg_status audit_make_path(struct rg_slice path, const char *what, char out_path[AUDIT_MAKE_PATH_BYTES])
{
    if (path.size == 0 || path.size >= AUDIT_MAKE_PATH_BYTES || memchr(path.data, '\0', path.size) != NULL) {
        return rg_fail(RG_CONFIG, "no usable path of the %s", what);
    }
    memcpy(out_path, path.data, path.size);
    out_path[path.size] = '\0';
    return RG_OK;
}

rg_status audit_make_slot_file(const struct audit_store *store, int keys_fd, const char *name, unsigned slots,
                               const struct audit_make_owner *owner, const struct audit_slot *slot)
{
    uint8_t bytes[AUDIT_SLOTS * AUDIT_SLOT_SIZE] = {0};
    audit_slot_encode(slot, bytes);
    rg_status status = audit_make_file(store, keys_fd, name, AUDIT_MAKE_SEED_MODE, owner,
                                       rg_slice_make(bytes, (size_t)slots * AUDIT_SLOT_SIZE));
    rg_wipe(bytes, sizeof bytes);
    return status;
}

rg_status audit_make_list_file(const struct audit_store *store, int keys_fd, const char *name,
                               const struct audit_make_owner *owner, const struct audit_list *list,
                               const struct audit_vkey *root, const uint8_t root_seed[AUDIT_SEED_SIZE])
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    rg_buf_init(&text, AUDIT_NOTE_MAX);
    rg_buf_init(&note, AUDIT_NOTE_MAX);
    RG_TRY(audit_list_encode(list, &text));
    RG_TRY(audit_note_sign(rg_buf_slice(&text), root, root_seed, &note));
    return audit_make_file(store, keys_fd, name, AUDIT_MAKE_PUBLIC_MODE, owner, rg_buf_slice(&note));
}

rg_status audit_make_check(const struct audit_keys_options *options)
{
    if (options->epoch_count > AUDIT_EPOCHS_MAX || options->epoch_seconds > AUDIT_EPOCH_SECONDS_MAX) {
        return rg_fail(RG_LIMIT, "at most %d epochs of at most %d seconds", AUDIT_EPOCHS_MAX, AUDIT_EPOCH_SECONDS_MAX);
    }
    return RG_OK;
}

static void draw_random(void *context, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    (void)context;
    rg_random(out_seed, AUDIT_SEED_SIZE);
}

struct audit_keys_maker audit_make_maker(void)
{
    return (struct audit_keys_maker){.store = audit_store_files(), .draw = draw_random};
}
