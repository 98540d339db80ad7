/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_STORY_H
#define RG_PROXY_HTTP_STORY_H

#include "audit/record.h"
#include "proxy/http/request.h"

/* What the audit log tells of a request: facts of the request as an event. Pure: no clock, file or socket. */

/* Read once for each request; all texts live in the request's arena, or are static. */
struct http_story {
    bool is_silent; /* of class public: no tenant's data, no record */
    bool changes;   /* something, at the upstream: decided before it is forwarded */
    bool has_body_digest;
    uint64_t session_id;        /* of the session's public id; 0 = none */
    struct rg_slice class_name; /* audit/web.h; empty = none of them */
    struct rg_slice action;     /* empty = no route */
    struct rg_slice object;     /* "dashboard/12", several with commas between */
    struct rg_slice query;      /* starred */
    struct rg_slice user_agent;
    struct rg_slice said;       /* of what is created or run: its title, the digest of its SQL; empty = nothing */
    struct rg_slice login_user; /* whom a form of Superset's own names */
    struct rg_slice resource;   /* path whose GET shows what a change is about; empty = none does */
    struct rg_digest body_digest;
};

/* Whether the body is looked at is the caller's to say: not before the request is permitted.
 * Returns: ok; RG_LIMIT when the request's arena is full. On failure *out_story is untouched. */
rg_status http_story_read(struct http_request *request, bool reads_body, struct http_story *out_story) RG_MUST_CHECK;

/* The event of a request as it is now: what is known of its answer, too. Times are the caller's.
 * Owns: nothing; borrows from both. */
struct audit_event http_story_event(const struct http_request *request, const struct http_story *story);

/* A log-in by Superset's own form or API, judged by its answer (reference superset.md 5.1: a failed one by the form is
 * a redirect back to the form). AUDIT_NONE: the request was none, or the answer says nothing. */
enum audit_kind http_story_login(const struct http_request *request, int status, struct rg_slice location);

/* "s-0123456789abcdef" as a record has it; 0 for what is none. */
uint64_t http_story_session_number(struct rg_slice public_id);

/* What is the same in a resource that did not change: SHA-256 of the JSON with sorted keys, without whitespace and
 * without the members "*_humanized", which tell how long ago things were; of the bytes where they are no JSON. */
struct rg_digest http_story_digest(struct rg_slice body);

#endif
