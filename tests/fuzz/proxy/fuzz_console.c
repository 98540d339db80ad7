/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a command of the console: what is taken for words, written again in quotes, is the same words. */
#include "base/rg_buf.h"
#include "proxy/console_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_quoted(struct rg_buf *text, struct rg_slice word)
{
    RG_ASSERT(rg_is_ok(rg_buf_put(text, RG_SLICE(" '"))));
    for (size_t i = 0; i < word.size; i++) {
        bool is_quote = word.data[i] == '\'';
        RG_ASSERT(rg_is_ok(rg_buf_put(text, is_quote ? RG_SLICE("''") : rg_slice_make(word.data + i, 1))));
    }
    RG_ASSERT(rg_is_ok(rg_buf_put(text, RG_SLICE("'"))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    struct console_words words = {0};
    struct console_words again = {0};
    rg_arena_init(&arena, 4 * CONSOLE_TEXT_MAX);
    rg_buf_init(&text, 4 * CONSOLE_TEXT_MAX);
    if (!rg_is_ok(console_parse(rg_slice_make(data, size), &arena, &words))) {
        return 0;
    }
    RG_ASSERT(words.count <= CONSOLE_WORDS_MAX);
    for (size_t i = 0; i < words.count; i++) {
        RG_ASSERT(words.words[i].text.size <= CONSOLE_WORD_MAX);
        put_quoted(&text, words.words[i].text);
    }
    bool is_short = rg_buf_size(&text) <= CONSOLE_TEXT_MAX;
    RG_ASSERT(rg_is_ok(console_parse(rg_buf_slice(&text), &arena, &again)) == is_short);
    for (size_t i = 0; is_short && i < words.count; i++) {
        RG_ASSERT(again.count == words.count && again.words[i].is_quoted &&
                  rg_slice_is_equal(again.words[i].text, words.words[i].text));
    }
    return 0;
}
