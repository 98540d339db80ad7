/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: walks segments and lines in order, holds each against the chain so far, stops at the
 * first thing that is not as we write it, and works out which record that is. */
#include "audit/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "audit/chain.h"
#include "audit/reader.h"

struct verifier {
    struct rg_arena *arena;
    int directory_fd;
    struct audit_chain chain;
    struct audit_report report;
    uint64_t first_seq;        /* of the segment being read */
    uint64_t before_first_seq; /* segment of the last good record */
    uint64_t before_line;      /* line of the last good record */
    bool is_newest;
};

static bool is_found(const struct verifier *verifier)
{
    return verifier->report.result != AUDIT_UNVERIFIED;
}

static rg_status find(struct verifier *verifier, enum audit_result result, uint64_t line, const char *text)
{
    char name[AUDIT_SEGMENT_NAME_SIZE];
    audit_segment_name(verifier->first_seq, name);
    RG_TRY(rg_arena_printf(verifier->arena, &verifier->report.reason, "%s", text));
    RG_TRY(rg_arena_printf(verifier->arena, &verifier->report.segment, "%s", name));
    verifier->report.line = line;
    verifier->report.seq = verifier->chain.next_seq;
    verifier->report.result = result;
    return RG_OK;
}

/* Record s does not name the hash of record s-1: which of the two was changed? Record s+1 knows. */
static rg_status find_broken_link(struct verifier *verifier, struct audit_reader *reader, struct rg_digest leaf)
{
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice next = {0};
    struct audit_head head = {0};
    uint64_t line = reader->line_number;
    RG_TRY(audit_reader_next(reader, &reading, &next));
    bool has_next = reading == AUDIT_READING_LINE && rg_is_ok(audit_line_parse(next, &head));
    bool is_confirmed = has_next && memcmp(head.prev.bytes, leaf.bytes, sizeof leaf.bytes) == 0;
    if (verifier->chain.next_seq == 0) {
        return find(verifier, AUDIT_ALTERED, line,
                    "\"prev\" is not the start value of this origin: the record or the origin was changed");
    }
    if (has_next && !is_confirmed) {
        return find(verifier, AUDIT_ALTERED, line, "the record was changed: neither neighbour is linked to it");
    }
    RG_TRY(find(verifier, AUDIT_ALTERED, verifier->before_line,
                is_confirmed ? "the record was changed: the next one holds another hash of it"
                             : "the record was changed, or \"prev\" of the next one, which is the last"));
    char name[AUDIT_SEGMENT_NAME_SIZE];
    audit_segment_name(verifier->before_first_seq, name);
    RG_TRY(rg_arena_printf(verifier->arena, &verifier->report.segment, "%s", name));
    verifier->report.seq--;
    return RG_OK;
}

static void count(struct verifier *verifier, const struct audit_head *head, enum audit_kind kind)
{
    struct audit_report *report = &verifier->report;
    report->first_hlc_us = report->record_count == 0 ? head->hlc_us : report->first_hlc_us;
    report->last_hlc_us = head->hlc_us;
    report->record_count++;
    report->start_count += kind == AUDIT_LOG_STARTED ? 1 : 0;
    report->recovery_count += kind == AUDIT_LOG_RECOVERED ? 1 : 0;
    report->is_closed = kind == AUDIT_LOG_STOPPED;
}

static rg_status check_line(struct verifier *verifier, struct audit_reader *reader, struct rg_slice line)
{
    struct audit_head head = {0};
    enum audit_problem problem = AUDIT_PROBLEM_NONE;
    enum audit_kind kind = AUDIT_NONE;
    rg_status status = audit_chain_check(&verifier->chain, line, &head, &problem);
    if (!rg_is_ok(status) && problem == AUDIT_PROBLEM_PREV) {
        return find_broken_link(verifier, reader, audit_line_leaf(line));
    }
    if (!rg_is_ok(status)) {
        return find(verifier, AUDIT_ALTERED, reader->line_number, status.error->text);
    }
    status = audit_line_check_json(line, &kind);
    if (!rg_is_ok(status)) {
        verifier->chain.next_seq--; /* the finding is about this record */
        return find(verifier, AUDIT_ALTERED, reader->line_number, status.error->text);
    }
    verifier->before_first_seq = verifier->first_seq;
    verifier->before_line = reader->line_number;
    count(verifier, &head, kind);
    return RG_OK;
}

/* A rowgate holds the log's lock: what looks torn may be a write in progress. */
static bool is_live(const struct verifier *verifier)
{
    int fd = openat(verifier->directory_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    bool is_held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return is_held;
}

static rg_status read_again(const struct verifier *verifier, struct audit_reader *reader,
                            enum audit_reading *out_reading, struct rg_slice *out_line)
{
    enum { TRIES = 100 };
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < TRIES && *out_reading != AUDIT_READING_LINE && is_live(verifier); i++) {
        (void)nanosleep(&pause, NULL);
        audit_reader_seek(reader);
        RG_TRY(audit_reader_next(reader, out_reading, out_line));
    }
    return RG_OK;
}

