/* SPDX-License-Identifier: Apache-2.0 */
/* The public half of the signing keys: root, lists, the verifying key of each epoch. The directory may be anybody's:
 * what is not signed by the root and in its place is refused, with the file's name. */
#include "audit/keys_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/note_private.h"
#include "base/rg_memory.h"

static void fd_close(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

/* The same failure with the file's name before it. */
static rg_status in_file(rg_status status, const char *name)
{
    char text[sizeof status.error->text];
    if (rg_is_ok(status)) {
        return status;
    }
    (void)snprintf(text, sizeof text, "%s", status.error->text); /* rg_fail writes over it */
    return rg_fail(status.error->kind, "keys/%s: %s", name, text);
}

static rg_status read_rest(int fd, struct rg_buf *out)
{
    for (;;) {
        char *memory = NULL;
        RG_TRY(rg_buf_reserve(out, 65536, &memory));
        ssize_t got = read(fd, memory, 65536);
        if (got < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "%s", strerror(errno));
        }
        if (got == 0) {
            return RG_OK;
        }
        rg_buf_commit(out, got > 0 ? (size_t)got : 0);
        if (rg_buf_size(out) > AUDIT_NOTE_MAX) {
            return rg_fail(RG_PROTOCOL, "more than %d bytes", AUDIT_NOTE_MAX);
        }
    }
}

static rg_status read_file(int keys_fd, const char *name, struct rg_buf *out)
{
    struct stat info;
    int fd RG_AUTO(fd_close) = openat(keys_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return rg_fail(RG_STORAGE, "%s", strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return rg_fail(RG_STORAGE, "not a regular file");
    }
    return read_rest(fd, out);
}

/* ---- root ---- */

static rg_status read_root(int keys_fd, struct rg_arena *arena, struct audit_vkey *out_root)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    struct rg_slice text, line;
    rg_buf_init(&buf, (size_t)AUDIT_NOTE_MAX + 65536);
    RG_TRY(read_file(keys_fd, "root.vkey", &buf));
    RG_TRY(rg_arena_copy(arena, rg_buf_slice(&buf), &text));
    if (!audit_get_line(&text, &line) || text.size != 0) {
        return rg_fail(RG_PROTOCOL, "not one line");
    }
    return audit_vkey_parse(line, out_root);
}

static rg_status load_root(int keys_fd, const struct audit_vkey *pinned_root, struct rg_arena *arena,
                           struct audit_keys *keys)
{
    if (pinned_root == NULL) {
        return in_file(read_root(keys_fd, arena, &keys->root), "root.vkey");
    }
    keys->root = *pinned_root;
    keys->is_root_pinned = true;
    return rg_arena_copy(arena, pinned_root->name, &keys->root.name);
}

/* ---- lists ---- */

