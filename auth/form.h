/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_FORM_H
#define RG_AUTH_FORM_H

#include "base/rg_arena.h"
#include "base/rg_buf.h"

/* application/x-www-form-urlencoded: what OAuth's requests, callbacks and back-channel messages are written in (WHATWG
 * URL 5; RFC 6749 appendix B). Pure, any thread. */

enum { AUTH_FORM_MAX_FIELDS = 64 };

/* Appends name=value, with a '&' before it unless out is empty or ends in '?' or '&'. All but the unreserved characters
 * of RFC 3986 2.3 become %XX, so the text fits a query as well as a body. RG_LIMIT when out is full; part of it may
 * have been written then. */
rg_status auth_form_put(struct rg_buf *out, struct rg_slice name, struct rg_slice value) RG_MUST_CHECK;
/* Appends text with the same escapes. */
rg_status auth_form_escape(struct rg_buf *out, struct rg_slice text) RG_MUST_CHECK;

/* The value of the field name, decoded, in arena; the empty slice with NULL data when there is none.
 * Returns: ok; RG_PROTOCOL when it stands there twice (RFC 6749 3.1), an escape is broken, a NUL is meant, or there are
 *          more than AUTH_FORM_MAX_FIELDS fields; RG_LIMIT when the arena is full. Output untouched then. */
rg_status auth_form_find(struct rg_slice text, struct rg_slice name, struct rg_arena *arena,
                         struct rg_slice *out_value) RG_MUST_CHECK;

#endif
