/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_HTTP_SERVICE_H
#define RG_PROXY_NET_HTTP_SERVICE_H

#include "base/rg_buf.h"

/* A small HTTP/1.1 server for our own machine-to-machine endpoints: a witness's, what a node tells its peers, metrics.
 * On libh2o, in a thread of its own; one handler answers everything. No HTTP/2, no upgrades, no compression, no files.
 *
 * Limits: a connection beyond connections_max is closed at once; a request whose head or body takes longer than
 * timeout_ms, an idle connection, and a client that does not read its answer for as long are closed; a larger body is
 * answered with 413, a head of more than 400 KiB or 100 headers ends the connection. */

struct http_service;
struct net_listener;
struct net_tls;

struct http_service_request { /* valid during the call */
    struct rg_slice method;
    struct rg_slice path; /* as sent, with the query */
    struct rg_slice body;
    const char *client; /* numeric address */
};

struct http_service_answer {
    int status;               /* 500 when the handler sets none */
    const char *content_type; /* static; NULL = "text/plain; charset=utf-8" */
    const char *allow;        /* of 405, static: its Allow line; NULL = none */
    struct rg_buf *body;      /* the handler appends; at most answer_max */
};

struct http_service_options {
    struct rg_slice address;       /* "host:port", "[v6]:port"; port 0 = any free one */
    struct net_listener *listener; /* in place of address when not NULL; the service's, whatever comes of it */
    struct net_tls *tls;           /* NULL = cleartext; this service's alone, which keeps a reference of its own */
    size_t body_max;
    size_t answer_max;
    unsigned timeout_ms;
    unsigned connections_max;
    /* On the service's thread, one at a time; may block for as long as it needs, which delays other clients of this
     * service and nobody else. */
    void (*handle)(void *context, const struct http_service_request *request, struct http_service_answer *answer);
    void *context;
};

/* Listens and starts the thread. RG_CONFIG: an address that is none or is taken, cleartext on an address that is not
 * loopback. RG_INTERNAL: no thread. */
rg_status http_service_open(const struct http_service_options *options,
                            struct http_service **out_service) RG_MUST_CHECK;
uint16_t http_service_port(const struct http_service *service);
/* Refuses new connections, lets answers that are under way leave for at most a second, joins. Nulls, accepts NULL. */
void http_service_close(struct http_service **service);

#endif
