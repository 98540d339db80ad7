/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier's course: what evidence there is (first, because records are written before it), then the segments in
 * parallel, then the stitch, the signatures, the report. The rules themselves are in verify_*.c. */
#include "audit/verify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "audit/verify_private.h"
#include "base/rg_memory.h"

struct verifier {
    const struct audit_verify_options *options;
    struct rg_arena *arena;
    int directory_fd;
    struct audit_report report;
    struct verify_findings findings;
    struct audit_keys keys;
    bool has_keys;
    struct verify_checkpoints checkpoints;
    struct verify_tiles tiles;
    struct audit_segments names;
    struct verify_plan plan;
    struct verify_segment *segments; /* from `first` on; owned */
    size_t segment_count;
    uint64_t all_bytes;
    pthread_mutex_t failure_lock;
    enum rg_kind failure_kind; /* of the first reader that could not read */
    char failure[256];
    struct verify_stitch stitch;
};

/* ---- evidence ---- */

static rg_status load_keys(struct verifier *verifier)
{
    rg_status status =
        audit_keys_load(verifier->directory_fd, verifier->options->root, verifier->arena, &verifier->keys);
    if (!rg_is_ok(status) && status.error->kind == RG_LIMIT) {
        return status;
    }
    if (!rg_is_ok(status)) {
        verify_find(&verifier->findings, status.error->kind == RG_STORAGE ? AUDIT_INCOMPLETE : AUDIT_ALTERED, "keys", 0,
                    "nothing can be proven without the list of public keys: %s", status.error->text);
        return RG_OK;
    }
    verifier->has_keys = true;
    verifier->report.is_root_pinned = verifier->keys.is_root_pinned;
    if (!rg_slice_is_equal(verifier->keys.origin, verifier->report.origin)) {
        verify_find(&verifier->findings, AUDIT_ALTERED, "origin", 0, "the keys are those of another log, %.*s",
                    rg_slice_shown(verifier->keys.origin), verifier->keys.origin.data);
    }
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, AUDIT_VKEY_SIZE);
    RG_TRY(audit_vkey_encode(&verifier->keys.root, &text));
    return rg_arena_copy(verifier->arena, rg_buf_slice(&text), &verifier->report.root_key);
}

static rg_status load_evidence(struct verifier *verifier)
{
    RG_TRY(audit_origin_load(verifier->directory_fd, verifier->arena, &verifier->report.origin));
    RG_TRY(load_keys(verifier));
    RG_TRY(verify_checkpoints_load(verifier->directory_fd, verifier->report.origin, verifier->options, verifier->arena,
                                   &verifier->findings, &verifier->checkpoints));
    RG_TRY(verify_tiles_load(verifier->directory_fd, &verifier->findings, &verifier->tiles));
    verifier->tiles.needed_size = verifier->options->has_no_tiles ? 0 : verifier->checkpoints.newest_size;
    RG_TRY(audit_segments_load(verifier->directory_fd, verifier->arena, &verifier->names));
    if (verifier->names.stranger.size > 0) {
        char file[VERIFY_FILE_SIZE];
        (void)snprintf(file, sizeof file, "seg/%.*s", 64, verifier->names.stranger.data);
        verify_find(&verifier->findings, AUDIT_ALTERED, file, 0, "a file in seg/ that is no segment");
    }
    return RG_OK;
}

/* ---- segments ---- */

static void keep_failure(struct verifier *verifier, rg_status status)
{
    (void)pthread_mutex_lock(&verifier->failure_lock);
    if (verifier->failure[0] == '\0') {
        verifier->failure_kind = status.error->kind;
        (void)snprintf(verifier->failure, sizeof verifier->failure, "%.250s", status.error->text);
    }
    (void)pthread_mutex_unlock(&verifier->failure_lock);
}

static void read_segment(void *context, size_t number)
{
    struct verifier *verifier = context;
    rg_status status = verify_segment_read(&verifier->plan, &verifier->segments[number]);
    if (!rg_is_ok(status)) {
        keep_failure(verifier, status);
    }
}

static void show_progress(void *context)
{
    const struct verifier *verifier = context;
    verifier->options->on_progress(verifier->options->context, atomic_load(&verifier->plan.done_bytes),
                                   verifier->all_bytes);
}

static uint64_t size_of(const struct verifier *verifier, uint64_t first_seq)
{
    char name[AUDIT_SEGMENT_NAME_SIZE + sizeof "seg/"] = "seg/";
    struct stat info;
    audit_segment_name(first_seq, name + sizeof "seg/" - 1);
    return fstatat(verifier->directory_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)info.st_size : 0;
}

static unsigned thread_count(const struct verifier *verifier)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return verifier->options->threads != 0 ? verifier->options->threads : cores < 1 ? 1 : (unsigned)cores;
}

