/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_ADMIN_H
#define RG_PROXY_ADMIN_H

#include "base/rg_clock.h"
#include "proxy/health.h"
#include "proxy/metrics.h"

/* The admin listener over HTTP: /metrics, /livez, /readyz and nothing else, to GET and HEAD. On a thread of its own, so
 * that it answers while an event loop does not. Shows no secret, no user and no SQL. */

struct admin;
struct net_listener;
struct net_tls;

struct admin_options {
    struct net_listener *listener; /* listening; the admin's from now on, whatever comes of it */
    struct net_tls *tls;           /* NULL = cleartext: only on a loopback address */
    const struct rg_clock *clock;  /* as the loops' beats */
    struct metrics *metrics;       /* borrowed, as health, until admin_close */
    struct health *health;
};

/* RG_CONFIG: cleartext on an address that is not loopback. RG_INTERNAL: no thread. */
rg_status admin_open(const struct admin_options *options, struct admin **out_admin) RG_MUST_CHECK;
void admin_close(struct admin **admin); /* accepts NULL */

struct http_service_request;
struct http_service_answer;
/* One request: for tests, and for the service. */
void admin_answer(const struct admin_options *options, const struct http_service_request *request,
                  struct http_service_answer *answer);

#endif
