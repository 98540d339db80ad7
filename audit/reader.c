/* SPDX-License-Identifier: Apache-2.0 */
/* Reading side of a log directory: segment names, the origin, lines. Trusts nothing it reads. */
#include "audit/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/line.h"

enum { CHUNK = 256 * 1024, READ_SIZE = 64 * 1024, ORIGIN_MAX = 255 };

void audit_segment_name(uint64_t first_seq, char out_name[AUDIT_SEGMENT_NAME_SIZE])
{
    RG_ASSERT(first_seq < UINT64_C(10000000000000000));
    (void)snprintf(out_name, AUDIT_SEGMENT_NAME_SIZE, "%016" PRIu64 ".jsonl", first_seq);
}

static bool is_segment_name(const char *name, uint64_t *out_first_seq)
{
    struct rg_slice text = rg_slice_of(name);
    return rg_slice_is_equal(rg_slice_cut(text, AUDIT_DIGITS, SIZE_MAX), RG_SLICE(".jsonl")) &&
           audit_line_digits_parse(rg_slice_cut(text, 0, AUDIT_DIGITS), out_first_seq);
}

static bool is_manifest_name(const char *name, uint64_t *out_first_seq)
{
    struct rg_slice text = rg_slice_of(name);
    return rg_slice_is_equal(rg_slice_cut(text, AUDIT_DIGITS, SIZE_MAX), RG_SLICE(".manifest")) &&
           audit_line_digits_parse(rg_slice_cut(text, 0, AUDIT_DIGITS), out_first_seq);
}

static int compare_seqs(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static rg_status collect(DIR *directory, struct rg_arena *arena, struct rg_buf *seqs, struct rg_buf *manifests,
                         struct rg_slice *out_stranger)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            return errno == 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot read seg/: %s", strerror(errno));
        }
        uint64_t seq = 0;
        if (is_segment_name(entry->d_name, &seq)) {
            RG_TRY(rg_buf_put(seqs, rg_slice_make(&seq, sizeof seq)));
        } else if (is_manifest_name(entry->d_name, &seq)) {
            RG_TRY(rg_buf_put(manifests, rg_slice_make(&seq, sizeof seq)));
        } else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            RG_TRY(rg_arena_copy(arena, rg_slice_of(entry->d_name), out_stranger));
        }
    }
}

static rg_status keep_sorted(struct rg_arena *arena, const struct rg_buf *seqs, uint64_t **out_seqs, size_t *out_count)
{
    void *memory = NULL;
    size_t count = rg_buf_size(seqs) / sizeof(uint64_t);
    if (count > 0) {
        RG_TRY(rg_arena_array(arena, count, sizeof(uint64_t), &memory));
        memcpy(memory, rg_buf_slice(seqs).data, rg_buf_size(seqs));
        qsort(memory, count, sizeof(uint64_t), compare_seqs);
    }
    *out_seqs = memory;
    *out_count = count;
    return RG_OK;
}

static rg_status load_segments(DIR *directory, struct rg_arena *arena, struct audit_segments *out_segments)
{
    RG_AUTO(rg_buf_done) struct rg_buf seqs;
    RG_AUTO(rg_buf_done) struct rg_buf manifests;
    rg_buf_init(&seqs, SIZE_MAX / 2);
    rg_buf_init(&manifests, SIZE_MAX / 2);
    struct audit_segments segments = {0};
    RG_TRY(collect(directory, arena, &seqs, &manifests, &segments.stranger));
    RG_TRY(keep_sorted(arena, &seqs, &segments.first_seqs, &segments.count));
    RG_TRY(keep_sorted(arena, &manifests, &segments.manifest_seqs, &segments.manifest_count));
    *out_segments = segments;
    return RG_OK;
}

rg_status audit_segments_load(int directory_fd, struct rg_arena *arena, struct audit_segments *out_segments)
{
    int fd = openat(directory_fd, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return rg_fail(RG_STORAGE, "cannot open the audit log's seg/: %s", strerror(error));
    }
    rg_status status = load_segments(directory, arena, out_segments);
    (void)closedir(directory);
    return status;
}

rg_status audit_origin_load(int directory_fd, struct rg_arena *arena, struct rg_slice *out_origin)
{
    char text[ORIGIN_MAX + 2];
    struct stat info;
    int fd = openat(directory_fd, "origin", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open the audit log's origin: %s", strerror(errno));
    }
    bool is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    ssize_t size = is_file ? read(fd, text, sizeof text) : -1;
    (void)close(fd);
    if (size < 2 || size > ORIGIN_MAX + 1 || text[size - 1] != '\n') {
        return rg_fail(RG_STORAGE, "the audit log's origin is not one line of 1 to %d bytes", ORIGIN_MAX);
    }
    return rg_arena_copy(arena, rg_slice_make(text, (size_t)size - 1), out_origin);
}

void audit_reader_init(struct audit_reader *reader, int fd)
{
    *reader = (struct audit_reader){.fd = fd};
    rg_buf_init(&reader->held, (size_t)2 * READ_SIZE + AUDIT_LINE_MAX);
}

struct rg_digest audit_reader_leaf(const struct audit_reader *reader)
{
    struct rg_slice held = rg_buf_slice(&reader->held);
    char *before = rg_buf_before(&reader->held);
    if (before == NULL) {
        return audit_line_leaf(rg_slice_cut(held, 0, reader->taken - 1));
    }
    *before = '\0';
    return rg_sha256_one((struct rg_slice){before, reader->taken}); /* one more in front, the LF not */
}

