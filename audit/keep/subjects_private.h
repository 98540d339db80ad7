/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_SUBJECTS_PRIVATE_H
#define RG_AUDIT_KEEP_SUBJECTS_PRIVATE_H

#include "audit/keep/subject_store.h"
#include "audit/log.h"

/* audit/keep/subject_follow.c: destroys whoever the log's pii.erase records name, from the record on up to which the
 * store followed the log before. RG_STORAGE. */
rg_status subjects_follow(struct subject_store *store, struct audit_log *log) RG_MUST_CHECK;

#endif
