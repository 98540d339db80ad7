/* SPDX-License-Identifier: Apache-2.0 */
/* The types that a claim can have, and the strict text form of each. A text that passes is one that
 * PostgreSQL's input function accepts with the same meaning under every setting. */
#include "auth/claims_private.h"

#include <string.h>

static const struct type_row {
    const char *name;
    enum auth_scalar scalar;
} type_names[] = {
    {"text", AUTH_SCALAR_TEXT},
    {"uuid", AUTH_SCALAR_UUID},
    {"int4", AUTH_SCALAR_INT4},
    {"integer", AUTH_SCALAR_INT4},
    {"int", AUTH_SCALAR_INT4},
    {"int8", AUTH_SCALAR_INT8},
    {"bigint", AUTH_SCALAR_INT8},
    {"numeric", AUTH_SCALAR_NUMERIC},
    {"decimal", AUTH_SCALAR_NUMERIC},
    {"bool", AUTH_SCALAR_BOOL},
    {"boolean", AUTH_SCALAR_BOOL},
    {"date", AUTH_SCALAR_DATE},
    {"timestamptz", AUTH_SCALAR_TIMESTAMPTZ},
    {"timestamp with time zone", AUTH_SCALAR_TIMESTAMPTZ},
};

bool auth_type_find(struct rg_slice name, struct auth_type *out_type)
{
    bool is_array = name.size > 2 && memcmp(name.data + name.size - 2, "[]", 2) == 0;
    struct rg_slice element = rg_slice_cut(name, 0, name.size - (is_array ? 2 : 0));
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (rg_slice_is_equal(element, rg_slice_of(type_names[i].name))) {
            *out_type = (struct auth_type){type_names[i].scalar, is_array};
            return true;
        }
    }
    return false;
}

const char *auth_type_sql(struct auth_type type)
{
    static const char *const names[][2] = {
        [AUTH_SCALAR_NONE] = {NULL, NULL},
        [AUTH_SCALAR_TEXT] = {"pg_catalog.text", "pg_catalog.text[]"},
        [AUTH_SCALAR_UUID] = {"pg_catalog.uuid", "pg_catalog.uuid[]"},
        [AUTH_SCALAR_INT4] = {"pg_catalog.int4", "pg_catalog.int4[]"},
        [AUTH_SCALAR_INT8] = {"pg_catalog.int8", "pg_catalog.int8[]"},
        [AUTH_SCALAR_NUMERIC] = {"pg_catalog.numeric", "pg_catalog.numeric[]"},
        [AUTH_SCALAR_BOOL] = {"pg_catalog.bool", "pg_catalog.bool[]"},
        [AUTH_SCALAR_DATE] = {"pg_catalog.date", "pg_catalog.date[]"},
        [AUTH_SCALAR_TIMESTAMPTZ] = {"pg_catalog.timestamptz", "pg_catalog.timestamptz[]"},
    };
    return names[type.scalar][type.is_array ? 1 : 0];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool accept_text(char *text, size_t size)
{
    if (memchr(text, '\0', size) != NULL) {
        return false;
    }
    json_t *checked = json_stringn(text, size); /* NULL for what is not UTF-8 */
    json_decref(checked);
    return checked != NULL;
}

static bool accept_uuid(char *text, size_t size)
{
    if (size != 36) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return false;
            }
        } else if (c >= 'A' && c <= 'F') {
            text[i] = (char)(c - 'A' + 'a');
        } else if (!is_digit(c) && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return true;
}

/* The number of digits at text[at..], of an integer part without needless zeros; 0 = none. */
static size_t count_integer_digits(const char *text, size_t size, size_t at)
{
    size_t count = 0;
    while (at + count < size && is_digit(text[at + count])) {
        count++;
    }
    return count > 1 && text[at] == '0' ? 0 : count;
}