void audit_reader_seek(struct audit_reader *reader)
{
    rg_buf_clear(&reader->held);
    reader->offset = reader->line_offset + reader->taken;
    reader->line_offset = reader->offset;
    reader->taken = 0;
    reader->is_at_end = false;
}

void audit_reader_unread(struct audit_reader *reader)
{
    reader->taken = 0;
    reader->is_counted = true;
}

void audit_reader_done(struct audit_reader *reader)
{
    rg_buf_done(&reader->held);
    *reader = (struct audit_reader){.fd = -1};
}

static rg_status read_more(struct audit_reader *reader)
{
    char *memory = NULL;
    RG_TRY(rg_buf_reserve(&reader->held, READ_SIZE, &memory));
    ssize_t size = -1;
    do {
        size = pread(reader->fd, memory, READ_SIZE, (off_t)reader->offset);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return rg_fail(RG_STORAGE, "cannot read the audit log: %s", strerror(errno));
    }
    rg_buf_commit(&reader->held, (size_t)size);
    reader->offset += (uint64_t)size;
    reader->is_at_end = size == 0;
    return RG_OK;
}

/* What stands at the start of held; false = more bytes are needed to say. */
static bool classify(struct audit_reader *reader, enum audit_reading *out_reading, struct rg_slice *out_line)
{
    struct rg_slice held = rg_buf_slice(&reader->held);
    size_t looked_at = held.size > AUDIT_LINE_MAX + 1 ? AUDIT_LINE_MAX + 1 : held.size;
    const char *end = held.size == 0 ? NULL : memchr(held.data, '\n', looked_at);
    if (held.size == 0) {
        *out_reading = AUDIT_READING_END;
        return reader->is_at_end;
    }
    if (held.data[0] == '\0') {
        *out_reading = AUDIT_READING_ZERO;
        return true;
    }
    if (end != NULL) {
        *out_reading = AUDIT_READING_LINE;
        *out_line = rg_slice_make(held.data, (size_t)(end - held.data));
        return true;
    }
    if (held.size > AUDIT_LINE_MAX) {
        *out_reading = AUDIT_READING_LONG;
        return true;
    }
    *out_reading = AUDIT_READING_TORN;
    return reader->is_at_end;
}

rg_status audit_reader_next(struct audit_reader *reader, enum audit_reading *out_reading, struct rg_slice *out_line)
{
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice line = {0};
    rg_buf_consume(&reader->held, reader->taken);
    reader->line_offset += reader->taken;
    reader->taken = 0;
    while (!classify(reader, &reading, &line)) {
        RG_TRY(read_more(reader));
    }
    if (reading == AUDIT_READING_LINE) {
        reader->taken = line.size + 1;
    }
    reader->line_number += reader->is_counted ? 0 : 1;
    reader->is_counted = reading != AUDIT_READING_LINE;
    *out_reading = reading;
    *out_line = line;
    return RG_OK;
}

/* Reads a whole chunk or what there is of it. */
static rg_status read_chunk(int fd, uint64_t at, char *memory, size_t size, size_t *out_size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t piece = pread(fd, memory + got, size - got, (off_t)(at + got));
        if (piece < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read the audit log: %s", strerror(errno));
        }
        if (piece == 0) {
            break;
        }
        got += piece > 0 ? (size_t)piece : 0;
    }
    *out_size = got;
    return RG_OK;
}

/* Where the last extent with data ends, so that a file of nothing but a hole of terabytes is not read. A file system
 * that knows no holes calls all of it data. */
static uint64_t data_end(int fd, uint64_t from, uint64_t size)
{
    uint64_t end = from;
    while (end < size) {
        off_t data = lseek(fd, (off_t)end, SEEK_DATA);
        if (data < 0) {
            return errno == ENXIO ? end : size; /* a hole up to the end; or it cannot be told */
        }
        off_t hole = lseek(fd, data, SEEK_HOLE);
        if (hole <= data) {
            return size;
        }
        end = (uint64_t)hole;
    }
    return size;
}

rg_status audit_reader_used_end(int fd, uint64_t from, uint64_t *out_end)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, CHUNK);
    struct stat info;
    char *memory = NULL;
    RG_TRY(rg_buf_reserve(&buf, CHUNK, &memory));
    if (fstat(fd, &info) != 0) {
        return rg_fail(RG_STORAGE, "cannot stat an audit segment: %s", strerror(errno));
    }
    for (uint64_t end = data_end(fd, from, (uint64_t)info.st_size); end > from;) {
        uint64_t start = end - from > CHUNK ? end - CHUNK : from;
        size_t size = 0;
        RG_TRY(read_chunk(fd, start, memory, (size_t)(end - start), &size));
        while (size > 0 && memory[size - 1] == '\0') {
            size--;
        }
        if (size > 0) {
            *out_end = start + size;
            return RG_OK;
        }
        end = start;
    }
    *out_end = from;
    return RG_OK;
}

rg_status audit_segment_open_read(int directory_fd, uint64_t first_seq, int *out_fd)
{
    char name[AUDIT_SEGMENT_NAME_SIZE + sizeof "seg/"] = "seg/";
    struct stat info;
    audit_segment_name(first_seq, name + sizeof "seg/" - 1);
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", name, strerror(errno));
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)close(fd);
        return rg_fail(RG_STORAGE, "%s is not a regular file", name);
    }
    *out_fd = fd;
    return RG_OK;
}

rg_status audit_directory_open(struct rg_slice directory, struct rg_arena *arena, int *out_fd)
{
    struct rg_slice path = {0};
    RG_TRY(rg_arena_copy(arena, directory, &path));
    int fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", path.data, strerror(errno));
    }
    *out_fd = fd;
    return RG_OK;
}

void audit_fd_done(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}
