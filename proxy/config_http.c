/* SPDX-License-Identifier: Apache-2.0 */
/* What only the HTTP plane says: upstreams of kind "superset" and [[listeners]] with plane = "http". Addresses, names
 * and certificates are judged here, at load. */
#include "proxy/config_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/export/url.h"
#include "auth/mint.h"
#include "base/rg_memory.h"
#include "proxy/config_private.h"
#include "proxy/http/head.h"
#include "proxy/net/tls_client.h"
#include "proxy/net/tls_names.h"

enum { HTTPS_PORT = 443, HTTP_PORT = 80, NAME_MAX_BYTES = 253, CERTIFICATES_MAX = 64 };

struct place_of {
    const char *name;
    struct rg_place place;
    bool is_given;
};

static void report_given(struct config_draft *draft, const struct place_of *keys, size_t count, const char *whose)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].is_given) {
            config_error(draft, keys[i].place, "\"%s\" is only for %s", keys[i].name, whose);
        }
    }
}

#define PLACE_OF(raw, member)                                                                                          \
    {                                                                                                                  \
#member, (raw)->member.place, (raw)->member.is_given                                                           \
    }

/* ---- upstreams ---- */

void config_check_not_superset(struct config_draft *draft, const struct config_raw_upstream *raw)
{
    const struct place_of keys[] = {PLACE_OF(raw, url),
                                    PLACE_OF(raw, ca_file),
                                    PLACE_OF(raw, response_timeout),
                                    PLACE_OF(raw, websocket_timeout),
                                    PLACE_OF(raw, keepalive_timeout),
                                    PLACE_OF(raw, identity_key),
                                    PLACE_OF(raw, guest_token_lifetime),
                                    PLACE_OF(raw, capsule_lifetime),
                                    PLACE_OF(raw, cache_guard),
                                    PLACE_OF(raw, cache_guard_max)};
    report_given(draft, keys, sizeof keys / sizeof keys[0], "kind = \"superset\"");
}

static void check_not_database(struct config_draft *draft, const struct config_raw_upstream *raw)
{
    const struct place_of keys[] = {PLACE_OF(raw, dsn), PLACE_OF(raw, password), PLACE_OF(raw, catalog_refresh),
                                    PLACE_OF(raw, identity)};
    report_given(draft, keys, sizeof keys / sizeof keys[0], "databases");
}

static rg_status write_authority(struct config_draft *draft, struct config_superset *superset)
{
    bool is_v6 = memchr(superset->host.data, ':', superset->host.size) != NULL;
    bool is_default = superset->port == (superset->is_tls ? HTTPS_PORT : HTTP_PORT);
    char port[8] = "";
    if (!is_default) {
        (void)snprintf(port, sizeof port, ":%u", superset->port);
    }
    return rg_arena_printf(draft->arena, &superset->authority, "%s%.*s%s%s", is_v6 ? "[" : "", (int)superset->host.size,
                           superset->host.data, is_v6 ? "]" : "", port);
}

static rg_status take_url(struct config_draft *draft, const struct config_raw_upstream *raw,
                          struct config_superset *superset)
{
    struct export_url url = {0};
    rg_status status = export_url_parse(raw->url.text, draft->arena, &url);
    bool is_tls = rg_is_ok(status) && rg_slice_is_equal(url.scheme, RG_SLICE("https"));
    bool is_clear = rg_is_ok(status) && rg_slice_is_equal(url.scheme, RG_SLICE("http"));
    if (!rg_is_ok(status)) {
        config_error(draft, raw->url.place, "\"url\": %s", status.error->text);
        return RG_OK;
    }
    if (!is_tls && !(is_clear && url.is_loopback)) {
        config_error(draft, raw->url.place, "\"url\" must be https://, or http:// to this machine");
    } else if (!rg_slice_is_equal(url.path, RG_SLICE("/"))) {
        config_error(draft, raw->url.place, "\"url\" must end behind its host: paths are forwarded as they are");
    }
    superset->is_tls = is_tls;
    superset->host = url.host;
    superset->port = url.port != 0 ? url.port : is_tls ? HTTPS_PORT : HTTP_PORT;
    return write_authority(draft, superset);
}

