/* SPDX-License-Identifier: Apache-2.0 */
/* Rings that an earlier auditor left: it was killed, or could not write. What their clients were told to believe is
 * there, and is taken before anybody is served. What was in the log already, because the kill came between the log and
 * the word to the ring, is recognised by its text, which the log has behind its own head, and not written twice. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/auditor_private.h"
#include "audit/reader.h"
#include "base/rg_memory.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, NAME_MAX_BYTES = 24 };

struct past_ring {
    struct audit_ring ring;
    char name[NAME_MAX_BYTES];
};

struct past {
    struct auditor *auditor;
    int directory_fd; /* ring/ */
    struct past_ring rings[AUDITOR_CHANNELS_MAX];
    size_t count;
    struct rg_buf known; /* struct rg_digest, ascending: records that may be in a ring, too */
    uint64_t taken_count;
    uint64_t known_count;
};

static void report(const struct past *past, enum rg_log_level level, const char *name, const char *what)
{
    if (past->auditor->log_out != NULL) {
        rg_log_event(past->auditor->log_out, level, "audit.ring_left", "s:s, s:s", "ring", name, "what", what);
    }
}

static void drop(const struct past *past, const char *name)
{
    const struct audit_store *store = past->auditor->log.store;
    (void)store->remove(store->context, past->directory_fd, name, false);
}

/* ---- which are there ---- */

static void add_ring(struct past *past, const struct audit_ring_owner *owner, const char *name)
{
    struct past_ring *next = &past->rings[past->count];
    bool is_ours = false;
    int fd = openat(past->directory_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        report(past, RG_LOG_ERROR, name, "cannot be opened; it stays");
        return;
    }
    if (!rg_is_ok(audit_ring_open(fd, owner, &is_ours, &next->ring))) {
        auditor_on_misbehaviour(past->auditor, 0, "a ring that is none was found at the start");
        drop(past, name);
        return;
    }
    if (!is_ours) {
        report(past, RG_LOG_WARNING, name, "of another log, or from before the machine was started; not read");
        audit_ring_close(&next->ring);
        drop(past, name);
        return;
    }
    next->ring.state = AUDIT_RING_CLOSED; /* a gateway may live still: what it puts now counts for nothing */
    audit_ring_tell(&next->ring);
    memcpy(next->name, name, AUDIT_DIGITS); /* the zero behind it stands */
    past->count++;
}

static void find_rings(struct past *past)
{
    struct audit_ring_owner owner = {.log = past->auditor->log.chain.genesis};
    int fd = openat(past->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    bool is_boot_known = audit_ring_boot(owner.boot);
    if (!is_boot_known) {
        report(past, RG_LOG_ERROR, "",
               "the kernel does not say whether they are of this start of the machine; they stay");
    }
    while (is_boot_known && directory != NULL && past->count < AUDITOR_CHANNELS_MAX) {
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            break;
        }
        if (strlen(entry->d_name) == AUDIT_DIGITS) {
            add_ring(past, &owner, entry->d_name);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

/* ---- what the log has of them ---- */

static rg_status know_line(struct past *past, uint64_t from_seq, struct rg_slice line)
{
    struct audit_head head = {0};
    if (!rg_is_ok(audit_line_parse(line, &head)) || head.seq < from_seq) {
        return RG_OK;
    }
    const struct rg_slice body = rg_slice_cut(line, head.size, SIZE_MAX);
    const struct rg_digest digest = rg_sha256(&body, 1);
    return rg_buf_put(&past->known, rg_slice_make(&digest, sizeof digest));
}

static rg_status know_segment(struct past *past, uint64_t first_seq, uint64_t from_seq)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(audit_reader_done) struct audit_reader reader = {0};
    RG_TRY(audit_segment_open_read(past->auditor->log.directory_fd, first_seq, &fd));
    audit_reader_init(&reader, fd);
    while (true) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        RG_TRY(audit_reader_next(&reader, &reading, &line));
        if (reading != AUDIT_READING_LINE) {
            return RG_OK;
        }
        RG_TRY(know_line(past, from_seq, line));
    }
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, RG_SHA256_SIZE);
}

/* From the first record on that the last turn of the earlier auditor can have written: the latest that any ring was
 * told of. */
static rg_status know_records(struct past *past)
{
    uint64_t from_seq = 0;
    struct audit_segments segments = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < past->count; i++) {
        uint64_t seq = past->rings[i].ring.turn_seq;
        from_seq = seq > from_seq && seq <= past->auditor->log.chain.next_seq ? seq : from_seq;
    }
    RG_TRY(audit_segments_load(past->auditor->log.directory_fd, &arena, &segments));
    for (size_t i = 0; i < segments.count; i++) {
        if (i + 1 == segments.count || segments.first_seqs[i + 1] > from_seq) {
            RG_TRY(know_segment(past, segments.first_seqs[i], from_seq));
        }
    }
    if (rg_buf_size(&past->known) > 0) {
        qsort(past->known.bytes + past->known.start, rg_buf_size(&past->known) / RG_SHA256_SIZE, RG_SHA256_SIZE,
              compare);
    }
    return RG_OK;
}

