/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_BOOKKEEPING_H
#define RG_PROXY_BOOKKEEPING_H

#include "policy/policy.h"

/* Statements that ask or tell the database nothing but how the conversation goes. Drivers send many: SQLAlchemy nine
 * before a new engine's first query (reference/superset.md 4.1). Which ones, is decided here; when rowgate may answer
 * them itself, in session_local.c. Pure. */

enum bookkeeping {
    BOOKKEEPING_NONE = 0, /* the upstream answers */
    BOOKKEEPING_VIRTUAL,  /* changes what rowgate keeps for the session: its tag is the whole answer */
    BOOKKEEPING_BEGIN,    /* of a transaction without options: nothing happens before its first statement */
    BOOKKEEPING_END,      /* COMMIT or ROLLBACK, not of a chain */
    BOOKKEEPING_CONSTANT, /* its answer is the same for as long as the upstream is */
    BOOKKEEPING_LEVEL,    /* the same of the first statement of a transaction: the login's default */
};

/* Of an allowed statement. What is not known for certain is NONE. */
enum bookkeeping bookkeeping_of(const struct policy_statement *statement);

#endif
