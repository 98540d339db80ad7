/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_WITNESS_QUORUM_H
#define RG_AUDIT_WITNESS_QUORUM_H

#include "audit/cosign.h"
#include "audit/verify.h"

/* How many witnesses stand behind a log (docs/witness.md): what they cosigned is a checkpoint that the log must
 * continue, and enough of them must have cosigned lately. For `rowgate audit verify --witness`. */

enum {
    QUORUM_WITNESSES_MAX = 32,
    QUORUM_NOTES_MAX = 1000,
    QUORUM_NOTE_MAX = 64 * 1024,
    QUORUM_FRESH_S = 300 /* what the quorum cosigned may be so much older than the newest signed record */
};

struct quorum_policy {
    const struct audit_cosigner *witnesses; /* borrowed */
    size_t witness_count;
    size_t quorum; /* 1 to witness_count */
};

/* <directory>/export/cosigned/<...>.note, as far as one of the witnesses cosigned it; others are nobody's word and are
 * passed over. None is fine. Notes live in the arena. RG_STORAGE, RG_LIMIT. */
rg_status quorum_load(const char *directory, const struct quorum_policy *policy, struct rg_arena *arena,
                      struct audit_kept *out_kept, size_t *inout_count) RG_MUST_CHECK;
/* Adds one that was brought along; RG_PROTOCOL when none of the witnesses cosigned it. out_kept has QUORUM_NOTES_MAX.
 */
rg_status quorum_add(const struct quorum_policy *policy, struct rg_slice name, struct rg_slice note,
                     struct audit_kept *out_kept, size_t *inout_count) RG_MUST_CHECK;

/* Behind audit_verify_with, which was given the same notes: adds AUDIT_INCOMPLETE when fewer witnesses than the quorum
 * have cosigned, AUDIT_STALE when what the quorum cosigned is old, and says in report->elsewhere what there is.
 * RG_LIMIT when the arena is full. */
rg_status quorum_judge(const struct quorum_policy *policy, const struct audit_kept *kept, size_t count,
                       struct rg_arena *arena, struct audit_report *report) RG_MUST_CHECK;

#endif
