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

rg_status config_make_admin(struct config_draft *draft)
{
    const struct config_raw_admin *raw = &draft->raw.admin;
    const struct config_raw_server *server = &draft->raw.server;
    struct config_admin *admin = &draft->config->admin;
    admin->max_tenants = server->metrics_max_tenants.is_given ? (unsigned)server->metrics_max_tenants.value : 0;
    take_tls(draft, raw, admin);
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
