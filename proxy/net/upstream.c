/* SPDX-License-Identifier: Apache-2.0 */
/* Upstream sessions: name lookup off the loop, PQconnectPoll driven by readiness, then a stream on a
 * duplicate of libpq's socket and on its TLS object. libpq keeps the session only to end it. */
#include "proxy/net/upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/net/conninfo_private.h"
#include "proxy/net/libpq_private.h"
#include "proxy/net/lookup_private.h"
#include "proxy/net/offload.h"
#include "proxy/net/stream_private.h"

/* A host that answers no packet is given up after this while others are left, and a silent
 * connection once open: unless the connection string has its own tcp_user_timeout. */
enum { SILENCE_MS = 30000, SHORTEST_SILENCE_MS = 1000, ERROR_SIZE = 512, LOGIN_BYTES = 1 << 20 };

struct net_upstream {
    struct net_loop *loop;
    struct net_conninfo *conninfo;
    uint64_t deadline_ms;
    void (*on_open)(void *context, struct net_upstream *upstream, const char *error);
    void *context;
    struct net_timer deadline;
    struct net_lookup *lookup;
    PGconn *connection;
    struct net_poll *poll; /* of libpq's socket, while opening */
    struct net_stream *stream;
    int64_t opened_us;
    bool is_failed;
};

static void stop_opening(struct net_upstream *upstream)
{
    net_timer_stop(&upstream->deadline);
    net_lookup_abandon(&upstream->lookup);
    net_poll_close(&upstream->poll);
}

static void fail(struct net_upstream *upstream, const char *text)
{
    char line[ERROR_SIZE];
    net_conninfo_one_line(text, line, sizeof line);
    stop_opening(upstream);
    upstream->is_failed = true;
    upstream->on_open(upstream->context, upstream, line);
}

static void on_deadline(void *context)
{
    struct net_upstream *upstream = context;
    const char *host = upstream->connection == NULL ? NULL : PQhost(upstream->connection);
    char text[ERROR_SIZE];
    (void)snprintf(text, sizeof text, "no session within %llu ms%s%.200s", (unsigned long long)upstream->deadline_ms,
                   host == NULL || host[0] == '\0' ? "" : ", last tried ", host == NULL ? "" : host);
    fail(upstream, text);
}

static bool has_value(const struct net_upstream *upstream, const char *name, const char *wanted)
{
    const char *value = PQparameterStatus(upstream->connection, name);
    return value != NULL && strcmp(value, wanted) == 0;
}

/* What the relay relies on: NULL when it holds. */
static const char *find_flaw(const struct net_upstream *upstream)
{
    if (!has_value(upstream, "client_encoding", "UTF8")) {
        return "the server did not confirm client_encoding = UTF8";
    }
    if (!has_value(upstream, "standard_conforming_strings", "on")) {
        return "the server did not confirm standard_conforming_strings = on";
    }
    if (PQgssEncInUse(upstream->connection) != 0) {
        return "the session is encrypted by GSSAPI, which the relay cannot use";
    }
    return NULL;
}

static void set_tcp_options(const struct net_upstream *upstream)
{
    int fd = PQsocket(upstream->connection);
    int on = 1;
    unsigned silence_ms = SILENCE_MS;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on unix sockets: no need there */
    if (net_conninfo_value(upstream->conninfo, "tcp_user_timeout") == NULL) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
    }
}

