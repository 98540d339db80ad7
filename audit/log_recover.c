/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery (reference audit.md 3.8): every line of every segment must continue the chain. What a crash
 * can leave is an unfinished write at the end of the newest segment, at most AUDIT_COMMIT_MAX bytes; that
 * is kept in quarantine/ and cut. Anything else is damage, and the log does not open. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/keep/base.h"
#include "audit/log_private.h"
#include "audit/manifest.h"
#include "base/rg_memory.h"

enum { SECTOR = 512, TAIL_ARENA = 3 * AUDIT_COMMIT_MAX };

/* How the check of one segment ended. */
struct scan {
    uint64_t offset;      /* of the first byte that is not a good record */
    uint64_t line_number; /* of the same */
    enum audit_reading reading;
    bool is_damage; /* a well-formed record that does not continue the chain */
    struct rg_slice reason;
};

/* What the records are held against, and what they say about themselves. */
struct witness {
    struct audit_floor *floor;
    struct audit_recovery *recovery;
};

static rg_status check_floor_epoch(const struct witness *witness)
{
    if (witness->floor->epoch != witness->recovery->epoch) {
        return rg_fail(RG_STORAGE,
                       "the audit log was rolled back or altered: the checkpoint of %" PRIu64
                       " records is signed by the key of epoch %" PRIu64 ", and they are of epoch %" PRIu64,
                       witness->floor->size, witness->floor->epoch, witness->recovery->epoch);
    }
    return RG_OK;
}

/* A record that continues the chain; its leaf is the chain's newest. */
static rg_status take_record(struct audit_log *log, const struct witness *witness, const struct audit_head *head,
                             struct rg_slice line)
{
    struct audit_recovery *recovery = witness->recovery;
    const struct rg_digest leaf = log->chain.prev;
    audit_tree_append(&recovery->tree, &leaf);
    RG_TRY(audit_log_fold(log, head, line));
    if (head->seq < witness->floor->size) {
        RG_TRY(head->seq + 1 == witness->floor->size ? check_floor_epoch(witness) : RG_OK);
        RG_TRY(audit_floor_take(log, witness->floor, &leaf));
    } else {
        RG_TRY(rg_buf_put(&log->leaves, rg_slice_make(leaf.bytes, sizeof leaf.bytes)));
    }
    bool is_epoch = rg_slice_has_prefix(rg_slice_cut(line, head->size, SIZE_MAX), RG_SLICE("\"kind\":\"epoch.open\""));
    if (is_epoch || head->seq == 0) {
        recovery->epoch += is_epoch ? 1 : 0;
        recovery->epoch_size_before = recovery->epoch_size;
        recovery->epoch_size = is_epoch ? head->seq + 1 : 0;
        recovery->epoch_hlc_us = head->hlc_us;
    }
    return RG_OK;
}

static rg_status scan_segment(struct audit_log *log, const struct witness *witness, int fd, struct rg_arena *arena,
                              struct scan *out_scan)
{
    RG_AUTO(audit_reader_done) struct audit_reader reader;
    audit_reader_init(&reader, fd);
    struct scan scan = {0};
    for (;;) {
        struct rg_slice line = {0};
        struct audit_head head = {0};
        enum audit_problem problem = AUDIT_PROBLEM_NONE;
        RG_TRY(audit_reader_next(&reader, &scan.reading, &line));
        rg_status status = RG_OK;
        if (scan.reading == AUDIT_READING_LINE) {
            status = audit_chain_check(&log->chain, line, &head, &problem);
        }
        if (scan.reading != AUDIT_READING_LINE || !rg_is_ok(status)) {
            scan.is_damage = problem > AUDIT_PROBLEM_LINE;
            const char *reason = rg_is_ok(status) ? "incomplete" : status.error->text;
            RG_TRY(rg_arena_printf(arena, &scan.reason, "%s", reason));
            break;
        }
        RG_TRY(take_record(log, witness, &head, line));
    }
    scan.offset = reader.line_offset;
    scan.line_number = reader.line_number;
    *out_scan = scan;
    return RG_OK;
}

