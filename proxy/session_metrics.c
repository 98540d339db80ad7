/* SPDX-License-Identifier: Apache-2.0 */
/* What a session counts. Called where a thing happens; what is counted is in metrics_table.c. */
#include "proxy/session_private.h"

static struct metrics_block *block_of(const struct session *session)
{
    return session->worker->metrics;
}

void count_connection(const struct session *session, bool is_open)
{
    if (!is_open) {
        metrics_drop(block_of(session), METRICS_CONNECTIONS, METRICS_SERIES(METRICS_SQL));
        return;
    }
    metrics_add(block_of(session), METRICS_CONNECTIONS, METRICS_SERIES(METRICS_SQL), 1);
    metrics_add(block_of(session), METRICS_CONNECTIONS_TOTAL, METRICS_SERIES(METRICS_SQL), 1);
}

void count_login(struct session *session)
{
    session->metrics_tenant = metrics_block_name(block_of(session), METRICS_TENANTS, session->tenant.id);
    metrics_add(block_of(session), METRICS_LOGINS, METRICS_SERIES(METRICS_SQL, METRICS_LOGIN_ACCEPTED), 1);
    metrics_add(block_of(session), METRICS_SESSIONS, METRICS_SERIES(METRICS_SQL, session->metrics_tenant), 1);
}

void count_logout(const struct session *session)
{
    metrics_drop(block_of(session), METRICS_SESSIONS, METRICS_SERIES(METRICS_SQL, session->metrics_tenant));
}

static void count_rule(const struct session *session, struct rg_slice rule)
{
    unsigned at = metrics_block_name(block_of(session), METRICS_RULES, rule);
    metrics_add(block_of(session), METRICS_DENIALS, METRICS_SERIES(METRICS_SQL, at), 1);
}

void count_fatal(const struct session *session, const struct refusal *refusal)
{
    count_rule(session, refusal->rule);
    if (!session->is_logged_in) {
        metrics_add(block_of(session), METRICS_LOGINS, METRICS_SERIES(METRICS_SQL, METRICS_LOGIN_REFUSED), 1);
    }
}

static void count_decision(const struct session *session, enum metrics_decision decision)
{
    metrics_add(block_of(session), METRICS_DECISIONS, METRICS_SERIES(METRICS_SQL, session->metrics_tenant, decision),
                1);
}

void count_refusal(const struct session *session, const struct refusal *refusal)
{
    count_rule(session, refusal->rule);
    count_decision(session, METRICS_DENIED);
}

void count_stopped(const struct session *session, const struct refusal *refusal)
{
    count_rule(session, refusal->rule);
}

/* How long it took is known when its record was acknowledged: worker_audit.c observes what is left with it. */
static void measure(struct session *session, enum policy_class class_of_statement, const struct request *request)
{
    worker_measure(session->worker, &(struct worker_measure){.begun_us = request->begun_us,
                                                             .forwarded_us = request->forwarded_us,
                                                             .class_of_statement = class_of_statement,
                                                             .tenant = session->metrics_tenant});
}

void count_statement(struct session *session, const struct policy_statement *statement, const struct request *request,
                     bool has_failed)
{
    struct metrics_block *block = block_of(session);
    unsigned class_of_statement = statement->class_of_statement;
    enum metrics_result result = has_failed ? METRICS_FAILED : METRICS_OK;
    count_decision(session, statement->is_rewritten ? METRICS_REWRITTEN : METRICS_ALLOWED);
    metrics_add(block, METRICS_STATEMENTS, METRICS_SERIES(class_of_statement, result), 1);
    if (request != NULL) {
        metrics_add(block, METRICS_ROWS, METRICS_SERIES(0), request->rows);
        metrics_add(block, METRICS_RESULT_BYTES, METRICS_SERIES(0), request->bytes);
        measure(session, statement->class_of_statement, request);
    }
}

void count_rewrite(const struct session *session, int64_t begun_us)
{
    metrics_observe(block_of(session), METRICS_REWRITE_SECONDS, METRICS_SERIES(0),
                    net_loop_now_us(session->worker->loop) - begun_us);
}

void count_orphan(const struct session *session)
{
    metrics_add(block_of(session), METRICS_ORPHANS, METRICS_SERIES(0), 1);
}

/* ---- upstreams ---- */

static unsigned upstream_name(const struct session *session)
{
    return metrics_block_name(block_of(session), METRICS_UPSTREAMS, session->tenant.route.upstream);
}

void count_upstream(struct session *session)
{
    bool is_there = session->upstream != NULL;
    if (is_there == session->is_upstream_counted) {
        return;
    }
    struct metrics_series series = METRICS_SERIES(upstream_name(session));
    if (is_there) {
        metrics_add(block_of(session), METRICS_UPSTREAM_CONNECTIONS, series, 1);
    } else {
        metrics_drop(block_of(session), METRICS_UPSTREAM_CONNECTIONS, series);
    }
    session->is_upstream_counted = is_there;
}

void count_connect(const struct session *session, bool is_ok)
{
    struct metrics_series series = METRICS_SERIES(upstream_name(session), is_ok ? METRICS_OK : METRICS_FAILED);
    metrics_add(block_of(session), METRICS_UPSTREAM_CONNECTS, series, 1);
}

void count_lost(const struct session *session)
{
    metrics_add(block_of(session), METRICS_UPSTREAM_LOST, METRICS_SERIES(upstream_name(session)), 1);
}