static bool is_integer_within(const char *text, size_t size, int64_t min, int64_t max)
{
    bool is_negative = size > 0 && text[0] == '-';
    size_t start = is_negative ? 1 : 0;
    size_t digits = count_integer_digits(text, size, start);
    if (digits == 0 || start + digits != size || (is_negative && text[1] == '0')) {
        return false;
    }
    int64_t value = 0;
    for (size_t i = start; i < size; i++) {
        int digit = text[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, is_negative ? -digit : digit, &value)) {
            return false;
        }
    }
    return value >= min && value <= max;
}

static bool accept_int4(char *text, size_t size)
{
    return is_integer_within(text, size, INT32_MIN, INT32_MAX);
}

static bool accept_int8(char *text, size_t size)
{
    return is_integer_within(text, size, INT64_MIN, INT64_MAX);
}

static bool accept_numeric(char *text, size_t size)
{
    size_t at = size > 0 && text[0] == '-' ? 1 : 0;
    size_t whole = count_integer_digits(text, size, at);
    at += whole;
    if (whole == 0) {
        return false;
    }
    if (at == size) {
        return true;
    }
    size_t fraction = 0;
    while (at + 1 + fraction < size && is_digit(text[at + 1 + fraction])) {
        fraction++;
    }
    return text[at] == '.' && fraction > 0 && at + 1 + fraction == size;
}

static bool accept_bool(char *text, size_t size)
{
    struct rg_slice value = {text, size};
    return rg_slice_is_equal(value, RG_SLICE("true")) || rg_slice_is_equal(value, RG_SLICE("false"));
}

/* A field of exactly count digits within [min, max]; its value in *out_value. */
static bool is_field(const char *text, size_t count, int min, int max, int *out_value)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *out_value = value;
    return value >= min && value <= max;
}

static bool accept_date(char *text, size_t size)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0;
    int month = 0;
    int day = 0;
    if (size != 10 || text[4] != '-' || text[7] != '-' || !is_field(text, 4, 1, 9999, &year) ||
        !is_field(text + 5, 2, 1, 12, &month)) {
        return false;
    }
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int last = days[month - 1] + (month == 2 && is_leap ? 1 : 0);
    return is_field(text + 8, 2, 1, last, &day);
}

static bool is_zone(const char *text, size_t size)
{
    int value = 0;
    if (size == 1) {
        return text[0] == 'Z';
    }
    return size == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':' && is_field(text + 1, 2, 0, 14, &value) &&
           is_field(text + 4, 2, 0, 59, &value);
}

/* RFC 3339 5.6, with 'T' and 'Z' in upper case, up to microseconds and without leap seconds. */
static bool accept_timestamptz(char *text, size_t size)
{
    int value = 0;
    if (size < 20 || !accept_date(text, 10) || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
        !is_field(text + 11, 2, 0, 23, &value) || !is_field(text + 14, 2, 0, 59, &value) ||
        !is_field(text + 17, 2, 0, 59, &value)) {
        return false;
    }
    size_t at = 19;
    if (text[at] == '.') {
        size_t fraction = 0;
        while (at + 1 + fraction < size && is_digit(text[at + 1 + fraction])) {
            fraction++;
        }
        if (fraction == 0 || fraction > 6) {
            return false;
        }
        at += 1 + fraction;
    }
    return is_zone(text + at, size - at);
}

bool auth_scalar_accept(enum auth_scalar scalar, char *text, size_t size)
{
    static bool (*const accept[])(char *text, size_t size) = {
        [AUTH_SCALAR_NONE] = NULL,
        [AUTH_SCALAR_TEXT] = accept_text,
        [AUTH_SCALAR_UUID] = accept_uuid,
        [AUTH_SCALAR_INT4] = accept_int4,
        [AUTH_SCALAR_INT8] = accept_int8,
        [AUTH_SCALAR_NUMERIC] = accept_numeric,
        [AUTH_SCALAR_BOOL] = accept_bool,
        [AUTH_SCALAR_DATE] = accept_date,
        [AUTH_SCALAR_TIMESTAMPTZ] = accept_timestamptz,
    };
    return accept[scalar] != NULL && accept[scalar](text, size);
}
