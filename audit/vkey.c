/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys with names: the "vkey" lines of C2SP signed-note ("Verifier keys") and golang.org/x/mod/sumdb/note.
 * Auditors pin such a line; lists and checkpoints are verified by what stands in it. */
#include "audit/note_private.h"

#include "base/rg_sign.h"

enum { KEY_SIZE = 1 + AUDIT_PUBLIC_SIZE, ID_DIGITS = 8 };

_Static_assert((int)AUDIT_SEED_SIZE == (int)RG_SIGN_SEED_SIZE, "one kind of key");
_Static_assert((int)AUDIT_PUBLIC_SIZE == (int)RG_SIGN_PUBLIC_SIZE, "one kind of key");
_Static_assert((int)AUDIT_SIGNATURE_SIZE == (int)RG_SIGN_SIZE, "one kind of signature");

static uint32_t key_id(enum audit_key_type type, struct rg_slice name, const uint8_t public_key[AUDIT_PUBLIC_SIZE])
{
    const uint8_t middle[] = {'\n', (uint8_t)type};
    const struct rg_slice parts[] = {name, rg_slice_make(middle, sizeof middle),
                                     rg_slice_make(public_key, AUDIT_PUBLIC_SIZE)};
    struct rg_digest digest = rg_sha256(parts, sizeof parts / sizeof parts[0]);
    return (uint32_t)digest.bytes[0] << 24 | (uint32_t)digest.bytes[1] << 16 | (uint32_t)digest.bytes[2] << 8 |
           digest.bytes[3];
}

rg_status audit_key_make(enum audit_key_type type, struct rg_slice name, const uint8_t public_key[AUDIT_PUBLIC_SIZE],
                         struct audit_vkey *out_key)
{
    if (!audit_name_is_good(name)) {
        return rg_fail(RG_LIMIT, "\"%.*s\" is no key name: 1 to %d bytes of UTF-8 without spaces and '+'",
                       rg_slice_shown(name), name.data == NULL ? "" : name.data, AUDIT_NOTE_NAME_MAX);
    }
    struct audit_vkey key = {.name = name, .id = key_id(type, name, public_key)};
    memcpy(key.public_key, public_key, sizeof key.public_key);
    *out_key = key;
    return RG_OK;
}

rg_status audit_vkey_make(struct rg_slice name, const uint8_t public_key[AUDIT_PUBLIC_SIZE], struct audit_vkey *out_key)
{
    return audit_key_make(AUDIT_KEY_ED25519, name, public_key, out_key);
}

/* Cuts "<left>+<rest>" at the first '+': names hold none, base64 may. */
static bool cut_at_plus(struct rg_slice *cursor, struct rg_slice *out_left)
{
    const char *plus = cursor->size == 0 ? NULL : memchr(cursor->data, '+', cursor->size);
    if (plus == NULL) {
        return false;
    }
    size_t size = (size_t)(plus - cursor->data);
    *out_left = rg_slice_cut(*cursor, 0, size);
    *cursor = rg_slice_cut(*cursor, size + 1, SIZE_MAX);
    return true;
}

static bool id_parse(struct rg_slice text, uint32_t *out_id)
{
    uint32_t id = 0;
    if (text.size != ID_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        id = id << 4 | (uint32_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    *out_id = id;
    return true;
}

rg_status audit_key_parse(enum audit_key_type type, struct rg_slice text, struct audit_vkey *out_key)
{
    struct rg_slice rest = text;
    struct rg_slice name = {0};
    struct rg_slice id_text = {0};
    uint8_t key_bytes[KEY_SIZE];
    uint32_t id = 0;
    struct audit_vkey key = {0};
    if (!cut_at_plus(&rest, &name) || !audit_name_is_good(name) || !cut_at_plus(&rest, &id_text) ||
        !id_parse(id_text, &id) || !audit_base64_parse(rest, sizeof key_bytes, key_bytes)) {
        return rg_fail(RG_PROTOCOL, "no verifier key: expected <name>+<8 hex digits>+<base64 of 33 bytes>");
    }
    if (key_bytes[0] != (uint8_t)type) {
        return rg_fail(RG_PROTOCOL, "verifier key of type %u: %s is wanted here", key_bytes[0],
                       type == AUDIT_KEY_ED25519 ? "Ed25519 (1)" : "a cosignature's (4)");
    }
    RG_TRY(audit_key_make(type, name, key_bytes + 1, &key));
    if (key.id != id) {
        return rg_fail(RG_PROTOCOL, "the verifier key's id is %08x, its line says %08x", key.id, id);
    }
    *out_key = key;
    return RG_OK;
}

rg_status audit_vkey_parse(struct rg_slice text, struct audit_vkey *out_key)
{
    return audit_key_parse(AUDIT_KEY_ED25519, text, out_key);
}

rg_status audit_key_encode(enum audit_key_type type, const struct audit_vkey *key, struct rg_buf *out)
{
    uint8_t bytes[KEY_SIZE] = {(uint8_t)type};
    size_t before = rg_buf_size(out);
    memcpy(bytes + 1, key->public_key, AUDIT_PUBLIC_SIZE);
    rg_status status = rg_buf_printf(out, "%.*s+%08x+", (int)key->name.size, key->name.data, key->id);
    if (rg_is_ok(status)) {
        status = audit_base64_put(rg_slice_make(bytes, sizeof bytes), out);
    }
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

rg_status audit_vkey_encode(const struct audit_vkey *key, struct rg_buf *out)
{
    return audit_key_encode(AUDIT_KEY_ED25519, key, out);
}

rg_status audit_seed_public(const uint8_t seed[AUDIT_SEED_SIZE], uint8_t out_public[AUDIT_PUBLIC_SIZE])
{
    return rg_sign_public(seed, out_public);
}
