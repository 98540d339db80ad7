/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_CHAIN_H
#define RG_AUDIT_CHAIN_H

#include "audit/heads.h"
#include "audit/line.h"

/* Where a log stands: what the next record must say. One state, three users: the writer extends it,
 * recovery and verify check lines against it. Threads: one at a time. */
struct audit_chain {
    struct rg_digest genesis;
    uint64_t next_seq; /* the first record is 0: seq is the leaf's index in the RFC 6962 tree */
    struct rg_digest prev;
    struct audit_heads tenants;
    int64_t hlc_us;  /* of the last record */
    int64_t mono_us; /* same */
    char boot[AUDIT_BOOT_SIZE];
};

enum audit_problem {
    AUDIT_PROBLEM_NONE = 0,
    AUDIT_PROBLEM_LINE,   /* not a line that we write */
    AUDIT_PROBLEM_SEQ,    /* number skipped, repeated or out of order */
    AUDIT_PROBLEM_PREV,   /* does not follow the record before it */
    AUDIT_PROBLEM_TENANT, /* the same within its tenant */
    AUDIT_PROBLEM_CLOCK   /* hlc or mono_us step back */
};

/* keys_root: audit_keys_genesis_root. */
void audit_chain_init(struct audit_chain *chain, struct rg_slice origin, const struct rg_digest *keys_root);
void audit_chain_done(struct audit_chain *chain);

/* Fills seq, prev, tseq, tprev of the head for its tenant. RG_LIMIT: too many tenants. */
rg_status audit_chain_next(struct audit_chain *chain, struct audit_head *head) RG_MUST_CHECK;
/* The line was written: go on behind it. The head is that line's. */
void audit_chain_append(struct audit_chain *chain, const struct audit_head *head, struct rg_slice line);

/* Checks a line (without LF) against the state and goes on behind it.
 * Returns: ok; RG_PROTOCOL with the reason as text and in *out_problem; the state is unchanged then. */
rg_status audit_chain_check(struct audit_chain *chain, struct rg_slice line, struct audit_head *out_head,
                            enum audit_problem *out_problem) RG_MUST_CHECK;

#endif
