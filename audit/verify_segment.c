/* SPDX-License-Identifier: Apache-2.0 */
/* One segment, read on its own: line form, numbers, links, hashes, clocks, tenants, tiles. It stops at the first record
 * that is not as we write it and works out which one that is; what it returns is stitched to the others later. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "audit/json_strict.h"
#include "audit/verify_private.h"
#include "base/rg_memory.h"

struct walker {
    struct verify_plan *plan;
    struct verify_segment *segment;
    struct audit_reader reader;
    uint64_t end; /* of what must be lines */
    struct rg_digest prev;
    struct verify_clock clock;
    struct rg_digest *group; /* AUDIT_TILE_WIDTH leaves, from the last multiple of 256 on */
    size_t group_count;
    bool is_in_head; /* still before the first multiple of 256 */
    size_t next_checkpoint;
    char file[VERIFY_FILE_SIZE];
    uint64_t reported_bytes;
    struct audit_json *json; /* under is_strict */
};

bool verify_is_live(int directory_fd)
{
    int fd = openat(directory_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    bool is_held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return is_held;
}

static uint64_t next_seq(const struct verify_segment *segment)
{
    return segment->first_seq + segment->count;
}

static void stop(struct walker *walker, enum audit_result result, uint64_t seq, uint64_t line, const char *text)
{
    struct verify_finding finding = {.result = result, .seq = seq, .line = line};
    (void)snprintf(finding.file, sizeof finding.file, "%s", walker->file);
    (void)snprintf(finding.reason, sizeof finding.reason, "%s", text);
    verify_find_at(&walker->segment->findings, &finding);
    walker->segment->is_stopped = true;
}

/* ---- leaves ---- */

static void add_mark(struct walker *walker, const struct audit_head *head, uint64_t opens)
{
    const struct verify_checkpoint *checkpoints = walker->plan->checkpoints->sorted.items;
    size_t count = walker->plan->checkpoints->sorted.count;
    uint64_t size = next_seq(walker->segment);
    if (walker->next_checkpoint >= count || checkpoints[walker->next_checkpoint].size != size) {
        return;
    }
    while (walker->next_checkpoint < count && checkpoints[walker->next_checkpoint].size == size) {
        walker->next_checkpoint++;
    }
    struct verify_mark *mark = verify_list_add(&walker->segment->marks, sizeof *mark);
    mark->size = size;
    mark->hlc_us = head->hlc_us;
    mark->opens = opens;
    if (!walker->is_in_head) {
        struct audit_tree tree = {0};
        for (size_t i = 0; i < size % AUDIT_TILE_WIDTH; i++) {
            audit_tree_append(&tree, &walker->group[i]);
        }
        memcpy(mark->edge, tree.edge, sizeof mark->edge);
    }
}

static void add_leaf(struct walker *walker, const struct rg_digest *leaf)
{
    struct verify_segment *segment = walker->segment;
    uint64_t seq = next_seq(segment);
    walker->is_in_head = walker->is_in_head && seq % AUDIT_TILE_WIDTH != 0;
    if (walker->is_in_head) {
        struct rg_digest *added = verify_list_add(&segment->head, sizeof *added);
        *added = *leaf;
        return;
    }
    walker->group[walker->group_count] = *leaf;
    walker->group_count++;
    if (walker->group_count == AUDIT_TILE_WIDTH) {
        verify_tile_check(walker->plan->tiles, 0, seq / AUDIT_TILE_WIDTH, walker->group, AUDIT_TILE_WIDTH,
                          &segment->findings);
        struct rg_digest *root = verify_list_add(&segment->groups, sizeof *root);
        *root = audit_tree_root_of(walker->group, AUDIT_TILE_WIDTH);
        walker->group_count = 0;
    }
}

static void end_leaves(struct walker *walker)
{
    for (size_t i = 0; i < walker->group_count; i++) {
        struct rg_digest *added = verify_list_add(&walker->segment->tail, sizeof *added);
        *added = walker->group[i];
    }
}

/* ---- tenants ---- */

static const char *check_tenant(struct verify_segment *segment, const struct audit_head *head, struct rg_slice text,
                                uint64_t line, struct verify_tenant **out_tenant)
{
    struct audit_tenant_head *slot = NULL;
    if (!rg_is_ok(audit_heads_get(&segment->tenant_index, head->tenant, &head->tprev, &slot))) {
        return "more tenants than one log may hold";
    }
    if (slot->next_tseq == 0) { /* new here: the map holds the place in `tenants`, plus one */
        struct verify_tenant *tenant = verify_list_add(&segment->tenants, sizeof *tenant);
        tenant->name = slot->tenant;
        tenant->first_seq = head->seq;
        tenant->first_line = line;
        tenant->first_tseq = head->tseq;
        tenant->first_tprev = head->tprev;
        tenant->salt = head->tseq == 0 ? audit_heads_salt(text) : tenant->salt;
        tenant->now = (struct verify_head){.next_tseq = head->tseq, .leaf = head->tprev};
        tenant->at_checkpoint = tenant->now;
        tenant->stamp = segment->checkpoints_seen;
        slot->next_tseq = segment->tenants.count;
    }
    struct verify_tenant *tenants = segment->tenants.items;
    struct verify_tenant *tenant = &tenants[slot->next_tseq - 1];
    if (head->tseq != tenant->now.next_tseq) {
        return "its number within the tenant does not follow";
    }
    if (memcmp(head->tprev.bytes, tenant->now.leaf.bytes, RG_SHA256_SIZE) != 0) {
        return "\"tprev\" is not the hash of the tenant's record before it";
    }
    *out_tenant = tenant;
    return NULL;
}

static void move_tenant(struct verify_segment *segment, struct verify_tenant *tenant, const struct rg_digest *leaf)
{
    if (tenant->stamp != segment->checkpoints_seen) {
        tenant->at_checkpoint = tenant->now;
        tenant->stamp = segment->checkpoints_seen;
    }
    tenant->now.next_tseq++;
    tenant->now.leaf = *leaf;
}

/* ---- records ---- */

/* Record s does not name the hash of record s-1: which of the two was changed? Record s+1 knows. */
static rg_status stop_at_broken_link(struct walker *walker, const struct rg_digest *leaf)
{
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice next = {0};
    struct audit_head head = {0};
    struct verify_segment *segment = walker->segment;
    uint64_t line = walker->reader.line_number;
    RG_TRY(audit_reader_next(&walker->reader, &reading, &next));
    bool has_next = reading == AUDIT_READING_LINE && rg_is_ok(audit_line_parse(next, &head));
    bool is_confirmed = has_next && memcmp(head.prev.bytes, leaf->bytes, sizeof leaf->bytes) == 0;
    if (has_next && !is_confirmed) {
        stop(walker, AUDIT_ALTERED, next_seq(segment), line,
             "the record was changed: neither neighbour is linked to it");
    } else {
        stop(walker, AUDIT_ALTERED, next_seq(segment) - 1, segment->line,
             is_confirmed ? "the record was changed: the next one holds another hash of it"
                          : "the record was changed, or \"prev\" of the next one, which is the last here");
    }
    return RG_OK;
}

static const char *check_head(struct walker *walker, const struct audit_head *head, enum verify_kind kind)
{
    struct verify_segment *segment = walker->segment;
    if (segment->count > 0) {
        return verify_clock_check(&walker->clock, head, kind);
    }
    walker->clock = (struct verify_clock){.hlc_us = head->hlc_us, .mono_us = head->mono_us};
    memcpy(walker->clock.boot, head->boot.data, AUDIT_BOOT_SIZE);
    segment->first_clock = walker->clock;
    segment->first_prev = head->prev;
    segment->first_kind = kind;
    return NULL;
}

static void accept(struct walker *walker, const struct audit_head *head, enum verify_kind kind,
                   struct verify_tenant *tenant, const struct rg_digest *leaf, uint64_t opens)
{
    struct verify_segment *segment = walker->segment;
    if (tenant != NULL) {
        move_tenant(segment, tenant, leaf);
    }
    if (head->seq >= segment->late_from) {
        verify_spell_add(&segment->spells, head, kind);
    }
    add_leaf(walker, leaf);
    walker->prev = *leaf;
    segment->last_leaf = *leaf;
    segment->last_clock = walker->clock;
    segment->last_kind = kind;
    segment->line = walker->reader.line_number;
    segment->count++;
    add_mark(walker, head, opens);
}

/* The line says one thing only, to every reader, and has the keys that every OCSF event has. */
static rg_status check_json(struct audit_json *json, struct rg_slice line)
{
    static const char *const numbers[] = {"class_uid", "category_uid", "activity_id",
                                          "type_uid",  "severity_id",  "time"};
    const char *problem = audit_json_check(json, "", line.data, line.size);
    if (problem != NULL) {
        return rg_fail(RG_PROTOCOL, "not JSON that says one thing: %s", problem);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!audit_json_is_integer(json, numbers[i])) {
            return rg_fail(RG_PROTOCOL, "\"%s\" is missing, which every OCSF event has", numbers[i]);
        }
    }
    return audit_json_is_object(json, "metadata") ? RG_OK : rg_fail(RG_PROTOCOL, "\"metadata\" is missing");
}

