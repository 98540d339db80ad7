/* SPDX-License-Identifier: Apache-2.0 */
/* `rowgate audit keys init`: keys.new/ is built and renamed to keys/; what fails is taken back, seeds as zeros. Offline
 * work, once in a log's life: the root's private key is in this process, in the file it goes to, and nowhere else. */
#include "audit/keys_make_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/note_private.h"
#include "base/rg_crypto.h"
#include "base/rg_memory.h"
#include "base/rg_sign.h"

static const char root_suffix[] = "/root"; /* the root signs under "<origin>/root" */

struct making {
    const struct audit_store *store;
    struct audit_make_owner owner;
    struct audit_list list;
    struct audit_slot slot; /* seed_0 */
    uint8_t root_seed[AUDIT_SEED_SIZE];
    struct audit_vkey root;
    char directory[AUDIT_MAKE_PATH_BYTES];
    char root_file[AUDIT_MAKE_PATH_BYTES];
    int directory_fd;
    bool has_made_directory, has_made_root, has_made_keys;
};

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
    making->owner = audit_make_owner_of(making->directory_fd);
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
    int fd RG_AUTO(audit_make_fd_close) =
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
    char parent[AUDIT_MAKE_PATH_BYTES];
    (void)snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash != NULL) {
        slash[slash == parent ? 1 : 0] = '\0';
    }
    int fd RG_AUTO(audit_make_fd_close) = open(slash == NULL ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? rg_fail(RG_STORAGE, "%s: %s", parent, strerror(errno)) : audit_make_sync(store, fd);
}

static rg_status make_root_file(struct making *making)
{
    static const struct audit_make_owner nobody_else = {false, 0, 0};
    struct rg_secret *pem RG_AUTO(rg_secret_free) = NULL;
    RG_TRY(rg_sign_pem_encode(making->root_seed, &pem));
    RG_TRY(audit_make_file(making->store, AT_FDCWD, making->root_file, S_IRUSR, &nobody_else, rg_secret_slice(pem)));
    making->has_made_root = true;
    return sync_parent(making->store, making->root_file);
}

static rg_status fill_keys(const struct making *making, int keys_fd)
{
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, AUDIT_VKEY_SIZE + 1);
    RG_TRY(audit_vkey_encode(&making->root, &line));
    RG_TRY(rg_buf_put(&line, RG_SLICE("\n")));
    RG_TRY(audit_make_list_file(making->store, keys_fd, "list-00000000.note", &making->owner, &making->list,
                                &making->root, making->root_seed));
    RG_TRY(audit_make_file(making->store, keys_fd, "root.vkey", AUDIT_MAKE_PUBLIC_MODE, &making->owner,
                           rg_buf_slice(&line)));
    RG_TRY(audit_make_slot_file(making->store, keys_fd, "seed", AUDIT_SLOTS, &making->owner, &making->slot));
    return audit_make_sync(making->store, keys_fd);
}

static rg_status make_keys_directory(struct making *making)
{
    remove_new_keys(making); /* of a run that was killed */
    if (mkdirat(making->directory_fd, "keys.new", S_IRWXU) != 0) {
        return rg_fail(RG_STORAGE, "%s/keys.new cannot be made: %s", making->directory, strerror(errno));
    }
    int fd RG_AUTO(audit_make_fd_close) =
        openat(making->directory_fd, "keys.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (making->owner.is_given && fchown(fd, making->owner.uid, making->owner.gid) != 0)) {
        return rg_fail(RG_STORAGE, "%s/keys.new: %s", making->directory, strerror(errno));
    }
    RG_TRY(fill_keys(making, fd));
    if (renameat(making->directory_fd, "keys.new", making->directory_fd, "keys") != 0) {
        return rg_fail(RG_STORAGE, "%s/keys: %s", making->directory, strerror(errno));
    }
    making->has_made_keys = true;
    RG_TRY(audit_make_sync(making->store, making->directory_fd));
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
    rg_status status = audit_make_check(options);
    status = rg_is_ok(status) ? check_origin(options->origin) : status;
    status = rg_is_ok(status) ? audit_make_path(options->directory, "log", making->directory) : status;
    status = rg_is_ok(status) ? audit_make_path(options->root_file, "root key", making->root_file) : status;
    if (rg_is_ok(status)) {
        status = make_all(making, maker, options, &arena);
        status = rg_is_ok(status) ? status : undo_init(making, status);
    }
    audit_make_fd_close(&making->directory_fd);
    rg_wipe(making, sizeof *making);
    rg_memory_free(making);
    return status;
}

rg_status audit_keys_init(const struct audit_keys_options *options)
{
    const struct audit_keys_maker maker = audit_make_maker();
    return audit_keys_init_by(&maker, options);
}