static rg_status read_segments(struct verifier *verifier, size_t first)
{
    size_t count = verifier->names.count - first;
    verifier->segment_count = count;
    verifier->segments = rg_memory_array(count + 1, sizeof *verifier->segments);
    for (size_t i = 0; i < count; i++) {
        verifier->segments[i].first_seq = verifier->names.first_seqs[first + i];
        verifier->segments[i].number = i;
        verifier->segments[i].is_newest = i + 1 == count;
        verifier->all_bytes += size_of(verifier, verifier->segments[i].first_seq);
    }
    verifier->plan.directory_fd = verifier->directory_fd;
    verifier->plan.is_strict = verifier->options->is_strict;
    verifier->plan.checkpoints = &verifier->checkpoints;
    verifier->plan.tiles = &verifier->tiles;
    verifier->plan.watch = verifier->options->watch;
    if (verifier->plan.watch != NULL) {
        RG_TRY(verifier->plan.watch->begin(verifier->plan.watch->context, count, verifier->checkpoints.newest_size));
    }
    verify_run(thread_count(verifier), count, read_segment,
               verifier->options->on_progress == NULL ? NULL : show_progress, verifier);
    return verifier->failure[0] == '\0' ? RG_OK : rg_fail(verifier->failure_kind, "%s", verifier->failure);
}

/* ---- where to begin ---- */

/* The segment that holds the last record of the outsider's checkpoint: those before it need not be read. */
static size_t first_segment(const struct verifier *verifier, bool is_full)
{
    const struct verify_checkpoint *items = verifier->checkpoints.sorted.items;
    uint64_t size = 0;
    size_t first = 0;
    for (size_t i = 0; i < verifier->checkpoints.sorted.count && !is_full; i++) {
        size = items[i].is_since ? items[i].size : size;
    }
    while (size > 0 && first + 1 < verifier->names.count && verifier->names.first_seqs[first + 1] < size) {
        first++;
    }
    return first;
}

static struct rg_digest genesis_of(const struct verifier *verifier)
{
    if (!verifier->has_keys) { /* a finding already; the chain is checked from what it says itself */
        return verifier->segment_count > 0 ? verifier->segments[0].first_prev : (struct rg_digest){{0}};
    }
    struct rg_digest root = audit_keys_genesis_root(&verifier->keys);
    const struct rg_slice parts[] = {RG_SLICE("rowgate/audit/v1\n"), verifier->report.origin, RG_SLICE("\n"),
                                     rg_slice_make(root.bytes, sizeof root.bytes)};
    return rg_sha256(parts, sizeof parts / sizeof parts[0]);
}

static void begin_stitch(struct verifier *verifier)
{
    verifier->stitch = (struct verify_stitch){.report = &verifier->report,
                                              .findings = &verifier->findings,
                                              .tiles = &verifier->tiles,
                                              .checkpoints = &verifier->checkpoints,
                                              .genesis = genesis_of(verifier),
                                              .directory_fd = verifier->directory_fd,
                                              .has_no_tiles = verifier->options->has_no_tiles,
                                              .arena = verifier->arena,
                                              .names = &verifier->names};
    verify_stitch_init(&verifier->stitch);
}

static rg_status stitch(struct verifier *verifier, size_t first)
{
    struct verify_stitch *made = &verifier->stitch;
    begin_stitch(verifier);
    if (first > 0) {
        RG_TRY(verify_stitch_base(made, verifier->segments[0].first_seq));
    } else if (verifier->segment_count > 0 && verifier->segments[0].first_seq > 0) {
        rg_status status = verify_stitch_pruned(made, verifier->segments[0].first_seq);
        if (!rg_is_ok(status)) { /* no tiles: the missing records are told below */
            verify_stitch_done(made);
            begin_stitch(verifier);
        }
    }
    for (size_t i = 0; i < verifier->segment_count; i++) {
        RG_TRY(verify_stitch_add(made, &verifier->segments[i]));
    }
    verify_stitch_end(made);
    if (made->next_seq == 0 && verifier->findings.count == 0) {
        verify_find(&verifier->findings, AUDIT_INCOMPLETE, "", 0, "the log holds no record, not even its start");
    }
    verify_epochs(made, verifier->has_keys ? &verifier->keys : NULL, thread_count(verifier));
    verify_prunes(made);
    return RG_OK;
}

/* ---- the report ---- */

static rg_status keep_findings(struct verifier *verifier)
{
    void *memory = NULL;
    verify_findings_sort(&verifier->findings);
    size_t count = verifier->findings.count;
    RG_TRY(rg_arena_array(verifier->arena, count + 1, sizeof(struct audit_finding), &memory));
    struct audit_finding *findings = memory;
    for (size_t i = 0; i < count; i++) {
        const struct verify_finding *item = &verifier->findings.items[i];
        findings[i] = (struct audit_finding){.result = item->result, .line = item->line, .seq = item->seq};
        RG_TRY(rg_arena_copy(verifier->arena, rg_slice_of(item->file), &findings[i].file));
        RG_TRY(rg_arena_copy(verifier->arena, rg_slice_of(item->reason), &findings[i].reason));
    }
    verifier->report.findings = findings;
    verifier->report.finding_count = count;
    verifier->report.result = count == 0 ? AUDIT_INTACT : findings[0].result;
    return RG_OK;
}

