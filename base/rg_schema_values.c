/* SPDX-License-Identifier: Apache-2.0 */
/* The small pure parts of the section loader: numbers with units, and the nearest known word. */
#include "base/rg_schema.h"

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit durations[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"m", INT64_C(60) * 1000000},
    {"h", INT64_C(3600) * 1000000},
    {"d", INT64_C(86400) * 1000000},
    {NULL, 0},
};

static const struct unit sizes[] = {
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {NULL, 0},
};

/* Digits, then exactly one of the units. No sign, no fraction, no space. */
static bool parse_with_unit(struct rg_slice text, const struct unit *units, int64_t *out_value)
{
    int64_t number = 0;
    size_t at = 0;
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9') {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.data[at] - '0', &number)) {
            return false;
        }
        at += 1;
    }
    struct rg_slice suffix = rg_slice_cut(text, at, text.size);
    for (const struct unit *unit = units; at > 0 && unit->suffix != NULL; unit++) {
        if (rg_slice_is_equal(suffix, rg_slice_of(unit->suffix))) {
            return !__builtin_mul_overflow(number, unit->factor, out_value);
        }
    }
    return false;
}

bool rg_duration_parse(struct rg_slice text, int64_t *out_us)
{
    int64_t value = 0;
    if (!parse_with_unit(text, durations, &value)) {
        return false;
    }
    *out_us = value;
    return true;
}

bool rg_size_parse(struct rg_slice text, int64_t *out_bytes)
{
    int64_t value = 0;
    if (!parse_with_unit(text, sizes, &value)) {
        return false;
    }
    *out_bytes = value;
    return true;
}

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, one row at a time. */
static size_t distance(struct rg_slice a, struct rg_slice b)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b.size; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t above = row[j];
            size_t change = diagonal + (a.data[i - 1] == b.data[j - 1] ? 0 : 1);
            row[j] = least(change, least(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b.size];
}

const char *rg_schema_nearest(struct rg_slice name, const char *(*candidate)(const void *list, size_t at),
                              const void *list, size_t count)
{
    const char *nearest = NULL;
    size_t nearest_distance = name.size / 3 + 2; /* farther than this is another word */
    for (size_t i = 0; i < count && name.size <= WORD_MAX; i++) {
        struct rg_slice word = rg_slice_of(candidate(list, i));
        bool is_start = name.size >= 3 && rg_slice_has_prefix(word, name); /* "warn" of "warning" */
        size_t found = is_start ? 1 : word.size <= WORD_MAX ? distance(name, word) : SIZE_MAX;
        if (found < nearest_distance && found < word.size) {
            nearest = word.data;
            nearest_distance = found;
        }
    }
    return nearest;
}
