/* SPDX-License-Identifier: Apache-2.0 */
/* The wire's ends: [tls.NAME], [upstreams.NAME], [[listeners]]. TLS and libpq judge their own values here, at
 * load, so that a bad key or connection string never gets as far as a socket. */
#include <stdlib.h>

#include "proxy/config_private.h"

static rg_status make_tls(struct config_draft *draft)
{
    const struct config_raw_tls *raws = draft->raw.tls.items;
    struct config_tls *tls = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.tls, sizeof *raws, "tls"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.tls.count, sizeof *tls, (void **)&tls));
    draft->config->tls = tls;
    draft->config->tls_count = draft->raw.tls.count;
    for (size_t i = 0; i < draft->raw.tls.count; i++) {
        const struct config_raw_tls *raw = &raws[i];
        tls[i] = (struct config_tls){.name = raw->head.name, .place = raw->head.place};
        if (raw->certificate.secret == NULL || raw->private_key.secret == NULL) {
            continue; /* reported already */
        }
        rg_status status =
            net_tls_server_new(rg_secret_slice(raw->certificate.secret), rg_secret_slice(raw->private_key.secret),
                               (enum net_tls_version)raw->min_version.word, &tls[i].server);
        if (!rg_is_ok(status)) {
            config_error(draft, raw->certificate.place, "%s", status.error->text);
        }
    }
    return RG_OK;
}

/* A Hyper database is a file on its server: it must be said which, since Hyper would else open none. */
static void check_hyper(struct config_draft *draft, const struct config_raw_upstream *raw, struct rg_slice path)
{
    bool is_path = path.size > 0 && (path.data[0] == '/' || memchr(path.data, '\\', path.size) != NULL);
    if (!is_path) { /* libpq's default would be the user's name */
        config_error(draft, raw->dsn.place, "\"dsn\" of kind \"hyper\" needs dbname: the whole path of a .hyper file");
    }
    if (raw->identity.word != POLICY_LOCK_NONE) {
        config_error(draft, raw->identity.place, "Hyper has no row-level security: identity must be \"none\"");
    }
}

/* "/data/acme.hyper" is "acme" to clients. */
static struct rg_slice bare_name(struct rg_slice path)
{
    struct rg_slice suffix = RG_SLICE(".hyper");
    const char *slash = path.size == 0 ? NULL : memrchr(path.data, '/', path.size);
    size_t at = slash == NULL ? 0 : (size_t)(slash - path.data) + 1;
    struct rg_slice name = rg_slice_cut(path, at, path.size);
    bool has_suffix =
        name.size > suffix.size && rg_slice_is_equal(rg_slice_cut(name, name.size - suffix.size, suffix.size), suffix);
    return has_suffix ? rg_slice_cut(name, 0, name.size - suffix.size) : name;
}

static const enum net_conninfo_pins pins_of[] = {
    [CONFIG_UPSTREAM_PGBOUNCER] = NET_CONNINFO_PINS_NONE,
    [CONFIG_UPSTREAM_POSTGRES] = NET_CONNINFO_PINS_POSTGRES,
    [CONFIG_UPSTREAM_HYPER] = NET_CONNINFO_PINS_HYPER,
    [CONFIG_UPSTREAM_SUPERSET] = NET_CONNINFO_PINS_NONE,
};

static rg_status make_upstream(struct config_draft *draft, const struct config_raw_upstream *raw,
                               struct config_upstream *upstream)
{
    *upstream = (struct config_upstream){
        .name = raw->head.name,
        .kind = (enum config_upstream_kind)raw->kind.word,
        .connect_timeout_us = raw->connect_timeout.value,
        .catalog_refresh_us = raw->catalog_refresh.value,
        .lock = (enum policy_lock)raw->identity.word,
        .place = raw->head.place,
    };
    config_make_pool(draft, raw, upstream);
    if (upstream->kind == CONFIG_UPSTREAM_SUPERSET) {
        return config_make_superset(draft, raw, upstream);
    }
    config_check_not_superset(draft, raw);
    if (!raw->dsn.is_given) {
        config_error(draft, raw->head.place, "\"dsn\" is missing in [upstreams.NAME]");
        return RG_OK;
    }
    if (strcasestr(raw->dsn.text.data, "password") != NULL) {
        config_warning(draft, raw->dsn.place, "a password is written out in \"dsn\"; use password = \"cred:NAME\"");
    }
    rg_status status = net_conninfo_parse(raw->dsn.text, rg_secret_slice(raw->password.secret), pins_of[upstream->kind],
                                          &upstream->conninfo);
    if (!rg_is_ok(status)) {
        config_error(draft, raw->dsn.place, "\"dsn\": %s", status.error->text);
        return RG_OK;
    }
    struct rg_slice database = rg_slice_of(net_conninfo_dbname(upstream->conninfo));
    if (upstream->kind == CONFIG_UPSTREAM_HYPER) {
        check_hyper(draft, raw, database);
        database = bare_name(database);
    }
    return rg_arena_copy(draft->arena, database, &upstream->database);
}

static rg_status make_upstreams(struct config_draft *draft)
{
    const struct config_raw_upstream *raws = draft->raw.upstreams.items;
    struct config_upstream *upstreams = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.upstreams, sizeof *raws, "upstream"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.upstreams.count, sizeof *upstreams, (void **)&upstreams));
    draft->config->upstreams = upstreams;
    draft->config->upstream_count = draft->raw.upstreams.count;
    for (size_t i = 0; i < draft->raw.upstreams.count; i++) {
        RG_TRY(make_upstream(draft, &raws[i], &upstreams[i]));
    }
    return RG_OK;
}

