/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONSOLE_PARSE_H
#define RG_PROXY_CONSOLE_PARSE_H

#include "base/rg_arena.h"

/* A command of the console as words: SHOW POOLS, kill tenant 'acme'; Pure, and nothing is known of commands here. */

enum {
    CONSOLE_TEXT_MAX = 4096, /* bytes of a command */
    CONSOLE_WORD_MAX = 255,  /* bytes of a word, without its quotes */
    CONSOLE_WORDS_MAX = 8,
};

struct console_word {
    struct rg_slice text; /* without its quotes */
    bool is_quoted;       /* then it is no keyword */
};

struct console_words {
    size_t count; /* 0 = there is no command, at most a semicolon */
    struct console_word words[CONSOLE_WORDS_MAX];
};

/* Splits the text: bare words of letters, digits and _ - . $, 'strings', "names" (a doubled quote is one), white space
 * between them, one semicolon at the end if anything.
 * Returns: RG_PROTOCOL for any other byte, an open quote, or more than one command; RG_LIMIT for what is too long.
 * *out_words is untouched then.
 * Owns:    words point into text, or into arena where a quote was doubled. */
rg_status console_parse(struct rg_slice text, struct rg_arena *arena, struct console_words *out_words) RG_MUST_CHECK;

/* Whether it is that keyword, without regard to ASCII case. Pure. */
bool console_word_is(const struct console_word *word, const char *keyword);

#endif