static rg_status refuse(const struct audit_log *log, const char *name, const struct scan *scan, const char *why)
{
    return rg_fail(RG_STORAGE, "the audit log is damaged: seg/%s line %" PRIu64 ", record %" PRIu64 ": %s%s%.*s", name,
                   scan->line_number, log->chain.next_seq, why, scan->reason.size > 0 ? ": " : "",
                   rg_slice_shown(scan->reason), scan->reason.size > 0 ? scan->reason.data : "");
}

/* A whole sector of zeros between bytes: a part of a write that never reached the disk. */
static bool has_hole(struct rg_slice tail, uint64_t offset, size_t end)
{
    size_t at = (size_t)((SECTOR - offset % SECTOR) % SECTOR);
    for (; at + SECTOR <= end; at += SECTOR) {
        static const char zero[SECTOR];
        if (memcmp(tail.data + at, zero, SECTOR) == 0) {
            return true;
        }
    }
    return false;
}

/* True when a record follows the bad line and no unwritten hole explains it: not a crash. */
static bool has_record_behind(const struct audit_log *log, struct rg_slice tail, uint64_t offset)
{
    for (size_t at = 0; at < tail.size;) {
        const char *end = memchr(tail.data + at, '\n', tail.size - at);
        size_t size = end == NULL ? tail.size - at : (size_t)(end - tail.data) - at;
        struct audit_head head = {0};
        bool is_record = end != NULL && rg_is_ok(audit_line_parse(rg_slice_cut(tail, at, size), &head));
        if (is_record && head.seq >= log->chain.next_seq) {
            return !has_hole(tail, offset, at);
        }
        at += size + 1;
    }
    return false;
}

static rg_status read_tail(int fd, uint64_t from, size_t size, struct rg_arena *arena, struct rg_slice *out_tail)
{
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, size, &memory));
    for (size_t got = 0; got < size;) {
        ssize_t piece = pread(fd, (char *)memory + got, size - got, (off_t)(from + got));
        if (piece <= 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read the audit log's tail: %s", strerror(errno));
        }
        got += piece > 0 ? (size_t)piece : 0;
    }
    *out_tail = rg_slice_make(memory, size);
    return RG_OK;
}

static rg_status write_quarantine(const struct audit_log *log, int fd, struct rg_slice tail)
{
    const struct audit_store *store = log->store;
    for (size_t at = 0; at < tail.size;) {
        ssize_t written = store->write_at(store->context, fd, tail.data + at, tail.size - at, at);
        if (written <= 0) {
            return rg_fail(RG_STORAGE, "cannot write to quarantine/: %s", strerror(written == 0 ? EIO : (int)-written));
        }
        at += (size_t)written;
    }
    int result = store->sync_all(store->context, fd);
    return result < 0 ? rg_fail(RG_STORAGE, "cannot sync quarantine/: %s", strerror(-result)) : RG_OK;
}

static rg_status sync_quarantine(const struct audit_log *log)
{
    const struct audit_store *store = log->store;
    int fd = store->open(store->context, log->directory_fd, "quarantine", O_RDONLY | O_DIRECTORY, 0);
    int result = fd < 0 ? fd : store->sync_all(store->context, fd);
    if (fd >= 0) {
        store->close(store->context, fd);
    }
    return result < 0 ? rg_fail(RG_STORAGE, "cannot sync quarantine/: %s", strerror(-result)) : RG_OK;
}

static rg_status keep_tail(const struct audit_log *log, struct rg_slice tail, struct audit_recovery *recovery)
{
    const struct audit_store *store = log->store;
    recovery->cut_bytes = tail.size;
    recovery->cut_sha256 = rg_sha256_one(tail);
    recovery->first_lost_seq = log->chain.next_seq;
    (void)snprintf(recovery->quarantine, sizeof recovery->quarantine, "quarantine/%016" PRIu64 ".%.16s.torn",
                   log->chain.next_seq, log->boot);
    int fd = store->open(store->context, log->directory_fd, recovery->quarantine, O_RDWR | O_CREAT | O_EXCL,
                         S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot create %s: %s", recovery->quarantine, strerror(-fd));
    }
    rg_status status = write_quarantine(log, fd, tail);
    store->close(store->context, fd);
    RG_TRY(status);
    return sync_quarantine(log);
}