static rg_status keep_incidents(struct verifier *verifier)
{
    void *memory = NULL;
    const struct verify_event *events = verifier->stitch.incidents.items;
    size_t count = verifier->stitch.incidents.count;
    verifier->report.incident_count = count;
    count = count > AUDIT_INCIDENTS_MAX ? AUDIT_INCIDENTS_MAX : count;
    RG_TRY(rg_arena_array(verifier->arena, count + 1, sizeof(struct audit_incident), &memory));
    struct audit_incident *incidents = memory;
    for (size_t i = 0; i < count; i++) {
        incidents[i] = (struct audit_incident){
            .seq = events[i].seq, .hlc_us = events[i].hlc_us, .kind = rg_slice_of(events[i].name)};
    }
    verifier->report.incidents = incidents;
    return RG_OK;
}

static int compare_seqs(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static rg_status keep_unresolved(struct verifier *verifier)
{
    void *memory = NULL;
    const struct verify_decisions *decisions = &verifier->stitch.decisions;
    RG_TRY(rg_arena_array(verifier->arena, decisions->used + 1, sizeof(uint64_t), &memory));
    uint64_t *seqs = memory;
    size_t count = 0;
    for (size_t i = 0; i < decisions->slot_count; i++) {
        if (decisions->slots[i].seq != UINT64_MAX) {
            seqs[count] = decisions->slots[i].seq;
            count++;
        }
    }
    qsort(seqs, count, sizeof *seqs, compare_seqs);
    verifier->report.unresolved = seqs;
    verifier->report.unresolved_count = count;
    return RG_OK;
}

static rg_status keep_report(struct verifier *verifier)
{
    const struct verify_checkpoint *items = verifier->checkpoints.sorted.items;
    verifier->report.segment_count = verifier->names.count;
    verifier->report.tile_count = atomic_load(&verifier->tiles.compared);
    for (size_t i = 0; i < verifier->checkpoints.sorted.count; i++) {
        verifier->report.since_size = items[i].is_since ? items[i].size : verifier->report.since_size;
    }
    RG_TRY(keep_incidents(verifier));
    RG_TRY(keep_unresolved(verifier));
    return keep_findings(verifier);
}

/* ---- one pass, and when to make another ---- */

static rg_status check_log(struct verifier *verifier, bool is_full)
{
    RG_TRY(load_evidence(verifier));
    size_t first = first_segment(verifier, is_full);
    RG_TRY(read_segments(verifier, first));
    if (first > 0 && !verifier->segments[0].has_epoch) {
        return rg_fail(RG_STORAGE, "the epoch is not known");
    }
    RG_TRY(stitch(verifier, first));
    return keep_report(verifier);
}

static void done(struct verifier *verifier)
{
    for (size_t i = 0; i < verifier->segment_count; i++) {
        verify_segment_done(&verifier->segments[i]);
    }
    rg_memory_free(verifier->segments);
    verify_stitch_done(&verifier->stitch);
    verify_tiles_done(&verifier->tiles);
    verify_checkpoints_done(&verifier->checkpoints);
    verify_findings_done(&verifier->findings);
    (void)pthread_mutex_destroy(&verifier->failure_lock);
}

static rg_status pass(const struct audit_verify_options *options, int directory_fd, bool is_full,
                      struct rg_arena *arena, struct audit_report *out_report)
{
    struct verifier *verifier = rg_memory_alloc(sizeof *verifier); /* much for a frame */
    verifier->options = options;
    verifier->arena = arena;
    verifier->directory_fd = directory_fd;
    verifier->report.directory = options->directory;
    RG_ASSERT(pthread_mutex_init(&verifier->failure_lock, NULL) == 0);
    rg_status status = check_log(verifier, is_full);
    if (rg_is_ok(status)) {
        *out_report = verifier->report;
    }
    done(verifier);
    rg_memory_free(verifier);
    return status;
}

/* Tiles stand for records only as long as everything holds: any doubt, and the records are read. A live log moves while
 * it is read, so what is found there must be found again. */
rg_status audit_verify_with(const struct audit_verify_options *options, struct rg_arena *arena,
                            struct audit_report *out_report)
{
    enum { PASSES = 4 };
    const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    RG_AUTO(audit_fd_done) int fd = -1;
    struct audit_report report = {0};
    RG_TRY(audit_directory_open(options->directory, arena, &fd));
    bool is_full = options->since.size == 0;
    for (int i = 0; i < PASSES; i++) {
        bool is_live = verify_is_live(fd);
        rg_status status = pass(options, fd, is_full, arena, &report);
        if (rg_is_ok(status) && report.result == AUDIT_INTACT) {
            break;
        }
        if (is_full && !is_live) {
            RG_TRY(status);
            break;
        }
        if (i + 1 == PASSES) {
            RG_TRY(status);
        }
        is_full = true;
        if (is_live) {
            (void)nanosleep(&pause, NULL);
        }
    }
    *out_report = report;
    return RG_OK;
}

rg_status audit_verify(struct rg_slice directory, struct rg_arena *arena, struct audit_report *out_report)
{
    const struct audit_verify_options options = {.directory = directory};
    return audit_verify_with(&options, arena, out_report);
}
