/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_PLANNER_PRIVATE_H
#define RG_POLICY_SQL_PLANNER_PRIVATE_H

#include "policy/sql_rewrite_private.h"

/* One client text: its statements, and what the earlier ones mean for the later ones. */
struct sql_planner {
    const struct policy_binding *binding;
    struct policy_session session; /* a copy: a SET search_path counts for the statements behind it */
    struct rg_arena *arena;
    struct rg_slice text;
    struct sql_tokens tokens;
    const struct policy_statement *done; /* the statements before the present one */
    size_t done_count;
    size_t nesting;   /* EXECUTE and PREPARE plan a text inside a text */
    bool is_extended; /* the text may hold $n */
    bool is_cacheable;
    size_t parameter_max;
};

/* One kind of statement. Fills statement, or refuses through work->site. */
typedef rg_status sql_plan_kind(struct sql_planner *planner, struct sql_work *work, Node *node,
                                struct policy_statement *statement);

sql_plan_kind sql_plan_query; /* SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE, MERGE */
sql_plan_kind sql_plan_explain;
sql_plan_kind sql_plan_copy;
sql_plan_kind sql_plan_copy_from; /* COPY ... FROM */
sql_plan_kind sql_plan_declare;
sql_plan_kind sql_plan_fetch;
sql_plan_kind sql_plan_close;
sql_plan_kind sql_plan_transaction;
sql_plan_kind sql_plan_prepare;
sql_plan_kind sql_plan_execute;
sql_plan_kind sql_plan_deallocate;
sql_plan_kind sql_plan_set;
sql_plan_kind sql_plan_show;
sql_plan_kind sql_plan_discard;
sql_plan_kind sql_plan_unlisten;

/* The upstream gets a statement that does nothing, the client the tag. */
rg_status sql_plan_virtual(struct sql_work *work, struct policy_statement *statement, struct rg_slice text,
                           struct rg_slice tag) RG_MUST_CHECK;
extern const struct rg_slice sql_placeholder;

/* Plans one statement's text on its own, for PREPARE and EXECUTE. out_inner->verdict says how it went; its
 * position counts in text. More than one statement is refused. */
rg_status sql_plan_inner(const struct sql_planner *planner, struct rg_slice text, struct policy_statement *out_inner,
                         size_t *out_parameter_max) RG_MUST_CHECK;
/* Hands an inner refusal on, at a byte offset of the outer text; -1 = no place. */
rg_status sql_deny_inner(struct sql_work *work, const struct policy_statement *inner, struct rg_slice inner_text,
                         int inner_at) RG_MUST_CHECK;

/* SELECT pg_cancel_backend(n), and Superset's way to say it. */
bool sql_is_cancel(const Node *node, int64_t *out_pid, struct rg_slice *out_name);

#endif
