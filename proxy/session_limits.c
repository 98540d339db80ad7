/* SPDX-License-Identifier: Apache-2.0 */
/* How many statements a minute a tenant may send, and the words of what its limits refuse.
 *
 * What is counted is the work that is asked for, whether or not it is allowed, succeeds, or is answered by rowgate:
 * each statement of a Query; in the extended protocol each Parse, Describe, Bind and Execute, where those that follow
 * one another as a driver sends them for one statement (Parse, Describe, Bind, Describe, Execute, or a part of that)
 * are one. So there are never fewer than messages of any one kind. Who is above the limit may still end the transaction
 * that is open. */
#include <stdio.h>

#include "proxy/session_private.h"

enum { END_BYTES = 100 /* of a message that may be the end of a transaction: not worth counting how it is judged */ };

uint64_t session_limit(const struct session *session, enum config_limit limit)
{
    return session->limits.values[limit];
}

/* ---- words ---- */

struct limit_row {
    const char *sqlstate, *rule, *message, *advice;
};

static const struct limit_row limit_rows[CONFIG_LIMIT_COUNT] = {
    [CONFIG_LIMIT_ROWS] = {"53400", "limits.rows", "the result has more rows than the limit allows",
                           "Select fewer rows: narrow WHERE, aggregate, or add LIMIT."},
    [CONFIG_LIMIT_BYTES] = {"54000", "limits.bytes", "the result is larger than the limit allows",
                            "Ask for fewer rows or columns, or in several parts."},
    [CONFIG_LIMIT_CONCURRENCY] = {"53300", "limits.connections", "too many connections for this tenant",
                                  "Close some, let your pool open fewer, or try again later."},
    [CONFIG_LIMIT_QUEUE] = {"53300", "limits.queue", "too many statements wait for a connection to the database",
                            "Run fewer statements at once, or try again later."},
    [CONFIG_LIMIT_STATEMENT_TIMEOUT] = {"57014", "limits.statement_timeout",
                                        "canceling statement due to statement timeout",
                                        "Ask for less at once: narrow WHERE, or aggregate."},
    [CONFIG_LIMIT_IDLE_TIMEOUT] = {"57P05", "limits.idle_timeout", "session ended: idle for too long",
                                   "Connect again; let your pool close connections sooner."},
    [CONFIG_LIMIT_LOGIN_TIMEOUT] = {"57014", "limits.login_timeout", "login took too long", "Connect again."},
    [CONFIG_LIMIT_STATEMENTS_PER_MINUTE] = {"53400", "limits.statements_per_minute",
                                            "too many statements of this tenant in a minute",
                                            "Send fewer at once, or try again later."},
    [CONFIG_LIMIT_REQUESTS_PER_MINUTE] = {0}, /* of the HTTP plane: http/step_limits.c */
};

static void put_hint(const struct session *session, enum config_limit limit, const char *advice,
                     struct limit_words *words)
{
    char said[CONFIG_LIMIT_WORDS];
    config_limit_say(&session->limits, limit, session->tenant.id, said);
    (void)snprintf(words->hint, sizeof words->hint, "The limit is %s. %s", said, advice);
}

struct refusal limit_refusal(const struct session *session, enum config_limit limit, struct limit_words *words)
{
    const struct limit_row *row = &limit_rows[limit];
    struct refusal refusal = refusal_make(row->sqlstate, row->rule, row->message);
    put_hint(session, limit, row->advice, words);
    refusal.hint = rg_slice_of(words->hint);
    return refusal;
}

/* ---- statements a minute ---- */

static enum pipeline_next refuse(struct session *session, unsigned seconds)
{
    struct limit_words words;
    struct refusal refusal = limit_refusal(session, CONFIG_LIMIT_STATEMENTS_PER_MINUTE, &words);
    bool is_never = session->command.cached != NULL &&
                    session->command.cached->plan.count > session_limit(session, CONFIG_LIMIT_STATEMENTS_PER_MINUTE);
    char advice[96];
    (void)snprintf(advice, sizeof advice, "Try again in %u s.", seconds);
    put_hint(session, CONFIG_LIMIT_STATEMENTS_PER_MINUTE, is_never ? "Send fewer statements at once." : advice, &words);
    refusal.hint = rg_slice_of(words.hint);
    session->run = 0;
    return session_refuse(session, &refusal);
}

static struct rate_answer take(struct session *session, size_t count)
{
    session->command.counted += count;
    return rate_take_at(session->worker->gateway->statement_rate, &session->rate, (uint32_t)count,
                        (uint32_t)session_limit(session, CONFIG_LIMIT_STATEMENTS_PER_MINUTE));
}

/* Its place among the messages that a driver sends for one statement; 0 = it stands alone. */
static unsigned char place_in_run(const struct pgwire_frame *frame)
{
    bool is_of_portal = frame->body.size > 0 && frame->body.data[0] == 'P';
    switch (frame->type) {
    case 'P':
        return 1;
    case 'D':
        return is_of_portal ? 4 : 2;
    case 'B':
        return 3;
    case 'E':
        return 5;
    default:
        return 0;
    }
}

/* Once in a transaction. What ends one is short; what is let through to be looked at costs next to nothing. */
static bool may_be_end(const struct session *session)
{
    const struct pgwire_frame *frame = &session->command.frame;
    bool is_begun = frame->type == 'Q' || frame->type == 'P' || frame->type == 'B';
    return is_begun && frame->size <= END_BYTES && session->transaction != PGWIRE_TRANSACTION_IDLE &&
           !session->is_end_let;
}

enum pipeline_next limit_count_message(struct session *session)
{
    struct command *command = &session->command;
    if (command->counted > 0) {
        return PIPELINE_NEXT;
    }
    unsigned char place = place_in_run(&command->frame);
    bool is_rest = session->run > 0 && place > session->run;
    session->run = place;
    if (is_rest) {
        command->counted = 1;
        return PIPELINE_NEXT;
    }
    struct rate_answer answer = take(session, 1);
    if (!answer.is_allowed && !may_be_end(session)) {
        return refuse(session, answer.retry_after_seconds);
    }
    command->late_seconds = answer.is_allowed ? 0 : answer.retry_after_seconds;
    return PIPELINE_NEXT;
}

static bool is_end(const struct policy_plan *plan)
{
    return plan->count == 1 &&
           (plan->statements[0].effect == POLICY_EFFECT_COMMIT || plan->statements[0].effect == POLICY_EFFECT_ROLLBACK);
}

enum pipeline_next limit_check_plan(struct session *session)
{
    struct command *command = &session->command;
    const struct policy_plan *plan = &command->cached->plan;
    if (command->late_seconds > 0 && !is_end(plan)) {
        return refuse(session, command->late_seconds);
    }
    session->is_end_let |= command->late_seconds > 0;
    command->late_seconds = 0;
    if (plan->count <= command->counted) {
        return PIPELINE_NEXT;
    }
    struct rate_answer answer = take(session, plan->count - command->counted);
    return answer.is_allowed ? PIPELINE_NEXT : refuse(session, answer.retry_after_seconds);
}

void limit_forget_transaction(struct session *session)
{
    session->is_end_let = false;
}
