/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue reader and the one-question session with a real PostgreSQL, which tests/support/with_postgres.sh
 * starts. */
#include "proxy/catalog_reader.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "proxy/net/query.h"
#include "tests/support/net_test.h"

static const char *dir;
static const char *port;

enum { SECOND_US = 1000000, MANY_THREADS = 4, MANY_LOOKS = 2000 };

struct events {
    atomic_int count, ok, changed, failed;
};

static void on_event(void *context, const struct catalog_event *event)
{
    struct events *events = context;
    assert_true(event->upstream.size > 0 && (event->is_ok || event->reason.size > 0));
    atomic_fetch_add(&events->count, 1);
    atomic_fetch_add(&events->ok, event->is_ok);
    atomic_fetch_add(&events->changed, event->is_changed);
    atomic_fetch_add(&events->failed, !event->is_ok);
}

static struct net_conninfo *conninfo_of(const char *rest)
{
    char dsn[512];
    struct net_conninfo *conninfo = NULL;
    (void)snprintf(dsn, sizeof dsn, "host=%s port=%s user=postgres dbname=postgres %s", dir, port, rest);
    assert_ok(net_conninfo_parse(rg_slice_of(dsn), (struct rg_slice){0}, true, &conninfo));
    return conninfo;
}

static void execute(const char *sql)
{
    char dsn[512];
    (void)snprintf(dsn, sizeof dsn, "host=%s port=%s user=postgres dbname=postgres", dir, port);
    PGconn *connection = PQconnectdb(dsn);
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    }
    PQclear(result);
    PQfinish(connection);
}

static struct catalog_reader *open_reader(const char *rest, int64_t refresh_us, struct events *events)
{
    struct catalog_reader *reader = NULL;
    struct net_conninfo *conninfo = conninfo_of(rest);
    struct catalog_source source = {RG_SLICE("main"), conninfo, 2 * SECOND_US, refresh_us};
    assert_ok(catalog_reader_new(&source, rg_clock_system(), (struct catalog_log){on_event, events}, &reader));
    net_conninfo_release(&conninfo);
    return reader;
}

static bool wait_done(struct catalog_reader *reader, uint64_t ticket, int64_t limit_us)
{
    int64_t end_us = rg_clock_monotonic_us(rg_clock_system()) + limit_us;
    while (!catalog_reader_is_done(reader, ticket) && rg_clock_monotonic_us(rg_clock_system()) < end_us) {
        (void)usleep(2000);
    }
    return catalog_reader_is_done(reader, ticket);
}

static bool knows(struct catalog_reader *reader, const char *name)
{
    struct policy_relations *relations = catalog_reader_find(reader);
    bool is_known = relations != NULL && policy_relation_find(relations, RG_SLICE("public"), rg_slice_of(name)) != NULL;
    policy_relations_free(&relations);
    return is_known;
}

static void reads_at_start_and_on_request_and_counts_versions(void **state)
{
    (void)state;
    struct events events = {0};
    struct catalog_reader *reader = open_reader("", 3600LL * SECOND_US, &events);
    assert_true(catalog_reader_wait(reader, 10 * SECOND_US));
    assert_int_equal(catalog_reader_version(reader), 1);
    execute("CREATE TABLE public.one (id int)");
    assert_false(knows(reader, "one"));
    assert_true(wait_done(reader, catalog_reader_request(reader), 10 * SECOND_US));
    assert_true(knows(reader, "one"));
    assert_int_equal(catalog_reader_version(reader), 2);
    assert_true(wait_done(reader, catalog_reader_request(reader), 10 * SECOND_US)); /* nothing new */
    assert_int_equal(catalog_reader_version(reader), 2);
    execute("DROP TABLE public.one");
    assert_true(wait_done(reader, catalog_reader_request(reader), 10 * SECOND_US));
    assert_false(knows(reader, "one"));
    catalog_reader_free(&reader);
    assert_null(reader);
    assert_int_equal(events.count, 3); /* what changed, and nothing else */
    assert_int_equal(events.changed, 3);
}

