/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/tls.h"

#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>

#include "proxy/net/listener.h"
#include "proxy/net/stream.h"
#include "tests/support/net_test.h"

static struct net_test_identity identity;

/* What the client's thread does and saw. Plain fields: read after the join. */
struct client {
    uint16_t port;
    bool is_direct;      /* no SSLRequest */
    const char *early;   /* sent right behind the SSLRequest */
    const char *garbage; /* sent in place of a ClientHello */
    bool leaves;         /* closes in place of a ClientHello */
    int max_version;     /* 0 = any */
    const char *alpn;    /* wire form */
    const char *says;    /* after the handshake */
    size_t sends;        /* bytes after the handshake */
    size_t receives;     /* bytes before the close; slowly at first */
    bool is_connected;
    bool has_close_notify;
    bool has_ticket;
    size_t received;
    int alert;
    char version[16];
    char reply[64];
};

static void note_alert(const SSL *ssl, int where, int value)
{
    struct client *client = SSL_get_app_data(ssl);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) {
        client->alert = value & 0xff;
    }
}

static void receive_all(struct client *client, SSL *ssl)
{
    static char chunk[65536];
    int got = 1;
    while (got > 0) {
        got = SSL_read(ssl, chunk, sizeof chunk);
        if (got > 0) {
            client->received += (size_t)got;
            if (client->receives > 0 && client->received < 1024 * 1024) {
                usleep(2000); /* slow at first: the server must wait, not buffer */
            }
        }
    }
    client->has_close_notify = SSL_get_error(ssl, got) == SSL_ERROR_ZERO_RETURN;
}

static void talk(struct client *client, SSL *ssl)
{
    static char chunk[65536];
    (void)snprintf(client->version, sizeof client->version, "%s", SSL_get_version(ssl));
    if (client->says != NULL) {
        assert_int_equal(SSL_write(ssl, client->says, (int)strlen(client->says)), strlen(client->says));
    }
    for (size_t sent = 0; sent < client->sends; sent += sizeof chunk) {
        if (SSL_write(ssl, chunk, sizeof chunk) <= 0) {
            return;
        }
    }
    if (client->receives == 0) {
        int got = SSL_read(ssl, client->reply, sizeof client->reply - 1);
        client->reply[got > 0 ? got : 0] = '\0';
    }
    receive_all(client, ssl);
    client->has_ticket = SSL_SESSION_has_ticket(SSL_get0_session(ssl)) == 1;
}

static bool request_tls(const struct client *client, int fd)
{
    static const char request[8] = {0, 0, 0, 8, 4, (char)210, 22, 47};
    char text[64];
    size_t early = client->early == NULL ? 0 : strlen(client->early);
    memcpy(text, request, sizeof request);
    memcpy(text + sizeof request, client->early == NULL ? "" : client->early, early);
    char answer = 0;
    return send(fd, text, sizeof request + early, MSG_NOSIGNAL) > 0 && recv(fd, &answer, 1, 0) == 1 && answer == 'S';
}

static void *run_client(void *arg)
{
    struct client *client = arg;
    int fd = net_test_connect(client->port);
    bool goes_on = client->is_direct || request_tls(client, fd);
    if (goes_on && client->garbage != NULL) {
        (void)send(fd, client->garbage, strlen(client->garbage), MSG_NOSIGNAL);
        char rest[256];
        while (recv(fd, rest, sizeof rest, 0) > 0) {
        }
    } else if (goes_on && !client->leaves) {
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, client->max_version);
        if (client->alpn != NULL) {
            SSL_CTX_set_alpn_protos(context, (const unsigned char *)client->alpn, (unsigned)strlen(client->alpn));
        }
        SSL *ssl = SSL_new(context);
        SSL_set_app_data(ssl, client);
        SSL_set_info_callback(ssl, note_alert);
        SSL_set_fd(ssl, fd);
        client->is_connected = SSL_connect(ssl) == 1;
        if (client->is_connected) {
            talk(client, ssl);
        }
        SSL_free(ssl);
        SSL_CTX_free(context);
        ERR_clear_error();
    }
    close(fd);
    return NULL;
}

