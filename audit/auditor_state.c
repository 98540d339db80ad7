/* SPDX-License-Identifier: Apache-2.0 */
/* What the auditor says about itself and about its clients: states to the supervisor and the channels, notes to the
 * log. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/auditor_private.h"

enum { NOTES_APART_US = 1000 * 1000, TELLS_APART_US = 10 * 1000 };

int64_t auditor_now_us(const struct auditor *auditor)
{
    return rg_clock_monotonic_us(auditor->log.clock);
}

void auditor_set_state(struct auditor *auditor, enum audit_state state, const char *reason)
{
    if (auditor->state.type == AUDIT_ANSWER_STATE && auditor->state.state == state) {
        return;
    }
    bool is_full = audit_log_is_disk_full(&auditor->log);
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

int64_t auditor_tell_due_us(const struct auditor *auditor)
{
    return auditor->log.durable_seq > auditor->told_seq ? auditor->told_us + TELLS_APART_US : INT64_MAX;
}

void auditor_look_publishing(struct auditor *auditor)
{
    struct audit_publisher_state state = {0};
    audit_publisher_look(auditor->log.publisher, &state);
    if (state.is_failing == auditor->is_not_publishing) {
        return;
    }
    auditor->is_not_publishing = state.is_failing;
    if (auditor->log_out != NULL) {
        rg_log_event(auditor->log_out, state.is_failing ? RG_LOG_ERROR : RG_LOG_INFO, "audit.publishing", "s:b, s:s",
                     "works", !state.is_failing, "reason", state.reason);
    }
}

/* What was acknowledged must outlive this process: should the log come back shorter, the next one refuses it. */
void auditor_tell_state(struct auditor *auditor)
{
    int64_t now_us = auditor_now_us(auditor);
    struct audit_control message = {.type = AUDIT_CONTROL_STATE,
                                    .state = auditor->state.state,
                                    .durable_seq = auditor->log.durable_seq,
                                    .reason = auditor->state.reason};
    bool is_due = auditor->is_state_due || now_us >= auditor_tell_due_us(auditor);
    if (is_due && rg_is_ok(audit_control_send(auditor->control_fd, &message))) {
        auditor->is_state_due = false;
        auditor->told_seq = message.durable_seq;
        auditor->told_us = now_us;
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

rg_status auditor_absorb(struct auditor *auditor, rg_status status)
{
    if (!rg_is_ok(status) && status.error->kind == RG_LIMIT) {
        auditor->is_waiting = true;
        return RG_OK;
    }
    return status;
}

rg_status auditor_note(struct auditor *auditor, enum audit_kind kind, struct rg_slice text)
{
    struct audit_event event = {.kind = kind, .message = text};
    return auditor_absorb(auditor, audit_log_note(&auditor->log, &event));
}

rg_status auditor_note_misbehaviour(struct auditor *auditor)
{
    struct auditor_misbehaviour *misbehaviour = &auditor->misbehaviour;
    char text[320];
    int64_t now_us = auditor_now_us(auditor);
    if (misbehaviour->count == 0 || auditor->is_waiting || now_us < misbehaviour->next_us) {
        return RG_OK;
    }
    (void)snprintf(text, sizeof text, "%s (%" PRIu64 " in all)", misbehaviour->text, misbehaviour->count);
    misbehaviour->count = 0;
    misbehaviour->next_us = now_us + NOTES_APART_US;
    return auditor_note(auditor, AUDIT_PROCESS_MISBEHAVED, rg_slice_of(text));
}