static int compare_epochs(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void dir_close(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

static rg_status find_lists(int keys_fd, uint64_t epochs[AUDIT_LISTS_MAX], size_t *out_count)
{
    int fd = openat(keys_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir RG_AUTO(dir_close) = fd < 0 ? NULL : fdopendir(fd);
    size_t count = 0;
    if (dir == NULL) {
        return rg_fail(RG_STORAGE, "keys/: %s", strerror(errno));
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        uint64_t epoch = 0;
        if (!audit_list_name_parse(rg_slice_of(entry->d_name), &epoch)) {
            continue;
        }
        if (count == AUDIT_LISTS_MAX) {
            return rg_fail(RG_PROTOCOL, "keys/: more than %d lists", AUDIT_LISTS_MAX);
        }
        epochs[count++] = epoch;
    }
    if (count == 0) {
        return rg_fail(RG_STORAGE, "keys/ holds no list of keys: `rowgate audit keys init` makes one");
    }
    qsort(epochs, count, sizeof *epochs, compare_epochs);
    *out_count = count;
    return RG_OK;
}

static rg_status parse_list(struct rg_slice bytes, const struct audit_vkey *root, struct rg_arena *arena,
                            struct audit_list *out_list)
{
    struct audit_note note;
    struct audit_list list;
    RG_TRY(audit_note_parse(bytes, &note));
    if (!audit_note_is_signed_by(&note, root)) {
        return rg_fail(RG_PROTOCOL, "not signed by the root key %.*s+%08x", rg_slice_shown(root->name), root->name.data,
                       root->id);
    }
    RG_TRY(audit_list_parse(note.text, arena, &list));
    RG_TRY(rg_arena_copy(arena, list.origin, &list.origin));
    *out_list = list;
    return RG_OK;
}

static rg_status read_list(int keys_fd, const char *name, const struct audit_vkey *root, struct rg_arena *arena,
                           struct audit_list *out_list)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, (size_t)AUDIT_NOTE_MAX + 65536);
    RG_TRY(read_file(keys_fd, name, &buf));
    return parse_list(rg_buf_slice(&buf), root, arena, out_list);
}

/* A list goes on where the ones before it end, or takes over before that. */
static rg_status add_list(struct audit_keys *keys, const struct audit_list *list, uint64_t named_epoch)
{
    const struct audit_list_info *last = keys->list_count == 0 ? NULL : &keys->lists[keys->list_count - 1];
    if (list->first_epoch != named_epoch) {
        return rg_fail(RG_PROTOCOL, "begins at epoch %" PRIu64, list->first_epoch);
    }
    if (last != NULL && !rg_slice_is_equal(list->origin, keys->origin)) {
        return rg_fail(RG_PROTOCOL, "is of another log than the first list");
    }
    if (list->first_epoch > keys->epoch_count || (last != NULL && list->first_epoch <= last->first_epoch)) {
        return rg_fail(RG_PROTOCOL, "begins at epoch %" PRIu64 ", and the lists before it end at %" PRIu64,
                       list->first_epoch, keys->epoch_count);
    }
    keys->origin = list->origin;
    keys->epoch_count = list->first_epoch + list->count;
    keys->epoch_seconds = list->epoch_seconds;
    keys->lists[keys->list_count++] = (struct audit_list_info){.first_epoch = list->first_epoch,
                                                               .count = list->count,
                                                               .epoch_seconds = list->epoch_seconds,
                                                               .root = audit_list_root(list)};
    return RG_OK;
}

static rg_status load_lists(int keys_fd, struct rg_arena *arena, struct audit_keys *keys, struct audit_list *lists)
{
    uint64_t epochs[AUDIT_LISTS_MAX];
    size_t count = 0;
    RG_TRY(find_lists(keys_fd, epochs, &count));
    for (size_t i = 0; i < count; i++) {
        char name[AUDIT_LIST_NAME_SIZE];
        audit_list_name(epochs[i], name);
        RG_TRY(in_file(read_list(keys_fd, name, &keys->root, arena, &lists[i]), name));
        RG_TRY(in_file(add_list(keys, &lists[i], epochs[i]), name));
    }
    return RG_OK;
}

/* One array for all epochs: each list owns those from its first one on, until the next list begins. */
static rg_status join_lists(const struct audit_list *lists, struct rg_arena *arena, struct audit_keys *keys)
{
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, (size_t)keys->epoch_count, AUDIT_PUBLIC_SIZE, &memory));
    keys->public_keys = memory;
    for (size_t i = 0; i < keys->list_count; i++) {
        uint64_t first = lists[i].first_epoch;
        uint64_t end = i + 1 < keys->list_count ? lists[i + 1].first_epoch : keys->epoch_count;
        memcpy(keys->public_keys[first], lists[i].public_keys, (size_t)(end - first) * AUDIT_PUBLIC_SIZE);
    }
    return RG_OK;
}

/* A signature names its key by four bytes: no two epochs' keys may share them. */
static rg_status check_ids(const struct audit_keys *keys)
{
    uint32_t *ids = rg_memory_array((size_t)keys->epoch_count, sizeof *ids);
    rg_status status = RG_OK;
    for (uint64_t i = 0; i < keys->epoch_count && rg_is_ok(status); i++) {
        struct audit_vkey key = {0};
        status = audit_keys_vkey(keys, i, &key);
        ids[i] = key.id;
    }
    if (rg_is_ok(status) && !audit_ids_are_distinct(ids, (size_t)keys->epoch_count)) {
        status = rg_fail(RG_PROTOCOL, "keys/: two of the listed keys have the same id");
    }
    rg_memory_free(ids);
    return status;
}

