/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_PAGES_PRIVATE_H
#define RG_PROXY_HTTP_PAGES_PRIVATE_H

#include "proxy/http/forward.h"

/* page_endpoints.c, for the table of endpoints.c */

/* GET /.rowgate/login: the ways to log in. ?tenant=ID shows that tenant's name and logo, and its providers alone;
 * ?return_to=PATH is handed on; ?reason=expired|logged-out says why. One way and no reason: straight on to it. */
void http_page_get_login(struct http_request *request);
/* Whose login page is asked for, so that its own site may frame it; NULL = nobody's, or the request is another. */
const struct tenant_face *http_page_asked_face(struct http_request *request);
void http_page_get_logout(struct http_request *request); /* behind a session: asks */
void http_page_get_logged_out(struct http_request *request);
void http_page_get_static(struct http_request *request); /* rowgate.css */
void http_page_get_logo(struct http_request *request);   /* GET /.rowgate/logo?tenant=ID */

/* headers_hook.c, for the table of forward_hooks.c: what every answer says about framing, sniffing and caching. */
enum http_step_result http_headers_on_head(struct http_request *request, struct http_response_head *head);

/* step_identity.c, for the table of steps.c: tells the upstream who calls, where somebody does. */
enum http_step_result http_step_identity(struct http_request *request);

#endif
