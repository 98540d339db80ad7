/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a server's certificate and key; handshakes with them: test_net_tls.c. */
#include "proxy/net/tls.h"

#include <time.h>

#include "tests/support/net_test.h"

static struct net_test_identity identity;

struct refusal {
    const char *certificate;
    const char *key;
    const char *text;
};

static void wrong_certificates_and_keys_are_refused_by_name(void **state)
{
    (void)state;
    static struct net_test_identity other;
    net_test_make_identity(&other, 3600);
    static const char locked[] =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhT0b0=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    static char cut_chain[sizeof identity.certificate + 64];
    (void)snprintf(cut_chain, sizeof cut_chain, "%s-----BEGIN CERTIFICATE-----\nAAAA\n", identity.certificate);
    const struct refusal rows[] = {
        {identity.certificate, other.key, "does not belong to the certificate"},
        {"", identity.key, "cannot read the certificate"},
        {"no PEM", identity.key, "cannot read the certificate"},
        {identity.key, identity.key, "cannot read the certificate"},
        {cut_chain, identity.key, "cannot read the certificate chain"},
        {identity.certificate, "", "cannot read the private key"},
        {identity.certificate, identity.certificate, "cannot read the private key"},
        {identity.certificate, locked, "cannot read the private key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_tls *tls = NULL;
        rg_status status =
            net_tls_server_new(rg_slice_of(rows[i].certificate), rg_slice_of(rows[i].key), NET_TLS_1_2, &tls);
        assert_fails(RG_CONFIG, status);
        assert_non_null(strstr(status.error->text, rows[i].text));
        assert_null(tls);
    }
}

static void an_expired_certificate_loads_and_says_so(void **state)
{
    (void)state;
    static struct net_test_identity old;
    net_test_make_identity(&old, -60);
    struct net_tls *tls = NULL;
    assert_ok(net_tls_server_new(rg_slice_of(old.certificate), rg_slice_of(old.key), NET_TLS_1_2, &tls));
    int64_t left_us = net_tls_expires_at_us(tls) - (int64_t)time(NULL) * 1000000;
    assert_true(left_us <= -58000000 && left_us >= -70000000);
    assert_int_equal(net_tls_server_end_point(tls).size, 32); /* ECDSA with SHA-256 */
    struct net_tls *second = net_tls_ref(tls);
    net_tls_release(&tls);
    assert_int_equal(net_tls_server_end_point(second).size, 32);
    net_tls_release(&second);
    net_tls_release(&second);
}

static int set_up(void **state)
{
    (void)state;
    net_test_make_identity(&identity, 3600);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_certificates_and_keys_are_refused_by_name),
        cmocka_unit_test(an_expired_certificate_loads_and_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
