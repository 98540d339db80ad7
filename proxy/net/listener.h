/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_LISTENER_H
#define RG_PROXY_NET_LISTENER_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

struct net_loop;
struct net_stream;

/* A listening TCP socket that several loops accept from: an idle loop is the quicker one. */
struct net_listener;
/* One loop's part in it. */
struct net_acceptor;

/* address: "host:port" or "[v6]:port", numeric or a name; port 0 = any free one.
 * Returns: RG_CONFIG for text that is no address or cannot be bound. Blocks for a name: start-up only. */
rg_status net_listener_open(struct rg_slice address, struct net_listener **out_listener) RG_MUST_CHECK;
/* The same without listening yet: the address is taken, connections are refused. For net_listener_adopt in another
 * process; not for net_listener_start. */
rg_status net_listener_bind(struct rg_slice address, struct net_listener **out_listener) RG_MUST_CHECK;
/* Takes over a descriptor that is bound or listening already (supervisor, systemd), and listens. RG_CONFIG when it
 * cannot; fd is still the caller's then. */
rg_status net_listener_adopt(int fd, struct net_listener **out_listener) RG_MUST_CHECK;
/* All acceptors must have been stopped: closing refuses new connections. Accepts NULL. */
void net_listener_close(struct net_listener **listener);
/* From now on the system refuses new connections, while acceptors may still be running. Any thread. */
void net_listener_refuse(struct net_listener *listener);
uint16_t net_listener_port(const struct net_listener *listener);
int net_listener_fd(const struct net_listener *listener);

/* on_accept owns the new stream and must call net_stream_set_events or close it. On the loop's
 * thread. Out of descriptors: accepting rests for 100 ms, others are not disturbed. */
rg_status net_listener_start(struct net_listener *listener, struct net_loop *loop,
                             void (*on_accept)(void *context, struct net_stream *stream), void *context,
                             struct net_acceptor **out_acceptor) RG_MUST_CHECK;
/* The same for who wants the descriptor: on_accept owns fd. */
rg_status net_listener_start_raw(struct net_listener *listener, struct net_loop *loop,
                                 void (*on_accept)(void *context, int fd), void *context,
                                 struct net_acceptor **out_acceptor) RG_MUST_CHECK;
/* Stops accepting on this loop (drain). Accepts NULL. */
void net_acceptor_stop(struct net_acceptor **acceptor);

#endif
