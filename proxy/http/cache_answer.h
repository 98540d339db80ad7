/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_CACHE_ANSWER_H
#define RG_PROXY_HTTP_CACHE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

/* What Superset says in an answer with charts' data about its cache. Two forms (Superset 6.1, charts/data/api.py,
 * views/core.py, viz.py): {"result": [{"cache_key": ..., "is_cached": ..., "cached_dttm": ...}, ...]}, of samples with
 * one object instead of the list; and the members of one result at the top. simdjson reads it without a copy of what it
 * is not asked for: an answer is megabytes of rows. The C++ is in cache_answer.cc alone.
 * Threads: one at a time each. */

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HTTP_CACHE_RESULTS_MAX = 64,     /* of one answer */
    HTTP_CACHE_KEY_MAX = 256,        /* bytes */
    HTTP_CACHE_KEPT_BYTES = 1 << 20, /* answers up to here cost no memory anew */
};

/* One that has a key. */
struct http_cache_result {
    const char *key; /* in the reader: until the next call */
    size_t key_size;
    bool is_cached; /* it was not made for this request */
};

struct http_cache_reader;

/* Aborts when there is no memory, as base/rg_memory.h does. */
struct http_cache_reader *http_cache_reader_new(void);
void http_cache_reader_free(struct http_cache_reader **reader); /* nulls, accepts NULL */

/* Reads a whole answer. An object without "result" and "cache_key" has no results (a job was begun, an error); so has a
 * result without key or with null: it is not kept by a key (column lists, types of result that say no key).
 * Returns: NULL and the results, in order; otherwise what is wrong, static storage: no JSON object, a member twice, one
 * of another type, a key too long, too many results; outputs are untouched then. No exception leaves it. */
const char *http_cache_answer_parse(struct http_cache_reader *reader, const char *text, size_t size,
                                    struct http_cache_result out_results[HTTP_CACHE_RESULTS_MAX], size_t *out_count);

#ifdef __cplusplus
}
#endif

#endif
