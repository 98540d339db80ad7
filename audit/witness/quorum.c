/* SPDX-License-Identifier: Apache-2.0 */
/* Counts witnesses. A witness cosigns consistent growth only, so its newest cosignature covers all earlier ones; the
 * quorum's word reaches as far as the quorum-th of them. */
#include "audit/witness/quorum.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/export/depot.h"
#include "audit/export/witness.h"
#include "audit/reader.h"
#include "base/rg_memory.h"

struct reach { /* of one witness */
    uint64_t size;
    uint64_t time_s;
};

static rg_status parse(struct rg_slice bytes, struct audit_note **note, struct audit_checkpoint *out_checkpoint)
{
    RG_TRY(audit_note_parse(bytes, *note));
    return audit_checkpoint_parse((*note)->text, out_checkpoint);
}

/* Takes what it says into the witnesses' reaches; true when any of them cosigned it. */
static bool reach_add(const struct quorum_policy *policy, struct rg_slice bytes, struct reach *reaches)
{
    struct audit_note *note = rg_memory_alloc(sizeof *note); /* much for a frame */
    struct audit_checkpoint checkpoint = {0};
    bool is_cosigned = false;
    bool is_note = rg_is_ok(parse(bytes, &note, &checkpoint)) && checkpoint.size > 0;
    for (size_t i = 0; is_note && i < policy->witness_count; i++) {
        uint64_t time_s = 0;
        if (!audit_note_is_cosigned_by(note, &policy->witnesses[i], &time_s)) {
            continue;
        }
        is_cosigned = true;
        if (reaches != NULL &&
            (checkpoint.size > reaches[i].size || (checkpoint.size == reaches[i].size && time_s > reaches[i].time_s))) {
            reaches[i] = (struct reach){checkpoint.size, time_s};
        }
    }
    rg_memory_free(note);
    return is_cosigned;
}

rg_status quorum_add(const struct quorum_policy *policy, struct rg_slice name, struct rg_slice note,
                     struct audit_kept *out_kept, size_t *inout_count)
{
    if (!reach_add(policy, note, NULL)) {
        return rg_fail(RG_PROTOCOL, "%.*s is no checkpoint that one of the witnesses cosigned", rg_slice_shown(name),
                       name.data);
    }
    if (*inout_count == QUORUM_NOTES_MAX) {
        return rg_fail(RG_LIMIT, "more than %d cosigned checkpoints", QUORUM_NOTES_MAX);
    }
    out_kept[*inout_count] = (struct audit_kept){.name = name, .note = note};
    (*inout_count)++;
    return RG_OK;
}

static rg_status load_one(int directory_fd, const char *name, const struct quorum_policy *policy,
                          struct rg_arena *arena, struct audit_kept *kept, size_t *count)
{
    struct rg_slice path = {0};
    struct rg_slice note = {0};
    RG_TRY(rg_arena_printf(arena, &path, EXPORT_COSIGNED "/%.64s", name));
    rg_status status = depot_read_file(directory_fd, path.data, QUORUM_NOTE_MAX, arena, &note);
    if (rg_is_ok(status)) {
        status = quorum_add(policy, path, note, kept, count);
    }
    bool is_nobodys = !rg_is_ok(status) && (status.error->kind == RG_PROTOCOL || status.error->kind == RG_STORAGE);
    return is_nobodys ? RG_OK : status; /* it does not count, which the quorum shows */
}