struct server {
    struct net_loop *loop;
    struct net_listener *listener;
    struct net_acceptor *acceptor;
    struct net_tls *tls;
    struct net_stream *stream;
    bool is_requested; /* SSLRequest answered, or direct TLS begun */
    bool is_refused;   /* bytes before the handshake */
    bool is_handshaken;
    bool is_done; /* the connection is over */
    bool closes_in_done;
    bool closes_in_handshake;
    bool echoes;
    bool meets_errors; /* of others, in the thread's queue, at each call */
    size_t produces;
    size_t produced;
    size_t most_pending;
    size_t drains;
    size_t expects; /* bytes, read with pauses */
    size_t received;
    size_t most_input;
    struct net_timer resume;
    char error[256];
    char alpn[32];
    char version[16];
    char cipher[64];
};

static void note_pending(struct server *server)
{
    size_t pending = net_stream_pending(server->stream);
    server->most_pending = pending > server->most_pending ? pending : server->most_pending;
}

static void produce(struct server *server)
{
    static char block[65536];
    while (server->produced < server->produces && !net_stream_is_full(server->stream)) {
        assert_ok(net_stream_write(server->stream, rg_slice_make(block, sizeof block)));
        server->produced += sizeof block;
        note_pending(server);
    }
    if (server->produced >= server->produces) {
        net_stream_finish(&server->stream);
        server->is_done = true;
    }
}

static void on_handshake(void *context, struct net_stream *stream, const char *error)
{
    struct server *server = context;
    if (error != NULL) {
        (void)snprintf(server->error, sizeof server->error, "%s", error);
        assert_false(net_stream_is_tls(stream));
        net_stream_finish(&server->stream);
        server->is_done = true;
        return;
    }
    server->is_handshaken = true;
    struct rg_slice alpn = net_stream_tls_alpn(stream);
    (void)snprintf(server->alpn, sizeof server->alpn, "%.*s", (int)alpn.size, alpn.size == 0 ? "" : alpn.data);
    (void)snprintf(server->version, sizeof server->version, "%s", net_stream_tls_version(stream));
    (void)snprintf(server->cipher, sizeof server->cipher, "%s", net_stream_tls_cipher(stream));
    if (server->closes_in_done) {
        net_stream_close(&server->stream);
        server->is_done = true;
    } else if (server->produces > 0) {
        produce(server);
    }
}

static void start_tls(struct server *server)
{
    server->is_requested = true;
    net_stream_start_tls(server->stream, server->tls, on_handshake, server);
    if (server->closes_in_handshake) {
        net_stream_close(&server->stream);
        server->is_done = true;
    }
}

static void answer_request(struct server *server, struct net_stream *stream, struct rg_slice input)
{
    if (input.data[0] == 0x16) {
        start_tls(server);
    } else if (input.size >= 8) {
        net_stream_consume(stream, 8);
        if (net_stream_input(stream).size > 0) {
            server->is_refused = true;
            server->is_done = true;
            net_stream_close(&server->stream);
            return;
        }
        assert_ok(net_stream_write(stream, RG_SLICE("S")));
        start_tls(server);
    }
}

static void on_resume(void *context)
{
    struct server *server = context;
    net_stream_resume(server->stream);
}

static void take_input(struct server *server, struct net_stream *stream, struct rg_slice input)
{
    server->most_input = input.size > server->most_input ? input.size : server->most_input;
    server->received += input.size;
    if (server->echoes) {
        assert_ok(net_stream_write(stream, input));
    }
    net_stream_consume(stream, input.size);
    if (server->echoes || (server->expects > 0 && server->received >= server->expects)) {
        net_stream_finish(&server->stream);
        server->is_done = true;
    } else if (server->expects > 0 && server->received % 7 == 0) {
        net_stream_pause(stream);
        net_timer_start(server->loop, &server->resume, 1, on_resume, server);
    }
}

static void on_input(void *context, struct net_stream *stream)
{
    struct server *server = context;
    struct rg_slice input = net_stream_input(stream);
    if (server->is_handshaken) {
        take_input(server, stream, input);
    } else {
        assert_false(server->is_requested); /* no clear text while the handshake runs */
        answer_request(server, stream, input);
    }
}

static void on_drained(void *context, struct net_stream *stream)
{
    (void)stream;
    struct server *server = context;
    server->drains++;
    produce(server);
}

