/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor and the keys of subjects: they come ahead of records, over channels that are not trusted, and are on the
 * disk before those records are. */
#include <stdio.h>

#include "audit/auditor_private.h"

static void on_erased(void *context, const struct rg_digest *name)
{
    struct auditor *auditor = context;
    for (size_t i = 0; i < auditor->channel_count; i++) {
        audit_channel_forget(auditor->channels[i], name);
    }
}

rg_status auditor_open_subjects(struct auditor *auditor, const struct auditor_options *options)
{
    if (!audit_subjects_are_wanted(options, &auditor->log)) {
        return RG_OK;
    }
    RG_TRY(audit_subjects_open(options, &auditor->log, &auditor->subjects));
    audit_subjects_on_erased(auditor->subjects, on_erased, auditor);
    return RG_OK;
}

rg_status auditor_take_key(struct auditor *auditor, struct audit_channel *channel, struct rg_slice *event)
{
    struct audit_key_frame frame = {0};
    if (!audit_message_is_key(*event)) {
        return RG_OK;
    }
    RG_TRY(audit_channel_count_key(channel, auditor_now_us(auditor)));
    if (auditor->subjects == NULL) {
        return rg_fail(RG_PROTOCOL, "a key of a subject, and personal fields are not encrypted here");
    }
    RG_TRY(audit_message_get_key(event, &frame));
    rg_status status = audit_subjects_take(auditor->subjects, &frame);
    rg_wipe(&frame, sizeof frame);
    return status;
}

rg_status auditor_commit_keys(struct auditor *auditor)
{
    return auditor->subjects == NULL ? RG_OK : audit_subjects_commit(auditor->subjects);
}

rg_status auditor_tend_subjects(struct auditor *auditor)
{
    const char *trouble = "";
    if (auditor->subjects == NULL || auditor->is_waiting) {
        return RG_OK;
    }
    RG_TRY(auditor_absorb(auditor, audit_subjects_tend(auditor->subjects, &trouble)));
    if (strcmp(trouble, auditor->subjects_trouble) != 0 && auditor->log_out != NULL) {
        rg_log_event(auditor->log_out, trouble[0] == '\0' ? RG_LOG_INFO : RG_LOG_ERROR, "audit.subjects.backup",
                     "s:b, s:s", "works", trouble[0] == '\0', "reason", trouble);
    }
    (void)snprintf(auditor->subjects_trouble, sizeof auditor->subjects_trouble, "%s", trouble);
    return RG_OK;
}
