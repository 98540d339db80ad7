/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SAML_METADATA_H
#define RG_AUTH_SAML_METADATA_H

#include "auth/saml.h"

/* SAML metadata (saml-metadata-2.0-os): the identity provider's, which the operator gives as a file, and ours, which
 * the operator gives to the provider. */

/* Reads an EntityDescriptor, or an EntitiesDescriptor that holds one identity provider. A signature in it is not
 * looked at: the file is the operator's. Comments are allowed, a document type is not.
 * Returns: ok; RG_CONFIG with a text that says what is missing (entity ID, signing certificate, HTTP-Redirect login,
 *          RSA of 2048 bits or a NIST curve), or which rule of the strict parser it breaks; RG_LIMIT when the arena is
 *          full. *out_idp is untouched on failure. A validUntil in the past is no failure: logins are refused.
 * Owns:    all that *out_idp points to lives in arena.
 * Threads: any. */
rg_status auth_saml_metadata_parse(struct rg_slice xml, struct rg_arena *arena,
                                   struct auth_saml_idp *out_idp) RG_MUST_CHECK;

/* Our side of one provider: entity ID, endpoints, certificate for signatures and encryption.
 * Inputs:  acs_url and slo_url absolute. Output XML text in arena. RG_CONFIG when the certificate is no PEM. */
rg_status auth_saml_metadata_write(const struct auth_saml_trust *trust, struct rg_slice acs_url,
                                   struct rg_slice slo_url, struct rg_arena *arena,
                                   struct rg_slice *out_xml) RG_MUST_CHECK;

/* RG_CONFIG unless private_key is an RSA key of at least 2048 bits in PEM, not encrypted, and certificate (when there
 * is one) is its X.509 certificate. The text holds nothing of the key. Either may be empty. */
rg_status auth_saml_keys_check(struct rg_slice private_key, struct rg_slice certificate) RG_MUST_CHECK;

#endif
