/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness of descriptors on libh2o's event loop. libh2o's sockets are used as watchers only: it
 * neither reads nor writes, so that plain, OpenSSL's and libpq's bytes all move the same way. A socket
 * that wants nothing leaves epoll, so that a peer that hung up cannot make the loop spin. */
#include "proxy/net/loop_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/rg_memory.h"

struct net_poll {
    h2o_socket_t *socket;
    const struct net_poll_events *events;
    void *context;
    bool wants_write;
};

static void on_readable(h2o_socket_t *socket, const char *error)
{
    (void)error;
    struct net_poll *poll = socket->data;
    poll->events->on_readable(poll->context);
}

static void on_writable(h2o_socket_t *socket, const char *error)
{
    (void)error;
    struct net_poll *poll = socket->data;
    if (poll->wants_write) {
        poll->wants_write = false;
        poll->events->on_writable(poll->context);
    }
}

struct net_poll *net_poll_open(struct net_loop *loop, int fd, const struct net_poll_events *events, void *context)
{
    struct net_poll *poll = rg_memory_alloc(sizeof *poll);
    poll->events = events;
    poll->context = context;
    poll->socket = h2o_evloop_socket_create(net_loop_h2o(loop), fd, 0);
    poll->socket->data = poll;
    h2o_socket_dont_read(poll->socket, 1);
    return poll;
}

void net_poll_close(struct net_poll **poll)
{
    if (*poll != NULL) {
        h2o_socket_close((*poll)->socket);
        rg_memory_free(*poll);
        *poll = NULL;
    }
}

void net_poll_want(struct net_poll *poll, bool readable, bool writable)
{
    if (readable && !h2o_socket_is_reading(poll->socket)) {
        h2o_socket_read_start(poll->socket, on_readable);
    } else if (!readable && h2o_socket_is_reading(poll->socket)) {
        h2o_socket_read_stop(poll->socket);
    }
    poll->wants_write = writable;
    if (writable && !h2o_socket_is_writing(poll->socket)) {
        h2o_socket_notify_write(poll->socket, on_writable);
    }
}

struct net_watch {
    struct net_poll *poll;
    void (*fn)(void *context);
    void *context;
};

static void on_watch(void *context)
{
    struct net_watch *watch = context;
    watch->fn(watch->context);
}

static const struct net_poll_events watch_events = {.on_readable = on_watch, .on_writable = on_watch};

rg_status net_watch_open(struct net_loop *loop, int fd, void (*fn)(void *context), void *context,
                         struct net_watch **out_watch)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0) {
        return rg_fail(RG_INTERNAL, "cannot watch descriptor %d: %s", fd, strerror(errno));
    }
    struct net_watch *watch = rg_memory_alloc(sizeof *watch);
    watch->fn = fn;
    watch->context = context;
    watch->poll = net_poll_open(loop, own, &watch_events, watch);
    net_poll_want(watch->poll, true, false);
    *out_watch = watch;
    return RG_OK;
}

void net_watch_want_write(struct net_watch *watch, bool wants_write)
{
    net_poll_want(watch->poll, true, wants_write);
}

void net_watch_close(struct net_watch **watch)
{
    if (*watch != NULL) {
        net_poll_close(&(*watch)->poll);
        rg_memory_free(*watch);
        *watch = NULL;
    }
}
