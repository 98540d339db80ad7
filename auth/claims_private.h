/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_CLAIMS_PRIVATE_H
#define RG_AUTH_CLAIMS_PRIVATE_H

#include <jansson.h>

#include "auth/claims.h"

/* Checks text against scalar and makes it canonical in place: the size never changes. Pure. */
bool auth_scalar_accept(enum auth_scalar scalar, char *text, size_t size);

/* The values of specs in a token's verified claims. RG_DENIED names the claim and the wanted type.
 * Output in arena, untouched on failure. */
rg_status auth_claims_from_json(const struct auth_claim_spec *specs, size_t spec_count, const json_t *claims,
                                struct rg_arena *arena, const struct auth_claim_value **out_values) RG_MUST_CHECK;

/* The same from the attributes of a SAML assertion: texts by name, each name once. */
rg_status auth_claims_from_attributes(const struct auth_claim_spec *specs, size_t spec_count,
                                      const struct auth_claim_constant *attributes, size_t attribute_count,
                                      struct rg_arena *arena, const struct auth_claim_value **out_values) RG_MUST_CHECK;

#endif
