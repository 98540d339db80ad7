/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_STRIP_H
#define RG_PROXY_HTTP_STRIP_H

#include "base/rg_buf.h"

/* Which headers pass, each way, and the one credential that a class of routes accepts (RFC 9110 7.6.1; RFC 3875
 * 4.1.18: a CGI or WSGI server reads X_Real_IP and X-Real-IP as one name). Deny lists for headers, which applications
 * add to freely; allow lists for what carries a right. */

/* What a class of routes lets up to the upstream. The zero value: nothing. */
enum http_pass {
    HTTP_PASS_NONE = 0,        /* embedded pages, assets, health; and whatever rowgate answers itself */
    HTTP_PASS_SESSION,         /* somebody logged in at rowgate: the cookie "async-token"; who it is, the signed
                                * identity header says, and CSRF is ours to refuse */
    HTTP_PASS_GUEST,           /* a guest token that rowgate verified: another one of its own making goes up */
    HTTP_PASS_BEARER,          /* a token that rowgate verified: it stays here, the signed identity goes up */
    HTTP_PASS_SUPERSET_BEARER, /* Authorization, for Superset's own tokens and API keys */
    HTTP_PASS_ASYNC,           /* the cookie "async-token" alone */
    HTTP_PASS_COUNT
};

enum http_strip {
    HTTP_STRIP_DROP = 0,
    HTTP_STRIP_PASS,
    HTTP_STRIP_COOKIE, /* pass what http_cookie_filter leaves, or no Cookie at all when that is empty */
};

/* One request header on its way up. connection: the value of the request's Connection, or empty. Dropped: hop-by-hop
 * fields and those that Connection names; Host, Content-Length and Expect, which the forwarder writes itself; every
 * name by which a proxy tells an address, a scheme, a path, a method or a user (table in strip.c), X-Rowgate-* among
 * them; the credentials that the class does not accept; any name that holds another character than letters, digits
 * and "-". A WebSocket's Upgrade and Connection are the forwarder's, too. Pure. */
enum http_strip http_strip_request(struct rg_slice name, struct rg_slice connection, enum http_pass credential);

/* Whether a response header reaches the client. Dropped: hop-by-hop fields and those that Connection names, what tells
 * the software behind (Server, Via, X-Powered-By, ...) or commands a proxy (X-Accel-*, X-Sendfile), X-Rowgate-*, and
 * Set-Cookie where http_set_cookie_passes says no. Pure. */
bool http_strip_response(struct rg_slice name, struct rg_slice value, struct rg_slice connection,
                         enum http_pass credential);

/* Appends those pairs of a Cookie value (RFC 6265 4.2.1) that the class lets up, in their order, joined by "; ". All
 * others are dropped without a word, since a browser sends every cookie of the site: rowgate's own, Superset's session
 * and remember_token, names nobody listed, pairs whose value is no plain cookie-octets, and names that come twice (all
 * of them). Returns: ok, also when nothing is left; RG_LIMIT when out is full, which is as before then. Pure. */
rg_status http_cookie_filter(struct rg_slice value, enum http_pass credential, struct rg_buf *out) RG_MUST_CHECK;

/* Whether the upstream may set this cookie: one that the class also lets up, without a Domain. value: of Set-Cookie.
 * So an embedded page cannot log out who has Superset open beside it (apache/superset issue 32903). Pure. */
bool http_set_cookie_passes(struct rg_slice value, enum http_pass credential);

/* Whether a form has a field of this name, as Werkzeug would read it: to refuse a guest_token in a body where the class
 * is not HTTP_PASS_GUEST. Decides for "yes" where it is in doubt: anywhere in a multipart body. False for other
 * types of content. Pure. */
bool http_form_has(struct rg_slice content_type, struct rg_slice body, struct rg_slice field);

#endif
