/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_WITNESS_WITNESS_H
#define RG_AUDIT_WITNESS_WITNESS_H

#include "audit/cosign.h"
#include "audit/store.h"
#include "audit/tree.h"
#include "base/rg_clock.h"

/* A witness (C2SP tlog-witness, docs/witness.md): remembers the newest checkpoint of each log it is configured for and
 * cosigns only what continues it. This is the whole of it but the HTTP: requests in, answers out, state on a disk.
 *
 * The state, in one directory, for a log whose origin has the SHA-256 <id> (hexadecimal):
 *   <id>.checkpoint        the newest note that was cosigned; replaced whole and synced before a cosignature leaves
 *   <id>.list-<8 digits>   the log's lists of keys, as it sent them, each signed by its root
 *   <id>.refused           the first signed checkpoint that did not continue it: evidence
 *   lock                   locked while a witness uses the directory
 *
 * A log that signs with epochs' keys (docs/audit-keys.md) is configured with its root; its public keys come in lists,
 * POST /add-keys, and are believed because the root signed them. A checkpoint by the key of an earlier epoch than the
 * newest cosigned one's is refused: whoever has an old seed cannot use it here. */

struct witness;

struct witness_trust {
    struct audit_vkey key; /* of the root, named "<origin>/root"; or the one key of a log named as the key */
    bool is_static;        /* the latter */
};

struct witness_options {
    int directory_fd; /* of the state; borrowed */
    const struct audit_store *store;
    const struct rg_clock *clock;
    const struct audit_cosigner *cosigner; /* copied; its name too */
    const uint8_t *seed;                   /* AUDIT_SEED_SIZE bytes, borrowed */
    const struct witness_trust *trusts;    /* names are copied */
    size_t trust_count;
};

enum {
    WITNESS_LOGS_MAX = 1000,
    WITNESS_BODY_MAX = AUDIT_NOTE_MAX, /* of a list of keys; of a checkpoint WITNESS_CHECKPOINT_MAX */
    WITNESS_CHECKPOINT_MAX = 64 * 1024,
    WITNESS_PROOF_MAX = 63,
    WITNESS_ANSWER_MAX = 4 * 1024
};

/* RG_STORAGE: another witness uses the directory, or its state cannot be read or is damaged; a witness that forgot must
 * not go on. RG_CONFIG: two trusts for one log, a name that is no root's. */
rg_status witness_open(const struct witness_options *options, struct witness **out_witness) RG_MUST_CHECK;
void witness_close(struct witness **witness); /* nulls, accepts NULL */

struct witness_request {
    struct rg_slice method;
    struct rg_slice path;
    struct rg_slice body;
};

struct witness_answer {
    int status;               /* of HTTP */
    const char *content_type; /* static */
    struct rg_buf *body;      /* the caller's */
    char note[256];           /* for the operational log: what was refused and why; "" = nothing unusual */
};

/* POST /add-checkpoint, POST /add-keys. One at a time. */
void witness_handle(struct witness *witness, const struct witness_request *request, struct witness_answer *answer);

/* The body of add-checkpoint. Pure. Borrows from bytes. RG_PROTOCOL with what is wrong. */
struct witness_submission {
    uint64_t old_size;
    struct rg_digest proof[WITNESS_PROOF_MAX];
    size_t proof_count;
    struct rg_slice bytes; /* the note's */
    struct audit_note note;
    struct audit_checkpoint checkpoint;
};
rg_status witness_submission_parse(struct rg_slice bytes, struct witness_submission *out_submission) RG_MUST_CHECK;
/* The other way: for who submits. RG_LIMIT. */
rg_status witness_submission_encode(uint64_t old_size, const struct rg_digest *proof, size_t count,
                                    struct rg_slice note, struct rg_buf *out) RG_MUST_CHECK;

#endif
