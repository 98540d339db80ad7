/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_PATH_H
#define RG_PROXY_HTTP_PATH_H

#include "base/rg_arena.h"
#include "proxy/http/refusal.h"

/* The path that routes are matched with (RFC 3986 3.3, 6.2.2). Percent-decoded once. Whatever could be read as another
 * path by somebody behind us is refused rather than repaired: dot segments plain or escaped (also "..;x"), "//",
 * backslash, %2F, %5C, %00 and other control bytes, what would decode a second time (%252e), octets
 * that a path may not hold unescaped, text that is not UTF-8 (RFC 3629: overlong forms, surrogates).
 *
 * raw_path: as in the target, without the query. *out_is_ok false: *out_refusal is filled and *out_path untouched.
 * Returns: ok; RG_LIMIT when the arena is full.
 * Owns: *out_path lives in the arena, followed by a NUL that it does not count. Pure; any thread. */
rg_status http_path_parse(struct rg_slice raw_path, struct rg_arena *arena, bool *out_is_ok, struct rg_slice *out_path,
                          struct http_refusal *out_refusal) RG_MUST_CHECK;

#endif
