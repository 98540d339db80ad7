/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_ROLLBACK_H
#define RG_AUDIT_ROLLBACK_H

#include "audit/keys.h"

/* The log against a checkpoint that was kept elsewhere (reference audit.md 3.8): an anchor in S3, a witness's, a
 * peer's. Who finds that the log was rolled back says so in <directory>/export/rolled-back; the auditor looks at it
 * once a second and when it opens the log, closes it, and it stays closed until an operator has removed the file. */

#define AUDIT_ROLLED_BACK "export/rolled-back"

enum { AUDIT_ROLLED_BACK_MAX = 400 }; /* bytes of text that are shown */

enum audit_standing {
    AUDIT_STANDING_NONE = 0, /* the note is no checkpoint of this log with a signature that holds: it proves nothing */
    AUDIT_STANDING_GOOD,     /* the log continues it */
    AUDIT_STANDING_BEHIND,   /* it covers more records than the log has signed: the log was rolled back */
    AUDIT_STANDING_OTHER,    /* the log's records of that size have another root: another history */
    AUDIT_STANDING_UNKNOWN   /* tiles that would tell are missing */
};

/* size: records that the log's own newest checkpoint covers. Reads keys/ lists, ckpt/ and tile/.
 * RG_STORAGE when the keys cannot be read. The note's size goes to *out_size when it has one. */
rg_status audit_standing_find(int directory_fd, struct rg_slice origin, uint64_t size, struct rg_slice note,
                              enum audit_standing *out_standing, uint64_t *out_size) RG_MUST_CHECK;

/* True when a key of these lists, of any epoch, signed it. */
bool audit_keys_have_signed(const struct audit_keys *keys, const struct audit_note *note);

/* Says so, durably; text is for people, one line. RG_STORAGE, RG_LIMIT. */
rg_status audit_rolled_back_put(int directory_fd, const char *text) RG_MUST_CHECK;
/* RG_STORAGE with what stands there; ok when nothing does. */
rg_status audit_rolled_back_check(int directory_fd) RG_MUST_CHECK;

#endif
