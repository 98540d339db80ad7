/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a witness: which checkpoint is cosigned, and which answer each other one gets (C2SP tlog-witness).
 * `rowgate audit witness` puts it behind HTTP. */
#include "audit/witness/witness_private.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/rg_memory.h"

static const char root_suffix[] = "/root";
static const char plain_text[] = "text/plain; charset=utf-8";

enum { NAMES_ARENA = 4 * 1024 * 1024 };

/* ---- answers ---- */

/* A refusal; the text is ours and shown to the one who asked and in the operational log. */
static void refuse(struct witness_answer *answer, int status, const char *text)
{
    answer->status = status;
    answer->content_type = plain_text;
    rg_buf_clear(answer->body);
    (void)rg_is_ok(rg_buf_printf(answer->body, "%.200s\n", text)); /* without its text it is refused all the same */
    (void)snprintf(answer->note, sizeof answer->note, "%.200s", text);
}

/* The one refusal with a meaning for machines: the size that is known. */
static void tell_size(struct witness_answer *answer, uint64_t size)
{
    answer->status = 409;
    answer->content_type = "text/x.tlog.size";
    rg_buf_clear(answer->body);
    (void)rg_is_ok(rg_buf_printf(answer->body, "%" PRIu64 "\n", size));
}

/* ---- add-checkpoint ---- */

bool witness_log_has_signed(const struct witness_log *log, const struct audit_note *note, uint64_t *out_epoch)
{
    struct audit_vkey key = {0};
    if (log->is_static) {
        *out_epoch = 0;
        return audit_note_is_signed_by(note, &log->key);
    }
    for (uint64_t epoch = log->keys == NULL ? 0 : log->keys->epoch_count; epoch > 0; epoch--) {
        for (size_t i = 0; i < note->signature_count; i++) {
            if (note->signatures[i].id == log->ids[epoch - 1] &&
                rg_is_ok(audit_keys_vkey(log->keys, epoch - 1, &key)) && audit_note_is_signed_by(note, &key)) {
                *out_epoch = epoch - 1;
                return true;
            }
        }
    }
    return false;
}

static struct witness_log *find_log(struct witness *witness, struct rg_slice origin)
{
    for (size_t i = 0; i < witness->log_count; i++) {
        if (rg_slice_is_equal(witness->logs[i].origin, origin)) {
            return &witness->logs[i];
        }
    }
    return NULL;
}

