/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter's value as the wire brings it, as the text of a constant: Hyper takes no parameters. The text format is
 * passed on (Hyper judges it), but for arrays, which Hyper writes otherwise; the binary format is decoded as
 * PostgreSQL's
 * *_recv functions read it (src/backend/utils/adt). Untrusted bytes: nothing is read that was not measured first. */
#include "policy/hyper.h"

#include "policy/set_private.h"
#include "policy/types.h"

#include <math.h>

enum { TEXT_FORMAT_UNKNOWN = 705, ARRAY_HEADER_SIZE = 12, ARRAY_DIMENSION_SIZE = 8 };

static rg_status refuse(const char *what)
{
    return rg_fail(RG_DENIED, "%s", what);
}

static const char wrong_size[] = "incorrect binary data format in a parameter";

/* ---- big-endian numbers ---- */

static uint64_t number_at(struct rg_slice bytes, size_t at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | (unsigned char)bytes.data[at + i];
    }
    return number;
}

static int64_t signed_at(struct rg_slice bytes, size_t at, size_t size)
{
    uint64_t number = number_at(bytes, at, size);
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    return (int64_t)((number ^ sign) - sign);
}

/* ---- scalars: each gets bytes of the size its row says ---- */

typedef rg_status decode_scalar(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text);

static rg_status decode_text(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    (void)arena;
    *out_text = bytes;
    return RG_OK;
}

static rg_status decode_bool(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    (void)arena;
    *out_text = bytes.data[0] != 0 ? RG_SLICE("true") : RG_SLICE("false");
    return RG_OK;
}

static rg_status decode_integer(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    return rg_arena_printf(arena, out_text, "%lld", (long long)signed_at(bytes, 0, bytes.size));
}

static rg_status decode_oid(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    return rg_arena_printf(arena, out_text, "%llu", (unsigned long long)number_at(bytes, 0, bytes.size));
}

static rg_status decode_float(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    double value = 0;
    if (bytes.size == sizeof(float)) {
        float narrow = 0;
        uint32_t bits = (uint32_t)number_at(bytes, 0, 4);
        memcpy(&narrow, &bits, sizeof narrow);
        value = (double)narrow;
    } else {
        uint64_t bits = number_at(bytes, 0, 8);
        memcpy(&value, &bits, sizeof value);
    }
    if (isnan(value) || isinf(value)) {
        *out_text = isnan(value) ? RG_SLICE("NaN") : value > 0 ? RG_SLICE("Infinity") : RG_SLICE("-Infinity");
        return RG_OK;
    }
    return rg_arena_printf(arena, out_text, "%.*g", bytes.size == 4 ? 9 : 17, value);
}

static rg_status decode_bytea(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    static const char digits[] = "0123456789abcdef";
    char *text = NULL;
    RG_TRY(rg_arena_array(arena, bytes.size + 1, 2, (void **)&text));
    text[0] = '\\';
    text[1] = 'x';
    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i + 2] = digits[(unsigned char)bytes.data[i] >> 4];
        text[2 * i + 3] = digits[(unsigned char)bytes.data[i] & 15];
    }
    *out_text = rg_slice_make(text, 2 * bytes.size + 2);
    return RG_OK;
}

static rg_status decode_uuid(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    return rg_arena_printf(arena, out_text, "%08x-%04x-%04x-%04x-%012llx", (unsigned)number_at(bytes, 0, 4),
                           (unsigned)number_at(bytes, 4, 2), (unsigned)number_at(bytes, 6, 2),
                           (unsigned)number_at(bytes, 8, 2), (unsigned long long)number_at(bytes, 10, 6));
}

/* ---- dates: Hyper has no infinity, and writes no year before 1 ---- */

enum { DAYS_BEFORE_2000 = 730119, DAYS_MAX = 3652058, DAYS_OF_400_YEARS = 146097 }; /* from 0001-01-01 */

#define US_OF_SECOND INT64_C(1000000)
#define US_OF_DAY (INT64_C(86400) * US_OF_SECOND)

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* days: since 2000-01-01 */
static rg_status print_date(int64_t days, struct rg_arena *arena, struct rg_slice *out_text)
{
    if (days < -DAYS_BEFORE_2000 || days > DAYS_MAX - DAYS_BEFORE_2000) {
        return refuse("a date outside of the years 1 to 9999 in a parameter");
    }
    int rest = (int)days + DAYS_BEFORE_2000;
    int year = 1 + rest / DAYS_OF_400_YEARS * 400;
    int month = 1;
    rest %= DAYS_OF_400_YEARS;
    for (int size = 365 + (days_of_month(year, 2) - 28); rest >= size; size = 365 + (days_of_month(year, 2) - 28)) {
        rest -= size;
        year++;
    }
    for (; rest >= days_of_month(year, month); month++) {
        rest -= days_of_month(year, month);
    }
    return rg_arena_printf(arena, out_text, "%04d-%02d-%02d", year, month, rest + 1);
}

