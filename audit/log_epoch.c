/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints and epochs, as the log sees them: when one is due, the record that comes before it, and what the
 * publisher is told. A checkpoint covers durable records only. */
#include "audit/log_private.h"
#include "base/rg_memory.h"

enum { SECOND_US = 1000000, END_OF_KEYS_SECONDS = 60, KEYS_ARENA = 64 * 1024 * 1024 };

bool audit_log_is_checkpoint_due(const struct audit_log *log, int64_t now_us)
{
    uint64_t count = log->chain.next_seq - log->published_seq;
    return count >= AUDIT_CHECKPOINT_RECORDS || (count > 0 && now_us - log->checkpoint_us >= AUDIT_WATCH_US);
}

rg_status audit_log_compose_checkpoint(struct audit_log *log)
{
    const struct rg_digest heads_root = audit_heads_root(&log->chain.tenants);
    return audit_log_compose_event(log, &(struct audit_event){.kind = AUDIT_LOG_CHECKPOINT,
                                                              .epoch = log->epoch,
                                                              .record_count = log->chain.next_seq,
                                                              .tenant_count = log->chain.tenants.live,
                                                              .heads_root = &heads_root});
}

static rg_status put(struct audit_log *log, struct audit_publication *publication)
{
    publication->segment_first = log->segment.first_seq;
    publication->segment_bytes = log->segment.durable;
    publication->leaves = (const struct rg_digest *)(const void *)rg_buf_slice(&log->leaves).data;
    publication->leaf_count = (size_t)(publication->size - log->published_seq);
    rg_status status = audit_publisher_put(log->publisher, publication);
    if (!rg_is_ok(status)) {
        return audit_log_die(log, status);
    }
    rg_buf_consume(&log->leaves, publication->leaf_count * RG_SHA256_SIZE);
    log->published_seq = publication->size;
    return RG_OK;
}

/* The checkpoint of exactly the size that an epoch.open ends, by the key of the epoch before. */
static rg_status put_boundary(struct audit_log *log)
{
    if (log->boundary_seq == 0 || log->durable_seq < log->boundary_seq) {
        return RG_OK;
    }
    struct audit_publication publication = {
        .size = log->boundary_seq, .epoch = log->epoch - 1, .ends_epoch = true, .needs_sync = true};
    RG_TRY(put(log, &publication));
    log->boundary_seq = 0;
    return RG_OK;
}

rg_status audit_log_publish(struct audit_log *log, enum audit_publish how)
{
    int64_t now_us = rg_clock_monotonic_us(log->clock);
    bool needs_sync = how != AUDIT_PUBLISH_PLAIN || now_us - log->synced_us >= AUDIT_WATCH_US;
    RG_TRY(put_boundary(log));
    log->checkpoint_us = now_us;
    struct audit_publication publication = {.size = log->durable_seq,
                                            .epoch = log->epoch,
                                            .is_sealed = how == AUDIT_PUBLISH_SEAL,
                                            .is_silent = how == AUDIT_PUBLISH_SILENT,
                                            .needs_sync = needs_sync};
    if (how == AUDIT_PUBLISH_EPOCH) {
        log->synced_us = now_us;
        log->has_unsynced_note = false;
        return RG_OK; /* the boundary was it */
    }
    RG_TRY(put(log, &publication));
    if (how != AUDIT_PUBLISH_SILENT) {
        log->synced_us = needs_sync ? now_us : log->synced_us;
        log->has_unsynced_note = !needs_sync;
    }
    return RG_OK;
}

/* Reads the lists again: `rowgate audit keys rotate` may have added one. */
static bool has_key(struct audit_log *log, uint64_t epoch)
{
    struct audit_keys *keys = rg_memory_alloc(sizeof *keys); /* much for a frame */
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, KEYS_ARENA);
    if (rg_is_ok(audit_keys_load(log->directory_fd, NULL, &arena, keys))) {
        log->epoch_count = keys->epoch_count;
        log->epoch_seconds = keys->epoch_seconds;
    }
    rg_memory_free(keys);
    return epoch < log->epoch_count;
}

static rg_status compose_epoch(struct audit_log *log, bool is_rotated)
{
    if (is_rotated) {
        RG_TRY(audit_log_compose_event(log, &(struct audit_event){.kind = AUDIT_KEY_ROTATE, .epoch = log->epoch + 1}));
    }
    RG_TRY(audit_log_compose_checkpoint(log));
    return audit_log_compose_event(log, &(struct audit_event){.kind = AUDIT_EPOCH_OPEN, .epoch = log->epoch + 1});
}

rg_status audit_log_open_epoch(struct audit_log *log)
{
    struct audit_publisher_state state = {0};
    int64_t now_us = rg_clock_monotonic_us(log->clock);
    if (!has_key(log, log->epoch + 1)) {
        log->epoch_end_us = now_us + (int64_t)END_OF_KEYS_SECONDS * SECOND_US;
        return RG_OK;
    }
    audit_publisher_look(log->publisher, &state);
    RG_TRY(compose_epoch(log, state.has_next));
    log->boundary_seq = log->chain.next_seq;
    log->epoch++;
    log->epoch_end_us = now_us + (int64_t)log->epoch_seconds * SECOND_US;
    RG_TRY(audit_log_flush(log, true));
    return audit_log_publish(log, AUDIT_PUBLISH_EPOCH);
}

rg_status audit_log_watch_epoch(struct audit_log *log, int64_t now_us)
{
    struct audit_publisher_state state = {0};
    if (now_us < log->epoch_end_us) {
        return RG_OK;
    }
    audit_publisher_look(log->publisher, &state);
    if (state.epoch != log->epoch) {
        log->epoch_end_us = now_us + AUDIT_WATCH_US;
        return RG_OK; /* the key has not stepped yet: the epoch before is still being closed */
    }
    return audit_log_open_epoch(log);
}
