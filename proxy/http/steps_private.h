/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_STEPS_PRIVATE_H
#define RG_PROXY_HTTP_STEPS_PRIVATE_H

#include "proxy/http/request.h"

/* The steps of steps.c, one line each. */
enum http_step_result http_step_endpoint(struct http_request *request);      /* endpoints.c: /.rowgate/ is ours alone */
enum http_step_result http_step_route(struct http_request *request);         /* step_route.c */
enum http_step_result http_step_address_limit(struct http_request *request); /* step_limits.c */
enum http_step_result http_step_tenant_limit(struct http_request *request);  /* the same, behind who calls */
enum http_step_result http_step_permit(struct http_request *request);        /* the same, behind who calls */

/* guest_patience.c: waits for the audit log where the caller would give up. */
enum http_step_result http_step_patience(struct http_request *request);
/* step_caller.c: who sends it, by a guest token, a bearer token or a session's cookie, and for which tenant. */
enum http_step_result http_step_caller(struct http_request *request);
/* caller_bearer.c: by the Authorization header. */
enum http_step_result http_caller_take_bearer(struct http_request *request, struct rg_slice header);
/* Shared by those who find out who calls. */
struct auth_session_new;
int64_t http_caller_now_us(const struct http_request *request); /* wall clock */
/* The tenant and view of request->identity; without one it is nobody's. RG_DENIED. */
rg_status http_caller_find_tenant(struct http_request *request) RG_MUST_CHECK;
void http_caller_forget(struct http_request *request);
/* Whether the provider of a session is still one of the configuration's, and of this listener's. */
bool http_caller_is_trusted(const struct http_request *request, const struct auth_session_new *login);
/* For our own endpoints: the session of the cookie, if there is a live one. */
void http_caller_find_session(struct http_request *request);
/* Behind it: true when the request's body carries the session's CSRF token. */
bool http_caller_has_csrf(struct http_request *request);
/* refresh.c: asks the provider for new tokens in the background when those of the session are about to end. */
void http_refresh_if_due(struct http_request *request);

#endif
