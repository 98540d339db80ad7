/* SPDX-License-Identifier: Apache-2.0 */
/* Making keys: `rowgate audit keys init` and `keys rotate`. Offline work, once a year: the root's private key is in
 * this process and nowhere else in rowgate.
 *
 * init builds keys.new/ and renames it to keys/. rotate writes keys/seed.next, then the list under another name; the
 * rename that gives the list its name is what makes the rotation true. What fails is taken back, seeds as zeros. */
#include "audit/keys_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/note_private.h"
#include "base/rg_crypto.h"
#include "base/rg_memory.h"
#include "base/rg_sign.h"

static const char root_suffix[] = "/root"; /* the root signs under "<origin>/root" */
enum { PATH_BYTES = 1024, CHAIN_ATTEMPTS = 200, LOCK_WAIT_MS = 10000, PUBLIC_MODE = 0644, SEED_MODE = 0600 };

static void fd_close(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

/* ---- the chain ---- */

static rg_status derive_chain(const uint8_t first[AUDIT_SEED_SIZE], const struct audit_list *list)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    memcpy(seed, first, sizeof seed);
    rg_status status = RG_OK;
    for (uint64_t i = 0; i < list->count && rg_is_ok(status); i++) {
        status = audit_seed_key_public(seed, list->public_keys[i]);
        if (rg_is_ok(status)) {
            status = audit_seed_next(seed, seed);
        }
    }
    rg_wipe(seed, sizeof seed);
    return status;
}

static rg_status put_ids(struct rg_slice origin, const uint8_t (*public_keys)[AUDIT_PUBLIC_SIZE], uint64_t count,
                         uint32_t *ids)
{
    for (uint64_t i = 0; i < count; i++) {
        struct audit_vkey key;
        RG_TRY(audit_vkey_make(origin, public_keys[i], &key));
        ids[i] = key.id;
    }
    return RG_OK;
}

static rg_status ids_are_new(const struct audit_keys *known, const struct audit_list *list, bool *out_are_new)
{
    size_t total = (size_t)(known->epoch_count + list->count);
    uint32_t *ids = rg_memory_array(total, sizeof *ids);
    rg_status status =
        put_ids(list->origin, (const uint8_t(*)[AUDIT_PUBLIC_SIZE])known->public_keys, known->epoch_count, ids);
    if (rg_is_ok(status)) {
        status = put_ids(list->origin, (const uint8_t(*)[AUDIT_PUBLIC_SIZE])list->public_keys, list->count,
                         ids + known->epoch_count);
    }
    if (rg_is_ok(status)) {
        *out_are_new = audit_ids_are_distinct(ids, total);
    }
    rg_memory_free(ids);
    return status;
}

rg_status audit_chain_make(const struct audit_keys_maker *maker, const struct audit_keys *known, struct rg_arena *arena,
                           struct audit_list *list, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, (size_t)list->count, AUDIT_PUBLIC_SIZE, &memory));
    struct audit_list made = *list;
    made.public_keys = memory;
    for (int i = 0; i < CHAIN_ATTEMPTS; i++) {
        bool are_new = false;
        uint8_t seed[AUDIT_SEED_SIZE];
        maker->draw(maker->context, seed);
        RG_TRY(derive_chain(seed, &made));
        RG_TRY(ids_are_new(known, &made, &are_new));
        if (are_new) {
            memcpy(out_seed, seed, sizeof seed);
            rg_wipe(seed, sizeof seed);
            *list = made;
            return RG_OK;
        }
    }
    return rg_fail(RG_INTERNAL, "no chain of %" PRIu64 " keys with distinct ids in %d attempts", list->count,
                   CHAIN_ATTEMPTS);
}

/* ---- files ---- */

struct owner {
    bool is_given; /* root makes files for somebody else */
    uid_t uid;
    gid_t gid;
};

static struct owner owner_of(int fd)
{
    struct stat info;
    bool is_given = geteuid() == 0 && fstat(fd, &info) == 0;
    return is_given ? (struct owner){true, info.st_uid, info.st_gid} : (struct owner){false, 0, 0};
}

