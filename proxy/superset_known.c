/* SPDX-License-Identifier: Apache-2.0 */
/* What Superset answers to the one whom rowgate's key names: where its databases go, who may embed its dashboards,
 * whether two tenants share what is cached. */
#include "proxy/superset_private.h"

#include <strings.h>

enum { ANSWERED = 200, POSTGRES_PORT = 5432, DATABASES_MAX = 100, DASHBOARDS_MAX = 50, CHARTS_MAX = 5 };

rg_status superset_judge_known(struct superset_check *check)
{
    struct superset_answer answer = {0};
    char expected[64] = "";
    if (check->options->mint == NULL) {
        return RG_OK;
    }
    superset_known_name(check, expected);
    RG_TRY(superset_ask_as(check, "/api/v1/me/", check->options->tenant, &answer));
    RG_AUTO(superset_json_done) json_t *json = answer.status == ANSWERED ? superset_json(&answer) : NULL;
    const char *name = json_string_value(json_object_get(json_object_get(json, "result"), "username"));
    check->facts.is_known = name != NULL && strcmp(name, expected) == 0;
    if (!check->facts.is_known) {
        superset_error(check, "superset.identity",
                       "deploy/superset_config.py with ROWGATE_IDENTITY_PUBLIC_KEY = the public half of this key",
                       "Superset does not believe rowgate's key (GET /api/v1/me/: HTTP status %ld)", answer.status);
        return RG_OK;
    }
    RG_TRY(superset_ask_as(check, "/superset/welcome/", check->options->tenant, &answer));
    return superset_take_settings(check, &answer);
}

/* The rows of a list as JSON, by reference of the caller; NULL when this somebody may not read it. */
static rg_status ask_list(struct superset_check *check, const char *path, json_t **out_rows)
{
    struct superset_answer answer = {0};
    RG_TRY(superset_ask_as(check, path, check->options->tenant, &answer));
    RG_AUTO(superset_json_done) json_t *json = answer.status == ANSWERED ? superset_json(&answer) : NULL;
    json_t *rows = json_object_get(json, "result");
    *out_rows = json_is_array(rows) ? json_incref(rows) : NULL;
    return RG_OK;
}

/* ---- databases ---- */

static bool is_gate(const struct superset_check *check, struct rg_slice host, uint16_t port)
{
    const struct superset_check_options *options = check->options;
    for (size_t i = 0; i < options->gate_count; i++) {
        struct rg_slice gate = {0};
        uint16_t gate_port = 0;
        if (rg_is_ok(superset_gate_parse(options->gates[i], &gate, &gate_port)) && gate.size == host.size &&
            strncasecmp(gate.data, host.data, host.size) == 0 &&
            (gate_port == 0 ? POSTGRES_PORT : gate_port) == (port == 0 ? POSTGRES_PORT : port)) {
            return true;
        }
    }
    return false;
}

static void judge_address(struct superset_check *check, const char *name, const char *uri)
{
    struct rg_slice host = {0};
    uint16_t port = 0;
    bool has_host = rg_is_ok(superset_uri_parse(rg_slice_of(uri), &host, &port));
    bool is_ours = has_host && is_gate(check, host, port);
    if (check->options->gate_count > 0 && !is_ours) {
        superset_error(check, "superset.database_uri",
                       "its SQLALCHEMY URI: rowgate's host and port; the database itself may let only rowgate in",
                       "database \"%s\" does not go through rowgate: %.*s%s%.*u", name, rg_slice_shown(host),
                       has_host ? host.data : "no host", port == 0 ? "" : ":", port == 0 ? 0 : 1, port);
    }
}

static void judge_writes(struct superset_check *check, const char *name, const json_t *row)
{
    static const char *const permits[] = {"allow_dml", "allow_ctas", "allow_cvas", "allow_file_upload"};
    for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++) {
        if (json_is_true(json_object_get(row, permits[i]))) {
            superset_warning(check, "superset.database_writes",
                             "take it away in its settings (SQL Lab, Security), unless a policy says `for` writes",
                             "database \"%s\" has %s", name, permits[i]);
        }
    }
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static rg_status judge_database(struct superset_check *check, const json_t *row)
{
    struct superset_answer answer = {0};
    struct rg_slice path = {0};
    const char *name = text_of(row, "database_name");
    long long id = json_integer_value(json_object_get(row, "id"));
    judge_writes(check, name, row);
    RG_TRY(rg_arena_printf(&check->arena, &path, "/api/v1/database/%lld/connection", id));
    RG_TRY(superset_ask_as(check, path.data, check->options->tenant, &answer));
    RG_AUTO(superset_json_done) json_t *json = answer.status == ANSWERED ? superset_json(&answer) : NULL;
    const json_t *result = json_object_get(json, "result");
    const char *uri = json_string_value(json_object_get(result, "sqlalchemy_uri"));
    if (uri != NULL) {
        judge_address(check, name, uri);
    }
    return RG_OK;
}

