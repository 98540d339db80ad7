/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with [[routes]]: policies that can never match, that contradict each other or that change nothing.
 * An operator who wrote one believes something that is not so, and is told when the file is loaded. */
#include "proxy/http/route_policy_private.h"

/* ---- one policy and the table ---- */

/* The rows that a policy speaks about, by what the table says of them. */
struct reach {
    size_t all, anyone, never, role, open;
    bool is_narrowed; /* another policy allows one of the open ones to certain roles */
};

static bool narrows(const struct http_route_policies *policies, size_t row, size_t but)
{
    const struct http_policy_row *list = &policies->rows[row];
    for (size_t i = 0; i < list->count; i++) {
        const struct http_route_policy *policy = &policies->policies[list->policies[i]];
        if (list->policies[i] != but && policy->is_allow && policy->role_count > 0) {
            return true;
        }
    }
    return false;
}

static void count_row(const struct http_route_policies *policies, size_t row, size_t policy, struct reach *reach)
{
    const struct http_route *route = &policies->routes[row];
    bool is_never = route->who == HTTP_WHO_NEVER;
    reach->all += 1;
    reach->never += is_never ? 1 : 0;
    reach->anyone += !is_never && route->who == HTTP_WHO_ANYONE ? 1 : 0;
    reach->role += !is_never && route->who == HTTP_WHO_ROLE ? 1 : 0;
    reach->open += !is_never && route->who == HTTP_WHO_SUBJECT ? 1 : 0;
    reach->is_narrowed = reach->is_narrowed || (route->who == HTTP_WHO_SUBJECT && narrows(policies, row, policy));
}

static struct reach reach_of(const struct http_route_policies *policies, size_t policy)
{
    struct reach reach = {0, 0, 0, 0, 0, false};
    for (size_t row = 0; row < policies->row_count; row++) {
        for (size_t i = 0; i < policies->rows[row].count; i++) {
            if (policies->rows[row].policies[i] == policy) {
                count_row(policies, row, policy, &reach);
            }
        }
    }
    return reach;
}

static bool has_no_tenant(const struct http_route_policy *policy)
{
    for (size_t i = 0; i < policy->to_count; i++) {
        if (http_route_has_tenant(policy, policy->to[i])) {
            return false;
        }
    }
    return policy->to_count > 0;
}

static enum http_route_fault table_fault(const struct http_route_policies *policies, size_t at)
{
    const struct http_route_policy *policy = &policies->policies[at];
    struct reach reach = reach_of(policies, at);
    bool is_for_all = policy->is_allow && policy->role_count == 0;
    size_t closed = reach.never + reach.anyone; /* no policy reaches those */
    if (reach.all == 0) {
        return HTTP_FAULT_NO_ROUTE;
    }
    if (reach.anyone == reach.all) {
        return HTTP_FAULT_PUBLIC;
    }
    if (closed == reach.all) {
        return policy->is_allow ? HTTP_FAULT_NEVER : HTTP_FAULT_CLOSED;
    }
    if (is_for_all && closed + reach.role == reach.all) {
        return HTTP_FAULT_ROLES;
    }
    if (has_no_tenant(policy)) {
        return HTTP_FAULT_NOBODY;
    }
    return is_for_all && closed + reach.role + reach.open == reach.all && !reach.is_narrowed ? HTTP_FAULT_OPEN
                                                                                             : HTTP_FAULT_NONE;
}

/* ---- two policies ---- */

static bool has_all(const struct rg_slice *outer, size_t outer_count, const struct rg_slice *inner, size_t inner_count)
{
    for (size_t i = 0; i < inner_count; i++) {
        if (!http_route_has_slice(outer, outer_count, inner[i])) {
            return false;
        }
    }
    return true;
}

static bool covers_tenants(const struct http_route_policy *outer, const struct http_route_policy *inner)
{
    if (inner->to_count == 0) {
        return outer->to_count == 0 && has_all(inner->except, inner->except_count, outer->except, outer->except_count);
    }
    for (size_t i = 0; i < inner->to_count; i++) {
        if (http_route_has_tenant(inner, inner->to[i]) && !http_route_has_tenant(outer, inner->to[i])) {
            return false;
        }
    }
    return true;
}

static bool covers_roles(const struct http_route_policy *outer, const struct http_route_policy *inner)
{
    return outer->role_count == 0 ||
           (inner->role_count > 0 && has_all(outer->roles, outer->role_count, inner->roles, inner->role_count));
}

/* Every path, method and caller of inner is one of outer. */
static bool covers(const struct http_route_policies *policies, size_t outer, size_t inner)
{
    const struct http_policy_compiled *a = &policies->compiled[outer];
    const struct http_policy_compiled *b = &policies->compiled[inner];
    return (b->methods & ~a->methods) == 0 && http_pattern_covers(&a->pattern, &b->pattern) &&
           covers_tenants(&policies->policies[outer], &policies->policies[inner]) &&
           covers_roles(&policies->policies[outer], &policies->policies[inner]);
}

static bool find_pair(const struct http_route_policies *policies, size_t at, struct http_route_finding *out_finding)
{
    for (size_t other = 0; other < policies->count; other++) {
        if (other == at || !policies->compiled[other].is_usable || !covers(policies, other, at)) {
            continue;
        }
        bool is_allow = policies->policies[at].is_allow;
        bool is_same = is_allow == policies->policies[other].is_allow && other < at && covers(policies, at, other);
        if (is_same || (is_allow && !policies->policies[other].is_allow)) {
            *out_finding = (struct http_route_finding){is_same ? HTTP_FAULT_TWICE : HTTP_FAULT_SHADOWED, at, other};
            return true;
        }
    }
    return false;
}

void http_route_faults(struct http_route_policies *policies, struct http_route_finding *findings, size_t *finding_count)
{
    for (size_t i = 0; i < policies->count; i++) {
        struct http_route_finding finding = {HTTP_FAULT_NONE, i, i};
        if (!policies->compiled[i].is_usable) {
            continue; /* told already */
        }
        finding.fault = table_fault(policies, i);
        if (finding.fault == HTTP_FAULT_NONE || http_route_fault_is_warning(finding.fault)) {
            (void)find_pair(policies, i, &finding);
        }
        if (finding.fault != HTTP_FAULT_NONE) {
            findings[(*finding_count)++] = finding;
        }
    }
}

/* ---- words ---- */

bool http_route_fault_is_warning(enum http_route_fault fault)
{
    return fault == HTTP_FAULT_OPEN || fault == HTTP_FAULT_CLOSED;
}

const char *http_route_fault_text(enum http_route_fault fault)
{
    static const char *const texts[] = {
        [HTTP_FAULT_NONE] = "nothing is wrong",
        [HTTP_FAULT_PATTERN] = "the path is no pattern",
        [HTTP_FAULT_NO_ROUTE] = "no route has such a path with one of these methods (docs/routes.md)",
        [HTTP_FAULT_PUBLIC] = "these routes ask no identity, so that no rule can narrow them",
        [HTTP_FAULT_NEVER] = "these routes are closed for everyone, and no rule opens them",
        [HTTP_FAULT_ROLES] = "these routes are opened to roles only: name them in \"roles\"",
        [HTTP_FAULT_NOBODY] = "no tenant is left: all of \"to\" are in \"except\"",
        [HTTP_FAULT_SHADOWED] = "it allows what another rule denies to all of them",
        [HTTP_FAULT_TWICE] = "it says the same as another rule",
        [HTTP_FAULT_OPEN] = "these routes are open to every subject without it",
        [HTTP_FAULT_CLOSED] = "these routes are closed for everyone without it",
    };
    return texts[fault];
}
