/* SPDX-License-Identifier: Apache-2.0 */
/* Records with their continuation records, one after the other. Only heads are parsed here; what a record says is
 * audit/show_record.c's. Used by search, show and tail. */
#include "audit/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { WALK_ARENA = 64 * 1024 * 1024, WALK_REASON = 160 };

void audit_walk_init(struct audit_walk *walk, int directory_fd, const struct audit_place *from)
{
    *walk = (struct audit_walk){.directory_fd = directory_fd, .next = *from, .fd = -1};
    rg_buf_init(&walk->lines, AUDIT_WALK_MAX);
}

static void close_segment(struct audit_walk *walk)
{
    if (walk->fd >= 0) {
        audit_reader_done(&walk->reader);
        audit_fd_done(&walk->fd);
    }
    walk->fd = -1;
}

void audit_walk_done(struct audit_walk *walk)
{
    if (walk->lines.limit_bytes > 0) { /* not the zero value */
        close_segment(walk);
    }
    rg_buf_done(&walk->lines);
    *walk = (struct audit_walk){.fd = -1};
}

static rg_status open_segment(struct audit_walk *walk, const struct audit_place *place)
{
    int fd = -1;
    RG_TRY(audit_segment_open_read(walk->directory_fd, place->segment_seq, &fd));
    close_segment(walk);
    walk->fd = fd;
    walk->line = *place;
    audit_reader_init(&walk->reader, fd);
    walk->reader.offset = place->at;
    walk->reader.line_offset = place->at;
    return RG_OK;
}

/* ---- lines ---- */

/* The end of a segment: the next one has the number of the record that is missing here. */
static rg_status next_segment(struct audit_walk *walk, bool *out_is_there)
{
    char name[AUDIT_SEGMENT_NAME_SIZE];
    char path[AUDIT_SEGMENT_NAME_SIZE + 8];
    struct audit_place place = {.segment_seq = walk->line.seq, .seq = walk->line.seq};
    *out_is_there = false;
    if (place.seq == walk->line.segment_seq) {
        return RG_OK; /* the open one, which is empty so far */
    }
    audit_segment_name(place.seq, name);
    (void)snprintf(path, sizeof path, "seg/%s", name);
    if (faccessat(walk->directory_fd, path, F_OK, 0) != 0) {
        return RG_OK;
    }
    RG_TRY(open_segment(walk, &place));
    *out_is_there = true;
    return RG_OK;
}

static rg_status complain(const struct audit_walk *walk, const char *reason)
{
    char copy[WALK_REASON];
    (void)snprintf(copy, sizeof copy, "%.159s", reason);
    return rg_fail(RG_STORAGE, "seg/%016" PRIu64 ".jsonl byte %" PRIu64 ": %s", walk->line.segment_seq, walk->line.at,
                   copy);
}

/* Bytes with zeros behind them: a write that is going on, or that a crash ended. */
static bool is_unfinished(const struct audit_walk *walk)
{
    struct rg_slice held = rg_buf_slice(&walk->reader.held);
    return memchr(held.data, '\0', held.size) != NULL;
}

static rg_status read_line(struct audit_walk *walk, bool *out_is_there, struct rg_slice *out_line)
{
    enum audit_reading reading = AUDIT_READING_END;
    for (;;) {
        RG_TRY(audit_reader_next(&walk->reader, &reading, out_line));
        walk->line.at = walk->reader.line_offset;
        if (reading == AUDIT_READING_LINE) {
            *out_is_there = true;
            return RG_OK;
        }
        if (reading == AUDIT_READING_LONG && !is_unfinished(walk)) {
            return complain(walk, "a line of more bytes than a record has");
        }
        RG_TRY(next_segment(walk, out_is_there));
        if (!*out_is_there) {
            return RG_OK;
        }
    }
}

