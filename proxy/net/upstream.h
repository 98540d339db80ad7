/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_UPSTREAM_H
#define RG_PROXY_NET_UPSTREAM_H

#include "proxy/net/conninfo.h"
#include "proxy/net/stream.h"

/* A session with an upstream: opened by libpq without blocking (SCRAM, TLS verify-full, several
 * hosts, target_session_attrs), then a stream of raw protocol bytes on the same socket and TLS object.
 * Threads: its loop's. */
struct net_upstream;

/* Starts opening. on_open comes once, later, never from inside this call: error is NULL when open
 * (ReadyForQuery seen, client_encoding is UTF8, standard_conforming_strings is on), else one line
 * without secrets; the upstream must then be closed. Not called after close or finish.
 * Units:   deadline_ms for all hosts together, name lookup included.
 * Returns: RG_INTERNAL when it cannot even start.
 * Owns:    takes its own reference of conninfo. */
rg_status net_upstream_open(struct net_loop *loop, struct net_conninfo *conninfo, uint64_t deadline_ms,
                            void (*on_open)(void *context, struct net_upstream *upstream, const char *error),
                            void *context, struct net_upstream **out_upstream) RG_MUST_CHECK;

/* The raw stream, NULL until open. The upstream owns it: set_events, write, consume, pause as with any
 * other, but never close or finish it. It has no events and does not read until set_events. */
struct net_stream *net_upstream_stream(const struct net_upstream *upstream);
/* A ParameterStatus the server sent while opening ("server_version"); NULL when it did not. */
const char *net_upstream_parameter(const struct net_upstream *upstream, const char *name);
int net_upstream_pid(const struct net_upstream *upstream);                             /* the backend's, 0 until open */
const struct net_conninfo *net_upstream_conninfo(const struct net_upstream *upstream); /* lives as long as upstream */
uint64_t net_upstream_age_us(const struct net_upstream *upstream); /* since it was open; 0 until then */

/* Asks the server to cancel what this session runs, on the loop's offload. Best effort, as the
 * protocol has it: the request may come too late and hit the session's next statement, so the owner
 * must not reuse the session before on_done (which may be NULL; comes once, also after the upstream
 * was closed; error NULL = sent). libpq 15 sends it in clear, as any client of that age.
 * Returns: RG_LIMIT when too many wait, RG_CLOSED when not open; on_done is not called then. */
rg_status net_upstream_cancel(struct net_upstream *upstream, void (*on_done)(void *context, const char *error),
                              void *context) RG_MUST_CHECK;

/* At any moment, opening included. Sends nothing: a Terminate behind a half-relayed message would be
 * taken for its last bytes. Accepts NULL. */
void net_upstream_close(struct net_upstream **upstream);
/* For a session between messages: Terminate (best effort, never blocks), then close. With output
 * still pending it is net_upstream_close. Accepts NULL. */
void net_upstream_finish(struct net_upstream **upstream);

#endif
