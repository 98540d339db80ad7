/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. Loops share one socket, each with its own registration: the idle one accepts. */
#include "proxy/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/net/loop_private.h"
#include "proxy/net/stream.h"

/* One connection a turn: the next one goes to a loop that is idle, where there is one. */
enum { BACKLOG = 1024, ACCEPTS_A_TURN = 1, REST_MS = 100, HOST_SIZE = 256, PORT_SIZE = 8 };

struct net_listener {
    int fd;
};

struct net_acceptor {
    struct net_loop *loop;
    int fd; /* the poll's */
    struct net_poll *poll;
    struct net_timer rest;
    void (*on_accept)(void *context, struct net_stream *stream);
    void (*on_accept_raw)(void *context, int fd); /* or this one */
    void *context;
    struct net_task grave; /* on_accept may stop its own acceptor */
};

/* "host:port" or "[host]:port" into two C strings. */
static rg_status split_address(struct rg_slice address, char host[HOST_SIZE], char port[PORT_SIZE])
{
    const char *colon = address.size == 0 ? NULL : memrchr(address.data, ':', address.size);
    size_t host_size = colon == NULL ? 0 : (size_t)(colon - address.data);
    struct rg_slice name = rg_slice_cut(address, 0, host_size);
    struct rg_slice number = colon == NULL ? (struct rg_slice){0} : rg_slice_cut(address, host_size + 1, SIZE_MAX);
    if (name.size >= 2 && name.data[0] == '[' && name.data[name.size - 1] == ']') {
        name = rg_slice_cut(name, 1, name.size - 2);
    } else if (memchr(name.data == NULL ? "" : name.data, ':', name.size) != NULL) {
        name.size = 0; /* an IPv6 address needs its brackets */
    }
    bool is_number = number.size > 0 && number.size < PORT_SIZE;
    unsigned value = 0;
    for (size_t i = 0; is_number && i < number.size; i++) {
        is_number = number.data[i] >= '0' && number.data[i] <= '9';
        value = value * 10 + (unsigned)(number.data[i] - '0');
    }
    is_number = is_number && value <= UINT16_MAX;
    if (!is_number || name.size == 0 || name.size >= HOST_SIZE || memchr(name.data, '\0', name.size) != NULL) {
        return rg_fail(RG_CONFIG, "\"%.*s\" is not an address such as \"127.0.0.1:6432\" or \"[::]:6432\"",
                       rg_slice_shown(address), address.data == NULL ? "" : address.data);
    }
    (void)snprintf(host, HOST_SIZE, "%.*s", RG_SLICE_ARGS(name));
    (void)snprintf(port, PORT_SIZE, "%.*s", RG_SLICE_ARGS(number));
    return RG_OK;
}

static int bind_to(const struct addrinfo *address)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

rg_status net_listener_bind(struct rg_slice address, struct net_listener **out_listener)
{
    char host[HOST_SIZE];
    char port[PORT_SIZE];
    RG_TRY(split_address(address, host, port));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0) {
        return rg_fail(RG_CONFIG, "cannot listen on %s port %s: %s", host, port, gai_strerror(failure));
    }
    int fd = bind_to(found);
    int saved = errno;
    freeaddrinfo(found);
    if (fd < 0) {
        return rg_fail(RG_CONFIG, "cannot listen on %s port %s: %s", host, port, strerror(saved));
    }
    struct net_listener *listener = rg_memory_alloc(sizeof *listener);
    listener->fd = fd;
    *out_listener = listener;
    return RG_OK;
}

rg_status net_listener_open(struct rg_slice address, struct net_listener **out_listener)
{
    struct net_listener *listener = NULL;
    RG_TRY(net_listener_bind(address, &listener));
    if (listen(listener->fd, BACKLOG) != 0) {
        int saved = errno;
        net_listener_close(&listener);
        return rg_fail(RG_CONFIG, "cannot listen on %.*s: %s", RG_SLICE_ARGS(address), strerror(saved));
    }
    *out_listener = listener;
    return RG_OK;
}

/* An unbound socket would listen on a port of the system's choice. */
static bool is_bound(int fd)
{
    const struct net_listener listener = {fd};
    return net_listener_port(&listener) != 0;
}

