/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SET_PRIVATE_H
#define RG_POLICY_SET_PRIVATE_H

#include "policy/check.h"
#include "policy/policy.h"

#include <stdatomic.h>

/* What policy_compile and policy_bind make and policy_plan_text reads. Trees are libpg_query's, in a memory
 * context of their own that no thread's parse touches; only policy/sql_*.c look inside. */

struct sql_template;

/* "schema.table" of `on`, split; an empty name is "schema.*". */
struct policy_pattern {
    struct rg_slice schema, name;
};

struct policy_rule {
    const struct policy_row *row; /* a copy in the set's arena */
    size_t pattern_count;
    const struct policy_pattern *patterns;
    const struct sql_template *predicate; /* NULL = none */
};

struct policy_set {
    atomic_size_t references;
    struct rg_arena arena;
    void *context; /* of the templates' trees */
    struct rg_digest digest;
    size_t claim_count;
    const struct auth_claim_spec *claims;
    size_t rule_count;
    const struct policy_rule *rules;
    size_t function_allow_count, function_deny_count; /* bare names */
    const struct rg_slice *function_allow, *function_deny;
    size_t function_count; /* all that may be called, sorted: for the checker */
    const struct rg_slice *functions;
    /* by index of catalog_view_at; by index of function_at and argument count */
    const struct sql_template **views;
    const struct sql_template *(*guards)[4];
    /* the same for POLICY_HYPER: of hyper_view_at, hyper_function_at */
    const struct sql_template **hyper_views;
    const struct sql_template *(*hyper_guards)[4];
    size_t hyper_function_count;
    const struct rg_slice *hyper_functions;
};

/* One row of what an identity may reach. A row with an empty name stands for every relation of the schema
 * that has no row of its own. */
struct policy_bound {
    struct rg_slice logical;  /* schema as the client writes it */
    struct rg_slice physical; /* schema as the database knows it */
    struct rg_slice name;
    bool is_own; /* the schema belongs to the tenant wholly */
    bool for_select, for_insert, for_update, for_delete;
    struct rg_slice predicate; /* text over the alias rg_r; empty = none */
    void *predicate_tree;
    struct rg_slice rules; /* names of the policies that apply, comma separated */
};

enum { POLICY_CATALOG_HOLES = 10 };

struct policy_binding {
    atomic_size_t references;
    struct policy_set *set;
    struct rg_arena arena;
    void *context;
    struct rg_digest digest;
    enum policy_dialect dialect;
    struct rg_slice database;
    size_t schema_count; /* the route's map, sorted by logical name */
    const struct tenant_schema *schemas;
    size_t bound_count;
    const struct policy_bound *bounds;
    const struct check_relation *reach; /* the bounds as the checker reads them, one for each */
    /* Shared relations by physical "schema.name", and their schemas, for the catalogue's templates. */
    size_t shared_count;
    const struct rg_slice *shared;
    size_t shared_schema_count;
    const struct rg_slice *shared_physical, *shared_logical;
};

/* The row for a relation by logical schema and name; NULL when nothing allows it. */
const struct policy_bound *policy_bound_find(const struct policy_binding *binding, struct rg_slice schema,
                                             struct rg_slice name);
/* Physical name of a logical schema that some row knows; false when none does. */
bool policy_schema_find(const struct policy_binding *binding, struct rg_slice logical, struct rg_slice *out_physical);
bool policy_set_calls(const struct policy_set *set, struct rg_slice function);

/* ---- policy/sql_*.c, as the rest of the folder sees it ---- */

/* A predicate's mistake: its place is at_byte in the text. */
struct sql_mistake {
    size_t at_byte;
    struct rg_slice text;
};

/* Compiles the text of `using`. A mistake is an output: *out_template stays NULL. */
rg_status sql_predicate_compile(struct policy_set *set, const struct policy_row *row, struct sql_mistake *out_mistake,
                                const struct sql_template **out_template) RG_MUST_CHECK;
/* Parses the catalogue's and the functions' templates; RG_INTERNAL when one is broken. */
rg_status sql_builtin_compile(struct policy_set *set) RG_MUST_CHECK;

/* A context that belongs to no thread. */
void *sql_context_new(void);
void sql_context_free(void **context);

/* The predicate of one relation: the rules' predicates with the identity's constants, AND-ed, groups OR-ed. Fills
 * out_bound->predicate and its tree. */
rg_status sql_predicate_bind(struct policy_binding *binding, const struct auth_identity *identity,
                             const struct policy_rule *const *rules, size_t rule_count,
                             struct policy_bound *out_bound) RG_MUST_CHECK;

/* The road itself. text is valid UTF-8 without NUL. */
rg_status sql_plan(const struct policy_binding *binding, const struct policy_session *session,
                   enum policy_protocol protocol, struct rg_slice text, struct rg_arena *arena,
                   struct policy_plan *out_plan) RG_MUST_CHECK;

/* ---- policy/text.c ---- */
bool policy_text_is_valid(struct rg_slice text); /* UTF-8, no NUL */
/* Can it be parsed in time and memory that are in proportion to its size? */
bool policy_text_is_cheap(struct rg_slice text);
/* 1-based character of a byte offset, and back; a position past the end is the end. */
size_t policy_text_position(struct rg_slice text, size_t at_byte);
size_t policy_text_offset(struct rg_slice text, size_t position);

#endif
