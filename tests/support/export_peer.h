/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_EXPORT_PEER_H
#define RG_TESTS_SUPPORT_EXPORT_PEER_H

/* A peer of a sink on a loopback port, in a thread: it keeps what it was sent, and behaves as the test says. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rg_clock.h"
#include "tests/support/rg_test.h"

enum { EXPORT_PEER_MAX = 8 * 1024 * 1024, EXPORT_PEER_REQUESTS = 256 };

enum export_peer_mode {
    EXPORT_PEER_READS = 0, /* everything, and says nothing */
    EXPORT_PEER_DEAF,      /* accepts and never reads */
    EXPORT_PEER_TALKS,     /* says `says` at once, then reads */
    EXPORT_PEER_HANGS_UP,  /* resets each connection when it has read something */
    EXPORT_PEER_HTTP,      /* a script of answers */
};

struct export_peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    _Atomic bool should_end;
    _Atomic bool should_drop; /* the open connection, once */
    _Atomic int mode;
    const char *says;
    const char *const *script; /* of EXPORT_PEER_HTTP: an answer a request, the last one again and again; "" = hang
                                  up, "hang" = no answer */
    pthread_mutex_t mutex;     /* for what follows */
    int connections;
    size_t size;
    size_t request_count;
    struct {
        size_t start, body, end;
    } requests[EXPORT_PEER_REQUESTS];
    char bytes[EXPORT_PEER_MAX + 1];
};

static inline ssize_t export_peer_read(struct export_peer *peer, int fd)
{
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    while (!atomic_load(&peer->should_end) && !atomic_exchange(&peer->should_drop, false)) {
        if (poll(&waits, 1, 20) > 0) {
            (void)pthread_mutex_lock(&peer->mutex);
            ssize_t got = read(fd, peer->bytes + peer->size, EXPORT_PEER_MAX - peer->size);
            if (got > 0) { /* nothing changes when a connection ends: the test may be looking */
                peer->size += (size_t)got;
                peer->bytes[peer->size] = '\0';
            }
            (void)pthread_mutex_unlock(&peer->mutex);
            return got;
        }
    }
    return -1;
}

static inline void export_peer_wait(struct export_peer *peer)
{
    while (!atomic_load(&peer->should_end) && !atomic_exchange(&peer->should_drop, false)) {
        (void)usleep(5000);
    }
}

/* One request; false = the connection is over. */
static inline bool export_peer_request(struct export_peer *peer, int fd)
{
    size_t start = peer->size;
    const char *body = NULL;
    const char *length = NULL;
    size_t wanted = SIZE_MAX;
    while (body == NULL || (size_t)(peer->bytes + peer->size - body) < wanted) {
        if (export_peer_read(peer, fd) <= 0) {
            return false;
        }
        const char *end = strstr(peer->bytes + start, "\r\n\r\n");
        length = strstr(peer->bytes + start, "Content-Length: ");
        body = end == NULL ? NULL : end + 4;
        wanted = length == NULL || length > body ? 0 : strtoul(length + 16, NULL, 10);
    }
    (void)pthread_mutex_lock(&peer->mutex);
    size_t at = peer->request_count++;
    RG_ASSERT(at < EXPORT_PEER_REQUESTS);
    peer->requests[at].start = start;
    peer->requests[at].body = (size_t)(body - peer->bytes);
    peer->requests[at].end = peer->size;
    size_t line = 0;
    while (line < at && peer->script[line + 1] != NULL) {
        line++;
    }
    const char *answer = peer->script[line];
    (void)pthread_mutex_unlock(&peer->mutex);
    if (strcmp(answer, "hang") == 0) {
        export_peer_wait(peer);
        return false;
    }
    return answer[0] != '\0' && send(fd, answer, strlen(answer), MSG_NOSIGNAL) == (ssize_t)strlen(answer);
}

static inline void export_peer_reset(int fd)
{
    const struct linger none = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

static inline void export_peer_serve(struct export_peer *peer, int fd)
{
    switch ((enum export_peer_mode)atomic_load(&peer->mode)) {
    case EXPORT_PEER_TALKS:
        (void)send(fd, peer->says, strlen(peer->says), MSG_NOSIGNAL);
        while (export_peer_read(peer, fd) > 0) {
        }
        break;
    case EXPORT_PEER_READS:
        while (export_peer_read(peer, fd) > 0) {
        }
        break;
    case EXPORT_PEER_DEAF:
        export_peer_wait(peer);
        break;
    case EXPORT_PEER_HANGS_UP:
        (void)export_peer_read(peer, fd);
        export_peer_reset(fd);
        break;
    case EXPORT_PEER_HTTP:
        while (export_peer_request(peer, fd)) {
        }
        break;
    }
}

static inline void *export_peer_main(void *argument)
{
    struct export_peer *peer = argument;
    while (!atomic_load(&peer->should_end)) {
        struct pollfd waits = {.fd = peer->listener, .events = POLLIN};
        int fd = poll(&waits, 1, 20) > 0 ? accept(peer->listener, NULL, NULL) : -1;
        if (fd >= 0) {
            (void)pthread_mutex_lock(&peer->mutex);
            peer->connections++;
            (void)pthread_mutex_unlock(&peer->mutex);
            export_peer_serve(peer, fd);
            (void)close(fd);
        }
    }
    return NULL;
}

static inline void export_peer_open(struct export_peer *peer, enum export_peer_mode mode)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    memset(peer, 0, sizeof *peer);
    atomic_store(&peer->mode, mode);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(peer->listener, 8), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_mutex_init(&peer->mutex, NULL), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, export_peer_main, peer), 0);
}

static inline void export_peer_close(struct export_peer *peer)
{
    atomic_store(&peer->should_end, true);
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    (void)close(peer->listener);
    (void)pthread_mutex_destroy(&peer->mutex);
}

/* Its connection ends now. */
static inline void export_peer_drop(struct export_peer *peer)
{
    atomic_store(&peer->should_drop, true);
    while (atomic_load(&peer->should_drop)) {
        (void)usleep(2000);
    }
}

static inline size_t export_peer_size(struct export_peer *peer)
{
    (void)pthread_mutex_lock(&peer->mutex);
    size_t size = peer->size;
    (void)pthread_mutex_unlock(&peer->mutex);
    return size;
}

/* Until nothing more arrives: what it holds can be looked at without its mutex then. */
static inline void export_peer_settle(struct export_peer *peer)
{
    size_t before = SIZE_MAX;
    for (size_t size = export_peer_size(peer); size != before; size = export_peer_size(peer)) {
        before = size;
        (void)usleep(60000);
    }
}

static inline void export_peer_use(struct export_peer *peer, const char *const *script)
{
    (void)pthread_mutex_lock(&peer->mutex);
    peer->script = script;
    (void)pthread_mutex_unlock(&peer->mutex);
}

/* ---- a clock that a test moves on ---- */

struct export_clock {
    struct rg_clock clock;
    int64_t ahead_us;
};

static inline int64_t export_clock_wall(void *context)
{
    (void)context;
    return 1700000000123456;
}

static inline int64_t export_clock_monotonic(void *context)
{
    const struct export_clock *clock = context;
    return rg_clock_monotonic_us(rg_clock_system()) + clock->ahead_us;
}

static inline void export_clock_init(struct export_clock *clock)
{
    *clock = (struct export_clock){
        .clock = {.wall_us = export_clock_wall, .monotonic_us = export_clock_monotonic, .context = clock}};
}

#endif
