/* SPDX-License-Identifier: Apache-2.0 */
/* Every key of the configuration: one row each, read by the loader and compared with docs/configuration.md
 * by a test. What keys mean together is checked by the other config_*.c files. */
#include "proxy/config_private.h"

/* One row, one line: */
/* clang-format off */
#define MEMBER CONFIG_MEMBER
#define SCHEMA CONFIG_SCHEMA
#define UNSUPPORTED(name) {name, RG_SCHEMA_UNSUPPORTED, false, 0, 0, 0, NULL, NULL, NULL, NULL}

#define SECOND INT64_C(1000000)
#define DAY (INT64_C(86400) * SECOND)
#define KIB INT64_C(1024)
#define COUNT_MAX INT64_C(1000000000000000)

static const char *const log_levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const log_formats[] = {"json", NULL};
static const char *const tls_versions[] = {"1.2", "1.3", NULL};
static const char *const upstream_kinds[] = {"pgbouncer", "postgres", "hyper", "superset", NULL};
static const char *const identities[] = {"none", "set_local", "set_role", NULL};
static const char *const pool_modes[] = {"session", "transaction", NULL}; /* enum config_pool_mode */
static const char *const cache_guards[] = {"refuse", "warn", "off", NULL};
static const char *const planes[] = {"sql", "http", NULL};
static const char *const orphan_words[] = {"refuse", "alert", "allow", NULL}; /* enum config_orphans */
static const char *const idp_types[] = {"oidc", "saml", NULL};
static const char *const idp_presets[] = {"entra", "github", "google", "keycloak", NULL}; /* enum preset of config_idp_oidc.c */
static const char *const statement_kinds[] = {"select", "insert", "update", "delete", NULL};
static const char *const http_methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
static const char *const isolations[] = {"schema", NULL};
static const char *const in_predicates[] = {"deny", "allow", NULL};
static const char *const expectations[] = {"deny", "allow", "rewrite", "mask", NULL};
static const char *const durabilities[] = {"synced", "written", NULL};
static const char *const audit_statements[] = {"full", NULL};

/* name, type, required, offset, minimum, maximum, words, table, default, its note in the manual */
static const struct rg_schema_key top_keys[] = {
    {"version", RG_SCHEMA_INTEGER, false, MEMBER(top, version), 1, 1, NULL, NULL, NULL, "required in the main file"},
    {"include", RG_SCHEMA_STRINGS, false, MEMBER(top, include), 0, 0, NULL, NULL, NULL, "none"},
};
const struct rg_schema config_schema_top = {"the file", sizeof top_keys / sizeof top_keys[0], top_keys, true, sizeof(struct config_raw_top)};

static const struct rg_schema_key server_keys[] = {
    {"workers", RG_SCHEMA_INTEGER, false, MEMBER(server, workers), 1, 1024, NULL, NULL, NULL, "one per core"},
    {"pid_file", RG_SCHEMA_PATH, false, MEMBER(server, pid_file), 0, 0, NULL, NULL, NULL, "none"},
    {"drain_timeout", RG_SCHEMA_DURATION, false, MEMBER(server, drain_timeout), 0, DAY, NULL, NULL, "\"30s\"", NULL},
    {"strict_reload", RG_SCHEMA_BOOL, false, MEMBER(server, strict_reload), 0, 0, NULL, NULL, "false", NULL},
    {"trusted_proxies", RG_SCHEMA_STRINGS, false, MEMBER(server, trusted_proxies), 0, 0, NULL, NULL, NULL, "none"},
    {"metrics_max_tenants", RG_SCHEMA_INTEGER, false, MEMBER(server, metrics_max_tenants), 1, 1000, NULL, NULL, NULL, "none: no label says a tenant"},
    UNSUPPORTED("user"),
};
static const struct rg_schema server_schema = SCHEMA("[server]", server, server_keys);

