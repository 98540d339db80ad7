/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_UTF8_H
#define RG_AUDIT_UTF8_H

#include "base/rg_buf.h"

/* UTF-8 as RFC 3629 4 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure. */

/* Bytes of the code point at the start of text; 0 when invalid or cut. text is not empty. */
size_t audit_utf8_length(struct rg_slice text);
bool audit_utf8_is_valid(struct rg_slice text);
/* Bytes that jansson's JSON_ENSURE_ASCII needs for the code point of `length` bytes at the start of
 * text (\n 2, \u0001 6, outside the BMP 12); length 0 stands for U+FFFD. */
size_t audit_utf8_escaped_size(struct rg_slice text, size_t length);
/* Appends text with each invalid byte replaced by U+FFFD, until the JSON escaped form reaches
 * limit_bytes. *out_is_whole: nothing was replaced or left out. */
rg_status audit_utf8_put_readable(struct rg_slice text, size_t limit_bytes, struct rg_buf *out,
                                  bool *out_is_whole) RG_MUST_CHECK;
/* Bytes of the longest valid prefix whose escaped form is at most limit_bytes. text is valid. */
size_t audit_utf8_fitting(struct rg_slice text, size_t limit_bytes);

#endif
