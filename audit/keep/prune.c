/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a prune, as a table of steps that the log's loop drives. Records are written here, on the loop's
 * thread; nothing here waits for a disk but the commit of those records. */
#include "audit/keep/prune.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "audit/manifest.h"

enum { SEGMENTS_ARENA = 64 * 1024 * 1024 };

void audit_prune_init(struct audit_prune *prune, struct audit_log *log)
{
    *prune = (struct audit_prune){.log = log};
    prune->job = (struct prune_job){.directory_fd = log->directory_fd,
                                    .store = log->store,
                                    .origin = log->origin,
                                    .keys_root = audit_keys_genesis_root(log->keys)};
}

void audit_prune_done(struct audit_prune *prune)
{
    prune_job_done(&prune->job);
    *prune = (struct audit_prune){0};
}

bool audit_prune_is_going(const struct audit_prune *prune)
{
    return prune->step != PRUNE_IDLE;
}

bool audit_prune_take(struct audit_prune *prune, rg_status *out_status, struct audit_order_reply *reply)
{
    if (!prune->is_over) {
        return false;
    }
    prune->is_over = false;
    *reply = prune->reply;
    reply->text = rg_slice_of(prune->text);
    *out_status = prune->has_failed ? rg_fail(prune->kind, "%s", prune->text) : RG_OK;
    return true;
}

/* ---- the end ---- */

static rg_status end(struct audit_prune *prune, const char *why)
{
    (void)snprintf(prune->text, sizeof prune->text, "%s", why);
    prune->step = PRUNE_IDLE;
    prune->is_over = true;
    return RG_OK;
}

/* A failure that is not the log's: what was done stays done. */
static rg_status fail(struct audit_prune *prune, rg_status status)
{
    char text[sizeof prune->text];
    (void)snprintf(text, sizeof text, "%.300s", status.error->text);
    prune->has_failed = true;
    prune->kind = status.error->kind;
    (void)end(prune, text);
    return prune->log->is_dead ? rg_fail(RG_STORAGE, "%s", text) : RG_OK;
}

/* ---- one segment ---- */

/* The oldest segment of which the prune did not rule yet, and the one behind it. */
static rg_status find_oldest(const struct audit_prune *prune, struct rg_arena *arena, bool *out_is_there,
                             uint64_t *out_first_seq, uint64_t *out_next_seq)
{
    struct audit_segments segments = {0};
    RG_TRY(audit_segments_load(prune->log->directory_fd, arena, &segments));
    size_t at = 0;
    while (prune->is_dry && prune->reply.count > 0 && at < segments.count &&
           segments.first_seqs[at] <= prune->reply.last_seq) {
        at++;
    }
    *out_is_there = at + 1 < segments.count && segments.first_seqs[at + 1] <= prune->log->segment.first_seq;
    if (*out_is_there) {
        *out_first_seq = segments.first_seqs[at];
        *out_next_seq = segments.first_seqs[at + 1];
    }
    return RG_OK;
}

static bool has_manifest(const struct audit_log *log, uint64_t first_seq)
{
    struct stat info;
    char path[AUDIT_MANIFEST_PATH_SIZE];
    audit_manifest_path(first_seq, path);
    return log->store->stat_at(log->store->context, log->directory_fd, path, &info) == 0;
}

static rg_status scan_next(struct audit_prune *prune)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    bool is_there = false;
    rg_arena_init(&arena, SEGMENTS_ARENA);
    rg_status status = find_oldest(prune, &arena, &is_there, &prune->job.first_seq, &prune->job.next_seq);
    if (!rg_is_ok(status)) {
        return fail(prune, status);
    }
    if (!is_there) {
        return end(prune, "the segment that is written stays");
    }
    if (!has_manifest(prune->log, prune->job.first_seq)) {
        return end(prune, "the next segment has no manifest yet");
    }
    prune->job.retention = &prune->retention;
    prune->job.now_us = rg_clock_wall_us(prune->log->clock);
    prune->step = PRUNE_SCANNING;
    status = prune_job_start(&prune->job, PRUNE_SCAN);
    return rg_is_ok(status) ? RG_OK : fail(prune, status);
}

/* A hold stands against a segment that holds records of its time and its tenant. Its subject does not narrow that: the
 * subjects' names may be encrypted, and who checks the log must come to the same ruling without them. */
static const struct audit_hold *find_hold(const struct audit_prune *prune)
{
    const struct audit_holds *holds = &prune->log->holds;
    bool is_scanned = prune->job.base != NULL; /* otherwise a crash lies between: any tenant may be there */
    for (size_t i = 0; i < holds->count; i++) {
        const struct audit_hold *hold = &holds->items[i];
        bool is_of_tenant = !is_scanned || hold->tenant.size == 0 ||
                            audit_heads_find(&prune->job.tenants, hold->escaped_tenant) != NULL;
        if (is_of_tenant && audit_hold_is_at(hold, prune->job.first_us, prune->job.last_us)) {
            return hold;
        }
    }
    return NULL;
}

