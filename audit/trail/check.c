/* SPDX-License-Identifier: Apache-2.0 */
/* Checks files that anybody may have written: the parts that trails and proofs share. One pass over the lines, in the
 * order in which they must stand; the first thing that is wrong ends it. Nothing in the file is believed that does not
 * hang, by hashes and signatures, on the root key that the reader brought. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/trail/trail_private.h"

enum { REASON_SIZE = 320 };

rg_status trail_find(struct trail_reader *reader, enum audit_result result, const char *format, ...)
{
    char text[REASON_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    RG_TRY(rg_arena_copy(reader->arena, rg_slice_of(text), &reader->report->reason));
    reader->report->result = result;
    reader->report->line = reader->line_number;
    return rg_fail(RG_PROTOCOL, "%s", text);
}

/* ---- lines ---- */

static rg_status read_any(struct trail_reader *reader, bool *out_is_there, struct rg_slice *out_line)
{
    const struct audit_trail_source *source = reader->check->source;
    enum audit_trail_reading reading = AUDIT_TRAIL_END;
    reader->line_number++;
    RG_TRY(source->next(source->context, &reading, out_line));
    if (reading == AUDIT_TRAIL_TORN) {
        return trail_find(reader, AUDIT_TRUNCATED, "the file ends inside a line");
    }
    if (reading == AUDIT_TRAIL_BAD) {
        return trail_find(reader, AUDIT_ALTERED, "a line that is too long or begins with NUL");
    }
    *out_is_there = reading == AUDIT_TRAIL_LINE;
    return RG_OK;
}

rg_status trail_read(struct trail_reader *reader, struct rg_slice *out_line)
{
    bool is_there = false;
    RG_TRY(read_any(reader, &is_there, out_line));
    return is_there ? RG_OK : trail_find(reader, AUDIT_TRUNCATED, "the file ends here, and more must follow");
}

rg_status trail_read_end(struct trail_reader *reader)
{
    bool is_there = false;
    struct rg_slice line = {0};
    RG_TRY(read_any(reader, &is_there, &line));
    return is_there ? trail_find(reader, AUDIT_ALTERED, "nothing may follow here") : RG_OK;
}

rg_status trail_read_path(struct trail_reader *reader, uint64_t count, struct rg_digest out_path[TRAIL_PATH_MAX])
{
    if (count > TRAIL_PATH_MAX) {
        return trail_find(reader, AUDIT_ALTERED, "a proof of more than %d hashes", (int)TRAIL_PATH_MAX);
    }
    for (uint64_t i = 0; i < count; i++) {
        struct rg_slice line = {0};
        RG_TRY(trail_read(reader, &line));
        if (!trail_hash_parse(line, &out_path[i])) {
            return trail_find(reader, AUDIT_ALTERED, "not the base64 of a hash");
        }
    }
    return RG_OK;
}

rg_status trail_read_note(struct trail_reader *reader, uint64_t count, struct rg_slice *out_note)
{
    RG_AUTO(rg_buf_done) struct rg_buf note;
    rg_buf_init(&note, AUDIT_NOTE_MAX);
    for (uint64_t i = 0; i < count; i++) {
        struct rg_slice line = {0};
        bool is_there = true;
        if (count == TRAIL_ALL_LINES) {
            RG_TRY(read_any(reader, &is_there, &line));
        } else {
            RG_TRY(trail_read(reader, &line));
        }
        if (!is_there) {
            break;
        }
        if (!rg_is_ok(rg_buf_put(&note, line)) || !rg_is_ok(rg_buf_put_u8(&note, '\n'))) {
            return trail_find(reader, AUDIT_ALTERED, "a note of more than %d bytes", AUDIT_NOTE_MAX);
        }
    }
    return rg_arena_copy(reader->arena, rg_buf_slice(&note), out_note);
}

/* ---- keys ---- */

