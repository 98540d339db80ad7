/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW of what this process and its configuration say of themselves. No secret and no predicate is ever shown: who
 * wants those reads the files. */
#include <stdio.h>
#include <unistd.h>

#include "proxy/console_private.h"

enum { TEXT_BYTES = 64 * 1024 };

/* "a, b, c" */
static void put_list(struct console_rows *rows, const struct rg_slice *items, size_t count)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, TEXT_BYTES);
    bool fits = true;
    for (size_t i = 0; fits && i < count; i++) {
        fits = rg_is_ok(rg_buf_put(&text, i == 0 ? RG_SLICE("") : RG_SLICE(", "))) &&
               rg_is_ok(rg_buf_put(&text, items[i]));
    }
    rows->is_full = rows->is_full || !fits;
    console_put_name(rows, rg_buf_slice(&text));
}

rg_status console_show_help(struct console_call *call)
{
    static const struct {
        unsigned role;
        const char *name;
    } roles[] = {{CONFIG_CONSOLE_ADMIN, "admin"}, {CONFIG_CONSOLE_STATS, "stats"}, {CONFIG_CONSOLE_AUDITOR, "auditor"}};
    for (size_t i = 0; i < console_command_count(); i++) {
        const struct console_command *command = console_command_at(i);
        char name[CONSOLE_NAME_SIZE];
        char text[2 * CONSOLE_NAME_SIZE];
        struct rg_slice names[sizeof roles / sizeof roles[0]];
        size_t count = 0;
        for (size_t j = 0; j < sizeof roles / sizeof roles[0]; j++) {
            if (console_may(command, roles[j].role)) {
                names[count++] = rg_slice_of(roles[j].name);
            }
        }
        console_command_name(command, name);
        (void)snprintf(text, sizeof text, "%s%s%s", name, command->argument == NULL ? "" : " ",
                       command->argument == NULL ? "" : command->argument);
        console_put_text(call->rows, text);
        put_list(call->rows, names, count);
        console_put_text(call->rows, command->help);
    }
    return RG_OK;
}

rg_status console_show_version(struct console_call *call)
{
    console_put_text(call->rows, "rowgate " ROWGATE_VERSION);
    return RG_OK;
}

/* ---- state ---- */

static void put_pair(struct console_rows *rows, const char *key, const char *value)
{
    console_put_text(rows, key);
    console_put_text(rows, value);
}

static const char *audit_state_name(const struct gateway *gateway)
{
    static const char *const names[] = {
        [AUDIT_CLOSED] = "closed", [AUDIT_OPEN] = "open", [AUDIT_LOW] = "low", [AUDIT_RESERVE] = "reserve"};
    return names[health_audit_state(gateway->health)];
}

rg_status console_show_state(struct console_call *call)
{
    struct console_rows *rows = call->rows;
    const struct metrics_series none = {{0}};
    struct metrics *metrics = call->gateway->metrics;
    const char *why = health_why_not_ready(call->gateway->health, rg_clock_monotonic_us(call->gateway->clock));
    put_pair(rows, "active", why == NULL ? "yes" : "no");
    put_pair(rows, "paused", "no");
    put_pair(rows, "suspended", "no");
    put_pair(rows, "ready", why == NULL ? "ok" : why);
    put_pair(rows, "policy", call->gateway->snapshot->digest);
    put_pair(rows, "last_reload", metrics_sum(metrics, METRICS_LAST_RELOAD, none) == 1 ? "ok" : "failed");
    console_put_text(rows, "last_reload_failure"); /* where, not what: stats and auditor see no predicate */
    console_put_name(rows, rg_slice_make(call->gateway->reload_failure, call->gateway->reload_place_size));
    console_put_text(rows, "policy_loaded");
    console_put_time(rows, metrics_sum(metrics, METRICS_POLICY_LOADED, none));
    console_put_text(rows, "started");
    console_put_time(rows, metrics_sum(metrics, METRICS_START_TIME, none));
    put_pair(rows, "audit", audit_state_name(call->gateway));
    return RG_OK;
}