/* NULL: it may go. */
static const char *find_objection(struct audit_prune *prune, char text[320])
{
    const struct prune_job *job = &prune->job;
    if (!job->may_go) {
        return "the next segment holds records that are kept longer";
    }
    if (prune->retention.needs_export && prune->log->confirmed_seq < job->next_seq) {
        return "the next segment is not confirmed to be stored outside";
    }
    const struct audit_hold *hold = find_hold(prune);
    if (hold == NULL) {
        return NULL;
    }
    (void)snprintf(text, 320, "the hold %.*s stands against the next segment", rg_slice_shown(hold->id), hold->id.data);
    return text;
}

static rg_status on_scanned(struct audit_prune *prune)
{
    char text[320];
    const char *objection = find_objection(prune, text);
    if (objection != NULL) {
        return end(prune, objection);
    }
    if (prune->is_dry) {
        prune->reply.first_seq = prune->reply.count == 0 ? prune->job.first_seq : prune->reply.first_seq;
        prune->reply.last_seq = prune->job.next_seq - 1;
        prune->reply.count++;
        return scan_next(prune);
    }
    prune->step = PRUNE_KEEPING;
    rg_status status = prune_job_start(&prune->job, PRUNE_KEEP_BASE);
    return rg_is_ok(status) ? RG_OK : fail(prune, status);
}

/* ---- the records ---- */

/* A hold in force must outlive the segment that its record stands in. */
static rg_status carry_holds(struct audit_prune *prune)
{
    enum { AT_ONCE = 64 };
    for (size_t i = 0; i < prune->log->holds.count; i++) {
        const struct audit_hold *hold = &prune->log->holds.items[i];
        if (hold->seq < prune->job.next_seq) {
            const struct audit_event event = {.kind = AUDIT_HOLD_PLACE,
                                              .object = hold->id,
                                              .operator_name = hold->operator_name,
                                              .about_tenant = hold->tenant,
                                              .about_subject = hold->subject,
                                              .message = hold->reason,
                                              .from_us = hold->from_us,
                                              .until_us = hold->until_us};
            RG_TRY(audit_log_put(prune->log, &event));
            RG_TRY(i % AT_ONCE == AT_ONCE - 1 ? audit_log_commit(prune->log) : RG_OK);
        }
    }
    return RG_OK;
}

static rg_status declare(struct audit_prune *prune)
{
    struct audit_base *base = prune->job.base;
    const struct rg_digest root = audit_tree_root(&base->tree);
    const struct rg_digest heads_root = audit_heads_root(&base->chain.tenants);
    const struct audit_event event = {.kind = AUDIT_RETENTION_PRUNE,
                                      .operator_name = rg_slice_of(prune->operator_name),
                                      .object = prune->retention.object,
                                      .message = prune->policy,
                                      .first_seq = prune->job.first_seq,
                                      .last_seq = prune->job.next_seq - 1,
                                      .epoch = base->epoch,
                                      .tenant_count = base->chain.tenants.live,
                                      .heads_root = &heads_root,
                                      .digest = &root,
                                      .from_us = prune->job.first_us,
                                      .until_us = prune->job.last_us};
    RG_TRY(carry_holds(prune));
    RG_TRY(audit_log_note_at(prune->log, &event, &prune->declared_seq));
    return audit_log_sign(prune->log);
}

static rg_status on_kept(struct audit_prune *prune)
{
    const char *reason = "";
    char text[320];
    if (audit_log_state(prune->log, &reason) == AUDIT_CLOSED) {
        return fail(prune, rg_fail(RG_LIMIT, "the audit log takes no records now: %s", reason));
    }
    const char *objection = find_objection(prune, text); /* a hold may have come meanwhile */
    if (objection != NULL) {
        return end(prune, objection);
    }
    rg_status status = declare(prune);
    if (!rg_is_ok(status)) {
        return fail(prune, status); /* recorded or not: the segment stays until the next start or prune */
    }
    prune->reply.seq = prune->declared_seq;
    prune->step = PRUNE_SIGNING;
    return RG_OK;
}

/* A hold was placed since: what is still there stays, and the log says so. Otherwise nobody could tell later that it
 * went under the hold. */
