/* SPDX-License-Identifier: Apache-2.0 */
/* What tasks remember: export/<name>.cursor, their bytes and a line with the SHA-256 of them. A damaged one counts as
 * none: what is exported again does no harm, what is left out would. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/export/runner_private.h"
#include "audit/reader.h"
#include "audit/store.h"

enum { PATH_SIZE = 256, LONG_NAME = 160, SEAL_SIZE = 7 + 2 * RG_SHA256_SIZE + 1 };

/* Names hold origins, with slashes; the file's has letters, digits, "-_." and %XX of the others. Of a long one a hash
 * stands for the rest. */
static void file_name(const char *task, const char *suffix, char out_name[PATH_SIZE])
{
    size_t at = 0;
    const char *c = task;
    for (; *c != '\0' && at < LONG_NAME; c++) {
        bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' ||
                        *c == '_' || (*c == '.' && at > 0);
        at += (size_t)snprintf(out_name + at, PATH_SIZE - at, is_plain ? "%c" : "%%%02X", (unsigned char)*c);
    }
    if (*c != '\0') {
        struct rg_digest digest = rg_sha256_one(rg_slice_of(task));
        char digits[2 * RG_SHA256_SIZE + 1];
        rg_digest_hex(&digest, digits);
        at += (size_t)snprintf(out_name + at, PATH_SIZE - at, "%%%s", digits);
    }
    (void)snprintf(out_name + at, PATH_SIZE - at, "%s", suffix);
}

/* "sha256 <64 digits>\n" */
static void make_seal(struct rg_slice bytes, char out_seal[SEAL_SIZE + 1])
{
    struct rg_digest digest = rg_sha256_one(bytes);
    char digits[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(&digest, digits);
    (void)snprintf(out_seal, SEAL_SIZE + 1, "sha256 %s\n", digits);
}

static rg_status read_all(int fd, const char *name, struct rg_buf *out)
{
    for (;;) {
        char *memory = NULL;
        RG_TRY(rg_buf_reserve(out, 4096, &memory));
        ssize_t got = read(fd, memory, 4096);
        if (got < 0) {
            return rg_fail(RG_STORAGE, "cannot read export/%s: %s", name, strerror(errno));
        }
        if (got == 0) {
            return RG_OK;
        }
        rg_buf_commit(out, (size_t)got);
    }
}

static bool is_sealed(struct rg_slice file, struct rg_slice *out_bytes)
{
    char seal[SEAL_SIZE + 1];
    if (file.size < SEAL_SIZE) {
        return false;
    }
    struct rg_slice bytes = rg_slice_cut(file, 0, file.size - SEAL_SIZE);
    make_seal(bytes, seal);
    *out_bytes = bytes;
    return rg_slice_is_equal(rg_slice_cut(file, bytes.size, SEAL_SIZE), rg_slice_make(seal, SEAL_SIZE));
}

rg_status export_cursor_load(struct export_turn *turn, struct rg_arena *arena, struct rg_slice *out_bytes)
{
    struct export_slot *slot = turn->slot;
    RG_AUTO(rg_buf_done) struct rg_buf file;
    char name[PATH_SIZE];
    struct rg_slice bytes = {0};
    rg_buf_init(&file, EXPORT_CURSOR_MAX + SEAL_SIZE + 4096);
    file_name(slot->task.name, ".cursor", name);
    int fd RG_AUTO(audit_fd_done) =
        openat(slot->runner->state_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        *out_bytes = (struct rg_slice){0};
        return RG_OK;
    }
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open export/%s: %s", name, strerror(errno));
    }
    rg_status status = read_all(fd, name, &file);
    RG_TRY(rg_is_ok(status) || status.error->kind == RG_LIMIT ? RG_OK : status);
    if (!rg_is_ok(status) || !is_sealed(rg_buf_slice(&file), &bytes)) {
        export_warn(turn,
                    "its cursor in export/ is damaged: it starts again from the log's beginning, some records will "
                    "arrive a second time");
        bytes = (struct rg_slice){0};
    }
    return rg_arena_copy(arena, bytes, out_bytes);
}

rg_status export_cursor_store(struct export_turn *turn, struct rg_slice bytes)
{
    struct export_slot *slot = turn->slot;
    RG_AUTO(rg_buf_done) struct rg_buf file = {0};
    char name[PATH_SIZE];
    char temporary[PATH_SIZE];
    char seal[SEAL_SIZE + 1];
    if (bytes.size > EXPORT_CURSOR_MAX) {
        return rg_fail(RG_LIMIT, "a cursor of %zu bytes, limit %d", bytes.size, EXPORT_CURSOR_MAX);
    }
    rg_buf_init(&file, EXPORT_CURSOR_MAX + SEAL_SIZE);
    make_seal(bytes, seal);
    RG_TRY(rg_buf_put(&file, bytes));
    RG_TRY(rg_buf_put(&file, rg_slice_make(seal, SEAL_SIZE)));
    file_name(slot->task.name, ".cursor", name);
    file_name(slot->task.name, ".tmp", temporary);
    return audit_store_put(audit_store_files(), slot->runner->state_fd, name, temporary, rg_buf_slice(&file), true);
}
