/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_CACHE_VIEWS_H
#define RG_PROXY_HTTP_CACHE_VIEWS_H

#include "base/rg_slice.h"

/* Under which view (policy/view.h) each key of an upstream's cache was seen: what the cache guard compares answers
 * with. One for all event loops, of fixed size: the entry used least lately makes room. Any thread; a short lock. */

enum { HTTP_CACHE_TENANT_MAX = 64 /* as tenants_id_is_valid */ };

struct http_cache_views;

/* About 10 MiB. */
struct http_cache_views *http_cache_views_new(void);
void http_cache_views_free(struct http_cache_views **views); /* nulls, accepts NULL */

/* One answer's result: under which key, whose, and how it came to be. */
struct http_cache_sight {
    struct rg_slice upstream; /* two upstreams' keys have nothing to do with each other */
    struct rg_slice key;
    struct rg_slice tenant;
    struct rg_slice view;
    bool is_cached;   /* it was in the cache; else it was just made, for this view, and is in the cache now */
    int64_t begun_us; /* when its request began; monotonic */
    int64_t now_us;
};

enum http_cache_verdict {
    HTTP_CACHE_LEAK = 0, /* it was made for another view, or nobody can tell for which */
    HTTP_CACHE_OWN,
    HTTP_CACHE_OWN_LATE, /* own; but a cached answer that another view was given before must have been this one */
};

/* Rules on a result and remembers it.
 * - Just made: OWN, and the key is this view's from now on. If it was another's, and that one's request overlapped with
 *   this one, nobody can tell which of both the cache kept: the key is nobody's until it is made anew. If the other
 *   one's came out of the cache, unknown to us, while this request was under way: OWN_LATE.
 * - Cached, and the key is known: OWN where it is this view's, LEAK where it is another's or nobody's.
 * - Cached, and the key is not known: OWN, and it is this view's. It was made by a worker of the upstream's
 *   (asynchronous queries, cache warm-up), before our start, or has been forgotten here.
 *
 * out_tenant: of LEAK, the tenant that the key is; the own one where it is the same tenant's or nobody's. Of OWN_LATE,
 * the tenant that was given the answer. NUL at its end; else untouched. */
enum http_cache_verdict http_cache_views_judge(struct http_cache_views *views, const struct http_cache_sight *sight,
                                               char out_tenant[HTTP_CACHE_TENANT_MAX]);

#endif
