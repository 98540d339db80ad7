/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_GATEWAY_PRIVATE_H
#define RG_PROXY_GATEWAY_PRIVATE_H

#include "proxy/gateway.h"

/* gateway_reload.c, for gateway.c. All on the main thread. */

/* Loads gateway->path; findings go to the log. RG_CONFIG when there are errors. */
rg_status gateway_load(struct gateway *gateway, bool is_reload, struct snapshot **out_snapshot) RG_MUST_CHECK;
/* gateway_audit.c, for gateway.c and gateway_reload.c */

/* Waits for the first door and until the auditor takes records. RG_STORAGE when that does not come. */
rg_status gateway_open_audit(struct gateway *gateway) RG_MUST_CHECK;
/* Says to the supervisor that it is at work. */
void gateway_say_ready(struct gateway *gateway);
/* Messages of the supervisor. false = it has gone. */
bool gateway_take_control(struct gateway *gateway);
/* What the main thread's channel says: to the log. */
void gateway_watch_audit(struct gateway *gateway);
/* Puts a policy load or refusal on record and waits until it is durable. RG_STORAGE, RG_LIMIT when it is not. */
rg_status gateway_record_policy(struct gateway *gateway, enum audit_kind kind, const struct snapshot *snapshot,
                                const char *reason) RG_MUST_CHECK;
/* Until each upstream's catalogue was read once, at most its connect_timeout; the log says which were not. */
void gateway_wait_for_catalogs(struct gateway *gateway, const struct snapshot *snapshot);
/* SIGHUP: loads, checks, records, swaps; keeps what runs when anything is wrong: gateway->reload_failure says what. */
void gateway_reload(struct gateway *gateway);

/* gateway_admin.c */

/* Counters and health of as many loops as the first configuration says. */
void gateway_open_metrics(struct gateway *gateway, const struct config *config);
/* Behind the loops and all other threads. */
void gateway_close_metrics(struct gateway *gateway);
/* The listener of [admin] metrics, if there is one. RG_CONFIG: it is another one than the supervisor bound. */
rg_status gateway_open_admin(struct gateway *gateway) RG_MUST_CHECK;
/* The console of [admin] listen, if there is one: behind the loops. RG_CONFIG as above. */
rg_status gateway_open_console(struct gateway *gateway) RG_MUST_CHECK;
/* RG_CONFIG when [admin] differs; who may what at the console may. */
rg_status gateway_check_admin(const struct config *running, const struct config *wanted) RG_MUST_CHECK;
void gateway_count_policy(struct gateway *gateway, const struct snapshot *snapshot);
void gateway_count_failed_reload(struct gateway *gateway);
/* An outcome for a name of the configuration. Any thread. */
void gateway_count_named(struct gateway *gateway, enum metrics_id id, enum metrics_names names, struct rg_slice name,
                         bool is_ok);

/* gateway_state.c */

/* Opens the store of [state] and the socket of `rowgate session`; nothing without [state]. */
rg_status gateway_open_state(struct gateway *gateway) RG_MUST_CHECK;
void gateway_close_state(struct gateway *gateway);
/* After a reload: the new timeouts. */
void gateway_apply_sessions(struct gateway *gateway, const struct config *config);
/* RG_CONFIG when [state] differs. */
rg_status gateway_check_state(const struct config *running, const struct config *wanted) RG_MUST_CHECK;
/* Puts an order of an operator on record and waits until it is durable. */
rg_status gateway_record_order(struct gateway *gateway, const struct audit_event *event) RG_MUST_CHECK;

#endif
