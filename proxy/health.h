/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HEALTH_H
#define RG_PROXY_HEALTH_H

#include "audit/audit.h"

/* What /livez and /readyz say: told by the event loops and by the main thread, asked by whoever answers. No lock. */

struct health;

enum health_phase {
    HEALTH_STARTING = 0, /* the policy is not in force yet, or nobody is let in */
    HEALTH_SERVING,
    HEALTH_DRAINING,
};

/* How often a loop tells; when it, or an auditor that acknowledges nothing, is taken for stuck. */
enum { HEALTH_BEAT_MS = 500, HEALTH_STILL_MS = 10000 };

/* loops: at least 1. Every loop takes no records until it says otherwise. */
struct health *health_new(unsigned loops);
void health_free(struct health **health); /* accepts NULL */

/* The main thread. All of these are nothing for NULL. */
void health_enter(struct health *health, enum health_phase phase);
/* By the loop's own thread: that it turns; what the log is to it. It is watched from its first beat on. */
void health_beat(struct health *health, unsigned loop, int64_t now_us);
void health_audit(struct health *health, unsigned loop, enum audit_state state);
/* Since when its oldest record waits for the auditor; 0: none does. */
void health_wait(struct health *health, unsigned loop, int64_t since_us);
/* It has ended: nobody waits for it to turn. */
void health_leave(struct health *health, unsigned loop);

/* NULL: all loops turn. Else why not; static. now_us: the clock of health_beat. Any thread. */
const char *health_why_not_live(const struct health *health, int64_t now_us);
/* NULL: a statement would be served now. Else why not; static. */
const char *health_why_not_ready(const struct health *health, int64_t now_us);
/* What the log is to the loop that it is worst to. Any thread. */
enum audit_state health_audit_state(const struct health *health);
/* The loop has ended, because rowgate drains: nobody answers there. Any thread. */
bool health_has_left(const struct health *health, unsigned loop);
/* How many loops turn. */
unsigned health_turning(const struct health *health, int64_t now_us);

#endif
