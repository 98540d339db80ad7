/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the main file and what its include globs name, parses each, and takes the digest over all bytes. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rg_crypto.h"
#include "proxy/config_private.h"

static void descriptor_close(const int *descriptor)
{
    if (*descriptor >= 0) {
        (void)close(*descriptor);
    }
}

static rg_status open_file(const char *path, int *out_descriptor, size_t *out_size)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (descriptor < 0) {
        return rg_fail(RG_STORAGE, "cannot be opened: %s", strerror(errno));
    }
    if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)close(descriptor);
        return rg_fail(RG_STORAGE, "is not a regular file");
    }
    if (info.st_size > RG_TOML_MAX_BYTES) {
        (void)close(descriptor);
        return rg_fail(RG_LIMIT, "is larger than %d bytes", RG_TOML_MAX_BYTES);
    }
    *out_descriptor = descriptor;
    *out_size = (size_t)info.st_size;
    return RG_OK;
}

rg_status config_read_bytes(const char *path, struct rg_arena *arena, struct rg_slice *out_bytes)
{
    int descriptor RG_AUTO(descriptor_close) = -1;
    size_t size = 0;
    char *bytes = NULL;
    RG_TRY(open_file(path, &descriptor, &size));
    RG_TRY(rg_arena_array(arena, size + 1, 1, (void **)&bytes));
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(descriptor, bytes + done, size - done);
        if (got == 0) {
            break; /* it shrank: what is there counts */
        }
        if (got < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot be read: %s", strerror(errno));
        }
        done += got > 0 ? (size_t)got : 0;
    }
    *out_bytes = rg_slice_make(bytes, done);
    return RG_OK;
}

/* Where each line begins: a place is a line and a column, and every predicate asks for the bytes of one. */
static rg_status index_lines(struct config_file *file, struct rg_arena *arena)
{
    size_t *lines = NULL;
    size_t count = 1;
    for (size_t i = 0; i < file->bytes.size; i++) {
        count += file->bytes.data[i] == '\n' ? 1 : 0;
    }
    RG_TRY(rg_arena_array(arena, count, sizeof *lines, (void **)&lines));
    for (size_t i = 0, line = 1; i < file->bytes.size; i++) {
        if (file->bytes.data[i] == '\n') {
            lines[line++] = i + 1;
        }
    }
    file->lines = lines;
    file->line_count = count;
    return RG_OK;
}

/* Appends one file. A file that cannot be read is reported at place; one that does not parse in itself. */
static rg_status add_file(struct config_draft *draft, const char *path, struct rg_place place)
{
    struct config_file *file = &draft->files[draft->file_count];
    RG_TRY(rg_arena_copy(draft->arena, rg_slice_of(path), &file->path));
    rg_status status = config_read_bytes(file->path.data, draft->arena, &file->bytes);
    if (!rg_is_ok(status)) {
        config_error(draft, place, "%s %s", path, status.error->text);
        return RG_OK;
    }
    draft->file_count += 1;
    RG_TRY(index_lines(file, draft->arena));
    status = rg_toml_parse(file->bytes, file->path.data, draft->arena, draft->diag, &file->root);
    return rg_is_ok(status) || status.error->kind == RG_CONFIG ? RG_OK : status;
}

static bool is_known_file(const struct config_draft *draft, const char *path)
{
    for (size_t i = 0; i < draft->file_count; i++) {
        if (rg_slice_is_equal(draft->files[i].path, rg_slice_of(path))) {
            return true;
        }
    }
    return false;
}

/* Relative globs start at the main file's directory. */
static rg_status glob_pattern(const struct config_draft *draft, struct rg_slice pattern, struct rg_slice *out_path)
{
    struct rg_slice main_file = draft->files[0].path;
    while (main_file.size > 0 && main_file.data[main_file.size - 1] != '/') {
        main_file.size -= 1;
    }
    bool is_absolute = pattern.size > 0 && pattern.data[0] == '/';
    return rg_arena_printf(draft->arena, out_path, "%.*s%.*s", is_absolute ? 0 : (int)main_file.size, main_file.data,
                           (int)pattern.size, pattern.data);
}