rg_status config_make_superset(struct config_draft *draft, const struct config_raw_upstream *raw,
                               struct config_upstream *upstream)
{
    struct config_superset *superset = NULL;
    check_not_database(draft, raw);
    RG_TRY(rg_arena_new(draft->arena, &superset));
    upstream->superset = superset;
    superset->connect_timeout_us = raw->connect_timeout.value;
    superset->response_timeout_us = raw->response_timeout.value;
    superset->websocket_timeout_us = raw->websocket_timeout.value;
    superset->keepalive_us = raw->keepalive_timeout.value;
    superset->guest_token_us = raw->guest_token_lifetime.value;
    superset->capsule_lifetime_us = raw->capsule_lifetime.value;
    superset->cache_guard = (enum config_cache_guard)raw->cache_guard.word;
    superset->cache_guard_max = (size_t)raw->cache_guard_max.value;
    if (raw->identity_key.secret != NULL) {
        rg_status made = auth_mint_new(rg_secret_slice(raw->identity_key.secret), &superset->identity);
        if (!rg_is_ok(made)) {
            config_error(draft, raw->identity_key.place, "\"identity_key\": %s", made.error->text);
        }
    } else if (!raw->identity_key.is_given) {
        config_warning(draft, raw->head.place, "without \"identity_key\" Superset is not told who calls");
    }
    if (!raw->url.is_given) {
        config_error(draft, raw->head.place, "\"url\" is missing in [upstreams.NAME] of kind \"superset\"");
        return RG_OK;
    }
    RG_TRY(take_url(draft, raw, superset));
    if (raw->ca_file.is_given && !superset->is_tls) {
        config_error(draft, raw->ca_file.place, "\"ca_file\" is only for https://");
    }
    if (!superset->is_tls) {
        return RG_OK;
    }
    rg_status status = net_tls_client_new(superset->host, raw->ca_file.text, &superset->tls);
    if (!rg_is_ok(status)) {
        config_error(draft, raw->ca_file.is_given ? raw->ca_file.place : raw->url.place, "%s", status.error->text);
    }
    return RG_OK;
}

/* ---- listeners ---- */

void config_check_not_http(struct config_draft *draft, const struct config_raw_listener *raw)
{
    const struct place_of keys[] = {
        PLACE_OF(raw, upstream),
        PLACE_OF(raw, public_url),
        PLACE_OF(raw, names),
        PLACE_OF(raw, http2),
        PLACE_OF(raw, proxy_protocol),
        PLACE_OF(raw, max_connections),
        PLACE_OF(raw, requests_per_minute_per_address),
        PLACE_OF(raw, max_head),
        PLACE_OF(raw, max_body),
        PLACE_OF(raw, max_bodies),
        PLACE_OF(raw, idle_timeout),
        PLACE_OF(raw, handshake_timeout),
        PLACE_OF(raw, request_timeout),
    };
    report_given(draft, keys, sizeof keys / sizeof keys[0], "plane = \"http\"");
}

static bool is_host_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
}

/* A host name in lower case; numeric IPv4 addresses are among them, IPv6 comes with brackets. */
static bool is_host(struct rg_slice host)
{
    bool is_v6 = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    for (size_t i = is_v6 ? 1 : 0; i < host.size - (is_v6 ? 1 : 0); i++) {
        if (!is_host_byte(host.data[i]) && !(is_v6 && host.data[i] == ':')) {
            return false;
        }
    }
    return host.size > 0 && host.size <= NAME_MAX_BYTES && host.data[0] != '.' && host.data[0] != '-';
}

/* "host" or "host:port", as a browser writes it into Host: lower case, without the port of https. */
static bool is_authority(struct rg_slice text)
{
    size_t host_size = text.size;
    while (host_size > 0 && text.data[host_size - 1] >= '0' && text.data[host_size - 1] <= '9') {
        host_size--;
    }
    bool has_port =
        host_size > 1 && host_size < text.size && text.data[host_size - 1] == ':' && text.size - host_size <= 5;
    unsigned long port = has_port ? strtoul(text.data + host_size, NULL, 10) : 1;
    struct rg_slice host = rg_slice_cut(text, 0, has_port ? host_size - 1 : text.size);
    return is_host(host) && port > 0 && port <= UINT16_MAX && (!has_port || port != HTTPS_PORT);
}

