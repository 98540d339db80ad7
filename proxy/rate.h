/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_RATE_H
#define RG_PROXY_RATE_H

#include "base/rg_clock.h"
#include "base/rg_slice.h"
#include "base/rg_status.h"

/* How many requests or statements a minute one key (a tenant, or a client address) may send: token buckets in a table
 * of fixed size, shared by all workers. A bucket holds one minute's worth, so a burst of that size passes at once; what
 * is refused costs nothing. Memory: fixed when made, whatever the clients do. A bucket that is full again may be given
 * to another key, which changes nothing for its owner. Where all buckets of a set of the table are in use, newcomers
 * share one that the set keeps for them. Which keys share a set is not to be guessed from outside. Threads: any; each
 * call takes a short lock of a part of the table. */
struct rate;

enum { RATE_MAX_PER_MINUTE = 60000000 };

enum { RATE_BUCKETS_MIN = 1 << 10, RATE_BUCKETS_MAX = 1 << 20 };

/* A table of `buckets` (rounded up to a power of two within the bounds above; 16 bytes each). clock is borrowed.
 * Returns: RG_INTERNAL when the system makes no lock. */
rg_status rate_new(size_t buckets, const struct rg_clock *clock, struct rate **out_rate) RG_MUST_CHECK;
void rate_free(struct rate **rate); /* accepts NULL in it */

struct rate_answer {
    bool is_allowed;              /* zero refuses */
    unsigned retry_after_seconds; /* when refused: at least 1; for Retry-After */
};

/* Takes one token of a key's bucket. The limit may change from call to call (reload): a bucket keeps how full it is, as
 * a part of the whole. per_minute 0 refuses all; above the maximum it is the maximum. */
struct rate_answer rate_take(struct rate *rate, struct rg_slice key, uint32_t per_minute);

/* Where the bucket of a key is: found once by who asks often, good as long as the table. */
struct rate_place {
    size_t set;
    uint64_t tag;
};
struct rate_place rate_find(const struct rate *rate, struct rg_slice key);
/* Takes `tokens` at once, or none. More than per_minute are never there. */
struct rate_answer rate_take_at(struct rate *rate, const struct rate_place *place, uint32_t tokens,
                                uint32_t per_minute);

/* The key of a client address: of "192.0.2.7" itself, of IPv6 its /64 (IPv4-mapped ones are IPv4), of what is no
 * address its text. out_key has room for RATE_KEY_MAX bytes; the slice points there. */
enum { RATE_KEY_MAX = 64 };
struct rg_slice rate_address_key(struct rg_slice address, char out_key[RATE_KEY_MAX]);
/* The key of a tenant: never equal to one of an address. Long ids are cut by digest. */
struct rg_slice rate_tenant_key(struct rg_slice tenant, char out_key[RATE_KEY_MAX]);

#endif