static rg_status include_one(struct config_draft *draft, const struct rg_schema_string *pattern)
{
    glob_t found RG_AUTO(globfree) = {0};
    struct rg_slice path = {NULL, 0};
    RG_TRY(glob_pattern(draft, pattern->text, &path));
    int result = glob(path.data, 0, NULL, &found);
    if (result == GLOB_NOMATCH && strpbrk(path.data, "*?[") != NULL) {
        config_warning(draft, pattern->place, "no file matches \"%s\"", path.data);
        return RG_OK;
    }
    if (result != 0) {
        config_error(draft, pattern->place, "%s: no such file, or not readable", path.data);
        return RG_OK;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (draft->file_count == CONFIG_MAX_FILES) {
            config_error(draft, pattern->place, "more than %d files", CONFIG_MAX_FILES);
            return RG_OK;
        }
        if (!is_known_file(draft, found.gl_pathv[i])) {
            RG_TRY(add_file(draft, found.gl_pathv[i], pattern->place));
        }
    }
    return RG_OK;
}

static rg_status check_included(struct config_draft *draft)
{
    for (size_t i = 1; i < draft->file_count; i++) {
        struct config_raw_top top = {0};
        if (draft->files[i].root != NULL) {
            RG_TRY(rg_schema_read(&draft->context, &config_schema_top, draft->files[i].root, &top));
            if (top.include.is_given) {
                config_error(draft, top.include.place, "an included file cannot include");
            }
        }
    }
    return RG_OK;
}

static rg_status take_digest(struct config_draft *draft)
{
    struct rg_slice *parts = NULL;
    uint64_t *sizes = NULL;
    size_t total = 0;
    RG_TRY(rg_arena_array(draft->arena, 2 * draft->file_count, sizeof *parts, (void **)&parts));
    RG_TRY(rg_arena_array(draft->arena, draft->file_count, sizeof *sizes, (void **)&sizes));
    for (size_t i = 0; i < draft->file_count; i++) {
        sizes[i] = htobe64(draft->files[i].bytes.size); /* so that bytes cannot move between files unseen */
        parts[2 * i] = rg_slice_make(&sizes[i], sizeof sizes[i]);
        parts[2 * i + 1] = draft->files[i].bytes;
        total += draft->files[i].bytes.size;
    }
    if (total > CONFIG_MAX_TOTAL_BYTES) {
        config_error(draft, config_whole_file(draft), "more than %d bytes in all files", CONFIG_MAX_TOTAL_BYTES);
    }
    draft->config->digest = rg_sha256(parts, 2 * draft->file_count);
    return RG_OK;
}

static rg_status list_files(struct config_draft *draft)
{
    struct rg_slice *paths = NULL;
    RG_TRY(rg_arena_array(draft->arena, draft->file_count, sizeof *paths, (void **)&paths));
    for (size_t i = 0; i < draft->file_count; i++) {
        paths[i] = draft->files[i].path;
    }
    draft->config->files = paths;
    draft->config->file_count = draft->file_count;
    return RG_OK;
}

rg_status config_read_files(struct config_draft *draft, const char *path)
{
    struct config_raw_top top = {0};
    RG_TRY(rg_arena_array(draft->arena, CONFIG_MAX_FILES, sizeof *draft->files, (void **)&draft->files));
    struct config_file *main_file = &draft->files[0];
    RG_TRY(rg_arena_copy(draft->arena, rg_slice_of(path), &main_file->path));
    RG_TRY(config_read_bytes(path, draft->arena, &main_file->bytes));
    RG_TRY(index_lines(main_file, draft->arena));
    draft->file_count = 1;
    rg_status parsed =
        rg_toml_parse(main_file->bytes, main_file->path.data, draft->arena, draft->diag, &main_file->root);
    if (!rg_is_ok(parsed)) {
        return parsed;
    }
    RG_TRY(rg_schema_read(&draft->context, &config_schema_top, main_file->root, &top));
    if (!top.version.is_given && rg_toml_find(main_file->root, RG_SLICE("version")) == NULL) {
        config_error(draft, config_whole_file(draft), "\"version = 1\" is missing");
    }
    for (size_t i = 0; i < top.include.count; i++) {
        RG_TRY(include_one(draft, &top.include.items[i]));
    }
    RG_TRY(check_included(draft));
    RG_TRY(list_files(draft));
    return take_digest(draft);
}