static void on_closed(void *context, struct net_stream *stream, const char *reason)
{
    (void)stream;
    struct server *server = context;
    (void)snprintf(server->error, sizeof server->error, "%s", reason);
    net_stream_close(&server->stream);
    server->is_done = true;
}

static const struct net_stream_events events = {on_input, on_drained, on_closed};

static void on_accept(void *context, struct net_stream *stream)
{
    struct server *server = context;
    server->stream = stream;
    net_stream_set_events(stream, &events, server);
}

static void leave_error(void *context)
{
    (void)context;
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
}

/* One server, one client, from connect to the client's end. */
static void meet(struct server *server, struct client *client, enum net_tls_version min_version)
{
    assert_ok(net_loop_new(NULL, &server->loop));
    if (server->meets_errors) {
        net_loop_set_turn_end(server->loop, leave_error, NULL);
    }
    assert_ok(
        net_tls_server_new(rg_slice_of(identity.certificate), rg_slice_of(identity.key), min_version, &server->tls));
    assert_ok(net_listener_open(RG_SLICE("127.0.0.1:0"), &server->listener));
    assert_ok(net_listener_start(server->listener, server->loop, on_accept, server, &server->acceptor));
    client->port = net_listener_port(server->listener);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_client, client), 0);
    assert_true(net_test_run_until(server->loop, &server->is_done, 60000));
    net_test_run_for(server->loop, 50);
    net_acceptor_stop(&server->acceptor);
    for (bool is_joined = false; !is_joined;) {
        is_joined = pthread_tryjoin_np(thread, NULL) == 0;
        net_loop_turn(server->loop, 5);
    }
    net_timer_stop(&server->resume);
    net_stream_close(&server->stream);
    net_listener_close(&server->listener);
    net_tls_release(&server->tls);
    net_loop_free(&server->loop);
}

static void a_client_talks_inside_tls_after_the_ssl_request(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    for (size_t i = 0; i < 2; i++) {
        struct server server = {.echoes = true};
        struct client client = {.says = "hello", .max_version = versions[i]};
        meet(&server, &client, NET_TLS_1_2);
        assert_string_equal(client.reply, "hello");
        assert_string_equal(client.version, names[i]);
        assert_string_equal(server.version, names[i]);
        assert_non_null(strstr(server.cipher, "AES"));
        assert_string_equal(server.alpn, "");
        assert_true(client.has_close_notify);
        assert_false(client.has_ticket);
    }
}

static void bytes_before_the_handshake_are_seen(void **state)
{
    (void)state;
    struct server server = {0};
    struct client client = {.early = "Q"};
    meet(&server, &client, NET_TLS_1_2);
    assert_true(server.is_refused);
    assert_false(client.is_connected);
}

static void direct_tls_gets_the_bytes_that_were_read_already(void **state)
{
    (void)state;
    struct server server = {.echoes = true};
    struct client client = {.is_direct = true, .alpn = "\x0apostgresql", .says = "direct"};
    meet(&server, &client, NET_TLS_1_2);
    assert_string_equal(client.reply, "direct");
    assert_string_equal(server.alpn, "postgresql");
}

static void another_alpn_is_refused_by_an_alert(void **state)
{
    (void)state;
    struct server server = {0};
    struct client client = {.is_direct = true, .alpn = "\x02h2\x08http/1.1"};
    meet(&server, &client, NET_TLS_1_2);
    assert_false(client.is_connected);
    assert_int_equal(client.alert, 120);
    assert_false(server.is_handshaken);
    assert_non_null(strstr(server.error, "TLS handshake failed: "));
}

static void postgresql_among_other_alpn_names_is_chosen(void **state)
{
    (void)state;
    struct server server = {.echoes = true};
    struct client client = {.alpn = "\x02h2\x0apostgresql", .says = "x"};
    meet(&server, &client, NET_TLS_1_2);
    assert_string_equal(server.alpn, "postgresql");
}

static void old_versions_are_refused(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION};
    for (size_t i = 0; i < 3; i++) {
        struct server server = {0};
        struct client client = {.max_version = versions[i], .says = "x"};
        meet(&server, &client, NET_TLS_1_3);
        assert_false(client.is_connected);
        assert_false(server.is_handshaken);
        assert_int_equal(client.alert, SSL3_AD_HANDSHAKE_FAILURE + 30); /* 70, protocol_version */
    }
}

