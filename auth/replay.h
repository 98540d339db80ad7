/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_REPLAY_H
#define RG_AUTH_REPLAY_H

#include "auth/state.h"

/* What may be used once: the ids of SAML assertions (SAML profiles 4.1.4.5), the jti of logout tokens (OIDC
 * back-channel logout 2.6). Durable before the call returns, so that a restart forgets none. */

enum {
    AUTH_REPLAY_MAX = 200 * 1000,        /* ids that are remembered at once; one more is refused */
    AUTH_REPLAY_MAX_PER_IDP = 50 * 1000, /* of one provider: so that none can lock out the people of others */
    AUTH_REPLAY_ID_MAX = 1024,           /* bytes of an id */
};

/* Uses id up until until_us (its own end of validity and the clock skew).
 * Returns: ok; RG_DENIED when it was used before, or is empty, or until_us is not after now_us; RG_LIMIT when it is
 *          too long, too many are remembered, or until_us is more than a day away; RG_STORAGE, RG_UPSTREAM when it
 *          could not be written: refuse what it belongs to. Blocks. */
rg_status auth_replay_add(struct auth_state *state, struct rg_slice idp, struct rg_slice id, int64_t until_us,
                          int64_t now_us) RG_MUST_CHECK;

#endif
