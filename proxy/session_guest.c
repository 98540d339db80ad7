/* SPDX-License-Identifier: Apache-2.0 */
/* Guests of an embedded dashboard look at it: nothing that they send changes anything, whatever the person behind them
 * may. A dashboard's query is made of what the browser asked for, and Superset is not believed to have made a SELECT
 * of it. */
#include "proxy/session_private.h"

static bool is_looking(const struct policy_statement *statement)
{
    bool is_of_class =
        statement->class_of_statement == POLICY_CLASS_READ || statement->class_of_statement == POLICY_CLASS_MISC;
    return is_of_class && !statement->takes_data;
}

enum pipeline_next statement_check_guest(struct session *session)
{
    const struct policy_plan *plan = &session->command.cached->plan;
    bool is_guest = session->capsule != NULL && session->capsule->is_guest;
    for (size_t i = 0; is_guest && i < plan->count; i++) {
        if (!is_looking(&plan->statements[i])) {
            struct refusal refusal = refusal_make("42501", "guest.write", "a guest of a dashboard can only read");
            return session_refuse(session, &refusal);
        }
    }
    return PIPELINE_NEXT;
}
