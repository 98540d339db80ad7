/* SPDX-License-Identifier: Apache-2.0 */
/* Which signed checkpoints there are: ckpt/, head.note, and the one that the outsider kept. Form only; whether they
 * hold is settled in verify_epochs.c, when the records were read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/verify_private.h"

#define OUTSIDE "the checkpoint you brought"

enum { NOTE_BYTES_MAX = 32 * 1024 }; /* 16 signatures and more; a checkpoint of ours has 200 bytes */

static rg_status read_small(int fd, const char *name, size_t limit_bytes, struct rg_arena *arena,
                            struct rg_slice *out_bytes)
{
    struct stat info;
    void *memory = NULL;
    size_t got = 0;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return rg_fail(RG_STORAGE, "%s is not a regular file", name);
    }
    if (info.st_size < 0 || (uint64_t)info.st_size > limit_bytes) {
        return rg_fail(RG_LIMIT, "%s has more than %zu bytes", name, limit_bytes);
    }
    size_t size = (size_t)info.st_size;
    RG_TRY(rg_arena_alloc(arena, size + 1, &memory));
    while (got < size) {
        ssize_t piece = pread(fd, (char *)memory + got, size - got, (off_t)got);
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

rg_status verify_file_load(int directory_fd, const char *name, size_t limit_bytes, struct rg_arena *arena,
                           struct rg_slice *out_bytes, bool *out_is_absent)
{
    RG_AUTO(audit_fd_done) int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        *out_is_absent = true;
        return RG_OK;
    }
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", name, strerror(errno));
    }
    RG_TRY(read_small(fd, name, limit_bytes, arena, out_bytes));
    *out_is_absent = false;
    return RG_OK;
}

struct loader {
    int directory_fd;
    struct rg_slice origin;
    struct rg_arena *arena;
    struct verify_findings *findings;
    struct verify_checkpoints *checkpoints;
};

static rg_status check_origin(const struct audit_checkpoint *checkpoint, struct rg_slice origin)
{
    if (!rg_slice_is_equal(checkpoint->origin, origin)) {
        return rg_fail(RG_PROTOCOL, "it is a checkpoint of another log, %.*s", rg_slice_shown(checkpoint->origin),
                       checkpoint->origin.data);
    }
    return RG_OK;
}

static rg_status parse(struct rg_slice bytes, struct audit_checkpoint *out_checkpoint)
{
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    RG_TRY(audit_note_parse(bytes, &note));
    RG_TRY(audit_checkpoint_parse(note.text, &checkpoint));
    if (checkpoint.size == 0) {
        return rg_fail(RG_PROTOCOL, "it is a checkpoint of no records");
    }
    *out_checkpoint = checkpoint;
    return RG_OK;
}

static struct verify_checkpoint *add(struct verify_checkpoints *checkpoints, const struct audit_checkpoint *parsed,
                                     struct rg_slice bytes, const char *file)
{
    struct verify_checkpoint *checkpoint = verify_list_add(&checkpoints->sorted, sizeof *checkpoint);
    checkpoint->size = parsed->size;
    checkpoint->root = parsed->root;
    checkpoint->bytes = bytes;
    (void)snprintf(checkpoint->file, sizeof checkpoint->file, "%s", file);
    return checkpoint;
}

/* size: what the file's name says; 0 = nothing. An unreadable or malformed one is a finding about that file. */
static rg_status load_one(const struct loader *loader, const char *file, uint64_t size, bool *out_is_absent)
{
    struct rg_slice bytes = {0};
    struct audit_checkpoint parsed = {0};
    uint64_t seq = size == 0 ? 0 : size - 1;
    rg_status status =
        verify_file_load(loader->directory_fd, file, NOTE_BYTES_MAX, loader->arena, &bytes, out_is_absent);
    if (!rg_is_ok(status) && status.error->kind == RG_STORAGE) {
        return status;
    }
    if (rg_is_ok(status) && *out_is_absent) {
        return RG_OK; /* a closed epoch's: the publisher keeps the last one only */
    }
    if (rg_is_ok(status)) {
        status = parse(bytes, &parsed);
    }
    if (rg_is_ok(status)) {
        status = check_origin(&parsed, loader->origin);
    }
    *out_is_absent = false;
    if (!rg_is_ok(status)) {
        verify_find(loader->findings, AUDIT_ALTERED, file, seq, "no valid checkpoint: %s", status.error->text);
        return RG_OK;
    }
    if (size != 0 && parsed.size != size) {
        verify_find(loader->findings, AUDIT_ALTERED, file, seq,
                    "the name says another size than the checkpoint, %" PRIu64, parsed.size);
    }
    struct verify_checkpoint *checkpoint = add(loader->checkpoints, &parsed, bytes, file);
    checkpoint->is_head = size == 0;
    return RG_OK;
}

static bool parse_name(const char *name, uint64_t *out_size)
{
    struct rg_slice text = rg_slice_of(name);
    return rg_slice_is_equal(rg_slice_cut(text, AUDIT_DIGITS, SIZE_MAX), RG_SLICE(".note")) &&
           audit_line_digits_parse(rg_slice_cut(text, 0, AUDIT_DIGITS), out_size) && *out_size > 0;
}

static rg_status load_entry(const struct loader *loader, const char *name)
{
    char file[VERIFY_FILE_SIZE];
    uint64_t size = 0;
    bool is_absent = false;
    (void)snprintf(file, sizeof file, "ckpt/%.70s", name);
    if (parse_name(name, &size)) {
        return load_one(loader, file, size, &is_absent);
    }
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
        verify_find(loader->findings, AUDIT_ALTERED, file, 0, "a file in ckpt/ that is no checkpoint");
    }
    return RG_OK;
}

