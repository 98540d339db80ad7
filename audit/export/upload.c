/* SPDX-License-Identifier: Apache-2.0 */
/* The task "s3": sealed segments go to the bucket in order, each as one gzip object and its manifest, then a record
 * says so. The spool is the log itself: nothing is copied, nothing is deleted, and what is not confirmed is sent again.
 *
 * Killed between an upload and its record, the same segment comes again: its name is taken (412) by an object of the
 * same bytes, which is then recorded. zlib makes the same bytes of the same segment; where a newer one does not, the
 * object that stands there is unpacked and must hold the segment. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/export/anchor_private.h"
#include "audit/export/gzip.h"
#include "audit/line.h"
#include "audit/manifest.h"
#include "base/rg_memory.h"

enum { NAMES_ARENA = 256 * 1024 * 1024, PIECE = 1024 * 1024 };

struct upload {
    struct depot depot;
    bool has_cursor;
    uint64_t next_seq;    /* of the segment that comes next: everything before it is confirmed */
    uint64_t anchored;    /* the checkpoints that evidence needs are stored up to this size */
    uint64_t open_seq;    /* the live segment's name */
    uint64_t open_offset; /* of its first line that was not looked at */
    int64_t open_hlc_us;  /* of its first record that is a reason to seal it one day; 0 = it has none yet */
};

/* A segment on its way. */
struct parcel {
    struct depot_segment segment;
    struct rg_slice manifest; /* the file's bytes */
    struct audit_manifest facts;
    struct rg_buf packed;
    struct rg_digest digest; /* of packed, or of what stands there instead */
};

/* ---- the cursor: "next 0000000000001234\n" ---- */

static rg_status load_cursor(struct upload *upload, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    struct rg_slice word = RG_SLICE("next ");
    struct rg_slice text = {0};
    uint64_t seq = 0;
    if (upload->has_cursor) {
        return RG_OK;
    }
    rg_arena_init(&arena, EXPORT_CURSOR_MAX + 1024);
    RG_TRY(export_cursor_load(turn, &arena, &text));
    bool is_good = rg_slice_has_prefix(text, word) && text.size == word.size + AUDIT_DIGITS + 1 &&
                   audit_line_digits_parse(rg_slice_cut(text, word.size, AUDIT_DIGITS), &seq);
    upload->next_seq = is_good ? seq : 0;
    upload->has_cursor = true;
    return RG_OK;
}

static rg_status store_cursor(struct upload *upload, struct export_turn *turn, uint64_t next_seq)
{
    char text[64];
    (void)snprintf(text, sizeof text, "next %016" PRIu64 "\n", next_seq);
    RG_TRY(export_cursor_store(turn, rg_slice_of(text)));
    upload->next_seq = next_seq;
    return RG_OK;
}

/* ---- packing ---- */

static rg_status read_time(int fd, int64_t *out_hlc_us)
{
    struct audit_reader reader;
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice line = {0};
    struct audit_head head = {0};
    audit_reader_init(&reader, fd);
    rg_status status = audit_reader_next(&reader, &reading, &line);
    if (rg_is_ok(status) && reading != AUDIT_READING_LINE) {
        status = rg_fail(RG_STORAGE, "a sealed segment without a first line");
    }
    if (rg_is_ok(status)) {
        status = audit_line_parse(line, &head);
    }
    audit_reader_done(&reader);
    *out_hlc_us = head.hlc_us;
    return status;
}

static rg_status pack_pieces(const struct depot *depot, int fd, struct parcel *parcel, struct gzip_packer *packer,
                             struct rg_sha256_stream *hash)
{
    RG_AUTO(rg_buf_done) struct rg_buf memory;
    char *piece = NULL;
    rg_buf_init(&memory, PIECE);
    RG_TRY(rg_buf_reserve(&memory, PIECE, &piece));
    for (uint64_t at = 0; at < parcel->facts.bytes;) {
        uint64_t left = parcel->facts.bytes - at;
        ssize_t got = pread(fd, piece, left < PIECE ? (size_t)left : PIECE, (off_t)at);
        if (got <= 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read the segment of record %" PRIu64 ": %s", parcel->segment.first_seq,
                           got == 0 ? "it ends too early" : strerror(errno));
        }
        if (export_should_stop(depot->turn)) {
            return rg_fail(RG_CLOSED, "stopped");
        }
        struct rg_slice bytes = rg_slice_make(piece, got < 0 ? 0 : (size_t)got);
        at += bytes.size;
        rg_sha256_put(hash, bytes);
        RG_TRY(gzip_pack(packer, bytes, at == parcel->facts.bytes, &parcel->packed));
    }
    return RG_OK;
}

