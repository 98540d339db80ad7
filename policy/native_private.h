/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_NATIVE_PRIVATE_H
#define RG_POLICY_NATIVE_PRIVATE_H

#include "base/rg_arena.h"

/* What the prelude of a transaction writes and the exported policies read. A setting that was never set is NULL, one
 * that a former transaction set is the empty string: both mean nobody.
 *
 *   rowgate.tenant        the tenant's id
 *   rowgate.schemas       the physical schemas of its route, as the text of a text[]
 *   rowgate.claim_NAME    of each claim: empty = absent, else "=" and the value's text (of an array, its literal)
 */

#define NATIVE_TENANT "rowgate.tenant"
#define NATIVE_SCHEMAS "rowgate.schemas"
#define NATIVE_ROLE_PREFIX "rowgate_"
/* Names no tenant's role: none begins like that. */
#define NATIVE_GROUP "all_rowgate_tenants"

/* Names of settings know no case: a claim whose name is not of a-z, 0-9 and _ alone is written in hexadecimal. */
rg_status native_claim_setting(struct rg_slice claim, struct rg_arena *arena, struct rg_slice *out_name) RG_MUST_CHECK;
/* {"a","b\\c"}: what PostgreSQL's array_in takes for any element type. */
rg_status native_array_text(const struct rg_slice *elements, size_t count, struct rg_arena *arena,
                            struct rg_slice *out_text) RG_MUST_CHECK;
/* The role of a tenant; RG_DENIED when it would not fit a name. */
rg_status native_role(struct rg_slice tenant, struct rg_arena *arena, struct rg_slice *out_role) RG_MUST_CHECK;

#endif
