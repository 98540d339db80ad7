/* SPDX-License-Identifier: Apache-2.0 */
/* The tenants across segments: each one's first record in a segment follows its last in those before; and the tree over
 * all tenants' heads that a log.checkpoint states (docs/audit-format.md 4). */
#include <inttypes.h>
#include <stdio.h>

#include "audit/verify_private.h"

static struct audit_tenant_head *get(struct verify_stitch *stitch, struct rg_slice name)
{
    struct audit_tenant_head *head = NULL;
    return rg_is_ok(audit_heads_get(&stitch->tenants, name, &stitch->genesis, &head)) ? head : NULL;
}

static void check_link(struct verify_stitch *stitch, const struct verify_segment *segment,
                       const struct verify_tenant *tenant, struct audit_tenant_head *head)
{
    bool is_new = head->next_tseq == 0;
    if (is_new && stitch->has_base) {
        return; /* the records before were not read */
    }
    bool is_linked = tenant->first_tseq == head->next_tseq &&
                     memcmp(tenant->first_tprev.bytes, head->leaf.bytes, RG_SHA256_SIZE) == 0;
    if (!is_linked) {
        struct verify_finding finding = {.result = AUDIT_ALTERED, .seq = tenant->first_seq, .line = tenant->first_line};
        char name[AUDIT_SEGMENT_NAME_SIZE];
        audit_segment_name(segment->first_seq, name);
        (void)snprintf(finding.file, sizeof finding.file, "seg/%s", name);
        (void)snprintf(finding.reason, sizeof finding.reason,
                       "the record does not follow its tenant's record before it: \"tseq\" is %" PRIu64
                       ", expected %" PRIu64,
                       tenant->first_tseq, head->next_tseq);
        verify_find_at(stitch->findings, &finding);
    }
}

static void check_root(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    struct rg_digest root = audit_heads_root(&stitch->tenants);
    const struct verify_event *event = &segment->last_checkpoint;
    if (memcmp(root.bytes, event->heads_root.bytes, RG_SHA256_SIZE) != 0) {
        struct verify_finding finding = {.result = AUDIT_ALTERED, .seq = event->seq, .line = event->line};
        char name[AUDIT_SEGMENT_NAME_SIZE];
        audit_segment_name(segment->first_seq, name);
        (void)snprintf(finding.file, sizeof finding.file, "seg/%s", name);
        (void)snprintf(finding.reason, sizeof finding.reason,
                       "\"heads_root\" is not the root over the tenants' newest records");
        verify_find_at(stitch->findings, &finding);
    }
}

/* First to where each tenant stood at the segment's last log.checkpoint, then to the segment's end. */
void verify_tenants_add(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    const struct verify_tenant *tenants = segment->tenants.items;
    bool has_checkpoint = segment->checkpoints_seen > 0 && !stitch->has_base && !segment->is_stopped;
    for (size_t i = 0; i < segment->tenants.count; i++) {
        struct audit_tenant_head *head = get(stitch, tenants[i].name);
        if (head == NULL) {
            verify_find(stitch->findings, AUDIT_ALTERED, "", tenants[i].first_seq,
                        "more tenants than one log may hold");
            return;
        }
        check_link(stitch, segment, &tenants[i], head);
        if (head->next_tseq == 0 && tenants[i].first_tseq == 0) {
            audit_heads_begin(&stitch->tenants, head, &stitch->genesis, &tenants[i].salt);
        }
        bool is_moved_since = tenants[i].stamp == segment->checkpoints_seen;
        const struct verify_head *at = is_moved_since ? &tenants[i].at_checkpoint : &tenants[i].now;
        head->next_tseq = at->next_tseq;
        head->leaf = at->leaf;
    }
    if (has_checkpoint) {
        check_root(stitch, segment);
    }
    for (size_t i = 0; i < segment->tenants.count; i++) {
        struct audit_tenant_head *head = audit_heads_find(&stitch->tenants, tenants[i].name);
        if (head != NULL) { /* put there above */
            head->next_tseq = tenants[i].now.next_tseq;
            head->leaf = tenants[i].now.leaf;
        }
    }
}
