/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SET_PRIVATE_H
#define RG_POLICY_SET_PRIVATE_H

#include "base/rg_secret.h"
#include "policy/check.h"
#include "policy/policy.h"
#include "policy/view.h"

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
    const struct sql_template *check;     /* of with_check; NULL = as predicate */
};

/* One column that a row of [[masks]] names. */
struct policy_mask {
    struct rg_slice schema, relation, column; /* logical */
    const struct policy_mask_row *row;        /* a copy in the set's arena, without its salt */
    size_t number;                            /* masks[number], from 1: what refusals say */
    const struct sql_template *unless;        /* NULL = never shown */
    const struct rg_secret *salt;             /* NULL = none */
};

enum {
    POLICY_MASK_FORMS = 9, /* SQL of the kinds of masks, of unless and of the guard: policy/sql_masks.c */
    POLICY_SALT_MIN_BYTES = 16,
};

/* A function that [functions] allows by its arguments' types. */
struct policy_argument {
    struct rg_slice type; /* bare name in pg_catalog */
    bool is_array;
};

struct policy_signature {
    struct rg_slice schema; /* logical, or pg_catalog */
    struct rg_slice name;
    size_t count;
    const struct policy_argument *arguments;
};

struct policy_bound_signature {
    const struct policy_signature *signature;
    struct rg_slice physical; /* schema */
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
    size_t signature_count;
    const struct policy_signature *signatures;
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
    size_t mask_count; /* one for each column */
    const struct policy_mask *masks;
    const struct sql_template *mask_forms[POLICY_MASK_FORMS]; /* NULL when there is no mask */
    size_t salt_count;
    struct rg_secret **salts;
};

/* A mask as one identity gets it. */
struct policy_bound_mask {
    struct rg_slice column;
    struct rg_slice text; /* expression over rg_r; empty = the column is left out */
    void *tree;
    bool allow_in_predicates;
    size_t number; /* masks[number] */
};

/* One row of what an identity may reach. A row with an empty name stands for every relation of the schema
 * that has no row of its own. */
struct policy_bound {
    struct rg_slice logical;  /* schema as the client writes it */
    struct rg_slice physical; /* schema as the database knows it */
    struct rg_slice name;
    bool is_own;     /* the schema belongs to the tenant wholly */
    bool is_implied; /* made for a mask: in a search path it ranks like its schema's row */
    /* A target of a write stands bare: where rules would have to hold for its rows, the database itself must enforce
     * them (needs_lock), and does (is_locked). */
    bool needs_lock;
    bool is_locked;
    bool for_select, for_insert, for_update, for_delete;
    struct rg_slice predicate; /* text over the alias rg_r; empty = none */
    void *predicate_tree;
    struct rg_slice rules; /* names of the policies that apply, comma separated */
    size_t mask_count;
    const struct policy_bound_mask *masks;
};

/* A masked column by the names that the database knows: for what reads it by another name, views and partitions. */
struct policy_masked {
    struct rg_slice schema, relation, column;
    size_t number;
};

enum { POLICY_CATALOG_HOLES = 10 };

struct policy_binding {
    atomic_size_t references;
    struct policy_set *set;
    struct rg_arena arena;
    void *context;
    struct rg_digest digest;
    struct policy_view view;
    struct rg_slice tenant; /* as markers say it */
    enum policy_dialect dialect;
    struct rg_slice database;
    enum policy_lock lock;
    struct rg_slice prelude;
    size_t prelude_size; /* in characters */
    size_t schema_count; /* the route's map, sorted by logical name */
    const struct tenant_schema *schemas;
    size_t bound_count;
    const struct policy_bound *bounds;
    size_t signature_count; /* of schemas that are this tenant's */
    const struct policy_bound_signature *signatures;
    const struct check_function *check_functions; /* one for each */
    const struct check_relation *reach;           /* the bounds as the checker reads them, one for each */
    /* Shared relations by physical "schema.name", and their schemas, for the catalogue's templates. */
    size_t shared_count;
    const struct rg_slice *shared;
    size_t shared_schema_count;
    const struct rg_slice *shared_physical, *shared_logical;
    size_t masked_count;
    /* A mask is made of a column's text, or a predicate of dates and times: settings that decide what those are stay.
     */
    bool fixes_formats;
    const struct policy_masked *masked;
    /* What stands in texts for the upstream and must be seen nowhere else: keys of hash masks. */
    size_t secret_count;
    const struct rg_slice *secrets;
};

/* The row for a relation by logical schema and name; NULL when nothing allows it. */
const struct policy_bound *policy_bound_find(const struct policy_binding *binding, struct rg_slice schema,
                                             struct rg_slice name);
