/* SPDX-License-Identifier: Apache-2.0 */
/* What a witness remembers, on a disk. A checkpoint is there for good before its cosignature leaves; what cannot be
 * read again stops the witness, because one that forgets would cosign a second history. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/witness/witness_private.h"
#include "base/rg_memory.h"

#define TEMPORARY "new"

/* *out_is_there false: there is none. */
static rg_status read_file(const struct witness *witness, const char *name, struct rg_arena *arena,
                           struct rg_slice *out_bytes, bool *out_is_there)
{
    void *memory = NULL;
    size_t got = 0;
    RG_AUTO(audit_fd_done) int fd = openat(witness->directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *out_is_there = fd >= 0;
    if (fd < 0) {
        return errno == ENOENT ? RG_OK : rg_fail(RG_STORAGE, "cannot open %s: %s", name, strerror(errno));
    }
    RG_TRY(rg_arena_alloc(arena, AUDIT_NOTE_MAX + 1, &memory));
    while (got <= AUDIT_NOTE_MAX) {
        ssize_t piece = read(fd, (char *)memory + got, AUDIT_NOTE_MAX + 1 - got);
        if (piece < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read %s: %s", name, strerror(errno));
        }
        if (piece == 0) {
            break;
        }
        got += piece > 0 ? (size_t)piece : 0;
    }
    *out_bytes = rg_slice_make(memory, got);
    return RG_OK;
}

/* ---- lists ---- */

struct keyring { /* what a log's lists make together */
    struct rg_arena arena;
    struct rg_slice lists[AUDIT_LISTS_MAX];
    uint64_t first_epochs[AUDIT_LISTS_MAX];
    size_t count;
    struct audit_keys *keys;
    uint32_t *ids;
};

static void keyring_free(struct keyring **ring)
{
    if (*ring != NULL) {
        rg_arena_done(&(*ring)->arena);
        rg_memory_free(*ring);
        *ring = NULL;
    }
}

static struct keyring *keyring_new(void)
{
    struct keyring *ring = rg_memory_alloc(sizeof *ring);
    rg_arena_init(&ring->arena, WITNESS_KEYS_ARENA);
    return ring;
}

/* In order of first epochs; copies the bytes. */
static rg_status keyring_add(struct keyring *ring, uint64_t first_epoch, struct rg_slice bytes)
{
    size_t at = ring->count;
    if (ring->count == AUDIT_LISTS_MAX) {
        return rg_fail(RG_PROTOCOL, "more than %d lists of keys", AUDIT_LISTS_MAX);
    }
    for (; at > 0 && ring->first_epochs[at - 1] > first_epoch; at--) {
        ring->first_epochs[at] = ring->first_epochs[at - 1];
        ring->lists[at] = ring->lists[at - 1];
    }
    ring->first_epochs[at] = first_epoch;
    ring->count++;
    return rg_arena_copy(&ring->arena, bytes, &ring->lists[at]);
}

static rg_status keyring_join(struct keyring *ring, const struct witness_log *log)
{
    struct audit_keys *keys = NULL;
    RG_TRY(rg_arena_new(&ring->arena, &keys));
    RG_TRY(audit_keys_parse(ring->lists, ring->count, &log->key, &ring->arena, keys));
    if (!rg_slice_is_equal(keys->origin, log->origin)) {
        return rg_fail(RG_PROTOCOL, "it is a list of another log's keys");
    }
    RG_TRY(rg_arena_array(&ring->arena, (size_t)keys->epoch_count, sizeof *ring->ids, (void **)&ring->ids));
    for (uint64_t epoch = 0; epoch < keys->epoch_count; epoch++) {
        struct audit_vkey key = {0};
        RG_TRY(audit_keys_vkey(keys, epoch, &key));
        ring->ids[epoch] = key.id;
    }
    ring->keys = keys;
    return RG_OK;
}

/* The ring's memory is the log's from now on. */
static void take_keyring(struct keyring *ring, struct witness_log *log)
{
    rg_arena_done(&log->arena);
    log->arena = ring->arena;
    memcpy(log->lists, ring->lists, sizeof log->lists);
    memcpy(log->first_epochs, ring->first_epochs, sizeof log->first_epochs);
    log->list_count = ring->count;
    log->keys = ring->keys;
    log->ids = ring->ids;
    rg_arena_init(&ring->arena, 0);
}

static void list_name(const struct witness_log *log, uint64_t first_epoch, char out_name[WITNESS_FILE_SIZE])
{
    (void)snprintf(out_name, WITNESS_FILE_SIZE, "%s.list-%08" PRIu64, log->id, first_epoch);
}

static bool parse_list_name(const struct witness_log *log, const char *name, uint64_t *out_first_epoch)
{
    char again[WITNESS_FILE_SIZE];
    size_t prefix = strlen(log->id) + sizeof ".list-" - 1;
    if (strlen(name) != prefix + 8) {
        return false;
    }
    *out_first_epoch = strtoull(name + prefix, NULL, 10);
    list_name(log, *out_first_epoch, again);
    return strcmp(again, name) == 0;
}

static rg_status read_lists(const struct witness *witness, const struct witness_log *log, DIR *directory,
                            struct keyring *ring)
{
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        uint64_t first_epoch = 0;
        struct rg_slice bytes = {0};
        bool is_there = false;
        if (parse_list_name(log, entry->d_name, &first_epoch)) {
            RG_AUTO(rg_arena_done) struct rg_arena arena;
            rg_arena_init(&arena, 2 * AUDIT_NOTE_MAX);
            RG_TRY(read_file(witness, entry->d_name, &arena, &bytes, &is_there));
            RG_TRY(keyring_add(ring, first_epoch, bytes));
        }
    }
    return RG_OK;
}

