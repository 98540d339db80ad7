/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_LAYOUT_H
#define RG_POLICY_LAYOUT_H

#include "base/rg_arena.h"

/* A statement's tokens with the line breaks and indentation that a reader wants. For people only: what is sent is
 * never this. */

enum policy_token_kind {
    POLICY_TOKEN_PLAIN = 0, /* punctuation and operators */
    POLICY_TOKEN_NAME,
    POLICY_TOKEN_KEYWORD, /* of a clause */
    POLICY_TOKEN_STRING,
    POLICY_TOKEN_NUMBER, /* and $1 */
};

struct policy_token {
    struct rg_slice text; /* of the statement itself */
    size_t at;            /* its byte offset there */
    enum policy_token_kind kind;
    bool is_line_start; /* begins a line at indent */
    unsigned indent;    /* levels */
    bool has_space;     /* a space stands before it, when it does not begin a line */
};

/* Lays out a text of one or several statements. Comments are left out, every other token is there, in order.
 * Returns: ok; RG_DENIED when text does not parse; RG_LIMIT when the arena is full or text is too long.
 * Owns:    *out_tokens in arena; their texts point to a copy there. Threads: any. */
rg_status policy_layout(struct rg_slice text, struct rg_arena *arena, size_t *out_count,
                        const struct policy_token **out_tokens) RG_MUST_CHECK;

#endif