static rg_status cut_tail(struct audit_log *log, const struct witness *witness, const struct scan *scan, uint64_t end)
{
    struct audit_recovery *recovery = witness->recovery;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, TAIL_ARENA);
    struct rg_slice tail = {0};
    if (log->chain.next_seq < witness->floor->size) {
        return refuse(log, log->segment.name, scan, "a signed checkpoint covers this record and more");
    }
    if (scan->is_damage) {
        return refuse(log, log->segment.name, scan, "it does not continue the chain");
    }
    if (end - scan->offset > AUDIT_COMMIT_MAX) {
        return refuse(log, log->segment.name, scan, "more follows than a crash can leave");
    }
    RG_TRY(read_tail(log->segment.fd, scan->offset, (size_t)(end - scan->offset), &arena, &tail));
    if (has_record_behind(log, tail, scan->offset)) {
        return refuse(log, log->segment.name, scan, "a bad line with records behind it");
    }
    RG_TRY(keep_tail(log, tail, recovery));
    return audit_segment_seal(&log->segment); /* used ends before the tail */
}

static rg_status refuse_short(const struct audit_log *log)
{
    return rg_fail(RG_STORAGE,
                   "the audit log was rolled back or altered: it ends at record %" PRIu64
                   ", and the auditor before this one acknowledged %" PRIu64 " records",
                   log->chain.next_seq, log->acknowledged_seq);
}

/* What was complete in the kernel when rowgate died is counted as durable from here on. */
static rg_status recover_newest(struct audit_log *log, const struct witness *witness, uint64_t first_seq,
                                struct rg_arena *arena)
{
    struct scan scan = {0};
    uint64_t end = 0;
    RG_TRY(audit_segment_open(log->store, log->segments_fd, first_seq, 0, &log->segment));
    RG_TRY(scan_segment(log, witness, log->segment.fd, arena, &scan));
    RG_TRY(audit_reader_used_end(log->segment.fd, scan.offset, &end));
    log->segment.used = scan.offset;
    if (log->chain.next_seq < log->acknowledged_seq) {
        return refuse_short(log); /* before anything is cut: what stands there is evidence */
    }
    RG_TRY(end == scan.offset ? RG_OK : cut_tail(log, witness, &scan, end));
    return audit_segment_sync(&log->segment);
}

static rg_status note_end(const struct audit_log *log, const struct witness *witness, uint64_t first_seq,
                          uint64_t bytes)
{
    struct stat info;
    char path[AUDIT_MANIFEST_PATH_SIZE];
    audit_manifest_path(first_seq, path);
    if (log->store->stat_at(log->store->context, log->directory_fd, path, &info) == 0) {
        return RG_OK;
    }
    const struct audit_ended ended = {.first_seq = first_seq,
                                      .size = log->chain.next_seq,
                                      .bytes = bytes,
                                      .root = audit_tree_root(&witness->recovery->tree)};
    return rg_buf_put(&witness->recovery->ended, rg_slice_make(&ended, sizeof ended));
}

static rg_status check_sealed(struct audit_log *log, const struct witness *witness, uint64_t first_seq,
                              struct rg_arena *arena)
{
    RG_AUTO(audit_segment_close) struct audit_segment segment = {0};
    struct scan scan = {0};
    RG_TRY(audit_segment_open(log->store, log->segments_fd, first_seq, 0, &segment));
    RG_TRY(scan_segment(log, witness, segment.fd, arena, &scan));
    if (scan.reading != AUDIT_READING_END) {
        return refuse(log, segment.name, &scan, "a sealed segment does not end here");
    }
    return note_end(log, witness, first_seq, scan.offset);
}

/* ---- a pruned beginning ---- */

static rg_status refuse_beginning(uint64_t first_seq, const char *why)
{
    return rg_fail(RG_STORAGE, "the audit log is damaged: its first %" PRIu64 " records are missing, and %s", first_seq,
                   why);
}

