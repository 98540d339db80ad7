/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_UTF8_H
#define RG_PROXY_PGWIRE_UTF8_H

#include "base/rg_slice.h"

/* Strict UTF-8 (RFC 3629, Unicode table 3-7): no overlong form, no surrogate, nothing past U+10FFFF.
 * All pure; any thread. */

/* The size of the first character of text (1 to 4), or 0 when text is empty or does not begin with one.
 * A NUL counts as one character here. */
size_t pgwire_utf8_peek(struct rg_slice text);

/* Whether the whole slice is UTF-8 without NUL, as PostgreSQL's pg_verifymbstr demands. Empty is valid. */
bool pgwire_utf8_is_valid(struct rg_slice text);

/* Valid, and without characters that change how a line of log or a terminal shows the rest: C0, DEL, C1,
 * line and paragraph separators, bidirectional controls. */
bool pgwire_utf8_is_printable(struct rg_slice text);

#endif
