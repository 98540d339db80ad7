/* SPDX-License-Identifier: Apache-2.0 */
/* Upstream sessions with a real PostgreSQL, which tests/support/with_postgres.sh starts. */
#include "proxy/net/upstream.h"

#include <signal.h>
#include <stdlib.h>

#include "base/rg_buf.h"
#include "proxy/net/offload.h"
#include "tests/support/net_test.h"

struct session {
    struct net_loop *loop;
    struct net_offload *offload;
    struct net_upstream *upstream;
    bool is_answered; /* on_open came */
    char error[512];
    struct rg_buf received;
    bool is_ready; /* the last message was ReadyForQuery */
    bool is_closed;
    bool is_cancel_sent;
    char cancel_error[256];
    size_t rows_bytes;
    bool counts_only;
    bool pauses;
    bool closes_in_input;
    size_t most_input;
    struct net_timer resume;
};

static const char *dir;
static const char *password;
static const char *port;

static void on_open(void *context, struct net_upstream *upstream, const char *error)
{
    (void)upstream;
    struct session *session = context;
    session->is_answered = true;
    (void)snprintf(session->error, sizeof session->error, "%s", error == NULL ? "" : error);
}

static void on_resume(void *context)
{
    struct session *session = context;
    net_stream_resume(net_upstream_stream(session->upstream));
}

static void on_input(void *context, struct net_stream *stream)
{
    static const char ready[] = {'Z', 0, 0, 0, 5};
    struct session *session = context;
    struct rg_slice input = net_stream_input(stream);
    if (session->closes_in_input) {
        net_upstream_close(&session->upstream);
        session->is_closed = true;
        return;
    }
    session->most_input = input.size > session->most_input ? input.size : session->most_input;
    session->rows_bytes += input.size;
    if (session->counts_only) {
        rg_buf_clear(&session->received);
    }
    assert_ok(rg_buf_put(&session->received, input));
    net_stream_consume(stream, input.size);
    struct rg_slice all = rg_buf_slice(&session->received);
    session->is_ready = all.size >= 6 && memcmp(all.data + all.size - 6, ready, sizeof ready) == 0;
    if (session->pauses && !session->is_ready) {
        net_stream_pause(stream);
        net_timer_start(session->loop, &session->resume, 1, on_resume, session);
    }
}

static void on_closed(void *context, struct net_stream *stream, const char *reason)
{
    (void)stream;
    struct session *session = context;
    assert_true(strlen(reason) > 0);
    session->is_closed = true;
}

static const struct net_stream_events events = {.on_input = on_input, .on_closed = on_closed};

static void begin(struct session *session)
{
    *session = (struct session){0};
    rg_buf_init(&session->received, 16 * 1024 * 1024);
    assert_ok(net_offload_new(2, 16, &session->offload));
    assert_ok(net_loop_new(session->offload, &session->loop));
}

/* Fills in @PORT and @DIR. */
static void expand(const char *pattern, char *out_text, size_t size)
{
    size_t used = 0;
    while (*pattern != '\0') {
        bool is_port = strncmp(pattern, "@PORT", 5) == 0;
        bool is_dir = strncmp(pattern, "@DIR", 4) == 0;
        const char *text = is_port ? port : is_dir ? dir : pattern;
        used += (size_t)snprintf(out_text + used, size - used, "%.*s", is_port || is_dir ? 200 : 1, text);
        pattern += is_port ? 5 : is_dir ? 4 : 1;
        assert_true(used < size);
    }
}

/* True when it opened. */
static bool open_session(struct session *session, const char *pattern, const char *secret)
{
    char dsn[1024];
    struct net_conninfo *conninfo = NULL;
    expand(pattern, dsn, sizeof dsn);
    assert_ok(net_conninfo_parse(rg_slice_of(dsn), rg_slice_of(secret), NET_CONNINFO_PINS_POSTGRES, &conninfo));
    assert_ok(net_upstream_open(session->loop, conninfo, 10000, on_open, session, &session->upstream));
    net_conninfo_release(&conninfo);
    assert_true(net_test_run_until(session->loop, &session->is_answered, 11000));
    if (net_upstream_stream(session->upstream) == NULL) {
        assert_true(strlen(session->error) > 0);
        assert_null(strstr(session->error, password));
        assert_null(strchr(session->error, '\n'));
        return false;
    }
    assert_string_equal(session->error, "");
    net_stream_set_events(net_upstream_stream(session->upstream), &events, session);
    return true;
}

static void end(struct session *session)
{
    net_timer_stop(&session->resume);
    net_upstream_finish(&session->upstream);
    net_offload_free(&session->offload);
    net_loop_free(&session->loop);
    rg_buf_done(&session->received);
}

