/* SPDX-License-Identifier: Apache-2.0 */
/* Was the log rolled back? Its own signed state against a checkpoint that somebody else kept; and the mark that closes
 * it when it was. The records themselves are not read: the tiles tell the root of every size, and a tile that lies is
 * found by verify. */
#include "audit/rollback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/publisher.h"
#include "audit/verify_private.h"
#include "base/rg_memory.h"

enum { KEYS_ARENA = 16 * 1024 * 1024, NOTE_MAX_BYTES = 32 * 1024 };

bool audit_keys_have_signed(const struct audit_keys *keys, const struct audit_note *note)
{
    for (uint64_t epoch = 0; epoch < keys->epoch_count; epoch++) {
        struct audit_vkey key = {0};
        if (!rg_is_ok(audit_keys_vkey(keys, epoch, &key))) {
            return false;
        }
        for (size_t i = 0; i < note->signature_count; i++) {
            if (note->signatures[i].id == key.id && audit_note_is_signed_by(note, &key)) {
                return true;
            }
        }
    }
    return false;
}

static rg_status check_signature(int directory_fd, const struct audit_note *note, bool *out_is_signed)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys *keys = rg_memory_alloc(sizeof *keys); /* much for a frame */
    rg_arena_init(&arena, KEYS_ARENA);
    rg_status status = audit_keys_load(directory_fd, NULL, &arena, keys);
    *out_is_signed = rg_is_ok(status) && audit_keys_have_signed(keys, note);
    rg_memory_free(keys);
    return status;
}

/* The log's own note of that size, when it was kept, is the same one. */
static bool has_same(int directory_fd, uint64_t size, struct rg_slice note)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char path[AUDIT_NOTE_PATH_SIZE];
    struct rg_slice ours = {0};
    bool is_absent = true;
    rg_arena_init(&arena, 2 * NOTE_MAX_BYTES);
    audit_note_path(size, path);
    rg_status status = verify_file_load(directory_fd, path, NOTE_MAX_BYTES, &arena, &ours, &is_absent);
    return rg_is_ok(status) && !is_absent && rg_slice_is_equal(ours, note);
}

static enum audit_standing compare_root(int directory_fd, const struct audit_checkpoint *checkpoint)
{
    struct verify_tiles tiles = {0};
    struct verify_findings findings = {0};
    struct audit_tree tree = {0};
    struct rg_digest last = {0};
    rg_status status = verify_tiles_load(directory_fd, &findings, &tiles);
    if (rg_is_ok(status)) {
        status = verify_tiles_prefix(&tiles, checkpoint->size, &tree, &last);
    }
    bool is_known = rg_is_ok(status);
    struct rg_digest root = audit_tree_root(&tree);
    verify_tiles_done(&tiles);
    verify_findings_done(&findings);
    if (!is_known) {
        return AUDIT_STANDING_UNKNOWN;
    }
    return memcmp(root.bytes, checkpoint->root.bytes, sizeof root.bytes) == 0 ? AUDIT_STANDING_GOOD
                                                                              : AUDIT_STANDING_OTHER;
}

rg_status audit_standing_find(int directory_fd, struct rg_slice origin, uint64_t size, struct rg_slice bytes,
                              enum audit_standing *out_standing, uint64_t *out_size)
{
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    bool has_signature = false;
    *out_standing = AUDIT_STANDING_NONE;
    if (!rg_is_ok(audit_note_parse(bytes, &note)) || !rg_is_ok(audit_checkpoint_parse(note.text, &checkpoint)) ||
        checkpoint.size == 0 || !rg_slice_is_equal(checkpoint.origin, origin)) {
        return RG_OK;
    }
    *out_size = checkpoint.size;
    RG_TRY(check_signature(directory_fd, &note, &has_signature));
    if (!has_signature) {
        return RG_OK;
    }
    if (checkpoint.size > size) {
        *out_standing = AUDIT_STANDING_BEHIND;
    } else if (has_same(directory_fd, checkpoint.size, bytes)) {
        *out_standing = AUDIT_STANDING_GOOD;
    } else {
        *out_standing = compare_root(directory_fd, &checkpoint);
    }
    return RG_OK;
}

/* ---- the mark ---- */

rg_status audit_rolled_back_put(int directory_fd, const char *text)
{
    char line[AUDIT_ROLLED_BACK_MAX + 2];
    (void)snprintf(line, sizeof line, "%.*s\n", AUDIT_ROLLED_BACK_MAX, text);
    return audit_store_put(audit_store_files(), directory_fd, AUDIT_ROLLED_BACK, AUDIT_ROLLED_BACK ".new",
                           rg_slice_of(line), true);
}

rg_status audit_rolled_back_check(int directory_fd)
{
    char text[AUDIT_ROLLED_BACK_MAX + 1] = "";
    RG_AUTO(audit_fd_done)
    int fd = openat(directory_fd, AUDIT_ROLLED_BACK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) { /* whoever can take away the right to read it can take away the file */
        return errno == ENOENT || errno == ENOTDIR
                   ? RG_OK
                   : rg_fail(RG_STORAGE, "cannot open " AUDIT_ROLLED_BACK ": %s", strerror(errno));
    }
    ssize_t got = pread(fd, text, AUDIT_ROLLED_BACK_MAX, 0);
    for (ssize_t i = 0; i < got; i++) {
        if (text[i] < ' ' || text[i] >= 0x7f) {
            text[i] = text[i] == '\n' ? '\0' : '?';
        }
    }
    return rg_fail(RG_STORAGE,
                   "the log was rolled back: %s (" AUDIT_ROLLED_BACK " says so; docs/export.md tells what to do)",
                   text);
}
