/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ACTION_H
#define RG_PROXY_HTTP_ACTION_H

#include "base/rg_crypto.h"
#include "proxy/http/route.h"

/* What a request does and to what, for the audit log: from the matched route, the query and the body. Everything here
 * is said by the client: hints for people who search the log, never a reason to allow anything. What cannot be read is
 * left out and never refuses a request.
 *
 * Bodies are JSON or application/x-www-form-urlencoded; JSON beyond HTTP_ACTION_BODY_MAX bytes, and what is not what
 * its type says, is not read (is_unread). Texts are cut to HTTP_ACTION_TEXT_MAX bytes at a character; control
 * characters, and what is not UTF-8, become '?'. */

enum {
    HTTP_ACTION_OBJECTS_MAX = 32, /* further ones are counted */
    HTTP_ACTION_TEXT_MAX = 256,
    HTTP_ACTION_BODY_MAX = 1 << 20, /* of JSON, also inside a form field */
    HTTP_ACTION_QUERY_MAX = 4096,   /* of the starred query that is recorded */
    HTTP_ACTION_ARENA_BYTES = 64 << 10,
};

struct http_action_object {
    const char *kind;   /* "dashboard", "chart", "dataset", "database", ... Static */
    struct rg_slice id; /* number, uuid, slug or key, as the client wrote it */
};

struct http_action {
    const char *action; /* the route's, or a narrower one: "chart.export" for chart.data as CSV. Static */
    bool is_export;
    size_t object_count;
    struct http_action_object objects[HTTP_ACTION_OBJECTS_MAX];
    size_t more_objects;    /* beyond those kept */
    struct rg_slice title;  /* of what is created or changed; empty = not said */
    struct rg_slice format; /* "csv", "xlsx", "json" */
    struct rg_slice result; /* result_type: "full", "samples", "drill_detail" */
    bool is_forced;         /* force=true: past Superset's cache */
    struct rg_slice user;   /* who a login or a change of users names */
    /* SQL Lab: the text itself is recorded by the SQL plane; here its length and digest link the two. */
    bool has_sql;
    size_t sql_bytes;
    struct rg_digest sql_digest;
    struct rg_slice schema, client_id;
    bool has_guest_token; /* a form field of that name came, or may have: it is a credential */
    bool is_unread;       /* the body is too long, or is not what its type says */
};

struct http_action_source {
    const struct http_route_match *match; /* found */
    struct rg_slice query;                /* raw, without '?' */
    struct rg_slice content_type;         /* of the request; may be empty */
    struct rg_slice body;                 /* may be empty */
};

/* Returns: ok, also when nothing could be read; RG_LIMIT when the arena is full.
 * Owns: *out_action and its texts live in arena (HTTP_ACTION_ARENA_BYTES are always enough). Threads: any. Pure. */
rg_status http_action_read(const struct http_action_source *source, struct rg_arena *arena,
                           struct http_action *out_action) RG_MUST_CHECK;

/* The query as it may be recorded: the values of token, code, state, password, secret, SAMLResponse and their like
 * become ***, whatever their case and percent-encoding; the rest is cut to HTTP_ACTION_QUERY_MAX bytes.
 * Returns: ok; RG_LIMIT when the arena is full. Owns: *out_query lives in arena. Pure. */
rg_status http_query_star(struct rg_slice query, struct rg_arena *arena, struct rg_slice *out_query) RG_MUST_CHECK;
/* Whether the value of a parameter, header or form field of that (decoded) name is a secret. Pure. */
bool http_is_secret_name(struct rg_slice name);

#endif
