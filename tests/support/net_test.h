/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_NET_TEST_H
#define RG_TESTS_SUPPORT_NET_TEST_H

/* What the tests of proxy/net share: running a loop until something has happened, sockets, a
 * certificate of their own. */
#include "tests/support/rg_test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/net/loop.h"

/* Turns until *flag, at most limit_ms. */
static inline bool net_test_run_until(struct net_loop *loop, const bool *flag, int limit_ms)
{
    int64_t end_us = net_loop_now_us(loop) + (int64_t)limit_ms * 1000;
    while (!*flag && net_loop_now_us(loop) < end_us) {
        net_loop_turn(loop, 20);
    }
    return *flag;
}

static inline void net_test_run_for(struct net_loop *loop, int limit_ms)
{
    bool never = false;
    (void)net_test_run_until(loop, &never, limit_ms);
}

static inline void net_test_pair(int out_fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out_fds), 0);
}

/* A listening socket on a free loopback port. */
static inline int net_test_listen(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static inline int net_test_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline size_t net_test_open_files(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

struct net_test_identity {
    char certificate[4096];
    char key[4096];
};

static inline void net_test_write_pem(BIO *bio, char *out_text, size_t size)
{
    int got = BIO_read(bio, out_text, (int)size - 1);
    assert_true(got > 0);
    out_text[got] = '\0';
    BIO_free(bio);
}

/* A self-signed P-256 certificate for "localhost" that expires in valid_s seconds. */
static inline void net_test_make_identity(struct net_test_identity *out_identity, long valid_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), valid_s);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    net_test_write_pem(bio, out_identity->certificate, sizeof out_identity->certificate);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    net_test_write_pem(bio, out_identity->key, sizeof out_identity->key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

#endif
