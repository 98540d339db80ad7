/* SPDX-License-Identifier: Apache-2.0 */
/* What Superset shows and allows to nobody in particular: lists, documents of its API, other sites, frames, services
 * beside it. */
#include "proxy/superset_private.h"

#include <stdio.h>
#include <strings.h>

enum { ANSWERED = 200, REFUSED = 401, PATH_SIZE = 256 };

struct list {
    const char *path;
    const char *what;
};

static const struct list lists[] = {
    {"/api/v1/dashboard/?q=(page_size:1)", "dashboards"},
    {"/api/v1/chart/?q=(page_size:1)", "charts"},
    {"/api/v1/dataset/?q=(page_size:1)", "datasets"},
    {"/api/v1/database/?q=(page_size:1)", "databases"},
    {"/api/v1/saved_query/?q=(page_size:1)", "saved queries"},
    {"/api/v1/query/?q=(page_size:1)", "queries"},
    {"/api/v1/rowlevelsecurity/?q=(page_size:1)", "row-level security"},
    {"/api/v1/security/users/?q=(page_size:1)", "users"},
    {"/api/v1/security/roles/?q=(page_size:1)", "roles"},
    {"/api/v1/log/?q=(page_size:1)", "the action log"},
};

static const char public_hint[] =
    "take every permission from the role Public (Settings, List Roles), PUBLIC_ROLE_LIKE = None, `superset init`";

static rg_status judge_permissions(struct superset_check *check)
{
    struct superset_answer answer = {0};
    RG_TRY(superset_ask(check, "/api/v1/me/roles/", NULL, &answer));
    if (answer.status == ANSWERED) {
        superset_warning(check, "superset.public_role", public_hint, "the role Public has permissions");
    }
    return RG_OK;
}

rg_status superset_judge_public(struct superset_check *check)
{
    char names[256] = "";
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct superset_answer answer = {0};
        RG_TRY(superset_ask(check, lists[i].path, NULL, &answer));
        RG_AUTO(superset_json_done) json_t *json = answer.status == ANSWERED ? superset_json(&answer) : NULL;
        if (json_is_array(json_object_get(json, "result"))) {
            size_t size = strlen(names);
            (void)snprintf(names + size, sizeof names - size, "%s%s (%lld)", size == 0 ? "" : ", ", lists[i].what,
                           (long long)json_integer_value(json_object_get(json, "count")));
        }
    }
    if (names[0] == '\0') {
        return judge_permissions(check);
    }
    superset_error(check, "superset.public_role", public_hint, "who is not logged in may read: %s", names);
    return RG_OK;
}

rg_status superset_judge_swagger(struct superset_check *check)
{
    static const char *const paths[] = {"/swagger/v1", "/api/v1/_openapi"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct superset_answer answer = {0};
        RG_TRY(superset_ask(check, paths[i], NULL, &answer));
        if (answer.status == ANSWERED) {
            superset_warning(check, "superset.swagger", "FAB_API_SWAGGER_UI = False",
                             "who is not logged in reads the API's description (GET %s)", paths[i]);
            return RG_OK;
        }
    }
    return RG_OK;
}

rg_status superset_judge_origins(struct superset_check *check)
{
    struct superset_answer answer = {0};
    struct rg_slice header = {0};
    struct rg_slice origin = {0};
    RG_TRY(rg_arena_printf(&check->arena, &header, "Origin: https://%s.invalid", check->canary));
    RG_TRY(rg_arena_printf(&check->arena, &origin, "https://%s.invalid", check->canary));
    const char *const headers[] = {header.data, NULL};
    RG_TRY(superset_ask(check, "/api/v1/me/", headers, &answer));
    const char *allowed = superset_field(check, "access-control-allow-origin");
    bool is_any = strcmp(allowed, "*") == 0 || strcmp(allowed, origin.data) == 0;
    bool has_credentials = strcasecmp(superset_field(check, "access-control-allow-credentials"), "true") == 0;
    if (is_any && has_credentials) {
        superset_error(check, "superset.cors", "ENABLE_CORS = False; rowgate answers for the sites of each tenant",
                       "every site may ask with the caller's cookies (CORS with credentials)");
    } else if (is_any) {
        superset_warning(check, "superset.cors", "ENABLE_CORS = False; rowgate answers for the sites of each tenant",
                         "every site may ask (CORS)");
    }
    return RG_OK;
}

