/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a verification from S3: list, fetch into a temporary directory, verify that as a log, then hold the
 * bucket's own facts against it. With a local directory only the anchors and keys are fetched. */
#include "audit/export/s3_verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/export/s3_verify_private.h"
#include "audit/reader.h"
#include "base/rg_memory.h"

/* ---- the temporary directory ---- */

static void empty_directory(int parent_fd, const char *name)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        audit_fd_done(&fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlinkat(fd, entry->d_name, 0);
        }
    }
    (void)closedir(directory);
    (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/* What catalog_fetch made, and nothing else. */
static void remove_directory(const char *path, int fd)
{
    static const char *const files[] = {"origin", "head.note", "new"};
    static const char *const folders[] = {"seg", "ckpt", "keys", "pruned"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlinkat(fd, files[i], 0);
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        empty_directory(fd, folders[i]);
    }
    (void)rmdir(path);
}

static rg_status make_directory(char path[256], int *out_fd)
{
    const char *parent = getenv("TMPDIR");
    int size = snprintf(path, 256, "%s/rowgate-verify.XXXXXX", parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    if (size < 0 || size >= 256 || mkdtemp(path) == NULL) {
        return rg_fail(RG_STORAGE, "cannot make a temporary directory: %s (TMPDIR says where)", strerror(errno));
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", path, strerror(errno));
    }
    *out_fd = fd;
    return RG_OK;
}

/* ---- the report ---- */

static rg_status tell(const struct s3 *s3, const struct catalog *catalog, const struct rules *rules,
                      struct audit_report *report)
{
    uint64_t segments = 0;
    uint64_t anchors = 0;
    const struct catalog_item *newest = NULL;
    char time[RG_TIME_TEXT_SIZE] = "never";
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_item *item = &catalog->items[i];
        segments += item->kind == CATALOG_SEGMENT && item->is_first ? 1 : 0;
        if (item->kind == CATALOG_ANCHOR && item->is_first) {
            anchors++;
            newest = newest == NULL || item->first > newest->first ? item : newest;
        }
    }
    if (newest != NULL) {
        rg_clock_format(newest->modified_us, time);
    }
    return rg_arena_printf(
        rules->arena, &report->elsewhere,
        "%s: %" PRIu64 " segments, %" PRIu64 " anchors, the newest of %" PRIu64 " records, stored at %s. %s",
        s3_name(s3), segments, anchors, newest == NULL ? 0 : newest->first, time,
        rules->options->directory.size > 0 ? "The local log must continue each of them."
        : rules->has_recorded              ? "Every object's versions and lock were looked at."
                                           : "Versions were looked at; the log records no lock of an object yet.");
}

static const struct audit_keys *load_keys(const struct s3_verify_options *options, int directory_fd,
                                          struct rg_arena *arena, struct audit_keys *keys)
{
    rg_status status = audit_keys_load(directory_fd, options->root, arena, keys);
    return rg_is_ok(status) ? keys : NULL; /* that they cannot be had is a finding of audit/verify.h */
}

static rg_status judge(const struct s3 *s3, const struct s3_verify_options *options, struct catalog *catalog,
                       int directory_fd, struct rg_arena *arena, struct audit_report *report)
{
    struct audit_keys *keys = rg_memory_alloc(sizeof *keys); /* both are much for a frame */
    struct rules *rules = rg_memory_alloc(sizeof *rules);
    *rules = (struct rules){.options = options, .catalog = catalog, .arena = arena, .pruned_size = report->pruned_size};
    rules->keys = load_keys(options, directory_fd, arena, keys);
    rg_status status = options->directory.size > 0 ? RG_OK : rules_check_records(rules, directory_fd);
    if (rg_is_ok(status)) {
        rules_check_objects(rules);
        status = audit_report_add(report, rules->findings, rules->count, arena);
    }
    if (rg_is_ok(status)) {
        status = tell(s3, catalog, rules, report);
    }
    rg_memory_free(rules);
    rg_memory_free(keys);
    return status;
}

/* ---- the bucket alone ---- */

static rg_status verify_fetched(const struct s3 *s3, const struct s3_verify_options *options, struct catalog *catalog,
                                const char *path, int fd, struct rg_arena *arena, struct audit_report *report)
{
    const struct audit_verify_options verify = {.directory = rg_slice_of(path),
                                                .root = options->root,
                                                .since = options->since,
                                                .has_no_tiles = true,
                                                .threads = options->threads,
                                                .is_strict = options->is_strict};
    RG_TRY(catalog_fetch(options, catalog, fd));
    RG_TRY(audit_verify_with(&verify, arena, report));
    RG_TRY(rg_arena_copy(arena, rg_slice_of(s3_name(s3)), &report->directory));
    return judge(s3, options, catalog, fd, arena, report);
}

static rg_status verify_bucket(const struct s3 *s3, const struct s3_verify_options *options, struct catalog *catalog,
                               struct rg_arena *arena, struct audit_report *report)
{
    char path[256];
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_TRY(make_directory(path, &fd));
    rg_status status = verify_fetched(s3, options, catalog, path, fd, arena, report);
    remove_directory(path, fd);
    return status;
}

/* ---- a local log against its anchors ---- */

static rg_status collect_anchors(const struct catalog *catalog, struct rg_arena *arena, struct audit_kept **out_kept,
                                 size_t *out_count)
{
    void *memory = NULL;
    size_t count = 0;
    RG_TRY(rg_arena_array(arena, catalog->count + 1, sizeof(struct audit_kept), &memory));
    struct audit_kept *kept = memory;
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_item *item = &catalog->items[i];
        if (item->kind == CATALOG_ANCHOR && item->bytes.size > 0) {
            RG_TRY(rg_arena_printf(arena, &kept[count].name, "anchor %.*s", RG_SLICE_ARGS(item->name)));
            kept[count].note = item->bytes;
            count++;
        }
    }
    *out_kept = kept;
    *out_count = count;
    return RG_OK;
}

