/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_FOLLOW_H
#define RG_AUDIT_FOLLOW_H

#include "audit/show_record.h"

/* The last records of a log, and those that come: over the ends of segments, and over a recovery that cut the log or
 * wrote its end again. A record that was delivered is not delivered again unless it became another one. */

struct audit_follow_options {
    struct rg_slice tenant;      /* JSON-escaped, as in the lines; empty = all */
    struct audit_opener *opener; /* for what is sealed; NULL = none; borrowed */
    uint64_t last_count;         /* start with the last so many; at most AUDIT_FOLLOW_LAST_MAX */
    bool is_endless;             /* wait for more at the end */
};

enum { AUDIT_FOLLOW_LAST_MAX = 1000000 };

struct audit_follow_sink {
    rg_status (*on_record)(void *context, const struct audit_walked *record, const struct audit_shown *shown);
    /* At the end of the log: waits a while. False = enough. */
    bool (*on_end)(void *context);
    /* The log does not hold any more what was delivered last. */
    void (*on_cut)(void *context, uint64_t seq);
    void *context;
};

/* Returns: ok; RG_STORAGE when the log cannot be read; RG_LIMIT; what the sink returned. */
rg_status audit_follow(struct rg_slice directory, const struct audit_follow_options *options,
                       const struct audit_follow_sink *sink) RG_MUST_CHECK;

#endif
