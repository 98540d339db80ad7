/* SPDX-License-Identifier: Apache-2.0 */
/* The guest token in a form: downloads of a dashboard's data are posted by a form, which has no headers of its own. Of
 * multipart/form-data (RFC 7578) only what browsers write is read, and of that the heads of parts alone; where the
 * field's name stands in another way the form is refused, since Superset's reader might see what this one does not. */
#include "auth/form.h"
#include "base/rg_buf.h"
#include "proxy/http/chars.h"
#include "proxy/http/guest.h"
#include "proxy/http/strip.h"

#define FIELD "guest_token"

enum { FORM_BYTES = 256 * 1024, BOUNDARY_MAX = 70, PARTS_MAX = 64 };

static rg_status refuse(void)
{
    return rg_fail(RG_PROTOCOL, "the form's guest token is ambiguous");
}

/* ---- application/x-www-form-urlencoded ---- */

static rg_status find_urlencoded(struct rg_slice body, struct rg_arena *arena, struct rg_slice *out_token)
{
    struct rg_arena scratch; /* for the names of all fields: a form may be large */
    struct rg_slice token = {0};
    rg_arena_init(&scratch, FORM_BYTES);
    rg_status status = auth_form_find(body, RG_SLICE(FIELD), &scratch, &token);
    if (rg_is_ok(status)) {
        status = token.data == NULL ? refuse() : rg_arena_copy(arena, token, out_token);
    } else {
        status = refuse();
    }
    rg_arena_done(&scratch);
    return status;
}

/* ---- multipart/form-data ---- */

/* bchars (RFC 2046 5.1.1) without blanks and quotes: what browsers choose. */
static bool is_boundary(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_alnum(text.data[i]) && (text.data[i] == '\0' || strchr("+_-./=?:", text.data[i]) == NULL)) {
            return false;
        }
    }
    return text.size > 0 && text.size <= BOUNDARY_MAX;
}

/* "multipart/form-data; boundary=X" and nothing else. */
static bool find_boundary(struct rg_slice content_type, struct rg_slice *out_boundary)
{
    const struct rg_slice name = RG_SLICE("boundary=");
    const char *semicolon = content_type.size == 0 ? NULL : memchr(content_type.data, ';', content_type.size);
    size_t at = semicolon == NULL ? content_type.size : (size_t)(semicolon - content_type.data) + 1;
    struct rg_slice parameter = http_trim(rg_slice_cut(content_type, at, SIZE_MAX));
    struct rg_slice value = rg_slice_cut(parameter, name.size, SIZE_MAX);
    bool is_quoted = value.size > 2 && value.data[0] == '"' && value.data[value.size - 1] == '"';
    *out_boundary = is_quoted ? rg_slice_cut(value, 1, value.size - 2) : value;
    return http_is_word(rg_slice_cut(parameter, 0, name.size), "boundary=") && is_boundary(*out_boundary);
}

/* Cuts *rest at the next delimiter, a line "--BOUNDARY", and moves behind it; what stood before is *out_before.
 * False: there is none, or bytes behind it that make it no line. *out_is_last: it was "--BOUNDARY--". */
static bool next_delimiter(struct rg_slice *rest, struct rg_slice delimiter, struct rg_slice *out_before,
                           bool *out_is_last)
{
    const char *found = rest->size == 0 ? NULL : memmem(rest->data, rest->size, delimiter.data, delimiter.size);
    if (found == NULL) {
        return false;
    }
    size_t size = (size_t)(found - rest->data);
    struct rg_slice behind = rg_slice_cut(*rest, size + delimiter.size, SIZE_MAX);
    *out_before = rg_slice_cut(*rest, 0, size);
    *out_is_last = rg_slice_has_prefix(behind, RG_SLICE("--"));
    if (!*out_is_last && !rg_slice_has_prefix(behind, RG_SLICE("\r\n"))) {
        return false;
    }
    *rest = rg_slice_cut(behind, 2, SIZE_MAX);
    return true;
}

