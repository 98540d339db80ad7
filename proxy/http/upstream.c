/* SPDX-License-Identifier: Apache-2.0 */
/* An upstream's kept connections, each for the owner of its last request. The youngest is used first, so that those
 * which a quiet hour needs not end. */
#include "proxy/http/upstream_private.h"

#include "base/rg_memory.h"
#include "proxy/config.h"
#include "proxy/http/link_private.h"
#include "proxy/net/tls_client.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

enum { IDLE_MAX = 256 };

struct http_upstream *http_upstream_new(struct http_plane *plane)
{
    const struct config_superset *superset = http_plane_listener(plane)->upstream->superset;
    struct http_upstream *upstream = rg_memory_alloc(sizeof *upstream);
    char *host = rg_memory_alloc(superset->host.size + 1);
    memcpy(host, superset->host.data, superset->host.size);
    upstream->plane = plane;
    upstream->host = rg_slice_make(host, superset->host.size);
    upstream->port = superset->port;
    upstream->connect_ms = (uint64_t)superset->connect_timeout_us / 1000;
    upstream->response_ms = (uint64_t)superset->response_timeout_us / 1000;
    upstream->websocket_ms = (uint64_t)superset->websocket_timeout_us / 1000;
    upstream->keepalive_us = superset->keepalive_us;
    upstream->tls = superset->is_tls ? net_tls_client_ref(superset->tls) : NULL;
    return upstream;
}

/* ---- kept connections ---- */

static void unlink_idle(struct http_link *link)
{
    *link->link = link->next;
    if (link->next != NULL) {
        link->next->link = link->link;
    }
    link->upstream->idle_count--;
}

struct http_link *http_upstream_take(struct http_upstream *upstream, struct rg_slice owner)
{
    struct http_link *link = upstream->idle;
    while (link != NULL && !rg_slice_is_equal(rg_slice_make(link->owner, link->owner_size), owner)) {
        link = link->next;
    }
    if (link != NULL) {
        unlink_idle(link);
    }
    return link;
}

void http_upstream_forget(struct http_link *link)
{
    unlink_idle(link);
    http_link_free(link);
}

static void forget_oldest(struct http_upstream *upstream)
{
    struct http_link *link = upstream->idle;
    while (link->next != NULL) {
        link = link->next;
    }
    http_upstream_forget(link);
}

bool http_upstream_keep(struct http_upstream *upstream, struct http_link *link)
{
    if (upstream->is_retired) {
        return false;
    }
    if (upstream->idle_count == IDLE_MAX) {
        forget_oldest(upstream);
    }
    link->next = upstream->idle;
    link->link = &upstream->idle;
    if (link->next != NULL) {
        link->next->link = &link->next;
    }
    upstream->idle = link;
    upstream->idle_count++;
    return true;
}

static void end_idle(struct http_upstream *upstream, int64_t since_us)
{
    for (struct http_link *at = upstream->idle, *next = NULL; at != NULL; at = next) {
        next = at->next;
        if (at->since_us <= since_us) {
            http_upstream_forget(at);
        }
    }
}

/* ---- the end ---- */

static void free_upstream(struct http_upstream *upstream)
{
    char *host = NULL;
    net_tls_client_release(&upstream->tls);
    memcpy(&host, &upstream->host.data, sizeof host);
    rg_memory_free(host);
    rg_memory_free(upstream);
}

static void free_retired(struct http_plane *plane)
{
    for (struct http_upstream **link = &plane->retired; *link != NULL;) {
        struct http_upstream *old = *link;
        if (old->forwards == 0) {
            *link = old->next;
            free_upstream(old);
        } else {
            link = &old->next;
        }
    }
}

void http_upstream_sweep(struct http_plane *plane)
{
    if (plane->upstream != NULL) {
        end_idle(plane->upstream, http_plane_now_us(plane) - plane->upstream->keepalive_us);
    }
    free_retired(plane);
}

void http_upstream_retire(struct http_plane *plane)
{
    struct http_upstream *old = plane->upstream;
    plane->upstream = NULL;
    if (old != NULL) {
        old->is_retired = true;
        end_idle(old, INT64_MAX);
        old->next = plane->retired;
        plane->retired = old;
    }
    free_retired(plane);
}