static rg_status take_keys(struct trail_reader *reader, const struct rg_slice *notes, size_t count)
{
    const struct audit_trail_check *check = reader->check;
    if (check->keys != NULL) {
        reader->keys = *check->keys;
        reader->report->are_keys_own = true;
    } else if (count == 0) {
        return trail_find(reader, AUDIT_INCOMPLETE, "the file holds no list of keys, and none was brought (--keys)");
    } else {
        rg_status status = audit_keys_parse(notes, count, check->root, reader->arena, &reader->keys);
        if (!rg_is_ok(status) && status.error->kind == RG_PROTOCOL) {
            char text[256];
            (void)snprintf(text, sizeof text, "%.255s", status.error->text);
            return trail_find(reader, AUDIT_ALTERED, "the lists of keys: %s", text);
        }
        RG_TRY(status);
    }
    const struct rg_digest keys_root = audit_keys_genesis_root(&reader->keys);
    reader->genesis = audit_line_genesis(reader->keys.origin, &keys_root);
    reader->report->origin = reader->keys.origin;
    return RG_OK;
}

rg_status trail_read_lists(struct trail_reader *reader, struct rg_slice *line)
{
    struct rg_slice notes[AUDIT_LISTS_MAX];
    size_t count = 0;
    while (rg_slice_has_prefix(*line, RG_SLICE("list "))) {
        uint64_t lines = 0;
        if (!trail_words_parse(*line, RG_SLICE("list"), &lines, 1) || count == AUDIT_LISTS_MAX) {
            return trail_find(reader, AUDIT_ALTERED, "expected \"list <lines>\", at most %d times", AUDIT_LISTS_MAX);
        }
        RG_TRY(trail_read_note(reader, lines, &notes[count]));
        count++;
        RG_TRY(trail_read(reader, line));
    }
    return take_keys(reader, notes, count);
}

/* ---- checkpoints ---- */

rg_status trail_take_checkpoint(struct trail_reader *reader, struct rg_slice note)
{
    struct audit_note parsed = {0};
    struct audit_checkpoint checkpoint = {0};
    rg_status status = audit_note_parse(note, &parsed);
    if (rg_is_ok(status)) {
        status = audit_checkpoint_parse(parsed.text, &checkpoint);
    }
    if (!rg_is_ok(status)) {
        char text[256];
        (void)snprintf(text, sizeof text, "%.255s", status.error->text);
        return trail_find(reader, AUDIT_ALTERED, "no valid checkpoint: %s", text);
    }
    if (!rg_slice_is_equal(checkpoint.origin, reader->keys.origin)) {
        return trail_find(reader, AUDIT_ALTERED, "a checkpoint of another log than the keys are of");
    }
    if (checkpoint.size == 0 || checkpoint.size > UINT64_C(10000000000000000)) {
        return trail_find(reader, AUDIT_ALTERED, "a checkpoint of a number of records that no log has");
    }
    reader->note = note;
    reader->checkpoint = checkpoint;
    reader->report->checkpoint_size = checkpoint.size;
    return RG_OK;
}

rg_status trail_check_signer(struct trail_reader *reader, const uint64_t *wanted)
{
    struct audit_note note = {0};
    struct audit_vkey key = {0};
    uint64_t epoch = 0;
    RG_TRY(audit_note_parse(reader->note, &note));
    bool is_signed = wanted != NULL && rg_is_ok(audit_keys_vkey(&reader->keys, *wanted, &key)) &&
                     audit_note_is_signed_by(&note, &key);
    if (is_signed) {
        reader->report->epoch = *wanted;
        return RG_OK;
    }
    if (!trail_signer_find(&note, &reader->keys, &epoch)) {
        return trail_find(reader, AUDIT_ALTERED, "no signature by a key of this log holds on the checkpoint");
    }
    if (wanted != NULL) {
        return trail_find(reader, AUDIT_ALTERED,
                          "the checkpoint is signed by the key of epoch %" PRIu64 " although it is of epoch %" PRIu64,
                          epoch, *wanted);
    }
    reader->report->epoch = epoch;
    return RG_OK;
}

