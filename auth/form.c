/* SPDX-License-Identifier: Apache-2.0 */
/* application/x-www-form-urlencoded, written and read: the little language of OAuth's requests and callbacks. */
#include "auth/form.h"

static bool is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

rg_status auth_form_escape(struct rg_buf *out, struct rg_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        unsigned byte = (unsigned char)text.data[i];
        const char escaped[] = {'%', digits[byte >> 4], digits[byte & 15]};
        RG_TRY(is_unreserved(text.data[i]) ? rg_buf_put(out, rg_slice_cut(text, i, 1))
                                           : rg_buf_put(out, (struct rg_slice){escaped, sizeof escaped}));
    }
    return RG_OK;
}

rg_status auth_form_put(struct rg_buf *out, struct rg_slice name, struct rg_slice value)
{
    struct rg_slice held = rg_buf_slice(out);
    char last = held.size == 0 ? '&' : held.data[held.size - 1];
    if (last != '&' && last != '?') {
        RG_TRY(rg_buf_put(out, RG_SLICE("&")));
    }
    RG_TRY(auth_form_escape(out, name));
    RG_TRY(rg_buf_put(out, RG_SLICE("=")));
    return auth_form_escape(out, value);
}

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    char lower = digit >= 'A' && digit <= 'F' ? (char)(digit + 32) : digit;
    const char *found = memchr(digits, lower, 16);
    return found == NULL ? -1 : (int)(found - digits);
}

static rg_status decode(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_text)
{
    char *copy = NULL;
    size_t size = 0;
    RG_TRY(rg_arena_alloc(arena, text.size + 1, (void **)&copy));
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i] == '+' ? ' ' : text.data[i];
        if (byte == '%') {
            int high = i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.size ? hex_value(text.data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return rg_fail(RG_PROTOCOL, "form: an escape is broken");
            }
            byte = (char)(unsigned char)(high * 16 + low);
            i += 2;
        }
        if (byte == '\0') {
            return rg_fail(RG_PROTOCOL, "form: NUL");
        }
        copy[size++] = byte;
    }
    *out_text = (struct rg_slice){copy, size};
    return RG_OK;
}

/* Cuts the first field off. */
static struct rg_slice next_field(struct rg_slice *rest)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, '&', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    struct rg_slice field = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, SIZE_MAX);
    return field;
}

rg_status auth_form_find(struct rg_slice text, struct rg_slice name, struct rg_arena *arena, struct rg_slice *out_value)
{
    struct rg_slice value = {0};
    size_t count = 0;
    for (struct rg_slice rest = text; rest.size > 0;) {
        struct rg_slice field = next_field(&rest);
        const char *equals = field.size == 0 ? NULL : memchr(field.data, '=', field.size);
        size_t name_size = equals == NULL ? field.size : (size_t)(equals - field.data);
        struct rg_slice decoded = {0};
        if (++count > AUTH_FORM_MAX_FIELDS) {
            return rg_fail(RG_PROTOCOL, "form: more than %d fields", AUTH_FORM_MAX_FIELDS);
        }
        RG_TRY(decode(rg_slice_cut(field, 0, name_size), arena, &decoded));
        if (!rg_slice_is_equal(decoded, name)) {
            continue;
        }
        if (value.data != NULL) {
            return rg_fail(RG_PROTOCOL, "form: \"%.*s\" is there twice", rg_slice_shown(name), name.data);
        }
        RG_TRY(decode(rg_slice_cut(field, name_size + 1, SIZE_MAX), arena, &value));
    }
    *out_value = value;
    return RG_OK;
}