static rg_status load_lists(const struct witness *witness, struct witness_log *log)
{
    RG_AUTO(keyring_free) struct keyring *ring = keyring_new();
    int fd = openat(witness->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        audit_fd_done(&fd);
        return rg_fail(RG_STORAGE, "cannot read the witness's directory: %s", strerror(errno));
    }
    rg_status status = read_lists(witness, log, directory, ring);
    (void)closedir(directory);
    RG_TRY(status);
    if (ring->count > 0) {
        RG_TRY(keyring_join(ring, log));
        take_keyring(ring, log);
    }
    return RG_OK;
}

static rg_status copy_known(const struct witness_log *log, uint64_t first_epoch, struct rg_slice bytes,
                            struct keyring *ring, bool *out_is_known)
{
    for (size_t i = 0; i < log->list_count; i++) {
        RG_TRY(keyring_add(ring, log->first_epochs[i], log->lists[i]));
        if (log->first_epochs[i] == first_epoch) {
            *out_is_known = true;
            return rg_slice_is_equal(log->lists[i], bytes)
                       ? RG_OK
                       : rg_fail(RG_CLOSED, "another list of that log's keys from epoch %" PRIu64 " on is known here",
                                 first_epoch);
        }
    }
    return RG_OK;
}

static rg_status check_list(const struct witness_log *log, struct rg_slice bytes, uint64_t *out_first_epoch)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_note note = {0};
    struct audit_list list = {0};
    rg_arena_init(&arena, WITNESS_KEYS_ARENA);
    RG_TRY(audit_note_parse(bytes, &note));
    if (!audit_note_is_signed_by(&note, &log->key)) {
        return rg_fail(RG_DENIED, "the list is not signed by the root that this witness was given");
    }
    RG_TRY(audit_list_parse(note.text, &arena, &list));
    *out_first_epoch = list.first_epoch;
    return RG_OK;
}

rg_status witness_state_add_list(const struct witness *witness, struct witness_log *log, struct rg_slice bytes)
{
    RG_AUTO(keyring_free) struct keyring *ring = keyring_new();
    char name[WITNESS_FILE_SIZE];
    uint64_t first_epoch = 0;
    bool is_known = false;
    RG_TRY(check_list(log, bytes, &first_epoch));
    RG_TRY(copy_known(log, first_epoch, bytes, ring, &is_known));
    if (is_known) {
        return RG_OK;
    }
    RG_TRY(keyring_add(ring, first_epoch, bytes));
    RG_TRY(keyring_join(ring, log));
    list_name(log, first_epoch, name);
    RG_TRY(audit_store_put(witness->store, witness->directory_fd, name, TEMPORARY, bytes, true));
    take_keyring(ring, log);
    return RG_OK;
}

/* ---- checkpoints ---- */

static void file_name(const struct witness_log *log, const char *what, char out_name[WITNESS_FILE_SIZE])
{
    (void)snprintf(out_name, WITNESS_FILE_SIZE, "%s.%s", log->id, what);
}

static rg_status take_checkpoint(struct witness_log *log, struct rg_slice bytes)
{
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    uint64_t epoch = 0;
    RG_TRY(audit_note_parse(bytes, &note));
    RG_TRY(audit_checkpoint_parse(note.text, &checkpoint));
    if (!rg_slice_is_equal(checkpoint.origin, log->origin) || !witness_log_has_signed(log, &note, &epoch)) {
        return rg_fail(RG_PROTOCOL, "no key of that log signed it, or its lists of keys are gone");
    }
    log->size = checkpoint.size;
    log->root = checkpoint.root;
    log->epoch = epoch;
    log->has_checkpoint = true;
    return RG_OK;
}

rg_status witness_state_load(const struct witness *witness, struct witness_log *log)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char name[WITNESS_FILE_SIZE];
    struct rg_slice bytes = {0};
    bool is_there = false;
    rg_arena_init(&arena, 2 * AUDIT_NOTE_MAX);
    file_name(log, "checkpoint", name);
    rg_status status = load_lists(witness, log);
    if (rg_is_ok(status)) {
        status = read_file(witness, name, &arena, &bytes, &is_there);
    }
    if (rg_is_ok(status) && is_there) {
        status = take_checkpoint(log, bytes);
    }
    if (!rg_is_ok(status)) {
        char reason[256];
        (void)snprintf(reason, sizeof reason, "%.200s", status.error->text);
        return rg_fail(RG_STORAGE, "what is remembered of %.*s (%.16s...) is damaged: %s", rg_slice_shown(log->origin),
                       log->origin.data, log->id, reason);
    }
    return RG_OK;
}

rg_status witness_state_put_checkpoint(const struct witness *witness, const struct witness_log *log,
                                       struct rg_slice note)
{
    char name[WITNESS_FILE_SIZE];
    file_name(log, "checkpoint", name);
    return audit_store_put(witness->store, witness->directory_fd, name, TEMPORARY, note, true);
}

void witness_state_keep_refused(const struct witness *witness, const struct witness_log *log, struct rg_slice note)
{
    char name[WITNESS_FILE_SIZE];
    struct stat info;
    file_name(log, "refused", name);
    if (witness->store->stat_at(witness->store->context, witness->directory_fd, name, &info) != 0) {
        (void)rg_is_ok(audit_store_put(witness->store, witness->directory_fd, name, TEMPORARY, note, true));
    }
}
