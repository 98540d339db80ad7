/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/conninfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

/* ---- what a reload takes for the same ---- */

struct folder {
    char path[64], file[96], other[96];
};

static void open_folder(struct folder *folder)
{
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/rowgate-conninfo-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    (void)snprintf(folder->file, sizeof folder->file, "%s/file", folder->path);
    (void)snprintf(folder->other, sizeof folder->other, "%s/other", folder->path);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct net_conninfo *parse(const char *dsn)
{
    struct net_conninfo *conninfo = NULL;
    assert_ok(net_conninfo_parse(rg_slice_of(dsn), RG_SLICE("pw"), NET_CONNINFO_PINS_POSTGRES, &conninfo));
    return conninfo;
}

static bool is_as_before(struct net_conninfo **before, const char *dsn)
{
    struct net_conninfo *now = parse(dsn);
    bool is_equal = net_conninfo_is_equal(*before, now) && net_conninfo_is_equal(now, *before);
    net_conninfo_release(before);
    *before = now;
    return is_equal;
}

static void another_file_on_disk_is_another_conninfo(void **state)
{
    (void)state;
    static const char *const keywords[] = {"passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"};
    struct folder folder;
    open_folder(&folder);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        char dsn[256];
        (void)snprintf(dsn, sizeof dsn, "host=db.example user=app dbname=d %s=%s", keywords[i], folder.file);
        struct net_conninfo *conninfo = parse(dsn);
        assert_true(is_as_before(&conninfo, dsn)); /* not there, twice */
        write_file(folder.file, "one");
        assert_false(is_as_before(&conninfo, dsn));
        assert_true(is_as_before(&conninfo, dsn));
        write_file(folder.other, "two"); /* of the same size, put in its place */
        assert_int_equal(rename(folder.other, folder.file), 0);
        assert_false(is_as_before(&conninfo, dsn));
        write_file(folder.file, "three"); /* written into */
        assert_false(is_as_before(&conninfo, dsn));
        assert_int_equal(unlink(folder.file), 0);
        assert_false(is_as_before(&conninfo, dsn));
        net_conninfo_release(&conninfo);
    }
    assert_int_equal(rmdir(folder.path), 0);
}

static void another_setting_or_password_is_another_conninfo(void **state)
{
    (void)state;
    static const char dsn[] = "host=db.example user=app dbname=d";
    struct net_conninfo *conninfo = parse(dsn);
    assert_true(is_as_before(&conninfo, "dbname=d user=app host=db.example"));
    assert_false(is_as_before(&conninfo, "host=db.example user=app dbname=d port=5433"));
    assert_false(is_as_before(&conninfo, dsn));
    struct net_conninfo *other = NULL;
    assert_ok(net_conninfo_parse(rg_slice_of(dsn), RG_SLICE("other"), NET_CONNINFO_PINS_POSTGRES, &other));
    assert_false(net_conninfo_is_equal(conninfo, other));
    net_conninfo_release(&other);
    assert_ok(net_conninfo_parse(rg_slice_of(dsn), RG_SLICE("pw"), NET_CONNINFO_PINS_NONE, &other));
    assert_false(net_conninfo_is_equal(conninfo, other)); /* PgBouncer's */
    net_conninfo_release(&other);
    net_conninfo_release(&conninfo);
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
        cmocka_unit_test(another_file_on_disk_is_another_conninfo),
        cmocka_unit_test(another_setting_or_password_is_another_conninfo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
