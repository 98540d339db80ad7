/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_LINE_H
#define RG_AUDIT_LINE_H

#include "audit/message.h"

/* One line of the log: its fixed-position head and its hash (reference audit.md 3.2, 3.3;
 * docs/audit-format.md). The head needs no JSON parser to write or to check. */

enum { AUDIT_BOOT_SIZE = 32, AUDIT_DIGITS = 16 };

struct audit_head {
    uint64_t seq;
    struct rg_digest prev;
    struct rg_slice tenant; /* JSON-escaped, borrowed from the line; empty = no tseq and tprev */
    uint64_t tseq;
    struct rg_digest tprev;
    int64_t hlc_us;       /* wall clock that never steps back and never stands still */
    struct rg_slice boot; /* 32 hexadecimal digits: one run of the auditor */
    int64_t mono_us;      /* comparable within one boot */
    size_t size;          /* bytes before the worker's first key */
};

/* SHA-256(0x00 || line): the RFC 6962 leaf hash. line is without its LF. */
struct rg_digest audit_line_leaf(struct rg_slice line);
/* prev of record 0, and tprev of each tenant's first record: SHA-256("rowgate/audit/v1\n" || origin || "\n" || R),
 * R = audit_keys_genesis_root (audit/keys.h). */
struct rg_digest audit_line_genesis(struct rg_slice origin, const struct rg_digest *keys_root);

/* Appends head, rg and ocsf as one line with its LF. RG_LIMIT when out is full or the line too long; out
 * is as before then. */
rg_status audit_line_encode(const struct audit_head *head, const struct audit_message *message,
                            struct rg_buf *out) RG_MUST_CHECK;

/* Reads the head of a line (without LF) that must be written exactly as audit_line_encode does, and checks
 * the bytes of the whole line: size, no control characters, ASCII. The JSON behind the head is not read.
 * Returns: ok; RG_PROTOCOL with what is wrong. Pure; *out_head borrows from line. */
rg_status audit_line_parse(struct rg_slice line, struct audit_head *out_head) RG_MUST_CHECK;

/* Reads the line as JSON: well-formed, no key twice in one object, unmapped.rg.kind one that we write, the
 * OCSF keys that every record has. *out_kind is AUDIT_NONE for a continuation record. RG_PROTOCOL with what
 * is wrong. Pure. */
rg_status audit_line_check_json(struct rg_slice line, enum audit_kind *out_kind) RG_MUST_CHECK;

/* Is there a byte that compact JSON made with JSON_ENSURE_ASCII has not: 0x20 to 0x7f are ours; no LF, no NUL. Pure. */
bool audit_line_has_foreign_byte(struct rg_slice text);

/* Sixteen decimal digits, as in seq, tseq and segment names. */
bool audit_line_digits_parse(struct rg_slice text, uint64_t *out_value);

#endif
