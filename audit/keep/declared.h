/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_DECLARED_H
#define RG_AUDIT_KEEP_DECLARED_H

#include "audit/line.h"

/* What retention.prune and export.segment records say. Pure. */

struct audit_pruned {
    uint64_t seq; /* of the record: never 0 */
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t epoch;              /* behind last_seq; of the next two as well */
    struct rg_digest root;       /* of last_seq + 1 records */
    struct rg_digest heads_root; /* of the tenants there */
    int64_t from_us;             /* hlc of the first and the last record that it declares */
    int64_t until_us;
};

/* line without LF, and its head. RG_PROTOCOL when something is missing, or it declares records that it does not
 * precede. Output untouched then. */
rg_status audit_pruned_parse(struct rg_slice line, const struct audit_head *head,
                             struct audit_pruned *out_pruned) RG_MUST_CHECK;
rg_status audit_exported_parse(struct rg_slice line, const struct audit_head *head, uint64_t *out_first_seq,
                               uint64_t *out_last_seq) RG_MUST_CHECK;
/* A log.recovered that cut nothing: every retention.prune from *out_void_seq up to it is void. False: it is another
 * one; output untouched then. */
bool audit_void_parse(struct rg_slice line, uint64_t *out_void_seq);

#endif
