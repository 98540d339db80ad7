/* SPDX-License-Identifier: Apache-2.0 */
/* [[routes]] compiled: for each row of the table the policies that may speak about it, so that a request is compared
 * with few. What makes no sense is found by route_faults.c. */
#include "proxy/http/route_policy_private.h"

/* ---- compiling ---- */

static void parse_all(struct http_route_policies *policies, struct http_route_finding *findings, size_t *finding_count)
{
    for (size_t i = 0; i < policies->count; i++) {
        struct http_policy_compiled *compiled = &policies->compiled[i];
        compiled->methods = policies->policies[i].methods;
        compiled->methods |= (compiled->methods & HTTP_METHOD_GET) != 0 ? HTTP_METHOD_HEAD : 0;
        compiled->is_usable = rg_is_ok(http_pattern_parse(policies->policies[i].path, &compiled->pattern));
        if (!compiled->is_usable) {
            findings[(*finding_count)++] = (struct http_route_finding){HTTP_FAULT_PATTERN, i, i};
        }
    }
}

static size_t count_row(const struct http_route_policies *policies, const struct http_pattern *pattern,
                        unsigned methods, size_t *into)
{
    size_t count = 0;
    for (size_t i = 0; i < policies->count; i++) {
        const struct http_policy_compiled *compiled = &policies->compiled[i];
        if (compiled->is_usable && (compiled->methods & methods) != 0 &&
            http_pattern_meets(&compiled->pattern, pattern)) {
            if (into != NULL) {
                into[count] = i;
            }
            count += 1;
        }
    }
    return count;
}

static rg_status index_rows(struct rg_arena *arena, struct http_route_policies *policies)
{
    RG_TRY(rg_arena_array(arena, policies->row_count, sizeof *policies->rows, (void **)&policies->rows));
    for (size_t row = 0; row < policies->row_count; row++) {
        struct http_pattern pattern;
        struct http_policy_row *list = &policies->rows[row];
        const struct http_route *route = &policies->routes[row];
        RG_TRY(http_pattern_parse(rg_slice_of(route->pattern), &pattern));
        list->count = count_row(policies, &pattern, route->methods, NULL);
        RG_TRY(rg_arena_array(arena, list->count, sizeof *list->policies, (void **)&list->policies));
        (void)count_row(policies, &pattern, route->methods, list->policies);
    }
    return RG_OK;
}

rg_status http_route_policies_new(struct rg_arena *arena, const struct http_route_table *table,
                                  const struct http_route_policy *policies, size_t count,
                                  struct http_route_finding *findings, size_t *out_finding_count,
                                  const struct http_route_policies **out_policies)
{
    struct http_route_policies *made = NULL;
    size_t finding_count = 0;
    if (count > HTTP_ROUTE_POLICIES_MAX) {
        return rg_fail(RG_LIMIT, "%zu [[routes]], limit %d", count, HTTP_ROUTE_POLICIES_MAX);
    }
    RG_TRY(rg_arena_new(arena, &made));
    made->routes = http_route_rows(table, &made->row_count);
    made->count = count;
    made->policies = policies;
    RG_TRY(rg_arena_array(arena, count, sizeof *made->compiled, (void **)&made->compiled));
    parse_all(made, findings, &finding_count);
    RG_TRY(index_rows(arena, made));
    http_route_faults(made, findings, &finding_count);
    *out_finding_count = finding_count;
    *out_policies = made;
    return RG_OK;
}

/* ---- deciding ---- */

bool http_route_has_slice(const struct rg_slice *list, size_t count, struct rg_slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (rg_slice_is_equal(list[i], text)) {
            return true;
        }
    }
    return false;
}

bool http_route_has_tenant(const struct http_route_policy *policy, struct rg_slice tenant)
{
    return (policy->to_count == 0 || http_route_has_slice(policy->to, policy->to_count, tenant)) &&
           !http_route_has_slice(policy->except, policy->except_count, tenant);
}

static bool has_role(const struct http_route_policy *policy, const struct http_route_caller *caller)
{
    for (size_t i = 0; i < caller->role_count; i++) {
        if (http_route_has_slice(policy->roles, policy->role_count, caller->roles[i])) {
            return true;
        }
    }
    return policy->role_count == 0;
}