/* ---- configuration ---- */

static void put_setting(struct console_rows *rows, const char *key, struct rg_slice value, bool is_changeable)
{
    console_put_text(rows, key);
    console_put_name(rows, value);
    console_put_flag(rows, is_changeable);
}

static void put_number(struct console_rows *rows, const char *key, int64_t value, bool is_changeable)
{
    console_put_text(rows, key);
    console_put_number(rows, value);
    console_put_flag(rows, is_changeable);
}

static void put_users(struct console_rows *rows, const char *key, const struct config_console_users *users)
{
    console_put_text(rows, key);
    put_list(rows, users->names, users->count);
    console_put_flag(rows, true);
}

static void put_admin(struct console_rows *rows, const struct config_admin *admin)
{
    put_setting(rows, "admin.metrics", admin->metrics, false);
    put_setting(rows, "admin.listen", admin->console, false);
    put_users(rows, "admin.admin_users", &admin->admins);
    put_users(rows, "admin.stats_users", &admin->stats);
    put_users(rows, "admin.auditor_users", &admin->auditors);
}

static void put_audit(struct console_rows *rows, const struct config_audit *audit)
{
    bool is_synced = audit->durability == CONFIG_AUDIT_SYNCED;
    put_setting(rows, "audit.directory", audit->directory, false);
    put_setting(rows, "audit.origin", audit->origin, false);
    put_setting(rows, "audit.durability", is_synced ? RG_SLICE("synced") : RG_SLICE("written"), false);
    put_number(rows, "audit.segment_bytes", (int64_t)audit->segment_bytes, false);
    put_number(rows, "audit.reserve_bytes", (int64_t)audit->reserve_bytes, false);
    put_number(rows, "audit.low_space_bytes", (int64_t)audit->low_space_bytes, false);
    put_setting(rows, "audit.bind_values", audit->has_bind_values ? RG_SLICE("true") : RG_SLICE("false"), true);
}

rg_status console_show_config(struct console_call *call)
{
    static const char *const levels[] = {[CONFIG_LOG_DEBUG] = "debug",
                                         [CONFIG_LOG_INFO] = "info",
                                         [CONFIG_LOG_WARNING] = "warning",
                                         [CONFIG_LOG_ERROR] = "error"};
    const struct config *config = call->config;
    struct console_rows *rows = call->rows;
    put_setting(rows, "config_file", rg_slice_of(call->gateway->path), false);
    put_setting(rows, "digest", rg_slice_of(call->gateway->snapshot->digest), true);
    put_number(rows, "server.workers", config->server.workers, false);
    put_setting(rows, "server.pid_file", config->server.pid_file, false);
    put_number(rows, "server.drain_timeout_us", config->server.drain_timeout_us, true);
    put_setting(rows, "server.strict_reload", config->server.strict_reload ? RG_SLICE("true") : RG_SLICE("false"),
                true);
    put_number(rows, "server.metrics_max_tenants", config->admin.max_tenants, false);
    put_setting(rows, "log.level", rg_slice_of(levels[config->log.level]), false);
    put_setting(rows, "log.file", config->log.file, false);
    put_admin(rows, &config->admin);
    put_audit(rows, &config->audit);
    put_setting(rows, "state.directory", config->state.directory, false);
    put_number(rows, "sessions.idle_timeout_us", config->sessions.idle_timeout_us, true);
    put_number(rows, "sessions.absolute_timeout_us", config->sessions.absolute_timeout_us, true);
    for (size_t i = 0; i < config->listener_count; i++) {
        char key[2 * CONSOLE_NAME_SIZE];
        const struct config_listener *listener = &config->listeners[i];
        (void)snprintf(key, sizeof key, "listeners.%.*s", rg_slice_shown(listener->name), listener->name.data);
        put_setting(rows, key, listener->address, false);
    }
    return RG_OK;
}

