/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_VIEW_H
#define RG_POLICY_VIEW_H

#include "policy/policy.h"

/* The view key: a name for what one identity may see. Two who share it see the same rows of the same tables under the
 * same masks; whoever keeps answers (a cache of the upstream's) may give one's to another only then. It is a digest, so
 * it is no secret and no proof: it tells views apart. docs/cache-guard.md says who uses it. */

enum {
    POLICY_VIEW_SIZE = 23,                                   /* 22 characters of [A-Za-z0-9_-] and NUL */
    POLICY_VIEW_TENANT_SIZE = 65,                            /* with NUL */
    POLICY_VIEW_MARKER_SIZE = 3 + 64 + 1 + POLICY_VIEW_SIZE, /* with NUL */
};

struct policy_view {
    char text[POLICY_VIEW_SIZE];
};

/* The view of a subject: 132 bits of SHA-256 over the tenant's id and routes, their upstreams' places, the values of
 * all claims with their types, and the digest of the policy set, each part with its size in front. The same on each
 * node and after each start with the same configuration and version; subject->database does not matter. Costs: some
 * microseconds; nothing is kept. Threads: any. Returns: RG_DENIED for an unverified identity or without tenant.
 * *out_view is untouched then. */
rg_status policy_view_of(const struct policy_set *set, const struct policy_subject *subject,
                         struct policy_view *out_view) RG_MUST_CHECK;
/* For subject->roads: one more route of a tenant that has several, after those that are in *so_far. Pure. */
struct rg_digest policy_view_road(const struct rg_digest *so_far, const struct policy_subject *road);
/* The view that the binding was made for. Lives as long as binding. */
const struct policy_view *policy_binding_view(const struct policy_binding *binding);

/* How names and markers say a tenant: its id where that is of [A-Za-z0-9_-], else 64 hexadecimal digits of its SHA-256,
 * which no id is long enough to be. */
void policy_view_tenant(struct rg_slice tenant, char out_text[POLICY_VIEW_TENANT_SIZE]);
/* "rg.TENANT.VIEW": the user name's beginning and the constant of the clause that a guest token carries,
 * 'rg.TENANT.VIEW' = 'rg.TENANT.VIEW'. Nothing in it means anything to SQL, Jinja or a format. */
void policy_view_marker(struct rg_slice tenant, const struct policy_view *view, char out_text[POLICY_VIEW_MARKER_SIZE]);

#endif
