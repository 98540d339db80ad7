/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_VIEW_H
#define RG_PROXY_VIEW_H

#include "policy/view.h"
#include "proxy/config.h"

/* Who a verified identity is to the policies of a configuration: the same on both planes, or a view key that one gave
 * out would be none of the other's. */

/* What policy_bind and policy_view_of ask for. tenant and identity are borrowed; database: what current_database()
 * shall answer. Pure. */
struct policy_subject view_subject(const struct config *config, const struct tenant *tenant,
                                   const struct auth_identity *identity, struct rg_slice database);

/* The view key of a caller, as policy_view_of. tenant: as tenants_find or tenants_resolve gave it under this
 * configuration. RG_DENIED for nobody. Any thread. */
rg_status view_find(const struct config *config, const struct tenant *tenant, const struct auth_identity *identity,
                    struct policy_view *out_view) RG_MUST_CHECK;

#endif
