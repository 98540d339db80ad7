/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_NATIVE_PRIVATE_H
#define RG_POLICY_NATIVE_PRIVATE_H

#include "policy/native.h"
#include "policy/set_private.h"

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
/* As strcmp, for slices. */
int native_order(struct rg_slice left, struct rg_slice right);
/* The role of a tenant; RG_DENIED when it would not fit a name. */
rg_status native_role(struct rg_slice tenant, struct rg_arena *arena, struct rg_slice *out_role) RG_MUST_CHECK;

/* ---- policy/sql_native.c ---- */

rg_status native_identifier(struct rg_slice name, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;
rg_status native_string(struct rg_slice value, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;
/* schema.name */
rg_status native_qualified(struct rg_slice schema, struct rg_slice name, struct rg_arena *arena,
                           struct rg_slice *out_text) RG_MUST_CHECK;
/* A rule's predicate with the relation's own name and the claims' settings in place, proved by parsing. RG_CONFIG when
 * it has no native form. */
rg_status native_expression(const struct policy_set *set, const struct sql_template *template, struct rg_slice schema,
                            struct rg_slice name, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;
/* One expression and nothing behind it? */
rg_status native_prove_expression(struct rg_slice text, struct rg_arena *arena) RG_MUST_CHECK;
/* So many statements? */
rg_status native_prove_statements(struct rg_slice text, size_t count, struct rg_arena *arena) RG_MUST_CHECK;

/* ---- policy/native_rules.c ---- */

/* What the schema of a relation is to the tenants. */
struct native_scope {
    bool is_known;
    bool is_own;
    struct rg_slice logical;
    struct rg_slice tenant; /* is_own: whose */
};

struct native_target {
    const struct native_source *source;
    const struct policy_relation *relation;
    struct native_scope scope;
    struct rg_slice grantee;
    bool is_probe; /* a temporary table stands for the relation */
};

/* The rules that cover target and name command; out_rules has room for all of the set. */
size_t native_rules_find(const struct native_target *target, enum native_command command,
                         const struct policy_rule **out_rules);
/* Does any of them say more than that the tenant's whole schema may be used? */
bool native_rules_filter(const struct policy_rule *const *rules, size_t count);
/* The policies of all commands. */
rg_status native_rules_make(const struct native_target *target, struct rg_arena *arena, size_t *out_count,
                            const struct native_policy **out_policies) RG_MUST_CHECK;

#endif
