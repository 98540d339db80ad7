/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_REQUESTS_H
#define RG_PROXY_REQUESTS_H

#include "base/rg_buf.h"
#include "base/rg_slice.h"
#include "base/rg_status.h"
#include "policy/cache.h"
#include "proxy/binds.h"

/* What was forwarded and not answered yet, in order: the upstream's answers are matched against the head.
 * Threads: one. */

/* All of them may be answered in one chunk, each with a barrier, on top of those that let the upstream be read on
 * (update_back_pressure in session.c): together fewer than OUTPUT_BARRIERS_MAX. */
enum {
    REQUESTS_MAX = 3000,
    REQUESTS_HIGH = REQUESTS_MAX - 64, /* above this, or the bytes below, the client is not read */
    REQUESTS_BYTES_HIGH = 16 << 20,
};

struct refusal {
    char sqlstate[6];
    bool is_fatal;
    struct rg_slice rule;
    struct rg_slice message;
    struct rg_slice recorded; /* what the record says in place of message; empty = the same */
    struct rg_slice hint;
    size_t position;
};

struct request {
    struct request *next;
    char type;                /* of the frontend message: Q P B D E C S */
    bool is_hidden;           /* rowgate's own: a success is not shown to the client */
    bool is_poison;           /* made to fail upstream, so that a refused statement fails the transaction */
    bool is_probe;            /* rowgate's own question for the upstream's search_path */
    bool is_settings;         /* rowgate's own SETs at login */
    bool is_local;            /* answered by rowgate itself */
    bool is_begin;            /* rowgate's own, of the client's BEGIN that was answered before */
    bool is_prelude;          /* rowgate's own settings of the second lock, in the extended protocol */
    bool is_prelude_done;     /* Q: the prelude of the current statement was answered */
    bool leaves_prelude;      /* Q S: its settings hold when an open transaction is all that is left */
    bool had_written;         /* the transaction had written when this was forwarded */
    bool is_decided;          /* a record that allows the current statement is submitted already */
    bool is_failed;           /* Q: an error was answered, only ReadyForQuery is missing */
    bool is_substituted;      /* an error of rowgate's own was answered; drop the rest of the result */
    bool is_copying;          /* the upstream has asked for the client's data and got not all of it yet */
    bool is_statement_target; /* D: of a statement, so ParameterDescription comes first */
    char *name;               /* P: the client's name, forgotten again when the upstream refuses it; NULL = none */
    size_t name_size;
    char *formats; /* D of a portal with Hyper: the result's formats as its Bind listed them; NULL = none */
    size_t formats_size;
    struct policy_cached *cached;                  /* owned reference; NULL when no statement is meant */
    struct binds *binds;                           /* E: owned reference; NULL = none are recorded */
    size_t statement;                              /* Q: which statement of the plan is running */
    uint64_t preludes[POLICY_STATEMENTS_MAX / 64]; /* Q: bit i: a prelude stands before statement i */
    size_t prelude_size;                           /* Q: in characters */
    uint64_t statement_id;                         /* of the running statement, for its records */
    size_t data_from;                              /* statements before this one have asked for their data already */
    uint64_t rows;
    uint64_t bytes;              /* of the result, or of the data that the client sent */
    struct rg_buf *lesson;       /* Q: the answer so far, kept when it is whole; owned, NULL = is not kept */
    size_t lesson_messages;      /* in it */
    const void *lesson_upstream; /* who was asked; compared only */
    int64_t started_us;
    int64_t begun_us;     /* when the client's message was there, or the statement before this one was answered */
    int64_t forwarded_us; /* both monotonic, for metrics */
    /* is_poison: what the client is told instead, copied */
    struct refusal refusal;
    char *refusal_text;
    uint64_t refusal_ticket;
    uint64_t refusal_sequence;
    bool is_refusal_durable;
};

struct requests {
    struct request *first;
    struct request **last;
    size_t count;
    size_t bytes; /* of the texts that the requests' plans keep alive */
};

/* Whether so much waits for answers that no more messages are taken from the client. */
bool requests_are_many(const struct requests *requests);

void requests_init(struct requests *requests);
void requests_done(struct requests *requests);
/* A zeroed request at the end of the queue. RG_LIMIT past REQUESTS_MAX. cached is shared, may be NULL. */
rg_status requests_add(struct requests *requests, char type, struct policy_cached *cached,
                       struct request **out_request) RG_MUST_CHECK;
void requests_drop_first(struct requests *requests);
/* After an error in the extended protocol the upstream skips everything up to Sync: so does the queue. */
void requests_drop_to_sync(struct requests *requests);
/* Whether the upstream may still ask for data of the client, or a simple query that took data is not answered yet. */
bool request_awaits_data(const struct request *request);
bool requests_await_data(const struct requests *requests);
/* Whether a ReadyForQuery is still to come. */
bool requests_await_ready(const struct requests *requests);
/* Whether nothing stands before the last one, or its batch, that has a ReadyForQuery of its own. */
bool requests_are_one_batch(const struct requests *requests);
/* Whether a Sync stands in the queue. */
bool requests_has_sync(const struct requests *requests);
void request_add_lesson(struct request *request, size_t max_bytes);
void request_drop_lesson(struct request *request);
/* Copies the refusal's texts into the request. */
void request_set_refusal(struct request *request, const struct refusal *refusal);
/* Whether a decision record of this statement must be durable before it is forwarded (L4): everything but
 * proven reads, and the COMMIT of a transaction that wrote. */
bool statement_needs_decision(const struct policy_statement *statement, bool had_written);
/* Shares the values that an Execute runs with. */
void request_set_binds(struct requests *requests, struct request *request, struct binds *binds);
/* Copies the client's name of a Parse into the request. */
void request_set_name(struct request *request, struct rg_slice name);
/* The statement that the request is running; NULL when it has none. */
const struct policy_statement *request_statement(const struct request *request);
/* Q: whether a prelude was put before that statement. */
bool request_has_prelude(const struct request *request, size_t statement);
/* Q: whether the upstream is at a prelude and not at the client's statement yet. */
bool request_is_in_prelude(const struct request *request);

#endif
