/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_GATE_H
#define RG_PROXY_HTTP_GATE_H

#include "audit/record.h"
#include "proxy/http/forward.h"
#include "proxy/http/request.h"

/* The gate of law L4 for requests. Nothing is answered before its record is durable (in the log with "synced", in the
 * kernel's hands with "written"), but what has none: files of class public, and the words that the log is closed.
 *   A read:   an answer of at most HTTP_GATE_SMALL bytes, known beforehand, has one combined record; the head waits for
 *             it. Others have a decision, with the status, for which the head waits, and an outcome at their end.
 *   A change: the decision is durable before the request is forwarded. Its outcome is durable before the head of a
 * small answer leaves; that of a large one is recorded at its end. What ends otherwise than its record said (cut off in
 * the middle) has one more outcome that says so. */

enum { HTTP_GATE_SMALL = 64 * 1024 };

/* The row "gate" of http_steps. */
enum http_step_result http_step_gate(struct http_request *request);
/* The row "gate" of http_hooks: the last one, so that what is recorded is what leaves. */
enum http_step_result http_gate_on_head(struct http_request *request, struct http_response_head *head);
void http_gate_on_end(struct http_request *request, enum http_end end);

/* A login, a failed one or a logout of this request, by the endpoints of OIDC and SAML: on record before the request's
 * answer leaves. Empty slices for what is not known. */
struct http_gate_login {
    enum audit_kind kind;       /* AUDIT_LOGIN, AUDIT_LOGIN_FAILED, AUDIT_LOGOUT */
    struct rg_slice session_id; /* the public id, "s-..." */
    struct rg_slice tenant;     /* verified */
    struct rg_slice user;
    struct rg_slice subject;
    struct rg_slice idp;     /* issuer */
    struct rg_slice rule;    /* of a failed one */
    struct rg_slice message; /* why it failed, or how it ended */
};

/* RG_STORAGE or RG_LIMIT: it cannot be recorded. The endpoint answers 503 then, and nobody is logged in. */
rg_status http_gate_login(struct http_request *request, const struct http_gate_login *login) RG_MUST_CHECK;

#endif