static void send_query(struct session *session, const char *sql)
{
    struct rg_buf message;
    rg_buf_init(&message, 65536);
    assert_ok(rg_buf_put_u8(&message, 'Q'));
    assert_ok(rg_buf_put_u32(&message, (uint32_t)strlen(sql) + 5));
    assert_ok(rg_buf_put_cstr(&message, rg_slice_of(sql)));
    session->is_ready = false;
    rg_buf_clear(&session->received);
    assert_ok(net_stream_write(net_upstream_stream(session->upstream), rg_buf_slice(&message)));
    rg_buf_done(&message);
}

static void query(struct session *session, const char *sql)
{
    send_query(session, sql);
    assert_true(net_test_run_until(session->loop, &session->is_ready, 20000));
}

static bool has_received(const struct session *session, const char *text)
{
    struct rg_slice all = rg_buf_slice(&session->received);
    return memmem(all.data, all.size, text, strlen(text)) != NULL;
}

static const char plain_dsn[] = "host=127.0.0.1 port=@PORT user=postgres dbname=postgres sslmode=disable";
static const char tls_dsn[] =
    "host=localhost port=@PORT user=tls dbname=postgres sslmode=verify-full sslrootcert=@DIR/ca.pem";

static void a_scram_session_answers_raw_queries(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    assert_true(open_session(&session, plain_dsn, password));
    assert_false(net_stream_is_tls(net_upstream_stream(session.upstream)));
    assert_non_null(net_upstream_parameter(session.upstream, "server_version"));
    assert_null(net_upstream_parameter(session.upstream, "no_such_parameter"));
    assert_true(net_upstream_pid(session.upstream) > 1);
    query(&session, "SELECT 40 + 2, current_setting('application_name'), current_setting('search_path')");
    assert_true(has_received(&session, "42"));
    assert_true(has_received(&session, "rowgate"));
    assert_true(has_received(&session, "pg_catalog"));
    end(&session);
}

