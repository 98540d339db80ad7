/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_ANSWERS_H
#define RG_PROXY_ANSWERS_H

#include "base/rg_crypto.h"
#include "base/rg_slice.h"

/* Answers of an upstream to questions whose answer stays the same (bookkeeping.h), word for word. Each has an owner,
 * the view that it was given to, and serves no other: an answer that was a lie would be told to nobody else.
 * Bounded; what is learnt later takes the place of what was learnt before. Threads: one. */
struct answers;

enum {
    ANSWERS_SLOTS = 512,
    ANSWERS_TEXT_MAX = 512,            /* of upstream name and statement; a longer one is not kept */
    ANSWERS_BYTES_MAX = 2048,          /* of an answer; a longer one is not kept */
    ANSWERS_AGE_US = 60 * 1000 * 1000, /* after this it is asked for again: the server may be another version by then */
};

/* Slices are borrowed for the call. */
struct answers_key {
    const struct rg_digest *owner;
    struct rg_slice upstream;
    struct rg_slice text; /* what was sent, not what the client said */
};

struct answers *answers_new(void);
void answers_free(struct answers **answers); /* nulls, accepts NULL */
void answers_clear(struct answers *answers); /* accepts NULL */
/* now_us: monotonic, microseconds. */
void answers_put(struct answers *answers, const struct answers_key *key, struct rg_slice bytes, int64_t now_us);
/* Empty = there is none that is young enough. Valid until the next put or clear. */
struct rg_slice answers_find(const struct answers *answers, const struct answers_key *key, int64_t now_us);

#endif
