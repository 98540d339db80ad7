/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_LINT_PRIVATE_H
#define RG_POLICY_SQL_LINT_PRIVATE_H

#include "policy/lint_private.h"
#include "policy/sql_rewrite_private.h"

/* What a boolean expression may come out as: a set of PostgreSQL's three truth values. The sets are upper bounds: a
 * value that is missing cannot occur, one that is there may. */
enum { LINT_TRUE = 1, LINT_FALSE = 2, LINT_NULL = 4, LINT_ANY = 7 };

/* What is assumed about claims: a required one has a value, an optional one may be absent. */
enum lint_absence { LINT_PRESENT = 0, LINT_ABSENT, LINT_EMPTY };
struct lint_world {
    const struct policy_source *source;
    enum lint_absence absence; /* of the claim below */
    size_t claim;
    bool has_values; /* no column and no other claim is NULL */
    size_t *fuel;    /* nodes that may still be looked at; behind that everything may come out */
};
enum { LINT_FUEL = 1000000, LINT_PAIRS_MAX = 64 };

unsigned lint_truth(const struct lint_world *world, Node *node);
/* Does any part of the tree bind the claim? */
bool lint_mentions(Node *node, size_t claim);
/* Leftmost place in the tree; -1 = none is told. */
int lint_location(Node *node);

/* sql_lint_pairs.c: can both be true of one row (is_and), can both be false of one row (!is_and)? false = surely not.
 */
bool lint_pair_is_possible(Node *left, Node *right, bool is_and);
/* An operator as the orders for which it is true; 0 = none of =, <>, <, <=, >, >=. */
enum { LINT_LESS = 1, LINT_EQUAL = 2, LINT_GREATER = 4 };
unsigned lint_orders(const List *name);
/* The orders that two literals may have to each other: exactly one for numbers, LINT_EQUAL or not for texts (whose
 * order is a collation's), 0 = not two literals of one kind. */
unsigned lint_compare(const Node *left, const Node *right);
/* Nothing in it but columns, literals and claims: equal trees have equal values. */
bool lint_is_stable(Node *node);

#endif
