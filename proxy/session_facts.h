/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SESSION_FACTS_H
#define RG_PROXY_SESSION_FACTS_H

#include "base/rg_crypto.h"
#include "base/rg_slice.h"

/* What the console shows of a session of the SQL plane. Nothing of a statement's text is in it. */

struct session;

enum session_fact {
    SESSION_FACT_LOGIN = 0, /* nobody is known yet */
    SESSION_FACT_IDLE,
    SESSION_FACT_WAITING, /* for one of the pool's connections */
    SESSION_FACT_ACTIVE,
};

struct session_facts {
    struct rg_slice id, tenant, user, database, application, upstream, address;
    enum session_fact state;
    bool is_tls;
    bool has_server;       /* a connection to the upstream is its own now */
    bool is_server_active; /* a transaction is open there, or an answer is to come */
    bool shares_servers;   /* with others, by transactions */
    int64_t connected_us;  /* wall clock */

    /* the statement in work; class_name NULL = there is none */
    const char *class_name;
    const char *statement_state;
    int64_t age_us;                         /* of it */
    int64_t waits_us;                       /* so far, for one of the pool's connections; 0 = it does not */
    char query_uid[2 * RG_SHA256_SIZE + 1]; /* as its record's query_info.uid; empty for a very long text */
};

/* Borrowed from the session. On its loop. */
void session_tell(const struct session *session, struct session_facts *out_facts);

/* By an operator's order: cancels what runs and ends the session; nothing for one that is not logged in. */
void session_kill(struct session *session);

#endif
