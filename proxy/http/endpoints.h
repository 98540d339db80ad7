/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ENDPOINTS_H
#define RG_PROXY_HTTP_ENDPOINTS_H

#include "proxy/http/request.h"

/* What we answer ourselves: everything below /.rowgate/, and nothing of it ever reaches the upstream.
 *
 * One row in endpoints.c for each endpoint. "IDP" in a pattern is one segment that names an [idp.NAME] of
 * the listener's login list: it is in request->captures[0]; "NAME" is one segment of [A-Za-z0-9._-]+. */

enum http_endpoint_class {
    HTTP_ENDPOINT_CLOSED = 0, /* a row nobody has filled: 404 */
    HTTP_ENDPOINT_PUBLIC,     /* no session needed; a session that is there is looked up */
    HTTP_ENDPOINT_SESSION,    /* a live session, else 401 */
    HTTP_ENDPOINT_FORM,       /* a live session and its CSRF token, else 403 */
    HTTP_ENDPOINT_CALLER,     /* goes down the road of steps.c by its own row of the route table, to its end */
};

struct http_endpoint {
    const char *method;
    const char *pattern;
    enum http_endpoint_class class;
    void (*run)(struct http_request *request);
    const char *action; /* for the record: "login.page" */
};

extern const struct http_endpoint http_endpoints[];
extern const size_t http_endpoint_count;

/* Whether the path is ours to answer. Pure. */
bool http_endpoint_is_ours(struct rg_slice path);
/* The row for it; fills captures. NULL = none: *out_is_other_method says whether only the method is wrong (405). Pure.
 */
const struct http_endpoint *http_endpoint_find(struct rg_slice method, struct rg_slice path,
                                               struct rg_slice captures[HTTP_CAPTURES_MAX], size_t *out_capture_count,
                                               bool *out_is_other_method);

#endif
