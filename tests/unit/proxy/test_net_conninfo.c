/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/conninfo.h"

#include <stdlib.h>

#include "tests/support/rg_test.h"

static struct net_conninfo *const untouched = (struct net_conninfo *)0x10;

static void takes_keywords_and_uris(void **state)
{
    (void)state;
    static const char *const dsns[] = {"host=db.example dbname=sales user=app", "postgresql://app@db.example/sales",
                                       "postgres://app:pw@db.example/sales"};
    for (size_t i = 0; i < 3; i++) {
        struct net_conninfo *conninfo = NULL;
        assert_ok(net_conninfo_parse(rg_slice_of(dsns[i]), RG_SLICE("secret"), NET_CONNINFO_PINS_POSTGRES, &conninfo));
        assert_string_equal(net_conninfo_dbname(conninfo), "sales");
        assert_string_equal(net_conninfo_user(conninfo), "app");
        assert_string_equal(net_conninfo_host(conninfo), "db.example");
        net_conninfo_release(&conninfo);
        assert_null(conninfo);
    }
}

struct refusal {
    const char *dsn;
    const char *text; /* in the error */
};

static void refuses_with_libpqs_words(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        {"hos=a", "invalid connection option \"hos\""},
        {"host=a sslmode=maybe", "sslmode"},
        {"host=a,b port=1,2,3", "3 port numbers to 2 hosts"},
        {"postgresql://u@h/d?colour=red", "colour"},
        {"host=a client_encoding=LATIN1", "client_encoding must be UTF8"},
        {"host=a client_encoding=auto", "client_encoding must be UTF8"},
        {"host=a gssencmode=require", "gssencmode must be disable"},
        {"host=a replication=database", "replication"},
        {"host='a", "unterminated quoted string"},
        {"host=a port=0", "port must be"},
        {"host=a port=65536", "port must be"},
        {"host=a,b port=1,x", "port must be"},
        {"host=a port=-1", "port must be"},
        {"host=a port=99999999999999999999999999", "port must be"},
        {"service=absent-gssencmode", "absent-gssencmode"},
        {"user=a service=rowgate:probe", "rowgate:probe"},
        {"service=absent-service-of-a-test", "absent-service-of-a-test"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_conninfo *conninfo = untouched;
        rg_status status =
            net_conninfo_parse(rg_slice_of(rows[i].dsn), (struct rg_slice){0}, NET_CONNINFO_PINS_POSTGRES, &conninfo);
        assert_fails(RG_CONFIG, status);
        if (strstr(status.error->text, rows[i].text) == NULL) {
            fail_msg("%s: %s", rows[i].dsn, status.error->text);
        }
        assert_ptr_equal(conninfo, untouched);
    }
}

static void never_prints_a_password_that_broke_the_string(void **state)
{
    (void)state;
    static const char *const dsns[] = {
        "host=a password=hun ter2",
        "host=a password='hunter2",
        "postgresql://u:hunter2@[h/d",
        "postgresql://u:hunter2@h:p:q/d",
        "postgresql://u:%zzhunter2@h/d",
        "postgresql://u@h/d?password=hunter2=x",
        "host=a password=hunter2 sslmode=maybe",
        "host=a,b port=1,2,3 password=hunter2",
    };
    for (size_t i = 0; i < sizeof dsns / sizeof *dsns; i++) {
        struct net_conninfo *conninfo = untouched;
        rg_status status =
            net_conninfo_parse(rg_slice_of(dsns[i]), RG_SLICE("s3cret"), NET_CONNINFO_PINS_POSTGRES, &conninfo);
        assert_fails(RG_CONFIG, status);
        if (strstr(status.error->text, "ter2") != NULL || strstr(status.error->text, "s3cret") != NULL) {
            fail_msg("%s: %s", dsns[i], status.error->text);
        }
    }
}

static void refuses_zero_bytes(void **state)
{
    (void)state;
    struct net_conninfo *conninfo = untouched;
    assert_fails(RG_CONFIG, net_conninfo_parse(RG_SLICE("host=a\0 user=b"), (struct rg_slice){0},
                                               NET_CONNINFO_PINS_NONE, &conninfo));
    assert_fails(RG_CONFIG,
                 net_conninfo_parse(RG_SLICE("host=a"), RG_SLICE("pass\0word"), NET_CONNINFO_PINS_NONE, &conninfo));
    assert_ptr_equal(conninfo, untouched);
}

static void a_string_without_a_database_takes_libpqs_default(void **state)
{
    (void)state;
    struct net_conninfo *conninfo = NULL;
    assert_ok(net_conninfo_parse(RG_SLICE("user=app"), (struct rg_slice){0}, NET_CONNINFO_PINS_NONE, &conninfo));
    assert_string_equal(net_conninfo_dbname(conninfo), "app");
    struct net_conninfo *second = net_conninfo_ref(conninfo);
    net_conninfo_release(&conninfo);
    assert_string_equal(net_conninfo_user(second), "app");
    net_conninfo_release(&second);
}

static void too_long_options_are_refused(void **state)
{
    (void)state;
    static char dsn[4096] = "options='";
    memset(dsn + 9, 'x', 3000);
    dsn[3009] = '\'';
    struct net_conninfo *conninfo = untouched;
    assert_fails(RG_CONFIG,
                 net_conninfo_parse(rg_slice_of(dsn), (struct rg_slice){0}, NET_CONNINFO_PINS_POSTGRES, &conninfo));
    assert_ptr_equal(conninfo, untouched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_keywords_and_uris),
        cmocka_unit_test(refuses_with_libpqs_words),
        cmocka_unit_test(never_prints_a_password_that_broke_the_string),
        cmocka_unit_test(refuses_zero_bytes),
        cmocka_unit_test(a_string_without_a_database_takes_libpqs_default),
        cmocka_unit_test(too_long_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