/* What leaves the machine is what was sealed: never a segment that somebody changed since. */
static rg_status pack(const struct depot *depot, int fd, struct parcel *parcel)
{
    struct gzip_packer *packer = gzip_packer_new();
    struct rg_sha256_stream *hash = rg_sha256_new();
    rg_status status = pack_pieces(depot, fd, parcel, packer, hash);
    struct rg_digest digest = rg_sha256_end(hash);
    rg_sha256_free(&hash);
    gzip_packer_free(&packer);
    RG_TRY(status);
    parcel->digest = rg_sha256_one(rg_buf_slice(&parcel->packed));
    bool is_same = memcmp(digest.bytes, parcel->facts.sha256.bytes, sizeof digest.bytes) == 0;
    return is_same
               ? RG_OK
               : rg_fail(RG_STORAGE,
                         "the segment of record %" PRIu64 " is not what was sealed: it has another SHA-256 than its "
                         "manifest says. It is not uploaded; run `rowgate audit verify`",
                         parcel->segment.first_seq);
}

/* ---- an object that was there already ---- */

struct unpacked {
    struct rg_sha256_stream *stream;
    struct rg_sha256_stream *packed;
    struct gzip_unpacker *unpacker;
};

static rg_status hash_unpacked(void *context, struct rg_slice bytes)
{
    const struct unpacked *unpacked = context;
    rg_sha256_put(unpacked->stream, bytes);
    return RG_OK;
}

static rg_status take_packed(void *context, struct rg_slice bytes)
{
    const struct unpacked *unpacked = context;
    rg_sha256_put(unpacked->packed, bytes);
    return gzip_unpack(unpacked->unpacker, bytes);
}

/* Packed by another zlib, it holds the same segment all the same. */
static rg_status compare(struct depot *depot, const char *key, const struct s3_object *object, struct parcel *parcel)
{
    struct unpacked unpacked = {.stream = rg_sha256_new(), .packed = rg_sha256_new()};
    const struct gzip_target target = {hash_unpacked, &unpacked};
    const struct s3_sink sink = {take_packed, &unpacked};
    struct s3_object got = {0};
    unpacked.unpacker = gzip_unpacker_new(parcel->facts.bytes, &target);
    rg_status status = s3_get(depot->s3, key, object->version, &sink, &got);
    bool is_broken = !rg_is_ok(status) && (status.error->kind == RG_PROTOCOL || status.error->kind == RG_LIMIT);
    struct rg_digest digest = rg_sha256_end(unpacked.stream);
    parcel->digest = rg_sha256_end(unpacked.packed);
    rg_sha256_free(&unpacked.stream);
    rg_sha256_free(&unpacked.packed);
    gzip_unpacker_free(&unpacked.unpacker);
    if (!is_broken) {
        RG_TRY(status);
    }
    bool is_same = !is_broken && memcmp(digest.bytes, parcel->facts.sha256.bytes, sizeof digest.bytes) == 0;
    return is_same ? RG_OK
                   : rg_fail(RG_PROTOCOL,
                             "%.150s%.150s holds other records than this log: another log of this name writes there, "
                             "this one was rolled back, or somebody put it there",
                             s3_name(depot->s3), key);
}

/* ---- what a segment needs beside it ---- */

static rg_status put_anchor(struct depot *depot, const struct anchor_notes *notes, size_t number)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char key[S3_KEY_MAX + 1];
    struct rg_slice bytes = {0};
    struct depot_stored stored = {0};
    uint32_t signer = 0;
    bool is_kept = false;
    rg_arena_init(&arena, 2 * ANCHOR_NOTE_MAX);
    RG_TRY(anchor_note_load(depot->turn, notes->sizes[number], &arena, &bytes, &signer));
    if (bytes.size > 0) {
        RG_TRY(anchor_note_is_kept(depot->turn, notes, number, signer, &is_kept));
    }
    if (!is_kept) {
        return RG_OK;
    }
    RG_TRY(depot_anchor_key(depot->node, notes->sizes[number], key));
    return depot_put(depot, key, "text/plain", bytes, &stored); /* another one there: the task "anchors" tells */
}

/* No segment stands in the bucket without the signatures over it, however far behind the other task is. */
static rg_status put_anchors(struct upload *upload, struct export_turn *turn, uint64_t end)
{
    struct anchor_notes notes = {0};
    uint64_t from = upload->anchored > upload->next_seq ? upload->anchored : upload->next_seq;
    rg_status status = anchor_notes_list(turn, from, end, &notes);
    for (size_t i = 0; i < notes.count && rg_is_ok(status); i++) {
        status = put_anchor(&upload->depot, &notes, i);
    }
    anchor_notes_done(&notes);
    upload->anchored = rg_is_ok(status) ? end : upload->anchored;
    return status;
}

/* ---- one segment ---- */