static int fill_file(const struct audit_store *store, int fd, mode_t mode, const struct owner *owner,
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

static rg_status make_file(const struct audit_store *store, int directory_fd, const char *name, mode_t mode,
                           const struct owner *owner, struct rg_slice bytes)
{
    int fd = store->open(store->context, directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, SEED_MODE);
    int result = fd < 0 ? fd : fill_file(store, fd, mode, owner, bytes);
    if (fd >= 0) {
        store->close(store->context, fd);
    }
    if (result < 0 && fd >= 0) {
        (void)unlinkat(directory_fd, name, 0);
    }
    return result < 0 ? rg_fail(RG_STORAGE, "%s cannot be made: %s", name, strerror(-result)) : RG_OK;
}

static rg_status sync_directory(const struct audit_store *store, int fd)
{
    int result = store->sync_all(store->context, fd);
    return result < 0 ? rg_fail(RG_STORAGE, "a directory cannot be synced: %s", strerror(-result)) : RG_OK;
}

static rg_status copy_path(struct rg_slice path, const char *what, char out_path[PATH_BYTES])
{
    if (path.size == 0 || path.size >= PATH_BYTES || memchr(path.data, '\0', path.size) != NULL) {
        return rg_fail(RG_CONFIG, "no usable path of the %s", what);
    }
    memcpy(out_path, path.data, path.size);
    out_path[path.size] = '\0';
    return RG_OK;
}

static rg_status make_slot_file(const struct audit_store *store, int keys_fd, const char *name, unsigned slots,
                                const struct owner *owner, const struct audit_slot *slot)
{
    uint8_t bytes[AUDIT_SLOTS * AUDIT_SLOT_SIZE] = {0};
    audit_slot_encode(slot, bytes);
    rg_status status =
        make_file(store, keys_fd, name, SEED_MODE, owner, rg_slice_make(bytes, (size_t)slots * AUDIT_SLOT_SIZE));
    rg_wipe(bytes, sizeof bytes);
    return status;
}

static rg_status make_list_file(const struct audit_store *store, int keys_fd, const char *name,
                                const struct owner *owner, const struct audit_list *list, const struct audit_vkey *root,
                                const uint8_t root_seed[AUDIT_SEED_SIZE])
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    rg_buf_init(&text, AUDIT_NOTE_MAX);
    rg_buf_init(&note, AUDIT_NOTE_MAX);
    RG_TRY(audit_list_encode(list, &text));
    RG_TRY(audit_note_sign(rg_buf_slice(&text), root, root_seed, &note));
    return make_file(store, keys_fd, name, PUBLIC_MODE, owner, rg_buf_slice(&note));
}

/* ---- init ---- */

struct making {
    const struct audit_store *store;
    struct owner owner;
    struct audit_list list;
    struct audit_slot slot; /* seed_0 */
    uint8_t root_seed[AUDIT_SEED_SIZE];
    struct audit_vkey root;
    char directory[PATH_BYTES];
    char root_file[PATH_BYTES];
    int directory_fd;
    bool has_made_directory, has_made_root, has_made_keys;
};

static rg_status check_options(const struct audit_keys_options *options)
{
    if (options->epoch_count > AUDIT_EPOCHS_MAX || options->epoch_seconds > AUDIT_EPOCH_SECONDS_MAX) {
        return rg_fail(RG_LIMIT, "at most %d epochs of at most %d seconds", AUDIT_EPOCHS_MAX, AUDIT_EPOCH_SECONDS_MAX);
    }
    return RG_OK;
}

static rg_status check_origin(struct rg_slice origin)
{
    if (!audit_name_is_good(origin) || origin.size > AUDIT_NOTE_NAME_MAX - (sizeof root_suffix - 1)) {
        return rg_fail(RG_CONFIG, "\"%.*s\" is no origin: 1 to %zu bytes without spaces and '+'",
                       rg_slice_shown(origin), origin.data == NULL ? "" : origin.data,
                       AUDIT_NOTE_NAME_MAX - (sizeof root_suffix - 1));
    }
    return RG_OK;
}

