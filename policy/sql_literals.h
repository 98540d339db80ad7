/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_LITERALS_H
#define RG_POLICY_SQL_LITERALS_H

#include "base/rg_arena.h"
#include "base/rg_literal.h"

/* SQL text for records: what was asked, apart from the values it was asked with. PostgreSQL's own scanner finds the
 * literals, in any text: from the place on that it cannot read (a quote that is never closed), all is one literal.
 *
 * Secrets (passwords in role DDL, connection strings, options of servers and mappings, and string constants or
 * comments that hold one) are replaced by '***' before anybody sees the text. Rather too much is replaced than too
 * little: docs/audit-format.md 5.2 has the rules. */
struct sql_literals {
    struct rg_slice text;     /* each literal replaced by $n; n goes on behind the client's own highest parameter */
    size_t count;             /* of literals */
    struct rg_slice literals; /* their list (base/rg_literal.h); a secret's text is '***' */
    bool is_redacted;         /* joined, the parts are not the text: no hash of it may be recorded */
    size_t secret_count;
    const struct rg_slice *secrets; /* what was replaced; for sql_secrets_hide alone */
    size_t secret_parameter_count;
    const uint32_t *secret_parameters; /* $n where a secret would stand, each number once or more */
};

/* Separates the literals of text.
 * Units:   text of at most SQL_LITERALS_TEXT_MAX bytes, any bytes.
 * Returns: ok; RG_LIMIT for a larger text or a full arena. On failure *out_literals is untouched.
 * Owns:    the lists and the new text live in arena; secrets point into text. scratch holds nothing afterwards that
 *          is needed.
 * Threads: any; reads no clock, file or socket. */
enum {
    SQL_LITERALS_TEXT_MAX = 256 << 20,
    SQL_LITERALS_MAX =
        16384, /* the last of so many is all that is left of the text: a list stays readable, and small */
};
rg_status sql_literals_separate(struct rg_slice text, struct rg_arena *scratch, struct rg_arena *arena,
                                struct sql_literals *out_literals) RG_MUST_CHECK;

/* Does a value hold what must not be recorded: a connection string with a password, DDL that sets one? */
bool sql_secret_is_in(struct rg_slice value);
/* Does $number stand where a secret would stand? */
bool sql_secret_parameter(const struct sql_literals *literals, uint32_t number);
/* A message about the text (an upstream's error quotes it) without any piece of its secrets; *out_message is message
 * itself when there is none. RG_LIMIT when the arena is full. */
rg_status sql_secrets_hide(const struct sql_literals *literals, struct rg_slice message, struct rg_arena *arena,
                           struct rg_slice *out_message) RG_MUST_CHECK;

#endif