static bool is_same_root(const struct rg_digest *a, const struct rg_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* False: not cosigned, the answer is made. */
static bool check_growth(const struct witness *witness, const struct witness_log *log,
                         const struct witness_submission *submission, struct witness_answer *answer)
{
    const struct audit_checkpoint *checkpoint = &submission->checkpoint;
    struct rg_digest none = audit_tree_root_of(NULL, 0);
    const struct rg_digest *old_root = log->size == 0 ? &none : &log->root;
    if (submission->old_size > checkpoint->size) {
        refuse(answer, 400, "the old size is larger than the checkpoint's");
        return false;
    }
    if (submission->old_size != log->size) {
        tell_size(answer, log->size);
        return false;
    }
    if (checkpoint->size == log->size && !is_same_root(&checkpoint->root, old_root)) {
        witness_state_keep_refused(witness, log, submission->bytes);
        (void)snprintf(answer->note, sizeof answer->note, "FORK: another root than cosigned at size %" PRIu64,
                       log->size);
        tell_size(answer, log->size);
        return false;
    }
    bool is_proven = log->size == 0 || checkpoint->size == log->size
                         ? submission->proof_count == 0
                         : audit_tree_check_consistency(log->size, checkpoint->size, submission->proof,
                                                        submission->proof_count, &log->root, &checkpoint->root);
    if (!is_proven) {
        refuse(answer, 422, "the proof does not show that the checkpoint continues the one that was cosigned");
    }
    return is_proven;
}

static void cosign(const struct witness *witness, const struct witness_submission *submission,
                   struct witness_answer *answer)
{
    int64_t now_us = rg_clock_wall_us(witness->clock);
    rg_status status = audit_cosign(submission->note.text, &witness->cosigner, witness->seed,
                                    now_us < 0 ? 0 : (uint64_t)(now_us / 1000000), answer->body);
    if (!rg_is_ok(status)) {
        refuse(answer, 500, status.error->text);
        return;
    }
    answer->status = 200;
    answer->content_type = plain_text;
}

/* The newest checkpoint is on the disk before its cosignature is made. */
static rg_status remember(const struct witness *witness, struct witness_log *log,
                          const struct witness_submission *submission, uint64_t epoch)
{
    if (log->has_checkpoint && submission->checkpoint.size == log->size) {
        return RG_OK;
    }
    RG_TRY(witness_state_put_checkpoint(witness, log, submission->bytes));
    log->size = submission->checkpoint.size;
    log->root = submission->checkpoint.root;
    log->epoch = epoch;
    log->has_checkpoint = true;
    return RG_OK;
}

static void judge(struct witness *witness, const struct witness_submission *submission, struct witness_answer *answer)
{
    uint64_t epoch = 0;
    struct witness_log *log = find_log(witness, submission->checkpoint.origin);
    if (log == NULL) {
        refuse(answer, 404, "this witness does not know a log of that origin");
    } else if (!witness_log_has_signed(log, &submission->note, &epoch)) {
        refuse(answer, 403, "no key that is known here for that origin signed it");
    } else if (log->has_checkpoint && epoch < log->epoch) {
        refuse(answer, 403, "it is signed by the key of an epoch that had ended");
    } else if (check_growth(witness, log, submission, answer)) {
        rg_status status = remember(witness, log, submission, epoch);
        if (rg_is_ok(status)) {
            cosign(witness, submission, answer);
        } else {
            refuse(answer, 500, status.error->text);
        }
    }
}

static void add_checkpoint(struct witness *witness, struct rg_slice body, struct witness_answer *answer)
{
    struct witness_submission *submission = rg_memory_alloc(sizeof *submission); /* much for a frame */
    rg_status status = witness_submission_parse(body, submission);
    if (rg_is_ok(status)) {
        judge(witness, submission, answer);
    } else {
        refuse(answer, 400, status.error->text);
    }
    rg_memory_free(submission);
}

/* ---- add-keys ---- */

static int status_of(enum rg_kind kind)
{
    return kind == RG_PROTOCOL ? 400 : kind == RG_DENIED ? 403 : kind == RG_CLOSED ? 409 : 500;
}

/* The second line of a list is the origin. */
static struct rg_slice origin_of_list(struct rg_slice body)
{
    const char *first = body.size == 0 ? NULL : memchr(body.data, '\n', body.size);
    struct rg_slice rest =
        first == NULL ? (struct rg_slice){0} : rg_slice_cut(body, (size_t)(first - body.data) + 1, SIZE_MAX);
    const char *second = rest.size == 0 ? NULL : memchr(rest.data, '\n', rest.size);
    return second == NULL ? (struct rg_slice){0} : rg_slice_cut(rest, 0, (size_t)(second - rest.data));
}

static void add_keys(struct witness *witness, struct rg_slice body, struct witness_answer *answer)
{
    struct witness_log *log = find_log(witness, origin_of_list(body));
    if (log == NULL || log->is_static) {
        refuse(answer, 404, "this witness does not know a log of that origin with a root");
        return;
    }
    rg_status status = witness_state_add_list(witness, log, body);
    if (!rg_is_ok(status)) {
        refuse(answer, status_of(status.error->kind), status.error->text);
        return;
    }
    answer->status = 200;
    answer->content_type = plain_text;
}

void witness_handle(struct witness *witness, const struct witness_request *request, struct witness_answer *answer)
{
    static const struct {
        const char *path;
        void (*run)(struct witness *witness, struct rg_slice body, struct witness_answer *answer);
    } rows[] = {{"/add-checkpoint", add_checkpoint}, {"/add-keys", add_keys}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rg_slice_is_equal(request->path, rg_slice_of(rows[i].path))) {
            continue;
        }
        if (!rg_slice_is_equal(request->method, RG_SLICE("POST"))) {
            refuse(answer, 405, "POST is expected");
            return;
        }
        rows[i].run(witness, request->body, answer);
        return;
    }
    refuse(answer, 404, "there are POST /add-checkpoint and POST /add-keys");
}