/* Everything about one record. Returns what is wrong, or NULL. */
static rg_status check_record(struct walker *walker, const struct audit_head *head, struct rg_slice line)
{
    const char *name = NULL;
    struct verify_segment *segment = walker->segment;
    struct verify_tenant *tenant = NULL;
    uint64_t number = walker->reader.line_number;
    uint64_t opens = segment->opens_seen;
    enum verify_kind kind = verify_kind_of(rg_slice_cut(line, head->size, SIZE_MAX), &name);
    if (kind == VERIFY_UNKNOWN) {
        return rg_fail(RG_PROTOCOL, "\"kind\" is not one that this version writes");
    }
    const char *problem = check_head(walker, head, kind);
    if (problem == NULL && head->tenant.size > 0) {
        problem = check_tenant(segment, head, line, number, &tenant);
    }
    if (problem != NULL) {
        return rg_fail(RG_PROTOCOL, "%s", problem);
    }
    RG_TRY(verify_record_add(segment, head, line, kind, name, number));
    if (walker->plan->is_strict) {
        RG_TRY(check_json(walker->json, line));
    }
    struct rg_digest leaf = audit_reader_leaf(&walker->reader);
    accept(walker, head, kind, tenant, &leaf, opens);
    return RG_OK;
}

static rg_status check_line(struct walker *walker, struct rg_slice line)
{
    struct audit_head head = {0};
    struct verify_segment *segment = walker->segment;
    uint64_t seq = next_seq(segment);
    rg_status status = audit_line_parse(line, &head);
    if (rg_is_ok(status) && head.seq != seq) {
        status = rg_fail(RG_PROTOCOL, "its number is %" PRIu64 ", expected %" PRIu64, head.seq, seq);
    }
    if (rg_is_ok(status) && segment->count > 0 && memcmp(head.prev.bytes, walker->prev.bytes, RG_SHA256_SIZE) != 0) {
        struct rg_digest leaf = audit_reader_leaf(&walker->reader);
        return stop_at_broken_link(walker, &leaf);
    }
    if (rg_is_ok(status)) {
        status = check_record(walker, &head, line);
    }
    if (!rg_is_ok(status)) {
        stop(walker, AUDIT_ALTERED, seq, walker->reader.line_number, status.error->text);
        return RG_OK;
    }
    const struct audit_watch *watch = walker->plan->watch;
    return watch == NULL ? RG_OK : watch->record(watch->context, segment->number, &head, line);
}