static rg_status print_time(int64_t us, struct rg_arena *arena, struct rg_slice *out_text)
{
    int64_t seconds = us / US_OF_SECOND;
    return rg_arena_printf(arena, out_text, "%02d:%02d:%02d.%06d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                           (int)(seconds % 60), (int)(us % US_OF_SECOND));
}

static rg_status decode_date(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    return print_date(signed_at(bytes, 0, 4), arena, out_text);
}

static rg_status decode_time(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    int64_t us = signed_at(bytes, 0, 8);
    return us < 0 || us >= US_OF_DAY ? refuse("a time outside of the day in a parameter")
                                     : print_time(us, arena, out_text);
}

static rg_status decode_timestamp(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    int64_t us = signed_at(bytes, 0, 8);
    int64_t days = us / US_OF_DAY - (us % US_OF_DAY < 0 ? 1 : 0);
    struct rg_slice date = {0};
    struct rg_slice time = {0};
    RG_TRY(print_date(days, arena, &date));
    RG_TRY(print_time(us - days * US_OF_DAY, arena, &time));
    return rg_arena_printf(arena, out_text, "%.*s %.*s", RG_SLICE_ARGS(date), RG_SLICE_ARGS(time));
}

static rg_status decode_timestamptz(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    struct rg_slice text = {0};
    RG_TRY(decode_timestamp(bytes, arena, &text));
    return rg_arena_printf(arena, out_text, "%.*s+00", RG_SLICE_ARGS(text));
}

/* interval_recv: microseconds, days, months; ISO 8601 with signs, as Hyper writes and reads it. */
static rg_status decode_interval(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    int64_t us = signed_at(bytes, 0, 8);
    uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;
    return rg_arena_printf(arena, out_text, "P%lldM%lldDT%s%llu.%06lluS", (long long)signed_at(bytes, 12, 4),
                           (long long)signed_at(bytes, 8, 4), us < 0 ? "-" : "",
                           (unsigned long long)(size / (uint64_t)US_OF_SECOND),
                           (unsigned long long)(size % (uint64_t)US_OF_SECOND));
}

/* ---- numeric_recv: digits of base 10000 ---- */

enum { NUMERIC_HEADER_SIZE = 8, NUMERIC_DIGITS_MAX = 32, NUMERIC_NEGATIVE = 0x4000, NUMERIC_NAN = 0xc000 };

static unsigned numeric_digit(struct rg_slice bytes, int64_t count, int64_t index)
{
    return index < 0 || index >= count ? 0 : (unsigned)number_at(bytes, NUMERIC_HEADER_SIZE + 2 * (size_t)index, 2);
}

static rg_status decode_numeric(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *out_text)
{
    if (bytes.size < NUMERIC_HEADER_SIZE) {
        return refuse(wrong_size);
    }
    int64_t count = (int64_t)number_at(bytes, 0, 2);
    int64_t weight = signed_at(bytes, 2, 2);
    uint64_t sign = number_at(bytes, 4, 2);
    int scale = (int)number_at(bytes, 6, 2);
    bool is_odd = bytes.size != NUMERIC_HEADER_SIZE + 2 * (size_t)count || (sign != 0 && sign != NUMERIC_NEGATIVE);
    if (is_odd || count > NUMERIC_DIGITS_MAX || weight > NUMERIC_DIGITS_MAX || weight < -NUMERIC_DIGITS_MAX ||
        scale > 4 * NUMERIC_DIGITS_MAX) {
        return refuse("a number that is not supported in a parameter");
    }
    struct rg_slice text = sign == 0 ? RG_SLICE("") : RG_SLICE("-");
    struct rg_slice fraction = {"", 0};
    for (int64_t i = 0; i < count; i++) {
        if (numeric_digit(bytes, count, i) > 9999) {
            return refuse(wrong_size);
        }
    }
    for (int64_t i = 0; i <= weight || i == 0; i++) {
        unsigned digit = weight < 0 ? 0 : numeric_digit(bytes, count, i);
        RG_TRY(rg_arena_printf(arena, &text, i == 0 ? "%.*s%u" : "%.*s%04u", RG_SLICE_ARGS(text), digit));
    }
    for (int64_t i = weight + 1; scale > 0 && (int)fraction.size < scale; i++) {
        RG_TRY(rg_arena_printf(arena, &fraction, "%.*s%04u", RG_SLICE_ARGS(fraction), numeric_digit(bytes, count, i)));
    }
    fraction = rg_slice_cut(fraction, 0, (size_t)scale);
    return rg_arena_printf(arena, out_text, "%.*s%s%.*s", RG_SLICE_ARGS(text), scale > 0 ? "." : "",
                           RG_SLICE_ARGS(fraction));
}

/* ---- the table ---- */

struct scalar {
    const char *type;
    uint32_t oid;
    size_t size; /* of the binary format; 0 = any */
    decode_scalar *decode;
};

static const struct scalar scalars[] = {
    {"bool", 16, 1, decode_bool},
    {"bytea", 17, 0, decode_bytea},
    {"int8", 20, 8, decode_integer},
    {"int2", 21, 2, decode_integer},
    {"int4", 23, 4, decode_integer},
    {"text", 25, 0, decode_text},
    {"oid", 26, 4, decode_oid},
    {"json", 114, 0, decode_text},
    {"float4", 700, 4, decode_float},
    {"float8", 701, 8, decode_float},
    {"bpchar", 1042, 0, decode_text},
    {"varchar", 1043, 0, decode_text},
    {"name", 19, 0, decode_text},
    {"date", 1082, 4, decode_date},
    {"time", 1083, 8, decode_time},
    {"timestamp", 1114, 8, decode_timestamp},
    {"timestamptz", 1184, 8, decode_timestamptz},
    {"interval", 1186, 16, decode_interval},
    {"numeric", 1700, 0, decode_numeric},
    {"uuid", 2950, 16, decode_uuid},
};

static const struct scalar *scalar_find(const char *type)
{
    for (size_t i = 0; type != NULL && i < sizeof scalars / sizeof scalars[0]; i++) {
        if (strcmp(scalars[i].type, type) == 0) {
            return &scalars[i];
        }
    }
    return NULL;
}

static rg_status check_text(struct rg_slice text)
{
    return policy_text_is_valid(text) ? RG_OK : refuse("invalid byte sequence for encoding \"UTF8\" in a parameter");
}

static rg_status parse_scalar(const struct scalar *scalar, bool is_binary, struct rg_slice bytes,
                              struct rg_arena *arena, struct rg_slice *out_text)
{
    struct rg_slice text = bytes;
    if (is_binary) {
        if (scalar == NULL) {
            return refuse("a parameter in binary format needs a type");
        }
        if (scalar->size != 0 && bytes.size != scalar->size) {
            return refuse(wrong_size);
        }
        RG_TRY(scalar->decode(bytes, arena, &text));
    }
    RG_TRY(check_text(text));
    *out_text = text;
    return RG_OK;
}

/* Hyper's numeric without precision and scale has no fraction: both are told with the value. */
static rg_status measure_numeric(struct rg_slice text, struct hyper_value *value)
{
    size_t at = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    size_t whole = 0;
    bool has_point = false;
    for (; at < text.size; at++) {
        bool is_digit = text.data[at] >= '0' && text.data[at] <= '9';
        if (!is_digit && (has_point || text.data[at] != '.')) {
            return refuse("a number that is not supported in a parameter: write it in plain digits");
        }
        has_point = has_point || !is_digit;
        value->scale += is_digit && has_point;
        whole += is_digit && !has_point;
    }
    value->precision = whole + value->scale;
    return value->precision == 0 || value->precision > HYPER_PRECISION_MAX
               ? refuse("a number with more digits than Hyper has in a parameter")
               : RG_OK;
}

/* ---- arrays: one dimension, no NULLs ---- */

static const char wrong_array[] = "only arrays of one dimension and without NULL are supported in a parameter";

static rg_status parse_binary_array(const struct scalar *scalar, struct rg_slice bytes, struct rg_arena *arena,
                                    struct rg_slice *elements, size_t *out_count)
{
    if (bytes.size < ARRAY_HEADER_SIZE || number_at(bytes, 8, 4) != scalar->oid) {
        return refuse(wrong_size);
    }
    uint64_t dimensions = number_at(bytes, 0, 4);
    if (dimensions == 0) {
        *out_count = 0;
        return bytes.size == ARRAY_HEADER_SIZE ? RG_OK : refuse(wrong_size);
    }
    size_t at = ARRAY_HEADER_SIZE + ARRAY_DIMENSION_SIZE;
    if (dimensions != 1 || bytes.size < at || number_at(bytes, ARRAY_HEADER_SIZE + 4, 4) != 1) {
        return refuse(wrong_array);
    }
    uint64_t count = number_at(bytes, ARRAY_HEADER_SIZE, 4);
    if (count > HYPER_ELEMENTS_MAX) {
        return refuse("too many elements in a parameter");
    }
    for (uint64_t i = 0; i < count; i++) {
        int64_t size = bytes.size - at < 4 ? -1 : signed_at(bytes, at, 4);
        if (size < 0 || (uint64_t)size > bytes.size - at - 4) {
            return refuse(wrong_array);
        }
        RG_TRY(parse_scalar(scalar, true, rg_slice_cut(bytes, at + 4, (size_t)size), arena, &elements[i]));
        at += 4 + (size_t)size;
    }
    *out_count = (size_t)count;
    return at == bytes.size ? RG_OK : refuse(wrong_size);
}

/* One element of {a,"b c"}, from *at to behind its comma or the closing brace; text has room for what is left. */
static rg_status parse_text_element(struct rg_slice bytes, size_t *at, char *text, struct rg_slice *out_element)
{
    size_t size = 0;
    bool is_quoted = *at < bytes.size && bytes.data[*at] == '"';
    *at += is_quoted ? 1 : 0;
    for (; *at < bytes.size; (*at)++) {
        char c = bytes.data[*at];
        bool is_escape = c == '\\' && *at + 1 < bytes.size;
        if (!is_escape && (is_quoted ? c == '"' : c == ',' || c == '}')) {
            break;
        }
        if (!is_quoted && (c == '{' || c == '"' || c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            return refuse(wrong_array);
        }
        *at += is_escape ? 1 : 0;
        text[size++] = bytes.data[*at];
    }
    *at += is_quoted ? 1 : 0;
    struct rg_slice element = rg_slice_make(text, size);
    bool is_null =
        size == 4 && (text[0] | 32) == 'n' && (text[1] | 32) == 'u' && (text[2] | 32) == 'l' && (text[3] | 32) == 'l';
    if (!is_quoted && (size == 0 || is_null)) {
        return refuse(wrong_array);
    }
    if (*at >= bytes.size || (bytes.data[*at] != ',' && bytes.data[*at] != '}')) {
        return refuse(wrong_array);
    }
    (*at)++;
    *out_element = element;
    return check_text(element);
}

static rg_status parse_text_array(struct rg_slice bytes, struct rg_arena *arena, struct rg_slice *elements,
                                  size_t *out_count)
{
    size_t count = 0;
    size_t at = 1;
    char *text = NULL;
    RG_TRY(rg_arena_array(arena, bytes.size + 1, 1, (void **)&text));
    if (bytes.size < 2 || bytes.data[0] != '{' || bytes.data[bytes.size - 1] != '}') {
        return refuse(wrong_array);
    }
    while (bytes.size > 2 && at < bytes.size) {
        if (count >= HYPER_ELEMENTS_MAX) {
            return refuse("too many elements in a parameter");
        }
        size_t start = at; /* an element is no longer than what it was read from */
        RG_TRY(parse_text_element(bytes, &at, text + start, &elements[count++]));
        if (bytes.data[at - 1] == '}' && at != bytes.size) {
            return refuse(wrong_array);
        }
        if (bytes.data[at - 1] == ',' && at == bytes.size) {
            return refuse(wrong_array);
        }
    }
    *out_count = count;
    return RG_OK;
}

/* Each element needs at least two bytes in either format. */
static rg_status parse_array(const struct scalar *scalar, const struct hyper_input *input, struct rg_arena *arena,
                             struct hyper_value *value)
{
    struct rg_slice *elements = NULL;
    size_t room = input->bytes.size / 2 + 2;
    room = room > HYPER_ELEMENTS_MAX ? HYPER_ELEMENTS_MAX : room;
    RG_TRY(rg_arena_array(arena, room + 1, sizeof *elements, (void **)&elements));
    value->elements = elements;
    return input->is_binary ? parse_binary_array(scalar, input->bytes, arena, elements, &value->count)
                            : parse_text_array(input->bytes, arena, elements, &value->count);
}

rg_status hyper_value_parse(const struct hyper_input *input, struct rg_arena *arena, struct hyper_value *out_value)
{
    struct hyper_value value = {.is_null = input->is_null, .count = 1};
    value.type = type_oid_array_name(input->type, &value.is_array);
    const struct scalar *scalar = scalar_find(value.type);
    /* Hyper's bpchar has one character; text is what a caller's value is until it meets a column */
    value.type = scalar != NULL && strcmp(scalar->type, "bpchar") == 0 ? "text" : value.type;
    bool is_declared = input->type != 0 && input->type != TEXT_FORMAT_UNKNOWN;
    if (is_declared && (scalar == NULL || (value.is_array && strcmp(scalar->type, "numeric") == 0))) {
        return refuse("this parameter's type is not supported by Hyper");
    }
    if (!value.is_null && value.is_array) {
        RG_TRY(parse_array(scalar, input, arena, &value));
    } else if (!value.is_null) {
        struct rg_slice *text = NULL;
        RG_TRY(rg_arena_new(arena, &text));
        RG_TRY(parse_scalar(scalar, input->is_binary, input->bytes, arena, text));
        value.elements = text;
        if (scalar != NULL && strcmp(scalar->type, "numeric") == 0) {
            RG_TRY(measure_numeric(*text, &value));
        }
    }
    *out_value = value;
    return RG_OK;
}