static bool is_port(struct rg_slice text)
{
    unsigned port = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || text.size > 5) {
            return false;
        }
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    return text.size > 0 && port <= UINT16_MAX;
}

/* "host:port" or "[v6]:port"; whether the host exists is found out when it is bound. */
bool config_is_address(struct rg_slice text)
{
    const char *colon = text.size == 0 ? NULL : memrchr(text.data, ':', text.size);
    if (colon == NULL || colon == text.data) {
        return false;
    }
    struct rg_slice host = rg_slice_make(text.data, (size_t)(colon - text.data));
    bool is_bracketed = host.data[0] == '[';
    bool is_host =
        is_bracketed ? host.size > 2 && host.data[host.size - 1] == ']' : memchr(host.data, ':', host.size) == NULL;
    size_t at = host.size + 1;
    return is_host && memchr(host.data, ' ', host.size) == NULL && is_port(rg_slice_cut(text, at, text.size));
}

/* ---- [[listeners]] ---- */

static void take_login(struct config_draft *draft, const struct rg_schema_string *word,
                       struct config_listener *listener)
{
    const struct {
        struct rg_slice word;
        bool *allows;
    } rows[] = {{RG_SLICE("oidc"), &listener->allows_oidc},
                {RG_SLICE("scram"), &listener->allows_scram},
                {RG_SLICE("capsule"), &listener->allows_capsule}};
    bool is_known = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rg_slice_is_equal(word->text, rows[i].word)) {
            continue;
        }
        is_known = true;
        if (*rows[i].allows) {
            config_error(draft, word->place, "\"%.*s\" is given twice", rg_slice_shown(word->text), word->text.data);
        }
        *rows[i].allows = true;
    }
    if (!is_known) {
        config_error(draft, word->place,
                     "\"login\" must be one of \"oidc\", \"scram\", \"capsule\" where plane = \"sql\"");
    }
}

/* A capsule names its caller's request; who came otherwise has none, and is noticed where most have one. */
static void take_orphans(struct config_draft *draft, const struct config_raw_listener *raw,
                         struct config_listener *listener)
{
    listener->orphans = listener->allows_capsule ? CONFIG_ORPHANS_ALERT : CONFIG_ORPHANS_ALLOW;
    if (!raw->orphans.is_given) {
        return;
    }
    if (!listener->allows_capsule) {
        config_error(draft, raw->orphans.place, "\"orphans\" is only for listeners whose \"login\" has \"capsule\"");
        return;
    }
    listener->orphans = (enum config_orphans)raw->orphans.word;
}

static void make_sql_listener(struct config_draft *draft, const struct config_raw_listener *raw,
                              struct config_listener *listener)
{
    config_check_not_http(draft, raw);
    if (raw->tls.count > 1) {
        config_error(draft, raw->tls.items[1].place, "several certificates are for plane = \"http\"");
    }
    for (size_t i = 0; i < raw->login.count; i++) {
        take_login(draft, &raw->login.items[i], listener);
    }
    listener->allows_oidc = listener->allows_oidc || !raw->login.is_given;
    struct rg_place place = raw->login.is_given ? raw->login.place : raw->head.place;
    if (listener->allows_oidc && draft->raw.idps.count == 0) {
        config_error(draft, place, "login \"oidc\" needs an [idp.NAME]");
    }
    if (listener->allows_scram && draft->raw.accounts.count == 0) {
        config_error(draft, place, "login \"scram\" needs [[service_accounts]]");
    }
    if (listener->allows_capsule && !draft->raw.state.head.is_given) {
        config_error(draft, place, "login \"capsule\" needs [state], whose key capsules are sealed with");
    }
    take_orphans(draft, raw, listener);
}

static rg_status make_listener(struct config_draft *draft, const struct config_raw_listener *raw,
                               struct config_listener *listener)
{
    size_t at = 0;
    *listener = (struct config_listener){.name = raw->name.text, .address = raw->listen.text, .place = raw->head.place};
    for (size_t i = 0; i < raw->tls.count; i++) {
        bool is_found =
            config_refer(draft, &draft->raw.tls, sizeof(struct config_raw_tls), "[tls.NAME]", &raw->tls.items[i], &at);
        if (is_found && i == 0) {
            listener->tls = &draft->config->tls[at];
        }
    }
    if (raw->listen.is_given && !config_is_address(raw->listen.text)) {
        config_error(draft, raw->listen.place, "\"listen\" must be \"host:port\" or \"[v6]:port\"");
    }
    if (!raw->plane.is_given) {
        return RG_OK; /* reported already */
    }
    if (raw->plane.word == CONFIG_PLANE_HTTP) {
        if (raw->orphans.is_given) {
            config_error(draft, raw->orphans.place, "\"orphans\" is only for plane = \"sql\"");
        }
        return config_make_http_listener(draft, raw, listener);
    }
    make_sql_listener(draft, raw, listener);
    return RG_OK;
}

static rg_status make_listeners(struct config_draft *draft)
{
    const struct config_raw_listener *raws = draft->raw.listeners.items;
    struct config_listener *listeners = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.listeners, sizeof *raws, "listener"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.listeners.count, sizeof *listeners, (void **)&listeners));
    draft->config->listeners = listeners;
    draft->config->listener_count = draft->raw.listeners.count;
    for (size_t i = 0; i < draft->raw.listeners.count; i++) {
        RG_TRY(make_listener(draft, &raws[i], &listeners[i]));
    }
    return RG_OK;
}

rg_status config_make_network(struct config_draft *draft)
{
    RG_TRY(make_tls(draft));
    RG_TRY(make_upstreams(draft));
    return make_listeners(draft);
}
