/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_HTTP_WORLD_H
#define RG_TESTS_SUPPORT_HTTP_WORLD_H

/* The HTTP plane alone, in a thread with its loop, between a real upstream on a socket and clients that speak TLS, with
 * an auditor that writes a log: for tests of proxy/http with bytes. Routes are open here (gateway.route_stand_in),
 * which they are nowhere else. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "proxy/gateway.h"
#include "proxy/http/cache_answer.h"
#include "proxy/http/cache_views.h"
#include "proxy/http/forward.h"
#include "proxy/http/plane.h"
#include "proxy/http/strip.h"
#include "proxy/net/listener.h"
#include "proxy/net/offload.h"
#include "proxy/rate.h"
#include "proxy/worker.h"
#include "tests/support/auditor_rig.h"
#include "tests/support/config_test.h"
#include "tests/support/net_test.h"

enum { HTTP_WORLD_SEEN_BYTES = 1 << 20, HTTP_WORLD_LIMIT_S = 20 };

/* ---- the upstream ---- */

struct http_origin {
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_uint connections; /* accepted */
    atomic_uint live;
    pthread_mutex_t lock;
    size_t seen_size;
    char seen[HTTP_WORLD_SEEN_BYTES]; /* every byte that came, in order of arrival */
    /* Answers one request whose head and body are in text; false = closes the connection. */
    bool (*answer)(struct http_origin *origin, int fd, const char *text);
};

struct http_origin_connection {
    struct http_origin *origin;
    int fd;
};

static inline bool http_origin_send(int fd, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t sent = send(fd, bytes + at, size - at, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += (size_t)sent;
    }
    return true;
}

static inline bool http_origin_say(int fd, const char *text)
{
    return http_origin_send(fd, text, strlen(text));
}

/* How many bytes the first request of text has; 0 = it is not whole. */
static inline size_t http_origin_request_size(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = end == NULL ? NULL : strcasestr(text, "\r\ncontent-length: ");
    size_t body = length == NULL || length > end ? 0 : strtoul(length + 18, NULL, 10);
    size_t head = end == NULL ? 0 : (size_t)(end - text) + 4;
    return head == 0 || strlen(text) < head + body ? 0 : head + body;
}

static inline void *http_origin_serve(void *argument)
{
    struct http_origin_connection *connection = argument;
    struct http_origin *origin = connection->origin;
    char *text = calloc(1, HTTP_WORLD_SEEN_BYTES);
    size_t size = 0;
    bool goes_on = true;
    while (goes_on) {
        size_t request = http_origin_request_size(text);
        if (request > 0) {
            char *one = strndup(text, request);
            goes_on = origin->answer(origin, connection->fd, one);
            free(one);
            memmove(text, text + request, size - request + 1);
            size -= request;
            continue;
        }
        ssize_t got = recv(connection->fd, text + size, HTTP_WORLD_SEEN_BYTES - size - 1, 0);
        goes_on = got > 0;
        if (got > 0) {
            pthread_mutex_lock(&origin->lock);
            size_t room = HTTP_WORLD_SEEN_BYTES - 1 - origin->seen_size;
            size_t kept = (size_t)got < room ? (size_t)got : room;
            memcpy(origin->seen + origin->seen_size, text + size, kept);
            origin->seen_size += kept;
            pthread_mutex_unlock(&origin->lock);
            size += (size_t)got;
            text[size] = '\0';
        }
    }
    close(connection->fd);
    free(text);
    free(connection);
    atomic_fetch_sub(&origin->live, 1);
    return NULL;
}

