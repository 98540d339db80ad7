/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_HTTP_H
#define RG_PROXY_CONFIG_HTTP_H

#include "base/rg_secret.h"
#include "base/rg_slice.h"

/* The parts of a configuration that only the HTTP plane has: what a listener with plane = "http" and an upstream of
 * kind "superset" say. Immutable parts of the snapshot (proxy/config.h). No limit is 0 and none means unlimited. */

struct auth_mint;
struct config_tls;
struct config_upstream;
struct net_tls_client;
struct net_tls_names;

/* What becomes of a cached answer that was made for another view (proxy/http/cache_guard.h). */
enum config_cache_guard { CONFIG_CACHE_GUARD_REFUSE = 0, CONFIG_CACHE_GUARD_WARN, CONFIG_CACHE_GUARD_OFF };

/* [upstreams.NAME] with kind = "superset". */
struct config_superset {
    bool is_tls;                /* url begins with https:// */
    struct rg_slice host;       /* a name or a numeric address, without brackets */
    uint16_t port;              /* 443 or 80 where the url has none */
    struct rg_slice authority;  /* host[:port] as a Host header says it */
    struct net_tls_client *tls; /* what proves the upstream's name; NULL = cleartext */
    int64_t connect_timeout_us;
    int64_t response_timeout_us;  /* from the request to the answer's head, and between parts of its body */
    int64_t websocket_timeout_us; /* of a tunnel in which nothing moves */
    int64_t keepalive_us;         /* how long an idle connection is kept: less than the upstream keeps it */
    int64_t capsule_lifetime_us;  /* of the identity capsule in a request to it */
    struct auth_mint *identity;   /* signs what tells the upstream who calls; NULL = it is told nobody */
    int64_t guest_token_us;       /* how long a guest token lives, at most */
    enum config_cache_guard cache_guard;
    size_t cache_guard_max; /* of one answer that it reads */
};

/* [[listeners]] with plane = "http". */
struct config_http_listener {
    size_t tls_count; /* at least 1; the first is for clients that name no server */
    const struct config_tls *const *tls;
    struct net_tls_names *server; /* all of them behind one handshake, chosen by the name the client asks for */
    const struct config_upstream *upstream; /* its superset is not NULL */
    struct rg_slice public_url;       /* "https://bi.example.com", "https://bi.example.com:8443": no path, no slash */
    struct rg_slice public_authority; /* "bi.example.com", "bi.example.com:8443": lower case */
    struct rg_slice public_host;      /* "bi.example.com" */
    uint16_t public_port;             /* 443 where the url has none */
    size_t name_count;                /* further hosts that are answered; public_authority is not among them */
    const struct rg_slice *names;     /* lower case, with a port where the public one is not 443 */
    size_t login_count;               /* at least 1 where there is any [idp.NAME] */
    const struct rg_slice *login;     /* names of [idp.NAME], in the order in which they are shown */
    bool has_http2;
    bool has_proxy_protocol;
    uint32_t requests_per_minute_per_address;
    size_t max_head;
    size_t max_body;
    size_t max_bodies; /* of all requests that one worker is receiving or answering */
    size_t max_headers;
    unsigned max_connections; /* of this listener, all workers together */
    int64_t handshake_timeout_us;
    int64_t idle_timeout_us;    /* of a connection between requests */
    int64_t request_timeout_us; /* from a request's first byte to its last */
};

#endif
