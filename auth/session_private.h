/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SESSION_PRIVATE_H
#define RG_AUTH_SESSION_PRIVATE_H

#include "auth/state_private.h"

/* What the files of auth/session*.c share. */

/* The columns by which sessions are selected; HMACs, so that the store tells nobody's name. */
struct auth_session_columns {
    struct rg_digest subject, sid, name, index, idp;
};

void auth_session_columns_fill(const struct auth_state *state, const struct auth_session_new *login,
                               struct auth_session_columns *columns);
/* By idle time, by the absolute one, or by the provider's own. */
bool auth_session_is_over(const struct auth_state *state, const struct auth_session *session, int64_t now_us);
/* Claims kept as texts, typed under these specs; those that no spec names are left out. RG_DENIED when a required one
 * is missing or one does not have its type; RG_LIMIT when the arena is full. Output untouched then. */
rg_status auth_session_type_claims(const struct auth_claim_constant *claims, size_t claim_count,
                                   const struct auth_claim_spec *specs, size_t spec_count, struct rg_arena *arena,
                                   const struct auth_claim_value **out_values) RG_MUST_CHECK;

#endif
