/* SPDX-License-Identifier: Apache-2.0 */
/* Verify over a whole directory of hostile bytes. Input = an image: "F <path> <size>" LF and the bytes, again and
 * again. Each image is written to a directory in memory and verified, with its own head.note brought along as --since
 * too; the report must print, and as JSON be JSON. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "audit/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 48, PATH_SIZE = 100, ARENA = 64 << 20, PRINT_MAX = 4 << 20 };

static char root[64];

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    return where->level == 0 ? 0 : remove(path);
}

static void make_root(void)
{
    if (root[0] == '\0') {
        (void)snprintf(root, sizeof root, "%s/rg-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        RG_ASSERT(mkdtemp(root) != NULL);
    }
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, struct rg_slice bytes)
{
    char path[sizeof root + PATH_SIZE + 2];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        RG_ASSERT(written == (ssize_t)bytes.size);
        (void)close(fd);
    }
}

/* "F <path> <size>\n": false at the end of what can be read so. */
static bool get_file(struct rg_slice *cursor, char out_name[PATH_SIZE], struct rg_slice *out_bytes)
{
    char line[PATH_SIZE + 32] = "";
    unsigned size = 0;
    const char *end = cursor->size == 0 ? NULL : memchr(cursor->data, '\n', cursor->size);
    if (end == NULL || end - cursor->data >= (ptrdiff_t)sizeof line) {
        return false;
    }
    memcpy(line, cursor->data, (size_t)(end - cursor->data));
    if (sscanf(line, "F %99s %u", out_name, &size) != 2 || strstr(out_name, "..") != NULL || out_name[0] == '/') {
        return false;
    }
    struct rg_slice rest = rg_slice_cut(*cursor, (size_t)(end - cursor->data) + 1, SIZE_MAX);
    *out_bytes = rg_slice_cut(rest, 0, size);
    *cursor = rg_slice_cut(rest, out_bytes->size, SIZE_MAX);
    return true;
}

static void verify(struct rg_slice since, bool is_strict)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_report report = {0};
    const struct audit_verify_options options = {
        .directory = rg_slice_of(root), .threads = 1, .is_strict = is_strict, .since = since};
    rg_arena_init(&arena, ARENA);
    rg_buf_init(&out, PRINT_MAX);
    if (!rg_is_ok(audit_verify_with(&options, &arena, &report))) {
        return;
    }
    RG_ASSERT(report.result != AUDIT_UNVERIFIED);
    RG_ASSERT((report.result == AUDIT_INTACT) == (report.finding_count == 0));
    RG_ASSERT(report.signed_size <= report.record_count);
    RG_ASSERT(rg_is_ok(audit_report_print(&report, false, &out)));
    rg_buf_clear(&out);
    RG_ASSERT(rg_is_ok(audit_report_print(&report, true, &out)));
    json_t *json = json_loadb(rg_buf_slice(&out).data, rg_buf_size(&out), JSON_REJECT_DUPLICATES, NULL);
    RG_ASSERT(json != NULL);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice cursor = rg_slice_make(data, size);
    struct rg_slice bytes = {0};
    struct rg_slice since = {0};
    char name[PATH_SIZE];
    make_root();
    for (size_t i = 0; i < FILES_MAX && get_file(&cursor, name, &bytes); i++) {
        write_file(name, bytes);
        since = strcmp(name, "head.note") == 0 ? bytes : since;
    }
    verify((struct rg_slice){0}, false);
    verify(since, true);
    return 0;
}