/* Physical name of a logical schema that the tenant's route maps; false when it does not. */
bool policy_map_find(const struct policy_binding *binding, struct rg_slice logical, struct rg_slice *out_physical);
/* Physical name of a logical schema that some row knows; false when none does. */
bool policy_schema_find(const struct policy_binding *binding, struct rg_slice logical, struct rg_slice *out_physical);
/* May a relation of this row be taken for what it seems? With a snapshot: one of "schema.*" must be known, no foreign
 * table, read nothing (as a view, through children) that the tenant may not read whole, and be no child of such a
 * one; a named one with a predicate must be known. Without: true. */
bool policy_relation_is_plain(const struct policy_binding *binding, const struct policy_relations *relations,
                              const struct policy_bound *bound, struct rg_slice name);
bool policy_set_calls(const struct policy_set *set, struct rg_slice function);

/* May this relation stand only behind a fence? */
static inline bool policy_bound_is_fenced(const struct policy_bound *bound)
{
    return bound->predicate.size > 0 || bound->mask_count > 0;
}

/* ---- policy/bind_rules.c ---- */

/* binding->bounds: a row for each relation that an applying rule names. RG_LIMIT when they are too many. */
rg_status policy_rules_bind(struct policy_binding *binding, const struct policy_subject *subject) RG_MUST_CHECK;

/* ---- policy/functions_compile.c ---- */

/* Checks and copies the rows of [functions]; mistakes go to diag. */
rg_status policy_functions_compile(const struct policy_source *source, struct rg_diag *diag,
                                   struct policy_set *set) RG_MUST_CHECK;
/* What may be called on Hyper: its own list, and what the administrator allows by name. */
rg_status policy_hyper_compile(struct policy_set *set) RG_MUST_CHECK;
/* The signatures whose schema the tenant's route maps. */
rg_status policy_functions_bind(struct policy_binding *binding) RG_MUST_CHECK;

/* ---- policy/masks.c ---- */

/* Checks and copies the rows of [[masks]]; mistakes go to diag. */
rg_status policy_masks_compile(const struct policy_source *source, struct rg_diag *diag,
                               struct policy_set *set) RG_MUST_CHECK;
void policy_masks_done(struct policy_set *set);
/* Over all that decides, the salts too (under a key of theirs). */
rg_status policy_masks_digest(const struct policy_set *set, struct rg_digest *out_digest) RG_MUST_CHECK;
/* Does the expression name what settings of the session decide: dates, times, zones? RG_LIMIT when it is too long. */
rg_status sql_reads_formats(struct rg_slice expression, bool *out_reads) RG_MUST_CHECK;
/* Gives each bound its masks; bounds has a row for each masked relation that may be reached. */
rg_status policy_masks_bind(struct policy_binding *binding, const struct policy_subject *subject,
                            struct policy_bound *bounds) RG_MUST_CHECK;
/* text with every secret of the binding replaced by <key>; text itself when it holds none. */
rg_status policy_secrets_hide(const struct policy_binding *binding, struct rg_slice text, struct rg_arena *arena,
                              struct rg_slice *out_text) RG_MUST_CHECK;

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

/* The forms of masks, once a set has any. */
rg_status sql_masks_prepare(struct policy_set *set) RG_MUST_CHECK;
/* Compiles the text of `unless`, in which no column may stand. A mistake is an output. */
rg_status sql_mask_compile(struct policy_set *set, const struct policy_mask_row *row, struct sql_mistake *out_mistake,
                           const struct sql_template **out_template) RG_MUST_CHECK;

/* Keys of a hash: what HMAC puts before the inner and the outer text, in hexadecimal (RFC 2104). */
struct policy_mask_keys {
    struct rg_slice inner, outer;
};
/* Fills text and tree of out_mask. keys: HASH only. */
rg_status sql_mask_bind(struct policy_binding *binding, const struct auth_identity *identity,
                        const struct policy_mask *mask, const struct policy_mask_keys *keys,
                        struct policy_bound_mask *out_mask) RG_MUST_CHECK;
/* binding->prelude: the settings of the second lock, one statement, proved by parsing it. RG_LIMIT when it is larger
 * than POLICY_PRELUDE_MAX; RG_DENIED when the tenant's role has no name that fits. */
rg_status sql_prelude_bind(struct policy_binding *binding, const struct policy_subject *subject) RG_MUST_CHECK;

/* "name(type, ...)" or "schema.name(type, ...)", read by PostgreSQL's grammar. A mistake is an output, a constant text;
 * then *out_signature is untouched. */
rg_status sql_signature_parse(struct rg_slice text, struct rg_arena *arena, struct policy_signature *out_signature,
                              const char **out_mistake) RG_MUST_CHECK;

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
/* The place of a byte inside a value that starts at place. Columns count characters. */
struct rg_place policy_place_inside(struct rg_place place, struct rg_slice text, size_t at_byte);

#endif
