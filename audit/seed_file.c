/* SPDX-License-Identifier: Apache-2.0 */
/* keys/seed and keys/seed.next: opened under a lock, checked, read, written slot by slot. Every change goes through
 * the store, so that tests stop between any two calls. No decision about epochs is made here but which slot is
 * current. */
#include "audit/keys_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/rg_clock.h"
#include "base/rg_crypto.h"

enum { LOCK_POLL_MS = 20, SEED_MODE = S_IRUSR | S_IWUSR };

static rg_status check_file(const struct stat *info, const char *name, enum audit_seed_owner owner)
{
    bool is_mine = info->st_uid == geteuid() || (owner == AUDIT_SEED_ANY_FOR_ROOT && geteuid() == 0);
    if (!S_ISREG(info->st_mode) || info->st_nlink != 1) {
        return rg_fail(RG_STORAGE, "keys/%s is no regular file of one name", name);
    }
    if (!is_mine) {
        return rg_fail(RG_STORAGE, "keys/%s belongs to uid %u, this process is uid %u: chown it", name, info->st_uid,
                       geteuid());
    }
    if ((info->st_mode & 07777) != SEED_MODE) {
        return rg_fail(RG_STORAGE, "keys/%s has mode %04o: it must be 0600; who could read it can sign", name,
                       info->st_mode & 07777);
    }
    if (info->st_size != AUDIT_SLOT_SIZE && info->st_size != AUDIT_SLOTS * AUDIT_SLOT_SIZE) {
        return rg_fail(RG_STORAGE, "keys/%s is damaged: %jd bytes", name, (intmax_t)info->st_size);
    }
    return RG_OK;
}

static rg_status take_lock(const struct audit_seed_file *file, const char *name, unsigned wait_ms)
{
    int result = file->store->lock(file->store->context, file->fd);
    for (unsigned waited = 0; result == -EWOULDBLOCK && waited < wait_ms; waited += LOCK_POLL_MS) {
        (void)usleep(LOCK_POLL_MS * 1000);
        result = file->store->lock(file->store->context, file->fd);
    }
    if (result == -EWOULDBLOCK) {
        return rg_fail(RG_STORAGE, "keys/%s is in use by another process", name);
    }
    return result < 0 ? rg_fail(RG_STORAGE, "keys/%s: lock: %s", name, strerror(-result)) : RG_OK;
}

static rg_status read_slots(struct audit_seed_file *file, const char *name)
{
    uint8_t bytes[AUDIT_SLOT_SIZE];
    rg_status status = RG_OK;
    for (unsigned i = 0; i < file->slots && rg_is_ok(status); i++) {
        if (pread(file->fd, bytes, sizeof bytes, (off_t)i * AUDIT_SLOT_SIZE) != (ssize_t)sizeof bytes) {
            status = rg_fail(RG_STORAGE, "keys/%s cannot be read", name);
        } else {
            static const uint8_t zeros[AUDIT_SLOT_SIZE];
            file->is_valid[i] = audit_slot_parse(bytes, &file->slot[i]);
            file->is_blank[i] = memcmp(bytes, zeros, sizeof zeros) == 0;
        }
    }
    rg_wipe(bytes, sizeof bytes);
    return status;
}

static rg_status check_lock_read(struct audit_seed_file *file, const char *name, enum audit_seed_owner owner,
                                 unsigned wait_ms)
{
    struct stat info;
    int result = file->store->stat(file->store->context, file->fd, &info);
    if (result < 0) {
        return rg_fail(RG_STORAGE, "keys/%s: %s", name, strerror(-result));
    }
    RG_TRY(check_file(&info, name, owner));
    RG_TRY(take_lock(file, name, wait_ms));
    file->slots = info.st_size == AUDIT_SLOT_SIZE ? 1 : AUDIT_SLOTS;
    return read_slots(file, name);
}