static void reads_at_most_once_a_second(void **state)
{
    (void)state;
    struct events events = {0};
    struct catalog_reader *reader = open_reader("", 3600LL * SECOND_US, &events);
    assert_true(catalog_reader_wait(reader, 10 * SECOND_US));
    int64_t start_us = rg_clock_monotonic_us(rg_clock_system());
    for (int i = 0; i < 2; i++) {
        uint64_t ticket = catalog_reader_request(reader);
        assert_int_equal(catalog_reader_request(reader), ticket); /* shared */
        assert_true(wait_done(reader, ticket, 10 * SECOND_US));
    }
    assert_true(rg_clock_monotonic_us(rg_clock_system()) - start_us > 1500000);
    catalog_reader_free(&reader);
}

static void two_reads_of_one_database_are_one_digest(void **state)
{
    (void)state;
    struct events events = {0};
    struct catalog_reader *readers[2];
    struct policy_relations *relations[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = open_reader(i == 0 ? "" : "application_name=other", 3600LL * SECOND_US, &events);
        assert_true(catalog_reader_wait(readers[i], 10 * SECOND_US));
        relations[i] = catalog_reader_find(readers[i]);
        assert_non_null(relations[i]);
    }
    assert_memory_equal(policy_relations_digest(relations[0]), policy_relations_digest(relations[1]),
                        sizeof(struct rg_digest));
    for (int i = 0; i < 2; i++) {
        catalog_reader_free(&readers[i]);
        assert_true(policy_relation_count(relations[i]) < 1000); /* lives on without its reader */
        policy_relations_free(&relations[i]);
    }
}

static void keeps_what_it_has_when_the_database_refuses_and_tells_once(void **state)
{
    (void)state;
    struct events events = {0};
    execute("CREATE ROLE fading LOGIN");
    struct catalog_reader *reader = open_reader("user=fading", SECOND_US, &events);
    assert_true(catalog_reader_wait(reader, 10 * SECOND_US));
    execute("ALTER ROLE fading NOLOGIN");
    uint64_t ticket = 0;
    for (int i = 0; i < 3; i++) {
        ticket = catalog_reader_request(reader);
        assert_true(wait_done(reader, ticket, 10 * SECOND_US));
    }
    struct policy_relations *kept = catalog_reader_find(reader);
    assert_non_null(kept);
    policy_relations_free(&kept);
    execute("ALTER ROLE fading LOGIN");
    assert_true(wait_done(reader, catalog_reader_request(reader), 10 * SECOND_US));
    catalog_reader_free(&reader);
    execute("DROP ROLE fading");
    assert_int_equal(events.failed, 1);
    assert_int_equal(events.ok, 2);
}

static void nobody_who_listens_is_a_failure_and_not_a_snapshot(void **state)
{
    (void)state;
    struct events events = {0};
    struct catalog_reader *reader = open_reader("host=127.0.0.1 port=1", 3600LL * SECOND_US, &events);
    assert_false(catalog_reader_wait(reader, SECOND_US / 2));
    assert_null(catalog_reader_find(reader));
    assert_int_equal(catalog_reader_version(reader), 0);
    assert_true(wait_done(reader, catalog_reader_request(reader), 10 * SECOND_US));
    assert_null(catalog_reader_find(reader));
    catalog_reader_free(&reader);
    assert_int_equal(events.count, 1);
}

