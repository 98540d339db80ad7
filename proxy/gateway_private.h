/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_GATEWAY_PRIVATE_H
#define RG_PROXY_GATEWAY_PRIVATE_H

#include "proxy/gateway.h"

/* gateway_reload.c, for gateway.c. All on the main thread. */

/* Loads gateway->path; findings go to the log. RG_CONFIG when there are errors. */
rg_status gateway_load(struct gateway *gateway, bool is_reload, struct snapshot **out_snapshot) RG_MUST_CHECK;
/* Puts a policy load or refusal on record and waits until it is durable. RG_STORAGE, RG_LIMIT when it is not. */
rg_status gateway_record_policy(struct gateway *gateway, enum audit_kind kind, const struct snapshot *snapshot,
                                const char *reason) RG_MUST_CHECK;
/* Until each upstream's catalogue was read once, at most its connect_timeout; the log says which were not. */
void gateway_wait_for_catalogs(struct gateway *gateway, const struct snapshot *snapshot);
/* SIGHUP: loads, checks, records, swaps; keeps what runs when anything is wrong. */
void gateway_reload(struct gateway *gateway);

#endif
