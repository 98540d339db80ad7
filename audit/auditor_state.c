/* SPDX-License-Identifier: Apache-2.0 */
/* What the auditor says about itself and about its clients: states to the supervisor and the channels, notes to the
 * log. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "audit/auditor_private.h"

enum { NOTES_APART_US = 1000 * 1000 };

int64_t auditor_now_us(const struct auditor *auditor)
{
    return rg_clock_monotonic_us(auditor->log.clock);
}

/* 53100 or 58030: RESERVE is about space by its meaning, CLOSED when space is what ran out. */
static bool is_disk_full(const struct auditor *auditor, enum audit_state state, const char *reason)
{
    return state == AUDIT_RESERVE ||
           (state == AUDIT_CLOSED &&
            (auditor->state.state == AUDIT_RESERVE || auditor->state.is_disk_full ||
             strstr(reason, strerror(ENOSPC)) != NULL || strstr(reason, strerror(EDQUOT)) != NULL));
}

void auditor_set_state(struct auditor *auditor, enum audit_state state, const char *reason)
{
    if (auditor->state.type == AUDIT_ANSWER_STATE && auditor->state.state == state) {
        return;
    }
    bool is_full = is_disk_full(auditor, state, reason);
    (void)snprintf(auditor->reason, sizeof auditor->reason, "%.*s", AUDIT_REASON_MAX, reason);
    auditor->state = (struct audit_answer){
        .type = AUDIT_ANSWER_STATE, .state = state, .is_disk_full = is_full, .reason = rg_slice_of(auditor->reason)};
    auditor->is_state_due = true;
    for (size_t i = 0; i < auditor->channel_count; i++) {
        auditor->channels[i]->is_state_due = true;
    }
}

void auditor_look_state(struct auditor *auditor)
{
    const char *reason = "";
    enum audit_state state = audit_log_state(&auditor->log, &reason);
    auditor_set_state(auditor, state, reason);
}

void auditor_tell_state(struct auditor *auditor)
{
    struct audit_control message = {
        .type = AUDIT_CONTROL_STATE, .state = auditor->state.state, .reason = auditor->state.reason};
    if (auditor->is_state_due && rg_is_ok(audit_control_send(auditor->control_fd, &message))) {
        auditor->is_state_due = false;
    }
}

void auditor_on_misbehaviour(struct auditor *auditor, uint64_t channel_number, const char *what)
{
    struct auditor_misbehaviour *misbehaviour = &auditor->misbehaviour;
    misbehaviour->count++;
    (void)snprintf(misbehaviour->text, sizeof misbehaviour->text, "channel %" PRIu64 ": %.200s", channel_number, what);
    if (auditor->log_out != NULL && misbehaviour->count == 1) {
        rg_log_event(auditor->log_out, RG_LOG_ERROR, "audit.misbehaved", "s:s", "what", misbehaviour->text);
    }
}

rg_status auditor_note(struct auditor *auditor, enum audit_kind kind, struct rg_slice text)
{
    struct audit_event event = {.kind = kind, .message = text};
    return audit_log_note(&auditor->log, &event);
}

rg_status auditor_note_misbehaviour(struct auditor *auditor)
{
    struct auditor_misbehaviour *misbehaviour = &auditor->misbehaviour;
    char text[320];
    int64_t now_us = auditor_now_us(auditor);
    if (misbehaviour->count == 0 || now_us < misbehaviour->next_us) {
        return RG_OK;
    }
    (void)snprintf(text, sizeof text, "%s (%" PRIu64 " in all)", misbehaviour->text, misbehaviour->count);
    misbehaviour->count = 0;
    misbehaviour->next_us = now_us + NOTES_APART_US;
    return auditor_note(auditor, AUDIT_PROCESS_MISBEHAVED, rg_slice_of(text));
}
