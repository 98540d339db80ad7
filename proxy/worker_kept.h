/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_WORKER_KEPT_H
#define RG_PROXY_WORKER_KEPT_H

#include "audit/record.h"

/* Events that say how something ended, kept until they are on record: an auditor that died leaves decisions without
 * outcomes, and the next one is told. Bounded; what does not fit is counted. Threads: one. */

enum { KEPT_EVENTS_MAX = 1024, KEPT_TEXT_MAX = 4096 };

struct kept_event;

struct kept_events {
    struct kept_event *first;
    struct kept_event *last;
    size_t count;
    size_t lost_count;
};

/* A copy with all its texts but those longer than KEPT_TEXT_MAX, which the decision's record has. NULL when the event
 * is none of those that are kept: outcomes, logouts and revoked sessions. */
struct kept_event *kept_event_new(const struct audit_event *event);
const struct audit_event *kept_event_of(const struct kept_event *kept);
void kept_event_free(struct kept_event **kept); /* accepts NULL inside */

/* Takes the event over; NULL is ignored. */
void kept_events_add(struct kept_events *events, struct kept_event *kept);
/* The oldest one, NULL = none; it stays. */
struct kept_event *kept_events_first(const struct kept_events *events);
/* Takes the oldest one out: it is the caller's. */
void kept_events_take(struct kept_events *events);
void kept_events_done(struct kept_events *events);

#endif
