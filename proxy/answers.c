/* SPDX-License-Identifier: Apache-2.0 */
/* A table with one place for each key, so that its size is known. */
#include "proxy/answers.h"

#include <string.h>

#include "base/rg_memory.h"

struct answer {
    struct rg_digest owner;
    int64_t learnt_us;
    size_t upstream_size, text_size, bytes_size;
    char bytes[]; /* upstream, text, answer */
};

struct answers {
    struct answer *slots[ANSWERS_SLOTS];
};

struct answers *answers_new(void)
{
    return rg_memory_alloc(sizeof(struct answers));
}

void answers_clear(struct answers *answers)
{
    for (size_t i = 0; answers != NULL && i < ANSWERS_SLOTS; i++) {
        rg_memory_free(answers->slots[i]);
        answers->slots[i] = NULL;
    }
}

void answers_free(struct answers **answers)
{
    answers_clear(*answers);
    rg_memory_free(*answers);
    *answers = NULL;
}

/* FNV-1a: which place, nothing else; whoever meets another's key there has a miss. */
static size_t place_of(const struct answers_key *key)
{
    const struct rg_slice parts[] = {rg_slice_make((const char *)key->owner->bytes, sizeof key->owner->bytes),
                                     key->upstream, key->text};
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        for (size_t at = 0; at < parts[i].size; at++) {
            hash = (hash ^ (uint8_t)parts[i].data[at]) * UINT64_C(1099511628211);
        }
    }
    return (hash ^ hash >> 32) % ANSWERS_SLOTS;
}

static struct rg_slice part_of(const struct answer *answer, size_t at, size_t size)
{
    return rg_slice_make(answer->bytes + at, size);
}

static bool is_of(const struct answer *answer, const struct answers_key *key)
{
    return memcmp(&answer->owner, key->owner, sizeof answer->owner) == 0 &&
           rg_slice_is_equal(part_of(answer, 0, answer->upstream_size), key->upstream) &&
           rg_slice_is_equal(part_of(answer, answer->upstream_size, answer->text_size), key->text);
}

void answers_put(struct answers *answers, const struct answers_key *key, struct rg_slice bytes, int64_t now_us)
{
    size_t named = key->upstream.size + key->text.size;
    if (named > ANSWERS_TEXT_MAX || bytes.size == 0 || bytes.size > ANSWERS_BYTES_MAX) {
        return;
    }
    struct answer *made = rg_memory_alloc(sizeof *made + named + bytes.size);
    made->owner = *key->owner;
    made->learnt_us = now_us;
    made->upstream_size = key->upstream.size;
    made->text_size = key->text.size;
    made->bytes_size = bytes.size;
    const struct rg_slice parts[] = {key->upstream, key->text, bytes};
    char *at = made->bytes;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].size > 0) {
            memcpy(at, parts[i].data, parts[i].size);
            at += parts[i].size;
        }
    }
    struct answer **slot = &answers->slots[place_of(key)];
    rg_memory_free(*slot);
    *slot = made;
}

struct rg_slice answers_find(const struct answers *answers, const struct answers_key *key, int64_t now_us)
{
    const struct answer *answer = answers->slots[place_of(key)];
    bool is_there = answer != NULL && is_of(answer, key) && now_us - answer->learnt_us < ANSWERS_AGE_US;
    return is_there ? part_of(answer, answer->upstream_size + answer->text_size, answer->bytes_size)
                    : (struct rg_slice){0};
}
