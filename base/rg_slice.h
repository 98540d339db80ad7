/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_SLICE_H
#define RG_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes: a pointer and a length that travel together. Not NUL-terminated. The zero value is
 * the empty slice. Never owns. */
struct rg_slice {
    const char *data;
    size_t size;
};

#define RG_SLICE(literal) ((struct rg_slice){"" literal, sizeof(literal) - 1})
#define RG_SLICE_ARGS(slice) (int)(slice).size, (slice).data /* for "%.*s"; cap the size first */

static inline struct rg_slice rg_slice_of(const char *text)
{
    return (struct rg_slice){text, text == NULL ? 0 : strlen(text)};
}

static inline struct rg_slice rg_slice_make(const void *data, size_t size)
{
    return (struct rg_slice){data, size};
}

static inline bool rg_slice_is_equal(struct rg_slice a, struct rg_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool rg_slice_has_prefix(struct rg_slice slice, struct rg_slice prefix)
{
    return slice.size >= prefix.size && (prefix.size == 0 || memcmp(slice.data, prefix.data, prefix.size) == 0);
}

/* By bytes; of two that begin alike, the shorter one first. */
static inline int rg_slice_compare(struct rg_slice a, struct rg_slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* The part [at, at + size), cut to what is there. */
static inline struct rg_slice rg_slice_cut(struct rg_slice slice, size_t at, size_t size)
{
    if (at > slice.size) {
        at = slice.size;
    }
    if (size > slice.size - at) {
        size = slice.size - at;
    }
    return (struct rg_slice){slice.data == NULL ? NULL : slice.data + at, size};
}

/* The printf length of a slice, cut to what an error text should hold. */
static inline int rg_slice_shown(struct rg_slice slice)
{
    return slice.size > 128 ? 128 : (int)slice.size;
}

/* Checked size arithmetic: false and untouched output on overflow. */
static inline bool rg_size_add(size_t a, size_t b, size_t *out_sum)
{
    size_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *out_sum = sum;
    return true;
}

static inline bool rg_size_multiply(size_t a, size_t b, size_t *out_product)
{
    size_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *out_product = product;
    return true;
}

#endif