static rg_status put_manifest(struct depot *depot, const struct parcel *parcel)
{
    char key[S3_KEY_MAX + 1];
    struct depot_stored stored = {0};
    RG_TRY(depot_segment_key(depot->node, &parcel->segment, ".manifest", key));
    RG_TRY(depot_put(depot, key, "text/plain", parcel->manifest, &stored));
    return stored.is_other
               ? rg_fail(RG_PROTOCOL, "%.150s%.150s is another manifest than this log's", s3_name(depot->s3), key)
               : RG_OK;
}

static rg_status record(struct upload *upload, struct export_turn *turn, const char *key,
                        const struct s3_object *object, const struct parcel *parcel)
{
    const struct audit_event event = {.kind = AUDIT_EXPORT_SEGMENT,
                                      .wall_us = rg_clock_wall_us(turn->clock),
                                      .object = rg_slice_of(key),
                                      .object_version = rg_slice_of(object->version),
                                      .first_seq = parcel->segment.first_seq,
                                      .last_seq = parcel->segment.last_seq,
                                      .until_us = object->until_us,
                                      .digest = &parcel->digest,
                                      .message = rg_slice_of(s3_lock_name(object->lock))};
    RG_TRY(export_record(turn, &event));
    RG_TRY(store_cursor(upload, turn, parcel->segment.last_seq + 1));
    export_confirm(turn, parcel->segment.last_seq + 1, 0);
    return RG_OK;
}

static rg_status send_parcel(struct upload *upload, struct export_turn *turn, struct parcel *parcel)
{
    char key[S3_KEY_MAX + 1];
    struct depot *depot = &upload->depot;
    struct depot_stored stored = {0};
    RG_TRY(put_anchors(upload, turn, parcel->segment.last_seq + 1));
    RG_TRY(depot_segment_key(depot->node, &parcel->segment, ".jsonl.gz", key));
    RG_TRY(depot_put(depot, key, "application/gzip", rg_buf_slice(&parcel->packed), &stored));
    RG_TRY(stored.is_other ? compare(depot, key, &stored.object, parcel) : RG_OK);
    RG_TRY(put_manifest(depot, parcel));
    return record(upload, turn, key, &stored.object, parcel);
}

static rg_status load_manifest(const struct export_turn *turn, struct rg_arena *arena, struct parcel *parcel)
{
    char path[AUDIT_MANIFEST_PATH_SIZE];
    audit_manifest_path(parcel->segment.first_seq, path);
    RG_TRY(depot_read_file(turn->directory_fd, path, AUDIT_MANIFEST_MAX, arena, &parcel->manifest));
    RG_TRY(audit_manifest_parse(parcel->manifest, &parcel->facts));
    parcel->segment.last_seq = parcel->segment.first_seq + parcel->facts.record_count - 1;
    bool is_right = parcel->facts.first_seq == parcel->segment.first_seq && parcel->facts.record_count > 0 &&
                    rg_slice_is_equal(parcel->facts.origin, turn->origin);
    return is_right ? RG_OK : rg_fail(RG_STORAGE, "%s is the manifest of another segment", path);
}

static rg_status send_segment(struct upload *upload, struct export_turn *turn, uint64_t first_seq)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct parcel parcel = {.segment = {.first_seq = first_seq}};
    rg_arena_init(&arena, 2 * AUDIT_MANIFEST_MAX);
    RG_TRY(load_manifest(turn, &arena, &parcel));
    RG_TRY(audit_segment_open_read(turn->directory_fd, first_seq, &fd));
    RG_TRY(read_time(fd, &parcel.segment.hlc_us));
    rg_buf_init(&parcel.packed, S3_OBJECT_MAX);
    rg_status status = pack(&upload->depot, fd, &parcel);
    if (rg_is_ok(status)) {
        status = send_parcel(upload, turn, &parcel);
    }
    rg_buf_done(&parcel.packed);
    return status;
}

/* ---- sealing by age ---- */

/* What the log writes about itself, and about exports, is no reason for a new segment: it would be one for the next. */
static bool is_reason(struct rg_slice line, const struct audit_head *head)
{
    static const char *const own[] = {"log.checkpoint", "epoch.open", "export.", "peer.ckpt", "part"};
    struct rg_slice key = RG_SLICE("\"kind\":\"");
    struct rg_slice rest = rg_slice_cut(line, head->size, SIZE_MAX);
    if (!rg_slice_has_prefix(rest, key)) {
        return true;
    }
    rest = rg_slice_cut(rest, key.size, SIZE_MAX);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (rg_slice_has_prefix(rest, rg_slice_of(own[i]))) {
            return false;
        }
    }
    return true;
}

