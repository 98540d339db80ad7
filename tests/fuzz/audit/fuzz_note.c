/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes, checkpoints and verifier keys as a verifier meets them: whatever is accepted must be written back in
 * the same bytes, and no mutation of the seeds may verify under the published example's key but its own text. */
#include "audit/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char peter[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char peter_text[] =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";

static void check_note(struct rg_slice bytes)
{
    struct audit_note note;
    struct audit_vkey key;
    if (!rg_is_ok(audit_note_parse(bytes, &note))) {
        return;
    }
    RG_ASSERT(note.signature_count > 0 && note.signature_count <= AUDIT_NOTE_SIGNATURES_MAX);
    RG_ASSERT(note.text.size > 0 && note.text.data == bytes.data && note.text.data[note.text.size - 1] == '\n');
    RG_ASSERT(rg_is_ok(audit_vkey_parse(rg_slice_of(peter), &key)));
    if (audit_note_is_signed_by(&note, &key)) {
        RG_ASSERT(rg_slice_is_equal(note.text, rg_slice_of(peter_text)));
    }
    struct audit_checkpoint checkpoint;
    (void)rg_is_ok(audit_checkpoint_parse(note.text, &checkpoint));
}

static void check_round_trips(struct rg_slice bytes)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    struct audit_checkpoint checkpoint;
    struct audit_vkey key;
    rg_buf_init(&buf, AUDIT_NOTE_MAX);
    if (rg_is_ok(audit_checkpoint_parse(bytes, &checkpoint))) {
        RG_ASSERT(rg_is_ok(audit_checkpoint_encode(&checkpoint, &buf)) && rg_slice_is_equal(rg_buf_slice(&buf), bytes));
    }
    rg_buf_clear(&buf);
    if (rg_is_ok(audit_vkey_parse(bytes, &key))) {
        RG_ASSERT(rg_is_ok(audit_vkey_encode(&key, &buf)) && rg_slice_is_equal(rg_buf_slice(&buf), bytes));
        RG_ASSERT(bytes.size < AUDIT_VKEY_SIZE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size);
    check_note(bytes);
    check_round_trips(bytes);
    return 0;
}
