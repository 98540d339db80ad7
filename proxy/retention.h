/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_RETENTION_H
#define RG_PROXY_RETENTION_H

#include "proxy/config.h"

/* The configuration's [audit.retention] as the text that the auditor goes by (audit/keep/retention.h); empty when
 * nothing is ever pruned. It lives in the arena. RG_LIMIT when the rules are more than fit. */
rg_status retention_text(const struct config_audit_life *life, struct rg_arena *arena,
                         struct rg_slice *out_text) RG_MUST_CHECK;

#endif
