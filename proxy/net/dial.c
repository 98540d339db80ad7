/* SPDX-License-Identifier: Apache-2.0 */
/* From a host's name to a stream: addresses, TCP to one of them, TLS. Used by proxy/http for its upstream; libpq
 * connects by itself (proxy/net/upstream.c). */
#include "proxy/net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/net/offload.h"
#include "proxy/net/stream_private.h"

enum { NAME_SIZE = 256, PORT_SIZE = 8, ADDRESSES_MAX = 8 };

/* Outlives a dial that was given up while the name was looked up. */
struct lookup {
    struct net_dial *dial; /* NULL = abandoned; touched by the loop's thread only */
    char host[NAME_SIZE];
    char port[PORT_SIZE];
    size_t count;
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    socklen_t sizes[ADDRESSES_MAX];
    char error[NET_REASON_SIZE];
};

struct net_dial {
    struct net_loop *loop;
    struct net_tls_client *tls;
    void (*on_done)(void *context, struct net_stream *stream, const char *error);
    void *context;
    struct net_timer deadline;
    struct net_task next;  /* the next address */
    struct lookup *lookup; /* while its name is looked up, and the addresses */
    bool is_looking;
    size_t tried;
    int fd;
    struct net_poll *poll; /* while it connects; owns fd */
    struct net_stream *stream;
    char error[NET_REASON_SIZE];
};

/* ---- the end ---- */

static void free_dial(struct net_dial *dial)
{
    net_timer_stop(&dial->deadline);
    net_task_drop(&dial->next);
    net_poll_close(&dial->poll);
    net_stream_close(&dial->stream);
    net_tls_client_release(&dial->tls);
    if (dial->lookup != NULL && dial->is_looking) {
        dial->lookup->dial = NULL; /* its end frees it */
    } else {
        rg_memory_free(dial->lookup);
    }
    rg_memory_free(dial);
}

void net_dial_cancel(struct net_dial **dial)
{
    if (*dial != NULL) {
        free_dial(*dial);
        *dial = NULL;
    }
}

static void end(struct net_dial *dial, const char *error)
{
    void (*on_done)(void *, struct net_stream *, const char *) = dial->on_done;
    void *context = dial->context;
    struct net_stream *stream = error == NULL ? dial->stream : NULL;
    char line[NET_REASON_SIZE];
    (void)snprintf(line, sizeof line, "%s", error == NULL ? "" : error);
    dial->stream = error == NULL ? NULL : dial->stream;
    free_dial(dial);
    on_done(context, stream, error == NULL ? NULL : line);
}

static void on_deadline(void *context)
{
    end(context, "no connection in time");
}

/* ---- TLS ---- */

static void on_handshake(void *context, struct net_stream *stream, const char *error)
{
    (void)stream;
    end(context, error);
}

static void take_socket(struct net_dial *dial)
{
    int own = fcntl(dial->fd, F_DUPFD_CLOEXEC, 3); /* the poll closes its own */
    net_poll_close(&dial->poll);
    if (own < 0 || !rg_is_ok(net_stream_adopt(dial->loop, own, &dial->stream))) {
        if (own >= 0) {
            (void)close(own);
        }
        end(dial, "out of descriptors");
    } else if (dial->tls == NULL) {
        end(dial, NULL);
    } else {
        net_stream_start_tls_client(dial->stream, dial->tls, on_handshake, dial);
    }
}

/* ---- TCP ---- */

static void try_next(void *context);

static void fail_address(struct net_dial *dial, int error)
{
    (void)snprintf(dial->error, sizeof dial->error, "cannot connect: %s", strerror(error));
    net_loop_queue(dial->loop, &dial->next, try_next, dial);
}

static void on_connected(void *context)
{
    struct net_dial *dial = context;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error != 0) {
        net_poll_close(&dial->poll);
        fail_address(dial, error);
    } else {
        take_socket(dial);
    }
}

static const struct net_poll_events connecting = {.on_readable = on_connected, .on_writable = on_connected};