/* A redirect that adds a slash names the host that Superset believes to have. */
rg_status superset_judge_proxy(struct superset_check *check)
{
    struct superset_answer answer = {0};
    struct rg_slice host = {0};
    RG_TRY(rg_arena_printf(&check->arena, &host, "X-Forwarded-Host: %s.invalid", check->canary));
    const char *const headers[] = {host.data, "X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1", NULL};
    RG_TRY(superset_ask(check, "/users/list", headers, &answer));
    const char *location = superset_field(check, "location");
    bool is_absolute = strncasecmp(location, "http", 4) == 0;
    if (is_absolute && strstr(location, check->canary) == NULL) {
        superset_warning(check, "superset.proxy_fix",
                         "ENABLE_PROXY_FIX = True, PROXY_FIX_CONFIG = {\"x_for\": 1, \"x_proto\": 1, \"x_host\": 1, "
                         "\"x_port\": 1, \"x_prefix\": 0}",
                         "redirects name Superset's own address, not the one that browsers use");
    }
    return RG_OK;
}

rg_status superset_judge_frame(struct superset_check *check)
{
    struct superset_answer answer = {0};
    struct rg_slice path = {0};
    struct rg_slice referer = {0};
    if (check->options->dashboard.size == 0) {
        return RG_OK;
    }
    RG_TRY(rg_arena_printf(&check->arena, &path, "/embedded/%.*s", rg_slice_shown(check->options->dashboard),
                           check->options->dashboard.data));
    RG_TRY(rg_arena_printf(&check->arena, &referer, "Referer: https://%s.invalid/", check->canary));
    const char *const headers[] = {referer.data, NULL};
    RG_TRY(superset_ask(check, path.data, headers, &answer));
    if (answer.status == ANSWERED) {
        superset_warning(check, "superset.embedding",
                         "Embed dashboard, Allowed Domains: your sites; and frame_ancestors of [[tenants]]",
                         "the dashboard may be embedded by every site (GET %s)", path.data);
    }
    return RG_OK;
}

/* ---- beside it ---- */

static rg_status open_beside(const struct superset_check *check, struct export_http **out_http)
{
    char url[PATH_SIZE] = "";
    struct rg_slice host = check->host;
    bool is_numeric = memchr(host.data, ':', host.size) != NULL;
    (void)snprintf(url, sizeof url, "http://%s%.*s%s:%u", is_numeric ? "[" : "", rg_slice_shown(host), host.data,
                   is_numeric ? "]" : "", check->options->mcp_port);
    const struct export_http_options options = {
        .url = url, .ca_file = "", .timeout_us = check->options->timeout_us, .answer_max = 1 << 16};
    return export_http_open(&options, out_http);
}

/* No answer is the good answer. */
rg_status superset_judge_mcp(struct superset_check *check)
{
    RG_AUTO(export_http_close) struct export_http *http = NULL;
    const struct export_http_request request = {.method = "GET", .path = "/mcp"};
    struct superset_answer answer = {0};
    if (check->options->mcp_port == 0) {
        return RG_OK;
    }
    RG_TRY(open_beside(check, &http));
    rg_status status = export_http_send(http, NULL, &request, &answer.status, &answer.body);
    check->facts.asked++;
    if (!rg_is_ok(status)) {
        return RG_OK;
    }
    if (answer.status == REFUSED) {
        superset_warning(check, "superset.mcp", "do not run `superset mcp`, or let nobody reach its port",
                         "the MCP service listens on port %u: it asks databases for whom its own token names",
                         check->options->mcp_port);
    } else {
        superset_error(check, "superset.mcp", "do not run `superset mcp`, or let nobody reach its port",
                       "port %u answers without a credential (GET /mcp: HTTP status %ld): the MCP service asks "
                       "databases for everybody",
                       check->options->mcp_port, answer.status);
    }
    return RG_OK;
}