static rg_status verify_local(const struct s3 *s3, const struct s3_verify_options *options, struct catalog *catalog,
                              struct rg_arena *arena, struct audit_report *report)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    struct audit_kept *kept = NULL;
    struct audit_verify_options verify = {.directory = options->directory,
                                          .root = options->root,
                                          .since = options->since,
                                          .threads = options->threads,
                                          .is_strict = options->is_strict,
                                          .on_progress = options->on_progress,
                                          .context = options->context};
    RG_TRY(catalog_fetch(options, catalog, -1));
    RG_TRY(collect_anchors(catalog, arena, &kept, &verify.kept_count));
    verify.kept = kept;
    RG_TRY(audit_verify_with(&verify, arena, report));
    RG_TRY(audit_directory_open(options->directory, arena, &fd));
    return judge(s3, options, catalog, fd, arena, report);
}

rg_status s3_verify(const struct s3_verify_options *options, struct rg_arena *arena, struct audit_report *out_report)
{
    struct s3 *s3 = NULL;
    struct s3_verify_options copy = *options;
    struct catalog catalog = {.arena = arena};
    struct audit_report report = {0};
    if (options->directory.size > 0 && options->origin.size == 0) {
        RG_AUTO(audit_fd_done) int fd = -1;
        RG_TRY(audit_directory_open(options->directory, arena, &fd));
        RG_TRY(audit_origin_load(fd, arena, &copy.origin));
    }
    RG_TRY(s3_open(&options->s3, &s3));
    rg_status status = catalog_load(s3, &copy, &catalog);
    if (rg_is_ok(status)) {
        status = copy.directory.size > 0 ? verify_local(s3, &copy, &catalog, arena, &report)
                                         : verify_bucket(s3, &copy, &catalog, arena, &report);
    }
    catalog_done(&catalog);
    s3_close(&s3);
    RG_TRY(status);
    *out_report = report;
    return RG_OK;
}