static rg_status take_over(struct net_upstream *upstream)
{
    const char *flaw = find_flaw(upstream);
    if (flaw != NULL) {
        return rg_fail(RG_UPSTREAM, "%s", flaw);
    }
    if (PQsetnonblocking(upstream->connection, 1) != 0) { /* PQfinish must not wait to send its Terminate */
        return rg_fail(RG_UPSTREAM, "%s", PQerrorMessage(upstream->connection));
    }
    SSL *ssl = PQgetssl(upstream->connection);
    if (ssl != NULL) {
        SSL_set_mode(ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        SSL_set_read_ahead(ssl, 1);
    }
    int fd = fcntl(PQsocket(upstream->connection), F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return rg_fail(RG_INTERNAL, "cannot duplicate the session's socket: %s", strerror(errno));
    }
    set_tcp_options(upstream);
    rg_status status = net_stream_lend(upstream->loop, fd, ssl, &upstream->stream);
    if (!rg_is_ok(status)) {
        close(fd);
    }
    return status;
}

static void complete(struct net_upstream *upstream)
{
    stop_opening(upstream);
    rg_status status = take_over(upstream);
    if (!rg_is_ok(status)) {
        fail(upstream, status.error->text);
        return;
    }
    upstream->opened_us = net_loop_now_us(upstream->loop);
    upstream->on_open(upstream->context, upstream, NULL);
}

static void poll_connection(void *context);
static const struct net_poll_events connect_events = {.on_readable = poll_connection, .on_writable = poll_connection};

/* libpq may have changed to another host's socket with the same number: so it is watched anew. */
static void wait_for(struct net_upstream *upstream, bool readable)
{
    net_poll_close(&upstream->poll);
    int fd = fcntl(PQsocket(upstream->connection), F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        fail(upstream, "cannot watch the session's socket");
        return;
    }
    upstream->poll = net_poll_open(upstream->loop, fd, &connect_events, upstream);
    net_poll_want(upstream->poll, readable, !readable);
}

static void poll_connection(void *context)
{
    struct net_upstream *upstream = context;
    rg_status status = net_libpq_check_received(upstream->connection, LOGIN_BYTES);
    if (!rg_is_ok(status)) {
        fail(upstream, status.error->text);
        return;
    }
    PostgresPollingStatusType state = PQconnectPoll(upstream->connection);
    if (state == PGRES_POLLING_OK) {
        complete(upstream);
    } else if (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
        wait_for(upstream, state == PGRES_POLLING_READING);
    } else {
        fail(upstream, PQerrorMessage(upstream->connection));
    }
}

static void add_pair(struct net_conninfo_pairs *pairs, const char *keyword, const char *value)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->keywords[i], keyword) == 0) {
            pairs->values[i] = value;
            return;
        }
    }
    if (value != NULL && pairs->count < NET_CONNINFO_MAX) {
        pairs->keywords[pairs->count] = keyword;
        pairs->values[pairs->count] = value;
        pairs->count++;
    }
}

static PGconn *start_connection(const struct net_upstream *upstream, const struct net_hosts *hosts)
{
    uint64_t silence_ms = upstream->deadline_ms / hosts->count;
    silence_ms = silence_ms > SILENCE_MS ? SILENCE_MS : silence_ms;
    char silence[16];
    (void)snprintf(silence, sizeof silence, "%u",
                   (unsigned)(silence_ms < SHORTEST_SILENCE_MS ? SHORTEST_SILENCE_MS : silence_ms));
    struct net_conninfo_pairs pairs;
    net_conninfo_list(upstream->conninfo, &pairs);
    add_pair(&pairs, "host", hosts->host);
    add_pair(&pairs, "hostaddr", hosts->hostaddr);
    add_pair(&pairs, "port", hosts->port);
    if (net_conninfo_value(upstream->conninfo, "tcp_user_timeout") == NULL) {
        add_pair(&pairs, "tcp_user_timeout", silence);
    }
    return PQconnectStartParams(pairs.keywords, pairs.values, 0);
}

static void on_hosts(void *context, const struct net_hosts *hosts)
{
    struct net_upstream *upstream = context;
    upstream->lookup = NULL;
    if (hosts->count == 0) {
        fail(upstream, hosts->error);
        return;
    }
    upstream->connection = start_connection(upstream, hosts);
    if (upstream->connection == NULL) {
        fail(upstream, "out of memory");
        return;
    }
    net_libpq_quiet(upstream->connection);
    if (PQstatus(upstream->connection) == CONNECTION_BAD) {
        fail(upstream, PQerrorMessage(upstream->connection));
    } else {
        wait_for(upstream, false); /* libpq: as if it had asked for PGRES_POLLING_WRITING */
    }
}