static rg_status make_void(struct audit_prune *prune)
{
    const struct audit_event event = {.kind = AUDIT_LOG_RECOVERED,
                                      .message = RG_SLICE("a hold was placed: what was declared to go stays"),
                                      .recovered_from_seq = prune->declared_seq};
    rg_status status = audit_log_note(prune->log, &event);
    return rg_is_ok(status) ? end(prune, "a hold was placed meanwhile") : fail(prune, status);
}

static rg_status on_signed(struct audit_prune *prune)
{
    struct audit_publisher_state state = {0};
    audit_publisher_look(prune->log->publisher, &state);
    if (state.synced_size <= prune->declared_seq) {
        return RG_OK; /* not yet */
    }
    if (find_hold(prune) != NULL) {
        return make_void(prune);
    }
    prune->step = PRUNE_REMOVING;
    rg_status status = prune_job_start(&prune->job, PRUNE_REMOVE);
    return rg_is_ok(status) ? RG_OK : fail(prune, status);
}

static rg_status on_removed(struct audit_prune *prune)
{
    prune->reply.first_seq = prune->reply.count == 0 ? prune->job.first_seq : prune->reply.first_seq;
    prune->reply.last_seq = prune->job.next_seq - 1;
    prune->reply.count++;
    return prune->retention.keep_us > 0 ? scan_next(prune) : end(prune, "no retention is configured");
}

rg_status audit_prune_turn(struct audit_prune *prune)
{
    static rg_status (*const steps[])(struct audit_prune * prune) = {
        [PRUNE_SCANNING] = on_scanned, [PRUNE_KEEPING] = on_kept, [PRUNE_REMOVING] = on_removed};
    bool is_done = false;
    if (prune->step == PRUNE_IDLE) {
        return RG_OK;
    }
    if (prune->step == PRUNE_SIGNING) {
        return on_signed(prune);
    }
    rg_status status = prune_job_look(&prune->job, &is_done);
    if (!rg_is_ok(status)) {
        return fail(prune, status);
    }
    return is_done ? steps[prune->step](prune) : RG_OK;
}

/* ---- beginning ---- */

static void begin(struct audit_prune *prune, struct rg_slice operator_name, bool is_dry)
{
    prune->is_dry = is_dry;
    prune->reply = (struct audit_order_reply){0};
    prune->has_failed = false;
    prune->is_over = false;
    (void)snprintf(prune->operator_name, sizeof prune->operator_name, "%.*s", rg_slice_shown(operator_name),
                   operator_name.data);
}

/* The newest retention.prune names the oldest segment, and just that. */
static rg_status find_declared(struct audit_prune *prune, bool *out_is_there)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    const struct audit_pruned *pruned = &prune->log->pruned[1];
    uint64_t first_seq = 0;
    uint64_t next_seq = 0;
    rg_arena_init(&arena, SEGMENTS_ARENA);
    RG_TRY(find_oldest(prune, &arena, out_is_there, &first_seq, &next_seq));
    *out_is_there =
        *out_is_there && pruned->seq != 0 && pruned->first_seq == first_seq && pruned->last_seq + 1 == next_seq;
    if (*out_is_there) {
        prune->job.first_seq = first_seq;
        prune->job.next_seq = next_seq;
        prune->job.first_us = pruned->from_us;
        prune->job.last_us = pruned->until_us;
        prune->declared_seq = pruned->seq;
        prune->job.retention = &prune->retention;
        prune_job_done(&prune->job); /* nothing was scanned in this run */
    }
    return RG_OK;
}

static rg_status begin_with_declared(struct audit_prune *prune, bool *out_has_begun)
{
    struct audit_publisher_state state = {0};
    RG_TRY(find_declared(prune, out_has_begun));
    if (*out_has_begun) {
        prune->step = PRUNE_SIGNING;
        audit_publisher_look(prune->log->publisher, &state);
        return state.synced_size <= prune->declared_seq && prune->log->durable_seq > prune->log->published_seq
                   ? audit_log_sign(prune->log)
                   : RG_OK;
    }
    return RG_OK;
}

rg_status audit_prune_resume(struct audit_prune *prune)
{
    bool has_begun = false;
    begin(prune, RG_SLICE("rowgate"), false);
    return begin_with_declared(prune, &has_begun);
}

rg_status audit_prune_start(struct audit_prune *prune, struct rg_slice operator_name, bool is_dry)
{
    bool has_begun = false;
    if (audit_prune_is_going(prune)) {
        return rg_fail(RG_LIMIT, "a prune is going on already");
    }
    if (prune->retention.keep_us <= 0) {
        return rg_fail(RG_CONFIG, "no retention is configured: [audit.retention] keep says how long records are kept");
    }
    begin(prune, operator_name, is_dry);
    RG_TRY(is_dry ? RG_OK : begin_with_declared(prune, &has_begun));
    return has_begun ? RG_OK : scan_next(prune);
}
