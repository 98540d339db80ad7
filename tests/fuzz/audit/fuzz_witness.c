/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers send to a witness, and peers to the exporter: the body of add-checkpoint, the epochs of GET /keys.
 * What is accepted is written back in the same bytes, keeps within its bounds, and no mutation of the seeds has a
 * cosignature that holds but the seed's own. */
#include "audit/cosign.h"
#include "audit/export/peer.h"
#include "audit/witness/witness.h"
#include "base/rg_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cosignatures(const struct audit_note *note)
{
    uint8_t seed[AUDIT_SEED_SIZE] = {1};
    uint8_t public_key[AUDIT_PUBLIC_SIZE];
    struct audit_cosigner cosigner;
    uint64_t time_s = 7;
    RG_ASSERT(rg_is_ok(audit_seed_public(seed, public_key)));
    RG_ASSERT(rg_is_ok(audit_cosigner_make(RG_SLICE("witness.example/w1"), public_key, &cosigner)));
    bool is_cosigned = audit_note_is_cosigned_by(note, &cosigner, &time_s);
    RG_ASSERT(!is_cosigned ? time_s == 7 : time_s == 1679315147 && note->signature_count > 1);
}

static void check_submission(struct rg_slice bytes)
{
    struct witness_submission *submission = rg_memory_alloc(sizeof *submission);
    RG_AUTO(rg_buf_done) struct rg_buf again;
    rg_buf_init(&again, WITNESS_CHECKPOINT_MAX);
    if (rg_is_ok(witness_submission_parse(bytes, submission))) {
        RG_ASSERT(submission->proof_count <= WITNESS_PROOF_MAX && submission->checkpoint.origin.size > 0);
        RG_ASSERT(rg_is_ok(witness_submission_encode(submission->old_size, submission->proof, submission->proof_count,
                                                     submission->bytes, &again)));
        RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&again), bytes));
        check_cosignatures(&submission->note);
    } else {
        RG_ASSERT(submission->bytes.size == 0 && submission->proof_count == 0);
    }
    rg_memory_free(submission);
}

static void check_epochs(struct rg_slice bytes)
{
    uint64_t epochs[64];
    size_t count = 0;
    if (rg_is_ok(peer_epochs_parse(bytes, epochs, 64, &count))) {
        RG_ASSERT(count > 0 && count <= 64 && bytes.size == 9 * count && epochs[count - 1] < 100000000);
    } else {
        RG_ASSERT(count == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_cosigner cosigner;
    struct rg_slice bytes = rg_slice_make(data, size);
    RG_AUTO(rg_buf_done) struct rg_buf line;
    check_submission(bytes);
    check_epochs(bytes);
    rg_buf_init(&line, AUDIT_VKEY_SIZE);
    if (rg_is_ok(audit_cosigner_parse(bytes, &cosigner))) {
        RG_ASSERT(rg_is_ok(audit_cosigner_encode(&cosigner, &line)) && rg_slice_is_equal(rg_buf_slice(&line), bytes));
    }
    return 0;
}