static rg_status load_directory(const struct loader *loader)
{
    int fd = openat(loader->directory_fd, "ckpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        return RG_OK;
    }
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    rg_status status = RG_OK;
    if (directory == NULL) {
        int error = errno;
        audit_fd_done(&fd);
        return rg_fail(RG_STORAGE, "cannot open ckpt/: %s", strerror(error));
    }
    do {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            status = errno == 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot read ckpt/: %s", strerror(errno));
            break;
        }
        status = load_entry(loader, entry->d_name);
    } while (rg_is_ok(status));
    (void)closedir(directory);
    return status;
}

static int compare_checkpoints(const void *a, const void *b)
{
    const struct verify_checkpoint *x = a;
    const struct verify_checkpoint *y = b;
    if (x->size != y->size) {
        return x->size < y->size ? -1 : 1;
    }
    return strcmp(x->file, y->file);
}

static void sort(struct verify_checkpoints *checkpoints)
{
    if (checkpoints->sorted.count > 0) {
        qsort(checkpoints->sorted.items, checkpoints->sorted.count, sizeof(struct verify_checkpoint),
              compare_checkpoints);
    }
}

size_t verify_checkpoints_from(const struct verify_checkpoints *checkpoints, uint64_t size)
{
    const struct verify_checkpoint *items = checkpoints->sorted.items;
    size_t low = 0;
    size_t high = checkpoints->sorted.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items[middle].size < size) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* head.note is the newest checkpoint; ckpt/ keeps those that close an epoch or a segment. It is read after ckpt/, and a
 * crash can leave it one behind. */
static rg_status check_head(const struct loader *loader)
{
    struct verify_checkpoints *checkpoints = loader->checkpoints;
    size_t kept = checkpoints->sorted.count;
    size_t newer = 0;
    bool is_absent = false;
    RG_TRY(load_one(loader, "head.note", 0, &is_absent));
    const struct verify_checkpoint *items = checkpoints->sorted.items;
    if (is_absent && kept > 1) {
        verify_find(loader->findings, AUDIT_INCOMPLETE, "head.note", items[kept - 1].size, "head.note is missing");
    }
    if (checkpoints->sorted.count == kept) {
        return RG_OK;
    }
    for (size_t i = 0; i < kept; i++) {
        newer += items[i].size > items[kept].size ? 1 : 0;
    }
    if (newer > 1) {
        verify_find(loader->findings, AUDIT_TRUNCATED, "head.note", items[kept].size,
                    "head.note is an old checkpoint, of %" PRIu64 " records: ckpt/ has %zu newer ones",
                    items[kept].size, newer);
    }
    return RG_OK;
}

static rg_status add_since(const struct loader *loader, struct rg_slice since)
{
    struct audit_checkpoint parsed = {0};
    if (since.size == 0) {
        return RG_OK;
    }
    RG_TRY(parse(since, &parsed));
    rg_status status = check_origin(&parsed, loader->origin);
    if (!rg_is_ok(status)) {
        verify_find(loader->findings, AUDIT_ALTERED, OUTSIDE, 0, "%s", status.error->text);
        return RG_OK;
    }
    struct verify_checkpoint *checkpoint = add(loader->checkpoints, &parsed, since, OUTSIDE);
    checkpoint->is_outside = true;
    checkpoint->is_since = true;
    return RG_OK;
}

static void add_kept(const struct loader *loader, const struct audit_kept *kept)
{
    struct audit_checkpoint parsed = {0};
    char name[VERIFY_FILE_SIZE];
    (void)snprintf(name, sizeof name, "%.*s", rg_slice_shown(kept->name), kept->name.data);
    rg_status status = parse(kept->note, &parsed);
    if (rg_is_ok(status)) {
        status = check_origin(&parsed, loader->origin);
    }
    if (!rg_is_ok(status)) {
        verify_find(loader->findings, AUDIT_ALTERED, name, 0, "no valid checkpoint: %s", status.error->text);
        return;
    }
    struct verify_checkpoint *checkpoint = add(loader->checkpoints, &parsed, kept->note, name);
    checkpoint->is_outside = true;
}

rg_status verify_checkpoints_load(int directory_fd, struct rg_slice origin, const struct audit_verify_options *options,
                                  struct rg_arena *arena, struct verify_findings *findings,
                                  struct verify_checkpoints *out_checkpoints)
{
    struct loader loader = {.directory_fd = directory_fd,
                            .origin = origin,
                            .arena = arena,
                            .findings = findings,
                            .checkpoints = out_checkpoints};
    RG_TRY(load_directory(&loader));
    sort(out_checkpoints);
    RG_TRY(check_head(&loader));
    sort(out_checkpoints);
    if (out_checkpoints->sorted.count > 0) {
        const struct verify_checkpoint *items = out_checkpoints->sorted.items;
        out_checkpoints->newest_size = items[out_checkpoints->sorted.count - 1].size;
    }
    RG_TRY(add_since(&loader, options->since));
    for (size_t i = 0; i < options->kept_count; i++) {
        add_kept(&loader, &options->kept[i]);
    }
    sort(out_checkpoints);
    return RG_OK;
}

void verify_checkpoints_done(struct verify_checkpoints *checkpoints)
{
    verify_list_done(&checkpoints->sorted);
}