static rg_status take_public_url(struct config_draft *draft, const struct config_raw_listener *raw,
                                 struct config_http_listener *http)
{
    struct rg_slice scheme = RG_SLICE("https://");
    struct rg_slice text = raw->public_url.text;
    if (!raw->public_url.is_given) {
        config_error(draft, raw->head.place, "\"public_url\" is missing in [[listeners]] with plane = \"http\"");
        return RG_OK;
    }
    struct rg_slice authority = rg_slice_cut(text, scheme.size, text.size);
    if (!rg_slice_has_prefix(text, scheme) || !is_authority(authority)) {
        config_error(
            draft, raw->public_url.place,
            "\"public_url\" must be https:// and a host in lower case, with a port when it is not 443: no path, "
            "no slash at its end");
        return RG_OK;
    }
    const char *colon = memrchr(authority.data, ':', authority.size);
    bool has_port = colon != NULL && authority.data[authority.size - 1] != ']';
    http->public_url = text;
    http->public_authority = authority;
    http->public_port = has_port ? (uint16_t)strtoul(colon + 1, NULL, 10) : HTTPS_PORT;
    return rg_arena_copy(draft->arena,
                         rg_slice_cut(authority, 0, has_port ? (size_t)(colon - authority.data) : authority.size),
                         &http->public_host);
}

static rg_status take_names(struct config_draft *draft, const struct config_raw_listener *raw,
                            struct config_http_listener *http)
{
    struct rg_slice *names = NULL;
    RG_TRY(rg_arena_array(draft->arena, raw->names.count, sizeof *names, (void **)&names));
    http->names = names;
    for (size_t i = 0; i < raw->names.count; i++) {
        const struct rg_schema_string *item = &raw->names.items[i];
        bool is_known = rg_slice_is_equal(item->text, http->public_authority);
        for (size_t j = 0; j < i; j++) {
            is_known = is_known || rg_slice_is_equal(names[j], item->text);
        }
        if (!is_authority(item->text)) {
            config_error(draft, item->place, "\"names\" must hold hosts in lower case, with a port when it is not 443");
        } else if (is_known) {
            config_error(draft, item->place, "\"%.*s\" is given twice", rg_slice_shown(item->text), item->text.data);
        }
        names[http->name_count++] = item->text;
    }
    return RG_OK;
}

static rg_status take_login(struct config_draft *draft, const struct config_raw_listener *raw,
                            struct config_http_listener *http)
{
    const struct config_idp *idps = draft->config->idps;
    size_t count = raw->login.is_given ? raw->login.count : draft->config->idp_count;
    struct rg_slice *login = NULL;
    RG_TRY(rg_arena_array(draft->arena, count, sizeof *login, (void **)&login));
    http->login = login;
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        bool is_there = !raw->login.is_given || config_refer(draft, &draft->raw.idps, sizeof(struct config_raw_idp),
                                                             "[idp.NAME]", &raw->login.items[i], &at);
        if (is_there && !config_idp_has_login(&idps[at])) {
            if (raw->login.is_given) {
                config_error(draft, raw->login.items[i].place,
                             "[idp.%.*s] has no \"client_id\": nobody can log in there by a browser",
                             rg_slice_shown(idps[at].name), idps[at].name.data);
            }
            continue;
        }
        login[http->login_count++] = raw->login.is_given ? raw->login.items[i].text : idps[i].name;
        for (size_t j = 0; raw->login.is_given && j < i; j++) {
            struct rg_slice name = raw->login.items[i].text;
            if (rg_slice_is_equal(name, raw->login.items[j].text)) {
                config_error(draft, raw->login.items[i].place, "\"%.*s\" is given twice", rg_slice_shown(name),
                             name.data);
            }
        }
    }
    return RG_OK;
}

static void take_upstream(struct config_draft *draft, const struct config_raw_listener *raw,
                          struct config_http_listener *http)
{
    size_t at = 0;
    if (!raw->upstream.is_given) {
        config_error(draft, raw->head.place, "\"upstream\" is missing in [[listeners]] with plane = \"http\"");
    } else if (config_refer(draft, &draft->raw.upstreams, sizeof(struct config_raw_upstream), "[upstreams.NAME]",
                            &raw->upstream, &at)) {
        http->upstream = &draft->config->upstreams[at];
        if (http->upstream->superset == NULL) {
            config_error(draft, raw->upstream.place, "\"upstream\" must be of kind \"superset\"");
        }
    }
}

