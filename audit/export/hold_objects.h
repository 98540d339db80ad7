/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_HOLD_OBJECTS_H
#define RG_AUDIT_EXPORT_HOLD_OBJECTS_H

#include "audit/export/depot.h"

/* The task "holds": legal holds of the log (audit/keep/hold.h) as S3 legal holds on what is stored of it. While a hold
 * is in force, each stored segment that it may concern, and its manifest, has S3's legal hold on the version that was
 * put first; when no hold concerns it any more, it has none. The ruling is the prune's: by tenant and time. Of a
 * segment that is not here any more the tenants are unknown: then the time decides alone.
 *
 * What the log says is compared with what the server says, object by object; done is what a HEAD confirmed. Only what
 * a hold of this log concerned is ever taken off: a legal hold that somebody else set elsewhere stays. */

/* What is asked of S3, as in audit/export/s3.h; the tests have their own. */
struct hold_client {
    rg_status (*list_versions)(void *context, const char *under, const char *after, const struct s3_taker *taker);
    rg_status (*head)(void *context, const char *key, const char *version, struct s3_object *out_object);
    rg_status (*put_legal_hold)(void *context, const char *key, const char *version, bool is_held);
    void *context;
};

/* Needs Object Lock: options->lock is not S3_LOCK_OFF. Options are copied; nothing is connected to before there is a
 * hold. RG_CONFIG. */
rg_status hold_task_new(const struct depot_options *options, struct export_task *out_task) RG_MUST_CHECK;
/* Over another client. Its context is borrowed. */
void hold_task_new_with(const struct hold_client *client, struct export_task *out_task);

#endif