static rg_status open_new_directory(struct making *making)
{
    struct stat info;
    making->has_made_directory = mkdir(making->directory, S_IRWXU) == 0;
    if (!making->has_made_directory && errno != EEXIST) {
        return rg_fail(RG_STORAGE, "%.900s cannot be made: %s", making->directory, strerror(errno));
    }
    making->directory_fd = open(making->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (making->directory_fd < 0) {
        return rg_fail(RG_STORAGE, "%s: %s", making->directory, strerror(errno));
    }
    making->owner = owner_of(making->directory_fd);
    if (fstatat(making->directory_fd, "keys", &info, AT_SYMLINK_NOFOLLOW) == 0) {
        return rg_fail(RG_STORAGE, "%s/keys is there already: `rowgate audit keys rotate` makes new keys of a log",
                       making->directory);
    }
    if (fstatat(making->directory_fd, "seg/0000000000000000.jsonl", &info, AT_SYMLINK_NOFOLLOW) == 0) {
        return rg_fail(RG_STORAGE, "%s holds a log that began without keys", making->directory);
    }
    return RG_OK;
}

static void remove_new_keys(const struct making *making)
{
    static const char *const names[] = {"list-00000000.note", "root.vkey"};
    int fd RG_AUTO(fd_close) =
        openat(making->directory_fd, "keys.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    (void)rg_is_ok(audit_seed_file_erase(fd, "seed", audit_store_files()));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unlinkat(fd, names[i], 0);
    }
    (void)unlinkat(making->directory_fd, "keys.new", AT_REMOVEDIR);
}

/* Nothing half-made stays. The status is the failure's; what cannot be removed is not worth another. */
static rg_status undo_init(const struct making *making, rg_status status)
{
    struct rg_error why = *status.error; /* the next failure writes over it */
    if (making->directory_fd >= 0 && making->has_made_keys) {
        (void)renameat(making->directory_fd, "keys", making->directory_fd, "keys.new");
    }
    if (making->directory_fd >= 0) {
        remove_new_keys(making);
    }
    if (making->has_made_root) {
        (void)unlink(making->root_file);
    }
    if (making->has_made_directory) {
        (void)rmdir(making->directory);
    }
    return rg_fail(why.kind, "%s", why.text);
}

static rg_status sync_parent(const struct audit_store *store, const char *path)
{
    char parent[PATH_BYTES];
    (void)snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash != NULL) {
        slash[slash == parent ? 1 : 0] = '\0';
    }
    int fd RG_AUTO(fd_close) = open(slash == NULL ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? rg_fail(RG_STORAGE, "%s: %s", parent, strerror(errno)) : sync_directory(store, fd);
}

static rg_status make_root_file(struct making *making)
{
    static const struct owner nobody_else = {false, 0, 0};
    struct rg_secret *pem RG_AUTO(rg_secret_free) = NULL;
    RG_TRY(rg_sign_pem_encode(making->root_seed, &pem));
    RG_TRY(make_file(making->store, AT_FDCWD, making->root_file, S_IRUSR, &nobody_else, rg_secret_slice(pem)));
    making->has_made_root = true;
    return sync_parent(making->store, making->root_file);
}

static rg_status fill_keys(const struct making *making, int keys_fd)
{
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, AUDIT_VKEY_SIZE + 1);
    RG_TRY(audit_vkey_encode(&making->root, &line));
    RG_TRY(rg_buf_put(&line, RG_SLICE("\n")));
    RG_TRY(make_list_file(making->store, keys_fd, "list-00000000.note", &making->owner, &making->list, &making->root,
                          making->root_seed));
    RG_TRY(make_file(making->store, keys_fd, "root.vkey", PUBLIC_MODE, &making->owner, rg_buf_slice(&line)));
    RG_TRY(make_slot_file(making->store, keys_fd, "seed", AUDIT_SLOTS, &making->owner, &making->slot));
    return sync_directory(making->store, keys_fd);
}

static rg_status make_keys_directory(struct making *making)
{
    remove_new_keys(making); /* of a run that was killed */
    if (mkdirat(making->directory_fd, "keys.new", S_IRWXU) != 0) {
        return rg_fail(RG_STORAGE, "%s/keys.new cannot be made: %s", making->directory, strerror(errno));
    }
    int fd RG_AUTO(fd_close) =
        openat(making->directory_fd, "keys.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (making->owner.is_given && fchown(fd, making->owner.uid, making->owner.gid) != 0)) {
        return rg_fail(RG_STORAGE, "%s/keys.new: %s", making->directory, strerror(errno));
    }
    RG_TRY(fill_keys(making, fd));
    if (renameat(making->directory_fd, "keys.new", making->directory_fd, "keys") != 0) {
        return rg_fail(RG_STORAGE, "%s/keys: %s", making->directory, strerror(errno));
    }
    making->has_made_keys = true;
    RG_TRY(sync_directory(making->store, making->directory_fd));
    return making->has_made_directory ? sync_parent(making->store, making->directory) : RG_OK;
}

