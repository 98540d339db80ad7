/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_NATIVE_H
#define RG_POLICY_NATIVE_H

#include "base/rg_buf.h"
#include "policy/policy.h"
#include "policy/relations.h"
#include "tenants/tenants.h"

/* The second lock as the database is to have it: the same policies as row security, roles and grants.
 *
 *   policies + tenants + snapshot --native_plan_make--> native_plan --native_print--> DDL as text
 *   native_plan --native_question--> SQL that asks a live database --native_compare--> findings
 *
 * Everything lives in the arena that is given; sources are borrowed as long as the plan is used. Threads: any. */

struct native_source {
    const struct policy_set *set;
    const struct tenant_registry *registry;
    struct rg_slice upstream; /* its name: tenants of other ones do not count */
    struct rg_slice login;    /* the role that rowgate logs in as */
    enum policy_lock lock;
    const struct policy_relations *relations;
};

enum native_command { NATIVE_SELECT = 0, NATIVE_INSERT, NATIVE_UPDATE, NATIVE_DELETE, NATIVE_COMMANDS };
const char *native_command_name(enum native_command command); /* "SELECT" */

struct native_policy {
    struct rg_slice name;
    enum native_command command;
    bool is_restrictive;
    struct rg_slice using_text; /* expressions; empty = none */
    struct rg_slice check_text;
    struct rg_slice remark; /* the rule it comes from */
};

struct native_relation {
    const struct policy_relation *relation;
    struct rg_slice grantee;      /* empty = out of everybody's reach */
    bool allows[NATIVE_COMMANDS]; /* privileges of grantee */
    bool is_guarded;              /* row security enabled and forced */
    bool is_invoker;              /* a view that reads with the rights of who asks */
    size_t policy_count;
    const struct native_policy *policies;
    const struct native_policy *probes; /* the same on a temporary table of the same name */
    struct rg_slice remark;             /* what cannot be had; empty = nothing */
};

struct native_schema {
    struct rg_slice name;
    struct rg_slice grantee;        /* of USAGE */
    bool has_writers;               /* its sequences are used, too */
    bool defaults[NATIVE_COMMANDS]; /* privileges of grantee on tables that come later */
};

struct native_plan {
    const struct native_source *source;
    struct rg_slice group; /* of all tenants' roles; empty without roles */
    size_t role_count;
    const struct rg_slice *roles; /* one for each tenant that is known */
    size_t schema_count;
    const struct native_schema *schemas;
    size_t relation_count;
    const struct native_relation *relations; /* by schema and name */
    size_t remark_count;
    const struct rg_slice *remarks; /* what a reader must know */
};

/* RG_CONFIG when the policies have no native form: the reason names the rule. RG_DENIED when a tenant has no name for a
 * role. RG_LIMIT when the arena is full. */
rg_status native_plan_make(const struct native_source *source, struct rg_arena *arena,
                           struct native_plan **out_plan) RG_MUST_CHECK;

/* One transaction, the same bytes for the same plan; may be run again and again. What is printed was parsed. */
rg_status native_print(const struct native_plan *plan, struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;

/* ---- against a live database ---- */

enum native_difference {
    NATIVE_TROUBLE = 0,
    NATIVE_MISSING,   /* the plan has it, the database has not */
    NATIVE_DIFFERENT, /* both have it, and it means something else */
    NATIVE_SURPLUS,   /* the database has it, the plan has not */
    NATIVE_DANGEROUS, /* a way around the lock */
};
const char *native_difference_name(enum native_difference difference);

struct native_finding {
    enum native_difference difference;
    struct rg_slice object; /* "shared.events", "role \"rowgate\"" */
    struct rg_slice text;
};

struct native_findings {
    size_t count;
    const struct native_finding *items;
};

/* Statements of one transaction that is rolled back, of which one returns one row of one column: JSON. To compare what
 * policies mean rather than how they are written, the plan's expressions are put on temporary tables and printed by
 * the server itself; so the login needs TEMPORARY on the database. */
rg_status native_question(const struct native_plan *plan, struct rg_arena *arena,
                          struct rg_slice *out_sql) RG_MUST_CHECK;
/* answer: untrusted bytes. RG_CONFIG when it is no answer to the question. No finding = the same. */
rg_status native_compare(const struct native_plan *plan, struct rg_slice answer, struct rg_arena *arena,
                         struct native_findings *out_findings) RG_MUST_CHECK;

#endif