static rg_status find_torn(struct verifier *verifier, const struct audit_reader *reader, enum audit_reading reading,
                           uint64_t end)
{
    if (!verifier->is_newest) {
        return find(verifier, AUDIT_ALTERED, reader->line_number, "a sealed segment ends inside this record");
    }
    if (reading == AUDIT_READING_ZERO) {
        return find(verifier, AUDIT_ALTERED, reader->line_number, "zeros where a record should start");
    }
    if (end - reader->line_offset > AUDIT_LINE_MAX) {
        return find(verifier, AUDIT_ALTERED, reader->line_number, "a line longer than any record");
    }
    return find(verifier, AUDIT_TRUNCATED, reader->line_number,
                "the log ends inside this record: a crash (the next start repairs it), or it was cut");
}

/* The newest segment may have space written ahead: it ends at its last byte that is not zero. */
static rg_status find_end(const struct verifier *verifier, int fd, uint64_t *out_end)
{
    if (verifier->is_newest) {
        return audit_reader_used_end(fd, 0, out_end);
    }
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0) {
        return rg_fail(RG_STORAGE, "cannot seek in an audit segment: %s", strerror(errno));
    }
    *out_end = (uint64_t)size;
    return RG_OK;
}

static rg_status check_lines(struct verifier *verifier, int fd, struct audit_reader *reader)
{
    uint64_t end = 0;
    RG_TRY(find_end(verifier, fd, &end));
    while (!is_found(verifier) && reader->line_offset + reader->taken < end) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        RG_TRY(audit_reader_next(reader, &reading, &line));
        if (reading != AUDIT_READING_LINE && verifier->is_newest) {
            RG_TRY(read_again(verifier, reader, &reading, &line));
        }
        RG_TRY(reading == AUDIT_READING_LINE ? check_line(verifier, reader, line)
                                             : find_torn(verifier, reader, reading, end));
    }
    return RG_OK;
}

static rg_status check_segment(struct verifier *verifier)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(audit_reader_done) struct audit_reader reader = {0};
    if (verifier->first_seq > verifier->chain.next_seq) {
        return find(verifier, AUDIT_INCOMPLETE, 0,
                    "records before this segment are missing: a segment was removed or renamed, or the end of the one "
                    "before was cut off");
    }
    if (verifier->first_seq < verifier->chain.next_seq) {
        return find(verifier, AUDIT_ALTERED, 0, "the segment's name repeats numbers of the one before");
    }
    RG_TRY(audit_segment_open_read(verifier->directory_fd, verifier->first_seq, &fd));
    audit_reader_init(&reader, fd);
    RG_TRY(check_lines(verifier, fd, &reader));
    if (!is_found(verifier) && !verifier->is_newest && verifier->chain.next_seq == verifier->first_seq) {
        return find(verifier, AUDIT_INCOMPLETE, 0, "the segment is empty");
    }
    return RG_OK;
}

static rg_status check_log(struct verifier *verifier)
{
    struct audit_segments segments = {0};
    RG_TRY(audit_origin_load(verifier->directory_fd, verifier->arena, &verifier->report.origin));
    RG_TRY(audit_segments_load(verifier->directory_fd, verifier->arena, &segments));
    const struct rg_digest no_keys = rg_sha256(NULL, 0);
    audit_chain_init(&verifier->chain, verifier->report.origin, &no_keys);
    verifier->report.segment_count = segments.count;
    for (size_t i = 0; i < segments.count && !is_found(verifier); i++) {
        verifier->first_seq = segments.first_seqs[i];
        verifier->is_newest = i + 1 == segments.count;
        RG_TRY(check_segment(verifier));
    }
    if (!is_found(verifier) && segments.stranger.size > 0) {
        RG_TRY(find(verifier, AUDIT_ALTERED, 0, "a file in seg/ that is no segment"));
        verifier->report.segment = segments.stranger;
    }
    if (!is_found(verifier) && verifier->chain.next_seq == 0) {
        RG_TRY(find(verifier, AUDIT_INCOMPLETE, 0, "the log holds no record, not even its start"));
        verifier->report.segment = (struct rg_slice){0};
    }
    verifier->report.tenant_count = verifier->chain.tenants.used;
    return RG_OK;
}

rg_status audit_verify(struct rg_slice directory, struct rg_arena *arena, struct audit_report *out_report)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_TRY(audit_directory_open(directory, arena, &fd));
    struct verifier verifier = {.arena = arena, .directory_fd = fd, .report = {.directory = directory}};
    rg_status status = check_log(&verifier);
    audit_chain_done(&verifier.chain);
    RG_TRY(status);
    if (!is_found(&verifier)) {
        verifier.report.result = AUDIT_INTACT;
    }
    *out_report = verifier.report;
    return RG_OK;
}
