/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_HTTP_H
#define RG_AUDIT_EXPORT_HTTP_H

#include "audit/export/task.h"
#include "base/rg_buf.h"

/* One HTTP request at a time to one destination, by libcurl: for webhooks, witnesses and peers (S3 has its own client,
 * because its requests are signed); or a plain connection to it, for protocols that are not HTTP. It blocks, but ends
 * about a second after export_should_stop. TLS 1.2 or newer, the certificate always checked, no redirects, no cookies;
 * the environment's proxy settings do not count: where records go is said by the configuration alone. The answer is
 * untrusted: bounded, and shown only as printable ASCII. */

struct export_http;

struct export_http_options {
    const char *url;             /* without query or fragment: audit/export/url.h looked at it */
    const char *ca_file;         /* "" = the system's */
    struct rg_slice certificate; /* PEM, of the client, and its key; empty = none */
    struct rg_slice private_key;
    int64_t timeout_us; /* of a whole request; connecting: at most 10 s of it */
    size_t answer_max;  /* bytes of an answer's body; a longer one is a failure */
};

/* Copies the options. RG_INTERNAL when libcurl cannot be set up. Threads: one at a time. */
rg_status export_http_open(const struct export_http_options *options, struct export_http **out_http) RG_MUST_CHECK;
void export_http_close(struct export_http **http); /* wipes the key; nulls, accepts NULL */

struct export_http_request {
    const char *method;         /* "GET", "POST" */
    const char *path;           /* put behind the URL as it stands, begins with a slash; "" = the URL itself */
    const char *const *headers; /* "name: value", the last one NULL; NULL = none */
    struct rg_slice body;       /* of POST */
};

/* *out_status: of HTTP, whatever it is. The body is valid until the next call.
 * Returns: RG_UPSTREAM with host and reason when there was no answer; RG_LIMIT when it is too long; RG_CLOSED when the
 * turn should stop. turn may be NULL: then nothing but the time limit ends it early. */
rg_status export_http_send(struct export_http *http, const struct export_turn *turn,
                           const struct export_http_request *request, long *out_status,
                           struct rg_slice *out_body) RG_MUST_CHECK;

/* A field of the last answer's head, valid until the next call: the index-th of that name, from 0; NULL when there are
 * not so many. Untrusted text. */
const char *export_http_field(const struct export_http *http, const char *name, size_t index);

/* What the last answer's Retry-After asked for, as it stands: it may be absurd. 0 = nothing. */
int64_t export_http_retry_after_us(const struct export_http *http);

/* The failure that an answer of another status than 2xx is: "POST https://host/path: HTTP status 403: <text>". */
rg_status export_http_fail(const struct export_http *http, const struct export_http_request *request,
                           long status) RG_MUST_CHECK;

/* ---- a connection without HTTP: over TLS when the URL says https ---- */

/* RG_UPSTREAM, RG_CLOSED. Once for each export_http_open: after a failure close it and open another one. */
rg_status export_http_connect(struct export_http *http, const struct export_turn *turn) RG_MUST_CHECK;
/* Whether the connection is still open, without waiting. RG_UPSTREAM with why it is not; also when the peer said
 * anything, because a receiver of such a protocol has nothing to say, but an HTTP server at a wrong port has. */
rg_status export_http_check(struct export_http *http) RG_MUST_CHECK;
/* Sends all and waits until the peer's machine has acknowledged the bytes and the connection is still open: all that
 * can be known at that moment of a protocol without answers. The time limit counts for the whole call. RG_UPSTREAM,
 * RG_CLOSED. */
rg_status export_http_write(struct export_http *http, const struct export_turn *turn,
                            struct rg_slice bytes) RG_MUST_CHECK;

#endif
