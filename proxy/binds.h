/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_BINDS_H
#define RG_PROXY_BINDS_H

#include "policy/sql_literals.h"
#include "proxy/pgwire/frontend.h"

/* The values of one Bind as its records show them ([audit] bind_values): kept by the portal and by each of its
 * executions. Refcounted, not atomic: stays on its thread. */
struct binds;

/* Copies the values of bind, a statement that source is the text of: those that stand where a secret would stand, or
 * hold one, are not copied. RG_PROTOCOL for a Bind that was not parsed, RG_LIMIT when too large. */
rg_status binds_new(const struct pgwire_bind *bind, const struct sql_literals *source,
                    struct binds **out_binds) RG_MUST_CHECK;
struct binds *binds_ref(struct binds *binds);          /* NULL is NULL */
void binds_free(struct binds **binds);                 /* drops one reference; accepts NULL inside */
struct rg_slice binds_list(const struct binds *binds); /* for audit_event.binds; NULL: empty */

#endif
