/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_HEAD_PRIVATE_H
#define RG_PROXY_HTTP_HEAD_PRIVATE_H

#include "base/rg_status.h"
#include "proxy/http/head.h"

/* Shared by head.c (lines) and head_fields.c (what single fields mean). */

struct http_head_method {
    const char *name;
    bool has_body; /* may have one (RFC 9110 9.3) */
};

/* A head that is being judged. */
struct http_head_walk {
    struct http_head head;
    const struct http_head_method *method;
    uint64_t seen;                                     /* a bit for each row of the table in head_fields.c */
    bool names_upgrade, names_close, names_keep_alive; /* in Connection */
};

/* One field, in the order of the head; value still has its blanks.
 * Returns: HTTP_REFUSAL_COUNT when it is fine. */
enum http_refusal_id http_head_field(struct http_head_walk *walk, struct rg_slice name, struct rg_slice value);
/* What only all fields together tell. */
enum http_refusal_id http_head_finish(struct http_head_walk *walk, const struct http_head_limits *limits);

#endif
