/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_ROUTE_PRIVATE_H
#define RG_PROXY_HTTP_ROUTE_PRIVATE_H

#include "proxy/http/route.h"

/* Patterns as lists of segments, and questions about them: what a segment accepts, whether two patterns have a path in
 * common, whether one holds all paths of another. */

struct http_segment {
    enum http_capture_kind kind; /* HTTP_CAPTURE_NONE: literal */
    struct rg_slice literal;     /* "" only as the last one: the pattern ends with a slash */
};

struct http_pattern {
    size_t count;
    struct http_segment segments[HTTP_PATH_SEGMENTS_MAX];
};

/* Returns: RG_CONFIG with what is wrong. *out_pattern borrows text. Pure. */
rg_status http_pattern_parse(struct rg_slice text, struct http_pattern *out_pattern) RG_MUST_CHECK;
/* Whether a whole path is one of the pattern's. Pure. */
bool http_pattern_has(const struct http_pattern *pattern, struct rg_slice path);
/* Whether some path is in both. Pure. */
bool http_pattern_meets(const struct http_pattern *a, const struct http_pattern *b);
/* Whether every path of inner is in outer. Pure. */
bool http_pattern_covers(const struct http_pattern *outer, const struct http_pattern *inner);

/* Whether a capture of that kind takes the text: of {rest} all that is left of a path. Pure. */
bool http_capture_accepts(enum http_capture_kind kind, struct rg_slice text);

/* The first segment of *rest; *rest becomes what follows the slash. false = it was the last one, *rest is empty. */
static inline bool http_segment_next(struct rg_slice *rest, struct rg_slice *out_segment)
{
    const char *slash = rest->size == 0 ? NULL : memchr(rest->data, '/', rest->size);
    size_t size = slash == NULL ? rest->size : (size_t)(slash - rest->data);
    *out_segment = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, slash == NULL ? size : size + 1, rest->size);
    return slash != NULL;
}

#endif
