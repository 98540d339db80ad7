/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_REQUEST_H
#define RG_PROXY_HTTP_REQUEST_H

#include "auth/identity.h"
#include "base/rg_arena.h"
#include "policy/view.h"
#include "proxy/config_http.h"
#include "tenants/tenants.h"

/* One HTTP request on its way through the steps of proxy/http/steps.c: accept, head check, route, credential, session,
 * tenant, limits, csrf, gate, and then one of our own endpoints or the upstream. This is what steps, endpoints and
 * hooks may rely on; how it is tied to libh2o is request_private.h, which only plane.c, reply.c and forward.c include.
 *
 * Threads: one request lives on one worker's loop; everything here is called there, except `run` of http_offload.
 * Lifetime: a client may go at any time. The struct survives until nothing is under way for it (http_offload, a
 * suspended step); is_gone is true then, and replies to it do nothing. */

struct auth_session; /* auth/session.h */
struct http_patience;
struct http_peer;
struct http_plane;
struct http_route; /* proxy/http/route.h */
struct http_route_match;
struct http_endpoint;
struct http_exchange;
struct http_guest;
struct snapshot;
struct worker;

enum { HTTP_REFERENCE_SIZE = 20, HTTP_CAPTURES_MAX = 4, HTTP_ARENA_BYTES = 1 << 20 };

/* One header line as received: names in lower case. */
struct http_header {
    struct rg_slice name;
    struct rg_slice value;
};

/* How a step ended. The zero value refuses: a step that says so without having replied makes the answer 500. */
enum http_step_result {
    HTTP_STEP_DONE = 0, /* it replied, or took the request over: no further step runs */
    HTTP_STEP_NEXT,     /* on to the next one */
    HTTP_STEP_WAIT,     /* suspended: http_request_resume runs the next step, or a reply ends the request */
};

/* How a request ended, for the record of its outcome. */
enum http_end {
    HTTP_END_ABORTED = 0, /* the client went, or the upstream broke off in the middle of its answer */
    HTTP_END_COMPLETE,    /* the last byte was handed to the client's connection */
};

struct http_request {
    struct worker *worker;
    struct http_plane *plane;
    struct snapshot *snapshot; /* what it runs under, however often the configuration changes meanwhile */
    const struct config_http_listener *listener;
    struct rg_slice listener_name;
    uint64_t id;                         /* unique within the log's lifetime like a session's id of the SQL plane */
    char reference[HTTP_REFERENCE_SIZE]; /* "r-..." and NUL: shown to people, recorded, found by `audit search` */
    struct rg_arena arena;               /* freed with the request; HTTP_ARENA_BYTES */
    int64_t begun_us;                    /* monotonic */

    /* What arrived. All slices live as long as the request. */
    struct rg_slice method;     /* "GET" */
    struct rg_slice raw_target; /* as sent */
    struct rg_slice path;       /* decoded once, normalised: "/api/v1/chart/data" */
    struct rg_slice query;      /* as sent, without "?" */
    struct rg_slice authority;  /* the Host header, lower case: one of the listener's names */
    struct rg_slice body;       /* whole; at most max_body */
    size_t header_count;
    const struct http_header *headers;
    struct rg_slice client_address; /* numeric text, behind PROXY line and trusted proxies */
    struct rg_slice client_text;    /* "ADDRESS:PORT", "[V6]:PORT": as the SQL plane's records say it */
    uint16_t client_port;
    struct rg_slice tls_version; /* "TLSv1.3" */
    bool is_http2;
    bool wants_upgrade; /* a WebSocket handshake: only forwarded where allows_upgrade */

    /* What the steps found; each is written by one step (steps.c says which). */
    const struct http_route *route;       /* NULL = none: refused */
    const struct http_route_match *match; /* the same with its captures; proxy/http/route.h */
    size_t capture_count;
    struct rg_slice captures[HTTP_CAPTURES_MAX];
    bool allows_upgrade; /* by the route's class */
    unsigned passes;     /* enum http_pass of strip.h: what the route's class lets up to the upstream */
    bool is_permitted;   /* the last step's word; http_forward refuses without it */
    const struct http_endpoint *endpoint; /* one of ours that runs behind the steps; NULL = none */
    const struct http_guest *guest;       /* whose token it brought, or made (proxy/http/guest.h); NULL = none */
    bool has_session;
    struct auth_session *session;  /* a reference held; NULL = none or a bearer token's */
    struct auth_identity identity; /* AUTH_UNVERIFIED = nobody */
    bool has_tenant;
    struct tenant tenant;
    struct policy_view view;        /* of the identity in the tenant; where has_tenant */
    struct http_patience *patience; /* of proxy/http/guest_patience.c */
    void *gate;                     /* of proxy/http/gate.c */
    void *limit;                    /* of proxy/rate.c */
    void *cache_guard;              /* of proxy/http/cache_guard.c; NULL = its answer is not looked at */

    /* What left. */
    int status;              /* of the answer's head; 0 = none yet */
    struct rg_slice rule;    /* that refused it; empty = none */
    struct rg_slice refusal; /* the words of the refusal: no data in it */
    uint64_t bytes_sent;     /* of the body */
    bool is_forwarded;       /* the upstream was asked */
    bool has_reply;          /* http_reply or http_forward was called */
    bool is_gone;            /* the client is: nobody hears a reply */
    bool must_close;         /* the connection ends behind this request */

    struct http_exchange *exchange; /* request_private.h */
};

/* The value of the header of that name (lower case). false = it is absent, or there is more than one: no header that we
 * read may come twice, and a step that needs it refuses. *out_count says which; may be NULL. Pure. */
bool http_request_header(const struct http_request *request, struct rg_slice name, struct rg_slice *out_value,
                         size_t *out_count);

/* On with the next step, from wherever HTTP_STEP_WAIT was returned for. Also right when is_gone: nothing runs then and
 * the request is freed. */
void http_request_resume(struct http_request *request);

/* run(arg) on a thread of NET_OFFLOAD_HTTP, where it may block and must touch nothing of the request; then
 * done(request, arg) on the loop: request is NULL when its client has gone (arg must still be freed). The request is
 * suspended meanwhile: return HTTP_STEP_WAIT, or just return from an endpoint.
 * Returns: RG_LIMIT when too many wait; neither is called then, and the request is as it was. */
rg_status http_offload(struct http_request *request, void (*run)(void *arg),
                       void (*done)(struct http_request *request, void *arg), void *arg) RG_MUST_CHECK;
/* The same where run may wait for an identity provider: peer as of net_offload_submit_for. */
rg_status http_offload_for(struct http_request *request, const void *peer, void (*run)(void *arg),
                           void (*done)(struct http_request *request, void *arg), void *arg) RG_MUST_CHECK;

/* Keeps the struct while something else than http_offload (an audit ticket, a timer) refers to it. */
void http_request_hold(struct http_request *request);
void http_request_release(struct http_request *request); /* may free it */

/* ---- the steps ---- */

/* One row a step, in order, in proxy/http/steps.c. A step is
 *     enum http_step_result http_step_NAME(struct http_request *request)
 * in a file of its own; what it cannot judge it refuses. */
struct http_step {
    const char *name;
    enum http_step_result (*run)(struct http_request *request);
};
extern const struct http_step http_steps[];
extern const size_t http_step_count;

#endif
