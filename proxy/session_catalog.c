/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue snapshot as a session sees it: a reference for its statements, exchanged between two of them when the
 * reader has a newer one; and the two moments in which a session waits for a read. The wait is a look at the reader
 * now and then, so that no thread calls into another's loop. */
#include "proxy/session_private.h"

enum { LOOK_MS = 20, WAIT_SECONDS = 3 };

static const int64_t SECOND_US = 1000000;

static struct catalog_reader *reader_of(const struct session *session)
{
    return snapshot_catalog_find(session->snapshot, session->tenant.route.upstream);
}

void catalog_forget(struct session *session)
{
    policy_relations_free(&session->relations);
    session->relations_version = 0;
    session->is_waiting_for_catalog = false;
}

/* Whether the session has one. */
static bool take_newest(struct session *session, struct catalog_reader *reader)
{
    uint64_t version = catalog_reader_version(reader);
    if (version != session->relations_version) {
        policy_relations_free(&session->relations);
        session->relations = catalog_reader_find(reader);
        session->relations_version = version;
        prepared_forget_plans(&session->prepared);
    }
    return session->relations != NULL;
}

/* ---- waiting ---- */

static void on_look(void *context)
{
    session_resume(context);
}

static void start_waiting(struct session *session, struct catalog_reader *reader, int64_t at_most_us)
{
    session->is_waiting_for_catalog = true;
    session->catalog_ticket = catalog_reader_request(reader);
    session->catalog_deadline_us = rg_clock_monotonic_us(session->worker->gateway->clock) + at_most_us;
}

/* false = the read ended, or took too long. */
static bool goes_on_waiting(struct session *session, struct catalog_reader *reader)
{
    bool is_late = rg_clock_monotonic_us(session->worker->gateway->clock) >= session->catalog_deadline_us;
    if (is_late || catalog_reader_is_done(reader, session->catalog_ticket)) {
        session->is_waiting_for_catalog = false;
        return false;
    }
    net_timer_start(session->worker->loop, &session->catalog_timer, LOOK_MS, on_look, session);
    return true;
}

static struct refusal missing(void)
{
    struct refusal refusal =
        refusal_make("57P03", "upstream.catalog", "the database's catalogue has not been read yet");
    refusal.hint = RG_SLICE("Try again; rowgate's log has the reason.");
    return refusal;
}

/* A login is a reason to try to read: it waits for that, as long as a login may take (the login's own timer). */
enum pipeline_next login_catalog(struct session *session)
{
    struct catalog_reader *reader = reader_of(session);
    if (reader == NULL || take_newest(session, reader)) {
        session->is_waiting_for_catalog = false;
        return PIPELINE_NEXT;
    }
    if (!session->is_waiting_for_catalog) {
        start_waiting(session, reader, (int64_t)session_limit(session, CONFIG_LIMIT_LOGIN_TIMEOUT));
    }
    if (goes_on_waiting(session, reader)) {
        return PIPELINE_SUSPEND;
    }
    struct refusal refusal = missing();
    session_fatal(session, &refusal);
    return PIPELINE_REFUSED;
}

enum pipeline_next catalog_take(struct session *session)
{
    struct catalog_reader *reader = reader_of(session);
    if (reader == NULL || take_newest(session, reader)) {
        return PIPELINE_NEXT;
    }
    struct refusal refusal = missing();
    return session_refuse(session, &refusal);
}

bool catalog_wait_for_newer(struct session *session)
{
    struct catalog_reader *reader = reader_of(session);
    if (reader == NULL || session->command.has_newest_catalog) {
        return false;
    }
    start_waiting(session, reader, WAIT_SECONDS * SECOND_US);
    return goes_on_waiting(session, reader);
}

bool catalog_is_awaited(struct session *session)
{
    if (!session->is_waiting_for_catalog) {
        return false;
    }
    struct catalog_reader *reader = reader_of(session);
    if (reader != NULL && goes_on_waiting(session, reader)) {
        return true;
    }
    session->is_waiting_for_catalog = false;
    session->command.has_newest_catalog = true; /* the next judgement is the last */
    if (reader != NULL) {
        (void)take_newest(session, reader);
    }
    return false;
}

/* undefined_table, undefined_column, undefined_function */
void catalog_note_error(struct session *session, const char *sqlstate)
{
    static const char *const stale[] = {"42P01", "42703", "42883", "0A000"};
    struct catalog_reader *reader = reader_of(session);
    for (size_t i = 0; reader != NULL && i < sizeof stale / sizeof stale[0]; i++) {
        if (strcmp(sqlstate, stale[i]) == 0) {
            (void)catalog_reader_request(reader);
            return;
        }
    }
}
