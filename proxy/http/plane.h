/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_PLANE_H
#define RG_PROXY_HTTP_PLANE_H

#include "base/rg_status.h"

/* The HTTP plane of one worker and one listener: libh2o in the worker's own loop, the connections, the pool of
 * connections to the upstream. For worker.c only; requests know it as an opaque pointer. Threads: the worker's, but for
 * http_plane_open and http_plane_free, which also run before and behind its thread. */

struct http_plane;
struct worker;

/* listener: index in the snapshot's listeners; its plane is "http". RG_INTERNAL when the system has no descriptors. */
rg_status http_plane_open(struct worker *worker, size_t listener, struct http_plane **out_plane) RG_MUST_CHECK;
/* Takes an accepted connection; owns fd from now on. */
void http_plane_take(struct http_plane *plane, int fd);
/* The worker has a new snapshot: new requests run under it, new handshakes show its certificates. */
void http_plane_swap(struct http_plane *plane);
/* No connection is reused from now on; idle ones end. */
void http_plane_drain(struct http_plane *plane);
/* Nothing is under way any more: no connection, no request, no work for one. */
bool http_plane_is_idle(const struct http_plane *plane);
/* Ends all connections now; what was under way ends as aborted. On the worker's thread, behind its loop. */
void http_plane_close_all(struct http_plane *plane);
void http_plane_free(struct http_plane **plane); /* accepts NULL */

#endif
