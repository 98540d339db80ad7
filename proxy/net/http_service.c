/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 by libh2o: its loop, parser and TLS, in one thread with a loop of its own. Here are the limits, the end and
 * the way to the handler. Used by `rowgate audit witness`, by the exporter for its peers and by the gateway for its
 * metrics. */
#include "proxy/net/http_service.h"

#include <arpa/inet.h>
#include <errno.h>
#define H2O_USE_LIBUV 0
#include <h2o.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/net/h2o_library.h"
#include "proxy/net/listener.h"
#include "proxy/net/stream_private.h"

enum { TURN_MS = 50, ACCEPTS_A_TURN = 16, LAST_WORDS_MS = 1000 };

struct connection {
    struct http_service *service;
    struct connection *next;
    struct connection **link; /* what points to this one */
    int fd;
};

struct http_service {
    struct net_listener *listener;
    struct net_tls *tls; /* NULL = cleartext */
    size_t answer_max;
    unsigned timeout_ms;
    unsigned connections_max;
    void (*handle)(void *context, const struct http_service_request *request, struct http_service_answer *answer);
    void *context;
    h2o_globalconf_t config;
    h2o_context_t h2o;
    h2o_accept_ctx_t acceptor;
    h2o_evloop_t *loop;
    struct connection *connections;
    unsigned connection_count;
    atomic_bool is_ending;
    pthread_t thread;
};

struct handler {
    h2o_handler_t super; /* first: libh2o hands it back */
    struct http_service *service;
};

/* ---- requests ---- */

static struct rg_slice slice_of(h2o_iovec_t bytes)
{
    return rg_slice_make(bytes.base, bytes.len);
}

static void name_client(h2o_req_t *req, char out_text[NI_MAXHOST])
{
    struct sockaddr_storage address = {0};
    socklen_t size = req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&address);
    if (size == 0 || getnameinfo((struct sockaddr *)&address, size, out_text, NI_MAXHOST, NULL, 0, NI_NUMERICHOST)) {
        (void)snprintf(out_text, NI_MAXHOST, "unknown");
    }
}

static void send_answer(h2o_req_t *req, const struct http_service_answer *answer)
{
    struct rg_slice body = rg_buf_slice(answer->body);
    const char *type = answer->content_type == NULL ? "text/plain; charset=utf-8" : answer->content_type;
    req->res.status = answer->status;
    req->res.reason = answer->status == 200 ? "OK" : "Answer";
    if (answer->allow != NULL) {
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("allow"), 0, NULL, answer->allow,
                              strlen(answer->allow));
    }
    req->res.content_length = body.size;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
    h2o_send_inline(req, body.size == 0 ? "" : body.data, body.size);
}

static int on_request(h2o_handler_t *super, h2o_req_t *req)
{
    const struct http_service *service = ((struct handler *)(void *)super)->service;
    RG_AUTO(rg_buf_done) struct rg_buf body;
    char client[NI_MAXHOST];
    struct http_service_answer answer = {.status = 500, .body = &body};
    rg_buf_init(&body, service->answer_max);
    name_client(req, client);
    const struct http_service_request request = {.method = slice_of(req->input.method),
                                                 .path = slice_of(req->input.path),
                                                 .body = slice_of(req->entity),
                                                 .client = client};
    service->handle(service->context, &request, &answer);
    send_answer(req, &answer);
    return 0;
}

/* ---- connections ---- */

static void on_close(void *data)
{
    struct connection *connection = data;
    *connection->link = connection->next;
    if (connection->next != NULL) {
        connection->next->link = connection->link;
    }
    connection->service->connection_count--;
    rg_memory_free(connection);
}

/* A client that takes nothing more of its answer is cut off: also one whose window stays closed. */
static void limit_silence(int fd, unsigned timeout_ms)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void take_connection(struct http_service *service, h2o_socket_t *socket)
{
    struct connection *connection = rg_memory_alloc(sizeof *connection);
    *connection = (struct connection){.service = service,
                                      .next = service->connections,
                                      .link = &service->connections,
                                      .fd = h2o_socket_get_fd(socket)};
    if (connection->next != NULL) {
        connection->next->link = &connection->next;
    }
    service->connections = connection;
    service->connection_count++;
    socket->on_close.cb = on_close;
    socket->on_close.data = connection;
    limit_silence(connection->fd, service->timeout_ms);
    h2o_accept(&service->acceptor, socket);
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    struct http_service *service = listener->data;
    if (error != NULL) {
        return;
    }
    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        h2o_socket_t *socket = h2o_evloop_socket_accept(listener);
        if (socket == NULL) {
            return;
        }
        if (service->connection_count >= service->connections_max) {
            h2o_socket_close(socket);
        } else {
            take_connection(service, socket);
        }
    }
}

/* ---- the thread ---- */

