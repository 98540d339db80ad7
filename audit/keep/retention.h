/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEEP_RETENTION_H
#define RG_AUDIT_KEEP_RETENTION_H

#include "audit/line.h"
#include "base/rg_arena.h"

/* How long records are kept: by their class and tenant. Of several rules that fit a record the longest
 * holds, without any `keep`. A segment may go when the time of every record in it is over. As text it is one JSON
 * object; each retention.prune record holds the one it went by. */

struct audit_retention_rule {
    const struct rg_slice *classes; /* "login", "statement", "policy", "log" as of audit/class.h; or one kind,
                                     * "login.failed". None = all */
    size_t class_count;
    const struct rg_slice *tenants; /* none = all, and records without a tenant */
    const struct rg_slice *escaped; /* the tenants as they stand in records; made by audit_retention_parse */
    size_t tenant_count;
    int64_t keep_us;
};

struct audit_retention {
    int64_t keep_us;        /* 0 = nothing is ever pruned */
    int64_t local_us;       /* with needs_export: how long at most segments stay here; 0 = as long as they are kept */
    bool needs_export;      /* a segment goes only when an export.segment record confirms it */
    struct rg_slice object; /* where that is stored, for the record; may be empty */
    const struct audit_retention_rule *rules;
    size_t rule_count;
};

enum { AUDIT_RETENTION_MAX = 2000, AUDIT_RETENTION_RULES_MAX = 64, AUDIT_RETENTION_NAMES_MAX = 256 };

/* The text, at most AUDIT_RETENTION_MAX bytes. RG_LIMIT. */
rg_status audit_retention_encode(const struct audit_retention *retention, struct rg_buf *out) RG_MUST_CHECK;
/* Reads it; everything lives in the arena. An empty text is the zero value. RG_CONFIG, output untouched then. */
rg_status audit_retention_parse(struct rg_slice text, struct rg_arena *arena,
                                struct audit_retention *out_retention) RG_MUST_CHECK;
/* How long this record is to be kept, by a retention that was parsed. */
int64_t audit_retention_of(const struct audit_retention *retention, struct rg_slice line,
                           const struct audit_head *head);

#endif