rg_status quorum_load(const char *directory, const struct quorum_policy *policy, struct rg_arena *arena,
                      struct audit_kept *out_kept, size_t *inout_count)
{
    RG_AUTO(audit_fd_done) int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = directory_fd < 0 ? -1 : openat(directory_fd, EXPORT_COSIGNED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    rg_status status = RG_OK;
    if (listing == NULL) {
        int error = errno;
        audit_fd_done(&fd);
        return error == ENOENT
                   ? RG_OK
                   : rg_fail(RG_STORAGE, "cannot open %s/" EXPORT_COSIGNED ": %s", directory, strerror(error));
    }
    for (const struct dirent *entry; rg_is_ok(status) && (entry = readdir(listing)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (size > 5 && strcmp(entry->d_name + size - 5, ".note") == 0) {
            status = load_one(directory_fd, entry->d_name, policy, arena, out_kept, inout_count);
        }
    }
    (void)closedir(listing);
    return status;
}

/* ---- judging ---- */

static int compare_reaches(const void *a, const void *b)
{
    const struct reach *x = a;
    const struct reach *y = b;
    return (y->size > x->size) - (y->size < x->size); /* the farthest first */
}

static rg_status find(struct audit_report *report, enum audit_result result, uint64_t seq, struct rg_slice reason,
                      struct rg_arena *arena)
{
    const struct audit_finding finding = {
        .result = result, .file = RG_SLICE(EXPORT_COSIGNED), .seq = seq, .reason = reason};
    return audit_report_add(report, &finding, 1, arena);
}

static rg_status judge_time(const struct quorum_policy *policy, const struct reach *reaches, struct rg_arena *arena,
                            struct audit_report *report)
{
    const struct reach *last = &reaches[policy->quorum - 1];
    uint64_t oldest_s = last->time_s;
    struct rg_slice reason = {0};
    int64_t signed_s = report->signed_hlc_us / 1000000;
    for (size_t i = 0; i < policy->quorum; i++) {
        oldest_s = reaches[i].time_s < oldest_s ? reaches[i].time_s : oldest_s;
    }
    if (last->size >= report->signed_size || signed_s - (int64_t)oldest_s <= QUORUM_FRESH_S) {
        return RG_OK;
    }
    RG_TRY(rg_arena_printf(arena, &reason,
                           "what %zu witnesses cosigned ends at record %" PRIu64
                           ", %lld s before the newest signed record: what came since rests on this host alone",
                           policy->quorum, last->size - 1, (long long)(signed_s - (int64_t)oldest_s)));
    return find(report, AUDIT_STALE, last->size, reason, arena);
}

static rg_status say(const struct quorum_policy *policy, const struct reach *reaches, size_t count,
                     struct rg_arena *arena, struct audit_report *report)
{
    struct rg_slice text = {0};
    RG_TRY(rg_arena_printf(arena, &text, "%.*s%s%zu of %zu witnesses cosigned, %zu of them up to record %" PRIu64,
                           (int)report->elsewhere.size, report->elsewhere.size == 0 ? "" : report->elsewhere.data,
                           report->elsewhere.size == 0 ? "" : "; ", count, policy->witness_count, policy->quorum,
                           reaches[policy->quorum - 1].size == 0 ? 0 : reaches[policy->quorum - 1].size - 1));
    report->elsewhere = text;
    return RG_OK;
}

rg_status quorum_judge(const struct quorum_policy *policy, const struct audit_kept *kept, size_t count,
                       struct rg_arena *arena, struct audit_report *report)
{
    struct reach reaches[QUORUM_WITNESSES_MAX] = {0};
    struct rg_slice reason = {0};
    size_t reaching = 0;
    RG_ASSERT(policy->quorum > 0 && policy->quorum <= policy->witness_count &&
              policy->witness_count <= QUORUM_WITNESSES_MAX);
    for (size_t i = 0; i < count; i++) {
        (void)reach_add(policy, kept[i].note, reaches);
    }
    qsort(reaches, policy->witness_count, sizeof reaches[0], compare_reaches);
    while (reaching < policy->witness_count && reaches[reaching].size > 0) {
        reaching++;
    }
    if (reaching >= policy->quorum) {
        RG_TRY(say(policy, reaches, reaching, arena, report));
        return judge_time(policy, reaches, arena, report);
    }
    RG_TRY(rg_arena_printf(arena, &reason, "%zu of %zu witnesses cosigned this log, %zu are wanted", reaching,
                           policy->witness_count, policy->quorum));
    return find(report, AUDIT_INCOMPLETE, 0, reason, arena);
}
