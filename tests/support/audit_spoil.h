/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_SPOIL_H
#define RG_TESTS_SUPPORT_AUDIT_SPOIL_H

/* Files and records of a log directory as things to change: what an attacker with the disk in his hands does. */
#include "audit/reader.h"
#include "tests/support/audit_history.h"

struct spoil_file {
    char path[224];
    char *bytes; /* owned */
    size_t size;
};

static inline void spoil_path(const struct history *history, const char *name, char out_path[224])
{
    (void)snprintf(out_path, 224, "%s/%.150s", history->path, name);
}

static inline struct spoil_file spoil_load(const struct history *history, const char *name)
{
    struct spoil_file file = {0};
    struct stat info;
    spoil_path(history, name, file.path);
    int fd = open(file.path, O_RDONLY);
    if (fd < 0) {
        fail_msg("cannot open %s", file.path);
    }
    assert_int_equal(fstat(fd, &info), 0);
    file.size = (size_t)info.st_size;
    file.bytes = malloc(file.size + 1);
    assert_int_equal(read(fd, file.bytes, file.size), file.size);
    file.bytes[file.size] = '\0';
    (void)close(fd);
    return file;
}

static inline void spoil_save(const struct spoil_file *file, const void *bytes, size_t size)
{
    int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

static inline void spoil_free(struct spoil_file *file)
{
    free(file->bytes);
    *file = (struct spoil_file){0};
}

static inline void spoil_rename(const struct history *history, const char *from, const char *to)
{
    char a[224];
    char b[224];
    spoil_path(history, from, a);
    spoil_path(history, to, b);
    assert_int_equal(rename(a, b), 0);
}

static inline void spoil_remove(const struct history *history, const char *name)
{
    char command[300];
    (void)snprintf(command, sizeof command, "rm -r '%s/%.150s'", history->path, name);
    assert_int_equal(system(command), 0);
}

/* Copies a file or a directory's content over the other history's. */
static inline void spoil_copy(const struct history *from, const struct history *to, const char *name)
{
    char command[400];
    (void)snprintf(command, sizeof command, "cp -rT '%s/%.100s' '%s/%.100s'", from->path, name, to->path, name);
    assert_int_equal(system(command), 0);
}

/* ---- segments and records ---- */

enum { SPOIL_SEGMENTS_MAX = 16 };

struct spoil_segments {
    uint64_t first_seqs[SPOIL_SEGMENTS_MAX];
    size_t count;
};

static inline struct spoil_segments spoil_segments(const struct history *history)
{
    struct spoil_segments result = {0};
    struct audit_segments segments = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_fd_done) int fd = open(history->path, O_RDONLY | O_DIRECTORY);
    rg_arena_init(&arena, 1 << 16);
    assert_ok(audit_segments_load(fd, &arena, &segments));
    assert_true(segments.count <= SPOIL_SEGMENTS_MAX);
    memcpy(result.first_seqs, segments.first_seqs, segments.count * sizeof(uint64_t));
    result.count = segments.count;
    return result;
}

static inline void spoil_segment_name(uint64_t first_seq, char out_name[40])
{
    (void)snprintf(out_name, 40, "seg/%016" PRIu64 ".jsonl", first_seq);
}

/* One record in its segment's file. */
struct spoil_record {
    struct spoil_file file;
    size_t start;
    size_t end; /* behind its LF */
};

static inline struct spoil_record spoil_record(const struct history *history, uint64_t seq)
{
    struct spoil_segments segments = spoil_segments(history);
    struct spoil_record record = {0};
    uint64_t first = 0;
    char name[40];
    for (size_t i = 0; i < segments.count && segments.first_seqs[i] <= seq; i++) {
        first = segments.first_seqs[i];
    }
    spoil_segment_name(first, name);
    record.file = spoil_load(history, name);
    for (uint64_t at = first;; at++) {
        const char *lf = memchr(record.file.bytes + record.start, '\n', record.file.size - record.start);
        if (lf == NULL) {
            fail_msg("no record %llu", (unsigned long long)seq);
        }
        record.end = (size_t)(lf - record.file.bytes) + 1;
        if (at == seq) {
            return record;
        }
        record.start = record.end;
    }
}

/* Puts other bytes in the record's place. */
static inline void spoil_replace(const struct spoil_record *record, const void *bytes, size_t size)
{
    size_t behind = record->file.size - record->end;
    char *made = malloc(record->file.size + size);
    memcpy(made, record->file.bytes, record->start);
    memcpy(made + record->start, bytes, size);
    memcpy(made + record->start + size, record->file.bytes + record->end, behind);
    spoil_save(&record->file, made, record->start + size + behind);
    free(made);
}

#endif
