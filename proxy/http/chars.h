/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_CHARS_H
#define RG_PROXY_HTTP_CHARS_H

#include "base/rg_slice.h"

/* The classes of characters of RFC 9110 5.6 and RFC 3986 2, without a locale. Pure. */

static inline bool http_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool http_is_alnum(char c)
{
    return http_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* tchar (RFC 9110 5.6.2) */
static inline bool http_is_token_char(char c)
{
    return http_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* pchar without pct-encoded (RFC 3986 3.3) */
static inline bool http_is_path_char(char c)
{
    return http_is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

/* CTL (RFC 5234 B.1), the tab included */
static inline bool http_is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static inline bool http_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* 0 to 15, or -1. */
static inline int http_hex_value(char c)
{
    if (http_is_digit(c)) {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static inline char http_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The number's digits; the slice points into memory. */
static inline struct rg_slice http_decimal(uint64_t number, char memory[20])
{
    size_t at = 20;
    do {
        memory[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return rg_slice_make(memory + at, 20 - at);
}

/* Whether a text is word, case aside; word is lower-case. */
static inline bool http_is_word(struct rg_slice text, const char *word)
{
    size_t at = 0;
    while (at < text.size && word[at] != '\0' && http_lower(text.data[at]) == word[at]) {
        at++;
    }
    return at == text.size && word[at] == '\0';
}

/* Without blanks at both ends (OWS, RFC 9110 5.6.3). */
static inline struct rg_slice http_trim(struct rg_slice text)
{
    while (text.size > 0 && http_is_blank(text.data[0])) {
        text = rg_slice_cut(text, 1, text.size);
    }
    while (text.size > 0 && http_is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

/* The next element of a comma list, trimmed; *list moves behind it. False at the end. */
static inline bool http_list_next(struct rg_slice *list, struct rg_slice *out_element)
{
    if (list->data == NULL) {
        return false;
    }
    const char *comma = memchr(list->data, ',', list->size);
    size_t size = comma == NULL ? list->size : (size_t)(comma - list->data);
    *out_element = http_trim(rg_slice_cut(*list, 0, size));
    *list = comma == NULL ? (struct rg_slice){NULL, 0} : rg_slice_cut(*list, size + 1, list->size);
    return true;
}

#endif
