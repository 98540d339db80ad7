/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SQL_LITERALS_PRIVATE_H
#define RG_POLICY_SQL_LITERALS_PRIVATE_H

#include "policy/sql_literals.h"

/* Any text as PostgreSQL's scanner sees it. Unlike sql_lex (sql_tree_private.h) this takes text that does not parse,
 * and it keeps the comments. */
enum sql_piece_kind {
    SQL_PIECE_OTHER = 0, /* punctuation, operators, quoted names */
    SQL_PIECE_WORD,
    SQL_PIECE_STRING, /* '', E'', B'', X'', U&'', $$ */
    SQL_PIECE_NUMBER,
    SQL_PIECE_PARAMETER,
    SQL_PIECE_COMMENT,
    SQL_PIECE_REST, /* the last one: from here on the scanner cannot read */
};

struct sql_piece {
    unsigned at, end; /* byte offsets */
    unsigned char kind;
    bool is_secret;
};

struct sql_pieces {
    struct rg_slice text;
    size_t count;
    struct sql_piece *pieces; /* in the order of the text, white space left out */
};

/* policy/sql_parse.c. RG_LIMIT when the arena is full or the text larger than SQL_LITERALS_TEXT_MAX. */
rg_status sql_scan(struct rg_slice text, struct rg_arena *arena, struct sql_pieces *out_pieces) RG_MUST_CHECK;

static inline struct rg_slice sql_piece_text(const struct sql_pieces *pieces, size_t index)
{
    const struct sql_piece *piece = &pieces->pieces[index];
    return rg_slice_cut(pieces->text, piece->at, piece->end - piece->at);
}

/* policy/sql_secrets.c. Sets is_secret of each piece that is one or may be one; true when any is. */
bool sql_secrets_mark(struct sql_pieces *pieces);

#endif
