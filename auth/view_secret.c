/* SPDX-License-Identifier: Apache-2.0 */
/* The secret under which the upstream seals its cache entries of a view: an HMAC over the view key, with a key of the
 * state's that serves nothing else. */
#include "auth/view_secret.h"

#include "auth/state_private.h"

rg_status auth_view_secret(const struct auth_state *state, struct rg_slice view, struct rg_arena *arena,
                           struct rg_slice *out_secret)
{
    if (state == NULL || view.size == 0) {
        return rg_fail(RG_DENIED, "no view to tell the secret of");
    }
    char text[RG_DIGEST_B64_SIZE];
    struct rg_digest digest =
        rg_hmac_sha256(rg_slice_make(state->keys.view.bytes, sizeof state->keys.view.bytes), view);
    rg_digest_b64url(&digest, text);
    rg_wipe(&digest, sizeof digest);
    rg_status status = rg_arena_copy(arena, rg_slice_of(text), out_secret);
    rg_wipe(text, sizeof text);
    return status;
}