static rg_status make_all(struct making *making, const struct audit_keys_maker *maker,
                          const struct audit_keys_options *options, struct rg_arena *arena)
{
    static const struct audit_keys none;
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    struct rg_slice name;
    RG_TRY(open_new_directory(making));
    making->list = (struct audit_list){.origin = options->origin,
                                       .count = options->epoch_count == 0 ? AUDIT_EPOCHS_DEFAULT : options->epoch_count,
                                       .epoch_seconds = options->epoch_seconds == 0 ? AUDIT_EPOCH_SECONDS_DEFAULT
                                                                                    : options->epoch_seconds};
    maker->draw(maker->context, making->root_seed);
    RG_TRY(audit_seed_public(making->root_seed, public_key));
    RG_TRY(rg_arena_printf(arena, &name, "%.*s%s", (int)options->origin.size, options->origin.data, root_suffix));
    RG_TRY(audit_vkey_make(name, public_key, &making->root));
    RG_TRY(audit_chain_make(maker, &none, arena, &making->list, making->slot.seed));
    RG_TRY(make_root_file(making));
    return make_keys_directory(making);
}

rg_status audit_keys_init_by(const struct audit_keys_maker *maker, const struct audit_keys_options *options)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct making *making = rg_memory_alloc(sizeof *making);
    rg_arena_init(&arena, AUDIT_KEYS_ARENA);
    *making = (struct making){.store = maker->store, .directory_fd = -1};
    rg_status status = check_options(options);
    status = rg_is_ok(status) ? check_origin(options->origin) : status;
    status = rg_is_ok(status) ? copy_path(options->directory, "log", making->directory) : status;
    status = rg_is_ok(status) ? copy_path(options->root_file, "root key", making->root_file) : status;
    if (rg_is_ok(status)) {
        status = make_all(making, maker, options, &arena);
        status = rg_is_ok(status) ? status : undo_init(making, status);
    }
    fd_close(&making->directory_fd);
    rg_wipe(making, sizeof *making);
    rg_memory_free(making);
    return status;
}

/* ---- rotate ---- */

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
static rg_status put_rotation(const struct audit_store *store, int keys_fd, const struct owner *owner,
                              const struct audit_list *list, const struct audit_slot *slot,
                              const struct audit_vkey *root, const uint8_t root_seed[AUDIT_SEED_SIZE])
{
    static const char unnamed[] = "list.new";
    char name[AUDIT_LIST_NAME_SIZE];
    audit_list_name(list->first_epoch, name);
    (void)unlinkat(keys_fd, unnamed, 0); /* of a run that was killed */
    rg_status status = audit_seed_file_erase(keys_fd, "seed.next", store);
    status = rg_is_ok(status) ? make_slot_file(store, keys_fd, "seed.next", 1, owner, slot) : status;
    status = rg_is_ok(status) ? make_list_file(store, keys_fd, unnamed, owner, list, root, root_seed) : status;
    status = rg_is_ok(status) ? sync_directory(store, keys_fd) : status;
    if (rg_is_ok(status) && renameat(keys_fd, unnamed, keys_fd, name) != 0) {
        status = rg_fail(RG_STORAGE, "keys/%s: %s", name, strerror(errno));
    } else if (rg_is_ok(status)) {
        status = sync_directory(store, keys_fd);
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
    const struct owner owner = owner_of(file->fd);
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
    char path[PATH_BYTES];
    RG_TRY(check_options(options));
    RG_TRY(copy_path(options->directory, "log", path));
    int directory_fd RG_AUTO(fd_close) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int keys_fd RG_AUTO(fd_close) = directory_fd < 0 ? -1 : audit_keys_open_directory(directory_fd);
    if (keys_fd < 0) {
        return rg_fail(RG_STORAGE, "%s/keys: %s", path, strerror(errno));
    }
    RG_TRY(audit_seed_file_open(keys_fd, "seed", maker->store, AUDIT_SEED_ANY_FOR_ROOT, LOCK_WAIT_MS, &file));
    return rotate_locked(maker, options, keys_fd, &file);
}

/* ---- with the machine's files and randomness ---- */

static void draw_random(void *context, uint8_t out_seed[AUDIT_SEED_SIZE])
{
    (void)context;
    rg_random(out_seed, AUDIT_SEED_SIZE);
}

rg_status audit_keys_init(const struct audit_keys_options *options)
{
    const struct audit_keys_maker maker = {.store = audit_store_files(), .draw = draw_random};
    return audit_keys_init_by(&maker, options);
}

rg_status audit_keys_rotate(const struct audit_keys_options *options)
{
    const struct audit_keys_maker maker = {.store = audit_store_files(), .draw = draw_random};
    return audit_keys_rotate_by(&maker, options);
}
