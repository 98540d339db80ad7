/* SPDX-License-Identifier: Apache-2.0 */
/* The chain over raw lines (reference audit.md 3.3): one log-wide, one within each tenant. */
#include "audit/chain.h"

#include <inttypes.h>

void audit_chain_init(struct audit_chain *chain, struct rg_slice origin, const struct rg_digest *keys_root)
{
    struct rg_digest genesis = audit_line_genesis(origin, keys_root);
    *chain = (struct audit_chain){.genesis = genesis, .prev = genesis};
}

void audit_chain_done(struct audit_chain *chain)
{
    audit_heads_done(&chain->tenants);
    *chain = (struct audit_chain){0};
}

rg_status audit_chain_next(struct audit_chain *chain, struct audit_head *head)
{
    if (head->tenant.size > 0) {
        struct audit_tenant_head *tenant = NULL;
        RG_TRY(audit_heads_get(&chain->tenants, head->tenant, &chain->genesis, &tenant));
        head->tseq = tenant->next_tseq;
        head->tprev = tenant->leaf;
    }
    head->seq = chain->next_seq;
    head->prev = chain->prev;
    return RG_OK;
}

void audit_chain_append(struct audit_chain *chain, const struct audit_head *head, struct rg_slice line)
{
    struct rg_digest leaf = audit_line_leaf(line);
    struct audit_tenant_head *tenant = audit_heads_find(&chain->tenants, head->tenant);
    if (tenant != NULL && tenant->next_tseq == 0) {
        const struct rg_digest salt = audit_heads_salt(line);
        audit_heads_begin(&chain->tenants, tenant, &chain->genesis, &salt);
        chain->tenants.live++;
    }
    if (tenant != NULL) {
        tenant->next_tseq++;
        tenant->leaf = leaf;
    }
    chain->next_seq++;
    chain->prev = leaf;
    chain->hlc_us = head->hlc_us;
    chain->mono_us = head->mono_us;
    memcpy(chain->boot, head->boot.data, AUDIT_BOOT_SIZE);
}

static bool is_same(const struct rg_digest *a, const struct rg_digest *b)
{
    return memcmp(a->bytes, b->bytes, RG_SHA256_SIZE) == 0;
}

static rg_status check_head(struct audit_chain *chain, const struct audit_head *head, enum audit_problem *out_problem)
{
    if (head->seq != chain->next_seq) {
        *out_problem = AUDIT_PROBLEM_SEQ;
        return rg_fail(RG_PROTOCOL, "its number is %" PRIu64 ", expected %" PRIu64, head->seq, chain->next_seq);
    }
    if (!is_same(&head->prev, &chain->prev)) {
        *out_problem = AUDIT_PROBLEM_PREV;
        return rg_fail(RG_PROTOCOL, head->seq == 0 ? "\"prev\" is not the start value of this origin"
                                                   : "\"prev\" is not the hash of the record before it");
    }
    if (head->hlc_us <= chain->hlc_us && head->seq > 0) {
        *out_problem = AUDIT_PROBLEM_CLOCK;
        return rg_fail(RG_PROTOCOL, "\"hlc\" does not rise");
    }
    bool is_same_boot = memcmp(chain->boot, head->boot.data, AUDIT_BOOT_SIZE) == 0;
    if (is_same_boot && head->mono_us < chain->mono_us) {
        *out_problem = AUDIT_PROBLEM_CLOCK;
        return rg_fail(RG_PROTOCOL, "\"mono_us\" steps back within one boot");
    }
    return RG_OK;
}

static rg_status check_tenant(struct audit_chain *chain, const struct audit_head *head, enum audit_problem *out_problem)
{
    if (head->tenant.size == 0) {
        return RG_OK;
    }
    const struct audit_tenant_head *known = audit_heads_find(&chain->tenants, head->tenant);
    uint64_t tseq = known == NULL ? 0 : known->next_tseq;
    *out_problem = AUDIT_PROBLEM_TENANT;
    if (head->tseq != tseq) {
        return rg_fail(RG_PROTOCOL, "its number within the tenant is %" PRIu64 ", expected %" PRIu64, head->tseq, tseq);
    }
    if (!is_same(&head->tprev, known == NULL ? &chain->genesis : &known->leaf)) {
        return rg_fail(RG_PROTOCOL, "\"tprev\" is not the hash of the tenant's record before it");
    }
    struct audit_tenant_head *tenant = NULL;
    return audit_heads_get(&chain->tenants, head->tenant, &chain->genesis, &tenant);
}

rg_status audit_chain_check(struct audit_chain *chain, struct rg_slice line, struct audit_head *out_head,
                            enum audit_problem *out_problem)
{
    struct audit_head head = {0};
    enum audit_problem problem = AUDIT_PROBLEM_LINE;
    rg_status status = audit_line_parse(line, &head);
    if (rg_is_ok(status)) {
        status = check_head(chain, &head, &problem);
    }
    if (rg_is_ok(status)) {
        status = check_tenant(chain, &head, &problem);
    }
    if (!rg_is_ok(status)) {
        *out_problem = problem;
        return status;
    }
    audit_chain_append(chain, &head, line);
    *out_head = head;
    return RG_OK;
}
