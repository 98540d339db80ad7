/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_CAPSULE_PRIVATE_H
#define RG_AUTH_CAPSULE_PRIVATE_H

#include "auth/capsule.h"
#include "base/rg_buf.h"

/* The form of a capsule before it is sealed, for auth/capsule.c and the tests that forge one. */

/* Appends it. RG_DENIED for a capsule that nobody could use (auth/capsule.h); RG_LIMIT when out is full. */
rg_status auth_capsule_encode(const struct auth_capsule *capsule, struct rg_buf *out) RG_MUST_CHECK;
/* The only inverse: whatever auth_capsule_encode would not have written is RG_DENIED. Copies into arena; RG_LIMIT when
 * that is full. Output untouched then. */
rg_status auth_capsule_decode(struct rg_slice plain, struct rg_arena *arena,
                              struct auth_capsule *out_capsule) RG_MUST_CHECK;

#endif