rg_status audit_keys_load_from(int keys_fd, const struct audit_vkey *pinned_root, struct rg_arena *arena,
                               struct audit_keys *out_keys)
{
    struct audit_keys *keys = NULL; /* too large for a frame */
    void *lists = NULL;
    RG_TRY(rg_arena_new(arena, &keys));
    RG_TRY(rg_arena_array(arena, AUDIT_LISTS_MAX, sizeof(struct audit_list), &lists));
    RG_TRY(load_root(keys_fd, pinned_root, arena, keys));
    RG_TRY(load_lists(keys_fd, arena, keys, lists));
    RG_TRY(join_lists(lists, arena, keys));
    RG_TRY(check_ids(keys));
    *out_keys = *keys;
    return RG_OK;
}

rg_status audit_keys_parse(const struct rg_slice *notes, size_t count, const struct audit_vkey *pinned_root,
                           struct rg_arena *arena, struct audit_keys *out_keys)
{
    struct audit_keys *keys = NULL; /* too large for a frame */
    struct audit_list *lists = NULL;
    if (count == 0 || count > AUDIT_LISTS_MAX) {
        return rg_fail(RG_PROTOCOL, "%zu lists of keys: 1 to %d are expected", count, AUDIT_LISTS_MAX);
    }
    RG_TRY(rg_arena_new(arena, &keys));
    RG_TRY(rg_arena_array(arena, count, sizeof *lists, (void **)&lists));
    keys->root = *pinned_root;
    keys->is_root_pinned = true;
    RG_TRY(rg_arena_copy(arena, pinned_root->name, &keys->root.name));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(parse_list(notes[i], &keys->root, arena, &lists[i]));
        RG_TRY(add_list(keys, &lists[i], lists[i].first_epoch));
    }
    RG_TRY(join_lists(lists, arena, keys));
    RG_TRY(check_ids(keys));
    *out_keys = *keys;
    return RG_OK;
}

int audit_keys_open_directory(int directory_fd)
{
    return openat(directory_fd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

rg_status audit_keys_load(int directory_fd, const struct audit_vkey *pinned_root, struct rg_arena *arena,
                          struct audit_keys *out_keys)
{
    int keys_fd RG_AUTO(fd_close) = audit_keys_open_directory(directory_fd);
    if (keys_fd < 0) {
        return errno == ENOENT
                   ? rg_fail(RG_STORAGE, "the log has no keys/: `rowgate audit keys init` makes the keys of a new log")
                   : rg_fail(RG_STORAGE, "keys/: %s", strerror(errno));
    }
    return audit_keys_load_from(keys_fd, pinned_root, arena, out_keys);
}

rg_status audit_keys_vkey(const struct audit_keys *keys, uint64_t epoch, struct audit_vkey *out_key)
{
    if (epoch >= keys->epoch_count) {
        return rg_fail(RG_LIMIT, "no key is listed for epoch %" PRIu64 ": the lists end before epoch %" PRIu64, epoch,
                       keys->epoch_count);
    }
    return audit_vkey_make(keys->origin, keys->public_keys[epoch], out_key);
}

struct rg_digest audit_keys_genesis_root(const struct audit_keys *keys)
{
    RG_ASSERT(keys->list_count > 0);
    return keys->lists[0].root;
}

rg_status audit_keys_current_epoch(int directory_fd, uint64_t *out_epoch)
{
    enum { WAIT_MS = 2000 };
    int keys_fd RG_AUTO(fd_close) = audit_keys_open_directory(directory_fd);
    if (keys_fd < 0) {
        return rg_fail(RG_STORAGE, "keys/: %s", strerror(errno));
    }
    struct audit_seed_file file RG_AUTO(audit_seed_file_done) = {0};
    unsigned index = 0;
    RG_TRY(audit_seed_file_open(keys_fd, "seed", audit_store_files(), AUDIT_SEED_ANY_FOR_ROOT, WAIT_MS, &file));
    RG_TRY(audit_seed_file_current(&file, &index));
    *out_epoch = file.slot[index].epoch;
    return RG_OK;
}
