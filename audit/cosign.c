/* SPDX-License-Identifier: Apache-2.0 */
/* Cosignatures (C2SP tlog-cosignature, Ed25519): made by `rowgate audit witness`, checked by the exporter that asked
 * for them and by verify. */
#include "audit/cosign.h"

#include <inttypes.h>

#include "audit/note_private.h"
#include "base/rg_sign.h"

enum { ID_SIZE = 4, TIME_SIZE = 8, SIGNED_SIZE = ID_SIZE + TIME_SIZE + AUDIT_SIGNATURE_SIZE, HEAD_MAX = 64 };

rg_status audit_cosigner_make(struct rg_slice name, const uint8_t public_key[AUDIT_PUBLIC_SIZE],
                              struct audit_cosigner *out_cosigner)
{
    return audit_key_make(AUDIT_KEY_COSIGNATURE, name, public_key, &out_cosigner->key);
}

rg_status audit_cosigner_parse(struct rg_slice text, struct audit_cosigner *out_cosigner)
{
    return audit_key_parse(AUDIT_KEY_COSIGNATURE, text, &out_cosigner->key);
}

rg_status audit_cosigner_encode(const struct audit_cosigner *cosigner, struct rg_buf *out)
{
    return audit_key_encode(AUDIT_KEY_COSIGNATURE, &cosigner->key, out);
}

static rg_status put_message(struct rg_slice text, uint64_t time_s, struct rg_buf *out)
{
    if (time_s > INT64_MAX) {
        return rg_fail(RG_LIMIT, "a cosignature's time is at most 2^63 - 1");
    }
    RG_TRY(rg_buf_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time_s));
    return rg_buf_put(out, text);
}

rg_status audit_cosign(struct rg_slice text, const struct audit_cosigner *cosigner, const uint8_t seed[AUDIT_SEED_SIZE],
                       uint64_t time_s, struct rg_buf *out)
{
    RG_AUTO(rg_buf_done) struct rg_buf message;
    uint8_t bytes[SIGNED_SIZE] = {0};
    for (size_t i = 0; i < ID_SIZE; i++) {
        bytes[i] = (uint8_t)(cosigner->key.id >> (24 - 8 * i));
    }
    for (size_t i = 0; i < TIME_SIZE; i++) {
        bytes[ID_SIZE + i] = (uint8_t)(time_s >> (56 - 8 * i));
    }
    rg_buf_init(&message, AUDIT_NOTE_MAX + HEAD_MAX);
    RG_TRY(put_message(text, time_s, &message));
    RG_TRY(rg_sign(seed, rg_buf_slice(&message), bytes + ID_SIZE + TIME_SIZE));
    size_t before = rg_buf_size(out);
    rg_status status = audit_signature_line_put(cosigner->key.name, rg_slice_make(bytes, sizeof bytes), out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

static bool holds(const struct audit_note *note, const struct audit_note_signature *signature,
                  const struct audit_cosigner *cosigner)
{
    RG_AUTO(rg_buf_done) struct rg_buf message;
    rg_buf_init(&message, AUDIT_NOTE_MAX + HEAD_MAX);
    return signature->is_timed && rg_is_ok(put_message(note->text, signature->time, &message)) &&
           rg_sign_is_valid(cosigner->key.public_key, rg_buf_slice(&message), signature->bytes);
}

bool audit_note_is_cosigned_by(const struct audit_note *note, const struct audit_cosigner *cosigner,
                               uint64_t *out_time_s)
{
    uint64_t newest_s = 0;
    bool is_cosigned = false;
    for (size_t i = 0; i < note->signature_count; i++) {
        const struct audit_note_signature *signature = &note->signatures[i];
        if (signature->id != cosigner->key.id || !rg_slice_is_equal(signature->name, cosigner->key.name)) {
            continue;
        }
        if (!holds(note, signature, cosigner)) {
            return false;
        }
        newest_s = signature->time > newest_s ? signature->time : newest_s;
        is_cosigned = true;
    }
    *out_time_s = is_cosigned ? newest_s : *out_time_s;
    return is_cosigned;
}
