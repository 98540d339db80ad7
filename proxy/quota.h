/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_QUOTA_H
#define RG_PROXY_QUOTA_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* How many sessions each tenant holds, and how many of them wait for a connection of a pool, over all event loops. Any
 * thread; a short lock. */
struct quota;

enum quota_kind { QUOTA_SESSIONS = 0, QUOTA_WAITING, QUOTA_KIND_COUNT };

rg_status quota_new(struct quota **out_quota) RG_MUST_CHECK;
void quota_free(struct quota **quota);
/* Takes one place of a kind for tenant. RG_LIMIT when max are taken; nothing is taken then. */
rg_status quota_take(struct quota *quota, enum quota_kind kind, struct rg_slice tenant, uint64_t max) RG_MUST_CHECK;
/* Gives back one place that quota_take gave. */
void quota_give(struct quota *quota, enum quota_kind kind, struct rg_slice tenant);
uint64_t quota_count(struct quota *quota, enum quota_kind kind, struct rg_slice tenant);

#endif
