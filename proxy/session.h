/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SESSION_H
#define RG_PROXY_SESSION_H

#include "base/rg_slice.h"

/* One client connection, from accept to its end. Lives on one worker; all calls on that thread. */

struct worker;
struct session;
struct net_stream;

enum session_end_reason { SESSION_ENDED_BY_CLIENT = 0, SESSION_ENDED_BY_US, SESSION_ENDED_BY_UPSTREAM };

/* Takes the stream. listener is an index into the configuration's listeners at start. */
void session_start(struct worker *worker, size_t listener, struct net_stream *stream);
/* The record of ticket is durable as number sequence. */
void session_on_durable(struct session *session, uint64_t ticket, uint64_t sequence);
/* The audit log takes no more records: what is held never leaves, the client is told why. */
void session_on_fault(struct session *session);
/* Cancels what the session is running, as a CancelRequest would. */
void session_cancel(struct session *session);
/* Drain: an idle session ends now, a busy one after its transaction. */
void session_drain(struct session *session);
/* Ends when somebody revoked it: a running statement is cancelled, the client is told. */
void session_end_if_revoked(struct session *session);
/* What `rowgate session` tells of it, borrowed; false when nobody is logged in. */
struct session_row;
bool session_describe(const struct session *session, struct session_row *out_row);
/* Ends at once. */
void session_close(struct session *session);
/* Frees a session that ended; the worker calls it between turns. */
void session_free(struct session *session);

bool session_is_dead(const struct session *session);
uint64_t session_id(const struct session *session);
struct session *session_next(const struct session *session);

#endif