static struct http_route_decision refuse(int status, const char *rule, const char *text,
                                         const struct http_route_policy *policy)
{
    struct http_route_decision decision = {.rule = rule, .text = text, .status = status};
    if (policy != NULL) {
        decision.policy = policy->name;
        decision.reason = policy->reason;
    }
    return decision;
}

static struct http_route_decision allow(const struct http_route_policy *policy)
{
    struct http_route_decision decision = {.is_allowed = true, .status = 200};
    if (policy != NULL) {
        decision.policy = policy->name;
    }
    return decision;
}

/* What the policies of a row say about one path and caller. */
struct verdict {
    const struct http_route_policy *denied;   /* the first that denies */
    const struct http_route_policy *allowed;  /* the first that allows, also by role */
    const struct http_route_policy *narrowed; /* the first that allows others of this tenant */
};

static bool is_about(const struct http_route_policies *policies, size_t at, const struct http_route_match *match,
                     const struct http_route_caller *caller)
{
    const struct http_route_policy *policy = &policies->policies[at];
    const struct http_policy_compiled *compiled = &policies->compiled[at];
    bool needs_role = match->route->who == HTTP_WHO_ROLE && policy->is_allow;
    return (compiled->methods & (unsigned)match->method) != 0 && !(needs_role && policy->role_count == 0) &&
           http_route_has_tenant(policy, caller->tenant) && http_pattern_has(&compiled->pattern, match->path);
}

static struct verdict ask_policies(const struct http_route_policies *policies, const struct http_route_match *match,
                                   const struct http_route_caller *caller)
{
    struct verdict verdict = {NULL, NULL, NULL};
    const struct http_policy_row *list = &policies->rows[match->row];
    for (size_t i = 0; i < list->count; i++) {
        const struct http_route_policy *policy = &policies->policies[list->policies[i]];
        if (!is_about(policies, list->policies[i], match, caller)) {
            continue;
        }
        bool is_named = has_role(policy, caller);
        if (policy->is_allow) {
            const struct http_route_policy **slot = is_named ? &verdict.allowed : &verdict.narrowed;
            *slot = *slot == NULL ? policy : *slot;
        } else if (is_named && verdict.denied == NULL) {
            verdict.denied = policy;
        }
    }
    return verdict;
}

static struct http_route_decision decide_default(const struct http_route *route)
{
    if (route->who == HTTP_WHO_SUBJECT) {
        return allow(NULL);
    }
    if (route->who == HTTP_WHO_ROLE) {
        return refuse(403, "http.route.role", "This needs a role that you do not have.", NULL);
    }
    return refuse(403, "http.route.closed", "This is not open to you.", NULL);
}

/* What needs no look at who asks. */
static bool decide_early(const struct http_route_match *match, struct http_route_decision *out_decision)
{
    if (match->outcome == HTTP_ROUTE_METHOD) {
        *out_decision = refuse(405, "http.route.method", "This address does not take this method.", NULL);
        return true;
    }
    if (match->outcome != HTTP_ROUTE_FOUND) {
        *out_decision = refuse(403, "http.route.unknown", "There is nothing at this address.", NULL);
        return true;
    }
    if (match->route->who == HTTP_WHO_NEVER) {
        *out_decision = refuse(403, "http.route.never", "This is closed for everyone.", NULL);
        return true;
    }
    if (match->route->who == HTTP_WHO_ANYONE) {
        *out_decision = allow(NULL);
        return true;
    }
    return false;
}

struct http_route_decision http_route_decide(const struct http_route_policies *policies,
                                             const struct http_route_match *match,
                                             const struct http_route_caller *caller)
{
    struct http_route_decision early;
    if (decide_early(match, &early)) {
        return early;
    }
    if (!caller->has_identity) {
        return refuse(401, "http.route.identity", "Log in first.", NULL);
    }
    struct verdict verdict = {NULL, NULL, NULL};
    if (policies != NULL) {
        verdict = ask_policies(policies, match, caller);
    }
    if (verdict.denied != NULL) {
        return refuse(403, "http.route.denied", "A rule of this installation closes this.", verdict.denied);
    }
    if (verdict.allowed != NULL) {
        return allow(verdict.allowed);
    }
    if (verdict.narrowed != NULL) {
        return refuse(403, "http.route.role", "This needs a role that you do not have.", verdict.narrowed);
    }
    return decide_default(match->route);
}