static const struct rg_schema_key admin_keys[] = {
    {"metrics", RG_SCHEMA_STRING, false, MEMBER(admin, metrics), 0, 0, NULL, NULL, NULL, "none: no listener"},
    {"metrics_tls", RG_SCHEMA_STRING, false, MEMBER(admin, metrics_tls), 0, 0, NULL, NULL, NULL, "none: cleartext"},
    {"listen", RG_SCHEMA_STRING, false, MEMBER(admin, listen), 0, 0, NULL, NULL, NULL, "none: no console"},
    {"admin_users", RG_SCHEMA_STRINGS, false, MEMBER(admin, admin_users), 0, 0, NULL, NULL, NULL, "none"},
    {"stats_users", RG_SCHEMA_STRINGS, false, MEMBER(admin, stats_users), 0, 0, NULL, NULL, NULL, "none"},
    {"auditor_users", RG_SCHEMA_STRINGS, false, MEMBER(admin, auditor_users), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema admin_schema = SCHEMA("[admin]", admin, admin_keys);

static const struct rg_schema_key log_keys[] = {
    {"level", RG_SCHEMA_WORD, false, MEMBER(log, level), 0, 0, log_levels, NULL, "\"info\"", NULL},
    {"format", RG_SCHEMA_WORD, false, MEMBER(log, format), 0, 0, log_formats, NULL, "\"json\"", NULL},
    {"file", RG_SCHEMA_PATH, false, MEMBER(log, file), 0, 0, NULL, NULL, NULL, "standard error"},
};
static const struct rg_schema log_schema = SCHEMA("[log]", log, log_keys);

static const struct rg_schema_key tls_keys[] = {
    {"certificate", RG_SCHEMA_PEM, true, MEMBER(tls, certificate), 0, 0, NULL, NULL, NULL, NULL},
    {"private_key", RG_SCHEMA_PEM, true, MEMBER(tls, private_key), 0, 0, NULL, NULL, NULL, NULL},
    {"min_version", RG_SCHEMA_WORD, false, MEMBER(tls, min_version), 0, 0, tls_versions, NULL, "\"1.2\"", NULL},
    UNSUPPORTED("client_ca"), UNSUPPORTED("client_auth"), UNSUPPORTED("crl"),
};
static const struct rg_schema tls_schema = SCHEMA("[tls.NAME]", tls, tls_keys);

static const struct rg_schema_key upstream_keys[] = {
    {"kind", RG_SCHEMA_WORD, true, MEMBER(upstream, kind), 0, 0, upstream_kinds, NULL, NULL, NULL},
    {"dsn", RG_SCHEMA_STRING, false, MEMBER(upstream, dsn), 0, 0, NULL, NULL, NULL, "required but for `superset`"},
    {"password", RG_SCHEMA_SECRET, false, MEMBER(upstream, password), 0, 0, NULL, NULL, NULL, "none"},
    {"connect_timeout", RG_SCHEMA_DURATION, false, MEMBER(upstream, connect_timeout), SECOND / 10, 3600 * SECOND, NULL, NULL, "\"10s\"", NULL},
    {"catalog_refresh", RG_SCHEMA_DURATION, false, MEMBER(upstream, catalog_refresh), SECOND, DAY, NULL, NULL, "\"30s\"", NULL},
    {"identity", RG_SCHEMA_WORD, false, MEMBER(upstream, identity), 0, 0, identities, NULL, "\"none\"", NULL},
    {"pool_mode", RG_SCHEMA_WORD, false, MEMBER(upstream, pool_mode), 0, 0, pool_modes, NULL, "\"session\"", NULL},
    {"pool_size", RG_SCHEMA_INTEGER, false, MEMBER(upstream, pool_size), 1, 10000, NULL, NULL, "20", NULL},
    {"pool_per_tenant", RG_SCHEMA_INTEGER, false, MEMBER(upstream, pool_per_tenant), 1, 10000, NULL, NULL, NULL, "`pool_size`"},
    {"query_wait_timeout", RG_SCHEMA_DURATION, false, MEMBER(upstream, query_wait_timeout), SECOND / 10, 3600 * SECOND, NULL, NULL, "\"30s\"", NULL},
    {"server_idle_timeout", RG_SCHEMA_DURATION, false, MEMBER(upstream, server_idle_timeout), SECOND / 10, DAY, NULL, NULL, "\"10m\"", NULL},
    {"min_pool_size", RG_SCHEMA_INTEGER, false, MEMBER(upstream, min_pool_size), 0, 10000, NULL, NULL, "0", NULL},
    {"reserve_pool_size", RG_SCHEMA_INTEGER, false, MEMBER(upstream, reserve_pool_size), 0, 10000, NULL, NULL, "0", NULL},
    {"reserve_pool_timeout", RG_SCHEMA_DURATION, false, MEMBER(upstream, reserve_pool_timeout), SECOND / 10, 3600 * SECOND, NULL, NULL, "\"5s\"", NULL},
    {"server_check_delay", RG_SCHEMA_DURATION, false, MEMBER(upstream, server_check_delay), SECOND / 10, DAY, NULL, NULL, "\"30s\"", NULL},
    {"server_lifetime", RG_SCHEMA_DURATION, false, MEMBER(upstream, server_lifetime), SECOND / 10, 30 * DAY, NULL, NULL, "\"1h\"", NULL},
    {"url", RG_SCHEMA_STRING, false, MEMBER(upstream, url), 0, 0, NULL, NULL, NULL, "required of `superset`"},
    {"ca_file", RG_SCHEMA_PATH, false, MEMBER(upstream, ca_file), 0, 0, NULL, NULL, NULL, "the system's authorities"},
    {"response_timeout", RG_SCHEMA_DURATION, false, MEMBER(upstream, response_timeout), SECOND / 10, DAY, NULL, NULL, "\"120s\"", NULL},
    {"websocket_timeout", RG_SCHEMA_DURATION, false, MEMBER(upstream, websocket_timeout), SECOND, DAY, NULL, NULL, "\"10m\"", NULL},
    {"keepalive_timeout", RG_SCHEMA_DURATION, false, MEMBER(upstream, keepalive_timeout), 1000, 3600 * SECOND, NULL, NULL, "\"1s\"", NULL},
    {"identity_key", RG_SCHEMA_SECRET, false, MEMBER(upstream, identity_key), 0, 0, NULL, NULL, NULL, "none"},
    {"guest_token_lifetime", RG_SCHEMA_DURATION, false, MEMBER(upstream, guest_token_lifetime), 60 * SECOND, 3600 * SECOND, NULL, NULL, "\"5m\"", NULL},
    {"capsule_lifetime", RG_SCHEMA_DURATION, false, MEMBER(upstream, capsule_lifetime), 60 * SECOND, 43200 * SECOND, NULL, NULL, "\"15m\"", NULL},
    {"cache_guard", RG_SCHEMA_WORD, false, MEMBER(upstream, cache_guard), 0, 0, cache_guards, NULL, "\"refuse\"", NULL},
    {"cache_guard_max", RG_SCHEMA_SIZE, false, MEMBER(upstream, cache_guard_max), KIB, 64 * 1024 * KIB, NULL, NULL, "\"16MiB\"", NULL},
    UNSUPPORTED("tls"),
};
static const struct rg_schema upstream_schema = SCHEMA("[upstreams.NAME]", upstream, upstream_keys);

static const struct rg_schema_key listener_keys[] = {
    {"name", RG_SCHEMA_STRING, true, MEMBER(listener, name), 0, 0, NULL, NULL, NULL, NULL},
    {"plane", RG_SCHEMA_WORD, true, MEMBER(listener, plane), 0, 0, planes, NULL, NULL, NULL},
    {"listen", RG_SCHEMA_STRING, true, MEMBER(listener, listen), 0, 0, NULL, NULL, NULL, NULL},
    {"tls", RG_SCHEMA_STRING_OR_LIST, true, MEMBER(listener, tls), 0, 0, NULL, NULL, NULL, NULL},
    {"login", RG_SCHEMA_STRINGS, false, MEMBER(listener, login), 0, 0, NULL, NULL, NULL, "sql: `oidc`; http: all of `[idp.NAME]`"},
    {"orphans", RG_SCHEMA_WORD, false, MEMBER(listener, orphans), 0, 0, orphan_words, NULL, NULL, "`alert` where `login` has `capsule`"},
    {"upstream", RG_SCHEMA_STRING, false, MEMBER(listener, upstream), 0, 0, NULL, NULL, NULL, "required of http"},
    {"public_url", RG_SCHEMA_STRING, false, MEMBER(listener, public_url), 0, 0, NULL, NULL, NULL, "required of http"},
    {"names", RG_SCHEMA_STRINGS, false, MEMBER(listener, names), 0, 0, NULL, NULL, NULL, "none"},
    {"http2", RG_SCHEMA_BOOL, false, MEMBER(listener, http2), 0, 0, NULL, NULL, "false", NULL},
    {"proxy_protocol", RG_SCHEMA_BOOL, false, MEMBER(listener, proxy_protocol), 0, 0, NULL, NULL, "false", NULL},
    {"max_connections", RG_SCHEMA_INTEGER, false, MEMBER(listener, max_connections), 1, 1000000, NULL, NULL, "4096", NULL},
    {"requests_per_minute_per_address", RG_SCHEMA_INTEGER, false, MEMBER(listener, requests_per_minute_per_address), 1, 10000000, NULL, NULL, "3_000", NULL},
    {"max_head", RG_SCHEMA_SIZE, false, MEMBER(listener, max_head), KIB, 256 * KIB, NULL, NULL, "\"32KiB\"", NULL},
    {"max_body", RG_SCHEMA_SIZE, false, MEMBER(listener, max_body), KIB, 1024 * 1024 * KIB, NULL, NULL, "\"32MiB\"", NULL},
    {"max_bodies", RG_SCHEMA_SIZE, false, MEMBER(listener, max_bodies), KIB, 1024 * 1024 * 1024 * KIB, NULL, NULL, "\"512MiB\"", NULL},
    {"handshake_timeout", RG_SCHEMA_DURATION, false, MEMBER(listener, handshake_timeout), SECOND / 10, 3600 * SECOND, NULL, NULL, "\"10s\"", NULL},
    {"idle_timeout", RG_SCHEMA_DURATION, false, MEMBER(listener, idle_timeout), SECOND / 10, DAY, NULL, NULL, "\"60s\"", NULL},
    {"request_timeout", RG_SCHEMA_DURATION, false, MEMBER(listener, request_timeout), SECOND / 10, DAY, NULL, NULL, "\"30s\"", NULL},
    UNSUPPORTED("identity_from"),
};
static const struct rg_schema listener_schema = SCHEMA("[[listeners]]", listener, listener_keys);

static const struct rg_schema_key idp_keys[] = {
    {"type", RG_SCHEMA_WORD, true, MEMBER(idp, type), 0, 0, idp_types, NULL, NULL, NULL},
    {"issuer", RG_SCHEMA_STRING, false, MEMBER(idp, issuer), 0, 0, NULL, NULL, NULL, "required, or the preset's"},
    {"audience", RG_SCHEMA_STRINGS, false, MEMBER(idp, audience), 0, 0, NULL, NULL, NULL, "required without `client_id`; with it none"},
    {"algorithms", RG_SCHEMA_STRINGS, false, MEMBER(idp, algorithms), 0, 0, NULL, NULL, NULL, "all asymmetric ones"},
    {"jwks_cooldown", RG_SCHEMA_DURATION, false, MEMBER(idp, jwks_cooldown), SECOND, 3600 * SECOND, NULL, NULL, "\"60s\"", NULL},
    {"clock_skew", RG_SCHEMA_DURATION, false, MEMBER(idp, clock_skew), 0, 300 * SECOND, NULL, NULL, "\"30s\"", NULL},
    {"ca_file", RG_SCHEMA_PATH, false, MEMBER(idp, ca_file), 0, 0, NULL, NULL, NULL, "the system's authorities"},
    {"jwks_uri", RG_SCHEMA_STRING, false, MEMBER(idp, jwks_uri), 0, 0, NULL, NULL, NULL, "from the discovery document"},
    {"user_claim", RG_SCHEMA_STRING, false, MEMBER(idp, user_claim), 0, 0, NULL, NULL, NULL, "preferred_username, email, sub"},
    {"issuer_template", RG_SCHEMA_STRING, false, MEMBER(idp, issuer_template), 0, 0, NULL, NULL, NULL, "none"},
    {"display_name", RG_SCHEMA_STRING, false, MEMBER(idp, display_name), 0, 0, NULL, NULL, NULL, "the name"},
    {"client_id", RG_SCHEMA_STRING, false, MEMBER(idp, client_id), 0, 0, NULL, NULL, NULL, "none: no login by browser"},
    {"client_secret", RG_SCHEMA_SECRET, false, MEMBER(idp, client_secret), 0, 0, NULL, NULL, NULL, "none: a public client"},
    {"preset", RG_SCHEMA_WORD, false, MEMBER(idp, preset), 0, 0, idp_presets, NULL, NULL, "none"},
    {"scopes", RG_SCHEMA_STRINGS, false, MEMBER(idp, scopes), 0, 0, NULL, NULL, NULL, "`openid`, `profile`, `email`, or the preset's"},
    {"introspection", RG_SCHEMA_STRING, false, MEMBER(idp, introspection), 0, 0, NULL, NULL, NULL, "none"},
    {"backchannel_logout", RG_SCHEMA_BOOL, false, MEMBER(idp, backchannel_logout), 0, 0, NULL, NULL, "true", NULL},
    {"metadata", RG_SCHEMA_PATH, false, MEMBER(idp, metadata), 0, 0, NULL, NULL, NULL, "required of saml"},
    {"entity_id", RG_SCHEMA_STRING, false, MEMBER(idp, entity_id), 0, 0, NULL, NULL, NULL, "required of saml"},
    {"private_key", RG_SCHEMA_PEM, false, MEMBER(idp, private_key), 0, 0, NULL, NULL, NULL, "none: nothing is signed or decrypted"},
    {"certificate", RG_SCHEMA_PEM, false, MEMBER(idp, certificate), 0, 0, NULL, NULL, NULL, "none"},
    {"subject_attribute", RG_SCHEMA_STRING, false, MEMBER(idp, subject_attribute), 0, 0, NULL, NULL, NULL, "the NameID"},
    {"user_attribute", RG_SCHEMA_STRING, false, MEMBER(idp, user_attribute), 0, 0, NULL, NULL, NULL, "the NameID"},
    {"allow_idp_initiated", RG_SCHEMA_BOOL, false, MEMBER(idp, allow_idp_initiated), 0, 0, NULL, NULL, "false", NULL},
    {"require_encrypted_assertions", RG_SCHEMA_BOOL, false, MEMBER(idp, require_encrypted), 0, 0, NULL, NULL, "false", NULL},
    {"allow_sha1", RG_SCHEMA_BOOL, false, MEMBER(idp, allow_sha1), 0, 0, NULL, NULL, "false", NULL},
    {"allow_cbc", RG_SCHEMA_BOOL, false, MEMBER(idp, allow_cbc), 0, 0, NULL, NULL, "false", NULL},
};
static const struct rg_schema idp_schema = SCHEMA("[idp.NAME]", idp, idp_keys);

static const struct rg_schema_key account_keys[] = {
    {"name", RG_SCHEMA_STRING, true, MEMBER(account, name), 0, 0, NULL, NULL, NULL, NULL},
    {"verifier", RG_SCHEMA_SECRET, true, MEMBER(account, verifier), 0, 0, NULL, NULL, NULL, NULL},
    {"claims", RG_SCHEMA_NODE, false, MEMBER(account, claims), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema account_schema = SCHEMA("[[service_accounts]]", account, account_keys);

static const struct rg_schema_key from_keys[] = {
    {"oidc", RG_SCHEMA_STRING, false, MEMBER(from, oidc), 0, 0, NULL, NULL, NULL, "the claim's name"},
    {"saml", RG_SCHEMA_STRING, false, MEMBER(from, saml), 0, 0, NULL, NULL, NULL, "the claim's name"},
};
const struct rg_schema config_schema_from = SCHEMA("from", from, from_keys);

static const struct rg_schema_key claim_keys[] = {
    {"from", RG_SCHEMA_NODE, false, MEMBER(claim, from), 0, 0, NULL, NULL, NULL, "the claim of that name"},
    {"type", RG_SCHEMA_STRING, true, MEMBER(claim, type), 0, 0, NULL, NULL, NULL, NULL},
    {"required", RG_SCHEMA_BOOL, false, MEMBER(claim, required), 0, 0, NULL, NULL, "false", NULL},
    {"max", RG_SCHEMA_INTEGER, false, MEMBER(claim, max), 1, 4096, NULL, NULL, "64", NULL},
    {"lower", RG_SCHEMA_BOOL, false, MEMBER(claim, lower), 0, 0, NULL, NULL, "false", NULL},
    {"split", RG_SCHEMA_STRING, false, MEMBER(claim, split), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema claim_schema = SCHEMA("[claims]", claim, claim_keys);

static const struct rg_schema_key match_keys[] = {
    {"idp", RG_SCHEMA_STRING, false, MEMBER(match, idp), 0, 0, NULL, NULL, NULL, "one of idp, service_account, tenant"},
    {"also", RG_SCHEMA_STRINGS, false, MEMBER(match, also), 0, 0, NULL, NULL, NULL, "none"},
    {"claim", RG_SCHEMA_STRING, false, MEMBER(match, claim), 0, 0, NULL, NULL, NULL, "none"},
    {"value", RG_SCHEMA_STRING, false, MEMBER(match, value), 0, 0, NULL, NULL, NULL, "required with claim"},
    {"service_account", RG_SCHEMA_STRING, false, MEMBER(match, service_account), 0, 0, NULL, NULL, NULL, "one of idp, service_account, tenant"},
    {"tenant", RG_SCHEMA_STRING, false, MEMBER(match, tenant), 0, 0, NULL, NULL, NULL, "one of idp, service_account, tenant"},
};
const struct rg_schema config_schema_match = SCHEMA("match", match, match_keys);

static const struct rg_schema_key route_keys[] = {
    {"upstream", RG_SCHEMA_STRING, true, MEMBER(route, upstream), 0, 0, NULL, NULL, NULL, NULL},
    {"schemas", RG_SCHEMA_MAP, false, MEMBER(route, schemas), 0, 0, NULL, NULL, NULL, "none"},
    {"limits", RG_SCHEMA_STRING, false, MEMBER(route, limits), 0, 0, NULL, NULL, NULL, "default"},
    {"database", RG_SCHEMA_STRING, false, MEMBER(route, database), 0, 0, NULL, NULL, NULL, "the upstream's"},
};
const struct rg_schema config_schema_route = SCHEMA("route", route, route_keys);

static const struct rg_schema_key tenant_keys[] = {
    {"id", RG_SCHEMA_STRING, true, MEMBER(tenant, id), 0, 0, NULL, NULL, NULL, NULL},
    {"match", RG_SCHEMA_TABLE, true, MEMBER(tenant, match), 0, 0, NULL, &config_schema_match, NULL, NULL},
    {"route", RG_SCHEMA_TABLE, true, MEMBER(tenant, route), 0, 0, NULL, &config_schema_route, NULL, NULL},
    {"frozen", RG_SCHEMA_BOOL, false, MEMBER(tenant, frozen), 0, 0, NULL, NULL, "false", NULL},
    UNSUPPORTED("labels"),
    {"display_name", RG_SCHEMA_STRING, false, MEMBER(tenant, face.display_name), 0, 0, NULL, NULL, NULL, "the tenant's id"},
    {"logo", RG_SCHEMA_PATH, false, MEMBER(tenant, face.logo), 0, 0, NULL, NULL, NULL, "none"},
    {"frame_ancestors", RG_SCHEMA_STRINGS, false, MEMBER(tenant, face.frame_ancestors), 0, 0, NULL, NULL, NULL, "none"},
    {"dashboards", RG_SCHEMA_STRINGS, false, MEMBER(tenant, face.dashboards), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema tenant_schema = SCHEMA("[[tenants]]", tenant, tenant_keys);

static const struct rg_schema_key pattern_id_keys[] = {
    {"claim", RG_SCHEMA_STRING, true, MEMBER(pattern_id, claim), 0, 0, NULL, NULL, NULL, NULL},
    {"allow", RG_SCHEMA_STRING, true, MEMBER(pattern_id, allow), 0, 0, NULL, NULL, NULL, NULL},
};
const struct rg_schema config_schema_pattern_id = SCHEMA("id", pattern_id, pattern_id_keys);

static const struct rg_schema_key pattern_keys[] = {
    {"match", RG_SCHEMA_TABLE, true, MEMBER(pattern, match), 0, 0, NULL, &config_schema_match, NULL, NULL},
    {"id", RG_SCHEMA_TABLE, true, MEMBER(pattern, id), 0, 0, NULL, &config_schema_pattern_id, NULL, NULL},
    {"route", RG_SCHEMA_TABLE, true, MEMBER(pattern, route), 0, 0, NULL, &config_schema_route, NULL, NULL},
    {"display_name", RG_SCHEMA_STRING, false, MEMBER(pattern, face.display_name), 0, 0, NULL, NULL, NULL, "the tenant's id"},
    {"logo", RG_SCHEMA_PATH, false, MEMBER(pattern, face.logo), 0, 0, NULL, NULL, NULL, "none"},
    {"frame_ancestors", RG_SCHEMA_STRINGS, false, MEMBER(pattern, face.frame_ancestors), 0, 0, NULL, NULL, NULL, "none"},
    {"dashboards", RG_SCHEMA_STRINGS, false, MEMBER(pattern, face.dashboards), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema pattern_schema = SCHEMA("[[tenant_patterns]]", pattern, pattern_keys);

static const struct rg_schema_key limits_keys[] = {
    {"rows", RG_SCHEMA_INTEGER, false, MEMBER(limits, rows), 1, COUNT_MAX, NULL, NULL, "1_000_000", NULL},
    {"bytes", RG_SCHEMA_SIZE, false, MEMBER(limits, bytes), KIB, COUNT_MAX, NULL, NULL, "\"1GiB\"", NULL},
    {"concurrency", RG_SCHEMA_INTEGER, false, MEMBER(limits, concurrency), 1, 1000000, NULL, NULL, "64", NULL},
    {"queue", RG_SCHEMA_INTEGER, false, MEMBER(limits, queue), 1, 1000000, NULL, NULL, "1_000", NULL},
    {"statement_timeout", RG_SCHEMA_DURATION, false, MEMBER(limits, statement_timeout), 1000, DAY, NULL, NULL, "\"60s\"", NULL},
    {"idle_timeout", RG_SCHEMA_DURATION, false, MEMBER(limits, idle_timeout), SECOND, 30 * DAY, NULL, NULL, "\"1h\"", NULL},
    {"login_timeout", RG_SCHEMA_DURATION, false, MEMBER(limits, login_timeout), SECOND, 3600 * SECOND, NULL, NULL, "\"15s\"", NULL},
    {"statements_per_minute", RG_SCHEMA_INTEGER, false, MEMBER(limits, statements_per_minute), 1, 60000000, NULL, NULL, "6_000_000", NULL},
    {"requests_per_minute", RG_SCHEMA_INTEGER, false, MEMBER(limits, requests_per_minute), 1, 10000000, NULL, NULL, "6_000", NULL},
    UNSUPPORTED("plan_cost"),
};
static const struct rg_schema limits_schema = SCHEMA("[limits.NAME]", limits, limits_keys);

static const struct rg_schema_key http_route_keys[] = {
    {"name", RG_SCHEMA_STRING, false, MEMBER(http_route, name), 0, 0, NULL, NULL, NULL, "routes[N], N from 1"},
    {"path", RG_SCHEMA_STRING, true, MEMBER(http_route, path), 0, 0, NULL, NULL, NULL, NULL},
    {"methods", RG_SCHEMA_WORDS, false, MEMBER(http_route, methods), 0, 0, http_methods, NULL, NULL, "all that the routes take"},
    {"to", RG_SCHEMA_STRINGS, false, MEMBER(http_route, to), 0, 0, NULL, NULL, NULL, "every tenant"},
    {"except", RG_SCHEMA_STRINGS, false, MEMBER(http_route, except), 0, 0, NULL, NULL, NULL, "none"},
    {"roles", RG_SCHEMA_STRINGS, false, MEMBER(http_route, roles), 0, 0, NULL, NULL, NULL, "every subject"},
    {"allow", RG_SCHEMA_BOOL, true, MEMBER(http_route, allow), 0, 0, NULL, NULL, NULL, NULL},
    {"reason", RG_SCHEMA_STRING, false, MEMBER(http_route, reason), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema http_route_schema = SCHEMA("[[routes]]", http_route, http_route_keys);

static const struct rg_schema_key policy_keys[] = {
    {"name", RG_SCHEMA_STRING, false, MEMBER(policy, name), 0, 0, NULL, NULL, NULL, "policies[N], N from 1"},
    {"on", RG_SCHEMA_STRINGS, true, MEMBER(policy, on), 0, 0, NULL, NULL, NULL, NULL},
    {"for", RG_SCHEMA_WORDS, true, MEMBER(policy, kinds), 0, 0, statement_kinds, NULL, NULL, NULL},
    {"to", RG_SCHEMA_STRINGS, false, MEMBER(policy, to), 0, 0, NULL, NULL, NULL, "every tenant"},
    {"except", RG_SCHEMA_STRINGS, false, MEMBER(policy, except), 0, 0, NULL, NULL, NULL, "none"},
    {"group", RG_SCHEMA_STRING, false, MEMBER(policy, group), 0, 0, NULL, NULL, NULL, "none"},
    {"using", RG_SCHEMA_STRING, false, MEMBER(policy, using_text), 0, 0, NULL, NULL, NULL, "none"},
    {"isolation", RG_SCHEMA_WORD, false, MEMBER(policy, isolation), 0, 0, isolations, NULL, NULL, "none"},
    {"allow_subselect", RG_SCHEMA_BOOL, false, MEMBER(policy, allow_subselect), 0, 0, NULL, NULL, "false", NULL},
    {"with_check", RG_SCHEMA_STRING, false, MEMBER(policy, with_check), 0, 0, NULL, NULL, NULL, "using"},
    UNSUPPORTED("columns"), UNSUPPORTED("valid_from"), UNSUPPORTED("valid_until"),
    UNSUPPORTED("reason"),
};
static const struct rg_schema policy_schema = SCHEMA("[[policies]]", policy, policy_keys);

static const struct rg_schema_key mask_partial_keys[] = {
    {"keep_first", RG_SCHEMA_INTEGER, false, MEMBER(mask_partial, keep_first), 0, 1000, NULL, NULL, "0", NULL},
    {"keep_last", RG_SCHEMA_INTEGER, false, MEMBER(mask_partial, keep_last), 0, 1000, NULL, NULL, "0", NULL},
};
const struct rg_schema config_schema_mask_partial = SCHEMA("partial", mask_partial, mask_partial_keys);

static const struct rg_schema_key mask_with_keys[] = {
    {"partial", RG_SCHEMA_TABLE, false, MEMBER(mask_with, partial), 0, 0, NULL, &config_schema_mask_partial, NULL, "one of partial, constant"},
    {"constant", RG_SCHEMA_STRING, false, MEMBER(mask_with, constant), 0, 0, NULL, NULL, NULL, "one of partial, constant"},
};
const struct rg_schema config_schema_mask_with = SCHEMA("with", mask_with, mask_with_keys);

static const struct rg_schema_key mask_keys[] = {
    {"columns", RG_SCHEMA_STRINGS, true, MEMBER(mask, columns), 0, 0, NULL, NULL, NULL, NULL},
    {"with", RG_SCHEMA_NODE, true, MEMBER(mask, with), 0, 0, NULL, NULL, NULL, NULL},
    {"unless", RG_SCHEMA_STRING, false, MEMBER(mask, unless), 0, 0, NULL, NULL, NULL, "never shown"},
    {"in_predicates", RG_SCHEMA_WORD, false, MEMBER(mask, in_predicates), 0, 0, in_predicates, NULL, "\"deny\"", NULL},
    {"salt", RG_SCHEMA_SECRET, false, MEMBER(mask, salt), 0, 0, NULL, NULL, NULL, "required with hash"},
};
static const struct rg_schema mask_schema = SCHEMA("[[masks]]", mask, mask_keys);

static const struct rg_schema_key as_keys[] = {
    {"tenant", RG_SCHEMA_STRING, true, MEMBER(as, tenant), 0, 0, NULL, NULL, NULL, NULL},
    {"user", RG_SCHEMA_STRING, false, MEMBER(as, user), 0, 0, NULL, NULL, "\"test\"", NULL},
    {"claims", RG_SCHEMA_NODE, false, MEMBER(as, claims), 0, 0, NULL, NULL, NULL, "those that the tenant's match implies"},
};
const struct rg_schema config_schema_as = SCHEMA("as", as, as_keys);

static const struct rg_schema_key test_keys[] = {
    {"name", RG_SCHEMA_STRING, false, MEMBER(test, name), 0, 0, NULL, NULL, NULL, "tests[N], N from 1"},
    {"as", RG_SCHEMA_TABLE, true, MEMBER(test, as), 0, 0, NULL, &config_schema_as, NULL, NULL},
    {"sql", RG_SCHEMA_STRING, true, MEMBER(test, sql), 0, 0, NULL, NULL, NULL, NULL},
    {"expect", RG_SCHEMA_WORD, true, MEMBER(test, expect), 0, 0, expectations, NULL, NULL, NULL},
    {"equals", RG_SCHEMA_STRING, false, MEMBER(test, equals), 0, 0, NULL, NULL, NULL, "any text"},
    {"contains", RG_SCHEMA_STRINGS, false, MEMBER(test, contains), 0, 0, NULL, NULL, NULL, "none"},
    {"lacks", RG_SCHEMA_STRINGS, false, MEMBER(test, lacks), 0, 0, NULL, NULL, NULL, "none"},
    {"rule", RG_SCHEMA_STRING, false, MEMBER(test, rule), 0, 0, NULL, NULL, NULL, "any rule"},
};
static const struct rg_schema test_schema = SCHEMA("[[tests]]", test, test_keys);

static const struct rg_schema_key functions_keys[] = {
    {"allow", RG_SCHEMA_STRINGS, false, MEMBER(functions, allow), 0, 0, NULL, NULL, NULL, "none"},
    {"deny", RG_SCHEMA_STRINGS, false, MEMBER(functions, deny), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema functions_schema = SCHEMA("[functions]", functions, functions_keys);

static const struct rg_schema_key audit_keys[] = {
    {"directory", RG_SCHEMA_PATH, true, MEMBER(audit, directory), 0, 0, NULL, NULL, NULL, NULL},
    {"origin", RG_SCHEMA_STRING, false, MEMBER(audit, origin), 0, 0, NULL, NULL, NULL, "rowgate/audit/HOSTNAME/1"},
    {"durability", RG_SCHEMA_WORD, false, MEMBER(audit, durability), 0, 0, durabilities, NULL, "\"synced\"", NULL},
    {"statement", RG_SCHEMA_WORD, false, MEMBER(audit, statement), 0, 0, audit_statements, NULL, "\"full\"", NULL},
    {"segment_size", RG_SCHEMA_SIZE, false, MEMBER(audit, segment_size), 128 * KIB, INT64_C(1) << 40, NULL, NULL, "\"256MiB\"", NULL},
    {"reserve", RG_SCHEMA_SIZE, false, MEMBER(audit, reserve), 1024 * KIB, INT64_C(1) << 40, NULL, NULL, "\"64MiB\"", NULL},
    {"low_space", RG_SCHEMA_SIZE, false, MEMBER(audit, low_space), 1024 * KIB, INT64_C(1) << 50, NULL, NULL, "\"1GiB\"", NULL},
    {"bind_values", RG_SCHEMA_BOOL, false, MEMBER(audit, bind_values), 0, 0, NULL, NULL, "false", NULL},
    {"break_glass", RG_SCHEMA_STRINGS, false, MEMBER(audit, break_glass), 0, 0, NULL, NULL, NULL, "none"},
    {"export_alert", RG_SCHEMA_DURATION, false, MEMBER(audit, export_alert), SECOND, DAY, NULL, NULL, "\"60s\"", NULL},
    {"s3", RG_SCHEMA_TABLE, false, MEMBER(audit, s3), 0, 0, NULL, &config_schema_s3, NULL, "none"},
    {"sinks", RG_SCHEMA_TABLES, false, MEMBER(audit, sinks), 0, 0, NULL, &config_schema_sink, NULL, "none"},
    {"witnesses", RG_SCHEMA_TABLES, false, MEMBER(audit, witnesses), 0, 0, NULL, &config_schema_witness, NULL, "none"},
    {"cluster", RG_SCHEMA_TABLE, false, MEMBER(audit, cluster), 0, 0, NULL, &config_schema_cluster, NULL, "none"},
    {"retention", RG_SCHEMA_TABLE, false, MEMBER(audit, retention), 0, 0, NULL, &config_schema_retention, NULL, "nothing is removed"},
    {"personal", RG_SCHEMA_TABLE, false, MEMBER(audit, personal), 0, 0, NULL, &config_schema_personal, NULL, "in clear"},
    UNSUPPORTED("mode"), UNSUPPORTED("signing_key"), UNSUPPORTED("checkpoint_every"), UNSUPPORTED("disk_budget"),
};
static const struct rg_schema audit_schema = SCHEMA("[audit]", audit, audit_keys);

static const struct rg_schema_key state_keys[] = {
    {"url", RG_SCHEMA_STRING, true, MEMBER(state, url), 0, 0, NULL, NULL, NULL, NULL},
    {"password", RG_SCHEMA_SECRET, false, MEMBER(state, password), 0, 0, NULL, NULL, NULL, "none"},
    {"key", RG_SCHEMA_SECRET, false, MEMBER(state, key), 0, 0, NULL, NULL, NULL, "a file beside the database"},
    {"directory", RG_SCHEMA_PATH, false, MEMBER(state, directory), 0, 0, NULL, NULL, NULL, "none"},
};
static const struct rg_schema state_schema = SCHEMA("[state]", state, state_keys);

static const struct rg_schema_key sessions_keys[] = {
    {"cookie", RG_SCHEMA_STRING, false, MEMBER(sessions, cookie), 0, 0, NULL, NULL, "\"rowgate\"", NULL},
    {"idle_timeout", RG_SCHEMA_DURATION, false, MEMBER(sessions, idle_timeout), 60 * SECOND, 30 * DAY, NULL, NULL, "\"30m\"", NULL},
    {"absolute_timeout", RG_SCHEMA_DURATION, false, MEMBER(sessions, absolute_timeout), 60 * SECOND, 30 * DAY, NULL, NULL, "\"12h\"", NULL},
    {"embedded", RG_SCHEMA_BOOL, false, MEMBER(sessions, embedded), 0, 0, NULL, NULL, "false", NULL},
};
static const struct rg_schema sessions_schema = SCHEMA("[sessions]", sessions, sessions_keys);

#define ONE(name, record, required) {#name, CONFIG_SHAPE_ONE, required, &record##_schema, sizeof(struct config_raw_##record), offsetof(struct config_raw, record), 0}
#define MANY(name, shape, record, member, required, key) {#name, shape, required, &record##_schema, sizeof(struct config_raw_##record), offsetof(struct config_raw, member), key}
#define LATER(name) {name, CONFIG_SHAPE_UNSUPPORTED, false, NULL, 0, 0, 0}

const struct config_section config_sections[] = {
    ONE(server, server, false),
    ONE(log, log, false),
    ONE(admin, admin, false),
    MANY(tls, CONFIG_SHAPE_NAMED, tls, tls, false, 0),
    MANY(upstreams, CONFIG_SHAPE_NAMED, upstream, upstreams, false, 0),
    MANY(listeners, CONFIG_SHAPE_ARRAY, listener, listeners, true, MEMBER(listener, name)),
    MANY(idp, CONFIG_SHAPE_NAMED, idp, idps, false, 0),
    MANY(service_accounts, CONFIG_SHAPE_ARRAY, account, accounts, false, MEMBER(account, name)),
    MANY(claims, CONFIG_SHAPE_NAMED, claim, claims, false, 0),
    MANY(tenants, CONFIG_SHAPE_ARRAY, tenant, tenants, false, MEMBER(tenant, id)),
    MANY(tenant_patterns, CONFIG_SHAPE_ARRAY, pattern, patterns, false, 0),
    MANY(limits, CONFIG_SHAPE_NAMED, limits, limits, false, 0),
    MANY(routes, CONFIG_SHAPE_ARRAY, http_route, http_routes, false, MEMBER(http_route, name)),
    MANY(policies, CONFIG_SHAPE_ARRAY, policy, policies, false, MEMBER(policy, name)),
    MANY(masks, CONFIG_SHAPE_ARRAY, mask, masks, false, 0),
    MANY(tests, CONFIG_SHAPE_ARRAY, test, tests, false, MEMBER(test, name)),
    ONE(functions, functions, false),
    ONE(audit, audit, true),
    ONE(state, state, false),
    ONE(sessions, sessions, false),
    LATER("superset"), LATER("statements"), LATER("alerts"),
};
/* clang-format on */
const size_t config_section_count = sizeof config_sections / sizeof config_sections[0];
