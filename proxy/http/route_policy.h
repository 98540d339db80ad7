/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ROUTE_POLICY_H
#define RG_PROXY_HTTP_ROUTE_POLICY_H

#include "proxy/http/route.h"

/* Who may use a route: the table's default, narrowed and opened by [[routes]].
 *   1. Rows that are closed for everyone (HTTP_WHO_NEVER), and those for guests, stay closed; rows that ask no identity
 *      stay open.
 *   2. A policy that denies wins over all that allow.
 *   3. Where policies allow a path to a caller's tenant, they alone say who: a caller whose roles none of them has is
 *      refused, also where the table is open. So one policy both opens what is closed and narrows what is open.
 *   4. Where no policy speaks, the table does.
 * Policies never make a route known that the table lacks. */

struct http_route_policy {
    struct rg_slice name;
    struct rg_slice path; /* a pattern of proxy/http/route.h */
    unsigned methods;     /* set of enum http_method; HEAD follows GET */
    size_t to_count;      /* tenants; 0 = every tenant but those of except */
    const struct rg_slice *to;
    size_t except_count;
    const struct rg_slice *except;
    size_t role_count; /* 0 = every subject, also one without roles */
    const struct rg_slice *roles;
    bool is_allow;
    struct rg_slice reason; /* told to who is refused; may be empty */
};

/* What is wrong with a policy. The first that holds is told; the last two leave it in force. */
enum http_route_fault {
    HTTP_FAULT_NONE = 0,
    HTTP_FAULT_PATTERN,  /* path is no pattern */
    HTTP_FAULT_NO_ROUTE, /* no row of the table has such a path and one of the methods */
    HTTP_FAULT_PUBLIC,   /* for nothing but what asks no identity */
    HTTP_FAULT_NEVER,    /* allows what is closed for everyone, and nothing else */
    HTTP_FAULT_ROLES,    /* allows, without roles, what needs some, and nothing else */
    HTTP_FAULT_NOBODY,   /* every tenant of `to` is in `except` */
    HTTP_FAULT_SHADOWED, /* allows what another policy denies to all that this one names */
    HTTP_FAULT_TWICE,    /* says the same as another policy */
    HTTP_FAULT_OPEN,     /* a warning: allows to all what is open to all, and no other policy narrows that */
    HTTP_FAULT_CLOSED,   /* a warning: denies nothing but what is closed for everyone */
};

struct http_route_finding {
    enum http_route_fault fault;
    size_t policy; /* which of the policies */
    size_t other;  /* SHADOWED, TWICE: the other one */
};

bool http_route_fault_is_warning(enum http_route_fault fault);
/* "no route has such a path and one of the methods". Static storage. */
const char *http_route_fault_text(enum http_route_fault fault);

/* Policies compiled for a table. Immutable. */
struct http_route_policies;

enum { HTTP_ROUTE_POLICIES_MAX = 1024 };

/* Compiles policies, which must outlive the result. findings has room for one a policy; the number of those written
 * goes to *out_finding_count. A policy whose fault is no warning denies and allows nothing: the caller refuses the
 * configuration.
 * Returns: ok, also with findings; RG_LIMIT when the arena is full or there are too many policies.
 * Owns: *out_policies lives in arena. */
rg_status http_route_policies_new(struct rg_arena *arena, const struct http_route_table *table,
                                  const struct http_route_policy *policies, size_t count,
                                  struct http_route_finding *findings, size_t *out_finding_count,
                                  const struct http_route_policies **out_policies) RG_MUST_CHECK;

/* Who asks. has_identity false: nobody yet, so that only HTTP_WHO_ANYONE is allowed, and the status is 401. */
struct http_route_caller {
    bool has_identity;
    struct rg_slice tenant;
    size_t role_count;
    const struct rg_slice *roles; /* values of the claim named by [claims] "roles"; none without it */
};

/* Zero refuses. */
struct http_route_decision {
    bool is_allowed;
    const char *rule;       /* of docs/errors.md: "http.route.closed"; NULL when allowed. Static */
    const char *text;       /* what to tell; NULL when allowed. Static */
    int status;             /* 401, 403 or 405; 200 when allowed */
    struct rg_slice policy; /* name of the policy that decided; empty = the table */
    struct rg_slice reason; /* of that policy */
};

/* Pure; any thread. policies NULL: the table alone decides. The decision borrows the policies. */
struct http_route_decision http_route_decide(const struct http_route_policies *policies,
                                             const struct http_route_match *match,
                                             const struct http_route_caller *caller);

#endif