/* Accepts in its backlog and says nothing. */
static int open_silence(char rest[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(rest, 64, "host=127.0.0.1 port=%u sslmode=disable", ntohs(address.sin_port));
    return fd;
}

static void stops_within_moments_while_the_database_is_silent(void **state)
{
    (void)state;
    struct events events = {0};
    char rest[64];
    int fd = open_silence(rest);
    struct catalog_reader *reader = open_reader(rest, 3600LL * SECOND_US, &events);
    (void)usleep(200000);
    int64_t start_us = rg_clock_monotonic_us(rg_clock_system());
    catalog_reader_free(&reader);
    assert_true(rg_clock_monotonic_us(rg_clock_system()) - start_us < SECOND_US);
    assert_int_equal(events.count, 0); /* stopping is no failure */
    close(fd);
}

static void a_silent_database_costs_the_connect_timeout(void **state)
{
    (void)state;
    char rest[64];
    int fd = open_silence(rest);
    struct net_conninfo *conninfo = conninfo_of(rest);
    struct net_query query = {"SELECT 1", SECOND_US / 5, SECOND_US, -1};
    struct rg_buf text RG_AUTO(rg_buf_done) = {0};
    rg_buf_init(&text, 100);
    assert_fails(RG_UPSTREAM, net_query_text(conninfo, &query, &text));
    assert_int_equal(rg_buf_size(&text), 0);
    net_conninfo_release(&conninfo);
    close(fd);
}

struct question {
    const char *sql;
    const char *answer; /* NULL = refused */
    const char *words;
};

static void asks_one_question_and_takes_one_answer(void **state)
{
    (void)state;
    static const struct question rows[] = {
        {"SELECT 'yes'", "yes", NULL},
        {"BEGIN; SET LOCAL statement_timeout = 1000; SELECT 'in a transaction'; COMMIT", "in a transaction", NULL},
        {"SELECT 1 FROM absent", NULL, "does not exist"},
        {"SELECT 1, 2", NULL, "one row of one column"},
        {"SELECT 1 UNION SELECT 2", NULL, "one row of one column"},
        {"SELECT NULL", NULL, "one row of one column"},
        {"SELECT 1; SELECT 2", NULL, "one row of one column"},
        {"SELECT 1; SELECT 1/0", NULL, "division by zero"},
        {"BEGIN; COMMIT", NULL, "no answer"},
        {"", NULL, ""},
        {"COPY (SELECT 1) TO STDOUT", NULL, ""},
        {"CREATE TEMP TABLE x (a int); COPY x FROM STDIN", NULL, ""},
        {"SELECT pg_sleep(20)", NULL, "in time"},
        {"SELECT pg_terminate_backend(pg_backend_pid())", NULL, "terminating"},
        {"SELECT repeat('x', 101)", NULL, "limit"},
        {"SELECT repeat('x', 100)",
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
    };
    struct net_conninfo *conninfo = conninfo_of("");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_query query = {rows[i].sql, 5 * SECOND_US, SECOND_US / 2, -1};
        struct rg_buf text RG_AUTO(rg_buf_done) = {0};
        rg_buf_init(&text, 100);
        rg_status status = net_query_text(conninfo, &query, &text);
        if (rows[i].answer != NULL) {
            assert_ok(status);
            assert_slice(rg_buf_slice(&text), rows[i].answer);
        } else if (rg_is_ok(status) || strstr(status.error->text, rows[i].words) == NULL || rg_buf_size(&text) != 0) {
            fail_msg("%s: %s", rows[i].sql, rg_is_ok(status) ? "answered" : status.error->text);
        }
    }
    net_conninfo_release(&conninfo);
}

static void a_stopped_question_is_closed(void **state)
{
    (void)state;
    uint64_t one = 1;
    int stop_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(write(stop_fd, &one, sizeof one), sizeof one);
    struct net_conninfo *conninfo = conninfo_of("");
    struct net_query query = {"SELECT pg_sleep(20)", 5 * SECOND_US, 20 * SECOND_US, stop_fd};
    struct rg_buf text RG_AUTO(rg_buf_done) = {0};
    rg_buf_init(&text, 100);
    assert_fails(RG_CLOSED, net_query_text(conninfo, &query, &text));
    net_conninfo_release(&conninfo);
    close(stop_fd);
}

static void tells_connections_apart_by_every_setting(void **state)
{
    (void)state;
    struct events events = {0};
    struct catalog_reader *reader = open_reader("", 3600LL * SECOND_US, &events);
    static const char *const others[] = {"dbname=template1",    "user=other",         "port=2",         "password=x",
                                         "options='-c jit=on'", "application_name=x", "sslmode=disable"};
    struct net_conninfo *same = conninfo_of("");
    struct catalog_source source = {RG_SLICE("main"), same, 1, SECOND_US};
    assert_true(catalog_reader_is_for(reader, &source));
    source.upstream = RG_SLICE("other");
    assert_false(catalog_reader_is_for(reader, &source));
    source.upstream = RG_SLICE("main");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        source.conninfo = conninfo_of(others[i]);
        assert_false(catalog_reader_is_for(reader, &source));
        assert_false(net_conninfo_is_equal(source.conninfo, same) || net_conninfo_is_equal(same, source.conninfo));
        net_conninfo_release(&source.conninfo);
    }
    net_conninfo_release(&same);
    catalog_reader_free(&reader);
}

