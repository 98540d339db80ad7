/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit verify FILE: a tenant's trail or the proof of a record. Needs nothing but the file and public keys. The
 * work is in audit/trail/. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/trail/trail.h"
#include "cli/cli_audit.h"
#include "cli/text.h"

enum { EXIT_TROUBLE = 6, FILE_ARENA = 256 * 1024 * 1024, REPORT_MAX = 1024 * 1024 };

bool cli_audit_is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static int report_error(rg_status status)
{
    (void)fprintf(stderr, "rowgate audit verify: ");
    text_print(stderr, rg_slice_of(status.error->text), false);
    (void)fputc('\n', stderr);
    return EXIT_TROUBLE;
}

/* A log's directory, or a copy with its keys/; or one list. */
static rg_status load_keys(const char *path, const struct audit_vkey *root, struct rg_arena *arena,
                           struct audit_keys *out_keys)
{
    struct rg_slice note = {0};
    RG_AUTO(audit_fd_done) int fd = -1;
    if (!cli_audit_is_file(path)) {
        RG_TRY(audit_directory_open(rg_slice_of(path), arena, &fd));
        return audit_keys_load(fd, root, arena, out_keys);
    }
    RG_TRY(text_read(path, AUDIT_NOTE_MAX, arena, &note));
    return audit_keys_parse(&note, 1, root, arena, out_keys);
}

static rg_status check_file(const struct cli_verify_file *request, struct rg_arena *arena,
                            struct audit_trail_report *out_report)
{
    RG_AUTO(audit_reader_done) struct audit_reader reader = {0};
    RG_AUTO(audit_fd_done) int fd = open(request->path, O_RDONLY | O_CLOEXEC);
    struct audit_trail_source source = {.next = audit_trail_read_file, .context = &reader};
    struct audit_trail_check check = {.source = &source};
    struct audit_vkey root = {0};
    struct audit_keys *keys = NULL;
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", request->path, strerror(errno));
    }
    if (request->root == NULL) {
        return rg_fail(RG_CONFIG, "a file proves nothing about its own root key: --root VKEY|FILE is needed");
    }
    RG_TRY(cli_audit_load_root(request->root, arena, &root));
    check.root = &root;
    if (request->keys != NULL) {
        RG_TRY(rg_arena_new(arena, &keys));
        RG_TRY(load_keys(request->keys, &root, arena, keys));
        check.keys = keys;
    }
    if (request->since != NULL) {
        RG_TRY(cli_audit_load_note(request->since, arena, &check.since));
        if (check.since.size == 0) {
            return rg_fail(RG_PROTOCOL, "%s is empty: it holds no checkpoint", request->since);
        }
    }
    audit_reader_init(&reader, fd);
    return audit_trail_verify(&check, arena, out_report);
}

int cli_audit_verify_file(const struct cli_verify_file *request)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_trail_report report = {0};
    rg_arena_init(&arena, FILE_ARENA);
    rg_buf_init(&out, REPORT_MAX);
    rg_status status = check_file(request, &arena, &report);
    if (rg_is_ok(status)) {
        status = audit_trail_report_print(&report, request->is_json, &out);
    }
    if (!rg_is_ok(status)) {
        return report_error(status);
    }
    text_print(stdout, rg_buf_slice(&out), true);
    return fflush(stdout) == 0 ? audit_result_exit_code(report.result) : EXIT_TROUBLE;
}
