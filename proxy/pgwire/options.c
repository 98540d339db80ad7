/* SPDX-License-Identifier: Apache-2.0 */
/* Splits "options" as postinit.c's pg_split_opts does (white space separates, a backslash keeps the next
 * byte), then reads the words as process_postgres_switches would read -c and --. */
#include "proxy/pgwire/options_private.h"

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void skip_space(struct rg_slice *rest)
{
    while (rest->size > 0 && is_space(rest->data[0])) {
        *rest = rg_slice_cut(*rest, 1, rest->size);
    }
}

/* The bytes up to the next white space that no backslash keeps. */
static size_t word_size(struct rg_slice rest)
{
    size_t at = 0;
    for (bool is_escaped = false; at < rest.size && (is_escaped || !is_space(rest.data[at])); at++) {
        is_escaped = !is_escaped && rest.data[at] == '\\';
    }
    return at;
}

/* One word, unescaped into the arena; empty when there is none. A backslash at the very end is dropped. */
static rg_status get_word(struct rg_slice *rest, struct rg_arena *arena, struct rg_slice *out_word)
{
    skip_space(rest);
    struct rg_slice raw = rg_slice_cut(*rest, 0, word_size(*rest));
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, raw.size + 1, &memory));
    char *word = memory;
    size_t size = 0;
    bool is_escaped = false;
    for (size_t at = 0; at < raw.size; at++) {
        is_escaped = !is_escaped && raw.data[at] == '\\';
        if (!is_escaped) {
            word[size++] = raw.data[at];
        }
    }
    *rest = rg_slice_cut(*rest, raw.size, rest->size);
    *out_word = rg_slice_make(word, size);
    return RG_OK;
}

static rg_status split_pair(struct rg_slice pair, struct rg_arena *arena, struct rg_slice *out_name,
                            struct rg_slice *out_value)
{
    const char *equals = pair.size == 0 ? NULL : memchr(pair.data, '=', pair.size);
    if (equals == NULL || equals == pair.data) {
        return rg_fail(RG_PROTOCOL, "start-up options: name=value expected");
    }
    size_t size = (size_t)(equals - pair.data);
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, size, &memory));
    char *name = memory;
    for (size_t i = 0; i < size; i++) {
        name[i] = '_';
        if (pair.data[i] != '-') {
            name[i] = pair.data[i];
        }
    }
    *out_name = rg_slice_make(name, size);
    *out_value = rg_slice_cut(pair, size + 1, pair.size);
    return RG_OK;
}

rg_status pgwire_options_get(struct pgwire_options *options, struct rg_arena *arena, struct rg_slice *out_name,
                             struct rg_slice *out_value, bool *out_found)
{
    struct rg_slice word = {0};
    struct rg_slice pair = {0};
    skip_space(&options->rest);
    if (options->rest.size == 0) {
        *out_found = false;
        return RG_OK;
    }
    RG_TRY(get_word(&options->rest, arena, &word));
    if (rg_slice_is_equal(word, RG_SLICE("-c"))) {
        RG_TRY(get_word(&options->rest, arena, &pair));
    } else if (rg_slice_has_prefix(word, RG_SLICE("-c")) || rg_slice_has_prefix(word, RG_SLICE("--"))) {
        pair = rg_slice_cut(word, 2, word.size);
    } else {
        return rg_fail(RG_PROTOCOL, "start-up options: only -c name=value and --name=value are accepted");
    }
    RG_TRY(split_pair(pair, arena, out_name, out_value));
    *out_found = true;
    return RG_OK;
}