rg_status net_upstream_open(struct net_loop *loop, struct net_conninfo *conninfo, uint64_t deadline_ms,
                            void (*on_open)(void *context, struct net_upstream *upstream, const char *error),
                            void *context, struct net_upstream **out_upstream)
{
    struct net_upstream *upstream = rg_memory_alloc(sizeof *upstream);
    rg_status status = net_lookup_start(loop, conninfo, on_hosts, upstream, &upstream->lookup);
    if (!rg_is_ok(status)) {
        rg_memory_free(upstream);
        return status;
    }
    upstream->loop = loop;
    upstream->conninfo = net_conninfo_ref(conninfo);
    upstream->deadline_ms = deadline_ms;
    upstream->on_open = on_open;
    upstream->context = context;
    net_timer_start(loop, &upstream->deadline, deadline_ms, on_deadline, upstream);
    *out_upstream = upstream;
    return RG_OK;
}

struct net_stream *net_upstream_stream(const struct net_upstream *upstream)
{
    return upstream->stream;
}

const char *net_upstream_parameter(const struct net_upstream *upstream, const char *name)
{
    return upstream->stream == NULL ? NULL : PQparameterStatus(upstream->connection, name);
}

int net_upstream_pid(const struct net_upstream *upstream)
{
    return upstream->stream == NULL ? 0 : PQbackendPID(upstream->connection);
}

const struct net_conninfo *net_upstream_conninfo(const struct net_upstream *upstream)
{
    return upstream->conninfo;
}

uint64_t net_upstream_age_us(const struct net_upstream *upstream)
{
    return upstream->stream == NULL ? 0 : (uint64_t)(net_loop_now_us(upstream->loop) - upstream->opened_us);
}

static void end_upstream(struct net_upstream **upstream, bool says_goodbye)
{
    struct net_upstream *old = *upstream;
    if (old == NULL) {
        return;
    }
    stop_opening(old);
    says_goodbye = says_goodbye && old->stream != NULL && net_stream_pending(old->stream) == 0;
    net_stream_close_lent(&old->stream);
    if (old->connection != NULL && !says_goodbye && PQsocket(old->connection) >= 0) {
        (void)shutdown(PQsocket(old->connection), SHUT_RDWR); /* PQfinish cannot send then */
    }
    PQfinish(old->connection);
    net_conninfo_release(&old->conninfo);
    rg_memory_free(old);
    *upstream = NULL;
}

void net_upstream_close(struct net_upstream **upstream)
{
    end_upstream(upstream, false);
}

void net_upstream_finish(struct net_upstream **upstream)
{
    end_upstream(upstream, true);
}

struct cancel {
    PGcancel *handle;
    void (*on_done)(void *context, const char *error);
    void *context;
    bool is_sent;
    char error[256];
};

static void run_cancel(void *arg)
{
    struct cancel *cancel = arg;
    cancel->is_sent = PQcancel(cancel->handle, cancel->error, (int)sizeof cancel->error) == 1;
}

static void end_cancel(void *arg)
{
    struct cancel *cancel = arg;
    if (cancel->on_done != NULL) {
        char line[sizeof cancel->error];
        net_conninfo_one_line(cancel->error[0] == '\0' ? "dropped" : cancel->error, line, sizeof line);
        cancel->on_done(cancel->context, cancel->is_sent ? NULL : line);
    }
    PQfreeCancel(cancel->handle);
    rg_memory_free(cancel);
}

rg_status net_upstream_cancel(struct net_upstream *upstream, void (*on_done)(void *context, const char *error),
                              void *context)
{
    struct net_offload *offload = net_loop_offload(upstream->loop);
    PGcancel *handle = upstream->stream == NULL ? NULL : PQgetCancel(upstream->connection);
    if (handle == NULL) {
        return rg_fail(RG_CLOSED, "the session is not open");
    }
    if (offload == NULL) {
        PQfreeCancel(handle);
        return rg_fail(RG_INTERNAL, "this loop has no threads for cancel requests");
    }
    struct cancel *cancel = rg_memory_alloc(sizeof *cancel);
    *cancel = (struct cancel){.handle = handle, .on_done = on_done, .context = context};
    rg_status status = net_offload_submit(offload, NET_OFFLOAD_CANCEL, upstream->loop, run_cancel, end_cancel, cancel);
    if (!rg_is_ok(status)) {
        PQfreeCancel(handle);
        rg_memory_free(cancel);
    }
    return status;
}