static rg_status take_base(struct audit_log *log, const struct witness *witness, struct audit_base *base)
{
    struct audit_recovery *recovery = witness->recovery;
    const struct rg_digest keys_root = audit_keys_genesis_root(log->keys);
    uint64_t first_seq = recovery->base_size;
    audit_base_init(base, log->origin, &keys_root);
    rg_status status = audit_base_load(log->directory_fd, first_seq, log->origin, base);
    if (!rg_is_ok(status)) {
        return refuse_beginning(first_seq, status.error->text);
    }
    if (witness->floor->size <= first_seq) {
        return refuse_beginning(first_seq, "no signed checkpoint covers more than they were");
    }
    recovery->base_root = audit_tree_root(&base->tree);
    recovery->base_heads_root = audit_heads_root(&base->chain.tenants);
    recovery->tree = base->tree;
    recovery->epoch = base->epoch;
    recovery->epoch_size = base->epoch_size;
    recovery->epoch_size_before = base->epoch_size_before;
    recovery->epoch_hlc_us = base->epoch_hlc_us;
    recovery->base_epoch = base->epoch;
    *witness->floor->tiles = base->tiles;
    witness->floor->tree = base->tree;
    audit_chain_done(&log->chain);
    log->chain = base->chain;
    log->confirmed_seq = first_seq;
    base->chain = (struct audit_chain){0}; /* the log's now */
    return RG_OK;
}

/* The log goes on from its first segment. What that rests on is checked when its records were read. */
static rg_status begin_at(struct audit_log *log, const struct witness *witness, uint64_t first_seq)
{
    if (first_seq == 0) {
        return RG_OK;
    }
    struct audit_base *base = rg_memory_alloc(sizeof *base); /* much for a frame */
    witness->recovery->base_size = first_seq;
    rg_status status = take_base(log, witness, base);
    audit_base_done(base);
    rg_memory_free(base);
    return status;
}

static bool is_declared(const struct audit_pruned *pruned, const struct audit_recovery *recovery, uint64_t signed_size)
{
    return pruned->seq != 0 && pruned->seq < signed_size && pruned->last_seq + 1 == recovery->base_size &&
           pruned->epoch == recovery->base_epoch &&
           memcmp(pruned->root.bytes, recovery->base_root.bytes, RG_SHA256_SIZE) == 0 &&
           memcmp(pruned->heads_root.bytes, recovery->base_heads_root.bytes, RG_SHA256_SIZE) == 0;
}

/* What is missing at the beginning must have been declared by a record that is signed, with the same root, tenants and
 * epoch as the base holds. */
static rg_status check_beginning(const struct audit_log *log, const struct audit_floor *floor,
                                 const struct audit_recovery *recovery)
{
    if (recovery->base_size == 0 || is_declared(&log->pruned[0], recovery, floor->size) ||
        is_declared(&log->pruned[1], recovery, floor->size)) {
        return RG_OK;
    }
    return refuse_beginning(recovery->base_size, "no signed retention.prune declares just them");
}

static rg_status check_end(const struct audit_log *log, const struct audit_floor *floor)
{
    if (log->chain.next_seq < floor->size) {
        return rg_fail(RG_STORAGE,
                       "the audit log was rolled back or altered: it ends at record %" PRIu64
                       ", and a signed checkpoint covers %" PRIu64 " records",
                       log->chain.next_seq, floor->size);
    }
    return log->chain.next_seq < log->acknowledged_seq ? refuse_short(log) : RG_OK;
}

rg_status audit_log_recover(struct audit_log *log, struct audit_floor *floor, struct rg_arena *arena,
                            struct audit_recovery *recovery)
{
    struct audit_segments segments = {0};
    const struct witness witness = {.floor = floor, .recovery = recovery};
    RG_TRY(audit_segments_load(log->directory_fd, arena, &segments));
    RG_TRY(begin_at(log, &witness, segments.count > 0 ? segments.first_seqs[0] : 0));
    for (size_t i = 0; i < segments.count; i++) {
        uint64_t first_seq = segments.first_seqs[i];
        if (first_seq != log->chain.next_seq) {
            return rg_fail(RG_STORAGE,
                           "the audit log is damaged: record %" PRIu64
                           " is missing, the next segment starts at %" PRIu64,
                           log->chain.next_seq, first_seq);
        }
        RG_TRY(i + 1 < segments.count ? check_sealed(log, &witness, first_seq, arena)
                                      : recover_newest(log, &witness, first_seq, arena));
    }
    RG_TRY(check_end(log, floor));
    RG_TRY(check_beginning(log, floor, recovery));
    log->durable_seq = log->chain.next_seq;
    return segments.count > 0 ? RG_OK : audit_segment_create(log->store, log->segments_fd, 0, &log->segment);
}