/* The head of a part whose field is the token: as browsers write it, but for case. */
static bool is_token_head(struct rg_slice head)
{
    return http_is_word(head, "content-disposition: form-data; name=\"" FIELD "\"");
}

/* One part: its head, an empty line, its value. *found counts those that are the token. */
static rg_status read_part(struct rg_slice part, size_t *found, struct rg_slice *out_token)
{
    const char *end = part.size == 0 ? NULL : memmem(part.data, part.size, "\r\n\r\n", 4);
    if (end == NULL) {
        return refuse();
    }
    struct rg_slice head = rg_slice_cut(part, 0, (size_t)(end - part.data));
    if (is_token_head(head)) {
        *found += 1;
        *out_token = rg_slice_cut(part, head.size + 4, SIZE_MAX);
        return *found == 1 ? RG_OK : refuse();
    }
    return memmem(head.data, head.size, FIELD, sizeof FIELD - 1) == NULL ? RG_OK : refuse();
}

static rg_status read_parts(struct rg_slice rest, struct rg_slice delimiter, size_t *found, struct rg_slice *out_token)
{
    struct rg_slice part = {0};
    bool is_last = false;
    for (size_t count = 0; !is_last; count++) {
        if (count == PARTS_MAX || !next_delimiter(&rest, delimiter, &part, &is_last)) {
            return refuse();
        }
        RG_TRY(read_part(part, found, out_token));
    }
    return rest.size == 0 || rg_slice_is_equal(rest, RG_SLICE("\r\n")) ? RG_OK : refuse();
}

static rg_status find_multipart(struct rg_slice content_type, struct rg_slice body, struct rg_arena *arena,
                                bool *out_has, struct rg_slice *out_token)
{
    struct rg_slice boundary = {0};
    struct rg_slice line = {0};
    struct rg_slice token = {0};
    size_t found = 0;
    if (!find_boundary(content_type, &boundary)) {
        return refuse();
    }
    RG_TRY(rg_arena_printf(arena, &line, "\r\n--%.*s", RG_SLICE_ARGS(boundary)));
    struct rg_slice first = rg_slice_cut(line, 2, SIZE_MAX);
    struct rg_slice rest = rg_slice_cut(body, first.size + 2, SIZE_MAX);
    if (!rg_slice_has_prefix(body, first) || !rg_slice_is_equal(rg_slice_cut(body, first.size, 2), RG_SLICE("\r\n"))) {
        return refuse();
    }
    RG_TRY(read_parts(rest, line, &found, &token));
    if (found > 0) {
        RG_TRY(rg_arena_copy(arena, token, out_token));
        *out_has = true;
    } else {
        *out_has = false;
    }
    return RG_OK;
}

/* ---- both ---- */

static bool is_multipart(struct rg_slice content_type)
{
    const struct rg_slice name = RG_SLICE("multipart/form-data");
    struct rg_slice behind = http_trim(rg_slice_cut(content_type, name.size, SIZE_MAX));
    return http_is_word(rg_slice_cut(content_type, 0, name.size), "multipart/form-data") &&
           (behind.size == 0 || behind.data[0] == ';');
}

rg_status http_guest_form_find(struct rg_slice content_type, struct rg_slice body, struct rg_arena *arena,
                               bool *out_has, struct rg_slice *out_token)
{
    struct rg_slice type = http_trim(content_type);
    if (!http_form_has(type, body, RG_SLICE(FIELD))) {
        *out_has = false;
        return RG_OK;
    }
    if (is_multipart(type)) {
        return find_multipart(type, body, arena, out_has, out_token);
    }
    if (http_is_word(rg_slice_cut(type, 0, sizeof "multipart/" - 1), "multipart/")) { /* no form to Superset */
        *out_has = false;
        return RG_OK;
    }
    RG_TRY(find_urlencoded(body, arena, out_token));
    *out_has = true;
    return RG_OK;
}
