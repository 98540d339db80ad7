/* SPDX-License-Identifier: Apache-2.0 */
/* What one segment's reader found, and how that of the next segment is added: counts, lists that keep their beginning,
 * and when the recording paused. */
#include "audit/trail/evidence_private.h"
#include "base/rg_memory.h"

/* An idle log still writes a record an epoch, an hour by default: what is longer needs an explanation. */
static const int64_t pause_us = (int64_t)65 * 60 * 1000 * 1000;

void evidence_found_done(struct evidence_found *found)
{
    for (size_t i = 0; i < EVIDENCE_TABLE_COUNT; i++) {
        evidence_tally_done(&found->tables[i]);
    }
    rg_memory_free(found->policies);
    rg_memory_free(found->events);
    rg_memory_free(found->pauses);
    *found = (struct evidence_found){0};
}

static void keep_event(struct evidence_event **list, size_t *count, uint64_t *dropped,
                       const struct evidence_event *event)
{
    enum { STEP = 64 };
    if (*count >= EVIDENCE_EVENTS_MAX) {
        (*dropped)++;
        return;
    }
    if (*count % STEP == 0) {
        *list = rg_memory_resize(*list, (*count + STEP) * sizeof **list);
    }
    (*list)[*count] = *event;
    (*count)++;
}

void evidence_found_event(struct evidence_found *found, const struct evidence_event *event)
{
    keep_event(&found->events, &found->event_count, &found->events_dropped, event);
}

void evidence_found_policy(struct evidence_found *found, const struct evidence_event *event)
{
    keep_event(&found->policies, &found->policy_count, &found->policies_dropped, event);
}

static void keep_pause(struct evidence_found *found, const struct evidence_pause *pause)
{
    enum { STEP = 64 };
    if (found->pause_count >= EVIDENCE_PAUSES_MAX) {
        found->pauses_dropped++;
        return;
    }
    if (found->pause_count % STEP == 0) {
        found->pauses = rg_memory_resize(found->pauses, (found->pause_count + STEP) * sizeof *found->pauses);
    }
    found->pauses[found->pause_count] = *pause;
    found->pause_count++;
}

/* Between the last record so far and the next one. */
static void check_pause(struct evidence_found *found, uint64_t seq, int64_t hlc_us, const char *boot)
{
    bool is_start = memcmp(found->boot, boot, AUDIT_BOOT_SIZE) != 0;
    if (found->records > 0 && (is_start || hlc_us - found->last_us > pause_us)) {
        const struct evidence_pause pause = {
            .seq = seq, .from_us = found->last_us, .until_us = hlc_us, .is_start = is_start};
        keep_pause(found, &pause);
    }
}

void evidence_found_record(struct evidence_found *found, const struct audit_head *head)
{
    check_pause(found, head->seq, head->hlc_us, head->boot.data);
    if (found->records == 0) {
        found->first_seq = head->seq;
        found->first_us = head->hlc_us;
        memcpy(found->first_boot, head->boot.data, AUDIT_BOOT_SIZE);
    }
    memcpy(found->boot, head->boot.data, AUDIT_BOOT_SIZE);
    found->last_seq = head->seq;
    found->last_us = head->hlc_us;
    found->records++;
}

static void merge_lists(struct evidence_found *found, const struct evidence_found *next)
{
    for (size_t i = 0; i < next->policy_count; i++) {
        evidence_found_policy(found, &next->policies[i]);
    }
    for (size_t i = 0; i < next->event_count; i++) {
        evidence_found_event(found, &next->events[i]);
    }
    for (size_t i = 0; i < next->pause_count; i++) {
        keep_pause(found, &next->pauses[i]);
    }
    found->policies_dropped += next->policies_dropped;
    found->events_dropped += next->events_dropped;
    found->pauses_dropped += next->pauses_dropped;
}

void evidence_found_merge(struct evidence_found *found, const struct evidence_found *next)
{
    for (size_t i = 0; i < EVIDENCE_TABLE_COUNT; i++) {
        evidence_tally_merge(&found->tables[i], &next->tables[i]);
    }
    if (next->records > 0) {
        check_pause(found, next->first_seq, next->first_us, next->first_boot);
    }
    merge_lists(found, next);
    found->unattributed += next->unattributed;
    found->unreadable += next->unreadable;
    found->statements += next->statements;
    found->requests += next->requests;
    found->rows += next->rows;
    found->bytes += next->bytes;
    if (next->records == 0) {
        return;
    }
    if (found->records == 0) {
        found->first_seq = next->first_seq;
        found->first_us = next->first_us;
        memcpy(found->first_boot, next->first_boot, AUDIT_BOOT_SIZE);
    }
    memcpy(found->boot, next->boot, AUDIT_BOOT_SIZE);
    found->last_seq = next->last_seq;
    found->last_us = next->last_us;
    found->records += next->records;
}
