/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_SECRET_H
#define RG_BASE_SECRET_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* Bytes that must not leak (DESIGN.md law L7): kept in pages of their own, locked (best effort), left out of
 * core dumps, wiped when freed. No function of rowgate prints them, and no error text holds them. */
struct rg_secret;

enum { RG_SECRET_MAX_BYTES = 64 << 10 };

/* true for "file:PATH", "env:NAME", "cred:NAME". Pure. */
bool rg_secret_is_reference(struct rg_slice text);

/* Copies bytes. RG_LIMIT above RG_SECRET_MAX_BYTES; RG_CONFIG when empty. */
rg_status rg_secret_new(struct rg_slice bytes, struct rg_secret **out_secret) RG_MUST_CHECK;
/* Fetches what a reference names: a file's content, an environment variable, or the file NAME in
 * $CREDENTIALS_DIRECTORY (systemd's LoadCredential=). One newline at the end is dropped.
 * Inputs:  directory is where a relative file: path starts, NULL or empty = the working directory.
 * Returns: RG_CONFIG when it is no reference, or names nothing, or is empty, or holds a NUL byte; RG_LIMIT
 *          when too large. The text names the reference and never the content. */
rg_status rg_secret_load(struct rg_slice reference, struct rg_slice directory,
                         struct rg_secret **out_secret) RG_MUST_CHECK;
/* The content of a file that need not be secret, e.g. a certificate, under the same rules. */
rg_status rg_secret_load_file(struct rg_slice path, struct rg_slice directory,
                              struct rg_secret **out_secret) RG_MUST_CHECK;
/* Wipes and frees; nulls the caller's pointer, accepts NULL in it. */
void rg_secret_free(struct rg_secret **secret);

/* The bytes, NUL-terminated behind the slice; the empty slice for NULL. Valid until the secret is freed. */
struct rg_slice rg_secret_slice(const struct rg_secret *secret);

#endif
