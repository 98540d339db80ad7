/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a log in order, beginning at any record: where that stands is found by bisection of its segment, since
 * every line says its own number. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "audit/trail/trail_private.h"

enum { NEAR = 512 * 1024 }; /* so near, reading on is as fast as bisecting */

void trail_scan_init(struct trail_scan *scan, const struct trail_log *log)
{
    *scan = (struct trail_scan){.log = log, .fd = -1};
}

void trail_scan_done(struct trail_scan *scan)
{
    if (scan->fd >= 0) {
        audit_reader_done(&scan->reader);
        audit_fd_done(&scan->fd);
        scan->fd = -1;
    }
}

static rg_status open_segment(struct trail_scan *scan, size_t segment)
{
    int fd = -1;
    uint64_t first = scan->log->segments.first_seqs[segment];
    trail_scan_done(scan);
    RG_TRY(audit_segment_open_read(scan->log->directory_fd, first, &fd));
    scan->fd = fd;
    scan->segment = segment;
    scan->next_seq = first;
    audit_reader_init(&scan->reader, fd);
    return RG_OK;
}

static rg_status complain(const struct trail_scan *scan, const char *reason)
{
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%.159s", reason);
    return rg_fail(RG_STORAGE, "seg/%016" PRIu64 ".jsonl, record %" PRIu64 ": %s",
                   scan->log->segments.first_seqs[scan->segment], scan->next_seq, copy);
}

/* ---- bisection ---- */

/* The first line that begins behind `at`: its offset and number. False when no record begins there any more. */
static bool probe(int fd, uint64_t at, uint64_t *out_at, uint64_t *out_seq)
{
    RG_AUTO(audit_reader_done) struct audit_reader reader;
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice line = {0};
    struct audit_head head = {0};
    audit_reader_init(&reader, fd);
    reader.offset = at;
    reader.line_offset = at;
    for (int i = 0; i < 2; i++) { /* the rest of the line that `at` is in, then a whole one */
        if (!rg_is_ok(audit_reader_next(&reader, &reading, &line)) || reading != AUDIT_READING_LINE) {
            return false;
        }
    }
    if (!rg_is_ok(audit_line_parse(line, &head))) {
        return false;
    }
    *out_at = reader.line_offset;
    *out_seq = head.seq;
    return true;
}

/* A line at or before record seq, near it: its offset and number. */
static void bisect(int fd, uint64_t seq, uint64_t *at, uint64_t *at_seq)
{
    struct stat info;
    uint64_t end = fstat(fd, &info) == 0 && info.st_size > 0 ? (uint64_t)info.st_size : 0;
    while (end > *at && end - *at > NEAR) {
        uint64_t middle = *at + (end - *at) / 2;
        uint64_t found = 0;
        uint64_t found_seq = 0;
        if (probe(fd, middle, &found, &found_seq) && found_seq <= seq && found_seq > *at_seq) {
            *at = found;
            *at_seq = found_seq;
        } else {
            end = middle;
        }
    }
}

rg_status trail_scan_seek(struct trail_scan *scan, uint64_t seq)
{
    const struct audit_segments *segments = &scan->log->segments;
    size_t low = 0;
    size_t high = segments->count;
    uint64_t at = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segments->first_seqs[middle] <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return rg_fail(RG_CONFIG, "record %" PRIu64 " is not in this directory any more: it begins later", seq);
    }
    RG_TRY(open_segment(scan, low - 1));
    bisect(scan->fd, seq, &at, &scan->next_seq);
    scan->reader.offset = at;
    scan->reader.line_offset = at;
    while (scan->next_seq < seq) {
        struct rg_slice line = {0};
        struct audit_head head = {0};
        RG_TRY(trail_scan_next(scan, &line, &head));
    }
    return RG_OK;
}

rg_status trail_scan_next(struct trail_scan *scan, struct rg_slice *out_line, struct audit_head *out_head)
{
    const struct audit_segments *segments = &scan->log->segments;
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice line = {0};
    struct audit_head head = {0};
    RG_ASSERT(scan->fd >= 0);
    RG_TRY(audit_reader_next(&scan->reader, &reading, &line));
    while (reading == AUDIT_READING_END && scan->segment + 1 < segments->count &&
           segments->first_seqs[scan->segment + 1] == scan->next_seq) {
        RG_TRY(open_segment(scan, scan->segment + 1));
        RG_TRY(audit_reader_next(&scan->reader, &reading, &line));
    }
    if (reading != AUDIT_READING_LINE) {
        return complain(scan, "it is missing");
    }
    rg_status status = audit_line_parse(line, &head);
    if (!rg_is_ok(status)) {
        return complain(scan, status.error->text);
    }
    if (head.seq != scan->next_seq) {
        return complain(scan, "another record stands in its place");
    }
    scan->next_seq++;
    *out_line = line;
    *out_head = head;
    return RG_OK;
}

rg_status trail_log_line(const struct trail_log *log, uint64_t seq, struct rg_slice *out_line)
{
    RG_AUTO(trail_scan_done) struct trail_scan scan = {.fd = -1};
    struct rg_slice line = {0};
    struct audit_head head = {0};
    trail_scan_init(&scan, log);
    RG_TRY(trail_scan_seek(&scan, seq));
    RG_TRY(trail_scan_next(&scan, &line, &head));
    return rg_arena_copy(log->arena, line, out_line);
}