/* ---- the file ---- */

static rg_status read_again(const struct walker *walker, struct audit_reader *reader, enum audit_reading *out_reading,
                            struct rg_slice *out_line)
{
    enum { TRIES = 100 };
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < TRIES && *out_reading != AUDIT_READING_LINE && verify_is_live(walker->plan->directory_fd);
         i++) {
        (void)nanosleep(&pause, NULL);
        audit_reader_seek(reader);
        RG_TRY(audit_reader_next(reader, out_reading, out_line));
    }
    return RG_OK;
}

static void stop_torn(struct walker *walker, enum audit_reading reading)
{
    const struct audit_reader *reader = &walker->reader;
    uint64_t seq = next_seq(walker->segment);
    if (!walker->segment->is_newest) {
        stop(walker, AUDIT_ALTERED, seq, reader->line_number, "a sealed segment ends inside this record");
    } else if (reading == AUDIT_READING_ZERO) {
        stop(walker, AUDIT_ALTERED, seq, reader->line_number, "zeros where a record should start");
    } else if (walker->end - reader->line_offset > AUDIT_LINE_MAX) {
        stop(walker, AUDIT_ALTERED, seq, reader->line_number, "a line longer than any record");
    } else {
        stop(walker, AUDIT_TRUNCATED, seq, reader->line_number,
             "the log ends inside this record: a crash (the next start repairs it), or it was cut");
    }
}

/* The newest segment may have space written ahead: it ends at its last byte that is not zero. */
static rg_status find_end(const struct walker *walker, int fd, uint64_t *out_end)
{
    if (walker->segment->is_newest) {
        return audit_reader_used_end(fd, 0, out_end);
    }
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0) {
        return rg_fail(RG_STORAGE, "cannot seek in an audit segment: %s", strerror(errno));
    }
    *out_end = (uint64_t)size;
    return RG_OK;
}

