/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_PAGE_H
#define RG_PROXY_HTTP_PAGE_H

#include "base/rg_buf.h"
#include "base/rg_slice.h"
#include "base/rg_status.h"

/* Our own pages: HTML without scripts, one style sheet, no outside resource. Everything that is put in is text and
 * leaves escaped. Pure; any thread. Each appends a whole document, or fails with RG_LIMIT and appends nothing. */

/* Whose page it is: the tenant that the visitor asked for, where there is one. A hint, never an identity. */
struct http_page_face {
    struct rg_slice name;     /* empty = nobody's in particular */
    struct rg_slice logo_url; /* a path of ours; empty = none */
};

struct http_page_provider {
    struct rg_slice label; /* "Acme staff" */
    struct rg_slice url;   /* where choosing it leads: a path of ours with its query */
    struct rg_slice logo_url;
};

struct http_page_login {
    struct http_page_face face;
    const char *notice; /* why it is shown: "Your session has ended."; NULL = no special reason */
    size_t provider_count;
    const struct http_page_provider *providers; /* in the order in which they are shown */
};
rg_status http_page_login(const struct http_page_login *page, struct rg_buf *out) RG_MUST_CHECK;

/* A refusal or another word: what, and what to do next. */
struct http_page_message {
    struct http_page_face face;
    struct rg_slice title;
    struct rg_slice text;
    struct rg_slice rule;      /* empty = not shown */
    struct rg_slice reference; /* what to quote to the administrator; empty = not shown */
    struct rg_slice link_url;  /* a path of ours; empty = no link */
    struct rg_slice link_label;
};
rg_status http_page_message(const struct http_page_message *page, struct rg_buf *out) RG_MUST_CHECK;

/* Asks before it ends the session: a form that posts the token to action. */
struct http_page_logout {
    struct http_page_face face;
    struct rg_slice user;
    struct rg_slice action; /* a path of ours */
    struct rg_slice csrf;
};
rg_status http_page_logout(const struct http_page_logout *page, struct rg_buf *out) RG_MUST_CHECK;

/* What these documents refer to: GET HTTP_PAGE_STYLE_PATH, text/css, never changes while the process lives. */
#define HTTP_PAGE_STYLE_PATH "/.rowgate/static/rowgate.css"
struct rg_slice http_page_style(void);
/* The Content-Security-Policy of these documents, but for frame-ancestors: nothing but our own style and pictures. */
#define HTTP_PAGE_CSP "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' https:; base-uri 'none'"

/* Appends text for HTML, also inside a quoted attribute: & < > " ' become references, control characters and invalid
 * UTF-8 a replacement. */
rg_status http_page_escape(struct rg_slice text, struct rg_buf *out) RG_MUST_CHECK;

#endif