/* ---- opening ---- */

static rg_status set_up_log(struct witness *witness, const struct witness_trust *trust, struct witness_log *log)
{
    struct rg_slice suffix = rg_slice_of(root_suffix);
    log->key = trust->key;
    log->is_static = trust->is_static;
    RG_TRY(rg_arena_copy(&witness->arena, trust->key.name, &log->key.name));
    log->origin = log->key.name;
    if (!trust->is_static) {
        size_t size = log->key.name.size < suffix.size ? 0 : log->key.name.size - suffix.size;
        log->origin = rg_slice_cut(log->key.name, 0, size);
        if (size == 0 || !rg_slice_is_equal(rg_slice_cut(log->key.name, size, SIZE_MAX), suffix)) {
            return rg_fail(RG_CONFIG, "%.*s is no root's key: its name would be <origin>/root",
                           rg_slice_shown(log->key.name), log->key.name.data);
        }
    }
    if (find_log(witness, log->origin) != NULL) {
        return rg_fail(RG_CONFIG, "two keys for one log, %.*s", rg_slice_shown(log->origin), log->origin.data);
    }
    struct rg_digest id = rg_sha256_one(log->origin);
    rg_digest_hex(&id, log->id);
    return RG_OK;
}

static rg_status lock(struct witness *witness)
{
    const struct audit_store *store = witness->store;
    int fd = store->open(store->context, witness->directory_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return audit_store_fail("cannot open", "lock", fd);
    }
    witness->lock_fd = fd;
    if (store->lock(store->context, fd) != 0) {
        return rg_fail(RG_STORAGE, "another witness uses this directory: two would cosign two histories");
    }
    return RG_OK;
}

static rg_status set_up(struct witness *witness, const struct witness_options *options)
{
    witness->cosigner = *options->cosigner;
    RG_TRY(rg_arena_copy(&witness->arena, options->cosigner->key.name, &witness->cosigner.key.name));
    if (options->trust_count == 0 || options->trust_count > WITNESS_LOGS_MAX) {
        return rg_fail(RG_CONFIG, "1 to %d logs are expected", WITNESS_LOGS_MAX);
    }
    RG_TRY(lock(witness));
    witness->logs = rg_memory_array(options->trust_count, sizeof *witness->logs);
    for (size_t i = 0; i < options->trust_count; i++) {
        RG_TRY(set_up_log(witness, &options->trusts[i], &witness->logs[i]));
        witness->log_count++;
        RG_TRY(witness_state_load(witness, &witness->logs[i]));
    }
    return RG_OK;
}

rg_status witness_open(const struct witness_options *options, struct witness **out_witness)
{
    RG_AUTO(witness_close) struct witness *witness = rg_memory_alloc(sizeof *witness);
    witness->directory_fd = options->directory_fd;
    witness->lock_fd = -1;
    witness->store = options->store;
    witness->clock = options->clock;
    witness->seed = options->seed;
    rg_arena_init(&witness->arena, NAMES_ARENA);
    RG_TRY(set_up(witness, options));
    *out_witness = witness;
    witness = NULL;
    return RG_OK;
}

void witness_close(struct witness **witness)
{
    struct witness *old = *witness;
    *witness = NULL;
    if (old == NULL) {
        return;
    }
    for (size_t i = 0; i < old->log_count; i++) {
        rg_arena_done(&old->logs[i].arena);
    }
    if (old->lock_fd >= 0) {
        old->store->close(old->store->context, old->lock_fd);
    }
    rg_memory_free(old->logs);
    rg_arena_done(&old->arena);
    rg_memory_free(old);
}