rg_status audit_seed_file_open(int keys_fd, const char *name, const struct audit_store *store,
                               enum audit_seed_owner owner, unsigned wait_ms, struct audit_seed_file *out_file)
{
    struct audit_seed_file file = {.store = store};
    file.fd = store->open(store->context, keys_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    if (file.fd == -ENOENT) {
        return rg_fail(RG_STORAGE, "keys/%s is not there: `rowgate audit keys init` makes the keys of a new log", name);
    }
    if (file.fd < 0) {
        return rg_fail(RG_STORAGE, "keys/%s cannot be opened: %s", name, strerror(-file.fd));
    }
    rg_status status = check_lock_read(&file, name, owner, wait_ms);
    if (!rg_is_ok(status)) {
        audit_seed_file_done(&file);
        return status;
    }
    *out_file = file;
    rg_wipe(file.slot, sizeof file.slot);
    return RG_OK;
}

void audit_seed_file_done(struct audit_seed_file *file)
{
    if (file->store != NULL) {
        file->store->close(file->store->context, file->fd);
    }
    rg_wipe(file, sizeof *file);
}

rg_status audit_seed_file_current(const struct audit_seed_file *file, unsigned *out_index)
{
    bool are_two = file->is_valid[0] && file->is_valid[1];
    if (!file->is_valid[0] && !file->is_valid[1]) {
        return rg_fail(RG_STORAGE, "the seed file is damaged: no slot of it is whole");
    }
    uint64_t first = file->slot[0].epoch;
    uint64_t second = file->slot[1].epoch;
    if (are_two && first + 1 != second && second + 1 != first) {
        return rg_fail(RG_STORAGE, "the seed file is damaged: it holds the epochs %" PRIu64 " and %" PRIu64, first,
                       second);
    }
    *out_index = are_two ? (second > first ? 1 : 0) : (file->is_valid[1] ? 1 : 0);
    return RG_OK;
}

static rg_status write_all(const struct audit_store *store, int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t written = store->write_at(store->context, fd, bytes + done, size - done, offset + done);
        if (written <= 0) {
            return rg_fail(RG_STORAGE, "the seed cannot be written: %s", strerror(written < 0 ? (int)-written : EIO));
        }
        done += (size_t)written;
    }
    int result = store->sync_all(store->context, fd);
    return result < 0 ? rg_fail(RG_STORAGE, "the seed cannot be synced: %s", strerror(-result)) : RG_OK;
}

rg_status audit_seed_file_put(const struct audit_seed_file *file, unsigned index, const struct audit_slot *slot)
{
    uint8_t bytes[AUDIT_SLOT_SIZE] = {0};
    if (slot != NULL) {
        audit_slot_encode(slot, bytes);
    }
    rg_status status = write_all(file->store, file->fd, bytes, sizeof bytes, (uint64_t)index * AUDIT_SLOT_SIZE);
    rg_wipe(bytes, sizeof bytes);
    return status;
}

rg_status audit_seed_file_erase(int keys_fd, const char *name, const struct audit_store *store)
{
    static const uint8_t zeros[AUDIT_SLOTS * AUDIT_SLOT_SIZE];
    struct stat info;
    int fd = store->open(store->context, keys_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd == -ENOENT) {
        return RG_OK;
    }
    int result = fd < 0 ? fd : store->stat(store->context, fd, &info);
    rg_status status = RG_OK;
    if (result < 0 || !S_ISREG(info.st_mode) || info.st_size > (off_t)sizeof zeros) {
        status = rg_fail(RG_STORAGE, "keys/%s cannot be wiped: %s", name,
                         result < 0 ? strerror(-result) : "not a file of ours");
    } else if (info.st_size > 0) {
        status = write_all(store, fd, zeros, (size_t)info.st_size, 0);
    }
    if (fd >= 0) {
        store->close(store->context, fd);
    }
    if (rg_is_ok(status)) {
        (void)unlinkat(keys_fd, name, 0); /* zeros that stay do no harm */
    }
    return status;
}
