/* SPDX-License-Identifier: Apache-2.0 */
/* One question to an upstream through libpq's non-blocking calls, driven by poll on the caller's thread: so that it has
 * deadlines and can be stopped. Called by the catalogue readers and by commands, never by an event loop. */
#include "proxy/net/query.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

#include "base/rg_clock.h"
#include "proxy/net/conninfo_private.h"
#include "proxy/net/libpq_private.h"

/* Beside the answer itself: the login, the messages around rows, TLS records. */
enum { LINE_SIZE = 384, SILENCE_MS = 10000, OVERHEAD_BYTES = 1 << 20 };

struct asking {
    const struct net_query *query;
    PGconn *connection;
    int64_t deadline_us;  /* monotonic, of the part that runs */
    uint64_t limit_bytes; /* of all that the server sends */
};

static rg_status fail_upstream(const char *text)
{
    char line[LINE_SIZE];
    net_conninfo_one_line(text, line, sizeof line);
    return rg_fail(RG_UPSTREAM, "%s", line[0] == '\0' ? "no answer" : line);
}

static void start_part(struct asking *asking, int64_t timeout_us)
{
    asking->deadline_us = rg_clock_monotonic_us(rg_clock_system()) + timeout_us;
}

/* Until the session's socket is ready for events. */
static rg_status wait_for(const struct asking *asking, short events)
{
    RG_TRY(net_libpq_check_received(asking->connection, asking->limit_bytes));
    struct pollfd waits[2] = {{.fd = PQsocket(asking->connection), .events = events},
                              {.fd = asking->query->stop_fd, .events = POLLIN}};
    for (;;) {
        int64_t left_us = asking->deadline_us - rg_clock_monotonic_us(rg_clock_system());
        if (left_us <= 0) {
            return rg_fail(RG_UPSTREAM, "the database did not answer in time");
        }
        int64_t left_ms = left_us / 1000 + 1;
        int ready = poll(waits, 2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (ready < 0 && errno != EINTR) {
            return rg_fail(RG_INTERNAL, "poll: %s", strerror(errno));
        }
        if (ready > 0 && waits[1].revents != 0) {
            return rg_fail(RG_CLOSED, "stopped");
        }
        if (ready > 0) {
            return RG_OK;
        }
    }
}

/* As net/upstream.c: a host that answers no packet must not use up the time of the others. */
static PGconn *start_connection(const struct net_conninfo *conninfo, int64_t timeout_us)
{
    struct net_conninfo_pairs pairs;
    net_conninfo_list(conninfo, &pairs);
    int64_t hosts = 1;
    const char *host = net_conninfo_host(conninfo);
    for (const char *at = host == NULL ? "" : host; *at != '\0'; at++) {
        hosts += *at == ',';
    }
    int64_t silence_ms = timeout_us / 1000 / hosts;
    char silence[16];
    (void)snprintf(silence, sizeof silence, "%d", (int)(silence_ms > SILENCE_MS ? SILENCE_MS : silence_ms));
    if (net_conninfo_value(conninfo, "tcp_user_timeout") == NULL && pairs.count < NET_CONNINFO_MAX) {
        pairs.keywords[pairs.count] = "tcp_user_timeout";
        pairs.values[pairs.count] = silence;
    }
    return PQconnectStartParams(pairs.keywords, pairs.values, 0);
}

static rg_status open_session(struct asking *asking, const struct net_conninfo *conninfo)
{
    asking->connection = start_connection(conninfo, asking->query->connect_timeout_us);
    if (asking->connection == NULL) {
        return rg_fail(RG_UPSTREAM, "out of memory");
    }
    net_libpq_quiet(asking->connection);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(asking->connection) != CONNECTION_BAD && state != PGRES_POLLING_FAILED) {
        RG_TRY(wait_for(asking, state == PGRES_POLLING_READING ? POLLIN : POLLOUT));
        state = PQconnectPoll(asking->connection);
        if (state == PGRES_POLLING_OK) {
            return RG_OK;
        }
    }
    return fail_upstream(PQerrorMessage(asking->connection));
}

static rg_status send_query(const struct asking *asking)
{
    if (PQsetnonblocking(asking->connection, 1) != 0 || PQsendQuery(asking->connection, asking->query->sql) != 1) {
        return fail_upstream(PQerrorMessage(asking->connection));
    }
    int left = PQflush(asking->connection);
    while (left == 1) {
        RG_TRY(wait_for(asking, POLLIN | POLLOUT));
        if (PQconsumeInput(asking->connection) != 1) {
            return fail_upstream(PQerrorMessage(asking->connection));
        }
        left = PQflush(asking->connection);
    }
    return left == 0 ? RG_OK : fail_upstream(PQerrorMessage(asking->connection));
}

static rg_status next_result(const struct asking *asking, PGresult **out_result)
{
    while (PQisBusy(asking->connection) != 0) {
        RG_TRY(wait_for(asking, POLLIN));
        if (PQconsumeInput(asking->connection) != 1) {
            return fail_upstream(PQerrorMessage(asking->connection));
        }
    }
    *out_result = PQgetResult(asking->connection);
    return RG_OK;
}

static rg_status take_result(const PGresult *result, struct rg_buf *text, bool *has_answer)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK) {
        return RG_OK;
    }
    if (status != PGRES_TUPLES_OK) {
        return fail_upstream(PQresultErrorMessage(result));
    }
    if (*has_answer || PQntuples(result) != 1 || PQnfields(result) != 1 || PQgetisnull(result, 0, 0) != 0) {
        return rg_fail(RG_UPSTREAM, "the answer is not one row of one column");
    }
    *has_answer = true;
    return rg_buf_put(text, rg_slice_make(PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0)));
}

static rg_status take_results(const struct asking *asking, struct rg_buf *text)
{
    bool has_answer = false;
    for (;;) {
        PGresult *result = NULL;
        RG_TRY(next_result(asking, &result));
        if (result == NULL) {
            return has_answer ? RG_OK : rg_fail(RG_UPSTREAM, "the database gave no answer");
        }
        rg_status status = take_result(result, text, &has_answer);
        bool is_copy = PQresultStatus(result) == PGRES_COPY_IN || PQresultStatus(result) == PGRES_COPY_OUT;
        PQclear(result);
        RG_TRY(status);
        if (is_copy) { /* PQgetResult would say so for ever */
            return rg_fail(RG_UPSTREAM, "the answer is not one row of one column");
        }
    }
}

static rg_status ask(struct asking *asking, const struct net_conninfo *conninfo, struct rg_buf *text)
{
    start_part(asking, asking->query->connect_timeout_us);
    RG_TRY(open_session(asking, conninfo));
    start_part(asking, asking->query->answer_timeout_us);
    RG_TRY(send_query(asking));
    return take_results(asking, text);
}

rg_status net_query_text(struct net_conninfo *conninfo, const struct net_query *query, struct rg_buf *text)
{
    size_t before = rg_buf_size(text);
    size_t left = text->limit_bytes - before;
    struct asking asking = {.query = query, .limit_bytes = (uint64_t)left + left / 16 + OVERHEAD_BYTES};
    rg_status status = ask(&asking, conninfo, text);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(text, before);
    }
    PQfinish(asking.connection);
    return status;
}