static void run_for(struct http_service *service, int64_t ms)
{
    int64_t end = (int64_t)h2o_now(service->loop) + ms;
    while (service->connection_count > 0 && (int64_t)h2o_now(service->loop) < end) {
        (void)h2o_evloop_run(service->loop, TURN_MS);
    }
}

static void end_connections(struct http_service *service)
{
    service->h2o.shutdown_requested = 1; /* h2o_context_request_shutdown starts timers of HTTP/2, which outlive all */
    for (const struct connection *at = service->connections; at != NULL; at = at->next) {
        (void)shutdown(at->fd, SHUT_RD); /* who is being answered gets his answer; who is not sees the end */
    }
    run_for(service, LAST_WORDS_MS);
    for (const struct connection *at = service->connections; at != NULL; at = at->next) {
        (void)shutdown(at->fd, SHUT_RDWR);
    }
    run_for(service, LAST_WORDS_MS);
}

static void *run(void *argument)
{
    struct http_service *service = argument;
    h2o_socket_t *listener =
        h2o_evloop_socket_create(service->loop, dup(net_listener_fd(service->listener)), H2O_SOCKET_FLAG_DONT_READ);
    listener->data = service;
    h2o_socket_read_start(listener, on_accept);
    while (!atomic_load(&service->is_ending)) {
        (void)h2o_evloop_run(service->loop, TURN_MS);
    }
    h2o_socket_read_stop(listener);
    h2o_socket_close(listener);
    net_listener_refuse(service->listener);
    end_connections(service);
    (void)h2o_evloop_run(service->loop, 0); /* frees what was closed */
    return NULL;
}

static rg_status start_thread(struct http_service *service)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&service->thread, NULL, run, service);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? RG_OK : rg_fail(RG_INTERNAL, "cannot start a thread: %s", strerror(error));
}

/* ---- setting up ---- */

static bool is_loopback(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address;
    return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static rg_status open_listener(struct http_service *service, const struct http_service_options *options)
{
    service->listener = options->listener;
    if (service->listener == NULL) {
        RG_TRY(net_listener_open(options->address, &service->listener));
    }
    if (options->tls != NULL) {
        service->tls = net_tls_ref(options->tls);
        net_tls_use_http(service->tls);
        return RG_OK;
    }
    if (!is_loopback(net_listener_fd(service->listener))) {
        return rg_fail(RG_CONFIG, "%.*s is not a loopback address: it needs a certificate and a key",
                       rg_slice_shown(options->address), options->address.data == NULL ? "" : options->address.data);
    }
    return RG_OK;
}

static void set_up_h2o(struct http_service *service, const struct http_service_options *options)
{
    net_h2o_prepare();
    h2o_config_init(&service->config);
    service->config.server_name = h2o_iovec_init(H2O_STRLIT("rowgate"));
    service->config.max_request_entity_size = options->body_max;
    service->config.handshake_timeout = options->timeout_ms;
    service->config.http1.req_timeout = options->timeout_ms;
    service->config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host = h2o_config_register_host(&service->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct handler *handler = (struct handler *)(void *)h2o_create_handler(path, sizeof *handler);
    handler->super.on_req = on_request;
    handler->service = service;
    service->loop = h2o_evloop_create();
    h2o_context_init(&service->h2o, service->loop, &service->config);
    service->acceptor = (h2o_accept_ctx_t){.ctx = &service->h2o, .hosts = service->config.hosts};
    if (service->tls != NULL) {
        service->acceptor.ssl_ctx = net_tls_context(service->tls);
    }
}

static void free_service(struct http_service **service)
{
    struct http_service *old = *service;
    *service = NULL;
    if (old != NULL && old->loop != NULL) {
        h2o_context_dispose(&old->h2o); /* leaves its queue behind: h2o_library.c */
        h2o_evloop_destroy(old->loop);
        h2o_config_dispose(&old->config);
    }
    if (old != NULL) {
        net_tls_release(&old->tls);
        net_listener_close(&old->listener);
        rg_memory_free(old);
    }
}

rg_status http_service_open(const struct http_service_options *options, struct http_service **out_service)
{
    RG_AUTO(free_service) struct http_service *service = rg_memory_alloc(sizeof *service);
    RG_ASSERT(options->timeout_ms > 0 && options->connections_max > 0 && options->body_max > 0);
    service->answer_max = options->answer_max;
    service->timeout_ms = options->timeout_ms;
    service->connections_max = options->connections_max;
    service->handle = options->handle;
    service->context = options->context;
    atomic_init(&service->is_ending, false);
    RG_TRY(open_listener(service, options));
    set_up_h2o(service, options);
    RG_TRY(start_thread(service));
    *out_service = service;
    service = NULL;
    return RG_OK;
}

uint16_t http_service_port(const struct http_service *service)
{
    return net_listener_port(service->listener);
}

void http_service_close(struct http_service **service)
{
    if (*service != NULL) {
        atomic_store(&(*service)->is_ending, true);
        (void)pthread_join((*service)->thread, NULL);
        free_service(service);
    }
}