rg_status net_listener_adopt(int fd, struct net_listener **out_listener)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM || !is_bound(fd)) {
        return rg_fail(RG_CONFIG, "descriptor %d is not a socket that could listen", fd);
    }
    if (listen(fd, BACKLOG) != 0) {
        return rg_fail(RG_CONFIG, "cannot listen on port %u: %s", net_listener_port(&(struct net_listener){fd}),
                       strerror(errno));
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    struct net_listener *listener = rg_memory_alloc(sizeof *listener);
    listener->fd = fd;
    *out_listener = listener;
    return RG_OK;
}

void net_listener_close(struct net_listener **listener)
{
    if (*listener != NULL) {
        close((*listener)->fd);
        rg_memory_free(*listener);
        *listener = NULL;
    }
}

uint16_t net_listener_port(const struct net_listener *listener)
{
    struct sockaddr_in6 address = {0}; /* the port is at the same place for IPv4 */
    socklen_t size = sizeof address;
    if (getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return ntohs(address.sin6_port);
}

void net_listener_refuse(struct net_listener *listener)
{
    (void)shutdown(net_listener_fd(listener), SHUT_RDWR);
}

int net_listener_fd(const struct net_listener *listener)
{
    return listener->fd;
}

static void end_rest(void *context)
{
    struct net_acceptor *acceptor = context;
    net_poll_want(acceptor->poll, true, false);
}

static bool is_exhaustion(int failure)
{
    return failure == EMFILE || failure == ENFILE || failure == ENOBUFS || failure == ENOMEM;
}

static void deliver(struct net_acceptor *acceptor, int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    struct net_stream *stream = NULL;
    if (acceptor->on_accept_raw != NULL) {
        acceptor->on_accept_raw(acceptor->context, fd);
    } else if (rg_is_ok(net_stream_adopt(acceptor->loop, fd, &stream))) {
        acceptor->on_accept(acceptor->context, stream);
    } else {
        close(fd);
    }
}

static void accept_some(void *context)
{
    struct net_acceptor *acceptor = context;
    for (int i = 0; i < ACCEPTS_A_TURN && acceptor->poll != NULL; i++) {
        int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            deliver(acceptor, fd);
        } else if (is_exhaustion(errno)) {
            net_poll_want(acceptor->poll, false, false);
            net_timer_start(acceptor->loop, &acceptor->rest, REST_MS, end_rest, acceptor);
            break;
        } else if (errno == EAGAIN) {
            break;
        } /* else that one connection failed already (ECONNABORTED): the next */
    }
}

static const struct net_poll_events accept_events = {.on_readable = accept_some};

static rg_status start(const struct net_listener *listener, struct net_loop *loop, const struct net_acceptor *wanted,
                       struct net_acceptor **out_acceptor)
{
    int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return rg_fail(RG_INTERNAL, "cannot accept connections: %s", strerror(errno));
    }
    struct net_acceptor *acceptor = rg_memory_alloc(sizeof *acceptor);
    *acceptor = *wanted;
    acceptor->loop = loop;
    acceptor->fd = fd;
    acceptor->poll = net_poll_open(loop, fd, &accept_events, acceptor);
    net_poll_want(acceptor->poll, true, false);
    *out_acceptor = acceptor;
    return RG_OK;
}

rg_status net_listener_start(struct net_listener *listener, struct net_loop *loop,
                             void (*on_accept)(void *context, struct net_stream *stream), void *context,
                             struct net_acceptor **out_acceptor)
{
    return start(listener, loop, &(struct net_acceptor){.on_accept = on_accept, .context = context}, out_acceptor);
}

rg_status net_listener_start_raw(struct net_listener *listener, struct net_loop *loop,
                                 void (*on_accept)(void *context, int fd), void *context,
                                 struct net_acceptor **out_acceptor)
{
    return start(listener, loop, &(struct net_acceptor){.on_accept_raw = on_accept, .context = context}, out_acceptor);
}

void net_acceptor_stop(struct net_acceptor **acceptor)
{
    struct net_acceptor *old = *acceptor;
    if (old == NULL) {
        return;
    }
    net_timer_stop(&old->rest);
    net_poll_close(&old->poll);
    net_loop_bury(old->loop, &old->grave, rg_memory_free, old);
    *acceptor = NULL;
}