/* Goes on where it stopped: each line of the live segment is looked at once, up to the first reason. */
static rg_status find_reason(struct upload *upload, struct audit_reader *reader, uint64_t limit_seq)
{
    enum audit_reading reading = AUDIT_READING_END;
    struct rg_slice line = {0};
    reader->offset = upload->open_offset;
    reader->line_offset = upload->open_offset;
    while (upload->open_hlc_us == 0) {
        struct audit_head head = {0};
        RG_TRY(audit_reader_next(reader, &reading, &line));
        if (reading != AUDIT_READING_LINE || !rg_is_ok(audit_line_parse(line, &head)) || head.seq >= limit_seq) {
            return RG_OK;
        }
        upload->open_hlc_us = is_reason(line, &head) ? head.hlc_us : 0;
        upload->open_offset = reader->line_offset + line.size + 1;
    }
    return RG_OK;
}

static rg_status look_at_age(struct upload *upload, struct export_turn *turn, uint64_t open_seq)
{
    RG_AUTO(audit_fd_done) int fd = -1;
    struct audit_reader reader;
    if (open_seq != upload->open_seq) {
        upload->open_seq = open_seq;
        upload->open_offset = 0;
        upload->open_hlc_us = 0;
    }
    if (upload->open_hlc_us == 0) {
        RG_TRY(audit_segment_open_read(turn->directory_fd, open_seq, &fd));
        audit_reader_init(&reader, fd);
        rg_status status = find_reason(upload, &reader, turn->size);
        audit_reader_done(&reader);
        RG_TRY(status);
    }
    if (upload->open_hlc_us == 0) {
        return RG_OK;
    }
    int64_t left_us = upload->open_hlc_us + upload->depot.options.seal_every_us - rg_clock_wall_us(turn->clock);
    if (left_us <= 0) {
        export_seal(turn);
    }
    turn->next_us = rg_clock_monotonic_us(turn->clock) + (left_us > 0 ? left_us : 1000000);
    return RG_OK;
}

/* ---- the turn ---- */

static bool has_manifest(const struct audit_segments *segments, uint64_t first_seq)
{
    for (size_t i = 0; i < segments->manifest_count; i++) {
        if (segments->manifest_seqs[i] == first_seq) {
            return true;
        }
    }
    return false;
}

/* Sealed: there is one behind it, it has its manifest, and a checkpoint covers it. */
static bool is_ready(const struct export_turn *turn, const struct audit_segments *segments, size_t number)
{
    return number + 1 < segments->count && segments->first_seqs[number + 1] <= turn->size &&
           has_manifest(segments, segments->first_seqs[number]);
}

static rg_status send_all(struct upload *upload, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_segments segments = {0};
    bool is_waiting = false;
    rg_arena_init(&arena, NAMES_ARENA);
    RG_TRY(audit_segments_load(turn->directory_fd, &arena, &segments));
    for (size_t i = 0; i < segments.count; i++) {
        if (segments.first_seqs[i] < upload->next_seq) {
            continue;
        }
        if (!is_ready(turn, &segments, i)) { /* in order, none left out; its manifest comes a moment after it ended */
            is_waiting = i + 1 < segments.count;
            break;
        }
        if (export_should_stop(turn)) {
            return rg_fail(RG_CLOSED, "stopped");
        }
        RG_TRY(send_segment(upload, turn, segments.first_seqs[i]));
    }
    bool is_by_age = upload->depot.options.seal_every_us > 0 && segments.count > 0 && !turn->is_last;
    RG_TRY(is_by_age ? look_at_age(upload, turn, segments.first_seqs[segments.count - 1]) : RG_OK);
    if (is_waiting) { /* nothing else wakes this task in a quiet log */
        turn->next_us = rg_clock_monotonic_us(turn->clock) + 1000000;
    }
    return RG_OK;
}

static rg_status take_turn(void *context, struct export_turn *turn)
{
    struct upload *upload = context;
    RG_TRY(load_cursor(upload, turn));
    export_confirm(turn, upload->next_seq, 0);
    rg_status status = depot_begin(&upload->depot, turn);
    if (rg_is_ok(status)) {
        status = depot_put_keys(&upload->depot);
    }
    if (rg_is_ok(status)) {
        status = depot_put_bases(&upload->depot);
    }
    if (rg_is_ok(status)) {
        status = send_all(upload, turn);
    }
    upload->depot.turn = NULL;
    return status;
}

static void free_upload(void *context)
{
    struct upload *upload = context;
    depot_done(&upload->depot);
    rg_memory_free(upload);
}

rg_status upload_task_new(const struct depot_options *options, struct export_task *out_task)
{
    struct upload *upload = rg_memory_alloc(sizeof *upload);
    rg_status status = depot_init(options, &upload->depot);
    if (!rg_is_ok(status)) {
        free_upload(upload);
        return status;
    }
    *out_task = (struct export_task){.name = "s3", .turn = take_turn, .free = free_upload, .context = upload};
    return RG_OK;
}