static bool is_covered(const struct config_http_listener *http, struct rg_slice authority)
{
    char host[NAME_MAX_BYTES + 1];
    const char *colon = memrchr(authority.data, ':', authority.size);
    size_t size = colon == NULL ? authority.size : (size_t)(colon - authority.data);
    if (authority.data[0] == '[' || size >= sizeof host) {
        return true; /* a numeric address: none of TLS's names */
    }
    memcpy(host, authority.data, size);
    host[size] = '\0';
    for (size_t i = 0; i < http->tls_count; i++) {
        if (net_tls_names_covers(http->server, i, host)) {
            return true;
        }
    }
    return strspn(host, "0123456789.") == size;
}

static void check_covered(struct config_draft *draft, const struct config_raw_listener *raw,
                          const struct config_http_listener *http)
{
    if (http->public_authority.size > 0 && !is_covered(http, http->public_authority)) {
        config_warning(draft, raw->public_url.place, "no certificate of this listener is for %.*s",
                       (int)http->public_host.size, http->public_host.data);
    }
    for (size_t i = 0; i < http->name_count; i++) {
        if (is_authority(http->names[i]) && !is_covered(http, http->names[i])) {
            config_warning(draft, raw->names.items[i].place, "no certificate of this listener is for %.*s",
                           rg_slice_shown(http->names[i]), http->names[i].data);
        }
    }
}

static rg_status take_tls(struct config_draft *draft, const struct config_raw_listener *raw,
                          struct config_http_listener *http)
{
    struct net_tls *servers[CERTIFICATES_MAX];
    const struct config_tls **tls = NULL;
    if (raw->tls.count > CERTIFICATES_MAX) {
        config_error(draft, raw->tls.place, "\"tls\" holds more than %d names", CERTIFICATES_MAX);
        return RG_OK;
    }
    RG_TRY(rg_arena_array(draft->arena, raw->tls.count, sizeof *tls, (void **)&tls));
    http->tls = tls;
    for (size_t i = 0; i < raw->tls.count; i++) {
        size_t at = config_record_find(&draft->raw.tls, sizeof(struct config_raw_tls), raw->tls.items[i].text);
        if (at == draft->raw.tls.count || draft->config->tls[at].server == NULL) {
            return RG_OK; /* reported already */
        }
        tls[i] = &draft->config->tls[at];
        servers[i] = tls[i]->server;
        http->tls_count = i + 1;
    }
    if (http->tls_count == 0) {
        return RG_OK;
    }
    rg_status status = net_tls_names_new(servers, http->tls_count, http->has_http2, &http->server);
    if (!rg_is_ok(status)) {
        config_error(draft, raw->tls.place, "%s", status.error->text);
        return RG_OK;
    }
    check_covered(draft, raw, http);
    return RG_OK;
}

rg_status config_make_http_listener(struct config_draft *draft, const struct config_raw_listener *raw,
                                    struct config_listener *listener)
{
    struct config_http_listener *http = NULL;
    RG_TRY(rg_arena_new(draft->arena, &http));
    listener->http = http;
    *http = (struct config_http_listener){
        .has_http2 = raw->http2.value != 0,
        .has_proxy_protocol = raw->proxy_protocol.value != 0,
        .max_head = (size_t)raw->max_head.value,
        .max_body = (size_t)raw->max_body.value,
        .max_bodies = (size_t)raw->max_bodies.value,
        .max_headers = HTTP_HEAD_MAX_FIELDS,
        .max_connections = (unsigned)raw->max_connections.value,
        .requests_per_minute_per_address = (uint32_t)raw->requests_per_minute_per_address.value,
        .handshake_timeout_us = raw->handshake_timeout.value,
        .idle_timeout_us = raw->idle_timeout.value,
        .request_timeout_us = raw->request_timeout.value,
    };
    take_upstream(draft, raw, http);
    if (http->has_proxy_protocol && draft->config->server.trusted_proxies.count == 0) {
        config_error(draft, raw->proxy_protocol.place,
                     "\"proxy_protocol\" needs [server] trusted_proxies: who may send its line");
    }
    RG_TRY(take_public_url(draft, raw, http));
    RG_TRY(take_names(draft, raw, http));
    RG_TRY(take_login(draft, raw, http));
    return take_tls(draft, raw, http);
}
