/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements are bookkeeping. Two tables: of texts as drivers send them, so that nothing is guessed. */
#include "proxy/bookkeeping.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* What stands for them upstream, and does nothing there (policy/sql_prepare.c). */
#define PLACEHOLDER RG_SLICE("SET standard_conforming_strings = on")

/* With any option it is another transaction. */
static const char *const begins[] = {"begin", "begin work", "begin transaction"};

/* Nothing that a session of ours may change decides their answers, but for what their rewritten text holds. SELECT 1 is
 * none of them: who sends it wants to know whether the database is there. */
static const char *const constants[] = {
    "select pg_catalog.version()",
    "select version()",
    "select current_schema()",
    "show standard_conforming_strings",
};
static const char *const levels[] = {"show transaction isolation level", "show transaction_isolation"};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == ';';
}

static struct rg_slice trimmed(struct rg_slice text)
{
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[0])) {
        text = rg_slice_cut(text, 1, SIZE_MAX);
    }
    return text;
}

/* word is in small letters. */
static bool is_word(struct rg_slice text, const char *word)
{
    size_t at = 0;
    for (; at < text.size && word[at] != '\0'; at++) {
        char byte = text.data[at];
        char small = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
        if (small != word[at]) {
            return false;
        }
    }
    return at == text.size && word[at] == '\0';
}

static bool is_among(struct rg_slice text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_word(text, words[i])) {
            return true;
        }
    }
    return false;
}

enum bookkeeping bookkeeping_of(const struct policy_statement *statement)
{
    struct rg_slice text = trimmed(statement->source);
    if (rg_slice_is_equal(statement->text, PLACEHOLDER)) {
        return statement->tag.size > 0 ? BOOKKEEPING_VIRTUAL : BOOKKEEPING_NONE;
    }
    if (!statement->is_read) {
        return BOOKKEEPING_NONE;
    }
    if (statement->effect == POLICY_EFFECT_BEGIN) {
        return is_among(text, begins, COUNT(begins)) ? BOOKKEEPING_BEGIN : BOOKKEEPING_NONE;
    }
    if (statement->effect == POLICY_EFFECT_COMMIT || statement->effect == POLICY_EFFECT_ROLLBACK) {
        return BOOKKEEPING_END;
    }
    if (statement->effect != POLICY_EFFECT_NONE || !statement->returns_rows) {
        return BOOKKEEPING_NONE;
    }
    return is_among(text, constants, COUNT(constants)) ? BOOKKEEPING_CONSTANT
           : is_among(text, levels, COUNT(levels))     ? BOOKKEEPING_LEVEL
                                                       : BOOKKEEPING_NONE;
}