static void a_verified_tls_session_answers_raw_queries(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    assert_true(open_session(&session, tls_dsn, password));
    assert_true(net_stream_is_tls(net_upstream_stream(session.upstream)));
    assert_string_equal(net_stream_tls_version(net_upstream_stream(session.upstream)), "TLSv1.3");
    for (int i = 0; i < 50; i++) {
        query(&session, "SELECT ssl, 'n' || 7 FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        assert_true(has_received(&session, "n7"));
    }
    end(&session);
}

static void a_unix_socket_works_like_any_host(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    assert_true(open_session(&session, "port=@PORT host=@DIR user=postgres dbname=postgres", ""));
    query(&session, "SELECT 'over ' || 'unix'");
    assert_true(has_received(&session, "over unix"));
    end(&session);
}

static void a_dead_first_host_is_passed_over(void **state)
{
    (void)state;
    static const char *const dsns[] = {
        "host=127.0.0.1,localhost port=1,@PORT user=postgres dbname=postgres",
        "host=127.0.0.1,localhost port=1,@PORT user=postgres dbname=postgres target_session_attrs=read-write",
        "host=/nonexistent,127.0.0.1 port=1,@PORT user=postgres dbname=postgres target_session_attrs=primary",
        "host=name.invalid,localhost port=1,@PORT user=postgres dbname=postgres",
    };
    for (size_t i = 0; i < sizeof dsns / sizeof *dsns; i++) {
        struct session session;
        begin(&session);
        assert_true(open_session(&session, dsns[i], password));
        query(&session, "SELECT 'second'");
        assert_true(has_received(&session, "second"));
        end(&session);
    }
}

struct refusal {
    const char *dsn;
    const char *secret;
    const char *text;
};

static void what_cannot_be_trusted_is_refused_with_its_reason(void **state)
{
    (void)state;
    const struct refusal rows[] = {
        {plain_dsn, "wrong-password", "password authentication failed"},
        {plain_dsn, "", "no password supplied"},
        {"host=localhost port=@PORT user=tls dbname=postgres sslmode=verify-full sslrootcert=@DIR/other_ca.pem",
         password, "certificate verify failed"},
        {"host=127.0.0.1 port=@PORT user=tls dbname=postgres sslmode=verify-full sslrootcert=@DIR/ca.pem", password,
         "does not match host name"},
        {"host=localhost port=@PORT user=tls dbname=postgres sslmode=disable", password, "no encryption"},
        {"host=localhost port=@PORT user=postgres dbname=absent", password, "does not exist"},
        {"host=localhost port=@PORT user=postgres dbname=postgres target_session_attrs=standby", password, "standby"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session session;
        begin(&session);
        assert_false(open_session(&session, rows[i].dsn, rows[i].secret));
        if (strstr(session.error, rows[i].text) == NULL) {
            fail_msg("%s: %s", rows[i].dsn, session.error);
        }
        end(&session);
    }
}

static void our_pins_win_over_the_options_of_the_dsn(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    assert_true(open_session(&session,
                             "host=127.0.0.1 port=@PORT user=postgres dbname=postgres "
                             "options='-c standard_conforming_strings=off -c search_path=evil -c work_mem=5MB'",
                             password));
    query(&session, "SELECT current_setting('search_path') || '/' || current_setting('work_mem')");
    assert_true(has_received(&session, "pg_catalog/5MB"));
    end(&session);
}

static void on_cancel(void *context, const char *error)
{
    struct session *session = context;
    session->is_cancel_sent = true;
    (void)snprintf(session->cancel_error, sizeof session->cancel_error, "%s", error == NULL ? "" : error);
}

static void a_cancel_ends_a_sleeping_statement(void **state)
{
    (void)state;
    static const char *const dsns[] = {plain_dsn, tls_dsn};
    for (size_t i = 0; i < 2; i++) {
        struct session session;
        begin(&session);
        assert_true(open_session(&session, dsns[i], password));
        send_query(&session, "SELECT pg_sleep(30)");
        net_test_run_for(session.loop, 100);
        int64_t begun_us = net_loop_now_us(session.loop);
        assert_ok(net_upstream_cancel(session.upstream, on_cancel, &session));
        assert_true(net_test_run_until(session.loop, &session.is_ready, 5000));
        assert_true(net_loop_now_us(session.loop) - begun_us < 2000000);
        assert_true(has_received(&session, "57014"));
        assert_true(net_test_run_until(session.loop, &session.is_cancel_sent, 1000));
        assert_string_equal(session.cancel_error, "");
        query(&session, "SELECT 'still here'");
        assert_true(has_received(&session, "still here"));
        end(&session);
    }
}

static void a_cancel_is_told_even_when_its_session_is_closed_meanwhile(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    assert_true(open_session(&session, plain_dsn, password));
    send_query(&session, "SELECT pg_sleep(30)");
    net_test_run_for(session.loop, 50);
    assert_ok(net_upstream_cancel(session.upstream, on_cancel, &session));
    net_upstream_close(&session.upstream);
    assert_true(net_test_run_until(session.loop, &session.is_cancel_sent, 3000));
    end(&session);
}

static void a_hundred_megabytes_flow_with_pauses_and_bounded_memory(void **state)
{
    (void)state;
    static const char *const dsns[] = {plain_dsn, tls_dsn};
    for (size_t i = 0; i < 2; i++) {
        struct session session;
        begin(&session);
        session.counts_only = true;
        assert_true(open_session(&session, dsns[i], password));
        session.rows_bytes = 0;
        session.pauses = true;
        query(&session, "SELECT repeat('x', 10000) FROM generate_series(1, 10500)");
        assert_true(session.rows_bytes > 105u * 1000 * 1000);
        assert_true(session.most_input <= NET_STREAM_INPUT_BYTES + NET_STREAM_READ_BYTES);
        end(&session);
    }
}

static void a_terminated_backend_leaves_its_last_words(void **state)
{
    (void)state;
    static const char *const dsns[] = {plain_dsn, tls_dsn};
    for (size_t i = 0; i < 2; i++) {
        struct session victim;
        struct session killer;
        char sql[128];
        begin(&victim);
        begin(&killer);
        assert_true(open_session(&victim, dsns[i], password));
        assert_true(open_session(&killer, plain_dsn, password));
        (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", net_upstream_pid(victim.upstream));
        query(&killer, sql);
        assert_true(net_test_run_until(victim.loop, &victim.is_closed, 5000));
        assert_true(has_received(&victim, "57P01"));
        assert_fails(RG_CLOSED, net_stream_write(net_upstream_stream(victim.upstream), RG_SLICE("x")));
        end(&killer);
        end(&victim);
    }
}

static void an_upstream_may_be_closed_by_its_own_callback(void **state)
{
    (void)state;
    static const char *const dsns[] = {plain_dsn, tls_dsn};
    for (size_t i = 0; i < 2; i++) {
        struct session session;
        begin(&session);
        assert_true(open_session(&session, dsns[i], password));
        session.closes_in_input = true;
        send_query(&session, "SELECT repeat('x', 10000) FROM generate_series(1, 1000)");
        assert_true(net_test_run_until(session.loop, &session.is_closed, 5000));
        assert_null(session.upstream);
        net_test_run_for(session.loop, 20);
        end(&session);
    }
}

static size_t backends(struct session *watcher, int pid)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT 'pid' || count(*) FROM pg_stat_activity WHERE pid = %d", pid);
    query(watcher, sql);
    return has_received(watcher, "pid1") ? 1 : 0;
}

static void closing_never_completes_a_half_sent_message(void **state)
{
    (void)state;
    struct session session;
    struct session watcher;
    begin(&session);
    begin(&watcher);
    assert_true(open_session(&watcher, plain_dsn, password));
    query(&watcher, "CREATE TABLE public.half (a text)");
    assert_true(open_session(&session, plain_dsn, password));
    int pid = net_upstream_pid(session.upstream);
    /* Terminate ("X", 0, 0, 0, 4) behind these bytes would make a whole Query of them. */
    static const char half[] = "Q\0\0\0\x2d"
                               "INSERT INTO public.half VALUES (1); -- ";
    assert_ok(net_stream_write(net_upstream_stream(session.upstream), rg_slice_make(half, sizeof half - 1)));
    net_test_run_for(session.loop, 30);
    assert_int_equal(net_stream_pending(net_upstream_stream(session.upstream)), 0);
    net_upstream_close(&session.upstream);
    for (int i = 0; i < 100 && backends(&watcher, pid) > 0; i++) {
        usleep(20000);
    }
    assert_int_equal(backends(&watcher, pid), 0);
    query(&watcher, "SELECT 'rows' || count(*) FROM public.half");
    assert_true(has_received(&watcher, "rows0"));
    query(&watcher, "DROP TABLE public.half");
    end(&session);
    end(&watcher);
}

static void sessions_leave_no_descriptor_and_no_backend(void **state)
{
    (void)state;
    struct session watcher;
    begin(&watcher);
    assert_true(open_session(&watcher, plain_dsn, password));
    size_t before = net_test_open_files();
    for (int i = 0; i < 6; i++) {
        struct net_conninfo *conninfo = NULL;
        char dsn[512];
        struct session one = {.loop = watcher.loop};
        expand(tls_dsn, dsn, sizeof dsn);
        assert_ok(net_conninfo_parse(rg_slice_of(dsn), rg_slice_of(password), NET_CONNINFO_PINS_POSTGRES, &conninfo));
        assert_ok(net_upstream_open(one.loop, conninfo, 5000, on_open, &one, &one.upstream));
        net_conninfo_release(&conninfo);
        if (i % 3 > 0) { /* else closed while it opens */
            assert_true(net_test_run_until(one.loop, &one.is_answered, 6000));
        } else {
            net_test_run_for(one.loop, i * 2);
        }
        if (i % 3 == 1) {
            net_upstream_finish(&one.upstream);
        } else {
            net_upstream_close(&one.upstream);
        }
    }
    net_test_run_for(watcher.loop, 200);
    assert_int_equal(net_test_open_files(), before);
    query(&watcher, "SELECT 'tls' || count(*) FROM pg_stat_activity WHERE usename = 'tls'");
    assert_true(has_received(&watcher, "tls0"));
    end(&watcher);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    dir = getenv("ROWGATE_TEST_PG");
    password = getenv("ROWGATE_TEST_PG_PASSWORD");
    port = getenv("ROWGATE_TEST_PG_PORT");
    if (dir == NULL || password == NULL || port == NULL) {
        (void)printf("skipped: run it through tests/support/with_postgres.sh\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scram_session_answers_raw_queries),
        cmocka_unit_test(a_verified_tls_session_answers_raw_queries),
        cmocka_unit_test(a_unix_socket_works_like_any_host),
        cmocka_unit_test(a_dead_first_host_is_passed_over),
        cmocka_unit_test(what_cannot_be_trusted_is_refused_with_its_reason),
        cmocka_unit_test(our_pins_win_over_the_options_of_the_dsn),
        cmocka_unit_test(a_cancel_ends_a_sleeping_statement),
        cmocka_unit_test(a_cancel_is_told_even_when_its_session_is_closed_meanwhile),
        cmocka_unit_test(a_hundred_megabytes_flow_with_pauses_and_bounded_memory),
        cmocka_unit_test(a_terminated_backend_leaves_its_last_words),
        cmocka_unit_test(an_upstream_may_be_closed_by_its_own_callback),
        cmocka_unit_test(closing_never_completes_a_half_sent_message),
        cmocka_unit_test(sessions_leave_no_descriptor_and_no_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