rg_status trail_check_since(struct trail_reader *reader)
{
    struct audit_note note = {0};
    struct audit_checkpoint kept = {0};
    uint64_t epoch = 0;
    if (reader->check->since.size == 0) {
        return RG_OK;
    }
    reader->line_number = 0;
    RG_TRY(audit_note_parse(reader->check->since, &note));
    RG_TRY(audit_checkpoint_parse(note.text, &kept));
    if (!rg_slice_is_equal(kept.origin, reader->keys.origin) || !trail_signer_find(&note, &reader->keys, &epoch)) {
        return trail_find(reader, AUDIT_ALTERED, "the checkpoint you brought is not one of this log");
    }
    if (kept.size == reader->checkpoint.size && memcmp(&kept.root, &reader->checkpoint.root, sizeof kept.root) != 0) {
        return trail_find(reader, AUDIT_FORKED,
                          "the checkpoint you brought has another root for the same %" PRIu64
                          " records: two logs were signed under one name",
                          kept.size);
    }
    if (kept.size > reader->checkpoint.size) {
        return trail_find(reader, AUDIT_STALE,
                          "the checkpoint you brought covers %" PRIu64 " records, the file's %" PRIu64
                          ": the file is older, ask for a newer one",
                          kept.size, reader->checkpoint.size);
    }
    return RG_OK;
}

rg_status trail_check_included(struct trail_reader *reader, uint64_t seq, const struct rg_digest *leaf,
                               const struct rg_digest *path, uint64_t count)
{
    const struct audit_checkpoint *checkpoint = &reader->checkpoint;
    if (!audit_tree_check_inclusion(leaf, seq, checkpoint->size, path, (size_t)count, &checkpoint->root)) {
        return trail_find(reader, AUDIT_ALTERED,
                          "the proof does not show that record %" PRIu64 " is among the %" PRIu64 " that were signed",
                          seq, checkpoint->size);
    }
    return RG_OK;
}

/* ---- the whole ---- */

bool audit_trail_is_known(struct rg_slice first_line, bool *out_is_proof)
{
    *out_is_proof = rg_slice_has_prefix(first_line, RG_SLICE(PROOF_FIRST_LINE));
    return *out_is_proof || rg_slice_has_prefix(first_line, RG_SLICE(TRAIL_FIRST_LINE));
}

static rg_status check_file(struct trail_reader *reader)
{
    struct rg_slice line = {0};
    bool is_there = false;
    RG_TRY(read_any(reader, &is_there, &line));
    if (!is_there || !audit_trail_is_known(line, &reader->report->is_proof)) {
        return rg_fail(RG_PROTOCOL, "this is neither a tenant's trail nor the proof of a record");
    }
    if (line.size != sizeof TRAIL_FIRST_LINE - 1) {
        return trail_find(reader, AUDIT_ALTERED, "the first line goes on behind the version");
    }
    RG_TRY(reader->report->is_proof ? trail_check_proof(reader) : trail_check_trail(reader));
    RG_TRY(trail_check_since(reader));
    reader->report->result = AUDIT_INTACT;
    return RG_OK;
}

static rg_status check_since_form(const struct audit_trail_check *check)
{
    struct audit_note note = {0};
    struct audit_checkpoint kept = {0};
    if (check->since.size == 0) {
        return RG_OK;
    }
    RG_TRY(audit_note_parse(check->since, &note));
    return audit_checkpoint_parse(note.text, &kept);
}

rg_status audit_trail_verify(const struct audit_trail_check *check, struct rg_arena *arena,
                             struct audit_trail_report *out_report)
{
    struct audit_trail_report report = {0};
    struct trail_reader *reader = NULL;
    RG_ASSERT(check->root != NULL);
    RG_TRY(check_since_form(check));
    RG_TRY(rg_arena_new(arena, &reader));
    reader->check = check;
    reader->arena = arena;
    reader->report = &report;
    rg_status status = check_file(reader);
    if (rg_is_ok(status) || report.result != AUDIT_UNVERIFIED) {
        *out_report = report;
        return RG_OK;
    }
    return status;
}
