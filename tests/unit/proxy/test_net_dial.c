/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to an upstream: by address and by name, with TLS and without, refused, too slow, given up. */
#include "proxy/net/dial.h"

#include <pthread.h>
#include <signal.h>

#include "proxy/net/offload.h"
#include "proxy/net/stream.h"
#include "proxy/net/tls_client.h"
#include "tests/support/net_test.h"

enum { LIMIT_MS = 20000 };

/* A TLS server of one connection, in a thread. */
struct peer {
    int fd;
    uint16_t port;
    pthread_t thread;
    struct net_test_identity identity;
    char server_name[64];
    bool is_silent; /* accepts and says nothing */
};

static int note_name(SSL *ssl, int *alert, void *context)
{
    struct peer *peer = context;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    (void)snprintf(peer->server_name, sizeof peer->server_name, "%s", name == NULL ? "" : name);
    return SSL_TLSEXT_ERR_OK;
}

static void serve_tls(struct peer *peer, int fd)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    BIO *bio = BIO_new_mem_buf(peer->identity.certificate, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bio = BIO_new_mem_buf(peer->identity.key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
    SSL_CTX_set_tlsext_servername_callback(context, note_name);
    SSL_CTX_set_tlsext_servername_arg(context, peer);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    char byte = 0;
    if (SSL_accept(ssl) == 1) {
        (void)SSL_read(ssl, &byte, 1); /* until the dialler goes */
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void *run_peer(void *argument)
{
    struct peer *peer = argument;
    char byte = 0;
    int fd = accept(peer->fd, NULL, NULL);
    if (fd >= 0 && !peer->is_silent) {
        serve_tls(peer, fd);
    } else if (fd >= 0) {
        while (recv(fd, &byte, 1, 0) > 0) {
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

static void peer_open(struct peer *peer)
{
    peer->fd = net_test_listen(&peer->port);
    assert_int_equal(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
}

static void peer_close(struct peer *peer)
{
    (void)shutdown(peer->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    close(peer->fd);
}

struct outcome {
    bool is_done;
    int calls;
    struct net_stream *stream;
    char error[256];
};

static void on_done(void *context, struct net_stream *stream, const char *error)
{
    struct outcome *outcome = context;
    outcome->is_done = true;
    outcome->calls++;
    outcome->stream = stream;
    (void)snprintf(outcome->error, sizeof outcome->error, "%s", error == NULL ? "" : error);
    assert_true((stream == NULL) == (error != NULL));
}

struct world {
    struct net_offload *offload;
    struct net_loop *loop;
    struct net_dial *dial;
    struct outcome outcome;
};

static void world_open(struct world *world)
{
    *world = (struct world){0};
    assert_ok(net_offload_new(1, 8, &world->offload));
    assert_ok(net_loop_new(world->offload, &world->loop));
}

static void world_close(struct world *world)
{
    net_stream_close(&world->outcome.stream);
    net_loop_turn(world->loop, 0);
    net_offload_free(&world->offload);
    net_loop_free(&world->loop);
}

static void dial(struct world *world, const char *host, uint16_t port, struct net_tls_client *tls, uint64_t deadline_ms)
{
    const struct net_dial_options options = {
        .host = rg_slice_of(host), .port = port, .tls = tls, .deadline_ms = deadline_ms};
    assert_ok(net_dial_start(world->loop, &options, on_done, &world->outcome, &world->dial));
    assert_false(world->outcome.is_done); /* never before the call returns */
}

static void dial_and_wait(struct world *world, const char *host, uint16_t port, struct net_tls_client *tls)
{
    dial(world, host, port, tls, LIMIT_MS);
    assert_true(net_test_run_until(world->loop, &world->outcome.is_done, LIMIT_MS));
    net_loop_turn(world->loop, 0);
    assert_int_equal(world->outcome.calls, 1);
}

static void an_address_and_a_name_both_lead_to_a_stream(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct peer peer = {.is_silent = true};
        struct world world;
        peer_open(&peer);
        world_open(&world);
        dial_and_wait(&world, hosts[i], peer.port, NULL);
        assert_non_null(world.outcome.stream);
        assert_false(net_stream_is_tls(world.outcome.stream));
        assert_true(net_stream_is_quiet(world.outcome.stream));
        world_close(&world);
        peer_close(&peer);
    }
}

static void who_does_not_listen_or_has_no_address_is_told_of(void **state)
{
    (void)state;
    static const struct {
        const char *host, *words;
    } hosts[] = {{"127.0.0.1", "cannot connect"}, {"localhost", "cannot connect"}, {"none.invalid", "cannot look up"}};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct world world;
        uint16_t port = 0;
        int fd = net_test_listen(&port);
        close(fd);
        world_open(&world);
        dial_and_wait(&world, hosts[i].host, port, NULL);
        assert_null(world.outcome.stream);
        assert_non_null(strstr(world.outcome.error, hosts[i].words));
        world_close(&world);
    }
}

static void a_name_on_a_loop_without_threads_is_refused(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    struct net_dial *dial = NULL;
    const struct net_dial_options options = {.host = RG_SLICE("localhost"), .port = 1, .deadline_ms = 1000};
    assert_ok(net_loop_new(NULL, &loop));
    assert_fails(RG_INTERNAL, net_dial_start(loop, &options, on_done, NULL, &dial));
    assert_null(dial);
    net_loop_free(&loop);
}

static struct net_tls_client *trust(const char *host, const struct net_test_identity *identity)
{
    char path[] = "/tmp/rowgate-dial-XXXXXX";
    struct net_tls_client *client = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, identity->certificate, strlen(identity->certificate)) > 0);
    close(fd);
    assert_ok(net_tls_client_new(rg_slice_of(host), rg_slice_of(path), &client));
    (void)unlink(path);
    return client;
}

static void tls_is_spoken_with_whom_the_name_belongs_to_and_with_nobody_else(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_trusted, is_good;
    } rows[] = {{"localhost", true, true}, {"other.example", true, false}, {"localhost", false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct peer peer;
        static struct net_test_identity stranger;
        struct world world;
        peer = (struct peer){0};
        net_test_make_identity(&peer.identity, 3600);
        net_test_make_identity(&stranger, 3600);
        struct net_tls_client *tls = trust(rows[i].name, rows[i].is_trusted ? &peer.identity : &stranger);
        peer_open(&peer);
        world_open(&world);
        dial_and_wait(&world, "127.0.0.1", peer.port, tls);
        assert_int_equal(world.outcome.stream != NULL, rows[i].is_good);
        if (rows[i].is_good) {
            assert_true(net_stream_is_tls(world.outcome.stream));
            assert_string_equal(net_stream_tls_version(world.outcome.stream), "TLSv1.3");
        } else {
            assert_non_null(strstr(world.outcome.error, "certificate verify failed"));
        }
        net_tls_client_release(&tls);
        world_close(&world);
        peer_close(&peer);
        assert_string_equal(peer.server_name, rows[i].name);
    }
}

static void a_peer_that_never_shakes_hands_is_given_up(void **state)
{
    (void)state;
    static struct peer peer;
    struct world world;
    peer = (struct peer){.is_silent = true};
    net_test_make_identity(&peer.identity, 3600);
    struct net_tls_client *tls = trust("localhost", &peer.identity);
    peer_open(&peer);
    world_open(&world);
    dial(&world, "127.0.0.1", peer.port, tls, 50);
    assert_true(net_test_run_until(world.loop, &world.outcome.is_done, LIMIT_MS));
    assert_string_equal(world.outcome.error, "no connection in time");
    net_tls_client_release(&tls);
    world_close(&world);
    peer_close(&peer);
}

static void a_dial_that_is_given_up_tells_nothing_and_leaves_nothing(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    struct world world;
    world_open(&world);
    size_t before = net_test_open_files();
    for (size_t turns = 0; turns < 6; turns++) {
        struct peer peer = {.is_silent = true};
        world.outcome = (struct outcome){0};
        peer_open(&peer);
        dial(&world, hosts[turns % 2], peer.port, NULL, LIMIT_MS);
        for (size_t i = 0; i < turns / 2 && !world.outcome.is_done; i++) {
            net_loop_turn(world.loop, 0);
        }
        if (!world.outcome.is_done) {
            net_dial_cancel(&world.dial);
            assert_null(world.dial);
            net_test_run_for(world.loop, 20);
            assert_false(world.outcome.is_done);
        }
        net_stream_close(&world.outcome.stream);
        net_loop_turn(world.loop, 0);
        peer_close(&peer);
    }
    assert_int_equal(net_test_open_files(), before);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_and_a_name_both_lead_to_a_stream),
        cmocka_unit_test(who_does_not_listen_or_has_no_address_is_told_of),
        cmocka_unit_test(a_name_on_a_loop_without_threads_is_refused),
        cmocka_unit_test(tls_is_spoken_with_whom_the_name_belongs_to_and_with_nobody_else),
        cmocka_unit_test(a_peer_that_never_shakes_hands_is_given_up),
        cmocka_unit_test(a_dial_that_is_given_up_tells_nothing_and_leaves_nothing),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