static void a_shorter_interval_holds_at_once(void **state)
{
    (void)state;
    struct events events = {0};
    struct catalog_reader *reader = open_reader("", 3600LL * SECOND_US, &events);
    assert_true(catalog_reader_wait(reader, 10 * SECOND_US));
    execute("CREATE TABLE public.soon (id int)");
    struct catalog_source source = {RG_SLICE("main"), NULL, SECOND_US, SECOND_US};
    catalog_reader_set_times(reader, &source);
    for (int i = 0; i < 500 && !knows(reader, "soon"); i++) {
        (void)usleep(10000);
    }
    assert_true(knows(reader, "soon"));
    catalog_reader_free(&reader);
    execute("DROP TABLE public.soon");
}

static void *look(void *context)
{
    struct catalog_reader *reader = context;
    uint64_t seen = 0;
    for (int i = 0; i < MANY_LOOKS; i++) {
        uint64_t version = catalog_reader_version(reader);
        struct policy_relations *relations = catalog_reader_find(reader);
        RG_ASSERT(version >= seen && (version == 0 || relations != NULL));
        seen = version;
        if (relations != NULL) {
            (void)policy_relation_find(relations, RG_SLICE("public"), RG_SLICE("busy"));
        }
        policy_relations_free(&relations);
        (void)catalog_reader_is_done(reader, catalog_reader_request(reader));
        (void)usleep(1000);
    }
    return NULL;
}

static void many_threads_look_while_the_catalogue_changes(void **state)
{
    (void)state;
    struct events events = {0};
    pthread_t threads[MANY_THREADS];
    struct catalog_reader *reader = open_reader("", SECOND_US, &events);
    for (int i = 0; i < MANY_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, look, catalog_reader_ref(reader)), 0);
    }
    for (int i = 0; i < 4; i++) {
        execute(i % 2 == 0 ? "CREATE TABLE public.busy (id int)" : "DROP TABLE public.busy");
        (void)usleep(700000);
    }
    for (int i = 0; i < MANY_THREADS; i++) {
        struct catalog_reader *shared = reader;
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        catalog_reader_free(&shared);
    }
    assert_true(catalog_reader_version(reader) >= 2);
    catalog_reader_free(&reader);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    dir = getenv("ROWGATE_TEST_PG");
    port = getenv("ROWGATE_TEST_PG_PORT");
    if (dir == NULL || port == NULL) {
        (void)printf("skipped: run it through tests/support/with_postgres.sh\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_at_start_and_on_request_and_counts_versions),
        cmocka_unit_test(reads_at_most_once_a_second),
        cmocka_unit_test(two_reads_of_one_database_are_one_digest),
        cmocka_unit_test(keeps_what_it_has_when_the_database_refuses_and_tells_once),
        cmocka_unit_test(nobody_who_listens_is_a_failure_and_not_a_snapshot),
        cmocka_unit_test(stops_within_moments_while_the_database_is_silent),
        cmocka_unit_test(a_silent_database_costs_the_connect_timeout),
        cmocka_unit_test(asks_one_question_and_takes_one_answer),
        cmocka_unit_test(a_stopped_question_is_closed),
        cmocka_unit_test(tells_connections_apart_by_every_setting),
        cmocka_unit_test(a_shorter_interval_holds_at_once),
        cmocka_unit_test(many_threads_look_while_the_catalogue_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
