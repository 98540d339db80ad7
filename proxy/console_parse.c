/* SPDX-License-Identifier: Apache-2.0 */
/* The console's tokenizer. What the words mean is in console_table.c. */
#include "proxy/console_parse.h"

#include <strings.h>

#include "proxy/pgwire/utf8.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '$';
}

static struct rg_slice skip_spaces(struct rg_slice text)
{
    size_t at = 0;
    while (at < text.size && is_space(text.data[at])) {
        at++;
    }
    return rg_slice_cut(text, at, SIZE_MAX);
}

/* The bytes between quotes; a doubled quote stands for one. */
static rg_status undouble(struct rg_slice inner, char quote, struct rg_arena *arena, struct rg_slice *out_text)
{
    void *memory = NULL;
    size_t size = 0;
    RG_TRY(rg_arena_alloc(arena, inner.size + 1, &memory));
    char *bytes = memory;
    for (size_t i = 0; i < inner.size; i++) {
        bytes[size++] = inner.data[i];
        i += inner.data[i] == quote ? 1 : 0;
    }
    *out_text = rg_slice_make(bytes, size);
    return RG_OK;
}

static rg_status take_quoted(struct rg_slice *rest, struct rg_arena *arena, struct console_word *word)
{
    char quote = rest->data[0];
    size_t end = 1;
    bool has_doubled = false;
    bool is_closed = false;
    while (!is_closed && end < rest->size) {
        bool is_quote = rest->data[end] == quote;
        bool is_doubled = is_quote && end + 1 < rest->size && rest->data[end + 1] == quote;
        has_doubled = has_doubled || is_doubled;
        is_closed = is_quote && !is_doubled;
        end += is_doubled ? 2 : 1;
    }
    if (!is_closed) {
        return rg_fail(RG_PROTOCOL, "a quote is not closed");
    }
    word->is_quoted = true;
    word->text = rg_slice_cut(*rest, 1, end - 2);
    *rest = rg_slice_cut(*rest, end, SIZE_MAX);
    return has_doubled ? undouble(word->text, quote, arena, &word->text) : RG_OK;
}

static rg_status take_word(struct rg_slice *rest, struct rg_arena *arena, struct console_word *word)
{
    if (rest->data[0] == '\'' || rest->data[0] == '"') {
        RG_TRY(take_quoted(rest, arena, word));
    } else {
        size_t size = 0;
        while (size < rest->size && is_bare(rest->data[size])) {
            size++;
        }
        if (size == 0) {
            return rg_fail(RG_PROTOCOL, "a command has words, 'strings' and at most a semicolon at its end");
        }
        word->text = rg_slice_cut(*rest, 0, size);
        *rest = rg_slice_cut(*rest, size, SIZE_MAX);
    }
    if (word->text.size > CONSOLE_WORD_MAX) {
        return rg_fail(RG_LIMIT, "a word has more than %d bytes", (int)CONSOLE_WORD_MAX);
    }
    return RG_OK;
}

static rg_status check_text(struct rg_slice text)
{
    if (text.size > CONSOLE_TEXT_MAX) {
        return rg_fail(RG_LIMIT, "a command has more than %d bytes", (int)CONSOLE_TEXT_MAX);
    }
    bool is_sound = pgwire_utf8_is_valid(text);
    for (size_t i = 0; is_sound && i < text.size; i++) {
        is_sound = is_space(text.data[i]) || ((unsigned char)text.data[i] >= ' ' && text.data[i] != 0x7f);
    }
    return is_sound ? RG_OK : rg_fail(RG_PROTOCOL, "a command is printable UTF-8");
}

rg_status console_parse(struct rg_slice text, struct rg_arena *arena, struct console_words *out_words)
{
    struct console_words words = {0};
    RG_TRY(check_text(text));
    struct rg_slice rest = skip_spaces(text);
    while (rest.size > 0 && rest.data[0] != ';') {
        if (words.count == CONSOLE_WORDS_MAX) {
            return rg_fail(RG_LIMIT, "a command has more than %d words", (int)CONSOLE_WORDS_MAX);
        }
        RG_TRY(take_word(&rest, arena, &words.words[words.count++]));
        bool is_apart = rest.size == 0 || rest.data[0] == ';' || is_space(rest.data[0]);
        if (!is_apart) {
            return rg_fail(RG_PROTOCOL, "words stand apart, with white space between them");
        }
        rest = skip_spaces(rest);
    }
    if (skip_spaces(rg_slice_cut(rest, 1, SIZE_MAX)).size > 0) {
        return rg_fail(RG_PROTOCOL, "one command at a time");
    }
    *out_words = words;
    return RG_OK;
}

bool console_word_is(const struct console_word *word, const char *keyword)
{
    return !word->is_quoted && word->text.size == strlen(keyword) &&
           strncasecmp(word->text.data, keyword, word->text.size) == 0;
}
