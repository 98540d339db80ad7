/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_NOTE_TEXT_H
#define RG_AUDIT_NOTE_TEXT_H

#include "base/rg_buf.h"

/* The small pieces of signed notes and what is written like them: names, lines, decimal numbers, base64 of a known
 * size. Pure; threads: any. */

/* C2SP signed-note: UTF-8, not empty, no Unicode space, no '+', no control character; at most AUDIT_NOTE_NAME_MAX. */
bool audit_name_is_good(struct rg_slice name);
/* UTF-8 without control characters but LF. */
bool audit_note_bytes_are_good(struct rg_slice bytes);

/* The next line, without its LF; false when cursor holds no LF. */
bool audit_get_line(struct rg_slice *cursor, struct rg_slice *out_line);
/* Decimal, no sign, no leading zero, all of text. */
bool audit_decimal_parse(struct rg_slice text, uint64_t *out_value);

/* Standard base64 of exactly size bytes (1 to 96); false for anything else. */
bool audit_base64_parse(struct rg_slice text, size_t size, uint8_t *out_bytes);
/* Appends the base64 of 1 to 96 bytes. RG_LIMIT when out is full. */
rg_status audit_base64_put(struct rg_slice bytes, struct rg_buf *out) RG_MUST_CHECK;

#endif