static void report_progress(struct walker *walker, bool is_end)
{
    enum { STEP = 1 << 20 };
    uint64_t done = is_end ? walker->end : walker->reader.line_offset;
    if (done > walker->reported_bytes && (is_end || done - walker->reported_bytes >= STEP)) {
        atomic_fetch_add(&walker->plan->done_bytes, done - walker->reported_bytes);
        walker->reported_bytes = done;
    }
}

static rg_status walk_lines(struct walker *walker)
{
    struct audit_reader *reader = &walker->reader;
    while (!walker->segment->is_stopped && reader->line_offset + reader->taken < walker->end) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        RG_TRY(audit_reader_next(reader, &reading, &line));
        if (reading != AUDIT_READING_LINE && walker->segment->is_newest) {
            RG_TRY(read_again(walker, reader, &reading, &line));
        }
        if (reading == AUDIT_READING_LINE) {
            RG_TRY(check_line(walker, line));
        } else {
            stop_torn(walker, reading);
        }
        report_progress(walker, false);
    }
    end_leaves(walker);
    report_progress(walker, true);
    return RG_OK;
}

static rg_status hash_bytes(int fd, uint64_t size, struct rg_sha256_stream *stream)
{
    enum { PIECE = 256 * 1024 };
    RG_AUTO(rg_buf_done) struct rg_buf memory;
    char *piece = NULL;
    rg_buf_init(&memory, PIECE);
    RG_TRY(rg_buf_reserve(&memory, PIECE, &piece));
    for (uint64_t at = 0; at < size;) {
        ssize_t got = pread(fd, piece, size - at < PIECE ? (size_t)(size - at) : PIECE, (off_t)at);
        if (got < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read the audit log: %s", strerror(errno));
        }
        if (got == 0) {
            break; /* it became shorter: the hash will say so */
        }
        rg_sha256_put(stream, rg_slice_make(piece, got > 0 ? (size_t)got : 0));
        at += got > 0 ? (uint64_t)got : 0;
    }
    return RG_OK;
}

static rg_status hash_file(int fd, uint64_t size, struct rg_digest *out_sha256)
{
    struct rg_sha256_stream *stream = rg_sha256_new();
    rg_status status = hash_bytes(fd, size, stream);
    *out_sha256 = rg_sha256_end(stream);
    rg_sha256_free(&stream);
    return status;
}

rg_status verify_segment_read(struct verify_plan *plan, struct verify_segment *segment)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    char name[AUDIT_SEGMENT_NAME_SIZE];
    struct walker walker = {.plan = plan, .segment = segment};
    RG_TRY(audit_segment_open_read(plan->directory_fd, segment->first_seq, &fd));
    RG_TRY(find_end(&walker, fd, &walker.end));
    audit_segment_name(segment->first_seq, name);
    (void)snprintf(walker.file, sizeof walker.file, "seg/%s", name);
    walker.is_in_head = segment->first_seq % AUDIT_TILE_WIDTH != 0;
    walker.next_checkpoint = verify_checkpoints_from(plan->checkpoints, segment->first_seq + 1);
    segment->late_from = plan->checkpoints->newest_size;
    segment->byte_count = walker.end;
    walker.group = rg_memory_array(AUDIT_TILE_WIDTH, sizeof *walker.group);
    walker.json = plan->is_strict ? audit_json_new() : NULL;
    audit_reader_init(&walker.reader, fd);
    rg_status status = walk_lines(&walker);
    if (rg_is_ok(status) && plan->watch != NULL) {
        status = plan->watch->end(plan->watch->context, segment->number);
    }
    if (rg_is_ok(status) && plan->is_strict && !segment->is_newest) {
        status = hash_file(fd, walker.end, &segment->sha256);
    }
    audit_reader_done(&walker.reader);
    audit_json_free(&walker.json);
    rg_memory_free(walker.group);
    return status;
}

void verify_segment_done(struct verify_segment *segment)
{
    verify_list_done(&segment->head);
    verify_list_done(&segment->groups);
    verify_list_done(&segment->tail);
    verify_list_done(&segment->marks);
    verify_list_done(&segment->events);
    verify_list_done(&segment->keeps);
    verify_list_done(&segment->spells);
    verify_list_done(&segment->tenants);
    verify_list_done(&segment->outcomes);
    audit_heads_done(&segment->tenant_index);
    verify_decisions_done(&segment->decisions);
    verify_findings_done(&segment->findings);
}