/* ---- policies ---- */

static void put_kinds(struct console_rows *rows, const struct policy_row *row)
{
    const struct {
        bool is_given;
        struct rg_slice name;
    } kinds[] = {{row->for_select, RG_SLICE("select")},
                 {row->for_insert, RG_SLICE("insert")},
                 {row->for_update, RG_SLICE("update")},
                 {row->for_delete, RG_SLICE("delete")}};
    struct rg_slice names[sizeof kinds / sizeof kinds[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].is_given) {
            names[count++] = kinds[i].name;
        }
    }
    put_list(rows, names, count);
}

rg_status console_show_policies(struct console_call *call)
{
    const struct policy_source *source = call->config->source;
    for (size_t i = 0; i < source->row_count; i++) {
        const struct policy_row *row = &source->rows[i];
        console_put_name(call->rows, row->name);
        put_list(call->rows, row->on, row->on_count);
        put_kinds(call->rows, row);
        put_list(call->rows, row->to, row->to_count);
        put_list(call->rows, row->except, row->except_count);
        console_put_name(call->rows, row->group);
        console_put_flag(call->rows, row->using_text.size > 0);
        console_put_text(call->rows, row->is_schema_isolated ? "schema" : NULL);
    }
    return RG_OK;
}

rg_status console_show_masks(struct console_call *call)
{
    static const char *const kinds[] = {
        [POLICY_MASK_DENY] = "deny",         [POLICY_MASK_NULL] = "null",       [POLICY_MASK_REDACT] = "redact",
        [POLICY_MASK_CONSTANT] = "constant", [POLICY_MASK_PARTIAL] = "partial", [POLICY_MASK_HASH] = "hash"};
    const struct policy_source *source = call->config->source;
    for (size_t i = 0; i < source->mask_count; i++) {
        const struct policy_mask_row *row = &source->masks[i];
        put_list(call->rows, row->columns, row->column_count);
        console_put_text(call->rows, kinds[row->kind]);
        console_put_flag(call->rows, row->unless_text.size > 0);
        console_put_text(call->rows, row->allow_in_predicates ? "allow" : "deny");
    }
    return RG_OK;
}

static void put_limits(struct console_rows *rows, struct rg_slice name, const struct config_limits *limits)
{
    console_put_name(rows, name);
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        console_put_number(rows, (int64_t)limits->values[i]);
    }
}

rg_status console_show_limits(struct console_call *call)
{
    const struct config *config = call->config;
    const struct rg_slice name_of_default = RG_SLICE("default");
    bool has_default = false;
    for (size_t i = 0; i < config->limits_count; i++) {
        has_default = has_default || rg_slice_is_equal(config->limits[i].name, name_of_default);
        put_limits(call->rows, config->limits[i].name, &config->limits[i]);
    }
    if (!has_default) {
        put_limits(call->rows, name_of_default, &config->default_limits);
    }
    return RG_OK;
}

rg_status console_show_idps(struct console_call *call)
{
    static const char *const types[] = {
        [CONFIG_IDP_NONE] = "none", [CONFIG_IDP_OIDC] = "oidc", [CONFIG_IDP_SAML] = "saml"};
    for (size_t i = 0; i < call->config->idp_count; i++) {
        const struct config_idp *idp = &call->config->idps[i];
        const struct rg_slice none = {0};
        console_put_name(call->rows, idp->name);
        console_put_text(call->rows, types[idp->type]);
        console_put_name(call->rows, idp->display_name);
        console_put_name(call->rows, idp->trust == CONFIG_IDP_NO_TRUST || idp->type != CONFIG_IDP_OIDC
                                         ? none
                                         : call->config->trusts[idp->trust].issuer);
        console_put_flag(call->rows, config_idp_has_login(idp));
        console_put_flag(call->rows, idp->has_backchannel_logout);
    }
    return RG_OK;
}
