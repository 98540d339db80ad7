/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_VIEW_SECRET_H
#define RG_AUTH_VIEW_SECRET_H

#include "auth/state.h"
#include "base/rg_arena.h"

/* The secret of a view (policy/view.h): the upstream seals with it what it caches for those who see the same rows, and
 * has it only while one of them asks (deploy/rowgate_superset/caches.py). Follows from the key of [state] and the view
 * key: nodes that share a state say the same one, and nothing is kept. 32 bytes in base64url, 43 characters.
 * Returns: RG_DENIED without state or view; RG_LIMIT when the arena is full. Output untouched then.
 * Owns: *out_secret lives in arena, NUL-terminated; it belongs into no log. Any thread. */
rg_status auth_view_secret(const struct auth_state *state, struct rg_slice view, struct rg_arena *arena,
                           struct rg_slice *out_secret) RG_MUST_CHECK;

#endif