static void clear_text_in_place_of_a_handshake_is_an_error(void **state)
{
    (void)state;
    struct server server = {0};
    struct client client = {.garbage = "SELECT secret FROM everything; and so on"};
    meet(&server, &client, NET_TLS_1_2);
    assert_false(server.is_handshaken);
    assert_non_null(strstr(server.error, "TLS handshake failed: "));
    assert_null(strchr(server.error, '\n'));
}

static void a_client_that_leaves_in_the_handshake_is_an_error(void **state)
{
    (void)state;
    struct server server = {0};
    struct client client = {.leaves = true};
    meet(&server, &client, NET_TLS_1_2);
    assert_false(server.is_handshaken);
    assert_string_equal(server.error, "TLS handshake failed: connection closed by the peer");
}

static void a_stream_may_be_closed_inside_its_handshake_or_at_its_end(void **state)
{
    (void)state;
    struct server early = {.closes_in_handshake = true};
    struct client first = {.says = "x"};
    meet(&early, &first, NET_TLS_1_2);
    assert_false(first.is_connected);
    assert_false(early.is_handshaken);
    struct server late = {.closes_in_done = true};
    struct client second = {.says = "x"};
    meet(&late, &second, NET_TLS_1_2);
    assert_true(late.is_handshaken);
    assert_false(second.has_close_notify);
}

static void a_hundred_megabytes_leave_with_bounded_memory_when_the_reader_is_slow(void **state)
{
    (void)state;
    struct server server = {.produces = 100u * 1024 * 1024};
    struct client client = {.receives = server.produces};
    meet(&server, &client, NET_TLS_1_2);
    assert_int_equal(client.received, server.produces);
    assert_true(client.has_close_notify);
    assert_true(server.drains > 10);
    assert_true(server.most_pending <= NET_STREAM_HIGH_BYTES + 65536);
}

static void a_hundred_megabytes_arrive_with_bounded_memory_when_we_pause(void **state)
{
    (void)state;
    struct server server = {.expects = 100u * 1024 * 1024};
    struct client client = {.sends = server.expects};
    meet(&server, &client, NET_TLS_1_2);
    assert_int_equal(server.received, server.expects);
    assert_true(server.most_input <= NET_STREAM_INPUT_BYTES + NET_STREAM_READ_BYTES);
}

static void errors_that_others_left_behind_end_no_connection(void **state)
{
    (void)state;
    struct server talker = {.echoes = true, .meets_errors = true};
    struct client first = {.says = "hello"};
    meet(&talker, &first, NET_TLS_1_2);
    assert_string_equal(first.reply, "hello");
    assert_true(first.has_close_notify);
    struct server producer = {.produces = 32u * 1024 * 1024, .meets_errors = true};
    struct client second = {.receives = producer.produces};
    meet(&producer, &second, NET_TLS_1_2);
    assert_int_equal(second.received, producer.produces);
    assert_true(second.has_close_notify);
    ERR_clear_error();
}

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* the client's side: OpenSSL's own socket BIO */
    net_test_make_identity(&identity, 3600);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_talks_inside_tls_after_the_ssl_request),
        cmocka_unit_test(bytes_before_the_handshake_are_seen),
        cmocka_unit_test(direct_tls_gets_the_bytes_that_were_read_already),
        cmocka_unit_test(another_alpn_is_refused_by_an_alert),
        cmocka_unit_test(postgresql_among_other_alpn_names_is_chosen),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(clear_text_in_place_of_a_handshake_is_an_error),
        cmocka_unit_test(a_client_that_leaves_in_the_handshake_is_an_error),
        cmocka_unit_test(a_stream_may_be_closed_inside_its_handshake_or_at_its_end),
        cmocka_unit_test(a_hundred_megabytes_leave_with_bounded_memory_when_the_reader_is_slow),
        cmocka_unit_test(a_hundred_megabytes_arrive_with_bounded_memory_when_we_pause),
        cmocka_unit_test(errors_that_others_left_behind_end_no_connection),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