static int open_socket(const struct sockaddr_storage *address)
{
    int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}

static void try_next(void *context)
{
    struct net_dial *dial = context;
    const struct lookup *lookup = dial->lookup;
    if (dial->tried == lookup->count) {
        end(dial, dial->error[0] != '\0' ? dial->error : lookup->error);
        return;
    }
    const struct sockaddr_storage *address = &lookup->addresses[dial->tried];
    socklen_t size = lookup->sizes[dial->tried++];
    dial->fd = open_socket(address);
    if (dial->fd < 0) {
        fail_address(dial, errno);
        return;
    }
    if (connect(dial->fd, (const struct sockaddr *)address, size) != 0 && errno != EINPROGRESS) {
        int error = errno;
        (void)close(dial->fd);
        fail_address(dial, error);
        return;
    }
    dial->poll = net_poll_open(dial->loop, dial->fd, &connecting, dial);
    net_poll_want(dial->poll, false, true);
}

/* ---- names ---- */

/* Blocks, unless flags say that the host is numeric. */
static void look_up(struct lookup *lookup, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(lookup->host, lookup->port, &hints, &found);
    if (failure != 0) {
        (void)snprintf(lookup->error, sizeof lookup->error, "cannot look up \"%.100s\": %s", lookup->host,
                       gai_strerror(failure));
        return;
    }
    for (const struct addrinfo *at = found; at != NULL && lookup->count < ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_addrlen <= sizeof lookup->addresses[0]) {
            memcpy(&lookup->addresses[lookup->count], at->ai_addr, at->ai_addrlen);
            lookup->sizes[lookup->count++] = at->ai_addrlen;
        }
    }
    freeaddrinfo(found);
}

static void run_lookup(void *arg)
{
    look_up(arg, 0);
}

static void end_lookup(void *arg)
{
    struct lookup *lookup = arg;
    struct net_dial *dial = lookup->dial;
    if (dial == NULL) {
        rg_memory_free(lookup);
        return;
    }
    if (lookup->count == 0 && lookup->error[0] == '\0') {
        (void)snprintf(lookup->error, sizeof lookup->error, "the name lookup was dropped");
    }
    dial->is_looking = false;
    try_next(dial);
}

static bool is_numeric(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static rg_status start_lookup(struct net_dial *dial)
{
    struct net_offload *offload = net_loop_offload(dial->loop);
    if (is_numeric(dial->lookup->host)) {
        look_up(dial->lookup, AI_NUMERICHOST);
        net_loop_queue(dial->loop, &dial->next, try_next, dial);
        return RG_OK;
    }
    if (offload == NULL) {
        return rg_fail(RG_INTERNAL, "this loop has no threads for name lookups");
    }
    RG_TRY(net_offload_submit(offload, NET_OFFLOAD_LOOKUP, dial->loop, run_lookup, end_lookup, dial->lookup));
    dial->is_looking = true;
    return RG_OK;
}

rg_status net_dial_start(struct net_loop *loop, const struct net_dial_options *options,
                         void (*on_done)(void *context, struct net_stream *stream, const char *error), void *context,
                         struct net_dial **out_dial)
{
    struct net_dial *dial = rg_memory_alloc(sizeof *dial);
    struct lookup *lookup = rg_memory_alloc(sizeof *lookup);
    (void)snprintf(lookup->host, sizeof lookup->host, "%.*s", RG_SLICE_ARGS(options->host));
    (void)snprintf(lookup->port, sizeof lookup->port, "%u", options->port);
    lookup->dial = dial;
    *dial = (struct net_dial){.loop = loop, .on_done = on_done, .context = context, .lookup = lookup};
    dial->tls = options->tls == NULL ? NULL : net_tls_client_ref(options->tls);
    rg_status status = start_lookup(dial);
    if (!rg_is_ok(status)) {
        free_dial(dial);
        return status;
    }
    net_timer_start(loop, &dial->deadline, options->deadline_ms, on_deadline, dial);
    *out_dial = dial;
    return RG_OK;
}
