/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_FORWARD_H
#define RG_PROXY_HTTP_FORWARD_H

#include "proxy/http/request.h"

/* To the upstream and back: libh2o's HTTP client with one pool of connections for each upstream and loop. */

/* Sends the request on. Only where is_permitted; else it is answered with 403 (law L1). The body streams back without
 * being kept. Errors of the upstream become 502 and 504 with the request's reference. */
void http_forward(struct http_request *request);

/* An additional request header to the upstream, in place of all that the client sent under this name and its underscore
 * form. Before http_forward. RG_LIMIT when the request's memory is full. */
rg_status http_forward_set_header(struct http_request *request, struct rg_slice name,
                                  struct rg_slice value) RG_MUST_CHECK;

/* ---- hooks on answers ---- */

/* The head of an answer, the upstream's or ours, before it leaves. Names in lower case. All lives as long as the
 * request. Hop-by-hop lines, Content-Length, Date and Server are not in it. */
struct http_response_head {
    int status;
    bool is_ours;
    bool has_length;
    uint64_t length; /* of the body, where it is known */
    size_t header_count;
    struct http_header *headers;
};

/* One row in forward_hooks.c for each party that wants to see answers, in order; NULL members are skipped.
 * on_head:  may change status and headers (http_response_set, http_response_drop), or hold the answer back:
 *           HTTP_STEP_NEXT goes on to the next hook; HTTP_STEP_WAIT holds the head and with it the body until
 *           http_response_release(request), which goes on with the next hook; HTTP_STEP_DONE = it must not leave: the
 *           answer is replaced by a bare 503 with the reference, the upstream's is thrown away.
 * on_ahead: what http_response_read_ahead asked for; ends in http_response_release or http_response_replace, at once or
 *           later.
 * on_body:  bytes of the body are about to leave; may be called often. The bytes cannot be changed.
 * on_end:   exactly once for each request that had a head, the last one to hear of it; also when the client has gone,
 * and also for requests that never got a head (status 0). The request must not be replied to.
 * on_free:  exactly once for each request: nothing of it or its answer is in memory any more but the struct. */
struct http_response_hooks {
    const char *name;
    enum http_step_result (*on_head)(struct http_request *request, struct http_response_head *head);
    void (*on_ahead)(struct http_request *request, struct http_response_head *head, struct rg_slice bytes,
                     bool is_whole);
    void (*on_body)(struct http_request *request, struct rg_slice bytes);
    void (*on_end)(struct http_request *request, enum http_end end);
    void (*on_free)(struct http_request *request);
};
extern const struct http_response_hooks http_hooks[];
extern const size_t http_hook_count;

/* Sends what on_head held back. refused: it must not leave after all (the record could not be made durable). Also right
 * when the client has gone. */
void http_response_release(struct http_request *request, bool is_refused);
/* For an on_head that then returns HTTP_STEP_WAIT, of an answer of the upstream's: the body is read on and kept, and
 * on_ahead of the same hook called once: with all of it (is_whole), or with a beginning when it is larger than
 * limit_bytes, broke off or came too slowly. It is sent behind the head as ever. Nothing is called when the client goes
 * meanwhile; on_end must then call http_response_release. */
void http_response_read_ahead(struct http_request *request, size_t limit_bytes);
/* A problem (proxy/http/reply.h) in place of what on_head holds back or is looking at (it then returns HTTP_STEP_WAIT);
 * rule and text are static; the upstream's answer is thrown away. The new head
 * passes all hooks from the first one on, and is ours. Also right when the client has gone. */
void http_response_replace(struct http_request *request, int status, const char *rule, const char *text);
/* Replaces all lines of that name by one; in the request's arena. RG_LIMIT when it is full. */
rg_status http_response_set(struct http_request *request, struct http_response_head *head, struct rg_slice name,
                            struct rg_slice value) RG_MUST_CHECK;
/* Adds a line beside those of that name. */
rg_status http_response_add(struct http_request *request, struct http_response_head *head, struct rg_slice name,
                            struct rg_slice value) RG_MUST_CHECK;
void http_response_drop(struct http_response_head *head, struct rg_slice name);
/* The only line of that name. false = none or several. Pure. */
bool http_response_find(const struct http_response_head *head, struct rg_slice name, struct rg_slice *out_value);

#endif
