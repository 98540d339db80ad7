/* SPDX-License-Identifier: Apache-2.0 */
/* [admin], and of [server] what metrics are allowed to say. */
#include <arpa/inet.h>

#include "proxy/config_private.h"

/* "127.0.0.1:9127", "[::1]:9127", "localhost:9127": by the text, so that a resolver cannot change it later. */
static bool is_loopback(struct rg_slice address)
{
    const char *colon = memrchr(address.data, ':', address.size);
    struct rg_slice host = rg_slice_cut(address, 0, colon == NULL ? 0 : (size_t)(colon - address.data));
    char text[INET_ADDRSTRLEN] = "";
    struct in_addr v4;
    if (host.size == 0 || host.size >= sizeof text) {
        return false;
    }
    memcpy(text, host.data, host.size);
    return strcmp(text, "localhost") == 0 || strcmp(text, "[::1]") == 0 ||
           (inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

/* Its certificate is shown by another protocol there: the TLS library's settings are one set a section. */
static void check_tls_is_its_own(struct config_draft *draft, const struct rg_schema_string *tls)
{
    const struct config_raw_listener *raws = draft->raw.listeners.items;
    for (size_t i = 0; i < draft->raw.listeners.count; i++) {
        for (size_t j = 0; j < raws[i].tls.count; j++) {
            if (rg_slice_is_equal(raws[i].tls.items[j].text, tls->text)) {
                config_error(draft, tls->place,
                             "\"metrics_tls\" must be a [tls.NAME] that no listener has: "
                             "it may name the same files");
                return;
            }
        }
    }
}

static void take_tls(struct config_draft *draft, const struct config_raw_admin *raw, struct config_admin *admin)
{
    size_t at = 0;
    if (!raw->metrics_tls.is_given) {
        return;
    }
    if (!raw->metrics.is_given) {
        config_error(draft, raw->metrics_tls.place, "\"metrics_tls\" is that of \"metrics\", which is not given");
    } else if (config_refer(draft, &draft->raw.tls, sizeof(struct config_raw_tls), "[tls.NAME]", &raw->metrics_tls,
                            &at)) {
        admin->metrics_tls = &draft->config->tls[at];
        check_tls_is_its_own(draft, &raw->metrics_tls);
    }
}

/* The address of another listener can be taken once. */
static void check_address(struct config_draft *draft, const struct rg_schema_string *metrics)
{
    const struct config_raw_listener *raws = draft->raw.listeners.items;
    struct rg_slice port = rg_slice_cut(metrics->text, metrics->text.size < 2 ? 0 : metrics->text.size - 2, SIZE_MAX);
    for (size_t i = 0; i < draft->raw.listeners.count; i++) {
        if (rg_slice_is_equal(raws[i].listen.text, metrics->text) && !rg_slice_is_equal(port, RG_SLICE(":0"))) {
            config_error(draft, metrics->place,
                         "\"metrics\" needs an address of its own, not that of listener \"%.*s\"",
                         rg_slice_shown(raws[i].name.text), raws[i].name.text.data);
        }
    }
}

/* ---- the console ---- */

static bool has_name(const struct config_console_users *users, struct rg_slice name)
{
    bool is_found = false;
    for (size_t i = 0; !is_found && i < users->count; i++) {
        is_found = rg_slice_is_equal(users->names[i], name);
    }
    return is_found;
}

unsigned config_console_roles(const struct config_admin *admin, struct rg_slice name)
{
    return (has_name(&admin->admins, name) ? CONFIG_CONSOLE_ADMIN : 0U) |
           (has_name(&admin->stats, name) ? CONFIG_CONSOLE_STATS : 0U) |
           (has_name(&admin->auditors, name) ? CONFIG_CONSOLE_AUDITOR : 0U);
}

/* libpq finds a socket by its directory and a port, so the name is not free. */
static bool is_socket_name(struct rg_slice path)
{
    static const char start[] = ".s.PGSQL.";
    const char *slash = path.size == 0 ? NULL : memrchr(path.data, '/', path.size);
    struct rg_slice name = rg_slice_cut(path, slash == NULL ? path.size : (size_t)(slash - path.data) + 1, SIZE_MAX);
    struct rg_slice port = rg_slice_cut(name, sizeof start - 1, SIZE_MAX);
    unsigned number = 0;
    bool is_sound = path.size > 0 && path.data[0] == '/' && rg_slice_has_prefix(name, rg_slice_of(start)) &&
                    port.size > 0 && port.size <= 5 && port.data[0] != '0';
    for (size_t i = 0; is_sound && i < port.size; i++) {
        is_sound = port.data[i] >= '0' && port.data[i] <= '9';
        number = number * 10 + (unsigned)(port.data[i] - '0');
    }
    return is_sound && number <= UINT16_MAX;
}

static void take_console(struct config_draft *draft, const struct rg_schema_string *listen, struct config_admin *admin)
{
    enum { PATH_BYTES = 100 }; /* sockaddr_un has 108 */
    const struct rg_slice scheme = RG_SLICE("unix:");
    struct rg_slice path = rg_slice_cut(listen->text, scheme.size, SIZE_MAX);
    if (!rg_slice_has_prefix(listen->text, scheme)) {
        config_error(draft, listen->place,
                     "\"listen\" must be \"unix:/DIRECTORY/.s.PGSQL.PORT\": the console is not served over TCP");
    } else if (!is_socket_name(path)) {
        config_error(draft, listen->place,
                     "\"listen\" must end in \"/.s.PGSQL.PORT\", the name under which psql -h DIRECTORY -p PORT looks "
                     "for a socket");
    } else if (path.size > PATH_BYTES) {
        config_error(draft, listen->place, "\"listen\" has more than %d bytes, which no socket's name may",
                     (int)PATH_BYTES);
    } else {
        admin->console = path;
    }
}

static rg_status take_users(struct config_draft *draft, const struct rg_schema_list *list, const char *key,
                            struct config_console_users *users)
{
    RG_TRY(config_copy_texts(draft, list, &users->names));
    users->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        struct rg_slice name = list->items[i].text;
        if (name.size > CONFIG_CONSOLE_NAME_MAX) {
            config_error(draft, list->items[i].place, "a name of \"%s\" has at most %d bytes", key,
                         (int)CONFIG_CONSOLE_NAME_MAX);
        }
    }
    return RG_OK;
}

static rg_status make_console(struct config_draft *draft, const struct config_raw_admin *raw,
                              struct config_admin *admin)
{
    RG_TRY(take_users(draft, &raw->admin_users, "admin_users", &admin->admins));
    RG_TRY(take_users(draft, &raw->stats_users, "stats_users", &admin->stats));
    RG_TRY(take_users(draft, &raw->auditor_users, "auditor_users", &admin->auditors));
    if (raw->listen.is_given) {
        take_console(draft, &raw->listen, admin);
    }
    if (raw->listen.is_given && admin->admins.count + admin->stats.count + admin->auditors.count == 0) {
        config_error(draft, raw->listen.place,
                     "\"listen\" without admin_users, stats_users and auditor_users is a console that lets nobody in");
    }
    return RG_OK;
}

rg_status config_make_admin(struct config_draft *draft)
{
    const struct config_raw_admin *raw = &draft->raw.admin;
    const struct config_raw_server *server = &draft->raw.server;
    struct config_admin *admin = &draft->config->admin;
    admin->max_tenants = server->metrics_max_tenants.is_given ? (unsigned)server->metrics_max_tenants.value : 0;
    take_tls(draft, raw, admin);
    RG_TRY(make_console(draft, raw, admin));
    if (!raw->metrics.is_given) {
        return RG_OK;
    }
    if (!config_is_address(raw->metrics.text)) {
        config_error(draft, raw->metrics.place, "\"metrics\" must be \"host:port\" or \"[v6]:port\"");
    } else if (!raw->metrics_tls.is_given && !is_loopback(raw->metrics.text)) {
        config_error(draft, raw->metrics.place, "\"metrics\" without \"metrics_tls\" must be a loopback address");
    } else {
        check_address(draft, &raw->metrics);
    }
    admin->metrics = raw->metrics.text;
    return RG_OK;
}