static rg_status parse_head(const struct audit_walk *walk, struct rg_slice line, struct audit_head *out_head)
{
    struct audit_head head = {0};
    rg_status status = audit_line_parse(line, &head);
    if (!rg_is_ok(status)) {
        return complain(walk, status.error->text);
    }
    if (head.seq != walk->line.seq) {
        char reason[WALK_REASON];
        (void)snprintf(reason, sizeof reason, "record %" PRIu64 " stands where record %" PRIu64 " should", head.seq,
                       walk->line.seq);
        return complain(walk, reason);
    }
    *out_head = head;
    return RG_OK;
}

/* The line was used: on to the one behind it. */
static void pass(struct audit_walk *walk)
{
    walk->line.at = walk->reader.line_offset + walk->reader.taken;
    walk->line.seq++;
}

/* ---- continuation records ---- */

static bool take_number(struct rg_slice *text, uint64_t *out_value)
{
    uint64_t value = 0;
    size_t at = 0;
    for (; at < text->size && at < AUDIT_DIGITS && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
        value = value * 10 + (uint64_t)(text->data[at] - '0');
    }
    *text = rg_slice_cut(*text, at, SIZE_MAX);
    *out_value = value;
    return at > 0;
}

bool audit_walk_part(struct rg_slice line, const struct audit_head *head, uint64_t *out_part, uint64_t *out_count)
{
    /* In a JSON text a quote is escaped, so these bytes are a key and nothing else. */
    static const struct rg_slice key = {",\"part\":\"", 9};
    struct rg_slice rest = rg_slice_cut(line, head->size, SIZE_MAX);
    const char *found = rest.size == 0 ? NULL : memmem(rest.data, rest.size, key.data, key.size);
    if (found == NULL) {
        return false;
    }
    struct rg_slice value = rg_slice_cut(rest, (size_t)(found - rest.data) + key.size, SIZE_MAX);
    uint64_t part = 0, count = 0;
    if (!take_number(&value, &part) || value.size == 0 || value.data[0] != '/') {
        return false;
    }
    value = rg_slice_cut(value, 1, SIZE_MAX);
    if (!take_number(&value, &count) || part == 0 || part > count) {
        return false;
    }
    *out_part = part;
    *out_count = count;
    return true;
}

static rg_status keep_line(struct audit_walk *walk, struct rg_slice line)
{
    RG_TRY(rg_buf_put(&walk->lines, line));
    return rg_buf_put_u8(&walk->lines, '\n');
}

/* Parts 2 to count. *out_is_there false: the log ends before the last one. *out_is_whole false: something else comes.
 */
static rg_status read_parts(struct audit_walk *walk, uint64_t count, bool *out_is_there, bool *out_is_whole)
{
    *out_is_whole = false;
    for (uint64_t wanted = 2; wanted <= count; wanted++) {
        struct rg_slice line = {0};
        struct audit_head head = {0};
        uint64_t part = 0, of = 0;
        RG_TRY(read_line(walk, out_is_there, &line));
        if (!*out_is_there) {
            return RG_OK;
        }
        RG_TRY(parse_head(walk, line, &head));
        if (!audit_walk_part(line, &head, &part, &of) || part != wanted || of != count) {
            audit_reader_unread(&walk->reader);
            return RG_OK;
        }
        RG_TRY(keep_line(walk, line));
        pass(walk);
    }
    *out_is_whole = true;
    return RG_OK;
}

static rg_status read_record(struct audit_walk *walk, bool takes_rest, bool *out_is_there,
                             struct audit_walked *out_record)
{
    struct rg_slice line = {0};
    struct audit_walked record = {.is_whole = true};
    uint64_t part = 1, count = 1;
    RG_TRY(read_line(walk, out_is_there, &line));
    if (!*out_is_there) {
        return RG_OK;
    }
    record.place = walk->line;
    rg_buf_clear(&walk->lines);
    RG_TRY(parse_head(walk, line, &record.head));
    RG_TRY(keep_line(walk, line));
    size_t size = line.size;
    pass(walk);
    if (audit_walk_part(line, &record.head, &part, &count)) {
        bool is_at_end = false;
        record.is_whole = false;
        if (part == 1) {
            RG_TRY(read_parts(walk, count, out_is_there, &record.is_whole));
            is_at_end = !*out_is_there;
        }
        *out_is_there = !is_at_end || takes_rest;
    }
    struct rg_slice lines = rg_buf_slice(&walk->lines);
    record.line = rg_slice_cut(lines, 0, size);
    record.parts = rg_slice_cut(lines, size + 1, SIZE_MAX);
    record.line_count = walk->line.seq - record.place.seq;
    if (*out_is_there) {
        RG_TRY(audit_line_parse(record.line, &record.head)); /* it borrows from the line */
        *out_record = record;
    }
    return RG_OK;
}