rg_status superset_judge_databases(struct superset_check *check)
{
    RG_AUTO(superset_json_done) json_t *rows = NULL;
    RG_TRY(ask_list(check,
                    "/api/v1/database/?q=(columns:!(id,database_name,allow_dml,allow_ctas,allow_cvas,"
                    "allow_file_upload),page_size:100)",
                    &rows));
    for (size_t i = 0; i < json_array_size(rows) && i < DATABASES_MAX; i++) {
        RG_TRY(judge_database(check, json_array_get(rows, i)));
    }
    return RG_OK;
}

/* ---- dashboards ---- */

static rg_status judge_dashboard(struct superset_check *check, const json_t *row)
{
    struct superset_answer answer = {0};
    struct rg_slice path = {0};
    RG_TRY(rg_arena_printf(&check->arena, &path, "/api/v1/dashboard/%lld/embedded",
                           (long long)json_integer_value(json_object_get(row, "id"))));
    RG_TRY(superset_ask_as(check, path.data, check->options->tenant, &answer));
    RG_AUTO(superset_json_done) json_t *json = answer.status == ANSWERED ? superset_json(&answer) : NULL;
    const json_t *domains = json_object_get(json_object_get(json, "result"), "allowed_domains");
    if (json_is_array(domains) && json_array_size(domains) == 0) {
        superset_warning(check, "superset.embedding",
                         "Embed dashboard, Allowed Domains: your sites; and frame_ancestors of [[tenants]]",
                         "dashboard \"%s\" may be embedded by every site", text_of(row, "dashboard_title"));
    }
    return RG_OK;
}

rg_status superset_judge_domains(struct superset_check *check)
{
    RG_AUTO(superset_json_done) json_t *rows = NULL;
    RG_TRY(ask_list(check, "/api/v1/dashboard/?q=(columns:!(id,dashboard_title),page_size:50)", &rows));
    for (size_t i = 0; i < json_array_size(rows) && i < DASHBOARDS_MAX; i++) {
        RG_TRY(judge_dashboard(check, json_array_get(rows, i)));
    }
    return RG_OK;
}

/* ---- the cache ---- */

struct cached {
    struct rg_slice key; /* empty = the chart did not answer */
    bool is_from_cache;
};

static rg_status ask_chart(struct superset_check *check, long long id, struct rg_slice tenant,
                           struct cached *out_cached)
{
    struct superset_answer answer = {0};
    struct rg_slice path = {0};
    RG_TRY(rg_arena_printf(&check->arena, &path, "/api/v1/chart/%lld/data/", id));
    RG_TRY(superset_ask_as(check, path.data, tenant, &answer));
    RG_AUTO(superset_json_done) json_t *json = superset_json(&answer);
    const json_t *first = json_array_get(json_object_get(json, "result"), 0);
    struct cached cached = {.is_from_cache = json_is_true(json_object_get(first, "is_cached"))};
    RG_TRY(rg_arena_copy(&check->arena, rg_slice_of(text_of(first, "cache_key")), &cached.key));
    *out_cached = cached;
    return RG_OK;
}

/* Two people of two tenants ask for the same chart: an equal key is one answer for both. */
static rg_status judge_chart(struct superset_check *check, long long id, bool *out_is_shared)
{
    static const char hint[] = "deploy/superset_config.py: its cache keys hold the view key; or DATA_CACHE_CONFIG with "
                               "NullCache";
    struct cached one = {0};
    struct cached other = {0};
    struct rg_slice stranger = {0};
    RG_TRY(rg_arena_printf(&check->arena, &stranger, "%.*s-2", rg_slice_shown(check->options->tenant),
                           check->options->tenant.data));
    RG_TRY(ask_chart(check, id, check->options->tenant, &one));
    RG_TRY(ask_chart(check, id, stranger, &other));
    *out_is_shared = one.key.size > 0 && rg_slice_is_equal(one.key, other.key);
    if (*out_is_shared && other.is_from_cache) {
        superset_error(check, "superset.cache_shared", hint,
                       "chart %lld: what one tenant's person asked was answered to another tenant's from the cache",
                       id);
    } else if (*out_is_shared) {
        superset_warning(check, "superset.cache_shared", hint,
                         "chart %lld has one cache key for all tenants: no cache answered, but one would", id);
    }
    return RG_OK;
}

rg_status superset_judge_cache(struct superset_check *check)
{
    RG_AUTO(superset_json_done) json_t *rows = NULL;
    bool is_shared = false;
    RG_TRY(ask_list(check, "/api/v1/chart/?q=(columns:!(id),page_size:5)", &rows));
    for (size_t i = 0; i < json_array_size(rows) && i < CHARTS_MAX && !is_shared; i++) {
        RG_TRY(judge_chart(check, json_integer_value(json_object_get(json_array_get(rows, i), "id")), &is_shared));
    }
    return RG_OK;
}
