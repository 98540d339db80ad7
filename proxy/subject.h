/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SUBJECT_H
#define RG_PROXY_SUBJECT_H

#include "proxy/config.h"

/* A subject that an administrator makes up, to ask what it would get: for `rowgate explain`, `rowgate test` and a
 * strict reload. It is never a login: nothing that a client sends comes here (law L2). */

struct subject_request {
    struct rg_slice user, tenant;
    size_t claim_count;
    const struct auth_claim_constant *claims;
};

struct subject {
    struct auth_identity identity;
    struct tenant tenant;
    struct rg_slice database;
};

/* The identity that a verified credential of this user would give: the claims of the request and those that the
 * tenant's own match implies, checked like a token's, and resolved to the tenant like one.
 * Returns: ok; RG_CONFIG when the configuration has no such tenant, or a claim is unknown, missing or malformed;
 *          RG_DENIED when such a login would be refused (a frozen tenant, claims that name another one).
 * Owns:    *out_subject lives in arena; config and request are borrowed.
 * Threads: any. */
rg_status subject_make(const struct config *config, const struct subject_request *request, struct rg_arena *arena,
                       struct subject *out_subject) RG_MUST_CHECK;
/* As policy_bind. */
rg_status subject_bind(const struct config *config, const struct subject *subject,
                       struct policy_binding **out_binding) RG_MUST_CHECK;

#endif
