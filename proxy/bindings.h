/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_BINDINGS_H
#define RG_PROXY_BINDINGS_H

#include "policy/policy.h"

/* The bindings of a loop's sessions: those who may see the same share one, however many connections they have. What
 * nobody holds any more is let go when it has become as much as what is held. Threads: one. */
struct bindings;

enum { BINDINGS_SLOTS = 1024, BINDINGS_IDLE = 64 }; /* so many may be held by nobody before they are looked for */

struct bindings *bindings_new(void);
void bindings_free(struct bindings **bindings); /* nulls, accepts NULL */
void bindings_clear(struct bindings *bindings); /* accepts NULL: a reload may reach a loop that has ended */
size_t bindings_count(const struct bindings *bindings);
/* As policy_bind; the caller has a reference of its own. */
rg_status bindings_bind(struct bindings *bindings, struct policy_set *set, const struct policy_subject *subject,
                        struct policy_binding **out_binding) RG_MUST_CHECK;

#endif
