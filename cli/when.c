/* SPDX-License-Identifier: Apache-2.0 */
/* Times that people type. */
#include "cli/when.h"

#include <stddef.h>
#include <string.h>

enum { SECOND_US = 1000000, DAY_S = 24 * 60 * 60, AGE_DIGITS = 9 };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Exactly `count` digits; moves *text on. */
static bool take_digits(const char **text, size_t count, int64_t *out_value)
{
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit((*text)[i])) {
            return false;
        }
        value = value * 10 + ((*text)[i] - '0');
    }
    *text += count;
    *out_value = value;
    return true;
}

static bool take_byte(const char **text, char wanted)
{
    if (**text != wanted) {
        return false;
    }
    (*text)++;
    return true;
}

static bool parse_age(const char *text, int64_t now_us, int64_t *out_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } rows[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY_S}, {'w', 7 * DAY_S}};
    size_t digits = strspn(text, "0123456789");
    int64_t value = 0;
    if (digits == 0 || digits > AGE_DIGITS || !take_digits(&text, digits, &value) || text[0] == '\0' ||
        text[1] != '\0') {
        return false;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].unit == text[0]) {
            *out_us = now_us - value * rows[i].seconds * SECOND_US;
            return true;
        }
    }
    return false;
}

/* Days since 1970 of a day of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year; /* the year begins in March: the leap day is its last */
    int64_t era_year = y % 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return y / 400 * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year - 719468;
}

static bool take_day(const char **text, int64_t *out_days)
{
    static const int64_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = 0, month = 0, day = 0;
    if (!take_digits(text, 4, &year) || !take_byte(text, '-') || !take_digits(text, 2, &month) ||
        !take_byte(text, '-') || !take_digits(text, 2, &day) || month < 1 || month > 12) {
        return false;
    }
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    int64_t length = month == 2 && is_leap ? 29 : lengths[month - 1];
    *out_days = days_of(year, month, day);
    return day >= 1 && day <= length && year >= 1;
}

/* ".123": microseconds; further digits are dropped. */
static bool take_fraction(const char **text, int64_t *out_us)
{
    int64_t value = 0;
    int64_t unit = SECOND_US / 10;
    if (!take_byte(text, '.')) {
        return true;
    }
    if (!is_digit(**text)) {
        return false;
    }
    for (; is_digit(**text); (*text)++, unit /= 10) {
        value += unit * (**text - '0');
    }
    *out_us = value;
    return true;
}

static bool take_offset(const char **text, int64_t *out_seconds)
{
    int64_t hours = 0, minutes = 0;
    bool is_minus = **text == '-';
    if (take_byte(text, 'Z') || take_byte(text, 'z')) {
        *out_seconds = 0;
        return true;
    }
    if ((!take_byte(text, '+') && !take_byte(text, '-')) || !take_digits(text, 2, &hours) || !take_byte(text, ':') ||
        !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *out_seconds = (hours * 3600 + minutes * 60) * (is_minus ? -1 : 1);
    return true;
}

static bool parse_moment(const char *text, int64_t *out_us)
{
    int64_t days = 0, hour = 0, minute = 0, second = 0, fraction_us = 0, offset = 0;
    if (!take_day(&text, &days)) {
        return false;
    }
    if (*text == '\0') {
        *out_us = days * DAY_S * SECOND_US;
        return true;
    }
    if ((!take_byte(&text, 'T') && !take_byte(&text, 't') && !take_byte(&text, ' ')) || !take_digits(&text, 2, &hour) ||
        !take_byte(&text, ':') || !take_digits(&text, 2, &minute) || !take_byte(&text, ':') ||
        !take_digits(&text, 2, &second) || !take_fraction(&text, &fraction_us) || !take_offset(&text, &offset)) {
        return false;
    }
    if (*text != '\0' || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *out_us = (days * DAY_S + hour * 3600 + minute * 60 + second - offset) * SECOND_US + fraction_us;
    return true;
}

bool when_parse(const char *text, int64_t now_us, int64_t *out_us)
{
    int64_t value = 0;
    if (!parse_age(text, now_us, &value) && !parse_moment(text, &value)) {
        return false;
    }
    *out_us = value;
    return true;
}
