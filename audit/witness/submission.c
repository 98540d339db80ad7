/* SPDX-License-Identifier: Apache-2.0 */
/* The body of add-checkpoint (C2SP tlog-witness): "old <size>", up to 63 hashes of a consistency proof, an empty line,
 * a signed checkpoint. It comes from strangers. */
#include <inttypes.h>

#include "audit/note_text.h"
#include "audit/witness/witness.h"
#include "base/rg_memory.h"

static rg_status parse_proof(struct rg_slice *rest, struct witness_submission *submission)
{
    struct rg_slice line;
    while (audit_get_line(rest, &line)) {
        if (line.size == 0) {
            return RG_OK;
        }
        if (submission->proof_count == WITNESS_PROOF_MAX) {
            return rg_fail(RG_PROTOCOL, "more than %d lines of proof", WITNESS_PROOF_MAX);
        }
        struct rg_digest *hash = &submission->proof[submission->proof_count];
        if (!audit_base64_parse(line, sizeof hash->bytes, hash->bytes)) {
            return rg_fail(RG_PROTOCOL, "a line of proof that is no base64 of 32 bytes");
        }
        submission->proof_count++;
    }
    return rg_fail(RG_PROTOCOL, "no empty line behind the proof");
}

static rg_status parse(struct rg_slice bytes, struct witness_submission *submission)
{
    struct rg_slice rest = bytes;
    struct rg_slice line;
    if (bytes.size > WITNESS_CHECKPOINT_MAX) {
        return rg_fail(RG_PROTOCOL, "more than %d bytes", WITNESS_CHECKPOINT_MAX);
    }
    if (!audit_get_line(&rest, &line) || !rg_slice_has_prefix(line, RG_SLICE("old ")) ||
        !audit_decimal_parse(rg_slice_cut(line, 4, SIZE_MAX), &submission->old_size)) {
        return rg_fail(RG_PROTOCOL, "the first line is not \"old <size>\"");
    }
    RG_TRY(parse_proof(&rest, submission));
    RG_TRY(audit_note_parse(rest, &submission->note));
    RG_TRY(audit_checkpoint_parse(submission->note.text, &submission->checkpoint));
    submission->bytes = rest;
    return RG_OK;
}

rg_status witness_submission_parse(struct rg_slice bytes, struct witness_submission *out_submission)
{
    struct witness_submission *submission = rg_memory_alloc(sizeof *submission); /* much for a frame */
    rg_status status = parse(bytes, submission);
    if (rg_is_ok(status)) {
        *out_submission = *submission;
    }
    rg_memory_free(submission);
    return status;
}

rg_status witness_submission_encode(uint64_t old_size, const struct rg_digest *proof, size_t count,
                                    struct rg_slice note, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(out, "old %" PRIu64 "\n", old_size));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(audit_base64_put(rg_slice_make(proof[i].bytes, sizeof proof[i].bytes), out));
        RG_TRY(rg_buf_put(out, RG_SLICE("\n")));
    }
    RG_TRY(rg_buf_put(out, RG_SLICE("\n")));
    return rg_buf_put(out, note);
}