/* As audit_line_encode puts it behind the head. */
static struct rg_digest body_of(const struct audit_message *message)
{
    const struct rg_slice parts[] = {rg_slice_cut(message->rg, 1, SIZE_MAX), RG_SLICE("},"),
                                     rg_slice_cut(message->ocsf, 1, SIZE_MAX)};
    return rg_sha256(parts, 3);
}

/* By its last record: the earlier ones stand before that. */
static rg_status is_known(const struct past *past, struct rg_slice event, bool *out_is_known)
{
    struct audit_message message = {0};
    struct rg_slice known = rg_buf_slice(&past->known);
    while (event.size > 0) {
        RG_TRY(audit_message_get_again(&event, &message));
    }
    const struct rg_digest digest = body_of(&message);
    *out_is_known =
        known.size > 0 && bsearch(&digest, known.data, known.size / RG_SHA256_SIZE, RG_SHA256_SIZE, compare) != NULL;
    return RG_OK;
}

/* ---- taking ---- */

static rg_status take_event(struct past *past, struct rg_slice event)
{
    bool was_known = false;
    uint64_t seq = 0;
    RG_TRY(is_known(past, event, &was_known));
    if (was_known) {
        past->known_count++;
        return RG_OK;
    }
    past->taken_count++;
    return auditor_append_event(past->auditor, NULL, event, &seq);
}

static rg_status take_contents(struct past *past, struct rg_slice contents)
{
    struct audit_intake intake = {0};
    while (contents.size > 0) {
        struct rg_slice event = {0};
        RG_TRY(audit_intake_next(&intake, past->auditor->json, contents, &event));
        if (event.size == 0 || audit_message_is_key(event)) {
            return rg_fail(RG_PROTOCOL, "half an event, or a subject's key, in a ring");
        }
        RG_TRY(take_event(past, event));
        contents = rg_slice_cut(contents, event.size, SIZE_MAX);
    }
    return RG_OK;
}

static rg_status take_ring(struct past *past, struct audit_ring *ring)
{
    RG_AUTO(rg_buf_done) struct rg_buf contents;
    uint64_t end = ring->at + AUDIT_RING_BYTES;
    rg_buf_init(&contents, AUDIT_RING_BYTES);
    while (ring->at < end && audit_ring_take(ring, &contents)) {
        rg_status status = take_contents(past, rg_buf_slice(&contents));
        if (!rg_is_ok(status) && status.error->kind != RG_STORAGE) {
            auditor_on_misbehaviour(past->auditor, 0, status.error->text); /* what is behind it is not read */
            return RG_OK;
        }
        RG_TRY(status);
        rg_buf_clear(&contents);
    }
    return RG_OK;
}

static rg_status take_rings(struct past *past)
{
    bool has_more = false;
    char text[96];
    for (size_t i = 0; i < past->count; i++) {
        has_more = has_more || audit_ring_has_more(&past->rings[i].ring);
    }
    if (!has_more) {
        return RG_OK;
    }
    RG_TRY(know_records(past));
    for (size_t i = 0; i < past->count; i++) {
        RG_TRY(take_ring(past, &past->rings[i].ring));
    }
    (void)snprintf(text, sizeof text, "%" PRIu64 " events taken, %" PRIu64 " known", past->taken_count,
                   past->known_count);
    report(past, RG_LOG_INFO, "", text);
    return auditor_absorb(past->auditor, audit_log_commit(&past->auditor->log));
}

/* While they wait for room on the disk the files stay, for the next start. */
static rg_status recover(struct past *past)
{
    find_rings(past);
    rg_status status = take_rings(past);
    for (size_t i = 0; i < past->count; i++) {
        audit_ring_close(&past->rings[i].ring);
        if (rg_is_ok(status) && !past->auditor->is_waiting) {
            drop(past, past->rings[i].name);
        }
    }
    return status;
}

rg_status auditor_recover_rings(struct auditor *auditor)
{
    int fd = openat(auditor->log.directory_fd, AUDITOR_RING_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return RG_OK; /* there never was one */
    }
    struct past *past = rg_memory_alloc(sizeof *past);
    past->auditor = auditor;
    past->directory_fd = fd;
    rg_buf_init(&past->known, SIZE_MAX / 2);
    rg_status status = recover(past);
    rg_buf_done(&past->known);
    rg_memory_free(past);
    (void)close(fd);
    return status;
}