/* A segment that begins behind the end of what was read: what is between is missing. */
static rg_status check_end(const struct audit_walk *walk)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_segments segments = {0};
    rg_arena_init(&arena, WALK_ARENA);
    RG_TRY(audit_segments_load(walk->directory_fd, &arena, &segments));
    if (segments.count > 0 && segments.first_seqs[segments.count - 1] > walk->line.seq) {
        return rg_fail(RG_STORAGE, "records from %" PRIu64 " on are missing before seg/%016" PRIu64 ".jsonl",
                       walk->line.seq, segments.first_seqs[segments.count - 1]);
    }
    return RG_OK;
}

rg_status audit_walk_next(struct audit_walk *walk, bool takes_rest, bool *out_is_there, struct audit_walked *out_record)
{
    bool is_there = false;
    rg_status status = RG_OK;
    if (walk->fd < 0) {
        RG_TRY(open_segment(walk, &walk->next));
    }
    status = read_record(walk, takes_rest, &is_there, out_record);
    if (rg_is_ok(status) && !is_there) {
        status = check_end(walk);
    }
    if (!rg_is_ok(status) || !is_there) {
        close_segment(walk); /* the next call begins at walk->next again */
    } else {
        walk->next = walk->line;
    }
    RG_TRY(status);
    *out_is_there = is_there;
    return RG_OK;
}

void audit_walk_seek(struct audit_walk *walk, const struct audit_place *place)
{
    walk->next = *place;
    if (walk->fd < 0 || walk->line.segment_seq != place->segment_seq) {
        close_segment(walk);
        return;
    }
    struct audit_reader *reader = &walk->reader;
    bool is_held = place->at >= reader->line_offset && place->at - reader->line_offset < rg_buf_size(&reader->held);
    if (is_held) {
        rg_buf_consume(&reader->held, (size_t)(place->at - reader->line_offset));
    } else {
        rg_buf_clear(&reader->held);
        reader->offset = place->at;
        reader->is_at_end = false;
    }
    reader->line_offset = place->at;
    reader->taken = 0;
    walk->line = *place;
}

static rg_status find_in(struct audit_walk *walk, uint64_t seq, bool *out_is_there, struct audit_place *out_place)
{
    for (;;) {
        struct rg_slice line = {0};
        struct audit_head head = {0};
        RG_TRY(read_line(walk, out_is_there, &line));
        if (!*out_is_there) {
            return RG_OK;
        }
        RG_TRY(parse_head(walk, line, &head));
        if (head.seq == seq) {
            *out_place = walk->line;
            return RG_OK;
        }
        pass(walk);
    }
}

rg_status audit_walk_find(int directory_fd, uint64_t seq, bool *out_is_there, struct audit_place *out_place)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_walk_done) struct audit_walk walk = {.fd = -1};
    struct audit_segments segments = {0};
    size_t after = 0;
    rg_arena_init(&arena, WALK_ARENA);
    RG_TRY(audit_segments_load(directory_fd, &arena, &segments));
    while (after < segments.count && segments.first_seqs[after] <= seq) {
        after++;
    }
    if (after == 0) {
        *out_is_there = false;
        return RG_OK;
    }
    uint64_t first = segments.first_seqs[after - 1];
    audit_walk_init(&walk, directory_fd, &(struct audit_place){.segment_seq = first, .seq = first});
    RG_TRY(open_segment(&walk, &walk.next));
    return find_in(&walk, seq, out_is_there, out_place);
}
