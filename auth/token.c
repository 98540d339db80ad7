/* SPDX-License-Identifier: Apache-2.0 */
/* A compact JWS (RFC 7515 7.1) in parts, and its header. Strict: what two readers could read in two ways
 * is refused before any key is looked at. Nothing here is verified. */
#include "auth/signature_private.h"

#include <strings.h>

#include "base/rg_crypto.h"

static rg_status decode_part(struct rg_slice part, const char *what, struct rg_arena *arena, struct rg_slice *out_bytes)
{
    struct rg_slice bytes = {0};
    rg_status status = rg_base64url_decode(part, arena, &bytes);
    if (!rg_is_ok(status)) {
        return status.error->kind == RG_LIMIT ? status : rg_fail(RG_DENIED, "token %s is not base64url", what);
    }
    *out_bytes = bytes;
    return RG_OK;
}

rg_status auth_token_parse(struct rg_slice text, struct rg_arena *arena, struct auth_token *out_token)
{
    struct rg_slice parts[3] = {0};
    struct rg_slice rest = text;
    for (size_t i = 0; i < 3; i++) {
        const char *dot = rest.size == 0 ? NULL : memchr(rest.data, '.', rest.size);
        size_t size = dot == NULL ? rest.size : (size_t)(dot - rest.data);
        if ((dot == NULL) != (i == 2)) {
            return rg_fail(RG_DENIED, "token does not have three parts");
        }
        parts[i] = rg_slice_cut(rest, 0, size);
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    struct auth_token token = {0};
    RG_TRY(decode_part(parts[0], "header", arena, &token.header));
    RG_TRY(decode_part(parts[1], "payload", arena, &token.payload));
    RG_TRY(decode_part(parts[2], "signature", arena, &token.signature));
    RG_TRY(rg_arena_copy(arena, text, &token.text));
    token.signed_text = rg_slice_cut(token.text, 0, parts[0].size + 1 + parts[1].size);
    *out_token = token;
    return RG_OK;
}

rg_status auth_token_json(struct rg_slice bytes, const char *what, json_t **out_object)
{
    json_error_t error; /* its text quotes the input: not for our messages */
    json_t *object = json_loadb(bytes.data == NULL ? "" : bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        bool is_duplicate = json_error_code(&error) == json_error_duplicate_key;
        return rg_fail(RG_DENIED, "token %s %s", what, is_duplicate ? "has a duplicate member" : "is not JSON");
    }
    if (!json_is_object(object)) {
        json_decref(object);
        return rg_fail(RG_DENIED, "token %s is not a JSON object", what);
    }
    *out_object = object;
    return RG_OK;
}

static rg_status copy_string(const json_t *object, const char *name, size_t max_bytes, struct rg_arena *arena,
                             struct rg_slice *out_text)
{
    const json_t *member = json_object_get(object, name);
    size_t size = json_string_length(member);
    if (member == NULL) {
        return RG_OK;
    }
    if (size == 0 || size > max_bytes) {
        return rg_fail(RG_DENIED, "token header: \"%s\" is not a string of 1 to %zu bytes", name, max_bytes);
    }
    return rg_arena_copy(arena, (struct rg_slice){json_string_value(member), size}, out_text);
}

/* RFC 7515 4.1.9: case-insensitive, "application/" may be left out. Absent is allowed. */
static rg_status read_typ(const json_t *header, enum auth_token_typ *out_typ)
{
    static const struct {
        const char *name;
        enum auth_token_typ typ;
    } rows[] = {
        {"JWT", AUTH_TYP_JWT},
        {"at+jwt", AUTH_TYP_AT_JWT},
        {"application/at+jwt", AUTH_TYP_AT_JWT},
        {"logout+jwt", AUTH_TYP_LOGOUT_JWT},
        {"application/logout+jwt", AUTH_TYP_LOGOUT_JWT},
    };
    const json_t *member = json_object_get(header, "typ");
    const char *typ = json_string_value(member);
    for (size_t i = 0; typ != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcasecmp(typ, rows[i].name) == 0) {
            *out_typ = rows[i].typ;
            return RG_OK;
        }
    }
    return member == NULL ? RG_OK : rg_fail(RG_DENIED, "token header: \"typ\" is neither JWT nor at+jwt");
}

static rg_status read_header(const json_t *object, struct rg_arena *arena, struct auth_token_header *out_header)
{
    static const char *const refused[] = {"crit", "enc", "zip", "b64"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (json_object_get(object, refused[i]) != NULL) {
            return rg_fail(RG_DENIED, "token header: \"%s\" is not supported", refused[i]);
        }
    }
    struct auth_token_header header = {0};
    RG_TRY(copy_string(object, "alg", 16, arena, &header.alg));
    RG_TRY(copy_string(object, "kid", AUTH_JWKS_MAX_KID, arena, &header.kid));
    RG_TRY(read_typ(object, &header.typ));
    if (header.alg.size == 0) {
        return rg_fail(RG_DENIED, "token header: no \"alg\"");
    }
    *out_header = header;
    return RG_OK;
}

rg_status auth_token_header_parse(const struct auth_token *token, struct rg_arena *arena,
                                  struct auth_token_header *out_header)
{
    json_t *object = NULL;
    RG_TRY(auth_token_json(token->header, "header", &object));
    rg_status status = read_header(object, arena, out_header);
    json_decref(object);
    return status;
}