static inline void *http_origin_accept(void *argument)
{
    struct http_origin *origin = argument;
    for (int fd = accept(origin->fd, NULL, NULL); fd >= 0; fd = accept(origin->fd, NULL, NULL)) {
        struct http_origin_connection *connection = calloc(1, sizeof *connection);
        pthread_t thread;
        *connection = (struct http_origin_connection){origin, fd};
        atomic_fetch_add(&origin->connections, 1);
        atomic_fetch_add(&origin->live, 1);
        if (pthread_create(&thread, NULL, http_origin_serve, connection) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
    return NULL;
}

static inline void http_origin_open(struct http_origin *origin,
                                    bool (*answer)(struct http_origin *origin, int fd, const char *text))
{
    memset(origin, 0, sizeof *origin);
    origin->answer = answer;
    pthread_mutex_init(&origin->lock, NULL);
    origin->fd = net_test_listen(&origin->port);
    assert_int_equal(pthread_create(&origin->thread, NULL, http_origin_accept, origin), 0);
}

/* Behind the plane's end, so that all its connections are closed. */
static inline void http_origin_close(struct http_origin *origin)
{
    (void)shutdown(origin->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(origin->thread, NULL), 0);
    close(origin->fd);
    for (int i = 0; i < 2000 && atomic_load(&origin->live) > 0; i++) {
        usleep(10000);
    }
    assert_int_equal(atomic_load(&origin->live), 0);
}

static inline bool http_origin_has_seen(struct http_origin *origin, const char *text)
{
    pthread_mutex_lock(&origin->lock);
    bool has_seen = memmem(origin->seen, origin->seen_size, text, strlen(text)) != NULL;
    pthread_mutex_unlock(&origin->lock);
    return has_seen;
}

/* ---- the plane ---- */

struct http_world {
    struct config_files files;
    struct http_origin origin;
    struct audit_dir log;
    struct auditor_rig rig;
    struct gateway_options options;
    struct gateway gateway;
    struct worker worker;
    struct snapshot *snapshot;
    struct net_listener *listener;
    struct net_acceptor *acceptor;
    struct http_plane *plane;
    uint16_t port;
    pthread_t thread;
    bool is_stopped;
};

static inline enum http_step_result http_world_permit(struct http_request *request)
{
    request->is_permitted = true;
    request->allows_upgrade = rg_slice_has_prefix(request->path, RG_SLICE("/ws"));
    request->passes = HTTP_PASS_SESSION;
    return HTTP_STEP_NEXT;
}

static inline void http_world_turn_end(void *context)
{
    struct http_world *world = context;
    worker_flush(&world->worker);
    if (world->worker.is_draining && http_plane_is_idle(world->plane)) {
        net_loop_stop(world->worker.loop);
    }
}

static inline void http_world_take(void *context, int fd)
{
    http_plane_take(((struct http_world *)context)->plane, fd);
}

static inline void *http_world_run(void *argument)
{
    struct http_world *world = argument;
    net_loop_run(world->worker.loop);
    net_acceptor_stop(&world->acceptor);
    http_plane_close_all(world->plane);
    net_loop_settle(world->worker.loop, 100);
    worker_disconnect(&world->worker);
    return NULL;
}

static inline struct snapshot *http_world_load(struct http_world *world, const char *upstream, const char *more)
{
    static char text[8192];
    (void)snprintf(text, sizeof text,
                   "version = 1\n[audit]\ndirectory = \"audit\"\n"
                   "[state]\nurl = \"sqlite:/var/lib/none/state.db\"\n"
                   "[tls.public]\ncertificate = \"cert.pem\"\nprivate_key = \"key.pem\"\n%s\n"
                   "[[listeners]]\nname = \"web\"\nplane = \"http\"\nlisten = \"127.0.0.1:0\"\ntls = \"public\"\n"
                   "upstream = \"superset\"\n"
                   "public_url = \"https://localhost\"\n%s%s",
                   upstream, strstr(more, "per_address") != NULL ? "" : "requests_per_minute_per_address = 10000000\n",
                   more);
    config_files_write(&world->files, "main.toml", text, strlen(text));
    struct snapshot *snapshot = rg_memory_alloc(sizeof *snapshot);
    snapshot->references = 1;
    rg_arena_done(&world->files.arena);
    rg_arena_init(&world->files.arena, 1 << 20);
    rg_diag_init(&world->files.diag, &world->files.arena);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/main.toml", world->files.directory);
    rg_status status = config_load(path, &world->files.diag, &snapshot->config);
    for (const struct rg_finding *at = world->files.diag.first; at != NULL && !rg_is_ok(status); at = at->next) {
        print_error("%u:%u: %s\n", at->place.line, at->place.column, at->text.data);
    }
    assert_ok(status);
    return snapshot;
}

static inline const char *http_world_upstream(const struct http_world *world, const char *more)
{
    static char text[1024];
    (void)snprintf(text, sizeof text, "[upstreams.superset]\nkind = \"superset\"\nurl = \"http://127.0.0.1:%u\"\n%s",
                   world->origin.port, more);
    return text;
}

/* listener: further lines of [[listeners]]; upstream: of [upstreams.superset]. */
static inline void http_world_open(struct http_world *world, const char *listener, const char *upstream,
                                   bool (*answer)(struct http_origin *origin, int fd, const char *text))
{
    memset(world, 0, sizeof *world);
    (void)signal(SIGPIPE, SIG_IGN); /* as the gateway does: libh2o and the clients' OpenSSL write to what has gone */
    config_files_init(&world->files);
    http_origin_open(&world->origin, answer);
    world->snapshot = http_world_load(world, http_world_upstream(world, upstream), listener);
    world->gateway.clock = rg_clock_system();
    world->gateway.next_session_id = 1000;
    world->gateway.route_stand_in = http_world_permit;
    world->gateway.options = &world->options;
    world->gateway.connections = rg_memory_array(1, sizeof(unsigned));
    assert_ok(rg_log_open("/dev/null", RG_LOG_ERROR, world->gateway.clock, &world->gateway.log));
    assert_ok(rate_new(0, world->gateway.clock, &world->gateway.address_rate));
    assert_ok(rate_new(0, world->gateway.clock, &world->gateway.tenant_rate));
    assert_ok(net_offload_new(1, 16, &world->gateway.offload));
    world->gateway.cache_views = http_cache_views_new();
    world->worker.cache_reader = http_cache_reader_new();
    world->worker.gateway = &world->gateway;
    world->worker.snapshot = snapshot_ref(world->snapshot);
    assert_ok(net_loop_new(world->gateway.offload, &world->worker.loop));
    assert_ok(http_plane_open(&world->worker, 0, &world->plane));
    rig_open(&world->log, &world->rig, NULL);
    worker_connect(&world->worker, world->rig.door);
    worker_wait_for_auditor(&world->worker);
    net_loop_set_turn_end(world->worker.loop, http_world_turn_end, world);
    assert_ok(net_listener_open(RG_SLICE("127.0.0.1:0"), &world->listener));
    world->port = net_listener_port(world->listener);
    assert_ok(net_listener_start_raw(world->listener, world->worker.loop, http_world_take, world, &world->acceptor));
    assert_int_equal(pthread_create(&world->thread, NULL, http_world_run, world), 0);
}

static inline void http_world_stop(struct http_world *world)
{
    if (!world->is_stopped) {
        net_loop_stop(world->worker.loop);
        assert_int_equal(pthread_join(world->thread, NULL), 0);
        world->is_stopped = true;
    }
}

/* The log, whole and intact: for those who look into it behind http_world_stop. */
static inline void http_world_end_log(struct http_world *world)
{
    if (world->log.root[0] != '\0') {
        assert_true(rig_stop(&world->rig));
        assert_intact(&world->log, 0);
        audit_dir_remove(&world->log);
        world->log.root[0] = '\0';
    }
}

static inline void http_world_close(struct http_world *world)
{
    http_world_stop(world);
    net_offload_free(&world->gateway.offload);
    rate_free(&world->gateway.address_rate);
    rate_free(&world->gateway.tenant_rate);
    http_cache_views_free(&world->gateway.cache_views);
    http_cache_reader_free(&world->worker.cache_reader);
    assert_int_equal(world->worker.held_answer_bytes, 0);
    http_plane_free(&world->plane);
    net_loop_free(&world->worker.loop);
    assert_int_equal(world->gateway.connections[0], 0);
    assert_int_equal(world->worker.snapshot->references, 2); /* no request holds one any more */
    snapshot_free(&world->worker.snapshot);
    snapshot_free(&world->snapshot);
    net_listener_close(&world->listener);
    rg_memory_free(world->gateway.connections);
    rg_log_close(&world->gateway.log);
    http_origin_close(&world->origin);
    config_files_done(&world->files);
    rg_memory_free(world->worker.waiters);
    http_world_end_log(world);
}

/* Runs fn(world) on the plane's thread. */
static inline void http_world_post(struct http_world *world, void (*fn)(void *world))
{
    net_loop_post(world->worker.loop, fn, world);
}

/* ---- clients ---- */

struct http_client {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
};

static inline void http_client_limit(int fd)
{
    struct timeval limit = {.tv_sec = HTTP_WORLD_LIMIT_S};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
}

/* TLS over fd; false = the handshake failed. */
static inline bool http_client_start(struct http_client *client, int fd, const char *name, const char *alpn)
{
    client->fd = fd;
    http_client_limit(fd);
    client->context = SSL_CTX_new(TLS_client_method());
    client->ssl = SSL_new(client->context);
    SSL_set_fd(client->ssl, fd);
    if (name != NULL) {
        char copy[256]; /* OpenSSL's macro takes no const */
        (void)snprintf(copy, sizeof copy, "%s", name);
        SSL_set_tlsext_host_name(client->ssl, copy);
    }
    if (alpn != NULL) {
        assert_int_equal(SSL_set_alpn_protos(client->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn)), 0);
    }
    return SSL_connect(client->ssl) == 1;
}

static inline void http_client_open(struct http_client *client, const struct http_world *world)
{
    assert_true(http_client_start(client, net_test_connect(world->port), "localhost", NULL));
}

static inline void http_client_close(struct http_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
}

static inline void http_client_say(const struct http_client *client, const char *text)
{
    assert_int_equal(SSL_write(client->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* One answer: its head and as much body as Content-Length or chunks say, else until the end. */
static inline size_t http_client_hear(const struct http_client *client, char *out_text, size_t size)
{
    size_t got = 0;
    out_text[0] = '\0';
    while (got + 1 < size) {
        const char *end = strstr(out_text, "\r\n\r\n");
        const char *length = end == NULL ? NULL : strcasestr(out_text, "\r\ncontent-length: ");
        bool is_chunked = end != NULL && strcasestr(out_text, "transfer-encoding: chunked") != NULL;
        if (length != NULL && length < end && got >= (size_t)(end - out_text) + 4 + strtoul(length + 18, NULL, 10)) {
            break;
        }
        if (is_chunked && got >= 5 && memcmp(out_text + got - 5, "0\r\n\r\n", 5) == 0) {
            break;
        }
        int piece = SSL_read(client->ssl, out_text + got, (int)(size - got - 1));
        if (piece <= 0) {
            break;
        }
        got += (size_t)piece;
        out_text[got] = '\0';
    }
    return got;
}

/* All that comes until text did. */
static inline size_t http_client_hear_until(const struct http_client *client, char *out_text, size_t size,
                                            const char *text)
{
    size_t got = 0;
    out_text[0] = '\0';
    while (strstr(out_text, text) == NULL && got + 1 < size) {
        int piece = SSL_read(client->ssl, out_text + got, (int)(size - got - 1));
        if (piece <= 0) {
            break;
        }
        got += (size_t)piece;
        out_text[got] = '\0';
    }
    return got;
}

/* Takes the chunks' frames out of an answer. */
static inline void http_world_unchunk(char *answer)
{
    char *at = strstr(answer, "\r\n\r\n");
    if (at == NULL || strcasestr(answer, "transfer-encoding: chunked") == NULL) {
        return;
    }
    char *out = at + 4;
    for (char *chunk = at + 4; *chunk != '\0';) {
        char *bytes = NULL;
        size_t size = strtoul(chunk, &bytes, 16);
        memmove(out, bytes + 2, size);
        out += size;
        chunk = size == 0 ? bytes + strlen(bytes) : bytes + 2 + size + 2;
    }
    *out = '\0';
}

/* Until the condition holds. */
static inline void http_world_wait(struct http_world *world, bool (*condition)(struct http_world *world))
{
    for (int i = 0; i < HTTP_WORLD_LIMIT_S * 100 && !condition(world); i++) {
        usleep(10000);
    }
    assert_true(condition(world));
}

static inline bool http_world_origin_has_one(struct http_world *world)
{
    return atomic_load(&world->origin.live) > 0 && http_origin_has_seen(&world->origin, "\r\n\r\n");
}

static inline bool http_world_origin_has_none(struct http_world *world)
{
    return atomic_load(&world->origin.live) == 0;
}

/* Whether the server has ended the connection, and said nothing more. */
static inline bool http_client_is_at_end(const struct http_client *client)
{
    char byte = 0;
    return SSL_read(client->ssl, &byte, 1) <= 0;
}

/* One connection, one text, one answer. */
static inline void http_world_ask(const struct http_world *world, const char *text, char *out_answer, size_t size)
{
    struct http_client client = {0};
    http_client_open(&client, world);
    http_client_say(&client, text);
    (void)http_client_hear(&client, out_answer, size);
    http_client_close(&client);
}

#endif
