/* SPDX-License-Identifier: Apache-2.0 */
/* [[routes]]: rules that open and close routes of the HTTP plane per tenant and role. The table itself is data
 * (proxy/http/route_table.inc); here its rules are read, and those that make no sense are told. */
#include "proxy/config_routes.h"

#include "proxy/config_private.h"

enum { REASON_MAX = 256, NAME_MAX_BYTES = 256 };

/* ---- one rule ---- */

static bool is_line(struct rg_slice text, size_t max)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return false;
        }
    }
    return text.size <= max;
}

static rg_status copy_texts(struct config_draft *draft, const struct rg_schema_list *list, size_t *out_count,
                            const struct rg_slice **out_texts)
{
    struct rg_slice *texts = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *texts, (void **)&texts));
    for (size_t i = 0; i < list->count; i++) {
        texts[i] = list->items[i].text;
    }
    *out_count = list->count;
    *out_texts = texts;
    return RG_OK;
}

static rg_status copy_tenants(struct config_draft *draft, const struct rg_schema_list *list, size_t *out_count,
                              const struct rg_slice **out_texts)
{
    for (size_t i = 0; i < list->count; i++) {
        config_refer_tenant(draft, &list->items[i]);
    }
    return copy_texts(draft, list, out_count, out_texts);
}

/* Words in the order of the schema's list. All where none is left after mistakes that were told. */
static unsigned methods_of(const struct rg_schema_word *words)
{
    static const unsigned methods[] = {HTTP_METHOD_GET, HTTP_METHOD_POST, HTTP_METHOD_PUT, HTTP_METHOD_PATCH,
                                       HTTP_METHOD_DELETE};
    unsigned set = 0;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        set |= (words->word & (1U << i)) != 0 ? methods[i] : 0;
    }
    return set != 0 ? set : HTTP_METHOD_ALL;
}

static void check_roles(struct config_draft *draft, const struct config_raw_http_route *raw)
{
    const struct config_records *claims = &draft->raw.claims;
    if (!raw->roles.is_given || draft->config->routes.has_roles) {
        return;
    }
    bool is_there = config_record_find(claims, sizeof(struct config_raw_claim), RG_SLICE("roles")) < claims->count;
    config_error(draft, raw->roles.place,
                 is_there ? "the claim \"roles\" must be of type text[]"
                          : "nobody has roles: [claims] has no \"roles\" of type text[]");
}

static rg_status make_rule(struct config_draft *draft, size_t at, struct http_route_policy *out_rule)
{
    const struct config_raw_http_route *raw = &((const struct config_raw_http_route *)draft->raw.http_routes.items)[at];
    struct http_route_policy rule = {.name = raw->name.text,
                                     .path = raw->path.text,
                                     .methods = methods_of(&raw->methods),
                                     .is_allow = raw->allow.value != 0,
                                     .reason = raw->reason.text};
    if (!raw->name.is_given) {
        RG_TRY(rg_arena_printf(draft->arena, &rule.name, "routes[%zu]", at + 1));
    }
    if (!is_line(rule.name, NAME_MAX_BYTES)) {
        config_error(draft, raw->name.place, "must be one line of at most %d bytes", NAME_MAX_BYTES);
    }
    if (!is_line(rule.reason, REASON_MAX)) {
        config_error(draft, raw->reason.place, "must be one line of at most %d bytes", REASON_MAX);
    }
    check_roles(draft, raw);
    RG_TRY(copy_tenants(draft, &raw->to, &rule.to_count, &rule.to));
    RG_TRY(copy_tenants(draft, &raw->except, &rule.except_count, &rule.except));
    RG_TRY(copy_texts(draft, &raw->roles, &rule.role_count, &rule.roles));
    *out_rule = rule;
    return RG_OK;
}

/* ---- what makes no sense ---- */

static bool is_about_other(enum http_route_fault fault)
{
    return fault == HTTP_FAULT_SHADOWED || fault == HTTP_FAULT_TWICE;
}

static void report(struct config_draft *draft, const struct http_route_policy *rules,
                   const struct http_route_finding *finding)
{
    const struct config_raw_http_route *raws = draft->raw.http_routes.items;
    const struct config_raw_http_route *raw = &raws[finding->policy];
    const struct http_route_policy *other = &rules[finding->other];
    struct rg_place place = raw->path.is_given ? raw->path.place : raw->head.place;
    if (!raw->path.is_given) {
        return; /* told already */
    }
    if (finding->fault == HTTP_FAULT_PATTERN) {
        rg_status status = http_pattern_check(raw->path.text);
        config_error(draft, place, "\"path\" is no pattern: %s", rg_is_ok(status) ? "" : status.error->text);
    } else if (is_about_other(finding->fault)) {
        config_error(draft, place, "%s: \"%.*s\"", http_route_fault_text(finding->fault), rg_slice_shown(other->name),
                     other->name.data);
    } else if (http_route_fault_is_warning(finding->fault)) {
        config_warning(draft, place, "this rule changes nothing: %s", http_route_fault_text(finding->fault));
    } else {
        config_error(draft, place, "%s", http_route_fault_text(finding->fault));
    }
}

static void find_roles(struct config_draft *draft, struct config_routes *routes)
{
    const struct config_records *claims = &draft->raw.claims;
    size_t at = config_record_find(claims, sizeof(struct config_raw_claim), RG_SLICE("roles"));
    if (at < claims->count && at < draft->config->claim_count) {
        const struct auth_type *type = &draft->config->claims[at].type;
        routes->has_roles = type->scalar == AUTH_SCALAR_TEXT && type->is_array;
        routes->roles_claim = at;
    }
}

rg_status config_make_routes(struct config_draft *draft)
{
    struct config_records *records = &draft->raw.http_routes;
    struct config_routes *routes = &draft->config->routes;
    struct http_route_policy *rules = NULL;
    struct http_route_finding *findings = NULL;
    size_t finding_count = 0;
    RG_TRY(config_check_unique(draft, records, sizeof(struct config_raw_http_route), "route rule"));
    RG_TRY(rg_arena_array(draft->arena, records->count, sizeof *rules, (void **)&rules));
    RG_TRY(rg_arena_array(draft->arena, records->count, sizeof *findings, (void **)&findings));
    find_roles(draft, routes);
    if (records->count > HTTP_ROUTE_POLICIES_MAX) {
        config_error(draft, config_whole_file(draft), "more than %d [[routes]]", HTTP_ROUTE_POLICIES_MAX);
        return RG_OK;
    }
    for (size_t i = 0; i < records->count; i++) {
        RG_TRY(make_rule(draft, i, &rules[i]));
    }
    RG_TRY(http_route_table_new(draft->arena, &routes->table));
    RG_TRY(http_route_policies_new(draft->arena, routes->table, rules, records->count, findings, &finding_count,
                                   &routes->policies));
    for (size_t i = 0; i < finding_count; i++) {
        report(draft, rules, &findings[i]);
    }
    return RG_OK;
}
