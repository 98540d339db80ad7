/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes (C2SP signed-note): made by the auditor's signer and by `rowgate audit keys`, read by verifiers from
 * files that anybody may have written. Nothing here reads a file. */
#include "audit/note_private.h"

#include "base/rg_sign.h"

static const char em_dash[] = "\xe2\x80\x94 "; /* U+2014 and a space */

enum {
    ID_SIZE = 4,
    TIME_SIZE = 8,
    SIGNED_SIZE = ID_SIZE + AUDIT_SIGNATURE_SIZE,
    TIMED_SIZE = ID_SIZE + TIME_SIZE + AUDIT_SIGNATURE_SIZE /* C2SP tlog-cosignature, Ed25519 */
};

static bool text_is_good(struct rg_slice text)
{
    return text.size > 0 && text.size <= AUDIT_NOTE_MAX && text.data[text.size - 1] == '\n' &&
           audit_note_bytes_are_good(text);
}

rg_status audit_signature_line_put(struct rg_slice name, struct rg_slice signed_bytes, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(out, "%s%.*s ", em_dash, (int)name.size, name.data));
    RG_TRY(audit_base64_put(signed_bytes, out));
    return rg_buf_put(out, RG_SLICE("\n"));
}

static rg_status put_note(struct rg_slice text, struct rg_slice name, struct rg_slice signed_bytes, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    RG_TRY(rg_buf_put(out, text));
    RG_TRY(rg_buf_put(out, RG_SLICE("\n")));
    RG_TRY(audit_signature_line_put(name, signed_bytes, out));
    if (rg_buf_size(out) - before > AUDIT_NOTE_MAX) {
        return rg_fail(RG_LIMIT, "a note of %zu bytes, limit %d", rg_buf_size(out) - before, AUDIT_NOTE_MAX);
    }
    return RG_OK;
}

rg_status audit_note_sign(struct rg_slice text, const struct audit_vkey *key, const uint8_t seed[AUDIT_SEED_SIZE],
                          struct rg_buf *out)
{
    uint8_t bytes[SIGNED_SIZE] = {(uint8_t)(key->id >> 24), (uint8_t)(key->id >> 16), (uint8_t)(key->id >> 8),
                                  (uint8_t)key->id};
    if (!text_is_good(text)) {
        return rg_fail(RG_LIMIT,
                       "no text of a note: at most %d bytes of UTF-8 that end in a line feed, without other "
                       "control characters",
                       AUDIT_NOTE_MAX);
    }
    RG_TRY(rg_sign(seed, text, bytes + ID_SIZE));
    size_t before = rg_buf_size(out);
    rg_status status = put_note(text, key->name, rg_slice_make(bytes, sizeof bytes), out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

/* "— <name> <base64>". Key types other than Ed25519 sign with other sizes: read, so that they can be ignored. */
static rg_status signature_parse(struct rg_slice line, struct audit_note_signature *out_signature)
{
    struct rg_slice dash = rg_slice_of(em_dash);
    struct rg_slice rest = rg_slice_cut(line, dash.size, SIZE_MAX);
    const char *space = rest.size == 0 ? NULL : memchr(rest.data, ' ', rest.size);
    if (!rg_slice_has_prefix(line, dash) || space == NULL) {
        return rg_fail(RG_PROTOCOL, "no signature line: expected U+2014, a name and base64");
    }
    struct audit_note_signature signature = {.name = rg_slice_cut(rest, 0, (size_t)(space - rest.data))};
    struct rg_slice text = rg_slice_cut(rest, signature.name.size + 1, SIZE_MAX);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, AUDIT_NOTE_MAX);
    struct rg_slice bytes;
    if (!audit_name_is_good(signature.name)) {
        return rg_fail(RG_PROTOCOL, "a signature with a bad name");
    }
    if (!rg_is_ok(rg_base64_decode(text, &arena, &bytes)) || bytes.size <= ID_SIZE) {
        return rg_fail(RG_PROTOCOL, "a signature that is no base64 of more than %d bytes", ID_SIZE);
    }
    for (size_t i = 0; i < ID_SIZE; i++) {
        signature.id = signature.id << 8 | (uint8_t)bytes.data[i];
    }
    signature.is_ed25519 = bytes.size == SIGNED_SIZE;
    if (signature.is_ed25519) {
        memcpy(signature.bytes, bytes.data + ID_SIZE, AUDIT_SIGNATURE_SIZE);
    }
    signature.is_timed = bytes.size == TIMED_SIZE;
    for (size_t i = ID_SIZE; signature.is_timed && i < ID_SIZE + TIME_SIZE; i++) {
        signature.time = signature.time << 8 | (uint8_t)bytes.data[i];
    }
    if (signature.is_timed) {
        memcpy(signature.bytes, bytes.data + ID_SIZE + TIME_SIZE, AUDIT_SIGNATURE_SIZE);
    }
    *out_signature = signature;
    return RG_OK;
}

/* Where the signature lines begin: behind the last empty line. 0 = nowhere. */
static size_t signatures_start(struct rg_slice bytes)
{
    for (size_t at = bytes.size; at >= 2; at--) {
        if (bytes.data[at - 1] == '\n' && bytes.data[at - 2] == '\n') {
            return at;
        }
    }
    return 0;
}

rg_status audit_note_parse(struct rg_slice bytes, struct audit_note *out_note)
{
    if (bytes.size > AUDIT_NOTE_MAX) {
        return rg_fail(RG_PROTOCOL, "a note of %zu bytes, limit %d", bytes.size, AUDIT_NOTE_MAX);
    }
    if (!audit_note_bytes_are_good(bytes)) {
        return rg_fail(RG_PROTOCOL, "a note with control characters or broken UTF-8");
    }
    size_t start = signatures_start(bytes);
    struct rg_slice rest = rg_slice_cut(bytes, start, SIZE_MAX);
    if (start == 0 || rest.size == 0 || rest.data[rest.size - 1] != '\n') {
        return rg_fail(RG_PROTOCOL, "a note without an empty line and whole signature lines behind it");
    }
    struct audit_note note = {.text = rg_slice_cut(bytes, 0, start - 1)};
    struct rg_slice line;
    while (audit_get_line(&rest, &line)) {
        if (note.signature_count == AUDIT_NOTE_SIGNATURES_MAX) {
            return rg_fail(RG_PROTOCOL, "a note with more than %d signatures", AUDIT_NOTE_SIGNATURES_MAX);
        }
        RG_TRY(signature_parse(line, &note.signatures[note.signature_count]));
        note.signature_count++;
    }
    *out_note = note;
    return RG_OK;
}

bool audit_note_is_signed_by(const struct audit_note *note, const struct audit_vkey *key)
{
    bool is_signed = false;
    for (size_t i = 0; i < note->signature_count; i++) {
        const struct audit_note_signature *signature = &note->signatures[i];
        if (signature->id != key->id || !rg_slice_is_equal(signature->name, key->name)) {
            continue;
        }
        if (!signature->is_ed25519 || !rg_sign_is_valid(key->public_key, note->text, signature->bytes)) {
            return false;
        }
        is_signed = true;
    }
    return is_signed;
}
