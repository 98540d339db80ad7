/* SPDX-License-Identifier: Apache-2.0 */
/* The order of things. Each step is one function of one file; nothing else decides what comes next. */
#include "proxy/pipeline.h"

#include "proxy/session_private.h"

static const struct pipeline_step login_steps[] = {
    {"authenticate", login_authenticate}, /* session_login.c: the credential is verified */
    {"resolve", login_resolve},           /* identity -> tenant, checked against the asked database */
    {"bind", login_bind},                 /* claims -> typed constants in the policies */
    {"admit", login_admit},               /* the tenant's connection limit */
    {"connect", session_connect},         /* session_upstream.c: an upstream session */
    {"catalog", login_catalog},           /* session_catalog.c: what the upstream's relations look like is known */
    {"settings", login_settings},         /* what the startup packet asked for, through the same allow-list as SET */
    {"record", login_record},             /* the login's record is submitted; the welcome waits behind it */
    {"welcome", login_welcome},
};

static const struct pipeline_step statement_steps[] = {
    {"authenticate", statement_authenticate}, /* session_statement.c: not expired, newest policies */
    {"plan", statement_plan},                 /* parse, decide, rewrite, check: policy/ */
    {"connect", session_connect},
    {"record", statement_record}, /* what can change anything is durable before it is forwarded (L4) */
    {"execute", statement_execute},
};

#define COUNT(steps) (sizeof(steps) / sizeof(steps)[0])

const struct pipeline pipeline_login = {"login", login_steps, COUNT(login_steps)};
const struct pipeline pipeline_statement = {"statement", statement_steps, COUNT(statement_steps)};

size_t pipeline_back_to(const struct pipeline *pipeline, enum pipeline_next (*step)(struct session *session), size_t at)
{
    size_t found = 0;
    while (found < at && pipeline->steps[found].run != step) {
        found++;
    }
    return found;
}

enum pipeline_next pipeline_run(const struct pipeline *pipeline, struct session *session, size_t *at)
{
    while (*at < pipeline->count) {
        enum pipeline_next next = pipeline->steps[*at].run(session);
        if (next == PIPELINE_SUSPEND) {
            return next;
        }
        if (next == PIPELINE_REFUSED) {
            *at = 0;
            return next;
        }
        *at += 1;
    }
    *at = 0;
    return PIPELINE_NEXT;
}
